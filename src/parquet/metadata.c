/* SPDX-License-Identifier: Apache-2.0 */
/* The footer: found, checked, and read as far as every reader needs it. Column chunks are left for later. */
#include "parquet/parquet_int.h"

#include <stdlib.h>

static df_code read_row_group(parquet_file *file, thrift_reader *r, df_error *err)
{
    const uint8_t *footer = (const uint8_t *)file->footer.ptr;
    parquet_row_group *group = &file->row_groups[file->n_row_groups++];
    *group = (parquet_row_group){.rows = -1};
    bool has_columns = false;
    for (thrift_struct s = {0}; thrift_next(r, &s);) {
        if (s.id == 1) {
            thrift_reader head = *r;
            uint8_t element;
            group->n_columns = thrift_list(&head, s.type, &element);
            group->columns_at = (size_t)(head.at - footer);
            has_columns = element == THRIFT_STRUCT || !group->n_columns;
            thrift_skip(r, s.type);
        } else if (s.id == 3) {
            group->rows = thrift_int(r, s.type);
        } else {
            thrift_skip(r, s.type);
        }
    }
    if (r->failed) return DF_OK; /* told once, by the caller */
    if (!has_columns || group->rows < 0 || group->rows > INT64_MAX - file->rows)
        return df_fail(err, DF_CORRUPT, "row group %zu of the footer is damaged", file->n_row_groups - 1);
    file->rows += group->rows;
    return DF_OK;
}

static df_code read_row_groups(parquet_file *file, thrift_reader *r, uint8_t type, df_error *err)
{
    uint8_t element;
    size_t count = thrift_list(r, type, &element);
    if (!count) return DF_OK;
    if (element != THRIFT_STRUCT || file->row_groups)
        return df_fail(err, DF_CORRUPT, "the footer's row groups are damaged");
    file->row_groups = calloc(count, sizeof *file->row_groups);
    if (!file->row_groups) return df_fail(err, DF_NO_MEMORY, "not enough memory for %zu row groups", count);
    for (size_t i = 0; i < count && !r->failed; i++) DF_TRY(read_row_group(file, r, err));
    return DF_OK;
}

static df_code read_file_metadata(parquet_file *file, df_error *err)
{
    thrift_reader r = thrift_over(file->footer.ptr, file->footer.len);
    for (thrift_struct s = {0}; thrift_next(&r, &s);) {
        uint8_t element;
        switch (s.id) {
        case 2: {
            size_t count = thrift_list(&r, s.type, &element);
            if (count && element != THRIFT_STRUCT)
                return df_fail(err, DF_CORRUPT, "the footer's schema is damaged");
            DF_TRY(parquet_read_schema(file, &r, count, err));
            break;
        }
        case 4: DF_TRY(read_row_groups(file, &r, s.type, err)); break;
        case 6: file->created_by = thrift_binary(&r, s.type); break;
        default: thrift_skip(&r, s.type); break;
        }
    }
    if (r.failed) return df_fail(err, DF_CORRUPT, "the Parquet footer is damaged");
    if (!file->nodes) return df_fail(err, DF_CORRUPT, "the Parquet footer has no schema");
    for (size_t i = 0; i < file->n_row_groups; i++)
        if (file->row_groups[i].n_columns != file->n_leaves)
            return df_fail(err, DF_CORRUPT, "row group %zu has %zu columns, the schema %zu", i,
                           file->row_groups[i].n_columns, file->n_leaves);
    return DF_OK;
}

static df_code read_footer(parquet_file *file, df_error *err)
{
    const df_input *input = file->input;
    if (input->size < 12)
        return df_fail(err, DF_CORRUPT, "not a Parquet file: it has only %lld bytes", (long long)input->size);
    uint8_t head[4], tail[8];
    DF_TRY(input->read_at(input->context, 0, head, sizeof head, err));
    DF_TRY(input->read_at(input->context, input->size - 8, tail, sizeof tail, err));
    if (!memcmp(tail + 4, "PARE", 4) || !memcmp(head, "PARE", 4))
        return df_fail(err, DF_UNSUPPORTED, "the Parquet file is encrypted (its footer too)");
    if (memcmp(head, "PAR1", 4) != 0)
        return df_fail(err, DF_CORRUPT, "not a Parquet file: it does not begin with PAR1");
    if (memcmp(tail + 4, "PAR1", 4) != 0)
        return df_fail(err, DF_CORRUPT, "the Parquet file is cut off: it does not end with PAR1");
    uint32_t len = tail[0] | (uint32_t)tail[1] << 8 | (uint32_t)tail[2] << 16 | (uint32_t)tail[3] << 24;
    if (!len || len > input->size - 12 || len > PARQUET_MAX_FOOTER)
        return df_fail(err, DF_CORRUPT, "the Parquet footer claims %u bytes in a file of %lld", len,
                       (long long)input->size);
    if (!df_buf_try_reserve(&file->footer, len))
        return df_fail(err, DF_NO_MEMORY, "not enough memory for a Parquet footer of %u bytes", len);
    file->footer_at = input->size - 8 - len;
    DF_TRY(input->read_at(input->context, file->footer_at, file->footer.ptr, len, err));
    file->footer.len = len;
    return read_file_metadata(file, err);
}

df_code parquet_open(const df_input *input, parquet_file **out, df_error *err)
{
    parquet_file *file = df_zalloc(sizeof *file);
    file->input = input;
    df_code code = read_footer(file, err);
    if (code != DF_OK) {
        df_error_at(err, input->name, 0);
        parquet_close(file);
        return code;
    }
    *out = file;
    return DF_OK;
}

void parquet_close(parquet_file *file)
{
    if (!file) return;
    df_buf_release(&file->footer);
    free(file->nodes);
    free(file->leaves);
    free(file->row_groups);
    free(file);
}

const parquet_node *parquet_schema(const parquet_file *file)
{
    return &file->nodes[0];
}

size_t parquet_num_leaves(const parquet_file *file)
{
    return file->n_leaves;
}

const parquet_node *parquet_leaf(const parquet_file *file, size_t number)
{
    return file->leaves[number];
}

size_t parquet_num_row_groups(const parquet_file *file)
{
    return file->n_row_groups;
}

int64_t parquet_row_group_rows(const parquet_file *file, size_t row_group)
{
    return file->row_groups[row_group].rows;
}

int64_t parquet_num_rows(const parquet_file *file)
{
    return file->rows;
}

df_str parquet_created_by(const parquet_file *file)
{
    return file->created_by.ptr ? file->created_by : DF_STR("");
}

/* ---- column chunks ---- */

typedef struct chunk_metadata {
    bool present, encrypted;
    df_str file_path;
    int32_t type, codec;
    int64_t num_values, compressed, data_page, dictionary_page;
} chunk_metadata;

static void read_column_metadata(thrift_reader *r, chunk_metadata *m)
{
    m->present = true;
    for (thrift_struct s = {0}; thrift_next(r, &s);) {
        switch (s.id) {
        case 1: m->type = thrift_int32(r, s.type); break;
        case 4: m->codec = thrift_int32(r, s.type); break;
        case 5: m->num_values = thrift_int(r, s.type); break;
        case 7: m->compressed = thrift_int(r, s.type); break;
        case 9: m->data_page = thrift_int(r, s.type); break;
        case 11: m->dictionary_page = thrift_int(r, s.type); break;
        default: thrift_skip(r, s.type); break;
        }
    }
}

static void read_column_chunk(thrift_reader *r, chunk_metadata *m)
{
    *m = (chunk_metadata){.type = -1, .num_values = -1, .compressed = -1, .data_page = -1};
    for (thrift_struct s = {0}; thrift_next(r, &s);) {
        if (s.id == 1)
            m->file_path = thrift_binary(r, s.type);
        else if (s.id == 3 && s.type == THRIFT_STRUCT)
            read_column_metadata(r, m);
        else {
            m->encrypted |= s.id == 8 || s.id == 9;
            thrift_skip(r, s.type);
        }
    }
}

static df_code check_chunk(const parquet_file *file, const parquet_node *leaf, int64_t rows,
                           const chunk_metadata *m, parquet_chunk *out, df_error *err)
{
    if (m->encrypted) return df_fail(err, DF_UNSUPPORTED, "the column is encrypted");
    if (m->file_path.len)
        return df_fail(err, DF_UNSUPPORTED, "the column lies in another file, \"%.*s\"",
                       DF_FMT(m->file_path));
    if (!m->present || m->num_values < 0 || m->compressed < 0 || m->data_page < 0 ||
        m->type != (int32_t)leaf->type)
        return df_fail(err, DF_CORRUPT, "the column's metadata is damaged");
    if (!leaf->max_rep && m->num_values != rows)
        return df_fail(err, DF_CORRUPT, "the column has %lld values, its row group %lld rows",
                       (long long)m->num_values, (long long)rows);
    /* Old parquet-mr puts the dictionary page where it says that data pages begin, and names no dictionary.
     */
    int64_t start = m->data_page;
    if (m->dictionary_page > 0 && m->dictionary_page < start) start = m->dictionary_page;
    if (m->num_values && (start < 4 || start > file->footer_at || m->compressed > file->footer_at - start))
        return df_fail(err, DF_CORRUPT, "the column's pages (%lld bytes at %lld) lie outside of the file",
                       (long long)m->compressed, (long long)start);
    *out = (parquet_chunk){.start = start, .num_values = m->num_values, .codec = m->codec};
    out->end = m->num_values ? start + m->compressed : start;
    return DF_OK;
}

df_code parquet_find_chunks(const parquet_file *file, size_t row_group, const int32_t *slot_of_leaf,
                            parquet_chunk *chunks, df_error *err)
{
    const parquet_row_group *group = &file->row_groups[row_group];
    thrift_reader r = thrift_over(file->footer.ptr + group->columns_at, file->footer.len - group->columns_at);
    for (size_t leaf = 0; leaf < group->n_columns; leaf++) {
        if (slot_of_leaf[leaf] < 0) {
            thrift_skip(&r, THRIFT_STRUCT);
            continue;
        }
        chunk_metadata m;
        read_column_chunk(&r, &m);
        if (r.failed) return df_fail(err, DF_CORRUPT, "the Parquet footer is damaged");
        df_code code =
            check_chunk(file, file->leaves[leaf], group->rows, &m, &chunks[slot_of_leaf[leaf]], err);
        if (code != DF_OK) {
            df_buf path = {0};
            parquet_put_path(&path, file->leaves[leaf]);
            df_error_prefix(err, "column %.*s, row group %zu", DF_FMT(df_buf_str(&path)), row_group);
            df_buf_release(&path);
            return code;
        }
    }
    return DF_OK;
}
