/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delta Lake metadata in a SQL catalog: what the program `deltalakedb` does, for applications.
 *
 * Every call takes an options struct (zero is a good default for what is not named required), fills a
 * report, and returns DF_OK or why not. Strings of a report live until the report's
 * df_delta_*_release; a report is filled as far as the work came, also after a failure.
 * Calls are independent of each other and may run in several threads.
 */
#ifndef DATAFLOW_DELTA_H
#define DATAFLOW_DELTA_H

#include <dataflow/observer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An integer that is not known. */
#define DF_DELTA_ABSENT INT64_MIN

/* Something found wrong with a log, and what was done instead. */
typedef struct df_delta_warning {
    const char *kind; /* stable name: "bad-checkpoint", "gap", … */
    const char *file; /* inside _delta_log; NULL when it is about no one file */
    int64_t line;     /* 1-based; 0 when it does not apply */
    int64_t version;  /* -1 when it does not apply */
    const char *what;
    const char *fallback; /* "" when none was needed or possible */
} df_delta_warning;

/* ---- import, resume, sync ---- */

typedef struct df_delta_import_options {
    const char *path;         /* required: the table's folder */
    const char *database_url; /* required */
    const char *table_id;     /* NULL: the folder's name */
    bool latest_only;         /* only from the newest checkpoint on, not the whole reachable history */
    int64_t batch_size;       /* file actions a transaction, at least; 0: 1000 */
    bool resume;              /* go on where an interrupted import stopped; else such an import starts anew */
    bool dry_run;             /* touch nothing, say what would happen */
    bool force;      /* also tables that the protocol forbids to read without their catalog or features */
    int64_t wait_ms; /* how long to wait for another import of the same table */
    const df_observer *observer;
} df_delta_import_options;

typedef struct df_delta_import_report {
    const char *table_id, *location;
    const char *status;                            /* "completed", "failed", "dry-run", "unchanged" */
    const char *plan;                              /* how versions are reached, one line */
    int64_t version;                               /* newest visible; -1: none */
    int64_t first_version;                         /* oldest visible */
    int64_t resumed_from;                          /* version that was already there; -1: none */
    int64_t versions;                              /* applied by this run (dry run: that would be) */
    int64_t files_processed;                       /* file actions applied (dry run: read) */
    int64_t num_files, size_in_bytes, num_records; /* state at `version`; DF_DELTA_ABSENT when not known */
    int64_t bytes_read;                            /* of the log */
    double duration_s, estimate_s;                 /* estimate: dry run only */
    df_delta_warning *warnings;
    size_t n_warnings;
    void *private_memory;
} df_delta_import_report;

DF_API DF_MUST_USE df_code df_delta_import(const df_delta_import_options *options,
                                           df_delta_import_report *report, df_error *err);
DF_API void df_delta_import_release(df_delta_import_report *report);

typedef struct df_delta_sync_options {
    const char *database_url; /* required */
    const char *table_id;     /* required */
    bool force;
    int64_t batch_size, wait_ms;
    const df_observer *observer;
} df_delta_sync_options;

/* Applies the commits that came since; status "unchanged" when there are none. Released with
 * df_delta_import_release. */
DF_API DF_MUST_USE df_code df_delta_sync(const df_delta_sync_options *options, df_delta_import_report *report,
                                         df_error *err);

/* ---- discover, batch ---- */

typedef struct df_delta_found {
    const char *path;     /* as it can be opened from here */
    const char *table_id; /* distinct among those found together: the folder's name, else the relative path */
    bool renamed;         /* table_id is the relative path because another table has that name */
    int64_t version;      /* newest on disk; -1: the log is empty */
} df_delta_found;

typedef struct df_delta_discovery {
    df_delta_found *tables; /* by path */
    size_t count;
    df_delta_warning *warnings; /* folders that could not be read */
    size_t n_warnings;
    void *private_memory;
} df_delta_discovery;

/* Tables at `path`, in its immediate folders, and with `recursive` at any depth. */
DF_API DF_MUST_USE df_code df_delta_discover(const char *path, bool recursive, const df_observer *observer,
                                             df_delta_discovery *out, df_error *err);
DF_API void df_delta_discovery_release(df_delta_discovery *discovery);

typedef struct df_delta_batch_options {
    const char *path, *database_url; /* required */
    const char *const
        *exclude; /* globs (or plain words found anywhere) on id, folder name and relative path */
    size_t n_exclude;
    int64_t parallel; /* workers, each with a connection of its own; 0: 1 */
    bool latest_only, resume, dry_run, force;
    int64_t batch_size, wait_ms;
    const df_observer *observer;
} df_delta_batch_options;

typedef struct df_delta_batch_item {
    df_delta_found table;
    df_code code; /* DF_OK or why it failed */
    df_error error;
    df_delta_import_report report;
} df_delta_batch_item;

typedef struct df_delta_batch_report {
    df_delta_batch_item *items;
    size_t count, failed, excluded;
    double duration_s;
    df_delta_discovery discovery;
    void *private_memory;
} df_delta_batch_report;

/* Goes on past failing tables; DF_FAILED when any failed. */
DF_API DF_MUST_USE df_code df_delta_batch_import(const df_delta_batch_options *options,
                                                 df_delta_batch_report *report, df_error *err);
DF_API void df_delta_batch_release(df_delta_batch_report *report);

/* ---- validate ---- */

typedef struct df_delta_check {
    const char *name;     /* stable: "state-at-every-version", "version-checksums", … */
    const char *title;    /* for people */
    const char *result;   /* "match", "mismatch", "unknown", "skipped" */
    const char *detail;   /* what was compared, with counts */
    const char *evidence; /* the independent source the claim rests on */
} df_delta_check;

typedef struct df_delta_difference {
    const char *kind;            /* "missing in SQL", "not in the log", "differs in <field>" */
    const char *path;            /* file, or what it is about */
    const char *dv_id;           /* "" without */
    const char *in_log, *in_sql; /* NULL when absent there */
    bool legitimate;             /* an expired tombstone or transaction: no drift */
} df_delta_difference;

typedef struct df_delta_validate_options {
    const char *database_url; /* required */
    const char *path;         /* the table's folder; NULL: the location the catalog knows */
    const char *table_id;     /* NULL: the table imported from `path` */
    int64_t max_differences;  /* listed; 0: 20; -1: all */
    const df_observer *observer;
} df_delta_validate_options;

typedef struct df_delta_validate_report {
    const char *table_id, *location;
    const char *result;           /* "match", "mismatch", "unknown" */
    int64_t version, log_version; /* of the catalog; newest in the log */
    int64_t versions_compared, files_sql, files_log;
    df_delta_check *checks;
    size_t n_checks;
    df_delta_difference *differences;
    size_t n_differences;
    int64_t differences_total;
    df_delta_warning *warnings;
    size_t n_warnings;
    double duration_s;
    void *private_memory;
} df_delta_validate_report;

/* DF_OK: all match; DF_MISMATCH; DF_UNKNOWN: could not tell. */
DF_API DF_MUST_USE df_code df_delta_validate(const df_delta_validate_options *options,
                                             df_delta_validate_report *report, df_error *err);
DF_API void df_delta_validate_release(df_delta_validate_report *report);

/* ---- the way back ---- */

typedef struct df_delta_verify_rollback_options {
    const char *database_url, *table_id; /* required */
    int64_t sample; /* data files looked for; 0: all up to 10,000, else 1,000 of them; -1: all */
    const df_observer *observer;
} df_delta_verify_rollback_options;

typedef struct df_delta_rollback_report {
    const char *table_id, *location;
    bool possible;
    int64_t version, log_version, commits_since_import;
    int64_t files, files_checked, files_missing, dvs_checked, dvs_missing;
    double estimate_s; /* removing the rows and opening the table from its log, from measurement */
    df_delta_check *checks;
    size_t n_checks;
    df_delta_warning *warnings;
    size_t n_warnings;
    void *private_memory;
} df_delta_rollback_report;

/* DF_OK: going back is possible; DF_MISMATCH: it is not, the checks say why; DF_NOT_FOUND. */
DF_API DF_MUST_USE df_code df_delta_verify_rollback(const df_delta_verify_rollback_options *options,
                                                    df_delta_rollback_report *report, df_error *err);
DF_API void df_delta_rollback_release(df_delta_rollback_report *report);

/* Removes the table's rows in one transaction. *rows: how many. */
DF_API DF_MUST_USE df_code df_delta_rollback(const char *database_url, const char *table_id,
                                             const df_observer *observer, int64_t *rows, df_error *err);

/* ---- examine a log ---- */

typedef struct df_delta_range {
    int64_t from, to; /* inclusive */
    const char *base; /* "commit 0", or the checkpoint's file name */
} df_delta_range;

typedef struct df_delta_examine_report {
    const char *location;
    const char *verdict; /* "sound", "recoverable", "unreadable" */
    int64_t version;     /* newest reachable; -1 */
    int64_t newest_on_disk;
    int64_t commits, checkpoints, compactions, checksums, bytes;
    int64_t num_files, size_in_bytes;
    df_delta_range *reachable;
    size_t n_reachable;
    df_delta_warning *defects;
    size_t n_defects;
    const char *strict_readers; /* what a reader without fallbacks does with this log */
    double duration_s;
    void *private_memory;
} df_delta_examine_report;

/* DF_OK: sound; DF_MISMATCH: defects, but readable; DF_CORRUPT: the newest version cannot be read. */
DF_API DF_MUST_USE df_code df_delta_examine(const char *path, const df_observer *observer,
                                            df_delta_examine_report *report, df_error *err);
DF_API void df_delta_examine_release(df_delta_examine_report *report);

/* ---- compare speed ---- */

typedef struct df_delta_timing {
    double median_s, min_s, max_s, cold_s; /* cold: first run, caches of the log dropped, new connection */
} df_delta_timing;

typedef struct df_delta_operation {
    const char *name,
        *title; /* "open", "schema", "count", "list", "partition", "statistics", "time-travel", "history" */
    const char *what; /* what exactly was asked: the partition, the predicate, the version */
    bool applicable;
    df_delta_timing log, sql;
    int64_t rows; /* answered, the same on both sides */
    double ratio; /* log median / sql median: above 1 the catalog is faster */
} df_delta_operation;

typedef struct df_delta_compare_options {
    const char *path, *database_url; /* required */
    const char *table_id;            /* NULL: the table imported from `path` */
    int64_t runs;                    /* 0: 5 */
    const df_observer *observer;
} df_delta_compare_options;

typedef struct df_delta_compare_report {
    const char *table_id, *location;
    int64_t version, num_files, runs;
    df_delta_operation *operations;
    size_t n_operations;
    void *private_memory;
} df_delta_compare_report;

DF_API DF_MUST_USE df_code df_delta_compare(const df_delta_compare_options *options,
                                            df_delta_compare_report *report, df_error *err);
DF_API void df_delta_compare_release(df_delta_compare_report *report);

/* ---- export ---- */

typedef struct df_delta_export_report {
    int64_t first_version, version, commits, files, fillers;
    const char *directory;
    void *private_memory;
} df_delta_export_report;

/* Writes <directory>/_delta_log from the catalog. DF_CONFLICT when that already has commits. */
DF_API DF_MUST_USE df_code df_delta_export(const char *database_url, const char *table_id,
                                           const char *directory, const df_observer *observer,
                                           df_delta_export_report *report, df_error *err);
DF_API void df_delta_export_release(df_delta_export_report *report);

/* ---- the catalog's schema ---- */

/* Creates it or brings it forward. *from 0: there was none. */
DF_API DF_MUST_USE df_code df_delta_upgrade(const char *database_url, const df_observer *observer,
                                            int64_t *from, int64_t *to, df_error *err);

#ifdef __cplusplus
}
#endif
#endif
