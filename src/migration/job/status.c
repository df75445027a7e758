/* SPDX-License-Identifier: Apache-2.0 */
/* What is there: the files and the history, side by side. */
#include "base/clock.h"
#include "migration/job/job_int.h"

static bool lock_is_held(df_holder_state state)
{
    return state == DF_HOLDER_ALIVE || state == DF_HOLDER_FROZEN || state == DF_HOLDER_HIDDEN || state == DF_HOLDER_UNKNOWN;
}

static bool any_in_progress(const df_applied *applied, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (applied[i].status == DF_APPLIED_IN_PROGRESS) return true;
    return false;
}

df_code job_make_plan(df_migrate *m, bool deep, bool held, df_arena *arena, job_plan *out, df_error *err)
{
    df_plan_options options = {.allow_late = m->config.allow_late, .deep = deep};
    *out = (job_plan){0};
    if (m->ledger && df_ledger_exists(m->ledger)) {
        DF_TRY(df_ledger_applied(m->ledger, arena, &out->applied, &out->n_applied, err));
        if (!held && any_in_progress(out->applied, out->n_applied)) { /* running, or left behind? */
            df_lock_status lock;
            DF_TRY(df_lock_look(m->ledger, arena, &lock, err));
            options.running = lock_is_held(lock.state);
        }
    }
    DF_TRY(df_plan_make(m->set, out->applied, out->n_applied, &options, arena, &out->plan, err));
    job_excuse_late(m, &out->plan, arena);
    return DF_OK;
}

const char *job_file_of(const df_plan_item *item, df_arena *arena)
{
    return df_arena_cstr(arena, item->migration ? item->migration->file : item->applied->id);
}

static const char *text_or_null(df_arena *arena, df_str s)
{
    return s.ptr ? df_arena_cstr(arena, s) : NULL;
}

static bool is_pending(df_verdict v)
{
    return v == DF_VERDICT_PENDING || v == DF_VERDICT_LATE || v == DF_VERDICT_OUTDATED || v == DF_VERDICT_FAILED ||
           v == DF_VERDICT_PARTIAL || v == DF_VERDICT_ROLLED_BACK;
}

void job_fill_item(df_migrate *m, const df_plan_item *from, df_arena *arena, df_migrate_item *out)
{
    const df_migration *file = from->migration;
    const df_applied *row = from->applied;
    (void)m;
    *out = (df_migrate_item){
        .id = df_arena_cstr(arena, file ? file->id : row->id),
        .version = text_or_null(arena, file ? file->version : row->version),
        .name = text_or_null(arena, file ? file->name : row->name),
        .file = file ? df_arena_cstr(arena, file->file) : NULL,
        .state = df_verdict_name(from->verdict),
        .pending = is_pending(from->verdict) && file != NULL,
        .blocks = from->blocks,
        .repeatable = file ? file->kind == DF_REPEATABLE : row->repeatable,
        .why = from->why,
        .hint = from->hint,
        .risk = "",
        .duration_ms = DF_MIGRATE_UNKNOWN,
        .estimated_ms = DF_MIGRATE_UNKNOWN,
        .rows_affected = DF_MIGRATE_UNKNOWN,
    };
    if (file && file->loaded) {
        out->risk = df_risk_name(file->meta.risk);
        out->description = text_or_null(arena, file->meta.description);
        out->author = text_or_null(arena, file->meta.author);
        out->estimated_ms = file->meta.estimated_ms;
    }
    if (!row) return;
    out->applied_ms = row->applied_ms;
    out->applied_by = text_or_null(arena, row->applied_by);
    out->duration_ms = row->duration_ms;
    if (out->estimated_ms < 0) out->estimated_ms = row->estimated_ms;
    out->rows_affected = row->rows_affected;
    out->steps = (int64_t)row->steps;
    out->steps_done = (int64_t)row->steps_done;
}

static void fill_findings(df_migrate *m, const df_plan *plan, job_findings *list, size_t *blocking)
{
    for (size_t i = 0; i < m->set->n_findings; i++) {
        const df_file_finding *f = &m->set->findings[i];
        job_add(list, (df_migrate_finding){.severity = f->blocks ? "error" : "note", .rule = f->kind, .file = f->file,
                                           .line = f->line, .what = f->what, .hint = f->hint});
        *blocking += df_plan_finding_blocks(plan, f);
    }
}

static df_code fill_lock(df_migrate *m, df_arena *arena, df_migrate_status *out, df_error *err)
{
    df_lock_status lock;
    if (!out->initialised) return DF_OK;
    DF_TRY(df_lock_look(m->ledger, arena, &lock, err));
    out->locked = lock_is_held(lock.state);
    if (!out->locked) return DF_OK;
    df_buf text = {0};
    df_buf_printf(&text, "%.*s@%.*s, pid %lld, %.*s", DF_FMT(lock.owner), DF_FMT(lock.host), (long long)lock.pid,
                  DF_FMT(lock.purpose));
    if (lock.acquired_ms && lock.now_ms >= lock.acquired_ms) {
        df_buf_text(&text, ", since ");
        df_put_duration(&text, (double)(lock.now_ms - lock.acquired_ms) / 1000);
    }
    if (lock.state != DF_HOLDER_ALIVE) df_buf_printf(&text, " (%s)", df_holder_state_name(lock.state));
    out->locked_by = df_arena_cstr(arena, df_buf_str(&text));
    df_buf_release(&text);
    return DF_OK;
}

static bool wants_details(df_migrate_details details, const df_plan_item *item)
{
    return details == DF_MIGRATE_DETAILS_ALL || (details == DF_MIGRATE_DETAILS_PENDING && is_pending(item->verdict));
}

/* Pairs of SQL files are golang-migrate's; in Cypher they are nobody's in particular. */
static const char *layout_name(const df_migrate *m)
{
    bool pairs = m->set->layout == DF_LAYOUT_PAIRS && m->dialect->family == DF_SQL_CYPHER;
    return pairs ? "pairs" : df_layout_name(m->set->layout);
}

df_code df_migrate_status_read(df_migrate *m, df_migrate_details details, df_migrate_status *out, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_STATUS);
    job_plan plan;
    *out = (df_migrate_status){0};
    DF_TRY(job_files(m, err));
    df_migrations_read_ahead(m->set);
    DF_TRY(job_connect(m, false, err));
    out->engine = df_conn_engine(m->conn);
    out->server = df_conn_server(m->conn);
    out->environment = job_environment(m);
    out->folder = m->config.folder;
    out->layout = layout_name(m);
    out->initialised = df_ledger_exists(m->ledger);
    DF_TRY(job_make_plan(m, false, false, arena, &plan, err));
    out->items = df_arena_zalloc(arena, (plan.plan.count + 1) * sizeof *out->items);
    for (size_t i = 0; i < plan.plan.count; i++) {
        df_plan_item *item = &plan.plan.items[i];
        if (item->migration && wants_details(details, item) &&
            df_migration_load(m->set, item->migration, NULL) != DF_OK)
            df_log(m->config.observer, DF_LOG_DEBUG, "%.*s cannot be read", DF_FMT(item->migration->file));
        df_migrate_item *to = &out->items[out->count++];
        job_fill_item(m, item, arena, to);
        bool there = item->applied && item->applied->status == DF_APPLIED_COMPLETED;
        out->applied += there;
        out->pending += to->pending;
        out->blocking += to->blocks;
        if (there && to->version && !to->repeatable) out->current = to->version;
    }
    job_findings findings = {.arena = arena};
    const char *what;
    DF_TRY(job_not_adopted(m, &plan, arena, &what, err));
    if (what) job_add(&findings, (df_migrate_finding){.severity = "warning", .rule = "not-adopted", .what = what, .hint = JOB_ADOPT_HINT});
    fill_findings(m, &plan.plan, &findings, &out->blocking);
    out->findings = findings.items;
    out->n_findings = findings.count;
    return fill_lock(m, arena, out, err);
}
