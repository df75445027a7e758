/* SPDX-License-Identifier: Apache-2.0 */
/* migration_status: how far each table's import is. */
#include "delta/catalog/catalog_int.h"

#include "catalog_loader.h"

typedef struct status_list {
    df_arena *arena;
    delta_status *items;
    size_t count, cap;
} status_list;

static df_code take_status(void *context, const df_row *row, df_error *err)
{
    status_list *list = context;
    df_arena *arena = list->arena;
    const df_value *v = row->values;
    delta_status status = {
        .table_id = delta_text_of(&v[0], arena),
        .status = delta_text_of(&v[1], arena),
        .version = delta_int_of(&v[2], -1),
        .files_processed = delta_int_of(&v[3], 0),
        .files_total = delta_int_of(&v[4], -1),
        .started_at = delta_time_of(&v[5], arena),
        .completed_at = delta_time_of(&v[6], arena),
        .updated_at = delta_time_of(&v[7], arena),
        .error_message = delta_text_of(&v[8], arena),
        .location = delta_text_of(&v[9], arena),
        .owner = delta_text_of(&v[10], arena),
        .warnings = delta_text_of(&v[11], arena),
    };
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 8;
        delta_status *items = df_arena_alloc(arena, cap * sizeof *items);
        if (list->count) memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = status;
    return DF_OK;
}

/* A run that was killed could not write that it failed; its lock tells. */
static df_code look_for_holder(delta_catalog *catalog, delta_status *status, df_arena *arena, df_error *err)
{
    char name[64];
    bool held;
    if (!df_str_is(status->status, "running")) return DF_OK;
    delta_lock_name(catalog, status->table_id, name);
    DF_TRY(df_lock_held(catalog->conn, name, &held, err));
    if (held) return DF_OK;
    status->abandoned = true;
    status->status = DF_STR("failed");
    const char *until = status->version >= 0
                            ? df_arena_printf(arena, "after version %lld", (long long)status->version)
                            : "before the first version was complete";
    status->error_message = df_str_from(df_arena_printf(
        arena, "the run of %.*s ended without a word %s; continue with: deltalakedb import '%.*s' --resume",
        DF_FMT(status->owner), until, DF_FMT(status->location)));
    return DF_OK;
}

df_code delta_status_list(delta_catalog *catalog, df_str table_id, df_arena *arena, delta_status **out,
                          size_t *count, df_error *err)
{
    status_list list = {.arena = arena};
    df_value id = df_v_str(table_id);
    df_buf sql = {0};
    df_buf_text(&sql, SQL_status);
    df_buf_text(&sql, table_id.ptr ? "WHERE table_id = ?" : "ORDER BY table_id");
    df_code code = delta_ask(catalog, df_buf_cstr(&sql), &id, table_id.ptr != NULL, take_status, &list, err);
    df_buf_release(&sql);
    for (size_t i = 0; code == DF_OK && i < list.count; i++)
        code = look_for_holder(catalog, &list.items[i], arena, err);
    *out = list.items;
    *count = list.count;
    return code;
}

typedef struct status_change {
    delta_catalog *catalog;
    df_str table_id, location;
    const char *status, *message;
} status_change;

static df_code write_status(void *context, df_error *err)
{
    const status_change *c = context;
    char owner[300], host[256];
    int64_t pid, there;
    df_value id = df_v_str(c->table_id), status = df_v_text(c->status), message = df_v_text(c->message);
    bool pending = strcmp(c->status, "pending") == 0;
    delta_owner(owner, host, &pid);
    DF_TRY(delta_ask_int(c->catalog, "SELECT COUNT(*) FROM migration_status WHERE table_id = ?", &id, 1, 0,
                         &there, err));
    /* What a table already has says more than that its turn will come. */
    if (there && pending) return DF_OK;
    if (there) {
        df_value row[] = {status, message, id};
        return delta_exec(c->catalog, SQL_status_failed, row, 3, NULL, err);
    }
    if (pending) {
        df_value row[] = {id, df_v_str(c->location)};
        return delta_exec(c->catalog, SQL_status_pending, row, 2, NULL, err);
    }
    df_value row[] = {id, status, message, df_v_str(c->location), df_v_text(owner)};
    return delta_exec(c->catalog, SQL_status_insert, row, 5, NULL, err);
}

df_code delta_status_set(delta_catalog *catalog, df_str table_id, df_str location, const char *status,
                         const char *error_message, df_error *err)
{
    status_change change = {catalog, table_id, location, status, error_message};
    df_rollback(catalog->conn);
    return delta_transaction(catalog, write_status, &change, err);
}
