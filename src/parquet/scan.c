/* SPDX-License-Identifier: Apache-2.0 */
/* A projection of a file, and cursors over its columns. */
#include "parquet/column.h"

#include <stdlib.h>

/* Read-ahead of one column; many columns share a sum. */
enum { READ_AHEAD_MOST = 128 << 10, READ_AHEAD_LEAST = 8 << 10, READ_AHEAD_SUM = 32 << 20 };
/* With more columns than this, batches are small. */
enum { MANY_COLUMNS = 200, SMALL_BATCH = 256 };

struct parquet_scan {
    const parquet_file *file;
    parquet_column *columns;
    size_t n;
    parquet_chunk *chunks;
    int32_t *slot_of_leaf;
    parquet_memory memory;
    parquet_codecs codecs;
};

static df_code check_leaves(const parquet_scan *scan, const parquet_node *const *leaves, size_t n,
                            df_error *err)
{
    for (size_t i = 0; i < n; i++) {
        const parquet_node *leaf = leaves[i];
        if (!leaf || leaf->type == PARQUET_GROUP) return df_fail(err, DF_BUG, "column %zu is not a leaf", i);
        if (scan->slot_of_leaf[leaf->leaf] >= 0)
            return df_fail(err, DF_BUG, "column %zu is asked for twice", i);
        scan->slot_of_leaf[leaf->leaf] = (int32_t)i;
    }
    return DF_OK;
}

df_code parquet_scan_open(const parquet_file *file, const parquet_node *const *leaves, size_t n,
                          parquet_scan **out, df_error *err)
{
    parquet_scan *scan = df_zalloc(sizeof *scan);
    scan->file = file;
    scan->memory.limit = (size_t)1 << 30;
    scan->slot_of_leaf = df_alloc(file->n_leaves * sizeof *scan->slot_of_leaf);
    for (size_t i = 0; i < file->n_leaves; i++) scan->slot_of_leaf[i] = -1;
    df_code code = check_leaves(scan, leaves, n, err);
    if (code != DF_OK) {
        parquet_scan_close(scan);
        return code;
    }
    scan->chunks = df_zalloc(n * sizeof *scan->chunks);
    scan->columns = df_zalloc(n * sizeof *scan->columns);
    scan->n = n;
    size_t read_ahead = n ? READ_AHEAD_SUM / n : 0;
    if (read_ahead > READ_AHEAD_MOST) read_ahead = READ_AHEAD_MOST;
    if (read_ahead < READ_AHEAD_LEAST) read_ahead = READ_AHEAD_LEAST;
    for (size_t i = 0; i < n; i++) {
        parquet_column_init(&scan->columns[i], file, leaves[i], &scan->memory, &scan->codecs);
        scan->columns[i].pages.read_ahead = read_ahead;
        scan->columns[i].batch = n > MANY_COLUMNS ? SMALL_BATCH : PARQUET_BATCH;
    }
    *out = scan;
    return DF_OK;
}

void parquet_scan_close(parquet_scan *scan)
{
    if (!scan) return;
    for (size_t i = 0; i < scan->n; i++) parquet_column_release(&scan->columns[i]);
    parquet_codecs_release(&scan->codecs);
    free(scan->columns);
    free(scan->chunks);
    free(scan->slot_of_leaf);
    free(scan);
}

df_code parquet_scan_start(parquet_scan *scan, size_t row_group, df_error *err)
{
    if (row_group >= scan->file->n_row_groups)
        return df_fail(err, DF_BUG, "there is no row group %zu", row_group);
    for (size_t i = 0; i < scan->n; i++) scan->columns[i].started = false;
    df_code code = parquet_find_chunks(scan->file, row_group, scan->slot_of_leaf, scan->chunks, err);
    if (code != DF_OK) {
        df_error_at(err, scan->file->input->name, 0);
        return code;
    }
    for (size_t i = 0; i < scan->n; i++) parquet_column_start(&scan->columns[i], row_group, &scan->chunks[i]);
    return DF_OK;
}

parquet_column *parquet_scan_column(parquet_scan *scan, size_t i)
{
    return &scan->columns[i];
}

size_t parquet_scan_memory(const parquet_scan *scan)
{
    return scan->memory.used;
}

void parquet_scan_limit(parquet_scan *scan, size_t bytes)
{
    scan->memory.limit = bytes;
}

/* ---- cursors ---- */

void parquet_cursor_init(parquet_cursor *cursor, parquet_column *column)
{
    *cursor = (parquet_cursor){
        .column = column, .max_def = column->leaf->max_def, .max_rep = column->leaf->max_rep};
}

/* A batch with something in it, unless the column is at its end. */
static df_code load(parquet_cursor *c, df_error *err)
{
    if (c->at < c->batch.count) return DF_OK;
    c->at = c->value_at = 0;
    return parquet_column_read(c->column, PARQUET_BATCH, &c->batch, err);
}

static df_code wrong_rows(const parquet_cursor *c, df_error *err)
{
    df_buf path = {0};
    parquet_put_path(&path, c->column->leaf);
    df_fail(err, DF_CORRUPT, "column %.*s does not have the %lld rows of row group %zu",
            DF_FMT(df_buf_str(&path)),
            (long long)parquet_row_group_rows(c->column->file, c->column->row_group), c->column->row_group);
    df_error_at(err, c->column->file->input->name, 0);
    df_buf_release(&path);
    return DF_CORRUPT;
}

/* Passes over n entries of the batch, and their values. */
static void pass(parquet_cursor *c, size_t n)
{
    const uint8_t *def = c->batch.def + c->at;
    size_t values = 0;
    for (size_t i = 0; i < n; i++) values += def[i] == c->max_def;
    c->at += n;
    c->value_at += values;
}

/* Entries from `at` up to where `rows` more rows have begun; *rows is what is still missing when the batch
 * ends. */
static size_t entries_of_rows(const parquet_cursor *c, int64_t *rows)
{
    const uint8_t *rep = c->batch.rep;
    size_t i = c->at;
    for (; i < c->batch.count; i++)
        if (!rep[i] && (*rows)-- == 0) {
            *rows = 0;
            return i - c->at;
        }
    return i - c->at;
}

static df_code seek_flat(parquet_cursor *c, int64_t row, df_error *err)
{
    for (;;) {
        DF_TRY(load(c, err));
        if (!c->batch.count) return wrong_rows(c, err);
        int64_t rows = row - c->row;
        size_t there = c->batch.count - c->at;
        size_t n = rows < (int64_t)there ? (size_t)rows : there;
        pass(c, n);
        c->row += (int64_t)n;
        if (c->row == row && c->at < c->batch.count) return DF_OK;
    }
}

/* How many rows must still begin before the wanted one does: of the present one too, unless that is behind.
 */
static df_code seek_repeated(parquet_cursor *c, int64_t row, df_error *err)
{
    /* When inside a row, `at` belongs to c->row; the next row to begin is c->row + 1. */
    int64_t rows = row - c->row - (c->inside ? 1 : 0);
    for (bool first = !c->inside;; first = false) {
        DF_TRY(load(c, err));
        if (!c->batch.count || (first && c->batch.rep[c->at])) return wrong_rows(c, err);
        int64_t missing = rows;
        pass(c, entries_of_rows(c, &missing));
        rows = missing;
        if (c->at < c->batch.count) break;
    }
    c->row = row;
    c->inside = false;
    return DF_OK;
}

df_code parquet_cursor_seek_far(parquet_cursor *c, int64_t row, df_error *err)
{
    if (row < c->row || (c->inside && row == c->row)) return df_fail(err, DF_BUG, "a cursor cannot go back");
    return c->max_rep ? seek_repeated(c, row, err) : seek_flat(c, row, err);
}

df_code parquet_cursor_step(parquet_cursor *c, bool *more, df_error *err)
{
    *more = false;
    if (c->at < c->batch.count) pass(c, 1);
    if (!c->max_rep) {
        c->row++;
        return DF_OK;
    }
    DF_TRY(load(c, err));
    *more = c->batch.count && c->batch.rep[c->at];
    c->inside = *more;
    if (!*more) c->row++;
    return DF_OK;
}
