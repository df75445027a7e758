/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder know of each other: a handle, and what several jobs do with it. */
#ifndef DF_MIGRATION_JOB_INT_H
#define DF_MIGRATION_JOB_INT_H

#include "base/json.h"
#include "operate/backup.h"
#include "operate/operate.h"
#include "safety/execution/execution.h"
#include "safety/verification/verification.h"

#include <dataflow/migrate.h>

/* Reports of one kind live until the next call of that kind. */
typedef enum report_kind {
    REPORT_STATUS,
    REPORT_VALIDATION,
    REPORT_RUN,
    REPORT_PROOF,
    REPORT_SCHEMA,
    REPORT_REPAIR,
    REPORT_ADOPT,
    REPORT_HEALTH,
    REPORT_WHY,
    REPORT_LOCK,
    REPORT_AUDIT,
    REPORT_BACKUP,
    REPORT_BACKUP_CHECK,
    REPORT_COUNT
} report_kind;

struct df_migrate {
    df_migrate_config config;
    df_arena arena; /* of the handle */
    df_arena reports[REPORT_COUNT];
    const df_sql_dialect *dialect;
    df_open_options open_options;
    df_conn *conn;
    bool imaginary; /* the SQLite file is not there yet: conn is an empty database in memory, nothing may be written */
    df_ledger *ledger;
    bool half_restored_too; /* this call also works on what an interrupted restore has left */
    df_migration_set *set;
    df_migrate_hook *callbacks; /* files of the folder that run around `up`, as hooks */
    size_t n_callbacks;
    df_placeholders placeholders;
};

/* ---- open.c ---- */

/* An emptied arena for a report. */
df_arena *job_report(df_migrate *m, report_kind kind);
DF_MUST_USE df_code job_files(df_migrate *m, df_error *err);
/* Connects and looks for the ledger. `write`: the database is going to be changed, and a SQLite file made when missing. */
DF_MUST_USE df_code job_connect(df_migrate *m, bool write, df_error *err);
/* Connects for writing and makes sure of the ledger's tables. */
DF_MUST_USE df_code job_ledger(df_migrate *m, bool *created, df_error *err);
/* Where its backups are. */
df_backup_place job_backups(df_migrate *m);
/* The environment's name, for the record. */
const char *job_environment(const df_migrate *m);
df_lease_options job_lease(const df_migrate *m, const char *purpose);
/* Ready to run: ids, limits, observer. Its connection must be put back with job_executor_done. */
void job_executor(df_migrate *m, df_executor *x, df_arena *arena);
void job_executor_done(df_migrate *m, df_executor *x);

/* ---- plan: what the files and the history say together ---- */

typedef struct job_plan {
    df_applied *applied;
    size_t n_applied;
    df_plan plan;
} job_plan;
/* `held`: the lock is ours, so that nothing else is running. */
DF_MUST_USE df_code job_make_plan(df_migrate *m, bool deep, bool held, df_arena *arena, job_plan *out, df_error *err);
/* "009_add.sql" or, when only the history knows it, its id. */
const char *job_file_of(const df_plan_item *item, df_arena *arena);
void job_fill_item(df_migrate *m, const df_plan_item *from, df_arena *arena, df_migrate_item *out);

/* ---- findings ---- */

typedef struct job_findings {
    df_arena *arena;
    df_migrate_finding *items;
    size_t count, cap;
} job_findings;
/* Copies nothing: strings must live as long as the report. */
void job_add(job_findings *list, df_migrate_finding finding);
void job_add_error(job_findings *list, const char *rule, const char *id, const df_error *err);

/* ---- gates.c ---- */

typedef struct job_run {
    df_migrate *m;
    const df_migrate_run_options *options;
    df_executor x;
    df_arena *arena;
    job_plan plan;
    df_direction direction;
    df_plan_item **chosen; /* what runs, in its order */
    df_migration **migrations;
    size_t count;
    job_findings findings;
    df_migrate_run_report *report;
    double began;
} job_run;

/* Risk, approvals, preflight, backup: DF_REFUSED with the flag that overrides. */
DF_MUST_USE df_code job_gates_up(job_run *run, df_error *err);
/* No down section, data that would be lost. */
DF_MUST_USE df_code job_gates_down(job_run *run, df_error *err);

/* ---- adopt.c ---- */

/*
 * Of a database without a history of ours: whether the tool that the folder's files are made for has left one, whose
 * migrations would be applied a second time. *what (in `arena`) says whose; NULL: none.
 */
DF_MUST_USE df_code job_not_adopted(df_migrate *m, const job_plan *plan, df_arena *arena, const char **what, df_error *err);
#define JOB_ADOPT_HINT "take it over first: dataflow adopt (--dry-run shows what it would do)"

/* ---- preconditions.c ---- */

/*
 * Takes the alternative of a migration whose preconditions hold, and loads it. *passed_over (in `arena`) tells why it is not to run
 * here; NULL: it is. DF_REFUSED when something that it asserts does not hold. `begun`: an earlier run did a part of it, when all
 * of it held. Asks for what its way up drops first, where that is only known to the database.
 */
DF_MUST_USE df_code job_choose(df_migrate *m, df_migration *migration, bool begun, df_arena *arena, const char **passed_over, df_error *err);
/* What is late because it was passed over, and still is to be, stands in nobody's way. */
void job_excuse_late(df_migrate *m, df_plan *plan, df_arena *arena);
/* Into the log and the audit log. */
DF_MUST_USE df_code job_note_passed_over(df_migrate *m, const df_migration *migration, const char *why, const char *run_id, df_error *err);

/* Of the connected server, as df_sql_version makes it; 0 when it says none. */
int32_t job_server_version(const df_migrate *m);

/* ---- outside.c ---- */

typedef struct job_outside {
    df_conn *conn; /* of the server that is asked */
    const df_sql_dialect *dialect;
    df_arena *arena;
    bool databases_only; /* not what belongs to the whole server */
    df_str *databases;   /* filled by job_outside_open, in any order; released by job_outside_close */
    size_t n_databases, cap;
    const char **made; /* "ROLE web": what the statements that were looked at make, and was not there */
    size_t n_made, made_cap;
} job_outside;

/* The caller sets the members above `databases`. */
DF_MUST_USE df_code job_outside_open(job_outside *outside, df_error *err);
/* What a statement changes beside the database that it runs in ("the database shop", "the role web"), in the arena; NULL: nothing that
 * can be seen in its text. */
const char *job_outside_find(job_outside *outside, const df_step *step);
/* Takes away what was made of the whole server, once nothing depends on it. */
void job_outside_clear(const job_outside *outside, const df_observer *observer);
void job_outside_close(job_outside *outside);

/* ---- schema.c ---- */

/* Records the live schema as that of the last success; a failure is only logged, the migrations stand. */
void job_keep_schema(df_migrate *m, const char *run_id);

#endif
