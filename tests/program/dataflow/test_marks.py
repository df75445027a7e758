#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Files that hold both directions as other tools mark them: `up` makes what the engine's own shell makes of the way up alone, `down`
leaves nothing, and `up` once more makes the same. Read as plain SQL, each of them would undo itself.
"""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from migrations import Dataflow, Servers, Tap, binary, said

UPS = ["CREATE TABLE trees (id INTEGER PRIMARY KEY, kind TEXT);\nINSERT INTO trees VALUES (1, 'oak; old');\n",
       "CREATE TABLE leaves (tree INTEGER);\n"]
DOWNS = ["DROP TABLE trees;\n", "DROP TABLE leaves;\n"]
TRIGGER = "CREATE TRIGGER grown AFTER INSERT ON trees BEGIN\n  INSERT INTO leaves VALUES (new.id);\nEND;\n"

# layout, names of the files, what goes around a way up and a way down
LAYOUTS = [
    ("sql-migrate", "2024010{n}-a.sql", "\n-- +migrate Up\n{up}\n-- +migrate Down\n{down}"),
    ("sql-migrate", "2024010{n}-a.sql", "-- +micrate Up\n-- +micrate StatementBegin\n{up}\n-- +micrate StatementEnd\n-- +micrate Down\n{down}"),
    ("sql-migrate", "2024010{n}-a.sql", "-- +migrate Down notransaction\n{down}-- +migrate Up notransaction\n{up}"),
    ("tern", "00{n}_a.sql", "{up}\n---- create above / drop below ----\n\n{down}"),
    ("mybatis", "2024010{n}120000_a.sql", "-- // a change\n{up}\n\n-- //@UNDO\n{down}\n"),
    ("evolutions", "{n}.sql", "# The schema\n\n# --- !Ups\n{up}\n# --- !Downs\n{down}"),
    ("shmig", "17067000{n}-a.sql", "-- Migration: a\n-- ====  UP  ====\n\nBEGIN;\n{up}COMMIT;\n\n-- ==== DOWN ====\n\nBEGIN;\n{down}COMMIT;\n"),
    ("rambler", "20240{n}_a.sql", "-- rambler up\n{up}\n-- rambler down\n{down}"),
    ("native", "2024010{n}_a.sql", "-- atlas:txtar\n\n-- checks.sql --\nSELECT 1 = 1;\n-- migration.sql --\n{up}\n-- down.sql --\n{down}"),
    ("native", "2024010{n}_a.sql", "-- atlas:txtar\n-- migration.sql --\n-- atlas:delimiter \\nGO\n{up}\nGO\n-- down.sql --\n{down}"),
]

# layout, the files of one direction each
PAIRS = [
    ("golang-migrate", "00{n}_a_up.sql", "00{n}_a_down.sql"),
    ("golang-migrate", "00{n}.do.a.sql", "00{n}.undo.a.sql"),
    ("native", "00{n}_a.sql", "00{n}_a.rollback.sql"),
    ("native", "20240115_0{n}_a.sql", "20240115_0{n}_a.rollback.sql"),
    ("native", "2024_01_15_00000{n}_a.sql", "2024_01_15_00000{n}_a_rollback.sql"),
]


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as file:
        file.write(text)


def there_and_back(tap, servers, what, layout, folder):
    database, other = servers.database("sqlite"), servers.database("sqlite")
    wanted_path = os.path.join(folder, os.pardir, "wanted.sql")
    with open(wanted_path, "w", encoding="utf-8") as file:
        file.write(UPS[0] + UPS[1] + TRIGGER)
    problem = other.shell(wanted_path)
    program = Dataflow(binary(), database.url, folder)
    status, document = program.json("status")
    tap.ok(not problem and status == 0 and document["layout"] == layout and document["pending"] == 2, f"{what}: two are pending",
           f"{problem} {document}")
    result = program.run("up")
    if not tap.ok(result.returncode == 0, f"{what}: up", said(result)):
        return
    tap.equal(database.dump(), other.dump(), f"{what}: what the shell makes of the ways up")
    tap.ok(database.sql("SELECT kind FROM trees") == "oak; old", f"{what}: with its row")
    result = program.run("down", "--target", "0", "--force", "--reason", "test")
    tap.ok(result.returncode == 0 and database.dump() == "", f"{what}: down leaves nothing", said(result) + database.dump())
    result = program.run("up")
    tap.ok(result.returncode == 0, f"{what}: up again", said(result))
    tap.equal(database.dump(), other.dump(), f"{what}: and the same is there")


def texts(n):
    """The trigger goes with the table whose rows it makes."""
    return UPS[n] + (TRIGGER if n == 1 else ""), ("DROP TRIGGER grown;\n" if n == 1 else "") + DOWNS[n]


def breakpoints(tap, servers):
    """Drizzle's mark is a comment everywhere but to MariaDB."""
    for engine in servers.engines():
        with tempfile.TemporaryDirectory() as folder:
            write(folder, "0000_a.sql", "CREATE TABLE trees (id INTEGER);\n--> statement-breakpoint\nCREATE TABLE leaves (id INTEGER);"
                                        "--> statement-breakpoint\nINSERT INTO trees VALUES (1);")
            database = servers.database(engine)
            result = Dataflow(binary(), database.url, folder).run("up")
            tap.ok(result.returncode == 0 and database.sql("SELECT count(*) FROM trees").strip() == "1",
                   f"Drizzle on {engine}", said(result))


def delimiters(tap, servers):
    """Liquibase's endDelimiter, on the engine whose own client has one; its lines keep their numbers."""
    if not servers.has("mariadb"):
        tap.skip("endDelimiter", "no MariaDB")
        return
    routine = "CREATE PROCEDURE grow(n INT)\nBEGIN\n  DECLARE i INT DEFAULT 0;\n  WHILE i < n DO INSERT INTO trees VALUES (i); SET i = i + 1; END WHILE;\nEND\n//\n"
    text = ("--liquibase formatted sql\n--changeset ann:1\nCREATE TABLE trees (id INTEGER);\n--rollback DROP TABLE trees;\n\n"
            f"--changeset ann:2 endDelimiter://\n{routine}CALL grow(3)//\n%s--rollback DROP PROCEDURE grow;\n")
    with tempfile.TemporaryDirectory() as folder:
        database = servers.database("mariadb")
        program = Dataflow(binary(), database.url, folder)
        write(folder, "a.sql", text % "CALL nobody()//\n")
        result = program.run("up")
        tap.ok(result.returncode != 0 and "a.sql:14" in said(result), "endDelimiter: an error has the line that it has in the file", said(result))
        write(folder, "a.sql", text % "")
        result = program.run("up")
        tap.ok(result.returncode == 0 and database.sql("SELECT count(*) FROM trees").strip() == "3", "endDelimiter: a procedure is one statement", said(result))
        result = program.run("down", "--target", "0", "--force", "--reason", "test")
        left = database.sql("SELECT (SELECT count(*) FROM information_schema.tables WHERE table_schema = database() AND table_name = 'trees') + "
                            "(SELECT count(*) FROM information_schema.routines WHERE routine_schema = database())").strip()
        tap.ok(result.returncode == 0 and left == "0", "endDelimiter: down leaves nothing", said(result) + left)


# layout, names of the files, frame, the table as its tool makes it, what the tool writes when it has applied the first file, and
# how that table is asked what it has; None where the records cannot be handed back.
HISTORIES = [
    ("sql-migrate", "2024010{n}-a.sql", LAYOUTS[0][2], "CREATE TABLE gorp_migrations (id varchar(255) NOT NULL PRIMARY KEY, applied_at {time})",
     "INSERT INTO gorp_migrations VALUES ('20240101-a.sql', '2024-01-05 10:00:00')", "SELECT count(*) FROM gorp_migrations WHERE id = '20240102-a.sql'"),
    ("tern", "00{n}_a.sql", LAYOUTS[3][2], "CREATE TABLE schema_version (version {int} NOT NULL)", "INSERT INTO schema_version VALUES (1)",
     "SELECT count(*) FROM schema_version WHERE version = 2"),
    ("mybatis", "2024010{n}120000_a.sql", LAYOUTS[4][2],
     "CREATE TABLE CHANGELOG (ID NUMERIC(20,0) NOT NULL, APPLIED_AT VARCHAR(25) NOT NULL, DESCRIPTION VARCHAR(255) NOT NULL)",
     "INSERT INTO CHANGELOG VALUES (20240101120000, '2024-01-05 10:00:00', 'a change')", None),
    ("evolutions", "{n}.sql", LAYOUTS[5][2],
     "CREATE TABLE play_evolutions (id int NOT NULL PRIMARY KEY, hash varchar(255) NOT NULL, applied_at {time} NOT NULL, apply_script text, "
     "revert_script text, state varchar(255), last_problem text)",
     "INSERT INTO play_evolutions VALUES (1, '4f2a', '2024-01-05 10:00:00', '', '', 'applied', '')", None),
    ("shmig", "170670000{n}-a.sql", LAYOUTS[6][2], "CREATE TABLE shmig_version (version {int} PRIMARY KEY, migrated_at {time} NOT NULL)",
     "INSERT INTO shmig_version VALUES (1706700001, '2024-01-05 10:00:00')", "SELECT count(*) FROM shmig_version WHERE version = 1706700002"),
    ("rambler", "20240{n}_a.sql", LAYOUTS[7][2], "CREATE TABLE migrations (migration VARCHAR(255) NOT NULL)",
     "INSERT INTO migrations VALUES ('202401_a.sql')", "SELECT count(*) FROM migrations WHERE migration = '202402_a.sql'"),
    ("atlas", "2024010{n}120000_a.sql", "{up}",
     "CREATE TABLE atlas_schema_revisions (version varchar(255) NOT NULL PRIMARY KEY, description varchar(255) NOT NULL, type {int} NOT NULL DEFAULT 2, "
     "applied {int} NOT NULL DEFAULT 0, total {int} NOT NULL DEFAULT 0, executed_at {time} NOT NULL, execution_time {int} NOT NULL, error text, "
     "error_stmt text, hash varchar(255) NOT NULL, partial_hashes text, operator_version varchar(255) NOT NULL)",
     "INSERT INTO atlas_schema_revisions VALUES ('20240101120000', 'a', 2, 2, 2, '2024-01-05 10:00:00', 1000, NULL, NULL, 'x', NULL, 'Atlas CLI')", None),
    ("drizzle", "000{n}_a.sql", "{up}",
     "CREATE TABLE __drizzle_migrations (id {int}, hash text NOT NULL, created_at {int})", "INSERT INTO __drizzle_migrations VALUES (1, 'x', 1700000001000)",
     "SELECT count(*) FROM __drizzle_migrations WHERE created_at = 1700000002000"),
    ("liquibase", "{n}.sql", "--liquibase formatted sql\n\n--changeset ann:a\n{up}--rollback {down}",
     "CREATE TABLE DATABASECHANGELOG (ID VARCHAR(255) NOT NULL, AUTHOR VARCHAR(255) NOT NULL, FILENAME VARCHAR(255) NOT NULL, DATEEXECUTED {time} NOT NULL, "
     "ORDEREXECUTED INTEGER NOT NULL, EXECTYPE VARCHAR(10) NOT NULL, MD5SUM VARCHAR(35), DESCRIPTION VARCHAR(255), COMMENTS VARCHAR(255), TAG VARCHAR(255), "
     "LIQUIBASE VARCHAR(20), CONTEXTS VARCHAR(255), LABELS VARCHAR(255), DEPLOYMENT_ID VARCHAR(10))",
     "INSERT INTO DATABASECHANGELOG (ID, AUTHOR, FILENAME, DATEEXECUTED, ORDEREXECUTED, EXECTYPE) VALUES ('a', 'ann', 'db/1.sql', '2024-01-05 10:00:00', 1, 'EXECUTED')",
     "SELECT count(*) FROM DATABASECHANGELOG WHERE FILENAME = 'db/2.sql' AND ORDEREXECUTED = 2 AND MD5SUM IS NULL"),
]
# What Drizzle's table says is told by this file.
JOURNAL = '{"version": "7", "dialect": "x", "entries": [{"idx": 0, "when": 1700000001000, "tag": "0001_a"}, {"idx": 1, "when": 1700000002000, "tag": "0002_a"}]}'
ATLAS = next(h for h in HISTORIES if "atlas" in h[3])
# Supabase's, which is PostgreSQL's alone; and Atlas' with a baseline, before which everything counts as applied.
ON_POSTGRES = [
    ("supabase", "2024010{n}120000_a.sql", "{up}",
     "CREATE SCHEMA supabase_migrations; CREATE TABLE supabase_migrations.schema_migrations (version text NOT NULL PRIMARY KEY, statements text[], name text)",
     "INSERT INTO supabase_migrations.schema_migrations VALUES ('20240101120000', ARRAY['CREATE TABLE trees (id INTEGER)'], 'a')", None),
    (*ATLAS[:4], ATLAS[4].replace("'a', 2, 2, 2,", "'a', 1, 0, 0,").replace("20240101120000", "20240101130000"), None),
]
TYPES = {"sqlite": {"int": "integer", "time": "datetime"}, "postgres": {"int": "bigint", "time": "timestamptz"}, "mariadb": {"int": "bigint", "time": "datetime"}}


def taken_over(tap, servers, engine):
    """What those tools have applied is not applied again; where they can be told, they know afterwards what was applied since."""
    for layout, name, frame, table, row, has_second in HISTORIES + (ON_POSTGRES if engine == "postgres" else []):
        if not servers.has(engine):
            continue
        database, what = servers.database(engine), f"{layout} on {engine}"
        with tempfile.TemporaryDirectory() as folder:
            for n, text in enumerate(("CREATE TABLE trees (id INTEGER);\n", "CREATE TABLE leaves (tree INTEGER);\n")):
                write(folder, name.format(n=n + 1), frame.format(up=text, down=DOWNS[n]))
            if "drizzle" in table:
                os.mkdir(os.path.join(folder, "meta"))
                write(folder, os.path.join("meta", "_journal.json"), JOURNAL)
            for statement in (table.format(**TYPES[engine]), row, "CREATE TABLE trees (id INTEGER)"):
                database.sql(statement)
            program = Dataflow(binary(), database.url, folder)
            refused, result = program.run("up"), program.run("adopt", "--reason", "test")
            _, document = program.json("status")
            tap.ok(refused.returncode == 3 and result.returncode == 0 and (document["applied"], document["pending"]) == (1, 1), f"{what}: taken over",
                   f"{said(refused)} {said(result)} {document}")
            result = program.run("up")
            tap.ok(result.returncode == 0, f"{what}: only the second is applied", said(result))
            result = program.run("adopt", "--hand-back", layout, "--reason", "test")
            if has_second:
                tap.ok(result.returncode == 0 and database.sql(has_second) == "1", f"{what}: handed back, its table has the second, too", said(result))
            else:
                tap.ok(result.returncode == 3 and "hint" in result.stderr, f"{what}: what cannot be handed back is told", said(result))


def checks(tap, servers):
    """What Atlas asks of the database before a migration, and a checkpoint, at which a new database begins."""
    with tempfile.TemporaryDirectory() as folder:
        database = servers.database("sqlite")
        program = Dataflow(binary(), database.url, folder)
        write(folder, "1_a.sql", "CREATE TABLE a (i int);\nINSERT INTO a VALUES (1);\n")
        write(folder, "2_b.sql", "-- atlas:txtar\n-- checks.sql --\nSELECT NOT EXISTS (SELECT * FROM a);\n-- migration.sql --\nDROP TABLE a;\n")
        result = program.run("up")
        tap.ok(result.returncode == 3 and "2_b.sql:3" in result.stderr and "checks.sql" in result.stderr and "TABLE a" in database.dump(),
               "atlas: a check that does not hold stops the run", said(result))
        write(folder, "1_a.sql", "CREATE TABLE a (i int);\n")
        result = Dataflow(binary(), servers.database("sqlite").url, folder).run("up")
        tap.ok(result.returncode == 0, "atlas: one that holds does not", said(result))
        write(folder, "atlas.sum", "h1:")
        write(folder, "3_c.sql", "-- atlas:checkpoint\nCREATE TABLE b (i int);\n")
        write(folder, "4_d.sql", "CREATE TABLE c (i int);\n")
        database = servers.database("sqlite")
        program = Dataflow(binary(), database.url, folder)
        result = program.run("up")
        tap.ok(result.returncode == 0 and "TABLE a" not in database.dump() and "TABLE b" in database.dump() and "TABLE c" in database.dump(),
               "atlas: a new database begins at the checkpoint", said(result))
        status, document = program.json("verify")
        states = [m["state"] for m in document["migrations"]]
        tap.ok(states == ["no down", "no down", "passed over", "no down"], "atlas: verify takes the migrations, or the checkpoint", f"{status} {states}")


def main():
    binary()
    tap = Tap()
    with Servers() as servers:
        for i, (layout, name, frame) in enumerate(LAYOUTS):
            with tempfile.TemporaryDirectory() as outer:
                folder = os.path.join(outer, "migrations")
                os.mkdir(folder)
                for n in range(2):
                    up, down = texts(n)
                    write(folder, name.format(n=n + 1), frame.format(up=up, down=down))
                there_and_back(tap, servers, f"{layout} {i}", layout, folder)
        for layout, up_name, down_name in PAIRS:
            with tempfile.TemporaryDirectory() as outer:
                folder = os.path.join(outer, "migrations")
                os.mkdir(folder)
                for n in range(2):
                    up, down = texts(n)
                    write(folder, up_name.format(n=n + 1), up)
                    write(folder, down_name.format(n=n + 1), down)
                there_and_back(tap, servers, f"{up_name} and {down_name}", layout, folder)
        breakpoints(tap, servers)
        delimiters(tap, servers)
        checks(tap, servers)
        for engine in ("sqlite", "postgres", "mariadb"):
            taken_over(tap, servers, engine)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
