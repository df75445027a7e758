/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests in other languages: one question of src/operate, the answer as one JSON document.
 *
 *     operate_tool URL health [BACKUP_FOLDER] | why [VERDICT:ID …] | lag | invalid | blockers ID | end NAME | preflight
 * [[SCHEMA.]TABLE[!] …] operate_tool URL init                                  makes the ledger operate_tool
 * URL hold PURPOSE [LEASE_MS [SQL]]         takes the migration lock, says so, runs SQL, and keeps it until
 * its input ends operate_tool URL leave ID STATUS STATEMENT [STATE]     a migration whose third of four
 * statements is "intent" or "failed" operate_tool URL apply ID                              one that is
 * applied operate_tool URL backup TYPE AGE_DAYS VERIFIED_DAYS    a record of a backup (VERIFIED_DAYS -1: not
 * verified)
 *
 * A table with ! behind it is locked exclusively by the run that is about to begin.
 */
#include "base/clock.h"
#include "operate/operate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tool {
    const char *url;
    int argc;
    char **argv; /* behind the question */
    df_conn *conn;
    df_ledger *ledger;
    df_arena arena;
    df_json_writer w;
} tool;

static const char *argument(const tool *t, int i, const char *missing)
{
    return i < t->argc ? t->argv[i] : missing;
}

static df_code health(tool *t, df_error *err)
{
    df_migrate_health h;
    DF_TRY(df_health(t->conn, t->ledger, argument(t, 0, NULL), &t->arena, &h, err));
    df_json_add_text(&t->w, "status", h.status);
    df_json_begin(&t->w, "checks", '[');
    for (size_t i = 0; i < h.count; i++) {
        df_json_begin(&t->w, NULL, '{');
        df_json_add_text(&t->w, "name", h.checks[i].name);
        df_json_add_text(&t->w, "status", h.checks[i].status);
        df_json_add_text(&t->w, "message", h.checks[i].message);
        df_json_add_text(&t->w, "remedy", h.checks[i].remedy);
        df_json_add_raw(&t->w, "details", df_str_from(h.checks[i].details));
        df_json_end(&t->w, '}');
    }
    df_json_end(&t->w, ']');
    return DF_OK;
}

static df_verdict verdict_of(df_str name)
{
    for (int v = 0; v < DF_VERDICT_COUNT; v++)
        if (df_str_is(name, df_verdict_name((df_verdict)v))) return (df_verdict)v;
    return DF_VERDICT_UNREADABLE;
}

/* A plan of "modified:004_x" … , as the folder and the history would have given it. */
static df_plan *plan_of(tool *t)
{
    df_plan *plan = df_arena_zalloc(&t->arena, sizeof *plan);
    plan->items = df_arena_zalloc(&t->arena, (size_t)t->argc * sizeof *plan->items);
    for (; plan->count < (size_t)t->argc; plan->count++) {
        df_plan_item *item = &plan->items[plan->count];
        df_str text = df_str_from(t->argv[plan->count]);
        const char *colon = memchr(text.ptr, ':', text.len);
        df_migration *migration = df_arena_zalloc(&t->arena, sizeof *migration);
        df_str verdict = {text.ptr, colon ? (size_t)(colon - text.ptr) : 0};
        migration->id = df_str_skip(text, verdict.len + 1);
        item->migration = migration;
        item->verdict = verdict_of(verdict);
        item->blocks = item->verdict != DF_VERDICT_PENDING;
        plan->n_pending += !item->blocks;
        plan->n_blocking += item->blocks;
    }
    return plan;
}

static df_code why(tool *t, df_error *err)
{
    df_migrate_why y;
    DF_TRY(df_why(t->conn, t->ledger, t->argc ? plan_of(t) : NULL, NULL, &t->arena, &y, err));
    df_json_add_bool(&t->w, "stuck", y.stuck);
    df_json_add_text(&t->w, "summary", y.summary);
    df_json_begin(&t->w, "lines", '[');
    for (size_t i = 0; i < y.count; i++) {
        df_json_begin(&t->w, NULL, '{');
        df_json_add_text(&t->w, "section", y.lines[i].section);
        df_json_add_text(&t->w, "severity", y.lines[i].severity);
        df_json_add_int(&t->w, "depth", y.lines[i].depth);
        df_json_add_text(&t->w, "text", y.lines[i].text);
        df_json_add_text(&t->w, "command", y.lines[i].command);
        df_json_end(&t->w, '}');
    }
    df_json_end(&t->w, ']');
    return DF_OK;
}

static df_code preflight(tool *t, df_error *err)
{
    df_preflight_target *targets = df_arena_zalloc(&t->arena, (size_t)(t->argc + 1) * sizeof *targets);
    df_migrate_finding *findings;
    size_t count;
    for (int i = 0; i < t->argc; i++) {
        df_str name = df_str_from(t->argv[i]);
        targets[i].exclusive = df_str_ends(name, DF_STR("!"));
        if (targets[i].exclusive) name.len--;
        const char *dot = memchr(name.ptr, '.', name.len);
        targets[i].table = name;
        if (!dot) continue;
        targets[i].schema = (df_str){name.ptr, (size_t)(dot - name.ptr)};
        targets[i].table = df_str_skip(name, targets[i].schema.len + 1);
    }
    DF_TRY(df_preflight(t->conn, targets, (size_t)t->argc, &t->arena, &findings, &count, err));
    df_json_begin(&t->w, "findings", '[');
    for (size_t i = 0; i < count; i++) {
        df_json_begin(&t->w, NULL, '{');
        df_json_add_text(&t->w, "severity", findings[i].severity);
        df_json_add_text(&t->w, "rule", findings[i].rule);
        df_json_add_text(&t->w, "what", findings[i].what);
        df_json_add_text(&t->w, "hint", findings[i].hint);
        df_json_end(&t->w, '}');
    }
    df_json_end(&t->w, ']');
    return DF_OK;
}

static df_code lag(tool *t, df_error *err)
{
    int64_t ms;
    DF_TRY(df_replica_lag(t->conn, &ms, err));
    df_json_add_int(&t->w, "ms", ms);
    return DF_OK;
}

static df_code blockers(tool *t, df_error *err)
{
    df_str *list;
    size_t count;
    DF_TRY(df_blockers(t->conn, atoll(argument(t, 0, "0")), &t->arena, &list, &count, err));
    df_json_begin(&t->w, "blockers", '[');
    for (size_t i = 0; i < count; i++) df_json_add_str(&t->w, NULL, list[i]);
    df_json_end(&t->w, ']');
    return DF_OK;
}

static df_code end(tool *t, df_error *err)
{
    const char *command;
    DF_TRY(df_end_session(t->conn, argument(t, 0, ""), &t->arena, &command, err));
    df_json_add_text(&t->w, "command", command);
    return DF_OK;
}

static df_code invalid(tool *t, df_error *err)
{
    df_invalid_index *list;
    size_t count;
    DF_TRY(df_invalid_indexes(t->conn, &t->arena, &list, &count, err));
    df_json_begin(&t->w, "indexes", '[');
    for (size_t i = 0; i < count; i++) {
        df_json_begin(&t->w, NULL, '{');
        df_json_add_str(&t->w, "schema", list[i].schema);
        df_json_add_str(&t->w, "name", list[i].name);
        df_json_add_str(&t->w, "table", list[i].table);
        df_json_add_str(&t->w, "definition", list[i].definition);
        df_json_end(&t->w, '}');
    }
    df_json_end(&t->w, ']');
    return DF_OK;
}

/* ---- making situations ---- */

static df_code init(tool *t, df_error *err)
{
    return df_ledger_create(t->ledger, err);
}

static df_code hold(tool *t, df_error *err)
{
    df_lease_options options = {.purpose = argument(t, 0, "up"), .ttl_ms = atoll(argument(t, 1, "60000"))};
    DF_TRY(df_lease_take(t->ledger, &options, err));
    df_lease_tell(t->ledger, "001_first.sql, statement 2");
    printf("held\n");
    fflush(stdout);
    if (argument(t, 2, NULL)) DF_TRY(df_exec(t->conn, argument(t, 2, NULL), NULL, 0, NULL, err));
    while (getchar() != EOF) {
    }
    df_lease_give(t->ledger);
    return DF_OK;
}

static df_run run_of(df_migration *migration, const char *id)
{
    *migration = (df_migration){
        .id = df_str_from(id), .version = DF_STR("1"), .name = df_str_from(id), .file = df_str_from(id)};
    return (df_run){.migration = migration,
                    .direction = DF_UP,
                    .checksum = "0000000000000000000000000000000000000000000000000000000000000000",
                    .n_steps = 4,
                    .journalled = true,
                    .run_id = "test-run"};
}

static df_journal_row step(int32_t number, df_step_status status, const char *text)
{
    df_journal_row row = {.number = number,
                          .line = number * 10,
                          .status = status,
                          .tag = DF_STR("X"),
                          .text = df_str_from(text),
                          .rows = -1};
    snprintf(row.hash, sizeof row.hash, "%032d", number);
    return row;
}

static df_code leave(tool *t, df_error *err)
{
    df_migration migration;
    df_run run = run_of(&migration, argument(t, 0, "001_first"));
    bool failed = strcmp(argument(t, 1, "intent"), "failed") == 0;
    DF_TRY(df_ledger_start(t->ledger, &run, NULL, 0, err));
    for (int32_t i = 1; i <= 2; i++) {
        df_journal_row row = step(i, DF_STEP_INTENT, "CREATE TABLE done (a int)");
        DF_TRY(df_ledger_intend(t->ledger, &run, NULL, 0, &row, 1, err));
        row.status = DF_STEP_DONE;
        DF_TRY(df_ledger_settle(t->ledger, &run, &row, 1, err));
    }
    df_journal_row row = step(3, DF_STEP_INTENT, argument(t, 2, "CREATE TABLE third (a int)"));
    row.state_before = df_str_from(argument(t, 3, NULL));
    DF_TRY(df_ledger_intend(t->ledger, &run, NULL, 0, &row, 1, err));
    if (!failed) return DF_OK;
    df_error reason = {.code = DF_FAILED, .message = "relation \"third\" is in the way"};
    row.status = DF_STEP_FAILED;
    row.error = df_str_from(reason.message);
    DF_TRY(df_ledger_settle(t->ledger, &run, &row, 1, err));
    return df_ledger_fail(t->ledger, &run, &reason, "part", 12, err);
}

static df_code apply(tool *t, df_error *err)
{
    df_migration migration;
    df_run run = run_of(&migration, argument(t, 0, "001_first"));
    df_run_result result = {.duration_ms = 5};
    DF_TRY(df_ledger_start(t->ledger, &run, NULL, 0, err));
    return df_ledger_complete(t->ledger, &run, &result, err);
}

static df_code backup(tool *t, df_error *err)
{
    int64_t now = df_now_ms(), day = 86400000, verified = atoll(argument(t, 2, "-1"));
    df_backup_record record = {.id = df_str_from(argument(t, 0, "full")),
                               .filename = DF_STR("x.backup"),
                               .path = df_str_from(argument(t, 3, "/nowhere/x.backup")),
                               .checksum = DF_STR("00"),
                               .created_by = DF_STR("test"),
                               .type = df_str_from(argument(t, 0, "full")),
                               .size = 1,
                               .created_ms = now - atoll(argument(t, 1, "0")) * day,
                               .metadata = DF_STR("{}"),
                               .verified_ms = verified < 0 ? 0 : now - verified * day};
    return df_backup_record_add(t->ledger, &record, err);
}

static const struct {
    const char *name;
    df_code (*run)(tool *, df_error *);
} questions[] = {{"health", health},     {"why", why},         {"preflight", preflight}, {"lag", lag},
                 {"blockers", blockers}, {"invalid", invalid}, {"init", init},           {"hold", hold},
                 {"leave", leave},       {"apply", apply},     {"backup", backup},       {"end", end}};

static df_code answer(tool *t, const char *question, df_error *err)
{
    df_open_options open = {.create = true, .guest = true, .application = "operate_tool"};
    df_ledger_options options = {.url = t->url, .actor = "tester", .program = "operate_tool"};
    DF_TRY(df_connect(t->url, &open, &t->conn, err));
    DF_TRY(df_ledger_open(t->conn, &options, &t->ledger, err));
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        if (strcmp(questions[i].name, question) == 0) return questions[i].run(t, err);
    return df_fail(err, DF_USAGE, "no question %s", question);
}

int main(int argc, char **argv)
{
    df_buf out = {0};
    df_error err = {0};
    if (argc < 3) return 2;
    tool t = {.url = argv[1], .argc = argc - 3, .argv = argv + 3, .w = {.out = &out}};
    df_json_begin(&t.w, NULL, '{');
    df_code code = answer(&t, argv[2], &err);
    df_json_end(&t.w, '}');
    if (code == DF_OK)
        printf("%s\n", df_buf_cstr(&out));
    else
        fprintf(stderr, "%s: %s%s%s\n", df_code_name(code), err.message, err.hint[0] ? "; " : "", err.hint);
    df_ledger_close(t.ledger);
    df_disconnect(t.conn);
    df_arena_release(&t.arena);
    df_buf_release(&out);
    return df_code_exit_status(code);
}
