/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named locks. The server has none, but who creates a node under a uniqueness constraint locks the index's
 * entry until the transaction ends. So a lock is a connection of its own (a companion) with a transaction
 * that has created
 * (:__DataflowLock {name}) and is never committed: nobody sees the node, and the lock is gone as soon as the
 * connection is. Who else wants it waits inside the server, and is called back after a while.
 *
 * The transaction's metadata tell others who holds what: {app, dataflow_session: "bolt-7", dataflow_lock:
 * name}; the name is put in behind the node, so that it does not stand with those who wait.
 */
#include "engine/neo4j/private.h"

#include "engine_neo4j_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    WAIT_MS = 300,        /* for a lock that others may hold */
    SLOW_MS = 20000,      /* for one that nobody seems to hold: a server that has just started plans slowly */
    SLICE_MS = 50,        /* between looks at df_cancel */
    RIVALS = 12,          /* tries to make the constraint */
    CONSTRAINT_MS = 60000 /* for building the constraint, behind transactions that use the label */
};

static const char create_node[] = "CREATE (:`" NEO_LOCK_LABEL "` {name: $name})";
static const char create_constraint[] = "CREATE CONSTRAINT `" NEO_LOCK_CONSTRAINT "` IF NOT EXISTS "
                                        "FOR (n:`" NEO_LOCK_LABEL "`) REQUIRE n.name IS UNIQUE";

static neo_lock *find(neo_conn *c, const char *name)
{
    for (size_t i = 0; i < c->n_locks; i++) {
        if (strcmp(c->locks[i].name, name) == 0) return &c->locks[i];
    }
    return NULL;
}

static void put_pair(df_buf *dict, const char *key, const char *value)
{
    ps_put_text(dict, key);
    ps_put_text(dict, value);
}

static void put_metadata(const neo_conn *c, const char *name, df_buf *out)
{
    df_str app = neo_find_text(df_buf_str(&c->metadata), "app");
    ps_put_dict(out, 3);
    ps_put_text(out, "app");
    ps_put_string(out, app);
    put_pair(out, "dataflow_session", bolt_connection_id(c->bolt));
    put_pair(out, "dataflow_lock", name);
}

static df_code take_held(void *context, df_str record, df_error *err)
{
    (void)record, (void)err;
    *(bool *)context = true;
    return DF_OK;
}

/* Whether a transaction says that it holds the lock, that of the connection `but` (its id) excepted. */
static df_code is_held(neo_conn *c, const char *name, const char *but, bool *held, df_error *err)
{
    df_buf dict = {0};
    *held = false;
    ps_put_dict(&dict, 3);
    put_pair(&dict, "name", name);
    put_pair(&dict, "database", c->database);
    put_pair(&dict, "not", but);
    df_code code = neo_query(c, SQL_lock_held, df_buf_str(&dict), take_held, held, err);
    df_buf_release(&dict);
    return code;
}

df_code neo_lock_held(df_conn *conn, const char *name, bool *held, df_error *err)
{
    return is_held(neo_of(conn), name, "", held, err);
}

/* ---- one attempt ---- */

typedef struct attempt {
    neo_conn *c;
    bolt *b;
    const char *name;
    bool constraint; /* it is there */
} attempt;

/*
 * The constraint is looked for in the transaction that relies on it; but on 4.4 just before, since there a transaction that
 * has listed the schema keeps everybody from changing it, for as long as the lock is held.
 */
static void send(attempt *a)
{
    bool apart = a->c->version < NEO_5;
    df_buf metadata = {0}, node = {0};
    bolt_transaction t = {.database = a->c->database[0] ? a->c->database : NULL,
                          .impersonate = a->c->target.impersonate,
                          .no_timeout = true};
    bolt_transaction look = {.database = t.database, .impersonate = t.impersonate};
    put_metadata(a->c, a->name, &metadata);
    t.metadata = df_buf_str(&metadata);
    ps_put_dict(&node, 1);
    put_pair(&node, "name", a->name);
    if (!apart) bolt_begin(a->b, &t);
    bolt_run(a->b, df_str_from(SQL_lock_constraint), DF_STR_NONE, apart ? &look : NULL);
    bolt_pull(a->b, -1);
    if (apart) bolt_begin(a->b, &t);
    bolt_run(a->b, df_str_from(create_node), df_buf_str(&node), NULL);
    bolt_pull(a->b, -1);
    df_buf_release(&metadata);
    df_buf_release(&node);
}

/* The replies to what `send` sent are late. DF_OK: nobody else holds the lock, it is the server that takes
 * its time. */
static df_code look(attempt *a, int64_t start, df_error *err)
{
    bool held = neo_now_ms() - start >= SLOW_MS;
    if (!held) DF_TRY(is_held(a->c, a->name, bolt_connection_id(a->b), &held, err));
    return held ? DF_LOCKED : DF_OK;
}

/* The replies to what `send` sent. DF_LOCKED: others hold the lock. */
static df_code receive(attempt *a, df_error *err)
{
    bolt_message m;
    int64_t start = neo_now_ms(), next_look = start + WAIT_MS;
    while (bolt_pending(a->b)) {
        if (atomic_load(&a->c->base.cancelled))
            return df_fail(err, DF_CANCELLED, "interrupted while waiting for the lock \"%s\"", a->name);
        df_code code = bolt_receive(a->b, neo_now_ms() + SLICE_MS, &m, NULL);
        if (code == DF_RETRY) {
            if (neo_now_ms() < next_look) continue;
            DF_TRY(look(a, start, err));
            next_look = neo_now_ms() + WAIT_MS;
            continue;
        }
        if (code != DF_OK)
            return df_fail(err, DF_CONNECT,
                           "Database connection failed: the connection for the lock \"%s\" was lost",
                           a->name);
        if (m.kind == BOLT_RECORD) a->constraint = true;
        if (m.kind == BOLT_FAILURE) return bolt_error(m.body, err);
        if (m.kind == BOLT_IGNORED) return df_fail(err, DF_FAILED, "the server ignored a request");
    }
    return DF_OK;
}

/* Without RESET, which may still reach the next transaction of a connection: a busy server is late with it.
 */
static df_code roll_back(bolt *b, df_error *err)
{
    bolt_message m;
    bolt_rollback(b);
    DF_TRY(bolt_receive(b, neo_now_ms() + SLOW_MS, &m, err));
    return m.kind == BOLT_FAILURE ? bolt_error(m.body, err) : DF_OK;
}

static df_code make_constraint(attempt *a, df_error *err)
{
    df_code code = DF_RETRY;
    /* Two that make it at the same time are a deadlock to the server, which ends one of them. */
    for (int tries = 0; code == DF_RETRY && tries < RIVALS; tries++) {
        if (tries) nanosleep(&(struct timespec){0, (20 + 30 * tries + (int)(neo_now_ms() % 50)) * 1000000L}, NULL);
        code = tries ? bolt_reset(a->b, err) : roll_back(a->b, err);
        if (code == DF_OK) {
            code = neo_side_query(a->c, a->b, create_constraint, DF_STR_NONE, neo_now_ms() + CONSTRAINT_MS, NULL,
                                  NULL, err);
        }
    }
    if (code == DF_OK) return DF_OK;
    df_error_prefix(err, "the constraint that makes locks safe cannot be created");
    if (code == DF_PERMISSION)
        df_error_hint(err, "let a user who may create constraints run once: %s", create_constraint);
    return code;
}

/* Whether the failure only says that somebody else was faster. */
static bool is_rivalry(df_code code)
{
    return code == DF_LOCKED || code == DF_RETRY;
}

static df_code take(attempt *a, bool *taken, df_error *err)
{
    send(a);
    df_code code = receive(a, err);
    if (code == DF_OK && !a->constraint) {
        DF_TRY(make_constraint(a, err));
        send(a);
        code = receive(a, err);
        if (code == DF_OK && !a->constraint)
            code = df_fail(err, DF_FAILED, "the constraint that makes locks safe was dropped by somebody");
    }
    *taken = code == DF_OK;
    if (code == DF_OK) return DF_OK;
    if (bolt_reset(a->b, NULL) != DF_OK && is_rivalry(code))
        return df_fail(err, DF_CONNECT,
                       "Database connection failed: the connection for the lock \"%s\" was lost", a->name);
    return is_rivalry(code) ? DF_OK : code;
}

df_code neo_try_lock(df_conn *conn, const char *name, bool *taken, df_error *err)
{
    neo_conn *c = neo_of(conn);
    neo_lock *held = find(c, name);
    attempt a = {.c = c, .b = c->spare, .name = name};
    *taken = held != NULL;
    if (held) {
        held->times++;
        return DF_OK;
    }
    if (c->read_only)
        return df_fail(err, DF_PERMISSION, "Permission denied: a lock needs a connection that may write");
    c->spare = NULL;
    if (a.b && bolt_lost(a.b)) {
        bolt_close(a.b);
        a.b = NULL;
    }
    if (!a.b) DF_TRY(neo_companion(c, &a.b, err));
    df_code code = take(&a, taken, err);
    if (code == DF_OK && *taken) {
        DF_PUSH(c->locks, c->n_locks, c->locks_cap) =
            (neo_lock){.name = df_strdup(df_str_from(name)), .bolt = a.b, .times = 1};
    } else {
        bolt_close(a.b); /* see roll_back */
    }
    return code;
}

df_code neo_unlock(df_conn *conn, const char *name, df_error *err)
{
    neo_conn *c = neo_of(conn);
    neo_lock *held = find(c, name);
    if (!held) return df_fail(err, DF_FAILED, "the lock \"%s\" is not held by this session", name);
    if (--held->times > 0) return DF_OK;
    bolt *b = held->bolt;
    free(held->name);
    *held = c->locks[--c->n_locks];
    df_code code = roll_back(b, err);
    if (code != DF_OK || c->spare) {
        bolt_close(b);
    } else {
        c->spare = b;
    }
    if (code != DF_OK) df_error_prefix(err, "the lock \"%s\" was lost", name);
    return code == DF_OK ? DF_OK : DF_FAILED;
}

void neo_locks_release(neo_conn *c)
{
    for (size_t i = 0; i < c->n_locks; i++) {
        bolt_close(c->locks[i].bolt);
        free(c->locks[i].name);
    }
    bolt_close(c->spare);
    free(c->locks);
}
