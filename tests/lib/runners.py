# SPDX-License-Identifier: Apache-2.0
"""
Other migration runners: how each is called, and the same history of small migrations written in the layout of each.

They are looked for in the folder that PEERS_RUNNERS names (bench/peers.sh fills one); none of them is needed to build or
use the program.
"""

import os
import subprocess

INNODB = " ENGINE=InnoDB"


# ---- one history in every layout ----


def statements(number, engine):
    """
    One migration of two to four statements: (up, down). Every tenth alters what the one before it made, every third adds
    rows.
    """
    table = f"item_{number}"
    columns = "id INTEGER PRIMARY KEY,\n    name VARCHAR(100) NOT NULL,\n    price INTEGER DEFAULT 0"
    up = [
        f"CREATE TABLE {table} (\n    {columns}\n){INNODB if engine == 'mariadb' else ''}",
        f"CREATE INDEX {table}_name ON {table} (name)",
    ]
    down = [f"DROP TABLE {table}"]
    if number % 3 == 0:
        up.append(f"INSERT INTO {table} (id, name, price) VALUES (1, 'one; and a half', 10), (2, 'it''s two', 20)")
    if number % 10 == 0:
        up.append(f"ALTER TABLE item_{number - 1} ADD COLUMN note VARCHAR(40)")
        down.insert(0, f"ALTER TABLE item_{number - 1} DROP COLUMN note")
    return up, down


def script(parts):
    return "".join(part + ";\n" for part in parts)


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


ONE_FILE = {
    "native": ("{n:04d}_item_{n}.sql", "-- UP\n{up}\n-- DOWN\n{down}"),
    "dbmate": ("{stamp}_item_{n}.sql", "-- migrate:up\n{up}\n-- migrate:down\n{down}"),
    "goose": ("{n:05d}_item_{n}.sql", "-- +goose Up\n{up}\n-- +goose Down\n{down}"),
    "node-pg-migrate": ("{ms}_item-{n}.sql", "-- Up Migration\n{up}\n-- Down Migration\n{down}"),
    "flyway": ("V{n}__item_{n}.sql", "{up}"),
}


LIQUIBASE = """<?xml version="1.0" encoding="UTF-8"?>
<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="http://www.liquibase.org/xml/ns/dbchangelog http://www.liquibase.org/xml/ns/dbchangelog/dbchangelog-latest.xsd">
<includeAll path="changes/"/>
</databaseChangeLog>
"""


def write_one(folder, layout, number, engine):
    """Migration `number` in a layout of files that stand for themselves."""
    up, down = map(script, statements(number, engine))
    if layout == "golang-migrate":
        write(folder, f"{number:06d}_item_{number}.up.sql", up)
        write(folder, f"{number:06d}_item_{number}.down.sql", down)
        return
    if layout == "liquibase":
        back = "".join(f"--rollback {line};\n" for line in statements(number, engine)[1])
        write(folder, "changelog.xml", LIQUIBASE)
        write(folder, f"changes/{number:04d}.sql", f"--liquibase formatted sql\n--changeset items:{number}\n{up}{back}")
        return
    name, text = ONE_FILE[layout]
    stamp = f"2024{1 + number // 2800:02d}{1 + number // 100 % 28:02d}{number % 100 // 10:02d}{number % 10:02d}00"
    name = name.format(n=number, stamp=stamp, ms=1700000000000 + number)
    write(folder, name, text.format(up=up, down=down))


def write_sqitch(folder, count, engine):
    name = {"postgres": "pg", "sqlite": "sqlite", "mariadb": "mysql"}[engine]
    write(folder, "sqitch.conf", f"[core]\n    engine = {name}\n")
    plan = "%syntax-version=1.0.0\n%project=items\n\n"
    for number in range(1, count + 1):
        up, down = statements(number, engine)
        plan += f"m{number} 2024-01-01T00:00:00Z Nobody <nobody@localhost> # item {number}\n"
        write(folder, f"deploy/m{number}.sql", "BEGIN;\n" + script(up) + "COMMIT;\n")
        write(folder, f"revert/m{number}.sql", "BEGIN;\n" + script(down) + "COMMIT;\n")
    write(folder, "sqitch.plan", plan)


def write_history(folder, layout, count, engine):
    """`count` migrations, in that layout, below `folder`."""
    os.makedirs(folder, exist_ok=True)
    if layout == "sqitch":
        write_sqitch(folder, count, engine)
        return
    for number in range(1, count + 1):
        write_one(folder, layout, number, engine)


# ---- databases as each of them wants to be told ----


class Address:
    """One database of tests/lib/migrations.py, over TCP where there is a server."""

    def __init__(self, database):
        self.engine, self.sqlite = database.engine, getattr(database, "path", None)
        if not self.sqlite:
            self.name, self.port, self.password = database.name, database.server.port.number, database.server.password
            self.user = "dataflow"
            self.ours = database.server.tcp_url(database.name)
        else:
            self.ours = database.url

    def url(self, scheme, query=""):
        return f"{scheme}://{self.user}:{self.password}@127.0.0.1:{self.port}/{self.name}{query}"

    def dsn(self):
        """As Go's MySQL driver writes it."""
        return f"{self.user}:{self.password}@tcp(127.0.0.1:{self.port})/{self.name}"


# ---- the runners ----


class Runner:
    """
    `table`: its history; `facts`: the columns of it that do not depend on when and who; `nothing`: what it says when there
    is nothing to do.
    """

    layout = None  # default: its name
    engines = ("postgres", "sqlite", "mariadb")
    table = facts = nothing = order = None

    def __init__(self, folder):
        self.program = os.path.join(folder, "bin", self.name)
        self.layout = self.layout or self.name

    def available(self):
        return os.access(self.program, os.X_OK)

    def environment(self, address, folder):
        return {}

    def run(self, arguments, address, folder):
        return subprocess.run([self.program, *arguments], capture_output=True, text=True, errors="replace", timeout=1800,
                              stdin=subprocess.DEVNULL, env=os.environ | self.environment(address, folder))

    def up(self, address, folder):
        return self.run(self.up_arguments(address, folder), address, folder)

    def status(self, address, folder):
        arguments = self.status_arguments(address, folder)
        return self.run(arguments, address, folder) if arguments else None


class Dbmate(Runner):
    name = "dbmate"
    table, facts, order, nothing = "schema_migrations", "version", "version", None

    def _common(self, address, folder):
        url = {"postgres": lambda: address.url("postgres", "?sslmode=disable"), "mariadb": lambda: address.url("mysql"),
               "sqlite": lambda: f"sqlite:{address.sqlite}"}[address.engine]()
        return ["--url", url, "--migrations-dir", folder, "--no-dump-schema"]

    def up_arguments(self, address, folder):
        return [*self._common(address, folder), "up"]

    def status_arguments(self, address, folder):
        return [*self._common(address, folder), "status"]


class Goose(Runner):
    name = "goose"
    table, facts, order, nothing = "goose_db_version", "version_id, is_applied", "id", "no migrations to run"

    def _common(self, address, folder):
        where = {"postgres": lambda: ["postgres", address.url("postgres", "?sslmode=disable")],
                 "mariadb": lambda: ["mysql", address.dsn() + "?parseTime=true"],
                 "sqlite": lambda: ["sqlite3", address.sqlite]}[address.engine]()
        return ["-dir", folder, *where]

    def up_arguments(self, address, folder):
        return [*self._common(address, folder), "up"]

    def status_arguments(self, address, folder):
        return [*self._common(address, folder), "status"]


class GolangMigrate(Runner):
    name = "golang-migrate"
    table, facts, order, nothing = "schema_migrations", "version, dirty", "version", "no change"

    def _common(self, address, folder):
        url = {"postgres": lambda: address.url("postgres", "?sslmode=disable"),
               "mariadb": lambda: "mysql://" + address.dsn(), "sqlite": lambda: "sqlite3://" + address.sqlite}[address.engine]()
        return ["-path", folder, "-database", url]

    def up_arguments(self, address, folder):
        return [*self._common(address, folder), "up"]

    def status_arguments(self, address, folder):
        return [*self._common(address, folder), "version"]


class Flyway(Runner):
    name = "flyway"
    table, facts, nothing = "flyway_schema_history", "installed_rank, version, description, type, script, checksum, success", "0 migrations applied"
    order = "installed_rank"

    def _arguments(self, command, address, folder):
        if address.engine == "sqlite":
            return [command, f"jdbc:sqlite:{address.sqlite}", "", "", folder]
        scheme = {"postgres": "postgresql", "mariadb": "mariadb"}[address.engine]
        return [command, f"jdbc:{scheme}://127.0.0.1:{address.port}/{address.name}", address.user, address.password, folder]

    def up_arguments(self, address, folder):
        return self._arguments("migrate", address, folder)

    def status_arguments(self, address, folder):
        return self._arguments("info", address, folder)

    def validate(self, address, folder):
        return self.run(self._arguments("validate", address, folder), address, folder)


class NodePgMigrate(Runner):
    name, engines = "node-pg-migrate", ("postgres",)
    table, facts, order, nothing = "pgmigrations", "id, name", "id", "No migrations to run"

    def environment(self, address, folder):
        return {"DATABASE_URL": address.url("postgres")}

    def up_arguments(self, address, folder):
        return ["up", "-m", folder, "--no-single-transaction"]

    def status_arguments(self, address, folder):
        return None  # it has no such command


class Sqitch(Runner):
    name = "sqitch"

    def environment(self, address, folder):
        return {"SQITCH_FULLNAME": "Nobody", "SQITCH_EMAIL": "nobody@localhost"}

    def _arguments(self, command, address, folder):
        target = {"postgres": lambda: address.url("db:pg"), "mariadb": lambda: address.url("db:mysql"),
                  "sqlite": lambda: f"db:sqlite:{address.sqlite}"}[address.engine]()
        return ["--chdir", folder, command, target]

    def up_arguments(self, address, folder):
        return self._arguments("deploy", address, folder)

    def status_arguments(self, address, folder):
        return self._arguments("status", address, folder)


class Liquibase(Runner):
    name = "liquibase"
    table, facts, nothing = "DATABASECHANGELOG", "id, author, filename, orderexecuted, exectype", "no changesets to execute"
    order = "orderexecuted"

    def _arguments(self, command, address, folder):
        where = [f"--search-path={folder}", "--changelog-file=changelog.xml", "--show-banner=false"]
        if address.engine == "sqlite":
            return [*where, f"--url=jdbc:sqlite:{address.sqlite}", command]
        scheme = {"postgres": "postgresql", "mariadb": "mariadb"}[address.engine]
        return [*where, f"--url=jdbc:{scheme}://127.0.0.1:{address.port}/{address.name}", f"--username={address.user}",
                f"--password={address.password}", command]

    def up_arguments(self, address, folder):
        return self._arguments("update", address, folder)

    def status_arguments(self, address, folder):
        return self._arguments("status", address, folder)


ALL = (Dbmate, Goose, GolangMigrate, Flyway, NodePgMigrate, Sqitch, Liquibase)


def runners(folder=None):
    """Those that are installed."""
    folder = folder or os.environ.get("PEERS_RUNNERS", "")
    return [r for r in (kind(folder) for kind in ALL) if folder and r.available()]
