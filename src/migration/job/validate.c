/* SPDX-License-Identifier: Apache-2.0 */
/* Reading every file as `up` and `down` would, and saying what is wrong or risky, without running anything. */
#include "migration/job/job_int.h"
#include "migration/job/references.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct validation {
    df_migrate *m;
    job_findings *findings;
    df_arena *arena;
    df_arena scratch; /* of one migration */
    df_migration *migration;
    const char *id;
    df_references references;
    df_arena kept; /* what must be remembered over all migrations */
} validation;

static void add(validation *v, const char *severity, const char *rule, const df_section *section, const df_step *step,
                const char *hint, const char *fmt, ...) DF_PRINTF(7, 8);

static void add(validation *v, const char *severity, const char *rule, const df_section *section, const df_step *step,
                const char *hint, const char *fmt, ...)
{
    char what[900];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    job_add(v->findings,
            (df_migrate_finding){.severity = severity, .rule = rule, .id = v->id,
                                 .file = section && section->path ? df_arena_printf(v->arena, "%s", section->path)
                                                                  : df_arena_cstr(v->arena, v->migration->file),
                                 .line = step ? step->statement.line : 0, .statement = step ? step->statement.number : 0,
                                 .what = df_arena_printf(v->arena, "%s", what), .hint = hint});
}

/* ---- statements ---- */

static int64_t line_at(const df_sql_statement *s, size_t offset)
{
    int64_t line = s->line;
    for (size_t i = 0; i < offset && i < s->text.len; i++) line += s->text.ptr[i] == '\n';
    return line;
}

static void check_grammar(validation *v, const df_section *section, const df_step *step)
{
    df_sql_parse parse;
    df_sql_parse_check(v->m->dialect, step->statement.text, &parse);
    if (!parse.known || parse.parses) return;
    df_step at = *step;
    at.statement.line = (int32_t)line_at(&step->statement, parse.offset);
    add(v, "warning", "does-not-parse", section, &at,
        "if the server is newer than PostgreSQL 15 this may be right: `dataflow up --dry-run` asks it",
        "statement %d does not parse: %s", (int)step->statement.number, parse.message);
}

static void check_statement(validation *v, const df_section *section, const df_step *step, bool up)
{
    uint32_t flags = step->facts.flags;
    int number = step->statement.number;
    if ((flags & DF_SQL_WHOLE_TABLE) && step->facts.cls == DF_SQL_DML)
        add(v, up ? "warning" : "note", "whole-table", section, step, "add a condition, or `-- @batch key=…` for a backfill",
            "statement %d: %s without WHERE touches every row", number, step->facts.tag);
    if (up && (flags & DF_SQL_DESTROYS) && !v->migration->down.present)
        add(v, "warning", "destructive-without-down", section, step, "write a -- DOWN section, or say in the header how to go back (rollbackStrategy)",
            "statement %d: %s destroys data, and the migration has no down section", number, step->facts.tag);
    if (step->facts.cls == DF_SQL_UNKNOWN && !*step->facts.tag)
        add(v, "note", "unknown-statement", section, step, NULL, "statement %d is of no kind that is known here", number);
    check_grammar(v, section, step);
}

/* How it would run, where that is worth knowing. */
static void check_units(validation *v, const df_section *section, const df_steps *steps, bool up)
{
    df_units units;
    df_error err = {0};
    if (df_units_make(v->m->dialect, section, steps, &v->scratch, &units, &err) != DF_OK) {
        job_add_error(v->findings, "transactions", v->id, &err);
        return;
    }
    if (!units.whole && !v->m->dialect->ddl_commits && up && steps->count > 1)
        add(v, "note", "not-one-transaction", section, NULL, NULL, "runs statement by statement, journalled: %s", units.why);
}

static void check_section(validation *v, const df_section *section, bool up)
{
    df_steps steps;
    df_error err = {0};
    if (!section->present) return;
    if (df_section_steps(v->m->set, section, &v->m->placeholders, &v->scratch, &steps, &err) != DF_OK) {
        job_add_error(v->findings, up ? "up-section" : "down-section", v->id, &err);
        return;
    }
    for (size_t i = 0; i < steps.count; i++) {
        check_statement(v, section, &steps.items[i], up);
        if (up) df_references_read(&v->references, v->migration->position, &steps.items[i]);
    }
    check_units(v, section, &steps, up);
}

static void check_migration(validation *v, df_migration *migration)
{
    df_error err = {0};
    v->migration = migration;
    v->id = df_arena_cstr(v->arena, migration->id);
    if (df_migration_load(v->m->set, migration, &err) != DF_OK) {
        job_add_error(v->findings, "unreadable", v->id, &err);
        return;
    }
    check_section(v, &migration->up, true);
    check_section(v, &migration->down, false);
    if (migration->kind == DF_VERSIONED && !migration->down.present)
        add(v, "note", "no-down", NULL, NULL, NULL, "%s has no down section", v->id);
    df_arena_reset(&v->scratch);
}

/* ---- the history ---- */

static void check_item(validation *v, const df_plan_item *item)
{
    /* What cannot be read was said when it was read. */
    if (!item->why || item->verdict == DF_VERDICT_PENDING || item->verdict == DF_VERDICT_UNREADABLE) return;
    const char *severity = item->blocks ? "error" : item->verdict == DF_VERDICT_PARTIAL ? "warning" : "note";
    job_add(v->findings, (df_migrate_finding){.severity = severity, .rule = df_verdict_name(item->verdict),
                                              .id = df_arena_cstr(v->arena, item->migration ? item->migration->id : item->applied->id),
                                              .file = item->migration ? df_arena_cstr(v->arena, item->migration->file) : NULL,
                                              .what = item->why, .hint = item->hint});
}

static df_verdict verdict_of(const job_plan *plan, const df_migration *migration)
{
    for (size_t i = 0; i < plan->plan.count; i++)
        if (plan->plan.items[i].migration == migration) return plan->plan.items[i].verdict;
    return DF_VERDICT_PENDING;
}

/* An index may come later than its key: so this is asked when everything was read. */
static void check_references(validation *v, const job_plan *plan)
{
    size_t at = 0;
    for (const df_reference *key; (key = df_references_bare(&v->references, &at)) != NULL;) {
        df_migration *migration = &v->m->set->items[key->migration];
        bool applied = verdict_of(plan, migration) == DF_VERDICT_APPLIED;
        df_buf columns = {0};
        for (size_t i = 0; i < key->columns.count; i++)
            df_buf_printf(&columns, "%s%.*s", i ? ", " : "", DF_FMT(key->columns.names[i]));
        df_arena *a = v->arena;
        job_add(v->findings,
                (df_migrate_finding){.severity = applied ? "note" : "warning", .rule = "foreign-key-without-index",
                    .id = df_arena_cstr(a, migration->id), .line = key->line, .statement = key->number,
                    .file = key->path ? df_arena_printf(a, "%s", key->path) : df_arena_cstr(a, migration->file),
                    .what = df_arena_printf(a, "statement %d: no index begins with the foreign key's columns %.*s (%s): each DELETE of "
                                            "what they refer to reads the whole table", (int)key->number, DF_FMT(key->table),
                                            df_buf_cstr(&columns)),
                    .hint = df_arena_printf(a, "CREATE INDEX ON %.*s (%s)", DF_FMT(key->table), df_buf_cstr(&columns))});
        df_buf_release(&columns);
    }
}

static int rank(const char *severity)
{
    return strcmp(severity, "error") == 0 ? 0 : strcmp(severity, "warning") == 0 ? 1 : 2;
}

/* Stable: the order of the files stays within one severity. */
static void sort_findings(job_findings *list, df_migrate_finding *out)
{
    size_t n = 0;
    for (int wanted = 0; wanted < 3; wanted++)
        for (size_t i = 0; i < list->count; i++)
            if (rank(list->items[i].severity) == wanted) out[n++] = list->items[i];
}

static void finish(validation *v, const job_plan *plan, df_migrate_validation *out)
{
    out->findings = df_arena_zalloc(v->arena, (v->findings->count + 1) * sizeof *out->findings);
    sort_findings(v->findings, out->findings);
    out->n_findings = v->findings->count;
    for (size_t i = 0; i < out->n_findings; i++) {
        out->errors += rank(out->findings[i].severity) == 0;
        out->warnings += rank(out->findings[i].severity) == 1;
    }
    out->pending = df_arena_zalloc(v->arena, (plan->plan.count + 1) * sizeof *out->pending);
    for (size_t i = 0; i < plan->plan.count; i++) {
        df_migrate_item item;
        job_fill_item(v->m, &plan->plan.items[i], v->arena, &item);
        if (item.pending) out->pending[out->n_pending++] = item;
    }
}

df_code df_migrate_validate(df_migrate *m, df_migrate_validation *out, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_VALIDATION);
    job_findings findings = {.arena = arena};
    validation v = {.m = m, .findings = &findings, .arena = arena, .references = {.dialect = m->dialect}};
    v.references.arena = &v.kept;
    job_plan plan;
    *out = (df_migrate_validation){0};
    DF_TRY(job_files(m, err));
    if (m->config.database_url) DF_TRY(job_connect(m, false, err));
    for (size_t i = 0; i < m->set->n_findings; i++) {
        const df_file_finding *f = &m->set->findings[i];
        job_add(&findings, (df_migrate_finding){.severity = f->blocks ? "error" : "warning", .rule = f->kind, .file = f->file,
                                                .line = f->line, .what = f->what, .hint = f->hint});
    }
    for (size_t i = 0; i < m->set->count; i++) check_migration(&v, &m->set->items[i]);
    df_arena_release(&v.scratch);
    out->checked = (int64_t)m->set->count;
    df_code code = job_make_plan(m, true, false, arena, &plan, err);
    for (size_t i = 0; code == DF_OK && i < plan.plan.count; i++) check_item(&v, &plan.plan.items[i]);
    if (code == DF_OK) check_references(&v, &plan);
    df_references_release(&v.references);
    df_arena_release(&v.kept);
    DF_TRY(code);
    finish(&v, &plan, out);
    if (!out->errors) return DF_OK;
    df_fail(err, DF_MISMATCH, "%zu %s found in %s; the first: %s", out->errors, out->errors == 1 ? "error was" : "errors were",
            m->config.folder, out->findings[0].what);
    if (out->findings[0].hint) df_error_hint(err, "%s", out->findings[0].hint);
    if (out->findings[0].file) df_error_at(err, out->findings[0].file, out->findings[0].line);
    return DF_MISMATCH;
}
