/* SPDX-License-Identifier: Apache-2.0 */
/* A small program with its own table of commands, which the tests of the command line drive. */
#include "base/clock.h"
#include "base/error.h"
#include "cli/cli.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* ---- parse: shows what arrived ---- */

typedef struct parse_args {
    const char *path, *second, *url, *mode, *at_time;
    int64_t number, port, version;
    double share;
    bool deep, cache;
    cli_list exclude;
} parse_args;

static const cli_option parse_options[] = {
    {CLI_INTO(parse_args, path), .name = "PATH", .operand = true, .required = true, .help = "a file"},
    {CLI_INTO(parse_args, url), .name = "database-url", .after = CLI_ANY_OF, .arg = "URL", .secret = true,
     .env = "DEMO_DATABASE_URL", .help = "where the data lies",
     .manual = "A `sqlite:` or `postgresql://` URL.\n\nIt may hold a password."},
    {CLI_INTO(parse_args, second), .name = "DIR", .operand = true, .help = "a directory"},
    {CLI_INTO(parse_args, number), .name = "batch-size", .arg = "N", .min = 1, .max = 1000, .def = "100",
     .env = "DEMO_BATCH_SIZE", .help = "files a batch"},
    {CLI_INTO(parse_args, port), .name = "port", .letter = 'p', .arg = "N", .help = "any number"},
    {CLI_INTO(parse_args, share), .name = "share", .arg = "X", .min = 0, .max = 1,
     .help = "a part of the whole"},
    {CLI_INTO(parse_args, version), .name = "version", .arg = "N", .min = 0, .max = INT64_MAX,
     .help = "at version N"},
    {CLI_INTO(parse_args, at_time), .name = "timestamp", .after = CLI_ONE_OF, .arg = "T",
     .help = "at time T"},
    {CLI_INTO(parse_args, mode), .name = "mode", .choices = "fast|slow|safe", .def = "safe",
     .help = "how to go … on"},
    {CLI_INTO(parse_args, deep), .name = "deep", .help = "go deep"},
    {CLI_INTO(parse_args, cache), .name = "cache", .def = "true", .help = "keep what was read"},
    {CLI_INTO(parse_args, exclude), .name = "exclude", .arg = "GLOB", .help = "leave out"},
    {0},
};

static int run_parse(cli_context *cli, const void *values)
{
    const parse_args *a = values;
    cli_view *v = cli_record(cli, NULL);
    cli_put_text(cli_field(v, "path", "Path"), a->path);
    cli_put_text(cli_field(v, "dir", "Directory"), a->second);
    cli_put_text(cli_field(v, "url", "URL"), a->url);
    cli_put_text(cli_field(v, "url_origin", "URL from"), cli_origin_text(cli, &a->url));
    cli_put_int(cli_field(v, "batch_size", "Batch size"), a->number);
    cli_put_text(cli_field(v, "batch_size_origin", "Batch size from"), cli_origin_text(cli, &a->number));
    if (a->port == CLI_UNSET)
        cli_put_null(cli_field(v, "port", "Port"));
    else
        cli_put_int(cli_field(v, "port", "Port"), a->port);
    cli_put_double(cli_field(v, "share", "Share"), a->share, 2);
    if (a->version == CLI_UNSET)
        cli_put_null(cli_field(v, "version", "Version"));
    else
        cli_put_int(cli_field(v, "version", "Version"), a->version);
    cli_put_text(cli_field(v, "timestamp", "Timestamp"), a->at_time);
    cli_put_text(cli_field(v, "mode", "Mode"), a->mode);
    cli_put_bool(cli_field(v, "deep", "Deep"), a->deep);
    cli_put_bool(cli_field(v, "cache", "Cache"), a->cache);
    df_str items[16];
    size_t n = a->exclude.count < 16 ? a->exclude.count : 16;
    for (size_t i = 0; i < n; i++) items[i] = df_str_from(a->exclude.items[i]);
    cli_put_list(cli_field(v, "exclude", "Exclude"), items, n);
    cli_put_int(cli_field(v, "verbose", NULL), cli->verbose);
    cli_put_bool(cli_field(v, "quiet", NULL), cli->quiet);
    cli_done(v);
    return 0;
}

static const cli_command parse_command = {
    .name = "parse-all",
    .alias = "parse",
    .group = "First group",
    .help = "show what the parser made of the arguments",
    .manual =
        "A paragraph with `code`, .dots and \\backslashes that is long enough to be filled over more than "
        "one line of an ordinary terminal.\n\n  kept   as it is\n\n.second paragraph",
    .examples = "# a comment\ndemo parse-all x --deep",
    .options = parse_options,
    .values_size = sizeof(parse_args),
    .run = run_parse,
};

/* ---- rows ---- */

typedef struct rows_args {
    const char *format;
    int64_t count;
} rows_args;

static const cli_option rows_options[] = {
    {CLI_INTO(rows_args, format), .name = "format", .choices = "auto|table|json|csv|lines", .def = "auto",
     .help = "as"},
    {CLI_INTO(rows_args, count), .name = "count", .arg = "N", .def = "0",
     .help = "plain rows instead of the samples"},
    {0},
};

static const cli_column columns[] = {
    {.name = "path", .cut = CLI_CUT_MIDDLE},
    {.name = "num_files", .title = "FILES"},
    {.name = "size"},
    {.name = "note"},
    {.title = ""},
};

static void put_row(cli_view *v, const char *path, int64_t files, int64_t size, const char *note,
                    cli_mark mark)
{
    cli_put_text(v, path);
    cli_put_count(v, files);
    if (size < 0)
        cli_put_null(v);
    else
        cli_put_bytes(v, size);
    cli_put_text(v, note);
    cli_put_mark(v, mark);
}

static int run_rows(cli_context *cli, const void *values)
{
    const rows_args *a = values;
    static const char *const names[] = {"auto", "table", "json", "csv", "lines"};
    int format = 0;
    while (strcmp(names[format], a->format)) format++;
    df_error err = {0};
    cli_view *v = cli_rows(cli, NULL, columns, 5, (cli_format)format);
    for (int64_t i = 0; i < a->count; i++) {
        char path[32];
        snprintf(path, sizeof path, "part-%05lld", (long long)i);
        put_row(v, path, i, i * 1000, "", CLI_MARK_NONE);
        if (cli_check_output(cli, &err)) return cli_fail(cli, &err);
    }
    if (!a->count) {
        put_row(v, "plain", 1234567, 1536, "x, \"y\"", CLI_MARK_OK);
        put_row(v, "日本語", 12, -1, NULL, CLI_MARK_FAILED);
        put_row(v, "e\xcc\x81 \xf0\x9f\x98\x80", 0, 0, "line\nend\x1b[31m", CLI_MARK_WARNING);
        put_row(v, "bad\xff", -5, 1, "", CLI_MARK_NONE);
    }
    cli_done(v);
    return 0;
}

static const cli_command rows_command = {.name = "rows",
                                         .group = "First group",
                                         .help = "print some rows",
                                         .options = rows_options,
                                         .values_size = sizeof(rows_args),
                                         .run = run_rows};

/* ---- nest: a record with rows in it ---- */

static int run_nest(cli_context *cli, const void *values)
{
    static const cli_column two[] = {{.name = "a"}, {.name = "b"}};
    cli_heading(cli, "Heading");
    cli_say_mark(cli, CLI_MARK_OK, "said %s", "so\x1b]0;title\x07");
    cli_view *v = cli_record(cli, NULL);
    cli_put_text(cli_field(v, "name", "Name"), "n");
    cli_put_time(cli_field(v, "time", "Time"), 1732043176123);
    cli_view *rows = cli_rows(cli, "rows", two, 2, CLI_AUTO);
    cli_put_int(rows, 1);
    cli_put_duration(rows, 12.44);
    cli_done(rows);
    cli_view *inner = cli_record(cli, "inner");
    cli_put_raw(cli_field(inner, "raw", "Raw"), DF_STR("{\"x\":[1,2]}"));
    cli_done(inner);
    df_json_writer *w = cli_json(cli);
    if (w) df_json_add_text(w, "more", "by hand");
    cli_done(v);
    cli_heading(cli, "%s", cli_paint(cli, CLI_GOOD, "End"));
    return 0;
}

static const cli_command nest_command = {
    .name = "nest", .group = "Second group", .help = "print views in views", .run = run_nest};

/* ---- fail ---- */

typedef struct fail_args {
    const char *kind;
} fail_args;

static const cli_option fail_options[] = {
    {CLI_INTO(fail_args, kind), .name = "KIND", .operand = true, .required = true,
     .choices = "file|engine|usage|half|bug", .help = "how"},
    {0},
};

static int run_fail(cli_context *cli, const void *values)
{
    const fail_args *a = values;
    df_error err = {0};
    if (strcmp(a->kind, "usage") == 0) return cli_usage(cli, "this and %s do not go together", "that");
    if (strcmp(a->kind, "half") == 0) {
        cli_view *v = cli_record(cli, NULL);
        cli_put_text(cli_field(v, "begun", "Begun"), "yes");
        df_fail(&err, DF_INCOMPLETE, "stopped half-way");
    } else if (strcmp(a->kind, "engine") == 0) {
        df_fail(&err, DF_CONNECT, "Database connection failed: no\nsecond line\x1b[2J");
        snprintf(err.engine, sizeof err.engine, "postgres");
        snprintf(err.native, sizeof err.native, "08006");
    } else if (strcmp(a->kind, "bug") == 0) {
        df_fail(&err, DF_BUG, "an internal check failed");
    } else {
        df_fail(&err, DF_CORRUPT, "garbage in the log");
        df_error_at(&err, "_delta_log/00000000000000000003.json", 17);
        df_error_hint(&err, "look at the line");
    }
    return cli_fail(cli, &err);
}

static const cli_command fail_command = {.name = "fail",
                                         .group = "Second group",
                                         .help = "fail",
                                         .options = fail_options,
                                         .values_size = sizeof(fail_args),
                                         .run = run_fail};

/* ---- work: progress, log, cancelling, from several threads ---- */

typedef struct work_args {
    int64_t steps, threads, pause;
    bool deaf, ask, known;
    const char *token;
} work_args;

static const cli_option work_options[] = {
    {CLI_INTO(work_args, steps), .name = "steps", .arg = "N", .def = "20", .help = "how many steps"},
    {CLI_INTO(work_args, threads), .name = "threads", .arg = "N", .def = "1", .min = 1, .max = 8,
     .help = "how many at once"},
    {CLI_INTO(work_args, pause), .name = "pause", .arg = "MS", .def = "100", .help = "milliseconds a step"},
    {CLI_INTO(work_args, deaf), .name = "deaf", .help = "do not listen to interrupts"},
    {CLI_INTO(work_args, ask), .name = "ask", .help = "ask before working"},
    {CLI_INTO(work_args, known), .name = "known", .def = "true", .help = "tell the total"},
    {CLI_INTO(work_args, token), .name = "token", .arg = "TOKEN", .secret = true, .help = "a password"},
    {0},
};

typedef struct worker {
    cli_context *cli;
    const work_args *args;
    char subject[32];
    df_error err;
} worker;

static void *work(void *context)
{
    worker *w = context;
    const df_observer *observer = &w->cli->observer;
    int64_t pause = w->args->pause;
    for (int64_t i = 1; i <= w->args->steps; i++) {
        struct timespec t = {pause / 1000, pause % 1000 * 1000000};
        nanosleep(&t, NULL);
        df_report_progress(observer, "files", w->subject, i, w->args->known ? w->args->steps : 0);
        if (i == w->args->steps / 2) df_log(observer, DF_LOG_WARNING, "%s is half done", w->subject);
        df_log(observer, DF_LOG_DEBUG, "step %lld", (long long)i);
        if (!w->args->deaf && df_check_cancelled(observer, &w->err)) return NULL;
    }
    df_log(observer, DF_LOG_INFO, "%s is done", w->subject);
    return NULL;
}

static int run_work(cli_context *cli, const void *values)
{
    const work_args *a = values;
    if (a->ask && !cli_confirm(cli, false, "Go on?")) return cli_usage(cli, "nobody said yes");
    pthread_t threads[8];
    worker workers[8] = {0};
    for (int64_t i = 0; i < a->threads; i++) {
        workers[i] = (worker){.cli = cli, .args = a};
        snprintf(workers[i].subject, sizeof workers[i].subject, "table-%lld", (long long)i);
        if (pthread_create(&threads[i], NULL, work, &workers[i])) return 70;
    }
    df_error err = {0};
    for (int64_t i = 0; i < a->threads; i++) {
        pthread_join(threads[i], NULL);
        if (workers[i].err.code) err = workers[i].err;
    }
    if (err.code) return cli_fail(cli, &err);
    cli_note(cli, "a note");
    cli_say(cli, "worked");
    return 0;
}

static const cli_command work_command = {.name = "work",
                                         .group = "Second group",
                                         .help = "take time",
                                         .options = work_options,
                                         .values_size = sizeof(work_args),
                                         .run = run_work};

/* ---- width: for comparing with what another implementation says ---- */

static int run_width(cli_context *cli, const void *values)
{
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        df_buf out = {0};
        cli_put_cut(&out, df_str_from(line), 6, CLI_CUT_MIDDLE, true);
        df_buf_printf(&out, "\t%zu\n", cli_width(df_str_from(line)));
        cli_write(cli, df_buf_str(&out));
        df_buf_release(&out);
    }
    return 0;
}

static const cli_command width_command = {.name = "width",
                                          .group = "Second group",
                                          .help = "measure the lines of standard input",
                                          .run = run_width};

static const cli_command *const commands[] = {&parse_command, &rows_command,  &nest_command, &fail_command,
                                              &work_command,  &width_command, NULL};

int main(int argc, char **argv)
{
    static const cli_program demo = {.name = "demo",
                                     .version = "1.2.3",
                                     .help = "try the command line",
                                     .manual = "Shows every kind of option.",
                                     .about = "a library 1.0\n",
                                     .see = "More: demo help",
                                     .commands = commands};
    return cli_main(&demo, argc, argv);
}
