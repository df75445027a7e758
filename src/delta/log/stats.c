/* SPDX-License-Identifier: Apache-2.0 */
/* The one thing of a file's statistics that a log's state needs: how many rows the file has. */
#include "base/error.h"
#include "delta/log/json_actions.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#ifdef __SSE2__
/* Which of 64 bytes are what; bit i for byte i. */
typedef struct marks {
    uint64_t quote, backslash;
    uint64_t before; /* may stand before a string: { [ : , */
    uint64_t after;  /* may stand behind a string: } ] : , */
} marks;

static inline uint64_t bits16(__m128i lanes)
{
    return (uint64_t)(uint32_t)_mm_movemask_epi8(lanes);
}

static inline void mark16(marks *m, const char *p, unsigned at)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(p + at));
    __m128i between =
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(':')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8(',')));
    /* A bracket and the brace of its side differ in one bit. */
    __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    m->quote |= bits16(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'))) << at;
    m->backslash |= bits16(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))) << at;
    m->before |= bits16(_mm_or_si128(between, _mm_cmpeq_epi8(folded, _mm_set1_epi8('{')))) << at;
    m->after |= bits16(_mm_or_si128(between, _mm_cmpeq_epi8(folded, _mm_set1_epi8('}')))) << at;
}

static inline marks mark64(const char *p)
{
    marks m = {0};
    mark16(&m, p, 0);
    mark16(&m, p, 16);
    mark16(&m, p, 32);
    mark16(&m, p, 48);
    return m;
}

/* Bit i: whether the number of bits set in 0..i is odd. */
static inline uint64_t parity(uint64_t bits)
{
    for (unsigned shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
    return bits;
}

/*
 * Whether every string begins and ends where one can. Not a proof that the text is JSON, but what spoils
 * texts (cutting, pasting, a forgotten quote) spoils this. A text with escapes is for the parser.
 */
static bool looks_sound(df_str s)
{
    uint64_t inside = 0, before = 0,
             closed = 0; /* carried: in a string; last byte may stand before one; … ended one */
    for (size_t at = 0; at < s.len; at += 64) {
        char tail[64] = {0};
        const char *p = s.ptr + at;
        if (s.len - at < 64) p = memcpy(tail, p, s.len - at);
        marks m = mark64(p);
        if (m.backslash) return false;
        uint64_t in = parity(m.quote) ^ (inside ? UINT64_MAX : 0);
        uint64_t opening = m.quote & in, closing = m.quote & ~in;
        if (opening & ~(m.before << 1 | before)) return false;
        if ((closing << 1 | closed) & ~m.after) return false;
        inside = in >> 63;
        before = m.before >> 63;
        closed = closing >> 63;
    }
    return !inside && !closed;
}
#else
static bool looks_sound(df_str s)
{
    return false;
}
#endif

static const char lead[] = "{\"numRecords\":";

/* Reads the number behind `lead`; false when it is not a plain one. */
static bool take_leading(df_str stats, int64_t *out)
{
    size_t i = sizeof lead - 1, first = i;
    int64_t value = 0;
    for (; i < stats.len && stats.ptr[i] >= '0' && stats.ptr[i] <= '9' && i - first < 18; i++)
        value = value * 10 + (stats.ptr[i] - '0');
    if (i == first || i == stats.len || (stats.ptr[i] != ',' && stats.ptr[i] != '}')) return false;
    *out = value;
    return true;
}

int64_t delta_stats_num_records(df_str stats, delta_scratch *scratch)
{
    int64_t value = DELTA_ABSENT;
    if (stats.len < sizeof lead) return DELTA_ABSENT;
    if (memcmp(stats.ptr, lead, sizeof lead - 1) == 0 && stats.ptr[stats.len - 1] == '}' &&
        take_leading(stats, &value) && looks_sound(stats))
        return value;
    if (!scratch->stats_parser) scratch->stats_parser = df_json_parser_open();
    df_json root;
    if (df_json_parse(scratch->stats_parser, stats, &root, NULL) != DF_OK) return DELTA_ABSENT;
    return df_json_int(df_json_get(root, "numRecords"), &value) ? value : DELTA_ABSENT;
}
