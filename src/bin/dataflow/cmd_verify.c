/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct verify_args {
    const char *scratch_url, *target;
} verify_args;

static const cli_option option_table[] = {
    {CLI_INTO(verify_args, scratch_url), .name = "scratch-url", .arg = "URL", .secret = true,
     .env = "DATAFLOW_SCRATCH_URL",
     .help = "an empty database to work in (default: one made on the same server)"},
    {CLI_INTO(verify_args, target), .name = "target", .arg = "VERSION",
     .help = "up to this version, and with it"},
    {0},
};

static cli_mark mark_of(const df_migrate_proof_item *item)
{
    if (strcmp(item->state, "proved") == 0) return CLI_MARK_OK;
    bool unproved = strcmp(item->state, "no down") == 0 || strcmp(item->state, "passed over") == 0;
    return unproved ? CLI_MARK_WARNING : CLI_MARK_FAILED;
}

static void show_item(cli_context *cli, const df_migrate_proof_item *item)
{
    cli_mark mark = mark_of(item);
    if (mark == CLI_MARK_OK && !cli->verbose) return;
    cli_say_mark(cli, mark, "%s: %s", file_or_id(item->file, item->id), item->state);
    for (const char *text = item->detail; text && *text;) {
        size_t len = strcspn(text, "\n");
        cli_say(cli, "    %.*s", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

static void show(cli_context *cli, const df_migrate_proof *p)
{
    static const cli_column columns[] = {
        {.name = "id"}, {.name = "file"}, {.name = "state"}, {.name = "detail"}};
    if (!cli->json) {
        for (size_t i = 0; i < p->count; i++) show_item(cli, &p->items[i]);
        cli_say_mark(cli, p->broken ? CLI_MARK_FAILED : CLI_MARK_OK,
                     "%zu of %zu migrations can be taken back: proved up, down, up on %s", p->proved,
                     p->count, p->scratch);
        if (p->without_down) cli_say(cli, "    %zu without a down section", p->without_down);
        if (p->broken) cli_say(cli, "    %zu broken", p->broken);
        return;
    }
    cli_view *record = cli_record(cli, NULL);
    cli_put_text(cli_field(record, "scratch", NULL), p->scratch);
    cli_put_int(cli_field(record, "proved", NULL), (int64_t)p->proved);
    cli_put_int(cli_field(record, "broken", NULL), (int64_t)p->broken);
    cli_put_int(cli_field(record, "without_down", NULL), (int64_t)p->without_down);
    cli_view *rows = cli_rows(cli, "migrations", columns, 4, CLI_AUTO);
    for (size_t i = 0; i < p->count; i++) {
        cli_put_text(rows, p->items[i].id);
        cli_put_text(rows, p->items[i].file);
        cli_put_text(rows, p->items[i].state);
        cli_put_text(rows, p->items[i].detail);
    }
    cli_done(rows);
    cli_done(record);
}

static int run(cli_context *cli, const void *values)
{
    const verify_args *args = values;
    df_migrate *migrate = NULL;
    df_migrate_proof proof = {0};
    df_error err = {0};
    df_code code = open_migrate(cli, args->scratch_url ? NEED_FILES : NEED_DATABASE, &migrate, &err);
    if (code == DF_OK) code = df_migrate_verify(migrate, args->scratch_url, args->target, &proof, &err);
    int status;
    if (code == DF_OK || (code == DF_MISMATCH && proof.count)) {
        show(cli, &proof);
        status = df_code_exit_status(code);
    } else {
        status = cli_fail(cli, &err);
    }
    df_migrate_close(migrate);
    return status;
}

const cli_command verify_command = {
    .name = "verify",
    .group = "Prove it",
    .help = "prove on a scratch database that every migration can be taken back",
    .manual =
        "Applies each migration, takes it back and applies it again, comparing the schema before and after, "
        "object by "
        "object. Finds downs that fail, that leave something, and that lose something. The database itself "
        "is not "
        "touched: the scratch one is made on the same server and dropped afterwards. Migrations that change what is "
        "no part of it (MariaDB: a table named with its database, USE; SQLite: ATTACH; a role, user or database "
        "that is dropped) are refused, status 3: nothing is run. On Neo4j what is stored is "
        "compared, too; Community has one database, so that the scratch one is an empty one of another server.\n\n"
        "Status 0: all that have a down are proved. 4: some are broken; they are named, with what differs.",
    .examples = "PROGRAM verify\nPROGRAM verify --scratch-url postgresql://ops@test/scratch --target 012",
    .options = option_table,
    .values_size = sizeof(verify_args),
    .run = run,
};
