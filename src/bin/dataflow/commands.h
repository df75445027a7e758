/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of dataflow, one file each (those of one subject share theirs). To add one: a file cmd_NAME.c
 * that ends with its cli_command, a line here, a line in commands.c, the file in meson.build, and a test in
 * tests/program.
 */
#ifndef DF_BIN_DATAFLOW_COMMANDS_H
#define DF_BIN_DATAFLOW_COMMANDS_H

#include "base/error.h"
#include "cli/cli.h"

#include <dataflow/migrate.h>

extern const cli_command init_command, new_command, status_command, up_command, down_command, redo_command,
    validate_command, verify_command, history_command, audit_command, repair_command, adopt_command,
    backup_command, backup_list_command, backup_verify_command, backup_restore_command, backup_prune_command,
    backup_dump_command, backup_load_command,
    lock_status_command, lock_release_command, health_command, why_command, schema_dump_command,
    schema_validate_command, schema_accept_command;

extern const cli_program dataflow_program;

/* ---- settings: the options of the whole program ---- */

typedef struct settings {
    const char *env, *env_file;
    const char *url, *url_file, *url_command;
    const char *migrations, *layout, *engine, *actor;
    int64_t wait, lease, lock_timeout, retries, statement_timeout, index_timeout;
    const char *max_risk, *backup, *backup_folder, *encryption_key;
    int64_t required_approvals, backup_max_age, backup_keep;
    bool allow_late, keep_on_failed_check, schema_snapshot, require_yes;
    cli_list before, after, before_each, after_each, check, failed;
    cli_list placeholder;
} settings;

extern const cli_option settings_options[];
/* "postgresql://ops:***@db/shop" of a URL, "***" of anything else. */
void mask_secret(df_buf *out, const char *secret);

static inline const settings *settings_of(const cli_context *cli)
{
    return cli->settings;
}

/* ---- opening ---- */

/* What a command needs of a database. */
typedef enum need {
    NEED_FILES,    /* nothing: the URL may be missing */
    NEED_DATABASE, /* a URL */
} need;

/* Settings to configuration. Memory from the context's arena. DF_USAGE when a URL is needed and missing. */
DF_MUST_USE df_code configure(cli_context *cli, need wanted, df_migrate_config *out, df_error *err);
/* configure and df_migrate_open. */
DF_MUST_USE df_code open_migrate(cli_context *cli, need wanted, df_migrate **out, df_error *err);

/* ---- variables.c ---- */

/* The URL that variables like NEO4J_URI, NEO4J_USERNAME and NEO4J_PASSWORD name together; NULL when none is set. */
const char *url_of_variables(cli_context *cli);
/* A URL with the user, password and database that such variables give for its engine and that it does not name itself. */
const char *url_with_credentials(cli_context *cli, const char *url);

/*
 * Consent for what destroys: --yes, an answer on the terminal, or an environment that does not ask (`always`
 * asks in every environment). DF_REFUSED otherwise. `doing`: "takes migrations back".
 */
DF_MUST_USE df_code ask_consent(cli_context *cli, bool yes, bool always, const char *doing, df_error *err);

#define OPTION_YES(struct_)                                                                                  \
    {                                                                                                        \
        CLI_INTO(struct_, yes), .name = "yes", .letter = 'y',                                                \
                                .help = "consent, where an environment asks for it"                          \
    }
#define OPTION_REASON(struct_)                                                                               \
    {                                                                                                        \
        CLI_INTO(struct_, reason), .name = "reason", .arg = "TEXT", .help = "why, for the audit log"         \
    }

/* ---- events of a run ---- */

typedef struct events events;
/* `to`: a file that is appended to, "-" for standard output, NULL for none. Sets the two members of `config`.
 */
DF_MUST_USE df_code events_open(cli_context *cli, const char *to, df_migrate_config *config, events **out,
                                df_error *err);
/* Whether they are the result, so that nothing else is printed on standard output. */
bool events_own_output(const events *events);
/* DF_IO and the like when an event could not be written. */
DF_MUST_USE df_code events_close(events *events, df_error *err);

/* ---- what several commands print ---- */

/* For JSON the member `name`; for people a line each, with what to do below it; notes with --verbose. */
void show_findings(cli_context *cli, const char *name, const df_migrate_finding *findings, size_t count);
/* For JSON the member `name`. */
void show_items(cli_context *cli, const char *name, const df_migrate_item *items, size_t count);
/* "Pending migrations: 1", "- 009_add_notification_system.sql (risk: medium)"; nothing with --json. */
void say_pending(cli_context *cli, const df_migrate_item *items, size_t count);
/*
 * The report of up, down or redo, and how it ended; returns the exit status. What completed was told while it
 * ran.
 */
int show_run(cli_context *cli, const df_migrate_run_report *report, const char *verb, df_code code,
             const df_error *err);
void put_ms_or_null(cli_view *view, int64_t ms);   /* a duration */
void put_count_or_null(cli_view *view, int64_t n); /* DF_MIGRATE_UNKNOWN is NULL */
void put_time_or_null(cli_view *view, int64_t ms); /* 0 is NULL */
void put_int_or_null(cli_view *view, int64_t n, int64_t none);
/* The name of a migration for people: its file, or its id where there is none. */
const char *file_or_id(const char *file, const char *id);
const char *plural(int64_t n, const char *one, const char *many);

#endif
