/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer. `df_buf b = {0};` is an empty one; df_buf_release frees it. */
#ifndef DF_BASE_BUF_H
#define DF_BASE_BUF_H

#include "base/arena.h"

typedef struct df_buf {
    char *ptr; /* NULL while nothing was written */
    size_t len, cap;
} df_buf;

void df_buf_release(df_buf *buf);
static inline void df_buf_clear(df_buf *buf)
{
    buf->len = 0;
}
static inline df_str df_buf_str(const df_buf *buf)
{
    return (df_str){buf->ptr ? buf->ptr : "", buf->len};
}

/* Makes room for `more` bytes and returns where they go; the caller adds to `len`. Aborts when out of memory.
 */
char *df_buf_reserve(df_buf *buf, size_t more);
/* As df_buf_reserve for a size that comes from input: false instead of an abort. */
bool df_buf_try_reserve(df_buf *buf, size_t more);

static inline void df_buf_add(df_buf *buf, const void *bytes, size_t len)
{
    if (!len) return;
    memcpy(df_buf_reserve(buf, len), bytes, len);
    buf->len += len;
}
static inline void df_buf_str_add(df_buf *buf, df_str s)
{
    df_buf_add(buf, s.ptr, s.len);
}
static inline void df_buf_char(df_buf *buf, char c)
{
    *df_buf_reserve(buf, 1) = c;
    buf->len++;
}
void df_buf_text(df_buf *buf, const char *text);
void df_buf_int(df_buf *buf, int64_t value);
void df_buf_printf(df_buf *buf, const char *fmt, ...) DF_PRINTF(2, 3);
/* The content with a NUL behind it; valid until the next write. */
const char *df_buf_cstr(df_buf *buf);

#endif
