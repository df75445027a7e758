/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a snapshot's lines: as little of each as comparing needs, and enough to know that it is one. */
#include "safety/verification/verification_int.h"

/* Length of the string or null that text begins with; 0 when it is neither. */
static size_t value_length(df_str text)
{
    if (df_str_starts(text, DF_STR("null"))) return 4;
    if (!text.len || text.ptr[0] != '"') return 0;
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '"')
            return i + 1;
    }
    return 0;
}

static bool split(snap_line *line)
{
    enum { KEY_PARTS = 4 };
    df_str rest = line->text;
    if (!df_str_starts(rest, DF_STR("["))) return false;
    rest = df_str_skip(rest, 1);
    for (int i = 0; i < KEY_PARTS; i++) {
        size_t len = value_length(rest);
        if (!len || len >= rest.len || rest.ptr[len] != ',') return false;
        rest = df_str_skip(rest, len + 1);
    }
    size_t len = value_length(rest);
    line->key = (df_str){line->text.ptr, line->text.len - rest.len};
    line->definition = (df_str){rest.ptr, len};
    return len && rest.ptr[0] == '"' && rest.len == len + 1 && rest.ptr[len] == ']';
}

df_code snap_next(snap_reader *reader, df_error *err)
{
    snap_line before = reader->line;
    reader->line = (snap_line){.number = before.number + 1};
    if (!reader->rest.len) return DF_OK;
    const char *end = memchr(reader->rest.ptr, '\n', reader->rest.len);
    if (!end)
        return df_fail(err, DF_CORRUPT, "the %s schema is cut off in line %lld", reader->which,
                       (long long)reader->line.number);
    reader->line.text = (df_str){reader->rest.ptr, (size_t)(end - reader->rest.ptr)};
    reader->rest = df_str_skip(reader->rest, reader->line.text.len + 1);
    if (!split(&reader->line))
        return df_fail(err, DF_CORRUPT, "line %lld of the %s schema is not an object's",
                       (long long)reader->line.number, reader->which);
    if (before.text.ptr && df_str_cmp(before.text, reader->line.text) > 0)
        return df_fail(err, DF_CORRUPT, "line %lld of the %s schema is out of order",
                       (long long)reader->line.number, reader->which);
    return DF_OK;
}

df_code snap_parse(df_json_parser *parser, const snap_line *line, snap_object *out, df_error *err)
{
    df_json array;
    df_str *parts[] = {&out->kind, &out->schema, &out->parent, &out->name, &out->definition};
    size_t n = 0;
    DF_TRY(df_json_parse(parser, line->text, &array, err));
    for (df_json_iter it = df_json_each(array); df_json_next(&it);)
        if (n < sizeof parts / sizeof *parts) *parts[n++] = df_json_str(it.value);
    return DF_OK;
}

void snap_put_name(df_buf *out, const snap_object *object)
{
    const df_str parts[] = {object->schema, object->parent, object->name};
    size_t begin = out->len;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i].len) continue;
        if (out->len > begin) df_buf_char(out, '.');
        df_buf_str_add(out, parts[i]);
    }
}
