/* SPDX-License-Identifier: Apache-2.0 */
/* The state of one object, for asking later whether a statement took effect. */
#include "engine/postgres/private.h"

#include "engine_postgres_state.h"

#include <stdio.h>

static const struct {
    const char *kind, *sql;
} queries[] = {
    {"table", SQL_state_relation},
    {"view", SQL_state_relation},
    {"materialized view", SQL_state_relation},
    {"foreign table", SQL_state_relation},
    {"sequence", SQL_state_relation},
    {"index", SQL_state_index},
    {"type", SQL_state_type},
    {"domain", SQL_state_type},
    {"function", SQL_state_routine},
    {"procedure", SQL_state_routine},
    {"routine", SQL_state_routine},
    {"aggregate", SQL_state_routine},
    {"trigger", SQL_state_trigger},
    {"policy", SQL_state_policy},
    {"rule", SQL_state_rule},
    {"constraint", SQL_state_constraint},
    {"schema", SQL_state_schema},
    {"extension", SQL_state_extension},
    {"database", SQL_state_database},
    {"user", SQL_state_role},
    {"role", SQL_state_role},
    {"group", SQL_state_role},
    {"publication", SQL_state_publication},
    {"subscription", SQL_state_subscription},
    {"statistics", SQL_state_statistics},
    {"event trigger", SQL_state_event_trigger},
};

static df_code take_state(void *context, const df_row *row, df_error *err)
{
    (void)err;
    df_buf_str_add(context, row->values[0].type == DF_TEXT ? row->values[0].s : DF_STR(""));
    return DF_OK;
}

df_code pg_object_state(df_conn *conn, const char *kind, df_str schema, df_str name, df_str table,
                        df_buf *out, df_error *err)
{
    int64_t ignored;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        if (strcmp(kind, queries[i].kind) != 0) continue;
        df_value params[3] = {df_v_str(schema), df_v_str(name), df_v_str(table)};
        return pg_run(conn, queries[i].sql, params, 3, take_state, out, &ignored, err);
    }
    return df_fail(err, DF_UNSUPPORTED, "PostgreSQL objects of the kind \"%s\" have no state to look up",
                   kind);
}
