#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Importing a JSON log of 500,000 adds with statistics, held against the bare loading of the same rows.

For each engine: the log is imported into an empty catalog; every row of every table that this filled is
dumped once; then, in turns, the import and the floor are timed. The floor loads those rows into the same
tables with the same indexes, and does nothing else: SQLite: one prepared INSERT a table from memory (C);
PostgreSQL: COPY from memory (C, libpq); MariaDB: LOAD DATA LOCAL INFILE. The import's time is that of the
whole process.
"""

import os
import subprocess
import sys

import common

sys.path.insert(0, os.path.join(common.ROOT, "tests", "lib"))
import servers  # noqa: E402

bench = common.Bench("import", __doc__.strip().split("\n\n")[0], runs=3)
bench.parser.add_argument("--adds", type=int, default=500_000)
bench.parser.add_argument("--commits", type=int, default=10)
bench.parser.add_argument(
    "--batch-size", type=int, default=None, help="given to the program (default: its own)"
)
bench.parser.add_argument("--engines", default="sqlite,postgres,mariadb")
TABLE_ID = "bench"
SETTINGS = {
    "postgres": {"shared_buffers": "512MB", "max_wal_size": "8GB"},
    "mariadb": {"innodb-buffer-pool-size": "1G", "innodb-log-file-size": "1G"},
}


def import_command(url, path):
    batch = ["--batch-size", bench.options.batch_size] if bench.options.batch_size else []
    return [bench.program, "import", path, "--table-id", TABLE_ID, "--database-url", url, *batch]


def report(engine, imports, floors, what, wanted_files, import_cpu, floor_cpu):
    size = bench.scale(bench.options.adds)
    name = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mariadb": "MariaDB"}[engine]
    bench.add(
        "import",
        f"{size:,} adds into {name}",
        common.walls(imports),
        "s",
        "<= 1.3 x",
        (what, floors),
        f"{size / common.statistics.median(common.walls(imports)):,.0f} files/s, user {imports[0]['user_s']:.2f} s, "
        f"peak memory {max(m['rss_kib'] for m in imports) // 1024} MiB",
    )
    bench.add(
        "import",
        f"the same in processor seconds{'' if engine == 'sqlite' else ', server included'}",
        import_cpu,
        "s",
        None,
        (what, floor_cpu),
        "",
    )
    if wanted_files != size:
        raise RuntimeError(f"{name}: {wanted_files} rows in delta_files, {size} files in the log")


# ---- SQLite ----


def sqlite(path):
    floor = common.compiled(bench, "floor_sqlite", "sqlite3")
    filled = os.path.join(bench.scratch, "filled.db")
    common.spawn(bench, import_command(f"sqlite://{filled}", path))
    import sqlite3

    connection = sqlite3.connect(filled)
    rows = connection.execute("SELECT count(*) FROM delta_files").fetchone()[0]
    connection.close()
    imports, floors, floor_cpu = [], {0: [], 50_000: []}, {0: [], 50_000: []}
    for _ in range(bench.runs):
        target = fresh_sqlite("imported.db", init=True)
        imports += common.spawn(bench, import_command(f"sqlite://{target}", path))
        for batch in floors:
            target = fresh_sqlite("floor.db", init=True)
            took = common.answer([floor, filled, target, batch])
            floors[batch].append(took["seconds"])
            floor_cpu[batch].append(took["cpu_s"])
    best = min(floors, key=lambda batch: common.statistics.median(floors[batch]))
    what = "prepared INSERT, " + (f"COMMIT every {best:,} rows" if best else "one transaction")
    report(
        "sqlite",
        imports,
        floors[best],
        what,
        rows,
        [m["user_s"] + m["system_s"] for m in imports],
        floor_cpu[best],
    )


def fresh_sqlite(name, init):
    path = os.path.join(bench.scratch, name)
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.remove(path + suffix)
    if init:
        common.spawn(bench, [bench.program, "init", "--database-url", f"sqlite://{path}"])
    return path


# ---- PostgreSQL ----


def postgres(path, server):
    floor = common.compiled(bench, "floor_postgres", "libpq")
    common.spawn(bench, import_command(server.url(schema="filled"), path))
    rows = int(server.sql("SELECT count(*) FROM filled.delta_files"))
    tables = server.sql(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'filled' AND table_type = 'BASE TABLE' "
        "AND table_name <> 'delta_catalog'"
    ).split()
    files = []
    for table in tables:
        name = os.path.join(bench.scratch, f"pg-{table}.copy")
        with open(name, "wb") as out:
            subprocess.run(
                [
                    servers.find_program("psql", *server.folders),
                    "-XAtq",
                    "-d",
                    server.url(),
                    "-c",
                    f"COPY filled.{table} TO STDOUT",
                ],
                stdout=out,
                check=True,
            )
        if os.path.getsize(name):
            files.append(f"floor.{table}={name}")
    server.sql("DROP SCHEMA filled CASCADE")
    imports, floors, import_cpu, floor_cpu = [], [], [], []
    for _ in range(bench.runs):
        for schema in ("imported", "floor"):
            server.sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
            common.spawn(bench, [bench.program, "init", "--database-url", server.url(schema=schema)])
        server.sql("CHECKPOINT")
        before = common.server_cpu(server)
        took = common.spawn(bench, import_command(server.url(schema="imported"), path))[0]
        import_cpu.append(took["user_s"] + took["system_s"] + common.server_cpu(server) - before)
        imports.append(took)
        server.sql("DROP SCHEMA imported CASCADE")
        server.sql("CHECKPOINT")
        before = common.server_cpu(server)
        took = common.answer([floor, server.url(), *files])
        floor_cpu.append(took["cpu_s"] + common.server_cpu(server) - before)
        floors.append(took["seconds"])
    report("postgres", imports, floors, "COPY", rows, import_cpu, floor_cpu)


# ---- MariaDB ----


def mariadb(path, server):
    server.sql("CREATE DATABASE filled CHARACTER SET utf8mb4")
    common.spawn(bench, import_command(server.url("filled"), path))
    rows = int(server.sql("SELECT count(*) FROM delta_files", "filled"))
    folder = os.path.join(server.folder, "dump")
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o777)
    tables = [
        t
        for t in server.sql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'filled' AND "
            "table_type = 'BASE TABLE' AND table_name <> 'delta_catalog'"
        ).split()
        if int(server.sql(f"SELECT count(*) FROM {t}", "filled"))
    ]
    for table in tables:
        server.sql(
            f"SELECT * FROM {table} INTO OUTFILE '{folder}/{table}.txt' CHARACTER SET binary", "filled"
        )
    server.sql("DROP DATABASE filled")
    imports, floors, import_cpu, floor_cpu = [], [], [], []
    for _ in range(bench.runs):
        for database in ("imported", "floor"):
            server.sql(
                f"DROP DATABASE IF EXISTS {database}; CREATE DATABASE {database} CHARACTER SET utf8mb4"
            )
            common.spawn(bench, [bench.program, "init", "--database-url", server.url(database)])
        before = common.server_cpu(server)
        took = common.spawn(bench, import_command(server.url("imported"), path))[0]
        import_cpu.append(took["user_s"] + took["system_s"] + common.server_cpu(server) - before)
        imports.append(took)
        server.sql("DROP DATABASE imported")
        before = common.server_cpu(server)
        seconds, client_cpu = load_data(server, folder, tables)
        floor_cpu.append(client_cpu + common.server_cpu(server) - before)
        floors.append(seconds)
    report("mariadb", imports, floors, "LOAD DATA", rows, import_cpu, floor_cpu)


def load_data(server, folder, tables):
    """Seconds, and processor seconds, of the client that loads every file in one transaction."""
    import resource
    import time

    script = (
        "SET NAMES utf8mb4; SET autocommit = 0;\n"
        + "".join(
            f"LOAD DATA LOCAL INFILE '{folder}/{t}.txt' INTO TABLE {t} CHARACTER SET binary;\n"
            for t in tables
        )
        + "COMMIT;\n"
    )
    command = [
        servers.find_program("mariadb"),
        "--no-defaults",
        "--local-infile=1",
        "-u",
        "dataflow",
        "-S",
        server.socket,
        "floor",
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    result = subprocess.run(
        command, input=script, text=True, capture_output=True, env=os.environ | {"MYSQL_PWD": server.password}
    )
    if result.returncode:
        raise RuntimeError(f"LOAD DATA: {result.stderr}")
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    options = bench.start()
    path, _ = bench.log("json", adds=bench.scale(options.adds), commits=options.commits)
    common.warm(path)
    for engine in options.engines.split(","):
        if engine == "sqlite":
            sqlite(path)
            continue
        if not servers.SERVERS[engine].available():
            common.say(f"{engine}: not installed, left out")
            continue
        with servers.SERVERS[engine](settings=SETTINGS[engine]) as server:
            {"postgres": postgres, "mariadb": mariadb}[engine](path, server)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
