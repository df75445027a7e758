/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict on each file, with its reasons. */
#include "migration/files/files_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *mf_shell(df_arena *arena, df_str text)
{
    bool plain = text.len > 0;
    for (size_t i = 0; i < text.len && plain; i++)
        plain = mf_is_letter(text.ptr[i]) || mf_is_digit(text.ptr[i]) || memchr("._-/@:+", text.ptr[i], 7) ||
                (text.ptr[i] == '#' && i);
    if (plain) return df_arena_cstr(arena, text);
    df_buf word = {0};
    df_buf_char(&word, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'') df_buf_text(&word, "'\\'");
        df_buf_char(&word, text.ptr[i]);
    }
    df_buf_char(&word, '\'');
    const char *kept = df_arena_cstr(arena, df_buf_str(&word));
    df_buf_release(&word);
    return kept;
}

static bool blocks(df_verdict verdict)
{
    static const bool list[] = {
#define DF_X(id, name, blocks_, text) blocks_,
        DF_VERDICTS(DF_X)
#undef DF_X
    };
    return list[verdict];
}

void mf_set_verdict(mf_planner *p, df_plan_item *item, df_verdict verdict, const char *hint, const char *why,
                    ...)
{
    item->verdict = verdict;
    item->blocks = blocks(verdict);
    item->hint = hint;
    item->why = NULL;
    if (!why) return;
    char text[1500];
    va_list args;
    va_start(args, why);
    vsnprintf(text, sizeof text, why, args);
    va_end(args);
    item->why = df_arena_printf(p->arena, "%s", text);
}

bool mf_waits(const df_plan_item *item)
{
    switch (item->verdict) {
    case DF_VERDICT_PENDING:
    case DF_VERDICT_OUTDATED:
    case DF_VERDICT_FAILED:
    case DF_VERDICT_ROLLED_BACK: return item->migration != NULL;
    case DF_VERDICT_PARTIAL: return item->migration && !item->applied->down;
    case DF_VERDICT_LATE: return !item->blocks;
    default: return false;
    }
}

static void unreadable(mf_planner *p, df_plan_item *item, const df_error *err)
{
    const char *hint = err->hint[0] ? df_arena_printf(p->arena, "%s", err->hint)
                                    : "correct the file, then: dataflow validate";
    if (err->line)
        mf_set_verdict(p, item, DF_VERDICT_UNREADABLE, hint, "%s:%lld: %s", err->file, (long long)err->line,
                       err->message);
    else if (err->file[0] && !strstr(err->message, err->file))
        mf_set_verdict(p, item, DF_VERDICT_UNREADABLE, hint, "%s: %s", err->file, err->message);
    else
        mf_set_verdict(p, item, DF_VERDICT_UNREADABLE, hint, "%s", err->message);
}

static const char *repair_hint(mf_planner *p, df_str id, const char *before)
{
    const char *word = mf_shell(p->arena, id);
    return df_arena_printf(p->arena, "%sdataflow repair %s --reason TEXT", before, word);
}

/* ---- applied, and there is a file ---- */

static void modified(mf_planner *p, df_plan_item *item, df_str expected, const char *found)
{
    df_str id = item->migration->id;
    const char *word = mf_shell(p->arena, id);
    const char *hint = df_arena_printf(
        p->arena,
        "see what differs: dataflow repair %s --dry-run; put the file back as it was, or accept "
        "the change: dataflow repair %s --reason TEXT",
        word, word);
    mf_set_verdict(p, item, DF_VERDICT_MODIFIED, hint,
                   "Migration %.*s has been modified after application! Expected checksum: %.*s, found: %s",
                   DF_FMT(id), DF_FMT(expected), found);
}

/* The row carries another id than the file. */
static void renamed(mf_planner *p, df_plan_item *item, bool proved)
{
    mf_set_verdict(p, item, DF_VERDICT_RENAMED,
                   repair_hint(p, item->migration->id, "give it its old name again, or follow it: "),
                   proved ? "%.*s was applied as %.*s, with the same statements"
                          : "%.*s was applied as %.*s; whether its statements are the same is not known",
                   DF_FMT(item->migration->id), DF_FMT(item->applied->id));
}

static df_code compare_sums(mf_planner *p, size_t i, bool same_bytes, df_error *err)
{
    df_plan_item *item = &p->items[i];
    const df_applied *a = item->applied;
    bool same_name = df_str_eq(a->id, item->migration->id);
    const char *found;
    DF_TRY(mf_sum_of(p, i, &found, err));
    if (!df_str_is(a->checksum, found)) {
        if (item->migration->kind == DF_REPEATABLE)
            mf_set_verdict(p, item, DF_VERDICT_OUTDATED, "dataflow up",
                           "%.*s has changed since it was last applied", DF_FMT(item->migration->id));
        else
            modified(p, item, a->checksum, found);
    } else if (!same_name) {
        renamed(p, item, true);
    } else if (a->raw.len && !same_bytes) {
        mf_set_verdict(p, item, DF_VERDICT_COSMETIC, NULL,
                       "%.*s differs from what was applied in comments, white space or its way down only",
                       DF_FMT(item->migration->id));
    } else {
        mf_set_verdict(p, item, DF_VERDICT_APPLIED, NULL, NULL);
    }
    return DF_OK;
}

/* Which of the files of one name was applied; where none fits, the one that is chosen now. */
static df_code choose_applied(mf_planner *p, size_t i, df_error *err)
{
    df_migration *m = p->items[i].migration;
    const df_applied *a = p->items[i].applied;
    size_t chosen = m->alternative, fits = m->n_alternatives;
    for (size_t k = 0; k < m->n_alternatives && fits == m->n_alternatives; k++) {
        df_hash128 kept;
        const char *sum;
        df_migration_choose(p->set, m, k);
        p->sums[i].known = false;
        DF_TRY(df_migration_hash(p->set, m, err));
        if (a->raw.len && df_hash_from_hex(a->raw, &kept) && df_hash_eq(kept, m->raw)) fits = k;
        if (fits != k && mf_sum_of(p, i, &sum, err) == DF_OK && df_str_is(a->checksum, sum)) fits = k;
    }
    df_migration_choose(p->set, m, fits < m->n_alternatives ? fits : chosen);
    p->sums[i].known = false;
    return DF_OK;
}

static df_code judge_there(mf_planner *p, size_t i, df_error *err)
{
    df_plan_item *item = &p->items[i];
    const df_applied *a = item->applied;
    df_migration *m = item->migration;
    if (m->n_alternatives > 1) DF_TRY(choose_applied(p, i, err));
    bool same_name = df_str_eq(a->id, m->id), same_bytes = false;
    if (a->raw.len) {
        df_hash128 kept;
        DF_TRY(df_migration_hash(p->set, m, err));
        same_bytes = df_hash_from_hex(a->raw, &kept) && df_hash_eq(kept, m->raw);
    }
    if (a->checksum.len && (!same_bytes || p->options->deep || !same_name))
        return compare_sums(p, i, same_bytes, err);
    if (a->raw.len && !same_bytes) {
        char found[33];
        df_hash_hex(m->raw, found);
        modified(p, item, a->raw, found);
    } else if (!same_name) {
        renamed(p, item, same_bytes);
    } else {
        mf_set_verdict(p, item, DF_VERDICT_APPLIED, NULL, NULL);
    }
    if (a->status == DF_APPLIED_FAILED && item->verdict == DF_VERDICT_APPLIED)
        mf_set_verdict(p, item, DF_VERDICT_APPLIED, "dataflow down tries it again",
                       "taking %.*s back failed, and nothing of that is left: it is still applied",
                       DF_FMT(m->id));
    return DF_OK;
}

/* Whether the file is another one than that which began. */
static const char *changed_since(mf_planner *p, size_t i, df_error *err)
{
    const df_applied *a = p->items[i].applied;
    const char *found;
    if (!a->checksum.len || mf_sum_of(p, i, &found, err) != DF_OK || df_str_is(a->checksum, found)) return "";
    return "; the file has been changed since";
}

static void judge_unfinished(mf_planner *p, size_t i)
{
    df_plan_item *item = &p->items[i];
    const df_applied *a = item->applied;
    df_str id = item->migration->id;
    df_error ignored;
    char how_far[120] = "";
    if (a->steps)
        snprintf(how_far, sizeof how_far, ", after %zu of %zu statements", a->steps_done, a->steps);
    else if (a->steps_done)
        snprintf(how_far, sizeof how_far, ", after %zu statements", a->steps_done);
    if (a->status == DF_APPLIED_IN_PROGRESS && p->options->running)
        mf_set_verdict(p, item, DF_VERDICT_RUNNING, "wait for it; who runs it: dataflow lock status",
                       "%.*s is being %s by another run", DF_FMT(id), a->down ? "taken back" : "applied");
    else if (a->down)
        mf_set_verdict(p, item, DF_VERDICT_PARTIAL,
                       "where it stands: dataflow why; go on taking it back: dataflow down --steps 1",
                       "taking %.*s back began and did not end%s%s", DF_FMT(id), how_far,
                       changed_since(p, i, &ignored));
    else if (a->status == DF_APPLIED_IN_PROGRESS || a->steps_done)
        mf_set_verdict(p, item, DF_VERDICT_PARTIAL, "where it stands: dataflow why; go on: dataflow up",
                       "%.*s began and did not end%s%s%s%.*s", DF_FMT(id), how_far,
                       changed_since(p, i, &ignored), a->error.len ? ": " : "", DF_FMT(a->error));
    else
        mf_set_verdict(p, item, DF_VERDICT_FAILED, "correct it, then: dataflow up",
                       "%.*s failed, and nothing of it is left%s%.*s", DF_FMT(id), a->error.len ? ": " : "",
                       DF_FMT(a->error));
}

/* ---- not applied ---- */

static bool is_late(const mf_planner *p, const df_migration *m)
{
    if (m->kind == DF_REPEATABLE) return false;
    if (m->position + 1 < p->newest) return true;
    if (p->set->layout == DF_LAYOUT_PRISMA) return p->newest_id.ptr && df_str_cmp(m->id, p->newest_id) < 0;
    return p->newest_version.ptr && mf_has_versions(p->set->layout) &&
           df_version_compare(m->version, p->newest_version) < 0;
}

static void late(mf_planner *p, df_plan_item *item)
{
    const df_migration *m = item->migration;
    const df_migration *newest = p->newest ? &p->set->items[p->newest - 1] : NULL;
    df_str behind = newest && m->position < newest->position ? newest->id : p->newest_id;
    mf_set_verdict(p, item, DF_VERDICT_LATE,
                   "apply it all the same: dataflow up --out-of-order; or give it a newer version",
                   "%.*s %s, and %.*s, which comes behind it, is applied", DF_FMT(m->id),
                   item->applied ? "was taken back" : "is not applied", DF_FMT(behind));
    item->blocks = !p->options->allow_late;
}

static bool is_base(const mf_planner *p, df_plan_item *item)
{
    const df_migration *m = item->migration, *base = p->base;
    if (m->kind == DF_BASELINE && m != base) return true;
    return base && m->kind == DF_VERSIONED && df_version_compare(m->version, base->version) <= 0;
}

static void judge_waiting(mf_planner *p, size_t i)
{
    df_plan_item *item = &p->items[i];
    const df_migration *m = item->migration;
    if (p->twins[i] && !item->applied) {
        const df_migration *other =
            i && p->twins[i - 1] && df_version_compare(m[-1].version, m->version) == 0 ? m - 1 : m + 1;
        mf_set_verdict(p, item, DF_VERDICT_DUPLICATE,
                       "give one of them another version; then: dataflow validate",
                       "%.*s and %.*s have the same version, %.*s", DF_FMT(m->file), DF_FMT(other->file),
                       DF_FMT(m->version));
    } else if (m->kind != DF_REPEATABLE && m->position < p->baseline) {
        mf_set_verdict(p, item, DF_VERDICT_BASELINE, NULL, "%.*s was there before the history began",
                       DF_FMT(m->id));
    } else if (is_base(p, item)) {
        if (m->kind == DF_BASELINE)
            mf_set_verdict(p, item, DF_VERDICT_BASELINE, NULL, "%.*s is not needed: %s", DF_FMT(m->id),
                           p->base ? "another baseline is used" : "the history has begun");
        else
            mf_set_verdict(p, item, DF_VERDICT_BASELINE, NULL, "%.*s is contained in %.*s", DF_FMT(m->id),
                           DF_FMT(p->base->id));
    } else if (is_late(p, m)) {
        late(p, item);
    } else if (item->applied && item->applied->status == DF_APPLIED_ROLLED_BACK) {
        mf_set_verdict(p, item, DF_VERDICT_ROLLED_BACK, "dataflow up", "%.*s was applied and taken back",
                       DF_FMT(m->id));
    } else {
        mf_set_verdict(p, item, DF_VERDICT_PENDING, "dataflow up", NULL);
    }
}

/* What waits has to be understood, too. */
static df_code read_waiting(mf_planner *p, size_t i, df_error *err)
{
    const char *sum;
    DF_TRY(df_migration_load(p->set, p->items[i].migration, err));
    return p->options->deep ? mf_sum_of(p, i, &sum, err) : DF_OK;
}

/* ---- all ---- */

static df_code judge(mf_planner *p, size_t i, df_error *err)
{
    df_plan_item *item = &p->items[i];
    const df_applied *a = item->applied;
    if (a && mf_is_there(a)) return judge_there(p, i, err);
    if (a && a->status != DF_APPLIED_ROLLED_BACK && a->status != DF_APPLIED_PENDING)
        judge_unfinished(p, i);
    else
        judge_waiting(p, i);
    bool matters = mf_waits(item) || item->verdict == DF_VERDICT_LATE;
    return matters ? read_waiting(p, i, err) : DF_OK;
}

df_code mf_judge(mf_planner *p, df_error *err)
{
    for (size_t i = 0; i < p->set->count; i++) {
        df_error problem = {0};
        df_code code = judge(p, i, &problem);
        if (code == DF_OK) continue;
        if (mf_is_general(code)) {
            if (err) *err = problem;
            return code;
        }
        unreadable(p, &p->items[i], &problem);
    }
    return DF_OK;
}
