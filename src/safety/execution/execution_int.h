/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder know of each other. */
#ifndef DF_SAFETY_EXECUTION_INT_H
#define DF_SAFETY_EXECUTION_INT_H

#include "base/json.h"
#include "safety/execution/execution.h"

/* One migration being run in one direction. */
typedef struct execution {
    df_executor *x;
    df_migration *migration;
    df_direction direction;
    const df_section *section;
    df_steps steps;
    df_units units;
    df_run run;
    df_journal_row *rows; /* one a step */
    enum { NOT_RUN_HERE, RAN, RAN_IDLE } *effects; /* one a step; idle: the server says that it changed nothing */
    df_migrate_run_item *item;
    df_arena arena;
    double began; /* monotonic seconds */
    int64_t affected;
    bool noted_start;      /* the history says that it is in progress */
    size_t ended, n_ended; /* steps whose end is not yet in the journal (record.c): the first, and how many */
    bool unsettled;   /* a change of the schema was made, which the server may still be finishing */
} execution;

/* ---- execute.c ---- */

/* The row of a statement's number, among rows in the order of their numbers; NULL when there is none. */
df_journal_row *find_row(df_journal_row *rows, size_t count, int32_t number);

/* Reads and splits the section, cuts it into units, makes room for the report. */
DF_MUST_USE df_code execution_prepare(execution *e, df_error *err);
/* Whether its statements may leave settings behind. */
bool execution_changes_session(const execution *e);

/* ---- step.c: one statement ---- */

/* Sends it, times it, fills its journal row and its line of the report. The error names file, line, statement, SQLSTATE. */
DF_MUST_USE df_code step_run(execution *e, size_t step, df_error *err);
/* The same for any text that stands for it (a batch); adds to rows and time instead of setting them. */
DF_MUST_USE df_code step_send(execution *e, size_t step, df_str sql, df_error *err);
/*
 * Begins the transaction of a unit, with the fence check. An isolation level that the file sets must come before any
 * query: then the statements up to it run first, and *ran says how many of the unit's.
 */
DF_MUST_USE df_code step_begin(execution *e, const df_unit *unit, size_t *ran, df_error *err);
/* The same for what the commit finds, which belongs to no statement: which migration, and in which file. */
df_code commit_explain(const execution *e, df_error *err);
/* Whether it inserts rows that are written out (shared.c). */
bool step_is_plain_insert(const df_step *step);
/* Whether the step inserts a row as the unit's statements do, and may share their transaction. */
bool unit_takes_row(const df_steps *steps, const df_unit *unit, size_t at);
/* Whether all that the unit's INSERTs do can be taken back. */
DF_MUST_USE df_code unit_can_share(execution *e, const df_unit *unit, bool *can, df_error *err);
void step_state(execution *e, size_t step, df_step_status status, const char *state, const char *note);
/* "statement 3 (ALTER TABLE)" in front, and where in which file. */
df_code step_explain(const execution *e, size_t step, df_error *err);
/* The first line of a statement, for people; at most 120 bytes. */
const char *first_line(df_arena *arena, df_str text);

/* ---- the two ways ---- */
DF_MUST_USE df_code run_whole(execution *e, df_error *err);
DF_MUST_USE df_code run_journalled(execution *e, df_error *err);

/* ---- record.c: a journalled run in the ledger ---- */

/* Before the steps run: the history's start, if it is not yet written, and the journal's intents. */
DF_MUST_USE df_code record_intents(execution *e, size_t first, size_t count, df_error *err);
/* After them: with the next write, or at once where nobody else could tell how they ended. */
DF_MUST_USE df_code record_ends(execution *e, size_t first, size_t count, df_error *err);
/* What has waited is written. */
DF_MUST_USE df_code record_now(execution *e, df_error *err);

/* ---- alone.c: what runs in no transaction of ours ---- */

typedef struct resumption {
    df_journal_row *before; /* of the earlier attempt */
    size_t count;
    int reconnects;
} resumption;
DF_MUST_USE df_code run_alone(execution *e, const df_unit *unit, resumption *r, df_error *err);
/* The intent is there and nothing more: done, to be done again, or not to be known. */
DF_MUST_USE df_code settle_doubt(execution *e, size_t step, const df_journal_row *intent, bool *done, df_error *err);

/* ---- journalled.c, for alone.c ---- */

/* The journal's row of the earlier attempt; NULL: none. */
const df_journal_row *earlier(const resumption *r, int32_t number);
DF_MUST_USE df_code connected_again(execution *e, resumption *r, df_error *err);
/* Settings and temporary objects that the steps before `end` made, for the new session. */
DF_MUST_USE df_code renew_session(execution *e, size_t end, df_error *err);
/* The failed step's row in the journal. */
void settle_failed(execution *e, size_t step);

/* ---- doubt.c ---- */

/* What the statement is about, as it is now: fills rows[step].state_before. Nothing when it cannot be looked up. */
DF_MUST_USE df_code note_state(execution *e, size_t step, df_error *err);
typedef enum verdict_of_doubt { DOUBT_DONE, DOUBT_AGAIN, DOUBT_UNDECIDED } verdict_of_doubt;
/* A statement whose intent is there and whose end is not: looks whether it took effect. `why` says how it was seen. */
DF_MUST_USE df_code resolve_doubt(execution *e, size_t step, const df_journal_row *intent, verdict_of_doubt *out,
                                  const char **why, df_error *err);
/* Waits until the server has finished what was changed of the schema. When that fails, what is left is dropped, the statement that
 * made it has failed, and the error is its. */
DF_MUST_USE df_code settle_schema(execution *e, df_error *err);
/* Whether it runs in transactions of its own, of which some may be committed when it fails, and may not be run again as it is. */
bool commits_by_itself(const df_step *step);
/* Whether such a statement was begun and did not end well, so that some of it may be there. */
bool partly_done(const execution *e, size_t step);
/* Drops an invalid index of the name that this CREATE INDEX CONCURRENTLY is about to make, and what REINDEX left. */
DF_MUST_USE df_code drop_invalid_index(execution *e, size_t step, bool *dropped, df_error *err);

/* ---- undo.c ---- */

/* After a failure: takes back what was done by the down statements that belong to it. "all", "part" or "none". */
const char *undo_done(execution *e);

/* ---- batch.c ---- */
DF_MUST_USE df_code run_batches(execution *e, size_t step, const df_journal_row *before, df_error *err);
/* Adds "key > lo AND key <= hi" to the statement's condition; exported for tests. lo or hi absent: no such bound. */
DF_MUST_USE df_code batch_condition(const df_sql_dialect *dialect, df_str sql, df_str key, df_str lo, df_str hi, df_buf *out,
                                    df_error *err);

/* ---- retry.c ---- */

/* Whether to try again after a transient failure: waits (growing, jittered) and says so. */
bool retry_after(execution *e, df_code code, int64_t attempt, const df_error *err);
/* A new session and the lease again, for about a minute. */
DF_MUST_USE df_code reconnect(df_executor *x, df_error *err);

/* ---- event.c ---- */

/* Begins an event for whoever listens; false when nobody does. Members are added to `w`, event_end sends it. */
bool event_begin(const df_executor *x, df_json_writer *w, df_buf *out, const char *name);
void event_end(const df_executor *x, df_json_writer *w, df_buf *out);

/* ---- watch.c ---- */
void watch_begin(df_watch *watch, const char *id, int64_t estimated_ms);
void watch_step(df_watch *watch, int64_t number, int64_t of, const char *what);
/* The session that runs the next statement, which may take long; 0: nobody is to ask about it. */
void watch_session(df_watch *watch, int64_t id);
void watch_end(df_watch *watch);

#endif
