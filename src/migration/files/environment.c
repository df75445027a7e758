/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables of the environment, as goose's ENVSUB has them: $NAME, ${NAME}, ${NAME:-text} (unset or empty),
 * ${NAME-text} (unset),
 * ${NAME?message}, ${NAME:from} and ${NAME:from:length}; $$ and \$ are a dollar sign. Texts may hold
 * variables again.
 */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

typedef struct reader {
    df_str text;
    size_t at;
    int depth;
} reader;

static df_code expand(reader *r, char stop, df_buf *out, df_error *err);

static char peek(const reader *r, size_t ahead)
{
    return r->at + ahead < r->text.len ? r->text.ptr[r->at + ahead] : '\0';
}

static df_code read_name(reader *r, char name[256], df_error *err)
{
    size_t n = 0;
    if (!mf_is_letter(peek(r, 0)))
        return df_fail(err, DF_CORRUPT, "a $ that begins no variable; write $$ for a dollar sign");
    while (mf_is_letter(peek(r, 0)) || mf_is_digit(peek(r, 0)) || peek(r, 0) == '_') {
        if (n + 1 >= 256) return df_fail(err, DF_CORRUPT, "the name of a variable is too long");
        name[n++] = r->text.ptr[r->at++];
    }
    name[n] = '\0';
    return DF_OK;
}

static bool read_number(reader *r, int64_t *out)
{
    size_t from = r->at;
    while (r->at < r->text.len && r->text.ptr[r->at] != ':' && r->text.ptr[r->at] != '}') r->at++;
    return df_str_int64(mf_trim(mf_cut(r->text, from, r->at)), out);
}

/* Negative counts are from the end. */
static df_code substring(reader *r, df_str value, df_buf *out, df_error *err)
{
    int64_t len = (int64_t)value.len, from, to = len;
    if (!read_number(r, &from))
        return df_fail(err, DF_CORRUPT, "a number is expected behind the colon of a variable");
    if (from < 0) from = from + len < 0 ? 0 : from + len;
    if (from > len) from = len;
    if (peek(r, 0) == ':') {
        r->at++;
        if (!read_number(r, &to))
            return df_fail(err, DF_CORRUPT, "a number is expected behind the second colon of a variable");
        to = to >= 0 ? (to > len - from ? len : from + to) : to + len < from ? from : to + len;
    }
    df_buf_str_add(out, mf_cut(value, (size_t)from, (size_t)to));
    return DF_OK;
}

/* Behind the name: what is to be done with it, up to the closing brace. */
static df_code operate(reader *r, const char *name, df_buf *out, df_error *err)
{
    const char *value = getenv(name);
    char c = peek(r, 0);
    bool empty_too = c == ':' && peek(r, 1) == '-';
    if (c == ':' && !empty_too) {
        r->at++;
        return substring(r, df_str_from(value ? value : ""), out, err);
    }
    if (c != '-' && c != '?' && !empty_too)
        return df_fail(err, DF_CORRUPT, "%c is not expected behind the variable %s", c ? c : ' ', name);
    r->at += empty_too ? 2 : 1;
    df_buf text = {0};
    df_code code = expand(r, '}', &text, err);
    if (code == DF_OK && c == '?' && !value) {
        code = df_fail(err, DF_USAGE, "the variable %s is not set%s%s", name, text.len ? ": " : "",
                       df_buf_cstr(&text));
        df_error_hint(err, "set it in the environment");
    } else if (code == DF_OK) {
        bool use_text = c != '?' && (!value || (empty_too && !*value));
        df_buf_str_add(out, use_text ? df_buf_str(&text) : df_str_from(value));
    }
    df_buf_release(&text);
    return code;
}

static df_code variable(reader *r, df_buf *out, df_error *err)
{
    char name[256];
    r->at++;
    bool brace = peek(r, 0) == '{';
    if (brace) r->at++;
    DF_TRY(read_name(r, name, err));
    if (!brace || peek(r, 0) == '}') {
        r->at += brace;
        const char *value = getenv(name);
        if (value) df_buf_text(out, value);
        return DF_OK;
    }
    DF_TRY(operate(r, name, out, err));
    if (peek(r, 0) != '}')
        return df_fail(err, DF_CORRUPT, "the braces of the variable %s are not closed", name);
    r->at++;
    return DF_OK;
}

static df_code expand(reader *r, char stop, df_buf *out, df_error *err)
{
    enum { DEEPEST = 20 };
    if (r->depth >= DEEPEST) return df_fail(err, DF_CORRUPT, "variables lie too deep in each other");
    r->depth++;
    while (r->at < r->text.len && !(stop && r->text.ptr[r->at] == stop)) {
        char c = peek(r, 0), next = peek(r, 1);
        if (c == '\\' && next == '\\') {
            df_buf_text(out, "\\\\");
            r->at += 2;
        } else if ((c == '\\' || c == '$') && next == '$') {
            df_buf_char(out, '$');
            r->at += 2;
        } else if (c == '$' && next == '(') {
            df_buf_text(out, "$(");
            r->at += 2;
        } else if (c == '$' && r->at + 1 < r->text.len) {
            DF_TRY(variable(r, out, err));
        } else {
            df_buf_char(out, c);
            r->at++;
        }
    }
    r->depth--;
    return DF_OK;
}

df_code mf_environment(df_str text, df_buf *out, df_error *err)
{
    df_str body = text;
    while (body.len && (body.ptr[body.len - 1] == '\n' || body.ptr[body.len - 1] == '\r')) body.len--;
    reader r = {.text = body};
    DF_TRY(expand(&r, '\0', out, err));
    df_buf_str_add(out, df_str_skip(text, body.len));
    return DF_OK;
}
