/* SPDX-License-Identifier: Apache-2.0 */
/* Importing every table below a folder, several at a time, going on past those that fail. */
#include "base/error.h"
#include "delta/job/job.h"

#include <pthread.h>
#include <stdlib.h>

enum { MOST_WORKERS = 64 };

typedef struct batch {
    const df_delta_batch_options *options;
    df_delta_batch_item *items;
    size_t count, next; /* next: the first that no worker has taken */
    pthread_mutex_t mutex;
} batch;

/* A glob on the id, the folder's name or the relative path; a plain word is found anywhere in them. */
static bool excluded(const df_delta_batch_options *options, const df_delta_found *table)
{
    const char *slash = strrchr(table->path, '/');
    const char *names[] = {table->table_id, slash ? slash + 1 : table->path, table->path};
    for (size_t i = 0; i < options->n_exclude; i++) {
        const char *pattern = options->exclude[i];
        bool plain = !strpbrk(pattern, "*?[");
        for (size_t j = 0; j < 3; j++) {
            if (df_str_glob(df_str_from(names[j]), pattern)) return true;
            /* The whole path holds folders that are not the table's own: plain words look only at id and
             * name. */
            if (plain && j < 2 && strstr(names[j], pattern)) return true;
        }
    }
    return false;
}

static void import_one(const df_delta_batch_options *options, df_delta_batch_item *item)
{
    df_delta_import_options one = {
        .path = item->table.path,
        .database_url = options->database_url,
        .table_id = item->table.table_id,
        .latest_only = options->latest_only,
        .batch_size = options->batch_size,
        .resume = options->resume,
        .dry_run = options->dry_run,
        .force = options->force,
        .wait_ms = options->wait_ms,
        .observer = options->observer,
    };
    item->code = df_delta_import(&one, &item->report, &item->error);
    if (item->code == DF_OK)
        df_log(options->observer, DF_LOG_INFO, "%s: version %lld, %lld file actions", item->table.table_id,
               (long long)item->report.version, (long long)item->report.files_processed);
    else
        df_log(options->observer, DF_LOG_ERROR, "%s: %s", item->table.table_id, item->error.message);
}

static void *work(void *context)
{
    batch *b = context;
    for (;;) {
        pthread_mutex_lock(&b->mutex);
        size_t mine = b->next < b->count ? b->next++ : SIZE_MAX;
        pthread_mutex_unlock(&b->mutex);
        if (mine == SIZE_MAX) return NULL;
        df_delta_batch_item *item = &b->items[mine];
        item->code = df_check_cancelled(b->options->observer, &item->error);
        if (item->code == DF_OK) import_one(b->options, item);
    }
}

static void work_in_parallel(batch *b, int64_t workers)
{
    pthread_t threads[MOST_WORKERS];
    size_t started = 0;
    if (workers > MOST_WORKERS) workers = MOST_WORKERS;
    if (workers > (int64_t)b->count) workers = (int64_t)b->count;
    /* This thread is one of the workers, so that a machine out of threads still gets through. */
    for (int64_t i = 1; i < workers; i++)
        if (pthread_create(&threads[started], NULL, work, b) == 0) started++;
    work(b);
    for (size_t i = 0; i < started; i++) pthread_join(threads[i], NULL);
}

/* So that migration-status shows from the first moment what is still to come. */
static df_code mark_pending(const df_delta_batch_options *options, const df_delta_batch_report *report,
                            df_error *err)
{
    delta_catalog *catalog;
    df_arena arena = {0};
    DF_TRY(delta_catalog_open(options->database_url, DELTA_CATALOG_CREATE, options->observer, &catalog, err));
    df_code code = DF_OK;
    for (size_t i = 0; i < report->count && code == DF_OK; i++) {
        delta_status *status;
        size_t count;
        df_str id = df_str_from(report->items[i].table.table_id);
        code = delta_status_list(catalog, id, &arena, &status, &count, err);
        char *location = realpath(report->items[i].table.path, NULL);
        if (code == DF_OK && count == 0)
            code = delta_status_set(catalog, id,
                                    df_str_from(location ? delta_location_text(location, &arena) : ""),
                                    "pending", NULL, err);
        free(location);
    }
    df_arena_release(&arena);
    delta_catalog_close(catalog);
    return code;
}

static void choose_tables(const df_delta_batch_options *options, df_delta_batch_report *report)
{
    df_arena *arena = delta_report_memory(&report->private_memory);
    report->items = df_arena_zalloc(arena, (report->discovery.count + 1) * sizeof *report->items);
    for (size_t i = 0; i < report->discovery.count; i++) {
        const df_delta_found *table = &report->discovery.tables[i];
        if (excluded(options, table))
            report->excluded++;
        else
            report->items[report->count++].table = *table;
    }
}

df_code df_delta_batch_import(const df_delta_batch_options *options, df_delta_batch_report *report,
                              df_error *err)
{
    double started = df_monotonic_s();
    *report = (df_delta_batch_report){0};
    DF_TRY(df_delta_discover(options->path, true, options->observer, &report->discovery, err));
    choose_tables(options, report);
    if (!options->dry_run && report->count) DF_TRY(mark_pending(options, report, err));
    batch b = {.options = options,
               .items = report->items,
               .count = report->count,
               .mutex = PTHREAD_MUTEX_INITIALIZER};
    if (report->count) work_in_parallel(&b, options->parallel > 0 ? options->parallel : 1);
    report->duration_s = df_monotonic_s() - started;
    for (size_t i = 0; i < report->count; i++) report->failed += report->items[i].code != DF_OK;
    DF_TRY(df_check_cancelled(options->observer, err));
    if (!report->failed) return DF_OK;
    df_fail(err, DF_FAILED, "%zu of %zu tables failed", report->failed, report->count);
    df_error_hint(err, "the others are complete; mend the cause and run the same command with --resume");
    return DF_FAILED;
}

void df_delta_batch_release(df_delta_batch_report *report)
{
    for (size_t i = 0; i < report->count; i++) df_delta_import_release(&report->items[i].report);
    df_delta_discovery_release(&report->discovery);
    delta_report_free(&report->private_memory);
    *report = (df_delta_batch_report){0};
}
