/* SPDX-License-Identifier: Apache-2.0 */
/* The open group: what adds and removes come to, key by key, before the database sees them. */
#include "delta/catalog/load_int.h"

static load_version *current(delta_loader *loader)
{
    return &loader->versions.items[loader->versions.count - 1];
}

/* ---- counting ---- */

static int64_t known_or_zero(int64_t value)
{
    return value == DELTA_ABSENT ? 0 : value;
}

static void count_net(load_totals *net, const delta_file *file, int sign)
{
    net->files += sign;
    net->bytes += sign * known_or_zero(file->size);
    net->records += sign * known_or_zero(file->num_records);
    net->without_records += sign * (file->num_records == DELTA_ABSENT);
    net->dv_files += sign * (file->dv_id.len != 0);
    net->deleted_records += sign * file->dv_cardinality;
    df_hash128 digest = delta_file_digest(file);
    net->digest = sign > 0 ? df_hash_add(net->digest, digest) : df_hash_sub(net->digest, digest);
}

void load_count_added(load_change *change, const delta_file *file, int sign)
{
    count_net(&change->net, file, sign);
    change->added_files += sign;
    change->added_bytes += sign * known_or_zero(file->size);
}

void load_count_removed(load_change *change, const delta_file *file)
{
    count_net(&change->net, file, -1);
    change->removed_files++;
    change->removed_bytes += known_or_zero(file->size);
}

/* ---- copies ---- */

/* Copies the texts into the piece's arena, in one allocation; partition values are kept once a partition. */
static df_code keep(delta_loader *loader, const delta_file *file, bool keep_partition, delta_file *out,
                    df_error *err)
{
    df_str *const texts[] = {&out->path,  &out->raw_path, &out->dv_id,           &out->partition_values,
                             &out->stats, &out->tags,     &out->deletion_vector, &out->clustering_provider,
                             NULL};
    size_t size = 0;
    *out = *file;
    if (df_str_eq(out->path, out->raw_path)) out->raw_path = DF_STR_NONE;
    if (!out->dv_id.ptr) out->dv_id = DF_STR("");
    if (!keep_partition) out->partition_values = DF_STR_NONE;
    for (size_t i = 0; texts[i]; i++) {
        *texts[i] = delta_clean(&loader->arena, *texts[i]);
        size += texts[i]->len;
    }
    char *to = df_arena_try(&loader->arena, size + 1);
    if (!to) return df_fail(err, DF_NO_MEMORY, "not enough memory for a file action of %zu bytes", size);
    for (size_t i = 0; texts[i]; i++) {
        if (!texts[i]->ptr) continue;
        memcpy(to, texts[i]->ptr, texts[i]->len);
        texts[i]->ptr = to;
        to += texts[i]->len;
    }
    return DF_OK;
}

static int32_t partition_of(delta_loader *loader, df_str values)
{
    bool added;
    if (loader->rows.count) { /* most often the same as before */
        int32_t last = loader->rows.items[loader->rows.count - 1].partition;
        if (df_str_eq(loader->partitions.items[last].values, values)) return last;
    }
    df_hash128 hash = df_hash(values.ptr, values.len);
    int64_t *index = df_keymap_put(&loader->partition_index, hash, &added);
    if (added) {
        *index = (int64_t)loader->partitions.count;
        LOAD_PUSH(loader->partitions) = (load_partition){
            .hash = hash, .values = df_arena_str(&loader->arena, delta_clean(&loader->arena, values))};
    }
    return (int32_t)*index;
}

/* ---- events ---- */

static load_key *find_key(delta_loader *loader, df_hash128 key, bool *first)
{
    int64_t *index = df_keymap_put(&loader->key_index, key, first);
    if (*first) {
        *index = (int64_t)loader->keys.count;
        LOAD_PUSH(loader->keys) = (load_key){-1, -1, -1, -1};
    }
    return &loader->keys.items[*index];
}

/* The first event of a key in this group: what the database may hold of it ends. */
static void close_known(delta_loader *loader, load_key *key, const delta_file *file, load_reason reason)
{
    bool maybe = delta_known_maybe(&loader->known, file->key.low);
    if (loader->known.complete) delta_known_add(&loader->known, file->key.low);
    if (!maybe) return;
    key->close = (int32_t)loader->closes.count;
    LOAD_PUSH(loader->closes) = (load_close){.key = file->key,
                                             .version = current(loader)->version,
                                             .deletion_timestamp = file->deletion_timestamp,
                                             .reason = reason,
                                             .data_change = file->data_change};
    if (reason == LOAD_REPLACED) loader->closes.items[key->close].deletion_timestamp = DELTA_ABSENT;
}

/* What an earlier event of this group made of the key ends at the open version. */
static void end_pending(delta_loader *loader, load_key *key, const delta_file *file, load_reason reason)
{
    load_version *version = current(loader);
    if (key->row >= 0) {
        load_row *row = &loader->rows.items[key->row];
        if (row->version == version->version) { /* within one version the last action wins */
            row->state = LOAD_DROPPED;
            load_count_added(&version->change, &row->file, -1);
        } else {
            row->state = LOAD_ENDED;
            row->removed_version = version->version;
            row->reason = reason;
            row->deletion_timestamp = reason == LOAD_REMOVED ? file->deletion_timestamp : DELTA_ABSENT;
            row->removed_data_change = file->data_change;
            load_count_removed(&version->change, &row->file);
            key->ended = key->row;
        }
        key->row = -1;
    }
    if (key->tombstone >= 0) {
        loader->tombstones.items[key->tombstone].dropped = true;
        version->change.net.tombstones--;
        key->tombstone = -1;
    }
}

/* A version that replaces a file and removes it, in whatever order, has removed the one before. */
static void note_remove(delta_loader *loader, const load_key *key, const delta_file *file)
{
    int64_t version = current(loader)->version;
    load_close *close = key->close >= 0 ? &loader->closes.items[key->close] : NULL;
    if (close && close->version == version && close->reason == LOAD_REPLACED) {
        close->reason = LOAD_REMOVED;
        close->deletion_timestamp = file->deletion_timestamp;
        close->data_change = file->data_change;
    }
    load_row *ended = key->ended >= 0 ? &loader->rows.items[key->ended] : NULL;
    if (ended && ended->removed_version == version && ended->reason == LOAD_REPLACED) {
        ended->reason = LOAD_REMOVED;
        ended->deletion_timestamp = file->deletion_timestamp;
        ended->removed_data_change = file->data_change;
    }
}

df_code load_take_add(delta_loader *loader, const delta_file *file, df_error *err)
{
    bool first;
    load_row row = {.file_id = loader->next_file_id, .version = current(loader)->version, .state = LOAD_LIVE};
    DF_TRY(keep(loader, file, false, &row.file, err));
    row.partition = partition_of(loader, file->partition_values.ptr ? file->partition_values : DF_STR("{}"));
    row.file.partition_values = loader->partitions.items[row.partition].values;
    load_key *key = find_key(loader, file->key, &first);
    if (first)
        close_known(loader, key, &row.file, LOAD_REPLACED);
    else
        end_pending(loader, key, &row.file, LOAD_REPLACED);
    key->row = (int32_t)loader->rows.count;
    load_count_added(&current(loader)->change, &row.file, 1);
    LOAD_PUSH(loader->rows) = row;
    loader->next_file_id++;
    return DF_OK;
}

df_code load_take_remove(delta_loader *loader, const delta_file *file, df_error *err)
{
    bool first;
    load_tombstone tombstone = {.file_id = loader->next_file_id, .version = current(loader)->version};
    DF_TRY(keep(loader, file, true, &tombstone.file, err));
    load_key *key = find_key(loader, file->key, &first);
    if (first) {
        close_known(loader, key, &tombstone.file, LOAD_REMOVED);
    } else {
        end_pending(loader, key, &tombstone.file, LOAD_REMOVED);
        note_remove(loader, key, &tombstone.file);
    }
    key->tombstone = (int32_t)loader->tombstones.count;
    current(loader)->change.net.tombstones++;
    LOAD_PUSH(loader->tombstones) = tombstone;
    loader->next_file_id++;
    return DF_OK;
}

void load_piece_clear(delta_loader *loader)
{
    loader->keys.count = loader->rows.count = loader->tombstones.count = loader->closes.count = 0;
    loader->endings.count = loader->old_tombstones.count = loader->partitions.count = 0;
    df_keymap_clear(&loader->key_index);
    df_keymap_clear(&loader->partition_index);
    df_arena_reset(&loader->arena);
}
