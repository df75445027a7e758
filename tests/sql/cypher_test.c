/* SPDX-License-Identifier: Apache-2.0 */
/* Cypher: tokens, statements, what they are, normal forms. What Neo4j itself says is asked in cypher_server.py. */
#include "sql/modern.h"
#include "sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <tap.h>

static const df_sql_dialect *const cypher = &df_sql_cypher;

/* ---- tokens ---- */

static void tokens(const char *text, const char *wanted, const char *what)
{
    static const char kinds[] = {[DF_SQL_SPACE] = 's',  [DF_SQL_COMMENT] = 'c', [DF_SQL_WORD] = 'w', [DF_SQL_NAME] = 'n',
                                 [DF_SQL_STRING] = 't', [DF_SQL_NUMBER] = '1',  [DF_SQL_SYMBOL] = 'y'};
    df_sql_lexer lexer = {.dialect = cypher, .text = df_str_from(text)};
    df_buf got = {0};
    for (df_sql_token t; (t = df_sql_next_token(&lexer)).kind != DF_SQL_END;) {
        if (t.kind != DF_SQL_SPACE) df_buf_printf(&got, "%s%c:%.*s", got.len ? " " : "", kinds[t.kind], DF_FMT(t.text));
    }
    if (!check(strcmp(df_buf_cstr(&got), wanted) == 0, "%s", what)) note("got %s", df_buf_cstr(&got));
    df_buf_release(&got);
}

static void test_tokens(void)
{
    tokens("a--b", "w:a y:- y:- w:b", "two minuses are a relationship");
    tokens("1 // x\n2", "1:1 c:// x 1:2", "a comment to the end of the line");
    tokens("1 // x\r2", "1:1 c:// x 1:2", "… which a carriage return is, too");
    tokens("/* a /* b */ c", "c:/* a /* b */ w:c", "comments are not nested");
    tokens("'a\\'b' \"c\\\"d\"", "t:'a\\'b' t:\"c\\\"d\"", "texts with escapes");
    tokens("`a``b\\` c", "n:`a``b\\` w:c", "a name, in which a backslash is one");
    tokens("0x1F 0o17 1e5 1.5E-3 .5 1_000", "1:0x1F 1:0o17 1:1e5 1:1.5E-3 1:.5 1:1_000", "numbers");
    tokens("[0..1]", "y:[ 1:0 y:. y:. 1:1 y:]", "a range");
    tokens("*1..3", "y:* 1:1 y:. y:. 1:3", "of a path");
    tokens("$p $`a b` a$", "y:$ w:p y:$ n:`a b` w:a$", "parameters");
    tokens("x'a' e'b'", "w:x t:'a' w:e t:'b'", "no letter makes a text another");
    tokens("a\xc2\xa0" "b\xe2\x80\x83" "c\xc3\xa9", "w:a w:b w:c\xc3\xa9", "white space beyond ASCII");
}

/* ---- for engines ---- */

static void test_engines(void)
{
    df_buf out = {0};
    df_sql_put_literal(cypher, &out, DF_STR("it's \\ \"x\""));
    check(strcmp(df_buf_cstr(&out), "'it\\'s \\\\ \"x\"'") == 0, "a literal");
    df_buf_clear(&out);
    df_sql_put_name(cypher, &out, DF_STR("a`b"));
    check(strcmp(df_buf_cstr(&out), "`a``b`") == 0, "a name");
    df_buf_release(&out);
    df_str text = DF_STR("a '?' \"?\" `?` // ?\n /* ? */ ? b ?");
    size_t first = df_sql_next_param(cypher, text, 0);
    check(first == 28 && df_sql_next_param(cypher, text, first + 1) == 32 && df_sql_next_param(cypher, text, 33) == text.len,
          "parameters are not in quotes or comments");
    check(df_sql_is_blank(cypher, DF_STR(" // x\n ; /* y */ \xc2\xa0")) && !df_sql_is_blank(cypher, DF_STR("// x\n--")),
          "blank");
    check(df_sql_skip(cypher, DF_STR("// x\ny"), 0) == 4 && df_sql_skip(cypher, DF_STR("'\\''z"), 0) == 4 &&
              df_sql_skip(cypher, DF_STR("--"), 0) == 0,
          "what is passed over");
    check(df_sql_dialect_of("neo4j") == cypher, "the dialect of the engine");
}

/* ---- statements ---- */

static void split(const char *script, const char *wanted, const char *what)
{
    df_sql_splitter splitter = {.dialect = cypher, .script = df_str_from(script)};
    df_sql_statement statement;
    bool more;
    df_code code;
    df_error err = {0};
    df_buf got = {0};
    while ((code = df_sql_split(&splitter, &statement, &more, &err)) == DF_OK && more)
        df_buf_printf(&got, "%s%d:%.*s", got.len ? "|" : "", statement.line, DF_FMT(statement.text));
    if (code != DF_OK) df_buf_printf(&got, "!%s:%lld", df_code_name(code), (long long)err.line);
    if (!check(strcmp(df_buf_cstr(&got), wanted) == 0, "%s", what)) note("got %s (%s)", df_buf_cstr(&got), err.message);
    df_buf_release(&got);
}

static void test_statements(void)
{
    split("a;b;", "1:a|1:b", "statements");
    split("a 'x;y' \"x;y\" `x;y` // x;y\n /* x;y */ b;c", "1:a 'x;y' \"x;y\" `x;y` // x;y\n /* x;y */ b|2:c", "quotes and comments");
    split("RETURN 'http://x'; b", "1:RETURN 'http://x'|1:b", "an address in a text");
    split("a {b: ';'; c}", "1:a {b: ';'|1:c}", "a semicolon in braces ends a statement, as in cypher-shell");
    split("a '\\'; b'; c", "1:a '\\'; b'|1:c", "an escaped quote");
    split("a `\\`; b", "1:a `\\`|1:b", "a backslash in a name escapes nothing");
    split("\xef\xbb\xbf// x\r\n\xc2\xa0 a;\r\n;b", "2:a|3:b", "a byte order mark, and wide blanks");
    split("a 'x", "!corrupt:1", "a quote that is open");
    split("a;\n b /* x", "1:a!corrupt:2", "a comment that is open");
    split("a // x", "1:a", "a line comment at the end");
}

static void test_commands(void)
{
    split(":use db\nMATCH (n) RETURN n", "1::use db|2:MATCH (n) RETURN n", ":use");
    split(":use db; a", "1::use db|1:a", ":use with a semicolon");
    split(":USE db // x\na", "1::USE db|2:a", "in capitals, with a comment");
    split(":param x => 'a;b' + 1\na", "1::param x => 'a;b' + 1|2:a", ":param");
    split(":params {a: 1,\n b: '}'}\nc", "1::params {a: 1,\n b: '}'}|3:c", ":params of several lines");
    split(":param { a: ';'; }\n; b", "1::param { a: ';'; }|2:b", "a semicolon in its map");
    split(":param x => 'a\nb", "!corrupt:1", "a quote of it that is open");
    split(":params\na", "2:a", ":params that shows them");
    split(":params {a: 1\nb", "!corrupt:1", "whose map is open");
    split(":begin\na;\n:commit", "1::begin|2:a|3::commit", "transactions");
    split(":begin;:rollback;", "1::begin|1::rollback", "on one line");
    split(":auto MATCH (n) RETURN n;\n:auto\nb", "1:MATCH (n) RETURN n|3:b", ":auto");
    split(":help\n:history;\n:clear\n:sysinfo\na", "5:a", "those that change nothing");
    split(":source x.cypher", "!unsupported:1", ":source");
    split("a;\n:connect bolt://x", "1:a!unsupported:2", ":connect");
    split(":exit\na", "!unsupported:1", ":exit");
    split(":frobnicate", "!unsupported:1", "an unknown one");
    split("MATCH (n\n:use) RETURN n", "1:MATCH (n\n:use) RETURN n", "inside of a statement it is a label");
    df_sql_splitter s = {.dialect = cypher, .script = DF_STR(":impersonate bob")};
    df_sql_statement statement;
    df_error err = {0};
    bool more;
    check(df_sql_split(&s, &statement, &more, &err) == DF_UNSUPPORTED && strstr(err.message, ":impersonate") &&
              strstr(err.hint, "?impersonate=USER"),
          "says what to write instead");
}

/* ---- what they are ---- */

typedef struct example {
    const char *text, *tag;
    int cls;
    uint32_t flags;
    const char *object, *table; /* "kind name", and in parentheses the column */
    const char *value;
} example;

enum {
    QU = DF_SQL_QUERY,
    DM = DF_SQL_DML,
    DD = DF_SQL_DDL,
    SE = DF_SQL_SESSION,
    RO = DF_SQL_ROUTINE,
    MA = DF_SQL_MAINTENANCE,
    TR = DF_SQL_TRANSACTION,
    NT = DF_SQL_NO_TRANSACTION,
    DE = DF_SQL_DESTROYS,
    WH = DF_SQL_WHOLE_TABLE,
    IE = DF_SQL_IF_EXISTS,
    IB = DF_SQL_INDEX_BUILD,
    DY = DF_SQL_DYNAMIC,
    BA = DF_SQL_BATCHES | DF_SQL_NO_TRANSACTION,
    AD = DF_SQL_ADMINISTRATION | DF_SQL_NO_TRANSACTION,
};

static const example examples[] = {
    /* schema */
    {"CREATE CONSTRAINT c IF NOT EXISTS FOR (n:Person) REQUIRE (n.a, n.b) IS UNIQUE", "CREATE CONSTRAINT", DD, NT | IE | IB,
     "constraint c", "label Person(a)", 0},
    {"create constraint for ()-[r:`A B`]-() require r.x is not null", "CREATE CONSTRAINT", DD, NT | IB, "constraint",
     "relationship type A B(x)", 0},
    {"CREATE CONSTRAINT ON (n:Book) ASSERT exists(n.isbn)", "CREATE CONSTRAINT", DD, NT | IB, "constraint", "label Book(isbn)", 0},
    {"CREATE INDEX ON :Person(name, age)", "CREATE INDEX", DD, NT | IB, "index", "label Person(name)", 0},
    {"CREATE INDEX `a``b` FOR (n:A) ON n.x", "CREATE INDEX", DD, NT | IB, "index a`b", "label A(x)", 0},
    {"CREATE INDEX $name FOR (n:A) ON (n.x)", "CREATE INDEX", DD, NT | IB, "index", "label A(x)", 0},
    {"CREATE FULLTEXT INDEX f FOR (n:A|B) ON EACH [n.x, n.y]", "CREATE FULLTEXT INDEX", DD, NT | IB, "index f", "label A(x)", 0},
    {"CREATE LOOKUP INDEX l FOR (n) ON EACH labels(n)", "CREATE LOOKUP INDEX", DD, NT | IB, "index l", 0, 0},
    {"CREATE BTREE INDEX b FOR (n:A) ON (n.x)", "CREATE BTREE INDEX", DD, NT | IB, "index b", "label A(x)", 0},
    {"DROP INDEX i IF EXISTS", "DROP INDEX", DD, NT | IE, "index i", 0, 0},
    {"DROP INDEX ON :A(x)", "DROP INDEX", DD, NT, "index", "label A(x)", 0},
    {"DROP CONSTRAINT c", "DROP CONSTRAINT", DD, NT, "constraint c", 0, 0},
    {"CYPHER 25 ALTER CURRENT GRAPH TYPE ADD { (:A => {x :: STRING}) }", "ALTER CURRENT GRAPH TYPE", DD, NT | IB, "graph type", 0, 0},
    {"USE db CYPHER 25", "", 0, 0, 0, 0, 0},
    {"CYPHER 25 planner=cost CREATE INDEX i FOR (n:A) ON (n.x)", "CREATE INDEX", DD, NT | IB, "index i", "label A(x)", 0},
    /* data */
    {"CREATE (:Person {name: 'x'})", "CREATE", DM, 0, "label Person", "label Person", 0},
    {"CREATE index = (:A)", "CREATE", DM, 0, "label A", "label A", 0},
    {"MATCH (a:A), (b:B) CREATE (a)-[:R]->(b)", "MATCH … CREATE", DM, 0, "relationship type R", "relationship type R", 0},
    {"MERGE (n:P {id: 1}) ON CREATE SET n.x = 1", "MERGE", DM, 0, "label P", "label P", 0},
    {"MATCH (n:P) WHERE n.x = 1 SET n.y = 2", "MATCH … SET", DM, 0, "label P", "label P", 0},
    {"MATCH (n) SET n.y = 2", "MATCH … SET", DM, WH, 0, 0, 0},
    {"MATCH (n:Old) SET n:New REMOVE n:Old", "MATCH … SET", DM, DE, "label New", "label New", 0},
    {"MATCH (n:A)-[r:R]->() DELETE r", "MATCH … DELETE", DM, DE, "relationship type R", "relationship type R", 0},
    {"MATCH (n) DETACH DELETE n", "MATCH … DETACH DELETE", DM, DE | WH, 0, 0, 0},
    {"MATCH (n) OPTIONAL MATCH (n)-[r]-() DELETE n, r", "MATCH … DELETE", DM, DE | WH, 0, 0, 0},
    {"MATCH (n) OPTIONAL MATCH (n)-[r:R]-(m {x: 1}) WHERE m.y DELETE n, r", "MATCH … DELETE", DM, DE | WH,
     "relationship type R", "relationship type R", 0},
    {"OPTIONAL MATCH (n:A) DELETE n", "MATCH … DELETE", DM, DE, "label A", "label A", 0},
    {"MATCH (n {x: 1}) DELETE n", "MATCH … DELETE", DM, DE, 0, 0, 0},
    {"MATCH (n) WITH n LIMIT 1 DELETE n", "MATCH … DELETE", DM, DE, 0, 0, 0},
    {"MATCH (n:A) REMOVE n.x", "MATCH … REMOVE", DM, DE, "label A", "label A", 0},
    {"MATCH (n:A) SET n.x = null", "MATCH … SET", DM, DE, "label A", "label A", 0},
    {"FOREACH (x IN [1] | CREATE (:A))", "FOREACH … CREATE", DM, 0, "label A", "label A", 0},
    {"MATCH (set:Delete) RETURN set.create AS merge", "MATCH", QU, 0, 0, 0, 0},
    {"RETURN 'SET n.x = 1' // DELETE n", "RETURN", QU, 0, 0, 0, 0},
    {"EXPLAIN MATCH (n) DELETE n", "EXPLAIN", QU, 0, 0, 0, 0},
    {"PROFILE MATCH (n:A) DELETE n", "MATCH … DELETE", DM, DE, "label A", "label A", 0},
    {"FROBNICATE", "", 0, 0, 0, 0, 0},
    /* batches, and whether they may be run again */
    {"MATCH (n:A) CALL (n) { SET n.x = 1 } IN TRANSACTIONS", "MATCH … SET", DM, BA | IE, "label A", "label A", 0},
    {"MATCH (n:A) CALL (n) { SET n.x = n.x + 1 } IN TRANSACTIONS", "MATCH … SET", DM, BA, "label A", "label A", 0},
    {"MATCH (n:A) WITH n, n.x + 1 AS y CALL (n, y) { SET n.x = y } IN TRANSACTIONS", "MATCH … SET", DM, BA, "label A",
     "label A", 0},
    {"MATCH (n:A) WHERE n.x > 0 CALL (n) { SET n.y = n.z, n:B } IN TRANSACTIONS", "MATCH … SET", DM, BA | IE, "label A",
     "label A", 0},
    {"MATCH (n:A) CALL (n) { SET n += {x: n.y, y: 1} } IN TRANSACTIONS", "MATCH … SET", DM, BA, "label A", "label A", 0},
    {"MATCH (n:A) OPTIONAL MATCH (n)-[r:R]->() CALL (n, r) { SET n.y = r IS NULL DELETE r } IN TRANSACTIONS", "MATCH … SET", DM,
     BA | DE, "label A", "label A", 0},
    {"MATCH (a:A)-[r:OLD]->(b) CALL (a, r, b) { MERGE (a)-[n:NEW]->(b) SET n = properties(r) DELETE r } IN TRANSACTIONS",
     "MATCH … MERGE", DM, BA | IE | DE, "relationship type NEW", "relationship type NEW", 0},
    {"MATCH (n:A) CALL (n) { SET n.y = EXISTS { (n)-->() } DETACH DELETE n } IN TRANSACTIONS", "MATCH … SET", DM, BA | DE,
     "label A", "label A", 0},
    {"MATCH (n:A) CALL (n) { SET n = {x: 1} } IN TRANSACTIONS", "MATCH … SET", DM, BA | IE, "label A", "label A", 0},
    {"MATCH (n:A) CALL (n) { SET n.id = randomUUID() } IN TRANSACTIONS", "MATCH … SET", DM, BA, "label A", "label A", 0},
    {"MATCH (n:A) CALL (n) { SET n[n.k] = 1 } IN TRANSACTIONS", "MATCH … SET", DM, BA, "label A", "label A", 0},
    {"MATCH (n:A) CALL (n) { DETACH DELETE n } IN 4 CONCURRENT TRANSACTIONS OF 10 ROWS", "MATCH … DETACH DELETE", DM,
     BA | IE | DE, "label A", "label A", 0},
    {"MATCH (n:A) CALL (n) { CREATE (n)-[:R]->(:B) } IN TRANSACTIONS", "MATCH … CREATE", DM, BA, "relationship type R",
     "relationship type R", 0},
    {"UNWIND $rows AS row CALL (row) { MERGE (n:A {id: row.id}) SET n.x = row.x } IN TRANSACTIONS", "UNWIND … MERGE", DM,
     BA | IE, "label A", "label A", 0},
    {"UNWIND $rows AS row CALL (row) { MERGE (n:A {id: row.id}) ON MATCH SET n.x = n.x + row.x } IN TRANSACTIONS",
     "UNWIND … MERGE", DM, BA, "label A", "label A", 0},
    {"UNWIND $rows AS row CALL (row) { MERGE (n:A {id: row.id}) ON CREATE SET n.x = n.x } IN TRANSACTIONS",
     "UNWIND … MERGE", DM, BA | IE, "label A", "label A", 0},
    {"LOAD CSV WITH HEADERS FROM 'x' AS row CALL { WITH row MERGE (n:A {id: row['id']}) } IN TRANSACTIONS",
     "LOAD CSV … MERGE", DM, BA | IE, "label A", "label A", 0},
    {"USING PERIODIC COMMIT 500 LOAD CSV FROM 'x' AS row MERGE (:A {x: row[0]})", "LOAD CSV … MERGE", DM, BA | IE, "label A",
     "label A", 0},
    {"MATCH (n:A) CALL (n) { MATCH (n)--(m) CALL (m) { SET m.x = 1 } IN TRANSACTIONS }", "MATCH … SET", DM, BA | IE, 0, 0, 0},
    {"MATCH (n:Transactions) WHERE n.x IN n.transactions SET n.y = 1", "MATCH … SET", DM, 0, "label Transactions",
     "label Transactions", 0},
    {"RETURN 'CALL { } IN TRANSACTIONS' AS x", "RETURN", QU, 0, 0, 0, 0},
    /* procedures */
    {"CALL db.labels()", "CALL db.labels", QU, 0, 0, 0, 0},
    {"CALL apoc.meta.schema() YIELD value RETURN value", "CALL apoc.meta.schema", QU, 0, 0, 0, 0},
    {"CALL own.change('x')", "CALL own.change", RO, DY, 0, 0, 0},
    {"CALL apoc.schema.assert({}, {})", "CALL apoc.schema.assert", RO, DY | NT | DE, 0, 0, 0},
    {"CALL dbms.security.createUser('a', 'b')", "CALL dbms.security.createUser", RO, DY | AD, 0, 0, 0},
    {"MATCH (n:A) CALL own.change(n) YIELD x SET n.y = x", "MATCH … SET", DM, DY, "label A", "label A", 0},
    {"CALL apoc.periodic.iterate('MATCH (n:Old) RETURN n', 'SET n:New REMOVE n:Old', {batchSize: 1000})",
     "CALL apoc.periodic.iterate", RO, DY | BA | IE | DE, "label New", "label New", 0},
    {"CALL apoc.periodic.iterate(\"MATCH (n:A) RETURN n\", \"SET n.x = n.x + 1\", {})", "CALL apoc.periodic.iterate", RO,
     DY | BA, "label A", "label A", 0},
    {"CALL apoc.periodic.iterate($a, $b, {})", "CALL apoc.periodic.iterate", RO, DY | BA, 0, 0, 0},
    {"CALL apoc.periodic.commit('MATCH (n:A) WITH n LIMIT 10 DETACH DELETE n RETURN count(*)')", "CALL apoc.periodic.commit",
     RO, DY | BA | IE | DE, "label A", "label A", 0},
    {"CALL apoc.periodic.submit('a', 'CREATE (n)')", "CALL apoc.periodic.submit", RO, DY | BA, 0, 0, 0},
    /* administration */
    {"CREATE OR REPLACE DATABASE d", "CREATE DATABASE", DD, AD | IE, "database d", 0, 0},
    {"DROP DATABASE d IF EXISTS DUMP DATA", "DROP DATABASE", DD, AD | IE | DE, "database d", 0, 0},
    {"STOP DATABASE d", "STOP DATABASE", DD, AD, "database d", 0, 0},
    {"CREATE USER u SET PASSWORD 'x'", "CREATE USER", DD, AD, "user u", 0, 0},
    {"ALTER CURRENT USER SET PASSWORD FROM 'a' TO 'b'", "ALTER USER", DD, AD, "user", 0, 0},
    {"GRANT ROLE r TO u", "GRANT", DD, AD, 0, 0, 0},
    {"DENY READ {x} ON GRAPH g TO r", "DENY", DD, AD, 0, 0, 0},
    {"CREATE ALIAS a FOR DATABASE d", "CREATE ALIAS", DD, AD, "alias a", 0, 0},
    {"SHOW DATABASES", "SHOW DATABASES", QU, AD, 0, 0, 0},
    {"SHOW INDEXES YIELD *", "SHOW INDEXES", QU, 0, 0, 0, 0},
    {"TERMINATE TRANSACTIONS 'a'", "TERMINATE TRANSACTIONS", MA, 0, 0, 0, 0},
    /* cypher-shell */
    {":use db", ":use", SE, 0, "database db", 0, "db"},
    {":param x => 1", ":param", SE, 0, 0, 0, "x"},
    {":begin", ":begin", TR, DF_SQL_BEGIN, 0, 0, 0},
    {":commit", ":commit", TR, DF_SQL_COMMIT, 0, 0, 0},
    {":rollback", ":rollback", TR, DF_SQL_ROLLBACK, 0, 0, 0},
};

static void put_object(df_buf *out, const df_sql_object *object)
{
    if (object->kind) df_buf_text(out, object->kind);
    if (object->name.ptr) df_buf_printf(out, " %.*s", DF_FMT(object->name));
    if (object->column.ptr) df_buf_printf(out, "(%.*s)", DF_FMT(object->column));
}

static void test_one(const example *e)
{
    df_arena arena = {0};
    df_buf object = {0}, table = {0};
    df_sql_facts f = df_sql_classify(cypher, df_str_from(e->text), &arena);
    put_object(&object, &f.object);
    put_object(&table, &f.table);
    bool right = (int)f.cls == e->cls && f.flags == e->flags && strcmp(f.tag, e->tag) == 0 &&
                 strcmp(df_buf_cstr(&object), e->object ? e->object : "") == 0 &&
                 strcmp(df_buf_cstr(&table), e->table ? e->table : "") == 0 && df_str_eq(f.value, df_str_from(e->value));
    if (!check(right, "%s", e->text))
        note("class %d, flags %#x (wanted %#x), tag %s, object %s, table %s, value %.*s", (int)f.cls, f.flags, e->flags, f.tag,
             object.ptr, table.ptr, DF_FMT(f.value));
    df_buf_release(&object);
    df_buf_release(&table);
    df_arena_release(&arena);
}

/* ---- which go together ---- */

static unsigned concern(const char *text)
{
    df_arena arena = {0};
    df_sql_facts facts = df_sql_classify(cypher, df_str_from(text), &arena);
    df_arena_release(&arena);
    return df_sql_concern(&facts);
}

static void test_concerns(void)
{
    check(concern("MATCH (n) RETURN n") == 0 && concern(":use db") == 0 && concern("SHOW INDEXES") == 0, "reading is of nothing");
    check(concern("CREATE (n)") == DF_SQL_OF_DATA && concern("CALL own.change()") == DF_SQL_OF_DATA &&
              concern("CALL apoc.periodic.commit('CREATE (n)')") == DF_SQL_OF_DATA,
          "of data");
    check(concern("DROP INDEX i") == DF_SQL_OF_SCHEMA && concern("CALL apoc.schema.assert({}, {})") == DF_SQL_OF_SCHEMA, "of the schema");
    check(concern("CREATE USER u SET PASSWORD 'x'") == DF_SQL_OF_SYSTEM && concern("SHOW DATABASES") == DF_SQL_OF_SYSTEM,
          "of the whole server");
}

/* ---- what is lost ---- */

static void losses(const char *text, const char *wanted)
{
    static const char *const kinds[] = {"nodes", "relationships", "property", "label"};
    df_arena arena = {0};
    df_buf got = {0};
    size_t count;
    const df_sql_loss *all = df_sql_losses(cypher, df_str_from(text), &arena, &count);
    for (size_t i = 0; i < count; i++)
        df_buf_printf(&got, "%s%s %s%.*s%s%.*s", i ? ", " : "", kinds[all[i].kind], all[i].relationship ? ":" : "",
                      DF_FMT(all[i].label), all[i].kind == DF_SQL_LOSES_PROPERTY ? "." : "", DF_FMT(all[i].property));
    if (!check(strcmp(df_buf_cstr(&got), wanted) == 0, "lost by %s", text)) note("got %s", df_buf_cstr(&got));
    df_buf_release(&got);
    df_arena_release(&arena);
}

static void test_losses(void)
{
    losses("MATCH (n:A)-[r:R]->(m) DELETE r, m DETACH DELETE n", "relationships :R, nodes , nodes A");
    losses("MATCH (n:A) REMOVE n.x, n.`y z`, n:B", "property A.x, property A.y z, label B");
    losses("MATCH ()-[r:R]-() SET r.x = NULL", "property :R.x");
    losses("MATCH (n:A) SET n = {x: 1}", "property A.");
    losses("MATCH (n:A) SET n.x = 1, n += {y: 2}", "");
    losses("MATCH (n:A) FOREACH (x IN [n] | DELETE x)", "nodes ");
    losses("MATCH (n:A) CALL (n) { REMOVE n.x } IN TRANSACTIONS", "property A.x");
    losses("MATCH (n:A) REMOVE n.x REMOVE n.x", "property A.x");
    losses("CALL apoc.periodic.iterate('MATCH (n:A) RETURN n', 'DETACH DELETE n', {})", "nodes A");
    losses("CREATE (:A)", "");
    size_t count = 1;
    df_arena arena = {0};
    df_sql_losses(&df_sql_postgres, DF_STR("DELETE FROM t"), &arena, &count);
    check(count == 0, "nothing in SQL");
    df_arena_release(&arena);
}

/* Each as "variable kind name of labels", whether it is handed on, filtered and loosely so, and all filters. */
static void writes(const char *text, const char *wanted)
{
    static const char *const kinds[] = {"node", "property", "label"};
    df_arena arena = {0};
    df_buf got = {0};
    size_t count;
    const df_sql_write *all = df_sql_lone_writes(cypher, df_str_from(text), &arena, &count);
    for (size_t i = 0; i < count; i++) {
        const df_sql_write *w = &all[i];
        df_buf_printf(&got, "%s%.*s %s%s%.*s of ", i ? ", " : "", DF_FMT(w->variable), kinds[w->kind], w->name.len ? " " : "",
                      DF_FMT(w->name));
        for (size_t k = 0; k < w->n_labels; k++) df_buf_printf(&got, "%s%.*s", k ? "|" : "", DF_FMT(w->labels[k]));
        if (!w->n_labels) df_buf_text(&got, "any");
        df_buf_printf(&got, "%s%s%s", w->handed_on ? " handed" : "", w->filtered ? " filtered" : "", w->loose ? " loose" : "");
        for (size_t k = 0; k < w->n_filters; k++)
            df_buf_printf(&got, " %.*s.%.*s%s", DF_FMT(w->filters[k].variable), DF_FMT(w->filters[k].property),
                          w->filters[k].is_null ? " null" : "");
        for (size_t k = 0; k < w->n_filters; k++)
            if (w->filters[k].equals.ptr) df_buf_printf(&got, " =%.*s", DF_FMT(w->filters[k].equals));
    }
    if (!check(strcmp(df_buf_cstr(&got), wanted) == 0, "written by %s", text)) note("got %s", df_buf_cstr(&got));
    df_buf_release(&got);
    df_arena_release(&arena);
}

static void reads(const char *text, const char *wanted)
{
    df_arena arena = {0};
    size_t count;
    const df_sql_write *all = df_sql_lone_writes(cypher, df_str_from(text), &arena, &count);
    if (!check(count == 1 && df_str_is(all->reads, wanted), "what reads in %s", text) && count)
        note("%zu, got '%.*s'", count, DF_FMT(all->reads));
    df_arena_release(&arena);
}

static void test_lone_writes(void)
{
    writes("MATCH (n) DETACH DELETE n", "n node of any");
    writes("CALL { MATCH (n) DETACH DELETE n } IN TRANSACTIONS", "n node of any");
    writes("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10 ROWS", "n node of any");
    writes("MATCH (n) CALL { WITH n DETACH DELETE n } IN TRANSACTIONS", "n node of any");
    writes("MATCH (n) WITH n LIMIT 1000 DETACH DELETE n", "n node of any");
    writes("CALL apoc.periodic.iterate('MATCH (n) RETURN n', 'DETACH DELETE n', {})", "n node of any");
    writes("CALL apoc.periodic.iterate('MATCH (n) RETURN id(n) AS id', 'MATCH (n) WHERE id(n) = id DETACH DELETE n', {})", "n node of any");
    writes("CALL apoc.periodic.iterate('MATCH (n) WHERE n.x = 1 RETURN n', 'DETACH DELETE n', {})", "n node of any filtered n.x");
    writes("MATCH (n:Person) DETACH DELETE n", "n node of Person");
    writes("MATCH (n IS Person) DETACH DELETE n", "n node of Person");
    writes("MATCH (n:`a b`|Migration) DETACH DELETE n", "n node of a b|Migration");
    writes("MATCH (n:A&B), (m:C:D) DETACH DELETE n, m", "");
    writes("MATCH (n:!A) DELETE n", "n node of any filtered loose");
    writes("MATCH (n:(A|B)) DELETE n", "n node of any filtered loose");
    writes("MATCH (n {x: 1}) DELETE n", "n node of any filtered n.x");
    writes("MATCH (n:A {x: 1, y: n.z}) DELETE n", "n node of A filtered n.x n.y n.z");
    writes("MATCH (n WHERE n.x > 1) DELETE n", "n node of any filtered n.x");
    writes("MATCH (n:A {x: 'one', y: \"two\"}) DELETE n", "n node of A filtered n.x n.y =one =two");
    writes("MATCH (n:A) WHERE n.x = 'one' AND n.y = 'two' DELETE n", "n node of A filtered n.x n.y =one =two");
    writes("MATCH (n:A) WHERE (n.x = '') DELETE n", "n node of A filtered n.x =");
    writes("MATCH (n:A {x: 'one' + p, y: 'a\\'b'}) WHERE n.z <> 'two' DELETE n", "n node of A filtered n.x n.y n.z");
    writes("MATCH (n:A) WHERE n.x = 'a' = true AND n.y >= 'b' AND n.z = 'c' IN list DELETE n", "n node of A filtered n.x n.y n.z");
    writes("MATCH (n) WHERE n.x IS NULL OR n.y IS NOT NULL DELETE n", "n node of any filtered loose n.x null n.y");
    writes("MATCH (n) FILTER n.x = 1 DELETE n", "n node of any filtered n.x");
    writes("MATCH (a:A)-[:R]->(n) DETACH DELETE n", "");
    writes("MATCH (n)<-[:R]-(a:A) DETACH DELETE n", "");
    writes("MATCH (n)-[r]-() DELETE r", "");
    writes("MATCH (n) OPTIONAL MATCH (n)-[r]-() DELETE n, r", "n node of any");
    writes("MATCH (n) MATCH (n)-[r]-() DELETE n, r", "");
    writes("MATCH (n) MATCH (n:A) DELETE n", "n node of A");
    writes("MATCH (a:A) OPTIONAL MATCH (a)-->(b) DETACH DELETE b", "");
    writes("MATCH p = ((a)-[:R]->(b))+ DETACH DELETE b", "");
    writes("MATCH p = shortestPath((a:A)-[*]-(b:B)) SET a.x = 1", "");
    writes("MATCH (n) WITH collect(n) AS all FOREACH (x IN all | DETACH DELETE x)", "x node of any handed");
    writes("MATCH (n:A), (m) WITH n, m AS k DELETE k", "k node of A handed, k node of any handed");
    writes("MATCH (n:A) SET n.x = 1, n.y = NULL, n:B REMOVE n.z, n:A", "n property x of A, n property y of A, n property z of A, n label A of A");
    writes("MATCH (n:A) SET n = {x: 1}", "n node of A, n property x of A");
    writes("MATCH (n:A) SET n += {x: 1, y: {z: 2}}", "n property x of A, n property y of A");
    writes("MATCH (n:A) SET n += $props", "n node of A");
    writes("MATCH (n:A) SET n[key] = 1", "n node of A");
    writes("MERGE (n:A {x: 1}) ON CREATE SET n.y = 1 ON MATCH SET n.z = 1", "n property z of A filtered n.x");
    writes("CREATE (n:A) SET n.x = 1", "");
    writes("MATCH (a:A) CREATE (a)-[:R]->(b) SET b.x = 1", "");
    writes("MATCH (n:A) RETURN n", "");
    writes("MATCH (n:A) DELETE n UNION MATCH (n) DETACH DELETE n", "n node of A, n node of any");
    writes("MATCH (set:Delete) WHERE set.create = 1 SET set.match = 2", "set property match of Delete filtered set.create");
    reads("MATCH (n) WHERE n.x = 1 DETACH DELETE n", "MATCH (n) WHERE n.x = 1 ");
    reads("MATCH (n) WHERE n.x = 1 CALL (n) { DETACH DELETE n } IN TRANSACTIONS", "MATCH (n) WHERE n.x = 1 ");
    reads("MATCH (n) CALL { WITH n DETACH DELETE n } IN TRANSACTIONS", "MATCH (n) ");
    reads("CALL { MATCH (n) WHERE n.x = 1 SET n.x = 2 } IN TRANSACTIONS", "MATCH (n) WHERE n.x = 1 ");
    reads("MATCH (a:A) CALL (a) { MATCH (n {x: a.x}) DELETE n } IN TRANSACTIONS", "");
    reads("MATCH (n) FOREACH (x IN [1] | SET n.x = x)", "");
    reads("CALL apoc.periodic.iterate('MATCH (n) RETURN n', 'DETACH DELETE n', {})", "");
    size_t count = 1;
    df_arena arena = {0};
    df_sql_lone_writes(&df_sql_postgres, DF_STR("DELETE FROM t"), &arena, &count);
    check(count == 0, "nothing in SQL");
    df_arena_release(&arena);
}

static void makes(const char *text, const char *wanted)
{
    static const char *const kinds[] = {"", "-", "."};
    df_arena arena = {0};
    df_buf got = {0};
    size_t count;
    int64_t changes;
    const df_sql_made *all = df_sql_makes(cypher, df_str_from(text), &arena, &count, &changes);
    for (size_t i = 0; i < count; i++)
        df_buf_printf(&got, "%lld %s%.*s, ", (long long)all[i].times, kinds[all[i].kind], DF_FMT(all[i].name));
    if (count) df_buf_printf(&got, "of %lld", (long long)changes);
    if (!check(strcmp(df_buf_cstr(&got), wanted) == 0, "made by %s", text)) note("got %s", df_buf_cstr(&got));
    df_buf_release(&got);
    df_arena_release(&arena);
}

static void test_makes(void)
{
    makes("CREATE (:T {id: 1})", "1 T, of 3");
    makes("CREATE (:T {id: 1, v: {a: 1}.a}), (:T:U), ()", "2 T, 1 U, of 8");
    makes("CREATE (a:T {id: 1})-[:R {x: 1, y: [1, 2]}]->(b:T), (a)<-[:R]-(b)", "2 T, 2 -R, of 9");
    makes("UNWIND range(1, 9) AS i CREATE (:T {id: i})", "1 T, of 3");
    makes("UNWIND range(1, 9) AS i MERGE (t:T {id: i})", "1 T, of 3");
    makes("MERGE (t:T {id: 1}) ON CREATE SET t.x = 1, t.y = 2", "1 T, of 5");
    makes("MERGE (t:T {id: 1}) ON MATCH SET t.x = 1", "");
    makes("MERGE (t:T {id: 1}) SET t.x = 1", "");
    makes("CREATE (t:T) SET t.x = 1", "");
    makes("CREATE (t:T) WITH t MERGE (u:U)", "");
    makes("CREATE (t:T) WITH t CREATE (u:U)", "");
    makes("CREATE (t:T $props)", "");
    makes("MATCH (a:A), (b:B) CREATE (a)-[:R]->(b)", "1 -R, of 1");
    makes("MATCH (a:A) MERGE (a)-[:R]->(b:B {x: 1})", "1 -R, 1 B, of 4");
    makes("MATCH (t:T) SET t.x = 1", "1 .x, of 1");
    makes("MATCH (t:T)--(u) SET t.x = 1", "");
    makes("MATCH (t:T) SET t.x = 1, t.y = 1", "");
    makes("MATCH (t:T) SET t:U", "");
    makes("MATCH (t:T) SET t += {x: 1}", "");
    makes("MATCH (t:T) DELETE t", "");
    makes("MATCH (t:T) RETURN t", "");
}

/* ---- normal forms ---- */

static void normal(const char *text, const char *wanted)
{
    df_buf once = {0}, twice = {0};
    df_sql_normalise(cypher, df_str_from(text), &once);
    df_sql_normalise(cypher, df_buf_str(&once), &twice);
    check(strcmp(df_buf_cstr(&once), wanted) == 0 && df_str_eq(df_buf_str(&once), df_buf_str(&twice)), "normal form of %.*s",
          (int)strcspn(wanted, "\n"), wanted);
    df_buf_release(&once);
    df_buf_release(&twice);
}

static void test_normal(void)
{
    normal(" MATCH  (n) // x\n\tRETURN /* y */ n ", "MATCH (n) RETURN n");
    normal("match (a)--(b)", "match (a)--(b)");
    normal("RETURN 'a  // b' + \"c  /* d */\"", "RETURN 'a  // b' + \"c  /* d */\"");
    normal("RETURN 4//x\n/2", "RETURN 4 /2");
    normal("RETURN 4/ /**/ /2", "RETURN 4/ /2");
    normal("RETURN `a  b`", "RETURN `a  b`");
    normal("RETURN 'a\r\nb'", "RETURN 'a\nb'");
}

/* ---- many, and large ---- */

/* What is joined with semicolons is split again. */
static void test_joined(void)
{
    df_buf script = {0};
    size_t n = sizeof examples / sizeof *examples, at = 0;
    for (size_t i = 0; i < n; i++) df_buf_printf(&script, "%s // ;\n;", examples[i].text);
    df_sql_splitter splitter = {.dialect = cypher, .script = df_buf_str(&script)};
    df_sql_statement statement;
    bool more = true, same = true;
    df_error err;
    while (df_sql_split(&splitter, &statement, &more, &err) == DF_OK && more && at < n)
        same &= df_str_starts(df_str_from(examples[at++].text), statement.text); /* without a comment at its end */
    check(same && at == n && !more, "%zu statements joined are split again", n);
    df_buf_release(&script);
}

static void test_large(void)
{
    enum { STATEMENTS = 100000, LITERAL = 100 << 20 };
    df_buf script = {0};
    for (int i = 0; i < STATEMENTS; i++) df_buf_printf(&script, "MATCH (n:A {id: %d}) SET n.x = 'a;b'; // c\n", i);
    df_sql_splitter splitter = {.dialect = cypher, .script = df_buf_str(&script)};
    df_sql_statement statement = {0};
    df_arena arena = {0};
    bool more = true, right = true;
    df_error err;
    while (right && df_sql_split(&splitter, &statement, &more, &err) == DF_OK && more) {
        right = df_sql_classify(cypher, statement.text, &arena).cls == DF_SQL_DML;
        df_arena_reset(&arena);
    }
    check(right && !more && statement.number == STATEMENTS && statement.line == STATEMENTS, "%d statements", STATEMENTS);
    df_buf_clear(&script);
    df_buf_text(&script, "CREATE (:A {x: '");
    while (script.len < LITERAL) df_buf_text(&script, "a;\\'b // \" `");
    df_buf_text(&script, "'}); RETURN 1");
    splitter = (df_sql_splitter){.dialect = cypher, .script = df_buf_str(&script)};
    right = df_sql_split(&splitter, &statement, &more, &err) == DF_OK && more && statement.text.len > LITERAL &&
            df_sql_classify(cypher, statement.text, &arena).cls == DF_SQL_DML;
    check(right && df_sql_split(&splitter, &statement, &more, &err) == DF_OK && df_str_is(statement.text, "RETURN 1"),
          "a literal of %d MiB", LITERAL >> 20);
    df_arena_release(&arena);
    df_buf_release(&script);
}

int main(void)
{
    test_tokens();
    test_engines();
    test_statements();
    test_commands();
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) test_one(&examples[i]);
    test_concerns();
    test_losses();
    test_lone_writes();
    test_makes();
    test_normal();
    test_joined();
    test_large();
    return tap_done();
}
