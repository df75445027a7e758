/* SPDX-License-Identifier: Apache-2.0 */
/* Taking over from another tool, or from a database that was there before; and handing back. */
#include "migration/job/job_int.h"

typedef struct adoption {
    df_migrate *m;
    const df_migrate_adopt_options *options;
    df_arena *arena;
    job_findings findings;
    job_plan plan;
    df_migrate_adopt_report *report;
    bool *marked; /* one a file */
} adoption;

static const df_applied *row_of(const adoption *a, const df_migration *migration)
{
    for (size_t i = 0; i < a->plan.plan.count; i++)
        if (a->plan.plan.items[i].migration == migration) return a->plan.plan.items[i].applied;
    return NULL;
}

static df_code mark(adoption *a, size_t file, int64_t applied_ms, df_error *err)
{
    df_migration *migration = &a->m->set->items[file];
    const df_applied *row = row_of(a, migration);
    if (a->marked[file] || (row && row->status == DF_APPLIED_COMPLETED)) return DF_OK;
    a->marked[file] = true;
    char checksum[65];
    DF_TRY(df_migration_checksum(a->m->set, migration, checksum, err));
    df_plan_item item = {.migration = migration, .verdict = DF_VERDICT_APPLIED};
    df_migrate_item *out = &a->report->items[a->report->count++];
    job_fill_item(a->m, &item, a->arena, out);
    out->applied_ms = applied_ms;
    if (a->options->dry_run) return DF_OK;
    return df_ledger_mark(a->m->ledger, migration, checksum, applied_ms, a->options->reason, err);
}

/* ---- from another tool ---- */

/* The name, with the folder of an environment in front of it. */
static bool is_inside(df_str id, df_str name)
{
    return name.len && id.len > name.len && df_str_ends(id, name) && id.ptr[id.len - name.len - 1] == '/';
}

static bool is_same(const df_migration *migration, const df_foreign_row *row)
{
    df_str version = migration->version;
    if (df_str_eq(row->version, migration->id) || df_str_eq(row->name, migration->id)) return true;
    if (version.len && version.ptr[0] >= '0' && version.ptr[0] <= '9' && is_inside(migration->id, row->name)) return true;
    if (migration->kind == DF_REPEATABLE) return !row->version.len && row->name.len && df_str_eq(row->name, migration->name);
    return row->version.len && migration->version.len && df_version_compare(row->version, migration->version) == 0;
}

/* "add users" and "add_users" are one name in a tool that replaces underscores. */
static bool same_description(df_str a, df_str b)
{
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) {
        char x = a.ptr[i] == '_' ? ' ' : a.ptr[i], y = b.ptr[i] == '_' ? ' ' : b.ptr[i];
        if (x != y) return false;
    }
    return true;
}

static df_code adopt_row(adoption *a, const df_foreign *foreign, const df_foreign_row *row, df_error *err)
{
    const df_migration_set *set = a->m->set;
    for (size_t i = 0; i < set->count; i++) {
        const df_migration *migration = &set->items[i];
        bool repeatable = migration->kind == DF_REPEATABLE && !row->version.len && same_description(row->name, migration->name);
        bool changeset = foreign->layout == DF_LAYOUT_LIQUIBASE && df_foreign_same_changeset(row->name, migration->id);
        if (!is_same(migration, row) && !repeatable && !changeset) continue;
        if (row->success) return mark(a, i, row->applied_ms, err);
        job_add(&a->findings, (df_migrate_finding){.severity = "error", .rule = "failed-elsewhere", .id = df_arena_cstr(a->arena, migration->id),
                    .what = df_arena_printf(a->arena, "%s says that %.*s failed there", foreign->table, DF_FMT(migration->id)),
                    .hint = "mend the database, then finish it with that tool, or adopt it by --baseline"});
        return DF_OK;
    }
    job_add(&a->findings, (df_migrate_finding){.severity = "warning", .rule = "no-file",
                .what = df_arena_printf(a->arena, "%s has version %.*s %.*s, which no file here has", foreign->table,
                                        DF_FMT(row->version), DF_FMT(row->name)),
                .hint = "the file was deleted or renamed; what it did stays"});
    return DF_OK;
}

/* A tool that knows the newest version alone: it and everything before it is there. */
static df_code adopt_up_to(adoption *a, df_str version, int64_t applied_ms, df_error *err)
{
    bool found = false;
    for (size_t i = 0; i < a->m->set->count; i++) {
        const df_migration *migration = &a->m->set->items[i];
        if (migration->kind != DF_VERSIONED) continue;
        int order = df_version_compare(migration->version, version);
        found |= order == 0;
        if (order <= 0) DF_TRY(mark(a, i, applied_ms, err));
    }
    if (!found)
        job_add(&a->findings, (df_migrate_finding){.severity = "warning", .rule = "no-file",
                    .what = df_arena_printf(a->arena, "no file has version %.*s; everything before it counts as applied", DF_FMT(version))});
    return DF_OK;
}

static df_code adopt_foreign(adoption *a, const df_foreign *foreign, df_error *err)
{
    a->report->tool = foreign->tool;
    a->report->table = foreign->table;
    if (foreign->dirty) {
        df_fail(err, DF_REFUSED, "%s is dirty: its last migration failed half-way", foreign->table);
        df_error_hint(err, "find out what of it took effect, finish or undo it by hand and clear the flag with that tool");
        return DF_REFUSED;
    }
    if (foreign->only_newest && foreign->count) return adopt_up_to(a, foreign->rows[0].version, foreign->rows[0].applied_ms, err);
    if (foreign->baseline.len) DF_TRY(adopt_up_to(a, foreign->baseline, 0, err));
    for (size_t i = 0; i < foreign->count; i++) DF_TRY(adopt_row(a, foreign, &foreign->rows[i], err));
    return DF_OK;
}

static df_code choose(const adoption *a, const char *name, df_foreign *all, size_t count, df_foreign **out, df_error *err)
{
    df_layout layout = DF_LAYOUT_AUTO;
    df_buf names = {0};
    *out = NULL;
    bool layout_named = name && df_layout_from_name(name, &layout);
    if (name && !layout_named && !df_foreign_knows(a->m->ledger, name)) return df_fail(err, DF_USAGE, "no tool is called \"%s\"", name);
    size_t matches = 0;
    for (size_t i = 0; i < count; i++) {
        df_buf_printf(&names, "%s%s (%s)", i ? ", " : "", all[i].tool, all[i].table);
        if (name && strcmp(all[i].tool, name) != 0 && !(layout_named && all[i].layout == layout)) continue;
        matches++;
        *out = &all[i];
    }
    const char *list = df_arena_cstr(a->arena, df_buf_str(&names));
    df_buf_release(&names);
    if (matches == 1) return DF_OK;
    if (matches > 1) {
        df_fail(err, DF_USAGE, "several tools left their history here: %s", list);
        df_error_hint(err, "say which: --from NAME");
        return DF_USAGE;
    }
    df_fail(err, DF_NOT_FOUND, name ? "the database has no history of %s" : "the database has no history of another tool%s", name ? name : "");
    df_error_hint(err, count ? "there is: %s" : "--baseline VERSION says what is applied already%s", count ? list : "");
    return DF_NOT_FOUND;
}

static df_code adopt_all(adoption *a, df_error *err)
{
    df_foreign *all = NULL, *foreign;
    size_t count = 0;
    const df_migrate_adopt_options *o = a->options;
    DF_TRY(job_make_plan(a->m, false, true, a->arena, &a->plan, err));
    a->marked = df_arena_zalloc(a->arena, (a->m->set->count + 1) * sizeof *a->marked);
    a->report->items = df_arena_zalloc(a->arena, (a->m->set->count + 1) * sizeof *a->report->items);
    if (o->baseline && !o->from) {
        df_migration *newest;
        DF_TRY(df_migration_find(a->m->set, df_str_from(o->baseline), &newest, err));
        if (!newest) return df_fail(err, DF_NOT_FOUND, "no migration of %s is called %s", a->m->config.folder, o->baseline);
        return adopt_up_to(a, newest->version, 0, err);
    }
    DF_TRY(df_foreign_find(a->m->ledger, a->arena, &all, &count, err));
    DF_TRY(choose(a, o->hand_back ? o->hand_back : o->from, all, count, &foreign, err));
    DF_TRY(df_foreign_name(a->m->set, foreign, a->arena, err));
    if (!o->hand_back) return adopt_foreign(a, foreign, err);
    size_t written = 0;
    a->report->tool = foreign->tool;
    a->report->table = foreign->table;
    if (!o->dry_run) DF_TRY(df_foreign_write(a->m->ledger, a->m->set, foreign, &written, err));
    a->report->written = (int64_t)written;
    return DF_OK;
}

df_code df_migrate_adopt(df_migrate *m, const df_migrate_adopt_options *options, df_migrate_adopt_report *out, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_ADOPT);
    adoption a = {.m = m, .options = options, .arena = arena, .findings = {.arena = arena}, .report = out};
    df_executor x;
    *out = (df_migrate_adopt_report){0};
    DF_TRY(job_files(m, err));
    DF_TRY(options->dry_run ? job_connect(m, false, err) : job_ledger(m, NULL, err));
    df_lease_options lease = job_lease(m, "adopt");
    if (!options->dry_run) DF_TRY(df_lease_take(m->ledger, &lease, err));
    df_code code = adopt_all(&a, err);
    job_executor(m, &x, arena);
    if (code == DF_OK && !options->dry_run && out->count) job_keep_schema(m, x.run_id);
    if (!options->dry_run) df_lease_give(m->ledger);
    out->findings = a.findings.items;
    out->n_findings = a.findings.count;
    return code;
}

/* In a graph the nodes of the runbook's system are of no layout's own. */
static bool is_of_folder(const df_migrate *m, const df_foreign *foreign)
{
    if (foreign->layout == m->set->layout) return true;
    return foreign->layout == DF_LAYOUT_NATIVE && m->set->layout == DF_LAYOUT_PAIRS;
}

df_code job_not_adopted(df_migrate *m, const job_plan *plan, df_arena *arena, const char **what, df_error *err)
{
    df_foreign *all;
    size_t count;
    *what = NULL;
    if (plan->n_applied || !m->conn || !m->ledger) return DF_OK;
    df_error mine = {0};
    df_code code = df_foreign_find(m->ledger, arena, &all, &count, &mine);
    if (code == DF_CANCELLED || df_conn_lost(m->conn)) {
        if (err) *err = mine;
        return code;
    }
    if (code != DF_OK) { /* somebody else's table, which may be none of ours to read */
        df_log(m->config.observer, DF_LOG_WARNING, "whether another program has applied migrations here could not be seen: %s", mine.message);
        return DF_OK;
    }
    for (size_t i = 0; i < count && !*what; i++) {
        if (!all[i].count || !is_of_folder(m, &all[i])) continue;
        *what = df_arena_printf(arena, "another program has applied migrations here (%s, %zu %s), and this one knows nothing of them: it "
                                       "would begin with the first", all[i].table, all[i].count, all[i].count == 1 ? "entry" : "entries");
    }
    return DF_OK;
}
