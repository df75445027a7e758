#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Health, why, preflight and blockers against a private MariaDB, with the situations that people meet. Who holds a metadata lock
is known only when the server was told to keep count: both ways are tried.

    test_mariadb.py OPERATE_TOOL
"""
import subprocess
import sys
import time

from situations import MariaDB, Servers, Shell, Tap, Tool, check_names, ledger_situations, skip_all, until

tap = Tap()


def state_of(database, pid):
    return database.sql(f"SELECT COALESCE(state, '') FROM information_schema.processlist WHERE id = {pid}")


def metadata(database, pid):
    return lambda: state_of(database, pid) == "Waiting for table metadata lock"


def count_metadata(database, on):
    database.sql(f"UPDATE performance_schema.setup_instruments SET enabled = '{'YES' if on else 'NO'}' WHERE name = 'wait/lock/metadata/sql/mdl'")


def row_locks(servers):
    database = servers.database("mariadb")
    tool = Tool(database.url)
    database.sql("CREATE TABLE users (id int PRIMARY KEY, name text) ENGINE=InnoDB; INSERT INTO users VALUES (1, 'x')")
    tap.ok(not tool.why().stuck and tool.why().says("blocking", "nobody waits"), "nobody waits", tool.why())
    tap.equal(tool.findings("users!"), [], "nothing to find before a run on a quiet server")
    first, second = Shell(database), Shell(database)
    first.run("BEGIN; UPDATE users SET name = 'y';")
    second.start("UPDATE users SET name = 'z';")
    until(lambda: database.sql("SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"))
    time.sleep(1.1)
    why = until(lambda: (lambda w: w if w.next else None)(tool.why())) or tool.why()
    tap.ok(why.says("blocking", f"connection {first.pid}", "idle in an open transaction")["depth"] == 0 and
           why.says("blocking", f"connection {second.pid}", "waiting", "a row of `" + database.name + "`.`users`")["depth"] == 1, "a row lock: the tree", why)
    tap.equal(why.next, f"KILL {first.pid}", "the one command")
    blockers = tool.ask("blockers", second.pid)["blockers"]
    tap.ok(len(blockers) == 1 and blockers[0].startswith(f"connection {first.pid} ("), "blockers", blockers)
    database.sql(why.next)
    second.wait()
    tap.ok(not tool.why().stuck, "after the command nothing is stuck", tool.why())
    first.close(), second.close()


def metadata_locks(servers, counted):
    database = servers.database("mariadb")
    tool = Tool(database.url)
    count_metadata(database, counted)
    word = "counted" if counted else "not counted"
    database.sql("CREATE TABLE users (id int PRIMARY KEY, name text) ENGINE=InnoDB; INSERT INTO users VALUES (1, 'x'); CREATE TABLE quiet (a int)")
    idle, other, alter, reader = [Shell(database) for _ in range(4)]
    idle.run("BEGIN; SELECT * FROM users;")
    other.run("BEGIN; SELECT * FROM quiet;")
    time.sleep(0.2)
    alter.start("ALTER TABLE users ADD COLUMN phone text;")
    until(metadata(database, alter.pid))
    reader.start("SELECT count(*) FROM users;")
    until(metadata(database, reader.pid))
    time.sleep(1.2)
    health, why = tool.health(), tool.why()
    tap.ok(health["metadata_lock_waits"]["status"] == "warning" and health["metadata_lock_waits"]["details"]["waiting"] == 2, f"{word}: health counts who waits", health["metadata_lock_waits"])
    blockers = tool.ask("blockers", alter.pid)["blockers"]
    if counted:
        tree = [(l["depth"], pid) for l in why.section("blocking") for pid in (idle.pid, other.pid, alter.pid, reader.pid)
                if l["text"].startswith(f"connection {pid} ")]
        tap.equal(tree, [(0, idle.pid), (1, alter.pid), (2, reader.pid)], f"{word}: the tree of who waits for whom")
        tap.ok(why.says("blocking", f"connection {alter.pid}", f"a metadata lock on {database.name}.users", "ALTER TABLE"), f"{word}: what is waited for", why)
        tap.equal(why.next, f"KILL {idle.pid}", f"{word}: the one command")
        tap.ok(len(blockers) == 1 and blockers[0].startswith(f"connection {idle.pid} ("), f"{word}: the migration's blocker", blockers)
        found = [f["what"] for f in tool.findings("users!")]
        tap.ok(len(found) >= 2 and any(f"connection {idle.pid} " in w for w in found) and not any(f"connection {other.pid} " in w for w in found),
               f"{word}: preflight on that table", found)
    else:
        tap.ok(len(blockers) == 2 and all(b.startswith("perhaps connection") for b in blockers) and any(f"connection {idle.pid} " in b for b in blockers),
               f"{word}: every old transaction is a suspect", blockers)
        tap.ok(why.says("blocking", "metadata_lock_info"), f"{word}: and why says how the server could tell", why)
        tap.ok(why.stuck and "if it is the one" in why.summary, f"{word}: the command is a guess, and called so", why)
        tap.ok(f"connection {alter.pid} " in "".join(tool.ask("blockers", reader.pid)["blockers"]), f"{word}: the reader queues behind the ALTER", tool.ask("blockers", reader.pid))
    database.sql(f"KILL {idle.pid}")
    alter.wait(), reader.wait()
    tap.ok(not tool.why().stuck, f"{word}: then nothing is stuck", tool.why())
    for shell in (idle, other, alter, reader):
        shell.close()


def run_blocked(servers):
    database = servers.database("mariadb")
    tool = Tool(database.url)
    count_metadata(database, True)
    database.sql("CREATE TABLE t (a int)")
    tool.ask("init")
    idle = Shell(database)
    idle.run("BEGIN; SELECT * FROM t;")
    holder = tool.hold("up", 60000, "DROP TABLE t")
    run = until(lambda: database.sql("SELECT id FROM information_schema.processlist WHERE state = 'Waiting for table metadata lock'"))
    time.sleep(1.1)
    why = tool.why()
    tap.ok(why.says("blocking", f"connection {run}", "(the migration run)") and why.next == f"KILL {idle.pid}" and "the migration run waits behind" in why.summary,
           "the migration run waits, and for whom", why)
    database.sql(why.next)
    tap.ok(until(lambda: database.sql("SHOW TABLES LIKE 't'") == ""), "with the command it goes on")
    holder.communicate()
    idle.close()


def prepared(servers):
    database = servers.database("mariadb")
    tool = Tool(database.url)
    database.sql("CREATE TABLE t (a int PRIMARY KEY) ENGINE=InnoDB; INSERT INTO t VALUES (1)")
    shell = Shell(database)
    shell.run("XA START 'it''s left', 'b'; UPDATE t SET a = 2; XA END 'it''s left', 'b'; XA PREPARE 'it''s left', 'b';")
    shell.close()
    health = tool.health()
    tap.equal(health["prepared_transactions"]["status"], "warning", "a prepared transaction")
    command = health["prepared_transactions"]["remedy"]
    waiter = Shell(database)
    waiter.start("UPDATE t SET a = 3;")
    until(lambda: database.sql("SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"))
    time.sleep(1.1)
    why = tool.why()
    tap.ok(why.says("blocking", "prepared transaction") and why.next == command, "who waits behind it", why)
    tap.ok([f for f in tool.findings("t!") if f["rule"] == "prepared-transaction"], "preflight names it", tool.findings("t!"))
    database.sql(command)
    waiter.wait()
    tap.equal((tool.health()["prepared_transactions"]["status"], database.sql("SELECT a FROM t")), ("ok", "3"), "and the command takes it back")
    waiter.close()


def objects(servers):
    database = servers.database("mariadb")
    tool = Tool(database.url)
    database.sql("CREATE TABLE a (id tinyint unsigned AUTO_INCREMENT PRIMARY KEY); CREATE TABLE b (x int); CREATE VIEW good AS SELECT * FROM a; CREATE VIEW bad AS SELECT x FROM b")
    health = tool.health()
    tap.equal((health["broken_views"]["status"], health["sequences"]["status"]), ("ok", "ok"), "views that work")
    database.sql("DROP TABLE b; ALTER TABLE a AUTO_INCREMENT = 250")
    health = tool.health()
    tap.ok(health["broken_views"]["status"] == "warning" and [i["subject"] for i in health["broken_views"]["details"]["items"]] == [f"{database.name}.bad"],
           "a view whose table is gone", health["broken_views"])
    tap.ok(health["sequences"]["status"] == "critical" and health["sequences"]["details"]["items"][0]["end"] == 255, "AUTO_INCREMENT of a small column near its end", health["sequences"])
    database.sql("CREATE DATABASE dataflow_scratch_17")
    check = tool.health()["scratch_databases"]
    tap.ok(check["status"] == "warning" and "dataflow_scratch_17" in check["message"], "a scratch database that was left behind", check)
    database.sql(check["remedy"])
    tap.equal(tool.health()["scratch_databases"]["status"], "ok", "and its remedy")


def limited_user(servers):
    database = servers.database("mariadb")
    database.sql(f"CREATE TABLE t (a int); CREATE USER limited@localhost; GRANT SELECT, INSERT ON {database.name}.* TO limited@localhost")
    url = database.url.replace(f"dataflow:{database.server.password}@", "limited@")
    tool = Tool(url)
    health = tool.health()
    check_names(tap, "mariadb", health)
    tap.ok(health["long_transactions"]["status"] == "unknown" and "GRANT PROCESS" in health["long_transactions"]["remedy"], "what is hidden is unknown", health["long_transactions"])
    tap.ok(tool.findings("t!")[0]["rule"] == "hidden-sessions", "preflight says what it could not see", tool.findings("t!"))
    database.sql("SET GLOBAL read_only = 1")
    tap.equal(tool.health()["writable"]["status"], "critical", "a server that is read only for this user")
    tap.ok([f for f in tool.findings() if f["severity"] == "error" and f["rule"] == "read-only"], "preflight says that it cannot work", tool.findings())
    tap.equal(Tool(database.url).health()["writable"]["status"], "ok", "but not for one who may write anyway")
    database.sql("SET GLOBAL read_only = 0")


def lingering(database, idle, begun):
    tool = Tool(database.url)
    time.sleep(max(0, begun + 62 - time.monotonic()))
    health, why, findings = tool.health(), tool.why(), tool.findings("elsewhere!")
    tap.ok(health["long_transactions"]["status"] == "warning" and f"connection {idle.pid} " in health["long_transactions"]["message"], "idle in a transaction for a minute", health["long_transactions"])
    tap.ok(why.says("transactions", f"connection {idle.pid} ", "idle in an open transaction") and not why.stuck, "why lists it, though nothing is stuck", why)
    tap.ok([f for f in findings if f["rule"] == "idle-transaction"], "preflight warns of it", findings)


if not MariaDB.available():
    skip_all("no MariaDB")
with Servers({"mariadb": {"performance-schema": "1"}}) as servers:
    slow = servers.database("mariadb")
    slow.sql("CREATE TABLE t (a int) ENGINE=InnoDB")
    idle, begun = Shell(slow), time.monotonic()
    idle.run("BEGIN; SELECT * FROM t;")
    database = servers.database("mariadb")
    health = Tool(database.url).health()
    check_names(tap, "mariadb", health)
    tap.equal({n for n, c in health.items() if n and c["status"] not in ("ok", "unknown")} - {"disk"}, {"ledger"}, "a new database is healthy, but for the ledger")
    ledger_situations(tap, Tool(database.url), database, lambda hours: f"NOW(3) - INTERVAL {hours} HOUR")
    for counted in (True, False):
        metadata_locks(servers, counted)
    for situation in (row_locks, run_blocked, prepared, objects, limited_user):
        situation(servers)
    lingering(slow, idle, begun)
sys.exit(tap.done())
