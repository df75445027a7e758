# SPDX-License-Identifier: Apache-2.0
"""Progress on terminals and elsewhere, log levels, interrupts, questions."""
import json
import os
import re
import signal
import subprocess
import sys
import time

from tap import check, contains, done, environment, equal, run, run_pty

demo = os.path.abspath(sys.argv[1])

# This one takes its time; it runs while the others do.
slow = subprocess.Popen([demo, "work", "--steps", "110"], env=environment(), stdout=subprocess.DEVNULL,
                        stderr=subprocess.PIPE)

# ---- a terminal ----
status, text, piped = run_pty(demo, "work", "--steps", "30", stdout_pipe=True)
equal((status, piped), (0, "worked\n"), "the result goes to standard output, and only that")
drawn = [part for part in text.split("\r\033[K") if "table-0:" in part and "half" not in part]
check(len(drawn) >= 5, "the line is redrawn", repr(text))
check(all("\n" not in part for part in drawn), "in its place", repr(text))
first = re.search(r"table-0: (\d+) of 30 files, (\d+) %", text)
check(first and int(first.group(1)) >= 9, "nothing is drawn in the first second", repr(text))
check(re.search(r"table-0: \d+ of 30 files, \d+ %, \d+/s, 1\.0 s left", text), "share, rate and time left", repr(text))
check(re.search(r"\r\033\[K\033\[33mwarning:\033\[0m table-0 is half done\r\n", text), "a log line takes its place",
      repr(text))
check(text.endswith("\r\033[Ka note\r\n"), "at the end it is gone", repr(text))
status, text, _ = run_pty(demo, "work", "--steps", "5")
check("files" not in text, "what takes less than a second shows nothing", repr(text))
status, text, _ = run_pty(demo, "work", "--steps", "15", columns=20)
check(all(len(part) < 20 for part in re.findall(r"\r\033\[K([^\r]*)", text) if "table" in part), "it fits the terminal",
      repr(text))
status, text, _ = run_pty(demo, "work", "--steps", "15", "--no-known")
check(re.search(r"table-0: \d+ files, \d+/s", text), "without a total there is no share", repr(text))
status, text, _ = run_pty(demo, "work", "--steps", "15", "--threads", "4")
contains(text, "4 running: ", "several workers share the line")
check(re.search(r"of 60 files", text), "and their sums are shown", repr(text))
status, text, _ = run_pty(demo, "work", "--steps", "15", env={"TERM": "dumb"})
check("\r\033" not in text and "of 15" not in text, "nothing is redrawn on a dumb terminal", repr(text))
for option in (("--quiet",), ("--progress", "never")):
    status, text, _ = run_pty(demo, "work", "--steps", "15", *option)
    check("of 15" not in text, f"no progress with {' '.join(option)}", repr(text))

# ---- elsewhere ----
slow_text = slow.communicate()[1].decode()
lines = [line for line in slow_text.splitlines() if "files" in line]
equal(len(lines), 1, "without a terminal there is a line every ten seconds")
check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ table-0: \d+ of 110 files, \d+ %, \d+/s(, .* left)?", lines[0]),
      "with the time", slow_text)
contains(slow_text, "warning: table-0 is half done\n", "and warnings")
events = [json.loads(line) for line in run(demo, "work", "--steps", "15", "--progress=json", "-v").stderr.splitlines()
          if line != "a note"]
progress = [e for e in events if e["event"] == "progress"]
equal(list(progress[0]), ["event", "what", "subject", "done", "total", "rate", "seconds_left"], "progress as JSON lines")
equal((progress[0]["done"], progress[-1]["done"]), (1, 15), "from the first step to the last")
logs = [(e["level"], e["message"]) for e in events if e["event"] == "log"]
equal(logs, [("warning", "table-0 is half done"), ("info", "table-0 is done")], "and the log")

# ---- levels ----


def levels(*args):
    text = run(demo, "work", "--steps", "2", "--pause", "1", *args).stderr
    return ("debug: step" in text, "table-0 is done" in text, "half done" in text, "a note" in text)


equal(levels(), (False, False, True, True), "warnings and notes")
equal(levels("-v"), (False, True, True, True), "-v adds information")
equal(levels("-vv"), (True, True, True, True), "-vv adds everything")
equal(levels("-q"), (False, False, False, False), "-q leaves errors only")

# ---- many threads at once: lines stay whole ----
text = run(demo, "work", "--steps", "400", "--pause", "0", "--threads", "8", "-vv").stderr
broken = [line for line in text.splitlines()
          if not re.fullmatch(r"(\S+Z (debug: step \d+|table-\d is done)|warning: table-\d is half done|a note)", line)]
equal((len(text.splitlines()), broken[:3]), (8 * 402 + 1, []), "lines of eight threads do not mix")

# ---- interrupts ----
for number in (signal.SIGINT, signal.SIGTERM):
    status, text, _ = run_pty(demo, "work", "--steps", "100", signals=[(0.5, number)])
    equal(status, 130, f"{number.name} once: the work ends at a safe point")
    contains(text, "stopping at the next safe point; once more to end at once", f"{number.name}: which is said")
    contains(text, "interrupted", f"{number.name}: and reported")
    status, text, _ = run_pty(demo, "work", "--steps", "100", "--deaf", signals=[(0.5, number), (1.0, number)])
    equal(status, -number, f"{number.name} twice ends at once")
process = subprocess.Popen([demo, "work", "--steps", "100", "--json"], env=environment(), stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
time.sleep(0.5)
process.send_signal(signal.SIGTERM)
out, err = process.communicate()
equal((process.returncode, json.loads(out)["error"]["code"]), (130, "cancelled"), "an interrupt as JSON")
process = subprocess.Popen(["bash", "-c", f"trap '' INT; exec {demo} work --steps 15"], env=environment(),
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
time.sleep(0.5)
process.send_signal(signal.SIGINT)
out, err = process.communicate()
equal(process.returncode, 0, "an interrupt that was ignored before stays ignored")

# ---- questions ----
equal(run(demo, "work", "--ask", "--steps", "1").returncode, 2, "without a terminal nothing is asked, and the answer is no")
equal(run_pty(demo, "work", "--ask", "--steps", "1", answer="y\n")[0], 0, "yes")
equal(run_pty(demo, "work", "--ask", "--steps", "1", answer="\n")[0], 2, "anything else is no")
done()
