/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output and standard error: buffers, colours, marks, and how a command ends badly. */
#include "cli/cli_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Texts go out early, so that people see them; a JSON document stays whole while an error may still replace
 * it. */
enum { FLUSH_TEXT = 1 << 16, FLUSH_JSON = 1 << 20 };

size_t cli_columns(int fd)
{
    struct winsize size;
    if (!isatty(fd)) return 0;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col) return size.ws_col;
    int64_t columns;
    const char *env = getenv("COLUMNS");
    return env && df_str_int64(df_str_from(env), &columns) && columns > 0 ? (size_t)columns : 80;
}

static bool says_utf8(const char *locale)
{
    return strstr(locale, "UTF-8") || strstr(locale, "utf8") || strstr(locale, "utf-8") ||
           strstr(locale, "UTF8");
}

/*
 * Reading the variables costs nothing; setlocale would read files. Where nothing is said (cron, containers),
 * files and pipes get UTF-8 all the same, so that what reads them finds the same marks everywhere.
 */
static bool unicode_locale(bool terminal)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value && *value) return says_utf8(value);
    }
    return !terminal;
}

static bool may_color(const char *when, bool terminal)
{
    if (when && strcmp(when, "always") == 0) return true;
    if (when && strcmp(when, "never") == 0) return false;
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return terminal && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

void cli_output_open(cli_context *cli)
{
    cli_state *state = cli->state;
    cli->terminal = isatty(STDOUT_FILENO);
    state->err_terminal = isatty(STDERR_FILENO);
    cli->color = may_color(state->globals.color, cli->terminal);
    state->err_color = may_color(state->globals.color, state->err_terminal);
    cli->unicode = unicode_locale(cli->terminal);
    state->json = (df_json_writer){.out = &state->out, .indent = cli->terminal ? 2 : 0};
}

static int write_all(int fd, df_str bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        bytes = df_str_skip(bytes, (size_t)n);
    }
    return 0;
}

void cli_flush(cli_context *cli)
{
    cli_state *state = cli->state;
    if (!state->out.len) return;
    if (!state->out_errno) {
        cli_lock();
        if (cli->terminal) cli_progress_clear(cli);
        state->out_errno = write_all(STDOUT_FILENO, df_buf_str(&state->out));
        cli_unlock();
    }
    state->out_closed = state->out_errno == EPIPE;
    state->out_written = true;
    df_buf_clear(&state->out);
}

static void flush_when_long(cli_context *cli)
{
    if (cli->state->out.len >= (cli->json ? FLUSH_JSON : FLUSH_TEXT)) cli_flush(cli);
}

void cli_out(cli_context *cli, df_str bytes)
{
    df_buf_str_add(&cli->state->out, bytes);
    flush_when_long(cli);
}

void cli_write(cli_context *cli, df_str bytes)
{
    cli_out(cli, bytes);
}

df_json_writer *cli_json(cli_context *cli)
{
    if (!cli->json) return NULL;
    flush_when_long(cli);
    return &cli->state->json;
}

df_code cli_check_output(cli_context *cli, df_error *err)
{
    flush_when_long(cli);
    if (!cli->state->out_errno) return DF_OK;
    if (cli->state->out_closed) return df_fail(err, DF_CANCELLED, "the reader of standard output went away");
    return df_fail_errno(err, cli->state->out_errno, "standard output", "write to");
}

int cli_output_close(cli_context *cli, int status)
{
    cli_state *state = cli->state;
    cli_views_drop(cli);
    if (cli->json && state->json.started[0]) df_buf_char(&state->out, '\n');
    cli_flush(cli);
    df_buf_release(&state->out);
    cli_lock();
    cli_progress_clear(cli);
    cli_unlock();
    if (state->out_closed) return status;
    if (!state->out_errno && close(STDOUT_FILENO) && errno != EBADF) state->out_errno = errno;
    if (!state->out_errno || status) return status;
    df_error err = {0};
    df_fail_errno(&err, state->out_errno, "standard output", "write to");
    err.file[0] = '\0';
    cli->json = false; /* nobody can read a document that cannot be written */
    return cli_fail(cli, &err);
}

/* ---- styles and marks ---- */

const char *cli_style_on(cli_style style)
{
    switch (style) {
    case CLI_PLAIN: return "";
    case CLI_BOLD: return "\033[1m";
    case CLI_DIM: return "\033[2m";
    case CLI_GOOD: return "\033[32m";
    case CLI_WARN: return "\033[33m";
    case CLI_BAD: return "\033[31m";
    }
    return "";
}

cli_style cli_mark_style(cli_mark mark)
{
    static const cli_style styles[] = {CLI_GOOD, CLI_BAD, CLI_WARN, CLI_PLAIN};
    return styles[mark];
}

const char *cli_mark_text(const cli_context *cli, cli_mark mark)
{
    static const char *const pretty[] = {"✓", "✗", "!", " "}, *const plain[] = {"ok", "FAILED", "!", ""};
    return cli->unicode ? pretty[mark] : plain[mark];
}

const char *cli_paint(cli_context *cli, cli_style style, const char *text)
{
    if (!cli->color || style == CLI_PLAIN) return text;
    return df_arena_printf(&cli->arena, "%s%s%s", cli_style_on(style), text, CLI_STYLE_OFF);
}

static void put_styled(df_buf *out, bool color, cli_style style, const char *text)
{
    if (color && style != CLI_PLAIN)
        df_buf_printf(out, "%s%s%s", cli_style_on(style), text, CLI_STYLE_OFF);
    else
        df_buf_text(out, text);
}

/* ---- lines for people ---- */

/* Length of one of our own style sequences at the beginning of `s`; 0 when it is something else. */
static size_t style_length(df_str s)
{
    static const char *const own[] = {CLI_STYLE_OFF, "\033[1m",  "\033[2m",
                                      "\033[31m",    "\033[32m", "\033[33m"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (df_str_starts(s, df_str_from(own[i]))) return strlen(own[i]);
    return 0;
}

/* The formatted text into `out`; our own styles stay, other control characters are escaped. */
static void put_format(df_buf *out, const char *fmt, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, fmt, args) < 0) return;
    df_str rest = df_str_from(text);
    while (rest.len) {
        size_t style = style_length(rest);
        df_buf_add(out, rest.ptr, style);
        rest = df_str_skip(rest, style);
        if (style || !rest.len) continue;
        const char *escape = memchr(rest.ptr + 1, '\033', rest.len - 1);
        size_t plain = escape ? (size_t)(escape - rest.ptr) : rest.len;
        cli_put_escaped(out, (df_str){rest.ptr, plain});
        rest = df_str_skip(rest, plain);
    }
    free(text);
}

/* Where a line for people goes: behind what the open view holds back. */
static df_buf *line_begin(cli_context *cli)
{
    if (cli->state->view) cli_view_flush(cli->state->view);
    cli->state->said = true;
    return &cli->state->out;
}

static void line_end(cli_context *cli)
{
    df_buf_char(&cli->state->out, '\n');
    if (cli->terminal)
        cli_flush(cli);
    else
        flush_when_long(cli);
}

void cli_say(cli_context *cli, const char *fmt, ...)
{
    if (cli->json) return;
    df_buf *out = line_begin(cli);
    va_list args;
    va_start(args, fmt);
    put_format(out, fmt, args);
    va_end(args);
    line_end(cli);
}

void cli_say_mark(cli_context *cli, cli_mark mark, const char *fmt, ...)
{
    if (cli->json) return;
    df_buf *out = line_begin(cli);
    put_styled(out, cli->color, cli_mark_style(mark), cli_mark_text(cli, mark));
    df_buf_char(out, ' ');
    va_list args;
    va_start(args, fmt);
    put_format(out, fmt, args);
    va_end(args);
    line_end(cli);
}

void cli_heading(cli_context *cli, const char *fmt, ...)
{
    if (cli->json) return;
    bool first = !cli->state->said;
    df_buf *out = line_begin(cli);
    if (!first) df_buf_char(out, '\n');
    if (cli->color) df_buf_text(out, cli_style_on(CLI_BOLD));
    va_list args;
    va_start(args, fmt);
    put_format(out, fmt, args);
    va_end(args);
    if (cli->color) df_buf_text(out, CLI_STYLE_OFF);
    line_end(cli);
}

/* ---- standard error ---- */

void cli_err(cli_context *cli, df_str bytes)
{
    cli_lock();
    cli_progress_clear(cli);
    int ignored = write_all(STDERR_FILENO, bytes); /* there is nowhere left to complain */
    (void)ignored;
    cli_unlock();
}

void cli_note(cli_context *cli, const char *fmt, ...)
{
    if (cli->quiet) return;
    if (cli->terminal) cli_flush(cli);
    df_buf line = {0};
    va_list args;
    va_start(args, fmt);
    put_format(&line, fmt, args);
    va_end(args);
    df_buf_char(&line, '\n');
    cli_err(cli, df_buf_str(&line));
    df_buf_release(&line);
}

bool cli_confirm(cli_context *cli, bool yes, const char *fmt, ...)
{
    if (yes) return true;
    if (!isatty(STDIN_FILENO) || !cli->state->err_terminal) return false;
    cli_flush(cli);
    df_buf line = {0};
    va_list args;
    va_start(args, fmt);
    put_format(&line, fmt, args);
    va_end(args);
    df_buf_text(&line, " [y/N] ");
    cli_err(cli, df_buf_str(&line));
    df_buf_release(&line);
    char answer[16] = "";
    ssize_t n = read(STDIN_FILENO, answer, sizeof answer - 1);
    return n > 0 && (answer[0] == 'y' || answer[0] == 'Y');
}

static void put_error_members(df_json_writer *w, const df_error *err)
{
    df_json_add_text(w, "code", df_code_name(err->code));
    df_json_add_text(w, "message", err->message);
    df_json_add_text(w, "file", err->file[0] ? err->file : NULL);
    if (err->line)
        df_json_add_int(w, "line", err->line);
    else
        df_json_add_null(w, "line");
    if (err->statement) df_json_add_int(w, "statement", err->statement);
    df_json_add_text(w, "hint", err->hint[0] ? err->hint : NULL);
    df_json_add_text(w, "engine", err->engine[0] ? err->engine : NULL);
    df_json_add_text(w, "native", err->native[0] ? err->native : NULL);
}

/* Messages of servers have several lines; these are set under the first. */
static void put_indented(df_buf *out, const char *text, size_t indent)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        cli_put_escaped(out, (df_str){text, len});
        text += len + (text[len] == '\n');
        if (*text) df_buf_printf(out, "\n%*s", (int)indent, "");
    }
    df_buf_char(out, '\n');
}

static void put_error_for_people(df_buf *out, const cli_context *cli, const df_error *err)
{
    bool color = cli->state->err_color;
    put_styled(out, color, CLI_BAD, "error:");
    df_buf_char(out, ' ');
    put_indented(out, err->message[0] ? err->message : df_code_text(err->code), 7);
    if (err->file[0] && (err->line || !strstr(err->message, err->file))) {
        put_styled(out, color, CLI_DIM, "   at:");
        df_buf_char(out, ' ');
        cli_put_escaped(out, df_str_from(err->file));
        if (err->line) df_buf_printf(out, ":%lld", (long long)err->line);
        if (err->statement) df_buf_printf(out, " (statement %d)", err->statement);
        df_buf_char(out, '\n');
    }
    if (err->hint[0]) {
        put_styled(out, color, CLI_WARN, " hint:");
        df_buf_char(out, ' ');
        put_indented(out, err->hint, 7);
    }
}

/* The error on standard error, behind what was printed before it. */
static void print_error(cli_context *cli, const df_error *err)
{
    cli_state *state = cli->state;
    df_buf text = {0};
    if (state->progress == CLI_PROGRESS_JSON) {
        df_json_writer w = {.out = &text};
        df_json_begin(&w, NULL, '{');
        df_json_add_text(&w, "event", "error");
        put_error_members(&w, err);
        df_json_end(&w, '}');
        df_buf_char(&text, '\n');
    } else {
        put_error_for_people(&text, cli, err);
    }
    if (!cli->json && state->view) cli_view_flush(state->view);
    if (!cli->json) cli_flush(cli);
    cli_err(cli, df_buf_str(&text));
    df_buf_release(&text);
}

int cli_fail_within(cli_context *cli, const df_error *err)
{
    df_json_writer *w = &cli->state->json;
    if (cli->state->out_closed) return 0;
    if (!cli->json || !w->depth) return cli_fail(cli, err);
    print_error(cli, err);
    df_json_begin(w, "error", '{');
    put_error_members(w, err);
    df_json_end(w, '}');
    return df_code_exit_status(err->code);
}

int cli_fail(cli_context *cli, const df_error *err)
{
    cli_state *state = cli->state;
    if (state->out_closed) return 0;
    print_error(cli, err);
    cli_views_drop(cli);
    if (cli->json && !state->out_written) {
        df_buf_clear(&state->out);
        state->json = (df_json_writer){.out = &state->out, .indent = state->json.indent};
        df_json_begin(&state->json, NULL, '{');
        df_json_begin(&state->json, "error", '{');
        put_error_members(&state->json, err);
        df_json_end(&state->json, '}');
        df_json_end(&state->json, '}');
    }
    return df_code_exit_status(err->code);
}

int cli_usage(cli_context *cli, const char *fmt, ...)
{
    df_error err = {.code = DF_USAGE};
    va_list args;
    va_start(args, fmt);
    vsnprintf(err.message, sizeof err.message, fmt, args);
    va_end(args);
    df_error_hint(&err, "see: %s %s --help", cli->program->name, cli->command ? cli->command->name : "");
    return cli_fail(cli, &err);
}
