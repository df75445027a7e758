/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct files_args {
    const char *table_id, *url, *timestamp, *where, *format;
    int64_t version;
} files_args;

static const cli_option option_table[] = {
    OPERAND_TABLE_ID(files_args),
    OPTION_DATABASE_URL(files_args),
    OPTION_AS_OF(files_args),
    {CLI_INTO(files_args, where), .name = "where", .arg = "EXPR",
     .help = "only files that may hold a row for which this is true",
     .manual = "Comparisons, AND, OR, NOT, IN, BETWEEN, IS NULL and LIKE on partition columns and on columns "
               "with statistics, typed by "
               "the table's schema: `region = 'EU' AND price >= 9.5`. A file that could match is never left "
               "out. docs/where.md has it all."},
    {CLI_INTO(files_args, format), .name = "format", .arg = "FORMAT", .choices = "table|json|csv|paths",
     .def = "table", .help = "how the list is written"},
    {0},
};

/* The view begins with the first file: an expression that is wrong prints no empty table. */
typedef struct printer {
    cli_context *cli;
    cli_view *rows;
    cli_format format;
    bool paths;
} printer;

static const cli_column columns[] = {
    {.name = "path", .title = "PATH", .cut = CLI_CUT_MIDDLE},
    {.name = "size", .title = "SIZE"},
    {.name = "num_records", .title = "RECORDS"},
    {.name = "deleted_records", .title = "DELETED"},
    {.name = "version", .title = "ADDED AT"},
    {.name = "modification_time", .title = "MODIFIED"},
    {.name = "partition_values", .title = "PARTITION", .cut = CLI_CUT_END},
    {.name = "deletion_vector", .title = "DELETION VECTOR", .cut = CLI_CUT_END},
};

static cli_view *rows_of(printer *p)
{
    size_t n = p->paths ? 1 : sizeof columns / sizeof *columns;
    if (!p->rows) p->rows = cli_rows(p->cli, NULL, columns, n, p->format);
    return p->rows;
}

static df_code print_file(void *context, const delta_file *file, int64_t version, df_error *err)
{
    printer *p = context;
    cli_view *rows = rows_of(p);
    cli_put_str(rows, file->path);
    if (!p->paths) {
        put_bytes_or_null(rows, file->size);
        put_count_or_null(rows, file->num_records);
        cli_put_count(rows, file->dv_cardinality);
        cli_put_int(rows, version);
        put_time_or_null(rows, file->modification_time);
        if (file->partition_values.ptr)
            cli_put_raw(rows, file->partition_values);
        else
            cli_put_null(rows);
        if (file->deletion_vector.ptr)
            cli_put_raw(rows, file->deletion_vector);
        else
            cli_put_null(rows);
    }
    return cli_check_output(p->cli, err);
}

static cli_format format_of(cli_context *cli, const char *name)
{
    if (strcmp(name, "json") == 0) return CLI_AS_JSON;
    if (strcmp(name, "csv") == 0) return CLI_AS_CSV;
    if (strcmp(name, "paths") == 0) return CLI_AS_LINES;
    return cli->json ? CLI_AS_JSON : CLI_AS_TABLE;
}

static int run(cli_context *cli, const void *values)
{
    const files_args *args = values;
    delta_catalog *catalog;
    delta_table table;
    delta_files_query query = {.where = args->where, .ordered = true};
    delta_files_report report = {0};
    df_error err = {0};
    if (parse_as_of(args->version, args->timestamp, &query.as_of, &err) != DF_OK ||
        open_for_asking(cli, args->url, args->table_id, &catalog, &table, &err) != DF_OK)
        return cli_fail(cli, &err);
    cli_format format = format_of(cli, args->format);
    printer p = {.cli = cli, .format = format, .paths = format == CLI_AS_LINES};
    df_code code = delta_files_each(catalog, &table, &query, print_file, &p, &report, &err);
    if (code == DF_OK || p.rows) cli_done(rows_of(&p));
    delta_catalog_close(catalog);
    if (code != DF_OK) return cli_fail(cli, &err);
    if (args->where && format == CLI_AS_TABLE)
        cli_note(cli, "%lld of %lld files may match at version %lld", (long long)report.files,
                 (long long)report.total_files, (long long)report.version);
    return 0;
}

const cli_command files_command = {
    .name = "files",
    .group = "Ask the catalog",
    .help = "list a table's files, also as they were, also only those that may match",
    .examples = "deltalakedb files orders --database-url sqlite:catalog.db --where \"region = 'EU' AND price "
                ">= 9.5\"\n"
                "deltalakedb files orders --database-url sqlite:catalog.db --version 12 --format paths",
    .options = option_table,
    .values_size = sizeof(files_args),
    .run = run,
};
