# SPDX-License-Identifier: Apache-2.0
"""Sessions of real servers that do what people's sessions do, and the tool that is asked about them."""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from migrations import Servers, Tap, skip_all  # noqa: E402,F401
from servers import MariaDB, Postgres, find_program  # noqa: E402


class Tool:
    def __init__(self, url):
        self.path, self.url = sys.argv[1], url

    def run(self, *arguments):
        return subprocess.run([self.path, self.url, *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def ask(self, *arguments):
        done = self.run(*arguments)
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, arguments))}: status {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def health(self, *arguments):
        """Checks by name; "" is the whole's status."""
        answer = self.ask("health", *arguments)
        return {c["name"]: c for c in answer["checks"]} | {"": answer["status"]}

    def why(self, *plan):
        return Why(self.ask("why", *plan))

    def findings(self, *targets):
        return self.ask("preflight", *targets)["findings"]

    def hold(self, purpose="up", ttl_ms=60000, *sql):
        """A process that holds the migration lock, and then runs a statement."""
        process = subprocess.Popen([self.path, self.url, "hold", purpose, str(ttl_ms), *sql], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if process.stdout.readline().strip() != "held":
            raise RuntimeError("the lock was not taken")
        return process


class Why:
    def __init__(self, answer):
        self.stuck, self.summary, self.lines = answer["stuck"], answer["summary"], answer["lines"]

    def __str__(self):
        return f"stuck {self.stuck}: {self.summary}\n" + "\n".join(
            f"{'  ' * l['depth']}{l['section']} {l['severity']}: {l['text']}  [{l['command']}]" for l in self.lines)

    def section(self, name):
        return [l for l in self.lines if l["section"] == name]

    def says(self, section, *words):
        """The first line of the section with all of these words."""
        return next((l for l in self.section(section) if all(str(w) in l["text"] for w in words)), None)

    @property
    def next(self):
        lines = self.section("next")
        return lines[0]["command"] if lines else None


class Shell:
    """The engine's own shell, as somebody has it open."""

    mark = 0

    def __init__(self, database, name="somebody"):
        self.database = database
        if database.engine == "postgres":
            command = [find_program("psql", *Postgres.folders), "-XAtq", "-d", database.url]
            environment = os.environ | {"PGAPPNAME": name}
        else:
            command = [find_program("mariadb"), "--no-defaults", "-u", "dataflow", "-S", database.server.socket, "-N", "-B", "-n", "-f",
                       "--raw", database.name]
            environment = os.environ | {"MYSQL_PWD": database.server.password}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        self.pid = int(self.run("SELECT pg_backend_pid();" if database.engine == "postgres" else "SELECT CONNECTION_ID();"))

    def start(self, text):
        """Sends statements and does not wait for their end."""
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def wait(self):
        """Until all that was sent has ended; what it said."""
        Shell.mark += 1
        mark = f"mark-{Shell.mark}"
        self.start(f"\\warn {mark}" if self.database.engine == "postgres" else f"SELECT '{mark}';")
        lines = []
        for line in self.process.stdout:
            if line.strip() == mark:
                return "\n".join(lines)
            lines.append(line.strip())
        return "\n".join(lines + ["(gone)"])

    def run(self, text):
        self.start(text)
        return self.wait()

    def close(self):
        self.process.kill()
        self.process.wait()


def until(condition, seconds=20):
    """What the condition says in the end; asked again until it holds or the time is over."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.05)


def check_names(tap, engine, health):
    """Every check is there, in this order, whatever the server says."""
    common = ["connection", "version", "writable", "restore", "ledger", "stuck_migrations", "failed_migrations", "expired_locks", "migration_lock",
              "backup_age", "backup_verified", "audit_log", "disk"]
    more = {"postgres": ["connections", "long_transactions", "prepared_transactions", "invalid_indexes", "unvalidated_constraints", "sequences",
                         "replication", "replication_slots", "wraparound", "scratch_databases"],
            "mariadb": ["connections", "long_transactions", "prepared_transactions", "metadata_lock_waits", "broken_views", "sequences",
                        "replication", "history_length", "scratch_databases"],
            "sqlite": ["quick_check", "foreign_key_check", "broken_views", "wal", "writers"]}
    tap.equal([n for n in health if n], common + more[engine], f"{engine}: every check is there, in order")


def ledger_situations(tap, tool, database, ago):
    """What the ledger holds: the same on every engine. `ago(hours)` is SQL for that long before now."""
    engine = database.engine
    before = tool.health()
    tap.ok(before["ledger"]["status"] == "warning" and "init" in before["ledger"]["remedy"], f"{engine}: a database without a ledger is told", before)
    tap.ok(not tool.why().stuck, f"{engine}: without a ledger nothing is stuck", tool.why())
    tool.ask("init")
    tool.ask("apply", "000_base")
    health = tool.health()
    tap.ok(health["ledger"]["status"] == "ok" and "000_base" in health["ledger"]["message"], f"{engine}: the ledger with its newest", health["ledger"])
    tap.equal([health[n]["status"] for n in ("stuck_migrations", "failed_migrations", "expired_locks", "migration_lock", "audit_log")],
              ["ok"] * 5, f"{engine}: a ledger in order")
    tap.ok(tool.why().says("migration", "000_base", "was applied"), f"{engine}: why names the newest, should the application fail since", tool.why())

    # backups: the runbook's check is "the last full or scheduled one is older than 7 days"
    tap.equal(health["backup_age"]["status"], "warning", f"{engine}: no backup at all")
    tool.ask("backup", "scheduled", 8, -1)
    health = tool.health()
    tap.ok(health["backup_age"]["status"] == "warning" and "8 days" in health["backup_age"]["message"], f"{engine}: a backup of last week", health["backup_age"])
    tap.equal(health["backup_verified"]["status"], "warning", f"{engine}: none was proved")
    tool.ask("backup", "pre-migration", 0, -1)
    tap.equal(tool.health()["backup_age"]["status"], "warning", f"{engine}: one before a migration does not count as a regular one")
    tool.ask("backup", "full", 1, 1)
    health = tool.health()
    tap.equal((health["backup_age"]["status"], health["backup_verified"]["status"]), ("ok", "ok"), f"{engine}: a fresh, proved backup")
    database.sql("UPDATE _backup_history SET path = '/tmp/no-such-file.backup' WHERE type = 'full'")
    tap.ok("file is gone" in tool.health()["backup_age"]["message"], f"{engine}: the file of the newest backup is gone", tool.health()["backup_age"])

    # a run that was interrupted: the catalog can tell
    tool.ask("leave", "001_first", "intent", "CREATE TABLE third (a int)", "")
    why = tool.why()
    tap.ok(why.stuck and why.says("migration", "001_first", "2 of 4 statements"), f"{engine}: an interrupted migration", why)
    tap.ok(why.says("migration", "statement 3 (line 30)", "in doubt", "CREATE TABLE third"), f"{engine}: with the statement in doubt", why)
    tap.equal(why.next, "dataflow up", f"{engine}: the catalog shows that it did not take effect: go on")
    tap.ok(why.says("migration", "third", "did not take effect") and "goes on with it" in why.summary, f"{engine}: and says so", why)
    database.sql("CREATE TABLE third (a int)")
    why = tool.why()
    tap.ok(why.next == "dataflow up" and "goes on behind it" in why.summary, f"{engine}: the catalog shows that it did", why)
    health = tool.health()
    tap.ok(health["failed_migrations"]["status"] == "warning" and "001_first" in health["failed_migrations"]["message"], f"{engine}: health names it", health["failed_migrations"])

    # the runbook's own query is the oracle for what counts as stuck
    stuck = f"SELECT COUNT(*) FROM _migration_history WHERE status = 'in_progress' AND applied_at < {ago(1)}"
    tap.equal((database.sql(stuck), health["stuck_migrations"]["status"]), ("0", "ok"), f"{engine}: not stuck within the hour")
    database.sql(f"UPDATE _migration_history SET applied_at = {ago(2)} WHERE migration_id = '001_first'")
    health = tool.health()
    tap.equal((database.sql(stuck), health["stuck_migrations"]["status"]), ("1", "warning"), f"{engine}: stuck after it")
    tap.ok("001_first" in health["stuck_migrations"]["message"] and health["stuck_migrations"]["details"]["items"][0]["id"] == "001_first",
           f"{engine}: and named", health["stuck_migrations"])

    # one that only a person can decide, and one that failed
    tool.ask("leave", "002_second", "intent", "UPDATE done SET a = a + 1")
    why = tool.why()
    tap.ok(why.says("migration", "statement 3", "UPDATE done"), f"{engine}: an UPDATE in doubt", why)
    commands = [l["command"] for l in why.section("migration") if l["command"]]
    tap.ok(any(c.startswith("dataflow repair 002_second --statement-done 3") for c in commands) and
           any(c.startswith("dataflow repair 002_second --statement-again 3") for c in commands), f"{engine}: both decisions as commands", why)
    database.sql("UPDATE _migration_history SET status = 'completed'")
    tool.ask("leave", "0025_more", "intent", "CREATE TABLE IF NOT EXISTS done (a int)")
    why = tool.why()
    tap.ok(why.next == "dataflow up" and why.says("migration", "same when it runs twice"), f"{engine}: what may run twice is not asked about", why)
    tool.ask("leave", "003_third", "failed", "CREATE TABLE third (a int)", "")
    why = tool.why()
    tap.ok(why.says("migration", "statement 3 (line 30) failed") and why.says("migration", 'relation "third" is in the way'),
           f"{engine}: a failed statement with its error", why)
    database.sql("UPDATE _migration_history SET status = 'completed', error_message = NULL")

    # the files against the history
    why = tool.why("pending:004_new", "pending:005_newer")
    tap.ok(not why.stuck and why.next == "dataflow up" and "2 migrations are pending" in why.summary, f"{engine}: nothing is stuck, and two are pending", why)
    for verdict, command in {"modified": "dataflow repair 004_x --dry-run", "missing": "dataflow repair 004_x --forget-missing --dry-run",
                             "late": "dataflow up --out-of-order", "duplicate": "dataflow validate"}.items():
        why = tool.why(f"{verdict}:004_x", "pending:005_y")
        tap.ok(why.stuck and why.next == command and why.says("migration", f"004_x is {verdict}"), f"{engine}: a {verdict} one is in the way", why)
    tap.equal(tool.why("modified:it's").next, "dataflow repair 'it'\\''s' --dry-run", f"{engine}: names are quoted for the shell")

    # the lock
    holder = tool.hold("up", 2000)
    health, why = tool.health(), tool.why()
    tap.ok(health["migration_lock"]["status"] == "ok" and str(holder.pid) in health["migration_lock"]["message"], f"{engine}: the holder of the lock", health["migration_lock"])
    tap.ok(why.says("lock", "tester", holder.pid, "(up)") and not why.stuck, f"{engine}: why says who, and that nothing is stuck", why)
    subprocess.run(["kill", "-STOP", str(holder.pid)])
    frozen = until(lambda: tool.health()["expired_locks"]["status"] == "warning", 10)
    why = tool.why()
    tap.ok(frozen and tool.health()["migration_lock"]["status"] == "warning", f"{engine}: a lease that ran out is an expired lock", tool.health())
    tap.ok(why.stuck and why.says("lock", holder.pid, "its lease ended", "still there"), f"{engine}: a frozen holder", why)
    tap.ok(any(l["command"] == "dataflow lock release --force" for l in why.section("lock")), f"{engine}: and how to be rid of it", why)
    subprocess.run(["kill", "-KILL", str(holder.pid)])
    subprocess.run(["kill", "-CONT", str(holder.pid)], stderr=subprocess.DEVNULL)
    holder.wait()
    gone = until(lambda: "is gone" in tool.health()["migration_lock"]["message"], 10)
    why = tool.why()
    tap.ok(gone and why.says("lock", "left over", "is gone") and not why.stuck, f"{engine}: a dead holder's row is left over", why)
    tap.equal(why.next, "dataflow up", f"{engine}: the next run takes it over")
    database.sql("DELETE FROM _migration_locks")
    tap.equal(tool.health()["migration_lock"]["status"], "ok", f"{engine}: the row deleted by hand")
    holder = tool.hold()
    database.sql("DELETE FROM _migration_locks")
    why = tool.why()
    tap.ok(tool.health()["migration_lock"]["status"] == "warning" and why.says("lock", "row in _migration_locks is gone"),
           f"{engine}: a living holder whose row was deleted", why)
    if engine != "mariadb":  # which does not tell who holds a lock of which one does not know the name
        found = [l for l in why.section("lock") if l["depth"] == 1 and l["command"]]
        tap.ok(len(found) == 1 and "operate_tool" in found[0]["text"], f"{engine}: and who it is", why)
    holder.communicate()
    database.sql("INSERT INTO _migration_locks (lock_name, lock_id, acquired_at, acquired_by, expires_at) "
                 f"VALUES ('other', '00000000-0000-0000-0000-000000000000', {ago(3)}, 'old tool', {ago(2)})")
    health, why = tool.health(), tool.why()
    tap.ok(health["expired_locks"]["status"] == "warning" and "old tool" in health["expired_locks"]["message"], f"{engine}: another tool's expired row", health["expired_locks"])
    tap.ok(why.says("lock", "expired row", "old tool"), f"{engine}: in why, too", why)
    database.sql("DELETE FROM _migration_locks")

    # a restore that was killed: the mark that it leaves
    table = "_dataflow_restore.state" if engine == "postgres" else "_dataflow_restore_state"
    if engine == "postgres":
        database.sql("CREATE SCHEMA _dataflow_restore")
    half = engine == "mariadb"
    database.sql(f"CREATE TABLE {table} (backup_id VARCHAR(64), safety_id VARCHAR(64), state VARCHAR(20), started_at VARCHAR(40), host VARCHAR(255), kept TEXT)")
    database.sql(f"INSERT INTO {table} VALUES ('b-17', 'b-18', '{'restoring' if half else 'restored'}', '2030-01-01', 'web1', '{{}}')")
    health, why = tool.health(), tool.why()
    tap.ok(health["restore"]["status"] == ("critical" if half else "warning") and "b-17" in health["restore"]["message"], f"{engine}: an interrupted restore", health["restore"])
    tap.ok(why.says("restore", "b-17", "web1") and why.stuck == half and (not half or why.next == "dataflow backup restore b-17 --yes"),
           f"{engine}: why says what came of it", why)
    tap.ok(not half or [l for l in why.section("restore") if l["command"] == "dataflow backup restore b-18 --yes"], f"{engine}: and the way back", why)
    database.sql("DROP SCHEMA _dataflow_restore CASCADE" if engine == "postgres" else f"DROP TABLE {table}")

    # of statements that name passwords the literals are not shown
    secret = "CREATE USER u IDENTIFIED BY 'hush-hush'" if engine == "mariadb" else "CREATE ROLE u PASSWORD 'it''s hush-hush'"
    tool.ask("leave", "009_user", "intent", secret)
    why = tool.why()
    tap.ok("hush" not in str(why) and "'***'" in str(why), f"{engine}: a password in a statement", why)
    database.sql("DELETE FROM _migration_history WHERE migration_id = '009_user'")

    # the audit log
    database.sql("UPDATE _migration_audit_log SET actor = 'nobody' WHERE audit_id = (SELECT id FROM (SELECT MIN(audit_id) AS id FROM _migration_audit_log) x)")
    health = tool.health()
    tap.ok(health["audit_log"]["status"] == "critical" and health[""] == "critical", f"{engine}: a changed entry of the audit log", health["audit_log"])
