/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backfill: one UPDATE, DELETE or INSERT … SELECT over ranges of a key, each range a transaction of its own, with the
 * last key done in the journal. Nothing is locked for long, replicas can follow, and a killed run goes on behind the
 * last range.
 */
#include "base/clock.h"
#include "safety/execution/execution_int.h"

#include <stdlib.h>
#include <time.h>

enum { MAX_RECONNECTS = 5, LAG_PAUSE_MS = 500 };

typedef struct backfill {
    execution *e;
    size_t step;
    df_str table, key; /* as SQL */
    df_buf lo, hi;     /* as literals; empty: none yet */
    double low, high;  /* of the whole table, where the key is a number */
    bool numeric;
    double began, spoke;
    int reconnects;
} backfill;

/* ---- the condition ---- */

static bool ends_condition(df_sql_token t)
{
    static const char *const words[] = {"RETURNING", "ORDER", "LIMIT", "GROUP", "HAVING", "ON", "FOR", "WINDOW", "UNION"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (df_sql_is(t, words[i])) return true;
    return false;
}

static void put_range(df_buf *out, df_str key, df_str lo, df_str hi)
{
    if (lo.len) df_buf_printf(out, "%.*s > %.*s", DF_FMT(key), DF_FMT(lo));
    if (lo.len && hi.len) df_buf_text(out, " AND ");
    if (hi.len) df_buf_printf(out, "%.*s <= %.*s", DF_FMT(key), DF_FMT(hi));
    if (!lo.len && !hi.len) df_buf_text(out, "1 = 1");
}

df_code batch_condition(const df_sql_dialect *dialect, df_str sql, df_str key, df_str lo, df_str hi, df_buf *out, df_error *err)
{
    df_sql_lexer lexer = {.dialect = dialect, .text = sql};
    size_t where = SIZE_MAX, end = sql.len, last = 0;
    int depth = 0;
    for (;;) {
        df_sql_token t = df_sql_next_word(&lexer);
        if (t.kind == DF_SQL_END) break;
        if (t.kind == DF_SQL_SYMBOL && t.text.ptr[0] == '(') depth++;
        if (t.kind == DF_SQL_SYMBOL && t.text.ptr[0] == ')') depth--;
        if (depth == 0 && where == SIZE_MAX && df_sql_is(t, "WHERE")) {
            where = t.offset + t.text.len;
        } else if (depth == 0 && end == sql.len && (where != SIZE_MAX || df_sql_is(t, "RETURNING") || df_sql_is(t, "ORDER") ||
                                                    df_sql_is(t, "LIMIT")) && ends_condition(t)) {
            end = t.offset;
            break;
        }
        last = t.offset + t.text.len;
    }
    if (depth != 0) return df_fail(err, DF_CORRUPT, "its parentheses do not match");
    size_t stop = end < sql.len ? last : last;
    if (where == SIZE_MAX) {
        df_buf_add(out, sql.ptr, stop);
        df_buf_text(out, " WHERE ");
    } else {
        df_buf_add(out, sql.ptr, where);
        df_buf_text(out, " (");
        df_buf_add(out, sql.ptr + where, stop - where);
        df_buf_text(out, "\n) AND "); /* a line comment may stand at the end of the condition */
    }
    put_range(out, key, lo, hi);
    df_buf_char(out, ' ');
    df_buf_add(out, sql.ptr + end, sql.len - end);
    return DF_OK;
}

/* ---- keys ---- */

static void put_key(const df_sql_dialect *dialect, df_buf *out, const df_value *value)
{
    if (value->type == DF_INT64 || value->type == DF_BOOL)
        df_buf_int(out, value->i);
    else if (value->type == DF_DOUBLE)
        df_buf_printf(out, "%.17g", value->d);
    else
        df_sql_put_literal(dialect, out, value->s);
}

static df_code find_high(backfill *b, df_error *err)
{
    const df_batch *batch = b->e->steps.items[b->step].batch;
    df_buf sql = {0};
    df_arena arena = {0};
    df_value high;
    df_buf_printf(&sql, "SELECT MAX(k) FROM (SELECT %.*s AS k FROM %.*s WHERE ", DF_FMT(b->key), DF_FMT(b->table));
    if (b->lo.len) df_buf_printf(&sql, "%.*s > %.*s", DF_FMT(b->key), DF_FMT(df_buf_str(&b->lo)));
    else df_buf_printf(&sql, "%.*s IS NOT NULL", DF_FMT(b->key));
    df_buf_printf(&sql, " ORDER BY %.*s LIMIT %lld) AS batch", DF_FMT(b->key), (long long)batch->size);
    df_buf_clear(&b->hi);
    df_code code = df_query_value(b->e->x->conn, df_buf_cstr(&sql), NULL, 0, &arena, &high, err);
    if (code == DF_OK && high.type != DF_NULL) put_key(df_conn_dialect(b->e->x->conn), &b->hi, &high);
    df_arena_release(&arena);
    df_buf_release(&sql);
    return code;
}

static bool as_number(const df_value *value, double *out)
{
    if (value->type == DF_INT64) *out = (double)value->i;
    else if (value->type == DF_DOUBLE) *out = value->d;
    else return false;
    return true;
}

/* For the percentage alone; two index look-ups. */
static df_code find_ends(backfill *b, df_error *err)
{
    df_arena arena = {0};
    df_value low, high;
    const char *sql = df_arena_printf(&arena, "SELECT MIN(%.*s) FROM %.*s", DF_FMT(b->key), DF_FMT(b->table));
    df_code code = df_query_value(b->e->x->conn, sql, NULL, 0, &arena, &low, err);
    sql = df_arena_printf(&arena, "SELECT MAX(%.*s) FROM %.*s", DF_FMT(b->key), DF_FMT(b->table));
    if (code == DF_OK) code = df_query_value(b->e->x->conn, sql, NULL, 0, &arena, &high, err);
    b->numeric = code == DF_OK && as_number(&low, &b->low) && as_number(&high, &b->high);
    df_arena_release(&arena);
    return code;
}

/* ---- telling ---- */

static void speak(backfill *b, bool last)
{
    execution *e = b->e;
    double now = df_monotonic_s(), at;
    if (!last && now - b->spoke < 2) return;
    b->spoke = now;
    df_buf line = {0};
    double elapsed = now - b->began, share = -1;
    df_buf_printf(&line, "PROGRESS %.*s: statement %d: ", DF_FMT(e->migration->id), (int)e->rows[b->step].number);
    df_put_count(&line, e->rows[b->step].rows < 0 ? 0 : e->rows[b->step].rows);
    df_buf_text(&line, " rows");
    if (b->numeric && b->lo.len && b->high > b->low) {
        at = strtod(df_buf_cstr(&b->lo), NULL);
        share = last ? 1 : (at - b->low) / (b->high - b->low);
        df_buf_printf(&line, ", %.0f %%", share * 100);
    }
    if (elapsed > 0) {
        df_buf_text(&line, ", ");
        df_put_count(&line, (int64_t)((double)(e->rows[b->step].rows < 0 ? 0 : e->rows[b->step].rows) / elapsed));
        df_buf_text(&line, " rows/s");
    }
    if (share > 0 && share < 1) {
        df_buf_text(&line, ", about ");
        df_put_duration(&line, elapsed * (1 - share) / share);
        df_buf_text(&line, " left");
    }
    df_log(e->x->observer, DF_LOG_INFO, "%s", df_buf_cstr(&line));
    df_report_progress(e->x->observer, "rows", e->item->id, e->rows[b->step].rows, 0);
    df_json_writer w;
    df_buf out = {0};
    if (event_begin(e->x, &w, &out, "progress")) {
        df_json_add_str(&w, "migration", e->migration->id);
        df_json_add_int(&w, "statement", e->rows[b->step].number);
        df_json_add_int(&w, "rows", e->rows[b->step].rows);
        if (share >= 0) df_json_add_double(&w, "share", share);
        df_json_add_str(&w, "key", df_buf_str(&b->lo));
        event_end(e->x, &w, &out);
    }
    df_buf_release(&line);
}

static df_code rest(backfill *b, df_error *err)
{
    const df_batch *batch = b->e->steps.items[b->step].batch;
    const df_observer *observer = b->e->x->observer;
    DF_TRY(df_check_cancelled(observer, err));
    if (batch->pause_ms > 0) nanosleep(&(struct timespec){batch->pause_ms / 1000, batch->pause_ms % 1000 * 1000000}, NULL);
    for (bool said = false; batch->max_lag_ms >= 0;) {
        int64_t lag;
        DF_TRY(df_replica_lag(b->e->x->conn, &lag, err));
        if (lag <= batch->max_lag_ms) break;
        if (!said) df_log(observer, DF_LOG_INFO, "PROGRESS waiting for a replica that is %lld ms behind", (long long)lag);
        said = true;
        DF_TRY(df_check_cancelled(observer, err));
        nanosleep(&(struct timespec){0, LAG_PAUSE_MS * 1000000L}, NULL);
    }
    return DF_OK;
}

/* ---- running ---- */

/* One range: condition, rows and progress commit together. *more false: there is none left. */
static df_code run_range(backfill *b, bool *more, df_error *err)
{
    execution *e = b->e;
    df_journal_row *row = &e->rows[b->step];
    const df_step *step = &e->steps.items[b->step];
    DF_TRY(df_ledger_begin(e->x->ledger, err));
    DF_TRY(find_high(b, err));
    *more = b->hi.len > 0;
    if (*more) {
        df_buf sql = {0};
        df_code code = batch_condition(df_conn_dialect(e->x->conn), step->statement.text, b->key, df_buf_str(&b->lo),
                                       df_buf_str(&b->hi), &sql, err);
        if (code == DF_OK) code = step_send(e, b->step, df_buf_str(&sql), err);
        df_buf_release(&sql);
        if (code != DF_OK) return code;
        row->progress = df_arena_str(&e->arena, df_buf_str(&b->hi));
        row->status = DF_STEP_INTENT;
    } else {
        row->status = DF_STEP_DONE;
    }
    DF_TRY(df_ledger_settle(e->x->ledger, &e->run, row, 1, err));
    return df_commit(e->x->conn, err);
}

static void start_at(backfill *b, df_str progress)
{
    df_buf_clear(&b->lo);
    df_buf_str_add(&b->lo, progress);
}

/* After a broken connection the journal says how far it came. */
static df_code find_again(backfill *b, df_error *err)
{
    execution *e = b->e;
    df_error broken = *err;
    if (b->reconnects++ >= MAX_RECONNECTS || reconnect(e->x, err) != DF_OK) {
        if (err->code != DF_LOCKED) *err = broken;
        return err->code;
    }
    df_journal_row *rows;
    size_t count;
    DF_TRY(df_ledger_journal(e->x->ledger, e->migration->id, e->direction, &e->arena, &rows, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (rows[i].number != e->rows[b->step].number) continue;
        start_at(b, rows[i].progress);
        e->rows[b->step].rows = rows[i].rows;
    }
    return DF_OK;
}

static df_code run_ranges(backfill *b, df_error *err)
{
    execution *e = b->e;
    bool more = true;
    for (int64_t tries = 0; more;) {
        int64_t rows = e->rows[b->step].rows, affected = e->affected;
        df_code code = run_range(b, &more, err);
        if (code == DF_OK) {
            tries = 0;
            if (more) start_at(b, df_buf_str(&b->hi));
            speak(b, !more);
            if (more) DF_TRY(rest(b, err));
            continue;
        }
        df_rollback(e->x->conn);
        e->rows[b->step].rows = rows;
        e->affected = affected;
        more = true;
        if (df_conn_lost(e->x->conn)) DF_TRY(find_again(b, err));
        else if (!retry_after(e, code, tries++, err)) return code;
    }
    return DF_OK;
}

static void name_table(backfill *b)
{
    const df_step *step = &b->e->steps.items[b->step];
    b->key = step->batch->key;
    b->table = step->batch->table;
    if (b->table.len) return;
    df_buf name = {0};
    const df_sql_object *table = step->facts.table.name.len ? &step->facts.table : &step->facts.object;
    const df_sql_dialect *dialect = df_conn_dialect(b->e->x->conn);
    if (table->schema.len) {
        df_sql_put_name(dialect, &name, table->schema);
        df_buf_char(&name, '.');
    }
    df_sql_put_name(dialect, &name, table->name);
    b->table = df_arena_str(&b->e->arena, df_buf_str(&name));
    df_buf_release(&name);
}

df_code run_batches(execution *e, size_t step, const df_journal_row *before, df_error *err)
{
    backfill b = {.e = e, .step = step, .began = df_monotonic_s()};
    b.spoke = b.began;
    df_error mine = {0};
    name_table(&b);
    e->rows[step].rows = 0;
    if (before && before->progress.len) {
        start_at(&b, before->progress);
        e->rows[step].rows = before->rows < 0 ? 0 : before->rows;
        e->rows[step].progress = df_arena_str(&e->arena, before->progress);
        df_log(e->x->observer, DF_LOG_INFO, "PROGRESS %.*s: goes on behind %s = %.*s", DF_FMT(e->migration->id),
               df_arena_cstr(&e->arena, b.key), DF_FMT(before->progress));
    }
    df_code code = find_ends(&b, &mine);
    if (code == DF_OK) code = run_ranges(&b, &mine);
    df_migrate_step *line = &e->item->steps[step];
    line->ms = e->rows[step].ms;
    line->rows = e->rows[step].rows;
    if (code == DF_OK) {
        step_state(e, step, DF_STEP_DONE, "done", NULL);
    } else if (code != DF_CANCELLED) {
        step_state(e, step, DF_STEP_FAILED, "failed", NULL);
        step_explain(e, step, &mine);
    }
    df_buf_release(&b.lo);
    df_buf_release(&b.hi);
    if (code != DF_OK && err) *err = mine;
    return code;
}
