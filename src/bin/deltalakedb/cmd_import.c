/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct import_args {
    const char *path, *url, *table_id, *history;
    int64_t batch_size, wait;
    bool resume, dry_run, force;
} import_args;

static const cli_option option_table[] = {
    {CLI_INTO(import_args, path), .name = "PATH", .operand = true, .required = true,
     .help = "the table's folder, the one that holds _delta_log"},
    OPTION_DATABASE_URL(import_args),
    {CLI_INTO(import_args, table_id), .name = "table-id", .arg = "ID",
     .help = "id of the table in the catalog (default: the folder's name)"},
    {CLI_INTO(import_args, history), .name = "history", .arg = "WHICH", .choices = "full|latest",
     .def = "full", .help = "every version that can be reached, or only from the newest checkpoint on"},
    {CLI_INTO(import_args, batch_size), .name = "batch-size", .arg = "N", .min = 1, .max = 10000000,
     .def = "1000", .help = "file actions in a transaction, at least",
     .manual = "Versions are never split: a transaction holds whole versions, as many as it takes to reach N "
               "files."},
    {CLI_INTO(import_args, resume), .name = "resume", .help = "go on where an interrupted import stopped"},
    {CLI_INTO(import_args, dry_run), .name = "dry-run", .help = "touch nothing, say what would happen"},
    {CLI_INTO(import_args, force), .name = "force",
     .help = "import also what only its own catalog, or a newer program, reads rightly",
     .manual = "Tables with unknown reader features, and tables whose commits are managed by a catalog, are "
               "refused. "
               "With `--force` they are imported as far as their files tell, and marked."},
    {CLI_INTO(import_args, wait), .name = "wait", .arg = "SECONDS", .min = 0, .max = 86400, .def = "0",
     .help = "wait for another import of the same table to end"},
    {0},
};

static int run(cli_context *cli, const void *values)
{
    const import_args *args = values;
    df_delta_import_options options = {
        .path = args->path,
        .database_url = args->url,
        .table_id = args->table_id,
        .latest_only = strcmp(args->history, "latest") == 0,
        .batch_size = args->batch_size,
        .resume = args->resume,
        .dry_run = args->dry_run,
        .force = args->force,
        .wait_ms = args->wait * 1000,
        .observer = &cli->observer,
    };
    df_delta_import_report report;
    df_error err = {0};
    df_code code = df_delta_import(&options, &report, &err);
    int status = 0;
    if (code != DF_OK) {
        if (!cli->json) show_warnings(cli, "warnings", report.warnings, report.n_warnings);
        status = cli_fail(cli, &err);
    } else {
        cli_view *record = cli_record(cli, NULL);
        show_import(cli, record, &report);
        show_warnings(cli, "warnings", report.warnings, report.n_warnings);
        cli_done(record);
        if (args->dry_run) cli_say(cli, "Nothing was changed.");
    }
    df_delta_import_release(&report);
    return status;
}

const cli_command import_command = {
    .name = "import",
    .alias = "import-table",
    .group = "Bring tables into the catalog",
    .help = "import a table's log into the catalog, or bring it up to date",
    .manual = "Reads `_delta_log` once, at one fixed version, and loads every version that can be reached. A "
              "version becomes "
              "visible whole or not at all. Run again, it applies what came since; what is complete and "
              "unchanged costs a look.\n\n"
              "Killed at any moment, `--resume` goes on behind the last visible version; the result is that "
              "of an undisturbed "
              "import. Damaged files are gone around where another way leads to the same version, and each "
              "such fallback is named.",
    .examples =
        "deltalakedb import /data/orders --database-url sqlite:///var/lib/catalog.db\n"
        "deltalakedb import /data/orders --database-url postgresql://etl@db/catalog --table-id sales.orders\n"
        "deltalakedb import /data/orders --database-url sqlite:catalog.db --dry-run --verbose",
    .options = option_table,
    .values_size = sizeof(import_args),
    .run = run,
};
