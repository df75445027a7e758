#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_backup_postgres.py TOOL: backups of a PostgreSQL that has everything, compared by pg_dump's text of both sides."""
import hashlib
import os
import shutil
import signal
import subprocess
import threading
import time

from backups import KEY, Backups, Postgres, SmallDisk, Tap, arguments, children, differing, find_program, skip_all, wait_until

ROLES = """
CREATE ROLE app; CREATE ROLE reader; CREATE ROLE "odd role";
"""
# Every kind of object that pg_dump knows and a plain installation has.
EVERYTHING = r'''
CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;
CREATE SCHEMA ext; CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA ext;
CREATE SCHEMA app AUTHORIZATION app; CREATE SCHEMA "Odd ""schema""";
COMMENT ON SCHEMA app IS 'the app''s';
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE pair AS (a int, b text); CREATE TYPE span AS RANGE (subtype = int4);
CREATE COLLATION german (provider = libc, locale = 'C');
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $f$
-- a comment that must survive
BEGIN
  NEW.note := coalesce(NEW.note, '') || '!';
  RETURN NEW;
END;
$f$;
CREATE PROCEDURE work() LANGUAGE plpgsql AS $f$ BEGIN
COMMIT;
END; $f$;
CREATE AGGREGATE total(int) (sfunc = int4pl, stype = int, initcond = '0');
CREATE FUNCTION near(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT abs($1 - $2) < 2';
CREATE OPERATOR === (leftarg = int, rightarg = int, function = near);
CREATE TYPE cents AS (n int);
CREATE FUNCTION to_cents(int) RETURNS cents LANGUAGE sql AS 'SELECT ROW($1)::cents'; CREATE CAST (int AS cents) WITH FUNCTION to_cents(int);
CREATE OPERATOR FAMILY fam USING btree;
CREATE TABLE everything (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, s serial, small smallint, num numeric(30, 10), r real, d double precision,
    money money, t text COLLATE german, v varchar(20), c char(5), b bytea, ts timestamp, tz timestamptz, day date, tm time, tmz timetz,
    iv interval, ok boolean, m mood, pos positive, p pair, pt point, ln line, ls lseg, bx box, ph path, pg polygon, ci circle, ip inet,
    net cidr, mac macaddr, bits bit(5), vb varbit, tsv tsvector, tsq tsquery, u uuid, x xml, j json, jb jsonb, arr int[], arr2 text[][],
    rng int4range, mr int4multirange, h hstore, ct ext.citext, oidc oid, reg regclass, sp span, note text,
    made int GENERATED ALWAYS AS (twice(small)) STORED);
CREATE TRIGGER note BEFORE INSERT OR UPDATE ON everything FOR EACH ROW EXECUTE FUNCTION noted();
COMMENT ON COLUMN everything.num IS E'with\na line end'; COMMENT ON TABLE everything IS 'ünïcode — 漢字';
INSERT INTO everything (small, num, r, d, money, t, v, c, b, ts, tz, day, tm, tmz, iv, ok, m, pos, p, pt, ln, ls, bx, ph, pg, ci, ip, net,
    mac, bits, vb, tsv, tsq, u, x, j, jb, arr, arr2, rng, mr, h, ct, oidc, reg, sp, note)
VALUES (7, 12345678901234567890.0123456789, 1.1, 0.1, 12.34, E'tab\tnewline\nback\\slash \\.', 'vä', 'c', '\x00ff10', 'infinity',
    '2024-02-29 23:59:60+02', '4713-01-01 BC', '24:00', '12:00+05:30', '1 year -2 days 03:00:00.5', true, 'happy', 5, ROW(1, 'x, "y"'),
    '(1,2)', '{1,2,3}', '[(0,0),(1,1)]', '((1,1),(0,0))', '[(0,0),(1,1)]', '((0,0),(1,1),(1,0))', '<(0,0),2>', '::1/64', '10.0.0.0/8',
    '08:00:2b:01:02:03', '10101', '111', 'a fat cat', 'fat & rat', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '<a>1</a>', '{"a" : 1}',
    '{"b": [1, 2.50]}', '{1,NULL,3}', '{{"a","b"},{"c","d"}}', '[1,5)', '{[1,3),[5,7)}', 'k=>v', 'CaSe', 4294967295, 'pg_class', '[1,9)', 'n'),
    (NULL, 'NaN', 'NaN', '-Infinity', NULL, '', NULL, NULL, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE big (id int PRIMARY KEY, t text, b bytea);
INSERT INTO big SELECT g, repeat(md5(g::text), 2000), decode(repeat(md5(g::text), 500), 'hex') FROM generate_series(1, 60) g;
INSERT INTO big VALUES (0, repeat('x', 5000000), NULL);
CREATE TABLE "Odd ""name""" ("select" int PRIMARY KEY, "Größe" text, "a b" int UNIQUE); INSERT INTO "Odd ""name""" VALUES (1, 'ß', 2);
CREATE TABLE "Odd ""schema""".t (a int REFERENCES "Odd ""name""" ("select") DEFERRABLE INITIALLY DEFERRED); INSERT INTO "Odd ""schema""".t VALUES (1);
CREATE TABLE empty (); CREATE TABLE nothing (a int); CREATE UNLOGGED TABLE fast (a int); INSERT INTO fast VALUES (1);
CREATE TABLE parent (a int, x text); CREATE TABLE child (b int) INHERITS (parent); INSERT INTO child VALUES (1, 'x', 2);
CREATE TABLE parts (k int, v text) PARTITION BY RANGE (k); CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE parts2 PARTITION OF parts FOR VALUES FROM (10) TO (20); INSERT INTO parts SELECT g, g FROM generate_series(0, 19) g;
CREATE TABLE loop_a (id int PRIMARY KEY, b int); CREATE TABLE loop_b (id int PRIMARY KEY, a int REFERENCES loop_a);
ALTER TABLE loop_a ADD FOREIGN KEY (b) REFERENCES loop_b DEFERRABLE; INSERT INTO loop_a VALUES (1, NULL); INSERT INTO loop_b VALUES (1, 1);
UPDATE loop_a SET b = 1;
ALTER TABLE big DROP COLUMN b; ALTER TABLE big ADD COLUMN b2 int DEFAULT 9;
CREATE INDEX ON everything USING gin (jb); CREATE INDEX part ON everything (twice(small)) WHERE ok; CREATE INDEX ON everything USING gist (pt);
CREATE STATISTICS st ON small, ok FROM everything;
CREATE VIEW v AS SELECT id, small FROM everything WITH CHECK OPTION; CREATE MATERIALIZED VIEW mv AS SELECT count(*) AS n FROM big;
CREATE VIEW v2 AS SELECT * FROM v; CREATE RULE r AS ON DELETE TO v2 DO INSTEAD NOTHING;
CREATE SEQUENCE seq START 5 INCREMENT 5 MAXVALUE 100 CYCLE OWNED BY nothing.a; SELECT nextval('seq'), nextval('seq');
CREATE TABLE secret (a int, who text); ALTER TABLE secret ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON secret USING (who = current_user);
INSERT INTO secret VALUES (1, 'app'); ALTER TABLE secret OWNER TO app;
CREATE TABLE app.t (a int, EXCLUDE USING gist (box(point(a, a), point(a, a)) WITH &&)); INSERT INTO app.t VALUES (1);
GRANT SELECT ON everything TO reader WITH GRANT OPTION; GRANT UPDATE (note) ON everything TO "odd role"; REVOKE ALL ON FUNCTION twice(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION twice(int) TO reader; GRANT USAGE ON SCHEMA app TO reader; REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO app;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader; ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT ALL ON SEQUENCES TO "odd role";
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
CREATE PUBLICATION pub FOR TABLE nothing; CREATE TEXT SEARCH CONFIGURATION cfg (COPY = simple); CREATE TEXT SEARCH DICTIONARY dict (TEMPLATE = simple);
CREATE FOREIGN DATA WRAPPER fdw; CREATE SERVER srv FOREIGN DATA WRAPPER fdw; CREATE USER MAPPING FOR app SERVER srv;
CREATE FOREIGN TABLE far (a int) SERVER srv;
CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $f$ BEGIN PERFORM 1; END $f$;
CREATE EVENT TRIGGER et ON ddl_command_end EXECUTE FUNCTION on_ddl();
SELECT lo_from_bytea(0, decode(repeat('00ff', 3000), 'hex')); SELECT lo_from_bytea(0, '');
'''
# What a later migration may have made of it, in the way of everything that comes back.
LATER = r'''
DROP EVENT TRIGGER et; DROP TABLE big CASCADE; DELETE FROM everything WHERE small = 7; ALTER TABLE everything ADD COLUMN added int; ALTER TYPE mood ADD VALUE 'angry';
CREATE TABLE depends (a int REFERENCES "Odd ""name""", m mood, z hstore); CREATE VIEW on_v AS SELECT * FROM v; CREATE SCHEMA newer; CREATE TABLE newer.t (m mood);
CREATE FUNCTION newer.f(mood) RETURNS mood LANGUAGE sql AS 'SELECT $1'; CREATE EXTENSION btree_gist; CREATE TYPE fresh AS ENUM ('x');
CREATE TABLE public.gist (a int, EXCLUDE USING gist (a WITH =)); DROP EXTENSION pg_trgm; DROP SCHEMA app CASCADE; GRANT ALL ON SCHEMA public TO reader;
CREATE EVENT TRIGGER refuse ON sql_drop EXECUTE FUNCTION on_ddl(); ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO "odd role";
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO app; CREATE PUBLICATION pub2 FOR ALL TABLES; COMMENT ON SCHEMA public IS 'mine';
CREATE FUNCTION bad() RETURNS event_trigger LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION 'nothing is dropped here'; END $f$;
CREATE EVENT TRIGGER bad ON sql_drop EXECUTE FUNCTION bad(); SELECT lo_from_bytea(0, '\x01');
'''


def pg_dump(server, database, *options):
    """What the database holds, in pg_dump's words, without what changes from dump to dump; large objects by content."""
    done = subprocess.run([find_program("pg_dump", *Postgres.folders), "-d", server.url(database), *options,
                           *sum((["-T", name] for name in ("*_migration_*", "*_backup_*", "v_migration_status", "dataflow_migration_locks")), [])],
                          capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise RuntimeError(done.stderr)
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Tests:
    def __init__(self, tap, tool, server, top):
        self.tap, self.tool, self.server, self.top, self.made = tap, tool, server, top, 0

    def check(self, good, what, *details):
        return self.tap.ok(good, what, "\n".join(str(d) for d in details))

    def place(self, name, sql="", key=None, folder=None):
        self.server.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', "postgres")
        self.server.sql(f'CREATE DATABASE "{name}"', "postgres")
        if sql:
            self.server.sql(sql, name)
        self.made += 1
        return Backups(self.tool, self.server.url(name), folder or os.path.join(self.top, f"{name}-{self.made}"), key)

    def databases(self):
        return self.server.sql("SELECT datname FROM pg_database WHERE datname LIKE 'dataflow_scratch%'", "postgres")

    # ---- the round trip ----

    def round_trip(self, key):
        check, how = self.check, "encrypted" if key else "plain"
        b = self.place("round", EVERYTHING, key)
        made = b.one("create")
        check(made["present"] and made["size"] == os.path.getsize(made["path"]) and made["checksum"] == digest(made["path"]), f"{how}: a backup", made)
        check(made["encrypted"] == bool(key) and made["metadata"]["rows"] > 80 and "pg_dump" in made["metadata"]["tool"], f"{how}: its facts", made)
        check(b.files() == [os.path.basename(made["path"])], f"{how}: nothing else is in the folder", b.files())
        check(b.said.split()[-2] == "tables" or "bytes" in b.said, f"{how}: progress was told: {b.said.strip()}")
        proof = b.one("verify", "latest")
        check(proof["restored"] and proof["checksum_ok"] and not proof["differing"] and len(proof["tables"]) == 16, f"{how}: it is proved", proof)
        check(proof["tables"]["public.everything"] == [2, 2, True] and proof["tables"]["(large objects)"][0] == 2, f"{how}: table by table", proof)
        check(self.databases() == "", f"{how}: no scratch database stays", self.databases())
        check(b.one("find", made["id"])["verified_ms"] > 0, f"{how}: the record says that it is proved")
        before = pg_dump(self.server, "round")
        self.server.sql(LATER, "round")
        check(pg_dump(self.server, "round") != before, f"{how}: a migration changes much")
        safety = b.one("create", "critical")
        restored = b.one("restore", made["id"], SAFETY=safety["id"])
        after = pg_dump(self.server, "round")
        check(before == after, f"{how}: restored, pg_dump says the same of it", *differing(before, after))
        check(restored["id"] == made["id"], f"{how}: it tells which one")
        self.ledger_went_on(b, made, safety, how)
        check(b.one("verify", made["id"])["differing"] == 0, f"{how}: verified again")
        b.one("restore", safety["id"])
        again = pg_dump(self.server, "round")
        check("depends" in again and again != before, f"{how}: and forward again, by the safety backup")

    def ledger_went_on(self, b, made, safety, how):
        """The ledger came back with the content; what must not go back in time did not."""
        check, sql = self.check, lambda text: self.server.sql(text, "round")
        ids = [x["id"] for x in b.ask("list")]
        check(ids == [safety["id"], made["id"]], f"{how}: newer backups are still recorded", ids)
        check(sql("SELECT verified_at IS NOT NULL FROM _backup_history WHERE backup_id = '%s'" % made["id"]) == "t", f"{how}: and that one was proved")
        check(sql("SELECT backup_id, success FROM _backup_restoration_history") == f"{made['id']}|t", f"{how}: the restoration is recorded")
        entry = sql("SELECT details FROM _migration_audit_log WHERE action = 'backup_restored'")
        check(made["id"] in entry and safety["id"] in entry and "audit_head_before" in entry, f"{how}: so it is in the audit log", entry)
        check(sql("SELECT count(*) FROM _migration_locks") == "0", f"{how}: no lock came back")
        check(int(sql("SELECT number FROM _migration_meta WHERE name = 'fence'")) >= 1, f"{how}: the lock's number did not go back")
        check(sql("SELECT count(*) FROM pg_namespace WHERE nspname = '_dataflow_restore'") == "0", f"{how}: no mark stays")

    # ---- what verify is for ----

    def proof_can_fail(self):
        """The restored scratch database is changed before it is counted: that is what a proof must find."""
        b = self.place("proof", "CREATE TABLE t (a int, b text); INSERT INTO t SELECT g, 'x' || g FROM generate_series(1, 1000) g; CREATE TABLE u (a int)")
        made = b.one("create")
        for change, what in (("UPDATE t SET b = 'y' WHERE a = 500", "public.t (another content)"), ("DELETE FROM t WHERE a = 1", "public.t (999 rows instead of 1000)"),
                             ("UPDATE t SET a = CASE a WHEN 1 THEN 2 ELSE 1 END WHERE a < 3", "public.t (another content)")):
            process = b.paused("verify", "latest", PAUSE_WHAT="tables")
            name = self.databases()
            self.server.sql(change, name)
            status, out, said = b.go_on(process)
            self.check(status == 4 and what in said, f"{change}: {said.splitlines()[0]}", out, said)
        self.check(self.databases() == "", "the scratch databases are dropped")
        self.check(b.one("find", made["id"])["verified_ms"] == 0, "the backup does not count as proved")

    def order_of_columns(self):
        """A column that a parent got later stands elsewhere in a restored child: the content is the same."""
        b = self.place("inherited", "CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent); INSERT INTO child VALUES (1, 2); "
                       "ALTER TABLE parent ADD COLUMN later int DEFAULT 3")
        b.one("create")
        proof = b.one("verify", "latest")
        self.check(proof["tables"]["public.child"] == [1, 1, True], "columns in another order are not another content", proof)

    # ---- what can go wrong ----

    def damaged(self):
        """Damage in the file is found before anything is restored."""
        b = self.place("damaged", "CREATE TABLE t AS SELECT g AS a FROM generate_series(1, 10) g", KEY)
        made = b.one("create")
        before = pg_dump(self.server, "damaged")
        with open(made["path"], "r+b") as file:
            file.seek(made["size"] // 2)
            byte = file.read(1)
            file.seek(made["size"] // 2)
            file.write(bytes([byte[0] ^ 1]))
        for command in ("verify", "restore"):
            failed = b.fails(command, "latest")
            self.check(failed.code == "corrupt" and made["id"] in failed.text, f"{command}: {failed.text.splitlines()[0]}")
        self.server.sql("UPDATE _backup_history SET checksum = '%s'" % digest(made["path"]), "damaged")
        failed = b.fails("restore", "latest")
        self.check(failed.code == "corrupt" and "at byte" in failed.text and made["path"] in failed.text, f"its seals find it, too: {failed.text.splitlines()[0]}")
        other = Backups(self.tool, b.url, b.folder, "f" * 64)
        failed = other.fails("restore", "latest")
        self.check(failed.code == "permission" and "another key" in failed.text, f"another key: {failed.text.splitlines()[0]}")
        failed = Backups(self.tool, b.url, b.folder).fails("verify", "latest")
        self.check(failed.code == "usage" and "BACKUP_ENCRYPTION_KEY" in failed.text, f"no key: {failed.text.splitlines()[0]}")
        os.unlink(made["path"])
        failed = b.fails("restore", made["id"])
        self.check(failed.code == "not_found" and made["path"] in failed.text, f"no file: {failed.text.splitlines()[0]}")
        self.check(not b.one("list")["present"], "the list says that it is not there")
        failed = b.fails("restore", "latest")
        self.check(failed.code == "not_found", f"latest is none: {failed.text.splitlines()[0]}")
        self.check(before == pg_dump(self.server, "damaged"), "the database is as it was")

    def blocked(self):
        """Another session in the way is named, and nothing is changed."""
        b = self.place("blocked", "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
        made = b.one("create")
        self.server.sql("INSERT INTO t VALUES (2)", "blocked")
        session = subprocess.Popen([find_program("psql", *Postgres.folders), "-XAtq", "-d", b.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        session.stdin.write("SET application_name = 'shop'; BEGIN; SELECT count(*) FROM t;\n")
        session.stdin.flush()
        session.stdout.readline()
        pid = self.server.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'shop'", "postgres")
        failed = b.fails("restore", made["id"])
        self.check(failed.code == "locked" and f"pid {pid}" in failed.text and "idle in transaction" in failed.text and "SELECT count(*)" in failed.text,
                   f"who is in the way: {failed.text.splitlines()[0]}")
        self.check(self.server.sql("SELECT count(*) FROM t", "blocked") == "2", "nothing was changed")
        self.check(self.server.sql("SELECT success FROM _backup_restoration_history", "blocked") == "f", "the attempt is recorded")
        session.stdin.write("COMMIT;\n")
        session.stdin.flush()
        b.one("restore", made["id"])
        self.check(self.server.sql("SELECT count(*) FROM t", "blocked") == "1", "an idle session is not in the way")
        session.stdin.close()
        session.wait()

    def big(self, name):
        return self.place(name, "CREATE TABLE t (a int PRIMARY KEY, b text); INSERT INTO t SELECT g, repeat(md5(g::text), 300) FROM generate_series(1, 6000) g")

    def killed(self):
        b = self.big("killed")
        # pg_dump
        process = b.paused("create")
        tool = children(process.pid)["pg_dump"]
        with open(f"/proc/{tool}/cmdline", "rb") as file:
            line = file.read()
        with open(f"/proc/{tool}/environ", "rb") as file:
            self.check(self.server.password.encode() not in line and b"PGHOST=" in file.read(), "no secret is on the tool's command line", line)
        os.kill(tool, signal.SIGKILL)
        status, out, said = b.go_on(process)
        self.check(status == 1 and "signal 9" in said and "no backup was made" in said, f"pg_dump killed: {said.splitlines()[0]}", said)
        self.check(b.files() == [] and b.ask("list") == [], "no file, no record", b.files())
        # us
        process = b.paused("create")
        tool = children(process.pid)["pg_dump"]
        partial = b.files()
        self.check(len(partial) == 1 and partial[0].endswith(".dfb.partial"), "while it is made it has another name", partial)
        other = b.one("create")
        self.check(b.files() == sorted([os.path.basename(other["path"])] + partial), "a second one at the same time leaves the first alone", b.files())
        process.kill()
        process.wait()
        self.check(wait_until(lambda: not os.path.exists(f"/proc/{tool}") or b"" == open(f"/proc/{tool}/cmdline", "rb").read()), "pg_dump ends with us")
        self.check(b.files() == sorted([os.path.basename(other["path"])] + partial), "killed, it leaves its partial file")
        b.ask("prune", "10")
        self.check(b.files() == [os.path.basename(other["path"])], "which the next run removes", b.files())
        # us, while restoring: nothing is changed
        self.server.sql("DELETE FROM t WHERE a > 10", "killed")
        process = b.paused("restore", other["id"], at=3)
        process.kill()
        process.wait()
        self.check(wait_until(lambda: self.server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dataflow restore'", "postgres") == "0"),
                   "killed while restoring: its session ends")
        self.check(self.server.sql("SELECT count(*) FROM t", "killed") == "10", "and nothing was changed")
        self.check(b.one("unfinished")["found"] is False, "nothing is unfinished")
        # psql, while restoring
        process = b.paused("restore", other["id"], at=3)
        os.kill(children(process.pid)["psql"], signal.SIGKILL)
        status, out, said = b.go_on(process)
        self.check(status == 1 and "psql" in said and "signal 9" in said, f"psql killed: {said.splitlines()[0]}", said)
        process = b.paused("restore", other["id"], at=3)
        os.kill(children(process.pid)["pg_restore"], signal.SIGKILL)
        status, out, said = b.go_on(process)
        self.check(status == 1 and "pg_restore" in said, f"pg_restore killed: {said.splitlines()[0]}", said)
        self.check(self.server.sql("SELECT count(*) FROM t", "killed") == "10", "each time nothing was changed")
        # the session itself
        process = b.paused("restore", other["id"], at=3)
        self.server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dataflow restore'", "postgres")
        status, out, said = b.go_on(process)
        self.check(status in (1, 5), f"the session is ended: {said.splitlines()[0]}", said)
        self.check(self.server.sql("SELECT count(*) FROM t", "killed") == "10", "nothing was changed then, too")
        # cancelled
        for command in (("create",), ("verify", "latest"), ("restore", "latest")):
            failed = b.fails(*command, STOP_AFTER=2)
            self.check(failed.code == "cancelled", f"{command[0]} is interrupted: {failed.text.splitlines()[0]}")
        self.check(b.files() == [os.path.basename(other["path"])] and self.databases() == "", "nothing is left of them", b.files(), self.databases())
        b.one("restore", other["id"])
        self.check(self.server.sql("SELECT count(*) FROM t", "killed") == "6000", "and in the end it is restored")

    def records_missing(self):
        """Killed after the restore's commit, before the records were put right: the next run does it."""
        b = self.place("after", "CREATE TABLE t (a int)")
        b.ask("list")
        self.server.sql("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NULL; END'; "
                        "CREATE TRIGGER slow BEFORE DELETE ON _migration_locks FOR EACH STATEMENT EXECUTE FUNCTION slow()", "after")
        made = b.one("create")
        self.server.sql("DROP TRIGGER slow ON _migration_locks", "after")
        safety = b.one("create", "critical")
        process = b.start("restore", made["id"], SAFETY=safety["id"])
        slow = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'after' AND wait_event = 'PgSleep'"
        self.check(wait_until(lambda: self.server.sql(slow, "postgres") == "1"), "it is restored, and the records are being put right")
        process.kill()
        process.wait()
        self.server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'after' AND wait_event = 'PgSleep'", "postgres")
        self.server.sql("DROP TRIGGER slow ON _migration_locks", "after")
        found = b.one("unfinished")
        self.check(found == {"found": True, "half": False, "backup": made["id"], "safety": safety["id"]}, "the mark tells of it", found)
        listed = b.ask("list")
        self.check("records are put right" in b.said and [x["id"] for x in listed] == [safety["id"], made["id"]] and all(x["checksum"] for x in listed),
                   "the next run puts the records right", b.said, listed)
        self.check(self.server.sql("SELECT count(*) FROM _migration_audit_log WHERE action = 'backup_restored'", "after") == "1", "the audit log says it")
        self.check(b.one("unfinished")["found"] is False, "once")

    def full_disk(self):
        b = self.big("full")
        if not SmallDisk.available():
            self.tap.skip("a full disk", "no right to mount")
            return
        with SmallDisk(1) as folder:
            b.folder = os.path.join(folder, "b")
            failed = b.fails("create", ",plain")
            self.check(failed.code == "disk_full" and failed.text.startswith("disk_full: no backup was made: Disk space exhausted"), f"{failed.text.splitlines()[0]}")
            self.check(b.files() == [] and b.ask("list") == [], "no file, no record", b.files())

    def lost_server(self):
        b = self.big("lost")
        made = b.one("create")
        process = b.paused("create")
        self.server.kill()
        status, out, said = b.go_on(process)
        self.check(status == 5 and "no backup was made" in said, f"the server dies under a backup: {said.splitlines()[0]}", said)
        self.check(b.files() == [os.path.basename(made["path"])], "no half file stays", b.files())
        self.server.start()
        self.server.sql("DELETE FROM t WHERE a > 10", "lost")
        self.server.sql("CHECKPOINT", "lost")  # the tests' servers may forget their last commits
        process = b.paused("restore", made["id"], at=3)
        self.server.kill()
        status, out, said = b.go_on(process)
        self.check(status == 5, f"the server dies under a restore: {said.splitlines()[0]}", said)
        self.server.start()
        self.check(self.server.sql("SELECT count(*) FROM t", "lost") == "10", "nothing was changed")
        process = b.paused("verify", made["id"], at=3)
        self.server.kill()
        status, out, said = b.go_on(process)
        self.server.start()
        self.check(status == 5 and self.databases() != "", f"the server dies under a proof: {said.splitlines()[0]}", said)
        b.one("verify", made["id"])
        self.check(self.databases() == "", "the scratch database that was left is dropped by the next", self.databases())

    def lost_database(self):
        """The database is gone, and with it all records: the files are enough."""
        b = self.place("gone", "CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
        made = b.one("create")
        again = self.place("gone", folder=b.folder)
        listed = again.one("list")
        self.check(listed["id"] == made["id"] and listed["metadata"]["recorded"] is False and listed["created_ms"] == made["created_ms"], "a file without a record is listed", listed)
        again.one("restore", "latest")
        self.check(self.server.sql("SELECT count(*) FROM t", "gone") == "1", "and restored into the new database")
        self.check(again.one("list")["checksum"] == made["checksum"], "now it has a record")
        elsewhere = self.place("elsewhere", folder=b.folder)
        self.check(elsewhere.ask("list") == [], "another database does not list it")
        elsewhere.one("restore", made["id"])
        self.check(self.server.sql("SELECT count(*) FROM t", "elsewhere") == "1", "but can have it by name")

    def writers(self):
        """Somebody writes all the time: what was counted is what is in the dump."""
        b = self.place("busy", "CREATE TABLE t (a serial, b text); CREATE TABLE log (a int)")
        stop = threading.Event()

        def write():
            session = subprocess.Popen([find_program("psql", *Postgres.folders), "-XAtq", "-d", b.url], stdin=subprocess.PIPE, text=True)
            while not stop.is_set():
                session.stdin.write("BEGIN; INSERT INTO t (b) SELECT md5(g::text) FROM generate_series(1, 50) g; INSERT INTO log SELECT max(a) FROM t; COMMIT;\n")
                session.stdin.flush()
                time.sleep(0.001)
            session.stdin.close()
            session.wait()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(3):
                b.one("create")
                proof = b.one("verify", "latest")
                self.check(proof["differing"] == 0 and proof["tables"]["public.t"][0] == 50 * proof["tables"]["public.log"][0],
                           f"in the middle of writing: {proof['tables']['public.t'][0]} rows, exactly those of the dump", proof)
        finally:
            stop.set()
            writer.join()

    def pruning(self):
        b = self.place("prune", "CREATE TABLE t (a int)")
        ids = [b.one("create", ",1" if n == 1 else "")["id"] for n in range(6)]
        b.one("verify", ids[1])
        self.server.sql("UPDATE _backup_history SET created_at = created_at - interval '3 days' WHERE backup_id IN ('%s', '%s')" % (ids[1], ids[0]), "prune")
        would = [x["id"] for x in b.ask("prune", "2?")]
        self.check(sorted(would) == sorted([ids[3], ids[2], ids[0]]) and len(b.files()) == 6, "a rehearsal removes nothing; the newest verified one is left out", would)
        gone = [x["id"] for x in b.ask("prune", "2")]
        self.check(gone == would and b.files() == [f"{i}.dfb" for i in sorted([ids[1], ids[4], ids[5]])], "the newest two stay, and the verified one", gone, b.files())
        listed = {x["id"]: x for x in b.ask("list")}
        self.check(len(listed) == 6 and not listed[ids[0]]["present"] and listed[ids[0]]["metadata"]["pruned_at"] and listed[ids[1]]["present"], "records stay, and tell", listed)
        b.one("verify", ids[4])
        gone = [x["id"] for x in b.ask("prune", "0")]
        self.check(gone == [ids[1]], "its time over and another one verified, it goes", gone)
        self.check(b.ask("prune", "0") == [] and self.server.sql("SELECT count(*) FROM _migration_audit_log WHERE action = 'backup_pruned'", "prune") == "4", "each is in the audit log")
        stranger = os.path.join(b.folder, "notes.txt")
        open(stranger, "w").close()
        b.ask("prune", "1")
        self.check(os.path.exists(stranger), "other people's files stay")

    def scratches(self):
        b = self.place("maker")
        keeper = b.start("scratch", "keep")
        name = __import__("json").loads(keeper.stdout.readline())["name"]
        self.server.sql('CREATE DATABASE dataflow_scratch_other_00000000_1_1_abcd', "postgres")
        self.server.sql('CREATE DATABASE dataflow_scratch_mine', "postgres")
        b.one("scratch", "drop")
        self.check(name in self.databases().split("\n"), "a living run's scratch database stays")
        keeper.kill()
        keeper.wait()
        b.one("scratch", "drop")
        self.check(sorted(self.databases().split("\n")) == ["dataflow_scratch_mine", "dataflow_scratch_other_00000000_1_1_abcd"], "a dead one's is dropped; nothing else is", self.databases())
        self.server.sql("DROP DATABASE dataflow_scratch_mine", "postgres")
        self.server.sql("DROP DATABASE dataflow_scratch_other_00000000_1_1_abcd", "postgres")
        self.server.sql("CREATE ROLE poor LOGIN; ALTER DATABASE maker OWNER TO poor", "postgres")
        poor = Backups(self.tool, b.url.replace("//dataflow@", "//poor@"), b.folder)
        failed = poor.fails("scratch", "drop")
        self.check(failed.code == "permission" and "CREATEDB" in failed.text, f"{failed.text.splitlines()[0]}", failed.text)

    def other_user(self):
        """The owner of a database, no superuser: restores it, too."""
        self.server.sql("CREATE ROLE owner LOGIN CREATEDB", "postgres")
        self.server.sql("CREATE DATABASE owned OWNER owner", "postgres")
        b = Backups(self.tool, self.server.url("owned").replace("//dataflow@", "//owner@"), os.path.join(self.top, "owned"))
        subprocess.run([find_program("psql", *Postgres.folders), "-Xq", "-d", b.url, "-c",
                        "CREATE EXTENSION hstore; CREATE SCHEMA s; CREATE TABLE s.t (h hstore); INSERT INTO s.t VALUES ('a=>1'); CREATE TABLE u (a int)"], check=True)
        before = pg_dump(self.server, "owned")
        made = b.one("create")
        self.check(b.one("verify", "latest")["differing"] == 0, "an owner's backup is proved")
        self.server.sql("DROP TABLE u; DROP SCHEMA s CASCADE", "owned")
        b.one("restore", made["id"])
        after = pg_dump(self.server, "owned")
        self.check(before == after, "and restored", *differing(before, after))

    def run(self):
        self.server.sql(ROLES, "postgres")
        only = os.environ.get("ONLY", "").split()
        self.round_trip_both = lambda: (self.round_trip(None), self.round_trip(KEY))
        for name in ("round_trip_both", "order_of_columns", "proof_can_fail", "damaged", "blocked", "killed", "records_missing", "full_disk", "lost_database",
                     "writers", "pruning", "scratches", "other_user", "lost_server"):
            if not only or name in only:
                getattr(self, name)()


def main():
    if not Postgres.available():
        skip_all("PostgreSQL is not installed")
    tool, top = arguments()
    tap = Tap()
    try:
        with Postgres() as server:
            Tests(tap, tool, server, top).run()
    finally:
        shutil.rmtree(top, ignore_errors=True)
    return tap.done()


if __name__ == "__main__":
    raise SystemExit(main())
