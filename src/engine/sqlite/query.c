/* SPDX-License-Identifier: Apache-2.0 */
/* Statements: kept prepared, stepped row by row. */
#include "engine/sqlite/private.h"

#include <math.h>
#include <stdlib.h>

/* ---- prepared statements ---- */

static void forget(sl_cached *slot)
{
    sqlite3_finalize(slot->stmt);
    free(slot->sql);
    free(slot->row);
    free(slot->names);
    *slot = (sl_cached){0};
}

void sl_forget_statements(sl_conn *c)
{
    for (size_t i = 0; i < SL_CACHE_SIZE; i++) forget(&c->cache[i]);
}

/* The slot that holds `sql`, or the one to use for it (emptied). */
static sl_cached *find_slot(sl_conn *c, df_str sql)
{
    sl_cached *oldest = &c->cache[0];
    for (size_t i = 0; i < SL_CACHE_SIZE; i++) {
        sl_cached *slot = &c->cache[i];
        if (slot->sql && df_str_eq((df_str){slot->sql, slot->len}, sql)) return slot;
        if (slot->used < oldest->used) oldest = slot;
    }
    forget(oldest);
    return oldest;
}

df_code sl_prepare(sl_conn *c, const char *sql, sl_cached **out, df_error *err)
{
    df_str text = df_str_from(sql);
    sl_cached *slot = find_slot(c, text);
    *out = NULL;
    if (!slot->sql) {
        const char *rest;
        if (text.len >= INT32_MAX) return df_fail(err, DF_FAILED, "the statement is too long");
        int rc =
            sqlite3_prepare_v3(c->db, sql, (int)text.len + 1, SQLITE_PREPARE_PERSISTENT, &slot->stmt, &rest);
        if (rc != SQLITE_OK) return sl_fail(c, rc, text, err);
        if (!slot->stmt) return DF_OK;
        if (!df_sql_is_blank(c->base.driver->dialect, df_str_from(rest))) {
            sqlite3_finalize(slot->stmt);
            slot->stmt = NULL;
            df_fail(err, DF_FAILED, "more than one statement at a time");
            df_engine_fail_at(err, text, (size_t)(rest - sql));
            return DF_FAILED;
        }
        slot->sql = df_strdup(text);
        slot->len = text.len;
        slot->pragma = sl_is_pragma(text);
    }
    if (slot->pragma) c->pragmas = true;
    slot->used = ++c->clock;
    *out = slot;
    return DF_OK;
}

int sl_bind(sqlite3_stmt *stmt, int index, const df_value *value)
{
    switch (value->type) {
    case DF_INT64:
    case DF_BOOL: return sqlite3_bind_int64(stmt, index, value->i);
    case DF_DOUBLE: return isnan(value->d) ? SQLITE_MISMATCH : sqlite3_bind_double(stmt, index, value->d);
    case DF_TEXT:
        return sqlite3_bind_text64(stmt, index, value->s.ptr ? value->s.ptr : "", value->s.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case DF_BLOB:
        return sqlite3_bind_blob64(stmt, index, value->s.ptr ? value->s.ptr : "", value->s.len,
                                   SQLITE_STATIC);
    case DF_NULL: break;
    }
    return sqlite3_bind_null(stmt, index);
}

df_code sl_simple(sl_conn *c, const char *sql, df_error *err)
{
    sl_cached *slot;
    DF_TRY(sl_prepare(c, sql, &slot, err));
    sl_start_clock(c);
    int rc = sqlite3_step(slot->stmt);
    sl_stop_clock(c);
    df_code code = rc == SQLITE_DONE || rc == SQLITE_ROW ? DF_OK : sl_fail(c, rc, DF_STR_NONE, err);
    sqlite3_reset(slot->stmt);
    return code;
}

/* ---- running ---- */

static df_code bind_all(sl_conn *c, sl_cached *slot, const df_value *params, size_t n_params, df_error *err)
{
    int wanted = sqlite3_bind_parameter_count(slot->stmt);
    if ((size_t)wanted != n_params) {
        return df_fail(err, DF_BUG, "the statement has %d parameters, %zu were given", wanted, n_params);
    }
    for (int i = 0; i < wanted; i++) {
        int rc = sl_bind(slot->stmt, i + 1, &params[i]);
        if (rc == SQLITE_MISMATCH)
            return df_fail(err, DF_FAILED, "parameter %d: SQLite cannot hold NaN", i + 1);
        if (rc != SQLITE_OK) return sl_fail(c, rc, DF_STR_NONE, err);
    }
    return DF_OK;
}

static df_value value_of(sqlite3_stmt *stmt, int column)
{
    df_value value = {.type = DF_NULL};
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER: return df_v_int(sqlite3_column_int64(stmt, column));
    case SQLITE_FLOAT: return df_v_double(sqlite3_column_double(stmt, column));
    case SQLITE_TEXT:
        value.type = DF_TEXT;
        value.s.ptr = (const char *)sqlite3_column_text(stmt, column);
        break;
    case SQLITE_BLOB:
        value.type = DF_BLOB;
        value.s.ptr = sqlite3_column_blob(stmt, column);
        break;
    default: return value;
    }
    value.s.len = (size_t)sqlite3_column_bytes(stmt, column);
    if (!value.s.ptr) value.s.ptr = "";
    return value;
}

static df_code step_rows(sl_conn *c, sl_cached *slot, df_row_fn fn, void *context, df_error *err)
{
    sqlite3_stmt *stmt = slot->stmt;
    bool first = true;
    int rc;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (!fn) continue;
        int count = sqlite3_column_count(stmt);
        if (first) { /* only now: the first step may have prepared the statement anew */
            slot->row = df_realloc(slot->row, (size_t)count * sizeof *slot->row);
            slot->names = df_realloc(slot->names, (size_t)count * sizeof *slot->names);
            for (int i = 0; i < count; i++) slot->names[i] = sqlite3_column_name(stmt, i);
            first = false;
        }
        for (int i = 0; i < count; i++) slot->row[i] = value_of(stmt, i);
        df_row row = {(size_t)count, slot->row, slot->names};
        DF_TRY(fn(context, &row, err));
    }
    return rc == SQLITE_DONE ? DF_OK : sl_fail(c, rc, (df_str){slot->sql, slot->len}, err);
}

df_code sl_run(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_row_fn fn,
               void *context, int64_t *affected, df_error *err)
{
    sl_conn *c = sl_of(conn);
    sl_cached *slot;
    *affected = 0;
    DF_TRY(sl_ready(c, err));
    DF_TRY(sl_prepare(c, sql, &slot, err));
    if (!slot) return DF_OK;
    sl_start_clock(c);
    sqlite3_int64 before = sqlite3_total_changes64(c->db);
    df_code code = bind_all(c, slot, params, n_params, err);
    if (code == DF_OK) code = step_rows(c, slot, fn, context, err);
    sl_stop_clock(c);
    sqlite3_reset(slot->stmt);
    if (n_params) sqlite3_clear_bindings(slot->stmt);
    /* changes() keeps the number of the last change through statements that change nothing. */
    if (sqlite3_total_changes64(c->db) != before) *affected = sqlite3_changes64(c->db);
    return code;
}
