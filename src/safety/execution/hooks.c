/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks: commands of a shell, and SQL files. A check is an SQL file whose statements must succeed, and whose queries
 * are judged: a comment in front of a query that begins with "Check" (or says @expect none) means that no row, or a count of
 * zero, is right; @expect rows wants some. Any other query only shows what it finds.
 */
#include "base/clock.h"
#include "io/file.h"
#include "io/process.h"
#include "safety/execution/execution_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_SQL = 64 << 20, SAID = 240 };

typedef struct finding_list {
    df_executor *x;
    df_migrate_finding **items;
    size_t *count, *cap;
} finding_list;

static void add_finding(finding_list *list, const char *severity, const char *rule, const char *file, int64_t line, const char *what)
{
    if (*list->count == *list->cap) {
        size_t cap = *list->cap ? *list->cap * 2 : 8;
        df_migrate_finding *items = df_arena_alloc(list->x->arena, cap * sizeof *items);
        if (*list->count) memcpy(items, *list->items, *list->count * sizeof *items);
        *list->items = items;
        *list->cap = cap;
    }
    (*list->items)[(*list->count)++] =
        (df_migrate_finding){.severity = severity, .rule = rule, .file = file, .line = line, .what = what};
}

/* ---- commands ---- */

/* Ours, and what a hook may want to know; NULL-terminated. */
static const char *const *environment_of(df_arena *arena, const df_executor *x, const df_hook_context *context)
{
    const char **list = df_arena_alloc(arena, 7 * sizeof *list);
    list[0] = df_arena_printf(arena, "DATAFLOW_HOOK=%s", context->when);
    list[1] = df_arena_printf(arena, "DATAFLOW_DIRECTION=%s", context->direction ? context->direction : "");
    list[2] = df_arena_printf(arena, "DATAFLOW_ENV=%s", context->environment ? context->environment : "");
    list[3] = df_arena_printf(arena, "DATAFLOW_MIGRATION=%s", context->migration_id ? context->migration_id : "");
    list[4] = df_arena_printf(arena, "DATAFLOW_RUN_ID=%s", x->run_id);
    list[5] = df_arena_printf(arena, "DATAFLOW_FAILED=%s", context->failed ? "1" : "0");
    list[6] = NULL;
    return list;
}

/* `said` keeps the last line that is not blank. */
static void log_lines(const df_executor *x, df_buf *text, bool last, char said[SAID])
{
    for (const char *end; (end = memchr(text->ptr ? text->ptr : "", '\n', text->len)) != NULL || (last && text->len);) {
        size_t len = end ? (size_t)(end - text->ptr) : text->len, taken = len + (end != NULL);
        df_log(x->observer, DF_LOG_INFO, "hook: %.*s", (int)len, text->ptr);
        size_t blank = 0;
        while (blank < len && strchr(" \t\r", text->ptr[blank])) blank++;
        if (blank < len) snprintf(said, SAID, "%.*s", (int)len, text->ptr);
        memmove(text->ptr, text->ptr + taken, text->len - taken);
        text->len -= taken;
    }
}

/* What the command says goes to the log, line by line. */
static df_code hear(df_executor *x, df_process *process, const df_observer *stop, char said[SAID], df_error *err)
{
    enum { PIECE = 4096 };
    df_buf text = {0};
    size_t len = 1;
    df_code code = DF_OK;
    while (code == DF_OK && len) {
        char *room = df_buf_reserve(&text, PIECE);
        code = df_process_read(process, room, PIECE, &len, stop, err);
        if (code == DF_OK) text.len += len;
        log_lines(x, &text, code != DF_OK || !len, said);
    }
    df_buf_release(&text);
    return code;
}

static df_code run_command(df_executor *x, const df_migrate_hook *hook, const df_hook_context *context, df_error *err)
{
    df_arena arena = {0};
    df_process process = {0};
    char said[SAID] = "";
    const char *argv[] = {"/bin/sh", "-c", df_arena_printf(&arena, "exec 2>&1\n%s", hook->what), NULL};
    df_process_options options = {.argv = argv, .environment = environment_of(&arena, x, context), .in = DF_PROCESS_NULL,
                                  .out = DF_PROCESS_PIPE};
    /* An interrupted run still has to leave maintenance mode: what cleans up is not interrupted. */
    bool cleans_up = strcmp(hook->when, "after") == 0 || strcmp(hook->when, "failed") == 0;
    const df_observer *stop = cleans_up ? NULL : x->observer;
    df_log(x->observer, DF_LOG_INFO, "hook %s: %s", hook->when, hook->what);
    df_code code = df_process_start(&options, &process, err);
    if (code == DF_OK) {
        code = hear(x, &process, stop, said, err);
        if (code == DF_OK) code = df_process_end(&process, stop, err);
        if (code == DF_FAILED && process.ended) {
            df_fail(err, DF_FAILED, WIFSIGNALED(process.status) ? "the hook \"%s\" (%s) was killed by signal %d" : "the hook \"%s\" (%s) ended with status %d",
                    hook->what, hook->when, WIFSIGNALED(process.status) ? WTERMSIG(process.status) : WEXITSTATUS(process.status));
            df_error_hint(err, *said ? "it said last: %s (all of it: --verbose)" : "it said nothing", said);
        }
        df_process_release(&process);
    }
    df_arena_release(&arena);
    return code;
}

/* ---- SQL files ---- */

typedef enum expectation { EXPECT_NOTHING_SPECIAL, EXPECT_NONE, EXPECT_ROWS } expectation;

typedef struct judged {
    int64_t rows, bad; /* bad: rows whose count is not zero */
    bool counted;      /* the rows have a column `count` */
    char first[200];
} judged;

static void put_row(char *out, size_t size, const df_row *row)
{
    df_buf text = {0};
    for (size_t i = 0; i < row->count && text.len < size; i++) {
        const df_value *v = &row->values[i];
        df_buf_printf(&text, "%s%s=", i ? ", " : "", row->names[i]);
        if (v->type == DF_NULL) df_buf_text(&text, "NULL");
        else if (v->type == DF_INT64 || v->type == DF_BOOL) df_buf_int(&text, v->i);
        else if (v->type == DF_DOUBLE) df_buf_printf(&text, "%g", v->d);
        else df_buf_printf(&text, "%.*s", v->s.len > 60 ? 60 : (int)v->s.len, v->s.ptr);
    }
    snprintf(out, size, "%s", df_buf_cstr(&text));
    df_buf_release(&text);
}

static df_code judge_row(void *context, const df_row *row, df_error *err)
{
    (void)err;
    judged *j = context;
    bool bad = true;
    if (row->count == 2)
        for (size_t i = 0; i < row->count; i++)
            if (strcasecmp(row->names[i], "count") == 0) {
                j->counted = true;
                bad = !(row->values[i].type == DF_INT64 && row->values[i].i == 0);
            }
    j->rows++;
    if (bad && !j->bad++) put_row(j->first, sizeof j->first, row);
    return DF_OK;
}

/* Of the comments that stand between the statement before and this one. */
static expectation expectation_of(df_str before)
{
    expectation found = EXPECT_NOTHING_SPECIAL;
    while (before.len) {
        const char *end = memchr(before.ptr, '\n', before.len);
        df_str line = {before.ptr, end ? (size_t)(end - before.ptr) : before.len};
        before = df_str_skip(before, line.len + (end != NULL));
        while (line.len && strchr(" \t-/*", line.ptr[0])) line = df_str_skip(line, 1);
        if (line.len >= 6 && strncasecmp(line.ptr, "check ", 6) == 0) found = EXPECT_NONE;
        if (df_str_starts(line, DF_STR("@expect none")) || df_str_starts(line, DF_STR("@expect zero"))) found = EXPECT_NONE;
        if (df_str_starts(line, DF_STR("@expect rows"))) found = EXPECT_ROWS;
        if (df_str_starts(line, DF_STR("@expect any"))) found = EXPECT_NOTHING_SPECIAL;
    }
    return found;
}

static df_code judge(finding_list *list, const char *path, const df_sql_statement *s, expectation expected, const judged *j,
                     df_error *err)
{
    df_arena *arena = list->x->arena;
    const char *what = NULL;
    if (expected == EXPECT_NONE && j->bad)
        what = df_arena_printf(arena, "%lld %s where none should be; the first: %s", (long long)j->bad,
                               j->counted ? (j->bad == 1 ? "count that is not zero" : "counts that are not zero") : j->bad == 1 ? "row" : "rows", j->first);
    if (expected == EXPECT_ROWS && !j->rows) what = "no row where some should be";
    if (!what) {
        df_log(list->x->observer, DF_LOG_INFO, "check %s:%d: %s (%lld rows)", path, (int)s->line,
               expected == EXPECT_NOTHING_SPECIAL ? "shown" : "ok", (long long)j->rows);
        return DF_OK;
    }
    add_finding(list, "error", "check-failed", df_arena_printf(arena, "%s", path), s->line, what);
    df_fail(err, DF_FAILED, "check %s: %s", path, what);
    df_error_at(err, path, s->line);
    df_error_hint(err, "run the query to see them all: %s", first_line(arena, s->text));
    return DF_FAILED;
}

static df_code run_statement(finding_list *list, const char *path, bool check, df_str before, const df_sql_statement *s, df_error *err)
{
    judged j = {0};
    char *sql = df_strdup(s->text);
    df_code code = df_query(list->x->conn, sql, NULL, 0, judge_row, &j, err);
    free(sql);
    if (code != DF_OK) {
        df_error_prefix(err, "%s, statement %d", path, (int)s->number);
        df_error_at(err, path, s->line);
        if (check && err) {
            df_arena *arena = list->x->arena;
            add_finding(list, "error", "check-failed", df_arena_printf(arena, "%s", path), s->line, df_arena_printf(arena, "%s", err->message));
        }
        return code;
    }
    return check ? judge(list, path, s, expectation_of(before), &j, err) : DF_OK;
}

/* Every query is judged, so that all that is wrong is known; the first failure is the error. */
static df_code run_sql(finding_list *list, const df_migrate_hook *hook, df_error *err)
{
    df_buf text = {0};
    df_code code = df_file_read_all(hook->what, MAX_SQL, &text, err), first = DF_OK;
    bool check = strcmp(hook->when, "check") == 0, more = true;
    df_sql_splitter splitter = {.dialect = df_conn_dialect(list->x->conn), .script = df_buf_str(&text)};
    size_t end = 0;
    df_error mine = {0};
    if (code != DF_OK) df_error_prefix(err, "hook %s", hook->when);
    else df_log(list->x->observer, DF_LOG_INFO, "hook %s: %s", hook->when, hook->what);
    while (code == DF_OK) {
        df_sql_statement s;
        code = df_sql_split(&splitter, &s, &more, err);
        if (code != DF_OK) df_error_at(err, hook->what, err ? err->line : 0);
        if (code != DF_OK || !more) break;
        df_str before = {text.ptr + end, s.offset - end};
        end = s.offset + s.text.len;
        df_code result = run_statement(list, hook->what, check, before, &s, &mine);
        if (result != DF_OK && first == DF_OK) {
            first = result;
            if (err) *err = mine;
        }
        if (result != DF_OK && !check) break;
        if (df_conn_lost(list->x->conn)) break;
    }
    df_buf_release(&text);
    return code == DF_OK ? first : code;
}

static df_code record(df_executor *x, const df_migrate_hook *hook, const df_hook_context *context, df_code result)
{
    df_buf details = {0};
    df_json_writer w = {.out = &details};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "when", hook->when);
    df_json_add_text(&w, "what", hook->what);
    df_json_add_text(&w, "result", df_code_name(result));
    df_json_end(&w, '}');
    df_str id = context->migration_id ? df_str_from(context->migration_id) : DF_STR_NONE;
    df_code code = x->ledger && df_ledger_exists(x->ledger) && !df_conn_lost(x->conn)
                       ? df_audit_add(x->ledger, DF_AUDIT_HOOK_RUN, id, df_buf_str(&details), NULL)
                       : DF_OK;
    df_buf_release(&details);
    return code;
}

/* A file of statements; anything else is a command line. */
static bool is_script(df_str what)
{
    return df_str_ends(what, DF_STR(".sql")) || df_str_ends(what, DF_STR(".cypher")) || df_str_ends(what, DF_STR(".cql"));
}

df_code df_hooks_look(const df_migrate_hook *hooks, size_t n_hooks, df_error *err)
{
    for (size_t i = 0; i < n_hooks; i++) {
        if (!is_script(df_str_from(hooks[i].what)) || access(hooks[i].what, R_OK) == 0) continue;
        int reason = errno;
        df_fail(err, reason == EACCES ? DF_PERMISSION : DF_NOT_FOUND, "the hook %s (%s) cannot be opened: %s", hooks[i].what, hooks[i].when,
                strerror(reason));
        df_error_hint(err, "nothing was run; its path counts from the folder in which the program is started");
        return err ? err->code : DF_NOT_FOUND;
    }
    return DF_OK;
}

df_code df_hooks_run(df_executor *x, const df_migrate_hook *hooks, size_t n_hooks, const df_hook_context *context,
                     df_migrate_finding **findings, size_t *n_findings, size_t *cap, df_error *err)
{
    finding_list list = {x, findings, n_findings, cap};
    for (size_t i = 0; i < n_hooks; i++) {
        if (strcmp(hooks[i].when, context->when) != 0) continue;
        df_code code = is_script(df_str_from(hooks[i].what)) ? run_sql(&list, &hooks[i], err) : run_command(x, &hooks[i], context, err);
        df_code recorded = record(x, &hooks[i], context, code);
        if (recorded != DF_OK) df_log(x->observer, DF_LOG_WARNING, "a hook could not be recorded in the audit log");
        if (code != DF_OK) return code;
    }
    return DF_OK;
}
