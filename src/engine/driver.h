/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For authors of engines: the table of functions that a driver fills in. Each driver ends with one
 * constant table, named in the array of engine.c. Callers never see this header.
 *
 * To add an engine: a folder with the file names of the others, a `df_driver` at the end of driver.c,
 * a line in engine.c's array, and the contract suite in tests/engine/ run against it. A client library that
 * is slow to load is loaded in `open` (base/library.h).
 */
#ifndef DF_ENGINE_DRIVER_H
#define DF_ENGINE_DRIVER_H

#include "engine/copy.h"
#include "engine/session.h"
#include "sql/sql.h"

#include <stdatomic.h>

typedef struct df_driver {
    const char *name;           /* also the folder's name */
    const char *const *schemes; /* URL schemes, NULL-terminated: "postgresql", "postgres" */
    uint32_t caps;
    const df_sql_dialect *dialect;
    size_t conn_size; /* of the driver's struct, whose first member is a df_conn */

    /*
     * ---- required ----
     * engine.c checks the connection's state before each call (not lost, not inside another call, no
     * failed transaction), fills err->engine and keeps in_transaction and failed. A driver sets `lost`
     * when the server is gone, and err->native, err->sql_offset and err->sql_line where it knows them.
     */
    /* `conn` is zeroed, its driver set. On failure the driver frees what it took; close is not called. */
    df_code (*open)(df_conn *conn, const char *url, const df_open_options *options, df_error *err);
    void (*close)(df_conn *conn);
    /* One statement with `?` parameters; fn NULL: rows are discarded. See df_exec and df_query. */
    df_code (*run)(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_row_fn fn,
                   void *context, int64_t *affected, df_error *err);
    df_code (*begin)(df_conn *conn, df_error *err);
    /* Whatever it returns, no transaction is open afterwards (engine.c calls rollback after a failure). */
    df_code (*commit)(df_conn *conn, df_error *err);
    /* Also when the server has already given the transaction up, or is gone. */
    void (*rollback)(df_conn *conn);
    df_code (*bulk_load)(df_conn *conn, const char *table, const char *const *columns, size_t n_columns,
                         const df_row_source *source, int64_t *loaded, df_error *err);
    /* Tries once; never blocks. */
    df_code (*try_lock)(df_conn *conn, const char *name, bool *taken, df_error *err);
    df_code (*unlock)(df_conn *conn, const char *name, df_error *err);
    df_code (*lock_held)(df_conn *conn, const char *name, bool *held, df_error *err);

    /* ---- required, of session.h: session.c checks the state as engine.c does ---- */
    /* The server's own word, without asking it. */
    bool (*in_transaction)(const df_conn *conn);
    df_code (*set_limits)(df_conn *conn, const df_limits *limits, df_error *err);
    /* Never called inside a transaction. The limits of set_limits hold on. */
    df_code (*reset)(df_conn *conn, df_error *err);
    /* `out` is zeroed. */
    df_code (*session_get)(df_conn *conn, df_session *out, df_error *err);
    /* `name` is a plain word of our own making or of the caller's, to be quoted. */
    df_code (*savepoint)(df_conn *conn, const char *name, df_error *err);
    /* Also when a statement has failed since, or a result is still to be read. */
    df_code (*rollback_to)(df_conn *conn, const char *name, df_error *err);
    /* In any order: session.c sorts, filters and leaves out. Strings are copied by `add`. */
    df_code (*inspect)(df_conn *conn, const df_inspect_options *options, df_object_fn add, void *context,
                       df_error *err);
    df_code (*object_state)(df_conn *conn, const char *kind, df_str schema, df_str name, df_str table,
                            df_buf *out, df_error *err);

    /* ---- optional: NULL when the engine cannot ---- */
    /* NULL: changes of the schema are not in transactions. */
    df_code (*rehearse_commit)(df_conn *conn, bool check, df_error *err);
    void (*cancel)(df_conn *conn); /* from another thread */
    /* After `notice` and `notice_context` of the connection have been set. */
    void (*on_notice)(df_conn *conn);
    df_code (*session_alive)(df_conn *conn, const df_session *session, bool *alive, df_error *err);
    /* Asks for its end; see df_session_end_wait. */
    df_code (*session_end)(df_conn *conn, const df_session *session, int64_t wait_ms, df_error *err);
    /* NULL: nothing can stand between. `how` is empty. */
    df_code (*session_pooled)(df_conn *conn, const char *url, bool *pooled, char how[200], df_error *err);
    df_code (*transaction_id)(df_conn *conn, char out[32], df_error *err);
    df_code (*transaction_outcome)(df_conn *conn, const char *id, df_outcome *out, df_error *err);
    /* *out begins with a df_observer_state whose members are filled in. */
    df_code (*observe_begin)(df_conn *conn, df_observer_state **out, df_error *err);
    df_code (*copy_in)(df_conn *conn, const char *sql, df_str data, int64_t *rows, df_error *err);
    /* NULL: session.c makes one call after the other. BEGIN and COMMIT are part of it when `flags` say so. */
    df_code (*exec_many)(df_conn *conn, df_command *commands, size_t count, unsigned flags, df_error *err);
    df_code (*explain)(df_conn *conn, const char *sql, const df_value *params, size_t n_params,
                       df_arena *arena, df_explanation *out, df_error *err);
    /* NULL: schema changes are done when their statement is. */
    df_code (*settle_schema)(df_conn *conn, int64_t timeout_ms, df_error *err);
    /* Of copy.h; `out` is zeroed, no transaction is open. */
    df_code (*tool_access)(df_conn *conn, df_arena *arena, df_tool_access *out, df_error *err);
    df_code (*backup_to)(df_conn *conn, const char *path, const df_observer *observer, df_error *err);
    df_code (*backup_from)(df_conn *conn, const char *path, const df_observer *observer, df_error *err);
    /* Of copy.h, for graphs: together or not at all. No transaction is open. */
    df_code (*content)(df_conn *conn, const df_content_options *options, df_content *out, df_error *err);
    df_code (*dump)(df_conn *conn, const df_dump_options *options, df_write_fn write, void *context,
                    df_dump_report *report, df_error *err);
    df_code (*dump_content)(const df_content_options *options, df_read_fn read, void *context, df_content *out,
                            df_error *err);
    df_code (*load)(df_conn *conn, const df_load_options *options, df_read_fn read, void *context, bool *begun,
                    df_error *err);
    df_code (*wipe)(df_conn *conn, const df_load_options *options, df_error *err);
    /* Of wrappers: what is wrapped, for calls that they let through. */
    df_conn *(*inner)(df_conn *conn);
} df_driver;

struct df_observer_state {
    df_code (*observe)(df_conn *conn, df_observer_state *state, df_arena *arena, df_observation *out,
                       df_error *err);
    void (*end)(df_observer_state *state);
};

struct df_conn {
    const df_driver *driver;
    const char *engine;            /* the driver's name; a wrapper shows the name of what it wraps */
    uint32_t caps;                 /* likewise */
    const df_sql_dialect *dialect; /* likewise */
    bool in_transaction;           /* kept by engine.c */
    bool failed;                   /* a statement failed in the open transaction: only rollback is left */
    bool busy;                     /* inside a call; a row callback must not use the connection */
    bool lost;                     /* set by the driver: the server is gone, nothing works any more */
    atomic_bool cancelled;         /* set by df_cancel, cleared when the next call begins */
    char schema[64];               /* of ?schema=, empty when there is none; filled by open */
    char server[64];               /* filled by open */
    df_notice_fn notice;           /* NULL: nobody listens */
    void *notice_context;
};

/* ---- for drivers and wrappers ---- */

/* A zeroed connection of a driver, its common part filled in. Freed with free(). */
df_conn *df_conn_new(const df_driver *driver);
/*
 * Puts "Permission denied", "Disk space exhausted" or "Database connection failed" in front of a server's
 * message, as its code wants, and a hint behind; the message loses line ends. Returns `code`.
 */
df_code df_engine_fail(df_error *err, df_code code, const char *native, const char *message);
/* Says where in `sql` the server saw the error: `offset` 0-based, in bytes. */
void df_engine_fail_at(df_error *err, df_str sql, size_t offset);
/* Begins and ends a call: the state's checks before, `failed` and err->engine after. */
DF_MUST_USE df_code df_conn_enter(df_conn *conn, df_error *err);
df_code df_conn_leave(df_conn *conn, df_code code, df_error *err);
/* Whoever asked a session to end waits here: DF_OK once `alive` says it is gone, DF_FAILED after `wait_ms`.
 */
DF_MUST_USE df_code df_session_end_wait(df_conn *conn, const df_session *session, int64_t wait_ms,
                                        df_error *err);

#endif
