#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Real histories of other projects, on every engine that they are written for: applied, they give the schema that the engine's
own shell makes of the same files in the same order; taken back and applied again, they give it once more; a file that
cannot run is named, with statement and line.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from migrations import HISTORIES, Dataflow, Servers, Tap, binary, histories, said, skip_all


def with_shell(history, database):
    """Runs the files with the engine's own shell; (how many ran, the first that failed, why)."""
    files = history.files(history)
    for i, path in enumerate(files):
        problem = database.shell(path, history.transaction(path))
        if problem:
            return i, path, problem
    return len(files), None, None


def relative(history, path):
    return os.path.relpath(path, history.path)


def check_failed(tap, history, program, result, oracle):
    """The shell could not run a file either: the same one is named, and what came before it stands."""
    ran, path, problem = oracle
    name = relative(history, path)
    tap.ok(result.returncode in (1, 7) and name in result.stderr.replace(history.path + "/", ""),
           f"{history}: up stops at {name}, where the shell stops", f"{said(result)}\nshell: {problem}")
    tap.ok("statement " in result.stderr, f"{history}: the error names the statement", said(result))


def check_up(tap, history, servers, path):
    database, other = servers.database(history.engine), servers.database(history.engine)
    oracle = with_shell(history, other) if history.files else None
    program = Dataflow(path, database.url, history.path)
    result = program.run("up")
    if oracle and oracle[1]:
        check_failed(tap, history, program, result, oracle)
        return None
    if not tap.ok(result.returncode == 0, f"{history}: up", said(result)):
        return None
    status, document = program.json("status")
    applied = [m for m in document["migrations"] if m["state"] == "applied"]
    wanted = history.count or len(applied)
    tap.ok(status == 0 and len(applied) == wanted and document["pending"] == 0,
           f"{history}: status counts {wanted} applied, none pending", f"{len(applied)} applied, {document['pending']} pending")
    if oracle:
        tap.equal(database.dump(), other.dump(), f"{history}: the schema is what the engine's shell makes")
    again = program.run("up")
    tap.ok(again.returncode == 0, f"{history}: up again changes nothing", said(again))
    return program, database


def check_down(tap, history, program, database):
    schema = database.dump()
    result = program.run("down", "--target", "0", "--force", "--reason", "test")
    # crates.io and e2b have known ones; authelia's V0007 for MySQL makes an index that MariaDB still has.
    broken = history.name in ("crates.io", "e2b-infra") or (history.name, history.engine) == ("authelia", "mariadb")
    if broken:
        tap.ok(result.returncode in (1, 7), f"{history}: a broken down stops the run, and is named", said(result))
        return
    if not tap.ok(result.returncode == 0, f"{history}: everything is taken back", said(result)):
        return
    result = program.run("up")
    tap.ok(result.returncode == 0, f"{history}: and applied again", said(result))
    tap.equal(database.dump(), schema, f"{history}: the schema is the same as before")


ONLY = os.environ.get("ONLY", "")


def main():
    path, tap = binary(), Tap()
    if not os.path.isdir(HISTORIES):
        skip_all("the histories are not there")
    with Servers() as servers:
        for history in (h for h in histories() if ONLY in str(h)):
            if not servers.has(history.engine):
                tap.skip(str(history), f"no {history.engine}")
                continue
            try:
                done = check_up(tap, history, servers, path)
                if done and history.downs:
                    check_down(tap, history, *done)
            except Exception as problem:  # noqa: BLE001  (one history must not hide the others)
                tap.ok(False, str(history), repr(problem))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
