# SPDX-License-Identifier: Apache-2.0
"""
For delta_gen.py: what a generated file's number says of it, as byte matrices, and JSON lines made of them.
"""

import json
import os

import numpy as np

START_MS = 1_700_000_000_000  # commit 0; commits follow each second
SCHEMA = {
    "type": "struct",
    "fields": [
        {"name": name, "type": kind, "nullable": True, "metadata": {}}
        for name, kind in (
            ("id", "long"),
            ("price", "double"),
            ("at", "timestamp"),
            ("name", "string"),
            ("day", "date"),
        )
    ],
}
STATS = (
    '{"numRecords":%(records)s,"minValues":{"id":%(id0)s,"price":%(price0)s.25,'
    '"at":"2024-%(month)s-01T00:00:00.%(ms0)sZ",'
    '"name":"alpha-%(name0)s"},"maxValues":{"id":%(id1)s,"price":%(price1)s.75,'
    '"at":"2024-%(month)s-28T23:59:59.%(ms1)sZ",'
    '"name":"omega-%(name1)s"},"nullCount":{"id":0,"price":%(nulls)s,"at":0,"name":%(nulls)s}}'
)
DELETION_VECTOR = (
    ',"deletionVector":{"storageType":"u","pathOrInlineDv":"%(dv)s","offset":1,"sizeInBytes":36,'
    '"cardinality":%(cardinality)s}'
)
PATH = "day=%(day)s/part-%(task)s-%(uuid)s-c000.snappy.parquet"


# ---- numbers from a file's number ----


def mix(numbers, salt):
    """splitmix64: a well mixed 64-bit number for each file number."""
    with np.errstate(over="ignore"):
        z = numbers.astype(np.uint64) + np.uint64((salt * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) % 2**64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def ranged(numbers, salt, low, high):
    return (np.uint64(low) + mix(numbers, salt) % np.uint64(high - low)).astype(np.int64)


def digits(values, width):
    """Decimal digits, zero-padded, as a byte matrix."""
    out = np.empty((len(values), width), np.uint8)
    rest = values.astype(np.int64)
    for column in range(width - 1, -1, -1):
        out[:, column] = 48 + rest % 10
        rest = rest // 10
    return out


def uuids(numbers, salt):
    raw = (
        np.stack([mix(numbers, salt), mix(numbers, salt + 1)], axis=1)
        .astype(">u8")
        .view(np.uint8)
        .reshape(-1, 16)
    )
    hexes = np.frombuffer(b"0123456789abcdef", np.uint8)
    flat = np.empty((len(numbers), 32), np.uint8)
    flat[:, 0::2] = hexes[raw >> 4]
    flat[:, 1::2] = hexes[raw & 15]
    out = np.full((len(numbers), 36), ord("-"), np.uint8)
    for to, start, end in ((0, 0, 8), (9, 8, 12), (14, 12, 16), (19, 16, 20), (24, 20, 32)):
        out[:, to : to + end - start] = flat[:, start:end]
    return out


def size_of(numbers):
    return ranged(numbers, 1, 1_000_000, 10_000_000)


def records_of(numbers):
    return ranged(numbers, 2, 10_000, 100_000)


def cardinality_of(numbers):
    return ranged(numbers, 3, 1, 10)


class Shape:
    """What the files of a log look like; slots() gives the byte matrices that the templates name."""

    def __init__(self, partitions=100, stats=True, dv_every=0, seed=0):
        self.partitions, self.stats, self.dv_every, self.seed = partitions, stats, dv_every, seed
        days = np.datetime64("2024-01-01") + np.arange(max(partitions, 1))
        self.days = np.array([list(str(day).encode()) for day in days], np.uint8)

    def partition_of(self, numbers):
        return ranged(numbers, 4 + self.seed, 0, max(self.partitions, 1))

    def slots(self, numbers):
        low = ranged(numbers, 5, 100_000_000, 400_000_000)
        return {
            "day": self.days[self.partition_of(numbers)],
            "task": digits(numbers % 1000, 5),
            "uuid": uuids(numbers, 100 + 2 * self.seed),
            "size": digits(size_of(numbers), 7),
            "records": digits(records_of(numbers), 5),
            "id0": digits(low, 9),
            "id1": digits(low * 2, 9),
            "price0": digits(ranged(numbers, 6, 100, 499), 3),
            "price1": digits(ranged(numbers, 7, 500, 999), 3),
            "month": digits(ranged(numbers, 8, 1, 13), 2),
            "ms0": digits(ranged(numbers, 9, 0, 1000), 3),
            "ms1": digits(ranged(numbers, 10, 0, 1000), 3),
            "name0": digits(ranged(numbers, 11, 0, 10**8), 8),
            "name1": digits(ranged(numbers, 12, 0, 10**8), 8),
            "nulls": digits(ranged(numbers, 13, 10, 99), 2),
            "dv": uuids(numbers, 50)[:, 9:29],
            "cardinality": digits(cardinality_of(numbers), 1),
        }

    def has_dv(self, numbers):
        return numbers % self.dv_every == 0 if self.dv_every else np.zeros(len(numbers), bool)


def render(template, slots, count):
    """A byte matrix of `count` rows from a template with %(slot)s in it."""
    pieces = []
    rest = template
    while rest:
        fixed, mark, rest = rest.partition("%(")
        if fixed:
            pieces.append(
                np.broadcast_to(np.frombuffer(fixed.encode(), np.uint8), (count, len(fixed.encode())))
            )
        if mark:
            name, _, rest = rest.partition(")s")
            pieces.append(slots[name])
    return np.concatenate(pieces, axis=1)


# ---- JSON lines ----


def add_template(shape, dv):
    line = (
        '{"add":{"path":"'
        + PATH
        + '","partitionValues":'
        + ('{"day":"%(day)s"}' if shape.partitions else "{}")
    )
    line += ',"size":%(size)s,"modificationTime":%(time)s,"dataChange":true'
    if shape.stats:
        line += ',"stats":"' + STATS.replace('"', '\\"') + '"'
    if dv:
        line += DELETION_VECTOR
    return line + "}}\n"


def remove_template(shape, dv):
    line = (
        '{"remove":{"path":"'
        + PATH
        + '","deletionTimestamp":%(time)s,"dataChange":true,"extendedFileMetadata":true,"partitionValues":'
        + ('{"day":"%(day)s"}' if shape.partitions else "{}")
        + ',"size":%(size)s'
    )
    if dv:
        line += DELETION_VECTOR
    return line + "}}\n"


def lines(shape, numbers, times, template):
    """
    JSON lines of the files, those with a deletion vector last; bytes, and a list of row ends is not
    needed.
    """
    out = []
    marks = shape.has_dv(numbers)
    for dv in (False, True):
        chosen = marks == dv
        if chosen.any():
            slots = shape.slots(numbers[chosen])
            slots["time"] = digits(times[chosen], 13)
            out.append(render(template(shape, dv), slots, int(chosen.sum())).tobytes())
    return b"".join(out)


def features(shape):
    if shape.dv_every:
        return {
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": ["deletionVectors"],
            "writerFeatures": ["deletionVectors"],
        }
    return {"minReaderVersion": 1, "minWriterVersion": 2}


def meta_data(shape):
    return {
        "id": "7f0c0000-0000-4000-8000-%012d" % shape.seed,
        "name": "generated",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps(SCHEMA),
        "partitionColumns": ["day"] if shape.partitions else [],
        "configuration": {},
        "createdTime": START_MS,
    }


def commit_info(version, operation="WRITE"):
    return {
        "commitInfo": {
            "timestamp": START_MS + 1000 * version,
            "operation": operation,
            "operationParameters": {"mode": "Append"},
            "isBlindAppend": True,
            "engineInfo": "delta_gen",
        }
    }


def head(shape, version):
    actions = [commit_info(version)]
    if version == 0:
        actions += [{"protocol": features(shape)}, {"metaData": meta_data(shape)}]
    return "".join(json.dumps(action, separators=(",", ":")) + "\n" for action in actions).encode()


def commit_path(log, version):
    return os.path.join(log, "%020d.json" % version)
