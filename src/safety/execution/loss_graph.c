/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a statement would take from a graph. Where it first reads and then deletes or removes, what it reads is counted by the same
 * clauses: exactly. Elsewhere all of the label or type is counted, "of which some" go. What cannot be counted is said to be unknown.
 */
#include "safety/execution/loss_int.h"
#include "safety/execution/own_nodes.h"

#include <stdlib.h>

enum { MOST_TARGETS = LOSS_MOST_EXACT, COUNT_MS = 30000 };

/* What a DELETE or REMOVE names: a variable, with a key or a label of it. */
typedef struct target {
    df_str variable, key, label;
} target;

typedef struct derived {
    df_str prefix; /* the clauses that read */
    target targets[MOST_TARGETS];
    size_t count;
} derived;

static bool is_symbol(df_sql_token t, char c)
{
    return t.kind == DF_SQL_SYMBOL && t.text.ptr[0] == c;
}

static bool is_name(df_sql_token t)
{
    return t.kind == DF_SQL_WORD || t.kind == DF_SQL_NAME;
}

static bool begins_clause(df_sql_token t)
{
    static const char *const words[] = {"RETURN", "WITH", "MATCH", "OPTIONAL", "SET", "CREATE", "MERGE", "DELETE", "DETACH", "REMOVE",
                                        "FOREACH", "CALL", "UNWIND", "FINISH", "UNION"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (df_sql_is(t, words[i])) return true;
    return false;
}

/* DELETE a, b or REMOVE a.key, b:Label; *t is the token behind the keyword, then the one behind the list. False: it is more than that. */
static bool read_targets(df_sql_lexer *lexer, df_sql_token *t, bool removes, derived *out)
{
    for (;;) {
        if (!is_name(*t) || out->count == MOST_TARGETS) return false;
        target to = {.variable = t->text};
        *t = df_sql_next_word(lexer);
        if (removes) {
            bool label = is_symbol(*t, ':');
            if (!label && !is_symbol(*t, '.')) return false;
            *t = df_sql_next_word(lexer);
            if (!is_name(*t)) return false;
            *(label ? &to.label : &to.key) = t->text;
            *t = df_sql_next_word(lexer);
        }
        out->targets[out->count++] = to;
        if (!is_symbol(*t, ',')) break;
        *t = df_sql_next_word(lexer);
    }
    return t->kind == DF_SQL_END || begins_clause(*t) || is_symbol(*t, '}');
}

static bool read_write(df_sql_lexer *lexer, df_sql_token t, derived *out)
{
    if (df_sql_is(t, "DETACH") || df_sql_is(t, "NODETACH")) t = df_sql_next_word(lexer);
    bool removes = df_sql_is(t, "REMOVE");
    if (!removes && !df_sql_is(t, "DELETE")) return false;
    t = df_sql_next_word(lexer);
    return read_targets(lexer, &t, removes, out);
}

/* CALL (a, b) { [WITH a, b] DETACH DELETE a … } IN TRANSACTIONS: the lexer stands behind CALL. */
static bool read_subquery(df_sql_lexer *lexer, derived *out)
{
    df_sql_token t = df_sql_next_word(lexer);
    if (is_symbol(t, '(')) {
        while (t.kind != DF_SQL_END && !is_symbol(t, ')')) t = df_sql_next_word(lexer);
        t = df_sql_next_word(lexer);
    }
    if (!is_symbol(t, '{')) return false;
    t = df_sql_next_word(lexer);
    if (df_sql_is(t, "WITH"))
        for (t = df_sql_next_word(lexer); is_name(t) || is_symbol(t, ',') || is_symbol(t, '*');) {
            if (begins_clause(t)) break;
            t = df_sql_next_word(lexer);
        }
    return read_write(lexer, t, out);
}

static bool derive(const df_sql_dialect *dialect, df_str sql, derived *out)
{
    df_sql_lexer lexer = {.dialect = dialect, .text = sql};
    int depth = 0;
    df_sql_token before = {0};
    for (df_sql_token t; (t = df_sql_next_word(&lexer)).kind != DF_SQL_END; before = t) {
        if (t.kind == DF_SQL_SYMBOL) depth += strchr("([{", t.text.ptr[0]) ? 1 : strchr(")]}", t.text.ptr[0]) ? -1 : 0;
        if (depth || is_symbol(before, '.') || is_symbol(before, ':') || is_symbol(before, '$')) continue;
        static const char *const others[] = {"SET", "CREATE", "MERGE", "FOREACH", "INSERT", "UNION"};
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            if (df_sql_is(t, others[i])) return false;
        out->prefix = (df_str){sql.ptr, t.offset};
        if (df_sql_is(t, "DELETE") || df_sql_is(t, "DETACH") || df_sql_is(t, "NODETACH") || df_sql_is(t, "REMOVE"))
            return read_write(&lexer, t, out);
        if (df_sql_is(t, "CALL")) return read_subquery(&lexer, out);
    }
    return false;
}

/* ---- counting ---- */

typedef struct counts {
    int64_t values[MOST_TARGETS];
    size_t count;
} counts;

static df_code take_counts(void *context, const df_row *row, df_error *err)
{
    (void)err;
    counts *c = context;
    for (size_t i = 0; i < row->count && i < MOST_TARGETS; i++) c->values[i] = row->values[i].type == DF_INT64 ? row->values[i].i : 0;
    c->count = row->count;
    return DF_OK;
}

/* Only what the server itself plans as reading is asked. *known false: it is not, or takes too long. */
static df_code count_exactly(loss_finder *f, const derived *d, counts *out, bool *known, df_error *err)
{
    df_buf query = {0};
    df_explanation plan;
    df_error mine = {0};
    df_limits limits = {f->x->lock_timeout_ms, COUNT_MS}, before = {f->x->lock_timeout_ms, f->x->statement_timeout_ms};
    df_buf_printf(&query, "%.*s RETURN ", DF_FMT(d->prefix));
    for (size_t i = 0; i < d->count; i++) {
        const target *t = &d->targets[i];
        if (i) df_buf_text(&query, ", ");
        if (t->key.len) df_buf_printf(&query, "count(%.*s.%.*s)", DF_FMT(t->variable), DF_FMT(t->key));
        else if (t->label.len)
            df_buf_printf(&query, "count(DISTINCT CASE WHEN %.*s:%.*s THEN %.*s END)", DF_FMT(t->variable), DF_FMT(t->label), DF_FMT(t->variable));
        else df_buf_printf(&query, "count(DISTINCT %.*s)", DF_FMT(t->variable));
        df_buf_printf(&query, " AS n%zu", i);
    }
    const char *text = df_buf_cstr(&query);
    df_code code = df_explain(f->x->conn, text, NULL, 0, &f->arena, &plan, &mine);
    *known = false;
    if (code == DF_OK && strcmp(plan.kind, "r") == 0) {
        code = df_set_limits(f->x->conn, &limits, err);
        if (code == DF_OK) *known = df_query(f->x->conn, text, NULL, 0, take_counts, out, &mine) == DF_OK;
        if (code == DF_OK && !df_conn_lost(f->x->conn)) code = df_set_limits(f->x->conn, &before, err);
        if (code != DF_OK) mine = err ? *err : mine;
    } else {
        code = DF_OK;
    }
    df_buf_release(&query);
    if (!df_conn_lost(f->x->conn)) return code;
    if (err) *err = mine;
    return DF_CONNECT;
}

static void put_pattern(const df_sql_dialect *dialect, df_buf *out, const df_sql_loss *loss)
{
    bool relationship = loss->relationship || loss->kind == DF_SQL_LOSES_RELATIONSHIPS;
    df_buf_text(out, relationship ? "MATCH ()-[x" : "MATCH (x");
    if (loss->label.len) {
        df_buf_char(out, ':');
        df_sql_put_name(dialect, out, loss->label);
    }
    df_buf_text(out, relationship ? "]->()" : ")");
}

/* Of the whole label or type. */
static df_code count_all(loss_finder *f, const df_sql_loss *loss, int64_t *rows, df_error *err)
{
    const df_sql_dialect *dialect = df_conn_dialect(f->x->conn);
    df_buf query = {0};
    df_value value;
    put_pattern(dialect, &query, loss);
    if (loss->kind == DF_SQL_LOSES_PROPERTY && loss->property.len) {
        df_buf_text(&query, " WHERE x.");
        df_sql_put_name(dialect, &query, loss->property);
        df_buf_printf(&query, " IS NOT NULL WITH x LIMIT %d", LOSS_COUNT_AT_MOST);
    }
    df_buf_text(&query, " RETURN count(x)");
    df_code code = df_query_value(f->x->conn, df_buf_cstr(&query), NULL, 0, &f->arena, &value, err);
    df_buf_release(&query);
    if (code != DF_OK) return df_error_prefix(err, "counting what would be lost");
    *rows = value.type == DF_INT64 ? value.i : 0;
    return DF_OK;
}

static void add(loss_finder *f, const df_sql_loss *loss, int64_t rows, bool exact)
{
    df_buf name = {0};
    bool relationship = loss->relationship || loss->kind == DF_SQL_LOSES_RELATIONSHIPS;
    const char *unit = relationship ? "relationships" : "nodes", *behind = exact ? "" : ", of which some go";
    df_buf_str_add(&name, loss->label.len ? loss->label : relationship ? DF_STR("any type") : DF_STR("any label"));
    if (loss->kind == DF_SQL_LOSES_PROPERTY) {
        unit = "values";
        df_buf_char(&name, '.');
        df_buf_str_add(&name, loss->property.len ? loss->property : DF_STR("*"));
    } else if (loss->kind == DF_SQL_LOSES_LABEL) {
        behind = exact ? " lose the label" : ", of which some lose the label";
    }
    loss_add_counted(f, rows, df_buf_str(&name), unit, behind);
    df_buf_release(&name);
}

df_code loss_exactly(df_executor *x, const df_step *step, df_arena *arena, loss_exact *out, df_error *err)
{
    loss_finder f = {.x = x};
    derived d = {0};
    counts c = {0};
    size_t n = 0;
    out->known = false;
    const df_sql_dialect *dialect = df_conn_dialect(x->conn);
    out->losses = df_sql_losses(dialect, step->statement.text, arena, &n);
    out->count = n < LOSS_MOST_EXACT ? n : LOSS_MOST_EXACT;
    df_code code = DF_OK;
    if (n && n <= LOSS_MOST_EXACT && derive(dialect, step->statement.text, &d) && d.count == n)
        code = count_exactly(&f, &d, &c, &out->known, err);
    for (size_t i = 0; i < out->count; i++) out->rows[i] = c.values[i];
    df_arena_release(&f.arena);
    return code;
}

df_code loss_of_graph(loss_finder *f, const df_step *step, df_error *err)
{
    size_t n = 0;
    const df_sql_dialect *dialect = df_conn_dialect(f->x->conn);
    const df_sql_loss *losses = df_sql_losses(dialect, step->statement.text, &f->arena, &n);
    if (!n) {
        bool told = !(step->facts.flags & DF_SQL_DESTROYS) || step->facts.cls == DF_SQL_DDL;
        if (!told) loss_add(f, -1, df_arena_printf(f->x->arena, "%s (statement %d): how much cannot be told", step->facts.tag, (int)step->statement.number));
        return DF_OK;
    }
    if (df_own_deletes_record(dialect, step->statement.text, &f->arena)) return DF_OK; /* bookkeeping, which nobody misses */
    derived d = {0};
    counts c = {0};
    bool known = false;
    if (derive(dialect, step->statement.text, &d) && d.count == n) DF_TRY(count_exactly(f, &d, &c, &known, err));
    for (size_t i = 0; i < n; i++) {
        int64_t rows = known ? c.values[i] : 0;
        if (!known) DF_TRY(count_all(f, &losses[i], &rows, err));
        add(f, &losses[i], rows, known);
    }
    return DF_OK;
}
