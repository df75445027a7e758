/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What statements do to the server beside the database that they run in. On a scratch database of the same server they would do it to
 * what lives there: a table that is named with its database (as MySQL Workbench writes them) is the live one, and a role that is
 * dropped is gone for everybody. Seen in the text; what a routine or a prepared text does is not.
 */
#include "migration/job/job_int.h"

#include <stdlib.h>
#include <strings.h>

/* ---- names ---- */

static bool is_symbol(df_sql_token token, char c)
{
    return token.kind == DF_SQL_SYMBOL && token.text.len == 1 && *token.text.ptr == c;
}

/* "…" is a name for MariaDB, too, with ANSI_QUOTES; users are often written as texts. */
static bool is_name(df_sql_token token)
{
    return token.kind == DF_SQL_WORD || token.kind == DF_SQL_NAME || token.kind == DF_SQL_STRING;
}

static df_str plain(const job_outside *o, df_sql_token token)
{
    if (token.kind == DF_SQL_WORD) {
        char *copy = df_arena_cstr(o->arena, token.text);
        for (char *c = copy; o->dialect->family == DF_SQL_POSTGRES && *c; c++)
            if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
        return df_str_from(copy);
    }
    if (token.text.len < 2) return token.text;
    char quote = *token.text.ptr, *copy = df_arena_alloc(o->arena, token.text.len);
    size_t n = 0;
    for (size_t i = 1; i + 1 < token.text.len; i++) {
        copy[n++] = token.text.ptr[i];
        if (token.text.ptr[i] == quote && token.text.ptr[i + 1] == quote) i++;
    }
    return (df_str){copy, n};
}

static bool same_name(df_str a, df_str b)
{
    return a.len == b.len && a.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

/* ---- asking the server ---- */

static df_code count_row(void *context, const df_row *row, df_error *err)
{
    (void)row, (void)err;
    ++*(int64_t *)context;
    return DF_OK;
}

/* What may not be looked up counts as there. */
static bool is_there(const job_outside *o, const char *sql, const df_value *params, size_t n)
{
    int64_t rows = 0;
    df_error ignored = {0};
    return df_query(o->conn, sql, params, n, count_row, &rows, &ignored) != DF_OK || rows > 0;
}

static df_code keep_database(void *context, const df_row *row, df_error *err)
{
    (void)err;
    job_outside *o = context;
    static const char *const readable[] = {"information_schema", "performance_schema", "sys"};
    if (row->values[0].type != DF_TEXT) return DF_OK;
    for (size_t i = 0; i < sizeof readable / sizeof *readable; i++)
        if (df_str_is(row->values[0].s, readable[i])) return DF_OK;
    DF_PUSH(o->databases, o->n_databases, o->cap) = df_arena_str(o->arena, row->values[0].s);
    return DF_OK;
}

df_code job_outside_open(job_outside *o, df_error *err)
{
    if (o->dialect->family != DF_SQL_MARIADB) return DF_OK;
    return df_query(o->conn, "SELECT schema_name FROM information_schema.schemata", NULL, 0, keep_database, o, err);
}

void job_outside_close(job_outside *o)
{
    free(o->databases);
    free(o->made);
    *o = (job_outside){0};
}

/* ---- other databases: MariaDB, and files of SQLite ---- */

static bool is_database(const job_outside *o, df_str name)
{
    for (size_t i = 0; i < o->n_databases; i++)
        if (same_name(o->databases[i], name)) return true;
    return false;
}

/* What is made or filled changes its object alone, and only reads the others (a view of another database's tables). */
static bool changes_one(const char *tag)
{
    return strncmp(tag, "CREATE", 6) == 0 || strncmp(tag, "INSERT", 6) == 0 || strncmp(tag, "REPLACE", 7) == 0;
}

/* shop.id may also be a column of the table shop: then there is no such thing in the database shop. `to`: a new name. */
static bool is_of_database(const job_outside *o, const df_step *step, df_str database, df_str name, bool to)
{
    if (!is_database(o, database)) return false;
    if (to || same_name(step->facts.object.schema, database) || same_name(step->facts.table.schema, database)) return true;
    if (changes_one(step->facts.tag)) return false;
    df_value params[] = {df_v_str(database), df_v_str(name), df_v_str(database), df_v_str(name)};
    return is_there(o,
                    "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ? UNION ALL "
                    "SELECT 1 FROM information_schema.routines WHERE routine_schema = ? AND routine_name = ?",
                    params, 4);
}

static const char *other_database(const job_outside *o, const df_step *step)
{
    df_sql_lexer lexer = {.dialect = o->dialect, .text = step->statement.text};
    df_sql_token before = {0}, name = {0}, last = df_sql_next_word(&lexer);
    if (step->facts.cls == DF_SQL_QUERY) return NULL;
    bool uses = df_sql_is(last, "USE");
    for (df_sql_token token; (token = df_sql_next_word(&lexer)).kind != DF_SQL_END;) {
        bool pair = is_name(token) && is_symbol(last, '.') && is_name(name) && !is_symbol(before, '.') && !is_symbol(before, '@');
        df_str database = uses ? plain(o, token) : pair ? plain(o, name) : DF_STR_NONE;
        if (uses ? is_database(o, database) : pair && is_of_database(o, step, database, plain(o, token), df_sql_is(before, "TO")))
            return df_arena_printf(o->arena, "the database %.*s", DF_FMT(database));
        if (uses) return NULL;
        before = name;
        name = last;
        last = token;
    }
    return NULL;
}

static const char *other_file(const job_outside *o, const df_step *step)
{
    df_sql_lexer lexer = {.dialect = o->dialect, .text = step->statement.text};
    if (!df_sql_is(df_sql_next_word(&lexer), "ATTACH")) return NULL;
    df_sql_token file = df_sql_next_word(&lexer);
    if (df_sql_is(file, "DATABASE")) file = df_sql_next_word(&lexer);
    df_str name = plain(o, file);
    if (file.kind == DF_SQL_STRING && (!name.len || df_str_is(name, ":memory:"))) return NULL;
    return df_arena_printf(o->arena, "the file %.*s", DF_FMT(name));
}

/* ---- what belongs to the whole server ---- */

typedef struct server_kind {
    const char *word, *what;
    const char *postgres, *mariadb; /* whether there is one of a name; NULL: no such kind there */
} server_kind;

static const char pg_role[] = "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = ?", my_user[] = "SELECT 1 FROM mysql.user WHERE user = ?";
static const char my_database[] = "SELECT 1 FROM information_schema.schemata WHERE schema_name = ?";
static const server_kind kinds[] = {
    {"ROLE", "the role", pg_role, my_user},
    {"USER", "the user", pg_role, my_user},
    {"GROUP", "the role", pg_role, NULL},
    {"DATABASE", "the database", "SELECT 1 FROM pg_catalog.pg_database WHERE datname = ?", my_database},
    {"SCHEMA", "the database", NULL, my_database},
    {"TABLESPACE", "the tablespace", "SELECT 1 FROM pg_catalog.pg_tablespace WHERE spcname = ?", NULL},
};

/* The kind behind CREATE or DROP, and its first name; `*sql` asks whether there is one of a name. NULL: none of these. */
static const server_kind *read_kind(const job_outside *o, df_sql_lexer *lexer, df_sql_token *name, const char **sql)
{
    df_sql_token word = df_sql_next_word(lexer);
    const server_kind *kind = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (df_sql_is(word, kinds[i].word)) kind = &kinds[i];
    *sql = !kind ? NULL : o->dialect->family == DF_SQL_POSTGRES ? kind->postgres : kind->mariadb;
    *name = df_sql_next_word(lexer);
    bool conditional = df_sql_is(*name, "IF");
    while (conditional && (df_sql_is(*name, "IF") || df_sql_is(*name, "NOT") || df_sql_is(*name, "EXISTS"))) *name = df_sql_next_word(lexer);
    return *sql && is_name(*name) ? kind : NULL;
}

/* CREATE ROLE or USER of what is not there yet: it is taken away again behind the proof. A database is more than that. */
static const char *created(job_outside *o, const df_step *step)
{
    df_sql_lexer lexer = {.dialect = o->dialect, .text = step->statement.text};
    df_sql_token name;
    const char *sql;
    if (!df_sql_is(df_sql_next_word(&lexer), "CREATE")) return NULL;
    const server_kind *kind = read_kind(o, &lexer, &name, &sql);
    if (!kind) return NULL;
    df_value param = df_v_str(plain(o, name));
    if (sql != pg_role && sql != my_user) return df_arena_printf(o->arena, "%s %.*s", kind->what, DF_FMT(param.s));
    if (is_there(o, sql, &param, 1)) return NULL;
    size_t end = name.offset + name.text.len;
    df_sql_token at = df_sql_next_word(&lexer), host = df_sql_next_word(&lexer);
    if (is_symbol(at, '@') && is_name(host)) end = host.offset + host.text.len;
    df_str written = {step->statement.text.ptr + name.offset, end - name.offset};
    DF_PUSH(o->made, o->n_made, o->made_cap) = df_arena_printf(o->arena, "%s %.*s", kind->word, DF_FMT(written));
    return NULL;
}

void job_outside_clear(const job_outside *o, const df_observer *observer)
{
    for (size_t i = 0; i < o->n_made; i++) {
        df_error err = {0};
        const char *space = strchr(o->made[i], ' ');
        const char *sql = df_arena_printf(o->arena, "DROP %.*s IF EXISTS%s", (int)(space - o->made[i]), o->made[i], space);
        if (df_exec(o->conn, sql, NULL, 0, NULL, &err) != DF_OK)
            df_log(observer, DF_LOG_WARNING, "%s stays on the server: %s", o->made[i], err.message);
    }
}

/* DROP ROLE a, b of what is there now. What a migration of the proof makes itself, it may drop. */
static const char *dropped(const job_outside *o, const df_step *step)
{
    df_sql_lexer lexer = {.dialect = o->dialect, .text = step->statement.text};
    df_sql_token name;
    const char *sql;
    if (!df_sql_is(df_sql_next_word(&lexer), "DROP")) return NULL;
    const server_kind *kind = read_kind(o, &lexer, &name, &sql);
    if (!kind) return NULL;
    while (is_name(name)) {
        df_value param = df_v_str(plain(o, name));
        if (is_there(o, sql, &param, 1)) return df_arena_printf(o->arena, "%s %.*s", kind->what, DF_FMT(param.s));
        while (name.kind != DF_SQL_END && !is_symbol(name, ',')) name = df_sql_next_word(&lexer);
        name = df_sql_next_word(&lexer);
    }
    return NULL;
}

const char *job_outside_find(job_outside *o, const df_step *step)
{
    const char *found = NULL;
    switch (o->dialect->family) {
    case DF_SQL_SQLITE: return other_file(o, step);
    case DF_SQL_MARIADB: found = other_database(o, step); break;
    case DF_SQL_POSTGRES: break;
    default: return NULL;
    }
    if (found || o->databases_only) return found;
    found = dropped(o, step);
    return found ? found : created(o, step);
}
