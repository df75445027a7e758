# SPDX-License-Identifier: Apache-2.0
"""
Logs made here, sound ones and broken ones:

    test_broken.py LOG_DUMP SOURCE_ROOT

Each breakage must be named, must not be silently wrong, and must not crash the reader. Checkpoints are those of real
tables, cut and bent.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cli"))
import tap

dump_program, root = sys.argv[1:3]
corpus = os.path.normpath(os.path.join(root, "..", "shared", "data", "delta-tables"))

PROTOCOL = {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}
METADATA = {"metaData": {"id": "t", "format": {"provider": "parquet", "options": {}}, "schemaString": "{}",
                         "partitionColumns": [], "configuration": {}, "createdTime": 1}}


def add(path, size=1, records=None, **more):
    value = {"path": path, "partitionValues": {}, "size": size, "modificationTime": 1, "dataChange": True, **more}
    if records is not None:
        value["stats"] = json.dumps({"numRecords": records})
    return {"add": value}


def remove(path, **more):
    return {"remove": {"path": path, "deletionTimestamp": 1, "dataChange": True, **more}}


def compact(value):
    return json.dumps(value, separators=(",", ":"))


class Table:
    """A table in a temporary folder: commit() appends actions, raw() bytes."""

    def __init__(self):
        self.folder = tempfile.mkdtemp()
        self.log = os.path.join(self.folder, "_delta_log")
        os.mkdir(self.log)
        self.version = 0
        self.commit(PROTOCOL, METADATA)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def file(self, name, data):
        with open(os.path.join(self.log, name), "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())

    def raw(self, data):
        self.file(f"{self.version:020d}.json", data)
        self.version += 1

    def commit(self, *actions):
        self.raw("".join(compact(action) + "\n" for action in actions))

    def dump(self, *more):
        return dump(self.folder, *more)


def dump(folder, *more):
    done = subprocess.run([dump_program, folder, *more], capture_output=True, timeout=120)
    if done.returncode != 0:
        return {"status": f"exit status {done.returncode}", "message": done.stderr.decode(errors="replace")[-2000:],
                "defects": [], "hint": "", "file": "", "line": 0}
    return json.loads(done.stdout)


def named(got, kind, part="", file=None, line=None):
    return any(d["kind"] == kind and part in d["what"] + d["fallback"] and (file is None or d["file"] == file) and
               (line is None or d["line"] == line) for d in got["defects"])


def same_both_ways(got, name):
    wrong = [(v, s, got["backward"].get(v)) for v, s in got["forward"].items()
             if got["backward"].get(v, [])[:2] != s[:2] or got["backward"][v][5] != s[5]]
    tap.check(not wrong, f"{name}: forward = backward", wrong)


def expect_files(table, files, name, *kinds):
    got = table.dump()
    if not tap.check(got["status"] == "ok", f"{name}: read", got.get("message")):
        return got
    tap.equal(got["num_files"], files, f"{name}: files")
    same_both_ways(got, name)
    for kind in kinds:
        tap.check(named(got, kind), f"{name}: {kind} is named", got["defects"])
    if not kinds:
        tap.equal(got["defects"], [], f"{name}: nothing is wrong")
    return got


def expect_corrupt(table, name, part, line=None, what=None):
    got = table.dump()
    tap.check(got["status"] == "corrupt" and part in got["message"], f"{name}: refused", got["status"], got.get("message"))
    tap.check(what is None or named(got, "bad-commit", what), f"{name}: {what}", got["defects"])
    if line is not None:
        tap.check(any(d["line"] == line for d in got["defects"]), f"{name}: line {line} is named", got["defects"])
    return got


# ---- lines of JSON ----

def quirks():
    one, two = compact(add("a")), compact(add("b"))
    forms = {
        "LF at the end": (f"{one}\n{two}\n", ()),
        "no LF at the end": (f"{one}\n{two}", ()),
        "CRLF": (f"{one}\r\n{two}\r\n", ()),
        "byte order mark": (b"\xef\xbb\xbf" + f"{one}\n{two}\n".encode(), ()),
        "blank lines": (f"\n\n  \n{one}\n\t\n{two}\n\n", ()),
        "blanks around": (f"  {one}  \n\t{two}\t\n", ()),
        "two values on a line": (f"{one}{two}\n", ()),
        "two values and a blank": (f"{one} {two}\n", ()),
        "an array is no action": (f"{one}\n[]\n{two}\n", None),
        "trailing letter": (f"{one}x\n{two}x\n", ("trailing-garbage",)),
        "trailing comma": (f"{one},\n{two}\n", ("trailing-garbage",)),
        "pretty-printed": (json.dumps(add("a"), indent=2) + "\n" + json.dumps(add("b"), indent=2), ("multi-line-json",)),
        "pretty-printed on one line": (json.dumps(add("a"), indent=1) + json.dumps(add("b"), indent=1), ("multi-line-json",)),
        "pretty-printed with CRLF": (json.dumps(add("a"), indent=2).replace("\n", "\r\n") + "\r\n" + two, ("multi-line-json",)),
        "spaces between tokens": (json.dumps(add("a")) + "\n" + json.dumps(add("b")), ()),
        "several actions in a value": (compact({**add("a"), "txn": {"appId": "x", "version": 1}, "remove": None}) + "\n" + two, ()),
        "an unknown action": (f'{one}\n{{"someNewAction":{{"x":1}}}}\n{two}\n', ("unknown-action",)),
        "an unknown action beside": (compact({"zzz": 1, **add("a")}) + "\n" + two, ("unknown-action",)),
        "unknown members": (compact(add("a", someNewMember={"deep": [1, 2]})) + "\n" + two, ()),
    }
    for name, (text, kinds) in forms.items():
        with Table() as table:
            table.raw(text)
            if kinds is None:
                expect_corrupt(table, name, "commit 1 cannot be read", 2, "not a JSON object")
            else:
                expect_files(table, 2, name, *kinds)


def damage():
    one = compact(add("a"))
    forms = {
        "garbage line": (f"{one}\ngarbage\n{one}\n", 2),
        "truncated last line": (f"{one}\n{one[:-9]}", 2),
        "truncated line in the middle": (f"{one}\n{one[:-9]}\n{one}\n", 2),
        "string cut by a line end": (one.replace('"a"', '"a\n"'), 1),
        "zeros behind": (f"{one}\n".encode() + b"\0" * 500, 2),
        "not UTF-8": (one.encode().replace(b'"a"', b'"\xff"'), 1),
        "deep nesting": (f'{one}\n{{"x":{"[" * 5000}{"]" * 5000}}}\n', 2),
        "brackets without end": (f'{one}\n' + "[" * 100000, 2),
        "add without path": (one + '\n{"add":{"size":1}}\n', 2),
        "size is text": (one.replace('"size":1', '"size":"1"'), 1),
        "size beyond 64 bits": (one.replace('"size":1', '"size":18446744073709551615'), 1),
        "add is text": ('{"add":"x"}', 1),
        "partitionValues is a list": (one.replace("{}", "[]"), 1),
        "binary": (bytes(range(256)) * 20, None),
    }
    for name, (text, line) in forms.items():
        with Table() as table:
            table.raw(text)
            got = expect_corrupt(table, name, "commit 1 cannot be read", line)
            tap.check(got["hint"] and named(got, "bad-commit"), f"{name}: bad-commit and a hint", got)
            expect_older = dump(table.folder)
            tap.equal(expect_older["status"], "corrupt", f"{name}: the same again")


def big_and_odd():
    with Table() as table:
        table.raw("\n".join(compact(add(f"p{i}", stats=json.dumps({"numRecords": 1, "x": "y" * 100_000}))) for i in range(20)))
        got = expect_files(table, 20, "100 kB lines")
        tap.equal(got["num_records"], 20, "100 kB lines: records")
    with Table() as table:
        table.commit(add("x", tags={"t": "z" * 3_000_000}))
        expect_files(table, 1, "a 3 MB line")
    with Table() as table:
        table.raw(json.dumps(add("x", tags={str(i): "z" * 100 for i in range(20_000)}), indent=1))
        expect_files(table, 1, "a 2 MB value over 20000 lines", "multi-line-json")
    with Table() as table:
        table.commit(*[add(p) for p in ("d" * 4096, "a\0b", "a%00b", "q'\"\n\\`", "é%C3%A9", "%FF", "", "a b", "c%20d")])
        got = expect_files(table, 8, "odd paths: a NUL is the same file as its escape", "duplicate-action")
        table.commit(*[remove(p) for p in ("a%00b", "q'%22%0A%5C`", "%C3%A9é", "a%20b", "c d", "")])
        got = table.dump()
        tap.equal(got["num_files"], 2, "odd paths: removed by another spelling")
    with Table() as table:
        table.commit(add("x", size=2**62), add("y", size=2**62), add("z", size=2**62), add("n", size=-5))
        tap.equal(table.dump()["status"], "ok", "sizes that overflow their sum do no harm")
    with Table() as table:
        table.raw("")
        table.commit(add("a"))
        got = table.dump()
        tap.check(got["status"] == "ok" and named(got, "bad-commit", "empty"), "an empty commit is named", got["defects"])


# ---- what a commit means ----

def meaning():
    dv = {"storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^", "sizeInBytes": 40, "cardinality": 6}
    with Table() as table:
        table.commit(add("a", size=1, records=10))
        table.commit(remove("a"), add("a", size=1, records=10, deletionVector=dv))
        got = expect_files(table, 1, "a deletion vector replaces the file")
        tap.equal([got["dv_files"], got["dv_cardinality"], got["tombstones"]], [1, 6, 1], "with its counts")
        table.commit(add("a", size=1, records=10, deletionVector={**dv, "offset": 1, "cardinality": 7}),
                     remove("a", deletionVector=dv))
        got = expect_files(table, 1, "add before remove in one commit")
        tap.equal([got["dv_files"], got["dv_cardinality"], got["tombstones"]], [1, 7, 2], "another offset is another file")
    with Table() as table:
        table.commit(add("a", size=1), add("b"), add("a", size=5))
        got = expect_files(table, 2, "two adds of one path", "duplicate-action")
        tap.equal(got["size_in_bytes"], 6, "the last counts, both ways")
        tap.check(named(got, "duplicate-action", line=3), "its line is named", got["defects"])
    with Table() as table:
        table.commit(*[add(f"f{i}") for i in range(1000)], remove("x"), remove("x"), *[add(f"g{i}") for i in range(1000)])
        got = expect_files(table, 2000, "two removes among thousands", "duplicate-action")
        tap.check(named(got, "duplicate-action", line=1002), "its line is named", got["defects"])
    with Table() as table:
        table.commit(add("a"), remove("a"))
        table.commit(remove("b"), add("b"))
        expect_files(table, 1, "add and remove of one file in one commit: in their order")
    with Table() as table:
        table.commit(add("/t/a"), add("file:/t/b"), add("file:///t/c"), add("file://localhost/t/d"))
        table.commit(remove("file:/t/a"), remove("/t/b"), remove("file://localhost/t/c"), remove("file:///t/d"))
        expect_files(table, 0, "file: forms are one")
    with Table() as table:
        table.commit({"txn": {"appId": "x", "version": 5}}, {"domainMetadata": {"domain": "d", "configuration": "1", "removed": False}})
        table.commit({"txn": {"appId": "x", "version": 3}}, {"domainMetadata": {"domain": "e", "configuration": "1", "removed": False}},
                     {"domainMetadata": {"domain": "d", "configuration": "", "removed": True}})
        got = table.dump()
        tap.equal([got["txns"], got["domains"]], [{"x": 3}, ["e"]], "a txn may go back; a removed domain is gone")
    with Table() as table:
        table.commit(add("a", modificationTime=1.7e12, size=3.0))
        expect_files(table, 1, "integers written as doubles")


def random_logs():
    """Random histories: both directions agree with a model, at every version."""
    rng = random.Random(20240607)
    for round_number in range(12):
        with Table() as table:
            live, states = {}, [(0, 0)]
            for _ in range(25):
                actions = []
                for path in rng.sample(range(40), rng.randint(0, 12)):
                    spelling = f"p%20{path}" if rng.random() < 0.3 else f"p {path}"
                    if rng.random() < 0.6:
                        size = rng.randint(0, 10**6)
                        actions.append(add(spelling, size=size, records=rng.choice([None, 5])))
                        live[path] = size
                    else:
                        actions.append(remove(spelling))
                        live.pop(path, None)
                if rng.random() < 0.5:
                    actions.insert(rng.randint(0, len(actions)), {"commitInfo": {"timestamp": rng.randint(0, 10**12)}})
                separator = rng.choice(["\n", "\r\n", "\n\n", ""])
                table.raw(separator.join(json.dumps(a, indent=rng.choice([None, None, None, 1])) for a in actions))
                states.append((len(live), sum(live.values())))
            got = table.dump()
            if tap.check(got["status"] == "ok", f"random log {round_number}: read", got.get("message")):
                tap.check(all(tuple(got["forward"][str(v)][:2]) == s for v, s in enumerate(states)),
                          f"random log {round_number}: {len(states)} versions as in the model")
                same_both_ways(got, f"random log {round_number}")
                times = [got["timestamps"][str(v)] for v in range(len(states))]
                tap.check(all(a < b for a, b in zip(times, times[1:])), f"random log {round_number}: timestamps increase")


# ---- checkpoints, compactions, checksums ----

def copy_of(name):
    folder = tempfile.mkdtemp()
    shutil.copytree(os.path.join(corpus, name), folder, dirs_exist_ok=True)
    for path, folders, files in os.walk(folder):
        for entry in folders + files:
            os.chmod(os.path.join(path, entry), 0o755)
    return folder


def log_files(folder, part):
    log = os.path.join(folder, "_delta_log")
    return sorted(os.path.join(log, name) for name in os.listdir(log) if part in name and name[0] != ".")


def with_copy(name, breaks, label, kind, part, same=True, latest=False):
    """Breaks a copy of a real table; the state must not change, and the defect and fallback must be named."""
    folder = copy_of(name)
    try:
        before = dump(folder)
        breaks(folder)
        got = dump(folder, *(["latest-only"] if latest else []))
        if same:
            tap.check(got["status"] == "ok" and all(got[k] == before[k] for k in ("version", "num_files", "size_in_bytes")),
                      f"{label}: the same state by another way", got.get("message"), got["defects"])
        else:
            tap.check(got["status"] == "corrupt", f"{label}: refused", got["status"])
        if kind:
            tap.check(named(got, kind, part), f"{label}: {kind}", got["defects"])
            tap.check(not same or all(d["fallback"] for d in got["defects"]), f"{label}: the fallback is named", got["defects"])
    finally:
        shutil.rmtree(folder)


def cut(path, size):
    with open(path, "r+b") as file:
        file.truncate(os.path.getsize(path) * size // 100)


def bend(path):
    with open(path, "r+b") as file:
        data = bytearray(file.read())
        for i in range(len(data) // 4, len(data) * 3 // 4, 7):
            data[i] ^= 0x5a
        file.seek(0)
        file.write(data)


def checkpoints():
    classic, multi = "delta-golden/checkpoint", "trino/deltalake__multipart_checkpoint"
    json_v2, parquet_v2 = "delta-golden/v2-checkpoint-json", "delta-golden/v2-checkpoint-parquet"
    for percent in (0, 1, 50, 99):
        with_copy(classic, lambda f, p=percent: cut(log_files(f, ".checkpoint.")[0], p), f"checkpoint cut to {percent} %",
                  "bad-checkpoint", "JSON commits from 0", latest=True)
    with_copy(classic, lambda f: bend(log_files(f, ".checkpoint.")[0]), "bent checkpoint", "bad-checkpoint", "JSON commits", latest=True)
    with_copy("delta-kernel-java/basic-dv-with-checkpoint", lambda f: cut(log_files(f, ".checkpoint.")[-1], 70),
              "newest of several cut", "bad-checkpoint", "checkpoint 30 and the JSON commits after it", latest=True)
    with_copy(multi, lambda f: os.remove(log_files(f, ".checkpoint.")[0]), "part missing", "incomplete-checkpoint", "JSON commits")
    with_copy(multi, lambda f: cut(log_files(f, ".checkpoint.")[1], 50), "part cut", "bad-checkpoint", "JSON commits", latest=True)
    for name in (json_v2, parquet_v2):
        sidecars = lambda f: sorted(os.path.join(f, "_delta_log", "_sidecars", s) for s in os.listdir(os.path.join(f, "_delta_log", "_sidecars")) if s[0] != ".")
        with_copy(name, lambda f: os.remove(sidecars(f)[0]), f"{name}: sidecar missing", "missing-sidecar", "JSON commits", latest=True)
        with_copy(name, lambda f: cut(sidecars(f)[-1], 40), f"{name}: sidecar cut", "bad-checkpoint", "JSON commits", latest=True)
    with_copy(json_v2, lambda f: cut(log_files(f, ".checkpoint.")[0], 60), "JSON checkpoint cut", "bad-checkpoint", "JSON commits", latest=True)

    def gap(f):
        os.remove(log_files(f, "5.json")[0])
    with_copy(classic, gap, "gap before the checkpoint", "gap", "checkpoint 10")
    with_copy(classic, lambda f: os.remove(log_files(f, "12.json")[0]), "gap behind the checkpoint", None, "", same=False)

    def no_way(f):
        os.remove(log_files(f, "00.json")[0])
        cut(log_files(f, ".checkpoint.")[0], 30)
    with_copy(classic, no_way, "no commit 0 and a cut checkpoint", "bad-checkpoint", "", same=False)

    def dangling(f):
        os.remove(log_files(f, ".checkpoint.")[0])
    with_copy(classic, dangling, "hint to a checkpoint that is gone", "dangling-hint", "listing")


def bend_sidecar_names():
    """A sidecar's path is URI-encoded and may carry a folder."""
    for spell in (lambda p: p.replace("-", "%2D"), lambda p: "_delta_log/_sidecars/" + p, lambda p: "s3://b/t/_delta_log/_sidecars/" + p,
                  lambda p: "../../" + p):
        folder = copy_of("delta-golden/v2-checkpoint-json")
        manifest = log_files(folder, ".checkpoint.")[0]
        lines = [json.loads(line) for line in open(manifest)]
        for line in lines:
            if "sidecar" in line:
                line["sidecar"]["path"] = spell(line["sidecar"]["path"])
        with open(manifest, "w") as file:
            file.write("\n".join(json.dumps(line) for line in lines))
        got = dump(folder, "latest-only")
        tap.check(got["status"] == "ok" and got["num_files"] == 4 and not named(got, "missing-sidecar") and
                  not named(got, "bad-checkpoint"), f"sidecar path as {spell('x-y')}", got["defects"])
        shutil.rmtree(folder)


def compactions():
    with Table() as table:
        for i in range(4):
            table.commit(add(f"f{i}"))
        table.commit(remove("f0"), add("f9"))
        compacted = "".join(compact(a) + "\n" for a in (remove("f0"), add("f2"), add("f3"), add("f9")))
        table.file("00000000000000000003.00000000000000000005.compacted.json", compacted)
        got = expect_files(table, 4, "compaction")
        tap.equal(got["compacted"]["5"], got["backward"]["5"], "with the compaction file the same")
        for name, text in (("empty", ""), ("garbage", "x"), ("cut", compacted[:-20])):
            table.file("00000000000000000003.00000000000000000005.compacted.json", text)
            got = table.dump()
            tap.check(got["status"] == "ok" and got["num_files"] == 4 and named(got, "bad-compaction"), f"{name} compaction file",
                      got["defects"])


def checksums():
    good = {"tableSizeBytes": 1, "numFiles": 1, "numMetadata": 1, "numProtocol": 1,
            "metadata": METADATA["metaData"], "protocol": PROTOCOL["protocol"]}
    for name, text, verdict, bad in (
            ("good", compact(good), "agrees", None),
            ("with its files", compact({**good, "allFiles": [add("a")["add"]]}), "agrees", None),
            ("other files", compact({**good, "allFiles": [add("b")["add"]]}), "allFiles", None),
            ("old form", '{"tableSizeBytes":1,"numFiles":1,"numMetadata":1,"numProtocol":1,"numTransactions":0}\n', "agrees", None),
            ("wrong count", compact({**good, "numFiles": 2}), "numFiles is 2", None),
            ("wrong size", compact({**good, "tableSizeBytes": 2}), "tableSizeBytes is 2", None),
            ("no metadata", compact({k: v for k, v in good.items() if k != "metadata"}), "agrees", "no metadata"),
            ("no counts", compact({"metadata": METADATA["metaData"]}), "unreadable", "numFiles"),
            ("text behind", compact(good) + "\n{}", "agrees", "behind"),
            ("garbage", "malformed", "unreadable", "JSON"),
            ("empty", "", "unreadable", ""),
            ("an array", "[]", "unreadable", "object"),
            ("negative lists", compact({**good, "setTransactions": 5}), "unreadable", "array")):
        with Table() as table:
            table.commit(add("a"))
            table.file("00000000000000000001.crc", text)
            got = table.dump()
            tap.check(got["status"] == "ok" and verdict in got["crc"].get("1", "none"), f".crc {name}: {got.get('crc')}", got["defects"])
            tap.check((bad is not None) == named(got, "bad-crc", bad or ""), f".crc {name}: named", got["defects"])


def main():
    quirks()
    damage()
    big_and_odd()
    meaning()
    random_logs()
    compactions()
    checksums()
    if os.path.isdir(corpus):
        checkpoints()
        bend_sidecar_names()
    else:
        tap.skip("broken checkpoints", "the corpus is not here")
    tap.done()


main()
