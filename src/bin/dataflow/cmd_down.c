/* SPDX-License-Identifier: Apache-2.0 */
/* down and redo. */
#include "commands.h"

typedef struct down_args {
    const char *target, *reason, *events;
    int64_t steps;
    bool dry_run, force, yes;
} down_args;

#define COMMON_OPTIONS                                                                                       \
    {CLI_INTO(down_args, dry_run), .name = "dry-run",                                                        \
     .help = "rehearse: run it in a transaction that is rolled back, or have it explained, and report"},      \
        {CLI_INTO(down_args, force), .name = "force",                                                        \
         .help = "also when data would be lost, or there is no down; audited"},                              \
        OPTION_REASON(down_args), OPTION_YES(down_args),                                                     \
    {                                                                                                        \
        CLI_INTO(down_args, events), .name = "events", .arg = "FILE",                                        \
                                     .help = "append events as JSON lines; - is standard output"             \
    }

static const cli_option down_options[] = {
    {CLI_INTO(down_args, target), .name = "target", .also = "to", .arg = "VERSION", .help = "what came after this version"},
    {CLI_INTO(down_args, steps), .name = "steps", .after = CLI_ONE_OF, .arg = "N", .min = 1, .max = INT64_MAX,
     .help = "the newest N (default: 1)"},
    COMMON_OPTIONS,
    {0},
};

static const cli_option redo_options[] = {COMMON_OPTIONS, {0}};

typedef df_code (*run_fn)(df_migrate *, const df_migrate_run_options *, df_migrate_run_report *, df_error *);

static df_code migrate_down(cli_context *cli, const down_args *args, run_fn fn, df_migrate **migrate,
                            events **ev, df_migrate_run_report *report, df_error *err)
{
    df_migrate_config *config = df_arena_zalloc(&cli->arena, sizeof *config);
    DF_TRY(configure(cli, NEED_DATABASE, config, err));
    if (!args->dry_run) DF_TRY(ask_consent(cli, args->yes, false, "takes migrations back", err));
    DF_TRY(events_open(cli, args->events, config, ev, err));
    df_migrate_run_options options = {
        .target = args->target,
        .steps = args->steps > 0 ? args->steps : 0,
        .dry_run = args->dry_run,
        .force = args->force,
        .reason = args->reason,
    };
    DF_TRY(df_migrate_open(config, migrate, err));
    return fn(*migrate, &options, report, err);
}

static int run(cli_context *cli, const down_args *args, run_fn fn, const char *verb)
{
    df_migrate *migrate = NULL;
    events *ev = NULL;
    df_migrate_run_report report = {0};
    df_error err = {0}, late = {0};
    df_code code = migrate_down(cli, args, fn, &migrate, &ev, &report, &err);
    bool silent = ev && events_own_output(ev);
    if (ev && events_close(ev, &late) != DF_OK && code == DF_OK) {
        code = late.code;
        err = late;
    }
    int status = !silent ? show_run(cli, &report, verb, code, &err) : code ? cli_fail(cli, &err) : 0;
    df_migrate_close(migrate);
    return status;
}

static int run_down(cli_context *cli, const void *values)
{
    return run(cli, values, df_migrate_down, "taken back");
}

static int run_redo(cli_context *cli, const void *values)
{
    return run(cli, values, df_migrate_redo, "done again");
}

const cli_command down_command = {
    .name = "down",
    .group = "Migrate",
    .help = "take migrations back, newest first",
    .manual = "The newest one, or --steps, or everything behind --target. Refuses what has no down section, "
              "and what would "
              "lose data, naming the rows; --force goes on, and is audited. A production environment asks "
              "for --yes.",
    .examples = "PROGRAM down\nPROGRAM down --target 1.2.3 --dry-run\nPROGRAM down --force --reason "
                "\"incident 4711\" --yes",
    .options = down_options,
    .values_size = sizeof(down_args),
    .run = run_down,
};

const cli_command redo_command = {
    .name = "redo",
    .group = "Migrate",
    .help = "take the newest migration back and apply it again",
    .manual = "For writing migrations: the file may have been changed in between. Refuses as `down` does.",
    .examples = "PROGRAM redo",
    .options = redo_options,
    .values_size = sizeof(down_args),
    .run = run_redo,
};
