/* SPDX-License-Identifier: Apache-2.0 */
/* Where quotes and comments end. Linear in what is read, whatever it is. */
#include "sql/sql_int.h"

enum { MAX_NUMBER = 20 }; /* digits before a "$" that are looked at */

/* ---- quotes ---- */

/* Position behind the quote that ends what begins at `at`; a doubled one is taken for the end, too. */
static size_t quote_end(df_str sql, size_t at, bool backslash, bool *open)
{
    const char *end = sql.ptr + sql.len, *p = sql.ptr + at + 1, *close = NULL;
    char quote = sql.ptr[at];
    while (p < end) {
        if (!close || close < p) close = memchr(p, quote, (size_t)(end - p));
        if (!close) break;
        const char *escape = backslash ? memchr(p, '\\', (size_t)(close - p)) : NULL;
        if (!escape) {
            *open = false;
            return (size_t)(close + 1 - sql.ptr);
        }
        p = escape + 2;
    }
    *open = true;
    return sql.len;
}

static sql_piece quoted(df_str sql, size_t at, bool backslash)
{
    sql_piece piece = {0};
    size_t end = at;
    do {
        end = quote_end(sql, end, backslash, &piece.open);
    } while (!piece.open && sql_at(sql, end) == sql.ptr[at]);
    piece.len = end - at;
    return piece;
}

static sql_piece bracketed(df_str sql, size_t at)
{
    const char *end = memchr(sql.ptr + at, ']', sql.len - at);
    return (sql_piece){.len = end ? (size_t)(end - sql.ptr) + 1 - at : sql.len - at, .open = !end};
}

/* Whether the two bytes before `at` say that the '…' there is an E'…'. */
static bool is_escape_string(df_str sql, size_t at)
{
    return at > 0 && (sql.ptr[at - 1] == 'e' || sql.ptr[at - 1] == 'E') && !sql_behind_word(sql, at - 1);
}

/* Where the next '…' begins when only white space with a line end, or comments to the line's end, lie
 * between. */
static size_t continued(const df_sql_dialect *dialect, df_str sql, size_t at)
{
    bool line = false;
    while (at < sql.len) {
        char c = sql.ptr[at];
        if (c == '\'') return line ? at : 0;
        if (c == '\n' || c == '\r') line = true;
        if (sql_is(c, C_SPACE)) {
            at++;
        } else if (c == '-' && sql_at(sql, at + 1) == '-') {
            at += sql_piece_at(dialect, sql, at).len;
        } else {
            return 0;
        }
    }
    return 0;
}

sql_piece sql_string_at(const df_sql_dialect *dialect, df_str sql, size_t at, bool escape)
{
    sql_piece piece = quoted(sql, at, escape || dialect->backslash);
    while (escape && !piece.open) {
        size_t next = continued(dialect, sql, at + piece.len);
        if (!next) break;
        piece = quoted(sql, next, true);
        piece.len += next - at;
    }
    return piece;
}

/* Whether what stands before a "$" is a name, which the "$" belongs to. A number is none. */
static bool in_name(df_str sql, size_t at)
{
    size_t from = at;
    while (from > 0 && at - from < MAX_NUMBER && sql_is(sql.ptr[from - 1], C_DIGIT)) from--;
    return sql_behind_word(sql, from);
}

/* $tag$ … $tag$; nothing when it is a parameter or part of a name. */
static sql_piece dollar_quoted(df_str sql, size_t at)
{
    size_t end = at + 1;
    if (sql_is(sql_at(sql, end), C_DIGIT) || in_name(sql, at)) return (sql_piece){0};
    while (end < sql.len && sql_is(sql.ptr[end], C_WORD) && sql.ptr[end] != '$') end++;
    if (sql_at(sql, end) != '$') return (sql_piece){0};
    size_t tag = end + 1 - at;
    const char *close = memmem(sql.ptr + end + 1, sql.len - end - 1, sql.ptr + at, tag);
    return (sql_piece){.len = close ? (size_t)(close - sql.ptr) + tag - at : sql.len - at, .open = !close};
}

/* ---- comments ---- */

static sql_piece line_comment(const df_sql_dialect *dialect, df_str sql, size_t at)
{
    if (dialect->escape_strings || dialect->slash_comment) { /* their line ends at a carriage return, too */
        size_t stop = at;
        while (stop < sql.len && sql.ptr[stop] != '\n' && sql.ptr[stop] != '\r') stop++;
        return (sql_piece){.len = stop - at, .comment = true};
    }
    const char *end = memchr(sql.ptr + at, '\n', sql.len - at);
    return (sql_piece){.len = end ? (size_t)(end - sql.ptr) - at : sql.len - at, .comment = true};
}

/* `levels` is how deep comments may lie in each other. */
static sql_piece block_comment(df_str sql, size_t at, size_t levels)
{
    size_t depth = 1, i = at + 2, from = i; /* `from`: what lies before it is spent */
    while (i < sql.len) {
        const char *star = memchr(sql.ptr + i, '*', sql.len - i);
        if (!star) break;
        i = (size_t)(star - sql.ptr);
        if (i > from && sql.ptr[i - 1] == '/' && depth < levels) {
            depth++;
            from = ++i;
        } else if (sql_at(sql, i + 1) == '/') {
            from = i += 2;
            if (--depth == 0) return (sql_piece){.len = i - at, .comment = true};
        } else {
            i++;
        }
    }
    return (sql_piece){.len = sql.len - at, .comment = true, .open = true};
}

/* The number behind the mark of a comment that MariaDB may execute, and how long it is; 0 when none is there.
 */
static size_t version_at(df_str sql, size_t at, long *version)
{
    size_t n = 0;
    *version = 0;
    while (n < 6 && sql_is(sql_at(sql, at + n), C_DIGIT))
        *version = *version * 10 + (sql.ptr[at + n++] - '0');
    return n >= 5 ? n : 0;
}

/*
 * MariaDB passes over what is meant for MySQL 5.7 and later, which has gone other ways, and over versions
 * that are not there yet: mariadb-dump hides a command to its client behind one.
 */
static size_t executed_mark(const df_sql_dialect *dialect, df_str sql, size_t at)
{
    if (!dialect->hash_comment || sql_at(sql, at) != '/' || sql_at(sql, at + 1) != '*') return 0;
    bool own = sql_at(sql, at + 2) == 'M' && sql_at(sql, at + 3) == '!';
    if (!own && sql_at(sql, at + 2) != '!') return 0;
    size_t len = own ? 4 : 3;
    long version;
    size_t digits = version_at(sql, at + len, &version);
    if (digits && (version >= 200000 || (!own && version >= 50700 && version <= 99999))) return 0;
    return len + digits;
}

size_t sql_take_mark(const df_sql_dialect *dialect, df_str sql, size_t at, bool *executed)
{
    if (*executed && sql.ptr[at] == '*' && sql_at(sql, at + 1) == '/') {
        *executed = false;
        return 2;
    }
    size_t mark = executed_mark(dialect, sql, at);
    if (mark) *executed = true;
    return mark;
}

static bool is_executable(df_str sql, size_t at)
{
    return sql_at(sql, at + 2) == '!' || (sql_at(sql, at + 2) == 'M' && sql_at(sql, at + 3) == '!');
}

static sql_piece comment_at(const df_sql_dialect *dialect, df_str sql, size_t at)
{
    if (executed_mark(dialect, sql, at)) return (sql_piece){0};
    if (dialect->escape_strings) return block_comment(sql, at, SIZE_MAX);
    return block_comment(sql, at, dialect->hash_comment && is_executable(sql, at) ? 2 : 1);
}

/* ---- both ---- */

sql_piece sql_piece_at(const df_sql_dialect *dialect, df_str sql, size_t at)
{
    char next = sql_at(sql, at + 1);
    switch (sql.ptr[at]) {
    case '\'': return sql_string_at(dialect, sql, at, dialect->escape_strings && is_escape_string(sql, at));
    case '"': return quoted(sql, at, dialect->backslash && !dialect->escape_strings);
    case '`': return dialect->backtick ? quoted(sql, at, false) : (sql_piece){0};
    case '[': return dialect->bracket ? bracketed(sql, at) : (sql_piece){0};
    case '$': return dialect->escape_strings ? dollar_quoted(sql, at) : (sql_piece){0};
    case '#': return dialect->hash_comment ? line_comment(dialect, sql, at) : (sql_piece){0};
    case '/':
        if (next == '/' && dialect->slash_comment) return line_comment(dialect, sql, at);
        return next == '*' ? comment_at(dialect, sql, at) : (sql_piece){0};
    case '-':
        if (next != '-' || dialect->slash_comment) return (sql_piece){0};
        if (dialect->hash_comment && at + 2 < sql.len && (unsigned char)sql.ptr[at + 2] > ' ' &&
            sql.ptr[at + 2] != 0x7f)
            return (sql_piece){0};
        return line_comment(dialect, sql, at);
    default: return (sql_piece){0};
    }
}

size_t df_sql_skip(const df_sql_dialect *dialect, df_str sql, size_t at)
{
    return sql_piece_at(dialect, sql, at).len;
}

bool df_sql_is_blank(const df_sql_dialect *dialect, df_str sql)
{
    for (size_t i = sql_byte_order_mark(sql); i < sql.len;) {
        if (sql_is(sql.ptr[i], C_SPACE) || sql.ptr[i] == ';') {
            i++;
            continue;
        }
        size_t wide = sql_wide_space(dialect, sql, i);
        sql_piece piece = wide ? (sql_piece){.len = wide, .comment = true} : sql_piece_at(dialect, sql, i);
        if (!piece.comment) return false;
        i += piece.len;
    }
    return true;
}

size_t df_sql_next_param(const df_sql_dialect *dialect, df_str sql, size_t at)
{
    bool executed = false;
    while (at < sql.len && sql.ptr[at] != '?') {
        size_t len = 0;
        if (sql_is(sql.ptr[at], C_STOP)) {
            len = sql_take_mark(dialect, sql, at, &executed);
            if (!len) len = sql_piece_at(dialect, sql, at).len;
        }
        at += len ? len : 1;
    }
    return at;
}
