/* SPDX-License-Identifier: Apache-2.0 */
/* The list of commands, and what several of them share. */
#include "commands.h"

#include "base/clock.h"

static const cli_command *const commands[] = {
    &import_command,
    &batch_import_command,
    &sync_command,
    &discover_command,
    &validate_command,
    &check_command,
    &performance_compare_command,
    &migration_status_command,
    &snapshot_command,
    &files_command,
    &history_command,
    &diff_command,
    &schema_command,
    &verify_rollback_command,
    &rollback_command,
    &export_command,
    &init_command,
    &upgrade_command,
    NULL,
};

const cli_program deltalakedb_program = {
    .name = "deltalakedb",
    .version = DF_VERSION,
    .help = "Delta Lake metadata in a SQL catalog, proved against the log",
    .manual = "Imports the log of Delta Lake tables (`_delta_log`: JSON commits, Parquet checkpoints) into a "
              "catalog on "
              "SQLite, PostgreSQL or MariaDB/MySQL, proves that catalog and log are equal, follows the log, "
              "answers "
              "from SQL what otherwise needs a replay, and proves that going back is possible.\n\n"
              "The tables themselves are never written to.",
    .see = "docs/tutorial.md walks through it; docs/catalog.md explains the catalog's tables",
    .commands = commands,
};

df_code parse_as_of(int64_t version, const char *timestamp, delta_as_of *out, df_error *err)
{
    *out = (delta_as_of){.version = version == CLI_UNSET ? -1 : version, .timestamp = DELTA_ABSENT};
    if (!timestamp) return DF_OK;
    if (df_str_int64(df_str_from(timestamp), &out->timestamp)) return DF_OK;
    if (df_time_parse(df_str_from(timestamp), &out->timestamp)) return DF_OK;
    df_fail(err, DF_USAGE, "--timestamp %s is not a time", timestamp);
    df_error_hint(err, "write it as 2026-11-20T08:30:00Z, as 2026-11-20, or as milliseconds since 1970");
    return DF_USAGE;
}

void show_warnings(cli_context *cli, const char *name, const df_delta_warning *warnings, size_t count)
{
    static const cli_column columns[] = {
        {.name = "kind"},
        {.name = "file"},
        {.name = "line"},
        {.name = "version"},
        {.name = "what", .cut = CLI_CUT_NEVER},
        {.name = "fallback", .cut = CLI_CUT_NEVER},
    };
    if (!cli->json) {
        for (size_t i = 0; i < count; i++) {
            const df_delta_warning *w = &warnings[i];
            cli_say_mark(cli, CLI_MARK_WARNING, "%s%s%s%s", w->file ? w->file : "", w->file ? ": " : "",
                         w->what, w->line ? "" : "");
            if (w->fallback[0]) cli_say(cli, "    instead: %s", w->fallback);
        }
        return;
    }
    cli_view *rows = cli_rows(cli, name, columns, 6, CLI_AUTO);
    for (size_t i = 0; i < count; i++) {
        const df_delta_warning *w = &warnings[i];
        cli_put_text(rows, w->kind);
        cli_put_text(rows, w->file);
        if (w->line)
            cli_put_int(rows, w->line);
        else
            cli_put_null(rows);
        if (w->version >= 0)
            cli_put_int(rows, w->version);
        else
            cli_put_null(rows);
        cli_put_text(rows, w->what);
        cli_put_text(rows, w->fallback);
    }
    cli_done(rows);
}

static cli_mark mark_of(const char *result)
{
    if (strcmp(result, "match") == 0) return CLI_MARK_OK;
    if (strcmp(result, "mismatch") == 0) return CLI_MARK_FAILED;
    return strcmp(result, "unknown") == 0 ? CLI_MARK_WARNING : CLI_MARK_NONE;
}

void show_checks(cli_context *cli, const df_delta_check *checks, size_t count)
{
    static const cli_column columns[] = {
        {.name = "name"},
        {.name = "title"},
        {.name = "result"},
        {.name = "detail", .cut = CLI_CUT_NEVER},
        {.name = "evidence", .cut = CLI_CUT_NEVER},
    };
    if (!cli->json) {
        for (size_t i = 0; i < count; i++)
            cli_say_mark(cli, mark_of(checks[i].result), "%s: %s", checks[i].title, checks[i].detail);
        return;
    }
    cli_view *rows = cli_rows(cli, "checks", columns, 5, CLI_AUTO);
    for (size_t i = 0; i < count; i++) {
        cli_put_text(rows, checks[i].name);
        cli_put_text(rows, checks[i].title);
        cli_put_text(rows, checks[i].result);
        cli_put_text(rows, checks[i].detail);
        cli_put_text(rows, checks[i].evidence);
    }
    cli_done(rows);
}

void put_count_or_null(cli_view *view, int64_t value)
{
    if (value == DF_DELTA_ABSENT)
        cli_put_null(view);
    else
        cli_put_count(view, value);
}

void put_bytes_or_null(cli_view *view, int64_t value)
{
    if (value == DF_DELTA_ABSENT)
        cli_put_null(view);
    else
        cli_put_bytes(view, value);
}

void put_time_or_null(cli_view *view, int64_t ms)
{
    if (ms == DF_DELTA_ABSENT)
        cli_put_null(view);
    else
        cli_put_time(view, ms);
}

static void put_version(cli_view *view, int64_t version)
{
    if (version < 0)
        cli_put_null(view);
    else
        cli_put_int(view, version);
}

void show_import(cli_context *cli, cli_view *record, const df_delta_import_report *r)
{
    bool rehearsal = strcmp(r->status, "dry-run") == 0;
    cli_put_text(cli_field(record, "table_id", "Table"), r->table_id);
    cli_put_text(cli_field(record, "location", "Location"), r->location);
    cli_put_text(cli_field(record, "status", "Status"), r->status);
    put_version(cli_field(record, "version", "Version"), r->version);
    put_version(cli_field(record, "first_version", NULL), r->first_version);
    cli_put_text(cli_field(record, "plan", "Read from"), r->plan);
    if (r->resumed_from >= 0 || cli->json)
        put_version(cli_field(record, "resumed_from", "Already there"), r->resumed_from);
    cli_put_count(cli_field(record, "versions", rehearsal ? "Versions to load" : "Versions loaded"),
                  r->versions);
    cli_put_count(cli_field(record, "files_processed", "Files processed"), r->files_processed);
    put_count_or_null(cli_field(record, "num_files", "Live files"), r->num_files);
    put_bytes_or_null(cli_field(record, "size_in_bytes", "Live bytes"), r->size_in_bytes);
    put_count_or_null(cli_field(record, "num_records", "Records"), r->num_records);
    cli_put_bytes(cli_field(record, "log_bytes", "Log read"), r->bytes_read);
    cli_put_duration(cli_field(record, "duration_s", "Duration"), r->duration_s);
    if (rehearsal) cli_put_duration(cli_field(record, "estimate_s", "Estimate"), r->estimate_s);
}

df_code open_for_asking(cli_context *cli, const char *url, const char *table_id, delta_catalog **catalog,
                        delta_table *table, df_error *err)
{
    DF_TRY(delta_catalog_open(url, DELTA_CATALOG_READ, &cli->observer, catalog, err));
    df_code code = delta_table_get(*catalog, df_str_from(table_id), &cli->arena, table, err);
    if (code == DF_OK && table->version < 0) {
        code =
            df_fail(err, DF_NOT_FOUND, "%s has no visible version yet: its import did not finish", table_id);
        df_error_hint(err, "deltalakedb import %.*s --resume", DF_FMT(table->location));
    }
    if (code != DF_OK) {
        delta_catalog_close(*catalog);
        *catalog = NULL;
    }
    return code;
}
