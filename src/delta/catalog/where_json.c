/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding members in statistics without losing how numbers are written: a decimal of 38 digits must not
 * become a double, and a number that fits no integer type must not make the whole text unreadable. What is
 * not well-formed is simply not found, and then nothing is known of the file.
 */
#include "delta/catalog/where_int.h"

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) p++;
    return p;
}

/* Behind the string that begins at p; NULL when it does not end. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end; p++) {
        if (*p == '"') return p + 1;
        if (*p == '\\') p++;
    }
    return NULL;
}

/* Behind the value that begins at p; NULL when there is none. */
static const char *skip_value(const char *p, const char *end)
{
    if (p >= end) return NULL;
    if (*p == '"') return skip_string(p, end);
    if (*p == '{' || *p == '[') {
        size_t len = df_json_extent((df_str){p, (size_t)(end - p)});
        return len ? p + len : NULL;
    }
    const char *start = p;
    while (p < end && !strchr(",}] \t\r\n", *p)) p++;
    return p > start ? p : NULL;
}

df_str where_json_string(delta_bounds_reader *reader, df_str token)
{
    df_str inside = {token.ptr + 1, token.len - 2};
    if (!memchr(inside.ptr, '\\', inside.len)) return df_arena_str(&reader->arena, inside);
    if (!reader->parser) reader->parser = df_json_parser_open();
    df_json value;
    if (df_json_parse(reader->parser, token, &value, NULL) != DF_OK) return DF_STR_NONE;
    return df_arena_str(&reader->arena, df_json_str(value));
}

static bool same_key(delta_bounds_reader *reader, df_str token, df_str name)
{
    df_str inside = {token.ptr + 1, token.len - 2};
    if (!memchr(inside.ptr, '\\', inside.len)) return df_str_eq(inside, name);
    df_str key = where_json_string(reader, token);
    return key.ptr && df_str_eq(key, name);
}

void where_json_members(delta_bounds_reader *reader, df_str object, const df_str *names,
                        df_str *const *values, size_t n)
{
    const char *end = object.ptr + object.len, *p = skip_blanks(object.ptr, end);
    if (p == end || *p != '{') return;
    p = skip_blanks(p + 1, end);
    while (p < end && *p == '"') {
        const char *key = p, *key_end = skip_string(p, end);
        if (!key_end) return;
        p = skip_blanks(key_end, end);
        if (p == end || *p != ':') return;
        const char *value = skip_blanks(p + 1, end), *value_end = skip_value(value, end);
        if (!value_end) return;
        for (size_t i = 0; i < n; i++)
            if (same_key(reader, (df_str){key, (size_t)(key_end - key)}, names[i]))
                *values[i] = (df_str){value, (size_t)(value_end - value)};
        p = skip_blanks(value_end, end);
        if (p == end || *p != ',') return;
        p = skip_blanks(p + 1, end);
    }
}

df_str where_json_at(delta_bounds_reader *reader, df_str object, const df_str *path, size_t n_path)
{
    for (size_t i = 0; i < n_path && object.ptr; i++) {
        df_str found = DF_STR_NONE;
        df_str *values[] = {&found};
        where_json_members(reader, object, &path[i], values, 1);
        object = found;
    }
    return object;
}
