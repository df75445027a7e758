/* SPDX-License-Identifier: Apache-2.0 */
#include "migration/job/references.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* ---- tokens ---- */

typedef struct token_list {
    df_sql_token *items;
    size_t count, cap;
} token_list;

static token_list tokens_of(const df_references *r, df_str text)
{
    token_list list = {0};
    df_sql_lexer lexer = {.dialect = r->dialect, .text = text};
    for (df_sql_token t; (t = df_sql_next_word(&lexer)).kind != DF_SQL_END;) DF_PUSH(list.items, list.count, list.cap) = t;
    return list;
}

static bool is(const token_list *l, size_t i, const char *word)
{
    return i < l->count && df_sql_is(l->items[i], word);
}

static bool symbol(const token_list *l, size_t i, char c)
{
    return i < l->count && l->items[i].kind == DF_SQL_SYMBOL && l->items[i].text.ptr[0] == c;
}

/* The name at `i` without its quotes; empty when none is there. */
static df_str name_at(const token_list *l, size_t i)
{
    if (i >= l->count) return DF_STR_NONE;
    df_sql_token t = l->items[i];
    if (t.kind == DF_SQL_WORD) return t.text;
    if (t.kind == DF_SQL_NAME && t.text.len > 2) return (df_str){t.text.ptr + 1, t.text.len - 2};
    return DF_STR_NONE;
}

static bool same(df_str a, df_str b)
{
    return a.len && a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

/* Behind the parenthesis that opens at `i`. */
static size_t behind(const token_list *l, size_t i)
{
    int depth = 0;
    for (; i < l->count; i++) {
        depth += symbol(l, i, '(') ? 1 : symbol(l, i, ')') ? -1 : 0;
        if (depth == 0) return i + 1;
    }
    return i;
}

/* (a, b DESC, lower(c)): an expression is a column without a name, which no foreign key has. */
static df_columns columns_at(const token_list *l, size_t open)
{
    df_columns out = {0};
    size_t end = behind(l, open);
    for (size_t i = open + 1; i + 1 < end && out.count < REFERENCE_COLUMNS;) {
        out.names[out.count++] = symbol(l, i + 1, '(') ? DF_STR_NONE : name_at(l, i);
        while (i + 1 < end && !symbol(l, i, ',')) i = symbol(l, i, '(') ? behind(l, i) : i + 1;
        i++;
    }
    return out;
}

static df_columns one_column(df_str name)
{
    return (df_columns){.names = {name}, .count = 1};
}

/* ---- what is there ---- */

typedef struct reading {
    df_references *r;
    size_t migration;
    const df_step *step;
    token_list tokens;
    df_str table;
} reading;

static void add(reading *g, bool is_index, df_str name, df_columns columns)
{
    df_arena *arena = g->r->arena;
    if (!columns.count) return;
    for (size_t i = 0; i < columns.count; i++) columns.names[i] = df_arena_str(arena, columns.names[i]);
    DF_PUSH(g->r->items, g->r->count, g->r->cap) =
        (df_reference){.table = df_arena_str(arena, g->table), .name = df_arena_str(arena, name), .columns = columns,
                       .migration = g->migration, .path = g->step->path, .line = g->step->statement.line,
                       .number = g->step->statement.number, .is_index = is_index};
}

/* One line of CREATE TABLE (…), or what ADD adds: a constraint of the table, or a column with its own. */
static void read_item(reading *g, size_t from, size_t to)
{
    const token_list *l = &g->tokens;
    df_str name = DF_STR_NONE;
    if (is(l, from, "CONSTRAINT")) {
        name = name_at(l, from + 1);
        from += 2;
    }
    bool foreign = is(l, from, "FOREIGN"), key = is(l, from, "PRIMARY") || is(l, from, "UNIQUE");
    if (foreign || key) {
        size_t open = from;
        while (open < to && !symbol(l, open, '(')) open++;
        if (open < to) add(g, key, name, columns_at(l, open));
        return;
    }
    df_str column = name_at(l, from);
    for (size_t i = from + 1; column.len && i < to; i = symbol(l, i, '(') ? behind(l, i) : i + 1) {
        if (is(l, i, "REFERENCES")) add(g, false, name, one_column(column));
        if (is(l, i, "PRIMARY") || is(l, i, "UNIQUE")) add(g, true, DF_STR_NONE, one_column(column));
    }
}

/* ---- statements ---- */

static size_t end_of_item(const token_list *l, size_t i, size_t end)
{
    while (i < end && !symbol(l, i, ',')) i = symbol(l, i, '(') ? behind(l, i) : i + 1;
    return i < end ? i : end;
}

static void read_create_table(reading *g)
{
    const token_list *l = &g->tokens;
    size_t open = 0;
    while (open < l->count && !symbol(l, open, '(') && !is(l, open, "AS")) open++;
    if (!symbol(l, open, '(')) return;
    size_t end = behind(l, open) - 1;
    for (size_t i = open + 1; i < end;) {
        size_t stop = end_of_item(l, i, end);
        read_item(g, i, stop);
        i = stop + 1;
    }
}

static void read_create_index(reading *g)
{
    const token_list *l = &g->tokens;
    df_str name = g->step->facts.object.name;
    size_t on = 0;
    while (on < l->count && !is(l, on, "ON")) on++;
    size_t open = on;
    bool ordered = true; /* btree or hash: what looks up a value */
    for (; open < l->count && !symbol(l, open, '('); open++)
        if (is(l, open, "USING")) ordered = is(l, open + 1, "btree") || is(l, open + 1, "hash");
    if (open >= l->count || !ordered) return;
    df_columns columns = columns_at(l, open);
    size_t where = behind(l, open);
    while (where < l->count && !is(l, where, "WHERE")) where++;
    /* An index of some rows does, when these are those that refer to anything. */
    bool some = where < l->count;
    bool not_null = some && same(name_at(l, where + 1), columns.names[0]) && is(l, where + 2, "IS") && is(l, where + 3, "NOT") &&
                    is(l, where + 4, "NULL") && where + 5 == l->count;
    if (!some || not_null) add(g, true, name, columns);
}

static void drop_where(df_references *r, df_str table, df_str name, df_str column)
{
    for (size_t i = 0; i < r->count; i++) {
        df_reference *it = &r->items[i];
        if (table.len && !same(it->table, table)) continue;
        bool hit = !name.len && !column.len;
        if (name.len) {
            hit = same(it->name, name);
            if (!hit && !it->name.len && !it->is_index) { /* the name that PostgreSQL gives */
                char given[200];
                int len = snprintf(given, sizeof given, "%.*s_%.*s_fkey", DF_FMT(it->table), DF_FMT(it->columns.names[0]));
                hit = len > 0 && (size_t)len < sizeof given && same((df_str){given, (size_t)len}, name);
            }
        }
        for (size_t k = 0; column.len && k < it->columns.count; k++) hit |= same(it->columns.names[k], column);
        it->gone |= hit;
    }
}

static void rename_where(df_references *r, df_str table, df_str to, df_str column, df_str column_to)
{
    for (size_t i = 0; i < r->count; i++) {
        df_reference *it = &r->items[i];
        if (!same(it->table, table)) continue;
        if (to.len) it->table = df_arena_str(r->arena, to);
        for (size_t k = 0; column.len && k < it->columns.count; k++)
            if (same(it->columns.names[k], column)) it->columns.names[k] = df_arena_str(r->arena, column_to);
    }
}

static size_t skip_if_exists(const token_list *l, size_t i)
{
    while (is(l, i, "IF") || is(l, i, "NOT") || is(l, i, "EXISTS")) i++;
    return i;
}

static void read_action(reading *g, size_t from, size_t to)
{
    const token_list *l = &g->tokens;
    if (is(l, from, "ADD")) {
        from++;
        if (is(l, from, "COLUMN")) from++;
        read_item(g, skip_if_exists(l, from), to);
    } else if (is(l, from, "DROP")) {
        bool constraint = is(l, from + 1, "CONSTRAINT");
        size_t at = skip_if_exists(l, from + 1 + (constraint || is(l, from + 1, "COLUMN")));
        drop_where(g->r, g->table, constraint ? name_at(l, at) : DF_STR_NONE, constraint ? DF_STR_NONE : name_at(l, at));
    } else if (is(l, from, "RENAME")) {
        size_t at = from + 1 + is(l, from + 1, "COLUMN");
        if (is(l, from + 1, "TO"))
            rename_where(g->r, g->table, name_at(l, from + 2), DF_STR_NONE, DF_STR_NONE);
        else if (is(l, at + 1, "TO") && !is(l, at, "CONSTRAINT"))
            rename_where(g->r, g->table, DF_STR_NONE, name_at(l, at), name_at(l, at + 2));
    }
}

/* ALTER TABLE [IF EXISTS] [ONLY] name action, action … */
static void read_alter_table(reading *g)
{
    const token_list *l = &g->tokens;
    size_t i = 2;
    while (is(l, i, "IF") || is(l, i, "EXISTS") || is(l, i, "ONLY")) i++;
    i++; /* the name, with its schema */
    while (symbol(l, i, '.')) i += 2;
    if (symbol(l, i, '*')) i++;
    while (i < l->count) {
        size_t stop = end_of_item(l, i, l->count);
        read_action(g, i, stop);
        i = stop + 1;
    }
}

/* DROP TABLE [IF EXISTS] a, s.b CASCADE; DROP INDEX [CONCURRENTLY] [IF EXISTS] i, j */
static void read_drop(reading *g, bool tables)
{
    const token_list *l = &g->tokens;
    for (size_t i = 2; i < l->count; i++) {
        if (is(l, i, "IF") || is(l, i, "EXISTS") || is(l, i, "CONCURRENTLY") || symbol(l, i + 1, '.')) continue;
        df_str name = name_at(l, i);
        if (!name.len) continue;
        if (tables)
            drop_where(g->r, name, DF_STR_NONE, DF_STR_NONE);
        else
            drop_where(g->r, DF_STR_NONE, name, DF_STR_NONE);
    }
}

void df_references_read(df_references *r, size_t migration, const df_step *step)
{
    const char *tag = step->facts.tag;
    if (step->facts.cls != DF_SQL_DDL || r->dialect->indexes_references || (step->facts.flags & DF_SQL_TEMPORARY)) return;
    bool create = strncmp(tag, "CREATE TABLE", 12) == 0, index = strcmp(tag, "CREATE INDEX") == 0, alter = strcmp(tag, "ALTER TABLE") == 0;
    bool drop_table = strcmp(tag, "DROP TABLE") == 0, drop_index = strcmp(tag, "DROP INDEX") == 0;
    if (!create && !index && !alter && !drop_table && !drop_index) return;
    reading g = {.r = r, .migration = migration, .step = step};
    g.tokens = tokens_of(r, step->statement.text);
    g.table = step->facts.table.name.len ? step->facts.table.name : step->facts.object.name;
    if (create) read_create_table(&g);
    if (index) read_create_index(&g);
    if (alter) read_alter_table(&g);
    if (drop_table || drop_index) read_drop(&g, drop_table);
    free(g.tokens.items);
}

/* Its first columns are the key's, in any order. */
static bool serves(const df_reference *index, const df_reference *key)
{
    if (!index->is_index || index->gone || !same(index->table, key->table) || index->columns.count < key->columns.count) return false;
    for (size_t i = 0; i < key->columns.count; i++) {
        size_t k = 0;
        while (k < key->columns.count && !same(key->columns.names[i], index->columns.names[k])) k++;
        if (k == key->columns.count) return false;
    }
    return true;
}

const df_reference *df_references_bare(const df_references *r, size_t *at)
{
    while (*at < r->count) {
        const df_reference *key = &r->items[(*at)++];
        if (key->is_index || key->gone) continue;
        size_t i = 0;
        while (i < r->count && !serves(&r->items[i], key)) i++;
        if (i == r->count) return key;
    }
    return NULL;
}

void df_references_release(df_references *r)
{
    free(r->items);
    *r = (df_references){.dialect = r->dialect, .arena = r->arena};
}
