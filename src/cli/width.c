/* SPDX-License-Identifier: Apache-2.0 */
/* Texts on a terminal: how wide they are, cutting them, and making them harmless. */
#include "cli/cli_int.h"

#include <locale.h>
#include <pthread.h>
#include <wchar.h>

int32_t cli_decode(df_str s, size_t *len)
{
    unsigned char c = (unsigned char)s.ptr[0];
    *len = 1;
    if (c < 0x80) return c;
    size_t n = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    if (c < 0xC2 || n > s.len || !df_str_is_utf8((df_str){s.ptr, n})) return -1;
    int32_t point = c & (0xFF >> (n + 1));
    for (size_t i = 1; i < n; i++) point = point << 6 | (s.ptr[i] & 0x3F);
    *len = n;
    return point;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static locale_t utf8_locale;

static void load_locale(void)
{
    utf8_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* The C library knows the widths, but only in a UTF-8 locale: taken when the first such character comes. */
static size_t wide_width(int32_t point)
{
    pthread_once(&once, load_locale);
    if (!utf8_locale) return 1;
    locale_t old = uselocale(utf8_locale);
    int width = wcwidth((wchar_t)point);
    uselocale(old);
    return width < 0 ? 1 : (size_t)width;
}

static size_t point_width(int32_t point)
{
    return point < 0x80 ? 1 : wide_width(point);
}

size_t cli_width(df_str text)
{
    size_t width = 0;
    while (text.len) {
        size_t len;
        width += point_width(cli_decode(text, &len));
        text = df_str_skip(text, len);
    }
    return width;
}

/* The longest beginning of `text` that fits `width` columns, combining characters included. */
static df_str fitting(df_str text, size_t width)
{
    df_str rest = text;
    while (rest.len) {
        size_t len, w = point_width(cli_decode(rest, &len));
        if (w > width) break;
        width -= w;
        rest = df_str_skip(rest, len);
    }
    return (df_str){text.ptr, text.len - rest.len};
}

void cli_put_cut(df_buf *out, df_str text, size_t width, cli_cut cut, bool unicode)
{
    size_t full = cli_width(text), dots = unicode ? 1 : 3;
    if (full <= width || cut == CLI_CUT_NEVER) {
        df_buf_str_add(out, text);
        return;
    }
    if (width <= dots) {
        df_buf_str_add(out, fitting(text, width));
        return;
    }
    size_t room = width - dots, tail = cut == CLI_CUT_MIDDLE ? room / 2 : 0;
    df_buf_str_add(out, fitting(text, room - tail));
    df_buf_text(out, unicode ? "…" : "...");
    df_str rest = text;
    size_t left = full;
    while (tail && left > tail) {
        size_t len;
        left -= point_width(cli_decode(rest, &len));
        rest = df_str_skip(rest, len);
    }
    if (tail) df_buf_str_add(out, rest);
}

static bool harmless(int32_t point)
{
    if (point < 0) return false;
    if (point < 0x20 || point == 0x7F || (point >= 0x80 && point < 0xA0)) return false;
    /* Characters that turn the direction of what follows. */
    return !((point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069));
}

void cli_put_escaped(df_buf *out, df_str text)
{
    while (text.len) {
        size_t len;
        int32_t point = cli_decode(text, &len);
        if (harmless(point))
            df_buf_add(out, text.ptr, len);
        else if (point == '\n')
            df_buf_text(out, "\\n");
        else if (point == '\t')
            df_buf_text(out, "\\t");
        else if (point == '\r')
            df_buf_text(out, "\\r");
        else
            for (size_t i = 0; i < len; i++)
                df_buf_printf(out, "\\x%02x", (unsigned)(unsigned char)text.ptr[i]);
        text = df_str_skip(text, len);
    }
}
