#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
transactions.py SQL-TOOL: what the classifier says of statements and transactions is what the servers do: each example
is run inside a transaction block, and refused by PostgreSQL and SQLite, or commits what is open in MariaDB, just when
its flag says so.
"""
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), os.path.join(HERE, "..", "cli")]
import servers  # noqa: E402
import tap  # noqa: E402

POSTGRES_SETUP = """
CREATE TABLE t (a int PRIMARY KEY, b text); CREATE INDEX i ON t (b); CREATE TYPE mood AS ENUM ('a');
CREATE TABLE part (a int) PARTITION BY RANGE (a); CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (1) TO (2);
CREATE MATERIALIZED VIEW mv AS SELECT a FROM t; CREATE UNIQUE INDEX ON mv (a); REFRESH MATERIALIZED VIEW mv;
CREATE PROCEDURE pc() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
CREATE PUBLICATION pub FOR TABLE t;
CREATE SUBSCRIPTION sub CONNECTION 'dbname=none' PUBLICATION pub WITH (connect = false);
CREATE SUBSCRIPTION sub2 CONNECTION 'dbname=none' PUBLICATION pub WITH (connect = false); ALTER SUBSCRIPTION sub2 ENABLE;
"""
POSTGRES = [
    "CREATE INDEX CONCURRENTLY ON t (b)",
    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS j ON t (b)",
    "CREATE INDEX j ON t (b)",
    'CREATE INDEX "concurrently" ON t (b)',
    "DROP INDEX CONCURRENTLY i",
    "DROP INDEX CONCURRENTLY IF EXISTS none",
    "DROP INDEX i",
    "REINDEX INDEX i",
    "REINDEX TABLE t",
    "REINDEX INDEX CONCURRENTLY i",
    "REINDEX (CONCURRENTLY) TABLE t",
    "REINDEX (VERBOSE, CONCURRENTLY off) TABLE t",
    "REINDEX (CONCURRENTLY true) INDEX i",
    "REINDEX TABLE CONCURRENTLY t",
    "REINDEX SCHEMA public",
    "REINDEX DATABASE dataflow",
    "REINDEX SYSTEM dataflow",
    "ALTER TABLE part DETACH PARTITION part1",
    "ALTER TABLE part DETACH PARTITION part1 CONCURRENTLY",
    "VACUUM",
    "VACUUM t",
    "VACUUM (ANALYZE, VERBOSE) t",
    "VACUUM FULL",
    "ANALYZE",
    "ANALYZE t",
    "CREATE DATABASE d2",
    "DROP DATABASE IF EXISTS none",
    "ALTER DATABASE dataflow SET work_mem = '4MB'",
    "ALTER DATABASE dataflow SET TABLESPACE pg_default",
    "ALTER DATABASE dataflow RESET ALL",
    "CREATE TABLESPACE ts LOCATION '/nonexistent'",
    "DROP TABLESPACE none",
    "DROP TABLESPACE IF EXISTS none",
    "ALTER TABLESPACE pg_default SET (random_page_cost = 4)",
    "ALTER TABLESPACE pg_default RESET (random_page_cost)",
    "ALTER SYSTEM SET work_mem = '4MB'",
    "ALTER SYSTEM RESET ALL",
    "CREATE SUBSCRIPTION s1 CONNECTION 'dbname=none' PUBLICATION pub",
    "CREATE SUBSCRIPTION s1 CONNECTION 'dbname=none' PUBLICATION pub WITH (enabled = true, copy_data = false)",
    "CREATE SUBSCRIPTION s1 CONNECTION 'dbname=none' PUBLICATION pub WITH (connect = false)",
    "CREATE SUBSCRIPTION s1 CONNECTION 'dbname=none' PUBLICATION pub WITH (enabled = 'off', connect = 'false')",
    "ALTER SUBSCRIPTION sub2 SET PUBLICATION pub",
    "ALTER SUBSCRIPTION sub2 ADD PUBLICATION pub2",
    "ALTER SUBSCRIPTION sub2 REFRESH PUBLICATION",
    "ALTER SUBSCRIPTION sub SET (synchronous_commit = off)",
    "ALTER SUBSCRIPTION sub SET PUBLICATION pub WITH (refresh = false)",
    "ALTER SUBSCRIPTION sub OWNER TO CURRENT_USER",
    "DROP SUBSCRIPTION sub",
    "CLUSTER",
    "CLUSTER VERBOSE",
    "CLUSTER t USING t_pkey",
    "CLUSTER (VERBOSE) t USING t_pkey",
    "DISCARD ALL",
    "DISCARD PLANS",
    "DISCARD TEMP",
    "REFRESH MATERIALIZED VIEW mv",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY mv",
    "ALTER TYPE mood ADD VALUE 'b'",
    "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'b' BEFORE 'a'",
    "COMMIT PREPARED 'x'",
    "ROLLBACK PREPARED 'x'",
    "CHECKPOINT",
    "LOCK TABLE t IN SHARE MODE",
    "TRUNCATE t",
    "SET LOCAL lock_timeout = '1s'",
    "LISTEN x",
    "NOTIFY x",
    "CREATE TEMP TABLE tt (a int) ON COMMIT DROP",
    "SELECT * INTO t3 FROM t",
    "CREATE EXTENSION IF NOT EXISTS plpgsql",
    "GRANT SELECT ON t TO PUBLIC",
    "COMMENT ON TABLE t IS 'x'",
    "DO $$ BEGIN PERFORM 1; END $$",
    "DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2); END $$",
    "DO $body$ DECLARE n int := 0; BEGIN LOOP n := n + 1; EXIT WHEN n > 3; COMMIT; END LOOP; END $body$",
    "DO LANGUAGE plpgsql 'BEGIN IF true THEN ROLLBACK; END IF; END'",
    "DO $$ BEGIN RAISE NOTICE 'COMMIT;'; -- COMMIT;\n PERFORM 'x; COMMIT;'; /* COMMIT; */ END $$",
    "DO $$ DECLARE commit int := 1; BEGIN PERFORM commit; commit := 2; END $$",
    "DO $$ <<outer>> BEGIN FOR i IN 1..2 LOOP ROLLBACK AND CHAIN; END LOOP; END $$",
    "EXPLAIN ANALYZE INSERT INTO t VALUES (9)",
    "WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x",
    "MERGE INTO t USING (VALUES (1)) v (a) ON t.a = v.a WHEN MATCHED THEN DELETE",
]

SQLITE_SETUP = "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); INSERT INTO t VALUES (1, 'x'); CREATE INDEX i ON t (b)"
SQLITE = [
    "VACUUM",
    "VACUUM INTO '{folder}/copy.db'",
    "REINDEX",
    "REINDEX t",
    "ANALYZE",
    "ANALYZE t",
    "CREATE TABLE t2 (a)",
    "CREATE VIRTUAL TABLE f USING fts5 (a)",
    "CREATE TEMP TABLE t3 (a)",
    "ALTER TABLE t ADD COLUMN c",
    "ALTER TABLE t RENAME TO t4",
    "DROP TABLE t",
    "DELETE FROM t",
    "PRAGMA synchronous = OFF",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA user_version = 5",
    "PRAGMA cache_size = 10",
    "PRAGMA defer_foreign_keys = ON",
    "PRAGMA ignore_check_constraints = ON",
    "PRAGMA legacy_alter_table = ON",
    "PRAGMA recursive_triggers = ON",
    "PRAGMA busy_timeout = 50",
    "PRAGMA optimize",
    "PRAGMA foreign_key_check",
    "PRAGMA integrity_check",
    "PRAGMA table_info(t)",
    "PRAGMA wal_checkpoint",
    "PRAGMA incremental_vacuum",
]
# Set in a transaction they do nothing, and say nothing: (PRAGMA, name, a value other than the default).
SQLITE_SILENT = [("foreign_keys", "ON"), ("journal_mode", "WAL"), ("auto_vacuum", "FULL"), ("page_size", "8192"),
                 ("encoding", "'UTF-16le'"), ("secure_delete", "ON"), ("recursive_triggers", "ON"),
                 ("main.foreign_keys", "ON"), ("FOREIGN_KEYS", "1"), ("user_version", "7"), ("application_id", "7"),
                 ("cell_size_check", "ON"), ("locking_mode", "EXCLUSIVE"), ("mmap_size", "65536"), ("case_sensitive_like", "ON")]

MARIADB_SETUP = """
CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(20)) ENGINE=InnoDB; CREATE TABLE t9 (a INT); CREATE VIEW v AS SELECT 1 AS one;
CREATE PROCEDURE p() SELECT 1; CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1; CREATE SEQUENCE sq;
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 'x'; CREATE USER u@localhost; CREATE ROLE r;
CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1; CREATE DATABASE d1;
CREATE SERVER srv FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'x'); CREATE TABLE pt (a INT) PARTITION BY RANGE (a)
(PARTITION p0 VALUES LESS THAN (5), PARTITION p1 VALUES LESS THAN MAXVALUE); CREATE TABLE m (a INT) ENGINE=MyISAM;
CREATE TABLE ar (a INT) ENGINE=Aria;
"""
MARIADB = [
    "CREATE TABLE n1 (a INT)",
    "CREATE TABLE n2 AS SELECT 1 AS a",
    "CREATE OR REPLACE TABLE n1 (a INT)",
    "CREATE TABLE IF NOT EXISTS t (a INT)",
    "CREATE TEMPORARY TABLE tmp (a INT)",
    "CREATE TEMPORARY TABLE tmp2 AS SELECT 1 AS a",
    "CREATE OR REPLACE TEMPORARY TABLE tmp (a INT)",
    "DROP TEMPORARY TABLE tmp",
    "DROP TEMPORARY TABLE IF EXISTS nothing",
    "DROP TABLE n1",
    "DROP TABLE IF EXISTS nothing",
    "ALTER TABLE t ADD COLUMN c INT",
    "ALTER ONLINE TABLE t COMMENT 'x'",
    "ALTER TABLE t ADD INDEX ix (b)",
    "ALTER TABLE pt DROP PARTITION p1",
    "ALTER TABLE pt TRUNCATE PARTITION p0",
    "RENAME TABLE t9 TO t8",
    "TRUNCATE TABLE t8",
    "TRUNCATE t8",
    "CREATE INDEX ib ON t (b)",
    "DROP INDEX ib ON t",
    "CREATE UNIQUE INDEX IF NOT EXISTS ib ON t (b)",
    "CREATE FULLTEXT INDEX ift ON m (a)",
    "CREATE OR REPLACE VIEW v AS SELECT 2 AS two",
    "CREATE OR REPLACE ALGORITHM=MERGE DEFINER=CURRENT_USER() SQL SECURITY INVOKER VIEW v AS SELECT 2 AS two",
    "ALTER VIEW v AS SELECT 3 AS three",
    "DROP VIEW v",
    "CREATE OR REPLACE PROCEDURE p() SELECT 2",
    "ALTER PROCEDURE p COMMENT 'x'",
    "DROP PROCEDURE p",
    "CREATE OR REPLACE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 2",
    "DROP FUNCTION f",
    "CREATE OR REPLACE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 'y'",
    "DROP TRIGGER tr",
    "CREATE OR REPLACE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 2",
    "ALTER EVENT e DISABLE",
    "DROP EVENT e",
    "CREATE DATABASE d2",
    "CREATE SCHEMA IF NOT EXISTS d3",
    "ALTER DATABASE d1 CHARACTER SET utf8mb4",
    "DROP DATABASE d1",
    "DROP SCHEMA IF EXISTS nothing",
    "CREATE SEQUENCE s2",
    "ALTER SEQUENCE sq MAXVALUE 100",
    "DROP SEQUENCE s2",
    "CREATE USER u2@localhost",
    "ALTER USER u@localhost ACCOUNT LOCK",
    "RENAME USER u2@localhost TO u3@localhost",
    "DROP USER u3@localhost",
    "CREATE ROLE r2",
    "DROP ROLE r2",
    "GRANT SELECT ON dataflow.* TO u@localhost",
    "GRANT r TO u@localhost",
    "REVOKE SELECT ON dataflow.* FROM u@localhost",
    "SET PASSWORD FOR u@localhost = PASSWORD('x')",
    "SET DEFAULT ROLE NONE FOR u@localhost",
    "SET ROLE NONE",
    "SET NAMES utf8mb4",
    "SET @a = 1",
    "SET @@session.sort_buffer_size = 100000",
    "SET autocommit = 0",
    "SET STATEMENT max_statement_time = 5 FOR SELECT 1",
    "SET STATEMENT max_statement_time = 5 FOR ALTER TABLE t COMMENT 'y'",
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "ANALYZE TABLE t",
    "ANALYZE SELECT 1",
    "ANALYZE FORMAT=JSON SELECT 1",
    "CHECK TABLE t",
    "CHECKSUM TABLE t",
    "OPTIMIZE TABLE t",
    "REPAIR TABLE m",
    "FLUSH TABLES",
    "FLUSH STATUS",
    "RESET QUERY CACHE",
    "CACHE INDEX m IN default",
    "LOAD INDEX INTO CACHE m",
    "LOCK TABLES t WRITE, probe WRITE",
    "CREATE SERVER srv2 FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'x')",
    "ALTER SERVER srv OPTIONS (HOST 'y')",
    "DROP SERVER srv2",
    "INSTALL SONAME 'nothing_there'",
    "UNINSTALL PLUGIN nothing_there",
    "BEGIN",
    "BEGIN WORK",
    "START TRANSACTION",
    "START TRANSACTION READ ONLY",
    "SAVEPOINT s",
    "SELECT 1",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "INSERT INTO t VALUES (1, 'x')",
    "REPLACE INTO t VALUES (1, 'x')",
    "UPDATE t SET b = 'z'",
    "DELETE FROM t",
    "SHOW TABLES",
    "EXPLAIN SELECT 1",
    "DESCRIBE t",
    "DO SLEEP(0)",
    "HANDLER t OPEN",
    "HANDLER t CLOSE",
    "PREPARE s FROM 'SELECT 1'",
    "DEALLOCATE PREPARE s",
    "USE dataflow",
    "KILL QUERY 999999",
    "PURGE BINARY LOGS BEFORE '2000-01-01'",
    "STOP SLAVE",
    "RESET SLAVE",
    "CHANGE MASTER TO MASTER_HOST = 'x'",
    "HELP 'select'",
    "RESET MASTER",
    "FLUSH LOGS",
    "START SLAVE",
    "/*!40101 SET NAMES utf8mb4 */",
    "/*!50001 CREATE OR REPLACE VIEW v AS SELECT 5 AS five */",
    "CREATE /* c */ TEMPORARY TABLE tmp5 (a INT)",
]
# In a transaction that was opened in another way: (how, statement).
MARIADB_OPENED = [("SET autocommit = 0", "SET autocommit = 1"), ("SET autocommit = 0", "SET SESSION sort_buffer_size = 99999, "
                  "@@autocommit = ON"), ("SET autocommit = 0", "SET autocommit = 0"),
                  ("SET autocommit = 0; LOCK TABLES probe WRITE, t WRITE", "UNLOCK TABLES"),
                  ("SET autocommit = 0", "START TRANSACTION"), ("SET autocommit = 0", "SELECT 1")]
# Refused while a transaction is open, or not.
MARIADB_REFUSED = ["SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET SESSION TRANSACTION READ ONLY", "SET sql_log_bin = 0",
                   "SET SESSION binlog_format = 'ROW'", "XA START 'x'", "SET SESSION binlog_row_image = 'FULL'",
                   "SET gtid_domain_id = 1", "SET skip_replication = 1", "SET server_id = 1", "SET gtid_seq_no = 100",
                   "SET SESSION sql_mode = ''", "ALTER TABLE t COMMENT 'z'", "SET SESSION completion_type = 0",
                   "SET pseudo_slave_mode = 0", "STOP SLAVE", "START SLAVE", "SET SESSION tx_isolation = 'READ-COMMITTED'", "SET foreign_key_checks = 0",
                   "SET unique_checks = 0", "SET SESSION tx_read_only = 0", "SET transaction_isolation = 'READ-COMMITTED'"]


def facts(tool, dialect, statement):
    # a delimiter of its own where the statement is to be taken as one
    done = subprocess.run([tool, dialect], input=statement.encode(), capture_output=True, check=True)
    return json.loads(done.stdout.splitlines()[0])


def flag(tool, dialect, statement, name):
    return name in facts(tool, dialect, statement).get("flags", [])


# ---- PostgreSQL ----

def postgres(tool):
    if not servers.Postgres.available():
        tap.skip("postgres", "not installed")
        return
    with servers.Postgres() as server:
        server.sql(POSTGRES_SETUP)
        script = "\\set VERBOSITY sqlstate\n"
        for number, statement in enumerate(POSTGRES):
            script += f"\\warn case {number}\nBEGIN;\n{statement};\nROLLBACK;\n"
        psql = servers.find_program("psql", "/usr/lib/postgresql/*/bin")
        done = subprocess.run([psql, "-X", "-q", server.url()], input=script, capture_output=True, text=True)
        cases = dict(re.findall(r"^case (\d+)\n(.*?)(?=^case |\Z)", done.stderr, re.M | re.S))
        for number, statement in enumerate(POSTGRES):
            said = cases[str(number)]
            # 25001: cannot run inside a transaction block; 2D000: a body may not end the block
            refused = bool(re.search(r"\b(25001|2D000)\b", said))
            tap.equal(flag(tool, "postgres", statement, "no_transaction"), refused, f"postgres: {statement!r}")


# ---- SQLite ----

def sqlite(tool):
    with tempfile.TemporaryDirectory() as folder:
        for number, template in enumerate(SQLITE):
            statement = template.format(folder=folder)
            db = sqlite3.connect(os.path.join(folder, f"{number}.db"), isolation_level=None)
            db.executescript(SQLITE_SETUP)
            if "checkpoint" in statement:
                db.execute("PRAGMA journal_mode = WAL").fetchall()
            db.execute("CREATE TEMP TABLE own (a)")
            db.execute("BEGIN")
            db.execute("INSERT INTO t VALUES (2, 'y')")
            db.execute("INSERT INTO own VALUES (2)")
            refused = False
            try:
                db.execute(statement).fetchall()
            except sqlite3.OperationalError:
                refused = True
            db.execute("ROLLBACK")
            try:
                db.execute(statement).fetchall()
            except sqlite3.OperationalError as problem:
                tap.skip(f"sqlite: {statement}", f"also outside of a transaction: {problem}")
                continue
            tap.equal(flag(tool, "sqlite", statement, "no_transaction"), refused, f"sqlite: {statement}")
            db.close()
        for number, (name, value) in enumerate(SQLITE_SILENT):
            after = []
            for inside in (False, True):
                db = sqlite3.connect(os.path.join(folder, f"s{number}{inside}.db"), isolation_level=None)
                if inside:
                    db.execute("BEGIN IMMEDIATE")
                try:
                    db.execute(f"PRAGMA {name} = {value}").fetchall()
                except sqlite3.OperationalError:
                    pass
                if inside:
                    db.execute("COMMIT")
                db.execute("CREATE TABLE t (a)")
                after.append(db.execute(f"PRAGMA {name}").fetchall())
                db.close()
            statement = f"PRAGMA {name} = {value}"
            tap.equal(flag(tool, "sqlite", statement, "no_transaction"), after[0] != after[1],
                      f"sqlite: {statement} does nothing in a transaction, or does")
            tap.equal(flag(tool, "sqlite", statement, "foreign_keys"), "foreign_keys" in name.lower(),
                      f"sqlite: {statement} and foreign keys")


# ---- MariaDB ----

def mariadb(tool):
    if not servers.MariaDB.available():
        tap.skip("mariadb", "not installed")
        return
    with servers.MariaDB(settings={"log-bin": "bin", "server-id": "1"}) as server:
        server.sql("CREATE TABLE probe (n INT PRIMARY KEY) ENGINE=InnoDB", "dataflow")
        script = "DELIMITER ;\n" + MARIADB_SETUP
        for number, statement in enumerate(MARIADB):
            script += (f"SET autocommit = 1; START TRANSACTION; INSERT INTO probe VALUES ({number});\n{statement};\n"
                       "ROLLBACK; UNLOCK TABLES;\n")
        for number, (opening, statement) in enumerate(MARIADB_OPENED):
            script += (f"SET autocommit = 1; {opening}; INSERT INTO probe VALUES ({500 + number});\n{statement};\nROLLBACK;"
                       "UNLOCK TABLES;\n")
        script += "SET autocommit = 1;\n"
        for number, statement in enumerate(MARIADB_REFUSED):
            script += (f"SELECT 'case {number}'; START TRANSACTION; INSERT INTO probe VALUES ({1000 + number}); {statement};"
                       "SHOW WARNINGS; ROLLBACK;\n")
        command = [servers.find_program("mariadb"), "--no-defaults", "-u", "dataflow", "-S", server.socket, "--force", "-N",
                   "dataflow"]
        done = subprocess.run(command, input=script, capture_output=True, text=True,
                              env=os.environ | {"MYSQL_PWD": server.password})
        syntax = [line for line in done.stderr.splitlines() if "1064" in line]
        tap.equal(syntax, [], "mariadb: every example is one")
        committed = {int(n) for n in server.sql("SELECT n FROM probe", "dataflow").split()}
        for number, statement in enumerate(MARIADB):
            tap.equal(flag(tool, "mariadb", statement, "implicit_commit"), number in committed, f"mariadb: {statement}")
        for number, (opening, statement) in enumerate(MARIADB_OPENED):
            tap.equal(flag(tool, "mariadb", statement, "implicit_commit"), 500 + number in committed,
                      f"mariadb: {statement}, after {opening}")
        cases = dict(re.findall(r"^case (\d+)\n(.*?)(?=^case |\Z)", done.stdout, re.M | re.S))
        refusals = ("while a transaction", "inside a transaction", "in the middle of", "active transaction",
                    "1568", "1399", "1400", "transaction is in progress", "XAER_OUTSIDE")
        for number, statement in enumerate(MARIADB_REFUSED):
            refused = any(word in cases[str(number)] for word in refusals)
            tap.equal(flag(tool, "mariadb", statement, "no_transaction"), refused, f"mariadb: {statement} is refused, or not")


def main(tool):
    postgres(tool)
    sqlite(tool)
    mariadb(tool)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
