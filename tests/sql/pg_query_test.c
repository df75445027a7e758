/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pg_query_test FOLDER: the statements of PostgreSQL's files are those that PostgreSQL's own parser sees,
 * byte by byte; and the check of one statement agrees with it.
 */
#include "base/library.h"
#include "sql/sql.h"

#include "corpus.h"
#include <pg_query.h>
#include <pthread.h>
#include <tap.h>

#define PG_FUNCTIONS(X)                                                                                      \
    X(by_parser, pg_query_split_with_parser)                                                                 \
    X(by_scanner, pg_query_split_with_scanner)                                                               \
    X(release, pg_query_free_split_result)
typedef struct pg_functions {
    PG_FUNCTIONS(DF_LIBRARY_MEMBER)
} pg_functions;
#define ENTRY(member, function) {#function, offsetof(pg_functions, member)},
static const df_library_function functions[] = {PG_FUNCTIONS(ENTRY)};
static pg_functions pg;
static df_library library = {.file = "libpg_query.so.1504.0",
                             .package = "libpg-query1504.0",
                             .functions = functions,
                             .n_functions = sizeof functions / sizeof *functions,
                             .table = &pg,
                             .lock = PTHREAD_MUTEX_INITIALIZER};

typedef struct totals {
    long files, statements, different, unparsed, checked;
} totals;

/* Theirs has the comments and blanks before it; what ours leaves out must be no more than those. */
static bool same(const char *sql, PgQuerySplitStmt *theirs, const df_sql_statement *ours)
{
    size_t from = (size_t)theirs->stmt_location, end = from + (size_t)theirs->stmt_len;
    size_t our_end = ours->offset + ours->text.len;
    if (ours->offset < from || our_end > end) return false;
    df_str before = {sql + from, ours->offset - from}, behind = {sql + our_end, end - our_end};
    return df_sql_is_blank(&df_sql_postgres, before) && df_sql_is_blank(&df_sql_postgres, behind);
}

static void compare(void *context, const char *path, df_str text)
{
    totals *t = context;
    char *sql = df_strdup(text);
    PgQuerySplitResult theirs = pg.by_parser(sql);
    bool parses = !theirs.error;
    if (!parses) {
        pg.release(theirs);
        theirs = pg.by_scanner(sql);
        t->unparsed++;
    }
    df_sql_splitter splitter = {.dialect = &df_sql_postgres, .script = df_str_from(sql)};
    df_sql_statement ours;
    bool more = true, right = !theirs.error;
    df_error err = {0};
    int n = 0;
    while (df_sql_split(&splitter, &ours, &more, &err) == DF_OK && more) {
        right = right && n < theirs.n_stmts && same(sql, theirs.stmts[n], &ours);
        n++;
        df_sql_parse check_one;
        df_sql_parse_check(&df_sql_postgres, ours.text, &check_one);
        if (parses && (!check_one.known || !check_one.parses)) right = false;
        t->checked++;
    }
    right = right && err.code == DF_OK && n == theirs.n_stmts;
    if (!right) note("%s: %d statements, the parser has %d; %s", path, n, theirs.n_stmts, err.message);
    t->different += !right;
    t->statements += n;
    t->files++;
    pg.release(theirs);
    free(sql);
}

/* Written for this test: what the histories have little of. The parser is asked, not we. */
static const char *const scripts[] = {
    "",
    ";;;",
    "select 1",
    "select 1;select 2;",
    "-- only a comment",
    "/* a; /* b; */ c; */ select 1; -- d;\nselect 2",
    "select 'a;''b;', \"c;\"\"d;\", E'\\';', e'\\\\', U&'\\0061;', U&\"d;\", b'0', x'f', n';' ; select 2",
    "select $$a;$$, $t$ $$ ; $u$ $t$, $1; select $2",
    "select a$b$c, d$e, $x$;$x$ from t; select 2",
    "select 'a'\n';b' ; select E'\\''\n'\\';b'; select E'a'  \n  \n '\\';' ; select 3",
    "create function f() returns int language sql begin atomic select 1; select 2; end; select 3",
    "create or replace function f(a int) returns int language sql begin atomic "
    "select case when a > 1 then case a when 2 then 3 end else 4 end; select 5; end; select 6",
    "create procedure p() language sql begin atomic insert into t values (1); end; select 1",
    "create procedure p() begin atomic end; select 1",
    "create function f() returns int return 1; select 2",
    "create function f() returns int as 'select 1; select 2' language sql; select 3",
    "create function f(a int) returns table (\"end\" int) language sql begin atomic select 1 as \"end\", 2 "
    "as case; "
    "select t.end from t; end; select 2",
    "create rule r as on insert to t do instead (insert into u values (1); delete from v); select 1",
    "create rule r as on insert to t do also (select (1); select 2;); select 1",
    "create schema s create table t (a int) create view v as select 1; select 2",
    "begin; select 1; end; commit; begin work; rollback",
    "select case when 1 = 1 then 2 end; select 3; select 1 as begin; select 2",
    "do $$ begin perform 1; end $$; do 'begin end'; select 1",
    "select 1 -- c1;\n; -- c2\r-- c3\rselect 2;",
    "select a @- b, c /* ; */ - d, e -- ;\n - f, g || h; select 5 - - 3, 5 --;\n; select 2",
    "copy t from '/tmp/x'; copy t (a) to stdout; select 1",
    "select 1.5e10, .5, 1., 5e-3, 0.1e+2; select 2",
    "create table t (a int default 1, check (a > 0)); alter table t add b text default ';'; select 1",
    "prepare p as select $1; execute p(1); deallocate p",
    "select ARRAY[1,2][1], a[1:2], '{;}'::text[], (1); select 2",
    "\xef\xbb\xbfselect 1; select 2",
};

static void hand_written(void)
{
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        totals t = {0};
        df_str text = df_str_from(scripts[i]);
        if (memcmp(scripts[i], "\xef\xbb\xbf", text.len < 3 ? text.len : 3) == 0 && text.len >= 3)
            text = df_str_skip(text, 3); /* psql takes it off, the parser does not know it */
        compare(&t, scripts[i], text);
        check(!t.different, "script %zu is split as the parser splits it (%ld statements)", i, t.statements);
    }
}

static void *parse_in_thread(void *context)
{
    long *wrong = context;
    for (int i = 0; i < 200; i++) {
        df_sql_parse good, bad;
        df_sql_parse_check(&df_sql_postgres, DF_STR("SELECT a FROM b"), &good);
        df_sql_parse_check(&df_sql_postgres, DF_STR("SELECT \xc3\xa4 FRM b c"), &bad);
        if (!good.known || !good.parses || !bad.known || bad.parses || bad.offset != 14) ++*wrong;
    }
    return NULL;
}

static void *parse_once(void *context)
{
    df_sql_parse_check(&df_sql_postgres, DF_STR("SELECT 1"), context);
    return NULL;
}

static void checks(void)
{
    df_sql_parse p;
    df_sql_parse_check(&df_sql_sqlite, DF_STR("PRAGMA x"), &p);
    check(!p.known, "there is no opinion about another dialect");
    df_sql_parse_check(&df_sql_postgres, DF_STR("ALTER TABL t ADD c int"), &p);
    check(p.known && !p.parses && p.offset == 6 && strstr(p.message, "TABL"),
          "a syntax error is told with its place");
    if (p.offset != 6) note("offset %zu: %s", p.offset, p.message);
    df_buf deep = {0};
    df_buf_text(&deep, "SELECT ");
    for (int i = 0; i < 20000; i++) df_buf_char(&deep, '(');
    df_sql_parse_check(&df_sql_postgres, df_buf_str(&deep), &p);
    check(!p.known, "what is too deep for the parser is no opinion");
    df_buf_release(&deep);
    pthread_t threads[8];
    long wrong[8] = {0}, sum = 0;
    for (int i = 0; i < 8; i++) pthread_create(&threads[i], NULL, parse_in_thread, &wrong[i]);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL), sum += wrong[i];
    check(sum == 0, "eight threads ask at once");
    /* the library takes a key for each thread that parses; there are 1,024 */
    for (int i = 0; i < 1100; i++) {
        df_sql_parse good = {0};
        pthread_t thread;
        if (pthread_create(&thread, NULL, parse_once, &good) == 0) pthread_join(thread, NULL);
        sum += !good.parses;
    }
    check(sum == 0, "threads come and go");
}

int main(int argc, char **argv)
{
    df_error err;
    if (df_library_load(&library, &err) != DF_OK) {
        skip(err.message);
        return tap_done();
    }
    hand_written();
    checks();
    totals t = {0};
    if (argc > 1) corpus_walk(argv[1], corpus_postgres, corpus_not_postgres, compare, &t);
    if (t.files)
        check(t.different == 0 && t.statements > 1000,
              "%ld statements of %ld files as the parser has them (%ld do "
              "not parse, and are compared with its scanner)",
              t.statements, t.files, t.unparsed);
    else
        skip("the histories are not there");
    return tap_done();
}
