# SPDX-License-Identifier: Apache-2.0
"""Runs that do what they are told (puppet.c), and databases for them on the engine that is tested."""
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import tap  # noqa: E402,F401
from servers import MariaDB, Neo4j, Postgres, ServerError, find_program  # noqa: E402,F401

PATIENCE = 60  # seconds: longer than anything takes on a machine that is busy with other things


class Puppet:
    """One process with one ledger. `told("take 0 1000")` gives its answer, "ok …" or "CODE message"."""

    def __init__(self, program, url, actor="ops"):
        self.process = subprocess.Popen([program, url, actor], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        bufsize=1)
        self.pid = self.process.pid
        self.ready = self.answer()

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def answer(self, seconds=PATIENCE):
        """Its next line; None when it does not come in time, "" when the process has ended."""
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            return None
        return self.process.stdout.readline().rstrip("\n")

    def told(self, command, seconds=PATIENCE):
        self.tell(command)
        return self.answer(seconds)

    def stop(self):
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.pid, signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process.stdout.close()


class Place:
    """Databases of one engine: on a private server, or files in a temporary folder."""

    def __init__(self, engine, program):
        self.engine, self.program, self.count, self.puppets = engine, program, 0, []
        self.folder = tempfile.mkdtemp(prefix="df-ledger-")
        # What was committed survives a kill -9 of the server.
        if engine == "postgres":
            self.server = Postgres(settings={"synchronous_commit": "on"}).start()
        elif engine == "mariadb":
            self.server = MariaDB(settings={"innodb-flush-log-at-trx-commit": "2"}).start()
        elif engine == "neo4j":
            self.server = Neo4j().start()
        else:
            self.server = None

    def database(self):
        """The name of a new one."""
        self.count += 1
        name = f"d{self.count}"
        if self.engine == "postgres":
            self.server.sql(f"CREATE DATABASE {name}")
        elif self.engine == "mariadb":
            self.server.sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        elif self.engine == "neo4j":  # the one that there is, emptied
            self.end_puppets()
            name = "neo4j"
            for index, in self.server.cypher("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' AND "
                                             "NOT name STARTS WITH '__dataflow' RETURN name"):
                self.server.cypher(f"DROP CONSTRAINT `{index}` IF EXISTS")
                self.server.cypher(f"DROP INDEX `{index}` IF EXISTS")
            self.server.cypher("MATCH (n) DETACH DELETE n")
        return name

    def path(self, name):
        return os.path.join(self.folder, name + ".db")

    def url(self, name):
        return self.server.url(name) if self.server else "sqlite://" + self.path(name)

    def puppet(self, name, actor="ops", url=None):
        puppet = Puppet(self.program, url or self.url(name), actor)
        self.puppets.append(puppet)
        return puppet

    def sql(self, name, text):
        """By the engine's own shell; of a graph, by another client than ours, in Cypher."""
        if self.engine == "neo4j":
            done = subprocess.run([self.program, "--cypher", text], capture_output=True, text=True, check=True)
            rows = self.server.cypher(done.stdout.strip(), name)
            return "\n".join("\t".join("" if value is None else str(value) for value in row) for row in rows)
        if self.server:
            return self.server.sql(text, name)
        done = subprocess.run(["sqlite3", "-cmd", ".timeout 10000", self.path(name), text], capture_output=True, text=True)
        if done.returncode:
            raise ServerError(done.stderr.strip())
        return done.stdout.strip()

    def end_puppets(self):
        for puppet in self.puppets:
            try:
                puppet.go_on()
            except ProcessLookupError:
                pass
            puppet.close()
        self.puppets = []

    def close(self):
        self.end_puppets()
        if self.server:
            self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def available(engine):
    return {"postgres": Postgres.available, "mariadb": MariaDB.available, "neo4j": Neo4j.available}.get(engine, lambda: shutil.which("sqlite3"))()


def wait_until(condition, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def main(tests):
    """ENGINE PUPPET [TEST]: runs each test on a Place."""
    engine, program = sys.argv[1:3]
    if not available(engine):
        print(f"1..0 # SKIP {engine} is not installed")
        return
    place = Place(engine, program)
    try:
        for test in tests:
            if len(sys.argv) < 4 or test.__name__ == sys.argv[3]:
                print(f"# {test.__name__}", flush=True)
                test(place)
                place.end_puppets()
    finally:
        place.close()
    tap.done()
