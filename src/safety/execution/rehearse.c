/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dry run that runs: everything in one transaction that is rolled back, so that later migrations see what
 * earlier ones did, with what the server says it cost: time, rows, locks, rewritten and scanned tables. What would take
 * effect at once is not run, and said; what fails after that may only lack it, and is said to be unknown.
 */
#include "base/clock.h"
#include "safety/execution/execution_int.h"

typedef struct rehearsal {
    df_executor *x;
    df_observer_state *observed; /* NULL: the engine does not tell */
    bool blind;                  /* something was left out: what comes may miss it */
    bool stopped;
    bool reset; /* settings may have been changed */
} rehearsal;

/* ---- one statement ---- */

static const char *why_not_run(const df_step *step)
{
    uint32_t flags = step->facts.flags;
    if (step->batch) return "runs in batches, each its own transaction; not rehearsed";
    if (flags & DF_SQL_NO_TRANSACTION) return "cannot run in a transaction, so that it could not be taken back; not rehearsed";
    if (flags & (DF_SQL_BEGIN | DF_SQL_COMMIT | DF_SQL_ROLLBACK)) return "belongs to the file's own transaction";
    return NULL;
}

static const char *lock_text(const char *mode)
{
    static const char *const modes[][2] = {
        {"AccessShareLock", "ACCESS SHARE"}, {"RowShareLock", "ROW SHARE"}, {"RowExclusiveLock", "ROW EXCLUSIVE"},
        {"ShareUpdateExclusiveLock", "SHARE UPDATE EXCLUSIVE"}, {"ShareLock", "SHARE"},
        {"ShareRowExclusiveLock", "SHARE ROW EXCLUSIVE"}, {"ExclusiveLock", "EXCLUSIVE"},
        {"AccessExclusiveLock", "ACCESS EXCLUSIVE"}};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(mode, modes[i][0]) == 0) return modes[i][1];
    return mode;
}

static const char *take(df_arena *arena, df_buf *text)
{
    const char *copy = text->len ? df_arena_cstr(arena, df_buf_str(text)) : NULL;
    df_buf_release(text);
    return copy;
}

/* Locks on what the transaction made itself stand in nobody's way, and are left out. */
static df_code observe(rehearsal *r, df_migrate_step *line, df_error *err)
{
    if (!r->observed) return DF_OK;
    df_arena arena = {0};
    df_observation seen = {0};
    df_code code = df_observe(r->x->conn, r->observed, &arena, &seen, err);
    df_buf locks = {0}, rewritten = {0}, scanned = {0};
    for (size_t i = 0; code == DF_OK && i < seen.n_locks; i++) {
        const df_lock_seen *lock = &seen.locks[i];
        char *mode = df_arena_cstr(&arena, lock->mode);
        if (!lock->created)
            df_buf_printf(&locks, "%s%s on %.*s", locks.len ? "; " : "", lock_text(mode), DF_FMT(lock->relation));
    }
    for (size_t i = 0; code == DF_OK && i < seen.n_tables; i++) {
        const df_table_seen *table = &seen.tables[i];
        if (table->rewritten) df_buf_printf(&rewritten, "%s%.*s", rewritten.len ? ", " : "", DF_FMT(table->table));
        if (table->scanned > 0) {
            df_buf_printf(&scanned, "%s%.*s (", scanned.len ? ", " : "", DF_FMT(table->table));
            df_put_count(&scanned, table->scanned);
            df_buf_text(&scanned, " rows)");
        }
    }
    line->locks = take(r->x->arena, &locks);
    line->rewritten = take(r->x->arena, &rewritten);
    line->scanned = take(r->x->arena, &scanned);
    df_arena_release(&arena);
    return code;
}

static df_code run_step(rehearsal *r, execution *e, size_t i, df_error *err)
{
    df_migrate_step *line = &e->item->steps[i];
    DF_TRY(df_check_cancelled(r->x->observer, err));
    if (r->blind) DF_TRY(df_savepoint(r->x->conn, "dataflow_rehearsal", err));
    df_error mine = {0};
    df_code code = step_run(e, i, &mine);
    if (code == DF_OK) {
        line->state = "rolled back";
        return observe(r, line, err);
    }
    if (df_conn_lost(r->x->conn) || code == DF_CANCELLED) {
        *err = mine;
        return code;
    }
    e->item->error = mine;
    line->note = df_arena_printf(r->x->arena, "%s", mine.message);
    if (!r->blind) return DF_OK;
    line->state = "not run";
    line->note = df_arena_printf(r->x->arena, "cannot be told without what was left out before: %s", mine.message);
    return df_rollback_to(r->x->conn, "dataflow_rehearsal", err);
}

/* ---- one migration ---- */

static df_code run_steps(rehearsal *r, execution *e, df_error *err)
{
    bool left_out = false, unknown = false;
    df_migrate_run_item *item = e->item;
    for (size_t i = 0; i < e->steps.count; i++) {
        const char *why = why_not_run(&e->steps.items[i]);
        if (why) {
            item->steps[i].note = why;
            bool frame = (e->steps.items[i].facts.flags & (DF_SQL_BEGIN | DF_SQL_COMMIT)) || e->steps.items[i].facts.cls == DF_SQL_SESSION;
            if (!frame) left_out = r->blind = true;
            continue;
        }
        DF_TRY(run_step(r, e, i, err));
        if (e->rows[i].status == DF_STEP_FAILED && !r->blind) {
            item->state = "failed";
            r->stopped = true;
            return DF_OK;
        }
        unknown |= e->rows[i].status == DF_STEP_FAILED;
    }
    bool up = e->direction == DF_UP;
    item->state = unknown || left_out ? "cannot be rehearsed" : up ? "would apply" : "would roll back";
    if (unknown || left_out) item->mode = df_arena_printf(r->x->arena, "%s; rehearsed in part", item->mode);
    return DF_OK;
}

/* Where the engine commits DDL at once nothing is run. */
static void tell_only(execution *e)
{
    e->item->state = "cannot be rehearsed";
    for (size_t i = 0; i < e->steps.count; i++) {
        const df_step *step = &e->steps.items[i];
        e->item->steps[i].note = step->facts.flags & DF_SQL_IMPLICIT_COMMIT
                                     ? "commits at once and cannot be taken back; time, locks and whether the table is copied are not known"
                                     : "not run; rows and time are not known";
    }
}

static df_code rehearse_one(rehearsal *r, df_migration *migration, df_direction direction, df_migrate_run_item *item, df_error *err)
{
    execution e = {.x = r->x, .migration = migration, .item = item, .direction = direction, .began = df_monotonic_s()};
    df_error mine = {0};
    df_code code = execution_prepare(&e, &mine);
    if (code != DF_OK) {
        item->state = "failed";
        item->error = mine;
        r->stopped = true;
    } else if (df_in_transaction(r->x->conn)) {
        code = run_steps(r, &e, err);
        r->reset |= execution_changes_session(&e);
    } else {
        tell_only(&e);
    }
    item->duration_ms = (int64_t)((df_monotonic_s() - e.began) * 1000);
    item->rows = e.affected;
    df_arena_release(&e.arena);
    return r->stopped ? DF_OK : code;
}

df_code df_rehearse(df_executor *x, df_migration *const *migrations, size_t count, df_direction direction,
                    df_migrate_run_item *items, df_error *err)
{
    rehearsal r = {.x = x};
    df_code code = DF_OK;
    uint32_t caps = df_conn_caps(x->conn);
    if (caps & DF_CAP_TRANSACTIONAL_DDL) DF_TRY(df_begin(x->conn, err));
    if (caps & DF_CAP_OBSERVE) code = df_observe_begin(x->conn, &r.observed, err);
    for (size_t i = 0; code == DF_OK && i < count; i++) {
        if (r.stopped)
            items[i].state = "not reached";
        else
            code = rehearse_one(&r, migrations[i], direction, &items[i], err);
    }
    df_observe_end(r.observed);
    df_rollback(x->conn);
    if (r.reset && !df_conn_lost(x->conn)) {
        df_code reset = df_session_reset(x->conn, code == DF_OK ? err : NULL);
        if (code == DF_OK) code = reset;
    }
    return code;
}
