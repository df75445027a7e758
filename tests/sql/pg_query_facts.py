#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
pg_query_facts.py SQL-TOOL FOLDER: class, flags and names of PostgreSQL's statements against the trees that PostgreSQL's
own grammar makes of them.
"""
import ctypes
import glob
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "cli"), os.path.join(HERE, "..", "lib"), HERE]
import tap  # noqa: E402
import transactions  # noqa: E402

MORE = """
CREATE TABLE IF NOT EXISTS "My Schema"."T" (a int); CREATE TABLE a.b.c (x int);
CREATE UNLOGGED TABLE t1 (a int); CREATE TEMP TABLE t2 (a int); CREATE LOCAL TEMPORARY TABLE t3 AS SELECT 1;
CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1); CREATE FOREIGN TABLE ft (a int) SERVER s;
CREATE INDEX ON ONLY s.t USING gin (b); CREATE UNIQUE INDEX u ON t (a) WHERE a > 1;
CREATE OR REPLACE VIEW v AS SELECT 1; CREATE RECURSIVE VIEW rv (n) AS VALUES (1); CREATE MATERIALIZED VIEW mv AS SELECT 1;
CREATE TEMP SEQUENCE sq; CREATE TYPE ty AS (a int); CREATE TYPE en AS ENUM ('a'); CREATE DOMAIN d AS int;
CREATE OR REPLACE FUNCTION s.f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE PROCEDURE pr() LANGUAGE sql AS '';
CREATE TRIGGER tr BEFORE INSERT OR UPDATE OF a, b ON s.t FOR EACH ROW EXECUTE FUNCTION f();
CREATE CONSTRAINT TRIGGER ct AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
CREATE OR REPLACE RULE r AS ON UPDATE TO s.t DO INSTEAD NOTHING; CREATE POLICY po ON s.t USING (true);
CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA public; CREATE SCHEMA IF NOT EXISTS s2; CREATE SCHEMA AUTHORIZATION joe;
CREATE ROLE ro; CREATE USER us; CREATE GROUP gr; CREATE PUBLICATION pu FOR ALL TABLES; CREATE STATISTICS st ON a, b FROM t;
CREATE EVENT TRIGGER et ON ddl_command_start EXECUTE FUNCTION f(); CREATE CAST (int AS text) WITHOUT FUNCTION;
ALTER TABLE t ADD c int; ALTER TABLE t ADD COLUMN IF NOT EXISTS c int UNIQUE; ALTER TABLE ONLY s.t DROP c;
ALTER TABLE t DROP COLUMN IF EXISTS c CASCADE, DROP COLUMN IF EXISTS d; ALTER TABLE IF EXISTS t ADD c int, ADD d int;
ALTER TABLE t ADD PRIMARY KEY (a); ALTER TABLE t ADD CONSTRAINT u UNIQUE (a); ALTER TABLE t ADD UNIQUE USING INDEX i;
ALTER TABLE t ADD CONSTRAINT e EXCLUDE USING gist (a WITH =); ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (b);
ALTER TABLE t ADD CHECK (a > 1) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT f; ALTER TABLE t DROP CONSTRAINT f;
ALTER TABLE t ALTER COLUMN c TYPE text USING c::text, ALTER d SET NOT NULL; ALTER TABLE t ALTER c DROP DEFAULT;
ALTER TABLE t RENAME COLUMN c TO d; ALTER TABLE t RENAME c TO d; ALTER TABLE t RENAME TO t2;
ALTER TABLE t RENAME CONSTRAINT a TO b; ALTER TABLE t SET SCHEMA s; ALTER TABLE t OWNER TO joe; ALTER TABLE t ENABLE ROW LEVEL SECURITY;
ALTER TABLE t DROP key, ADD index int, ADD period text; ALTER TABLE t ADD COLUMN x int DEFAULT 1 CHECK (x IN (1, 2)), DROP y;
ALTER INDEX i RENAME TO j; ALTER VIEW v RENAME TO w; ALTER VIEW v RENAME COLUMN a TO b; ALTER SEQUENCE sq RESTART;
ALTER TYPE en ADD VALUE IF NOT EXISTS 'b' AFTER 'a'; ALTER TYPE en RENAME VALUE 'a' TO 'c'; ALTER TYPE ty ADD ATTRIBUTE b int;
ALTER TYPE ty DROP ATTRIBUTE a; ALTER TYPE ty RENAME TO tz; ALTER FUNCTION f(int) RENAME TO g; ALTER SCHEMA s RENAME TO s3;
ALTER TRIGGER tr ON t RENAME TO ts; ALTER POLICY po ON t RENAME TO pp; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO joe;
DROP TABLE IF EXISTS s.t, u CASCADE; DROP INDEX CONCURRENTLY IF EXISTS s.i; DROP VIEW v; DROP MATERIALIZED VIEW mv;
DROP FUNCTION IF EXISTS f(int), g; DROP TRIGGER IF EXISTS tr ON s.t; DROP POLICY po ON t; DROP RULE r ON t;
DROP TYPE en; DROP DOMAIN d CASCADE; DROP SCHEMA s CASCADE; DROP EXTENSION x; DROP SEQUENCE sq; DROP ROLE ro;
TRUNCATE t; TRUNCATE TABLE ONLY s.t, u CASCADE; COMMENT ON TABLE s.t IS 'x'; COMMENT ON COLUMN s.t.c IS 'x';
COMMENT ON FUNCTION f(int) IS 'x'; COMMENT ON CONSTRAINT c ON t IS 'x'; GRANT SELECT, UPDATE (a) ON TABLE s.t TO joe;
GRANT ALL ON ALL TABLES IN SCHEMA s TO joe; GRANT USAGE ON SCHEMA s TO joe; REVOKE ALL ON FUNCTION f(int) FROM PUBLIC; GRANT a TO b;
INSERT INTO s.t (a) VALUES (1) ON CONFLICT DO UPDATE SET a = 2; INSERT INTO t AS x SELECT 1; WITH x AS (SELECT 1) INSERT INTO t SELECT 1;
UPDATE ONLY s.t SET a = 1; UPDATE t AS x SET a = (SELECT 1 WHERE true) FROM u; UPDATE t SET a = 1 WHERE b; DELETE FROM t;
DELETE FROM ONLY t USING u WHERE t.a = u.a; WITH x AS (SELECT 1) UPDATE t SET a = 2; WITH RECURSIVE x AS (SELECT 1), y AS (SELECT 2) DELETE FROM t;
WITH x AS (INSERT INTO t VALUES (1) RETURNING a) SELECT * FROM x; MERGE INTO t USING u ON true WHEN MATCHED THEN DO NOTHING;
SELECT 1; (SELECT 1) UNION (SELECT 2); VALUES (1); TABLE t; SELECT a INTO t9 FROM t; SELECT 'into', (SELECT 1) AS "into";
SELECT * INTO TEMP TABLE s9 FROM t; EXPLAIN SELECT 1; EXPLAIN ANALYZE DELETE FROM t; EXPLAIN (ANALYZE off) DELETE FROM t; SHOW ALL;
BEGIN; START TRANSACTION ISOLATION LEVEL SERIALIZABLE; COMMIT; END; COMMIT AND CHAIN; ROLLBACK; ABORT; ROLLBACK TO SAVEPOINT a;
ROLLBACK WORK TO a; SAVEPOINT a; RELEASE a; PREPARE TRANSACTION 'x'; COMMIT PREPARED 'x'; ROLLBACK AND NO CHAIN;
SET search_path = a, b; SET LOCAL a.b TO 1; SET TIME ZONE 'UTC'; SET SESSION AUTHORIZATION joe; SET ROLE joe; RESET ALL; RESET search_path;
SET CONSTRAINTS ALL DEFERRED; SET TRANSACTION READ ONLY; DISCARD ALL; PREPARE p AS SELECT 1; EXECUTE p; DEALLOCATE p; LISTEN x; NOTIFY x;
LOCK TABLE s.t; DECLARE c CURSOR FOR SELECT 1; FETCH c; CLOSE c; CALL f(1); DO 'BEGIN END'; COPY t (a) FROM STDIN;
\\.
COPY (SELECT 1) TO STDOUT; COPY t TO '/x'; COPY s.t FROM '/x'; VACUUM FULL s.t; ANALYZE s.t (a); REINDEX INDEX s.i; REINDEX SCHEMA s;
CLUSTER s.t USING i; CHECKPOINT; REFRESH MATERIALIZED VIEW CONCURRENTLY s.mv; SECURITY LABEL ON TABLE s.t IS 'x'; IMPORT FOREIGN SCHEMA a FROM SERVER s INTO b;
REASSIGN OWNED BY a TO b; DROP OWNED BY a; LOAD 'x'; ALTER SYSTEM SET a = 1; ALTER DATABASE d SET a = 1; CREATE DATABASE d3; DROP DATABASE d3
"""

# The node of the tree, and what the classifier calls it.
CLASSES = {
    "query": "SelectStmt ExplainStmt VariableShowStmt FetchStmt",
    "dml": "InsertStmt UpdateStmt DeleteStmt MergeStmt",
    "transaction": "TransactionStmt",
    "session": "VariableSetStmt DiscardStmt PrepareStmt DeallocateStmt ListenStmt UnlistenStmt NotifyStmt LockStmt "
               "DeclareCursorStmt ClosePortalStmt ConstraintsSetStmt LoadStmt",
    "routine": "DoStmt CallStmt ExecuteStmt",
    "maintenance": "VacuumStmt ReindexStmt ClusterStmt CheckPointStmt",
}
CLASS_OF = {node: name for name, nodes in CLASSES.items() for node in nodes.split()}


class Parser:
    def __init__(self):
        self.library = ctypes.CDLL("libpg_query.so.1504.0")

        class Result(ctypes.Structure):
            _fields_ = [("tree", ctypes.c_char_p), ("stderr", ctypes.c_char_p), ("error", ctypes.c_void_p)]

        self.library.pg_query_parse.restype = Result
        self.library.pg_query_parse.argtypes = [ctypes.c_char_p]

    def tree(self, sql):
        """(node, its members) of one statement; None when it does not parse."""
        result = self.library.pg_query_parse(sql)
        if result.error:
            return None
        statements = json.loads(result.tree)["stmts"]
        return next(iter(statements[0]["stmt"].items())) if len(statements) == 1 else None


def strings(nodes):
    return [n["String"]["sval"] for n in nodes if "String" in n]


def qualified(names):
    """(schema or None, name) of the last two."""
    return (names[-2] if len(names) > 1 else None, names[-1])


def relation(range_var):
    return (range_var.get("schemaname"), range_var["relname"])


def class_of(node, body):
    if node == "SelectStmt":
        changes = [q for c in body.get("withClause", {}).get("ctes", [])
                   for q in c["CommonTableExpr"]["ctequery"] if q != "SelectStmt"]
        return "ddl" if "intoClause" in body else "dml" if changes else "query"
    if node == "CopyStmt":
        return "dml" if body.get("is_from") else "query"
    if node == "ExplainStmt":
        options = {o["DefElem"]["defname"]: o["DefElem"].get("arg") for o in body.get("options", [])}
        arg = options.get("analyze", {"String": {"sval": "off"}})
        off = arg and arg.get("String", {}).get("sval") in ("off", "false")
        return "query" if off else class_of(*next(iter(body["query"].items())))
    return CLASS_OF.get(node, "ddl")


def object_of(node, body):
    """(schema, name) of what the statement is about; None when this does not say, () when it has none."""
    if node in ("CreateStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "AlterTableStmt"):
        return relation(body["relation"])
    if node in ("CreateForeignTableStmt",):
        return relation(body["base"]["relation"])
    if node == "IndexStmt":
        return (None, body["idxname"]) if "idxname" in body else ()
    if node == "ViewStmt":
        return relation(body["view"])
    if node == "CreateTableAsStmt":
        return relation(body["into"]["rel"])
    if node in ("CreateSeqStmt", "AlterSeqStmt"):
        return relation(body["sequence"])
    if node == "CreateFunctionStmt":
        return qualified(strings(body["funcname"]))
    if node in ("CreateEnumStmt", "AlterEnumStmt"):
        return qualified(strings(body["typeName"]))
    if node == "CompositeTypeStmt":
        return relation(body["typevar"])
    if node == "CreateTrigStmt":
        return (None, body["trigname"])
    if node == "CreatePolicyStmt":
        return (None, body["policy_name"])
    if node == "RuleStmt":
        return (None, body["rulename"])
    if node == "CreateExtensionStmt":
        return (None, body["extname"])
    if node == "CreateSchemaStmt":
        return (None, body["schemaname"]) if "schemaname" in body else ()
    if node == "CreateRoleStmt":
        return (None, body["role"])
    if node == "TruncateStmt":
        return relation(body["relations"][0]["RangeVar"])
    if node == "RefreshMatViewStmt":
        return relation(body["relation"])
    if node == "DropStmt":
        first = body["objects"][0]
        if "List" in first:
            names = strings(first["List"]["items"])
            on_table = body["removeType"] in ("OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE")
            return (None, names[-1]) if on_table else qualified(names)
        if "TypeName" in first:
            return qualified(strings(first["TypeName"]["names"]))
        if "ObjectWithArgs" in first:
            return qualified(strings(first["ObjectWithArgs"]["objname"]))
        if "String" in first:
            return (None, first["String"]["sval"])
    if node == "RenameStmt" and body["renameType"] in ("OBJECT_TABLE", "OBJECT_COLUMN", "OBJECT_INDEX", "OBJECT_VIEW"):
        return relation(body["relation"])
    return None


def table_of(node, body):
    if node in ("IndexStmt", "CreateTrigStmt", "RuleStmt", "AlterTableStmt", "InsertStmt", "UpdateStmt", "DeleteStmt"):
        if node == "AlterTableStmt" and body["objtype"] not in ("OBJECT_TABLE", "OBJECT_FOREIGN_TABLE"):
            return None
        return relation(body["relation"])
    if node == "CreatePolicyStmt":
        return relation(body["table"])
    if node == "CreateStmt":
        return relation(body["relation"])
    if node == "DropStmt" and body["removeType"] in ("OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"):
        return qualified(strings(body["objects"][0]["List"]["items"])[:-1])
    return None


def actions(body):
    return [c["AlterTableCmd"] for c in body["cmds"]]


def column_of(node, body):
    """The first column that the statement adds, drops, alters or renames; None when there is none."""
    if node == "RenameStmt" and body["renameType"] == "OBJECT_COLUMN" and body["relationType"] in ("OBJECT_TABLE", "OBJECT_VIEW"):
        return body["subname"]
    if node != "AlterTableStmt" or body["objtype"] != "OBJECT_TABLE":
        return None
    for action in actions(body):
        kind = action["subtype"]
        if kind == "AT_AddColumn":
            return action["def"]["ColumnDef"]["colname"]
        if kind == "AT_DropColumn" or "Column" in kind or kind in ("AT_SetNotNull", "AT_DropNotNull", "AT_SetStatistics",
                                                                   "AT_SetStorage", "AT_AddIdentity", "AT_DropIdentity"):
            return action["name"]
    return None


def builds(action):
    """Whether an action of ALTER TABLE makes an index."""
    made = ("CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_EXCLUSION")
    if action["subtype"] == "AT_AddConstraint":
        constraint = action["def"]["Constraint"]
        return constraint["contype"] in made and "indexname" not in constraint
    if action["subtype"] == "AT_AddColumn":
        return any(c["Constraint"]["contype"] in made for c in action["def"]["ColumnDef"].get("constraints", []))
    return False


def is_temporary(range_var):
    return range_var.get("relpersistence") == "t" or range_var.get("schemaname") == "pg_temp"


def flags_of(node, body):
    """{flag: whether it must be set} for the flags that the tree decides."""
    flags = {}
    if node == "IndexStmt":
        flags = {"concurrently": body.get("concurrent", False), "index_build": True,
                 "if_exists": body.get("if_not_exists", False), "no_transaction": body.get("concurrent", False)}
    elif node == "DropStmt":
        kind = body["removeType"]
        cascade = body.get("behavior") == "DROP_CASCADE"
        flags = {"concurrently": body.get("concurrent", False), "if_exists": body.get("missing_ok", False),
                 "destroys": kind in ("OBJECT_TABLE", "OBJECT_SEQUENCE") or (cascade and kind in (
                     "OBJECT_TYPE", "OBJECT_DOMAIN", "OBJECT_EXTENSION", "OBJECT_SCHEMA"))}
    elif node == "CreateStmt":
        flags = {"if_exists": body.get("if_not_exists", False), "temporary": is_temporary(body["relation"])}
    elif node == "CreateTableAsStmt":
        flags = {"if_exists": body.get("if_not_exists", False), "temporary": is_temporary(body["into"]["rel"])}
    elif node in ("CreateFunctionStmt", "CreateTrigStmt", "RuleStmt", "ViewStmt"):
        flags = {"if_exists": body.get("replace", False)}
    elif node == "AlterTableStmt" and body["objtype"] == "OBJECT_TABLE":
        kinds = {a["subtype"] for a in actions(body)}
        changing = [a for a in actions(body) if a["subtype"] in ("AT_AddColumn", "AT_DropColumn", "AT_AddConstraint",
                                                                 "AT_DropConstraint")]
        flags = {"destroys": "AT_DropColumn" in kinds, "index_build": any(builds(a) for a in actions(body)),
                 "if_exists": bool(changing) and all(a.get("missing_ok") for a in changing)}
    elif node == "AlterEnumStmt":
        flags = {"add_value": "newVal" in body and "oldVal" not in body, "if_exists": body.get("skipIfNewValExists", False)}
    elif node in ("UpdateStmt", "DeleteStmt"):
        flags = {"whole_table": "whereClause" not in body}
        if node == "DeleteStmt":
            flags["destroys"] = True
    elif node == "TruncateStmt":
        flags = {"destroys": True}
    elif node == "TransactionStmt":
        kind, chain = body["kind"].removeprefix("TRANS_STMT_"), body.get("chain", False)
        flags = {"begin": kind in ("BEGIN", "START") or chain, "commit": kind in ("COMMIT", "PREPARE"),
                 "rollback": kind == "ROLLBACK"}
    elif node in ("DoStmt", "CallStmt", "ExecuteStmt"):
        flags = {"dynamic": True}
    elif node == "CopyStmt":
        flags = {"copy_in": body.get("is_from", False) and "filename" not in body}
    return flags


def problems(facts, node, body):
    found = []
    if facts["class"] != class_of(node, body):
        found.append(f"class {facts['class']}, not {class_of(node, body)}")
    for name, wanted in flags_of(node, body).items():
        if (name in facts["flags"]) != wanted:
            found.append(f"{name} should be {wanted}")
    for member, wanted in (("object", object_of(node, body)), ("table", table_of(node, body))):
        got = facts.get(member, {})
        got = (got.get("schema"), got["name"]) if "name" in got else ()
        if wanted is not None and got != wanted:
            found.append(f"{member} {got}, not {wanted}")
    wanted = column_of(node, body)
    if node in ("AlterTableStmt", "RenameStmt") and facts["object"].get("column") != wanted:
        if not (node == "AlterTableStmt" and body["objtype"] != "OBJECT_TABLE"):
            found.append(f"column {facts['object'].get('column')}, not {wanted}")
    if node == "AlterEnumStmt" and "newVal" in body and "oldVal" not in body and facts.get("value") != body["newVal"]:
        found.append(f"value {facts.get('value')}, not {body['newVal']}")
    if node == "RenameStmt" and body["renameType"] in ("OBJECT_TABLE", "OBJECT_COLUMN", "OBJECT_INDEX") \
            and facts.get("value") != body["newname"]:
        found.append(f"value {facts.get('value')}, not {body['newname']}")
    return found


def check(tool, parser, name, script):
    """(compared, complaints) of all statements of a script."""
    done = subprocess.run([tool, "postgres"], input=script, capture_output=True, check=True)
    compared, wrong = 0, []
    for line in done.stdout.splitlines():
        facts = json.loads(line)
        if "error" in facts:
            wrong.append(f"{name}: {facts['message']}")
            continue
        tree = parser.tree(facts["text"].encode("latin-1"))
        if tree:
            compared += 1
            wrong += [f"{name}:{facts['line']}: {facts['text'][:80]!r}: {p}" for p in problems(facts, *tree)]
    return compared, wrong


def main(tool, folder):
    try:
        parser = Parser()
    except OSError as problem:
        tap.skip("facts", str(problem))
        return tap.done()
    compared, wrong = check(tool, parser, "more", MORE.encode())
    tap.check(not wrong and compared > 170, f"{compared} statements of many kinds", *wrong)
    compared, wrong = check(tool, parser, "transactions", ";\n".join(transactions.POSTGRES).encode())
    tap.check(not wrong and compared > 60, f"{compared} statements about transactions", *wrong)
    paths = [p for p in sorted(glob.glob(os.path.join(folder, "**", "*.sql"), recursive=True)) if os.path.isfile(p)
             and not any(part in p for part in ("mysql", "sqlite", "cockroach"))]
    if not paths:
        tap.skip("histories", "they are not there")
        return tap.done()
    script = b""
    for path in paths:
        with open(path, "rb") as file:
            script += file.read() + b"\n;\n"
    compared, wrong = check(tool, parser, "histories", script)
    tap.check(not wrong and compared > 4000, f"{compared} statements of {len(paths)} files", *wrong[:60])
    return tap.done()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
