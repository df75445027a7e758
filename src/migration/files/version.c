/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How versions order. A version is read as a list of tokens, part by part, behind whose end there are only
 * zeros: numbers of any length by their value, words behind numbers. A date with dashes becomes one number,
 * as stamps without dashes are.
 */
#include "migration/files/files_int.h"

#include <string.h>

enum { STAMP = 14 }; /* digits of YYYYMMDDHHMMSS */

typedef struct cursor {
    df_str rest;
    char stamp[STAMP + 1];
    bool at_stamp;
    bool dated; /* what follows the stamp tells two of one second apart: even "0000" is more than nothing */
} cursor;

typedef struct token {
    bool text;
    df_str value; /* digits without leading zeros (empty: zero), or a word */
} token;

static size_t digits_at(df_str s, size_t at)
{
    size_t n = 0;
    while (at + n < s.len && mf_is_digit(s.ptr[at + n])) n++;
    return n;
}

/* YYYYMMDD_HHMMSS, with `separator` between. */
static bool read_stamp(df_str s, char separator, char stamp[STAMP + 1], size_t *used)
{
    if (digits_at(s, 0) != 8 || s.len < 15 || s.ptr[8] != separator || digits_at(s, 9) != 6) return false;
    memcpy(stamp, s.ptr, 8);
    memcpy(stamp + 8, s.ptr + 9, 6);
    stamp[STAMP] = '\0';
    *used = 15;
    return true;
}

/* YYYY-MM-DD and what follows of it; *used is how much of the text is in the stamp. */
static bool read_date(df_str s, char stamp[STAMP + 1], size_t *used)
{
    if (read_stamp(s, '_', stamp, used)) return true;
    if (digits_at(s, 0) != 4 || s.len < 10 || s.ptr[4] != '-' || digits_at(s, 5) != 2 || s.ptr[7] != '-' ||
        digits_at(s, 8) != 2)
        return false;
    memset(stamp, '0', STAMP);
    stamp[STAMP] = '\0';
    memcpy(stamp, s.ptr, 4);
    memcpy(stamp + 4, s.ptr + 5, 2);
    memcpy(stamp + 6, s.ptr + 8, 2);
    size_t at = 10, filled = 8;
    while (filled < STAMP && at + 1 < s.len && strchr("-_:T.", s.ptr[at]) && mf_is_digit(s.ptr[at + 1])) {
        size_t n = digits_at(s, at + 1);
        if (n > STAMP - filled) break;
        memcpy(stamp + filled, s.ptr + at + 1, n);
        filled += n;
        at += 1 + n;
    }
    *used = at;
    return true;
}

static bool is_separator(char c)
{
    return c == '.' || c == '_' || c == '-' || c == ':' || c == ' ';
}

/* Where the pre-release of "1.2.3-rc.1" begins, or the length. */
static size_t prerelease_at(df_str s)
{
    for (size_t i = 1; i + 1 < s.len; i++)
        if (s.ptr[i] == '-' && mf_is_digit(s.ptr[i - 1]) && mf_is_letter(s.ptr[i + 1])) return i;
    return s.len;
}

static df_str without_v(df_str s)
{
    if (s.len > 1 && (s.ptr[0] == 'v' || s.ptr[0] == 'V') && mf_is_digit(s.ptr[1])) return df_str_skip(s, 1);
    return s;
}

/* The build behind "+" means nothing. */
static df_str without_build(df_str s)
{
    const char *plus = s.len ? memchr(s.ptr, '+', s.len) : NULL;
    return plus && mf_is_digit(s.ptr[0]) ? mf_cut(s, 0, (size_t)(plus - s.ptr)) : s;
}

static void begin(cursor *c, df_str s)
{
    size_t used;
    c->dated = c->at_stamp = read_date(s, c->stamp, &used);
    c->rest = c->at_stamp ? df_str_skip(s, used) : s;
}

static token token_of(df_str word)
{
    size_t digits = digits_at(word, 0);
    if (digits < word.len) return (token){true, word};
    while (word.len && word.ptr[0] == '0') word.ptr++, word.len--;
    return (token){false, word};
}

static bool next(cursor *c, token *out)
{
    if (c->at_stamp) {
        c->at_stamp = false;
        *out = token_of((df_str){c->stamp, STAMP});
        return true;
    }
    while (c->rest.len && is_separator(c->rest.ptr[0])) c->rest = df_str_skip(c->rest, 1);
    size_t n = 0;
    while (n < c->rest.len && !is_separator(c->rest.ptr[n])) n++;
    df_str word = mf_cut(c->rest, 0, n);
    *out = c->dated && n ? (token){true, word} : token_of(word);
    c->rest = df_str_skip(c->rest, n);
    return n > 0;
}

static int compare_tokens(token a, token b)
{
    if (a.text != b.text) return a.text ? 1 : -1;
    if (!a.text && a.value.len != b.value.len) return a.value.len < b.value.len ? -1 : 1;
    return df_str_cmp(a.value, b.value);
}

/* `padded`: behind the shorter one stand zeros; else the shorter one is the smaller. */
static int compare_lists(df_str a, df_str b, bool padded)
{
    cursor x, y;
    begin(&x, a);
    begin(&y, b);
    for (;;) {
        token s = {0}, t = {0};
        bool more_s = next(&x, &s), more_t = next(&y, &t);
        if (!more_s && !more_t) return 0;
        if (!padded && more_s != more_t) return more_s ? 1 : -1;
        int order = compare_tokens(s, t);
        if (order) return order;
    }
}

static void part(df_str version, df_str *release, df_str *prerelease)
{
    df_str s = without_build(without_v(mf_trim(version)));
    size_t at = prerelease_at(s);
    *release = mf_cut(s, 0, at);
    *prerelease = at < s.len ? df_str_skip(s, at + 1) : DF_STR_NONE;
}

static bool is_number(df_str s)
{
    return s.len && digits_at(s, 0) == s.len;
}

int df_version_compare(df_str a, df_str b)
{
    if (is_number(a) && is_number(b)) return compare_tokens(token_of(a), token_of(b)); /* most of them */
    df_str release_a, release_b, pre_a, pre_b;
    part(a, &release_a, &pre_a);
    part(b, &release_b, &pre_b);
    int order = compare_lists(release_a, release_b, true);
    if (order || (!pre_a.ptr && !pre_b.ptr)) return order;
    if (!pre_a.ptr || !pre_b.ptr) return pre_a.ptr ? -1 : 1;
    return compare_lists(pre_a, pre_b, false);
}

static void put_list(df_str list, bool padded, df_buf *out)
{
    cursor c;
    token t = {0};
    size_t zeros = 0;
    begin(&c, list);
    while (next(&c, &t)) {
        if (padded && !t.text && !t.value.len) {
            zeros++;
            continue;
        }
        for (; zeros; zeros--) df_buf_text(out, ".0");
        df_buf_text(out, t.text ? ".~" : ".");
        if (t.value.len)
            df_buf_str_add(out, t.value);
        else
            df_buf_char(out, '0');
    }
}

df_str mf_wanted_version(df_str text, char stamp[15])
{
    size_t used;
    if (read_stamp(text, '.', stamp, &used) && used == text.len) return (df_str){stamp, STAMP};
    /* YYYY.MM.DD.HHMMSS */
    if (text.len != 17 || digits_at(text, 0) != 4 || text.ptr[4] != '.' || digits_at(text, 5) != 2 ||
        text.ptr[7] != '.' || digits_at(text, 8) != 2 || text.ptr[10] != '.' || digits_at(text, 11) != 6)
        return text;
    memcpy(stamp, text.ptr, 4);
    memcpy(stamp + 4, text.ptr + 5, 2);
    memcpy(stamp + 6, text.ptr + 8, 2);
    memcpy(stamp + 8, text.ptr + 11, 6);
    stamp[STAMP] = '\0';
    return (df_str){stamp, STAMP};
}

void mf_version_key(df_str version, df_buf *out)
{
    df_str release, prerelease;
    part(version, &release, &prerelease);
    put_list(release, true, out);
    if (!prerelease.ptr) return;
    df_buf_char(out, '-');
    put_list(prerelease, false, out);
}

size_t mf_version_numbers(df_str version, int64_t *out, size_t max)
{
    df_str release, prerelease;
    cursor c;
    token t;
    size_t n = 0;
    part(version, &release, &prerelease);
    begin(&c, release);
    while (n < max && next(&c, &t)) {
        if (t.text || t.value.len > 6) return 0;
        int64_t value = 0;
        for (size_t i = 0; i < t.value.len; i++) value = value * 10 + (t.value.ptr[i] - '0');
        out[n++] = value;
    }
    return n;
}
