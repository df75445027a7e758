#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Neo4j when things go wrong: killed at every statement and gone on with; two at once; a lock's holder that was killed; a server
that restarts in the middle; limits of time and memory; a wrong password, a wrong certificate; very large properties and files.
"""

import json
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from graphs import Graph, bench
from migrations import Dataflow, Neo4j, Tap, binary, said

SEED = int(os.environ.get("SEED", random.randrange(10**6)))

MIXED = {
    "001_data.cypher": "// UP\nUNWIND range(1, 300) AS i CREATE (:A {id: i, v: 'x' + i});\nMATCH (a:A {id: 1}), (b:A {id: 2}) CREATE (a)-[:NEXT]->(b);\n"
                       "// DOWN\nMATCH (a:A) DETACH DELETE a;\n",
    "002_mixed.cypher": "// UP\nCREATE CONSTRAINT a_id FOR (a:A) REQUIRE a.id IS UNIQUE;\nMATCH (a:A) SET a.n = coalesce(a.n, 0) + 1;\n"
                        "CREATE (:Done {at: 2});\nCREATE INDEX a_v FOR (a:A) ON (a.v);\nMATCH (a:A) SET a.n = a.n + 10;\n"
                        "CREATE FULLTEXT INDEX a_text IF NOT EXISTS FOR (a:A) ON EACH [a.v];\nDROP INDEX a_v;\nCREATE RANGE INDEX FOR (a:A) ON (a.n);\n",
    "003_batches.cypher": "// UP\nMATCH (a:A) CALL (a) { SET a.b = a.id * 2 } IN TRANSACTIONS OF 50 ROWS;\nCREATE (:Done {at: 3});\n"
                          "CREATE INDEX a_b FOR (a:A) ON (a.b);\nMATCH (d:Done) SET d.more = true;\n",
    "004_last.cypher": "// UP\nMATCH (d:Done) CREATE (:Copy {at: d.at});\nMERGE (:Last);\n",
}


def kill_after(program, statements):
    """kill -9 when so many statements are done; whether it lived long enough to be killed."""
    process = program.start("up", "--events", "-", "--quiet")
    seen = 0
    for line in process.stdout:
        seen += '"statement_done"' in line
        if seen >= statements:
            break
    alive = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return alive and seen >= statements


def finish(program, tries=6):
    for _ in range(tries):
        result = program.run("up", "--wait", "60s", "--quiet")
        if result.returncode != 6:
            return result
    return result


def killed(tap, b):
    undisturbed = b.of(MIXED).run("up", "--quiet")
    if not tap.ok(undisturbed.returncode == 0, "undisturbed", said(undisturbed)):
        return
    wanted, bad, rounds = b.graph.state(), [], 0
    for at in range(1, 100):
        program = b.of(MIXED)
        if not kill_after(program, at):
            break
        rounds += 1
        result = finish(program)
        if result.returncode or b.graph.state() != wanted:
            bad.append(f"killed after {at}: {said(result)}\n{b.graph.schema()}")
    tap.ok(rounds >= 12 and not bad, f"killed after each of {rounds} statements, and gone on with to the same graph", "\n".join(bad[:3]))
    rng, bad = random.Random(SEED), []
    for _ in range(5):
        program = b.of(MIXED)
        for _ in range(3):
            process = program.start("up", "--wait", "60s", "--quiet")
            time.sleep(rng.uniform(0.05, 4))
            process.kill()
            process.communicate()
        result = finish(program)
        if result.returncode or b.graph.state() != wanted:
            bad.append(said(result))
    tap.ok(not bad, f"killed at random moments (seed {SEED})", "\n".join(bad[:2]))
    entries = program.run("audit", "--verify")
    tap.ok(entries.returncode == 0, "the audit log's chain holds after that", said(entries))


def contenders(tap, b):
    program = b.of(MIXED)
    results = []

    def run():
        results.append(program.run("up", "--wait", "3min"))
    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = b.graph.run("MATCH (m:Migration) RETURN m.filename, count(*)")
    tap.ok(all(r.returncode == 0 for r in results) and len(counts) == 4 and all(n == 1 for _, n in counts),
           "three at once: all end well, each migration is applied once", f"{counts}" + "".join(said(r) for r in results))
    tap.equal(b.graph.one("MATCH (d:Done) RETURN count(d)"), 2, "and did its work once")
    program = b.of({"001_slow.cypher": "// UP\nUNWIND range(1, 100) AS i CREATE (:S {i: i});\nCREATE INDEX s_i FOR (s:S) ON (s.i);\n"
                                       "UNWIND range(1, 4000) AS a UNWIND range(1, 4000) AS c WITH a, c WHERE a % 3999 = c RETURN count(*);\n"
                                       "CREATE (:End);\n"})
    holder = program.start("up", "--quiet", "--events", "-")
    for line in holder.stdout:
        if '"statement_done"' in line:
            break
    other = program.run("up")
    holding = holder.poll() is None
    tap.ok(other.returncode == 6 and "held by" in other.stderr or not holding, "while one runs the other is told who holds the lock", said(other))
    holder.send_signal(signal.SIGSTOP)
    status, lock = program.json("lock", "status")
    tap.ok(lock.get("state") == "alive" or not holding, "lock status shows it", json.dumps(lock))
    holder.send_signal(signal.SIGCONT)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    result = program.run("up", "--wait", "60s")
    tap.ok(result.returncode == 0 and b.graph.one("MATCH (e:End) RETURN count(e)") == 1, "a killed holder's lock is free again", said(result))


def frozen(tap, b):
    """The holder stands still past its lease: another takes over, and what it wakes up for is refused."""
    program = b.of({"001_a.cypher": "// UP\n" + "".join(f"CREATE (:F {{i: {i}}});\n" for i in range(400)) + "CREATE INDEX f_i FOR (f:F) ON (f.i);\n"})
    holder = program.start("up", "--quiet", "--events", "-", "--lease", "3s")
    for line in holder.stdout:
        if '"statement_done"' in line:
            break
    holder.send_signal(signal.SIGSTOP)
    time.sleep(5)
    other = program.run("up", "--wait", "2min", "--lease", "3s")
    holder.send_signal(signal.SIGCONT)
    holder.communicate(timeout=180)
    rows = b.graph.run("MATCH (f:F) RETURN f.i, count(*) AS n ORDER BY n DESC LIMIT 1")
    tap.ok(other.returncode == 0 and rows == [[0, 1]] or rows[0][1] == 1, "a frozen holder is taken over, and nothing is done twice", f"{rows} {said(other)}")
    tap.ok(holder.returncode in (0, 1, 6, 7), "the one that wakes up does not crash", str(holder.returncode))
    tap.equal(b.graph.one("MATCH (m:Migration {filename: '001_a.cypher'}) RETURN m.status"), "SUCCESS", "the history says SUCCESS once")
    frozen_between(tap, b)


def frozen_between(tap, b):
    """The same with migrations that are one transaction each: what the other has applied meanwhile is not applied again."""
    many = {f"{n:03}_a.cypher": "// UP\n" + "".join(f"CREATE (:G {{i: {n * 1000 + i}}});\n" for i in range(40)) for n in range(1, 9)}
    program = b.of(many)
    holder = program.start("up", "--quiet", "--events", "-", "--lease", "3s")
    for line in holder.stdout:
        if '"migration_completed"' in line:
            break
    holder.send_signal(signal.SIGSTOP)
    time.sleep(5)
    other = program.run("up", "--wait", "2min", "--lease", "3s")
    holder.send_signal(signal.SIGCONT)
    holder.communicate(timeout=180)
    tap.equal((other.returncode, b.graph.one("MATCH (g:G) RETURN count(g)"), b.graph.one("MATCH (g:G) RETURN count(DISTINCT g.i)")), (0, 320, 320),
              "of data, too, nothing is done twice")
    tap.equal(b.graph.run("MATCH (m:Migration) RETURN m.status, count(*)"), [["SUCCESS", 8]], "and every record is a success")


def terminated(tap, b):
    """Somebody ends the run's transaction: that is no accident, and it is not tried again."""
    program = b.of({"001_slow.cypher": "// UP\nCREATE (:Before);\nUNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS c WITH a, c "
                                       "WHERE a * c = -1 CREATE (:Never);\n"})
    process = program.start("up")
    ended = False
    for _ in range(120):
        time.sleep(0.5)
        rows = b.graph.run("SHOW TRANSACTIONS YIELD transactionId, currentQuery WHERE currentQuery STARTS WITH 'UNWIND range(1, 100000)' "
                           "RETURN transactionId")
        if rows:
            b.graph.run(f"TERMINATE TRANSACTIONS '{rows[0][0]}'")
            ended = True
            break
    out, err = process.communicate(timeout=180)
    tap.ok(ended and process.returncode == 1 and "erminated" in err and "trying again" not in err, "a terminated transaction is not tried again",
           f"{process.returncode}\n{out[-800:]}\n{err[-1500:]}")
    tap.equal(b.graph.one("MATCH (n:Before) RETURN count(n)"), 0, "and nothing of it is left")


def waits(tap, b):
    """A lock that is not had in time is tried for again, and had when its holder is done."""
    b.graph.wipe()
    b.graph.run("CREATE (:W {v: 1})")
    program = b.of({"001_set.cypher": "// UP\nMATCH (w:W) SET w.v = w.v + 1;\n"}, "--lock-timeout", "1s", wipe=False)
    session = b.graph.driver.session()
    transaction = session.begin_transaction()
    transaction.run("MATCH (w:W) SET w.v = 10").consume()
    process = program.start("up", "--verbose")
    seen = []
    reader = threading.Thread(target=lambda: seen.extend(process.stderr))
    reader.start()
    for _ in range(240):
        time.sleep(0.25)
        if any("trying again" in line for line in seen) or process.poll() is not None:
            break
    transaction.commit()
    session.close()
    process.wait(timeout=180)
    reader.join()
    process.stdout.close()
    tap.ok(any("trying again" in line for line in seen), "a lock that is not had in time is tried for again", "".join(seen)[-1500:])
    tap.ok(process.returncode == 0 and b.graph.one("MATCH (w:W) RETURN w.v") == 11, "and had in the end: done once", "".join(seen)[-1500:])


def progress(tap, b):
    """A batch that takes long says how far it is, over a connection of its own."""
    program = b.of({"001_slow.cypher": "// UP\nUNWIND range(1, 4000) AS i CALL (i) { UNWIND range(1, 30000) AS j WITH i * j AS x WHERE x < 0 "
                                       "CREATE (:Never {x: x}) } IN TRANSACTIONS OF 50 ROWS;\n"})
    result = program.run("up", "--verbose")
    tap.ok(result.returncode == 0, "a slow batch", said(result))
    if result.stderr.count("PROGRESS") > 1 or "statement 1 of 1" in result.stderr:
        tap.ok("batches begun" in result.stderr, "it tells how many batches were begun", said(result))
    else:
        tap.skip("it tells how many batches were begun", "it was done within ten seconds")


def large(tap, b):
    statements = "".join(f"CREATE (:Line {{n: {i}}});\n" for i in range(100000))
    program = b.of({"001_lines.cypher": "// UP\n" + statements})
    result = program.run("up", "--quiet", timeout=1500)
    tap.ok(result.returncode == 0 and b.graph.one("MATCH (l:Line) RETURN count(l)") == 100000, "100,000 statements in one file", said(result)[-1500:])
    tap.equal(b.graph.one("MATCH (j:_MigrationJournal) WHERE j.number >= 0 RETURN count(j)"), 1000, "of which the first 1,000 leave a row in the journal")
    tap.ok(program.run("status").returncode == 0, "status after that")


BIG = "a 100 MB property"


def with_own_server(tap, path):
    """What changes the server's settings, or stops it."""
    with bench(path, settings={"db.transaction.timeout": "4s", "db.memory.transaction.max": "64m"}) as b:
        slow = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS c WITH a, c WHERE a * c = -1 CREATE (:Never)"
        program = b.of({"001_slow.cypher": f"// UP\nCREATE (:Before);\n{slow};\n"})
        result = program.run("up")
        tap.ok(result.returncode == 1 and "statement 2" in result.stderr and b.graph.one("MATCH (n:Before) RETURN count(n)") == 0,
               "db.transaction.timeout: it fails, and nothing is left", said(result))
        tap.ok(b.graph.history() == {"001_slow.cypher": "FAILED"}, "and is recorded", str(b.graph.history()))
        program = b.of({"001_memory.cypher": "// UP\nCREATE (:Before);\nUNWIND range(1, 3000000) AS i WITH collect({i: i, t: toString(i)}) AS all "
                                             "UNWIND all AS x CREATE (:M {t: x.t});\n"})
        result = program.run("up")
        tap.ok(result.returncode == 1 and "statement 2" in result.stderr and "emory" in result.stderr
               and b.graph.one("MATCH (n:Before|M) RETURN count(n)") == 0, "the transaction's memory: it fails, and nothing is left", said(result))
        wrong = Dataflow(path, b.graph.url.replace(b.graph.password, "not-the-password"), program.folder).run("status")
        tap.ok(wrong.returncode not in (0, 1) and "not-the-password" not in wrong.stderr + wrong.stdout, "a wrong password", said(wrong))
    with bench(path, java_options=["-Xmx3g", "-XX:TieredStopAtLevel=1"]) as b:
        text = "x" * (100 << 20)
        program = b.of({"001_big.cypher": f"// UP\nCREATE (:Big {{text: '{text}'}});\n"})
        result = program.run("up", "--quiet")
        size = b.graph.one("MATCH (n:Big) RETURN size(n.text)")
        tap.ok(result.returncode == 0 and size == 100 << 20, BIG, f"{size} {said(result)[-1500:]}")
        restarted(tap, b)


def restarted(tap, b):
    program = b.of(MIXED)
    process = program.start("up", "--events", "-", "--wait", "60s")
    for line in process.stdout:
        if '"statement_done"' in line:
            break
    b.server.restart()
    out, err = process.communicate(timeout=300)
    b.graph.close()
    b.graph = Graph(b.server.url())
    result = finish(Dataflow(program.path, b.graph.url, program.folder))
    tap.ok(process.returncode in (0, 1, 5, 7), "a restart in the middle: it goes on, or ends and says so", f"{process.returncode}\n{err[-2000:]}")
    tap.ok(result.returncode == 0 and b.graph.one("MATCH (d:Done) RETURN count(d)") == 2 and b.graph.one("MATCH (l:Last) RETURN count(l)") == 1
           and b.graph.one("MATCH (a:A {id: 1}) RETURN a.n") == 11, "and all is there, once", said(result))


def certificates(tap, path):
    with Neo4j(tls="REQUIRED") as server:
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "001_a.cypher"), "w", encoding="utf-8") as file:
                file.write("// UP\nCREATE (:A);\n")
            for scheme in ("bolt+s", "neo4j+s"):
                good = Dataflow(path, server.url(scheme=scheme), folder).run("up")
                tap.ok(good.returncode == 0, f"{scheme} with the right authority", said(good))
            plain = f"://neo4j:{server.password}@127.0.0.1:{server.port.number}"
            bad = Dataflow(path, "bolt+s" + plain, folder).run("status")
            tap.ok(bad.returncode not in (0, 1) and "certificate" in bad.stderr.lower() and server.password not in bad.stderr,
                   "bolt+s does not take a certificate that nobody vouches for", said(bad))
            any_one = Dataflow(path, "bolt+ssc" + plain, folder).run("status")
            tap.ok(any_one.returncode == 0, "bolt+ssc does", said(any_one))
            unencrypted = Dataflow(path, "bolt" + plain, folder).run("status")
            tap.ok(unencrypted.returncode not in (0, 1), "bolt does not speak to a server that wants TLS", said(unencrypted))


def main():
    path, tap = binary(), Tap()
    wanted = os.environ.get("TOPICS", "").split()
    shared = [t for t in (killed, contenders, frozen, terminated, waits, progress, large) if not wanted or t.__name__ in wanted]
    if shared:  # on a server of its own: the tests of the shared one need not wait, and 100,000 statements want memory
        with bench(path, java_options=["-Xmx1g", *Neo4j.quick[1:]]) as b:
            for topic in shared:
                topic(tap, b)
    for topic in (with_own_server, certificates):
        if not wanted or topic.__name__ in wanted:
            topic(tap, path)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
