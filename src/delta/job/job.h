/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs behind <dataflow/delta.h>: what they share. A job lists the log, opens the catalog, moves data one
 * way, and fills a report whose strings live in the report's own memory.
 */
#ifndef DF_DELTA_JOB_JOB_H
#define DF_DELTA_JOB_JOB_H

#include "base/clock.h"
#include "base/json.h"
#include "delta/catalog/catalog.h"

#include <dataflow/delta.h>

/* A report's memory: one arena, freed with the report. Kept in its private_memory. */
df_arena *delta_report_memory(void **private_memory);
void delta_report_free(void **private_memory);

/*
 * A table's folder as the catalog keeps it, and back. Folder names need not be UTF-8, text in a database
 * must: such a path is kept as a file: URI. Both results live in `arena`.
 */
const char *delta_location_text(const char *path, df_arena *arena);
const char *delta_location_path(df_str text, df_arena *arena);

/* Copies defects into a report. */
void delta_report_warnings(const delta_defects *defects, df_arena *arena, df_delta_warning **out,
                           size_t *count);
/* Warnings as the JSON array that migration_status keeps. */
void delta_warnings_json(const df_delta_warning *warnings, size_t count, df_buf *out);

/* Adds a check to a report's list. The texts are copied into the arena. */
void delta_report_check(df_arena *arena, df_delta_check **checks, size_t *count, const char *name,
                        const char *title, const char *result, const char *evidence, const char *fmt, ...)
    DF_PRINTF(8, 9);

/* Opens the catalog and finds a table by id, or by the location of `path`. Both given: they must agree
 * (DF_CONFLICT). */
DF_MUST_USE df_code delta_open_table(const char *database_url, const char *table_id, const char *path,
                                     const df_observer *observer, df_arena *arena, delta_catalog **catalog,
                                     delta_table *table, df_error *err);

/* ---- the state at every version, computed backwards ---- */

/* What a version's state comes to. */
typedef struct delta_totals {
    int64_t num_files, size_in_bytes, known_records, files_without_records;
    int64_t deletion_vector_files, deleted_records, tombstones;
    df_hash128 digest;
} delta_totals;

/* The same numbers as a summary, for comparing with what others say of the version. */
delta_snapshot_summary delta_totals_summary(const delta_totals *totals, int64_t version);

/*
 * Reads a segment once, newest version first, and derives the totals of each of its versions: each add lives
 * from its version to the next older-to-newer mention of its key, which backwards is already known. Shares no
 * code with the loader, which goes forwards. `totals` gets (last - first + 1) entries, for versions
 * first..last; freed with free().
 */
DF_MUST_USE df_code delta_backward_totals(delta_reader *reader, delta_log *log, const delta_segment *segment,
                                          int64_t *first, delta_totals **totals, df_error *err);

#endif
