#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Killed at every statement, a history is gone on with by the next `up`, and ends with the schema of an undisturbed run.
The kill comes when the program tells that a statement is done, and at random moments; on each engine, with migrations that
are one transaction and with those that cannot be.
"""

import json
import os
import random
import re
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from migrations import HISTORIES, Dataflow, Servers, Tap, binary, histories, said

SEED = int(os.environ.get("SEED", random.randrange(10**6)))

OWN = {  # small histories of ours with what real ones do not combine
    "postgres": {
        "001_tables.sql": "-- UP\nCREATE TABLE a (id int PRIMARY KEY, v text);\nINSERT INTO a SELECT g, 'x' || g FROM generate_series(1, 500) g;\n"
                          "-- DOWN\nDROP TABLE a;\n",
        "002_concurrently.sql": "-- UP\nALTER TABLE a ADD COLUMN w int;\nCREATE INDEX CONCURRENTLY a_v ON a (v);\n"
                                "UPDATE a SET w = id * 2;\nCREATE INDEX CONCURRENTLY a_w ON a (w);\nALTER TABLE a ADD COLUMN u int;\n"
                                "-- DOWN\nDROP INDEX a_w;\nDROP INDEX a_v;\n",
        "003_batch.sql": "-- UP\n-- @batch key=id size=50\nUPDATE a SET u = coalesce(u, 0) + 1;\nCREATE TABLE done_marker (id int);\n",
        "004_enum.sql": "-- UP\nCREATE TYPE mood AS ENUM ('sad');\nCREATE TABLE m (mood mood);\n",
        "005_value.sql": "-- UP\nALTER TYPE mood ADD VALUE 'happy';\nINSERT INTO m VALUES ('happy');\n",
    },
    "mariadb": {
        "001_tables.sql": "-- UP\nCREATE TABLE a (id int PRIMARY KEY, v varchar(20));\nINSERT INTO a SELECT seq, concat('x', seq) FROM seq_1_to_500;\n"
                          "CREATE INDEX a_v ON a (v);\nALTER TABLE a ADD COLUMN w int;\nUPDATE a SET w = id * 2;\n-- DOWN\nDROP TABLE a;\n",
        "002_batch.sql": "-- UP\nALTER TABLE a ADD COLUMN u int;\n-- @batch key=id size=50\nUPDATE a SET u = coalesce(u, 0) + 1;\n"
                         "CREATE VIEW v AS SELECT id, u FROM a;\n",
        "003_more.sql": "-- UP\nALTER TABLE a DROP COLUMN w;\nRENAME TABLE a TO b;\nCREATE TABLE c LIKE b;\nDROP VIEW v;\n"
                        "CREATE TRIGGER t BEFORE INSERT ON b FOR EACH ROW SET NEW.u = 1;\n",
    },
    "sqlite": {
        "001_tables.sql": "-- UP\nCREATE TABLE a (id integer PRIMARY KEY, v text);\n"
                          "INSERT INTO a WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM g WHERE n < 500) SELECT n, 'x' || n FROM g;\n"
                          "-- DOWN\nDROP TABLE a;\n",
        "002_rebuild.sql": "-- UP\nPRAGMA foreign_keys = off;\nCREATE TABLE b (id integer PRIMARY KEY, v text, u int);\nINSERT INTO b SELECT id, v, 0 FROM a;\n"
                           "DROP TABLE a;\nALTER TABLE b RENAME TO a;\nPRAGMA foreign_keys = on;\n",
        "003_batch.sql": "-- UP\n-- @batch key=id size=50\nUPDATE a SET u = u + 1;\nCREATE INDEX a_u ON a (u);\n",
        "004_vacuum.sql": "-- UP\nCREATE TABLE c (id int);\nVACUUM;\nCREATE TABLE d (id int);\n",
    },
}
STATES = {"postgres": "SELECT md5(string_agg(a::text, ',' ORDER BY id)) FROM a",
          "mariadb": "SELECT md5(group_concat(concat_ws(':', id, v, u) ORDER BY id)) FROM b",
          "sqlite": "SELECT count(*), sum(u), group_concat(v) FROM a"}


def write(folder, files):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)


def kill_after(program, statements):
    """kill -9 when so many statements are done; whether it lived long enough to be killed."""
    process = program.start("up", "--events", "-", "--quiet")
    seen = 0
    for line in process.stdout:
        seen += '"statement_done"' in line or '"progress"' in line
        if seen >= statements:
            break
    alive = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return alive and seen >= statements


def kill_at(program, seconds):
    process = program.start("up", "--quiet")
    time.sleep(seconds)
    alive = process.poll() is None
    process.kill()
    process.communicate()
    return alive


IN_DOUBT = re.compile(r"repair (\S+) --statement-done (\d+)")


def finish(program, tries=12):
    """`up` until it is done. A CALL in doubt is decided as its message says: these procedures may run again."""
    for _ in range(tries):
        result = program.run("up", "--wait", "20s", "--quiet")
        doubt = IN_DOUBT.search(result.stderr)
        if result.returncode == 7 and doubt and "(CALL)" in result.stderr:
            program.run("repair", doubt[1], "--statement-again", doubt[2], "--reason", "it drops what is there")
        elif result.returncode != 6:
            return result
    return result


def compare(tap, database, schema, state, what, result, name):
    good = result.returncode == 0 and database.dump() == schema and (state is None or database.sql(STATES[database.engine]) == state)
    tap.ok(good, f"{name}: {what}", said(result) + "\n" + database.dump()[:3000])
    return good


def every_statement(tap, servers, path, engine, folder, name, state=True, step=1):
    undisturbed = servers.database(engine)
    result = Dataflow(path, undisturbed.url, folder).run("up", "--quiet")
    if not tap.ok(result.returncode == 0, f"{name}: undisturbed", said(result)):
        return
    schema, wanted = undisturbed.dump(), undisturbed.sql(STATES[engine]) if state else None
    killed = at = 0
    bad = []
    while True:
        at += step
        database = servers.database(engine)
        program = Dataflow(path, database.url, folder)
        if not kill_after(program, at):
            break
        killed += 1
        result = finish(program)
        if result.returncode or database.dump() != schema or (state and database.sql(STATES[engine]) != wanted):
            bad.append(f"killed after {at}: {said(result)}")
    tap.ok(killed > 2 and not bad, f"{name}: killed after each of {killed} statements, and gone on with", "\n".join(bad[:3]))


def random_moments(tap, servers, path, engine, folder, name, rng, rounds):
    undisturbed = servers.database(engine)
    began = time.monotonic()
    Dataflow(path, undisturbed.url, folder).run("up", "--quiet")
    took = time.monotonic() - began
    schema, wanted, bad, killed = undisturbed.dump(), undisturbed.sql(STATES[engine]), [], 0
    for _ in range(rounds):
        database = servers.database(engine)
        program = Dataflow(path, database.url, folder)
        while kill_at(program, rng.uniform(0, took * 1.1)):
            killed += 1
            if killed % 5 == 0:
                break
        result = finish(program)
        if result.returncode or database.dump() != schema or database.sql(STATES[engine]) != wanted:
            bad.append(said(result) + "\n" + database.dump()[:1000])
    tap.ok(not bad, f"{name}: killed {killed} times at random moments (seed {SEED})", "\n".join(bad[:2]))


def main():
    path, tap, rng = binary(), Tap(), random.Random(SEED)
    with Servers() as servers:
        for engine in ("sqlite", "postgres", "mariadb"):
            if not servers.has(engine):
                tap.skip(f"kill on {engine}", "not installed")
                continue
            folder = os.path.join(servers.folder, f"own-{engine}")
            write(folder, OWN[engine])
            every_statement(tap, servers, path, engine, folder, f"own history on {engine}")
            random_moments(tap, servers, path, engine, folder, f"own history on {engine}", rng, 6)
        real = {("authelia", "sqlite"): 7, ("authelia", "postgres"): 11, ("authelia", "mariadb"): 17, ("crates.io", "postgres"): 151}
        for history in histories():
            step = real.get((history.name, history.engine))
            if not step or not os.path.isdir(history.path) or not servers.has(history.engine):
                continue
            if (history.name, history.engine) == ("authelia", "sqlite"):
                continue  # calls a function that its application defines
            every_statement(tap, servers, path, history.engine, history.path, str(history), state=False, step=step)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
