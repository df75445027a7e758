/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/delta_packed.h"

#include "parquet/rle.h"

static bool take_varint(parquet_delta *d, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (d->at >= d->end) return false;
        uint8_t byte = *d->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool take_zigzag(parquet_delta *d, uint64_t *out)
{
    uint64_t v;
    if (!take_varint(d, &v)) return false;
    *out = (v >> 1) ^ (0 - (v & 1));
    return true;
}

bool parquet_delta_init(parquet_delta *d, const uint8_t *bytes, size_t len)
{
    *d = (parquet_delta){.at = bytes, .end = bytes + len};
    uint64_t block_size;
    if (!take_varint(d, &block_size) || !take_varint(d, &d->minis) || !take_varint(d, &d->left) ||
        !take_zigzag(d, &d->value))
        return false;
    /* The format says multiples of 128 and 32; a multiple of 8 is what makes miniblocks end with a byte. */
    if (!d->minis || !block_size || block_size > INT32_MAX || block_size % d->minis || d->left > INT32_MAX)
        return false;
    d->mini_size = block_size / d->minis;
    if (d->mini_size % 8) return false;
    d->have_value = d->left > 0;
    d->mini = d->minis;
    return true;
}

/* Goes to the next miniblock, and the next block when it must; the data of the former one is passed over. */
static bool next_mini(parquet_delta *d)
{
    if (++d->mini >= d->minis) {
        if (!take_zigzag(d, &d->min_delta) || d->minis > (uint64_t)(d->end - d->at)) return false;
        d->widths = d->at;
        d->at += d->minis;
        d->mini = 0;
    }
    d->width = d->widths[d->mini];
    uint64_t bytes = d->mini_size / 8 * d->width;
    uint64_t there = (uint64_t)(d->end - d->at);
    if (d->width > 64) return false;
    d->packed = d->at;
    d->bit = 0;
    d->mini_left = d->mini_size;
    if (bytes > there) {
        /* A last miniblock that is not filled up. */
        d->mini_left = there * 8 / d->width;
        bytes = there;
        if (!d->mini_left) return false;
    }
    d->at += bytes;
    return true;
}

static uint64_t unpack(const parquet_delta *d)
{
    const uint8_t *p = d->packed + d->bit / 8;
    unsigned shift = d->bit % 8;
    uint64_t word = parquet_load64(p, d->at) >> shift;
    /* 64 bits that do not begin with a byte lie in nine. */
    if (d->width + shift > 64 && p + 8 < d->at) word |= (uint64_t)p[8] << (64 - shift);
    return d->width == 64 ? word : word & (((uint64_t)1 << d->width) - 1);
}

static bool next_value(parquet_delta *d, uint64_t *out)
{
    if (!d->left) return false;
    if (!d->have_value) {
        if (!d->mini_left && !next_mini(d)) return false;
        d->value += d->min_delta + (d->width ? unpack(d) : 0);
        d->bit += d->width;
        d->mini_left--;
    }
    d->have_value = false;
    d->left--;
    *out = d->value;
    return true;
}

bool parquet_delta_int64(parquet_delta *d, int64_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t value;
        if (!next_value(d, &value)) return false;
        out[i] = (int64_t)value;
    }
    return true;
}

bool parquet_delta_int32(parquet_delta *d, int32_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t value;
        if (!next_value(d, &value)) return false;
        out[i] = (int32_t)(uint32_t)value; /* differences of 32-bit values wrap at 32 bits */
    }
    return true;
}

const uint8_t *parquet_delta_end(const parquet_delta *fresh)
{
    parquet_delta d = *fresh;
    uint64_t left = d.left ? d.left - 1 : 0;
    while (left) {
        if (!next_mini(&d)) return NULL;
        left -= d.mini_left < left ? d.mini_left : left;
    }
    return d.at;
}
