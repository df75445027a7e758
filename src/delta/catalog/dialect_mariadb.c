/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/catalog/catalog_int.h"

#include "catalog_schema_mariadb.h"

const delta_dialect delta_dialect_mariadb = {
    .engine = "mariadb",
    .schema = SQL_schema,
    .has_catalog = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() "
                   "AND table_name = 'delta_catalog'",
    .scope = "SELECT DATABASE()",
    /* No gap locks: imports of neighbouring tables must not wait for each other. */
    .session = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    .now = "UTC_TIMESTAMP(6)",
    .lease = "UTC_TIMESTAMP(6) + INTERVAL 60 SECOND",
    .join = "STRAIGHT_JOIN",
    .time_open = "CAST(",
    .time_close = " AS CHAR)",
    .make_ending =
        "CREATE TEMPORARY TABLE IF NOT EXISTS delta_ending (file_id BIGINT PRIMARY KEY, removed_version "
        "BIGINT, "
        "reason VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin, deletion_timestamp BIGINT, "
        "removed_data_change TINYINT(1))",
    .delete_ending = "DELETE f FROM delta_ending e STRAIGHT_JOIN delta_files f ON f.table_id = ? "
                     "AND f.file_id = e.file_id",
};
