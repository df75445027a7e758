/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct batch_args {
    const char *path, *url, *history;
    cli_list exclude;
    int64_t parallel, batch_size, wait;
    bool resume, dry_run, force;
} batch_args;

static const cli_option option_table[] = {
    {CLI_INTO(batch_args, path), .name = "DIR", .operand = true, .required = true,
     .help = "the folder below which tables are looked for, at any depth"},
    OPTION_DATABASE_URL(batch_args),
    {CLI_INTO(batch_args, parallel), .name = "parallel", .arg = "N", .min = 1, .max = 64, .def = "1",
     .help = "tables imported at the same time, each over a connection of its own"},
    {CLI_INTO(batch_args, exclude), .name = "exclude", .arg = "GLOB",
     .help = "leave out tables whose id, folder or path matches; may be repeated",
     .manual = "A word without `*`, `?` and `[` is found anywhere in the id or the folder's name."},
    {CLI_INTO(batch_args, history), .name = "history", .arg = "WHICH", .choices = "full|latest",
     .def = "full", .help = "every version that can be reached, or only from the newest checkpoint on"},
    {CLI_INTO(batch_args, batch_size), .name = "batch-size", .arg = "N", .min = 1, .max = 10000000,
     .def = "1000", .help = "file actions in a transaction, at least"},
    {CLI_INTO(batch_args, resume), .name = "resume",
     .help = "go on with tables whose import was interrupted"},
    {CLI_INTO(batch_args, dry_run), .name = "dry-run", .help = "touch nothing, say what would happen"},
    {CLI_INTO(batch_args, force), .name = "force",
     .help = "import also what only its own catalog, or a newer program, reads rightly"},
    {CLI_INTO(batch_args, wait), .name = "wait", .arg = "SECONDS", .min = 0, .max = 86400, .def = "0",
     .help = "wait for another import of the same table to end"},
    {0},
};

static void show_items(cli_context *cli, const df_delta_batch_report *report)
{
    static const cli_column columns[] = {
        {.name = "table_id", .title = "TABLE", .cut = CLI_CUT_MIDDLE},
        {.name = "status", .title = "STATUS"},
        {.name = "version", .title = "VERSION"},
        {.name = "files_processed", .title = "PROCESSED"},
        {.name = "num_files", .title = "LIVE FILES"},
        {.name = "duration_s", .title = "DURATION"},
        {.name = "warnings", .title = "WARNINGS"},
        {.name = "path", .title = "PATH", .cut = CLI_CUT_MIDDLE},
        {.name = "error", .title = "ERROR", .cut = CLI_CUT_END},
    };
    bool errors = cli->json || report->failed;
    cli_view *rows = cli_rows(cli, "tables", columns, errors ? 9 : 8, CLI_AUTO);
    for (size_t i = 0; i < report->count; i++) {
        const df_delta_batch_item *item = &report->items[i];
        bool failed = item->code != DF_OK;
        cli_put_text(rows, item->table.table_id);
        if (failed)
            cli_put_styled(rows, CLI_BAD, "failed");
        else
            cli_put_text(rows, item->report.status);
        if (item->report.version < 0 || !item->report.status)
            cli_put_null(rows);
        else
            cli_put_int(rows, item->report.version);
        cli_put_count(rows, item->report.files_processed);
        if (item->report.status)
            put_count_or_null(rows, item->report.num_files);
        else
            cli_put_null(rows);
        cli_put_duration(rows, item->report.duration_s);
        cli_put_count(rows, (int64_t)item->report.n_warnings);
        cli_put_text(rows, item->table.path);
        if (errors) cli_put_text(rows, failed ? item->error.message : NULL);
    }
    cli_done(rows);
}

static void show_renamed(cli_context *cli, const df_delta_batch_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->items[i].table.renamed)
            cli_note(cli, "several tables have the same folder name: %s got the id %s",
                     report->items[i].table.path, report->items[i].table.table_id);
}

static int run(cli_context *cli, const void *values)
{
    const batch_args *args = values;
    df_delta_batch_options options = {
        .path = args->path,
        .database_url = args->url,
        .exclude = args->exclude.items,
        .n_exclude = args->exclude.count,
        .parallel = args->parallel,
        .latest_only = strcmp(args->history, "latest") == 0,
        .resume = args->resume,
        .dry_run = args->dry_run,
        .force = args->force,
        .batch_size = args->batch_size,
        .wait_ms = args->wait * 1000,
        .observer = &cli->observer,
    };
    df_delta_batch_report report;
    df_error err = {0};
    df_code code = df_delta_batch_import(&options, &report, &err);
    int status = 0;
    if (!report.count && code != DF_OK) {
        status = cli_fail(cli, &err);
    } else {
        show_renamed(cli, &report);
        cli_view *record = cli_record(cli, NULL);
        cli_put_count(cli_field(record, "found", "Tables found"), (int64_t)(report.count + report.excluded));
        cli_put_count(cli_field(record, "excluded", "Excluded"), (int64_t)report.excluded);
        cli_put_count(cli_field(record, "succeeded", "Succeeded"), (int64_t)(report.count - report.failed));
        cli_put_count(cli_field(record, "failed", "Failed"), (int64_t)report.failed);
        cli_put_duration(cli_field(record, "duration_s", "Duration"), report.duration_s);
        show_items(cli, &report);
        cli_done(record);
        if (args->dry_run) cli_say(cli, "Nothing was changed.");
        if (code != DF_OK) {
            cli_note(cli, "%s; %s", err.message, err.hint);
            status = df_code_exit_status(code);
        }
    }
    df_delta_batch_release(&report);
    return status;
}

const cli_command batch_import_command = {
    .name = "batch-import",
    .group = "Bring tables into the catalog",
    .help = "import every table below a folder",
    .manual = "Goes on past tables that fail, and ends with a non-zero status when any did. Never asks a "
              "question. Tables that share a "
              "folder name get their relative path as id, and the batch says so.",
    .examples =
        "deltalakedb batch-import /data --database-url sqlite:///var/lib/catalog.db --parallel 4\n"
        "deltalakedb batch-import /data --database-url sqlite:catalog.db --exclude '_tmp' --exclude 'test*'",
    .options = option_table,
    .values_size = sizeof(batch_args),
    .run = run,
};
