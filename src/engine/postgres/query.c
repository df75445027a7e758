/* SPDX-License-Identifier: Apache-2.0 */
/* Statements by the extended protocol, one row at a time: a result is never held whole. */
#include "engine/postgres/private.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- results ---- */

static int64_t parse_int(const char *text)
{
    bool negative = *text == '-';
    uint64_t value = 0;
    for (text += negative; *text >= '0' && *text <= '9'; text++) value = value * 10 + (uint64_t)(*text - '0');
    return (int64_t)(negative ? 0 - value : value);
}

static unsigned hex_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
}

/* "\x…"; its place in the buffer is fixed because room for the whole row was made before. */
static df_value decode_blob(pg_reader *r, const char *text, size_t len)
{
    char *start = r->bytes.ptr + r->bytes.len, *to = start;
    for (size_t i = 2; i + 1 < len; i += 2) *to++ = (char)(hex_digit(text[i]) << 4 | hex_digit(text[i + 1]));
    r->bytes.len = (size_t)(to - r->bytes.ptr);
    return (df_value){.type = DF_BLOB, .s = {start, (size_t)(to - start)}};
}

static df_value value_of(pg_reader *r, const PGresult *result, int column)
{
    if (pq->getisnull(result, 0, column)) return DF_V_NULL;
    const char *text = pq->getvalue(result, 0, column);
    size_t len = (size_t)pq->getlength(result, 0, column);
    int64_t whole;
    switch (r->types[column]) {
    case OID_INT8:
    case OID_INT4:
    case OID_INT2:
    case OID_OID: return df_v_int(parse_int(text));
    case OID_BOOL: return df_v_bool(*text == 't');
    case OID_FLOAT4:
    case OID_FLOAT8: return df_v_double(strtod(text, NULL));
    case OID_BYTEA: return decode_blob(r, text, len);
    case OID_NUMERIC: /* SUM of integers is one */
        if (df_str_int64((df_str){text, len}, &whole)) return df_v_int(whole);
        break;
    default: break;
    }
    return df_v_str((df_str){text, len});
}

static void look_at_columns(pg_reader *r, const PGresult *result)
{
    r->columns = pq->nfields(result);
    size_t n = (size_t)r->columns + 1;
    r->types = df_zalloc(n * sizeof *r->types);
    r->values = df_zalloc(n * sizeof *r->values);
    r->names = df_zalloc(n * sizeof *r->names);
    for (int i = 0; i < r->columns; i++) r->types[i] = pq->ftype(result, i);
}

static df_code give_row(pg_reader *r, const PGresult *result, df_error *err)
{
    if (!r->types) look_at_columns(r, result);
    size_t blob_bytes = 1;
    for (int i = 0; i < r->columns; i++) {
        if (r->types[i] == OID_BYTEA) blob_bytes += (size_t)pq->getlength(result, 0, i) / 2;
    }
    df_buf_clear(&r->bytes);
    if (!df_buf_try_reserve(&r->bytes, blob_bytes))
        return df_fail(err, DF_NO_MEMORY, "not enough memory for a row");
    for (int i = 0; i < r->columns; i++) {
        r->values[i] = value_of(r, result, i);
        r->names[i] = pq->fname(result, i);
    }
    df_row row = {(size_t)r->columns, r->values, r->names};
    return r->fn(r->context, &row, err);
}

void pg_reader_release(pg_reader *r)
{
    free(r->types);
    free(r->values);
    free(r->names);
    df_buf_release(&r->bytes);
}

/* A COPY that came in through df_exec has nobody to talk to. */
static void end_copy(pg_conn *c, ExecStatusType status)
{
    char *data;
    if (status == PGRES_COPY_IN) pq->putCopyEnd(c->db, "COPY FROM STDIN is not available here");
    if (status == PGRES_COPY_OUT) {
        while (pq->getCopyData(c->db, &data, 0) > 0) pq->freemem(data);
    }
}

void pg_drain(pg_conn *c)
{
    PGresult *result;
    while ((result = pq->getResult(c->db)) != NULL) {
        ExecStatusType status = pq->resultStatus(result);
        pq->clear(result);
        if (status == PGRES_COPY_BOTH) break;
        end_copy(c, status);
        if (pq->status(c->db) == CONNECTION_BAD) break;
    }
}

static int64_t affected_by(pg_conn *c, PGresult *result)
{
    const char *tag = pq->cmdStatus(result);
    snprintf(c->tag, sizeof c->tag, "%s", tag);
    if (strncmp(tag, "SELECT", 6) == 0 || strncmp(tag, "FETCH", 5) == 0) return 0;
    return parse_int(pq->cmdTuples(result));
}

/* A row function has had enough. Outside of a transaction the rest need not even be sent. */
static void stop(pg_conn *c)
{
    char ignored[256];
    if (!c->base.in_transaction && c->cancel) pq->cancel(c->cancel, ignored, sizeof ignored);
    pg_drain(c);
}

df_code pg_take_result(pg_conn *c, df_str sql, size_t n_params, df_str sent, PGresult *result, pg_reader *r,
                       int64_t *affected, df_error *err)
{
    size_t offset;
    ExecStatusType status = pq->resultStatus(result);
    switch (status) {
    case PGRES_SINGLE_TUPLE: return r->fn ? give_row(r, result, err) : DF_OK;
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK: *affected = affected_by(c, result); return DF_OK;
    case PGRES_EMPTY_QUERY: return DF_OK;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT: end_copy(c, status); return DF_OK;
    default: break;
    }
    df_code code = pg_fail(c, result, err);
    if (pg_error_offset(result, sent, &offset)) {
        df_engine_fail_at(err, sql, pg_original_offset(c, sql, n_params, offset));
    }
    return code;
}

static df_code read_results(pg_conn *c, df_str sql, size_t n_params, df_str sent, pg_reader *r,
                            int64_t *affected, df_error *err)
{
    PGresult *result;
    df_code code = DF_OK;
    while (code == DF_OK && (result = pq->getResult(c->db)) != NULL) {
        code = pg_take_result(c, sql, n_params, sent, result, r, affected, err);
        pq->clear(result);
    }
    if (code != DF_OK) stop(c);
    if (pq->status(c->db) != CONNECTION_BAD) return code;
    c->base.lost = true;
    return code == DF_OK ? pg_fail(c, NULL, err) : code;
}

df_code pg_run(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_row_fn fn,
               void *context, int64_t *affected, df_error *err)
{
    pg_conn *c = pg_of(conn);
    pg_request r;
    pg_reader rows = {.fn = fn, .context = context};
    df_str text = df_str_from(sql);
    *affected = 0;
    c->tag[0] = '\0';
    DF_TRY(pg_settle(c, err));
    df_code code = pg_request_make(c, text, params, n_params, &r, err);
    if (code == DF_OK) {
        if (pg_request_send(c, &r, n_params)) {
            pq->setSingleRowMode(c->db);
            code = read_results(c, text, n_params, df_buf_str(&r.sql), &rows, affected, err);
        } else {
            code = pg_fail(c, NULL, err);
        }
    }
    if (!n_params) code = pg_note_script(c, text, code, err);
    pg_reader_release(&rows);
    pg_request_release(&r);
    return code;
}

df_code pg_simple(pg_conn *c, const char *sql, df_error *err)
{
    PGresult *result = pq->exec(c->db, sql);
    ExecStatusType status = pq->resultStatus(result);
    df_code code = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? DF_OK : pg_fail(c, result, err);
    snprintf(c->tag, sizeof c->tag, "%s", code == DF_OK ? pq->cmdStatus(result) : "");
    pq->clear(result);
    return code;
}
