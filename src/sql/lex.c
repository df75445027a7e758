/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql_int.h"

/* ---- numbers ---- */

static size_t digits_end(df_str sql, size_t at, size_t end)
{
    while (at < end && sql_is(sql.ptr[at], C_DIGIT)) at++;
    return at;
}

static bool is_hex_letter(char c)
{
    return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* MariaDB's names may begin with a digit: whether the run of word characters is a number (0x1f, 0b1, 12,
 * 1e5). */
static bool is_number(df_str sql, size_t at, size_t end)
{
    char mark = end - at > 2 && sql.ptr[at] == '0' ? sql.ptr[at + 1] : '\0';
    size_t from = digits_end(sql, at, end);
    if (mark == 'x') {
        from = at + 2;
        while (from < end && (sql_is(sql.ptr[from], C_DIGIT) || is_hex_letter(sql.ptr[from]))) from++;
    } else if (mark == 'b') {
        from = digits_end(sql, at + 2, end);
    } else if (from < end && (sql.ptr[from] | 0x20) == 'e') {
        char next = sql_at(sql, from + 1);
        if (from + 1 == end) return (next == '+' || next == '-') && sql_is(sql_at(sql, from + 2), C_DIGIT);
        from = digits_end(sql, from + 1, end);
    }
    return from == end;
}

static size_t word_end(const df_sql_dialect *dialect, df_str sql, size_t at)
{
    for (; at < sql.len && sql_is(sql.ptr[at], C_WORD); at++) {
        if ((unsigned char)sql.ptr[at] >= 0xc2 && sql_wide_space(dialect, sql, at)) break;
    }
    return at;
}

/* Of letters, digits and _; a "$" behind a number begins a quote. */
static size_t digits_and_letters_end(df_str sql, size_t at)
{
    while (at < sql.len && sql_is(sql.ptr[at], C_START | C_DIGIT)) at++;
    return at;
}

/* Behind 1, 1.5, .5, 1e5, 1.5e-5, 0x1f, 1_000; two points in a row are none of its own. */
static size_t number_end(df_str sql, size_t at)
{
    size_t end = digits_and_letters_end(sql, at);
    bool hex = sql.ptr[at] == '0' && (sql_at(sql, at + 1) | 0x20) == 'x';
    if (!hex && sql_at(sql, end) == '.' && sql_at(sql, end + 1) != '.')
        end = digits_and_letters_end(sql, end + 1);
    char last = sql.ptr[end - 1], sign = sql_at(sql, end);
    if (!hex && (last | 0x20) == 'e' && (sign == '+' || sign == '-') && sql_is(sql_at(sql, end + 1), C_DIGIT))
        end = digits_and_letters_end(sql, end + 1);
    return end;
}

/* ---- words ---- */

/* The word is a letter that makes the '…' behind it another kind of text. */
static bool is_prefix(const df_sql_dialect *dialect, char letter)
{
    if (dialect->slash_comment) return false;
    const char *letters = dialect->escape_strings ? "eEbBxXnN" : dialect->hash_comment ? "bBxXnN" : "xX";
    return letter && strchr(letters, letter) != NULL;
}

/* A quote, with what stands in front of it and belongs to it. */
static df_sql_token quote_token(df_sql_lexer *lexer, size_t quote, sql_piece piece)
{
    const char *from = lexer->text.ptr + lexer->at;
    char mark = lexer->text.ptr[quote];
    bool text = lexer->dialect->hash_comment || lexer->dialect->slash_comment; /* what "…" is */
    bool name = mark != '\'' && mark != '$' && !(mark == '"' && text);
    df_sql_token t = {.kind = name ? DF_SQL_NAME : DF_SQL_STRING, .offset = lexer->at, .open = piece.open};
    lexer->at = quote + piece.len;
    t.text = (df_str){from, lexer->at - t.offset};
    return t;
}

static df_sql_token token(df_sql_lexer *lexer, df_sql_token_kind kind, size_t end)
{
    df_sql_token t = {
        .kind = kind, .text = {lexer->text.ptr + lexer->at, end - lexer->at}, .offset = lexer->at};
    lexer->at = end;
    return t;
}

static df_sql_token word(df_sql_lexer *lexer)
{
    df_str sql = lexer->text;
    size_t at = lexer->at, end = word_end(lexer->dialect, sql, at);
    if (end == at + 1 && !sql_behind_word(sql, at)) {
        bool escape = lexer->dialect->escape_strings && (sql.ptr[at] | 0x20) == 'e';
        if (sql_at(sql, end) == '\'' && is_prefix(lexer->dialect, sql.ptr[at]))
            return quote_token(lexer, end, sql_string_at(lexer->dialect, sql, end, escape));
        char quote = sql_at(sql, at + 2);
        if (lexer->dialect->escape_strings && (sql.ptr[at] | 0x20) == 'u' && sql_at(sql, end) == '&' &&
            (quote == '\'' || quote == '"'))
            return quote_token(lexer, at + 2, sql_piece_at(lexer->dialect, sql, at + 2));
    }
    return token(lexer, DF_SQL_WORD, end);
}

static df_sql_token number(df_sql_lexer *lexer)
{
    if (lexer->dialect->hash_comment) {
        size_t end = word_end(lexer->dialect, lexer->text, lexer->at);
        if (!is_number(lexer->text, lexer->at, end)) return token(lexer, DF_SQL_WORD, end);
    }
    return token(lexer, DF_SQL_NUMBER, number_end(lexer->text, lexer->at));
}

/* ---- tokens ---- */

static df_sql_token symbol(df_sql_lexer *lexer)
{
    df_str sql = lexer->text;
    size_t at = lexer->at, len = 1;
    size_t mark = sql_take_mark(lexer->dialect, sql, at, &lexer->executed);
    if (mark)
        len = mark;
    else if (lexer->dialect->hash_comment && sql.ptr[at] == '\\' && sql_at(sql, at + 1) == 'N')
        return token(lexer, DF_SQL_WORD, at + 2); /* NULL */
    return token(lexer, DF_SQL_SYMBOL, at + len);
}

df_sql_token df_sql_next_token(df_sql_lexer *lexer)
{
    df_str sql = lexer->text;
    size_t at = lexer->at;
    if (at >= sql.len)
        return (df_sql_token){.kind = DF_SQL_END, .text = {sql.ptr + sql.len, 0}, .offset = sql.len};
    char c = sql.ptr[at];
    if (sql_is(c, C_SPACE)) return token(lexer, DF_SQL_SPACE, sql_skip_space(sql, at));
    if (sql_is(c, C_START)) {
        size_t wide = (unsigned char)c >= 0xc2 ? sql_wide_space(lexer->dialect, sql, at) : 0;
        if (wide) return token(lexer, DF_SQL_SPACE, at + wide);
        if (at == 0 && sql_byte_order_mark(sql)) return token(lexer, DF_SQL_SPACE, sql_skip_space(sql, 3));
        return word(lexer);
    }
    bool fraction = c == '.' && sql_is(sql_at(sql, at + 1), C_DIGIT) && (at == 0 || sql.ptr[at - 1] != '.');
    if (fraction || sql_is(c, C_DIGIT)) return number(lexer);
    if (sql_is(c, C_STOP)) {
        sql_piece piece = sql_piece_at(lexer->dialect, sql, at);
        if (piece.len && !piece.comment) return quote_token(lexer, at, piece);
        if (piece.len) {
            df_sql_token t = token(lexer, DF_SQL_COMMENT, at + piece.len);
            t.open = piece.open;
            return t;
        }
    }
    return symbol(lexer);
}

df_sql_token df_sql_next_word(df_sql_lexer *lexer)
{
    df_sql_token t;
    do {
        t = df_sql_next_token(lexer);
    } while (t.kind == DF_SQL_SPACE || t.kind == DF_SQL_COMMENT);
    return t;
}

/* ---- reading words ---- */

/* The marks of a comment that MariaDB executes. */
static bool is_mark(const df_sql_dialect *dialect, df_sql_token t)
{
    return dialect->hash_comment && t.kind == DF_SQL_SYMBOL && t.text.len > 1;
}

void sql_read(sql_reader *r)
{
    do {
        r->token = df_sql_next_word(&r->lexer);
    } while (is_mark(r->lexer.dialect, r->token));
}

void sql_reader_init(sql_reader *r, const df_sql_dialect *dialect, df_str text)
{
    *r = (sql_reader){.lexer = {.dialect = dialect, .text = text}};
    sql_read(r);
}

bool sql_take(sql_reader *r, const char *keyword)
{
    if (!sql_sees(r, keyword)) return false;
    sql_read(r);
    return true;
}

bool sql_take_symbol(sql_reader *r, char symbol)
{
    if (!sql_sees_symbol(r, symbol)) return false;
    sql_read(r);
    return true;
}

void sql_skip_parens(sql_reader *r)
{
    if (!sql_sees_symbol(r, '(')) return;
    size_t depth = 0;
    do {
        if (sql_sees_symbol(r, '(')) depth++;
        if (sql_sees_symbol(r, ')')) depth--;
        sql_read(r);
    } while (depth && !sql_sees_end(r));
}
