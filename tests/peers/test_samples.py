#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The bundled sample tables against samples/expected.json, which holds what Spark, delta-rs and DuckDB
answered.
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import peers


def check_table(tap, program, name, wanted):
    path, table_id = os.path.join(peers.SAMPLES, name), peers.unique(name)
    try:
        report = program.json("import", path, "--table-id", table_id)
    except RuntimeError as error:
        tap.ok(False, f"{program.label}: import of {name}", error)
        return
    tap.equal(
        (report["status"], report["version"], report["warnings"]),
        ("completed", wanted["version"], []),
        f"{program.label}: import of {name}",
    )
    wanted_now = dict(wanted, paths=peers.decoded(path for path, _ in wanted["files"]))
    for key in ("table_id", "versions", "files"):
        wanted_now.pop(key, None)
    peers.compare_snapshot(tap, program, table_id, wanted_now, f"{name} at its newest version")
    for version, (files, size, records) in wanted["versions"].items():
        one = {"version": int(version), "num_files": files, "size_in_bytes": size, "num_records": records}
        peers.compare_snapshot(tap, program, table_id, one, f"{name} at version {version}", int(version))
    result = program.run("validate", path, "--table-id", table_id)
    if result.returncode == 2:
        result = program.run("validate", "--table-id", table_id)
    tap.ok(result.returncode == 0, f"{program.label}: validate {name}", result.stdout + result.stderr)
    result = program.run("verify-rollback", table_id)
    tap.ok(result.returncode == 0, f"{program.label}: verify-rollback {name}", result.stdout + result.stderr)
    program.run("rollback", table_id, "--yes")


def main():
    program_path = peers.binary()
    tap = peers.Tap()
    with open(os.path.join(peers.SAMPLES, "expected.json"), encoding="utf-8") as file:
        expected = json.load(file)
    with peers.Scratch("samples") as folder:
        for program in peers.catalogs(program_path, folder):
            for name, wanted in sorted(expected.items()):
                check_table(tap, program, name, wanted)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
