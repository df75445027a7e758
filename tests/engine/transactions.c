/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: all or nothing, what a failure does to them, and two writers. */
#include "contract.h"

#include <string.h>

static void test_commit_and_rollback(df_conn *a, df_conn *b)
{
    df_error err;
    check(df_begin(a, &err) == DF_OK && df_in_transaction(a), "begin");
    check(df_begin(a, &err) == DF_BUG, "transactions do not nest");
    run_sql(a, DF_OK, "INSERT INTO x (id) VALUES (1)");
    check(ask_int(b, "SELECT COUNT(*) FROM x") == 0, "another connection does not see it yet");
    check(df_commit(a, &err) == DF_OK && !df_in_transaction(a), "commit");
    check(ask_int(b, "SELECT COUNT(*) FROM x") == 1, "now it does");
    check(df_begin(a, &err) == DF_OK, "begin");
    run_sql(a, DF_OK, "INSERT INTO x (id) VALUES (2)");
    df_rollback(a);
    check(!df_in_transaction(a) && ask_int(a, "SELECT COUNT(*) FROM x") == 1, "rollback takes it back");
    df_rollback(a);
    check(df_commit(a, &err) == DF_BUG, "there is nothing to commit");
    check(df_begin(a, &err) == DF_OK, "begin");
    run_sql(a, DF_OK, "INSERT INTO x (id) VALUES (3)");
    df_disconnect(a);
    check(ask_int(b, "SELECT COUNT(*) FROM x") == 1, "disconnecting rolls back");
}

static void test_failure_inside(df_conn *conn)
{
    df_error err;
    check(df_begin(conn, &err) == DF_OK, "begin");
    run_sql(conn, DF_OK, "INSERT INTO x (id) VALUES (10)");
    check(df_exec(conn, "INSERT INTO x (id) VALUES (1)", NULL, 0, NULL, &err) == DF_CONFLICT, "a duplicate");
    check(strcmp(err.engine, fl->engine) == 0 && err.native[0], "the error names engine and code (%s)",
          err.native);
    check(df_exec(conn, "INSERT INTO x (id) VALUES (11)", NULL, 0, NULL, &err) == DF_FAILED,
          "after a failure nothing more is taken");
    check(df_commit(conn, &err) == DF_FAILED && !df_in_transaction(conn), "nor committed");
    check(ask_int(conn, "SELECT COUNT(*) FROM x") == 1, "all of it was rolled back");
    check(df_begin(conn, &err) == DF_OK, "the next one begins");
    run_sql(conn, DF_OK, "INSERT INTO x (id) VALUES (12)");
    check(df_commit(conn, &err) == DF_OK && ask_int(conn, "SELECT COUNT(*) FROM x") == 2, "and works");
}

static void test_ddl(df_conn *conn)
{
    df_error err;
    if (!(df_conn_caps(conn) & DF_CAP_TRANSACTIONAL_DDL)) {
        skip("DDL is not transactional here");
        return;
    }
    check(df_begin(conn, &err) == DF_OK, "begin");
    run_sql(conn, DF_OK, "CREATE TABLE made (id INTEGER)");
    df_rollback(conn);
    run_sql(conn, DF_NOT_FOUND, "SELECT * FROM made");
    check(true, "DDL was rolled back");
}

static df_conn *impatient(void)
{
    char url[1200];
    bool sqlite = strcmp(fl->engine, "sqlite") == 0;
    snprintf(url, sizeof url, "%s%s", test_url, sqlite ? "?busy_timeout=200" : "");
    df_conn *conn = connect_with(url, DF_OK);
    if (strcmp(fl->engine, "postgres") == 0) run_sql(conn, DF_OK, "SET lock_timeout = 200");
    if (strcmp(fl->engine, "mariadb") == 0) run_sql(conn, DF_OK, "SET innodb_lock_wait_timeout = 1");
    return conn;
}

static void test_two_writers(df_conn *a)
{
    df_error err;
    df_conn *b = impatient();
    check(df_begin(a, &err) == DF_OK, "begin");
    run_sql(a, DF_OK, "UPDATE x SET n = 1 WHERE id = 1");
    df_code code = df_begin(b, &err);
    if (df_conn_caps(a) & DF_CAP_CONCURRENT_WRITES) {
        check(code == DF_OK, "the second begins, too");
        run_sql(b, DF_OK, "INSERT INTO x (id) VALUES (20)");
        code = df_exec(b, "UPDATE x SET n = 2 WHERE id = 1", NULL, 0, NULL, &err);
    }
    check_code(code, DF_RETRY, &err, "the same row: the second is told to try again");
    check(err.hint[0] != '\0', "with a hint");
    df_rollback(b);
    check(df_commit(a, &err) == DF_OK, "the first commits");
    check(df_begin(b, &err) == DF_OK, "and the second can now");
    run_sql(b, DF_OK, "UPDATE x SET n = 2 WHERE id = 1");
    check(df_commit(b, &err) == DF_OK, "commit");
    check(ask_int(a, "SELECT n FROM x WHERE id = 1") == 2, "its value is there");
    df_disconnect(b);
}

void test_transactions(void)
{
    df_conn *a = connect_or_die(), *b = connect_or_die();
    run_sql(a, DF_OK, "CREATE TABLE x (id INTEGER PRIMARY KEY, n INTEGER)");
    test_commit_and_rollback(a, b); /* ends a */
    test_failure_inside(b);
    test_ddl(b);
    test_two_writers(b);
    run_sql(b, DF_OK, "DROP TABLE x");
    df_disconnect(b);
}
