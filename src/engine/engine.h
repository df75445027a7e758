/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one interface to a database. Everything above this folder speaks to these
 * functions, asks for capabilities, and never for an engine's name.
 */
#ifndef DF_ENGINE_ENGINE_H
#define DF_ENGINE_ENGINE_H

#include "base/buf.h"
#include "base/error.h"

/* ---- URLs ---- */

/*
 * The forms of a URL (values are percent-decoded, so `?`, `#`, `%` and `@` inside them are written %3F %23
 * %25 %40):
 *
 *   sqlite:///absolute/path.db   sqlite:relative.db   sqlite://relative.db   sqlite::memory:
 *       ?mode=ro|rw|rwc  ?busy_timeout=MILLISECONDS (10000)  ?synchronous=normal|full (full)
 *       ?foreign_keys=on|off (on; off for a guest)
 *   postgresql://…  postgres://…      libpq's own rules (PGPASSWORD, .pgpass, service files, several hosts …)
 *       ?schema=NAME  first in the search path;  connect_timeout is 10 s unless something says otherwise
 *   mariadb://user:password@host:port/database   mysql://…     option files and MYSQL_PWD as the mariadb
 * client ?ssl-mode=disabled|preferred|required|verify-ca|verify-identity  ?ssl-ca= ?ssl-capath= ?ssl-cert=
 * ?ssl-key= ?socket=PATH  ?default-file=PATH  ?default-group=NAME  ?connect-timeout=S (10)  ?read-timeout=S
 * ?write-timeout=S
 *   bolt://user:password@host:7687/DATABASE   bolt+s:// (TLS, the certificate is checked)   bolt+ssc:// (TLS,
 * it is not)   neo4j://   neo4j+s://   neo4j+ssc:// (likewise, and asks the server that is named which one of
 * its cluster takes writes).  NEO4J_USERNAME, NEO4J_PASSWORD and NEO4J_DATABASE fill in what the URL leaves
 * open ?database=NAME  ?impersonate=USER  ?auth=none|basic|bearer|kerberos (basic with a user, else none; a
 * ticket takes the password's place)  ?realm=  ?ssl-ca=FILE  ?connect-timeout=S (10)  ?bolt=5.4 (no other
 * version)
 *
 * Which engine a URL means, and the URL without its password, for messages and logs
 * (passwords in the authority and in query parameters become "***").
 * DF_USAGE for an unknown scheme, naming the known ones.
 */
DF_MUST_USE df_code df_url_check(const char *url, const char **engine, df_buf *without_password,
                                 df_error *err);

/* ---- values and rows ---- */

/*
 * What comes back: integers of every width as DF_INT64 (also a decimal without fraction digits that fits,
 * such as the SUM of integers); floats as DF_DOUBLE; PostgreSQL's boolean as DF_BOOL, the others have only
 * integers; bytea, BLOB and binary strings as DF_BLOB; everything else (dates, decimals, JSON, lists, nodes
 * …) as readable DF_TEXT.
 *
 * As parameters: PostgreSQL is told that DF_INT64 is a bigint, DF_DOUBLE a double precision, DF_BOOL a
 * boolean and DF_BLOB a bytea; text may become any type, as a quoted literal does. What an engine cannot hold
 * is DF_FAILED: NaN and infinities in MariaDB, NaN in SQLite, NUL in PostgreSQL's text.
 */
typedef enum df_type { DF_NULL, DF_INT64, DF_DOUBLE, DF_BOOL, DF_TEXT, DF_BLOB } df_type;

/* One value. Text and blobs are views: of the caller's memory as parameters, of the row's in results. */
typedef struct df_value {
    df_type type;
    union {
        int64_t i; /* DF_INT64, DF_BOOL (0 or 1) */
        double d;
        df_str s; /* DF_TEXT (UTF-8), DF_BLOB */
    };
} df_value;

#define DF_V_NULL ((df_value){.type = DF_NULL})
static inline df_value df_v_int(int64_t i)
{
    return (df_value){.type = DF_INT64, .i = i};
}
static inline df_value df_v_bool(bool b)
{
    return (df_value){.type = DF_BOOL, .i = b};
}
static inline df_value df_v_double(double d)
{
    return (df_value){.type = DF_DOUBLE, .d = d};
}
/* Absent becomes NULL. */
static inline df_value df_v_str(df_str s)
{
    return s.ptr ? (df_value){.type = DF_TEXT, .s = s} : DF_V_NULL;
}
static inline df_value df_v_text(const char *text)
{
    return df_v_str(df_str_from(text));
}

/* One row of a result; valid until the callback returns. */
typedef struct df_row {
    size_t count;
    const df_value *values;
    const char *const *names; /* column names */
} df_row;

/* Called for each row. Any code but DF_OK stops the query, which then returns that code. */
typedef df_code (*df_row_fn)(void *context, const df_row *row, df_error *err);

/* ---- bulk loading ---- */

/*
 * A source of rows that a driver pulls from: `next` fills `values` (as many as there are columns)
 * and sets *more to true, or sets *more to false at the end. Views must stay valid until the next call.
 */
typedef struct df_row_source {
    void *context;
    df_code (*next)(void *context, df_value *values, bool *more, df_error *err);
} df_row_source;

/* ---- connections ---- */

typedef struct df_conn df_conn; /* used by one thread at a time */

enum {
    DF_CAP_TRANSACTIONAL_DDL = 1u << 0, /* DDL can be rolled back */
    DF_CAP_SCHEMAS = 1u << 1,           /* a database has named schemas; ?schema= is understood */
    DF_CAP_SERVER = 1u << 2,            /* talks to another process that may go away */
    DF_CAP_CONCURRENT_WRITES = 1u << 3, /* two connections may write at the same time */
    DF_CAP_SQL = 1u << 4,               /* understands SQL (a graph engine does not) */
    DF_CAP_OBSERVE = 1u << 5,       /* tells which locks and rewrites a transaction has caused (session.h) */
    DF_CAP_XACT_OUTCOME = 1u << 6,  /* knows afterwards whether a transaction committed (session.h) */
    DF_CAP_SINGLE_WRITER = 1u << 7, /* one writer at a time: an open transaction keeps everybody else out */
};

/* Options of a connection; all zero is a good default. */
typedef struct df_open_options {
    bool read_only; /* never creates a database file, refuses to write where the engine can */
    bool create;    /* SQLite: create the file (not the directory) when it is missing */
    bool guest;     /* the database is somebody else's, and statements mean what they mean in the engine's own
                     * shell. No lasting setting is changed (SQLite: the journal mode); enforcement, sql_mode,
                     * time zone and date style are the engine's and the server's own (SQLite: foreign_keys
                     * off). The session is made to last: not ended for idling, and on PostgreSQL noticed
                     * within seconds to be gone while a statement runs */
    const char *application; /* shown in the server's list of sessions; NULL: "dataflow" */
} df_open_options;

/*
 * DF_CONNECT: "Database connection failed: <the server's reason>", URL without its password;
 * DF_NOT_FOUND with the same beginning when the server or file system answers that there is no such database;
 * DF_PERMISSION for a database file that may not be opened; DF_USAGE for a URL that cannot be understood.
 */
DF_MUST_USE df_code df_connect(const char *url, const df_open_options *options, df_conn **out, df_error *err);
void df_disconnect(df_conn *conn); /* rolls back what is open; NULL is fine */

/* The capabilities of the engine that a URL means, before anything is connected; 0 for an unknown scheme. */
uint32_t df_url_caps(const char *url);
const char *df_conn_engine(
    const df_conn *conn); /* "sqlite", "postgres", "mariadb", "neo4j": for choosing SQL files and messages */
uint32_t df_conn_caps(const df_conn *conn);
const char *df_conn_server(const df_conn *conn); /* "PostgreSQL 15.20": for reports */

/*
 * Runs one statement. Parameters are written `?` in every engine, outside of quotes and comments;
 * the driver translates. A statement without parameters (n_params 0) goes to the server as it is.
 * `*affected` (may be NULL) gets the number of rows changed; of a graph how many things: nodes,
 * relationships, labels, properties, indexes, constraints.
 */
DF_MUST_USE df_code df_exec(df_conn *conn, const char *sql, const df_value *params, size_t n_params,
                            int64_t *affected, df_error *err);
/* Runs the statements of a script, which df_sql_split separates; no parameters. An error tells the
 * statement's number, and line and offset within the script. */
DF_MUST_USE df_code df_exec_script(df_conn *conn, const char *script, df_error *err);
/* Runs a query and calls `fn` for each row, streaming: a large result is never held whole. */
DF_MUST_USE df_code df_query(df_conn *conn, const char *sql, const df_value *params, size_t n_params,
                             df_row_fn fn, void *context, df_error *err);
/* The first value of the first row, copied into `arena`; DF_NOT_FOUND when there is no row. */
DF_MUST_USE df_code df_query_value(df_conn *conn, const char *sql, const df_value *params, size_t n_params,
                                   df_arena *arena, df_value *out, df_error *err);

/*
 * After a statement has failed inside a transaction, everything but df_rollback fails (as PostgreSQL has it,
 * so that all engines are used the same way); a df_row_fn or a row source that stops its own call counts as a
 * failure only in bulk loading. A lost connection is DF_CONNECT: the transaction is gone, and every later
 * call fails cleanly.
 *
 * Transactions do not nest. begin takes the engine's lock for writing at once where it has only one (SQLite).
 */
DF_MUST_USE df_code df_begin(df_conn *conn, df_error *err);
DF_MUST_USE df_code df_commit(df_conn *conn, df_error *err);
/* Also after a failed statement or a lost connection; never fails. */
void df_rollback(df_conn *conn);
bool df_in_transaction(const df_conn *conn);

/*
 * Loads rows by the engine's fastest way (COPY, prepared insert, LOAD DATA from memory), inside the open
 * transaction. `table` and `columns` are plain identifiers as the catalog of the database spells them
 * (PostgreSQL: lower case unless quoted when created); of a graph a label and properties. `*loaded` (may be
 * NULL) gets the number of rows.
 */
DF_MUST_USE df_code df_bulk_load(df_conn *conn, const char *table, const char *const *columns,
                                 size_t n_columns, const df_row_source *source, int64_t *loaded,
                                 df_error *err);

/*
 * A named lock that belongs to this session and dies with it (advisory lock, GET_LOCK, a lock on a
 * file "<database>-dataflow-lock", which stays; Neo4j: a second connection's uncommitted node under a
 * uniqueness constraint, which is made when there is none yet). Two databases (PostgreSQL: two `?schema=`)
 * have different locks of one name. A session that locks twice must unlock twice. Polls until `wait_ms` have
 * passed (0: tries once); *taken says whether it was had.
 */
DF_MUST_USE df_code df_lock(df_conn *conn, const char *name, int64_t wait_ms, bool *taken, df_error *err);
DF_MUST_USE df_code df_unlock(df_conn *conn, const char *name, df_error *err);
/* Whether some session holds the lock now (not: could I get it). */
DF_MUST_USE df_code df_lock_held(df_conn *conn, const char *name, bool *held, df_error *err);

/* The schema that ?schema= named, NULL when none; it need not exist yet. */
const char *df_conn_schema(const df_conn *conn);
/* After a failure of the connection itself: nothing works any more but df_rollback and df_disconnect. */
bool df_conn_lost(const df_conn *conn);

/* Asks the running statement, or the wait for a lock, to stop (DF_CANCELLED). The only call that another
 * thread or a signal handler's thread may make. */
void df_cancel(df_conn *conn);

#endif
