/* SPDX-License-Identifier: Apache-2.0 */
/* The loader's transactions. */
#include "delta/catalog/load_int.h"

#include "base/clock.h"
#include "catalog_loader.h"

#include <time.h>

/* ---- what comes before the first row ---- */

static df_code end_segment(delta_loader *loader, df_error *err)
{
    df_conn *conn = loader->catalog->conn;
    df_value params[] = {df_v_int(loader->gap), df_v_str(loader->table_id)};
    DF_TRY(df_exec(conn, SQL_history_from_gap, params, 2, NULL, err));
    DF_TRY(df_exec(conn, "DELETE FROM delta_files WHERE table_id = ?", &params[1], 1, NULL, err));
    return df_exec(conn, "DELETE FROM delta_tombstones WHERE table_id = ?", &params[1], 1, NULL, err);
}

static df_code prepare(delta_loader *loader, df_error *err)
{
    int64_t rows = 0;
    if (!df_in_transaction(loader->catalog->conn)) {
        loader->prepared = false;
        DF_TRY(delta_begin(loader->catalog, err));
    }
    if (loader->prepared || !loader->versions.count) return DF_OK;
    if (loader->restart) DF_TRY(delta_table_clear(loader->catalog, loader->table_id, &rows, err));
    if (loader->gap >= 0) DF_TRY(end_segment(loader, err));
    loader->prepared = true;
    return DF_OK;
}

/* ---- a piece ---- */

static df_code write_piece(delta_loader *loader, df_error *err)
{
    DF_TRY(load_resolve_partitions(loader, err));
    DF_TRY(load_resolve_keys(loader, err));
    DF_TRY(load_bulk_partitions(loader, err));
    DF_TRY(load_bulk_files(loader, err));
    DF_TRY(load_bulk_history(loader, err));
    return load_bulk_tombstones(loader, err);
}

/* Many partitions: what is not remembered is looked up again. */
static void remember_partitions(delta_loader *loader)
{
    enum { MOST = 500000 };
    if (loader->partition_ids.count > MOST) {
        df_keymap_release(&loader->partition_ids);
        loader->partitions_complete = false;
    }
    for (size_t i = 0; i < loader->partitions.count; i++) {
        const load_partition *partition = &loader->partitions.items[i];
        *df_keymap_put(&loader->partition_ids, partition->hash, NULL) = partition->id;
    }
}

static void add_change(load_change *to, const load_change *c)
{
    to->net.files += c->net.files;
    to->net.bytes += c->net.bytes;
    to->net.records += c->net.records;
    to->net.without_records += c->net.without_records;
    to->net.dv_files += c->net.dv_files;
    to->net.deleted_records += c->net.deleted_records;
    to->net.tombstones += c->net.tombstones;
    to->net.digest = df_hash_add(to->net.digest, c->net.digest);
    to->added_files += c->added_files;
    to->removed_files += c->removed_files;
    to->added_bytes += c->added_bytes;
    to->removed_bytes += c->removed_bytes;
}

df_code load_flush_piece(delta_loader *loader, df_error *err)
{
    DF_TRY(df_check_cancelled(loader->catalog->observer, err));
    DF_TRY(prepare(loader, err));
    loader->flushed_piece = true;
    DF_TRY(write_piece(loader, err));
    /* Where others can see it happen, a lost lock should end the work early. */
    if (df_conn_caps(loader->catalog->conn) & DF_CAP_SERVER)
        DF_TRY(delta_lock_beat(loader->catalog, loader->table_id, err));
    for (size_t i = 0; i < loader->versions.count; i++) {
        load_version *version = &loader->versions.items[i];
        add_change(&version->change, &version->found);
        version->found = (load_change){0};
    }
    remember_partitions(loader);
    load_piece_clear(loader);
    return DF_OK;
}

/* ---- a commit ---- */

static df_code write_table(delta_loader *loader, df_error *err)
{
    const load_version *last = &loader->versions.items[loader->versions.count - 1];
    df_str location = loader->location;
    df_value table[] = {
        df_v_str(location),
        df_v_int((int64_t)df_hash(location.ptr, location.len).low),
        df_v_str(loader->history),
        df_v_str(loader->flag),
        df_v_int(last->version),
        df_v_int(loader->first_version),
        df_v_int(loader->base_checkpoint),
        df_v_int(loader->next_file_id),
        df_v_int(loader->next_partition_id),
        df_v_text(loader->fingerprint),
        df_v_str(loader->table_id),
    };
    DF_TRY(delta_exec(loader->catalog, SQL_table_advance, table, 11, NULL, err));
    if (loader->metadata.count) {
        const delta_metadata *m = &loader->metadata.items[loader->metadata.count - 1].metadata;
        df_value named[] = {df_v_str(m->id), df_v_str(m->name), df_v_str(loader->table_id)};
        DF_TRY(delta_exec(loader->catalog, SQL_table_named, named, 3, NULL, err));
    }
    df_value status[] = {df_v_int(last->version), df_v_int(loader->files_before + loader->files),
                         df_v_str(loader->table_id)};
    return delta_exec(loader->catalog, SQL_status_advance, status, 3, NULL, err);
}

static df_code write_all(delta_loader *loader, const load_finish *finish, load_totals *totals, df_error *err)
{
    DF_TRY(prepare(loader, err));
    DF_TRY(write_piece(loader, err));
    DF_TRY(load_write_state(loader, totals, err));
    if (loader->versions.count) DF_TRY(write_table(loader, err));
    if (finish) {
        df_value done[] = {df_v_str(finish->warnings), df_v_double(finish->duration_s),
                           df_v_str(loader->table_id)};
        DF_TRY(delta_exec(loader->catalog, SQL_status_completed, done, 3, NULL, err));
    }
    DF_TRY(delta_lock_beat(loader->catalog, loader->table_id, err));
    return delta_commit(loader->catalog, err);
}

static void committed(delta_loader *loader, const load_totals *totals)
{
    if (loader->versions.count) {
        loader->visible_version = loader->version;
        loader->totals = *totals;
        loader->restart = false;
        loader->gap = -1;
    }
    loader->files_committed = loader->files;
    loader->flushed_piece = loader->prepared = false;
    loader->group_files = 0;
    remember_partitions(loader);
    load_piece_clear(loader);
    load_state_clear(loader);
}

df_code load_commit(delta_loader *loader, const load_finish *finish, df_error *err)
{
    enum { TIMES = 5 };
    load_totals totals = loader->totals;
    for (int time = 1;; time++) {
        df_code code = write_all(loader, finish, &totals, err);
        if (code == DF_OK) break;
        df_rollback(loader->catalog->conn);
        /* A deadlock, say: the whole group is still in memory, so it can simply be written again. */
        if (code != DF_RETRY || loader->flushed_piece || time == TIMES) return code;
        df_log(loader->catalog->observer, DF_LOG_INFO,
               "another session was in the way; writing the group again");
        nanosleep(&(struct timespec){0, time * 100 * 1000000L}, NULL);
    }
    committed(loader, &totals);
    return DF_OK;
}
