/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept in the target database: history, journal, lock, audit log, backups, the schema as it was at
 * the last success. The tables are those of the runbooks, with their columns, so that their queries run
 * unchanged; what we need beyond stands in further columns. docs/ledger.md describes them.
 *
 * A ledger works on the session that does the work: what it writes inside the caller's transaction is
 * committed or lost with it. Statements are few and cheap: BEGIN with the fence check is one round trip, the
 * whole record of a migration with COMMIT another.
 */
#ifndef DF_LEDGER_LEDGER_H
#define DF_LEDGER_LEDGER_H

#include "base/json.h"
#include "engine/session.h"
#include "migration/files/plan.h"

typedef struct df_ledger df_ledger;

typedef struct df_ledger_options {
    const char *url;         /* for the heartbeat's own connection; required for locking */
    const char *environment; /* "production"; NULL: "development" */
    const char *actor;       /* who; NULL: the operating system's user */
    const char *program;     /* user_agent of the audit log: "dataflow 0.2.0" */
    const df_observer *observer;
} df_ledger_options;

/* Looks whether the tables are there and which version they are of; creates nothing. `conn` stays the
 * caller's. */
DF_MUST_USE df_code df_ledger_open(df_conn *conn, const df_ledger_options *options, df_ledger **out,
                                   df_error *err);
void df_ledger_close(
    df_ledger *ledger); /* ends the heartbeat, frees; NULL is fine; does not release the lock */
bool df_ledger_exists(const df_ledger *ledger);
int64_t df_ledger_version(const df_ledger *ledger);   /* of the tables; 0: they are not there */
const char *df_ledger_actor(const df_ledger *ledger); /* who: as given, or the operating system's user */
/* Creates what is missing and upgrades what is older, in one transaction where the engine can; harmless when
 * done twice or by two at once. DF_UNSUPPORTED for tables of a newer program. */
DF_MUST_USE df_code df_ledger_create(df_ledger *ledger, df_error *err);
/* After a lost connection: the same ledger on a new session; locks must be taken again (df_lease_take). */
void df_ledger_rebind(df_ledger *ledger, df_conn *conn);
/* The names of our tables, for leaving them out of schema snapshots; NULL-terminated globs. */
extern const char *const df_ledger_tables[];
/* The same for this engine: in a graph they are labels. */
const char *const *df_ledger_names(const df_conn *conn);

/* ---- the lock ---- */

/*
 * The engine's named lock on the working session, polled, never waited for inside the server; and a row in
 * _migration_locks that says who, with a lease by the server's clock and a fencing number that only grows
 * (also when the row was deleted by hand). Held, it is renewed by a thread with a connection of its own once
 * the run lasts longer than a third of the lease.
 *
 * Taken over: when the holder's session is gone (at once); when the lease is over and the holder's session
 * still lives (it is frozen: its session is ended, where the server lets us, and the number grows, so that it
 * cannot commit when it wakes). A row that came with a restored or copied database is recognised by
 * df_session.database and taken over.
 */
typedef struct df_lease_options {
    int64_t wait_ms;     /* how long to wait for another holder; 0: tries once */
    int64_t ttl_ms;      /* the lease; 0: 60 s */
    const char *purpose; /* "up", "down", "backup restore": shown to others */
} df_lease_options;
/* DF_LOCKED: "held by ops@host pid 4711 for 3 min (up), lease until …"; DF_UNSUPPORTED behind a transaction
 * pooler. */
DF_MUST_USE df_code df_lease_take(df_ledger *ledger, const df_lease_options *options, df_error *err);
/* Gives it back: row and named lock. Safe when it is not held or lost. */
void df_lease_give(df_ledger *ledger);
bool df_lease_held(const df_ledger *ledger);
int64_t df_lease_fence(const df_ledger *ledger);
/* What we are doing now, for whoever looks (lock row's metadata); written with the next heartbeat. */
void df_lease_tell(df_ledger *ledger, const char *doing);
/* Inside the open transaction: still ours? Keeps others from taking it until commit. DF_LOCKED when it is
 * lost. */
DF_MUST_USE df_code df_lease_check(df_ledger *ledger, df_error *err);
/* BEGIN and check, in one round trip. */
DF_MUST_USE df_code df_ledger_begin(df_ledger *ledger, df_error *err);

typedef enum df_holder_state {
    DF_HOLDER_NONE,     /* no row, no lock */
    DF_HOLDER_ALIVE,    /* its session lives and its lease is good */
    DF_HOLDER_FROZEN,   /* its session lives, its lease is over */
    DF_HOLDER_GONE,     /* the row is left over: its session is gone */
    DF_HOLDER_RESTORED, /* the row came with a restored or copied database */
    DF_HOLDER_HIDDEN,   /* the named lock is held, but the row is gone: deleted by hand, or not yet written */
    DF_HOLDER_UNKNOWN,  /* could not be told: counts as held */
} df_holder_state;
const char *df_holder_state_name(df_holder_state state);
typedef struct df_lock_status {
    df_holder_state state;
    df_str lock_id, owner, host, purpose, doing;
    int64_t pid, fence;
    df_session session;
    int64_t acquired_ms, expires_ms, heartbeat_ms, now_ms; /* the server's clock */
} df_lock_status;
DF_MUST_USE df_code df_lock_look(df_ledger *ledger, df_arena *arena, df_lock_status *out, df_error *err);
/* Removes a left-over row; with `force` also ends a living holder's session. DF_REFUSED when it lives and not
 * forced. Audited. */
DF_MUST_USE df_code df_lock_break(df_ledger *ledger, bool force, df_lock_status *was, df_arena *arena,
                                  df_error *err);

/* ---- the history ---- */

/* Every row, in the order of application; empty when the tables are not there. Two queries at most, whatever
 * the size. */
DF_MUST_USE df_code df_ledger_applied(df_ledger *ledger, df_arena *arena, df_applied **out, size_t *count,
                                      df_error *err);
/* The text of a section as it was applied ("up", "down"); absent when it is not kept (adopted). */
DF_MUST_USE df_code df_ledger_source(df_ledger *ledger, df_str id, const char *section, df_arena *arena,
                                     df_str *out, df_error *err);

typedef enum df_direction { DF_UP, DF_DOWN } df_direction;

/* One migration being run in one direction. */
typedef struct df_run {
    const df_migration *migration; /* loaded; for a down without a file only id, version, name are filled */
    df_direction direction;
    const char *checksum; /* 64 digits, of the up section */
    size_t n_steps;
    bool journalled;    /* by statement, each on its own: not one transaction */
    char run_id[40];    /* of the whole `up` or `down`: one for all its migrations */
    const char *reason; /* of a down; may be NULL */
    bool first;         /* upwards, of a migration that the history has no row of */
    bool resumed;       /* goes on with the journal of an earlier attempt; else df_ledger_start clears that
                           direction's journal */
} df_run;

typedef enum df_step_status {
    DF_STEP_INTENT, /* about to run, or ran and we never heard */
    DF_STEP_DONE,
    DF_STEP_FAILED,
    DF_STEP_UNDONE,  /* taken back by a down statement or by the rollback */
    DF_STEP_SKIPPED, /* found to be done already, or decided so by a person */
} df_step_status;
const char *df_step_status_name(df_step_status status);

/* One row of the journal, _migration_journal. */
typedef struct df_journal_row {
    int32_t number, line; /* of the statement in its file */
    df_direction direction;
    df_step_status status;
    char hash[33];       /* of the normal form */
    df_str tag, text;    /* "CREATE INDEX"; the statement's first 2,000 bytes */
    df_str state_before; /* df_object_state of what it is about, before it ran; absent when not asked */
    df_str transaction;  /* df_transaction_id; absent when none */
    df_str progress;     /* of a batched one: the last key done; absent */
    int64_t rows;        /* -1: not known */
    double ms;
    df_str error;
} df_journal_row;

/* For a run that is one transaction: nothing is written before it; at its end df_ledger_complete writes all.
 */

/* Own transaction: the history says in_progress, the audit log has the start, and the journal the intents of the first
 * statements, if any are given. For journalled runs. */
DF_MUST_USE df_code df_ledger_start(df_ledger *ledger, const df_run *run, const df_journal_row *intents, size_t n_intents,
                                    df_error *err);
/* Committed at once (not inside a transaction): what became of the statements before, where that is not yet written, and
 * the rows of those that are to run next: DF_STEP_INTENT. */
DF_MUST_USE df_code df_ledger_intend(df_ledger *ledger, const df_run *run, const df_journal_row *settled, size_t n_settled,
                                     const df_journal_row *intents, size_t n_intents, df_error *err);
/* What became of them; inside the caller's open transaction when there is one (then it is committed with the
 * statements). */
DF_MUST_USE df_code df_ledger_settle(df_ledger *ledger, const df_run *run, const df_journal_row *rows, size_t count,
                                     df_error *err);
/* The journal of one migration and direction, of its latest attempt, by number. */
DF_MUST_USE df_code df_ledger_journal(df_ledger *ledger, df_str id, df_direction direction, df_arena *arena,
                                      df_journal_row **out, size_t *count, df_error *err);

typedef struct df_run_result {
    const df_journal_row *rows; /* of a run that was one transaction; NULL when journalled one by one */
    size_t n_rows;
    int64_t duration_ms, rows_affected;
} df_run_result;
/*
 * The run is done: history (completed or rolled_back), sources, journal, audit, metrics; and COMMIT, all in
 * one round trip where the engine can. With an open transaction it is that transaction which commits; else
 * its own. When the connection breaks, df_conn_lost says so and the outcome is unknown: df_ledger_outcome on
 * a new session tells.
 */
DF_MUST_USE df_code df_ledger_complete(df_ledger *ledger, const df_run *run, const df_run_result *result,
                                       df_error *err);
/* Whether the run's record is there. */
DF_MUST_USE df_code df_ledger_outcome(df_ledger *ledger, const df_run *run, bool *completed, df_error *err);
/* After a failure, in a transaction of its own: `undone` says "all", "part" or "none" of what it had done was
 * taken back. */
DF_MUST_USE df_code df_ledger_fail(df_ledger *ledger, const df_run *run, const df_error *why,
                                   const char *undone, int64_t duration_ms, df_error *err);

/* Repairs, each audited with `reason`: */
DF_MUST_USE df_code df_ledger_set_checksum(df_ledger *ledger, const df_migration *migration,
                                           const char *checksum, const char *reason, df_error *err);
DF_MUST_USE df_code df_ledger_rename(df_ledger *ledger, df_str old_id, const df_migration *migration,
                                     const char *reason, df_error *err);
DF_MUST_USE df_code df_ledger_forget(df_ledger *ledger, df_str id, const char *reason, df_error *err);
/* Marks as applied without running (baseline, adopt, a person's word); status completed, adopted.
 * `applied_ms` 0: now. */
DF_MUST_USE df_code df_ledger_mark(df_ledger *ledger, const df_migration *migration, const char *checksum,
                                   int64_t applied_ms, const char *reason, df_error *err);
/* Decides a statement in doubt: DF_STEP_DONE (→ skipped) or DF_STEP_FAILED (→ will run again). */
DF_MUST_USE df_code df_ledger_decide(df_ledger *ledger, df_str id, df_direction direction, int32_t number,
                                     df_step_status status, const char *reason, df_error *err);

/* ---- the audit log ---- */

/* One list of actions; the runbook's ten and ours. */
#define DF_AUDIT_ACTIONS(X)                                                                                  \
    X(MIGRATION_STARTED, "migration_started")                                                                \
    X(MIGRATION_COMPLETED, "migration_completed")                                                            \
    X(MIGRATION_FAILED, "migration_failed") X(ROLLBACK_STARTED, "rollback_started")                          \
        X(ROLLBACK_COMPLETED, "rollback_completed") X(ROLLBACK_FAILED, "rollback_failed")                    \
            X(BACKUP_CREATED, "backup_created") X(BACKUP_RESTORED, "backup_restored")                        \
                X(BACKUP_VERIFIED, "backup_verified") X(BACKUP_PRUNED, "backup_pruned")                      \
                    X(LOCK_ACQUIRED, "lock_acquired") X(LOCK_RELEASED, "lock_released")                      \
                        X(LOCK_BROKEN, "lock_broken") X(LOCK_TAKEN_OVER, "lock_taken_over")                  \
                            X(REPAIRED, "repaired") X(ADOPTED, "adopted") X(APPROVED, "approved")            \
                                X(MIGRATION_SKIPPED, "migration_skipped") X(FORCED, "forced") X(DRIFT_FOUND, "drift_found") X(HOOK_RUN, "hook_run")
typedef enum df_audit_action {
#define DF_X(id, name) DF_AUDIT_##id,
    DF_AUDIT_ACTIONS(DF_X)
#undef DF_X
        DF_AUDIT_COUNT
} df_audit_action;

/* Appends an entry: own transaction, or the caller's open one. `details` is a JSON object or absent; secrets
 * never. */
DF_MUST_USE df_code df_audit_add(df_ledger *ledger, df_audit_action action, df_str migration_id,
                                 df_str details, df_error *err);
/* One entry; the hash is SHA-256 over the previous entry's hash and this entry's canonical JSON. */
typedef struct df_audit_entry {
    int64_t id, time_ms;
    df_str action, migration_id, actor, address, user_agent, details, previous, hash, database_user,
        environment;
} df_audit_entry;
typedef df_code (*df_audit_fn)(void *context, const df_audit_entry *entry, df_error *err);
/* Newest `limit` entries, oldest first (0: all), streamed; of one migration when `migration_id` is given. */
DF_MUST_USE df_code df_audit_list(df_ledger *ledger, df_str migration_id, int64_t limit, df_audit_fn fn,
                                  void *context, df_error *err);
typedef struct df_audit_proof {
    int64_t entries;
    bool intact;
    int64_t broken_at; /* id of the first entry that does not fit; 0 */
    char what[200];    /* "entry 17 was changed", "entry 12 is missing", "the end was cut off" */
    char head[65];     /* hash of the newest entry: keep it elsewhere to notice a log rewritten whole */
} df_audit_proof;
/* Recomputes the whole chain; `expected_head` (may be NULL) must occur in it. */
DF_MUST_USE df_code df_audit_verify(df_ledger *ledger, const char *expected_head, df_audit_proof *out,
                                    df_error *err);

/* ---- backups: _backup_history, _backup_restoration_history ---- */

typedef struct df_backup_record {
    df_str id, filename, path, checksum, created_by,
        type;                                 /* type: full, pre-migration, scheduled, critical */
    int64_t size, created_ms, retention_days; /* days 0: for ever */
    bool compressed, encrypted;
    df_str metadata;     /* JSON: engine and tool versions, last migration, verified_at, tables and rows,
                            pruned_at … */
    int64_t verified_ms; /* 0: never */
} df_backup_record;
DF_MUST_USE df_code df_backup_record_add(df_ledger *ledger, const df_backup_record *record, df_error *err);
/* Newest first. */
DF_MUST_USE df_code df_backup_record_list(df_ledger *ledger, df_arena *arena, df_backup_record **out,
                                          size_t *count, df_error *err);
/* Replaces the metadata (and verified_ms in it). */
DF_MUST_USE df_code df_backup_record_update(df_ledger *ledger, const df_backup_record *record, df_error *err);
DF_MUST_USE df_code df_backup_record_remove(df_ledger *ledger, df_str id, df_error *err);
DF_MUST_USE df_code df_backup_restored(df_ledger *ledger, df_str backup_id, bool success, int64_t duration_ms,
                                       const char *error, df_error *err);

/* ---- across a restore ---- */

/* What must not travel back in time when an older content replaces that of the database. Strings of the
 * arena. */
typedef struct df_restoration_record {
    df_str backup_id, restored_by, error;
    int64_t restored_ms, duration_ms; /* -1: not known */
    bool success;
} df_restoration_record;
typedef struct df_ledger_carry {
    int64_t fence;         /* the highest that was ever given */
    int64_t audit_entries; /* where the audit log was: its length and its head */
    char audit_head[65];
    df_backup_record *backups;
    size_t n_backups;
    df_restoration_record *restorations;
    size_t n_restorations;
} df_ledger_carry;
/* Nothing is carried (all zero) where there are no tables. */
DF_MUST_USE df_code df_ledger_carry_take(df_ledger *ledger, df_arena *arena, df_ledger_carry *out,
                                         df_error *err);
/*
 * Afterwards, on the same session: looks at the tables anew (makes or upgrades them), takes away the lock's
 * row that came along, raises the fence, and adds or updates the records. The lease is not held any more; the
 * named lock is.
 */
DF_MUST_USE df_code df_ledger_carry_put(df_ledger *ledger, const df_ledger_carry *carry, df_error *err);

/* ---- the schema at the last success ---- */

/* `content` is text; kept for the newest two. */
DF_MUST_USE df_code df_schema_keep(df_ledger *ledger, const char *run_id, const char *digest, int64_t objects,
                                   df_str content, df_error *err);
/* DF_NOT_FOUND when none was kept. */
DF_MUST_USE df_code df_schema_kept(df_ledger *ledger, df_arena *arena, char digest[65], int64_t *taken_ms,
                                   df_str *content, df_error *err);

/* ---- other tools' histories ---- */

typedef struct df_foreign_row {
    df_str version, name, checksum; /* as that tool writes them */
    int64_t applied_ms;             /* 0: not kept */
    int64_t made_ms;                /* when its file was made, where rows are told by that; else 0 */
    bool success;                   /* false: failed, dirty, rolled back */
} df_foreign_row;
typedef struct df_foreign {
    df_layout layout;  /* of the files that it is of */
    const char *tool;  /* whose it is: "flyway" */
    const char *table; /* "flyway_schema_history" */
    df_foreign_row *rows;
    size_t count;
    bool by_time;     /* its rows have no names before df_foreign_name has given them some (Drizzle) */
    bool only_newest; /* it knows one version alone, and all before it count as applied (golang-migrate) */
    bool dirty;
    df_str baseline; /* versions up to this one count as applied (Flyway's baseline row); absent */
} df_foreign;
/* Every foreign history in the database. */
DF_MUST_USE df_code df_foreign_find(df_ledger *ledger, df_arena *arena, df_foreign **out, size_t *count,
                                    df_error *err);
/* Whether a tool of this name, or of a layout's, is known. */
bool df_foreign_knows(const df_ledger *ledger, const char *name);
/* Gives rows that are told by their file's time the names that meta/_journal.json of the folder has for them; of others nothing. */
DF_MUST_USE df_code df_foreign_name(const df_migration_set *set, df_foreign *foreign, df_arena *arena, df_error *err);
/* Whether one of two names of a changeset of Liquibase is the other behind more folders: "db/changes/a.sql::ann:1", "a.sql::ann:1". */
bool df_foreign_same_changeset(df_str a, df_str b);
/*
 * Writes what our history has beyond it into that tool's table, as that tool would have (its checksums too),
 * so that a team can go back; `written` rows. In one transaction where the engine can. DF_UNSUPPORTED for
 * tools whose records cannot be made (sqitch).
 */
DF_MUST_USE df_code df_foreign_write(df_ledger *ledger, df_migration_set *set, const df_foreign *foreign,
                                     size_t *written, df_error *err);

#endif
