/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of the programs: one table of commands and options, from which the parser,
 * `--help`, the manual page, the bash completion and the reference page are made; and what every
 * command needs for talking to people and to other programs.
 *
 * A command is one file that reads in one screen: its options, its run function, its entry.
 *
 *     // src/bin/deltalakedb/cmd_snapshot.c
 *     #include "commands.h"
 *
 *     typedef struct snapshot_args {
 *         const char *table_id, *url;
 *         int64_t version;
 *     } snapshot_args;
 *
 *     static const cli_option options[] = {
 *         {CLI_INTO(snapshot_args, table_id), .name = "TABLE_ID", .operand = true, .required = true,
 *          .help = "the table's id in the catalog"},
 *         {CLI_INTO(snapshot_args, url), .name = "database-url", .arg = "URL", .required = true,
 *          .secret = true, .env = "DELTALAKEDB_DATABASE_URL", .help = "the catalog's database"},
 *         {CLI_INTO(snapshot_args, version), .name = "version", .arg = "N", .min = 0, .max = INT64_MAX,
 *          .help = "the table as it was at version N (default: the newest)"},
 *         {0},
 *     };
 *
 *     static int run(cli_context *cli, const void *values)
 *     {
 *         const snapshot_args *args = values;
 *         df_error err = {0};
 *         df_snapshot s;
 *         if (df_snapshot_read(args->url, args->table_id, args->version, &cli->observer, &s, &err))
 *             return cli_fail(cli, &err);
 *         cli_view *v = cli_record(cli, NULL);
 *         cli_put_text(cli_field(v, "table_id", "Table"), s.table_id);
 *         cli_put_int(cli_field(v, "version", "Version"), s.version);
 *         cli_put_count(cli_field(v, "num_files", "Files"), s.num_files);
 *         cli_put_bytes(cli_field(v, "size_in_bytes", "Size"), s.size_in_bytes);
 *         cli_done(v);
 *         return 0;
 *     }
 *
 *     const cli_command snapshot_command = {
 *         .name = "snapshot", .group = "Ask the catalog", .help = "show a table's state from the catalog",
 *         .manual = "Answers from SQL what otherwise needs a replay of the log.",
 *         .examples = "deltalakedb snapshot orders --database-url sqlite:catalog.db --version 12",
 *         .options = options, .values_size = sizeof(snapshot_args), .run = run,
 *     };
 *
 * The same calls print an aligned block for people and, with --json, one JSON object.
 * `extern const cli_command snapshot_command;` stands in commands.h, `&snapshot_command` in main.c's list.
 */
#ifndef DF_CLI_CLI_H
#define DF_CLI_CLI_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"

/* ---- the table ---- */

typedef enum cli_type {
    CLI_FLAG,   /* bool: --name, --no-name */
    CLI_INT,    /* int64_t */
    CLI_NUMBER, /* double */
    CLI_TEXT,   /* const char * */
    CLI_LIST,   /* cli_list: may be given several times; as an operand it takes the rest */
} cli_type;

typedef struct cli_list {
    const char *const *items;
    size_t count;
} cli_list;

/* What an int64_t holds when it was not given and has no default. (A double: NAN; a text: NULL.) */
#define CLI_UNSET INT64_MIN

/* Where a value goes: `member` of the command's struct; its type tells what kind of value it is. */
#define CLI_INTO(struct_, member)                                                                            \
    .at = offsetof(struct_, member), .type = _Generic(((struct_ *)0)->member, bool                           \
                                                      : CLI_FLAG, int64_t                                    \
                                                      : CLI_INT, double                                      \
                                                      : CLI_NUMBER, const char *                             \
                                                      : CLI_TEXT, cli_list                                   \
                                                      : CLI_LIST)

/* How an entry stands to the entry before it. */
typedef enum cli_relation {
    CLI_ALONE,
    CLI_ONE_OF, /* instead of it: not both. When the chain's first is required, exactly one must be given */
    CLI_ANY_OF, /* instead of it or with it. When the chain's first is required, at least one must be given */
} cli_relation;

/* One option or operand. Members that are not named are zero, and zero is the usual case. */
typedef struct cli_option {
    size_t at; /* both by CLI_INTO */
    cli_type type;
    const char *name; /* "batch-size"; of an operand its placeholder: "PATH". NULL ends the table */
    const char *also; /* a second name of an option: "url" for "database-url"; NULL: none */
    char letter;      /* 'v' for -v; 0: none */
    bool operand;     /* an object of the command, not an option; in the order of the table */
    bool required;
    bool count;    /* an int64_t without an argument that counts how often it was given (-vv) */
    bool secret;   /* may hold a password: never shown, and overwritten in the process's arguments */
    bool duration; /* an int64_t of milliseconds, written with a unit: 500ms, 10min, 1h 30min; 0 needs none.
                    * `none` is -1 where min is -1 */
    bool keyed;    /* a list of NAME=VALUE; in the configuration file `placeholder.NAME = VALUE` */
    bool verbatim; /* ${NAME} in the configuration file stays as it is (a shell will read it) */
    bool setting;  /* of the program's options: meant for the configuration file, and listed apart */
    cli_relation after;  /* how it stands to the entry before it */
    const char *arg;     /* placeholder of the value: "URL", "N", "DIR", "FILE"; flags have none.
                          * PATH and FILE complete to files, DIR to directories */
    const char *choices; /* "table|json|csv": the only texts that are allowed */
    int64_t min, max;    /* allowed range of an int or number, both included; both 0: any */
    const char *env;     /* environment variable that stands in when the option is not given; "A|B": the first
                          * that is set */
    const char *def;     /* default, written as on the command line */
    const char *help;    /* one line, no capital, no full stop */
    const char *manual;  /* what a manual adds to it; paragraphs parted by an empty line; `code` */
} cli_option;

typedef struct cli_context cli_context;

typedef struct cli_command {
    const char *name, *alias;  /* "import", "backup list"; "import-table" or NULL. Of two words, the blank may
                                * also  be written as a colon */
    const char *group;         /* heading in the program's help; the groups in order of appearance */
    const char *help;          /* one line, no capital, no full stop */
    const char *manual;        /* paragraphs parted by an empty line; what two blanks begin stays as it is */
    const char *examples;      /* one a line; # begins one that explains the next; PROGRAM is the program */
    const cli_option *options; /* ends with {0}; NULL: none */
    size_t values_size;        /* of the struct that the options fill */
    /* Does the work and returns the exit status: 0, or what cli_fail or df_code_exit_status returned. */
    int (*run)(cli_context *cli, const void *values);
} cli_command;

typedef struct cli_program {
    const char *name, *version;
    const char *help;   /* one line: what the program is for */
    const char *manual; /* DESCRIPTION of the manual page */
    const char *about;  /* further lines of --version: libraries and their versions; NULL: none */
    const char *see;    /* where to read on, last line of --help; NULL: none */
    const cli_command *const *commands; /* ends with NULL; `help` and `config` are added by themselves */

    const cli_option *options; /* of every command of this program: fill cli_context.settings; NULL: none */
    size_t values_size;        /* of that struct */
    /*
     * The program has environments: its option `env` chooses one, and the section [env.NAME] of the
     * configuration file holds its options. These names are known without a section:
     * "development|production". NULL: it has none.
     */
    const char *environments;
    bool env_file;       /* lines NAME=VALUE of a file .env stand in for environment variables */
    const char *log_env; /* environment variable with a log level (ERROR, WARN, INFO, DEBUG); NULL: none */
    const char
        *progress_word; /* begins each line of progress where there is no terminal; NULL: nothing does */
    const char *const
        *shown; /* beginnings of informational log lines that are shown without --verbose; ends with NULL */
    /* How a secret value is shown: a URL without its password. NULL: as ***. */
    void (*mask)(df_buf *out, const char *secret);
} cli_program;

/*
 * Runs the program: parses, installs signal handlers, runs the command, flushes. Returns the exit status.
 * argv may be written to (secret values are overwritten).
 */
int cli_main(const cli_program *program, int argc, char **argv);

/*
 * Faults of a table (a default out of range, a name used twice, a help line with a full stop …) as lines
 * in `faults`; returns how many. For tests, and called before a manual page is made.
 */
size_t cli_check_program(const cli_program *program, df_buf *faults);

/* ---- what a command is given ---- */

typedef struct cli_state cli_state;

struct cli_context {
    const cli_program *program;
    const cli_command *command;
    const void *settings; /* the struct that the program's options fill */
    df_observer observer; /* hand `&cli->observer` to the library: log, progress, cancelling; thread-safe */
    df_arena arena;       /* lives until the program ends */
    bool json;            /* --json: the result is one JSON document */
    bool quiet;           /* --quiet: errors only */
    int64_t verbose;      /* how often --verbose was given: 1 information, 2 debugging */
    bool terminal;        /* standard output is a terminal */
    bool color;           /* standard output may be coloured */
    bool unicode;         /* people can see UTF-8 */
    cli_state *state;
};

/* Where a value came from, lowest precedence first. */
typedef enum cli_origin {
    CLI_NOT_GIVEN,
    CLI_FROM_DEFAULT,
    CLI_FROM_FILE,
    CLI_FROM_ENV_FILE,
    CLI_FROM_ENVIRONMENT,
    CLI_FROM_FLAG,
} cli_origin;

/* Where the value of a member of the command's struct came from: cli_origin_of(cli, &args->url). */
cli_origin cli_origin_of(const cli_context *cli, const void *member);
/* The same for people: "option --batch-size", "environment variable X", "/etc/x.ini:3", "default". */
const char *cli_origin_text(cli_context *cli, const void *member);
/*
 * Why a value that the configuration file wants to give is not there ("x.ini:3: the environment variable X is
 * not set"); NULL when it does not want to.
 */
const char *cli_lack_text(const cli_context *cli, const void *member);
/*
 * What the environment's own section says of a text, when an environment variable won over it; NULL when none
 * did.
 * `*where` is its line.
 */
const char *cli_overruled_text(const cli_context *cli, const void *member, const char **where);

/* ---- ending badly ---- */

/*
 * Prints "error: …", the file and line at fault and the hint on standard error; with --json also
 * {"error":{code,message,file,line,hint,engine,native}} as the only document on standard output (and
 * `statement`, where one of a script is at fault). Returns the exit status of the code. Silent, with status
 * 0, when the reader of standard output went away.
 */
int cli_fail(cli_context *cli, const df_error *err);
/*
 * The same while a record is open that shows how far the work came: with --json the error becomes its member
 * `error`, so that the document stays one. The record is the caller's to end, before this for people or
 * after.
 */
int cli_fail_within(cli_context *cli, const df_error *err);
/* The same for a wrong use that only the command can see: message, and where to read about it. Returns 2. */
int cli_usage(cli_context *cli, const char *fmt, ...) DF_PRINTF(2, 3);

/* ---- the result: standard output ---- */

typedef enum cli_style { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_GOOD, CLI_WARN, CLI_BAD } cli_style;
typedef enum cli_mark { CLI_MARK_OK, CLI_MARK_FAILED, CLI_MARK_WARNING, CLI_MARK_NONE } cli_mark;

/* A line for people; nothing with --json. Control characters are escaped. */
void cli_say(cli_context *cli, const char *fmt, ...) DF_PRINTF(2, 3);
/* The same after a check mark: "✓ orders: 12 files". */
void cli_say_mark(cli_context *cli, cli_mark mark, const char *fmt, ...) DF_PRINTF(3, 4);
/* The same in bold, with an empty line before it when something was printed already. */
void cli_heading(cli_context *cli, const char *fmt, ...) DF_PRINTF(2, 3);
/* What was printed so far goes out now, also to a pipe: for what people wait for. Not the document of --json.
 */
void cli_flush(cli_context *cli);
/* Raw bytes, as they are, also with --json (for a command whose result is a file). */
void cli_write(cli_context *cli, df_str bytes);
/* `text` in a style, or as it is where there are no colours; lives in the arena. */
const char *cli_paint(cli_context *cli, cli_style style, const char *text);
/*
 * For loops that print much: DF_OK, or a reason to stop (the reader went away, the disk is full).
 * cli_fail knows what to do with it.
 */
DF_MUST_USE df_code cli_check_output(cli_context *cli, df_error *err);

/* A line for people on standard error (a hint, what is being done now); nothing with --quiet. */
void cli_note(cli_context *cli, const char *fmt, ...) DF_PRINTF(2, 3);

/*
 * Whether to go on: true when `yes` is (the --yes option), else asks on the terminal; without one, false.
 */
bool cli_confirm(cli_context *cli, bool yes, const char *fmt, ...) DF_PRINTF(3, 4);

/*
 * The JSON document, for what views cannot say; NULL without --json. Members may be added between
 * the fields of an open record.
 */
df_json_writer *cli_json(cli_context *cli);

/* ---- views: rows and records ---- */

/*
 * A view is a list of rows (a table, CSV, a JSON array of objects, plain lines) or a record (aligned labels
 * and values, a JSON object). Values are put one after the other by the functions below; a row is complete by
 * itself. Views nest: what is opened while another is open becomes its member `name` in JSON, and follows it
 * for people. Rows are streamed: columns are aligned over the first thousand, and memory stays bounded.
 */
typedef struct cli_view cli_view;

typedef enum cli_format {
    CLI_AUTO, /* JSON with --json, else a table */
    CLI_AS_TABLE,
    CLI_AS_JSON, /* as if --json had been given */
    CLI_AS_CSV,  /* RFC 4180, with a header; NULL is an empty field, an empty text is "" */
    CLI_AS_LINES /* the first column alone, a line each */
} cli_format;

typedef enum cli_cut { CLI_CUT_END, CLI_CUT_MIDDLE, CLI_CUT_NEVER } cli_cut;

typedef struct cli_column {
    const char *name;  /* JSON member and CSV heading; NULL: for people only */
    const char *title; /* heading for people; NULL: `name` in capitals */
    cli_cut cut;       /* how a text is shortened when the terminal is too narrow; numbers never are */
} cli_column;

/* `columns` must outlive the view. */
cli_view *cli_rows(cli_context *cli, const char *name, const cli_column *columns, size_t n_columns,
                   cli_format format);
cli_view *cli_record(cli_context *cli, const char *name);
/* Names the next value of a record. `name` NULL: for people only; `label` NULL: for JSON only. */
cli_view *cli_field(cli_view *record, const char *name, const char *label);
/* Ends the view and prints what is left. Views end in the reverse order of their beginning. */
void cli_done(cli_view *view);

/* One value. For people: numbers to the right, "–" for NULL, control characters escaped. */
void cli_put_text(cli_view *view, const char *text); /* NULL is NULL */
void cli_put_str(cli_view *view, df_str text);       /* absent is NULL */
void cli_put_styled(cli_view *view, cli_style style, const char *text);
void cli_put_format(cli_view *view, const char *fmt, ...) DF_PRINTF(2, 3);
void cli_put_int(cli_view *view, int64_t value);       /* 1234567: versions, ids */
void cli_put_count(cli_view *view, int64_t value);     /* for people 1,234,567 */
void cli_put_bytes(cli_view *view, int64_t bytes);     /* for people 1.4 GiB */
void cli_put_duration(cli_view *view, double seconds); /* for people 12.4 s */
void cli_put_ms(cli_view *view, int64_t ms);           /* the same from milliseconds; below 0 is NULL */
void cli_put_double(cli_view *view, double value, int decimals); /* decimals are for people */
void cli_put_time(cli_view *view, int64_t ms); /* since 1970: 2026-11-20T19:06:16.123Z; shorter for people */
void cli_put_bool(cli_view *view, bool value); /* for people yes, no */
void cli_put_mark(cli_view *view, cli_mark mark); /* elsewhere "ok", "failed", "warning", NULL */
void cli_put_list(cli_view *view, const df_str *items, size_t count); /* for people a, b, c */
void cli_put_raw(cli_view *view, df_str json); /* a JSON value; for people and CSV its text */
void cli_put_null(cli_view *view);

/* ---- texts ---- */

/* How many columns of a terminal the text takes: wide characters 2, combining ones 0, invalid bytes 1. */
size_t cli_width(df_str text);
/* Adds `text` so that it takes at most `width` columns, with an ellipsis where something was left out. */
void cli_put_cut(df_buf *out, df_str text, size_t width, cli_cut cut, bool unicode);
/* Adds `text` with control characters and invalid bytes as \n, \t, \x1b. */
void cli_put_escaped(df_buf *out, df_str text);

#endif
