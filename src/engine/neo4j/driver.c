/* SPDX-License-Identifier: Apache-2.0 */
/* Neo4j, over Bolt. */
#include "engine/neo4j/graph.h"
#include "engine/neo4j/private.h"

extern const df_driver df_neo4j_driver;

static const char *const schemes[] = {"bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc", NULL};

const df_driver df_neo4j_driver = {
    .name = "neo4j",
    .schemes = schemes,
    .caps = DF_CAP_SERVER | DF_CAP_CONCURRENT_WRITES,
    .dialect = &df_sql_cypher,
    .conn_size = sizeof(neo_conn),
    .open = neo_open,
    .close = neo_close,
    .run = neo_run,
    .begin = neo_begin,
    .commit = neo_commit,
    .rollback = neo_rollback,
    .bulk_load = neo_bulk_load,
    .try_lock = neo_try_lock,
    .unlock = neo_unlock,
    .lock_held = neo_lock_held,
    .in_transaction = neo_in_transaction,
    .set_limits = neo_set_limits,
    .reset = neo_session_reset,
    .session_get = neo_session_get,
    .savepoint = neo_savepoint,
    .rollback_to = neo_rollback_to,
    .inspect = neo_inspect,
    .object_state = neo_object_state,
    .cancel = neo_cancel,
    .session_alive = neo_session_alive,
    .session_end = neo_session_end,
    .explain = neo_explain,
    .settle_schema = neo_settle_schema,
    .exec_many = neo_exec_many,
    .content = neo_content,
    .dump = neo_dump,
    .dump_content = neo_dump_content,
    .load = neo_load,
    .wipe = neo_wipe,
};
