#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
`dataflow up` and `dataflow status`, held against other migration runners on the same folder of 1,000 small migrations.

Each runner has its own layout, made from the same SQL; dataflow reads that very folder (for Liquibase, whose layout it does
not read, its native one). Both go to the same server over TCP, each into a database of its own, in turns; every time is
that of a whole process. node-pg-migrate is told to use a transaction a file, as the others do. Runners are taken from the
folder that PEERS_RUNNERS names (default: build/bench-peers, which bench/peers.sh fills); what is missing is left out.
"""

import os
import sqlite3
import subprocess
import sys
import time

import common
import dataflow_histories as histories

sys.path.insert(0, os.path.join(common.ROOT, "tests", "lib"))
import migrations  # noqa: E402
import runners  # noqa: E402

bench = common.Bench("dataflow_runners", __doc__.strip().split("\n\n")[0], runs=1, program="dataflow")
bench.parser.add_argument("--migrations", type=int, default=1000)
bench.parser.add_argument("--engines", default="sqlite,postgres,mariadb")
bench.parser.add_argument("--peers", default=os.environ.get("PEERS_RUNNERS", os.path.join(common.ROOT, "build", "bench-peers")))
bench.parser.add_argument("--runners", default="", help="only these, as dbmate,goose")
bench.parser.add_argument("--status-runs", type=int, default=5)
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mariadb": "MariaDB"}
VERSIONS = {"dbmate": "2.36.0", "goose": "3.27.3", "golang-migrate": "4.19.1", "flyway": "13.12.0", "node-pg-migrate": "9.0.0",
            "sqitch": "1.3.1", "liquibase": "4.33.0"}


def timed(run):
    began = time.monotonic()
    result = run()
    took = time.monotonic() - began
    if result.returncode:
        raise RuntimeError(f"{' '.join(map(str, result.args))[:200]}: exit status {result.returncode}: {(result.stdout + result.stderr).strip()[-600:]}")
    return took


def ours(command, database, folder):
    arguments = [bench.program, command, "-q", "--database-url", runners.Address(database).ours, "--migrations", folder]
    return subprocess.run(arguments, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=migrations.environment())


def applied(database, count):
    """Whether the last of them is there."""
    try:
        return database.sql(f"SELECT COUNT(*) FROM item_{count}") in ("0", "1", "2")
    except (sqlite3.Error, migrations.ServerError):
        return False


def measure(pool, runner, engine, count):
    folder = histories.synthetic(bench.cache, runner.layout, count, engine)
    ups, statuses = ([], []), ([], [])
    for _ in range(bench.runs):
        mine, theirs = pool.database(engine), pool.database(engine)
        address = runners.Address(theirs)
        ups[0].append(timed(lambda: ours("up", mine, folder)))
        ups[1].append(timed(lambda: runner.up(address, folder)))
        if not applied(mine, count) or not applied(theirs, count):
            raise RuntimeError(f"{runner.name}: not everything was applied")
        for _ in range(bench.options.status_runs if runner.status_arguments(address, folder) else 0):
            statuses[0].append(timed(lambda: ours("status", mine, folder)))
            statuses[1].append(timed(lambda: runner.status(address, folder)))
    return ups, statuses


def main():
    options = bench.start()
    wanted = options.runners.split(",") if options.runners else [kind.name for kind in runners.ALL]
    found = [r for r in runners.runners(options.peers) if r.name in wanted]
    for kind in runners.ALL:
        if kind.name in wanted and kind.name not in [r.name for r in found]:
            common.say(f"{kind.name}: not in {options.peers}, left out")
    for engine in options.engines.split(","):
        count = bench.scale(options.migrations // 4 if engine == "mariadb" else options.migrations)
        with migrations.Servers() as pool:
            if not pool.has(engine):
                common.say(f"{engine}: not installed, left out")
                continue
            for runner in found:
                if engine not in runner.engines:
                    continue
                try:
                    ups, statuses = measure(pool, runner, engine, count)
                except RuntimeError as error:
                    common.say(f"left out: {error}")
                    continue
                label = f"{runner.name} {VERSIONS[runner.name]}"
                bench.add(f"{NAMES[engine]}, {count:,} migrations", f"up, files of {runner.name}", ups[0], "s", "<= 1 x", (label, ups[1]))
                if statuses[0]:
                    bench.add(f"{NAMES[engine]}, {count:,} migrations", f"status, files of {runner.name}", statuses[0], "s", "<= 1 x",
                              (label, statuses[1]))
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
