/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Neo4j's transactions, and who waits for whom. A connection without a transaction holds nothing and is not
 * listed. What holds our named locks is a transaction that does nothing for ever: it is told apart by its
 * metadata.
 */
#include "operate/operate_int.h"

#include "operate_neo4j.h"

#include <stdio.h>
#include <string.h>

/* "bolt-7" is 7; 0 when it is none. */
static int64_t number_of(df_str connection)
{
    int64_t number;
    const char *dash = connection.len ? memrchr(connection.ptr, '-', connection.len) : NULL;
    df_str digits = dash ? df_str_skip(connection, (size_t)(dash + 1 - connection.ptr)) : DF_STR_NONE;
    return df_str_int64(digits, &number) ? number : 0;
}

static bool is_blocked(df_str status)
{
    return df_str_starts(status, DF_STR("Blocked by"));
}

static void set_state(const op_look *look, const op_rows *rows, size_t i, op_session *s)
{
    df_str status = op_str(rows, i, "status"), lock = op_str(rows, i, "lock");
    s->state_s = op_double(rows, i, "query_s", s->transaction_s);
    s->state = s->query.len ? OP_ACTIVE : OP_IDLE_TRANSACTION;
    if (is_blocked(status)) {
        s->state = OP_WAITING;
        s->state_s = op_double(rows, i, "waited_s", s->state_s);
        s->wait = DF_STR("a lock");
    } else if (lock.len) {
        s->state = OP_HOLDS;
        s->phase = df_str_from(df_arena_printf(look->arena, "holds the lock \"%.*s\"", DF_FMT(lock)));
        s->transaction_s = -1; /* it is meant to stay open */
    } else if (df_str_starts(status, DF_STR("Terminated"))) {
        s->phase = DF_STR("already terminated");
    }
}

static void add_sessions(const op_look *look, const op_rows *rows, int64_t own, df_str here, op_sessions *out)
{
    for (size_t i = 0; i < rows->count; i++) {
        op_session *s = op_session_add(look, out);
        s->id = number_of(op_str(rows, i, "connection"));
        s->transaction = op_str(rows, i, "transaction");
        s->user = op_str(rows, i, "user_name");
        s->address = op_str(rows, i, "address");
        s->database = op_str(rows, i, "database");
        s->application = op_str(rows, i, "application");
        s->query = op_str(rows, i, "query");
        s->transaction_s = op_double(rows, i, "transaction_s", -1);
        s->locks = op_int(rows, i, "locks", -1);
        s->own = own && (s->id == own || number_of(op_str(rows, i, "companion_of")) == own);
        s->here = df_str_eq(s->database, here);
        set_state(look, rows, i, s);
    }
}

static size_t find_transaction(const op_sessions *sessions, df_str id)
{
    size_t i = 0;
    while (i < sessions->count && !df_str_eq(sessions->items[i].transaction, id)) i++;
    return i;
}

/* "Blocked by: [neo4j-transaction-7, neo4j-transaction-9]" */
static void add_waits(const op_look *look, op_sessions *out, size_t waiter, df_str status)
{
    const char *open = memchr(status.ptr, '[', status.len);
    df_str rest = open ? df_str_skip(status, (size_t)(open + 1 - status.ptr)) : DF_STR_NONE;
    while (rest.len) {
        size_t n = 0;
        while (n < rest.len && !strchr(", ]", rest.ptr[n])) n++;
        size_t blocker = n ? find_transaction(out, (df_str){rest.ptr, n}) : out->count;
        if (blocker < out->count && blocker != waiter) op_wait_add(look, out, waiter, blocker, true);
        rest = df_str_skip(rest, n < rest.len ? n + 1 : n);
    }
}

/* The free edition knows no roles, and shows everything. */
static bool sees_all(const op_look *look)
{
    op_rows rows;
    if (op_ask(look, SQL_rights, NULL, 0, &rows, NULL) != DF_OK) return true;
    const char *roles = op_text(&rows, 0, "roles");
    return !roles || strstr(roles, "admin");
}

df_code op_neo4j_sessions(const op_look *look, op_sessions *out, df_error *err)
{
    op_rows rows, facts;
    df_session own;
    DF_TRY(df_session_get(look->conn, &own, err));
    DF_TRY(op_ask(look, SQL_facts, NULL, 0, &facts, err));
    DF_TRY(op_ask(look, op_neo4j_before_5(look) ? SQL_sessions4 : SQL_sessions, NULL, 0, &rows, err));
    add_sessions(look, &rows, own.id, op_str(&facts, 0, "name"), out);
    for (size_t i = 0; i < rows.count; i++)
        if (is_blocked(op_str(&rows, i, "status"))) add_waits(look, out, i, op_str(&rows, i, "status"));
    if (!sees_all(look))
        out->hidden = "transactions of other users are hidden: GRANT SHOW TRANSACTION (*) ON DATABASE * TO a "
                      "role of this user";
    return DF_OK;
}
