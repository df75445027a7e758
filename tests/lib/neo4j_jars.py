#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Neo4j Community as its packages: the jars of a server, and the Java that can run them.

    tests/lib/neo4j_jars.py [VERSION...] [--apoc]     fetches them unless they are there (default: 5.26)

VERSION is one of VERSIONS below. Maven fetches the jars, with their checksums checked, once, into build/neo4j (or into
the folder that NEO4J_JARS names, to share it between copies of this repository). Nothing else here downloads anything.
"""
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
    "5.26": {"version": "5.26.30", "main": "org.neo4j.server.CommunityEntryPoint", "java": (17, 21)},
    "newest": {"version": "2026.08.1", "main": "org.neo4j.server.Neo4jCommunity", "java": (25, 21)},
}
# APOC has version numbers of its own: the newest of those whose first two parts are the server's, where there is one.
APOC = {"5.26": "5.26.19"}
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


def find_java(name):
    """The java program that runs this server best; None when the machine has none that can."""
    homes = [os.environ.get("JAVA_HOME", "")]
    if on_path := shutil.which("java"):
        homes.append(os.path.dirname(os.path.dirname(os.path.realpath(on_path))))
    homes += sorted(glob.glob("/usr/lib/jvm/*"))
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


def fetch_jars(folder, *artifacts):
    """Puts the jars of the artifacts and of all that they need into `folder`, unless that is there: whole or not at all."""
    if os.path.isdir(folder):
        return
    maven = shutil.which("mvn")
    if not maven:
        raise JarsError("no mvn to fetch jars with")
    above = os.path.dirname(folder)
    os.makedirs(above, exist_ok=True)
    with open(os.path.join(above, ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another runner of the tests fetches them: wait
        if os.path.isdir(folder):
            return
        work = tempfile.mkdtemp(prefix=".fetching-", dir=above)
        try:
            project = os.path.join(work, "pom.xml")
            with open(project, "w", encoding="utf-8") as file:
                file.write(pom(artifacts))
            jars = os.path.join(work, "jars")
            done = subprocess.run([maven, "-B", "-q", "--strict-checksums", "-f", project, DEPENDENCY_PLUGIN,
                                   f"-DoutputDirectory={jars}", "-DincludeScope=runtime", "-DexcludeTypes=pom"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode or not glob.glob(os.path.join(jars, "*.jar")):
                words = re.sub(r"\w+://\S+", "…", re.sub(r"\x1b\[\d*m", "", done.stdout)).strip()
                raise JarsError(f"mvn could not fetch {' '.join(artifacts)}:\n{words[:2000]}")
            os.rename(jars, folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def fetch(name, with_apoc=False):
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
        if not find_java(name):
            print(why_not(name), file=sys.stderr)
            status = 1
            continue
        try:
            fetch(name, "--apoc" in arguments)
            print(f"Neo4j {VERSIONS[name]['version']}: {library(name)}, {find_java(name)}")
        except JarsError as problem:
            print(problem, file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
