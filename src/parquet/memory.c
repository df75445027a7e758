/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers whose sizes come from the file, kept below a scan's limit. */
#include "parquet/parquet_int.h"

#include <stdlib.h>

static df_code make_room(parquet_memory *memory, df_buf *buf, size_t cap, df_error *err)
{
    size_t others = memory->used - buf->cap;
    if (others > memory->limit || cap > memory->limit - others)
        return df_fail(err, DF_NO_MEMORY, "the pages of this file need more than %zu MiB of memory",
                       memory->limit >> 20);
    return DF_OK;
}

df_code parquet_memory_fit(parquet_memory *memory, df_buf *buf, size_t cap, df_error *err)
{
    buf->len = 0;
    if (cap <= buf->cap) return DF_OK;
    DF_TRY(make_room(memory, buf, cap, err));
    parquet_memory_release(memory, buf);
    buf->ptr = malloc(cap);
    if (!buf->ptr) return df_fail(err, DF_NO_MEMORY, "not enough memory for a page of %zu bytes", cap);
    buf->cap = cap;
    memory->used += cap;
    return DF_OK;
}

df_code parquet_memory_grow(parquet_memory *memory, df_buf *buf, size_t cap, df_error *err)
{
    if (cap <= buf->cap) return DF_OK;
    DF_TRY(make_room(memory, buf, cap, err));
    char *grown = realloc(buf->ptr, cap);
    if (!grown) return df_fail(err, DF_NO_MEMORY, "not enough memory for a page of %zu bytes", cap);
    memory->used += cap - buf->cap;
    buf->ptr = grown;
    buf->cap = cap;
    return DF_OK;
}

void parquet_memory_release(parquet_memory *memory, df_buf *buf)
{
    memory->used -= buf->cap;
    df_buf_release(buf);
}
