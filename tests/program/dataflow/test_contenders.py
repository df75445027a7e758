#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Several runs at once, a frozen one, a restarting server, a pooler, traffic in the way: one run at a time, nobody
waits in front of traffic, nothing is half done.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from migrations import Dataflow, Servers, Tap, binary, said
from servers import Postgres, find_program

SLEEP = {"postgres": "SELECT pg_sleep(%g)", "mariadb": "SELECT SLEEP(%g)"}


def write(folder, files):
    os.makedirs(folder, exist_ok=True)
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    return folder


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def many(tap, servers, path, engine, contenders):
    folder = write(os.path.join(servers.folder, f"many-{engine}-{contenders}"),
                   {f"{i:03}_t.sql": f"-- UP\nCREATE TABLE t{i} (id int);\nINSERT INTO t{i} VALUES ({i});\n-- DOWN\nDROP TABLE t{i};\n"
                    for i in range(1, 13)})
    database = servers.database(engine)
    program = Dataflow(path, database.url, folder)
    runs = [program.start("up", "--wait", "60s", "--quiet") for _ in range(contenders)]
    results = [(r.communicate(), r.returncode) for r in runs]
    rows = [database.sql(f"SELECT count(*) FROM t{i}") for i in range(1, 13)]
    tap.ok(all(code == 0 for _, code in results) and rows == ["1"] * 12,
           f"{contenders} runs at once on {engine}: all end well, each statement ran once", f"{results}\n{rows}")
    held = database.sql("SELECT count(*) FROM _migration_locks")
    tap.equal(held, "0", f"{contenders} runs at once on {engine}: the lock is free afterwards")


def not_waiting(tap, servers, path):
    database = servers.database("postgres")
    folder = write(os.path.join(servers.folder, "slow"), {"001_slow.sql": "-- UP\nSELECT pg_sleep(3);\nCREATE TABLE s (id int);\n"})
    program = Dataflow(path, database.url, folder)
    first = program.start("up", "--quiet")
    wait_for(lambda: database.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3)%' AND state='active' AND pid<>pg_backend_pid()") != "0")
    second = program.run("up", "--quiet")
    first.communicate()
    tap.ok(second.returncode == 6 and first.returncode == 0 and "pid" in second.stderr,
           "without --wait the second ends with status 6 and names the holder", said(second))


def frozen(tap, servers, path, engine):
    database = servers.database(engine)
    folder = write(os.path.join(servers.folder, f"frozen-{engine}"),
                   {"001_a.sql": "-- UP\nCREATE TABLE a (id int);\n" + "".join(SLEEP.get(engine, "SELECT 1") % 0.3 + ";\n" if engine in SLEEP else "SELECT 1;\n" for _ in range(20)),
                    "002_b.sql": "-- UP\nCREATE TABLE b (id int);\nINSERT INTO b VALUES (1);\n"})
    program = Dataflow(path, database.url, folder)
    first = program.start("up", "--quiet", "--lease", "2s")
    started = wait_for(lambda: "t" in held(database))
    time.sleep(0.7)
    first.send_signal(signal.SIGSTOP)
    time.sleep(3)
    second = program.run("up", "--quiet", "--wait", "30s", "--lease", "2s")
    first.send_signal(signal.SIGCONT)
    _, error = first.communicate(timeout=60)
    rows = database.sql("SELECT count(*) FROM b")
    tap.ok(started and second.returncode == 0 and first.returncode not in (0, 70) and rows == "1",
           f"a holder on {engine} that is frozen past its lease is taken over, and cannot commit when it wakes",
           f"first: {first.returncode} {error[-800:]}\nsecond: {said(second)}\nrows {rows}")


def held(database):
    try:
        return "t" if database.sql("SELECT count(*) FROM _migration_locks") == "1" else ""
    except Exception:  # noqa: BLE001  (the table is not there yet)
        return ""


def restarted(tap, servers, path, engine):
    database = servers.database(engine)
    server = servers.server(engine)
    pause = SLEEP[engine] % 0.2 + ";\n"
    folder = write(os.path.join(servers.folder, f"restart-{engine}"),
                   {f"{i:03}_t.sql": f"-- UP\nCREATE TABLE t{i} (id int);\n{pause}INSERT INTO t{i} VALUES ({i});\n" for i in range(1, 9)})
    program = Dataflow(path, database.url, folder)
    run = program.start("up", "--quiet")
    wait_for(lambda: exists(database, "t3"))
    server.kill()
    time.sleep(0.5)
    server.start()
    _, error = run.communicate(timeout=120)
    last = program.run("up", "--quiet", "--wait", "30s") if run.returncode else None
    rows = [database.sql(f"SELECT count(*) FROM t{i}") for i in range(1, 9)]
    tap.ok((run.returncode == 0 or last.returncode == 0) and rows == ["1"] * 8,
           f"{engine} is killed and started in the middle: the run goes on", f"{run.returncode} {error[-1500:]}\n{last and said(last)}\n{rows}")


def exists(database, table):
    try:
        database.sql(f"SELECT count(*) FROM {table}")
        return True
    except Exception:  # noqa: BLE001
        return False


def traffic(tap, servers, path):
    """A reader of ten seconds, an ALTER behind it, and short readers behind that: none of them waits until the first has ended."""
    database = servers.database("postgres")
    database.sql("CREATE TABLE busy (id int)")
    psql = find_program("psql", *Postgres.folders)
    folder = write(os.path.join(servers.folder, "traffic"), {"001_alter.sql": "-- UP\nALTER TABLE busy ADD COLUMN x int;\n"})
    reader = subprocess.Popen([psql, "-qAt", "-d", database.url, "-c", "BEGIN; SELECT count(*) FROM busy; SELECT pg_sleep(10); COMMIT;"],
                              stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    slowest, stop = [0.0], threading.Event()

    def short():
        while not stop.is_set():
            began = time.monotonic()
            database.sql("SELECT count(*) FROM busy")
            slowest[0] = max(slowest[0], time.monotonic() - began)

    thread = threading.Thread(target=short)
    thread.start()
    result = Dataflow(path, database.url, folder).run("up", "--quiet", "--lock-timeout", "200ms")
    stop.set()
    thread.join()
    reader.wait()
    tap.ok(result.returncode == 0 and slowest[0] < 7, "an ALTER behind a long reader tries again instead of queueing in front of traffic",
           f"slowest short reader {slowest[0]:.2f} s\n{said(result)}")


def half_index(tap, servers, path):
    database = servers.database("postgres")
    database.sql("CREATE TABLE d (id int); INSERT INTO d VALUES (1), (1)")
    folder = write(os.path.join(servers.folder, "index"), {"001_index.sql": "-- UP\nCREATE UNIQUE INDEX CONCURRENTLY d_id ON d (id);\n-- DOWN\nDROP INDEX d_id;\n"})
    program = Dataflow(path, database.url, folder)
    result = program.run("up", "--quiet")
    invalid = database.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
    tap.ok(result.returncode == 1 and invalid == "0" and "23505" in result.stderr,
           "CREATE UNIQUE INDEX CONCURRENTLY that fails leaves no invalid index", f"{said(result)}\n{invalid} invalid")
    database.sql("DELETE FROM d WHERE ctid = (SELECT max(ctid) FROM d)")
    result = program.run("up", "--quiet")
    tap.ok(result.returncode == 0 and database.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'd_id'::regclass") == "t",
           "after the data is mended, up makes the index", said(result))


def broken_ddl(tap, servers, path):
    """MariaDB commits each statement: what was done of a failing migration is taken back by its down section."""
    database = servers.database("mariadb")
    folder = write(os.path.join(servers.folder, "undo"), {"001_two.sql": "-- UP\nCREATE TABLE one (id int);\nCREATE INDEX one_id ON one (id);\n"
                   "ALTER TABLE one ADD COLUMN v int;\nCREATE TABLE two (id nonsense);\n-- DOWN\nDROP TABLE two;\nALTER TABLE one DROP COLUMN v;\nDROP TABLE one;\n"})
    result = Dataflow(path, database.url, folder).run("up", "--quiet")
    tap.ok(result.returncode == 1 and not exists(database, "one") and "statement 4" in result.stderr,
           "a migration that fails on MariaDB is taken back statement by statement", said(result))
    with open(os.path.join(folder, "001_two.sql"), "w", encoding="utf-8") as file:
        file.write("-- UP\nCREATE TABLE one (id int);\nINSERT INTO one VALUES (1);\nCREATE TABLE two (id nonsense);\n")
    result = Dataflow(path, database.url, folder).run("up", "--quiet")
    tap.ok(result.returncode == 7 and exists(database, "one"), "without a down it stays half done, and says so with status 7", said(result))
    with open(os.path.join(folder, "001_two.sql"), "w", encoding="utf-8") as file:
        file.write("-- UP\nCREATE TABLE one (id int);\nINSERT INTO one VALUES (1);\nCREATE TABLE two (id int);\n")
    result = Dataflow(path, database.url, folder).run("up", "--quiet")
    tap.ok(result.returncode == 0 and exists(database, "two") and database.sql("SELECT count(*) FROM one") == "1",
           "mended, it goes on at the statement that failed", said(result))


def main():
    path, tap = binary(), Tap()
    with Servers() as servers:
        for engine in servers.engines():
            many(tap, servers, path, engine, 2)
            many(tap, servers, path, engine, 10)
        if servers.has("postgres"):
            not_waiting(tap, servers, path)
            traffic(tap, servers, path)
            half_index(tap, servers, path)
        for engine in ("postgres", "mariadb"):
            if servers.has(engine):
                frozen(tap, servers, path, engine)
        if servers.has("mariadb"):
            broken_ddl(tap, servers, path)
    # What the servers acknowledged must survive their crash, as it does with their own settings.
    durable = {"postgres": {"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on"},
               "mariadb": {"innodb-flush-log-at-trx-commit": "1", "innodb-doublewrite": "1"}}
    with Servers(durable) as servers:
        for engine in ("postgres", "mariadb"):
            if servers.has(engine):
                restarted(tap, servers, path, engine)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
