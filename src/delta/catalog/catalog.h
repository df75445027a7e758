/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQL catalog: its schema, loading versions into it, and asking it.
 *
 *     delta_files           live files of each table's newest version      (one row a logical file)
 *     delta_file_history    files that are gone, with [version, removed_version)
 *     delta_versions        a row a version: counts, sizes, state digest, timestamps, commitInfo
 *     delta_tables, delta_partitions, delta_metadata, delta_protocol, delta_transactions, delta_domains, delta_tombstones
 *     delta_column_stats    typed minimum and maximum of a column, a row a file; filled on first use
 *     migration_status, delta_locks, file_based_snapshot, delta_log_files, delta_catalog
 *
 * docs/catalog.md explains every column. A snapshot at version N is
 *     delta_files where version <= N, and delta_file_history where version <= N < removed_version.
 */
#ifndef DF_DELTA_CATALOG_CATALOG_H
#define DF_DELTA_CATALOG_CATALOG_H

#include "base/log.h"
#include "delta/log/log.h"
#include "engine/engine.h"

/* ---- opening ---- */

typedef struct delta_catalog {
    df_conn *conn;
    const df_observer *observer; /* may be NULL */
} delta_catalog;

enum { DELTA_CATALOG_VERSION = 1 }; /* of the schema this program writes */

typedef enum delta_catalog_mode {
    DELTA_CATALOG_READ,   /* the schema must be there: DF_NOT_FOUND, hint "run: deltalakedb init …" */
    DELTA_CATALOG_CREATE, /* made when missing */
    DELTA_CATALOG_ANY,    /* whatever is there, for delta_catalog_upgrade; a missing SQLite file is made */
} delta_catalog_mode;

/* Connects and looks at the schema's version: older → hint "deltalakedb upgrade", newer → DF_REFUSED. */
DF_MUST_USE df_code delta_catalog_open(const char *url, delta_catalog_mode mode, const df_observer *observer,
                                       delta_catalog **out, df_error *err);
void delta_catalog_close(delta_catalog *catalog);
/* 0 when there is no catalog. */
DF_MUST_USE df_code delta_catalog_version(delta_catalog *catalog, int64_t *version, df_error *err);
/* Creates, or brings forward; *from and *to tell what happened. Safe when several do it at once. */
DF_MUST_USE df_code delta_catalog_upgrade(delta_catalog *catalog, int64_t *from, int64_t *to, df_error *err);

/* ---- tables and their status ---- */

typedef struct delta_table {
    df_str table_id, location, delta_id; /* delta_id: metaData.id */
    df_str history;                      /* "full" or "latest" */
    df_str flag;                         /* why it was imported against the protocol's advice; absent normally */
    int64_t version;                     /* newest visible; -1: none yet */
    int64_t first_version;               /* oldest visible; -1 */
    int64_t base_checkpoint;             /* version of the checkpoint that the newest segment stands on; -1: commit 0 */
} delta_table;

/* DF_NOT_FOUND "no table … in the catalog" with a hint that names similar ids. Strings live in `arena`. */
DF_MUST_USE df_code delta_table_get(delta_catalog *catalog, df_str table_id, df_arena *arena, delta_table *out,
                                    df_error *err);
/* The table imported from this location (canonical path); DF_NOT_FOUND. */
DF_MUST_USE df_code delta_table_at(delta_catalog *catalog, df_str location, df_arena *arena, delta_table *out,
                                   df_error *err);
/* All of them, by id. */
DF_MUST_USE df_code delta_tables_list(delta_catalog *catalog, df_arena *arena, delta_table **out, size_t *count,
                                      df_error *err);

typedef struct delta_status {
    df_str table_id, status; /* pending, running, completed, failed */
    int64_t version;         /* last visible; -1 */
    int64_t files_processed; /* file actions applied so far */
    int64_t files_total;     /* expected; -1 when not known */
    df_str started_at, completed_at, updated_at; /* ISO-8601 UTC; absent */
    df_str error_message;    /* absent when there was none */
    df_str location, owner;  /* owner: "host:pid" of the last run */
    df_str warnings;         /* JSON array of {file, line, kind, what, fallback} */
    bool abandoned;          /* status is running but nobody holds the lock */
} delta_status;

/* table_id absent: all. `abandoned` is looked up for running ones. Rows whose status says running but are abandoned come as "failed"
   with an error message that says so and how to resume. */
DF_MUST_USE df_code delta_status_list(delta_catalog *catalog, df_str table_id, df_arena *arena, delta_status **out,
                                      size_t *count, df_error *err);
/* Outside of a loader: records a failure (or a pending table of a batch) in a transaction of its own. */
DF_MUST_USE df_code delta_status_set(delta_catalog *catalog, df_str table_id, df_str location, const char *status,
                                     const char *error_message, df_error *err);

/* Removes every row of the table, in one transaction, under its lock; *rows: how many. migration_status goes too. */
DF_MUST_USE df_code delta_table_remove(delta_catalog *catalog, df_str table_id, int64_t *rows, df_error *err);

/* ---- the lock: one writer a table ---- */

/* Takes the engine's named lock, polled for wait_ms, and writes who holds it into delta_locks. DF_LOCKED names the holder. */
DF_MUST_USE df_code delta_table_lock(delta_catalog *catalog, df_str table_id, int64_t wait_ms, df_error *err);
void delta_table_unlock(delta_catalog *catalog, df_str table_id);

/* ---- loading ---- */

/*
 * A loader applies versions in ascending order. Versions are grouped into transactions of at least `batch_size` file actions;
 * a version is never split over two, so what is visible is always whole versions. Whoever goes on later
 * starts behind the last visible version: resume, sync and import are the same thing.
 */
typedef struct delta_loader delta_loader;

typedef struct delta_load_options {
    df_str table_id, location;
    df_str history;      /* "full", "latest" */
    df_str flag;         /* absent normally */
    int64_t batch_size;  /* file actions a transaction, at least; also the bulk loads' size of memory */
    int64_t files_total; /* expected, for status; -1 */
    df_hash128 fingerprint; /* of the input */
    bool restart;        /* throw away what is there (in the same transaction as the first new version) */
} delta_load_options;

/* The table's lock must be held. Writes status "running". After an error the loader must be closed; nothing of the open group is visible. */
DF_MUST_USE df_code delta_loader_open(delta_catalog *catalog, const delta_load_options *options, delta_loader **out,
                                      df_error *err);
/* Version the loader stands at; -1 before the first. */
int64_t delta_loader_version(const delta_loader *loader);

/* What is known of a version besides its actions. */
typedef struct delta_version_info {
    int64_t version;
    int64_t timestamp;           /* effective, ms */
    int64_t file_mtime;          /* of its commit file; DELTA_ABSENT for a bare checkpoint */
    int64_t commit_timestamp;    /* commitInfo.timestamp; DELTA_ABSENT */
    int64_t in_commit_timestamp; /* DELTA_ABSENT */
    df_str operation, commit_info; /* absent when there is no commitInfo */
} delta_version_info;

/*
 * A version's actions: begin, any number of take, end. `from_checkpoint`: the actions are a whole state, a new segment begins;
 * rows live until now end here (reason "gap") unless there were none.
 */
DF_MUST_USE df_code delta_loader_begin_version(delta_loader *loader, int64_t version, bool from_checkpoint,
                                               df_error *err);
DF_MUST_USE df_code delta_loader_take(delta_loader *loader, const delta_action *action, df_error *err);
/*
 * Before the end of a version that has a checkpoint: drops the tombstones that the checkpoint no longer lists. `kept` has the keys
 * it lists, as {low half of the key, 0}.
 */
DF_MUST_USE df_code delta_loader_expire_tombstones(delta_loader *loader, const df_keymap *kept, df_error *err);
DF_MUST_USE df_code delta_loader_end_version(delta_loader *loader, const delta_version_info *info, df_error *err);
/* Commits what is open and marks the table completed, with `warnings` (JSON array). */
DF_MUST_USE df_code delta_loader_finish(delta_loader *loader, df_str warnings, df_error *err);
/* Rolls back what is open. NULL is fine. */
void delta_loader_close(delta_loader *loader);
/* File actions taken, and committed. */
int64_t delta_loader_files(const delta_loader *loader);

/*
 * After the runbook's manual INSERT: gives such rows their hashes and ids, so that later removes find them. *rows: how many.
 * Called by loaders by themselves.
 */
DF_MUST_USE df_code delta_catalog_adopt_rows(delta_catalog *catalog, df_str table_id, int64_t *rows, df_error *err);

/*
 * Replacing the rows of file_based_snapshot (and so of delta_log_files) for a table, in one transaction: begin, any number of add, end.
 * `end` rolls back and returns `so_far` when that is not DF_OK; it always frees.
 */
typedef struct delta_log_snapshot delta_log_snapshot;
DF_MUST_USE df_code delta_log_snapshot_begin(delta_catalog *catalog, df_str table_id, delta_log_snapshot **out,
                                             df_error *err);
DF_MUST_USE df_code delta_log_snapshot_add(delta_log_snapshot *snapshot, const delta_file *file, df_error *err);
DF_MUST_USE df_code delta_log_snapshot_end(delta_log_snapshot *snapshot, df_code so_far, df_error *err);

/* ---- asking ---- */

/* Which version a question is about: an exact version, the newest at or before a timestamp (ms), or the newest. */
typedef struct delta_as_of {
    int64_t version;   /* -1: not given */
    int64_t timestamp; /* DELTA_ABSENT: not given */
} delta_as_of;

typedef struct delta_version_row {
    int64_t version, timestamp, num_files, size_in_bytes;
    int64_t num_records; /* DELTA_ABSENT: some live file has no count */
    int64_t deletion_vector_files, deleted_records, tombstones;
    int64_t added_files, removed_files, added_bytes, removed_bytes;
    int64_t file_mtime, commit_timestamp, in_commit_timestamp, segment_base;
    df_str operation, commit_info; /* absent */
    df_hash128 digest;
} delta_version_row;

/* DF_NOT_FOUND names the versions or times that there are. */
DF_MUST_USE df_code delta_version_find(delta_catalog *catalog, const delta_table *table, delta_as_of as_of,
                                       df_arena *arena, delta_version_row *out, df_error *err);
/* Newest first, at most `limit` (0: all); streaming. */
typedef df_code (*delta_version_fn)(void *context, const delta_version_row *row, df_error *err);
DF_MUST_USE df_code delta_versions_each(delta_catalog *catalog, const delta_table *table, int64_t limit,
                                        delta_version_fn fn, void *context, df_error *err);

/* Table-level state at a version: strings live in `arena`. */
typedef struct delta_state {
    delta_version_row version;
    delta_metadata metadata;
    delta_protocol protocol;
    delta_txn *txns;
    size_t n_txns;
    delta_domain *domains; /* removed ones left out */
    size_t n_domains;
} delta_state;
DF_MUST_USE df_code delta_state_at(delta_catalog *catalog, const delta_table *table, delta_as_of as_of,
                                   df_arena *arena, delta_state *out, df_error *err);

/* One live file of a snapshot, streaming. `file` has everything the catalog holds; `version` is that of its add. */
typedef df_code (*delta_file_fn)(void *context, const delta_file *file, int64_t version, df_error *err);

typedef struct delta_files_query {
    delta_as_of as_of;
    const char *where;   /* NULL: all; see where.h for the grammar */
    bool with_stats;     /* fetch stats and tags too */
    bool ordered;        /* by path */
} delta_files_query;

/* What a query read, for reports: partitions matched of all, files that statistics left out. */
typedef struct delta_files_report {
    int64_t version, files, total_files, partitions_matched, partitions_total;
} delta_files_report;

DF_MUST_USE df_code delta_files_each(delta_catalog *catalog, const delta_table *table, const delta_files_query *query,
                                     delta_file_fn fn, void *context, delta_files_report *report, df_error *err);

/* Tombstones of the newest version, as remove actions with their version. */
DF_MUST_USE df_code delta_tombstones_each(delta_catalog *catalog, const delta_table *table, delta_file_fn fn,
                                          void *context, df_error *err);

/* Files that are live in one of two versions and not in the other, or differ: change is '+', '-' or '~'. */
typedef df_code (*delta_diff_fn)(void *context, char change, const delta_file *file, df_error *err);
DF_MUST_USE df_code delta_diff(delta_catalog *catalog, const delta_table *table, int64_t from, int64_t to,
                               delta_diff_fn fn, void *context, df_error *err);

/* All that is known of one path (canonical or as the log writes it), oldest first: added at, removed at (-1: live), why. */
typedef struct delta_path_event {
    int64_t version, removed_version;
    df_str reason; /* "live", "removed", "replaced", "gap" */
    df_str dv_id;
    int64_t size;
} delta_path_event;
typedef df_code (*delta_path_fn)(void *context, const delta_path_event *event, df_error *err);
DF_MUST_USE df_code delta_path_history(delta_catalog *catalog, const delta_table *table, df_str path,
                                       delta_path_fn fn, void *context, df_error *err);

/* The actions of one version, as its commit had them (for export): adds, removes, metadata, protocol, txns, domains, commitInfo. */
DF_MUST_USE df_code delta_version_actions(delta_catalog *catalog, const delta_table *table, int64_t version,
                                          delta_sink sink, df_error *err);

#endif
