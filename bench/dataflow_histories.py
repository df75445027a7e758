# SPDX-License-Identifier: Apache-2.0
"""
The histories that dataflow is measured on: one of many small migrations, written in the layout of every runner from the
same SQL, and other projects' histories with the script that makes the engine's own shell do the same work.
"""

import os
import sys

import common

sys.path.insert(0, os.path.join(common.ROOT, "tests", "lib"))
import migrations  # noqa: E402

MARIADB_SUFFIX = " ENGINE=InnoDB"


def statements(number, engine):
    """One migration of two to four statements: (up, down). Every tenth alters what an earlier one made, every third fills."""
    table = f"item_{number}"
    suffix = MARIADB_SUFFIX if engine == "mariadb" else ""
    up = [
        f"CREATE TABLE {table} (\n    id INTEGER PRIMARY KEY,\n    name VARCHAR(100) NOT NULL,\n    price INTEGER DEFAULT 0\n){suffix}",
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
    return path


def stamp(number):
    """A version of 14 digits that is a date."""
    return f"2024{1 + number // 2400 % 12:02d}{1 + number // 100 % 24:02d}{number % 24:02d}{number // 24 % 60:02d}{number % 60:02d}"


def _sqitch(folder, count, engine):
    name = {"postgres": "pg", "sqlite": "sqlite", "mariadb": "mysql"}[engine]
    write(folder, "sqitch.conf", f"[core]\n    engine = {name}\n")
    plan = "%syntax-version=1.0.0\n%project=bench\n\n"
    for number in range(1, count + 1):
        up, down = statements(number, engine)
        plan += f"m{number} 2024-01-01T00:00:00Z Bench <bench@localhost> # item {number}\n"
        frame = ("BEGIN;\n", "COMMIT;\n")
        write(folder, f"deploy/m{number}.sql", frame[0] + script(up) + frame[1])
        write(folder, f"revert/m{number}.sql", frame[0] + script(down) + frame[1])
    write(folder, "sqitch.plan", plan)


def _liquibase(folder, count, engine):
    write(
        folder,
        "changelog.xml",
        '<?xml version="1.0" encoding="UTF-8"?>\n<databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.liquibase.org/xml/ns/dbchangelog '
        'http://www.liquibase.org/xml/ns/dbchangelog/dbchangelog-latest.xsd">\n<includeAll path="changes/"/>\n</databaseChangeLog>\n',
    )
    for number in range(1, count + 1):
        up, down = statements(number, engine)
        back = "".join(f"--rollback {line};\n" for line in down)
        write(folder, f"changes/{number:04d}.sql", f"--liquibase formatted sql\n--changeset bench:{number}\n{script(up)}{back}")


ONE_FILE = {
    "native": ("{n:04d}_item_{n}.sql", "-- UP\n{up}\n-- DOWN\n{down}"),
    "dbmate": ("{stamp}_item_{n}.sql", "-- migrate:up\n{up}\n-- migrate:down\n{down}"),
    "goose": ("{n:05d}_item_{n}.sql", "-- +goose Up\n{up}\n-- +goose Down\n{down}"),
    "node-pg-migrate": ("{ms}_item-{n}.sql", "-- Up Migration\n{up}\n-- Down Migration\n{down}"),
    "flyway": ("V{n}__item_{n}.sql", "{up}"),
}


def synthetic(cache, layout, count, engine):
    """The folder of `count` migrations in that layout, made once."""
    folder = os.path.join(cache, f"history-{layout}-{engine}-{count}")
    if os.path.exists(os.path.join(folder, ".complete")):
        return os.path.join(folder, "files")
    files = os.path.join(folder, "files")
    if layout in ("sqitch", "liquibase"):
        {"sqitch": _sqitch, "liquibase": _liquibase}[layout](files, count, engine)
    for number in range(1, count + 1 if layout not in ("sqitch", "liquibase") else 0):
        up, down = map(script, statements(number, engine))
        if layout == "golang-migrate":
            write(files, f"{number:06d}_item_{number}.up.sql", up)
            write(files, f"{number:06d}_item_{number}.down.sql", down)
            continue
        name, text = ONE_FILE[layout]
        name = name.format(n=number, stamp=stamp(number), ms=1700000000000 + number)
        write(files, name, text.format(up=up, down=down))
    write(folder, ".complete", "")
    return files


class ForShell:
    """A folder of migrations and, for the engine's own shell, the same files in the same transactions."""

    def __init__(self, name, engine, folder, files, options=()):
        """`files`: (path, whether a transaction is around it), in their order."""
        self.name, self.engine, self.folder, self.files, self.options = name, engine, folder, files, list(options)

    def script(self, path):
        """A script that reads each file, BEGIN and COMMIT around it where the file is one transaction."""
        include = {"postgres": "\\i {}\n", "sqlite": ".read {}\n", "mariadb": "source {}\n"}[self.engine]
        with open(path, "w", encoding="utf-8") as out:
            for file, transaction in self.files:
                transaction = transaction and self.engine != "mariadb"  # where every statement of a schema commits
                out.write(("BEGIN;\n" if transaction else "") + include.format(file) + ("COMMIT;\n" if transaction else ""))
        return path


def many(cache, count, engine):
    folder = synthetic(cache, "golang-migrate", count, engine)
    files = sorted(os.path.join(folder, n) for n in os.listdir(folder) if n.endswith(".up.sql"))
    return ForShell(f"{count:,} small migrations", engine, folder, [(f, True) for f in files])


# Measured are those that the engine's own shell can run from beginning to end.
REAL = {("crates.io", "postgres"), ("kratos", "postgres"), ("langfuse", "postgres"), ("marquez", "postgres"),
        ("authelia", "postgres"), ("kratos", "sqlite"), ("kestra", "mariadb")}


def real(engine):
    for history in migrations.histories():
        if history.engine != engine or (history.name, engine) not in REAL or not os.path.isdir(history.path):
            continue
        files = [(path, history.transaction(path)) for path in history.files(history)]
        yield ForShell(f"{history.name}, {len(files)} files", engine, history.path, files)
