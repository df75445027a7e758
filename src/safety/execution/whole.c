/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A migration that is one transaction: it commits together with its record. Killed at any instant, either all of it
 * is there, or nothing; so it may be tried again after a lock that was not had, and after a lost connection.
 */
#include "base/clock.h"
#include "safety/execution/execution_int.h"

enum { MAX_RECONNECTS = 5 };

/* Its steps but the first `ran`, which have run already. */
static df_code run_unit(execution *e, const df_unit *unit, size_t ran, df_error *err)
{
    for (size_t i = unit->first + ran; i < unit->first + unit->count; i++) {
        DF_TRY(df_check_cancelled(e->x->observer, err));
        DF_TRY(step_run(e, i, err));
    }
    return DF_OK;
}

typedef struct orphans {
    int64_t count;
    char first[128];
} orphans;

static df_code count_orphan(void *context, const df_row *row, df_error *err)
{
    (void)err;
    orphans *o = context;
    if (!o->count++ && row->count && row->values[0].type == DF_TEXT) {
        size_t len = row->values[0].s.len < sizeof o->first - 1 ? row->values[0].s.len : sizeof o->first - 1;
        memcpy(o->first, row->values[0].s.ptr, len);
    }
    return DF_OK;
}

/* A file that turned foreign keys off while it rebuilt a table has nobody else who looks. */
static df_code check_foreign_keys(execution *e, df_error *err)
{
    bool switched = false;
    for (size_t i = 0; i < e->units.hoisted; i++) switched |= (e->steps.items[i].facts.flags & DF_SQL_FOREIGN_KEYS) != 0;
    if (!switched) return DF_OK;
    orphans found = {0};
    DF_TRY(df_query(e->x->conn, "PRAGMA foreign_key_check", NULL, 0, count_orphan, &found, err));
    if (found.count)
        df_log(e->x->observer, DF_LOG_WARNING,
               "%.*s: %lld rows refer to rows that are not there (first in %s): PRAGMA foreign_key_check shows them",
               DF_FMT(e->migration->id), (long long)found.count, found.first);
    return DF_OK;
}

static df_code attempt(execution *e, df_error *err)
{
    const df_units *units = &e->units;
    size_t last = units->count - (units->lowered ? 1 : 0), first = units->hoisted ? 1 : 0;
    e->affected = 0;
    if (units->hoisted) DF_TRY(run_unit(e, &units->items[0], 0, err));
    size_t ran = 0;
    if (first < last)
        DF_TRY(step_begin(e, &units->items[first], &ran, err));
    else
        DF_TRY(df_ledger_begin(e->x->ledger, err));
    for (size_t i = first; i < last; i++) DF_TRY(run_unit(e, &units->items[i], i == first ? ran : 0, err));
    DF_TRY(check_foreign_keys(e, err));
    df_run_result result = {.rows = e->rows, .n_rows = e->steps.count, .rows_affected = e->affected,
                            .duration_ms = (int64_t)((df_monotonic_s() - e->began) * 1000)};
    for (size_t i = units->count - (units->lowered ? 1 : 0); i < units->count; i++)
        for (size_t k = 0; k < units->items[i].count; k++) e->rows[units->items[i].first + k].status = DF_STEP_DONE;
    df_code code = df_ledger_complete(e->x->ledger, &e->run, &result, err);
    if (code == DF_FAILED || code == DF_CONFLICT) commit_explain(e, err);
    return code;
}

/* Settings behind the commit; what they say of the session is undone by the reset that follows anyway. */
static void run_lowered(execution *e)
{
    if (!e->units.lowered) return;
    df_error ignored = {0};
    df_code code = run_unit(e, &e->units.items[e->units.count - 1], 0, &ignored);
    if (code != DF_OK) df_log(e->x->observer, DF_LOG_WARNING, "after the commit: %s", ignored.message);
}

static void mark_rolled_back(execution *e)
{
    for (size_t i = 0; i < e->steps.count; i++)
        if (e->rows[i].status == DF_STEP_DONE) step_state(e, i, DF_STEP_UNDONE, "rolled back", NULL);
}

/* The statements that take no part: the file's own BEGIN and COMMIT. */
static void mark_frame(execution *e)
{
    for (size_t i = 0; i < e->steps.count; i++)
        if (e->steps.items[i].facts.cls == DF_SQL_TRANSACTION) step_state(e, i, DF_STEP_SKIPPED, "skipped", "the transaction is ours");
}

df_code run_whole(execution *e, df_error *err)
{
    int reconnects = 0;
    for (int64_t tries = 0;; tries++) {
        for (size_t i = 0; i < e->steps.count; i++) {
            e->rows[i].status = DF_STEP_INTENT;
            e->item->steps[i].state = "not run";
        }
        df_code code = df_check_cancelled(e->x->observer, err);
        for (size_t i = 0; i < e->steps.count; i++)
            if (e->steps.items[i].facts.cls == DF_SQL_TRANSACTION) e->rows[i].status = DF_STEP_SKIPPED;
        if (code == DF_OK) code = attempt(e, err);
        if (code == DF_OK) {
            run_lowered(e);
            mark_frame(e);
            return DF_OK;
        }
        df_rollback(e->x->conn);
        mark_rolled_back(e);
        if (df_conn_lost(e->x->conn)) {
            df_error broken = *err;
            if (reconnects++ >= MAX_RECONNECTS || reconnect(e->x, err) != DF_OK) {
                e->item->undone = "all"; /* or, when the commit had come through, the history says so */
                if (err->code != DF_LOCKED) *err = broken;
                return err->code;
            }
            bool completed;
            DF_TRY(df_ledger_outcome(e->x->ledger, &e->run, &completed, err));
            if (!completed) continue;
            df_log(e->x->observer, DF_LOG_INFO, "%.*s: its commit had come through before the connection broke",
                   DF_FMT(e->migration->id));
            for (size_t i = 0; i < e->steps.count; i++) step_state(e, i, DF_STEP_DONE, "done", NULL);
            return DF_OK;
        }
        if (!retry_after(e, code, tries, err)) return code;
    }
}
