# SPDX-License-Identifier: Apache-2.0
"""A rehearsal in one transaction judges as the run does, in which every migration has a transaction of its own: settings end with it, a commit
lies between them, and what waits for the commit is looked at. Each history is rehearsed, run, and the verdicts are compared."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from migrations import Dataflow, Servers, Tap, binary, said, folder

# A dump's way of being sure where its tables go, and roles and limits that a script takes on.
DUMP = {
    "001_dump.sql": "SELECT pg_catalog.set_config('search_path', '', false);\nCREATE TABLE public.a (id int PRIMARY KEY);\n",
    "002_local.sql": "CREATE TABLE b (id int);\nSET LOCAL search_path = pg_catalog;\nSET ROLE pg_monitor;\n",
    "003_plain.sql": "CREATE TABLE c (id int);\n",
}
TEMPORARY = {
    "001_first.sql": "CREATE TEMP TABLE scratch AS SELECT 1 AS n;\nCREATE TABLE a AS SELECT n FROM scratch;\n",
    "002_again.sql": "CREATE TEMP TABLE scratch AS SELECT 2 AS m;\nCREATE TABLE b AS SELECT m FROM scratch;\n",
}
DEFERRED = {
    "001_tables.sql": "CREATE TABLE parents (id int PRIMARY KEY);\n"
                      "CREATE TABLE children (id int, parent int REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);\n",
    "002_rows.sql": "INSERT INTO children VALUES (1, 1);\nINSERT INTO parents VALUES (1);\n",
    "003_alter.sql": "ALTER TABLE children ADD COLUMN name text;\n",
    "004_rows.sql": "INSERT INTO children VALUES (2, 2, 'x');\nINSERT INTO parents VALUES (2);\n",
}
ORPHAN = {"005_orphan.sql": "INSERT INTO children VALUES (3, 77, 'x');\n"}
LABELS = {
    "001_type.sql": "CREATE TYPE mood AS ENUM ('sad');\nCREATE TABLE moods (mood mood);\n",
    "002_both.sql": "ALTER TYPE mood ADD VALUE 'glad';\nINSERT INTO moods VALUES ('glad');\n",
    "003_later.sql": "CREATE TABLE defaults (mood mood DEFAULT 'glad');\n",
    "004_after.sql": "INSERT INTO defaults VALUES (DEFAULT);\n",
}
LEFT_OUT = {
    "001_table.sql": "CREATE TABLE keyed (id int NOT NULL);\n",
    "002_index.sql": "CREATE UNIQUE INDEX CONCURRENTLY keyed_id ON keyed (id);\n",
    "003_key.sql": "ALTER TABLE keyed ADD CONSTRAINT keyed_key PRIMARY KEY USING INDEX keyed_id;\n",
}
REBUILT = {
    "001_tables.sql": "CREATE TABLE parents (id INTEGER PRIMARY KEY);\nCREATE TABLE children (parent INTEGER REFERENCES parents);\n"
                      "INSERT INTO parents VALUES (1);\nINSERT INTO children VALUES (1);\n",
    "002_rebuild.sql": "PRAGMA foreign_keys = OFF;\nCREATE TABLE fresh (id INTEGER PRIMARY KEY, name text);\nINSERT INTO fresh (id) SELECT id FROM parents;\n"
                       "DROP TABLE parents;\nALTER TABLE fresh RENAME TO parents;\nPRAGMA foreign_keys = ON;\n",
    "003_after.sql": "CREATE TABLE later (id int);\n",
}
HISTORIES = {"postgres": {"dump": DUMP, "temporary": TEMPORARY, "deferred": DEFERRED, "labels": LABELS, "left out": LEFT_OUT},
             "sqlite": {"temporary": TEMPORARY, "deferred": DEFERRED, "rebuilt": REBUILT}}


def rehearsed_and_run(tap, servers, path, engine, name, files):
    database = servers.database(engine)
    url = database.url + ("?foreign_keys=on" if engine == "sqlite" else "")
    program = Dataflow(path, url, folder(servers, f"rehearsal-{engine}-{name.replace(' ', '-')}", files))
    rehearsed = program.run("up", "--dry-run", "--quiet")
    run = program.run("up", "--quiet")
    tap.ok(rehearsed.returncode == 0 and run.returncode == 0, f"{engine}: {name}: is rehearsed as it runs", said(rehearsed) + said(run))


def looks(tap, servers, path):
    """Locks and scans are told where something new is locked or read; a further row of the same table is not asked about."""
    files = {"001_a.sql": "CREATE TABLE p (id int PRIMARY KEY);\nCREATE TABLE c (id int REFERENCES p);\nINSERT INTO p VALUES (1);\n",
             "002_b.sql": "INSERT INTO c VALUES (1);\nINSERT INTO c VALUES (1);\nINSERT INTO c SELECT id FROM p;\nINSERT INTO c VALUES ((SELECT id FROM p));\n"}
    program = Dataflow(path, servers.database("postgres").url, folder(servers, "rehearsal-looks", files))
    program.run("up", "--target", "1")
    _, document = program.json("up", "--dry-run")
    steps = document["migrations"][0]["statements"]
    tap.ok("public.c" in (steps[0]["locks"] or "") and not steps[1]["locks"] and all("public.p" in (s["scanned"] or "") for s in steps[2:]),
           "postgres: locks and scans of rows that are inserted one by one", steps)


def orphans(tap, servers, path, engine):
    database = servers.database(engine)
    url = database.url + ("?foreign_keys=on" if engine == "sqlite" else "")
    program = Dataflow(path, url, folder(servers, f"rehearsal-{engine}-orphan", {**DEFERRED, **ORPHAN}))
    for command in (("up", "--dry-run", "--quiet"), ("up", "--quiet")):
        result = program.run(*command)
        tap.ok(result.returncode == 1 and "005_orphan" in result.stderr and "at its commit" in result.stderr and "005_orphan.sql" in result.stderr,
               f"{engine}: {' '.join(command)}: what only the commit finds fails, and names its file", said(result))


def main():
    path, tap = binary(), Tap()
    with Servers() as servers:
        for engine in servers.engines():
            for name, files in HISTORIES.get(engine, {}).items():
                rehearsed_and_run(tap, servers, path, engine, name, files)
            if engine in HISTORIES:
                orphans(tap, servers, path, engine)
        if servers.has("postgres"):
            looks(tap, servers, path)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
