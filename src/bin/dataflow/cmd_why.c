/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct why_args {
    const char *terminate, *reason;
} why_args;

static const cli_option option_table[] = {
    {CLI_INTO(why_args, terminate), .name = "terminate", .arg = "ID",
     .help = "end this transaction or session, as it is named on the screen; audited"},
    OPTION_REASON(why_args),
    {0},
};

static void show(cli_context *cli, const df_migrate_why *w)
{
    static const struct {
        const char *name;
        cli_style style;
    } severities[] = {{"bad", CLI_BAD}, {"warning", CLI_WARN}, {"ok", CLI_GOOD}};
    const char *section = "";
    cli_say_mark(cli, w->stuck ? CLI_MARK_FAILED : CLI_MARK_OK, "%s", w->summary);
    for (size_t i = 0; i < w->count; i++) {
        const df_migrate_why_line *l = &w->lines[i];
        cli_style style = CLI_PLAIN;
        for (size_t k = 0; k < sizeof severities / sizeof *severities; k++)
            if (strcmp(l->severity, severities[k].name) == 0) style = severities[k].style;
        if (strcmp(section, l->section) != 0) cli_heading(cli, "%s", l->section);
        section = l->section;
        cli_say(cli, "%*s%s", 2 + (int)l->depth * 2, "", cli_paint(cli, style, l->text));
        if (l->command) cli_say(cli, "%*s→ %s", 2 + (int)l->depth * 2, "", l->command);
    }
}

static void show_json(cli_context *cli, const df_migrate_why *w)
{
    static const cli_column columns[] = {
        {.name = "section"}, {.name = "severity"}, {.name = "depth"}, {.name = "text"}, {.name = "command"}};
    cli_view *record = cli_record(cli, NULL);
    cli_put_bool(cli_field(record, "stuck", NULL), w->stuck);
    cli_put_text(cli_field(record, "summary", NULL), w->summary);
    cli_view *rows = cli_rows(cli, "lines", columns, 5, CLI_AUTO);
    for (size_t i = 0; i < w->count; i++) {
        cli_put_text(rows, w->lines[i].section);
        cli_put_text(rows, w->lines[i].severity);
        cli_put_int(rows, w->lines[i].depth);
        cli_put_text(rows, w->lines[i].text);
        cli_put_text(rows, w->lines[i].command);
    }
    cli_done(rows);
    cli_done(record);
}

static int terminate(cli_context *cli, df_migrate *migrate, const why_args *args)
{
    const char *command = NULL;
    df_error err = {0};
    if (df_migrate_terminate(migrate, args->terminate, args->reason, &command, &err) != DF_OK) return cli_fail(cli, &err);
    if (cli->json) {
        cli_view *record = cli_record(cli, NULL);
        cli_put_text(cli_field(record, "terminated", NULL), args->terminate);
        cli_put_text(cli_field(record, "command", NULL), command);
        cli_done(record);
        return 0;
    }
    cli_say_mark(cli, CLI_MARK_OK, "%s: ended, by %s", args->terminate, command);
    return 0;
}

static int run(cli_context *cli, const void *values)
{
    const why_args *args = values;
    df_migrate *migrate = NULL;
    df_migrate_why why = {0};
    df_error err = {0};
    df_code code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    if (code == DF_OK && args->terminate) {
        int status = terminate(cli, migrate, args);
        df_migrate_close(migrate);
        return status;
    }
    if (code == DF_OK) code = df_migrate_why_read(migrate, &why, &err);
    int status = 0;
    if (code != DF_OK)
        status = cli_fail(cli, &err);
    else if (cli->json)
        show_json(cli, &why);
    else
        show(cli, &why);
    df_migrate_close(migrate);
    return status;
}

const cli_command why_command = {
    .name = "why",
    .group = "Operate",
    .help = "explain on one screen why nothing moves, and what to type next",
    .manual = "Who holds the migration lock, who blocks whom, the oldest transaction, a migration that is "
              "applied in part, "
              "invalid indexes, and the exact next command. Changes nothing, but for --terminate, which ends one transaction or "
              "session with the command that stands beside it.",
    .examples = "PROGRAM why\nPROGRAM why --terminate neo4j-transaction-112 --reason \"blocks the migration\"",
    .options = option_table,
    .values_size = sizeof(why_args),
    .run = run,
};
