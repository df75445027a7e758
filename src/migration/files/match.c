/* SPDX-License-Identifier: Apache-2.0 */
/* Which row of the history belongs to which file: by id, by version, by what it does. */
#include "migration/files/files_int.h"

#include <string.h>

bool mf_has_versions(df_layout layout)
{
    return layout != DF_LAYOUT_SQITCH && layout != DF_LAYOUT_PRISMA && layout != DF_LAYOUT_LIQUIBASE;
}

bool mf_is_there(const df_applied *row)
{
    return row->status == DF_APPLIED_COMPLETED ||
           (row->status == DF_APPLIED_FAILED && row->down && !row->steps_done);
}

static void pair(mf_planner *p, size_t item, size_t row)
{
    p->rows[item] = (int64_t)row;
    p->owners[row] = (int64_t)item;
}

static void match_ids(mf_planner *p)
{
    df_keymap ids = {0};
    for (size_t i = 0; i < p->n_applied; i++)
        *df_keymap_put(&ids, df_hash(p->applied[i].id.ptr, p->applied[i].id.len), NULL) = (int64_t)i;
    for (size_t i = 0; i < p->set->count; i++) {
        const int64_t *row = df_keymap_get(&ids, df_hash(p->set->items[i].id.ptr, p->set->items[i].id.len));
        if (row && p->owners[*row] < 0) pair(p, i, (size_t)*row);
    }
    df_keymap_release(&ids);
}

/* ---- by version ---- */

enum { SEVERAL = -2 };

static df_hash128 version_hash(df_str version, df_buf *key)
{
    df_buf_clear(key);
    mf_version_key(version, key);
    return df_hash(df_buf_str(key).ptr, key->len);
}

static void note(df_keymap *map, df_hash128 key, size_t index)
{
    bool added;
    int64_t *at = df_keymap_put(map, key, &added);
    *at = added ? (int64_t)index : SEVERAL;
}

static bool has_version(const df_migration *m)
{
    return m->kind == DF_VERSIONED && m->version.ptr;
}

/* Only where exactly one file and one row are left of a version. */
static void match_versions(mf_planner *p)
{
    df_keymap rows = {0}, files = {0};
    df_buf key = {0};
    if (!mf_has_versions(p->set->layout)) return;
    for (size_t i = 0; i < p->n_applied; i++) {
        const df_applied *a = &p->applied[i];
        if (p->owners[i] < 0 && !a->repeatable && a->version.len && !mf_is_elsewhere(mf_impl(p->set), a->id))
            note(&rows, version_hash(a->version, &key), i);
    }
    for (size_t i = 0; i < p->set->count && rows.count; i++)
        if (p->rows[i] < 0 && has_version(&p->set->items[i]))
            note(&files, version_hash(p->set->items[i].version, &key), i);
    for (size_t i = 0; i < p->set->count && files.count; i++) {
        if (p->rows[i] >= 0 || !has_version(&p->set->items[i])) continue;
        df_hash128 hash = version_hash(p->set->items[i].version, &key);
        const int64_t *row = df_keymap_get(&rows, hash), *file = df_keymap_get(&files, hash);
        if (row && *row >= 0 && file && *file == (int64_t)i) pair(p, i, (size_t)*row);
    }
    df_buf_release(&key);
    df_keymap_release(&rows);
    df_keymap_release(&files);
}

static void find_twins(mf_planner *p)
{
    if (!mf_has_versions(p->set->layout)) return;
    for (size_t i = 1; i < p->set->count; i++) {
        const df_migration *a = &p->set->items[i - 1], *b = &p->set->items[i];
        bool same = a->kind == b->kind &&
                    (b->kind == DF_REPEATABLE ? df_str_eq(a->id, b->id)
                                              : df_version_compare(a->version, b->version) == 0);
        if (same) p->twins[i - 1] = p->twins[i] = true;
    }
}

/* ---- by what it does ---- */

df_code mf_sum_of(mf_planner *p, size_t item, const char **out, df_error *err)
{
    mf_sum *sum = &p->sums[item];
    if (!sum->known) DF_TRY(df_migration_checksum(p->set, &p->set->items[item], sum->text, err));
    sum->known = true;
    *out = sum->text;
    return DF_OK;
}

/* The checksum of no statement at all, which many files have. */
static bool says_nothing(df_str checksum)
{
    return !checksum.len ||
           df_str_is(checksum, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static bool is_lost(const mf_planner *p, size_t row)
{
    const df_applied *a = &p->applied[row];
    return p->owners[row] < 0 && mf_is_there(a) && !says_nothing(a->checksum) &&
           !mf_is_elsewhere(mf_impl(p->set), a->id);
}

/* Files without a row, and rows without a file, that hold the same statements: only where there is one of
 * each. */
static df_code match_sums(mf_planner *p, df_error *err)
{
    df_keymap rows = {0}, files = {0};
    df_code code = DF_OK;
    for (size_t i = 0; i < p->n_applied; i++)
        if (is_lost(p, i)) note(&rows, df_hash(p->applied[i].checksum.ptr, p->applied[i].checksum.len), i);
    for (size_t i = 0; i < p->set->count && rows.count && code == DF_OK; i++) {
        const char *sum;
        if (p->rows[i] >= 0) continue;
        df_code read = mf_sum_of(p, i, &sum, err);
        if (read == DF_OK) note(&files, df_hash(sum, strlen(sum)), i);
        if (mf_is_general(read)) code = read; /* else the file is unreadable: that comes to light later */
    }
    for (size_t i = 0; i < p->set->count && files.count && code == DF_OK; i++) {
        if (p->rows[i] >= 0 || !p->sums[i].known) continue;
        df_hash128 hash = df_hash(p->sums[i].text, strlen(p->sums[i].text));
        const int64_t *row = df_keymap_get(&rows, hash), *file = df_keymap_get(&files, hash);
        bool repeatable = p->set->items[i].kind == DF_REPEATABLE;
        if (row && *row >= 0 && file && *file == (int64_t)i && p->applied[*row].repeatable == repeatable)
            pair(p, i, (size_t)*row);
    }
    df_keymap_release(&rows);
    df_keymap_release(&files);
    return code;
}

df_code mf_match(mf_planner *p, df_error *err)
{
    for (size_t i = 0; i < p->set->count; i++) p->rows[i] = -1;
    for (size_t i = 0; i < p->n_applied; i++) p->owners[i] = -1;
    match_ids(p);
    match_versions(p);
    find_twins(p);
    return match_sums(p, err);
}
