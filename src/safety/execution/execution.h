/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running migrations. A section's statements are cut into units: what runs in one transaction, and what must run
 * alone. A migration that is one unit commits together with its record. Any other is journalled: each unit leaves a
 * row that is committed with it, and a statement that can be in no transaction leaves one before it runs and one after,
 * so that a run killed anywhere goes on where it stopped, or says which statement is in doubt.
 */
#ifndef DF_SAFETY_EXECUTION_H
#define DF_SAFETY_EXECUTION_H

#include "ledger/ledger.h"
#include "operate/operate.h"

#include <dataflow/migrate.h>

/* ---- units: pure ---- */

typedef enum df_unit_mode {
    DF_UNIT_TRANSACTION, /* its statements commit together, with their journal rows */
    DF_UNIT_ALONE,       /* what the server runs in no transaction with data: one statement, or changes of the schema */
    DF_UNIT_SESSION,     /* settings, temporary objects: belong to the session, run again by whoever goes on */
    DF_UNIT_BATCHED,     /* one statement over key ranges, a transaction each */
} df_unit_mode;

typedef struct df_unit {
    df_unit_mode mode;
    size_t first, count; /* steps */
    bool shared;         /* each could be a transaction of its own: INSERTs of rows into one table */
    bool roll_back;      /* the file ends its transaction with ROLLBACK */
} df_unit;

typedef struct df_units {
    df_unit *items;
    size_t count;
    bool whole;      /* one transaction together with the record */
    const char *why; /* why not: "CREATE INDEX CONCURRENTLY (statement 2) cannot run in a transaction" */
    size_t hoisted;  /* whole: so many leading steps set what a transaction would ignore (PRAGMA foreign_keys), and run before it */
    size_t lowered;  /* whole: so many trailing ones run behind it */
} df_units;

/* DF_CORRUPT for a BEGIN without COMMIT and the like, with file and line. Memory from `arena`. */
DF_MUST_USE df_code df_units_make(const df_sql_dialect *dialect, const df_section *section, const df_steps *steps,
                                  df_arena *arena, df_units *out, df_error *err);

/* ---- watching: a thread that warns about what takes long ---- */

/*
 * While a migration runs: "PROGRESS" lines every ten seconds, a warning once it has taken twice its estimate, what the
 * lock row says. `observer` is called from the watch's thread. Of a statement that takes long the server is asked, over a connection of
 * the watch's own to `url`, how far it is; NULL: it is not. Both pointers must live as long.
 */
typedef struct df_watch df_watch;
DF_MUST_USE df_code df_watch_open(const df_observer *observer, const char *url, const df_open_options *options, df_watch **out,
                                  df_error *err);
void df_watch_close(df_watch *watch);

/* ---- running ---- */

typedef struct df_executor {
    df_conn *conn;      /* replaced after a lost connection: look here afterwards */
    df_ledger *ledger;  /* its lease is held */
    df_migration_set *set;
    const char *url;
    const df_open_options *open_options;
    df_placeholders placeholders;
    int64_t lock_timeout_ms, lock_retries, statement_timeout_ms, index_timeout_ms; /* 0: none */
    df_lease_options lease;
    const df_observer *observer;
    void (*event)(void *context, const char *json);
    void *event_context;
    bool no_statement_events;
    char run_id[40];
    const char *reason; /* of a down */
    bool forced; /* a down of what is half done, of which nothing can be taken back by itself, is run as it stands */
    df_arena *arena;    /* reports live here */
    df_watch *watch;    /* may be NULL */
    int64_t session_id; /* of conn, for the watch; 0: not asked yet */
} df_executor;

/*
 * Runs a migration in one direction, from its beginning or from where an earlier run stopped, and records it. `before`
 * is its row of the history, NULL when there is none. Down of one that was applied in part takes back that part.
 * DF_FAILED and the server's codes: nothing of it is left (item->undone "all"); DF_INCOMPLETE: something is, and the record
 * says what; DF_CANCELLED: stopped between two units. `item` is filled in every case.
 */
DF_MUST_USE df_code df_execute(df_executor *executor, df_migration *migration, const df_applied *before,
                               df_direction direction, df_migrate_run_item *item, df_error *err);

/*
 * Runs the migrations in one transaction that is rolled back, and measures (engines that can); what cannot be run so
 * is said, statement by statement. Nothing is recorded. Failures are in the items; the code tells only what keeps
 * from rehearsing at all.
 */
DF_MUST_USE df_code df_rehearse(df_executor *executor, df_migration *const *migrations, size_t count, df_direction direction,
                                df_migrate_run_item *items, df_error *err);

/* What the down sections of these would destroy: "users: 1,204 rows", "users.phone: 17 values". Reads only. */
typedef struct df_loss {
    const char *id, *what;
    int64_t rows;
} df_loss;
DF_MUST_USE df_code df_losses(df_executor *executor, df_migration *const *migrations, size_t count, df_direction direction,
                              df_loss **out, size_t *n_out, df_error *err);

/* ---- hooks and checks ---- */

typedef struct df_hook_context {
    const char *when, *migration_id, *direction, *environment;
    bool failed;
} df_hook_context;
/* Whether those that are files can be read, so that nothing is begun whose check is missing at its end. */
DF_MUST_USE df_code df_hooks_look(const df_migrate_hook *hooks, size_t n_hooks, df_error *err);
/* Runs the hooks of one moment in order; the first failure ends it. SQL files run on the connection, commands by /bin/sh with
 * DATAFLOW_* in their environment. What checks found is added to the findings. */
DF_MUST_USE df_code df_hooks_run(df_executor *executor, const df_migrate_hook *hooks, size_t n_hooks, const df_hook_context *context,
                                 df_migrate_finding **findings, size_t *n_findings, size_t *cap, df_error *err);

#endif
