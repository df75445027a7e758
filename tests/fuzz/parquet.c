/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: every column of a Parquet file, by batches and by cursor. */
#include "parquet/parquet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A few bytes may stand for any number of nulls; that is allowed, but there is no end to it. */
enum { MOST_ENTRIES = 1 << 20, MOST_COLUMNS = 1000, MEMORY = 64 << 20 };

static volatile unsigned char sink;

static void expect(bool holds)
{
    if (!holds) abort();
}

/* Touches every byte that a batch says it has. */
static void touch(const parquet_node *leaf, const parquet_batch *batch)
{
    size_t with_value = 0;
    for (size_t i = 0; i < batch->count; i++) {
        expect(batch->def[i] <= leaf->max_def && batch->rep[i] <= leaf->max_rep);
        with_value += batch->def[i] == leaf->max_def;
    }
    expect(with_value == batch->n_values && batch->n_values <= batch->count);
    for (size_t i = 0; i < batch->n_values; i++) {
        switch (leaf->type) {
        case PARQUET_BOOLEAN: expect(batch->booleans[i] <= 1); break;
        case PARQUET_INT32:
        case PARQUET_FLOAT: sink ^= (unsigned char)batch->int32s[i]; break;
        case PARQUET_INT64:
        case PARQUET_DOUBLE: sink ^= (unsigned char)batch->int64s[i]; break;
        default:
            expect(leaf->type == PARQUET_BYTE_ARRAY || batch->strings[i].len == (size_t)leaf->type_length);
            for (size_t k = 0; k < batch->strings[i].len; k++)
                sink ^= (unsigned char)batch->strings[i].ptr[k];
            break;
        }
    }
}

static void read_batches(parquet_column *column, size_t max, int64_t *left)
{
    parquet_batch batch;
    while (*left > 0 && parquet_column_read(column, max, &batch, NULL) == DF_OK && batch.count) {
        touch(parquet_column_leaf(column), &batch);
        *left -= (int64_t)batch.count;
    }
}

static void read_rows(parquet_column *column, int64_t rows, int64_t step, int64_t *left)
{
    parquet_cursor cursor;
    parquet_cursor_init(&cursor, column);
    for (int64_t row = 0; row<rows && * left> 0; row += step, *left -= step) {
        if (parquet_cursor_seek(&cursor, row, NULL) != DF_OK) return;
        expect(cursor.batch.rep[cursor.at] == 0 && cursor.value_at <= cursor.batch.n_values);
        for (bool more = true; more; --*left)
            if (parquet_cursor_step(&cursor, &more, NULL) != DF_OK) return;
    }
}

static void walk(const parquet_node *node, unsigned depth)
{
    parquet_list list;
    parquet_map map;
    expect(depth < 200);
    if (parquet_as_list(node, &list)) expect(list.element->max_rep >= list.repeated->max_rep);
    if (parquet_as_map(node, &map)) expect(map.key->max_rep >= map.repeated->max_rep);
    for (const parquet_node *child = node->first_child; child; child = child->next) {
        expect(child->parent == node);
        walk(child, depth + 1);
    }
}

static void read_file(const parquet_file *file, const parquet_node **leaves, size_t n)
{
    parquet_scan *scan;
    expect(parquet_scan_open(file, leaves, n, &scan, NULL) == DF_OK);
    parquet_scan_limit(scan, MEMORY);
    int64_t left = MOST_ENTRIES;
    for (size_t g = 0; g < parquet_num_row_groups(file) && left > 0; g++, left -= 100) {
        if (parquet_scan_start(scan, g, NULL) != DF_OK) continue;
        for (size_t i = 0; i < n; i++)
            read_batches(parquet_scan_column(scan, i), i % 3 ? PARQUET_BATCH : 7, &left);
        if (parquet_scan_start(scan, g, NULL) != DF_OK) continue;
        int64_t rows = parquet_row_group_rows(file, g);
        for (size_t i = 0; i < n; i++)
            read_rows(parquet_scan_column(scan, i), rows, (int64_t)i % 4 + 1, &left);
    }
    expect(parquet_scan_memory(scan) <= MEMORY);
    parquet_scan_close(scan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    df_memory memory;
    df_memory_init(&memory, (df_str){(const char *)data, size}, "fuzzed");
    parquet_file *file;
    df_error err;
    if (parquet_open(&memory.input, &file, &err) != DF_OK) {
        expect(err.message[0] && err.file[0]);
        return 0;
    }
    walk(parquet_schema(file), 0);
    size_t n = parquet_num_leaves(file);
    if (n > MOST_COLUMNS) n = MOST_COLUMNS;
    const parquet_node **leaves = df_alloc(n * sizeof *leaves);
    for (size_t i = 0; i < n; i++) leaves[i] = parquet_leaf(file, i);
    read_file(file, leaves, n);
    free(leaves);
    parquet_close(file);
    return 0;
}
