/* SPDX-License-Identifier: Apache-2.0 */
/* argv to values: `program [global options] command [object…] --options`, options anywhere after the command.
 */
#include "cli/cli_int.h"

typedef struct arg_reader {
    cli_context *cli;
    int argc, i;
    char **argv;
    size_t operand;  /* the next operand's number in the command's table */
    const char *own; /* an option of the command that was given already; NULL: none */
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
        if (o->operand || (letter ? o->letter != letter : !cli_option_is(o, name))) continue;
        *out = (found){values, i};
        return true;
    }
    return false;
}

/* The command's own options come first: `snapshot --version 3` is not the global --version. */
static bool find(arg_reader *r, df_str name, char letter, found *out)
{
    for (size_t t = r->cli->command ? 0 : 1; t < CLI_TABLES; t++)
        if (lookup(cli_table(r->cli, t), name, letter, out)) {
            if (t == 0) r->own = out->values->options[out->n].name;
            return true;
        }
    return false;
}

static df_code unknown_option(arg_reader *r, df_str name, df_error *err)
{
    cli_context *cli = r->cli;
    cli_suggestion s = {.word = df_arena_cstr(&cli->arena, name)};
    for (size_t t = cli->command ? 0 : 1; t < CLI_TABLES; t++)
        for (const cli_option *o = cli_table(cli, t)->options; o->name; o++) {
            if (!o->operand) cli_suggest(&s, o->name);
            if (o->also) cli_suggest(&s, o->also);
        }
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

static void use_command(arg_reader *r, const cli_command *command)
{
    cli_context *cli = r->cli;
    cli->command = command;
    cli->state->group = NULL;
    cli_values_open(&cli->state->values, &cli->arena, command->options, command->values_size);
}

/* "did you mean": whole names, and of those of two words the second one. */
static df_code unknown_command(arg_reader *r, const char *group, const char *name, df_error *err)
{
    cli_context *cli = r->cli;
    cli_suggestion s = {.word = name};
    const cli_command *command;
    if (group) {
        for (size_t i = 0; (command = cli_nth_of_group(cli->program, group, i)); i++)
            cli_suggest(&s, command->name + strlen(group) + 1);
        df_fail(err, DF_USAGE, "unknown command \"%s %s\"", group, name);
        if (s.best)
            df_error_hint(err, "did you mean %s %s? See: %s %s --help", group, s.best, cli->program->name,
                          group);
        else
            df_error_hint(err, "see: %s %s --help", cli->program->name, group);
        return DF_USAGE;
    }
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

static df_code read_command(arg_reader *r, const char *name, df_error *err)
{
    cli_state *state = r->cli->state;
    const cli_program *program = r->cli->program;
    const cli_command *command =
        state->group ? cli_find_command2(program, state->group, name) : cli_find_command(program, name);
    if (command) {
        use_command(r, command);
        return DF_OK;
    }
    if (state->group || !cli_nth_of_group(program, name, 0))
        return unknown_command(r, state->group, name, err);
    state->group = name;
    return DF_OK;
}

/* `backup` is a command, `backup list` another one. */
static df_code read_second_word(arg_reader *r, const cli_command *command, df_error *err)
{
    if (r->own) {
        df_fail(err, DF_USAGE, "%s: --%s stands in the middle of the command", command->name, r->own);
        df_error_hint(err, "options stand behind it: %s %s --%s", r->cli->program->name, command->name,
                      r->own);
        return DF_USAGE;
    }
    use_command(r, command);
    return DF_OK;
}

static df_code read_operand(arg_reader *r, const char *text, df_error *err)
{
    const cli_command *longer =
        r->operand ? NULL : cli_find_command2(r->cli->program, r->cli->command->name, text);
    if (longer) return read_second_word(r, longer, err);
    cli_values *values = &r->cli->state->values;
    while (r->operand < values->count && !values->options[r->operand].operand) r->operand++;
    if (r->operand == values->count && cli_nth_of_group(r->cli->program, r->cli->command->name, 0))
        return unknown_command(r, r->cli->command->name, text, err);
    if (r->operand == values->count) {
        df_fail(err, DF_USAGE, "%s: \"%s\" is one argument too many", r->cli->command->name, text);
        df_error_hint(err, "see: %s %s --help", r->cli->program->name, r->cli->command->name);
        return DF_USAGE;
    }
    size_t n = r->operand;
    r->operand += values->options[n].type != CLI_LIST;
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
