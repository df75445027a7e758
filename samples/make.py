#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Writes the bundled sample tables with real Delta writers, and samples/expected.json with what real readers
say of them.

    make.py [--out DIR] [--only NAME]... [--expected-only]

trips is written by delta-rs (`deltalake`), the others by Apache Spark with Delta Lake. The rows are the
same in every run; file names, ids and times are the writers' own and differ from run to run. What is
needed: the Python packages deltalake, pyarrow, pyspark, delta-spark, and Delta's jars in the folder
DELTA_JARS (see README.md).
"""

import argparse
import datetime as dt
import decimal
import glob
import json
import os
import random
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TABLES = ["trips", "sensors", "customers", "orders"]


# ---- trips: delta-rs ----

CITIES = ["Berlin", "New York", "S\u00e3o Paulo", "Z\u00fcrich"]


def trip_rows(rng, first_id, count, day, cities, with_tip=False):
    import pyarrow as pa

    start = dt.datetime(2024, 3, 1, 6, 0, tzinfo=dt.timezone.utc) + dt.timedelta(days=day)
    ids, city, started, seconds, km, fare, payment, tip = [], [], [], [], [], [], [], []
    for i in range(count):
        ids.append(first_id + i)
        city.append(cities[i % len(cities)])
        started.append(start + dt.timedelta(seconds=rng.randrange(60000)))
        seconds.append(rng.randrange(180, 3600))
        km.append(round(rng.uniform(0.4, 28.0), 2))
        fare.append(decimal.Decimal(rng.randrange(350, 9000)) / 100)
        payment.append(rng.choice(["card", "cash", None]))
        tip.append(decimal.Decimal(rng.randrange(0, 900)) / 100)
    columns = {
        "trip_id": pa.array(ids, pa.int64()),
        "city": pa.array(city, pa.string()),
        "started": pa.array(started, pa.timestamp("us", tz="UTC")),
        "seconds": pa.array(seconds, pa.int32()),
        "km": pa.array(km, pa.float64()),
        "fare": pa.array(fare, pa.decimal128(8, 2)),
        "payment": pa.array(payment, pa.string()),
    }
    if with_tip:
        columns["tip"] = pa.array(tip, pa.decimal128(8, 2))
    return pa.table(columns)


def make_trips(path):
    """
    Appends, an idempotent append, delete, update, merge, overwrite of a partition, optimize, checkpoint,
    schema change, vacuum.
    """
    import deltalake
    from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

    rng = random.Random(20240301)
    options = {"partition_by": ["city"]}
    config = {"delta.checkpointInterval": "100", "delta.logRetentionDuration": "interval 3650 days"}
    write_deltalake(
        path,
        trip_rows(rng, 1, 40, 0, CITIES),
        configuration=config,
        name="trips",
        description="Taxi trips by city",
        **options,
    )
    for day in range(1, 4):
        write_deltalake(path, trip_rows(rng, 1 + 40 * day, 40, day, CITIES), mode="append", **options)
    write_deltalake(
        path,
        trip_rows(rng, 161, 20, 4, CITIES[:2]),
        mode="append",
        commit_properties=CommitProperties(app_transactions=[Transaction("nightly-load", 1)]),
        **options,
    )
    table = DeltaTable(path)
    table.delete("km < 1.0")
    table.update(predicate="payment IS NULL AND city = 'Berlin'", updates={"payment": "'unknown'"})
    changed = trip_rows(rng, 151, 24, 5, CITIES)
    (
        table.merge(
            changed, predicate="t.trip_id = s.trip_id AND t.city = s.city", source_alias="s", target_alias="t"
        )
        .when_matched_update_all()
        .when_not_matched_insert_all()
        .execute()
    )
    write_deltalake(
        path,
        trip_rows(rng, 301, 16, 6, CITIES),
        mode="append",
        commit_properties=CommitProperties(app_transactions=[Transaction("nightly-load", 2)]),
        **options,
    )
    DeltaTable(path).optimize.compact(partition_filters=[("city", "=", "New York")])
    DeltaTable(path).create_checkpoint()
    write_deltalake(
        path, trip_rows(rng, 401, 16, 7, CITIES, with_tip=True), mode="append", schema_mode="merge", **options
    )
    write_deltalake(
        path,
        trip_rows(rng, 501, 20, 8, ["Z\u00fcrich"], with_tip=True),
        mode="overwrite",
        predicate="city = 'Z\u00fcrich'",
        **options,
    )
    DeltaTable(path).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    write_deltalake(path, trip_rows(rng, 601, 12, 9, CITIES[1:], with_tip=True), mode="append", **options)
    return {"writer": "delta-rs", "writer_version": deltalake.__version__}


# ---- the others: Spark ----


def spark_session():
    """A local Spark with Delta; one task at a time so that file counts are the same in every run."""
    import logging

    logging.getLogger("py4j").setLevel(logging.ERROR)
    from pyspark.sql import SparkSession

    jars = sorted(
        glob.glob(os.path.join(os.environ.get("DELTA_JARS", os.path.join(sys.prefix, "jars")), "*.jar"))
    )
    if not jars:
        sys.exit("make.py: no Delta jars; set DELTA_JARS (see samples/README.md)")
    spark = (
        SparkSession.builder.master("local[1]")
        .appName("samples")
        .config("spark.jars", ",".join(jars))
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .config(
            "spark.sql.warehouse.dir", os.path.join(os.environ.get("TMPDIR", "/tmp"), "samples-warehouse")
        )
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.databricks.delta.snapshotPartitions", "1")
        .config("spark.databricks.delta.checkpoint.partSize", "8")
        .config("spark.databricks.delta.retentionDurationCheck.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def make_sensors(spark, path):
    """
    Deletion vectors and a change data feed: DELETE, UPDATE, MERGE, OPTIMIZE, RESTORE; classic checkpoint
    at 10.
    """
    t = f"delta.`{path}`"
    spark.sql(
        f"""CREATE TABLE {t} (sensor INT, day DATE, at TIMESTAMP, celsius DOUBLE, humidity FLOAT, ok BOOLEAN, note STRING)
                  USING delta PARTITIONED BY (day)
                  TBLPROPERTIES ('delta.enableDeletionVectors' = 'true', 'delta.enableChangeDataFeed' = 'true',
                                 'delta.checkpointInterval' = '10', 'delta.dataSkippingNumIndexedCols' = '6')"""
    )
    for day in range(1, 5):
        spark.sql(f"""INSERT INTO {t}
            SELECT CAST(id % 20 AS INT), DATE'2024-05-0{day}', TIMESTAMP'2024-05-0{day} 00:00:00' + make_interval(0,0,0,0,0,id * 7),
                   ROUND(15 + 10 * SIN(id * 0.37 + {day}), 3), CAST(40 + id % 31 AS FLOAT), id % 9 <> 0,
                   CASE WHEN id % 11 = 0 THEN concat('calibrated ', id) END
            FROM range(120)""")
    spark.sql(f"DELETE FROM {t} WHERE sensor = 7")
    spark.sql(f"UPDATE {t} SET celsius = celsius + 0.5 WHERE day = DATE'2024-05-02' AND sensor < 3")
    spark.sql(
        f"""MERGE INTO {t} AS t USING (SELECT CAST(id AS INT) AS sensor, DATE'2024-05-03' AS day FROM range(3, 6)) AS s
                  ON t.sensor = s.sensor AND t.day = s.day WHEN MATCHED AND t.ok = false THEN DELETE
                  WHEN MATCHED THEN UPDATE SET note = 'checked'"""
    )
    spark.sql(f"DELETE FROM {t} WHERE day = DATE'2024-05-01' AND celsius > 24.5")
    spark.sql(f"DELETE FROM {t} WHERE day = DATE'2024-05-04'")
    spark.sql(f"RESTORE TABLE {t} TO VERSION AS OF 8")
    spark.sql(f"OPTIMIZE {t} WHERE day = DATE'2024-05-02'")
    spark.sql(f"DELETE FROM {t} WHERE sensor = 11 AND day >= DATE'2024-05-03'")
    spark.sql(
        f"INSERT INTO {t} VALUES (99, DATE'2024-05-05', TIMESTAMP'2024-05-05 10:00:00', DOUBLE('NaN'), NULL, NULL, 'first light')"
    )


def make_customers(spark, path):
    """
    Column mapping by name: added, renamed and dropped columns, names and partition values that need
    escaping, nested types.
    """
    t = f"delta.`{path}`"
    spark.sql(f"""CREATE TABLE {t} (id BIGINT, `full name` STRING, region STRING, born DATE,
                     address STRUCT<street: STRING, `zip code`: STRING>, tags ARRAY<STRING>, obsolete INT)
                  USING delta PARTITIONED BY (region)
                  TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.checkpointInterval' = '6')""")
    row = (
        "SELECT id, concat('Customer ', id) AS name, {region} AS region, DATE'1960-01-01' + CAST(id * 131 AS INT) AS born, "
        "named_struct('street', concat(id, ' Main St'), 'zip', concat('Z-', id)) AS address, array('a', concat('t', id % 3)) AS tags"
    )
    regions = ["'North & South'", "'O''Brien/100%'", "'\u00dcberlingen = D:1'", "NULL"]
    for n, region in enumerate(regions):
        spark.sql(
            f"INSERT INTO {t} {row.format(region=region)}, CAST(id AS INT) FROM range({n * 25}, {n * 25 + 25})"
        )
    spark.sql(f"ALTER TABLE {t} RENAME COLUMN `full name` TO `name, (legal)`")
    spark.sql(f"ALTER TABLE {t} DROP COLUMN obsolete")
    spark.sql(f"ALTER TABLE {t} ADD COLUMNS (credit DECIMAL(12,2) COMMENT 'limit in EUR')")
    spark.sql(f"ALTER TABLE {t} RENAME COLUMN region TO `sales region`")
    spark.sql(
        f"INSERT INTO {t} {row.format(region=regions[0])}, CAST(id * 10.25 AS DECIMAL(12,2)) FROM range(100, 130)"
    )
    spark.sql(f"UPDATE {t} SET credit = 1000 WHERE id < 5")
    spark.sql(f"DELETE FROM {t} WHERE `sales region` IS NULL")


def make_orders(spark, path):
    """
    V2 checkpoints with sidecars, in-commit timestamps, clustering, row tracking, idempotent writes (txn),
    several checkpoints.
    """
    t = f"delta.`{path}`"
    spark.sql(
        f"""CREATE TABLE {t} (order_id BIGINT, customer BIGINT, placed TIMESTAMP, amount DECIMAL(10,2), status STRING)
                  USING delta CLUSTER BY (customer)
                  TBLPROPERTIES ('delta.checkpointPolicy' = 'v2', 'delta.enableInCommitTimestamps' = 'true',
                                 'delta.enableRowTracking' = 'true', 'delta.checkpointInterval' = '8')"""
    )

    def append(n, app=None):
        frame = spark.sql(
            f"""SELECT id AS order_id, id % 37 AS customer, TIMESTAMP'2024-06-01 00:00:00' + make_interval(0,0,0,0,id) AS placed,
                              CAST(id * 1.17 AS DECIMAL(10,2)) AS amount, element_at(array('open','paid','sent'), CAST(id % 3 AS INT) + 1) AS status
                              FROM range({n * 30}, {n * 30 + 30})"""
        )
        writer = frame.write.format("delta").mode("append")
        if app:
            writer = writer.option("txnAppId", app[0]).option("txnVersion", app[1])
        writer.save(path)

    for n in range(6):
        append(n, ("loader-a", n))
    append(6, ("loader-b", 1))
    for n in range(7, 14):
        append(n)
    append(0, ("loader-a", 3))  # already applied: writes nothing
    spark.sql(f"OPTIMIZE {t}")
    spark.sql(f"UPDATE {t} SET status = 'sent' WHERE order_id = 12")
    for n in range(14, 19):
        append(n)
    spark.sql(f"ALTER TABLE {t} SET TBLPROPERTIES ('delta.appendOnly' = 'true')")
    append(19, ("loader-b", 2))


# ---- what readers say ----


def deltars_answer(path, version=None):
    from deltalake import DeltaTable

    table = DeltaTable(path, version=version)
    import pyarrow as pa

    adds = pa.table(table.get_add_actions(flatten=True)).to_pydict()
    records = adds.get("num_records") or []
    return {
        "version": table.version(),
        "num_files": len(adds["path"]),
        "size_in_bytes": sum(adds["size_bytes"]),
        "num_records": None if None in records else sum(records),
    }


def spark_answer(spark, path, version=None):
    """Asks Delta's own snapshot: files, bytes, records, deletion vectors, transactions, domains."""
    jvm = spark._jvm
    log = jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, path)
    none = jvm.scala.Option.empty()
    if version is None:
        snapshot = log.update(False, none, none)
    else:
        snapshot = log.getSnapshotAt(version, none, none, False)
    from pyspark.sql import DataFrame

    files = DataFrame(snapshot.allFiles().toDF(), spark)
    rows = files.selectExpr(
        "path",
        "size",
        "get_json_object(stats, '$.numRecords') AS n",
        "deletionVector.storageType AS s",
        "deletionVector.pathOrInlineDv AS p",
        "deletionVector.offset AS o",
        "deletionVector.cardinality AS c",
    ).collect()
    counts = [r.n for r in rows]
    answer = {
        "version": snapshot.version(),
        "num_files": len(rows),
        "size_in_bytes": sum(r["size"] for r in rows),
        "num_records": None if None in counts else sum(int(n) for n in counts),
        "deletion_vector_files": sum(1 for r in rows if r.s),
        "deleted_records": sum(r.c or 0 for r in rows),
        "files": sorted(
            [r.path, (r.s + r.p + ("" if r.o is None else f"@{r.o}")) if r.s else ""] for r in rows
        ),
    }
    if snapshot.numOfFiles() != answer["num_files"] or snapshot.sizeInBytes() != answer["size_in_bytes"]:
        sys.exit(f"make.py: Delta's computed state of {path} disagrees with its own file list")
    if version is None:
        protocol, metadata = json.loads(snapshot.protocol().json()), json.loads(snapshot.metadata().json())
        protocol, metadata = protocol.get("protocol", protocol), metadata.get("metaData", metadata)
        answer.update(
            {
                "table_id": metadata["id"],
                "partition_columns": metadata.get("partitionColumns", []),
                "columns": [f["name"] for f in json.loads(metadata["schemaString"])["fields"]],
                "min_reader_version": protocol["minReaderVersion"],
                "min_writer_version": protocol["minWriterVersion"],
                "reader_features": (
                    sorted(protocol["readerFeatures"]) if "readerFeatures" in protocol else None
                ),
                "writer_features": (
                    sorted(protocol["writerFeatures"]) if "writerFeatures" in protocol else None
                ),
                "tombstones": len(DataFrame(snapshot.tombstones().toDF(), spark).collect()),
                "transactions": {t.appId(): t.version() for t in java_list(jvm, snapshot.setTransactions())},
                "domains": sorted(d.domain() for d in java_list(jvm, snapshot.domainMetadata())),
            }
        )
        if "inCommitTimestamp" in (protocol.get("writerFeatures") or []):  # else it is the commit file's time
            answer["timestamp"] = snapshot.timestamp()
    return answer


def java_list(jvm, seq):
    return list(jvm.scala.jdk.javaapi.CollectionConverters.asJava(seq))


def expected(spark, path, made):
    """
    Spark's answer at the newest and every version; where delta-rs can read the table, the two must agree.
    """
    answer = spark_answer(spark, path)
    versions, seconded = {}, []
    for version in range(answer["version"] + 1):
        one = spark_answer(spark, path, version)
        versions[str(version)] = [one["num_files"], one["size_in_bytes"], one["num_records"]]
        try:
            other = deltars_answer(path, version)
        except Exception as error:  # delta-rs says which feature it lacks
            seconded.append((version, str(error).splitlines()[0]))
            continue
        for key in ("num_files", "size_in_bytes", "num_records"):
            if other[key] != one[key]:
                sys.exit(
                    f"make.py: readers disagree on {path} version {version}: {key} {one[key]} and {other[key]}"
                )
    answer["rows"] = spark.read.format("delta").load(path).count()
    counted = duckdb_rows(path)
    if counted is not None and counted != answer["rows"]:
        sys.exit(f"make.py: DuckDB counts {counted} rows in {path}, Spark {answer['rows']}")
    answer["readers"] = (["Spark", "DuckDB"] if counted is not None else ["Spark"]) + (
        [] if seconded else ["delta-rs"]
    )
    answer["versions"] = versions
    answer.update(made)
    return answer


def duckdb_rows(path):
    """
    Rows counted by DuckDB's delta extension, run in its own interpreter (DUCKDB_PYTHON); None when there
    is none.
    """
    import subprocess

    python = os.environ.get("DUCKDB_PYTHON", os.path.join(sys.prefix, "duckdb", "bin", "python"))
    if not os.path.exists(python):
        return None
    code = (
        "import duckdb, duckdb_extension_delta as e, glob, os, sys\n"
        "c = duckdb.connect(config={'allow_unsigned_extensions': 'true'})\n"
        "c.execute(\"LOAD '%s'\" % glob.glob(os.path.dirname(e.__file__) + '/**/delta.duckdb_extension', recursive=True)[0])\n"
        "print(c.execute('SELECT count(*) FROM delta_scan(?)', [sys.argv[1]]).fetchone()[0])\n"
    )
    run = subprocess.run([python, "-c", code, path], capture_output=True, text=True)
    if run.returncode:
        print(f"DuckDB: {run.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return int(run.stdout)


def drop_noise(path):
    """Hadoop's hidden checksum files: no part of Delta, and twice the number of files."""
    for folder, _, names in os.walk(path):
        for name in names:
            if name.startswith(".") and name.endswith(".crc"):
                os.remove(os.path.join(folder, name))
    for folder, folders, names in os.walk(path, topdown=False):
        if not folders and not names and folder != path:
            os.rmdir(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n\n")[0])
    parser.add_argument("--out", default=HERE)
    parser.add_argument("--only", action="append", choices=TABLES)
    parser.add_argument(
        "--expected-only", action="store_true", help="leave the tables, ask the readers again"
    )
    args = parser.parse_args()
    out = os.path.abspath(args.out)
    names = args.only or TABLES
    target = os.path.join(out, "expected.json")
    answers = json.load(open(target, encoding="utf-8")) if os.path.exists(target) else {}
    spark = spark_session()
    by_spark = {"sensors": make_sensors, "customers": make_customers, "orders": make_orders}
    import importlib.metadata as meta

    spark_made = {
        "writer": "Spark with Delta Lake",
        "writer_version": f"{spark.version} with {meta.version('delta-spark')}",
    }
    for name in names:
        path = os.path.join(out, name)
        began = time.monotonic()
        made = (
            {k: answers[name][k] for k in ("writer", "writer_version")} if args.expected_only else spark_made
        )
        if not args.expected_only:
            shutil.rmtree(path, ignore_errors=True)
            if name == "trips":
                made = make_trips(path)
            else:
                by_spark[name](spark, path)
            drop_noise(path)
        answers[name] = expected(spark, path, made)
        drop_noise(path)
        print(
            f"{name}: version {answers[name]['version']}, {answers[name]['num_files']} files, "
            f"{answers[name]['rows']} rows, {time.monotonic() - began:.0f} s",
            flush=True,
        )
    write_expected(target, answers)
    spark.stop()


def write_expected(target, answers):
    """A table a block, a fact a line."""

    def line(value):
        return json.dumps(value, ensure_ascii=False, sort_keys=False)

    blocks = []
    for name in sorted(answers):
        facts = []
        for key in sorted(answers[name]):
            value = answers[name][key]
            if key == "files":
                facts.append('  "files": [\n   ' + ",\n   ".join(line(f) for f in value) + "]")
            else:
                facts.append(f"  {line(key)}: {line(value)}")
        blocks.append(f" {line(name)}: {{\n" + ",\n".join(facts) + "}")
    with open(target, "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(blocks) + "\n}\n")


if __name__ == "__main__":
    main()
