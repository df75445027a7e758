/* SPDX-License-Identifier: Apache-2.0 */
/* Statements, scripts, affected rows, streaming, and what a row function may do. */
#include "contract.h"

#include <string.h>
#include <sys/resource.h>

typedef struct stream {
    df_conn *conn;
    int64_t rows, sum, stop_at;
    df_code inside; /* of using the connection in the row function */
} stream;

static df_code count_row(void *context, const df_row *row, df_error *err)
{
    stream *s = context;
    s->rows++;
    s->sum += row->values[0].i;
    if (s->conn && s->rows == 1) {
        df_error ignored;
        s->inside = df_exec(s->conn, "SELECT 1", NULL, 0, NULL, &ignored);
    }
    return s->stop_at && s->rows == s->stop_at ? df_fail(err, DF_REFUSED, "enough") : DF_OK;
}

static void test_affected(df_conn *conn)
{
    df_error err;
    int64_t n = -1;
    run_sql(conn, DF_OK, "CREATE TABLE s (id INTEGER PRIMARY KEY, t %s)", fl->text);
    check(df_exec(conn, "INSERT INTO s (id, t) VALUES (1, 'a'), (2, 'b'), (3, 'c')", NULL, 0, &n, &err) ==
                  DF_OK &&
              n == 3,
          "an INSERT tells its rows");
    check(df_exec(conn, "UPDATE s SET t = 'a' WHERE id < 3", NULL, 0, &n, &err) == DF_OK && n == 2,
          "an UPDATE tells the rows it found, changed or not");
    check(df_exec(conn, "DELETE FROM s WHERE id = 99", NULL, 0, &n, &err) == DF_OK && n == 0,
          "nothing deleted");
    check(df_exec(conn, "SELECT * FROM s", NULL, 0, &n, &err) == DF_OK && n == 0, "a SELECT affects nothing");
    check(df_exec(conn, "CREATE TABLE s2 (id INTEGER)", NULL, 0, &n, &err) == DF_OK && n == 0,
          "DDL affects nothing");
    df_value two[2] = {df_v_int(1), df_v_int(2)};
    check(df_exec(conn, "DELETE FROM s WHERE id = ?", two, 2, &n, &err) == DF_BUG, "too many parameters");
    check(df_exec(conn, "DELETE FROM s WHERE id = ? OR id = ?", two, 1, &n, &err) == DF_BUG,
          "too few parameters");
    check(df_exec(conn, "DELETE FROM s2; DELETE FROM s", NULL, 0, &n, &err) == DF_FAILED,
          "two statements at once are refused");
    check(ask_int(conn, "SELECT COUNT(*) FROM s") == 3, "and the second was not run");
    run_sql(conn, DF_OK, "DROP TABLE s2");
}

static void test_script(df_conn *conn)
{
    df_error err;
    const char *good = "-- a comment; with a semicolon;\nDELETE FROM s;\n\n"
                       "INSERT INTO s (id, t) VALUES (1, 'two;\nlines');\n  /* nothing; */ ;\n"
                       "INSERT INTO s (id, t) VALUES (2, 'it''s;');\n-- end";
    check_code(df_exec_script(conn, good, &err), DF_OK, &err, "a script runs");
    check(ask_int(conn, "SELECT COUNT(*) FROM s") == 2, "all of it");
    check(ask_int(conn, "SELECT COUNT(*) FROM s WHERE t = 'two;\nlines'") == 1,
          "a quoted semicolon does not split");
    const char *bad = "DELETE FROM s;\nINSERT INTO s (id, t)\n  VALEUS (3, 'x');\nDELETE FROM s;\n";
    df_code code = df_exec_script(conn, bad, &err);
    check(code == DF_FAILED && err.statement == 2, "a bad script tells the statement");
    check(err.sql_line == 3, "and the line");
    if (err.sql_line != 3)
        note("line %d, offset %lld: %s", err.sql_line, (long long)err.sql_offset, err.message);
    check(err.sql_offset > 15 && strncmp(bad + err.sql_offset - 1, "VALEUS", 6) == 0, "and the place in it");
}

/* A large table is made by doubling, which every engine can. */
static void fill_large(df_conn *conn, int64_t rows)
{
    run_sql(conn, DF_OK, "CREATE TABLE large (id INTEGER PRIMARY KEY, t %s)", fl->text);
    run_sql(conn, DF_OK, "INSERT INTO large (id, t) VALUES (0, 'x')");
    for (int64_t n = 1; n < rows; n *= 2) {
        run_sql(
            conn, DF_OK,
            "INSERT INTO large (id, t) SELECT id + %lld, 'some text that makes the row long enough to "
            "matter, "
            "four hundred bytes of it are wanted: ........................................................"
            "............................................................................................"
            "............................................................................................' "
            "FROM large WHERE id + %lld < %lld",
            (long long)n, (long long)n, (long long)rows);
    }
}

static int64_t peak_kb(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void test_streaming(df_conn *conn)
{
    enum { ROWS = 200000 };
    df_error err;
    fill_large(conn, ROWS);
    int64_t before = peak_kb();
    stream s = {.conn = NULL};
    df_code code = df_query(conn, "SELECT id, t FROM large", NULL, 0, count_row, &s, &err);
    check_code(code, DF_OK, &err, "200,000 rows stream");
    check(s.rows == ROWS && s.sum == (int64_t)ROWS * (ROWS - 1) / 2, "all rows, each once");
#ifdef __SANITIZE_ADDRESS__
    (void)before;
    skip("AddressSanitizer keeps what was freed, so memory says nothing");
#else
    check(peak_kb() - before < 48 * 1024, "without holding them (%lld kB more)",
          (long long)(peak_kb() - before));
#endif

    for (int in_transaction = 0; in_transaction < 2; in_transaction++) {
        s = (stream){.stop_at = 10};
        if (in_transaction) check(df_begin(conn, &err) == DF_OK, "begin");
        code = df_query(conn, "SELECT id, t FROM large", NULL, 0, count_row, &s, &err);
        check(code == DF_REFUSED && s.rows == 10 && strcmp(err.message, "enough") == 0,
              "a row function stops the query, and its error comes through");
        check(ask_int(conn, "SELECT COUNT(*) FROM large") == ROWS, "the connection works on");
        if (in_transaction) check(df_commit(conn, &err) == DF_OK, "the transaction has not failed by that");
    }
    s = (stream){.conn = conn};
    code = df_query(conn, "SELECT id FROM large WHERE id < 5", NULL, 0, count_row, &s, &err);
    check(code == DF_OK && s.rows == 5 && s.inside == DF_BUG, "a row function cannot use the connection");
    run_sql(conn, DF_OK, "DROP TABLE large");
}

void test_statements(void)
{
    df_conn *conn = connect_or_die();
    check(strcmp(df_conn_engine(conn), fl->engine) == 0, "the engine's name is %s", df_conn_engine(conn));
    check(df_conn_caps(conn) & DF_CAP_SQL, "it understands SQL");
    check(strlen(df_conn_server(conn)) > 5, "the server is %s", df_conn_server(conn));
    test_affected(conn);
    test_script(conn);
    test_streaming(conn);
    run_sql(conn, DF_OK, "DROP TABLE s");
    df_disconnect(conn);
}
