/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of a column chunk, one after the other: found, checked, decompressed. */
#ifndef DF_PARQUET_PAGE_H
#define DF_PARQUET_PAGE_H

#include "parquet/parquet_int.h"

typedef enum parquet_page_type {
    PARQUET_PAGE_DATA = 0,
    PARQUET_PAGE_INDEX = 1,
    PARQUET_PAGE_DICTIONARY = 2,
    PARQUET_PAGE_DATA_V2 = 3,
} parquet_page_type;

typedef struct parquet_page {
    int32_t type;
    int32_t num_values, encoding;
    int32_t def_encoding, rep_encoding; /* V1 */
    const uint8_t *rep, *def;           /* V2: the levels, never compressed */
    size_t rep_len, def_len;
    const uint8_t *bytes; /* decompressed; of V1 pages levels and values, of V2 pages values */
    size_t len;
} parquet_page;

/* A place among a chunk's pages. */
typedef struct parquet_pages {
    const df_input *input;
    parquet_memory *memory;
    parquet_codecs *codecs;
    int32_t codec;
    int64_t at, end;   /* next page; end of the chunk by the footer's word */
    int64_t hard_end;  /* where its last page must end */
    size_t read_ahead; /* bytes that are read at once, unless a page is larger */
    df_buf window;     /* bytes of the file from window_at */
    int64_t window_at;
    df_buf plain; /* the page, decompressed */
    int number;   /* of pages read, for messages */
} parquet_pages;

/* Goes to the start of a chunk. */
void parquet_pages_start(parquet_pages *pages, const parquet_chunk *chunk, int64_t footer_at);
/*
 * The next data or dictionary page; others are passed over. What `out` points at is valid until the next
 * call. DF_CORRUPT at the chunk's end: the caller knows how many values there are.
 */
df_code parquet_pages_next(parquet_pages *pages, parquet_page *out, df_error *err);
void parquet_pages_release(parquet_pages *pages);

#endif
