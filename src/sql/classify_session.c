/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of sessions, and the care of tables. */
#include "sql/sql_int.h"

static df_str lower(sql_facts *f, df_str word)
{
    char *out = df_arena_alloc(f->arena, word.len + 1);
    for (size_t i = 0; i < word.len; i++)
        out[i] = word.ptr[i] >= 'A' && word.ptr[i] <= 'Z' ? (char)(word.ptr[i] - 'A' + 'a') : word.ptr[i];
    out[word.len] = '\0';
    return (df_str){out, word.len};
}

/* ---- SET ---- */

/* SET of something that is no variable. */
typedef struct set_form {
    const char *words[2];
    const char *value;
    uint32_t flags;
} set_form;

static bool take_form(sql_facts *f, const set_form *forms, size_t n)
{
    sql_reader before = f->r;
    for (size_t i = 0; i < n; i++) {
        if (sql_take(&f->r, forms[i].words[0]) &&
            (!forms[i].words[1] || sql_take(&f->r, forms[i].words[1]))) {
            f->facts.value = df_str_from(forms[i].value);
            sql_flag(f, forms[i].flags);
            return true;
        }
        f->r = before;
    }
    return false;
}

static void postgres_set(sql_facts *f)
{
    static const set_form forms[] = {
        {{"SESSION", "AUTHORIZATION"}, "session_authorization", 0},
        {{"SESSION", "CHARACTERISTICS"}, "session characteristics", 0},
        {{"TIME", "ZONE"}, "timezone", 0},
        {{"TRANSACTION", NULL}, "transaction", 0},
        {{"CONSTRAINTS", NULL}, "constraints", 0},
        {{"XML", "OPTION"}, "xmloption", 0},
        {{"NAMES", NULL}, "client_encoding", 0},
    };
    if (take_form(f, forms, sizeof forms / sizeof *forms)) return;
    if (!sql_take(&f->r, "SESSION")) sql_take(&f->r, "LOCAL");
    if (take_form(f, forms, sizeof forms / sizeof *forms)) return;
    df_sql_object name;
    if (sql_take_name(f, "setting", &name)) f->facts.value = name.name;
}

/* [GLOBAL | SESSION | @@session.] name, @name */
static df_str mariadb_variable(sql_facts *f)
{
    static const char *const scopes[] = {"GLOBAL", "SESSION", "LOCAL"};
    df_sql_object name;
    size_t marks = 0;
    for (; sql_take_symbol(&f->r, '@');) marks++;
    if (marks != 1) {
        for (size_t i = 0; i < 3; i++) {
            if (sql_take(&f->r, scopes[i])) sql_take_symbol(&f->r, '.');
        }
    }
    sql_take_name(f, "setting", &name);
    if (!name.name.ptr) return DF_STR_NONE;
    return marks == 1 ? df_str_from(df_arena_printf(f->arena, "@%.*s", DF_FMT(name.name)))
                      : lower(f, name.name);
}

static bool is_one(df_str name, const char *const *names)
{
    for (; *names; names++) {
        if (df_str_is(name, *names)) return true;
    }
    return false;
}

/* Switching autocommit on commits what is open. */
static bool switches_on(const sql_facts *f)
{
    df_str value = f->r.token.text;
    return df_str_is(value, "1") || sql_sees(&f->r, "ON") || sql_sees(&f->r, "TRUE") ||
           sql_sees(&f->r, "DEFAULT") || sql_sees_symbol(&f->r, '@');
}

static void mariadb_assignments(sql_facts *f)
{
    /* the session cannot change these while a transaction is open */
    static const char *const fixed[] = {"binlog_format", "sql_log_bin",      "gtid_domain_id",
                                        "gtid_seq_no",   "skip_replication", NULL};
    do {
        df_str name = mariadb_variable(f);
        if (!f->facts.value.ptr) f->facts.value = name;
        if (is_one(name, fixed)) sql_flag(f, DF_SQL_NO_TRANSACTION);
        sql_take_symbol(&f->r, ':');
        sql_take_symbol(&f->r, '=');
        if (df_str_is(name, "autocommit") && switches_on(f)) sql_flag(f, DF_SQL_IMPLICIT_COMMIT);
        while (!sql_sees_end(&f->r) && !sql_sees_symbol(&f->r, ',')) {
            if (sql_sees_symbol(&f->r, '('))
                sql_skip_parens(&f->r);
            else
                sql_read(&f->r);
        }
    } while (sql_take_symbol(&f->r, ','));
}

static void mariadb_set(sql_facts *f)
{
    static const set_form forms[] = {
        {{"TRANSACTION", NULL}, "transaction", DF_SQL_NO_TRANSACTION},
        {{"CHARACTER", "SET"}, "character set", 0},
        {{"CHARSET", NULL}, "character set", 0},
        {{"NAMES", NULL}, "names", 0},
        {{"ROLE", NULL}, "role", 0},
        {{"DEFAULT", "ROLE"}, "default role", DF_SQL_IMPLICIT_COMMIT},
        {{"PASSWORD", NULL}, "password", DF_SQL_IMPLICIT_COMMIT},
    };
    if (sql_take(&f->r, "STATEMENT")) { /* SET STATEMENT a = 1 FOR statement */
        if (sql_take_until(&f->r, "FOR")) sql_read_statement(f);
        return;
    }
    if (take_form(f, forms, sizeof forms / sizeof *forms)) {
        if (f->facts.flags & DF_SQL_IMPLICIT_COMMIT) f->facts.cls = DF_SQL_DDL;
        return;
    }
    sql_reader before = f->r;
    if ((sql_take(&f->r, "SESSION") || sql_take(&f->r, "GLOBAL")) && sql_take(&f->r, "TRANSACTION")) {
        f->facts.value = DF_STR("transaction");
        return;
    }
    f->r = before;
    mariadb_assignments(f);
}

void sql_read_set(sql_facts *f)
{
    if (sql_in(f, DF_SQL_POSTGRES)) postgres_set(f);
    if (sql_in(f, DF_SQL_MARIADB)) mariadb_set(f);
}

/* ---- PRAGMA ---- */

/* PRAGMA [schema.]name [= value | (value)] */
void sql_read_pragma(sql_facts *f)
{
    static const char *const questions[] = {
        "foreign_key_check", "foreign_key_list", "index_info",  "index_list",
        "index_xinfo",       "integrity_check",  "quick_check", "table_info",
        "table_list",        "table_xinfo",      "stats",       NULL};
    static const char *const work[] = {"incremental_vacuum", "optimize", "shrink_memory", "wal_checkpoint",
                                       NULL};
    /* refused by name, or passed over in silence, while a transaction is open */
    static const char *const outside[] = {"auto_vacuum", "foreign_keys", "journal_mode",   "page_size",
                                          "synchronous", "temp_store",   "wal_checkpoint", NULL};
    df_sql_object object;
    if (!sql_take_name(f, "pragma", &object)) return;
    df_str name = f->facts.value = lower(f, object.name);
    bool set = !sql_sees_end(&f->r);
    if (is_one(name, work)) {
        f->facts.cls = DF_SQL_MAINTENANCE;
    } else if (!set || is_one(name, questions)) {
        f->facts.cls = DF_SQL_QUERY;
        return;
    }
    if (is_one(name, outside)) sql_flag(f, DF_SQL_NO_TRANSACTION);
    if (df_str_is(name, "foreign_keys")) sql_flag(f, DF_SQL_FOREIGN_KEYS);
}

/* ---- maintenance ---- */

/* VACUUM, ANALYZE, CLUSTER, OPTIMIZE …: options, then a table. */
void sql_read_maintenance(sql_facts *f)
{
    static const char *const options[] = {"FULL",    "FREEZE", "VERBOSE", "ANALYZE",
                                          "ANALYSE", "LOCAL",  "TABLE",   "NO_WRITE_TO_BINLOG",
                                          "TABLES",  "VIEW"};
    sql_skip_parens(&f->r);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (sql_take(&f->r, options[i])) i = (size_t)-1;
    }
    if (sql_take_name(f, "table", &f->facts.object)) f->facts.table = f->facts.object;
}

/* REINDEX (CONCURRENTLY off, …): the last one counts. */
static bool concurrently_option(sql_reader r)
{
    bool on = false;
    for (; !sql_sees_end(&r) && !sql_sees_symbol(&r, ')');) {
        if (!sql_take(&r, "CONCURRENTLY")) {
            sql_read(&r);
            continue;
        }
        on = !sql_sees(&r, "OFF") && !sql_sees(&r, "FALSE") && !df_str_is(r.token.text, "0");
    }
    return on;
}

void sql_read_reindex(sql_facts *f)
{
    static const char *const whole[] = {"DATABASE", "SYSTEM", "SCHEMA"};
    sql_flag(f, DF_SQL_INDEX_BUILD);
    if (!sql_in(f, DF_SQL_POSTGRES)) { /* SQLite: a table, an index or a collation */
        df_sql_object object;
        if (sql_take_name(f, "index", &object)) f->facts.object = object;
        return;
    }
    bool concurrently = sql_sees_symbol(&f->r, '(') && concurrently_option(f->r);
    sql_skip_parens(&f->r);
    const char *kind = sql_take(&f->r, "INDEX") ? "index" : "table";
    sql_take(&f->r, "TABLE");
    for (size_t i = 0; i < 3; i++) {
        if (!sql_take(&f->r, whole[i])) continue;
        sql_flag(f, DF_SQL_NO_TRANSACTION);
        kind = i == 2 ? "schema" : "database";
    }
    if (sql_take(&f->r, "CONCURRENTLY")) concurrently = true;
    if (concurrently) sql_flag(f, DF_SQL_CONCURRENTLY | DF_SQL_NO_TRANSACTION);
    sql_take_name(f, kind, &f->facts.object);
    if (strcmp(kind, "table") == 0) f->facts.table = f->facts.object;
}
