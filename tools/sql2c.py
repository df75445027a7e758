#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns a file of named SQL statements into C strings.

    sql2c.py INPUT.sql OUTPUT.h

A line "-- name: NAME" begins a section; it becomes `static const char SQL_NAME[] = "...";`.
Comment lines and blank lines at a section's edges are left out; everything else is kept as it stands.
"""
import re
import sys


def sections(text):
    name, lines = None, []
    for line in text.splitlines():
        match = re.fullmatch(r"--\s*name:\s*(\w+)\s*", line)
        if match:
            if name:
                yield name, lines
            name, lines = match.group(1), []
        elif name and not line.startswith("--"):
            lines.append(line.rstrip())
    if name:
        yield name, lines


def c_string(line):
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"'


def main(source, target):
    with open(source, encoding="utf-8") as file:
        found = list(sections(file.read()))
    out = ["/* Made by tools/sql2c.py; do not edit. */"]
    for name, lines in found:
        while lines and not lines[0]:
            lines.pop(0)
        while lines and not lines[-1]:
            lines.pop()
        body = "\n    ".join(c_string(line) for line in lines) or '""'
        out.append(f"static const char SQL_{name}[] __attribute__((unused)) =\n    {body};")
    with open(target, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
