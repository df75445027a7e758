/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/bulktext.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

void df_put_sql_double(df_buf *out, double value)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (digits == 17 || strtod(text, NULL) == value) break;
    }
    df_buf_text(out, text);
    /* "5" would be an integer where a literal's type matters */
    if (!strpbrk(text, ".eni")) df_buf_text(out, "e0");
}

bool df_put_hex(df_buf *out, df_str bytes)
{
    static const char digits[] = "0123456789abcdef";
    if (bytes.len > SIZE_MAX / 4 || !df_buf_try_reserve(out, bytes.len * 2)) return false;
    char *to = out->ptr + out->len;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    out->len += bytes.len * 2;
    return true;
}

void df_put_quoted(df_buf *out, const char *name, char quote)
{
    df_buf_char(out, quote);
    for (; *name; name++) {
        if (*name == quote) df_buf_char(out, quote);
        df_buf_char(out, *name);
    }
    df_buf_char(out, quote);
}

/* What stands behind the backslash, 0 for a byte that needs none. */
static char escape_of(char c)
{
    switch (c) {
    case '\0': return '0';
    case '\t': return 't';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\\': return '\\';
    default: return 0;
    }
}

/*
 * Copies `s` to `to`, which has room for twice its length and 16 bytes; returns the end, or NULL at a NUL
 * that may not be. Sixteen bytes at a time, as nearly all of them need nothing.
 */
static char *copy_escaped(char *to, df_str s, bool nul)
{
    const char *from = s.ptr, *end = s.ptr + s.len;
    while (from < end) {
#ifdef __SSE2__
        while (end - from >= 16) {
            __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from);
            __m128i odd =
                _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')),
                             _mm_cmpeq_epi8(_mm_max_epu8(bytes, _mm_set1_epi8('\r')), _mm_set1_epi8('\r')));
            int mask = _mm_movemask_epi8(odd); /* backslashes, and controls up to \r */
            _mm_storeu_si128((__m128i *)(void *)to, bytes);
            int plain = mask ? __builtin_ctz((unsigned)mask) : 16;
            to += plain, from += plain;
            if (mask) break;
        }
        if (from == end) break;
#endif
        char c = *from++, escape = escape_of(c);
        if (!escape) {
            *to++ = c;
        } else {
            if (c == '\0' && !nul) return NULL;
            *to++ = '\\';
            *to++ = escape;
        }
    }
    return to;
}

static df_code cannot_hold(const df_bulk_format *format, const char *column, const char *what, df_error *err)
{
    return df_fail(err, DF_FAILED, "column %s: %s cannot hold %s", column, format->engine, what);
}

static df_code no_room(const char *column, df_error *err)
{
    return df_fail(err, DF_NO_MEMORY, "column %s: not enough memory for its value", column);
}

static df_code put_text(df_buf *out, const df_bulk_format *format, const char *column, df_str s,
                        df_error *err)
{
    if (s.len > SIZE_MAX / 4 || !df_buf_try_reserve(out, s.len * 2 + 16)) return no_room(column, err);
    char *end = copy_escaped(out->ptr + out->len, s, format->nul);
    if (!end) return cannot_hold(format, column, "NUL in text", err);
    out->len = (size_t)(end - out->ptr);
    return DF_OK;
}

static df_code put_double(df_buf *out, const df_bulk_format *format, const char *column, double d,
                          df_error *err)
{
    if (isfinite(d)) {
        df_put_sql_double(out, d);
    } else if (!format->special_doubles) {
        return cannot_hold(format, column, "NaN or infinity", err);
    } else {
        df_buf_text(out, isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
    }
    return DF_OK;
}

static df_code put_blob(df_buf *out, const df_bulk_format *format, const char *column, df_str s,
                        df_error *err)
{
    if (!format->hex_blobs) {
        df_bulk_format with_nul = *format;
        with_nul.nul = true;
        return put_text(out, &with_nul, column, s, err);
    }
    df_buf_add(out, "\\\\x", 3);
    return df_put_hex(out, s) ? DF_OK : no_room(column, err);
}

df_code df_bulk_put_row(df_buf *out, const df_bulk_format *format, const char *const *columns,
                        size_t n_columns, const df_value *values, df_error *err)
{
    for (size_t i = 0; i < n_columns; i++) {
        const df_value *value = &values[i];
        if (i) df_buf_char(out, '\t');
        switch (value->type) {
        case DF_NULL: df_buf_add(out, "\\N", 2); break;
        case DF_INT64: df_buf_int(out, value->i); break;
        case DF_BOOL: df_buf_text(out, value->i ? format->yes : format->no); break;
        case DF_DOUBLE: DF_TRY(put_double(out, format, columns[i], value->d, err)); break;
        case DF_TEXT: DF_TRY(put_text(out, format, columns[i], value->s, err)); break;
        case DF_BLOB: DF_TRY(put_blob(out, format, columns[i], value->s, err)); break;
        }
    }
    df_buf_char(out, '\n');
    return DF_OK;
}
