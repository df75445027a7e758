#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
`verify` proves downs: those of real histories that work are proved, those that are known not to are named; one that leaves an object,
loses one, or changes one is told by what differs. Nothing of it stays on the server.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from migrations import HISTORIES, Dataflow, Servers, Tap, binary, histories

OWN = {"001_good.sql": "-- UP\nCREATE TABLE a (id int PRIMARY KEY);\n-- DOWN\nDROP TABLE a;\n",
       "002_leaves.sql": "-- UP\nCREATE TABLE b (id int);\nCREATE TABLE c (id int);\n-- DOWN\nDROP TABLE b;\n",
       "003_loses.sql": "-- UP\nCREATE TABLE d (id int);\n-- DOWN\nDROP TABLE d;\nDROP TABLE a;\n",
       "004_fails.sql": "-- UP\nCREATE TABLE e (id int);\n-- DOWN\nDROP TABLE nothing;\n",
       "005_none.sql": "-- UP\nCREATE TABLE f (id int);\n",
       "006_good.sql": "-- UP\nCREATE INDEX a_id ON a (id);\n-- DOWN\nDROP INDEX a_id%s;\n"}
STATES = {"001_good": "proved", "002_leaves": "left objects", "003_loses": "lost objects", "004_fails": "down failed", "005_none": "no down",
          "006_good": "proved"}


def databases(database):
    if database.engine == "postgres":
        return database.server.sql("SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database", "postgres")
    return database.server.sql("SHOW DATABASES") if database.engine == "mariadb" else ""


def own(tap, servers, path, engine):
    folder = os.path.join(servers.folder, f"verify-{engine}")
    os.makedirs(folder)
    for name, text in OWN.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
            out.write(text % (" ON a" if engine == "mariadb" else "") if "%s" in text else text)
    database = servers.database(engine)
    before = databases(database)
    program = Dataflow(path, database.url, folder)
    status, document = program.json("verify")
    states = {m["id"]: m["state"] for m in document["migrations"]}
    tap.ok(status == 4 and states == STATES, f"{engine}: each down is judged", f"{states}\n{document}")
    details = {m["id"]: m.get("detail") or "" for m in document["migrations"]}
    tap.ok("c" in details["002_leaves"] and "a" in details["003_loses"], f"{engine}: with what it leaves or loses", details)
    tap.ok(databases(database) == before, f"{engine}: the scratch database is gone", databases(database))
    tap.ok("CREATE TABLE a" not in database.dump().replace("public.", "").replace("`", ""), f"{engine}: the database itself is untouched")


OUTSIDE = {
    "mariadb": [("CREATE TABLE IF NOT EXISTS `{live}`.`kept` (id int);", "DROP TABLE `{live}`.`kept`;", "the database {live}"),
                ("USE {live};\nCREATE TABLE IF NOT EXISTS kept (id int);", "DROP TABLE kept;", "the database {live}"),
                ("CREATE TABLE b (id int);", "DROP TABLE IF EXISTS nothing, {live}.kept;", "the database {live}"),
                ("CREATE TABLE b (id int);", "RENAME TABLE b TO {live}.new_name;", "the database {live}"),
                ("CREATE USER IF NOT EXISTS 'dataflow'@'localhost';", "DROP USER IF EXISTS nobody@'%', 'dataflow'@'localhost';", "the user dataflow")],
    "postgres": [("DO $$ BEGIN CREATE ROLE kept; EXCEPTION WHEN duplicate_object THEN NULL; END $$;", "DROP ROLE IF EXISTS nobody, kept;", "the role kept")],
    "sqlite": [("ATTACH '{live}' AS other;\nCREATE TABLE IF NOT EXISTS other.kept (id int);", "DROP TABLE kept;", "the file {live}")],
}


def outside(tap, servers, path, engine):
    """What a statement reaches from the scratch database is the live one: nothing runs."""
    for number, (up, down, what) in enumerate(OUTSIDE[engine]):
        database = servers.database(engine)
        live = database.url.removeprefix("sqlite:") if engine == "sqlite" else database.name
        folder = os.path.join(servers.folder, f"outside-{engine}-{number}")
        os.makedirs(folder)
        with open(os.path.join(folder, "001_a.sql"), "w", encoding="utf-8") as out:
            out.write(f"-- UP\n{up}\n-- DOWN\n{down}\n".replace("{live}", live))
        made = os.path.join(servers.folder, f"made-{engine}-{number}")
        os.makedirs(made)
        with open(os.path.join(made, "001_kept.sql"), "w", encoding="utf-8") as out:
            role = "CREATE ROLE kept;\n" if engine == "postgres" else ""
            out.write(f"CREATE TABLE kept (id int);\nINSERT INTO kept VALUES (1);\n{role}")
        Dataflow(path, database.url, made).run("up")
        before = database.dump()
        result = Dataflow(path, database.url, folder).run("verify")
        tap.ok(result.returncode == 3 and what.replace("{live}", live) in result.stderr and "001_a.sql" in result.stderr and "--scratch-url" in result.stderr,
               f"{engine}: verify refuses what changes {what}", result.stdout + result.stderr)
        tap.ok(database.dump() == before, f"{engine}: and what lives there is as it was")


MADE = {"mariadb": ("CREATE USER 'made'@'%' IDENTIFIED BY 'x';", "DROP USER 'made'@'%';", "SELECT COUNT(*) FROM mysql.user WHERE user = 'made'"),
        "postgres": ("CREATE ROLE made NOLOGIN;", "DROP ROLE made;", "SELECT COUNT(*) FROM pg_roles WHERE rolname = 'made'")}


def made(tap, servers, path, engine):
    """What a proof makes of the whole server is taken away again, so that it is not in the way of the run."""
    up, down, count = MADE[engine]
    database = servers.database(engine)
    folder = os.path.join(servers.folder, f"server-{engine}")
    os.makedirs(folder)
    with open(os.path.join(folder, "001_a.sql"), "w", encoding="utf-8") as out:
        out.write(f"-- UP\n{up}\nCREATE TABLE a (id int);\n-- DOWN\nDROP TABLE a;\n{down}\n")
    program = Dataflow(path, database.url, folder)
    for command in ("verify", "up"):
        result = program.run(command)
        tap.ok(result.returncode == 0, f"{engine}: {command} of what makes a role", result.stdout + result.stderr)
        left = "".join(c for c in database.sql(count) if c.isdigit())
        tap.equal(left[-1:], "0" if command == "verify" else "1", f"{engine}: is it there after {command}?")
    with open(os.path.join(folder, "002_b.sql"), "w", encoding="utf-8") as out:
        out.write("CREATE DATABASE made;\n")
    result = program.run("verify")
    tap.ok(result.returncode == 3, f"{engine}: and neither what drops it nor a database is proved there", result.stdout + result.stderr)


def alias(tap, servers, path):
    """A column of a table that is called as the database is."""
    database = servers.database("mariadb")
    folder = os.path.join(servers.folder, "outside-alias")
    os.makedirs(folder)
    with open(os.path.join(folder, "001_a.sql"), "w", encoding="utf-8") as out:
        name = database.name
        out.write(f"CREATE TABLE {name} (id int);\nUPDATE {name} SET {name}.id = 1;\nCREATE VIEW v AS SELECT id FROM {name}.seen;\n"
                  f"INSERT INTO {name} SELECT id FROM {name}.seen;\n-- DOWN\nDROP VIEW v;\nDROP TABLE {name};\n")
    database.sql("CREATE TABLE seen (id int)")
    result = Dataflow(path, database.url, folder).run("verify")
    tap.ok(result.returncode == 0, "mariadb: a column of a table with the database's name is none of it", result.stdout + result.stderr)


def real(tap, servers, path, history, broken, until=None, count=None):
    database = servers.database(history.engine)
    program = Dataflow(path, database.url, history.path)
    status, document = program.json("verify", *(["--target", until] if until else []))
    bad = {m["id"]: f"{m['state']}: {m.get('detail')}" for m in document["migrations"] if m["state"] not in ("proved", "no down")}
    listed = "\n".join(f"{k}: {v}" for k, v in sorted(bad.items()))
    reached = len(document["migrations"])
    tap.ok(reached == (count or history.count), f"{history}: every migration is judged", f"{reached} of {count or history.count}\n{listed}")
    tap.ok(status == 4 and all(any(name in id_ for id_ in bad) for name in broken), f"{history}: the broken downs are named ({len(bad)})", listed)


def main():
    path, tap = binary(), Tap()
    known = {("authelia", "postgres"): (["V0002.WebAuthn"],),
             ("crates.io", "postgres"): (["downloads_need_no_id", "crate_owners_does_not_need_id"], "20170318181441", 132)}
    with Servers() as servers:
        for engine in servers.engines():
            own(tap, servers, path, engine)
            outside(tap, servers, path, engine)
            if engine in MADE:
                made(tap, servers, path, engine)
        if servers.has("mariadb"):
            alias(tap, servers, path)
        for history in histories():
            if (history.name, history.engine) not in known or not os.path.isdir(HISTORIES) or not servers.has(history.engine):
                continue
            real(tap, servers, path, history, *known[(history.name, history.engine)])
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
