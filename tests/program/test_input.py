#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Bad and hostile input: each gets an error that names the file, line or object and says what to do, with the documented
status; nothing is lost, nothing hangs, nothing crashes, and no password is shown.
"""

import json
import os
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import peers

PROTOCOL = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}
FIELD = {"name": "id", "type": "long", "nullable": True, "metadata": {}}


def metadata(fields=None, partition_columns=()):
    schema = json.dumps({"type": "struct", "fields": fields or [FIELD]})
    return {"metaData": {"id": "x", "format": {"provider": "parquet", "options": {}}, "schemaString": schema,
                         "partitionColumns": list(partition_columns), "configuration": {}}}


def add(path, **more):
    return {"add": {"path": path, "partitionValues": {}, "size": 10, "modificationTime": 1, "dataChange": True, **more}}


def make(folder, name, *commits):
    """A table whose commits are lists of actions, or bytes as they are."""
    table = os.path.join(folder, name)
    log = os.path.join(table, "_delta_log")
    os.makedirs(log)
    for version, commit in enumerate(commits):
        if commit is None:
            continue
        with open(os.path.join(log, f"{version:020d}.json"), "wb") as file:
            if isinstance(commit, bytes):
                file.write(commit)
            else:
                file.write(b"".join(json.dumps(a).encode() + b"\n" for a in commit))
    return table


def expect(tap, result, status, parts, name):
    said = result.stdout + result.stderr
    good = result.returncode == status and all(part in said for part in parts)
    tap.ok(good, name, f"status {result.returncode}, wanted {status} and {parts}\n{said[:1500]}")
    return good


def whole_and_valid(tap, program, table, name, files):
    """Imports, counts, validates, and takes it out again."""
    result = program.run("import", table, "--table-id", name)
    if not tap.ok(result.returncode == 0, f"{name}: import", result.stderr):
        return
    tap.equal(program.json("snapshot", name)["num_files"], files, f"{name}: files")
    result = program.run("validate", table, "--table-id", name)
    tap.ok(result.returncode == 0, f"{name}: validate", result.stdout + result.stderr)
    program.run("rollback", name, "--yes")


def check_missing(tap, program, folder):
    os.makedirs(os.path.join(folder, "empty", "_delta_log"))
    for name in ("empty", "nothing"):
        path = os.path.join(folder, name)
        result = program.run("import", path)
        expect(tap, result, 1, [path], f"import of {name}")
    result = program.run("import", os.path.join(folder, "empty"))
    expect(tap, result, 1, ["No checkpoint or JSON files found", "_delta_log"], "an empty log")


def check_damage(tap, program, folder):
    base = [PROTOCOL, metadata(), add("a")]
    garbage = json.dumps(add("b")).encode() + b"\nthis is not JSON\n"
    table = make(folder, "garbage", base, garbage)
    expect(tap, program.run("import", table), 1, ["00000000000000000001.json", "2"], "a garbage line: file and line")
    tap.ok(program.run("snapshot", "garbage").returncode != 0, "nothing of it is visible")
    expect(tap, program.run("check", table), 1, ["bad-commit" if False else "00000000000000000001.json"],
           "check names it, too")
    table = make(folder, "cut", base, json.dumps(add("b")).encode()[:40])
    expect(tap, program.run("import", table), 1, ["00000000000000000001.json"], "a line that is cut short")
    table = make(folder, "gap", base, None, [add("c")])
    expect(tap, program.run("import", table), 1, ["1"], "a missing commit")
    table = make(folder, "deep", base, b'{"add":' + b"[" * 100000 + b"]" * 100000 + b"}\n")
    expect(tap, program.run("import", table), 1, ["00000000000000000001.json"], "deep nesting")
    table = make(folder, "binary", base, bytes(range(256)) * 40)
    expect(tap, program.run("import", table), 1, ["00000000000000000001.json"], "binary noise")
    table = make(folder, "types", base, b'{"add":{"path":7,"size":"x"}}\n')
    expect(tap, program.run("import", table), 1, ["00000000000000000001.json"], "members of the wrong type")
    for content in (b"", b"PAR1", b"PAR1PAR1", b"\0" * 5000, b"PAR1" + os.urandom(3000) + b"PAR1", b"PARE" + b"\0" * 100 + b"PARE"):
        table = make(folder, f"checkpoint-{len(content)}-{content[:4].hex()}", base, [add("b")])
        with open(os.path.join(table, "_delta_log", f"{1:020d}.checkpoint.parquet"), "wb") as file:
            file.write(content)
        whole_and_valid(tap, program, table, os.path.basename(table), 2)
        result = program.run("check", table)
        expect(tap, result, 4, ["bad-checkpoint" if False else "checkpoint.parquet"], "check names the checkpoint")


def check_shapes(tap, program, folder):
    names = ["it's \"quoted\"", "new\nline", "tab\there", "space at the end ", "Case", "case", "ünï/cödé/文件", "per%25cent",
             "a" * 4000, "semi;colon", "back\\slash", "NUL%00byte", "not%FFutf8", "emoji-😀"]
    table = make(folder, "paths", [PROTOCOL, metadata(), *[add(n) for n in names]])
    whole_and_valid(tap, program, table, "paths", len(names))
    wide = [{"name": f"column_{i}", "type": "string", "nullable": True, "metadata": {"comment": "x" * 40}}
            for i in range(2000)]
    stats = json.dumps({"numRecords": 1, "minValues": {f"column_{i}": "a" * 20 for i in range(2000)}})
    table = make(folder, "wide", [PROTOCOL, metadata(wide), add("w", stats=stats)])
    whole_and_valid(tap, program, table, "wide", 1)
    quoted = json.dumps(add("q", tags={"nul": "a\0b", "quote": "'\"\\"}))
    table = make(folder, "nul", [PROTOCOL, metadata(), add("x")], quoted.encode() + b"\n")
    whole_and_valid(tap, program, table, "nul", 2)
    for id_ in ("a'b\"c; DROP TABLE delta_files", "with space ", "ünï", "x" * 200):
        table = make(folder, f"id{len(id_)}{ord(id_[0])}", [PROTOCOL, metadata(), add("x")])
        whole_and_valid(tap, program, table, id_, 1)
    odd = os.fsencode(os.path.join(folder, "odd")) + b"-\xff\xfe"
    shutil.copytree(os.fsencode(os.path.join(folder, "nul")), odd)
    result = subprocess.run([os.fsencode(program.path), b"import", odd, b"--database-url", program.url.encode()],
                            capture_output=True)
    tap.ok(result.returncode == 0, "a folder name that is not UTF-8", result.stderr.decode(errors="replace"))


def check_unknown_features(tap, program, folder):
    new = {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["timeMachine"],
                        "writerFeatures": ["timeMachine"]}}
    table = make(folder, "future", [new, metadata(), add("x")])
    expect(tap, program.run("import", table), 3, ["timeMachine", "--force"], "an unknown reader feature is refused")
    report = program.json("import", table, "--force")
    tap.equal((report["status"], {w["kind"] for w in report["warnings"]}), ("completed", {"unknown-feature"}),
              "--force imports it with a warning")
    tap.ok(program.json("snapshot", "future").get("flag"), "and marks it")
    writer = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": ["brandNew"]}}
    table = make(folder, "writer", [writer, metadata(), add("x")])
    whole_and_valid(tap, program, table, "writer", 1)


def check_discover(tap, program, folder):
    tree = os.path.join(folder, "tree")
    for name in ("a/t", "b/t", "c/deep/er/u"):
        make(tree, name, [PROTOCOL, metadata(), add("x")])
    os.symlink("..", os.path.join(tree, "a", "loop"))
    os.symlink(tree, os.path.join(tree, "c", "self"))
    result = subprocess.run([program.path, "discover", tree, "--recursive", "--json"], capture_output=True, text=True,
                            timeout=60)
    tables = json.loads(result.stdout)["tables"]
    tap.equal(sorted(t["table_id"] for t in tables), ["a/t", "b/t", "u"], "links in circles, and two tables of one name")
    report = program.json("batch-import", tree, "--parallel", "2")
    tap.equal((report["succeeded"], report["failed"]), (3, 0), "both are imported")
    make(tree, "d/broken", b"no JSON\n")
    result = program.run("batch-import", tree, "--json")
    report = json.loads(result.stdout)
    tap.equal((result.returncode != 0, report["succeeded"], report["failed"]), (True, 3, 1),
              "a failing table does not stop the batch, but its status")


def check_database(tap, program, folder):
    table = make(folder, "plain", [PROTOCOL, metadata(), add("x")])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for scheme in ("postgresql", "mysql"):
        url = f"{scheme}://user:s3cret%40word@127.0.0.1:{port}/db"
        result = subprocess.run([program.path, "import", table, "--database-url", url], capture_output=True, text=True)
        expect(tap, result, 5, ["Database connection failed"], f"{scheme}: nobody listens")
        tap.ok("s3cret" not in result.stdout + result.stderr, f"{scheme}: the password is not shown", result.stderr)
    result = subprocess.run([program.path, "import", table, "--database-url", "oracle://u:s3cret@h/x"],
                            capture_output=True, text=True)
    expect(tap, result, 2, ["sqlite"], "an unknown kind of database")
    tap.ok("s3cret" not in result.stdout + result.stderr, "its password is not shown", result.stderr)
    result = subprocess.run([program.path, "migration-status", "--database-url", f"sqlite://{folder}/not/there.db"],
                            capture_output=True, text=True)
    tap.ok(result.returncode in (1, 5) and "there.db" in result.stderr, "a SQLite file in a missing folder", result.stderr)
    tap.ok(not os.path.exists(f"{folder}/there.db"), "asking makes no file")
    before = sorted(os.listdir(folder))
    result = subprocess.run([program.path, "import", table, "--dry-run", "--database-url", f"sqlite://{folder}/dry.db"],
                            capture_output=True, text=True)
    tap.ok(result.returncode == 0 and sorted(os.listdir(folder)) == before, "a dry run makes nothing", result.stderr)
    other = os.path.join(folder, "other.db")
    sqlite3.connect(other).executescript("CREATE TABLE mine (a); INSERT INTO mine VALUES (1);").close()
    result = subprocess.run([program.path, "migration-status", "--database-url", f"sqlite://{other}"],
                            capture_output=True, text=True)
    expect(tap, result, 1, ["init"], "a database without a catalog: what to do")
    with open(os.path.join(folder, "noise.db"), "wb") as file:
        file.write(os.urandom(8192))
    result = subprocess.run([program.path, "import", table, "--database-url", f"sqlite://{folder}/noise.db"],
                            capture_output=True, text=True)
    tap.ok(0 < result.returncode < 64 and "noise.db" in result.stderr, "a file that is no database", result.stderr)


def check_permission(tap, program, folder):
    if os.geteuid() == 0:
        tap.skip("permissions", "root may do anything")
        return
    table = make(folder, "secret", [PROTOCOL, metadata(), add("x")])
    commit = os.path.join(table, "_delta_log", f"{0:020d}.json")
    os.chmod(commit, 0)
    expect(tap, program.run("import", table), 1, ["Permission denied", commit], "a commit that may not be read")
    os.chmod(commit, stat.S_IRUSR)


def main():
    program_path = peers.binary()
    tap = peers.Tap()
    with peers.Scratch("input") as folder:
        for program in peers.catalogs(program_path, folder):
            print(f"# {program.label}")
            own = os.path.join(folder, program.label)
            os.makedirs(own)
            for check in (check_missing, check_damage, check_shapes, check_unknown_features, check_discover):
                check(tap, program, own)
            if program.label == "SQLite":
                check_database(tap, program, own)
                check_permission(tap, program, own)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
