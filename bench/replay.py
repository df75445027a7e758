#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Replaying logs without a database (`import --dry-run`): JSON in GB/s on one core, checkpoints in seconds,
memory.

The files are in the page cache, the process is pinned to one processor where it says so, and the whole
process is timed. Beside it stand a floor that reads the same bytes and counts newlines, and, for
checkpoints, pyarrow reading the same columns.
"""

import glob
import os
import sys
import time

import common

bench = common.Bench("replay", __doc__.strip().split("\n\n")[0], runs=5)
bench.parser.add_argument(
    "--no-large", action="store_true", help="leave out the checkpoint of 10 million files"
)
bench.parser.add_argument(
    "--no-import", action="store_true", help="leave out the import of 10 million files into SQLite"
)


def dry_run(path, *more):
    return [
        bench.program,
        "import",
        path,
        "--dry-run",
        "--database-url",
        f"sqlite://{bench.scratch}/none.db",
        *more,
    ]


def check(path, holds):
    """The dry run must have seen every file."""
    said = common.answer(dry_run(path, "--json"))
    if said["num_files"] != holds["num_files"] or said["version"] != holds["version"]:
        raise RuntimeError(
            f"{path}: the dry run speaks of {said['num_files']} files at version {said['version']}, "
            f"there are {holds['num_files']} at {holds['version']}"
        )


def json_rate():
    path, holds = bench.log("json", adds=bench.scale(500_000), commits=10)
    size = common.warm(os.path.join(path, "_delta_log"))
    check(path, holds)
    files = sorted(glob.glob(os.path.join(path, "_delta_log", "*.json")))
    floor = [
        size / common.answer([common.compiled(bench, "floor_read"), *files])["seconds"] / 1e9
        for _ in range(bench.runs)
    ]
    measured = common.spawn(bench, dry_run(path), bench.runs, core=0)
    bench.add(
        "replay",
        f"JSON log of {holds['num_files']:,} adds, {size / 1e6:.0f} MB, one core",
        [size / w / 1e9 for w in common.walls(measured)],
        "GB/s",
        ">= 1 GB/s",
        ("reading and counting newlines", floor),
        f"peak memory {max(m['rss_kib'] for m in measured) // 1024} MiB",
    )


def churn():
    path, holds = bench.log("churn", commits=bench.scale(10_000), live=bench.scale(1_000_000))
    size = common.warm(os.path.join(path, "_delta_log"))
    check(path, holds)
    measured = common.spawn(bench, dry_run(path), bench.runs, core=0)
    bench.add(
        "replay",
        f"log of {holds['version'] + 1:,} commits with removes, {size / 1e6:.0f} MB, one core",
        [size / w / 1e9 for w in common.walls(measured)],
        "GB/s",
        note="whole history",
    )


def checkpoint_seconds(files, target, **arguments):
    path, holds = bench.log("checkpoint", files=files, **arguments)
    size = common.warm(os.path.join(path, "_delta_log"))
    check(path, holds)
    measured = common.spawn(bench, dry_run(path), bench.runs, core=0)
    kind = ", ".join(f"{k} {v}" for k, v in arguments.items())
    bench.add(
        "replay",
        f"checkpoint of {files:,} files, {size / 1e6:.0f} MB snappy{', ' + kind if kind else ''}, one core",
        common.walls(measured),
        "s",
        target,
        ("pyarrow reads path, size, partition values, statistics", arrow_seconds(path)),
        f"peak memory {max(m['rss_kib'] for m in measured) // 1024} MiB",
    )


def arrow_seconds(path):
    import pyarrow.parquet as pq

    files = glob.glob(os.path.join(path, "_delta_log", "**", "*.parquet"), recursive=True)
    out = []
    for _ in range(bench.runs):
        began = time.monotonic()
        for file in files:
            reader = pq.ParquetFile(file)
            names = [
                n
                for n in ("add.path", "add.size", "add.modificationTime", "add.partitionValues", "add.stats")
                if any(reader.schema.column(i).path.startswith(n) for i in range(len(reader.schema)))
            ]
            for batch in reader.iter_batches(columns=names, use_threads=False):
                batch.num_rows
        out.append(time.monotonic() - began)
    return out


def memory():
    files = bench.scale(10_000_000)
    path, holds = bench.log("checkpoint", files=files)
    common.warm(path)
    measured = common.spawn(bench, dry_run(path))
    bench.add(
        "memory",
        f"dry run of a checkpoint of {files:,} files",
        [m["rss_kib"] / 1024 for m in measured],
        "MiB",
        "<= 256 MiB",
        note=f"{measured[0]['wall_s']:.1f} s",
    )
    if bench.options.no_import:
        return
    target = os.path.join(bench.scratch, "large.db")
    measured = common.spawn(bench, [bench.program, "import", path, "--database-url", f"sqlite://{target}"])
    bench.add(
        "memory",
        f"import of a checkpoint of {files:,} files into SQLite",
        [m["rss_kib"] / 1024 for m in measured],
        "MiB",
        "<= 256 MiB",
        note=f"{measured[0]['wall_s']:.1f} s, catalog of {os.path.getsize(target) / 1e9:.1f} GB",
    )
    os.remove(target)


def main():
    options = bench.start()
    json_rate()
    churn()
    checkpoint_seconds(bench.scale(1_000_000), "<= 1.5 s")
    checkpoint_seconds(bench.scale(1_000_000), None, kind="v2-json", parts=4)
    if not options.no_large:
        memory()
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
