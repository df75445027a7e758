#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Foreign keys without an index, as `validate` reads them out of the files, against what PostgreSQL's own catalog says once
the history is applied; SQLite by small files.
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from migrations import Dataflow, Servers, Tap, binary, histories, said

RULE = "foreign-key-without-index"
# Keys of which no index of all (or of all not-NULL) rows has the key's columns in front.
CATALOG = """
SELECT t.relname || ' (' || string_agg(a.attname, ', ' ORDER BY k.ord) || ')'
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
     CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY k(num, ord)
     JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num
WHERE c.contype = 'f' AND NOT c.conparentid <> 0 AND NOT t.relispartition AND NOT EXISTS (
  SELECT FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_am am ON am.oid = ic.relam
  WHERE i.indrelid = c.conrelid AND am.amname IN ('btree', 'hash')
    AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) = '(' || (SELECT quote_ident(attname) FROM pg_attribute
         WHERE attrelid = i.indrelid AND attnum = i.indkey[0]) || ' IS NOT NULL)')
    AND c.conkey <@ (SELECT array_agg(x.num) FROM unnest(i.indkey::int2[]) WITH ORDINALITY x(num, ord) WHERE x.ord <= array_length(c.conkey, 1)))
GROUP BY c.oid, t.relname ORDER BY 1"""


def columns(finding):
    return re.search(r"columns (\S+ \(.*?\)):", finding["what"])[1]


def found(program):
    _, report = program.json("validate")
    return sorted(columns(f) for f in report["findings"] if f["rule"] == RULE), report


def check_history(tap, servers, path, history):
    database = servers.database(history.engine)
    program = Dataflow(path, database.url, history.path)
    files_only = Dataflow(path, database.url, history.path)
    before, report = found(files_only)
    severities = {f["severity"] for f in report["findings"] if f["rule"] == RULE}
    tap.ok(severities <= {"warning"}, f"{history}: what waits is warned about", str(severities))
    result = program.run("up", "--quiet")
    if not tap.ok(result.returncode == 0, f"{history}: applied", said(result)):
        return
    catalog = [line for line in database.sql(CATALOG).splitlines() if line]
    ours = [key.replace('"', "") for key in before]
    # A key that the file drops in a DO block, or adds there, is not seen in its text: what we say must be right.
    wrong = [key for key in set(ours) if key not in catalog]
    missed = [key for key in set(catalog) if key not in ours]
    tap.ok(not wrong, f"{history}: {len(ours)} keys, and PostgreSQL says the same", f"wrong: {wrong}")
    tap.ok(len(missed) * 10 <= len(catalog), f"{history}: at most one in ten is missed", f"missed: {missed}")
    _, report = found(program)
    severities = {f["severity"] for f in report["findings"] if f["rule"] == RULE}
    tap.ok(severities <= {"note"}, f"{history}: what is applied is only noted", str(severities))


SMALL = [
    ("CREATE TABLE b (a_id int REFERENCES a (id));", ["b (a_id)"]),
    ("CREATE TABLE b (a_id int REFERENCES a (id)); CREATE INDEX x ON b (a_id, z);", []),
    ("CREATE TABLE b (a_id int REFERENCES a (id)); CREATE INDEX x ON b (z, a_id);", ["b (a_id)"]),
    ("CREATE TABLE b (a_id int PRIMARY KEY REFERENCES a (id));", []),
    ("CREATE TABLE b (x int, y int, FOREIGN KEY (x, y) REFERENCES a (i, j), UNIQUE (y, x));", []),
    ("CREATE TABLE b (x int, FOREIGN KEY (x) REFERENCES a); CREATE INDEX x ON b (lower(x));", ["b (x)"]),
    ("CREATE TABLE b (x int, FOREIGN KEY (x) REFERENCES a); CREATE INDEX x ON b (x) WHERE z = 1;", ["b (x)"]),
    ("CREATE TABLE b (x int, FOREIGN KEY (x) REFERENCES a); CREATE INDEX x ON b (x) WHERE x IS NOT NULL;", []),
    ("CREATE TABLE b (x int REFERENCES a); CREATE INDEX i ON b (x); DROP INDEX i;", ["b (x)"]),
    ("CREATE TABLE b (x int REFERENCES a); DROP TABLE b;", []),
    ("CREATE TABLE n (x int REFERENCES a); CREATE INDEX i ON n (x); DROP TABLE IF EXISTS b; ALTER TABLE n RENAME TO b;", []),
    ("CREATE TABLE b (y int); ALTER TABLE b ADD COLUMN x int REFERENCES a; ALTER TABLE b RENAME COLUMN x TO z;", ["b (z)"]),
    ("CREATE TABLE \"B\" (\"x y\" int REFERENCES a); CREATE INDEX i ON \"B\" (\"x y\");", []),
    ("CREATE TABLE b (x text DEFAULT 'REFERENCES a (id)' /* REFERENCES c */);", []),
]


def main():
    path, tap = binary(), Tap()
    with Servers() as servers:
        folder = os.path.join(servers.folder, "small")
        os.makedirs(folder)
        for sql, expected in SMALL:
            with open(os.path.join(folder, "001_x.sql"), "w", encoding="utf-8") as file:
                file.write(f"-- UP\n{sql}\n-- DOWN\n")
            for engine in ("sqlite", "mariadb"):
                program = Dataflow(path, "sqlite:" + os.path.join(folder, "x.db"), folder)
                if engine == "mariadb":  # it makes the index by itself
                    program.command = lambda *a: [path, *a, "--engine", "mariadb", "--migrations", folder]
                wanted = expected if engine == "sqlite" else []
                got, _ = found(program)
                tap.ok(got == wanted, f"{engine}: {sql}", f"{got}, not {wanted}")
        real = [h for h in histories() if h.engine == "postgres" and h.name in ("crates.io", "kratos", "authelia")]
        for history in real:
            if not os.path.isdir(history.path) or not servers.has("postgres"):
                tap.skip(str(history), "no history or no server")
                continue
            check_history(tap, servers, path, history)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
