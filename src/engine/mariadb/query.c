/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements by the text protocol, parameters written into them as literals: one round trip instead of three
 * (prepare, execute, close), every kind of statement, and rows that are read where they lie.
 */
#include "engine/mariadb/private.h"

#include "engine/bulktext.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHARSET_BINARY = 63 };

/* ---- parameters ---- */

/* The server tells after each statement whether a backslash means something, should somebody change sql_mode.
 */
static bool backslash_escapes(const my_conn *c)
{
    return !(c->db->server_status & SERVER_STATUS_NO_BACKSLASH_ESCAPES);
}

static df_code put_hex_literal(df_buf *out, const char *prefix, df_str s, df_error *err)
{
    df_buf_text(out, prefix);
    if (!df_put_hex(out, s))
        return df_fail(err, DF_NO_MEMORY, "not enough memory for a value of %zu bytes", s.len);
    df_buf_char(out, '\'');
    return DF_OK;
}

static df_code put_text(df_buf *out, df_str s, bool backslash, df_error *err)
{
    /* In hexadecimal a NUL cannot end anything early on the way. */
    if (s.len && memchr(s.ptr, '\0', s.len)) return put_hex_literal(out, "_utf8mb4 x'", s, err);
    if (s.len > SIZE_MAX / 4 || !df_buf_try_reserve(out, s.len * 2 + 2)) {
        return df_fail(err, DF_NO_MEMORY, "not enough memory for a value of %zu bytes", s.len);
    }
    char *to = out->ptr + out->len;
    *to++ = '\'';
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '\'' || (c == '\\' && backslash)) *to++ = c;
        *to++ = c;
    }
    *to++ = '\'';
    out->len = (size_t)(to - out->ptr);
    return DF_OK;
}

df_code my_put_literal(my_conn *c, df_buf *out, const df_value *value, df_error *err)
{
    switch (value->type) {
    case DF_NULL: df_buf_text(out, "NULL"); break;
    case DF_BOOL: df_buf_char(out, value->i ? '1' : '0'); break;
    case DF_INT64:
        if (value->i < 0) df_buf_char(out, ' ');
        df_buf_int(out, value->i);
        break;
    case DF_DOUBLE:
        if (!isfinite(value->d)) return df_fail(err, DF_FAILED, "MariaDB cannot hold NaN or infinity");
        if (value->d < 0) df_buf_char(out, ' ');
        df_put_sql_double(out, value->d);
        break;
    case DF_TEXT: return put_text(out, value->s, backslash_escapes(c), err);
    case DF_BLOB: return put_hex_literal(out, "x'", value->s, err);
    }
    return DF_OK;
}

static df_code fill_in(my_conn *c, df_str sql, const df_value *params, size_t n_params, df_buf *out,
                       df_error *err)
{
    df_sql_dialect dialect = *c->base.driver->dialect;
    size_t from = 0, found = 0;
    dialect.backslash = backslash_escapes(c);
    for (;;) {
        size_t at = df_sql_next_param(&dialect, sql, from);
        df_buf_add(out, sql.ptr + from, at - from);
        if (at >= sql.len) break;
        if (found < n_params && my_put_literal(c, out, &params[found], err) != DF_OK) {
            return df_error_prefix(err, "parameter %zu", found + 1);
        }
        found++;
        from = at + 1;
    }
    if (found == n_params) return DF_OK;
    return df_fail(err, DF_BUG, "the statement has %zu parameters, %zu were given", found, n_params);
}

/* ---- results ---- */

static df_value int_of(const MYSQL_FIELD *field, df_str text)
{
    int64_t value;
    (void)field; /* an unsigned one that does not fit stays text */
    return df_str_int64(text, &value) ? df_v_int(value) : df_v_str(text);
}

static df_value value_of(const MYSQL_FIELD *field, df_str text)
{
    if (!text.ptr) return DF_V_NULL;
    switch (field->type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR: return int_of(field, text);
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL: return field->decimals == 0 ? int_of(field, text) : df_v_str(text);
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE: return df_v_double(strtod(text.ptr, NULL));
    case MYSQL_TYPE_BIT: return (df_value){.type = DF_BLOB, .s = text};
    case MYSQL_TYPE_TINY_BLOB:
    case MYSQL_TYPE_MEDIUM_BLOB:
    case MYSQL_TYPE_LONG_BLOB:
    case MYSQL_TYPE_BLOB:
    case MYSQL_TYPE_VARCHAR:
    case MYSQL_TYPE_VAR_STRING:
    case MYSQL_TYPE_STRING:
    case MYSQL_TYPE_GEOMETRY:
        return (df_value){.type = field->charsetnr == CHARSET_BINARY ? DF_BLOB : DF_TEXT, .s = text};
    default: return df_v_str(text);
    }
}

static df_code read_rows(my_conn *c, MYSQL_RES *result, df_row_fn fn, void *context, df_error *err)
{
    unsigned count = mysql->num_fields(result);
    MYSQL_FIELD *fields = mysql->fetch_fields(result);
    df_value *values = df_zalloc((count + 1) * sizeof *values);
    const char **names = df_zalloc((count + 1) * sizeof *names);
    df_code code = DF_OK;
    MYSQL_ROW cells;
    for (unsigned i = 0; i < count; i++) names[i] = fields[i].name;
    while (code == DF_OK && (cells = mysql->fetch_row(result)) != NULL) {
        if (!fn) continue;
        const unsigned long *lengths = mysql->fetch_lengths(result);
        for (unsigned i = 0; i < count; i++) values[i] = value_of(&fields[i], (df_str){cells[i], lengths[i]});
        df_row row = {count, values, names};
        code = fn(context, &row, err);
    }
    if (code == DF_OK && mysql->error_number(c->db)) code = my_fail(c, DF_STR_NONE, err);
    free(values);
    free(names);
    return code;
}

/* A procedure's further results are passed over. */
static df_code read_results(my_conn *c, df_row_fn fn, void *context, int64_t *affected, df_error *err)
{
    df_code code = DF_OK;
    int more = 0;
    for (bool first = true; more == 0; first = false) {
        MYSQL_RES *result = mysql->use_result(c->db);
        if (result) {
            if (code == DF_OK) code = read_rows(c, result, first ? fn : NULL, context, err);
            mysql->free_result(result); /* reads what is left */
        } else if (mysql->field_count(c->db) == 0) {
            if (first) *affected = (int64_t)mysql->affected_rows(c->db);
        } else if (code == DF_OK) {
            code = my_fail(c, DF_STR_NONE, err);
        }
        /* The result of a query comes without the mark, whatever its functions did. */
        if (c->db->server_status & SERVER_SESSION_STATE_CHANGED || (result && !fn)) c->changed = true;
        more = mysql->next_result(c->db);
    }
    if (more > 0 && code == DF_OK) code = my_fail(c, DF_STR_NONE, err);
    return code;
}

/* The server would only hang up. */
static df_code check_length(const my_conn *c, size_t length, df_error *err)
{
    if (!c->max_packet || length < c->max_packet) return DF_OK;
    df_fail(err, DF_FAILED, "the statement has %zu bytes, and the server takes less than %llu (max_allowed_packet)", length,
            (unsigned long long)c->max_packet);
    if (err) snprintf(err->native, sizeof err->native, "1153");
    df_error_hint(err, "write it as several statements, or raise max_allowed_packet on the server (SET GLOBAL holds for new connections)");
    return DF_FAILED;
}

df_code my_run(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_row_fn fn,
               void *context, int64_t *affected, df_error *err)
{
    my_conn *c = my_of(conn);
    df_str text = df_str_from(sql);
    df_buf filled = {0};
    *affected = 0;
    df_code code = n_params ? fill_in(c, text, params, n_params, &filled, err) : DF_OK;
    if (code == DF_OK) {
        df_str sent = n_params ? df_buf_str(&filled) : text;
        code = check_length(c, sent.len, err);
        if (code != DF_OK) {
            /* nothing was sent */
        } else if (mysql->real_query(c->db, sent.ptr, (unsigned long)sent.len) != 0) {
            /* A position in the filled text would mean nothing to the caller. */
            code = my_fail(c, n_params ? DF_STR_NONE : text, err);
        } else {
            code = read_results(c, fn, context, affected, err);
            if (code == DF_OK && c->changed) my_note_temporary(c, text);
            if (code == DF_OK && c->base.notice) my_tell_warnings(c);
        }
    }
    df_buf_release(&filled);
    return code;
}

df_code my_setting(my_conn *c, const char *sql, df_error *err)
{
    bool changed = c->changed;
    df_code code = my_simple(c, sql, err);
    c->changed = changed;
    return code;
}

df_code my_simple(my_conn *c, const char *sql, df_error *err)
{
    int64_t ignored;
    return my_run(&c->base, sql, NULL, 0, NULL, NULL, &ignored, err);
}
