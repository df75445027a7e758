#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the tree is what docs/architecture.md says it is.

    tools/layers.py [--tap] [ROOT]

A folder of src/ includes only itself and folders above it in ORDER; only the folder that owns a library includes
its headers; engines do not know each other, nor do the programs; files have at most 700 lines. Functions of more
than 80 lines are pointed out, but do not fail.
"""
import os
import re
import sys

ORDER = ["base", "io", "parquet", "sql", "engine", "migration/files", "ledger", "operate", "safety/dependency",
         "safety/risk", "safety/staging", "safety/baseline", "safety/execution", "safety/verification",
         "migration/job", "delta/log", "delta/catalog", "delta/job", "cli", "bin"]
# Folders whose own folders are strangers to each other; what lies beside those folders is for all of them.
APART = ["engine", "bin"]
# Wrappers and the registry know every driver.
KNOWS_ALL = ["engine/wrap"]
# A library's header, and the one folder that may include it.
OWNERS = {"libpq-fe.h": "engine/postgres", "sqlite3.h": "engine/sqlite", "mysql.h": "engine/mariadb",
          "errmsg.h": "engine/mariadb", "mysqld_error.h": "engine/mariadb", "simdjson.h": "base", "xxhash.h": "base",
          "pg_query.h": "sql", "curl/curl.h": "io", "snappy-c.h": "parquet",
          "openssl/ssl.h": "engine/neo4j"}
MAX_LINES, MAX_FUNCTION = 700, 80
SUFFIXES = (".c", ".h", ".cc")


def layer_of(folder):
    """The entry of ORDER that a folder belongs to: the longest that it begins with; None when there is none."""
    matches = [layer for layer in ORDER if folder == layer or folder.startswith(layer + "/")]
    return max(matches, key=len) if matches else None


def sources(top):
    for folder, folders, files in sorted(os.walk(top)):
        folders.sort()
        for name in sorted(files):
            if name.endswith(SUFFIXES):
                yield os.path.relpath(os.path.join(folder, name), top).replace(os.sep, "/")


def apart(folder, other):
    """Whether the two folders are different folders of one that keeps its folders apart."""
    for top in APART:
        if folder in KNOWS_ALL or not (folder.startswith(top + "/") and other.startswith(top + "/")):
            continue
        if folder.split("/")[1] != other.split("/")[1]:
            return top
    return None


def check_include(root, path, name, bracket):
    """What is wrong with one include; None when nothing is."""
    folder = os.path.dirname(path)
    owner = OWNERS.get(name) or OWNERS.get(os.path.basename(name) if bracket == "<" else "")
    if owner and not (folder == owner or folder.startswith(owner + "/")):
        return f"{name} is for {owner} alone"
    if bracket == "<":
        return None
    here = os.path.normpath(os.path.join(folder, name)).replace(os.sep, "/")
    if ".." in name.split("/"):
        return f"{name}: includes are written from src/"
    target = here if os.path.exists(os.path.join(root, "src", here)) else name
    if not os.path.exists(os.path.join(root, "src", target)):
        return None  # made while building
    other = os.path.dirname(target)
    mine, theirs = layer_of(folder), layer_of(other)
    if theirs is None:
        return f"{other} is in no layer"
    if ORDER.index(theirs) > ORDER.index(mine):
        return f"{folder} includes {target}, which stands below it"
    top = apart(folder, other)
    return f"{folder} includes {target}: the folders of {top} do not know each other" if top else None


def functions(lines):
    """(first line, number of lines) of everything between a { and a } in the first column."""
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start:
            if line.rstrip() == "}":
                yield start, number - start + 1
            start = None


def check_file(root, path):
    """(problems, remarks) of one file."""
    problems, remarks = [], []
    with open(os.path.join(root, "src", path), encoding="utf-8") as file:
        lines = file.read().splitlines()
    if layer_of(os.path.dirname(path)) is None:
        return [f"src/{path}: its folder is in no layer"], remarks
    if not lines or "SPDX-License-Identifier: Apache-2.0" not in lines[0]:
        problems.append(f"src/{path}:1: the first line is not the licence identifier")
    if len(lines) > MAX_LINES:
        problems.append(f"src/{path}: {len(lines)} lines, at most {MAX_LINES} are allowed; part it in two")
    for number, line in enumerate(lines, 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        fault = match and check_include(root, path, match.group(2), match.group(1))
        if fault:
            problems.append(f"src/{path}:{number}: {fault}")
    for start, length in functions(lines):
        if length > MAX_FUNCTION:
            remarks.append(f"src/{path}:{start}: a function of {length} lines")
    return problems, remarks


def check_order(root):
    """src/meson.build names the folders in the same order."""
    path = os.path.join(root, "src", "meson.build")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        named = re.findall(r"^subdir\('([^']+)'\)", file.read(), re.M)
    places = [next((place for place, layer in enumerate(ORDER) if (layer + "/").startswith(name + "/")), None)
              for name in named]
    if None in places:
        return [f"src/meson.build: {named[places.index(None)]} is in no layer"]
    if places != sorted(places):
        return [f"src/meson.build: folders are not named in the order {' '.join(ORDER)}"]
    return []


def main(arguments):
    tap = "--tap" in arguments
    rest = [a for a in arguments if a != "--tap"]
    root = rest[0] if rest else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    problems, remarks, count = check_order(root), [], 0
    for path in sources(os.path.join(root, "src")):
        found, noted = check_file(root, path)
        problems += found
        remarks += noted
        count += 1
    if tap:
        print(f"{'not ' if problems else ''}ok 1 - {count} files keep to the order of the folders")
        print("\n".join("# " + text for text in problems + remarks))
        print("1..1")
    else:
        for text in problems:
            print(text)
        for text in remarks:
            print("note: " + text)
        print(f"{count} files, {len(problems)} problems, {len(remarks)} remarks")
    return 1 if problems or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
