/* SPDX-License-Identifier: Apache-2.0 */
/* The calls `import` and `sync`: the table's lock, its status, and the report around a run of the importer.
 */
#include "base/error.h"
#include "base/uri.h"
#include "delta/job/import_int.h"

#include <stdlib.h>

enum { DEFAULT_BATCH = 1000 };

/* The folder's name; bytes that are not UTF-8, which no database would take, become %XX. */
static const char *default_table_id(const char *location, df_arena *arena)
{
    const char *slash = strrchr(location, '/');
    df_str name = df_str_from(slash && slash[1] ? slash + 1 : location);
    if (df_str_is_utf8(name)) return df_arena_cstr(arena, name);
    df_buf encoded = {0};
    df_percent_encode(&encoded, name, " ");
    const char *id = df_arena_cstr(arena, df_buf_str(&encoded));
    df_buf_release(&encoded);
    return id;
}

/* "commits 0 to 13", "checkpoint 10, commits 11 to 13": how the versions are reached. */
static const char *describe_plan(const importer *im, df_arena *arena)
{
    delta_plan plan = {0};
    delta_plan_options options = {.latest_only = im->latest_only, .up_to = -1};
    df_buf text = {0};
    delta_defects ignored = {0};
    if (delta_log_plan(im->log, &options, im->bad_commits, im->n_bad_commits, &plan, &ignored, NULL) ==
        DF_OK) {
        for (size_t i = 0; i < plan.count; i++) {
            const delta_segment *s = &plan.segments[i];
            if (i) df_buf_text(&text, "; ");
            if (s->checkpoint >= 0) df_buf_printf(&text, "checkpoint %lld", (long long)s->base_version);
            if (s->checkpoint >= 0 && s->last > s->base_version) df_buf_text(&text, ", ");
            if (s->last == s->base_version + 1)
                df_buf_printf(&text, "commit %lld", (long long)s->last);
            else if (s->last > s->base_version)
                df_buf_printf(&text, "commits %lld to %lld", (long long)s->base_version + 1,
                              (long long)s->last);
        }
    }
    const char *copy = df_arena_cstr(arena, df_buf_str(&text));
    delta_defects_release(&ignored);
    delta_plan_release(&plan);
    df_buf_release(&text);
    return copy;
}

/* Whether the same run could succeed later without anybody mending the log. */
static bool worth_resuming(df_code code)
{
    switch (code) {
    case DF_CORRUPT:
    case DF_NOT_FOUND:
    case DF_UNSUPPORTED:
    case DF_REFUSED:
    case DF_CONFLICT:
    case DF_USAGE: return false;
    default: return true;
    }
}

static void record_failure(importer *im, df_code code, df_error *err)
{
    bool resumable = worth_resuming(code);
    if (resumable && err && !err->hint[0])
        df_error_hint(
            err, "nothing of the unfinished version is visible; go on with: deltalakedb import %s --resume",
            im->log->table_path);
    int64_t rows;
    /* Versions of a table that cannot be completed are not left behind as if they were the table. */
    if (!resumable && im->from_version < 0 && im->attempts > 0 &&
        delta_table_remove(im->catalog, df_str_from(im->table_id), &rows, NULL) != DF_OK)
        df_log(im->observer, DF_LOG_WARNING, "rows of %s could not be removed; deltalakedb rollback does it",
               im->table_id);
    /* Best effort: the database may be the very thing that failed. */
    if (delta_status_set(im->catalog, df_str_from(im->table_id), df_str_from(im->location), "failed",
                         err ? err->message : df_code_text(code), NULL) != DF_OK)
        df_log(im->observer, DF_LOG_DEBUG, "the failure of %s could not be recorded", im->table_id);
}

/* An import continues what is complete, and what --resume asks for; it starts anew over what was interrupted.
 */
static df_code decide_restart(importer *im, const df_delta_import_options *options, df_arena *arena,
                              df_error *err)
{
    delta_table table;
    df_code code = delta_table_get(im->catalog, df_str_from(im->table_id), arena, &table, err);
    if (code == DF_NOT_FOUND) return DF_OK;
    DF_TRY(code);
    if (table.location.len && !df_str_is(table.location, im->location)) {
        df_fail(err, DF_CONFLICT, "table id %s is taken by %.*s", im->table_id, DF_FMT(table.location));
        df_error_hint(
            err,
            "give this one another id with --table-id, or remove the other with: deltalakedb rollback "
            "%s --yes",
            im->table_id);
        return DF_CONFLICT;
    }
    delta_status *status;
    size_t count;
    DF_TRY(delta_status_list(im->catalog, df_str_from(im->table_id), arena, &status, &count, err));
    bool complete = count && df_str_is(status[0].status, "completed");
    bool deeper = !im->latest_only && df_str_is(table.history, "latest");
    im->restart = deeper || (!complete && !options->resume);
    return DF_OK;
}

static df_code load_into_catalog(importer *im, const df_delta_import_options *options, df_arena *arena,
                                 df_error *err)
{
    DF_TRY(delta_catalog_open(options->database_url, DELTA_CATALOG_CREATE, im->observer, &im->catalog, err));
    DF_TRY(delta_table_lock(im->catalog, df_str_from(im->table_id), options->wait_ms, err));
    df_code code = decide_restart(im, options, arena, err);
    if (code == DF_OK) {
        code = delta_importer_run(im, err);
        if (code != DF_OK) record_failure(im, code, err);
    }
    delta_table_unlock(im->catalog, df_str_from(im->table_id));
    return code;
}

/* What a rehearsal can know of the database without touching it. */
static df_code look_at_catalog(importer *im, const df_delta_import_options *options, df_arena *arena,
                               df_error *err)
{
    if (!options->database_url) return DF_OK;
    delta_catalog *catalog;
    df_code code = delta_catalog_open(options->database_url, DELTA_CATALOG_READ, im->observer, &catalog, err);
    if (code == DF_NOT_FOUND) return DF_OK; /* it would be made */
    DF_TRY(code);
    delta_table table;
    if (delta_table_get(catalog, df_str_from(im->table_id), arena, &table, NULL) == DF_OK)
        im->from_version = table.version;
    delta_catalog_close(catalog);
    return DF_OK;
}

static void report_state(importer *im, df_arena *arena, df_delta_import_report *report)
{
    delta_table table;
    delta_version_row row;
    if (delta_table_get(im->catalog, df_str_from(im->table_id), arena, &table, NULL) != DF_OK) return;
    report->version = table.version;
    report->first_version = table.first_version;
    if (delta_version_find(im->catalog, &table, (delta_as_of){-1, DELTA_ABSENT}, arena, &row, NULL) != DF_OK)
        return;
    report->num_files = row.num_files;
    report->size_in_bytes = row.size_in_bytes;
    report->num_records = row.num_records;
}

static void report_rehearsal(importer *im, double seconds, df_delta_import_report *report)
{
    /* Seconds a file action that a catalog on this machine's disk takes at most (docs/benchmarks.md). */
    static const double per_file = 20e-6;
    report->version = im->rehearsed.version;
    report->num_files = im->rehearsed.num_files;
    report->size_in_bytes = im->rehearsed.size_in_bytes;
    report->num_records = im->rehearsed.num_records;
    report->estimate_s = seconds + (double)im->files * per_file;
}

static void fill_report(importer *im, df_arena *arena, double started, df_delta_import_report *report)
{
    report->duration_s = df_monotonic_s() - started;
    report->location = df_arena_cstr(arena, df_str_from(im->log->location));
    report->plan = describe_plan(im, arena);
    report->resumed_from = im->from_version;
    report->versions = im->versions;
    report->files_processed = im->files;
    report->bytes_read = im->bytes;
    delta_report_warnings(&im->defects, arena, &report->warnings, &report->n_warnings);
}

static const df_delta_import_report empty_report = {
    .status = "failed",
    .version = -1,
    .first_version = -1,
    .resumed_from = -1,
    .num_files = DELTA_ABSENT,
    .size_in_bytes = DELTA_ABSENT,
    .num_records = DELTA_ABSENT,
};

df_code df_delta_import(const df_delta_import_options *options, df_delta_import_report *report, df_error *err)
{
    double started = df_monotonic_s();
    *report = empty_report;
    df_arena *arena = delta_report_memory(&report->private_memory);
    importer im = {
        .observer = options->observer,
        .latest_only = options->latest_only,
        .force = options->force,
        .batch_size = options->batch_size > 0 ? options->batch_size : DEFAULT_BATCH,
    };
    df_error local;
    if (!err) err = &local;
    df_error_clear(err);
    df_code code = delta_importer_open(&im, options->path, err);
    if (code == DF_OK) {
        report->table_id = im.table_id = options->table_id
                                             ? df_arena_cstr(arena, df_str_from(options->table_id))
                                             : default_table_id(im.log->location, arena);
        im.location = delta_location_text(im.log->location, arena);
        if (options->dry_run) {
            code = look_at_catalog(&im, options, arena, err);
            int64_t from_version = im.from_version;
            if (code == DF_OK) code = delta_importer_run(&im, err);
            im.from_version = from_version;
        } else {
            code = load_into_catalog(&im, options, arena, err);
        }
        fill_report(&im, arena, started, report);
        if (code == DF_OK && options->dry_run) report_rehearsal(&im, report->duration_s, report);
        if (!options->dry_run && im.catalog) report_state(&im, arena, report);
        if (code == DF_OK) report->status = options->dry_run ? "dry-run" : "completed";
    }
    delta_importer_close(&im);
    delta_catalog_close(im.catalog);
    return code;
}

void df_delta_import_release(df_delta_import_report *report)
{
    delta_report_free(&report->private_memory);
    *report = empty_report;
}

/* ---- sync ---- */

static bool is_complete(importer *im, df_arena *arena)
{
    delta_status *status;
    size_t count;
    return delta_status_list(im->catalog, df_str_from(im->table_id), arena, &status, &count, NULL) == DF_OK &&
           count == 1 && df_str_is(status->status, "completed");
}

/* Following costs next to nothing while nothing happens: a listing of the log, and no writing. */
static df_code sync_table(importer *im, const df_delta_sync_options *options, df_arena *arena,
                          df_delta_import_report *report, df_error *err)
{
    delta_table table;
    DF_TRY(delta_table_get(im->catalog, df_str_from(im->table_id), arena, &table, err));
    if (!table.location.len)
        return df_fail(err, DF_NOT_FOUND, "the catalog does not know where %s lies; import it again",
                       im->table_id);
    im->latest_only = df_str_is(table.history, "latest");
    im->force = options->force || table.flag.len > 0;
    im->location = df_arena_cstr(arena, table.location);
    DF_TRY(delta_importer_open(im, delta_location_path(table.location, arena), err));
    int64_t before = table.version;
    if (before >= 0 && delta_log_newest(im->log) == before && is_complete(im, arena)) {
        im->from_version = before;
        report->status = "unchanged";
        return DF_OK;
    }
    df_code code = delta_importer_run(im, err);
    if (code != DF_OK) record_failure(im, code, err);
    if (code == DF_OK) report->status = im->versions || before < 0 ? "completed" : "unchanged";
    return code;
}

df_code df_delta_sync(const df_delta_sync_options *options, df_delta_import_report *report, df_error *err)
{
    double started = df_monotonic_s();
    *report = empty_report;
    df_arena *arena = delta_report_memory(&report->private_memory);
    df_error local;
    if (!err) err = &local;
    df_error_clear(err);
    importer im = {
        .observer = options->observer,
        .table_id = df_arena_cstr(arena, df_str_from(options->table_id)),
        .batch_size = options->batch_size > 0 ? options->batch_size : DEFAULT_BATCH,
    };
    report->table_id = im.table_id;
    df_code code =
        delta_catalog_open(options->database_url, DELTA_CATALOG_READ, im.observer, &im.catalog, err);
    if (code == DF_OK) {
        code = delta_table_lock(im.catalog, df_str_from(im.table_id), options->wait_ms, err);
        if (code == DF_OK) {
            code = sync_table(&im, options, arena, report, err);
            delta_table_unlock(im.catalog, df_str_from(im.table_id));
        }
    }
    if (im.log) fill_report(&im, arena, started, report);
    if (im.catalog) report_state(&im, arena, report);
    delta_importer_close(&im);
    delta_catalog_close(im.catalog);
    return code;
}
