/* SPDX-License-Identifier: Apache-2.0 */
/* Thrift, levels and integers: known bytes, random ones written by an encoder of our own, and damaged ones.
 */
#include "parquet/delta_packed.h"
#include "parquet/rle.h"
#include "parquet/thrift.h"
#include "tap.h"

#include <stdlib.h>

static uint64_t state = 88172645463325252u;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

/* ---- writing ---- */

static uint8_t out[1 << 20];
static size_t out_len;

static void put_varint(uint64_t v)
{
    for (; v >= 0x80; v >>= 7) out[out_len++] = (uint8_t)(v | 0x80);
    out[out_len++] = (uint8_t)v;
}

static void put_zigzag(uint64_t v)
{
    put_varint(v << 1 ^ (v >> 63 ? ~(uint64_t)0 : 0));
}

/* n values of `width` bits from the lowest bit up; n * width is a multiple of 8. */
static void put_packed(const uint64_t *values, size_t n, unsigned width)
{
    memset(out + out_len, 0, n * width / 8 + 1);
    size_t bit = 0;
    for (size_t i = 0; i < n; i++)
        for (unsigned b = 0; b < width; b++, bit++)
            out[out_len + bit / 8] |= (uint8_t)((values[i] >> b & 1) << (bit % 8));
    out_len += n * width / 8;
}

/* ---- thrift ---- */

static void test_thrift(void)
{
    /* field 1: i32 -3; field 3: "ab"; field 20 (long form): true; field 21: list<i64> [1, 300]; field 22:
     * struct {} */
    static const uint8_t bytes[] = {0x15, 0x05, 0x28, 2,    'a',  'b',  0x01, 40,
                                    0x19, 0x26, 0x02, 0xd8, 0x04, 0x1c, 0,    0};
    thrift_reader r = thrift_over(bytes, sizeof bytes);
    thrift_struct s = {0};
    check(thrift_next(&r, &s) && s.id == 1 && thrift_int32(&r, s.type) == -3, "an i32 field");
    check(thrift_next(&r, &s) && s.id == 3 && df_str_is(thrift_binary(&r, s.type), "ab"), "a binary field");
    check(thrift_next(&r, &s) && s.id == 20 && thrift_bool(&r, s.type), "a bool field with its id in full");
    uint8_t element;
    check(thrift_next(&r, &s) && s.id == 21 && thrift_list(&r, s.type, &element) == 2 &&
              element == THRIFT_I64,
          "the head of a list");
    check(thrift_int(&r, element) == 1 && thrift_int(&r, element) == 300, "its elements");
    check(thrift_next(&r, &s) && s.id == 22 && thrift_is_struct(&r, s.type), "a struct field");
    thrift_skip(&r, s.type);
    check(!thrift_next(&r, &s) && !r.failed && r.at == r.end, "the end");

    r = thrift_over(bytes, sizeof bytes);
    thrift_skip(&r, THRIFT_STRUCT);
    check(!r.failed && r.at == r.end, "skipping the whole");
    bool all = true;
    for (size_t n = 0; n < sizeof bytes; n++) {
        r = thrift_over(bytes, n);
        thrift_skip(&r, THRIFT_STRUCT);
        all &= r.failed;
    }
    check(all, "every shorter one fails");
    r = thrift_over("\xf9\xff\xff\xff\xff\x0f", 6);
    check(thrift_list(&r, THRIFT_LIST, &element) == 0 && r.failed, "a list longer than its bytes fails");
    uint8_t deep[100];
    memset(deep, 0x1c, sizeof deep);
    r = thrift_over(deep, sizeof deep);
    thrift_skip(&r, THRIFT_STRUCT);
    check(r.failed, "nesting has a limit");
    r = thrift_over("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12);
    check(thrift_int(&r, THRIFT_I64) == 0 && r.failed, "an integer without an end fails");
}

/* ---- levels and indices ---- */

static void test_rle_known(void)
{
    /* The format's own example: 0…7 in three bits are 88 C6 FA. */
    parquet_rle rle;
    uint8_t levels[16];
    static const uint8_t packed[] = {0x03, 0x88, 0xC6, 0xFA, 0x10, 0x05};
    bool ok = parquet_rle_init(&rle, packed, sizeof packed, 3) && parquet_rle_bytes(&rle, levels, 16);
    for (uint8_t i = 0; i < 8; i++) ok &= levels[i] == i && levels[8 + i] == 5;
    check(ok, "a packed run, then a repeated one");
    check(!parquet_rle_bytes(&rle, levels, 1), "and no more");
    uint64_t bit = 0;
    static const uint8_t old[] = {0x05, 0x39, 0x77};
    ok = parquet_unpack_levels(old, sizeof old, &bit, 3, levels, 8);
    for (uint8_t i = 0; i < 8; i++) ok &= levels[i] == i;
    check(ok, "BIT_PACKED: 0…7 are 05 39 77");
    check(!parquet_unpack_levels(old, sizeof old, &bit, 3, levels, 1), "and no more");
    check(!parquet_rle_init(&rle, packed, sizeof packed, 33), "33 bits are too many");
    static const uint8_t big[] = {0x02, 0x07};
    check(parquet_rle_init(&rle, big, sizeof big, 2) && !parquet_rle_bytes(&rle, levels, 1),
          "a repeated value beyond its width fails");
    static const uint8_t cut[] = {0x05, 0xff};
    check(parquet_rle_init(&rle, cut, sizeof cut, 1) && parquet_rle_bytes(&rle, levels, 8) &&
              !parquet_rle_bytes(&rle, levels, 1),
          "of a run that is cut short the whole values are there");
    static const uint8_t zero[] = {0xff, 0xff, 0x03};
    uint32_t indices[300];
    ok = parquet_rle_init(&rle, zero, sizeof zero, 0) && parquet_rle_uint32(&rle, indices, 300);
    for (size_t i = 0; i < 300; i++) ok &= indices[i] == 0;
    check(ok, "no bits at all: zeros");
}

static void test_rle_long(void)
{
    static uint8_t levels[2048];
    out_len = 0;
    put_varint(1000000 << 1);
    out[out_len++] = 2;
    put_varint(1 << 1);
    out[out_len++] = 1;
    parquet_rle rle;
    bool ok = parquet_rle_init(&rle, out, out_len, 2);
    for (size_t n = 1000000; n && ok;) {
        size_t step = n < sizeof levels ? n : sizeof levels;
        ok = parquet_rle_bytes(&rle, levels, step);
        for (size_t i = 0; i < step; i++) ok &= levels[i] == 2;
        n -= step;
    }
    check(ok && parquet_rle_bytes(&rle, levels, 1) && levels[0] == 1, "a run of a million, and what follows it");
}

static void test_rle_random(void)
{
    for (unsigned width = 1; width <= 32; width++) {
        static uint64_t want[4096];
        static uint32_t got[4096];
        size_t n = 0;
        out_len = 0;
        while (n < 3000) {
            uint64_t mask = width == 64 ? ~(uint64_t)0 : ((uint64_t)1 << width) - 1;
            if (next_random() % 2) {
                size_t run = next_random() % 200 + 1;
                uint64_t value = next_random() & mask;
                put_varint(run << 1);
                for (unsigned b = 0; b < (width + 7) / 8; b++) out[out_len++] = (uint8_t)(value >> (8 * b));
                while (run--) want[n++] = value;
            } else {
                size_t groups = next_random() % 20 + 1;
                for (size_t i = 0; i < groups * 8; i++) want[n + i] = next_random() & mask;
                put_varint(groups << 1 | 1);
                put_packed(want + n, groups * 8, width);
                n += groups * 8;
            }
        }
        parquet_rle rle;
        bool ok = parquet_rle_init(&rle, out, out_len, width);
        for (size_t at = 0, step; at < n && ok; at += step) {
            step = next_random() % 100 + 1;
            if (step > n - at) step = n - at;
            ok = parquet_rle_uint32(&rle, got + at, step);
        }
        for (size_t i = 0; i < n; i++) ok &= got[i] == want[i];
        check(ok && !parquet_rle_uint32(&rle, got, 1), "runs of %u bits", width);
    }
}

/* ---- DELTA_BINARY_PACKED ---- */

static void test_delta_known(void)
{
    /* The format's second example: 7 5 3 1 2 3 4 5, one block of 128 in 4 miniblocks. */
    uint8_t bytes[64] = {128, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0xC0, 0x3F, 0, 0, 0, 0, 0, 0};
    static const int64_t want[] = {7, 5, 3, 1, 2, 3, 4, 5};
    int64_t got[8];
    parquet_delta d;
    bool ok = parquet_delta_init(&d, bytes, 18);
    check(ok && parquet_delta_end(&d) == bytes + 18, "the end is found without decoding");
    ok = parquet_delta_int64(&d, got, 8);
    for (size_t i = 0; i < 8; i++) ok &= got[i] == want[i];
    check(ok && !parquet_delta_int64(&d, got, 1), "7 5 3 1 2 3 4 5, and no more");
    check(parquet_delta_init(&d, (const uint8_t *)"\x80\x01\x04\x00\x00", 5) &&
              !parquet_delta_int64(&d, got, 1) && parquet_delta_end(&d) != NULL,
          "no values");
    check(!parquet_delta_init(&d, (const uint8_t *)"\x80\x01\x00\x01\x00", 5), "no miniblocks is an error");
    check(!parquet_delta_init(&d, (const uint8_t *)"\x80\x01\x03\x01\x00", 5),
          "uneven miniblocks are an error");
    check(!parquet_delta_init(&d, bytes, 3), "a header that is cut short is an error");
    bytes[6] = 65;
    check(parquet_delta_init(&d, bytes, 18) && !parquet_delta_int64(&d, got, 8), "65 bits are too many");
}

static unsigned bits_of(uint64_t v)
{
    return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

static void encode_delta(const uint64_t *values, size_t n, size_t block, size_t minis)
{
    out_len = 0;
    size_t mini = block / minis;
    put_varint(block);
    put_varint(minis);
    put_varint(n);
    put_zigzag(n ? values[0] : 0);
    for (size_t at = 1; at < n; at += block) {
        static uint64_t deltas[1024];
        size_t here = n - at < block ? n - at : block;
        int64_t least = INT64_MAX;
        for (size_t i = 0; i < here; i++) {
            deltas[i] = values[at + i] - values[at + i - 1];
            if ((int64_t)deltas[i] < least) least = (int64_t)deltas[i];
        }
        for (size_t i = 0; i < block; i++) deltas[i] = i < here ? deltas[i] - (uint64_t)least : 0;
        put_zigzag((uint64_t)least);
        uint8_t *widths = out + out_len;
        out_len += minis;
        for (size_t m = 0; m < minis; m++) {
            uint64_t all = 0;
            for (size_t i = 0; i < mini; i++) all |= deltas[m * mini + i];
            widths[m] = (uint8_t)bits_of(all);
            if (m * mini < here)
                put_packed(deltas + m * mini, mini, widths[m]);
            else
                widths[m] = 0xee; /* of miniblocks that are not needed: anything */
        }
    }
}

static void test_delta_random(void)
{
    static uint64_t want[3000];
    static int64_t got[3000];
    static int32_t got32[3000];
    for (unsigned bits = 0; bits <= 64; bits += 4) {
        size_t n = next_random() % 3000;
        for (size_t i = 0; i < n; i++) {
            uint64_t v = next_random();
            want[i] =
                bits == 64 ? v : (v & (((uint64_t)1 << bits) - 1)) - (bits ? (uint64_t)1 << (bits - 1) : 0);
        }
        encode_delta(want, n, bits % 8 ? 128 : 256, bits % 3 ? 4 : 1);
        out[out_len] = 0x77; /* what follows is somebody else's */
        parquet_delta d;
        bool ok = parquet_delta_init(&d, out, out_len + 1) && parquet_delta_end(&d) == out + out_len;
        for (size_t at = 0, step; at < n && ok; at += step) {
            step = next_random() % 90 + 1;
            if (step > n - at) step = n - at;
            ok = parquet_delta_int64(&d, got + at, step);
        }
        for (size_t i = 0; i < n; i++) ok &= got[i] == (int64_t)want[i];
        check(ok, "%zu integers of %u bits", n, bits);
        ok = parquet_delta_init(&d, out, out_len) && parquet_delta_int32(&d, got32, n);
        for (size_t i = 0; i < n; i++) ok &= got32[i] == (int32_t)(uint32_t)want[i];
        check(ok, "the same as 32 bits");
        bool cut = true;
        for (size_t len = 0; len < out_len && n > 1; len += 1 + out_len / 50) {
            uint8_t *copy = malloc(len ? len : 1); /* for the address sanitizer */
            memcpy(copy, out, len);
            if (parquet_delta_init(&d, copy, len)) {
                parquet_delta_end(&d);
                bool read = parquet_delta_int64(&d, got, n);
                for (size_t i = 0; read && i < n; i++) cut &= got[i] == (int64_t)want[i];
                cut &= !read || out_len - len < 64 * 256 / 8; /* more than padding is missing */
            }
            free(copy);
        }
        check(cut, "cut short they are an error, unless it was only padding");
    }
}

int main(void)
{
    test_thrift();
    test_rle_known();
    test_rle_long();
    test_rle_random();
    test_delta_known();
    test_delta_random();
    return tap_done();
}
