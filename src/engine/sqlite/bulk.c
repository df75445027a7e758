/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk loading: one prepared INSERT, bound without copies and stepped for each row. */
#include "engine/sqlite/private.h"

#include <stdlib.h>

static void quote_name(df_buf *out, const char *name)
{
    df_buf_char(out, '"');
    for (; *name; name++) {
        if (*name == '"') df_buf_char(out, '"');
        df_buf_char(out, *name);
    }
    df_buf_char(out, '"');
}

static void put_insert(df_buf *out, const char *table, const char *const *columns, size_t n_columns)
{
    df_buf_text(out, "INSERT INTO ");
    quote_name(out, table);
    for (size_t i = 0; i < n_columns; i++) {
        df_buf_text(out, i ? "," : " (");
        quote_name(out, columns[i]);
    }
    df_buf_text(out, ") VALUES (?");
    for (size_t i = 1; i < n_columns; i++) df_buf_text(out, ",?");
    df_buf_text(out, ")");
}

static df_code insert_row(sl_conn *c, sqlite3_stmt *stmt, const char *const *columns, size_t n_columns,
                          const df_value *values, df_error *err)
{
    for (size_t i = 0; i < n_columns; i++) {
        int rc = sl_bind(stmt, (int)i + 1, &values[i]);
        if (rc == SQLITE_MISMATCH)
            return df_fail(err, DF_FAILED, "column %s: SQLite cannot hold NaN", columns[i]);
        if (rc != SQLITE_OK) return sl_fail(c, rc, DF_STR_NONE, err);
    }
    int rc = sqlite3_step(stmt);
    if (rc != SQLITE_DONE) return sl_fail(c, rc, DF_STR_NONE, err);
    sqlite3_reset(stmt);
    return DF_OK;
}

df_code sl_bulk_load(df_conn *conn, const char *table, const char *const *columns, size_t n_columns,
                     const df_row_source *source, int64_t *loaded, df_error *err)
{
    enum { ROWS_BETWEEN_CHECKS = 256 };
    sl_conn *c = sl_of(conn);
    sl_cached *slot;
    df_buf sql = {0};
    *loaded = 0;
    put_insert(&sql, table, columns, n_columns);
    df_code code = sl_prepare(c, df_buf_cstr(&sql), &slot, err);
    df_buf_release(&sql);
    if (code != DF_OK) return code;

    df_value *values = df_zalloc(n_columns * sizeof *values);
    bool more = true;
    while ((code = source->next(source->context, values, &more, err)) == DF_OK && more) {
        sl_start_clock(c);
        if ((code = insert_row(c, slot->stmt, columns, n_columns, values, err)) != DF_OK) break;
        /* Between two steps there is nothing for sqlite3_interrupt to interrupt. */
        if (++*loaded % ROWS_BETWEEN_CHECKS == 0 && atomic_load(&conn->cancelled)) {
            code = df_fail(err, DF_CANCELLED, "interrupted");
            break;
        }
    }
    sl_stop_clock(c);
    sqlite3_reset(slot->stmt);
    sqlite3_clear_bindings(slot->stmt);
    free(values);
    return code;
}
