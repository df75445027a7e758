#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Tables written by Spark while they are followed: what only Delta's reference writer writes. Answers are
those of Delta's own snapshot.

Deletion vectors, column mapping, V2 checkpoints with sidecars, in-commit timestamps, row tracking,
clustering, type widening, shallow clones, and features that are switched on, and dropped, on the way.
"""

import glob
import importlib.util
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import peers

peers.need("pyspark", "deltalake", "pyarrow")
spec = importlib.util.spec_from_file_location("make", os.path.join(peers.SAMPLES, "make.py"))
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)

# name → statements; {t} is the table, {other} a folder beside it
TABLES = {
    "vectors": [
        "CREATE TABLE {t} (id BIGINT, part STRING, v DOUBLE) USING delta PARTITIONED BY (part) "
        "TBLPROPERTIES ('delta.enableDeletionVectors' = 'true', 'delta.checkpointInterval' = '4')",
        "INSERT INTO {t} SELECT id, concat('p ', id % 3), id / 3 FROM range(300)",
        "DELETE FROM {t} WHERE id % 7 = 0",
        "DELETE FROM {t} WHERE id % 7 = 1",
        "UPDATE {t} SET v = -v WHERE id = 10",
        "DELETE FROM {t} WHERE part = 'p 1'",
        "MERGE INTO {t} AS t USING (SELECT id, concat('p ', id % 3) AS part, 0D AS v FROM range(280, 320)) AS s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT *",
        "RESTORE TABLE {t} TO VERSION AS OF 4",
        "REORG TABLE {t} APPLY (PURGE)",
        "INSERT OVERWRITE {t} SELECT id, 'only', 1D FROM range(10)",
    ],
    "mapped": [
        "CREATE TABLE {t} (id INT, a STRING, c STRUCT<`x.y`: INT, z: STRING>) USING delta TBLPROPERTIES ('delta.checkpointInterval' = '3')",
        "INSERT INTO {t} SELECT CAST(id AS INT), concat('v', id), named_struct('x.y', 1, 'z', 'q') FROM range(20)",
        "ALTER TABLE {t} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5')",
        "ALTER TABLE {t} RENAME COLUMN a TO `\u00fc,;{{}}()=`",
        "ALTER TABLE {t} DROP COLUMN id",
        "INSERT INTO {t} VALUES ('new', NULL)",
        "ALTER TABLE {t} SET TBLPROPERTIES ('delta.enableTypeWidening' = 'true')",
        "ALTER TABLE {t} ADD COLUMNS (n SMALLINT)",
        "INSERT INTO {t} VALUES ('newer', NULL, 5)",
        "ALTER TABLE {t} ALTER COLUMN n TYPE INT",
        "INSERT INTO {t} VALUES ('newest', NULL, 500000)",
    ],
    "sidecars": [
        "CREATE TABLE {t} (id BIGINT, s STRING) USING delta CLUSTER BY (id) TBLPROPERTIES ('delta.checkpointPolicy' = 'v2', "
        "'delta.enableInCommitTimestamps' = 'true', 'delta.enableRowTracking' = 'true', 'delta.checkpointInterval' = '4')"
    ]
    + ["INSERT INTO {t} SELECT id, 'x' FROM range(%d, %d)" % (n, n + 10) for n in range(0, 90, 10)]
    + [
        "OPTIMIZE {t}",
        "ALTER TABLE {t} CLUSTER BY NONE",
        "INSERT INTO {t} VALUES (1000, 'after')",
        "DELETE FROM {t} WHERE id = 5",
        "ALTER TABLE {t} SET TBLPROPERTIES ('delta.checkpointPolicy' = 'classic')",
        "INSERT INTO {t} VALUES (1001, 'classic again')",
    ],
    "clone": [
        "CREATE TABLE {other} (id INT, p INT) USING delta PARTITIONED BY (p)",
        "INSERT INTO {other} SELECT CAST(id AS INT), CAST(id % 2 AS INT) FROM range(10)",
        "CREATE TABLE {t} SHALLOW CLONE {other}",
        "INSERT INTO {t} VALUES (100, 7)",
        "DELETE FROM {t} WHERE p = 1",
        "OPTIMIZE {t}",
    ],
}


def wanted_of(spark, path):
    answer = make.spark_answer(spark, path)
    answer["paths"] = sorted(below(p, path) for p in peers.decoded(path for path, _ in answer["files"]))
    for key in ("files", "table_id"):
        answer.pop(key)
    return answer


def below(path, table):
    """Clones name files of another table by absolute path; file: forms are one."""
    for prefix in ("file://", "file:"):
        if path.startswith(prefix + "/"):
            path = path[len(prefix) :]
            path = "/" + path.lstrip("/")
            break
    return path


def follow(tap, spark, programs, name, statements, folder):
    path = os.path.join(folder, name)
    names = {"t": f"delta.`{path}`", "other": f"delta.`{path}-other`"}
    table_id, imported, snapshots = peers.unique(name), False, {}
    for statement in statements:
        spark.sql(statement.format(**names)).collect()
        if not os.path.isdir(os.path.join(path, "_delta_log")):
            continue
        wanted = wanted_of(spark, path)
        snapshots[wanted["version"]] = wanted
        for program in programs:
            command = (
                ("sync", "--table-id", table_id) if imported else ("import", path, "--table-id", table_id)
            )
            result = program.run(*command)
            tap.ok(
                result.returncode == 0,
                f"{program.label}: {name}: {command[0]} at version {wanted['version']}",
                result.stderr,
            )
            peers.compare_snapshot(
                tap, program, table_id, wanted, f"{name} after {statement[:60].format(**dict(names, t=name))}"
            )
        imported = True
    for program in programs:
        for version, wanted in snapshots.items():
            # tombstones that a checkpoint no longer had are not asked of the past
            past = {k: v for k, v in wanted.items() if k != "tombstones"}
            peers.compare_snapshot(
                tap, program, table_id, past, f"{name} version {version} afterwards", version
            )
        result = program.run("validate", "--table-id", table_id)
        tap.ok(result.returncode == 0, f"{program.label}: validate {name}", result.stdout + result.stderr)
        check_export(tap, spark, program, table_id, name, path, folder)
        program.run("rollback", table_id, "--yes")


def check_export(tap, spark, program, table_id, name, path, folder):
    """Spark itself must read the same state, and the same rows, from an exported log."""
    import shutil

    target = os.path.join(folder, f"export-{name}-{program.label}")
    result = program.run("export", table_id, target)
    if not tap.ok(result.returncode == 0, f"{program.label}: export {name}", result.stderr):
        return
    shutil.copytree(path, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("_delta_log"))
    try:
        got, wanted = wanted_of(spark, target), wanted_of(spark, path)
        rows_there = spark.read.format("delta").load(target).count()
    except Exception as error:
        tap.ok(False, f"{program.label}: Spark reads the export of {name}", str(error)[:1000])
        return
    for answer in (got, wanted):
        answer.pop("tombstones")
    differing = {key: (got.get(key), wanted[key]) for key in wanted if got.get(key) != wanted[key]}
    tap.ok(not differing, f"{program.label}: Spark reads the export of {name}", peers.short(differing))
    tap.equal(
        rows_there,
        spark.read.format("delta").load(path).count(),
        f"{program.label}: Spark counts the rows of the export of {name}",
    )


def main():
    program_path = peers.binary()
    if not glob.glob(
        os.path.join(os.environ.get("DELTA_JARS", os.path.join(sys.prefix, "jars")), "delta-spark*.jar")
    ):
        peers.skip_all("no Delta jars: set DELTA_JARS")
    tap = peers.Tap()
    with peers.Scratch("spark") as folder:
        os.environ["TMPDIR"] = folder
        programs = peers.catalogs(program_path, folder)
        spark = make.spark_session()
        for name, statements in TABLES.items():
            try:
                follow(tap, spark, programs, name, statements, folder)
            except Exception as error:
                tap.ok(False, f"{name}: written by Spark", f"{type(error).__name__}: {str(error)[:2000]}")
        spark.stop()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
