/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of deltalakedb, one file each. To add one: a file cmd_NAME.c that ends with its cli_command, a
 * line here, a line in commands.c, the file in meson.build, and a test in tests/cli.
 */
#ifndef DF_BIN_DELTALAKEDB_COMMANDS_H
#define DF_BIN_DELTALAKEDB_COMMANDS_H

#include "base/error.h"
#include "cli/cli.h"
#include "delta/catalog/catalog.h"

#include <dataflow/delta.h>

extern const cli_command import_command, batch_import_command, discover_command, validate_command,
    sync_command, migration_status_command, performance_compare_command, verify_rollback_command,
    rollback_command, check_command, snapshot_command, files_command, history_command, diff_command,
    schema_command, export_command, init_command, upgrade_command;

extern const cli_program deltalakedb_program;

/* ---- options that several commands share ---- */

#define OPTION_DATABASE_URL(struct_)                                                                         \
    {                                                                                                        \
        CLI_INTO(struct_, url),                                                                              \
            .name = "database-url", .arg = "URL", .required = true, .secret = true,                          \
            .env = "DELTALAKEDB_DATABASE_URL",                                                               \
            .help = "the catalog's database: sqlite:, postgresql: or mysql:",                                \
            .manual =                                                                                        \
                "`sqlite:///absolute/path.db`, `sqlite:relative.db`, `postgresql://user@host/db`, "          \
                "`mysql://user@host/db` or `mariadb://…`. On PostgreSQL, `?schema=NAME` puts the catalog " \
                "into a schema of its own. Passwords are better kept in PGPASSWORD, ~/.pgpass or an option " \
                "file."                                                                                      \
    }

#define OPERAND_TABLE_ID(struct_)                                                                            \
    {                                                                                                        \
        CLI_INTO(struct_, table_id), .name = "TABLE_ID", .operand = true, .required = true,                  \
                                     .help = "the table's id in the catalog"                                 \
    }

#define OPTION_AS_OF(struct_)                                                                                \
    {CLI_INTO(struct_, version),                                                                             \
     .name = "version",                                                                                      \
     .arg = "N",                                                                                             \
     .min = 0,                                                                                               \
     .max = INT64_MAX,                                                                                       \
     .help = "as it was at version N (default: the newest)"},                                                \
    {                                                                                                        \
        CLI_INTO(struct_, timestamp),                                                                        \
            .name = "timestamp", .arg = "TIME", .after = CLI_ONE_OF,                                         \
            .help = "as it was at a time: 2026-11-20T08:30:00Z, a date, or milliseconds since 1970"          \
    }

/* From the two options above; DF_USAGE for a time that cannot be read. */
DF_MUST_USE df_code parse_as_of(int64_t version, const char *timestamp, delta_as_of *out, df_error *err);

/* ---- what several commands print ---- */

/* For JSON the member `name`; for people a list, when there are any. */
void show_warnings(cli_context *cli, const char *name, const df_delta_warning *warnings, size_t count);
void show_checks(cli_context *cli, const df_delta_check *checks, size_t count);
/* The fields of an import's report into an open record. */
void show_import(cli_context *cli, cli_view *record, const df_delta_import_report *report);
/* A count that may not be known. */
void put_count_or_null(cli_view *view, int64_t value);
void put_bytes_or_null(cli_view *view, int64_t value);
void put_time_or_null(cli_view *view, int64_t ms);

/* Opens the catalog and the table for a command that only asks. */
DF_MUST_USE df_code open_for_asking(cli_context *cli, const char *url, const char *table_id,
                                    delta_catalog **catalog, delta_table *table, df_error *err);

#endif
