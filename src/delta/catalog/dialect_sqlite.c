/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/catalog/catalog_int.h"

#include "catalog_schema_sqlite.h"

const delta_dialect delta_dialect_sqlite = {
    .engine = "sqlite",
    .schema = SQL_schema,
    .has_catalog = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'delta_catalog'",
    /* The lock lies beside the database file, so that its name need not tell the catalog. */
    .scope = "SELECT ''",
    .now = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
    .lease = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+60 seconds')",
    .join = "CROSS JOIN",
    .time_open = "",
    .time_close = "",
    .make_ending =
        "CREATE TEMP TABLE IF NOT EXISTS delta_ending (file_id INTEGER PRIMARY KEY, removed_version INTEGER, "
        "reason TEXT, deletion_timestamp INTEGER, removed_data_change INTEGER)",
    .delete_ending =
        "DELETE FROM delta_files WHERE table_id = ? AND file_id IN (SELECT file_id FROM delta_ending)",
};
