#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""poolers.py PROBE: PgBouncer in each of its modes; and a client that is killed while its statement runs."""
import json
import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from pgbouncer import Pgbouncer  # noqa: E402
from servers import Postgres, ServerError, find_program  # noqa: E402

PROBE = sys.argv[1]
points = failures = 0


def check(condition, what, *details):
    global points, failures
    points += 1
    print(f"{'ok' if condition else 'not ok'} {points} - {what}", flush=True)
    if not condition:
        failures += 1
        for detail in details:
            print(f"# {detail}")


def probe(command, url):
    done = subprocess.run([PROBE, command, url], capture_output=True, text=True, timeout=120)
    return json.loads(done.stdout.splitlines()[-1])


class Traffic:
    """Other clients of the pooler, so that its server sessions go from hand to hand."""

    def __init__(self, url, clients):
        self.stop = False
        self.threads = [threading.Thread(target=self.run, args=(url,)) for _ in range(clients)]

    def run(self, url):
        while not self.stop:
            subprocess.run([find_program("psql", "/usr/lib/postgresql/*/bin"), "-XAtq", "-d", url, "-c", "SELECT pg_sleep(0.01)"],
                           capture_output=True)

    def __enter__(self):
        for thread in self.threads:
            thread.start()

    def __exit__(self, *_):
        self.stop = True
        for thread in self.threads:
            thread.join()


def test_modes(server):
    told = probe("pooled", server.url())
    check(told["code"] == "ok" and not told["pooled"] and told["how"] == "", "no pooler: none is seen", told)
    for settings in ({}, {"server_round_robin": 1}, {"default_pool_size": 1}, {"default_pool_size": 20, "min_pool_size": 10}):
        for mode in ("transaction", "statement"):
            with Pgbouncer(server, mode, **settings) as pooler:
                told = probe("pooled", pooler.url())
                check(told["code"] == "ok" and told["pooled"], f"{mode} mode {settings}: {told['how']}", told)
                with Traffic(pooler.url(), 2):
                    told = probe("pooled", pooler.url())
                check(told["code"] == "ok" and told["pooled"], f"{mode} mode with others at work", told)
        with Pgbouncer(server, "session", **settings) as pooler:
            told = probe("pooled", pooler.url())
            check(told["code"] == "ok" and not told["pooled"] and told["how"], f"session mode {settings}: {told['how']}", told)
    with Pgbouncer(server, "session") as pooler, Traffic(pooler.url(), 2):
        told = probe("pooled", pooler.url())
        check(told["code"] == "ok" and not told["pooled"], "session mode with others at work", told)


def test_work(server):
    for mode in ("session", "transaction"):
        with Pgbouncer(server, mode) as pooler:
            told = probe("work", pooler.url())
            check(told["code"] == "ok" and told["rows"] == 2, f"{mode} mode: transactions, savepoints, pipelines work", told)
            told = probe("work", pooler.url(schema="public"))
            check(told["code"] == "ok" and told["rows"] == 2, "with a schema, too", told)


def test_killed_client(server):
    """The lock of a client that was killed while the server worked for it is free within seconds."""
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    process = subprocess.Popen([PROBE, "sleep", server.url()], stdout=subprocess.PIPE, text=True)
    check(process.stdout.readline() == "ready\n" and server.sql(held) == "1", "a client holds a lock, and a statement runs")
    process.send_signal(signal.SIGKILL)
    process.wait()
    end = time.monotonic() + 30
    while server.sql(held) != "0" and time.monotonic() < end:
        time.sleep(0.1)
    check(server.sql(held) == "0", "the server notices that it was killed")


if not Postgres.available():
    print("1..0 # SKIP PostgreSQL is not installed")
    sys.exit(0)
with Postgres() as postgres:
    test_killed_client(postgres)
    if Pgbouncer.available():
        try:
            test_modes(postgres)
            test_work(postgres)
        except ServerError as problem:
            check(False, "PgBouncer runs", *str(problem).splitlines())
    else:
        points += 1
        print(f"ok {points} # SKIP PgBouncer is not installed")
print(f"1..{points}")
sys.exit(failures > 0)
