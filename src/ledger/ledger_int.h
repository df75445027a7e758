/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's own declarations; nobody outside of this folder includes them. */
#ifndef DF_LEDGER_LEDGER_INT_H
#define DF_LEDGER_LEDGER_INT_H

#include "base/log.h"
#include "ledger/ledger.h"

enum { LEDGER_VERSION = 1, LEDGER_NAME_MAX = 255 };

#define LEDGER_LOCK "dataflow migrations" /* the named lock of whoever runs migrations */

/* ---- statements: sql/ledger.sql, and sql/<engine>/ledger.sql for what differs ---- */

/* clang-format off */
/* Understood by every engine, in its own words. */
#define LEDGER_STATEMENTS(X) \
    X(schema) X(find) X(version) X(version_write) X(applied) X(steps_done) X(source) X(outcome) \
    X(undo_steps) X(start) X(start_down) X(complete_up) X(complete_down) X(fail_up) X(fail_down) \
    X(source_upsert) X(rollback_write) X(journal) X(journal_upsert) X(decide) X(known) X(known_step) \
    X(set_checksum) X(rename_history) X(rename_sources) X(rename_journal) X(forget_history) \
    X(forget_sources) X(forget_journal) X(mark) X(audit_write) X(audit_head_write) X(audit_head_read) \
    X(audit_find) X(audit_next) X(audit_all) X(audit_newest) X(audit_newest_of) X(lock_look) \
    X(lock_clear) X(lock_give) X(fence_write) X(fence_lock) X(lock_write) X(check) X(beat) \
    X(backup_write) X(backup_list) X(backup_update) X(backup_remove) X(restored_write) X(restored_list) \
    X(restored_add) X(fence_raise) X(schema_keep) X(schema_newest) X(schema_newest_id) X(schema_prune) \
    X(foreign_columns) X(source_head) X(source_row) X(journal_head) X(journal_intent) X(journal_settled)
/* Only some engines have them. */
#define LEDGER_EXTRAS(X) \
    X(has_schema) X(guard) X(guard_remember) X(guard_restore) X(row_lock) X(beat_session) \
    X(audit_append) X(audit_append_two) X(audit_head) X(columns) X(rest) X(start_first) X(complete_first) \
    X(source_first) X(journal_first) X(journal_first_end) X(sequence) X(check_row)
/* clang-format on */

typedef enum ledger_sql {
#define DF_X(name) LEDGER_##name,
    LEDGER_STATEMENTS(DF_X) LEDGER_EXTRAS(DF_X)
#undef DF_X
        LEDGER_SQL_COUNT
} ledger_sql;

typedef struct foreign_tool foreign_tool; /* foreign.h */

typedef struct ledger_dialect {
    const char *engine;
    const char *sql[LEDGER_SQL_COUNT]; /* NULL: the engine has no such statement */
    const char *text, *json, *at, *now, *address;
    const char *ms_before, *ms_behind;                    /* around a time, which becomes milliseconds */
    enum { CHECK_DIVIDES, CHECK_FENCE, CHECK_ROW, CHECK_NUMBER } check; /* how the check is asked and answered: lease.c */
    const foreign_tool *tools; /* whose histories may be there */
    bool compound;      /* has compound statements outside of routines: compound.c */
    bool plain_numbers; /* numbers go as text, so that a repeated statement has the same types with NULL, too
                         */
    /* Nodes instead of rows: the history has the file's name, a description, and numbers that we count; a migration may
     * delete what the ledger is made of; and the audit log's head is remembered instead of read each time. */
    bool graph;
    bool wide_as_blob;  /* text beyond ASCII goes as bytes: a script may have changed the session's character
                           set */
} ledger_dialect;

extern const ledger_dialect ledger_postgres, ledger_mariadb, ledger_sqlite, ledger_neo4j;

typedef struct ledger_lease ledger_lease; /* lease.c */

/* What _migration_meta says of the audit log. */
typedef struct ledger_head {
    int64_t entries, now_ms;
    int64_t last_id;           /* graph: the newest entry's */
    struct df_ledger *ledger; /* whose clock is set by reading it; NULL: nobody's */
    char hash[65];
    bool found;
} ledger_head;

struct df_ledger {
    df_conn *conn;
    const ledger_dialect *dialect;
    const df_observer *observer;
    char *url, *environment, *actor, *program; /* url NULL: not given */
    char *scope;                               /* schema or database that the tables are in; owned */
    char *prefix;                              /* the same, quoted, with its dot */
    int64_t version;                           /* of the tables; 0: they are not there */
    df_session session;                        /* of conn; asked once */
    bool has_session;
    df_json_parser *json;          /* made at the first use */
    bool unpooled;                 /* no transaction pooler stands between; asked once */
    ledger_lease *lease;           /* NULL: not held */
    bool no_compound;              /* they were not understood */
    char former_lock_id[37];       /* of a lease that a lost connection took along */
    ledger_head head;              /* graph: of the audit log, as it was last read or written; `found`: known */
    int64_t clock_ms, clock_read_ms; /* the server's time when it was last asked for, and the monotonic one then; 0: never */
    int64_t sequence;              /* graph: the newest in the history; 0: not known. While the lease is held */
    char *texts[LEDGER_SQL_COUNT]; /* statements with their marks replaced, made at the first use */
};

/* The statement for this ledger; valid as long as it. */
const char *ledger_text(df_ledger *ledger, ledger_sql which);
/* Replaces the marks of `sql`, appending to `out`. */
void ledger_expand(const df_ledger *ledger, const char *sql, df_buf *out);

DF_MUST_USE df_code ledger_exec(df_ledger *ledger, ledger_sql which, const df_value *values, size_t count,
                                int64_t *affected, df_error *err);
DF_MUST_USE df_code ledger_query(df_ledger *ledger, ledger_sql which, const df_value *values, size_t count,
                                 df_row_fn fn, void *context, df_error *err);
/* The first value of the first row as a number; `missing` when there is no row or it is NULL. */
DF_MUST_USE df_code ledger_ask(df_ledger *ledger, ledger_sql which, const df_value *values, size_t count,
                               int64_t missing, int64_t *out, df_error *err);

/* ---- several statements that go together ---- */

/* What one call records. On PostgreSQL it is one round trip, BEGIN, fence check and COMMIT included. */
typedef struct ledger_batch {
    df_ledger *ledger;
    df_arena arena; /* for what the statements need; released by ledger_run */
    df_command *commands;
    size_t count, cap;
    df_audit_entry *entries; /* written last, so that the log's head is locked for as short as can be */
    size_t n_entries, entries_cap;
    bool commit;   /* also commits the caller's open transaction */
    bool once;     /* not tried again when another session was in the way */
    bool unfenced; /* no fence check: what is recorded does not belong to the run that holds the lease */
} ledger_batch;

/* Copies the values, not the texts they point to. */
void ledger_add(ledger_batch *batch, ledger_sql which, const df_value *values, size_t count);
/* A statement of which `sql` (from the batch's arena) is the expanded text. */
void ledger_add_text(ledger_batch *batch, const char *sql, const df_value *values, size_t count);
/* An entry for the audit log, `ago_ms` before now. `details` is a JSON object or absent. */
DF_MUST_USE df_code ledger_add_audit(ledger_batch *batch, df_audit_action action, df_str migration_id,
                                     df_str details, int64_t ago_ms, df_error *err);
/*
 * Runs all of it inside the open transaction (and commits that when `commit` says so), or in one of its own
 * with the fence check in front when a lease is held. `doing` is put in front of an error. Releases the
 * batch.
 */
DF_MUST_USE df_code ledger_run(ledger_batch *batch, const char *doing, df_error *err);
/* The values as the engine should get them, in `copy`, which may be the same. */
const df_value *ledger_adapt(const df_ledger *ledger, const df_value *values, size_t count, df_value *copy);
/* compound.c: the batch as one statement, in a transaction of its `own` or inside the open one, which stays
 * open. */
bool ledger_can_compound(const ledger_batch *batch);
DF_MUST_USE df_code ledger_run_compound(ledger_batch *batch, bool own, bool fenced, df_error *err);
void ledger_pause(int64_t ms);
/* Gives up a batch that is not run. Returns `code`. */
df_code ledger_drop(ledger_batch *batch, df_code code);

/* ---- values ---- */

/* Cut to what a column of LEDGER_NAME_MAX characters holds, at a character. */
df_value ledger_name(df_str text);
/* At most `bytes`, at a character. */
df_str ledger_cut(df_str text, size_t bytes);
df_str ledger_text_of(const df_value *value, df_arena *arena); /* NULL: absent */
int64_t ledger_int_of(const df_value *value, int64_t missing);
static inline df_value ledger_known(int64_t number) /* -1: NULL */
{
    return number < 0 ? DF_V_NULL : df_v_int(number);
}
static inline df_value ledger_time(int64_t ms) /* 0: NULL */
{
    return ms ? df_v_int(ms) : DF_V_NULL;
}

/* Forgets what it knows of the tables. */
void ledger_look_anew(df_ledger *ledger);
DF_MUST_USE df_code ledger_need(const df_ledger *ledger,
                                df_error *err); /* DF_NOT_FOUND when there are no tables */
DF_MUST_USE df_code ledger_session(df_ledger *ledger, df_error *err); /* fills ledger->session */
df_code ledger_refuse_newer(const df_ledger *ledger, df_error *err);
DF_MUST_USE df_code ledger_refuse_pooler(df_ledger *ledger, df_error *err);

/* ---- history.c, journal.c ---- */

enum { MOST_LEDGER_VALUES = 32 };
/* Whether the records of a run can be plain inserts: it is the migration's first, and the engine has such statements. */
bool ledger_first(const df_ledger *ledger, const df_run *run);
/* For a graph: the file's name, the description, and the version as the file's header writes it; returns how many. */
size_t ledger_put_file(const df_ledger *ledger, const df_migration *migration, df_arena *arena, df_value *values);
df_str ledger_raw(const df_migration *migration,
                  df_arena *arena); /* 32 digits; absent when it was not hashed */
/* The texts of its sections, as far as they are not too long. */
void ledger_add_sources(ledger_batch *batch, const df_migration *migration, bool first);
/* Journal rows of the migration's present attempt. */
void ledger_add_journal(ledger_batch *batch, const df_run *run, const df_journal_row *rows, size_t count);

/* ---- audit.c ---- */

/* Appends the commands that write the batch's entries, for an engine that makes the hashes itself. */
void ledger_audit_commands(ledger_batch *batch);
/* For one that does not: reads the head of the log into `head`, and locks it … */
void ledger_audit_head_command(df_ledger *ledger, ledger_head *head, df_command *out);
/* … and writes them behind it, with hashes of our own making; with `commit` the open transaction ends with that. */
DF_MUST_USE df_code ledger_audit_write(ledger_batch *batch, const ledger_head *head, bool commit, df_error *err);
/* Adds the commands that write them behind the remembered head, if that is still the head; the last fails by a division when
 * it is not. `head` gets what the head is then. */
DF_MUST_USE df_code ledger_audit_guess(ledger_batch *batch, ledger_head *head, df_error *err);
/* For the next entry, where that is worth it; NULL: not known. */
void ledger_remember_head(df_ledger *ledger, const ledger_head *head);
/* What is hashed behind the previous entry's hash: canonical JSON, in two parts with the time between them.
 */
void ledger_entry_json(const df_audit_entry *entry, df_buf *before, df_buf *behind);
df_code ledger_entry_hash(const df_audit_entry *entry, df_str previous, char out[65], df_error *err);
DF_MUST_USE df_code ledger_read_head(df_ledger *ledger, ledger_sql which, ledger_head *head, df_error *err);
df_code ledger_unknown_entry(df_error *err); /* "the audit log has an entry that its head does not know of" */
df_code ledger_no_head(df_error *err); /* "the head of the audit log is missing" */
/* A row of the audit_… queries; views of it. */
void ledger_entry_of(const df_row *row, df_audit_entry *out);
/* The object in canonical form; DF_USAGE when it is none, or holds what not every engine gives back as it
 * was. */
df_code ledger_canonical(df_json_parser *parser, df_str json, df_arena *arena, df_str *out, df_error *err);

/* ---- lease.c ---- */

/* The server's time, as far as it is known, in milliseconds since 1970. */
int64_t ledger_now_ms(const df_ledger *ledger);
/* Forgets what was remembered of the ledger's state. */
void ledger_forget_state(df_ledger *ledger);

/* The fence check; returns how many commands it is. */
enum { MOST_CHECKS = 2 };
size_t ledger_check_commands(df_ledger *ledger, df_arena *arena, df_command out[MOST_CHECKS]);
/* Whether it is a division by zero that failed: one of our own checks. */
bool ledger_divided(const df_error *err);
/* "the migration lock was lost …" */
df_code ledger_lost(df_ledger *ledger, df_error *err);
bool ledger_lease_lost(const df_ledger *ledger);
void ledger_uuid(char out[37]); /* a random one */
/* Ends the heartbeat and forgets the lease without giving it back. */
void ledger_lease_forget(df_ledger *ledger);

#endif
