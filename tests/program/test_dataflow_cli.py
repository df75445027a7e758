#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Every command of dataflow through its command line, on every engine that is there, with the sample history; what it prints
for people and as JSON; and everything that can be wrong with what it is given.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from urllib.parse import quote

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from migrations import ROOT, Dataflow, Servers, Tap, binary, environment, said

SAMPLES = os.path.join(ROOT, "samples", "migrations")
NAMES = sorted(os.listdir(SAMPLES))
NEWEST = "009_add_notification_system"
CANARY = "c4n4ry-s3cret"
BUSY = {"postgres": "SELECT pg_sleep(8)", "mariadb": "SELECT SLEEP(8)"}


def sections(name):
    """Up and down of one of the sample files, parted without the program's help."""
    with open(os.path.join(SAMPLES, name), encoding="utf-8") as file:
        up, down = re.split(r"^-- DOWN$", file.read(), flags=re.M)
    return up, down


class Case:
    """One engine: a database, a copy of the sample history in a folder of its own, and the program."""

    def __init__(self, tap, servers, path, engine, samples=True):
        self.tap, self.servers, self.engine = tap, servers, engine
        self.folder = tempfile.mkdtemp(prefix=f"case-{engine}-", dir=servers.folder)
        self.migrations = os.path.join(self.folder, "migrations")
        if samples:
            shutil.copytree(SAMPLES, self.migrations)
        else:
            os.mkdir(self.migrations)
        self.database = servers.database(engine)
        backups = os.path.join(self.folder, "backups")
        self.program = Dataflow(path, self.database.url, self.migrations, "--backup-folder", backups)

    def write(self, name, text):
        with open(os.path.join(self.migrations, name), "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, *arguments, **kwargs):
        return self.program.run(*arguments, cwd=self.folder, **kwargs)

    def good(self, name, *arguments, status=0, **kwargs):
        result = self.run(*arguments, **kwargs)
        self.tap.ok(result.returncode == status, f"{self.engine}: {name}", said(result))
        return result.stdout

    def json(self, name, *arguments, status=0):
        result = self.run(*arguments, "--json")
        self.tap.ok(result.returncode == status, f"{self.engine}: {name}: status {status}", said(result))
        return json.loads(result.stdout)

    def has(self, name, text, *parts):
        self.tap.ok(all(part in text for part in parts), f"{self.engine}: {name}", f"{parts}\n{text}")

    def bad(self, name, arguments, status, *parts, program=None, env=None, cwd=None):
        """A failure: its status, what it says, and the same as one JSON document."""
        run = program or self.program
        result = run.run(*arguments, env=env, cwd=cwd or self.folder)
        words = [part for part in parts if part not in result.stderr]
        self.tap.ok(result.returncode == status and not words and "error: " in result.stderr,
                    f"{self.engine}: {name}: status {status}", f"{words}\n{said(result)}")
        result = run.run(*arguments, "--json", env=env, cwd=cwd or self.folder)
        try:
            error = json.loads(result.stdout)["error"]
            fine = result.returncode == status and error["message"] and error["message"].split("\n")[0] in result.stderr
        except (ValueError, KeyError):
            fine = False
        self.tap.ok(fine, f"{self.engine}: {name}: the same as one document", said(result))
        return result

    def reference(self, count):
        """The schema that the engine's own shell makes of the first files."""
        other = self.servers.database(self.engine)
        for name in NAMES[:count]:
            path = os.path.join(self.folder, "up.sql")
            with open(path, "w", encoding="utf-8") as file:
                file.write(sections(name)[0])
            problem = other.shell(path)
            if problem:
                raise RuntimeError(f"{name}: {problem}")
        return plain_dump(other)

    def schema(self):
        return plain_dump(self.database)


def plain_dump(database):
    """
    MariaDB's views name the database they are in, and remember the character set of the client that made them; PostgreSQL
    writes the casts of an IN list in another way once it was dumped and read back.
    """
    name, text = getattr(database, "name", None), database.dump()
    text = text.replace(f"`{name}`.", "").replace("utf8mb3", "utf8mb4") if name else text
    lines = [re.sub(r"::(character varying|text)|\[\]|[()]", "", line) if "ANY (" in line else line for line in text.splitlines()]
    return "\n".join(lines)


# ---- what is right ----


def look_first(case):
    text = case.good("status before anything", "status")
    case.has("status --verbose", case.good("status --verbose", "status", "--verbose"), "Notifications, and what each user", "medium")
    case.has("status lists what waits", text, "Pending migrations: 9", f"- {NEWEST}.sql (risk: medium)", f"{NEWEST}.sql  pending")
    document = case.json("status --json", "status")
    case.tap.equal((document["initialised"], document["applied"], document["pending"], document["blocking"], document["current"]),
                   (False, 0, 9, 0, None), f"{case.engine}: nothing is applied")
    case.good("status --exit-code with something pending", "status", "--exit-code", status=4)
    text = case.good("validate", "validate")
    case.has("validate prints what the runbook expects", text, "✓ All migrations are valid\nPending migrations: 9\n",
             f"- {NEWEST}.sql (risk: medium)\n")
    document = case.json("validate --json", "validate")
    case.tap.equal((document["valid"], document["checked"], len(document["pending"])), (True, 9, 9), f"{case.engine}: as JSON")
    case.tap.equal(case.schema(), case.reference(0), f"{case.engine}: nothing of it changed anything")
    result = subprocess.run([case.program.path, "validate", "--migrations", case.migrations, "--engine", case.engine],
                            capture_output=True, text=True, env=environment(), cwd=case.folder)
    case.tap.ok(result.returncode == 0 and "✓ All migrations are valid" in result.stdout,
                f"{case.engine}: validate without a database reads the files alone", said(result))


def rehearse(case):
    before = case.schema()
    text = case.good("up --dry-run", "up", "--dry-run")
    case.has("the rehearsal lists what would run", text, "Pending migrations: 9", f"- {NEWEST}.sql (risk: medium)",
             "nothing was changed")
    document = case.json("up --dry-run --json", "up", "--dry-run", "--target", "002")
    case.tap.equal(([m["file"] for m in document["migrations"]], document["dry_run"], document["done"]), (NAMES[:2], True, 0),
                   f"{case.engine}: --target ends it")
    case.tap.ok(document["migrations"][0]["statements"][0]["tag"] == "CREATE TABLE", f"{case.engine}: each statement is listed", document)
    case.tap.equal(case.schema(), before, f"{case.engine}: and changes nothing")


def climb(case):
    events = os.path.join(case.folder, "events.jsonl")
    result = case.run("up", "--steps", "2", "--events", events)
    case.tap.ok(result.returncode == 0 and "✓ 2 migrations applied in" in result.stdout, f"{case.engine}: up --steps 2", said(result))
    case.tap.ok("Attempting to acquire migration lock" in result.stderr, f"{case.engine}: says that it wants the lock", said(result))
    case.tap.ok("✓ 001_create_users: applied" in result.stdout, f"{case.engine}: and what was applied", said(result))
    with open(events, encoding="utf-8") as file:
        kinds = [json.loads(line)["event"] for line in file]
    case.tap.equal((kinds[0], kinds[-1], kinds.count("migration_completed")), ("run_started", "run_completed", 2),
                   f"{case.engine}: events as JSON lines")
    result = case.run("up", "--target", "008", "--events", "-", "--quiet")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    case.tap.ok(result.returncode == 0 and lines[-1]["done"] == 6 and lines[-1]["result"] == "ok",
                f"{case.engine}: --events - are the result", said(result))
    case.bad("--events - and --json", ["up", "--events", "-", "--json"], 2, "both want standard output")
    document = case.json("up --json", "up")
    case.tap.equal((document["done"], [m["state"] for m in document["migrations"]]), (1, ["applied"]), f"{case.engine}: the last one")
    case.tap.equal(case.schema(), case.reference(9), f"{case.engine}: the schema is what the engine's shell makes")
    case.has("up again", case.good("up again", "up"), "✓ nothing to do")
    text = case.good("status", "status", "--exit-code")
    case.has("status shows it", text, f"{NEWEST}.sql  applied", "Pending migrations: 0", "the newest is 009")
    case.has("status --verbose", case.good("status --verbose", "status", "--verbose"), "DESCRIPTION", "ESTIMATE", "500 ms", "Notifications, and what each user")


def descend(case):
    before = case.schema()
    case.has("down --dry-run", case.good("down --dry-run", "down", "--dry-run"), "nothing was changed")
    case.tap.equal(case.schema(), before, f"{case.engine}: changes nothing")
    case.has("down", case.good("down", "down"), f"✓ {NEWEST}: taken back", "✓ 1 migration taken back")
    case.tap.equal(case.schema(), case.reference(8), f"{case.engine}: the schema before it")
    case.good("down --target", "down", "--target", "005")
    case.tap.equal(case.schema(), case.reference(5), f"{case.engine}: down to a version")
    document = case.json("what down refuses", "down", status=3)
    case.tap.ok("would destroy data" in document["error"]["message"], f"{case.engine}: down names what would be lost", document)
    case.good("down --force", "down", "--force", "--reason", "a test")
    case.good("up after down", "up")
    case.has("redo", case.good("redo", "redo"), "1 migration done again")
    case.tap.equal(case.schema(), before, f"{case.engine}: and up again the same schema")
    case.bad("production asks for consent", ["down", "--env", "production"], 3, "nobody consented", "--yes")
    case.good("and is given it", "down", "--env", "production", "--yes")
    case.good("up in production", "up", "--env", "production")


def look_back(case):
    text = case.good("history", "history", "--limit", "2")
    case.has("history, newest first", text.splitlines()[1], NEWEST, "applied")
    case.tap.equal(len(case.json("history --json", "history")), 9, f"{case.engine}: nine entries")
    entries = case.json("audit --json", "audit")
    actions = {entry["action"] for entry in entries}
    case.tap.ok({"lock_acquired", "migration_started", "migration_completed", "rollback_completed"} <= actions,
                f"{case.engine}: the audit log has what happened", actions)
    case.has("audit for people", case.good("audit", "audit", "--limit", "5"), "ACTION", "lock_released")
    lines = case.good("audit --format jsonl", "audit", "--format", "jsonl").splitlines()
    exported = [json.loads(line) for line in lines]
    case.tap.ok(all(a["hash"] == b["previous"] for a, b in zip(exported, exported[1:])), f"{case.engine}: each entry holds the hash before it",
                exported[:2])
    case.tap.equal({e["migration"] for e in case.json("audit of one", "audit", "--migration", NEWEST)}, {NEWEST},
                   f"{case.engine}: --migration chooses")
    document = case.json("audit --verify", "audit", "--verify", "--head", exported[-1]["hash"])
    case.tap.equal((document["intact"], document["entries"], document["head"]), (True, len(exported), exported[-1]["hash"]),
                   f"{case.engine}: the chain is intact")
    victim = exported[3]["id"]
    case.database.sql(f"UPDATE _migration_audit_log SET actor = 'nobody' WHERE audit_id = {victim}")
    document = case.json("a changed entry", "audit", "--verify", status=4)
    case.tap.equal((document["intact"], document["broken_at"]), (False, victim), f"{case.engine}: tampering is found where it is")
    result = case.run("audit", "--verify")
    case.tap.ok(result.returncode == 4 and "tampered" in result.stderr, f"{case.engine}: and said", said(result))
    case.database.sql(f"UPDATE _migration_audit_log SET actor = '{exported[3]['actor']}' WHERE audit_id = {victim}")
    case.good("put back, it is intact", "audit", "--verify")
    case.bad("--head alone", ["audit", "--head", "x"], 2, "--head belongs to --verify")


def drift(case):
    case.has("schema validate", case.good("schema validate", "schema", "validate"), "✓ the schema is as it was recorded")
    case.has("schema dump", case.good("schema dump", "schema:dump"), "notifications", "order_overview")
    case.database.sql("CREATE TABLE by_hand (id INTEGER)")
    document = case.json("drift", "schema", "validate", status=4)
    case.tap.ok(any("by_hand" in d["name"] and d["change"] == "added" for d in document["differences"]),
                f"{case.engine}: what was made by hand is found", document)
    text = case.run("schema", "validate").stdout
    case.has("and said", text, "by_hand", "✗")
    case.bad("schema accept wants a reason", ["schema", "accept"], 2, "--reason")
    case.good("schema accept", "schema", "accept", "--reason", "a test")
    case.good("then it is right", "schema", "validate")
    case.database.sql("DROP TABLE by_hand")
    case.good("schema accept again", "schema", "accept", "--reason", "a test")


def prove(case):
    text = case.good("verify", "verify")
    case.has("verify counts", text, "9 of 9 migrations can be taken back")
    document = case.json("verify --json", "verify", "--target", "003")
    case.tap.equal((document["proved"], document["broken"], [m["state"] for m in document["migrations"]]), (3, 0, ["proved"] * 3),
                   f"{case.engine}: verify --target")
    case.write("010_leaves_something.sql", "-- UP\nCREATE TABLE a010 (id INTEGER);\nCREATE TABLE b010 (id INTEGER);\n-- DOWN\nDROP TABLE a010;\n")
    document = case.json("a down that leaves something", "verify", status=4)
    broken = [m for m in document["migrations"] if m["state"] not in ("proved", "no down")]
    case.tap.ok(len(broken) == 1 and broken[0]["id"] == "010_leaves_something" and "b010" in broken[0]["detail"],
                f"{case.engine}: is found, with what it leaves", document)
    os.unlink(os.path.join(case.migrations, "010_leaves_something.sql"))


def back_up(case):
    text = case.good("backup", "backup")
    found = re.search(r"^Backup created: (\S+)$", text, re.M)
    case.tap.ok(bool(found), f"{case.engine}: prints its id", text)
    if not found:
        return
    first = found.group(1)
    case.has("backup list", case.good("backup list", "backup", "list"), first)
    case.has("backup:list", case.good("backup:list", "backup:list"), first)
    case.has("backup verify", case.good("backup verify", "backup", "verify", "latest"), f"Backup verified: {first}")
    document = case.json("backup list --json", "backup", "list")
    case.tap.ok(document[0]["id"] == first and document[0]["verified_at"] and document[0]["present"], f"{case.engine}: as JSON", document)
    before = case.schema()
    case.database.sql("DELETE FROM order_items")
    case.bad("restoring asks", ["backup", "restore", first], 3, "nobody consented", "--yes")
    case.bad("also as the runbook writes it", ["backup", "--restore", first], 3, "nobody consented")
    document = case.json("backup restore", "backup", "restore", first, "--yes")
    case.tap.ok(document["restored"] == first and document["safety_backup"], f"{case.engine}: with a safety backup", document)
    case.tap.equal((case.database.sql("SELECT COUNT(*) FROM order_items"), case.schema()), ("4", before),
                   f"{case.engine}: the data is back")
    case.good("up after it", "up")
    case.bad("an unknown backup", ["backup", "restore", "nonsense", "--yes"], 1, "nonsense")
    case.bad("an unknown backup to verify", ["backup", "verify", "nonsense"], 1, "nonsense")
    document = case.json("backup prune --dry-run", "backup", "prune", "--keep", "1", "--dry-run")
    count = len(case.json("nothing was removed", "backup", "list"))
    case.good("backup prune", "backup", "prune", "--keep", "1")
    rest = case.json("backup list after it", "backup", "list")
    case.tap.ok(len([b for b in rest if b["present"]]) == count - len(document), f"{case.engine}: prune removes what it said", rest)


def encrypt(case):
    env = {"BACKUP_ENCRYPTION_KEY": "ab" * 32}
    text = case.good("an encrypted backup", "backup", env=env)
    case.has("says so", text, "Encrypted  yes")
    found = re.search(r"^Backup created: (\S+)$", text, re.M)
    identity = found.group(1) if found else "?"
    path = [b["path"] for b in case.json("where it lies", "backup", "list") if b["id"] == identity][0]
    with open(path, "rb") as file:
        content = file.read()
    case.tap.ok(b"grace@example.com" not in content and b"CREATE" not in content, f"{case.engine}: and is unreadable", path)
    case.good("verified with its key", "backup", "verify", identity, env=env)
    result = case.run("backup", "verify", identity, env={"BACKUP_ENCRYPTION_KEY": "cd" * 32})
    case.tap.ok(result.returncode not in (0, 70), f"{case.engine}: not with another", said(result))
    result = case.run("backup", "restore", "latest", "--yes", env={"BACKUP_ENCRYPTION_KEY": "cd" * 32})
    newest = case.json("the list after it", "backup", "list")[0]["id"]
    case.tap.ok(result.returncode not in (0, 70) and "another key" in result.stderr and newest == identity,
                f"{case.engine}: nor restored; and the newest is still the one that is wanted", newest + said(result))
    case.bad("a key that is none", ["backup"], 2, "64", env={"BACKUP_ENCRYPTION_KEY": "short"})


def operate(case):
    document = case.json("health --json", "health", status=case.run("health").returncode)
    case.tap.ok(document["status"] in ("ok", "warning") and any(c["check_name"] == "stuck_migrations" for c in document["checks"]),
                f"{case.engine}: health has its checks", document)
    case.has("why", case.good("why", "why"), "nothing is stuck")
    document = case.json("lock status --json", "lock", "status")
    case.tap.equal(document["state"], "free", f"{case.engine}: the lock is free")
    case.has("lock status", case.good("lock status", "lock", "status"), "Migration lock  free")
    case.has("lock release", case.good("lock release", "lock", "release"), "the migration lock was free")


def mend(case):
    path = os.path.join(case.migrations, "004_add_product_stock.sql")
    with open(path, encoding="utf-8") as file:
        original = file.read()
    case.write("004_add_product_stock.sql", original.replace("stock INTEGER", "stock   INTEGER /* how many */"))
    case.good("a cosmetic change does not block", "up")
    case.write("004_add_product_stock.sql", original.replace("DEFAULT 0", "DEFAULT 7"))
    case.bad("a changed statement does", ["up"], 4, "has been modified after application!")
    document = case.json("status names it", "status")
    item = [m for m in document["migrations"] if m["id"] == "004_add_product_stock"][0]
    case.tap.equal((item["state"], item["blocks"]), ("modified", True), f"{case.engine}: as modified")
    result = case.run("validate")
    case.tap.ok(result.returncode == 4 and "✗" in result.stdout and "modified" in result.stdout, f"{case.engine}: validate fails", said(result))
    case.bad("repair wants a reason", ["repair"], 2, "--reason TEXT, or --dry-run")
    text = case.good("repair --dry-run", "repair", "--dry-run")
    case.has("shows the statements", text, "DEFAULT 0", "DEFAULT 7")
    case.bad("repair of something unknown", ["repair", "nonsense", "--reason", "x"], 1, "nonsense")
    case.good("repair", "repair", "004", "--reason", "a test")
    case.good("then up is content", "up")
    case.write("004_add_product_stock.sql", original)
    case.good("and back", "repair", "--reason", "a test")
    os.rename(path, path + ".away")
    case.bad("a file that is gone", ["up"], 4, "004_add_product_stock")
    os.rename(path + ".away", path)
    late = "000_late.sql"
    case.write(late, "-- UP\nCREATE TABLE late (id INTEGER);\n-- DOWN\nDROP TABLE late;\n")
    case.bad("a late one", ["up"], 4, "000_late")
    case.good("up --out-of-order", "up", "--out-of-order")
    case.good("down with it", "down", "--steps", "1")
    os.unlink(os.path.join(case.migrations, late))


def begin(tap, servers, path, engine):
    """init, new and adopt, in a folder that holds nothing."""
    case = Case(tap, servers, path, engine, samples=False)
    os.rmdir(case.migrations)
    case.bad("a folder that is not there", ["status"], 1, "migrations")
    case.bad("new without a folder", ["new", "x"], 1, "dataflow init makes it")
    document = case.json("init", "init")
    tap.equal((document["folder_created"], document["ledger_created"]), (True, True), f"{engine}: init makes folder and tables")
    document = case.json("init again", "init")
    tap.equal((document["folder_created"], document["ledger_created"]), (False, False), f"{engine}: once")
    made = case.good("new", "new", "Add notification system!", "--risk", "high", "--breaking", "--author", "ann").strip()
    with open(os.path.join(case.folder, made), encoding="utf-8") as file:
        text = file.read()
    case.has("the new file", text, "-- @metadata", '"high"', '"breakingChange": true', "-- UP", "-- DOWN", "ann")
    tap.ok(re.search(r"/001_add_notification_system\.sql$", made) is not None, f"{engine}: is numbered and named", made)
    second = case.json("new --json", "new", "second one")["file"]
    tap.ok(second.endswith("/002_second_one.sql"), f"{engine}: behind the newest", second)
    case.good("both are valid", "validate")
    case.bad("new with a risk that is none", ["new", "x", "--risk", "huge"], 2, "--risk is low, medium, high or critical")
    case.bad("new without a name", ["new"], 2, "new needs NAME")

    other = Case(tap, servers, path, engine)
    for name in NAMES[:4]:
        script = os.path.join(other.folder, "up.sql")
        with open(script, "w", encoding="utf-8") as file:
            file.write(sections(name)[0])
        problem = other.database.shell(script)
        if problem:
            raise RuntimeError(problem)
    other.has("adopt --baseline --dry-run", other.good("adopt --dry-run", "adopt", "--baseline", "004", "--dry-run"), "4 migrations would be adopted")
    other.good("adopt --baseline", "adopt", "--baseline", "004", "--reason", "was there")
    other.good("up goes on behind it", "up")
    tap.equal(other.schema(), other.reference(9), f"{engine}: to the same schema")
    other.bad("adopt of an unknown version", ["adopt", "--baseline", "999"], 1, "999")
    other.bad("adopt both ways", ["adopt", "--baseline", "004", "--from", "goose"], 2, "exclude each other")


# ---- what is wrong ----


def wrong_words(case):
    case.bad("an unknown command", ["stauts"], 2, 'unknown command "stauts"', "did you mean status?")
    case.bad("an unknown second word", ["backup", "lst"], 2, 'unknown command "backup lst"', "did you mean backup list?")
    case.bad("a first word alone", ["lock"], 2, "which command? lock status, lock release")
    case.bad("an unknown option", ["up", "--dryrun"], 2, "up: unknown option --dryrun", "did you mean --dry-run?")
    case.bad("a bad number", ["up", "--steps", "0"], 2, "--steps needs a whole number")
    case.bad("a bad duration", ["up", "--wait", "5"], 2, "--wait needs a duration with its unit")
    case.bad("an unknown environment", ["status", "--env", "prodution"], 2, 'unknown environment "prodution"', "did you mean production?")
    case.bad("an unknown target", ["up", "--target", "999"], 1, "999")
    case.bad("an unknown target for down", ["down", "--target", "999"], 1, "999")
    case.bad("a bad placeholder", ["status", "--placeholder", "novalue"], 2, "--placeholder novalue is not NAME=VALUE")
    case.bad("events that cannot be written", ["up", "--events", "/nonexistent/events"], 1, "/nonexistent/events")
    case.bad("an unknown layout", ["status", "--layout", "rails"], 2, "--layout is auto, native")


def wrong_files(case):
    folder = case.program.folder
    case.program.folder = os.path.join(case.folder, "none")
    for command in ("status", "validate", "up", "verify"):
        case.bad(f"{command}: a folder that is not there", [command], 1, "none")
    case.program.folder = os.path.join(folder, NAMES[0])
    case.bad("a folder that is a file", ["status"], 1, NAMES[0])
    case.program.folder = folder
    os.mkdir(os.path.join(folder, "010_folder.sql"))
    case.good("a folder that is called like a file", "status")
    os.rmdir(os.path.join(folder, "010_folder.sql"))
    case.write("010_broken.sql", "-- @metadata { \"risk\": }\n-- UP\nSELECT 1;\n")
    result = case.run("validate")
    case.tap.ok(result.returncode == 4 and "010_broken.sql" in result.stdout, f"{case.engine}: a header that is no JSON is found", said(result))
    case.write("010_broken.sql", "-- @metadata { \"autor\": \"Ann\" }\n-- UP\n-- @speed 9\nSELECT 1;\n-- DOWN\n-- SELECT 2;\n")
    case.has("what reading a file finds is shown", case.good("validate with findings of one file", "validate"), "did you mean author?",
             "@speed is no directive", "the migration has no way down")
    case.write("010_broken.sql", "-- UP\nSELECT 'open;\n")
    result = case.run("validate")
    case.tap.ok(result.returncode == 4 and "010_broken.sql" in result.stdout, f"{case.engine}: a quote that does not end is found", said(result))
    os.unlink(os.path.join(folder, "010_broken.sql"))
    case.write("010_words.sql", '-- @metadata {"risky": "low"}\n-- UP\n-- @lock_timeuot 5s\nSELECT 1;\n')
    result = case.run("validate")
    case.tap.ok(result.returncode == 0 and "risky" in result.stdout and "lock-timeout" in result.stdout,
                f"{case.engine}: words that mean nothing are named", said(result))
    os.unlink(os.path.join(folder, "010_words.sql"))
    case.write("009_twice.sql", "-- UP\nSELECT 1;\n")
    result = case.run("validate")
    case.tap.ok(result.returncode == 4 and "009_twice.sql" in result.stdout, f"{case.engine}: two files of one version are found", said(result))
    os.unlink(os.path.join(folder, "009_twice.sql"))
    case.write("010##odd.sql", "SELECT 1;\n")
    case.bad("a name that cannot be read", ["up"], 4, "010##odd.sql")
    document = case.json("status --exit-code where only a name is in the way", "status", "--exit-code", status=4)
    case.tap.equal(document["blocking"], 1, f"{case.engine}: status counts it")
    case.has("why says so, too", case.good("why with a name that cannot be read", "why"), "010##odd.sql cannot be read",
             "keeps the next run from starting", "dataflow validate")
    os.unlink(os.path.join(folder, "010##odd.sql"))


def wrong_statement(case):
    before = case.schema()
    case.write("010_fails.sql", "-- UP\nCREATE TABLE t010 (id INTEGER);\n\nINSERT INTO nowhere_010 VALUES (1);\n-- DOWN\nDROP TABLE t010;\n")
    result = case.run("up")
    case.tap.ok(result.returncode == 1 and "010_fails.sql:4 (statement 2)" in result.stderr and "nowhere_010" in result.stderr,
                f"{case.engine}: a statement that fails is named with file, line and number", said(result))
    case.tap.equal(case.schema(), before, f"{case.engine}: and nothing is left of it")
    document = case.json("the same as JSON", "up", status=1)
    error = document["error"]
    case.tap.ok(error["line"] == 4 and error["statement"] == 2 and error["native"] and document["migrations"][0]["undone"] == "all",
                f"{case.engine}: with the engine's code, and what was undone", document)
    document = case.json("status knows", "status")
    case.tap.equal([m["state"] for m in document["migrations"]][-1], "failed", f"{case.engine}: it failed")
    os.unlink(os.path.join(case.migrations, "010_fails.sql"))


def wrong_database(case):
    def program(url):
        return Dataflow(case.program.path, url, case.migrations)

    case.bad("a scheme that nobody knows", ["status"], 2, "oracle", program=program("oracle://h/d"))
    case.bad("a URL that is none", ["status"], 2, program=program("just a text"))
    if case.engine == "sqlite":
        case.bad("a database in a folder that is not there", ["up"], 1, "none", program=program("sqlite:none/x.db"))
        with open(os.path.join(case.folder, "text.db"), "w", encoding="utf-8") as file:
            file.write("this is no database, but a text that is longer than a header\n" * 40)
        case.bad("a file that is no database", ["status"], 5, "text.db", program=program("sqlite:" + os.path.join(case.folder, "text.db")))
        return
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    scheme = "postgresql" if case.engine == "postgres" else "mariadb"
    for command in (["status"], ["up"], ["health"], ["backup"], ["lock", "status"]):
        case.bad(f"{' '.join(command)}: nobody listens", command, 5, program=program(f"{scheme}://u:{CANARY}@127.0.0.1:{port}/d"))
    server = case.servers.server(case.engine)
    wrong = program(server.tcp_url(case.database.name, password=CANARY))
    result = case.bad("a wrong password", ["status"], 5, program=wrong)
    case.tap.ok(CANARY not in result.stdout + result.stderr, f"{case.engine}: which is not shown", said(result))
    for option in ("-vv", "--verbose"):
        result = wrong.run("up", option)
        case.tap.ok(CANARY not in result.stdout + result.stderr, f"{case.engine}: not even with {option}", said(result))
    case.bad("a database that is not there", ["status"], 1, "nowhere", program=program(server.url("nowhere")))


def stranger(case):
    """An account that may connect, and has no right to the history."""
    if case.engine != "postgres":
        return
    server, name = case.servers.server("postgres"), case.database.name
    server.sql(f"CREATE ROLE stranger_{name} LOGIN", name)
    url = f"postgresql://stranger_{name}@/{name}?host={quote(server.folder, safe='')}&port={server.port.number}"
    program = Dataflow(case.program.path, url, case.migrations)
    result = program.run("status", cwd=case.folder)
    case.tap.ok(result.returncode == 1 and "GRANT" in result.stderr, "postgres: who may not read the history is told what is missing", said(result))
    result = program.run("health", cwd=case.folder)
    case.tap.ok(result.returncode == 3, "postgres: and to a monitor that is no warning, but not known", said(result))
    server.sql(f"CREATE DATABASE bare_{name}", "postgres")
    result = Dataflow(case.program.path, url.replace(f"@/{name}?", f"@/bare_{name}?"), case.migrations).run("up", cwd=case.folder)
    case.tap.ok(result.returncode == 1 and "dataflow init" in result.stderr, "postgres: who may not make it is told who could", said(result))


def no_right(case):
    """An account that may look, but not change."""
    server = case.servers.server(case.engine) if case.engine != "sqlite" else None
    if case.engine == "postgres":
        name = case.database.name
        server.sql(f"CREATE ROLE reader_{name} LOGIN; GRANT pg_read_all_data TO reader_{name}", name)
        url = f"postgresql://reader_{name}@/{name}?host={quote(server.folder, safe='')}&port={server.port.number}"
    elif case.engine == "mariadb":
        name = case.database.name
        server.sql(f"CREATE USER reader_{name}@localhost IDENTIFIED BY 'x'; GRANT SELECT ON `{name}`.* TO reader_{name}@localhost")
        url = f"mariadb://reader_{name}:x@localhost/{name}?socket={quote(server.socket, safe='')}"
    else:
        url = case.database.url + "?mode=ro"
    reader = Dataflow(case.program.path, url, case.migrations)
    result = reader.run("status", cwd=case.folder)
    case.tap.ok(result.returncode == 0 and "Pending migrations: 0" in result.stdout, f"{case.engine}: who may only read sees the status", said(result))
    case.write("010_more.sql", "-- UP\nCREATE TABLE t010 (id INTEGER);\n-- DOWN\nDROP TABLE t010;\n")
    before = case.schema()
    for command in (["up"], ["down"], ["repair", "--reason", "x"], ["schema", "accept", "--reason", "x"]):
        result = reader.run(*command, cwd=case.folder)
        case.tap.ok(result.returncode not in (0, 70) and "error: " in result.stderr,
                    f"{case.engine}: who may only read cannot {command[0]}", said(result))
    case.tap.equal(case.schema(), before, f"{case.engine}: and changed nothing")
    os.unlink(os.path.join(case.migrations, "010_more.sql"))


def unreadable(case):
    """What the operating system does not let us read; root can read everything, so another user asks."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() == 0 and not setpriv:
        case.tap.skip(f"{case.engine}: files that cannot be read", "root can read everything, and there is no setpriv")
        return
    wrapper = [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    top = tempfile.mkdtemp(prefix="unreadable-", dir="/tmp")
    try:
        os.chmod(top, 0o755)
        program = shutil.copy2(case.program.path, os.path.join(top, "dataflow"))
        folder = shutil.copytree(SAMPLES, os.path.join(top, "migrations"))

        def run(*arguments, **env):
            return subprocess.run([*wrapper, program, *arguments, "--migrations", folder], capture_output=True, text=True, cwd=top,
                                  env=environment(env), stdin=subprocess.DEVNULL)

        case.tap.equal(run("validate").returncode, 0, f"{case.engine}: readable files")
        os.chmod(os.path.join(folder, NAMES[2]), 0)
        result = run("validate")
        case.tap.ok(result.returncode in (1, 4) and NAMES[2] in result.stdout + result.stderr, f"{case.engine}: a file that cannot be read is named", said(result))
        os.chmod(folder, 0)
        result = run("validate")
        case.tap.ok(result.returncode == 1 and "ermission denied" in result.stderr, f"{case.engine}: so is a folder", said(result))
        os.chmod(folder, 0o755)
        os.chmod(os.path.join(folder, NAMES[2]), 0o644)
        for name in ("dataflow.ini", ".env"):
            with open(os.path.join(top, name), "w", encoding="utf-8") as file:
                file.write("\n")
            os.chmod(os.path.join(top, name), 0)
            result = run("validate")
            case.tap.ok(result.returncode == 1 and name in result.stderr, f"{case.engine}: so is {name}", said(result))
            os.unlink(os.path.join(top, name))
        os.chmod(top, 0o555)
        result = run("up", "--url", "sqlite:new.db")
        case.tap.ok(result.returncode == 1 and "new.db" in result.stderr, f"{case.engine}: a database that cannot be made", said(result))
    finally:
        os.chmod(top, 0o755)
        shutil.rmtree(top, ignore_errors=True)


def busy(case):
    """A second run while the first holds the lock."""
    if case.engine not in BUSY:
        case.tap.skip(f"{case.engine}: two runs at once", "it has no statement that takes time")
        return
    case.write("010_slow.sql", f"-- UP\n{BUSY[case.engine]};\n-- DOWN\nSELECT 1;\n")
    first = case.program.start("up", "--quiet")
    for _ in range(100):
        if json.loads(case.run("lock", "status", "--json").stdout).get("state") == "alive":
            break
        time.sleep(0.05)
    document = case.json("lock status while a run goes on", "lock", "status")
    case.tap.equal((document["state"], document["purpose"]), ("alive", "up"), f"{case.engine}: somebody holds the lock")
    result = case.bad("a second run", ["up"], 6, "lock")
    case.bad("and a third that goes down", ["down"], 6, "lock")
    case.tap.ok(str(first.pid) in result.stderr, f"{case.engine}: names who holds it", said(result))
    case.bad("lock release of one that lives", ["lock", "release"], 3)
    case.bad("lock release --force asks", ["lock", "release", "--force"], 3, "nobody consented")
    first.communicate(timeout=60)
    case.tap.equal(first.returncode, 0, f"{case.engine}: the first is not disturbed")
    case.good("taken back", "down")
    os.unlink(os.path.join(case.migrations, "010_slow.sql"))


def secrets(case):
    """A canary in every place where a password may stand is seen nowhere."""
    url = f"postgresql://ops:{CANARY}@127.0.0.1:9/shop"
    folder = tempfile.mkdtemp(prefix="secret-", dir=case.folder)
    with open(os.path.join(folder, "dataflow.ini"), "w", encoding="utf-8") as file:
        file.write(f"[env.production]\nurl = {url}\n[env.file]\nurl-file = url\n[env.command]\nurl-command = cat url\n"
                   "[env.failing]\nurl-command = echo why >&2; exit 3\n[env.development]\n")
    os.chmod(os.path.join(folder, "dataflow.ini"), 0o600)
    with open(os.path.join(folder, "url"), "w", encoding="utf-8") as file:
        file.write(url + "\n")
    seen = []
    for arguments, env in ((["--url", url], {}), ([], {"DATABASE_URL": url}), (["--env", "production"], {}), (["--env", "file"], {}),
                           (["--env", "command"], {})):
        for command in (["up"], ["status", "-vv"], ["config", "show"], ["down"], ["health", "--json"]):
            result = subprocess.run([case.program.path, *command, *arguments, "--migrations", case.migrations], capture_output=True, text=True,
                                    env=environment(env), cwd=folder, stdin=subprocess.DEVNULL)
            wanted = {"config": 0, "down": 3 if "production" in arguments else 5}.get(command[0], 5)
            if result.returncode != wanted:
                seen.append(f"{command} {arguments[:2]}: {said(result)}")
            if CANARY in result.stdout + result.stderr:
                seen.append(f"{command} shows it: {said(result)}")
    case.tap.ok(not seen, f"{case.engine}: passwords of every origin reach the database and nothing else", "\n".join(seen))
    result = subprocess.run([case.program.path, "status", "--env", "failing", "--migrations", case.migrations], capture_output=True, text=True,
                            env=environment(), cwd=folder, stdin=subprocess.DEVNULL)
    case.tap.ok(result.returncode == 1 and "url-command" in result.stderr and "why" in result.stderr,
                f"{case.engine}: a command that fails to tell the URL", said(result))
    result = subprocess.run([case.program.path, "status", "--env", "production"], capture_output=True, text=True,
                            env=environment({"DATABASE_URL": f"sqlite:{folder}/other.db", "DATAFLOW_MIGRATIONS": case.migrations}), cwd=folder)
    case.tap.ok(result.returncode == 0 and "wins over the URL at dataflow.ini:2" in result.stderr and CANARY not in result.stderr,
                f"{case.engine}: a variable that overrules an environment's URL is warned of", said(result))


def gates(case):
    """max-risk, approvals and backups of an environment."""
    case.write("010_risky.sql", '-- @metadata { "risk": "high" }\n-- UP\nCREATE TABLE t010 (id INTEGER);\n-- DOWN\nDROP TABLE t010;\n')
    with open(os.path.join(case.folder, "dataflow.ini"), "w", encoding="utf-8") as file:
        file.write("[env.production]\nmax-risk = medium\nrequired-approvals = 2\nbackup = fresh\nplaceholder.name = x\n[env.staging]\n")
    production = ["up", "--env", "production"]
    case.bad("a risk above the environment's", production, 3, "has risk high", "--force")
    case.good("elsewhere it is none", "up", "--env", "staging")
    case.good("back", "down", "--env", "staging")
    case.write("010_risky.sql", '-- @metadata { "risk": "low" }\n-- UP\nCREATE TABLE t010 (id INTEGER);\n-- DOWN\nDROP TABLE t010;\n')
    case.bad("too few approvals", [*production, "--approved-by", "anna", "--approved-by", "anna"], 3, "2 approvals", "--approved-by")
    document = case.json("enough, and a backup is taken", *production, "--approved-by", "anna", "--approved-by", "ben")
    case.tap.ok(document["backup_id"], f"{case.engine}: which is named", document)
    approved = [e for e in case.json("the audit log", "audit") if e["action"] == "approved" or "approved_by" in json.dumps(e["details"])]
    case.tap.equal(sorted(e["details"]["approved_by"] for e in approved)[-2:], ["anna", "ben"], f"{case.engine}: has who approved")
    case.good("back again", "down", "--env", "production", "--yes")
    case.good("--skip-backup", *production, "--approved-by", "anna", "--approved-by", "ben", "--skip-backup")
    case.good("back once more", "down", "--env", "production", "--yes")
    os.unlink(os.path.join(case.folder, "dataflow.ini"))
    os.unlink(os.path.join(case.migrations, "010_risky.sql"))


STEPS = [look_first, rehearse, climb, descend, look_back, drift, prove, back_up, encrypt, operate, mend, gates, wrong_words, wrong_files,
         wrong_statement, wrong_database, no_right, stranger, busy]


def attempt(tap, engine, step, *arguments):
    """What breaks one step does not keep the others from being tried."""
    try:
        step(*arguments)
    except Exception:  # pylint: disable=broad-except
        tap.ok(False, f"{engine}: {step.__name__}", traceback.format_exc())


def main():
    tap = Tap()
    path = binary()
    wanted = os.environ.get("ENGINES", "sqlite,postgres,mariadb").split(",")
    chosen = os.environ.get("STEPS", "").split(",") if os.environ.get("STEPS") else None
    with Servers() as servers:
        for engine in ("sqlite", "postgres", "mariadb"):
            if engine not in wanted:
                continue
            if not servers.has(engine):
                tap.skip(f"{engine}", "its server is not installed")
                continue
            case = Case(tap, servers, path, engine)
            for step in STEPS:
                if chosen and step.__name__ not in chosen:
                    continue
                attempt(tap, engine, step, case)
            if not chosen or "begin" in chosen:
                attempt(tap, engine, begin, tap, servers, path, engine)
        case = Case(tap, servers, path, "sqlite")
        for step in (unreadable, secrets):
            if not chosen or step.__name__ in chosen:
                attempt(tap, "sqlite", step, case)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
