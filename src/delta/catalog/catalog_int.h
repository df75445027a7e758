/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the catalog: the words in which the engines differ, and small helpers. */
#ifndef DF_DELTA_CATALOG_CATALOG_INT_H
#define DF_DELTA_CATALOG_CATALOG_INT_H

#include "delta/catalog/catalog.h"

/* ---- dialects: one constant struct an engine, each in its own file ---- */

typedef struct delta_dialect {
    const char *engine;      /* df_conn_engine */
    const char *schema;      /* script that makes every table that is missing */
    const char *has_catalog; /* query: one row whose first value is not 0 when delta_catalog is there */
    const char *scope;       /* query: text that names this catalog on its server; part of lock names */
    const char
        *make_scope; /* query: statement that makes the schema to put the tables into, NULL or no row: none */
    const char *session; /* statement that a session begins with; NULL */
    const char *now, *lease, *join;
    const char *time_open, *time_close; /* around a time column: its value as text in UTC */
    const char *make_ending;            /* temporary table delta_ending, when missing */
    const char *plan_ending;            /* query that makes the planner start from delta_ending; NULL */
    const char *delete_ending;          /* of delta_files, what delta_ending names; parameter: table_id */
} delta_dialect;

extern const delta_dialect delta_dialect_sqlite, delta_dialect_postgres, delta_dialect_mariadb;

const delta_dialect *delta_dialect_of(const df_conn *conn);

/* ---- the handle ---- */

typedef struct delta_held_lock {
    char *table_id;
    int64_t token; /* fencing: what delta_locks must still say when this holder commits */
} delta_held_lock;

typedef struct delta_catalog_impl {
    delta_catalog catalog; /* first: what callers see */
    const delta_dialect *dialect;
    df_buf sql; /* the statement being expanded */
    char *scope;
    delta_held_lock *locks;
    size_t n_locks, locks_cap;
} delta_catalog_impl;

static inline delta_catalog_impl *delta_impl(delta_catalog *catalog)
{
    return (delta_catalog_impl *)catalog;
}

/* ---- statements: `sql` may hold the words in braces that sql/loader.sql explains ---- */

DF_MUST_USE df_code delta_exec(delta_catalog *catalog, const char *sql, const df_value *params,
                               size_t n_params, int64_t *affected, df_error *err);
DF_MUST_USE df_code delta_ask(delta_catalog *catalog, const char *sql, const df_value *params,
                              size_t n_params, df_row_fn fn, void *context, df_error *err);
/* The first value of the first row as a number; `fallback` when it is NULL or there is no row. */
DF_MUST_USE df_code delta_ask_int(delta_catalog *catalog, const char *sql, const df_value *params,
                                  size_t n_params, int64_t fallback, int64_t *out, df_error *err);

/* df_begin, tried again politely for minutes while another table's import holds an engine's only lock for
 * writing. */
DF_MUST_USE df_code delta_begin(delta_catalog *catalog, df_error *err);
/* The same, but gives up after `wait_ms`. */
DF_MUST_USE df_code delta_begin_within(delta_catalog *catalog, int64_t wait_ms, df_error *err);
/* df_commit that leaves no transaction open when it fails. */
DF_MUST_USE df_code delta_commit(delta_catalog *catalog, df_error *err);

/*
 * `work` in a transaction of its own; begun again a few times when the engine says that another session was
 * in the way (a deadlock, say), so `work` must start from what it is given.
 */
typedef df_code (*delta_work)(void *context, df_error *err);
DF_MUST_USE df_code delta_transaction(delta_catalog *catalog, delta_work work, void *context, df_error *err);

/* ---- values ---- */

static inline df_value delta_v_int(int64_t value)
{
    return value == DELTA_ABSENT ? DF_V_NULL : df_v_int(value);
}
/* Versions: -1 is stored as NULL. */
static inline df_value delta_v_version(int64_t version)
{
    return version < 0 ? DF_V_NULL : df_v_int(version);
}
/* A value of a result as a number, whatever type the driver gave it; `fallback` for NULL. */
int64_t delta_int_of(const df_value *value, int64_t fallback);
/* A value of a result as text in `arena`; absent for NULL. */
df_str delta_text_of(const df_value *value, df_arena *arena);
/* A time column read through {time:…} as ISO-8601 in UTC; absent for NULL. */
df_str delta_time_of(const df_value *value, df_arena *arena);
/* NUL, which PostgreSQL cannot store, becomes the six characters \u0000 (in `arena`), on every engine. */
df_str delta_clean(df_arena *arena, df_str text);

/* ---- locks ---- */

/* Token of a lock that this catalog handle holds; 0: it does not. */
int64_t delta_lock_token(delta_catalog *catalog, df_str table_id);
/* "deltalakedb:" and a hash of where the catalog is and of the table: short enough for every engine. */
void delta_lock_name(delta_catalog *catalog, df_str table_id, char out[64]);
/* "host:pid" */
void delta_owner(char out[300], char host[256], int64_t *pid);
/* Renews the lease inside of the open transaction; DF_LOCKED when somebody else has taken the lock meanwhile.
 */
DF_MUST_USE df_code delta_lock_beat(delta_catalog *catalog, df_str table_id, df_error *err);

/* ---- tables ---- */

/* Deletes the table's rows everywhere but in delta_tables, migration_status and delta_locks, inside of the
 * open transaction. */
DF_MUST_USE df_code delta_table_clear(delta_catalog *catalog, df_str table_id, int64_t *rows, df_error *err);

#endif
