/* SPDX-License-Identifier: Apache-2.0 */
/* The contract in Cypher: the schema and the state of its objects, waiting for indexes, plans. */
#include "contract.h"

#include "engine/session.h"

#include <string.h>

typedef struct listing {
    df_buf text; /* "kind parent name: definition" lines, of what begins with gc_ */
    int others;
} listing;

static df_code add(void *context, const df_object *o, df_error *err)
{
    (void)err;
    listing *l = context;
    if (df_str_starts(o->name, DF_STR("gc_")))
        df_buf_printf(&l->text, "%.*s %.*s %.*s: %.*s\n", DF_FMT(o->kind), DF_FMT(o->parent), DF_FMT(o->name),
                      DF_FMT(o->definition));
    else
        l->others++;
    return DF_OK;
}

/* 4.4 knows neither constraints of relationships nor vectors, and its indexes are BTREE ones. */
static bool is_4(df_conn *conn)
{
    return strncmp(df_conn_server(conn), "Neo4j 4.", 8) == 0;
}

enum { OF_5 = 2 }; /* so many at the end of `schema` are not for 4.4 */

static const char *const schema[] = {
    "CREATE CONSTRAINT gc_key FOR (n:GC_A) REQUIRE (n.b, n.a) IS UNIQUE",
    "CREATE INDEX gc_range FOR (n:GC_A) ON (n.x, n.y)",
    "CREATE TEXT INDEX gc_text FOR (n:`GC odd`) ON (n.`a b`)",
    "CREATE FULLTEXT INDEX gc_full FOR (n:GC_B|GC_A) ON EACH [n.z, n.a] OPTIONS {indexConfig: "
    "{`fulltext.analyzer`: "
    "'english'}}",
    "CREATE INDEX gc_out FOR (n:GC_Out) ON (n.x)",
    "CREATE CONSTRAINT gc_rel FOR ()-[r:GC_R]-() REQUIRE r.id IS UNIQUE",
    "CREATE VECTOR INDEX gc_vector FOR (n:GC_A) ON (n.v) OPTIONS {indexConfig: {`vector.dimensions`: 3, "
    "`vector.similarity_function`: 'cosine'}}",
};

static const char expected[] =
    "constraint GC_A gc_key: FOR (x:`GC_A`) REQUIRE (x.`b`, x.`a`) IS UNIQUE\n"
    "constraint GC_R gc_rel: FOR ()-[x:`GC_R`]-() REQUIRE (x.`id`) IS UNIQUE\n"
    "index GC odd gc_text: TEXT FOR (x:`GC odd`) ON (x.`a b`)\n"
    "index GC_A gc_range: RANGE FOR (x:`GC_A`) ON (x.`x`, x.`y`)\n"
    "index GC_A gc_vector: VECTOR FOR (x:`GC_A`) ON (x.`v`) OPTIONS {`vector.dimensions`: 3, "
    "`vector.similarity_function`: COSINE}\n"
    "index GC_A|GC_B gc_full: FULLTEXT FOR (x:`GC_A`|`GC_B`) ON EACH [x.`a`, x.`z`] OPTIONS "
    "{`fulltext.analyzer`: "
    "english, `fulltext.eventually_consistent`: false}\n";

static const char expected_4[] =
    "constraint GC_A gc_key: FOR (x:`GC_A`) REQUIRE (x.`b`, x.`a`) IS UNIQUE\n"
    "index GC odd gc_text: TEXT FOR (x:`GC odd`) ON (x.`a b`)\n"
    "index GC_A gc_range: BTREE FOR (x:`GC_A`) ON (x.`x`, x.`y`)\n"
    "index GC_A|GC_B gc_full: FULLTEXT FOR (x:`GC_A`|`GC_B`) ON EACH [x.`a`, x.`z`] OPTIONS "
    "{`fulltext.analyzer`: "
    "english, `fulltext.eventually_consistent`: false}\n";

/* The names that the server lists for the constraints and indexes of ours, to compare with. */
static void test_inspection(df_conn *conn)
{
    df_error err;
    bool taken;
    listing l = {.others = 0};
    static const char *const exclude[] = {"GC_O*", NULL};
    check(df_lock(conn, "inspect", 0, &taken, &err) == DF_OK && df_unlock(conn, "inspect", &err) == DF_OK,
          "locks have a constraint of their own");
    df_code code = df_inspect(conn, &(df_inspect_options){.exclude = exclude}, add, &l, &err);
    check_code(code, DF_OK, &err, "the schema is read");
    if (!check(strcmp(df_buf_cstr(&l.text), is_4(conn) ? expected_4 : expected) == 0,
               "as definitions that say all and depend on no version"))
        note("%s", df_buf_cstr(&l.text));
    int64_t theirs =
        ask_int(conn, "SHOW CONSTRAINTS YIELD name WHERE name STARTS WITH 'gc_' RETURN count(*)");
    check(theirs == (is_4(conn) ? 1 : 2), "the server has as many");
    df_buf_release(&l.text);
}

/* Who holds a named lock changes the schema over its connection, as everybody else may. */
static void test_under_lock(df_conn *conn)
{
    df_error err;
    bool taken;
    df_conn *other = connect_or_die();
    check(df_lock(other, "under lock", 0, &taken, &err) == DF_OK && taken, "a lock is taken");
    check_code(df_set_limits(conn, &(df_limits){2000, 0}, &err), DF_OK, &err, "limits");
    run_sql(conn, DF_OK, "CREATE CONSTRAINT gc_locked FOR (n:GC_A) REQUIRE n.locked IS UNIQUE");
    run_sql(conn, DF_OK, "DROP INDEX gc_out");
    run_sql(conn, DF_OK, "DROP CONSTRAINT gc_locked");
    run_sql(conn, DF_OK, "CREATE INDEX gc_out FOR (n:GC_Out) ON (n.x)");
    check_code(df_set_limits(conn, &(df_limits){0, 0}, &err), DF_OK, &err, "limits");
    df_disconnect(other);
}

static void state_is(df_conn *conn, const char *kind, const char *name, const char *part, const char *what)
{
    df_error err;
    df_buf state = {0};
    df_code code = df_object_state(conn, kind, DF_STR_NONE, df_str_from(name), DF_STR_NONE, &state, &err);
    bool ok = code == DF_OK && (*part ? strstr(df_buf_cstr(&state), part) != NULL : state.len == 0);
    if (!check(ok, "%s", what)) note("%s: %s", code == DF_OK ? "ok" : err.message, df_buf_cstr(&state));
    df_buf_release(&state);
}

static void test_states(df_conn *conn)
{
    df_error err;
    df_buf before = {0}, after = {0};
    state_is(conn, "index", "gc_range", " FOR (x:`GC_A`) ON (x.`x`, x.`y`)", "an index has a state");
    state_is(conn, "constraint", "gc_key", "IS UNIQUE", "so has a constraint");
    state_is(conn, "index", "gc_key", "", "whose index is none of its own");
    state_is(conn, "index", "gc_not_there", "", "what is not there has none");
    df_code code = df_object_state(conn, "label", DF_STR_NONE, DF_STR("GC_A"), DF_STR_NONE, &before, &err);
    run_sql(conn, DF_OK, "CREATE INDEX FOR (n:GC_A) ON (n.unnamed)");
    if (code == DF_OK)
        code = df_object_state(conn, "label", DF_STR_NONE, DF_STR("GC_A"), DF_STR_NONE, &after, &err);
    check(code == DF_OK && strcmp(df_buf_cstr(&before), df_buf_cstr(&after)) != 0 &&
              strstr(df_buf_cstr(&after), "unnamed"),
          "an index without a name shows in its label's state");
    check(df_object_state(conn, "table", DF_STR_NONE, DF_STR("x"), DF_STR_NONE, &after, &err) ==
              DF_UNSUPPORTED,
          "%s", err.message);
    df_buf_release(&before);
    df_buf_release(&after);
    df_value name;
    df_arena arena = {0};
    code =
        df_query_value(conn, "SHOW INDEXES YIELD name, properties WHERE properties = ['unnamed'] RETURN name",
                       NULL, 0, &arena, &name, &err);
    if (check_code(code, DF_OK, &err, "the server has given it a name"))
        run_sql(conn, DF_OK, "DROP INDEX `%.*s`", DF_FMT(name.s));
    df_arena_release(&arena);
}

static void test_settling(df_conn *conn)
{
    df_error err;
    run_sql(conn, DF_OK, "UNWIND range(1, 20000) AS x CREATE (:GC_P {p: x, t: toString(x)})");
    run_sql(conn, DF_OK, "CREATE INDEX gc_slow FOR (n:GC_P) ON (n.p, n.t)");
    check_code(df_settle_schema(conn, 60000, &err), DF_OK, &err, "indexes are waited for");
    check(ask_int(conn, "SHOW INDEXES YIELD name, state WHERE state <> 'ONLINE' RETURN count(*)") == 0,
          "all are online");
    run_sql(conn, DF_OK, "DROP INDEX gc_slow");
    check(df_begin(conn, &err) == DF_OK && df_settle_schema(conn, 1, &err) == DF_BUG,
          "not inside a transaction");
    df_rollback(conn);
    run_sql(conn, DF_OK, "MATCH (n:GC_P) CALL {WITH n DELETE n} IN TRANSACTIONS");
    df_command too_long = {.sql = "CREATE (:GC_P {long: ?})"};
    char *text = df_alloc(40000);
    memset(text, 'x', 40000);
    df_value value = df_v_str((df_str){text, 40000});
    too_long.params = &value;
    too_long.n_params = 1;
    check_code(df_exec_many(conn, &too_long, 1, DF_MANY_BEGIN | DF_MANY_COMMIT, &err), DF_OK, &err,
               "a long text");
    run_sql(conn, DF_OK, "CREATE INDEX gc_failing FOR (n:GC_P) ON (n.long)");
    df_code code = df_settle_schema(conn, 60000, &err);
    check(code == DF_FAILED && strstr(err.message, "gc_failing") && err.hint[0],
          "an index that cannot be built is an error: %s", err.message);
    run_sql(conn, DF_OK, "DROP INDEX gc_failing");
    run_sql(conn, DF_OK, "MATCH (n:GC_P) DELETE n");
    free(text);
}

static void explains(df_conn *conn, const char *query, const char *kind)
{
    df_error err;
    df_arena arena = {0};
    df_explanation e;
    df_code code = df_explain(conn, query, NULL, 0, &arena, &e, &err);
    if (check_code(code, DF_OK, &err, query))
        check(strcmp(e.kind, kind) == 0, "is of kind %s (%s, %.0f rows)", kind, e.kind, e.estimated_rows);
    df_arena_release(&arena);
}

static void test_plans(df_conn *conn)
{
    df_error err;
    df_arena arena = {0};
    df_explanation e;
    explains(conn, "MATCH (n:GC_X) RETURN n", "r");
    explains(conn, "EXPLAIN MATCH (n:GC_X) RETURN n", "r");
    explains(conn, "PROFILE CREATE (n:GC_X)", "w");
    explains(conn, "MERGE (n:GC_X {a: 1}) RETURN n", "rw");
    explains(conn, "CREATE INDEX gc_never FOR (n:GC_X) ON (n.a)", "s");
    explains(conn, "MATCH (n:GC_X) CALL {WITH n DELETE n} IN TRANSACTIONS", "w");
    df_value one = df_v_int(1);
    df_code code = df_explain(conn, "MATCH (n:GC_X {a: ?}) RETURN n LIMIT 5", &one, 1, &arena, &e, &err);
    check(code == DF_OK && df_str_starts(e.operators, DF_STR("ProduceResults (")) && e.estimated_rows >= 0 &&
              memmem(e.operators.ptr, e.operators.len, "\n  ", 3),
          "the plan is told: %.*s", 60, e.operators.ptr);
    code = df_explain(conn, "MATCH (n:GC_X {a: ?})\nRETURN nothing", &one, 1, &arena, &e, &err);
    check(code == DF_FAILED && err.sql_line == 2 && err.sql_offset == 30,
          "an error has its place: line %d, byte %lld: %s", err.sql_line, (long long)err.sql_offset,
          err.message);
    check(ask_int(conn, "MATCH (n:GC_X) RETURN count(n)") == 0 &&
              ask_int(conn, "SHOW INDEXES YIELD name WHERE name = 'gc_never' RETURN count(*)") == 0,
          "nothing was done");
    df_arena_release(&arena);
}

void test_graph_schema(void)
{
    df_conn *conn = connect_or_die();
    size_t left_out = is_4(conn) ? OF_5 : 0;
    for (size_t i = 0; i < sizeof schema / sizeof *schema - left_out; i++)
        run_sql(conn, DF_OK, "%s", schema[i]);
    test_inspection(conn);
    test_under_lock(conn);
    test_states(conn);
    test_settling(conn);
    test_plans(conn);
    run_sql(conn, DF_OK, "DROP CONSTRAINT gc_key");
    if (!left_out) run_sql(conn, DF_OK, "DROP CONSTRAINT gc_rel");
    static const char *const indexes[] = {"gc_range", "gc_text", "gc_full", "gc_out", "gc_vector"};
    for (size_t i = 0; i < sizeof indexes / sizeof *indexes - (left_out > 0); i++)
        run_sql(conn, DF_OK, "DROP INDEX %s", indexes[i]);
    df_disconnect(conn);
}
