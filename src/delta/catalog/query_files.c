/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a snapshot. One statement: live files added by then, and dead ones that lived then. The second
 * half is empty for the newest version and costs nothing, but makes the answer right when a newer version
 * arrives meanwhile.
 */
#include "delta/catalog/query_int.h"
#include "delta/catalog/stats_index.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_SQL_TERMS = 900 };

typedef struct files_run {
    delta_catalog *catalog;
    const delta_table *table;
    const delta_files_query *query;
    delta_version_row version;
    delta_where *where; /* NULL: all files */
    delta_partition_set partitions;
    bool by_partition; /* `partitions` restricts */
    bool use_stats;    /* delta_column_stats answers for columns with statistics */
    bool in_c;         /* the expression is evaluated here, row by row */
    bool with_stats;   /* the statement fetches statistics */
    size_t driver;     /* column with statistics to begin with; SIZE_MAX */
    bool long_ago;     /* the snapshot holds but a small part of today's files */
    bool uncovered;    /* there are files without a row in delta_column_stats */
    df_arena arena;
    df_buf sql;
    delta_params params;
    /* rows */
    delta_bounds_reader partition_reader, stats_reader;
    delta_bounds *bounds;
    delta_file_fn fn;
    void *context;
    int64_t files;
} files_run;

/* ---- the statement ---- */

static void put_stats_join(files_run *run, size_t column, const char *join, const char *other)
{
    df_buf_printf(&run->sql,
                  " %s delta_column_stats s%zu ON s%zu.table_id = %s.table_id AND s%zu.column_id = ? AND "
                  "s%zu.file_id = %s.file_id",
                  join, column, column, other, column, column, other);
    delta_param(&run->params, df_v_int(delta_stats_column_id(run->where->columns[column].key)));
}

/* From statistics to files: the way for selective conditions on them. */
static void put_from_stats(files_run *run)
{
    const char *join = delta_impl(run->catalog)->dialect->join;
    const delta_where *w = run->where;
    char name[32];
    snprintf(name, sizeof name, "s%zu", run->driver);
    df_buf_printf(&run->sql, "delta_column_stats %s", name);
    for (size_t i = 0; i < w->n_columns; i++)
        if (!w->columns[i].partition && i != run->driver) put_stats_join(run, i, join, name);
    df_buf_printf(&run->sql, " %s delta_files f ON f.table_id = %s.table_id AND f.file_id = %s.file_id", join,
                  name, name);
    df_buf_printf(&run->sql, " WHERE %s.table_id = ? AND %s.column_id = ?", name, name);
    delta_param(&run->params, df_v_str(run->table->table_id));
    delta_param(&run->params, df_v_int(delta_stats_column_id(w->columns[run->driver].key)));
}

/* From files (or from partitions to files), with statistics looked up for each. */
static void put_from_files(files_run *run, bool history, bool sets)
{
    const char *join = delta_impl(run->catalog)->dialect->join;
    bool q = run->by_partition && run->partitions.varying && !sets;
    const char *table = history ? "delta_file_history" : "delta_files";
    if (q) {
        delta_put_partition_table(run->catalog, &run->partitions, &run->arena, &run->sql, &run->params);
        df_buf_printf(&run->sql, " %s %s f ON f.partition_id = q.partition_id AND f.table_id = ?", join,
                      table);
        delta_param(&run->params, df_v_str(run->table->table_id));
    } else {
        df_buf_printf(&run->sql, "%s f", table);
    }
    for (size_t i = 0; run->use_stats && !sets && i < run->where->n_columns; i++)
        if (!run->where->columns[i].partition) put_stats_join(run, i, "LEFT JOIN", "f");
    df_buf_text(&run->sql, " WHERE f.table_id = ?");
    delta_param(&run->params, df_v_str(run->table->table_id));
}

static bool many_partitions(const files_run *run)
{
    return (int64_t)run->partitions.count > run->partitions.total / 3;
}

/* `+column` keeps a planner from using that column's index: where most rows qualify, walking the files in
 * their order is faster. */
static void put_partition_condition(files_run *run, bool history, bool sets)
{
    const delta_partition_set *set = &run->partitions;
    if (!run->by_partition || (set->varying && !sets) || (int64_t)set->count == set->total) return;
    bool newest = run->version.version >= run->table->version;
    bool many = many_partitions(run);
    df_buf_text(&run->sql, " AND ");
    delta_put_partition_test(run->catalog, set,
                             (history && newest) || many ? "+f.partition_id" : "f.partition_id", &run->arena,
                             &run->sql, &run->params);
}

static bool few_partitions(const files_run *run)
{
    const delta_partition_set *set = &run->partitions;
    return run->by_partition && (set->varying || (int64_t)set->count <= set->total / 10);
}

static void put_branch(files_run *run, bool history)
{
    df_buf_text(&run->sql, "SELECT ");
    delta_put_file_columns(&run->sql, "f", run->with_stats);
    df_buf_text(&run->sql, " FROM ");
    df_buf condition = {0};
    delta_params condition_params = {0};
    bool covered = run->use_stats && !history && !run->uncovered;
    bool sets = covered && run->by_partition && run->partitions.varying && many_partitions(run);
    bool from_stats = covered && !sets && !few_partitions(run);
    delta_pushdown push = {
        .where = run->where,
        .partitions = run->by_partition ? &run->partitions : NULL,
        .use_stats = run->use_stats,
        .catalog = sets ? run->catalog : NULL,
        .table_id = run->table->table_id,
        .driver = from_stats ? run->driver : SIZE_MAX,
        .shy = !(df_conn_caps(run->catalog->conn) & DF_CAP_SERVER),
    };
    bool restricted =
        run->where && !run->in_c &&
        delta_put_where(&push, !from_stats && !sets, &run->arena, &condition, &condition_params);
    if (from_stats && restricted)
        put_from_stats(run);
    else
        put_from_files(run, history, sets);
    if (history) {
        df_buf_text(&run->sql, " AND f.removed_version > ?");
        delta_param(&run->params, df_v_int(run->version.version));
    } else if (sets || (!restricted && !run->long_ago && (!run->by_partition || many_partitions(run)))) {
        /* Names the primary key as the way through the table. */
        df_buf_text(&run->sql, " AND f.file_id >= ?");
        delta_param(&run->params, df_v_int(INT64_MIN));
    }
    df_buf_text(&run->sql, run->long_ago && !history ? " AND f.version <= ?" : " AND +f.version <= ?");
    delta_param(&run->params, df_v_int(run->version.version));
    put_partition_condition(run, history, sets);
    if (restricted) {
        df_buf_text(&run->sql, " AND ");
        df_buf_str_add(&run->sql, df_buf_str(&condition));
        for (size_t i = 0; i < condition_params.count; i++)
            delta_param(&run->params, condition_params.items[i]);
    }
    df_buf_release(&condition);
    free(condition_params.items);
}

/* ---- deciding the way ---- */

static df_code plan_partitions(files_run *run, df_error *err)
{
    if (!run->where->has_partition) return DF_OK;
    DF_TRY(delta_partitions_match(run->catalog, run->table, run->where, &run->partitions, err));
    run->by_partition = run->partitions.complete;
    if (!run->by_partition) run->in_c = true;
    return DF_OK;
}

static df_code plan_stats(files_run *run, df_error *err)
{
    bool newest = run->version.version >= run->table->version;
    if (!run->where->has_stats || run->in_c) return DF_OK;
    if (delta_where_stats_terms(run->where->root) <= MAX_SQL_TERMS)
        DF_TRY(delta_stats_index_ensure(run->catalog, run->table, run->where, newest, &run->use_stats, err));
    run->in_c = !run->use_stats;
    if (run->in_c) return DF_OK;
    run->driver = delta_choose_driver(run->where, run->where->root);
    df_value id = df_v_str(run->table->table_id);
    int64_t found;
    DF_TRY(delta_ask_int(run->catalog,
                         "SELECT 1 FROM delta_files WHERE table_id = ? AND file_id <= 0 LIMIT 1", &id, 1, 0,
                         &found, err));
    run->uncovered = found != 0;
    return DF_OK;
}

static df_code plan(files_run *run, delta_files_how how, df_error *err)
{
    delta_metadata metadata;
    DF_TRY(delta_metadata_at(run->catalog, run->table, &run->version, &run->arena, &metadata, err));
    DF_TRY(delta_where_compile(run->query->where, &metadata, &run->arena, &run->where, err));
    run->in_c = how == DELTA_FILES_SCAN;
    if (!run->in_c) {
        DF_TRY(plan_partitions(run, err));
        DF_TRY(plan_stats(run, err));
    }
    if (run->in_c) {
        run->with_stats = run->with_stats || run->where->has_stats;
        run->bounds = df_zalloc((run->where->n_columns + 1) * sizeof *run->bounds);
        run->partitions.varying = 0; /* bits are for SQL */
    }
    return DF_OK;
}

/* ---- rows ---- */

static df_code give_file(void *context, const df_row *row, df_error *err)
{
    files_run *run = context;
    delta_file file;
    int64_t version;
    delta_file_of_row(row, run->with_stats, &file, &version);
    if (run->in_c) {
        delta_bounds_of_partition(&run->partition_reader, run->where, file.partition_values, run->bounds);
        delta_bounds_of_stats(&run->stats_reader, run->where, file.stats, run->bounds);
        if (!delta_where_may_match(run->where, run->bounds)) return DF_OK;
        if (!run->query->with_stats) {
            file.stats = file.tags = DF_STR_NONE;
            file.stats_rebuilt = false;
        }
    }
    run->files++;
    return run->fn(run->context, &file, version, err);
}

static df_code look_back(files_run *run, df_error *err)
{
    if (run->version.version >= run->table->version) return DF_OK;
    delta_version_row newest;
    DF_TRY(delta_version_find(run->catalog, run->table, (delta_as_of){-1, DELTA_ABSENT}, &run->arena, &newest,
                              err));
    run->long_ago = run->version.num_files < newest.num_files / 4;
    return DF_OK;
}

static df_code run_files(files_run *run, delta_files_how how, df_error *err)
{
    DF_TRY(delta_version_find(run->catalog, run->table, run->query->as_of, &run->arena, &run->version, err));
    DF_TRY(look_back(run, err));
    run->with_stats = run->query->with_stats;
    if (run->query->where) DF_TRY(plan(run, how, err));
    if (run->where && run->where->root->op == DELTA_WHERE_FALSE) return DF_OK;
    if (run->by_partition && !run->partitions.count) return DF_OK;
    put_branch(run, false);
    df_buf_text(&run->sql, " UNION ALL ");
    put_branch(run, true);
    if (run->query->ordered) df_buf_text(&run->sql, " ORDER BY path, dv_id");
    return df_query(run->catalog->conn, df_buf_cstr(&run->sql), run->params.items, run->params.count,
                    give_file, run, err);
}

df_code delta_files_run(delta_catalog *catalog, const delta_table *table, const delta_files_query *query,
                        delta_files_how how, delta_file_fn fn, void *context, delta_files_report *report,
                        df_error *err)
{
    files_run run = {.catalog = catalog, .table = table, .query = query, .fn = fn, .context = context};
    df_code code = run_files(&run, how, err);
    if (code == DF_OK && report)
        *report = (delta_files_report){
            .version = run.version.version,
            .files = run.files,
            .total_files = run.version.num_files,
            .partitions_matched = (int64_t)run.partitions.count,
            .partitions_total = run.partitions.total,
        };
    delta_partition_set_release(&run.partitions);
    delta_bounds_reader_release(&run.partition_reader);
    delta_bounds_reader_release(&run.stats_reader);
    free(run.bounds);
    free(run.params.items);
    df_buf_release(&run.sql);
    df_arena_release(&run.arena);
    return code;
}

df_code delta_files_each(delta_catalog *catalog, const delta_table *table, const delta_files_query *query,
                         delta_file_fn fn, void *context, delta_files_report *report, df_error *err)
{
    return delta_files_run(catalog, table, query, DELTA_FILES_AUTO, fn, context, report, err);
}
