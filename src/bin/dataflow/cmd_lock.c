/* SPDX-License-Identifier: Apache-2.0 */
/* lock status and lock release. */
#include "commands.h"

typedef struct lock_args {
    bool force, yes;
} lock_args;

static const cli_option release_options[] = {
    {CLI_INTO(lock_args, force), .name = "force", .help = "also when its holder lives: its session is ended"},
    OPTION_YES(lock_args),
    {0},
};

static bool is_free(const df_migrate_lock *l)
{
    return strcmp(l->state, "free") == 0 || strcmp(l->state, "none") == 0;
}

static void show(cli_context *cli, const df_migrate_lock *l)
{
    cli_view *r = cli_record(cli, NULL);
    bool all = cli->json || !is_free(l);
    cli_put_text(cli_field(r, "state", "Migration lock"), is_free(l) ? "free" : l->state);
    if (all) {
        cli_put_text(cli_field(r, "owner", "Owner"), l->owner);
        cli_put_text(cli_field(r, "host", "Host"), l->host);
        put_int_or_null(cli_field(r, "pid", "Process"), l->pid, 0);
        put_int_or_null(cli_field(r, "session", "Session"), l->session, 0);
        cli_put_text(cli_field(r, "purpose", "For"), l->purpose);
        cli_put_text(cli_field(r, "doing", "Doing"), l->doing);
        put_time_or_null(cli_field(r, "acquired_at", "Since"), l->acquired_ms);
        put_time_or_null(cli_field(r, "heartbeat_at", "Last heard of"), l->heartbeat_ms);
        put_time_or_null(cli_field(r, "expires_at", "Lease until"), l->expires_ms);
        put_time_or_null(cli_field(r, "now", "Server's time"), l->now_ms);
        cli_put_int(cli_field(r, "fence", "Fence"), l->fence);
        cli_put_text(cli_field(r, "lock_id", NULL), l->lock_id);
    }
    cli_done(r);
}

static int run_status(cli_context *cli, const void *values)
{
    df_migrate *migrate = NULL;
    df_migrate_lock lock;
    df_error err = {0};
    df_code code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    if (code == DF_OK) code = df_migrate_lock_read(migrate, &lock, &err);
    if (code == DF_OK) show(cli, &lock);
    int status = code == DF_OK ? 0 : cli_fail(cli, &err);
    df_migrate_close(migrate);
    return status;
}

static int run_release(cli_context *cli, const void *values)
{
    const lock_args *args = values;
    df_migrate *migrate = NULL;
    df_migrate_lock was;
    df_error err = {0};
    df_code code = ask_consent(cli, args->yes, args->force, "takes the migration lock from its holder", &err);
    if (code == DF_OK) code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    if (code == DF_OK) code = df_migrate_lock_release(migrate, args->force, &was, &err);
    int status = 0;
    if (code != DF_OK)
        status = cli_fail(cli, &err);
    else if (cli->json)
        show(cli, &was);
    else if (is_free(&was))
        cli_say_mark(cli, CLI_MARK_OK, "the migration lock was free");
    else
        cli_say_mark(cli, CLI_MARK_OK, "the migration lock is free; it was %s, held by %s@%s, pid %lld",
                     was.state, was.owner ? was.owner : "?", was.host ? was.host : "?", (long long)was.pid);
    df_migrate_close(migrate);
    return status;
}

const cli_command lock_status_command = {
    .name = "lock status",
    .group = "Operate",
    .help = "show who holds the migration lock, and whether they live",
    .manual = "`free`; `alive`: its session lives and its lease is good; `frozen`: its session lives, its "
              "lease is over; "
              "`gone`: left over, the next run takes it; `restored`: it came with a restored or copied "
              "database; `hidden`: held, "
              "but its row was deleted; `unknown` counts as held.",
    .examples = "PROGRAM lock status",
    .run = run_status,
};

const cli_command lock_release_command = {
    .name = "lock release",
    .group = "Operate",
    .help = "free the migration lock that its holder left behind",
    .manual = "Hardly ever needed: a dead holder's lock is free at once, a frozen one's within its lease. "
              "Refuses to take it from "
              "a holder that lives, but for --force, which ends its session.",
    .examples = "PROGRAM lock release\nPROGRAM lock release --force --yes",
    .options = release_options,
    .values_size = sizeof(lock_args),
    .run = run_release,
};
