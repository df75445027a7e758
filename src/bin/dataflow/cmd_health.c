/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

static cli_mark mark_of(const char *status)
{
    if (strcmp(status, "ok") == 0) return CLI_MARK_OK;
    return strcmp(status, "critical") == 0 ? CLI_MARK_FAILED : CLI_MARK_WARNING;
}

/* What monitors expect: 0 well, 1 warning, 2 critical, 3 not known. */
static int status_of(const char *status)
{
    static const char *const names[] = {"ok", "warning", "critical"};
    for (int i = 0; i < 3; i++)
        if (strcmp(status, names[i]) == 0) return i;
    return 3;
}

static void show(cli_context *cli, const df_migrate_health *h)
{
    static const cli_column columns[] = {{.name = "check_name"},
                                         {.name = "status"},
                                         {.name = "message"},
                                         {.name = "details"},
                                         {.name = "remedy"}};
    if (!cli->json) {
        for (size_t i = 0; i < h->count; i++) {
            const df_migrate_check *c = &h->checks[i];
            cli_say_mark(cli, mark_of(c->status), "%s: %s%s", c->name,
                         strcmp(c->status, "unknown") == 0 ? "not known: " : "", c->message);
            if (c->remedy && strcmp(c->status, "ok") != 0) cli_say(cli, "    → %s", c->remedy);
        }
        cli_say(cli, "Health: %s", h->status);
        return;
    }
    cli_view *record = cli_record(cli, NULL);
    cli_put_text(cli_field(record, "status", NULL), h->status);
    cli_view *rows = cli_rows(cli, "checks", columns, 5, CLI_AUTO);
    for (size_t i = 0; i < h->count; i++) {
        const df_migrate_check *c = &h->checks[i];
        cli_put_text(rows, c->name);
        cli_put_text(rows, c->status);
        cli_put_text(rows, c->message);
        if (c->details && *c->details)
            cli_put_raw(rows, df_str_from(c->details));
        else
            cli_put_null(rows);
        cli_put_text(rows, c->remedy);
    }
    cli_done(rows);
    cli_done(record);
}

static int run(cli_context *cli, const void *values)
{
    df_migrate *migrate = NULL;
    df_migrate_health health = {0};
    df_error err = {0};
    df_code code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    if (code == DF_OK) code = df_migrate_health_read(migrate, &health, &err);
    int status;
    if (code == DF_OK) {
        show(cli, &health);
        status = status_of(health.status);
    } else {
        status = cli_fail(cli, &err);
        /* To a monitor 1 is a warning, and a lock or a mismatch is nothing that it knows: it could not be told. */
        bool known = code == DF_USAGE || code == DF_CONNECT || code == DF_CANCELLED || code == DF_INCOMPLETE || code == DF_BUG;
        if (!known) status = status_of("unknown");
    }
    df_migrate_close(migrate);
    return status;
}

const cli_command health_command = {
    .name = "health",
    .group = "Operate",
    .help = "examine the database: stuck migrations, locks, backups, disk, invalid indexes",
    .manual = "Changes nothing. The exit status is what monitors expect: 0 well, 1 a warning, 2 critical "
              "(also a wrong command "
              "line), 3 could not be told, 5 the database cannot be reached, 7 a restore of it did not end.",
    .examples = "PROGRAM health --env production --json",
    .run = run,
};
