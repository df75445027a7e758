/* SPDX-License-Identifier: Apache-2.0 */
/* Walking the tables, and the pieces of text that all who print them share. */
#include "cli/cli_int.h"

#include <ctype.h>

const cli_option cli_global_options[] = {
    {CLI_INTO(cli_globals, help), .name = "help", .letter = 'h', .help = "show help and end"},
    {CLI_INTO(cli_globals, version), .name = "version",
     .help = "show the version and end (before the command)"},
    {CLI_INTO(cli_globals, json), .name = "json", .help = "print the result as one JSON document"},
    {CLI_INTO(cli_globals, verbose), .name = "verbose", .letter = 'v', .count = true, .def = "0",
     .help = "tell more; twice: everything"},
    {CLI_INTO(cli_globals, quiet), .name = "quiet", .letter = 'q',
     .help = "tell errors only, show no progress"},
    {CLI_INTO(cli_globals, color), .name = "color", .arg = "WHEN", .choices = "auto|always|never",
     .def = "auto", .help = "colours on standard output and standard error",
     .manual =
         "With `auto` there are colours on a terminal, unless the environment variable `NO_COLOR` is set "
         "or `TERM` is `dumb`."},
    {CLI_INTO(cli_globals, progress), .name = "progress", .arg = "HOW", .choices = "auto|always|never|json",
     .def = "auto", .help = "progress on standard error",
     .manual =
         "With `auto` one line is redrawn on a terminal, and elsewhere a line is written every ten seconds. "
         "`always` does the same even with --quiet. With `json` every event is one JSON object on a line: "
         "`progress` with what, subject, done, total, rate, seconds_left; `log` with level and message; "
         "`error` with the members of the error."},
    {CLI_INTO(cli_globals, config), .name = "config", .arg = "FILE", .help = "configuration file",
     .manual = "See CONFIGURATION."},
    {0},
};

static const cli_command *const built_in[] = {&cli_config_command, &cli_help_command, NULL};

const cli_command *cli_nth_command(const cli_program *program, size_t n)
{
    size_t own = 0;
    while (program->commands[own]) own++;
    return n < own ? program->commands[n] : built_in[n - own];
}

/* "backup:list" is "backup list": scripts of package.json are often called like that. */
static bool same_name(const char *name, const char *wanted)
{
    while (*name && (*name == *wanted || (*name == ' ' && *wanted == ':'))) {
        name++;
        wanted++;
    }
    return !*name && !*wanted;
}

const cli_command *cli_find_command(const cli_program *program, const char *name)
{
    const cli_command *command;
    for (size_t i = 0; (command = cli_nth_command(program, i)); i++) {
        if (same_name(command->name, name)) return command;
        if (command->alias && same_name(command->alias, name)) return command;
    }
    return NULL;
}

const cli_command *cli_find_command2(const cli_program *program, const char *first, const char *second)
{
    if (!second) return cli_find_command(program, first);
    size_t len = strlen(first);
    const cli_command *command;
    for (size_t i = 0; (command = cli_nth_command(program, i)); i++)
        if (strncmp(command->name, first, len) == 0 && command->name[len] == ' ' &&
            strcmp(command->name + len + 1, second) == 0)
            return command;
    return NULL;
}

const cli_command *cli_nth_of_group(const cli_program *program, const char *group, size_t n)
{
    size_t len = strlen(group);
    const cli_command *command;
    for (size_t i = 0; (command = cli_nth_command(program, i)); i++)
        if (strncmp(command->name, group, len) == 0 && command->name[len] == ' ' && n-- == 0) return command;
    return NULL;
}

cli_values *cli_table(const cli_context *cli, size_t n)
{
    cli_state *state = cli->state;
    return n == 0 ? &state->values : n == 1 ? &state->program_values : &state->global_values;
}

bool cli_option_is(const cli_option *option, df_str name)
{
    return df_str_is(name, option->name) || (option->also && df_str_is(name, option->also));
}

df_str cli_nth_env(const char *env, size_t n)
{
    for (; env && *env; n--) {
        size_t len = strcspn(env, "|");
        if (!n) return (df_str){env, len};
        env += len + (env[len] == '|');
    }
    return DF_STR_NONE;
}

size_t cli_count_options(const cli_option *options)
{
    size_t n = 0;
    while (options && options[n].name) n++;
    return n;
}

void cli_put_env_name(df_buf *out, const cli_program *program, const char *suffix)
{
    for (const char *p = program->name; *p; p++)
        df_buf_char(out, *p == '-' ? '_' : (char)toupper((unsigned char)*p));
    df_buf_text(out, suffix);
}

bool cli_takes_value(const cli_option *option)
{
    return option->type != CLI_FLAG && !option->count;
}

/* Too many to stand in a line: the placeholder stands for them. */
static bool many_choices(const cli_option *option)
{
    return option->choices && option->arg && strlen(option->choices) > 48;
}

void cli_put_usage(df_buf *out, const cli_option *option)
{
    if (option->operand) {
        df_buf_text(out, option->name);
        if (option->type == CLI_LIST) df_buf_text(out, "...");
        return;
    }
    bool negatable = option->type == CLI_FLAG && option->def && strcmp(option->def, "true") == 0;
    df_buf_printf(out, "--%s%s", negatable ? "[no-]" : "", option->name);
    if (!cli_takes_value(option)) return;
    df_buf_printf(out, " %s", option->choices && !many_choices(option) ? option->choices : option->arg);
}

/* One entry and the alternatives that follow it: "PATH|--table-id ID", in brackets when it may be left out.
 */
static size_t put_chain(df_buf *out, const cli_option *first)
{
    bool optional = !first->required;
    size_t n = 0;
    df_buf_text(out, optional ? " [" : " ");
    do {
        if (n) df_buf_char(out, '|');
        cli_put_usage(out, &first[n]);
        n++;
    } while (first[n].name && first[n].after != CLI_ALONE);
    if (optional) df_buf_char(out, ']');
    if (!first->operand && first->type == CLI_LIST) df_buf_text(out, "...");
    return n;
}

/* Operands first, then what is required, then the rest. */
void cli_put_synopsis(df_buf *out, const cli_command *command)
{
    df_buf_text(out, command->name);
    size_t count = cli_count_options(command->options);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < count;) {
            const cli_option *o = &command->options[i];
            int wanted = o->operand ? 0 : o->required ? 1 : 2;
            df_buf skipped = {0};
            i += put_chain(wanted == round ? out : &skipped, o);
            df_buf_release(&skipped);
        }
    }
}

void cli_put_limits(df_buf *out, const cli_option *option, const char *code)
{
    const char *gap = "";
    if (option->also) {
        df_buf_printf(out, "also %s--%s%s", code, option->also, code);
        gap = "; ";
    }
    if (many_choices(option)) {
        df_buf_printf(out, "%sone of", gap);
        for (const char *p = option->choices; *p; p += strcspn(p, "|") + (p[strcspn(p, "|")] == '|'))
            df_buf_printf(out, "%s %s%.*s%s", p == option->choices ? "" : ",", code, (int)strcspn(p, "|"), p,
                          code);
        gap = "; ";
    }
    bool number = option->type == CLI_INT || option->type == CLI_NUMBER;
    if (option->count || option->duration) number = false;
    if (option->duration) {
        df_buf_printf(out, "%swith a unit, as %s30s%s or %s10min%s", gap, code, code, code, code);
        if (option->min == -1) df_buf_printf(out, ", or %snone%s", code, code);
        gap = "; ";
    }
    if (number && (option->min || option->max)) {
        df_buf_text(out, gap);
        if (option->max == INT64_MAX) {
            df_buf_text(out, "at least ");
            df_buf_int(out, option->min);
        } else {
            df_buf_int(out, option->min);
            df_buf_text(out, " to ");
            df_buf_int(out, option->max);
        }
        gap = "; ";
    }
    if (option->def && option->type != CLI_FLAG && !option->count) {
        df_buf_printf(out, "%sdefault %s%s%s", gap, code, option->def, code);
        gap = "; ";
    }
    if (option->type == CLI_FLAG && option->def && strcmp(option->def, "true") == 0) {
        df_buf_printf(out, "%son by default", gap);
        gap = "; ";
    }
    if (option->type == CLI_LIST && !option->operand) {
        df_buf_printf(out, "%smay be given several times", gap);
        gap = "; ";
    }
    df_str name;
    for (size_t i = 0; (name = cli_nth_env(option->env, i)).ptr; i++) {
        df_buf_printf(out, "%s%s%s%.*s%s", i ? " or " : gap, i ? "" : "environment variable ", code,
                      DF_FMT(name), code);
    }
}

void cli_put_examples(df_buf *out, const cli_program *program, const char *examples, const char *indent)
{
    while (*examples) {
        size_t len = strcspn(examples, "\n");
        df_str line = {examples, len};
        df_buf_text(out, indent);
        while (line.len) {
            const char *name = memmem(line.ptr, line.len, "PROGRAM", 7);
            size_t before = name ? (size_t)(name - line.ptr) : line.len;
            df_buf_add(out, line.ptr, before);
            if (name) df_buf_text(out, program->name);
            line = df_str_skip(line, before + (name ? 7 : 0));
        }
        df_buf_char(out, '\n');
        examples += len + (examples[len] == '\n');
    }
}
