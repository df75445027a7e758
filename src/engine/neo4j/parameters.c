/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `?` becomes $p1, $p2 …. A list or map that is written with nothing but parameters and plain literals in it becomes one
 * parameter as a whole: SET n += {name: ?, age: ?} is sent as SET n += $p1, and UNWIND [[?, ?], [?, ?]] as UNWIND $p1.
 * To the server a parameter is one expression, however much is in it: there is less to plan, and one plan for lists of
 * any length. Times may be among them: datetime({epochMillis: ?}). Only where an expression begins: behind =, UNWIND and IN;
 * the braces of a pattern stay.
 */
#include "engine/neo4j/private.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct translation {
    const df_sql_dialect *dialect;
    bool utc; /* how the server wants times: bolt_utc */
    df_str sql;
    const df_value *params;
    size_t n_params, used; /* of params */
    neo_request *r;
    size_t sent;    /* parameters of the request */
    df_buf packed;  /* their names and values */
    df_code failed; /* a value that cannot be sent */
    df_error *err;
} translation;

/* ---- a value in PackStream ---- */

df_code neo_put_value(df_buf *out, const df_value *value, df_error *err)
{
    switch (value->type) {
    case DF_NULL: ps_put_null(out); return DF_OK;
    case DF_INT64: ps_put_int(out, value->i); return DF_OK;
    case DF_BOOL: ps_put_bool(out, value->i != 0); return DF_OK;
    case DF_DOUBLE: ps_put_float(out, value->d); return DF_OK;
    case DF_TEXT:
    case DF_BLOB: break;
    }
    if (value->s.len > INT32_MAX / 2)
        return df_fail(err, DF_FAILED, "a value of %zu bytes is too long", value->s.len);
    if (!df_buf_try_reserve(out, value->s.len + 8))
        return df_fail(err, DF_NO_MEMORY, "not enough memory for a value of %zu bytes", value->s.len);
    if (value->type == DF_BLOB) {
        ps_put_bytes(out, value->s);
        return DF_OK;
    }
    if (!df_str_is_utf8(value->s)) return df_fail(err, DF_FAILED, "a text is not valid UTF-8");
    ps_put_string(out, value->s);
    return DF_OK;
}

static bool put_param(translation *t, size_t number, df_buf *out)
{
    if (number >= t->n_params) return false; /* counted, and told, at the end */
    df_code code = neo_put_value(out, &t->params[number], t->err);
    if (code == DF_OK) return true;
    if (t->failed == DF_OK) df_error_prefix(t->err, "parameter %zu", number + 1);
    t->failed = code;
    return false;
}

/* ---- literals ---- */

enum { DEEPEST = 4 };

static bool is_symbol(df_sql_token token, char symbol)
{
    return token.kind == DF_SQL_SYMBOL && token.text.len == 1 && token.text.ptr[0] == symbol;
}

/* A text without escapes; what has some stays with the server. */
static bool put_string(df_sql_token token, df_buf *out)
{
    if (token.open || token.text.len < 2) return false;
    df_str inner = {token.text.ptr + 1, token.text.len - 2};
    if (memchr(inner.ptr, '\\', inner.len) || memchr(inner.ptr, token.text.ptr[0], inner.len)) return false;
    ps_put_string(out, inner);
    return true;
}

static bool put_member(translation *t, df_sql_lexer *lexer, df_sql_token token, size_t *used, int depth, df_buf *out);

/* What stands between `[` or `{`, which has been read, and its end. */
static bool put_members(translation *t, df_sql_lexer *lexer, bool map, size_t *used, int depth, df_buf *out)
{
    df_buf members = {0};
    size_t count = 0;
    char end = map ? '}' : ']';
    df_sql_token token = df_sql_next_word(lexer);
    bool good = !is_symbol(token, end);
    while (good) {
        if (map) {
            good = token.kind == DF_SQL_WORD && is_symbol(df_sql_next_word(lexer), ':');
            if (good) ps_put_string(&members, token.text);
            token = df_sql_next_word(lexer);
        }
        good = good && put_member(t, lexer, token, used, depth, &members);
        count++;
        df_sql_token behind = df_sql_next_word(lexer);
        if (is_symbol(behind, end)) break;
        good = good && is_symbol(behind, ',');
        token = df_sql_next_word(lexer);
    }
    if (good && map) ps_put_dict(out, count);
    if (good && !map) ps_put_list(out, count);
    if (good) df_buf_str_add(out, df_buf_str(&members));
    df_buf_release(&members);
    return good;
}

static bool put_number(df_sql_token token, df_buf *out)
{
    char *end;
    char text[20];
    if (token.text.len >= sizeof text) return false;
    snprintf(text, sizeof text, "%.*s", DF_FMT(token.text));
    int64_t number = strtoll(text, &end, 10);
    if (*end || text[0] == '0') return false; /* 1.5, 0x10, 010: the server knows what it means */
    ps_put_int(out, number);
    return true;
}

/* datetime({epochMillis: ?}): a time in UTC, whose seconds are the same in both of Bolt's forms. */
static bool put_time(translation *t, df_sql_lexer *lexer, size_t *used, df_buf *out)
{
    static const char *const words[] = {"(", "{", "epochMillis", ":", "?", "}", ")"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!df_str_is(df_sql_next_word(lexer).text, words[i])) return false;
    size_t number = (*used)++;
    if (number >= t->n_params || (t->params[number].type != DF_INT64 && t->params[number].type != DF_NULL)) return false;
    int64_t ms = t->params[number].i, part = ((ms % 1000) + 1000) % 1000;
    if (t->params[number].type == DF_NULL) {
        ps_put_null(out);
        return true;
    }
    ps_put_struct(out, t->utc ? PS_DATE_TIME : PS_LEGACY_DATE_TIME, 3);
    ps_put_int(out, (ms - part) / 1000);
    ps_put_int(out, part * 1000000);
    ps_put_int(out, 0);
    return true;
}

static bool put_member(translation *t, df_sql_lexer *lexer, df_sql_token token, size_t *used, int depth, df_buf *out)
{
    if (df_sql_is(token, "datetime")) return put_time(t, lexer, used, out);
    if (is_symbol(token, '?')) return put_param(t, (*used)++, out);
    if (is_symbol(token, '[') || is_symbol(token, '{'))
        return depth < DEEPEST && put_members(t, lexer, is_symbol(token, '{'), used, depth + 1, out);
    if (token.kind == DF_SQL_STRING) return put_string(token, out);
    if (token.kind == DF_SQL_NUMBER) return put_number(token, out);
    bool known = df_sql_is(token, "null") || df_sql_is(token, "true") || df_sql_is(token, "false");
    if (known && df_sql_is(token, "null")) ps_put_null(out);
    else if (known) ps_put_bool(out, df_sql_is(token, "true"));
    return known;
}

/* The literal that begins with `open`, as one parameter; `lexer` is left behind it, or where it was. */
static bool pack(translation *t, df_sql_lexer *lexer, df_sql_token open)
{
    df_sql_lexer at = *lexer;
    size_t used = t->used, before = t->packed.len;
    char name[32];
    snprintf(name, sizeof name, "p%zu", t->sent + 1);
    ps_put_text(&t->packed, name);
    if (put_members(t, &at, is_symbol(open, '{'), &used, 0, &t->packed) && used > t->used) {
        t->used = used;
        t->sent++;
        *lexer = at;
        return true;
    }
    t->packed.len = before;
    return false;
}

/* ---- the statement ---- */

static bool begins_expression(df_sql_token before)
{
    return is_symbol(before, '=') || df_sql_is(before, "UNWIND") || df_sql_is(before, "IN");
}

static void translate(translation *t)
{
    df_sql_lexer lexer = {.dialect = t->dialect, .text = t->sql};
    df_sql_token before = {.kind = DF_SQL_END};
    char name[32];
    for (;;) {
        df_sql_token token = df_sql_next_token(&lexer);
        if (token.kind == DF_SQL_END || t->failed != DF_OK) return;
        bool packed = (is_symbol(token, '[') || is_symbol(token, '{')) && begins_expression(before) && pack(t, &lexer, token);
        if (packed) t->r->packed = true;
        if (!packed && is_symbol(token, '?')) {
            snprintf(name, sizeof name, "p%zu", ++t->sent);
            ps_put_text(&t->packed, name);
            packed = true;
            put_param(t, t->used++, &t->packed);
        }
        if (packed)
            df_buf_printf(&t->r->query, "$p%zu", t->sent);
        else
            df_buf_str_add(&t->r->query, token.text);
        if (token.kind != DF_SQL_SPACE && token.kind != DF_SQL_COMMENT) before = token;
    }
}

df_code neo_request_make(const neo_conn *c, df_str sql, const df_value *params, size_t n_params,
                         neo_request *r, df_error *err)
{
    *r = (neo_request){.query = {0}};
    if (!df_str_is_utf8(sql)) return df_fail(err, DF_FAILED, "the statement is not valid UTF-8");
    if (!n_params) { /* as it is */
        df_buf_str_add(&r->query, sql);
        return DF_OK;
    }
    df_error mine = {0};
    translation t = {.dialect = c->base.driver->dialect, .utc = bolt_utc(c->bolt), .sql = sql, .params = params, .n_params = n_params,
                     .r = r, .err = &mine};
    translate(&t);
    ps_put_dict(&r->parameters, t.sent);
    df_buf_str_add(&r->parameters, df_buf_str(&t.packed));
    df_buf_release(&t.packed);
    if (t.failed != DF_OK) {
        if (err) *err = mine;
        return t.failed;
    }
    if (t.used == n_params) return DF_OK;
    return df_fail(err, DF_BUG, "the statement has %zu parameters, %zu were given", t.used, n_params);
}

void neo_request_release(neo_request *r)
{
    df_buf_release(&r->query);
    df_buf_release(&r->parameters);
}
