#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
`--where` on tables written by delta-rs: DuckDB reads each data file and says whether it really holds a matching row.
Each of those must be among the answers, whether SQL or the evaluator in C gives them; and both must agree.

    query_peers.py QUERY_TOOL [SEED]
"""
import datetime
import decimal
import json
import os
import random
import subprocess
import sys
import tempfile
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
tool = os.path.abspath(sys.argv[1])
import peers  # noqa: E402

peers.need("deltalake", "pyarrow", "duckdb")
import duckdb  # noqa: E402
import pyarrow as pa  # noqa: E402
from deltalake import DeltaTable, write_deltalake  # noqa: E402

SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
rnd = random.Random(SEED)
UTC = datetime.timezone.utc
WORDS = ["", "a", "ab", "abc", "Z", "é", "日本", "\U0001F600", "it's", "50%", "a_b", "x" * 31 + "y", "x" * 40, "x" * 32 + "\U0010FFFF", "/=%20 "]


def word():
    return rnd.choice(WORDS) + (rnd.choice(WORDS) if rnd.random() < 0.3 else "")


def stamp(zone):
    base = datetime.datetime(rnd.choice([1969, 2024]), 12, 31, rnd.randrange(24), rnd.randrange(60), 59, rnd.randrange(10**6), tzinfo=zone)
    return base + datetime.timedelta(days=rnd.randrange(5))


def dec(digits, scale):
    return decimal.Decimal(rnd.randrange(-10 ** rnd.randrange(1, digits), 10 ** rnd.randrange(1, digits))).scaleb(-scale, decimal.Context(prec=60))


COLUMNS = {
    "i8": (pa.int8(), lambda: rnd.randrange(-128, 128)),
    "i64": (pa.int64(), lambda: rnd.choice([rnd.randrange(-50, 50), 2**63 - 1, -2**63, 2**53 + 1])),
    "f32": (pa.float32(), lambda: rnd.choice([0.1, -0.0, 1e30, rnd.randrange(-9, 9) / 2, float("nan")])),
    "f64": (pa.float64(), lambda: rnd.choice([0.1, -0.0, 1e300, rnd.randrange(-9, 9) / 2, rnd.random(), float("nan"), float("inf")])),
    "s": (pa.string(), word),
    "b": (pa.bool_(), lambda: rnd.random() < 0.5),
    "d": (pa.date32(), lambda: datetime.date(1970, 1, 1) + datetime.timedelta(days=rnd.randrange(-40, 40))),
    "ts": (pa.timestamp("us", "UTC"), lambda: stamp(UTC)),
    "ntz": (pa.timestamp("us"), lambda: stamp(None)),
    "d5": (pa.decimal128(9, 2), lambda: dec(9, 2)),
    "d18": (pa.decimal128(18, 6), lambda: dec(18, 6)),
    "d38": (pa.decimal128(38, 10), lambda: dec(38, 10)),
}
PARTITIONS = {"p_" + k: COLUMNS[k] for k in ("i64", "s", "b", "d", "ts")}
# delta-rs 1.6 cannot read back a negative decimal that it wrote as a partition value
PARTITIONS["p_d5"] = (COLUMNS["d5"][0], lambda: abs(dec(9, 2)))


def literal(kind, value):
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return f"'{value}'" if value != value or value in (float("inf"), float("-inf")) else repr(value)
    if isinstance(value, datetime.datetime):
        text = value.replace(tzinfo=None).isoformat(" ")
        return f"TIMESTAMP '{text}Z'" if value.tzinfo else f"TIMESTAMP '{text}'"
    if isinstance(value, datetime.date):
        return f"DATE '{value}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return format(value, "f") if isinstance(value, decimal.Decimal) else str(value)


def duck_literal(kind, value):
    """DuckDB compares a FLOAT with a literal as FLOAT; given a type of its own, it compares what is meant."""
    if isinstance(value, float):
        return f"CAST('{value!r}' AS DOUBLE)"
    if isinstance(value, datetime.datetime) and value.tzinfo:
        return f"TIMESTAMPTZ '{value.replace(tzinfo=None).isoformat(' ')}+00'"
    if isinstance(value, decimal.Decimal):
        return f"CAST('{value:f}' AS DECIMAL(38,10))"
    return literal(kind, value)


def predicate(depth):
    """A pair: as the program reads it, as DuckDB does."""
    if depth and rnd.random() < 0.6:
        parts = [predicate(depth - 1) for _ in range(rnd.choice([2, 2, 3]))]
        if rnd.random() < 0.2:
            return tuple(f"NOT ({x})" for x in parts[0])
        word = rnd.choice([" AND ", " OR "])
        return tuple("(" + word.join(p[side] for p in parts) + ")" for side in (0, 1))
    name, (_, make) = rnd.choice(list((COLUMNS | PARTITIONS).items()))
    kind = name.removeprefix("p_")
    form = rnd.choice(["compare"] * 5 + ["in", "between", "null", "like"])
    if form == "null":
        text = f"{name} IS {rnd.choice(['', 'NOT '])}NULL"
        return text, text
    if form == "like" and kind == "s":
        text = f"{name} {rnd.choice(['', 'NOT '])}LIKE '{rnd.choice(['a', 'x', 'é', '', 'ab'])}%'"
        return text, text
    values = [make() for _ in range(rnd.choice([1, 2, 4]) if form == "in" else 2)]
    sides = []
    op, negation = rnd.choice(["=", "!=", "<", "<=", ">", ">="]), rnd.choice(["", "", "NOT "])
    for write in (literal, duck_literal):
        v = [write(kind, x) for x in values]
        left = f"CAST({name} AS DOUBLE)" if write is duck_literal and kind == "f32" else name
        if form == "in":
            sides.append(f"{left} {negation}IN ({', '.join(v)})")
        elif form == "between":
            sides.append(f"{left} {negation}BETWEEN {v[0]} AND {v[1]}")
        else:
            sides.append(f"{left} {op} {v[0]}")
    return tuple(sides)


def batch(rows, same):
    """Some columns of one value only, or of none, so that bounds meet in one point, or are missing."""
    columns = {}
    for name, (kind, make) in COLUMNS.items():
        one = make() if rnd.random() < 0.2 else None
        nulls = rnd.choice([0, 0, 0.2, 1 if rnd.random() < 0.4 else 0])
        columns[name] = pa.array([None if rnd.random() < nulls else one if one is not None else make() for _ in range(rows)], kind)
    for name, (kind, make) in PARTITIONS.items():
        columns[name] = pa.array([same[name]] * rows, kind)
    return pa.table(columns)


def write_table(path):
    known = []
    for commit in range(40):
        same = rnd.choice(known) if known and rnd.random() < 0.3 else {
            n: None if rnd.random() < 0.15 else make() for n, (_, make) in PARTITIONS.items()}
        if same["p_s"] == "":
            same["p_s"] = None  # a partition value cannot be told from null when it is empty
        known.append(same)
        write_deltalake(path, batch(rnd.randrange(1, 7), same), mode="append", partition_by=list(PARTITIONS))


def matches(db, files, expression):
    """Paths of the files that hold a matching row."""
    return {path for (path,) in db.execute(f"SELECT DISTINCT __file FROM rows WHERE {expression}").fetchall()} & files


def load_rows(db, folder, table):
    """All rows as DuckDB sees them, with their file, and partition columns from what was written into the log."""
    fields = {**{n: k for n, (k, _) in COLUMNS.items()}}
    files = set()
    for commit in sorted(os.listdir(os.path.join(folder, "_delta_log"))):
        if not commit.endswith(".json"):
            continue
        for line in open(os.path.join(folder, "_delta_log", commit), encoding="utf-8"):
            add = json.loads(line).get("add")
            if not add:
                continue
            path = urllib.parse.unquote(add["path"])
            files.add(path)
            select = [f"'{path.replace(chr(39), chr(39) * 2)}' AS __file", *fields]
            for name, (kind, _) in PARTITIONS.items():
                value = add["partitionValues"].get(name)
                target = {"p_i64": "BIGINT", "p_s": "VARCHAR", "p_b": "BOOLEAN", "p_d": "DATE", "p_ts": "TIMESTAMPTZ", "p_d5": "DECIMAL(9,2)"}[name]
                text = "NULL" if value is None else "'" + value.replace("'", "''") + "'"
                select.append(f"CAST({text} AS {target}) AS {name}")
            source = os.path.join(folder, path).replace("'", "''")
            query = f"SELECT {', '.join(select)} FROM read_parquet(?, hive_partitioning=false)"
            first = not db.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'rows'").fetchone()[0]
            # read_parquet takes its argument for a pattern, and partition values may look like one
            link = os.path.join(folder, "..", f"link-{len(files)}.parquet")
            os.symlink(os.path.join(folder, path), link)
            db.execute(("CREATE TABLE rows AS " if first else "INSERT INTO rows ") + query, [link])
            del source
    return files


def main():
    tap = peers.Tap()
    print(f"# seed {SEED}, duckdb {duckdb.__version__}", flush=True)
    urls = {"sqlite": None} | {n.lower(): os.environ[f"TEST_URL_{n}"] for n in ("POSTGRES", "MARIADB") if os.environ.get(f"TEST_URL_{n}")}
    with tempfile.TemporaryDirectory() as scratch:
        folder = os.path.join(scratch, "table")
        write_table(folder)
        db = duckdb.connect()
        db.execute("SET TimeZone='UTC'")
        files = load_rows(db, folder, DeltaTable(folder))
        version = DeltaTable(folder).version()
        predicates = [predicate(rnd.randrange(3)) for _ in range(600)]
        truths = []
        for ours, theirs in predicates:
            try:
                truths.append(matches(db, files, theirs))
            except duckdb.Error as error:
                truths.append(None)
                print(f"# DuckDB cannot answer {theirs}: {str(error).splitlines()[0]}", flush=True)
        for engine, url in urls.items():
            url = url or f"sqlite://{scratch}/catalog.db"
            lines = "".join(f"{version}\t{ours}\n" for ours, _ in predicates)
            run = subprocess.run([tool, url, folder], input=lines, capture_output=True, text=True, encoding="utf-8")
            answers = [json.loads(line) for line in run.stdout.splitlines()]
            if not tap.ok(len(answers) == len(predicates), f"{engine}: {len(files)} files, {len(predicates)} predicates are answered", run.stderr):
                continue
            errors = [(p[0], a["error"]) for p, a in zip(predicates, answers) if "error" in a]
            tap.equal(errors, [], f"{engine}: none is refused")
            lost = [(p, sorted(t - set(a["sql"]))) for p, t, a in zip(predicates, truths, answers) if t is not None and "error" not in a and t - set(a["sql"])]
            tap.equal(lost[:3], [], f"{engine}: no file that holds a matching row is left out")
            unequal = [p[0] for p, a in zip(predicates, answers) if set(a.get("sql", [])) != set(a.get("scan", []))]
            tap.equal(unequal[:3], [], f"{engine}: SQL and the evaluator agree")
            kept, needed = sum(len(a.get("sql", [])) for a in answers), sum(len(t or ()) for t in truths)
            tap.ok(kept < 0.8 * len(files) * len(predicates), f"{engine}: {kept} files kept, {needed} match, of {len(files) * len(predicates)}")
            answered = sum(t is not None for t in truths)
            tap.ok(answered > 0.9 * len(truths), f"{engine}: DuckDB judged {answered} of them")
    return tap.done()


sys.exit(main())
