#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the actions that we read from Parquet checkpoints with what pyarrow reads from the same files: all real
tables, and generated files with the shapes that writers use.

    checkpoint_compare.py DUMP_PROGRAM REAL_TABLES_FOLDER

Needs pyarrow: in this python, or in the one that the environment variable PEERS_PYTHON names.
"""
import datetime
import decimal
import glob
import json
import math
import os
import struct
import subprocess
import sys
import tempfile
import urllib.parse

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    peers = os.environ.get("PEERS_PYTHON")
    if peers and "PEERS_TRIED" not in os.environ:
        os.environ["PEERS_TRIED"] = "1"
        os.execv(peers, [peers] + sys.argv)
    print("ok 1 # SKIP pyarrow is not installed\n1..1")
    sys.exit(0)

DUMP, TABLES = sys.argv[1], sys.argv[2]
ORDER = ["checkpointMetadata", "protocol", "metaData", "txn", "domainMetadata", "sidecar", "add", "remove"]
count = failed = 0


def result(ok, name, why=""):
    global count, failed
    count += 1
    print(f"{'ok' if ok else 'not ok'} {count} - {name}")
    if not ok:
        failed += 1
        for line in str(why).splitlines()[:6]:
            print("# " + line[:600])


def canonical(path):
    if path.lower().startswith("file:/"):
        rest = path[5:]
        if rest.startswith("//"):
            rest = rest[2:]
        path = "/" + rest.lstrip("/")
    return urllib.parse.unquote(path, errors="strict")


# ---- what pyarrow's values must become ----

def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def as_map(value):
    """pyarrow gives maps as pairs, and structs that stand for maps as dictionaries."""
    return None if value is None else compact(dict(value))


def stat(t, v):
    """A statistic as JSON tells it; None when it is left out."""
    if v is None:
        return None
    if pa.types.is_struct(t):
        out = {}
        for i in range(t.num_fields):
            told = stat(t.field(i).type, v[t.field(i).name])
            if told is not None:
                out[t.field(i).name] = told
        return out
    if pa.types.is_date(t):
        return v.isoformat()
    if pa.types.is_timestamp(t):
        text = v.strftime("%Y-%m-%dT%H:%M:%S.") + "%03d" % (v.microsecond // 1000)
        zone = t.tz or t.unit == "ms" and INT96
        return text.rjust(23, "0") + ("Z" if zone else "")
    if pa.types.is_floating(t) and not math.isfinite(v):
        return "NaN" if math.isnan(v) else "Infinity" if v > 0 else "-Infinity"
    if pa.types.is_float32(t):
        return ("f32", struct.pack("<f", v))
    if pa.types.is_float64(t):
        return ("f64", struct.pack("<d", v))
    if pa.types.is_decimal(t):
        return ("dec", format(v, "f"))
    if pa.types.is_binary(t) or pa.types.is_list(t) or pa.types.is_map(t):
        return None
    return v


def same_stat(want, got):
    if isinstance(want, dict):
        return isinstance(got, dict) and list(want) == list(got) and all(same_stat(want[k], got[k]) for k in want)
    if isinstance(want, tuple):
        kind, v = want
        if not isinstance(got, Number):
            return False
        if kind == "f32":
            return struct.pack("<f", float(got.text)) == v
        if kind == "f64":
            return struct.pack("<d", float(got.text)) == v
        return got.text == v
    if isinstance(got, Number):
        got = int(got.text)
    return want == got and type(want) is type(got)


class Number:
    def __init__(self, text):
        self.text = text


INT96 = False
STATS = ["numRecords", "tightBounds", "minValues", "maxValues", "nullCount"]


def expected_file(kind, v, t):
    g = v.get
    dv = g("deletionVector")
    if dv is not None and dv.get("storageType") is None:
        dv = None
    dv_id = ""
    if dv:
        dv_id = dv["storageType"] + dv["pathOrInlineDv"] + ("" if dv.get("offset") is None else f"@{dv['offset']}")
        dv = {k: dv[k] for k in dv if dv[k] is not None and k != "maxRowIndex"}
    out = {
        "kind": kind, "key_right": True, "path": canonical(g("path")), "raw_path": g("path"), "dv_id": dv_id,
        "size": g("size"), "modificationTime": g("modificationTime"), "deletionTimestamp": g("deletionTimestamp"),
        "dataChange": bool(g("dataChange")),
        "extendedFileMetadata": -1 if g("extendedFileMetadata") is None else int(g("extendedFileMetadata")),
        "partitionValues": as_map(g("partitionValues")), "stats": g("stats"), "rebuilt": False, "numRecords": None,
        "tags": as_map(g("tags")), "deletionVector": compact(dv) if dv else None,
        "cardinality": dv["cardinality"] if dv else 0, "baseRowId": g("baseRowId"),
        "defaultRowCommitVersion": g("defaultRowCommitVersion"), "clusteringProvider": g("clusteringProvider"),
    }
    if out["stats"] is not None:
        try:
            out["numRecords"] = json.loads(out["stats"]).get("numRecords")
        except ValueError:
            pass
    elif kind == "add" and g("stats_parsed") is not None:
        st = t.field("stats_parsed").type
        told = {}
        for name in STATS:
            if st.get_field_index(name) >= 0:
                one = stat(st.field(name).type, g("stats_parsed")[name])
                if one is not None:
                    told[name] = one
        if told:
            out["stats"], out["rebuilt"], out["numRecords"] = told, True, told.get("numRecords")
    return out


def expected_action(kind, v, t):
    g = v.get
    if kind in ("add", "remove"):
        return expected_file(kind, v, t)
    if kind == "metaData":
        f = g("format") or {}
        options = f.get("options")
        fmt = {"provider": f.get("provider") or "parquet"}
        if options is not None or f.get("provider") is None:
            fmt["options"] = dict(options or {})
        return {"kind": kind, "id": g("id"), "name": g("name"), "description": g("description"), "format": compact(fmt),
                "schemaString": g("schemaString"), "partitionColumns": compact(g("partitionColumns") or []),
                "configuration": as_map(g("configuration") or {}), "createdTime": g("createdTime")}
    if kind == "protocol":
        def features(x):
            return None if x is None else compact(sorted(x))
        return {"kind": kind, "minReaderVersion": g("minReaderVersion"), "minWriterVersion": g("minWriterVersion"),
                "readerFeatures": features(g("readerFeatures")), "writerFeatures": features(g("writerFeatures"))}
    if kind == "txn":
        return {"kind": kind, "appId": g("appId"), "version": g("version"), "lastUpdated": g("lastUpdated")}
    if kind == "domainMetadata":
        return {"kind": kind, "domain": g("domain"), "configuration": g("configuration"), "removed": bool(g("removed"))}
    if kind == "sidecar":
        return {"kind": kind, "path": g("path"), "sizeInBytes": g("sizeInBytes"),
                "modificationTime": g("modificationTime")}
    return {"kind": kind}


def expected(path):
    global INT96
    file = pq.ParquetFile(path)
    INT96 = any(file.schema.column(i).physical_type == "INT96" for i in range(len(file.schema.names)))
    table = pq.read_table(path, coerce_int96_timestamp_unit="ms")
    kinds = [k for k in ORDER if k in table.schema.names]
    columns = {k: table.column(k).to_pylist() for k in kinds}
    out = []
    for row in range(table.num_rows):
        for kind in kinds:
            v = columns[kind][row]
            if v is None or (not table.schema.field(kind).nullable and v[next(iter(v))] is None):
                continue
            out.append(expected_action(kind, v, table.schema.field(kind).type))
    return out


def dump(path, *args):
    p = subprocess.run([DUMP, path, *args], capture_output=True)
    lines = p.stdout.decode("utf-8", "surrogateescape").splitlines()
    return p.returncode, [json.loads(line) for line in lines], p.stderr.decode()


def same(want, got):
    if want.get("rebuilt"):
        stats = json.loads(got["stats"] or "null", parse_float=Number, parse_int=Number)
        return same_stat(want["stats"], stats) and {**want, "stats": 0} == {**got, "stats": 0}
    return want == got


def compare(name, path):
    want = expected(path)
    status, got, stderr = dump(path)
    if status or stderr:
        return result(False, name, f"{got[-1:]}\n{stderr}")
    for i, (w, g) in enumerate(zip(want, got)):
        if not same(w, g):
            differing = [k for k in w if w[k] != g.get(k)]
            return result(False, name, f"action {i}, {differing}\nwant {[w[k] for k in differing]}\n"
                                       f"got  {[g.get(k) for k in differing]}")
    result(len(want) == len(got), f"{name}: {len(want)} actions", f"{len(got)} actions")
    return None


# ---- real tables ----

def real_tables(folder):
    files = sorted(glob.glob(os.path.join(TABLES, "**", "_delta_log", "**", "*.parquet"), recursive=True))
    if not files:
        count_skip("real checkpoints: the folder with real tables is missing")
    for archive in sorted(glob.glob(os.path.join(TABLES, "**", "log.tar.zst"), recursive=True)):
        to = os.path.join(folder, os.path.basename(os.path.dirname(archive)))
        os.makedirs(to)
        if subprocess.run(["tar", "--zstd", "-xf", archive, "-C", to], stderr=subprocess.DEVNULL).returncode == 0:
            files += sorted(glob.glob(os.path.join(to, "**", "_delta_log", "**", "*.parquet"), recursive=True))
    for path in files:
        name = os.path.relpath(path, TABLES if path.startswith(TABLES) else folder).replace("_delta_log/", "")
        if "checkpoint" not in path and "_sidecars" not in path:
            continue
        try:
            compare(name, path)
        except (pa.ArrowException, OSError) as e:
            compare_with_duckdb(name, path, e)


def compare_with_duckdb(name, path, why):
    """For what pyarrow cannot read: paths, sizes and statistics of the adds."""
    try:
        import duckdb
    except ImportError:
        return count_skip(f"{name}: pyarrow cannot read it ({why}), and duckdb is not installed")
    con = duckdb.connect()
    members = con.execute(f"SELECT add FROM '{path}' LIMIT 0").description[0][1]
    stats = "add.stats" if "stats VARCHAR" in str(members) else "NULL"
    want = con.execute(f"SELECT add.path, add.size, {stats} FROM '{path}' WHERE add.path IS NOT NULL").fetchall()
    status, got, stderr = dump(path)
    got = [(a["raw_path"], a["size"], None if a["rebuilt"] else a["stats"]) for a in got if a.get("kind") == "add"]
    return result(status == 0 and not stderr and got == want, f"{name}: {len(want)} adds, by duckdb",
                  f"{why}\n{got[:2]}\n{want[:2]}\n{stderr}")


def count_skip(reason):
    global count
    count += 1
    print(f"ok {count} # SKIP {reason}")


# ---- generated ones ----

STRINGS = pa.map_(pa.string(), pa.string())
DV = pa.struct([("storageType", pa.string()), ("pathOrInlineDv", pa.string()), ("offset", pa.int32()),
                ("sizeInBytes", pa.int32()), ("cardinality", pa.int64())])


def add_type(required=False, stats_parsed=None, maps=STRINGS):
    fields = [pa.field("path", pa.string(), not required), pa.field("partitionValues", maps, not required),
              pa.field("size", pa.int64(), not required), pa.field("modificationTime", pa.int64(), not required),
              pa.field("dataChange", pa.bool_(), not required), pa.field("stats", pa.string()), pa.field("tags", maps),
              pa.field("deletionVector", DV), pa.field("baseRowId", pa.int64()),
              pa.field("defaultRowCommitVersion", pa.int64()), pa.field("clusteringProvider", pa.string())]
    if stats_parsed:
        fields.append(pa.field("stats_parsed", stats_parsed))
    return pa.struct(fields)


def an_add(i, **more):
    a = {"path": f"part-{i}.parquet", "partitionValues": [("d", f"2024-01-{i % 28 + 1:02d}")], "size": i * 100,
         "modificationTime": 1700000000000 + i, "dataChange": False}
    a.update(more)
    return a


def odd_adds():
    return [
        an_add(1, stats='{"numRecords":12,"x":1}'),
        an_add(2, stats='{"minValues":{"numRecords":1},"numRecords": 3}', partitionValues=[]),
        an_add(3, stats="no json", partitionValues=[("z", "1"), ("a", None), ("m", "")]),
        an_add(4, path="a%20b/%2525+c%C3%A4.parquet", tags=[("T", "x\"y\n")]),
        an_add(5, path="file:///x/y%20z", deletionVector={"storageType": "u", "pathOrInlineDv": "ab^-aqE", "offset": 1,
                                                          "sizeInBytes": 36, "cardinality": 2}),
        an_add(6, path="file:/x/y", deletionVector={"storageType": "i", "pathOrInlineDv": "wi5b=0", "offset": None,
                                                    "sizeInBytes": 40, "cardinality": 6}),
        an_add(7, path="s3://b/" + "k" * 5000, baseRowId=2 ** 62, defaultRowCommitVersion=7, clusteringProvider="liquid"),
        an_add(8, stats='{"numRecords":9223372036854775807}', dataChange=True),
        an_add(9, stats="", partitionValues=[("ä€", "\x00\x1f")]),
    ]


def write(path, rows, types, **options):
    arrays, fields = [], []
    for name, t in types.items():
        nullable = not isinstance(t, tuple)
        t = t if nullable else t[0]
        values = [r.get(name) for r in rows]
        if not nullable:  # a struct that is there but holds nothing
            values = [{t.field(i).name: None for i in range(t.num_fields)} if v is None else v for v in values]
        arrays.append(pa.array(values, t))
        fields.append(pa.field(name, t, nullable))
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), path, **options)


def shapes(folder):
    path = os.path.join(folder, "t.parquet")
    rows = [{"add": a} for a in odd_adds()]
    remove = pa.struct([("path", pa.string()), ("deletionTimestamp", pa.int64()), ("dataChange", pa.bool_()),
                        ("extendedFileMetadata", pa.bool_()), ("partitionValues", STRINGS), ("size", pa.int64()),
                        ("deletionVector", DV)])
    for i in range(5):
        rows.insert(i * 2, {"remove": {"path": f"gone-{i}", "deletionTimestamp": i, "dataChange": True,
                                       "extendedFileMetadata": [None, True, False][i % 3],
                                       "partitionValues": [("p", str(i))] if i % 2 else None, "size": None}})
    names = pa.list_(pa.string())
    rest = {
        "metaData": pa.struct([("id", pa.string()), ("name", pa.string()), ("description", pa.string()),
                               ("format", pa.struct([("provider", pa.string()), ("options", STRINGS)])),
                               ("schemaString", pa.string()), ("partitionColumns", names), ("configuration", STRINGS),
                               ("createdTime", pa.int64())]),
        "protocol": pa.struct([("minReaderVersion", pa.int32()), ("minWriterVersion", pa.int32()),
                               ("readerFeatures", names), ("writerFeatures", names)]),
        "txn": pa.struct([("appId", pa.string()), ("version", pa.int64()), ("lastUpdated", pa.int64())]),
        "domainMetadata": pa.struct([("domain", pa.string()), ("configuration", pa.string()), ("removed", pa.bool_())]),
        "sidecar": pa.struct([("path", pa.string()), ("sizeInBytes", pa.int64()), ("modificationTime", pa.int64()),
                              ("tags", STRINGS)]),
        "checkpointMetadata": pa.struct([("version", pa.int64()), ("tags", STRINGS)]),
    }
    rows += [
        {"metaData": {"id": "i", "name": None, "description": "d\"", "format": {"provider": "parquet", "options": []},
                      "schemaString": "{}", "partitionColumns": ["b", "a", "ä"],
                      "configuration": [("z", "1"), ("a", "2"), ("m", "3")], "createdTime": 5}},
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["v2Checkpoint", "a"],
                      "writerFeatures": []}},
        {"txn": {"appId": "x", "version": 3, "lastUpdated": None}}, {},
        {"domainMetadata": {"domain": "delta.x", "configuration": "{}", "removed": False}},
        {"sidecar": {"path": "a%20b.parquet", "sizeInBytes": 1, "modificationTime": 2, "tags": None}},
        {"checkpointMetadata": {"version": 4, "tags": [("k", "v")]}},
    ]
    types = {"txn": rest["txn"], "add": add_type(), "remove": remove, **rest}
    for name, options in {
        "snappy": {}, "plain": dict(use_dictionary=False, compression="NONE"), "zstd, V2": dict(
            compression="ZSTD", data_page_version="2.0"), "row groups of 2": dict(row_group_size=2),
        "pages of 2": dict(data_page_size=1, write_batch_size=2), "old lists": dict(use_compliant_nested_type=False),
        "gzip, delta strings": dict(compression="GZIP", use_dictionary=False, column_encoding={
            "add.path": "DELTA_BYTE_ARRAY", "add.size": "DELTA_BINARY_PACKED", "add.stats": "DELTA_LENGTH_BYTE_ARRAY"}),
    }.items():
        write(path, rows, types, **options)
        compare(f"every kind, {name}", path)
    write(path, rows[:9], {"add": add_type(required=True), "remove": remove})
    compare("required members", path)
    adds = [r for r in rows if "add" in r]
    write(path, adds, {"add": (add_type(),)})
    compare("a required struct", path)
    write(path, adds + [{}] * 3, {"add": (add_type(),)})
    compare("a required struct with empty ones", path)
    write(path, [], types)
    compare("no rows", path)
    short = pa.struct([("path", pa.string()), ("size", pa.int64())])
    write(path, [{"add": {"path": "p", "size": 1}}], {"unknown": pa.int32(), "add": short})
    compare("few columns", path)
    write(path, [{"add": {"path": None, "size": 1}}], {"add": short})
    result(dump(path)[0] == 1 and "no path" in dump(path)[1][-1]["message"], "an add without a path is an error")
    write(path, [{"add": {"size": 1}}], {"add": pa.struct([("size", pa.int64())])})
    result(dump(path)[0] == 1, "adds without a path column are an error")
    write(path, [{"add": {"path": 3}}], {"add": pa.struct([("path", pa.int64())])})
    result(dump(path)[0] == 1, "paths that are numbers are an error")
    write(path, rows, types)
    for want, kinds in {1: {"add"}, 3: {"add"}, 4: {"remove"}, 8: {"protocol", "metaData", "txn", "domainMetadata"}}.items():
        got = dump(path, str(want))[1]
        right = {a["kind"] for a in got} == kinds | {"sidecar", "checkpointMetadata"}
        no_stats = want == 3 or all(a.get("stats") is None and a.get("numRecords") is None for a in got)
        result(right and no_stats, f"only what is wanted: {want}")


def typed_stats(folder):
    path = os.path.join(folder, "t.parquet")
    leaf = {
        "i8": pa.int8(), "i": pa.int32(), "l": pa.int64(), "u": pa.uint64(), "f": pa.float32(), "g": pa.float64(),
        "s": pa.string(), "b": pa.binary(), "bo": pa.bool_(), "d": pa.date32(), "ts": pa.timestamp("us", "UTC"),
        "ntz": pa.timestamp("us"), "ms": pa.timestamp("ms", "UTC"), "dec9": pa.decimal128(9, 2),
        "dec18": pa.decimal128(18, 0), "dec38": pa.decimal128(38, 20), "Mixed Case": pa.int32(),
    }
    values = pa.struct([*leaf.items(), ("n", pa.struct([("x", pa.int32()), ("y", pa.struct([("z", pa.string())]))]))])
    nulls = pa.struct([*((k, pa.int64()) for k in leaf),
                       ("n", pa.struct([("x", pa.int64()), ("y", pa.struct([("z", pa.int64())]))]))])
    parsed = pa.struct([("numRecords", pa.int64()), ("minValues", values), ("maxValues", values), ("nullCount", nulls),
                        ("tightBounds", pa.bool_())])
    utc = datetime.timezone.utc
    low = {"i8": -128, "i": -2 ** 31, "l": -2 ** 63, "u": 2 ** 64 - 1, "f": 0.1, "g": float("-inf"), "s": 'a"\\\n', "b": b"\xff",
           "bo": True, "d": datetime.date(1900, 2, 28), "ts": datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, utc),
           "ntz": datetime.datetime(2024, 2, 29, 1, 2, 3, 4567), "ms": datetime.datetime(2024, 1, 1, tzinfo=utc),
           "dec9": decimal.Decimal("-0.05"), "dec18": decimal.Decimal(-10 ** 17), "Mixed Case": 7,
           "dec38": decimal.Decimal("-123456789012345678.12345678901234567890"), "n": {"x": 1, "y": {"z": ""}}}
    high = {**{k: None for k in low}, "f": float("nan"), "g": 1e300, "dec9": decimal.Decimal("0.00"), "n": {"x": None, "y": None}}
    none = {k: None for k in low}
    rows = [
        {"add": an_add(1, stats_parsed={"numRecords": 5, "minValues": low, "maxValues": high, "tightBounds": False,
                                        "nullCount": {**{k: 0 for k in leaf}, "n": {"x": 3, "y": None}}})},
        {"add": an_add(2, stats='{"numRecords":1}', stats_parsed={"numRecords": 2})},
        {"add": an_add(3)}, {},
        {"add": an_add(4, stats_parsed={"numRecords": 0, "minValues": none, "maxValues": None, "nullCount": None})},
        {"add": an_add(5, stats_parsed={"numRecords": None})},
        {"add": an_add(6, stats_parsed={"numRecords": 2 ** 62, "minValues": high, "maxValues": low})},
    ] * 40
    for name, options in {"dictionary": {}, "decimals as integers": dict(store_decimal_as_integer=True, row_group_size=17),
                          "split": dict(use_dictionary=False, data_page_size=64)}.items():
        write(path, rows, {"add": add_type(stats_parsed=parsed)}, **options)
        compare(f"stats_parsed, {name}", path)
    ms = {"ts": datetime.datetime(1890, 5, 6, 7, 8, 9, 123456), "n": 1}
    only = pa.struct([("numRecords", pa.int64()), ("minValues", pa.struct([("ts", pa.timestamp("us")), ("n", pa.int32())]))])
    write(path, [{"add": an_add(1, stats_parsed={"numRecords": 1, "minValues": ms})}], {"add": add_type(stats_parsed=only)},
          use_deprecated_int96_timestamps=True)
    compare("stats_parsed, INT96", path)
    wide = pa.struct([("numRecords", pa.int64()), ("minValues", pa.struct([(f"c{i}", pa.int64()) for i in range(3000)]))])
    write(path, [{"add": an_add(i, stats_parsed={"numRecords": i, "minValues": {f"c{k}": k * i for k in range(3000)}})}
                 for i in range(20)], {"add": add_type(stats_parsed=wide)})
    compare("stats_parsed, 3000 columns", path)


def delta_rs(folder):
    try:
        import deltalake
    except ImportError:
        return count_skip("checkpoints of delta-rs: deltalake is not installed")
    to = os.path.join(folder, "delta_rs")
    for i in range(4):
        deltalake.write_deltalake(to, pa.table({"p": ["a b", "c%d", None], "x": [i, i + 1, None]}), mode="append",
                                  partition_by=["p"])
    deltalake.DeltaTable(to).delete("x = 2")
    deltalake.DeltaTable(to).create_checkpoint()
    for path in glob.glob(os.path.join(to, "_delta_log", "*.parquet")):
        compare("written by delta-rs", path)


def damage(folder):
    import random
    rnd = random.Random(3)
    path, hurt = os.path.join(folder, "t.parquet"), os.path.join(folder, "hurt.parquet")
    write(path, [{"add": a} for a in odd_adds()] * 20, {"add": add_type()}, compression="NONE", data_page_size=300)
    whole = open(path, "rb").read()
    bad = []
    for i in range(500):
        data = bytearray(whole)
        for _ in range(rnd.choice([1, 1, 3, 30])):
            data[rnd.randrange(len(data))] = rnd.randrange(256)
        with open(hurt, "wb") as f:
            f.write(data)
        p = subprocess.run([DUMP, hurt], capture_output=True, timeout=60)
        if p.returncode not in (0, 1):
            bad.append((i, p.returncode, p.stderr[-300:]))
    result(not bad, "500 files with random damage", bad)


with tempfile.TemporaryDirectory() as folder:
    shapes(folder)
    typed_stats(folder)
    delta_rs(folder)
    damage(folder)
    real_tables(folder)
print(f"1..{count}")
sys.exit(1 if failed else 0)
