/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

typedef struct check_args {
    const char *path;
} check_args;

static const cli_option option_table[] = {
    {CLI_INTO(check_args, path), .name = "PATH", .operand = true, .required = true,
     .help = "the table's folder"},
    {0},
};

static void show_ranges(cli_context *cli, const df_delta_examine_report *r)
{
    static const cli_column columns[] = {{.name = "from", .title = "FROM"},
                                         {.name = "to", .title = "TO"},
                                         {.name = "base", .title = "READ FROM"}};
    if (!r->n_reachable && !cli->json) return;
    cli_heading(cli, "Versions that can be reached");
    cli_view *rows = cli_rows(cli, "reachable", columns, 3, CLI_AUTO);
    for (size_t i = 0; i < r->n_reachable; i++) {
        cli_put_int(rows, r->reachable[i].from);
        cli_put_int(rows, r->reachable[i].to);
        cli_put_text(rows, r->reachable[i].base);
    }
    cli_done(rows);
}

static cli_mark mark_of(df_code code)
{
    return code == DF_OK ? CLI_MARK_OK : code == DF_MISMATCH ? CLI_MARK_WARNING : CLI_MARK_FAILED;
}

static int run(cli_context *cli, const void *values)
{
    const check_args *args = values;
    df_delta_examine_report r;
    df_error err = {0};
    df_code code = df_delta_examine(args->path, &cli->observer, &r, &err);
    int status = df_code_exit_status(code);
    if (!r.strict_readers) {
        if (!cli->json) show_warnings(cli, "defects", r.defects, r.n_defects);
        status = cli_fail(cli, &err);
    } else {
        cli_view *record = cli_record(cli, NULL);
        cli_put_text(cli_field(record, "location", "Location"), r.location);
        cli_put_text(cli_field(record, "verdict", "Verdict"), r.verdict);
        if (r.version < 0)
            cli_put_null(cli_field(record, "version", "Newest reachable"));
        else
            cli_put_int(cli_field(record, "version", "Newest reachable"), r.version);
        cli_put_int(cli_field(record, "newest_on_disk", "Newest on disk"), r.newest_on_disk);
        cli_put_count(cli_field(record, "commits", "Commits"), r.commits);
        cli_put_count(cli_field(record, "checkpoints", "Checkpoints"), r.checkpoints);
        cli_put_count(cli_field(record, "compactions", "Compaction files"), r.compactions);
        cli_put_count(cli_field(record, "checksums", "Version checksums"), r.checksums);
        cli_put_bytes(cli_field(record, "bytes", "Log size"), r.bytes);
        cli_put_count(cli_field(record, "num_files", "Live files"), r.num_files);
        cli_put_bytes(cli_field(record, "size_in_bytes", "Live bytes"), r.size_in_bytes);
        cli_put_duration(cli_field(record, "duration_s", "Duration"), r.duration_s);
        cli_put_text(cli_field(record, "strict_readers", "Other readers"), r.strict_readers);
        show_ranges(cli, &r);
        if (r.n_defects) cli_heading(cli, "Defects");
        show_warnings(cli, "defects", r.defects, r.n_defects);
        cli_done(record);
        cli_say_mark(cli, mark_of(code), "%s", code == DF_OK ? "the log is sound" : err.message);
        if (err.hint[0]) cli_say(cli, "    %s", err.hint);
    }
    df_delta_examine_release(&r);
    return status;
}

const cli_command check_command = {
    .name = "check",
    .group = "Prove it",
    .help = "examine a log: every defect named, what is still readable",
    .manual = "Reads every commit, checkpoint, compaction file and version checksum. Names gaps, garbage "
              "with its line, damaged and incomplete "
              "checkpoints, missing sidecars, stale hints, wrong checksums; what readers without fallbacks "
              "do with them; and which "
              "versions can still be reached. Needs no catalog and changes nothing.\n\n"
              "Status 0: sound. 4: defects, but the newest version can be read. 1: it cannot.",
    .examples = "deltalakedb check /data/orders",
    .options = option_table,
    .values_size = sizeof(check_args),
    .run = run,
};
