/* SPDX-License-Identifier: Apache-2.0 */
/* One column of a scan: pages in, batches of levels and values out. */
#ifndef DF_PARQUET_COLUMN_H
#define DF_PARQUET_COLUMN_H

#include "parquet/page.h"
#include "parquet/values.h"

/* A page's levels of one kind. */
typedef struct parquet_levels {
    uint8_t max;
    bool packed; /* BIT_PACKED, not RLE */
    parquet_rle rle;
    const uint8_t *bytes;
    size_t len;
    uint64_t bit;
} parquet_levels;

struct parquet_column {
    const parquet_node *leaf;
    const parquet_file *file;
    size_t row_group;
    bool started;      /* stands in a row group */
    df_code broken;    /* failed: stays so until the next row group */
    int64_t left;      /* entries of the chunk that no page was read for */
    int64_t page_left; /* entries of the page whose levels were not decoded */
    parquet_pages pages;
    parquet_page page;
    bool values_started; /* of this page */
    parquet_values values;
    parquet_dictionary dictionary;
    parquet_levels rep, def;
    size_t batch;                 /* the most entries of one */
    df_buf buffers;               /* def, rep and values of a batch, in this order */
    size_t level_at, level_count; /* decoded levels that were not delivered */
};

void parquet_column_init(parquet_column *column, const parquet_file *file, const parquet_node *leaf,
                         parquet_memory *memory, parquet_codecs *codecs);
void parquet_column_start(parquet_column *column, size_t row_group, const parquet_chunk *chunk);
void parquet_column_release(parquet_column *column);

#endif
