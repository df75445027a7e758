/* SPDX-License-Identifier: Apache-2.0 */
/* EXPLAIN: the server checks and plans a statement, and runs nothing. */
#include "engine/neo4j/private.h"

#include <stdio.h>

enum { DEEPEST = 100 }; /* of a plan that is shown */

typedef struct plan {
    df_buf text;
    double rows;
} plan;

static bool number_of(df_str dict, const char *key, double *out)
{
    ps_item item;
    if (!neo_find_item(dict, key, &item)) return false;
    if (item.type == PS_FLOAT) *out = item.d;
    if (item.type == PS_INT) *out = (double)item.i;
    return item.type == PS_FLOAT || item.type == PS_INT;
}

static df_str rest_of(const ps_reader *reader)
{
    return df_str_skip(reader->bytes, reader->at);
}

/* {operatorType, args: {EstimatedRows, …}, children: [plan, …]} */
static void put_operator(plan *p, df_str operator, int depth)
{
    ps_reader args, children;
    ps_item head;
    double rows = -1;
    df_str name = neo_find_text(operator, "operatorType");
    const char *at = name.len ? memchr(name.ptr, '@', name.len) : NULL; /* "Filter@neo4j" */
    if (at) name.len = (size_t)(at - name.ptr);
    if (neo_find(operator, "args", &args)) number_of(rest_of(&args), "EstimatedRows", &rows);
    df_buf_printf(&p->text, "%s%*s%.*s", p->text.len ? "\n" : "", depth * 2, "", DF_FMT(name));
    if (rows >= 0) df_buf_printf(&p->text, " (%.0f rows)", rows);
    if (depth == 0) p->rows = rows;
    if (depth == DEEPEST || !neo_find(operator, "children", &children)) return;
    if (ps_read(&children, &head, NULL) != DF_OK || head.type != PS_LIST) return;
    for (uint32_t i = 0; i < head.count; i++) {
        df_str child = rest_of(&children);
        if (ps_skip(&children, NULL) != DF_OK) return;
        put_operator(p, child, depth + 1);
    }
}

static df_code take_end(void *context, df_str metadata, df_error *err)
{
    (void)err;
    ps_reader reader;
    if (neo_find(metadata, "plan", &reader)) put_operator(context, rest_of(&reader), 0);
    return DF_OK;
}

/* There are none; but whoever discards them is not sent the plan either. */
static df_code no_record(void *context, df_str record, df_error *err)
{
    (void)context, (void)record, (void)err;
    return DF_OK;
}

/* Where the statement goes on behind EXPLAIN or PROFILE, which it may have of its own. */
static size_t skip_mode(df_str sql)
{
    df_sql_lexer lexer = {.dialect = &df_sql_cypher, .text = sql};
    df_sql_token token = df_sql_next_word(&lexer);
    bool mode = df_sql_is(token, "explain") || df_sql_is(token, "profile");
    return mode ? token.offset + token.text.len : 0;
}

df_code neo_explain(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_arena *arena,
                    df_explanation *out, df_error *err)
{
    neo_conn *c = neo_of(conn);
    static const char mode[] = "EXPLAIN ";
    df_buf text = {0};
    neo_request r;
    neo_summary summary = {.affected = 0};
    plan p = {.rows = -1};
    size_t own = skip_mode(df_str_from(sql));
    df_buf_text(&text, mode);
    df_buf_text(&text, sql + own);
    df_code code = neo_request_make(c, df_buf_str(&text), params, n_params, &r, err);
    if (code == DF_OK) {
        neo_statement s = {.query = df_buf_str(&r.query), .fn = no_record, .end = take_end, .context = &p};
        if (n_params) s.parameters = df_buf_str(&r.parameters);
        code = neo_statement_run(c, &s, &summary, err);
        if (code != DF_OK) neo_place_error(c, &r, df_buf_str(&text), n_params, err);
    }
    size_t begin = sizeof mode - 1;
    if (code != DF_OK && err && err->sql_offset > (int64_t)begin)
        df_engine_fail_at(err, df_str_from(sql), (size_t)err->sql_offset - 1 - begin + own);
    if (code == DF_OK) {
        memcpy(out->kind, summary.kind, sizeof out->kind);
        out->estimated_rows = p.rows;
        out->operators = df_arena_str(arena, df_buf_str(&p.text));
    }
    df_buf_release(&p.text);
    df_buf_release(&text);
    neo_request_release(&r);
    return code;
}
