/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a snapshot: one pass over the schema, one line an object, in an order that no collation decides. */
#include "safety/verification/verification.h"

#include "base/digest.h"

#include <stdlib.h>

typedef struct taker {
    df_buf lines; /* as they came, one behind the other */
    size_t *ends; /* where each ends */
    size_t count, cap;
} taker;

static void put_part(df_buf *out, char before, df_str text)
{
    df_buf_char(out, before);
    if (text.ptr)
        df_json_put_str(out, text);
    else
        df_buf_text(out, "null");
}

static df_code take(void *context, const df_object *object, df_error *err)
{
    (void)err;
    taker *t = context;
    put_part(&t->lines, '[', object->kind);
    put_part(&t->lines, ',', object->schema);
    put_part(&t->lines, ',', object->parent);
    put_part(&t->lines, ',', object->name);
    put_part(&t->lines, ',', object->definition.ptr ? object->definition : DF_STR(""));
    df_buf_text(&t->lines, "]\n");
    DF_PUSH(t->ends, t->count, t->cap) = t->lines.len;
    return DF_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return df_str_cmp(*(const df_str *)a, *(const df_str *)b);
}

/* Lines sorted by their bytes are sorted by their keys, too, since no key is the beginning of another. */
static df_code put_sorted(const taker *t, df_buf *out, df_error *err)
{
    df_str *lines = df_alloc((t->count + 1) * sizeof *lines);
    size_t begin = 0;
    for (size_t i = 0; i < t->count; begin = t->ends[i++])
        lines[i] = (df_str){t->lines.ptr + begin, t->ends[i] - begin};
    qsort(lines, t->count, sizeof *lines, by_bytes);
    bool room = df_buf_try_reserve(out, t->lines.len + 1);
    for (size_t i = 0; room && i < t->count; i++) df_buf_str_add(out, lines[i]);
    free(lines);
    return room ? DF_OK : df_fail(err, DF_NO_MEMORY, "not enough memory for the schema");
}

void df_schema_snapshot_release(df_schema_snapshot *snapshot)
{
    df_buf_release(&snapshot->text);
    *snapshot = (df_schema_snapshot){0};
}

df_code df_schema_snapshot_take(df_conn *conn, df_schema_snapshot *out, df_error *err)
{
    taker t = {0};
    df_inspect_options options = {.schema = df_conn_schema(conn), .exclude = df_ledger_names(conn)};
    *out = (df_schema_snapshot){0};
    df_code code = df_inspect(conn, &options, take, &t, err);
    if (code == DF_OK) code = put_sorted(&t, &out->text, err);
    if (code == DF_OK) code = df_sha256_hex(df_buf_str(&out->text).ptr, out->text.len, out->digest, err);
    out->objects = (int64_t)t.count;
    df_buf_release(&t.lines);
    free(t.ends);
    if (code == DF_OK) return DF_OK;
    df_schema_snapshot_release(out);
    return df_error_prefix(err, "reading the schema");
}
