/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

static void show(cli_context *cli, const df_migrate_validation *v)
{
    cli_view *record = cli->json ? cli_record(cli, NULL) : NULL;
    if (record) {
        cli_put_bool(cli_field(record, "valid", NULL), v->errors == 0);
        cli_put_int(cli_field(record, "checked", NULL), v->checked);
        cli_put_int(cli_field(record, "errors", NULL), (int64_t)v->errors);
        cli_put_int(cli_field(record, "warnings", NULL), (int64_t)v->warnings);
    }
    show_findings(cli, "findings", v->findings, v->n_findings);
    show_items(cli, "pending", v->pending, v->n_pending);
    if (record) {
        cli_done(record);
        return;
    }
    /* Scripts look for this line, whatever the locale is. */
    if (!v->errors && !cli->terminal)
        cli_say(cli, "✓ All migrations are valid");
    else if (!v->errors)
        cli_say_mark(cli, CLI_MARK_OK, "All migrations are valid");
    else
        cli_say_mark(cli, CLI_MARK_FAILED, "%zu %s in %lld migrations", v->errors,
                     plural((int64_t)v->errors, "error", "errors"), (long long)v->checked);
    say_pending(cli, v->pending, v->n_pending);
}

static int run(cli_context *cli, const void *values)
{
    df_migrate *migrate = NULL;
    df_migrate_validation v = {0};
    df_error err = {0};
    df_code code = open_migrate(cli, NEED_FILES, &migrate, &err);
    if (code == DF_OK) code = df_migrate_validate(migrate, &v, &err);
    int status;
    if (code == DF_OK || (code == DF_MISMATCH && v.errors)) {
        show(cli, &v);
        status = df_code_exit_status(code);
    } else {
        status = cli_fail(cli, &err);
    }
    df_migrate_close(migrate);
    return status;
}

const cli_command validate_command = {
    .name = "validate",
    .group = "Migrate",
    .help = "read every file and statement, and compare with the history",
    .manual = "Every file is split and classified, headers and dependencies are read, and what was applied "
              "is compared "
              "with what the files say now, statement by statement: comments, white space and line ends do "
              "not count. "
              "Without a database the files alone.\n\n"
              "Status 0: all are valid. 4: there are errors, which `up` would refuse or fail at.",
    .examples = "PROGRAM validate\nPROGRAM validate --json | jq -r '.findings[].what'",
    .run = run,
};
