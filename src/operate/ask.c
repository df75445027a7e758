/* SPDX-License-Identifier: Apache-2.0 */
/* Small answers held whole, and texts for people. */
#include "operate/operate_int.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

df_code op_look_at(df_conn *conn, df_ledger *ledger, df_arena *arena, op_look *out, df_error *err)
{
    static const op_engine *const all[] = {&op_postgres, &op_mariadb, &op_sqlite, &op_neo4j};
    *out = (op_look){.conn = conn, .ledger = ledger, .arena = arena};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i]->name, df_conn_engine(conn)) == 0) out->engine = all[i];
    if (out->engine) return DF_OK;
    return df_fail(err, DF_UNSUPPORTED, "nothing is known about looking after %s", df_conn_server(conn));
}

void *op_grow(df_arena *arena, void *items, size_t count, size_t *cap, size_t item_size)
{
    if (count < *cap) return items;
    *cap = *cap ? *cap * 2 : 8;
    void *grown = df_arena_alloc(arena, *cap * item_size);
    if (count) memcpy(grown, items, count * item_size);
    return grown;
}

/* ---- asking ---- */

static df_code keep_row(void *context, const df_row *row, df_error *err)
{
    (void)err;
    op_rows *rows = context;
    if (!rows->names) {
        rows->columns = row->count;
        rows->names = df_arena_alloc(rows->arena, (row->count + 1) * sizeof *rows->names);
        for (size_t i = 0; i < row->count; i++)
            rows->names[i] = df_arena_cstr(rows->arena, df_str_from(row->names[i]));
    }
    for (size_t i = 0; i < row->count; i++) {
        df_value value = row->values[i];
        /* An empty text is not an absent one, whatever pointer the driver gave. */
        if (value.type == DF_TEXT || value.type == DF_BLOB)
            value.s = df_arena_str(rows->arena, (df_str){value.s.ptr ? value.s.ptr : "", value.s.len});
        OP_PUSH(rows->arena, rows->cells, rows->n_cells, rows->cap) = value;
    }
    rows->count++;
    return DF_OK;
}

df_code op_ask(const op_look *look, const char *sql, const df_value *params, size_t n_params, op_rows *out,
               df_error *err)
{
    *out = (op_rows){.arena = look->arena};
    return df_query(look->conn, sql, params, n_params, keep_row, out, err);
}

static const df_value *cell(const op_rows *rows, size_t row, const char *name)
{
    static const df_value nothing = {.type = DF_NULL};
    if (row >= rows->count) return &nothing;
    for (size_t i = 0; i < rows->columns; i++)
        if (strcasecmp(rows->names[i], name) == 0) return &rows->cells[row * rows->columns + i];
    return &nothing;
}

df_str op_str(const op_rows *rows, size_t row, const char *name)
{
    const df_value *value = cell(rows, row, name);
    switch (value->type) {
    case DF_TEXT:
    case DF_BLOB: return value->s;
    case DF_INT64: return df_str_from(df_arena_printf(rows->arena, "%lld", (long long)value->i));
    case DF_BOOL: return value->i ? DF_STR("true") : DF_STR("false");
    case DF_DOUBLE: return df_str_from(df_arena_printf(rows->arena, "%g", value->d));
    case DF_NULL: break;
    }
    return DF_STR_NONE;
}

const char *op_text(const op_rows *rows, size_t row, const char *name)
{
    return op_str(rows, row, name).ptr;
}

int64_t op_int(const op_rows *rows, size_t row, const char *name, int64_t fallback)
{
    double number = op_double(rows, row, name, (double)INT64_MAX);
    const df_value *value = cell(rows, row, name);
    if (value->type == DF_INT64 || value->type == DF_BOOL) return value->i;
    return number > -9.2e18 && number < 9.2e18 ? (int64_t)number : fallback;
}

double op_double(const op_rows *rows, size_t row, const char *name, double fallback)
{
    const df_value *value = cell(rows, row, name);
    switch (value->type) {
    case DF_INT64:
    case DF_BOOL: return (double)value->i;
    case DF_DOUBLE: return value->d;
    case DF_TEXT:
    case DF_BLOB: {
        char *end; /* the copy has a NUL behind it */
        double number = strtod(value->s.ptr, &end);
        return end > value->s.ptr ? number : fallback;
    }
    case DF_NULL: break;
    }
    return fallback;
}

bool op_bool(const op_rows *rows, size_t row, const char *name)
{
    return op_int(rows, row, name, 0) != 0;
}

/* ---- saying ---- */

const char *op_line(df_arena *arena, df_str text, size_t most)
{
    char *out = df_arena_alloc(arena, most + sizeof "…"), *to = out, *end = out + most;
    bool gap = false;
    size_t i = 0;
    for (; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ') {
            gap = to > out;
            continue;
        }
        if (to + gap >= end) break;
        if (gap) *to++ = ' ';
        *to++ = (char)c;
        gap = false;
    }
    if (i < text.len) {
        /* Not half of a character. */
        if (((unsigned char)text.ptr[i] & 0xC0) == 0x80) {
            while (to > out && ((unsigned char)to[-1] & 0xC0) == 0x80) to--;
            if (to > out) to--;
        }
        memcpy(to, "…", sizeof "…" - 1);
        to += sizeof "…" - 1;
    }
    *to = '\0';
    return out;
}

static bool speaks_of(df_str text, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= text.len; i++)
        if (strncasecmp(text.ptr + i, word, len) == 0) return true;
    return false;
}

/* What other people's sessions run is shown to more people than it was meant for. */
static df_str without_literals(df_arena *arena, df_str text)
{
    df_buf out = {0};
    for (size_t i = 0; i < text.len; i++) {
        char quote = text.ptr[i];
        df_buf_char(&out, quote);
        if (quote != '\'' && quote != '"') continue;
        while (++i < text.len &&
               (text.ptr[i] != quote || (i + 1 < text.len && text.ptr[i + 1] == quote && ++i)))
            if (text.ptr[i] == '\\') i++;
        df_buf_printf(&out, "***%c", quote);
    }
    df_str copy = df_arena_str(arena, df_buf_str(&out));
    df_buf_release(&out);
    return copy;
}

const char *op_query(df_arena *arena, df_str text, size_t most)
{
    bool secret = speaks_of(text, "password") || speaks_of(text, "identified");
    return op_line(arena, secret ? without_literals(arena, text) : text, most);
}

static const char *kept(df_arena *arena, df_buf *buf)
{
    const char *text = df_arena_cstr(arena, df_buf_str(buf));
    df_buf_release(buf);
    return text;
}

const char *op_format(df_arena *arena, const char *fmt, va_list args)
{
    char first[256];
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(first, sizeof first, fmt, again);
    va_end(again);
    if (len < 0) return "";
    if ((size_t)len < sizeof first) return df_arena_cstr(arena, (df_str){first, (size_t)len});
    char *text = df_arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, fmt, args);
    return text;
}

const char *op_duration(df_arena *arena, double seconds)
{
    enum { DAY_S = 24 * 3600 };
    if (seconds >= 2 * DAY_S) return df_arena_printf(arena, "%.0f days", seconds / DAY_S);
    df_buf buf = {0};
    df_put_duration(&buf, seconds > 0 ? seconds : 0);
    return kept(arena, &buf);
}

const char *op_bytes(df_arena *arena, int64_t bytes)
{
    df_buf buf = {0};
    df_put_bytes(&buf, bytes);
    return kept(arena, &buf);
}

const char *op_number(df_arena *arena, int64_t n)
{
    df_buf buf = {0};
    df_put_count(&buf, n);
    return kept(arena, &buf);
}

const char *op_time(df_arena *arena, int64_t ms)
{
    char text[40];
    df_time_format(ms, text);
    char *t = strchr(text, 'T'), *fraction = strrchr(text, '.');
    if (t) *t = ' ';
    if (fraction) *fraction = '\0';
    return df_arena_printf(arena, "%s UTC", text);
}

const char *op_shell(df_arena *arena, df_str word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,";
    const char *copy = df_arena_cstr(arena, word);
    if (*copy && strspn(copy, plain) == word.len) return copy;
    df_buf buf = {0};
    df_buf_char(&buf, '\'');
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '\'')
            df_buf_text(&buf, "'\\''");
        else
            df_buf_char(&buf, word.ptr[i]);
    }
    df_buf_char(&buf, '\'');
    return kept(arena, &buf);
}

const char *op_reason(df_arena *arena, const df_error *err)
{
    if (!err->hint[0]) return df_arena_cstr(arena, df_str_from(err->message));
    return df_arena_printf(arena, "%s; %s", err->message, err->hint);
}
