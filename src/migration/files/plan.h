/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files against the history: a verdict for each, never silence. Pure: what was applied is handed in, and
 * nothing is asked or changed.
 */
#ifndef DF_MIGRATION_PLAN_H
#define DF_MIGRATION_PLAN_H

#include "migration/files/files.h"

/* The states of _migration_history.status. */
typedef enum df_applied_status {
    DF_APPLIED_PENDING,
    DF_APPLIED_IN_PROGRESS, /* a run began and did not end: killed, or running now */
    DF_APPLIED_COMPLETED,
    DF_APPLIED_FAILED,
    DF_APPLIED_ROLLED_BACK,
} df_applied_status;
const char *df_applied_status_name(
    df_applied_status status); /* "pending", "in_progress", "completed", "failed", "rolled_back" */
bool df_applied_status_from_name(df_str name, df_applied_status *out);

/* One row of the history. */
typedef struct df_applied {
    df_str id, version, name;
    df_applied_status status;
    bool repeatable;
    bool adopted;       /* taken over from another tool or a baseline: was not run by us */
    df_str checksum;    /* normalised, 64 hex digits; absent when not known (adopted) */
    df_str raw;         /* 32 hex digits; absent when not known */
    int64_t sequence;   /* order of application */
    int64_t applied_ms; /* since 1970; 0: not known */
    df_str applied_by, environment, error;
    int64_t duration_ms, estimated_ms, rows_affected; /* -1: not known */
    int64_t rolled_back_ms;                           /* 0: was not */
    size_t steps_done, steps; /* of a partial one; 0 of 0 when not journalled by statement */
    bool down; /* in progress or failed while it was being taken back, not while being applied */
} df_applied;

/* One list: identifier, JSON name, blocks `up`, what it means. */
#define DF_VERDICTS(X)                                                                                       \
    X(APPLIED, "applied", false, "applied, and the file says the same")                                      \
    X(COSMETIC, "cosmetic", false,                                                                           \
      "applied; the file differs in comments, white space or its down section only")                         \
    X(MODIFIED, "modified", true, "applied, and its statements have been changed since")                     \
    X(PENDING, "pending", false, "waits to be applied")                                                      \
    X(LATE, "late", true, "not applied, and older than one that is")                                         \
    X(OUTDATED, "outdated", false, "repeatable, and changed since it was last applied")                      \
    X(MISSING, "missing", true, "applied, and its file is gone")                                             \
    X(RENAMED, "renamed", true, "applied under another name or version, with the same statements")           \
    X(DUPLICATE, "duplicate", true, "its version stands on two files")                                       \
    X(FAILED, "failed", false, "was tried and failed, and nothing of it is left")                            \
    X(PARTIAL, "partial", false, "began and did not end: some of its statements took effect")                \
    X(RUNNING, "running", true, "is being applied by another run")                                           \
    X(ROLLED_BACK, "rolled_back", false, "was applied and taken back: waits to be applied again")            \
    X(BASELINE, "baseline", false, "was there before the history began")                                     \
    X(BLOCKED, "blocked", true, "needs a migration that is neither applied nor pending before it")           \
    X(UNREADABLE, "unreadable", true, "its file cannot be read or understood")

typedef enum df_verdict {
#define DF_X(id, name, blocks, text) DF_VERDICT_##id,
    DF_VERDICTS(DF_X)
#undef DF_X
        DF_VERDICT_COUNT
} df_verdict;
const char *df_verdict_name(df_verdict verdict);
const char *df_verdict_text(df_verdict verdict);

typedef struct df_plan_item {
    df_migration *migration;   /* NULL: only the history knows it */
    const df_applied *applied; /* NULL: only the folder knows it */
    df_verdict verdict;
    bool blocks; /* as the list above says, but for late ones that are allowed and those that come behind the
                    target */
    const char *why;  /* a sentence naming what differs: both sums, the other file, the dependency */
    const char *hint; /* what to do, a command where there is one */
} df_plan_item;

typedef struct df_plan {
    const df_migration_set *set; /* the folder, with what was found in it */
    df_plan_item *items; /* in the folder's order, those without a file by their sequence among them */
    size_t count;
    size_t n_applied, n_pending, n_blocking; /* pending: what `up` would run */
} df_plan;

typedef struct df_plan_options {
    bool allow_late;      /* --out-of-order */
    bool deep;            /* compute checksums also where the raw hash agrees */
    bool allow_missing;   /* a file that is gone does not block */
    const char *baseline; /* versions up to this count as there */
    bool running;         /* somebody else holds the lock: what is in progress is running, not partial */
} df_plan_options;

/*
 * Matches by id, then by version, then (for what is left on both sides) by checksum, which makes it RENAMED.
 * Reads and hashes files as needed: the raw hash first, the checksum only where it differs. Dependencies
 * (names, ids or versions in the header; `requires` and `conflicts` of sqitch) are checked against what is
 * applied or pending before.
 */
DF_MUST_USE df_code df_plan_make(df_migration_set *set, const df_applied *applied, size_t n_applied,
                                 const df_plan_options *options, df_arena *arena, df_plan *out,
                                 df_error *err);

/* Whether a finding keeps `up` from starting, and no item that blocks stands for its file. */
bool df_plan_finding_blocks(const df_plan *plan, const df_file_finding *finding);

/* "Migration X has been modified after application!", with both sums: the message of a MODIFIED item. */
/* Which statements differ between what was applied and what the file says now, as lines "- old" and "+ new"
 * with their statement numbers and lines; at most `limit` lines. `old_up` is the up text as it was applied.
 */
DF_MUST_USE df_code df_plan_difference(df_migration_set *set, df_migration *migration, df_str old_up,
                                       size_t limit, df_buf *out, df_error *err);

#endif
