/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For authors of engines: the table of functions that a driver fills in. Each driver ends with one
 * constant table, named in the array of engine.c. Callers never see this header.
 *
 * To add an engine: a folder with the file names of the others, a `df_driver` at the end of driver.c,
 * a line in engine.c's array, and the contract suite in tests/engine/ run against it.
 */
#ifndef DF_ENGINE_DRIVER_H
#define DF_ENGINE_DRIVER_H

#include "engine/engine.h"

typedef struct df_driver {
    const char *name;           /* also the folder's name */
    const char *const *schemes; /* URL schemes, NULL-terminated: "postgresql", "postgres" */
    uint32_t caps;
    size_t conn_size; /* of the driver's struct, whose first member is a df_conn */

    /* ---- required ---- */
    /* `conn` is zeroed, its driver set. On failure the driver frees what it took; close is not called. */
    df_code (*open)(df_conn *conn, const char *url, const df_open_options *options, df_error *err);
    void (*close)(df_conn *conn);
    /* One statement with `?` parameters; fn NULL: rows are discarded. See df_exec and df_query. */
    df_code (*run)(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_row_fn fn, void *context,
                   int64_t *affected, df_error *err);
    df_code (*begin)(df_conn *conn, df_error *err);
    df_code (*commit)(df_conn *conn, df_error *err);
    void (*rollback)(df_conn *conn);
    df_code (*bulk_load)(df_conn *conn, const char *table, const char *const *columns, size_t n_columns,
                         const df_row_source *source, int64_t *loaded, df_error *err);
    /* Tries once; never blocks. */
    df_code (*try_lock)(df_conn *conn, const char *name, bool *taken, df_error *err);
    df_code (*unlock)(df_conn *conn, const char *name, df_error *err);
    df_code (*lock_held)(df_conn *conn, const char *name, bool *held, df_error *err);

    /* ---- optional: NULL when the engine cannot ---- */
    void (*cancel)(df_conn *conn); /* from another thread */
} df_driver;

struct df_conn {
    const df_driver *driver;
    bool in_transaction;
    char server[64]; /* filled by open */
};

#endif
