/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct up_args {
    const char *target, *reason, *events;
    int64_t steps;
    bool dry_run, force, skip_backup, out_of_order;
    cli_list approved_by;
} up_args;

static const cli_option option_table[] = {
    {CLI_INTO(up_args, target), .name = "target", .also = "to", .arg = "VERSION",
     .help = "up to this version, and with it"},
    {CLI_INTO(up_args, steps), .name = "steps", .arg = "N", .min = 1, .max = INT64_MAX,
     .help = "so many at most"},
    {CLI_INTO(up_args, dry_run), .name = "dry-run",
     .help = "rehearse: run it in a transaction that is rolled back, or have it explained, and report"},
    {CLI_INTO(up_args, force), .name = "force", .help = "go through gates that say so; each is audited"},
    {CLI_INTO(up_args, skip_backup), .name = "skip-backup",
     .help = "without the backup that the environment demands"},
    {CLI_INTO(up_args, out_of_order), .name = "out-of-order",
     .help = "also migrations that are older than the newest applied one"},
    {CLI_INTO(up_args, approved_by), .name = "approved-by", .arg = "NAME", .help = "who approved it"},
    OPTION_REASON(up_args),
    {CLI_INTO(up_args, events), .name = "events", .arg = "FILE",
     .help = "append events as JSON lines; - is standard output"},
    {0},
};

static df_code migrate_up(cli_context *cli, const up_args *args, df_migrate **migrate, events **ev,
                          df_migrate_run_report *report, df_error *err)
{
    df_migrate_config *config = df_arena_zalloc(&cli->arena, sizeof *config);
    DF_TRY(configure(cli, NEED_DATABASE, config, err));
    config->allow_late = config->allow_late || args->out_of_order;
    DF_TRY(events_open(cli, args->events, config, ev, err));
    df_migrate_run_options options = {
        .target = args->target,
        .steps = args->steps == CLI_UNSET ? 0 : args->steps,
        .dry_run = args->dry_run,
        .force = args->force,
        .skip_backup = args->skip_backup,
        .reason = args->reason,
        .approvals = args->approved_by.items,
        .n_approvals = args->approved_by.count,
    };
    DF_TRY(df_migrate_open(config, migrate, err));
    return df_migrate_up(*migrate, &options, report, err);
}

/* "Pending migrations: 1" and their list, as validate and status print it. */
static void say_rehearsed(cli_context *cli, const df_migrate_run_report *r)
{
    cli_say(cli, "Pending migrations: %zu", r->count);
    for (size_t i = 0; i < r->count; i++) {
        const df_migrate_run_item *m = &r->items[i];
        bool risk = m->risk && *m->risk;
        cli_say(cli, "- %s%s%s%s", file_or_id(m->file, m->id), risk ? " (risk: " : "", risk ? m->risk : "",
                risk ? ")" : "");
    }
}

static int run(cli_context *cli, const void *values)
{
    const up_args *args = values;
    df_migrate *migrate = NULL;
    events *ev = NULL;
    df_migrate_run_report report = {0};
    df_error err = {0}, late = {0};
    df_code code = migrate_up(cli, args, &migrate, &ev, &report, &err);
    bool silent = ev && events_own_output(ev);
    if (ev && events_close(ev, &late) != DF_OK && code == DF_OK) {
        code = late.code;
        err = late;
    }
    if (report.dry_run && code == DF_OK && !silent) say_rehearsed(cli, &report);
    int status = !silent ? show_run(cli, &report, "applied", code, &err) : code ? cli_fail(cli, &err) : 0;
    df_migrate_close(migrate);
    return status;
}

const cli_command up_command = {
    .name = "up",
    .group = "Migrate",
    .help = "apply what waits, in its order, under the migration lock",
    .manual = "Each file in one transaction where the engine can; what cannot run in one (CREATE INDEX "
              "CONCURRENTLY, VACUUM, "
              "everything on MariaDB, schema and batches on Neo4j) is run statement by statement and journalled. Killed anywhere, the "
              "next `up` goes on at the "
              "first unfinished statement, or shows the one in doubt.\n\n"
              "A migration that fails is rolled back by itself. Statements wait for locks only as long as "
              "`lock-timeout` and are "
              "tried again, so that nothing queues behind them.\n\n"
              "A dry run on PostgreSQL and SQLite holds the locks of all that it rehearses until it rolls it back: where traffic must not "
              "wait for as long as everything that is pending takes, rehearse on a copy. What a rollback does not bring back it "
              "does all the same: values of sequences, what functions send elsewhere.\n\n"
              "Status 0: done, or nothing to do. 1: a migration failed, and nothing of it is left. 3: a gate "
              "refused; the message "
              "names it. 4: files and history do not agree. 6: another run holds the lock. 7: something is "
              "left; `dataflow why` "
              "explains it, the next `up` goes on.",
    .examples = "PROGRAM up --dry-run --env production\n"
                "PROGRAM up --env production --approved-by anna --approved-by ben 2>&1 | tee migration.log\n"
                "PROGRAM up --target 012 --events run.jsonl",
    .options = option_table,
    .values_size = sizeof(up_args),
    .run = run,
};
