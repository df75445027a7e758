#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_backup_mariadb.py TOOL: backups of a MariaDB that has everything, compared by mariadb-dump's text of both sides."""
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

from backups import KEY, Backups, MariaDB, Tap, arguments, children, differing, find_program, skip_all, wait_until

EVERYTHING = r'''
CREATE TABLE everything (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, ti TINYINT, mi MEDIUMINT ZEROFILL, num DECIMAL(38, 10), f FLOAT, d DOUBLE, b BIT(13), bl BOOLEAN,
    ch CHAR(5), v VARCHAR(50) CHARACTER SET latin1, t TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, lt LONGTEXT, bi BINARY(4), vb VARBINARY(10), blb BLOB,
    lb LONGBLOB, dt DATE, tm TIME(3), dtm DATETIME(6), ts TIMESTAMP(3) NULL, y YEAR, e ENUM('a', 'it''s'), s SET('x', 'y'), j JSON, u UUID, i6 INET6, p POINT, g GEOMETRY,
    made INT AS (ti * 2) VIRTUAL, kept INT AS (ti * 3) PERSISTENT, hid INT INVISIBLE DEFAULT 5, CHECK (ti < 100), FULLTEXT (lt), UNIQUE (v), KEY (t(20)));
INSERT INTO everything (ti, mi, num, f, d, b, bl, ch, v, t, lt, bi, vb, blb, lb, dt, tm, dtm, ts, y, e, s, j, u, i6, p, g) VALUES
    (7, 42, 1234567890123456789012345678.0123456789, 1.1, 0.1, b'1010101010101', 1, 'c', 'vä', 'tab\tline\nback\\slash '' " \0 \Z 漢字 🐘', 'ALTER DATABASE `everything` is only text\n', 0x00ff, 0x00, 0x000a0d1a5c27, 0xff,
    '2024-02-29', '-838:59:59.000', '9999-12-31 23:59:59.999999', '2038-01-19 03:14:07', 2155, 'it''s', 'x,y', '{"a": 1}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '::1',
    ST_GeomFromText('POINT(1 2)'), ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', NULL, NULL, '', '', NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE big (id INT PRIMARY KEY, t LONGTEXT, b LONGBLOB); INSERT INTO big SELECT seq, REPEAT(MD5(seq), 2000), UNHEX(REPEAT(MD5(seq), 500)) FROM seq_1_to_60; INSERT INTO big VALUES (0, REPEAT('x', 3000000), NULL);
CREATE TABLE `Odd ``name``` (`select` INT PRIMARY KEY, `Größe` TEXT, `a b` INT UNIQUE); INSERT INTO `Odd ``name``` VALUES (1, 'ß', 2);
CREATE TABLE refers (a INT, FOREIGN KEY (a) REFERENCES `Odd ``name``` (`select`) ON DELETE CASCADE); INSERT INTO refers VALUES (1);
CREATE TABLE nothing (a INT); CREATE TABLE old (a INT) ENGINE=MyISAM; INSERT INTO old VALUES (1), (1); CREATE TABLE aria (a INT) ENGINE=Aria; INSERT INTO aria VALUES (5);
CREATE TABLE parts (k INT, v TEXT) PARTITION BY RANGE (k) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE); INSERT INTO parts SELECT seq, seq FROM seq_0_to_19;
CREATE TABLE ver (a INT) WITH SYSTEM VERSIONING; INSERT INTO ver VALUES (1); UPDATE ver SET a = 2;
CREATE TABLE loop_a (id INT PRIMARY KEY, b INT); CREATE TABLE loop_b (id INT PRIMARY KEY, a INT REFERENCES loop_a (id)); ALTER TABLE loop_a ADD FOREIGN KEY (b) REFERENCES loop_b (id);
INSERT INTO loop_a VALUES (1, NULL); INSERT INTO loop_b VALUES (1, 1); UPDATE loop_a SET b = 1;
CREATE SEQUENCE seq5 START WITH 5 INCREMENT BY 5 MAXVALUE 100 CYCLE; SELECT NEXTVAL(seq5), NEXTVAL(seq5);
CREATE VIEW z AS SELECT id, ti FROM everything WHERE ti > 0 WITH CHECK OPTION; CREATE VIEW a_view AS SELECT * FROM z;
DELIMITER //
CREATE TRIGGER note BEFORE INSERT ON nothing FOR EACH ROW BEGIN
  -- a comment that must survive
  SET NEW.a = COALESCE(NEW.a, 0) + 1;
END//
CREATE PROCEDURE work(IN n INT) BEGIN
  /* so must this */ DECLARE i INT DEFAULT 0;
  # and this
  WHILE i < n DO SET i = i + 1; END WHILE;
END//
CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2//
CREATE EVENT tick ON SCHEDULE EVERY 1 YEAR DO INSERT INTO nothing VALUES (1)//
DELIMITER ;
SET NAMES latin1; CREATE FUNCTION latin() RETURNS VARCHAR(10) DETERMINISTIC RETURN 'x'; SET NAMES utf8mb4;
ALTER DATABASE CHARACTER SET latin2 COLLATE latin2_general_ci
'''
LATER = '''
SET FOREIGN_KEY_CHECKS = 0; DROP TABLE big; DROP TABLE `Odd ``name```; DELETE FROM everything WHERE ti = 7; ALTER TABLE everything ADD COLUMN added INT; CREATE TABLE newer (a INT, FOREIGN KEY (a) REFERENCES loop_a (id));
CREATE VIEW newer_view AS SELECT * FROM newer; CREATE PROCEDURE fresh() SELECT 1; CREATE SEQUENCE other; DROP FUNCTION twice; DROP VIEW a_view, z; CREATE EVENT tock ON SCHEDULE EVERY 1 DAY DO SELECT 1;
CREATE TRIGGER t2 AFTER INSERT ON parts FOR EACH ROW SET @a = 1; ALTER DATABASE CHARACTER SET utf8mb4
'''


class Tests:
    def __init__(self, tap, tool, server, top):
        self.tap, self.tool, self.server, self.top, self.made = tap, tool, server, top, 0

    def check(self, good, what, *details):
        return self.tap.ok(good, what, "\n".join(str(d) for d in details))

    def place(self, name, sql="", key=None, folder=None):
        self.server.sql(f"DROP DATABASE IF EXISTS `{name}`; CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        if sql:
            self.client(sql, name)
        self.made += 1
        return Backups(self.tool, self.server.url(name), folder or os.path.join(self.top, f"{name}-{self.made}"), key)

    def client(self, sql, database, **more):
        """The mariadb client with a script, which may have DELIMITER."""
        done = subprocess.run([find_program("mariadb"), "--no-defaults", "--comments", "--default-character-set=utf8mb4", "-u", "dataflow", "-S", self.server.socket, "-N", "-B", "--raw", database], input=sql, text=True,
                              capture_output=True, env=os.environ | {"MYSQL_PWD": self.server.password}, **more)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def session(self, database):
        return subprocess.Popen([find_program("mariadb"), "--no-defaults", "-u", "dataflow", "-S", self.server.socket, "-N", "-B", "--raw", "--unbuffered", database], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {"MYSQL_PWD": self.server.password})

    def dump(self, database):
        """What the database holds, in mariadb-dump's words."""
        own = self.server.sql("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = '%s' AND (TABLE_NAME LIKE '\\_migration\\_%%' OR TABLE_NAME LIKE '\\_backup\\_%%' "
                              "OR TABLE_NAME IN ('v_migration_status', 'dataflow_migration_locks'))" % database).split("\n")
        done = subprocess.run([find_program("mariadb-dump"), "--no-defaults", "-u", "dataflow", "-S", self.server.socket, "--single-transaction", "--routines", "--triggers", "--events", "--hex-blob",
                               "--skip-dump-date", "--dump-history", "--default-character-set=utf8mb4", *(f"--ignore-table={database}.{t}" for t in own if t), "--databases", database],
                              capture_output=True, text=True, errors="replace", env=os.environ | {"MYSQL_PWD": self.server.password})
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def databases(self):
        return self.server.sql("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME LIKE 'dataflow\\_scratch%'")

    # ---- the round trip ----

    def round_trip(self, key):
        how = "encrypted" if key else "plain"
        b = self.place("round", EVERYTHING, key)
        made = b.one("create")
        self.check(made["present"] and made["size"] == os.path.getsize(made["path"]) and made["encrypted"] == bool(key), f"{how}: a backup", made)
        self.check("mariadb-dump" in made["metadata"]["tool"] and made["metadata"]["inexact_tables"] == 2, f"{how}: its facts; only MyISAM and Aria have no snapshot", made)
        proof = b.one("verify", "latest")
        self.check(proof["restored"] and proof["checksum_ok"] and not proof["differing"] and len(proof["tables"]) == 11, f"{how}: it is proved", proof)
        self.check(proof["tables"]["everything"] == [2, 2, True] and proof["tables"]["old"] == [2, 2, True], f"{how}: table by table", proof)
        self.check(self.databases() == "", f"{how}: no scratch database stays", self.databases())
        charset = "SELECT DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'round'"
        self.check(self.server.sql(charset) == "latin2", f"{how}: proving changed nothing of the live database")
        before = self.dump("round")
        self.check("ALTER DATABASE `round` CHARACTER SET" in before, f"{how}: the dump names the database")
        self.client(LATER, "round")
        self.check(self.dump("round") != before, f"{how}: a migration changes much")
        safety = b.one("create", "critical")
        restored = b.one("restore", made["id"], SAFETY=safety["id"])
        after = self.dump("round")
        self.check(before == after and restored["id"] == made["id"], f"{how}: restored, mariadb-dump says the same of it", *differing(before, after))
        self.ledger_went_on(b, made, safety, how)
        b.one("restore", safety["id"])
        self.check("newer_view" in self.dump("round"), f"{how}: and forward again, by the safety backup")

    def ledger_went_on(self, b, made, safety, how):
        sql = lambda text: self.server.sql(text, "round")  # noqa: E731
        ids = [x["id"] for x in b.ask("list")]
        self.check(ids == [safety["id"], made["id"]], f"{how}: newer backups are still recorded", ids)
        self.check(sql("SELECT backup_id, success FROM _backup_restoration_history") == f"{made['id']}\t1", f"{how}: the restoration is recorded")
        entry = sql("SELECT details FROM _migration_audit_log WHERE action = 'backup_restored'")
        self.check(made["id"] in entry and safety["id"] in entry and "audit_head_before" in entry, f"{how}: so it is in the audit log", entry)
        self.check(sql("SELECT COUNT(*) FROM _migration_locks") == "0", f"{how}: no lock came back")
        self.check(sql("SHOW TABLES LIKE '%restore_state'") == "", f"{how}: no mark stays")

    def proof_can_fail(self):
        b = self.place("proof", "CREATE TABLE t (a INT, b TEXT); INSERT INTO t SELECT seq, CONCAT('x', seq) FROM seq_1_to_1000; CREATE TABLE u (a INT)")
        made = b.one("create")
        for change, what in (("UPDATE t SET b = 'y' WHERE a = 500", "t (another content)"), ("DELETE FROM t WHERE a = 1", "t (999 rows instead of 1000)"),
                             ("UPDATE t SET b = NULL WHERE a = 7", "t (another content)"), ("UPDATE t SET a = IF(a = 1, 2, 1) WHERE a < 3", "t (another content)")):
            process = b.paused("verify", "latest", PAUSE_WHAT="tables")
            self.server.sql(change, self.databases())
            status, out, said = b.go_on(process)
            self.check(status == 4 and what in said, f"{change}: {said.splitlines()[0]}", out, said)
        self.check(self.databases() == "", "the scratch databases are dropped")
        self.check(b.one("find", made["id"])["verified_ms"] == 0, "the backup does not count as proved")

    # ---- writing meanwhile ----

    def writers(self, name):
        """Somebody writes all the time. Whatever is called exact must be what is in the dump."""
        b = self.place("busy", "CREATE TABLE t (a INT AUTO_INCREMENT PRIMARY KEY, b TEXT); CREATE TABLE log (a INT); CREATE TABLE quiet AS SELECT seq FROM seq_1_to_1000")
        stop = threading.Event()

        def write():
            session = self.session("busy")
            while not stop.is_set():
                session.stdin.write("BEGIN; INSERT INTO t (b) SELECT MD5(seq) FROM seq_1_to_50; INSERT INTO log SELECT MAX(a) FROM t; COMMIT;\n")
                session.stdin.flush()
                time.sleep(0.001)
            session.stdin.close()
            session.wait()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            exact = 0
            for _ in range(4):
                made = b.one("create")
                exact += made["metadata"]["inexact_tables"] == 0
                done = b.run("verify", "latest")
                if made["metadata"]["inexact_tables"]:
                    self.check(done.returncode in (0, 8) and '"quiet":[1000,1000,true]' in done.stdout, f"{name}: {made['metadata']['inexact_tables']} tables are not exact; the quiet one is: {done.returncode}",
                               done.stdout, done.stderr)
                    self.check(done.returncode == 0 or "were being written" in done.stderr, f"{name}: unknown is not called different: {done.stderr.splitlines()[0]}")
                else:
                    self.check(done.returncode == 0, f"{name}: counted exactly while somebody writes", done.stdout, done.stderr)
        finally:
            stop.set()
            writer.join()
        made = b.one("create")
        self.check(made["metadata"]["inexact_tables"] == 0 and b.one("verify", "latest")["differing"] == 0, f"{name}: with nobody writing all is exact", made)

    # ---- what can go wrong ----

    def blocked(self):
        b = self.place("blocked", "CREATE TABLE t (a INT); INSERT INTO t VALUES (1)")
        made = b.one("create")
        self.server.sql("INSERT INTO t VALUES (2)", "blocked")
        session = self.session("blocked")
        session.stdin.write("BEGIN; SELECT COUNT(*) FROM t;\n")
        session.stdin.flush()
        session.stdout.readline()
        session.stdin.write("SELECT CONNECTION_ID();\n")
        session.stdin.flush()
        pid = session.stdout.readline().strip()
        failed = b.fails("restore", made["id"])
        self.check(failed.code == "locked" and f"connection {pid} (dataflow@" in failed.text and "nothing was changed" in failed.text, f"who is in the way: {failed.text.splitlines()[0]}")
        self.check(self.server.sql("SELECT COUNT(*) FROM t", "blocked") == "2" and b.one("unfinished")["found"] is False, "nothing was changed")
        session.stdin.write("COMMIT;\n")
        session.stdin.flush()
        b.one("restore", made["id"])
        self.check(self.server.sql("SELECT COUNT(*) FROM t", "blocked") == "1", "an idle session is not in the way")
        session.stdin.close()
        session.wait()

    def big(self, name):
        return self.place(name, "CREATE TABLE t (a INT PRIMARY KEY, b TEXT); INSERT INTO t SELECT seq, REPEAT(MD5(seq), 300) FROM seq_1_to_6000")

    def killed(self):
        b = self.big("killed")
        process = b.paused("create")
        tool = children(process.pid)["mariadb-dump"]
        with open(f"/proc/{tool}/cmdline", "rb") as file:
            line = file.read()
        with open(f"/proc/{tool}/environ", "rb") as file:
            environment = file.read()
        self.check(self.server.password.encode() not in line + environment, "no secret is on the tool's command line or in its environment", line)
        os.kill(tool, signal.SIGKILL)
        status, out, said = b.go_on(process)
        self.check(status == 1 and "signal 9" in said and b.files() == [] and b.ask("list") == [], f"mariadb-dump killed: {said.splitlines()[0]}", said, b.files())
        process = b.paused("create")
        process.kill()
        process.wait()
        self.check(len(b.files()) == 1, "killed, we leave a partial file", b.files())
        made = b.one("create")
        self.check(b.files() == [os.path.basename(made["path"])], "which the next run removes", b.files())
        before = self.dump("killed")

        # In the middle of a restore: no way back but by a backup, and that is what everybody is told.
        self.server.sql("DELETE FROM t WHERE a > 10", "killed")
        safety = b.one("create", "critical")
        b.one("verify", made["id"])
        process = b.paused("restore", made["id"], at=3, SAFETY=safety["id"])
        process.kill()
        process.wait()
        found = b.one("unfinished")
        self.check(found == {"found": True, "half": True, "backup": made["id"], "safety": safety["id"]}, "killed half-way: the mark tells", found)
        for command in (("create",), ("list",), ("recover",), ("verify", made["id"])):
            failed = b.fails(*command)
            self.check(failed.code == "incomplete" and made["id"] in failed.text and safety["id"] in failed.text, f"{command[0]}: {' / '.join(failed.text.splitlines())}")
        b.one("restore", made["id"])
        after = self.dump("killed")
        self.check(before == after, "the same restore again completes it", *differing(before, after))
        ids = [x["id"] for x in b.ask("list")]
        self.check(ids == [safety["id"], made["id"]], "both backups have records again", ids)
        entry = self.server.sql("SELECT details FROM _migration_audit_log WHERE action = 'backup_restored'", "killed")
        self.check(safety["id"] in entry, "the audit log names the safety backup", entry)

        # The other way.
        process = b.paused("restore", made["id"], at=3, SAFETY=safety["id"])
        process.kill()
        process.wait()
        self.check(wait_until(lambda: self.server.sql("SELECT COUNT(*) FROM information_schema.processlist WHERE db = 'killed'", "mysql") == "0"),
                   "killed again: its sessions end")
        b.one("restore", safety["id"])
        self.check(self.server.sql("SELECT COUNT(*) FROM t", "killed") == "10", "or the safety backup brings back what was there")

        # The client dies, not we.
        process = b.paused("restore", made["id"], at=3, SAFETY=safety["id"])
        os.kill(children(process.pid)["mariadb"], signal.SIGKILL)
        status, out, said = b.go_on(process)
        self.check(status == 7 and safety["id"] in said, f"mariadb killed: {said.splitlines()[0]}", said)
        b.one("restore", safety["id"])
        for command in (("create",), ("verify", "latest")):
            failed = b.fails(*command, STOP_AFTER=2)
            self.check(failed.code == "cancelled", f"{command[0]} is interrupted: {failed.text.splitlines()[0]}")
        self.check(self.databases() == "", "no scratch database stays", self.databases())

    def through_the_program(self):
        """An interrupted restore stands in the way of everything that the program does, but of listing and of restoring."""
        if len(sys.argv) < 3:
            self.tap.skip("dataflow and an interrupted restore", "no program was given")
            return
        b = self.big("program")

        def dataflow(*command):
            return subprocess.run([os.path.abspath(sys.argv[2]), *command, "--database-url", b.url, "--backup-folder", b.folder], capture_output=True, text=True, cwd=self.top)

        os.makedirs(os.path.join(self.top, "migrations"), exist_ok=True)
        made, safety = b.one("create"), b.one("create", "critical")
        b.one("verify", made["id"])
        process = b.paused("restore", made["id"], at=3, SAFETY=safety["id"])
        process.kill()
        process.wait()
        for command in (("status",), ("up",), ("backup",), ("health",), ("backup", "verify", "latest")):
            done = dataflow(*command)
            self.check(done.returncode == 7 and made["id"] in done.stderr and safety["id"] in done.stderr, f"dataflow {' '.join(command)}: {done.stderr.splitlines()[0]}", done.returncode, done.stdout, done.stderr)
        done = dataflow("backup", "list")
        self.check(done.returncode == 0 and made["id"] in done.stdout and safety["id"] in done.stdout, "dataflow backup list shows both", done.stdout, done.stderr)
        done = dataflow("backup", "restore", made["id"], "--yes")
        self.check(done.returncode == 0 and safety["id"] in done.stdout + done.stderr, "dataflow backup restore completes it, without a backup of the half", done.stdout, done.stderr)
        self.check(self.server.sql("SELECT COUNT(*) FROM t", "program") == "6000" and dataflow("status").returncode == 0, "then all is well")

    def proved_first(self):
        """A dump that cannot be loaded (mariadb-dump makes such ones, of views with CHECK OPTION over others) is found before anything is dropped."""
        b = self.place("proved", "CREATE TABLE t (a INT); INSERT INTO t VALUES (1); CREATE VIEW z AS SELECT a FROM t; CREATE VIEW a_view AS SELECT a FROM z WHERE a > 0 WITH CHECK OPTION")
        made = b.one("create")
        before = self.dump("proved")
        failed = b.fails("verify", made["id"])
        self.check(failed.code == "failed" and "CHECK OPTION" in failed.text and self.databases() == "", f"it is not proved: {failed.text.splitlines()[0][:200]}", failed.text)
        failed = b.fails("restore", made["id"])
        self.check(failed.code == "failed" and "nothing was changed" in failed.text and "scratch" in failed.text, f"nor restored: {failed.text.splitlines()[0][:200]}", failed.text)
        self.check(before == self.dump("proved") and not b.one("unfinished")["found"], "nothing was changed")

    def missing_tool(self):
        b = self.place("missing", "CREATE TABLE t (a INT)")
        failed = b.fails("create", PATH="/nowhere")
        self.check(failed.code == "not_found" and "mariadb-dump" in failed.text and "apt-get install mariadb-client" in failed.text, f"{' / '.join(failed.text.splitlines())}")
        self.check(b.ask("list") == [], "nothing is recorded")

    def scratches(self):
        b = self.place("maker")
        keeper = b.start("scratch", "keep")
        name = __import__("json").loads(keeper.stdout.readline())["name"]
        self.server.sql("CREATE DATABASE dataflow_scratch_mine")
        b.one("scratch", "drop")
        self.check(name in self.databases().split("\n"), "a living run's scratch database stays")
        keeper.kill()
        keeper.wait()
        b.one("scratch", "drop")
        self.check(self.databases() == "dataflow_scratch_mine", "a dead one's is dropped; nothing else is", self.databases())
        self.server.sql("DROP DATABASE dataflow_scratch_mine")

    def events(self):
        """Events of the scratch database do not run: they would do their work a second time, perhaps to the live one."""
        b = self.place("timed", "CREATE TABLE t (a INT); CREATE PROCEDURE p() SELECT 1; CREATE EVENT e ON SCHEDULE EVERY 1 SECOND DO INSERT INTO timed.t VALUES (1)")
        made = b.one("create")
        process = b.paused("verify", "latest", PAUSE_WHAT="tables")
        count = "SELECT COUNT(*) FROM information_schema.%s WHERE %s_SCHEMA = '%s'"
        name = self.databases()
        self.check(self.server.sql(count % ("EVENTS", "EVENT", name)) == "0" and self.server.sql(count % ("ROUTINES", "ROUTINE", name)) == "1", "a scratch database has no events, but routines")
        self.check(b.go_on(process)[0] == 0, "and is proved without them")
        self.server.sql("DROP EVENT e", "timed")
        b.one("restore", made["id"])
        self.check(self.server.sql(count % ("EVENTS", "EVENT", "timed")) == "1", "a restored one has them")

    def over_tcp(self):
        b = self.place("tcp", "CREATE TABLE t (a INT); INSERT INTO t VALUES (1)")
        b.url = self.server.tcp_url("tcp")
        made = b.one("create")
        self.server.sql("DELETE FROM t", "tcp")
        b.one("verify", made["id"])
        b.one("restore", made["id"])
        self.check(self.server.sql("SELECT COUNT(*) FROM t", "tcp") == "1", "over TCP, with a password")

    def round_trip_both(self):
        self.round_trip(None)
        self.round_trip(KEY)

    def run(self, log):
        only = os.environ.get("ONLY", "").split()
        tests = [] if log else ["round_trip_both", "proof_can_fail", "blocked", "killed", "through_the_program", "proved_first", "missing_tool", "scratches", "events", "over_tcp"]
        for name in tests:
            if not only or name in only:
                getattr(self, name)()
        if not only or "writers" in only:
            self.writers("binary log" if log else "no binary log")


def main():
    if not MariaDB.available():
        skip_all("MariaDB is not installed")
    if not find_program("mariadb-dump"):
        skip_all("mariadb-dump is not installed")
    tool, top = arguments()
    tap = Tap()
    try:
        for settings in ({}, {"log-bin": "binlog", "server-id": "1", "binlog-format": "ROW"}):
            with MariaDB(settings=settings) as server:
                Tests(tap, tool, server, top).run(bool(settings))
    finally:
        shutil.rmtree(top, ignore_errors=True)
    return tap.done()


if __name__ == "__main__":
    raise SystemExit(main())
