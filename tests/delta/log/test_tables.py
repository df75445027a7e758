# SPDX-License-Identifier: Apache-2.0
"""
Every real table of the corpus against its expected.json, which an independent replayer made:

    test_tables.py LOG_DUMP SOURCE_ROOT

Newest state and state at every version; the forward replay against the backward one, with and without log compaction
files; every sound .crc against the log.
"""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cli"))
import tap

dump_program, root = sys.argv[1:3]
corpus = os.path.normpath(os.path.join(root, "..", "shared", "data", "delta-tables"))

# What INDEX.md says of .crc files that are made to disagree or to be damaged.
LYING_CRC = {"delta-kernel-rs/crc-full"}
# By design: the checkpoint has absolute paths where the hand-edited commit has relative ones.
CHECKPOINT_DIFFERS = {"trino/deltalake__clone_merge__clone_merge_cloned"}

# status of expected.json → (code, words in the message)
ERRORS = {
    "error:no-commits-or-checkpoints": ("not_found", "No checkpoint or JSON files found"),
    "error:missing-commit": ("corrupt", "missing commit"),
}
GATES = {
    "refuse:minReaderVersion": "unsupported",
    "refuse-or-flag:catalogManaged": "refused",
}
STATES = {"error:no-metadata": "no-metadata", "error:no-protocol": "no-protocol"}
QUIRKS = {
    "quirk:trailing-garbage": "trailing-garbage",
    "quirk:multi-line-json": "multi-line-json",
    "recoverable:bad-checkpoint": "bad-checkpoint",
}


def dump(table, *more):
    done = subprocess.run([dump_program, table, *more], capture_output=True, timeout=300)
    if done.returncode != 0:
        return {"status": f"exit status {done.returncode}", "message": done.stderr.decode(errors="replace"), "defects": []}
    return json.loads(done.stdout)


def kinds(got):
    return {defect["kind"] for defect in got["defects"]}


def compare_newest(wanted, got):
    pairs = {"version": "version", "num_files": "num_files", "size_in_bytes": "size_in_bytes", "dv_files": "dv_files",
             "dv_cardinality": "dv_cardinality", "tombstones": "tombstones", "txns": "txns", "table_id": "table_id",
             "partition_columns": "partition_columns", "min_reader_version": "min_reader_version",
             "min_writer_version": "min_writer_version"}
    wrong = [f"{name}: wanted {wanted[name]!r}, got {got.get(mine)!r}" for name, mine in pairs.items()
             if wanted.get(name) is not None and wanted[name] != got.get(mine)]
    records = wanted["num_records"] if not wanted["files_without_num_records"] else None
    if records != got["num_records"]:
        wrong.append(f"num_records: wanted {records}, got {got['num_records']}")
    if sorted(wanted["domains"]) != sorted(got["domains"]):
        wrong.append(f"domains: wanted {wanted['domains']}, got {got['domains']}")
    for name in ("reader_features", "writer_features"):
        if sorted(wanted[name] or []) != (got.get(name) or []):
            wrong.append(f"{name}: wanted {wanted[name]}, got {got.get(name)}")
    return wrong


def compare_versions(wanted, got, backward):
    wrong = []
    for version, state in wanted.items():
        mine = got.get(version)
        if (state is None) != (mine is None):
            wrong.append(f"version {version}: wanted {state}, got {mine}")
        elif state and (state[:2] != mine[:2] or (state[2] is not None and mine[2] is not None and state[2] != mine[2])):
            wrong.append(f"version {version}: wanted {state}, got {mine}")
        elif state and state[2] is None and mine[2] is not None and backward[version][2] is not None:
            # (The commits may know what a checkpoint, from which the expected values come, has dropped.)
            wrong.append(f"version {version}: wanted unknown records, got {mine}")
    wrong += [f"version {version} is not in expected.json" for version in got if version not in wanted]
    return wrong


def same_live(a, b):
    """Equal but for what a checkpoint may have dropped: tombstones, and statistics with their record counts."""
    return a and b and a[:2] == b[:2] and a[3:6] == b[3:6] and (None in (a[2], b[2]) or a[2] == b[2])


def check_readable(name, wanted, got):
    wrong = compare_newest(wanted, got)
    tap.check(not wrong, f"{name}: newest state", *wrong, json.dumps(got["defects"]))
    if not wanted["status"].startswith("error:") and wanted["versions"] is not None:
        wrong = compare_versions(wanted["versions"], got["forward"], got["backward"])
        tap.check(not wrong, f"{name}: {len(wanted['versions'])} versions", *wrong)
    for other in ("backward", "compacted"):
        if other not in got:
            continue
        wrong = [f"version {v}: forward {s}, {other} {got[other].get(v)}" for v, s in got["forward"].items()
                 if not same_live(got[other].get(v), s)]
        if name in CHECKPOINT_DIFFERS:
            tap.check(True, f"{name}: {other} replay may differ")
        else:
            tap.check(not wrong, f"{name}: forward replay = {other} replay", *wrong)
    if got["crc"]:
        wrong = [f"version {v}: {verdict}" for v, verdict in got["crc"].items() if verdict != "agrees"]
        if name in LYING_CRC:
            tap.check(wrong, f"{name}: a .crc that lies is found out")
        else:
            tap.check(not wrong, f"{name}: {len(got['crc'])} .crc files", *wrong)


def check_table(name, folder, wanted):
    got, status = dump(folder), wanted["status"].split(" ")[0]
    if status in ERRORS:
        code, words = ERRORS[status]
        tap.check(got["status"] == code and words in got["message"] and got["hint"],
                  f"{name}: {status}", got["status"], got.get("message"))
        return
    if not tap.check(got["status"] == "ok", f"{name}: can be read", got["status"], got.get("message")):
        return
    tap.equal(got["state"], STATES.get(status, "whole"), f"{name}: protocol and metadata")
    if status not in STATES:
        tap.check(got["gate"] == GATES.get(status, "ok"), f"{name}: gate {got['gate']}", got["gate_message"])
        if got["gate"] != "ok":
            tap.contains(got["gate_hint"], "--force", f"{name}: the refusal names the flag")
    if status in QUIRKS:
        tap.check(QUIRKS[status] in kinds(got) or status == "recoverable:bad-checkpoint", f"{name}: {status} is named",
                  json.dumps(got["defects"]))
    if status == "recoverable:bad-checkpoint":
        tap.check("bad-checkpoint" in kinds(got) and any("JSON commits from 0" in d["fallback"] for d in got["defects"]),
                  f"{name}: the damaged checkpoint and the way around it are named", json.dumps(got["defects"]))
    check_readable(name, wanted, got)


def main():
    if not os.path.isdir(corpus):
        tap.skip("real tables", "the corpus is not here")
        tap.done()
    for source in sorted(os.listdir(corpus)):
        for table in sorted(os.listdir(os.path.join(corpus, source)) if os.path.isdir(os.path.join(corpus, source)) else []):
            folder = os.path.join(corpus, source, table)
            with open(os.path.join(folder, "expected.json")) as file:
                wanted = json.load(file)
            archive = os.path.join(folder, "log.tar.zst")
            if not os.path.exists(archive):
                check_table(f"{source}/{table}", folder, wanted)
                continue
            with tempfile.TemporaryDirectory() as unpacked:
                subprocess.run(["tar", "--zstd", "-xf", archive, "--strip-components=1", "-C", unpacked], check=True)
                check_table(f"{source}/{table}", unpacked, wanted)
    tap.done()


main()
