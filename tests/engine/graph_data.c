/* SPDX-License-Identifier: Apache-2.0 */
/* The contract in Cypher: values, statements, transactions, several at once, bulk loading. All labels begin
 * with GC_. */
#include "contract.h"

#include "engine/session.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

typedef struct got {
    df_arena arena;
    df_value values[12];
    char names[12][32];
    size_t count;
    int rows, stop_at;
} got;

static df_code take_row(void *context, const df_row *row, df_error *err)
{
    got *g = context;
    g->rows++;
    g->count = row->count < 12 ? row->count : 12;
    for (size_t i = 0; i < g->count; i++) {
        g->values[i] = row->values[i];
        snprintf(g->names[i], sizeof g->names[i], "%s", row->names[i]);
        if (row->values[i].type == DF_TEXT || row->values[i].type == DF_BLOB)
            g->values[i].s = df_arena_str(&g->arena, row->values[i].s);
    }
    return g->rows == g->stop_at ? df_fail(err, DF_REFUSED, "enough") : DF_OK;
}

static bool same(const df_value *a, const df_value *b)
{
    if (a->type != b->type) return false;
    if (a->type == DF_NULL) return true;
    if (a->type == DF_DOUBLE) return a->d == b->d || (isnan(a->d) && isnan(b->d));
    return a->type == DF_INT64 || a->type == DF_BOOL ? a->i == b->i : df_str_eq(a->s, b->s);
}

/* Stored as a property, and read back. */
static void round_trip(df_conn *conn, df_value value, const char *what)
{
    df_error err;
    got g = {.rows = 0};
    df_code code =
        df_query(conn, "CREATE (n:GC_V) SET n.v = ? RETURN n.v AS v", &value, 1, take_row, &g, &err);
    bool ok =
        check(code == DF_OK && g.rows == 1 && strcmp(g.names[0], "v") == 0 && same(&g.values[0], &value),
              "%s", what);
    if (!ok) note("%s, type %d", code == DF_OK ? "ok" : err.message, g.values[0].type);
    df_arena_release(&g.arena);
}

static void test_round_trips(df_conn *conn)
{
    static const int64_t integers[] = {0,
                                       1,
                                       -1,
                                       127,
                                       -16,
                                       -17,
                                       -128,
                                       -129,
                                       32767,
                                       32768,
                                       -32769,
                                       2147483647,
                                       -2147483648LL,
                                       2147483648LL,
                                       INT64_MAX,
                                       INT64_MIN,
                                       9007199254740993LL};
    char what[64];
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        snprintf(what, sizeof what, "the integer %lld", (long long)integers[i]);
        round_trip(conn, df_v_int(integers[i]), what);
    }
    round_trip(conn, df_v_double(1.0 / 3), "a float");
    round_trip(conn, df_v_double(NAN), "not a number");
    round_trip(conn, df_v_double(-INFINITY), "minus infinity");
    round_trip(conn, df_v_bool(true), "true");
    round_trip(conn, df_v_bool(false), "false");
    round_trip(conn, DF_V_NULL, "null");
    round_trip(conn, df_v_text(""), "the empty text");
    round_trip(conn, df_v_text("it's a \"text\", with \\ and ? and $p1 and `"), "quotes");
    round_trip(conn, df_v_text("Grüße 🎉 \xe2\x80\xa8"), "text beyond ASCII");
    round_trip(conn, df_v_str((df_str){"a\0b", 3}), "text with NUL");
    round_trip(conn, (df_value){.type = DF_BLOB, .s = {"\0\xff\x80", 3}}, "bytes");
    round_trip(conn, (df_value){.type = DF_BLOB, .s = {"", 0}}, "no bytes");
    char *large = df_alloc(3000000);
    memset(large, 'x', 3000000);
    round_trip(conn, df_v_str((df_str){large, 3000000}), "three million bytes of text");
    free(large);
    df_error err;
    df_value broken = df_v_str((df_str){"\xff\xfe", 2});
    check(df_exec(conn, "RETURN ?", &broken, 1, NULL, &err) == DF_FAILED, "text that is not UTF-8: %s",
          err.message);
}

static void reads(df_conn *conn, const char *expression, const char *expected)
{
    char query[300];
    df_error err;
    df_value value = DF_V_NULL;
    df_arena arena = {0};
    snprintf(query, sizeof query, "RETURN %s", expression);
    df_code code = df_query_value(conn, query, NULL, 0, &arena, &value, &err);
    bool ok = check(code == DF_OK && value.type == DF_TEXT && df_str_is(value.s, expected), "%s", expression);
    df_str text = value.type == DF_TEXT ? value.s : DF_STR("");
    if (!ok) note("%s: %.*s", code == DF_OK ? "ok" : err.message, DF_FMT(text));
    df_arena_release(&arena);
}

/* Against toString(), the server's own idea of how a value is read. */
static void reads_like_server(df_conn *conn, const char *expression)
{
    char query[300];
    df_error err;
    df_value value = DF_V_NULL;
    df_arena arena = {0};
    snprintf(query, sizeof query, "RETURN toString(%s)", expression);
    df_code code = df_query_value(conn, query, NULL, 0, &arena, &value, &err);
    if (check_code(code, DF_OK, &err, query) && value.type == DF_TEXT)
        reads(conn, expression, df_arena_cstr(&arena, value.s));
    df_arena_release(&arena);
}

static void test_readable(df_conn *conn)
{
    static const char *const temporal[] = {"date('2024-02-29')",
                                           "time('12:50:35.556+01:00')",
                                           "localtime('12:50:35.556')",
                                           "datetime('2015-06-24T12:50:35.556+01:00')",
                                           "localdatetime('2015-07-04T19:32:24')",
                                           "duration('P1Y2M10DT2H30M')"};
    for (size_t i = 0; i < sizeof temporal / sizeof *temporal; i++) reads_like_server(conn, temporal[i]);
    reads(conn, "[1, 'two', null, 3.5, true]", "[1, 'two', null, 3.5, true]");
    reads(conn, "{a: [1, {b: 2}]}", "{a: [1, {b: 2}]}");
    run_sql(conn, DF_OK, "CREATE (:GC_N {k: 1})-[:GC_R {w: 2}]->(:GC_M)");
    got g = {.rows = 0};
    df_error err;
    df_code code = df_query(conn, "MATCH (n:GC_N)-[r]->(m) RETURN n, r, m", NULL, 0, take_row, &g, &err);
    check(code == DF_OK && g.count == 3 && df_str_is(g.values[0].s, "(:GC_N {k: 1})") &&
              df_str_is(g.values[1].s, "[:GC_R {w: 2}]") && df_str_is(g.values[2].s, "(:GC_M)"),
          "nodes and relationships are readable: %.*s %.*s", DF_FMT(g.values[0].s), DF_FMT(g.values[1].s));
    df_arena_release(&g.arena);
}

void test_graph_values(void)
{
    df_conn *conn = connect_or_die();
    test_round_trips(conn);
    test_readable(conn);
    run_sql(conn, DF_OK, "MATCH (n) WHERE n:GC_V OR n:GC_N OR n:GC_M DETACH DELETE n");
    df_disconnect(conn);
}

/* ---- statements ---- */

static void test_parameters(df_conn *conn)
{
    df_error err;
    got g = {.rows = 0};
    df_value params[3] = {df_v_int(7), df_v_text("x"), df_v_int(9)};
    df_code code =
        df_query(conn,
                 "WITH ? AS a, '?' AS quoted, ? AS b // what?\nRETURN a, quoted, b, /* ? */ ? AS c, `?`"
                 " FROM",
                 params, 3, take_row, &g, &err);
    check(code == DF_FAILED && strstr(err.native, "SyntaxError"), "a syntax error: %s", err.message);
    check(err.sql_line == 2 && err.sql_offset > 0, "is at its line and place (%d, %lld)", err.sql_line,
          (long long)err.sql_offset);
    code = df_query(conn,
                    "WITH ? AS a, '?' AS quoted, ? AS `b?` // what?\nRETURN a, quoted, `b?`, /* ? */ ? AS c",
                    params, 3, take_row, &g, &err);
    check_code(code, DF_OK, &err, "question marks in quotes and comments are none of ours");
    check(g.rows == 1 && g.count == 4 && g.values[0].i == 7 && df_str_is(g.values[1].s, "?") &&
              df_str_is(g.values[2].s, "x") && g.values[3].i == 9,
          "and the others are in their order");
    check(df_exec(conn, "RETURN ?", params, 2, NULL, &err) == DF_BUG, "a wrong number of parameters: %s",
          err.message);
    df_arena_release(&g.arena);
}

/* Where the server sees an error is told as of the text that the caller wrote. */
static void test_offset(df_conn *conn)
{
    df_error err;
    static const char query[] = "MATCH (n) WHERE n.x = ? AND n.s = 'ü🎉' AND n.y = ?\nRETURN nothing";
    df_value params[2] = {df_v_int(1), df_v_int(2)};
    df_code code = df_exec(conn, query, params, 2, NULL, &err);
    const char *at = strstr(query, "nothing");
    check(code == DF_FAILED && err.sql_line == 2 && err.sql_offset == at - query + 1,
          "an unknown variable is at line %d, byte %lld: %s", err.sql_line, (long long)err.sql_offset,
          err.message);
    code = df_exec_script(conn, "CREATE (:GC_S);\n\nMATCH (n:GC_S)\nRETURM n;", &err);
    check(code == DF_FAILED && err.statement == 2 && err.sql_line == 4,
          "in a script: statement %d, line %d: %s", err.statement, err.sql_line, err.message);
}

static void affects(df_conn *conn, const char *query, int64_t expected)
{
    df_error err;
    int64_t affected = -1;
    df_code code = df_exec(conn, query, NULL, 0, &affected, &err);
    check(code == DF_OK && affected == expected, "%s changes %lld", query, (long long)affected);
}

static void test_affected(df_conn *conn)
{
    affects(conn, "CREATE (:GC_S {a: 1, b: 2})", 4); /* a node, a label, two properties */
    affects(conn, "MATCH (n:GC_S {a: 1}) SET n.a = 3", 1);
    affects(conn, "MATCH (n:GC_S {a: 3}) CREATE (n)-[:GC_R]->(n)", 1);
    affects(conn, "MATCH (n:GC_S {a: 3}) DETACH DELETE n", 2);
    affects(conn, "MATCH (n:GC_S {a: 'not there'}) SET n.b = 1", 0);
    affects(conn, "CREATE INDEX gc_index FOR (n:GC_S) ON (n.a)", 1);
    affects(conn, "CREATE INDEX gc_index IF NOT EXISTS FOR (n:GC_S) ON (n.a)", 0);
    affects(conn, "DROP INDEX gc_index", 1);
    affects(conn, "RETURN 1", 0);
    affects(conn, "", 0);
    affects(conn, " // nothing\n;", 0);
    affects(conn, "RETURN 1;", 0);
    run_sql(conn, DF_FAILED, "RETURN '\xff'");
}

static void test_streaming(df_conn *conn)
{
    df_error err;
    got g = {.rows = 0, .stop_at = 1500};
    df_code code = df_query(conn, "UNWIND range(1, 300000) AS x RETURN x", NULL, 0, take_row, &g, &err);
    check(code == DF_REFUSED && g.rows == 1500, "a row function stops (%s after %d)", df_code_name(code),
          g.rows);
    check(ask_int(conn, "RETURN 7") == 7, "and the connection works on");
    check(df_begin(conn, &err) == DF_OK, "begin");
    run_sql(conn, DF_OK, "CREATE (:GC_S {kept: true})");
    g = (got){.stop_at = 5};
    code = df_query(conn, "UNWIND range(1, 300000) AS x RETURN x", NULL, 0, take_row, &g, &err);
    check(code == DF_REFUSED && df_commit(conn, &err) == DF_OK,
          "inside a transaction, which is not the worse for it");
    check(ask_int(conn, "MATCH (n:GC_S {kept: true}) RETURN count(n)") == 1, "what it did stays");
    g = (got){.rows = 0};
    code = df_query(conn, "UNWIND range(1, 100000) AS x RETURN x, toString(x) AS s", NULL, 0, take_row, &g,
                    &err);
    check(code == DF_OK && g.rows == 100000 && df_str_is(g.values[1].s, "100000"),
          "100,000 rows in portions");
    df_arena_release(&g.arena);
}

void test_graph_statements(void)
{
    df_conn *conn = connect_or_die();
    check(strncmp(df_conn_server(conn), "Neo4j ", 6) == 0, "the server is told: %s", df_conn_server(conn));
    test_parameters(conn);
    test_offset(conn);
    test_affected(conn);
    test_streaming(conn);
    run_sql(conn, DF_OK, "MATCH (n:GC_S) DETACH DELETE n");
    df_disconnect(conn);
}

/* ---- transactions ---- */

static void test_failed(df_conn *conn)
{
    df_error err;
    check(df_begin(conn, &err) == DF_OK && df_server_in_transaction(conn), "begin");
    run_sql(conn, DF_OK, "CREATE (:GC_T)");
    run_sql(conn, DF_FAILED, "RETURN 1/0");
    check(df_exec(conn, "RETURN 1", NULL, 0, NULL, &err) == DF_FAILED && df_in_transaction(conn),
          "behind a failure only a rollback is left: %s", err.message);
    df_rollback(conn);
    check(!df_server_in_transaction(conn) && ask_int(conn, "MATCH (n:GC_T) RETURN count(n)") == 0,
          "it leaves nothing");
    check(df_begin(conn, &err) == DF_OK, "begin");
    run_sql(conn, DF_OK, "CREATE (:GC_T)");
    run_sql(conn, DF_FAILED, "MATCH (n RETURN n");
    check(df_commit(conn, &err) == DF_FAILED && !df_in_transaction(conn), "a failed one cannot be committed");
    check(ask_int(conn, "MATCH (n:GC_T) RETURN count(n)") == 0, "nor does it leave anything");
}

static void test_visible(df_conn *a, df_conn *b)
{
    df_error err;
    check(df_begin(a, &err) == DF_OK, "begin");
    run_sql(a, DF_OK, "CREATE (:GC_T {id: 1})");
    check(ask_int(a, "MATCH (n:GC_T) RETURN count(n)") == 1, "who writes sees it");
    check(ask_int(b, "MATCH (n:GC_T) RETURN count(n)") == 0, "others do not");
    check(df_commit(a, &err) == DF_OK && !df_server_in_transaction(a), "commit");
    check(ask_int(b, "MATCH (n:GC_T) RETURN count(n)") == 1, "now they do");
    check(df_begin(a, &err) == DF_OK, "begin");
    run_sql(a, DF_OK, "MATCH (n:GC_T) DELETE n");
    df_rollback(a);
    check(ask_int(b, "MATCH (n:GC_T) RETURN count(n)") == 1, "what is rolled back was never");
    check(df_savepoint(a, "s", &err) == DF_BUG, "no savepoint outside of a transaction");
    check(df_begin(a, &err) == DF_OK && df_savepoint(a, "s", &err) == DF_UNSUPPORTED, "nor within: %s",
          err.message);
    df_rollback(a);
}

/* Schema and data do not mix: the server's rule, by the server's code. */
static void test_schema_and_data(df_conn *conn)
{
    df_error err;
    check(df_begin(conn, &err) == DF_OK, "begin");
    run_sql(conn, DF_OK, "CREATE INDEX gc_mixed FOR (n:GC_T) ON (n.id)");
    df_code code = df_exec(conn, "CREATE (:GC_T)", NULL, 0, NULL, &err);
    check(code == DF_FAILED && strstr(err.native, "ForbiddenDueToTransactionType"),
          "a write behind a schema change: %s", err.message);
    df_rollback(conn);
    check(ask_int(conn, "SHOW INDEXES YIELD name WHERE name = 'gc_mixed' RETURN count(*)") == 0,
          "the index is undone");
    int64_t affected = 0;
    run_sql(conn, DF_OK, "UNWIND range(1, 50) AS x CREATE (:GC_T {id: x})");
    /* In the form that 4.4 knows, too. */
    code = df_exec(conn, "MATCH (n:GC_T) CALL {WITH n DETACH DELETE n} IN TRANSACTIONS OF 20 ROWS", NULL, 0,
                   &affected, &err);
    check_code(code, DF_OK, &err, "batches run outside of a transaction");
    check(ask_int(conn, "MATCH (n:GC_T) RETURN count(n)") == 0, "and have done their work");
    check(df_begin(conn, &err) == DF_OK, "begin");
    run_sql(conn, DF_FAILED, "UNWIND [1, 2] AS x CALL {WITH x CREATE (:GC_T {id: x})} IN TRANSACTIONS");
    df_rollback(conn);
}

static void test_conflicts(df_conn *a, df_conn *b)
{
    df_error err;
    run_sql(a, DF_OK, "CREATE CONSTRAINT gc_unique FOR (n:GC_T) REQUIRE n.id IS UNIQUE");
    run_sql(a, DF_OK, "CREATE (:GC_T {id: 1})");
    df_code code = df_exec(b, "CREATE (:GC_T {id: 1})", NULL, 0, NULL, &err);
    check(code == DF_CONFLICT && strstr(err.native, "ConstraintValidationFailed"), "a value twice: %s",
          err.message);
    run_sql(a, DF_CONFLICT, "CREATE CONSTRAINT gc_unique FOR (n:GC_T) REQUIRE n.id IS UNIQUE");
    run_sql(a, DF_FAILED, "DROP CONSTRAINT gc_not_there");
    run_sql(a, DF_OK, "DROP CONSTRAINT gc_unique");
}

typedef struct writer {
    df_conn *conn;
    df_code code;
    df_error err;
} writer;

static void *want_second(void *context)
{
    writer *w = context;
    w->code = df_exec(w->conn, "MATCH (n:GC_T {d: 2}) SET n.by = 'a'", NULL, 0, NULL, &w->err);
    return NULL;
}

/* Each holds what the other wants: the server gives one of them up, which may try again. */
static void test_deadlock(df_conn *a, df_conn *b)
{
    df_error err;
    pthread_t thread;
    writer w = {.conn = a};
    run_sql(a, DF_OK, "CREATE (:GC_T {d: 1}), (:GC_T {d: 2})");
    check(df_begin(a, &err) == DF_OK && df_begin(b, &err) == DF_OK, "two transactions");
    run_sql(a, DF_OK, "MATCH (n:GC_T {d: 1}) SET n.by = 'a'");
    run_sql(b, DF_OK, "MATCH (n:GC_T {d: 2}) SET n.by = 'b'");
    pthread_create(&thread, NULL, want_second, &w);
    df_code code = df_exec(b, "MATCH (n:GC_T {d: 1}) SET n.by = 'b'", NULL, 0, NULL, &err);
    if (code != DF_OK) df_rollback(b);
    if (code == DF_OK) check(df_commit(b, &err) == DF_OK, "the one that got both commits");
    pthread_join(thread, NULL);
    if (w.code != DF_OK) df_rollback(a);
    if (w.code == DF_OK) check(df_commit(a, &err) == DF_OK, "the one that got both commits");
    check((code == DF_RETRY) != (w.code == DF_RETRY) && (code == DF_OK) != (w.code == DF_OK),
          "one of two that wait for each "
          "other is given up (%s, %s)",
          df_code_name(code), df_code_name(w.code));
    check(ask_int(a, "MATCH (n:GC_T) WHERE n.d > 0 RETURN count(DISTINCT n.by)") == 1,
          "and the other has its way");
}

void test_graph_transactions(void)
{
    df_conn *a = connect_or_die(), *b = connect_or_die();
    test_failed(a);
    test_visible(a, b);
    test_schema_and_data(a);
    test_conflicts(a, b);
    test_deadlock(a, b);
    run_sql(a, DF_OK, "MATCH (n:GC_T) DETACH DELETE n");
    df_disconnect(a);
    df_disconnect(b);
}

/* ---- several at once ---- */

static void test_many_good(df_conn *conn)
{
    df_error err;
    got g = {.rows = 0};
    df_value one = df_v_int(1), two = df_v_int(2);
    df_command commands[] = {
        {.sql = "CREATE (:GC_M {id: ?})", .params = &one, .n_params = 1},
        {.sql = "CREATE (:GC_M {id: ?})", .params = &two, .n_params = 1},
        {.sql = "MATCH (n:GC_M) RETURN n.id AS id ORDER BY id", .fn = take_row, .context = &g}};
    df_code code = df_exec_many(conn, commands, 3, DF_MANY_BEGIN | DF_MANY_COMMIT, &err);
    check_code(code, DF_OK, &err, "three in one transaction");
    check(g.rows == 2 && g.values[0].i == 2 && commands[0].affected == 3 && !df_in_transaction(conn),
          "with rows");
    check(ask_int(conn, "MATCH (n:GC_M) RETURN count(n)") == 2, "committed");
    check(df_exec_many(conn, commands, 1, DF_MANY_BEGIN, &err) == DF_OK && df_in_transaction(conn),
          "one that begins");
    check(df_exec_many(conn, commands, 1, 0, &err) == DF_OK && df_in_transaction(conn), "goes on");
    check(df_exec_many(conn, NULL, 0, DF_MANY_COMMIT, &err) == DF_OK && !df_in_transaction(conn),
          "and commits");
    check(ask_int(conn, "MATCH (n:GC_M) RETURN count(n)") == 4, "all of it");
    df_arena_release(&g.arena);
}

static void test_many_bad(df_conn *conn)
{
    df_error err;
    got g = {.stop_at = 1};
    df_value one = df_v_int(1);
    df_command commands[] = {
        {.sql = "CREATE (:GC_M {id: 10})"},
        {.sql = "MATCH (n:GC_M)\nWHERE n.id = ?\nRETURN nothing", .params = &one, .n_params = 1},
        {.sql = "CREATE (:GC_M {id: 11})"}};
    df_code code = df_exec_many(conn, commands, 3, DF_MANY_BEGIN | DF_MANY_COMMIT, &err);
    check(code == DF_FAILED && err.statement == 2 && err.sql_line == 3 && !df_in_transaction(conn),
          "the second fails (statement %d, line %d): %s", err.statement, err.sql_line, err.message);
    check(ask_int(conn, "MATCH (n:GC_M) WHERE n.id >= 10 RETURN count(n)") == 0, "and leaves nothing");
    commands[1] = (df_command){.sql = "MATCH (n:GC_M) RETURN n", .fn = take_row, .context = &g};
    code = df_exec_many(conn, commands, 3, DF_MANY_BEGIN | DF_MANY_COMMIT, &err);
    check(code == DF_REFUSED && !df_in_transaction(conn), "a row function keeps the commit from happening");
    check(ask_int(conn, "MATCH (n:GC_M) WHERE n.id >= 10 RETURN count(n)") == 0, "nothing again");
    commands[1] = (df_command){.sql = "RETURN ?", .params = &one, .n_params = 2};
    code = df_exec_many(conn, commands, 3, DF_MANY_BEGIN | DF_MANY_COMMIT, &err);
    check(code == DF_BUG && err.statement == 2, "a statement with too few question marks is named");
    df_rollback(conn);
    check(df_begin(conn, &err) == DF_OK, "begin");
    commands[1] = (df_command){.sql = "RETURN 1/0"};
    check(df_exec_many(conn, commands, 3, 0, &err) == DF_FAILED && df_in_transaction(conn) &&
              err.statement == 2,
          "without BEGIN the transaction has failed, and stays open");
    df_rollback(conn);
    check(ask_int(conn, "MATCH (n:GC_M) WHERE n.id >= 10 RETURN count(n)") == 0, "nothing");
    df_arena_release(&g.arena);
}

static void test_many_long(df_conn *conn)
{
    enum { MANY = 3000 };
    df_error err;
    df_command *commands = df_zalloc(MANY * sizeof *commands);
    df_value *ids = df_zalloc(MANY * sizeof *ids);
    for (int i = 0; i < MANY; i++) {
        ids[i] = df_v_int(i);
        commands[i] = (df_command){.sql = "CREATE (:GC_M {long: ?})", .params = &ids[i], .n_params = 1};
    }
    df_code code = df_exec_many(conn, commands, MANY, DF_MANY_BEGIN | DF_MANY_COMMIT, &err);
    check_code(code, DF_OK, &err, "3,000 at once");
    check(ask_int(conn, "MATCH (n:GC_M) RETURN count(DISTINCT n.long)") == MANY, "are all there");
    free(commands);
    free(ids);
}

void test_graph_commands(void)
{
    df_conn *conn = connect_or_die();
    test_many_good(conn);
    test_many_bad(conn);
    test_many_long(conn);
    run_sql(conn, DF_OK, "MATCH (n:GC_M) DETACH DELETE n");
    df_disconnect(conn);
}

/* ---- bulk loading ---- */

typedef struct source {
    int64_t next, end, fail_at;
    char text[32];
} source;

static df_code next_row(void *context, df_value *values, bool *more, df_error *err)
{
    source *s = context;
    *more = s->next < s->end;
    if (s->next == s->fail_at && s->fail_at) return df_fail(err, DF_IO, "the source gave up");
    snprintf(s->text, sizeof s->text, "text %lld", (long long)s->next);
    values[0] = df_v_int(s->next++);
    values[1] = df_v_text(s->text);
    values[2] = s->next % 3 ? df_v_double(0.5) : DF_V_NULL;
    return DF_OK;
}

void test_graph_bulk(void)
{
    static const char *const columns[] = {"id", "odd `name`", "x"};
    df_error err;
    int64_t loaded = 0;
    df_conn *conn = connect_or_die();
    source s = {.end = 12345};
    check(df_bulk_load(conn, "GC `B`", columns, 3, &(df_row_source){&s, next_row}, NULL, &err) == DF_BUG,
          "a bulk load needs a transaction");
    check(df_begin(conn, &err) == DF_OK, "begin");
    df_code code = df_bulk_load(conn, "GC `B`", columns, 3, &(df_row_source){&s, next_row}, &loaded, &err);
    check_code(code, DF_OK, &err, "rows become nodes of a label");
    check(loaded == 12345 && df_commit(conn, &err) == DF_OK, "all of them (%lld)", (long long)loaded);
    check(ask_int(conn, "MATCH (n:`GC ``B```) WHERE n.`odd ``name```= 'text ' + n.id RETURN count(n)") ==
              12345,
          "with their properties");
    check(ask_int(conn, "MATCH (n:`GC ``B```) WHERE n.x IS NULL RETURN count(n)") == 12345 / 3,
          "null is no property");
    s = (source){.next = 50000, .end = 90000, .fail_at = 66000};
    check(df_begin(conn, &err) == DF_OK, "begin");
    code = df_bulk_load(conn, "GC `B`", columns, 3, &(df_row_source){&s, next_row}, NULL, &err);
    check(code == DF_IO && df_exec(conn, "RETURN 1", NULL, 0, NULL, &err) == DF_FAILED,
          "a source that fails fails the load");
    df_rollback(conn);
    check(ask_int(conn, "MATCH (n:`GC ``B```) RETURN count(n)") == 12345, "which leaves nothing");
    run_sql(conn, DF_OK, "MATCH (n:`GC ``B```) DETACH DELETE n");
    df_disconnect(conn);
}
