/* SPDX-License-Identifier: Apache-2.0 */
/* Which statements differ between what was applied and what the file says now. */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CELLS = 4 << 20, SHOWN = 160 };

typedef struct side {
    mf_raws raws;
    df_hash128 *hashes;
    const char *path;
} side;

typedef struct difference {
    side old, now;
    df_buf *out;
    size_t left; /* lines that may still be written */
    size_t more; /* those that were not */
} difference;

static df_code read_side(const df_migration_set *set, const df_section *section, side *s, df_error *err)
{
    df_buf text = {0};
    DF_TRY(mf_split(set, section, &s->raws, err));
    s->hashes = df_alloc((s->raws.count + 1) * sizeof *s->hashes);
    for (size_t i = 0; i < s->raws.count; i++) {
        df_buf_clear(&text);
        mf_normal(set->dialect, &s->raws.items[i], &text);
        s->hashes[i] = df_hash(df_buf_str(&text).ptr, text.len);
    }
    df_buf_release(&text);
    return DF_OK;
}

/* The statement on one line, cut. */
static void put_statement(const mf_raw *raw, df_buf *out)
{
    df_str text = raw->statement.text;
    size_t written = 0;
    bool blank = false;
    for (size_t i = 0; i < text.len; i++) {
        if (mf_is_blank(text.ptr[i])) {
            blank = true;
            continue;
        }
        bool cut = written >= SHOWN && ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
        if (cut) {
            df_buf_text(out, " …");
            return;
        }
        if (blank && written) {
            df_buf_char(out, ' ');
            written++;
        }
        df_buf_char(out, text.ptr[i]);
        written++;
        blank = false;
    }
}

static void put_line(difference *d, char sign, const mf_raw *raw)
{
    if (!d->left) {
        d->more++;
        return;
    }
    d->left--;
    df_buf_printf(d->out, "%c statement %d, line %d: ", sign, raw->statement.number, raw->statement.line);
    put_statement(raw, d->out);
    df_buf_char(d->out, '\n');
}

/* Longest common subsequence by a table; too large a middle counts as exchanged whole. */
static void compare_middle(difference *d, size_t from, size_t n, size_t m)
{
    const df_hash128 *a = d->old.hashes + from, *b = d->now.hashes + from;
    size_t width = m + 1, i = 0, j = 0;
    uint32_t *length = NULL;
    if (n && m && n < MOST_CELLS / width) length = calloc((n + 1) * width, sizeof *length);
    for (size_t x = n; length && x-- > 0;)
        for (size_t y = m; y-- > 0;) {
            uint32_t skip_a = length[(x + 1) * width + y], skip_b = length[x * width + y + 1];
            length[x * width + y] = df_hash_eq(a[x], b[y]) ? length[(x + 1) * width + y + 1] + 1
                                    : skip_a > skip_b      ? skip_a
                                                           : skip_b;
        }
    while (i < n || j < m) {
        if (length && i < n && j < m && df_hash_eq(a[i], b[j])) {
            i++, j++;
        } else if (i < n && (j >= m || !length || length[(i + 1) * width + j] >= length[i * width + j + 1])) {
            put_line(d, '-', &d->old.raws.items[from + i++]);
        } else {
            put_line(d, '+', &d->now.raws.items[from + j++]);
        }
    }
    free(length);
}

static void compare(difference *d)
{
    size_t n = d->old.raws.count, m = d->now.raws.count, from = 0;
    while (from < n && from < m && df_hash_eq(d->old.hashes[from], d->now.hashes[from])) from++;
    while (n > from && m > from && df_hash_eq(d->old.hashes[n - 1], d->now.hashes[m - 1])) n--, m--;
    compare_middle(d, from, n - from, m - from);
    if (d->more) df_buf_printf(d->out, "… and %zu more\n", d->more);
}

df_code df_plan_difference(df_migration_set *set, df_migration *migration, df_str old_up, size_t limit,
                           df_buf *out, df_error *err)
{
    difference d = {.out = out, .left = limit ? limit : SIZE_MAX};
    df_section old;
    df_code code = df_migration_load(set, migration, err);
    if (code == DF_OK)
        code =
            df_section_of_text(set, old_up.ptr ? old_up : (df_str){"", 0}, "(as it was applied)", &old, err);
    if (code == DF_OK) code = read_side(set, &old, &d.old, err);
    if (code == DF_OK) code = read_side(set, &migration->up, &d.now, err);
    if (code == DF_OK) compare(&d);
    free(d.old.raws.items);
    free(d.old.hashes);
    free(d.now.raws.items);
    free(d.now.hashes);
    return code;
}
