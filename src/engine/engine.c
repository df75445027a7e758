/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of engines, and the thin functions through which everybody calls them. They keep the
 * connection's state, so that a driver need not.
 */
#include "engine/driver.h"

#include "base/clock.h"
#include "engine/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

extern const df_driver df_sqlite_driver, df_postgres_driver, df_mariadb_driver, df_neo4j_driver;

/* Adding an engine: a line here. */
static const df_driver *const drivers[] = {
    &df_sqlite_driver,
    &df_postgres_driver,
    &df_mariadb_driver,
    &df_neo4j_driver,
};
enum { N_DRIVERS = sizeof drivers / sizeof *drivers };

/* ---- URLs ---- */

static const df_driver *driver_of(const char *url)
{
    df_str scheme = df_url_scheme(url);
    for (size_t i = 0; i < N_DRIVERS; i++) {
        for (const char *const *name = drivers[i]->schemes; *name; name++) {
            if (df_str_is(scheme, *name)) return drivers[i];
        }
    }
    return NULL;
}

/* A text without a scheme is not quoted: "host=… password=…" is one, too. */
static df_code unknown_scheme(const char *url, df_error *err)
{
    df_buf known = {0};
    for (size_t i = 0; i < N_DRIVERS; i++) {
        for (const char *const *name = drivers[i]->schemes; *name; name++) {
            df_buf_printf(&known, "%s%s:", known.len ? ", " : "", *name);
        }
    }
    df_str scheme = df_url_scheme(url);
    if (scheme.len) {
        df_fail(err, DF_USAGE, "no database engine for URLs that begin with \"%.*s:\"; known are %s",
                DF_FMT(scheme), df_buf_cstr(&known));
    } else {
        df_fail(err, DF_USAGE, "a database URL begins with one of %s", df_buf_cstr(&known));
    }
    df_error_hint(err, "for example sqlite:catalog.db or postgresql://user@host/database");
    df_buf_release(&known);
    return DF_USAGE;
}

df_code df_url_check(const char *url, const char **engine, df_buf *without_password, df_error *err)
{
    const df_driver *driver = driver_of(url);
    if (!driver) return unknown_scheme(url, err);
    if (engine) *engine = driver->name;
    if (without_password) df_url_mask(url, without_password);
    return DF_OK;
}

uint32_t df_url_caps(const char *url)
{
    const df_driver *driver = driver_of(url);
    return driver ? driver->caps : 0;
}

/* ---- errors ---- */

static const char *prefix_of(df_code code)
{
    switch (code) {
    case DF_PERMISSION: return "Permission denied: ";
    case DF_DISK_FULL: return "Disk space exhausted: ";
    case DF_CONNECT: return "Database connection failed: ";
    default: return "";
    }
}

df_code df_engine_fail(df_error *err, df_code code, const char *native, const char *message)
{
    df_fail(err, code, "%s%s", prefix_of(code), message);
    if (!err) return code;
    size_t len = strlen(err->message);
    while (len && (err->message[len - 1] == '\n' || err->message[len - 1] == '.')) err->message[--len] = '\0';
    for (char *p = err->message; *p; p++) {
        if (*p == '\n' || *p == '\r' || *p == '\t') *p = ' ';
    }
    if (native) snprintf(err->native, sizeof err->native, "%s", native);
    if (code == DF_DISK_FULL) {
        df_error_hint(err, "free space on the disk of the database, then run the same command again");
    } else if (code == DF_RETRY) {
        df_error_hint(err, "another session was in the way; run the same command again");
    }
    return code;
}

void df_engine_fail_at(df_error *err, df_str sql, size_t offset)
{
    if (!err || offset > sql.len) return;
    err->sql_offset = (int64_t)offset + 1;
    err->sql_line = 1;
    for (size_t i = 0; i < offset; i++) err->sql_line += sql.ptr[i] == '\n';
}

/* ---- connections ---- */

df_conn *df_conn_new(const df_driver *driver)
{
    df_conn *conn = df_zalloc(driver->conn_size);
    conn->driver = driver;
    conn->engine = driver->name;
    conn->caps = driver->caps;
    conn->dialect = driver->dialect;
    return conn;
}

static void name_engine(const char *engine, df_error *err)
{
    if (err && !err->engine[0]) snprintf(err->engine, sizeof err->engine, "%s", engine);
}

df_code df_connect(const char *url, const df_open_options *options, df_conn **out, df_error *err)
{
    static const df_open_options defaults = {0};
    const df_driver *driver = driver_of(url);
    if (!driver) return unknown_scheme(url, err);
    df_conn *conn = df_conn_new(driver);
    df_code code = driver->open(conn, url, options ? options : &defaults, err);
    if (code != DF_OK) {
        name_engine(driver->name, err);
        free(conn);
        return code;
    }
    *out = conn;
    return DF_OK;
}

void df_disconnect(df_conn *conn)
{
    if (!conn) return;
    df_rollback(conn);
    conn->driver->close(conn);
    free(conn);
}

const char *df_conn_engine(const df_conn *conn)
{
    return conn->engine;
}

uint32_t df_conn_caps(const df_conn *conn)
{
    return conn->caps;
}

const char *df_conn_server(const df_conn *conn)
{
    return conn->server;
}

const char *df_conn_schema(const df_conn *conn)
{
    return conn->schema[0] ? conn->schema : NULL;
}

bool df_conn_lost(const df_conn *conn)
{
    return conn->lost;
}

/* ---- around every call ---- */

df_code df_conn_enter(df_conn *conn, df_error *err)
{
    df_code code = DF_OK;
    if (conn->busy) {
        code = df_fail(err, DF_BUG, "the connection was used while another call on it was running");
    } else if (conn->lost) {
        code = df_fail(err, DF_CONNECT, "Database connection failed: the connection was lost earlier");
    } else if (conn->failed) {
        code = df_fail(err, DF_FAILED, "the transaction has failed and must be rolled back first");
    }
    if (code != DF_OK) {
        name_engine(conn->engine, err);
        return code;
    }
    atomic_store(&conn->cancelled, false);
    conn->busy = true;
    return DF_OK;
}

df_code df_conn_leave(df_conn *conn, df_code code, df_error *err)
{
    conn->busy = false;
    if (code == DF_OK) return DF_OK;
    if (conn->in_transaction) conn->failed = true;
    name_engine(conn->engine, err);
    return code;
}

/* A row function that stops is not a failed statement, so it is watched. */
typedef struct watched_fn {
    df_row_fn fn;
    void *context;
    df_code code;
} watched_fn;

static df_code watch(void *context, const df_row *row, df_error *err)
{
    watched_fn *watched = context;
    return watched->code = watched->fn(watched->context, row, err);
}

static df_code run(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_row_fn fn,
                   void *context, int64_t *affected, df_error *err)
{
    int64_t ignored;
    watched_fn watched = {fn, context, DF_OK};
    DF_TRY(df_conn_enter(conn, err));
    df_code code = conn->driver->run(conn, sql, params, n_params, fn ? watch : NULL, &watched,
                                     affected ? affected : &ignored, err);
    if (watched.code != DF_OK && !conn->lost) {
        conn->busy = false;
        return watched.code;
    }
    return df_conn_leave(conn, code, err);
}

df_code df_exec(df_conn *conn, const char *sql, const df_value *params, size_t n_params, int64_t *affected,
                df_error *err)
{
    return run(conn, sql, params, n_params, NULL, NULL, affected, err);
}

df_code df_query(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_row_fn fn,
                 void *context, df_error *err)
{
    return run(conn, sql, params, n_params, fn, context, NULL, err);
}

df_code df_exec_script(df_conn *conn, const char *script, df_error *err)
{
    df_sql_splitter splitter = {.dialect = conn->dialect, .script = df_str_from(script)};
    df_sql_statement statement;
    bool more;
    for (;;) {
        DF_TRY(df_sql_split(&splitter, &statement, &more, err));
        if (!more) return DF_OK;
        char *sql = df_strdup(statement.text);
        df_code code = df_exec(conn, sql, NULL, 0, NULL, err);
        free(sql);
        if (code == DF_OK) continue;
        if (err) {
            err->statement = statement.number;
            if (err->sql_offset) err->sql_offset += (int64_t)statement.offset;
            if (err->sql_line) err->sql_line += statement.line - 1;
        }
        return code;
    }
}

typedef struct first_value {
    df_arena *arena;
    df_value *out;
    bool found;
} first_value;

static df_code take_first(void *context, const df_row *row, df_error *err)
{
    (void)err;
    first_value *first = context;
    if (first->found || row->count == 0) return DF_OK;
    first->found = true;
    *first->out = row->values[0];
    if (row->values[0].type != DF_TEXT && row->values[0].type != DF_BLOB) return DF_OK;
    df_str s = row->values[0].s;
    char *copy = df_arena_try(first->arena, s.len + 1);
    if (!copy) return df_fail(err, DF_NO_MEMORY, "not enough memory for a value of %zu bytes", s.len);
    if (s.len) memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    first->out->s = (df_str){copy, s.len};
    return DF_OK;
}

df_code df_query_value(df_conn *conn, const char *sql, const df_value *params, size_t n_params,
                       df_arena *arena, df_value *out, df_error *err)
{
    first_value first = {arena, out, false};
    DF_TRY(df_query(conn, sql, params, n_params, take_first, &first, err));
    if (first.found) return DF_OK;
    df_fail(err, DF_NOT_FOUND, "the query has no row");
    name_engine(conn->engine, err);
    return DF_NOT_FOUND;
}

/* ---- transactions ---- */

df_code df_begin(df_conn *conn, df_error *err)
{
    if (conn->in_transaction) return df_fail(err, DF_BUG, "a transaction is already open");
    DF_TRY(df_conn_enter(conn, err));
    df_code code = df_conn_leave(conn, conn->driver->begin(conn, err), err);
    conn->in_transaction = code == DF_OK;
    return code;
}

static void end_transaction(df_conn *conn)
{
    conn->in_transaction = conn->failed = false;
}

df_code df_commit(df_conn *conn, df_error *err)
{
    if (!conn->in_transaction) return df_fail(err, DF_BUG, "there is no transaction to commit");
    df_code code = df_conn_enter(conn, err);
    if (code == DF_OK) {
        code = df_conn_leave(conn, conn->driver->commit(conn, err), err);
        if (code != DF_OK && conn->lost) {
            df_error_hint(err, "the connection broke during the commit; whether it took effect is not known");
        }
    }
    if (code != DF_OK && code != DF_BUG) df_rollback(conn);
    if (code == DF_OK) end_transaction(conn);
    return code;
}

void df_rollback(df_conn *conn)
{
    if (!conn->in_transaction || conn->busy) return;
    if (!conn->lost) conn->driver->rollback(conn);
    end_transaction(conn);
}

bool df_in_transaction(const df_conn *conn)
{
    return conn->in_transaction;
}

df_code df_bulk_load(df_conn *conn, const char *table, const char *const *columns, size_t n_columns,
                     const df_row_source *source, int64_t *loaded, df_error *err)
{
    int64_t ignored;
    if (!conn->in_transaction) return df_fail(err, DF_BUG, "bulk loading needs an open transaction");
    if (!n_columns) return df_fail(err, DF_BUG, "bulk loading needs columns");
    DF_TRY(df_conn_enter(conn, err));
    df_code code =
        conn->driver->bulk_load(conn, table, columns, n_columns, source, loaded ? loaded : &ignored, err);
    return df_conn_leave(conn, code, err);
}

/* ---- locks ---- */

static void sleep_ms(int64_t ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

df_code df_lock(df_conn *conn, const char *name, int64_t wait_ms, bool *taken, df_error *err)
{
    enum { FIRST_PAUSE_MS = 5, LONGEST_PAUSE_MS = 100 };
    double end = df_monotonic_s() + (double)wait_ms / 1000;
    *taken = false;
    DF_TRY(df_conn_enter(conn, err));
    for (int64_t pause = FIRST_PAUSE_MS;; pause = pause < LONGEST_PAUSE_MS ? pause * 2 : pause) {
        df_code code = conn->driver->try_lock(conn, name, taken, err);
        double left = end - df_monotonic_s();
        if (code != DF_OK || *taken || left <= 0) return df_conn_leave(conn, code, err);
        if (atomic_load(&conn->cancelled)) {
            return df_conn_leave(
                conn, df_fail(err, DF_CANCELLED, "interrupted while waiting for the lock \"%s\"", name), err);
        }
        int64_t left_ms = (int64_t)(left * 1000) + 1;
        sleep_ms(pause < left_ms ? pause : left_ms);
    }
}

df_code df_unlock(df_conn *conn, const char *name, df_error *err)
{
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->unlock(conn, name, err), err);
}

df_code df_lock_held(df_conn *conn, const char *name, bool *held, df_error *err)
{
    DF_TRY(df_conn_enter(conn, err));
    return df_conn_leave(conn, conn->driver->lock_held(conn, name, held, err), err);
}

void df_cancel(df_conn *conn)
{
    atomic_store(&conn->cancelled, true);
    if (conn->driver->cancel) conn->driver->cancel(conn);
}
