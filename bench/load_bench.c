/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast a catalog takes files, without the reading of a log:
 *
 *     load_bench load URL ROWS VERSIONS [BATCH]   adds with statistics, through the loader
 *     load_bench bare FILE.db FROM.db             the same rows by a bare prepared INSERT, one transaction
 */
#include "base/clock.h"
#include "delta/catalog/catalog.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/* Of this process; a server's is not in it. */
static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static df_str text(char *out, size_t size, const char *fmt, int64_t a, int64_t b)
    __attribute__((format(printf, 3, 0)));
static df_str text(char *out, size_t size, const char *fmt, int64_t a, int64_t b)
{
    int len = snprintf(out, size, fmt, (long long)a, (long long)b);
    return (df_str){out, (size_t)len};
}

static df_code give(delta_loader *loader, int64_t i, df_error *err)
{
    char path[200], values[100], stats[600];
    delta_action action = {.kind = DELTA_ADD};
    delta_file *f = &action.file;
    f->path =
        text(path, sizeof path,
             "day=%lld/part-%08lld-c7a1f3d2-7e1b-4f0e-9d6c-3f1d2a9b8c7e.c000.snappy.parquet", i % 100, i);
    f->raw_path = f->path;
    f->dv_id = DF_STR("");
    f->key = delta_file_key(f->path, f->dv_id);
    f->size = 1000000 + i % 977;
    f->modification_time = 1700000000000 + i;
    f->deletion_timestamp = DELTA_ABSENT;
    f->data_change = true;
    f->extended_file_metadata = -1;
    f->partition_values = text(values, sizeof values, "{\"day\":\"%lld\"}", i % 100, 0);
    f->num_records = 10000;
    f->stats = text(
        stats, sizeof stats,
        "{\"numRecords\":10000,\"minValues\":{\"id\":%lld,\"ts\":\"2024-01-01T00:00:00.000Z\",\"amount\":0."
        "01,"
        "\"customer\":\"aaaaaaaaaaaaaaaa\"},\"maxValues\":{\"id\":%lld,\"ts\":\"2024-01-01T23:59:59.999Z\","
        "\"amount\":99999.99,\"customer\":\"zzzzzzzzzzzzzzzz\"},\"nullCount\":{\"id\":0,\"ts\":0,\"amount\":"
        "12,"
        "\"customer\":7}}",
        i * 10000, i * 10000 + 9999);
    f->base_row_id = f->default_row_commit_version = DELTA_ABSENT;
    return delta_loader_take(loader, &action, err);
}

static df_code run(delta_catalog *catalog, int64_t rows, int64_t versions, int64_t batch, df_error *err)
{
    delta_loader *loader;
    delta_load_options options = {.table_id = DF_STR("bench"),
                                  .location = DF_STR("/bench"),
                                  .history = DF_STR("full"),
                                  .batch_size = batch,
                                  .files_total = rows,
                                  .restart = true};
    DF_TRY(delta_table_lock(catalog, options.table_id, 0, err));
    DF_TRY(delta_loader_open(catalog, &options, &loader, err));
    df_code code = DF_OK;
    for (int64_t v = 0, i = 0; code == DF_OK && v < versions; v++) {
        delta_version_info info = {.version = v,
                                   .timestamp = v,
                                   .file_mtime = v,
                                   .commit_timestamp = v,
                                   .in_commit_timestamp = DELTA_ABSENT,
                                   .operation = DF_STR("WRITE")};
        code = delta_loader_begin_version(loader, v, false, err);
        for (; code == DF_OK && i < rows * (v + 1) / versions; i++) code = give(loader, i, err);
        if (code == DF_OK) code = delta_loader_end_version(loader, &info, err);
    }
    if (code == DF_OK) code = delta_loader_finish(loader, DF_STR_NONE, err);
    delta_loader_close(loader);
    delta_table_unlock(catalog, options.table_id);
    return code;
}

static int load(const char *url, int64_t rows, int64_t versions, int64_t batch)
{
    df_error err = {0};
    delta_catalog *catalog;
    struct rusage usage;
    if (delta_catalog_open(url, DELTA_CATALOG_CREATE, NULL, &catalog, &err) != DF_OK) die(err.message);
    double begun = df_monotonic_s(), cpu = cpu_s();
    if (run(catalog, rows, versions, batch, &err) != DF_OK) die(err.message);
    double taken = df_monotonic_s() - begun;
    cpu = cpu_s() - cpu;
    delta_catalog_close(catalog);
    getrusage(RUSAGE_SELF, &usage);
    printf("%.3f s, %.3f s of processor, peak memory %ld MiB\n", taken, cpu, usage.ru_maxrss / 1024);
    return 0;
}

/* ---- the bare loop ---- */

static void sql(sqlite3 *db, const char *statement)
{
    if (sqlite3_exec(db, statement, NULL, NULL, NULL) != SQLITE_OK) die(sqlite3_errmsg(db));
}

/* Rows are read into memory first, so that only the inserting is timed. */
typedef struct bare_row {
    sqlite3_value **values;
} bare_row;

static bare_row *read_rows(sqlite3 *from, int *columns, size_t *count)
{
    sqlite3_stmt *select;
    bare_row *rows = NULL;
    size_t cap = 0;
    if (sqlite3_prepare_v2(from, "SELECT * FROM delta_files ORDER BY file_id", -1, &select, NULL) !=
        SQLITE_OK)
        die(sqlite3_errmsg(from));
    *columns = sqlite3_column_count(select);
    for (*count = 0; sqlite3_step(select) == SQLITE_ROW;) {
        bare_row row = {df_alloc((size_t)*columns * sizeof *row.values)};
        for (int i = 0; i < *columns; i++) row.values[i] = sqlite3_value_dup(sqlite3_column_value(select, i));
        DF_PUSH(rows, *count, cap) = row;
    }
    sqlite3_finalize(select);
    return rows;
}

static int bare(const char *file, const char *from_file)
{
    sqlite3 *db, *from;
    sqlite3_stmt *insert;
    int columns;
    size_t count;
    df_buf text_of = {0};
    if (sqlite3_open(from_file, &from) || sqlite3_open(file, &db)) die("cannot open");
    bare_row *rows = read_rows(from, &columns, &count);
    sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-32768");
    df_buf_text(&text_of, "INSERT INTO delta_files VALUES (?");
    for (int i = 1; i < columns; i++) df_buf_text(&text_of, ",?");
    df_buf_text(&text_of, ")");
    double begun = df_monotonic_s(), cpu = cpu_s();
    sql(db, "BEGIN IMMEDIATE");
    if (sqlite3_prepare_v2(db, df_buf_cstr(&text_of), -1, &insert, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db));
    for (size_t r = 0; r < count; r++) {
        for (int i = 0; i < columns; i++) sqlite3_bind_value(insert, i + 1, rows[r].values[i]);
        if (sqlite3_step(insert) != SQLITE_DONE) die(sqlite3_errmsg(db));
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    sql(db, "COMMIT");
    printf("%.3f s, %.3f s of processor, %zu rows\n", df_monotonic_s() - begun, cpu_s() - cpu, count);
    sqlite3_close(db);
    sqlite3_close(from);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 5 && strcmp(argv[1], "load") == 0)
        return load(argv[2], atoll(argv[3]), atoll(argv[4]), argc > 5 ? atoll(argv[5]) : 10000);
    if (argc == 4 && strcmp(argv[1], "bare") == 0) return bare(argv[2], argv[3]);
    die("load_bench load URL ROWS VERSIONS [BATCH] | load_bench bare FILE.db FROM.db");
}
