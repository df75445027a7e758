/* SPDX-License-Identifier: Apache-2.0 */
/* Stopping what runs, from another thread. */
#include "contract.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

static void *cancel_soon(void *context)
{
    nanosleep(&(struct timespec){0, 300000000}, NULL);
    df_cancel(context);
    return NULL;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static df_code endless(void *context, df_value *values, bool *more, df_error *err)
{
    (void)err;
    int64_t *n = context;
    *more = true;
    values[0] = df_v_int(++*n);
    return DF_OK;
}

static void test_one(df_conn *conn, bool in_transaction)
{
    df_error err;
    pthread_t thread;
    if (in_transaction) check(df_begin(conn, &err) == DF_OK, "begin");
    pthread_create(&thread, NULL, cancel_soon, conn);
    double start = now();
    df_code code = df_exec(conn,
                           "SELECT COUNT(*) FROM numbers a, numbers b, numbers c, numbers d WHERE "
                           "a.id + b.id + c.id + d.id = -1",
                           NULL, 0, NULL, &err);
    check_code(code, DF_CANCELLED, &err, "a long query is cancelled");
    check(now() - start < 10, "at once (%.1f s)", now() - start);
    pthread_join(thread, NULL);
    df_rollback(conn);
    check(ask_int(conn, "SELECT COUNT(*) FROM numbers") == 1000, "the connection works on");
}

static void test_bulk_load(df_conn *conn)
{
    static const char *const columns[] = {"id"};
    df_error err;
    pthread_t thread;
    int64_t n = 1000000;
    check(df_begin(conn, &err) == DF_OK, "begin");
    pthread_create(&thread, NULL, cancel_soon, conn);
    double start = now();
    df_code code = df_bulk_load(conn, "numbers", columns, 1, &(df_row_source){&n, endless}, NULL, &err);
    pthread_join(thread, NULL);
    check_code(code, DF_CANCELLED, &err, "an endless bulk load is cancelled");
    check(now() - start < 20, "soon (%.1f s)", now() - start);
    df_rollback(conn);
    check(!df_conn_lost(conn) && ask_int(conn, "SELECT COUNT(*) FROM numbers") == 1000,
          "and nothing stays of it");
}

void test_cancel(void)
{
    df_conn *conn = connect_or_die();
    run_sql(conn, DF_OK, "CREATE TABLE numbers (id BIGINT)");
    for (int i = 0; i < 10; i++) {
        run_sql(conn, DF_OK,
                i == 0 ? "INSERT INTO numbers VALUES (0)" : "INSERT INTO numbers SELECT id + %d FROM numbers",
                1 << (i - 1 < 0 ? 0 : i - 1));
    }
    run_sql(conn, DF_OK, "INSERT INTO numbers SELECT id + 512 FROM numbers WHERE id < 488");
    test_one(conn, false);
    test_one(conn, true);
    test_bulk_load(conn);
    run_sql(conn, DF_OK, "DROP TABLE numbers");
    df_disconnect(conn);
}
