/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct diff_args {
    const char *table_id, *url;
    int64_t from, to;
} diff_args;

static const cli_option option_table[] = {
    OPERAND_TABLE_ID(diff_args),
    {CLI_INTO(diff_args, from), .name = "V1", .operand = true, .required = true, .min = 0, .max = INT64_MAX,
     .help = "the version to start from"},
    {CLI_INTO(diff_args, to), .name = "V2", .operand = true, .required = true, .min = 0, .max = INT64_MAX,
     .help = "the version to compare it with"},
    OPTION_DATABASE_URL(diff_args),
    {0},
};

typedef struct printer {
    cli_context *cli;
    cli_view *rows;
    int64_t added, removed, changed;
} printer;

static df_code print_change(void *context, char change, const delta_file *file, df_error *err)
{
    printer *p = context;
    p->added += change == '+';
    p->removed += change == '-';
    p->changed += change == '~';
    const char text[2] = {change, '\0'};
    cli_put_styled(p->rows, change == '+' ? CLI_GOOD : change == '-' ? CLI_BAD : CLI_WARN, text);
    cli_put_str(p->rows, file->path);
    put_bytes_or_null(p->rows, file->size);
    put_count_or_null(p->rows, file->num_records);
    if (file->partition_values.ptr)
        cli_put_raw(p->rows, file->partition_values);
    else
        cli_put_null(p->rows);
    cli_put_str(p->rows, file->dv_id.len ? file->dv_id : DF_STR_NONE);
    return cli_check_output(p->cli, err);
}

static df_code show(cli_context *cli, delta_catalog *catalog, const delta_table *table, const diff_args *args,
                    df_error *err)
{
    static const cli_column columns[] = {
        {.name = "change", .title = " "},
        {.name = "path", .title = "PATH", .cut = CLI_CUT_MIDDLE},
        {.name = "size", .title = "SIZE"},
        {.name = "num_records", .title = "RECORDS"},
        {.name = "partition_values", .title = "PARTITION", .cut = CLI_CUT_END},
        {.name = "dv_id", .title = "DELETION VECTOR", .cut = CLI_CUT_END},
    };
    printer p = {.cli = cli, .rows = cli_rows(cli, NULL, columns, 6, CLI_AUTO)};
    df_code code = delta_diff(catalog, table, args->from, args->to, print_change, &p, err);
    cli_done(p.rows);
    if (code == DF_OK)
        cli_note(cli, "%lld added, %lld removed, %lld changed", (long long)p.added, (long long)p.removed,
                 (long long)p.changed);
    return code;
}

static int run(cli_context *cli, const void *values)
{
    const diff_args *args = values;
    delta_catalog *catalog;
    delta_table table;
    df_error err = {0};
    if (open_for_asking(cli, args->url, args->table_id, &catalog, &table, &err) != DF_OK)
        return cli_fail(cli, &err);
    df_code code = show(cli, catalog, &table, args, &err);
    delta_catalog_close(catalog);
    return code == DF_OK ? 0 : cli_fail(cli, &err);
}

const cli_command diff_command = {
    .name = "diff",
    .group = "Ask the catalog",
    .help = "compare the files of two versions",
    .manual =
        "`+` is live in V2 only, `-` in V1 only, `~` in both, but not the same (new statistics or tags).",
    .examples = "deltalakedb diff orders 10 14 --database-url sqlite:catalog.db",
    .options = option_table,
    .values_size = sizeof(diff_args),
    .run = run,
};
