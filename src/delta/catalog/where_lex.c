/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/catalog/where_int.h"

#include <stdarg.h>
#include <stdio.h>

enum { CONTEXT = 60 }; /* bytes of the expression shown on each side of the caret */

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* Bytes first..last of the expression, cut at character boundaries, control characters as blanks. */
static void put_excerpt(df_buf *out, df_str text, size_t first, size_t last)
{
    for (size_t i = first; i < last; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        df_buf_char(out, c < 0x20 || c == 0x7F ? ' ' : (char)c);
    }
}

df_code where_fail_at(df_str text, size_t at, const char *advice, df_error *err, const char *fmt, ...)
{
    char what[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    if (at > text.len) at = text.len;
    while (at && at < text.len && is_continuation(text.ptr[at])) at--;
    size_t position = 1;
    for (size_t i = 0; i < at; i++) position += !is_continuation(text.ptr[i]);

    size_t first = at > CONTEXT ? at - CONTEXT : 0;
    while (first < at && is_continuation(text.ptr[first])) first++;
    size_t last = text.len - at > CONTEXT ? at + CONTEXT : text.len;
    while (last < text.len && is_continuation(text.ptr[last])) last++;
    df_buf hint = {0};
    put_excerpt(&hint, text, first, last);
    df_buf_char(&hint, '\n');
    for (size_t i = first; i < at; i++)
        if (!is_continuation(text.ptr[i])) df_buf_char(&hint, ' ');
    df_buf_char(&hint, '^');
    if (advice && advice[0]) df_buf_printf(&hint, "\n%s", advice);
    df_fail(err, DF_USAGE, "%s (at character %zu of the expression)", what, position);
    df_error_hint(err, "%s", df_buf_cstr(&hint));
    df_buf_release(&hint);
    return DF_USAGE;
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char peek(const where_lexer *lexer, size_t ahead)
{
    return lexer->next + ahead < lexer->text.len ? lexer->text.ptr[lexer->next + ahead] : '\0';
}

/* Text between two quotes of the same kind; a doubled quote stands for one. */
static df_code take_quoted(where_lexer *lexer, const char *what, df_error *err)
{
    char quote = peek(lexer, 0);
    df_buf text = {0};
    for (size_t i = lexer->next + 1; i < lexer->text.len; i++) {
        char c = lexer->text.ptr[i];
        if (c != quote) {
            df_buf_char(&text, c);
        } else if (i + 1 < lexer->text.len && lexer->text.ptr[i + 1] == quote) {
            df_buf_char(&text, c);
            i++;
        } else {
            lexer->token.text = df_arena_str(lexer->arena, df_buf_str(&text));
            lexer->next = i + 1;
            df_buf_release(&text);
            return DF_OK;
        }
    }
    df_buf_release(&text);
    return where_fail_at(lexer->text, lexer->next, NULL, err, "%s is not closed", what);
}

static int hex_digit(char c)
{
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static df_code take_hex(where_lexer *lexer, df_error *err)
{
    lexer->next++;
    DF_TRY(take_quoted(lexer, "the binary literal", err));
    df_str digits = lexer->token.text;
    char *bytes = df_arena_alloc(lexer->arena, digits.len / 2 + 1);
    for (size_t i = 0; i < digits.len / 2; i++) {
        int high = hex_digit(digits.ptr[2 * i]), low = hex_digit(digits.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            digits.len = 1;
        else
            bytes[i] = (char)(unsigned char)(high * 16 + low);
    }
    if (digits.len % 2)
        return where_fail_at(lexer->text, lexer->token.at, NULL, err,
                             "a binary literal is X'…' with pairs of hexadecimal digits");
    lexer->token.text = (df_str){bytes, digits.len / 2};
    lexer->token.kind = WHERE_HEX;
    return DF_OK;
}

static df_code take_number(where_lexer *lexer, df_error *err)
{
    size_t start = lexer->next;
    while (is_digit(peek(lexer, 0))) lexer->next++;
    if (peek(lexer, 0) == '.') lexer->next++;
    while (is_digit(peek(lexer, 0))) lexer->next++;
    if (peek(lexer, 0) == 'e' || peek(lexer, 0) == 'E') {
        size_t sign = peek(lexer, 1) == '+' || peek(lexer, 1) == '-';
        if (is_digit(peek(lexer, 1 + sign))) {
            lexer->next += 1 + sign;
            while (is_digit(peek(lexer, 0))) lexer->next++;
        }
    }
    if (is_name_start(peek(lexer, 0)) || peek(lexer, 0) == '.')
        return where_fail_at(lexer->text, lexer->next,
                             "a column whose name begins with a digit needs `back-ticks`", err,
                             "unexpected character after a number");
    lexer->token.kind = WHERE_NUMBER;
    lexer->token.text = (df_str){lexer->text.ptr + start, lexer->next - start};
    return DF_OK;
}

static df_code take_symbol(where_lexer *lexer, df_error *err)
{
    static const char *const symbols[] = {"==", "!=", "<>", "<=", ">=", "=", "<",
                                          ">",  "(",  ")",  ",",  ".",  "+", "-"};
    df_str rest = df_str_skip(lexer->text, lexer->next);
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        df_str symbol = df_str_from(symbols[i]);
        if (!df_str_starts(rest, symbol)) continue;
        lexer->token.kind = WHERE_SYMBOL;
        lexer->token.text = symbol;
        lexer->next += symbol.len;
        return DF_OK;
    }
    return where_fail_at(lexer->text, lexer->next, NULL, err, "unexpected character");
}

df_code where_advance(where_lexer *lexer, df_error *err)
{
    while (lexer->next < lexer->text.len && strchr(" \t\r\n", lexer->text.ptr[lexer->next]) && peek(lexer, 0))
        lexer->next++;
    char c = peek(lexer, 0);
    lexer->token = (where_token){.kind = WHERE_END, .text = DF_STR(""), .at = lexer->next};
    if (lexer->next >= lexer->text.len) return DF_OK;
    if ((c == 'x' || c == 'X') && peek(lexer, 1) == '\'') return take_hex(lexer, err);
    if (c == '\'') {
        lexer->token.kind = WHERE_STRING;
        return take_quoted(lexer, "the text", err);
    }
    if (c == '"' || c == '`') {
        lexer->token.kind = WHERE_QUOTED;
        return take_quoted(lexer, "the quoted column name", err);
    }
    if (is_digit(c) || (c == '.' && is_digit(peek(lexer, 1)))) return take_number(lexer, err);
    if (!is_name_start(c)) return take_symbol(lexer, err);
    size_t start = lexer->next;
    while (is_name_start(peek(lexer, 0)) || is_digit(peek(lexer, 0)) || peek(lexer, 0) == '$') lexer->next++;
    lexer->token.kind = WHERE_NAME;
    lexer->token.text = (df_str){lexer->text.ptr + start, lexer->next - start};
    return DF_OK;
}
