/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql_int.h"

/* A normal form while it is made. */
typedef struct normal {
    const df_sql_dialect *dialect;
    df_buf *out;
    size_t from;   /* where in `out` it begins */
    bool gap;      /* white space or a comment was passed over */
    bool line;     /* … with the end of a line */
    bool string;   /* what was written last ends with a '…' */
    bool executed; /* inside a comment that MariaDB executes */
    bool protects; /* what was written last is a quote, in which nothing is changed */
} normal;

/* Taking a comment out of `a--/ * * /b` must not make one of "--" and the blank: MariaDB reads "- -" alike.
 */
static void part_minuses(normal *n)
{
    df_buf *out = n->out;
    if (!n->dialect->hash_comment || n->protects) return;
    size_t minuses = 0;
    while (out->len - minuses > n->from && out->ptr[out->len - 1 - minuses] == '-') minuses++;
    if (minuses < 2) return;
    df_buf_reserve(out, minuses);
    out->len -= minuses;
    for (size_t i = 0; i < minuses; i++) {
        if (i) out->ptr[out->len++] = ' ';
        out->ptr[out->len++] = '-';
    }
}

/* Two '…' with the end of a line between them are one text to PostgreSQL, and an error without it. */
static void close_gap(normal *n, bool string)
{
    if (n->gap && n->out->len > n->from) {
        part_minuses(n);
        df_buf_char(n->out, n->dialect->escape_strings && n->string && string && n->line ? '\n' : ' ');
    }
    n->gap = n->line = false;
}

/* A quote, \r\n made \n, and \r\r\n, too: or else a second time would change it again. */
static void put_quote(normal *n, df_str text)
{
    const char *end = text.ptr + text.len, *from = text.ptr, *line;
    close_gap(n, text.ptr[0] == '\'');
    while ((line = memchr(from, '\n', (size_t)(end - from)))) {
        const char *stop = line;
        while (stop > from && stop[-1] == '\r') stop--;
        df_buf_add(n->out, from, (size_t)(stop - from));
        df_buf_char(n->out, '\n');
        from = line + 1;
    }
    df_buf_add(n->out, from, (size_t)(end - from));
    n->protects = true;
}

static void put_plain(normal *n, df_str text)
{
    close_gap(n, false);
    df_buf_add(n->out, text.ptr, text.len);
    n->string = n->protects = false;
}

/* How many bytes from `at` on are neither white space nor the beginning of a quote or comment. */
static size_t plain_len(normal *n, df_str sql, size_t at)
{
    size_t end = at;
    while (end < sql.len) {
        while (end < sql.len && !sql_is(sql.ptr[end], C_SPACE | C_STOP)) end++;
        if (end >= sql.len || sql_is(sql.ptr[end], C_SPACE)) break;
        size_t mark = sql_take_mark(n->dialect, sql, end, &n->executed);
        if (!mark && sql_piece_at(n->dialect, sql, end).len) break;
        end += mark ? mark : 1;
    }
    return end - at;
}

void df_sql_normalise(const df_sql_dialect *dialect, df_str statement, df_buf *out)
{
    normal n = {.dialect = dialect, .out = out, .from = out->len};
    size_t at = sql_byte_order_mark(statement);
    if (statement.len) df_buf_reserve(out, statement.len);
    while (at < statement.len) {
        if (sql_is(statement.ptr[at], C_SPACE)) {
            n.gap = true;
            n.line |= statement.ptr[at] == '\n' || statement.ptr[at] == '\r';
            at++;
            continue;
        }
        sql_piece piece =
            sql_is(statement.ptr[at], C_STOP) ? sql_piece_at(dialect, statement, at) : (sql_piece){0};
        df_str text = {statement.ptr + at, piece.len};
        if (piece.comment) {
            n.gap = true;
        } else if (piece.len) {
            put_quote(&n, text);
            n.string = text.ptr[0] == '\'';
        } else {
            text.len = plain_len(&n, statement, at);
            put_plain(&n, text);
        }
        at += text.len;
    }
    if (n.out->len > n.from) part_minuses(&n);
}
