/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CREATE TABLE as it stands in sqlite_schema, taken apart: columns and constraints, each in one form however
 * it was written. A column's own UNIQUE, CHECK, REFERENCES and PRIMARY KEY become the constraints that they
 * would be behind the columns, so that a table made by CREATE equals one that ALTER made.
 *
 * The canonical form: one blank between tokens but where none is needed, names without quotes that they do
 * not need, letters small where SQLite does not mind ("fold").
 */
#include "engine/sqlite/private.h"

#include "engine/bulktext.h"

#include <ctype.h>
#include <stdlib.h>

/* ---- canonical text ---- */

typedef struct tokens {
    df_sql_token *items; /* without white space and comments; the last one is DF_SQL_END */
    size_t count, cap;
} tokens;

static void read_tokens(tokens *t, df_str sql)
{
    df_sql_lexer lexer = {.dialect = &df_sql_sqlite, .text = sql};
    df_sql_token token;
    do {
        token = df_sql_next_word(&lexer);
        DF_PUSH(t->items, t->count, t->cap) = token;
    } while (token.kind != DF_SQL_END);
    t->count--;
}

static void put_folded(df_buf *out, df_str text, bool fold)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        df_buf_char(out, fold && c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
    }
}

/* The name in "…", `…`, […] or '…', without its quotes; a plain word is its own name. */
static df_str name_of(df_arena *arena, df_str quoted)
{
    char open = quoted.len ? quoted.ptr[0] : 'a', close = open == '[' ? ']' : open;
    if (quoted.len < 2 || !strchr("\"`['", open)) return df_arena_str(arena, quoted);
    df_buf name = {0};
    for (size_t i = 1; i + 1 < quoted.len; i++) {
        df_buf_char(&name, quoted.ptr[i]);
        if (quoted.ptr[i] == close && open != '[') i++;
    }
    df_str copy = df_arena_str(arena, df_buf_str(&name));
    df_buf_release(&name);
    return copy;
}

static bool is_plain(df_str name)
{
    if (!name.len || isdigit((unsigned char)name.ptr[0])) return false;
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c < 0x80 && !isalnum(c) && c != '_') return false;
    }
    return true;
}

static void put_name(df_buf *out, df_str quoted, bool fold)
{
    df_arena arena = {0};
    df_str name = name_of(&arena, quoted);
    if (is_plain(name)) {
        put_folded(out, name, fold);
    } else {
        df_put_quoted(out, name.ptr, '"');
    }
    df_arena_release(&arena);
}

/* Two symbols that are one operator. */
static bool one_operator(df_sql_token a, df_sql_token b)
{
    static const char pairs[] = "|| <= >= <> != == << >> ->";
    if (a.kind != DF_SQL_SYMBOL || b.kind != DF_SQL_SYMBOL || a.offset + 1 != b.offset) return false;
    char pair[3] = {a.text.ptr[0], b.text.ptr[0], '\0'};
    return strstr(pairs, pair) != NULL || (pair[0] == '>' && pair[1] == '>');
}

static bool is_symbol(df_sql_token t, char c)
{
    return t.kind == DF_SQL_SYMBOL && t.text.len == 1 && t.text.ptr[0] == c;
}

static bool blank_between(df_sql_token a, df_sql_token b)
{
    if (is_symbol(a, '(') || is_symbol(a, '.')) return false;
    if (is_symbol(b, ',') || is_symbol(b, ')') || is_symbol(b, '.') || is_symbol(b, '(')) return false;
    return !one_operator(a, b);
}

/* Tokens from `from` to the one before `end`; none when that is not behind it. */
static void put_tokens(df_buf *out, const df_sql_token *items, size_t from, size_t end, bool fold)
{
    for (size_t i = from; i < end; i++) {
        df_sql_token t = items[i];
        if (i > from && blank_between(items[i - 1], t)) df_buf_char(out, ' ');
        bool value = i > from && df_sql_is(items[i - 1], "default"); /* "…" may be a text there */
        if (t.kind == DF_SQL_NAME && !value)
            put_name(out, t.text, fold);
        else
            put_folded(out, t.text, fold && (t.kind == DF_SQL_WORD || t.kind == DF_SQL_NUMBER));
    }
}

void sl_put_canonical(df_buf *out, df_str sql, bool fold)
{
    tokens t = {0};
    read_tokens(&t, sql);
    put_tokens(out, t.items, 0, t.count, fold);
    free(t.items);
}

/* ---- the parts of a definition ---- */

/* A table that is taken apart. Positions are of tokens; `end` is behind the last one of the item at hand. */
typedef struct reader {
    df_arena arena;
    const df_sql_token *items;
    df_str schema, table;
    df_object_fn add;
    void *context;
} reader;

static bool is(const reader *r, size_t i, const char *word)
{
    return df_sql_is(r->items[i], word);
}

/* Behind the parenthesis that opens at `i`; `i` when none does. */
static size_t group_end(const reader *r, size_t i, size_t end)
{
    size_t depth = 0;
    if (i >= end || !is_symbol(r->items[i], '(')) return i;
    for (; i < end; i++) {
        if (is_symbol(r->items[i], '(')) depth++;
        if (is_symbol(r->items[i], ')') && --depth == 0) return i + 1;
    }
    return end;
}

static size_t conflict_end(const reader *r, size_t i, size_t end)
{
    return i + 2 < end && is(r, i, "on") && is(r, i + 1, "conflict") ? i + 3 : i;
}

static size_t references_end(const reader *r, size_t i, size_t end)
{
    i = group_end(r, i + 2, end);
    for (;;) {
        if (i + 2 < end && is(r, i, "on") && (is(r, i + 1, "delete") || is(r, i + 1, "update")))
            i += is(r, i + 2, "set") || is(r, i + 2, "no") ? 4 : 3;
        else if (i + 1 < end && (is(r, i, "match") || is(r, i, "initially")))
            i += 2;
        else if (i + 1 < end && is(r, i, "not") && is(r, i + 1, "deferrable"))
            i += 2;
        else if (i < end && is(r, i, "deferrable"))
            i++;
        else
            return i < end ? i : end;
    }
}

static size_t default_end(const reader *r, size_t i, size_t end)
{
    if (i + 1 < end && is_symbol(r->items[i + 1], '(')) return group_end(r, i + 1, end);
    bool sign = i + 1 < end && (is_symbol(r->items[i + 1], '-') || is_symbol(r->items[i + 1], '+'));
    return i + 2 + sign < end ? i + 2 + sign : end;
}

/* Behind the constraint that begins at `i`, of a column or of the table. */
static size_t constraint_end(const reader *r, size_t i, size_t end)
{
    size_t at = i + 1;
    if (is(r, i, "primary")) {
        at = group_end(r, i + 2, end);
        if (at < end && (is(r, at, "asc") || is(r, at, "desc"))) at++;
        at = conflict_end(r, at, end);
        if (at < end && is(r, at, "autoincrement")) at++;
    } else if (is(r, i, "not")) {
        at = conflict_end(r, i + 2, end);
    } else if (is(r, i, "null")) {
        at = conflict_end(r, at, end);
    } else if (is(r, i, "unique")) {
        at = conflict_end(r, group_end(r, at, end), end);
    } else if (is(r, i, "check")) {
        at = conflict_end(r, group_end(r, at, end), end);
    } else if (is(r, i, "foreign")) {
        at = group_end(r, i + 2, end);
        if (at < end) at = references_end(r, at, end);
    } else if (is(r, i, "references")) {
        at = references_end(r, i, end);
    } else if (is(r, i, "default")) {
        at = default_end(r, i, end);
    } else if (is(r, i, "collate") || is(r, i, "constraint")) {
        at = i + 2;
    } else if (is(r, i, "generated") || is(r, i, "as")) {
        at = group_end(r, is(r, i, "as") ? at : i + 3, end);
        if (at < end && (is(r, at, "stored") || is(r, at, "virtual"))) at++;
    }
    return at < end ? at : end;
}

static bool begins_constraint(const reader *r, size_t i)
{
    static const char *const words[] = {"constraint", "primary",    "not",       "null",
                                        "unique",     "check",      "foreign",   "default",
                                        "collate",    "references", "generated", "as"};
    for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
        if (is(r, i, words[w])) return true;
    }
    return false;
}

/* ---- objects ---- */

static df_code add_object(reader *r, const char *kind, df_str name, df_buf *definition, df_error *err)
{
    df_object object = {.kind = df_str_from(kind),
                        .schema = r->schema,
                        .parent = r->table,
                        .name = name.ptr ? name : df_buf_str(definition),
                        .definition = df_buf_str(definition)};
    df_code code = r->add(r->context, &object, err);
    df_buf_release(definition);
    return code;
}

/* A column's constraint, written as the table's would be: "unique(a)". */
static void put_column_constraint(const reader *r, df_buf *out, df_str column, size_t i, size_t end)
{
    df_buf name = {0};
    if (is_plain(column))
        put_folded(&name, column, true);
    else
        df_put_quoted(&name, column.ptr, '"');
    if (is(r, i, "references")) {
        df_buf_printf(out, "foreign key(%s) ", df_buf_cstr(&name));
        put_tokens(out, r->items, i, end, true);
    } else if (is(r, i, "check")) {
        put_tokens(out, r->items, i, end, true);
    } else {
        size_t from = i + (is(r, i, "primary") ? 2 : 1);
        bool descending = from < end && is(r, from, "desc"), counted = is(r, end - 1, "autoincrement");
        if (from < end && (is(r, from, "asc") || descending)) from++;
        df_buf_printf(out, "%s(%s%s%s)%s", is(r, i, "primary") ? "primary key" : "unique", df_buf_cstr(&name),
                      descending ? " desc" : "", counted ? " autoincrement" : "",
                      descending ? " of the column" : ""); /* INTEGER PRIMARY KEY DESC is no rowid */
        if (from < end - counted) df_buf_char(out, ' ');
        put_tokens(out, r->items, from, end - counted, true);
    }
    df_buf_release(&name);
}

static df_code column(reader *r, size_t i, size_t end, df_error *err)
{
    df_buf type = {0}, not_null = {0}, collation = {0}, value = {0};
    df_str name = name_of(&r->arena, r->items[i].text), given = DF_STR_NONE;
    df_code code = DF_OK;
    size_t at = i + 1;
    while (at < end && !begins_constraint(r, at)) at++;
    put_tokens(&type, r->items, i + 1, at, true);
    while (code == DF_OK && at < end) {
        size_t next = constraint_end(r, at, end);
        df_buf *part = is(r, at, "not")                                                    ? &not_null
                       : is(r, at, "collate")                                              ? &collation
                       : is(r, at, "default") || is(r, at, "generated") || is(r, at, "as") ? &value
                                                                                           : NULL;
        if (is(r, at, "constraint")) {
            given = at + 1 < end ? name_of(&r->arena, r->items[at + 1].text) : DF_STR_NONE;
        } else if (part) {
            size_t from = is(r, at, "generated") ? at + 2 : at;
            df_buf_char(part, ' ');
            put_tokens(part, r->items, from, next, true);
            if (part == &value && is(r, from, "as") && !is(r, next - 1, "stored") &&
                !is(r, next - 1, "virtual"))
                df_buf_text(part, " virtual");
        } else if (begins_constraint(r, at) && !is(r, at, "null")) {
            df_buf text = {0};
            put_column_constraint(r, &text, name, at, next);
            code = add_object(r, "constraint", given, &text, err);
        }
        if (!is(r, at, "constraint")) given = DF_STR_NONE;
        at = next;
    }
    df_buf_str_add(&type, df_buf_str(&not_null));
    df_buf_str_add(&type, df_buf_str(&collation));
    df_buf_str_add(&type, df_buf_str(&value));
    df_buf_release(&not_null);
    df_buf_release(&collation);
    df_buf_release(&value);
    if (code == DF_OK) return add_object(r, "column", name, &type, err);
    df_buf_release(&type);
    return code;
}

static bool is_table_constraint(const reader *r, size_t i)
{
    return is(r, i, "constraint") || is(r, i, "primary") || is(r, i, "unique") || is(r, i, "check") ||
           is(r, i, "foreign");
}

/* SQLite also takes several without a comma between. */
static df_code table_constraints(reader *r, size_t i, size_t end, df_error *err)
{
    df_str given = DF_STR_NONE;
    df_code code = DF_OK;
    while (code == DF_OK && i < end) {
        size_t next = constraint_end(r, i, end);
        if (is(r, i, "constraint")) {
            given = i + 1 < end ? name_of(&r->arena, r->items[i + 1].text) : DF_STR_NONE;
        } else {
            df_buf text = {0};
            put_tokens(&text, r->items, i, next, true);
            code = add_object(r, "constraint", given, &text, err);
            given = DF_STR_NONE;
        }
        i = next;
    }
    return code;
}

/* The items between the parentheses; *at is at the first one, and moves behind the last parenthesis. */
static df_code items(reader *r, size_t *at, size_t count, df_error *err)
{
    size_t depth = 0, from = *at, i = *at;
    df_code code = DF_OK;
    for (; code == DF_OK && i < count; i++) {
        df_sql_token t = r->items[i];
        bool last = depth == 0 && is_symbol(t, ')');
        if (last || (depth == 0 && is_symbol(t, ','))) {
            if (i > from)
                code = is_table_constraint(r, from) ? table_constraints(r, from, i, err)
                                                    : column(r, from, i, err);
            from = i + 1;
        }
        if (last) break;
        if (is_symbol(t, '(')) depth++;
        if (is_symbol(t, ')')) depth--;
    }
    *at = i + 1;
    return code;
}

df_code sl_table_objects(df_str schema, df_str table, df_str sql, df_object_fn add, void *context,
                         df_error *err)
{
    tokens t = {0};
    df_buf definition = {0};
    df_code code = DF_OK;
    size_t at = 1;
    read_tokens(&t, sql);
    reader r = {.items = t.items, .schema = schema, .table = table, .add = add, .context = context};
    if (t.count > 1 && is(&r, 1, "virtual")) {
        size_t using = at;
        while (using < t.count && !is(&r, using, "using")) using ++;
        df_buf_text(&definition, "virtual ");
        put_tokens(&definition, t.items, using, t.count, false);
    } else {
        while (at < t.count && !is_symbol(t.items[at], '(')) at++;
        at++;
        code = items(&r, &at, t.count, err);
        if (at < t.count) put_tokens(&definition, t.items, at, t.count, true);
    }
    df_object object = {
        .kind = DF_STR("table"), .schema = schema, .name = table, .definition = df_buf_str(&definition)};
    if (code == DF_OK) code = add(context, &object, err);
    df_buf_release(&definition);
    df_arena_release(&r.arena);
    free(t.items);
    return code;
}
