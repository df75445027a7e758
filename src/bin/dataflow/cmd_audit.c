/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "base/clock.h"

typedef struct audit_args {
    bool verify;
    const char *head, *migration, *format;
    int64_t limit;
} audit_args;

static const cli_option option_table[] = {
    {CLI_INTO(audit_args, migration), .name = "migration", .arg = "ID", .help = "of one migration alone"},
    {CLI_INTO(audit_args, limit), .name = "limit", .arg = "N", .min = 1, .max = INT64_MAX,
     .help = "the newest N"},
    {CLI_INTO(audit_args, format), .name = "format", .choices = "auto|table|json|jsonl", .def = "auto",
     .help = "as; jsonl is one JSON object on a line, all of it, for keeping elsewhere"},
    {CLI_INTO(audit_args, verify), .name = "verify", .help = "examine the chain of hashes instead"},
    {CLI_INTO(audit_args, head), .name = "head", .arg = "HASH",
     .help = "with --verify: the newest entry must be this one, or stand behind it"},
    {0},
};

typedef struct printer {
    cli_context *cli;
    cli_view *rows; /* NULL: JSON lines */
    bool all;       /* every member, not only what fits a terminal */
} printer;

static void print_line(printer *p, const df_migrate_audit_entry *e)
{
    char time[40];
    df_buf line = {0};
    df_json_writer w = {.out = &line};
    df_time_format(e->time_ms, time);
    df_json_begin(&w, NULL, '{');
    df_json_add_int(&w, "id", e->id);
    df_json_add_text(&w, "time", time);
    df_json_add_text(&w, "action", e->action);
    df_json_add_text(&w, "migration", e->migration_id);
    df_json_add_text(&w, "actor", e->actor);
    df_json_add_text(&w, "database_user", e->database_user);
    df_json_add_text(&w, "address", e->address);
    df_json_add_text(&w, "user_agent", e->user_agent);
    df_json_add_text(&w, "environment", e->environment);
    df_json_add_raw(&w, "details", df_str_from(e->details && *e->details ? e->details : NULL));
    df_json_add_text(&w, "previous", e->previous);
    df_json_add_text(&w, "hash", e->hash);
    df_json_end(&w, '}');
    df_buf_char(&line, '\n');
    cli_write(p->cli, df_buf_str(&line));
    df_buf_release(&line);
}

static df_code print_entry(void *context, const df_migrate_audit_entry *e, df_error *err)
{
    printer *p = context;
    if (!p->rows) {
        print_line(p, e);
        return cli_check_output(p->cli, err);
    }
    cli_put_int(p->rows, e->id);
    cli_put_time(p->rows, e->time_ms);
    cli_put_text(p->rows, e->action);
    cli_put_text(p->rows, e->migration_id);
    cli_put_text(p->rows, e->actor);
    if (p->all) {
        cli_put_text(p->rows, e->database_user);
        cli_put_text(p->rows, e->address);
        cli_put_text(p->rows, e->user_agent);
        cli_put_text(p->rows, e->environment);
        if (e->details && *e->details)
            cli_put_raw(p->rows, df_str_from(e->details));
        else
            cli_put_null(p->rows);
        cli_put_text(p->rows, e->previous);
        cli_put_text(p->rows, e->hash);
    }
    return cli_check_output(p->cli, err);
}

static df_code print_all(cli_context *cli, const audit_args *args, df_migrate *migrate, df_error *err)
{
    static const cli_column columns[] = {
        {.name = "id"},      {.name = "time"},       {.name = "action"},      {.name = "migration"},
        {.name = "actor"},   {.name = "database_user"}, {.name = "address"},  {.name = "user_agent"},
        {.name = "environment"}, {.name = "details"}, {.name = "previous"},   {.name = "hash"},
    };
    bool json = cli->json || strcmp(args->format, "json") == 0;
    printer p = {.cli = cli, .all = json || cli->verbose};
    cli_format format = json ? CLI_AS_JSON : CLI_AS_TABLE;
    if (strcmp(args->format, "jsonl") != 0)
        p.rows = cli_rows(cli, NULL, columns, p.all ? 12 : 5, format);
    int64_t limit = args->limit == CLI_UNSET ? 0 : args->limit;
    df_code code = df_migrate_audit(migrate, args->migration, limit, print_entry, &p, err);
    if (p.rows && code == DF_OK) cli_done(p.rows);
    return code;
}

static int verify(cli_context *cli, const audit_args *args, df_migrate *migrate)
{
    df_migrate_audit_proof proof = {0};
    df_error err = {0};
    df_code code = df_migrate_audit_verify(migrate, args->head, &proof, &err);
    if (code != DF_OK && code != DF_MISMATCH) return cli_fail(cli, &err);
    if (cli->json) {
        cli_view *record = cli_record(cli, NULL);
        cli_put_bool(cli_field(record, "intact", NULL), code == DF_OK);
        cli_put_int(cli_field(record, "entries", NULL), proof.entries);
        put_int_or_null(cli_field(record, "broken_at", NULL), proof.broken_at, 0);
        cli_put_text(cli_field(record, "what", NULL), proof.what && *proof.what ? proof.what : NULL);
        cli_put_text(cli_field(record, "head", NULL), proof.head && *proof.head ? proof.head : NULL);
        cli_done(record);
        return df_code_exit_status(code);
    }
    if (code != DF_OK) return cli_fail(cli, &err);
    cli_say_mark(cli, CLI_MARK_OK, "the audit log is intact: %lld %s", (long long)proof.entries,
                 plural(proof.entries, "entry", "entries"));
    if (proof.head && *proof.head) cli_say(cli, "head: %s", proof.head);
    return 0;
}

static int run(cli_context *cli, const void *values)
{
    const audit_args *args = values;
    df_migrate *migrate = NULL;
    df_error err = {0};
    if (args->head && !args->verify) return cli_usage(cli, "--head belongs to --verify");
    if (cli->json && strcmp(args->format, "jsonl") == 0)
        return cli_usage(cli, "--json and --format jsonl: give one of them");
    df_code code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    int status;
    if (code == DF_OK && args->verify) {
        status = verify(cli, args, migrate);
    } else {
        if (code == DF_OK) code = print_all(cli, args, migrate, &err);
        status = code == DF_OK ? 0 : cli_fail(cli, &err);
    }
    df_migrate_close(migrate);
    return status;
}

const cli_command audit_command = {
    .name = "audit",
    .group = "Look back",
    .help = "show the audit log, or prove that nobody changed it",
    .manual = "Who did what, from where, when, with which statements and whose approval. Each entry holds "
              "the hash of the one "
              "before it: --verify recomputes the chain and names the first entry that was changed or taken "
              "out. That entries "
              "were cut off at the end shows only when the newest hash was kept elsewhere, and is given with "
              "--head.\n\n"
              "Status of --verify: 0 intact, 4 tampered with.",
    .examples = "PROGRAM audit --limit 20\nPROGRAM audit --format jsonl >audit.jsonl\nPROGRAM audit --verify "
                "--head \"$(tail -n 1 "
                "audit.jsonl | jq -r .hash)\"",
    .options = option_table,
    .values_size = sizeof(audit_args),
    .run = run,
};
