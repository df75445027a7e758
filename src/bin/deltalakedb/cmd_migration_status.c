/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "base/clock.h"

typedef struct status_args {
    const char *table_id, *url;
} status_args;

static const cli_option option_table[] = {
    {CLI_INTO(status_args, table_id), .name = "table-id", .arg = "ID", .help = "one table only"},
    OPTION_DATABASE_URL(status_args),
    {0},
};

static const cli_column columns[] = {
    {.name = "table_id", .title = "TABLE", .cut = CLI_CUT_MIDDLE},
    {.name = "status", .title = "STATUS"},
    {.name = "version", .title = "VERSION"},
    {.name = "files_processed", .title = "FILES"},
    {.name = "started_at", .title = "STARTED"},
    {.name = "completed_at", .title = "COMPLETED"},
    {.name = "error_message", .title = "ERROR", .cut = CLI_CUT_END},
    /* with --verbose: */
    {.name = "files_total", .title = "OF FILES"},
    {.name = "updated_at", .title = "LAST CHANGE"},
    {.name = "owner", .title = "RUN BY"},
    {.name = "location", .title = "LOCATION", .cut = CLI_CUT_MIDDLE},
    {.name = "warnings", .title = "WARNINGS", .cut = CLI_CUT_END},
};
enum { ALL = sizeof columns / sizeof *columns, FEW = 7 };

static cli_style style_of(df_str status)
{
    if (df_str_is(status, "failed")) return CLI_BAD;
    return df_str_is(status, "completed") ? CLI_GOOD : CLI_WARN;
}

/* The catalog's own times, shorter for people. */
static void put_time(cli_view *rows, df_str time)
{
    int64_t ms;
    if (df_time_parse(time, &ms))
        cli_put_time(rows, ms);
    else
        cli_put_str(rows, time);
}

static void put_status(cli_context *cli, cli_view *rows, const delta_status *s, bool all)
{
    cli_put_str(rows, s->table_id);
    cli_put_styled(rows, style_of(s->status), df_arena_cstr(&cli->arena, s->status));
    if (s->version < 0)
        cli_put_null(rows);
    else
        cli_put_int(rows, s->version);
    cli_put_count(rows, s->files_processed);
    put_time(rows, s->started_at);
    put_time(rows, s->completed_at);
    cli_put_str(rows, s->error_message);
    if (!all) return;
    if (s->files_total < 0)
        cli_put_null(rows);
    else
        cli_put_count(rows, s->files_total);
    put_time(rows, s->updated_at);
    cli_put_str(rows, s->owner);
    cli_put_str(rows, s->location);
    if (s->warnings.ptr && cli->json)
        cli_put_raw(rows, s->warnings);
    else
        cli_put_str(rows, df_str_is(s->warnings, "[]") ? DF_STR_NONE : s->warnings);
}

static int run(cli_context *cli, const void *values)
{
    const status_args *args = values;
    delta_catalog *catalog;
    delta_status *list;
    size_t count;
    df_error err = {0};
    if (delta_catalog_open(args->url, DELTA_CATALOG_READ, &cli->observer, &catalog, &err) != DF_OK)
        return cli_fail(cli, &err);
    df_code code = delta_status_list(catalog, df_str_from(args->table_id), &cli->arena, &list, &count, &err);
    delta_catalog_close(catalog);
    if (code != DF_OK) return cli_fail(cli, &err);
    bool all = cli->verbose || cli->json;
    if (!count) {
        if (args->table_id)
            cli_say(cli, "No migration status found for table: %s", args->table_id);
        else
            cli_say(cli, "No migration status found");
    }
    if (count || cli->json) {
        cli_view *rows = cli_rows(cli, NULL, columns, all ? ALL : FEW, CLI_AUTO);
        for (size_t i = 0; i < count; i++) put_status(cli, rows, &list[i], all);
        cli_done(rows);
    }
    return 0;
}

const cli_command migration_status_command = {
    .name = "migration-status",
    .group = "Ask the catalog",
    .help = "show how far each table's import has come",
    .manual = "Status is `pending`, `running`, `completed` or `failed`. An import that died without a word "
              "is shown as `failed`, with "
              "how to go on. A table that the catalog does not know gives an empty answer and status 0, so "
              "that the command also "
              "serves as a test of the connection.",
    .examples = "deltalakedb migration-status --database-url sqlite:catalog.db\n"
                "watch -n 30 'deltalakedb migration-status --database-url $DB_URL'",
    .options = option_table,
    .values_size = sizeof(status_args),
    .run = run,
};
