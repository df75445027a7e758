/* SPDX-License-Identifier: Apache-2.0 */
/* file_based_snapshot: what the log itself says is live, so that the comparison can be made in SQL. */
#include "base/error.h"
#include "delta/catalog/catalog_int.h"

#include <stdlib.h>

enum { BATCH = 20000, COLUMNS = 6 };

typedef struct entry {
    df_str path, dv_id;
    int64_t version, size, modification_time;
} entry;

struct delta_log_snapshot {
    delta_catalog *catalog;
    df_str table_id;
    df_arena arena;
    entry *entries;
    size_t count, given;
};

static df_value optional_int(int64_t value)
{
    return value == DELTA_ABSENT ? DF_V_NULL : df_v_int(value);
}

static df_code next_row(void *context, df_value *values, bool *more, df_error *err)
{
    delta_log_snapshot *s = context;
    *more = s->given < s->count;
    if (!*more) return DF_OK;
    const entry *e = &s->entries[s->given++];
    values[0] = df_v_str(s->table_id);
    values[1] = df_v_str(e->path);
    values[2] = df_v_str(e->dv_id);
    values[3] = optional_int(e->version);
    values[4] = optional_int(e->size);
    values[5] = optional_int(e->modification_time);
    return DF_OK;
}

static df_code flush(delta_log_snapshot *s, df_error *err)
{
    static const char *const columns[COLUMNS] = {"table_id", "path", "dv_id",
                                                 "version",  "size", "modification_time"};
    s->given = 0;
    df_row_source source = {s, next_row};
    if (s->count)
        DF_TRY(df_bulk_load(s->catalog->conn, "file_based_snapshot", columns, COLUMNS, &source, NULL, err));
    s->count = 0;
    df_arena_reset(&s->arena);
    return DF_OK;
}

df_code delta_log_snapshot_begin(delta_catalog *catalog, df_str table_id, delta_log_snapshot **out,
                                 df_error *err)
{
    DF_TRY(delta_begin(catalog, err));
    df_value id = df_v_str(table_id);
    df_code code =
        df_exec(catalog->conn, "DELETE FROM file_based_snapshot WHERE table_id = ?", &id, 1, NULL, err);
    if (code != DF_OK) {
        df_rollback(catalog->conn);
        return code;
    }
    delta_log_snapshot *s = df_zalloc(sizeof *s);
    s->catalog = catalog;
    s->table_id = table_id;
    s->entries = df_alloc(BATCH * sizeof *s->entries);
    *out = s;
    return DF_OK;
}

df_code delta_log_snapshot_add(delta_log_snapshot *s, const delta_file *file, df_error *err)
{
    s->entries[s->count++] = (entry){
        .path = df_arena_str(&s->arena, file->path),
        .dv_id = file->dv_id.ptr ? df_arena_str(&s->arena, file->dv_id) : DF_STR(""),
        .version = file->version,
        .size = file->size,
        .modification_time = file->modification_time,
    };
    return s->count < BATCH ? DF_OK : flush(s, err);
}

df_code delta_log_snapshot_end(delta_log_snapshot *s, df_code so_far, df_error *err)
{
    df_conn *conn = s->catalog->conn;
    if (so_far == DF_OK) so_far = flush(s, err);
    if (so_far == DF_OK) so_far = df_commit(conn, err);
    if (so_far != DF_OK) df_rollback(conn);
    df_arena_release(&s->arena);
    free(s->entries);
    free(s);
    return so_far;
}
