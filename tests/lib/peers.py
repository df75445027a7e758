# SPDX-License-Identifier: Apache-2.0
"""
For Python tests that hold the program against other Delta readers: TAP output, running the program, and
asking the peers.

The program is argument 1 or DELTALAKEDB. PEERS_PYTHON names an interpreter that has the peers, when the
one that runs has not. Catalogs are a SQLite file in a temporary folder and, when they are set, the
servers that TEST_URL_POSTGRES and TEST_URL_MARIADB name. DuckDB's delta extension is asked in an
interpreter of its own (DUCKDB_PYTHON, else duckdb/bin/python below Python's own folder), because it wants
another DuckDB than the newest.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLES = os.path.join(ROOT, "samples")


class Tap:
    """Numbered results on standard output; plan at the end. done() is the exit status."""

    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, name, detail=""):
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {name}", flush=True)
        if not good:
            for line in str(detail).splitlines():
                print(f"# {line}", flush=True)
        return good

    def equal(self, got, wanted, name):
        return self.ok(got == wanted, name, f"  got    {short(got)}\n  wanted {short(wanted)}")

    def skip(self, name, reason):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {reason}", flush=True)

    def done(self):
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed else 0


def short(value, limit=1500):
    text = json.dumps(value, default=str, ensure_ascii=False) if not isinstance(value, str) else value
    return text if len(text) <= limit else text[:limit] + f"… ({len(text)} characters)"


def skip_all(reason):
    """The whole program is skipped."""
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def need(*modules):
    """
    Skips the whole test when a Python module is missing here and in PEERS_PYTHON, to which it changes
    over.
    """
    for module in modules:
        try:
            __import__(module)
        except ImportError:
            other = os.environ.get("PEERS_PYTHON")
            if other and os.path.exists(other) and "PEERS_CHANGED" not in os.environ:
                os.environ["PEERS_CHANGED"] = "1"
                os.execv(other, [other, "-B", "-W", "ignore", *sys.argv])
            skip_all(f"Python has no {module}")


def binary():
    """Path of the program; skips the whole test when there is none."""
    path = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("DELTALAKEDB", "")
    if not path or not os.access(path, os.X_OK):
        skip_all("no deltalakedb: give its path as argument 1 or in DELTALAKEDB")
    return os.path.abspath(path)


class Program:
    """Runs deltalakedb against one catalog."""

    def __init__(self, path, url, label):
        self.path, self.url, self.label = path, url, label

    def run(self, *arguments, timeout=300):
        command = [self.path, *[str(a) for a in arguments]]
        if not {"check", "discover"} & set(arguments[:1]):
            command += ["--database-url", self.url]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, encoding="utf-8")

    def json(self, *arguments):
        """The one document of a --json run; an exception with what was said otherwise."""
        result = self.run(*arguments, "--json")
        if result.returncode:
            raise RuntimeError(
                f"{' '.join(map(str, arguments))}: exit status {result.returncode}: "
                f"{result.stderr.strip()} {result.stdout.strip()[:500]}"
            )
        return json.loads(result.stdout)

    def paths(self, table_id, *arguments):
        """Live files as the program lists them: decoded, relative ones below the table."""
        result = self.run("files", table_id, "--format", "paths", *arguments)
        if result.returncode:
            raise RuntimeError(f"files {table_id}: exit status {result.returncode}: {result.stderr.strip()}")
        return result.stdout.split("\n")[:-1]


class Scratch:
    """A temporary folder, removed at the end."""

    def __init__(self, name):
        self.path = tempfile.mkdtemp(prefix=f"deltalakedb-{name}-")

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def catalogs(program, folder):
    """
    A Program for each engine that can be had; tables of different runs do not meet, ids carry the
    process.
    """
    found = [Program(program, f"sqlite://{os.path.join(folder, 'catalog.db')}", "SQLite")]
    for label, name in (("PostgreSQL", "TEST_URL_POSTGRES"), ("MariaDB", "TEST_URL_MARIADB")):
        if os.environ.get(name):
            found.append(Program(program, os.environ[name], label))
    for catalog in found:
        result = catalog.run("init")
        if result.returncode:
            raise RuntimeError(f"init of {catalog.label}: {result.stderr.strip()}")
    return found


def unique(name):
    return f"{name}-{os.getpid()}"


# ---- delta-rs ----


def deltars(path, version=None):
    """What delta-rs says of a table: the members of `snapshot --json` that it knows, and the live paths."""
    import pyarrow as pa
    from deltalake import DeltaTable

    table = DeltaTable(path, version=version)
    adds = pa.table(table.get_add_actions(flatten=True)).to_pydict()
    records = adds.get("num_records") or []
    metadata, protocol = table.metadata(), table.protocol()
    return {
        "version": table.version(),
        "num_files": len(adds["path"]),
        "size_in_bytes": sum(adds["size_bytes"]),
        "num_records": None if None in records or len(records) != len(adds["path"]) else sum(records),
        "partition_columns": list(metadata.partition_columns),
        "delta_id": str(metadata.id),
        "columns": [field.name for field in table.schema().fields],
        "min_reader_version": protocol.min_reader_version,
        "min_writer_version": protocol.min_writer_version,
        "reader_features": sorted(protocol.reader_features or []),
        "writer_features": sorted(protocol.writer_features or []),
        "paths": sorted(plain(uri, path) for uri in table.file_uris()),
        "configuration": dict(metadata.configuration or {}),
    }


def plain(path, table):
    """A path that stands below the table, relative to it."""
    for prefix in ("file://" + table + "/", table + "/"):
        if path.startswith(prefix):
            return path[len(prefix) :]
    return path


def decoded(paths):
    """Paths as the log writes them, percent-decoded once."""
    return sorted(urllib.parse.unquote(path) for path in paths)


# ---- DuckDB ----

DUCKDB_CODE = """
import duckdb, duckdb_extension_delta as e, glob, json, os, sys
c = duckdb.connect(config={'allow_unsigned_extensions': 'true'})
c.execute("LOAD '%s'" % glob.glob(os.path.dirname(e.__file__) + '/**/delta.duckdb_extension', recursive=True)[0])
rows = c.execute('SELECT count(*) FROM delta_scan(?)', [sys.argv[1]]).fetchone()[0]
files = c.execute('SELECT count(*) FROM delta_list_files(?)', [sys.argv[1]]).fetchone()[0]
print(json.dumps({'rows': rows, 'files': files}))
"""


def duckdb_python():
    """Interpreter that has DuckDB and its delta extension, or None."""
    python = os.environ.get("DUCKDB_PYTHON", os.path.join(sys.prefix, "duckdb", "bin", "python"))
    if not os.path.exists(python):
        return None
    probe = subprocess.run([python, "-c", "import duckdb, duckdb_extension_delta"], capture_output=True)
    return python if probe.returncode == 0 else None


def duckdb(path, python=None):
    """{'rows', 'files'} of a table, or {'error'}; None without DuckDB."""
    python = python or duckdb_python()
    if not python:
        return None
    result = subprocess.run([python, "-c", DUCKDB_CODE, path], capture_output=True, text=True)
    if result.returncode:
        return {"error": result.stderr.strip().splitlines()[-1]}
    return json.loads(result.stdout)


# ---- comparing ----

SAME = (
    "version",
    "num_files",
    "size_in_bytes",
    "num_records",
    "partition_columns",
    "min_reader_version",
    "min_writer_version",
)


def compare_snapshot(tap, program, table_id, wanted, what, version=None):
    """`snapshot --json` and `files` against a peer's answer."""
    at = () if version is None else ("--version", version)
    try:
        got = program.json("snapshot", table_id, *at)
        paths = sorted(program.paths(table_id, *at))
    except (RuntimeError, ValueError) as error:
        return tap.ok(False, f"{program.label}: {what}", error)
    wrong = [
        f"{key}: got {short(got.get(key))}, wanted {short(wanted[key])}"
        for key in SAME
        if key in wanted and got.get(key) != wanted[key]
    ]
    for key in ("reader_features", "writer_features"):
        if key in wanted and sorted(got.get(key) or []) != sorted(wanted[key] or []):
            wrong.append(f"{key}: got {got.get(key)}, wanted {wanted[key]}")
    for key in ("deletion_vector_files", "deleted_records", "tombstones", "transactions", "domains"):
        if key in wanted and got.get(key) != wanted[key]:
            wrong.append(f"{key}: got {short(got.get(key))}, wanted {short(wanted[key])}")
    if "columns" in wanted and columns_of(got.get("schema")) != wanted["columns"]:
        wrong.append(f"columns: got {columns_of(got.get('schema'))}, wanted {wanted['columns']}")
    if "paths" in wanted and paths != sorted(wanted["paths"]):
        there = set(wanted["paths"])
        wrong.append(
            f"paths: only here {short(sorted(set(paths) - there)[:5])}, missing {short(sorted(there - set(paths))[:5])}"
        )
    if "timestamp" in wanted and got.get("timestamp_ms") != wanted["timestamp"]:
        wrong.append(f"timestamp_ms: got {got.get('timestamp_ms')}, wanted {wanted['timestamp']}")
    return tap.ok(not wrong, f"{program.label}: {what}", "\n".join(wrong))


def columns_of(schema):
    if isinstance(schema, str):
        schema = json.loads(schema)
    return [field["name"] for field in (schema or {}).get("fields", [])]
