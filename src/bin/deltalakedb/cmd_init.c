/* SPDX-License-Identifier: Apache-2.0 */
/* init and upgrade: one job, and two names for the two occasions. */
#include "commands.h"

typedef struct init_args {
    const char *url;
} init_args;

static const cli_option option_table[] = {OPTION_DATABASE_URL(init_args), {0}};

static int run(cli_context *cli, const void *values)
{
    const init_args *args = values;
    int64_t from = 0, to = 0;
    df_error err = {0};
    if (df_delta_upgrade(args->url, &cli->observer, &from, &to, &err) != DF_OK) return cli_fail(cli, &err);
    cli_view *record = cli_record(cli, NULL);
    cli_put_int(cli_field(record, "from", NULL), from);
    cli_put_int(cli_field(record, "version", "Catalog schema"), to);
    cli_put_text(cli_field(record, "status", "Status"), from == to ? "unchanged"
                                                        : from     ? "upgraded"
                                                                   : "created");
    cli_done(record);
    return 0;
}

const cli_command init_command = {
    .name = "init",
    .group = "The catalog itself",
    .help = "create the catalog's tables",
    .manual = "`import` does it by itself; this is for those who want to see it, or whose importer may not "
              "create tables. Run again, "
              "it changes nothing.",
    .examples = "deltalakedb init --database-url 'postgresql://admin@db/catalog?schema=delta'",
    .options = option_table,
    .values_size = sizeof(init_args),
    .run = run,
};

const cli_command upgrade_command = {
    .name = "upgrade",
    .group = "The catalog itself",
    .help = "bring the catalog's tables to this program's version",
    .manual = "Forward only. A catalog that is newer than the program is refused.",
    .examples = "deltalakedb upgrade --database-url sqlite:catalog.db",
    .options = option_table,
    .values_size = sizeof(init_args),
    .run = run,
};
