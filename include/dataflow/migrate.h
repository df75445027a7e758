/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versioned migrations of SQL databases: what the program `dataflow` does, for applications.
 *
 * A df_migrate is one database and one folder of migrations. It is used by one thread at a time; several may work on
 * the same database, the migration lock keeps them apart. Every call fills a report as far as the work came, also after a
 * failure; strings of a report live until the next call on the same handle of the same kind, or df_migrate_close.
 * Zero is a good default for every option.
 */
#ifndef DATAFLOW_MIGRATE_H
#define DATAFLOW_MIGRATE_H

#include <dataflow/observer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A number that is not known. */
#define DF_MIGRATE_UNKNOWN (-1)

/* ---- configuration ---- */

/* A command line for /bin/sh, or the path of an SQL file (ends in .sql) that runs on the database. */
typedef struct df_migrate_hook {
    const char *when; /* "before", "after", "check" (after success: failing or finding rows makes the run fail),
                       * "before-each", "after-each", "failed" */
    const char *what;
} df_migrate_hook;

typedef struct df_migrate_pair {
    const char *name, *value;
} df_migrate_pair;

typedef struct df_migrate_config {
    const char *database_url; /* required, but for calls that only read files */
    const char *folder;       /* NULL: "migrations" */
    const char *layout;       /* "native", "flyway", "goose" …; NULL or "auto": recognised */
    const char *engine;       /* without a URL: for which engine files are read; NULL: as they are: "postgres" or "neo4j" */
    const char *environment;  /* NULL: "development" */
    const char *actor;        /* who runs it, for the record; NULL: the operating system's user */
    const char *program;      /* "dataflow 0.2.0": for the record */

    int64_t wait_ms;          /* for another run's migration lock; 0: fails at once */
    int64_t lease_ms;         /* of the migration lock; 0: 60 s */
    int64_t lock_timeout_ms;  /* how long a statement may stand in front of traffic; 0: 2 s; -1: for ever */
    int64_t lock_retries;     /* tries again after a lock timeout, with growing, jittered pauses; 0: 20; -1: none */
    int64_t statement_timeout_ms; /* of a statement that builds no index and no batch; 0: none */
    int64_t index_timeout_ms; /* of index builds, validations, maintenance; 0: none */

    const char *max_risk;        /* "low", "medium", "high": above it `up` refuses; NULL: no limit */
    int64_t required_approvals;  /* distinct people that must have approved; 0: none */
    const char *backup;          /* "never" (default), "fresh" (a verified one younger than backup_max_age), "always" */
    int64_t backup_max_age_ms;   /* 0: 24 h */
    const char *backup_folder;   /* NULL: "backups" */
    const char *encryption_key;  /* 64 hex digits; NULL: backups are not encrypted */
    int64_t backup_keep;         /* after a backup that a run took, prune to so many; 0: keep all */
    bool allow_late;             /* applies migrations that are older than the newest applied one */
    bool keep_on_failed_check;   /* a failing check does not take the run's migrations back */
    bool no_schema_snapshot;     /* does not record the schema after success */

    const df_migrate_hook *hooks;
    size_t n_hooks;
    const df_migrate_pair *placeholders;
    size_t n_placeholders;

    const df_observer *observer;
    /* Events of a run, each one JSON object on a line without line end: docs/reference/events.md. */
    void (*event)(void *context, const char *json);
    void *event_context;
    bool no_statement_events; /* those of migrations are enough: a file may have a hundred thousand statements */
} df_migrate_config;

typedef struct df_migrate df_migrate;

/*
 * Only looks at the URL: the folder is read and the database connected when a call first needs them (and fails with
 * DF_NOT_FOUND when they are not there). Strings of `config` must outlive the handle.
 */
DF_API DF_MUST_USE df_code df_migrate_open(const df_migrate_config *config, df_migrate **out, df_error *err);
DF_API void df_migrate_close(df_migrate *migrate);

/* Creates the ledger's tables; harmless when they are there. `up` does it by itself. */
DF_API DF_MUST_USE df_code df_migrate_init(df_migrate *migrate, bool *created, df_error *err);

/* ---- what is there ---- */

typedef struct df_migrate_item {
    const char *id, *version, *name;
    const char *file;    /* NULL: only the history knows it */
    const char *state;   /* "applied", "pending", "modified" …: names of the verdicts, docs/migration-files.md */
    bool pending;        /* `up` would run it */
    bool blocks;         /* `up` refuses because of it */
    bool repeatable;
    const char *why, *hint; /* NULL when there is nothing to say */
    const char *risk;       /* "low" …; "" when the file does not say */
    const char *description, *author;
    int64_t applied_ms;     /* since 1970; 0: was not */
    const char *applied_by;
    int64_t duration_ms, estimated_ms, rows_affected; /* DF_MIGRATE_UNKNOWN */
    int64_t steps_done, steps;                        /* of a partial one */
} df_migrate_item;

typedef struct df_migrate_finding {
    const char *severity; /* "error", "warning", "note" */
    const char *rule;     /* stable name: "modified", "duplicate-version", "does-not-parse" … */
    const char *id;       /* the migration; NULL */
    const char *file;     /* NULL */
    int64_t line, statement; /* 0 */
    const char *what, *hint; /* hint may be NULL */
} df_migrate_finding;

typedef struct df_migrate_status {
    const char *engine, *server, *environment, *folder, *layout;
    bool initialised; /* the ledger's tables are there */
    bool locked;
    const char *locked_by; /* "ops@host, pid 4711, up, since 3 min"; NULL */
    df_migrate_item *items;
    size_t count, applied, pending, blocking;
    const char *current; /* version of the newest applied one; NULL */
    df_migrate_finding *findings; /* of the folder */
    size_t n_findings;
} df_migrate_status;

/* Whose headers are read, for risk, description, author and estimate. */
typedef enum df_migrate_details {
    DF_MIGRATE_DETAILS_NONE,
    DF_MIGRATE_DETAILS_PENDING, /* of pending files */
    DF_MIGRATE_DETAILS_ALL,     /* of every file that is there */
} df_migrate_details;
DF_API DF_MUST_USE df_code df_migrate_status_read(df_migrate *migrate, df_migrate_details details, df_migrate_status *out,
                                                  df_error *err);

typedef struct df_migrate_validation {
    df_migrate_finding *findings; /* errors first */
    size_t n_findings, errors, warnings;
    df_migrate_item *pending;
    size_t n_pending;
    int64_t checked; /* migrations read */
} df_migrate_validation;

/*
 * Reads every file, splits and classifies every statement, compares with the history. DF_MISMATCH when there are errors.
 * Without a database (no URL) the files alone.
 */
DF_API DF_MUST_USE df_code df_migrate_validate(df_migrate *migrate, df_migrate_validation *out, df_error *err);

/* ---- up, down ---- */

typedef struct df_migrate_run_options {
    const char *target;  /* up: up to and with it; down: what comes after it is taken back; NULL: all (up), one (down) */
    int64_t steps;       /* so many; 0: not limited (down: 1) */
    bool dry_run;
    bool force;          /* overrides gates that say so; each is audited */
    bool skip_backup;
    const char *reason;  /* for the record */
    const char *const *approvals; /* names of the people who approved */
    size_t n_approvals;
} df_migrate_run_options;

/* One statement of a rehearsal or a run. */
typedef struct df_migrate_step {
    int64_t number, line;
    const char *tag;   /* "CREATE INDEX" */
    const char *text;  /* its first line */
    const char *state; /* "done", "rolled back", "explained", "not run", "failed", "skipped", "undone" */
    const char *note;  /* why it was not run, what is in doubt; NULL */
    double ms;             /* 0: it was not run, or only planned */
    int64_t rows;          /* DF_MIGRATE_UNKNOWN */
    const char *locks;     /* rehearsal: "ACCESS EXCLUSIVE on public.users"; NULL: not known or none */
    const char *rewritten; /* rehearsal: tables whose storage was made anew; NULL */
    const char *scanned;   /* rehearsal: "public.users (1,200 rows)"; NULL */
    const char *plan;      /* rehearsal: the server's plan, an operator a line; NULL */
} df_migrate_step;

typedef struct df_migrate_run_item {
    const char *id, *version, *file, *risk, *description;
    const char *state; /* "applied", "rolled_back", "failed", "would apply", "cannot be rehearsed", "not reached", "resumed", "passed over" */
    const char *mode;  /* "one transaction", "statement by statement", and why */
    const char *undone; /* after a failure: "all", "part", "none" */
    int64_t duration_ms, estimated_ms, rows;
    df_migrate_step *steps;
    size_t n_steps;
    df_error error;    /* code DF_OK: none */
} df_migrate_run_item;

typedef struct df_migrate_run_report {
    const char *run_id;
    bool dry_run;
    df_migrate_run_item *items;
    size_t count;
    int64_t done;              /* applied, or taken back; of redo: applied again */
    const char *backup_id;     /* taken or accepted; NULL */
    df_migrate_finding *findings; /* of preflight, gates, checks */
    size_t n_findings;
    double duration_s;
} df_migrate_run_report;

/*
 * Applies what is pending. DF_MISMATCH: the history does not agree with the files; DF_REFUSED: a gate; DF_LOCKED;
 * DF_FAILED: a migration failed and nothing of it is left; DF_INCOMPLETE: it failed or was interrupted and something is
 * left, recorded; the next `up` goes on.
 */
DF_API DF_MUST_USE df_code df_migrate_up(df_migrate *migrate, const df_migrate_run_options *options, df_migrate_run_report *out, df_error *err);
/* Takes back, newest first. DF_REFUSED without `force`: a migration has no down, or data would be lost (the rows are named). */
DF_API DF_MUST_USE df_code df_migrate_down(df_migrate *migrate, const df_migrate_run_options *options, df_migrate_run_report *out, df_error *err);
/* Down and up again of the newest. */
DF_API DF_MUST_USE df_code df_migrate_redo(df_migrate *migrate, const df_migrate_run_options *options, df_migrate_run_report *out, df_error *err);

/* ---- proof ---- */

typedef struct df_migrate_proof_item {
    const char *id, *file;
    const char *state;  /* "proved", "no down", "down failed", "left objects", "lost objects", "up again failed", "left data", "lost data", "differs",
                        * "up failed", "passed over" */
    const char *detail; /* what is left, lost or different: object by object; the error */
} df_migrate_proof_item;
typedef struct df_migrate_proof {
    const char *scratch; /* the database it was done in */
    df_migrate_proof_item *items;
    size_t count, proved, broken, without_down;
} df_migrate_proof;
/*
 * Applies every migration up, down, and up again on a scratch database, comparing schemas around each (and what is stored, where the
 * engine has a digest of it). `scratch_url` NULL:
 * makes one on the same server (SQLite: a file in a temporary folder) and drops it afterwards. DF_MISMATCH when something is broken.
 */
DF_API DF_MUST_USE df_code df_migrate_verify(df_migrate *migrate, const char *scratch_url, const char *target, df_migrate_proof *out, df_error *err);

/* ---- the schema ---- */

typedef struct df_migrate_difference {
    const char *kind, *name;  /* "index", "public.users.users_email_idx" */
    const char *change;       /* "added", "removed", "changed" */
    const char *expected, *found; /* definitions; NULL where there is none */
} df_migrate_difference;
typedef struct df_migrate_drift {
    int64_t recorded_ms; /* when the schema was recorded */
    int64_t objects;
    df_migrate_difference *differences;
    size_t count;
} df_migrate_drift;
/* The live schema against the one recorded at the last success. DF_MISMATCH when they differ, DF_NOT_FOUND when none was recorded. */
DF_API DF_MUST_USE df_code df_migrate_schema_validate(df_migrate *migrate, df_migrate_drift *out, df_error *err);
/* Writes the live schema as text, object by object, into `write`. */
DF_API DF_MUST_USE df_code df_migrate_schema_dump(df_migrate *migrate, df_code (*write)(void *context, const char *text, size_t len, df_error *err), void *context, df_error *err);
/* Records the live schema as the right one (after drift was judged to be fine). */
DF_API DF_MUST_USE df_code df_migrate_schema_accept(df_migrate *migrate, const char *reason, df_error *err);

/* ---- repairing, adopting ---- */

typedef struct df_migrate_repair_options {
    const char *id;     /* one migration; NULL: all that need it */
    const char *reason; /* required unless dry_run */
    bool dry_run;       /* shows what would be done */
    const char *statement_done; /* "12": the statement in doubt of `id` took effect */
    const char *statement_again; /* "12": it did not, and is to be run again */
    bool forget_missing; /* takes migrations out of the history whose files are gone */
} df_migrate_repair_options;
typedef struct df_migrate_repair_item {
    const char *id, *action, *detail; /* "accept", "rename", "forget", "reset", "decide"; detail: the differing statements */
} df_migrate_repair_item;
typedef struct df_migrate_repair_report {
    df_migrate_repair_item *items;
    size_t count;
} df_migrate_repair_report;
DF_API DF_MUST_USE df_code df_migrate_repair(df_migrate *migrate, const df_migrate_repair_options *options, df_migrate_repair_report *out, df_error *err);

typedef struct df_migrate_adopt_options {
    const char *from;     /* the tool; NULL: whose history is found */
    const char *baseline; /* without a foreign history: everything up to this version is there already */
    const char *hand_back; /* writes what was applied since into that tool's own history, so that it can take over again */
    bool dry_run;
    const char *reason;
} df_migrate_adopt_options;
typedef struct df_migrate_adopt_report {
    const char *tool, *table;
    df_migrate_item *items; /* adopted */
    size_t count;
    df_migrate_finding *findings; /* versions without a file, failed ones, differing checksums */
    size_t n_findings;
    int64_t written; /* hand_back */
} df_migrate_adopt_report;
DF_API DF_MUST_USE df_code df_migrate_adopt(df_migrate *migrate, const df_migrate_adopt_options *options, df_migrate_adopt_report *out, df_error *err);

/* ---- operating ---- */

typedef struct df_migrate_check {
    const char *name;    /* "stuck_migrations", "expired_locks", "backup_age", "invalid_indexes" … */
    const char *status;  /* "ok", "warning", "critical", "unknown" */
    const char *message; /* a sentence */
    const char *details; /* JSON */
    const char *remedy;  /* what to do; NULL */
} df_migrate_check;
typedef struct df_migrate_health {
    const char *status; /* the worst */
    df_migrate_check *checks;
    size_t count;
} df_migrate_health;
/* DF_OK whatever the health is; DF_CONNECT when it cannot be asked. */
DF_API DF_MUST_USE df_code df_migrate_health_read(df_migrate *migrate, df_migrate_health *out, df_error *err);

typedef struct df_migrate_why_line {
    const char *section; /* "lock", "blocking", "transactions", "migration", "indexes", "next" */
    const char *severity; /* "bad", "warning", "ok", "info" */
    int64_t depth;        /* of a tree */
    const char *text;
    const char *command; /* what to type; NULL */
} df_migrate_why_line;
typedef struct df_migrate_why {
    bool stuck;
    const char *summary;
    df_migrate_why_line *lines;
    size_t count;
} df_migrate_why;
DF_API DF_MUST_USE df_code df_migrate_why_read(df_migrate *migrate, df_migrate_why *out, df_error *err);

/*
 * Ends somebody's transaction or session, named as `why` names it ("neo4j-transaction-12", "4711"), with the server's own command,
 * which *command is. Audited. DF_NOT_FOUND when it is not there (any more), DF_REFUSED for our own.
 */
DF_API DF_MUST_USE df_code df_migrate_terminate(df_migrate *migrate, const char *name, const char *reason, const char **command, df_error *err);

typedef struct df_migrate_lock {
    const char *state; /* "none" (it is free), "alive", "frozen", "gone", "restored", "hidden", "unknown" */
    const char *lock_id, *owner, *host, *purpose, *doing;
    int64_t pid, session, fence, acquired_ms, expires_ms, heartbeat_ms, now_ms;
} df_migrate_lock;
DF_API DF_MUST_USE df_code df_migrate_lock_read(df_migrate *migrate, df_migrate_lock *out, df_error *err);
DF_API DF_MUST_USE df_code df_migrate_lock_release(df_migrate *migrate, bool force, df_migrate_lock *was, df_error *err);

typedef struct df_migrate_audit_entry {
    int64_t id, time_ms;
    const char *action, *migration_id, *actor, *database_user, *address, *user_agent, *environment, *details, *previous, *hash;
} df_migrate_audit_entry;
typedef df_code (*df_migrate_audit_fn)(void *context, const df_migrate_audit_entry *entry, df_error *err);
DF_API DF_MUST_USE df_code df_migrate_audit(df_migrate *migrate, const char *migration_id, int64_t limit, df_migrate_audit_fn fn, void *context, df_error *err);
typedef struct df_migrate_audit_proof {
    int64_t entries, broken_at;
    const char *what, *head;
} df_migrate_audit_proof;
/* DF_MISMATCH when the chain is broken. */
DF_API DF_MUST_USE df_code df_migrate_audit_verify(df_migrate *migrate, const char *expected_head, df_migrate_audit_proof *out, df_error *err);

/* ---- backups ---- */

typedef struct df_migrate_backup {
    const char *id, *filename, *path, *type, *checksum, *created_by, *metadata;
    int64_t size, created_ms, verified_ms; /* verified 0: never */
    bool compressed, encrypted, present; /* present: the file is where it should be */
} df_migrate_backup;
typedef struct df_migrate_backup_options {
    const char *type; /* NULL: "full" */
    bool no_compress;
    int64_t retention_days;
    int64_t attempts; /* how often it is made anew when something was written meanwhile that it could not hold as of one
                       * moment (MariaDB, Neo4j); 0: once, and what is not exact is recorded as such */
} df_migrate_backup_options;
DF_API DF_MUST_USE df_code df_migrate_backup_create(df_migrate *migrate, const df_migrate_backup_options *options, df_migrate_backup *out, df_error *err);
/* Newest first. */
DF_API DF_MUST_USE df_code df_migrate_backup_list(df_migrate *migrate, df_migrate_backup **out, size_t *count, df_error *err);
typedef struct df_migrate_backup_table {
    const char *name;
    int64_t rows_backup, rows_scratch; /* as counted when the backup was made, and after restoring it */
    bool equal;                        /* rows and checksums */
} df_migrate_backup_table;
typedef struct df_migrate_backup_check {
    const char *id, *scratch;
    bool checksum_ok, restored;
    df_migrate_backup_table *tables;
    size_t count, differing;
    double duration_s;
} df_migrate_backup_check;
/*
 * Restores into a scratch database and compares; DF_MISMATCH when something differs. `id` or "latest". `scratch_url`: an empty
 * database to do it in, which is empty again afterwards, for a server that cannot make one itself (Neo4j Community); NULL there:
 * the file is read and counted, and `restored` stays false.
 */
DF_API DF_MUST_USE df_code df_migrate_backup_verify(df_migrate *migrate, const char *id, const char *scratch_url, df_migrate_backup_check *out, df_error *err);
/* Into the live database: takes a safety backup first (its id in `safety`), under the migration lock. */
DF_API DF_MUST_USE df_code df_migrate_backup_restore(df_migrate *migrate, const char *id, bool skip_safety, df_migrate_backup *restored, df_migrate_backup *safety, df_error *err);
/* Removes all but the newest `keep`, and those over their retention; never the newest verified one. */
DF_API DF_MUST_USE df_code df_migrate_backup_prune(df_migrate *migrate, int64_t keep, bool dry_run, df_migrate_backup **removed, size_t *count, df_error *err);

/* `neo4j-admin database dump` and `load`, of a Neo4j on this machine that is stopped. */
typedef struct df_migrate_dump_options {
    const char *neo4j_home; /* NULL: NEO4J_HOME */
    const char *database;   /* NULL: "neo4j" */
    const char *path;       /* the folder, which dump makes */
    const df_observer *observer;
} df_migrate_dump_options;
typedef struct df_migrate_dump {
    char path[1024], checksum[65]; /* of the file DATABASE.dump; beside it DATABASE.dump.json says the same */
    int64_t size;
} df_migrate_dump;
DF_API DF_MUST_USE df_code df_migrate_dump_make(const df_migrate_dump_options *options, df_migrate_dump *out, df_error *err);
/* Replaces the database. DF_CORRUPT when the dump is not the one that was made; nothing was changed then. */
DF_API DF_MUST_USE df_code df_migrate_dump_load(const df_migrate_dump_options *options, df_migrate_dump *out, df_error *err);

#ifdef __cplusplus
}
#endif
#endif
