/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several statements in one round trip, by libpq's pipeline; and COPY of text that is there already.
 *
 * Nobody reads answers while statements are sent, so only so many are sent at a time that the answers fit
 * into the buffers between: the server would wait for us, and we for it.
 */
#include "engine/postgres/private.h"

#include <stdio.h>
#include <stdlib.h>

enum { AT_A_TIME = 200, MOST_EXTRA = 4, SEND_BYTES = 128 * 1024 };

/* A statement on its way: one of the caller's, or BEGIN, COMMIT and limits. */
typedef struct item {
    df_command *command; /* NULL: ours */
    const char *sql;
    int32_t number; /* 1-based, of the caller's */
    pg_request request;
} item;

typedef struct pipeline {
    pg_conn *c;
    item items[AT_A_TIME + MOST_EXTRA];
    size_t count, sent;
    bool begins, commits;
} pipeline;

static df_code make_requests(pipeline *p, df_error *err)
{
    for (size_t i = 0; i < p->count; i++) {
        item *it = &p->items[i];
        const df_command *command = it->command;
        df_code code = pg_request_make(p->c, df_str_from(it->sql), command ? command->params : NULL,
                                       command ? command->n_params : 0, &it->request, err);
        if (code == DF_OK) continue;
        if (err) err->statement = it->number;
        return code;
    }
    return DF_OK;
}

static df_code read_item(pipeline *p, item *it, df_code before, df_error *err)
{
    PGresult *result;
    df_command *command = it->command;
    pg_reader rows = {.fn = command ? command->fn : NULL, .context = command ? command->context : NULL};
    int64_t affected = 0;
    df_code code = before;
    pq->setSingleRowMode(p->c->db);
    while ((result = pq->getResult(p->c->db)) != NULL) {
        if (code == DF_OK) {
            code = pg_take_result(p->c, df_str_from(it->sql), command ? command->n_params : 0,
                                  df_buf_str(&it->request.sql), result, &rows, &affected, err);
            if (code != DF_OK && err) err->statement = it->number;
        }
        pq->clear(result);
        if (pq->status(p->c->db) == CONNECTION_BAD) break;
    }
    if (code == DF_OK && command) command->affected = affected;
    pg_reader_release(&rows);
    return code;
}

/* Answers up to the synchronisation's. After a failure the server passes over the rest. */
static df_code read_all(pipeline *p, df_error *err)
{
    df_code code = DF_OK;
    pg_conn *c = p->c;
    for (size_t i = 0; i < p->sent && pq->status(c->db) != CONNECTION_BAD; i++) {
        code = read_item(p, &p->items[i], code, err);
    }
    bool synchronised = false;
    while (!synchronised && pq->status(c->db) != CONNECTION_BAD) {
        PGresult *result = pq->getResult(c->db);
        synchronised = result && pq->resultStatus(result) == PGRES_PIPELINE_SYNC;
        if (!result) continue;
        pq->clear(result);
    }
    if (!pq->exitPipelineMode(c->db) || pq->status(c->db) == CONNECTION_BAD) {
        c->base.lost = true;
        if (code == DF_OK) code = pg_fail(c, NULL, err);
    }
    if (p->begins && !c->base.lost && pg_in_transaction(&c->base)) pg_limits_sent(c);
    return code;
}

static df_code run_pipeline(pipeline *p, df_error *err)
{
    pg_conn *c = p->c;
    df_code code = make_requests(p, err);
    if (code == DF_OK && p->count) {
        if (!pq->enterPipelineMode(c->db)) {
            code = pg_fail(c, NULL, err);
        } else {
            while (p->sent < p->count) {
                item *it = &p->items[p->sent];
                if (!pg_request_send(c, &it->request, it->command ? it->command->n_params : 0)) break;
                p->sent++;
            }
            bool all = pq->pipelineSync(c->db) && p->sent == p->count;
            code = read_all(p, err);
            if (code == DF_OK && !all) code = pg_fail(c, NULL, err);
        }
    }
    for (size_t i = 0; i < p->count; i++) pg_request_release(&p->items[i].request);
    p->count = p->sent = 0;
    return code;
}

static void push(pipeline *p, df_command *command, const char *sql, int32_t number)
{
    p->items[p->count++] = (item){.command = command, .sql = sql, .number = number};
}

/* SET statements of pg_put_limits, one an item: the extended protocol takes one at a time. */
static void push_limits(pipeline *p, df_buf *sql)
{
    char *rest = NULL;
    pg_put_limits(p->c, sql);
    df_buf_cstr(sql);
    for (char *at = strtok_r(sql->ptr, ";", &rest); at; at = strtok_r(NULL, ";", &rest)) push(p, NULL, at, 0);
}

static bool has_row_functions(const df_command *commands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (commands[i].fn) return true;
    }
    return false;
}

df_code pg_exec_many(df_conn *conn, df_command *commands, size_t count, unsigned flags, df_error *err)
{
    pg_conn *c = pg_of(conn);
    df_buf limits = {0};
    df_code code = DF_OK;
    if (!(flags & DF_MANY_BEGIN)) DF_TRY(pg_settle(c, err));
    pipeline *p = df_zalloc(sizeof *p);
    p->c = c;
    c->tag[0] = '\0';
    if (flags & DF_MANY_BEGIN) {
        p->begins = true;
        push(p, NULL, "BEGIN", 0);
        push_limits(p, &limits);
    }
    for (size_t i = 0; code == DF_OK && i < count; i++) {
        commands[i].affected = 0;
        push(p, &commands[i], commands[i].sql, (int32_t)i + 1);
        if (p->count >= AT_A_TIME) code = run_pipeline(p, err);
    }
    /* A row function may still stop it all before the commit is sent. */
    if (code == DF_OK && (flags & DF_MANY_COMMIT) && has_row_functions(commands, count))
        code = run_pipeline(p, err);
    if (code == DF_OK && (flags & DF_MANY_COMMIT)) {
        p->commits = true;
        push(p, NULL, "COMMIT", 0);
    }
    if (code == DF_OK) code = run_pipeline(p, err);
    if (code == DF_OK && p->commits) {
        bool committed = strcmp(c->tag, "COMMIT") == 0;
        pg_note_end(c, committed);
        if (committed && p->begins) pg_limits_sent(c);
        if (!committed) code = df_fail(err, DF_FAILED, "the transaction had failed, and was rolled back");
    }
    free(p);
    df_buf_release(&limits);
    return code;
}

/* ---- COPY ---- */

static df_code send_data(pg_conn *c, df_str data, df_error *err)
{
    while (data.len) {
        size_t part = data.len < SEND_BYTES ? data.len : SEND_BYTES;
        if (atomic_load(&c->base.cancelled)) return df_fail(err, DF_CANCELLED, "interrupted");
        if (pq->putCopyData(c->db, data.ptr, (int)part) != 1) return pg_fail(c, NULL, err);
        data = df_str_skip(data, part);
    }
    return DF_OK;
}

df_code pg_copy_in(df_conn *conn, const char *sql, df_str data, int64_t *rows, df_error *err)
{
    pg_conn *c = pg_of(conn);
    df_str text = df_str_from(sql);
    pg_reader nobody = {.fn = NULL};
    *rows = 0;
    DF_TRY(pg_settle(c, err));
    PGresult *result = pq->exec(c->db, sql);
    ExecStatusType status = pq->resultStatus(result);
    df_code code = DF_OK;
    if (status == PGRES_COPY_IN) {
        code = send_data(c, data, err);
        if (pq->putCopyEnd(c->db, code == DF_OK ? NULL : "the client gave up") != 1 && code == DF_OK)
            code = pg_fail(c, NULL, err);
    } else if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_OUT) {
        code = df_fail(err, DF_FAILED, "data was given for a statement that is not COPY … FROM STDIN");
        pg_drain(c);
    } else {
        code = pg_take_result(c, text, 0, text, result, &nobody, rows, err);
    }
    pq->clear(result);
    while ((result = pq->getResult(c->db)) != NULL) {
        if (code == DF_OK) code = pg_take_result(c, text, 0, text, result, &nobody, rows, err);
        bool stuck = pq->resultStatus(result) == PGRES_COPY_IN || pq->status(c->db) == CONNECTION_BAD;
        pq->clear(result);
        if (stuck) break;
    }
    if (pq->status(c->db) == CONNECTION_BAD) c->base.lost = true;
    return code;
}
