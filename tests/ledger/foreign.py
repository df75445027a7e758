#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
foreign.py ENGINE PUPPET: other tools' histories, found, read and written. The tools themselves are asked where they
can be had: in PATH, or below the folder that DATAFLOW_PEERS names (bin/, npm/node_modules/.bin/, flyway/*.jar).
"""
import glob
import hashlib
import os
import re
import shutil
import subprocess
import zlib

from puppets import ServerError, main, tap

check, equal, contains = tap.check, tap.equal, tap.contains
PEERS = os.environ.get("DATAFLOW_PEERS", "")


def tool(name):
    """Where the program is; None."""
    for folder in (os.path.join(PEERS, "bin"), os.path.join(PEERS, "npm", "node_modules", ".bin")):
        if PEERS and os.access(os.path.join(folder, name), os.X_OK):
            return os.path.join(folder, name)
    return shutil.which(name)


def run(command, cwd=None, **environment):
    """(status, output) of a tool."""
    done = subprocess.run(command, cwd=cwd, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=300)
    return done.returncode, done.stdout


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", newline="") as f:
        f.write(text)
    return path


def new_folder(place, name):
    folder = os.path.join(place.folder, f"{name}-{place.count}")
    os.makedirs(folder)
    return folder


def tcp(place, name):
    """host, port, user, password, database of a server."""
    server = place.server
    return "127.0.0.1", server.port.number, "dataflow", server.password, name


# ---- with the tools themselves

class Tool:
    """How one tool is used: write a migration of its layout, apply all, and what it says is still to do."""

    def __init__(self, place):
        self.place = place
        self.name = place.database()
        self.folder = new_folder(place, type(self).__name__.lower())

    def add(self, number):
        raise NotImplementedError

    def apply(self):
        raise NotImplementedError

    def pending(self):
        """(how many migrations it would still run, what it said)"""
        raise NotImplementedError


class Goose(Tool):
    engines = ("postgres", "mariadb", "sqlite")
    program = "goose"

    def add(self, number):
        write(self.folder, f"{number:05d}_step_{number}.sql",
              f"-- +goose Up\nCREATE TABLE t{number} (id INTEGER);\n-- +goose Down\nDROP TABLE t{number};\n")

    def goose(self, *arguments):
        if self.place.engine == "sqlite":
            return run([tool("goose"), "-dir", self.folder, "sqlite3", self.place.path(self.name), *arguments])
        host, port, user, password, database = tcp(self.place, self.name)
        if self.place.engine == "postgres":
            dsn = f"postgres://{user}:{password}@{host}:{port}/{database}?sslmode=disable"
            return run([tool("goose"), "-dir", self.folder, "postgres", dsn, *arguments])
        return run([tool("goose"), "-dir", self.folder, "mysql", f"{user}:{password}@tcp({host}:{port})/{database}?parseTime=true",
                    *arguments])

    def apply(self):
        return self.goose("up")

    def pending(self):
        status, said = self.goose("status")
        return said.count("Pending") if status == 0 else -1, said


class Dbmate(Tool):
    engines = ("postgres", "mariadb", "sqlite")
    program = "dbmate"

    def add(self, number):
        write(self.folder, f"2024010100000{number}_step_{number}.sql",
              f"-- migrate:up\nCREATE TABLE t{number} (id INTEGER);\n-- migrate:down\nDROP TABLE t{number};\n")

    def dbmate(self, *arguments):
        url = f"sqlite:{self.place.path(self.name)}"
        if self.place.server:
            host, port, user, password, database = tcp(self.place, self.name)
            scheme = "postgres" if self.place.engine == "postgres" else "mysql"
            url = f"{scheme}://{user}:{password}@{host}:{port}/{database}" + ("?sslmode=disable" if scheme == "postgres" else "")
        return run([tool("dbmate"), "--url", url, "--migrations-dir", self.folder, "--no-dump-schema", *arguments])

    def apply(self):
        return self.dbmate("migrate")

    def pending(self):
        status, said = self.dbmate("status")
        found = re.search(r"Pending: (\d+)", said)
        return int(found[1]) if status == 0 and found else -1, said


class GolangMigrate(Tool):
    engines = ("postgres", "mariadb", "sqlite")
    program = "migrate"

    def add(self, number):
        write(self.folder, f"{number:06d}_step_{number}.up.sql", f"CREATE TABLE t{number} (id INTEGER);\n")
        write(self.folder, f"{number:06d}_step_{number}.down.sql", f"DROP TABLE t{number};\n")

    def migrate(self, *arguments):
        url = f"sqlite3://{self.place.path(self.name)}"
        if self.place.server:
            host, port, user, password, database = tcp(self.place, self.name)
            url = (f"postgres://{user}:{password}@{host}:{port}/{database}?sslmode=disable" if self.place.engine == "postgres"
                   else f"mysql://{user}:{password}@tcp({host}:{port})/{database}")
        return run([tool("migrate"), "-path", self.folder, "-database", url, *arguments])

    def apply(self):
        return self.migrate("up")

    def pending(self):
        status, said = self.migrate("version")
        newest = max(int(name.split("_")[0]) for name in os.listdir(self.folder))
        return newest - int(said.split()[0]) if status == 0 and said.split()[0].isdigit() and "dirty" not in said else -1, said


class NodePgMigrate(Tool):
    engines = ("postgres",)
    program = "node-pg-migrate"

    def add(self, number):
        write(self.folder, f"170000000000{number}_step-{number}.sql",
              f"-- Up Migration\nCREATE TABLE t{number} (id INTEGER);\n-- Down Migration\nDROP TABLE t{number};\n")

    def node(self, *arguments):
        host, port, user, password, database = tcp(self.place, self.name)
        return run([tool("node-pg-migrate"), *arguments, "-m", self.folder],
                   DATABASE_URL=f"postgres://{user}:{password}@{host}:{port}/{database}")

    def apply(self):
        return self.node("up")

    def pending(self):
        status, said = self.node("up", "--dry-run")
        return said.count("### MIGRATION") if status == 0 else -1, said


FLYWAY = """
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.MigrationInfo;
public class Run {
    public static void main(String[] a) {
        Flyway flyway = Flyway.configure().dataSource(a[1], a[2], a[3]).locations("filesystem:" + a[4]).load();
        if (a[0].equals("migrate")) flyway.migrate();
        if (a[0].equals("validate")) flyway.validate();
        int pending = 0;
        for (MigrationInfo info : flyway.info().pending()) pending++;
        System.out.println("pending=" + pending);
    }
}
"""


class Flyway(Tool):
    engines = ("postgres", "mariadb", "sqlite")
    program = "flyway"

    @staticmethod
    def available():
        return bool(shutil.which("java") and glob.glob(os.path.join(PEERS, "flyway", "flyway-core-*.jar")))

    def add(self, number):
        # With a byte order mark, CRLF and letters beyond ASCII: the checksum must be theirs all the same.
        write(self.folder, f"V1_{number}__Step_number_{number}.sql",
              f"\ufeff-- größer\r\nCREATE TABLE t{number} (id INTEGER);\r\n\r\n-- end")
        write(self.folder, "R__a_view.sql", "-- nothing but a comment\nSELECT 1;\n")

    def flyway(self, command):
        if not os.path.exists(os.path.join(self.folder, "..", "Run.java")):
            write(os.path.join(self.folder, ".."), "Run.java", FLYWAY)
        url, user, password = f"jdbc:sqlite:{self.place.path(self.name)}", "", ""
        if self.place.server:
            host, port, user, password, database = tcp(self.place, self.name)
            kind = "postgresql" if self.place.engine == "postgres" else "mariadb"
            url = f"jdbc:{kind}://{host}:{port}/{database}"
        return run(["java", "-cp", os.path.join(PEERS, "flyway", "*"), os.path.join(self.folder, "..", "Run.java"), command, url,
                    user, password, self.folder])

    def apply(self):
        return self.flyway("migrate")

    def pending(self):
        status, said = self.flyway("validate" if self.validates else "info")
        found = re.search(r"pending=(\d+)", said)
        return int(found[1]) if status == 0 and found else -1, said

    validates = True


def with_tool(place, kind):
    there = kind.available() if hasattr(kind, "available") else tool(kind.program)
    if place.engine not in kind.engines:
        return
    if not there:
        return tap.skip(kind.__name__, f"{kind.program} is not installed")
    used = kind(place)
    if place.engine == "sqlite":
        place.sql(used.name, "PRAGMA user_version = 1")  # makes the file
    used.add(1)
    used.add(2)
    status, said = used.apply()
    check(status == 0, f"{kind.__name__} applies two migrations", said)
    ours = place.puppet(used.name)
    contains(ours.told("create"), "ok", "the ledger beside its history")
    found = ours.told("find")
    check(found.count("/ok/") >= (1 if "newest" in found else 2), "its history is found and read", found)
    contains(ours.told("take 0 0"), "ok", "under the lock")
    repeatable = 1 if kind is Flyway else 0
    equal(ours.told(f"mark {used.folder} 2"), "ok ", "what it applied counts as applied")
    used.add(3)
    place.sql(used.name, "CREATE TABLE t3 (id INTEGER)")
    equal(ours.told(f"mark {used.folder} {3 + repeatable}"), "ok ", "another one is applied by us")
    equal(ours.told(f"handback {used.folder}"), "ok 1", "and handed back")
    equal(ours.told(f"handback {used.folder}"), "ok 0", "once")
    pending, said = used.pending()
    equal(pending, 0, f"{kind.__name__} finds nothing to do and nothing to complain about")
    if pending:
        print("# " + said.replace("\n", "\n# "))
    used.add(4)
    status, said = used.apply()
    check(status == 0, "it goes on with the next", said)
    try:
        equal(place.sql(used.name, "SELECT COUNT(*) FROM t4"), "0", "which is there now")
    except ServerError as problem:
        check(False, "which is there now", problem, said)


def test_goose(place):
    with_tool(place, Goose)


def test_dbmate(place):
    with_tool(place, Dbmate)


def test_golang_migrate(place):
    with_tool(place, GolangMigrate)


def test_node_pg_migrate(place):
    with_tool(place, NodePgMigrate)


def test_flyway(place):
    with_tool(place, Flyway)


# ---- tables as the tools make them, where the tools cannot be had

TIME = {"postgres": "TIMESTAMPTZ", "mariadb": "TIMESTAMP NULL", "sqlite": "TIMESTAMP"}
BYTES = {"postgres": "BYTEA", "mariadb": "BLOB", "sqlite": "BLOB"}
SERIAL = {"postgres": "SERIAL PRIMARY KEY", "mariadb": "INT AUTO_INCREMENT PRIMARY KEY", "sqlite": "INTEGER PRIMARY KEY"}
HEX = {"postgres": "encode(checksum, 'hex')", "mariadb": "LOWER(HEX(checksum))", "sqlite": "lower(hex(checksum))"}


def prepared(place, *statements):
    name = place.database()
    ours = place.puppet(name)
    ours.told("create")
    ours.told("take 0 0")
    for statement in statements:
        place.sql(name, statement)
    return name, ours


def test_sqlx(place):
    first = "CREATE TABLE a (id INTEGER);\n"
    second = "-- größer\r\nCREATE TABLE b (id INTEGER);"
    name, ours = prepared(place, f"CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, "
                          f"installed_on {TIME[place.engine]} DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum "
                          f"{BYTES[place.engine]} NOT NULL, execution_time BIGINT NOT NULL)")
    folder = new_folder(place, "sqlx")
    write(folder, "20240101000001_first_one.sql", first)
    write(folder, "20240101000002_second_one.sql", second)
    equal(ours.told("find"), "ok sqlx _sqlx_migrations :", "sqlx: an empty history is found")
    equal(ours.told(f"mark {folder} 2"), "ok ", "two migrations")
    equal(ours.told(f"handback {folder}"), "ok 2", "are handed back")
    sums = place.sql(name, f"SELECT {HEX[place.engine]} FROM _sqlx_migrations ORDER BY version").split()
    equal(sums, [hashlib.sha384(text.encode()).hexdigest() for text in (first, second)], "with the sums of SHA-384")
    equal(place.sql(name, "SELECT description FROM _sqlx_migrations ORDER BY version").splitlines(), ["first one", "second one"],
          "and descriptions in its style")
    contains(ours.told("find"), "20240101000001/first one/ok/timed 20240101000002/second one/ok/timed", "and read again")


def test_prisma(place):
    text = "CREATE TABLE a (id INTEGER);\n"
    name, ours = prepared(place, f"CREATE TABLE _prisma_migrations (id VARCHAR(36) PRIMARY KEY, checksum VARCHAR(64) NOT NULL, "
                          f"finished_at {TIME[place.engine]}, migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at "
                          f"{TIME[place.engine]}, started_at {TIME[place.engine]} DEFAULT CURRENT_TIMESTAMP, applied_steps_count "
                          "INTEGER NOT NULL DEFAULT 0)",
                          "INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', 'y', '20230101000000_broken')",
                          "INSERT INTO _prisma_migrations (id, checksum, migration_name, rolled_back_at) VALUES ('z', 'y', "
                          "'20230201000000_back', CURRENT_TIMESTAMP)")
    folder = new_folder(place, "prisma")
    write(folder, "20240101000001_first/migration.sql", text)
    write(folder, "migration_lock.toml", 'provider = "postgresql"\n')
    contains(ours.told("find"), "prisma _prisma_migrations : /20230101000000_broken/failed/timed", "prisma: a failed one is read")
    equal(ours.told(f"mark {folder} 1"), "ok ", "one migration")
    equal(ours.told(f"handback {folder}"), "ok 1", "is handed back")
    equal(place.sql(name, "SELECT checksum FROM _prisma_migrations WHERE migration_name = '20240101000001_first'"),
          hashlib.sha256(text.encode()).hexdigest(), "with its sum")
    equal(place.sql(name, "SELECT COUNT(*) FROM _prisma_migrations WHERE applied_steps_count = 1 AND finished_at IS NOT NULL"), "1",
          "finished")
    contains(ours.told("find"), "/20240101000001_first/ok/timed", "and read again")


def test_diesel(place):
    name, ours = prepared(place, f"CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY, run_on "
                          f"{TIME[place.engine]} DEFAULT CURRENT_TIMESTAMP)",
                          "INSERT INTO __diesel_schema_migrations (version) VALUES ('20170923182408')")
    folder = new_folder(place, "diesel")
    for version in ("2017-09-23-182408", "20180101000000"):
        write(folder, f"{version}_step/up.sql", "SELECT 1;\n")
        write(folder, f"{version}_step/down.sql", "SELECT 1;\n")
    contains(ours.told("find"), "diesel __diesel_schema_migrations : 20170923182408//ok/timed", "diesel: its history is read")
    equal(ours.told(f"mark {folder} 2"), "ok ", "two migrations, one of them with a dated name")
    equal(ours.told(f"handback {folder}"), "ok 1", "the other one is handed back")
    equal(place.sql(name, "SELECT version FROM __diesel_schema_migrations ORDER BY version").split(),
          ["20170923182408", "20180101000000"], "in its style")


def test_kratos_and_authelia(place):
    name, ours = prepared(place, "CREATE TABLE schema_migration (version VARCHAR(48) NOT NULL, version_self INT NOT NULL DEFAULT 0)",
                          "INSERT INTO schema_migration (version) VALUES ('20150100000001000000')")
    equal(ours.told("find"), "ok kratos schema_migration : 20150100000001000000//ok/-", "kratos: its history is read")
    name, ours = prepared(place, f"CREATE TABLE migrations (id {SERIAL[place.engine]}, applied {TIME[place.engine]} DEFAULT "
                          "CURRENT_TIMESTAMP, version_before INT, version_after INT, application_version VARCHAR(128))",
                          "INSERT INTO migrations (version_before, version_after, application_version) VALUES (0, 1, 'v4')")
    folder = new_folder(place, "authelia")
    for i in (1, 2, 3):
        write(folder, f"V{i:04d}.Step{i}.up.sql", f"CREATE TABLE t{i} (id INTEGER);\n")
        write(folder, f"V{i:04d}.Step{i}.down.sql", f"DROP TABLE t{i};\n")
    equal(ours.told("find"), "ok authelia migrations newest : 1//ok/timed", "authelia: its newest version is read")
    equal(ours.told(f"mark {folder} 3"), "ok ", "three migrations")
    equal(ours.told(f"handback {folder}"), "ok 2", "two of them are handed back")
    equal(place.sql(name, "SELECT version_after FROM migrations WHERE version_before IN (1, 2) ORDER BY id").split(), ["2", "3"],
          "step by step")


def test_flyway_rows(place):
    """What only an old or a paid Flyway writes: baselines, undone ones, deleted ones."""
    columns = ("installed_rank INT NOT NULL PRIMARY KEY, version VARCHAR(50), description VARCHAR(200) NOT NULL, type VARCHAR(20) "
               "NOT NULL, script VARCHAR(1000) NOT NULL, checksum INT, installed_by VARCHAR(100) NOT NULL, installed_on "
               f"{TIME[place.engine]} DEFAULT CURRENT_TIMESTAMP, execution_time INT NOT NULL, success BOOLEAN NOT NULL")
    rows = [(1, "'1.5'", "<< Flyway Baseline >>", "BASELINE", 1), (2, "'2'", "two", "SQL", 1), (3, "'3'", "three", "SQL", 1),
            (4, "'3'", "three", "UNDO_SQL", 1), (5, "NULL", "a view", "SQL", 1), (6, "NULL", "a view", "SQL", 1),
            (7, "'4'", "four", "SQL", 1), (8, "'4'", "four", "DELETE", 1), (9, "'5'", "five", "SQL", 0)]
    yes = {0: "FALSE", 1: "TRUE"}
    name, ours = prepared(place, f"CREATE TABLE flyway_schema_history ({columns})", *(
        "INSERT INTO flyway_schema_history (installed_rank, version, description, type, script, installed_by, execution_time, "
        f"success) VALUES ({rank}, {version}, '{description}', '{kind}', 's', 'x', 1, {yes[good]})"
        for rank, version, description, kind, good in rows))
    equal(ours.told("find"), "ok flyway flyway_schema_history 1.5: 2/two/ok/timed /a view/ok/timed 5/five/failed/timed",
          "flyway: what is applied, whatever happened before")
    folder = new_folder(place, "flyway-rows")
    text = "\ufeff-- größer\r\nCREATE TABLE t (id INTEGER);\n\n-- end"
    write(folder, "V1__one.sql", "SELECT 1;")
    write(folder, "V6__six_and.sql", text)
    equal(ours.told(f"mark {folder} 2"), "ok ", "one below the baseline, one behind")
    equal(ours.told(f"handback {folder}"), "ok 1", "only the latter is handed back")
    crc = 0
    for line in re.split(r"\r\n|\n", text[1:]):
        crc = zlib.crc32(line.encode(), crc)
    equal(place.sql(name, "SELECT checksum FROM flyway_schema_history WHERE version = '6'"), str(crc - 2 ** 32 if crc >= 2 ** 31 else crc),
          "with the checksum of its lines")
    equal(place.sql(name, "SELECT installed_rank, description, script FROM flyway_schema_history WHERE version = '6'").replace("\t", "|"),
          "10|six and|V6__six_and.sql", "in its style")


def test_golang_states(place):
    name, ours = prepared(place, "CREATE TABLE schema_migrations (version BIGINT NOT NULL PRIMARY KEY, dirty BOOLEAN NOT NULL)",
                          "INSERT INTO schema_migrations VALUES (2, TRUE)")
    equal(ours.told("find"), "ok golang-migrate schema_migrations newest dirty : 2//failed/-", "golang-migrate: a dirty one is told")
    folder = new_folder(place, "golang")
    for i in (1, 2, 3):
        write(folder, f"{i:06d}_x.up.sql", "SELECT 1;\n")
        write(folder, f"{i:06d}_x.down.sql", "SELECT 1;\n")
    ours.told(f"mark {folder} 3")
    ours.told("sql DELETE FROM _migration_history WHERE migration_id LIKE '000002%'")
    contains(ours.told(f"handback {folder}"), "refused", "a gap in our history is nothing that it could know")
    equal(place.sql(name, "SELECT version FROM schema_migrations"), "2", "and nothing is changed")
    ours.told(f"mark {folder} 3")
    equal(ours.told(f"handback {folder}"), "ok 1", "without the gap it is handed back")
    contains(ours.told("find"), "newest : 3//ok/-", "the newest, and clean")


def test_strangers(place):
    """Tables that only share a name."""
    name, ours = prepared(place, "CREATE TABLE schema_migrations (version BIGINT PRIMARY KEY, inserted_at TIMESTAMP NULL)",
                          "CREATE TABLE migrations (id INTEGER, name VARCHAR(100))", "CREATE TABLE changes (id INTEGER)")
    equal(ours.told("find"), "ok ", "a table that only shares a name is nobody's history")
    name, ours = prepared(place, "CREATE TABLE schema_version (version_partition INT, db_name VARCHAR(255), creation_time "
                          f"{TIME[place.engine]}, curr_version VARCHAR(64), min_compatible_version VARCHAR(64))",
                          "INSERT INTO schema_version VALUES (0, 'temporal', CURRENT_TIMESTAMP, '1.9', '1.0')")
    equal(ours.told("find"), "ok temporal schema_version newest : 1.9//ok/timed", "temporal: its version is read")
    folder = new_folder(place, "temporal")
    write(folder, "V1__one.sql", "SELECT 1;")
    contains(ours.told(f"handback {folder}"), "unsupported", "but cannot be written")


def test_rolled_back(place):
    """What we have taken back since must not count as applied there."""
    name, ours = prepared(place, "CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY)",
                          "INSERT INTO schema_migrations VALUES ('20240101000001')", "INSERT INTO schema_migrations VALUES ('20240101000002')")
    folder = new_folder(place, "dbmate")
    for i in (1, 2):
        write(folder, f"2024010100000{i}_x.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;\n")
    ours.told(f"mark {folder} 2")
    ours.told("sql UPDATE _migration_history SET status = 'rolled_back' WHERE migration_id LIKE '20240101000002%'")
    equal(ours.told(f"handback {folder}"), "ok 1", "one row is taken out")
    equal(place.sql(name, "SELECT version FROM schema_migrations"), "20240101000001", "the right one")


if __name__ == "__main__":
    main([test_goose, test_dbmate, test_golang_migrate, test_node_pg_migrate, test_flyway, test_sqlx, test_prisma, test_diesel,
          test_kratos_and_authelia, test_flyway_rows, test_golang_states, test_strangers, test_rolled_back])
