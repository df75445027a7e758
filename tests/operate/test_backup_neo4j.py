#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_backup_neo4j.py TOOL [DATAFLOW]: backups of a graph that has everything, compared as Neo4j's own driver reads both sides."""
import hashlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time

from backups import KEY, Backups, SmallDisk, Tap, arguments, skip_all
import neo4j_jars
from peers import need
from servers import Neo4j

need("neo4j")
from graphs import Graph  # noqa: E402
from pictures import differences, everything, picture  # noqa: E402

LATER = ("MATCH (p:Person) WHERE p.id < 5000 DETACH DELETE p", "MATCH (n:Everything) SET n.zero = 1 REMOVE n.half", "DROP CONSTRAINT `two keys`", "DROP INDEX words",
         "CREATE INDEX newer FOR (p:Person) ON (p.other)", "CREATE CONSTRAINT newer_too FOR (n:Newer) REQUIRE n.a IS UNIQUE", "CREATE (:Newer {a: 1})-[:NEWER]->(:Newer {a: 2})")


class Tests:
    def __init__(self, tap, tool, server, top):
        self.tap, self.tool, self.server, self.top, self.made = tap, tool, server, top, 0
        self.graph = Graph(server.url())

    def check(self, good, what, *details):
        return self.tap.ok(good, what, "\n".join(str(d) for d in details))

    def place(self, *statements, key=None, folder=None):
        self.graph.wipe()
        for statement in statements:
            self.graph.run(statement)
        self.made += 1
        return Backups(self.tool, self.server.url(), folder or os.path.join(self.top, str(self.made)), key)

    def people(self, count=6000):
        return self.place(f"UNWIND range(1, {count}) AS i CREATE (:Person {{id: i, name: 'person ' + i}})", "CREATE INDEX ids FOR (p:Person) ON (p.id)", "CALL db.awaitIndexes(300)",
                          f"UNWIND range(1, {count}) AS i MATCH (a:Person {{id: i}}), (b:Person {{id: i % 10 + 1}}) CREATE (a)-[:KNOWS {{n: i}}]->(b)")

    # ---- the round trip ----

    def round_trip(self, key=None, people=12000):
        how = "encrypted" if key else "plain"
        b = self.place(key=key)
        everything(self.graph, people)
        before = picture(self.graph)
        made = b.one("create")
        self.check(made["present"] and made["size"] == os.path.getsize(made["path"]) and made["encrypted"] == bool(key), f"{how}: a backup", made)
        self.check(made["metadata"]["engine"] == "neo4j" and made["metadata"]["inexact_tables"] == 0, f"{how}: its facts", made)
        self.check(picture(self.graph) == before, f"{how}: making it changed nothing")
        proof = b.one("verify", "latest")
        self.check(proof["checksum_ok"] and not proof["restored"] and not proof["differing"], f"{how}: the file holds what was counted", proof)
        self.check(proof["tables"]["(:Person)"] == [people * 2 // 3] * 2 + [True] and proof["tables"]["[:KNOWS]"] == [people, people, True] and "(:`a``b`)" in proof["tables"], f"{how}: label by label, type by type", proof)
        for statement in LATER:
            self.graph.run(statement)
        self.check(picture(self.graph) != before, f"{how}: a migration changes much")
        safety = b.one("create", "critical")
        restored = b.one("restore", made["id"], SAFETY=safety["id"])
        after = picture(self.graph)
        self.check(before == after and restored["id"] == made["id"], f"{how}: restored, Neo4j's driver reads the same", *differences(before, after))
        self.ledger_went_on(b, made, safety, how)
        b.one("restore", safety["id"])
        self.check(self.graph.one("MATCH (n:Newer) RETURN count(n)") == 2 and self.graph.one("MATCH (n:Everything) RETURN n.zero") == 1, f"{how}: and forward again, by the safety backup")

    def ledger_went_on(self, b, made, safety, how):
        ids = [x["id"] for x in b.ask("list")]
        self.check(ids == [safety["id"], made["id"]], f"{how}: newer backups are still recorded", ids)
        self.check(self.graph.run("MATCH (r:_MigrationRestoration) RETURN r.backupId, r.success") == [[made["id"], True]], f"{how}: the restoration is recorded", self.graph.run("MATCH (r:_MigrationRestoration) RETURN r"))
        entries = [str(row) for row in self.graph.run("MATCH (a:_MigrationAudit) RETURN properties(a)") if "backup_restored" in str(row)]
        self.check(len(entries) == 1 and made["id"] in entries[0] and safety["id"] in entries[0] and "audit_head_before" in entries[0], f"{how}: so it is in the audit log", entries)
        self.check(self.graph.one("MATCH (n:_DataflowRestoreState) RETURN count(n)") == 0, f"{how}: no mark stays")

    def encrypted(self):
        self.round_trip(KEY, 600)
        b = self.people(100)
        b.key = KEY
        made = b.one("create")
        b.key = "ff" * 32
        for command in ("verify", "restore"):
            failed = b.fails(command, made["id"])
            self.check(failed.code == "permission" and self.graph.one("MATCH (p:Person) RETURN count(p)") == 100, f"{command} with another key: {failed.text.splitlines()[0]}")
        b.key = None
        failed = b.fails("restore", made["id"])
        self.check(failed.code == "usage" and self.graph.one("MATCH (p:Person) RETURN count(p)") == 100, f"without a key: {failed.text.splitlines()[0]}")
        with open(made["path"], "rb") as file:
            self.check(b"person" not in file.read(), "nothing of it can be read in the file")

    # ---- proving ----

    def lent_scratch(self):
        """A scratch database on another server: restored there, compared, and emptied again."""
        b = self.people(3000)
        made = b.one("create")
        with Neo4j() as other:
            there = Graph(other.url())
            proof = b.one("verify", made["id"], SCRATCH=other.url())
            self.check(proof["restored"] and proof["scratch"] == "given" and not proof["differing"], "proved on a database that was lent", proof)
            self.check(there.one("MATCH (n) RETURN count(n)") == 0 and there.schema() == [], "which is empty again")
            there.run("CREATE (:Mine)")
            failed = b.fails("verify", made["id"], SCRATCH=other.url())
            self.check(failed.code == "refused" and "not empty" in failed.text and there.one("MATCH (n:Mine) RETURN count(n)") == 1, f"one that is not empty is left alone: {failed.text.splitlines()[0]}")
            there.close()
        failed = b.fails("verify", made["id"], SCRATCH=self.server.url())
        self.check(failed.code == "refused" and self.graph.one("MATCH (p:Person) RETURN count(p)") == 3000, f"so is the live one: {failed.text.splitlines()[0]}")

    def tampered(self):
        """One byte, anywhere."""
        b = self.people(3000)
        made = b.one("create", "full,plain")
        with open(made["path"], "rb") as file:
            whole = file.read()
        places, at = [3, 20, 80], 8 + struct.unpack_from("<I", whole, 4)[0]
        while at < len(whole):
            length = struct.unpack_from("<I", whole, at + 12)[0]
            places += [at + 9, at + 13, at + 17, at + 33, at + 48 + length // 2, at + 48 + length - 1]
            at += 48 + length
        changed = [(f"byte {p}", whole[:p] + bytes([whole[p] ^ 1]) + whole[p + 1:]) for p in places]
        changed += [("cut off", whole[:-1]), ("cut in the middle", whole[:len(whole) // 2]), ("longer", whole + b"x"), ("empty", b"")]
        for what, content in changed:
            with open(made["path"], "wb") as file:
                file.write(content)
            failed = b.fails("restore", made["id"])
            if not failed.code == "corrupt":
                self.check(False, f"{what} is refused: {failed.text}")
        self.check(self.graph.one("MATCH (p:Person) RETURN count(p)") == 3000 and not b.one("unfinished")["found"], f"{len(changed)} damaged files are refused before anything is changed")
        # The record's checksum gone: the seals find it, too.
        self.graph.run("MATCH (b:_MigrationBackup) SET b.checksum = ''")
        for what, content in changed:
            with open(made["path"], "wb") as file:
                file.write(content)
            failed = b.fails("verify", made["id"])
            if not failed.code == "corrupt":
                self.check(False, f"{what} is refused without a recorded checksum: {failed.text}")
        with open(made["path"], "wb") as file:
            file.write(whole)
        self.check(b.one("verify", made["id"])["checksum_ok"], "the same without a recorded checksum; put back, it is whole")

    # ---- writing meanwhile ----

    def written_meanwhile(self):
        b = self.people()
        # Nodes are read by their identity, which need not be the order in which they were made: the server uses those of removed nodes again.
        first = "MATCH (p:Person) WITH p ORDER BY id(p) LIMIT 1 "
        process = b.paused("create", PAUSE_WHAT="nodes")
        self.graph.run(first + "CREATE (p)-[:LATE]->(:Late {a: 2}) SET p.late = true")
        status, out, said = b.go_on(process)
        made = json.loads(out.splitlines()[-1])
        self.check(status == 0 and made["metadata"]["inexact_tables"] >= 1 and "not of one moment" in said, f"written meanwhile is noticed: {said.splitlines()[0]}", out, said)
        proof = b.one("verify", made["id"])
        self.check(not proof["differing"], "the file holds what was read all the same", proof)
        # Written, but not what counts: the ledger's own nodes, or a change that was taken back.
        process = b.paused("create", PAUSE_WHAT="nodes")
        self.graph.run("CREATE (:_MigrationMeta {name: 'x'})")
        self.graph.run("MATCH (p:Person {id: 1}) SET p.name = 'other'")
        self.graph.run("MATCH (p:Person {id: 1}) SET p.name = 'person 1'")
        status, out, said = b.go_on(process)
        made = json.loads(out.splitlines()[-1])
        self.check(status == 0 and made["metadata"]["inexact_tables"] == 0 and "warning" not in said, "what does not count is told from what does", out, said)
        process = b.paused("create", PAUSE_WHAT="nodes", ATTEMPTS=3)
        self.graph.run(first + "SET p.name = 'other'")
        status, out, said = b.go_on(process)
        made = json.loads(out.splitlines()[-1])
        self.check(status == 0 and made["metadata"]["inexact_tables"] == 0 and "once more" in said, f"tried again on request: {said.splitlines()[0]}", out, said)
        self.check(b.files() and not [f for f in b.files() if "partial" in f], "no partial file stays", b.files())

    def busy(self):
        """Somebody writes all the time. Whatever is called exact is what a restore brings."""
        b = self.people(2000)
        stop = threading.Event()

        def write():
            writer = Graph(self.server.url())
            i = 0
            while not stop.is_set():
                writer.run("CREATE (:Log {i: $i})-[:NEXT]->(:Log {i: -$i})", i=i)
                i += 1
            writer.close()

        thread = threading.Thread(target=write)
        thread.start()
        try:
            made = b.one("create")
            self.check(made["metadata"]["inexact_tables"] >= 1, "with somebody writing it is not called exact", made)
            proof = b.one("verify", made["id"])
            self.check(proof["tables"]["(:Person)"] == [2000, 2000, True] and not proof["differing"], "it is whole in itself", proof)
        finally:
            stop.set()
            thread.join()
        self.check(b.one("create")["metadata"]["inexact_tables"] == 0, "with nobody writing it is")

    # ---- what can go wrong ----

    def blocked(self):
        b = self.people(100)
        made = b.one("create")
        with self.graph.driver.session() as session:
            transaction = session.begin_transaction()
            transaction.run("MATCH (p:Person {id: 1}) SET p.name = 'held'").consume()
            failed = b.fails("restore", made["id"])
            self.check(failed.code == "locked" and "neo4j-transaction-" in failed.text and "nothing was changed" in failed.text, f"who is in the way: {failed.text.splitlines()[0]}")
            self.check(not b.one("unfinished")["found"], "nothing was changed")
            transaction.rollback()
        b.one("restore", made["id"])
        self.check(self.graph.one("MATCH (p:Person) RETURN count(p)") == 100, "afterwards it goes")

    def killed(self):
        b = self.people()
        process = b.paused("create", PAUSE_WHAT="nodes")
        process.kill()
        process.wait()
        self.check(len(b.files()) == 1, "killed, we leave a partial file", b.files())
        made = b.one("create")
        self.check(b.files() == [os.path.basename(made["path"])], "which the next run removes", b.files())
        before = picture(self.graph)
        for what, at in (("nodes", 1), ("relationships", 1)):
            self.graph.run("MATCH (p:Person) WHERE p.id > 10 DETACH DELETE p")
            safety = b.one("create", "critical")
            process = b.paused("restore", made["id"], at=at, PAUSE_WHAT=what, SAFETY=safety["id"])
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            found = b.one("unfinished")
            self.check(found == {"found": True, "half": True, "backup": made["id"], "safety": safety["id"]}, f"killed at its {what}: the mark tells", found)
            for command in (("create",), ("list",), ("recover",), ("verify", made["id"])):
                failed = b.fails(*command)
                self.check(failed.code == "incomplete" and made["id"] in failed.text and safety["id"] in failed.text, f"{command[0]}: {' / '.join(failed.text.splitlines())}")
            if what == "nodes":
                b.one("restore", made["id"])
                after = picture(self.graph)
                self.check(before == after, "the same restore again completes it", *differences(before, after))
                ids = [x["id"] for x in b.ask("list")]
                self.check(set(ids) == {safety["id"], made["id"]}, "both backups have records again", ids)
            else:
                b.one("restore", safety["id"])
                self.check(self.graph.one("MATCH (p:Person) RETURN count(p)") == 10, "or the safety backup brings back what was there")
        for command in (("create",), ("verify", "latest")):
            failed = b.fails(*command, STOP_AFTER=2)
            self.check(failed.code == "cancelled", f"{command[0]} is interrupted: {failed.text.splitlines()[0]}")

    def through_the_program(self):
        if len(sys.argv) < 3:
            self.tap.skip("dataflow and an interrupted restore", "no program was given")
            return
        b = self.people()

        def dataflow(*command):
            return subprocess.run([os.path.abspath(sys.argv[2]), *command, "--database-url", b.url, "--backup-folder", b.folder], capture_output=True, text=True, cwd=self.top)

        os.makedirs(os.path.join(self.top, "migrations"), exist_ok=True)
        done = dataflow("backup")
        self.check(done.returncode == 0 and "Backup created:" in done.stdout, "dataflow backup", done.stdout, done.stderr)
        made = b.ask("list")[0]
        done = dataflow("backup", "verify", "latest")
        self.check(done.returncode == 0, f"dataflow backup verify: {done.stdout.strip()}", done.stdout, done.stderr)
        self.graph.run("MATCH (p:Person) WHERE p.id > 10 DETACH DELETE p")
        done = dataflow("backup", "restore", made["id"], "--yes")
        self.check(done.returncode == 0 and self.graph.one("MATCH (p:Person) RETURN count(p)") == 6000, "dataflow backup restore, with a safety backup", done.stdout, done.stderr)
        safety = [x for x in b.ask("list") if x["id"] != made["id"]][0]
        process = b.paused("restore", made["id"], PAUSE_WHAT="nodes", SAFETY=safety["id"])
        process.kill()
        process.wait()
        for command in (("status",), ("up",), ("backup",), ("health",), ("backup", "verify", "latest")):
            done = dataflow(*command)
            self.check(done.returncode == 7 and made["id"] in done.stderr and safety["id"] in done.stderr, f"dataflow {' '.join(command)}: {done.stderr.splitlines()[0] if done.stderr else ''}", done.returncode, done.stdout, done.stderr)
        done = dataflow("backup", "restore", made["id"], "--yes")
        self.check(done.returncode == 0 and self.graph.one("MATCH (p:Person) RETURN count(p)") == 6000, "dataflow backup restore completes it", done.stdout, done.stderr)
        self.check(dataflow("status").returncode == 0, "then all is well")

    def disk_full(self):
        if not SmallDisk.available():
            self.tap.skip("a full disk", "no right to mount one")
            return
        self.people()
        with SmallDisk(1) as folder:
            b = Backups(self.tool, self.server.url(), os.path.join(folder, "backups"))
            self.graph.run("UNWIND range(1, 6000) AS i CREATE (:Noise {a: [x IN range(1, 30) | randomUUID()]})")
            failed = b.fails("create")
            self.check(failed.code == "disk_full" and b.files() == [] and b.ask("list") == [], f"a full disk: {failed.text.splitlines()[0]}", b.files())

    def server_gone(self):
        b = self.people()
        made = b.one("create")
        process = b.paused("restore", made["id"], PAUSE_WHAT="nodes")
        self.server.halt()
        status, out, said = b.go_on(process)
        self.check(status == 7 and "half-way" in said, f"the server ends in the middle of a restore: {said.splitlines()[0]}", said)
        self.server.start()
        self.graph.close()
        self.graph = Graph(self.server.url())
        b.url = self.server.url()
        self.check(b.one("unfinished")["half"], "the mark was kept")
        b.one("restore", made["id"])
        self.check(self.graph.one("MATCH (p:Person) RETURN count(p)") == 6000 and self.graph.one("MATCH ()-[k:KNOWS]->() RETURN count(k)") == 6000, "and the restore is done again")

    # ---- the server's own tool ----

    def stopped(self):
        if len(sys.argv) < 3:
            self.tap.skip("neo4j-admin", "no program was given")
            return
        self.people(500)
        before = picture(self.graph)
        home, folder = self.server.folder, os.path.join(self.top, "dumps", "new")
        java, jars = neo4j_jars.find_java(self.server.version), neo4j_jars.library(self.server.version)
        script = os.path.join(home, "bin", "neo4j-admin")

        def dataflow(*command, path=os.environ["PATH"]):
            environment = {k: v for k, v in os.environ.items() if not k.startswith("NEO4J_")} | {"PATH": path, "JAVA_HOME": os.path.dirname(os.path.dirname(java))}
            return subprocess.run([os.path.abspath(sys.argv[2]), "backup", *command], capture_output=True, text=True, cwd=self.top, env=environment)

        done = dataflow("dump", "--neo4j-home", home, "--to-path", folder)
        self.check(done.returncode == 1 and "neo4j-admin was not found" in done.stderr, f"no tool: {done.stderr.splitlines()[0]}", done.stderr)
        os.makedirs(os.path.dirname(script), exist_ok=True)
        with open(script, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec {java} -XX:TieredStopAtLevel=1 -cp "{jars}/*" org.neo4j.cli.AdminTool "$@"\n')
        os.chmod(script, 0o755)
        done = dataflow("dump", "--neo4j-home", home, "--to-path", folder)
        self.check(done.returncode == 3 and "the server is running" in done.stderr and not os.path.exists(folder), f"while it runs: {done.stderr.splitlines()[0]}", done.stderr)
        done = dataflow("dump", "--to-path", folder)
        self.check(done.returncode == 2 and "NEO4J_HOME" in done.stderr, f"of no Neo4j: {done.stderr.splitlines()[0]}", done.stderr)
        self.graph.close()
        self.server.halt()
        done = dataflow("dump", "--neo4j-home", home, "--to-path", folder)
        dump = os.path.join(folder, "neo4j.dump")
        with open(dump + ".json", encoding="utf-8") as file:
            facts = json.load(file)
        with open(dump, "rb") as file:
            content = file.read()
        self.check(done.returncode == 0 and facts["size"] == len(content) and facts["sha256"] == hashlib.sha256(content).hexdigest(), "dumped, into a folder that was not there", done.stderr, facts)
        done = dataflow("dump", "--neo4j-home", home, "--to-path", folder)
        self.check(done.returncode == 1 and "already" in done.stderr, f"no dump is overwritten: {done.stderr.splitlines()[0]}", done.stderr)
        done = dataflow("dump", "--neo4j-home", home, "--to-path", folder, "--database", "nothing")
        self.check(done.returncode == 1 and "nothing" in done.stderr, f"another database: {done.stderr.splitlines()[0]}", done.stderr)
        self.server.start()
        self.graph = Graph(self.server.url())
        self.graph.run("MATCH (p:Person) WHERE p.id > 10 DETACH DELETE p")
        self.graph.close()
        done = dataflow("load", "--neo4j-home", home, "--from-path", folder, "--yes")
        self.check(done.returncode == 3 and "the server is running" in done.stderr, f"loading while it runs: {done.stderr.splitlines()[0]}", done.stderr)
        self.server.halt()
        # The same tool, from jars alone.
        os.remove(script)
        os.symlink(jars, os.path.join(home, "lib"))
        with open(dump, "ab") as file:
            file.write(b"x")
        done = dataflow("load", "--neo4j-home", home, "--from-path", folder, "--yes")
        self.check(done.returncode == 1 and "nothing was changed" in done.stderr, f"a damaged dump: {done.stderr.splitlines()[0]}", done.stderr)
        with open(dump, "wb") as file:
            file.write(content)
        done = dataflow("load", "--neo4j-home", home, "--from-path", folder)
        self.check(done.returncode == 3 and "--yes" in done.stderr, "not without consent", done.stderr)
        done = dataflow("load", "--neo4j-home", home, "--from-path", folder, "--yes")
        self.check(done.returncode == 0, "loaded over what is there", done.stdout, done.stderr)
        os.remove(os.path.join(home, "lib"))
        self.server.start()
        self.graph = Graph(self.server.url())
        self.check(picture(self.graph) == before, "the database is the one that was dumped", *differences(before, picture(self.graph)))

    def without_us(self):
        """What the documentation says about getting at the dump without this program."""
        b = self.people(500)
        made = b.one("create")
        page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "how-to", "backup.md")
        with open(page, encoding="utf-8") as file:
            blocks = [part.split("```")[0] for part in file.read().split("```python\n")[1:]]
        script = os.path.join(self.top, "graph.py")
        with open(script, "w", encoding="utf-8") as file:
            file.write(next(block for block in blocks if "DFGRAPH1" in block))
        dump = os.path.join(self.top, "dump")
        with open(dump, "wb") as file:
            subprocess.run(["zstd", "-dcq", made["path"]], stdout=file, check=True)
        done = subprocess.run([sys.executable, script, dump], capture_output=True, text=True)
        values = [json.loads(line) for line in done.stdout.splitlines()]
        values = [v for v in values if isinstance(v, list)]
        nodes = [v for v in values if len(v) == 3 and isinstance(v[1], list) and "Person" in v[1]]
        edges = [v for v in values if len(v) == 4 and v[2] == "KNOWS"]
        self.check(done.returncode == 0 and len(nodes) == 500 and len(edges) == 500 and sorted(n[2]["id"] for n in nodes) == list(range(1, 501)), "the dump is read as the page says", done.stderr, done.stdout[:500])

    def run(self):
        only = os.environ.get("ONLY", "").split()
        for name in ("round_trip", "encrypted", "lent_scratch", "tampered", "written_meanwhile", "busy", "blocked", "killed", "through_the_program", "disk_full", "server_gone", "stopped", "without_us"):
            if not only or name in only:
                start = time.monotonic()
                getattr(self, name)()
                print(f"# {name}: {time.monotonic() - start:.1f} s")


def main():
    why = Neo4j.why_not()
    if why:
        skip_all(why)
    tool, top = arguments()
    tap = Tap()
    try:
        with Neo4j() as server:
            Tests(tap, tool, server, top).run()
    finally:
        shutil.rmtree(top, ignore_errors=True)
    return tap.done()


if __name__ == "__main__":
    raise SystemExit(main())
