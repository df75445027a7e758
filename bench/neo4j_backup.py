#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
`dataflow backup` and `dataflow backup restore` of a graph in Neo4j, whole processes, held against APOC's export streamed
into a file, a scan of all nodes and relationships by Neo4j's driver for Python, and cypher-shell replaying APOC's file.

All go to one server, in turns. Elements are nodes and relationships. The peers' reading is timed inside their process.
"""

import os
import shutil
import sys

import common
import migrations
import neo4j_common as neo4j

bench = common.Bench("neo4j_backup", __doc__.strip().split("\n\n")[0], runs=3, program="dataflow")
bench.parser.add_argument("--nodes", type=int, default=200000)
bench.parser.add_argument("--relationships", type=int, default=400000)


class Ours:
    def __init__(self, running):
        self.backups = os.path.join(bench.scratch, "backups")
        self.common = ["--database-url", running.tcp_url(), "--backup-folder", self.backups, "--migrations", bench.scratch, "-q"]

    def run(self, *arguments):
        return neo4j.timed([bench.program, *arguments, *self.common], env=migrations.environment(), cwd=bench.scratch)[0]

    def backup(self):
        return self.run("backup")

    def restore(self):
        return self.run("backup", "restore", "latest", "--skip-safety", "--yes")

    def size(self):
        return sum(os.path.getsize(os.path.join(self.backups, name)) for name in os.listdir(self.backups))


def exported(running, python, path):
    answer = neo4j.ask_peer(python, "export", running, path)
    return answer["seconds"][0]


def measure_backup(running, ours, python, elements, what):
    mine, scans, exports = [], [], []
    path = os.path.join(bench.scratch, "apoc.cypher")
    for turn in range(bench.runs + 1):  # the first is not counted: the server warms up
        shutil.rmtree(ours.backups, ignore_errors=True)
        took = [ours.backup()]
        if python:
            took.append(neo4j.ask_peer(python, "scan", running, 1)["seconds"][0])
            took.append(exported(running, python, path))
        for seconds, rates in zip(took, (mine, scans, exports)):
            if turn:
                rates.append(elements / seconds)
    group = f"backup of {what}, Neo4j {neo4j.server_version()}"
    label = f"scan by neo4j {neo4j.version('neo4j_python')} for Python"
    peers = [(label, scans), (f"apoc.export.cypher {neo4j.neo4j_jars.APOC['5.26']}, streamed", exports)] if python else []
    peers.sort(key=lambda held: -sorted(held[1])[len(held[1]) // 2])
    note = f"whole process, file of {ours.size() / 1e6:.1f} MB"
    for place, held in enumerate(peers or [None]):
        bench.add(group, "backup" if not place else "the same", mine, "elements/s", ">= 1 x" if held and not place else None, held, note)
    return path


def measure_restore(running, ours, path, nodes, relationships, what):
    shell = neo4j.peer("cypher-shell")
    mine, theirs = [], []
    for turn in range(bench.runs + 1):
        neo4j.empty(running)
        took = ours.restore()
        neo4j.check(running, nodes, relationships)
        if turn:
            mine.append((nodes + relationships) / took)
        if shell and os.path.exists(path):
            neo4j.empty(running)
            command = [shell, "-a", running.tcp_url().replace(f"neo4j:{running.password}@", ""), "-u", "neo4j", "-p", running.password,
                       "--format", "plain", "-f", path]
            took = neo4j.timed(command)[0]
            neo4j.check(running, nodes, relationships)
            if turn:
                theirs.append((nodes + relationships) / took)
    held = (f"cypher-shell {neo4j.version('cypher_shell')} with APOC's file", theirs) if theirs else None
    bench.add(f"restore of {what}, Neo4j {neo4j.server_version()}", "restore into an empty database", mine, "elements/s",
              ">= 2 x" if held else None, held, "whole process")


def main():
    options = bench.start()
    try:
        neo4j.neo4j_jars.fetch("5.26", with_apoc=True)
        with_apoc = True
    except neo4j.neo4j_jars.JarsError as problem:
        common.say(f"no APOC: {problem}")
        with_apoc = False
    running = neo4j.server(apoc=with_apoc)
    if not running:
        return bench.finish()
    nodes, relationships = bench.scale(options.nodes), bench.scale(options.relationships)
    what = f"{nodes:,} nodes and {relationships:,} relationships"
    with running:
        neo4j.generate(running, nodes, relationships)
        ours = Ours(running)
        path = measure_backup(running, ours, neo4j.peer("neo4j-python") if with_apoc else None, nodes + relationships, what)
        measure_restore(running, ours, path, nodes, relationships, what)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
