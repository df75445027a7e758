# SPDX-License-Identifier: Apache-2.0
"""
For Python tests of dataflow: databases on private servers, their schemas as their own tools dump them, other people's
histories in the order that their documentation states, and running the program.
"""

import glob
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

from peers import ROOT, Tap, skip_all  # noqa: F401  (for the tests)
from servers import MariaDB, Neo4j, Postgres, ServerError, find_program  # noqa: F401

HISTORIES = os.path.join(os.path.dirname(ROOT), "shared", "data", "migrations")
if not os.path.isdir(HISTORIES):
    HISTORIES = os.path.join(ROOT, "..", "shared", "data", "migrations")


def binary():
    """Path of dataflow; skips the whole test when there is none."""
    path = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("DATAFLOW", "")
    if not path or not os.access(path, os.X_OK):
        skip_all("no dataflow: give its path as argument 1 or in DATAFLOW")
    return os.path.abspath(path)


class Dataflow:
    """Runs the program on one database and one folder of migrations."""

    def __init__(self, path, url, folder, *options):
        self.path, self.url, self.folder, self.options = path, url, folder, list(options)

    def command(self, *arguments):
        return [self.path, *map(str, arguments), "--database-url", self.url, "--migrations", self.folder, *self.options]

    def run(self, *arguments, timeout=600, env=None, cwd=None):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=timeout, encoding="utf-8",
                              errors="replace", env=environment(env), cwd=cwd, stdin=subprocess.DEVNULL)

    def start(self, *arguments, env=None):
        return subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                stdin=subprocess.DEVNULL, env=environment(env))

    def json(self, *arguments):
        """(exit status, the one document)."""
        result = self.run(*arguments, "--json")
        try:
            return result.returncode, json.loads(result.stdout)
        except ValueError:
            raise RuntimeError(f"{' '.join(map(str, arguments))}: status {result.returncode}, no JSON: "
                               f"{result.stdout[:300]!r} {result.stderr[:600]}") from None


def environment(more=None):
    """The tests' environment without what would configure the program."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("DATAFLOW_") and k != "DATABASE_URL" and not k.startswith("NEO4J_")}
    return plain | (more or {})


def said(result):
    return f"status {result.returncode}\n{result.stdout[-1500:]}\n{result.stderr[-3000:]}"


# ---- databases ----


class PostgresDatabase:
    engine = "postgres"

    def __init__(self, server, name):
        self.server, self.name = server, name
        server.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', "postgres")
        server.sql(f'CREATE DATABASE "{name}"', "postgres")
        self.url = server.url(name)

    def sql(self, text):
        return self.server.sql(text, self.name)

    def shell(self, path, transaction=True):
        """The engine's own shell runs a file; None, or what it said."""
        psql = find_program("psql", *Postgres.folders)
        done = subprocess.run([psql, "-XqAt", "-v", "ON_ERROR_STOP=1", *(["-1"] if transaction else []), "-d", self.url, "-f", path],
                              capture_output=True, text=True)
        return done.stderr.strip() if done.returncode else None

    def dump(self):
        """The schema without our own tables, as pg_dump writes it."""
        pg_dump = find_program("pg_dump", *Postgres.folders)
        done = subprocess.run([pg_dump, "-s", "--no-owner", "-d", self.url, *OWN_TABLES("-T")], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        lines = [line for line in done.stdout.splitlines() if line.strip() and not line.startswith(("--", "\\restrict", "\\unrestrict"))]
        return "\n".join(lines)


class SqliteDatabase:
    engine = "sqlite"

    def __init__(self, folder, name):
        self.path = os.path.join(folder, f"{name}.db")
        for leftover in glob.glob(self.path + "*"):
            os.unlink(leftover)
        self.url = "sqlite://" + self.path

    def sql(self, text):
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            rows = connection.execute(text).fetchall()
        finally:
            connection.close()
        return "\n".join("|".join("" if v is None else str(v) for v in row) for row in rows)

    def shell(self, path, transaction=True):
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
            connection.executescript(("BEGIN;\n" if transaction else "") + text + ("\n;COMMIT;" if transaction else ""))
        except sqlite3.Error as error:
            return str(error)
        finally:
            connection.close()
        return None

    def dump(self):
        if not os.path.exists(self.path):
            return ""
        connection = sqlite3.connect(self.path)
        rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
        connection.close()
        rows = [row for row in rows if not is_own(row[1]) and not is_own(row[2])]
        return "\n".join(sorted(f"{kind} {name}: {sql}" for kind, name, _, sql in rows))


class MariaDatabase:
    engine = "mariadb"

    def __init__(self, server, name):
        self.server, self.name = server, name
        server.sql(f"DROP DATABASE IF EXISTS `{name}`; CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        self.url = server.url(name)

    def sql(self, text):
        return self.server.sql(text, self.name)

    def client(self, program, *arguments, stdin=None):
        return subprocess.run([find_program(program), "--no-defaults", "-u", "dataflow", "-S", self.server.socket, *arguments],
                              capture_output=True, text=True, stdin=stdin, env=os.environ | {"MYSQL_PWD": self.server.password})

    def shell(self, path, transaction=True):
        with open(path, encoding="utf-8") as file:
            done = self.client("mariadb", self.name, stdin=file)
        return done.stderr.strip() if done.returncode else None

    def dump(self):
        done = self.client("mariadb-dump", "--no-data", "--skip-comments", "--routines", "--triggers", "--events", self.name,
                           *[f"--ignore-table={self.name}.{t}" for t in self.own()])
        if done.returncode:
            raise RuntimeError(done.stderr)
        return re.sub(r" AUTO_INCREMENT=\d+", "", done.stdout)

    def own(self):
        return [t for t in self.sql("SHOW TABLES").splitlines() if is_own(t)]


OWN_NAMES = ("_migration_", "_backup_", "dataflow_migration_locks", "v_migration_status")


def folder(servers, name, files):
    """A fresh folder of the servers' own with these files: {name: text}."""
    path = os.path.join(servers.folder, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    for file, text in files.items():
        with open(os.path.join(path, file), "w", encoding="utf-8") as out:
            out.write(text)
    return path


def is_own(name):
    return name.startswith(OWN_NAMES)


def OWN_TABLES(flag):
    return [part for name in OWN_NAMES for part in (flag, f"*.{name}*" if name.endswith("_") else f"*.{name}")]


class Servers:
    """Private servers, started when first asked for; a fresh database each time."""

    def __init__(self, settings=None):
        self.folder = tempfile.mkdtemp(prefix="dataflow-test-")
        self.started, self.count, self.settings = {}, 0, settings or {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.started.values():
            server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def server(self, engine):
        if engine not in self.started:
            self.started[engine] = {"postgres": Postgres, "mariadb": MariaDB}[engine](settings=self.settings.get(engine)).start()
            if engine == "postgres":
                self.started[engine].sql("CREATE ROLE postgres SUPERUSER", "postgres")  # some histories grant to it
        return self.started[engine]

    def has(self, engine):
        return engine == "sqlite" or {"postgres": Postgres, "mariadb": MariaDB}[engine].available()

    def database(self, engine):
        self.count += 1
        name = f"test_{self.count}"
        if engine == "sqlite":
            return SqliteDatabase(self.folder, name)
        return {"postgres": PostgresDatabase, "mariadb": MariaDatabase}[engine](self.server(engine), name)

    def engines(self):
        return [e for e in ("sqlite", "postgres", "mariadb") if self.has(e)]


# ---- other people's histories ----


class History:
    """`count`: how many migrations there are; `broken`: ups that cannot run on this engine, by their own fault."""

    def __init__(self, name, engine, path, count, files, transaction=lambda path: True, downs=False):
        self.name, self.engine, self.count, self.files, self.transaction, self.downs = name, engine, count, files, transaction, downs
        self.path = os.path.join(HISTORIES, path)

    def __str__(self):
        return f"{self.name} on {self.engine}"


def numbered(pattern, key):
    """Files that match, in the order of key(name)."""
    def files(history):
        found = [f for f in glob.glob(os.path.join(history.path, pattern)) if os.path.isfile(f)]
        return sorted(found, key=lambda f: key(os.path.relpath(f, history.path)))
    return files


def dotted(text):
    return [int(part) for part in re.findall(r"\d+", text)]


def digits(name):
    """2017-09-23-182408_x and 20170923182408_x alike."""
    return re.sub(r"\D", "", name.split("_")[0])[:14], name


def kratos(suffixes):
    """For each version the dialect's own file, else the general one."""
    def files(history):
        chosen = {}
        for path in glob.glob(os.path.join(history.path, "*.up.sql")):
            name = os.path.basename(path)
            parts = name[:-len(".up.sql")].split(".")[1:]
            dialect = next((p for p in parts if p in ("postgres", "mysql", "sqlite", "sqlite3", "cockroach")), "")
            if dialect and dialect not in suffixes:
                continue
            version = name.split("_")[0]
            if dialect or version not in chosen:
                chosen[version] = path
        return [chosen[v] for v in sorted(chosen)]
    return files


def temporal(history):
    found = []
    for manifest in sorted(glob.glob(os.path.join(history.path, "v*", "manifest.json")), key=lambda m: dotted(os.path.relpath(m, history.path))):
        with open(manifest, encoding="utf-8") as file:
            found += [os.path.join(os.path.dirname(manifest), name) for name in json.load(file)["SchemaUpdateCqlFiles"]]
    return found


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def diesel_transaction(path):
    toml = os.path.join(os.path.dirname(path), "metadata.toml")
    return not (os.path.exists(toml) and "run_in_transaction = false" in text_of(toml))


def prisma_transaction(path):
    """Whether the file can run in a transaction around it, for files that do not say so."""
    return not re.search(r"CONCURRENTLY|^\s*BEGIN\s*;|ADD VALUE|VACUUM", text_of(path), re.M | re.I)


def histories():
    kratos_path = "ory-kratos/persistence/sql/migrations/sql"
    authelia = "authelia/internal/storage/migrations/"
    pair = numbered("*.up.sql", lambda n: dotted(n)[0])
    flyway = numbered("V*.sql", lambda n: dotted(n.split("__")[0]))
    plain = prisma_transaction
    autocommit = lambda path: ".autocommit." not in path  # noqa: E731
    return [
        History("kratos", "postgres", kratos_path, 346, kratos({"postgres"}), autocommit, downs=True),
        History("kratos", "sqlite", kratos_path, 694, kratos({"sqlite", "sqlite3"}), autocommit, downs=True),
        History("kratos", "mariadb", kratos_path, None, kratos({"mysql"}), downs=True),
        History("taproot-assets", "sqlite", "taproot-assets/tapdb/sqlc/migrations", 59, pair, downs=True),
        History("authelia", "postgres", authelia + "postgres", 26, pair, downs=True),
        History("authelia", "mariadb", authelia + "mysql", 26, None, downs=True),  # a routine without DELIMITER: no client runs it
        History("authelia", "sqlite", authelia + "sqlite", 26, pair, downs=True),
        History("crates.io", "postgres", "crates.io/migrations", 285, numbered("*/up.sql", digits), diesel_transaction, downs=True),
        History("marquez", "postgres", "marquez/api/src/main/resources/marquez/db/migration", 84,
                lambda h: flyway(h) + sorted(glob.glob(os.path.join(h.path, "R__*.sql"))), plain),
        History("kestra", "postgres", "kestra/jdbc-postgres/src/main/resources/migrations/postgres", 26, flyway, plain),
        History("kestra", "mariadb", "kestra/jdbc-mysql/src/main/resources/migrations/mysql", 24, flyway),
        History("e2b-infra", "postgres", "e2b-infra/packages/db/migrations", 131, None, downs=True),
        History("langfuse", "postgres", "langfuse/packages/shared/prisma/migrations", 434,
                numbered("*/migration.sql", digits), prisma_transaction),
        History("temporal", "postgres", "temporal/schema/postgresql/v12/temporal/versioned", None, temporal, plain),
        History("temporal visibility", "postgres", "temporal/schema/postgresql/v12/visibility/versioned", None, temporal, plain),
        History("temporal", "mariadb", "temporal/schema/mysql/v8/temporal/versioned", None, temporal),
    ]
