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
        for history in histories():
            if (history.name, history.engine) not in known or not os.path.isdir(HISTORIES) or not servers.has(history.engine):
                continue
            real(tap, servers, path, history, *known[(history.name, history.engine)])
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
