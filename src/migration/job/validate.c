/* SPDX-License-Identifier: Apache-2.0 */
/* Reading every file as `up` and `down` would, and saying what is wrong or risky, without running anything. */
#include "migration/job/job_int.h"
#include "migration/job/references.h"
#include "safety/execution/own_nodes.h"
#include "sql/modern.h"

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
    size_t first_soft; /* 1 + the first finding that matters less once it is applied; 0: none */
    df_code code; /* of what ended it: a lost connection */
    df_error *err;
    int32_t version; /* of the server, as df_sql_version; 0: not known */
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

/*
 * What will not run on this server, with the modern form. A file that is applied is as it is: what it could be written better is only
 * noted, and what a later server refuses is no error of today.
 */
static void check_modern(validation *v, const df_section *section, const df_step *step)
{
    static const char *const severities[] = {[DF_SQL_NOTICE] = "note", [DF_SQL_WARNING] = "warning", [DF_SQL_ERROR] = "error"};
    size_t n;
    const df_sql_finding *found = df_sql_modern(v->m->dialect, step->statement.text, v->version, &v->scratch, &n);
    for (size_t i = 0; i < n; i++) {
        df_step at = *step;
        if (section->generated && found[i].severity != DF_SQL_ERROR) continue; /* nobody wrote it so */
        if (!v->first_soft) v->first_soft = v->findings->count + 1;
        at.statement.line = step->statement.line + (found[i].line > 0 ? found[i].line - 1 : 0);
        const char *hint = found[i].rewritten.len ? df_arena_printf(v->arena, "write: %.*s", DF_FMT(found[i].rewritten)) : NULL;
        add(v, severities[found[i].severity], found[i].rule, section, &at, hint, "%s", found[i].what);
    }
}

/*
 * What `up` and `down` refuse. A label that another program may use, too, is only warned of as long as the ledger is not there: whoever
 * has not begun with us may well mean his own.
 */
static void check_own_nodes(validation *v, const df_section *section, const df_step *step)
{
    bool kept = v->m->ledger && df_ledger_exists(v->m->ledger);
    const df_migrate_config *config = &v->m->config;
    const df_own_question question = {.conn = kept ? v->m->conn : NULL, .limits = {config->lock_timeout_ms > 0 ? config->lock_timeout_ms : 0,
                                                                                            config->statement_timeout_ms},
                                      .coming = v->m->set->items, .n_coming = v->m->set->count};
    df_own_harm harm;
    if (v->code != DF_OK || (step->facts.cls != DF_SQL_DML && step->facts.cls != DF_SQL_ROUTINE)) return;
    v->code = df_own_look(&question, v->m->dialect, step->statement.text, &v->scratch, v->arena, &harm, v->err);
    if (v->code != DF_OK || !harm.what) return;
    if (!v->first_soft) v->first_soft = v->findings->count + 1;
    bool error = harm.certain && (kept || !harm.foreign_too);
    const char *asked = !kept && !harm.certain ? "; with the database at hand it is asked whether it spares them" : "";
    add(v, error ? "error" : harm.certain || kept ? "warning" : "note", "ledger-nodes", section, step, harm.hint, "statement %d %s%s",
        (int)step->statement.number, harm.what, asked);
}

static void check_statement(validation *v, const df_section *section, const df_step *step, bool up)
{
    uint32_t flags = step->facts.flags;
    int number = step->statement.number;
    if ((flags & DF_SQL_WHOLE_TABLE) && step->facts.cls == DF_SQL_DML)
        add(v, up ? "warning" : "note", "whole-table", section, step, "add a condition, or do it in batches (docs/migration-files.md)",
            "statement %d: %s without WHERE touches every row", number, step->facts.tag);
    if (up && (flags & DF_SQL_DESTROYS) && !v->migration->down.present)
        add(v, "warning", "destructive-without-down", section, step,
            "write a way down, or say in the header how to go back (rollbackStrategy)",
            "statement %d: %s destroys data, and the migration has no down section", number, step->facts.tag);
    if (step->facts.cls == DF_SQL_UNKNOWN && !*step->facts.tag)
        add(v, "note", "unknown-statement", section, step, NULL, "statement %d is of no kind that is known here", number);
    check_grammar(v, section, step);
    check_modern(v, section, step);
    check_own_nodes(v, section, step);
}

/* Schema that can be in no transaction, and data. */
static bool mixes(const validation *v, const df_steps *steps)
{
    unsigned all = 0;
    for (size_t i = 0; i < steps->count; i++) {
        unsigned concern = df_sql_concern(&steps->items[i].facts);
        bool alone = (steps->items[i].facts.flags & DF_SQL_NO_TRANSACTION) != 0;
        if (concern != DF_SQL_OF_SCHEMA || alone) all |= concern;
    }
    return v->m->dialect->neighbours_share && (all & DF_SQL_OF_SCHEMA) && (all & DF_SQL_OF_DATA);
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
    if (!units.whole && up && mixes(v, steps))
        add(v, "note", "schema-and-data", section, NULL, "two migrations, the schema's first: then the one of the data is all or nothing",
            "schema and data in one file: it runs in phases, journalled");
    else if (!units.whole && !v->m->dialect->ddl_commits && up && steps->count > 1)
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

/* What is applied has run: whether it would again matters only to a new database. */
static void soften_applied(validation *v, const job_plan *plan)
{
    for (size_t i = v->first_soft; i && i <= v->findings->count; i++) {
        df_migrate_finding *f = &v->findings->items[i - 1];
        bool error = strcmp(f->severity, "error") == 0;
        for (size_t k = 0; f->statement && f->id && k < plan->plan.count; k++) {
            const df_plan_item *item = &plan->plan.items[k];
            if (item->verdict != DF_VERDICT_APPLIED || !item->migration || !df_str_is(item->migration->id, f->id)) continue;
            f->severity = error ? "warning" : "note";
            if (error && !f->hint) f->hint = "it is applied; on a new database it could not be";
        }
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

/* Those of the folder behind the first `*taken`. */
static void take_findings(validation *v, size_t *taken)
{
    for (; *taken < v->m->set->n_findings; ++*taken) {
        const df_file_finding *f = &v->m->set->findings[*taken];
        job_add(v->findings, (df_migrate_finding){.severity = f->blocks ? "error" : "warning", .rule = f->kind, .file = f->file,
                                                  .line = f->line, .what = f->what, .hint = f->hint});
    }
}

df_code df_migrate_validate(df_migrate *m, df_migrate_validation *out, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_VALIDATION);
    job_findings findings = {.arena = arena};
    validation v = {.m = m, .findings = &findings, .arena = arena, .err = err};
    job_plan plan;
    *out = (df_migrate_validation){0};
    DF_TRY(job_files(m, err));
    v.references = (df_references){.dialect = m->dialect, .arena = &v.kept};
    if (m->config.database_url) DF_TRY(job_connect(m, false, err));
    if (m->conn) v.version = job_server_version(m);
    size_t taken = 0;
    take_findings(&v, &taken);
    for (size_t i = 0; i < m->set->count; i++) check_migration(&v, &m->set->items[i]);
    take_findings(&v, &taken); /* what is found only in a file that is read to its end: its encoding, words that are not known */
    df_arena_release(&v.scratch);
    out->checked = (int64_t)m->set->count;
    df_code code = v.code == DF_OK ? job_make_plan(m, true, false, arena, &plan, err) : v.code;
    for (size_t i = 0; code == DF_OK && i < plan.plan.count; i++) check_item(&v, &plan.plan.items[i]);
    if (code == DF_OK) soften_applied(&v, &plan);
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
