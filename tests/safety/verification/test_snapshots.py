#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Schema snapshots against the engines' own words (pg_dump -s, SHOW CREATE of everything, sqlite_master): over random changes two
snapshots are equal exactly when the two dumps are. Then drift, object by object.

    test_snapshots.py SNAPSHOT_TOOL [SEED [STEPS]]
"""
import json
import os
import random
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from migrations import Servers, Tap  # noqa: E402

SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
STEPS = int(sys.argv[3]) if len(sys.argv) > 3 else 90
tap = Tap()


class Snapshots:
    """The tool on one database; snapshots are files."""

    def __init__(self, url, folder):
        self.process = subprocess.Popen([sys.argv[1], url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.folder, self.count = folder, 0

    def ask(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the tool ended with {self.process.wait()}")
        return answer

    def take(self):
        self.count += 1
        path = os.path.join(self.folder, f"snapshot-{os.getpid()}-{id(self)}-{self.count}")
        digest, objects = self.ask("take", path).split()
        with open(path, encoding="utf-8") as file:
            return Snapshot(path, file.read(), digest, int(objects))

    def compare(self, expected, found):
        return json.loads(self.ask("compare", expected.path, found.path))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Snapshot:
    def __init__(self, path, text, digest, objects):
        self.path, self.text, self.digest, self.objects = path, text, digest, objects


# ---- random changes ----


class Changes:
    """Statements over a small pool of names, so that they meet each other. Many fail; those that do not are the test."""

    def __init__(self, rnd):
        self.rnd = rnd

    def pick(self, *choices):
        return self.rnd.choice(choices)

    def table(self):
        return f"t{self.rnd.randrange(4)}"

    def column(self):
        return f"c{self.rnd.randrange(4)}"

    def name(self, letter):
        return f"{letter}{self.rnd.randrange(3)}"

    def statement(self):
        return self.rnd.choice(self.KINDS)(self)


class PostgresChanges(Changes):
    TYPES = ("int", "bigint", "text", "varchar(20)", "numeric(10,2)", "timestamptz", "boolean DEFAULT false", "jsonb", "int[]", "uuid")

    def type(self):
        return self.pick(*self.TYPES)

    def columns(self):
        return ", ".join(f"c{i} {self.type()}" for i in range(self.rnd.randrange(1, 4)))

    KINDS = [
        lambda s: f"CREATE TABLE {s.table()} ({s.columns()})",
        lambda s: f"CREATE TABLE {s.table()} (id {s.pick('serial', 'int GENERATED ALWAYS AS IDENTITY', 'int')} PRIMARY KEY, {s.columns()})",
        lambda s: f"CREATE TABLE {s.table()} (c0 int, c1 int GENERATED ALWAYS AS (c0 * 2) STORED) WITH (fillfactor = 70)",
        lambda s: f"CREATE UNLOGGED TABLE {s.table()} (LIKE {s.table()} INCLUDING ALL)",
        lambda s: f"CREATE TABLE {s.table()} (x int) INHERITS ({s.table()})",
        lambda s: "CREATE TABLE part (c0 int) PARTITION BY RANGE (c0)",
        lambda s: f"CREATE TABLE part{s.rnd.randrange(2)} PARTITION OF part FOR VALUES FROM ({s.pick(0, 10)}) TO ({s.pick(10, 20)})",
        lambda s: f"ALTER TABLE part DETACH PARTITION part{s.rnd.randrange(2)}",
        lambda s: f"DROP TABLE {s.table()} {s.pick('', 'CASCADE')}",
        lambda s: f"ALTER TABLE {s.table()} ADD COLUMN {s.column()} {s.type()} {s.pick('', 'NOT NULL', 'UNIQUE')}",
        lambda s: f"ALTER TABLE {s.table()} DROP COLUMN {s.column()} {s.pick('', 'CASCADE')}",
        lambda s: f"ALTER TABLE {s.table()} RENAME COLUMN {s.column()} TO {s.column()}",
        lambda s: f"ALTER TABLE {s.table()} RENAME TO {s.table()}",
        lambda s: f"ALTER TABLE {s.table()} ALTER COLUMN {s.column()} TYPE {s.pick('text', 'varchar(30)', 'bigint')} USING NULL",
        lambda s: f"ALTER TABLE {s.table()} ALTER COLUMN {s.column()} {s.pick('SET NOT NULL', 'DROP NOT NULL', 'DROP DEFAULT', 'SET DEFAULT NULL', 'SET STATISTICS 50', 'SET STATISTICS -1', 'SET STORAGE EXTERNAL')}",
        lambda s: f"ALTER TABLE {s.table()} ALTER COLUMN {s.column()} SET DEFAULT {s.pick('5', chr(39) + 'x' + chr(39), 'now()')}",
        lambda s: f"ALTER TABLE {s.table()} ADD CONSTRAINT {s.name('k')} CHECK ({s.column()} IS NOT NULL) {s.pick('', 'NOT VALID')}",
        lambda s: f"ALTER TABLE {s.table()} ADD CONSTRAINT {s.name('k')} UNIQUE ({s.column()}) {s.pick('', 'DEFERRABLE', 'DEFERRABLE INITIALLY DEFERRED')}",
        lambda s: f"ALTER TABLE {s.table()} ADD CONSTRAINT {s.name('k')} FOREIGN KEY ({s.column()}) REFERENCES {s.table()} {s.pick('', 'ON DELETE CASCADE', 'ON UPDATE SET NULL')} {s.pick('', 'NOT VALID')}",
        lambda s: f"ALTER TABLE {s.table()} VALIDATE CONSTRAINT {s.name('k')}",
        lambda s: f"ALTER TABLE {s.table()} DROP CONSTRAINT {s.name('k')}",
        lambda s: f"ALTER TABLE {s.table()} RENAME CONSTRAINT {s.name('k')} TO {s.name('k')}",
        lambda s: f"ALTER TABLE {s.table()} {s.pick('SET UNLOGGED', 'SET LOGGED', 'SET (autovacuum_enabled = off)', 'RESET (autovacuum_enabled)', 'REPLICA IDENTITY FULL', 'REPLICA IDENTITY DEFAULT')}",
        lambda s: f"ALTER TABLE {s.table()} {s.pick('ENABLE', 'DISABLE', 'FORCE', 'NO FORCE')} ROW LEVEL SECURITY",
        lambda s: f"CREATE POLICY {s.name('p')} ON {s.table()} {s.pick('', 'AS RESTRICTIVE')} {s.pick('', 'FOR SELECT')} USING (true)",
        lambda s: f"DROP POLICY {s.name('p')} ON {s.table()}",
        lambda s: f"CREATE {s.pick('', 'UNIQUE')} INDEX {s.name('i')} ON {s.table()} ({s.column()} {s.pick('', 'DESC', 'NULLS FIRST')}) {s.pick('', 'WHERE ' + 'c0 IS NOT NULL')}",
        lambda s: f"CREATE INDEX {s.name('i')} ON {s.table()} ((c0::text)) INCLUDE ({s.column()})",
        lambda s: f"DROP INDEX {s.name('i')}",
        lambda s: f"ALTER INDEX {s.name('i')} {s.pick('RENAME TO ' + s.name('i'), 'SET (fillfactor = 50)')}",
        lambda s: f"ALTER TABLE {s.table()} CLUSTER ON {s.name('i')}",
        lambda s: f"CREATE STATISTICS {s.name('st')} ON c0, c1 FROM {s.table()}",
        lambda s: f"DROP STATISTICS {s.name('st')}",
        lambda s: f"CREATE {s.pick('', 'OR REPLACE')} VIEW {s.name('v')} AS SELECT {s.pick('c0', '1 AS c0', 'c0, c1')} FROM {s.table()}",
        lambda s: f"CREATE MATERIALIZED VIEW {s.name('m')} AS SELECT c0 FROM {s.table()} {s.pick('', 'WITH NO DATA')}",
        lambda s: f"DROP {s.pick('VIEW', 'MATERIALIZED VIEW')} {s.pick(s.name('v'), s.name('m'))} {s.pick('', 'CASCADE')}",
        lambda s: f"CREATE {s.pick('', 'OR REPLACE')} FUNCTION {s.name('f')}({s.pick('', 'a int', 'a text DEFAULT NULL')}) RETURNS int LANGUAGE {s.pick('sql', 'plpgsql')} {s.pick('', 'IMMUTABLE', 'SECURITY DEFINER', 'STRICT')} AS $$ {s.pick('SELECT 1', 'BEGIN RETURN 2; END')} $$",
        lambda s: f"CREATE FUNCTION {s.name('tf')}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        lambda s: f"CREATE PROCEDURE {s.name('pr')}() LANGUAGE sql BEGIN ATOMIC SELECT {s.rnd.randrange(3)}; END",
        lambda s: f"DROP {s.pick('FUNCTION', 'PROCEDURE')} {s.pick(s.name('f'), s.name('tf'), s.name('pr'))} {s.pick('', 'CASCADE')}",
        lambda s: f"CREATE AGGREGATE {s.name('ag')}(int) (SFUNC = int4pl, STYPE = int, INITCOND = '{s.rnd.randrange(2)}')",
        lambda s: f"CREATE TRIGGER {s.name('g')} {s.pick('BEFORE', 'AFTER')} {s.pick('INSERT', 'UPDATE OF c0', 'DELETE')} ON {s.table()} FOR EACH ROW EXECUTE FUNCTION {s.name('tf')}()",
        lambda s: f"DROP TRIGGER {s.name('g')} ON {s.table()}",
        lambda s: f"ALTER TABLE {s.table()} {s.pick('DISABLE', 'ENABLE', 'ENABLE ALWAYS')} TRIGGER {s.name('g')}",
        lambda s: f"CREATE RULE {s.name('r')} AS ON INSERT TO {s.table()} DO {s.pick('ALSO', 'INSTEAD')} NOTHING",
        lambda s: f"DROP RULE {s.name('r')} ON {s.table()}",
        lambda s: f"CREATE TYPE {s.name('e')} AS ENUM ('a', 'b')",
        lambda s: f"ALTER TYPE {s.name('e')} ADD VALUE '{s.pick('c', 'd')}' {s.pick('', 'BEFORE ' + chr(39) + 'b' + chr(39))}",
        lambda s: f"CREATE TYPE {s.name('ct')} AS (x int, y text)",
        lambda s: f"ALTER TYPE {s.name('ct')} {s.pick('ADD ATTRIBUTE z int', 'DROP ATTRIBUTE y', 'RENAME ATTRIBUTE x TO w')}",
        lambda s: f"CREATE DOMAIN {s.name('d')} AS int {s.pick('', 'NOT NULL', 'DEFAULT 3')} CHECK (VALUE > {s.rnd.randrange(3)})",
        lambda s: f"DROP {s.pick('TYPE ' + s.name('e'), 'TYPE ' + s.name('ct'), 'DOMAIN ' + s.name('d'))} CASCADE",
        lambda s: f"CREATE SEQUENCE {s.name('s')} {s.pick('', 'INCREMENT 5', 'CYCLE', 'AS smallint')}",
        lambda s: f"ALTER SEQUENCE {s.name('s')} {s.pick('INCREMENT 7', 'CACHE 5', 'MAXVALUE 1000', 'OWNED BY ' + s.table() + '.c0')}",
        lambda s: f"DROP SEQUENCE {s.name('s')} CASCADE",
        lambda s: f"CREATE SCHEMA {s.name('sc')}",
        lambda s: f"CREATE TABLE {s.name('sc')}.{s.table()} ({s.columns()})",
        lambda s: f"ALTER TABLE {s.table()} SET SCHEMA {s.name('sc')}",
        lambda s: f"DROP SCHEMA {s.name('sc')} CASCADE",
        lambda s: f"{s.pick('GRANT', 'GRANT', 'REVOKE')} {s.pick('SELECT', 'INSERT', 'ALL', 'SELECT (c0)')} ON {s.table()} {{}} snapshot_reader",
        lambda s: f"GRANT EXECUTE ON FUNCTION {s.name('f')}() TO snapshot_reader",
        lambda s: f"REVOKE EXECUTE ON FUNCTION {s.name('f')}() FROM PUBLIC",
        lambda s: f"GRANT USAGE ON {s.pick('SCHEMA ' + s.name('sc'), 'SEQUENCE ' + s.name('s'), 'TYPE ' + s.name('e'))} TO snapshot_reader",
        lambda s: f"ALTER DEFAULT PRIVILEGES {s.pick('', 'IN SCHEMA public')} GRANT SELECT ON TABLES TO snapshot_reader",
        lambda s: f"ALTER DEFAULT PRIVILEGES {s.pick('', 'IN SCHEMA public')} REVOKE SELECT ON TABLES FROM snapshot_reader",
        lambda s: f"COMMENT ON {s.pick('TABLE ' + s.table(), 'COLUMN ' + s.table() + '.c0', 'INDEX ' + s.name('i'), 'SCHEMA public', 'FUNCTION ' + s.name('f') + '()', 'CONSTRAINT ' + s.name('k') + ' ON ' + s.table())} IS {s.pick('NULL', chr(39) + 'one' + chr(39), chr(39) + 'it' + chr(39) * 2 + 's' + chr(39))}",
        lambda s: f"CREATE PUBLICATION {s.name('pub')} FOR {s.pick('ALL TABLES', 'TABLE ' + s.table())}",
        lambda s: f"ALTER PUBLICATION {s.name('pub')} SET (publish = '{s.pick('insert', 'insert, update')}')",
        lambda s: f"DROP PUBLICATION {s.name('pub')}",
        lambda s: f"CREATE EVENT TRIGGER {s.name('ev')} ON ddl_command_end EXECUTE FUNCTION event_function()",
        lambda s: f"DROP EVENT TRIGGER {s.name('ev')}",
        lambda s: f"CREATE COLLATION {s.name('co')} (provider = icu, locale = '{s.pick('de', 'sv')}')",
        lambda s: f"CREATE CAST ({s.name('e')} AS int) WITH INOUT",
        lambda s: f"CREATE OPERATOR {s.pick('===', '!==')} (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)",
        lambda s: f"CREATE TEXT SEARCH CONFIGURATION {s.name('ts')} (COPY = {s.pick('simple', 'english')})",
        # what changes no schema
        lambda s: f"INSERT INTO {s.table()} DEFAULT VALUES",
        lambda s: f"SELECT nextval('{s.name('s')}')",
        lambda s: f"ANALYZE {s.table()}",
        lambda s: f"REINDEX TABLE {s.table()}",
        lambda s: f"VACUUM FULL {s.table()}",
        lambda s: "SELECT 1",
    ]

    def statement(self):
        text = super().statement()
        return text.replace("{}", "FROM" if text.startswith("REVOKE") else "TO")

    def prepare(self, database):
        if database.sql("SELECT 1 FROM pg_roles WHERE rolname = 'snapshot_reader'") != "1":
            database.sql("CREATE ROLE snapshot_reader")
        database.sql("CREATE FUNCTION event_function() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$")


class SqliteChanges(Changes):
    def columns(self):
        return ", ".join(f"c{i} {self.pick('INTEGER', 'TEXT', 'REAL NOT NULL DEFAULT 0', 'BLOB')}" for i in range(self.rnd.randrange(1, 4)))

    KINDS = [
        lambda s: f"CREATE TABLE {s.table()} ({s.columns()})",
        lambda s: f"CREATE TABLE {s.table()} (id INTEGER PRIMARY KEY {s.pick('', 'AUTOINCREMENT')}, {s.columns()}) {s.pick('', 'STRICT')}",
        lambda s: f"CREATE TABLE {s.table()} (c0 TEXT PRIMARY KEY, c1 INTEGER CHECK (c1 > {s.rnd.randrange(3)}), c2 AS (c1 + 1) {s.pick('', 'STORED')}) {s.pick('', 'WITHOUT ROWID')}",
        lambda s: f"CREATE TABLE {s.table()} (c0 INTEGER REFERENCES {s.table()} {s.pick('', 'ON DELETE CASCADE')}, c1 TEXT COLLATE NOCASE UNIQUE)",
        lambda s: f"DROP TABLE {s.table()}",
        lambda s: f"ALTER TABLE {s.table()} ADD COLUMN {s.column()} {s.pick('TEXT', 'INTEGER DEFAULT 3')}",
        lambda s: f"ALTER TABLE {s.table()} DROP COLUMN {s.column()}",
        lambda s: f"ALTER TABLE {s.table()} RENAME COLUMN {s.column()} TO {s.column()}",
        lambda s: f"ALTER TABLE {s.table()} RENAME TO {s.table()}",
        lambda s: f"CREATE {s.pick('', 'UNIQUE')} INDEX {s.name('i')} ON {s.table()} ({s.column()} {s.pick('', 'DESC', 'COLLATE NOCASE')}) {s.pick('', 'WHERE c0 IS NOT NULL')}",
        lambda s: f"CREATE INDEX {s.name('i')} ON {s.table()} (lower(c0))",
        lambda s: f"DROP INDEX {s.name('i')}",
        lambda s: f"CREATE VIEW {s.name('v')} AS SELECT {s.pick('c0', '1 AS c0', 'c0, c1')} FROM {s.table()}",
        lambda s: f"DROP VIEW {s.name('v')}",
        lambda s: f"CREATE TRIGGER {s.name('g')} AFTER {s.pick('INSERT', 'UPDATE', 'DELETE')} ON {s.table()} BEGIN DELETE FROM {s.table()} WHERE c0 = {s.rnd.randrange(3)}; END",
        lambda s: f"DROP TRIGGER {s.name('g')}",
        lambda s: f"CREATE VIRTUAL TABLE {s.name('fts')} USING fts5 (c0 {s.pick('', ', c1')})",
        lambda s: f"DROP TABLE {s.name('fts')}",
        lambda s: f"INSERT INTO {s.table()} DEFAULT VALUES",
        lambda s: "ANALYZE",
        lambda s: "VACUUM",
        lambda s: f"REINDEX {s.table()}",
    ]

    def prepare(self, database):
        pass


class MariaChanges(Changes):
    def columns(self):
        return ", ".join(f"c{i} {self.pick('INT', 'BIGINT UNSIGNED', 'VARCHAR(20) NOT NULL', 'TEXT', 'DECIMAL(10,2) DEFAULT 1', 'DATETIME(3)', 'JSON', 'TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP')}"
                         for i in range(self.rnd.randrange(1, 4)))

    KINDS = [
        lambda s: f"CREATE TABLE {s.table()} ({s.columns()})",
        lambda s: f"CREATE TABLE {s.table()} (id INT AUTO_INCREMENT PRIMARY KEY, {s.columns()}) {s.pick('', 'ROW_FORMAT=COMPRESSED', 'COMMENT=' + chr(39) + 'x' + chr(39), 'COLLATE=utf8mb4_bin')}",
        lambda s: f"CREATE TABLE {s.table()} (c0 INT PRIMARY KEY, c1 INT AS (c0 * 2) {s.pick('VIRTUAL', 'STORED')}, c2 INT CHECK (c2 > {s.rnd.randrange(3)}))",
        lambda s: f"CREATE TABLE part (c0 INT) PARTITION BY RANGE (c0) (PARTITION a VALUES LESS THAN ({s.pick(5, 10)}))",
        lambda s: "ALTER TABLE part ADD PARTITION (PARTITION b VALUES LESS THAN (20))",
        lambda s: f"DROP TABLE {s.pick(s.table(), s.table(), 'part')}",
        lambda s: f"ALTER TABLE {s.table()} ADD COLUMN {s.column()} {s.pick('INT', 'VARCHAR(30) DEFAULT ' + chr(39) + 'a' + chr(39), 'TEXT COMMENT ' + chr(39) + 'c' + chr(39))} {s.pick('', 'FIRST', 'AFTER c0')}",
        lambda s: f"ALTER TABLE {s.table()} DROP COLUMN {s.column()}",
        lambda s: f"ALTER TABLE {s.table()} RENAME COLUMN {s.column()} TO {s.column()}",
        lambda s: f"ALTER TABLE {s.table()} MODIFY {s.column()} {s.pick('BIGINT', 'INT NULL', 'VARCHAR(40) CHARACTER SET latin1', 'TEXT')}",
        lambda s: f"RENAME TABLE {s.table()} TO {s.table()}",
        lambda s: f"ALTER TABLE {s.table()} {s.pick('ENGINE=InnoDB', 'ENGINE=Aria', 'COMMENT=' + chr(39) + 'y' + chr(39), 'CONVERT TO CHARACTER SET utf8mb4', 'FORCE')}",
        lambda s: f"ALTER TABLE {s.table()} ADD CONSTRAINT {s.name('k')} CHECK (c0 IS NOT NULL)",
        lambda s: f"ALTER TABLE {s.table()} ADD CONSTRAINT {s.name('k')} FOREIGN KEY ({s.column()}) REFERENCES {s.table()} ({s.pick('id', 'c0')}) {s.pick('', 'ON DELETE CASCADE')}",
        lambda s: f"ALTER TABLE {s.table()} DROP {s.pick('CONSTRAINT', 'FOREIGN KEY', 'INDEX')} {s.name('k')}",
        lambda s: f"CREATE {s.pick('', 'UNIQUE', 'FULLTEXT')} INDEX {s.name('i')} ON {s.table()} ({s.column()}{s.pick('', '(5)')})",
        lambda s: f"DROP INDEX {s.name('i')} ON {s.table()}",
        lambda s: f"CREATE {s.pick('', 'OR REPLACE')} {s.pick('', 'ALGORITHM=MERGE', 'SQL SECURITY INVOKER')} VIEW {s.name('v')} AS SELECT {s.pick('c0', '1 AS c0', 'c0, c1')} FROM {s.table()}",
        lambda s: f"DROP VIEW {s.name('v')}",
        lambda s: f"CREATE TRIGGER {s.name('g')} {s.pick('BEFORE', 'AFTER')} {s.pick('INSERT', 'DELETE')} ON {s.table()} FOR EACH ROW SET @x = {s.rnd.randrange(3)}",
        lambda s: f"DROP TRIGGER {s.name('g')}",
        lambda s: f"CREATE {s.pick('FUNCTION ' + s.name('f') + '(a INT) RETURNS INT DETERMINISTIC RETURN a + ' + str(s.rnd.randrange(3)), 'PROCEDURE ' + s.name('p') + '() SELECT ' + str(s.rnd.randrange(3)))}",
        lambda s: f"DROP {s.pick('FUNCTION ' + s.name('f'), 'PROCEDURE ' + s.name('p'))}",
        lambda s: f"CREATE EVENT {s.name('e')} ON SCHEDULE EVERY {s.pick(1, 2)} DAY STARTS '2030-01-01' {s.pick('', 'DISABLE')} DO SET @y = 1",
        lambda s: f"DROP EVENT {s.name('e')}",
        lambda s: f"CREATE SEQUENCE {s.name('s')} {s.pick('', 'INCREMENT BY 5')}",
        lambda s: f"DROP SEQUENCE {s.name('s')}",
        lambda s: f"INSERT INTO {s.table()} () VALUES ()",
        lambda s: f"SELECT NEXTVAL({s.name('s')})",
        lambda s: f"ANALYZE TABLE {s.table()}",
        lambda s: f"ALTER TABLE {s.table()} AUTO_INCREMENT = {s.rnd.randrange(100, 200)}",
    ]

    def prepare(self, database):
        pass


def show_create(database):
    """mariadb-dump gives up where a view is broken; SHOW CREATE does not."""
    rows = database.sql("SELECT IF(table_type = 'VIEW', 'VIEW', IF(table_type = 'SEQUENCE', 'SEQUENCE', 'TABLE')), table_name FROM information_schema.tables "
                        "WHERE table_schema = DATABASE() UNION ALL SELECT 'TRIGGER', trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE() "
                        "UNION ALL SELECT routine_type, routine_name FROM information_schema.routines WHERE routine_schema = DATABASE() "
                        "UNION ALL SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = DATABASE() ORDER BY 1, 2").splitlines()
    text = database.sql("; ".join(f"SHOW CREATE {kind} `{name}`" for kind, name in (row.split("\t") for row in rows)) or "SELECT 1")
    # a trigger's line ends with when it was made
    return re.sub(r"\t20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d\d$", "", re.sub(r" AUTO_INCREMENT=\d+", "", text), flags=re.M)


def dump_of(database):
    return show_create(database) if database.engine == "mariadb" else database.dump()


CHANGES = {"postgres": PostgresChanges, "sqlite": SqliteChanges, "mariadb": MariaChanges}


def run(database, text):
    """Whether the statement worked."""
    try:
        database.sql(text)
        return True
    except Exception:
        return False


def random_walk(servers, engine):
    """The states that are seen, by dump and by snapshot: the same states must be the same, in both."""
    database = servers.database(engine)
    changes = CHANGES[engine](random.Random(f"{SEED} {engine}"))
    changes.prepare(database)
    if engine == "sqlite":
        database.sql("CREATE TABLE first (a)")
    snapshots = Snapshots(database.url, servers.folder)
    by_dump, by_text, wrong, done = {}, {}, [], []
    dump, snapshot = dump_of(database), snapshots.take()
    by_dump[dump], by_text[snapshot.text] = snapshot.text, dump
    for _ in range(STEPS * 40):
        text = changes.statement()
        if not run(database, text):
            continue
        done.append(text)
        before, was = dump, snapshot
        dump, snapshot = dump_of(database), snapshots.take()
        if (dump == before) != (snapshot.text == was.text):
            wrong.append(f"{text}\n  the dump is {'the same' if dump == before else 'another'}, the snapshot {'another' if dump == before else 'the same'}\n"
                         + difference(before, dump) + "\n" + json.dumps(snapshots.compare(was, snapshot), indent=1))
        elif by_dump.setdefault(dump, snapshot.text) != snapshot.text or by_text.setdefault(snapshot.text, dump) != dump:
            wrong.append(f"{text}\n  a state that was seen before has another {'snapshot' if by_dump[dump] != snapshot.text else 'dump'} now\n"
                         + difference(by_text.get(snapshot.text, ""), dump) + "\n" + difference(by_dump[dump], snapshot.text))
        if (was.digest == snapshot.digest) != (was.text == snapshot.text):
            wrong.append(f"{text}\n  digest and text disagree")
        if snapshot.text != snapshots.take().text:
            wrong.append(f"{text}\n  two snapshots of one state differ")
        if len(done) >= STEPS or len(wrong) > 5:
            break
    tap.ok(not wrong and len(done) >= STEPS, f"{engine}: {len(done)} random changes, {len(by_dump)} states, seed {SEED}", "\n".join(wrong) or "too few changes worked")
    snapshots.close()


def difference(a, b):
    """Lines that only one of two texts has."""
    old, new = a.splitlines(), b.splitlines()
    return "\n".join([f"  - {line}" for line in old if line not in new][:12] + [f"  + {line}" for line in new if line not in old][:12])


# ---- drift ----

DRIFT = {
    "postgres": ("CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL); CREATE INDEX users_email ON users (email); CREATE VIEW v AS SELECT id FROM users",
                 "DROP INDEX users_email; CREATE UNIQUE INDEX users_email ON users (email); ALTER TABLE users ADD COLUMN phone text; DROP VIEW v",
                 {("index", "public.users.users_email", "changed"), ("column", "public.users.phone", "added"), ("view", "public.v", "removed")}),
    "mariadb": ("CREATE TABLE users (id int PRIMARY KEY, email varchar(50) NOT NULL); CREATE INDEX users_email ON users (email); CREATE VIEW v AS SELECT id FROM users",
                "DROP INDEX users_email ON users; CREATE UNIQUE INDEX users_email ON users (email); ALTER TABLE users ADD COLUMN phone text; DROP VIEW v",
                {("index", "users.users_email", "changed"), ("column", "users.phone", "added"), ("view", "v", "removed")}),
    "sqlite": ("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL); CREATE INDEX users_email ON users (email); CREATE VIEW v AS SELECT id FROM users",
               "DROP INDEX users_email; CREATE UNIQUE INDEX users_email ON users (email); ALTER TABLE users ADD COLUMN phone text; DROP VIEW v",
               {("index", "users.users_email", "changed"), ("column", "users.phone", "added"), ("view", "v", "removed")}),
}


def drift(servers, engine):
    database = servers.database(engine)
    make, change, wanted = DRIFT[engine]
    for text in make.split("; "):
        database.sql(text)
    snapshots = Snapshots(database.url, servers.folder)
    before = snapshots.take()
    tap.equal(snapshots.compare(before, before), [], f"{engine}: no drift")
    for text in change.split("; "):
        database.sql(text)
    found = snapshots.compare(before, snapshots.take())
    got = {(d["kind"], d["name"], d["change"]) for d in found}
    tap.ok(wanted <= got, f"{engine}: an index made another, a column added, a view dropped", found)
    index = [d for d in found if d["kind"] == "index"]
    tap.ok(len(index) == 1 and "UNIQUE" in index[0]["found"].upper() and "UNIQUE" not in index[0]["expected"].upper(), f"{engine}: with both definitions", index)
    own = "CREATE TABLE _migration_history (x int)"
    after = snapshots.take()
    database.sql(own)
    tap.equal(snapshots.compare(after, snapshots.take()), [], f"{engine}: the ledger's own tables do not count")
    snapshots.close()


def two_databases(servers, engine):
    """The same statements in two databases give the same text: nothing of the place is in it."""
    texts = []
    for _ in range(2):
        database = servers.database(engine)
        changes = CHANGES[engine](random.Random(f"two {SEED} {engine}"))
        if engine == "sqlite" or not texts:
            changes.prepare(database)
        else:
            changes.prepare(database)
        if engine == "sqlite":
            database.sql("CREATE TABLE first (a)")
        done = 0
        for _ in range(1500):
            done += run(database, changes.statement())
            if done == 40:
                break
        snapshots = Snapshots(database.url, servers.folder)
        texts.append(snapshots.take().text.replace(database.name if engine != "sqlite" else "\0", "NAME"))
        snapshots.close()
    tap.ok(texts[0] == texts[1] and texts[0].count("\n") > 3, f"{engine}: two databases with one history, seed {SEED}", difference(*texts))


with Servers() as servers:
    for engine in servers.engines():
        drift(servers, engine)
        random_walk(servers, engine)
        two_databases(servers, engine)
sys.exit(tap.done())
