/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a version was made. A log knows up to three times for a commit; the clock chooses, and makes the
 * choice strictly increasing, so that "as of" a time names one version.
 *
 * Source: Delta Transaction Log Protocol, sections "In-Commit Timestamps" and "Commit Provenance
 * Information".
 */
#ifndef DF_DELTA_LOG_TIMESTAMPS_H
#define DF_DELTA_LOG_TIMESTAMPS_H

#include "delta/log/action.h"

typedef struct delta_commit_clock {
    bool in_commit;             /* delta.enableInCommitTimestamps */
    int64_t enablement_version; /* in-commit timestamps count from here on; DELTA_ABSENT: from 0 */
    int64_t last;               /* of the version before; DELTA_ABSENT at the beginning */
} delta_commit_clock;

/* Where a timestamp came from. */
typedef enum delta_time_source {
    DELTA_TIME_IN_COMMIT, /* inCommitTimestamp */
    DELTA_TIME_COMMIT,    /* commitInfo.timestamp */
    DELTA_TIME_FILE,      /* the commit file's modification time */
    DELTA_TIME_NONE,      /* none was known: one millisecond after the version before */
} delta_time_source;

void delta_commit_clock_init(delta_commit_clock *clock);
/* To be told of every metaData before the time of its version is asked; also that of a checkpoint. */
void delta_commit_clock_metadata(delta_commit_clock *clock, const delta_metadata *metadata);

/*
 * The effective time of `version`, in ms: inCommitTimestamp where these are enabled, else
 * commitInfo.timestamp, else the file's time; at least one more than the version before. `info` may be NULL,
 * `mtime_ms` DELTA_ABSENT. To be asked version by version, oldest first. `source` may be NULL.
 */
int64_t delta_commit_clock_tick(delta_commit_clock *clock, int64_t version, const delta_commit_info *info,
                                int64_t mtime_ms, delta_time_source *source);

#endif
