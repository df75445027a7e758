/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What somebody who changes schemas needs to know and do beyond running statements: limits, who else is
 * there, what became of a transaction, what the schema looks like. Everything is asked of the server at the
 * moment of the call; what an engine cannot know is said (`known` false, DF_UNSUPPORTED), never guessed.
 */
#ifndef DF_ENGINE_SESSION_H
#define DF_ENGINE_SESSION_H

#include "engine/engine.h"
#include "sql/sql.h"

/* The tokens, splitter and rules of the connection's SQL. */
const df_sql_dialect *df_conn_dialect(const df_conn *conn);

/* ---- limits ---- */

/*
 * How long a statement may wait for a lock, and run; milliseconds, 0: for ever. lock_timeout and
 * statement_timeout; lock_wait_timeout, innodb_lock_wait_timeout and max_statement_time; busy_timeout and the
 * progress handler. Session settings: they hold until they are set again, also after a rollback.
 * A statement that meets one fails with DF_RETRY (lock) or DF_FAILED (time), err->native telling the server's
 * code
 * ("55P03", "57014", "1205", "1969", "5"), and a hint naming the limit.
 * Neo4j has no such settings. statement_ms is the timeout of a statement that is a transaction of its own;
 * inside of one the client stops it. Waiting for a lock is seen from a second connection once a statement
 * takes longer than lock_ms ("Blocked by" in SHOW TRANSACTIONS), and stopped; so it may be noticed late, and
 * db.lock.acquisition.timeout of the server is met before when it is shorter. Cheap when nothing changes: a
 * driver remembers what was asked for. So what a script sets itself (SET lock_timeout) stands until other
 * limits are asked for, or the session is reset.
 */
typedef struct df_limits {
    int64_t lock_ms, statement_ms;
} df_limits;
DF_MUST_USE df_code df_set_limits(df_conn *conn, const df_limits *limits, df_error *err);

/*
 * Gives back every setting that a script may have changed (SET, SET ROLE, search_path, session variables,
 * temporary tables, prepared statements, PRAGMA foreign_keys, autocommit, isolation level, current database),
 * and sets the connection's own again; the named locks of the session stay. Not inside a transaction.
 */
DF_MUST_USE df_code df_session_reset(df_conn *conn, df_error *err);
/*
 * Inside an open transaction, which stays open: what its commit and a df_session_reset behind it would do to
 * what comes next. Settings and temporary tables of a script are given back, and with `check` the constraints
 * that wait for the commit are looked at (and wait again): an error is one that the commit would have. Nothing
 * where the engine has no schema changes in transactions.
 */
DF_MUST_USE df_code df_rehearse_commit(df_conn *conn, bool check, df_error *err);

/* ---- what the server says meanwhile ---- */

/* NOTICE, WARNING, SHOW WARNINGS: called while a statement runs, from the thread that runs it. severity is
 * the server's word ("NOTICE", "WARNING", "Note"). fn NULL ends it. */
typedef void (*df_notice_fn)(void *context, const char *severity, const char *message);
void df_on_notice(df_conn *conn, df_notice_fn fn, void *context);

/* ---- sessions ---- */

/* A session of the server, as another session can recognise it later. */
typedef struct df_session {
    int64_t id;        /* backend pid, connection id; SQLite: 0 */
    char started[40];  /* the server's text of when it began: ids are used again; "" when not known */
    char database[80]; /* which database this is, also after a dump, copy or restore elsewhere: system
                        * identifier and oid; server uuid/start and name; device and inode */
    char user[80], address[64]; /* as the server sees them: "app", "10.0.0.7"; "" when it does not say */
} df_session;

DF_MUST_USE df_code df_session_get(df_conn *conn, df_session *out, df_error *err);
/* Whether that session still exists (id and start agree). DF_PERMISSION or DF_UNSUPPORTED when it cannot be
 * told. */
DF_MUST_USE df_code df_session_alive(df_conn *conn, const df_session *session, bool *alive, df_error *err);
/* Ends another session (pg_terminate_backend, KILL); done when it is gone, or DF_FAILED after `wait_ms`. */
DF_MUST_USE df_code df_session_end(df_conn *conn, const df_session *session, int64_t wait_ms, df_error *err);

/*
 * Whether a pooler stands between, that gives each transaction another session (PgBouncer in transaction or
 * statement mode): with it no session lock and no setting holds. Opens a second connection by `url` when the
 * client's and the server's idea of the session differ. *pooled true: it does; `how` says how it was seen.
 */
DF_MUST_USE df_code df_session_pooled(df_conn *conn, const char *url, bool *pooled, char how[200],
                                      df_error *err);

/* ---- transactions ---- */

/* Whether the server has a transaction open now, also one that a script's own BEGIN opened. No round trip. */
bool df_server_in_transaction(const df_conn *conn);

typedef enum df_outcome {
    DF_OUTCOME_UNKNOWN,
    DF_OUTCOME_COMMITTED,
    DF_OUTCOME_ABORTED,
    DF_OUTCOME_RUNNING
} df_outcome;

/* The id of the open transaction (PostgreSQL: pg_current_xact_id; assigns one), "" where the engine has none
 * to ask for later. */
DF_MUST_USE df_code df_transaction_id(df_conn *conn, char out[32], df_error *err);
/* DF_OUTCOME_UNKNOWN for an id that is too old, or not of this server. Not inside a transaction. */
DF_MUST_USE df_code df_transaction_outcome(df_conn *conn, const char *id, df_outcome *out, df_error *err);
/* Savepoints inside the open transaction; after a rollback to one the transaction is usable again.
 * DF_UNSUPPORTED in Neo4j, which has none. */
DF_MUST_USE df_code df_savepoint(df_conn *conn, const char *name, df_error *err);
DF_MUST_USE df_code df_rollback_to(df_conn *conn, const char *name, df_error *err);
/* For who knows that the statement which failed was not understood, so that it did nothing, on an engine whose
 * transactions go on behind an error (MariaDB): the open one is usable again. */
void df_transaction_goes_on(df_conn *conn);

/* ---- several statements in one round trip ---- */

/* A statement as df_exec and df_query take it. */
typedef struct df_command {
    const char *sql;
    const df_value *params;
    size_t n_params;
    df_row_fn fn; /* of its rows; NULL: they are discarded */
    void *context;
    int64_t affected; /* out */
} df_command;

enum {
    DF_MANY_BEGIN = 1u << 0,  /* opens the transaction first, as df_begin does */
    DF_MANY_COMMIT = 1u << 1, /* commits it behind the last, as df_commit does */
};
/*
 * Runs commands inside the open transaction, or the one it opens; in one round trip where the engine can
 * (PostgreSQL; with DF_MANY_COMMIT two if a command has a row function, so that it can still keep the commit
 * from happening). It ends at the first failure: err->statement is its number, 1-based; 0 when BEGIN or
 * COMMIT failed. Commands behind one whose row function stops may have run all the same. With BEGIN or COMMIT
 * a failure leaves no transaction open; without, it is as after a failed df_exec.
 */
DF_MUST_USE df_code df_exec_many(df_conn *conn, df_command *commands, size_t count, unsigned flags,
                                 df_error *err);

/*
 * COPY … FROM STDIN: `data` are its lines as the file has them, without the "\\." at their end. *rows (may be
 * NULL) gets how many. An error names the line of `data` in its message. DF_UNSUPPORTED where there is no
 * such statement.
 */
DF_MUST_USE df_code df_copy_in(df_conn *conn, const char *sql, df_str data, int64_t *rows, df_error *err);

/* ---- what a transaction does ---- */

/* What the open transaction did so far, for a rehearsal; only where DF_CAP_OBSERVE is. */
typedef struct df_lock_seen {
    df_str relation; /* schema.name */
    df_str kind;     /* "table", "index" … */
    df_str mode;     /* "AccessExclusiveLock" */
    bool created;    /* the relation was made in this transaction: nobody else can wait for it */
} df_lock_seen;
typedef struct df_table_seen {
    df_str table;    /* schema.name */
    bool rewritten;  /* its storage is another than before */
    int64_t scanned; /* rows read by sequential scans in this transaction */
    int64_t written; /* rows inserted, updated, deleted in this transaction */
} df_table_seen;
typedef struct df_observation {
    df_lock_seen *locks; /* strongest per relation; what is taken on system catalogs left out */
    size_t n_locks;
    df_table_seen *tables; /* user tables touched */
    size_t n_tables;
    int64_t wal_bytes; /* written by the whole server since the observation began; -1: not known */
    double oldest_ms;  /* how long the transaction is open: as long, at most, are its locks held */
} df_observation;
/*
 * Call once after BEGIN (notes the storage of every table), then after each statement: what changed since the
 * last. df_observe_end before or after the transaction's end, not after df_disconnect.
 */
typedef struct df_observer_state df_observer_state;
DF_MUST_USE df_code df_observe_begin(df_conn *conn, df_observer_state **out, df_error *err);
DF_MUST_USE df_code df_observe(df_conn *conn, df_observer_state *state, df_arena *arena, df_observation *out,
                               df_error *err);
void df_observe_end(df_observer_state *state);

/* ---- the schema ---- */

/*
 * One object of the live schema. `definition` is canonical text: two objects with equal definitions behave
 * alike; it names nothing that differs between two databases with the same schema (oids, file nodes,
 * positions of columns after a drop, statistics, AUTO_INCREMENT counters, sequence positions).
 */
typedef struct df_object {
    df_str kind;   /* "schema", "extension", "type", "domain", "sequence", "table", "column", "constraint",
                    * "index", "view",   "materialized view", "function", "procedure", "aggregate", "trigger",
                    * "policy", "rule", "grant", "comment",   "event", "publication", "statistics", "default
                    * privilege", "foreign table", "collation" … */
    df_str schema; /* absent where the engine has none */
    df_str parent; /* the table of a column, index, constraint, trigger …; absent when it stands alone */
    df_str name;   /* functions with their argument types */
    df_str definition;
} df_object;
typedef df_code (*df_object_fn)(void *context, const df_object *object, df_error *err);

typedef struct df_inspect_options {
    const char *schema; /* only this schema; NULL: every schema that is not the server's own */
    const char *const
        *exclude; /* names of tables (and what hangs on them) to leave out, NULL-terminated; globs */
} df_inspect_options;
/*
 * Every object of the current database, sorted by kind, schema, parent, name. From one snapshot where the
 * engine has one (repeatable read). Objects that belong to an extension are left out, the extension is there
 * with its version.
 */
DF_MUST_USE df_code df_inspect(df_conn *conn, const df_inspect_options *options, df_object_fn fn,
                               void *context, df_error *err);

/*
 * The state of one object that a statement is about, in a form that changes when the object does: "" when it
 * does not exist, else a short text (a digest; for an index also "valid" or "invalid"). For asking after a
 * crash whether a statement took effect. `kind` as in df_sql_object ("table", "index", "view", "type",
 * "function", "trigger", "schema", "database", "sequence", "user" …; of a graph "index", "constraint", and
 * "label" or "relationship type" for all of them on it), schema absent: by the session's search path.
 * DF_UNSUPPORTED when the kind has no state that can be looked up.
 */
DF_MUST_USE df_code df_object_state(df_conn *conn, const char *kind, df_str schema, df_str name, df_str table,
                                    df_buf *out, df_error *err);

/*
 * Schema changes that a server finishes by itself later (the indexes of Neo4j): waits until all that are
 * under way are done, at most `timeout_ms` (0: for ever). DF_FAILED when one has failed, with the server's
 * reason; DF_RETRY when the time is over. Where nothing is finished later it returns at once. Not inside a
 * transaction.
 */
DF_MUST_USE df_code df_settle_schema(df_conn *conn, int64_t timeout_ms, df_error *err);

/* ---- what a statement would do ---- */

/* What the server says of a statement that it has planned and not run. */
typedef struct df_explanation {
    char kind[4]; /* "r" reads, "rw" reads and writes, "w" writes, "s" changes the schema; "" not told */
    double estimated_rows; /* of the plan's result; below 0: not told */
    df_str operators;      /* the plan, one operator a line, indented by depth, "ProduceResults (10 rows)" */
} df_explanation;
/*
 * Has the server check and plan a statement; nothing is run or written. A statement that the server would
 * refuse fails as df_exec of it would. Strings in `arena`. DF_UNSUPPORTED where the engine has no such thing
 * for all kinds of statements.
 */
DF_MUST_USE df_code df_explain(df_conn *conn, const char *sql, const df_value *params, size_t n_params,
                               df_arena *arena, df_explanation *out, df_error *err);

#endif
