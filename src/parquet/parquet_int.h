/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share; nobody else includes it. */
#ifndef DF_PARQUET_PARQUET_INT_H
#define DF_PARQUET_PARQUET_INT_H

#include "parquet/codec.h"
#include "parquet/parquet.h"
#include "parquet/thrift.h"

enum {
    PARQUET_MAX_DEPTH = 100,            /* of nested groups; keeps levels in a byte */
    PARQUET_MAX_NODES = 1 << 20,        /* of a schema */
    PARQUET_MAX_FOOTER = 256 << 20,     /* bytes */
    PARQUET_MAX_PAGE_HEADER = 16 << 20, /* bytes; headers carry statistics, which may be long */
};

/* A row group's place in the footer; its columns are parsed when a scan starts it. */
typedef struct parquet_row_group {
    size_t columns_at; /* offset of the first ColumnChunk in the footer */
    size_t n_columns;
    int64_t rows;
} parquet_row_group;

struct parquet_file {
    const df_input *input;
    df_buf footer;
    int64_t footer_at; /* where the footer begins: data lies before it */
    parquet_node *nodes;
    size_t n_nodes;
    const parquet_node **leaves;
    size_t n_leaves;
    parquet_row_group *row_groups;
    size_t n_row_groups;
    int64_t rows;
    df_str created_by; /* into footer */
};

/* Reads the SchemaElements that `r` stands at into file->nodes and file->leaves (schema.c). */
df_code parquet_read_schema(parquet_file *file, thrift_reader *r, size_t count, df_error *err);

/* What is needed of a column in a row group. */
typedef struct parquet_chunk {
    int64_t start, end; /* bytes of the file; `end` by the footer's word */
    int64_t num_values; /* entries, nulls too */
    int32_t codec;
} parquet_chunk;

/*
 * Finds the chunks of some leaves of a row group in one walk over its columns. `slot_of_leaf` has an index
 * into `chunks` for every leaf, or -1 (metadata.c).
 */
df_code parquet_find_chunks(const parquet_file *file, size_t row_group, const int32_t *slot_of_leaf,
                            parquet_chunk *chunks, df_error *err);

/* Memory of a scan, counted. */
typedef struct parquet_memory {
    size_t used, limit;
} parquet_memory;

/* Makes buf->cap at least `cap`, without keeping the content; DF_NO_MEMORY beyond the limit. */
df_code parquet_memory_fit(parquet_memory *memory, df_buf *buf, size_t cap, df_error *err);
/* The same, keeping buf->len bytes. */
df_code parquet_memory_grow(parquet_memory *memory, df_buf *buf, size_t cap, df_error *err);
void parquet_memory_release(parquet_memory *memory, df_buf *buf);

#endif
