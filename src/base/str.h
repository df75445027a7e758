/* SPDX-License-Identifier: Apache-2.0 */
/* String views: a pointer and a length that never own, and need no NUL at the end. */
#ifndef DF_BASE_STR_H
#define DF_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct df_str {
    const char *ptr; /* NULL means "absent", which is not the same as empty */
    size_t len;
} df_str;

#define DF_STR(literal) ((df_str){"" literal, sizeof(literal) - 1})
#define DF_STR_NONE     ((df_str){NULL, 0})
/* For printf: printf("%.*s", DF_FMT(s)) */
#define DF_FMT(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline df_str df_str_from(const char *text)
{
    return (df_str){text, text ? strlen(text) : 0};
}

static inline bool df_str_eq(df_str a, df_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool df_str_is(df_str a, const char *text)
{
    return df_str_eq(a, df_str_from(text));
}

static inline bool df_str_starts(df_str s, df_str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool df_str_ends(df_str s, df_str suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

static inline df_str df_str_skip(df_str s, size_t n)
{
    return n >= s.len ? (df_str){s.ptr + s.len, 0} : (df_str){s.ptr + n, s.len - n};
}

/* Byte order, shorter first when one is a prefix: what memcmp and C-collated databases do. */
int df_str_cmp(df_str a, df_str b);

/* The whole of `s` as a decimal int64; false when it is empty, has other characters, or does not fit. */
bool df_str_int64(df_str s, int64_t *out);

/* Whether the bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
bool df_str_is_utf8(df_str s);

/* Matches a shell glob (`*`, `?`, `[…]`) against the whole of `s`. */
bool df_str_glob(df_str s, const char *pattern);

#endif
