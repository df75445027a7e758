/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a page, in whichever encoding, as a stream of dense arrays. */
#ifndef DF_PARQUET_VALUES_H
#define DF_PARQUET_VALUES_H

#include "parquet/delta_packed.h"
#include "parquet/parquet_int.h"
#include "parquet/rle.h"

/* The numbers are the format's. */
enum {
    PARQUET_ENC_PLAIN = 0,
    PARQUET_ENC_PLAIN_DICTIONARY = 2,
    PARQUET_ENC_RLE = 3,
    PARQUET_ENC_BIT_PACKED = 4,
    PARQUET_ENC_DELTA_BINARY_PACKED = 5,
    PARQUET_ENC_DELTA_LENGTH_BYTE_ARRAY = 6,
    PARQUET_ENC_DELTA_BYTE_ARRAY = 7,
    PARQUET_ENC_RLE_DICTIONARY = 8,
    PARQUET_ENC_BYTE_STREAM_SPLIT = 9,
};

/* A chunk's dictionary, decoded. */
typedef struct parquet_dictionary {
    df_buf items; /* `count` values as parquet_batch has them */
    df_buf bytes; /* what strings point into */
    size_t count;
    bool present;
} parquet_dictionary;

typedef struct parquet_values {
    const parquet_node *leaf;
    const parquet_dictionary *dictionary;
    parquet_memory *memory;
    int32_t encoding;
    const uint8_t *at, *end;
    uint64_t bit;                    /* PLAIN booleans */
    size_t stride, index;            /* BYTE_STREAM_SPLIT: values in the page, the next of them */
    parquet_rle rle;                 /* dictionary indices, RLE booleans */
    parquet_delta lengths, prefixes; /* DELTA encodings; plain integers use `lengths` */
    df_buf text;                     /* strings that are put together here */
    size_t last_at, last_len;        /* the value before, in `text` */
    uint64_t may_expand;             /* bytes that strings of this page may still be put together to */
} parquet_values;

/* Bytes of one value in a batch. */
size_t parquet_value_size(parquet_type type);
/* "DELTA_BYTE_ARRAY"; never NULL. */
const char *parquet_encoding_name(int32_t encoding);

/* Begins a page; values->leaf, dictionary and memory are set already. The bytes must stay until its end. */
df_code parquet_values_start(parquet_values *values, int32_t encoding, const uint8_t *bytes, size_t len,
                             df_error *err);
/*
 * The next *n values to `out`. *n comes back smaller, but not 0, when strings that must be put together would
 * take more memory than a batch should.
 */
df_code parquet_values_read(parquet_values *values, void *out, size_t *n, df_error *err);
void parquet_values_release(parquet_values *values);

/* Decodes a dictionary page of `count` PLAIN values; `bytes` are copied. */
df_code parquet_dictionary_read(parquet_dictionary *dictionary, const parquet_node *leaf,
                                parquet_memory *memory, const uint8_t *bytes, size_t len, size_t count,
                                df_error *err);
void parquet_dictionary_release(parquet_dictionary *dictionary, parquet_memory *memory);

#endif
