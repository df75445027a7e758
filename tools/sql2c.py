#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns a file of named SQL or Cypher statements into C strings.

    sql2c.py INPUT.sql OUTPUT.h

A line "-- name: NAME" (Cypher: "// name: NAME") begins a section; it becomes `static const char SQL_NAME[] = "...";`.
Comment lines and blank lines at a section's edges are left out; everything else is kept as it stands.
"""
import os
import re
import sys


def fail(source, number, text):
    sys.exit(f"{source}:{number}: {text}")


def sections(source, text):
    """(line, name, lines) of each section; comments are gone."""
    name, lines, begin, seen = None, [], 0, set()
    for number, line in enumerate(text.splitlines(), 1):
        match = re.fullmatch(r"(?:--|//)\s*name:\s*(.*?)\s*", line)
        if match:
            if name:
                yield begin, name, lines
            name, lines, begin = match.group(1), [], number
            if not re.fullmatch(r"[A-Za-z_]\w*", name):
                fail(source, number, f'"{name}" is no name for a C variable')
            if name in seen:
                fail(source, number, f"{name} is there twice")
            seen.add(name)
        elif line.startswith("//" if source.endswith(".cypher") else "--"):
            continue
        elif name:
            lines.append(line.rstrip())
        elif line.strip():
            fail(source, number, "SQL before the first `-- name: NAME`")
    if name:
        yield begin, name, lines


def c_string(line):
    # ?? would begin a trigraph in a strict compiler.
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"').replace("??", '?""?') + '\\n"'


def main(source, target):
    with open(source, encoding="utf-8") as file:
        text = file.read()
    if "\0" in text:
        fail(source, 1, "holds a NUL")
    out = [f"/* Made by tools/sql2c.py from {os.path.basename(source)}; do not edit. */",
           '#pragma GCC diagnostic ignored "-Woverlength-strings"']
    for number, name, lines in sections(source, text):
        while lines and not lines[0]:
            lines.pop(0)
        while lines and not lines[-1]:
            lines.pop()
        if not lines:
            fail(source, number, f"{name} is empty")
        body = "\n    ".join(c_string(line) for line in lines)
        out.append(f"static const char SQL_{name}[] __attribute__((unused)) =\n    {body};")
    with open(target, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
