#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Small commands, started many times: --version, --help, migration-status, snapshot of a sample table, on
SQLite.

Warm: the program and the catalog are in the page cache. `true` shows what starting any process costs
here.
"""

import os
import sys

import common

bench = common.Bench("startup", __doc__.strip().split("\n\n")[0], runs=100)
SAMPLES = ("trips", "sensors", "customers", "orders")


def milliseconds(command, **more):
    common.spawn(bench, command, 3, **more)
    return [1000 * wall for wall in common.walls(common.spawn(bench, command, bench.runs, **more))]


def main():
    bench.start()
    url = f"sqlite://{os.path.join(bench.scratch, 'catalog.db')}"
    for name in SAMPLES:
        common.spawn(
            bench,
            [bench.program, "import", os.path.join(common.ROOT, "samples", name), "--database-url", url],
        )
    floor = ("true", milliseconds(["true"]))
    bench.add("start-up", "--version", milliseconds([bench.program, "--version"]), "ms", "<= 5 ms", floor)
    bench.add("start-up", "--help", milliseconds([bench.program, "--help"]), "ms", "<= 5 ms", floor)
    bench.add(
        "start-up",
        "migration-status, 4 tables, SQLite",
        milliseconds([bench.program, "migration-status", "--database-url", url]),
        "ms",
        "<= 20 ms",
        floor,
    )
    bench.add(
        "start-up",
        "snapshot --json of a small table, SQLite",
        milliseconds([bench.program, "snapshot", "trips", "--database-url", url, "--json"]),
        "ms",
        None,
        floor,
    )
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
