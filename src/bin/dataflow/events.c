/* SPDX-License-Identifier: Apache-2.0 */
/* Events of a run: written as JSON lines where --events says, and told to people as each migration ends. */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct events {
    cli_context *cli;
    int fd;         /* -1: none */
    bool to_output; /* they are the result: nothing else goes to standard output */
    int failed;     /* errno of the first write that failed */
    df_json_parser *parser;
};

static void write_line(events *e, df_str line)
{
    while (line.len && !e->failed) {
        ssize_t n = write(e->fd, line.ptr, line.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) e->failed = errno;
        line = df_str_skip(line, n < 0 ? line.len : (size_t)n);
    }
}

/* "✓ 009_add_notification_system: applied, 12 ms, 3 rows" */
static void say_completed(events *e, const char *json)
{
    df_error ignored = {0};
    df_json root;
    if (!e->parser) e->parser = df_json_parser_open();
    if (df_json_parse(e->parser, df_str_from(json), &root, &ignored) != DF_OK) return;
    df_str id = df_json_str(df_json_get(root, "migration"));
    df_str direction = df_json_str(df_json_get(root, "direction"));
    int64_t ms = 0, rows = 0;
    df_json_int(df_json_get(root, "duration_ms"), &ms);
    df_json_int(df_json_get(root, "rows"), &rows);
    const char *counted =
        rows > 0 ? df_arena_printf(&e->cli->arena, ", %lld %s", (long long)rows, plural(rows, "row", "rows"))
                 : "";
    cli_say_mark(e->cli, CLI_MARK_OK, "%.*s: %s, %lld ms%s", DF_FMT(id),
                 df_str_is(direction, "down") ? "taken back" : "applied", (long long)ms, counted);
    cli_flush(e->cli);
}

static void on_event(void *context, const char *json)
{
    events *e = context;
    if (e->fd >= 0) {
        df_buf line = {0};
        df_buf_text(&line, json);
        df_buf_char(&line, '\n');
        write_line(e, df_buf_str(&line));
        df_buf_release(&line);
    }
    if (!e->to_output && !e->cli->json && strstr(json, "\"event\":\"migration_completed\""))
        say_completed(e, json);
}

df_code events_open(cli_context *cli, const char *to, df_migrate_config *config, events **out, df_error *err)
{
    events *e = df_arena_zalloc(&cli->arena, sizeof *e);
    *e = (events){.cli = cli, .fd = -1};
    if (to && strcmp(to, "-") == 0) {
        if (cli->json) return df_fail(err, DF_USAGE, "--events - and --json both want standard output");
        e->fd = STDOUT_FILENO;
        e->to_output = true;
    } else if (to) {
        e->fd = open(to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (e->fd < 0) return df_fail_errno(err, errno, to, "open");
    }
    config->event = on_event;
    config->event_context = e;
    config->no_statement_events = !to;
    *out = e;
    return DF_OK;
}

bool events_own_output(const events *e)
{
    return e->to_output;
}

df_code events_close(events *e, df_error *err)
{
    if (e->parser) df_json_parser_close(e->parser);
    e->parser = NULL;
    if (e->fd >= 0 && !e->to_output && close(e->fd) && !e->failed) e->failed = errno;
    e->fd = -1;
    return e->failed && e->failed != EPIPE ? df_fail_errno(err, e->failed, "events", "write") : DF_OK;
}
