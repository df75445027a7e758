# SPDX-License-Identifier: Apache-2.0
"""What the tests of backups share: the tool that makes the calls, dumps to compare with, and waiting."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from peers import ROOT, Tap, skip_all  # noqa: E402,F401
from servers import MariaDB, Postgres, ServerError, SmallDisk, find_program  # noqa: E402,F401

KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
OWN = re.compile(r"_migration_|_backup_|v_migration_status|dataflow_migration_locks")


class Failed(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code, self.text = code, text


class Backups:
    """One database and one folder of backups."""

    def __init__(self, tool, url, folder, key=None):
        self.tool, self.url, self.folder, self.key = tool, url, folder, key

    def command(self, *arguments):
        return [self.tool, self.url, self.folder, *map(str, arguments)]

    def environment(self, more):
        plain = {k: v for k, v in os.environ.items() if k not in ("KEY", "STOP_AFTER", "SAFETY", "PAUSE_AT", "PAUSE_WHAT", "SCRATCH", "ATTEMPTS")}
        return plain | ({"KEY": self.key} if self.key else {}) | {k: str(v) for k, v in more.items()}

    def run(self, *arguments, **variables):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              env=self.environment(variables), timeout=300)

    def ask(self, *arguments, **variables):
        """The objects that it prints; Failed with the code's name otherwise."""
        done = self.run(*arguments, **variables)
        self.said = done.stderr
        objects = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        if done.returncode:
            text = "\n".join(line for line in done.stderr.splitlines() if not line.startswith(("progress:", "warning:")))
            failed = Failed(text.split(":")[0], text)
            failed.objects = objects
            raise failed
        return objects

    def one(self, *arguments, **variables):
        return self.ask(*arguments, **variables)[0]

    def fails(self, *arguments, **variables):
        try:
            self.ask(*arguments, **variables)
        except Failed as failed:
            return failed
        return Failed("ok", "it did not fail")

    def start(self, *arguments, **variables):
        return subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE,
                                text=True, env=self.environment(variables))

    def files(self):
        return sorted(os.listdir(self.folder)) if os.path.isdir(self.folder) else []

    def paused(self, *arguments, at=1, **variables):
        """A started one that has reported its n-th progress."""
        process = self.start(*arguments, PAUSE_AT=at, **variables)
        line = process.stdout.readline()
        if line.strip() != "paused":
            raise RuntimeError(f"it did not pause: {line}{process.communicate()}")
        return process

    @staticmethod
    def go_on(process):
        """Lets a paused one run to its end: (status, what it printed, what it said)."""
        out, said = process.communicate("\n", timeout=300)
        return process.returncode, out, said


def children(pid):
    """Processes that a process has started, by name."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                text = file.read()
        except OSError:
            continue
        program = text[text.index("(") + 1:text.rindex(")")]
        fields = text[text.rindex(")") + 2:].split()
        if int(fields[1]) == pid:
            found[program] = int(name)
    return found


def wait_until(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.02)
    return None


def arguments():
    """The tool's path; a folder that is removed at the end by the caller."""
    return os.path.abspath(sys.argv[1]), tempfile.mkdtemp(prefix="df-backup-")


def differing(before, after):
    """The first lines in which two texts differ."""
    a, b = before.splitlines(), after.splitlines()
    gone, new = [x for x in a if x not in set(b)][:8], [x for x in b if x not in set(a)][:8]
    return [f"- {line[:300]}" for line in gone] + [f"+ {line[:300]}" for line in new] or ["the same lines in another order"]
