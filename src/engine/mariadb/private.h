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
    bool mariadb;        /* not MySQL */
    bool guest, read_only;
    char database[256], role[256]; /* when the connection began; "" none */

    df_limits limits;                /* what df_set_limits asked for */
    bool limits_asked, limits_known; /* asked for at all; the server has them, as far as we know */
    /* The session is another than when it began: a setting, a variable, a temporary table, the database. The
     * server tells it after each statement but queries, whose functions may do what they want. */
    bool changed;
    df_buf temporary; /* the names of temporary tables made since, with ", " before each, as the statements
                         wrote them */
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

/* Settings of this connection, as they were when it began: see connect.c. */
df_code my_own_settings(my_conn *c, df_error *err);

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

/* The same for settings of our own: the session has not changed by them. */
df_code my_setting(my_conn *c, const char *sql, df_error *err);

/* session.c */
bool my_in_transaction(const df_conn *conn);
df_code my_set_limits(df_conn *conn, const df_limits *limits, df_error *err);
df_code my_reset(df_conn *conn, df_error *err);
/* Tells the listener the warnings of the last statement. */
void my_tell_warnings(my_conn *c);
/* Remembers the table of a CREATE TEMPORARY TABLE: the server has no list of them. */
void my_note_temporary(my_conn *c, df_str sql);
df_code my_session_get(df_conn *conn, df_session *out, df_error *err);
df_code my_session_alive(df_conn *conn, const df_session *session, bool *alive, df_error *err);
df_code my_session_end(df_conn *conn, const df_session *session, int64_t wait_ms, df_error *err);
df_code my_session_pooled(df_conn *conn, const char *url, bool *pooled, char how[200], df_error *err);
df_code my_savepoint(df_conn *conn, const char *name, df_error *err);
df_code my_rollback_to(df_conn *conn, const char *name, df_error *err);

/* inspect.c */
df_code my_inspect(df_conn *conn, const df_inspect_options *options, df_object_fn add, void *context,
                   df_error *err);

/* state.c */
df_code my_object_state(df_conn *conn, const char *kind, df_str schema, df_str name, df_str table,
                        df_buf *out, df_error *err);
/* Appends what SHOW CREATE tells of an object: `what` "TABLE", `name` quoted; as written with the server's
 * usual quotes. DF_PERMISSION when it tells nothing. `column` is where the text stands. */
df_code my_show_create(my_conn *c, const char *what, const char *name, unsigned column, df_buf *out,
                       df_error *err);

/* table.c */
/* The parts of SHOW CREATE TABLE as objects. */
df_code my_table_objects(df_str table, df_str sql, df_object_fn add, void *context, df_error *err);
/* Appends the text without AUTO_INCREMENT counters, the start of an event's schedule, and the database's
 * name. */
void my_put_canonical(df_buf *out, df_str sql, const char *database);

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
