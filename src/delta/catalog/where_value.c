/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, texts and their order, for literals and for bounds alike. */
#include "delta/catalog/where_int.h"

#include <math.h>
#include <stdlib.h>

#define INT128_MAX ((where_int128)(((where_uint128)1 << 127) - 1))
#define INT128_MIN (-INT128_MAX - 1)

enum { MAX_DIGITS = 38, DOUBLE_DIGITS = 17 };

bool where_decimal_parse(df_str text, where_decimal *out)
{
    *out = (where_decimal){0};
    size_t i = 0;
    bool negative = text.len && text.ptr[0] == '-', point = false, any = false;
    if (text.len && (text.ptr[0] == '-' || text.ptr[0] == '+')) i++;
    unsigned zeros = 0; /* seen but not yet written, so that final ones cost no digits */
    int64_t scale = 0;
    for (; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9') break;
        any = true;
        if (scale > 1000 || zeros > 1000) return false;
        scale += point;
        if (c == '0') {
            zeros += out->digits > 0;
            continue;
        }
        if (out->digits + zeros + 1 > MAX_DIGITS) return false;
        for (; zeros; zeros--, out->digits++) out->unscaled *= 10;
        out->unscaled = out->unscaled * 10 + (c - '0');
        out->digits++;
    }
    scale -= zeros;
    if (!any) return false;
    if (i < text.len && (text.ptr[i] == 'e' || text.ptr[i] == 'E')) {
        df_str rest = df_str_skip(text, i + 1);
        if (rest.len && rest.ptr[0] == '+') rest = df_str_skip(rest, 1);
        int64_t exponent;
        if (!rest.len || rest.ptr[0] == '+' || !df_str_int64(rest, &exponent) || exponent > 1000 ||
            exponent < -1000)
            return false;
        scale -= exponent;
        out->exponent = true;
        i = text.len;
    }
    if (i != text.len) return false;
    if (!out->unscaled) scale = 0;
    if (scale < 0 && -scale + out->digits > MAX_DIGITS) return false;
    for (; scale < 0; scale++) out->unscaled *= 10;
    if (negative) out->unscaled = -out->unscaled;
    out->scale = (int)scale;
    return true;
}

static where_int128 saturating_add(where_int128 a, where_int128 b)
{
    where_int128 sum;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return b > 0 ? INT128_MAX : INT128_MIN;
}

/* What a number with this many digits may have lost by being a double for a while: four units in its last
 * place. */
static where_int128 lost_by_double(const where_decimal *number)
{
    if (number->digits > DOUBLE_DIGITS) return 0; /* no double prints so many digits */
    where_int128 magnitude = number->unscaled < 0 ? -number->unscaled : number->unscaled;
    return magnitude >> 50;
}

void where_decimal_at(const where_decimal *number, unsigned scale, bool slack, where_int128 *floor,
                      where_int128 *ceiling)
{
    where_decimal n = *number;
    int up = (int)scale - n.scale;
    for (; up > 0; up--) {
        if (__builtin_mul_overflow(n.unscaled, (where_int128)10, &n.unscaled)) {
            n.unscaled = number->unscaled < 0 ? INT128_MIN + 1 : INT128_MAX;
            break;
        }
    }
    where_int128 lost = slack ? lost_by_double(&n) : 0;
    if (up >= 0) {
        /* No value of this scale lies strictly between the number and what the slack does not reach. */
        *floor = saturating_add(n.unscaled, slack ? lost : 0);
        *ceiling = saturating_add(n.unscaled, slack ? -lost : 0);
        return;
    }
    if (slack) lost = saturating_add(lost, 1);
    where_int128 high = saturating_add(n.unscaled, lost), low = saturating_add(n.unscaled, -lost);
    where_int128 divisor = 1;
    for (; up < 0; up++) {
        if (__builtin_mul_overflow(divisor, (where_int128)10, &divisor)) {
            *floor = high < 0 ? -1 : 0;
            *ceiling = low > 0 ? 1 : 0;
            return;
        }
    }
    *floor = high / divisor - (high % divisor < 0);
    *ceiling = low / divisor + (low % divisor > 0);
}

df_str where_sortable(df_arena *arena, where_int128 value)
{
    where_uint128 shifted = (where_uint128)value ^ ((where_uint128)1 << 127);
    char *text = df_arena_alloc(arena, 33);
    for (int i = 31; i >= 0; i--, shifted >>= 4) text[i] = "0123456789abcdef"[(unsigned)shifted & 15];
    text[32] = '\0';
    return (df_str){text, 32};
}

bool where_double_parse(df_str text, double *out)
{
    char buffer[512];
    if (!text.len || text.len >= sizeof buffer) return false;
    for (size_t i = 0; i < text.len; i++)
        if (!strchr("0123456789+-.eE", text.ptr[i]) || !text.ptr[i]) return false;
    memcpy(buffer, text.ptr, text.len);
    buffer[text.len] = '\0';
    char *end;
    *out = strtod(buffer, &end);
    return *end == '\0' && isfinite(*out);
}

void where_single(double value, double *low, double *high)
{
    double single = (double)(float)value;
    *low = single < value ? single : value;
    *high = single > value ? single : value;
}

int where_compare(delta_kind kind, delta_datum a, delta_datum b)
{
    switch (kind) {
    case DELTA_KIND_INT: return (a.i > b.i) - (a.i < b.i);
    case DELTA_KIND_REAL: return (a.d > b.d) - (a.d < b.d);
    case DELTA_KIND_TEXT: return df_str_cmp(a.s, b.s);
    case DELTA_KIND_NONE: break;
    }
    return 0;
}

/* Start of the last character of text[0..end). */
static size_t last_character(const char *text, size_t end)
{
    do end--;
    while (end && ((unsigned char)text[end] & 0xC0) == 0x80);
    return end;
}

static uint32_t decode_character(const char *text, size_t len)
{
    unsigned char first = (unsigned char)text[0];
    uint32_t c = len == 1 ? first : len == 2 ? first & 0x1F : len == 3 ? first & 0x0F : first & 0x07;
    for (size_t i = 1; i < len; i++) c = c << 6 | ((unsigned char)text[i] & 0x3F);
    return c;
}

static size_t encode_character(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len; i-- > 1; c >>= 6) out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(marks[len] | c);
    return len;
}

df_str where_after_prefix(df_arena *arena, df_str prefix)
{
    if (!df_str_is_utf8(prefix)) return DF_STR_NONE;
    for (size_t end = prefix.len; end;) {
        size_t start = last_character(prefix.ptr, end);
        uint32_t next = decode_character(prefix.ptr + start, end - start) + 1;
        if (next == 0xD800) next = 0xE000; /* surrogates are not characters */
        if (next <= 0x10FFFF) {
            char *text = df_arena_alloc(arena, start + 5);
            memcpy(text, prefix.ptr, start);
            size_t len = start + encode_character(next, text + start);
            text[len] = '\0';
            return (df_str){text, len};
        }
        end = start;
    }
    return DF_STR_NONE;
}

static size_t character_length(df_str text, size_t at)
{
    size_t len = 1;
    while (at + len < text.len && ((unsigned char)text.ptr[at + len] & 0xC0) == 0x80) len++;
    return len;
}

bool where_like(df_str text, df_str pattern)
{
    size_t t = 0, p = 0, retry_t = 0, retry_p = 0;
    bool can_retry = false;
    while (t < text.len || p < pattern.len) {
        if (p < pattern.len && pattern.ptr[p] == '%') {
            retry_p = ++p;
            retry_t = t;
            can_retry = true;
            continue;
        }
        if (p < pattern.len && t < text.len) {
            size_t step = character_length(text, t), escaped = pattern.ptr[p] == '\\' && p + 1 < pattern.len;
            if (!escaped && pattern.ptr[p] == '_') {
                t += step;
                p++;
                continue;
            }
            if (text.ptr[t] == pattern.ptr[p + escaped]) {
                t++;
                p += 1 + escaped;
                continue;
            }
        }
        if (!can_retry || retry_t >= text.len) return false;
        retry_t += character_length(text, retry_t);
        t = retry_t;
        p = retry_p;
    }
    return true;
}

df_str where_like_prefix(df_arena *arena, df_str pattern, bool *whole)
{
    char *text = df_arena_alloc(arena, pattern.len + 1);
    size_t len = 0, i = 0;
    for (; i < pattern.len && pattern.ptr[i] != '%' && pattern.ptr[i] != '_'; i++) {
        if (pattern.ptr[i] == '\\' && i + 1 < pattern.len) i++;
        text[len++] = pattern.ptr[i];
    }
    *whole = i == pattern.len;
    return (df_str){text, len};
}
