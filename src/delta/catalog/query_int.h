/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that ask the catalog. */
#ifndef DF_DELTA_CATALOG_QUERY_INT_H
#define DF_DELTA_CATALOG_QUERY_INT_H

#include "delta/catalog/catalog_int.h"
#include "delta/catalog/where.h"

/* ---- rows of files (query_rows.c) ---- */

/* Columns in the order in which delta_file_of_row reads them; the second list follows the first when
 * statistics are wanted. */
#define DELTA_FILE_COLUMNS                                                                                   \
    "path", "dv_id", "version", "size", "modification_time", "data_change", "partition_values",              \
        "num_records", "dv_cardinality", "deletion_vector", "base_row_id", "default_row_commit_version",     \
        "clustering_provider", "raw_path"
#define DELTA_FILE_STATS_COLUMNS "stats", "tags", "stats_rebuilt"

/* "f.path, f.dv_id, …": the columns of the table that is called `alias`. */
void delta_put_file_columns(df_buf *sql, const char *alias, bool with_stats);
/* Reads a row that begins with those columns; returns how many there were. Views are of the row. */
size_t delta_file_of_row(const df_row *row, bool with_stats, delta_file *file, int64_t *version);
/* Text of a value, absent for NULL; a view of the row. */
df_str delta_view_of(const df_value *value);

/* ---- versions (query_version.c) ---- */

/* Metadata in force at a version; strings in `arena`. */
DF_MUST_USE df_code delta_metadata_at(delta_catalog *catalog, const delta_table *table,
                                      const delta_version_row *version, df_arena *arena, delta_metadata *out,
                                      df_error *err);

/* ---- files (query_files.c) ---- */

typedef enum delta_files_how {
    DELTA_FILES_AUTO,
    DELTA_FILES_SCAN, /* evaluate the expression row by row in C: for tests, and when SQL cannot */
} delta_files_how;

DF_MUST_USE df_code delta_files_run(delta_catalog *catalog, const delta_table *table,
                                    const delta_files_query *query, delta_files_how how, delta_file_fn fn,
                                    void *context, delta_files_report *report, df_error *err);

/* ---- an expression as SQL (query_where.c, query_partitions.c) ---- */

typedef struct delta_params {
    df_value *items;
    size_t count, cap;
} delta_params;

static inline void delta_param(delta_params *params, df_value value)
{
    DF_PUSH(params->items, params->count, params->cap) = value;
}

/* Which partitions may hold matching files, and which parts of the expression hold in them. */
typedef struct delta_partition_set {
    int64_t *ids, *bits; /* of partitions that may match; bit j: part j may match */
    size_t count, ids_cap, bits_cap;
    int64_t total;                  /* all partitions of the table */
    bool complete;                  /* every file names its partition */
    const delta_where_node **parts; /* largest parts that only partition columns decide, below the top */
    size_t n_parts, parts_cap;
    int64_t varying; /* parts that hold in some of the partitions only, as bits */
} delta_partition_set;

DF_MUST_USE df_code delta_partitions_match(delta_catalog *catalog, const delta_table *table,
                                           const delta_where *where, delta_partition_set *out, df_error *err);
void delta_partition_set_release(delta_partition_set *set);
/* The set as a table `q(partition_id, bits)`, in the words of the engine. */
void delta_put_partition_table(const delta_catalog *catalog, const delta_partition_set *set, df_arena *arena,
                               df_buf *sql, delta_params *params);
/* "column IN …" or ranges; the set must not be empty. */
void delta_put_partition_test(const delta_catalog *catalog, const delta_partition_set *set,
                              const char *column, df_arena *arena, df_buf *sql, delta_params *params);

/* What the parts of a statement need to know of each other. */
typedef struct delta_pushdown {
    const delta_where *where;
    const delta_partition_set *partitions; /* NULL: the expression names no partition column */
    bool use_stats; /* statistics are in delta_column_stats; false: they may always match */
    size_t driver;  /* column whose rows are walked by its index; the others' are looked up by file; SIZE_MAX:
                       all are */
    bool shy; /* a planner that takes an index on a bound wherever it sees one: hide those that are looked up
               */
    /* Not NULL: nothing is joined; parts become "partition_id IN …" and "file_id IN …" of f, which planners
     * can unite. */
    const delta_catalog *catalog;
    df_str table_id;
} delta_pushdown;

/* The column with statistics whose condition in `root` looks most selective; SIZE_MAX: there is none. */
size_t delta_choose_driver(const delta_where *where, const delta_where_node *root);

/*
 * The condition over q and s0, s1, … (one for each column with statistics, by its index in the expression).
 * `optional`: rows of s may be missing, which matches. Writes nothing and returns false when it is always
 * true.
 */
bool delta_put_where(const delta_pushdown *push, bool optional, df_arena *arena, df_buf *sql,
                     delta_params *params);
/* Statistics terms of the expression; beyond a few hundred, SQL is the wrong place for it. */
size_t delta_where_stats_terms(const delta_where_node *node);

#endif
