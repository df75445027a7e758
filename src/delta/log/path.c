/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/log/path.h"

#include <strings.h>

/* Whether every byte is plain: ASCII, no '%', no NUL. Then the path is already decoded. */
static bool is_plain(df_str s)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u, percents = ones * '%';
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t word;
        memcpy(&word, s.ptr + i, sizeof word);
        uint64_t no_percent = word ^ percents;
        /* The high bit of a byte is set where the byte is zero (or, harmlessly, above a zero byte). */
        uint64_t special = ((word - ones) | (no_percent - ones) | word) & high;
        if (special) return false;
    }
    for (; i < s.len; i++)
        if (s.ptr[i] == '%' || s.ptr[i] == '\0' || (unsigned char)s.ptr[i] >= 0x80) return false;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* The byte that stands at s[at], and how long it is written: 1, or 3 for an escape. */
static unsigned char unit_at(df_str s, size_t at, size_t *width)
{
    *width = 1;
    if (s.ptr[at] != '%' || s.len - at < 3) return (unsigned char)s.ptr[at];
    int upper = hex_digit(s.ptr[at + 1]), lower = hex_digit(s.ptr[at + 2]);
    if (upper < 0 || lower < 0) return (unsigned char)s.ptr[at];
    *width = 3;
    return (unsigned char)(upper << 4 | lower);
}

/*
 * Decodes one character of up to four units. Returns the written length it takes, 0 when the units at `at`
 * are not one well-formed UTF-8 character.
 */
static size_t take_character(df_str s, size_t at, df_buf *out)
{
    char bytes[4];
    size_t end = at;
    for (size_t n = 0; n < sizeof bytes && end < s.len;) {
        size_t width;
        bytes[n++] = (char)unit_at(s, end, &width);
        end += width;
        if (bytes[0] == '\0') return 0;
        if (df_str_is_utf8((df_str){bytes, n})) {
            df_buf_add(out, bytes, n);
            return end - at;
        }
    }
    return 0;
}

static void decode(df_str s, df_buf *out)
{
    for (size_t at = 0; at < s.len;) {
        size_t taken = take_character(s, at, out);
        if (taken) {
            at += taken;
            continue;
        }
        size_t width;
        unsigned char byte = unit_at(s, at, &width);
        if (width == 3)
            df_buf_add(out, s.ptr + at, 3);
        else
            df_buf_printf(out, "%%%02X", byte);
        at += width;
    }
}

/* What remains of a file: URI of this machine; the text itself when it is none. */
static df_str without_file_scheme(df_str path)
{
    if (path.len < 6 || path.ptr[4] != ':' || strncasecmp(path.ptr, "file:/", 6) != 0) return path;
    df_str rest = df_str_skip(path, 5);
    if (df_str_starts(rest, DF_STR("//"))) {
        rest = df_str_skip(rest, 2);
        if (rest.len >= 10 && strncasecmp(rest.ptr, "localhost/", 10) == 0) rest = df_str_skip(rest, 9);
        if (!rest.len || rest.ptr[0] != '/') return path; /* another machine's file */
    }
    while (rest.len > 1 && rest.ptr[1] == '/') rest = df_str_skip(rest, 1);
    return rest;
}

df_str delta_canonical_path(df_str raw, df_buf *scratch)
{
    if (!raw.ptr) return raw;
    df_str path = without_file_scheme(raw);
    if (is_plain(path)) return path;
    df_buf_clear(scratch);
    decode(path, scratch);
    return df_buf_str(scratch);
}
