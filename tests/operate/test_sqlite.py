#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Health, why and preflight of SQLite databases: other processes that write and read, damage, broken views.

    test_sqlite.py OPERATE_TOOL
"""
import os
import subprocess
import sys

from situations import Servers, Tap, Tool, check_names, ledger_situations, until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from servers import SmallDisk  # noqa: E402

tap = Tap()

HOLD = """
import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    c.execute(statement).fetchall()
print("ready", flush=True)
sys.stdin.read()
"""


def other(database, *statements):
    """Another process that has run these statements, and stays."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, database.path, *statements], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def writers(servers, mode):
    database = servers.database("sqlite")
    database.sql(f"PRAGMA journal_mode = {mode}")
    database.sql("CREATE TABLE t (a)")
    tool = Tool(database.url)
    tap.ok(tool.why().says("blocking", "nobody holds the write lock") and not tool.findings("t!"), f"{mode}: a quiet database", tool.why())
    holder = other(database, "BEGIN IMMEDIATE", "INSERT INTO t VALUES (1)")
    health, why, findings = tool.health(), tool.why(), tool.findings("t!")
    tap.ok(health["writers"]["status"] == "warning" and f"process {holder.pid}" in health["writers"]["message"], f"{mode}: health names the writer", health)
    line = why.says("blocking", f"process {holder.pid}", "holds the write lock")
    tap.ok(line, f"{mode}: why names the writer", why)
    tap.ok([f for f in findings if f["rule"] == "writer" and str(holder.pid) in f["what"]], f"{mode}: preflight names the writer", findings)
    if line:
        subprocess.run(line["command"], shell=True)
        holder.wait(10)
        tap.ok(until(lambda: tool.why().says("blocking", "nobody holds the write lock")), f"{mode}: the command that why gives ends it", tool.why())
    holder.kill()
    reader = other(database, "BEGIN", "SELECT * FROM t")
    tap.ok(tool.health()["writers"]["status"] == "ok", f"{mode}: a reader is not a writer", tool.health()["writers"])
    reader.kill()


def running(servers):
    """A run that writes is in nobody's way but by its nature."""
    database = servers.database("sqlite")
    tool = Tool(database.url)
    tool.ask("init")
    holder = tool.hold("up", 60000, "BEGIN IMMEDIATE")
    line = until(lambda: tool.why().says("blocking", f"process {holder.pid}", "(the migration run)"))
    tap.ok(line and line["command"] is None and not tool.why().stuck, "a run that writes", tool.why())
    holder.communicate()


def broken_objects(servers):
    database = servers.database("sqlite")
    tool = Tool(database.url)
    for text in ("CREATE TABLE a (x, y)", "CREATE TABLE log (m)", "CREATE VIEW good AS SELECT x FROM a", "CREATE TABLE b (x)",
                 "CREATE VIEW \"bad one\" AS SELECT x FROM b", "CREATE TRIGGER tell AFTER UPDATE ON a BEGIN INSERT INTO b VALUES (new.x); END",
                 "CREATE TRIGGER fine AFTER INSERT ON a BEGIN INSERT INTO log VALUES (new.x); END",
                 "CREATE VIEW foreign_function AS SELECT only_the_application_knows(x) FROM a",
                 "CREATE TABLE gen (x, y AS (x + 1))", "CREATE TRIGGER g AFTER UPDATE ON gen BEGIN INSERT INTO log VALUES (1); END"):
        database.sql(text)
    tap.equal(tool.health()["broken_views"]["status"], "ok", "views and triggers that work, or want the application's functions")
    database.sql("DROP TABLE b")
    health = tool.health()
    items = [i["subject"] for i in health["broken_views"]["details"]["items"]]
    tap.ok(health["broken_views"]["status"] == "warning" and len(items) == 2 and any(i.startswith("view bad one (") for i in items) and
           any(i.startswith("a trigger for UPDATE on a (") for i in items), "DROP TABLE broke a view and a trigger", health["broken_views"])


def damage(servers):
    database = servers.database("sqlite")
    tool = Tool(database.url)
    database.sql("PRAGMA foreign_keys = off")
    for text in ("CREATE TABLE p (id INTEGER PRIMARY KEY)", "CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p)", "INSERT INTO c VALUES (7, 42)",
                 "CREATE TABLE big (t)", "CREATE INDEX big_t ON big (t)",
                 "INSERT INTO big WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT hex(randomblob(50)) FROM n"):
        database.sql(text)
    health = tool.health()
    tap.ok(health["foreign_key_check"]["status"] == "warning" and "c row 7 refers to a row of p" in health["foreign_key_check"]["message"],
           "a foreign key that does not hold", health["foreign_key_check"])
    tap.equal(health["quick_check"]["status"], "ok", "a file without damage")
    size = os.path.getsize(database.path)
    with open(database.path, "r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xff" * 8192)
    health = tool.health()
    tap.ok(health["quick_check"]["status"] in ("critical", "unknown") and health[""] in ("critical", "unknown"), "a damaged file", health)
    tap.equal(health["quick_check"]["status"], "critical", "whose damage is called so")


def disk(servers):
    if not SmallDisk.available():
        tap.skip("a full disk", "cannot mount a small file system")
        return
    with SmallDisk(8) as folder:
        path = os.path.join(folder, "x.db")
        tool = Tool("sqlite://" + path)
        tool.ask("init")
        tap.equal(tool.health()["disk"]["status"], "ok", "a disk with room")
        with open(os.path.join(folder, "filler"), "wb") as file:
            file.write(b"x" * int(6.5 * (1 << 20)))
        health = tool.health()
        tap.ok(health["disk"]["status"] in ("warning", "critical"), "a disk that fills", health["disk"])
        with open(os.path.join(folder, "filler"), "ab") as file:
            file.write(b"x" * os.statvfs(folder).f_bavail * 4096)
        health, why = tool.health(), tool.why()
        stat = os.statvfs(folder)
        tap.ok(health["disk"]["status"] == "critical" and health["disk"]["details"]["free_bytes"] == stat.f_bavail * stat.f_frsize,
               "a full disk, as df shows it", health["disk"])
        tap.ok(why.stuck and why.says("disk", "are free") and why.next == "dataflow backup prune", "why says so", why)
        tap.ok([f for f in tool.findings("t!") if f["rule"] == "disk"], "preflight says so", tool.findings("t!"))


with Servers() as servers:
    database = servers.database("sqlite")
    tool = Tool(database.url)
    check_names(tap, "sqlite", tool.health())
    check_names(tap, "sqlite", Tool("sqlite::memory:").health())
    ledger_situations(tap, tool, database, lambda hours: f"strftime('%Y-%m-%d %H:%M:%f', 'now', '-{hours} hours')")
    for mode in ("wal", "delete"):
        writers(servers, mode)
    running(servers)
    broken_objects(servers)
    damage(servers)
    disk(servers)
sys.exit(tap.done())
