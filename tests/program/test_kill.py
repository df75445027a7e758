#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Killed at any moment, an import goes on with --resume and ends as if it had never been interrupted. While it is unfinished, what is
visible is whole versions: the rows in delta_files are those that delta_versions counts.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import peers

COMMITS, FILES = 400, 40
SCHEMA = {"type": "struct", "fields": [{"name": "id", "type": "long", "nullable": True, "metadata": {}}]}


def make_table(path, rng, commits=COMMITS, files=FILES):
    """Commits that add, remove, add again and replace: small enough to be quick, long enough to be interrupted."""
    log = os.path.join(path, "_delta_log")
    os.makedirs(log)
    live = []
    for version in range(commits):
        actions = [{"commitInfo": {"timestamp": 1700000000000 + version * 1000, "operation": "WRITE"}}]
        if version == 0:
            actions.append({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}})
            actions.append({"metaData": {"id": "kill", "format": {"provider": "parquet", "options": {}},
                                         "schemaString": json.dumps(SCHEMA), "partitionColumns": [],
                                         "configuration": {}, "createdTime": 1700000000000}})
        for _ in range(min(len(live), rng.randrange(files))):
            gone = live.pop(rng.randrange(len(live)))
            actions.append({"remove": {"path": gone, "deletionTimestamp": 1700000000000, "dataChange": True}})
        for i in range(files):
            name = f"part-{version:05d}-{i:04d}.parquet"
            live.append(name)
            actions.append({"add": {"path": name, "partitionValues": {}, "size": rng.randrange(1, 10**6),
                                    "modificationTime": 1700000000000, "dataChange": True,
                                    "stats": json.dumps({"numRecords": rng.randrange(1000)})}})
        with open(os.path.join(log, f"{version:020d}.json"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(a) + "\n" for a in actions)


def state(program, table_id):
    """Everything that the catalog answers about the table."""
    snapshot = program.json("snapshot", table_id)
    history = [(v["version"], v["num_files"], v["size_in_bytes"], v["num_records"])
               for v in program.json("history", table_id)]
    return {"digest": snapshot["state_digest"], "num_files": snapshot["num_files"],
            "tombstones": snapshot["tombstones"], "history": history, "paths": program.paths(table_id)}


def visible_is_whole(program, table_id):
    """None, or what is wrong with what can be seen of an unfinished import."""
    result = program.run("snapshot", table_id, "--json")
    listed = program.run("files", table_id, "--format", "paths")
    if result.returncode != 0:
        return "files of a table without a version" if listed.stdout.strip() else None
    snapshot = json.loads(result.stdout)
    count = len(listed.stdout.split("\n")) - 1
    return None if count == snapshot["num_files"] else f"{count} files, {snapshot['num_files']} counted"


def kill_and_resume(tap, program, table, rng, duration, wanted, how):
    table_id = peers.unique(f"kill-{rng.randrange(10**9)}")
    kills = 0
    for _ in range(60):
        command = [program.path, "import", table, "--table-id", table_id, "--database-url", program.url,
                   "--batch-size", "200", "--resume"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0, duration))
        process.send_signal(how)
        status = process.wait(timeout=60)
        if status == 0:
            break
        kills += 1
        wrong = visible_is_whole(program, table_id)
        if wrong:
            tap.ok(False, f"{program.label}: after a kill only whole versions are visible", wrong)
            return
        if kills >= 6:
            duration = duration * 4
    name = f"{program.label}: {how.name} {kills} times, then resumed"
    result = program.run("import", table, "--table-id", table_id, "--resume")
    if tap.ok(result.returncode == 0, f"{name}: completes", result.stderr):
        tap.equal(state(program, table_id), wanted, f"{name}: equals an undisturbed import")
        valid = program.run("validate", table, "--table-id", table_id)
        tap.ok(valid.returncode == 0, f"{name}: validates", valid.stdout)
    program.run("rollback", table_id, "--yes")


def main():
    program_path = peers.binary()
    seed = int(os.environ.get("TEST_SEED", "0")) or random.randrange(10**6)
    print(f"# seed {seed}")
    rng = random.Random(seed)
    tap = peers.Tap()
    with peers.Scratch("kill") as folder:
        table = os.path.join(folder, "table")
        make_table(table, rng)
        for program in peers.catalogs(program_path, folder):
            calm = peers.unique("calm")
            started = time.monotonic()
            result = program.run("import", table, "--table-id", calm, "--batch-size", "200")
            duration = time.monotonic() - started
            if not tap.ok(result.returncode == 0, f"{program.label}: undisturbed import", result.stderr):
                continue
            wanted = state(program, calm)
            for how in (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
                kill_and_resume(tap, program, table, rng, duration / 3, wanted, how)
            program.run("rollback", calm, "--yes")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
