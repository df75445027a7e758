# SPDX-License-Identifier: Apache-2.0
"""quickstart, check and .ci/run, with stand-ins for apt-get, meson, ninja and the program: what is installed, what is
shown when something fails, and that the closing line is always the last one."""
import os
import re
import shutil
import subprocess
import tempfile

from tap import check, contains, done, equal, skip

root = os.environ.get("SOURCE_ROOT") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
if not shutil.which("bash"):
    skip("scripts", "no bash")
    done()

top = tempfile.mkdtemp()
stubs, state = os.path.join(top, "stubs"), os.path.join(top, "state")
STUBS = {
    "dpkg-query": 'grep -qx "${*: -1}" "$STATE/installed" && echo installed',
    "apt-cache": '[ -e "$STATE/lists" ]',
    "apt-get": """echo "apt-get $*" >> "$STATE/calls"
[ "$DEBIAN_FRONTEND" = noninteractive ] || exit 9
if [ -e "$STATE/held" ]; then rm "$STATE/held"; echo "E: Could not get lock /var/lib/dpkg/lock-frontend"; exit 100; fi
case " $* " in
*" update "*) touch "$STATE/lists" ;;
*" install "*) [ -e "$STATE/broken" ] && { echo "E: Unable to fetch some archives"; exit 100; }
    for word in "$@"; do echo "$word"; done >> "$STATE/installed" ;;
esac""",
    "sudo": '[ "$1" = -n ] && shift; exec "$@"',
    "pkg-config": "exit 0",
    "meson": """echo "meson $*" >> "$STATE/calls"
[ "$1" = setup ] && { mkdir -p "$2"; echo "# $3" > "$2/build.ninja"; }; exit 0""",
    "ninja": """echo "ninja $*" >> "$STATE/calls"
for i in 1 2 3; do echo "line $i of the compiler"; done
[ -e "$STATE/no-build" ] && { echo "src/x.c:1: error: it is wrong"; exit 1; }
for name in deltalakedb dataflow; do mkdir -p "$2/src/bin/$name" && cp "$STATE/program" "$2/src/bin/$name/$name"; done""",
}
JARS_PY = """import os, sys
print("jars of " + sys.argv[1])
sys.exit(os.path.exists(os.path.join(os.environ["STATE"], "no-jars")))
"""
RUN_PY = """import os, sys
print("arguments", sys.argv[1:])
print("1/1 a test OK")
text = open(os.path.join(os.environ["STATE"], "result")).read().split("|")
print(text[1], end="")
sys.exit(int(text[0]))
"""


def packages(name):
    """A list of tools/common.sh."""
    code = f'root=/ && . "$1" && echo "${{{name}[*]}}"'
    return subprocess.run(["bash", "-c", code, "bash", os.path.join(root, "tools", "common.sh")], text=True, capture_output=True,
                          check=True).stdout.split()


BUILD_PACKAGES, OPTIONAL_PACKAGES = packages("build_packages"), packages("optional_packages")
ALL_PACKAGES = BUILD_PACKAGES + OPTIONAL_PACKAGES


def write(path, text, mode=0o755):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def fresh(installed=(), lists=True, result="0|3 passed, 0 failed, 1 skipped\n", **flags):
    """A repository in a folder with a blank in its name, and a machine with these packages."""
    shutil.rmtree(top)
    repo = os.path.join(top, "the repo")
    for name in ("quickstart", "check", ".ci/run", "tools/common.sh"):
        target = os.path.join(repo, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(os.path.join(root, name), target)
    for table in ("one", "sensors"):
        os.makedirs(os.path.join(repo, "samples", table, "_delta_log"))
    write(os.path.join(repo, "tests", "run.py"), RUN_PY)
    write(os.path.join(repo, "tests", "lib", "neo4j_jars.py"), JARS_PY)
    for name, text in STUBS.items():
        write(os.path.join(stubs, name), "#!/bin/bash\n" + text + "\n")
    write(os.path.join(state, "program"), '#!/bin/bash\n[ -e "$STATE/mismatch" ] && [ "$1" = validate ] && exit 4\n'
          'echo "ran $*; $DELTALAKEDB_DATABASE_URL; ${0##*/} $DATABASE_URL $DATAFLOW_MIGRATIONS"\n')
    write(os.path.join(state, "installed"), "".join(name + "\n" for name in installed))
    write(os.path.join(state, "result"), result)
    write(os.path.join(state, "calls"), "")
    for name in ["lists"] * lists + [flag.replace("_", "-") for flag in flags]:
        write(os.path.join(state, name), "")
    return repo


def run(repo, script, *args):
    env = {"PATH": stubs + ":" + os.environ["PATH"], "HOME": top, "STATE": state, "APT_WAIT": "0", "LANG": "C.UTF-8",
           "PEERS_PYTHON": "/bin/true"}
    result = subprocess.run([os.path.join(repo, script), *args], env=env, cwd="/", stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=60, check=False)
    with open(os.path.join(state, "calls"), encoding="utf-8") as file:
        return result, file.read()


def installs(calls):
    return [line.split("--no-install-recommends ")[1].split() for line in calls.splitlines() if " install " in line]


# ---- quickstart ----
repo = fresh()
result, calls = run(repo, "quickstart")
equal((result.returncode, result.stderr), (0, ""), "quickstart ends well")
check("meson" in BUILD_PACKAGES and "libsqlite3-dev" in BUILD_PACKAGES, "what building needs is known", BUILD_PACKAGES)
equal(installs(calls), [BUILD_PACKAGES, OPTIONAL_PACKAGES], "installs everything on a bare machine")
check("update" not in calls, "without fetching the lists of packages when they are there", calls)
check("line 1 of the compiler" not in result.stdout, "says nothing of what the compiler says", result.stdout)
equal(re.findall(r"ran (\w[\w-]*)", result.stdout)[:4], ["discover", "batch-import", "validate", "validate"],
      "does the main job")
contains(result.stdout, "sqlite:build/quickstart/catalog.db", "into a SQLite catalog")
equal(re.findall(r"ran ([a-z-]+)[^;]*;[^;]*; dataflow sqlite:build/quickstart/shop.db samples/migrations", result.stdout),
      ["status", "validate", "up", "up", "status", "down", "up", "status"], "and the second program's, on a database of its own")
contains(result.stdout, 'deltalakedb files trips --where "city = \'Berlin\'', "shows commands as one would type them")
contains(result.stdout.split("What to try next")[-1], "./check", "and ends with what to try next")
result, calls = run(repo, "quickstart")
equal((result.returncode, len(installs(calls))), (0, 2), "can be run again, and installs nothing then")
equal(calls.count("meson setup"), 1, "nor configures")

result, calls = run(fresh(installed=ALL_PACKAGES[2:]), "quickstart")
equal(installs(calls), [["meson", "ninja-build"]], "installs only what is missing")
result, calls = run(fresh(lists=False), "quickstart")
check(result.returncode == 0 and calls.index("update") < calls.index(" install "), "fetches the lists when there are none", calls)
result, calls = run(fresh(held=True), "quickstart")
equal((result.returncode, len(installs(calls))), (0, 3), "waits for another package manager")
repo = fresh(broken=True)
result, calls = run(repo, "quickstart")
equal(result.returncode, 1, "what cannot be installed is a failure")
contains(result.stdout, "E: Unable to fetch some archives", "with the reason")
contains(result.stderr, "all of its output: build/logs/apt.log", "and where all of it lies")
result, calls = run(fresh(no_build=True), "quickstart")
equal(result.returncode, 1, "what cannot be built is a failure")
contains(result.stdout, "src/x.c:1: error: it is wrong", "with the compiler's words")
result, calls = run(fresh(mismatch=True), "quickstart")
equal(result.returncode, 4, "a catalog that is not equal to the log ends it")
equal(run(fresh(), "quickstart", "--help")[0].returncode, 0, "quickstart --help")
result, _ = run(fresh(), "quickstart", "--fsat")
check(result.returncode == 1 and "unknown argument --fsat" in result.stderr, "an unknown argument", result.stderr)

# ---- check ----


def last(result):
    return result.stdout.rstrip("\n").split("\n")[-1]


result, calls = run(fresh(), "check")
equal((result.returncode, last(result)), (0, "3 passed, 0 failed, 1 skipped"), "check ends with the closing line")
check({"postgresql", "mariadb-server-core", "maven"} <= set(sum(installs(calls), [])), "and installs the servers", calls)
contains(result.stdout, "jars of 5.26", "and fetches the one that no package has")
contains(result.stdout, "--build', '", "runs the tests through tests/run.py")
result, calls = run(fresh(), "check", "--fast", "--", "some test")
equal(installs(calls), [BUILD_PACKAGES, OPTIONAL_PACKAGES], "check --fast installs no servers")
contains(result.stdout, "'--engines=', '--suite', 'unit', 'some test']", "and hands on its arguments")
check("jars of" not in result.stdout, "and fetches none", result.stdout)
result, calls = run(fresh(no_jars=True), "check")
equal((result.returncode, last(result)), (0, "3 passed, 0 failed, 1 skipped"), "where Neo4j cannot be fetched, the rest is tested")
contains(result.stdout, "Neo4j 5.26 is not to be had; its tests are skipped: jars of 5.26", "and it is said")
result, calls = run(fresh(), "check", "--sanitize")
equal((result.returncode, last(result)), (0, "6 passed, 0 failed, 2 skipped"), "check --sanitize adds both runs up")
contains(calls, "-Db_sanitize=address,undefined", "the second one built with sanitizers")
result, calls = run(fresh(result="1|3 passed, 2 failed, 0 skipped\n"), "check")
equal((result.returncode, last(result)), (1, "3 passed, 2 failed, 0 skipped"), "a failed test fails it")
result, calls = run(fresh(result="1|3 passed, 0 failed, 0 skipped\n"), "check")
equal((result.returncode, last(result)), (1, "3 passed, 1 failed, 0 skipped"), "so does a runner that fails by itself")
result, calls = run(fresh(result="0|"), "check")
equal((result.returncode, last(result)), (1, "0 passed, 1 failed, 0 skipped"), "so does one that counts nothing")
result, calls = run(fresh(result="0|0 passed, 0 failed, 9 skipped\n"), "check")
equal((result.returncode, last(result)), (1, "0 passed, 1 failed, 9 skipped"), "so does a run of nothing")
result, calls = run(fresh(no_build=True), "check")
equal((result.returncode, last(result)), (1, "0 passed, 1 failed, 0 skipped"), "and a build that fails")
result, _ = run(fresh(), "check", "--wrong")
equal((result.returncode, last(result)), (1, "0 passed, 1 failed, 0 skipped"), "an unknown argument")
equal(run(fresh(), "check", "--help")[0].returncode, 0, "check --help")

# ---- .ci/run ----
result, calls = run(fresh(), ".ci/run")
equal((result.returncode, result.stdout.rstrip("\n").split("\n")[-1], result.stderr),
      (0, "3 passed, 0 failed, 1 skipped", ""), ".ci/run is check")
contains(result.stdout, "--require=postgres,mariadb,neo4j", "with every engine")
result, calls = run(fresh(no_build=True), ".ci/run")
equal((result.returncode, result.stdout.rstrip("\n").split("\n")[-1]), (1, "0 passed, 1 failed, 0 skipped"),
      "whose last line is the closing line, whatever happens")
shutil.rmtree(top)
done()
