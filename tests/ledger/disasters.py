#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""disasters.py ENGINE PUPPET: databases that were dumped and copied with a lock in them, a pooler, servers that restart."""
import os
import shutil
import signal
import subprocess
import time

from puppets import ServerError, find_program, main, tap, wait_until

check, equal, contains = tap.check, tap.equal, tap.contains
KILLS = 20


def run(command, stdin=None, env=None):
    done = subprocess.run(command, input=stdin, capture_output=True, env=os.environ | (env or {}))
    if done.returncode:
        raise ServerError(done.stderr.decode(errors="replace"))
    return done.stdout


def copy_database(place, source, target):
    """As a person does it: dump and load, or cp."""
    if place.engine == "postgres":
        dump = run([find_program("pg_dump", *place.server.folders), "-d", place.url(source)])
        run([find_program("psql", *place.server.folders), "-Xq", "-v", "ON_ERROR_STOP=1", "-d", place.url(target)], dump)
    elif place.engine == "mariadb":
        password = {"MYSQL_PWD": place.server.password}
        common = ["--no-defaults", "-u", "dataflow", "-S", place.server.socket]
        dump = run([find_program("mariadb-dump"), *common, "--single-transaction", source], env=password)
        run([find_program("mariadb"), *common, target], dump, env=password)
    else:
        for suffix in ("", "-wal"):
            if os.path.exists(place.path(source) + suffix):
                shutil.copy(place.path(source) + suffix, place.path(target) + suffix)


def test_copied_with_lock(place):
    if place.engine == "neo4j":
        return tap.skip("copies", "the free edition has one database")
    source = place.database()
    holder = place.puppet(source, "holder")
    holder.told("create")
    holder.told("audit")
    equal(holder.told("take 0 600000"), "ok 1", "a lock is held")
    target = place.database()
    copy_database(place, source, target)
    equal(place.sql(target, "SELECT COUNT(*) FROM _migration_locks"), "1", "while the database is copied, its row with it")
    other = place.puppet(target, "other")
    contains(other.told("look"), "ok restored", "the copy's row is recognised")
    contains(other.told("verify"), "ok intact 2", "the copy's audit log is intact")
    equal(other.told("take 0 0"), "ok 2", "and it is taken over at once")
    contains(other.told("query SELECT details FROM _migration_audit_log WHERE action = 'lock_taken_over'"), "restored",
             "which the audit log says")
    contains(other.told("begin"), "ok", "it works")
    contains(other.told("complete 001"), "ok", "in the copy")
    contains(holder.told("begin"), "ok", "and in the original its holder goes on")
    contains(holder.told("complete 001"), "ok", "undisturbed")
    contains(other.told("verify"), "ok intact 5", "the chain goes on in the copy")
    contains(holder.told("verify"), "ok intact 4", "and in the original")


def test_restored_into_itself(place):
    """A dump that was made during a run is loaded into the same database again."""
    if place.engine == "neo4j":
        return tap.skip("restored into itself", "see the tests of backups")
    name = place.database()
    holder = place.puppet(name, "holder")
    holder.told("create")
    holder.told("take 0 600000")
    spare = place.database()
    copy_database(place, name, spare)
    holder.kill()
    if place.engine == "postgres":
        wait_until(lambda: place.server.sql(f"SELECT COUNT(*) FROM pg_stat_activity WHERE datname = '{name}'") == "0")
        place.server.sql(f"DROP DATABASE {name}")
        place.server.sql(f"CREATE DATABASE {name}")
    elif place.engine == "mariadb":
        place.server.sql(f"DROP DATABASE {name}; CREATE DATABASE {name}")
    else:
        os.unlink(place.path(name))
    copy_database(place, spare, name)
    other = place.puppet(name, "other")
    answer = other.told("look")
    check(answer.startswith(("ok gone", "ok restored")), "its row is not believed", answer)
    equal(other.told("take 20000 0"), "ok 2", "and taken over")


class PgBouncer:
    """In front of the server; mode: session, transaction or statement."""

    def __init__(self, place, mode, database):
        self.folder = os.path.join(place.folder, "bouncer-" + mode)
        os.mkdir(self.folder)
        server, user = place.server, place.server.user
        with open(os.path.join(self.folder, "ini"), "w") as f:
            f.write(f"[databases]\n{database} = host={server.folder} port={server.port.number} dbname={database} user=dataflow\n"
                    f"[pgbouncer]\nlisten_port = 6432\nlisten_addr =\nunix_socket_dir = {self.folder}\nauth_type = any\n"
                    f"pool_mode = {mode}\ndefault_pool_size = 5\nignore_startup_parameters = extra_float_digits,options\n"
                    f"logfile = {self.folder}/log\npidfile = {self.folder}/pid\n")
        os.chmod(place.folder, 0o755)
        if user:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        os.chmod(self.folder, 0o755)
        how = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        self.process = subprocess.Popen([find_program("pgbouncer", "/usr/sbin"), "-q", os.path.join(self.folder, "ini")],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how)
        self.url = f"postgresql://dataflow@/{database}?host={self.folder}&port=6432"
        wait_until(lambda: os.path.exists(os.path.join(self.folder, ".s.PGSQL.6432")), 20)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def test_pooler(place):
    if place.engine != "postgres":
        return
    if not find_program("pgbouncer", "/usr/sbin"):
        return tap.skip("poolers", "pgbouncer is not installed")
    name = place.database()
    bouncer = PgBouncer(place, "transaction", name)
    try:
        puppet = place.puppet(name, url=bouncer.url)
        contains(puppet.ready, "ok", "through a pooler in transaction mode one can look")
        answer = puppet.told("create")
        contains(answer, "unsupported between this program and the database stands a pooler", "but make no tables")
        contains(answer, "session mode", "and the remedy is told")
        place.puppet(name).told("create")
        again = place.puppet(name, url=bouncer.url)
        contains(again.told("take 0 0"), "unsupported", "nor take the lock")
        equal(place.sql(name, "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory'"), "0", "nothing is left locked")
    finally:
        place.end_puppets()
        bouncer.stop()
    bouncer = PgBouncer(place, "session", name)
    try:
        puppet = place.puppet(name, url=bouncer.url)
        equal(puppet.told("take 0 0"), "ok 1", "in session mode the lock can be taken")
        contains(puppet.told("begin"), "ok", "and checked")
        contains(puppet.told("complete 001"), "ok", "and a migration recorded")
        contains(place.puppet(name).told("take 0 0"), "locked", "against those who come directly")
        puppet.told("give")
    finally:
        place.end_puppets()
        bouncer.stop()


def test_restart(place):
    """The server stops and starts again in the middle; what was committed is there, and the run goes on."""
    if not place.server:
        return
    name = place.database()
    holder = place.puppet(name, "holder")
    holder.told("create")
    holder.told("take 0 60000")
    holder.told("begin")
    holder.told("complete 001")
    holder.told("start 002")
    holder.told("intend 002")
    place.server.kill()
    answer = holder.told("settle 002")
    contains(answer, "connect", "the server dies in the middle")
    equal(holder.told("lost"), "ok 1", "the connection is known to be lost")
    place.server.start()
    contains(holder.told("reconnect"), "ok", "it starts again; a new session")
    equal(holder.told("take 5000 60000"), "ok 2", "takes the lock again")
    contains(holder.told("outcome 001"), "ok completed", "what was committed is there")
    contains(holder.told("outcome 002"), "ok not completed", "what was not is not")
    equal(place.sql(name, "SELECT status FROM _migration_journal WHERE migration_id = '002'"), "intent", "its statement is in doubt")
    contains(holder.told("settle 002"), "ok", "it goes on")
    contains(holder.told("verify"), "ok intact", "and the audit log is intact")
    holder.told("give")

    place.server.restart()
    contains(place.puppet(name, "later").told("take 0 0"), "ok 3", "the fence goes on after a restart")


def test_killed_while_recording(place):
    """kill -9 at any instant of the record: it is there whole, or not at all."""
    name = place.database()
    place.puppet(name).told("create")
    whole = 0
    for i in range(KILLS):
        puppet = place.puppet(name)
        puppet.told("take 20000 0")
        for command in ("begin", f"sql CREATE TABLE t{i} (id INTEGER)", f"complete {i:03d}"):
            puppet.tell(command)
        time.sleep(0.0004 * i)
        puppet.kill()
    wait_until(lambda: place.puppet(name).told("take 1000 0").startswith("ok"))
    if place.engine == "mariadb":  # there CREATE TABLE commits by itself, and the record is another transaction
        tables = set()
    elif place.engine == "neo4j":
        tables = set(place.sql(name, "SELECT name FROM _Table").split())
    else:
        catalogue = "pg_tables WHERE tablename" if place.engine == "postgres" else "sqlite_master WHERE name"
        column = catalogue.split()[-1]
        tables = {t for t in place.sql(name, f"SELECT {column} FROM {catalogue} LIKE 't%'").split()}
    for i in range(KILLS):
        row = place.sql(name, f"SELECT COUNT(*) FROM _migration_history WHERE migration_id = '{i:03d}'") == "1"
        source = place.sql(name, f"SELECT COUNT(*) FROM _migration_sources WHERE migration_id = '{i:03d}'") == "1"
        audit = place.sql(name, f"SELECT COUNT(*) FROM _migration_audit_log WHERE migration_id = '{i:03d}'")
        agree = row == source and audit == ("2" if row else "0")
        if place.engine != "mariadb":
            agree = agree and row == (f"t{i}" in tables)
        check(agree, f"migration {i:03d} is {'there whole' if row else 'not there at all'}", row, source, audit, tables)
        whole += row
    print(f"# {whole} of {KILLS} were recorded")
    contains(place.puppet(name).told("verify"), "ok intact", "the audit log is intact")


if __name__ == "__main__":
    main([test_copied_with_lock, test_restored_into_itself, test_pooler, test_restart, test_killed_while_recording])
