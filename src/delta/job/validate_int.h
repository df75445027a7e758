/* SPDX-License-Identifier: Apache-2.0 */
/* One run of `validate`: the log on one side, the catalog on the other, and what was found. */
#ifndef DF_DELTA_JOB_VALIDATE_INT_H
#define DF_DELTA_JOB_VALIDATE_INT_H

#include "delta/job/job.h"

/* A segment of the log with the totals of its versions, computed backwards. */
typedef struct proved_segment {
    delta_segment segment;
    int64_t first;
    delta_totals *totals; /* of versions first … segment.last */
} proved_segment;

typedef struct validation {
    const df_delta_validate_options *options;
    df_delta_validate_report *report;
    df_arena *arena; /* the report's */
    delta_catalog *catalog;
    delta_table table;
    delta_log *log;
    delta_reader *reader;
    delta_defects defects;
    proved_segment *segments;
    size_t n_segments;
    bool same_base; /* the newest segment stands on the same base as the catalog: texts must agree to the
                       letter */
    bool mismatch, unknown;
    size_t differences_cap;
} validation;

/* The totals at a version, NULL when the log cannot reconstruct it. `base`: the segment's first version. */
const delta_totals *delta_proved(const validation *v, int64_t version, int64_t *base);

/* Adds a check with its result; "mismatch" and "unknown" also decide the verdict. */
void delta_verdict(validation *v, const char *name, const char *title, const char *result,
                   const char *evidence, const char *fmt, ...) DF_PRINTF(6, 7);
/* Adds one difference. All texts are copied; NULL: absent on that side. */
void delta_difference(validation *v, const char *kind, df_str path, df_str dv_id, df_str in_log,
                      df_str in_sql, bool legitimate);

/* Every version: the catalog's totals against the backward replay. */
DF_MUST_USE df_code delta_check_versions(validation *v, df_error *err);
/* Every version checksum file: against the backward replay and against the catalog. */
DF_MUST_USE df_code delta_check_checksums(validation *v, df_error *err);
/* Every checkpoint and compaction file against the commits they stand for. */
DF_MUST_USE df_code delta_check_checkpoints(validation *v, df_error *err);
DF_MUST_USE df_code delta_check_compactions(validation *v, df_error *err);
/* The newest state, file by file and field by field; fills file_based_snapshot. */
DF_MUST_USE df_code delta_check_files(validation *v, df_error *err);
/* Protocol, metadata, transactions, domains of the newest state. */
DF_MUST_USE df_code delta_check_state(validation *v, df_error *err);

#endif
