/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct repair_args {
    const char *id, *reason, *statement_done, *statement_again;
    bool dry_run, forget_missing, yes;
} repair_args;

static const cli_option option_table[] = {
    {CLI_INTO(repair_args, id), .name = "MIGRATION", .operand = true,
     .help = "one migration (default: all that need it)"},
    {CLI_INTO(repair_args, dry_run), .name = "dry-run", .help = "show what would be done"},
    {CLI_INTO(repair_args, reason), .name = "reason", .arg = "TEXT",
     .help = "why; required unless --dry-run"},
    {CLI_INTO(repair_args, forget_missing), .name = "forget-missing",
     .help = "take migrations out of the history whose files are gone"},
    {CLI_INTO(repair_args, statement_done), .name = "statement-done", .arg = "N",
     .help = "the statement in doubt took effect"},
    {CLI_INTO(repair_args, statement_again), .name = "statement-again", .after = CLI_ONE_OF, .arg = "N",
     .help = "it did not, and is to be run again"},
    OPTION_YES(repair_args),
    {0},
};

static void show(cli_context *cli, const df_migrate_repair_report *r, bool dry_run)
{
    static const cli_column columns[] = {{.name = "id"}, {.name = "action"}, {.name = "detail"}};
    if (cli->json) {
        cli_view *record = cli_record(cli, NULL);
        cli_put_bool(cli_field(record, "dry_run", NULL), dry_run);
        cli_view *rows = cli_rows(cli, "repairs", columns, 3, CLI_AUTO);
        for (size_t i = 0; i < r->count; i++) {
            cli_put_text(rows, r->items[i].id);
            cli_put_text(rows, r->items[i].action);
            cli_put_text(rows, r->items[i].detail);
        }
        cli_done(rows);
        cli_done(record);
        return;
    }
    for (size_t i = 0; i < r->count; i++) {
        cli_say_mark(cli, dry_run ? CLI_MARK_WARNING : CLI_MARK_OK, "%s: %s%s", r->items[i].id,
                     dry_run ? "would " : "", r->items[i].action);
        for (const char *text = r->items[i].detail; text && *text;) {
            size_t len = strcspn(text, "\n");
            cli_say(cli, "    %.*s", (int)len, text);
            text += len + (text[len] == '\n');
        }
    }
    if (!r->count) cli_say_mark(cli, CLI_MARK_OK, "nothing to repair");
}

static int run(cli_context *cli, const void *values)
{
    const repair_args *args = values;
    df_migrate *migrate = NULL;
    df_migrate_repair_report report = {0};
    df_error err = {0};
    if (!args->dry_run && !args->reason) return cli_usage(cli, "repair needs --reason TEXT, or --dry-run");
    df_migrate_repair_options options = {
        .id = args->id,
        .reason = args->reason,
        .dry_run = args->dry_run,
        .statement_done = args->statement_done,
        .statement_again = args->statement_again,
        .forget_missing = args->forget_missing,
    };
    df_code code = args->dry_run ? DF_OK : ask_consent(cli, args->yes, false, "changes the history", &err);
    if (code == DF_OK) code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    if (code == DF_OK) code = df_migrate_repair(migrate, &options, &report, &err);
    if (code == DF_OK) show(cli, &report, args->dry_run);
    int status = code == DF_OK ? 0 : cli_fail(cli, &err);
    df_migrate_close(migrate);
    return status;
}

const cli_command repair_command = {
    .name = "repair",
    .group = "Mend",
    .help = "bring the history in line with the files, after a look at what differs",
    .manual = "Accepts files that were modified after application (the statements that differ are shown), "
              "follows renamed "
              "ones, decides statements in doubt. Never changes anything but the history; each repair is "
              "audited with its "
              "reason.",
    .examples = "PROGRAM repair --dry-run\nPROGRAM repair 009_add_notification_system --reason \"comment and "
                "typo only\"\n"
                "PROGRAM repair 012_index --statement-done 3 --reason \"the index is there and valid\"",
    .options = option_table,
    .values_size = sizeof(repair_args),
    .run = run,
};
