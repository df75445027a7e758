#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Health, why, preflight, blockers and replica lag against a private PostgreSQL, with the situations that people meet: each is
made by psql, must be named, and must be gone when the command that was proposed for it has been run.

    test_postgres.py OPERATE_TOOL
"""
import os
import shutil
import subprocess
import sys
import time

from situations import Servers, Shell, Tap, Tool, check_names, find_program, ledger_situations, skip_all, until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from servers import Postgres, ServerError, SmallDisk  # noqa: E402

tap = Tap()
SETTINGS = {"max_prepared_transactions": "5", "wal_level": "logical", "autovacuum": "off", "max_wal_senders": "5", "max_replication_slots": "5"}


def waiting(database, pid):
    return lambda: database.sql(f"SELECT 1 FROM pg_locks WHERE pid = {pid} AND NOT granted")


def blocking(servers):
    """An open transaction, a migration behind it, and everybody else behind that."""
    database = servers.database("postgres")
    tool = Tool(database.url)
    database.sql("CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'x')")
    quiet = tool.why()
    tap.ok(not quiet.stuck and quiet.says("blocking", "nobody waits"), "nobody waits", quiet)
    tap.equal(tool.findings("users!"), [], "nothing to find before a run on a quiet server")
    idle, alter, reader = Shell(database, "billing"), Shell(database, "migrator"), Shell(database, "web")
    idle.run("BEGIN; UPDATE users SET name = 'y';")
    alter.start("ALTER TABLE users ADD COLUMN phone text;")
    until(waiting(database, alter.pid))
    reader.start("SELECT count(*) FROM users;")
    until(waiting(database, reader.pid))
    time.sleep(1.1)  # what waits for less is nobody's trouble
    why = tool.why()
    tree = [(l["depth"], pid) for l in why.section("blocking") for pid in (idle.pid, alter.pid, reader.pid) if l["text"].startswith(f"pid {pid} ")]
    tap.equal(tree, [(0, idle.pid), (1, alter.pid), (2, reader.pid)], "the tree of who waits for whom")
    tap.ok(why.says("blocking", f"pid {idle.pid}", "billing", "idle in an open transaction", "UPDATE users"), "the root: who, what it does, its last statement", why)
    tap.ok(why.says("blocking", f"pid {alter.pid}", "waiting", "ACCESS EXCLUSIVE on users", "ALTER TABLE"), "what is waited for", why)
    tap.equal(why.next, f"SELECT pg_terminate_backend({idle.pid})", "the one command")
    blockers = tool.ask("blockers", alter.pid)["blockers"]
    tap.ok(len(blockers) == 1 and blockers[0].startswith(f"pid {idle.pid} (") and "UPDATE users" in blockers[0], "the migration's blocker", blockers)
    blockers = tool.ask("blockers", reader.pid)["blockers"]
    tap.ok(len(blockers) == 1 and blockers[0].startswith(f"pid {alter.pid} (") and f"behind pid {idle.pid}" in blockers[0], "the reader's, with who is at the end", blockers)
    tap.equal(tool.ask("blockers", idle.pid)["blockers"], [], "the root has none")
    findings = tool.findings("public.users!")
    tap.ok({f["rule"] for f in findings} == {"locked-table"} and len(findings) == 3 and any(str(idle.pid) in f["what"] for f in findings),
           "preflight on that table", findings)
    tap.equal(tool.findings("other!"), [], "preflight on a table that is not there")
    database.sql(why.next)
    alter.wait(), reader.wait()
    tap.ok(not tool.why().stuck, "after the command nothing is stuck", tool.why())
    for shell in (idle, alter, reader):
        shell.close()


def run_blocked(servers):
    """It is the migration run itself that waits: its session holds the migration lock."""
    database = servers.database("postgres")
    tool = Tool(database.url)
    database.sql("CREATE TABLE t (a int)")
    tool.ask("init")
    idle = Shell(database, "idle")
    idle.run("BEGIN; SELECT * FROM t;")
    holder = tool.hold("up", 60000, "DROP TABLE t")
    run = until(lambda: database.sql("SELECT pid FROM pg_locks WHERE NOT granted"))
    time.sleep(1.1)
    why = tool.why()
    tap.ok(why.says("blocking", f"pid {run}", "(the migration run)") and why.stuck, "the migration run is marked in the tree", why)
    tap.ok(why.next == f"SELECT pg_terminate_backend({idle.pid})" and "the migration run waits behind" in why.summary, "and what it waits for is next", why)
    tap.ok(why.says("lock", f"its session: pid {run}", "waiting") and why.says("lock", f"behind pid {idle.pid}"), "the lock's section says so, too", why)
    database.sql(why.next)
    tap.ok(until(lambda: database.sql("SELECT to_regclass('t') IS NULL") == "t"), "with it the run goes on")
    holder.communicate()
    idle.close()


def prepared(servers):
    database = servers.database("postgres")
    tool = Tool(database.url)
    database.sql("CREATE TABLE t (a int)")
    database.sql("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'it''s left'")
    health = tool.health()
    tap.ok(health["prepared_transactions"]["status"] == "warning" and "it's left" in health["prepared_transactions"]["message"], "a prepared transaction", health)
    findings = tool.findings("t!")
    tap.ok([f for f in findings if f["severity"] == "error" and f["rule"] == "prepared-transaction"], "preflight: it cannot work", findings)
    findings = tool.findings("other!")
    tap.equal([(f["severity"], f["rule"]) for f in findings], [("warning", "prepared-transaction")], "preflight on another table: a warning")
    shell = Shell(database)
    shell.start("ALTER TABLE t ADD b int;")
    until(waiting(database, shell.pid))
    time.sleep(1.1)
    why = tool.why()
    tap.ok(why.says("blocking", "prepared transaction it's left", "holds locks on t") and why.says("blocking", f"pid {shell.pid}")["depth"] == 1, "who waits behind it", why)
    tap.equal(why.next, "ROLLBACK PREPARED 'it''s left'", "the command, quoted")
    database.sql(why.next)
    shell.wait()
    tap.ok(not tool.why().stuck, "and it helps", tool.why())
    shell.close()


def indexes(servers):
    database = servers.database("postgres")
    tool = Tool(database.url)
    database.sql("CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1); CREATE INDEX good ON t (a)")
    tap.equal((tool.health()["invalid_indexes"]["status"], tool.ask("invalid")["indexes"]), ("ok", []), "no invalid index")
    try:
        database.sql('CREATE UNIQUE INDEX CONCURRENTLY "Bad one" ON t (a)')
    except ServerError:
        pass
    found = tool.ask("invalid")["indexes"]
    wanted = {"schema": "public", "name": "Bad one", "table": "t", "definition": database.sql("SELECT pg_get_indexdef('\"Bad one\"'::regclass)")}
    tap.equal(found, [wanted], "the leftover of a failed CREATE UNIQUE INDEX CONCURRENTLY")
    tool.ask("init")
    tool.ask("leave", "001_x", "intent", 'CREATE UNIQUE INDEX CONCURRENTLY "Bad one" ON t (a)', "")
    why = tool.why()
    tap.ok(why.says("migration", "Bad one is invalid", "built anew") and why.next == "dataflow up" and "goes on with it" in why.summary,
           "an interrupted CONCURRENTLY whose index is invalid did not take effect", why)
    database.sql("DELETE FROM _migration_history")
    health, why = tool.health(), tool.why()
    tap.ok(health["invalid_indexes"]["status"] == "warning" and 'public."Bad one"' in health["invalid_indexes"]["message"], "health names it", health["invalid_indexes"])
    commands = [l["command"] for l in why.section("indexes")]
    tap.equal(commands, ['DROP INDEX CONCURRENTLY public."Bad one"', 'REINDEX INDEX CONCURRENTLY public."Bad one"'], "why gives both commands")
    database.sql("DELETE FROM t WHERE ctid = '(0,1)'")
    database.sql(commands[1])
    tap.equal(tool.ask("invalid")["indexes"], [], "REINDEX finishes it, once the duplicates are gone")

    # one that is being built now is nobody's leftover
    reader, builder = Shell(database), Shell(database)
    reader.run("BEGIN; INSERT INTO t VALUES (5);")
    builder.start("CREATE INDEX CONCURRENTLY slow ON t (a);")
    building = until(lambda: database.sql("SELECT 1 FROM pg_index WHERE NOT indisvalid"))
    until(waiting(database, builder.pid))
    health = tool.health()
    tap.equal((building, tool.ask("invalid")["indexes"]), ("1", []), "an index that is being built is not a leftover")
    tap.ok(health["invalid_indexes"]["status"] == "ok" and health["invalid_indexes"]["details"]["items"][0]["building"] is True, "health shows it as being built", health["invalid_indexes"])
    time.sleep(1.1)
    why = tool.why()
    tap.ok(why.says("indexes", "public.slow", "is being built now"), "why, too", why)
    tap.ok(why.says("blocking", f"pid {builder.pid}", "an older transaction to end")["depth"] == 1 and why.next == f"SELECT pg_terminate_backend({reader.pid})",
           "and which transaction it waits for", why)
    database.sql("CREATE ROLE plain LOGIN; GRANT SELECT ON _migration_meta TO plain")
    limited = Tool(database.url.replace("dataflow@", "plain@"))
    tap.equal(limited.ask("invalid")["indexes"], [], "also for a user who may not see what others do")
    reader.run("COMMIT;")
    builder.wait()
    tap.equal(tool.health()["invalid_indexes"]["details"]["items"], [], "then it is there")
    for shell in (reader, builder):
        shell.close()

    # an index of a partitioned table that lacks a partition's
    database.sql("CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9); CREATE INDEX p_a ON ONLY p (a)")
    tap.equal(tool.ask("invalid")["indexes"], [], "an index of a partitioned table is no leftover of CONCURRENTLY")
    tap.ok(tool.why().says("indexes", "public.p_a", "attached"), "but why explains it", tool.why())


def constraints_and_sequences(servers):
    database = servers.database("postgres")
    tool = Tool(database.url)
    database.sql('CREATE TABLE "T" (a int, id serial); ALTER TABLE "T" ADD CONSTRAINT "positive one" CHECK (a > 0) NOT VALID; CREATE DOMAIN d AS int; '
                 "ALTER DOMAIN d ADD CONSTRAINT dc CHECK (VALUE > 0) NOT VALID")
    check = tool.health()["unvalidated_constraints"]
    oracle = database.sql("SELECT conname FROM pg_constraint WHERE convalidated = false ORDER BY 1").splitlines()
    tap.equal((check["status"], sorted(i["name"] for i in check["details"]["items"])), ("warning", oracle), "unvalidated constraints, as the runbook's query lists them")
    for item in check["details"]["items"]:
        database.sql(item["remedy"])
    tap.equal(tool.health()["unvalidated_constraints"]["status"], "ok", "and the remedies validate them")
    tap.equal(tool.health()["sequences"]["status"], "ok", "a sequence at its beginning")
    database.sql("SELECT setval('\"T_id_seq\"', 1700000000)")
    check = tool.health()["sequences"]
    tap.ok(check["status"] == "warning" and '"T".id' == check["details"]["items"][0]["column"] and "T_id_seq" in check["message"], "a sequence at 79 % of its integer column", check)
    database.sql("ALTER SEQUENCE \"T_id_seq\" AS bigint; SELECT setval('\"T_id_seq\"', 2147000000)")
    check = tool.health()["sequences"]
    tap.equal((check["status"], check["details"]["items"][0]["end"]), ("critical", 2147483647), "a bigint sequence for an integer column ends with the column")
    locker = Shell(database)
    locker.run('BEGIN; ALTER SEQUENCE "T_id_seq" CACHE 5;')
    begin = time.monotonic()
    tap.equal(tool.health()["sequences"]["status"], "ok", "one that is being altered is left out")
    tap.ok(time.monotonic() - begin < 5, "instead of being waited for")
    locker.close()


def server_wide(servers):
    database = servers.database("postgres")
    tool = Tool(database.url)
    server = database.server
    server.sql("CREATE DATABASE dataflow_scratch_17", "postgres")
    check = tool.health()["scratch_databases"]
    tap.ok(check["status"] == "warning" and "dataflow_scratch_17" in check["message"], "a scratch database that was left behind", check)
    busy = subprocess.Popen([find_program("psql", *Postgres.folders), "-Xq", "-d", server.url("dataflow_scratch_17")], stdin=subprocess.PIPE, text=True)
    tap.ok(until(lambda: tool.health()["scratch_databases"]["status"] == "ok"), "one that is in use")
    busy.communicate("")
    server.sql(check["remedy"], "postgres")
    server.sql("SELECT pg_create_physical_replication_slot('forgotten', true)", "postgres")
    check = tool.health()["replication_slots"]
    tap.ok(check["details"]["items"][0]["subject"].startswith("forgotten (") and check["status"] == "ok", "a slot that holds back little", check)
    server.sql("SELECT pg_drop_replication_slot('forgotten')", "postgres")
    check = tool.health()["disk"]
    stat = os.statvfs(server.data)
    tap.ok(check["details"]["total_bytes"] == stat.f_blocks * stat.f_frsize and check["details"]["path"] == server.data, "the disk of the data directory", check)
    wraparound = tool.health()["wraparound"]
    tap.equal(wraparound["details"]["transactions"], int(server.sql("SELECT max(age(datfrozenxid)) FROM pg_database", "postgres")), "the age of the oldest row")
    database.sql(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    tap.equal(tool.health()["writable"]["status"], "critical", "a database that is read only")
    tap.equal([(f["severity"], f["rule"]) for f in tool.findings()], [("error", "read-only")], "preflight says that it cannot work")
    why = tool.why()
    tap.ok(why.stuck and "read only" in why.summary, "why says so", why)


def limited_user(servers):
    """A user without privileges gets every answer that can be had, and the reason for every other."""
    database = servers.database("postgres")
    database.sql("CREATE TABLE t (a int); CREATE ROLE limited LOGIN; GRANT SELECT ON t TO limited")
    tool = Tool(database.url.replace("dataflow@", "limited@"))
    other = Shell(database)
    other.run("BEGIN; LOCK TABLE t;")
    health = tool.health()
    check_names(tap, "postgres", health)
    tap.ok(health["long_transactions"]["status"] == "unknown" and "pg_read_all_stats" in health["long_transactions"]["remedy"], "what is hidden is unknown", health["long_transactions"])
    tap.ok(health["disk"]["status"] == "unknown" and "does not tell" in health["disk"]["message"], "as is the disk", health["disk"])
    shell = Shell.__new__(Shell)
    shell.database = database
    waiter = subprocess.Popen([find_program("psql", *Postgres.folders), "-Xq", "-d", tool.url, "-c", "SELECT * FROM t"], stdout=subprocess.DEVNULL)
    until(lambda: database.sql("SELECT 1 FROM pg_locks WHERE NOT granted"))
    time.sleep(1.1)
    why = tool.why()
    tap.ok(why.says("blocking", f"pid {other.pid}", "hidden") and why.next == f"SELECT pg_terminate_backend({other.pid})", "but who waits for whom is known", why)
    other.close()
    waiter.wait()
    database.sql("REVOKE EXECUTE ON FUNCTION pg_stat_get_activity(int) FROM PUBLIC")
    health, findings = tool.health(), tool.findings("t!")
    check_names(tap, "postgres", health)
    tap.ok(health["connections"]["status"] == "unknown" and "permission denied" in health["connections"]["message"] and health["invalid_indexes"]["status"] == "ok",
           "a view that was taken away costs only the checks that need it", health)
    tap.ok(findings and {f["severity"] for f in findings} == {"note"} and "could not be asked" in findings[0]["what"], "and is no reason to refuse a run", findings)


def replica(servers):
    server = servers.server("postgres")
    database = servers.database("postgres")
    tool = Tool(database.url)
    tap.equal(tool.ask("lag")["ms"], -1, "without a replica there is no lag")
    tap.ok("no replica" in tool.health()["replication"]["message"], "and health says so")
    standby = Postgres(settings={**SETTINGS, "hot_standby": "on"})
    try:
        standby._own()
        standby._run(find_program("pg_basebackup", *Postgres.folders), "-D", standby.data, "-R", "-c", "fast", "-d", server.url("postgres"))
        standby.ready = True
        standby.start()
        tap.ok(until(lambda: tool.ask("lag")["ms"] == 0), "a replica that has caught up", tool.health()["replication"])
        tap.ok("1 replica" in tool.health()["replication"]["message"], "health counts it", tool.health()["replication"])
        copy = Tool(standby.url(database.name))
        health = copy.health()
        check_names(tap, "postgres", health)
        tap.ok(health["writable"]["status"] == "critical" and "standby" in health["writable"]["message"], "a standby cannot be written", health["writable"])
        tap.ok(not [c for n, c in health.items() if n and "could not be asked" in c["message"]], "and can be asked all else", health)
        tap.equal([(f["severity"], f["rule"]) for f in copy.findings()], [("error", "standby")], "preflight refuses it")
        standby.sql("SELECT pg_wal_replay_pause()", "postgres")
        database.sql("CREATE TABLE t AS SELECT generate_series(1, 10000) AS a")

        def grows():
            database.sql("INSERT INTO t VALUES (1)")
            return tool.ask("lag")["ms"] >= 500
        tap.ok(until(grows, 30), "one that does not replay falls behind", tool.ask("lag"))
        standby.sql("SELECT pg_wal_replay_resume()", "postgres")
        tap.ok(until(lambda: tool.ask("lag")["ms"] < 500, 30), "and catches up again", tool.ask("lag"))
    finally:
        standby.stop()
        shutil.rmtree(standby.folder, ignore_errors=True)


def full_disk(_):
    """The runbook's "could not extend file"."""
    if not SmallDisk.available():
        tap.skip("a full disk", "cannot mount a small file system")
        return
    with SmallDisk(200) as folder:
        server = Postgres(folder, {"min_wal_size": "32MB", "max_wal_size": "64MB", "shared_buffers": "16MB", "autovacuum": "off"})
        try:
            server.start()
            tool = Tool(server.url())
            server.sql("CREATE TABLE big AS SELECT i, repeat('x', 500) AS t FROM generate_series(1, 40000) i; CREATE TABLE small (a int)")
            server.sql("CHECKPOINT; DELETE FROM big WHERE i % 2 = 0")
            until(lambda: int(server.sql("SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'big'")) > 0)
            with open(os.path.join(folder, "filler"), "wb") as file:
                stat = os.statvfs(folder)
                file.truncate(0)
                os.posix_fallocate(file.fileno(), 0, (stat.f_bavail - 2500) * stat.f_frsize)
            health, why = tool.health(), tool.why()
            stat = os.statvfs(folder)
            tap.ok(health["disk"]["status"] in ("warning", "critical") and abs(health["disk"]["details"]["free_bytes"] - stat.f_bavail * stat.f_frsize) < 1 << 20,
                   "a disk that is nearly full", health["disk"])
            tap.ok(why.says("disk", "are free") and why.says("disk", "public.big", "20,000 dead rows")["command"] == "VACUUM public.big",
                   "why shows what could be had back, and how", why)
            findings = tool.findings("big!")
            tap.ok([f for f in findings if f["rule"] == "disk" and f["what"].startswith("big has ")], "preflight: no room for a second copy of the table", findings)
            tap.ok(not [f for f in tool.findings("small!") if "has" in f["what"] and f["what"].startswith("small")], "a small one has room", tool.findings("small!"))
        finally:
            server.stop()


def lingering(database, idle, begun):
    """After a minute a transaction that does nothing is one that people should hear of."""
    tool = Tool(database.url)
    time.sleep(max(0, begun + 61 - time.monotonic()))
    health, why, findings = tool.health(), tool.why(), tool.findings("elsewhere!")
    tap.ok(health["long_transactions"]["status"] == "warning" and f"pid {idle.pid}" in health["long_transactions"]["message"], "idle in a transaction for a minute", health["long_transactions"])
    tap.ok(why.says("transactions", f"pid {idle.pid}", "idle in an open transaction") and not why.stuck, "why lists it, though nothing is stuck", why)
    tap.ok([f for f in findings if f["rule"] == "idle-transaction" and str(idle.pid) in f["what"]], "preflight warns of it", findings)
    tap.equal(health["long_transactions"]["remedy"], f"SELECT pg_terminate_backend({idle.pid})", "with what ends it")


if not Postgres.available():
    skip_all("no PostgreSQL")
with Servers({"postgres": SETTINGS}) as servers:
    slow = servers.database("postgres")
    idle, begun = Shell(slow, "forgotten"), time.monotonic()
    idle.run("BEGIN; SELECT 1;")
    database = servers.database("postgres")
    health = Tool(database.url).health()
    check_names(tap, "postgres", health)
    tap.equal({n for n, c in health.items() if n and c["status"] not in ("ok", "unknown")} - {"disk"}, {"ledger"}, "a new database is healthy, but for the ledger")
    ledger_situations(tap, Tool(database.url), database, lambda hours: f"now() - INTERVAL '{hours} hours'")
    for situation in (blocking, run_blocked, prepared, indexes, constraints_and_sequences, server_wide, limited_user, replica, full_disk):
        situation(servers)
    lingering(slow, idle, begun)
sys.exit(tap.done())
