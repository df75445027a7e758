#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
`dataflow up` and `dataflow status` of 500 small migrations on Neo4j, held against neo4j-migrations' command line on the same
folder and server, in turns, whole processes; each begins with an empty database. The floor is Neo4j's driver for Python that
sends the same statements in the same transactions and records nothing.
"""

import os
import sys

import common
import migrations
import neo4j_common as neo4j

bench = common.Bench("neo4j_up", __doc__.strip().split("\n\n")[0], runs=3, program="dataflow")
bench.parser.add_argument("--migrations", type=int, default=500)
bench.parser.add_argument("--status-runs", type=int, default=20)


def text(number):
    """Of three migrations one changes the schema, and two add data: no file does both, which Neo4j would refuse."""
    if number % 3 == 1:
        return (f"CREATE CONSTRAINT item_{number} IF NOT EXISTS FOR (i:Item{number}) REQUIRE i.id IS UNIQUE;\n"
                f"CREATE INDEX item_{number}_name IF NOT EXISTS FOR (i:Item{number}) ON (i.name);\n")
    return (f"CREATE (:Item{number // 3 * 3 + 1} {{id: {number}, name: 'item; number {number}'}});\n"
            f"MATCH (i:Item{number // 3 * 3 + 1} {{id: {number}}}) SET i.price = {number * 10};\n")


def history(count):
    folder = os.path.join(bench.scratch, "migrations")
    os.makedirs(folder)
    for number in range(1, count + 1):
        with open(os.path.join(folder, f"V{number:04d}__Item_{number}.cypher"), "w", encoding="utf-8") as file:
            file.write(text(number))
    return folder


def check(running, who, count):
    """Every node of the migrations is there."""
    wanted = sum(number % 3 != 1 for number in range(1, count + 1))
    found = running.cypher("MATCH (i) WHERE i.name STARTS WITH 'item; number' RETURN count(i.price)")[0][0]
    if found != wanted:
        raise RuntimeError(f"{who}: {found} nodes, and not {wanted}")


def measure(running, folder, count):
    peer = neo4j.peer("neo4j-migrations")
    address = running.tcp_url().replace(f"neo4j:{running.password}@", "")

    def ours(command):
        return [bench.program, command, "-q", "--database-url", running.tcp_url(), "--migrations", folder]

    def theirs(command):
        return [peer, "-a", address, "-u", "neo4j", "-p", running.password, "--location", "file://" + folder, command]

    ups, processors, statuses, bare = ([], []), ([], []), ([], []), []
    python = neo4j.peer("neo4j-python")
    who = [("dataflow", ours, {"env": migrations.environment()})] + ([("neo4j-migrations", theirs, {})] if peer else [])
    for turn in range(bench.runs + 1):  # the first is not counted: the server's compiler sees the work of both
        for place, (name, command, more) in enumerate(who):
            neo4j.empty(running)
            took, seconds = neo4j.measured(running, command("up" if name == "dataflow" else "migrate"), **more)
            check(running, name, count)
            if not turn:
                continue
            ups[place].append(took)
            processors[place].append(seconds)
            asked = command("status" if name == "dataflow" else "info")
            for _ in range(bench.options.status_runs if name == "dataflow" else 3):
                statuses[place].append(1000 * neo4j.timed(asked, **more)[0])
        if turn and python:
            neo4j.empty(running)
            bare += neo4j.ask_peer(python, "files", running, folder)["seconds"]
            check(running, "the driver for Python", count)
    return ups, processors, statuses, bare


def main():
    options = bench.start()
    running = neo4j.server()
    if not running:
        return bench.finish()
    count = bench.scale(options.migrations)
    with running:
        ups, processors, statuses, bare = measure(running, history(count), count)
    group = f"{count:,} small migrations, Neo4j {neo4j.server_version()}"
    label = f"neo4j-migrations {neo4j.version('neo4j_migrations')}"
    # At least five times as fast is at most a fifth of the time.
    bench.add(group, "up", ups[0], "s", "<= 0.2 x" if ups[1] else None, (label, ups[1]) if ups[1] else None)
    if bare:
        bench.add(group, "the same against nothing but its statements", ups[0], "s", None, ("Neo4j's driver for Python", bare))
    bench.add(group, "the same in processor seconds, server included", processors[0], "s", None, (label, processors[1]) if ups[1] else None)
    bench.add(group, "status", statuses[0], "ms", "<= 50 ms", (label, statuses[1]) if statuses[1] else None)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
