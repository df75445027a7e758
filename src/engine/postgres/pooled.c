/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is there a pooler that gives every transaction another session? A pooler shows itself by the process number
 * that it hands out, which is not the server's. Whether it keeps a session for each client is seen from
 * outside: while our connection idles, another one either comes upon our session, sooner or later, or never
 * does.
 */
#include "engine/postgres/private.h"

#include "base/clock.h"
#include "engine/url.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRIES = 60, WAIT_MS = 8000 };

static const char ask_pid[] = "SELECT pg_backend_pid()";

/* The server's process number on a connection of our own, waiting no longer than the deadline; 0 when it does
 * not come. */
static int64_t pid_of(PGconn *db, double deadline)
{
    PGresult *result;
    int64_t pid = 0;
    if (!pq->sendQuery(db, ask_pid)) return 0;
    while (pq->isBusy(db)) {
        double left = deadline - df_monotonic_s();
        struct pollfd wait = {.fd = pq->socket(db), .events = POLLIN};
        if (left <= 0 || poll(&wait, 1, (int)(left * 1000) + 1) < 0 || !pq->consumeInput(db)) return 0;
    }
    while ((result = pq->getResult(db)) != NULL) {
        if (pq->resultStatus(result) == PGRES_TUPLES_OK && pq->ntuples(result) == 1)
            pid = atoll(pq->getvalue(result, 0, 0));
        pq->clear(result);
    }
    return pid;
}

static df_code take_pid(void *context, const df_row *row, df_error *err)
{
    (void)err;
    *(int64_t *)context = row->values[0].i;
    return DF_OK;
}

static df_code own_pid(df_conn *conn, int64_t *pid, df_error *err)
{
    int64_t ignored;
    return pg_run(conn, ask_pid, NULL, 0, take_pid, pid, &ignored, err);
}

static df_code watch(df_conn *conn, PGconn *second, int64_t ours, bool *pooled, char how[200], df_error *err)
{
    double deadline = df_monotonic_s() + WAIT_MS / 1000.0;
    for (int i = 0; i < TRIES; i++) {
        int64_t theirs = pid_of(second, deadline), again;
        *pooled = theirs == ours;
        if (*pooled) {
            snprintf(how, 200,
                     "while this connection was idle, another one ran on its server session (process %lld)",
                     (long long)ours);
            return DF_OK;
        }
        DF_TRY(own_pid(conn, &again, err));
        *pooled = again != ours;
        if (*pooled) {
            snprintf(how, 200,
                     "two statements of this connection ran on two server sessions (processes %lld and %lld)",
                     (long long)ours, (long long)again);
            return DF_OK;
        }
        if (!theirs)
            break; /* no session is left for another connection, while ours has one: ours is kept for us */
    }
    snprintf(how, 200,
             "there is a pooler, which keeps a server session for each connection (ours is process %lld)",
             (long long)ours);
    return DF_OK;
}

df_code pg_session_pooled(df_conn *conn, const char *url, bool *pooled, char how[200], df_error *err)
{
    pg_conn *c = pg_of(conn);
    int64_t ours;
    DF_TRY(own_pid(conn, &ours, err));
    if (ours == pq->backendPID(c->db)) return DF_OK;

    df_arena arena = {0};
    df_buf plain = {0};
    PGconn *second = NULL;
    const char *schema;
    df_code code = df_url_take_param(url, "schema", &arena, &plain, &schema, err);
    if (code == DF_OK) code = pg_connect(df_buf_cstr(&plain), &(df_open_options){0}, &second, err);
    if (code == DF_OK) code = watch(conn, second, ours, pooled, how, err);
    if (second) pq->finish(second);
    df_buf_release(&plain);
    df_arena_release(&arena);
    return code;
}
