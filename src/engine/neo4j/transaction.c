/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explicit transactions. The server has no savepoints, and no transaction that failed can be used again.
 * COMMIT is not interrupted: nobody would know what became of it.
 */
#include "engine/neo4j/private.h"

bool neo_in_transaction(const df_conn *conn)
{
    return ((const neo_conn *)conn)->open;
}

df_code neo_begin(df_conn *conn, df_error *err)
{
    neo_conn *c = neo_of(conn);
    const char *bookmarks[2];
    bolt_message m;
    if (c->stale) DF_TRY(neo_reroute(c, err));
    neo_enter(c);
    bolt_transaction t = neo_transaction_begin(c, bookmarks);
    bolt_begin(c->bolt, &t);
    df_code code = neo_receive(c, &m, err);
    if (code == DF_OK) {
        c->open = m.kind == BOLT_SUCCESS;
        if (!c->open) code = neo_failed(c, m.body, err);
    }
    return neo_leave(c, code, err);
}

df_code neo_take_end(neo_conn *c, df_error *err)
{
    bolt_message m;
    DF_TRY(neo_receive(c, &m, err));
    if (m.kind != BOLT_SUCCESS) return neo_failed(c, m.body, err);
    c->open = false;
    neo_note_bookmark(c, m.body);
    return DF_OK;
}

df_code neo_commit(df_conn *conn, df_error *err)
{
    neo_conn *c = neo_of(conn);
    if (!c->open) return df_fail(err, DF_FAILED, "the transaction had failed, and was rolled back");
    bolt_commit(c->bolt);
    return neo_take_end(c, err);
}

void neo_rollback(df_conn *conn)
{
    neo_conn *c = neo_of(conn);
    if (!c->open) return;
    bolt_rollback(c->bolt);
    if (neo_take_end(c, NULL) != DF_OK && c->open) neo_reset_bolt(c);
    c->open = false;
}

static df_code no_savepoints(df_error *err)
{
    df_fail(err, DF_UNSUPPORTED, "Neo4j has no savepoints");
    df_error_hint(err, "put what must stand alone into a transaction of its own");
    return DF_UNSUPPORTED;
}

df_code neo_savepoint(df_conn *conn, const char *name, df_error *err)
{
    (void)conn, (void)name;
    return no_savepoints(err);
}

df_code neo_rollback_to(df_conn *conn, const char *name, df_error *err)
{
    (void)conn, (void)name;
    return no_savepoints(err);
}
