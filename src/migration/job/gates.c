/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold before anything is changed. Each gate says which flag overrides it, and each override is audited. */
#include "base/clock.h"
#include "migration/job/job_int.h"
#include "safety/execution/own_nodes.h"

#include <stdlib.h>

static const char *id_of(const job_run *run, size_t i)
{
    return df_arena_cstr(run->arena, run->migrations[i]->id);
}

/* An override that was asked for goes into the record; without one the gate stays shut. */
static df_code override(job_run *run, const char *gate, const char *what)
{
    df_buf details = {0};
    df_json_writer w = {.out = &details};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "gate", gate);
    df_json_add_text(&w, "what", what);
    df_json_add_text(&w, "reason", run->options->reason);
    df_json_add_text(&w, "run_id", run->x.run_id);
    df_json_end(&w, '}');
    df_code code = df_audit_add(run->m->ledger, DF_AUDIT_FORCED, DF_STR_NONE, df_buf_str(&details), NULL);
    df_buf_release(&details);
    job_add(&run->findings, (df_migrate_finding){.severity = "warning", .rule = gate, .what = what, .hint = "overridden by --force"});
    return code;
}

static df_code refuse(job_run *run, const char *gate, const char *what, const char *hint, df_error *err)
{
    if (run->options->force && !run->options->dry_run) {
        if (override(run, gate, what) == DF_OK) return DF_OK;
        return df_fail(err, DF_FAILED, "the override could not be written to the audit log");
    }
    job_add(&run->findings, (df_migrate_finding){.severity = "error", .rule = gate, .what = what, .hint = hint});
    if (run->options->dry_run) return DF_OK; /* a rehearsal tells what would refuse, and goes on */
    df_fail(err, DF_REFUSED, "%s", what);
    df_error_hint(err, "%s", hint);
    return DF_REFUSED;
}

/* ---- up ---- */

static df_code gate_risk(job_run *run, df_error *err)
{
    df_risk highest;
    const char *name = run->m->config.max_risk;
    if (!name) return DF_OK;
    if (!df_risk_from_name(df_str_from(name), &highest))
        return df_fail(err, DF_USAGE, "max-risk is low, medium, high or critical, not \"%s\"", name);
    for (size_t i = 0; i < run->count; i++) {
        df_risk risk = run->migrations[i]->meta.risk;
        if (risk <= highest) continue;
        const char *what = df_arena_printf(run->arena, "%s has risk %s, and environment %s allows at most %s", id_of(run, i),
                                           df_risk_name(risk), job_environment(run->m), name);
        DF_TRY(refuse(run, "risk", what, "run it with --force and --reason, or lower its risk", err));
    }
    return DF_OK;
}

static size_t distinct_approvals(const df_migrate_run_options *o)
{
    size_t n = 0;
    for (size_t i = 0; i < o->n_approvals; i++) {
        size_t k = 0;
        while (k < i && strcmp(o->approvals[k], o->approvals[i]) != 0) k++;
        n += k == i && *o->approvals[i];
    }
    return n;
}

static df_code record_approvals(job_run *run, df_error *err)
{
    for (size_t i = 0; i < run->options->n_approvals; i++) {
        df_buf details = {0};
        df_json_writer w = {.out = &details};
        df_json_begin(&w, NULL, '{');
        df_json_add_text(&w, "approved_by", run->options->approvals[i]);
        df_json_add_text(&w, "run_id", run->x.run_id);
        df_json_begin(&w, "migrations", '[');
        for (size_t k = 0; k < run->count; k++) df_json_add_str(&w, NULL, run->migrations[k]->id);
        df_json_end(&w, ']');
        df_json_end(&w, '}');
        df_code code = df_audit_add(run->m->ledger, DF_AUDIT_APPROVED, DF_STR_NONE, df_buf_str(&details), err);
        df_buf_release(&details);
        if (code != DF_OK) return code;
    }
    return DF_OK;
}

static df_code gate_approvals(job_run *run, df_error *err)
{
    size_t have = distinct_approvals(run->options);
    int64_t want = run->m->config.required_approvals;
    if ((int64_t)have < want) {
        const char *what = df_arena_printf(run->arena, "environment %s wants %lld approvals, and has %zu", job_environment(run->m),
                                           (long long)want, have);
        DF_TRY(refuse(run, "approvals", what, "name who approved: --approved-by NAME, once for each", err));
    }
    return run->options->dry_run ? DF_OK : record_approvals(run, err);
}

/* Tables that statements change with a lock that stops readers or writers. */
static df_code gate_preflight(job_run *run, df_error *err)
{
    df_arena scratch = {0};
    df_preflight_target *targets = NULL;
    size_t n = 0, cap = 0;
    df_code code = DF_OK;
    bool tables = (df_conn_caps(run->m->conn) & DF_CAP_SQL) != 0;
    for (size_t i = 0; tables && code == DF_OK && i < run->count; i++) {
        df_steps steps = {0};
        df_migration *migration = run->migrations[i];
        const df_section *section = run->direction == DF_UP ? &migration->up : &migration->down;
        code = df_section_steps(run->m->set, section, &run->m->placeholders, &scratch, &steps, err);
        for (size_t k = 0; code == DF_OK && k < steps.count; k++) {
            const df_sql_facts *f = &steps.items[k].facts;
            const df_sql_object *table = f->table.name.len ? &f->table : &f->object;
            bool is_table = table->name.len && table->kind && strcmp(table->kind, "table") == 0;
            if (!is_table || f->cls != DF_SQL_DDL || strncmp(f->tag, "CREATE TABLE", 12) == 0) continue;
            size_t seen = 0;
            while (seen < n && !(df_str_eq(targets[seen].table, table->name) && df_str_eq(targets[seen].schema, table->schema))) seen++;
            if (seen == n && n < 64) /* for looking at, not for proof: a bounded number is enough */
                DF_PUSH(targets, n, cap) = (df_preflight_target){.schema = table->schema, .table = table->name,
                                                                 .exclusive = !(f->flags & DF_SQL_CONCURRENTLY)};
        }
    }
    df_migrate_finding *findings = NULL;
    size_t n_findings = 0;
    if (code == DF_OK) code = df_preflight(run->m->conn, targets, n, run->arena, &findings, &n_findings, err);
    free(targets);
    df_arena_release(&scratch);
    for (size_t i = 0; code == DF_OK && i < n_findings; i++) {
        bool fatal = strcmp(findings[i].severity, "error") == 0;
        if (!fatal) {
            job_add(&run->findings, findings[i]);
            bool note = strcmp(findings[i].severity, "note") == 0;
            df_log(run->m->config.observer, note ? DF_LOG_INFO : DF_LOG_WARNING, "%s", findings[i].what);
        } else {
            code = refuse(run, findings[i].rule, findings[i].what, findings[i].hint ? findings[i].hint : "see `dataflow health`", err);
        }
    }
    return code;
}

/* ---- the ledger's own nodes ---- */

/* --force does not help: what would be lost is what a forced run is recorded in. */
static df_code refuse_own(job_run *run, size_t i, const df_step *step, const df_own_harm *harm, df_error *err)
{
    const df_section *section = run->direction == DF_UP ? &run->migrations[i]->up : &run->migrations[i]->down;
    const char *file = section->path ? df_arena_printf(run->arena, "%s", section->path) : df_arena_cstr(run->arena, run->migrations[i]->file);
    const char *what = df_arena_printf(run->arena, "%s: statement %d %s", id_of(run, i), (int)step->statement.number, harm->what);
    job_add(&run->findings, (df_migrate_finding){.severity = harm->certain ? "error" : "warning", .rule = "ledger-nodes", .id = id_of(run, i),
                                                 .file = file, .line = step->statement.line, .statement = step->statement.number,
                                                 .what = what, .hint = harm->hint});
    if (!harm->certain || run->options->dry_run) return DF_OK;
    df_fail(err, DF_REFUSED, "%s", what);
    df_error_hint(err, "%s", harm->hint);
    df_error_at(err, file, step->statement.line);
    return DF_REFUSED;
}

static df_code gate_own_nodes(job_run *run, df_error *err)
{
    df_arena scratch = {0}, one = {0};
    df_code code = DF_OK;
    const df_own_question question = {.conn = run->m->conn,
                                      .limits = {run->x.lock_timeout_ms, run->x.statement_timeout_ms},
                                      .may_write = !run->options->dry_run,
                                      .coming = run->m->set->items,
                                      .n_coming = run->m->set->count};
    bool graph = !(df_conn_caps(run->m->conn) & DF_CAP_SQL);
    for (size_t i = 0; graph && code == DF_OK && i < run->count; i++) {
        df_steps steps = {0};
        df_migration *migration = run->migrations[i];
        const df_section *section = run->direction == DF_UP ? &migration->up : &migration->down;
        code = df_section_steps(run->m->set, section, &run->m->placeholders, &scratch, &steps, err);
        for (size_t k = 0; code == DF_OK && k < steps.count; k++) {
            const df_step *step = &steps.items[k];
            df_own_harm harm;
            if (step->facts.cls != DF_SQL_DML && step->facts.cls != DF_SQL_ROUTINE) continue;
            code = df_own_look(&question, run->m->dialect, step->statement.text, &one, run->arena, &harm, err);
            if (code == DF_OK && harm.what) code = refuse_own(run, i, step, &harm, err);
            df_arena_reset(&one);
        }
        df_arena_reset(&scratch);
    }
    df_arena_release(&one);
    df_arena_release(&scratch);
    return code;
}

/* ---- the backup ---- */

static df_code find_fresh(job_run *run, const df_backup_place *place, const char **id, df_error *err)
{
    enum { DAY_MS = 24 * 3600 * 1000 };
    int64_t age = run->m->config.backup_max_age_ms ? run->m->config.backup_max_age_ms : DAY_MS, now = df_now_ms();
    df_migrate_backup *list;
    size_t count;
    *id = NULL;
    DF_TRY(df_backup_list(place, run->arena, &list, &count, err));
    for (size_t i = 0; i < count && !*id; i++)
        if (list[i].present && list[i].verified_ms && now - list[i].created_ms <= age) *id = list[i].id;
    return DF_OK;
}

static df_code take_backup(job_run *run, const df_backup_place *place, df_error *err)
{
    df_migrate_backup made;
    df_migrate_backup_options options = {.type = "pre-migration"};
    DF_TRY(df_backup_create(place, &options, run->arena, &made, err));
    run->report->backup_id = made.id;
    df_log(run->m->config.observer, DF_LOG_INFO, "Backup created: %s", made.id);
    if (!run->m->config.backup_keep) return DF_OK;
    df_migrate_backup *removed;
    size_t count;
    return df_backup_prune(place, run->m->config.backup_keep, false, run->arena, &removed, &count, err);
}

static df_code gate_backup(job_run *run, df_error *err)
{
    const char *policy = run->m->config.backup;
    if (!policy || strcmp(policy, "never") == 0 || run->options->dry_run) return DF_OK;
    bool fresh = strcmp(policy, "fresh") == 0;
    if (!fresh && strcmp(policy, "always") != 0)
        return df_fail(err, DF_USAGE, "backup is never, fresh or always, not \"%s\"", policy);
    if (run->options->skip_backup) {
        const char *what = df_arena_printf(run->arena, "the backup that environment %s demands was left out", job_environment(run->m));
        return override(run, "backup", what) == DF_OK ? DF_OK : df_fail(err, DF_FAILED, "--skip-backup could not be written to the audit log");
    }
    df_backup_place place = job_backups(run->m);
    const char *id = NULL;
    if (fresh) DF_TRY(find_fresh(run, &place, &id, err));
    if (id) {
        run->report->backup_id = id;
        df_log(run->m->config.observer, DF_LOG_INFO, "Backup accepted: %s", id);
        return DF_OK;
    }
    df_code code = take_backup(run, &place, err);
    if (code != DF_OK) df_error_prefix(err, "the backup before the migration");
    return code;
}

df_code job_gates_up(job_run *run, df_error *err)
{
    for (size_t i = 0; i < run->count; i++) {
        const df_metadata *meta = &run->migrations[i]->meta;
        if (meta->requires_downtime && !run->m->config.n_hooks)
            job_add(&run->findings, (df_migrate_finding){.severity = "warning", .rule = "downtime", .id = id_of(run, i),
                        .what = df_arena_printf(run->arena, "%s requires downtime, and no hook switches maintenance mode on", id_of(run, i)),
                        .hint = "set `before` and `after` hooks for this environment"});
        if (meta->breaking)
            job_add(&run->findings, (df_migrate_finding){.severity = "warning", .rule = "breaking", .id = id_of(run, i),
                        .what = df_arena_printf(run->arena, "%s is a breaking change", id_of(run, i))});
    }
    const char *what;
    DF_TRY(job_not_adopted(run->m, &run->plan, run->arena, &what, err));
    if (what) DF_TRY(refuse(run, "not-adopted", what, JOB_ADOPT_HINT "; to begin with the first all the same: --force and --reason", err));
    DF_TRY(gate_own_nodes(run, err));
    DF_TRY(gate_risk(run, err));
    DF_TRY(gate_approvals(run, err));
    DF_TRY(gate_preflight(run, err));
    return gate_backup(run, err);
}

/* ---- down ---- */

static df_code gate_no_down(job_run *run, df_error *err)
{
    for (size_t i = 0; i < run->count; i++) {
        const df_applied *row = run->chosen[i]->applied;
        bool part = row && row->status != DF_APPLIED_COMPLETED && !row->down;
        if (run->migrations[i]->down.present || part) continue;
        const char *what = df_arena_printf(run->arena, "%s has no down section: what it did cannot be taken back", id_of(run, i));
        DF_TRY(refuse(run, "no-down", what, "--force only takes it out of the history; `dataflow backup restore` brings the data back", err));
    }
    return DF_OK;
}

static df_code gate_loss(job_run *run, df_error *err)
{
    df_loss *losses;
    size_t count;
    df_buf text = {0};
    DF_TRY(df_losses(&run->x, run->migrations, run->count, run->direction, &losses, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (i < 8) df_buf_printf(&text, "%s%s", i ? "; " : "", losses[i].what);
        if (i == 8) df_buf_printf(&text, "; and %zu more", count - i);
    }
    const char *what = df_arena_printf(run->arena, "taking it back would destroy data: %s", df_buf_cstr(&text));
    df_buf_release(&text);
    if (!count) return DF_OK;
    return refuse(run, "data-loss", what, "take a backup, then run it with --force", err);
}

df_code job_gates_down(job_run *run, df_error *err)
{
    DF_TRY(gate_own_nodes(run, err));
    DF_TRY(gate_no_down(run, err));
    return gate_loss(run, err);
}
