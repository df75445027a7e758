/* SPDX-License-Identifier: Apache-2.0 */
/* The wrappers: a trace tells of each call, a fault comes where it was ordered and leaves all or nothing. */
#include "contract.h"
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

void test_wrappers(void)
{
    test_trace();
    df_conn *watcher = connect_or_die();
    run_sql(watcher, DF_OK, "CREATE TABLE w (id INTEGER PRIMARY KEY)");
    for (int kind = 0; kind < 4; kind++) fail_everywhere(watcher, kind & 1, kind & 2);
    run_sql(watcher, DF_OK, "DROP TABLE w");
    df_disconnect(watcher);
}
