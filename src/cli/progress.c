/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The observer that the library is given: log lines and progress on standard error. On a terminal one line is
 * redrawn, elsewhere a line is written every ten seconds, with --progress=json every event is a line of JSON.
 */
#include "base/clock.h"
#include "cli/cli_int.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static const double draw_every = 0.1, log_every = 10, quiet_for = 1, forget_after = 60;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void cli_lock(void)
{
    pthread_mutex_lock(&lock);
}

void cli_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

static void put(df_str bytes)
{
    ssize_t written = write(STDERR_FILENO, bytes.ptr, bytes.len);
    (void)written; /* progress is a courtesy */
}

void cli_progress_clear(cli_context *cli)
{
    if (!cli->state->drawn) return;
    cli->state->drawn = false;
    put(DF_STR("\r\033[K"));
}

/* ---- log lines ---- */

static const char *const level_names[] = {"error", "warning", "info", "debug"};

static void put_log_json(df_buf *line, df_log_level level, const char *text)
{
    df_json_writer w = {.out = line};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "event", "log");
    df_json_add_text(&w, "level", level_names[level]);
    df_json_add_text(&w, "message", text);
    df_json_end(&w, '}');
}

/* What runs for long writes into files, where one wants to know when; findings stay easy to search for. */
static void put_stamp(df_buf *line, const cli_state *state)
{
    if (state->err_terminal) return;
    char now[40];
    df_time_format(df_now_ms(), now);
    df_buf_printf(line, "%.19sZ ", now);
}

static void put_log_text(df_buf *line, const cli_state *state, df_log_level level, bool stamp,
                         const char *text)
{
    static const cli_style styles[] = {CLI_BAD, CLI_WARN, CLI_PLAIN, CLI_DIM};
    if (stamp) put_stamp(line, state);
    if (state->err_color) df_buf_text(line, cli_style_on(styles[level]));
    if (level != DF_LOG_INFO) df_buf_printf(line, "%s:", level_names[level]);
    if (state->err_color) df_buf_text(line, styles[level] == CLI_PLAIN ? "" : CLI_STYLE_OFF);
    if (level != DF_LOG_INFO) df_buf_char(line, ' ');
    cli_put_escaped(line, df_str_from(text));
}

/* --quiet and --verbose win over LOG_LEVEL. */
static df_log_level shown_level(const cli_context *cli)
{
    if (cli->quiet) return DF_LOG_ERROR;
    if (cli->verbose >= 2) return DF_LOG_DEBUG;
    int said = cli->state->log_level;
    if (cli->verbose) return said > DF_LOG_INFO ? (df_log_level)said : DF_LOG_INFO;
    return said >= 0 ? (df_log_level)said : DF_LOG_WARNING;
}

static bool begins_with(const char *text, const char *beginning)
{
    return beginning && strncmp(text, beginning, strlen(beginning)) == 0;
}

/* On a terminal the redrawn line tells how far it is. */
static bool is_progress(const cli_context *cli, const char *text)
{
    return begins_with(text, cli->program->progress_word);
}

/* Information that is shown always: what people and their scripts wait for. */
static bool is_shown(const cli_context *cli, const char *text)
{
    const char *const *shown = cli->program->shown;
    while (shown && *shown && !begins_with(text, *shown)) shown++;
    return shown && *shown;
}

static void on_log(void *context, df_log_level level, const char *text)
{
    cli_context *cli = context;
    if ((int)level < 0 || level > DF_LOG_DEBUG) return;
    bool said = level == DF_LOG_INFO && is_shown(cli, text), stamp = level >= DF_LOG_INFO && !said;
    if (level == DF_LOG_INFO && is_progress(cli, text) && cli->state->progress == CLI_PROGRESS_LOG)
        said = true;
    if (level > shown_level(cli) && (!said || cli->quiet || cli->state->log_level == DF_LOG_ERROR)) return;
    df_buf line = {0};
    if (cli->state->progress == CLI_PROGRESS_JSON)
        put_log_json(&line, level, text);
    else
        put_log_text(&line, cli->state, level, stamp, text);
    df_buf_char(&line, '\n');
    cli_err(cli, df_buf_str(&line));
    df_buf_release(&line);
}

/* ---- progress ---- */

static void drop_task(cli_state *state, size_t n)
{
    state->tasks[n] = state->tasks[--state->n_tasks];
}

/* The subject's entry, a new one when it is not there yet; NULL when there are too many. */
static cli_task *task_of(cli_state *state, const df_progress *p, double now)
{
    const char *what = p->what ? p->what : "steps", *subject = p->subject ? p->subject : "";
    cli_task wanted = {.total = p->total, .since = now, .first = p->done, .logged = now};
    snprintf(wanted.what, sizeof wanted.what, "%s", what);
    snprintf(wanted.subject, sizeof wanted.subject, "%s", subject);
    for (size_t i = 0; i < state->n_tasks; i++) {
        cli_task *t = &state->tasks[i];
        if (strcmp(t->subject, wanted.subject)) continue;
        if (strcmp(t->what, wanted.what)) { /* the subject's next phase */
            wanted.logged = t->logged;
            *t = wanted;
        }
        return t;
    }
    for (size_t i = state->n_tasks; i-- > 0;)
        if (now - state->tasks[i].at > forget_after) drop_task(state, i);
    if (state->n_tasks == CLI_MAX_TASKS) return NULL;
    state->tasks[state->n_tasks] = wanted;
    return &state->tasks[state->n_tasks++];
}

typedef struct tally {
    int64_t done, total;
    double rate, left; /* a second; seconds, below 0 when not known */
} tally;

static tally tally_of(const cli_task *t)
{
    double passed = t->at - t->since;
    double rate = passed > 0.2 ? (double)(t->done - t->first) / passed : 0;
    bool known = t->total > t->done && rate > 0;
    return (tally){t->done, t->total, rate, known ? (double)(t->total - t->done) / rate : -1};
}

/* All subjects that count the same thing as the first one. */
static tally tally_all(const cli_state *state)
{
    tally sum = {0, 0, 0, -1};
    bool totals = true;
    for (size_t i = 0; i < state->n_tasks; i++) {
        if (strcmp(state->tasks[i].what, state->tasks[0].what)) continue;
        tally one = tally_of(&state->tasks[i]);
        sum.done += one.done;
        sum.total += one.total;
        sum.rate += one.rate;
        totals = totals && one.total;
    }
    if (!totals) sum.total = 0;
    if (sum.total > sum.done && sum.rate > 0) sum.left = (double)(sum.total - sum.done) / sum.rate;
    return sum;
}

static void put_amount(df_buf *out, const char *what, int64_t amount)
{
    if (strcmp(what, "bytes") == 0)
        df_put_bytes(out, amount);
    else
        df_put_count(out, amount);
}

/* "12,345 of 50,000 files, 24 %, 8,120/s, 5 s left" */
static void put_tally(df_buf *out, const char *what, tally t)
{
    bool bytes = strcmp(what, "bytes") == 0;
    put_amount(out, what, t.done);
    if (t.total > 0) {
        df_buf_text(out, " of ");
        put_amount(out, what, t.total);
    }
    if (!bytes) df_buf_printf(out, " %s", what);
    if (t.total > 0) df_buf_printf(out, ", %d %%", (int)((double)t.done * 100 / (double)t.total));
    if (t.rate >= 1) {
        df_buf_text(out, ", ");
        put_amount(out, what, (int64_t)t.rate);
        df_buf_text(out, "/s");
    }
    if (t.left >= 1) {
        df_buf_text(out, ", ");
        df_put_duration(out, (double)(int64_t)(t.left < 100 ? t.left : t.left + 0.5));
        df_buf_text(out, " left");
    }
}

static void put_task(df_buf *out, const cli_task *task)
{
    cli_put_escaped(out, df_str_from(task->subject));
    df_buf_text(out, *task->subject ? ": " : "");
    put_tally(out, task->what, tally_of(task));
}

static void draw(cli_context *cli, const cli_task *current, double now)
{
    cli_state *state = cli->state;
    if (now - state->started < quiet_for || now - state->drawn_at < draw_every) return;
    df_buf text = {0}, line = {0};
    const cli_task *first = &state->tasks[0];
    if (state->n_tasks == 1) {
        put_task(&text, current);
    } else if (state->n_tasks == 2 && strcmp(first->what, state->tasks[1].what) != 0) {
        put_task(&text, first); /* migrations, and the rows of one of them */
        df_buf_text(&text, "; ");
        put_task(&text, &state->tasks[1]);
    } else {
        df_buf_printf(&text, "%zu running: ", state->n_tasks);
        put_tally(&text, first->what, tally_all(state));
    }
    size_t columns = cli_columns(STDERR_FILENO);
    df_buf_text(&line, "\r\033[K");
    cli_put_cut(&line, df_buf_str(&text), columns > 1 ? columns - 1 : 1, CLI_CUT_MIDDLE, cli->unicode);
    put(df_buf_str(&line));
    state->drawn = true;
    state->drawn_at = now;
    df_buf_release(&text);
    df_buf_release(&line);
}

static void log_line(cli_context *cli, cli_task *task, double now)
{
    if (now - task->logged < log_every) return;
    task->logged = now;
    df_buf line = {0};
    put_stamp(&line, cli->state);
    if (cli->program->progress_word) df_buf_printf(&line, "%s ", cli->program->progress_word);
    put_task(&line, task);
    df_buf_char(&line, '\n');
    put(df_buf_str(&line));
    df_buf_release(&line);
}

static void json_line(const cli_task *task)
{
    tally t = tally_of(task);
    df_buf line = {0};
    df_json_writer w = {.out = &line};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "event", "progress");
    df_json_add_text(&w, "what", task->what);
    df_json_add_text(&w, "subject", task->subject);
    df_json_add_int(&w, "done", t.done);
    if (t.total > 0)
        df_json_add_int(&w, "total", t.total);
    else
        df_json_add_null(&w, "total");
    df_json_add_int(&w, "rate", (int64_t)t.rate);
    if (t.left >= 0)
        df_json_add_int(&w, "seconds_left", (int64_t)t.left);
    else
        df_json_add_null(&w, "seconds_left");
    df_json_end(&w, '}');
    df_buf_char(&line, '\n');
    put(df_buf_str(&line));
    df_buf_release(&line);
}

static void on_progress(void *context, const df_progress *p)
{
    cli_context *cli = context;
    cli_state *state = cli->state;
    if (state->progress == CLI_PROGRESS_OFF) return;
    double now = df_monotonic_s();
    cli_lock();
    cli_task *task = task_of(state, p, now);
    if (task) {
        bool complete = p->total > 0 && p->done >= p->total;
        task->done = p->done;
        task->total = p->total;
        task->at = now;
        if (state->progress == CLI_PROGRESS_LINE)
            draw(cli, task, now);
        else if (state->progress == CLI_PROGRESS_LOG)
            log_line(cli, task, now);
        else if (complete || now - task->logged >= draw_every || now == task->since) {
            task->logged = now;
            json_line(task);
        }
        if (complete) drop_task(state, (size_t)(task - state->tasks));
    }
    cli_unlock();
}

static bool on_cancelled(void *context)
{
    return cli_interrupted();
}

static cli_progress_mode choose(const cli_context *cli)
{
    const cli_state *state = cli->state;
    const char *how = state->globals.progress ? state->globals.progress : "auto";
    const char *term = getenv("TERM");
    if (strcmp(how, "json") == 0) return CLI_PROGRESS_JSON;
    if (strcmp(how, "never") == 0 || (strcmp(how, "auto") == 0 && cli->quiet)) return CLI_PROGRESS_OFF;
    bool redraw = state->err_terminal && term && strcmp(term, "dumb") != 0;
    return redraw ? CLI_PROGRESS_LINE : CLI_PROGRESS_LOG;
}

void cli_progress_open(cli_context *cli)
{
    cli->state->progress = choose(cli);
    cli->state->started = df_monotonic_s();
    cli->observer =
        (df_observer){.context = cli, .log = on_log, .progress = on_progress, .cancelled = on_cancelled};
}
