/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: what became of each statement, so that a run that was killed goes on at the right one. */
#include "ledger/ledger_int.h"

#include <stdlib.h>

enum { LONGEST_STATEMENT = 2000, LONGEST_STEP_ERROR = 2000, ROWS_AT_ONCE = 100 };

static const char *const status_names[] = {"intent", "done", "failed", "undone", "skipped"};

const char *df_step_status_name(df_step_status status)
{
    return status_names[status];
}

static bool status_from_name(df_str name, df_step_status *out)
{
    for (size_t i = 0; i < sizeof status_names / sizeof *status_names; i++) {
        if (!df_str_is(name, status_names[i])) continue;
        *out = (df_step_status)i;
        return true;
    }
    return false;
}

static const char *direction_name(df_direction direction)
{
    return direction == DF_UP ? "up" : "down";
}

/* ---- passwords ---- */

/* Whether a literal that follows is a secret: PASSWORD '…', IDENTIFIED BY '…', IDENTIFIED BY PASSWORD '…'. */
static bool announces_secret(df_sql_token token, bool before)
{
    return df_sql_is(token, "PASSWORD") || df_sql_is(token, "BY") ||
           (before && token.kind == DF_SQL_SYMBOL && (*token.text.ptr == '=' || *token.text.ptr == '('));
}

/* The statement with passwords made unreadable. */
static df_str without_secrets(const df_sql_dialect *dialect, df_str statement, df_arena *arena)
{
    df_sql_lexer lexer = {.dialect = dialect, .text = statement};
    df_buf out = {0};
    size_t copied = 0;
    bool secret = false, found = false;
    for (;;) {
        df_sql_token token = df_sql_next_word(&lexer);
        if (token.kind == DF_SQL_END) break;
        if (secret && token.kind == DF_SQL_STRING) {
            df_buf_add(&out, statement.ptr + copied, token.offset - copied);
            df_buf_text(&out, "'***'");
            copied = token.offset + token.text.len;
            found = true;
        }
        secret = announces_secret(token, secret);
    }
    if (found) {
        df_buf_add(&out, statement.ptr + copied, statement.len - copied);
        statement = df_arena_str(arena, df_buf_str(&out));
    }
    df_buf_release(&out);
    return statement;
}

static bool may_hold_secret(df_str text)
{
    for (size_t i = 0; i + 8 <= text.len; i++) {
        if ((text.ptr[i] | 32) == 'p' && strncasecmp(text.ptr + i, "password", 8) == 0) return true;
        if ((text.ptr[i] | 32) == 'i' && i + 10 <= text.len &&
            strncasecmp(text.ptr + i, "identified", 10) == 0)
            return true;
    }
    return false;
}

/* ---- writing ---- */

/* `looked_up`: the attempt is looked up by the migration's name in the middle of the row. */
static size_t put_row(ledger_batch *batch, const df_run *run, bool looked_up, const df_journal_row *row, df_value *v)
{
    size_t n = 0;
    df_str text = ledger_cut(row->text, LONGEST_STATEMENT);
    if (may_hold_secret(text))
        text = without_secrets(df_conn_dialect(batch->ledger->conn), text, &batch->arena);
    v[n++] = df_v_str(run->migration->id);
    v[n++] = df_v_text(direction_name(row->direction));
    if (looked_up) v[n++] = df_v_str(run->migration->id);
    v[n++] = df_v_int(row->number);
    v[n++] = df_v_int(row->line);
    v[n++] = df_v_text(status_names[row->status]);
    v[n++] = df_v_text(row->hash);
    v[n++] = df_v_str(row->tag.ptr ? ledger_cut(row->tag, 64) : DF_STR(""));
    v[n++] = df_v_str(text);
    v[n++] = df_v_str(row->state_before);
    v[n++] = df_v_str(row->transaction.len ? row->transaction : DF_STR_NONE);
    v[n++] = df_v_str(row->progress);
    v[n++] = ledger_known(row->rows);
    v[n++] = df_v_double(row->ms);
    v[n++] = df_v_str(ledger_cut(row->error, LONGEST_STEP_ERROR));
    v[n++] = df_v_text(run->run_id);
    if (!batch->ledger->dialect->graph) return n;
    int64_t now_ms = ledger_now_ms(batch->ledger);
    v[n++] = df_v_int(now_ms - (int64_t)row->ms);
    v[n++] = row->status == DF_STEP_INTENT ? DF_V_NULL : df_v_int(now_ms);
    return n;
}

enum { ROW_VALUES = 18 };

static void add_rows(ledger_batch *batch, const df_run *run, const df_journal_row *rows, size_t count)
{
    df_ledger *ledger = batch->ledger;
    bool first = ledger_first(ledger, run), looked_up = !first && !ledger->dialect->graph;
    df_buf sql = {0};
    df_value *values = df_alloc(count * ROW_VALUES * sizeof *values);
    size_t n = 0;
    df_buf_text(&sql, ledger_text(ledger, LEDGER_journal_head));
    for (size_t i = 0; i < count; i++) {
        if (i) df_buf_text(&sql, ", ");
        bool intent = rows[i].status == DF_STEP_INTENT;
        df_buf_text(&sql, ledger_text(ledger, first    ? LEDGER_journal_first
                                              : intent ? LEDGER_journal_intent
                                                       : LEDGER_journal_settled));
        n += put_row(batch, run, looked_up, &rows[i], values + n);
    }
    const char *end = ledger_text(ledger, first ? LEDGER_journal_first_end : LEDGER_journal_upsert);
    if (end) df_buf_text(&sql, end);
    ledger_add_text(batch, df_arena_cstr(&batch->arena, df_buf_str(&sql)), values, n);
    df_buf_release(&sql);
    free(values);
}

void ledger_add_journal(ledger_batch *batch, const df_run *run, const df_journal_row *rows, size_t count)
{
    for (size_t i = 0, some; i < count; i += some) {
        some = count - i < ROWS_AT_ONCE ? count - i : ROWS_AT_ONCE;
        add_rows(batch, run, rows + i, some);
    }
}

df_code df_ledger_intend(df_ledger *ledger, const df_run *run, const df_journal_row *settled, size_t n_settled,
                         const df_journal_row *intents, size_t n_intents, df_error *err)
{
    ledger_batch batch = {.ledger = ledger};
    if (df_in_transaction(ledger->conn))
        return df_fail(err, DF_BUG, "the intent of a statement must be committed before it begins");
    df_journal_row *rows = df_arena_alloc(&batch.arena, (n_settled + n_intents) * sizeof *rows);
    if (n_settled) memcpy(rows, settled, n_settled * sizeof *rows);
    if (n_intents) memcpy(rows + n_settled, intents, n_intents * sizeof *rows);
    ledger_add_journal(&batch, run, rows, n_settled + n_intents);
    return ledger_run(&batch, "writing the journal", err);
}

/* Some at a time: a file may have a hundred thousand statements, and what is sent at once has its limit. */
df_code df_ledger_settle(df_ledger *ledger, const df_run *run, const df_journal_row *rows, size_t count, df_error *err)
{
    for (size_t i = 0, some; i < count; i += some) {
        some = count - i < ROWS_AT_ONCE ? count - i : ROWS_AT_ONCE;
        ledger_batch batch = {.ledger = ledger};
        ledger_add_journal(&batch, run, rows + i, some);
        DF_TRY(ledger_run(&batch, "writing the journal", err));
    }
    return DF_OK;
}

/* ---- reading ---- */

typedef struct journal {
    df_arena *arena;
    df_direction direction;
    df_journal_row *rows;
    size_t count, cap;
} journal;

static df_code take_row(void *context, const df_row *row, df_error *err)
{
    journal *j = context;
    const df_value *v = row->values;
    df_journal_row r = {
        .number = (int32_t)ledger_int_of(&v[0], 0),
        .line = (int32_t)ledger_int_of(&v[1], 0),
        .direction = j->direction,
        .tag = ledger_text_of(&v[4], j->arena),
        .text = ledger_text_of(&v[5], j->arena),
        .state_before = ledger_text_of(&v[6], j->arena),
        .transaction = ledger_text_of(&v[7], j->arena),
        .progress = ledger_text_of(&v[8], j->arena),
        .rows = ledger_int_of(&v[9], -1),
        .ms = v[10].type == DF_DOUBLE ? v[10].d : (double)ledger_int_of(&v[10], 0),
        .error = ledger_text_of(&v[11], j->arena),
    };
    df_str hash = v[3].s;
    if (!status_from_name(v[2].s, &r.status) || hash.len >= sizeof r.hash)
        return df_fail(err, DF_CORRUPT, "row %d of the journal is damaged", r.number);
    memcpy(r.hash, hash.ptr, hash.len);
    DF_PUSH(j->rows, j->count, j->cap) = r;
    return DF_OK;
}

df_code df_ledger_journal(df_ledger *ledger, df_str id, df_direction direction, df_arena *arena,
                          df_journal_row **out, size_t *count, df_error *err)
{
    df_value name = df_v_str(id), way = df_v_text(direction_name(direction));
    df_value values[] = {name, way, way, name, way, name};
    journal j = {.arena = arena, .direction = direction};
    *out = NULL;
    *count = 0;
    if (!df_ledger_exists(ledger)) return DF_OK;
    df_code code = ledger_query(ledger, LEDGER_journal, values, 6, take_row, &j, err);
    if (code == DF_OK && j.count) {
        *out = df_arena_alloc(arena, j.count * sizeof **out);
        memcpy(*out, j.rows, j.count * sizeof **out);
        *count = j.count;
    }
    free(j.rows);
    return code == DF_OK ? DF_OK : df_error_prefix(err, "reading the journal of %.*s", DF_FMT(id));
}
