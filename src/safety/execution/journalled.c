/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A migration that cannot be one transaction: unit by unit, with a journal. What is in a transaction leaves its row in
 * that transaction. What can be in none leaves an intent before and a result after; between the two it is in doubt,
 * and the catalog is asked.
 */
#include "base/clock.h"
#include "safety/execution/execution_int.h"

#include <stdlib.h>

enum { MAX_RECONNECTS = 5 };

typedef struct resumption {
    df_journal_row *before; /* of the earlier attempt */
    size_t count;
    int reconnects;
} resumption;

static const df_journal_row *earlier(const resumption *r, int32_t number)
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

static df_code connect_again(execution *e, resumption *r, df_error *err)
{
    df_error broken = *err;
    if (r->reconnects++ >= MAX_RECONNECTS) return broken.code;
    df_code code = reconnect(e->x, err);
    if (code == DF_OK)
        return df_ledger_journal(e->x->ledger, e->migration->id, e->direction, &e->arena, &r->before, &r->count, err);
    if (code != DF_LOCKED) *err = broken;
    return err->code;
}

/* Settings and temporary objects that the steps before `end` made, for the new session. */
static df_code renew_session(execution *e, size_t end, df_error *err)
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
    for (size_t i = unit->first + ran; i < unit->first + unit->count; i++) DF_TRY(step_run(e, i, err));
    if (unit->roll_back) df_rollback(e->x->conn);
    for (size_t i = unit->first; i < unit->first + unit->count; i++)
        DF_TRY(df_ledger_settle(e->x->ledger, &e->run, &e->rows[i], err));
    return unit->roll_back ? DF_OK : df_commit(e->x->conn, err);
}

static df_code settle_failed(execution *e, size_t step)
{
    df_error ignored = {0};
    if (df_conn_lost(e->x->conn)) return DF_CONNECT;
    return df_ledger_settle(e->x->ledger, &e->run, &e->rows[step], &ignored);
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
            DF_TRY(connect_again(e, r, err));
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
            if (e->rows[i].status == DF_STEP_FAILED && settle_failed(e, i) != DF_OK)
                df_log(e->x->observer, DF_LOG_WARNING, "which statement failed could not be recorded");
        return code;
    }
}

static df_code undecided(execution *e, size_t step, const char *why, df_error *err)
{
    int number = e->rows[step].number;
    df_fail(err, DF_INCOMPLETE, "it is not known whether this statement took effect: %s", why);
    step_explain(e, step, err);
    df_error_hint(err,
                  "look, then decide: dataflow repair %.*s --statement-done %d --reason … (it did), or --statement-again %d (it did not)",
                  DF_FMT(e->migration->id), number, number);
    step_state(e, step, DF_STEP_INTENT, "in doubt", df_arena_printf(e->x->arena, "%s", why));
    return DF_INCOMPLETE;
}

/* The intent is there and nothing more: done, to be done again, or not to be known. */
static df_code settle_doubt(execution *e, size_t step, const df_journal_row *intent, bool *done, df_error *err)
{
    verdict_of_doubt verdict;
    const char *why;
    DF_TRY(resolve_doubt(e, step, intent, &verdict, &why, err));
    *done = verdict == DOUBT_DONE;
    if (verdict == DOUBT_UNDECIDED) return undecided(e, step, why, err);
    df_log(e->x->observer, DF_LOG_INFO, "%.*s: statement %d was in doubt; %s", DF_FMT(e->migration->id),
           (int)intent->number, why);
    if (!*done) return DF_OK;
    step_state(e, step, DF_STEP_SKIPPED, "skipped", why);
    return df_ledger_settle(e->x->ledger, &e->run, &e->rows[step], err);
}

/*
 * Of a statement that commits as it goes some may be there when it fails: unless it may be run again, a person decides.
 * What the server does not even plan has done nothing: so it is asked for its plan first.
 */
static df_code try_batches(execution *e, size_t step, df_error *err)
{
    df_explanation plan;
    df_error mine = {0};
    char *text = df_strdup(e->steps.items[step].statement.text);
    df_code code = df_explain(e->x->conn, text, NULL, 0, &e->arena, &plan, &mine);
    free(text);
    if (code != DF_OK && code != DF_UNSUPPORTED) {
        step_state(e, step, DF_STEP_FAILED, "failed", NULL);
        step_explain(e, step, &mine);
        e->rows[step].error = df_arena_str(e->x->arena, df_str_from(mine.message));
        *err = mine;
        return code;
    }
    code = step_run(e, step, err);
    if (code == DF_OK || df_conn_lost(e->x->conn) || !commits_by_itself(&e->steps.items[step])) return code;
    e->rows[step].status = DF_STEP_INTENT;
    e->item->steps[step].note = "some of its batches may be committed";
    df_error_hint(err,
                  "some of its batches may be committed: look, then decide: dataflow repair %.*s --statement-again %d --reason … (run it "
                  "again from its beginning), or --statement-done %d (finished by hand)",
                  DF_FMT(e->migration->id), (int)e->rows[step].number, (int)e->rows[step].number);
    return code;
}

/* For the watch, which asks the server how far it is. */
static void note_session(execution *e, size_t step)
{
    df_session session = {0};
    bool slow = e->steps.items[step].facts.flags & (DF_SQL_BATCHES | DF_SQL_INDEX_BUILD);
    bool asks = e->x->watch && slow && (df_conn_caps(e->x->conn) & DF_CAP_SERVER);
    if (!asks || df_session_get(e->x->conn, &session, NULL) != DF_OK) session.id = 0;
    watch_session(e->x->watch, session.id);
}

static df_code try_alone(execution *e, size_t step, df_error *err)
{
    bool dropped;
    df_rollback(e->x->conn);
    DF_TRY(drop_invalid_index(e, step, &dropped, err));
    DF_TRY(note_state(e, step, err));
    e->rows[step].status = DF_STEP_INTENT;
    DF_TRY(df_ledger_intend(e->x->ledger, &e->run, &e->rows[step], err));
    note_session(e, step);
    bool batches = (e->steps.items[step].facts.flags & DF_SQL_BATCHES) != 0;
    DF_TRY(batches ? try_batches(e, step, err) : step_run(e, step, err));
    e->unsettled |= e->steps.items[step].facts.cls == DF_SQL_DDL;
    return df_ledger_settle(e->x->ledger, &e->run, &e->rows[step], err);
}

static df_code run_alone(execution *e, size_t step, resumption *r, df_error *err)
{
    for (int64_t tries = 0;; tries++) {
        df_code code = try_alone(e, step, err);
        if (code == DF_OK) return DF_OK;
        if (df_conn_lost(e->x->conn)) {
            bool done = false;
            DF_TRY(connect_again(e, r, err));
            DF_TRY(renew_session(e, step, err));
            const df_journal_row *row = earlier(r, e->rows[step].number);
            if (row && is_done(row->status)) return DF_OK;
            if (row && row->status == DF_STEP_INTENT) DF_TRY(settle_doubt(e, step, row, &done, err));
            if (done) return DF_OK;
            continue;
        }
        df_error ignored = {0};
        bool dropped;
        df_code swept = drop_invalid_index(e, step, &dropped, &ignored);
        if (swept != DF_OK) df_log(e->x->observer, DF_LOG_WARNING, "an invalid index may be left: %s", ignored.message);
        bool in_part = e->rows[step].status == DF_STEP_INTENT && e->rows[step].error.len;
        if (e->rows[step].status == DF_STEP_FAILED || in_part) {
            df_code settled = settle_failed(e, step);
            (void)settled; /* the intent stays, and is resolved by whoever goes on */
        }
        if (in_part || !retry_after(e, code, tries, err)) return code;
    }
}

/* ---- the run ---- */

/* Whether the unit is done already, by the journal of the earlier attempt. */
static df_code find_done(execution *e, const df_unit *unit, const resumption *r, bool *done, df_error *err)
{
    *done = false;
    if (unit->mode == DF_UNIT_SESSION) return DF_OK;
    for (size_t i = unit->first; i < unit->first + unit->count; i++) {
        const df_journal_row *row = earlier(r, e->rows[i].number);
        if (!row) return DF_OK;
        if (row->status == DF_STEP_INTENT && unit->mode == DF_UNIT_ALONE) {
            bool took_effect;
            DF_TRY(settle_doubt(e, i, row, &took_effect, err));
            if (!took_effect) return DF_OK;
        } else if (!is_done(row->status)) {
            return DF_OK;
        } else {
            step_state(e, i, row->status, "skipped", "done by an earlier run");
            e->rows[i].rows = row->rows;
            e->unsettled |= e->steps.items[i].facts.cls == DF_SQL_DDL;
        }
    }
    *done = true;
    return DF_OK;
}

/* What an earlier attempt did of a unit stands at its beginning: the file may have been cut otherwise since. */
static df_unit rest_of(const execution *e, df_unit unit)
{
    while (unit.mode == DF_UNIT_TRANSACTION && unit.count > 1 && is_done(e->rows[unit.first].status)) {
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
        DF_TRY(connect_again(e, r, err));
        if (unit) DF_TRY(renew_session(e, unit->first, err));
    }
}

static df_code run_unit(execution *e, const df_unit *unit, resumption *r, df_error *err)
{
    switch (unit->mode) {
    case DF_UNIT_TRANSACTION: return run_transaction(e, unit, r, err);
    case DF_UNIT_ALONE: return run_alone(e, unit->first, r, err);
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
    df_run_result result = {.rows_affected = e->affected, .duration_ms = (int64_t)((df_monotonic_s() - e->began) * 1000)};
    for (;;) {
        df_code code = df_ledger_complete(e->x->ledger, &e->run, &result, err);
        if (code == DF_OK || !df_conn_lost(e->x->conn)) return code;
        DF_TRY(connect_again(e, r, err));
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
    }
    DF_TRY(df_ledger_start(e->x->ledger, &e->run, err));
    df_code code = run_units(e, &r, err);
    if (code == DF_OK) code = complete(e, &r, err);
    if (code == DF_OK) {
        e->item->undone = NULL;
        return DF_OK;
    }
    e->item->state = NULL;
    df_rollback(e->x->conn);
    bool stays = code == DF_CANCELLED || code == DF_INCOMPLETE || df_conn_lost(e->x->conn) || e->direction == DF_DOWN;
    e->item->undone = !anything_done(e) && code != DF_INCOMPLETE ? "all" : stays ? "none" : undo_done(e);
    return code;
}
