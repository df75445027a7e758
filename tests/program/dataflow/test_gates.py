#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What stands between a command and harm: data that a down would destroy, risk, approvals, backups, checks after the run, rehearsals that
change nothing; on every engine, judged by what the database says afterwards."""

import datetime
import hashlib
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from migrations import Dataflow, Servers, Tap, binary, said, folder

TABLES = {"001_users.sql": "-- UP\nCREATE TABLE users (id int PRIMARY KEY, email varchar(50), phone varchar(20));\n"
                           "INSERT INTO users VALUES (1, 'a', NULL), (2, 'b', '1'), (3, 'b', '2');\n-- DOWN\nDROP TABLE users;\n",
          "002_city.sql": '-- @metadata {"risk": "high"}\n-- UP\nALTER TABLE users ADD COLUMN city varchar(20);\n-- DOWN\n'
                          "ALTER TABLE users DROP COLUMN city;\n"}


def losses(tap, servers, path, engine):
    database = servers.database(engine)
    program = Dataflow(path, database.url, folder(servers, f"loss-{engine}", TABLES))
    program.run("up", "--quiet")
    result = program.run("down", "--quiet")
    tap.ok(result.returncode == 0, f"{engine}: a column without values is dropped without asking", said(result))
    program.run("up", "--quiet")
    database.sql("UPDATE users SET city = 'x' WHERE id > 1") if engine != "sqlite" else change(database, "UPDATE users SET city = 'x' WHERE id > 1")
    result = program.run("down", "--quiet")
    tap.ok(result.returncode == 3 and "users.city: 2 values" in result.stderr and database.sql("SELECT count(city) FROM users") == "2",
           f"{engine}: one with values is not, and they are counted", said(result))
    result = program.run("down", "--quiet", "--target", "0")
    tap.ok(result.returncode == 3 and "users: 3 rows" in result.stderr and "users.city: 2 values" in result.stderr,
           f"{engine}: a table with rows neither", said(result))
    seeds = folder(servers, f"loss-seeds-{engine}", TABLES | {f"{i:03}_seed.sql": f"-- UP\nINSERT INTO users (id) VALUES ({i});\n-- DOWN\n"
                                                             f"DELETE FROM users WHERE id = {i};\n" for i in range(10, 22)})
    Dataflow(path, database.url, seeds).run("up", "--quiet")
    result = Dataflow(path, database.url, seeds).run("down", "--target", "0")
    tap.ok(result.returncode == 3 and result.stderr.count("15 rows, of which some") == 1 and "users.city: 2 values" in result.stderr,
           f"{engine}: what many statements say is said once, and hides nothing else", said(result))
    Dataflow(path, database.url, seeds).run("down", "--steps", "12", "--force", "--reason", "test")
    result = program.run("down", "--quiet", "--force", "--reason", "test", "--target", "0")
    status, document = program.json("status")
    tap.ok(result.returncode == 0 and document["applied"] == 0 and "users" not in database.dump(), f"{engine}: --force does it", said(result))


def change(database, sql):
    import sqlite3
    connection = sqlite3.connect(database.path)
    connection.execute(sql)
    connection.commit()
    connection.close()


BESIDES = {
    "postgres": [("CREATE TYPE mood AS ENUM ('a');\nCREATE TABLE t (m mood);\nINSERT INTO t VALUES ('a');", "DROP TYPE IF EXISTS nothing, mood CASCADE;", "public.t.m: 1 value"),
                 ("CREATE DOMAIN small AS int;\nCREATE TABLE t (m small[]);\nINSERT INTO t VALUES ('{1}');", "DROP DOMAIN small CASCADE;", "public.t.m: 1 value"),
                 ("CREATE TABLE t (m int);\nINSERT INTO t VALUES (1);", "WITH gone AS (DELETE FROM t RETURNING m) SELECT * FROM gone;", "t: 1 row"),
                 ("CREATE ROLE {name}_owner;\nCREATE TABLE t (m int);\nINSERT INTO t VALUES (1);\nALTER TABLE t OWNER TO {name}_owner;",
                  "DROP OWNED BY {name}_owner;", "public.t: 1 row"),
                 ("CREATE TABLE t (m int);\nINSERT INTO t VALUES (1);", "MERGE INTO t USING (SELECT 1 AS m) s ON s.m = t.m WHEN MATCHED THEN DELETE;", "1 row"),
                 ("CREATE TYPE mood AS ENUM ('a');\nCREATE TABLE t (m mood);", "DROP TYPE mood CASCADE;\nDROP TABLE t;", None)],
    "mariadb": [("CREATE TABLE t (m int) PARTITION BY RANGE (m) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN (20));\nINSERT INTO t VALUES (1);",
                 "ALTER TABLE t DROP PARTITION a;", "t PARTITION (a): 1 row"),
                ("CREATE TABLE t (m int) PARTITION BY RANGE (m) (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN (20));\nINSERT INTO t VALUES (1);",
                 "ALTER TABLE t DROP PARTITION b;", None),
                ("CREATE TABLE t (m int);\nINSERT INTO t VALUES (1);", "CREATE OR REPLACE TABLE t (x int);", "`t`: 1 row")],
}


def losses_besides(tap, servers, path, engine):
    """What a down destroys without saying DROP TABLE, DROP COLUMN or DELETE at its begin."""
    for number, (up, down, lost) in enumerate(BESIDES.get(engine, ())):
        database = servers.database(engine)
        text = f"-- UP\n{up}\n-- DOWN\n{down}\n".replace("{name}", database.name if engine != "sqlite" else "")
        program = Dataflow(path, database.url, folder(servers, f"besides-{engine}-{number}", {"001_a.sql": text}))
        up_result, result = program.run("up", "--quiet"), program.run("down", "--quiet")
        tap.ok(up_result.returncode == 0 and result.returncode == (3 if lost else 0) and (lost or "") in result.stderr,
               f"{engine}: {down.splitlines()[0]}: {'destroys ' + lost if lost else 'destroys nothing'}", said(up_result) + said(result))


def no_down(tap, servers, path, engine):
    database = servers.database(engine)
    program = Dataflow(path, database.url, folder(servers, f"nodown-{engine}", {"001_a.sql": "-- UP\nCREATE TABLE a (id int);\n"}))
    program.run("up", "--quiet")
    result = program.run("down", "--quiet")
    tap.ok(result.returncode == 3 and "no down section" in result.stderr, f"{engine}: what has no down is refused", said(result))


def dry_run(tap, servers, path, engine):
    database = servers.database(engine)
    program = Dataflow(path, database.url, folder(servers, f"dry-{engine}", TABLES))
    program.run("init")
    before = database.dump()
    result = program.run("up", "--dry-run", "--quiet")
    status, document = program.json("status")
    tap.ok(result.returncode == 0 and database.dump() == before and document["pending"] == 2,
           f"{engine}: a dry run changes nothing and records nothing", said(result))
    if engine == "mariadb":
        tap.ok("commits at once" in result.stdout, f"{engine}: and says what cannot be known", said(result))
        return
    broken = folder(servers, f"dry-broken-{engine}", {"001_a.sql": "-- UP\nCREATE TABLE dry_a (id int);\n", "002_b.sql": "-- UP\nINSERT INTO dry_nowhere VALUES (1);\n"})
    result = Dataflow(path, servers.database(engine).url, broken).run("up", "--dry-run")
    tap.ok(result.returncode == 1 and "dry_nowhere" in result.stderr and "002_b.sql: failed" in result.stdout and "nothing was changed" not in result.stdout,
           f"{engine}: a dry run of what would fail fails", said(result))
    if engine == "postgres":
        dry_commits(tap, servers, path)


def dry_commits(tap, servers, path):
    """One transaction for all, where a run has one for each: what their commits would do is not forgotten, and not invented."""
    files = {"001_tables.sql": "CREATE TABLE parent (id int PRIMARY KEY);\nCREATE TABLE child (parent int CONSTRAINT of_parent REFERENCES parent "
                               "DEFERRABLE INITIALLY DEFERRED);\nCREATE TYPE colour AS ENUM ('red');\n",
             "002_rows.sql": "INSERT INTO child VALUES (1);\nINSERT INTO parent VALUES (1);\n",
             "003_column.sql": "ALTER TABLE child ADD COLUMN shade colour;\nINSERT INTO child VALUES (2);\nINSERT INTO parent VALUES (2);\n",
             "004_label.sql": "ALTER TYPE colour ADD VALUE 'blue';\n"}
    program = Dataflow(path, servers.database("postgres").url, folder(servers, "dry-commits", files))
    result = program.run("up", "--dry-run")
    tap.ok(result.returncode == 0 and result.stdout.count("would apply") == 4, "postgres: a dry run checks what is deferred where a commit would", said(result))
    with open(os.path.join(program.folder, "005_use.sql"), "w", encoding="utf-8") as out:
        out.write("UPDATE child SET shade = 'blue';\n")
    result = program.run("up", "--dry-run")
    tap.ok(result.returncode == 0 and "005_use.sql: cannot be rehearsed" in result.stdout and "a new label of an enum" in result.stdout,
           "postgres: a label that an earlier migration adds is no failure of the one that uses it", said(result))
    with open(os.path.join(program.folder, "006_wrong.sql"), "w", encoding="utf-8") as out:
        out.write("CREAT TABLE x (i int);\n")
    result = program.run("up", "--dry-run")
    tap.ok(result.returncode == 1 and "006_wrong.sql: failed" in result.stdout and "006_wrong.sql:1" in result.stderr,
           "postgres: behind it a syntax error is still one", said(result))
    os.unlink(os.path.join(program.folder, "006_wrong.sql"))
    tap.ok(program.run("up").returncode == 0, "postgres: and the run says the same")
    with open(os.path.join(program.folder, "006_orphan.sql"), "w", encoding="utf-8") as out:
        out.write("INSERT INTO child VALUES (9);\n")
    for arguments in (["up", "--dry-run"], ["up"]):
        result = program.run(*arguments)
        tap.ok(result.returncode == 1 and "of_parent" in result.stderr and "error: 006_orphan" in result.stderr and "006_orphan.sql" in result.stderr.split("at: ")[1],
               f"postgres: {' '.join(arguments)}: what fails at the commit is told with its migration and file", said(result))


def dry_unknown(tap, servers, path, engine):
    """What cannot be told, since what it needs cannot be rehearsed, is no failure."""
    if engine != "postgres":
        return
    database = servers.database(engine)
    files = {"001_a.sql": "-- UP\nCREATE TABLE a (i int);\n", "002_i.sql": "-- UP\nCREATE INDEX CONCURRENTLY a_i ON a (i);\nCOMMENT ON INDEX a_i IS 'x';\n",
             "003_d.sql": "COMMIT;\nDROP INDEX CONCURRENTLY a_i;\nBEGIN;\n"}
    program = Dataflow(path, database.url, folder(servers, f"unknown-{engine}", files))
    dry, result = program.run("up", "--dry-run"), program.run("up")
    tap.ok(dry.returncode == 0 and "cannot be told without what was left out before" in dry.stdout and "error" not in dry.stderr,
           f"{engine}: a dry run that cannot tell everything does not fail", said(dry))
    tap.ok(result.returncode == 0, f"{engine}: as the run does not", said(result))


def dry_rows(tap, servers, path, engine):
    """Of many rows for one table only the first and the last are looked at, since a look costs the more the more is locked. What those between
    did stands with the last of them, not with the statement behind."""
    if engine != "postgres":
        return
    database = servers.database(engine)
    for statement in ("CREATE TABLE rows (i int)", "CREATE TABLE seldom (i int)", "CREATE TABLE other (i int)",
                      "CREATE FUNCTION now_and_then() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN LOCK TABLE seldom; RETURN NEW; END'",
                      "CREATE TRIGGER t BEFORE INSERT ON rows FOR EACH ROW WHEN (NEW.i = 40) EXECUTE FUNCTION now_and_then()"):
        database.sql(statement)
    rows = "".join(f"INSERT INTO rows VALUES ({i});\n" for i in range(1, 51))
    files = {"001_rows.sql": f"-- UP\n{rows}ALTER TABLE other ADD COLUMN j int;\n{rows}INSERT INTO rows SELECT i FROM seldom;\n"}
    result, document = Dataflow(path, database.url, folder(servers, f"rows-{engine}", files)).json("up", "--dry-run")
    locks = [step.get("locks") or "" for step in document["migrations"][0]["statements"]]
    tap.equal([(n, text) for n, text in enumerate(locks, 1) if text],
              [(1, "ROW EXCLUSIVE on public.rows"), (50, "ACCESS EXCLUSIVE on public.seldom"), (51, "ACCESS EXCLUSIVE on public.other")],
              f"{engine}: locks that INSERTs take stand with the first and the last")


def config(servers, name, text):
    path = os.path.join(servers.folder, name)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def gates(tap, servers, path, engine):
    database = servers.database(engine)
    ini = config(servers, f"gates-{engine}.ini", f"[env.production]\nmax-risk = medium\nrequired-approvals = 2\nbackup = always\n"
                 f"backup-folder = {servers.folder}/backups-{engine}\n[env.development]\n")
    program = Dataflow(path, database.url, folder(servers, f"gates-{engine}", TABLES), "--config", ini)
    result = program.run("up", "--env", "production", "--quiet")
    tap.ok(result.returncode == 3 and "risk high" in result.stderr and "users" not in database.dump(), f"{engine}: too much risk is refused", said(result))
    result = program.run("up", "--env", "production", "--quiet", "--target", "1")
    tap.ok(result.returncode == 3 and "2 approvals" in result.stderr, f"{engine}: without approvals, too", said(result))
    result = program.run("up", "--env", "production", "--quiet", "--target", "1", "--approved-by", "ann", "--approved-by", "ann")
    tap.ok(result.returncode == 3 and "has 1" in result.stderr, f"{engine}: one person is not two", said(result))
    result = program.run("up", "--env", "production", "--quiet", "--target", "1", "--approved-by", "ann", "--approved-by", "bob")
    listed = program.run("backup", "list", "--env", "production")
    tap.ok(result.returncode == 0 and "pre-migration" in listed.stdout, f"{engine}: with two it runs, after a backup", said(result) + said(listed))
    audit = program.run("audit", "--json")
    tap.ok("approved" in audit.stdout and "bob" in audit.stdout, f"{engine}: who approved is in the audit log", said(audit))


def checks(tap, servers, path, engine):
    database = servers.database(engine)
    good = config(servers, "good.sql", "-- Check for orphans\nSELECT 'x' AS check_name, COUNT(*) AS count FROM users WHERE id < 0;\n"
                  "-- Verify row counts\nSELECT COUNT(*) AS row_count FROM users;\n")
    bad = config(servers, "bad.sql", "-- Verify row counts\nSELECT COUNT(*) FROM users;\n\n-- Check for duplicates\nSELECT email, COUNT(*) AS count FROM users "
                 "GROUP BY email HAVING COUNT(*) > 1;\n")
    log = os.path.join(servers.folder, f"hooks-{engine}.log")
    ini = config(servers, f"checks-{engine}.ini", f"[env.one]\nbefore = echo before $DATAFLOW_DIRECTION >> {log}\nafter = echo after $DATAFLOW_FAILED >> {log}\n"
                 f"check = {good}\n[env.two]\ncheck = {bad}\nafter = echo after $DATAFLOW_FAILED >> {log}\nfailed = echo failed >> {log}\n")
    program = Dataflow(path, database.url, folder(servers, f"checks-{engine}", TABLES), "--config", ini)
    result = program.run("up", "--env", "two", "--quiet")
    tap.ok(result.returncode == 1 and "bad.sql" in result.stderr and "email=b" in result.stderr and "users" not in database.dump(),
           f"{engine}: a failing check takes the run back", said(result))
    result = program.run("up", "--env", "one", "--quiet")
    with open(log, encoding="utf-8") as lines:
        told = lines.read().splitlines()
    tap.ok(result.returncode == 0 and told == ["failed", "after 1", "before up", "after 0"], f"{engine}: hooks ran in their order", f"{told}\n{said(result)}")


def hooks_that_fail(tap, servers, path, engine):
    database = servers.database(engine)
    two = config(servers, "two.sql", "-- Check for rows\nSELECT id FROM users WHERE id = 1;\n-- Verify\nSELECT nothing_here FROM users;\n")
    ini = config(servers, f"failing-{engine}.ini", f"[env.missing]\ncheck = {servers.folder}/nowhere.sql\n[env.says]\nbefore = echo why it failed; exit 3\n"
                 f"[env.two]\ncheck = {two}\n")
    program = Dataflow(path, database.url, folder(servers, f"failing-{engine}", TABLES), "--config", ini)
    result = program.run("up", "--env", "missing", "--quiet")
    tap.ok(result.returncode == 1 and "nowhere.sql" in result.stderr and "applied" not in result.stdout + result.stderr,
           f"{engine}: a check that is not there is noticed before anything runs", said(result))
    result = program.run("up", "--env", "says", "--quiet")
    tap.ok(result.returncode == 1 and "it said last: why it failed" in result.stderr, f"{engine}: what a failing hook said is told", said(result))
    result = program.run("up", "--env", "two", "--quiet")
    tap.ok(result.returncode == 1 and "two.sql:2" in result.stdout and "two.sql:4" in result.stdout and "nothing_here" in result.stdout,
           f"{engine}: all that a check finds is told, also what fails", said(result))


def session(tap, servers, path, engine):
    """What one migration sets for its session must not reach the next."""
    spoil = {"postgres": "SELECT pg_catalog.set_config('search_path', '', false);\nSET ROLE postgres;\nCREATE TEMP TABLE tmp (id int);\nCREATE TABLE public.a (id int);\n",
             "mariadb": "SET sql_mode = 'ANSI_QUOTES';\nSET FOREIGN_KEY_CHECKS = 0;\nCREATE TABLE a (id int);\n",
             "sqlite": "PRAGMA foreign_keys = ON;\nCREATE TEMP TABLE tmp (id int);\nCREATE TABLE a (id int);\n"}[engine]
    probe = {"postgres": "CREATE TABLE b AS SELECT current_schema()::text AS v, current_user::text AS u;\nCREATE TEMP TABLE tmp (id int);\n",
             "mariadb": "CREATE TABLE b AS SELECT @@foreign_key_checks AS v, \"text\" AS u;\n",
             "sqlite": "CREATE TABLE b AS SELECT foreign_keys AS v, 1 AS u FROM pragma_foreign_keys;\nCREATE TEMP TABLE tmp (id int);\n"}[engine]
    wanted = {"postgres": "public|dataflow", "mariadb": "1\ttext", "sqlite": "0|1"}[engine]
    database = servers.database(engine)
    program = Dataflow(path, database.url, folder(servers, f"session-{engine}", {"001_a.sql": "-- UP\n" + spoil, "002_b.sql": "-- UP\n" + probe}))
    result = program.run("up", "--quiet")
    tap.ok(result.returncode == 0 and database.sql("SELECT v, u FROM b") == wanted, f"{engine}: settings of one migration do not reach the next",
           said(result))


def shared_rows(tap, servers, path, engine):
    """On MariaDB INSERTs into one table share transactions, where they can be taken back together: one that fails takes its neighbours with it,
    and the next run goes on before them. MyISAM, and what a trigger does, cannot be: then each is on its own."""
    if engine != "mariadb":
        return
    trigger = "CREATE TABLE log (i INT) ENGINE=MyISAM;\nCREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW INSERT INTO log VALUES (NEW.i);\n"
    for what, table, more, kept in (("InnoDB", "InnoDB", "", 100), ("MyISAM", "MyISAM", "", 120), ("a trigger", "InnoDB", trigger, 120)):
        rows = [f"INSERT INTO t VALUES ({i}, 'row {i}');\n" for i in range(150)]
        where = folder(servers, f"shared-{table}-{len(more)}", {"001_t.sql": f"CREATE TABLE t (i INT PRIMARY KEY, x TEXT) ENGINE={table};\n{more}",
                                                             "002_rows.sql": "".join(rows[:120] + rows[:1] + rows[120:])})
        database = servers.database(engine)
        program = Dataflow(path, database.url, where)
        result = program.run("up")
        done = database.sql("SELECT COUNT(*) FROM _migration_journal WHERE migration_id = '002_rows' AND status = 'done'")
        tap.ok(result.returncode == 7 and database.sql("SELECT COUNT(*) FROM t") == done == str(kept), f"{engine}: {what}: as many rows as the journal says", said(result) + done)
        with open(os.path.join(where, "002_rows.sql"), "w", encoding="utf-8") as out:
            out.write("".join(rows))
        result = program.run("up")
        tap.ok(result.returncode == 0 and database.sql("SELECT COUNT(*) FROM t") == "150", f"{engine}: {what}: the next run brings the others", said(result))


def other_grammar(tap, servers, path, engine):
    """sql_mode=ORACLE takes BEGIN NOT ATOMIC for something else, when the record is written in a script's transaction, too."""
    if engine != "mariadb":
        return
    database = servers.database(engine)
    files = {"001_a.sql": "-- UP\nCREATE TABLE a (n int);\n-- DOWN\nDROP TABLE a;\n",
             "002_b.sql": "-- UP\nSET sql_mode = ORACLE;\nINSERT INTO a VALUES (1);\nUPDATE a SET n = 2;\n-- DOWN\nSET sql_mode = ORACLE;\nUPDATE a SET n = 1;\n"}
    program = Dataflow(path, database.url, folder(servers, "grammar", files))
    for command in (("up",), ("down",), ("up",), ("audit", "--verify")):
        result = program.run(*command)
        tap.ok(result.returncode == 0, f"mariadb: {' '.join(command)} with sql_mode=ORACLE", said(result))


def drift(tap, servers, path, engine):
    database = servers.database(engine)
    program = Dataflow(path, database.url, folder(servers, f"drift-{engine}", TABLES))
    program.run("up", "--quiet")
    clean = program.run("schema", "validate")
    sql = "CREATE INDEX users_email ON users (email)"
    change(database, sql) if engine == "sqlite" else database.sql(sql)
    dirty = program.run("schema", "validate")
    tap.ok(clean.returncode == 0 and dirty.returncode == 4 and "users_email" in dirty.stdout + dirty.stderr,
           f"{engine}: an index made by hand is drift, and is named", said(clean) + said(dirty))
    accepted = program.run("schema", "accept", "--reason", "test")
    again = program.run("schema", "validate")
    tap.ok(accepted.returncode == 0 and again.returncode == 0, f"{engine}: accepted, it is the schema", said(accepted) + said(again))


def lost_file(tap, servers, path, engine):
    """A migration whose file is gone is taken back by what the history kept of it."""
    database = servers.database(engine)
    place = folder(servers, f"lost-{engine}", {"001_a.sql": "-- UP\nCREATE TABLE a (id int);\n-- DOWN no-transaction\nDROP TABLE a;\n"})
    program = Dataflow(path, database.url, place)
    program.run("up", "--quiet")
    os.unlink(os.path.join(place, "001_a.sql"))
    blocked = program.run("up", "--quiet")
    result = program.run("down", "--quiet")
    tap.ok(blocked.returncode == 4 and result.returncode == 0 and " a " not in database.dump().replace("`", " ").replace("(", " "),
           f"{engine}: a migration whose file is gone blocks up, and can still be taken back", said(blocked) + said(result))


def tampered(tap, servers, path, engine):
    database = servers.database(engine)
    program = Dataflow(path, database.url, folder(servers, f"audit-{engine}", TABLES))
    program.run("up", "--quiet")
    clean = program.run("audit", "--verify")
    sql = "UPDATE _migration_audit_log SET actor = 'somebody' WHERE audit_id = 2"
    change(database, sql) if engine == "sqlite" else database.sql(sql)
    dirty = program.run("audit", "--verify")
    tap.ok(clean.returncode == 0 and dirty.returncode == 4 and "2" in dirty.stderr, f"{engine}: a changed audit entry is found", said(clean) + said(dirty))


def recomputed(line, previous):
    """The hash of an exported entry, as docs/ledger.md describes it."""
    moment = datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00"))
    entry = {"action": line["action"], "actor": line["actor"], "address": line["address"], "database_user": line["database_user"],
             "details": line["details"], "environment": line["environment"], "migration_id": line["migration"],
             "time": round(moment.timestamp() * 1000), "user_agent": line["user_agent"]}
    if isinstance(entry["details"], dict):
        entry["details"] = ordered(entry["details"])
    text = json.dumps(entry, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256((previous + text).encode()).hexdigest()


def ordered(value):
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value)}
    return [ordered(v) for v in value] if isinstance(value, list) else value


def exported(tap, servers, path, engine):
    """Whoever has only the exported audit log can prove its chain."""
    database = servers.database(engine)
    program = Dataflow(path, database.url, folder(servers, f"export-{engine}", TABLES))
    program.run("up", "--quiet", "--env", "staging")
    program.run("down", "--quiet", "--env", "staging", "--reason", "wrong \"city\"")
    result = program.run("audit", "--format", "jsonl")
    previous, wrong = "0" * 64, []
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    for line in lines:
        if line["previous"] != previous or recomputed(line, previous) != line["hash"]:
            wrong.append(line)
        previous = line["hash"]
    tap.ok(len(lines) > 6 and not wrong, f"{engine}: the exported audit log is a chain that others can recompute", f"{wrong[:1]}")


def baselined(tap, servers, path, engine):
    """A history of Flyway's that begins with a baseline: what is up to it counts as applied."""
    database = servers.database(engine)
    text, time = ("varchar(1000)", "timestamp") if engine != "sqlite" else ("text", "text")
    change_all(database, f"CREATE TABLE flyway_schema_history (installed_rank int NOT NULL PRIMARY KEY, version varchar(50), description varchar(200) NOT NULL, "
               f"type varchar(20) NOT NULL, script {text} NOT NULL, checksum int, installed_by varchar(100) NOT NULL, installed_on {time} "
               "DEFAULT CURRENT_TIMESTAMP NOT NULL, execution_time int NOT NULL, success boolean NOT NULL)",
               "INSERT INTO flyway_schema_history (installed_rank, version, description, type, script, checksum, installed_by, execution_time, success) "
               "VALUES (1, '2', '<< Flyway Baseline >>', 'BASELINE', '<< Flyway Baseline >>', NULL, 'x', 0, true)")
    program = Dataflow(path, database.url, folder(servers, f"baseline-{engine}", {f"V{i}__t{i}.sql": f"CREATE TABLE t{i} (id int);\n" for i in (1, 2, 3)}))
    adopted = program.run("adopt", "--reason", "test")
    result = program.run("up", "--quiet")
    tap.ok(adopted.returncode == 0 and result.returncode == 0 and "t3" in database.dump() and "t1" not in database.dump() and "t2" not in database.dump(),
           f"{engine}: what Flyway's baseline covers counts as applied", said(adopted) + said(result))


def change_all(database, *statements):
    for sql in statements:
        change(database, sql) if database.engine == "sqlite" else database.sql(sql)


def long_file(tap, servers, path, engine):
    """A file of many statements: a failure shows those around it, and the journal of a long transaction ends somewhere."""
    rows = "".join(f"INSERT INTO a VALUES ({i});\n" for i in range(12000))
    files = {"001_long.sql": f"-- UP\nCREATE TABLE a (i int);\n{rows}INSERT INTO nowhere VALUES (1);\n{rows}"}
    database = servers.database(engine)
    program = Dataflow(path, database.url, folder(servers, f"long-{engine}", files))
    result = program.run("up")
    shown = [line for line in result.stdout.splitlines() if "INSERT INTO" in line]
    tap.ok(result.returncode != 0 and 0 < len(shown) < 60 and any("nowhere" in line and "failed" in line for line in shown),
           f"{engine}: of a long file that failed the statements around the failure are shown", said(result)[-3000:])
    if engine == "mariadb":  # statement by statement: every row of the journal is needed to go on
        return
    folder(servers, f"long-{engine}", {"001_long.sql": f"-- UP\nCREATE TABLE a (i int);\n{rows}"})
    result = program.run("up", "--quiet")
    kept = database.sql("SELECT count(*) FROM _migration_journal")
    tap.ok(result.returncode == 0 and database.sql("SELECT count(*) FROM a") == "12000" and kept == "1000",
           f"{engine}: the first 1,000 rows of the journal are kept", f"{kept} {said(result)[-3000:]}")


def not_adopted(tap, servers, path, engine):
    """Another tool has applied the folder's migrations: they are not applied a second time because nobody said so."""
    database = servers.database(engine)
    change_all(database, "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL)", "INSERT INTO schema_migrations VALUES (1, false)",
               "CREATE TABLE a (i int)")
    program = Dataflow(path, database.url, folder(servers, f"theirs-{engine}", {"001_a.up.sql": "CREATE TABLE a (i int);\n", "001_a.down.sql": "DROP TABLE a;\n"}))
    if engine == "postgres":  # a table of that name may be one that this user has no right to read
        role = f"reader_{os.getpid()}"
        database.sql(f"CREATE ROLE {role} LOGIN")
        other = Dataflow(path, re.sub(r"//[^@/]*@", f"//{role}@", database.url), program.folder)
        result = other.run("status")
        tap.ok(result.returncode == 0 and "could not be seen" in result.stderr and "001_a.up.sql" in result.stdout,
               f"{engine}: what may not be read is told, and status goes on", said(result))
    status, why, result = program.run("status"), program.run("why"), program.run("up")
    tap.ok(result.returncode == 3 and "dataflow adopt" in result.stderr and "dataflow adopt" in status.stdout,
           f"{engine}: another tool's history is told of, and up refuses", said(result))
    tap.ok("→ dataflow adopt" in why.stdout, f"{engine}: why names the command", said(why))
    adopted, result = program.run("adopt", "--reason", "test"), program.run("up")
    tap.ok((adopted.returncode, result.returncode) == (0, 0) and "nothing to do" in result.stdout, f"{engine}: taken over, nothing is left to do", said(adopted) + said(result))


def ledger_dropped(tap, servers, path, engine):
    """A migration that would take the history away with it does not come through, and is told why."""
    if engine == "mariadb":  # where it is gone before anybody could look
        return
    database = servers.database(engine)
    drop = "DROP SCHEMA public CASCADE; CREATE SCHEMA public;\n" if engine == "postgres" else "DROP TABLE _migration_history;\n"
    program = Dataflow(path, database.url, folder(servers, f"dropped-{engine}", {"001_a.sql": drop}))
    result = program.run("up", "--force", "--reason", "test")
    tap.ok(result.returncode == 1 and "takes away the tables" in result.stderr and program.run("status").returncode == 0 and
           database.sql("SELECT status FROM _migration_history") == "failed", f"{engine}: a migration that drops the history's tables is undone, and told why",
           said(result))


OLDER = "-- UP no-transaction\nCREATE TABLE IF NOT EXISTS {table} (i int);\n{insert}INSERT INTO nowhere VALUES (1);\n-- DOWN\n{delete}DROP TABLE IF EXISTS {table};\n"


def older(tap, servers, path, engine):
    """A failed migration that is no transaction is taken back, but not what was there before it."""
    def try_it(table, insert="", delete=""):
        database = servers.database(engine)
        change_all(database, "CREATE TABLE old (i int)", "INSERT INTO old VALUES (1), (2)")
        program = Dataflow(path, database.url, folder(servers, f"older-{engine}", {"001_a.sql": OLDER.format(table=table, insert=insert, delete=delete)}))
        return database, program.run("up")

    database, result = try_it("fresh")
    tap.ok(result.returncode == 1 and "fresh" not in database.dump(), f"{engine}: what it made is taken back", said(result))
    database, result = try_it("old")
    tap.ok(result.returncode in (1, 7) and database.sql("SELECT count(*) FROM old") == "2", f"{engine}: a table that was there stays", said(result))
    database, result = try_it("fresh", "INSERT INTO old VALUES (3);\n", "DELETE FROM old WHERE i = 3;\n")
    tap.ok(result.returncode == 1 and database.sql("SELECT count(*) FROM old") == "2" and "fresh" not in database.dump(),
           f"{engine}: so are rows that it inserted", said(result))
    database, result = try_it("fresh", "INSERT INTO old VALUES (3);\n", "DELETE FROM old;\n")
    tap.ok(result.returncode == 7 and database.sql("SELECT count(*) FROM old") == "3" and "would take 3 rows" in result.stderr,
           f"{engine}: a DELETE that would take more than was inserted is left to a person", said(result))


def vain_down(tap, servers, path, engine):
    """A down that can take back nothing of a migration that is half done leaves it as it was: up goes on where it stopped."""
    text = "-- UP no-transaction\nCREATE TABLE a (i int);\nCREATE TABLE b (i int);\nINSERT INTO {} VALUES (1);\n-- DOWN\nSELECT 1;\n"
    database = servers.database(engine)
    program = Dataflow(path, database.url, folder(servers, f"vain-{engine}", {"001_a.sql": text.format("nowhere")}))
    first, down = program.run("up"), program.run("down", "--steps", "1", "--reason", "test")
    shown = program.run("status")
    tap.ok((first.returncode, down.returncode) == (7, 7) and "2 of 3 statements" in shown.stdout, f"{engine}: nothing could be taken back", said(down) + said(shown))
    folder(servers, f"vain-{engine}", {"001_a.sql": text.format("a")})
    result = program.run("up")
    tap.ok(result.returncode == 0 and database.sql("SELECT count(*) FROM a") == "1", f"{engine}: mended, it goes on at that statement", said(result))

    text = "-- UP no-transaction\nCREATE TABLE a (i int);\nINSERT INTO nowhere VALUES (1);\n-- DOWN\nDROP TABLE IF EXISTS b;\nDROP TABLE a;\nSELECT 1;\n"
    text = text.replace("CREATE TABLE a (i int)", "CREATE TABLE IF NOT EXISTS a (i int);\nCREATE INDEX a_i ON a (i)")
    database = servers.database(engine)
    program = Dataflow(path, database.url, folder(servers, f"whole-{engine}", {"001_a.sql": text}))
    first, refused = program.run("up"), program.run("down", "--steps", "1")
    tap.ok((first.returncode, refused.returncode) == (7, 7) and "as it stands: --force" in refused.stderr, f"{engine}: what cannot be told apart is refused", said(refused))
    forced = program.run("down", "--steps", "1", "--force", "--reason", "test")
    tap.ok(forced.returncode == 0 and "CREATE TABLE a" not in database.dump() and program.json("status")[1]["applied"] == 0,
           f"{engine}: --force runs the down as it stands", said(forced))


def main():
    path, tap = binary(), Tap()
    with Servers() as servers:
        for engine in servers.engines():
            for test in [t for t in (losses, losses_besides, no_down, dry_run, dry_rows, dry_unknown, gates, checks, hooks_that_fail, session, other_grammar, shared_rows, drift, lost_file, tampered, exported, baselined, older, vain_down, not_adopted, ledger_dropped, long_file) if os.environ.get("TOPICS", t.__name__) == t.__name__]:
                try:
                    test(tap, servers, path, engine)
                except Exception as problem:  # noqa: BLE001
                    tap.ok(False, f"{engine}: {test.__name__}", repr(problem))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
