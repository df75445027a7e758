/* SPDX-License-Identifier: Apache-2.0 */
/* Backups and their restorations, and the schema as it was at the last success. */
#include "ledger/ledger_int.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- backups ---- */

static df_str object_or_empty(df_str json)
{
    return json.ptr ? json : DF_STR("{}");
}

df_code df_backup_record_add(df_ledger *ledger, const df_backup_record *r, df_error *err)
{
    DF_TRY(ledger_need(ledger, err));
    df_value values[] = {df_v_str(r->id),
                         df_v_str(r->filename),
                         df_v_str(r->path),
                         df_v_int(r->size),
                         df_v_str(r->checksum),
                         ledger_time(r->created_ms),
                         r->created_by.ptr ? ledger_name(r->created_by)
                                           : ledger_name(df_str_from(ledger->actor)),
                         df_v_str(r->type),
                         df_v_bool(r->compressed),
                         df_v_bool(r->encrypted),
                         r->retention_days ? df_v_int(r->retention_days) : DF_V_NULL,
                         df_v_str(object_or_empty(r->metadata)),
                         ledger_time(r->verified_ms)};
    ledger_batch batch = {.ledger = ledger, .unfenced = true};
    ledger_add(&batch, LEDGER_backup_write, values, sizeof values / sizeof *values);
    return ledger_run(&batch, "recording the backup", err);
}

typedef struct backup_list {
    df_arena *arena;
    df_backup_record *items;
    size_t count, cap;
} backup_list;

static df_code take_backup(void *context, const df_row *row, df_error *err)
{
    (void)err;
    backup_list *list = context;
    const df_value *v = row->values;
    DF_PUSH(list->items, list->count, list->cap) = (df_backup_record){
        .id = ledger_text_of(&v[0], list->arena),
        .filename = ledger_text_of(&v[1], list->arena),
        .path = ledger_text_of(&v[2], list->arena),
        .size = ledger_int_of(&v[3], 0),
        .checksum = ledger_text_of(&v[4], list->arena),
        .created_ms = ledger_int_of(&v[5], 0),
        .created_by = ledger_text_of(&v[6], list->arena),
        .type = ledger_text_of(&v[7], list->arena),
        .compressed = ledger_int_of(&v[8], 0) != 0,
        .encrypted = ledger_int_of(&v[9], 0) != 0,
        .retention_days = ledger_int_of(&v[10], 0),
        .metadata = ledger_text_of(&v[11], list->arena),
        .verified_ms = ledger_int_of(&v[12], 0),
    };
    return DF_OK;
}

df_code df_backup_record_list(df_ledger *ledger, df_arena *arena, df_backup_record **out, size_t *count,
                              df_error *err)
{
    backup_list list = {.arena = arena};
    *out = NULL;
    *count = 0;
    if (!df_ledger_exists(ledger)) return DF_OK;
    df_code code = ledger_query(ledger, LEDGER_backup_list, NULL, 0, take_backup, &list, err);
    if (code == DF_OK && list.count) {
        *out = df_arena_alloc(arena, list.count * sizeof **out);
        memcpy(*out, list.items, list.count * sizeof **out);
        *count = list.count;
    }
    free(list.items);
    return code == DF_OK ? DF_OK : df_error_prefix(err, "reading the backup history");
}

/* One statement that must meet the backup. */
static df_code change_backup(df_ledger *ledger, ledger_sql which, const df_value *values, size_t count,
                             df_str id, df_error *err)
{
    int64_t affected = 0;
    DF_TRY(ledger_need(ledger, err));
    DF_TRY(ledger_exec(ledger, which, values, count, &affected, err));
    if (affected) return DF_OK;
    df_fail(err, DF_NOT_FOUND, "there is no backup %.*s in the history", DF_FMT(id));
    df_error_hint(err, "see which there are: dataflow backup list");
    return DF_NOT_FOUND;
}

df_code df_backup_record_update(df_ledger *ledger, const df_backup_record *r, df_error *err)
{
    df_value values[] = {df_v_str(object_or_empty(r->metadata)),
                         ledger_time(r->verified_ms),
                         df_v_str(r->filename),
                         df_v_str(r->path),
                         df_v_int(r->size),
                         df_v_str(r->checksum),
                         df_v_str(r->id)};
    return change_backup(ledger, LEDGER_backup_update, values, sizeof values / sizeof *values, r->id, err);
}

df_code df_backup_record_remove(df_ledger *ledger, df_str id, df_error *err)
{
    df_value value = df_v_str(id);
    return change_backup(ledger, LEDGER_backup_remove, &value, 1, id, err);
}

df_code df_backup_restored(df_ledger *ledger, df_str backup_id, bool success, int64_t duration_ms,
                           const char *error, df_error *err)
{
    ledger_batch batch = {.ledger = ledger, .unfenced = true};
    DF_TRY(ledger_need(ledger, err));
    df_value values[] = {df_v_str(backup_id), ledger_name(df_str_from(ledger->actor)), df_v_int(duration_ms),
                         df_v_bool(success), df_v_text(error)};
    ledger_add(&batch, LEDGER_restored_write, values, 5);
    return ledger_run(&batch, "recording the restoration", err);
}

/* ---- the schema ---- */

df_code df_schema_keep(df_ledger *ledger, const char *run_id, const char *digest, int64_t objects,
                       df_str content, df_error *err)
{
    int64_t second;
    ledger_batch batch = {.ledger = ledger};
    DF_TRY(ledger_need(ledger, err));
    DF_TRY(ledger_ask(ledger, LEDGER_schema_newest_id, NULL, 0, 0, &second, err));
    df_value values[] = {df_v_text(run_id), df_v_text(digest), df_v_int(objects), df_v_str(content)};
    df_value older = df_v_int(second);
    ledger_add(&batch, LEDGER_schema_keep, values, 4);
    ledger_add(&batch, LEDGER_schema_prune, &older, 1);
    return ledger_run(&batch, "recording the schema", err);
}

typedef struct kept {
    df_arena *arena;
    char *digest;
    int64_t *taken_ms;
    df_str *content;
    bool found;
} kept;

static df_code take_kept(void *context, const df_row *row, df_error *err)
{
    kept *k = context;
    if (row->values[0].s.len != 64)
        return df_fail(err, DF_CORRUPT, "the recorded schema's digest is damaged");
    memcpy(k->digest, row->values[0].s.ptr, 64);
    k->digest[64] = '\0';
    *k->taken_ms = ledger_int_of(&row->values[1], 0);
    df_str text = row->values[2].s;
    char *copy = df_arena_try(k->arena, text.len + 1);
    if (!copy) return df_fail(err, DF_NO_MEMORY, "not enough memory for the recorded schema");
    if (text.len) memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *k->content = (df_str){copy, text.len};
    k->found = true;
    return DF_OK;
}

df_code df_schema_kept(df_ledger *ledger, df_arena *arena, char digest[65], int64_t *taken_ms,
                       df_str *content, df_error *err)
{
    kept k = {.arena = arena, .digest = digest, .taken_ms = taken_ms, .content = content};
    if (df_ledger_exists(ledger))
        DF_TRY(ledger_query(ledger, LEDGER_schema_newest, NULL, 0, take_kept, &k, err));
    if (k.found) return DF_OK;
    df_fail(err, DF_NOT_FOUND, "no schema was recorded yet");
    df_error_hint(err, "each successful dataflow up records one");
    return DF_NOT_FOUND;
}
