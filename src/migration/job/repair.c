/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing the history and the files together again: shown first, done with a reason, and audited. */
#include "migration/job/job_int.h"

typedef struct repair_list {
    df_migrate *m;
    const df_migrate_repair_options *options;
    df_arena *arena;
    df_migrate_repair_item *items;
    size_t count, cap;
} repair_list;

static void add(repair_list *list, const char *id, const char *action, const char *detail)
{
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 8;
        df_migrate_repair_item *items = df_arena_alloc(list->arena, cap * sizeof *items);
        if (list->count) memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = (df_migrate_repair_item){.id = id, .action = action, .detail = detail};
}

/* ---- one kind each ---- */

/* The new text counts as what was applied: its statements are not run. */
static df_code accept_change(repair_list *list, const df_plan_item *item, df_error *err)
{
    enum { LINES = 200 };
    df_migrate *m = list->m;
    df_buf difference = {0};
    df_str old = DF_STR_NONE;
    char checksum[65];
    const char *id = df_arena_cstr(list->arena, item->migration->id);
    DF_TRY(df_migration_checksum(m->set, item->migration, checksum, err));
    DF_TRY(df_ledger_source(m->ledger, item->applied->id, "up", list->arena, &old, err));
    if (old.ptr)
        DF_TRY(df_plan_difference(m->set, item->migration, old, LINES, &difference, err));
    else
        df_buf_text(&difference, "the text as it was applied is not known (adopted)");
    add(list, id, "accept", df_arena_cstr(list->arena, df_buf_str(&difference)));
    df_buf_release(&difference);
    if (list->options->dry_run) return DF_OK;
    return df_ledger_set_checksum(m->ledger, item->migration, checksum, list->options->reason, err);
}

static df_code follow_rename(repair_list *list, const df_plan_item *item, df_error *err)
{
    const char *detail = df_arena_printf(list->arena, "%.*s is %.*s now", DF_FMT(item->applied->id), DF_FMT(item->migration->id));
    add(list, df_arena_cstr(list->arena, item->migration->id), "rename", detail);
    if (list->options->dry_run) return DF_OK;
    return df_ledger_rename(list->m->ledger, item->applied->id, item->migration, list->options->reason, err);
}

static df_code forget(repair_list *list, const df_plan_item *item, df_error *err)
{
    add(list, df_arena_cstr(list->arena, item->applied->id), "forget", "its file is gone; what it did to the database stays");
    if (list->options->dry_run) return DF_OK;
    return df_ledger_forget(list->m->ledger, item->applied->id, list->options->reason, err);
}

static bool is_wanted(const repair_list *list, const df_plan_item *item)
{
    const char *id = list->options->id;
    if (!id) return true;
    df_str wanted = df_str_from(id);
    if (item->migration && (df_str_eq(item->migration->id, wanted) || df_str_eq(item->migration->version, wanted) ||
                            df_str_eq(item->migration->file, wanted)))
        return true;
    return item->applied && (df_str_eq(item->applied->id, wanted) || df_str_eq(item->applied->version, wanted));
}

static df_code repair_item(repair_list *list, const df_plan_item *item, bool *found, df_error *err)
{
    if (!is_wanted(list, item)) return DF_OK;
    *found = true;
    switch (item->verdict) {
    case DF_VERDICT_MODIFIED: return accept_change(list, item, err);
    case DF_VERDICT_RENAMED: return item->migration && item->applied ? follow_rename(list, item, err) : DF_OK;
    case DF_VERDICT_MISSING: return list->options->forget_missing ? forget(list, item, err) : DF_OK;
    default: return DF_OK;
    }
}

/* ---- a statement in doubt ---- */

static df_code decide(repair_list *list, const job_plan *plan, df_error *err)
{
    const df_migrate_repair_options *o = list->options;
    bool done = o->statement_done != NULL;
    int64_t number;
    if (!o->id) return df_fail(err, DF_USAGE, "name the migration whose statement is decided");
    if (!df_str_int64(df_str_from(done ? o->statement_done : o->statement_again), &number) || number < 1 || number > INT32_MAX)
        return df_fail(err, DF_USAGE, "a statement is named by its number");
    for (size_t i = 0; i < plan->plan.count; i++) {
        const df_plan_item *item = &plan->plan.items[i];
        if (!is_wanted(list, item) || !item->applied) continue;
        df_direction direction = item->applied->down ? DF_DOWN : DF_UP;
        const char *detail = df_arena_printf(list->arena, "statement %lld counts as %s", (long long)number,
                                             done ? "done" : "not run, and will be run again");
        add(list, df_arena_cstr(list->arena, item->applied->id), "decide", detail);
        if (o->dry_run) return DF_OK;
        return df_ledger_decide(list->m->ledger, item->applied->id, direction, (int32_t)number, done ? DF_STEP_DONE : DF_STEP_FAILED,
                                o->reason, err);
    }
    return df_fail(err, DF_NOT_FOUND, "the history has no migration %s", o->id);
}

df_code df_migrate_repair(df_migrate *m, const df_migrate_repair_options *options, df_migrate_repair_report *out, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_REPAIR);
    repair_list list = {.m = m, .options = options, .arena = arena};
    job_plan plan;
    bool found = false;
    *out = (df_migrate_repair_report){0};
    if (!options->dry_run && (!options->reason || !*options->reason)) {
        df_fail(err, DF_USAGE, "a repair wants a reason, which goes into the audit log");
        df_error_hint(err, "look first with --dry-run, then add --reason \"why this is right\"");
        return DF_USAGE;
    }
    DF_TRY(job_files(m, err));
    DF_TRY(options->dry_run ? job_connect(m, false, err) : job_ledger(m, NULL, err));
    df_lease_options lease = job_lease(m, "repair");
    if (!options->dry_run) DF_TRY(df_lease_take(m->ledger, &lease, err));
    df_code code = job_make_plan(m, false, true, arena, &plan, err);
    if (code == DF_OK && (options->statement_done || options->statement_again)) {
        code = decide(&list, &plan, err);
        found = true;
    } else {
        for (size_t i = 0; code == DF_OK && i < plan.plan.count; i++) code = repair_item(&list, &plan.plan.items[i], &found, err);
    }
    if (code == DF_OK && options->id && !found) code = df_fail(err, DF_NOT_FOUND, "there is no migration %s", options->id);
    if (!options->dry_run) df_lease_give(m->ledger);
    out->items = list.items;
    out->count = list.count;
    return code;
}
