/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements that run in no transaction of ours together with their record: an intent before, a result after; between the two
 * they are in doubt, and the catalog is asked. Where the engine lets changes of the schema share a transaction, several go
 * together.
 */
#include "safety/execution/execution_int.h"

#include <stdlib.h>

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

df_code settle_doubt(execution *e, size_t step, const df_journal_row *intent, bool *done, df_error *err)
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
    return df_ledger_settle(e->x->ledger, &e->run, &e->rows[step], 1, err);
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
    df_executor *x = e->x;
    bool slow = e->steps.items[step].facts.flags & (DF_SQL_BATCHES | DF_SQL_INDEX_BUILD);
    bool asks = x->watch && slow && (df_conn_caps(x->conn) & DF_CAP_SERVER);
    if (asks && !x->session_id && df_session_get(x->conn, &session, NULL) == DF_OK) x->session_id = session.id;
    watch_session(x->watch, asks ? x->session_id : 0);
}

static bool is_over(const execution *e, size_t step)
{
    return e->rows[step].status == DF_STEP_DONE || e->rows[step].status == DF_STEP_SKIPPED;
}

static df_code run_steps(execution *e, const df_unit *unit, df_error *err)
{
    size_t left = 0;
    for (size_t i = unit->first; i < unit->first + unit->count; i++) left += !is_over(e, i);
    if (left > 1) DF_TRY(df_begin(e->x->conn, err));
    for (size_t i = unit->first; i < unit->first + unit->count; i++) {
        if (is_over(e, i)) continue;
        note_session(e, i);
        bool batches = (e->steps.items[i].facts.flags & DF_SQL_BATCHES) != 0;
        DF_TRY(batches ? try_batches(e, i, err) : step_run(e, i, err));
        e->unsettled |= e->steps.items[i].facts.cls == DF_SQL_DDL;
    }
    return left > 1 ? df_commit(e->x->conn, err) : DF_OK;
}

static df_code try_alone(execution *e, const df_unit *unit, df_error *err)
{
    bool dropped;
    df_rollback(e->x->conn);
    for (size_t i = unit->first; i < unit->first + unit->count; i++) {
        if (is_over(e, i)) continue;
        DF_TRY(drop_invalid_index(e, i, &dropped, err));
        DF_TRY(note_state(e, i, err));
        e->rows[i].status = DF_STEP_INTENT;
    }
    DF_TRY(record_intents(e, unit->first, unit->count, err));
    DF_TRY(run_steps(e, unit, err));
    return record_ends(e, unit->first, unit->count, err);
}

/* After a new connection: what became of those that were on their way. */
static df_code look_again(execution *e, const df_unit *unit, const resumption *r, df_error *err)
{
    for (size_t i = unit->first; i < unit->first + unit->count; i++) {
        const df_journal_row *row = earlier(r, e->rows[i].number);
        bool done = row && (row->status == DF_STEP_DONE || row->status == DF_STEP_SKIPPED);
        e->rows[i].status = done ? DF_STEP_SKIPPED : DF_STEP_INTENT;
        if (row && row->status == DF_STEP_INTENT) DF_TRY(settle_doubt(e, i, row, &done, err));
    }
    return DF_OK;
}

/* What failed, and what went back with it. */
static void settle_failure(execution *e, const df_unit *unit)
{
    df_error ignored = {0};
    bool dropped;
    for (size_t i = unit->first; i < unit->first + unit->count; i++) {
        bool in_part = e->rows[i].status == DF_STEP_INTENT && e->rows[i].error.len;
        if (unit->count > 1 && e->rows[i].status == DF_STEP_DONE) step_state(e, i, DF_STEP_UNDONE, "rolled back", NULL);
        if (unit->count > 1 && e->rows[i].status == DF_STEP_INTENT && !in_part) step_state(e, i, DF_STEP_UNDONE, "not run", NULL);
        if (drop_invalid_index(e, i, &dropped, &ignored) != DF_OK)
            df_log(e->x->observer, DF_LOG_WARNING, "an invalid index may be left: %s", ignored.message);
        if (e->rows[i].status == DF_STEP_FAILED || e->rows[i].status == DF_STEP_UNDONE || in_part) settle_failed(e, i);
    }
}

df_code run_alone(execution *e, const df_unit *unit, resumption *r, df_error *err)
{
    for (int64_t tries = 0;; tries++) {
        df_code code = try_alone(e, unit, err);
        if (code == DF_OK) return DF_OK;
        if (df_conn_lost(e->x->conn)) {
            bool all = true;
            DF_TRY(connected_again(e, r, err));
            DF_TRY(renew_session(e, unit->first, err));
            DF_TRY(look_again(e, unit, r, err));
            for (size_t i = unit->first; i < unit->first + unit->count; i++) all &= is_over(e, i);
            if (all) return DF_OK;
            continue;
        }
        df_rollback(e->x->conn);
        bool in_part = false;
        for (size_t i = unit->first; i < unit->first + unit->count; i++)
            in_part |= e->rows[i].status == DF_STEP_INTENT && e->rows[i].error.len;
        if (code != DF_LOCKED) settle_failure(e, unit); /* else the journal is another run's now */
        if (in_part || !retry_after(e, code, tries, err)) return code;
    }
}
