#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Opening and listing tables: through the log against delta-rs, delta-kernel-rs and DuckDB; and from the
catalog against their open.

Peers are timed inside their process, after one run that is not counted (libraries loaded, files in the
page cache); this program's times are those of whole processes, start-up included. `open`: a handle on the
newest version with protocol and metadata. `list`: open, and every live file's path and size seen once.
Peers use as many threads as they like.
"""

import json
import os
import shutil
import subprocess
import sys

import common

bench = common.Bench("readers", __doc__.strip().split("\n\n")[0], runs=5)
bench.parser.add_argument(
    "--kernel-open",
    default=os.environ.get("KERNEL_OPEN"),
    help="bench/kernel's program (default: built with cargo)",
)
bench.parser.add_argument(
    "--duckdb-python",
    default=os.environ.get("DUCKDB_PYTHON", os.path.join(sys.prefix, "duckdb", "bin", "python")),
)
bench.parser.add_argument("--rounds", type=int, default=3, help="rounds in which all take turns (default 3)")
bench.parser.add_argument("--no-build", action="store_true", help="do not build bench/kernel")

DELTARS = """
import json, sys, time
from deltalake import DeltaTable
for _ in range(int(sys.argv[2])):
    t = time.perf_counter()
    table = DeltaTable(sys.argv[1])
    table.metadata(), table.protocol(), table.version()
    opened = time.perf_counter() - t
    size = len(table.file_uris()), table.version()
    print(json.dumps({"version": size[1], "files": size[0], "open_s": opened, "total_s": time.perf_counter() - t}))
"""
DUCKDB = """
import duckdb, duckdb_extension_delta as e, glob, json, os, sys, time
c = duckdb.connect(config={'allow_unsigned_extensions': 'true'})
c.execute("LOAD '%s'" % glob.glob(os.path.dirname(e.__file__) + '/**/delta.duckdb_extension', recursive=True)[0])
for _ in range(int(sys.argv[2])):
    t = time.perf_counter()
    c.execute('DESCRIBE SELECT * FROM delta_scan(?)', [sys.argv[1]]).fetchall()
    opened = time.perf_counter() - t
    t = time.perf_counter()
    files = c.execute('SELECT count(data_file) FROM delta_list_files(?)', [sys.argv[1]]).fetchone()[0]
    print(json.dumps({"files": files, "open_s": opened, "total_s": time.perf_counter() - t}))
"""


def kernel_program():
    if bench.options.kernel_open:
        return bench.options.kernel_open
    target = os.path.join(bench.cache, "kernel-target")
    program = os.path.join(target, "release", "kernel-open")
    if not os.path.exists(program):
        if bench.options.no_build or not shutil.which("cargo"):
            return None
        common.say("building bench/kernel, which takes some minutes the first time")
        manifest = os.path.join(common.HERE, "kernel", "Cargo.toml")
        if subprocess.run(
            ["cargo", "build", "--release", "--manifest-path", manifest],
            env=os.environ | {"CARGO_TARGET_DIR": target},
        ).returncode:
            return None
    return program


def peers():
    """name → command that takes a table and a number of runs and prints a JSON object a run."""
    found = {}
    probe = subprocess.run(
        [sys.executable, "-c", "import deltalake as d; print(d.__version__)"], capture_output=True, text=True
    )
    if probe.returncode == 0:
        found[f"delta-rs {probe.stdout.strip()}"] = [sys.executable, "-W", "ignore", "-c", DELTARS]
    kernel = kernel_program()
    if kernel:
        found["delta-kernel-rs"] = [kernel]
    if os.path.exists(bench.options.duckdb_python):
        probe = subprocess.run(
            [
                bench.options.duckdb_python,
                "-c",
                "import duckdb, duckdb_extension_delta; print(duckdb.__version__)",
            ],
            capture_output=True,
            text=True,
        )
        if probe.returncode == 0:
            found[f"DuckDB {probe.stdout.strip()} delta"] = [bench.options.duckdb_python, "-c", DUCKDB]
    return found


def ask(name, command, path, holds):
    """One warm run of a peer: (open seconds, open-and-list seconds); None when it cannot."""
    result = subprocess.run([*command, path, "2"], capture_output=True, text=True)
    if result.returncode:
        said = [line for line in result.stderr.splitlines() if "Error" in line] or ["it failed"]
        common.say(f"{name}: {said[-1][:300]}")
        return None
    run = json.loads(result.stdout.splitlines()[-1])
    if run["files"] != holds["num_files"]:
        raise RuntimeError(f"{name} sees {run['files']} files in {path}, there are {holds['num_files']}")
    return run["open_s"], run.get("total_s", run["open_s"] + run.get("list_s", 0))


def in_turns(path, holds, found, mine):
    """
    Rounds in which each peer and then each of this program's commands runs once, so that all meet the same
    machine. Returns ({peer: opens}, {peer: opens and lists}, {name of ours: seconds}).
    """
    opens, lists, own = {}, {}, {name: [] for name in mine}
    failed = set()
    for command in mine.values():
        common.spawn(bench, command)
    for _ in range(bench.options.rounds):
        for name, command in found.items():
            answer = None if name in failed else ask(name, command, path, holds)
            if answer is None:
                failed.add(name)
                continue
            opens.setdefault(name, []).append(answer[0])
            lists.setdefault(name, []).append(answer[1])
            for own_name, command in mine.items():
                own[own_name] += common.walls(common.spawn(bench, command))
    return opens, lists, own


def best_of(times):
    name = min(times, key=lambda n: common.statistics.median(times[n]))
    return name, times[name]


def replay_command(path):
    none = f"sqlite://{bench.scratch}/none.db"
    return [bench.program, "import", path, "--dry-run", "--history", "latest", "--database-url", none]


LOG = "deltalakedb, through the log: open and replay every file"


def through_the_log(what, path, holds, found, more=None):
    """Every peer and ours in turns; returns what in_turns gave."""
    common.warm(os.path.join(path, "_delta_log"))
    opens, lists, own = in_turns(path, holds, found, {LOG: replay_command(path), **(more or {})})
    for name in opens:
        bench.add(what, f"{name}: open", opens[name], "s")
        bench.add(what, f"{name}: open and list", lists[name], "s")
    if not opens:
        return opens, lists, own
    best, values = best_of(lists)
    bench.add(what, LOG, own[LOG], "s", "<= 1 x", (f"best of them, {best}", values), "whole process")
    return opens, lists, own


def catalog_commands(url, holds):
    """What is asked of the catalog: name → command."""
    questions = {
        "snapshot": ["snapshot", "t", "--json"],
        f"snapshot at version {holds['version'] // 2}": [
            "snapshot",
            "t",
            "--version",
            holds["version"] // 2,
            "--json",
        ],
        "files of one partition of 100, paths": [
            "files",
            "t",
            "--where",
            "day = '2024-01-17'",
            "--format",
            "paths",
        ],
        "newest 10 versions": ["history", "t", "--limit", "10"],
        "all files, paths": ["files", "t", "--format", "paths"],
    }
    return {
        f"catalog, SQLite: {name}": [bench.program, *command, "--database-url", url]
        for name, command in questions.items()
    }


def with_catalog(what, path, holds, found):
    url = f"sqlite://{os.path.join(bench.scratch, 'catalog.db')}"
    took = common.spawn(bench, [bench.program, "import", path, "--table-id", "t", "--database-url", url])
    opens, lists, own = through_the_log(what, path, holds, found, catalog_commands(url, holds))
    bench.add(
        what,
        "import of the whole history into SQLite, once",
        common.walls(took),
        "s",
        note=f"peak memory {took[0]['rss_kib'] // 1024} MiB",
    )
    if not opens:
        return
    opened, listed = best_of(opens), best_of(lists)
    for name, seconds in own.items():
        if name == LOG:
            continue
        target, floor = None, None
        if name.endswith("snapshot"):
            target, floor = "<= 0.1 x", (f"fastest open, {opened[0]}", opened[1])
        elif "one partition" in name:
            target = "<= 0.02 s"
        elif "all files" in name:
            floor = (f"open and list, {listed[0]}", listed[1])
        bench.add(what, name, seconds, "s", target, floor)


def main():
    bench.start()
    found = peers()
    if not found:
        common.say("no peer is installed: only this program's times")
    size = bench.scale(1_000_000)
    path, holds = bench.log("checkpoint", files=size)
    through_the_log(f"checkpoint of {size:,} files", path, holds, found)
    adds = bench.scale(500_000)
    path, holds = bench.log("json", adds=adds, commits=10)
    through_the_log(f"JSON log of {adds:,} adds", path, holds, found)
    commits = bench.scale(10_000)
    path, holds = bench.log("churn", commits=commits, live=size)
    what = f"{holds['num_files']:,} files, {commits:,} commits"
    with_catalog(what, path, holds, found)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
