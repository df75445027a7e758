/* SPDX-License-Identifier: Apache-2.0 */
/* One statement: its limits, its time, its row in the journal, its line in the report, its error. */
#include "base/clock.h"
#include "safety/execution/execution_int.h"

#include <stdio.h>
#include <stdlib.h>

const char *first_line(df_arena *arena, df_str text)
{
    enum { MAX = 120 };
    size_t len = 0;
    while (len < text.len && len < MAX && text.ptr[len] != '\n' && text.ptr[len] != '\r') len++;
    while (len && len < text.len && ((unsigned char)text.ptr[len] & 0xC0) == 0x80) len--;
    return df_arena_printf(arena, "%.*s%s", (int)len, text.ptr, len < text.len ? " …" : "");
}

/* Index builds, validations and maintenance are slow by nature; everything else has the ordinary limit. */
static df_limits limits_of(const execution *e, const df_step *step)
{
    const df_executor *x = e->x;
    bool slow = step->facts.cls == DF_SQL_MAINTENANCE || (step->facts.flags & DF_SQL_INDEX_BUILD) || step->batch;
    df_limits limits = {x->lock_timeout_ms, slow ? x->index_timeout_ms : x->statement_timeout_ms};
    if (e->section->lock_ms >= 0) limits.lock_ms = e->section->lock_ms;
    if (e->section->statement_ms >= 0) limits.statement_ms = e->section->statement_ms;
    return limits;
}

df_code step_explain(const execution *e, size_t i, df_error *err)
{
    if (!err) return DF_FAILED;
    const df_step *step = &e->steps.items[i];
    int64_t line = step->statement.line;
    if (err->sql_line > 1) line += err->sql_line - 1;
    err->statement = step->statement.number;
    if (strcmp(err->native, "2D000") == 0) /* invalid_transaction_termination */
        df_error_hint(err, "the routine commits by itself, which no transaction around it allows: mark the section no-transaction");
    df_error_at(err, step->path ? step->path : e->section->path, line);
    df_error_prefix(err, "%.*s, statement %d%s%s%s%s%s", DF_FMT(e->migration->id), (int)step->statement.number,
                    *step->facts.tag ? " (" : "", step->facts.tag, *step->facts.tag ? ")" : "",
                    *err->native ? ", code " : "", err->native);
    return err->code;
}

df_code commit_explain(const execution *e, df_error *err)
{
    if (!err) return DF_FAILED;
    if (e->section->path && !*err->file) df_error_at(err, e->section->path, 0);
    df_error_prefix(err, "%.*s%s%s", DF_FMT(e->migration->id), *err->native ? ", code " : "", err->native);
    return err->code;
}

void step_state(execution *e, size_t i, df_step_status status, const char *state, const char *note)
{
    e->rows[i].status = status;
    e->item->steps[i].state = state;
    if (note) e->item->steps[i].note = note;
}

static void tell_step(execution *e, size_t i, const char *name, const df_error *err)
{
    df_json_writer w;
    df_buf out = {0};
    const df_step *step = &e->steps.items[i];
    if (e->x->no_statement_events || !event_begin(e->x, &w, &out, name)) return;
    df_json_add_str(&w, "migration", e->migration->id);
    df_json_add_text(&w, "direction", e->direction == DF_UP ? "up" : "down");
    df_json_add_int(&w, "statement", step->statement.number);
    df_json_add_int(&w, "of", (int64_t)e->steps.count);
    df_json_add_int(&w, "line", step->statement.line);
    df_json_add_text(&w, "tag", step->facts.tag);
    df_json_add_double(&w, "ms", e->rows[i].ms);
    if (e->rows[i].rows >= 0) df_json_add_int(&w, "rows", e->rows[i].rows);
    if (err) {
        df_json_add_text(&w, "code", df_code_name(err->code));
        df_json_add_text(&w, "native", err->native);
        df_json_add_text(&w, "message", err->message);
    }
    event_end(e->x, &w, &out);
}

/*
 * A block that its tool sends in one piece, to make PostgreSQL run it as one transaction: ours is around it, and its
 * statements go one by one. What cannot be split goes as it is, and the server has the last word.
 */
static df_code send_block(execution *e, df_str block, int64_t *affected, df_error *err)
{
    df_sql_splitter splitter = {.dialect = df_conn_dialect(e->x->conn), .script = block};
    df_sql_statement statement;
    bool more = true;
    size_t count = 0;
    while (df_sql_split(&splitter, &statement, &more, NULL) == DF_OK && more) count++;
    if (more || count < 2) {
        char *text = df_strdup(block);
        df_code code = df_exec(e->x->conn, text, NULL, 0, affected, err);
        free(text);
        return code;
    }
    splitter = (df_sql_splitter){.dialect = df_conn_dialect(e->x->conn), .script = block};
    df_code code = DF_OK;
    while (code == DF_OK && df_sql_split(&splitter, &statement, &more, err) == DF_OK && more) {
        int64_t rows = 0;
        char *text = df_strdup(statement.text);
        code = df_exec(e->x->conn, text, NULL, 0, &rows, err);
        free(text);
        *affected += rows;
        if (code != DF_OK && err) err->sql_line = statement.line + (err->sql_line ? err->sql_line - 1 : 0);
    }
    return code;
}

static df_code send_text(execution *e, size_t i, df_str sql, int64_t *affected, df_error *err)
{
    const df_step *step = &e->steps.items[i];
    if (step->whole) return send_block(e, sql, affected, err);
    char *text = df_strdup(sql);
    df_code code = step->facts.flags & DF_SQL_COPY_IN
                       ? df_copy_in(e->x->conn, text, step->statement.data, affected, err)
                       : df_exec(e->x->conn, text, NULL, 0, affected, err);
    free(text);
    return code;
}

df_code step_send(execution *e, size_t i, df_str sql, df_error *err)
{
    const df_step *step = &e->steps.items[i];
    df_journal_row *row = &e->rows[i];
    df_limits limits = limits_of(e, step);
    int64_t affected = 0;
    DF_TRY(df_set_limits(e->x->conn, &limits, err));
    double began = df_monotonic_s();
    df_code code = send_text(e, i, sql, &affected, err);
    row->ms += (df_monotonic_s() - began) * 1000;
    if (code != DF_OK) return code;
    bool counts = step->facts.cls == DF_SQL_DML, told = e->x->set->dialect->schema_apart;
    e->effects[i] = (counts || told) && affected == 0 ? RAN_IDLE : RAN;
    if (counts) row->rows = (row->rows < 0 ? 0 : row->rows) + affected;
    if (counts) e->affected += affected;
    return DF_OK;
}

static void log_step(const execution *e, size_t i)
{
    const df_step *step = &e->steps.items[i];
    df_buf took = {0};
    df_put_duration(&took, e->rows[i].ms / 1000);
    df_log(e->x->observer, DF_LOG_INFO, "%.*s: statement %d of %zu done in %s: %s", DF_FMT(e->migration->id),
           (int)step->statement.number, e->steps.count, df_buf_cstr(&took), e->item->steps[i].text);
    df_buf_release(&took);
}

df_code step_run(execution *e, size_t i, df_error *err)
{
    const df_step *step = &e->steps.items[i];
    df_migrate_step *line = &e->item->steps[i];
    df_error mine = {0};
    e->rows[i].ms = 0;
    e->rows[i].rows = -1;
    watch_step(e->x->watch, step->statement.number, (int64_t)e->steps.count, line->text);
    df_code code = step_send(e, i, step->statement.text, &mine);
    line->ms = e->rows[i].ms;
    line->rows = e->rows[i].rows;
    df_report_progress(e->x->observer, "statements", e->item->id, (int64_t)i + 1,
                       (int64_t)e->steps.count);
    if (code == DF_OK) {
        step_state(e, i, DF_STEP_DONE, "done", NULL);
        log_step(e, i);
        tell_step(e, i, "statement_done", NULL);
        return DF_OK;
    }
    step_state(e, i, DF_STEP_FAILED, "failed", NULL);
    step_explain(e, i, &mine);
    e->rows[i].error = df_arena_str(e->x->arena, df_str_from(mine.message));
    tell_step(e, i, "statement_failed", &mine);
    if (err) *err = mine;
    return code;
}

/* ---- beginning a transaction ---- */

/* SET [LOCAL | SESSION] TRANSACTION … */
static bool sets_transaction(const execution *e, size_t i)
{
    const df_step *step = &e->steps.items[i];
    df_sql_lexer lexer = {.dialect = df_conn_dialect(e->x->conn), .text = step->statement.text};
    if (step->facts.cls != DF_SQL_SESSION || !df_sql_is(df_sql_next_word(&lexer), "SET")) return false;
    df_sql_token word = df_sql_next_word(&lexer);
    if (df_sql_is(word, "LOCAL")) word = df_sql_next_word(&lexer);
    return df_sql_is(word, "TRANSACTION");
}

/* What stands behind the file's own BEGIN: "ISOLATION LEVEL SERIALIZABLE"; empty when nothing does, or no BEGIN. What COMMIT
 * AND CHAIN begins is like the one before. */
static df_str modes_of_begin(const execution *e, size_t first)
{
    const df_step *items = e->steps.items;
    if (!first || !(items[first - 1].facts.flags & DF_SQL_BEGIN)) return DF_STR_NONE;
    size_t at = first - 1;
    while (at && items[at].facts.flags & (DF_SQL_COMMIT | DF_SQL_ROLLBACK))
        do at--;
        while (at && !(items[at].facts.flags & DF_SQL_BEGIN));
    df_str text = items[at].statement.text;
    df_sql_lexer lexer = {.dialect = df_conn_dialect(e->x->conn), .text = text};
    df_sql_token word = df_sql_next_word(&lexer);
    static const char *const plain[] = {"BEGIN", "START", "TRANSACTION", "WORK"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain;) {
        if (!df_sql_is(word, plain[i])) {
            i++;
            continue;
        }
        word = df_sql_next_word(&lexer);
    }
    return word.kind == DF_SQL_END ? DF_STR_NONE : df_str_skip(text, word.offset);
}

df_code step_begin(execution *e, const df_unit *unit, size_t *ran, df_error *err)
{
    bool modes_first = e->x->set->dialect->modes_first;
    df_str modes = modes_first ? modes_of_begin(e, unit->first) : DF_STR_NONE;
    size_t last = 0; /* behind the last SET TRANSACTION of the leading settings */
    for (size_t k = 0; modes_first && k < unit->count && e->steps.items[unit->first + k].facts.cls == DF_SQL_SESSION; k++)
        if (sets_transaction(e, unit->first + k)) last = k + 1;
    *ran = 0;
    if (!modes.len && !last) return df_ledger_begin(e->x->ledger, err);
    DF_TRY(df_begin(e->x->conn, err));
    if (modes.len) {
        const char *sql = df_arena_printf(&e->arena, "SET TRANSACTION %.*s", DF_FMT(modes));
        DF_TRY(df_exec(e->x->conn, sql, NULL, 0, NULL, err));
    }
    for (; *ran < last; ++*ran) DF_TRY(step_run(e, unit->first + *ran, err));
    return df_lease_check(e->x->ledger, err);
}
