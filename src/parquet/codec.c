/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/codec.h"

#include "base/arena.h"

#include <brotli/decode.h>
#include <lz4.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

void parquet_codecs_release(parquet_codecs *codecs)
{
    if (codecs->gzip) {
        inflateEnd(codecs->gzip);
        free(codecs->gzip);
    }
    ZSTD_freeDCtx(codecs->zstd);
    *codecs = (parquet_codecs){0};
}

const char *parquet_codec_name(int32_t codec)
{
    static const char *const names[] = {"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO",
                                        "BROTLI",       "LZ4",    "ZSTD", "LZ4_RAW"};
    bool known = codec >= 0 && (size_t)codec < sizeof names / sizeof *names;
    return known ? names[codec] : "unknown";
}

uint64_t parquet_codec_bound(int32_t codec, uint64_t compressed)
{
    uint64_t ratio;
    switch (codec) {
    case PARQUET_UNCOMPRESSED: ratio = 1; break;
    case PARQUET_SNAPPY: ratio = 64; break; /* a copy of 64 bytes takes at least 2 */
    case PARQUET_LZ4:
    case PARQUET_LZ4_RAW: ratio = 256; break; /* 255 for each byte of a long length */
    case PARQUET_GZIP: ratio = 1100; break;   /* deflate: 1032 */
    default: return UINT64_MAX;
    }
    return (compressed + 64) * ratio;
}

static df_code bad(int32_t codec, df_error *err)
{
    return df_fail(err, DF_CORRUPT, "the page's %s data is damaged", parquet_codec_name(codec));
}

static bool snappy(const void *in, size_t in_len, void *out, size_t out_len)
{
    size_t len = 0;
    if (snappy_uncompressed_length(in, in_len, &len) != SNAPPY_OK || len != out_len) return false;
    return snappy_uncompress(in, in_len, out, &len) == SNAPPY_OK && len == out_len;
}

/* gzip or zlib, one member or several in a row. */
static bool gunzip(parquet_codecs *codecs, const void *in, size_t in_len, void *out, size_t out_len)
{
    z_stream *z = codecs->gzip;
    if (!z) {
        z = df_zalloc(sizeof *z);
        if (inflateInit2(z, 15 + 32) != Z_OK) {
            free(z);
            return false;
        }
        codecs->gzip = z;
    }
    if (in_len > UINT32_MAX || out_len > UINT32_MAX) return false;
    /* zlib has no const in its interface, and needs an address even for no bytes. */
    memcpy(&z->next_in, &in, sizeof in);
    z->avail_in = (uInt)in_len;
    Bytef none;
    z->next_out = out_len ? out : &none;
    z->avail_out = (uInt)out_len;
    do {
        if (inflateReset(z) != Z_OK || inflate(z, Z_FINISH) != Z_STREAM_END) return false;
    } while (z->avail_in && z->avail_out);
    return z->avail_out == 0;
}

static bool unzstd(parquet_codecs *codecs, const void *in, size_t in_len, void *out, size_t out_len)
{
    if (!codecs->zstd) codecs->zstd = ZSTD_createDCtx();
    if (!codecs->zstd) return false;
    size_t n = ZSTD_decompressDCtx(codecs->zstd, out, out_len, in, in_len);
    return !ZSTD_isError(n) && n == out_len;
}

static bool unbrotli(const void *in, size_t in_len, void *out, size_t out_len)
{
    size_t n = out_len;
    return BrotliDecoderDecompress(in_len, in, &n, out) == BROTLI_DECODER_RESULT_SUCCESS && n == out_len;
}

static bool lz4_block(const void *in, size_t in_len, void *out, size_t out_len)
{
    if (in_len > INT32_MAX || out_len > INT32_MAX) return false;
    return LZ4_decompress_safe(in, out, (int)in_len, (int)out_len) == (int)out_len;
}

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Hadoop's framing: (decompressed size, compressed size, block) again and again. */
static bool lz4_hadoop(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
    while (in_len >= 8) {
        uint32_t raw = big_endian(in), packed = big_endian(in + 4);
        in += 8;
        in_len -= 8;
        if (packed > in_len || raw > out_len || !lz4_block(in, packed, out, raw)) return false;
        in += packed;
        in_len -= packed;
        out += raw;
        out_len -= raw;
    }
    return in_len == 0 && out_len == 0;
}

static bool lz4_frame(const void *in, size_t in_len, void *out, size_t out_len)
{
    LZ4F_dctx *context;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) return false;
    size_t written = out_len, taken = in_len;
    size_t left = LZ4F_decompress(context, out, &written, in, &taken, NULL);
    LZ4F_freeDecompressionContext(context);
    return left == 0 && written == out_len && taken == in_len;
}

/* "LZ4" was never defined well: Hadoop's framing is what most write, some wrote bare blocks or frames. */
static bool lz4_any(const void *in, size_t in_len, void *out, size_t out_len)
{
    return lz4_hadoop(in, in_len, out, out_len) || lz4_block(in, in_len, out, out_len) ||
           lz4_frame(in, in_len, out, out_len);
}

df_code parquet_decompress(parquet_codecs *codecs, int32_t codec, const void *in, size_t in_len, void *out,
                           size_t out_len, df_error *err)
{
    bool ok;
    switch (codec) {
    case PARQUET_UNCOMPRESSED:
        ok = in_len == out_len;
        if (ok && out_len) memcpy(out, in, out_len);
        break;
    case PARQUET_SNAPPY: ok = snappy(in, in_len, out, out_len); break;
    case PARQUET_GZIP: ok = gunzip(codecs, in, in_len, out, out_len); break;
    case PARQUET_BROTLI: ok = unbrotli(in, in_len, out, out_len); break;
    case PARQUET_LZ4: ok = lz4_any(in, in_len, out, out_len); break;
    case PARQUET_LZ4_RAW: ok = lz4_block(in, in_len, out, out_len); break;
    case PARQUET_ZSTD: ok = unzstd(codecs, in, in_len, out, out_len); break;
    default:
        return df_fail(err, DF_UNSUPPORTED, "pages compressed with %s (codec %d) cannot be read",
                       parquet_codec_name(codec), codec);
    }
    return ok ? DF_OK : bad(codec, err);
}
