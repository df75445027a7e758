#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
peers.py SHOW HISTORIES: the order of migrations, and the scripts that belong to them, as goose, golang-migrate, dbmate and sqitch
have them; and one history run on a server in our order. Tools are looked for in PATH and in the folders of
DATAFLOW_PEERS (as PATH has them); what is absent is skipped.
"""
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "cli"), os.path.join(HERE, "..", "..", "lib")]
import servers  # noqa: E402
import tap  # noqa: E402

SHOW, HISTORIES = sys.argv[1:3]
SEED = int(os.environ.get("TEST_SEED", "20261128"))


def tool(name):
    folders = os.environ.get("DATAFLOW_PEERS", "") + os.pathsep + os.environ.get("PATH", "")
    return shutil.which(name, path=folders)


def run(*command, cwd=None, check=True):
    result = subprocess.run(command, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    if check and result.returncode:
        raise RuntimeError(f"{' '.join(command)}: {result.stdout}")
    return result.stdout


def show(folder, *options):
    """The migrations: lists of the columns that SHOW prints."""
    lines = run(SHOW, *options, folder).splitlines()
    return [line.split("\t") for line in lines if line[:1].isdigit()]


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def numbers(draw, count):
    """Versions of every width, none twice."""
    chosen = set()
    while len(chosen) < count:
        chosen.add(draw.choice([draw.randrange(1, 30), draw.randrange(1, 2000), draw.randrange(20170101000000, 20260101000000)]))
    return sorted(chosen)


def spelled(draw, number):
    return str(number).zfill(draw.choice([0, 3, 5]))


def with_goose(draw):
    name = "goose: the order of its files"
    program = tool("goose")
    if not program:
        return tap.skip(name, "goose is not installed")
    with tempfile.TemporaryDirectory() as folder:
        files = os.path.join(folder, "files")
        for number in numbers(draw, 60):
            write(files, f"{spelled(draw, number)}_m.sql", "-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;\n")
        for what, where in (("random numbers", files),
                            ("a real history", os.path.join(HISTORIES, "e2b-infra/packages/db/migrations"))):
            if not os.path.isdir(where):
                tap.skip(f"{name}: {what}", "the histories are not there")
                continue
            said = run(program, "-dir", where, "sqlite3", os.path.join(folder, what.replace(" ", "") + ".db"), "status")
            theirs = re.findall(r"Pending +-- (\S+)", said)
            tap.check([row[4] for row in show(where)] == theirs and len(theirs) > 50, f"{name}: {what}, {len(theirs)} files")
        for text in ("-- +goose Up\nSELECT 1;\n", "-- +goose Up\n-- +goose Up\n", "SELECT 1;\n", "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n",
                       "-- +goose Up\n-- +goose StatementEnd\n", "-- +goose Down\n", "-- +goose Up\n-- +goose Sideways\n"):
            shutil.rmtree(files)
            write(files, "1_m.sql", text)
            theirs = subprocess.run([program, "-dir", files, "sqlite3", ":memory:", "up"], capture_output=True).returncode != 0
            ours = "error\tcorrupt" in run(SHOW, "--layout", "goose", files, check=False)
            tap.check(ours == theirs and ours == (text != "-- +goose Up\nSELECT 1;\n"),
                      f"goose {'refuses' if theirs else 'takes'} what we do: {text!r}")


def with_migrate(draw):
    name = "golang-migrate: the order of its files"
    program = tool("migrate")
    if not program:
        return tap.skip(name, "migrate is not installed")
    with tempfile.TemporaryDirectory() as folder:
        files = os.path.join(folder, "files")
        for number in numbers(draw, 60):
            for direction in ("up", "down"):
                write(files, f"{spelled(draw, number)}_m{number}.{direction}.sql", "SELECT 1;")
        said = run(program, "-verbose", "-path", files, "-database", f"sqlite://{folder}/x.db", "up", check=False)
        theirs = re.findall(r"Finished (\d+)/u (\S+)", said)
        if "unknown driver" in said:
            return tap.skip(name, "migrate is built without SQLite")
        ours = [(str(int(row[2])), row[3]) for row in show(files)]
        tap.check(ours == theirs and len(ours) == 60, f"{name}: {len(theirs)} files")


def with_dbmate(draw):
    name = "dbmate: the order of its files"
    program = tool("dbmate")
    if not program:
        return tap.skip(name, "dbmate is not installed")
    with tempfile.TemporaryDirectory() as folder:
        files = os.path.join(folder, "files")
        for number in numbers(draw, 60):
            write(files, f"{str(number).zfill(14)}_m.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\n")
        said = run(program, "--no-dump-schema", "-d", files, "-u", f"sqlite:{folder}/x.db", "status")
        theirs = re.findall(r"\[ \] (\S+)", said)
        tap.check([row[4] for row in show(files)] == theirs and len(theirs) == 60, f"{name}: {len(theirs)} files")
        good = "-- migrate:up\nSELECT 1;\n-- migrate:down\n"
        for text in (good, "SELECT 1;\n-- migrate:up\n", "SELECT 1;\n", "-- migrate:down\n-- migrate:up\n",
                       "-- migrate:up\n-- migrate:down\n-- migrate:down\n"):
            shutil.rmtree(files)
            write(files, "1_m.sql", text)
            database = os.path.join(folder, f"{uuid.uuid4().hex}.db")
            theirs = subprocess.run([program, "--no-dump-schema", "-d", files, "-u", f"sqlite:{database}", "up"],
                                    capture_output=True).returncode != 0
            ours = "error\tcorrupt" in run(SHOW, "--layout", "dbmate", files, check=False)
            tap.check(ours == theirs and ours == (text != good), f"dbmate {'refuses' if theirs else 'takes'} what we do: {text!r}")


def with_sqitch():
    name = "sqitch: its plan"
    program = tool("sqitch")
    if not program:
        return tap.skip(name, "sqitch is not installed")
    os.environ.update(SQITCH_FULLNAME="Marge N.", SQITCH_EMAIL="marge@example.com")
    with tempfile.TemporaryDirectory() as folder:
        def sqitch(*words):
            return run(program, *words, cwd=folder)
        sqitch("init", "flipr", "--engine", "sqlite", "--top-dir", "db")
        sqitch("add", "appschema", "-n", "The schema")
        sqitch("add", "users", "--requires", "appschema", "-n", "users: # and a hash")
        sqitch("tag", "v1", "-n", "first")
        sqitch("add", "lists/all", "--requires", "users", "--conflicts", "old", "-n", "in a folder")
        sqitch("tag", "v2", "-n", "second")
        sqitch("rework", "users", "--requires", "users@v1", "-n", "again")
        sqitch("tag", "v3", "-n", "third")
        sqitch("rework", "users", "-n", "and again")
        said = [line for line in sqitch("plan", "--format", "format:%n").splitlines() if line and line[0] != "#"]
        ours = show(folder)
        tap.check([row[3] for row in ours] == said and len(said) == 5, "sqitch: the order of its changes")
        tap.check([row[1] for row in ours] == ["appschema", "users", "lists/all", "users#2", "users#3"], "sqitch: ids of reworked changes")
        files = [row[4] for row in ours]
        tap.check(all(os.path.exists(os.path.join(folder, name)) for name in files) and len(set(files)) == 5,
                  f"sqitch: each change has its own script ({' '.join(files)})")
        tap.check(files[1] == "db/deploy/users@v2.sql" and files[3] == "db/deploy/users@v3.sql", "sqitch: as rework named them")


def on_server():
    """Marquez needs its order: 84 files, three of them repeatable, on a database of its own."""
    name = "a history runs in our order on PostgreSQL"
    url, psql = os.environ.get("TEST_URL_POSTGRES"), servers.find_program("psql", "/usr/lib/postgresql/*/bin/psql")
    folder = os.path.join(HISTORIES, "marquez/api/src/main/resources/marquez/db/migration")
    if not url or not psql or not os.path.isdir(folder):
        return tap.skip(name, "no PostgreSQL, no psql, or no histories")
    database = "files_" + uuid.uuid4().hex[:12]

    def sql(where, *more, text=None):
        return subprocess.run([psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", where, *more], input=text, text=True, capture_output=True)
    made = sql(url, "-c", f"CREATE DATABASE {database}")
    if made.returncode:
        return tap.check(False, name, made.stderr)
    try:
        inside = re.sub(r"^(postgres(?:ql)?://[^/?]*/)[^?]*", rf"\g<1>{database}", url)
        result = sql(inside, text=run(SHOW, "--sql", folder))
        tap.check(result.returncode == 0, name, result.stderr[:1000])
    finally:
        sql(url, "-c", f"DROP DATABASE {database}")


def main():
    draw = random.Random(SEED)
    print(f"# seed {SEED}")
    with_goose(draw)
    with_migrate(draw)
    with_dbmate(draw)
    with_sqitch()
    on_server()
    return tap.done()


sys.exit(main())
