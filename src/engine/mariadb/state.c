/* SPDX-License-Identifier: Apache-2.0 */
/* SHOW CREATE, and the state of one object made from it. */
#include "engine/mariadb/private.h"

#include "base/hash.h"
#include "engine/bulktext.h"

typedef struct wanted {
    unsigned column;
    bool found;
    df_buf *out;
} wanted;

static df_code take_text(void *context, const df_row *row, df_error *err)
{
    (void)err;
    wanted *w = context;
    if (w->column >= row->count || row->values[w->column].type == DF_NULL) return DF_OK;
    w->found = true;
    df_buf_str_add(w->out, row->values[w->column].s);
    return DF_OK;
}

df_code my_show_create(my_conn *c, const char *what, const char *name, unsigned column, df_buf *out,
                       df_error *err)
{
    int64_t ignored;
    df_buf sql = {0};
    wanted w = {column, false, out};
    /* Quotes and options are printed as the session's mode has it. MySQL's needs no more than its default. */
    df_buf_printf(&sql, "%sSHOW CREATE %s %s",
                  c->mariadb ? "SET STATEMENT sql_mode = '', sql_quote_show_create = 1 FOR " : "", what,
                  name);
    df_code code = my_run(&c->base, df_buf_cstr(&sql), NULL, 0, take_text, &w, &ignored, err);
    df_buf_release(&sql);
    if (code != DF_OK || w.found) return code;
    df_fail(err, DF_PERMISSION, "Permission denied: the definition of %s is not visible", name);
    df_error_hint(err,
                  "connect as its owner, or as a user that may see it (SHOW VIEW, SELECT on mysql.proc)");
    return DF_PERMISSION;
}

/* The errors by which SHOW CREATE says that there is no such thing. */
static bool is_missing(unsigned number)
{
    static const unsigned numbers[] = {1049, 1146, 1305, 1360, 1539, 4091};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i] == number) return true;
    }
    return false;
}

static void put_digest(df_buf *out, const char *before, df_str text)
{
    char hex[33];
    df_hash_hex(df_hash(text.ptr, text.len), hex);
    df_buf_printf(out, "%s%s", before, hex);
}

/* An index has no SHOW CREATE. */
static df_code index_state(df_conn *conn, df_str schema, df_str name, df_str table, df_buf *out,
                           df_error *err)
{
    int64_t ignored;
    df_buf text = {0};
    wanted w = {0, false, &text};
    if (!table.ptr) return df_fail(err, DF_UNSUPPORTED, "MariaDB looks an index up by its table");
    df_value params[3] = {df_v_str(schema), df_v_str(table), df_v_str(name)};
    df_code code = my_run(
        conn,
        "SELECT CONCAT_WS('|', NON_UNIQUE, SEQ_IN_INDEX, COLUMN_NAME, COLLATION, SUB_PART, INDEX_TYPE, "
        "INDEX_COMMENT, ';') FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) "
        "AND TABLE_NAME = ? AND INDEX_NAME = ? ORDER BY SEQ_IN_INDEX",
        params, 3, take_text, &w, &ignored, err);
    if (code == DF_OK && w.found) put_digest(out, "valid ", df_buf_str(&text));
    df_buf_release(&text);
    return code;
}

df_code my_object_state(df_conn *conn, const char *kind, df_str schema, df_str name, df_str table,
                        df_buf *out, df_error *err)
{
    static const struct {
        const char *kind, *what;
        unsigned column;
    } kinds[] = {
        {"table", "TABLE", 1},         {"view", "VIEW", 1},         {"sequence", "SEQUENCE", 1},
        {"procedure", "PROCEDURE", 2}, {"function", "FUNCTION", 2}, {"trigger", "TRIGGER", 2},
        {"event", "EVENT", 3},         {"package", "PACKAGE", 2},   {"package body", "PACKAGE BODY", 2},
        {"database", "DATABASE", 1},   {"schema", "DATABASE", 1},
    };
    my_conn *c = my_of(conn);
    if (strcmp(kind, "index") == 0) return index_state(conn, schema, name, table, out, err);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kind, kinds[i].kind) != 0) continue;
        df_buf full = {0}, sql = {0}, canonical = {0};
        df_error own;
        if (!err) err = &own;
        if (schema.ptr) {
            df_sql_put_name(&df_sql_mariadb, &full, schema);
            df_buf_char(&full, '.');
        }
        df_sql_put_name(&df_sql_mariadb, &full, name);
        df_code code = my_show_create(c, kinds[i].what, df_buf_cstr(&full), kinds[i].column, &sql, err);
        if (code == DF_OK) {
            my_put_canonical(&canonical, df_buf_str(&sql), "");
            put_digest(out, "", df_buf_str(&canonical));
        } else if (is_missing(mysql->error_number(c->db))) {
            code = DF_OK;
        }
        df_buf_release(&full);
        df_buf_release(&sql);
        df_buf_release(&canonical);
        return code;
    }
    return df_fail(err, DF_UNSUPPORTED, "MariaDB objects of the kind \"%s\" have no state to look up", kind);
}
