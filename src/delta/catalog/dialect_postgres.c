/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/catalog/catalog_int.h"

#include "catalog_schema_postgres.h"

const delta_dialect delta_dialect_postgres = {
    .engine = "postgres",
    .schema = SQL_schema,
    .has_catalog =
        "SELECT COUNT(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = current_schema() AND c.relname = 'delta_catalog'",
    .scope = "SELECT current_schema()",
    /* search_path names a schema that is not there: the URL's ?schema=. */
    .make_scope =
        "SELECT 'CREATE SCHEMA IF NOT EXISTS ' || split_part(current_setting('search_path'), ',', 1) "
        "WHERE current_schema() IS NULL",
    /* An expression over several columns becomes a semi-join for each. All of them start from delta_files; left to
       itself the planner, which may expect one row of each, joins them with each other first. */
    .session = "SET join_collapse_limit = 1",
    .now = "clock_timestamp()",
    .lease = "clock_timestamp() + interval '60 seconds'",
    .join = "JOIN",
    .time_open = "CAST(",
    .time_close = " AT TIME ZONE 'UTC' AS TEXT)",
    .make_ending =
        "CREATE TEMP TABLE IF NOT EXISTS delta_ending (file_id BIGINT, removed_version BIGINT, reason TEXT, "
        "deletion_timestamp BIGINT, removed_data_change BOOLEAN)",
    /* The temporary table has no statistics; a plan that reads all of delta_files for it would be wrong for
       every group. */
    .plan_ending =
        "SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), "
        "set_config('jit', 'off', true)",
    .delete_ending =
        "DELETE FROM delta_files f USING delta_ending e WHERE f.table_id = ? AND f.file_id = e.file_id",
};
