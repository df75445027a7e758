/* SPDX-License-Identifier: Apache-2.0 */
/* SHOW CREATE TABLE taken apart: its columns, indexes and constraints as objects, and what is left of it. */
#include "engine/mariadb/private.h"

#include <stdlib.h>

typedef struct tokens {
    df_sql_token *items; /* without white space and comments; the last one is DF_SQL_END */
    size_t count, cap;
} tokens;

static void read_tokens(tokens *t, df_str sql)
{
    df_sql_lexer lexer = {.dialect = &df_sql_mariadb, .text = sql};
    df_sql_token token;
    do {
        token = df_sql_next_word(&lexer);
        DF_PUSH(t->items, t->count, t->cap) = token;
    } while (token.kind != DF_SQL_END);
    t->count--;
}

static bool is_symbol(df_sql_token t, char c)
{
    return t.kind == DF_SQL_SYMBOL && t.text.len == 1 && t.text.ptr[0] == c;
}

/* `name` without its quotes. */
static df_str name_of(df_arena *arena, df_str quoted)
{
    if (quoted.len < 2 || quoted.ptr[0] != '`') return df_arena_str(arena, quoted);
    char *name = df_arena_alloc(arena, quoted.len);
    size_t len = 0;
    for (size_t i = 1; i + 1 < quoted.len; i++) {
        name[len++] = quoted.ptr[i];
        if (quoted.ptr[i] == '`') i++;
    }
    name[len] = '\0';
    return (df_str){name, len};
}

static bool names_database(df_sql_token t, const char *database)
{
    df_arena arena = {0};
    bool same = *database && t.kind == DF_SQL_NAME && df_str_is(name_of(&arena, t.text), database);
    df_arena_release(&arena);
    return same;
}

void my_put_canonical(df_buf *out, df_str sql, const char *database)
{
    tokens t = {0};
    read_tokens(&t, sql);
    size_t from = 0;
    for (size_t i = 0; i < t.count; i++) {
        size_t left_out = 0;
        if (df_sql_is(t.items[i], "auto_increment") && is_symbol(t.items[i + 1], '=')) left_out = 3;
        if (df_sql_is(t.items[i], "starts") && t.items[i + 1].kind == DF_SQL_STRING) left_out = 2;
        if (names_database(t.items[i], database) && is_symbol(t.items[i + 1], '.') &&
            (!i || !is_symbol(t.items[i - 1], '.')))
            left_out = 2;
        if (!left_out) continue;
        size_t next = i + left_out < t.count ? t.items[i + left_out].offset : sql.len;
        df_buf_add(out, sql.ptr + from, t.items[i].offset - from);
        from = next;
        i += left_out - 1;
    }
    df_buf_add(out, sql.ptr + from, sql.len - from);
    while (out->len && (out->ptr[out->len - 1] == ' ' || out->ptr[out->len - 1] == '\n')) out->len--;
    free(t.items);
}

/* ---- items ---- */

typedef struct reader {
    df_arena arena;
    const df_sql_token *items;
    df_str table, sql;
    df_object_fn add;
    void *context;
} reader;

/* The text from token `i` to the one before `end`. */
static df_str text_of(const reader *r, size_t i, size_t end)
{
    if (i >= end) return DF_STR("");
    const df_sql_token *last = &r->items[end - 1];
    return (df_str){r->sql.ptr + r->items[i].offset, last->offset + last->text.len - r->items[i].offset};
}

static df_code add(const reader *r, const char *kind, df_str name, df_str definition, df_error *err)
{
    df_object object = {
        .kind = df_str_from(kind), .parent = r->table, .name = name, .definition = definition};
    return r->add(r->context, &object, err);
}

/* A column, or what begins with a keyword. The first quoted name is the object's. */
static df_code item(reader *r, size_t i, size_t end, df_error *err)
{
    size_t at = i;
    while (at < end && r->items[at].kind != DF_SQL_NAME) at++;
    df_str name = at < end ? name_of(&r->arena, r->items[at].text) : DF_STR("");
    df_sql_token first = r->items[i];
    if (first.kind == DF_SQL_NAME) return add(r, "column", name, text_of(r, i + 1, end), err);
    if (df_sql_is(first, "primary")) return add(r, "index", DF_STR("PRIMARY"), text_of(r, i, end), err);
    if (df_sql_is(first, "constraint")) return add(r, "constraint", name, text_of(r, at + 1, end), err);
    if (df_sql_is(first, "period")) return add(r, "period", name, text_of(r, i, end), err);
    return add(r, "index", name, text_of(r, i, end), err);
}

static df_code items(reader *r, size_t *at, size_t count, df_error *err)
{
    size_t depth = 0, from = *at, i = *at;
    df_code code = DF_OK;
    for (; code == DF_OK && i < count; i++) {
        df_sql_token t = r->items[i];
        bool last = depth == 0 && is_symbol(t, ')');
        if (last || (depth == 0 && is_symbol(t, ','))) {
            if (i > from) code = item(r, from, i, err);
            from = i + 1;
        }
        if (last) break;
        if (is_symbol(t, '(')) depth++;
        if (is_symbol(t, ')')) depth--;
    }
    *at = i + 1;
    return code;
}

df_code my_table_objects(df_str table, df_str sql, df_object_fn add_object, void *context, df_error *err)
{
    tokens t = {0};
    df_buf definition = {0};
    size_t at = 0;
    read_tokens(&t, sql);
    reader r = {.items = t.items, .table = table, .sql = sql, .add = add_object, .context = context};
    while (at < t.count && !is_symbol(t.items[at], '(')) at++;
    at++;
    df_code code = items(&r, &at, t.count, err);
    if (at < t.count) my_put_canonical(&definition, df_str_skip(sql, t.items[at].offset), "");
    df_object object = {.kind = DF_STR("table"), .name = table, .definition = df_buf_str(&definition)};
    if (code == DF_OK) code = add_object(context, &object, err);
    df_buf_release(&definition);
    df_arena_release(&r.arena);
    free(t.items);
    return code;
}
