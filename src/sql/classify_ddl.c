/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE, ALTER, DROP and the other statements that change a schema. */
#include "sql/sql_int.h"

/* A table is the table that it is about. */
static void note_table(sql_facts *f)
{
    const char *kind = f->facts.object.kind;
    if (kind && (strcmp(kind, "table") == 0 || strcmp(kind, "foreign table") == 0))
        f->facts.table = f->facts.object;
}

static bool is_temporary_schema(const sql_facts *f)
{
    df_str schema = f->facts.object.schema;
    if (sql_in(f, DF_SQL_POSTGRES)) return df_str_is(schema, "pg_temp");
    return sql_in(f, DF_SQL_SQLITE) && sql_word_is(schema, "TEMP");
}

static void take_object(sql_facts *f, const sql_kind *kind)
{
    static const char *const nameless[] = {"cast",   "transform", "user mapping",      "operator",
                                           "system", "owned",     "default privilege", "large object"};
    for (size_t i = 0; i < sizeof nameless / sizeof *nameless; i++) {
        if (strcmp(kind->name, nameless[i]) == 0) {
            f->facts.object.kind = kind->name;
            return;
        }
    }
    sql_take_name(f, kind->name, &f->facts.object);
    note_table(f);
}

static void take_table(sql_facts *f)
{
    sql_take(&f->r, "ONLY");
    sql_take_name(f, "table", &f->facts.table);
}

/* ---- CREATE ---- */

/* Behind DEFINER, ALGORITHM or SQL SECURITY: [=] name[()] or user@host. */
static void skip_setting(sql_reader *r)
{
    sql_take_symbol(r, '=');
    sql_read(r);
    sql_skip_parens(r);
    if (!sql_take_symbol(r, '@')) return;
    sql_read(r);
}

/* Reads what stands between CREATE or ALTER and the kind; false when it is nothing that can. */
static bool skip_modifier(sql_facts *f)
{
    static const char *const settings[] = {"DEFINER", "ALGORITHM", "SECURITY", NULL};
    static const char *const modifiers[] = {"GLOBAL",    "LOCAL",      "UNLOGGED",  "UNIQUE",  "FULLTEXT",
                                            "SPATIAL",   "VECTOR",     "RECURSIVE", "TRUSTED", "PROCEDURAL",
                                            "DEFAULT",   "ONLINE",     "OFFLINE",   "IGNORE",  "SQL",
                                            "AGGREGATE", "CONSTRAINT", NULL};
    if (sql_take(&f->r, "OR")) {
        if (sql_take(&f->r, "REPLACE")) sql_flag(f, DF_SQL_IF_EXISTS);
        return true;
    }
    if (sql_take(&f->r, "TEMP") || sql_take(&f->r, "TEMPORARY")) {
        sql_flag(f, DF_SQL_TEMPORARY);
        return true;
    }
    for (size_t i = 0; settings[i]; i++) {
        if (!sql_take(&f->r, settings[i])) continue;
        skip_setting(&f->r);
        return true;
    }
    for (size_t i = 0; modifiers[i]; i++) {
        if (sql_take(&f->r, modifiers[i])) return true;
    }
    return false;
}

static const sql_kind *take_kind_behind_modifiers(sql_facts *f)
{
    for (;;) {
        bool constraint = sql_sees(&f->r, "CONSTRAINT"); /* CREATE CONSTRAINT TRIGGER */
        const sql_kind *kind = constraint ? NULL : sql_take_kind(f);
        if (kind || !skip_modifier(f)) return kind;
    }
}

static void create_index(sql_facts *f)
{
    sql_flag(f, DF_SQL_INDEX_BUILD);
    if (sql_take(&f->r, "CONCURRENTLY")) sql_flag(f, DF_SQL_CONCURRENTLY | DF_SQL_NO_TRANSACTION);
    sql_take_if_exists(f);
    if (sql_sees(&f->r, "ON"))
        f->facts.object.kind = "index";
    else
        sql_take_name(f, "index", &f->facts.object);
    if (sql_take_until(&f->r, "ON")) take_table(f);
}

static bool is_off(df_str value)
{
    return sql_word_is(value, "FALSE") || sql_word_is(value, "OFF") || df_str_is(value, "0");
}

/* Whether WITH (…) says that this option is off. */
static bool option_off(sql_reader r, const char *option)
{
    for (; !sql_sees_end(&r); sql_read(&r)) {
        if (!sql_take(&r, option)) continue;
        sql_take_symbol(&r, '=');
        df_str value = r.token.text;
        if (value.len > 2 && value.ptr[0] == '\'') value = (df_str){value.ptr + 1, value.len - 2};
        return is_off(value);
    }
    return false;
}

static void create_rest(sql_facts *f, const char *kind)
{
    if (strcmp(kind, "trigger") == 0 || strcmp(kind, "policy") == 0) {
        if (sql_take_until(&f->r, "ON")) take_table(f);
    } else if (strcmp(kind, "rule") == 0) {
        if (sql_take_until(&f->r, "TO")) take_table(f);
    } else if (strcmp(kind, "statistics") == 0) {
        if (sql_take_until(&f->r, "FROM")) take_table(f);
    } else if (strcmp(kind, "subscription") == 0) {
        if (!option_off(f->r, "CONNECT") && !option_off(f->r, "CREATE_SLOT"))
            sql_flag(f, DF_SQL_NO_TRANSACTION);
    } else if (sql_in(f, DF_SQL_POSTGRES) &&
               (strcmp(kind, "database") == 0 || strcmp(kind, "tablespace") == 0)) {
        sql_flag(f, DF_SQL_NO_TRANSACTION);
    }
}

void sql_read_create(sql_facts *f)
{
    const sql_kind *kind = take_kind_behind_modifiers(f);
    if (!kind) return;
    f->facts.tag = kind->create;
    if (strcmp(kind->name, "index") == 0) {
        create_index(f);
        return;
    }
    bool replaces = f->facts.flags & DF_SQL_IF_EXISTS;
    sql_take_if_exists(f);
    bool unnamed = strcmp(kind->name, "schema") == 0 && sql_sees(&f->r, "AUTHORIZATION");
    if (unnamed)
        f->facts.object.kind = kind->name;
    else
        take_object(f, kind);
    if (is_temporary_schema(f)) sql_flag(f, DF_SQL_TEMPORARY);
    if (replaces && kind->holds == SQL_HOLDS_ROWS && !(f->facts.flags & DF_SQL_TEMPORARY))
        sql_flag(f, DF_SQL_DESTROYS);
    create_rest(f, kind->name);
}

/* ---- DROP ---- */

/* DROP INDEX name ON t, DROP TRIGGER name ON t */
static void drop_rest(sql_facts *f, const sql_kind *kind)
{
    bool postgres = sql_in(f, DF_SQL_POSTGRES), rows = kind->holds == SQL_HOLDS_ROWS;
    if (rows && !(f->facts.flags & DF_SQL_TEMPORARY)) sql_flag(f, DF_SQL_DESTROYS);
    if (sql_take(&f->r, "ON")) take_table(f);
    if (kind->holds == SQL_HOLDS_OTHERS && sql_take_until(&f->r, "CASCADE")) sql_flag(f, DF_SQL_DESTROYS);
    if (postgres && (strcmp(kind->name, "database") == 0 || strcmp(kind->name, "tablespace") == 0 ||
                     strcmp(kind->name, "subscription") == 0))
        sql_flag(f, DF_SQL_NO_TRANSACTION);
}

void sql_read_drop(sql_facts *f)
{
    if (sql_in(f, DF_SQL_MARIADB) && sql_take(&f->r, "PREPARE")) {
        f->facts.cls = DF_SQL_SESSION;
        f->facts.tag = "DEALLOCATE";
        return;
    }
    if (sql_take(&f->r, "TEMPORARY")) sql_flag(f, DF_SQL_TEMPORARY);
    sql_take(&f->r, "PROCEDURAL");
    const sql_kind *kind = sql_take_kind(f);
    if (!kind) return;
    f->facts.tag = kind->drop;
    if (strcmp(kind->name, "index") == 0 && sql_take(&f->r, "CONCURRENTLY"))
        sql_flag(f, DF_SQL_CONCURRENTLY | DF_SQL_NO_TRANSACTION);
    sql_take_if_exists(f);
    take_object(f, kind);
    drop_rest(f, kind);
}

/* ---- ALTER ---- */

static void alter_type(sql_facts *f)
{
    if (sql_take(&f->r, "ADD")) {
        if (!sql_take(&f->r, "VALUE")) return;
        sql_flag(f, DF_SQL_ADD_VALUE);
        sql_take_if_exists(f);
        f->facts.value = sql_take_value(f);
    } else if (sql_take(&f->r, "DROP")) {
        if (sql_take(&f->r, "ATTRIBUTE")) sql_flag(f, DF_SQL_DESTROYS);
    }
}

static void alter_subscription(sql_facts *f)
{
    bool refreshes = sql_take(&f->r, "REFRESH");
    if (!refreshes && (sql_take(&f->r, "SET") || sql_take(&f->r, "ADD") || sql_take(&f->r, "DROP")))
        refreshes = sql_sees(&f->r, "PUBLICATION") && !option_off(f->r, "REFRESH");
    if (refreshes) sql_flag(f, DF_SQL_NO_TRANSACTION);
}

/* RENAME TO new, RENAME [COLUMN] old TO new, RENAME VALUE 'old' TO 'new'; wherever it stands behind the name.
 */
static void take_new_name(sql_facts *f, const char *kind)
{
    sql_reader before = f->r;
    if (!sql_take_until(&f->r, "RENAME")) {
        f->r = before;
        return;
    }
    bool view = strstr(kind, "view") != NULL;
    if (view && !sql_sees(&f->r, "TO")) {
        sql_take(&f->r, "COLUMN");
        f->facts.object.column = sql_take_value(f);
    }
    if (sql_take_until(&f->r, "TO")) f->facts.value = sql_take_value(f);
}

static void alter_rest(sql_facts *f, const char *kind)
{
    if (strcmp(kind, "table") == 0 || strcmp(kind, "foreign table") == 0) {
        sql_read_alter_table(f);
        return;
    }
    if (strcmp(kind, "trigger") == 0 || strcmp(kind, "policy") == 0 || strcmp(kind, "rule") == 0) {
        if (sql_take(&f->r, "ON")) take_table(f);
    } else if (strcmp(kind, "type") == 0) {
        alter_type(f);
    } else if (strcmp(kind, "subscription") == 0) {
        alter_subscription(f);
    } else if (strcmp(kind, "system") == 0) {
        sql_flag(f, DF_SQL_NO_TRANSACTION);
    } else if (strcmp(kind, "database") == 0 && sql_in(f, DF_SQL_POSTGRES)) {
        sql_reader r = f->r;
        if (sql_take(&r, "SET") && sql_take(&r, "TABLESPACE")) sql_flag(f, DF_SQL_NO_TRANSACTION);
    }
    if (!f->facts.value.ptr) take_new_name(f, kind);
}

void sql_read_alter(sql_facts *f)
{
    const sql_kind *kind = take_kind_behind_modifiers(f);
    if (!kind) return;
    f->facts.tag = kind->alter;
    f->facts.flags = 0;
    sql_take_if_exists(f);
    sql_take(&f->r, "ONLY");
    if (sql_sees(&f->r, "ALL")) { /* ALL IN TABLESPACE … */
        f->facts.object.kind = kind->name;
        return;
    }
    take_object(f, kind);
    alter_rest(f, kind->name);
}

/* ---- the others ---- */

void sql_read_truncate(sql_facts *f)
{
    sql_flag(f, DF_SQL_DESTROYS);
    sql_take(&f->r, "TABLE");
    sql_take(&f->r, "ONLY");
    sql_take_name(f, "table", &f->facts.object);
    note_table(f);
}

void sql_read_rename(sql_facts *f)
{
    bool user = sql_take(&f->r, "USER");
    f->facts.tag = user ? "RENAME USER" : "RENAME TABLE";
    if (!user && !sql_take(&f->r, "TABLE")) sql_take(&f->r, "TABLES");
    sql_take_if_exists(f);
    sql_take_name(f, user ? "user" : "table", &f->facts.object);
    note_table(f);
    if (!sql_take_until(&f->r, "TO")) return;
    df_sql_object renamed;
    if (sql_take_name(f, f->facts.object.kind, &renamed)) f->facts.value = renamed.name;
}

/* schema.table.column */
static void take_commented_column(sql_facts *f)
{
    df_str parts[3];
    size_t n = sql_take_parts(f, parts);
    f->facts.object.kind = "column";
    if (n < 2) return;
    f->facts.object.name = f->facts.object.column = parts[n - 1];
    f->facts.table = (df_sql_object){.kind = "table", .name = parts[n - 2], .column = parts[n - 1]};
    if (n == 3) f->facts.table.schema = parts[0];
}

/* COMMENT ON kind name, SECURITY LABEL … ON kind name */
void sql_read_comment(sql_facts *f)
{
    if (!sql_take_until(&f->r, "ON")) return;
    const sql_kind *kind = sql_take_kind(f);
    if (!kind) return;
    if (strcmp(kind->name, "column") == 0) {
        take_commented_column(f);
        return;
    }
    take_object(f, kind);
    if (sql_take(&f->r, "ON")) take_table(f);
}

/* GRANT … ON [kind] name TO; without ON it is about a role. */
void sql_read_grant(sql_facts *f)
{
    if (!sql_take_until(&f->r, "ON")) return;
    if (sql_sees(&f->r, "ALL") || sql_sees_symbol(&f->r, '*')) return;
    sql_reader before = f->r;
    if (sql_take(&f->r, "FOREIGN") && !sql_sees(&f->r, "SERVER")) f->r = before;
    const sql_kind *kind = sql_take_kind(f);
    if (kind && (sql_sees(&f->r, "TO") || sql_sees(&f->r, "FROM") || sql_sees_symbol(&f->r, '.'))) {
        f->r = before; /* a table that has the name of a kind */
        kind = NULL;
    }
    sql_take_name(f, kind ? kind->name : "table", &f->facts.object);
    note_table(f);
}

void sql_read_refresh(sql_facts *f)
{
    if (!sql_take(&f->r, "MATERIALIZED") || !sql_take(&f->r, "VIEW")) return;
    sql_take(&f->r, "CONCURRENTLY");
    sql_take_name(f, "materialized view", &f->facts.object);
}
