/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A migration that cannot be one transaction: unit by unit, with a journal. What is in a transaction leaves its row in
 * that transaction; for what can be in none see alone.c.
 */
#include "base/clock.h"
#include "safety/execution/execution_int.h"

#include <stdlib.h>

enum { MAX_RECONNECTS = 5 };

const df_journal_row *earlier(const resumption *r, int32_t number)
{
    return find_row(r->before, r->count, number);
}

static bool is_done(df_step_status status)
{
    return status == DF_STEP_DONE || status == DF_STEP_SKIPPED;
}

/* What took effect must still be what the file says; what did not may be mended. */
static df_code compare_with_journal(execution *e, const resumption *r, df_error *err)
{
    for (size_t i = 0; i < r->count; i++) {
        const df_journal_row *row = &r->before[i];
        if (!is_done(row->status) && row->status != DF_STEP_INTENT) continue;
        const df_journal_row *now = find_row(e->rows, e->steps.count, row->number);
        if (now && strcmp(now->hash, row->hash) == 0) continue;
        df_fail(err, DF_MISMATCH, "%.*s stopped half-way, and its statement %d, which took effect, has been changed since",
                DF_FMT(e->migration->id), (int)row->number);
        df_error_at(err, e->section->path, row->line);
        df_error_hint(err, "it was: %.*s … Put it back, so that the run can go on behind it", row->text.len > 200 ? 200 : (int)row->text.len,
                      row->text.ptr ? row->text.ptr : "");
        return DF_MISMATCH;
    }
    return DF_OK;
}

/* ---- after a lost connection ---- */

df_code connected_again(execution *e, resumption *r, df_error *err)
{
    df_error broken = *err;
    if (r->reconnects++ >= MAX_RECONNECTS) return broken.code;
    df_code code = reconnect(e->x, err);
    if (code == DF_OK)
        return df_ledger_journal(e->x->ledger, e->migration->id, e->direction, &e->arena, &r->before, &r->count, err);
    if (code != DF_LOCKED) *err = broken;
    return err->code;
}

df_code renew_session(execution *e, size_t end, df_error *err)
{
    for (size_t u = 0; u < e->units.count && e->units.items[u].first < end; u++) {
        const df_unit *unit = &e->units.items[u];
        if (unit->mode != DF_UNIT_SESSION) continue;
        for (size_t i = unit->first; i < unit->first + unit->count; i++) DF_TRY(step_run(e, i, err));
    }
    return DF_OK;
}

/* ---- units ---- */

static df_code try_transaction(execution *e, const df_unit *unit, df_error *err)
{
    size_t ran;
    DF_TRY(step_begin(e, unit, &ran, err));
    for (size_t i = unit->first + ran; i < unit->first + unit->count; i++) {
        const df_sql_facts *facts = &e->steps.items[i].facts; /* what was there before is nobody's to take back */
        if (facts->cls == DF_SQL_DDL && (facts->flags & DF_SQL_IF_EXISTS)) DF_TRY(note_state(e, i, err));
        DF_TRY(step_run(e, i, err));
    }
    if (unit->roll_back) df_rollback(e->x->conn);
    DF_TRY(df_ledger_settle(e->x->ledger, &e->run, &e->rows[unit->first], unit->count, err));
    return unit->roll_back ? DF_OK : df_commit(e->x->conn, err);
}

/* When it cannot be written, the intent stays, and is resolved by whoever goes on. */
void settle_failed(execution *e, size_t step)
{
    df_error ignored = {0};
    if (df_conn_lost(e->x->conn)) return;
    df_code code = record_now(e, &ignored);
    if (code == DF_OK) code = df_ledger_settle(e->x->ledger, &e->run, &e->rows[step], 1, &ignored);
    if (code != DF_OK)
        df_log(e->x->observer, DF_LOG_WARNING, "which statement failed could not be recorded: %s", ignored.message);
}

static df_code run_transaction(execution *e, const df_unit *unit, resumption *r, df_error *err)
{
    for (int64_t tries = 0;; tries++) {
        df_code code = try_transaction(e, unit, err);
        if (code == DF_OK) return DF_OK;
        df_rollback(e->x->conn);
        for (size_t i = unit->first; i < unit->first + unit->count; i++)
            if (e->rows[i].status == DF_STEP_DONE) step_state(e, i, DF_STEP_UNDONE, "rolled back", NULL);
        if (df_conn_lost(e->x->conn)) {
            DF_TRY(connected_again(e, r, err));
            const df_journal_row *row = earlier(r, e->rows[unit->first].number);
            if (row && is_done(row->status)) { /* the commit had come through */
                for (size_t i = unit->first; i < unit->first + unit->count; i++) step_state(e, i, DF_STEP_DONE, "done", NULL);
                return DF_OK;
            }
            DF_TRY(renew_session(e, unit->first, err));
            continue;
        }
        if (retry_after(e, code, tries, err)) continue;
        for (size_t i = unit->first; i < unit->first + unit->count; i++)
            if (e->rows[i].status == DF_STEP_FAILED) settle_failed(e, i);
        return code;
    }
}

/* ---- the run ---- */

/* Whether the unit is done already, by the journal of the earlier attempt. */
static df_code find_done(execution *e, const df_unit *unit, const resumption *r, bool *done, df_error *err)
{
    bool all = true;
    *done = false;
    if (unit->mode == DF_UNIT_SESSION) return DF_OK;
    for (size_t i = unit->first; i < unit->first + unit->count; i++) {
        const df_journal_row *row = earlier(r, e->rows[i].number);
        bool took_effect = row && is_done(row->status);
        if (row && row->status == DF_STEP_INTENT && unit->mode == DF_UNIT_ALONE) {
            DF_TRY(settle_doubt(e, i, row, &took_effect, err));
        } else if (took_effect) {
            step_state(e, i, row->status, "skipped", "done by an earlier run");
            e->rows[i].rows = row->rows;
            e->unsettled |= e->steps.items[i].facts.cls == DF_SQL_DDL;
        }
        if (!took_effect && unit->mode != DF_UNIT_ALONE) return DF_OK;
        all &= took_effect;
    }
    *done = all;
    return DF_OK;
}

/* What an earlier attempt did of a unit stands at its beginning: the file may have been cut otherwise since. */
static df_unit rest_of(const execution *e, df_unit unit)
{
    while ((unit.mode == DF_UNIT_TRANSACTION || unit.mode == DF_UNIT_ALONE) && unit.count > 1 && is_done(e->rows[unit.first].status)) {
        unit.first++;
        unit.count--;
    }
    return unit;
}

/* What the server finishes later must be there for those that follow, and before the record says that all is done. */
static df_code settle_before(execution *e, const df_unit *unit, resumption *r, df_error *err)
{
    if (unit && (unit->mode == DF_UNIT_SESSION || e->steps.items[unit->first].facts.cls == DF_SQL_DDL)) return DF_OK;
    for (;;) {
        df_code code = settle_schema(e, err);
        if (code == DF_OK || !df_conn_lost(e->x->conn)) return code;
        DF_TRY(connected_again(e, r, err));
        if (unit) DF_TRY(renew_session(e, unit->first, err));
    }
}

/* Statements that share a transaction, if they can; else each in its own. */
static df_code run_shared(execution *e, const df_unit *unit, resumption *r, df_error *err)
{
    bool can;
    DF_TRY(unit_can_share(e, unit, &can, err));
    if (can) return run_transaction(e, unit, r, err);
    for (size_t i = unit->first; i < unit->first + unit->count; i++) {
        df_unit one = {.mode = DF_UNIT_TRANSACTION, .first = i, .count = 1};
        DF_TRY(df_check_cancelled(e->x->observer, err));
        DF_TRY(run_transaction(e, &one, r, err));
    }
    return DF_OK;
}

static df_code run_unit(execution *e, const df_unit *unit, resumption *r, df_error *err)
{
    switch (unit->mode) {
    case DF_UNIT_TRANSACTION: return unit->shared && unit->count > 1 ? run_shared(e, unit, r, err) : run_transaction(e, unit, r, err);
    case DF_UNIT_ALONE: return run_alone(e, unit, r, err);
    case DF_UNIT_BATCHED: return run_batches(e, unit->first, earlier(r, e->rows[unit->first].number), err);
    case DF_UNIT_SESSION: break;
    }
    for (size_t i = unit->first; i < unit->first + unit->count; i++) DF_TRY(step_run(e, i, err));
    return DF_OK;
}

static df_code run_units(execution *e, resumption *r, df_error *err)
{
    for (size_t u = 0; u < e->units.count; u++) {
        const df_unit *unit = &e->units.items[u];
        bool done;
        DF_TRY(df_check_cancelled(e->x->observer, err));
        DF_TRY(find_done(e, unit, r, &done, err));
        if (done) continue;
        df_unit rest = rest_of(e, *unit);
        DF_TRY(settle_before(e, &rest, r, err));
        if (rest.mode != DF_UNIT_ALONE) DF_TRY(record_now(e, err));
        DF_TRY(run_unit(e, &rest, r, err));
    }
    DF_TRY(settle_before(e, NULL, r, err));
    for (size_t i = 0; i < e->steps.count; i++)
        if (e->steps.items[i].facts.cls == DF_SQL_TRANSACTION) step_state(e, i, DF_STEP_SKIPPED, "done", NULL);
    return DF_OK;
}

static bool anything_done(const execution *e)
{
    for (size_t u = 0; u < e->units.count; u++) {
        const df_unit *unit = &e->units.items[u];
        if (unit->mode == DF_UNIT_SESSION) continue;
        for (size_t i = unit->first; i < unit->first + unit->count; i++) {
            if (is_done(e->rows[i].status) || e->rows[i].progress.len) return true;
            if (partly_done(e, i)) return true;
        }
    }
    return false;
}

static df_code complete(execution *e, resumption *r, df_error *err)
{
    if (!e->noted_start) DF_TRY(record_now(e, err)); /* nothing was left to do */
    df_run_result result = {.rows = &e->rows[e->ended], .n_rows = e->n_ended, .rows_affected = e->affected,
                            .duration_ms = (int64_t)((df_monotonic_s() - e->began) * 1000)};
    for (;;) {
        df_code code = df_ledger_complete(e->x->ledger, &e->run, &result, err);
        if (code == DF_OK || !df_conn_lost(e->x->conn)) return code;
        DF_TRY(connected_again(e, r, err));
        bool completed;
        DF_TRY(df_ledger_outcome(e->x->ledger, &e->run, &completed, err));
        if (completed) return DF_OK;
    }
}

df_code run_journalled(execution *e, df_error *err)
{
    resumption r = {0};
    e->item->undone = "all";
    if (e->run.resumed) {
        DF_TRY(df_ledger_journal(e->x->ledger, e->migration->id, e->direction, &e->arena, &r.before, &r.count, err));
        e->item->undone = "none";
        DF_TRY(compare_with_journal(e, &r, err));
        if (r.count) e->item->state = "resumed";
        DF_TRY(record_now(e, err));
    }
    df_code code = run_units(e, &r, err);
    if (code == DF_OK) code = complete(e, &r, err);
    if (code == DF_OK) {
        e->item->undone = NULL;
        return DF_OK;
    }
    e->item->state = NULL;
    df_rollback(e->x->conn);
    df_error ignored = {0};
    if (e->n_ended && code != DF_LOCKED && !df_conn_lost(e->x->conn) && record_now(e, &ignored) != DF_OK)
        df_log(e->x->observer, DF_LOG_WARNING, "the journal could not be written: %s", ignored.message);
    bool stays = code == DF_CANCELLED || code == DF_INCOMPLETE || code == DF_LOCKED || df_conn_lost(e->x->conn) || e->direction == DF_DOWN;
    e->item->undone = !anything_done(e) && code != DF_INCOMPLETE ? "all" : stays ? "none" : undo_done(e);
    return code;
}
