#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
What a night brings: the server dies under an import, the disk fills up, somebody else is importing the same table. Each has its status and its
words, and --resume ends where an undisturbed import does.
"""

import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import peers
import servers
from test_kill import make_table, state


def start_import(program, table, table_id, *more):
    command = [program.path, "import", table, "--table-id", table_id, "--database-url", program.url, "--batch-size", "1",
               *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def is_under_way(program, table_id, process):
    """Waits until the catalog knows of the import; whether it is still at it then."""
    for _ in range(200):
        if "running" in program.run("migration-status", "--table-id", table_id).stdout or process.poll() is not None:
            break
        time.sleep(0.01)
    time.sleep(0.05)
    return process.poll() is None


def check_server_dies(tap, program, server, table, wanted):
    table_id = "outage"
    process = start_import(program, table, table_id)
    if not tap.ok(is_under_way(program, table_id, process), f"{program.label}: an import is under way"):
        return
    server.kill()
    _, stderr = process.communicate(timeout=120)
    tap.ok(process.returncode == 5 and "--resume" in stderr, f"{program.label}: the server dies: status 5, and what to do",
           f"status {process.returncode}\n{stderr}")
    result = program.run("migration-status")
    tap.ok(result.returncode == 5 and "Database connection failed" in result.stderr,
           f"{program.label}: nobody answers", result.stderr)
    server.restart()
    result = program.run("migration-status", "--table-id", table_id)
    # The test's servers do not wait for the disk, so the last commits before the kill may be gone.
    tap.ok("failed" in result.stdout or "No migration status" in result.stdout, f"{program.label}: back again, the import is known to have failed", result.stdout)
    result = program.run("import", table, "--table-id", table_id, "--resume")
    if tap.ok(result.returncode == 0, f"{program.label}: resumed", result.stderr):
        tap.equal(state(program, table_id), wanted, f"{program.label}: as if nothing had happened")


def check_two_at_once(tap, program, table):
    first = start_import(program, table, "shared")
    if not tap.ok(is_under_way(program, "shared", first), f"{program.label}: the first import is under way"):
        first.communicate()
        return
    first.send_signal(signal.SIGSTOP)
    second = program.run("import", table, "--table-id", "shared", "--wait", "1")
    tap.ok(second.returncode == 6 and str(first.pid) in second.stderr,
           f"{program.label}: a second import says who holds the table (status 6)", second.stdout + second.stderr)
    first.send_signal(signal.SIGCONT)
    _, stderr = first.communicate(timeout=120)
    tap.ok(first.returncode == 0, f"{program.label}: the first goes on", stderr)
    result = program.run("import", table, "--table-id", "shared")
    tap.ok(result.returncode == 0, f"{program.label}: then the second may", result.stderr)


def check_disk_full(tap, path, table, wanted):
    if not servers.SmallDisk.available():
        tap.skip("a full disk", "no small file system can be mounted")
        return
    with servers.SmallDisk(3) as disk:
        program = peers.Program(path, f"sqlite://{disk}/catalog.db", "SQLite")
        result = program.run("import", table, "--table-id", "full", "--batch-size", "200")
        tap.ok(result.returncode == 1 and "Disk space exhausted" in result.stderr, "SQLite: a full disk has its words",
               f"status {result.returncode}\n{result.stderr}")
        with peers.Scratch("moved") as folder:
            subprocess.run(f"cp {disk}/catalog.db* {folder}", shell=True, check=True)
            moved = peers.Program(path, f"sqlite://{folder}/catalog.db", "SQLite")
            result = moved.run("import", table, "--table-id", "full", "--resume")
            if tap.ok(result.returncode == 0, "SQLite: with more space it goes on", result.stderr):
                tap.equal(state(moved, "full"), wanted, "SQLite: as if nothing had happened")


def check_input_changes(tap, program, table):
    """A commit vanishes between an interrupted import and its resumption; another one comes."""
    log = os.path.join(table, "_delta_log")
    names = sorted(os.listdir(log))
    last = os.path.join(log, names[-1])
    held = last + ".held"
    os.rename(last, held)
    process = start_import(program, table, "changing")
    is_under_way(program, "changing", process)
    process.kill()
    process.communicate()
    os.rename(held, last)
    middle = os.path.join(log, names[-5])
    os.rename(middle, middle + ".held")
    result = program.run("import", table, "--table-id", "changing", "--resume")
    tap.ok(result.returncode == 1 and names[-5][:20].lstrip("0") in result.stderr,
           f"{program.label}: a commit that vanished is named", result.stderr)
    os.rename(middle + ".held", middle)
    result = program.run("import", table, "--table-id", "changing", "--resume")
    tap.ok(result.returncode == 0, f"{program.label}: back again, the import ends", result.stderr)
    tap.equal(program.json("snapshot", "changing")["version"], len(names) - 1, f"{program.label}: with the new commit")


def main():
    path = peers.binary()
    tap = peers.Tap()
    rng = random.Random(7)
    with peers.Scratch("outage") as folder:
        table = os.path.join(folder, "table")
        make_table(table, rng, commits=4000, files=4)
        calm = peers.Program(path, f"sqlite://{folder}/calm.db", "SQLite")
        calm.run("import", table, "--table-id", "calm")
        wanted = state(calm, "calm")
        check_two_at_once(tap, calm, table)
        check_input_changes(tap, calm, table)
        check_disk_full(tap, path, table, wanted)
        for label, kind in (("PostgreSQL", servers.Postgres), ("MariaDB", servers.MariaDB)):
            if not kind.available():
                tap.skip(label, "not installed")
                continue
            with kind() as server:
                program = peers.Program(path, server.url(), label)
                program.run("init")
                check_two_at_once(tap, program, table)
                check_server_dies(tap, program, server, table, wanted)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
