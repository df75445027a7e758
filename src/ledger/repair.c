/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of the history that no run makes, each with its reason in the audit log. */
#include "ledger/ledger_int.h"

/* Members of the details; ended by a NULL name. */
typedef struct detail {
    const char *name;
    df_str text;
} detail;

static df_code finish(ledger_batch *batch, df_audit_action action, df_str id, const char *what,
                      const char *reason, const detail *more, df_error *err)
{
    df_buf text = {0};
    df_json_writer w = {.out = &text};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "what", what);
    df_json_add_text(&w, "reason", reason);
    for (; more && more->name; more++) df_json_add_str(&w, more->name, more->text);
    df_json_end(&w, '}');
    df_code code = ledger_add_audit(batch, action, id, df_buf_str(&text), 0, err);
    df_buf_release(&text);
    return code == DF_OK ? ledger_run(batch, "repairing the history", err) : ledger_drop(batch, code);
}

/* Under the migration lock it does not go away between this and what is done to it. */
static df_code need_known(df_ledger *ledger, df_str id, df_error *err)
{
    int64_t rows;
    df_value value = df_v_str(id);
    DF_TRY(ledger_need(ledger, err));
    DF_TRY(ledger_ask(ledger, LEDGER_known, &value, 1, 0, &rows, err));
    return rows ? DF_OK : df_fail(err, DF_NOT_FOUND, "the history has no migration %.*s", DF_FMT(id));
}

df_code df_ledger_set_checksum(df_ledger *ledger, const df_migration *migration, const char *checksum,
                               const char *reason, df_error *err)
{
    ledger_batch batch = {.ledger = ledger};
    DF_TRY(need_known(ledger, migration->id, err));
    bool header = migration->loaded && migration->meta.json.ptr;
    df_value values[9] = {df_v_text(checksum),
                          df_v_str(ledger_raw(migration, &batch.arena)),
                          ledger_name(migration->name.ptr ? migration->name : DF_STR("")),
                          ledger_name(migration->version),
                          df_v_str(header ? migration->meta.json : DF_STR("{}")),
                          df_v_str(migration->id)};
    size_t n = 6 + ledger_put_file(ledger, migration, &batch.arena, values + 6);
    detail more[] = {{"checksum", df_str_from(checksum)}, {NULL, DF_STR_NONE}};
    ledger_add(&batch, LEDGER_set_checksum, values, n);
    ledger_add_sources(&batch, migration, false);
    return finish(&batch, DF_AUDIT_REPAIRED, migration->id, "accepted the file as it is now", reason, more,
                  err);
}

df_code df_ledger_rename(df_ledger *ledger, df_str old_id, const df_migration *migration, const char *reason,
                         df_error *err)
{
    ledger_batch batch = {.ledger = ledger};
    DF_TRY(need_known(ledger, old_id, err));
    df_value id = df_v_str(migration->id), old = df_v_str(old_id);
    df_value history[8] = {id, ledger_name(migration->name.ptr ? migration->name : DF_STR("")),
                           ledger_name(migration->version), df_v_str(ledger_raw(migration, &batch.arena)), old};
    size_t n = 5 + ledger_put_file(ledger, migration, &batch.arena, history + 5);
    df_value both[] = {id, old};
    detail more[] = {{"former_id", old_id}, {NULL, DF_STR_NONE}};
    ledger_add(&batch, LEDGER_rename_history, history, n);
    ledger_add(&batch, LEDGER_rename_sources, both, 2);
    ledger_add(&batch, LEDGER_rename_journal, both, 2);
    return finish(&batch, DF_AUDIT_REPAIRED, migration->id, "renamed", reason, more, err);
}

df_code df_ledger_forget(df_ledger *ledger, df_str id, const char *reason, df_error *err)
{
    ledger_batch batch = {.ledger = ledger};
    DF_TRY(need_known(ledger, id, err));
    df_value value = df_v_str(id);
    ledger_add(&batch, LEDGER_forget_history, &value, 1);
    ledger_add(&batch, LEDGER_forget_sources, &value, 1);
    ledger_add(&batch, LEDGER_forget_journal, &value, 1);
    return finish(&batch, DF_AUDIT_REPAIRED, id, "taken out of the history", reason, NULL, err);
}

df_code df_ledger_mark(df_ledger *ledger, const df_migration *migration, const char *checksum,
                       int64_t applied_ms, const char *reason, df_error *err)
{
    ledger_batch batch = {.ledger = ledger};
    DF_TRY(ledger_need(ledger, err));
    bool header = migration->loaded && migration->meta.json.ptr;
    df_value id = df_v_str(migration->id);
    df_value values[13] = {id,
                         ledger_name(migration->name.ptr ? migration->name : DF_STR("")),
                         df_v_text(checksum && *checksum ? checksum : NULL),
                         ledger_time(applied_ms),
                         ledger_name(df_str_from(ledger->actor)),
                         df_v_str(header ? migration->meta.json : DF_STR("{}")),
                         df_v_str(ledger_cut(df_str_from(ledger->environment), 64)),
                         ledger_name(migration->version),
                         df_v_text(migration->kind == DF_REPEATABLE ? "repeatable"
                                   : migration->kind == DF_BASELINE ? "baseline"
                                                                    : "versioned"),
                         df_v_str(ledger_raw(migration, &batch.arena))};
    size_t n = 10 + ledger_put_file(ledger, migration, &batch.arena, values + 10);
    /* What failed or was rolled back before is there now, in some other way. */
    ledger_add(&batch, LEDGER_forget_history, &id, 1);
    ledger_add(&batch, LEDGER_mark, values, n);
    ledger_add_sources(&batch, migration, false);
    return finish(&batch, DF_AUDIT_ADOPTED, migration->id, "marked as applied", reason, NULL, err);
}

df_code df_ledger_decide(df_ledger *ledger, df_str id, df_direction direction, int32_t number,
                         df_step_status status, const char *reason, df_error *err)
{
    char text[16];
    ledger_batch batch = {.ledger = ledger};
    DF_TRY(ledger_need(ledger, err));
    df_step_status becomes = status == DF_STEP_DONE ? DF_STEP_SKIPPED : DF_STEP_FAILED;
    df_value name = df_v_str(id), way = df_v_text(direction == DF_UP ? "up" : "down");
    df_value values[] = {df_v_text(df_step_status_name(becomes)), name, way, df_v_int(number), name, way};
    int64_t rows;
    DF_TRY(ledger_ask(ledger, LEDGER_known_step, values + 1, 5, 0, &rows, err));
    if (!rows)
        return df_fail(err, DF_NOT_FOUND, "the journal of %.*s has no statement %d", DF_FMT(id), (int)number);
    df_buf number_text = {0};
    df_buf_int(&number_text, number);
    memcpy(text, number_text.ptr, number_text.len);
    detail more[] = {{"statement", {text, number_text.len}},
                     {"decision", df_str_from(df_step_status_name(becomes))},
                     {NULL, DF_STR_NONE}};
    df_buf_release(&number_text);
    ledger_add(&batch, LEDGER_decide, values, 6);
    return finish(&batch, DF_AUDIT_REPAIRED, id, "decided a statement in doubt", reason, more, err);
}
