/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct discover_args {
    const char *path;
    bool recursive;
} discover_args;

static const cli_option option_table[] = {
    {CLI_INTO(discover_args, path), .name = "DIR", .operand = true, .required = true,
     .help = "the folder to look in; it may be a table itself"},
    {CLI_INTO(discover_args, recursive), .name = "recursive", .letter = 'r', .help = "look at any depth"},
    {0},
};

static int run(cli_context *cli, const void *values)
{
    static const cli_column columns[] = {
        {.name = "path", .title = "PATH", .cut = CLI_CUT_NEVER},
        {.name = "table_id", .title = "TABLE ID", .cut = CLI_CUT_NEVER},
        {.name = "version", .title = "VERSION"},
    };
    const discover_args *args = values;
    df_delta_discovery found;
    df_error err = {0};
    df_code code = df_delta_discover(args->path, args->recursive, &cli->observer, &found, &err);
    if (code != DF_OK) {
        df_delta_discovery_release(&found);
        return cli_fail(cli, &err);
    }
    cli_say(cli, "Found %zu Delta table%s%s", found.count, found.count == 1 ? "" : "s",
            found.count ? ":" : "");
    cli_view *record = cli->json ? cli_record(cli, NULL) : NULL;
    if (record) cli_put_count(cli_field(record, "found", NULL), (int64_t)found.count);
    if (found.count || record) {
        cli_view *rows = cli_rows(cli, "tables", columns, 3, CLI_AUTO);
        for (size_t i = 0; i < found.count; i++) {
            cli_put_text(rows, found.tables[i].path);
            cli_put_text(rows, found.tables[i].table_id);
            if (found.tables[i].version < 0)
                cli_put_null(rows);
            else
                cli_put_int(rows, found.tables[i].version);
        }
        cli_done(rows);
    }
    show_warnings(cli, "warnings", found.warnings, found.n_warnings);
    if (record) cli_done(record);
    if (!found.count && !args->recursive) cli_note(cli, "look deeper with --recursive");
    df_delta_discovery_release(&found);
    return 0;
}

const cli_command discover_command = {
    .name = "discover",
    .group = "Bring tables into the catalog",
    .help = "find Delta tables below a folder",
    .manual = "Looks at the folder itself and at the folders in it; with `--recursive` at any depth. Hidden "
              "folders and those that begin "
              "with an underscore are left out, links that lead in circles are followed once.",
    .examples = "deltalakedb discover /data --recursive",
    .options = option_table,
    .values_size = sizeof(discover_args),
    .run = run,
};
