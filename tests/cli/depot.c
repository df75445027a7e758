/* SPDX-License-Identifier: Apache-2.0 */
/* A small program with environments, settings and commands of two words, which the tests drive. */
#include "base/error.h"
#include "cli/cli.h"

typedef struct depot_settings {
    const char *env, *url, *url_file, *url_command, *key, *folder, *env_file;
    int64_t wait, timeout, retries;
    bool strict;
    cli_list hook, placeholder;
} depot_settings;

static const cli_option settings[] = {
    {CLI_INTO(depot_settings, env), .name = "env", .arg = "NAME", .def = "development", .env = "DEPOT_ENV",
     .help = "the environment"},
    {CLI_INTO(depot_settings, url), .name = "database-url", .also = "url", .arg = "URL", .secret = true,
     .env = "DEPOT_DATABASE_URL|DATABASE_URL", .help = "the database"},
    {CLI_INTO(depot_settings, url_file), .name = "url-file", .after = CLI_ONE_OF, .arg = "FILE",
     .setting = true, .help = "a file with the URL"},
    {CLI_INTO(depot_settings, url_command), .name = "url-command", .after = CLI_ONE_OF, .arg = "COMMAND",
     .setting = true, .verbatim = true, .help = "a command that prints the URL"},
    {CLI_INTO(depot_settings, key), .name = "key", .arg = "KEY", .secret = true, .env = "DEPOT_KEY",
     .setting = true, .help = "a key"},
    {CLI_INTO(depot_settings, folder), .name = "folder", .arg = "DIR", .def = "things", .setting = true,
     .help = "a folder"},
    {CLI_INTO(depot_settings, env_file), .name = "env-file", .arg = "FILE", .help = "variables"},
    {CLI_INTO(depot_settings, wait), .name = "wait", .arg = "TIME", .duration = true, .def = "0",
     .setting = true, .help = "how long"},
    {CLI_INTO(depot_settings, timeout), .name = "timeout", .arg = "TIME", .duration = true, .min = -1,
     .max = INT64_MAX, .def = "2s", .setting = true, .help = "at most"},
    {CLI_INTO(depot_settings, retries), .name = "retries", .arg = "N", .min = 0, .max = 100, .def = "3",
     .setting = true, .help = "how often"},
    {CLI_INTO(depot_settings, strict), .name = "strict", .setting = true, .help = "be strict"},
    {CLI_INTO(depot_settings, hook), .name = "hook", .arg = "COMMAND", .verbatim = true, .setting = true,
     .help = "a hook"},
    {CLI_INTO(depot_settings, placeholder), .name = "placeholder", .arg = "NAME=VALUE", .keyed = true,
     .setting = true, .help = "a placeholder"},
    {0},
};

static void put_list(cli_view *v, const cli_list *list)
{
    df_str items[16];
    size_t n = list->count < 16 ? list->count : 16;
    for (size_t i = 0; i < n; i++) items[i] = df_str_from(list->items[i]);
    cli_put_list(v, items, n);
}

/* Every setting with where it came from. */
static int run_show(cli_context *cli, const void *values)
{
    const depot_settings *s = cli->settings;
    const char *where = NULL;
    cli_view *v = cli_record(cli, NULL);
    cli_put_text(cli_field(v, "env", "Environment"), s->env);
    cli_put_text(cli_field(v, "env_origin", NULL), cli_origin_text(cli, &s->env));
    cli_put_text(cli_field(v, "url", "URL"), s->url);
    cli_put_text(cli_field(v, "url_origin", NULL), cli_origin_text(cli, &s->url));
    cli_put_text(cli_field(v, "url_lack", NULL), cli_lack_text(cli, &s->url));
    cli_put_text(cli_field(v, "url_overruled", NULL), cli_overruled_text(cli, &s->url, &where));
    cli_put_text(cli_field(v, "url_overruled_at", NULL), where);
    cli_put_text(cli_field(v, "url_file", NULL), s->url_file);
    cli_put_text(cli_field(v, "url_command", NULL), s->url_command);
    cli_put_text(cli_field(v, "folder", NULL), s->folder);
    cli_put_int(cli_field(v, "wait", NULL), s->wait);
    cli_put_int(cli_field(v, "timeout", NULL), s->timeout);
    cli_put_text(cli_field(v, "timeout_origin", NULL), cli_origin_text(cli, &s->timeout));
    cli_put_int(cli_field(v, "retries", NULL), s->retries);
    cli_put_bool(cli_field(v, "strict", NULL), s->strict);
    put_list(cli_field(v, "hook", NULL), &s->hook);
    put_list(cli_field(v, "placeholder", NULL), &s->placeholder);
    cli_put_int(cli_field(v, "verbose", NULL), cli->verbose);
    cli_done(v);
    return 0;
}

typedef struct stack_args {
    const char *item;
    int64_t keep;
    bool dry_run;
} stack_args;

static const cli_option stack_options[] = {
    {CLI_INTO(stack_args, dry_run), .name = "dry-run", .help = "only say so"},
    {0},
};
static const cli_option push_options[] = {
    {CLI_INTO(stack_args, item), .name = "ITEM", .operand = true, .required = true, .choices = "red|green",
     .help = "what"},
    {CLI_INTO(stack_args, keep), .name = "keep", .arg = "N", .def = "1", .help = "how many"},
    {0},
};

static int say(cli_context *cli, const void *values)
{
    const stack_args *a = values;
    cli_view *v = cli_record(cli, NULL);
    cli_put_text(cli_field(v, "command", "Command"), cli->command->name);
    cli_put_text(cli_field(v, "item", "Item"), a->item);
    cli_done(v);
    return 0;
}

static int run_log(cli_context *cli, const void *values)
{
    const df_observer *o = &cli->observer;
    df_log(o, DF_LOG_ERROR, "an error");
    df_log(o, DF_LOG_WARNING, "a warning");
    df_log(o, DF_LOG_INFO, "some information");
    df_log(o, DF_LOG_INFO, "Lock wanted");
    df_log(o, DF_LOG_INFO, "PROGRESS half");
    df_log(o, DF_LOG_DEBUG, "a detail");
    df_error err = {0};
    df_fail(&err, DF_FAILED, "broke");
    err.statement = 3;
    df_error_at(&err, "a.sql", 12);
    cli_view *v = cli->json ? cli_record(cli, NULL) : NULL;
    if (v) cli_put_ms(cli_field(v, "took", NULL), 1500);
    int status = cli_fail_within(cli, &err);
    if (v) cli_done(v);
    return status;
}

static const cli_command show_command = {.name = "show", .help = "show the settings", .run = run_show};
static const cli_command log_command = {
    .name = "log", .help = "log on every level, and fail half-way", .run = run_log};
static const cli_command stack_command = {.name = "stack",
                                          .help = "stack things",
                                          .options = stack_options,
                                          .values_size = sizeof(stack_args),
                                          .run = say};
static const cli_command push_command = {.name = "stack push",
                                         .help = "push one",
                                         .options = push_options,
                                         .values_size = sizeof(stack_args),
                                         .run = say};
static const cli_command pop_command = {
    .name = "stack pop", .help = "pop one", .values_size = sizeof(stack_args), .run = say};
static const cli_command open_command = {
    .name = "box open", .help = "open it", .values_size = sizeof(stack_args), .run = say};
static const cli_command close_command = {
    .name = "box close", .help = "close it", .values_size = sizeof(stack_args), .run = say};

static const cli_command *const commands[] = {&show_command, &log_command,  &stack_command, &push_command,
                                              &pop_command,  &open_command, &close_command, NULL};

static void mask(df_buf *out, const char *secret)
{
    df_buf_printf(out, "masked %zu", strlen(secret));
}

int main(int argc, char **argv)
{
    static const char *const shown[] = {"Lock wanted", NULL};
    static const cli_program depot = {.name = "depot",
                                      .version = "1.0",
                                      .help = "try settings",
                                      .commands = commands,
                                      .options = settings,
                                      .values_size = sizeof(depot_settings),
                                      .environments = "development|production",
                                      .env_file = true,
                                      .log_env = "LOG_LEVEL",
                                      .progress_word = "PROGRESS",
                                      .shown = shown,
                                      .mask = mask};
    return cli_main(&depot, argc, argv);
}
