/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the actions of a Parquet checkpoint file, a JSON object a line; an error is the last line.
 *
 *     checkpoint_dump FILE [WANT]     WANT: the sum of DELTA_WANT_*
 *     checkpoint_dump FILE WANT time  only counts, seconds and memory
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "delta/log/checkpoint.h"
#include "delta/log/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static const char *const kinds[] = {
    [DELTA_ADD] = "add",           [DELTA_REMOVE] = "remove",
    [DELTA_METADATA] = "metaData", [DELTA_PROTOCOL] = "protocol",
    [DELTA_TXN] = "txn",           [DELTA_DOMAIN] = "domainMetadata",
    [DELTA_SIDECAR] = "sidecar",   [DELTA_CHECKPOINT_METADATA] = "checkpointMetadata",
};

static void put_int(df_json_writer *w, const char *name, int64_t value)
{
    if (value == DELTA_ABSENT)
        df_json_add_null(w, name);
    else
        df_json_add_int(w, name, value);
}

static void put_file(df_json_writer *w, const delta_file *f)
{
    char key[33], right_key[33];
    df_hash_hex(f->key, key);
    df_hash_hex(delta_file_key(f->path, f->dv_id), right_key);
    df_json_add_bool(w, "key_right", strcmp(key, right_key) == 0);
    df_json_add_str(w, "path", f->path);
    df_json_add_str(w, "raw_path", f->raw_path);
    df_json_add_str(w, "dv_id", f->dv_id);
    put_int(w, "size", f->size);
    put_int(w, "modificationTime", f->modification_time);
    put_int(w, "deletionTimestamp", f->deletion_timestamp);
    df_json_add_bool(w, "dataChange", f->data_change);
    df_json_add_int(w, "extendedFileMetadata", f->extended_file_metadata);
    df_json_add_str(w, "partitionValues", f->partition_values);
    df_json_add_str(w, "stats", f->stats);
    df_json_add_bool(w, "rebuilt", f->stats_rebuilt);
    put_int(w, "numRecords", f->num_records);
    df_json_add_str(w, "tags", f->tags);
    df_json_add_str(w, "deletionVector", f->deletion_vector);
    df_json_add_int(w, "cardinality", f->dv_cardinality);
    put_int(w, "baseRowId", f->base_row_id);
    put_int(w, "defaultRowCommitVersion", f->default_row_commit_version);
    df_json_add_str(w, "clusteringProvider", f->clustering_provider);
}

static void put_metadata(df_json_writer *w, const delta_metadata *m)
{
    df_json_add_str(w, "id", m->id);
    df_json_add_str(w, "name", m->name);
    df_json_add_str(w, "description", m->description);
    df_json_add_str(w, "format", m->format);
    df_json_add_str(w, "schemaString", m->schema);
    df_json_add_str(w, "partitionColumns", m->partition_columns);
    df_json_add_str(w, "configuration", m->configuration);
    put_int(w, "createdTime", m->created_time);
}

static void put_members(df_json_writer *w, const delta_action *a)
{
    switch (a->kind) {
    case DELTA_ADD:
    case DELTA_REMOVE: put_file(w, &a->file); break;
    case DELTA_METADATA: put_metadata(w, &a->metadata); break;
    case DELTA_PROTOCOL:
        df_json_add_int(w, "minReaderVersion", a->protocol.min_reader_version);
        df_json_add_int(w, "minWriterVersion", a->protocol.min_writer_version);
        df_json_add_str(w, "readerFeatures", a->protocol.reader_features);
        df_json_add_str(w, "writerFeatures", a->protocol.writer_features);
        break;
    case DELTA_TXN:
        df_json_add_str(w, "appId", a->txn.app_id);
        put_int(w, "version", a->txn.version);
        put_int(w, "lastUpdated", a->txn.last_updated);
        break;
    case DELTA_DOMAIN:
        df_json_add_str(w, "domain", a->domain.domain);
        df_json_add_str(w, "configuration", a->domain.configuration);
        df_json_add_bool(w, "removed", a->domain.removed);
        break;
    case DELTA_SIDECAR:
        df_json_add_str(w, "path", a->sidecar.path);
        put_int(w, "sizeInBytes", a->sidecar.size);
        put_int(w, "modificationTime", a->sidecar.modification_time);
        break;
    default: break;
    }
}

static df_code print_action(void *context, const delta_action *action, df_error *err)
{
    df_buf *line = context;
    df_buf_clear(line);
    df_json_writer w = {.out = line};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "kind", kinds[action->kind]);
    put_members(&w, action);
    df_json_end(&w, '}');
    printf("%s\n", df_buf_cstr(line));
    return DF_OK;
}

static df_code count_action(void *context, const delta_action *action, df_error *err)
{
    ++*(int64_t *)context;
    return DF_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2) return 2;
    df_buf line = {0};
    int64_t count = 0;
    bool timed = argc > 3;
    delta_sink sink = timed ? (delta_sink){&count, count_action} : (delta_sink){&line, print_action};
    df_file *file = NULL;
    df_error err = {0};
    double start = df_monotonic_s();
    df_code code = df_file_open(argv[1], &file, &err);
    if (code == DF_OK)
        code = delta_checkpoint_parquet(&file->input, argc > 2 ? (unsigned)atoi(argv[2]) : DELTA_WANT_ALL,
                                        sink, NULL, &err);
    double seconds = df_monotonic_s() - start;
    if (timed && code == DF_OK) {
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        printf("%lld actions, %.3f s, %.2f million/s, %.0f MB/s, %ld KiB\n", (long long)count, seconds,
               (double)count / 1e6 / seconds, (double)file->input.size / 1e6 / seconds, usage.ru_maxrss);
    }
    if (code != DF_OK) {
        df_buf_clear(&line);
        df_json_writer w = {.out = &line};
        df_json_begin(&w, NULL, '{');
        df_json_add_text(&w, "error", df_code_name(code));
        df_json_add_text(&w, "message", err.message);
        df_json_add_text(&w, "file", err.file);
        df_json_end(&w, '}');
        printf("%s\n", df_buf_cstr(&line));
    }
    df_file_close(file);
    df_buf_release(&line);
    return code == DF_OK ? 0 : 1;
}
