/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `export`: a `_delta_log` of JSON commits, from the catalog alone. Version numbers are kept. Where the
 * catalog's history begins with a checkpoint at version C, commits 0 to C-1 hold only a commitInfo and commit
 * C the whole state.
 */
#include "base/error.h"
#include "base/uri.h"
#include "delta/job/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FILLERS = 1000000, FLUSH_AT = 1 << 20 };

typedef struct exporter {
    delta_catalog *catalog;
    delta_table table;
    df_arena arena;
    const df_observer *observer;
    df_delta_export_report *report;
    char *log_directory;

    df_buf line;
    FILE *file;
    char *file_path;
} exporter;

/* ---- actions as JSON ---- */

static void add_optional_int(df_json_writer *w, const char *name, int64_t value)
{
    if (value != DELTA_ABSENT) df_json_add_int(w, name, value);
}

static void add_optional_raw(df_json_writer *w, const char *name, df_str json)
{
    if (json.ptr) df_json_add_raw(w, name, json);
}

static void add_optional_str(df_json_writer *w, const char *name, df_str text)
{
    if (text.ptr) df_json_add_str(w, name, text);
}

/* The path as the log had it; a row that never came from a log has only its plain path. */
static void put_path(df_json_writer *w, const delta_file *f)
{
    if (f->raw_path.ptr) {
        df_json_add_str(w, "path", f->raw_path);
        return;
    }
    df_buf encoded = {0};
    df_percent_encode(&encoded, f->path, "/=:@!$&'()*+,;");
    df_json_add_str(w, "path", df_buf_str(&encoded));
    df_buf_release(&encoded);
}

static void put_add(df_json_writer *w, const delta_file *f)
{
    df_json_begin(w, "add", '{');
    put_path(w, f);
    df_json_add_raw(w, "partitionValues", f->partition_values.ptr ? f->partition_values : DF_STR("{}"));
    df_json_add_int(w, "size", f->size == DELTA_ABSENT ? 0 : f->size);
    df_json_add_int(w, "modificationTime", f->modification_time == DELTA_ABSENT ? 0 : f->modification_time);
    df_json_add_bool(w, "dataChange", f->data_change);
    add_optional_str(w, "stats", f->stats);
    add_optional_raw(w, "tags", f->tags);
    add_optional_raw(w, "deletionVector", f->deletion_vector);
    add_optional_int(w, "baseRowId", f->base_row_id);
    add_optional_int(w, "defaultRowCommitVersion", f->default_row_commit_version);
    add_optional_str(w, "clusteringProvider", f->clustering_provider);
    df_json_end(w, '}');
}

static void put_remove(df_json_writer *w, const delta_file *f)
{
    df_json_begin(w, "remove", '{');
    put_path(w, f);
    add_optional_int(w, "deletionTimestamp", f->deletion_timestamp);
    df_json_add_bool(w, "dataChange", f->data_change);
    if (f->partition_values.ptr && f->size != DELTA_ABSENT) {
        df_json_add_bool(w, "extendedFileMetadata", true);
        df_json_add_raw(w, "partitionValues", f->partition_values);
    }
    add_optional_int(w, "size", f->size);
    add_optional_raw(w, "deletionVector", f->deletion_vector);
    add_optional_int(w, "baseRowId", f->base_row_id);
    add_optional_int(w, "defaultRowCommitVersion", f->default_row_commit_version);
    df_json_end(w, '}');
}

static void put_metadata(df_json_writer *w, const delta_metadata *m)
{
    df_json_begin(w, "metaData", '{');
    df_json_add_str(w, "id", m->id);
    add_optional_str(w, "name", m->name);
    add_optional_str(w, "description", m->description);
    df_json_add_raw(w, "format",
                    m->format.ptr ? m->format : DF_STR("{\"provider\":\"parquet\",\"options\":{}}"));
    df_json_add_str(w, "schemaString", m->schema);
    df_json_add_raw(w, "partitionColumns", m->partition_columns.ptr ? m->partition_columns : DF_STR("[]"));
    df_json_add_raw(w, "configuration", m->configuration.ptr ? m->configuration : DF_STR("{}"));
    add_optional_int(w, "createdTime", m->created_time);
    df_json_end(w, '}');
}

static void put_protocol(df_json_writer *w, const delta_protocol *p)
{
    df_json_begin(w, "protocol", '{');
    df_json_add_int(w, "minReaderVersion", p->min_reader_version);
    df_json_add_int(w, "minWriterVersion", p->min_writer_version);
    add_optional_raw(w, "readerFeatures", p->reader_features);
    add_optional_raw(w, "writerFeatures", p->writer_features);
    df_json_end(w, '}');
}

static bool put_action(df_json_writer *w, const delta_action *action)
{
    df_json_begin(w, NULL, '{');
    switch (action->kind) {
    case DELTA_ADD: put_add(w, &action->file); break;
    case DELTA_REMOVE: put_remove(w, &action->file); break;
    case DELTA_METADATA: put_metadata(w, &action->metadata); break;
    case DELTA_PROTOCOL: put_protocol(w, &action->protocol); break;
    case DELTA_TXN:
        df_json_begin(w, "txn", '{');
        df_json_add_str(w, "appId", action->txn.app_id);
        df_json_add_int(w, "version", action->txn.version);
        add_optional_int(w, "lastUpdated", action->txn.last_updated);
        df_json_end(w, '}');
        break;
    case DELTA_DOMAIN:
        df_json_begin(w, "domainMetadata", '{');
        df_json_add_str(w, "domain", action->domain.domain);
        df_json_add_str(w, "configuration",
                        action->domain.configuration.ptr ? action->domain.configuration : DF_STR(""));
        df_json_add_bool(w, "removed", action->domain.removed);
        df_json_end(w, '}');
        break;
    case DELTA_COMMIT_INFO: df_json_add_raw(w, "commitInfo", action->commit_info.raw); break;
    default: return false;
    }
    df_json_end(w, '}');
    return true;
}

/* ---- files ---- */

static df_code flush(exporter *e, df_error *err)
{
    if (fwrite(e->line.ptr ? e->line.ptr : "", 1, e->line.len, e->file) != e->line.len)
        return df_fail_errno(err, errno, e->file_path, "write");
    e->line.len = 0;
    return DF_OK;
}

static df_code write_action(void *context, const delta_action *action, df_error *err)
{
    exporter *e = context;
    size_t start = e->line.len;
    df_json_writer w = {.out = &e->line};
    if (!put_action(&w, action)) {
        e->line.len = start;
        return DF_OK;
    }
    df_buf_char(&e->line, '\n');
    e->report->files += action->kind == DELTA_ADD;
    return e->line.len >= FLUSH_AT ? flush(e, err) : DF_OK;
}

/* A commit appears whole or not at all: written beside its place, then moved there. */
static df_code open_commit(exporter *e, int64_t version, df_error *err)
{
    free(e->file_path);
    df_buf path = {0};
    df_buf_printf(&path, "%s/.%020lld.json.tmp", e->log_directory, (long long)version);
    df_buf_cstr(&path);
    e->file_path = path.ptr;
    e->line.len = 0;
    e->file = fopen(e->file_path, "we");
    return e->file ? DF_OK : df_fail_errno(err, errno, e->file_path, "create");
}

static df_code close_commit(exporter *e, int64_t version, df_code so_far, df_error *err)
{
    if (so_far == DF_OK) so_far = flush(e, err);
    if (so_far == DF_OK && (fflush(e->file) != 0 || fsync(fileno(e->file)) != 0))
        so_far = df_fail_errno(err, errno, e->file_path, "write");
    if (fclose(e->file) != 0 && so_far == DF_OK) so_far = df_fail_errno(err, errno, e->file_path, "write");
    e->file = NULL;
    df_buf path = {0};
    df_buf_printf(&path, "%s/%020lld.json", e->log_directory, (long long)version);
    /* link and not rename: an existing commit is never replaced. */
    if (so_far == DF_OK && link(e->file_path, df_buf_cstr(&path)) != 0)
        so_far = df_fail_errno(err, errno, df_buf_cstr(&path), "create");
    unlink(e->file_path);
    df_buf_release(&path);
    e->report->commits += so_far == DF_OK;
    return so_far;
}

static df_code write_filler(exporter *e, df_error *err)
{
    df_buf_text(&e->line,
                "{\"commitInfo\":{\"operation\":\"EXPORT\",\"operationParameters\":{},"
                "\"engineInfo\":\"deltalakedb/" DF_VERSION "\","
                "\"userMetadata\":\"this version was no longer in the log when it was imported\"}}\n");
    e->report->fillers++;
    return DF_OK;
}

static df_code write_version(exporter *e, int64_t version, df_error *err)
{
    DF_TRY(df_check_cancelled(e->observer, err));
    DF_TRY(open_commit(e, version, err));
    df_code code =
        version < e->table.first_version
            ? write_filler(e, err)
            : delta_version_actions(e->catalog, &e->table, version, (delta_sink){e, write_action}, err);
    if (code == DF_NOT_FOUND) code = write_filler(e, err); /* inside a gap of the imported log */
    df_report_progress(e->observer, "versions", e->report->directory, version, e->table.version);
    return close_commit(e, version, code, err);
}

static df_code make_directory(exporter *e, const char *directory, df_error *err)
{
    df_buf path = {0};
    df_buf_printf(&path, "%s/_delta_log", directory);
    df_buf_cstr(&path);
    e->log_directory = path.ptr;
    e->report->directory = df_arena_cstr(delta_report_memory(&e->report->private_memory), df_buf_str(&path));
    if (mkdir(directory, 0777) != 0 && errno != EEXIST) return df_fail_errno(err, errno, directory, "create");
    if (mkdir(e->log_directory, 0777) != 0 && errno != EEXIST)
        return df_fail_errno(err, errno, e->log_directory, "create");
    delta_log *there;
    delta_defects ignored = {0};
    df_code code = delta_log_open(directory, &there, &ignored, NULL);
    delta_defects_release(&ignored);
    if (code == DF_NOT_FOUND) return DF_OK;
    if (code == DF_OK) delta_log_close(there);
    df_fail(err, DF_CONFLICT, "%s already has a log", e->log_directory);
    df_error_hint(err, "name an empty or new folder; an existing log is never touched");
    return DF_CONFLICT;
}

static df_code export_table(exporter *e, const char *directory, df_error *err)
{
    if (e->table.version < 0) return df_fail(err, DF_NOT_FOUND, "the table has no visible version yet");
    if (e->table.first_version > MOST_FILLERS)
        return df_fail(err, DF_UNSUPPORTED,
                       "the history begins at version %lld: so many empty commits are not written",
                       (long long)e->table.first_version);
    DF_TRY(make_directory(e, directory, err));
    e->report->first_version = e->table.first_version;
    for (int64_t v = 0; v <= e->table.version; v++) DF_TRY(write_version(e, v, err));
    e->report->version = e->table.version;
    return DF_OK;
}

df_code df_delta_export(const char *database_url, const char *table_id, const char *directory,
                        const df_observer *observer, df_delta_export_report *report, df_error *err)
{
    *report = (df_delta_export_report){.version = -1};
    exporter e = {.observer = observer, .report = report};
    DF_TRY(delta_open_table(database_url, table_id, NULL, observer, &e.arena, &e.catalog, &e.table, err));
    df_code code = export_table(&e, directory, err);
    delta_catalog_close(e.catalog);
    df_arena_release(&e.arena);
    df_buf_release(&e.line);
    free(e.file_path);
    free(e.log_directory);
    return code;
}

void df_delta_export_release(df_delta_export_report *report)
{
    delta_report_free(&report->private_memory);
    *report = (df_delta_export_report){0};
}

df_code df_delta_upgrade(const char *database_url, const df_observer *observer, int64_t *from, int64_t *to,
                         df_error *err)
{
    delta_catalog *catalog;
    DF_TRY(delta_catalog_open(database_url, DELTA_CATALOG_ANY, observer, &catalog, err));
    df_code code = delta_catalog_upgrade(catalog, from, to, err);
    delta_catalog_close(catalog);
    return code;
}
