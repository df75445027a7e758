/* SPDX-License-Identifier: Apache-2.0 */
/* Dependencies: what a waiting migration needs must be applied, or wait in front of it. */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

enum { SEVERAL = -2 };

/* Names by which something can be needed: id, file, version, name. */
typedef struct directory {
    mf_planner *p;
    df_keymap items, rows; /* rows: those without a file */
} directory;

static void enter(df_keymap *map, char kind, df_str text, size_t index)
{
    df_buf key = {0};
    if (!text.len) return;
    df_buf_char(&key, kind);
    df_buf_str_add(&key, text);
    bool added;
    int64_t *at = df_keymap_put(map, df_hash(key.ptr, key.len), &added);
    if (added || *at == (int64_t)index)
        *at = (int64_t)index;
    else
        *at = SEVERAL;
    df_buf_release(&key);
}

static void enter_version(df_keymap *map, df_str version, size_t index)
{
    df_buf key = {0};
    if (!version.len) return;
    mf_version_key(version, &key);
    enter(map, 'v', df_buf_str(&key), index);
    df_buf_release(&key);
}

static int64_t look(const df_keymap *map, char kind, df_str text)
{
    df_buf key = {0};
    df_buf_char(&key, kind);
    df_buf_str_add(&key, text);
    const int64_t *at = df_keymap_get(map, df_hash(key.ptr, key.len));
    df_buf_release(&key);
    return at ? *at : -1;
}

static void fill(directory *d)
{
    const mf_planner *p = d->p;
    bool versions = mf_has_versions(p->set->layout);
    for (size_t i = 0; i < p->set->count; i++) {
        const df_migration *m = &p->set->items[i];
        enter(&d->items, 'i', m->id, i);
        enter(&d->items, 'f', m->file, i);
        enter(&d->items, 'b', mf_base(m->id), i); /* without an environment's folder */
        enter(&d->items, 'b', mf_base(m->file), i);
        enter(&d->items, 'n', m->name, i);
        if (versions && m->kind == DF_VERSIONED) enter_version(&d->items, m->version, i);
    }
    for (size_t i = 0; i < p->n_applied; i++) {
        const df_applied *a = &p->applied[i];
        if (p->owners[i] >= 0) {
            enter(&d->items, 'o', a->id, (size_t)p->owners[i]); /* its old name, when it was renamed */
            continue;
        }
        enter(&d->rows, 'i', a->id, i);
        enter(&d->rows, 'b', mf_base(a->id), i);
        enter(&d->rows, 'n', a->name, i);
        if (versions && !a->repeatable) enter_version(&d->rows, a->version, i);
    }
}

/* The most exact name that fits; SEVERAL when it fits several alike; -1 when none. */
static int64_t find(const df_keymap *map, df_str wanted)
{
    static const char kinds[] = "ifbovn";
    char stamp[15];
    for (const char *kind = kinds; *kind; kind++) {
        df_buf key = {0};
        if (*kind == 'v') {
            if (!mf_is_digit(wanted.ptr[0]) &&
                !(wanted.len > 1 && mf_lower(wanted.ptr[0]) == 'v' && mf_is_digit(wanted.ptr[1])))
                continue;
            mf_version_key(mf_wanted_version(wanted, stamp), &key);
        }
        int64_t at = look(map, *kind, *kind == 'v' ? df_buf_str(&key) : wanted);
        df_buf_release(&key);
        if (at != -1) return at;
    }
    return -1;
}

/* ---- is it there? ---- */

static bool is_applied(const df_plan_item *item)
{
    return item->verdict == DF_VERDICT_BASELINE || (item->applied && mf_is_there(item->applied));
}

/* Will be applied, or would be if late ones were allowed: that it is not is told once, of itself. */
static bool comes(const df_plan_item *item)
{
    return mf_waits(item) || item->verdict == DF_VERDICT_LATE;
}

/* *why gets a sentence when it is neither applied nor will be in time. */
static bool satisfied(const directory *d, const df_plan_item *needs, df_str wanted, const char **why)
{
    const mf_planner *p = d->p;
    df_str id = needs->migration->id;
    int64_t at = wanted.len ? find(&d->items, wanted) : -1;
    if (at == SEVERAL) {
        *why = df_arena_printf(p->arena, "%.*s needs \"%.*s\", which may be several migrations", DF_FMT(id),
                               DF_FMT(wanted));
        return false;
    }
    if (at < 0) {
        int64_t row = wanted.len ? find(&d->rows, wanted) : -1;
        if (row >= 0 && mf_is_there(&p->applied[row])) return true;
        *why = df_arena_printf(p->arena,
                               "%.*s needs \"%.*s\", which is neither in the folder nor in the history",
                               DF_FMT(id), DF_FMT(wanted));
        return false;
    }
    const df_plan_item *other = &p->items[at];
    if (is_applied(other)) return true;
    bool before = other->migration->position < needs->migration->position;
    if (before && comes(other)) return true;
    *why = df_arena_printf(p->arena, "%.*s needs %.*s, which is not applied and %s", DF_FMT(id),
                           DF_FMT(other->migration->id),
                           before                                 ? "cannot be now"
                           : other->migration == needs->migration ? "is the migration itself"
                                                                  : "comes behind it");
    return false;
}

static bool clashes(const directory *d, const df_plan_item *item, df_str wanted, const char **why)
{
    const mf_planner *p = d->p;
    int64_t at = wanted.len ? find(&d->items, wanted) : -1;
    int64_t row = at < 0 && wanted.len ? find(&d->rows, wanted) : -1;
    bool there =
        at >= 0 ? is_applied(&p->items[at]) ||
                      (comes(&p->items[at]) && p->items[at].migration->position < item->migration->position)
                : row >= 0 && mf_is_there(&p->applied[row]);
    if (there)
        *why = df_arena_printf(p->arena, "%.*s conflicts with %.*s, which is applied or comes before it",
                               DF_FMT(item->migration->id), DF_FMT(wanted));
    return there;
}

static void check_item(const directory *d, df_plan_item *item)
{
    const df_metadata *meta = &item->migration->meta;
    const char *why = NULL;
    bool fine = true;
    for (size_t i = 0; i < meta->n_dependencies && fine; i++)
        fine = satisfied(d, item, meta->dependencies[i], &why);
    for (size_t i = 0; i < meta->n_conflicts && fine; i++) fine = !clashes(d, item, meta->conflicts[i], &why);
    if (!fine)
        mf_set_verdict(
            d->p, item, DF_VERDICT_BLOCKED,
            "correct the dependencies in its header, or bring what it needs; then: dataflow validate", "%s",
            why);
}

static bool is_checked(const df_plan_item *item)
{
    return comes(item) && item->verdict != DF_VERDICT_PARTIAL && item->migration->loaded &&
           (item->migration->meta.n_dependencies || item->migration->meta.n_conflicts);
}

void mf_check_dependencies(mf_planner *p)
{
    directory d = {.p = p};
    bool filled = false;
    for (size_t i = 0; i < p->set->count; i++) { /* in order: what is blocked blocks those behind it */
        if (!is_checked(&p->items[i])) continue;
        if (!filled) fill(&d);
        filled = true;
        check_item(&d, &p->items[i]);
    }
    df_keymap_release(&d.items);
    df_keymap_release(&d.rows);
}
