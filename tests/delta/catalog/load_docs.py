#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every statement in docs/catalog.md runs on the schema, and every table and column of the schema is in it."""
import pathlib
import re
import sqlite3
import sys

root = pathlib.Path(sys.argv[1])
page = (root / "docs/catalog.md").read_text(encoding="utf-8")
schema = (root / "src/delta/catalog/sql/sqlite/schema.sql").read_text(encoding="utf-8")
count = failed = 0


def check(good, what):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {what}")


db = sqlite3.connect(":memory:")
db.executescript(schema)
for block in re.findall(r"```sql\n(.*?)```", page, re.S):
    for statement in re.split(r";\s*(?:\n|$)", block):
        lines = [line for line in statement.splitlines() if not line.startswith("--")]
        if not "".join(lines).strip():
            continue
        try:
            db.execute("\n".join(lines)).fetchall()
            check(True, " ".join(lines)[:70])
        except sqlite3.Error as error:
            check(False, f"{' '.join(lines)[:70]}: {error}")

names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
for name in sorted(names):
    check(f"`{name}" in page or f"{name}(" in page, f"{name} is explained")
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({name})")]
    missing = [column for column in columns if not re.search(rf"\b{column}\b", page)]
    check(not missing, f"all columns of {name} are named {missing or ''}")

# The three engines have the same tables with the same columns in the same order.
def shape(engine):
    text = (root / f"src/delta/catalog/sql/{engine}/schema.sql").read_text(encoding="utf-8")
    tables = re.findall(r"CREATE TABLE IF NOT EXISTS (\w+) \((.*?)\n\)", text, re.S)
    return {name: re.findall(r"^    [\"`]?(\w+)[\"`]? +[A-Z]", body, re.M) for name, body in tables}


for engine in ("postgres", "mariadb"):
    check(shape(engine) == shape("sqlite"), f"{engine} has the tables and columns of sqlite")
print(f"1..{count}")
sys.exit(1 if failed else 0)
