/* SPDX-License-Identifier: Apache-2.0 */
/* What both ways of running share: reading the statements, the report, the record of a failure. */
#include "base/clock.h"
#include "safety/execution/execution_int.h"

#include <stdio.h>

static void hear(void *context, const char *severity, const char *message)
{
    const execution *e = context;
    df_str id = e->migration->id;
    if (strcasecmp(severity, "WARNING") == 0)
        df_log(e->x->observer, DF_LOG_WARNING, "%.*s: %s", DF_FMT(id), message);
    else
        df_log(e->x->observer, DF_LOG_INFO, "%.*s: %s: %s", DF_FMT(id), severity, message);
}

df_journal_row *find_row(df_journal_row *rows, size_t count, int32_t number)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rows[middle].number == number) return &rows[middle];
        if (rows[middle].number < number) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

/* ---- preparing ---- */

static void make_report(execution *e)
{
    df_arena *arena = e->x->arena;
    df_migrate_run_item *item = e->item;
    size_t n = e->steps.count;
    item->steps = df_arena_zalloc(arena, (n ? n : 1) * sizeof *item->steps);
    item->n_steps = n;
    e->rows = df_arena_zalloc(arena, (n ? n : 1) * sizeof *e->rows);
    e->effects = df_arena_zalloc(&e->arena, (n ? n : 1) * sizeof *e->effects);
    for (size_t i = 0; i < n; i++) {
        const df_step *step = &e->steps.items[i];
        item->steps[i] = (df_migrate_step){.number = step->statement.number, .line = step->statement.line,
                                           .tag = df_arena_printf(arena, "%s", step->facts.tag),
                                           .text = first_line(arena, step->statement.text),
                                           .state = "not run", .rows = DF_MIGRATE_UNKNOWN};
        enum { KEPT = 2000 };
        df_str text = step->statement.text;
        if (text.len > KEPT) text.len = KEPT;
        while (text.len && text.len < step->statement.text.len && ((unsigned char)text.ptr[text.len] & 0xC0) == 0x80)
            text.len--;
        e->rows[i] = (df_journal_row){.number = step->statement.number, .line = step->statement.line,
                                      .direction = e->direction, .tag = df_str_from(item->steps[i].tag),
                                      .text = text, .rows = -1, .status = DF_STEP_INTENT};
        df_hash_hex(step->hash, e->rows[i].hash);
    }
    item->mode = e->units.whole ? "one transaction"
                                : df_arena_printf(arena, "statement by statement: %s", e->units.why);
}

df_code execution_prepare(execution *e, df_error *err)
{
    df_executor *x = e->x;
    if (!e->item->id) e->item->id = df_arena_cstr(x->arena, e->migration->id);
    DF_TRY(df_migration_load(x->set, e->migration, err));
    e->section = e->direction == DF_UP ? &e->migration->up : &e->migration->down;
    DF_TRY(df_section_steps(x->set, e->section, &x->placeholders, &e->arena, &e->steps, err));
    DF_TRY(df_units_make(df_conn_dialect(x->conn), e->section, &e->steps, &e->arena, &e->units, err));
    char checksum[65] = "";
    if (e->direction == DF_UP) snprintf(checksum, sizeof checksum, "%s", e->steps.checksum);
    e->run = (df_run){.migration = e->migration, .direction = e->direction, .n_steps = e->steps.count,
                      .checksum = df_arena_printf(&e->arena, "%s", checksum), .journalled = !e->units.whole,
                      .reason = x->reason};
    snprintf(e->run.run_id, sizeof e->run.run_id, "%s", x->run_id);
    make_report(e);
    return DF_OK;
}

/* ---- around a run ---- */

static void tell(const execution *e, const char *name, const df_error *err)
{
    df_json_writer w;
    df_buf out = {0};
    if (!event_begin(e->x, &w, &out, name)) return;
    df_json_add_str(&w, "migration", e->migration->id);
    df_json_add_text(&w, "direction", e->direction == DF_UP ? "up" : "down");
    df_json_add_text(&w, "mode", e->units.whole ? "transaction" : "journalled");
    df_json_add_int(&w, "statements", (int64_t)e->steps.count);
    if (strcmp(name, "migration_started") != 0) {
        df_json_add_int(&w, "duration_ms", e->item->duration_ms);
        df_json_add_int(&w, "rows", e->affected);
    }
    if (e->item->undone) df_json_add_text(&w, "undone", e->item->undone);
    if (err) {
        df_json_add_text(&w, "code", df_code_name(err->code));
        df_json_add_text(&w, "native", err->native);
        df_json_add_text(&w, "message", err->message);
    }
    event_end(e->x, &w, &out);
}

/* Settings that a script made must not reach the next one. A SELECT may call set_config. */
bool execution_changes_session(const execution *e)
{
    for (size_t i = 0; i < e->steps.count; i++) {
        df_sql_class cls = e->steps.items[i].facts.cls;
        if (cls == DF_SQL_SESSION || cls == DF_SQL_QUERY || cls == DF_SQL_ROUTINE || cls == DF_SQL_UNKNOWN) return true;
        if (e->steps.items[i].facts.flags & DF_SQL_TEMPORARY) return true;
    }
    return false;
}

static void record_failure(execution *e, const df_error *why)
{
    if (!e->run.migration) return;        /* its file could not be read: nothing was begun */
    if (df_conn_lost(e->x->conn)) return; /* the next run finds what is there */
    if (why->code == DF_LOCKED) return;   /* the record is another run's now */
    df_error ignored = {0};
    df_code code = df_ledger_fail(e->x->ledger, &e->run, why, e->item->undone ? e->item->undone : "none",
                                  e->item->duration_ms, &ignored);
    if (code != DF_OK)
        df_log(e->x->observer, DF_LOG_WARNING, "the failure could not be recorded: %s", ignored.message);
}

static df_code finish(execution *e, df_code code, df_error *err)
{
    df_migrate_run_item *item = e->item;
    item->duration_ms = (int64_t)((df_monotonic_s() - e->began) * 1000);
    item->rows = e->affected;
    if (code == DF_OK) {
        if (!item->state) item->state = e->direction == DF_UP ? "applied" : "rolled_back";
        tell(e, "migration_completed", NULL);
        return DF_OK;
    }
    if (!item->undone) item->undone = "all";
    item->error = *err;
    item->state = code == DF_CANCELLED ? "stopped" : "failed";
    if (code != DF_CANCELLED || strcmp(item->undone, "all") == 0) record_failure(e, err);
    tell(e, "migration_failed", err);
    bool left = strcmp(item->undone, "all") != 0;
    if (left && code != DF_CANCELLED) err->code = code = DF_INCOMPLETE;
    if (left && !*err->hint)
        df_error_hint(err, "%srun the same command again: it goes on at this statement; `dataflow why` explains",
                      code == DF_CANCELLED ? "" : "mend the cause and ");
    if (!left && !*err->hint && e->direction == DF_UP)
        df_error_hint(err, "nothing of this migration was kept; mend the file and run the same command again");
    item->error = *err;
    return code;
}

/* ---- taking back what was applied in part ---- */

static df_code undo_partial(execution *e, df_error *err)
{
    df_journal_row *before;
    size_t count;
    DF_TRY(df_ledger_journal(e->x->ledger, e->migration->id, DF_UP, &e->arena, &before, &count, err));
    for (size_t i = 0; i < count; i++) {
        df_journal_row *row = find_row(e->rows, e->steps.count, before[i].number);
        if (!row) continue;
        row->status = before[i].status;
        row->ms = before[i].ms;
        memcpy(row->hash, before[i].hash, sizeof row->hash);
    }
    for (size_t k = 0; k < e->steps.count; k++) {
        verdict_of_doubt verdict;
        const char *why;
        if (e->rows[k].status != DF_STEP_INTENT) continue;
        e->rows[k].status = DF_STEP_FAILED; /* never begun, unless the journal has an intent */
        const df_journal_row *intent = find_row(before, count, e->rows[k].number);
        if (!intent || intent->status != DF_STEP_INTENT) continue;
        DF_TRY(resolve_doubt(e, k, intent, &verdict, &why, err));
        if (verdict == DOUBT_DONE || (e->steps.items[k].facts.flags & DF_SQL_BATCHES)) e->rows[k].status = DF_STEP_DONE;
    }
    e->item->undone = undo_done(e);
    if (strcmp(e->item->undone, "all") != 0) {
        df_fail(err, DF_INCOMPLETE, "%.*s: not everything that was applied of it could be taken back",
                DF_FMT(e->migration->id));
        df_error_hint(err, "`dataflow why` shows what is left; `dataflow up` goes on with it instead");
        return DF_INCOMPLETE;
    }
    df_run down = e->run;
    down.direction = DF_DOWN;
    down.journalled = true;
    df_run_result result = {.duration_ms = (int64_t)((df_monotonic_s() - e->began) * 1000)};
    e->item->state = "rolled_back";
    return df_ledger_complete(e->x->ledger, &down, &result, err);
}

static bool is_unfinished(const df_applied *before)
{
    return before && (before->status == DF_APPLIED_IN_PROGRESS || before->status == DF_APPLIED_FAILED);
}

static df_code execute_once(df_executor *x, df_migration *migration, const df_applied *before, df_direction direction,
                            bool take_back_part, df_migrate_run_item *item, df_error *err)
{
    df_error mine = {0};
    execution e = {.x = x, .migration = migration, .item = item, .began = df_monotonic_s(),
                   .direction = take_back_part ? DF_UP : direction};
    df_code code = execution_prepare(&e, &mine);
    if (code == DF_OK) {
        e.run.first = !before && direction == DF_UP;
        e.run.resumed = is_unfinished(before) && before->down == (direction == DF_DOWN);
        df_on_notice(x->conn, hear, &e);
        watch_begin(x->watch, df_arena_cstr(&e.arena, migration->id), item->estimated_ms);
        tell(&e, "migration_started", NULL);
        code = take_back_part ? undo_partial(&e, &mine) : e.units.whole ? run_whole(&e, &mine) : run_journalled(&e, &mine);
        watch_end(x->watch);
        df_on_notice(x->conn, NULL, NULL);
    } else {
        e.item->mode = e.item->mode ? e.item->mode : "";
    }
    code = finish(&e, code, &mine);
    if (code != DF_OK && err) *err = mine;
    if (e.steps.count && execution_changes_session(&e) && !df_conn_lost(x->conn)) {
        df_code reset = df_session_reset(x->conn, code == DF_OK ? err : NULL);
        if (code == DF_OK) code = reset;
    }
    df_arena_release(&e.arena);
    return code;
}

df_code df_execute(df_executor *x, df_migration *migration, const df_applied *before, df_direction direction,
                   df_migrate_run_item *item, df_error *err)
{
    bool take_back_part = direction == DF_DOWN && is_unfinished(before) && !before->down;
    df_error mine = {0};
    df_code code = execute_once(x, migration, before, direction, take_back_part, item, &mine);
    bool in_vain = take_back_part && code == DF_INCOMPLETE && item->undone && strcmp(item->undone, "none") == 0;
    if (in_vain && !x->forced)
        df_error_hint(&mine, "`dataflow why` shows what is left; `dataflow up` goes on with it; to run its whole down section as it "
                             "stands: --force");
    if (in_vain && x->forced) {
        df_log(x->observer, DF_LOG_WARNING, "%.*s: its down section is run as it stands", DF_FMT(migration->id));
        item->state = item->undone = NULL;
        item->error = mine = (df_error){0};
        code = execute_once(x, migration, before, direction, false, item, &mine);
    }
    if (code != DF_OK && err) *err = mine;
    return code;
}
