/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What survives a restore. The tables come back as they were when the backup was made; but the backups made
 * since are still there, a restore that happened stays a fact, and a number of the lock that was given once
 * must not be given again.
 */
#include "ledger/ledger_int.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- taking along ---- */

typedef struct restoration_list {
    df_arena *arena;
    df_restoration_record *items;
    size_t count, cap;
} restoration_list;

static df_code take_restoration(void *context, const df_row *row, df_error *err)
{
    (void)err;
    restoration_list *list = context;
    const df_value *v = row->values;
    DF_PUSH(list->items, list->count, list->cap) = (df_restoration_record){
        .backup_id = ledger_text_of(&v[0], list->arena),
        .restored_ms = ledger_int_of(&v[1], 0),
        .restored_by = ledger_text_of(&v[2], list->arena),
        .duration_ms = ledger_int_of(&v[3], -1),
        .success = ledger_int_of(&v[4], 0) != 0,
        .error = ledger_text_of(&v[5], list->arena),
    };
    return DF_OK;
}

static df_code list_restorations(df_ledger *ledger, df_arena *arena, df_restoration_record **out,
                                 size_t *count, df_error *err)
{
    restoration_list list = {.arena = arena};
    *out = NULL;
    *count = 0;
    df_code code = ledger_query(ledger, LEDGER_restored_list, NULL, 0, take_restoration, &list, err);
    if (code == DF_OK && list.count) {
        *out = df_arena_alloc(arena, list.count * sizeof **out);
        memcpy(*out, list.items, list.count * sizeof **out);
        *count = list.count;
    }
    free(list.items);
    return code;
}

df_code df_ledger_carry_take(df_ledger *ledger, df_arena *arena, df_ledger_carry *out, df_error *err)
{
    df_lock_status status;
    ledger_head head;
    *out = (df_ledger_carry){0};
    if (!df_ledger_exists(ledger)) return DF_OK;
    DF_TRY(ledger_need(ledger, err));
    DF_TRY(df_lock_look(ledger, arena, &status, err));
    DF_TRY(ledger_ask(ledger, LEDGER_lock_look, NULL, 0, 0, &out->fence, err));
    if (out->fence < status.fence) out->fence = status.fence;
    DF_TRY(ledger_read_head(ledger, LEDGER_audit_head_read, &head, err));
    if (head.found) {
        out->audit_entries = head.entries;
        memcpy(out->audit_head, head.hash, sizeof out->audit_head);
    }
    DF_TRY(df_backup_record_list(ledger, arena, &out->backups, &out->n_backups, err));
    return list_restorations(ledger, arena, &out->restorations, &out->n_restorations, err);
}

/* ---- putting back ---- */

static bool has_backup(const df_backup_record *list, size_t count, df_str id)
{
    for (size_t i = 0; i < count; i++) {
        if (df_str_eq(list[i].id, id)) return true;
    }
    return false;
}

static df_code put_backups(df_ledger *ledger, const df_ledger_carry *carry, df_arena *arena, df_error *err)
{
    df_backup_record *now;
    size_t count;
    DF_TRY(df_backup_record_list(ledger, arena, &now, &count, err));
    /* Oldest first, as they were written. */
    for (size_t i = carry->n_backups; i > 0; i--) {
        const df_backup_record *r = &carry->backups[i - 1];
        if (has_backup(now, count, r->id))
            DF_TRY(df_backup_record_update(ledger, r, err));
        else
            DF_TRY(df_backup_record_add(ledger, r, err));
    }
    return DF_OK;
}

static df_code put_restorations(df_ledger *ledger, const df_ledger_carry *carry, df_arena *arena,
                                df_error *err)
{
    df_restoration_record *now;
    size_t count;
    int64_t newest = 0;
    DF_TRY(list_restorations(ledger, arena, &now, &count, err));
    for (size_t i = 0; i < count; i++) newest = now[i].restored_ms > newest ? now[i].restored_ms : newest;
    for (size_t i = 0; i < carry->n_restorations; i++) {
        const df_restoration_record *r = &carry->restorations[i];
        if (r->restored_ms <= newest) continue;
        df_value values[] = {df_v_str(r->backup_id),   ledger_time(r->restored_ms),
                             df_v_str(r->restored_by), ledger_known(r->duration_ms),
                             df_v_bool(r->success),    df_v_str(r->error)};
        DF_TRY(ledger_exec(ledger, LEDGER_restored_add, values, sizeof values / sizeof *values, NULL, err));
    }
    return DF_OK;
}

static df_code put_all(df_ledger *ledger, const df_ledger_carry *carry, df_arena *arena, df_error *err)
{
    df_value fence[] = {df_v_int(carry->fence), df_v_int(carry->fence)};
    DF_TRY(ledger_exec(ledger, LEDGER_lock_clear, NULL, 0, NULL, err));
    DF_TRY(ledger_exec(ledger, LEDGER_fence_raise, fence, 2, NULL, err));
    DF_TRY(put_backups(ledger, carry, arena, err));
    return put_restorations(ledger, carry, arena, err);
}

df_code df_ledger_carry_put(df_ledger *ledger, const df_ledger_carry *carry, df_error *err)
{
    df_arena arena = {0};
    ledger_lease_forget(ledger);
    ledger_look_anew(ledger);
    DF_TRY(df_ledger_create(ledger, err));
    DF_TRY(df_begin(ledger->conn, err));
    df_code code = put_all(ledger, carry, &arena, err);
    if (code == DF_OK) code = df_commit(ledger->conn, err);
    df_rollback(ledger->conn);
    df_arena_release(&arena);
    return code == DF_OK ? DF_OK
                         : df_error_prefix(err, "putting back what the restored history must not forget");
}
