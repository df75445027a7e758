/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/log/checkpoint_stats.h"

#include "base/clock.h"
#include "base/error.h"
#include "delta/log/action.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const members[] = {"numRecords", "tightBounds", "minValues", "maxValues", "nullCount"};
enum { N_MEMBERS = sizeof members / sizeof *members };

/* With very many columns, blocks of fewer rows keep their texts small. */
enum { MANY_COLUMNS = 10000, FEW_ROWS = 16 };

/* Wider than any decimal: 38 digits take 16 bytes. */
enum { DECIMAL_BYTES = 16 };
__extension__ typedef unsigned __int128 wide;

void delta_parsed_stats_init(delta_parsed_stats *stats, const parquet_file *file, const parquet_node *add)
{
    const parquet_node *root = parquet_child(add, "stats_parsed");
    *stats = (delta_parsed_stats){.file = file, .row_group = -1};
    if (root && root->type == PARQUET_GROUP && !root->max_rep) stats->root = root;
}

void delta_parsed_stats_release(delta_parsed_stats *stats)
{
    delta_columns_release(&stats->columns);
    for (size_t i = 0; i < DELTA_STATS_ROWS; i++) df_buf_release(&stats->texts[i]);
    df_buf_release(&stats->cells);
    df_buf_release(&stats->name);
    free(stats->of_leaf);
    stats->of_leaf = NULL;
}

/* ---- which leaves can be told as JSON ---- */

static bool is_text(const parquet_node *leaf)
{
    return leaf->type == PARQUET_BYTE_ARRAY &&
           (leaf->meaning == PARQUET_STRING || leaf->meaning == PARQUET_ENUM ||
            leaf->meaning == PARQUET_JSON);
}

/* Binary values have no statistics in JSON, nor have repeated ones. */
static bool is_told(const parquet_node *leaf)
{
    if (leaf->max_rep) return false;
    if (leaf->type == PARQUET_BYTE_ARRAY) return is_text(leaf) || leaf->meaning == PARQUET_DECIMAL;
    if (leaf->type == PARQUET_FIXED)
        return leaf->meaning == PARQUET_DECIMAL && leaf->type_length <= DECIMAL_BYTES;
    return true;
}

static df_code open_columns(delta_parsed_stats *stats, df_error *err)
{
    const parquet_node *root = stats->root;
    stats->of_leaf = df_alloc(root->leaves * sizeof *stats->of_leaf);
    for (size_t i = 0; i < root->leaves; i++) stats->of_leaf[i] = DELTA_NO_COLUMN;
    for (size_t m = 0; m < N_MEMBERS; m++) {
        const parquet_node *member = parquet_child(root, members[m]);
        for (size_t i = 0; member && i < member->leaves; i++) {
            const parquet_node *leaf = parquet_leaf(stats->file, member->leaf + i);
            if (is_told(leaf))
                stats->of_leaf[leaf->leaf - root->leaf] = delta_columns_add(&stats->columns, leaf);
        }
    }
    return delta_columns_open(&stats->columns, stats->file, err);
}

/* ---- values ---- */

/* digits[0…n) of `value`, at least scale + 1 of them, with the point before the last `scale`. */
static void put_decimal(df_buf *out, bool negative, wide value, int scale)
{
    char digits[64];
    int n = 0;
    if (scale < 0 || scale > 40) scale = 0;
    while (value || n <= scale) {
        digits[n++] = (char)('0' + (int)(value % 10));
        value /= 10;
    }
    if (negative) df_buf_char(out, '-');
    while (n) {
        if (n == scale) df_buf_char(out, '.');
        df_buf_char(out, digits[--n]);
    }
}

static void put_int_decimal(df_buf *out, int64_t value, int scale)
{
    put_decimal(out, value < 0, value < 0 ? 0 - (wide)value : (wide)value, scale);
}

/* Big-endian two's complement. false when it is wider than decimals are. */
static bool put_bytes_decimal(df_buf *out, df_str bytes, int scale)
{
    while (bytes.len > DECIMAL_BYTES) {
        /* Bytes that only repeat the sign. */
        unsigned char first = (unsigned char)bytes.ptr[0], second = (unsigned char)bytes.ptr[1];
        if (first != (second & 0x80 ? 0xff : 0)) return false;
        bytes = df_str_skip(bytes, 1);
    }
    bool negative = bytes.len && ((unsigned char)bytes.ptr[0] & 0x80);
    wide value = negative ? ~(wide)0 : 0;
    for (size_t i = 0; i < bytes.len; i++) value = value << 8 | (unsigned char)bytes.ptr[i];
    put_decimal(out, negative, negative ? 0 - value : value, scale);
    return true;
}

static void put_date(df_buf *out, int64_t days)
{
    char text[40];
    df_time_format(days * 86400000, text);
    char *t = strchr(text, 'T');
    if (t) *t = '\0';
    df_buf_printf(out, "\"%s\"", text);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static void put_timestamp_ms(df_buf *out, int64_t ms, bool utc)
{
    char text[40];
    df_time_format(ms, text);
    size_t len = strlen(text);
    if (!utc && len && text[len - 1] == 'Z') text[len - 1] = '\0';
    df_buf_printf(out, "\"%s\"", text);
}

static void put_timestamp(df_buf *out, int64_t value, const parquet_node *leaf)
{
    int64_t per_ms = leaf->unit == PARQUET_MILLIS ? 1 : leaf->unit == PARQUET_MICROS ? 1000 : 1000000;
    put_timestamp_ms(out, floor_div(value, per_ms), leaf->utc);
}

/* Nanoseconds of the day and the Julian day number; 2440588 is 1970-01-01. */
static void put_int96(df_buf *out, df_str bytes)
{
    int64_t nanos;
    uint32_t day;
    memcpy(&nanos, bytes.ptr, 8);
    memcpy(&day, bytes.ptr + 8, 4);
    put_timestamp_ms(out, ((int64_t)day - 2440588) * 86400000 + floor_div(nanos, 1000000), true);
}

static void put_float(df_buf *out, float value)
{
    if (!isfinite(value)) {
        df_json_put_double(out, (double)value);
        return;
    }
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) break;
    }
    df_buf_text(out, text);
    if (!strpbrk(text, ".en")) df_buf_text(out, ".0");
}

static void put_int(df_buf *out, int64_t value, const parquet_node *leaf)
{
    if (leaf->meaning == PARQUET_DATE)
        put_date(out, value);
    else if (leaf->meaning == PARQUET_DECIMAL)
        put_int_decimal(out, value, leaf->scale);
    else if (leaf->meaning == PARQUET_TIMESTAMP)
        put_timestamp(out, value, leaf);
    else if (leaf->meaning == PARQUET_INTEGER && !leaf->is_signed && leaf->bits == 64)
        df_buf_printf(out, "%llu", (unsigned long long)value);
    else
        df_buf_int(out, value);
}

/* The value at the cursor. false when it cannot be told. */
static df_code put_value(const parquet_cursor *c, const parquet_node *leaf, df_buf *out, bool *told,
                         df_error *err)
{
    size_t at = c->value_at;
    *told = true;
    switch (leaf->type) {
    case PARQUET_BOOLEAN: df_buf_text(out, c->batch.booleans[at] ? "true" : "false"); break;
    case PARQUET_INT32: {
        bool is_unsigned = leaf->meaning == PARQUET_INTEGER && !leaf->is_signed;
        int32_t value = c->batch.int32s[at];
        put_int(out, is_unsigned ? (int64_t)(uint32_t)value : value, leaf);
        break;
    }
    case PARQUET_INT64: put_int(out, c->batch.int64s[at], leaf); break;
    case PARQUET_INT96: put_int96(out, c->batch.strings[at]); break;
    case PARQUET_FLOAT: put_float(out, c->batch.floats[at]); break;
    case PARQUET_DOUBLE: df_json_put_double(out, c->batch.doubles[at]); break;
    default:
        if (!is_text(leaf)) {
            *told = put_bytes_decimal(out, c->batch.strings[at], leaf->scale);
        } else if (!df_str_is_utf8(c->batch.strings[at])) {
            return df_fail(err, DF_CORRUPT, "column %.*s of stats_parsed, row %lld: the text is not UTF-8",
                           DF_FMT(leaf->name), (long long)c->row);
        } else {
            df_json_put_str(out, c->batch.strings[at]);
        }
        break;
    }
    return DF_OK;
}

/* ---- blocks of rows ---- */

/* For every row of a set, lowest first. */
#define EACH_ROW(r, set)                                                                                     \
    for (uint64_t left_ = (set), r = 0; left_ && (r = (uint64_t)__builtin_ctzll(left_), 1);                  \
         left_ &= left_ - 1)

static delta_column column_of(const delta_parsed_stats *s, const parquet_node *leaf)
{
    return s->of_leaf[leaf->leaf - s->root->leaf];
}

/* Levels and texts of a column in all rows of the block. Each column is loaded once a block: cursors go
 * forward. */
static df_code load(delta_parsed_stats *s, delta_column column, df_error *err)
{
    if (s->loaded == column) return DF_OK;
    parquet_cursor *c = &s->columns.cursors[column];
    const parquet_node *leaf = s->columns.leaves[column];
    df_buf_clear(&s->cells);
    for (int r = 0; r < s->n_rows; r++) {
        DF_TRY(parquet_cursor_seek(c, s->first + r, err));
        s->defs[r] = parquet_cursor_def(c);
        s->cell_at[r] = s->cells.len;
        bool told = true;
        if (parquet_cursor_has_value(c)) DF_TRY(put_value(c, leaf, &s->cells, &told, err));
        if (!told) s->cells.len = s->cell_at[r];
    }
    s->cell_at[s->n_rows] = s->cells.len;
    s->loaded = column;
    return DF_OK;
}

/* `,"name":` in the texts of some rows, without the comma in those where it is the first member. */
static void begin_members(delta_parsed_stats *s, df_str name, uint64_t rows, uint64_t *first)
{
    df_buf_clear(&s->name);
    df_buf_char(&s->name, ',');
    df_json_put_str(&s->name, name);
    df_buf_char(&s->name, ':');
    df_str with_comma = df_buf_str(&s->name);
    EACH_ROW(r, rows) df_buf_str_add(&s->texts[r], *first >> r & 1 ? df_str_skip(with_comma, 1) : with_comma);
    *first &= ~rows;
}

static df_code put_node(delta_parsed_stats *s, const parquet_node *node, uint64_t rows, uint64_t *first,
                        df_error *err);

/* {"name":value,…} in the rows where the group is not null. The depth is the schema's, which has a limit. */
static df_code put_group(delta_parsed_stats *s, const parquet_node *group, uint64_t rows, uint64_t *first,
                         df_error *err)
{
    /* Any leaf's levels tell where the group is null; the first is the one to be loaded next anyway. */
    delta_column column = DELTA_NO_COLUMN;
    for (size_t i = 0; column < 0 && i < group->leaves; i++)
        column = s->of_leaf[group->leaf - s->root->leaf + i];
    if (column < 0) return DF_OK;
    DF_TRY(load(s, column, err));
    uint64_t present = 0;
    EACH_ROW(r, rows) present |= (uint64_t)(s->defs[r] >= group->max_def) << r;
    begin_members(s, group->name, present, first);
    EACH_ROW(r, present) df_buf_char(&s->texts[r], '{');
    uint64_t child_first = present;
    for (const parquet_node *child = group->first_child; child; child = child->next)
        DF_TRY(put_node(s, child, present, &child_first, err));
    EACH_ROW(r, present) df_buf_char(&s->texts[r], '}');
    return DF_OK;
}

static df_code put_node(delta_parsed_stats *s, const parquet_node *node, uint64_t rows, uint64_t *first,
                        df_error *err)
{
    if (node->max_rep) return DF_OK;
    if (node->type == PARQUET_GROUP) return put_group(s, node, rows, first, err);
    delta_column column = column_of(s, node);
    if (column < 0) return DF_OK;
    DF_TRY(load(s, column, err));
    uint64_t told = 0;
    EACH_ROW(r, rows) told |= (uint64_t)(s->cell_at[r + 1] > s->cell_at[r]) << r;
    begin_members(s, node->name, told, first);
    const char *cells = df_buf_str(&s->cells).ptr;
    EACH_ROW(r, told) df_buf_add(&s->texts[r], cells + s->cell_at[r], s->cell_at[r + 1] - s->cell_at[r]);
    return DF_OK;
}

/* numRecords again, as a number: its cells are decimal integers. */
static df_code take_num_records(delta_parsed_stats *s, df_error *err)
{
    const parquet_node *node = parquet_child(s->root, "numRecords");
    for (int r = 0; r < s->n_rows; r++) s->num_records[r] = DELTA_ABSENT;
    bool integer = node && !node->max_rep && (node->type == PARQUET_INT64 || node->type == PARQUET_INT32);
    if (!integer) return DF_OK;
    DF_TRY(load(s, column_of(s, node), err));
    const char *cells = df_buf_str(&s->cells).ptr;
    for (int r = 0; r < s->n_rows; r++) {
        int64_t value;
        if (df_str_int64((df_str){cells + s->cell_at[r], s->cell_at[r + 1] - s->cell_at[r]}, &value))
            s->num_records[r] = value;
    }
    return DF_OK;
}

static df_code tell_block(delta_parsed_stats *s, df_error *err)
{
    uint64_t all = s->n_rows == 64 ? ~(uint64_t)0 : ((uint64_t)1 << s->n_rows) - 1, first = all;
    s->loaded = DELTA_NO_COLUMN;
    EACH_ROW(r, all)
    {
        df_buf_clear(&s->texts[r]);
        df_buf_char(&s->texts[r], '{');
    }
    DF_TRY(take_num_records(s, err));
    for (size_t m = 0; m < N_MEMBERS; m++) {
        const parquet_node *node = parquet_child(s->root, members[m]);
        if (node) DF_TRY(put_node(s, node, all, &first, err));
    }
    s->given = all & ~first;
    EACH_ROW(r, s->given) df_buf_char(&s->texts[r], '}');
    return DF_OK;
}

df_code delta_parsed_stats_get(delta_parsed_stats *s, size_t row_group, int64_t row, df_str *out,
                               int64_t *num_records, df_error *err)
{
    *out = DF_STR_NONE;
    *num_records = DELTA_ABSENT;
    if (!s->root) return DF_OK;
    if (!s->of_leaf) DF_TRY(open_columns(s, err));
    if (s->row_group != (int64_t)row_group) {
        DF_TRY(delta_columns_start(&s->columns, row_group, err));
        s->row_group = (int64_t)row_group;
        s->n_rows = 0;
    }
    if (!s->n_rows || row >= s->first + s->n_rows) {
        int64_t left = parquet_row_group_rows(s->file, row_group) - row;
        int most = s->columns.n > MANY_COLUMNS ? FEW_ROWS : DELTA_STATS_ROWS;
        s->first = row;
        s->n_rows = left < most ? (int)left : most;
        DF_TRY(tell_block(s, err));
    }
    int64_t r = row - s->first;
    if (!(s->given >> r & 1)) return DF_OK;
    *out = df_buf_str(&s->texts[r]);
    *num_records = s->num_records[r];
    return DF_OK;
}
