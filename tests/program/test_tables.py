#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Every real table of ../shared/data/delta-tables against its expected.json: the newest state, every version that can be
reconstructed, and the status that INDEX.md tells, on every engine that can be had. Then `validate` has its say.
"""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import peers

TABLES = os.path.join(peers.ROOT, "..", "shared", "data", "delta-tables")
# clone_merge_cloned: its checkpoint names other paths than its commits (INDEX.md); crc-full: its .crc is wrong on purpose.
VALIDATE_DIFFERS = {"deltalake__clone_merge__clone_merge_cloned", "crc-full"}
# The expectation was read from a checkpoint that lost the statistics which the commits still have: --history latest sees it so, too.
LATEST = {"deltalake__partition_values_parsed"}


def tables(scratch):
    """(name, folder, expected) of each table; archives are unpacked."""
    for base, folders, names in sorted(os.walk(TABLES)):
        if "expected.json" not in names:
            continue
        folders.clear()
        with open(os.path.join(base, "expected.json"), encoding="utf-8") as file:
            expected = json.load(file)
        folder = base
        if "log.tar.zst" in names:
            folder = os.path.join(scratch, os.path.relpath(base, TABLES).replace("/", "__"))
            os.makedirs(folder)
            command = f"zstd -dcq '{base}/log.tar.zst' | tar -x -C '{folder}'"
            subprocess.run(command, shell=True, check=True)
            if not os.path.isdir(os.path.join(folder, "_delta_log")):
                found = subprocess.run(["find", folder, "-name", "_delta_log"], capture_output=True, text=True)
                folder = os.path.dirname(found.stdout.splitlines()[0])
        yield os.path.relpath(base, TABLES), folder, expected


def check_error(tap, program, name, folder, expected, table_id):
    result = program.run("import", folder, "--table-id", table_id, "--json")
    tap.ok(result.returncode not in (0, 70) and result.returncode > 0, f"{program.label}: {name} is refused",
           f"status {result.returncode}: {result.stdout} {result.stderr}")
    if expected["status"].startswith("refuse"):
        tap.equal(result.returncode, 3, f"{program.label}: {name}: status of a refusal")
    rest = program.run("snapshot", table_id)
    tap.ok(rest.returncode != 0, f"{program.label}: {name} left nothing behind", rest.stdout)


def check_state(tap, program, name, expected, table_id):
    got = program.json("snapshot", table_id)
    wanted = {
        "version": expected["version"], "num_files": expected["num_files"], "size_in_bytes": expected["size_in_bytes"],
        "num_records": expected["num_records"], "deletion_vector_files": expected["dv_files"],
        "deleted_records": expected["dv_cardinality"], "tombstones": expected["tombstones"],
        "transactions": expected["txns"], "domains": sorted(expected["domains"]),
        "min_reader_version": expected["min_reader_version"], "min_writer_version": expected["min_writer_version"],
        "reader_features": expected["reader_features"] and sorted(expected["reader_features"]),
        "writer_features": expected["writer_features"] and sorted(expected["writer_features"]),
        "partition_columns": expected["partition_columns"], "metadata_id": expected["table_id"],
    }
    got["domains"] = sorted(got["domains"])
    for key in ("reader_features", "writer_features"):
        got[key] = got[key] and sorted(got[key])
    tap.equal({key: got.get(key) for key in wanted}, wanted, f"{program.label}: {name}: newest state")


def check_versions(tap, program, name, expected, table_id):
    wanted = {int(v): tuple(state) for v, state in (expected["versions"] or {}).items() if state}
    history = program.json("history", table_id)
    got = {v["version"]: (v["num_files"], v["size_in_bytes"], v["num_records"]) for v in history}
    if os.path.basename(name) in LATEST:
        wanted = {v: state for v, state in wanted.items() if v in got}
    wrong = {v: (got.get(v), wanted[v]) for v in wanted if got.get(v) != wanted[v]}
    extra = sorted(set(got) - set(wanted)) if wanted else []
    tap.ok(not wrong and not extra, f"{program.label}: {name}: {len(wanted)} versions",
           f"got, wanted: {peers.short(wrong)}; not expected: {extra}")


def check_table(tap, program, name, folder, expected):
    table_id = peers.unique(name.replace("/", "."))
    status = expected["status"]
    if status.startswith("error"):
        return check_error(tap, program, name, folder, expected, table_id)
    arguments = ["--history", "latest"] if os.path.basename(name) in LATEST else []
    if status.startswith("refuse"):
        check_error(tap, program, name, folder, expected, table_id)
        arguments = ["--force"]
    try:
        report = program.json("import", folder, "--table-id", table_id, *arguments)
        tap.equal((report["status"], report["version"]), ("completed", expected["version"]),
                  f"{program.label}: import of {name}")
        check_state(tap, program, name, expected, table_id)
        check_versions(tap, program, name, expected, table_id)
    except (RuntimeError, ValueError) as error:
        tap.ok(False, f"{program.label}: {name}", error)
        return None
    result = program.run("validate", folder, "--table-id", table_id)
    wanted = 4 if os.path.basename(name) in VALIDATE_DIFFERS else 0
    tap.ok(result.returncode == wanted, f"{program.label}: validate {name}",
           f"status {result.returncode}\n{result.stdout}{result.stderr}")
    program.run("rollback", table_id, "--yes")
    return None


def main():
    program_path = peers.binary()
    if not os.path.isdir(TABLES):
        peers.skip_all("no shared data")
    tap = peers.Tap()
    only = sys.argv[2:]
    with peers.Scratch("tables") as folder:
        programs = peers.catalogs(program_path, folder)
        for name, table, expected in tables(folder):
            if only and not any(part in name for part in only):
                continue
            for program in programs:
                if expected["num_files"] > 100000 and program.label != "SQLite" and not only:
                    continue  # for size, not for the engine
                check_table(tap, program, name, table, expected)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
