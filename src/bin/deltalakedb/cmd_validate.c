/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct validate_args {
    const char *path, *table_id, *url;
} validate_args;

static const cli_option option_table[] = {
    {CLI_INTO(validate_args, path), .name = "PATH", .operand = true, .required = true,
     .help = "the table's folder"},
    {CLI_INTO(validate_args, table_id), .name = "table-id", .arg = "ID", .after = CLI_ANY_OF,
     .help = "the table's id in the catalog"},
    OPTION_DATABASE_URL(validate_args),
    {0},
};

static void show_differences(cli_context *cli, const df_delta_validate_report *r)
{
    static const cli_column columns[] = {
        {.name = "kind", .title = "DIFFERENCE"},
        {.name = "path", .title = "WHAT", .cut = CLI_CUT_MIDDLE},
        {.name = "dv_id", .title = NULL},
        {.name = "in_log", .title = "IN THE LOG", .cut = CLI_CUT_END},
        {.name = "in_sql", .title = "IN SQL", .cut = CLI_CUT_END},
        {.name = "legitimate", .title = "EXPECTED"},
    };
    if (!r->n_differences && !cli->json) return;
    cli_view *rows = cli_rows(cli, "differences", columns, 6, CLI_AUTO);
    for (size_t i = 0; i < r->n_differences; i++) {
        const df_delta_difference *d = &r->differences[i];
        cli_put_text(rows, d->kind);
        cli_put_text(rows, d->path);
        cli_put_text(rows, d->dv_id);
        cli_put_text(rows, d->in_log);
        cli_put_text(rows, d->in_sql);
        cli_put_bool(rows, d->legitimate);
    }
    cli_done(rows);
    if (r->differences_total > (int64_t)r->n_differences)
        cli_say(cli, "… and %lld more; --verbose lists them all",
                (long long)(r->differences_total - (int64_t)r->n_differences));
}

static int run(cli_context *cli, const void *values)
{
    const validate_args *args = values;
    df_delta_validate_options options = {
        .database_url = args->url,
        .path = args->path,
        .table_id = args->table_id,
        .max_differences = cli->verbose ? -1 : 0,
        .observer = &cli->observer,
    };
    df_delta_validate_report r;
    df_error err = {0};
    df_code code = df_delta_validate(&options, &r, &err);
    int status = df_code_exit_status(code);
    if (!r.n_checks) {
        status = cli_fail(cli, &err);
    } else {
        cli_view *record = cli_record(cli, NULL);
        cli_put_text(cli_field(record, "table_id", "Table"), r.table_id);
        cli_put_text(cli_field(record, "location", "Location"), r.location);
        cli_put_text(cli_field(record, "result", "Result"), r.result);
        cli_put_int(cli_field(record, "version", "Catalog at version"), r.version);
        cli_put_int(cli_field(record, "log_version", "Log at version"), r.log_version);
        cli_put_count(cli_field(record, "files_sql", "Files in SQL"), r.files_sql);
        cli_put_count(cli_field(record, "files_log", "Files in the log"), r.files_log);
        cli_put_count(cli_field(record, "versions_compared", "Versions compared"), r.versions_compared);
        cli_put_count(cli_field(record, "differences_total", NULL), r.differences_total);
        cli_put_duration(cli_field(record, "duration_s", "Duration"), r.duration_s);
        show_checks(cli, r.checks, r.n_checks);
        show_differences(cli, &r);
        show_warnings(cli, "warnings", r.warnings, r.n_warnings);
        cli_done(record);
        if (code == DF_OK)
            cli_say_mark(cli, CLI_MARK_OK, "%s is valid: catalog and log are equal", r.table_id);
        else if (code == DF_MISMATCH)
            cli_say_mark(cli, CLI_MARK_FAILED, "%s has validation issues", r.table_id);
        else
            cli_say_mark(cli, CLI_MARK_WARNING, "%s: %s", r.table_id, err.message);
        if (r.log_version > r.version)
            cli_note(cli, "the log is %lld versions ahead: deltalakedb sync --table-id %s",
                     (long long)(r.log_version - r.version), r.table_id);
    }
    df_delta_validate_release(&r);
    return status;
}

const cli_command validate_command = {
    .name = "validate",
    .group = "Prove it",
    .help = "prove that catalog and log are equal",
    .manual =
        "Replays the log backwards, by code that shares nothing with the importer, and compares every "
        "version's counts, sizes and "
        "digest, and the newest version file by file and field by field. Version checksums (`.crc`), "
        "checkpoints and log "
        "compaction files, which the table's own writers left, are asked as well. What may legitimately "
        "differ (expired "
        "tombstones and transactions) is listed apart.\n\n"
        "Fills the tables `file_based_snapshot` and `delta_log_files`, so that the comparison can be made in "
        "SQL, too.\n\n"
        "Status 0: equal. 4: they differ. 8: it could not be told, because the log cannot be read as far.",
    .examples = "deltalakedb validate /data/orders --database-url sqlite:catalog.db\n"
                "deltalakedb validate --table-id orders --database-url sqlite:catalog.db --verbose",
    .options = option_table,
    .values_size = sizeof(validate_args),
    .run = run,
};
