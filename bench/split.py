#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Splitting, classifying and normalising SQL, in MB/s of one core, over real migration histories (--histories); beside
it libpg_query's own splitter on the same files.
"""

import glob
import os
import shutil
import sys

import common

bench = common.Bench("split", __doc__.strip().split("\n\n")[0], runs=7)
bench.parser.add_argument(
    "--histories",
    default=os.path.join(common.ROOT, "..", "shared", "data", "migrations"),
    help="folder of .sql files",
)
KINDS = [("split", ">= 50 MB/s"), ("classify", ">= 50 MB/s"), ("normalise", ">= 50 MB/s")]


def is_of(dialect, path):
    others = {"postgres": ("mysql", "sqlite", "cockroach", "taproot"), "sqlite": (), "mariadb": ()}
    wanted = {"postgres": (), "sqlite": ("sqlite", "taproot"), "mariadb": ("mysql",)}
    named = not wanted[dialect] or any(part in path for part in wanted[dialect])
    return named and not any(part in path for part in others[dialect])


def main():
    options = bench.start()
    program = common.linked(bench, "split", ["sql/libsql.a", "base/libbase.a"], "-lsimdjson", "-lpthread", "-ldl")
    paths = sorted(glob.glob(os.path.join(options.histories, "**", "*.sql"), recursive=True))
    paths = [path for path in paths if os.path.isfile(path)]
    if not paths:
        sys.exit(f"split.py: no histories in {options.histories}")
    for dialect in ("postgres", "sqlite", "mariadb"):
        files = [path for path in paths if is_of(dialect, path)]
        answer = common.answer([program, dialect, bench.runs, *files])
        what = f"{dialect}: {{}} {answer['statements']:,} statements, {answer['bytes'] / 1e6:.1f} MB in {answer['files']:,} files"
        peer = answer.get("libpg_query scanner")
        for kind, target in KINDS:
            held = ("libpg_query's scanner", peer) if kind == "split" and peer else None
            bench.add("SQL", what.format(kind), answer[kind], "MB/s", target, held)
        for kind in ("libpg_query scanner", "libpg_query parser"):
            if kind in answer:
                bench.add("SQL", what.format(kind + ", split"), answer[kind], "MB/s")
    shutil.rmtree(bench.scratch, ignore_errors=True)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
