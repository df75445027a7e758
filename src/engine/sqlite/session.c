/* SPDX-License-Identifier: Apache-2.0 */
/* Limits, settings, savepoints. There are no sessions that another could see or end. */
#include "engine/sqlite/private.h"

#include "base/clock.h"
#include "engine/bulktext.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* ---- limits ---- */

/* Asked every few thousand steps of the virtual machine. */
static int look_at_clock(void *context)
{
    sl_conn *c = context;
    if (!c->deadline || df_monotonic_s() < c->deadline) return 0;
    c->timed_out = true;
    return 1;
}

void sl_start_clock(sl_conn *c)
{
    c->timed_out = false;
    c->deadline = c->statement_ms > 0 ? df_monotonic_s() + (double)c->statement_ms / 1000 : 0;
}

void sl_stop_clock(sl_conn *c)
{
    c->deadline = 0;
}

static void watch_clock(sl_conn *c)
{
    enum { STEPS = 5000 };
    sqlite3_progress_handler(c->db, c->statement_ms > 0 ? STEPS : 0, look_at_clock, c);
}

df_code sl_set_limits(df_conn *conn, const df_limits *limits, df_error *err)
{
    sl_conn *c = sl_of(conn);
    bool same = limits->lock_ms == c->limits.lock_ms && limits->statement_ms == c->limits.statement_ms;
    if (c->limits_asked && same) return DF_OK;
    DF_TRY(sl_ready(c, err));
    c->limits = *limits;
    c->limits_asked = true;
    c->busy_ms = limits->lock_ms;
    c->busy_for_ever = limits->lock_ms <= 0;
    c->statement_ms = limits->statement_ms;
    sl_wait_for_writers(c, c->db); /* a script's PRAGMA busy_timeout takes the handler away */
    watch_clock(c);
    return DF_OK;
}

/* ---- settings ---- */

/* A column of texts, in the caller's arena. */
static df_code ask_texts(sl_conn *c, const char *sql, df_arena *arena, df_str **out, size_t *count,
                         df_error *err)
{
    sqlite3_stmt *stmt;
    size_t cap = 0;
    int rc = sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL);
    *out = NULL;
    *count = 0;
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        DF_PUSH(*out, *count, cap) = df_arena_str(arena, df_str_from(text ? text : ""));
        rc = SQLITE_OK;
    }
    df_code code = rc == SQLITE_DONE ? DF_OK : sl_fail(c, rc, DF_STR_NONE, err);
    sqlite3_finalize(stmt);
    return code;
}

static df_code run_text(sl_conn *c, df_buf *sql, df_error *err)
{
    int rc = sqlite3_exec(c->db, df_buf_cstr(sql), NULL, NULL, NULL);
    return rc == SQLITE_OK ? DF_OK : sl_fail(c, rc, DF_STR_NONE, err);
}

/* One statement a name: `before` and the quoted name. */
static df_code for_each(sl_conn *c, const char *query, const char *before, df_error *err)
{
    df_arena arena = {0};
    df_str *names;
    size_t count;
    df_code code = ask_texts(c, query, &arena, &names, &count, err);
    for (size_t i = 0; code == DF_OK && i < count; i++) {
        df_buf sql = {0};
        df_buf_text(&sql, before);
        df_put_quoted(&sql, names[i].ptr, '"');
        code = run_text(c, &sql, err);
        df_buf_release(&sql);
    }
    free(names);
    df_arena_release(&arena);
    return code;
}

static df_code find_any(void *context, const df_row *row, df_error *err)
{
    (void)row, (void)err;
    *(bool *)context = true;
    return DF_OK;
}

static df_code drop_temporary(sl_conn *c, df_error *err)
{
    static const char *const kinds[] = {"trigger", "view", "table"};
    bool any = false;
    int64_t ignored;
    DF_TRY(
        sl_run(&c->base, "SELECT 1 FROM temp.sqlite_schema LIMIT 1", NULL, 0, find_any, &any, &ignored, err));
    for (size_t i = 0; any && i < sizeof kinds / sizeof *kinds; i++) {
        char query[200], before[40];
        snprintf(query, sizeof query,
                 "SELECT name FROM temp.sqlite_schema WHERE type = '%s' AND name NOT LIKE 'sqlite\\_%%' "
                 "ESCAPE '\\'",
                 kinds[i]);
        snprintf(before, sizeof before, "DROP %s IF EXISTS temp.", kinds[i]);
        DF_TRY(for_each(c, query, before, err));
    }
    return DF_OK;
}

static void ask_pragma(sqlite3 *db, const char *name, char out[64])
{
    char sql[80];
    sqlite3_stmt *stmt;
    out[0] = '\0';
    snprintf(sql, sizeof sql, "PRAGMA %s", name);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        snprintf(out, 64, "%s", (const char *)sqlite3_column_text(stmt, 0));
    }
    sqlite3_finalize(stmt);
}

/* Settings of the connection; what they are when nobody sets them depends on how the library was built. */
static df_code reset_pragmas(sl_conn *c, df_error *err)
{
    static const char *const names[] = {
        "analysis_limit",     "automatic_index",    "busy_timeout",
        "cache_spill",        "cell_size_check",    "checkpoint_fullfsync",
        "defer_foreign_keys", "fullfsync",          "ignore_check_constraints",
        "legacy_alter_table", "locking_mode",       "query_only",
        "read_uncommitted",   "recursive_triggers", "reverse_unordered_selects",
        "secure_delete",      "temp_store",         "threads",
        "trusted_schema",     "writable_schema",
    };
    sqlite3 *fresh = NULL;
    df_buf sql = {0};
    char now[64], wanted[64];
    int rc = sqlite3_open_v2(":memory:", &fresh, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof names / sizeof *names; i++) {
        ask_pragma(c->db, names[i], now);
        ask_pragma(fresh, names[i], wanted);
        if (strcmp(now, wanted) == 0) continue;
        bool schema = strcmp(names[i], "writable_schema") == 0; /* RESET also reads again what was written */
        df_buf_printf(&sql, "PRAGMA %s=%s;", names[i], schema ? "RESET" : wanted);
    }
    sqlite3_close(fresh);
    /* Without a journal, or with one in memory, a crash leaves a broken file; these modes end with their
     * connection. */
    ask_pragma(c->db, "journal_mode", now);
    if (!c->memory && (strcmp(now, "off") == 0 || strcmp(now, "memory") == 0)) {
        df_buf_text(&sql, "PRAGMA journal_mode=DELETE;");
    }
    df_buf_text(&sql, "PRAGMA case_sensitive_like=OFF"); /* cannot be asked for */
    df_code code = rc == SQLITE_OK ? run_text(c, &sql, err) : df_fail(err, DF_NO_MEMORY, "not enough memory");
    df_buf_release(&sql);
    return code;
}

bool sl_is_pragma(df_str sql)
{
    df_sql_lexer lexer = {.dialect = &df_sql_sqlite, .text = sql};
    return df_sql_is(df_sql_next_word(&lexer), "pragma");
}

/* Cheap when a script has only made tables. */
df_code sl_reset(df_conn *conn, df_error *err)
{
    sl_conn *c = sl_of(conn);
    if (!c->db) return DF_OK;
    if (c->pragmas) {
        sl_forget_statements(c);
        DF_TRY(reset_pragmas(c, err));
        int rc = sl_own_settings(c, c->db);
        if (rc != SQLITE_OK) return sl_fail(c, rc, DF_STR_NONE, err);
        watch_clock(c);
        c->pragmas = false;
    }
    DF_TRY(drop_temporary(c, err));
    if (!sqlite3_db_name(c->db, 2)) return DF_OK; /* behind main and temp */
    sl_forget_statements(c);
    return for_each(c, "SELECT name FROM pragma_database_list WHERE name NOT IN ('main', 'temp')", "DETACH ",
                    err);
}

/* What cannot be set inside a transaction has not been changed there. sl_reset comes behind the rollback. */
df_code sl_rehearse_commit(df_conn *conn, bool check, df_error *err)
{
    sl_conn *c = sl_of(conn);
    int unresolved = 0, highest;
    if (!c->db) return DF_OK;
    if (check) sqlite3_db_status(c->db, SQLITE_DBSTATUS_DEFERRED_FKS, &unresolved, &highest, 0);
    if (unresolved) return df_engine_fail(err, DF_FAILED, "787", "FOREIGN KEY constraint failed");
    if (c->pragmas) {
        sl_forget_statements(c);
        DF_TRY(reset_pragmas(c, err));
    }
    return drop_temporary(c, err);
}

/* ---- the session ---- */

df_code sl_session_get(df_conn *conn, df_session *out, df_error *err)
{
    sl_conn *c = sl_of(conn);
    struct stat status;
    if (c->memory) {
        snprintf(out->database, sizeof out->database, "memory");
        return DF_OK;
    }
    DF_TRY(sl_ready(c, err));
    const char *file = sqlite3_db_filename(c->db, "main");
    if (stat(file && *file ? file : c->path, &status) != 0) {
        return df_fail(err, DF_IO, "the database file %s is gone", c->path);
    }
    snprintf(out->database, sizeof out->database, "%u:%u/%llu", major(status.st_dev), minor(status.st_dev),
             (unsigned long long)status.st_ino);
    return DF_OK;
}

bool sl_in_transaction(const df_conn *conn)
{
    sqlite3 *db = ((const sl_conn *)conn)->db;
    return db && !sqlite3_get_autocommit(db);
}

static df_code with_name(sl_conn *c, const char *command, const char *name, df_error *err)
{
    df_buf sql = {0};
    df_buf_text(&sql, command);
    df_put_quoted(&sql, name, '"');
    df_code code = sl_simple(c, df_buf_cstr(&sql), err);
    df_buf_release(&sql);
    return code;
}

df_code sl_savepoint(df_conn *conn, const char *name, df_error *err)
{
    return with_name(sl_of(conn), "SAVEPOINT ", name, err);
}

df_code sl_rollback_to(df_conn *conn, const char *name, df_error *err)
{
    return with_name(sl_of(conn), "ROLLBACK TO ", name, err);
}
