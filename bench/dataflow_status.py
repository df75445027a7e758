#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
`dataflow status` over 1,000 migrations, all of them and half of them applied, as a process; `--version` and `--help`; the
size of the program.

The servers are private ones on this machine, reached over their Unix socket. `true` shows what starting any process costs.
"""

import os
import shutil
import subprocess
import sys

import common
import dataflow_histories as histories

sys.path.insert(0, os.path.join(common.ROOT, "tests", "lib"))
import migrations  # noqa: E402

bench = common.Bench("dataflow_status", __doc__.strip().split("\n\n")[0], runs=50, program="dataflow")
bench.parser.add_argument("--engines", default="sqlite,postgres,mariadb")
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mariadb": "MariaDB"}


def milliseconds(command):
    common.spawn(bench, command, 3)
    return [1000 * wall for wall in common.walls(common.spawn(bench, command, bench.runs))]


def size():
    stripped = os.path.join(bench.scratch, "stripped")
    shutil.copy(bench.program, stripped)
    subprocess.run(["strip", stripped], check=True)
    return os.path.getsize(stripped) / 2**20


def main():
    options = bench.start()
    floor = ("true", milliseconds(["true"]))
    bench.add("dataflow as a process", "--version", milliseconds([bench.program, "--version"]), "ms", "<= 5 ms", floor)
    bench.add("dataflow as a process", "--help", milliseconds([bench.program, "--help"]), "ms", "<= 5 ms", floor)
    count = bench.scale(1000)
    with migrations.Servers() as pool:
        for engine in options.engines.split(","):
            if not pool.has(engine):
                common.say(f"{engine}: not installed, left out")
                continue
            folder = histories.synthetic(bench.cache, "native", count, engine)
            database = pool.database(engine)
            program = migrations.Dataflow(bench.program, database.url, folder, "-q")
            for what, target in (("half applied", str(count // 2)), ("all applied", None)):
                result = program.run("up", *(["--target", target] if target else []), timeout=1800)
                if result.returncode:
                    raise RuntimeError(migrations.said(result))
                waiting = program.json("status")[1]["pending"]
                if waiting != (count - int(target) if target else 0):
                    raise RuntimeError(f"{engine}: {waiting} migrations wait")
                bench.add("dataflow as a process", f"status of {count:,} migrations, {what}, {NAMES[engine]}",
                          milliseconds(program.command("status")), "ms", "<= 20 ms", floor)
    bench.add("dataflow as a program", "size, stripped", [size()], "MiB", "<= 10 MiB")
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
