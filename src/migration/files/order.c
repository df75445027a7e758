/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which migrations run, and what is odd about it. */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_GAPS = 20 };

/* By version, a baseline in front of the version that it ends with; repeatable ones without a version behind,
 * by name. */
static int compare(const void *a, const void *b)
{
    const mf_draft *x = a, *y = b;
    bool late_x = x->kind == DF_REPEATABLE && !x->order.ptr,
         late_y = y->kind == DF_REPEATABLE && !y->order.ptr;
    if (late_x != late_y) return late_x ? 1 : -1;
    int order = late_x                     ? df_str_cmp(x->name, y->name)
                : x->by_text && y->by_text ? df_str_cmp(x->order, y->order)
                                           : df_version_compare(x->order, y->order);
    if (order) return order;
    bool base_x = x->kind == DF_BASELINE, base_y = y->kind == DF_BASELINE;
    if (base_x != base_y) return base_x ? -1 : 1;
    return df_str_cmp(x->file, y->file);
}

static bool is_sorted(const mf_set *s)
{
    for (size_t i = 1; i < s->n_drafts; i++)
        if (compare(&s->drafts[i - 1], &s->drafts[i]) > 0) return false;
    return true;
}

/* ---- what is odd ---- */

static void find_duplicates(mf_set *s)
{
    for (size_t i = 1; i < s->n_drafts; i++) {
        const mf_draft *a = &s->drafts[i - 1], *b = &s->drafts[i];
        bool named = b->kind == DF_REPEATABLE && !b->order.ptr; /* has no version of its own */
        bool kinds = a->kind == b->kind ||
                     (a->kind != DF_BASELINE && b->kind != DF_BASELINE && a->order.ptr && b->order.ptr);
        bool same = kinds && (named ? df_str_eq(a->id, b->id) : df_version_compare(a->order, b->order) == 0);
        if (!same) continue;
        if (named)
            mf_find(s, "duplicate-version", true, b->file.ptr, 0, "rename one of them",
                    "%.*s and %.*s have one name", DF_FMT(a->file), DF_FMT(b->file));
        else
            mf_find(s, "duplicate-version", true, b->file.ptr, 0,
                    "give the one that was not applied yet a version of its own",
                    "%.*s and %.*s have the same version, %.*s", DF_FMT(a->file), DF_FMT(b->file),
                    DF_FMT(b->version));
    }
}

/* Files that are one and the same on another machine. */
static void find_clashes(mf_set *s)
{
    df_keymap seen = {0};
    df_buf lower = {0};
    for (size_t i = 0; i < s->n_drafts; i++) {
        df_str file = s->drafts[i].file;
        df_buf_clear(&lower);
        for (size_t k = 0; k < file.len; k++) df_buf_char(&lower, mf_lower(file.ptr[k]));
        bool added;
        int64_t *at = df_keymap_put(&seen, df_hash(df_buf_str(&lower).ptr, lower.len), &added);
        if (added)
            *at = (int64_t)i;
        else if (!df_str_eq(s->drafts[*at].file, file)) /* else several of one file */
            mf_find(s, "case-clash", false, file.ptr, 0, "rename one of them",
                    "%.*s and %.*s differ in upper and lower case only: where that is not told apart they "
                    "are one file",
                    DF_FMT(s->drafts[*at].file), DF_FMT(file));
    }
    df_buf_release(&lower);
    df_keymap_release(&seen);
}

/* Where two versions differ first, by how much; 0: cannot be told, or not at the same place. *lost: the
 * number in between. */
static int64_t step_between(const mf_draft *a, const mf_draft *b, int64_t *lost)
{
    enum { PARTS = 4 };
    int64_t x[PARTS] = {0}, y[PARTS] = {0};
    if (!mf_version_numbers(a->order, x, PARTS) || !mf_version_numbers(b->order, y, PARTS)) return 0;
    for (size_t i = 0; i < PARTS; i++) {
        if (x[i] == y[i]) continue;
        *lost = x[i] + 1;
        return y[i] - x[i];
    }
    return 0;
}

/* A number that is left out, where the others follow each other one by one. */
static void find_gaps(mf_set *s)
{
    size_t ones = 0, wider = 0, told = 0;
    int64_t lost;
    for (size_t i = 1; i < s->n_drafts && s->drafts[i].kind == DF_VERSIONED; i++) {
        int64_t step = step_between(&s->drafts[i - 1], &s->drafts[i], &lost);
        ones += step == 1;
        wider += step > 1;
    }
    if (wider >= ones) return; /* stamps, tens, or too few to tell */
    for (size_t i = 1; i < s->n_drafts && s->drafts[i].kind == DF_VERSIONED && told < MOST_GAPS; i++) {
        const mf_draft *a = &s->drafts[i - 1], *b = &s->drafts[i];
        if (step_between(a, b, &lost) <= 1) continue;
        told++;
        mf_find(s, "version-gap", false, b->file.ptr, 0, NULL,
                "between %.*s and %.*s a version is left out (%lld)", DF_FMT(a->version), DF_FMT(b->version),
                (long long)lost);
    }
}

/* dbmate orders names as text. */
static void find_text_order(mf_set *s)
{
    for (size_t i = 1; i < s->n_drafts; i++) {
        const mf_draft *a = &s->drafts[i - 1], *b = &s->drafts[i];
        if (df_str_cmp(a->file, b->file) <= 0) continue;
        mf_find(s, "version-order", false, b->file.ptr, 0, "fill the numbers up with zeros",
                "dbmate, which orders names as text, runs %.*s before %.*s; here the numbers decide",
                DF_FMT(b->file), DF_FMT(a->file));
        return;
    }
}

/* ---- items ---- */

void mf_order(mf_set *s)
{
    df_migration_set *set = &s->set;
    bool fixed = s->n_drafts && s->drafts[0].fixed;
    bool sorted = fixed || is_sorted(s); /* as names with leading zeros come from the folder */
    if (!sorted) qsort(s->drafts, s->n_drafts, sizeof *s->drafts, compare);
    set->items = df_zalloc((s->n_drafts + 1) * sizeof *set->items);
    set->count = s->n_drafts;
    for (size_t i = 0; i < s->n_drafts; i++) {
        const mf_draft *draft = &s->drafts[i];
        df_migration *m = &set->items[i];
        *m = (df_migration){.id = draft->id,
                            .version = draft->version,
                            .name = draft->name,
                            .file = draft->file,
                            .kind = draft->kind,
                            .position = i,
                            .n_alternatives = draft->n_alternatives ? draft->n_alternatives : 1};
        m->meta.estimated_ms = -1;
    }
    find_clashes(s);
    if (fixed || set->layout == DF_LAYOUT_PRISMA) return;
    find_duplicates(s);
    find_gaps(s);
    if (set->layout == DF_LAYOUT_DBMATE) find_text_order(s);
}
