/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite_test FOLDER: SQLite's files are split where sqlite3_complete() sees the end of a statement, and
 * where sqlite3_prepare_v2() stops reading one.
 */
#include "sql/sql.h"

#include "corpus.h"
#include <sqlite3.h>
#include <tap.h>

typedef struct totals {
    long files, statements, different, stopped;
    sqlite3 *db;
} totals;

/* Where the statement that begins at `from` ends, by sqlite3_complete(): behind its semicolon. */
static size_t complete_end(char *sql, size_t from)
{
    for (char *p = sql + from; (p = strchr(p, ';')); p++) {
        char next = p[1];
        p[1] = '\0';
        int complete = sqlite3_complete(sql + from);
        p[1] = next;
        if (complete) return (size_t)(p + 1 - sql);
    }
    return strlen(sql);
}

static void by_complete(void *context, const char *path, df_str text)
{
    totals *t = context;
    char *sql = df_strdup(text);
    df_sql_splitter splitter = {.dialect = &df_sql_sqlite, .script = df_str_from(sql)};
    df_sql_statement ours = {0};
    bool more = true, right = true;
    df_error err = {0};
    size_t from = 0;
    for (;;) {
        bool blank = true;
        size_t end = from;
        while (blank && sql[from]) { /* one that has nothing but a semicolon is a statement to them */
            end = complete_end(sql, from);
            blank = df_sql_is_blank(&df_sql_sqlite, (df_str){sql + from, end - from});
            if (blank) from = end;
        }
        if (df_sql_split(&splitter, &ours, &more, &err) != DF_OK) right = false;
        if (!right || !more) break;
        right = !blank && ours.offset >= from && ours.offset + ours.text.len <= end &&
                df_sql_is_blank(&df_sql_sqlite, (df_str){sql + from, ours.offset - from});
        size_t our_end = ours.offset + ours.text.len;
        right = right && df_sql_is_blank(&df_sql_sqlite, (df_str){sql + our_end, end - our_end});
        t->statements++;
        from = end;
    }
    right = right && !sql[from];
    if (!right) note("%s: statement %d at %zu; %s", path, ours.number, from, err.message);
    t->different += !right;
    t->files++;
    free(sql);
}

static df_str behind(const df_sql_statement *ours, const char *tail)
{
    const char *end = ours->text.ptr + ours->text.len;
    return (df_str){end, (size_t)(tail - end)};
}

/* Runs the file as the shell does, and compares where each statement was taken from. */
static void by_prepare(void *context, const char *path, df_str text)
{
    totals *t = context;
    char *sql = df_strdup(text);
    df_sql_splitter splitter = {.dialect = &df_sql_sqlite, .script = df_str_from(sql)};
    df_sql_statement ours;
    bool more;
    df_error err = {0};
    const char *rest = sql, *tail;
    int number = 0;
    while (*rest) {
        sqlite3_stmt *statement;
        if (sqlite3_prepare_v2(t->db, rest, -1, &statement, &tail) != SQLITE_OK) {
            t->stopped++; /* a function or table that is not there; the rest of the file cannot be prepared */
            break;
        }
        if (statement) {
            number++;
            bool right = df_sql_split(&splitter, &ours, &more, &err) == DF_OK && more &&
                         ours.text.ptr >= rest && ours.text.ptr + ours.text.len <= tail &&
                         df_sql_is_blank(&df_sql_sqlite, (df_str){rest, (size_t)(ours.text.ptr - rest)}) &&
                         df_sql_is_blank(&df_sql_sqlite, behind(&ours, tail));
            if (!right) {
                note("%s: statement %d", path, number);
                t->different++;
                sqlite3_finalize(statement);
                break;
            }
            while (sqlite3_step(statement) == SQLITE_ROW) continue;
            sqlite3_finalize(statement);
            t->statements++;
        }
        rest = tail;
    }
    if (!*rest && (df_sql_split(&splitter, &ours, &more, &err) != DF_OK || more)) t->different++;
    t->files++;
    free(sql);
}

/* What the histories have little of. */
static const char *const scripts[] = {
    "",
    ";;",
    "SELECT 1",
    "SELECT 1; ; SELECT 2;-- c;\n",
    "SELECT ';', \";\", `;`, [;], 'a''; b'; SELECT 2; /* ; */ SELECT 3 /* c */;",
    "CREATE TABLE t (a, b); CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END; SELECT 3;",
    "CREATE TEMP TABLE e (\"end\", \"begin\"); CREATE TEMP TRIGGER r AFTER UPDATE OF \"end\" ON e WHEN "
    "new.\"begin\" > 1 "
    "BEGIN SELECT CASE WHEN 1 THEN 2 END; UPDATE e SET \"end\" = CASE 1 WHEN 2 THEN 3 ELSE 4 END; END; "
    "SELECT 1;",
    "CREATE TABLE f (a); CREATE TEMPORARY TRIGGER IF NOT EXISTS r BEFORE DELETE ON f BEGIN DELETE FROM f; "
    "INSERT INTO f VALUES ('; END;'); /* END; */ END ; SELECT 5",
    "EXPLAIN SELECT 1; BEGIN; COMMIT; BEGIN IMMEDIATE; END; SELECT CASE 1 WHEN 1 THEN 2 END; SELECT 2;",
    "CREATE TABLE begin (x); SELECT x FROM begin; DROP TABLE begin;",
    "SELECT 1 -- to the end\r; SELECT 2\n; SELECT x'00', $a, :b, @c, ?1, #1; SELECT 3;",
    "\xef\xbb\xbfSELECT 1; SELECT 2;",
    "SELECT 1; /* open to the end of the file",
    "SELECT 1e5, .5, 1.5e-3, 0x1f; SELECT a->>'$.b;', a -> 'c' FROM (SELECT '{}' AS a);",
};

static void hand_written(void)
{
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        totals t = {0};
        by_complete(&t, scripts[i], df_str_from(scripts[i]));
        check(!t.different, "script %zu is split as sqlite3_complete() has it (%ld statements)", i,
              t.statements);
        sqlite3_open(":memory:", &t.db);
        by_prepare(&t, scripts[i], df_str_from(scripts[i]));
        check(!t.different, "script %zu is split as sqlite3_prepare() has it", i);
        sqlite3_close(t.db);
    }
}

int main(int argc, char **argv)
{
    hand_written();
    totals complete = {0}, prepare = {0};
    if (argc > 1) corpus_walk(argv[1], corpus_sqlite, NULL, by_complete, &complete);
    if (!complete.files) {
        skip("the histories are not there");
        return tap_done();
    }
    check(!complete.different && complete.statements > 1000,
          "%ld statements of %ld files as sqlite3_complete() has them", complete.statements, complete.files);
    static const char *const ups[] = {"authelia/internal/storage/migrations/sqlite/", "taproot-assets/",
                                      NULL};
    static const char *const downs[] = {".down.sql", NULL};
    sqlite3_open(":memory:", &prepare.db);
    corpus_walk(argv[1], ups, downs, by_prepare, &prepare);
    sqlite3_close(prepare.db);
    check(!prepare.different && prepare.statements > 300,
          "%ld statements of %ld files as sqlite3_prepare() has them (%ld files stop early)",
          prepare.statements, prepare.files, prepare.stopped);
    return tap_done();
}
