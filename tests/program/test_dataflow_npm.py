#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The commands of the production runbook as people type them: through npm and a shell, with the scripts of samples/package.json,
on SQLite and PostgreSQL; and its SQL, through psql.
"""

import os
import re
import select
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from migrations import ROOT, Postgres, Servers, Tap, binary, environment, find_program, said, skip_all

POST_MIGRATION_TESTS = """-- Verify row counts
SELECT 'users' as table_name, COUNT(*) as row_count FROM users
UNION ALL
SELECT 'orders', COUNT(*) FROM orders
UNION ALL
SELECT 'products', COUNT(*) FROM products;

-- Check constraints
SELECT conname, contype, convalidated
FROM pg_constraint
WHERE convalidated = false;
"""
DATA_INTEGRITY_CHECK = """-- Check for orphaned records
SELECT 'orphaned_orders' as check_name, COUNT(*) as count
FROM orders o
LEFT JOIN users u ON o.user_id = u.id
WHERE u.id IS NULL;

-- Check for duplicates
SELECT email, COUNT(*) as count
FROM users
GROUP BY email
HAVING COUNT(*) > 1;
"""


class Shop:
    """A project as a team has it: package.json, migrations, the program in the PATH, the database in DATABASE_URL."""

    def __init__(self, tap, servers, path, engine):
        self.tap, self.engine = tap, engine
        self.database = servers.database(engine)
        self.folder = os.path.join(servers.folder, f"shop-{engine}")
        os.makedirs(os.path.join(self.folder, "bin"))
        shutil.copytree(os.path.join(ROOT, "samples", "migrations"), os.path.join(self.folder, "migrations"))
        shutil.copy2(os.path.join(ROOT, "samples", "package.json"), self.folder)
        os.symlink(path, os.path.join(self.folder, "bin", "dataflow"))
        for name, text in (("post-migration-tests.sql", POST_MIGRATION_TESTS), ("data-integrity-check.sql", DATA_INTEGRITY_CHECK)):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        psql = find_program("psql", *Postgres.folders)
        folders = [os.path.join(self.folder, "bin"), *([os.path.dirname(psql)] if psql else []), os.environ["PATH"]]
        self.env = environment({"PATH": ":".join(folders), "DATABASE_URL": self.database.url, "HOME": self.folder,
                                "npm_config_cache": os.path.join(self.folder, ".npm"), "npm_config_update_notifier": "false",
                                "npm_config_fund": "false", "NO_COLOR": "1"})

    def shell(self, line, status=0, contains=(), name=None):
        """A line of the runbook, as typed."""
        result = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=self.folder, env=self.env, capture_output=True, text=True,
                                stdin=subprocess.DEVNULL, timeout=300)
        missing = [part for part in contains if part not in result.stdout + result.stderr]
        self.tap.ok(result.returncode == status and not missing, f"{self.engine}: {name or line}", f"{missing}\n{said(result)}")
        return result.stdout

    def terminal(self, line, answer):
        """The same on a terminal, where a question can be answered; (status, all that came)."""
        master, slave = os.openpty()
        process = subprocess.Popen(["bash", "-c", line], cwd=self.folder, env=self.env | {"TERM": "xterm"}, stdin=slave, stdout=slave,
                                   stderr=slave, start_new_session=True)
        os.close(slave)
        text, end = b"", time.monotonic() + 120
        while time.monotonic() < end:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    data = os.read(master, 65536)
                except OSError:
                    break
                if not data:
                    break
                text += data
                if answer and b"[y/N]" in text:
                    os.write(master, answer)
                    answer = None
            elif process.poll() is not None:
                break
        status = process.wait(30)
        os.close(master)
        return status, text.decode("utf-8", "replace")


def before(shop):
    shop.shell("npm run migrate:up -- --target 008", contains=["✓ 008_create_addresses: applied"], name="all but the newest")
    out = shop.shell("npm run migrate:status --verbose", contains=["008_create_addresses.sql", "BY", "RISK", "Notifications, and what each user"])
    shop.tap.ok("Pending migrations: 1\n- 009_add_notification_system.sql (risk: medium)\n" in out, f"{shop.engine}: as the runbook shows it", out)
    out = shop.shell("npm run migrate:validate")
    shop.tap.ok("✓ All migrations are valid\nPending migrations: 1\n- 009_add_notification_system.sql (risk: medium)\n" in out,
                f"{shop.engine}: word by word", out)
    shop.shell("npm run migrate:up -- --dry-run --env production",
               contains=["Pending migrations: 1\n- 009_add_notification_system.sql (risk: medium)", "nothing was changed"])


def back_up(shop):
    shop.shell("npm run migrate:backup", contains=["Backup created: "])
    shop.shell("npm run migrate:backup:list", contains=["ID", "CREATED"])
    shop.shell('BACKUP_ID=$(npm run migrate:backup | grep "Backup created:" | cut -d: -f2)\n'
               'echo "Backup ID: $BACKUP_ID" >> migration.log\n'
               "npm run migrate:backup:list | grep $BACKUP_ID", name="the id of a backup, taken out of what is printed, and found in the list")
    with open(os.path.join(shop.folder, "migration.log"), encoding="utf-8") as file:
        found = re.match(r"Backup ID:  ?(\S+)\n", file.read())
    shop.tap.ok(bool(found), f"{shop.engine}: and written down")
    return found.group(1) if found else "latest"


def migrate(shop):
    shop.shell("npm run migrate:up -- --env production 2>&1 | tee migration.log",
               contains=["Attempting to acquire migration lock", "✓ 009_add_notification_system: applied", "✓ 1 migration applied"])
    shop.shell('npm run migrate:status | grep "009_"', contains=["009_add_notification_system.sql  applied"])
    shop.shell("npm run health:check; [ $? -le 1 ]", contains=["Health: "])
    shop.shell("npm run migrate:health; [ $? -le 1 ]", contains=["stuck_migrations", "expired_locks", "backup_age"])
    shop.shell("npm run schema:validate", contains=["✓ the schema is as it was recorded"])


def go_back(shop, backup):
    shop.shell("npm run migrate:down -- --force", contains=["✓ 009_add_notification_system: taken back"])
    shop.shell("LOG_LEVEL=DEBUG npm run migrate:up", contains=["statement 1 of "])
    shop.shell("npm run migrate:down", contains=["✓ 1 migration taken back"])
    shop.shell("npm run migrate:status", contains=["Pending migrations: 1"])
    shop.shell("npm run migrate:down -- --target 1.2.3", status=1, contains=["1.2.3"], name="down to a version that there never was")
    shop.shell("npm run migrate:down -- --target 007", contains=["✓ 008_create_addresses: taken back"])
    shop.shell("npm run migrate:up")
    shop.database.sql("DELETE FROM order_items")
    shop.shell(f"npm run migrate:backup --restore {backup}", status=3, contains=["nobody consented", "--yes"],
               name="restoring without a terminal wants --yes")
    status, text = shop.terminal(f"npm run migrate:backup --restore {backup}", b"n\n")
    shop.tap.ok(status == 3 and "Go on? [y/N]" in text, f"{shop.engine}: on a terminal it asks, and takes no for no", text)
    shop.tap.equal(shop.database.sql("SELECT COUNT(*) FROM order_items"), "0", f"{shop.engine}: and nothing happens")
    status, text = shop.terminal(f"npm run migrate:backup --restore {backup}", b"y\n")
    shop.tap.ok(status == 0 and "Backup restored: " + backup in text, f"{shop.engine}: npm run migrate:backup --restore ID", text)
    shop.tap.equal(shop.database.sql("SELECT COUNT(*) FROM order_items"), "4", f"{shop.engine}: the data is back")
    shop.shell(f"npm run migrate:backup -- --restore {backup} --yes", contains=["Backup restored: "])
    shop.shell("npm run migrate:up")


def watch(shop):
    """tail -f migration.log | grep PROGRESS, while a migration with batches writes it."""
    with open(os.path.join(shop.folder, "migrations", "010_backfill.sql"), "w", encoding="utf-8") as file:
        file.write("-- UP\nCREATE TABLE large (id INTEGER PRIMARY KEY, v INTEGER);\n"
                   "INSERT INTO large (id) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) SELECT i FROM n;\n"
                   "-- @batch table=large key=id size=10 pause=60ms\nUPDATE large SET v = id WHERE v IS NULL;\n-- DOWN\nDROP TABLE large;\n")
    shop.shell("touch progress.log; (timeout 120 tail -f progress.log | grep -m 1 PROGRESS >seen) & watcher=$!\n"
               "npm run migrate:up 2>&1 | tee progress.log >/dev/null; status=$?; kill %1 2>/dev/null; wait $watcher 2>/dev/null; "
               "cat seen; exit $status", contains=["PROGRESS 010_backfill", "rows"], name="tail -f migration.log | grep PROGRESS")
    shop.shell("npm run migrate:down -- --force")
    os.unlink(os.path.join(shop.folder, "migrations", "010_backfill.sql"))


def ask_in_sql(shop):
    shop.shell("psql $DATABASE_URL -f post-migration-tests.sql", contains=["row_count", "users"])
    shop.shell("psql $DATABASE_URL -f data-integrity-check.sql", contains=["orphaned_orders"])
    shop.shell('psql $DATABASE_URL -c "SELECT * FROM _migration_locks"', contains=["lock_name", "expires_at", "acquired_by"])
    shop.shell('psql $DATABASE_URL -c "SELECT * FROM _migration_history ORDER BY applied_at DESC LIMIT 10"', contains=["009_add_notification_system"])
    shop.shell('psql $DATABASE_URL -c "SELECT * FROM _migration_audit_log ORDER BY timestamp DESC LIMIT 20"', contains=["migration_completed"])
    shop.shell('psql $DATABASE_URL -c "DELETE FROM _migration_locks WHERE expires_at < NOW()"', contains=["DELETE"])
    shop.shell('psql $DATABASE_URL -c "SELECT pid, now() - pg_stat_activity.query_start AS duration, query FROM pg_stat_activity WHERE '
               "state = 'active' ORDER BY duration DESC\"", contains=["duration"])
    shop.shell("npm run migrate:up", contains=["nothing to do"], name="retry migration")


def hooks(shop):
    """Maintenance mode and the runbook's checks as hooks of an environment."""
    with open(os.path.join(shop.folder, "dataflow.ini"), "w", encoding="utf-8") as file:
        file.write("[env.production]\nbefore = echo MAINTENANCE_MODE=true >>maintenance\nafter = echo MAINTENANCE_MODE=false >>maintenance\n"
                   "check = post-migration-tests.sql\ncheck = data-integrity-check.sql\n")
    shop.shell("npm run migrate:down -- --env production --yes --force")
    shop.shell("npm run migrate:up -- --env production && cat maintenance", contains=["MAINTENANCE_MODE=true\n", "MAINTENANCE_MODE=false\n"])
    shop.database.sql("INSERT INTO users (id, email, name) VALUES (9, 'x@example.com', 'X')")
    with open(os.path.join(shop.folder, "data-integrity-check.sql"), "a", encoding="utf-8") as file:
        file.write("\n-- Check for the letter X\nSELECT id, name FROM users WHERE name = 'X';\n")
    shop.shell("npm run migrate:down -- --yes --force")
    shop.shell("npm run migrate:up -- --env production", status=1, contains=["data-integrity-check.sql", "name=X"],
               name="a check that fails makes the run fail")
    shop.shell("npm run migrate:status", contains=["Pending migrations: 1"], name="and what it applied was taken back")
    os.unlink(os.path.join(shop.folder, "dataflow.ini"))
    shop.database.sql("DELETE FROM users WHERE id = 9")
    shop.shell("npm run migrate:up")


def main():
    tap, path = Tap(), binary()
    if not shutil.which("npm"):
        skip_all("npm is not installed")
    with Servers() as servers:
        for engine in ("sqlite", "postgres"):
            if not servers.has(engine):
                tap.skip(engine, "its server is not installed")
                continue
            shop = Shop(tap, servers, path, engine)
            before(shop)
            backup = back_up(shop)
            migrate(shop)
            go_back(shop, backup)
            watch(shop)
            if engine == "postgres":
                ask_in_sql(shop)
                hooks(shop)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
