#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Runs the tests against private database servers, which it starts and stops.

    tests/run.py                              all tests of ./build
    tests/run.py --build DIR --suite unit     further arguments go to `meson test`
    tests/run.py --require=postgres,neo4j     an engine that is not there is a failure, not a skip
    tests/run.py --engines=postgres -- CMD    only this server, and CMD instead of `meson test`

The tests find the servers by TEST_URL_POSTGRES, TEST_URL_MARIADB and TEST_URL_NEO4J (with _TCP at the end: over TCP, with
a password), and by TEST_URL_SQLITE a folder for database files. Neo4j is the LTS; TEST_URL_NEO4J_NEWEST and TEST_URL_NEO4J_44
are the newest version and the oldest that is supported, where the machine has the Java that they want (engines neo4j_newest
and neo4j_44). NEO4J_VERSION=4.4 (or newest) in the environment makes every test of Neo4j one of that version. The last line
counts single TAP test points: "N passed, N failed, N skipped". Exit status 0: nothing failed; 1: something did; 130: interrupted.
"""
import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from servers import SERVERS, Neo4j, ServerError  # noqa: E402

TEST_POINT = re.compile(r"^\s*(not )?ok\b[^#]*(?:#\s*(skip|todo)\b)?", re.IGNORECASE)
BAD = ("FAIL", "TIMEOUT", "ERROR", "INTERRUPT", "UNEXPECTEDPASS")  # what meson calls a failure


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def line(self, line):
        """Counts the line if it is a TAP test point."""
        found = TEST_POINT.match(line)
        if not found:
            return
        directive = (found[2] or "").lower()
        if directive == "skip":
            self.skipped += 1
        elif found[1] and directive != "todo":
            self.failed += 1
        else:
            self.passed += 1

    def program(self, output, result):
        """One test program as meson saw it. A crash or a wrong plan after good points is a failure, too."""
        before = self.passed, self.failed, self.skipped
        for line in output.splitlines():
            if line.lower().startswith("1..0 # skip"):
                self.skipped += 1
            else:
                self.line(line)
        if result in BAD and self.failed == before[1]:
            self.failed += 1
        elif (self.passed, self.failed, self.skipped) == before:
            if result == "SKIP":
                self.skipped += 1
            elif result in ("OK", "EXPECTEDFAIL"):
                self.passed += 1

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def arguments():
    own, command = sys.argv[1:], None
    if "--" in own:
        at = own.index("--")
        own, command = own[:at], own[at + 1:]
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0].strip(), allow_abbrev=False,
                                     epilog="Further arguments go to `meson test`; after -- stands another command.")
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--build", default=os.path.join(root, "build"), metavar="DIR", help="default: build")
    parser.add_argument("--require", default="", metavar="ENGINES", help="these must be there: postgres,mariadb,neo4j")
    parser.add_argument("--engines", default=",".join(SERVERS), metavar="ENGINES", help="start only these servers")
    options, rest = parser.parse_known_args(own)
    options.require = [e for e in options.require.split(",") if e]
    options.engines = [e for e in options.engines.split(",") if e]
    for engine in options.require + options.engines:
        if engine not in SERVERS:
            parser.error(f"no engine {engine}; known are {', '.join(SERVERS)}")
    if command is not None and rest:
        parser.error(f"unknown: {' '.join(rest)}")
    return options, rest, command


def start_servers(options, running, environment, count):
    for engine in dict.fromkeys(options.engines + options.require):
        server_class = SERVERS[engine]
        try:
            if why_not := server_class.why_not():
                raise ServerError(why_not)
            if engine == "neo4j":
                Neo4j.share_classes()
            server = server_class()
            running.append(server)
            server.start()
        except ServerError as problem:
            required = engine in options.require
            print(f"{'FAILED' if required else 'skipped'}: {engine}: {problem}", file=sys.stderr)
            count.failed += required
            continue
        environment[f"TEST_URL_{engine.upper()}"] = server.url()
        environment[f"TEST_URL_{engine.upper()}_TCP"] = server.tcp_url()


def run_meson(options, rest, environment, count):
    log = os.path.join(options.build, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.unlink(log)
    status = subprocess.call(["meson", "test", "-C", options.build, "--print-errorlogs", *rest], env=environment)
    if not os.path.exists(log):
        return status
    bad = 0
    with open(log) as f:
        for line in f:
            test = json.loads(line)
            count.program(test.get("stdout", ""), test.get("result", ""))
            bad += test.get("result") in BAD
    # Meson's status is how many test programs failed (what fits of it, or just 1), and those are counted above.
    return 0 if bad and status in (1, bad % 256) else status


def run_command(command, environment, count):
    try:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, errors="replace")
    except OSError as problem:
        print(f"{command[0]}: {problem.strerror}", file=sys.stderr)
        return 1
    before = count.failed
    try:
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            count.line(line)
        status = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
    return 0 if status == 1 and count.failed > before else status


def main():
    options, rest, command = arguments()

    def interrupted(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    count, running, status = Count(), [], 0
    folder = tempfile.mkdtemp(prefix="df-sqlite-")
    os.chmod(folder, 0o755)
    environment = os.environ | {"TEST_URL_SQLITE": folder, "TEST_LOCKS": tempfile.mkdtemp(prefix="locks-", dir=folder)}
    for engine in SERVERS:
        environment.pop(f"TEST_URL_{engine.upper()}", None)
        environment.pop(f"TEST_URL_{engine.upper()}_TCP", None)
    try:
        start_servers(options, running, environment, count)
        if command:
            status = run_command(command, environment, count)
        else:
            status = run_meson(options, rest, environment, count)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what was started is stopped, whatever comes
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for server in running:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    if status not in (0, 130):
        count.failed += 1  # a program that could not run, or died outside of a test
        print(f"FAILED: the tests' command ended with status {status}", file=sys.stderr)
    print(count)
    return 130 if status == 130 else 1 if count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
