/* SPDX-License-Identifier: Apache-2.0 */
/* From argv to the exit status, and the commands that every program has: help and config. */
#include "cli/cli_int.h"

#include <fcntl.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

/* ---- help ---- */

typedef struct help_args {
    cli_list command;
    const char *format;
} help_args;

static const cli_option help_options[] = {
    {CLI_INTO(help_args, command), .name = "COMMAND", .operand = true, .help = "the command to explain"},
    {CLI_INTO(help_args, format), .name = "format", .choices = "text|man|markdown|bash", .def = "text",
     .help = "as text, or the whole program as manual page, reference page or bash completion"},
    {0},
};

static size_t help_width(void)
{
    size_t columns = cli_columns(STDOUT_FILENO);
    return columns == 0 ? 80 : columns > 100 ? 100 : columns;
}

static int print_help(cli_context *cli, const cli_command *command)
{
    df_buf text = {0};
    if (command)
        cli_put_command_help(&text, cli, command, help_width());
    else
        cli_put_program_help(&text, cli, help_width());
    cli_out(cli, df_buf_str(&text));
    df_buf_release(&text);
    return 0;
}

/* Pages for others are not made of a table with faults. */
static int print_page(cli_context *cli, void (*put)(df_buf *out, const cli_program *program))
{
    df_buf text = {0};
    int status = 0;
    if (cli_check_program(cli->program, &text)) {
        df_error err = {0};
        df_fail(&err, DF_BUG, "the table of commands has faults:\n%s", df_buf_cstr(&text));
        status = cli_fail(cli, &err);
    } else {
        put(&text, cli->program);
        cli_out(cli, df_buf_str(&text));
    }
    df_buf_release(&text);
    return status;
}

static int no_such_command(cli_context *cli, const char *name)
{
    cli_suggestion s = {.word = name};
    const cli_command *c;
    for (size_t i = 0; (c = cli_nth_command(cli->program, i)); i++) cli_suggest(&s, c->name);
    if (s.best) return cli_usage(cli, "unknown command \"%s\"; did you mean %s?", name, s.best);
    return cli_usage(cli, "unknown command \"%s\"", name);
}

/* The words of `help backup list` as one name. */
static const char *joined(cli_context *cli, const cli_list *words)
{
    const char *name = words->items[0];
    for (size_t i = 1; i < words->count; i++)
        name = df_arena_printf(&cli->arena, "%s %s", name, words->items[i]);
    return name;
}

static int print_text(cli_context *cli, void (*put)(df_buf *out, const cli_context *cli, size_t width))
{
    df_buf text = {0};
    put(&text, cli, help_width());
    cli_out(cli, df_buf_str(&text));
    df_buf_release(&text);
    return 0;
}

static int print_group_help(cli_context *cli, const char *group)
{
    df_buf text = {0};
    cli_put_group_help(&text, cli, group, help_width());
    cli_out(cli, df_buf_str(&text));
    df_buf_release(&text);
    return 0;
}

static int run_help(cli_context *cli, const void *values)
{
    const help_args *args = values;
    if (strcmp(args->format, "man") == 0) return print_page(cli, cli_put_man);
    if (strcmp(args->format, "markdown") == 0) return print_page(cli, cli_put_markdown);
    if (strcmp(args->format, "bash") == 0) return print_page(cli, cli_put_bash);
    if (!args->command.count) return print_help(cli, NULL);
    const char *name = joined(cli, &args->command);
    const cli_command *command = cli_find_command(cli->program, name);
    if (command) return print_help(cli, command);
    if (cli_nth_of_group(cli->program, name, 0)) return print_group_help(cli, name);
    if (cli->program->options && strcmp(name, "settings") == 0) return print_text(cli, cli_put_settings_help);
    return no_such_command(cli, name);
}

const cli_command cli_help_command = {
    .name = "help",
    .group = "About the program",
    .help = "explain a command, or make the manual page or the bash completion",
    .manual = "The pages and the completion are made from the same table that the parser uses.",
    .examples = "# completion in this shell\n"
                "source <(PROGRAM help --format bash)",
    .options = help_options,
    .values_size = sizeof(help_args),
    .run = run_help,
};

/* ---- config ---- */

typedef struct config_args {
    const char *action;
    cli_list command;
} config_args;

static const cli_option config_options[] = {
    {CLI_INTO(config_args, action), .name = "ACTION", .operand = true, .required = true, .choices = "show",
     .help = "what to do: show"},
    {CLI_INTO(config_args, command), .name = "COMMAND", .operand = true, .help = "this command alone"},
    {0},
};

static const cli_column config_columns[] = {
    {.name = "command"}, {.name = "option"}, {.name = "value"}, {.name = "origin", .cut = CLI_CUT_MIDDLE}};

/* Settings are what matters in a program that has them: the options of a command are shown when it is named.
 */
static bool settings_alone(const cli_context *cli)
{
    const config_args *args = (const config_args *)cli->state->values.base;
    return cli->program->options && cli->command == &cli_config_command && !args->command.count;
}

static void show_options(cli_context *cli, cli_view *view, const char *command, const cli_values *values)
{
    bool settings = settings_alone(cli);
    for (size_t i = 0; i < values->count; i++) {
        if (values->options[i].operand) continue;
        if (settings &&
            (strcmp(values->options[i].name, "help") == 0 || strcmp(values->options[i].name, "version") == 0))
            continue;
        df_buf value = {0};
        cli_put_value(&value, cli->program, values, i);
        if (!settings) cli_put_text(view, command);
        cli_put_text(view, values->options[i].name);
        cli_put_str(view, values->origin[i] == CLI_NOT_GIVEN ? DF_STR_NONE : df_buf_str(&value));
        cli_put_text(view, cli_nth_origin_text(cli, values, i));
        df_buf_release(&value);
    }
}

/* What `command` would be given if it were called without options; nothing is required here. */
static df_code show_command(cli_context *cli, cli_view *view, const cli_command *command, df_error *err)
{
    const cli_command *self = cli->command;
    const cli_values own = cli->state->values;
    cli_values_open(&cli->state->values, &cli->arena, command->options, command->values_size);
    cli->command = command;
    df_code code = cli_read_config(cli, err);
    if (!code) code = cli_resolve(cli, &cli->state->values, false, err);
    if (!code) show_options(cli, view, command->name, &cli->state->values);
    cli->state->values = own;
    cli->command = self;
    return code;
}

static int run_config(cli_context *cli, const void *values)
{
    const config_args *args = values;
    df_error err = {0};
    const char *name = args->command.count ? joined(cli, &args->command) : NULL;
    const cli_command *only = name ? cli_find_command(cli->program, name) : NULL, *command;
    if (name && !only) return no_such_command(cli, name);
    bool settings = settings_alone(cli);
    cli_view *view = cli_rows(cli, NULL, config_columns + settings, 4 - settings, CLI_AUTO);
    if (!only) show_options(cli, view, NULL, &cli->state->program_values);
    if (!only) show_options(cli, view, NULL, &cli->state->global_values);
    for (size_t i = 0; !settings && (command = cli_nth_command(cli->program, i)); i++) {
        bool shown = only ? command == only : command != &cli_config_command && command != &cli_help_command;
        if (shown && show_command(cli, view, command, &err)) return cli_fail(cli, &err);
    }
    cli_done(view);
    return 0;
}

const cli_command cli_config_command = {
    .name = "config",
    .group = "About the program",
    .help = "show what holds: flag, environment, configuration file or default",
    .manual = "Prints every option with the value that a command would use, and where it came from; in a "
              "program with settings "
              "those, unless COMMAND is named. "
              "Values that may hold a password are shown as ***.",
    .options = config_options,
    .values_size = sizeof(config_args),
    .run = run_config,
};

/* ---- the program ---- */

/* Descriptors 0 to 2 must be taken, or a database would get one of them and be written our output. */
static void take_standard_descriptors(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) == -1) {
            int opened = open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY); /* so that using it fails */
            if (opened != fd && opened >= 0) close(opened);
        }
}

/* How errors of the command line itself are to be printed is decided before it is read. */
static bool asks_for_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
        if (strcmp(argv[i], "--json") == 0) return true;
    return false;
}

static int print_version(cli_context *cli)
{
    if (cli->json) {
        df_json_writer *w = cli_json(cli);
        df_json_begin(w, NULL, '{');
        df_json_add_text(w, "program", cli->program->name);
        df_json_add_text(w, "version", cli->program->version);
        df_json_end(w, '}');
        return 0;
    }
    cli_say(cli, "%s %s", cli->program->name, cli->program->version);
    if (cli->program->about) cli_out(cli, df_str_from(cli->program->about));
    return 0;
}

static int no_command(cli_context *cli)
{
    df_error err = {0};
    const char *group = cli->state->group;
    if (group) {
        df_buf names = {0};
        const cli_command *c;
        for (size_t i = 0; (c = cli_nth_of_group(cli->program, group, i)); i++)
            df_buf_printf(&names, "%s%s", i ? ", " : "", c->name);
        df_fail(&err, DF_USAGE, "which command? %s", df_buf_cstr(&names));
        df_error_hint(&err, "see: %s %s --help", cli->program->name, group);
        df_buf_release(&names);
        return cli_fail(cli, &err);
    }
    df_fail(&err, DF_USAGE, "which command?");
    df_error_hint(&err, "all commands: %s --help", cli->program->name);
    return cli_fail(cli, &err);
}

/* ---- LOG_LEVEL ---- */

static const struct {
    const char *name;
    int level;
} log_levels[] = {{"error", DF_LOG_ERROR},  {"fatal", DF_LOG_ERROR},     {"silent", DF_LOG_ERROR},
                  {"warn", DF_LOG_WARNING}, {"warning", DF_LOG_WARNING}, {"notice", DF_LOG_WARNING},
                  {"info", DF_LOG_INFO},    {"verbose", DF_LOG_INFO},    {"debug", DF_LOG_DEBUG},
                  {"trace", DF_LOG_DEBUG},  {"silly", DF_LOG_DEBUG}};

/*
 * Many programs read LOG_LEVEL, so a word of theirs is passed over with a warning. `npm run x --verbose`
 * keeps
 * --verbose for itself and tells what it starts in npm_config_loglevel.
 */
static void read_log_level(cli_context *cli)
{
    if (!cli->program->log_env) return;
    const char *npm = getenv("npm_lifecycle_event") ? getenv("npm_config_loglevel") : NULL;
    if (npm && !cli->verbose && (strcmp(npm, "verbose") == 0 || strcmp(npm, "silly") == 0)) cli->verbose = 1;
    const char *text = getenv(cli->program->log_env);
    if (!text || !*text) return;
    for (size_t i = 0; i < sizeof log_levels / sizeof *log_levels; i++)
        if (strcasecmp(text, log_levels[i].name) == 0) {
            cli->state->log_level = log_levels[i].level;
            return;
        }
    df_log(&cli->observer, DF_LOG_WARNING, "%s=%s is none of ERROR, WARN, INFO, DEBUG", cli->program->log_env,
           text);
}

/* How much is told: first by the command line alone, so that reading the rest can warn; then by all of it. */
static void open_output(cli_context *cli)
{
    cli_state *state = cli->state;
    cli->json = cli->json || state->globals.json;
    cli->quiet = state->globals.quiet;
    cli->verbose = state->globals.verbose == CLI_UNSET ? 0 : state->globals.verbose;
    cli_output_open(cli);
    cli_progress_open(cli);
}

/* Everything that comes before the command's own work. *run is whether there is any. */
static int prepare(cli_context *cli, int argc, char **argv, bool *run)
{
    cli_state *state = cli->state;
    df_error err = {0};
    df_code code = cli_parse(cli, argc, argv, &err);
    bool informs = !code && (state->globals.help || (state->globals.version && !cli->command));
    open_output(cli);
    if (!code && !informs && cli->command) code = cli_read_variables(cli, &err);
    if (!code && !informs && cli->command) code = cli_read_config(cli, &err);
    if (!code) code = cli_resolve(cli, &state->global_values, true, &err);
    open_output(cli);
    read_log_level(cli);
    if (code) return cli_fail(cli, &err);
    if (state->globals.help && state->group) return print_group_help(cli, state->group);
    if (state->globals.help) return print_help(cli, cli->command);
    if (informs) return print_version(cli);
    if (!cli->command) return no_command(cli);
    if (cli_resolve(cli, &state->program_values, true, &err) || cli_resolve(cli, &state->values, true, &err))
        return cli_fail(cli, &err);
    if (state->config_exposed)
        df_log(&cli->observer, DF_LOG_WARNING, "%s may hold a password and others can read it: chmod 600 %s",
               state->config_exposed, state->config_exposed);
    *run = true;
    return 0;
}

int cli_main(const cli_program *program, int argc, char **argv)
{
    take_standard_descriptors();
    cli_signals_open();
    cli_state state = {.log_level = -1};
    cli_context cli = {.program = program, .state = &state};
    cli.json = asks_for_json(argc, argv);
    cli_values_open(&state.global_values, &cli.arena, cli_global_options, sizeof state.globals);
    state.global_values.base = (char *)&state.globals;
    state.globals.verbose = CLI_UNSET;
    cli_values_open(&state.program_values, &cli.arena, program->options, program->values_size);
    cli.settings = state.program_values.base;
    cli_values_open(&state.values, &cli.arena, NULL, 0);
    cli_output_open(&cli);
    bool run = false;
    int status = prepare(&cli, argc, argv, &run);
    if (run) status = cli.command->run(&cli, state.values.base);
    status = cli_output_close(&cli, status);
    free(state.variables);
    df_arena_release(&cli.arena);
    return status;
}
