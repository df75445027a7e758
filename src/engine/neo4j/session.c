/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits, who we are and who else is there. A session is a connection: its number, and when it began. Numbers
 * begin anew when the server does.
 */
#include "engine/neo4j/private.h"

#include "engine_neo4j_session.h"

#include <stdio.h>
#include <stdlib.h>

df_code neo_set_limits(df_conn *conn, const df_limits *limits, df_error *err)
{
    (void)err;
    neo_conn *c = neo_of(conn);
    c->limits = *limits;
    c->limits_asked = true;
    return DF_OK;
}

/* A session has no settings that a statement could change, and what a failed one leaves is cleared at once.
 */
df_code neo_session_reset(df_conn *conn, df_error *err)
{
    neo_conn *c = neo_of(conn);
    if (!c->open && !bolt_pending(c->bolt)) return DF_OK;
    c->open = false;
    df_code code = bolt_reset(c->bolt, err);
    if (code == DF_CONNECT) c->base.lost = true;
    return code;
}

static int64_t number_of(const char *connection_id)
{
    int64_t number;
    const char *dash = strrchr(connection_id, '-');
    return dash && df_str_int64(df_str_from(dash + 1), &number) ? number : -1;
}

static df_str parameters(df_buf *out, const char *name, const char *value)
{
    ps_put_dict(out, 1);
    ps_put_text(out, name);
    ps_put_text(out, value);
    return df_buf_str(out);
}

static df_code ask(neo_conn *c, const char *query, const char *connection, neo_record_fn fn, void *context,
                   df_error *err)
{
    df_buf dict = {0};
    df_str params = parameters(&dict, "connection", connection);
    df_code code = neo_query(c, query, params, fn, context, err);
    df_buf_release(&dict);
    return code;
}

static void copy_text(char *to, size_t size, const ps_item *item)
{
    if (item->type == PS_STRING) snprintf(to, size, "%.*s", DF_FMT(item->s));
}

static df_code take_session(void *context, df_str record, df_error *err)
{
    df_session *out = context;
    ps_reader reader = {record, 0};
    ps_item head, started, user, address;
    DF_TRY(ps_read(&reader, &head, err));
    DF_TRY(ps_read(&reader, &started, err));
    DF_TRY(ps_read(&reader, &user, err));
    DF_TRY(ps_read(&reader, &address, err));
    copy_text(out->started, sizeof out->started, &started);
    copy_text(out->user, sizeof out->user, &user);
    copy_text(out->address, sizeof out->address, &address);
    char *colon = strrchr(out->address, ':');
    if (colon) *colon = '\0';
    return DF_OK;
}

df_code neo_session_get(df_conn *conn, df_session *out, df_error *err)
{
    neo_conn *c = neo_of(conn);
    out->id = number_of(bolt_connection_id(c->bolt));
    snprintf(out->database, sizeof out->database, "%s", c->database_id);
    return ask(c, SQL_session, bolt_connection_id(c->bolt), take_session, out, err);
}

/* What is known of a connection, and of what we may see. */
typedef struct found {
    char started[40], user[80];
    bool any, sees_all;
} found;

static df_code take_found(void *context, df_str record, df_error *err)
{
    found *f = context;
    ps_reader reader = {record, 0};
    ps_item head, started;
    DF_TRY(ps_read(&reader, &head, err));
    DF_TRY(ps_read(&reader, &started, err));
    f->any = true;
    copy_text(f->started, sizeof f->started, &started);
    return DF_OK;
}

/* Community knows no roles: there everybody may see everything. */
static df_code take_rights(void *context, df_str record, df_error *err)
{
    found *f = context;
    ps_reader reader = {record, 0};
    ps_item head, user, roles, role;
    DF_TRY(ps_read(&reader, &head, err));
    DF_TRY(ps_read(&reader, &user, err));
    copy_text(f->user, sizeof f->user, &user);
    DF_TRY(ps_read(&reader, &roles, err));
    f->sees_all = roles.type == PS_NULL;
    for (uint32_t i = 0; roles.type == PS_LIST && i < roles.count; i++) {
        DF_TRY(ps_read(&reader, &role, err));
        if (role.type == PS_STRING && df_str_is(role.s, "admin")) f->sees_all = true;
    }
    return DF_OK;
}

static const char *connection_of(const df_session *session, char out[40])
{
    snprintf(out, 40, "bolt-%lld", (long long)session->id);
    return out;
}

df_code neo_session_alive(df_conn *conn, const df_session *session, bool *alive, df_error *err)
{
    neo_conn *c = neo_of(conn);
    char connection[40];
    found f = {.any = false};
    DF_TRY(ask(c, SQL_alive, connection_of(session, connection), take_found, &f, err));
    *alive = f.any && strcmp(f.started, session->started) == 0;
    if (f.any) return DF_OK;
    DF_TRY(neo_query(c, SQL_rights, DF_STR_NONE, take_rights, &f, err));
    if (f.sees_all || strcmp(f.user, session->user) == 0) return DF_OK;
    *alive = true;
    df_fail(err, DF_PERMISSION,
            "Permission denied: connections of the user \"%s\" are not visible to this user", session->user);
    df_error_hint(err, "connect as the same user, or as one with the role admin");
    return DF_PERMISSION;
}

/* ---- ending one ---- */

/* "'id', 'id'": of the connection's transactions, and of those that hold locks for it. */
static df_code take_id(void *context, df_str record, df_error *err)
{
    df_buf *ids = context;
    ps_reader reader = {record, 0};
    ps_item head, id;
    DF_TRY(ps_read(&reader, &head, err));
    DF_TRY(ps_read(&reader, &id, err));
    if (id.type != PS_STRING) return DF_OK;
    if (ids->len) df_buf_text(ids, ", ");
    df_sql_put_literal(&df_sql_cypher, ids, id.s);
    return DF_OK;
}

static df_code terminate(neo_conn *c, const char *connection, df_error *err)
{
    df_buf ids = {0}, query = {0};
    df_code code = ask(c, SQL_transactions_of, connection, take_id, &ids, err);
    if (code == DF_OK && ids.len) {
        df_buf_printf(&query, "TERMINATE TRANSACTIONS %s", df_buf_cstr(&ids));
        code = neo_query(c, df_buf_cstr(&query), DF_STR_NONE, NULL, NULL, err);
    }
    df_buf_release(&ids);
    df_buf_release(&query);
    return code;
}

df_code neo_session_end(df_conn *conn, const df_session *session, int64_t wait_ms, df_error *err)
{
    neo_conn *c = neo_of(conn);
    char connection[40];
    df_buf companions = {0};
    bool alive;
    if (session->id == number_of(bolt_connection_id(c->bolt)))
        return df_fail(err, DF_BUG, "a session does not end itself");
    DF_TRY(neo_session_alive(conn, session, &alive, err));
    if (!alive) return DF_OK;
    connection_of(session, connection);
    df_code code = ask(c, SQL_companions_of, connection, take_id, &companions, err);
    if (code == DF_OK) code = terminate(c, connection, err);
    if (code == DF_OK) code = ask(c, SQL_kill, connection, NULL, NULL, err);
    if (code == DF_OK && companions.len) {
        df_buf query = {0};
        df_buf_printf(&query, "CALL dbms.killConnections([%s])", df_buf_cstr(&companions));
        code = neo_query(c, df_buf_cstr(&query), DF_STR_NONE, NULL, NULL, err);
        df_buf_release(&query);
    }
    df_buf_release(&companions);
    return code == DF_OK ? df_session_end_wait(conn, session, wait_ms, err) : code;
}
