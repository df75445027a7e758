/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of a megabyte that would keep a reader busy for hours, or use up its stack, if it looked at what it
 * has read again and again. What is checked is that everything is read; the time limit of the test does the
 * rest.
 */
#include "sql/modern.h"
#include "sql/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <tap.h>

enum { SIZE = 1 << 20 };

static const char *const units[] = {
    "$",
    "$a ",
    "$a",
    "a$b$",
    "'",
    "'\\'",
    "\\",
    "\"",
    "`",
    "[",
    "]",
    "E'a' ",
    "E'a'\n",
    "e'\\\\",
    "/*",
    "*/",
    "/* ",
    "/*/",
    "/*!",
    "/*!50001 ",
    "/*!99999 ",
    "/*!*/",
    "--",
    "-- \n",
    "-",
    "- -",
    "--/**/",
    "#\n",
    "\r",
    "\r\n",
    "\xef\xbb\xbf",
    ";",
    "; ",
    "a;",
    "(",
    ")",
    "()",
    "a ",
    "1.",
    "1e+",
    "0x",
    "..",
    "a.",
    "@",
    ":",
    "a:",
    "\n.",
    "\n#",
    "\\echo \n",
    "status\n",
    "use a\n",
    "U&'",
    "x'",
    "case ",
    "case when end ",
    "end ",
    "begin ",
    "begin; ",
    "if ",
    "then ",
    "loop ",
    "DELIMITER a\n",
    "DELIMITER ;\n",
    "SET a=1;",
    "EXPLAIN ANALYZE ",
    "EXPLAIN (ANALYZE) ",
    "SET STATEMENT a=1 FOR ",
    "ANALYZE ",
    "WITH a AS (",
    "WITH a AS (SELECT 1) ",
    "SET sql_mode='',",
    "SET sql_mode='';",
    "CREATE ",
    "CREATE OR REPLACE ",
    "CREATE DEFINER=a@b ",
    "CREATE FUNCTION f() ",
    "ALTER TABLE t ADD a int, ",
    "CREATE TRIGGER t AFTER INSERT ON t FOR EACH ROW ",
    "DECLARE a HANDLER FOR ",
    "COPY t FROM STDIN;\n",
    "COPY t FROM STDIN;\n\\.\n",
    "DO 'begin commit",
    "DO $$ commit $$;",
    "ALTER TYPE a RENAME ",
    "SET standard_conforming_strings = off;",
    "PRAGMA foreign_keys=1;",
    "CREATE RULE a AS (;",
    "REINDEX (CONCURRENTLY) ",
    "GRANT a ON ",
    "until ",
    "label: ",
    "?",
    "//\r",
    "//\n",
    ":auto ",
    ":use a\n",
    ":param {",
    ":help\n",
    "\xc2\xa0",
    "MATCH (n) ",
    "MATCH ((((",
    "CALL { ",
    "CALL (",
    "CALL a.b.c ",
    "CALL {} IN ",
    "CALL {} IN 4 ",
    "FOREACH (a IN b | ",
    "SET a.b = c.d, ",
    "SET a = ",
    "REMOVE a:b ",
    "DELETE a, ",
    "UNWIND a AS b ",
    "CASE ",
    "LIST<",
    "USING PERIODIC COMMIT ",
    "CALL apoc.periodic.iterate('",
    "EXPLAIN ",
    "CYPHER a=b ",
    "SHOW ",
    "{p}",
    "exists(",
    "size((a)--",
    "id(",
    "[r]-",
    "[a|:b",
    "CALL dbms.procedures(",
    "CALL db.indexes() YIELD a, ",
    "CALL { WITH a, ",
    "CREATE INDEX ON :A(b) ",
    "CREATE CONSTRAINT ON (a) ASSERT exists(",
    "filter(a IN ",
    "MATCH (a)-[r]-(b) SET a = b ",
};

/* In front of the repeated part. */
static const char *const beginnings[] = {"",
                                         "CREATE PROCEDURE p() BEGIN ",
                                         "CREATE TRIGGER t BEGIN ",
                                         "SELECT '",
                                         "CREATE FUNCTION f() BEGIN ATOMIC ",
                                         "DELIMITER //\n",
                                         "ALTER TABLE t ",
                                         "MATCH (n) CALL (n) { SET "};

static bool read_all(const df_sql_dialect *dialect, df_str text)
{
    df_sql_lexer lexer = {.dialect = dialect, .text = text};
    size_t read = 0;
    for (df_sql_token t; (t = df_sql_next_token(&lexer)).kind != DF_SQL_END;) read += t.text.len;
    df_sql_splitter splitter = {.dialect = dialect, .script = text};
    df_sql_statement statement;
    bool more;
    df_error err;
    df_arena arena = {0};
    df_buf out = {0};
    df_code code;
    while ((code = df_sql_split(&splitter, &statement, &more, &err)) == DF_OK && more) {
        df_sql_classify(splitter.dialect, statement.text, &arena);
        df_arena_reset(&arena);
        df_buf_clear(&out);
        df_sql_normalise(splitter.dialect, statement.text, &out);
    }
    df_sql_classify(dialect, text, &arena);
    size_t found, lost;
    df_sql_modern(dialect, text, 0, &arena, &found);
    df_sql_losses(dialect, text, &arena, &lost);
    df_sql_normalise(dialect, text, &out);
    size_t params = 0;
    for (size_t at = 0; (at = df_sql_next_param(dialect, text, at)) < text.len; at++) params++;
    bool blank = df_sql_is_blank(dialect, text);
    df_arena_release(&arena);
    df_buf_release(&out);
    return read == text.len && params <= text.len && !(blank && params) && (code != DF_OK || !more);
}

int main(void)
{
    static const df_sql_dialect *const dialects[] = {&df_sql_postgres, &df_sql_sqlite, &df_sql_mariadb, &df_sql_cypher};
    char *text = malloc(SIZE + 128);
    for (size_t u = 0; text && u < sizeof units / sizeof *units; u++) {
        bool right = true;
        for (size_t b = 0; b < sizeof beginnings / sizeof *beginnings; b++) {
            size_t unit = strlen(units[u]), len = strlen(beginnings[b]);
            size_t size = b && beginnings[b][0] != 'S' ? SIZE / 32 : SIZE;
            memcpy(text, beginnings[b], len);
            for (; len < size; len += unit) memcpy(text + len, units[u], unit);
            for (size_t d = 0; d < sizeof dialects / sizeof *dialects; d++) right &= read_all(dialects[d], (df_str){text, len});
        }
        char shown[64];
        snprintf(shown, sizeof shown, "%s", units[u]);
        for (char *p = shown; *p; p++) *p = (unsigned char)*p < ' ' || *p == '#' || *p == '\\' ? '.' : *p;
        check(right, "a megabyte of %s", shown);
    }
    free(text);
    return tap_done();
}
