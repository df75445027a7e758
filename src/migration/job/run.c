/* SPDX-License-Identifier: Apache-2.0 */
/* Up, down, redo: choose what runs, pass the gates, run it, check, record. */
#include "base/clock.h"
#include "migration/job/job_int.h"

#include <stdio.h>

/* ---- choosing ---- */

/* What blocks is told, one by one; the first is the error. */
static df_code check_history(job_run *run, df_error *err)
{
    df_code code = DF_OK;
    for (size_t i = 0; i < run->m->set->n_findings; i++) {
        const df_file_finding *f = &run->m->set->findings[i];
        if (!f->blocks) continue;
        job_add(&run->findings, (df_migrate_finding){.severity = "error", .rule = f->kind, .file = f->file, .line = f->line,
                                                     .what = f->what, .hint = f->hint});
        if (code != DF_OK || run->options->force) continue;
        code = df_fail(err, DF_MISMATCH, "%s", f->what);
        if (f->hint) df_error_hint(err, "%s", f->hint);
        df_error_at(err, f->file, f->line);
    }
    for (size_t i = 0; i < run->plan.plan.count; i++) {
        const df_plan_item *item = &run->plan.plan.items[i];
        if (!item->blocks) continue;
        const char *file = item->migration ? df_arena_cstr(run->arena, item->migration->file) : NULL;
        job_add(&run->findings,
                (df_migrate_finding){.severity = "error", .rule = df_verdict_name(item->verdict), .file = file,
                                     .id = df_arena_cstr(run->arena, item->migration ? item->migration->id : item->applied->id),
                                     .what = item->why, .hint = item->hint});
        if (code != DF_OK || run->options->force) continue;
        code = df_fail(err, item->verdict == DF_VERDICT_RUNNING ? DF_LOCKED : DF_MISMATCH, "%s", item->why);
        if (item->hint) df_error_hint(err, "%s", item->hint);
        if (file) df_error_at(err, file, 0);
    }
    return code;
}

static bool waits(const df_plan_item *item, bool force)
{
    if (!item->migration) return false;
    switch (item->verdict) {
    case DF_VERDICT_PENDING:
    case DF_VERDICT_OUTDATED:
    case DF_VERDICT_FAILED:
    case DF_VERDICT_PARTIAL:
    case DF_VERDICT_ROLLED_BACK: return true;
    case DF_VERDICT_LATE: return !item->blocks || force;
    default: return false;
    }
}

static df_code choose_up(job_run *run, df_error *err)
{
    df_migration *target = NULL;
    const df_migrate_run_options *o = run->options;
    if (o->target && strcmp(o->target, "latest") != 0) DF_TRY(df_migration_find(run->m->set, df_str_from(o->target), &target, err));
    if (o->target && strcmp(o->target, "latest") != 0 && !target) {
        df_fail(err, DF_NOT_FOUND, "no migration of %s is called %s", run->m->config.folder, o->target);
        df_error_hint(err, "`dataflow status` lists them");
        return DF_NOT_FOUND;
    }
    for (size_t i = 0; i < run->plan.plan.count; i++) {
        df_plan_item *item = &run->plan.plan.items[i];
        if (!waits(item, o->force)) continue;
        if (target && item->migration->position > target->position) continue;
        if (o->steps && (int64_t)run->count >= o->steps) break;
        run->chosen[run->count] = item;
        run->migrations[run->count++] = item->migration;
    }
    for (size_t i = 0; i < run->count; i++) {
        const df_applied *row = run->chosen[i]->applied;
        if (!row || row->status != DF_APPLIED_IN_PROGRESS || !row->down) continue;
        df_fail(err, DF_INCOMPLETE, "%.*s was being taken back, and that stopped half-way", DF_FMT(row->id));
        df_error_hint(err, "`dataflow down --steps 1` goes on with taking it back; `dataflow why` shows where it stands");
        return DF_INCOMPLETE;
    }
    return DF_OK;
}

/* A migration whose file is gone, made of what the history kept of it. */
static df_code from_history(job_run *run, const df_applied *row, df_migration **out, df_error *err)
{
    df_migration *m = df_arena_zalloc(run->arena, sizeof *m);
    df_str down = DF_STR_NONE;
    DF_TRY(df_ledger_source(run->m->ledger, row->id, "down", run->arena, &down, err));
    *m = (df_migration){.id = row->id, .version = row->version, .name = row->name, .file = row->id, .loaded = true};
    m->meta.estimated_ms = -1;
    const char *path = df_arena_printf(run->arena, "%.*s (as it was applied)", DF_FMT(row->id));
    *out = m;
    return df_section_of_text(run->m->set, down, path, &m->down, err);
}

/* What there is to take back of a row. */
static bool can_go_down(const df_applied *row)
{
    if (row->repeatable) return false;
    return row->status == DF_APPLIED_COMPLETED || row->status == DF_APPLIED_IN_PROGRESS ||
           (row->status == DF_APPLIED_FAILED && row->steps_done);
}

/*
 * Whoever types `down` after a failure means what has just failed: when nothing of it is left there is nothing to do, but the
 * migration before it, which is good, is not to be taken back in its place.
 */
static const df_applied *just_failed(const job_run *run)
{
    const df_applied *newest = NULL;
    for (size_t i = 0; i < run->plan.n_applied; i++) {
        const df_applied *row = &run->plan.applied[i];
        bool counts = row->status == DF_APPLIED_COMPLETED || row->status == DF_APPLIED_FAILED || row->status == DF_APPLIED_IN_PROGRESS;
        if (counts && !row->repeatable && (!newest || row->sequence > newest->sequence)) newest = row;
    }
    return newest && newest->status == DF_APPLIED_FAILED && !newest->steps_done && !newest->down ? newest : NULL;
}

static const df_applied *newest_below(const job_run *run, int64_t sequence)
{
    const df_applied *found = NULL;
    for (size_t i = 0; i < run->plan.n_applied; i++) {
        const df_applied *row = &run->plan.applied[i];
        if (!can_go_down(row) || row->sequence >= sequence) continue;
        if (!found || row->sequence > found->sequence) found = row;
    }
    return found;
}

static df_plan_item *item_of(const job_run *run, const df_applied *row)
{
    for (size_t i = 0; i < run->plan.plan.count; i++)
        if (run->plan.plan.items[i].applied == row) return &run->plan.plan.items[i];
    return NULL;
}

static const df_applied *find_applied(const job_run *run, const char *wanted)
{
    for (size_t i = 0; i < run->plan.n_applied; i++) {
        const df_applied *row = &run->plan.applied[i];
        if (!can_go_down(row)) continue;
        if (df_str_is(row->id, wanted) || (row->version.len && df_version_compare(row->version, df_str_from(wanted)) == 0)) return row;
    }
    return NULL;
}

static df_code choose_row(job_run *run, const df_applied *row, df_error *err)
{
    df_plan_item *item = item_of(run, row);
    if (!item) return df_fail(err, DF_BUG, "the plan has no item for %.*s", DF_FMT(row->id));
    df_migration *migration = item->migration;
    if (!migration) DF_TRY(from_history(run, row, &migration, err));
    run->chosen[run->count] = item;
    run->migrations[run->count++] = migration;
    return DF_OK;
}

static df_code choose_down(job_run *run, df_error *err)
{
    const df_migrate_run_options *o = run->options;
    const df_applied *target = NULL;
    bool to_nothing = o->target && strcmp(o->target, "0") == 0;
    if (o->target && !to_nothing && !(target = find_applied(run, o->target))) {
        df_fail(err, DF_NOT_FOUND, "version %s is not applied, so nothing can be taken back to it", o->target);
        df_error_hint(err, "`dataflow status` lists what is applied; --target 0 takes everything back");
        return DF_NOT_FOUND;
    }
    const df_applied *failed = o->target || o->steps ? NULL : just_failed(run);
    if (failed) {
        df_log(run->m->config.observer, DF_LOG_WARNING,
               "%.*s failed and left nothing: it counts as taken back. The one before it: down --steps 1", DF_FMT(failed->id));
        return choose_row(run, failed, err);
    }
    int64_t limit = o->steps ? o->steps : o->target ? INT64_MAX : 1, below = INT64_MAX;
    for (const df_applied *row; (int64_t)run->count < limit && (row = newest_below(run, below)); below = row->sequence) {
        if (target && row->sequence <= target->sequence) break;
        DF_TRY(choose_row(run, row, err));
    }
    return DF_OK;
}

/* ---- running ---- */

static void fill_report(job_run *run)
{
    df_migrate_run_report *r = run->report;
    r->items = df_arena_zalloc(run->arena, (run->count + 1) * sizeof *r->items);
    r->count = run->count;
    for (size_t i = 0; i < run->count; i++) {
        const df_migration *m = run->migrations[i];
        r->items[i] = (df_migrate_run_item){
            .id = df_arena_cstr(run->arena, m->id), .version = m->version.ptr ? df_arena_cstr(run->arena, m->version) : NULL,
            .file = df_arena_cstr(run->arena, m->file), .risk = df_risk_name(m->meta.risk), .state = "not reached", .mode = "",
            .description = m->meta.description.ptr ? df_arena_cstr(run->arena, m->meta.description) : NULL,
            .duration_ms = DF_MIGRATE_UNKNOWN, .estimated_ms = m->meta.estimated_ms, .rows = DF_MIGRATE_UNKNOWN};
    }
}

static df_code load_chosen(job_run *run, df_error *err)
{
    for (size_t i = 0; i < run->count; i++) DF_TRY(df_migration_load(run->m->set, run->migrations[i], err));
    return DF_OK;
}

static df_code hooks(job_run *run, const char *when, const char *id, bool failed, df_error *err)
{
    df_hook_context context = {.when = when, .migration_id = id, .direction = run->direction == DF_UP ? "up" : "down",
                               .environment = job_environment(run->m), .failed = failed};
    if (run->direction == DF_UP)
        DF_TRY(df_hooks_run(&run->x, run->m->callbacks, run->m->n_callbacks, &context, &run->findings.items, &run->findings.count,
                            &run->findings.cap, err));
    return df_hooks_run(&run->x, run->m->config.hooks, run->m->config.n_hooks, &context, &run->findings.items,
                        &run->findings.count, &run->findings.cap, err);
}

static void tell_run(const job_run *run, const char *name, df_code code)
{
    if (!run->x.event) return;
    char now[40];
    df_buf out = {0};
    df_json_writer w = {.out = &out};
    df_time_format(df_now_ms(), now);
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "event", name);
    df_json_add_text(&w, "time", now);
    df_json_add_text(&w, "run_id", run->x.run_id);
    df_json_add_text(&w, "direction", run->direction == DF_UP ? "up" : "down");
    df_json_add_text(&w, "environment", job_environment(run->m));
    df_json_add_int(&w, "migrations", (int64_t)run->count);
    df_json_add_int(&w, "done", run->report->done);
    df_json_add_text(&w, "result", df_code_name(code));
    df_json_end(&w, '}');
    run->x.event(run->x.event_context, df_buf_cstr(&out));
    df_buf_release(&out);
}

static df_code choose(job_run *run, size_t i, const char **passed_over, df_error *err)
{
    bool begun = run->chosen[i]->verdict == DF_VERDICT_PARTIAL;
    return job_choose(run->m, run->migrations[i], begun, run->arena, passed_over, err);
}

static df_code run_one(job_run *run, size_t i, df_error *err)
{
    df_migrate_run_item *item = &run->report->items[i];
    const df_observer *observer = run->m->config.observer;
    const char *passed_over = NULL;
    /* Only now: a migration before it may have made what it asks for. */
    if (run->direction == DF_UP) DF_TRY(choose(run, i, &passed_over, err));
    if (passed_over) {
        item->state = "passed over";
        item->mode = passed_over;
        return job_note_passed_over(run->m, run->migrations[i], passed_over, run->x.run_id, err);
    }
    DF_TRY(hooks(run, "before-each", item->id, false, err));
    item->state = NULL; /* it is reached */
    df_lease_tell(run->m->ledger, item->id);
    df_log(observer, DF_LOG_INFO, "%s %s", run->direction == DF_UP ? "applying" : "taking back", item->file);
    DF_TRY(df_execute(&run->x, run->migrations[i], run->chosen[i]->applied, run->direction, item, err));
    run->report->done++;
    df_report_progress(observer, "migrations", run->m->config.folder, (int64_t)i + 1, (int64_t)run->count);
    if (item->estimated_ms > 0 && item->duration_ms > 2 * item->estimated_ms)
        job_add(&run->findings, (df_migrate_finding){.severity = "warning", .rule = "slower-than-estimated", .id = item->id,
                    .what = df_arena_printf(run->arena, "%s took %lld ms, more than twice its estimate of %lld ms", item->id,
                                            (long long)item->duration_ms, (long long)item->estimated_ms)});
    return hooks(run, "after-each", item->id, false, err);
}

/* A check after the run failed: what this run applied goes back, newest first. */
static df_code take_back(job_run *run, df_error *err)
{
    df_error failed = *err;
    df_migrate_run_item undone;
    for (size_t i = run->count; i-- > 0;) {
        df_migrate_run_item *item = &run->report->items[i];
        if (strcmp(item->state, "applied") != 0 && strcmp(item->state, "resumed") != 0) continue;
        if (!run->migrations[i]->down.present) {
            df_fail(err, DF_INCOMPLETE, "%s; and %s has no down section, so it stays", failed.message, item->id);
            df_error_hint(err, "mend the data, or restore the backup: dataflow backup restore latest");
            return DF_INCOMPLETE;
        }
        undone = (df_migrate_run_item){.id = item->id, .estimated_ms = DF_MIGRATE_UNKNOWN};
        run->x.reason = "a check after the run failed";
        df_code code = df_execute(&run->x, run->migrations[i], NULL, DF_DOWN, &undone, err);
        if (code != DF_OK) {
            df_error_prefix(err, "%s; and taking it back failed", failed.message);
            err->code = DF_INCOMPLETE;
            return DF_INCOMPLETE;
        }
        item->state = "rolled_back";
        item->undone = "all";
        for (size_t k = 0; k < item->n_steps; k++) item->steps[k].state = "undone";
        run->report->done--;
    }
    *err = failed;
    df_error_hint(err, "everything that this run applied was taken back");
    return err->code;
}

static df_code run_all(job_run *run, df_error *err)
{
    df_code code = hooks(run, "before", NULL, false, err);
    for (size_t i = 0; code == DF_OK && i < run->count; i++) {
        code = df_check_cancelled(run->m->config.observer, err);
        if (code == DF_OK) code = run_one(run, i, err);
    }
    bool checked = false;
    if (code == DF_OK) {
        code = hooks(run, "check", NULL, false, err);
        checked = code != DF_OK;
    }
    if (checked && run->direction == DF_UP && !run->m->config.keep_on_failed_check && !df_conn_lost(run->x.conn)) code = take_back(run, err);
    df_error ignored = {0};
    if (code != DF_OK && hooks(run, "failed", NULL, true, &ignored) != DF_OK)
        df_log(run->m->config.observer, DF_LOG_WARNING, "%s", ignored.message);
    /* Maintenance mode must not stay on because a migration failed and was taken back. */
    df_code after = hooks(run, "after", NULL, code != DF_OK, code == DF_OK ? err : &ignored);
    if (code != DF_OK && after != DF_OK) df_log(run->m->config.observer, DF_LOG_WARNING, "%s", ignored.message);
    return code == DF_OK ? after : code;
}

/* What the preconditions pass over now is left out; what is asserted of a state that earlier ones would make is not known. */
static df_code rehearse(job_run *run, df_error *err)
{
    df_migration **migrations = df_arena_zalloc(run->arena, (run->count + 1) * sizeof *migrations);
    df_migrate_run_item *items = df_arena_zalloc(run->arena, (run->count + 1) * sizeof *items);
    size_t *from = df_arena_zalloc(run->arena, (run->count + 1) * sizeof *from), n = 0;
    for (size_t i = 0; i < run->count; i++) {
        const char *passed_over = NULL;
        df_error mine = {0};
        if (run->direction == DF_UP && choose(run, i, &passed_over, &mine) != DF_OK) {
            if (df_conn_lost(run->m->conn)) return *err = mine, mine.code;
            job_add_error(&run->findings, "precondition", run->report->items[i].id, &mine);
        }
        if (passed_over) {
            run->report->items[i].state = "passed over";
            run->report->items[i].mode = passed_over;
            continue;
        }
        from[n] = i;
        items[n] = run->report->items[i];
        migrations[n++] = run->migrations[i];
    }
    df_code code = df_rehearse(&run->x, migrations, n, run->direction, items, err);
    for (size_t i = 0; i < n; i++) {
        run->report->items[from[i]] = items[i];
        if (code != DF_OK || !items[i].error.code) continue;
        *err = items[i].error; /* it would fail */
        code = err->code;
    }
    return code;
}

static df_code run_locked(job_run *run, df_error *err)
{
    DF_TRY(job_make_plan(run->m, false, true, run->arena, &run->plan, err));
    size_t most = run->plan.plan.count + run->plan.n_applied + 1;
    run->chosen = df_arena_zalloc(run->arena, most * sizeof *run->chosen);
    run->migrations = df_arena_zalloc(run->arena, most * sizeof *run->migrations);
    if (run->direction == DF_UP) DF_TRY(check_history(run, err));
    DF_TRY(run->direction == DF_UP ? choose_up(run, err) : choose_down(run, err));
    DF_TRY(load_chosen(run, err));
    fill_report(run);
    if (!run->count) return DF_OK;
    DF_TRY(df_hooks_look(run->m->config.hooks, run->m->config.n_hooks, err));
    DF_TRY(run->direction == DF_UP ? job_gates_up(run, err) : job_gates_down(run, err));
    if (run->options->dry_run) return rehearse(run, err);
    DF_TRY(df_watch_open(run->m->config.observer, run->m->config.database_url, &run->m->open_options, &run->x.watch, err));
    tell_run(run, "run_started", DF_OK);
    df_code code = run_all(run, err);
    run->m->conn = run->x.conn;
    if (run->report->done && !df_conn_lost(run->m->conn)) job_keep_schema(run->m, run->x.run_id);
    tell_run(run, "run_completed", code);
    return code;
}

static df_code run_direction(df_migrate *m, df_direction direction, const df_migrate_run_options *options, df_arena *arena,
                             df_migrate_run_report *out, df_error *err)
{
    static const df_migrate_run_options defaults = {0};
    df_error mine = {0};
    job_run run = {.m = m, .options = options ? options : &defaults, .arena = arena, .direction = direction, .report = out,
                   .findings = {.arena = arena}, .began = df_monotonic_s()};
    *out = (df_migrate_run_report){.dry_run = run.options->dry_run};
    DF_TRY(job_files(m, err));
    DF_TRY(run.options->dry_run ? job_connect(m, false, err) : job_ledger(m, NULL, err));
    job_executor(m, &run.x, arena);
    run.x.reason = run.options->reason;
    run.x.forced = run.options->force;
    run.x.lease = job_lease(m, direction == DF_UP ? "up" : "down");
    out->run_id = df_arena_printf(arena, "%s", run.x.run_id);
    df_code code = DF_OK;
    if (!run.options->dry_run) {
        df_log(m->config.observer, DF_LOG_INFO, "Attempting to acquire migration lock");
        code = df_lease_take(m->ledger, &run.x.lease, &mine);
        if (code == DF_OK) df_log(m->config.observer, DF_LOG_INFO, "Migration lock acquired");
    }
    if (code == DF_OK) code = run_locked(&run, &mine);
    job_executor_done(m, &run.x);
    if (!run.options->dry_run) df_lease_give(m->ledger);
    out->findings = run.findings.items;
    out->n_findings = run.findings.count;
    out->duration_s = df_monotonic_s() - run.began;
    if (code != DF_OK && err) *err = mine;
    return code;
}

df_code df_migrate_up(df_migrate *m, const df_migrate_run_options *options, df_migrate_run_report *out, df_error *err)
{
    return run_direction(m, DF_UP, options, job_report(m, REPORT_RUN), out, err);
}

df_code df_migrate_down(df_migrate *m, const df_migrate_run_options *options, df_migrate_run_report *out, df_error *err)
{
    return run_direction(m, DF_DOWN, options, job_report(m, REPORT_RUN), out, err);
}

df_code df_migrate_redo(df_migrate *m, const df_migrate_run_options *options, df_migrate_run_report *out, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_RUN);
    df_migrate_run_options again = options ? *options : (df_migrate_run_options){0};
    df_migrate_run_report down, up = {0};
    df_code code = run_direction(m, DF_DOWN, options, arena, &down, err);
    *out = down;
    if (code != DF_OK || again.dry_run || !down.done) return code;
    again.target = NULL;
    again.steps = down.done;
    code = run_direction(m, DF_UP, &again, arena, &up, err);
    out->count = down.count + up.count;
    out->items = df_arena_zalloc(arena, (out->count + 1) * sizeof *out->items);
    memcpy(out->items, down.items, down.count * sizeof *out->items);
    if (up.count) memcpy(out->items + down.count, up.items, up.count * sizeof *out->items);
    out->done = up.done;
    out->duration_s += up.duration_s;
    out->backup_id = up.backup_id;
    job_findings all = {.arena = arena};
    for (size_t i = 0; i < down.n_findings; i++) job_add(&all, down.findings[i]);
    for (size_t i = 0; i < up.n_findings; i++) job_add(&all, up.findings[i]);
    out->findings = all.items;
    out->n_findings = all.count;
    return code;
}
