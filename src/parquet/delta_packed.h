/* SPDX-License-Identifier: Apache-2.0 */
/* DELTA_BINARY_PACKED: integers as bit-packed differences, in blocks of miniblocks. Decoded as a stream. */
#ifndef DF_PARQUET_DELTA_PACKED_H
#define DF_PARQUET_DELTA_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct parquet_delta {
    const uint8_t *at, *end;
    uint64_t left;         /* values not yet delivered */
    uint64_t value;        /* the next one to deliver, when `have_value` */
    bool have_value;       /* only the first is known before its block */
    uint64_t mini_size;    /* values in a miniblock */
    uint64_t minis;        /* miniblocks in a block */
    uint64_t mini;         /* the miniblock at hand; == minis: a block must be begun */
    const uint8_t *widths; /* of the block's miniblocks */
    uint64_t min_delta;
    uint64_t mini_left; /* values left in the miniblock */
    const uint8_t *packed;
    uint64_t bit;
    unsigned width;
} parquet_delta;

/* Reads the header; false when it is damaged. */
bool parquet_delta_init(parquet_delta *delta, const uint8_t *bytes, size_t len);
/* The next n values; false when there are fewer, or the data is damaged. */
bool parquet_delta_int64(parquet_delta *delta, int64_t *out, size_t n);
bool parquet_delta_int32(parquet_delta *delta, int32_t *out, size_t n);
/* Where the encoded values end, without decoding them; NULL when the data is damaged. For a fresh decoder. */
const uint8_t *parquet_delta_end(const parquet_delta *delta);

#endif
