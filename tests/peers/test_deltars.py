#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A table written by delta-rs while it is followed: after each step the catalog must say what delta-rs says.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import peers

peers.need("deltalake", "pyarrow")
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

CITIES = ["Bern", "New York", "S\u00e3o Paulo", "a/b=c%20d", None]
APPS = ["loader", "an app 'with' \"quotes\""]


def rows(first, count, extra=False):
    numbers = list(range(first, first + count))
    columns = {
        "id": pa.array(numbers, pa.int64()),
        "city": pa.array([CITIES[n % 5] for n in numbers], pa.string()),
        "value": pa.array([n / 7 for n in numbers], pa.float64()),
    }
    if extra:
        columns["note"] = pa.array([f"note {n}" for n in numbers], pa.string())
    return pa.table(columns)


def append(first, count=50, extra=False, app=None, mode="append", **more):
    def step(path):
        properties = CommitProperties(app_transactions=[Transaction(*app)]) if app else None
        write_deltalake(
            path,
            rows(first, count, extra),
            mode=mode,
            partition_by=["city"],
            commit_properties=properties,
            **more,
        )

    return step


def retention_zero(path):
    DeltaTable(path).alter.set_table_properties(
        {"delta.logRetentionDuration": "interval 0 seconds", "delta.enableExpiredLogCleanup": "true"}
    )


def clean_log(path):
    """Later appends, a checkpoint, then every commit before it goes away."""
    append(900, 10, extra=True)(path)
    DeltaTable(path).create_checkpoint()
    DeltaTable(path).cleanup_metadata()
    append(910, 10, extra=True)(path)


def merge(path):
    (
        DeltaTable(path)
        .merge(rows(410, 60), predicate="t.id = s.id AND t.city = s.city", source_alias="s", target_alias="t")
        .when_matched_update({"value": "s.value"})
        .when_not_matched_insert_all()
        .execute()
    )


STEPS = [
    ("create", append(0)),
    ("append", append(50)),
    ("append with a transaction", append(100, app=(APPS[0], 1))),
    ("append with a second application", append(150, app=(APPS[1], 7))),
    ("delete by predicate", lambda path: DeltaTable(path).delete("id % 10 = 3")),
    ("delete of a partition", lambda path: DeltaTable(path).delete("city = 'Bern'")),
    ("update", lambda path: DeltaTable(path).update(predicate="id < 20", updates={"value": "value + 1"})),
    ("checkpoint", lambda path: DeltaTable(path).create_checkpoint()),
    ("a new column", append(200, extra=True, schema_mode="merge")),
    ("overwrite of a partition", append(251, 1, extra=True, mode="overwrite", predicate="city = 'New York'")),
    ("the transaction again", append(300, extra=True, app=(APPS[0], 2))),
    ("optimize", lambda path: DeltaTable(path).optimize.compact()),
    ("z-order", lambda path: DeltaTable(path).optimize.z_order(["id"])),
    (
        "vacuum",
        lambda path: DeltaTable(path).vacuum(
            retention_hours=0, enforce_retention_duration=False, dry_run=False
        ),
    ),
    ("a second checkpoint", lambda path: DeltaTable(path).create_checkpoint()),
    ("overwrite of all", append(400, 40, mode="overwrite", schema_mode="overwrite")),
    ("merge", merge),
    (
        "restore",
        lambda path: DeltaTable(path).restore(DeltaTable(path).version() - 3, ignore_missing_files=True),
    ),
    ("a constraint", lambda path: DeltaTable(path).alter.add_constraint({"positive": "id >= 0"})),
    ("properties", retention_zero),
    ("a log that is cleaned", clean_log),
]


def transactions(path):
    table = DeltaTable(path)
    return {app: table.transaction_version(app) for app in APPS if table.transaction_version(app) is not None}


def wanted_now(path):
    wanted = peers.deltars(path)
    wanted["transactions"] = transactions(path)
    return wanted


def check_history(tap, program, table_id, path, step):
    """Versions and operations, newest first, as far back as delta-rs still knows them."""
    try:
        answer = program.json("history", table_id)
    except RuntimeError as error:
        return tap.ok(False, f"{program.label}: history after {step}", error)
    listed = (
        answer
        if isinstance(answer, list)
        else answer.get("versions") or answer.get("history") or answer.get("rows") or []
    )
    got = {row["version"]: row.get("operation") for row in listed}
    wanted = {row["version"]: row.get("operation") for row in DeltaTable(path).history()}
    newest_first = [row["version"] for row in listed]
    wrong = {v: (got.get(v), op) for v, op in wanted.items() if got.get(v) != op}
    return tap.ok(
        not wrong and newest_first == sorted(newest_first, reverse=True),
        f"{program.label}: history after {step}",
        f"version: (here, delta-rs): {wrong}; order {newest_first}",
    )


def check_where(tap, program, table_id, path):
    """A partition's files, for values that need escaping, and NULL."""
    for city in CITIES:
        table = DeltaTable(path)
        adds = pa.table(table.get_add_actions(flatten=True)).to_pydict()
        wanted = sorted(p for p, c in zip(adds["path"], adds["partition.city"]) if c == city)
        where = "city IS NULL" if city is None else f"city = '{city}'"
        try:
            got = sorted(program.paths(table_id, "--where", where))
        except RuntimeError as error:
            tap.ok(False, f"{program.label}: files where {where}", error)
            continue
        tap.equal(got, peers.decoded(wanted), f"{program.label}: files where {where}")


def check_export(tap, program, table_id, path, folder):
    """The exported log beside a copy of the data: delta-rs and DuckDB must read the same table from it."""
    import shutil

    target = os.path.join(folder, f"export-{program.label}")
    result = program.run("export", table_id, target)
    if not tap.ok(result.returncode == 0, f"{program.label}: export", result.stderr):
        return
    shutil.copytree(path, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("_delta_log"))
    try:
        got, wanted = peers.deltars(target), peers.deltars(path)
    except Exception as error:
        tap.ok(False, f"{program.label}: delta-rs reads the export", error)
        return
    for key in (
        "paths",
        "num_files",
        "size_in_bytes",
        "num_records",
        "columns",
        "partition_columns",
        "configuration",
        "min_reader_version",
        "min_writer_version",
        "delta_id",
        "version",
    ):
        tap.equal(got[key], wanted[key], f"{program.label}: delta-rs reads the export's {key}")
    tap.equal(
        transactions(target), transactions(path), f"{program.label}: delta-rs reads the export's transactions"
    )
    rows_there, rows_here = (
        DeltaTable(target).to_pyarrow_dataset().count_rows(),
        DeltaTable(path).to_pyarrow_dataset().count_rows(),
    )
    tap.equal(rows_there, rows_here, f"{program.label}: delta-rs counts the rows of the export")
    answer = peers.duckdb(target)
    if answer is None:
        tap.skip(f"{program.label}: DuckDB reads the export", "no DuckDB with the delta extension")
    else:
        tap.equal(
            answer,
            {"rows": rows_here, "files": wanted["num_files"]},
            f"{program.label}: DuckDB reads the export",
        )


def main():
    program_path = peers.binary()
    tap = peers.Tap()
    with peers.Scratch("deltars") as folder:
        path = os.path.join(folder, "followed")
        table_id = peers.unique("followed")
        programs = peers.catalogs(program_path, folder)
        snapshots = {}
        for number, (name, step) in enumerate(STEPS):
            step(path)
            wanted = wanted_now(path)
            snapshots[wanted["version"]] = peers.deltars(path)
            for program in programs:
                # import and sync must be the same thing: take turns
                command = (
                    ("import", path, "--table-id", table_id)
                    if number % 3 == 0
                    else ("sync", "--table-id", table_id)
                )
                result = program.run(*command)
                tap.ok(result.returncode == 0, f"{program.label}: {command[0]} after {name}", result.stderr)
                peers.compare_snapshot(tap, program, table_id, wanted, f"snapshot and files after {name}")
                check_history(tap, program, table_id, path, name)
        for program in programs:
            result = program.run("validate", "--table-id", table_id)
            tap.ok(result.returncode == 0, f"{program.label}: validate", result.stdout + result.stderr)
            for version, wanted in snapshots.items():
                peers.compare_snapshot(
                    tap, program, table_id, wanted, f"version {version} afterwards", version
                )
            check_where(tap, program, table_id, path)
            check_export(tap, program, table_id, path, folder)
            program.run("rollback", table_id, "--yes")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
