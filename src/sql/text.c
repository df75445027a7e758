/* SPDX-License-Identifier: Apache-2.0 */
/* Where quotes and comments begin and end, without tokens: what engines need of a statement. */
#include "sql/sql.h"

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

/* A doubled quote inside ends one piece and begins the next, which comes to the same. */
static size_t quoted_len(df_str sql, size_t at, bool backslash)
{
    char quote = sql.ptr[at];
    for (size_t i = at + 1; i < sql.len; i++) {
        if (backslash && sql.ptr[i] == '\\') {
            i++;
        } else if (sql.ptr[i] == quote) {
            return i + 1 - at;
        }
    }
    return sql.len - at;
}

static size_t bracket_len(df_str sql, size_t at)
{
    const char *end = memchr(sql.ptr + at, ']', sql.len - at);
    return end ? (size_t)(end - sql.ptr) + 1 - at : sql.len - at;
}

static size_t line_len(df_str sql, size_t at)
{
    const char *end = memchr(sql.ptr + at, '\n', sql.len - at);
    return end ? (size_t)(end - sql.ptr) - at : sql.len - at;
}

static size_t block_comment_len(df_str sql, size_t at, bool nested)
{
    size_t depth = 0;
    for (size_t i = at; i + 1 < sql.len; i++) {
        if (sql.ptr[i] == '/' && sql.ptr[i + 1] == '*' && (nested || depth == 0)) {
            depth++, i++;
        } else if (sql.ptr[i] == '*' && sql.ptr[i + 1] == '/') {
            i++;
            if (--depth == 0) return i + 1 - at;
        }
    }
    return sql.len - at;
}

/* $tag$ … $tag$; 0 when it is a parameter or part of a name. */
static size_t dollar_len(df_str sql, size_t at)
{
    if (at > 0 && (is_word(sql.ptr[at - 1]) || sql.ptr[at - 1] == '$')) return 0;
    size_t end = at + 1;
    if (end < sql.len && sql.ptr[end] >= '0' && sql.ptr[end] <= '9') return 0;
    while (end < sql.len && is_word(sql.ptr[end])) end++;
    if (end >= sql.len || sql.ptr[end] != '$') return 0;
    size_t tag = end + 1 - at;
    const char *close = memmem(sql.ptr + end + 1, sql.len - end - 1, sql.ptr + at, tag);
    return close ? (size_t)(close - sql.ptr) + tag - at : sql.len - at;
}

static bool is_escape_string(df_str sql, size_t at)
{
    return at > 0 && (sql.ptr[at - 1] == 'e' || sql.ptr[at - 1] == 'E') &&
           (at < 2 || !is_word(sql.ptr[at - 2]));
}

size_t df_sql_skip(const df_sql_dialect *dialect, df_str sql, size_t at)
{
    char c = sql.ptr[at], next = at + 1 < sql.len ? sql.ptr[at + 1] : '\0';
    switch (c) {
    case '\'':
        return quoted_len(sql, at,
                          dialect->backslash || (dialect->escape_strings && is_escape_string(sql, at)));
    case '"': return quoted_len(sql, at, dialect->backslash);
    case '`': return dialect->backtick ? quoted_len(sql, at, false) : 0;
    case '[': return dialect->bracket ? bracket_len(sql, at) : 0;
    case '#': return dialect->hash_comment ? line_len(sql, at) : 0;
    case '$': return dialect->escape_strings ? dollar_len(sql, at) : 0;
    case '/': return next == '*' ? block_comment_len(sql, at, dialect->escape_strings) : 0;
    case '-':
        if (next != '-') return 0;
        if (dialect->hash_comment && at + 2 < sql.len && !is_space(sql.ptr[at + 2])) return 0;
        return line_len(sql, at);
    default: return 0;
    }
}

static bool starts_comment(df_str sql, size_t at)
{
    return sql.ptr[at] == '-' || sql.ptr[at] == '/' || sql.ptr[at] == '#';
}

bool df_sql_is_blank(const df_sql_dialect *dialect, df_str sql)
{
    for (size_t i = 0; i < sql.len;) {
        if (is_space(sql.ptr[i]) || sql.ptr[i] == ';') {
            i++;
            continue;
        }
        size_t skip = starts_comment(sql, i) ? df_sql_skip(dialect, sql, i) : 0;
        if (!skip) return false;
        i += skip;
    }
    return true;
}

size_t df_sql_next_param(const df_sql_dialect *dialect, df_str sql, size_t at)
{
    while (at < sql.len && sql.ptr[at] != '?') {
        size_t skip = df_sql_skip(dialect, sql, at);
        at += skip ? skip : 1;
    }
    return at;
}
