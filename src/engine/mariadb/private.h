/* SPDX-License-Identifier: Apache-2.0 */
/* The MariaDB driver's own declarations; nobody outside of this folder includes them. */
#ifndef DF_ENGINE_MARIADB_PRIVATE_H
#define DF_ENGINE_MARIADB_PRIVATE_H

#include "engine/driver.h"
#include "engine/mariadb/library.h"
#include "engine/url.h"

typedef enum my_tls { MY_TLS_PREFERRED, MY_TLS_DISABLED, MY_TLS_REQUIRED, MY_TLS_VERIFIED } my_tls;

/* What the URL says; strings live in the connection's arena. */
typedef struct my_options {
    df_url url;
    my_tls tls;
    const char *ca, *capath, *cert, *key, *socket, *file, *group, *application;
    int64_t connect_timeout, read_timeout, write_timeout; /* seconds; 0: none */
} my_options;

typedef struct my_load my_load;

typedef struct my_conn {
    df_conn base;
    MYSQL *db;
    df_arena arena;
    my_options options; /* kept for the second connection that df_cancel needs */
    unsigned long session;
    bool local_infile;   /* the server takes LOAD DATA LOCAL */
    uint64_t max_packet; /* bytes; longest statement the server takes */
    my_load *load;       /* the running bulk load; NULL: no file may be asked for */
} my_conn;

static inline my_conn *my_of(df_conn *conn)
{
    return (my_conn *)conn;
}

/* connect.c */
df_code my_open(df_conn *conn, const char *url, const df_open_options *options, df_error *err);
void my_close(df_conn *conn);
/* Asks the server, over a connection of its own, to stop what this session runs. */
void my_cancel(df_conn *conn);

/* error.c */
/* The failure of the last call on c->db; sets c->base.lost when the server is gone. `sql` may be absent. */
df_code my_fail(my_conn *c, df_str sql, df_error *err);
/* The code that a server's or client's error number stands for. */
df_code my_code_of(unsigned number, const char *message);

/* query.c */
df_code my_run(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_row_fn fn,
               void *context, int64_t *affected, df_error *err);
/* SQL of our own, without parameters and rows. */
df_code my_simple(my_conn *c, const char *sql, df_error *err);
/* Appends a value as a literal; DF_FAILED without a prefix for what MariaDB cannot hold. */
df_code my_put_literal(my_conn *c, df_buf *out, const df_value *value, df_error *err);

/* bulk.c */
df_code my_bulk_load(df_conn *conn, const char *table, const char *const *columns, size_t n_columns,
                     const df_row_source *source, int64_t *loaded, df_error *err);
/* Must stand before anything is asked of a server: without them the library would send it any file it names.
 */
void my_guard_infile(my_conn *c, MYSQL *db);

/* tools.c */
df_code my_tool_access(df_conn *conn, df_arena *arena, df_tool_access *out, df_error *err);

/* lock.c */
df_code my_try_lock(df_conn *conn, const char *name, bool *taken, df_error *err);
df_code my_unlock(df_conn *conn, const char *name, df_error *err);
df_code my_lock_held(df_conn *conn, const char *name, bool *held, df_error *err);

#endif
