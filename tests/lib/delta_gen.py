#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Fast generators of Delta logs (metadata only, no data files) for tests and benchmarks.

Everything about a file (path, size, statistics, partition, deletion vector) is a function of its number,
so that any part of a log can be written without remembering the rest, and so that what a log holds is
known without reading it: each generator returns, and leaves in the table's folder as generated.json, the
expected version, num_files, size_in_bytes, num_records, tombstones and so on. Rows are byte matrices made
by numpy: about a million a second.

    json_log      K commits of adds
    churn_log     C commits that each add and remove files, checkpoints by the way
    checkpoint    one checkpoint of N files: classic, multi-part, or V2 with sidecars

As a program: delta_gen.py json|churn|checkpoint FOLDER [--name value]..., names being the generators'
arguments.
"""

import argparse
import inspect
import json
import os
import shutil
import sys

import numpy as np

from delta_gen_files import (
    PATH,
    START_MS,
    STATS,
    Shape,
    add_template,
    cardinality_of,
    commit_path,
    features,
    head,
    lines,
    meta_data,
    ranged,
    records_of,
    remove_template,
    render,
    size_of,
)

ROW_GROUP = 100_000


# ---- checkpoints ----


def fixed_text(matrix):
    """A byte matrix as an Arrow string array, without copying rows."""
    import pyarrow as pa

    count, width = matrix.shape
    offsets = np.arange(count + 1, dtype=np.int32) * width
    return pa.Array.from_buffers(
        pa.utf8(), count, [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(matrix))]
    )


def partition_map(shape, slots, count):
    import pyarrow as pa

    offsets = pa.array(
        np.arange(count + 1, dtype=np.int32) if shape.partitions else np.zeros(count + 1, np.int32)
    )
    if not shape.partitions:
        return pa.MapArray.from_arrays(offsets, pa.array([], pa.utf8()), pa.array([], pa.utf8()))
    keys = fixed_text(np.broadcast_to(np.frombuffer(b"day", np.uint8), (count, 3)))
    return pa.MapArray.from_arrays(offsets, keys, fixed_text(slots["day"]))


def dv_array(slots, marks):
    import pyarrow as pa

    count = len(marks)
    columns = [
        pa.array(["u"] * count),
        fixed_text(slots["dv"]),
        pa.array(np.ones(count, np.int32)),
        pa.array(np.full(count, 36, np.int32)),
        pa.array((slots["cardinality"][:, 0] - 48).astype(np.int64)),
    ]
    return pa.StructArray.from_arrays(
        columns,
        ["storageType", "pathOrInlineDv", "offset", "sizeInBytes", "cardinality"],
        mask=pa.array(~marks),
    )


def add_array(shape, numbers, times, stats_parsed=False):
    import pyarrow as pa

    slots, count = shape.slots(numbers), len(numbers)
    fields = {
        "path": fixed_text(render(PATH, slots, count)),
        "partitionValues": partition_map(shape, slots, count),
        "size": pa.array(size_of(numbers)),
        "modificationTime": pa.array(times),
        "dataChange": pa.array(np.zeros(count, bool)),
    }
    if shape.stats and stats_parsed:
        low, nothing = ranged(numbers, 5, 100_000_000, 400_000_000), pa.array(np.zeros(count, np.int64))
        one = lambda values: pa.StructArray.from_arrays([values], ["id"])
        fields["stats_parsed"] = pa.StructArray.from_arrays(
            [pa.array(records_of(numbers)), one(pa.array(low)), one(pa.array(low * 2)), one(nothing)],
            ["numRecords", "minValues", "maxValues", "nullCount"],
        )
    elif shape.stats:
        fields["stats"] = fixed_text(render(STATS, slots, count))
    if shape.dv_every:
        fields["deletionVector"] = dv_array(slots, shape.has_dv(numbers))
    return pa.StructArray.from_arrays(list(fields.values()), list(fields))


def remove_array(shape, numbers, times):
    import pyarrow as pa

    slots, count = shape.slots(numbers), len(numbers)
    fields = {
        "path": fixed_text(render(PATH, slots, count)),
        "deletionTimestamp": pa.array(times),
        "dataChange": pa.array(np.ones(count, bool)),
        "extendedFileMetadata": pa.array(np.ones(count, bool)),
        "partitionValues": partition_map(shape, slots, count),
        "size": pa.array(size_of(numbers)),
    }
    if shape.dv_every:
        fields["deletionVector"] = dv_array(slots, shape.has_dv(numbers))
    return pa.StructArray.from_arrays(list(fields.values()), list(fields))


def rest_types():
    import pyarrow as pa

    text, texts, map_type = pa.utf8(), pa.list_(pa.utf8()), pa.map_(pa.utf8(), pa.utf8())
    return {
        "txn": pa.struct([("appId", text), ("version", pa.int64()), ("lastUpdated", pa.int64())]),
        "metaData": pa.struct(
            [
                ("id", text),
                ("name", text),
                ("description", text),
                ("format", pa.struct([("provider", text), ("options", map_type)])),
                ("schemaString", text),
                ("partitionColumns", texts),
                ("configuration", map_type),
                ("createdTime", pa.int64()),
            ]
        ),
        "protocol": pa.struct(
            [
                ("minReaderVersion", pa.int32()),
                ("minWriterVersion", pa.int32()),
                ("readerFeatures", texts),
                ("writerFeatures", texts),
            ]
        ),
    }


def rest_rows(shape, txns, v2=False):
    protocol = features(shape)
    if v2:
        protocol = {
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": protocol.get("readerFeatures", []) + ["v2Checkpoint"],
            "writerFeatures": protocol.get("writerFeatures", []) + ["v2Checkpoint"],
        }
    rows = [{"protocol": protocol}, {"metaData": meta_data(shape)}]
    return rows + [
        {"txn": {"appId": "app-%06d" % n, "version": n, "lastUpdated": START_MS}} for n in range(txns)
    ]


class CheckpointWriter:
    """Streams actions into one Parquet file; a column that a batch does not have is NULL there."""

    def __init__(self, path, columns, compression="snappy", **options):
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.schema = pa.schema(list(columns.items()))
        self.rows = 0
        self.writer = pq.ParquetWriter(path, self.schema, compression=compression, **options)

    def write(self, count, **arrays):
        import pyarrow as pa

        columns = [
            arrays[name].cast(kind) if name in arrays else pa.nulls(count, kind)
            for name, kind in zip(self.schema.names, self.schema.types)
        ]
        self.writer.write_table(pa.Table.from_arrays(columns, schema=self.schema), row_group_size=ROW_GROUP)
        self.rows += count

    def write_rest(self, rows):
        import pyarrow as pa

        table = pa.Table.from_pylist(
            rows, schema=pa.schema([f for f in self.schema if f.name in rest_types()])
        )
        self.write(len(rows), **{name: table[name].combine_chunks() for name in table.column_names})

    def close(self):
        self.writer.close()


def blocks(numbers, size=ROW_GROUP):
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


def write_files(writer, shape, live, removed, time_of, stats_parsed):
    for part in blocks(live):
        writer.write(len(part), add=add_array(shape, part, time_of(part), stats_parsed))
    for part in blocks(removed):
        writer.write(len(part), remove=remove_array(shape, part, time_of(part)))


def file_columns(shape, stats_parsed, removes=True):
    one = np.zeros(1, np.int64)
    columns = {"add": add_array(shape, one, one, stats_parsed).type}
    if removes:
        columns["remove"] = remove_array(shape, one, one).type
    return columns


def write_checkpoint(
    log,
    version,
    shape,
    live,
    removed,
    time_of,
    kind="classic",
    parts=1,
    txns=0,
    compression="snappy",
    stats_parsed=False,
    **options,
):
    """
    kind: classic (parts > 1: multi-part), v2-json, v2-parquet (parts: sidecars). Returns the number of
    actions.
    """
    stem, suffix = os.path.join(log, "%020d.checkpoint" % version), "parquet"
    columns = file_columns(shape, stats_parsed)
    rest = rest_rows(shape, txns, v2=kind != "classic")
    shares = list(zip(np.array_split(live, parts), np.array_split(removed, parts)))
    actions = len(live) + len(removed) + len(rest)
    if kind == "classic":
        for number, (adds, removes) in enumerate(shares, 1):
            name = f"{stem}.{suffix}" if parts == 1 else f"{stem}.{number:010d}.{parts:010d}.{suffix}"
            writer = CheckpointWriter(name, {**rest_types(), **columns}, compression, **options)
            if number == 1:
                writer.write_rest(rest)
            write_files(writer, shape, adds, removes, time_of, stats_parsed)
            writer.close()
    else:
        write_v2(
            log, version, shape, shares, rest, time_of, kind, columns, compression, stats_parsed, options
        )
    hint = {"version": version, "size": actions}
    if kind == "classic" and parts > 1:
        hint["parts"] = parts
    with open(os.path.join(log, "_last_checkpoint"), "w") as file:
        json.dump(hint, file)
    return actions


def write_v2(log, version, shape, shares, rest, time_of, kind, columns, compression, stats_parsed, options):
    import pyarrow as pa

    os.makedirs(os.path.join(log, "_sidecars"), exist_ok=True)
    sidecars = []
    for number, (adds, removes) in enumerate(shares):
        name = "%020d.checkpoint.%032x.parquet" % (version, number)
        path = os.path.join(log, "_sidecars", name)
        writer = CheckpointWriter(path, columns, compression, **options)
        write_files(writer, shape, adds, removes, time_of, stats_parsed)
        writer.close()
        sidecars.append({"path": name, "sizeInBytes": os.path.getsize(path), "modificationTime": START_MS})
    rows = [{"checkpointMetadata": {"version": version}}] + rest + [{"sidecar": one} for one in sidecars]
    stem = os.path.join(log, "%020d.checkpoint.00000000-0000-4000-8000-000000000000" % version)
    if kind == "v2-json":
        with open(stem + ".json", "w") as file:
            file.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
        return
    types = {
        **rest_types(),
        "checkpointMetadata": pa.struct([("version", pa.int64())]),
        "sidecar": pa.struct(
            [("path", pa.utf8()), ("sizeInBytes", pa.int64()), ("modificationTime", pa.int64())]
        ),
    }
    schema = pa.schema(list(types.items()))
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows, schema=schema), stem + ".parquet", compression=compression)


# ---- the generators ----


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    log = os.path.join(folder, "_delta_log")
    os.makedirs(log)
    return log


def summary(folder, shape, version, live, tombstones, txns=0):
    size = records = deleted = vectors = 0
    for part in blocks(live, 1_000_000):
        size += int(size_of(part).sum())
        records += int(records_of(part).sum())
        marks = shape.has_dv(part)
        vectors += int(marks.sum())
        deleted += int(cardinality_of(part[marks]).sum())
    answer = {
        "version": version,
        "num_files": len(live),
        "size_in_bytes": size,
        "num_records": records if shape.stats or not len(live) else None,
        "deletion_vector_files": vectors,
        "deleted_records": deleted,
        "tombstones": tombstones,
        "transactions": txns,
        "partitions": shape.partitions,
    }
    with open(os.path.join(folder, "generated.json"), "w") as file:
        json.dump(answer, file)
    return answer


def json_log(folder, adds=500_000, commits=10, partitions=100, stats=True, dv_every=0, seed=0):
    """
    A log of JSON commits only, `adds` files spread evenly over `commits`; with stats a line has about 550
    bytes.
    """
    log, shape = fresh(folder), Shape(partitions, stats, dv_every, seed)
    numbers = np.arange(adds, dtype=np.int64)
    for version, share in enumerate(np.array_split(numbers, commits)):
        with open(commit_path(log, version), "wb") as file:
            file.write(head(shape, version))
            for part in blocks(share, 50_000):
                file.write(lines(shape, part, np.full(len(part), START_MS + 1000 * version), add_template))
    return summary(folder, shape, commits - 1, numbers, 0)


def churn_log(
    folder,
    commits=10_000,
    live=1_000_000,
    removes=10,
    lag=50,
    checkpoint_every=100,
    keep=1,
    partitions=100,
    stats=True,
    dv_every=0,
    seed=0,
):
    """
    `commits` commits that each add (live / commits + removes) files and, from commit `lag` on, remove
    `removes` of those that the commit `lag` before added. Checkpoints stand at multiples of
    `checkpoint_every`, the newest `keep` of them are written (0: all).
    """
    log, shape = fresh(folder), Shape(partitions, stats, dv_every, seed)
    per = max(1, live // commits) + removes
    for first in range(0, commits, 250):
        write_churn(log, shape, first, min(first + 250, commits), per, removes, lag)
    version = commits - 1
    points = [v for v in range(checkpoint_every, commits, checkpoint_every)] if checkpoint_every else []
    for point in points[-keep:] if keep else points:
        alive, gone = churn_state(point, per, removes, lag)
        write_checkpoint(log, point, shape, alive, gone, lambda n: START_MS + 1000 * (n // per))
    alive, gone = churn_state(version, per, removes, lag)
    return summary(folder, shape, version, alive, len(gone))


def write_churn(log, shape, first, last, per, removes, lag):
    adds = np.arange(first * per, last * per, dtype=np.int64)
    if shape.dv_every:  # rows of two widths: one commit at a time
        for version in range(first, last):
            share = adds[(version - first) * per : (version - first + 1) * per]
            gone = churn_removed(version, per, removes, lag)
            write_commit(
                log,
                shape,
                version,
                lines(shape, share, np.full(per, START_MS + 1000 * version), add_template),
                lines(shape, gone, np.full(len(gone), START_MS + 1000 * version), remove_template),
            )
        return
    text = lines(shape, adds, START_MS + 1000 * (adds // per), add_template)
    width = len(text) // len(adds) * per
    gone = [churn_removed(version, per, removes, lag) for version in range(first, last)]
    counts = [len(one) for one in gone]
    all_gone = np.concatenate(gone)
    ended = (
        lines(shape, all_gone, START_MS + 1000 * np.repeat(np.arange(first, last), counts), remove_template)
        if len(all_gone)
        else b""
    )
    row = len(ended) // len(all_gone) if len(all_gone) else 0
    at = 0
    for n, version in enumerate(range(first, last)):
        write_commit(log, shape, version, text[n * width : (n + 1) * width], ended[at : at + counts[n] * row])
        at += counts[n] * row


def write_commit(log, shape, version, *pieces):
    with open(commit_path(log, version), "wb") as file:
        file.write(b"".join((head(shape, version),) + pieces))


def churn_removed(version, per, removes, lag):
    if version < lag:
        return np.empty(0, np.int64)
    return np.arange((version - lag) * per, (version - lag) * per + removes, dtype=np.int64)


def churn_state(version, per, removes, lag):
    numbers = np.arange((version + 1) * per, dtype=np.int64)
    dead = (numbers % per < removes) & (numbers // per <= version - lag)
    return numbers[~dead], numbers[dead]


def checkpoint(
    folder,
    files=1_000_000,
    kind="classic",
    parts=1,
    tombstones=0,
    txns=0,
    partitions=100,
    stats=True,
    stats_parsed=False,
    dv_every=0,
    compression="snappy",
    version=10,
    seed=0,
):
    """
    A log that is one checkpoint and its commit: `files` live files, `tombstones` removed ones, `txns`
    application transactions.
    """
    log, shape = fresh(folder), Shape(partitions, stats, dv_every, seed)
    numbers = np.arange(files + tombstones, dtype=np.int64)
    time_of = lambda n: START_MS + n % 1_000_000
    write_checkpoint(
        log,
        version,
        shape,
        numbers[:files],
        numbers[files:],
        time_of,
        kind,
        parts,
        txns,
        compression,
        stats_parsed,
    )
    write_commit(log, shape, version)
    return summary(folder, shape, version, numbers[:files], tombstones, txns)


GENERATORS = {"json": json_log, "churn": churn_log, "checkpoint": checkpoint}


def cached(cache, generator, /, **arguments):
    """
    (path of the table, what it holds); made in the folder `cache` when it is not there yet. `generator`:
    json, churn, checkpoint.
    """
    name = generator + "".join("-%s_%s" % item for item in sorted(arguments.items()))
    folder = os.path.join(cache, name)
    note = os.path.join(folder, "generated.json")
    if not os.path.exists(note):
        partial = "%s.%d" % (folder, os.getpid())
        GENERATORS[generator](partial, **arguments)
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(partial, folder)
    with open(note) as file:
        return folder, json.load(file)


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in GENERATORS:
        sys.exit(__doc__)
    generator = GENERATORS[sys.argv[1]]
    parser = argparse.ArgumentParser(prog=f"delta_gen.py {sys.argv[1]}", description=generator.__doc__)
    parser.add_argument("folder")
    for name, parameter in list(inspect.signature(generator).parameters.items())[1:]:
        kind = (
            (lambda text: text not in ("0", "false", "no"))
            if isinstance(parameter.default, bool)
            else type(parameter.default)
        )
        parser.add_argument("--" + name.replace("_", "-"), type=kind, default=parameter.default)
    print(json.dumps(generator(**vars(parser.parse_args(sys.argv[2:])))))


if __name__ == "__main__":
    main()
