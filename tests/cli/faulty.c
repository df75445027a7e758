/* SPDX-License-Identifier: Apache-2.0 */
/* cli_check_program finds every kind of fault in a table. */
#include "cli/cli.h"
#include "tap.h"

typedef struct args {
    const char *a, *b;
    int64_t n;
    bool f;
    cli_list l;
} args;

static int run(cli_context *cli, const void *values)
{
    return 0;
}

static const cli_option bad_options[] = {
    {CLI_INTO(args, a), .name = "A", .after = CLI_ONE_OF, .operand = true, .help = "fine"},
    {CLI_INTO(args, b), .name = "B", .operand = true, .required = true, .help = "behind an optional one"},
    {CLI_INTO(args, n), .name = "count", .arg = "N", .min = 1, .max = 5, .def = "9", .help = "Ends badly."},
    {CLI_INTO(args, n), .name = "count", .help = ""},
    {CLI_INTO(args, f), .name = "no-flag", .required = true, .help = "two\nlines"},
    {CLI_INTO(args, l), .name = "list", .arg = "X", .env = "LIST", .def = "x", .help = "a list"},
    {CLI_INTO(args, f), .name = "json", .help = "hides"},
    {.at = 4000, .type = CLI_INT, .name = "far", .arg = "N", .help = "outside"},
    {CLI_INTO(args, l), .name = "REST", .operand = true, .help = "takes the rest"},
    {CLI_INTO(args, a), .name = "LAST", .operand = true, .help = "never reached"},
    {0},
};

static const cli_command bad = {
    .name = "bad", .help = "a bad one", .options = bad_options, .values_size = sizeof(args), .run = run};
static const cli_command again = {.name = "again", .alias = "bad", .help = "takes the name"};

int main(void)
{
    static const cli_command *const commands[] = {&bad, &again, NULL};
    static const cli_program program = {
        .name = "p", .version = "1", .help = "a program", .commands = commands};
    static const char *const expected[] = {
        "A: is an alternative to nothing",
        "B: is required behind an operand that is not",
        "count: help line ends with a full stop",
        "count: help line begins with a capital",
        "from 1 to 5, not \"9\"",
        "count: is there twice",
        "count: has no help line",
        "count: has no placeholder",
        "no-flag: begins with no-",
        "no-flag: a flag cannot be required",
        "no-flag: help line has several lines",
        "list: a list has no environment variable",
        "list: cannot have a default",
        "json: hides an option of every command",
        "far: lies outside of the command's struct",
        "LAST: stands behind an operand that takes the rest",
        "again: again: does nothing",
        "again: bad: is there twice",
    };
    df_buf faults = {0};
    size_t n = cli_check_program(&program, &faults);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (!check(strstr(df_buf_cstr(&faults), expected[i]), "finds \"%s\"", expected[i]))
            note("%s", df_buf_cstr(&faults));
    check(n == sizeof expected / sizeof *expected, "finds nothing else (%zu)", n);
    df_buf_release(&faults);

    static const cli_command *const none[] = {NULL};
    static const cli_program empty = {.name = "p", .version = "1", .help = "a program", .commands = none};
    check(cli_check_program(&empty, &faults) == 0, "the built-in commands have no faults: %s",
          faults.len ? df_buf_cstr(&faults) : "");
    df_buf_release(&faults);
    return tap_done();
}
