/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of small integers: the RLE/bit-packing hybrid of levels, dictionary indices and booleans, and old
 * BIT_PACKED. */
#ifndef DF_PARQUET_RLE_H
#define DF_PARQUET_RLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The 8 bytes at `p`, or as many as there are before `end`, lowest first. */
static inline uint64_t parquet_load64(const uint8_t *p, const uint8_t *end)
{
    uint64_t word = 0;
    if (end - p >= 8)
        memcpy(&word, p, 8);
    else if (p < end)
        memcpy(&word, p, (size_t)(end - p));
    return word;
}

typedef struct parquet_rle {
    const uint8_t *at, *end;
    unsigned width;    /* bits of a value, 0 to 32 */
    uint64_t repeated; /* left in a run of equal values */
    uint32_t value;    /* … which is this */
    uint64_t packed;   /* left in a bit-packed run */
    const uint8_t *packed_at;
    uint64_t bit; /* of the next packed value, from packed_at */
} parquet_rle;

/* false when the width is beyond 32 bits. */
bool parquet_rle_init(parquet_rle *rle, const uint8_t *bytes, size_t len, unsigned width);
/* The next n values, which must fit a byte; false when the data ends before. */
bool parquet_rle_bytes(parquet_rle *rle, uint8_t *out, size_t n);
bool parquet_rle_uint32(parquet_rle *rle, uint32_t *out, size_t n);

/* BIT_PACKED: values of `width` (at most 8) bits from the highest bit down, beginning at bit `*bit` of the
 * bytes. */
bool parquet_unpack_levels(const uint8_t *bytes, size_t len, uint64_t *bit, unsigned width, uint8_t *out,
                           size_t n);

/* Bits that the values 0…max take. */
static inline unsigned parquet_bit_width(unsigned max)
{
    return max ? 32 - (unsigned)__builtin_clz(max) : 0;
}

#endif
