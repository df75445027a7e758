/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What statements are, for SQLite and MariaDB, and the tags of all. PostgreSQL's are compared with its own
 * parser in pg_query_facts.py, those about transactions with the servers in transactions.py.
 */
#include "sql/sql.h"

#include <stdio.h>
#include <tap.h>

typedef struct example {
    const char *sql, *tag;
    int cls; /* df_sql_class */
    uint32_t flags;
    const char *object; /* "kind schema.name(column)" */
    const char *table;  /* "schema.name" */
    const char *value;
} example;

enum {
    UN = DF_SQL_UNKNOWN,
    QU = DF_SQL_QUERY,
    DM = DF_SQL_DML,
    DD = DF_SQL_DDL,
    TR = DF_SQL_TRANSACTION,
    SE = DF_SQL_SESSION,
    RO = DF_SQL_ROUTINE,
    MA = DF_SQL_MAINTENANCE,
    NT = DF_SQL_NO_TRANSACTION,
    IC = DF_SQL_IMPLICIT_COMMIT,
    BE = DF_SQL_BEGIN,
    CO = DF_SQL_COMMIT,
    RB = DF_SQL_ROLLBACK,
    DE = DF_SQL_DESTROYS,
    WH = DF_SQL_WHOLE_TABLE,
    TE = DF_SQL_TEMPORARY,
    IE = DF_SQL_IF_EXISTS,
    IB = DF_SQL_INDEX_BUILD,
    DY = DF_SQL_DYNAMIC,
    FK = DF_SQL_FOREIGN_KEYS,
};

static const example sqlite[] = {
    {"CREATE TABLE IF NOT EXISTS main.[a b] (x)", "CREATE TABLE", DD, IE, "table main.a b", "main.a b", 0},
    {"create temp table T (x)", "CREATE TABLE", DD, TE, "table T", "T", 0},
    {"CREATE TABLE temp.t (x)", "CREATE TABLE", DD, TE, "table temp.t", "temp.t", 0},
    {"CREATE TABLE 'q''r' AS SELECT 1", "CREATE TABLE", DD, 0, "table q'r", "q'r", 0},
    {"CREATE VIRTUAL TABLE f USING fts5(a, b)", "CREATE VIRTUAL TABLE", DD, 0, "table f", "f", 0},
    {"CREATE UNIQUE INDEX IF NOT EXISTS main.i ON \"t\" (a)", "CREATE INDEX", DD, IE | IB, "index main.i",
     "t", 0},
    {"CREATE TRIGGER x INSTEAD OF UPDATE OF a, b ON `v` BEGIN SELECT 1; END", "CREATE TRIGGER", DD, 0,
     "trigger x", "v", 0},
    {"CREATE TEMP VIEW v AS SELECT 1", "CREATE VIEW", DD, TE, "view v", 0, 0},
    {"DROP TABLE IF EXISTS t", "DROP TABLE", DD, DE | IE, "table t", "t", 0},
    {"DROP INDEX i", "DROP INDEX", DD, 0, "index i", 0, 0},
    {"ALTER TABLE t RENAME TO u", "ALTER TABLE", DD, 0, "table t", "t", "u"},
    {"ALTER TABLE t RENAME a TO b", "ALTER TABLE", DD, 0, "table t(a)", "t", "b"},
    {"ALTER TABLE t RENAME COLUMN \"a\" TO [b c]", "ALTER TABLE", DD, 0, "table t(a)", "t", "b c"},
    {"ALTER TABLE t ADD COLUMN a INT", "ALTER TABLE", DD, 0, "table t(a)", "t", 0},
    {"ALTER TABLE t ADD key TEXT", "ALTER TABLE", DD, 0, "table t(key)", "t", 0},
    {"ALTER TABLE t DROP COLUMN a", "ALTER TABLE", DD, DE, "table t(a)", "t", 0},
    {"INSERT OR REPLACE INTO t VALUES (1)", "INSERT", DM, 0, "table t", "t", 0},
    {"REPLACE INTO t VALUES (1)", "REPLACE", DM, 0, "table t", "t", 0},
    {"UPDATE OR IGNORE t SET a = (SELECT 1 WHERE 1)", "UPDATE", DM, WH, "table t", "t", 0},
    {"DELETE FROM main.t WHERE a", "DELETE", DM, DE, "table main.t", "main.t", 0},
    {"WITH x(a) AS (SELECT 1), y AS MATERIALIZED (SELECT 2) DELETE FROM t", "DELETE", DM, DE | WH, "table t",
     "t", 0},
    {"WITH x AS (VALUES (1)) SELECT * FROM x", "SELECT", QU, 0, 0, 0, 0},
    {"BEGIN IMMEDIATE TRANSACTION", "BEGIN", TR, BE, 0, 0, 0},
    {"END TRANSACTION", "COMMIT", TR, CO, 0, 0, 0},
    {"ROLLBACK TRANSACTION TO SAVEPOINT a", "ROLLBACK", TR, 0, 0, 0, 0},
    {"PRAGMA foreign_keys = OFF", "PRAGMA", SE, NT | FK, 0, 0, "foreign_keys"},
    {"PRAGMA main.FOREIGN_KEYS(1)", "PRAGMA", SE, NT | FK, 0, 0, "foreign_keys"},
    {"PRAGMA foreign_keys", "PRAGMA", QU, 0, 0, 0, "foreign_keys"},
    {"PRAGMA table_info(t)", "PRAGMA", QU, 0, 0, 0, "table_info"},
    {"PRAGMA defer_foreign_keys = ON", "PRAGMA", SE, 0, 0, 0, "defer_foreign_keys"},
    {"PRAGMA optimize", "PRAGMA", MA, 0, 0, 0, "optimize"},
    {"VACUUM main INTO 'x'", "VACUUM", MA, NT, 0, 0, 0},
    {"REINDEX t", "REINDEX", MA, IB, "index t", 0, 0},
    {"ATTACH 'a' AS b", "ATTACH", SE, 0, 0, 0, 0},
    {"SET a = 1", "", UN, 0, 0, 0, 0},
    {"-- nothing", "", UN, 0, 0, 0, 0},
    {"EXPLAIN QUERY PLAN DELETE FROM t", "EXPLAIN", QU, 0, 0, 0, 0},
};

static const example mariadb[] = {
    {"CREATE OR REPLACE TABLE `d`.`T` (a INT)", "CREATE TABLE", DD, IC | DE | IE, "table d.T", "d.T", 0},
    {"CREATE OR REPLACE TEMPORARY TABLE t (a INT)", "CREATE TABLE", DD, TE | IE, "table t", "t", 0},
    {"CREATE TABLE 2fa (a INT)", "CREATE TABLE", DD, IC, "table 2fa", "2fa", 0},
    {"DROP TEMPORARY TABLE IF EXISTS t", "DROP TABLE", DD, TE | IE, "table t", "t", 0},
    {"DROP SCHEMA s", "DROP DATABASE", DD, IC | DE, "database s", 0, 0},
    {"DROP INDEX i ON d.t", "DROP INDEX", DD, IC, "index i", "d.t", 0},
    {"CREATE FULLTEXT INDEX IF NOT EXISTS i USING BTREE ON t (a)", "CREATE INDEX", DD, IC | IE | IB,
     "index i", "t", 0},
    {"CREATE OR REPLACE ALGORITHM = MERGE DEFINER = `a`@`%` SQL SECURITY DEFINER VIEW v AS SELECT 1",
     "CREATE VIEW", DD, IC | IE, "view v", 0, 0},
    {"CREATE DEFINER = CURRENT_USER() TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1",
     "CREATE TRIGGER", DD, IC, "trigger x", "t", 0},
    {"CREATE DEFINER=root@localhost PROCEDURE d.p() SELECT 1", "CREATE PROCEDURE", DD, IC, "procedure d.p", 0,
     0},
    {"CREATE AGGREGATE FUNCTION f(x INT) RETURNS INT RETURN 1", "CREATE FUNCTION", DD, IC, "function f", 0,
     0},
    {"/*!50003 CREATE*/ /*!50020 DEFINER=`a`@`b`*/ /*!50003 TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET @a "
     "= 1 */",
     "CREATE TRIGGER", DD, IC, "trigger x", "t", 0},
    {"/*!40000 ALTER TABLE `t` DISABLE KEYS */", "ALTER TABLE", DD, IC, "table t", "t", 0},
    {"/*!80000 ALTER TABLE t ADD a INT */", "", UN, 0, 0, 0, 0},
    {"CREATE USER IF NOT EXISTS 'u'@'%' IDENTIFIED BY 'x'", "CREATE USER", DD, IC | IE, "user u", 0, 0},
    {"ALTER TABLE t ADD COLUMN (a INT, b INT)", "ALTER TABLE", DD, IC, "table t(a)", "t", 0},
    {"ALTER TABLE t ADD a INT AFTER b, ADD INDEX (a)", "ALTER TABLE", DD, IC | IB, "table t(a)", "t", 0},
    {"ALTER TABLE t ADD UNIQUE KEY IF NOT EXISTS k (a)", "ALTER TABLE", DD, IC | IB | IE, "table t", "t", 0},
    {"ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT, DROP COLUMN IF EXISTS b", "ALTER TABLE", DD, IC | IE | DE,
     "table t(a)", "t", 0},
    {"ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT, DROP FOREIGN KEY fk", "ALTER TABLE", DD, IC, "table t(a)",
     "t", 0},
    {"ALTER TABLE t DROP FOREIGN KEY IF EXISTS fk, DROP PRIMARY KEY", "ALTER TABLE", DD, IC, "table t", "t",
     0},
    {"ALTER TABLE t DROP INDEX IF EXISTS i", "ALTER TABLE", DD, IC | IE, "table t", "t", 0},
    {"ALTER TABLE t CHANGE COLUMN a b INT", "ALTER TABLE", DD, IC, "table t(a)", "t", "b"},
    {"ALTER TABLE t CHANGE a a BIGINT", "ALTER TABLE", DD, IC, "table t(a)", "t", 0},
    {"ALTER TABLE t MODIFY COLUMN a BIGINT NOT NULL", "ALTER TABLE", DD, IC, "table t(a)", "t", 0},
    {"ALTER TABLE t RENAME u", "ALTER TABLE", DD, IC, "table t", "t", "u"},
    {"ALTER TABLE t RENAME COLUMN a TO b", "ALTER TABLE", DD, IC, "table t(a)", "t", "b"},
    {"ALTER TABLE t RENAME INDEX a TO b", "ALTER TABLE", DD, IC, "table t", "t", 0},
    {"ALTER TABLE t DROP PARTITION p0, p1", "ALTER TABLE", DD, IC | DE, "table t", "t", 0},
    {"ALTER TABLE t TRUNCATE PARTITION p0", "ALTER TABLE", DD, IC | DE, "table t", "t", 0},
    {"ALTER ONLINE IGNORE TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (b) ON DELETE CASCADE",
     "ALTER TABLE", DD, IC, "table t", "t", 0},
    {"RENAME TABLE d.a TO d.b, c TO e", "RENAME TABLE", DD, IC, "table d.a", "d.a", "b"},
    {"TRUNCATE t", "TRUNCATE", DD, IC | DE, "table t", "t", 0},
    {"INSERT LOW_PRIORITY IGNORE INTO t SET a = 1", "INSERT", DM, 0, "table t", "t", 0},
    {"UPDATE LOW_PRIORITY t SET a = 1 LIMIT 5", "UPDATE", DM, 0, "table t", "t", 0},
    {"UPDATE t JOIN u ON t.a = u.a SET t.b = 1", "UPDATE", DM, WH, "table t", "t", 0},
    {"DELETE QUICK FROM t", "DELETE", DM, DE | WH, "table t", "t", 0},
    {"LOAD DATA LOCAL INFILE 'x' INTO TABLE d.t", "LOAD DATA", DM, 0, "table d.t", "d.t", 0},
    {"BEGIN", "BEGIN", TR, BE | IC, 0, 0, 0},
    {"START TRANSACTION READ ONLY", "START TRANSACTION", TR, BE | IC, 0, 0, 0},
    {"COMMIT WORK AND CHAIN NO RELEASE", "COMMIT", TR, CO | BE, 0, 0, 0},
    {"ROLLBACK TO a", "ROLLBACK", TR, 0, 0, 0, 0},
    {"ROLLBACK", "ROLLBACK", TR, RB, 0, 0, 0},
    {"BEGIN NOT ATOMIC SELECT 1; END", "BEGIN NOT ATOMIC", RO, DY, 0, 0, 0},
    {"l: LOOP LEAVE l; END LOOP", "LOOP", RO, DY, 0, 0, 0},
    {"CALL p(1)", "CALL", RO, DY, 0, 0, 0},
    {"SET @a = 1, @b = 2", "SET", SE, 0, 0, 0, "@a"},
    {"SET GLOBAL max_connections = 5", "SET", SE, 0, 0, 0, "max_connections"},
    {"SET @@session.SQL_MODE = ''", "SET", SE, 0, 0, 0, "sql_mode"},
    {"SET foreign_key_checks = 0", "SET", SE, 0, 0, 0, "foreign_key_checks"},
    {"SET STATEMENT max_statement_time = 1 FOR DROP TABLE t", "DROP TABLE", DD, IC | DE, "table t", "t", 0},
    {"USE `d`", "USE", SE, 0, "database d", 0, 0},
    {"LOCK TABLES t WRITE", "LOCK TABLES", SE, IC, "table t", "t", 0},
    {"OPTIMIZE LOCAL TABLE t", "OPTIMIZE TABLE", MA, IC, "table t", "t", 0},
    {"ANALYZE TABLE t", "ANALYZE", MA, IC, "table t", "t", 0},
    {"ANALYZE UPDATE t SET a = 1", "UPDATE", DM, WH, "table t", "t", 0},
    {"GRANT SELECT ON d.* TO u", "GRANT", DD, IC, "table", 0, 0},
    {"DESCRIBE t", "EXPLAIN", QU, 0, 0, 0, 0},
    {"PRAGMA x", "", UN, 0, 0, 0, 0},
};

#define A60 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* Tags as the server gives them with "CREATE INDEX" and the like, and names that are folded. */
static const example postgres[] = {
    {"CREATE UNIQUE INDEX I ON T (a)", "CREATE INDEX", DD, IB, "index i", "t", 0},
    {"ALTER TABLE ONLY \"S\".t ADD C int", "ALTER TABLE", DD, 0, "table S.t(c)", "S.t", 0},
    {"START TRANSACTION", "START TRANSACTION", TR, BE, 0, 0, 0},
    {"END", "COMMIT", TR, CO, 0, 0, 0},
    {"ABORT", "ROLLBACK", TR, RB, 0, 0, 0},
    {"WITH x AS (SELECT 1) INSERT INTO t SELECT 1", "INSERT", DM, 0, "table t", "t", 0},
    {"SELECT a INTO t FROM u", "SELECT INTO", DD, 0, "table t", "t", 0},
    {"DROP MATERIALIZED VIEW s.v", "DROP MATERIALIZED VIEW", DD, 0, "materialized view s.v", 0, 0},
    {"SET LOCAL Search_Path TO a", "SET", SE, 0, 0, 0, "search_path"},
    {"SET SESSION AUTHORIZATION joe", "SET", SE, 0, 0, 0, "session_authorization"},
    {"SET TIME ZONE 'UTC'", "SET", SE, 0, 0, 0, "timezone"},
    {"COMMENT ON COLUMN a.b.c IS 'x'", "COMMENT", DD, 0, "column c(c)", "a.b", 0},
    {"ALTER TYPE s.e ADD VALUE 'it''s'", "ALTER TYPE", DD, DF_SQL_ADD_VALUE, "type s.e", 0, "it's"},
    {"DROP VIEW " A60 "a\xc3\xa4"
     "b",
     "DROP VIEW", DD, 0, "view " A60 "a\xc3\xa4", 0, 0}, /* 63 bytes are kept */
    {"DROP VIEW \"" A60 "aa\xc3\xa4\"", "DROP VIEW", DD, 0, "view " A60 "aa", 0,
     0}, /* and whole characters */
    {"FROBNICATE x", "", UN, 0, 0, 0, 0},
    {"CREATE FROBNICATOR x", "CREATE", DD, 0, 0, 0, 0},
};

static void put_object(df_buf *out, const df_sql_object *object, bool kind)
{
    if (kind && object->kind) df_buf_text(out, object->kind);
    if (object->name.ptr && kind) df_buf_char(out, ' ');
    if (object->schema.ptr) df_buf_printf(out, "%.*s.", DF_FMT(object->schema));
    df_buf_str_add(out, object->name);
    if (kind && object->column.ptr) df_buf_printf(out, "(%.*s)", DF_FMT(object->column));
}

static void test_one(const df_sql_dialect *dialect, const example *e)
{
    df_arena arena = {0};
    df_buf object = {0}, table = {0};
    df_sql_facts f = df_sql_classify(dialect, df_str_from(e->sql), &arena);
    put_object(&object, &f.object, true);
    put_object(&table, &f.table, false);
    bool right = (int)f.cls == e->cls && f.flags == e->flags && strcmp(f.tag, e->tag) == 0 &&
                 strcmp(df_buf_cstr(&object), e->object ? e->object : "") == 0 &&
                 strcmp(df_buf_cstr(&table), e->table ? e->table : "") == 0 &&
                 df_str_eq(f.value, df_str_from(e->value));
    if (!check(right, "%s", e->sql))
        note("class %d, flags %#x (wanted %#x), tag %s, object %s, table %s, value %.*s", (int)f.cls, f.flags,
             e->flags, f.tag, object.ptr, table.ptr, DF_FMT(f.value));
    df_buf_release(&object);
    df_buf_release(&table);
    df_arena_release(&arena);
}

int main(void)
{
    for (size_t i = 0; i < sizeof sqlite / sizeof *sqlite; i++) test_one(&df_sql_sqlite, &sqlite[i]);
    for (size_t i = 0; i < sizeof mariadb / sizeof *mariadb; i++) test_one(&df_sql_mariadb, &mariadb[i]);
    for (size_t i = 0; i < sizeof postgres / sizeof *postgres; i++) test_one(&df_sql_postgres, &postgres[i]);
    return tap_done();
}
