/* SPDX-License-Identifier: Apache-2.0 */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

static const char *const statuses[] = {"pending", "in_progress", "completed", "failed", "rolled_back"};

const char *df_applied_status_name(df_applied_status status)
{
    return (size_t)status < sizeof statuses / sizeof *statuses ? statuses[status] : "unknown";
}

bool df_applied_status_from_name(df_str name, df_applied_status *out)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        if (!df_str_is(name, statuses[i])) continue;
        *out = (df_applied_status)i;
        return true;
    }
    return false;
}

static const struct {
    const char *name, *text;
} verdicts[DF_VERDICT_COUNT] = {
#define DF_X(id, name_, blocks_, text_) [DF_VERDICT_##id] = {name_, text_},
    DF_VERDICTS(DF_X)
#undef DF_X
};

const char *df_verdict_name(df_verdict verdict)
{
    return (int)verdict >= 0 && verdict < DF_VERDICT_COUNT ? verdicts[verdict].name : "unknown";
}

const char *df_verdict_text(df_verdict verdict)
{
    return (int)verdict >= 0 && verdict < DF_VERDICT_COUNT ? verdicts[verdict].text : "";
}

/* ---- what lies how far back ---- */

static bool took_place(const df_applied *row)
{
    return mf_is_there(row) || row->status == DF_APPLIED_IN_PROGRESS ||
           (row->status == DF_APPLIED_FAILED && row->steps_done);
}

static void find_newest(mf_planner *p)
{
    for (size_t i = 0; i < p->set->count; i++)
        if (p->rows[i] >= 0 && p->set->items[i].kind != DF_REPEATABLE && took_place(&p->applied[p->rows[i]]))
            p->newest = i + 1;
    bool text = p->set->layout == DF_LAYOUT_PRISMA;
    for (size_t i = 0; i < p->n_applied; i++) {
        const df_applied *a = &p->applied[i];
        if (p->owners[i] >= 0 || a->repeatable || !took_place(a) || !a->version.len ||
            mf_is_elsewhere(mf_impl(p->set), a->id))
            continue;
        bool newer = !p->newest_version.ptr || (text ? df_str_cmp(a->id, p->newest_id) > 0
                                                     : df_version_compare(a->version, p->newest_version) > 0);
        if (!newer) continue;
        p->newest_version = a->version;
        p->newest_id = a->id;
    }
}

/* Flyway's B files, Atlas' checkpoints: the newest, where the history has not begun yet; else the one that was applied. */
static void find_base(mf_planner *p)
{
    const df_migration *newest = NULL, *applied = NULL;
    for (size_t i = 0; i < p->set->count; i++) {
        if (p->set->items[i].kind != DF_BASELINE) continue;
        newest = &p->set->items[i];
        if (p->rows[i] >= 0 && mf_is_there(&p->applied[p->rows[i]])) applied = newest;
    }
    bool begun = false;
    for (size_t i = 0; i < p->n_applied && !begun; i++)
        begun = !p->applied[i].repeatable && mf_is_there(&p->applied[i]);
    p->base = begun ? applied : newest;
}

static df_code find_baseline(mf_planner *p, df_error *err)
{
    df_migration *found;
    if (!p->options->baseline) return DF_OK;
    df_str version = df_str_from(p->options->baseline);
    DF_TRY(df_migration_find(p->set, version, &found, err));
    if (found) {
        p->baseline = found->position + 1;
        return DF_OK;
    }
    if (!mf_has_versions(p->set->layout)) {
        df_fail(err, DF_NOT_FOUND, "there is no migration %s to take as the baseline", p->options->baseline);
        return DF_NOT_FOUND;
    }
    for (size_t i = 0; i < p->set->count; i++)
        if (p->set->items[i].kind != DF_REPEATABLE &&
            df_version_compare(p->set->items[i].version, version) <= 0)
            p->baseline = i + 1;
    return DF_OK;
}

/* ---- rows without a file ---- */

static void judge_lost(mf_planner *p, const df_applied *a, df_plan_item *item)
{
    *item = (df_plan_item){.applied = a};
    const char *forget =
        df_arena_printf(p->arena,
                        "bring the file back, or take it out of the history: dataflow repair %s "
                        "--forget-missing --reason TEXT",
                        mf_shell(p->arena, a->id));
    if (mf_is_elsewhere(mf_impl(p->set), a->id) && (mf_is_there(a) || !took_place(a))) {
        mf_set_verdict(p, item, DF_VERDICT_BASELINE, NULL, "%.*s belongs to another environment",
                       DF_FMT(a->id));
    } else if (a->adopted) {
        mf_set_verdict(p, item, DF_VERDICT_BASELINE, NULL,
                       "%.*s was taken over with the history, and has no file here", DF_FMT(a->id));
    } else if (a->status == DF_APPLIED_IN_PROGRESS && p->options->running) {
        mf_set_verdict(p, item, DF_VERDICT_RUNNING, "wait for it; who runs it: dataflow lock status",
                       "%.*s is being %s by another run, and has no file here", DF_FMT(a->id),
                       a->down ? "taken back" : "applied");
    } else if (a->repeatable && mf_is_there(a)) {
        mf_set_verdict(p, item, DF_VERDICT_MISSING, forget,
                       "%.*s was applied, and its file is gone; it is not applied again", DF_FMT(a->id));
        item->blocks = false;
    } else if (mf_is_there(a)) {
        mf_set_verdict(p, item, DF_VERDICT_MISSING, forget, "%.*s was applied, and its file is gone",
                       DF_FMT(a->id));
        item->blocks = !p->options->allow_missing;
    } else if (took_place(a)) {
        mf_set_verdict(p, item, DF_VERDICT_MISSING, forget,
                       "%.*s began and did not end, and its file is gone", DF_FMT(a->id));
    } else {
        mf_set_verdict(p, item, DF_VERDICT_MISSING, forget,
                       "%.*s %s, and its file is gone; nothing of it is left", DF_FMT(a->id),
                       a->status == DF_APPLIED_ROLLED_BACK ? "was taken back" : "was never completed");
        item->blocks = false;
    }
}

static int by_sequence(const void *a, const void *b)
{
    const df_applied *x = *(const df_applied *const *)a, *y = *(const df_applied *const *)b;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

/* Rows that no file has, in the order in which they were applied. */
static const df_applied **lost_rows(const mf_planner *p, size_t *count)
{
    const df_applied **rows = df_alloc((p->n_applied + 1) * sizeof *rows);
    *count = 0;
    for (size_t i = 0; i < p->n_applied; i++)
        if (p->owners[i] < 0) rows[(*count)++] = &p->applied[i];
    if (*count) qsort(rows, *count, sizeof *rows, by_sequence);
    return rows;
}

static void put_item(df_plan *out, const df_plan_item *item)
{
    out->items[out->count++] = *item;
    out->n_applied += item->applied && mf_is_there(item->applied);
    out->n_pending += mf_waits(item);
    out->n_blocking += item->blocks;
}

/* In the folder's order; a row without a file stands in front of the first file that was applied after it. */
static void assemble(mf_planner *p, df_plan *out)
{
    size_t n_lost, next = 0, last = 0;
    const df_applied **lost = lost_rows(p, &n_lost);
    *out = (df_plan){.set = p->set,
                     .items = df_arena_alloc(p->arena, (p->set->count + n_lost + 1) * sizeof *out->items)};
    df_plan_item item;
    for (size_t i = 0; i < p->set->count; i++)
        if (p->items[i].applied) last = i + 1;
    for (size_t i = 0; i <= p->set->count; i++) {
        bool known = i < p->set->count && p->items[i].applied;
        while (next < n_lost &&
               (i >= last || (known && lost[next]->sequence < p->items[i].applied->sequence))) {
            judge_lost(p, lost[next++], &item);
            put_item(out, &item);
        }
        if (i < p->set->count) put_item(out, &p->items[i]);
    }
    free(lost);
}

/* ---- the plan ---- */

bool df_plan_finding_blocks(const df_plan *plan, const df_file_finding *finding)
{
    if (!finding->blocks) return false;
    for (size_t i = 0; finding->file && i < plan->count; i++) {
        const df_plan_item *item = &plan->items[i];
        if (item->blocks && item->migration && df_str_is(item->migration->file, finding->file)) return false;
    }
    return true;
}

static df_code make(mf_planner *p, df_plan *out, df_error *err)
{
    DF_TRY(mf_match(p, err));
    find_newest(p);
    find_base(p);
    DF_TRY(find_baseline(p, err));
    for (size_t i = 0; i < p->set->count; i++)
        p->items[i] = (df_plan_item){.migration = &p->set->items[i],
                                     .applied = p->rows[i] < 0 ? NULL : &p->applied[p->rows[i]]};
    DF_TRY(mf_judge(p, err));
    mf_check_dependencies(p);
    assemble(p, out);
    return DF_OK;
}

df_code df_plan_make(df_migration_set *set, const df_applied *applied, size_t n_applied,
                     const df_plan_options *options, df_arena *arena, df_plan *out, df_error *err)
{
    static const df_plan_options none = {0};
    mf_planner p = {.set = set,
                    .applied = applied,
                    .n_applied = n_applied,
                    .options = options ? options : &none,
                    .arena = arena};
    *out = (df_plan){0};
    p.rows = df_zalloc((set->count + 1) * sizeof *p.rows);
    p.owners = df_zalloc((n_applied + 1) * sizeof *p.owners);
    p.twins = df_zalloc((set->count + 1) * sizeof *p.twins);
    p.items = df_zalloc((set->count + 1) * sizeof *p.items);
    p.sums = df_zalloc((set->count + 1) * sizeof *p.sums);
    df_code code = make(&p, out, err);
    free(p.rows);
    free(p.owners);
    free(p.twins);
    free(p.items);
    free(p.sums);
    return code;
}
