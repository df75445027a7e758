/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "engine/engine.h"
#include "migration/files/files.h"

typedef struct new_args {
    const char *name, *risk, *author;
    bool breaking, dated;
} new_args;

static const cli_option option_table[] = {
    {CLI_INTO(new_args, name), .name = "NAME", .operand = true, .required = true,
     .help = "what it does: \"add notification system\""},
    {CLI_INTO(new_args, breaking), .name = "breaking", .help = "mark it as a breaking change"},
    {CLI_INTO(new_args, risk), .name = "risk", .arg = "RISK", .choices = "low|medium|high|critical",
     .def = "low", .help = "how risky it is"},
    {CLI_INTO(new_args, dated), .name = "dated", .help = "number it by the time, where the folder is empty"},
    {CLI_INTO(new_args, author), .name = "author", .arg = "NAME", .help = "who wrote it (default: the user)"},
    {0},
};

/* The dialect matters for layouts that keep one file an engine. */
static df_code dialect_of(const df_migrate_config *config, const char **dialect, df_error *err)
{
    *dialect = config->engine;
    return config->database_url ? df_url_check(config->database_url, dialect, NULL, err) : DF_OK;
}

static df_code make(cli_context *cli, const new_args *args, const char **path, df_error *err)
{
    df_migrate_config config;
    df_new_options options = {
        .name = args->name, .breaking = args->breaking, .dated = args->dated, .author = args->author};
    DF_TRY(configure(cli, NEED_FILES, &config, err));
    DF_TRY(dialect_of(&config, &options.dialect, err));
    options.folder = config.folder;
    if (!df_layout_from_name(config.layout, &options.layout))
        return df_fail(err, DF_USAGE, "no layout is called \"%s\"", config.layout);
    if (!df_risk_from_name(df_str_from(args->risk), &options.risk))
        return df_fail(err, DF_USAGE, "no risk is called \"%s\"", args->risk);
    return df_migration_new(&options, &cli->arena, path, err);
}

static int run(cli_context *cli, const void *values)
{
    const char *path = NULL;
    df_error err = {0};
    if (make(cli, values, &path, &err) != DF_OK) return cli_fail(cli, &err);
    cli_view *record = cli->json ? cli_record(cli, NULL) : NULL;
    if (record) {
        cli_put_text(cli_field(record, "file", NULL), path);
        cli_done(record);
    }
    cli_say(cli, "%s", path);
    return 0;
}

const cli_command new_command = {
    .name = "new",
    .alias = "create",
    .group = "Begin",
    .help = "make a new migration file, numbered behind the newest",
    .manual = "In the layout of the folder, or that of --layout; an empty folder gets native files: "
              "`001_name.sql` (`.cypher` for Neo4j), with a "
              "header `-- @metadata { … }` and the sections `-- UP` and `-- DOWN`. Prints the file's path. "
              "Never writes "
              "over a file.",
    .examples = "PROGRAM new \"add notification system\" --risk medium\n"
                "$EDITOR \"$(PROGRAM new split_name --breaking --risk high)\"",
    .options = option_table,
    .values_size = sizeof(new_args),
    .run = run,
};
