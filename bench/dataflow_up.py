#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
`dataflow up` of whole histories, held against the engine's own shell given the same files with the same transactions
(one process, one script that reads them), in turns, each into a database of its own on one private server.

The servers run once as they come (every commit reaches the disk) and once with fsync off. The shell keeps no history,
no journal and no audit log, takes no lock, and does not look whether the files changed; the shell "with the record" is given
the rows that dataflow left in those tables, too, as plain INSERTs behind each file, the empty tables being there.
"""

import os
import re
import resource
import subprocess
import sys
import time

import common
import dataflow_histories as histories

sys.path.insert(0, os.path.join(common.ROOT, "tests", "lib"))
import migrations  # noqa: E402
import servers  # noqa: E402

bench = common.Bench("dataflow_up", __doc__.strip().split("\n\n")[0], runs=3, program="dataflow")
bench.parser.add_argument("--migrations", type=int, default=1000)
bench.parser.add_argument("--engines", default="sqlite,postgres,mariadb")
bench.parser.add_argument("--durability", default="on,off", help="fsync: on, off, or both")
bench.parser.add_argument("--histories", default="", help="only those whose name contains this")
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mariadb": "MariaDB"}
RECORD = ["_migration_history", "_migration_sources", "_migration_journal", "_migration_audit_log"]
# What tests/lib/servers.py turns off for the sake of speed.
DURABLE = {
    "postgres": {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"},
    "mariadb": {"innodb-flush-log-at-trx-commit": "1", "innodb-doublewrite": "1", "innodb-flush-method": "O_DIRECT"},
}
# SQLite has no server to set: what a program's calls of fsync do is decided in front of them.
NO_SYNC = "int fsync(int fd) { return fd < 0 ? -1 : 0; }\nint fdatasync(int fd) { return fd < 0 ? -1 : 0; }\n"


def timed(command, what, server, env=None):
    """Seconds that passed, and seconds of processors, the server's included."""
    before, began = cpu(server), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
                          env=migrations.environment(env))
    took = time.monotonic() - began, cpu(server) - before
    if done.returncode:
        raise RuntimeError(f"{what}: exit status {done.returncode}: {done.stderr.strip()[-800:]}")
    return took


def cpu(server):
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime + (common.server_cpu(server) if server else 0)


def shell_command(database, script):
    if database.engine == "sqlite":
        return ["sqlite3", "-bail", database.path, f".read {script}"], {}
    if database.engine == "postgres":
        psql = servers.find_program("psql", *servers.Postgres.folders)
        return [psql, "-Xq", "-v", "ON_ERROR_STOP=1", "-d", database.url, "-f", script], {}
    return ["mariadb", "--no-defaults", "-u", "dataflow", "-S", database.server.socket, database.name, "-e",
            f"source {script}"], {"MYSQL_PWD": database.server.password}


def dump_command(database, table):
    """What prints every row of that table as one INSERT."""
    if database.engine == "sqlite":
        return ["sqlite3", database.path, f".mode insert {table}", f"SELECT * FROM {table}"], {}
    if database.engine == "postgres":
        dump = servers.find_program("pg_dump", *servers.Postgres.folders)
        return [dump, "--inserts", "--data-only", "--table", table, "--dbname", database.url], {}
    return ["mariadb-dump", "--no-defaults", "-u", "dataflow", "-S", database.server.socket, "--compact", "--no-create-info",
            "--skip-extended-insert", database.name, table], {"MYSQL_PWD": database.server.password}


def output(command, env):
    return subprocess.run(command, capture_output=True, text=True, check=True, env=migrations.environment(env)).stdout


def records(database, history):
    """What dataflow left in its tables, a text of INSERTs for each file; None where files and migrations are not one to one."""
    quoted = r"'(?:[^'\\]|\\.)*'" if database.engine == "mariadb" else "'(?:[^']|'')*'"
    insert = re.compile(rf"""^INSERT INTO (?:{quoted}|"[^"]*"|[^';])*;\n""", re.MULTILINE)
    rows = {table: insert.findall(output(*dump_command(database, table))) for table in RECORD}
    ids = [re.search(r"'([^']*)'", row)[1] for row in rows[RECORD[0]]]
    if len(ids) != len(history.files):
        return None
    texts = dict.fromkeys(ids, "")
    for table in RECORD:
        for row in rows[table]:
            owner = next((word for word in re.findall(r"'([^']*)'", row[:600]) if word in texts), None)
            if owner:
                texts[owner] += row
    head = "UPDATE _migration_meta SET number = number + 2, previous = value, value = 'of the newest entry' WHERE name = 'audit';\n"
    return [texts[name] + head for name in ids]


def measure(pool, history, extra):
    """(seconds, processor seconds) of dataflow, of the shell, and of the shell with the record, in turns."""
    scripts = {"shell": history.script(os.path.join(bench.scratch, "script.sql"))}
    took = {"ours": [], "shell": [], "record": []}
    for run in range(bench.runs):
        for which in ("ours", "shell", "record") if run % 2 == 0 else ("record", "shell", "ours"):
            if which != "ours" and which not in scripts:
                continue
            database = pool.database(history.engine)
            server = getattr(database, "server", None)
            if which == "ours":
                command = [bench.program, "up", "-q", "--database-url", database.url, "--migrations", history.folder]
                took[which].append(timed(command, f"up of {history.name}", server, extra))
                if run == 0 and (texts := records(database, history)):
                    scripts["record"] = history.script(os.path.join(bench.scratch, "record.sql"), texts)
            else:
                if which == "record":
                    empty = os.path.join(bench.scratch, "no-migrations")
                    timed([bench.program, "init", "-q", "--database-url", database.url, "--migrations", empty], "init", server, extra)
                command, env = shell_command(database, scripts[which])
                took[which].append(timed(command, f"the shell on {history.name}", server, env | extra))
            if history.engine != "sqlite":  # what one leaves behind is not to be written while the other is timed
                pool.settle(database)
    return took["ours"], took["shell"], took["record"]


class Pool(migrations.Servers):
    def settle(self, database):
        if database.engine == "postgres":
            database.server.sql(f'DROP DATABASE "{database.name}" WITH (FORCE)', "postgres")
            database.server.sql("CHECKPOINT", "postgres")
        else:
            database.server.sql(f"DROP DATABASE `{database.name}`")


def no_sync():
    source, library = os.path.join(bench.cache, "no_sync.c"), os.path.join(bench.cache, "no_sync.so")
    with open(source, "w") as file:
        file.write(NO_SYNC)
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    return {"LD_PRELOAD": library}


def main():
    options = bench.start()
    shells = {"sqlite": "sqlite3", "postgres": "psql", "mariadb": "mariadb"}
    for engine in options.engines.split(","):
        # A table of InnoDB is a file that is made, and dropped: a quarter of them shows as much.
        count = bench.scale(options.migrations // 4 if engine == "mariadb" else options.migrations)
        wanted = [histories.many(bench.cache, count, engine), histories.rows(bench.cache, 10 * count, engine)] + list(histories.real(engine))
        for durability in options.durability.split(","):
            durable = durability == "on"
            extra = no_sync() if engine == "sqlite" and not durable else {}
            with Pool(DURABLE if durable else None) as pool:
                if not pool.has(engine):
                    common.say(f"{engine}: not installed, left out")
                    break
                for history in wanted:
                    if options.histories not in history.name:
                        continue
                    try:
                        ours, theirs, recorded = measure(pool, history, extra)
                    except RuntimeError as error:
                        common.say(f"left out: {error}")
                        continue
                    group = f"up, {NAMES[engine]}, fsync {durability}"
                    bench.add(group, history.name, [t[0] for t in ours], "s", "<= 1.15 x", (shells[engine], [t[0] for t in theirs]))
                    if recorded:
                        bench.add(group, "the same, held against the shell with the record", [t[0] for t in ours], "s", None,
                                  (f"{shells[engine]} with the record", [t[0] for t in recorded]))
                    bench.add(group, "the same in processor seconds" + (", server included" if engine != "sqlite" else ""),
                              [t[1] for t in ours], "s", None, (shells[engine], [t[1] for t in theirs]))
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
