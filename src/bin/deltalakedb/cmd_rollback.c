/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct rollback_args {
    const char *table_id, *url;
    bool yes;
} rollback_args;

static const cli_option option_table[] = {
    OPERAND_TABLE_ID(rollback_args),
    OPTION_DATABASE_URL(rollback_args),
    {CLI_INTO(rollback_args, yes), .name = "yes", .letter = 'y', .help = "do it without asking"},
    {0},
};

static int run(cli_context *cli, const void *values)
{
    const rollback_args *args = values;
    df_error err = {0};
    if (!cli_confirm(cli, args->yes, "Remove every row of %s from the catalog?", args->table_id)) {
        df_fail(&err, DF_REFUSED, "nothing was removed: rollback needs --yes");
        df_error_hint(&err, "deltalakedb verify-rollback %s proves first that the log is enough",
                      args->table_id);
        return cli_fail(cli, &err);
    }
    int64_t rows = 0;
    if (df_delta_rollback(args->url, args->table_id, &cli->observer, &rows, &err) != DF_OK)
        return cli_fail(cli, &err);
    cli_view *record = cli_record(cli, NULL);
    cli_put_text(cli_field(record, "table_id", "Table"), args->table_id);
    cli_put_text(cli_field(record, "status", "Status"), "rolled back");
    cli_put_count(cli_field(record, "rows_removed", "Rows removed"), rows);
    cli_done(record);
    cli_say(cli,
            "What remains: the table itself, its data files and its _delta_log, which were never touched. "
            "Readers use the log again.");
    return 0;
}

const cli_command rollback_command = {
    .name = "rollback",
    .group = "Go back",
    .help = "remove a table's rows from the catalog, in one transaction",
    .examples = "deltalakedb rollback orders --database-url sqlite:catalog.db --yes",
    .options = option_table,
    .values_size = sizeof(rollback_args),
    .run = run,
};
