/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <time.h>

typedef struct sync_args {
    const char *table_id, *url;
    bool all, follow, force;
    int64_t interval, batch_size, wait;
} sync_args;

static const cli_option option_table[] = {
    {CLI_INTO(sync_args, table_id), .name = "table-id", .arg = "ID", .required = true,
     .help = "the table to bring up to date"},
    {CLI_INTO(sync_args, all), .name = "all", .after = CLI_ONE_OF, .help = "every table of the catalog"},
    OPTION_DATABASE_URL(sync_args),
    {CLI_INTO(sync_args, follow), .name = "follow", .help = "keep doing so until interrupted"},
    {CLI_INTO(sync_args, interval), .name = "interval", .arg = "S", .min = 1, .max = 86400, .def = "10",
     .help = "seconds between two looks when following"},
    {CLI_INTO(sync_args, batch_size), .name = "batch-size", .arg = "N", .min = 1, .max = 10000000,
     .def = "1000", .help = "file actions in a transaction, at least"},
    {CLI_INTO(sync_args, force), .name = "force",
     .help = "go on also when the table now needs features that this program does not know"},
    {CLI_INTO(sync_args, wait), .name = "wait", .arg = "SECONDS", .min = 0, .max = 86400, .def = "0",
     .help = "wait for another import of the same table to end"},
    {0},
};

static const cli_column columns[] = {
    {.name = "table_id", .title = "TABLE", .cut = CLI_CUT_MIDDLE},
    {.name = "status", .title = "STATUS"},
    {.name = "resumed_from", .title = "FROM"},
    {.name = "version", .title = "TO"},
    {.name = "versions", .title = "APPLIED"},
    {.name = "files_processed", .title = "FILES"},
    {.name = "duration_s", .title = "DURATION"},
    {.name = "error", .title = "ERROR"},
};

/* While following, a table is opened only when there is something to show. */
typedef struct printer {
    cli_context *cli;
    cli_view *rows;
    bool only_changes;
} printer;

static void open_rows(printer *p)
{
    if (!p->rows) p->rows = cli_rows(p->cli, NULL, columns, sizeof columns / sizeof *columns, CLI_AUTO);
}

static void put_version(cli_view *rows, int64_t version)
{
    if (version < 0)
        cli_put_null(rows);
    else
        cli_put_int(rows, version);
}

static df_code sync_one(printer *p, const sync_args *args, const char *table_id, df_error *err)
{
    df_delta_sync_options options = {
        .database_url = args->url,
        .table_id = table_id,
        .force = args->force,
        .batch_size = args->batch_size,
        .wait_ms = args->wait * 1000,
        .observer = &p->cli->observer,
    };
    df_delta_import_report r;
    df_code code = df_delta_sync(&options, &r, err);
    if (code != DF_OK || !p->only_changes || r.versions) {
        open_rows(p);
        cli_view *rows = p->rows;
        cli_put_text(rows, table_id);
        cli_put_styled(rows, code == DF_OK ? CLI_PLAIN : CLI_BAD, code == DF_OK ? r.status : "failed");
        put_version(rows, r.resumed_from);
        put_version(rows, r.version);
        cli_put_count(rows, r.versions);
        cli_put_count(rows, r.files_processed);
        cli_put_duration(rows, r.duration_s);
        cli_put_text(rows, code == DF_OK ? NULL : err->message);
    }
    df_delta_import_release(&r);
    return code;
}

static df_code list_ids(cli_context *cli, const sync_args *args, df_arena *arena, delta_table **tables,
                        size_t *count, df_error *err)
{
    delta_catalog *catalog;
    DF_TRY(delta_catalog_open(args->url, DELTA_CATALOG_READ, &cli->observer, &catalog, err));
    df_code code = delta_tables_list(catalog, arena, tables, count, err);
    delta_catalog_close(catalog);
    return code;
}

/* All tables once. A failing one does not keep the others from being followed; the last failure is the
 * result. */
static df_code sync_round(printer *p, const sync_args *args, df_error *err)
{
    if (!args->all) return sync_one(p, args, args->table_id, err);
    df_arena arena = {0};
    delta_table *tables;
    size_t count;
    df_code result = list_ids(p->cli, args, &arena, &tables, &count, err);
    if (result == DF_OK)
        for (size_t i = 0; i < count; i++) {
            df_error one = {0};
            df_code code = sync_one(p, args, df_arena_cstr(&arena, tables[i].table_id), &one);
            if (code == DF_OK) continue;
            *err = one;
            result = code;
            if (code == DF_CANCELLED || code == DF_CONNECT) break;
        }
    df_arena_release(&arena);
    return result;
}

static bool interrupted(cli_context *cli)
{
    return cli->observer.cancelled && cli->observer.cancelled(cli->observer.context);
}

static void rest(cli_context *cli, int64_t seconds)
{
    for (int64_t i = 0; i < seconds * 10 && !interrupted(cli); i++)
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
}

static int run(cli_context *cli, const void *values)
{
    const sync_args *args = values;
    df_error err = {0};
    df_code code;
    for (bool first = true;; first = false) {
        df_error_clear(&err);
        printer p = {.cli = cli, .only_changes = args->follow && !first};
        if (!p.only_changes) open_rows(&p);
        code = sync_round(&p, args, &err);
        if (p.rows) cli_done(p.rows);
        if (!args->follow || interrupted(cli)) break;
        /* A database that is away for a while must not end the following. */
        if (code != DF_OK)
            cli_note(cli, "%s; trying again in %lld s", err.message, (long long)args->interval);
        rest(cli, args->interval);
        if (interrupted(cli)) break;
    }
    if (args->follow && interrupted(cli)) return 0;
    if (code == DF_OK) return 0;
    return cli->json ? df_code_exit_status(code) : cli_fail(cli, &err);
}

const cli_command sync_command = {
    .name = "sync",
    .group = "Bring tables into the catalog",
    .help = "apply the commits that came since the last import",
    .manual = "Applies only new commits, each whole; running it twice changes nothing. With `--follow` it "
              "goes on until it is interrupted, "
              "also past a database or a table that is away for a while. When the log was cleaned further "
              "than the catalog had "
              "come, it goes on from the oldest checkpoint behind the gap.",
    .examples = "deltalakedb sync --table-id orders --database-url sqlite:catalog.db\n"
                "deltalakedb sync --all --follow --interval 5 --database-url postgresql://etl@db/catalog",
    .options = option_table,
    .values_size = sizeof(sync_args),
    .run = run,
};
