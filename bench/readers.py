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
bench.parser.add_argument("--peer-runs", type=int, default=3, help="runs of each peer (default 3)")
bench.parser.add_argument("--no-build", action="store_true", help="do not build bench/kernel")

DELTARS = """
import json, sys, time, pyarrow as pa
from deltalake import DeltaTable
for _ in range(int(sys.argv[2])):
    t = time.perf_counter()
    table = DeltaTable(sys.argv[1])
    table.metadata(), table.protocol(), table.version()
    opened = time.perf_counter() - t
    adds = pa.table(table.get_add_actions(flatten=True))
    size = adds.num_rows, table.version()
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
    """
    (open seconds, open-and-list seconds), a value a run, the first run left out; None when the peer
    cannot.
    """
    result = subprocess.run([*command, path, str(bench.options.peer_runs + 1)], capture_output=True, text=True)
    if result.returncode:
        said = [line for line in result.stderr.splitlines() if "Error" in line] or ["it failed"]
        common.say(f"{name}: {said[-1][:300]}")
        return None
    runs = [json.loads(line) for line in result.stdout.splitlines()]
    if runs[0]["files"] != holds["num_files"]:
        raise RuntimeError(f"{name} sees {runs[0]['files']} files in {path}, there are {holds['num_files']}")
    return [r["open_s"] for r in runs[1:]], [
        r.get("total_s", r["open_s"] + r.get("list_s", 0)) for r in runs[1:]
    ]


def through_the_log(what, path, holds, found):
    """
    Each peer's open and list, then ours against the best of them. Returns the best open: (name, values).
    """
    common.warm(os.path.join(path, "_delta_log"))
    opens, lists = {}, {}
    for name, command in found.items():
        answer = ask(name, command, path, holds)
        if answer:
            opens[name], lists[name] = answer
            bench.add(what, f"{name}: open", opens[name], "s")
            bench.add(what, f"{name}: open and list", lists[name], "s")
    mine = common.walls(
        common.spawn(
            bench,
            [
                bench.program,
                "import",
                path,
                "--dry-run",
                "--history",
                "latest",
                "--database-url",
                f"sqlite://{bench.scratch}/none.db",
            ],
            bench.runs,
        )
    )
    best = min(lists, key=lambda n: common.statistics.median(lists[n])) if lists else None
    bench.add(
        what,
        "deltalakedb, through the log: open and replay every file",
        mine,
        "s",
        "<= 1 x" if best else None,
        (f"best of them, {best}", lists[best]) if best else None,
        "whole process",
    )
    if not opens:
        return None
    fastest = min(opens, key=lambda n: common.statistics.median(opens[n]))
    return (fastest, opens[fastest]), (best, lists[best])


def from_the_catalog(what, path, holds, best):
    url = f"sqlite://{os.path.join(bench.scratch, 'catalog.db')}"
    took = common.spawn(bench, [bench.program, "import", path, "--table-id", "t", "--database-url", url])
    bench.add(
        what,
        "import of the whole history into SQLite, once",
        common.walls(took),
        "s",
        note=f"peak memory {took[0]['rss_kib'] // 1024} MiB",
    )
    day = "2024-01-17"

    def timed(name, command, *more):
        command = [bench.program, *command, "--database-url", url]
        common.spawn(bench, command, 2)
        bench.add(
            what,
            f"catalog, SQLite: {name}",
            common.walls(common.spawn(bench, command, bench.runs * 4)),
            "s",
            *more,
        )

    if best:
        timed(
            "snapshot",
            ["snapshot", "t", "--json"],
            "<= 0.1 x",
            (f"fastest open, {best[0][0]}", best[0][1]),
            "the peer's open does not count files; the snapshot does",
        )
        timed(
            "snapshot again, against what a peer needs to count the files",
            ["snapshot", "t", "--json"],
            "<= 0.1 x",
            (f"open and list, {best[1][0]}", best[1][1]),
        )
    else:
        timed("snapshot", ["snapshot", "t", "--json"])
    middle = holds["version"] // 2
    timed(f"snapshot at version {middle}", ["snapshot", "t", "--version", middle, "--json"])
    timed(
        "files of one partition of 100, paths",
        ["files", "t", "--where", f"day = '{day}'", "--format", "paths"],
        "<= 0.02 s",
    )
    timed("newest 10 versions", ["history", "t", "--limit", "10"])
    timed(
        "all files, paths",
        ["files", "t", "--format", "paths"],
        None,
        (f"open and list, {best[1][0]}", best[1][1]) if best else None,
    )


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
    best = through_the_log(what, path, holds, found)
    from_the_catalog(what, path, holds, best)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
