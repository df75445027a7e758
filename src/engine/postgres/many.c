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
    pg_prepared *prepared; /* NULL: goes as it is */
    bool prepares;         /* the server is told the statement first */
} item;

typedef struct pipeline {
    pg_conn *c;
    item items[AT_A_TIME + MOST_EXTRA];
    size_t count, sent;
    bool begins, commits;
} pipeline;

static df_hash128 key_of(const item *it, size_t n_params)
{
    df_hash128 key = df_hash(it->request.sql.ptr, it->request.sql.len);
    return n_params ? df_hash_add(key, df_hash(it->request.types, n_params * sizeof *it->request.types))
                    : key;
}

/* The first time a statement is noted, the second time prepared; when there are too many, they go as they
 * are. */
static void look_up(pipeline *p, item *it)
{
    pg_conn *c = p->c;
    if (!it->command || it->command->fn) return;
    df_hash128 key = key_of(it, it->command->n_params);
    size_t i = 0;
    while (i < c->n_prepared && !df_hash_eq(c->prepared[i].key, key)) i++;
    if (i == PG_PREPARED) return;
    if (i == c->n_prepared) {
        c->prepared[c->n_prepared++] = (pg_prepared){.key = key};
        return;
    }
    for (size_t k = 0; k < p->count; k++) /* twice in one pipeline: the first has not been heard of yet */
        if (&p->items[k] != it && p->items[k].prepares && p->items[k].prepared == &c->prepared[i]) return;
    it->prepared = &c->prepared[i];
    it->prepares = !it->prepared->ready;
}

static df_code make_requests(pipeline *p, df_error *err)
{
    for (size_t i = 0; i < p->count; i++) {
        item *it = &p->items[i];
        const df_command *command = it->command;
        df_code code = pg_request_make(p->c, df_str_from(it->sql), command ? command->params : NULL,
                                       command ? command->n_params : 0, &it->request, err);
        if (code == DF_OK) {
            look_up(p, it);
            continue;
        }
        if (err) err->statement = it->number;
        return code;
    }
    return DF_OK;
}

static bool send_item(pg_conn *c, item *it)
{
    pg_request *r = &it->request;
    int n = it->command ? (int)it->command->n_params : 0;
    char key[33], name[64];
    if (!it->prepared) return pg_request_send(c, r, (size_t)n);
    df_hash_hex(it->prepared->key, key);
    snprintf(name, sizeof name, "df_%u_%s", c->prepared_round, key);
    if (it->prepares && !pq->sendPrepare(c->db, name, df_buf_cstr(&r->sql), n, r->types)) return false;
    return pq->sendQueryPrepared(c->db, name, n, r->values, r->lengths, r->formats, 0);
}

/* The answer to a preparation; the statement's own follows. */
static df_code read_preparation(pipeline *p, item *it, df_code before, df_error *err)
{
    PGresult *result;
    pg_reader nobody = {.fn = NULL};
    int64_t ignored;
    df_code code = before;
    while ((result = pq->getResult(p->c->db)) != NULL) {
        if (pq->resultStatus(result) == PGRES_COMMAND_OK) it->prepared->ready = true;
        if (code == DF_OK)
            code = pg_take_result(p->c, df_str_from(it->sql), it->command->n_params,
                                  df_buf_str(&it->request.sql), result, &nobody, &ignored, err);
        if (code != DF_OK && before == DF_OK && err) err->statement = it->number;
        pq->clear(result);
        if (pq->status(p->c->db) == CONNECTION_BAD) break;
    }
    return code;
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
        if (p->items[i].prepares) code = read_preparation(p, &p->items[i], code, err);
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
                if (!send_item(c, &p->items[p->sent])) break;
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
