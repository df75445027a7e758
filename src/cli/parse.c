/* SPDX-License-Identifier: Apache-2.0 */
/* argv to values: `program [global options] command [object…] --options`, options anywhere after the command.
 */
#include "cli/cli_int.h"

typedef struct arg_reader {
    cli_context *cli;
    int argc, i;
    char **argv;
    size_t operand; /* the next operand's number in the command's table */
} arg_reader;

/* An option found: in which table, where. */
typedef struct found {
    cli_values *values;
    size_t n;
} found;

static const cli_option *option_of(found f)
{
    return &f.values->options[f.n];
}

static bool lookup(cli_values *values, df_str name, char letter, found *out)
{
    for (size_t i = 0; i < values->count; i++) {
        const cli_option *o = &values->options[i];
        if (o->operand || (letter ? o->letter != letter : !df_str_is(name, o->name))) continue;
        *out = (found){values, i};
        return true;
    }
    return false;
}

/* The command's own options come first: `snapshot --version 3` is not the global --version. */
static bool find(arg_reader *r, df_str name, char letter, found *out)
{
    cli_state *state = r->cli->state;
    if (r->cli->command && lookup(&state->values, name, letter, out)) return true;
    return lookup(&state->global_values, name, letter, out);
}

static df_code unknown_option(arg_reader *r, df_str name, df_error *err)
{
    cli_context *cli = r->cli;
    const cli_values *tables[] = {&cli->state->values, &cli->state->global_values};
    cli_suggestion s = {.word = df_arena_cstr(&cli->arena, name)};
    for (size_t t = cli->command ? 0 : 1; t < 2; t++)
        for (size_t i = 0; i < tables[t]->count; i++)
            if (!tables[t]->options[i].operand) cli_suggest(&s, tables[t]->options[i].name);
    const char *command = cli->command ? cli->command->name : NULL;
    df_fail(err, DF_USAGE, "%s%sunknown option --%s", command ? command : "", command ? ": " : "", s.word);
    if (s.best)
        df_error_hint(err, "did you mean --%s?", s.best);
    else if (command)
        df_error_hint(err, "see: %s %s --help", cli->program->name, command);
    else
        df_error_hint(err, "options of a command stand behind its name; see: %s --help", cli->program->name);
    return DF_USAGE;
}

static df_code missing_value(const cli_option *o, df_error *err)
{
    df_fail(err, DF_USAGE, "--%s needs a value: --%s %s", o->name, o->name, o->choices ? o->choices : o->arg);
    df_error_hint(err, "a value that begins with -- is written --%s=VALUE", o->name);
    return DF_USAGE;
}

/* The process's arguments are readable by every user of the machine. */
static void hide(char *text)
{
    for (; *text; text++) *text = '*';
}

/* Stores the value behind `=`, or the next argument. */
static df_code take_value(arg_reader *r, found f, char *attached, df_error *err)
{
    const cli_option *o = option_of(f);
    char *text = attached;
    if (!text) {
        char *next = r->i + 1 < r->argc ? r->argv[r->i + 1] : NULL;
        if (!next || strncmp(next, "--", 2) == 0) return missing_value(o, err);
        text = next;
        r->i++;
    }
    const char *shown = df_arena_printf(&r->cli->arena, "--%s", o->name);
    df_code code = cli_store(r->cli, f.values, f.n, text, CLI_FROM_FLAG, shown, err);
    if (o->secret) hide(text);
    return code;
}

static df_code set_flag(arg_reader *r, found f, bool value, df_error *err)
{
    return cli_store(r->cli, f.values, f.n, value ? "true" : "false", CLI_FROM_FLAG, option_of(f)->name, err);
}

static df_code read_long(arg_reader *r, char *arg, df_error *err)
{
    char *equals = strchr(arg, '=');
    df_str name = {arg, equals ? (size_t)(equals - arg) : strlen(arg)};
    found f;
    if (find(r, name, 0, &f)) {
        const cli_option *o = option_of(f);
        if (cli_takes_value(o)) return take_value(r, f, equals ? equals + 1 : NULL, err);
        if (!equals) return set_flag(r, f, true, err);
        df_fail(err, DF_USAGE, "--%s takes no value", o->name);
        if (!o->count) df_error_hint(err, "write --%s or --no-%s", o->name, o->name);
        return DF_USAGE;
    }
    bool negated = df_str_starts(name, DF_STR("no-")) && find(r, df_str_skip(name, 3), 0, &f);
    if (negated && option_of(f)->type == CLI_FLAG && !equals) return set_flag(r, f, false, err);
    return unknown_option(r, name, err);
}

/* -v, -vv, -qv */
static df_code read_letters(arg_reader *r, char *letters, df_error *err)
{
    for (char *p = letters; *p; p++) {
        found f;
        if (!find(r, DF_STR_NONE, *p, &f)) {
            df_fail(err, DF_USAGE, "unknown option -%s", letters);
            df_error_hint(err, "see: %s --help; a name that begins with a dash is written after --",
                          r->cli->program->name);
            return DF_USAGE;
        }
        if (cli_takes_value(option_of(f))) return take_value(r, f, p[1] ? p + 1 : NULL, err);
        DF_TRY(set_flag(r, f, true, err));
    }
    return DF_OK;
}

static df_code read_command(arg_reader *r, const char *name, df_error *err)
{
    cli_context *cli = r->cli;
    cli->command = cli_find_command(cli->program, name);
    if (cli->command) {
        cli_values_open(&cli->state->values, &cli->arena, cli->command->options, cli->command->values_size);
        return DF_OK;
    }
    cli_suggestion s = {.word = name};
    const cli_command *command;
    for (size_t i = 0; (command = cli_nth_command(cli->program, i)); i++) {
        cli_suggest(&s, command->name);
        if (command->alias) cli_suggest(&s, command->alias);
    }
    df_fail(err, DF_USAGE, "unknown command \"%s\"", name);
    if (s.best)
        df_error_hint(err, "did you mean %s? All commands: %s --help", s.best, cli->program->name);
    else
        df_error_hint(err, "all commands: %s --help", cli->program->name);
    return DF_USAGE;
}

static df_code read_operand(arg_reader *r, const char *text, df_error *err)
{
    cli_values *values = &r->cli->state->values;
    while (r->operand < values->count && !values->options[r->operand].operand) r->operand++;
    if (r->operand == values->count) {
        df_fail(err, DF_USAGE, "%s: \"%s\" is one argument too many", r->cli->command->name, text);
        df_error_hint(err, "see: %s %s --help", r->cli->program->name, r->cli->command->name);
        return DF_USAGE;
    }
    size_t n = r->operand;
    if (values->options[n].type != CLI_LIST) r->operand++;
    return cli_store(r->cli, values, n, text, CLI_FROM_FLAG, values->options[n].name, err);
}

df_code cli_parse(cli_context *cli, int argc, char **argv, df_error *err)
{
    arg_reader r = {.cli = cli, .argc = argc, .argv = argv};
    bool options_ended = false;
    for (r.i = 1; r.i < argc; r.i++) {
        char *arg = argv[r.i];
        bool dash = !options_ended && arg[0] == '-' && arg[1];
        if (dash && arg[1] == '-' && !arg[2])
            options_ended = true;
        else if (dash && arg[1] == '-')
            DF_TRY(read_long(&r, arg + 2, err));
        else if (dash)
            DF_TRY(read_letters(&r, arg + 1, err));
        else if (!cli->command)
            DF_TRY(read_command(&r, arg, err));
        else
            DF_TRY(read_operand(&r, arg, err));
        if (cli->state->globals.version && !cli->command) return DF_OK;
    }
    return DF_OK;
}
