/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct status_args {
    bool exit_code;
} status_args;

static const cli_option option_table[] = {
    {CLI_INTO(status_args, exit_code), .name = "exit-code",
     .help = "end with status 4 when something is pending or does not agree"},
    {0},
};

static cli_style style_of(const df_migrate_item *m)
{
    if (m->blocks) return CLI_BAD;
    if (m->pending) return CLI_WARN;
    return strcmp(m->state, "applied") == 0 ? CLI_GOOD : CLI_PLAIN;
}

static const char *state_of(cli_context *cli, const df_migrate_item *m)
{
    if (m->steps && m->steps_done < m->steps)
        return df_arena_printf(&cli->arena, "%s, %lld of %lld statements", m->state, (long long)m->steps_done,
                               (long long)m->steps);
    return m->state;
}

static void show_table(cli_context *cli, const df_migrate_status *s)
{
    static const cli_column columns[] = {
        {.title = "MIGRATION", .cut = CLI_CUT_NEVER},
        {.title = "STATE", .cut = CLI_CUT_NEVER},
        {.title = "APPLIED"},
        {.title = "TOOK"},
        {.title = "BY"},
        {.title = "RISK"},
        {.title = "ESTIMATE"},
        {.title = "ROWS"},
        {.title = "DESCRIPTION"},
    };
    bool more = cli->verbose > 0;
    cli_view *rows = cli_rows(cli, NULL, columns, more ? 9 : 4, CLI_AUTO);
    for (size_t i = 0; i < s->count; i++) {
        const df_migrate_item *m = &s->items[i];
        cli_put_text(rows, file_or_id(m->file, m->id));
        cli_put_styled(rows, style_of(m), state_of(cli, m));
        put_time_or_null(rows, m->applied_ms);
        put_ms_or_null(rows, m->duration_ms);
        if (!more) continue;
        cli_put_text(rows, m->applied_by);
        cli_put_text(rows, m->risk && *m->risk ? m->risk : NULL);
        put_ms_or_null(rows, m->estimated_ms);
        put_count_or_null(rows, m->rows_affected);
        cli_put_text(rows, m->description);
    }
    cli_done(rows);
}

/* What does not agree, with the way out, below the table. */
static void say_reasons(cli_context *cli, const df_migrate_status *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const df_migrate_item *m = &s->items[i];
        if (!m->why || (!m->blocks && !cli->verbose)) continue;
        cli_say_mark(cli, m->blocks ? CLI_MARK_FAILED : CLI_MARK_WARNING, "%s: %s",
                     file_or_id(m->file, m->id), m->why);
        if (m->hint) cli_say(cli, "    → %s", m->hint);
    }
}

static void show_people(cli_context *cli, const df_migrate_status *s)
{
    cli_view *head = cli_record(cli, NULL);
    cli_put_format(cli_field(head, NULL, "Database"), "%s", s->server && *s->server ? s->server : s->engine);
    cli_put_text(cli_field(head, NULL, "Environment"), s->environment);
    cli_put_format(cli_field(head, NULL, "Migrations"), "%s (%s)", s->folder,
                   s->layout ? s->layout : "empty");
    cli_put_format(cli_field(head, NULL, "Applied"), "%zu%s%s%s", s->applied,
                   s->current ? ", the newest is " : "", s->current ? s->current : "",
                   s->initialised ? "" : "; the ledger's tables are not there yet");
    if (s->locked) cli_put_styled(cli_field(head, NULL, "Locked by"), CLI_WARN, s->locked_by);
    cli_done(head);
    if (s->count) {
        cli_say(cli, "%s", "");
        show_table(cli, s);
        cli_say(cli, "%s", "");
    }
    show_findings(cli, NULL, s->findings, s->n_findings);
    say_reasons(cli, s);
    say_pending(cli, s->items, s->count);
    if (s->blocking)
        cli_say_mark(cli, CLI_MARK_FAILED, "%zu %s in the way of up", s->blocking,
                     plural((int64_t)s->blocking, "thing stands", "things stand"));
}

static void show_json(cli_context *cli, const df_migrate_status *s)
{
    cli_view *record = cli_record(cli, NULL);
    cli_put_text(cli_field(record, "engine", NULL), s->engine);
    cli_put_text(cli_field(record, "server", NULL), s->server);
    cli_put_text(cli_field(record, "environment", NULL), s->environment);
    cli_put_text(cli_field(record, "folder", NULL), s->folder);
    cli_put_text(cli_field(record, "layout", NULL), s->layout);
    cli_put_bool(cli_field(record, "initialised", NULL), s->initialised);
    cli_put_bool(cli_field(record, "locked", NULL), s->locked);
    cli_put_text(cli_field(record, "locked_by", NULL), s->locked_by);
    cli_put_text(cli_field(record, "current", NULL), s->current);
    cli_put_int(cli_field(record, "applied", NULL), (int64_t)s->applied);
    cli_put_int(cli_field(record, "pending", NULL), (int64_t)s->pending);
    cli_put_int(cli_field(record, "blocking", NULL), (int64_t)s->blocking);
    show_items(cli, "migrations", s->items, s->count);
    show_findings(cli, "findings", s->findings, s->n_findings);
    cli_done(record);
}

static int run(cli_context *cli, const void *values)
{
    const status_args *args = values;
    df_migrate *migrate = NULL;
    df_migrate_status status;
    df_error err = {0};
    df_migrate_details details = cli->verbose > 0 ? DF_MIGRATE_DETAILS_ALL : DF_MIGRATE_DETAILS_PENDING;
    df_code code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    if (code == DF_OK) code = df_migrate_status_read(migrate, details, &status, &err);
    int result = code == DF_OK ? 0 : cli_fail(cli, &err);
    if (code == DF_OK) {
        if (cli->json)
            show_json(cli, &status);
        else
            show_people(cli, &status);
        if (args->exit_code && (status.pending || status.blocking)) result = df_code_exit_status(DF_MISMATCH);
    }
    df_migrate_close(migrate);
    return result;
}

const cli_command status_command = {
    .name = "status",
    .group = "Migrate",
    .help = "show the migrations: which are applied, which wait, what does not agree",
    .manual =
        "Changes nothing. With --verbose also who applied them, the risk, the estimate and the description.",
    .examples = "PROGRAM status --database-url postgresql://ops@db/shop\n"
                "# for scripts: is there anything to do?\n"
                "PROGRAM status --exit-code --quiet >/dev/null || PROGRAM up",
    .options = option_table,
    .values_size = sizeof(status_args),
    .run = run,
};
