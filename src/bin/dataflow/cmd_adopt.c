/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct adopt_args {
    const char *from, *baseline, *hand_back, *reason;
    bool dry_run, yes;
} adopt_args;

static const cli_option option_table[] = {
    {CLI_INTO(adopt_args, from), .name = "from", .arg = "TOOL",
     .help = "the tool (default: whose history is found)"},
    {CLI_INTO(adopt_args, baseline), .name = "baseline", .after = CLI_ONE_OF, .arg = "VERSION",
     .help = "everything up to this version is there already"},
    {CLI_INTO(adopt_args, hand_back), .name = "hand-back", .after = CLI_ONE_OF, .arg = "TOOL",
     .help = "write what was applied since into that tool's history"},
    {CLI_INTO(adopt_args, dry_run), .name = "dry-run", .help = "show what would be done"},
    OPTION_REASON(adopt_args),
    OPTION_YES(adopt_args),
    {0},
};

static void show(cli_context *cli, const df_migrate_adopt_report *r, bool dry_run)
{
    if (cli->json) {
        cli_view *record = cli_record(cli, NULL);
        cli_put_bool(cli_field(record, "dry_run", NULL), dry_run);
        cli_put_text(cli_field(record, "tool", NULL), r->tool);
        cli_put_text(cli_field(record, "table", NULL), r->table);
        cli_put_int(cli_field(record, "written", NULL), r->written);
        show_items(cli, "migrations", r->items, r->count);
        show_findings(cli, "findings", r->findings, r->n_findings);
        cli_done(record);
        return;
    }
    show_findings(cli, NULL, r->findings, r->n_findings);
    if (r->tool)
        cli_say(cli, "History of %s%s%s", r->tool, r->table ? ", table " : "", r->table ? r->table : "");
    for (size_t i = 0; i < r->count && cli->verbose; i++)
        cli_say(cli, "- %s", file_or_id(r->items[i].file, r->items[i].id));
    if (r->written)
        cli_say_mark(cli, CLI_MARK_OK, "%lld %s %s into the history of %s", (long long)r->written,
                     plural(r->written, "migration", "migrations"), dry_run ? "would be written" : "written",
                     r->tool);
    else
        cli_say_mark(cli, CLI_MARK_OK, "%zu %s %s", r->count,
                     plural((int64_t)r->count, "migration", "migrations"),
                     dry_run ? "would be adopted" : "adopted");
}

static int run(cli_context *cli, const void *values)
{
    const adopt_args *args = values;
    df_migrate *migrate = NULL;
    df_migrate_adopt_report report = {0};
    df_error err = {0};
    df_migrate_adopt_options options = {
        .from = args->from,
        .baseline = args->baseline,
        .hand_back = args->hand_back,
        .dry_run = args->dry_run,
        .reason = args->reason,
    };
    df_code code = args->dry_run ? DF_OK : ask_consent(cli, args->yes, false, "changes the history", &err);
    if (code == DF_OK) code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    if (code == DF_OK) code = df_migrate_adopt(migrate, &options, &report, &err);
    int status = 0;
    if (code == DF_OK)
        show(cli, &report, args->dry_run);
    else {
        if (!cli->json) show_findings(cli, NULL, report.findings, report.n_findings);
        status = cli_fail(cli, &err);
    }
    df_migrate_close(migrate);
    return status;
}

const cli_command adopt_command = {
    .name = "adopt",
    .group = "Begin",
    .help = "take over a database that another tool migrated, or that was there before; and hand it back",
    .manual = "Reads the history of golang-migrate, goose, dbmate, Flyway, diesel, sqlx, prisma, node-pg-migrate, sqitch, Authelia, "
              "Kratos, sql-migrate, tern, MyBatis, Play, shmig, rambler, Liquibase, Atlas, Supabase or Drizzle, in a graph that of neo4j-migrations, "
              "liquibase-neo4j or golang-migrate, and marks the same migrations as applied; their table stays as it is. --baseline does "
              "it for a database without any history. --hand-back writes what was applied since into the tool's own table, so that "
              "it can take over again.",
    .examples = "PROGRAM adopt --dry-run --verbose\nPROGRAM adopt\nPROGRAM adopt --baseline 042\nPROGRAM "
                "adopt --hand-back flyway",
    .options = option_table,
    .values_size = sizeof(adopt_args),
    .run = run,
};
