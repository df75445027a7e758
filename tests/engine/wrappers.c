/* SPDX-License-Identifier: Apache-2.0 */
/* The wrappers: a trace tells of each call, a fault comes where it was ordered and leaves all or nothing. */
#include "contract.h"
#include "engine/session.h"
#include "engine/wrap/wrap.h"

#include <string.h>

typedef struct told {
    int lines;
    char text[8192];
} told;

static void hear(void *context, df_log_level level, const char *text)
{
    told *t = context;
    (void)level;
    t->lines++;
    size_t len = strlen(t->text);
    snprintf(t->text + len, sizeof t->text - len, "%s\n", text);
}

static df_code next_of_three(void *context, df_value *values, bool *more, df_error *err)
{
    (void)err;
    int *n = context;
    *more = (*n)++ < 3;
    values[0] = df_v_int(100 + *n);
    return DF_OK;
}

static void test_trace(void)
{
    told t = {0};
    df_error err;
    bool taken, held;
    df_observer observer = {.context = &t, .log = hear};
    df_conn *conn = df_wrap_trace(connect_or_die(), &observer);
    check(strcmp(df_conn_engine(conn), fl->engine) == 0 && df_conn_server(conn)[0] && df_conn_caps(conn),
          "a wrapper answers like what it wraps");
    run_sql(conn, DF_OK, "CREATE TABLE w (id INTEGER PRIMARY KEY)");
    check(df_begin(conn, &err) == DF_OK, "begin");
    df_value secret = df_v_int(424242);
    check(df_exec(conn, "INSERT INTO w (id)\n VALUES (?)", &secret, 1, NULL, &err) == DF_OK, "insert");
    int n = 0;
    static const char *const columns[] = {"id"};
    check(df_bulk_load(conn, "w", columns, 1, &(df_row_source){&n, next_of_three}, NULL, &err) == DF_OK,
          "bulk load");
    check(df_commit(conn, &err) == DF_OK, "commit");
    check(ask_int(conn, "SELECT COUNT(*) FROM w") == 4, "query");
    check(df_lock(conn, "l", 0, &taken, &err) == DF_OK && taken, "lock");
    check(df_lock_held(conn, "l", &held, &err) == DF_OK && held, "held");
    check(df_unlock(conn, "l", &err) == DF_OK, "unlock");
    run_sql(conn, DF_NOT_FOUND, "SELECT * FROM nothing_there");
    check(df_begin(conn, &err) == DF_OK, "begin");
    df_rollback(conn);
    check(t.lines == 12, "every call was told (%d)", t.lines);
    check(strstr(t.text, "INSERT INTO w (id) VALUES (?)") && strstr(t.text, "3 rows: w") &&
              strstr(t.text, "not_found") && !strstr(t.text, "424242"),
          "with statements, rows and failures, and without values");
    run_sql(conn, DF_OK, "DROP TABLE w");
    df_disconnect(conn);
}

/* The work under test: all of it or nothing. */
static df_code work(df_conn *conn, df_error *err)
{
    static const char *const columns[] = {"id"};
    int n = 0;
    bool taken;
    DF_TRY(df_lock(conn, "work", 0, &taken, err));
    DF_TRY(df_begin(conn, err));
    DF_TRY(df_exec(conn, "INSERT INTO w (id) VALUES (1)", NULL, 0, NULL, err));
    DF_TRY(df_bulk_load(conn, "w", columns, 1, &(df_row_source){&n, next_of_three}, NULL, err));
    DF_TRY(df_exec(conn, "UPDATE w SET id = 2 WHERE id = 1", NULL, 0, NULL, err));
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
        run_sql(watcher, DF_OK, "DELETE FROM w");
        df_code code = work(conn, &err);
        if (!plan.fired) {
            check(code == DF_OK && ask_int(watcher, "SELECT COUNT(*) FROM w") == 4, "in the end it works");
            df_disconnect(conn);
            break;
        }
        steps++;
        bool committed = (after && strcmp(plan.call, "commit") == 0) || strcmp(plan.call, "unlock") == 0;
        bool ok = code == (lost ? DF_CONNECT : DF_DISK_FULL) && df_conn_lost(conn) == lost;
        df_rollback(conn);
        df_error later;
        df_code next = df_exec(conn, "SELECT 1", NULL, 0, NULL, &later);
        ok = ok && next == (lost ? DF_CONNECT : DF_OK);
        df_disconnect(conn);
        int64_t rows = ask_int(watcher, "SELECT COUNT(*) FROM w");
        if (!ok || rows != (committed ? 4 : 0)) {
            wrong++;
            note("call %lld (%s): %s, %lld rows", (long long)at, plan.call, df_code_name(code),
                 (long long)rows);
        }
    }
    check(steps == 7 && wrong == 0, "each of %d calls failing %s the effect%s leaves all or nothing", steps,
          after ? "after" : "before", lost ? " by a lost connection" : "");
}

/* ---- what session.h adds ---- */

static df_code ignore_object(void *context, const df_object *object, df_error *err)
{
    (void)object, (void)err;
    ++*(int *)context;
    return DF_OK;
}

static void ignore_notice(void *context, const char *severity, const char *message)
{
    (void)severity, (void)message;
    ++*(int *)context;
}

/* Each call once; those that the engine has not are left out, so that every call here can be made to fail. */
static df_code every_call(df_conn *conn, df_error *err)
{
    df_session session;
    df_outcome outcome;
    bool flag, server = (df_conn_caps(conn) & DF_CAP_SERVER) != 0,
               observes = (df_conn_caps(conn) & DF_CAP_OBSERVE) != 0;
    char id[32], how[200];
    int objects = 0;
    df_buf state = {0};
    df_arena arena = {0};
    df_observation seen;
    df_observer_state *observer = NULL;
    df_command commands[] = {{.sql = "INSERT INTO w (id) VALUES (1)"},
                             {.sql = "INSERT INTO w (id) VALUES (2)"}};
    DF_TRY(df_set_limits(conn, &(df_limits){5000, 60000}, err));
    DF_TRY(df_session_reset(conn, err));
    DF_TRY(df_session_get(conn, &session, err));
    if (server) DF_TRY(df_session_alive(conn, &session, &flag, err));
    if (server)
        DF_TRY(df_session_end(
            conn, &(df_session){.id = session.id + 100000, .started = "x", .user = "dataflow"}, 0, err));
    DF_TRY(df_session_pooled(conn, test_url, &flag, how, err));
    DF_TRY(df_inspect(conn, NULL, ignore_object, &objects, err));
    df_code code = df_object_state(conn, "table", DF_STR_NONE, DF_STR("w"), DF_STR_NONE, &state, err);
    df_buf_release(&state);
    DF_TRY(code);
    DF_TRY(df_exec_many(conn, commands, 2, DF_MANY_BEGIN, err));
    DF_TRY(df_transaction_id(conn, id, err));
    DF_TRY(df_savepoint(conn, "s", err));
    if (observes) {
        DF_TRY(df_observe_begin(conn, &observer, err));
        code = df_observe(conn, observer, &arena, &seen, err);
        df_observe_end(observer);
        df_arena_release(&arena);
        DF_TRY(code);
        DF_TRY(df_copy_in(conn, "COPY w (id) FROM STDIN", DF_STR("7\n"), NULL, err));
    }
    DF_TRY(df_rollback_to(conn, "s", err));
    DF_TRY(df_exec_many(conn, NULL, 0, DF_MANY_COMMIT, err));
    return df_transaction_outcome(conn, id[0] ? id : "1", &outcome, err);
}

static void fail_session_calls(df_conn *watcher, bool after, bool lost)
{
    int steps = 0, wrong = 0;
    for (int64_t at = 1;; at++) {
        df_error err;
        df_fault plan = {.at = at, .after = after, .lost = lost, .code = DF_DISK_FULL};
        df_conn *conn = df_wrap_fault(connect_or_die(), &plan);
        run_sql(watcher, DF_OK, "DELETE FROM w");
        df_code code = every_call(conn, &err);
        if (!plan.fired) {
            check_code(code, DF_OK, &err, "in the end it works");
            check(ask_int(watcher, "SELECT COUNT(*) FROM w") == 2, "and is there");
            df_disconnect(conn);
            break;
        }
        steps++;
        bool ok = code == (lost ? DF_CONNECT : DF_DISK_FULL) && df_conn_lost(conn) == lost;
        df_rollback(conn);
        ok = ok && !df_server_in_transaction(conn);
        df_disconnect(conn);
        int64_t rows = ask_int(watcher, "SELECT COUNT(*) FROM w");
        bool committed = strcmp(plan.call, "transaction_outcome") == 0 ||
                         (after && strcmp(plan.call, "exec_many") == 0 && rows == 2 && steps > 8);
        if (!ok || rows != (committed ? 2 : 0)) {
            wrong++;
            note("call %lld (%s): %s, %lld rows", (long long)at, plan.call, df_code_name(code),
                 (long long)rows);
        }
    }
    check(steps >= 11 && wrong == 0, "each of %d session calls failing %s the effect%s leaves all or nothing",
          steps, after ? "after" : "before", lost ? " by a lost connection" : "");
}

static void test_session_trace(void)
{
    static told t;
    df_error err;
    int notices = 0;
    df_observer observer = {.context = &t, .log = hear};
    df_conn *conn = df_wrap_trace(connect_or_die(), &observer);
    df_on_notice(conn, ignore_notice, &notices);
    run_sql(conn, DF_OK, "CREATE TABLE w (id INTEGER PRIMARY KEY)");
    check_code(every_call(conn, &err), DF_OK, &err, "every call through a trace");
    static const char *const calls[] = {
        " limits ",      " reset ",        " session ",
        " inspect ",     " object state ", " savepoint ",
        " rollback to ", " exec ",         ": begin, 2 statements: INSERT INTO w (id) VALUES (1)"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (!check(strstr(t.text, calls[i]) != NULL, "it tells of \"%s\"", calls[i])) note("%s", t.text);
    }
    run_sql(conn, DF_OK, "DROP TABLE w");
    run_sql(conn, DF_OK, "DROP TABLE IF EXISTS w");
    check(notices == ((df_conn_caps(conn) & DF_CAP_SERVER) ? 1 : 0), "notices come through (%d)", notices);
    df_disconnect(conn);
}

void test_wrappers(void)
{
    test_trace();
    test_session_trace();
    df_conn *watcher = connect_or_die();
    run_sql(watcher, DF_OK, "CREATE TABLE w (id INTEGER PRIMARY KEY)");
    for (int kind = 0; kind < 4; kind++) fail_everywhere(watcher, kind & 1, kind & 2);
    for (int kind = 0; kind < 4; kind++) fail_session_calls(watcher, kind & 1, kind & 2);
    run_sql(watcher, DF_OK, "DROP TABLE w");
    df_disconnect(watcher);
}
