/* SPDX-License-Identifier: Apache-2.0 */
/* What the splitter says beside the statements themselves: lines, data, errors, commands of client programs.
 */
#include "sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <tap.h>

/* The statements joined by "|", and "!name:line" for an error. */
static void split(const df_sql_dialect *dialect, df_str script, df_buf *out, df_error *err)
{
    df_sql_splitter splitter = {.dialect = dialect, .script = script};
    df_sql_statement statement;
    bool more;
    df_code code;
    while ((code = df_sql_split(&splitter, &statement, &more, err)) == DF_OK && more) {
        if (out->len) df_buf_char(out, '|');
        df_buf_str_add(out, statement.text);
    }
    if (code != DF_OK) df_buf_printf(out, "!%s:%lld", df_code_name(code), (long long)err->line);
}

static void same(const df_sql_dialect *dialect, const char *script, const char *wanted, const char *what)
{
    df_buf got = {0};
    df_error err = {0};
    split(dialect, df_str_from(script), &got, &err);
    if (!check(strcmp(df_buf_cstr(&got), wanted) == 0, "%s", what))
        note("got %s (%s)", df_buf_cstr(&got), err.message);
    df_buf_release(&got);
}

static void pg(const char *script, const char *wanted, const char *what)
{
    same(&df_sql_postgres, script, wanted, what);
}

static void lite(const char *script, const char *wanted, const char *what)
{
    same(&df_sql_sqlite, script, wanted, what);
}

static void my(const char *script, const char *wanted, const char *what)
{
    same(&df_sql_mariadb, script, wanted, what);
}

static void test_edges(void)
{
    pg("a;b;", "a|b", "statements");
    pg(" -- c\n a /* x */ ; /* y */ b -- z", "a|b", "comments around them are left out");
    pg("a /* x */ b /* y */ /* z */", "a /* x */ b", "those inside stay");
    pg("a\r\n;\r\n\r\nb\r\n", "a|b", "CRLF");
    pg("\xef\xbb\xbfselect 1;", "select 1", "a byte order mark");
    pg("\xef\xbb\xbf-- c\n;", "", "a byte order mark and nothing");
    lite("\xef\xbb\xbf.echo on\nselect 1;", "select 1", "a byte order mark before a command");
    my("\xef\xbb\xbf"
       "DELIMITER //\na;b//",
       "a;b", "a byte order mark before DELIMITER");
    pg("a(;b);c", "a(|b)|c", "a parenthesis that is not closed takes nothing along");
}

static void test_errors(void)
{
    pg("a;\nb 'c\nd;", "a!corrupt:2", "a quote that does not end");
    pg("a;\nb \"c\nd;", "a!corrupt:2", "a quoted name that does not end");
    pg("a;\n\nb $x$ c\n$y$;", "a!corrupt:3", "dollars that do not end");
    pg("a /* b /* c */;", "!corrupt:1", "a nested comment that does not end");
    pg("a;\n/* b", "a!corrupt:2", "a comment behind all");
    lite("a;\n/* b", "a", "which SQLite takes");
    lite("a /* b", "a", "also inside a statement");
    lite("a;\n[b", "a!corrupt:2", "a bracket that does not end");
    my("a;\n`b", "a!corrupt:2", "a backtick that does not end");
    my("/*!40000 a ; b", "!corrupt:1", "an executed comment that does not end");
    my("'a\\';\n", "!corrupt:1", "a backslash before the quote");
    lite("CREATE TRIGGER t AFTER INSERT ON a\nBEGIN SELECT 1; SELECT 2;", "!corrupt:2",
         "a trigger without its END");
    lite("CREATE TRIGGER t AFTER INSERT ON a; SELECT 1", "CREATE TRIGGER t AFTER INSERT ON a|SELECT 1",
         "a trigger without a body ends");
    my("CREATE PROCEDURE p()\nBEGIN IF 1 THEN SELECT 1; END;", "!corrupt:2",
       "a procedure without its END IF");
    pg("CREATE FUNCTION f() RETURNS int\nBEGIN ATOMIC SELECT 1;", "!corrupt:2", "BEGIN ATOMIC without END");
    pg("CREATE RULE r AS ON INSERT TO t DO\n(SELECT 1; SELECT 2;", "!corrupt:2",
       "a rule without its parenthesis");
    df_buf got = {0};
    df_error err = {0};
    split(&df_sql_postgres, DF_STR("a;\nb\0c;"), &got, &err);
    check(strcmp(df_buf_cstr(&got), "!corrupt:2") == 0 && strstr(err.hint, "UTF-8"), "a NUL byte");
    df_buf_clear(&got);
    split(&df_sql_sqlite,
          DF_STR("\xff\xfe"
                 "a\0;\0"),
          &got, &err);
    check(err.code == DF_CORRUPT, "UTF-16");
    df_buf_clear(&got);
    split(&df_sql_mariadb, DF_STR("a; b; c 'd"), &got, &err);
    check(err.statement == 3 && err.line == 1, "an error tells its statement");
    df_buf_release(&got);
}

static void test_psql(void)
{
    pg("\\restrict x\nSELECT 1;\n\\unrestrict x\n", "SELECT 1", "pg_dump's \\restrict is passed over");
    pg("\\echo hello; world\n\\timing on\n\\set ON_ERROR_STOP on\n\\pset pager off\na;", "a",
       "what changes nothing, too");
    pg("\\set ON_ERROR_STOP off\na", "!unsupported:1", "but not going on after errors");
    pg("\\set name value\na", "!unsupported:1", "nor variables");
    pg("\\set AUTOCOMMIT off\na", "!unsupported:1", "nor AUTOCOMMIT off");
    pg("\\encoding UTF8\na", "a", "the encoding that we have");
    pg("\\encoding LATIN1\na", "!unsupported:1", "no other encoding");
    pg("\\dt+ x\n\\l\na", "a", "descriptions of the catalog");
    pg("a;\n\\i other.sql\nb;", "a!unsupported:2", "\\i");
    pg("a;\n\\copy t from 'x'\nb;", "a!unsupported:2", "\\copy");
    pg("\\connect other\n", "!unsupported:1", "\\connect");
    pg("SELECT 1\n\\gexec\n", "!unsupported:2", "\\gexec");
    pg("SELECT 1 \\g\n", "!unsupported:1", "\\g");
    pg("\\timing \\\\ SELECT 1;\n", "!unsupported:1", "SQL behind two backslashes is not lost");
    pg("\\if true\n", "!unsupported:1", "\\if");
    pg("\\.\n", "!unsupported:1", "the end of data that never began");
    pg("\\nosuch\n", "!unsupported:1", "an unknown one");
    df_buf got = {0};
    df_error err = {0};
    split(&df_sql_postgres, DF_STR("\\i other.sql"), &got, &err);
    check(strstr(err.message, "\\i ") && strstr(err.message, "psql") && err.hint[0],
          "it is named, with what to do instead");
    df_buf_release(&got);
}

static void test_clients(void)
{
    lite(".headers on\n.mode column\nSELECT 1;\n.print done\n", "SELECT 1",
         "what changes nothing in sqlite3");
    lite("# a comment of sqlite3\nSELECT 1;", "SELECT 1", "its own comments");
    lite(".bail on\nSELECT 1;", "SELECT 1", ".bail on");
    lite(".bail off\nSELECT 1;", "!unsupported:1", ".bail off");
    lite("SELECT 1;\n  .read x.sql\n", "SELECT 1!unsupported:2", ".read");
    lite(".import a b\n", "!unsupported:1", ".import");
    lite("SELECT .5; SELECT a\n.b FROM a;", "SELECT .5|SELECT a\n.b FROM a",
         "a point inside a statement is none");
    my("source x.sql\n", "!unsupported:1", "source");
    my("\\. x.sql\n", "!unsupported:1", "its short form");
    my("SELECT 1\\G\n", "!unsupported:1", "\\G");
    my("connect db;", "!unsupported:1", "connect");
    my("system rm x;", "!unsupported:1", "system");
    my("quit", "!unsupported:1", "quit");
    my("status; SELECT 1;\nwarnings\n\\W SELECT 2;", "SELECT 1|SELECT 2", "what changes nothing in mariadb");
    my("use db\nSELECT 1;", "use db|SELECT 1", "USE without a semicolon");
    my("USE `a;b`; SELECT 1;", "USE `a;b`|SELECT 1", "USE with one");
    my("SELECT \\N, 1;", "SELECT \\N, 1", "\\N is NULL");
    my("sourcetable: LOOP LEAVE sourcetable; END LOOP; SELECT 1;",
       "sourcetable: LOOP LEAVE sourcetable; END LOOP|SELECT 1", "a label");
}

static void test_delimiters(void)
{
    my("DELIMITER //\na; b//\nc//\nDELIMITER ;\nd;", "a; b|c|d", "DELIMITER");
    my("delimiter $$\na; $$ b$$", "a|b", "in any case, and semicolons at the end are taken off");
    my("DELIMITER '|'\na|b|", "a|b", "in quotes");
    my("DELIMITER go\nselect 1 go\nselect 2", "select 1|select 2", "of letters");
    my("DELIMITER //\nselect '//', `//`, \"//\" /* // */ -- //\n//\nb", "select '//', `//`, \"//\"|b",
       "not in quotes and comments");
    my("DELIMITER ;;\nCREATE PROCEDURE p() BEGIN a; END;;\nDELIMITER ;\nb;",
       "CREATE PROCEDURE p() BEGIN a; END|b", ";;");
    my("DELIMITER\na", "!unsupported:1", "DELIMITER without one");
    my("DELIMITER abcdefghijklmnopqrst\na", "!unsupported:1", "one that is too long");
    pg("DELIMITER //\na;b", "DELIMITER //\na|b", "PostgreSQL knows none");
}

static void test_settings(void)
{
    pg("SET standard_conforming_strings = off; SELECT '\\'; a'; SET standard_conforming_strings TO 'on'; "
       "SELECT '\\'; b;",
       "SET standard_conforming_strings = off|SELECT '\\'; a'|SET standard_conforming_strings TO 'on'|SELECT "
       "'\\'|b",
       "standard_conforming_strings");
    my("SET @o = @@sql_mode, SESSION sql_mode = CONCAT(@o, ',NO_BACKSLASH_ESCAPES'); SELECT '\\'; SET "
       "sql_mode = @o; "
       "SELECT '\\'; a';",
       "SET @o = @@sql_mode, SESSION sql_mode = CONCAT(@o, ',NO_BACKSLASH_ESCAPES')|SELECT '\\'|SET sql_mode "
       "= "
       "@o|SELECT '\\'; a'",
       "NO_BACKSLASH_ESCAPES");
}

static void test_copy(void)
{
    static const char script[] =
        "\n\nCOPY a (b, \"from stdin\") FROM stdin WITH (FORMAT text); \n1\t';\n\\N\t$$\n\\.\nSELECT 1;\n"
        "COPY (SELECT 1 FROM stdin) TO STDOUT;COPY a FROM STDIN;\r\n\\.\r\nSELECT 'e";
    df_sql_splitter splitter = {.dialect = &df_sql_postgres, .script = df_str_from(script), .first_line = 10};
    df_sql_statement s;
    bool more;
    df_error err;
    check(df_sql_split(&splitter, &s, &more, &err) == DF_OK && s.line == 12 &&
              df_str_is(s.data, "1\t';\n\\N\t$$\n") && df_str_ends(s.text, DF_STR("text)")),
          "the data of COPY");
    check(df_sql_split(&splitter, &s, &more, &err) == DF_OK && df_str_is(s.text, "SELECT 1") &&
              s.line == 16 && s.number == 2 && !s.data.ptr,
          "lines are counted through it, from the first that was told");
    check(df_sql_split(&splitter, &s, &more, &err) == DF_OK && !s.data.ptr, "COPY TO has none");
    check(df_sql_split(&splitter, &s, &more, &err) == DF_OK && s.data.ptr && s.data.len == 0,
          "no data is empty, not absent");
    check(df_sql_split(&splitter, &s, &more, &err) == DF_CORRUPT && err.line == 19 && err.statement == 5,
          "the line of an error, too");
    pg("a;\nCOPY t FROM STDIN;\n1\n", "a!corrupt:2", "data without its end");
    pg("COPY t FROM STDIN; SELECT 1;\n\\.\n", "!unsupported:1", "data that begins in the same line");
}

int main(void)
{
    test_edges();
    test_errors();
    test_psql();
    test_clients();
    test_delimiters();
    test_settings();
    test_copy();
    return tap_done();
}
