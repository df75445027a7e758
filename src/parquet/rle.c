/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/rle.h"

bool parquet_rle_init(parquet_rle *rle, const uint8_t *bytes, size_t len, unsigned width)
{
    *rle = (parquet_rle){.at = bytes, .end = bytes + len, .width = width};
    return width <= 32;
}

static bool take_varint(parquet_rle *rle, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        if (rle->at >= rle->end) return false;
        uint8_t byte = *rle->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* Starts the next run that is not empty. */
static bool next_run(parquet_rle *rle)
{
    while (!rle->repeated && !rle->packed) {
        uint64_t head;
        if (!take_varint(rle, &head)) return false;
        size_t left = (size_t)(rle->end - rle->at);
        if (head & 1) {
            uint64_t bytes = (head >> 1) * rle->width;
            rle->packed = (head >> 1) * 8;
            rle->packed_at = rle->at;
            rle->bit = 0;
            /* Some writers cut the last group short: what is there counts. */
            if (bytes > left) {
                bytes = left;
                rle->packed = left * 8 / rle->width;
                if (!rle->packed) return false;
            }
            rle->at += bytes;
        } else {
            size_t bytes = (rle->width + 7) / 8;
            if (bytes > left) return false;
            rle->repeated = head >> 1;
            rle->value = (uint32_t)parquet_load64(rle->at, rle->at + bytes);
            rle->at += bytes;
            if (rle->width < 32 && rle->value >> rle->width) return false;
        }
    }
    return true;
}

static size_t smaller(size_t n, uint64_t run)
{
    return run < n ? (size_t)run : n;
}

#define UNPACK(rle, out, n, type)                                                                            \
    do {                                                                                                     \
        const uint8_t *packed_ = (rle)->packed_at, *end_ = (rle)->at;                                        \
        uint64_t bit_ = (rle)->bit, mask_ = ((uint64_t)1 << (rle)->width) - 1;                               \
        unsigned width_ = (rle)->width;                                                                      \
        for (size_t i_ = 0; i_ < (n); i_++, bit_ += width_)                                                  \
            (out)[i_] = (type)(parquet_load64(packed_ + bit_ / 8, end_) >> (bit_ % 8) & mask_);              \
        (rle)->bit = bit_;                                                                                   \
        (rle)->packed -= (n);                                                                                \
    } while (0)

bool parquet_rle_bytes(parquet_rle *rle, uint8_t *out, size_t n)
{
    while (n) {
        if (!next_run(rle)) return false;
        size_t k;
        if (rle->repeated) {
            k = smaller(n, rle->repeated);
            memset(out, (int)rle->value, k);
            rle->repeated -= k;
        } else {
            k = smaller(n, rle->packed);
            UNPACK(rle, out, k, uint8_t);
        }
        out += k;
        n -= k;
    }
    return true;
}

bool parquet_rle_uint32(parquet_rle *rle, uint32_t *out, size_t n)
{
    while (n) {
        if (!next_run(rle)) return false;
        size_t k;
        if (rle->repeated) {
            k = smaller(n, rle->repeated);
            for (size_t i = 0; i < k; i++) out[i] = rle->value;
            rle->repeated -= k;
        } else {
            k = smaller(n, rle->packed);
            UNPACK(rle, out, k, uint32_t);
        }
        out += k;
        n -= k;
    }
    return true;
}

bool parquet_unpack_levels(const uint8_t *bytes, size_t len, uint64_t *bit, unsigned width, uint8_t *out,
                           size_t n)
{
    if (*bit + (uint64_t)n * width > (uint64_t)len * 8) return false;
    for (size_t i = 0; i < n; i++) {
        unsigned value = 0;
        for (unsigned b = 0; b < width; b++, ++*bit)
            value = value << 1 | ((unsigned)bytes[*bit / 8] >> (7 - *bit % 8) & 1);
        out[i] = (uint8_t)value;
    }
    return true;
}
