/* SPDX-License-Identifier: Apache-2.0 */
/* Decompression of pages. */
#ifndef DF_PARQUET_CODEC_H
#define DF_PARQUET_CODEC_H

#include "base/error.h"

#include <stdint.h>

/* The numbers are the format's. */
enum {
    PARQUET_UNCOMPRESSED,
    PARQUET_SNAPPY,
    PARQUET_GZIP,
    PARQUET_LZO,
    PARQUET_BROTLI,
    PARQUET_LZ4, /* Hadoop's framing, or what else writers put under this name */
    PARQUET_ZSTD,
    PARQUET_LZ4_RAW,
};

/* State that is kept from page to page; zeroed to begin with. */
typedef struct parquet_codecs {
    void *gzip, *zstd;
} parquet_codecs;

void parquet_codecs_release(parquet_codecs *codecs);

/* "SNAPPY"; never NULL. */
const char *parquet_codec_name(int32_t codec);

/*
 * The most bytes that `compressed` bytes can decompress to, to be asked before memory is taken for a page
 * that claims to be large. UINT64_MAX where the codec has no such bound.
 */
uint64_t parquet_codec_bound(int32_t codec, uint64_t compressed);

/* Decompresses to exactly `out_len` bytes; anything else is DF_CORRUPT. DF_UNSUPPORTED for LZO and unknown
 * codecs. */
DF_MUST_USE df_code parquet_decompress(parquet_codecs *codecs, int32_t codec, const void *in, size_t in_len,
                                       void *out, size_t out_len, df_error *err);

#endif
