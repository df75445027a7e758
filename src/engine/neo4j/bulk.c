/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bulk loading: a table is a label, a row a node. Rows go as a parameter, some thousand at a time; while the
 * server works on one batch the next is made.
 */
#include "engine/neo4j/private.h"

#include <stdlib.h>

enum { BATCH_ROWS = 5000, BATCH_BYTES = 1024 * 1024, AHEAD = 4 /* requests: two batches */ };

typedef struct load {
    neo_conn *c;
    const df_row_source *source;
    size_t n_columns;
    df_value *values;
    df_buf query, rows, parameters;
    size_t batch;
    bool more;
    int64_t count;
} load;

/* UNWIND $rows AS row CREATE (n:`Label`) SET n.`a` = row[0], … */
static void put_query(load *l, const char *table, const char *const *columns)
{
    df_buf_text(&l->query, "UNWIND $rows AS row CREATE (n:");
    df_sql_put_name(&df_sql_cypher, &l->query, df_str_from(table));
    for (size_t i = 0; i < l->n_columns; i++) {
        df_buf_text(&l->query, i ? ", " : " {");
        df_sql_put_name(&df_sql_cypher, &l->query, df_str_from(columns[i]));
        df_buf_printf(&l->query, ": row[%zu]", i);
    }
    df_buf_text(&l->query, "})");
}

static df_code pull_rows(load *l, const char *const *columns, df_error *err)
{
    df_buf_clear(&l->rows);
    l->batch = 0;
    while (l->batch < BATCH_ROWS && l->rows.len < BATCH_BYTES) {
        DF_TRY(l->source->next(l->source->context, l->values, &l->more, err));
        if (!l->more) break;
        ps_put_list(&l->rows, l->n_columns);
        for (size_t i = 0; i < l->n_columns; i++) {
            df_code code = neo_put_value(&l->rows, &l->values[i], err);
            if (code == DF_OK) continue;
            df_error_prefix(err, "property %s", columns[i]);
            return code;
        }
        l->batch++;
        l->count++;
    }
    return DF_OK;
}

static void send_batch(load *l)
{
    df_buf_clear(&l->parameters);
    ps_put_dict(&l->parameters, 1);
    ps_put_text(&l->parameters, "rows");
    ps_put_list(&l->parameters, l->batch);
    df_buf_str_add(&l->parameters, df_buf_str(&l->rows));
    bolt_run(l->c->bolt, df_buf_str(&l->query), df_buf_str(&l->parameters), NULL);
    bolt_pull(l->c->bolt, -1);
}

/* Until only `left` replies are still to come. */
static df_code take_replies(load *l, size_t left, df_error *err)
{
    bolt_message reply;
    while (bolt_pending(l->c->bolt) > left) {
        neo_start_clock(l->c);
        DF_TRY(neo_receive(l->c, &reply, err));
        if (reply.kind == BOLT_SUCCESS) continue;
        if (reply.kind == BOLT_FAILURE) return neo_failed(l->c, reply.body, err);
        neo_reset_bolt(l->c);
        return df_fail(err, DF_FAILED, "the server ignored a part of the load");
    }
    return DF_OK;
}

static df_code load_all(load *l, const char *const *columns, df_error *err)
{
    while (l->more) {
        DF_TRY(pull_rows(l, columns, err));
        if (l->batch) send_batch(l);
        DF_TRY(take_replies(l, AHEAD - 2, err));
    }
    return take_replies(l, 0, err);
}

df_code neo_bulk_load(df_conn *conn, const char *table, const char *const *columns, size_t n_columns,
                      const df_row_source *source, int64_t *loaded, df_error *err)
{
    neo_conn *c = neo_of(conn);
    load l = {.c = c, .source = source, .n_columns = n_columns, .more = true};
    l.values = df_zalloc(n_columns * sizeof *l.values);
    put_query(&l, table, columns);
    neo_enter(c);
    df_code code = load_all(&l, columns, err);
    if (code != DF_OK && bolt_pending(c->bolt) && !c->base.lost) neo_reset_bolt(c); /* the source gave up */
    code = neo_leave(c, code, err);
    *loaded = l.count;
    free(l.values);
    df_buf_release(&l.query);
    df_buf_release(&l.rows);
    df_buf_release(&l.parameters);
    return code;
}
