/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two kinds of dry run. Where the server can only plan a statement, each is planned, and nothing is run. Elsewhere it is a dry run
 * that runs: everything in one transaction that is rolled back, so that later migrations see what
 * earlier ones did, with what the server says it cost: time, rows, locks, rewritten and scanned tables. What would take
 * effect at once is not run, and said; what fails after that may only lack it, and is said to be unknown.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "safety/execution/execution_int.h"

#include <stdlib.h>

enum { LOOKS = 20 }; /* at INSERTs into one table, before those that follow are taken to be like them */

typedef struct rehearsal {
    df_executor *x;
    df_observer_state *observed; /* NULL: the engine does not tell */
    bool blind;                  /* something was left out: what comes may miss it */
    bool labels;                 /* an enum has a new label, which cannot be used before a commit */
    bool unchecked;              /* foreign keys should have been off, and are not: what they find at the end says nothing */
    bool stopped;
    bool reset; /* settings may have been changed */
    df_keymap filled;            /* by table: how many INSERTs were looked at since anything else ran */
    df_migrate_step *unobserved; /* the last of the INSERTs that nobody looked at; NULL: none */
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

static const char SYNTAX_ERROR[] = "42601";

/* What fails in this one transaction alone, and not when migrations commit and settings are set; else NULL. */
static const char *why_only_here(const rehearsal *r, const df_error *err)
{
    static const char UNSAFE_NEW_ENUM_VALUE_USAGE[] = "55P04", SQLITE_FOREIGN_KEY[] = "787";
    if (r->labels && strcmp(err->native, UNSAFE_NEW_ENUM_VALUE_USAGE) == 0)
        return "uses a new label of an enum, which can be only after a commit; not rehearsed";
    if (r->unchecked && strcmp(err->native, SQLITE_FOREIGN_KEY) == 0)
        return "runs with foreign keys off, which cannot be inside a transaction; not rehearsed";
    return NULL;
}

/*
 * Whether a statement shows nothing that those before it have not shown: rows for a table that had some. A look costs the more
 * the more is locked, and behind each of a hundred thousand rows it would cost hours.
 */
static bool shows_nothing_new(rehearsal *r, const df_step *step)
{
    if (!step_is_plain_insert(step)) {
        df_keymap_clear(&r->filled);
        return false;
    }
    df_buf name = {0};
    bool added;
    df_buf_str_add(&name, step->facts.object.schema);
    df_buf_char(&name, '.');
    df_buf_str_add(&name, step->facts.object.name);
    int64_t *looks = df_keymap_put(&r->filled, df_hash(df_buf_str(&name).ptr, name.len), &added);
    df_buf_release(&name);
    if (added) *looks = 0;
    return (*looks)++ >= LOOKS;
}

/* What INSERTs did that nobody looked at belongs to the last of them, not to what runs next. */
static df_code catch_up(rehearsal *r, df_error *err)
{
    df_migrate_step *line = r->unobserved;
    r->unobserved = NULL;
    return line ? observe(r, line, err) : DF_OK;
}

static df_code run_step(rehearsal *r, execution *e, size_t i, df_error *err)
{
    df_migrate_step *line = &e->item->steps[i];
    bool nothing_new = shows_nothing_new(r, &e->steps.items[i]);
    DF_TRY(df_check_cancelled(r->x->observer, err));
    if (!nothing_new) DF_TRY(catch_up(r, err));
    if (r->blind || r->labels || r->unchecked) DF_TRY(df_savepoint(r->x->conn, "dataflow_rehearsal", err));
    df_error mine = {0};
    df_code code = step_run(e, i, &mine);
    if (code == DF_OK) {
        line->state = "rolled back";
        r->labels |= (e->steps.items[i].facts.flags & DF_SQL_ADD_VALUE) != 0;
        if (!nothing_new) return observe(r, line, err);
        r->unobserved = line;
        return DF_OK;
    }
    if (df_conn_lost(r->x->conn) || code == DF_CANCELLED) {
        *err = mine;
        return code;
    }
    line->note = df_arena_printf(r->x->arena, "%s", mine.message);
    const char *why = why_only_here(r, &mine);
    r->blind |= why != NULL;
    bool syntax = !why && mine.sql_offset && strcmp(mine.native, SYNTAX_ERROR) == 0; /* wherever it stands */
    if (!r->blind || syntax) {
        e->item->error = mine;
        return DF_OK;
    }
    line->state = "not run";
    line->note = why ? why : df_arena_printf(r->x->arena, "cannot be told without what was left out before: %s", mine.message);
    return df_rollback_to(r->x->conn, "dataflow_rehearsal", err);
}

/* ---- one migration ---- */

/*
 * Behind each migration comes its commit, and the next one finds the settings as they were before: a dump's empty search path is
 * its own affair. What waits for the commit fails here, as it would there.
 */
static df_code end_one(rehearsal *r, execution *e, df_error *err)
{
    df_error mine = {0};
    DF_TRY(catch_up(r, err));
    df_code code = df_rehearse_commit(r->x->conn, !r->blind && !r->unchecked, &mine);
    if (code == DF_OK) return DF_OK;
    if (df_conn_lost(r->x->conn) || code == DF_CANCELLED) {
        *err = mine;
        return code;
    }
    df_error_prefix(&mine, "at its commit");
    commit_explain(e, &mine);
    e->item->error = mine;
    e->item->state = "failed";
    r->stopped = true;
    return DF_OK;
}

static df_code run_steps(rehearsal *r, execution *e, df_error *err)
{
    bool left_out = false, unknown = false;
    df_migrate_run_item *item = e->item;
    for (size_t i = 0; i < e->steps.count; i++) {
        const char *why = why_not_run(&e->steps.items[i]);
        if (why) {
            item->steps[i].note = why;
            if (e->steps.items[i].facts.flags & DF_SQL_FOREIGN_KEYS) r->unchecked = true;
            bool frame = (e->steps.items[i].facts.flags & (DF_SQL_BEGIN | DF_SQL_COMMIT)) || e->steps.items[i].facts.cls == DF_SQL_SESSION;
            if (!frame) left_out = r->blind = true;
            continue;
        }
        DF_TRY(run_step(r, e, i, err));
        if (item->error.code) {
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

/* ---- planned, and not run ---- */

/* Where the engine commits DDL at once and plans only some statements, nothing is asked either. */
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

static const char *put_plan(rehearsal *r, const df_step *step, const df_explanation *plan)
{
    df_buf text = {0};
    bool writes = strchr(plan->kind, 'w') != NULL;
    if (strcmp(plan->kind, "s") == 0)
        df_buf_text(&text, "changes the schema; whether what is stored stands in its way is not known before it runs");
    else
        df_buf_text(&text, strcmp(plan->kind, "rw") == 0 ? "reads and writes" : writes ? "writes" : *plan->kind ? "reads" : "is understood");
    if (plan->estimated_rows >= 0 && strcmp(plan->kind, "s") != 0) {
        df_buf_text(&text, "; the plan expects about ");
        int64_t rows = (int64_t)(plan->estimated_rows + 0.5);
        df_put_count(&text, rows);
        df_buf_text(&text, rows == 1 ? " row" : " rows");
    }
    if (step->facts.flags & DF_SQL_BATCHES) df_buf_text(&text, ", committed batch by batch");
    return take(r->x->arena, &text);
}

/*
 * A plan that is refused is a failure, as the statement would be: but for what may be there only once the statements before it
 * have run.
 */
static df_code explain_step(rehearsal *r, execution *e, size_t i, df_error *err)
{
    const df_step *step = &e->steps.items[i];
    df_migrate_step *line = &e->item->steps[i];
    df_error mine = {0};
    df_explanation plan = {0};
    DF_TRY(df_check_cancelled(r->x->observer, err));
    if (step->facts.cls == DF_SQL_SESSION || step->facts.cls == DF_SQL_TRANSACTION) {
        line->note = "belongs to the session, and is not asked about";
        return DF_OK;
    }
    char *text = df_strdup(step->statement.text);
    df_code code = df_explain(r->x->conn, text, NULL, 0, r->x->arena, &plan, &mine);
    free(text);
    if (code == DF_OK) {
        line->state = "explained";
        line->note = put_plan(r, step, &plan);
        line->plan = plan.operators.len ? df_arena_cstr(r->x->arena, plan.operators) : NULL;
        r->blind |= step->facts.cls == DF_SQL_DDL;
        return DF_OK;
    }
    step_explain(e, i, &mine);
    if (code == DF_UNSUPPORTED || code == DF_CANCELLED || df_conn_lost(r->x->conn)) {
        *err = mine;
        return code;
    }
    line->note = df_arena_printf(r->x->arena, "%s", mine.message);
    if (r->blind && code == DF_NOT_FOUND) { /* of an index, a constraint: perhaps made before */
        line->note = df_arena_printf(r->x->arena, "cannot be told before the statements before it have run: %s", mine.message);
        return DF_OK;
    }
    line->state = "failed";
    e->item->state = "failed";
    e->item->error = mine;
    r->stopped = true;
    return DF_OK;
}

static df_code explain_steps(rehearsal *r, execution *e, df_error *err)
{
    bool unknown = false;
    for (size_t i = 0; i < e->steps.count && !r->stopped; i++) {
        df_error mine = {0};
        df_code code = explain_step(r, e, i, &mine);
        if (code == DF_UNSUPPORTED) {
            tell_only(e);
            return DF_OK;
        }
        if (code != DF_OK) return *err = mine, code;
        unknown |= strcmp(e->item->steps[i].state, "not run") == 0 && e->steps.items[i].facts.cls != DF_SQL_SESSION &&
                   e->steps.items[i].facts.cls != DF_SQL_TRANSACTION;
    }
    if (r->stopped) return DF_OK;
    e->item->state = unknown ? "cannot be rehearsed" : e->direction == DF_UP ? "would apply" : "would roll back";
    e->item->mode = df_arena_printf(r->x->arena, "%s; planned by the server, nothing was run", e->item->mode);
    return DF_OK;
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
        if (code == DF_OK && !r->stopped) code = end_one(r, &e, err);
        r->reset |= execution_changes_session(&e);
    } else {
        code = explain_steps(r, &e, err);
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
    if (code == DF_OK && !r.stopped) code = catch_up(&r, err);
    df_keymap_release(&r.filled);
    df_observe_end(r.observed);
    df_rollback(x->conn);
    if (r.reset && !df_conn_lost(x->conn)) {
        df_code reset = df_session_reset(x->conn, code == DF_OK ? err : NULL);
        if (code == DF_OK) code = reset;
    }
    return code;
}
