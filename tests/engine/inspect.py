#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
inspect.py PROBE ENGINE: what df_inspect tells of a schema, held against the engines' own dumps: it changes when they change, and
is equal when a dump of one database has made another.
"""
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from servers import MariaDB, Postgres, find_program  # noqa: E402

PROBE = sys.argv[1]
points = failures = 0


def check(condition, what, *details):
    global points, failures
    points += 1
    print(f"{'ok' if condition else 'not ok'} {points} - {what}", flush=True)
    if not condition:
        failures += 1
        for detail in details:
            for line in str(detail).splitlines()[:20]:
                print(f"# {line}")


def skip(reason):
    global points
    points += 1
    print(f"ok {points} # SKIP {reason}", flush=True)


def run(*command, stdin=None):
    done = subprocess.run(command, capture_output=True, text=True, input=stdin, timeout=120)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr}")
    return done.stdout


def inspect(url, *schema):
    return [tuple(json.loads(line)) for line in run(PROBE, "inspect", url, *schema).splitlines()]


def difference(a, b):
    return "\n".join([f"- {o}" for o in sorted(set(map(str, a)) - set(map(str, b)))] +
                     [f"+ {o}" for o in sorted(set(map(str, b)) - set(map(str, a)))])


def statements(name):
    with open(os.path.join(HERE, name)) as f:
        text = "".join(line for line in f if not line.startswith("-- "))
    return [s.strip() for s in re.split(r"^----$", text, flags=re.M)]


def one_line(text):
    return " ".join(text.split())[:110]


# ---- PostgreSQL

def dump(server, database="dataflow"):
    """pg_dump without what is no schema: the order of columns, and the position of sequences."""
    text = run(find_program("pg_dump", *server.folders), "-s", "-C", "-d", server.url(database))
    text = re.sub(r"^\\(un)?restrict .*\n", "", text, flags=re.M)
    text = re.sub(r"^SELECT pg_catalog.setval.*\n", "", text, flags=re.M)

    def sort_columns(match):
        return match[1] + "\n".join(sorted(line.rstrip(",") for line in match[2].splitlines())) + match[3]
    return re.sub(r"^(CREATE (?:UNLOGGED |FOREIGN )?TABLE [^\n]*\($)(.*?)(^\))", sort_columns, text, flags=re.M | re.S)


def test_postgres():
    with Postgres() as server:
        url = server.url()
        check(all(o[0] in ("extension", "schema") for o in inspect(url)), "an empty database is empty", inspect(url))
        dumped, seen = dump(server), inspect(url)
        for statement in statements("inspect_postgres.sql"):
            server.sql(statement)
            dumped_now, seen_now = dump(server), inspect(url)
            if dumped_now == dumped:
                check(seen_now == seen, f"no change: {one_line(statement)}", difference(seen, seen_now))
            else:
                check(seen_now != seen, f"{one_line(statement)}", "the dump has changed, the objects have not")
            dumped, seen = dumped_now, seen_now
        check(len(seen) > 140 and len({o[0] for o in seen}) > 25, f"{len(seen)} objects of {len({o[0] for o in seen})} kinds")
        keys = [o[:4] for o in seen]
        check(len(set(keys)) == len(keys), "each has a name of its own", *[k for k in keys if keys.count(k) > 1])
        check("secret" not in str(seen) and "hidden" not in str(seen), "without passwords")
        copy_of(server, url, seen)
        settings(server, url, seen)


def copy_of(server, url, seen):
    """A dump of it makes another database with the same objects."""
    text = run(find_program("pg_dump", *server.folders), "-s", "-d", url)
    server.sql("CREATE DATABASE copy", "postgres")
    run(find_program("psql", *server.folders), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", server.url("copy"), "-f", "-", stdin=text)
    # Neither of these is part of a dump of the database alone.
    def part_of_dump(o):
        return o[0] != "setting" and o[3] != "database" and not str(o[3]).startswith("DATABASE")

    def plain(objects):  # the dump of foreign options holds the values that the objects do not tell
        return sorted(str(o) for o in objects if part_of_dump(o))
    again = inspect(server.url("copy"))
    check(plain(seen) == plain(again), "a database made from its dump has the same objects",
          difference([o for o in seen if part_of_dump(o)], [o for o in again if part_of_dump(o)]))


def settings(server, url, seen):
    """What the reader's session is set to does not matter."""
    server.sql("ALTER ROLE dataflow SET search_path = app; ALTER ROLE dataflow SET DateStyle = 'German';"
               "ALTER ROLE dataflow SET TimeZone = 'Asia/Tokyo'; ALTER ROLE dataflow SET quote_all_identifiers = on;"
               "ALTER ROLE dataflow SET extra_float_digits = 0; ALTER ROLE dataflow SET IntervalStyle = 'iso_8601'")
    now = inspect(url)
    check(now == seen, "the reader's settings change nothing", difference(seen, now))
    only = inspect(url, "app")
    check(only == [o for o in seen if o[1] == "app" or o[:4] == ("schema", None, None, "app")], "one schema alone",
          difference(only, [o for o in seen if o[1] == "app"]))


# ---- MariaDB

def maria_dump(server, database):
    text = subprocess.run([find_program("mariadb-dump"), "--no-defaults", "-u", "dataflow", "-S", server.socket, "--no-data",
                           "--routines", "--events", "--triggers", "--skip-dump-date", "--skip-comments", database],
                          capture_output=True, text=True, env=os.environ | {"MYSQL_PWD": server.password}, timeout=60)
    if text.returncode:
        raise RuntimeError(text.stderr)
    text = re.sub(r" AUTO_INCREMENT=\d+", "", text.stdout)
    text = re.sub(r"^(DO|SELECT) SETVAL.*\n", "", text, flags=re.M)
    return re.sub(r" STARTS '[^']*'", "", text)


def test_mariadb():
    with MariaDB() as server:
        url = server.url()
        dumped, seen = maria_dump(server, "dataflow"), inspect(url)
        for statement in statements("inspect_mariadb.sql"):
            server.sql(statement, "dataflow")
            dumped_now, seen_now = maria_dump(server, "dataflow"), inspect(url)
            # A dump knows neither privileges nor the database's own settings; the objects do.
            changed = dumped_now != dumped or statement.startswith(("GRANT", "REVOKE", "ALTER DATABASE"))
            check(changed == (seen_now != seen), f"{'' if changed else 'no change: '}{one_line(statement)}",
                  difference(seen, seen_now))
            dumped, seen = dumped_now, seen_now
        keys = [o[:4] for o in seen]
        check(len(set(keys)) == len(keys) and len(seen) > 30, f"{len(seen)} objects, each with a name of its own")
        server.sql("CREATE DATABASE copy CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        text = maria_dump(server, "dataflow")
        subprocess.run([find_program("mariadb"), "--no-defaults", "-u", "dataflow", "-S", server.socket, "copy"], input=text,
                       text=True, check=True, env=os.environ | {"MYSQL_PWD": server.password}, timeout=60)
        again = inspect(server.url("copy"))
        check([o for o in seen if o[0] != "grant"] == [o for o in again if o[0] != "grant"],
              "a database made from its dump has the same objects", difference(seen, again))


# ---- SQLite

EQUAL = [
    ("CREATE TABLE t (a INTEGER); ALTER TABLE t ADD COLUMN b TEXT NOT NULL DEFAULT 'x'",
     'create table "t" ([a]   integer,\n\n  `b` text not null default \'x\')'),
    ("CREATE TABLE t (a INT, b INT); ALTER TABLE t RENAME COLUMN b TO c; CREATE INDEX i ON t (c)",
     "CREATE TABLE t (a INT, c INT); CREATE INDEX i ON t(c)"),
    ("CREATE TABLE u (a INT); ALTER TABLE u RENAME TO t", "CREATE TABLE t (a INT)"),
    ("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE, c INT CHECK (c > 0))",
     "CREATE TABLE t (a INTEGER, b TEXT, c INT, PRIMARY KEY (a), UNIQUE (b), CHECK (c>0))"),
    ("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (a INT REFERENCES p (id) ON DELETE SET NULL)",
     "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (a INT, FOREIGN KEY (a) REFERENCES p (id) ON DELETE SET NULL)"),
    ("CREATE TABLE t (a INT, b INT, c INT); ALTER TABLE t DROP COLUMN b", "CREATE TABLE t (a INT, c INT)"),
    ("CREATE TABLE t (a TEXT DEFAULT 'x' NOT NULL COLLATE NOCASE)", "CREATE TABLE t (a TEXT COLLATE NOCASE NOT NULL DEFAULT 'x')"),
    ("CREATE TABLE t (a INT, b INT GENERATED ALWAYS AS (a + 1) VIRTUAL)", "CREATE TABLE t (a INT, b INT AS (a+1))"),
    ("CREATE VIEW v AS SELECT 1 AS x", "CREATE  VIEW v AS\n SELECT 1 AS x -- one"),
]

DIFFERENT = [
    ("CREATE TABLE t (a INT)", "CREATE TABLE t (a TEXT)"),
    ("CREATE TABLE t (a INT)", "CREATE TABLE t (a INT NOT NULL)"),
    ("CREATE TABLE t (a TEXT DEFAULT 'x')", "CREATE TABLE t (a TEXT DEFAULT 'X')"),
    ("CREATE TABLE t (a INTEGER PRIMARY KEY)", "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT)"),
    ("CREATE TABLE t (a INTEGER PRIMARY KEY)", "CREATE TABLE t (a INTEGER PRIMARY KEY DESC)"),
    ("CREATE TABLE t (a INT PRIMARY KEY)", "CREATE TABLE t (a INT PRIMARY KEY) WITHOUT ROWID"),
    ("CREATE TABLE t (a INT)", "CREATE TABLE t (a INT) STRICT"),
    ("CREATE TABLE t (a INT UNIQUE)", "CREATE TABLE t (a INT UNIQUE ON CONFLICT IGNORE)"),
    ("CREATE TABLE t (a INT CHECK (a > 0))", "CREATE TABLE t (a INT CHECK (a > 1))"),
    ("CREATE TABLE t (a INT REFERENCES p)", "CREATE TABLE t (a INT REFERENCES p ON DELETE CASCADE)"),
    ("CREATE TABLE t (a INT REFERENCES p)", "CREATE TABLE t (a INT REFERENCES p DEFERRABLE INITIALLY DEFERRED)"),
    ("CREATE TABLE t (b, a INT AS (1))", "CREATE TABLE t (b, a INT AS (1) STORED)"),
    ("CREATE TABLE t (a); CREATE INDEX i ON t (a)", "CREATE TABLE t (a); CREATE INDEX i ON t (a) WHERE a > 0"),
    ("CREATE TABLE t (a); CREATE INDEX i ON t (a)", "CREATE TABLE t (a); CREATE UNIQUE INDEX i ON t (a)"),
    ("CREATE TABLE t (a); CREATE INDEX i ON t (a)", "CREATE TABLE t (a); CREATE INDEX i ON t (a DESC)"),
    ("CREATE VIEW v AS SELECT 'a  b'", "CREATE VIEW v AS SELECT 'a b'"),
    ("CREATE TABLE t (a); CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END",
     "CREATE TABLE t (a); CREATE TRIGGER g BEFORE INSERT ON t BEGIN SELECT 1; END"),
    ("CREATE VIRTUAL TABLE f USING fts5 (a, b)", "CREATE VIRTUAL TABLE f USING fts5 (a)"),
]

# Columns as SQLite itself reads them.
TABLES = [
    "CREATE TABLE t (a, b INTEGER, c VARCHAR(20) NOT NULL, d DECIMAL(10, 2) DEFAULT -1.5, e DEFAULT (1 + 2), "
    "f TEXT DEFAULT 'it''s; (fine), ok', g INT CONSTRAINT named NOT NULL CONSTRAINT other CHECK (g IN (1, 2)), PRIMARY KEY (a, b))",
    'CREATE TABLE t ("odd, name" TEXT, [and (this)] INT, `x``y` UNSIGNED BIG INT NOT NULL, \'quoted\' TEXT, "check" INT, '
    'CONSTRAINT "a ""b" UNIQUE ("odd, name") CHECK ("check" > 0))',
    "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, b BLOB DEFAULT x'00ff', c TEXT DEFAULT CURRENT_TIMESTAMP, "
    "d REFERENCES p(id) ON UPDATE SET DEFAULT ON DELETE NO ACTION MATCH SIMPLE NOT DEFERRABLE NOT NULL, e TEXT NULL DEFAULT NULL)",
    "CREATE TABLE t /* one */ ( -- two, (three)\n a INT /* , */, b INT GENERATED ALWAYS AS (a * 2) STORED NOT NULL, c AS (a) UNIQUE)",
]


def sqlite_objects(folder, script):
    path = os.path.join(folder, "inspect.db")
    if os.path.exists(path):
        os.unlink(path)
    with sqlite3.connect(path) as db:
        db.executescript(script)
        columns = [tuple(row[1:5]) for row in db.execute("PRAGMA table_xinfo(t)")]
    db.close()
    return inspect("sqlite:" + path), columns


def test_sqlite():
    with tempfile.TemporaryDirectory() as folder:
        for one, other in EQUAL:
            a, b = sqlite_objects(folder, one)[0], sqlite_objects(folder, other)[0]
            check(a == b, f"equal: {one_line(other)}", difference(a, b))
        for one, other in DIFFERENT:
            a, b = sqlite_objects(folder, one)[0], sqlite_objects(folder, other)[0]
            check(a != b, f"different: {one_line(other)}", a)
        for script in TABLES:
            objects, columns = sqlite_objects(folder, script)
            seen = {o[3]: o[4] for o in objects if o[0] == "column"}
            check(sorted(seen) == sorted(c[0] for c in columns), f"columns of {one_line(script)}", seen, columns)
            for name, kind, not_null, default in columns:
                text = seen.get(name, "")
                want = [" ".join(kind.lower().split()).replace(" (", "(").replace("( ", "(") + (" not null" if not_null else "")]
                plain = kind.replace("GENERATED ALWAYS", "").strip().lower()
                check(text.startswith(plain), f"{name} is {plain!r}", text, want)
                check((" not null" in text) == bool(not_null), f"{name} is {'not ' if not_null else ''}null", text)
                check(bool(re.search(r"\bdefault\b", text)) == (default is not None), f"{name} has default {default}", text)
        shadow = sqlite_objects(folder, "CREATE VIRTUAL TABLE f USING fts5 (a); CREATE TABLE t (a)")[0]
        check([o[3] for o in shadow if o[0] == "table"] == ["f", "t"], "a virtual table's own tables are not told", shadow)


if sys.argv[2] == "sqlite":
    test_sqlite()
elif sys.argv[2] == "postgres" and Postgres.available() and find_program("pg_dump", *Postgres.folders):
    test_postgres()
elif sys.argv[2] == "mariadb" and MariaDB.available() and find_program("mariadb-dump"):
    test_mariadb()
else:
    skip(f"{sys.argv[2]} is not installed")
print(f"1..{points}")
sys.exit(failures > 0)
