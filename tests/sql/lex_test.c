/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of each dialect. What they should be was asked of the servers: psql, sqlite3 and mariadb with
 * SELECTs. */
#include "sql/sql.h"

#include <tap.h>

/* One letter a token: w word, n name, s string, 0 number, c comment, _ space, else the symbol itself, * for a
 * mark of more than one character; ! behind one that does not end. */
static void shape(const df_sql_dialect *dialect, df_str text, df_buf *out)
{
    df_sql_lexer lexer = {.dialect = dialect, .text = text};
    size_t at = 0;
    for (;;) {
        df_sql_token t = df_sql_next_token(&lexer);
        if (t.offset != at || t.text.ptr != text.ptr + at) df_buf_text(out, "<gap>");
        at += t.text.len;
        if (t.kind == DF_SQL_END) break;
        static const char letters[] = {[DF_SQL_SPACE] = '_', [DF_SQL_COMMENT] = 'c', [DF_SQL_WORD] = 'w',
                                       [DF_SQL_NAME] = 'n',  [DF_SQL_STRING] = 's',  [DF_SQL_NUMBER] = '0'};
        char letter = t.kind == DF_SQL_SYMBOL ? t.text.ptr[0] : letters[t.kind];
        df_buf_char(out, t.kind == DF_SQL_SYMBOL && t.text.len > 1 ? '*' : letter);
        if (t.open) df_buf_char(out, '!');
    }
    if (at != text.len) df_buf_text(out, "<short>");
}

static void same(const df_sql_dialect *dialect, const char *name, const char *sql, const char *wanted)
{
    df_buf got = {0};
    shape(dialect, df_str_from(sql), &got);
    char shown[80];
    snprintf(shown, sizeof shown, "%s", sql);
    for (char *p = shown; *p; p++) *p = (unsigned char)*p < ' ' || *p == '#' ? '.' : *p;
    if (!check(strcmp(df_buf_cstr(&got), wanted) == 0, "%s: %s", name, shown))
        note("got %s, wanted %s", got.ptr, wanted);
    df_buf_release(&got);
}

static void all(const char *sql, const char *postgres, const char *sqlite, const char *mariadb)
{
    if (postgres) same(&df_sql_postgres, "postgres", sql, postgres);
    if (sqlite) same(&df_sql_sqlite, "sqlite", sql, sqlite);
    if (mariadb) same(&df_sql_mariadb, "mariadb", sql, mariadb);
}

static void test_words(void)
{
    all("", "", "", "");
    all("SELECT a_1, b$c FROM \xc3\xa4\xc3\xb6", "w_w,_w_w_w", "w_w,_w_w_w", "w_w,_w_w_w");
    all("a.b::int[1]", "w.w::w[0]", "w.w::wn", "w.w::w[0]");
    all("\"a\"\"b\" 'c''d' `e``f`", "n_s_`w``w`", "n_s_n", "s_s_n");
    all("[a b]", "[w_w]", "n", "[w_w]");
    all("\xef\xbb\xbf SELECT", "_w", "_w", "_w");
    all("@a := @@b", "@w_:=_@@w", "@w_:=_@@w", "@w_:=_@@w");
    all("2fa 1e5 0x1f 12", NULL, NULL, "w_0_0_0");
    all("\\N", NULL, NULL, "w");
    all("a\xc2\xa0"
        "b",
        "w", "w", "w"); /* a blank that does not break is part of a name */
}

static void test_strings(void)
{
    all("E'a\\'b' 'c'", "s_s", NULL, NULL);
    all("'a\\'", "s", "s", "s!");
    all("'a\\'b'", NULL, NULL, "s");
    all("\"a\\\"b\"", NULL, NULL, "s");
    all("x'00' X'ff'", "s_s", "s_s", "s_s");
    all("b'1' n'a'", "s_s", "ws_ws", "s_s");
    all("U&'\\0061' u&\"b\" U & 'c'", "s_n_w_&_s", NULL, NULL);
    all("_utf8'a'", NULL, NULL, "ws");
    all("foo'a'", "ws", "ws", "ws");
    all("e'a''\\'b'", "s", NULL, NULL);
    all("E'a'\n'\\'b' 'c'", "s_s", NULL, NULL);
    all("E'a' -- c\n '\\'b'", "s", NULL, NULL); /* the server takes the comment for white space */
    all("E'a' '\\' E'b'", "s_s_s", NULL, NULL);
    all("'a'\n'b'", "s_s", "s_s", "s_s");
    all("'never", "s!", "s!", "s!");
    all("\"never", "n!", "n!", "s!");
    all("`never", NULL, "n!", "n!");
    all("[never", NULL, "n!", NULL);
    all("$$ ' $$ $a$ $$ $b$ $a$ $1 a$b$c", "s_s_$0_w", NULL, NULL);
    all("1$$a$$", "0s", NULL, NULL);
    all("$a$ never $b$", "s!", NULL, NULL);
    all("$1$2", "$0$0", NULL, NULL);
    all("$\xc3\xa4$;$\xc3\xa4$", "s", NULL, NULL);
}

static void test_comments(void)
{
    all("a -- b\nc", "w_c_w", "w_c_w", "w_c_w");
    all("a -- b\rc", "w_c_w", "w_c", "w_c");
    all("5--1", "0c", "0c", "0--0");
    all("5--\t1", "0c", "0c", "0c");
    all("5--", "0c", "0c", "0c");
    all("# b\n", "#_w_", "#_w_", "c_");
    all("/* a /* b */ c */", "c", "c_w_*/", "c_w_*/");
    all("/* a /* b */ c", "c!", "c_w", "c_w");
    all("/*/ */ /*/*/", "c_c!", "c_c", "c_c");
    all("/**/a/***/", "cwc", "cwc", "cwc");
    all("/* never", "c!", "c!", "c!");
    all("a @-- b", "w_@c", NULL, NULL);
    all("/*!40101 SET a */", "c", "c", "*_w_w_*");
    all("/*! SET a */", "c", "c", "*_w_w_*");
    all("/*M!100100 a */ /*M!50701 b */", "c_c", "c_c", "*_w_*_*_w_*");
    all("/*!50700 a */ /*!80000 b /* c */ d */ /*!99999 e */", NULL, NULL, "c_c_c"); /* for MySQL alone */
    all("/*!100100 a */ /*!50699 b */ /*M!999999\\- enable the sandbox mode */", NULL, NULL, "*_w_*_*_w_*_c");
    all("/*+ hint */", "c", "c", "c");
}

static void test_numbers(void)
{
    all("1 1.5 .5 1. 1e5 1.5e-5 1E+5", "0_0_0_0_0_0_0", "0_0_0_0_0_0_0", "0_0_0_0_0_0_0");
    all("0x1f 1_000", "0_0", "0_0", NULL);
    all("1..10", "0..0", "0..0", "0..0");
    all("1-2 1e-x", "0-0_0-w", NULL, NULL);
    all("a.5", "w0", "w0", "w0");
}

/* What is written in quotes is read as one token, and names the same. */
static void test_writing(void)
{
    static const df_sql_dialect *const dialects[] = {&df_sql_postgres, &df_sql_sqlite, &df_sql_mariadb};
    static const char *const texts[] = {
        "a", "A b", "it's \\ \"here\" `there`", "\\", "'", "\"\"", "``", "[a]", "\xc3\xa4;--"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bool right = true;
        for (int d = 0; d < 3; d++) {
            df_arena arena = {0};
            df_buf sql = {0};
            df_buf_text(&sql, "DROP TABLE ");
            df_sql_put_name(dialects[d], &sql, df_str_from(texts[i]));
            df_sql_facts facts = df_sql_classify(dialects[d], df_buf_str(&sql), &arena);
            right &= df_str_is(facts.object.name, texts[i]);
            df_buf_clear(&sql);
            df_sql_put_literal(dialects[d], &sql, df_str_from(texts[i]));
            df_sql_lexer lexer = {.dialect = dialects[d], .text = df_buf_str(&sql)};
            df_sql_token t = df_sql_next_token(&lexer);
            right &= t.kind == DF_SQL_STRING && !t.open && t.text.len == sql.len;
            df_buf_release(&sql);
            df_arena_release(&arena);
        }
        check(right, "name and literal %zu are read as they were written", i);
    }
}

int main(void)
{
    test_writing();
    test_words();
    test_strings();
    test_comments();
    test_numbers();
    df_sql_lexer lexer = {.dialect = &df_sql_postgres, .text = DF_STR("  a")};
    check(df_sql_is(df_sql_next_word(&lexer), "A") && df_sql_next_word(&lexer).kind == DF_SQL_END &&
              df_sql_next_word(&lexer).kind == DF_SQL_END,
          "the end comes again and again");
    lexer = (df_sql_lexer){.dialect = &df_sql_postgres, .text = DF_STR("\"select\" select selects")};
    df_sql_token name = df_sql_next_word(&lexer), word = df_sql_next_word(&lexer),
                 more = df_sql_next_word(&lexer);
    check(!df_sql_is(name, "select") && df_sql_is(word, "Select") && !df_sql_is(more, "select"),
          "a quoted name is no keyword");
    check(df_sql_dialect_of("postgres") == &df_sql_postgres &&
              df_sql_dialect_of("sqlite") == &df_sql_sqlite &&
              df_sql_dialect_of("mariadb") == &df_sql_mariadb && !df_sql_dialect_of("oracle") &&
              !df_sql_dialect_of(NULL),
          "dialects by the names of engines");
    return tap_done();
}
