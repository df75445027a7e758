/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of objects, and reading their names. */
#include "sql/sql_int.h"

#define PG  (1u << DF_SQL_POSTGRES)
#define SL  (1u << DF_SQL_SQLITE)
#define MY  (1u << DF_SQL_MARIADB)
#define ALL (PG | SL | MY)

#define KIND(kind, tag, families, holds, ...)                                                                \
    {                                                                                                        \
        {__VA_ARGS__}, kind, "CREATE " tag, "ALTER " tag, "DROP " tag, families, SQL_HOLDS_##holds           \
    }

/* Those of more words first. */
static const sql_kind kinds[] = {
    KIND("table", "TABLE", ALL, ROWS, "TABLE"),
    KIND("index", "INDEX", ALL, NOTHING, "INDEX"),
    KIND("view", "VIEW", ALL, NOTHING, "VIEW"),
    KIND("materialized view", "MATERIALIZED VIEW", PG, NOTHING, "MATERIALIZED", "VIEW"),
    KIND("type", "TYPE", PG, OTHERS, "TYPE"),
    KIND("function", "FUNCTION", PG | MY, NOTHING, "FUNCTION"),
    KIND("trigger", "TRIGGER", ALL, NOTHING, "TRIGGER"),
    KIND("sequence", "SEQUENCE", PG | MY, ROWS, "SEQUENCE"),
    KIND("policy", "POLICY", PG, NOTHING, "POLICY"),
    KIND("extension", "EXTENSION", PG, OTHERS, "EXTENSION"),
    KIND("schema", "SCHEMA", PG, OTHERS, "SCHEMA"),
    KIND("database", "DATABASE", PG | MY, ROWS, "DATABASE"),
    KIND("database", "DATABASE", MY, ROWS, "SCHEMA"),
    KIND("procedure", "PROCEDURE", PG | MY, NOTHING, "PROCEDURE"),
    KIND("event trigger", "EVENT TRIGGER", PG, NOTHING, "EVENT", "TRIGGER"),
    KIND("event", "EVENT", MY, NOTHING, "EVENT"),
    KIND("table", "VIRTUAL TABLE", SL, ROWS, "VIRTUAL", "TABLE"),
    KIND("foreign data wrapper", "FOREIGN DATA WRAPPER", PG, NOTHING, "FOREIGN", "DATA", "WRAPPER"),
    KIND("foreign table", "FOREIGN TABLE", PG, NOTHING, "FOREIGN", "TABLE"),
    KIND("domain", "DOMAIN", PG, OTHERS, "DOMAIN"),
    KIND("rule", "RULE", PG, NOTHING, "RULE"),
    KIND("user mapping", "USER MAPPING", PG, NOTHING, "USER", "MAPPING"),
    KIND("role", "ROLE", PG | MY, NOTHING, "ROLE"),
    KIND("role", "USER", PG, NOTHING, "USER"),
    KIND("role", "GROUP", PG, NOTHING, "GROUP"),
    KIND("user", "USER", MY, NOTHING, "USER"),
    KIND("aggregate", "AGGREGATE", PG, NOTHING, "AGGREGATE"),
    KIND("routine", "ROUTINE", PG, NOTHING, "ROUTINE"),
    KIND("publication", "PUBLICATION", PG, NOTHING, "PUBLICATION"),
    KIND("subscription", "SUBSCRIPTION", PG, NOTHING, "SUBSCRIPTION"),
    KIND("statistics", "STATISTICS", PG, NOTHING, "STATISTICS"),
    KIND("collation", "COLLATION", PG, NOTHING, "COLLATION"),
    KIND("conversion", "CONVERSION", PG, NOTHING, "CONVERSION"),
    KIND("operator class", "OPERATOR CLASS", PG, NOTHING, "OPERATOR", "CLASS"),
    KIND("operator family", "OPERATOR FAMILY", PG, NOTHING, "OPERATOR", "FAMILY"),
    KIND("operator", "OPERATOR", PG, NOTHING, "OPERATOR"),
    KIND("cast", "CAST", PG, NOTHING, "CAST"),
    KIND("transform", "TRANSFORM", PG, NOTHING, "TRANSFORM"),
    KIND("language", "LANGUAGE", PG, NOTHING, "LANGUAGE"),
    KIND("access method", "ACCESS METHOD", PG, NOTHING, "ACCESS", "METHOD"),
    KIND("text search configuration", "TEXT SEARCH CONFIGURATION", PG, NOTHING, "TEXT", "SEARCH",
         "CONFIGURATION"),
    KIND("text search dictionary", "TEXT SEARCH DICTIONARY", PG, NOTHING, "TEXT", "SEARCH", "DICTIONARY"),
    KIND("text search parser", "TEXT SEARCH PARSER", PG, NOTHING, "TEXT", "SEARCH", "PARSER"),
    KIND("text search template", "TEXT SEARCH TEMPLATE", PG, NOTHING, "TEXT", "SEARCH", "TEMPLATE"),
    KIND("tablespace", "TABLESPACE", PG, NOTHING, "TABLESPACE"),
    KIND("large object", "LARGE OBJECT", PG, ROWS, "LARGE", "OBJECT"),
    KIND("default privilege", "DEFAULT PRIVILEGES", PG, NOTHING, "DEFAULT", "PRIVILEGES"),
    KIND("owned", "OWNED", PG, ROWS, "OWNED"),
    KIND("system", "SYSTEM", PG, NOTHING, "SYSTEM"),
    KIND("server", "SERVER", PG | MY, NOTHING, "SERVER"),
    KIND("package body", "PACKAGE BODY", MY, NOTHING, "PACKAGE", "BODY"),
    KIND("package", "PACKAGE", MY, NOTHING, "PACKAGE"),
    KIND("column", "COLUMN", PG, NOTHING, "COLUMN"),
    KIND("constraint", "CONSTRAINT", PG, NOTHING, "CONSTRAINT"),
};

static bool take_words(sql_reader *r, const char *const *words)
{
    sql_reader before = *r;
    for (int i = 0; i < 3 && words[i]; i++) {
        if (!sql_take(r, words[i])) {
            *r = before;
            return false;
        }
    }
    return true;
}

const sql_kind *sql_take_kind(sql_facts *f)
{
    if (f->r.token.kind != DF_SQL_WORD || !f->r.token.text.len) return NULL;
    char first = (char)(f->r.token.text.ptr[0] & ~0x20);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].words[0][0] != first || !(kinds[i].families >> f->family & 1)) continue;
        if (take_words(&f->r, kinds[i].words)) return &kinds[i];
    }
    return NULL;
}

/* ---- names ---- */

static df_str unquote(df_arena *arena, df_str quoted)
{
    char quote = quoted.ptr[0] == '[' ? ']' : quoted.ptr[0];
    char *out = df_arena_alloc(arena, quoted.len);
    size_t len = 0;
    for (size_t i = 1; i + 1 < quoted.len; i++) {
        out[len++] = quoted.ptr[i];
        if (quoted.ptr[i] == quote && i + 2 < quoted.len) i++;
    }
    out[len] = '\0';
    return (df_str){out, len};
}

static df_str fold(df_arena *arena, df_str word)
{
    char *out = df_arena_alloc(arena, word.len + 1);
    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    out[word.len] = '\0';
    return (df_str){out, word.len};
}

/* PostgreSQL cuts names behind 63 bytes, at a character. */
static df_str cut(const sql_facts *f, df_str name)
{
    enum { LONGEST = 63 };
    if (!sql_in(f, DF_SQL_POSTGRES) || name.len <= LONGEST) return name;
    name.len = LONGEST;
    while (name.len && ((unsigned char)name.ptr[name.len] & 0xc0) == 0x80) name.len--;
    return name;
}

df_str sql_name_of(const sql_facts *f, df_sql_token token)
{
    if (token.open || !token.text.len) return DF_STR_NONE;
    char first = token.text.ptr[0];
    bool quote = first == '"' || first == '`' || first == '[' || first == '\'';
    if (token.kind == DF_SQL_WORD)
        return sql_in(f, DF_SQL_POSTGRES) ? cut(f, fold(f->arena, token.text))
                                          : df_arena_str(f->arena, token.text);
    if (token.kind == DF_SQL_NAME && quote) return cut(f, unquote(f->arena, token.text));
    if (token.kind == DF_SQL_STRING && quote) return unquote(f->arena, token.text);
    return DF_STR_NONE; /* U&"…" with its escapes, numbers, symbols */
}

static bool is_name(const sql_facts *f, df_sql_token token)
{
    if (token.kind == DF_SQL_WORD || token.kind == DF_SQL_NAME) return true;
    return token.kind == DF_SQL_STRING && !sql_in(f, DF_SQL_POSTGRES);
}

size_t sql_take_parts(sql_facts *f, df_str parts[3])
{
    size_t n = 0;
    do {
        if (!is_name(f, f->r.token)) return 0;
        if (n == 3) { /* database.schema.table.column: the database is this one */
            parts[0] = parts[1], parts[1] = parts[2];
            n--;
        }
        parts[n++] = sql_name_of(f, f->r.token);
        sql_read(&f->r);
    } while (sql_take_symbol(&f->r, '.'));
    return n;
}

bool sql_take_name(sql_facts *f, const char *kind, df_sql_object *object)
{
    df_str parts[3];
    size_t n = sql_take_parts(f, parts);
    *object = (df_sql_object){.kind = kind};
    if (n) object->name = parts[n - 1];
    if (n > 1) object->schema = parts[n - 2];
    return n > 0;
}

df_str sql_take_value(sql_facts *f)
{
    df_str value = DF_STR_NONE;
    if (f->r.token.kind == DF_SQL_STRING || is_name(f, f->r.token)) {
        value = sql_name_of(f, f->r.token);
        sql_read(&f->r);
    }
    return value;
}

bool sql_take_if_exists(sql_facts *f)
{
    sql_reader before = f->r;
    if (!sql_take(&f->r, "IF")) return false;
    sql_take(&f->r, "NOT");
    if (!sql_take(&f->r, "EXISTS")) {
        f->r = before;
        return false;
    }
    sql_flag(f, DF_SQL_IF_EXISTS);
    return true;
}

bool sql_take_until(sql_reader *r, const char *keyword)
{
    while (!sql_sees_end(r)) {
        if (sql_take(r, keyword)) return true;
        if (sql_sees_symbol(r, '('))
            sql_skip_parens(r);
        else
            sql_read(r);
    }
    return false;
}
