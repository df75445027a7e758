/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What health, preflight and why have in common: small answers held whole, the sessions of a server and who
 * waits for whom, free disk space, and the table of what each engine can be asked. Nobody outside of this
 * folder includes it.
 */
#ifndef DF_OPERATE_INT_H
#define DF_OPERATE_INT_H

#include "operate/operate.h"

#include <stdarg.h>

typedef struct op_engine op_engine;

/* One look at one database. Whatever is found lives in `arena`. */
typedef struct op_look {
    df_conn *conn;
    df_ledger *ledger; /* NULL: none */
    df_arena *arena;
    const op_engine *engine;
} op_look;

/* DF_UNSUPPORTED for an engine that nothing is known of. */
DF_MUST_USE df_code op_look_at(df_conn *conn, df_ledger *ledger, df_arena *arena, op_look *out,
                               df_error *err);

/* Lists that grow in an arena: `OP_PUSH(arena, list->items, list->count, list->cap) = item;` */
void *op_grow(df_arena *arena, void *items, size_t count, size_t *cap, size_t item_size);
#define OP_PUSH(arena, items, count, cap)                                                                    \
    (*((items) = op_grow((arena), (items), (count), &(cap), sizeof *(items)), &(items)[(count)++]))

/* ---- asking ---- */

/* A small answer, held whole: cells are found by the column's name. */
typedef struct op_rows {
    df_arena *arena;
    size_t count, columns;
    const char **names;
    df_value *cells; /* row by row */
    size_t n_cells, cap;
} op_rows;

DF_MUST_USE df_code op_ask(const op_look *look, const char *sql, const df_value *params, size_t n_params,
                           op_rows *out, df_error *err);
/* Absent for NULL and for columns that are not there; numbers are written out. */
df_str op_str(const op_rows *rows, size_t row, const char *name);
const char *op_text(const op_rows *rows, size_t row, const char *name); /* NULL likewise */
int64_t op_int(const op_rows *rows, size_t row, const char *name, int64_t fallback);
double op_double(const op_rows *rows, size_t row, const char *name, double fallback);
bool op_bool(const op_rows *rows, size_t row, const char *name);

/* ---- saying ---- */

/* One line, without leading and doubled white space, cut at `most` bytes (never inside a character) with "…".
 */
const char *op_line(df_arena *arena, df_str text, size_t most);
/* The same for a statement: literals of one that speaks of passwords become '***'. */
const char *op_query(df_arena *arena, df_str text, size_t most);
const char *op_duration(df_arena *arena, double seconds); /* "12 min 3 s" */
const char *op_bytes(df_arena *arena, int64_t bytes);
const char *op_number(df_arena *arena, int64_t n); /* "1,204" */
const char *op_time(df_arena *arena, int64_t ms);  /* "2026-11-20 19:06:16 UTC" */
const char *op_format(df_arena *arena, const char *fmt, va_list args) DF_PRINTF(2, 0);
/* A word of a command line, in quotes where a shell needs them. */
const char *op_shell(df_arena *arena, df_str word);
/* The message and hint of an error, for a sentence. */
const char *op_reason(df_arena *arena, const df_error *err);

/* ---- the server as a whole ---- */

/* Numbers are -1, texts absent where they are not known. */
typedef struct op_facts {
    int64_t now_ms;          /* the server's clock */
    const char *unsupported; /* why this server's version is none that the program is made for; NULL: it is */
    bool recovery;           /* a standby: nothing can be written */
    bool read_only;          /* this session's writes are refused */
    bool quiet;              /* nobody else has a transaction open, waits, or has prepared one */
    bool alone;              /* there are no replicas */
    int64_t connections, max_connections;
    df_str folder;      /* data directory, or the database file's folder */
    const char *remote; /* why `folder` cannot be looked at from here; NULL: it can */
    df_str file;        /* SQLite: the database file; absent in memory */
} op_facts;

/* Free space, for an ordinary user, of the file system that holds `path`. */
DF_MUST_USE df_code op_disk(const char *path, int64_t *free_bytes, int64_t *total_bytes, df_error *err);
/* Why a server that serves us with process (or thread) `pid` of `program`, and says that it keeps its data in
 * `folder`, cannot be taken to run on this machine; NULL: it does. */
const char *op_not_here(df_arena *arena, df_str folder, int64_t pid, const char *program);

/* ---- sessions ---- */

typedef enum op_state {
    OP_IDLE,
    OP_ACTIVE,
    OP_IDLE_TRANSACTION,
    OP_WAITING,
    OP_PREPARED,
    OP_HOLDS,
    OP_HIDDEN
} op_state;

typedef struct op_session {
    int64_t id; /* pid, connection id, process id; 0: a prepared transaction */
    df_str gid; /* of a prepared transaction */
    df_str transaction; /* its transaction's own id, where the server ends transactions by it; absent elsewhere */
    int64_t locks;      /* how many it holds; -1: not told */
    df_str user, address, database, application;
    op_state state;
    bool own, here;       /* our own session; in our database */
    bool aborted;         /* its transaction has failed, and was not ended */
    bool background;      /* the server's own worker */
    double transaction_s; /* age of its transaction; -1: none, or hidden */
    double state_s;       /* how long it has been in this state; -1 */
    df_str wait;          /* what it waits for: "ACCESS EXCLUSIVE on users"; absent */
    df_str query;         /* running or last; absent when hidden */
    double progress;      /* 0 to 1 of what it runs; -1 */
    df_str phase;         /* of the progress; absent. OP_HOLDS: what it holds */
} op_session;

/* `waiter` cannot go on before `blocker` lets it: indices into the sessions. */
typedef struct op_wait {
    size_t waiter, blocker;
    bool certain; /* false: the server does not say who it is, and it may be this one */
} op_wait;

typedef struct op_sessions {
    op_session *items;
    size_t count, cap;
    op_wait *waits;
    size_t n_waits, waits_cap;
    const char *hidden; /* what the server did not show, and how to see it; NULL: nothing */
} op_sessions;

/* Every session but those that are idle without a transaction, and every prepared transaction. */
DF_MUST_USE df_code op_sessions_read(const op_look *look, op_sessions *out, df_error *err);
/* A new one: numbers -1, everything else zero. */
op_session *op_session_add(const op_look *look, op_sessions *sessions);
void op_wait_add(const op_look *look, op_sessions *sessions, size_t waiter, size_t blocker, bool certain);
/* Its index; `count` when it is not there. */
size_t op_session_find(const op_sessions *sessions, int64_t id);
size_t op_prepared_find(const op_sessions *sessions, df_str gid);
/* Whether somebody waits for it. */
bool op_session_blocks(const op_sessions *sessions, size_t index);
/* The session at the end of the chain that `index` waits behind; `index` itself when it waits for nobody.
 * *certain (may be NULL): whether the server told so. */
size_t op_session_root(const op_sessions *sessions, size_t index, bool *certain);
/* "pid 4711 (app, idle in transaction for 12 min): UPDATE users …" */
const char *op_session_text(const op_look *look, const op_session *session);
/* "pid 4711", "prepared transaction 'x'" */
const char *op_session_name(const op_look *look, const op_session *session);
/* What ends it: "SELECT pg_terminate_backend(4711)". */
const char *op_session_end(const op_look *look, const op_session *session);
/* Whether its transaction stands in people's way by its age alone. */
bool op_session_lingers(const op_session *session);
enum { OP_LONG_S = 300, OP_IDLE_S = 60 }; /* a transaction; idle inside of one */

/* ---- the migration lock ---- */

/* A run that is just beginning or ending holds the lock without a row: what lasts is looked at twice. */
DF_MUST_USE df_code op_lock_look(const op_look *look, df_lock_status *out, df_error *err);

/* ---- health ---- */

typedef enum op_level { OP_OK, OP_UNKNOWABLE, OP_UNKNOWN, OP_WARNING, OP_CRITICAL } op_level;

typedef struct op_health {
    op_look look;
    const char *backup_folder;
    op_facts facts;
    df_error facts_error; /* code DF_OK: the facts are known */
    op_sessions sessions;
    df_error sessions_error;
    df_migrate_check *items;
    size_t count, cap;
    op_level worst;
} op_health;

/* Adds a check; `details` is a JSON object or NULL, `remedy` may be NULL. */
void op_check(op_health *health, const char *name, op_level level, const char *details, const char *remedy,
              const char *fmt, ...) DF_PRINTF(6, 7);
/* Adds a check that could not be asked. */
void op_check_unknown(op_health *health, const char *name, const df_error *err);
/*
 * Adds a check that lists things. Columns of the query: `subject` names one; `status` "ok" (worth showing,
 * not wrong), "warning" or "critical"; `remedy` may be NULL or left out; what else there is goes into the
 * details.
 */
typedef struct op_list {
    const char *name, *sql;
    const char *one, *many, *none; /* "1 invalid index: …", "2 invalid indexes: …", "no invalid index" */
} op_list;
void op_check_list(op_health *health, const op_list *list);
void op_check_rows(op_health *health, const op_list *list, const op_rows *rows);
/* Free space at `path`: critical below 5 %, warning below 20 %. */
void op_check_disk(op_health *health, const char *path);
void op_health_ledger(op_health *health); /* the checks of what the ledger holds */
/* Shared by the servers: connections, long and prepared transactions. */
void op_check_connections(op_health *health);
void op_check_transactions(op_health *health);
void op_check_prepared(op_health *health);

/* ---- preflight ---- */

typedef struct op_findings {
    const op_look *look;
    df_migrate_finding *items;
    size_t count, cap;
} op_findings;
void op_finding(op_findings *findings, const char *severity, const char *rule, const char *hint,
                const char *fmt, ...) DF_PRINTF(5, 6);
/* Whether less than half of the disk is free: else every table has room for a second copy. */
bool op_disk_matters(const op_look *look, const op_facts *facts);
/* Whether there is room on the disk for a second copy of the largest table that is locked exclusively. */
void op_finding_disk(op_findings *findings, const op_facts *facts, const char *table, int64_t table_bytes);
/* Transactions that linger, prepared ones, and those in `on_target` (index → relation, or NULL). */
void op_finding_sessions(op_findings *findings, const op_sessions *sessions, const char *const *on_target);

/* ---- why ---- */

/* How much the next command matters; the most urgent is the one that is shown. */
typedef enum op_urgency { OP_NOTHING, OP_LATER, OP_SOON, OP_NOW } op_urgency;

typedef struct op_why {
    op_look look;
    op_facts facts;
    op_sessions sessions;
    df_lock_status lock;
    bool locked; /* by somebody who may still work, as far as can be told */
    df_migrate_why_line *items;
    size_t count, cap;
    op_urgency urgency;
    const char *next, *next_text;
} op_why;
void op_say(op_why *why, const char *section, const char *severity, int64_t depth, const char *command,
            const char *fmt, ...) DF_PRINTF(6, 7);
/* Proposes the next command; the earlier of two equally urgent ones stays. OP_SOON and OP_NOW: something is
 * stuck. */
void op_next(op_why *why, op_urgency urgency, const char *command, const char *fmt, ...) DF_PRINTF(4, 5);
void op_why_lock(op_why *why);
void op_why_blocking(op_why *why);
/* What is half-way, failed or in the way, and what is pending. DF_CONNECT when the connection is lost. */
DF_MUST_USE df_code op_why_migrations(op_why *why, const df_plan *plan, const char *not_adopted, df_error *err);

/* ---- engines ---- */

struct op_engine {
    const char *name;
    const char *session_word;  /* "pid", "connection", "process" */
    const char *ping;          /* the cheapest query; NULL: SELECT 1 */
    const char *reclaims;      /* what gives back space on the disk: "VACUUM"; NULL: nothing does */
    const char *waits_for_old; /* what an old transaction holds back; NULL: an index that is built concurrently */
    const char *expired_locks; /* for op_check_list */
    df_code (*facts)(const op_look *look, op_facts *out, df_error *err);
    df_code (*sessions)(const op_look *look, op_sessions *out, df_error *err);
    const char *(*end)(const op_look *look, const op_session *session);
    void (*health)(op_health *health); /* the checks that only this engine has */
    df_code (*preflight)(op_findings *findings, const op_facts *facts, const op_sessions *sessions,
                         const df_preflight_target *targets, size_t count, df_error *err);
    df_code (*lag)(const op_look *look, int64_t *ms, df_error *err);      /* NULL: never known */
    df_code (*invalid)(const op_look *look, op_rows *out, df_error *err); /* NULL: there are none */
    /* Parts of why: NULL where there is nothing to say. */
    void (*hidden)(op_why *why);   /* who may hold the lock whose row is gone */
    void (*blocking)(op_why *why); /* instead of the tree of sessions */
    void (*disk)(op_why *why);     /* what takes space that could be had back */
};
DF_MUST_USE df_code op_mariadb_sessions(const op_look *look, op_sessions *out, df_error *err);
/* Metadata locks of tables (id, mode, schema, name, granted, here); *known false where the server does not
 * tell. */
DF_MUST_USE df_code op_metadata_locks(const op_look *look, op_rows *out, bool *known, df_error *err);
bool op_neo4j_before_5(const op_look *look); /* of the 4.4 line, whose commands tell less */
DF_MUST_USE df_code op_neo4j_sessions(const op_look *look, op_sessions *out, df_error *err);
DF_MUST_USE df_code op_sqlite_sessions(const op_look *look, op_sessions *out, df_error *err);
bool op_sqlite_writes(const op_session *session);
/* The processes that have the file of the named locks open. */
DF_MUST_USE df_code op_sqlite_lock_file(const op_look *look, const op_facts *facts, op_sessions *out);
extern const op_engine op_postgres, op_mariadb, op_sqlite, op_neo4j;

#endif
