/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct export_args {
    const char *table_id, *directory, *url;
} export_args;

static const cli_option option_table[] = {
    OPERAND_TABLE_ID(export_args),
    {CLI_INTO(export_args, directory), .name = "DIR", .operand = true, .required = true,
     .help = "the folder in which _delta_log is made"},
    OPTION_DATABASE_URL(export_args),
    {0},
};

static int run(cli_context *cli, const void *values)
{
    const export_args *args = values;
    df_delta_export_report r;
    df_error err = {0};
    int status = 0;
    if (df_delta_export(args->url, args->table_id, args->directory, &cli->observer, &r, &err) != DF_OK) {
        status = cli_fail(cli, &err);
    } else {
        cli_view *record = cli_record(cli, NULL);
        cli_put_text(cli_field(record, "table_id", "Table"), args->table_id);
        cli_put_text(cli_field(record, "directory", "Written to"), r.directory);
        cli_put_int(cli_field(record, "version", "Version"), r.version);
        cli_put_count(cli_field(record, "commits", "Commits"), r.commits);
        cli_put_count(cli_field(record, "fillers", "of them empty"), r.fillers);
        cli_put_count(cli_field(record, "files", "Files added in them"), r.files);
        cli_done(record);
        if (r.fillers)
            cli_say(cli,
                    "The history before version %lld was not in the log any more: those commits are empty.",
                    (long long)r.first_version);
    }
    df_delta_export_release(&r);
    return status;
}

const cli_command export_command = {
    .name = "export",
    .group = "Go back",
    .help = "write a _delta_log from the catalog, as JSON commits",
    .manual = "Any reader of Delta Lake accepts the result. Version numbers are kept; paths are written as "
              "the original log had them, so a "
              "relative path is relative to DIR. An existing log is never touched.",
    .examples = "deltalakedb export orders /restore/orders --database-url sqlite:catalog.db",
    .options = option_table,
    .values_size = sizeof(export_args),
    .run = run,
};
