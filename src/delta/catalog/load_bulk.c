/* SPDX-License-Identifier: Apache-2.0 */
/* Rows out of memory into the database: sources that hand out views of what the group holds. */
#include "delta/catalog/load_int.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef struct cursor {
    const delta_loader *loader;
    size_t at;
} cursor;

const char *load_reason_name(load_reason reason)
{
    return reason == LOAD_REMOVED ? "removed" : "replaced";
}

static df_code load(delta_loader *loader, const char *table, const char *const *columns, size_t n_columns,
                    df_code (*next)(void *, df_value *, bool *, df_error *), df_error *err)
{
    cursor c = {loader, 0};
    df_row_source source = {&c, next};
    return df_bulk_load(loader->catalog->conn, table, columns, n_columns, &source, NULL, err);
}

/* What delta_files and delta_file_history have in common, in this order. */
#define FILE_COLUMNS                                                                                         \
    "table_id", "file_id", "path", "dv_id", "path_hash", "version", "size", "modification_time",             \
        "data_change", "partition_id", "num_records", "dv_cardinality", "base_row_id",                       \
        "default_row_commit_version", "stats_rebuilt", "partition_values", "deletion_vector",                \
        "clustering_provider", "raw_path", "tags", "stats"

static df_value *put_file(const delta_loader *loader, const load_row *row, df_value *v)
{
    const delta_file *f = &row->file;
    *v++ = df_v_str(loader->table_id);
    *v++ = df_v_int(row->file_id);
    *v++ = df_v_str(f->path);
    *v++ = df_v_str(f->dv_id);
    *v++ = df_v_int((int64_t)f->key.low);
    *v++ = df_v_int(row->version);
    *v++ = delta_v_int(f->size);
    *v++ = delta_v_int(f->modification_time);
    *v++ = df_v_bool(f->data_change);
    *v++ = df_v_int(loader->partitions.items[row->partition].id);
    *v++ = delta_v_int(f->num_records);
    *v++ = df_v_int(f->dv_cardinality);
    *v++ = delta_v_int(f->base_row_id);
    *v++ = delta_v_int(f->default_row_commit_version);
    *v++ = df_v_bool(f->stats_rebuilt);
    *v++ = df_v_str(f->partition_values);
    *v++ = df_v_str(f->deletion_vector);
    *v++ = df_v_str(f->clustering_provider);
    *v++ = df_v_str(f->raw_path);
    *v++ = df_v_str(f->tags);
    *v++ = df_v_str(f->stats);
    return v;
}

static const load_row *next_row(cursor *c, load_row_state state)
{
    while (c->at < c->loader->rows.count) {
        const load_row *row = &c->loader->rows.items[c->at++];
        if (row->state == state) return row;
    }
    return NULL;
}

static df_code next_live(void *context, df_value *v, bool *more, df_error *err)
{
    cursor *c = context;
    const load_row *row = next_row(c, LOAD_LIVE);
    if ((*more = row != NULL)) put_file(c->loader, row, v);
    return DF_OK;
}

df_code load_bulk_files(delta_loader *loader, df_error *err)
{
    static const char *const columns[] = {FILE_COLUMNS};
    cursor any = {loader, 0};
    if (!next_row(&any, LOAD_LIVE)) return DF_OK;
    return load(loader, "delta_files", columns, COUNT(columns), next_live, err);
}

static df_code next_ended(void *context, df_value *v, bool *more, df_error *err)
{
    cursor *c = context;
    const load_row *row = next_row(c, LOAD_ENDED);
    if (!(*more = row != NULL)) return DF_OK;
    v = put_file(c->loader, row, v);
    *v++ = df_v_int(row->removed_version);
    *v++ = df_v_text(load_reason_name(row->reason));
    *v++ = delta_v_int(row->deletion_timestamp);
    *v++ = df_v_bool(row->removed_data_change);
    return DF_OK;
}

df_code load_bulk_history(delta_loader *loader, df_error *err)
{
    static const char *const columns[] = {FILE_COLUMNS, "removed_version", "reason", "deletion_timestamp",
                                          "removed_data_change"};
    cursor any = {loader, 0};
    if (!next_row(&any, LOAD_ENDED)) return DF_OK;
    return load(loader, "delta_file_history", columns, COUNT(columns), next_ended, err);
}

/* ---- tombstones ---- */

static const load_tombstone *next_kept(cursor *c)
{
    while (c->at < c->loader->tombstones.count) {
        const load_tombstone *tombstone = &c->loader->tombstones.items[c->at++];
        if (!tombstone->dropped) return tombstone;
    }
    return NULL;
}

static df_code next_tombstone(void *context, df_value *v, bool *more, df_error *err)
{
    cursor *c = context;
    const load_tombstone *tombstone = next_kept(c);
    if (!(*more = tombstone != NULL)) return DF_OK;
    const delta_file *f = &tombstone->file;
    *v++ = df_v_str(c->loader->table_id);
    *v++ = df_v_int(tombstone->file_id);
    *v++ = df_v_str(f->path);
    *v++ = df_v_str(f->dv_id);
    *v++ = df_v_int((int64_t)f->key.low);
    *v++ = df_v_int(tombstone->version);
    *v++ = delta_v_int(f->deletion_timestamp);
    *v++ = df_v_bool(f->data_change);
    *v++ = f->extended_file_metadata < 0 ? DF_V_NULL : df_v_bool(f->extended_file_metadata);
    *v++ = delta_v_int(f->size);
    *v++ = df_v_int(f->dv_cardinality);
    *v++ = delta_v_int(f->base_row_id);
    *v++ = delta_v_int(f->default_row_commit_version);
    *v++ = df_v_str(f->partition_values);
    *v++ = df_v_str(f->deletion_vector);
    *v++ = df_v_str(f->raw_path);
    *v++ = df_v_str(f->tags);
    *v++ = df_v_str(f->stats);
    return DF_OK;
}

df_code load_bulk_tombstones(delta_loader *loader, df_error *err)
{
    static const char *const columns[] = {"table_id",
                                          "file_id",
                                          "path",
                                          "dv_id",
                                          "path_hash",
                                          "version",
                                          "deletion_timestamp",
                                          "data_change",
                                          "extended_file_metadata",
                                          "size",
                                          "dv_cardinality",
                                          "base_row_id",
                                          "default_row_commit_version",
                                          "partition_values",
                                          "deletion_vector",
                                          "raw_path",
                                          "tags",
                                          "stats"};
    cursor any = {loader, 0};
    if (!next_kept(&any)) return DF_OK;
    return load(loader, "delta_tombstones", columns, COUNT(columns), next_tombstone, err);
}

/* ---- partitions ---- */

static const load_partition *next_new(cursor *c)
{
    while (c->at < c->loader->partitions.count) {
        const load_partition *partition = &c->loader->partitions.items[c->at++];
        if (partition->is_new) return partition;
    }
    return NULL;
}

static df_code next_partition(void *context, df_value *v, bool *more, df_error *err)
{
    cursor *c = context;
    const load_partition *partition = next_new(c);
    if (!(*more = partition != NULL)) return DF_OK;
    *v++ = df_v_str(c->loader->table_id);
    *v++ = df_v_int(partition->id);
    *v++ = df_v_int((int64_t)partition->hash.low);
    *v++ = df_v_str(partition->values);
    return DF_OK;
}

df_code load_bulk_partitions(delta_loader *loader, df_error *err)
{
    static const char *const columns[] = {"table_id", "partition_id", "partition_hash", "partition_values"};
    cursor any = {loader, 0};
    if (!next_new(&any)) return DF_OK;
    return load(loader, "delta_partitions", columns, COUNT(columns), next_partition, err);
}

/* ---- endings ---- */

static df_code next_ending(void *context, df_value *v, bool *more, df_error *err)
{
    cursor *c = context;
    if (!(*more = c->at < c->loader->endings.count)) return DF_OK;
    const load_ending *ending = &c->loader->endings.items[c->at++];
    const load_close *close = &c->loader->closes.items[ending->close];
    *v++ = df_v_int(ending->file_id);
    *v++ = df_v_int(close->version);
    *v++ = df_v_text(load_reason_name(close->reason));
    *v++ = delta_v_int(close->deletion_timestamp);
    *v++ = df_v_bool(close->data_change);
    return DF_OK;
}

df_code load_bulk_endings(delta_loader *loader, df_error *err)
{
    static const char *const columns[] = {"file_id", "removed_version", "reason", "deletion_timestamp",
                                          "removed_data_change"};
    return load(loader, "delta_ending", columns, COUNT(columns), next_ending, err);
}
