/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `performance-compare`: the same questions asked of the log and of the catalog, several times each. Nothing
 * is averaged away: median, spread, and the first (cold) run apart; and where the log is faster, that is what
 * is said.
 */
#include "base/error.h"
#include "delta/job/job.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DEFAULT_RUNS = 5, MOST_RUNS = 1000 };

typedef struct comparison {
    const df_delta_compare_options *options;
    df_arena *arena;
    delta_catalog *catalog;
    delta_table table;
    int64_t runs;
    int64_t rows; /* answered by the run that was just timed */

    /* what is asked for */
    bool found;        /* there is a file to take an example from */
    df_str partition;  /* partition_values of one partition; absent: not partitioned */
    df_str stats;      /* of the example file */
    const char *where; /* a predicate on a column with statistics; NULL: none */
    const char *where_partition;
    int64_t then; /* the version travelled to */
} comparison;

/* ---- the log's side: each run opens the log anew, as a reader does ---- */

typedef struct log_run {
    comparison *c;
    delta_log *log;
    delta_reader *reader;
    delta_defects defects;
    delta_plan plan;
} log_run;

static df_code count_add(void *context, const delta_action *action, df_error *err)
{
    comparison *c = context;
    c->rows += action->kind == DELTA_ADD;
    return DF_OK;
}

static df_code count_in_partition(void *context, const delta_action *action, df_error *err)
{
    comparison *c = context;
    c->rows += action->kind == DELTA_ADD && df_str_eq(action->file.partition_values, c->partition);
    return DF_OK;
}

static df_code count_metadata(void *context, const delta_action *action, df_error *err)
{
    comparison *c = context;
    c->rows += action->kind == DELTA_METADATA;
    return DF_OK;
}

static df_code count_commit_info(void *context, const delta_action *action, df_error *err)
{
    comparison *c = context;
    c->rows += action->kind == DELTA_COMMIT_INFO;
    return DF_OK;
}

static df_code open_log(log_run *run, int64_t version, df_error *err)
{
    DF_TRY(delta_log_open(delta_location_path(run->c->table.location, run->c->arena), &run->log,
                          &run->defects, err));
    run->reader = delta_reader_open(run->log, &run->defects, NULL);
    delta_plan_options options = {.latest_only = true, .up_to = version};
    return delta_log_plan(run->log, &options, NULL, 0, &run->plan, &run->defects, err);
}

static df_code replay_log(log_run *run, int64_t version, unsigned want, delta_sink sink, df_error *err)
{
    DF_TRY(open_log(run, version, err));
    const delta_segment *last = &run->plan.segments[run->plan.count - 1];
    delta_snapshot_summary summary;
    DF_TRY(delta_snapshot(run->reader, run->log, last->checkpoint, last->last, want, sink, &summary, err));
    if (!sink.take) run->c->rows = summary.num_files;
    return DF_OK;
}

static df_code log_history(log_run *run, df_error *err)
{
    DF_TRY(open_log(run, run->c->table.version, err));
    for (size_t i = 0; i < run->log->commits.count; i++) {
        const delta_log_file *commit = &run->log->commits.items[i];
        if (commit->version < run->c->table.first_version || commit->version > run->c->table.version)
            continue;
        DF_TRY(delta_read_commit(run->reader, commit, (delta_sink){run->c, count_commit_info}, err));
    }
    return DF_OK;
}

typedef enum operation {
    OPEN,
    SCHEMA,
    COUNT,
    LIST,
    PARTITION,
    STATISTICS,
    TIME_TRAVEL,
    HISTORY,
    OPERATIONS
} operation;

static df_code ask_log(log_run *run, operation op, df_error *err)
{
    comparison *c = run->c;
    int64_t newest = c->table.version;
    switch (op) {
    case OPEN:
    case SCHEMA: return replay_log(run, newest, DELTA_WANT_REST, (delta_sink){c, count_metadata}, err);
    case COUNT: return replay_log(run, newest, DELTA_WANT_FILES, (delta_sink){0}, err);
    case LIST: return replay_log(run, newest, DELTA_WANT_FILES, (delta_sink){c, count_add}, err);
    case PARTITION:
        return replay_log(run, newest, DELTA_WANT_FILES, (delta_sink){c, count_in_partition}, err);
    case STATISTICS:
        /* A reader of the log must read every file's statistics to choose by them. */
        return replay_log(run, newest, DELTA_WANT_FILES | DELTA_WANT_STATS, (delta_sink){c, count_add}, err);
    case TIME_TRAVEL: return replay_log(run, c->then, DELTA_WANT_FILES, (delta_sink){c, count_add}, err);
    case HISTORY: return log_history(run, err);
    case OPERATIONS: break;
    }
    return df_fail(err, DF_BUG, "no such operation");
}

static df_code time_log(comparison *c, operation op, double *seconds, df_error *err)
{
    log_run run = {.c = c};
    c->rows = 0;
    double started = df_monotonic_s();
    df_code code = ask_log(&run, op, err);
    *seconds = df_monotonic_s() - started;
    delta_plan_release(&run.plan);
    delta_reader_close(run.reader);
    delta_log_close(run.log);
    delta_defects_release(&run.defects);
    return code;
}

/* Asks the kernel to forget the log's files, so that the next reading comes from the disk. Best effort. */
static void drop_log_from_cache(comparison *c)
{
    delta_log *log;
    delta_defects ignored = {0};
    if (delta_log_open(delta_location_path(c->table.location, c->arena), &log, &ignored, NULL) == DF_OK) {
        for (size_t i = 0; i < log->commits.count + log->n_checkpoints; i++) {
            const char *name = i < log->commits.count
                                   ? log->commits.items[i].name
                                   : log->checkpoints[i - log->commits.count].parts.items[0].name;
            char path[4400];
            snprintf(path, sizeof path, "%s/%s", log->directory, name);
            int fd = open(path, O_RDONLY | O_CLOEXEC);
            if (fd < 0) continue;
            posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
            close(fd);
        }
        delta_log_close(log);
    }
    delta_defects_release(&ignored);
}

/* ---- the catalog's side ---- */

static df_code count_file(void *context, const delta_file *file, int64_t version, df_error *err)
{
    comparison *c = context;
    c->rows++;
    return DF_OK;
}

static df_code count_version(void *context, const delta_version_row *row, df_error *err)
{
    comparison *c = context;
    c->rows += row->commit_info.ptr != NULL;
    return DF_OK;
}

static df_code list_files(comparison *c, delta_catalog *catalog, int64_t version, const char *where,
                          df_error *err)
{
    delta_files_query query = {.as_of = {version, DELTA_ABSENT}, .where = where};
    delta_files_report report;
    return delta_files_each(catalog, &c->table, &query, count_file, c, &report, err);
}

static df_code ask_catalog(comparison *c, delta_catalog *catalog, operation op, df_error *err)
{
    df_arena scratch = {0};
    delta_state state;
    delta_version_row row;
    delta_as_of newest = {-1, DELTA_ABSENT};
    df_code code = DF_OK;
    switch (op) {
    case OPEN:
    case SCHEMA:
        code = delta_state_at(catalog, &c->table, newest, &scratch, &state, err);
        c->rows = 1;
        break;
    case COUNT:
        code = delta_version_find(catalog, &c->table, newest, &scratch, &row, err);
        if (code == DF_OK) c->rows = row.num_files;
        break;
    case LIST: code = list_files(c, catalog, -1, NULL, err); break;
    case PARTITION: code = list_files(c, catalog, -1, c->where_partition, err); break;
    case STATISTICS: code = list_files(c, catalog, -1, c->where, err); break;
    case TIME_TRAVEL: code = list_files(c, catalog, c->then, NULL, err); break;
    case HISTORY: code = delta_versions_each(catalog, &c->table, 0, count_version, c, err); break;
    case OPERATIONS: break;
    }
    df_arena_release(&scratch);
    return code;
}

static df_code time_catalog(comparison *c, operation op, double *seconds, df_error *err)
{
    c->rows = 0;
    double started = df_monotonic_s();
    df_code code = ask_catalog(c, c->catalog, op, err);
    *seconds = df_monotonic_s() - started;
    return code;
}

/* Cold for a database means a connection of its own; what the server caches is not ours to drop. */
static df_code time_new_connection(comparison *c, operation op, double *seconds, df_error *err)
{
    c->rows = 0;
    delta_catalog *fresh;
    double started = df_monotonic_s();
    DF_TRY(delta_catalog_open(c->options->database_url, DELTA_CATALOG_READ, NULL, &fresh, err));
    df_code code = ask_catalog(c, fresh, op, err);
    *seconds = df_monotonic_s() - started;
    delta_catalog_close(fresh);
    return code;
}

/* ---- timing ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef df_code (*timed)(comparison *c, operation op, double *seconds, df_error *err);

static df_code measure(comparison *c, operation op, timed run, df_delta_timing *out, df_error *err)
{
    double seconds[MOST_RUNS];
    for (int64_t i = 0; i < c->runs; i++) {
        DF_TRY(df_check_cancelled(c->options->observer, err));
        DF_TRY(run(c, op, &seconds[i], err));
    }
    qsort(seconds, (size_t)c->runs, sizeof *seconds, by_value);
    out->min_s = seconds[0];
    out->max_s = seconds[c->runs - 1];
    int64_t middle = c->runs / 2;
    out->median_s = c->runs % 2 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2;
    return DF_OK;
}

static df_code compare_operation(comparison *c, operation op, df_delta_operation *out, df_error *err)
{
    drop_log_from_cache(c);
    DF_TRY(time_log(c, op, &out->log.cold_s, err));
    DF_TRY(time_new_connection(c, op, &out->sql.cold_s, err));
    DF_TRY(measure(c, op, time_log, &out->log, err));
    DF_TRY(measure(c, op, time_catalog, &out->sql, err));
    out->rows = c->rows;
    out->ratio = out->sql.median_s > 0 ? out->log.median_s / out->sql.median_s : 0;
    return DF_OK;
}

/* ---- choosing what to ask ---- */

/* Any one file gives a partition and statistics to ask for. */
static df_code take_example(void *context, const delta_file *file, int64_t version, df_error *err)
{
    comparison *c = context;
    c->found = true;
    if (file->partition_values.len > 2) c->partition = df_arena_str(c->arena, file->partition_values);
    c->stats = df_arena_str(c->arena, file->stats);
    return DF_CANCELLED;
}

/* `name` = 'value' for every partition column; the names as the schema shows them. */
static void partition_predicate(comparison *c, df_json_parser *parser)
{
    df_json values;
    df_buf text = {0};
    if (!c->partition.ptr || df_json_parse(parser, c->partition, &values, NULL) != DF_OK) return;
    df_json_iter it = df_json_each(values);
    while (df_json_next(&it)) {
        df_str value = df_json_str(it.value);
        if (text.len) df_buf_text(&text, " AND ");
        df_buf_printf(&text, "`%.*s` ", DF_FMT(it.key));
        if (!value.len) {
            df_buf_text(&text, "IS NULL");
            continue;
        }
        df_buf_text(&text, "= '");
        for (size_t i = 0; i < value.len; i++) {
            if (value.ptr[i] == '\'') df_buf_char(&text, '\'');
            df_buf_char(&text, value.ptr[i]);
        }
        df_buf_char(&text, '\'');
    }
    if (text.len) c->where_partition = df_arena_cstr(c->arena, df_buf_str(&text));
    df_buf_release(&text);
}

/* "column = value" on the first whole-number column that has statistics: the smallest value of the example
 * file. */
static void statistics_predicate(comparison *c, df_json_parser *parser)
{
    df_json root;
    if (!c->stats.ptr || df_json_parse(parser, c->stats, &root, NULL) != DF_OK) return;
    df_json_iter smallest = df_json_each(df_json_get(root, "minValues"));
    while (df_json_next(&smallest)) {
        int64_t value;
        if (!df_json_int(smallest.value, &value) || memchr(smallest.key.ptr, '`', smallest.key.len)) continue;
        c->where = df_arena_printf(c->arena, "`%.*s` = %lld", DF_FMT(smallest.key), (long long)value);
        return;
    }
}

static df_code choose_questions(comparison *c, df_error *err)
{
    delta_files_query all = {.as_of = {-1, DELTA_ABSENT}, .with_stats = true};
    delta_files_report report;
    /* Stopped at the first file: that is not a failure. */
    df_code code = delta_files_each(c->catalog, &c->table, &all, take_example, c, &report, err);
    if (code != DF_OK && !c->found) return code;
    df_json_parser *parser = df_json_parser_open();
    partition_predicate(c, parser);
    statistics_predicate(c, parser);
    df_json_parser_close(parser);
    c->then = c->table.first_version + (c->table.version - c->table.first_version) / 2;
    return DF_OK;
}

static bool predicate_works(comparison *c, const char *where)
{
    c->rows = 0;
    return where && list_files(c, c->catalog, -1, where, NULL) == DF_OK;
}

static const struct {
    const char *name, *title;
} titles[OPERATIONS] = {
    [OPEN] = {"open", "open the table"},
    [SCHEMA] = {"schema", "read the schema"},
    [COUNT] = {"count", "count files and bytes"},
    [LIST] = {"list", "list all files"},
    [PARTITION] = {"partition", "list one partition"},
    [STATISTICS] = {"statistics", "choose by statistics"},
    [TIME_TRAVEL] = {"time-travel", "list an older version"},
    [HISTORY] = {"history", "read the history"},
};

static df_code compare_all(comparison *c, df_delta_compare_report *report, df_error *err)
{
    DF_TRY(choose_questions(c, err));
    report->operations = df_arena_zalloc(c->arena, OPERATIONS * sizeof *report->operations);
    for (operation op = OPEN; op < OPERATIONS; op++) {
        df_delta_operation *out = &report->operations[report->n_operations++];
        *out = (df_delta_operation){
            .name = titles[op].name, .title = titles[op].title, .applicable = true, .what = ""};
        if (op == PARTITION)
            out->what = c->where_partition ? c->where_partition : "the table is not partitioned";
        if (op == STATISTICS) out->what = c->where ? c->where : "no column with statistics to ask about";
        if (op == TIME_TRAVEL) out->what = df_arena_printf(c->arena, "version %lld", (long long)c->then);
        if (op == PARTITION) out->applicable = predicate_works(c, c->where_partition);
        if (op == STATISTICS) out->applicable = predicate_works(c, c->where);
        if (out->applicable) DF_TRY(compare_operation(c, op, out, err));
        df_report_progress(c->options->observer, "operations", report->table_id, op + 1, OPERATIONS);
    }
    report->num_files = report->operations[COUNT].rows;
    return DF_OK;
}

df_code df_delta_compare(const df_delta_compare_options *options, df_delta_compare_report *report,
                         df_error *err)
{
    *report = (df_delta_compare_report){.version = -1};
    comparison c = {.options = options, .arena = delta_report_memory(&report->private_memory)};
    c.runs = options->runs > 0 ? options->runs : DEFAULT_RUNS;
    if (c.runs > MOST_RUNS) c.runs = MOST_RUNS;
    DF_TRY(delta_open_table(options->database_url, options->table_id, options->path, options->observer,
                            c.arena, &c.catalog, &c.table, err));
    report->table_id = df_arena_cstr(c.arena, c.table.table_id);
    report->location = df_arena_cstr(c.arena, c.table.location);
    report->version = c.table.version;
    report->runs = c.runs;
    df_code code = c.table.version < 0
                       ? df_fail(err, DF_NOT_FOUND, "%s has no visible version yet", report->table_id)
                       : compare_all(&c, report, err);
    delta_catalog_close(c.catalog);
    return code;
}

void df_delta_compare_release(df_delta_compare_report *report)
{
    delta_report_free(&report->private_memory);
    *report = (df_delta_compare_report){0};
}
