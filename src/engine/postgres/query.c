/* SPDX-License-Identifier: Apache-2.0 */
/* Statements by the extended protocol, one row at a time: a result is never held whole. */
#include "engine/postgres/private.h"

#include "engine/bulktext.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* pg_type.h's numbers, which never change. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_OID = 26,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_NUMERIC = 1700,
};

/* ---- parameters ---- */

/* A statement on its way: the text with $1, $2 …, and the parameters as libpq wants them. */
typedef struct request {
    df_arena arena;
    df_buf sql;
    Oid *types;
    const char **values;
    int *lengths, *formats;
} request;

static void release(request *r)
{
    df_arena_release(&r->arena);
    df_buf_release(&r->sql);
}

/* `?` becomes $n. Without parameters the text goes as it is. */
static df_code translate(pg_conn *c, df_str sql, size_t n_params, request *r, df_error *err)
{
    const df_sql_dialect *dialect = c->base.driver->dialect;
    size_t from = 0, found = 0;
    while (n_params) {
        size_t at = df_sql_next_param(dialect, sql, from);
        df_buf_add(&r->sql, sql.ptr + from, at - from);
        if (at >= sql.len) break;
        df_buf_printf(&r->sql, "$%zu", ++found);
        from = at + 1;
    }
    if (!n_params) df_buf_str_add(&r->sql, sql);
    if (found == n_params) return DF_OK;
    return df_fail(err, DF_BUG, "the statement has %zu parameters, %zu were given", found, n_params);
}

/* Where in the original text a position in the translated one lies. */
static size_t original_offset(pg_conn *c, df_str sql, size_t n_params, size_t offset)
{
    size_t from = 0, shift = 0;
    for (size_t n = 1; n <= n_params; n++) {
        size_t at = df_sql_next_param(c->base.driver->dialect, sql, from);
        if (offset <= at + shift) break;
        shift += (size_t)snprintf(NULL, 0, "$%zu", n) - 1;
        from = at + 1;
    }
    return offset - shift;
}

static df_code put_param(request *r, size_t i, const df_value *value, df_error *err)
{
    char text[64];
    df_buf number = {0};
    switch (value->type) {
    case DF_NULL: return DF_OK;
    case DF_INT64:
        r->types[i] = OID_INT8;
        snprintf(text, sizeof text, "%lld", (long long)value->i);
        r->values[i] = df_arena_cstr(&r->arena, df_str_from(text));
        return DF_OK;
    case DF_BOOL:
        r->types[i] = OID_BOOL;
        r->values[i] = value->i ? "t" : "f";
        return DF_OK;
    case DF_DOUBLE:
        r->types[i] = OID_FLOAT8;
        if (!isfinite(value->d)) {
            r->values[i] = isnan(value->d) ? "NaN" : value->d > 0 ? "Infinity" : "-Infinity";
            return DF_OK;
        }
        df_put_sql_double(&number, value->d);
        r->values[i] = df_arena_cstr(&r->arena, df_buf_str(&number));
        df_buf_release(&number);
        return DF_OK;
    case DF_TEXT:
    case DF_BLOB: break;
    }
    if (value->s.len >= INT32_MAX / 2) return df_fail(err, DF_FAILED, "parameter %zu is too long", i + 1);
    r->lengths[i] = (int)value->s.len;
    if (value->type == DF_BLOB) {
        r->types[i] = OID_BYTEA;
        r->formats[i] = 1;
        r->values[i] = value->s.ptr ? value->s.ptr : "";
        return DF_OK;
    }
    if (value->s.len && memchr(value->s.ptr, '\0', value->s.len)) {
        return df_fail(err, DF_FAILED, "parameter %zu: PostgreSQL cannot hold NUL in text", i + 1);
    }
    char *copy = df_arena_try(&r->arena, value->s.len + 1);
    if (!copy) return df_fail(err, DF_NO_MEMORY, "not enough memory for parameter %zu", i + 1);
    if (value->s.len) memcpy(copy, value->s.ptr, value->s.len);
    copy[value->s.len] = '\0';
    r->values[i] = copy;
    return DF_OK;
}

static df_code put_params(request *r, const df_value *params, size_t n_params, df_error *err)
{
    if (!n_params) return DF_OK;
    if (n_params > 65535) return df_fail(err, DF_FAILED, "PostgreSQL takes at most 65535 parameters");
    r->types = df_arena_zalloc(&r->arena, n_params * sizeof *r->types);
    r->values = df_arena_zalloc(&r->arena, n_params * sizeof *r->values);
    r->lengths = df_arena_zalloc(&r->arena, n_params * sizeof *r->lengths);
    r->formats = df_arena_zalloc(&r->arena, n_params * sizeof *r->formats);
    for (size_t i = 0; i < n_params; i++) DF_TRY(put_param(r, i, &params[i], err));
    return DF_OK;
}

/* ---- results ---- */

/* Room for one row, made at the first. */
typedef struct reader {
    df_row_fn fn;
    void *context;
    int columns;
    Oid *types;
    df_value *values;
    const char **names;
    df_buf bytes; /* decoded blobs of the row */
} reader;

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
static df_value decode_blob(reader *r, const char *text, size_t len)
{
    char *start = r->bytes.ptr + r->bytes.len, *to = start;
    for (size_t i = 2; i + 1 < len; i += 2) *to++ = (char)(hex_digit(text[i]) << 4 | hex_digit(text[i + 1]));
    r->bytes.len = (size_t)(to - r->bytes.ptr);
    return (df_value){.type = DF_BLOB, .s = {start, (size_t)(to - start)}};
}

static df_value value_of(reader *r, const PGresult *result, int column)
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

static void look_at_columns(reader *r, const PGresult *result)
{
    r->columns = pq->nfields(result);
    size_t n = (size_t)r->columns + 1;
    r->types = df_zalloc(n * sizeof *r->types);
    r->values = df_zalloc(n * sizeof *r->values);
    r->names = df_zalloc(n * sizeof *r->names);
    for (int i = 0; i < r->columns; i++) r->types[i] = pq->ftype(result, i);
}

static df_code give_row(reader *r, const PGresult *result, df_error *err)
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

static void reader_release(reader *r)
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

static int64_t affected_by(PGresult *result)
{
    const char *tag = pq->cmdStatus(result);
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

static df_code read_results(pg_conn *c, df_str sql, size_t n_params, df_str sent, reader *r,
                            int64_t *affected, df_error *err)
{
    PGresult *result;
    df_code code = DF_OK;
    size_t offset;
    while (code == DF_OK && (result = pq->getResult(c->db)) != NULL) {
        ExecStatusType status = pq->resultStatus(result);
        switch (status) {
        case PGRES_SINGLE_TUPLE:
            if (r->fn) code = give_row(r, result, err);
            break;
        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK: *affected = affected_by(result); break;
        case PGRES_EMPTY_QUERY: break;
        case PGRES_COPY_IN:
        case PGRES_COPY_OUT: end_copy(c, status); break;
        default:
            code = pg_fail(c, result, err);
            if (pg_error_offset(result, sent, &offset)) {
                df_engine_fail_at(err, sql, original_offset(c, sql, n_params, offset));
            }
            break;
        }
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
    request r = {.types = NULL};
    reader rows = {.fn = fn, .context = context};
    df_str text = df_str_from(sql);
    *affected = 0;
    df_code code = translate(c, text, n_params, &r, err);
    if (code == DF_OK) code = put_params(&r, params, n_params, err);
    if (code == DF_OK) {
        if (pq->sendQueryParams(c->db, df_buf_cstr(&r.sql), (int)n_params, r.types, r.values, r.lengths,
                                r.formats, 0)) {
            pq->setSingleRowMode(c->db);
            code = read_results(c, text, n_params, df_buf_str(&r.sql), &rows, affected, err);
        } else {
            code = pg_fail(c, NULL, err);
        }
    }
    reader_release(&rows);
    release(&r);
    return code;
}

df_code pg_simple(pg_conn *c, const char *sql, char tag[64], df_error *err)
{
    PGresult *result = pq->exec(c->db, sql);
    ExecStatusType status = pq->resultStatus(result);
    df_code code = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? DF_OK : pg_fail(c, result, err);
    if (tag) snprintf(tag, 64, "%s", code == DF_OK ? pq->cmdStatus(result) : "");
    pq->clear(result);
    return code;
}
