/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the importer; shared by import and sync. */
#ifndef DF_DELTA_JOB_IMPORT_INT_H
#define DF_DELTA_JOB_IMPORT_INT_H

#include "delta/job/job.h"
#include "delta/log/timestamps.h"

typedef struct importer {
    /* what is wanted */
    const df_observer *observer;
    const char *table_id;
    const char *location; /* as the catalog keeps it */
    bool latest_only, force, restart;
    int64_t batch_size;
    int64_t bytes_planned; /* of the log, to be read in this attempt */

    /* what is read, and where it goes; catalog NULL: a rehearsal that only reads */
    delta_log *log;
    delta_reader *reader;
    delta_defects defects;
    delta_catalog *catalog;
    delta_loader *loader;

    /* the version being read */
    delta_version_info info;
    df_arena version_memory;
    delta_commit_clock clock;
    bool has_protocol, has_metadata;
    int expiry_checkpoint; /* index; -1: none */

    /* what went wrong so far, and is gone around */
    int64_t failed_commit; /* -1: the last failure was not a commit's */
    int64_t *bad_commits;
    size_t n_bad_commits, bad_commits_cap, n_bad_checkpoints;

    /* what was done */
    int attempts;
    int64_t from_version; /* visible before this run; -1: none */
    int64_t target;       /* version planned for */
    int64_t files, versions, bytes;
    int64_t files_read;               /* up to the last whole version */
    delta_snapshot_summary rehearsed; /* only without a catalog */
} importer;

/* Lists the log at `path`. The caller has set the first block of members. */
DF_MUST_USE df_code delta_importer_open(importer *im, const char *path, df_error *err);
/* Applies everything behind the visible version. The table's lock is held when there is a catalog. */
DF_MUST_USE df_code delta_importer_run(importer *im, df_error *err);
void delta_importer_close(importer *im);

#endif
