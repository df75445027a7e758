#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Health, why, preflight, blockers and ending of others against a private Neo4j, with transactions of a client that is not ours.

    test_neo4j.py OPERATE_TOOL
"""
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from situations import Tap, Tool, skip_all, until  # noqa: E402
from bolt_client import BoltClient, BoltError  # noqa: E402
from servers import Neo4j  # noqa: E402

BEGIN, COMMIT, ROLLBACK = 0x11, 0x12, 0x13
tap = Tap()


class Session:
    """A transaction that somebody has open."""

    def __init__(self, server, app="somebody"):
        self.client = BoltClient("127.0.0.1", server.port.number, "neo4j", server.password)
        self.client._ask(BEGIN, {"tx_metadata": {"app": app}})
        self.thread = self.error = None
        # The number of its connection and its transaction's id, as the server shows them.
        rows = server.cypher("SHOW TRANSACTIONS YIELD transactionId, connectionId, metaData WHERE metaData.app = $app "
                             "RETURN transactionId, connectionId", app=app)
        self.transaction, self.number = rows[0][0], int(rows[0][1].split("-")[1])

    def run(self, query):
        return self.client.run(query)

    def start(self, query):
        def go():
            try:
                self.run(query)
            except (BoltError, OSError) as problem:
                self.error = problem
        self.thread = threading.Thread(target=go)
        self.thread.start()

    def wait(self):
        self.thread.join(60)
        return self.error

    def close(self):
        self.client.close()
        if self.thread:
            self.thread.join(60)


def blocked(server, transaction):
    return lambda: server.cypher("SHOW TRANSACTIONS YIELD transactionId, status WHERE transactionId = $id AND status STARTS WITH 'Blocked' RETURN 1",
                                 id=transaction)


def names(server, tool):
    health = tool.health()
    tap.equal([n for n in health if n],
              ["connection", "version", "writable", "restore", "ledger", "stuck_migrations", "failed_migrations", "expired_locks", "migration_lock",
               "backup_age", "backup_verified", "audit_log", "disk", "database", "long_transactions", "lock_waits", "indexes", "memory", "graph"],
              "every check is there, in order")
    tap.ok(health["ledger"]["status"] == "warning" and "init" in health["ledger"]["remedy"], "a database without a ledger is told", health["ledger"])
    tap.ok(server.version in health["version"]["message"] and "community" in health["database"]["message"], "version and edition", health)
    server.cypher("CREATE (:Person)-[:KNOWS]->(:Person)")
    counted = server.cypher("MATCH (n) RETURN count(n)")[0][0]
    tap.equal(tool.health()["graph"]["details"]["nodes"], counted, "nodes are counted")
    heap = tool.health()["memory"]["details"]
    tap.ok(0 < heap["heap_used_bytes"] < heap["heap_max_bytes"], "the heap", heap)
    tap.ok(not tool.why().stuck and tool.why().says("blocking", "nobody waits"), "nothing is stuck", tool.why())
    tap.equal(tool.findings("Person!"), [], "nothing to find before a run on a quiet server")


def locks(server, tool):
    server.cypher("CREATE (:Account {id: 1})")
    first, second, third = Session(server, "first"), Session(server, "second"), Session(server, "third")
    first.run("MATCH (a:Account {id: 1}) SET a.by = 'first'")
    second.run("MATCH (p:Person) SET p.by = 'second'")
    second.start("MATCH (a:Account {id: 1}) SET a.by = 'second'")
    until(blocked(server, second.transaction))
    third.start("MATCH (p:Person) SET p.by = 'third'")
    until(blocked(server, third.transaction))
    time.sleep(1.2)
    why, health = tool.why(), tool.health()
    tree = [(line["depth"], s) for line in why.section("blocking") for s in (1, 2, 3)
            if line["text"].startswith(f"connection {(first, second, third)[s - 1].number} ")]
    tap.equal(tree, [(0, 1), (1, 2), (2, 3)], "the tree of who waits for whom")
    tap.ok(why.says("blocking", "first", "idle in an open transaction") and why.says("blocking", "waiting", "Account"), "what each does", why)
    tap.equal((why.stuck, why.next), (True, f"TERMINATE TRANSACTIONS '{first.transaction}'"), "the one command")
    tap.ok(health["lock_waits"]["status"] == "warning" and health["lock_waits"]["details"]["waiting"] == 2, "health counts who waits", health["lock_waits"])
    found = tool.ask("blockers", second.number)["blockers"]
    tap.ok(len(found) == 1 and found[0].startswith(f"connection {first.number} ("), "blockers", found)
    found = [f for f in tool.findings("Account!") if f["rule"] == "locked-table"]
    tap.ok(any(f"connection {first.number} " in f["what"] and "Account" in f["what"] and "TERMINATE" in f["hint"] for f in found),
           "preflight: who may hold locks on it", found)
    tap.equal(tool.ask("end", first.transaction)["command"], f"TERMINATE TRANSACTIONS '{first.transaction}'", "it is ended on request")
    tap.ok(second.wait() is None, "the one behind it goes on", second.error)
    try:
        first.client._ask(COMMIT)
        tap.ok(False, "what was ended does not commit")
    except (BoltError, OSError):
        tap.ok(True, "what was ended does not commit")
    second.client._ask(COMMIT)
    tap.ok(third.wait() is None, "and so does the last")
    third.client._ask(ROLLBACK)
    tap.ok(not tool.why().stuck, "nothing is stuck any more", tool.why())
    tap.ok(tool.run("end", first.transaction).returncode != 0, "what is gone cannot be ended")
    for session in (first, second, third):
        session.close()


def long_ones(server, tool):
    """A statement that runs on, shown with what it runs, and ended by its connection's number."""
    runs = Session(server, "report")
    runs.start("UNWIND range(1, 100000000000) AS n WITH n WHERE n % 7 = 8 RETURN count(n)")
    line = until(lambda: tool.why().says("transactions", f"connection {runs.number} ", "UNWIND range"))
    tap.ok(line is not None, "the oldest transaction, with its statement", tool.why())
    tool.ask("end", runs.number)
    tap.ok("erminated" in str(runs.wait()), "a statement that runs is ended", runs.error)
    runs.close()


def indexes(server, tool):
    server.cypher("CREATE (:Blob {text: $text})", text="x" * 60000)
    server.cypher("CREATE INDEX blob_text FOR (b:Blob) ON (b.text)")
    until(lambda: server.cypher("SHOW INDEXES YIELD name, state WHERE name = 'blob_text' AND state = 'FAILED' RETURN 1"))
    health = tool.health()["indexes"]
    tap.ok(health["status"] == "critical" and "blob_text" in health["message"], "an index that failed", health)
    tap.ok("too large" in str(health["details"]), "with the server's reason", health)
    found = tool.ask("invalid")["indexes"]
    tap.ok(len(found) == 1 and found[0]["name"] == "blob_text" and health["remedy"] == "DROP INDEX `blob_text`", "as a leftover", found)
    tap.ok(tool.why().says("indexes", "blob_text", "Blob"), "in why, too", tool.why())
    server.cypher(health["remedy"])
    tap.equal(tool.health()["indexes"]["status"], "ok", "the remedy takes it away")


def ledger(server, tool):
    tool.ask("init")
    tool.ask("apply", "000_base")
    health = tool.health()
    tap.ok(health["ledger"]["status"] == "ok" and "000_base" in health["ledger"]["message"], "the ledger with its newest", health["ledger"])
    tap.equal([health[n]["status"] for n in ("stuck_migrations", "failed_migrations", "expired_locks", "migration_lock", "audit_log")], ["ok"] * 5,
              "a ledger in order")
    tap.equal(health["backup_age"]["status"], "warning", "no backup at all")
    tool.ask("backup", "full", 1, 1)
    health = tool.health()
    tap.equal((health["backup_age"]["status"], health["backup_verified"]["status"]), ("ok", "ok"), "a fresh, proved backup")

    tool.ask("leave", "001_first", "intent", "CREATE INDEX third IF NOT EXISTS FOR (t:Third) ON (t.a)", "")
    why = tool.why()
    tap.ok(why.stuck and why.says("migration", "001_first", "2 of 4 statements"), "an interrupted migration", why)
    tap.equal(why.next, "dataflow up", "it may go on")
    stuck = "MATCH (m:Migration {status: 'RUNNING'}) WHERE m.appliedAt < datetime() - duration('PT1H') RETURN count(m)"
    tap.equal((server.cypher(stuck), tool.health()["stuck_migrations"]["status"]), ([[0]], "ok"), "not stuck within the hour")
    server.cypher("MATCH (m:Migration {migrationId: '001_first'}) SET m.appliedAt = datetime() - duration('PT2H')")
    tap.equal((server.cypher(stuck), tool.health()["stuck_migrations"]["status"]), ([[1]], "warning"), "stuck after it")
    tool.ask("leave", "003_third", "failed", "CREATE INDEX third FOR (t:Third) ON (t.a)", "")
    tap.ok(tool.why().says("migration", "statement 3 (line 30) failed"), "a failed statement", tool.why())
    tap.ok("003_third" in tool.health()["failed_migrations"]["message"], "health names it", tool.health()["failed_migrations"])
    server.cypher("MATCH (m:Migration) SET m.status = 'SUCCESS' REMOVE m.errorMessage")

    holder = tool.hold("up", 4000)
    health, why = tool.health(), tool.why()
    tap.ok(health["migration_lock"]["status"] == "ok" and str(holder.pid) in health["migration_lock"]["message"], "the holder of the lock", health["migration_lock"])
    tap.ok(why.says("lock", "tester", holder.pid, "(up)") and not why.stuck, "why says who, and that nothing is stuck", why)
    tap.equal(health["long_transactions"]["status"], "ok", "what holds the lock is no idle transaction of somebody's")
    subprocess.run(["kill", "-STOP", str(holder.pid)], check=False)
    tap.ok(until(lambda: tool.health()["expired_locks"]["status"] == "warning", 30), "a lease that ran out is an expired lock")
    why = tool.why()
    tap.ok(why.stuck and why.says("lock", holder.pid, "its lease ended", "still there"), "a frozen holder", why)
    subprocess.run(["kill", "-KILL", str(holder.pid)], check=False)
    holder.wait()
    tap.ok(until(lambda: "is gone" in tool.health()["migration_lock"]["message"], 30), "a dead holder's row is left over")
    tap.equal(tool.why().next, "dataflow up", "the next run takes it over")
    server.cypher("MATCH (l:_MigrationLock) DETACH DELETE l")
    holder = tool.hold()
    server.cypher("MATCH (l:_MigrationLock) DETACH DELETE l")
    why = tool.why()
    found = [line for line in why.section("lock") if line["depth"] == 1 and line["command"]]
    tap.ok(len(found) == 1 and "TERMINATE" in found[0]["command"] and "dataflow migrations" in found[0]["text"],
           "a living holder whose row was deleted, and who it is", why)
    holder.communicate()
    server.cypher("MATCH (a:_MigrationAudit) WITH a ORDER BY a.auditId LIMIT 1 SET a.actor = 'nobody'")
    health = tool.health()
    tap.ok(health["audit_log"]["status"] == "critical" and health[""] == "critical", "a changed entry of the audit log", health["audit_log"])


def limits(tool):
    rules = {f["rule"]: f for f in tool.findings("Person!")}
    tap.ok("37s" in rules["transaction-timeout"]["what"], "a limit that ends every transaction", rules)
    tap.ok("db.memory.transaction.max" in rules["memory-limit"]["what"], "a limit of memory", rules)


def read_only(tool):
    tap.ok(any(f["rule"] == "read-only" and f["severity"] == "error" for f in tool.findings()), "a database that is read only", tool.findings())
    tap.equal(tool.health()["writable"]["status"], "critical", "which health says, too")
    why = tool.why()
    tap.ok(why.stuck and why.says("server", "read only"), "and why", why)


def main():
    why_not = Neo4j.why_not()
    if why_not:
        skip_all(why_not)
    server = Neo4j().start()
    try:
        tool = Tool(server.url())
        for part in (names, locks, long_ones, indexes, ledger):
            part(server, tool)
    finally:
        server.stop()
    server = Neo4j(settings={"db.transaction.timeout": "37s", "db.memory.transaction.max": "64m"}).start()
    try:
        limits(Tool(server.url()))
        server.settings["server.databases.read_only"] = "neo4j"
        server.restart()
        read_only(Tool(server.url()))
    finally:
        server.stop()
    tap.done()


if __name__ == "__main__":
    main()
