#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Values that the Python driver has packed are read and written again: the bytes must be the same. peer.py PACKSTREAM"""
import random
import struct
import subprocess
import sys
import tempfile

import wire


def values(rng, depth=0):
    def number(r):
        return r.choice([0, 1, -1, 1 << r.randrange(63), -(1 << r.randrange(64)), r.randrange(-200, 200),
                         (1 << r.randrange(63)) - 1])

    kinds = [lambda r: None, lambda r: True, lambda r: False, number,
             lambda r: struct.unpack(">d", r.randbytes(8))[0], lambda r: r.uniform(-1e6, 1e6),
             lambda r: bytearray(r.randbytes(r.choice([0, 1, 15, 16, 255, 256, 70000]))),
             lambda r: "".join(chr(r.choice([65, 0xE4, 0x20AC, 0x1F600])) for _ in range(r.choice([0, 5, 15, 16, 255, 256])))]
    if depth < 4:
        kinds += [lambda r: [values(r, depth + 1) for _ in range(r.choice([0, 1, 3, 15, 16, 20]))],
                  lambda r: {f"k{i}": values(r, depth + 1) for i in range(r.choice([0, 1, 15, 16]))}]
    return rng.choice(kinds)(rng)


def driver_packer():
    try:
        from neo4j._codec.packstream.v1 import PackableBuffer, Packer
    except ImportError:
        return None

    def pack(value):
        buffer = PackableBuffer()
        Packer(buffer).pack(value)
        return bytes(buffer.data)
    return pack


def main():
    rng = random.Random(20261128)
    samples = [values(rng) for _ in range(400)] + [list(range(70000)), {str(i): i for i in range(66000)}, "x" * 100000]
    ours = [wire.pack(v) for v in samples]
    tests, failed = 0, 0

    def check(ok, what):
        nonlocal tests, failed
        tests += 1
        failed += not ok
        print(f"{'' if ok else 'not '}ok {tests} - {what}")

    def rewritten(packed):
        with tempfile.NamedTemporaryFile() as f:
            f.write(b"".join(packed))
            f.flush()
            return subprocess.run([sys.argv[1], f.name], stdout=subprocess.PIPE).stdout

    check(rewritten(ours) == b"".join(ours), "values packed by the tests' own packer come back as the same bytes")
    pack = driver_packer()
    if pack is None:
        tests += 1
        print(f"ok {tests} # SKIP the Python driver of Neo4j is not installed")
    else:
        theirs = [pack(v) for v in samples]
        check(rewritten(theirs) == b"".join(theirs), "values packed by the Python driver come back as the same bytes")
        check(theirs == ours, "and both packers agree")
    print(f"1..{tests}")
    sys.exit(bool(failed))


main()
