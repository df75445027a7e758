/* SPDX-License-Identifier: Apache-2.0 */
/* Examines a program's table for faults that no compiler sees. */
#include "cli/cli_int.h"

#include <ctype.h>

typedef struct checker {
    cli_context cli; /* for trying the defaults */
    cli_state state;
    const char *where;
    df_buf *faults;
    size_t count;
} checker;

static void fault(checker *c, const char *name, const char *what)
{
    df_buf_printf(c->faults, "%s: %s: %s\n", c->where, name, what);
    c->count++;
}

static void check_help(checker *c, const char *name, const char *help)
{
    if (!help || !*help) {
        fault(c, name, "has no help line");
        return;
    }
    if (help[strlen(help) - 1] == '.') fault(c, name, "help line ends with a full stop");
    if (isupper((unsigned char)help[0]) && !isupper((unsigned char)help[1]))
        fault(c, name, "help line begins with a capital");
    if (strchr(help, '\n')) fault(c, name, "help line has several lines");
}

static void check_names(checker *c, const cli_option *options, const cli_option *o)
{
    for (const cli_option *other = options; other != o; other++) {
        if (cli_option_is(other, df_str_from(o->name)) ||
            (o->also && cli_option_is(other, df_str_from(o->also))))
            fault(c, o->name, "is there twice");
        if (o->letter && other->letter == o->letter) fault(c, o->name, "its letter is taken");
    }
    if (strncmp(o->name, "no-", 3) == 0) fault(c, o->name, "begins with no-, which means the opposite");
    bool shadows =
        strcmp(o->name, "help") == 0 || strcmp(o->name, "config") == 0 || strcmp(o->name, "json") == 0;
    if (shadows && options != cli_global_options) fault(c, o->name, "hides an option of every command");
    for (const cli_option *own = c->cli.program->options;
         own && own->name && options != c->cli.program->options; own++)
        if (cli_option_is(own, df_str_from(o->name))) fault(c, o->name, "hides an option of the program");
}

static size_t end_of(const cli_option *o)
{
    static const size_t sizes[] = {sizeof(bool), sizeof(int64_t), sizeof(double), sizeof(char *),
                                   sizeof(cli_list)};
    return o->at + sizes[o->type];
}

/* Room for every option, also for those that lie outside of the command's struct. */
static size_t room_for(const cli_option *options)
{
    size_t room = 0;
    for (const cli_option *o = options; o->name; o++)
        if (end_of(o) > room) room = end_of(o);
    return room;
}

static void check_option(checker *c, const cli_option *options, const cli_option *o, size_t size)
{
    check_names(c, options, o);
    check_help(c, o->name, o->help);
    if (end_of(o) > size) fault(c, o->name, "lies outside of the command's struct");
    if (!o->operand && cli_takes_value(o) && !o->arg && !o->choices)
        fault(c, o->name, "has no placeholder (.arg)");
    if (o->after != CLI_ALONE && o == options) fault(c, o->name, "is an alternative to nothing");
    if (o->env && o->type == CLI_LIST) fault(c, o->name, "a list has no environment variable");
    if (o->def && (o->required || o->type == CLI_LIST)) fault(c, o->name, "cannot have a default");
    if (o->duration && o->type != CLI_INT) fault(c, o->name, "a duration is an int64_t");
    if (o->secret && o->type != CLI_TEXT) fault(c, o->name, "a secret is a text");
    if (o->keyed && o->type != CLI_LIST) fault(c, o->name, "names with values are a list");
    if (o->setting && options != c->cli.program->options)
        fault(c, o->name, "is no option of the program, so no setting");
    if (o->required && o->type == CLI_FLAG) fault(c, o->name, "a flag cannot be required");
    if (!o->def) return;
    cli_values values;
    df_error err = {0};
    cli_values_open(&values, &c->cli.arena, options, room_for(options));
    if (cli_store(&c->cli, &values, (size_t)(o - options), o->def, CLI_FROM_DEFAULT, "default", &err))
        fault(c, o->name, err.message);
}

static void check_options(checker *c, const cli_option *options, size_t size)
{
    bool optional = false, list = false;
    for (const cli_option *o = options; o && o->name; o++) {
        check_option(c, options, o, size);
        if (!o->operand) continue;
        if (list) fault(c, o->name, "stands behind an operand that takes the rest");
        if (optional && o->required) fault(c, o->name, "is required behind an operand that is not");
        optional = optional || !o->required;
        list = list || o->type == CLI_LIST;
    }
}

size_t cli_check_program(const cli_program *program, df_buf *faults)
{
    checker c = {.faults = faults};
    c.cli.state = &c.state;
    c.cli.program = program;
    c.where = program->name;
    if (!program->help || !*program->help) fault(&c, program->name, "has no help line");
    check_options(&c, program->options, program->values_size);
    check_options(&c, cli_global_options, sizeof(cli_globals));
    const cli_command *command;
    for (size_t i = 0; (command = cli_nth_command(program, i)); i++) {
        c.where = command->name;
        check_help(&c, command->name, command->help);
        check_options(&c, command->options, command->values_size);
        if (!command->run) fault(&c, command->name, "does nothing");
        if (cli_find_command(program, command->name) != command) fault(&c, command->name, "is there twice");
        if (command->alias && cli_find_command(program, command->alias) != command)
            fault(&c, command->alias, "is there twice");
    }
    df_arena_release(&c.cli.arena);
    return c.count;
}
