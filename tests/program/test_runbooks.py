#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command and every SQL statement that the guide and the runbook tell people to type, as they write them."""

import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import peers

STATUS_SQL = """SELECT table_id, status, version, files_processed,
       started_at, completed_at, error_message
FROM migration_status
ORDER BY started_at DESC;"""
FAILED_SQL = """SELECT table_id, error_message, started_at
FROM migration_status
WHERE status = 'failed'
ORDER BY started_at DESC;"""
COUNTS_SQL = """SELECT 'SQL' as source, COUNT(*) as file_count
FROM delta_files WHERE table_id = '{id}'
UNION ALL
SELECT 'File' as source, COUNT(*) as file_count
FROM (
      SELECT COUNT(*) FROM delta_log_files
      WHERE table_id = '{id}'
) t;"""
LOG_COUNT_SQL = "SELECT COUNT(*) FROM delta_log_files WHERE table_id = '{id}';"
SQL_NOT_LOG = """SELECT path, version, action_type
FROM delta_files
WHERE table_id = '{id}'
AND path NOT IN (
  SELECT path FROM file_based_snapshot WHERE table_id = '{id}'
);"""
LOG_NOT_SQL = """SELECT path, version
FROM file_based_snapshot
WHERE table_id = '{id}'
AND path NOT IN (
  SELECT path FROM delta_files WHERE table_id = '{id}'
);"""
INSERT_SQL = """INSERT INTO delta_files (table_id, path, size, modification_time, action_type, version)
VALUES ('{id}', 'missing_file.parquet', 1024, 1609459200000, 'add', 10);"""
ROLLBACK_SQL = """BEGIN;
DELETE FROM delta_files WHERE table_id = '{id}';
DELETE FROM migration_status WHERE table_id = '{id}';
COMMIT;"""
AFTER_SQL = "SELECT COUNT(*) FROM delta_files WHERE table_id = '{id}';"
POSTGRES_SQL = [
    "ANALYZE delta_files;", "ANALYZE migration_status;", "REINDEX TABLE delta_files;",
    """SELECT schemaname, tablename,
       pg_size_pretty(pg_total_relation_size(schemaname||'.'||tablename)) as size
FROM pg_tables
WHERE tablename LIKE '%delta%';""",
    "SELECT count(*) FROM pg_stat_activity;", "SET work_mem = '256MB';", "SHOW checkpoint_completion_target;",
    "SELECT pg_size_pretty(pg_database_size(current_database()));",
]


def shell_of(program):
    """Runs SQL through the engine's own shell and returns its rows as texts, tab-separated."""
    if program.label == "SQLite":
        path = program.url[len("sqlite://"):]
        command = ["sqlite3", "-batch", "-bail", "-separator", "\t", path]
    elif program.label == "PostgreSQL":
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-F", "\t", program.url]
    else:
        url = urllib.parse.urlparse(program.url)
        query = urllib.parse.parse_qs(url.query)
        command = ["mariadb", "-NB", "-u", url.username or "root"]
        if "socket" in query:
            command += ["-S", query["socket"][0]]
        else:
            command += ["-h", url.hostname or "127.0.0.1", "-P", str(url.port or 3306), "--protocol=tcp"]
        if url.password:
            command += [f"-p{urllib.parse.unquote(url.password)}"]
        command.append(url.path.lstrip("/"))
    if not shutil.which(command[0]):
        return None

    def run(sql):
        result = subprocess.run(command, input=sql, capture_output=True, text=True)
        if result.returncode:
            raise RuntimeError(f"{sql}\n{result.stderr}")
        return [line for line in result.stdout.splitlines()]

    return run


def runbook_commands(tables, table, table_id):
    return [
        f"discover {tables} --recursive",
        f"import {table} --database-url $DB_URL --table-id {table_id} --dry-run --verbose",
        f"import {table} --database-url $DB_URL --table-id {table_id} --batch-size 1000",
        f"import-table {table} --database-url $DB_URL --table-id {table_id}",
        f"validate {table} --database-url $DB_URL",
        f"validate {table} --database-url $DB_URL --verbose",
        f"performance-compare {table} --database-url $DB_URL",
        f"verify-rollback {table_id} --database-url $DB_URL",
        "migration-status --database-url $DB_URL",
        f"migration-status --database-url $DB_URL --table-id {table_id}",
        "migration-status --database-url $DB_URL --table-id health_check",
        "migration-status --database-url $DB_URL --verbose",
        f"import {table} --database-url $DB_URL --table-id {table_id} --resume --verbose",
        f"import {table} --database-url $DB_URL --table-id {table_id} --batch-size 2000",
        f"batch-import {tables} --database-url $DB_URL --batch-size 500 --parallel 2 --exclude \"_tmp\" --exclude \"_staging\"",
        f"batch-import {tables} --database-url $DB_URL --exclude test --exclude temp",
        f"batch-import {tables} --database-url $DB_URL --parallel 4",
        f"batch-import {tables} --database-url $DB_URL --resume",
    ]


def check_commands(tap, program, tables, table, table_id):
    env = dict(os.environ, DB_URL=program.url)
    for line in runbook_commands(tables, table, table_id):
        result = subprocess.run(f"{shlex.quote(program.path)} {line}", shell=True, env=env, capture_output=True,
                                text=True, stdin=subprocess.DEVNULL)
        tap.ok(result.returncode == 0, f"{program.label}: deltalakedb {line.replace(tables, '…')}",
               result.stdout + result.stderr)
        if line.startswith("discover"):
            tap.ok("Found 4 Delta tables" in result.stdout, f"{program.label}: discover counts", result.stdout)


def check_sql(tap, program, table, table_id):
    sql = shell_of(program)
    if not sql:
        tap.skip(f"{program.label}: SQL", "the engine's shell is not installed")
        return
    live = program.json("snapshot", table_id)["num_files"]
    rows = [row.split("\t") for row in sql(STATUS_SQL)]
    mine = [row for row in rows if row[0] == table_id]
    tap.ok(mine and mine[0][1] == "completed" and all(mine[0][:6]), f"{program.label}: migration history", rows)
    sql(FAILED_SQL)
    counts = dict(row.split("\t") for row in sql(COUNTS_SQL.format(id=table_id)))
    tap.equal((counts["SQL"], sql(LOG_COUNT_SQL.format(id=table_id))[0]), (str(live), str(live)),
              f"{program.label}: file counts")
    tap.equal((sql(SQL_NOT_LOG.format(id=table_id)), sql(LOG_NOT_SQL.format(id=table_id))), ([], []),
              f"{program.label}: no differences")
    if program.label == "PostgreSQL":
        for statement in POSTGRES_SQL:
            sql(statement)
        tap.ok(True, f"{program.label}: maintenance statements")

    sql(INSERT_SQL.format(id=table_id))
    result = program.run("validate", table, "--table-id", table_id)
    tap.ok(result.returncode == 4 and "missing_file.parquet" in result.stdout and "not in the log" in result.stdout,
           f"{program.label}: a row inserted by hand is found", result.stdout + result.stderr)
    tap.equal([row.split("\t")[0] for row in sql(SQL_NOT_LOG.format(id=table_id))], ["missing_file.parquet"],
              f"{program.label}: and in SQL")
    sql(f"DELETE FROM delta_files WHERE table_id = '{table_id}' AND path = 'missing_file.parquet';")
    one = program.paths(table_id)[0].replace("'", "''")
    sql(f"DELETE FROM delta_files WHERE table_id = '{table_id}' AND path = '{one}';")
    result = program.run("validate", table, "--table-id", table_id)
    tap.ok(result.returncode == 4 and "missing in SQL" in result.stdout, f"{program.label}: a missing row is found",
           result.stdout + result.stderr)
    sql(ROLLBACK_SQL.format(id=table_id))
    tap.equal(sql(AFTER_SQL.format(id=table_id)), ["0"], f"{program.label}: removed by hand")
    report = program.json("import", table, "--table-id", table_id)
    tap.equal(program.json("snapshot", table_id)["num_files"], live, f"{program.label}: imported again after that")
    result = program.run("validate", table, "--table-id", table_id)
    tap.ok(result.returncode == 0, f"{program.label}: and valid again", result.stdout + json.dumps(report))


def main():
    program_path = peers.binary()
    tap = peers.Tap()
    with peers.Scratch("runbooks") as folder:
        tables = os.path.join(folder, "tables")
        shutil.copytree(peers.SAMPLES, tables)
        table = os.path.join(tables, "trips")
        for program in peers.catalogs(program_path, folder):
            table_id = peers.unique("trips")
            check_commands(tap, program, tables, table, table_id)
            check_sql(tap, program, table, table_id)
            if program.label == "SQLite":
                path = program.url[len("sqlite://"):]
                tap.ok(sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone()[0] == "ok",
                       "SQLite: the file is sound")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
