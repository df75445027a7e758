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
import runners  # noqa: E402


def synthetic(cache, layout, count, engine):
    """The folder of `count` migrations in that layout, made once."""
    folder = os.path.join(cache, f"history-{layout}-{engine}-{count}")
    files = os.path.join(folder, "files")
    if not os.path.exists(os.path.join(folder, "complete")):
        runners.write_history(files, layout, count, engine)
        runners.write(folder, "complete", "")
    return files


class ForShell:
    """A folder of migrations and, for the engine's own shell, the same files in the same transactions."""

    def __init__(self, name, engine, folder, files, options=()):
        """`files`: (path, whether a transaction is around it), in their order."""
        self.name, self.engine, self.folder, self.files, self.options = name, engine, folder, files, list(options)

    def script(self, path, records=None):
        """
        A script that reads each file, BEGIN and COMMIT around it where the file is one transaction. `records`: what is
        written behind each file besides, in its transaction or in one of its own.
        """
        include = {"postgres": "\\i '{}'\n", "sqlite": ".read '{}'\n", "mariadb": "source {}\n"}[self.engine]
        with open(path, "w", encoding="utf-8") as out:
            for place, (file, transaction) in enumerate(self.files):
                transaction = transaction and self.engine != "mariadb"  # where every statement of a schema commits
                record = records[place] if records else ""
                out.write("BEGIN;\n" + include.format(file) if transaction else include.format(file) + ("BEGIN;\n" if record else ""))
                out.write(record + ("COMMIT;\n" if transaction or record else ""))
        return path


def many(cache, count, engine):
    folder = synthetic(cache, "golang-migrate", count, engine)
    files = sorted(os.path.join(folder, n) for n in os.listdir(folder) if n.endswith(".up.sql"))
    return ForShell(f"{count:,} small migrations", engine, folder, [(f, True) for f in files])


def rows(cache, count, engine):
    """One migration of many INSERTs, each a statement."""
    folder = os.path.join(cache, f"history-rows-{engine}-{count}")
    if not os.path.exists(os.path.join(folder, "complete")):
        text = "CREATE TABLE rows_of (id INTEGER PRIMARY KEY, name VARCHAR(100), price NUMERIC(10, 2));\n"
        text += "".join(f"INSERT INTO rows_of (id, name, price) VALUES ({i}, 'row; number {i}', {i}.25);\n" for i in range(count))
        runners.write(folder, "files/001_rows.up.sql", text)
        runners.write(folder, "complete", "")
    files = os.path.join(folder, "files")
    return ForShell(f"one file of {count:,} INSERTs", engine, files, [(os.path.join(files, "001_rows.up.sql"), True)])


# Measured are those that the engine's own shell can run from beginning to end.
REAL = {("crates.io", "postgres"), ("kratos", "postgres"), ("langfuse", "postgres"), ("marquez", "postgres"),
        ("authelia", "postgres"), ("kratos", "sqlite"), ("kestra", "mariadb")}


def real(engine):
    for history in migrations.histories():
        if history.engine != engine or (history.name, engine) not in REAL or not os.path.isdir(history.path):
            continue
        files = [(path, history.transaction(path)) for path in history.files(history)]
        yield ForShell(f"{history.name}, {len(files)} files", engine, history.path, files)
