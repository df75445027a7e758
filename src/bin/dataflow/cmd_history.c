/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"

#include <stdlib.h>

typedef struct history_args {
    int64_t limit;
} history_args;

static const cli_option option_table[] = {
    {CLI_INTO(history_args, limit), .name = "limit", .arg = "N", .min = 1, .max = INT64_MAX,
     .help = "the newest N"},
    {0},
};

static int newest_first(const void *a, const void *b)
{
    const df_migrate_item *x = *(const df_migrate_item *const *)a, *y = *(const df_migrate_item *const *)b;
    if (x->applied_ms != y->applied_ms) return x->applied_ms > y->applied_ms ? -1 : 1;
    return x < y ? 1 : -1; /* of the same moment the one that stands behind */
}

static void show(cli_context *cli, const df_migrate_item *const *items, size_t count)
{
    static const cli_column columns[] = {
        {.name = "id", .title = "MIGRATION", .cut = CLI_CUT_NEVER},
        {.name = "state", .title = "STATE"},
        {.name = "applied_at", .title = "APPLIED"},
        {.name = "applied_by", .title = "BY"},
        {.name = "duration_ms", .title = "TOOK"},
        {.name = "estimated_ms", .title = "ESTIMATE"},
        {.name = "rows_affected", .title = "ROWS"},
    };
    cli_view *rows = cli_rows(cli, NULL, columns, 7, CLI_AUTO);
    for (size_t i = 0; i < count; i++) {
        const df_migrate_item *m = items[i];
        cli_put_text(rows, m->id);
        cli_put_text(rows, m->state);
        put_time_or_null(rows, m->applied_ms);
        cli_put_text(rows, m->applied_by);
        put_ms_or_null(rows, m->duration_ms);
        put_ms_or_null(rows, m->estimated_ms);
        put_count_or_null(rows, m->rows_affected);
    }
    cli_done(rows);
}

static int run(cli_context *cli, const void *values)
{
    const history_args *args = values;
    df_migrate *migrate = NULL;
    df_migrate_status status;
    df_error err = {0};
    df_code code = open_migrate(cli, NEED_DATABASE, &migrate, &err);
    if (code == DF_OK) code = df_migrate_status_read(migrate, DF_MIGRATE_DETAILS_NONE, &status, &err);
    if (code != DF_OK) {
        df_migrate_close(migrate);
        return cli_fail(cli, &err);
    }
    const df_migrate_item **items = df_alloc((status.count + 1) * sizeof *items);
    size_t count = 0;
    for (size_t i = 0; i < status.count; i++)
        if (status.items[i].applied_ms) items[count++] = &status.items[i];
    qsort(items, count, sizeof *items, newest_first);
    if (args->limit > 0 && (uint64_t)args->limit < count) count = (size_t)args->limit;
    show(cli, items, count);
    free(items);
    df_migrate_close(migrate);
    return 0;
}

const cli_command history_command = {
    .name = "history",
    .group = "Look back",
    .help = "list what was applied, newest first",
    .manual = "One line a migration, with its last outcome. What happened when, step by step, is in the "
              "audit log: `audit`.",
    .examples = "PROGRAM history --limit 10",
    .options = option_table,
    .values_size = sizeof(history_args),
    .run = run,
};
