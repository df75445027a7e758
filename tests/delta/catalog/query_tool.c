/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests in other languages: loads a table's JSON commits into a catalog, then answers the expressions on
 * standard input, a line each: "version <tab> expression" → one JSON line {"sql":[paths],"scan":[paths]} or
 * {"error":…}.
 */
#include "base/json.h"
#include "delta/catalog/query_int.h"

#include <stdio.h>
#include <stdlib.h>

static df_code take(void *context, const delta_action *action, df_error *err)
{
    return delta_loader_take(context, action, err);
}

static df_code load_commits(delta_loader *loader, delta_log *log, delta_reader *reader, df_error *err)
{
    for (size_t i = 0; i < log->commits.count; i++) {
        const delta_log_file *commit = &log->commits.items[i];
        delta_version_info info = {.version = commit->version,
                                   .timestamp = commit->mtime_ms,
                                   .file_mtime = commit->mtime_ms,
                                   .commit_timestamp = DELTA_ABSENT,
                                   .in_commit_timestamp = DELTA_ABSENT};
        DF_TRY(delta_loader_begin_version(loader, commit->version, false, err));
        DF_TRY(delta_read_commit(reader, commit, (delta_sink){loader, take}, err));
        DF_TRY(delta_loader_end_version(loader, &info, err));
    }
    return delta_loader_finish(loader, DF_STR("[]"), err);
}

static df_code load(delta_catalog *catalog, const char *path, df_error *err)
{
    delta_defects defects = {0};
    delta_log *log;
    DF_TRY(delta_log_open(path, &log, &defects, err));
    delta_reader *reader = delta_reader_open(log, &defects, NULL);
    delta_load_options options = {.table_id = DF_STR("t"),
                                  .location = df_str_from(log->location),
                                  .history = DF_STR("full"),
                                  .batch_size = 1000,
                                  .files_total = -1};
    delta_loader *loader = NULL;
    df_code code = delta_table_lock(catalog, options.table_id, 0, err);
    if (code == DF_OK) code = delta_loader_open(catalog, &options, &loader, err);
    if (code == DF_OK) code = load_commits(loader, log, reader, err);
    delta_loader_close(loader);
    delta_table_unlock(catalog, options.table_id);
    delta_reader_close(reader);
    delta_log_close(log);
    delta_defects_release(&defects);
    return code;
}

static df_code put_path(void *context, const delta_file *file, int64_t version, df_error *err)
{
    df_json_writer *w = context;
    df_json_add_str(w, NULL, file->path);
    return DF_OK;
}

static void answer(delta_catalog *catalog, const delta_table *table, char *line)
{
    char *expression = strchr(line, '\t');
    if (!expression) return;
    *expression++ = '\0';
    df_buf out = {0};
    df_json_writer w = {.out = &out};
    delta_files_query query = {.as_of = {atoll(line), DELTA_ABSENT}, .where = expression};
    df_error err = {0};
    df_code code = DF_OK;
    df_json_begin(&w, NULL, '{');
    for (int scan = 0; scan < 2 && code == DF_OK; scan++) {
        df_json_begin(&w, scan ? "scan" : "sql", '[');
        code = delta_files_run(catalog, table, &query, scan ? DELTA_FILES_SCAN : DELTA_FILES_AUTO, put_path,
                               &w, NULL, &err);
        df_json_end(&w, ']');
    }
    if (code != DF_OK) df_json_add_text(&w, "error", err.message);
    df_json_end(&w, '}');
    puts(df_buf_cstr(&out));
    fflush(stdout);
    df_buf_release(&out);
}

int main(int argc, char **argv)
{
    df_error err = {0};
    delta_catalog *catalog = NULL;
    delta_table table;
    df_arena arena = {0};
    char *line = NULL;
    size_t size = 0;
    if (argc != 3) return 2;
    df_code code = delta_catalog_open(argv[1], DELTA_CATALOG_CREATE, NULL, &catalog, &err);
    if (code == DF_OK) code = load(catalog, argv[2], &err);
    if (code == DF_OK) code = delta_table_get(catalog, DF_STR("t"), &arena, &table, &err);
    if (code != DF_OK) fprintf(stderr, "%s\n", err.message);
    for (ssize_t len; code == DF_OK && (len = getline(&line, &size, stdin)) > 0;) {
        if (line[len - 1] == '\n') line[len - 1] = '\0';
        answer(catalog, &table, line);
    }
    free(line);
    df_arena_release(&arena);
    delta_catalog_close(catalog);
    return code != DF_OK;
}
