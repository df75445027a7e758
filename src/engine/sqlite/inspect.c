/* SPDX-License-Identifier: Apache-2.0 */
/* The live schema, from sqlite_schema. */
#include "engine/sqlite/private.h"

#include "base/hash.h"
#include "engine_sqlite_inspect.h"

#include <strings.h>
#include <unistd.h>

typedef struct inspection {
    df_object_fn add;
    void *context;
} inspection;

/* An index, view or trigger. Views and triggers keep their letters: they make names of result columns. */
static df_code add_other(inspection *in, const df_value *values, df_error *err)
{
    df_str kind = values[0].s;
    bool index = df_str_is(kind, "index");
    df_buf definition = {0};
    sl_put_canonical(&definition, values[3].s, index);
    df_object object = {.kind = kind,
                        .parent = df_str_is(kind, "view") ? DF_STR_NONE : values[2].s,
                        .name = values[1].s,
                        .definition = df_buf_str(&definition)};
    df_code code = in->add(in->context, &object, err);
    df_buf_release(&definition);
    return code;
}

static df_code take_object(void *context, const df_row *row, df_error *err)
{
    inspection *in = context;
    const df_value *values = row->values;
    for (size_t i = 0; i < 4; i++) {
        if (values[i].type != DF_TEXT)
            return df_fail(err, DF_CORRUPT, "sqlite_schema has a row without a text");
    }
    if (!df_str_is(values[0].s, "table")) return add_other(in, values, err);
    return sl_table_objects(DF_STR_NONE, values[1].s, values[3].s, in->add, in->context, err);
}

df_code sl_inspect(df_conn *conn, const df_inspect_options *options, df_object_fn add, void *context,
                   df_error *err)
{
    (void)options;
    sl_conn *c = sl_of(conn);
    int64_t ignored;
    inspection in = {add, context};
    if (!c->db && access(c->path, F_OK) != 0) return DF_OK; /* it is created when something is put in */
    return sl_run(conn, SQL_objects, NULL, 0, take_object, &in, &ignored, err);
}

static df_code take_state(void *context, const df_row *row, df_error *err)
{
    (void)err;
    df_buf *text = context;
    df_buf_str_add(text, row->values[0].s);
    df_buf_char(text, '\n');
    return DF_OK;
}

df_code sl_object_state(df_conn *conn, const char *kind, df_str schema, df_str name, df_str table,
                        df_buf *out, df_error *err)
{
    (void)table;
    int64_t ignored;
    df_buf text = {0};
    char hex[33];
    bool known = strcmp(kind, "table") == 0 || strcmp(kind, "index") == 0 || strcmp(kind, "view") == 0 ||
                 strcmp(kind, "trigger") == 0;
    if (!known)
        return df_fail(err, DF_UNSUPPORTED, "SQLite objects of the kind \"%s\" have no state to look up",
                       kind);
    bool temporary = schema.len == 4 && strncasecmp(schema.ptr, "temp", 4) == 0;
    df_value params[3] = {df_v_text(kind), df_v_str(name), schema.ptr ? df_v_int(!temporary) : DF_V_NULL};
    df_code code = sl_run(conn, SQL_state, params, 3, take_state, &text, &ignored, err);
    if (code == DF_OK && text.len) {
        df_hash_hex(df_hash(text.ptr, text.len), hex);
        df_buf_printf(out, "%s%s", strcmp(kind, "index") == 0 ? "valid " : "", hex);
    }
    df_buf_release(&text);
    return code;
}
