#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Somebody who knows nothing does what `dataflow why` says, and nothing else: runs are killed at random moments, stand
behind other people's transactions, or fail; the commands that are proposed are typed as they stand. In the end nothing is stuck,
nothing is pending, and the schema is that of an undisturbed run.

    test_follow_why.py DATAFLOW [SEED]
"""
import os
import random
import shlex
import signal
import sys
import time

from situations import Servers, Shell, Tap, until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from migrations import Dataflow, binary, said  # noqa: E402

SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 20)
tap = Tap()
ROUNDS, STEPS = 6, 12

HISTORY = {
    "postgres": {
        "001_tables.sql": "-- UP\nCREATE TABLE a (id int PRIMARY KEY, v text, u int);\nINSERT INTO a SELECT g, 'x' || g FROM generate_series(1, 20000) g;\n",
        "002_index.sql": "-- UP\nCREATE INDEX CONCURRENTLY a_v ON a (v);\nCREATE TABLE b (id int);\nALTER TABLE a ADD COLUMN w int;\nCREATE INDEX CONCURRENTLY a_u ON a (u);\n"
                         "CREATE VIEW c AS SELECT id, v FROM a;\n",
        "003_batch.sql": "-- UP\n-- @batch key=id size=500\nUPDATE a SET u = coalesce(u, 0) + 1;\nCREATE INDEX CONCURRENTLY a_vu ON a (v, u);\n",
        "004_alone.sql": "-- UP no-transaction\nCREATE TABLE d (id int);\nALTER TABLE d ADD COLUMN x int;\nCREATE INDEX d_x ON d (x);\nCOMMENT ON TABLE d IS 'd';\n",
    },
    "mariadb": {
        "001_tables.sql": "-- UP\nCREATE TABLE a (id int PRIMARY KEY, v varchar(20), u int);\nINSERT INTO a SELECT seq, concat('x', seq), NULL FROM seq_1_to_20000;\n",
        "002_index.sql": "-- UP\nCREATE INDEX a_v ON a (v);\nCREATE TABLE b (id int);\nALTER TABLE a ADD COLUMN w int;\nCREATE INDEX a_u ON a (u);\n"
                         "CREATE VIEW c AS SELECT id, v FROM a;\nALTER TABLE a DROP COLUMN w;\n",
        "003_batch.sql": "-- UP\n-- @batch key=id size=500\nUPDATE a SET u = coalesce(u, 0) + 1;\nCREATE INDEX a_vu ON a (v, u);\n",
        "004_more.sql": "-- UP\nCREATE TABLE d LIKE b;\nRENAME TABLE b TO e;\nCREATE TRIGGER t BEFORE INSERT ON d FOR EACH ROW SET NEW.id = 1;\n",
    },
    "sqlite": {
        "001_tables.sql": "-- UP\nCREATE TABLE a (id integer PRIMARY KEY, v text, u int);\n"
                          "INSERT INTO a WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM g WHERE n < 20000) SELECT n, 'x' || n, NULL FROM g;\n",
        "002_batch.sql": "-- UP\n-- @batch key=id size=500\nUPDATE a SET u = coalesce(u, 0) + 1;\nCREATE INDEX a_u ON a (u);\n",
        "003_vacuum.sql": "-- UP\nCREATE TABLE c (id int);\nVACUUM;\nCREATE TABLE d (id int);\nCREATE VIEW e AS SELECT id, v FROM a;\n",
    },
}
CONTENT = {"postgres": "SELECT count(*), sum(u), md5(string_agg(v, ',' ORDER BY id)) FROM a", "sqlite": "SELECT count(*), sum(u), max(v) FROM a",
           "mariadb": "SELECT count(*), sum(u), bit_xor(crc32(v)) FROM a"}


def write(folder, files):
    os.makedirs(folder, exist_ok=True)
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)


def type_it(program, database, command):
    """What somebody types: a command of ours in the shell, anything else in the database's."""
    words = shlex.split(command)
    if words[0] == "dataflow":
        return said(program.run(*words[1:]))
    try:
        return database.sql(command)
    except Exception as problem:
        return str(problem)


def follow(program, database):
    """Does what why says until it says nothing more; (whether that came to an end, what was typed)."""
    typed = []
    patience = time.monotonic() + 60
    while len(typed) < 2 * STEPS:
        status, why = program.json("why")
        if not status and "a run is at work" in why["summary"] and time.monotonic() < patience:
            time.sleep(0.1)  # a server notices at the end of a statement that its client is dead
            continue
        if status:
            return False, typed + [f"why: status {status}"]
        lines = [line for line in why["lines"] if line["section"] == "next"]
        if not lines or not lines[0]["command"]:
            return not why["stuck"], typed + [why["summary"]]
        typed.append(why["summary"] + "\n    $ " + lines[0]["command"])
        typed.append(type_it(program, database, lines[0]["command"]))
    return False, typed


def undisturbed(servers, engine, folder):
    """What an undisturbed run makes, and how long it takes."""
    database, began = servers.database(engine), time.monotonic()
    result = Dataflow(binary(), database.url, folder).run("up")
    took = time.monotonic() - began
    tap.ok(result.returncode == 0, f"{engine}: undisturbed", said(result))
    return (database.dump(), database.sql(CONTENT[engine])), took


def killed(servers, engine, folder, wanted, took, rnd):
    bad, kills = [], 0
    for _ in range(ROUNDS):
        database = servers.database(engine)
        program = Dataflow(binary(), database.url, folder)
        for _ in range(3):
            process = program.start("up", "--quiet")
            time.sleep(rnd.uniform(0.01, took))
            kills += process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.communicate()
        good, typed = follow(program, database)
        got = database.dump(), database.sql(CONTENT[engine])
        if not good or got != wanted:
            bad.append("\n".join(typed) + f"\n  content {got[1]}, wanted {wanted[1]}")
    tap.ok(not bad and kills, f"{engine}: killed {kills} times, {ROUNDS} databases brought to their end by what why says, seed {SEED}", "\n---\n".join(bad))


def blocked(servers, engine, folder, wanted):
    """Somebody went home with an open transaction."""
    database = servers.database(engine)
    program = Dataflow(binary(), database.url, folder, "--lock-timeout", "500ms")
    first = program.run("up", "--steps", "1")
    idle = Shell(database, "gone home")
    idle.run("BEGIN; SELECT count(*) FROM a;" if engine == "mariadb" else "BEGIN; LOCK TABLE a;")
    run = program.start("up", "--quiet")

    def waiting():
        status, why = program.json("why")
        return why if not status and why["stuck"] else None
    why = until(waiting, 30)
    line = [line["command"] for line in (why or {"lines": []})["lines"] if line["section"] == "next"]
    tap.ok(first.returncode == 0 and why and str(idle.pid) in why["summary"] and line, f"{engine}: a run behind an open transaction", why)
    if line:
        type_it(program, database, line[0])
    else:
        run.kill()
    out, err = run.communicate(timeout=120)
    tap.ok(run.returncode == 0 and (database.dump(), database.sql(CONTENT[engine])) == wanted, f"{engine}: it goes on when what why said was done", out + err)
    idle.close()


def failed(servers, engine, folder):
    """A migration that fails half-way: why names statement and error; mended, what it says brings it to its end."""
    database = servers.database(engine)
    files = {"001_one.sql": "-- UP no-transaction\nCREATE TABLE one (a int);\nINSERT INTO two VALUES (1);\nCREATE TABLE three (a int);\n"}
    write(folder, files)
    program = Dataflow(binary(), database.url, folder)
    result = program.run("up")
    status, why = program.json("why")
    texts = " ".join(line["text"] for line in why["lines"])
    tap.ok(result.returncode != 0 and why["stuck"] and "001_one" in why["summary"] and "failed" in why["summary"] and "two" in texts, f"{engine}: a failed migration, with what the server said", why)
    database.sql("CREATE TABLE two (a int)")
    good, typed = follow(program, database)
    tap.ok(good and database.sql("SELECT count(*) FROM three") == "0" and database.sql("SELECT count(*) FROM two") == "1", f"{engine}: with the cause removed it goes on", "\n".join(typed))


binary()
rnd = random.Random(SEED)
settings = {"mariadb": {"performance-schema": "1", "performance-schema-instrument": "wait/lock/metadata/sql/mdl=ON"}}
with Servers(settings) as servers:
    for engine in servers.engines():
        folder = os.path.join(servers.folder, engine)
        write(folder, HISTORY[engine])
        wanted, took = undisturbed(servers, engine, folder)
        killed(servers, engine, folder, wanted, took, rnd)
        if engine != "sqlite":
            blocked(servers, engine, folder, wanted)
        failed(servers, engine, os.path.join(servers.folder, engine + "-failed"))
sys.exit(tap.done())
