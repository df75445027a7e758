/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include "base/clock.h"

typedef struct compare_args {
    const char *path, *url, *table_id;
    int64_t runs;
} compare_args;

static const cli_option option_table[] = {
    {CLI_INTO(compare_args, path), .name = "PATH", .operand = true, .required = true,
     .help = "the table's folder"},
    OPTION_DATABASE_URL(compare_args),
    {CLI_INTO(compare_args, table_id), .name = "table-id", .arg = "ID",
     .help = "the table's id in the catalog"},
    {CLI_INTO(compare_args, runs), .name = "runs", .arg = "N", .min = 1, .max = 1000, .def = "5",
     .help = "warm runs of each operation"},
    {0},
};

static void show_json(cli_context *cli, const df_delta_compare_report *r)
{
    df_json_writer *w = cli_json(cli);
    df_json_begin(w, "operations", '[');
    for (size_t i = 0; i < r->n_operations; i++) {
        const df_delta_operation *op = &r->operations[i];
        df_json_begin(w, NULL, '{');
        df_json_add_text(w, "name", op->name);
        df_json_add_text(w, "title", op->title);
        df_json_add_text(w, "what", op->what);
        df_json_add_bool(w, "applicable", op->applicable);
        const df_delta_timing *sides[] = {&op->log, &op->sql};
        for (size_t side = 0; side < 2 && op->applicable; side++) {
            df_json_begin(w, side ? "sql" : "log", '{');
            df_json_add_double(w, "median_s", sides[side]->median_s);
            df_json_add_double(w, "min_s", sides[side]->min_s);
            df_json_add_double(w, "max_s", sides[side]->max_s);
            df_json_add_double(w, "cold_s", sides[side]->cold_s);
            df_json_end(w, '}');
        }
        if (op->applicable) {
            df_json_add_int(w, "rows", op->rows);
            df_json_add_double(w, "speedup", op->ratio);
            df_json_add_text(w, "faster", op->ratio >= 1 ? "sql" : "log");
        }
        df_json_end(w, '}');
    }
    df_json_end(w, ']');
}

static const char *spread(cli_context *cli, const df_delta_timing *t)
{
    df_buf text = {0};
    df_put_duration(&text, t->median_s);
    df_buf_text(&text, " (");
    df_put_duration(&text, t->min_s);
    df_buf_text(&text, " … ");
    df_put_duration(&text, t->max_s);
    df_buf_text(&text, ")");
    const char *copy = df_arena_cstr(&cli->arena, df_buf_str(&text));
    df_buf_release(&text);
    return copy;
}

static void show_table(cli_context *cli, const df_delta_compare_report *r)
{
    static const cli_column columns[] = {
        {.title = "OPERATION"},
        {.title = "LOG, MEDIAN (SPREAD)", .cut = CLI_CUT_NEVER},
        {.title = "CATALOG, MEDIAN (SPREAD)", .cut = CLI_CUT_NEVER},
        {.title = "LOG COLD"},
        {.title = "CATALOG COLD"},
        {.title = "SPEEDUP"},
        {.title = "ASKED", .cut = CLI_CUT_END},
    };
    cli_view *rows = cli_rows(cli, NULL, columns, sizeof columns / sizeof *columns, CLI_AS_TABLE);
    for (size_t i = 0; i < r->n_operations; i++) {
        const df_delta_operation *op = &r->operations[i];
        cli_put_text(rows, op->title);
        if (!op->applicable) {
            for (int n = 0; n < 5; n++) cli_put_null(rows);
            cli_put_text(rows, op->what);
            continue;
        }
        cli_put_text(rows, spread(cli, &op->log));
        cli_put_text(rows, spread(cli, &op->sql));
        cli_put_duration(rows, op->log.cold_s);
        cli_put_duration(rows, op->sql.cold_s);
        cli_put_styled(rows, op->ratio >= 1 ? CLI_GOOD : CLI_WARN,
                       df_arena_printf(&cli->arena, "%.2fx", op->ratio));
        cli_put_text(rows, op->what);
    }
    cli_done(rows);
}

static void recommend(cli_context *cli, const df_delta_compare_report *r)
{
    df_buf slower = {0};
    size_t faster = 0, asked = 0;
    for (size_t i = 0; i < r->n_operations; i++) {
        const df_delta_operation *op = &r->operations[i];
        asked += op->applicable;
        if (op->applicable && op->ratio >= 1)
            faster++;
        else if (op->applicable)
            df_buf_printf(&slower, "%s%s", slower.len ? ", " : "", op->title);
    }
    cli_say(cli, "Recommendation: the catalog is faster at %zu of %zu operations%s%s.", faster, asked,
            slower.len ? "; the log is faster at: " : "", df_buf_cstr(&slower));
    cli_say(cli,
            "Cold: the log's files dropped from the page cache, a new connection to the database. "
            "Warm: %lld runs.",
            (long long)r->runs);
    df_buf_release(&slower);
}

static int run(cli_context *cli, const void *values)
{
    const compare_args *args = values;
    df_delta_compare_options options = {.path = args->path,
                                        .database_url = args->url,
                                        .table_id = args->table_id,
                                        .runs = args->runs,
                                        .observer = &cli->observer};
    df_delta_compare_report r;
    df_error err = {0};
    int status = 0;
    if (df_delta_compare(&options, &r, &err) != DF_OK) {
        status = cli_fail(cli, &err);
    } else {
        cli_view *record = cli_record(cli, NULL);
        cli_put_text(cli_field(record, "table_id", "Table"), r.table_id);
        cli_put_int(cli_field(record, "version", "Version"), r.version);
        cli_put_count(cli_field(record, "num_files", "Live files"), r.num_files);
        cli_put_int(cli_field(record, "runs", NULL), r.runs);
        if (cli->json) show_json(cli, &r);
        cli_done(record);
        if (!cli->json) {
            show_table(cli, &r);
            recommend(cli, &r);
        }
    }
    df_delta_compare_release(&r);
    return status;
}

const cli_command performance_compare_command = {
    .name = "performance-compare",
    .group = "Prove it",
    .help = "measure the log against the catalog, operation by operation",
    .manual =
        "Each question is asked of the log (by this program's own reader, opened anew each time) and of the "
        "catalog, several times. "
        "Shown are the median, the spread, and the first cold run; and where the log is faster, it says so.",
    .examples = "deltalakedb performance-compare /data/orders --database-url sqlite:catalog.db --runs 20",
    .options = option_table,
    .values_size = sizeof(compare_args),
    .run = run,
};
