/* SPDX-License-Identifier: Apache-2.0 */
/* Tombstones that a checkpoint no longer lists have expired: their files may be gone. */
#include "delta/catalog/load_int.h"

#include <stdlib.h>

typedef struct expired {
    const df_keymap *kept;
    int64_t *ids;
    size_t count, cap;
} expired;

static df_code take_tombstone(void *context, const df_row *row, df_error *err)
{
    expired *e = context;
    df_hash128 key = {.low = (uint64_t)row->values[1].i};
    if (!df_keymap_get(e->kept, key)) DF_PUSH(e->ids, e->count, e->cap) = row->values[0].i;
    return DF_OK;
}

static df_code delete_expired(delta_loader *loader, const expired *e, df_error *err)
{
    for (size_t i = 0; i < e->count; i++) {
        df_value row[] = {df_v_str(loader->table_id), df_v_int(e->ids[i])};
        DF_TRY(df_exec(loader->catalog->conn,
                       "DELETE FROM delta_tombstones WHERE table_id = ? AND file_id = ?", row, 2, NULL, err));
    }
    return DF_OK;
}

df_code delta_loader_expire_tombstones(delta_loader *loader, const df_keymap *kept, df_error *err)
{
    if (!loader->in_version) return df_fail(err, DF_BUG, "tombstones expire only with a version");
    /* What is in memory counts as well: first it goes where the rest is, into the open transaction. */
    DF_TRY(load_flush_piece(loader, err));
    expired e = {.kept = kept};
    df_value id = df_v_str(loader->table_id);
    df_code code =
        df_query(loader->catalog->conn, "SELECT file_id, path_hash FROM delta_tombstones WHERE table_id = ?",
                 &id, 1, take_tombstone, &e, err);
    if (code == DF_OK) code = delete_expired(loader, &e, err);
    if (code == DF_OK)
        loader->versions.items[loader->versions.count - 1].change.net.tombstones -= (int64_t)e.count;
    free(e.ids);
    return code;
}
