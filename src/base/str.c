/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <fnmatch.h>
#include <stdlib.h>

int df_str_cmp(df_str a, df_str b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared ? memcmp(a.ptr, b.ptr, shared) : 0;
    if (order) return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool df_str_int64(df_str s, int64_t *out)
{
    size_t i = 0;
    bool negative = s.len && s.ptr[0] == '-';
    if (negative) i = 1;
    if (i == s.len) return false;
    uint64_t value = 0, limit = (uint64_t)INT64_MAX + negative;
    for (; i < s.len; i++) {
        unsigned digit = (unsigned)((unsigned char)s.ptr[i] - '0');
        if (digit > 9 || value > (limit - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

/* Length of the well-formed sequence at p, 0 when it is not one (Unicode 15, table 3-7). */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80) return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4) return 0;
    size_t need = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (left < need) return 0;
    unsigned char low = 0x80, high = 0xBF;
    if (p[0] == 0xE0) low = 0xA0;
    if (p[0] == 0xED) high = 0x9F;
    if (p[0] == 0xF0) low = 0x90;
    if (p[0] == 0xF4) high = 0x8F;
    if (p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < need; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    return need;
}

bool df_str_is_utf8(df_str s)
{
    for (size_t i = 0; i < s.len;) {
        size_t step = utf8_sequence((const unsigned char *)s.ptr + i, s.len - i);
        if (!step) return false;
        i += step;
    }
    return true;
}

bool df_str_glob(df_str s, const char *pattern)
{
    char stack[512];
    char *text = s.len < sizeof stack ? stack : malloc(s.len + 1);
    if (!text) return false;
    if (s.len) memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    bool match = fnmatch(pattern, text, 0) == 0;
    if (text != stack) free(text);
    return match;
}
