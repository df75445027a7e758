/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/column.h"

void parquet_column_init(parquet_column *column, const parquet_file *file, const parquet_node *leaf,
                         parquet_memory *memory, parquet_codecs *codecs)
{
    *column = (parquet_column){.leaf = leaf, .file = file};
    column->pages.input = file->input;
    column->pages.memory = memory;
    column->pages.codecs = codecs;
    column->values.leaf = leaf;
    column->values.memory = memory;
    column->values.dictionary = &column->dictionary;
    column->def.max = leaf->max_def;
    column->rep.max = leaf->max_rep;
}

void parquet_column_start(parquet_column *column, size_t row_group, const parquet_chunk *chunk)
{
    column->row_group = row_group;
    column->started = true;
    column->broken = DF_OK;
    column->left = chunk->num_values;
    column->page_left = 0;
    column->level_at = column->level_count = 0;
    column->dictionary.present = false;
    parquet_pages_start(&column->pages, chunk, column->file->footer_at);
}

void parquet_column_release(parquet_column *column)
{
    parquet_memory *memory = column->pages.memory;
    parquet_dictionary_release(&column->dictionary, memory);
    parquet_values_release(&column->values);
    parquet_memory_release(memory, &column->buffers);
    parquet_pages_release(&column->pages);
}

const parquet_node *parquet_column_leaf(const parquet_column *column)
{
    return column->leaf;
}

/* Where the parts of a batch lie in column->buffers; values first in order to be aligned. */
static char *value_buffer(const parquet_column *column)
{
    return column->buffers.ptr;
}

static uint8_t *def_buffer(const parquet_column *column)
{
    return (uint8_t *)column->buffers.ptr + column->batch * parquet_value_size(column->leaf->type);
}

static uint8_t *rep_buffer(const parquet_column *column)
{
    return def_buffer(column) + column->batch;
}

static df_code make_buffers(parquet_column *column, df_error *err)
{
    if (column->buffers.ptr) return DF_OK;
    size_t size = column->batch * (parquet_value_size(column->leaf->type) + 2);
    DF_TRY(parquet_memory_fit(column->pages.memory, &column->buffers, size, err));
    memset(column->buffers.ptr, 0, size);
    return DF_OK;
}

/* ---- levels ---- */

static bool start_levels(parquet_levels *levels, const uint8_t *bytes, size_t len)
{
    levels->packed = false;
    return parquet_rle_init(&levels->rle, bytes, len, parquet_bit_width(levels->max));
}

/* V1: the levels lie before the values, RLE ones with their length before them. */
static df_code start_levels_v1(parquet_levels *levels, int32_t encoding, parquet_page *page, df_error *err)
{
    if (!levels->max) return DF_OK;
    size_t len;
    if (encoding == PARQUET_ENC_RLE) {
        if (page->len < 4) return df_fail(err, DF_CORRUPT, "the page's levels are cut short");
        len = (uint32_t)parquet_load64(page->bytes, page->bytes + 4);
        page->bytes += 4;
        page->len -= 4;
    } else if (encoding == PARQUET_ENC_BIT_PACKED) {
        len = ((size_t)page->num_values * parquet_bit_width(levels->max) + 7) / 8;
    } else {
        return df_fail(err, DF_CORRUPT, "levels cannot be encoded as %s (%d)",
                       parquet_encoding_name(encoding), encoding);
    }
    if (len > page->len) return df_fail(err, DF_CORRUPT, "the page's levels are cut short");
    start_levels(levels, page->bytes, len);
    levels->packed = encoding == PARQUET_ENC_BIT_PACKED;
    levels->bytes = page->bytes;
    levels->len = len;
    levels->bit = 0;
    page->bytes += len;
    page->len -= len;
    return DF_OK;
}

static df_code read_levels(parquet_levels *levels, uint8_t *out, size_t n, df_error *err)
{
    if (!levels->max) return DF_OK; /* the buffer is zeros, and stays so */
    unsigned width = parquet_bit_width(levels->max);
    bool ok = levels->packed ? parquet_unpack_levels(levels->bytes, levels->len, &levels->bit, width, out, n)
                             : parquet_rle_bytes(&levels->rle, out, n);
    if (!ok) return df_fail(err, DF_CORRUPT, "the page's levels are damaged or too few");
    uint8_t highest = 0;
    for (size_t i = 0; i < n; i++) highest = out[i] > highest ? out[i] : highest;
    if (highest > levels->max)
        return df_fail(err, DF_CORRUPT, "the page has the level %u, the column's highest is %u", highest,
                       levels->max);
    return DF_OK;
}

/* ---- pages ---- */

static df_code take_dictionary(parquet_column *column, const parquet_page *page, df_error *err)
{
    if (column->dictionary.present) return df_fail(err, DF_CORRUPT, "the column has two dictionaries");
    if (page->encoding != PARQUET_ENC_PLAIN && page->encoding != PARQUET_ENC_PLAIN_DICTIONARY)
        return df_fail(err, DF_UNSUPPORTED, "the dictionary is encoded as %s (%d)",
                       parquet_encoding_name(page->encoding), page->encoding);
    return parquet_dictionary_read(&column->dictionary, column->leaf, column->pages.memory, page->bytes,
                                   page->len, (size_t)page->num_values, err);
}

/* Goes to the next data page that has entries. */
static df_code next_page(parquet_column *column, df_error *err)
{
    parquet_page *page = &column->page;
    for (;;) {
        DF_TRY(parquet_pages_next(&column->pages, page, err));
        if (page->type == PARQUET_PAGE_DICTIONARY) {
            DF_TRY(take_dictionary(column, page, err));
            continue;
        }
        if (page->num_values > column->left)
            return df_fail(err, DF_CORRUPT, "the page has %d values, and only %lld are left in the column",
                           page->num_values, (long long)column->left);
        if (page->num_values) break;
    }
    column->left -= page->num_values;
    column->page_left = page->num_values;
    column->values_started = false;
    if (page->type == PARQUET_PAGE_DATA_V2) {
        start_levels(&column->rep, page->rep, page->rep_len);
        start_levels(&column->def, page->def, page->def_len);
        return DF_OK;
    }
    DF_TRY(start_levels_v1(&column->rep, page->rep_encoding, page, err));
    return start_levels_v1(&column->def, page->def_encoding, page, err);
}

static df_code decode_levels(parquet_column *column, df_error *err)
{
    if (!column->page_left) DF_TRY(next_page(column, err));
    size_t n = column->page_left < (int64_t)column->batch ? (size_t)column->page_left : column->batch;
    DF_TRY(read_levels(&column->rep, rep_buffer(column), n, err));
    DF_TRY(read_levels(&column->def, def_buffer(column), n, err));
    column->page_left -= (int64_t)n;
    column->level_at = 0;
    column->level_count = n;
    return DF_OK;
}

static size_t count_values(const uint8_t *def, size_t n, uint8_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += def[i] == max;
    return count;
}

/* Entries up to, and without, the one whose value is number `values`. */
static size_t entries_before(const uint8_t *def, size_t n, uint8_t max, size_t values)
{
    for (size_t i = 0; i < n; i++)
        if (def[i] == max && values-- == 0) return i;
    return n;
}

static df_code read_batch(parquet_column *column, size_t max, parquet_batch *out, df_error *err)
{
    DF_TRY(make_buffers(column, err));
    if (column->level_at == column->level_count) DF_TRY(decode_levels(column, err));
    size_t n = column->level_count - column->level_at;
    if (n > max) n = max;
    const uint8_t *def = def_buffer(column) + column->level_at;
    size_t wanted = count_values(def, n, column->leaf->max_def), got = wanted;
    if (wanted) {
        if (!column->values_started)
            DF_TRY(parquet_values_start(&column->values, column->page.encoding, column->page.bytes,
                                        column->page.len, err));
        column->values_started = true;
        DF_TRY(parquet_values_read(&column->values, value_buffer(column), &got, err));
        if (got < wanted) n = entries_before(def, n, column->leaf->max_def, got);
    }
    *out = (parquet_batch){.count = n,
                           .n_values = got,
                           .def = def,
                           .rep = rep_buffer(column) + column->level_at,
                           .values = value_buffer(column)};
    column->level_at += n;
    return DF_OK;
}

static df_code name_the_place(const parquet_column *column, df_error *err)
{
    df_buf path = {0};
    parquet_put_path(&path, column->leaf);
    df_error_prefix(err, "column %.*s, row group %zu, page %d", DF_FMT(df_buf_str(&path)), column->row_group,
                    column->pages.number);
    df_error_at(err, column->file->input->name, 0);
    df_buf_release(&path);
    return column->broken;
}

df_code parquet_column_read(parquet_column *column, size_t max, parquet_batch *out, df_error *err)
{
    if (!column->started) return df_fail(err, DF_BUG, "parquet_scan_start was not called");
    if (column->broken != DF_OK) return df_fail(err, column->broken, "an earlier page of this column failed");
    *out = (parquet_batch){0};
    bool at_end = !column->left && !column->page_left && column->level_at == column->level_count;
    if (at_end || !max) return DF_OK;
    column->broken = read_batch(column, max, out, err);
    if (column->broken == DF_OK) return DF_OK;
    *out = (parquet_batch){0};
    return name_the_place(column, err);
}
