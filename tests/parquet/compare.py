#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes Parquet files with pyarrow in every combination, and compares what our reader makes of them, entry by
entry (levels and values), with the data they were written from.

    compare.py DUMP_PROGRAM

Needs pyarrow: in this python, or in the one that the environment variable PEERS_PYTHON names.
"""
import datetime
import decimal
import itertools
import os
import random
import struct
import subprocess
import sys
import tempfile

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

DUMP = sys.argv[1]
EPOCH = datetime.datetime(1970, 1, 1)
count = failed = 0


def result(ok, name, why=""):
    global count, failed
    count += 1
    print(f"{'ok' if ok else 'not ok'} {count} - {name}")
    if not ok:
        failed += 1
        for line in why.splitlines()[:8]:
            print("# " + line[:400])


# ---- what the file must hold: the levels and values of a table, by the definition of the format ----

def physical(t, v):
    """The text that dump prints for a value."""
    if pa.types.is_boolean(t):
        return str(int(v))
    if pa.types.is_integer(t):
        if pa.types.is_unsigned_integer(t):  # printed as the signed integer of the same bits
            bits = 64 if t.bit_width == 64 else 32
            v = v - (1 << bits) if v >> (bits - 1) else v
        return str(v)
    if pa.types.is_float16(t):
        return struct.pack("<e", v).hex()
    if pa.types.is_float32(t):
        return struct.pack("<f", v).hex()
    if pa.types.is_float64(t):
        return struct.pack("<d", v).hex()
    if pa.types.is_string(t) or pa.types.is_large_string(t):
        return v.encode().hex()
    if pa.types.is_binary(t) or pa.types.is_fixed_size_binary(t):
        return v.hex()
    if pa.types.is_date32(t):
        return str((v - EPOCH.date()).days)
    if pa.types.is_time(t):
        us = ((v.hour * 60 + v.minute) * 60 + v.second) * 1000000 + v.microsecond
        return str(us if t.unit == "us" else us // 1000)
    if pa.types.is_timestamp(t):
        d = v.replace(tzinfo=None) - EPOCH
        us = (d.days * 86400 + d.seconds) * 1000000 + d.microseconds
        if INT96:
            return struct.pack("<qi", us % 86400000000 * 1000, us // 86400000000 + 2440588).hex()
        return str(us if t.unit == "us" else us // 1000)
    if pa.types.is_decimal(t):
        unscaled = int(v.scaleb(t.scale).to_integral_exact())
        if DECIMAL_INT and t.precision <= 18:
            return str(unscaled)
        width = next(n for n in range(1, 20) if 10 ** t.precision <= 1 << (8 * n - 1))
        return unscaled.to_bytes(width, "big", signed=True).hex()
    raise TypeError(t)


def leaves_of(t):
    if pa.types.is_struct(t):
        return sum(leaves_of(t.field(i).type) for i in range(t.num_fields))
    if pa.types.is_map(t):
        return leaves_of(t.key_type) + leaves_of(t.item_type)
    if pa.types.is_list(t):
        return leaves_of(t.value_type)
    return 1


def shred(t, nullable, v, rep, level, depth, out):
    """Adds a value's entries to `out`, a list of entry lists, one a leaf."""
    if v is None:
        for leaf in out:
            leaf.append(f"{rep}:{level}:")
        return
    if nullable:
        level += 1
    if pa.types.is_struct(t):
        at = 0
        for i in range(t.num_fields):
            f = t.field(i)
            n = leaves_of(f.type)
            shred(f.type, f.nullable, v[f.name], rep, level, depth, out[at:at + n])
            at += n
    elif pa.types.is_map(t) or pa.types.is_list(t):
        if not v:
            for leaf in out:
                leaf.append(f"{rep}:{level}:")
        for i, item in enumerate(v):
            r = rep if i == 0 else depth + 1
            if pa.types.is_map(t):
                n = leaves_of(t.key_type)
                shred(t.key_type, False, item[0], r, level + 1, depth + 1, out[:n])
                shred(t.item_type, t.item_field.nullable, item[1], r, level + 1, depth + 1, out[n:])
            else:
                f = t.value_field
                shred(f.type, f.nullable, item, r, level + 1, depth + 1, out)
    else:
        out[0].append(f"{rep}:{level}:{physical(t, v)}")


INT96 = DECIMAL_INT = False


def expected(table, row_group, step=0):
    """Per leaf, the entries of all rows (or of every step-th row of each row group, as dump's cursor reads)."""
    lines = []
    for name in table.schema.names:
        f = table.schema.field(name)
        out = [[] for _ in range(leaves_of(f.type))]
        values = table.column(name).to_pylist()
        for i, v in enumerate(values):
            row = i % row_group
            if step and row % step:
                continue
            one = [[] for _ in out]
            shred(f.type, f.nullable, v, 0, 0, 0, one)
            for leaf, entries in zip(out, one):
                leaf.extend(entries[:{3: 1, 5: 2}.get(row % 7)] if step else entries)
        lines += [" ".join(leaf) for leaf in out]
    return lines


def dump(path, *args):
    p = subprocess.run([DUMP, path, *map(str, args)], capture_output=True, text=True)
    return p.returncode, p.stdout.splitlines(), p.stderr


def check_lines(name, path, want, *args):
    status, lines, stderr = dump(path, *args)
    if status:
        return result(False, name, "\n".join(lines[-1:]) + stderr)
    got = [line.split("|", 3)[3] for line in lines]
    for line, g, w in zip(lines, got, want):
        if g != w:
            gs, ws = g.split(" "), w.split(" ")
            at = next((i for i in range(min(len(gs), len(ws))) if gs[i] != ws[i]), min(len(gs), len(ws)))
            return result(False, name, f"leaf {line.split('|')[0]}, entry {at}: got {gs[at:at+3]}, want {ws[at:at+3]}"
                                       f" ({len(gs)} and {len(ws)} entries)")
    result(len(got) == len(want), name, f"{len(got)} leaves, not {len(want)}")


# ---- data ----

rnd = random.Random(20)
WORDS = ["", "a", "date=2024-01-01/part-00001.parquet", "äöü€", "x" * 300, "\x00nul", "date=2024-01-01/part-00002.parquet"]


def value(t):
    if pa.types.is_boolean(t):
        return rnd.random() < 0.3
    if pa.types.is_integer(t):
        bits = t.bit_width
        lo, hi = (0, (1 << bits) - 1) if pa.types.is_unsigned_integer(t) else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        return rnd.choice([lo, hi, 0, 1, rnd.randint(lo, hi), rnd.randint(0, 100), 7])
    if pa.types.is_floating(t):
        return rnd.choice([0.0, -0.0, 1.5, float("inf"), float("-inf"), rnd.randint(-1000, 1000) / 8])
    if pa.types.is_string(t) or pa.types.is_large_string(t):
        return rnd.choice(WORDS) if rnd.random() < 0.5 else "p%06d" % rnd.randrange(10 ** 6)
    if pa.types.is_fixed_size_binary(t):
        return bytes(rnd.randrange(256) for _ in range(t.byte_width))
    if pa.types.is_binary(t):
        return bytes(rnd.randrange(256) for _ in range(rnd.randrange(20)))
    if pa.types.is_date32(t):
        return datetime.date(1970, 1, 1) + datetime.timedelta(days=rnd.randint(-30000, 30000))
    if pa.types.is_time(t):
        return datetime.time(rnd.randrange(24), rnd.randrange(60), rnd.randrange(60), rnd.randrange(1000) * 1000)
    if pa.types.is_timestamp(t):
        d = EPOCH + datetime.timedelta(milliseconds=rnd.randint(-10 ** 12, 4 * 10 ** 12))
        return d.replace(tzinfo=datetime.timezone.utc) if t.tz else d
    if pa.types.is_decimal(t):
        return decimal.Decimal(rnd.randint(-10 ** t.precision + 1, 10 ** t.precision - 1)).scaleb(-t.scale)
    if pa.types.is_struct(t):
        return {t.field(i).name: maybe(t.field(i).type, t.field(i).nullable) for i in range(t.num_fields)}
    if pa.types.is_map(t):
        return [(value(t.key_type) + str(i), maybe(t.item_type, t.item_field.nullable))
                for i in range(rnd.choice([0, 1, 1, 2, 5]))]
    if pa.types.is_list(t):
        return [maybe(t.value_type, t.value_field.nullable) for _ in range(rnd.choice([0, 1, 2, 3, 40]))]
    raise TypeError(t)


def maybe(t, nullable, nulls=0.3):
    return None if nullable and rnd.random() < nulls else value(t)


FLAT = {
    "bool": pa.bool_(), "i8": pa.int8(), "i32": pa.int32(), "i64": pa.int64(), "u32": pa.uint32(), "u64": pa.uint64(),
    "f32": pa.float32(), "f64": pa.float64(), "str": pa.string(), "bin": pa.binary(), "fix": pa.binary(5),
    "date": pa.date32(), "time": pa.time64("us"), "ts": pa.timestamp("us"), "tsz": pa.timestamp("ms", "UTC"),
    "dec9": pa.decimal128(9, 2), "dec18": pa.decimal128(18, 4), "dec38": pa.decimal128(38, 10),
}
STRUCT = pa.struct([pa.field("a", pa.int32()), pa.field("b", pa.string(), False),
                    pa.field("c", pa.struct([("d", pa.float64())]))])
NESTED = {
    "list": pa.list_(pa.int64()), "list_req": pa.list_(pa.field("element", pa.string(), False)),
    "map": pa.map_(pa.string(), pa.string()), "struct": STRUCT, "structs": pa.list_(STRUCT),
    "lists": pa.list_(pa.list_(pa.int32())), "map_lists": pa.map_(pa.string(), pa.list_(pa.bool_())),
    "deep": pa.struct([("x", pa.list_(pa.struct([("y", pa.map_(pa.string(), STRUCT))])))]),
}


def make_table(types, rows, nullable=True, nulls=0.3):
    fields, arrays = [], []
    for name, t in types.items():
        fields.append(pa.field(name, t, nullable))
        arrays.append(pa.array([maybe(t, nullable, nulls) for _ in range(rows)], t))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def encodings(table, which):
    """column_encoding for pyarrow: leaves by path, so that nested ones are covered too."""
    by_leaf = {}
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    schema = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    for i in range(len(schema.names)):
        c = schema.column(i)
        kind = c.physical_type
        if which == "delta":
            by_leaf[c.path] = {"INT32": "DELTA_BINARY_PACKED", "INT64": "DELTA_BINARY_PACKED",
                               "BYTE_ARRAY": "DELTA_BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY": "DELTA_BYTE_ARRAY",
                               "BOOLEAN": "RLE"}.get(kind, "PLAIN")
        elif which == "split":
            by_leaf[c.path] = {"BYTE_ARRAY": "DELTA_LENGTH_BYTE_ARRAY", "BOOLEAN": "RLE"}.get(kind, "BYTE_STREAM_SPLIT")
        else:
            by_leaf[c.path] = "PLAIN"
    return by_leaf


def write(table, path, encoding, **options):
    if encoding == "dictionary":
        pq.write_table(table, path, use_dictionary=True, **options)
    else:
        pq.write_table(table, path, use_dictionary=False, column_encoding=encodings(table, encoding), **options)


def combinations(folder):
    tables = {
        "flat nullable": make_table(FLAT, 400),
        "flat required": make_table(FLAT, 400, nullable=False),
        "flat all null": make_table(FLAT, 50, nulls=1.1),
        "flat few nulls": make_table(FLAT, 3000, nulls=0.001),
        "nested nullable": make_table(NESTED, 300),
        "nested required": make_table(NESTED, 300, nullable=False),
        "empty": make_table({**FLAT, **NESTED}, 0),
    }
    codecs = ["NONE", "SNAPPY", "GZIP", "ZSTD", "LZ4", "BROTLI"]
    sizes = [("small pages", dict(data_page_size=200, write_batch_size=16, row_group_size=170)),
             ("large pages", dict(row_group_size=100000))]
    for tname, table in tables.items():
        wanted = {}
        for (sname, size), codec, version, encoding in itertools.product(
                sizes, codecs, ["1.0", "2.0"], ["dictionary", "plain", "delta", "split"]):
            path = os.path.join(folder, "t.parquet")
            write(table, path, encoding, compression=codec, data_page_version=version,
                  write_page_checksum=rnd.random() < 0.7, dictionary_pagesize_limit=rnd.choice([300, 1 << 20]), **size)
            group = size["row_group_size"]
            name = f"{tname}, {sname}, {codec}, V{version[0]}, {encoding}"
            if "all" not in wanted:
                wanted["all"] = expected(table, group)
            check_lines(name, path, wanted["all"], rnd.choice([1, 3, 100, 5000]))
            if codec in ("NONE", "ZSTD") and encoding in ("dictionary", "delta"):
                step = rnd.choice([1, 2, 5, 23])
                key = (group, step)
                if key not in wanted:
                    wanted[key] = expected(table, group, step)
                check_lines(f"{name}, every {step}th row", path, wanted[key], "rows", step)


def special_types(folder):
    global INT96, DECIMAL_INT
    path = os.path.join(folder, "t.parquet")
    table = make_table({"ts": pa.timestamp("us"), "n": pa.list_(pa.timestamp("us"))}, 200)
    INT96 = True
    for dictionary in (True, False):
        pq.write_table(table, path, use_deprecated_int96_timestamps=True, use_dictionary=dictionary)
        check_lines(f"INT96, dictionary {dictionary}", path, expected(table, 10 ** 6))
    INT96 = False
    DECIMAL_INT = True
    table = make_table({"d9": pa.decimal128(9, 2), "d18": pa.decimal128(18, 4), "d38": pa.decimal128(38, 3)}, 200)
    pq.write_table(table, path, store_decimal_as_integer=True)
    check_lines("decimals as integers", path, expected(table, 10 ** 6))
    DECIMAL_INT = False
    try:
        table = make_table({"h": pa.float16()}, 100)
        pq.write_table(table, path, use_dictionary=False, column_encoding={"h": "BYTE_STREAM_SPLIT"})
        check_lines("FLOAT16, split", path, expected(table, 10 ** 6))
    except pa.ArrowNotImplementedError:
        print("# this pyarrow has no FLOAT16")
    table = make_table(NESTED, 50)
    pq.write_table(table, path, use_compliant_nested_type=False)
    check_lines("lists named item", path, expected(table, 10 ** 6))
    table = make_table({"s": pa.string()}, 100000)
    pq.write_table(table, path, data_page_size=1 << 14)
    check_lines("many rows", path, expected(table, 10 ** 6))
    table = pa.table({"s": ["x" * 3000000, "y", "z" * 2000000]})
    for encoding in ("plain", "delta", "split", "dictionary"):
        write(table, path, encoding, compression="NONE")
        check_lines(f"values of megabytes, {encoding}", path, expected(table.cast(table.schema), 10 ** 6))
    table = pa.table({f"c{i}": [i, None] for i in range(5000)})
    pq.write_table(table, path)
    check_lines("5000 columns", path, expected(table, 10 ** 6))


# ---- other writers, read back by pyarrow ----

def other_writers(folder):
    path = os.path.join(folder, "t.parquet")
    try:
        import duckdb
    except ImportError:
        print("# duckdb is not installed")
        return
    for version, codec in itertools.product(("V1", "V2"), ("uncompressed", "snappy", "gzip", "zstd", "lz4_raw", "brotli")):
        con = duckdb.connect()
        con.execute(f"""COPY (SELECT i, i * 1.5::DOUBLE AS f, 'name-' || (i % 50) AS s, 'u' || i || repeat('q', i % 90) AS u,
            CASE WHEN i % 3 = 0 THEN NULL ELSE i % 2 = 0 END AS b, [i, NULL, i + 1] AS l,
            {{'a': i, 'b': CASE WHEN i % 5 > 0 THEN 'x' END}} AS st, MAP {{'k' || i: 'v'}} AS m,
            i::TINYINT AS t FROM (SELECT (range % 120)::INT AS i FROM range(5000)))
            TO '{path}' (FORMAT parquet, PARQUET_VERSION {version}, COMPRESSION {codec}, ROW_GROUP_SIZE 2048)""")
        table = pq.read_table(path)
        check_lines(f"duckdb {version} {codec}", path, expected(table, 10 ** 6))


# ---- damage ----

def check_error(name, path, code, *words):
    status, lines, stderr = dump(path)
    last = lines[-1] if lines else ""
    ok = status == 1 and last.startswith(f"error|{code}|") and all(w in last for w in words)
    result(ok, name, f"status {status}: {last}\n{stderr}")


def damage(folder):
    path, hurt = os.path.join(folder, "t.parquet"), os.path.join(folder, "hurt.parquet")
    table = pa.table({"a": list(range(1000)), "s": [f"text {i}" for i in range(1000)]})
    pq.write_table(table, path, compression="NONE", use_dictionary=False, write_page_checksum=True)
    whole = open(path, "rb").read()

    def hurt_with(data):
        with open(hurt, "wb") as f:
            f.write(data)

    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for name, data, words in [
        ("an empty file", b"", ["not a Parquet file", "0 bytes"]),
        ("four bytes", b"PAR1", ["not a Parquet file", "4 bytes"]),
        ("only magic", b"PAR1PAR1\0\0\0\0PAR1", ["footer"]),
        ("a cut file", whole[:-100], ["cut off"]),
        ("half a file", whole[:len(whole) // 2], ["cut off"]),
        ("another file", b"{" * 4000, ["does not begin with PAR1"]),
        ("a footer of nonsense", whole[:footer] + b"\x3c" * (len(whole) - 8 - footer) + whole[-8:], ["footer"]),
        ("a footer longer than the file", whole[:-8] + b"\xff\xff\xff\x7fPAR1", ["footer claims"]),
    ]:
        hurt_with(data)
        check_error(name, hurt, "corrupt", hurt, *words)
    at = whole.index(b"text 500")
    hurt_with(whole[:at] + b"TEXT" + whole[at + 4:])
    check_error("a changed byte in a page", hurt, "corrupt", "CRC-32", "column s", "page 1")
    crashes = []
    for i in range(400):
        data = bytearray(whole)
        for _ in range(rnd.choice([1, 2, 20])):
            data[rnd.randrange(len(data))] = rnd.randrange(256)
        hurt_with(bytes(data))
        status = subprocess.run([DUMP, hurt], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60).returncode
        if status not in (0, 1):
            crashes.append((i, status))
    result(not crashes, "400 files with random damage", str(crashes))


def encryption(folder):
    path = os.path.join(folder, "t.parquet")
    try:
        import base64
        import pyarrow.parquet.encryption as pe
    except ImportError:
        print("# this pyarrow has no encryption")
        return

    class Keys(pe.KmsClient):
        def __init__(self, config):
            pe.KmsClient.__init__(self)

        def wrap_key(self, key, master):
            return base64.b64encode(key)

        def unwrap_key(self, key, master):
            return base64.b64decode(key)

    factory = pe.CryptoFactory(Keys)
    table = pa.table({"a": [1, 2], "b": ["x", "y"]})
    for plaintext in (False, True):
        config = pe.EncryptionConfiguration(footer_key="f", column_keys={"k": ["a"]}, plaintext_footer=plaintext)
        properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), config)
        with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
            writer.write_table(table)
        check_error(f"encrypted, footer {'plain' if plaintext else 'too'}", path, "unsupported", "encrypted")


with tempfile.TemporaryDirectory() as folder:
    special_types(folder)
    other_writers(folder)
    damage(folder)
    encryption(folder)
    combinations(folder)
print(f"1..{count}")
sys.exit(1 if failed else 0)
