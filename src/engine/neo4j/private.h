/* SPDX-License-Identifier: Apache-2.0 */
/* The Neo4j driver's own declarations; nobody outside of this folder includes them. */
#ifndef DF_ENGINE_NEO4J_PRIVATE_H
#define DF_ENGINE_NEO4J_PRIVATE_H

#include "engine/driver.h"
#include "engine/neo4j/bolt.h"

#include <pthread.h>

/* What holds the named locks (lock.c). Its nodes are never committed; its constraint is no part of anybody's
 * schema. */
#define NEO_LOCK_LABEL      "__DataflowLock"
#define NEO_LOCK_CONSTRAINT "__dataflow_lock"

/* What the URL says; strings in neo_conn.arena, NULL where it says nothing. */
typedef struct neo_target {
    bolt_options bolt;                  /* where, how, and as whom */
    const char *database, *impersonate; /* NULL: the server's choice, nobody */
    bool routing;                       /* neo4j://: ask who takes writes */
} neo_target;

enum { NEO_5 = 50000 }; /* the first version of neo_conn that is not 4.4 */

/* A named lock that this session holds, and the connection whose open transaction holds it. */
typedef struct neo_lock {
    char *name;
    bolt *bolt;
    int64_t times;
} neo_lock;

typedef struct neo_conn {
    df_conn base;
    df_arena arena;
    neo_target target;
    bolt *bolt; /* never NULL while the connection is open */
    char *host; /* which server `bolt` is connected to: not the URL's when that routes */
    unsigned port;
    char *application;
    bool read_only;
    int version;          /* of the server: 5.26.30 is 52630, 2026.08.1 is 20260801; below NEO_5 it is 4.4 */
    char database[256];   /* the database's name as the server has it: also when the URL names none */
    char database_id[80]; /* its store's id */
    char user[80];        /* as whom: the URL's user; "" without authentication */

    bool open;      /* the server has a transaction of ours open */
    bool stale;     /* the server no longer takes writes: look for another before the next transaction */
    char *bookmark; /* of the last commit; NULL: none yet */
    df_limits limits;
    bool limits_asked; /* df_set_limits was called at all */
    df_buf metadata;   /* of transactions, for SHOW TRANSACTIONS: {app: "…"} */

    /* Between the caller's thread and df_cancel's. */
    pthread_mutex_t guard;
    bool running;     /* a statement is on its way: it may be interrupted */
    bool interrupted; /* somebody wants that */
    bool halted;      /* and bolt_interrupt was called */

    /* A COMMIT is on its way behind statements: these are not stopped by a reset, which would leave open what
     * became of it, but by ending the transaction from beside. */
    bool committing;
    df_error gave_up; /* why that was done; code DF_OK: it was not */

    int64_t statement_end; /* monotonic ms, 0: none: when the running statement has had its time */
    int64_t lock_look;     /* likewise: when to look whether it waits for a lock */
    bolt *watch;           /* a second connection, for looking; NULL until it is needed */

    neo_lock *locks;
    bolt *spare; /* a companion that holds no lock now; NULL */
    size_t n_locks, locks_cap;
} neo_conn;

static inline neo_conn *neo_of(df_conn *conn)
{
    return (neo_conn *)conn;
}

/* ---- connect.c ---- */

df_code neo_open(df_conn *conn, const char *url, const df_open_options *options, df_error *err);
void neo_close(df_conn *conn);
/* Another connection to the server that `c` is connected to, as the same user. */
df_code neo_companion(const neo_conn *c, bolt **out, df_error *err);
/* After NotALeader and its like: connects to the server that takes writes now. Not inside a transaction. */
df_code neo_reroute(neo_conn *c, df_error *err);

/* url.c */
df_code neo_parse_url(const char *url, const char *application, df_arena *arena, neo_target *out,
                      df_error *err);

/* "host:port", "[::1]:7687". */
const char *neo_address(df_arena *arena, const char *host, unsigned port);

/* ---- query.c: what everything else is made of ---- */

/* One record, the PackStream list of its values; valid until the callback returns. Any code but DF_OK ends
 * the query, which then returns it. */
typedef df_code (*neo_record_fn)(void *context, df_str record, df_error *err);

/* How a statement ended. */
typedef struct neo_summary {
    int64_t affected; /* what it changed: nodes, relationships, properties, labels, indexes, constraints */
    char kind[4];     /* "r", "rw", "w", "s"; "" when the server did not say */
} neo_summary;

/*
 * One statement, in the open transaction or as one of its own; `parameters` is a PackStream dict, absent for
 * none; streams, `fn` NULL: the records are
 * passed over. `fields` (NULL) is told the names of the columns
 * before the first record: the RUN's metadata. `summary` (NULL) gets how it ended.
 */
typedef struct neo_statement {
    df_str query, parameters;
    df_code (*fields)(void *context, df_str metadata, df_error *err);
    neo_record_fn fn;
    df_code (*end)(void *context, df_str metadata, df_error *err); /* NULL; of the last reply's metadata */
    void *context;
} neo_statement;
df_code neo_statement_run(neo_conn *c, const neo_statement *statement, neo_summary *summary, df_error *err);
/* The same for a query of our own, without columns' names. */
df_code neo_query(neo_conn *c, const char *query, df_str parameters, neo_record_fn fn, void *context,
                  df_error *err);

df_code neo_run(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_row_fn fn,
                void *context, int64_t *affected, df_error *err);

/* Around everything that waits for the server: from the first on df_cancel can interrupt it. neo_leave passes
 * `code` on, or makes it DF_CANCELLED. */
void neo_enter(neo_conn *c);
df_code neo_leave(neo_conn *c, df_code code, df_error *err);
/* The next reply, within the limits of the running statement. When it fails, there is no transaction any
 * more. */
df_code neo_receive(neo_conn *c, bolt_message *out, df_error *err);
/* A FAILURE: into an error, the connection made usable again; the open transaction is gone. Returns the code.
 */
df_code neo_failed(neo_conn *c, df_str metadata, df_error *err);
/* Makes the connection usable again after whatever has happened; an open transaction is rolled back. */
void neo_reset_bolt(neo_conn *c);
/* Starts the clock of the limits for one statement. */
void neo_start_clock(neo_conn *c);
/*
 * What an auto-commit statement and BEGIN carry; `bookmarks` is room for them. The limit for a statement is
 * the server's affair in the first: there a statement is a transaction. Inside of BEGIN … COMMIT it is ours
 * (neo_receive), since what the server could limit is the whole transaction.
 */
bolt_transaction neo_transaction(const neo_conn *c, const char *bookmarks[2]);
bolt_transaction neo_transaction_begin(const neo_conn *c, const char *bookmarks[2]);
/* Keeps the bookmark of a COMMIT or an auto-commit statement. */
void neo_note_bookmark(neo_conn *c, df_str metadata);
/* What a statement's last reply tells: adds to `summary`, calls the listener of notices. */
void neo_summarise(neo_conn *c, df_str metadata, neo_summary *summary);

/* ---- parameters.c: `?` and parameters ---- */

typedef struct neo_request {
    df_buf query, parameters; /* with $p1, $p2 …; a dict */
    bool packed;              /* a parameter stands for a whole list or map */
} neo_request;
/* Release it in every case. */
df_code neo_request_make(const neo_conn *c, df_str sql, const df_value *params, size_t n_params,
                         neo_request *r, df_error *err);
void neo_request_release(neo_request *r);
df_code neo_put_value(df_buf *out, const df_value *value, df_error *err);

/* ---- request.c: errors, metadata and rows ---- */

/* Where the server saw an error in the request becomes where that is in `sql`. */
void neo_place_error(const neo_conn *c, const neo_request *r, df_str sql, size_t n_params, df_error *err);
/* A value of a record; lists, maps, nodes, temporal values … as readable text in `text`. */
df_code neo_take_value(ps_reader *reader, df_buf *text, df_value *out, df_error *err);
/* The value of a dict's key; false when it is not there or the dict is damaged. */
bool neo_find(df_str dict, const char *key, ps_reader *value);
bool neo_find_item(df_str dict, const char *key, ps_item *value);
df_str neo_find_text(df_str dict, const char *key); /* absent when it is not there, or no text */

/* Rows of a statement, as df_row. Release it. */
typedef struct neo_rows {
    df_row_fn fn;
    void *context;
    df_arena arena;
    size_t count;
    const char **names;
    df_value *values;
    df_buf text;
    size_t *at; /* where in `text` a value's own text begins; SIZE_MAX: nowhere */
} neo_rows;
df_code neo_rows_fields(void *rows, df_str metadata, df_error *err);
df_code neo_rows_record(void *rows, df_str record, df_error *err);
void neo_rows_release(neo_rows *rows);

/* ---- transaction.c ---- */

df_code neo_begin(df_conn *conn, df_error *err);
df_code neo_commit(df_conn *conn, df_error *err);
void neo_rollback(df_conn *conn);
bool neo_in_transaction(const df_conn *conn);
df_code neo_savepoint(df_conn *conn, const char *name, df_error *err);
df_code neo_rollback_to(df_conn *conn, const char *name, df_error *err);
/* Sends COMMIT's or ROLLBACK's reply to where it belongs. */
df_code neo_take_end(neo_conn *c, df_error *err);

/* many.c */
df_code neo_exec_many(df_conn *conn, df_command *commands, size_t count, unsigned flags, df_error *err);

/* session.c */
df_code neo_set_limits(df_conn *conn, const df_limits *limits, df_error *err);
df_code neo_session_reset(df_conn *conn, df_error *err);
void neo_cancel(df_conn *conn);
df_code neo_session_get(df_conn *conn, df_session *out, df_error *err);
df_code neo_session_alive(df_conn *conn, const df_session *session, bool *alive, df_error *err);
df_code neo_session_end(df_conn *conn, const df_session *session, int64_t wait_ms, df_error *err);

/* watch.c */
/* A query of our own, as a transaction of its own, over a connection that is not the session's. `deadline`:
 * monotonic ms. `fn` may be NULL. After a failure the connection is usable or lost (bolt_lost). */
df_code neo_side_query(const neo_conn *c, bolt *b, const char *query, df_str parameters, int64_t deadline,
                       neo_record_fn fn, void *context, df_error *err);
int64_t neo_now_ms(void); /* monotonic */
/* Ends the session's open transaction from beside: its statement fails, or the COMMIT behind it was faster.
 */
df_code neo_terminate_own(neo_conn *c, df_error *err);
/* Whether the running statement has waited for a lock longer than limits.lock_ms; `by`: for whom. Errors of
 * the looking itself count as no. */
bool neo_waits_for_lock(neo_conn *c, char by[200]);

/* lock.c */
df_code neo_try_lock(df_conn *conn, const char *name, bool *taken, df_error *err);
df_code neo_unlock(df_conn *conn, const char *name, df_error *err);
df_code neo_lock_held(df_conn *conn, const char *name, bool *held, df_error *err);
void neo_locks_release(neo_conn *c);

/* ---- inspect.c, state.c ---- */

/* A constraint or an index as the server shows it; views of its message. */
typedef struct neo_rule {
    bool constraint;   /* else an index */
    bool relationship; /* of a relationship type, else of labels */
    bool owned;        /* an index that belongs to a constraint */
    df_str name, type; /* type: the server's word, which may differ between versions */
    df_str property_type, state, failure, statement; /* absent where there is none */
    df_str options;                                  /* a PackStream dict */
    df_str *labels, *properties;
    size_t n_labels, n_properties;
} neo_rule;
typedef df_code (*neo_rule_fn)(void *context, const neo_rule *rule, df_error *err);
/* All of them, also lookup indexes and our own; constraints first. */
df_code neo_rules(neo_conn *c, neo_rule_fn fn, void *context, df_error *err);
df_code neo_rules_of(neo_conn *c, bool constraints, neo_rule_fn fn, void *context, df_error *err);
/* What it demands or covers, the same on every server; without its name. Sorts the labels where their order
 * means nothing. */
df_code neo_put_definition(const neo_rule *rule, df_buf *out, df_error *err);
bool neo_rule_is_ours(const neo_rule *rule); /* of the named locks */
df_code neo_inspect(df_conn *conn, const df_inspect_options *options, df_object_fn add, void *context,
                    df_error *err);
df_code neo_object_state(df_conn *conn, const char *kind, df_str schema, df_str name, df_str table,
                         df_buf *out, df_error *err);
df_code neo_settle_schema(df_conn *conn, int64_t timeout_ms, df_error *err);

/* explain.c */
df_code neo_explain(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_arena *arena,
                    df_explanation *out, df_error *err);

/* bulk.c */
df_code neo_bulk_load(df_conn *conn, const char *table, const char *const *columns, size_t n_columns,
                      const df_row_source *source, int64_t *loaded, df_error *err);

#endif
