#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Parquet files made byte by byte, with what the format or old writers allow and today's writers do not write.

    handmade.py DUMP_PROGRAM
"""
import gzip
import os
import struct
import subprocess
import sys
import tempfile
import zlib

DUMP = sys.argv[1]
count = failed = 0
I32, I64, BINARY, LIST, STRUCT, TRUE, FALSE = 5, 6, 8, 9, 12, 1, 2
DATA, INDEX, DICTIONARY, DATA_V2 = range(4)
PLAIN, PLAIN_DICTIONARY, RLE, BIT_PACKED = 0, 2, 3, 4
RLE_DICTIONARY = 8
REQUIRED, OPTIONAL, REPEATED = range(3)
BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY, FIXED = range(8)


def varint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def zigzag(n):
    return varint(n << 1 if n >= 0 else (-n << 1) - 1)


def thrift(*fields):
    """A struct of (id, type, value)."""
    out, last = b"", 0
    for number, kind, v in sorted(fields):
        out += bytes([(number - last) << 4 | kind]) if 0 < number - last < 16 else bytes([kind]) + zigzag(number)
        last = number
        if kind in (I32, I64):
            out += zigzag(v)
        elif kind == BINARY:
            v = v.encode() if isinstance(v, str) else v
            out += varint(len(v)) + v
        elif kind == LIST:
            element, items = v
            out += bytes([len(items) << 4 | element]) if len(items) < 15 else bytes([0xf0 | element]) + varint(len(items))
            out += b"".join(items)
        elif kind == STRUCT:
            out += v
    return out + b"\0"


def element(name, repetition=None, kind=None, children=None, converted=None, length=None):
    fields = [(4, BINARY, name)]
    for number, v in ((1, kind), (2, length), (3, repetition), (5, children), (6, converted)):
        if v is not None:
            fields.append((number, I32, v))
    return thrift(*fields)


def page(kind, body, n, encoding=PLAIN, compress=None, crc=None, def_encoding=RLE, rep_encoding=RLE, v2=None, plain_len=None):
    packed = compress(body) if compress else body
    fields = [(1, I32, kind), (2, I32, len(body) if plain_len is None else plain_len), (3, I32, len(packed))]
    if crc is not None:
        fields.append((4, I32, crc))
    if kind == DATA:
        fields.append((5, STRUCT, thrift((1, I32, n), (2, I32, encoding), (3, I32, def_encoding), (4, I32, rep_encoding))))
    elif kind == DICTIONARY:
        fields.append((7, STRUCT, thrift((1, I32, n), (2, I32, encoding))))
    elif kind == DATA_V2:
        fields.append((8, STRUCT, thrift((1, I32, n), (2, I32, 0), (3, I32, n), (4, I32, encoding), (5, I32, v2[0]),
                                         (6, I32, v2[1]), *v2[2:])))
    return thrift(*fields) + packed


def parquet(schema, columns, rows, codec=0, **more):
    """columns: (type, pages, number of values, metadata overrides)."""
    data, chunks = b"PAR1", []
    for kind, pages, n, override in columns:
        at, body = len(data), b"".join(pages)
        data += body
        meta = {1: (I32, kind), 2: (LIST, (I32, [zigzag(0)])), 3: (LIST, (BINARY, [varint(1) + b"x"])), 4: (I32, codec),
                5: (I64, n), 6: (I64, len(body)), 7: (I64, len(body)), 9: (I64, at)}
        meta.update({k: (t, v(at, len(body)) if callable(v) else v) for k, (t, v) in override.items()})
        chunks.append(thrift((2, I64, at), (3, STRUCT, thrift(*((k, t, v) for k, (t, v) in meta.items()))),
                             *more.get("chunk", ())))
    groups = [thrift((1, LIST, (STRUCT, chunks)), (2, I64, 1), (3, I64, rows))] if columns else []
    footer = thrift((1, I32, 1), (2, LIST, (STRUCT, schema)), (3, I64, rows), (4, LIST, (STRUCT, groups)),
                    (6, BINARY, more.get("created_by", "by hand")))
    return data + footer + struct.pack("<I", len(footer)) + b"PAR1"


def levels(runs, width=1):
    """RLE levels with their length before them: (count, value) …"""
    body = b"".join(varint(n << 1) + v.to_bytes((width + 7) // 8, "little") for n, v in runs)
    return struct.pack("<I", len(body)) + body


def strings(*values):
    return b"".join(struct.pack("<I", len(v)) + v for v in values)


def int32s(*values):
    return struct.pack(f"<{len(values)}i", *values)


def run(data, *args):
    with tempfile.NamedTemporaryFile(suffix=".parquet") as f:
        f.write(data)
        f.flush()
        p = subprocess.run([DUMP, f.name, *args], capture_output=True, text=True, timeout=60)
    return p.returncode, p.stdout.rstrip("\n").split("\n"), p.stderr


def check(name, data, *want, args=()):
    global count, failed
    count += 1
    status, lines, stderr = run(data, *args)
    ok = status == 0 and lines == list(want) and not stderr
    print(f"{'ok' if ok else 'not ok'} {count} - {name}")
    if not ok:
        failed += 1
        print(f"# status {status}\n# got  {lines}\n# want {list(want)}\n# {stderr[-300:]}")


def check_error(name, data, code, *words):
    global count, failed
    count += 1
    status, lines, stderr = run(data)
    ok = status == 1 and lines[-1].startswith(f"error|{code}|") and all(w in lines[-1] for w in words) and not stderr
    print(f"{'ok' if ok else 'not ok'} {count} - {name}")
    if not ok:
        failed += 1
        print(f"# status {status}: {lines[-1]}\n# want {code} {words}\n# {stderr[-300:]}")


ONE = [element("root", children=1), element("x", REQUIRED, INT32)]
OPT = [element("root", children=1), element("x", OPTIONAL, INT32)]
PLAIN_PAGE = page(DATA, int32s(1, 2, 3), 3)
XYZ = "x|0|0|0:0:1 0:0:2 0:0:3"


def pages():
    check("one page", parquet(ONE, [(INT32, [PLAIN_PAGE], 3, {})], 3), XYZ)
    check("an index page, an unknown page and an empty page between others", parquet(ONE, [(INT32, [
        page(INDEX, b"12345", 0), page(DATA, int32s(1), 1), page(9, b"??", 0), page(DATA, b"", 0),
        page(DATA, int32s(2, 3), 2)], 3, {})], 3), XYZ)
    crc = zlib.crc32(int32s(1, 2, 3))
    signed = crc - (1 << 32) if crc >> 31 else crc
    check("a right checksum", parquet(ONE, [(INT32, [page(DATA, int32s(1, 2, 3), 3, crc=signed)], 3, {})], 3), XYZ)
    check_error("a wrong checksum", parquet(ONE, [(INT32, [page(DATA, int32s(1, 2, 3), 3, crc=1)], 3, {})], 3), "corrupt",
                "CRC-32", f"{crc:08x}", "00000001", "column x, row group 0, page 1")
    packed = page(DATA, bytes([0b10110000]) + int32s(5, 6, 7), 4, def_encoding=BIT_PACKED)
    check("BIT_PACKED levels", parquet(OPT, [(INT32, [packed], 4, {})], 4), "x|1|0|0:1:5 0:0: 0:1:6 0:1:7")
    v2 = page(DATA_V2, varint(2 << 1) + b"\1" + int32s(8, 9), 2, v2=(2, 0, (7, FALSE, None)))
    check("V2, not compressed by its flag", parquet(OPT, [(INT32, [v2], 2, {})], 2, codec=2), "x|1|0|0:1:8 0:1:9")
    v2 = page(DATA_V2, varint(2 << 1) + b"\0", 2, v2=(2, 0))
    check("V2, all null, nothing to decompress", parquet(OPT, [(INT32, [v2], 2, {})], 2, codec=1), "x|1|0|0:0: 0:0:")
    check_error("V2, levels longer than the page", parquet(OPT, [(INT32, [page(DATA_V2, b"\4\0", 2, v2=(9, 0))], 2, {})], 2),
                "corrupt", "levels are longer")
    both = lambda body: gzip.compress(body[:5]) + gzip.compress(body[5:])
    check("gzip of two members", parquet(ONE, [(INT32, [page(DATA, int32s(1, 2, 3), 3, compress=both)], 3, {})], 3, codec=2), XYZ)
    literal = lambda body: bytes([len(body) << 4]) + body  # an LZ4 block of literals only
    hadoop = lambda body: struct.pack(">II", len(body), len(body) + 1) + literal(body)
    check("Hadoop's LZ4", parquet(ONE, [(INT32, [page(DATA, int32s(1, 2, 3), 3, compress=hadoop)], 3, {})], 3, codec=5), XYZ)
    check("LZ4 without framing", parquet(ONE, [(INT32, [page(DATA, int32s(1, 2, 3), 3, compress=literal)], 3, {})], 3, codec=5), XYZ)
    check_error("LZO", parquet(ONE, [(INT32, [PLAIN_PAGE], 3, {})], 3, codec=3), "unsupported", "LZO")
    check_error("more decompressed than can be", parquet(ONE, [(INT32, [page(DATA, int32s(1, 2, 3), 3, plain_len=2 ** 31 - 1)], 3, {})],
                3, codec=1), "corrupt", "claims")


def dictionaries():
    words = page(DICTIONARY, strings(b"a", b"bc"), 2, PLAIN_DICTIONARY)
    indices = page(DATA, b"\1" + varint(3 << 1) + b"\1", 3, PLAIN_DICTIONARY)
    schema = [element("root", children=1), element("x", REQUIRED, BYTE_ARRAY)]
    want = "x|0|0|0:0:6263 0:0:6263 0:0:6263"
    check("old parquet-mr: data_page_offset at the dictionary", parquet(schema, [(BYTE_ARRAY, [words, indices], 3, {})], 3), want)
    offsets = {9: (I64, lambda at, n: at + len(words)), 11: (I64, lambda at, n: at)}
    check("dictionary_page_offset", parquet(schema, [(BYTE_ARRAY, [words, indices], 3, offsets)], 3), want)
    check("dictionary_page_offset 0 is none", parquet(schema, [(BYTE_ARRAY, [words, indices], 3, {11: (I64, 0)})], 3), want)
    short = {7: (I64, lambda at, n: n - 12)}
    check("early parquet-mr: a chunk's size without the dictionary's header",
          parquet(schema, [(BYTE_ARRAY, [words, indices], 3, short)], 3), want)
    missing = {7: (I64, lambda at, n: n - len(indices))}
    check_error("fewer pages than values", parquet(schema, [(BYTE_ARRAY, [words, indices], 3, missing)], 3), "corrupt", "fewer pages")
    check_error("an index beyond the dictionary", parquet(schema, [(BYTE_ARRAY, [words, page(
        DATA, b"\2" + varint(3 << 1) + b"\2", 3, RLE_DICTIONARY)], 3, {})], 3), "corrupt", "RLE_DICTIONARY")
    check_error("no dictionary", parquet(schema, [(BYTE_ARRAY, [indices], 3, {})], 3), "corrupt", "dictionary")
    check_error("a dictionary of more than its bytes", parquet(schema, [(BYTE_ARRAY, [page(
        DICTIONARY, b"", 10 ** 9, PLAIN), indices], 3, {})], 3), "corrupt", "dictionary claims")
    check("all null, no dictionary, no index width", parquet([schema[0], element("x", OPTIONAL, BYTE_ARRAY)], [(
        BYTE_ARRAY, [page(DATA, levels([(2, 0)]), 2, RLE_DICTIONARY)], 2, {})], 2), "x|1|0|0:0: 0:0:")


def nesting():
    old_list = [element("root", children=1), element("l", OPTIONAL, children=1, converted=3), element("array", REPEATED, INT32)]
    body = levels([(1, 0), (1, 1), (2, 0)]) + levels([(2, 2), (1, 0), (1, 1)], 2) + int32s(1, 2)
    check("a list of two levels", parquet(old_list, [(INT32, [page(DATA, body, 4)], 4, {})], 3), "l.array|2|1|0:2:1 1:2:2 0:0: 0:1:")
    first = levels([(1, 0)]) + levels([(1, 2)], 2) + int32s(1)
    second = levels([(2, 1), (1, 0)]) + levels([(3, 2)], 2) + int32s(2, 3, 4)
    split = parquet(old_list, [(INT32, [page(DATA, first, 1), page(DATA, second, 3)], 4, {})], 2)
    check("a row over two pages", split, "l.array|2|1|0:2:1 1:2:2 1:2:3 0:2:4")
    check("a row over two pages, by cursor", split, "l.array|2|1|0:2:1 1:2:2 1:2:3 0:2:4", args=("rows", "1"))
    bare = [element("root", children=1), element("r", REPEATED, INT32)]
    check("a bare repeated field", parquet(bare, [(INT32, [page(DATA, levels([(1, 0), (1, 1)]) + levels([(2, 1)]) + int32s(1, 2), 2)],
          2, {})], 1), "r|1|1|0:1:1 1:1:2")
    check("no row groups", parquet(ONE, [], 0), "x|0|0|")
    check("no values", parquet(ONE, [(INT32, [], 0, {9: (I64, 0)})], 0), "x|0|0|")
    deep = [element("root", children=1)] + [element("g", OPTIONAL, children=1) for _ in range(120)] + [element("x", OPTIONAL, INT32)]
    check_error("too deep", parquet(deep, [], 0), "corrupt", "nested deeper")


def hostile():
    check_error("other rows than values", parquet(ONE, [(INT32, [PLAIN_PAGE], 3, {})], 4), "corrupt", "3 values", "4 rows")
    check_error("a page of more values than the column", parquet(ONE, [(INT32, [page(DATA, int32s(1, 2, 3, 4), 4)], 3, {})], 3),
                "corrupt", "4 values")
    check_error("too few bytes for the values", parquet(ONE, [(INT32, [page(DATA, int32s(1, 2), 3)], 3, {})], 3), "corrupt", "too few")
    check_error("an offset outside of the file", parquet(ONE, [(INT32, [PLAIN_PAGE], 3, {9: (I64, 10 ** 12)})], 3), "corrupt", "outside")
    check_error("an offset below zero", parquet(ONE, [(INT32, [PLAIN_PAGE], 3, {9: (I64, -5)})], 3), "corrupt")
    check_error("another type than the schema's", parquet(ONE, [(INT64, [PLAIN_PAGE], 3, {})], 3), "corrupt", "metadata")
    check_error("a page beyond the chunk", parquet(ONE, [(INT32, [page(DATA, int32s(*range(100)), 100), b"\0" * 500], 100, {
        7: (I64, 50)})], 100), "corrupt", "beyond the column's end")
    check_error("a level above the highest", parquet([ONE[0], element("x", OPTIONAL, INT32, None)], [(INT32, [page(
        DATA_V2, varint(1 << 1 | 1) + b"\xff" + int32s(1), 1, v2=(2, 0), encoding=7)], 1, {})], 1), "unsupported", "DELTA_BYTE_ARRAY")
    three = [element("root", children=1), element("g", OPTIONAL, children=1), element("x", OPTIONAL, INT32)]
    check_error("level 3 of 2", parquet(three, [(INT32, [page(DATA, levels([(1, 3)], 2) + int32s(1), 1)], 1, {})], 1), "corrupt", "level 3")
    check_error("levels too few", parquet(OPT, [(INT32, [page(DATA, levels([(1, 1)]) + int32s(1, 1), 2)], 2, {})], 2), "corrupt", "levels")
    check_error("encrypted column", parquet(ONE, [(INT32, [PLAIN_PAGE], 3, {})], 3, chunk=[(8, STRUCT, thrift())]), "unsupported",
                "encrypted")
    check_error("a column in another file", parquet(ONE, [(INT32, [PLAIN_PAGE], 3, {})], 3, chunk=[(1, BINARY, "other.parquet")]),
                "unsupported", "other.parquet")
    check_error("a schema of too few elements", parquet([element("root", children=5), ONE[1]], [], 0), "corrupt", "schema")
    check_error("a schema of too many", parquet(ONE + [ONE[1]], [(INT32, [PLAIN_PAGE], 3, {})], 3), "corrupt", "schema")
    check_error("an unknown type", parquet([ONE[0], element("x", REQUIRED, 77)], [(INT32, [PLAIN_PAGE], 3, {})], 3), "corrupt", "type 77")
    lengths = varint(128) + varint(4) + varint(2 ** 31 - 1) + zigzag(0)
    nothing = lengths + zigzag(0) + bytes(4)
    check_error("a string said two thousand million times", parquet([ONE[0], element("x", REQUIRED, BYTE_ARRAY)], [(BYTE_ARRAY, [page(
        DATA, varint(128) + varint(4) + varint(3) + zigzag(0) + zigzag(0) + bytes(4) + nothing, 3, 7)], 3, {})], 3), "corrupt",
        "DELTA_BYTE_ARRAY")


pages()
dictionaries()
nesting()
hostile()
print(f"1..{count}")
sys.exit(1 if failed else 0)
