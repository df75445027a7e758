/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct history_args {
    const char *table_id, *url, *path;
    int64_t limit;
} history_args;

static const cli_option option_table[] = {
    OPERAND_TABLE_ID(history_args),
    OPTION_DATABASE_URL(history_args),
    {CLI_INTO(history_args, limit), .name = "limit", .arg = "N", .min = 0, .max = INT64_MAX, .def = "0",
     .help = "only the newest N versions (0: all)"},
    {CLI_INTO(history_args, path), .name = "path", .arg = "PATH", .help = "the history of one file instead"},
    {0},
};

typedef struct printer {
    cli_context *cli;
    cli_view *rows;
    int64_t shown;
} printer;

static df_code print_version(void *context, const delta_version_row *v, df_error *err)
{
    printer *p = context;
    cli_view *rows = p->rows;
    p->shown++;
    cli_put_int(rows, v->version);
    cli_put_time(rows, v->timestamp);
    cli_put_str(rows, v->operation);
    cli_put_count(rows, v->added_files);
    cli_put_count(rows, v->removed_files);
    cli_put_count(rows, v->num_files);
    cli_put_bytes(rows, v->size_in_bytes);
    put_count_or_null(rows, v->num_records);
    if (p->cli->json) {
        if (v->commit_info.ptr)
            cli_put_raw(rows, v->commit_info);
        else
            cli_put_null(rows);
    }
    return cli_check_output(p->cli, err);
}

static df_code show_versions(cli_context *cli, delta_catalog *catalog, const delta_table *table,
                             int64_t limit, df_error *err)
{
    static const cli_column columns[] = {
        {.name = "version", .title = "VERSION"},
        {.name = "timestamp", .title = "COMMITTED"},
        {.name = "operation", .title = "OPERATION"},
        {.name = "added_files", .title = "ADDED"},
        {.name = "removed_files", .title = "REMOVED"},
        {.name = "num_files", .title = "FILES"},
        {.name = "size_in_bytes", .title = "SIZE"},
        {.name = "num_records", .title = "RECORDS"},
        {.name = "commit_info"},
    };
    printer p = {.cli = cli, .rows = cli_rows(cli, NULL, columns, cli->json ? 9 : 8, CLI_AUTO)};
    df_code code = delta_versions_each(catalog, table, limit, print_version, &p, err);
    cli_done(p.rows);
    return code;
}

static df_code print_event(void *context, const delta_path_event *e, df_error *err)
{
    printer *p = context;
    p->shown++;
    cli_put_int(p->rows, e->version);
    if (e->removed_version < 0)
        cli_put_null(p->rows);
    else
        cli_put_int(p->rows, e->removed_version);
    cli_put_str(p->rows, e->reason);
    put_bytes_or_null(p->rows, e->size);
    cli_put_str(p->rows, e->dv_id.len ? e->dv_id : DF_STR_NONE);
    return cli_check_output(p->cli, err);
}

static df_code show_path(cli_context *cli, delta_catalog *catalog, const delta_table *table, const char *path,
                         df_error *err)
{
    static const cli_column columns[] = {
        {.name = "version", .title = "ADDED AT"},      {.name = "removed_version", .title = "GONE AT"},
        {.name = "state", .title = "STATE"},           {.name = "size", .title = "SIZE"},
        {.name = "dv_id", .title = "DELETION VECTOR"},
    };
    printer p = {.cli = cli, .rows = cli_rows(cli, NULL, columns, 5, CLI_AUTO)};
    df_code code = delta_path_history(catalog, table, df_str_from(path), print_event, &p, err);
    cli_done(p.rows);
    if (code == DF_OK && !p.shown)
        return df_fail(err, DF_NOT_FOUND, "%.*s never had a file %s in the versions imported",
                       DF_FMT(table->table_id), path);
    return code;
}

static int run(cli_context *cli, const void *values)
{
    const history_args *args = values;
    delta_catalog *catalog;
    delta_table table;
    df_error err = {0};
    if (open_for_asking(cli, args->url, args->table_id, &catalog, &table, &err) != DF_OK)
        return cli_fail(cli, &err);
    df_code code = args->path ? show_path(cli, catalog, &table, args->path, &err)
                              : show_versions(cli, catalog, &table, args->limit, &err);
    delta_catalog_close(catalog);
    return code == DF_OK ? 0 : cli_fail(cli, &err);
}

const cli_command history_command = {
    .name = "history",
    .group = "Ask the catalog",
    .help = "list a table's versions, newest first, or what became of one file",
    .examples = "deltalakedb history orders --database-url sqlite:catalog.db --limit 10\n"
                "deltalakedb history orders --database-url sqlite:catalog.db --path part-00000.parquet",
    .options = option_table,
    .values_size = sizeof(history_args),
    .run = run,
};
