/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints a Parquet file as text, for comparing with another reader: a line a leaf,
 *     path|max_def|max_rep|rep:def:value rep:def:value …
 * over all row groups. Strings are hexadecimal, floats their bits.
 *
 *     dump FILE [BATCH]        by batches of at most BATCH entries
 *     dump FILE rows STEP      by cursor: each STEPth row of each row group
 */
#include "base/buf.h"
#include "parquet/parquet.h"

#include <stdio.h>
#include <stdlib.h>

static void put_hex(df_buf *out, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++) {
        df_buf_char(out, digits[p[i] >> 4]);
        df_buf_char(out, digits[p[i] & 15]);
    }
}

static void put_value(df_buf *out, const parquet_batch *batch, parquet_type type, size_t i)
{
    switch (type) {
    case PARQUET_BOOLEAN: df_buf_int(out, batch->booleans[i]); break;
    case PARQUET_INT32: df_buf_int(out, batch->int32s[i]); break;
    case PARQUET_INT64: df_buf_int(out, batch->int64s[i]); break;
    case PARQUET_FLOAT: put_hex(out, &batch->floats[i], 4); break;
    case PARQUET_DOUBLE: put_hex(out, &batch->doubles[i], 8); break;
    default: put_hex(out, batch->strings[i].ptr, batch->strings[i].len); break;
    }
}

static void put_entry(df_buf *out, const parquet_batch *batch, const parquet_node *leaf, size_t at,
                      size_t value)
{
    if (out->len) df_buf_char(out, ' ');
    df_buf_printf(out, "%d:%d:", batch->rep[at], batch->def[at]);
    if (batch->def[at] == leaf->max_def) put_value(out, batch, leaf->type, value);
}

static df_code dump_batches(parquet_column *column, size_t max, df_buf *out, df_error *err)
{
    const parquet_node *leaf = parquet_column_leaf(column);
    parquet_batch batch;
    for (;;) {
        df_code code = parquet_column_read(column, max, &batch, err);
        if (code != DF_OK || !batch.count) return code;
        for (size_t i = 0, v = 0; i < batch.count; i++) {
            put_entry(out, &batch, leaf, i, v);
            v += batch.def[i] == leaf->max_def;
        }
    }
}

static df_code dump_rows(parquet_column *column, int64_t rows, int64_t step, df_buf *out, df_error *err)
{
    const parquet_node *leaf = parquet_column_leaf(column);
    parquet_cursor cursor;
    parquet_cursor_init(&cursor, column);
    for (int64_t row = 0; row < rows; row += step) {
        df_code code = parquet_cursor_seek(&cursor, row, err);
        if (code != DF_OK) return code;
        /* Of some rows not all entries are looked at: seeking must pass over the rest. */
        int most = row % 7 == 3 ? 1 : row % 7 == 5 ? 2 : -1;
        for (bool more = true; more;) {
            put_entry(out, &cursor.batch, leaf, cursor.at, cursor.value_at);
            if (--most == 0) break;
            code = parquet_cursor_step(&cursor, &more, err);
            if (code != DF_OK) return code;
        }
    }
    return DF_OK;
}

static df_code dump(const char *path, size_t max, int64_t step, df_error *err)
{
    df_file *input;
    parquet_file *file = NULL;
    parquet_scan *scan = NULL;
    df_code code = df_file_open(path, &input, err);
    if (code != DF_OK) return code;
    df_buf out = {0}, name = {0};
    code = parquet_open(&input->input, &file, err);
    for (size_t i = 0; code == DF_OK && i < parquet_num_leaves(file); i++) {
        const parquet_node *leaf = parquet_leaf(file, i);
        df_buf_clear(&out);
        df_buf_clear(&name);
        code = parquet_scan_open(file, &leaf, 1, &scan, err);
        for (size_t g = 0; code == DF_OK && g < parquet_num_row_groups(file); g++) {
            code = parquet_scan_start(scan, g, err);
            if (code != DF_OK) break;
            parquet_column *column = parquet_scan_column(scan, 0);
            code = step ? dump_rows(column, parquet_row_group_rows(file, g), step, &out, err)
                        : dump_batches(column, max, &out, err);
        }
        parquet_scan_close(scan);
        scan = NULL;
        parquet_put_path(&name, leaf);
        if (code == DF_OK)
            printf("%.*s|%d|%d|%.*s\n", DF_FMT(df_buf_str(&name)), leaf->max_def, leaf->max_rep,
                   DF_FMT(df_buf_str(&out)));
    }
    df_buf_release(&out);
    df_buf_release(&name);
    parquet_close(file);
    df_file_close(input);
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 2) return 2;
    bool rows = argc > 3;
    size_t max = argc == 3 ? (size_t)atoi(argv[2]) : PARQUET_BATCH;
    df_error err = {0};
    df_code code = dump(argv[1], max, rows ? atoi(argv[3]) : 0, &err);
    if (code != DF_OK) printf("error|%s|%s|%s\n", df_code_name(code), err.message, err.file);
    return code == DF_OK ? 0 : 1;
}
