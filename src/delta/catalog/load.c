/* SPDX-License-Identifier: Apache-2.0 */
/* The loader's face: opening it at the last visible version, and the sequence begin, take, end. */
#include "delta/catalog/load_int.h"

#include "base/clock.h"
#include "catalog_loader.h"

#include <stdlib.h>

enum {
    LEAST_PIECE = 20000, /* rows a bulk load, if there are as many */
    MOST_PIECE = 50000,  /* rows in memory */
    PIECE_BYTES = 32 << 20,
    STATE_BYTES = 32 << 20, /* texts of versions and metadata before a commit is due */
    DEFAULT_BATCH = 10000,
};

/* ---- what is there ---- */

typedef struct table_row {
    bool found;
    int64_t version, first_version, base_checkpoint, next_file_id, next_partition_id;
} table_row;

static df_code take_counters(void *context, const df_row *row, df_error *err)
{
    table_row *table = context;
    *table = (table_row){
        .found = true,
        .version = delta_int_of(&row->values[0], -1),
        .first_version = delta_int_of(&row->values[1], -1),
        .base_checkpoint = delta_int_of(&row->values[2], -1),
        .next_file_id = delta_int_of(&row->values[3], 1),
        .next_partition_id = delta_int_of(&row->values[4], 1),
    };
    return DF_OK;
}

typedef struct totals_row {
    delta_loader *loader;
    bool found;
} totals_row;

static df_code take_totals(void *context, const df_row *row, df_error *err)
{
    totals_row *answer = context;
    load_totals *t = &answer->loader->totals;
    const df_value *v = row->values;
    answer->loader->segment_base = delta_int_of(&v[0], 0);
    t->files = delta_int_of(&v[1], 0);
    t->bytes = delta_int_of(&v[2], 0);
    t->records = delta_int_of(&v[3], 0);
    t->without_records = delta_int_of(&v[4], 0);
    t->dv_files = delta_int_of(&v[5], 0);
    t->deleted_records = delta_int_of(&v[6], 0);
    t->tombstones = delta_int_of(&v[7], 0);
    answer->found = v[8].type == DF_TEXT && df_hash_from_hex(v[8].s, &t->digest);
    return DF_OK;
}

typedef struct live_sum {
    int64_t files, bytes;
} live_sum;

static df_code take_sum(void *context, const df_row *row, df_error *err)
{
    live_sum *sum = context;
    sum->files = delta_int_of(&row->values[0], 0);
    sum->bytes = delta_int_of(&row->values[1], 0);
    return DF_OK;
}

/*
 * Whether delta_files still is what delta_versions says of the newest version. People delete and insert by
 * hand, as the runbook tells them to. The count is read from an index; the bytes only when something speaks
 * for doubt.
 */
static df_code agrees(delta_loader *loader, bool doubt, bool *yes, df_error *err)
{
    df_value id = df_v_str(loader->table_id);
    live_sum sum = {0, loader->totals.bytes};
    if (doubt)
        DF_TRY(df_query(loader->catalog->conn, SQL_live_sum, &id, 1, take_sum, &sum, err));
    else
        DF_TRY(delta_ask_int(loader->catalog, SQL_live_count, &id, 1, 0, &sum.files, err));
    *yes = sum.files == loader->totals.files && sum.bytes == loader->totals.bytes;
    return DF_OK;
}

/* Goes on behind the newest visible version, unless what is there is not to be trusted. */
static df_code resume_at(delta_loader *loader, const table_row *table, bool has_status, df_error *err)
{
    delta_catalog *catalog = loader->catalog;
    df_value at[] = {df_v_str(loader->table_id), df_v_int(table->version)};
    totals_row totals = {.loader = loader};
    int64_t by_hand, adopted;
    bool yes = false;
    DF_TRY(df_query(catalog->conn, SQL_version_totals, at, 2, take_totals, &totals, err));
    DF_TRY(delta_ask_int(catalog, "SELECT COUNT(*) FROM delta_files WHERE table_id = ? AND file_id < 0", at,
                         1, 0, &by_hand, err));
    if (totals.found) DF_TRY(agrees(loader, !has_status || by_hand > 0, &yes, err));
    if (!yes) {
        df_log(
            catalog->observer, DF_LOG_WARNING,
            "the rows of table %.*s were changed by hand and no longer are version %lld; it is imported anew",
            DF_FMT(loader->table_id), (long long)table->version);
        loader->totals = (load_totals){0};
        return DF_OK;
    }
    loader->next_partition_id = table->next_partition_id;
    if (by_hand)
        DF_TRY(load_adopt(catalog, loader->table_id, &loader->next_file_id, &loader->next_partition_id,
                          &adopted, err));
    loader->restart = false;
    loader->version = table->version;
    loader->first_version = table->first_version;
    loader->base_checkpoint = table->base_checkpoint;
    loader->known.complete = loader->totals.files + loader->totals.tombstones == 0;
    loader->partitions_complete = loader->next_partition_id == 1;
    return DF_OK;
}

/* ---- opening ---- */

static df_code write_running(delta_loader *loader, bool has_table, bool has_status, df_error *err)
{
    char owner[300], host[256];
    int64_t pid;
    df_value id = df_v_str(loader->table_id), location = df_v_str(loader->location);
    delta_owner(owner, host, &pid);
    if (!has_table) {
        df_value row[] = {id, location,
                          df_v_int((int64_t)df_hash(loader->location.ptr, loader->location.len).low),
                          df_v_str(loader->history), df_v_str(loader->flag)};
        DF_TRY(delta_exec(loader->catalog, SQL_table_insert, row, 5, NULL, err));
    }
    if (!has_status) {
        df_value row[] = {id, location};
        DF_TRY(delta_exec(loader->catalog, SQL_status_pending, row, 2, NULL, err));
    }
    df_value row[] = {delta_v_version(loader->visible_version),
                      df_v_int(loader->files_before),
                      delta_v_version(loader->files_total),
                      location,
                      df_v_text(owner),
                      id};
    return delta_exec(loader->catalog, SQL_status_running, row, 6, NULL, err);
}

typedef struct opening {
    delta_loader *loader;
    bool restart;
} opening;

static df_code open_table(void *context, df_error *err)
{
    delta_loader *loader = ((opening *)context)->loader;
    bool restart = ((opening *)context)->restart;
    delta_catalog *catalog = loader->catalog;
    df_value id = df_v_str(loader->table_id);
    table_row table = {.version = -1};
    int64_t processed;
    loader->restart = true; /* until something is found that can be gone on with */
    DF_TRY(delta_lock_beat(catalog, loader->table_id, err));
    DF_TRY(df_query(catalog->conn, SQL_table_counters, &id, 1, take_counters, &table, err));
    DF_TRY(delta_ask_int(catalog, "SELECT files_processed FROM migration_status WHERE table_id = ?", &id, 1,
                         -1, &processed, err));
    loader->visible_version = table.version;
    /* Ids are never given twice, not even by a restart: a reader may still be writing about the old ones. */
    loader->next_file_id = table.found ? table.next_file_id : 1;
    if (table.version >= 0 && !restart) DF_TRY(resume_at(loader, &table, processed >= 0, err));
    if (!loader->restart && processed > 0) loader->files_before = processed;
    return write_running(loader, table.found, processed >= 0, err);
}

static void set_options(delta_loader *loader, const delta_load_options *options)
{
    loader->table_id = df_arena_str(&loader->names, options->table_id);
    loader->location = df_arena_str(&loader->names, options->location);
    loader->history = df_arena_str(&loader->names, options->history.ptr ? options->history : DF_STR("full"));
    loader->flag = df_arena_str(&loader->names, options->flag);
    df_hash_hex(options->fingerprint, loader->fingerprint);
    loader->batch_size = options->batch_size > 0 ? options->batch_size : DEFAULT_BATCH;
    loader->piece_size = loader->batch_size < LEAST_PIECE  ? LEAST_PIECE
                         : loader->batch_size > MOST_PIECE ? MOST_PIECE
                                                           : loader->batch_size;
    loader->files_total = options->files_total;
    loader->version = loader->first_version = loader->base_checkpoint = loader->gap = -1;
    loader->next_file_id = loader->next_partition_id = 1;
    loader->known.complete = loader->partitions_complete = true;
    loader->started = df_monotonic_s();
    loader->hold_s = 1;
}

df_code delta_loader_open(delta_catalog *catalog, const delta_load_options *options, delta_loader **out,
                          df_error *err)
{
    const delta_dialect *dialect = delta_impl(catalog)->dialect;
    if (!delta_lock_token(catalog, options->table_id))
        return df_fail(err, DF_BUG, "a loader needs the lock of table %.*s", DF_FMT(options->table_id));
    DF_TRY(df_exec(catalog->conn, dialect->make_ending, NULL, 0, NULL, err));
    delta_loader *loader = df_zalloc(sizeof *loader);
    loader->catalog = catalog;
    set_options(loader, options);
    opening work = {loader, options->restart};
    df_code code = delta_transaction(catalog, open_table, &work, err);
    if (code != DF_OK) {
        delta_loader_close(loader);
        return code;
    }
    *out = loader;
    return DF_OK;
}

void delta_loader_close(delta_loader *loader)
{
    if (!loader) return;
    df_rollback(loader->catalog->conn);
    free(loader->keys.items);
    free(loader->rows.items);
    free(loader->tombstones.items);
    free(loader->closes.items);
    free(loader->endings.items);
    free(loader->old_tombstones.items);
    free(loader->partitions.items);
    free(loader->versions.items);
    free(loader->metadata.items);
    free(loader->protocols.items);
    free(loader->txns.items);
    free(loader->domains.items);
    df_keymap_release(&loader->key_index);
    df_keymap_release(&loader->partition_index);
    df_keymap_release(&loader->partition_ids);
    df_keymap_release(&loader->seen);
    delta_known_clear(&loader->known);
    df_arena_release(&loader->arena);
    df_arena_release(&loader->state);
    df_arena_release(&loader->names);
    free(loader);
}

int64_t delta_loader_version(const delta_loader *loader)
{
    return loader->version;
}

int64_t delta_loader_files(const delta_loader *loader)
{
    return loader->files_committed;
}

/* ---- versions ---- */

/* Everything live ends: the log cannot tell what happened to it between its last version and this checkpoint.
 */
static void begin_gap(delta_loader *loader, load_version *version)
{
    load_totals *before = &loader->totals;
    loader->gap = version->version;
    version->change.removed_files = before->files;
    version->change.removed_bytes = before->bytes;
    version->change.net = (load_totals){
        .files = -before->files,
        .bytes = -before->bytes,
        .records = -before->records,
        .without_records = -before->without_records,
        .dv_files = -before->dv_files,
        .deleted_records = -before->deleted_records,
        .tombstones = -before->tombstones,
        .digest = df_hash_sub((df_hash128){0, 0}, before->digest),
    };
    delta_known_clear(&loader->known);
    loader->known.complete = true;
}

df_code delta_loader_begin_version(delta_loader *loader, int64_t version, bool from_checkpoint, df_error *err)
{
    bool first = loader->version < 0;
    if (loader->in_version || version < 0 || version <= loader->version ||
        (!first && !from_checkpoint && version != loader->version + 1))
        return df_fail(err, DF_BUG, "version %lld cannot follow version %lld in the catalog",
                       (long long)version, (long long)loader->version);
    /* A gap ends what is committed, so nothing may be open before it. */
    if (from_checkpoint && loader->versions.count) DF_TRY(load_commit(loader, NULL, err));
    if (from_checkpoint || first) loader->segment_base = version;
    if (from_checkpoint)
        loader->base_checkpoint = version;
    else if (first)
        loader->base_checkpoint = -1;
    if (first) loader->first_version = version;
    if (!loader->versions.count) loader->group_started = df_monotonic_s();
    LOAD_PUSH(loader->versions) = (load_version){.version = version, .segment_base = loader->segment_base};
    if (from_checkpoint && !first) begin_gap(loader, &loader->versions.items[0]);
    loader->in_version = true;
    df_keymap_clear(&loader->seen);
    return DF_OK;
}

df_code delta_loader_take(delta_loader *loader, const delta_action *action, df_error *err)
{
    if (!loader->in_version) return df_fail(err, DF_BUG, "an action outside of a version");
    if (action->kind != DELTA_ADD && action->kind != DELTA_REMOVE)
        return load_take_state(loader, action, err);
    if (loader->rows.count + loader->tombstones.count >= (size_t)loader->piece_size ||
        loader->arena.used >= PIECE_BYTES)
        DF_TRY(load_flush_piece(loader, err));
    loader->files++;
    loader->group_files++;
    return action->kind == DELTA_ADD ? load_take_add(loader, &action->file, err)
                                     : load_take_remove(loader, &action->file, err);
}

static bool commit_is_due(const delta_loader *loader)
{
    if (loader->state.used >= STATE_BYTES) return true;
    if (loader->group_files < loader->batch_size) return false;
    return df_monotonic_s() - loader->group_started >= loader->hold_s;
}

df_code delta_loader_end_version(delta_loader *loader, const delta_version_info *info, df_error *err)
{
    load_version *version = &loader->versions.items[loader->versions.count - 1];
    if (!loader->in_version || info->version != version->version)
        return df_fail(err, DF_BUG, "version %lld ends that was not begun", (long long)info->version);
    version->info = *info;
    version->info.operation = df_arena_str(&loader->state, delta_clean(&loader->state, info->operation));
    version->info.commit_info = df_arena_str(&loader->state, delta_clean(&loader->state, info->commit_info));
    loader->in_version = false;
    loader->version = info->version;
    if (!commit_is_due(loader)) return DF_OK;
    DF_TRY(df_check_cancelled(loader->catalog->observer, err));
    return load_commit(loader, NULL, err);
}

df_code delta_loader_finish(delta_loader *loader, df_str warnings, df_error *err)
{
    if (loader->in_version) return df_fail(err, DF_BUG, "the loader was finished inside of a version");
    load_finish finish = {warnings, df_monotonic_s() - loader->started};
    return load_commit(loader, &finish, err);
}
