#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keeps the committed reference page of a program equal to the program's own table of commands.

    tools/reference.py PROGRAM PAGE.md             writes the page
    tools/reference.py --check PROGRAM PAGE.md     compares, prints TAP, and shows the difference
"""
import difflib
import os
import subprocess
import sys


def main(arguments):
    check = arguments[:1] == ["--check"]
    if len(arguments) - check != 2:
        sys.exit(__doc__)
    program, page = arguments[check:]
    made = subprocess.run([program, "help", "--format", "markdown"], stdout=subprocess.PIPE, check=True).stdout
    made = made.decode("utf-8")
    if not check:
        os.makedirs(os.path.dirname(page) or ".", exist_ok=True)
        with open(page, "w", encoding="utf-8") as file:
            file.write(made)
        return 0
    kept = ""
    if os.path.exists(page):
        with open(page, encoding="utf-8") as file:
            kept = file.read()
    same = kept == made
    name = os.path.basename(page)
    print(f"{'' if same else 'not '}ok 1 - {name} is what the program says of itself")
    if not same:
        print(f"# make it again: tools/reference.py {program} {page}")
        for line in difflib.unified_diff(kept.splitlines(), made.splitlines(), "committed", "the program's", lineterm=""):
            print("# " + line)
    print("1..1")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
