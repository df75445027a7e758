#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_backup_sqlite.py TOOL: backups of SQLite files, compared by .dump's text of both sides; and the recipes of the documentation."""
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

from backups import KEY, ROOT, Backups, SmallDisk, Tap, arguments, differing, wait_until

EVERYTHING = r'''
CREATE TABLE everything (id INTEGER PRIMARY KEY AUTOINCREMENT, i INT, r REAL, t TEXT COLLATE NOCASE, b BLOB, n NUMERIC, anything, made AS (i * 2) VIRTUAL, kept AS (i * 3) STORED, CHECK (i < 100));
INSERT INTO everything (i, r, t, b, n, anything) VALUES (1, 1.1, 'tab' || char(9) || 'line' || char(10) || ' 漢字 🐘', x'00ff0a', 12345678901234567890, 'text'), (NULL, NULL, '', x'', NULL, NULL), (9223372036854775807 - 9223372036854775800, 9e999, 'nul' || char(0) || 'inside', zeroblob(5), 0.1, 5), (2, -0.0, '1', '1', 1, 1.0);
CREATE TABLE big (a INTEGER PRIMARY KEY, b BLOB, t TEXT); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO big SELECT i, randomblob(20000), hex(randomblob(100)) FROM n; INSERT INTO big VALUES (0, zeroblob(5000000), '');
CREATE TABLE "Odd ""name""" ("select" INTEGER PRIMARY KEY, "Größe" TEXT) WITHOUT ROWID; INSERT INTO "Odd ""name""" VALUES (1, 'ß');
CREATE TABLE refers (a REFERENCES "Odd ""name""" DEFERRABLE INITIALLY DEFERRED); INSERT INTO refers VALUES (1); CREATE TABLE empty (a); CREATE TABLE strict_one (a INT) STRICT;
CREATE VIRTUAL TABLE words USING fts5(t); INSERT INTO words VALUES ('a fat cat'), ('a rat');
CREATE VIEW v AS SELECT id, i FROM everything; CREATE INDEX part ON everything (i) WHERE i > 0; CREATE UNIQUE INDEX expr ON everything (id, lower(t));
CREATE TRIGGER note AFTER INSERT ON empty BEGIN /* a comment that must survive */ INSERT INTO refers VALUES (NULL); END; PRAGMA user_version = 42; PRAGMA application_id = 7;
'''
LATER = '''DROP TABLE big; DELETE FROM everything WHERE id = 1; ALTER TABLE everything ADD COLUMN added; CREATE TABLE newer (a REFERENCES everything); DROP VIEW v; CREATE VIEW v AS SELECT 1; PRAGMA user_version = 43; DROP TABLE words'''


class Tests:
    def __init__(self, tap, tool, top):
        self.tap, self.tool, self.top, self.made = tap, tool, top, 0

    def check(self, good, what, *details):
        return self.tap.ok(good, what, "\n".join(str(d) for d in details))

    def sql(self, name, text):
        connection = sqlite3.connect(self.path(name), isolation_level=None)
        try:
            return connection.execute(text).fetchall()
        finally:
            connection.close()

    def path(self, name):
        return os.path.join(self.top, name)

    def place(self, name, sql="", key=None, folder=None):
        for end in ("", "-wal", "-shm", "-dataflow-lock"):
            if os.path.exists(self.path(name) + end):
                os.unlink(self.path(name) + end)
        connection = sqlite3.connect(self.path(name))
        connection.executescript(sql or "CREATE TABLE t (a); INSERT INTO t VALUES (1)")
        connection.close()
        self.made += 1
        return Backups(self.tool, "sqlite://" + self.path(name).replace("?", "%3F").replace(" ", "%20"), folder or os.path.join(self.top, f"folder {self.made}", "below"), key)

    def dump(self, name):
        """What the database holds: its schema as it is written, and every row of every table."""
        connection = sqlite3.connect(self.path(name))
        connection.text_factory = bytes
        lines = []
        for kind, table, sql in connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name").fetchall():
            if re.match(rb"_migration_|_backup_|v_migration_status|dataflow_migration_locks|sqlite_(sequence|autoindex__)", table):
                continue
            lines.append(f"{kind} {table} {sql}")
            if kind == b"table":
                rows = connection.execute(b'SELECT *, typeof(rowid) FROM "%s"'.decode() % table.decode().replace('"', '""') if b"WITHOUT ROWID" not in (sql or b"") and b"VIRTUAL" not in (sql or b"") else
                                          'SELECT * FROM "%s"' % table.decode().replace('"', '""')).fetchall()
                lines += [f"{table} {row!r}"[:20000] for row in rows]
        lines += [str(connection.execute(f"PRAGMA {p}").fetchall()) for p in ("user_version", "application_id", "encoding", "page_size", "foreign_key_check", "integrity_check")]
        connection.close()
        return "\n".join(lines)

    def left_over(self):
        return [name for name in os.listdir(os.environ["TMPDIR"]) if name.startswith("dataflow_scratch_")]

    # ---- the round trip ----

    def round_trip(self, name, key, mode):
        how = f"{mode}, {'encrypted' if key else 'plain'}"
        b = self.place(name, f"PRAGMA journal_mode = {mode}; PRAGMA page_size = 2048; VACUUM;" + EVERYTHING, key)
        made = b.one("create")
        self.check(made["size"] == os.path.getsize(made["path"]) and made["metadata"]["format"] == "SQLite database" and os.stat(made["path"]).st_mode & 0o777 == 0o600, f"{how}: a backup, for its owner alone", made)
        self.check(b.files() == [os.path.basename(made["path"])], f"{how}: nothing else is in the folder", b.files())
        proof = b.one("verify", "latest")
        self.check(proof["restored"] and not proof["differing"] and proof["tables"]["everything"] == [4, 4, True] and proof["tables"]["words_data"][2], f"{how}: it is proved", proof)
        self.check(self.left_over() == [], f"{how}: no scratch database stays")
        before = self.dump(name)
        connection = sqlite3.connect(self.path(name))
        connection.executescript(LATER)
        connection.close()
        self.check(self.dump(name) != before, f"{how}: a migration changes much")
        safety = b.one("create", "critical")
        b.one("restore", made["id"], SAFETY=safety["id"])
        after = self.dump(name)
        self.check(before == after, f"{how}: restored, everything is the same", *differing(before, after))
        self.check([x["id"] for x in b.ask("list")] == [safety["id"], made["id"]], f"{how}: newer backups are still recorded")
        self.check(self.sql(name, "SELECT backup_id, success FROM _backup_restoration_history") == [(made["id"], 1)], f"{how}: the restoration is recorded")
        entry = self.sql(name, "SELECT details FROM _migration_audit_log WHERE action = 'backup_restored'")[0][0]
        self.check(safety["id"] in entry and "audit_head_before" in entry, f"{how}: so it is in the audit log", entry)
        self.check(self.sql(name, "SELECT count(*) FROM _migration_locks") == [(0,)] and self.sql(name, "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%restore_state'") == [(0,)], f"{how}: no lock, no mark stays")
        b.one("restore", safety["id"])
        self.check("newer" in self.dump(name), f"{how}: and forward again, by the safety backup")
        self.check(b.files() == sorted(os.path.basename(x["path"]) for x in (made, safety)), f"{how}: no temporary file stays", b.files())

    def proof_can_fail(self):
        b = self.place("proof.db", "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (2, 'y')")
        b.one("create")
        for change, what in (("UPDATE t SET b = 'z' WHERE a = 1", "t (another content)"), ("DELETE FROM t WHERE a = 1", "t (1 rows instead of 2)"), ("UPDATE t SET a = '1' WHERE a = 1", "t (another content)"),
                             ("UPDATE t SET b = NULL WHERE a = 1", "t (another content)")):
            process = b.paused("verify", "latest", PAUSE_WHAT="tables")
            connection = sqlite3.connect(os.path.join(os.environ["TMPDIR"], [n for n in self.left_over() if n.endswith(".db")][0]))
            connection.execute(change)
            connection.commit()
            connection.close()
            status, out, said = b.go_on(process)
            self.check(status == 4 and what in said, f"{change}: {said.splitlines()[0]}", out, said)
        self.check(self.left_over() == [] and b.one("list")["verified_ms"] == 0, "no scratch database stays, and no proof", self.left_over())

    # ---- what can go wrong ----

    def blocked(self):
        b = self.place("blocked.db")
        made = b.one("create")
        self.sql("blocked.db", "INSERT INTO t VALUES (2)")
        writer = sqlite3.connect(self.path("blocked.db"), isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        quick = Backups(self.tool, b.url + "?busy_timeout=300", b.folder)
        failed = quick.fails("restore", made["id"])
        self.check(failed.code in ("retry", "locked"), f"a writer is in the way: {failed.text.splitlines()[0]}", failed.text)
        writer.execute("COMMIT")
        reader = sqlite3.connect(self.path("blocked.db"), isolation_level=None)
        reader.execute("BEGIN")
        seen = reader.execute("SELECT count(*) FROM t").fetchone()[0]
        b.one("restore", made["id"])
        self.check(reader.execute("SELECT count(*) FROM t").fetchone()[0] == seen == 2, "a reader (WAL) goes on, and sees what it saw")
        reader.execute("COMMIT")
        self.check(reader.execute("SELECT count(*) FROM t").fetchone()[0] == 1, "and then what was restored")
        reader.close()
        writer.close()

    def killed(self):
        b = self.place("killed.db", EVERYTHING)
        made = b.one("create")
        for command in ("create", "verify", "restore"):
            before = self.dump("killed.db")
            for at in (1, 2, 4, 7):
                process = b.start(command, *([made["id"]] if command != "create" else []), PAUSE_AT=at)
                if process.stdout.readline().strip() == "paused":
                    process.kill()
                process.communicate()
                after = self.dump("killed.db")
                if before != after:
                    break
            self.check(before == after, f"{command} killed at any time: the database is as it was", *differing(before, after))
        b.ask("prune", "100")
        b.one("verify", made["id"])
        names = [n for n in b.files() if not n.endswith(".dfb")]
        self.check(names == [] and self.left_over() == [], "what they left is removed by the next ones", names, self.left_over())
        for command in (("create",), ("verify", made["id"]), ("restore", made["id"])):
            failed = b.fails(*command, STOP_AFTER=4)
            self.check(failed.code == "cancelled", f"{command[0]} is interrupted: {failed.text.splitlines()[0]}")
        names = [n for n in b.files() if not n.endswith(".dfb")]
        self.check(names == [] and self.left_over() == [], "nothing is left of them", names)

    def full_disk(self):
        if not SmallDisk.available():
            self.tap.skip("a full disk", "no right to mount")
            return
        b = self.place("full.db", EVERYTHING)
        with SmallDisk(4) as folder:
            b.folder = os.path.join(folder, "b")
            failed = b.fails("create")
            self.check(failed.code == "disk_full" and b.files() == [] and b.ask("list") == [], f"{failed.text.splitlines()[0]}", failed.text, b.files())

    def writers(self):
        b = self.place("busy.db", "PRAGMA journal_mode = WAL; CREATE TABLE t (a INTEGER PRIMARY KEY, b); CREATE TABLE log (a)")
        stop = threading.Event()

        def write():
            connection = sqlite3.connect(self.path("busy.db"), isolation_level=None, timeout=60)
            while not stop.is_set():
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("INSERT INTO t (b) VALUES (?)", [("x" * 100,)] * 50)
                connection.execute("INSERT INTO log SELECT max(a) FROM t")
                connection.execute("COMMIT")
                time.sleep(0.001)
            connection.close()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(3):
                b.one("create")
                proof = b.one("verify", "latest")
                self.check(proof["differing"] == 0 and proof["tables"]["t"][0] == 50 * proof["tables"]["log"][0], f"in the middle of writing: {proof['tables']['t'][0]} rows, exactly those of the copy", proof)
        finally:
            stop.set()
            writer.join()

    def odd_names(self):
        b = self.place("a b?c%20ü.db")
        b.folder = os.path.join(self.top, "Ordner ü 'quoted'")
        b.url = "sqlite://" + self.path("").rstrip("/") + "/a%20b%3Fc%2520%C3%BC.db"
        made = b.one("create")
        b.one("verify", "latest")
        self.sql("a b?c%20ü.db", "DELETE FROM t")
        b.one("restore", made["id"])
        self.check(self.sql("a b?c%20ü.db", "SELECT count(*) FROM t") == [(1,)], "odd names of files and folders")

    # ---- the documentation ----

    def recipes(self):
        """docs/how-to/backup.md says how to get at a dump without the program."""
        with open(os.path.join(ROOT, "docs", "how-to", "backup.md"), encoding="utf-8") as file:
            blocks = re.findall(r"```(?:python|sh)\n(.*?)```", file.read(), re.S)
        python = [x for x in blocks if "DFBACKUP" in x]
        shell = [x for x in blocks if "zstd -dc" in x]
        if not self.check(len(python) == 1 and shell, "there is a recipe for python and one for the shell"):
            return
        script = os.path.join(self.top, "recipe.py")
        with open(script, "w", encoding="utf-8") as file:
            file.write(python[0])
        for options, key in (("", None), (",plain", None), ("", KEY), (",plain", KEY)):
            b = self.place("recipe.db", EVERYTHING, key)
            made = b.one("create", options)
            done = subprocess.run(["python3", script, made["path"]], capture_output=True, env=os.environ | {"BACKUP_ENCRYPTION_KEY": key or ""})
            raw = os.path.join(self.top, "raw")
            with open(raw, "wb") as file:
                file.write(done.stdout)
            content = ""
            if done.returncode == 0:
                content = sqlite3.connect(raw).execute("SELECT count(*) FROM big").fetchone()
            self.check(content == (301,), f"by hand: {'encrypted' if key else 'not encrypted'}{options}", done.stderr.decode(), content)
            if not key and not options:
                os.unlink(raw)
                subprocess.run(f"zstd -dc < '{made['path']}' > '{raw}'", shell=True, check=True, stderr=subprocess.DEVNULL)
                self.check(sqlite3.connect(raw).execute("SELECT count(*) FROM big").fetchone() == (301,), "with zstd alone")

    def run(self):
        only = os.environ.get("ONLY", "").split()
        if not only or "round_trip" in only:
            self.round_trip("round.db", None, "wal")
            self.round_trip("round.db", KEY, "wal")
            self.round_trip("round.db", None, "delete")
        for name in ("proof_can_fail", "blocked", "killed", "full_disk", "writers", "odd_names", "recipes"):
            if not only or name in only:
                getattr(self, name)()


def main():
    tool, top = arguments()
    os.environ["TMPDIR"] = os.path.join(top, "tmp")
    os.mkdir(os.environ["TMPDIR"])
    tap = Tap()
    try:
        Tests(tap, tool, top).run()
    finally:
        shutil.rmtree(top, ignore_errors=True)
    return tap.done()


if __name__ == "__main__":
    raise SystemExit(main())
