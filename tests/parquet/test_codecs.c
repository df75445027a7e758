/* SPDX-License-Identifier: Apache-2.0 */
/* Codecs, as the libraries themselves write them, in the framings that other writers put around them. */
#include "parquet/codec.h"
#include "tap.h"

#include <lz4.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { SIZE = 100000 };

static char text[SIZE], packed[2 * SIZE], plain[SIZE];
static parquet_codecs codecs;

static bool unpacks(int codec, size_t packed_len)
{
    df_error err;
    memset(plain, 0, sizeof plain);
    /* In a block of its own, so that the address sanitizer sees every byte that is read beyond it. */
    char *exact = malloc(packed_len ? packed_len : 1);
    memcpy(exact, packed, packed_len);
    df_code code = parquet_decompress(&codecs, codec, exact, packed_len, plain, SIZE, &err);
    free(exact);
    return code == DF_OK && memcmp(plain, text, SIZE) == 0;
}

static void put_big_endian(char *to, size_t n)
{
    for (int i = 0; i < 4; i++) to[i] = (char)(n >> (24 - 8 * i));
}

static size_t gzip(const char *bytes, size_t len, char *to, int window)
{
    z_stream z = {0};
    if (deflateInit2(&z, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)len;
    z.next_out = (Bytef *)to;
    z.avail_out = SIZE;
    deflate(&z, Z_FINISH);
    size_t n = z.total_out;
    deflateEnd(&z);
    return n;
}

static void test_lz4(void)
{
    size_t n = (size_t)LZ4_compress_default(text, packed, SIZE, SIZE);
    check(unpacks(PARQUET_LZ4_RAW, n), "LZ4_RAW");
    check(unpacks(PARQUET_LZ4, n), "LZ4 without framing");
    n = 0;
    for (size_t at = 0; at < SIZE; at += SIZE / 4) {
        size_t one = (size_t)LZ4_compress_default(text + at, packed + n + 8, SIZE / 4, SIZE);
        put_big_endian(packed + n, SIZE / 4);
        put_big_endian(packed + n + 4, one);
        n += 8 + one;
    }
    check(unpacks(PARQUET_LZ4, n), "LZ4 in Hadoop's framing, four blocks");
    check(!unpacks(PARQUET_LZ4, n - 1) && !unpacks(PARQUET_LZ4, 7), "… cut short is an error");
    check(!unpacks(PARQUET_LZ4_RAW, n), "… is not LZ4_RAW");
    n = LZ4F_compressFrame(packed, sizeof packed, text, SIZE, NULL);
    check(unpacks(PARQUET_LZ4, n), "LZ4 frame");
    check(!unpacks(PARQUET_LZ4, n - 5), "… cut short is an error");
}

static void test_others(void)
{
    size_t n = sizeof packed;
    snappy_compress(text, SIZE, packed, &n);
    check(unpacks(PARQUET_SNAPPY, n) && !unpacks(PARQUET_SNAPPY, n - 1), "SNAPPY");
    n = gzip(text, SIZE, packed, 15 + 16);
    check(unpacks(PARQUET_GZIP, n) && !unpacks(PARQUET_GZIP, n - 1), "GZIP");
    check(unpacks(PARQUET_GZIP, n), "GZIP again, after a failure");
    n = gzip(text, SIZE / 2, packed, 15 + 16);
    n += gzip(text + SIZE / 2, SIZE / 2, packed + n, 15 + 16);
    check(unpacks(PARQUET_GZIP, n), "GZIP of two members");
    n = gzip(text, SIZE, packed, 15);
    check(unpacks(PARQUET_GZIP, n), "zlib in place of GZIP");
    n = ZSTD_compress(packed, sizeof packed, text, SIZE, 3);
    check(unpacks(PARQUET_ZSTD, n) && !unpacks(PARQUET_ZSTD, n - 1), "ZSTD");
    size_t half = ZSTD_compress(packed, sizeof packed, text, SIZE / 2, 3);
    n = half + ZSTD_compress(packed + half, sizeof packed - half, text + SIZE / 2, SIZE / 2, 3);
    check(unpacks(PARQUET_ZSTD, n), "ZSTD of two frames");
    df_error err;
    check(parquet_decompress(&codecs, PARQUET_LZO, "x", 1, plain, 1, &err) == DF_UNSUPPORTED &&
              strstr(err.message, "LZO"),
          "LZO is named");
    check(parquet_decompress(&codecs, 99, "x", 1, plain, 1, &err) == DF_UNSUPPORTED,
          "unknown codecs are unsupported");
}

int main(void)
{
    for (size_t i = 0; i < SIZE; i++) text[i] = (char)('a' + i * i / 977 % 26);
    test_lz4();
    test_others();
    for (int codec = PARQUET_SNAPPY; codec <= PARQUET_LZ4_RAW; codec++) {
        df_error err;
        bool ok = parquet_decompress(&codecs, codec, "", 0, plain, SIZE, &err) != DF_OK;
        check(ok, "nothing is not a page of %s", parquet_codec_name(codec));
    }
    parquet_codecs_release(&codecs);
    return tap_done();
}
