/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder know of each other. */
#ifndef DF_CLI_CLI_INT_H
#define DF_CLI_CLI_INT_H

#include "base/error.h"
#include "cli/cli.h"

#include <stdio.h>
#include <sys/types.h>

/* The values of one table, and where each came from. */
typedef struct cli_values {
    const cli_option *options; /* never NULL; ends with name == NULL */
    size_t count;
    char *base;         /* the struct that is filled */
    size_t size;        /* its size */
    cli_origin *origin; /* one an option */
    int *level;         /* one an option: of CLI_FROM_FILE, which part of the file: cli_level */
    const char **where; /* one an option: the file and line, for CLI_FROM_FILE; variable and file, for
                           CLI_FROM_ENV_FILE */
    const char **lack;  /* one an option: why the file's value is not there, though it holds */
    const char **beaten, **beaten_where; /* one an option: the file's value that the environment overruled */
} cli_values;

/* The parts of the configuration file, by precedence. */
enum cli_level { CLI_NO_LEVEL, CLI_LEVEL_TOP, CLI_LEVEL_COMMAND, CLI_LEVEL_ENVIRONMENT };

/* Targets of the global options. */
typedef struct cli_globals {
    bool help, version, quiet, json;
    int64_t verbose;
    const char *color, *progress, *config;
} cli_globals;

/* A variable that was taken from the file of variables. */
typedef struct cli_variable {
    const char *name, *where; /* where: ".env:3" */
} cli_variable;

extern const cli_option cli_global_options[];
extern const cli_command cli_help_command, cli_config_command;

/* Progress of one subject. */
typedef struct cli_task {
    char what[24], subject[192];
    int64_t done, total;
    double since, at; /* monotonic seconds: first seen, last heard of */
    int64_t first;    /* what was done already when it was first seen (a resumed run) */
    double logged;    /* when its last log line was written */
} cli_task;

enum { CLI_MAX_TASKS = 64, CLI_TABLE_BATCH = 1000 };

typedef enum cli_progress_mode {
    CLI_PROGRESS_OFF,
    CLI_PROGRESS_LINE,
    CLI_PROGRESS_LOG,
    CLI_PROGRESS_JSON
} cli_progress_mode;

struct cli_state {
    cli_globals globals;
    cli_values global_values, program_values, values;
    const char *group;       /* the first word of commands of two, when it was the only one given */
    cli_variable *variables; /* what the file of variables gave */
    size_t n_variables, cap_variables;
    int log_level; /* of df_log_level: what LOG_LEVEL says; -1: nothing */

    /* standard output */
    df_buf out;
    int out_errno;              /* 0, or why writing failed */
    bool out_closed;            /* the reader went away */
    bool out_written;           /* something left the buffer */
    const char *config_exposed; /* a file with a secret that others may read */
    bool said; /* something was printed for people: a heading wants an empty line before it */
    df_json_writer json;
    cli_view *view; /* innermost open view */

    /* standard error */
    bool err_terminal, err_color;
    cli_progress_mode progress;
    cli_task tasks[CLI_MAX_TASKS];
    size_t n_tasks;
    double started, drawn_at; /* monotonic seconds */
    bool drawn;               /* a progress line stands on the terminal */
};

/* ---- table.c: walking the tables ---- */

/* The program's commands by number, the built-in ones behind the others; NULL at the end. */
const cli_command *cli_nth_command(const cli_program *program, size_t n);
const cli_command *cli_find_command(const cli_program *program, const char *name);
/* Of "backup list" the command, of "backup" and "list" too; second may be NULL. */
const cli_command *cli_find_command2(const cli_program *program, const char *first, const char *second);
/* The program's n-th command whose first of two words is `group`; NULL at the end. */
const cli_command *cli_nth_of_group(const cli_program *program, const char *group, size_t n);
/* The tables in the order in which names are looked up: the command's, the program's, the built-in one. */
enum { CLI_TABLES = 3 };
cli_values *cli_table(const cli_context *cli, size_t n);
bool cli_option_is(const cli_option *option, df_str name);
/* The n-th variable of "A|B"; absent at the end. */
df_str cli_nth_env(const char *env, size_t n);
size_t cli_count_options(const cli_option *options);
/* The environment variable that names the configuration file: DELTALAKEDB_CONFIG. */
void cli_put_env_name(df_buf *out, const cli_program *program, const char *suffix);
/* "--batch-size N", "--[no-]deep", "PATH", "FILE..." */
void cli_put_usage(df_buf *out, const cli_option *option);
/* "import PATH --database-url URL [--batch-size N] …" */
void cli_put_synopsis(df_buf *out, const cli_command *command);
/* "1 to 100; default 4; environment variable X", or nothing. `code` is put around names: "" or "`". */
void cli_put_limits(df_buf *out, const cli_option *option, const char *code);
/* The lines of the examples, the word PROGRAM replaced by the program's name. */
void cli_put_examples(df_buf *out, const cli_program *program, const char *examples, const char *indent);
/* Whether `option` takes a value behind it. */
bool cli_takes_value(const cli_option *option);
/* The best match of `word` among names told one by one; see suggest.c. */
typedef struct cli_suggestion {
    const char *word, *best;
    size_t distance;
} cli_suggestion;
void cli_suggest(cli_suggestion *s, const char *candidate);

/* ---- values.c, config.c, parse.c: filling in ---- */

void cli_values_open(cli_values *values, df_arena *arena, const cli_option *options, size_t size);
/* Stores one value; `shown` is how the message names it: "--batch-size", "environment variable X", "x.ini:3:
 * batch-size". */
DF_MUST_USE df_code cli_store(cli_context *cli, cli_values *values, size_t n, const char *text,
                              cli_origin origin, const char *shown, df_error *err);
/*
 * Environment, then file (already stored), then defaults; when `complete`, also whether what is required is
 * there and what excludes each other is not.
 */
DF_MUST_USE df_code cli_resolve(cli_context *cli, cli_values *values, bool complete, df_error *err);
/* The value as text for people; secrets are "***". */
void cli_put_value(df_buf *out, const cli_program *program, const cli_values *values, size_t n);
const char *cli_nth_origin_text(cli_context *cli, const cli_values *values, size_t n);
/* Why an environment's value is what it is: an environment variable; NULL: it is not set. `*where` is the
 * line of the file of variables it came from; NULL: it was in the environment. */
const char *cli_variable_of(const cli_context *cli, df_str name, const char **where);
/* Milliseconds of "500ms", "1h 30min", "0"; false when it is no duration. */
bool cli_parse_duration(df_str text, int64_t *ms);
void cli_put_duration_text(df_buf *out, int64_t ms);
/* Reads the configuration file, if there is one, into whatever of the tables argv did not give. */
DF_MUST_USE df_code cli_read_config(cli_context *cli, df_error *err);

/* ---- variables.c: the file .env ---- */

/* Reads it, if there is one, into the process's environment; what is set already stays. */
DF_MUST_USE df_code cli_read_variables(cli_context *cli, df_error *err);
/*
 * Copies `text` with ${NAME} and ${NAME:-instead} replaced by environment variables. False when one is not
 * set: its name is in `*missing` then.
 */
bool cli_expand(df_buf *out, df_str text, df_str *missing);
/* Reads argv: finds the command, fills both tables. command stays NULL when none was named. */
DF_MUST_USE df_code cli_parse(cli_context *cli, int argc, char **argv, df_error *err);

/* ---- help.c, manual.c, completion.c: the table, printed ---- */

void cli_put_program_help(df_buf *out, const cli_context *cli, size_t width);
void cli_put_command_help(df_buf *out, const cli_context *cli, const cli_command *command, size_t width);
void cli_put_group_help(df_buf *out, const cli_context *cli, const char *group, size_t width);
/* The program's options that are meant for the configuration file. */
void cli_put_settings_help(df_buf *out, const cli_context *cli, size_t width);
void cli_put_man(df_buf *out, const cli_program *program);
void cli_put_markdown(df_buf *out, const cli_program *program);
void cli_put_bash(df_buf *out, const cli_program *program);

/* ---- width.c ---- */

/* The code point at the beginning of `s`, which is not empty; *len its bytes. -1 and 1 when it is not UTF-8.
 */
int32_t cli_decode(df_str s, size_t *len);

/* ---- output.c ---- */

void cli_output_open(cli_context *cli);
/* Ends the document, flushes, and returns the status to exit with: `status`, or that of a failed write. */
int cli_output_close(cli_context *cli, int status);
/* Adds bytes to standard output's buffer and flushes when it is long. */
void cli_out(cli_context *cli, df_str bytes);
/* Columns of the terminal on `fd`; 0 when it is none. */
size_t cli_columns(int fd);
/* The bytes that begin and end a style. */
const char *cli_style_on(cli_style style);
#define CLI_STYLE_OFF "\033[0m"
cli_style cli_mark_style(cli_mark mark);
const char *cli_mark_text(const cli_context *cli, cli_mark mark);
/* Writes all of it to standard error in one go, over a progress line that stands there. Takes the lock. */
void cli_err(cli_context *cli, df_str bytes);

/* ---- progress.c ---- */

void cli_progress_open(cli_context *cli);
/* Takes a drawn line away; the lock must be held. */
void cli_progress_clear(cli_context *cli);
/* The lock around standard error and the progress. */
void cli_lock(void);
void cli_unlock(void);

/* ---- signals.c ---- */

void cli_signals_open(void);
bool cli_interrupted(void);

/* ---- view.c ---- */

/* Prints what the innermost view holds back, so that another may follow it. */
void cli_view_flush(cli_view *view);
/* Frees the views that a command which failed left open. */
void cli_views_drop(cli_context *cli);

#endif
