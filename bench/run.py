#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmarks one after the other and prints what they measured.

    bench/run.py [--only import,dataflow_up,…] [--write] [options of the benchmarks]

--write puts the measured tables into docs/benchmarks.md, between its markers; the text around them stays.
"""

import argparse
import datetime
import json
import os
import platform
import re
import subprocess
import sys

import common

NAMES = ["startup", "replay", "readers", "import", "dataflow_status", "dataflow_up", "dataflow_runners", "split",
         "neo4j_driver", "neo4j_backup", "neo4j_up"]
PAGE = os.path.join(common.ROOT, "docs", "benchmarks.md")


def machine():
    """One paragraph on what was measured with; nothing that identifies the machine."""
    processor = next(
        (line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory = (
        next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemTotal")) / 2**20
    )

    def version(*command):
        try:
            return subprocess.run(command, capture_output=True, text=True).stdout.strip().splitlines()[0]
        except (OSError, IndexError):
            return "?"

    system = re.search(r'PRETTY_NAME="(.*)"', open("/etc/os-release").read())[1]
    return (
        f"{processor}, {os.cpu_count()} processors, {memory:.0f} GiB of memory, "
        f"{system}, Linux {platform.release().split('-')[0]}, {version('cc', '--version')}, SQLite {version('sqlite3', '--version').split()[0]}, "
        f"{version('psql', '--version')}, {version('mariadb', '--version').split(',')[0]}."
    )


def when(load):
    """When a section was measured, and beside what: the load of the minutes before it began."""
    busy = f" Other work ran beside it: load average {load:.1f}." if load > 0.5 + os.cpu_count() / 2 else ""
    return f"Measured on {datetime.date.today().isoformat()}.{busy}"


def table_of(rows):
    lines, group = [], None
    for row in rows:
        if row["group"] != group:
            group = row["group"]
            lines += [
                "",
                f"**{group}**",
                "",
                "| what | median | spread | runs | held against | ratio | target |",
                "|---|--:|---|--:|---|--:|---|",
            ]
        note = f"<br>{row['note']}" if row["note"] else ""
        floor = f"{row['floor']}: {common.show(row['floor_median'])} {row['unit']}" if "floor" in row else ""
        ratio = f"{row['ratio']:.2f}" if row.get("ratio") is not None else ""
        target = f"{row['target']}: {'met' if row['met'] else '**missed**'}" if "target" in row else ""
        lines.append(
            f"| {row['what']}{note} | {common.show(row['median'])} {row['unit']} | {common.show(row['low'])} … {common.show(row['high'])} "
            f"| {row['runs']} | {floor} | {ratio} | {target} |"
        )
    return "\n".join(lines[1:])


def write(name, text):
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    pattern = re.compile(rf"(<!-- measured: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(page):
        sys.exit(f"{PAGE}: no markers for {name}")
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(pattern.sub(lambda m: f"{m[1]}\n{text}\n\n{m[2]}", page))


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n\n")[0], allow_abbrev=False)
    parser.add_argument("--only", default=",".join(NAMES))
    parser.add_argument("--write", action="store_true")
    parser.add_argument(
        "--cache",
        default=os.environ.get(
            "BENCH_CACHE", os.path.join(common.tempfile.gettempdir(), "deltalakedb-bench")
        ),
    )
    options, rest = parser.parse_known_args()
    os.makedirs(options.cache, exist_ok=True)
    missed, failed = [], []
    for name in options.only.split(","):
        results, load = os.path.join(options.cache, f"results-{name}.json"), os.getloadavg()[1]
        command = [
            sys.executable,
            "-B",
            os.path.join(common.HERE, name + ".py"),
            "--cache",
            options.cache,
            "--json",
            results,
            *rest,
        ]
        if subprocess.run(command, env=os.environ | {"BENCH_ALL": "1"}).returncode:
            failed.append(name)
            continue
        with open(results, encoding="utf-8") as file:
            rows = json.load(file)["rows"]
        missed += [common.line_of(row) for row in rows if row.get("met") is False]
        if options.write:
            write(name, when(load) + "\n\n" + table_of(rows))
            write("machine", machine())
    print("\ntargets missed: " + ("none" if not missed else "".join(f"\n  {line}" for line in missed)))
    if failed:
        print("failed: " + ", ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
