/* SPDX-License-Identifier: Apache-2.0 */
/* Savepoints, the outcome of transactions, several statements at once, COPY with data. */
#include "contract.h"

#include "engine/session.h"

#include <string.h>

static bool is(const char *engine)
{
    return strcmp(fl->engine, engine) == 0;
}

static int64_t rows(df_conn *conn)
{
    return ask_int(conn, "SELECT COUNT(*) FROM m");
}

static void test_savepoints(df_conn *conn)
{
    df_error err;
    check(df_savepoint(conn, "s", &err) == DF_BUG && df_rollback_to(conn, "s", &err) == DF_BUG,
          "only inside a transaction");
    check(df_begin(conn, &err) == DF_OK, "begin");
    run_sql(conn, DF_OK, "INSERT INTO m (id) VALUES (1)");
    check_code(df_savepoint(conn, "odd \"`name", &err), DF_OK, &err, "a savepoint");
    run_sql(conn, DF_OK, "INSERT INTO m (id) VALUES (2)");
    check(df_exec(conn, "INSERT INTO m (id) VALUES (1)", NULL, 0, NULL, &err) == DF_CONFLICT,
          "a statement fails");
    check(df_exec(conn, "SELECT 1", NULL, 0, NULL, &err) == DF_FAILED, "the transaction has failed");
    check_code(df_rollback_to(conn, "odd \"`name", &err), DF_OK, &err, "back to the savepoint");
    check(rows(conn) == 1, "the transaction works again");
    run_sql(conn, DF_OK, "INSERT INTO m (id) VALUES (3)");
    check(df_rollback_to(conn, "odd \"`name", &err) == DF_OK && rows(conn) == 1,
          "it can be gone back to twice");
    check(df_rollback_to(conn, "no such", &err) == DF_FAILED, "not to one that is not there: %s",
          err.message);
    df_rollback(conn);
    check(rows(conn) == 0, "and all of it undone");
}

static void test_outcomes(df_conn *conn, df_conn *other)
{
    df_error err;
    char committed[32], aborted[32];
    df_outcome outcome;
    check(df_transaction_id(conn, committed, &err) == DF_BUG, "no transaction, no id");
    check(df_begin(conn, &err) == DF_OK && df_transaction_id(conn, committed, &err) == DF_OK, "an id");
    check(df_transaction_outcome(conn, committed, &outcome, &err) == DF_BUG, "no outcome from inside");
    run_sql(conn, DF_OK, "INSERT INTO m (id) VALUES (1)");
    bool knows = (df_conn_caps(conn) & DF_CAP_XACT_OUTCOME) != 0;
    check(knows == (committed[0] != '\0'), "which says something where the engine knows outcomes (%s)",
          committed);
    check(df_transaction_outcome(other, committed, &outcome, &err) == DF_OK &&
              outcome == (knows ? DF_OUTCOME_RUNNING : DF_OUTCOME_UNKNOWN),
          "it is running");
    check(df_commit(conn, &err) == DF_OK, "commit");
    check(df_transaction_outcome(other, committed, &outcome, &err) == DF_OK &&
              outcome == (knows ? DF_OUTCOME_COMMITTED : DF_OUTCOME_UNKNOWN),
          "it was committed");
    check(df_begin(conn, &err) == DF_OK && df_transaction_id(conn, aborted, &err) == DF_OK, "another");
    check(df_savepoint(conn, "s", &err) == DF_OK, "with a savepoint");
    run_sql(conn, DF_OK, "DELETE FROM m");
    df_rollback(conn);
    check(df_transaction_outcome(other, aborted, &outcome, &err) == DF_OK &&
              outcome == (knows ? DF_OUTCOME_ABORTED : DF_OUTCOME_UNKNOWN),
          "it was not");
    check_code(df_transaction_outcome(other, "99999999999", &outcome, &err), DF_OK, &err,
               "an id of the future");
    check(outcome == DF_OUTCOME_UNKNOWN, "is not known");
    run_sql(conn, DF_OK, "DELETE FROM m");
}

static df_code take_int(void *context, const df_row *row, df_error *err)
{
    (void)err;
    *(int64_t *)context = row->values[0].i;
    return DF_OK;
}

static df_code refuse(void *context, const df_row *row, df_error *err)
{
    (void)row;
    ++*(int *)context;
    return df_fail(err, DF_LOCKED, "not ours any more");
}

#define STATEMENT(text) ((df_command){.sql = (text)})

static void test_many_statements(df_conn *conn, df_conn *other)
{
    df_error err;
    int64_t count = -1;
    df_value id = df_v_int(7), text = df_v_text("it's \"quoted\"; \\ fine");
    df_value both[2] = {id, text};
    df_command commands[] = {
        {.sql = "INSERT INTO m (id, t) VALUES (?, ?)", .params = both, .n_params = 2},
        STATEMENT("INSERT INTO m (id) VALUES (8), (9)"),
        {.sql = "SELECT COUNT(*) FROM m WHERE id >= ?",
         .params = &id,
         .n_params = 1,
         .fn = take_int,
         .context = &count},
        STATEMENT("UPDATE m SET t = 'x' WHERE id > 7"),
    };
    check(df_exec_many(conn, commands, 4, 0, &err) == DF_BUG, "without a transaction");
    check_code(df_exec_many(conn, commands, 4, DF_MANY_BEGIN, &err), DF_OK, &err,
               "begin and four statements");
    check(df_in_transaction(conn) && df_server_in_transaction(conn), "the transaction is open");
    check(count == 3 && commands[0].affected == 1 && commands[1].affected == 2 && commands[3].affected == 2,
          "rows and numbers of rows come back");
    check(rows(other) == 0, "nobody sees it yet");
    check(df_exec_many(conn, commands, 1, DF_MANY_BEGIN, &err) == DF_BUG, "no second begin");
    df_command last[] = {STATEMENT("DELETE FROM m WHERE id = 9")};
    check_code(df_exec_many(conn, last, 1, DF_MANY_COMMIT, &err), DF_OK, &err, "one more, and commit");
    check(!df_in_transaction(conn) && !df_server_in_transaction(conn) && rows(other) == 2, "it is committed");
    check(ask_int(other, "SELECT COUNT(*) FROM m WHERE t = 'it''s \"quoted\"; \\ fine'") == 1,
          "with the text as it was");
    df_command all[] = {STATEMENT("DELETE FROM m WHERE id = 8"),
                        {.sql = "SELECT COUNT(*) FROM m", .fn = take_int, .context = &count}};
    check(df_exec_many(conn, all, 2, DF_MANY_BEGIN | DF_MANY_COMMIT, &err) == DF_OK && count == 1 &&
              rows(other) == 1,
          "all at once");
    check(df_exec_many(conn, NULL, 0, DF_MANY_BEGIN | DF_MANY_COMMIT, &err) == DF_OK, "nothing at all");
}

static void test_many_failing(df_conn *conn, df_conn *other)
{
    df_error err;
    int called = 0;
    df_value id = df_v_int(7);
    df_command bad[] = {
        STATEMENT("INSERT INTO m (id) VALUES (20)"),
        {.sql = "SELECT *\n  FROM no_such WHERE id = ?", .params = &id, .n_params = 1},
        STATEMENT("INSERT INTO m (id) VALUES (21)"),
    };
    for (unsigned flags = 0; flags < 4; flags++) {
        if (!(flags & DF_MANY_BEGIN)) check(df_begin(conn, &err) == DF_OK, "begin");
        df_code code = df_exec_many(conn, bad, 3, flags, &err);
        check_code(code, DF_NOT_FOUND, &err, "a statement fails");
        check(err.statement == 2, "the second (%d)", err.statement);
        if (is("postgres")) {
            check(err.sql_line == 2 && err.sql_offset == (int64_t)strlen("SELECT *\n  FROM ") + 1,
                  "at its place (%d, %lld)", err.sql_line, (long long)err.sql_offset);
        }
        check(df_in_transaction(conn) == !flags, "the transaction is %s",
              flags ? "gone" : "there, and has failed");
        if (!flags)
            check(df_exec(conn, "SELECT 1", NULL, 0, NULL, &err) == DF_FAILED, "as after any failure");
        df_rollback(conn);
        check(rows(other) == 1, "nothing is left of it");
    }
    df_command stopped[] = {STATEMENT("INSERT INTO m (id) VALUES (30)"),
                            {.sql = "SELECT 1", .fn = refuse, .context = &called}};
    df_code code = df_exec_many(conn, stopped, 2, DF_MANY_BEGIN | DF_MANY_COMMIT, &err);
    check(code == DF_LOCKED && called == 1 && strcmp(err.message, "not ours any more") == 0,
          "a row function stops the commit");
    check(!df_in_transaction(conn) && rows(other) == 1, "and nothing is left");
    code = df_exec_many(conn, stopped + 1, 1, DF_MANY_BEGIN, &err);
    check(code == DF_LOCKED && !df_in_transaction(conn) && !df_server_in_transaction(conn), "or the begin");
    check(df_begin(conn, &err) == DF_OK, "begin");
    code = df_exec_many(conn, stopped, 2, 0, &err);
    check(code == DF_LOCKED && df_in_transaction(conn), "inside, the transaction stays");
    check(df_commit(conn, &err) == DF_OK && rows(other) == 2, "and can be committed");
    df_command wrong[] = {{.sql = "SELECT ?", .params = &id, .n_params = 0},
                          {.sql = "SELECT 1", .params = &id, .n_params = 1}};
    code = df_exec_many(conn, wrong + 1, 1, DF_MANY_BEGIN, &err);
    check(code == DF_BUG, "parameters that are not there");
    df_rollback(conn);
}

/* The same commands again and again, whatever a script does to prepared statements meanwhile, and the table
 * too. */
static void test_again_and_again(df_conn *conn)
{
    static const char *const between[] = {
        "",
        "",
        "",
        "ALTER TABLE m ADD COLUMN more INTEGER",
        "DISCARD TEMP",
        "DEALLOCATE ALL",
        "",
        "ALTER TABLE m DROP COLUMN more",
        "DISCARD ALL",
        "",
        "reset",
        "",
    };
    df_error err;
    for (size_t i = 0; i < sizeof between / sizeof *between; i++) {
        bool only_postgres = strncmp(between[i], "D", 1) == 0;
        if (strcmp(between[i], "reset") == 0) {
            check_code(df_session_reset(conn, &err), DF_OK, &err, "reset");
        } else if (between[i][0] && (!only_postgres || is("postgres"))) {
            run_sql(conn, DF_OK, "%s", between[i]);
        }
        df_value id = df_v_int(5000 + (int64_t)i), text = df_v_text("x"), none = DF_V_NULL;
        df_value first[2] = {id, i % 2 ? text : none}, second[2] = {text, id};
        df_command commands[] = {
            {.sql = "INSERT INTO m (id, t) VALUES (?, ?)", .params = first, .n_params = 2},
            {.sql = "UPDATE m SET t = ? WHERE id = ?", .params = second, .n_params = 2},
            {.sql = "UPDATE m SET t = ? WHERE id = ?", .params = second, .n_params = 2},
        };
        df_code code = df_exec_many(conn, commands, 3, DF_MANY_BEGIN | DF_MANY_COMMIT, &err);
        if (code != DF_OK) check_code(code, DF_OK, &err, between[i]);
        check(commands[2].affected == 1, "again, after \"%s\"", between[i]);
    }
    check(ask_int(conn, "SELECT COUNT(*) FROM m WHERE id >= 5000 AND t = 'x'") ==
              sizeof between / sizeof *between,
          "each was done");
    run_sql(conn, DF_OK, "DELETE FROM m WHERE id >= 5000");
}

/* More than fit on the way at once; a failure far behind. */
static void test_many_many(df_conn *conn, df_conn *other)
{
    enum { N = 1500 };
    df_error err;
    static df_command commands[N];
    static df_value ids[N];
    for (int i = 0; i < N; i++) {
        ids[i] = df_v_int(1000 + i);
        commands[i] = (df_command){.sql = "INSERT INTO m (id) VALUES (?)", .params = &ids[i], .n_params = 1};
    }
    int64_t before = rows(conn);
    check_code(df_exec_many(conn, commands, N, DF_MANY_BEGIN | DF_MANY_COMMIT, &err), DF_OK, &err,
               "1,500 statements");
    check(rows(other) == before + N, "all of them");
    run_sql(conn, DF_OK, "DELETE FROM m WHERE id <> 2222");
    check(df_exec_many(conn, commands, N, DF_MANY_BEGIN | DF_MANY_COMMIT, &err) == DF_CONFLICT &&
              err.statement == 1223,
          "the failing one is told by its number (%d)", err.statement);
    check(rows(other) == 1, "and the others are undone");
    run_sql(conn, DF_OK, "DELETE FROM m");
}

static void test_copy(df_conn *conn)
{
    df_error err;
    int64_t n = -1;
    if (!is("postgres")) {
        check(df_copy_in(conn, "COPY m (id, t) FROM STDIN", DF_STR("1\ta\n"), &n, &err) == DF_UNSUPPORTED,
              "no COPY: %s", err.message);
        return;
    }
    df_str data = DF_STR("1\ta b\n2\t\\N\n3\t\\\\x\n");
    check_code(df_copy_in(conn, "COPY m (id, t) FROM STDIN", data, &n, &err), DF_OK, &err, "COPY with data");
    check(n == 3 && rows(conn) == 3 &&
              ask_int(conn, "SELECT COUNT(*) FROM m WHERE t IS NULL OR t = '\\x'") == 2,
          "as it says");
    check(df_copy_in(conn, "COPY m (id) FROM STDIN WITH (FORMAT csv, HEADER)", DF_STR("id\n4\n5"), NULL,
                     &err) == DF_OK &&
              rows(conn) == 5,
          "in other formats, without a last line end");
    check(df_copy_in(conn, "COPY m FROM STDIN", DF_STR("1\tx\n9\ty\n"), &n, &err) == DF_CONFLICT &&
              strstr(err.message, "line 1"),
          "an error tells the line: %s", err.message);
    check(df_copy_in(conn, "COPY m FROM STDIN", DF_STR("9\tx\n10\n"), &n, &err) == DF_FAILED &&
              strstr(err.message, "line 2"),
          "and what is wrong: %s", err.message);
    check(df_copy_in(conn, "COPY nothing FROM STDIN", data, &n, &err) == DF_NOT_FOUND, "no such table");
    check(df_copy_in(conn, "SELECT 1", data, &n, &err) == DF_FAILED, "%s", err.message);
    check(df_copy_in(conn, "COPY m TO STDOUT", data, &n, &err) == DF_FAILED, "the wrong way round");
    check(rows(conn) == 5, "the connection works on");
    df_buf large = {0};
    for (int i = 0; i < 200000; i++)
        df_buf_printf(&large, "%d\tsome more text to fill buffers with\n", 100 + i);
    check(df_begin(conn, &err) == DF_OK &&
              df_copy_in(conn, "COPY m FROM STDIN", df_buf_str(&large), &n, &err) == DF_OK && n == 200000,
          "a large one, in a transaction");
    df_rollback(conn);
    check(rows(conn) == 5, "which is undone");
    df_buf_release(&large);
}

/* A script's COMMIT in a transaction that has failed is no success. */
static void test_silent_rollback(df_conn *conn)
{
    df_error err;
    if (!is("postgres")) return;
    run_sql(conn, DF_OK, "BEGIN");
    run_sql(conn, DF_NOT_FOUND, "SELECT * FROM nothing");
    check(df_exec(conn, "/* all done */ COMMIT", NULL, 0, NULL, &err) == DF_FAILED,
          "a COMMIT that rolls back fails: %s", err.message);
    check(!df_server_in_transaction(conn), "and has ended it");
    run_sql(conn, DF_OK, "BEGIN");
    run_sql(conn, DF_OK, "ROLLBACK");
    check(true, "a ROLLBACK that rolls back does not");
}

void test_commands(void)
{
    df_conn *conn = connect_or_die(), *other = connect_or_die();
    run_sql(conn, DF_OK, "CREATE TABLE m (id INTEGER PRIMARY KEY, t %s)", fl->text);
    test_savepoints(conn);
    if (is("sqlite")) {
        df_error err; /* one writer at a time: the other only looks on */
        char id[32];
        df_outcome outcome;
        check(df_begin(conn, &err) == DF_OK && df_transaction_id(conn, id, &err) == DF_OK && !id[0],
              "no ids here");
        df_rollback(conn);
        check(df_transaction_outcome(conn, id, &outcome, &err) == DF_OK && outcome == DF_OUTCOME_UNKNOWN,
              "nor outcomes");
    } else {
        test_outcomes(conn, other);
    }
    test_many_statements(conn, other);
    test_many_failing(conn, other);
    test_again_and_again(conn);
    test_many_many(conn, other);
    test_copy(conn);
    test_silent_rollback(conn);
    run_sql(conn, DF_OK, "DROP TABLE m");
    df_disconnect(conn);
    df_disconnect(other);
}
