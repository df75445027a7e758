/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/log/fast_file.h"

#ifndef __SSE2__
/* Looking at single bytes, all this would be slower than the general parser, which knows other processors. */
bool delta_fast_file(df_str line, delta_scratch *scratch, delta_action *out)
{
    return false;
}
#else

#include <emmintrin.h>

/*
 * A cursor over the line. Every byte is looked at by exactly one of the functions below, which together are
 * the grammar of the accepted lines; each gives false (or NULL) for whatever is not in it.
 */
typedef struct cursor {
    const char *p, *end;
    delta_scratch *scratch;
    delta_file *file;
    unsigned members; /* bits of those that were met */
} cursor;

/* ---- bytes in groups ---- */

/* Which of the bytes of a group are what; bit i for byte i. */
typedef struct group {
    uint64_t quote, backslash, slash;
    uint64_t other; /* control characters, and bytes above ASCII */
} group;

static inline uint64_t bits16(__m128i lanes)
{
    return (uint64_t)(uint32_t)_mm_movemask_epi8(lanes);
}

static inline __m128i load16(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* Bytes that end a plain stretch of a string: quotes, backslashes, and what is no plain ASCII. */
static inline uint64_t specials16(const char *p)
{
    __m128i bytes = load16(p);
    __m128i special =
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    /* Signed: bytes from 0x80 on are below 0x20 too. */
    return bits16(_mm_or_si128(special, _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20))));
}

static inline void add16(group *g, const char *p, unsigned at)
{
    __m128i bytes = load16(p + at);
    g->quote |= bits16(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'))) << at;
    g->backslash |= bits16(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))) << at;
    g->slash |= bits16(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('/'))) << at;
    g->other |= bits16(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20))) << at;
}

static inline group group64(const char *p)
{
    group g = {0};
    add16(&g, p, 0);
    add16(&g, p, 16);
    add16(&g, p, 32);
    add16(&g, p, 48);
    return g;
}

/* ---- tokens ---- */

static inline bool take_char(cursor *c, char wanted)
{
    if (c->p >= c->end || *c->p != wanted) return false;
    c->p++;
    return true;
}

static inline bool take_literal(cursor *c, const char *text, size_t len)
{
    if ((size_t)(c->end - c->p) < len || memcmp(c->p, text, len) != 0) return false;
    c->p += len;
    return true;
}
#define TAKE(c, literal) take_literal((c), literal, sizeof(literal) - 1)

/* A string without escapes; the cursor stands behind its opening quote, and then behind its closing one. */
static inline bool take_plain(cursor *c, df_str *out)
{
    for (const char *p = c->p; p < c->end; p += 16) {
        uint64_t special = specials16(p);
        if (!special) continue;
        p += __builtin_ctzll(special);
        if (p >= c->end || *p != '"') return false;
        *out = (df_str){c->p, (size_t)(p - c->p)};
        c->p = p + 1;
        return true;
    }
    return false;
}

static bool take_string(cursor *c, df_str *out)
{
    if (TAKE(c, "null")) {
        *out = DF_STR_NONE;
        return true;
    }
    return take_char(c, '"') && take_plain(c, out);
}

static inline bool take_int(cursor *c, int64_t *out)
{
    const char *p = c->p;
    bool negative = p < c->end && *p == '-';
    p += negative;
    const char *first = p;
    int64_t value = 0;
    for (; p < c->end && *p >= '0' && *p <= '9'; p++) {
        if (p - first == 18) return false;
        value = value * 10 + (*p - '0');
    }
    if (p == first) return TAKE(c, "null");
    if (*first == '0' && p - first > 1) return false;
    *out = negative ? -value : value;
    c->p = p;
    return true;
}

static inline bool take_bool(cursor *c, bool *out)
{
    if (TAKE(c, "true"))
        *out = true;
    else if (TAKE(c, "false"))
        *out = false;
    else
        return false;
    return true;
}

/* An object of strings and nulls whose names are in order: its text is canonical already. */
static bool take_map(cursor *c, df_str *out)
{
    const char *begin = c->p;
    if (TAKE(c, "null")) {
        *out = DF_STR_NONE;
        return true;
    }
    if (!take_char(c, '{')) return false;
    df_str last = DF_STR_NONE, name, value;
    if (!take_char(c, '}')) {
        do {
            if (!take_char(c, '"') || !take_plain(c, &name) || !take_char(c, ':') || !take_string(c, &value))
                return false;
            if (last.ptr && df_str_cmp(last, name) >= 0) return false;
            last = name;
        } while (take_char(c, ','));
        if (!take_char(c, '}')) return false;
    }
    *out = (df_str){begin, (size_t)(c->p - begin)};
    return true;
}

/* ---- a string full of escaped quotes: the stats ---- */

/* Characters that stand behind a backslash which is not itself behind one. *carry: bit 0 of the next group is
 * one. */
static inline uint64_t find_escaped(uint64_t backslash, uint64_t *carry)
{
    uint64_t escaped = *carry;
    if (!(backslash & (backslash << 1 | escaped))) {
        /* No two in a row, as nearly always. */
        *carry = backslash >> 63;
        return escaped | backslash << 1;
    }
    *carry = 0;
    for (uint64_t left = backslash & ~escaped; left; left &= left - 1) {
        uint64_t lead = left & -left;
        if (lead & escaped) continue;
        if (lead >> 63) *carry = 1;
        escaped |= lead << 1;
    }
    return escaped;
}

/* Appends p[from..to), in steps of 32 bytes which may write beyond. Names and numbers fit in one step. */
static inline char *copy_stretch(char *out, const char *p, unsigned from, unsigned to)
{
    memcpy(out, p + from, 32);
    for (unsigned at = from + 32; at < to; at += 32) memcpy(out + (at - from), p + at, 32);
    return out + (to - from);
}

static bool take_escaped(cursor *c, df_buf *buf, df_str *out)
{
    enum { SLACK = 64 };
    df_buf_clear(buf);
    char *first = df_buf_reserve(buf, (size_t)(c->end - c->p) + SLACK), *to = first;
    uint64_t carry = 0;
    for (const char *p = c->p; p < c->end; p += 64) {
        group g = group64(p);
        uint64_t escaped = find_escaped(g.backslash, &carry);
        uint64_t closing = g.quote & ~escaped;
        unsigned len = closing ? (unsigned)__builtin_ctzll(closing) : 64;
        uint64_t inside = closing ? (closing & -closing) - 1 : UINT64_MAX;
        /* Only escapes that stand for the character itself. */
        if (((escaped & ~(g.quote | g.backslash | g.slash)) | g.other) & inside) return false;
        unsigned from = 0;
        for (uint64_t leads = g.backslash & ~escaped & inside; leads; leads &= leads - 1) {
            unsigned lead = (unsigned)__builtin_ctzll(leads);
            to = copy_stretch(to, p, from, lead);
            from = lead + 1;
        }
        to = copy_stretch(to, p, from, len);
        if (!closing) continue;
        if (p + len >= c->end) return false;
        c->p = p + len + 1;
        buf->len = (size_t)(to - first);
        *out = (df_str){first, buf->len};
        return true;
    }
    return false;
}

static bool take_stats(cursor *c, df_str *out)
{
    if (TAKE(c, "null")) {
        *out = DF_STR_NONE;
        return true;
    }
    return take_char(c, '"') && take_escaped(c, &c->scratch->slots[DELTA_SCRATCH_STATS], out);
}

/* ---- the action ---- */

/* Bits of the members; one that is met twice is left to the general parser. */
enum {
    PATH = 1,
    PARTITION_VALUES = 2,
    SIZE = 4,
    MODIFICATION_TIME = 8,
    DATA_CHANGE = 16,
    STATS = 32,
    TAGS = 64,
    DELETION_TIMESTAMP = 128,
    EXTENDED_FILE_METADATA = 256,
    BASE_ROW_ID = 512,
    DEFAULT_ROW_COMMIT_VERSION = 1024,
};

static inline bool once(cursor *c, unsigned member)
{
    bool first = !(c->members & member);
    c->members |= member;
    return first;
}

/* The cursor stands behind a member's opening quote. */
static bool take_member(cursor *c)
{
    delta_file *f = c->file;
    bool flag;
    switch (*c->p) {
    case 'p':
        if (TAKE(c, "path\":")) return once(c, PATH) && take_string(c, &f->raw_path);
        return TAKE(c, "partitionValues\":") && once(c, PARTITION_VALUES) &&
               take_map(c, &f->partition_values);
    case 's':
        if (TAKE(c, "stats\":")) return once(c, STATS) && take_stats(c, &f->stats);
        return TAKE(c, "size\":") && once(c, SIZE) && take_int(c, &f->size);
    case 'm':
        return TAKE(c, "modificationTime\":") && once(c, MODIFICATION_TIME) &&
               take_int(c, &f->modification_time);
    case 'd':
        if (TAKE(c, "dataChange\":")) return once(c, DATA_CHANGE) && take_bool(c, &f->data_change);
        if (TAKE(c, "deletionTimestamp\":"))
            return once(c, DELETION_TIMESTAMP) && take_int(c, &f->deletion_timestamp);
        return TAKE(c, "defaultRowCommitVersion\":") && once(c, DEFAULT_ROW_COMMIT_VERSION) &&
               take_int(c, &f->default_row_commit_version);
    case 'e':
        if (!TAKE(c, "extendedFileMetadata\":") || !once(c, EXTENDED_FILE_METADATA) || !take_bool(c, &flag))
            return false;
        f->extended_file_metadata = flag;
        return true;
    case 't': return TAKE(c, "tags\":") && once(c, TAGS) && take_map(c, &f->tags);
    case 'b': return TAKE(c, "baseRowId\":") && once(c, BASE_ROW_ID) && take_int(c, &f->base_row_id);
    default: return false;
    }
}

bool delta_fast_file(df_str line, delta_scratch *scratch, delta_action *out)
{
    cursor c = {.p = line.ptr, .end = line.ptr + line.len, .scratch = scratch, .file = &out->file};
    while (c.end > c.p && c.end[-1] == '\r') c.end--;
    if (TAKE(&c, "{\"add\":{\""))
        out->kind = DELTA_ADD;
    else if (TAKE(&c, "{\"remove\":{\""))
        out->kind = DELTA_REMOVE;
    else
        return false;
    delta_file_init(&out->file);
    do {
        if (c.p >= c.end || !take_member(&c)) return false;
    } while (TAKE(&c, ",\""));
    if (!TAKE(&c, "}}") || c.p != c.end || !out->file.raw_path.ptr) return false;
    delta_file_finish(&out->file, scratch);
    return true;
}
#endif
