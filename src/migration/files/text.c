/* SPDX-License-Identifier: Apache-2.0 */
/* Lines, words, durations, and the three simple kinds of settings files. */
#include "migration/files/files_int.h"

#include <string.h>

bool mf_same(df_str a, const char *b)
{
    size_t i = 0;
    for (; i < a.len && b[i]; i++)
        if (mf_lower(a.ptr[i]) != mf_lower(b[i])) return false;
    return i == a.len && !b[i];
}

bool mf_ends(df_str s, const char *suffix)
{
    return df_str_ends(s, df_str_from(suffix));
}

df_str mf_trim(df_str s)
{
    while (s.len && mf_is_blank(s.ptr[0])) s.ptr++, s.len--;
    while (s.len && mf_is_blank(s.ptr[s.len - 1])) s.len--;
    return s;
}

bool mf_take_mark(const df_sql_dialect *dialect, df_str *line)
{
    char mark = dialect->comment[0];
    if (line->len < 2 || line->ptr[0] != mark || line->ptr[1] != mark) return false;
    while (line->len && (line->ptr[0] == mark || mf_is_blank(line->ptr[0]))) *line = df_str_skip(*line, 1);
    return true;
}

bool mf_line(df_str *rest, df_str *line)
{
    if (!rest->len) return false;
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t len = end ? (size_t)(end - rest->ptr) : rest->len;
    *line = (df_str){rest->ptr, len};
    *rest = df_str_skip(*rest, end ? len + 1 : len);
    if (line->len && line->ptr[line->len - 1] == '\r') line->len--;
    return true;
}

df_str mf_word(df_str *rest)
{
    while (rest->len && mf_is_blank(rest->ptr[0])) rest->ptr++, rest->len--;
    size_t n = 0;
    while (n < rest->len && !mf_is_blank(rest->ptr[n])) n++;
    df_str word = {rest->ptr, n};
    *rest = df_str_skip(*rest, n);
    return word;
}

int32_t mf_lines_before(df_str text, const char *at)
{
    int32_t lines = 0;
    const char *p = text.ptr;
    while (p && p < at && (p = memchr(p, '\n', (size_t)(at - p)))) lines++, p++;
    return lines;
}

bool mf_duration(df_str text, int64_t *ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"", 1},        {"ms", 1},          {"s", 1000},         {"sec", 1000}, {"m", 60000},
                 {"min", 60000}, {"h", 3600 * 1000}, {"d", 86400 * 1000}, {"us", 0}};
    size_t digits = 0;
    while (digits < text.len && mf_is_digit(text.ptr[digits])) digits++;
    int64_t number;
    if (!df_str_int64(mf_cut(text, 0, digits), &number)) return false;
    df_str unit = mf_trim(df_str_skip(text, digits));
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (!units[i].ms || !mf_same(unit, units[i].unit)) continue;
        return !__builtin_mul_overflow(number, units[i].ms, ms);
    }
    return false;
}

size_t mf_distance(df_str a, df_str b, size_t limit)
{
    enum { MAX = 40 };
    size_t rows[3][MAX + 1];
    if (a.len > MAX || b.len > MAX) return limit + 1;
    for (size_t j = 0; j <= b.len; j++) rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            char x = mf_lower(a.ptr[i - 1]), y = mf_lower(b.ptr[j - 1]);
            size_t least = last[j - 1] + (x != y);
            if (last[j] + 1 < least) least = last[j] + 1;
            if (now[j - 1] + 1 < least) least = now[j - 1] + 1;
            if (i > 1 && j > 1 && x == mf_lower(b.ptr[j - 2]) && mf_lower(a.ptr[i - 2]) == y &&
                before[j - 2] + 1 < least)
                least = before[j - 2] + 1;
            now[j] = least;
        }
    }
    size_t distance = rows[a.len % 3][b.len];
    return distance > limit ? limit + 1 : distance;
}

/* `"text" # comment` is text, and so is `text # comment`. */
static df_str setting_value(df_str value)
{
    value = mf_trim(value);
    if (value.len && (value.ptr[0] == '"' || value.ptr[0] == '\'')) {
        const char *end = memchr(value.ptr + 1, value.ptr[0], value.len - 1);
        if (end) return mf_cut(value, 1, (size_t)(end - value.ptr));
    }
    for (size_t i = 1; i < value.len; i++)
        if (value.ptr[i] == '#' && mf_is_blank(value.ptr[i - 1])) return mf_trim(mf_cut(value, 0, i));
    return value;
}

df_str mf_setting(df_str text, const char *section, const char *key)
{
    df_str rest = text, line, found = DF_STR_NONE;
    bool inside = !section;
    while (mf_line(&rest, &line)) {
        line = mf_trim(line);
        if (!line.len || line.ptr[0] == '#' || line.ptr[0] == ';') continue;
        if (line.ptr[0] == '[') {
            const char *end = memchr(line.ptr, ']', line.len);
            df_str name = end ? mf_trim(mf_cut(line, 1, (size_t)(end - line.ptr))) : DF_STR_NONE;
            inside = section && name.ptr && mf_same(name, section);
            continue;
        }
        const char *equals = memchr(line.ptr, '=', line.len);
        if (!inside || !equals) continue;
        size_t at = (size_t)(equals - line.ptr);
        if (mf_same(mf_trim(mf_cut(line, 0, at)), key)) found = setting_value(df_str_skip(line, at + 1));
    }
    return found;
}
