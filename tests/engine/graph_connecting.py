#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""graph_connecting.py PROBE: passwords, certificates, databases, sessions and servers that go away, on a private Neo4j."""
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from servers import Neo4j, ServerError  # noqa: E402

PROBE = sys.argv[1]
points = failures = 0


def check(condition, what, *details):
    global points, failures
    points += 1
    print(f"{'ok' if condition else 'not ok'} {points} - {what}", flush=True)
    if not condition:
        failures += 1
        for detail in details:
            print(f"# {detail}")


def environment(**more):
    return {k: v for k, v in os.environ.items() if not k.startswith("NEO4J_")} | more


def start(what, url, *arguments):
    return subprocess.Popen([PROBE, what, url, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            text=True, env=environment())


def finish(running, line=""):
    out, _ = running.communicate(line, timeout=120)
    return json.loads(out.splitlines()[-1])


def probe(what, url, *arguments, **more):
    done = subprocess.run([PROBE, what, url, *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          env=environment(**more), stdin=subprocess.DEVNULL)
    return json.loads(done.stdout.splitlines()[-1])


def expect(code, what, url, part="", how="connect", **more):
    told = probe(how, url, **more)
    check(told["code"] == code and part in told["message"], f"{what}: {code}", told)
    return told


# ---- who may come in

def test_accounts(server):
    port, password = server.port.number, server.password
    plain = f"bolt://127.0.0.1:{port}"
    told = expect("ok", "a password in the URL", server.url())
    check(told["server"].startswith("Neo4j 5.26.") and told["server"].endswith(" community"), f"it is {told['server']}")
    expect("ok", "the database as a path", f"bolt://neo4j:{password}@127.0.0.1:{port}/neo4j")
    expect("ok", "and as a parameter", f"bolt://neo4j:{password}@127.0.0.1:{port}?database=neo4j")
    expect("ok", "NEO4J_USERNAME and NEO4J_PASSWORD", plain, NEO4J_USERNAME="neo4j", NEO4J_PASSWORD=password)
    expect("ok", "NEO4J_PASSWORD alone", f"bolt://neo4j@127.0.0.1:{port}", NEO4J_PASSWORD=password)
    told = expect("not_found", "NEO4J_DATABASE", server.url(), NEO4J_DATABASE="elsewhere")
    told = expect("connect", "a wrong password", f"bolt://neo4j:wr0ng-secret@127.0.0.1:{port}",
                  "Database connection failed: ")
    check("Neo.ClientError.Security.Unauthorized" == told["native"] and "wr0ng" not in json.dumps(told), "by the server's code",
          told)
    told = expect("connect", "no user", plain, "Database connection failed: ")
    check("NEO4J_USERNAME" in told["hint"], "the hint tells how to name one", told)
    expect("connect", "an unknown kind of ticket", f"bolt://:ticket@127.0.0.1:{port}?auth=bearer", "Database connection failed: ")
    told = expect("not_found", "a database that is not there", f"bolt://neo4j:{password}@127.0.0.1:{port}/nope",
                  "Database connection failed: ")
    check("DatabaseNotFound" in told["native"] and "SHOW DATABASES" in told["hint"], "with a hint", told)
    expect("not_found", "also by routing", f"neo4j://neo4j:{password}@127.0.0.1:{port}/nope", "Database connection failed: ")
    for version in ("4.4", "5.0", "5.4", "5.8"):
        expect("ok", f"Bolt {version} alone", f"{server.url()}?bolt={version}")
    expect("connect", "a version that nobody speaks", f"{server.url()}?bolt=3.0")
    told = expect("permission", "a read-only connection does not write", server.url(), how="read")
    check(told["afterwards"] == "ok", "and works on", told)
    nobody = expect("connect", "nobody listens", "bolt://neo4j:x@127.0.0.1:1", "Database connection failed: ")
    check("127.0.0.1:1" in nobody["message"], "the address is named", nobody)
    server.cypher("CREATE USER expired SET PASSWORD 'expired-secret' CHANGE REQUIRED", "system")
    told = expect("connect", "a password that must be changed", f"bolt://expired:expired-secret@127.0.0.1:{port}",
                  "Database connection failed: ")
    check("ALTER CURRENT USER SET PASSWORD" in told["hint"], "the hint says how", told)


def test_certificates(server):
    port, password = server.port.number, server.password
    where = f"neo4j:{password}@127.0.0.1:{port}"
    expect("ok", "an authority that is named", server.url())
    expect("ok", "with routing, too", server.url(scheme="neo4j+s"))
    told = expect("connect", "an authority that nobody knows", f"bolt+s://{where}", "Database connection failed: ")
    check("ssc" in told["hint"] or "ssl-ca" in told["hint"], "the hint tells what to do", told)
    expect("ok", "any certificate will do", f"bolt+ssc://{where}")
    expect("ok", "and for routing", f"neo4j+ssc://{where}")
    expect("connect", "no encryption where it is required", f"bolt://{where}", "Database connection failed: ")
    expect("usage", "ssl-ca without a check", f"bolt+ssc://{where}?ssl-ca=/x")


# ---- sessions

def first_line(running):
    return running.stdout.readline().strip()


def test_locks(server):
    url = server.url()
    holder = start("lock", url, "held", 0)
    check(first_line(holder).startswith("taken "), "one process takes a lock")
    other = start("lock", url, "held", 0)
    check(first_line(other) == "not taken", "another does not get it")
    finish(other, "\n")
    holder.kill()
    holder.wait()
    begin = time.monotonic()
    other = start("lock", url, "held", 10000)
    check(first_line(other).startswith("taken "), "a holder that is killed holds nothing", time.monotonic() - begin)
    finish(other, "\n")
    holder = start("lock", url, "held", 0)
    _, number, started = first_line(holder).split()
    holder.send_signal(signal.SIGSTOP)
    other = start("lock", url, "held", 0)
    check(first_line(other) == "not taken", "a holder that is stopped holds on")
    finish(other, "\n")
    ended = probe("end", url, number, started)
    check(ended["code"] == "ok", "it can be ended", ended)
    other = start("lock", url, "held", 10000)
    check(first_line(other).startswith("taken "), "then its lock can be had")
    finish(other, "\n")
    holder.send_signal(signal.SIGCONT)
    told = finish(holder, "\n")
    check(told["afterwards"] == "connect", "and the holder notices when it goes on", told)
    nodes = server.cypher("MATCH (n:__DataflowLock) RETURN count(n)")
    check(nodes == [[0]], "locks leave no nodes", nodes)


def test_lost_server(server):
    url = server.url()
    running = start("commit", url)
    first_line(running)
    server.kill()
    told = finish(running, "\n")
    check(told["code"] == "connect" and told["message"].startswith("Database connection failed: "),
          f"kill -9 of the server in a transaction: {told['message']}", told)
    check(told["afterwards"] == "connect", "afterwards calls fail cleanly", told)
    expect("connect", "it is down", url, "Database connection failed: ")
    server.start()
    rows = server.cypher("MATCH (n:GraphProbe) RETURN count(n)")
    check(rows == [[0]], "what was not committed is gone", rows)
    expect("ok", "and it can be reached again", url)
    running = start("commit", url)
    first_line(running)
    server.restart()
    told = finish(running, "\n")
    check(told["code"] == "connect", f"a restart in a transaction: {told['message']}", told)


def test_advertised_address(server):
    """A server alone is the one that was named, whatever it believes its address to be."""
    server.settings["server.bolt.advertised_address"] = "127.0.0.1:1"
    server.restart()
    expect("ok", "routing to a server whose own address is wrong", server.url(scheme="neo4j"))
    told = finish(start("write", server.url(scheme="neo4j"), 1), "\n")
    check(told["code"] == "ok", "and it writes", told)


def main():
    reason = Neo4j.why_not()
    if reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    with Neo4j() as server:
        test_accounts(server)
        test_locks(server)
        test_lost_server(server)
        test_advertised_address(server)
    with Neo4j(tls="REQUIRED") as server:
        test_certificates(server)
    print(f"1..{points}")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ServerError as problem:
        print(f"not ok {points + 1} - a server of its own\n# {problem}")
        sys.exit(1)
