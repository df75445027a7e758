/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows for one table, an INSERT behind the other, where each statement would be a transaction of its own: some share one, which
 * costs a tenth. Only where the engine can take them back together: MyISAM cannot, nor can what a trigger does elsewhere be known.
 */
#include "safety/execution/execution_int.h"

#include <strings.h>

enum { MOST_ROWS_SHARED = 100 }; /* statements: nobody waits long for their locks */

/* INSERT … VALUES; one that selects reads tables, each time perhaps others. */
bool step_is_plain_insert(const df_step *step)
{
    df_str text = step->statement.text;
    if (step->whole || step->facts.cls != DF_SQL_DML || strcmp(step->facts.tag, "INSERT") != 0 || !step->facts.object.name.len) return false;
    for (size_t i = 0; i + 6 <= text.len; i++)
        if ((text.ptr[i] == 's' || text.ptr[i] == 'S') && strncasecmp(text.ptr + i, "select", 6) == 0) return false;
    return true;
}

bool unit_takes_row(const df_steps *steps, const df_unit *unit, size_t at)
{
    const df_step *first = &steps->items[unit->first], *step = &steps->items[at];
    return !unit->roll_back && unit->count < MOST_ROWS_SHARED && step_is_plain_insert(step) && step_is_plain_insert(first) &&
           df_str_eq(step->facts.object.schema, first->facts.object.schema) && df_str_eq(step->facts.object.name, first->facts.object.name);
}

df_code unit_can_share(execution *e, const df_unit *unit, bool *can, df_error *err)
{
    static const char sql[] =
        "SELECT COUNT(*) FROM information_schema.TABLES t JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE"
        " WHERE t.TABLE_SCHEMA = COALESCE(?, DATABASE()) AND t.TABLE_NAME = ? AND e.TRANSACTIONS = 'YES' AND NOT EXISTS (SELECT 1"
        " FROM information_schema.TRIGGERS g WHERE g.EVENT_OBJECT_SCHEMA = COALESCE(?, DATABASE()) AND g.EVENT_OBJECT_TABLE = ?)";
    const df_sql_object *table = &e->steps.items[unit->first].facts.object;
    df_value schema = df_v_str(table->schema.len ? table->schema : DF_STR_NONE), name = df_v_str(table->name), found = DF_V_NULL;
    *can = false;
    df_code code = df_query_value(e->x->conn, sql, (df_value[]){schema, name, schema, name}, 4, &e->arena, &found, err);
    if (code == DF_OK) *can = found.type == DF_INT64 && found.i > 0;
    /* One by one they find out what is wrong, and connect again. */
    return code == DF_CANCELLED ? code : DF_OK;
}
