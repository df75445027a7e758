#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""disasters.py PROBE: servers killed in the middle of a load, and disks that fill up. Starts servers of its own."""
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from servers import MariaDB, Postgres, ServerError, SmallDisk  # noqa: E402

PROBE = sys.argv[1]
MANY = 100000  # about 40 MB
points = failures = 0


def check(condition, what, *details):
    global points, failures
    points += 1
    print(f"{'ok' if condition else 'not ok'} {points} - {what}", flush=True)
    if not condition:
        failures += 1
        for detail in details:
            print(f"# {detail}")


def skip(reason):
    global points
    points += 1
    print(f"ok {points} # SKIP {reason}", flush=True)


def start_probe(url, rows, pause_ms=0):
    return subprocess.Popen([PROBE, url, str(rows), str(pause_ms)], stdout=subprocess.PIPE, text=True)


def probe(url, rows):
    return json.loads(start_probe(url, rows).communicate(timeout=120)[0].splitlines()[-1])


def test_killed_server(server):
    """kill -9 in the middle of a load: the client is told, the rows are gone, and the next load works."""
    name = server.engine
    server.sql("CREATE TABLE probe (id BIGINT PRIMARY KEY, t TEXT)", "dataflow")
    for address, url in (("socket", server.url()), ("TCP", server.tcp_url())):
        running = start_probe(url, MANY, 3000)
        running.stdout.readline()
        server.kill()
        told = json.loads(running.communicate(timeout=120)[0].splitlines()[-1])
        check(told["code"] == "connect" and told["message"].startswith("Database connection failed: "),
              f"{name} killed during a load over {address}: {told['message']}", told)
        check(told["afterwards"] == "connect", f"{name}: afterwards calls fail cleanly", told)
        refused = probe(url, 10)
        check(refused["code"] == "connect" and refused["message"].startswith("Database connection failed: "),
              f"{name} is down: {refused['message']}", refused)
        check(server.password not in json.dumps([told, refused]), f"{name}: no password is told")
        server.start()
        check(server.sql("SELECT COUNT(*) FROM probe", "dataflow") == "0", f"{name}: nothing of the load is there")
        again = probe(url, 1000)
        check(again["code"] == "ok", f"{name}: after the restart it works", again)
        check(server.sql("SELECT COUNT(*) FROM probe", "dataflow") == "1000", f"{name}: all of it")
        server.sql("DELETE FROM probe", "dataflow")


def test_full_server(server, url, create):
    """A disk that fills up under the table."""
    server.sql("DROP TABLE probe; " + create, "dataflow")
    told = probe(url, MANY)
    check(told["code"] == "disk_full" and told["message"].startswith("Disk space exhausted: ") and told["hint"],
          f"{server.engine}: {told['message']}", told)
    check(told["afterwards"] == "ok", f"{server.engine}: the connection survives it", told)
    check(server.sql("SELECT COUNT(*) FROM probe", "dataflow") == "0", f"{server.engine}: nothing stays")
    server.sql("DROP TABLE probe", "dataflow")  # rolled back rows keep their room in PostgreSQL, and VACUUM needs some
    server.sql(create, "dataflow")
    few = probe(url, 1000)
    check(few["code"] == "ok", f"{server.engine}: what fits is taken", few)


def test_postgres():
    with Postgres() as server:
        test_killed_server(server)
        if not SmallDisk.available():
            return skip("no right to mount a small disk")
        with SmallDisk(16) as folder:
            space = os.path.join(folder, "space")
            os.mkdir(space)
            if server.user:
                os.chown(space, server.user.pw_uid, server.user.pw_gid)
            server.sql(f"CREATE TABLESPACE small LOCATION '{space}'", "dataflow")
            test_full_server(server, server.url(), "CREATE TABLE probe (id BIGINT, t TEXT) TABLESPACE small")
            server.sql("DROP TABLE probe; ", "dataflow")
            server.sql("DROP TABLESPACE small", "dataflow")


def test_mariadb():
    with MariaDB() as server:
        test_killed_server(server)
        if not SmallDisk.available():
            return skip("no right to mount a small disk")
        with SmallDisk(16) as folder:
            test_full_server(server, server.url(),
                             f"CREATE TABLE probe (id BIGINT, t TEXT) ENGINE=InnoDB DATA DIRECTORY='{folder}'")
            server.sql("DROP TABLE probe", "dataflow")


def make_sqlite(path):
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE probe (id INTEGER PRIMARY KEY, t TEXT)")
    db.commit()
    db.close()


def look_at_sqlite(path):
    db = sqlite3.connect(path)
    answer = db.execute("SELECT COUNT(*) FROM probe").fetchone()[0], db.execute("PRAGMA integrity_check").fetchone()[0]
    db.close()
    return answer


def test_sqlite():
    with tempfile.TemporaryDirectory(prefix="df-") as folder:
        path = os.path.join(folder, "k.db")
        make_sqlite(path)
        running = start_probe(f"sqlite://{path}", MANY, 60000)
        running.stdout.readline()
        running.send_signal(signal.SIGKILL)
        running.communicate()
        check(look_at_sqlite(path) == (0, "ok"), "sqlite: a writer killed in the middle leaves nothing and no damage")
        check(probe(f"sqlite://{path}", 1000)["code"] == "ok", "sqlite: the next one works")
        check(look_at_sqlite(path) == (1000, "ok"), "sqlite: all of it")
    if not SmallDisk.available():
        return skip("no right to mount a small disk")
    with SmallDisk(8) as folder:
        path = os.path.join(folder, "f.db")
        make_sqlite(path)
        told = probe(f"sqlite://{path}", MANY)
        check(told["code"] == "disk_full" and told["message"].startswith("Disk space exhausted: ") and told["hint"],
              f"sqlite: {told['message']}", told)
        check(told["afterwards"] == "ok", "sqlite: the connection survives it", told)
        check(look_at_sqlite(path) == (0, "ok"), "sqlite: nothing stays, and no damage")
        few = probe(f"sqlite://{path}", 1000)
        check(few["code"] == "ok", "sqlite: what fits is taken", few)


def main():
    test_sqlite()
    for server, test in ((Postgres, test_postgres), (MariaDB, test_mariadb)):
        if not server.available():
            skip(f"{server.engine} is not installed")
            continue
        try:
            test()
        except (ServerError, subprocess.TimeoutExpired, IndexError) as problem:
            check(False, f"{server.engine}: the test could not go on", *str(problem).splitlines())
    print(f"1..{points}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
