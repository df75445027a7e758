/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql_int.h"

/* ---- lines and errors ---- */

/* A byte a step is too slow for what is otherwise jumped over. */
static int32_t lines_in(const char *from, const char *to)
{
    int32_t lines = 0;
    while (from < to && (from = memchr(from, '\n', (size_t)(to - from)))) lines++, from++;
    return lines;
}

static int32_t line_of(const df_sql_splitter *s, size_t at)
{
    return s->line + lines_in(s->script.ptr + s->counted, s->script.ptr + at);
}

df_code sql_fail_at(const df_sql_splitter *s, size_t at, df_error *err, df_code code)
{
    if (!err) return code;
    err->line = line_of(s, at);
    err->statement = s->number + 1;
    return code;
}

static df_code fail_open(const df_sql_splitter *s, size_t at, bool comment, df_error *err)
{
    df_fail(err, DF_CORRUPT, "%s that begins in line %d does not end", comment ? "a comment" : "a quote",
            line_of(s, at));
    return sql_fail_at(s, at, err, DF_CORRUPT);
}

static df_code fail_body(const df_sql_splitter *s, const sql_body *body, df_error *err)
{
    df_fail(err, DF_CORRUPT, "a body that begins in line %d does not end", line_of(s, body->opened));
    df_error_hint(err, body->kind == SQL_BODY_RULE ? "a parenthesis is not closed"
                       : s->dialect->delimiter     ? "END is missing; or put the statement between "
                                                     "DELIMITER // and DELIMITER ;"
                                                   : "its END is missing");
    return sql_fail_at(s, body->opened, err, DF_CORRUPT);
}

/* sqlite3 lets a comment at the end of the text be open. */
static bool may_be_open(const df_sql_splitter *s, bool comment)
{
    return comment && s->dialect->family == DF_SQL_SQLITE;
}

static df_code begin(df_sql_splitter *s, df_error *err)
{
    df_str script = s->script;
    s->line = s->first_line ? s->first_line : 1;
    if (!s->delimiter[0]) s->delimiter[0] = ';';
    const char *nul = script.len ? memchr(script.ptr, '\0', script.len) : NULL;
    if (nul) {
        df_fail(err, DF_CORRUPT, "a NUL byte in line %d", line_of(s, (size_t)(nul - script.ptr)));
        df_error_hint(err, "the file must be UTF-8; UTF-16 is converted by: iconv -f UTF-16 -t UTF-8");
        return sql_fail_at(s, (size_t)(nul - script.ptr), err, DF_CORRUPT);
    }
    s->at = sql_byte_order_mark(script);
    return DF_OK;
}

/* ---- reading on ---- */

/* One statement while it is read. */
typedef struct scan {
    df_sql_splitter *splitter;
    df_str sql;
    size_t at;
    size_t since;     /* where the last comment ended */
    size_t end;       /* behind the last token before that comment */
    size_t delimiter; /* its length */
    bool executed;    /* inside a comment that MariaDB executes */
    size_t mark;      /* … which begins here */
    uint8_t mask;     /* of the characters at which to look closer */
} scan;

static uint8_t mask_of(df_sql_family family)
{
    static const uint8_t masks[] = {[DF_SQL_POSTGRES] = C_POSTGRES,
                                    [DF_SQL_SQLITE] = C_SQLITE,
                                    [DF_SQL_MARIADB] = C_MARIADB,
                                    [DF_SQL_CYPHER] = C_CYPHER};
    return masks[family];
}

static scan scan_from(df_sql_splitter *s, size_t at)
{
    scan x = {.splitter = s,
              .sql = s->script,
              .at = at,
              .since = at,
              .end = at,
              .delimiter = strlen(s->delimiter),
              .mask = mask_of(s->dialect->family)};
    return x;
}

static bool at_delimiter(const scan *x, size_t at)
{
    return x->sql.len - at >= x->delimiter && x->sql.ptr[at] == x->splitter->delimiter[0] &&
           memcmp(x->sql.ptr + at, x->splitter->delimiter, x->delimiter) == 0;
}

/* What was read since the last comment has a token: the statement goes at least to its end. */
static void note_end(scan *x, size_t at)
{
    while (at > x->since && sql_is(x->sql.ptr[at - 1], C_SPACE)) at--;
    if (at > x->since) x->end = at;
}

/* At a character of the stop table, which is no delimiter. */
static df_code pass(scan *x, df_error *err)
{
    df_sql_splitter *s = x->splitter;
    bool before = x->executed;
    size_t mark = sql_take_mark(s->dialect, x->sql, x->at, &x->executed);
    if (mark) {
        if (!before) x->mark = x->at;
        x->at += mark;
        return DF_OK;
    }
    sql_piece piece = sql_piece_at(s->dialect, x->sql, x->at);
    if (piece.open && !may_be_open(s, piece.comment)) return fail_open(s, x->at, piece.comment, err);
    if (piece.comment) {
        note_end(x, x->at);
        x->since = x->at + piece.len;
    }
    x->at += piece.len;
    if (piece.len) return DF_OK;
    char c = x->sql.ptr[x->at];
    if (c == '\\' && !(s->dialect->hash_comment && sql_at(x->sql, x->at + 1) == 'N'))
        return sql_client_backslash(s, x->at, err);
    x->at++;
    return DF_OK;
}

/* To the delimiter or the end, past quotes and comments, looking at no word. */
static df_code scan_plain(scan *x, df_error *err)
{
    const char *p = x->sql.ptr;
    const uint8_t *stop = sql_chars;
    uint8_t own[256];
    if (strcmp(x->splitter->delimiter, ";") != 0) {
        memcpy(own, sql_chars, sizeof own);
        own[(unsigned char)x->splitter->delimiter[0]] |= x->mask;
        stop = own;
    }
    for (;;) {
        while (x->at < x->sql.len && !(stop[(unsigned char)p[x->at]] & x->mask)) x->at++;
        if (x->at >= x->sql.len) break;
        if (!x->executed && at_delimiter(x, x->at)) break;
        DF_TRY(pass(x, err));
    }
    if (x->executed && x->at >= x->sql.len) return fail_open(x->splitter, x->mark, true, err);
    note_end(x, x->at);
    return DF_OK;
}

/* The same token by token, for statements with statements inside. */
static df_code scan_body(scan *x, sql_body_kind kind, df_error *err)
{
    df_sql_splitter *s = x->splitter;
    sql_body body = {.kind = kind};
    df_sql_lexer lexer = {.dialect = s->dialect, .text = x->sql, .at = x->at};
    for (;;) {
        df_sql_token t = df_sql_next_token(&lexer);
        x->at = t.offset;
        if (t.kind == DF_SQL_END) break;
        if (t.open && !may_be_open(s, t.kind == DF_SQL_COMMENT))
            return fail_open(s, t.offset, t.kind == DF_SQL_COMMENT, err);
        if (t.kind == DF_SQL_SPACE || t.kind == DF_SQL_COMMENT) continue;
        if (t.kind == DF_SQL_SYMBOL) {
            if (t.text.ptr[0] == '\\') return sql_client_backslash(s, t.offset, err);
            if (t.text.len > 1) {
                if (t.text.ptr[0] == '/' && !x->executed) x->mark = t.offset;
                x->executed = lexer.executed;
                x->end = lexer.at;
                continue;
            }
        }
        if (sql_body_ends(&body, t) && !x->executed) return DF_OK;
        x->end = lexer.at;
    }
    if (x->executed) return fail_open(s, x->mark, true, err);
    if (body.depth > 0 && (body.inside || kind == SQL_BODY_ATOMIC || kind == SQL_BODY_RULE))
        return fail_body(s, &body, err);
    return DF_OK;
}

/* ---- what a statement says of those behind it ---- */

static bool is_on(sql_reader *r)
{
    df_str value = r->token.text;
    if (value.len > 1 && value.ptr[0] == '\'') value = (df_str){value.ptr + 1, value.len - 2};
    return sql_word_is(value, "ON") || sql_word_is(value, "TRUE") || sql_word_is(value, "YES") ||
           df_str_is(value, "1") || sql_word_is(value, "DEFAULT");
}

/* SET [SESSION | LOCAL] standard_conforming_strings { = | TO } value */
static void postgres_set(df_sql_splitter *s, sql_reader *r)
{
    static const df_sql_dialect old = {.family = DF_SQL_POSTGRES, .escape_strings = true, .backslash = true};
    if (!sql_take(r, "SESSION")) sql_take(r, "LOCAL");
    if (!sql_take(r, "STANDARD_CONFORMING_STRINGS")) return;
    if (!sql_take_symbol(r, '=')) sql_take(r, "TO");
    s->dialect = is_on(r) ? &df_sql_postgres : &old;
}

/* SET … sql_mode = '…NO_BACKSLASH_ESCAPES…', among other assignments. */
static void mariadb_set(df_sql_splitter *s, sql_reader *r)
{
    static const df_sql_dialect plain = {
        .family = DF_SQL_MARIADB, .backtick = true, .hash_comment = true, .delimiter = true};
    bool assigned = false;
    while (!sql_sees_end(r)) {
        if (!sql_take(r, "SQL_MODE")) {
            sql_read(r);
            continue;
        }
        sql_take_symbol(r, ':');
        if (sql_take_symbol(r, '=')) assigned = true;
    }
    if (!assigned) return;
    df_str text = r->lexer.text;
    s->dialect = memmem(text.ptr, text.len, "NO_BACKSLASH_ESCAPES", 20) ? &plain : &df_sql_mariadb;
}

/* Settings that change how the next statements are read. */
static void obey(df_sql_splitter *s, df_str statement)
{
    sql_reader r;
    if (statement.ptr[0] != '/' && (statement.ptr[0] | 0x20) != 's') return; /* at once, for most */
    sql_reader_init(&r, s->dialect, statement);
    if (!sql_take(&r, "SET")) return;
    if (s->dialect->family == DF_SQL_POSTGRES) postgres_set(s, &r);
    if (s->dialect->family == DF_SQL_MARIADB) mariadb_set(s, &r);
}

/* ---- COPY … FROM STDIN ---- */

static bool copies_in(const df_sql_dialect *dialect, df_str statement)
{
    sql_reader r;
    sql_reader_init(&r, dialect, statement);
    while (!sql_sees_end(&r) && !sql_sees(&r, "FROM")) {
        if (sql_sees_symbol(&r, '('))
            sql_skip_parens(&r);
        else
            sql_read(&r);
    }
    return sql_take(&r, "FROM") && sql_sees(&r, "STDIN");
}

static bool is_end_of_data(df_str line)
{
    return line.len >= 2 && line.ptr[0] == '\\' && line.ptr[1] == '.' && sql_skip_space(line, 2) == line.len;
}

/* The lines behind the one of the semicolon, up to the one that is `\.`. */
static df_code take_data(df_sql_splitter *s, df_sql_statement *statement, df_error *err)
{
    df_str sql = s->script;
    size_t at = s->at;
    while (at < sql.len && sql.ptr[at] != '\n' && sql_is(sql.ptr[at], C_SPACE)) at++;
    if (at < sql.len && sql.ptr[at] != '\n') {
        df_fail(err, DF_UNSUPPORTED, "the data of COPY … FROM STDIN begins in the line behind its semicolon");
        return sql_fail_at(s, at, err, DF_UNSUPPORTED);
    }
    size_t from = at < sql.len ? at + 1 : at;
    for (size_t line = from; line < sql.len;) {
        const char *end = memchr(sql.ptr + line, '\n', sql.len - line);
        size_t next = end ? (size_t)(end - sql.ptr) + 1 : sql.len;
        if (is_end_of_data((df_str){sql.ptr + line, next - line})) {
            statement->data = (df_str){sql.ptr + from, line - from};
            s->at = next;
            return DF_OK;
        }
        line = next;
    }
    df_fail(err, DF_CORRUPT, "the data of COPY … FROM STDIN does not end with a line \\.");
    df_error_hint(err, "put the data behind the statement, and a line with \\. at their end");
    return sql_fail_at(s, statement->offset, err, DF_CORRUPT);
}

/* ---- statements ---- */

/* Past white space, comments and delimiters that end nothing. */
static df_code skip_blank(df_sql_splitter *s, df_error *err)
{
    scan x = scan_from(s, s->at);
    while (x.at < x.sql.len) {
        char c = x.sql.ptr[x.at];
        if (sql_is(c, C_SPACE)) {
            x.at++;
        } else if (at_delimiter(&x, x.at)) {
            x.at += x.delimiter;
        } else if (c == ';') {
            x.at++;
        } else if (sql_wide_space(s->dialect, x.sql, x.at)) {
            x.at += sql_wide_space(s->dialect, x.sql, x.at);
        } else {
            sql_piece piece = sql_is(c, C_STOP) ? sql_piece_at(s->dialect, x.sql, x.at) : (sql_piece){0};
            if (!piece.comment) break;
            if (piece.open && !may_be_open(s, true)) return fail_open(s, x.at, true, err);
            x.at += piece.len;
        }
    }
    s->at = x.at;
    return DF_OK;
}

/* mariadb's `use db` needs no semicolon. */
static bool ends_with_line(const scan *x)
{
    df_str rest = df_str_skip(x->sql, x->at);
    return x->splitter->dialect->delimiter && rest.len > 3 && sql_word_is((df_str){rest.ptr, 3}, "USE") &&
           sql_is(rest.ptr[3], C_SPACE) && rest.ptr[3] != '\n';
}

static void cut_line(scan *x)
{
    const char *end = memchr(x->sql.ptr + x->at, '\n', x->sql.len - x->at);
    if (end) x->sql.len = (size_t)(end - x->sql.ptr);
}

/* To the end of the statement. */
static df_code scan_on(scan *x, sql_body_kind kind, df_error *err)
{
    const df_sql_splitter *s = x->splitter;
    if (s->dialect->family == DF_SQL_CYPHER && x->sql.ptr[x->at] == ':')
        return sql_command_end(s, x->at, &x->end, &x->at, err);
    if (ends_with_line(x)) cut_line(x);
    if (kind == SQL_BODY_NONE || kind == SQL_BODY_COPY) return scan_plain(x, err);
    return scan_body(x, kind, err);
}

/* `END;//` is usual. */
static void trim_semicolons(df_str *text)
{
    while (text->len && sql_is(text->ptr[text->len - 1], C_SPACE | C_STOP)) {
        char last = text->ptr[text->len - 1];
        if (last != ';' && !sql_is(last, C_SPACE)) return;
        text->len--;
    }
}

static df_code take_statement(df_sql_splitter *s, df_sql_statement *statement, df_error *err)
{
    size_t start = s->at;
    scan x = scan_from(s, start);
    bool own_delimiter = strcmp(s->delimiter, ";") != 0;
    sql_body_kind kind =
        own_delimiter ? SQL_BODY_NONE : sql_body_of(s->dialect, df_str_skip(s->script, start));
    DF_TRY(scan_on(&x, kind, err));
    s->line = line_of(s, start);
    s->counted = start;
    *statement =
        (df_sql_statement){.text = {s->script.ptr + start, x.end - start}, .offset = start, .line = s->line};
    s->at = x.at < x.sql.len && at_delimiter(&x, x.at) ? x.at + x.delimiter : x.at;
    if (own_delimiter) trim_semicolons(&statement->text);
    if (kind == SQL_BODY_COPY && copies_in(s->dialect, statement->text)) DF_TRY(take_data(s, statement, err));
    statement->number = ++s->number;
    obey(s, statement->text);
    return DF_OK;
}

df_code df_sql_split(df_sql_splitter *s, df_sql_statement *statement, bool *more, df_error *err)
{
    *more = false;
    if (!s->line) DF_TRY(begin(s, err));
    for (;;) {
        size_t end;
        DF_TRY(skip_blank(s, err));
        if (s->at >= s->script.len) return DF_OK;
        DF_TRY(sql_client_line(s, s->at, &end, err));
        if (!end) break;
        s->at = end;
    }
    DF_TRY(take_statement(s, statement, err));
    *more = true;
    return DF_OK;
}
