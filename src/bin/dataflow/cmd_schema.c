/* SPDX-License-Identifier: Apache-2.0 */
/* schema validate, schema dump, schema accept. */
#include "commands.h"

typedef struct schema_args {
    const char *reason;
    bool yes;
} schema_args;

static const cli_option accept_options[] = {
    {CLI_INTO(schema_args, reason), .name = "reason", .arg = "TEXT", .required = true,
     .help = "why it is fine, for the audit log"},
    OPTION_YES(schema_args),
    {0},
};

/* ---- validate ---- */

static void say_difference(cli_context *cli, const df_migrate_difference *d)
{
    cli_say_mark(cli, CLI_MARK_FAILED, "%s %s: %s", d->kind, d->name, d->change);
    if (d->expected) cli_say(cli, "    expected  %s", d->expected);
    if (d->found) cli_say(cli, "    found     %s", d->found);
}

static void show_drift(cli_context *cli, const df_migrate_drift *d)
{
    static const cli_column columns[] = {
        {.name = "kind"}, {.name = "name"}, {.name = "change"}, {.name = "expected"}, {.name = "found"}};
    if (!cli->json) {
        for (size_t i = 0; i < d->count; i++) say_difference(cli, &d->differences[i]);
        if (d->count)
            cli_say_mark(cli, CLI_MARK_FAILED, "%zu %s from the schema as it was recorded", d->count,
                         plural((int64_t)d->count, "object differs", "objects differ"));
        else
            cli_say_mark(cli, CLI_MARK_OK, "the schema is as it was recorded: %lld objects",
                         (long long)d->objects);
        return;
    }
    cli_view *record = cli_record(cli, NULL);
    cli_put_bool(cli_field(record, "equal", NULL), d->count == 0);
    put_time_or_null(cli_field(record, "recorded_at", NULL), d->recorded_ms);
    cli_put_int(cli_field(record, "objects", NULL), d->objects);
    cli_view *rows = cli_rows(cli, "differences", columns, 5, CLI_AUTO);
    for (size_t i = 0; i < d->count; i++) {
        cli_put_text(rows, d->differences[i].kind);
        cli_put_text(rows, d->differences[i].name);
        cli_put_text(rows, d->differences[i].change);
        cli_put_text(rows, d->differences[i].expected);
        cli_put_text(rows, d->differences[i].found);
    }
    cli_done(rows);
    cli_done(record);
}

static int run_validate(cli_context *cli, const void *values)
{
    df_migrate *migrate = NULL;
    df_migrate_drift drift = {0};
    df_error err = {0};
    df_code code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    if (code == DF_OK) code = df_migrate_schema_validate(migrate, &drift, &err);
    int status;
    if (code == DF_OK || (code == DF_MISMATCH && drift.count)) {
        show_drift(cli, &drift);
        status = df_code_exit_status(code);
    } else {
        status = cli_fail(cli, &err);
    }
    df_migrate_close(migrate);
    return status;
}

/* ---- dump ---- */

typedef struct dump {
    cli_context *cli;
    df_buf text; /* --json wants it whole */
} dump;

static df_code write_text(void *context, const char *text, size_t len, df_error *err)
{
    dump *d = context;
    if (d->cli->json) {
        df_buf_add(&d->text, text, len);
        return DF_OK;
    }
    cli_write(d->cli, (df_str){text, len});
    return cli_check_output(d->cli, err);
}

static int run_dump(cli_context *cli, const void *values)
{
    df_migrate *migrate = NULL;
    dump d = {.cli = cli};
    df_error err = {0};
    df_code code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    if (code == DF_OK) code = df_migrate_schema_dump(migrate, write_text, &d, &err);
    if (code == DF_OK && cli->json) {
        cli_view *record = cli_record(cli, NULL);
        cli_put_str(cli_field(record, "schema", NULL), df_buf_str(&d.text));
        cli_done(record);
    }
    df_buf_release(&d.text);
    df_migrate_close(migrate);
    return code == DF_OK ? 0 : cli_fail(cli, &err);
}

/* ---- accept ---- */

static int run_accept(cli_context *cli, const void *values)
{
    const schema_args *args = values;
    df_migrate *migrate = NULL;
    df_error err = {0};
    df_code code = ask_consent(cli, args->yes, false, "takes the live schema for the right one", &err);
    if (code == DF_OK) code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    if (code == DF_OK) code = df_migrate_schema_accept(migrate, args->reason, &err);
    df_migrate_close(migrate);
    if (code != DF_OK) return cli_fail(cli, &err);
    if (cli->json) {
        cli_view *record = cli_record(cli, NULL);
        cli_put_bool(cli_field(record, "accepted", NULL), true);
        cli_done(record);
    }
    cli_say_mark(cli, CLI_MARK_OK, "the live schema is recorded as the right one");
    return 0;
}

const cli_command schema_validate_command = {
    .name = "schema validate",
    .group = "Prove it",
    .help = "compare the live schema with the one recorded at the last success",
    .manual = "Object by object: tables, columns, indexes, constraints, views, functions, triggers, "
              "policies, grants, "
              "sequences. Finds what was changed by hand.\n\n"
              "Status 0: equal. 4: they differ. 1: none was recorded yet.",
    .examples = "PROGRAM schema validate --env production",
    .run = run_validate,
};

const cli_command schema_dump_command = {
    .name = "schema dump",
    .group = "Prove it",
    .help = "print the live schema as text, object by object",
    .manual = "For keeping beside the migrations, and for comparing with another day or database. The "
              "ledger's own tables "
              "are left out.",
    .examples = "PROGRAM schema dump >schema.txt",
    .run = run_dump,
};

const cli_command schema_accept_command = {
    .name = "schema accept",
    .group = "Prove it",
    .help = "record the live schema as the right one, after judging its differences",
    .examples = "PROGRAM schema accept --reason \"index made by hand during incident 4711\"",
    .options = accept_options,
    .values_size = sizeof(schema_args),
    .run = run_accept,
};
