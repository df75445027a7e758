# SPDX-License-Identifier: Apache-2.0
"""Tables, records, CSV, JSON, errors; terminals, colours, full disks and readers that go away."""
import csv
import io
import json
import os
import random
import re
import subprocess
import sys
import unicodedata

from tap import check, contains, done, environment, equal, run, run_pty, skip

demo = os.path.abspath(sys.argv[1])


def strip(text):
    return re.sub(r"\033\[[0-9]*m", "", text)


# ---- tables ----
table = run(demo, "rows").stdout
equal(table, """\
PATH         FILES     SIZE  NOTE
plain    1,234,567  1.5 KiB  x, "y"             ✓
日本語          12        –  –                  ✗
e\u0301 😀             0      0 B  line\\nend\\x1b[31m  !
bad\\xff         -5      1 B
""",
      "columns are aligned by what they take on the screen; numbers to the right; nothing harmful gets through")
ascii_table = run(demo, "rows", env={"LANG": "C"}).stdout
contains(ascii_table, "  ok\n", "marks are ASCII where UTF-8 is not understood")
contains(ascii_table, "FAILED\n", "also the bad ones")
check("–" not in ascii_table and "…" not in ascii_table, "and so is everything of our own")
equal(run(demo, "rows", env={"LANG": "C", "LC_ALL": "de_DE.UTF-8"}).stdout, table, "LC_ALL says what the terminal shows")

status, text, _ = run_pty(demo, "rows", columns=40)
lines = strip(text).splitlines()
check(all(len(line) <= 40 for line in lines), "a table is made to fit the terminal", text)
contains(text, "…", "by cutting texts")
contains(text, "1,234,567", "never numbers")
contains(text, "\033[1mPATH\033[0m", "headings are bold on a terminal")
contains(text, "\033[32m✓\033[0m", "good marks are green")
check("\033[32m" not in run_pty(demo, "rows", env={"NO_COLOR": "1"})[1], "NO_COLOR is respected")
check("\033[1m" in run_pty(demo, "rows", env={"NO_COLOR": ""})[1], "an empty NO_COLOR is none")
check("\033[" not in run_pty(demo, "rows", env={"TERM": "dumb"})[1], "nothing is coloured on a dumb terminal")
check("\033[" not in run_pty(demo, "rows", "--color", "never")[1], "nor with --color never")
contains(run(demo, "rows", "--color", "always").stdout, "\033[1m", "--color always colours a pipe")
check("\033[" not in table, "a pipe is not coloured")

many = run(demo, "rows", "--count", "2500").stdout.splitlines()
equal(len(many), 2501, "one heading for many rows")
equal(many[1], "part-00000      0       0 B", "no blanks at the end of a line")
check(all(line == line.rstrip() for line in many), "in no row")

# ---- the same as CSV, JSON, lines ----
rows = json.loads(run(demo, "rows", "--json").stdout)
equal(rows[0], {"path": "plain", "num_files": 1234567, "size": 1536, "note": 'x, "y"'}, "JSON has plain numbers")
equal(rows[1], {"path": "日本語", "num_files": 12, "size": None, "note": None}, "and null")
equal(rows[3]["path"], "bad\ufffd", "what is not UTF-8 is replaced, so that the document is valid")
equal(json.loads(run(demo, "rows", "--format", "json").stdout), rows, "--format json is the same as --json")
text = run(demo, "rows", "--format", "csv").stdout
raw = subprocess.run([demo, "rows", "--format", "csv"], env=environment(), capture_output=True, check=False).stdout
check(raw.count(b"\r\n") == 5, "CSV lines end as RFC 4180 wants", raw)
parsed = list(csv.reader(io.StringIO(raw.decode("utf-8", "surrogateescape"), newline="")))
equal(parsed[0], ["path", "num_files", "size", "note"], "CSV has a heading")
equal(parsed[1], ["plain", "1234567", "1536", 'x, "y"'], "CSV quotes what must be quoted")
equal(parsed[3][3], "line\nend\x1b[31m", "CSV keeps every byte")
check(raw.endswith(b'1,""\r\n') and b"12,,\r\n" in raw, "NULL and the empty text differ in CSV", raw)
equal(run(demo, "rows", "--format", "lines", "--count", "3").stdout, "part-00000\npart-00001\npart-00002\n", "lines")
status, text, _ = run_pty(demo, "rows", "--json")
contains(text, '[\r\n  {\r\n    "path": "plain"', "JSON is indented on a terminal")
check("\n" not in run(demo, "rows", "--json").stdout[:-1], "and compact elsewhere")
equal(len(json.loads(run(demo, "rows", "--json", "--count", "50000").stdout)), 50000, "a long JSON document")

# ---- records and nesting ----
nested = json.loads(run(demo, "nest", "--json").stdout)
equal(nested, {"name": "n", "time": "2024-11-19T19:06:16.123Z", "rows": [{"a": 1, "b": 12.44}],
               "inner": {"raw": {"x": [1, 2]}}, "more": "by hand"}, "views in views, as JSON")
equal(run(demo, "nest").stdout, "Heading\n✓ said so\\x1b]0;title\\x07\nName  n\nTime  2024-11-19 19:06:16\n"
      "A       B\n1  12.4 s\nRaw  {\"x\":[1,2]}\n\nEnd\n", "and for people")
contains(run(demo, "nest", "--color", "always").stdout, "\033[32mEnd\033[0m", "a painted text stays painted")

# ---- errors ----
result = run(demo, "fail", "file")
equal((result.returncode, result.stdout), (1, ""), "an error gives its status and no result")
equal(result.stderr, "error: garbage in the log\n   at: _delta_log/00000000000000000003.json:17\n"
      " hint: look at the line\n", "with place and hint")
result = run(demo, "fail", "engine")
equal(result.returncode, 5, "each kind of error has its status")
equal(result.stderr, "error: Database connection failed: no\n       second line\\x1b[2J\n", "lines of servers are set in")
equal(json.loads(run(demo, "fail", "engine", "--json").stdout),
      {"error": {"code": "connect", "message": "Database connection failed: no\nsecond line\x1b[2J", "file": None,
                 "line": None, "hint": None, "engine": "postgres", "native": "08006"}}, "an error as JSON")
equal(json.loads(run(demo, "fail", "file", "--json").stdout)["error"]["line"], 17, "with the line")
result = run(demo, "fail", "half", "--json")
equal((result.returncode, list(json.loads(result.stdout))), (7, ["error"]), "an error replaces the begun document")
result = run(demo, "fail", "half")
contains(result.stdout, "Begun", "for people what was begun is shown")
equal(run(demo, "fail", "bug").returncode, 70, "a bug is 70")
result = run(demo, "fail", "usage")
equal((result.returncode, result.stderr),
      (2, "error: this and that do not go together\n hint: see: demo fail --help\n"), "a wrong use")
contains(run_pty(demo, "fail", "file")[1], "\033[31merror:\033[0m", "errors are red on a terminal")
event = json.loads(run(demo, "fail", "file", "--progress", "json").stderr)
equal((event["event"], event["code"]), ("error", "corrupt"), "--progress=json makes the error an event")

# ---- standard output that does not take it ----


def with_stdout(command):
    return subprocess.run(["bash", "-c", command], env=environment({"DEMO": demo}), capture_output=True, text=True,
                          timeout=60, check=False)


for args in ("rows --count 2000000", "rows --count 2000000 --json", "rows --count 2000000 --format csv"):
    result = with_stdout(f"set -o pipefail; $DEMO {args} | head -c 20 >/dev/null; echo ${{PIPESTATUS[0]}}")
    equal((result.stdout.strip(), result.stderr), ("0", ""), f"{args}: a reader that goes away ends it quietly")
result = with_stdout("$DEMO help | true; echo ${PIPESTATUS[0]}")
equal((result.stdout.strip(), result.stderr), ("0", ""), "also where the output is short")
for args in ("rows", "rows --json", "rows --count 2000000", "help", "--version"):
    result = with_stdout(f"$DEMO {args} > /dev/full")
    equal(result.returncode, 1, f"{args}: a full disk is an error")
    contains(result.stderr, "error: Disk space exhausted: cannot write to standard output", f"{args}: that says so")
result = with_stdout("$DEMO rows >&-")
equal(result.returncode, 1, "a closed standard output is an error")
contains(result.stderr, "cannot write to standard output", "that says so")
equal(with_stdout("$DEMO rows <&- 2>&- | head -1").stdout, "PATH         FILES     SIZE  NOTE\n",
      "closed descriptors beside it do no harm")

# ---- widths, against the Unicode data of Python ----


def width(text):
    total = 0
    for c in text:
        if unicodedata.category(c) in ("Mn", "Me") or c in "\u200b\u200d\ufe0f":
            continue
        total += 2 if unicodedata.east_asian_width(c) in "WF" else 1
    return total


if unicodedata.unidata_version.split(".")[0] not in ("13", "14", "15"):
    skip("widths", "this Python knows another Unicode")
else:
    seed = random.randrange(2**32)
    chooser = random.Random(seed)
    alphabet = "abcXYZ 0123-_/.äöüßéñ€αβγδжщяשאبتกขは日本語中文字韓國語한국어ｆｕｌｌ😀🎉🚀e\u0301o\u0308\u200d✓✗…–"
    samples = ["".join(chooser.choice(alphabet) for _ in range(chooser.randrange(1, 12))) for _ in range(500)]
    answers = run(demo, "width", stdin="\n".join(samples) + "\n").stdout.split("\n")[:-1]
    wrong = [(s, a) for s, a in zip(samples, answers) if int(a.rsplit("\t")[1]) != width(s)]
    equal((len(answers), wrong[:3]), (500, []), f"widths of 500 random texts (seed {seed})")
    wrong = [(s, a) for s, a in zip(samples, answers)
             if width(a.split("\t")[0]) > 6 or (width(s) <= 6 and a.split("\t")[0] != s)]
    equal(wrong[:3], [], f"cut to six columns they take at most six, and shorter ones are left alone (seed {seed})")
equal(run(demo, "width", stdin="abcdefghij\n").stdout, "abc…ij\t10\n", "cut in the middle")
done()
