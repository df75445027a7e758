#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shared library shows what include/dataflow declares, all of it and nothing else."""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = os.path.join(ROOT, "include", "dataflow")


def declared():
    names = set()
    for header in os.listdir(INCLUDE):
        with open(os.path.join(INCLUDE, header), encoding="utf-8") as file:
            names |= set(re.findall(r"DF_API\s+(?:DF_MUST_USE\s+)?[\w\s\*]*?\b(df_\w+)\(", file.read()))
    return names


def main():
    output = subprocess.run(["nm", "-D", "--defined-only", sys.argv[1]], capture_output=True, text=True, check=True)
    shown = {line.split()[-1].split("@")[0] for line in output.stdout.splitlines()}
    wanted = declared()
    for number, (name, left) in enumerate((("every declared function is there", wanted - shown),
                                           ("and nothing else", shown - wanted)), 1):
        print(f"{'not ' if left else ''}ok {number} - {name}")
        for symbol in sorted(left):
            print(f"# {symbol}")
    print("1..2")
    return 0


if __name__ == "__main__":
    sys.exit(main())
