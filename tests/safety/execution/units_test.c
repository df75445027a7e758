/* SPDX-License-Identifier: Apache-2.0 */
/* Statements cut into units, and conditions of batches: what is decided without a database. */
#include "safety/execution/execution_int.h"

#include "tap.h"

#include <stdio.h>
#include <stdlib.h>

/* "T2 A1 S1" for a transaction of two statements, one alone, one for the session; "whole" in front when it is one. */
static void describe(const df_units *units, char *out, size_t size)
{
    size_t n = (size_t)snprintf(out, size, "%s", units->whole ? "whole" : "");
    for (size_t i = 0; i < units->count && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%c%zu%s", n ? " " : "", "TASB"[units->items[i].mode], units->items[i].count,
                              units->items[i].roll_back ? "r" : "");
}

static void cut(const df_sql_dialect *dialect, const char *sql, bool no_transaction, const char *expected)
{
    df_arena arena = {0};
    df_steps steps = {0};
    size_t cap = 0;
    df_sql_splitter splitter = {.dialect = dialect, .script = df_str_from(sql)};
    df_sql_statement statement;
    bool more = true;
    static const df_batch batch = {.size = 10, .max_lag_ms = -1};
    df_error err = {0};
    while (df_sql_split(&splitter, &statement, &more, &err) == DF_OK && more) {
        df_step step = {.statement = statement, .facts = df_sql_classify(dialect, statement.text, &arena)};
        if (memmem(statement.text.ptr, statement.text.len, "/*batch*/", 9)) step.batch = &batch;
        DF_PUSH(steps.items, steps.count, cap) = step;
    }
    df_section section = {.present = true, .sql = df_str_from(sql), .path = "x.sql", .no_transaction = no_transaction, .lock_ms = -1,
                          .statement_ms = -1};
    df_units units;
    char got[300];
    if (df_units_make(dialect, &section, &steps, &arena, &units, &err) == DF_OK)
        describe(&units, got, sizeof got);
    else
        snprintf(got, sizeof got, "error at line %lld", (long long)err.line);
    char name[71];
    snprintf(name, sizeof name, "%s", sql);
    for (char *p = name; *p; p++) *p = *p == '\n' ? ' ' : *p;
    check(strcmp(got, expected) == 0, "%s: %s", expected, name);
    if (strcmp(got, expected) != 0) note("got %s", got);
    free(steps.items);
    df_arena_release(&arena);
}

static void test_postgres(void)
{
    const df_sql_dialect *d = &df_sql_postgres;
    cut(d, "CREATE TABLE a (i int); ALTER TABLE a ADD b int", false, "whole T2");
    cut(d, "", false, "whole");
    cut(d, "CREATE TABLE a (i int); CREATE INDEX CONCURRENTLY x ON a (i); INSERT INTO a VALUES (1)", false, "T1 A1 T1");
    cut(d, "CREATE TABLE a (i int); INSERT INTO a VALUES (1)", true, "T1 T1");
    cut(d, "BEGIN; CREATE TABLE a (i int); COMMIT;", false, "whole T1");
    cut(d, "SET lock_timeout = 1; BEGIN; CREATE TABLE a (i int); COMMIT", false, "whole T1 T1");
    cut(d, "BEGIN; CREATE TABLE a (i int); COMMIT; BEGIN; CREATE TABLE b (i int); CREATE TABLE c (i int); COMMIT;", false, "T1 T2");
    cut(d, "BEGIN; CREATE TABLE a (i int); ROLLBACK; CREATE TABLE b (i int)", false, "T1r T1");
    cut(d, "CREATE TABLE a (i int);\nBEGIN;\nCREATE TABLE b (i int);", false, "error at line 2");
    cut(d, "BEGIN; CREATE TABLE a (i int); COMMIT AND CHAIN; CREATE TABLE b (i int); CREATE TABLE c (i int); COMMIT;", false, "T1 T2");
    cut(d, "BEGIN; CREATE TABLE a (i int); ROLLBACK AND CHAIN; CREATE TABLE b (i int); COMMIT AND CHAIN", false, "T1r T1");
    cut(d, "CREATE TABLE a (i int);\nCOMMIT AND CHAIN;\nCREATE TABLE b (i int); COMMIT", true, "error at line 2");
    cut(d, "BEGIN;\nCREATE INDEX CONCURRENTLY x ON a (i);\nCOMMIT;", false, "error at line 2");
    cut(d, "CREATE TABLE a (i int);\nCOMMIT;", false, "whole T1");
    cut(d, "CREATE TABLE a (i int);\nCOMMIT;", true, "error at line 2");
    cut(d, "CREATE TABLE a (i int);\nCOMMIT;\nCREATE TABLE b (i int)", false, "error at line 2");
    cut(d, "CREATE TABLE a (i int);\nROLLBACK;", false, "error at line 2");
    cut(d, "COMMIT; CREATE INDEX CONCURRENTLY x ON a (i); BEGIN;", false, "A1");
    cut(d, "SET lock_timeout = 1; COMMIT; ALTER TYPE t ADD VALUE 'x'; BEGIN; INSERT INTO a VALUES ('x'); UPDATE a SET i = 1;", false, "S1 T1 T2");
    cut(d, "COMMIT; CREATE TABLE a (i int); BEGIN; CREATE TABLE b (i int); COMMIT; CREATE TABLE c (i int)", false, "T1 T1 T1");
    cut(d, "COMMIT;\nCREATE TABLE a (i int);\nCOMMIT;\nCREATE TABLE b (i int)", false, "error at line 3");
    cut(d, "ROLLBACK;\nCREATE TABLE a (i int)", false, "error at line 1");
    cut(d, "CREATE INDEX CONCURRENTLY x ON a (i);\nBEGIN;", false, "error at line 2");
    cut(d, "ALTER TYPE t ADD VALUE 'x'; CREATE TABLE a (i int)", false, "whole T2");
    cut(d, "ALTER TYPE t ADD VALUE 'x'; INSERT INTO a VALUES ('x')", false, "T1 T1");
    cut(d, "UPDATE a SET /*batch*/ b = 1; CREATE TABLE b (i int)", false, "B1 T1");
    cut(d, "VACUUM a", false, "A1");
    cut(d, "SET search_path = x; CREATE INDEX CONCURRENTLY i ON a (b)", false, "S1 A1");
}

static void test_others(void)
{
    cut(&df_sql_sqlite, "CREATE TABLE a (i int); INSERT INTO a VALUES (1)", false, "whole T2");
    cut(&df_sql_sqlite, "PRAGMA foreign_keys=off; CREATE TABLE a (i int); DROP TABLE b; PRAGMA foreign_keys=on;", false, "whole S1 T2 S1");
    cut(&df_sql_sqlite, "PRAGMA foreign_keys=off; BEGIN; CREATE TABLE a (i int); COMMIT; PRAGMA foreign_keys=on;", false, "whole S1 T1 S1");
    cut(&df_sql_sqlite, "CREATE TABLE a (i int); INSERT INTO a VALUES (1); VACUUM; CREATE TABLE b (i int)", false, "T2 A1 T1");
    cut(&df_sql_mariadb, "CREATE TABLE a (i int); INSERT INTO a VALUES (1); UPDATE a SET i = 2", false, "A1 T1 T1");
    cut(&df_sql_mariadb, "START TRANSACTION; INSERT INTO a VALUES (1); UPDATE a SET i = 2; COMMIT", false, "T2");
    cut(&df_sql_mariadb, "INSERT INTO a VALUES (1); INSERT INTO `a` (i) VALUES (2); INSERT INTO b VALUES (1); INSERT INTO a SELECT 1", false, "T2 T1 T1");
    cut(&df_sql_mariadb, "INSERT INTO a VALUES (1); INSERT INTO a VALUES (2)", true, "T1 T1");
    cut(&df_sql_mariadb, "INSERT INTO a VALUES (1); UPDATE a SET i = 3; INSERT INTO a VALUES (2); INSERT INTO x.a VALUES (2)", false, "T1 T1 T1 T1");
    cut(&df_sql_mariadb, "CREATE TABLE a (i int); INSERT INTO a VALUES (1); COMMIT; INSERT INTO a VALUES (2); COMMIT", false, "A1 T1 T1");
    cut(&df_sql_mariadb, "SET autocommit = 0; INSERT INTO a VALUES (1); COMMIT", false, "S1 T1");
    cut(&df_sql_mariadb, "INSERT INTO a VALUES (1);\nCOMMIT AND CHAIN;\nINSERT INTO a VALUES (2); COMMIT", false, "error at line 2");
    cut(&df_sql_mariadb, "INSERT INTO a VALUES (1);\nROLLBACK", false, "error at line 2");
    cut(&df_sql_mariadb, "START TRANSACTION; INSERT INTO a VALUES (1); CREATE TABLE b (i int); COMMIT", false, "T1 A1");
    cut(&df_sql_mariadb, "SET FOREIGN_KEY_CHECKS = 0; CREATE TABLE a (i int)", false, "S1 A1");
}

static void ranged(const char *sql, const char *lo, const char *hi, const char *expected)
{
    df_buf out = {0};
    df_error err = {0};
    df_code code = batch_condition(&df_sql_postgres, df_str_from(sql), DF_STR("id"), df_str_from(lo), df_str_from(hi), &out, &err);
    bool good = code == DF_OK && strcmp(df_buf_cstr(&out), expected) == 0;
    check(good, "%s", sql);
    if (!good) note("got  %s", code == DF_OK ? df_buf_cstr(&out) : err.message);
    df_buf_release(&out);
}

static void test_conditions(void)
{
    ranged("UPDATE t SET a = 1", "5", "9", "UPDATE t SET a = 1 WHERE id > 5 AND id <= 9 ");
    ranged("UPDATE t SET a = 1", "", "9", "UPDATE t SET a = 1 WHERE id <= 9 ");
    ranged("UPDATE t SET a = 1 WHERE a IS NULL OR b", "5", "9", "UPDATE t SET a = 1 WHERE ( a IS NULL OR b\n) AND id > 5 AND id <= 9 ");
    ranged("UPDATE t SET a = (SELECT 1 WHERE true) RETURNING id", "5", "9",
           "UPDATE t SET a = (SELECT 1 WHERE true) WHERE id > 5 AND id <= 9 RETURNING id");
    ranged("DELETE FROM t WHERE x -- all\n", "5", "9", "DELETE FROM t WHERE ( x\n) AND id > 5 AND id <= 9 ");
    ranged("INSERT INTO u SELECT * FROM t WHERE y ON CONFLICT DO NOTHING", "5", "9",
           "INSERT INTO u SELECT * FROM t WHERE ( y\n) AND id > 5 AND id <= 9 ON CONFLICT DO NOTHING");
}

int main(void)
{
    test_postgres();
    test_others();
    test_conditions();
    return tap_done();
}
