/* SPDX-License-Identifier: Apache-2.0 */
/* A statement and its parameters as libpq wants them. */
#include "engine/postgres/private.h"

#include "engine/bulktext.h"

#include <math.h>
#include <stdio.h>

void pg_request_release(pg_request *r)
{
    df_arena_release(&r->arena);
    df_buf_release(&r->sql);
}

/* `?` becomes $n. Without parameters the text goes as it is. */
static df_code translate(pg_conn *c, df_str sql, size_t n_params, pg_request *r, df_error *err)
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
size_t pg_original_offset(pg_conn *c, df_str sql, size_t n_params, size_t offset)
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

static df_code put_param(pg_request *r, size_t i, const df_value *value, df_error *err)
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

static df_code put_params(pg_request *r, const df_value *params, size_t n_params, df_error *err)
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

df_code pg_request_make(pg_conn *c, df_str sql, const df_value *params, size_t n_params, pg_request *r,
                        df_error *err)
{
    *r = (pg_request){.types = NULL};
    DF_TRY(translate(c, sql, n_params, r, err));
    return put_params(r, params, n_params, err);
}

int pg_request_send(pg_conn *c, pg_request *r, size_t n_params)
{
    return pq->sendQueryParams(c->db, df_buf_cstr(&r->sql), (int)n_params, r->types, r->values, r->lengths,
                               r->formats, 0);
}
