/* SPDX-License-Identifier: Apache-2.0 */
/* What the database already has of the group's keys and partitions. */
#include "delta/catalog/load_int.h"

#include "catalog_loader.h"

#include <stdlib.h>

/* ---- looking up numbers, many at a time ---- */

enum { LONG_LIST = 500 };

typedef struct lookup {
    delta_loader *loader;
    const char *sql; /* ends with "IN" */
    df_value lead[2];
    size_t n_lead;
    df_row_fn fn;
    /* the list being filled */
    df_value params[2 + LONG_LIST];
    size_t count;
} lookup;

/* Lists come in three lengths, filled up with the last number, so that an engine sees few different
 * statements. */
static size_t list_length(size_t count)
{
    return count <= 8 ? 8 : count <= 64 ? 64 : LONG_LIST;
}

static df_code run_lookup(lookup *l, df_error *err)
{
    if (!l->count) return DF_OK;
    size_t length = list_length(l->count);
    df_buf sql = {0};
    df_buf_text(&sql, l->sql);
    for (size_t i = 0; i < length; i++) df_buf_text(&sql, i ? ",?" : " (?");
    df_buf_char(&sql, ')');
    for (size_t i = 0; i < l->n_lead; i++) l->params[i] = l->lead[i];
    for (size_t i = l->count; i < length; i++) l->params[l->n_lead + i] = l->params[l->n_lead + l->count - 1];
    df_code code = df_query(l->loader->catalog->conn, df_buf_cstr(&sql), l->params, l->n_lead + length, l->fn,
                            l->loader, err);
    df_buf_release(&sql);
    l->count = 0;
    return code;
}

static df_code look_up(lookup *l, int64_t number, df_error *err)
{
    l->params[l->n_lead + l->count++] = df_v_int(number);
    return l->count < LONG_LIST ? DF_OK : run_lookup(l, err);
}

/* ---- partitions ---- */

static df_code take_partition(void *context, const df_row *row, df_error *err)
{
    delta_loader *loader = context;
    df_str values = row->values[2].type == DF_TEXT ? row->values[2].s : DF_STR("");
    int64_t *index = df_keymap_get(&loader->partition_index, df_hash(values.ptr, values.len));
    if (index) loader->partitions.items[*index].id = delta_int_of(&row->values[0], 0);
    return DF_OK;
}

static df_code look_for_partitions(delta_loader *loader, df_error *err)
{
    lookup l = {.loader = loader,
                .sql = SQL_partition_probe,
                .lead = {df_v_str(loader->table_id)},
                .n_lead = 1,
                .fn = take_partition};
    for (size_t i = 0; i < loader->partitions.count; i++) {
        const load_partition *partition = &loader->partitions.items[i];
        if (!partition->id) DF_TRY(look_up(&l, (int64_t)partition->hash.low, err));
    }
    return run_lookup(&l, err);
}

df_code load_resolve_partitions(delta_loader *loader, df_error *err)
{
    for (size_t i = 0; i < loader->partitions.count; i++) {
        load_partition *partition = &loader->partitions.items[i];
        const int64_t *known = df_keymap_get(&loader->partition_ids, partition->hash);
        if (!partition->id && known) partition->id = *known;
    }
    if (!loader->partitions_complete) DF_TRY(look_for_partitions(loader, err));
    for (size_t i = 0; i < loader->partitions.count; i++) {
        load_partition *partition = &loader->partitions.items[i];
        if (partition->id) continue;
        partition->id = loader->next_partition_id++;
        partition->is_new = true;
    }
    return DF_OK;
}

/* ---- the filter of known keys ---- */

static df_code take_known(void *context, const df_row *row, df_error *err)
{
    delta_loader *loader = context;
    int64_t hash = delta_int_of(&row->values[0], 0);
    delta_known_add(&loader->known, (uint64_t)hash);
    return DF_OK;
}

/* Few look-ups are cheaper than reading every hash that the table has; many are not. */
static df_code learn_known(delta_loader *loader, df_error *err)
{
    enum { FEW = 20000, MOST_KEYS = 64 << 20 };
    int64_t there = loader->totals.files + loader->totals.tombstones;
    loader->probed += (int64_t)loader->closes.count;
    if (loader->known.complete || there > MOST_KEYS) return DF_OK;
    if (loader->probed < FEW || loader->probed < there / 16) return DF_OK;
    df_value ids[] = {df_v_str(loader->table_id), df_v_str(loader->table_id)};
    DF_TRY(df_query(loader->catalog->conn, SQL_known_hashes, ids, 2, take_known, loader, err));
    for (size_t i = 0; i < loader->rows.count; i++)
        delta_known_add(&loader->known, loader->rows.items[i].file.key.low);
    for (size_t i = 0; i < loader->tombstones.count; i++)
        delta_known_add(&loader->known, loader->tombstones.items[i].file.key.low);
    loader->known.complete = true;
    return DF_OK;
}

/* ---- keys ---- */

static df_str text_or_empty(const df_value *value)
{
    return value->type == DF_TEXT && value->s.ptr ? value->s : DF_STR("");
}

/* The close that a row of the database belongs to; -1 when only its 64-bit hash is the same. */
static int32_t close_of(const delta_loader *loader, df_hash128 key)
{
    const int64_t *index = df_keymap_get(&loader->key_index, key);
    return index ? loader->keys.items[*index].close : -1;
}

static load_change *found_by(delta_loader *loader, int32_t close)
{
    int64_t version = loader->closes.items[close].version;
    return &loader->versions.items[version - loader->versions.items[0].version].found;
}

static df_code take_live(void *context, const df_row *row, df_error *err)
{
    delta_loader *loader = context;
    const df_value *v = row->values;
    delta_file file = {
        .path = text_or_empty(&v[1]),
        .dv_id = text_or_empty(&v[2]),
        .size = delta_int_of(&v[5], DELTA_ABSENT),
        .modification_time = delta_int_of(&v[6], DELTA_ABSENT),
        .partition_values = v[7].type == DF_TEXT ? text_or_empty(&v[7]) : DF_STR_NONE,
        .num_records = delta_int_of(&v[8], DELTA_ABSENT),
        .dv_cardinality = delta_int_of(&v[9], 0),
    };
    file.key = delta_file_key(file.path, file.dv_id);
    int32_t close = close_of(loader, file.key);
    if (close < 0) return DF_OK;
    /* A row of the same version was flushed in an earlier piece of it, and never was visible. */
    bool same_version = delta_int_of(&v[4], 0) == loader->closes.items[close].version;
    if (same_version)
        load_count_added(found_by(loader, close), &file, -1);
    else
        load_count_removed(found_by(loader, close), &file);
    LOAD_PUSH(loader->endings) = (load_ending){delta_int_of(&v[0], 0), close, same_version};
    return DF_OK;
}

static df_code take_old_tombstone(void *context, const df_row *row, df_error *err)
{
    delta_loader *loader = context;
    df_hash128 key = delta_file_key(text_or_empty(&row->values[1]), text_or_empty(&row->values[2]));
    int32_t close = close_of(loader, key);
    if (close < 0) return DF_OK;
    found_by(loader, close)->net.tombstones--;
    LOAD_PUSH(loader->old_tombstones) = delta_int_of(&row->values[0], 0);
    return DF_OK;
}

static df_code look_for_keys(delta_loader *loader, const char *sql, df_row_fn fn, df_error *err)
{
    lookup l = {.loader = loader, .sql = sql, .lead = {df_v_str(loader->table_id)}, .n_lead = 1, .fn = fn};
    for (size_t i = 0; i < loader->closes.count; i++)
        DF_TRY(look_up(&l, (int64_t)loader->closes.items[i].key.low, err));
    return run_lookup(&l, err);
}

static int by_file_id(const void *a, const void *b)
{
    int64_t x = ((const load_ending *)a)->file_id, y = ((const load_ending *)b)->file_id;
    return (x > y) - (x < y);
}

static df_code move_endings(delta_loader *loader, df_error *err)
{
    const delta_dialect *dialect = delta_impl(loader->catalog)->dialect;
    delta_catalog *catalog = loader->catalog;
    df_value id = df_v_str(loader->table_id);
    if (!loader->endings.count) return DF_OK;
    qsort(loader->endings.items, loader->endings.count, sizeof *loader->endings.items, by_file_id);
    DF_TRY(df_exec(catalog->conn, "DELETE FROM delta_ending", NULL, 0, NULL, err));
    DF_TRY(load_bulk_endings(loader, err));
    if (dialect->plan_ending) DF_TRY(df_exec(catalog->conn, dialect->plan_ending, NULL, 0, NULL, err));
    DF_TRY(delta_exec(catalog, SQL_history_from_ending, &id, 1, NULL, err));
    return df_exec(catalog->conn, dialect->delete_ending, &id, 1, NULL, err);
}

static df_code take_away_tombstones(delta_loader *loader, df_error *err)
{
    lookup l = {.loader = loader,
                .sql = "DELETE FROM delta_tombstones WHERE table_id = ? AND file_id IN",
                .lead = {df_v_str(loader->table_id)},
                .n_lead = 1};
    for (size_t i = 0; i < loader->old_tombstones.count; i++)
        DF_TRY(look_up(&l, loader->old_tombstones.items[i], err));
    return run_lookup(&l, err);
}

/* ---- a version that came in pieces ---- */

/*
 * An earlier piece of a version replaced a file, and now the version removes it too: as in note_remove, the
 * file before it was removed. Logs that do this break the protocol, so it may cost a statement a file.
 */
static df_code correct_reason(delta_loader *loader, const load_close *close, df_error *err)
{
    df_value params[] = {delta_v_int(close->deletion_timestamp), df_v_bool(close->data_change),
                         df_v_str(loader->table_id), df_v_int(close->version),
                         df_v_int((int64_t)close->key.low)};
    return df_exec(loader->catalog->conn, SQL_history_was_removed, params, 5, NULL, err);
}

static df_code correct_reasons(delta_loader *loader, df_error *err)
{
    for (size_t i = 0; i < loader->endings.count; i++) {
        const load_ending *ending = &loader->endings.items[i];
        const load_close *close = &loader->closes.items[ending->close];
        if (ending->same_version && close->reason == LOAD_REMOVED) DF_TRY(correct_reason(loader, close, err));
    }
    return DF_OK;
}

df_code load_resolve_keys(delta_loader *loader, df_error *err)
{
    loader->endings.count = loader->old_tombstones.count = 0;
    for (size_t i = 0; i < loader->versions.count; i++) loader->versions.items[i].found = (load_change){0};
    if (!loader->closes.count) return DF_OK;
    DF_TRY(learn_known(loader, err));
    DF_TRY(look_for_keys(loader, SQL_live_probe, take_live, err));
    DF_TRY(look_for_keys(loader, SQL_tombstone_probe, take_old_tombstone, err));
    DF_TRY(correct_reasons(loader, err));
    DF_TRY(move_endings(loader, err));
    return take_away_tombstones(loader, err);
}
