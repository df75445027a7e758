/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several statements in one round trip: requests are written ahead of the replies. Behind a failure the
 * server ignores what is on its way. COMMIT is sent when all have succeeded: an interruption or a limit in
 * the middle must not leave open whether it was taken.
 */
#include "engine/neo4j/private.h"

enum { MOST_AHEAD = 200 }; /* requests: what the answers need in buffers is small */

typedef struct many {
    neo_conn *c;
    df_command *commands;
    size_t count, queued;
    bool begins, commits; /* commits: ahead of the replies */
    bool committing;      /* COMMIT is queued */
} many;

static df_code queue(many *m, df_error *err)
{
    df_command *command = &m->commands[m->queued];
    neo_request r;
    df_code code =
        neo_request_make(m->c, df_str_from(command->sql), command->params, command->n_params, &r, err);
    if (code == DF_OK) {
        bolt_run(m->c->bolt, df_buf_str(&r.query),
                 command->n_params ? df_buf_str(&r.parameters) : DF_STR_NONE, NULL);
        bolt_pull(m->c->bolt, -1);
        m->queued++;
    }
    neo_request_release(&r);
    return code;
}

static df_code queue_ahead(many *m, df_error *err)
{
    while (m->queued < m->count && bolt_pending(m->c->bolt) < MOST_AHEAD) {
        df_code code = queue(m, err);
        if (code == DF_OK) continue;
        if (err) err->statement = (int32_t)m->queued + 1;
        neo_reset_bolt(m->c);
        return code;
    }
    if (m->commits && !m->committing && m->queued == m->count) {
        bolt_commit(m->c->bolt);
        m->committing = true;
    }
    return DF_OK;
}

/* A row function has had enough: what is on its way still comes. */
static void pass_over(many *m)
{
    bolt_message reply;
    bool good = true;
    while (good && bolt_pending(m->c->bolt)) {
        if (neo_receive(m->c, &reply, NULL) != DF_OK) return;
        good = reply.kind == BOLT_RECORD || reply.kind == BOLT_SUCCESS;
    }
    if (!good) neo_reset_bolt(m->c);
}

static df_code take_replies(many *m, df_command *command, neo_rows *rows, df_error *err)
{
    neo_summary summary = {.affected = 0};
    bolt_message reply;
    bool header = true;
    for (;;) {
        DF_TRY(neo_receive(m->c, &reply, err));
        if (reply.kind == BOLT_FAILURE) return neo_failed(m->c, reply.body, err);
        if (reply.kind == BOLT_IGNORED) {
            neo_reset_bolt(m->c);
            return df_fail(err, DF_FAILED, "the server ignored the statement");
        }
        if (reply.kind == BOLT_SUCCESS && !header) break;
        df_code code = DF_OK;
        if (command->fn && header) code = neo_rows_fields(rows, reply.body, err);
        if (command->fn && !header) code = neo_rows_record(rows, reply.body, err);
        header = false;
        if (code == DF_OK) continue;
        pass_over(m);
        return code;
    }
    neo_summarise(m->c, reply.body, &summary);
    command->affected = summary.affected;
    return DF_OK;
}

static df_code take(many *m, size_t i, df_error *err)
{
    df_command *command = &m->commands[i];
    neo_rows rows = {.fn = command->fn, .context = command->context};
    neo_start_clock(m->c);
    df_code code = take_replies(m, command, &rows, err);
    neo_rows_release(&rows);
    if (code == DF_OK) return DF_OK;
    if (err) err->statement = (int32_t)i + 1;
    neo_request r;
    df_str sql = df_str_from(command->sql);
    if (neo_request_make(m->c, sql, command->params, command->n_params, &r, NULL) == DF_OK)
        neo_place_error(m->c, &r, sql, command->n_params, err);
    neo_request_release(&r);
    return code;
}

static df_code take_begin(many *m, df_error *err)
{
    bolt_message reply;
    DF_TRY(neo_receive(m->c, &reply, err));
    if (reply.kind != BOLT_SUCCESS) return neo_failed(m->c, reply.body, err);
    m->c->open = true;
    return DF_OK;
}

static df_code run_all(many *m, df_error *err)
{
    const char *bookmarks[2];
    bolt_transaction t = neo_transaction_begin(m->c, bookmarks);
    if (m->begins) bolt_begin(m->c->bolt, &t);
    DF_TRY(queue_ahead(m, err));
    if (m->begins) DF_TRY(take_begin(m, err));
    for (size_t i = 0; i < m->count; i++) {
        DF_TRY(take(m, i, err));
        DF_TRY(queue_ahead(m, err));
    }
    if (!m->commits) return DF_OK;
    if (m->c->gave_up.code == DF_OK)
        m->c->statement_end = m->c->lock_look = 0; /* limits are for statements */
    return neo_take_end(m->c, err);
}

df_code neo_exec_many(df_conn *conn, df_command *commands, size_t count, unsigned flags, df_error *err)
{
    neo_conn *c = neo_of(conn);
    bool commit = (flags & DF_MANY_COMMIT) != 0, rows = false;
    for (size_t i = 0; i < count; i++) rows |= commands[i].fn != NULL;
    many m = {.c = c,
              .commands = commands,
              .count = count,
              .begins = (flags & DF_MANY_BEGIN) != 0,
              .commits = commit && !rows};
    if (err) err->statement = 0;
    if (m.begins && c->stale) DF_TRY(neo_reroute(c, err));
    c->committing = m.commits;
    neo_enter(c);
    df_code code = neo_leave(c, run_all(&m, err), err);
    return code == DF_OK && commit && rows ? neo_commit(conn, err) : code;
}
