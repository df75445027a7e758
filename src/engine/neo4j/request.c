/* SPDX-License-Identifier: Apache-2.0 */
/* Where an error is; values and metadata as they come back. */
#include "engine/neo4j/private.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- where an error is ---- */

/* "… (line 1, column 10 (offset: 9))": right for what was sent, wrong for what the caller wrote. */
static void drop_position(df_error *err)
{
    char *at = strstr(err->message, " (line "), *end = at ? strstr(at, "))") : NULL;
    if (!end || !strstr(at, "(offset: ")) return;
    memmove(at, end + 2, strlen(end + 2) + 1);
}

void neo_place_error(const neo_conn *c, const neo_request *r, df_str sql, size_t n_params, df_error *err)
{
    size_t from = 0, shift = 0;
    bolt_error_at(df_buf_str(&r->query), err);
    if (!err || err->sql_offset <= 0) return;
    if (r->packed) { /* other words than the caller's, which are our own */
        drop_position(err);
        err->sql_offset = err->sql_line = 0;
        return;
    }
    size_t offset = (size_t)err->sql_offset - 1;
    for (size_t n = 1; n <= n_params; n++) {
        size_t at = df_sql_next_param(c->base.driver->dialect, sql, from);
        if (offset <= at + shift) break;
        shift += (size_t)snprintf(NULL, 0, "$p%zu", n) - 1;
        from = at + 1;
    }
    drop_position(err);
    df_engine_fail_at(err, sql, offset < shift ? 0 : offset - shift);
}

/* ---- metadata ---- */

bool neo_find(df_str dict, const char *key, ps_reader *value)
{
    bool found = false;
    ps_item head;
    ps_reader reader = {dict, 0};
    if (ps_read(&reader, &head, NULL) != DF_OK || head.type != PS_DICT) return false;
    return ps_find(reader, head.count, key, value, &found, NULL) == DF_OK && found;
}

bool neo_find_item(df_str dict, const char *key, ps_item *value)
{
    ps_reader reader;
    return neo_find(dict, key, &reader) && ps_read(&reader, value, NULL) == DF_OK;
}

df_str neo_find_text(df_str dict, const char *key)
{
    ps_item item;
    return neo_find_item(dict, key, &item) && item.type == PS_STRING ? item.s : DF_STR_NONE;
}

/* ---- rows ---- */

df_code neo_take_value(ps_reader *reader, df_buf *text, df_value *out, df_error *err)
{
    ps_item item;
    ps_reader start = *reader;
    DF_TRY(ps_read(reader, &item, err));
    switch (item.type) {
    case PS_NULL: *out = DF_V_NULL; return DF_OK;
    case PS_BOOL: *out = df_v_bool(item.b); return DF_OK;
    case PS_INT: *out = df_v_int(item.i); return DF_OK;
    case PS_FLOAT: *out = df_v_double(item.d); return DF_OK;
    case PS_STRING: *out = (df_value){.type = DF_TEXT, .s = item.s}; return DF_OK;
    case PS_BYTES: *out = (df_value){.type = DF_BLOB, .s = item.s}; return DF_OK;
    default: break;
    }
    *reader = start;
    size_t at = text->len;
    DF_TRY(ps_put_readable(reader, text, err));
    *out = (df_value){.type = DF_TEXT, .s = {NULL, text->len - at}};
    return DF_OK;
}

df_code neo_rows_fields(void *context, df_str metadata, df_error *err)
{
    neo_rows *rows = context;
    ps_reader reader;
    ps_item head, name;
    if (!neo_find(metadata, "fields", &reader)) return DF_OK;
    DF_TRY(ps_read(&reader, &head, err));
    if (head.type != PS_LIST) return df_fail(err, DF_CORRUPT, "the server's list of columns is damaged");
    rows->count = head.count;
    rows->names = df_arena_zalloc(&rows->arena, (rows->count + 1) * sizeof *rows->names);
    rows->values = df_arena_zalloc(&rows->arena, (rows->count + 1) * sizeof *rows->values);
    rows->at = df_arena_zalloc(&rows->arena, (rows->count + 1) * sizeof *rows->at);
    for (size_t i = 0; i < rows->count; i++) {
        DF_TRY(ps_read(&reader, &name, err));
        if (name.type != PS_STRING) return df_fail(err, DF_CORRUPT, "the name of a column is damaged");
        rows->names[i] = df_arena_cstr(&rows->arena, name.s);
    }
    return DF_OK;
}

df_code neo_rows_record(void *context, df_str record, df_error *err)
{
    neo_rows *rows = context;
    ps_reader reader = {record, 0};
    ps_item head;
    DF_TRY(ps_read(&reader, &head, err));
    if (head.type != PS_LIST || head.count != rows->count)
        return df_fail(err, DF_CORRUPT, "a record has %u values, the result %zu columns", head.count,
                       rows->count);
    df_buf_clear(&rows->text);
    for (size_t i = 0; i < rows->count; i++) {
        rows->at[i] = rows->text.len;
        DF_TRY(neo_take_value(&reader, &rows->text, &rows->values[i], err));
    }
    for (size_t i = 0; i < rows->count; i++) { /* the buffer stays where it is from now on */
        df_value *value = &rows->values[i];
        if (value->type == DF_TEXT && !value->s.ptr) value->s.ptr = df_buf_str(&rows->text).ptr + rows->at[i];
    }
    df_row row = {rows->count, rows->values, rows->names};
    return rows->fn(rows->context, &row, err);
}

void neo_rows_release(neo_rows *rows)
{
    df_arena_release(&rows->arena);
    df_buf_release(&rows->text);
}
