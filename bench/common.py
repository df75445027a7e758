# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: where things are, running and measuring programs, medians, tables of results."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))


class Bench:
    """One benchmark's options, its results, and how it ends. `program`: deltalakedb, or dataflow."""

    def __init__(self, name, description, runs=5, program="deltalakedb"):
        parser = argparse.ArgumentParser(description=description)
        self.option, variable = {"deltalakedb": "program"}.get(program, program), program.upper()
        path = f"build/src/bin/{program}/{program}"
        parser.add_argument(
            f"--{self.option}",
            default=os.environ.get(variable, os.path.join(ROOT, path)),
            help=f"{program} (default: {variable}, else {path})",
        )
        parser.add_argument(
            "--cache",
            default=os.environ.get("BENCH_CACHE", os.path.join(tempfile.gettempdir(), "deltalakedb-bench")),
            help="folder for generated logs and compiled floors (default: BENCH_CACHE)",
        )
        parser.add_argument(
            "--runs", type=int, default=runs, help=f"runs of each measurement (default {runs})"
        )
        parser.add_argument("--json", metavar="FILE", help="write the results there, too")
        parser.add_argument("--quick", action="store_true", help="a tenth of the size: does it run at all?")
        self.parser, self.name, self.rows = parser, name, []

    def start(self, arguments=None):
        self.options, unknown = self.parser.parse_known_args(arguments)
        if unknown and "BENCH_ALL" not in os.environ:  # run.py gives every benchmark the options of all
            self.parser.error(f"unknown: {' '.join(unknown)}")
        self.program, self.cache, self.runs = getattr(self.options, self.option), self.options.cache, self.options.runs
        if not os.access(self.program, os.X_OK):
            sys.exit(f"{self.parser.prog}: no program at {self.program}; give --{self.option}")
        self.program = os.path.abspath(self.program)
        os.makedirs(self.cache, exist_ok=True)
        self.scratch = tempfile.mkdtemp(prefix="run-", dir=self.cache)
        return self.options

    def scale(self, count):
        return max(count // 10, 10) if self.options.quick else count

    def log(self, generator, /, **arguments):
        """A generated log, from the cache."""
        import delta_gen  # needs numpy and pyarrow, which not every benchmark does

        say(f"generating, or taking from the cache: {generator} {arguments}")
        return delta_gen.cached(self.cache, generator, **arguments)

    def add(self, group, what, values, unit, target=None, floor=None, note=""):
        """
        A measured row. `values`: numbers; `target`: at most (or, with '>=', at least) this; `floor`: name
        and numbers of what it is held against.
        """
        row = {
            "group": group,
            "what": what,
            "unit": unit,
            "median": statistics.median(values),
            "low": min(values),
            "high": max(values),
            "runs": len(values),
            "note": note,
        }
        if floor:
            row["floor"], row["floor_median"] = floor[0], statistics.median(floor[1])
            row["ratio"] = row["median"] / row["floor_median"] if row["floor_median"] else None
        if target:
            row["target"] = target
            row["met"] = judge(row, target)
        self.rows.append(row)
        print(line_of(row), flush=True)
        self.save()  # what was measured stays, whatever happens to the rest

    def save(self):
        if self.options.json:
            with open(self.options.json, "w", encoding="utf-8") as file:
                json.dump({"bench": self.name, "rows": self.rows}, file, indent=1)

    def finish(self):
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.save()
        return 0


def judge(row, target):
    """'<= 1.3 x' is about the ratio, '<= 20 ms' and '>= 1 GB/s' about the median, in the row's own unit."""
    relation, number = target.split()[:2]
    value = row.get("ratio") if target.endswith(" x") else row["median"]
    return value is not None and (value <= float(number) if relation == "<=" else value >= float(number))


def line_of(row):
    text = f"{row['group']}: {row['what']}: {show(row['median'])} {row['unit']} [{show(row['low'])} … {show(row['high'])}, {row['runs']} runs]"
    if "floor" in row:
        text += f"; {row['floor']}: {show(row['floor_median'])} {row['unit']}; ratio {row['ratio']:.2f}"
    if "target" in row:
        text += f"; target {row['target']}: {'met' if row['met'] else 'MISSED'}"
    return text + (f" ({row['note']})" if row["note"] else "")


def show(value):
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 1 else f"{value:.3f}" if abs(value) >= 0.01 else f"{value:.5f}"


def say(text):
    print(f"# {text}", file=sys.stderr, flush=True)


def compiled(bench, name, *packages):
    """A C floor of this folder, compiled into the cache."""
    source, target = os.path.join(HERE, name + ".c"), os.path.join(bench.cache, name)
    if os.path.exists(target) and os.path.getmtime(target) > os.path.getmtime(source):
        return target
    flags = (
        subprocess.run(
            ["pkg-config", "--cflags", "--libs", *packages], capture_output=True, text=True, check=True
        ).stdout.split()
        if packages
        else []
    )
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", target, source, *flags], check=True)
    return target


def linked(bench, name, archives, *libraries):
    """A C program of this folder on the project's own layers: static libraries of the build that the program belongs to."""
    folder = os.path.dirname(bench.program)
    while not os.path.exists(os.path.join(folder, "build.ninja")):
        if folder == os.path.dirname(folder):
            sys.exit(f"{bench.parser.prog}: --{bench.option} lies in no build folder")
        folder = os.path.dirname(folder)
    target = os.path.join(bench.scratch, name)
    includes = ["-I" + os.path.join(ROOT, part) for part in ("src", "include")]
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-D_GNU_SOURCE", "-O2", *includes, "-c",
                    os.path.join(HERE, name + ".c"), "-o", target + ".o"], check=True)
    subprocess.run([os.environ.get("CXX", "c++"), "-O2", "-o", target, target + ".o",
                    *(os.path.join(folder, "src", archive) for archive in archives), *libraries], check=True)
    return target


def spawn(bench, command, runs=1, core=None, status=0):
    """Runs a command; a list of {wall_s, user_s, system_s, rss_kib}. `core`: pin it to that processor."""
    pin = ["taskset", "-c", str(core)] if core is not None else []
    result = subprocess.run(
        [compiled(bench, "spawn"), str(runs), *pin, *map(str, command)], capture_output=True, text=True
    )
    if result.returncode:
        raise RuntimeError(f"{command[0]}: {result.stderr.strip()}")
    measured = json.loads(result.stdout)
    wrong = [m for m in measured if m["status"] != status]
    if wrong:
        raise RuntimeError(
            f"{' '.join(map(str, command))}: exit status {wrong[0]['status']}: {result.stderr.strip()[:1000]}"
        )
    return measured


def answer(command):
    """The JSON document that a command prints."""
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(
            f"{' '.join(map(str, command))}: exit status {result.returncode}: {result.stderr.strip()[:1000]}"
        )
    return json.loads(result.stdout)


def server_cpu(server):
    """Processor seconds that a server and its children, also those that have ended, have used so far."""
    ticks, parents = 0, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(pid)] = (int(fields[1]), sum(map(int, fields[11:13])), sum(map(int, fields[13:15])))
    for pid, (parent, own, ended) in parents.items():
        if pid == server.process.pid:
            ticks += own + ended
        elif parent == server.process.pid:
            ticks += own
    return ticks / os.sysconf("SC_CLK_TCK")


def walls(measured):
    return [m["wall_s"] for m in measured]


def warm(folder):
    """Reads every file below, so that what follows finds it in the page cache; returns the bytes."""
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(base, name), "rb") as file:
                while chunk := file.read(1 << 20):
                    total += len(chunk)
    return total
