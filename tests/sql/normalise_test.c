/* SPDX-License-Identifier: Apache-2.0 */
/*
 * normalise_test FOLDER: normal forms, and what must hold of every statement of the histories: a normal form
 * is its own normal form, comments and blanks between tokens do not change it, the tokens stay the same, and
 * statements that are put one behind the other are split again as they were.
 */
#include "sql/sql.h"

#include "corpus.h"
#include <tap.h>

static void normal(const df_sql_dialect *dialect, df_str sql, df_buf *out)
{
    df_buf_clear(out);
    df_sql_normalise(dialect, sql, out);
}

static void same(const df_sql_dialect *dialect, const char *sql, const char *wanted, const char *what)
{
    df_buf got = {0}, again = {0};
    normal(dialect, df_str_from(sql), &got);
    normal(dialect, df_buf_str(&got), &again);
    check(strcmp(df_buf_cstr(&got), wanted) == 0, "%s", what);
    if (strcmp(df_buf_cstr(&got), wanted) != 0) note("got %s, wanted %s", got.ptr, wanted);
    check(strcmp(df_buf_cstr(&again), wanted) == 0, "%s, a second time", what);
    df_buf_release(&got);
    df_buf_release(&again);
}

static void test_forms(void)
{
    const df_sql_dialect *pg = &df_sql_postgres, *lite = &df_sql_sqlite, *my = &df_sql_mariadb;
    same(pg, "", "", "nothing");
    same(pg, " -- only this\n", "", "only a comment");
    same(pg, "\xef\xbb\xbfSELECT  a ,\r\n\tb -- c\r\n/* d */FROM t", "SELECT a , b FROM t",
         "blanks and comments");
    same(pg, "SELECT a,b", "SELECT a,b", "no blank where none was");
    same(pg, "a/**/b", "a b", "a comment is a blank");
    same(pg, "SELECT 'a  -- b\r\n', \"c  /* d\", $$ e  -- f\r\n $$",
         "SELECT 'a  -- b\n', \"c  /* d\", $$ e  -- f\n $$", "quotes stay, but for carriage returns");
    same(pg, "SELECT 'a' -- c\n  'b'", "SELECT 'a'\n'b'", "two strings on two lines are one to PostgreSQL");
    same(pg, "SELECT 'a'  'b'", "SELECT 'a' 'b'", "on one line they are not");
    same(lite, "SELECT 'a'\n'b'", "SELECT 'a' 'b'", "nor in SQLite");
    same(my, "5--/**/1", "5- - 1", "two minuses do not become a comment");
    same(my, "5---/**/1 --", "5- - - 1", "nor do three");
    same(my, "5 --/* c */", "5 - -", "nor at the end");
    same(my, "'--' 1", "'--' 1", "in quotes they stay");
    same(pg, "a --b\n", "a", "which they are in PostgreSQL");
    same(my, "/*!40101 SET  a */ # c\n", "/*!40101 SET a */", "executed comments stay");
    same(my, "a /*!50701 b */ c /*+ d */", "a c", "others go");
    same(lite, "[a  b] `c  d`", "[a  b] `c  d`", "all kinds of quotes");
    same(pg, "a - /* x */ - b", "a - - b", "minuses");
}

/* ---- properties ---- */

typedef struct totals {
    const df_sql_dialect *dialect;
    long statements, not_idempotent, changed, other_tokens, not_rejoined;
    unsigned random;
} totals;

static unsigned next(totals *t)
{
    t->random = t->random * 1103515245u + 12345u;
    return t->random >> 16;
}

/* The statement with something else wherever there is a blank or comment: another blank, a comment, both. */
static void vary(totals *t, df_str sql, df_buf *out)
{
    static const char *const fillers[] = {" ", "\t \r\n ", " /* ; ' */ ", " -- $$ \" ;\n", "\n\n/**/\n"};
    df_sql_lexer lexer = {.dialect = t->dialect, .text = sql};
    bool gap = false;
    df_buf_clear(out);
    df_buf_text(out, fillers[next(t) % 5]);
    df_sql_token before = {0};
    for (;;) {
        df_sql_token token = df_sql_next_token(&lexer);
        if (token.kind == DF_SQL_END) break;
        if (token.kind == DF_SQL_SPACE || token.kind == DF_SQL_COMMENT) {
            gap = true;
            continue;
        }
        /* the end of a line between two strings is more than a blank */
        if (gap && before.kind == DF_SQL_STRING && token.kind == DF_SQL_STRING)
            df_buf_add(out, before.text.ptr + before.text.len,
                       (size_t)(token.text.ptr - before.text.ptr) - before.text.len);
        else if (gap)
            df_buf_text(out, fillers[next(t) % 5]);
        df_buf_str_add(out, token.text);
        gap = false;
        before = token;
    }
    df_buf_text(out, fillers[next(t) % 5]);
}

/* Tokens without blanks and comments, \r\n in quotes as \n. */
static bool same_tokens(const df_sql_dialect *dialect, df_str a, df_str b)
{
    df_sql_lexer x = {.dialect = dialect, .text = a}, y = {.dialect = dialect, .text = b};
    for (;;) {
        df_sql_token t = df_sql_next_word(&x), u = df_sql_next_word(&y);
        if (t.kind != u.kind) return false;
        if (t.kind == DF_SQL_END) return true;
        bool quote = t.kind == DF_SQL_STRING || t.kind == DF_SQL_NAME;
        if (!df_str_eq(t.text, u.text) && !(quote && memchr(t.text.ptr, '\r', t.text.len))) return false;
    }
}

static void properties(totals *t, df_str sql)
{
    df_buf once = {0}, twice = {0}, varied = {0};
    normal(t->dialect, sql, &once);
    normal(t->dialect, df_buf_str(&once), &twice);
    t->not_idempotent += !df_str_eq(df_buf_str(&once), df_buf_str(&twice));
    vary(t, sql, &varied);
    normal(t->dialect, df_buf_str(&varied), &twice);
    bool changed = !df_str_eq(df_buf_str(&once), df_buf_str(&twice));
    t->changed += changed;
    if (changed && t->changed < 4)
        note("%.*s\n# became %.*s", DF_FMT(df_buf_str(&once)), DF_FMT(df_buf_str(&twice)));
    t->other_tokens += !same_tokens(t->dialect, sql, df_buf_str(&once));
    df_buf_release(&once);
    df_buf_release(&twice);
    df_buf_release(&varied);
}

/* Splits, puts the pieces together with other things between them, and splits again. */
static void rejoin(totals *t, const df_str *statements, size_t n)
{
    df_buf script = {0};
    for (size_t i = 0; i < n; i++) {
        df_buf_str_add(&script, statements[i]);
        df_buf_text(&script, next(t) % 2 ? ";" : " ; -- ;\n;;\n");
    }
    df_sql_splitter splitter = {.dialect = t->dialect, .script = df_buf_str(&script)};
    df_sql_statement again;
    bool more = true, right = true;
    size_t i = 0;
    df_error err = {0};
    while (df_sql_split(&splitter, &again, &more, &err) == DF_OK && more) {
        right = right && i < n && df_str_eq(again.text, statements[i]);
        i++;
    }
    t->not_rejoined += !right || i != n || err.code != DF_OK;
    df_buf_release(&script);
}

static void take_file(void *context, const char *path, df_str text)
{
    totals *t = context;
    df_sql_splitter splitter = {.dialect = t->dialect, .script = text};
    df_sql_statement statement;
    df_str *statements = NULL;
    size_t n = 0, cap = 0;
    bool more;
    df_error err;
    df_code code;
    while ((code = df_sql_split(&splitter, &statement, &more, &err)) == DF_OK && more) {
        properties(t, statement.text);
        DF_PUSH(statements, n, cap) = statement.text;
        t->statements++;
    }
    if (code != DF_OK) note("%s: %s", path, err.message);
    rejoin(t, statements, n);
    free(statements);
}

static void test_histories(const char *folder, const df_sql_dialect *dialect, const char *const *only,
                           const char *const * not, const char *name)
{
    totals t = {.dialect = dialect, .random = 7};
    if (!corpus_walk(folder, only, not, take_file, &t)) {
        skip("the histories are not there");
        return;
    }
    check(t.statements > 1000, "%s: %ld statements", name, t.statements);
    check(!t.not_idempotent, "%s: a normal form is its own", name);
    check(!t.changed, "%s: comments and blanks do not change it", name);
    check(!t.other_tokens, "%s: it has the same tokens", name);
    check(!t.not_rejoined, "%s: statements put together are split again", name);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "";
    test_forms();
    test_histories(folder, &df_sql_postgres, corpus_postgres, corpus_not_postgres, "postgres");
    test_histories(folder, &df_sql_sqlite, corpus_sqlite, NULL, "sqlite");
    test_histories(folder, &df_sql_mariadb, corpus_mysql, NULL, "mariadb");
    return tap_done();
}
