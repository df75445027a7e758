/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at the session from beside it. The server limits waits for locks only for everybody at once
 * (db.lock.acquisition.timeout), so a session with a limit of its own is watched over a second connection,
 * which is opened when a statement takes longer than that for the first time.
 */
#include "engine/neo4j/private.h"

#include "base/clock.h"
#include "engine_neo4j_session.h"

#include <stdio.h>

enum { LOOK_MS = 3000 };

int64_t neo_now_ms(void)
{
    return (int64_t)(df_monotonic_s() * 1000);
}

/* The reply to the RUN, then the records. */
static df_code take_all(bolt *b, int64_t deadline, neo_record_fn fn, void *context, df_error *err)
{
    bolt_message m;
    while (bolt_pending(b)) {
        DF_TRY(bolt_receive(b, deadline, &m, err));
        if (m.kind == BOLT_FAILURE) return bolt_error(m.body, err);
        if (m.kind == BOLT_RECORD && fn) DF_TRY(fn(context, m.body, err));
    }
    return DF_OK;
}

df_code neo_side_query(const neo_conn *c, bolt *b, const char *query, df_str parameters, int64_t deadline,
                       neo_record_fn fn, void *context, df_error *err)
{
    const char *bookmarks[2];
    bolt_transaction t = neo_transaction(c, bookmarks);
    t.bookmarks = NULL;
    t.timeout_ms = 0;
    t.no_timeout = false;
    bolt_run(b, df_str_from(query), parameters, &t);
    bolt_pull(b, -1);
    df_code code = take_all(b, deadline, fn, context, err);
    if (code != DF_OK && !bolt_lost(b)) {
        df_code again = bolt_reset(b, NULL);
        (void)again; /* bolt_lost tells */
    }
    return code;
}

typedef struct wait {
    char by[200];
    int64_t ms;
} wait;

static df_code take_wait(void *context, df_str record, df_error *err)
{
    wait *w = context;
    ps_reader reader = {record, 0};
    ps_item head, status, waited;
    DF_TRY(ps_read(&reader, &head, err));
    DF_TRY(ps_read(&reader, &status, err));
    DF_TRY(ps_read(&reader, &waited, err));
    if (status.type != PS_STRING || waited.type != PS_INT) return DF_OK;
    df_str by = df_str_skip(status.s, strlen("Blocked by: "));
    snprintf(w->by, sizeof w->by, "%.*s", DF_FMT(by));
    w->ms = waited.i;
    return DF_OK;
}

/* A query about our own connection. */
static df_code ask_beside(neo_conn *c, const char *query, neo_record_fn fn, void *context, df_error *err)
{
    df_buf dict = {0};
    df_error own;
    if (!err) err = &own;
    if (c->watch && bolt_lost(c->watch)) {
        bolt_close(c->watch);
        c->watch = NULL;
    }
    if (!c->watch) {
        bolt *b;
        DF_TRY(neo_companion(c, &b, err));
        c->watch = b;
    }
    ps_put_dict(&dict, 1);
    ps_put_text(&dict, "connection");
    ps_put_text(&dict, bolt_connection_id(c->bolt));
    df_code code =
        neo_side_query(c, c->watch, query, df_buf_str(&dict), neo_now_ms() + LOOK_MS, fn, context, err);
    df_buf_release(&dict);
    return code;
}

bool neo_waits_for_lock(neo_conn *c, char by[200])
{
    wait w = {.ms = -1};
    bool old = c->version < NEO_5;
    df_code code = ask_beside(c, old ? SQL_blocked4 : SQL_waiting, take_wait, &w, NULL);
    snprintf(by, 200, "%s", w.by);
    if (old && code == DF_OK && w.ms >= 0) code = ask_beside(c, SQL_waited4, take_wait, &w, NULL);
    return code == DF_OK && w.ms >= c->limits.lock_ms * 9 / 10;
}

/* "'id'" */
static df_code take_transaction(void *context, df_str record, df_error *err)
{
    df_buf *id = context;
    ps_reader reader = {record, 0};
    ps_item head, text;
    DF_TRY(ps_read(&reader, &head, err));
    DF_TRY(ps_read(&reader, &text, err));
    df_buf_clear(id);
    if (text.type == PS_STRING) df_sql_put_literal(&df_sql_cypher, id, text.s);
    return DF_OK;
}

df_code neo_terminate_own(neo_conn *c, df_error *err)
{
    df_buf id = {0}, query = {0};
    df_code code = ask_beside(c, SQL_transaction_of, take_transaction, &id, err);
    if (code == DF_OK && id.len) {
        df_buf_printf(&query, "TERMINATE TRANSACTIONS %s", df_buf_cstr(&id));
        code = ask_beside(c, df_buf_cstr(&query), NULL, NULL, err);
    }
    df_buf_release(&id);
    df_buf_release(&query);
    return code;
}
