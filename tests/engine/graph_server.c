/* SPDX-License-Identifier: Apache-2.0 */
/* The contract in Cypher: limits, interruptions, sessions, notices, reset, wrappers. */
#include "contract.h"

#include "engine/session.h"
#include "engine/wrap/wrap.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

/* Runs for minutes, and looks up in between. */
/* It looks into the graph, since 4.4 notices only there that it is to end. */
static const char endless[] =
    "UNWIND range(1, 1000000) AS a UNWIND range(1, 1000000) AS b OPTIONAL MATCH (n:GC_Nothing) "
    "WITH a + b AS c WHERE c < 0 RETURN count(c)";

static void set(df_conn *conn, int64_t lock_ms, int64_t statement_ms)
{
    df_error err;
    check_code(df_set_limits(conn, &(df_limits){lock_ms, statement_ms}, &err), DF_OK, &err, "limits");
}

static void test_lock_limit(df_conn *a, df_conn *b)
{
    df_error err;
    run_sql(a, DF_OK, "MERGE (n:GC_L {id: 1}) SET n.n = 0");
    set(b, 300, 0);
    check(df_begin(a, &err) == DF_OK, "begin");
    run_sql(a, DF_OK, "MATCH (n:GC_L) SET n.n = 1");
    df_code code = df_begin(b, &err);
    if (code == DF_OK) code = df_exec(b, "MATCH (n:GC_L) SET n.n = 2", NULL, 0, NULL, &err);
    check_code(code, DF_RETRY, &err, "the limit for waiting is met in a transaction");
    check(strstr(err.native, "LockAcquisitionTimeout") && strstr(err.hint, "300 ms") &&
              strstr(err.hint, "transaction-"),
          "with the server's code and a hint that names limit and holder: %s", err.hint);
    df_rollback(b);
    code = df_exec(b, "MATCH (n:GC_L) SET n.n = 3", NULL, 0, NULL, &err);
    check_code(code, DF_RETRY, &err, "and outside of one");
    df_rollback(a);
    run_sql(b, DF_OK, "MATCH (n:GC_L) SET n.n = 4");
    check(ask_int(a, "MATCH (n:GC_L) RETURN n.n") == 4, "then it is free again");
    code =
        df_exec(b, "UNWIND range(1, 3000000) AS a WITH a WHERE a < 0 RETURN count(a)", NULL, 0, NULL, &err);
    check_code(code, DF_OK, &err, "a statement that works and does not wait may take longer");
    set(b, 0, 0);
}

static void test_statement_limit(df_conn *conn)
{
    df_error err;
    set(conn, 0, 2000);
    df_code code = df_exec(conn, endless, NULL, 0, NULL, &err);
    check_code(code, DF_FAILED, &err, "the limit for a statement is met, by the server");
    check(strstr(err.native, "TransactionTimedOut") && strstr(err.hint, "2000 ms"), "%s: %s", err.native,
          err.hint);
    check(!df_conn_lost(conn) && ask_int(conn, "RETURN 1") == 1, "the connection works on");
    check(df_begin(conn, &err) == DF_OK, "begin");
    for (int i = 0; i < 3; i++) {
        run_sql(conn, DF_OK, "CREATE (:GC_L {i: %d})", i);
        nanosleep(&(struct timespec){0, 800000000}, NULL);
    }
    check(ask_int(conn, "RETURN 1") == 1, "a transaction may take longer than a statement of it");
    code = df_exec(conn, endless, NULL, 0, NULL, &err);
    check_code(code, DF_FAILED, &err, "which is limited all the same");
    check(strstr(err.native, "TransactionTimedOut") && strstr(err.hint, "2000 ms"), "%s: %s", err.native,
          err.hint);
    df_rollback(conn);
    check(ask_int(conn, "MATCH (n:GC_L) WHERE n.i IS NOT NULL RETURN count(n)") == 0, "nothing stays");
    check(df_session_reset(conn, &err) == DF_OK, "a reset");
    code = df_exec(conn, endless, NULL, 0, NULL, &err);
    check_code(code, DF_FAILED, &err, "keeps the limits");
    set(conn, 0, 0);
}

void test_graph_limits(void)
{
    df_conn *a = connect_or_die(), *b = connect_or_die();
    test_lock_limit(a, b);
    test_statement_limit(a);
    run_sql(a, DF_OK, "MATCH (n:GC_L) DETACH DELETE n");
    df_disconnect(a);
    df_disconnect(b);
}

/* ---- interruptions ---- */

static void *cancel_soon(void *context)
{
    nanosleep(&(struct timespec){0, 500000000}, NULL);
    df_cancel(context);
    return NULL;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_one(df_conn *conn, bool in_transaction)
{
    df_error err;
    pthread_t thread;
    if (in_transaction) check(df_begin(conn, &err) == DF_OK, "begin");
    pthread_create(&thread, NULL, cancel_soon, conn);
    double start = now();
    df_code code = df_exec(conn, endless, NULL, 0, NULL, &err);
    check_code(code, DF_CANCELLED, &err, "a long query is cancelled");
    check(now() - start < 10, "at once (%.1f s)", now() - start);
    pthread_join(thread, NULL);
    df_rollback(conn);
    check(ask_int(conn, "RETURN 5") == 5, "the connection works on");
}

static df_code next_forever(void *context, df_value *values, bool *more, df_error *err)
{
    (void)err;
    *more = true;
    values[0] = df_v_int(++*(int64_t *)context);
    return DF_OK;
}

static void test_bulk_load(df_conn *conn)
{
    static const char *const columns[] = {"id"};
    df_error err;
    pthread_t thread;
    int64_t n = 0;
    check(df_begin(conn, &err) == DF_OK, "begin");
    pthread_create(&thread, NULL, cancel_soon, conn);
    df_code code = df_bulk_load(conn, "GC_C", columns, 1, &(df_row_source){&n, next_forever}, NULL, &err);
    pthread_join(thread, NULL);
    check_code(code, DF_CANCELLED, &err, "an endless bulk load is cancelled");
    df_rollback(conn);
    check(!df_conn_lost(conn) && ask_int(conn, "MATCH (n:GC_C) RETURN count(n)") == 0,
          "and nothing stays of it");
}

/* With the COMMIT sent behind: an interruption tells for certain what became of it. */
static void test_many(df_conn *conn)
{
    df_error err;
    pthread_t thread;
    df_command commands[] = {{.sql = "CREATE (:GC_C)"}, {.sql = endless}, {.sql = "CREATE (:GC_C)"}};
    pthread_create(&thread, NULL, cancel_soon, conn);
    df_code code = df_exec_many(conn, commands, 3, DF_MANY_BEGIN | DF_MANY_COMMIT, &err);
    pthread_join(thread, NULL);
    check_code(code, DF_CANCELLED, &err, "several statements are cancelled, with their commit");
    check(!df_conn_lost(conn) && !df_in_transaction(conn) && err.statement == 2, "in the second");
    check(ask_int(conn, "MATCH (n:GC_C) RETURN count(n)") == 0, "and leave nothing");
    set(conn, 0, 2000);
    code = df_exec_many(conn, commands, 3, DF_MANY_BEGIN | DF_MANY_COMMIT, &err);
    check_code(code, DF_FAILED, &err, "they have their limit, too");
    check(strstr(err.native, "TransactionTimedOut") && strstr(err.hint, "2000 ms") && err.statement == 2,
          "%s: %s", err.native, err.hint);
    set(conn, 0, 0);
    check(ask_int(conn, "MATCH (n:GC_C) RETURN count(n)") == 0, "and leave nothing");
}

void test_graph_cancel(void)
{
    df_conn *conn = connect_or_die();
    test_one(conn, false);
    test_one(conn, true);
    test_bulk_load(conn);
    test_many(conn);
    df_cancel(conn);
    check(ask_int(conn, "RETURN 6") == 6, "when nothing runs, nothing is cancelled");
    df_disconnect(conn);
}

/* ---- sessions ---- */

static void test_alive_and_end(void)
{
    df_error err;
    df_session a, b, odd;
    bool alive, taken = false, held = true;
    df_conn *first = connect_or_die(), *second = connect_or_die();
    check_code(df_session_get(first, &a, &err), DF_OK, &err, "who am I?");
    check_code(df_session_get(second, &b, &err), DF_OK, &err, "and the other?");
    note("%lld, began %s, in %s, as %s from \"%s\"", (long long)a.id, a.started, a.database, a.user,
         a.address);
    check(a.id != b.id && a.database[0] && strcmp(a.database, b.database) == 0 &&
              strcmp(a.user, "neo4j") == 0 && strcmp(a.address, "127.0.0.1") == 0,
          "two in one database");
    check(
        ask_int(
            first,
            "CALL dbms.listConnections() YIELD connectionId WHERE connectionId = 'bolt-%lld' RETURN count(*)",
            (long long)a.id) == 1,
        "by the server's number");
    check(df_session_alive(second, &a, &alive, &err) == DF_OK && alive, "the first lives");
    odd = a;
    odd.started[strlen(odd.started) - 3] ^= 1;
    check(df_session_alive(second, &odd, &alive, &err) == DF_OK && !alive,
          "another beginning is another session");
    check(df_session_end(second, &odd, 1000, &err) == DF_OK && ask_int(first, "RETURN 1") == 1,
          "which is not there to be ended");
    check(df_session_end(first, &a, 1000, &err) == DF_BUG, "a session does not end itself");
    check(df_lock(first, "of a session", 0, &taken, &err) == DF_OK && taken && df_begin(first, &err) == DF_OK,
          "a lock and a transaction");
    run_sql(first, DF_OK, "CREATE (:GC_E)");
    check_code(df_session_end(second, &a, 10000, &err), DF_OK, &err, "the other ends it");
    check(df_session_alive(second, &a, &alive, &err) == DF_OK && !alive, "it is gone");
    check(df_exec(first, "RETURN 1", NULL, 0, NULL, &err) == DF_CONNECT && df_conn_lost(first),
          "and notices: %s", err.message);
    check(ask_int(second, "MATCH (n:GC_E) RETURN count(n)") == 0, "what it did is undone");
    check(df_lock_held(second, "of a session", &held, &err) == DF_OK && !held, "its lock is gone");
    check(df_lock(second, "of a session", 3000, &taken, &err) == DF_OK && taken, "and can be had");
    check(df_session_end(second, &a, 1000, &err) == DF_OK, "ending it again is fine");
    df_disconnect(first);
    df_disconnect(second);
}

typedef struct heard {
    int count;
    char severity[32], message[400];
} heard;

static void hear(void *context, const char *severity, const char *message)
{
    heard *h = context;
    h->count++;
    snprintf(h->severity, sizeof h->severity, "%s", severity);
    snprintf(h->message, sizeof h->message, "%s", message);
}

static void test_notices(void)
{
    heard h = {0};
    df_conn *conn = connect_or_die();
    df_on_notice(conn, hear, &h);
    run_sql(conn, DF_OK, "EXPLAIN MATCH (n:GC_NowhereToBeSeen) RETURN n");
    check(h.count == 1 && strcmp(h.severity, "WARNING") == 0 && strstr(h.message, "GC_NowhereToBeSeen"),
          "what the server remarks is heard: %s: %s", h.severity, h.message);
    run_sql(conn, DF_OK, "RETURN 1");
    check(h.count == 1, "that all went well is no remark");
    df_on_notice(conn, NULL, NULL);
    run_sql(conn, DF_OK, "EXPLAIN MATCH (n:GC_NowhereToBeSeen) RETURN n");
    check(h.count == 1, "nobody listens any more");
    df_disconnect(conn);
}

static df_code ignore_row(void *context, const df_row *row, df_error *err)
{
    (void)context, (void)row, (void)err;
    return DF_OK;
}

/* The work under test: all of it or nothing. */
static df_code work(df_conn *conn, df_error *err)
{
    bool taken;
    df_session session;
    df_explanation explanation;
    df_arena arena = {0};
    df_command commands[] = {{.sql = "CREATE (:GC_W {id: 2})"},
                             {.sql = "MATCH (n:GC_W) RETURN n", .fn = ignore_row}};
    DF_TRY(df_lock(conn, "work", 0, &taken, err));
    DF_TRY(df_session_get(conn, &session, err));
    df_code code = df_explain(conn, "MATCH (n:GC_W) RETURN n", NULL, 0, &arena, &explanation, err);
    df_arena_release(&arena);
    DF_TRY(code);
    DF_TRY(df_settle_schema(conn, 1000, err));
    DF_TRY(df_begin(conn, err));
    DF_TRY(df_exec(conn, "CREATE (:GC_W {id: 1})", NULL, 0, NULL, err));
    DF_TRY(df_exec_many(conn, commands, 2, 0, err));
    DF_TRY(df_commit(conn, err));
    return df_unlock(conn, "work", err);
}

static void fail_everywhere(df_conn *watcher, bool after, bool lost)
{
    int steps = 0, wrong = 0;
    for (int64_t at = 1;; at++) {
        df_error err;
        df_fault plan = {.at = at, .after = after, .lost = lost, .code = DF_DISK_FULL};
        df_conn *conn = df_wrap_fault(connect_or_die(), &plan);
        run_sql(watcher, DF_OK, "MATCH (n:GC_W) DELETE n");
        df_code code = work(conn, &err);
        if (!plan.fired) {
            check(code == DF_OK && ask_int(watcher, "MATCH (n:GC_W) RETURN count(n)") == 2,
                  "in the end it works");
            df_disconnect(conn);
            break;
        }
        steps++;
        bool committed = (after && strcmp(plan.call, "commit") == 0) || strcmp(plan.call, "unlock") == 0;
        bool ok = code == (lost ? DF_CONNECT : DF_DISK_FULL) && df_conn_lost(conn) == lost;
        df_rollback(conn);
        df_code next = df_exec(conn, "RETURN 1", NULL, 0, NULL, &err);
        ok = ok && next == (lost ? DF_CONNECT : DF_OK);
        df_disconnect(conn);
        int64_t rows = ask_int(watcher, "MATCH (n:GC_W) RETURN count(n)");
        if (ok && rows == (committed ? 2 : 0)) continue;
        wrong++;
        note("call %lld (%s): %s, %lld rows", (long long)at, plan.call, df_code_name(code), (long long)rows);
    }
    check(steps == 9 && wrong == 0, "each of %d calls failing %s the effect%s leaves all or nothing", steps,
          after ? "after" : "before", lost ? " by a lost connection" : "");
}

void test_graph_sessions(void)
{
    df_error err;
    char how[200];
    bool pooled = true;
    df_outcome outcome;
    df_conn *conn = connect_or_die();
    check(df_session_pooled(conn, test_url, &pooled, how, &err) == DF_OK && !pooled, "there is no pooler");
    check(df_transaction_outcome(conn, "1", &outcome, &err) == DF_OK && outcome == DF_OUTCOME_UNKNOWN,
          "what became of a transaction cannot be asked");
    test_alive_and_end();
    test_notices();
    for (int kind = 0; kind < 4; kind++) fail_everywhere(conn, kind & 1, kind & 2);
    run_sql(conn, DF_OK, "MATCH (n:GC_W) DELETE n");
    df_disconnect(conn);
}
