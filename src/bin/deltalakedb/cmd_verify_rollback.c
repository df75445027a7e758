/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct verify_args {
    const char *table_id, *url;
    int64_t sample;
    bool all_files;
} verify_args;

static const cli_option option_table[] = {
    OPERAND_TABLE_ID(verify_args),
    OPTION_DATABASE_URL(verify_args),
    {CLI_INTO(verify_args, sample), .name = "sample", .arg = "N", .min = 1, .max = INT64_MAX,
     .help = "look for about N data files (default: all up to 10,000, else 1,000)"},
    {CLI_INTO(verify_args, all_files), .name = "all-files", .after = CLI_ONE_OF,
     .help = "look for every data file"},
    {0},
};

static int run(cli_context *cli, const void *values)
{
    const verify_args *args = values;
    df_delta_verify_rollback_options options = {
        .database_url = args->url,
        .table_id = args->table_id,
        .sample = args->all_files             ? -1
                  : args->sample == CLI_UNSET ? 0
                                              : args->sample,
        .observer = &cli->observer,
    };
    df_delta_rollback_report r;
    df_error err = {0};
    df_code code = df_delta_verify_rollback(&options, &r, &err);
    int status = df_code_exit_status(code);
    if (!r.n_checks) {
        status = cli_fail(cli, &err);
    } else {
        cli_view *record = cli_record(cli, NULL);
        cli_put_text(cli_field(record, "table_id", "Table"), r.table_id);
        cli_put_text(cli_field(record, "location", "Location"), r.location);
        cli_put_bool(cli_field(record, "possible", "Rollback possible"), r.possible);
        cli_put_text(cli_field(record, "method", "Method"),
                     "remove the table's rows; readers use the log again");
        cli_put_int(cli_field(record, "version", "Catalog at version"), r.version);
        cli_put_int(cli_field(record, "log_version", "Log at version"), r.log_version);
        cli_put_count(cli_field(record, "commits_since_import", "Commits since import"),
                      r.commits_since_import);
        cli_put_duration(cli_field(record, "estimate_s", "Estimated time"), r.estimate_s);
        cli_put_count(cli_field(record, "files", NULL), r.files);
        cli_put_count(cli_field(record, "files_checked", NULL), r.files_checked);
        cli_put_count(cli_field(record, "files_missing", NULL), r.files_missing);
        cli_put_count(cli_field(record, "deletion_vectors_checked", NULL), r.dvs_checked);
        cli_put_count(cli_field(record, "deletion_vectors_missing", NULL), r.dvs_missing);
        show_checks(cli, r.checks, r.n_checks);
        show_warnings(cli, "warnings", r.warnings, r.n_warnings);
        cli_done(record);
        if (r.possible)
            cli_say_mark(cli, CLI_MARK_OK, "going back is possible: deltalakedb rollback %s --yes",
                         r.table_id);
        else
            cli_say_mark(cli, CLI_MARK_FAILED, "%s", err.message);
    }
    df_delta_rollback_release(&r);
    return status;
}

const cli_command verify_rollback_command = {
    .name = "verify-rollback",
    .group = "Go back",
    .help = "prove that the table can be read from its log alone",
    .manual = "Reads the log from end to end now, compares what it replays to with the catalog's digest, "
              "makes sure that it covers the commits "
              "since the import, and looks for the data files and deletion vectors. The estimated time is "
              "made from that measurement.",
    .examples = "deltalakedb verify-rollback orders --database-url sqlite:catalog.db --all-files",
    .options = option_table,
    .values_size = sizeof(verify_args),
    .run = run,
};
