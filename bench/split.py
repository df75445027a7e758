#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Splitting, classifying and normalising SQL, in MB/s of one core, over real migration histories (--histories); beside
it libpg_query's own splitter on the same files.
"""

import glob
import os
import shutil
import subprocess
import sys

import common

bench = common.Bench("split", __doc__.strip().split("\n\n")[0], runs=7)
bench.parser.add_argument(
    "--histories",
    default=os.path.join(common.ROOT, "..", "shared", "data", "migrations"),
    help="folder of .sql files",
)
KINDS = [("split", ">= 50 MB/s"), ("classify", ">= 50 MB/s"), ("normalise", ">= 50 MB/s")]


def build():
    """The program, linked with the static libraries of the build that --program belongs to."""
    folder = os.path.dirname(bench.program)
    while not os.path.exists(os.path.join(folder, "build.ninja")):
        if folder == os.path.dirname(folder):
            sys.exit("split.py: --program lies in no build folder")
        folder = os.path.dirname(folder)
    target = os.path.join(bench.scratch, "split")
    subprocess.run(
        [
            os.environ.get("CXX", "c++"), "-O2", "-o", target, "-x", "none",
            compile_object(), os.path.join(folder, "src/sql/libsql.a"), os.path.join(folder, "src/base/libbase.a"),
            "-lsimdjson", "-lpthread", "-ldl",
        ],
        check=True,
    )
    return target


def compile_object():
    target = os.path.join(bench.scratch, "split.o")
    includes = ["-I" + os.path.join(common.ROOT, name) for name in ("src", "include")]
    subprocess.run(
        [os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", "-O2", *includes, "-c",
         os.path.join(common.HERE, "split.c"), "-o", target],
        check=True,
    )
    return target


def is_of(dialect, path):
    others = {"postgres": ("mysql", "sqlite", "cockroach", "taproot"), "sqlite": (), "mariadb": ()}
    wanted = {"postgres": (), "sqlite": ("sqlite", "taproot"), "mariadb": ("mysql",)}
    named = not wanted[dialect] or any(part in path for part in wanted[dialect])
    return named and not any(part in path for part in others[dialect])


def main():
    options = bench.start()
    program = build()
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
