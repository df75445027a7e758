#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Catalogs of neo4j-migrations on a real server: what verifies, applies, merges and refactors leaves the graph and the schema that
they say, and, where PEERS_RUNNERS names a folder that has it, exactly those that neo4j-migrations itself leaves.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lib"))
from graphs import bench
from migrations import Tap, binary, environment, said

PEER = os.path.join(os.environ.get("PEERS_RUNNERS", "/nowhere"), "bin", "neo4j-migrations")


def migration(*inside):
    return '<?xml version="1.0" encoding="UTF-8"?>\n<migration xmlns="https://michael-simons.github.io/neo4j-migrations">\n' + "\n".join(inside) + "\n</migration>\n"


def item(kind, name, of, *properties, **attributes):
    tag = "type" if of.isupper() else "label"
    more = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f'<{kind} name="{name}"{more}><{tag}>{of}</{tag}><properties>{"".join(f"<property>{p}</property>" for p in properties)}</properties></{kind}>'


def catalog(constraints=(), indexes=(), reset=False):
    return (f'<catalog reset="{str(reset).lower()}"><constraints>{"".join(constraints)}</constraints><indexes>{"".join(indexes)}</indexes></catalog>')


def refactor(kind, *parameters, **named):
    inside = "".join(f'<parameter name="{key}">{value}</parameter>' for key, value in named.items()) + "".join(parameters)
    return f'<refactor type="{kind}">' + (f"<parameters>{inside}</parameters>" if inside else "") + "</refactor>"


def policy(pattern, strategy):
    return f'<parameter name="mergePolicy"><pattern>{pattern}</pattern><strategy>{strategy}</strategy></parameter>'


ISBN = item("constraint", "isbn", "Book", "isbn", "edition", type="unique")
TITLE = item("index", "title", "Book|Film", "title", type="fulltext")
BOOKS = migration(catalog([ISBN], [TITLE]), "<verify/>", '<create item="isbn"/>', '<create item="title"/>')
PEOPLE = """CREATE (:Book {isbn: '1', edition: 1})-[:BY {at: 1}]->(:Person {name: 'Ann', born: 1970, tags: ['a']});
CREATE (:Book {isbn: '2', edition: 1})-[:BY {at: 2}]->(:Person:Author {name: 'Anne', city: 'Bonn', tags: ['b']});
MATCH (a:Person {name: 'Ann'}), (b:Person {name: 'Anne'}) CREATE (a)-[:SAME]->(b), (b)-[:ITSELF {k: 1}]->(b), (b)-[:OF]->(a);
"""
MERGE = refactor("merge.nodes", policy("name", "KEEP_LAST"), policy("c.*", "KEEP_ALL"), policy(".*", "KEEP_FIRST"),
                 sourceQuery="MATCH (p:Person) RETURN p ORDER BY p.name")


def compare(tap, b, program, what):
    """Afterwards the graph is that of neo4j-migrations."""
    ours = b.graph.state()
    if not os.path.exists(PEER):
        tap.skip(what + ": as neo4j-migrations does it", "PEERS_RUNNERS names no folder with neo4j-migrations")
        return
    b.graph.wipe()
    done = subprocess.run([PEER, "-a", b.graph.address, "-u", b.graph.user, "-p", b.graph.password, "--location", "file://" + program.folder, "apply"],
                          capture_output=True, text=True, timeout=300)
    for name in ("__Neo4jMigration", "__Neo4jMigrationsLock"):
        b.graph.run(f"MATCH (n:{name}) DETACH DELETE n")
    if done.returncode != 0 and not b.graph.one("CALL dbms.components() YIELD versions RETURN versions[0]").startswith("5."):
        tap.skip(what + ": as neo4j-migrations does it", "which does not do it on this server")
        return
    schema, content = b.graph.state()
    schema = [line for line in schema if "__Neo4jMigration" not in line and "`REPEATED`" not in line]
    tap.ok(done.returncode == 0 and (schema, content) == ours, what + ": as neo4j-migrations does it",
           f"{done.stderr[-800:]}\nits: {schema} {content}\nours: {ours}")


def merging(tap, b):
    program = b.of({"V1__books.xml": BOOKS, "V2__people.cypher": PEOPLE, "V3__merge.xml": migration(MERGE)})
    result = program.run("up")
    tap.ok(result.returncode == 0, "merge.nodes", said(result))
    rows = b.graph.run("MATCH (p:Person) RETURN labels(p) AS l, properties(p) AS p")
    tap.equal([(sorted(r[0]), r[1]) for r in rows],
              [(["Author", "Person"], {"name": "Anne", "born": 1970, "city": ["Bonn"], "tags": ["a"]})], "one node is left, with values by policy")
    tap.equal(sorted(b.graph.run("MATCH (a)-[r]->(b:Person) RETURN labels(a)[0] = 'Book', type(r), properties(r)"), key=repr),
              sorted([[True, "BY", {"at": 1}], [True, "BY", {"at": 2}], [False, "SAME", {}], [False, "ITSELF", {"k": 1}], [False, "OF", {}]], key=repr),
              "relationships are its own, once each")
    compare(tap, b, program, "merge.nodes")
    program = b.of({"V2__people.cypher": PEOPLE, "V3__merge.xml": migration(refactor(
        "merge.nodes", policy("n.*", "KEEP_ALL"), sourceQuery="MATCH (p:Person) RETURN p"))})
    result = program.run("up")
    tap.ok(result.returncode == 1 and "no mergePolicy is for the property" in result.stderr and b.graph.one("MATCH (p:Person) RETURN count(p)") == 2,
           "a property without a policy is told, and nothing is merged", said(result))


def verifying(tap, b):
    files = {"V1__books.xml": BOOKS,
             "V2__more.xml": migration(catalog([], [item("index", "year", "Book", "year")]), '<create item="year"/>'),
             "V3__verify.xml": migration(catalog([], [item("index", "later", "Book", "later")]), '<verify allowEquivalent="false"/>')}
    program = b.of(files)
    result = program.run("up")
    tap.ok(result.returncode == 0, "verify: the schema is what the catalogs in front of it say", said(result))
    compare(tap, b, program, "verify")
    program = b.of(files)
    program.run("up", "--target", "2")
    b.graph.run("DROP INDEX year")
    b.graph.run("CREATE INDEX other FOR (x:Other) ON (x.y)")
    dry = program.run("up", "--dry-run")
    tap.ok("year is missing" in dry.stdout + dry.stderr, "a dry run tells what is not as it should be", said(dry))
    result = program.run("up")
    tap.ok(result.returncode == 3 and "V3__verify" in result.stderr and "the index year is missing; the index other is in no catalog" in result.stderr
           and "V3__verify.xml:4" in result.stderr, "what is missing and what is unexpected is named", said(result))
    b.graph.run("DROP INDEX other")
    b.graph.run("CREATE INDEX another_name FOR (x:Book) ON (x.year)")
    result = program.run("up")
    tap.ok(result.returncode == 3 and "year is missing" in result.stderr, "allowEquivalent=\"false\": names count", said(result))
    program = b.of({**files, "V3__verify.xml": migration("<verify/>")}, wipe=False)
    result = program.run("up")
    tap.ok(result.returncode == 0, "without it they do not", said(result))
    program = b.of({"V1__own.xml": migration(catalog([ISBN]), '<verify useCurrent="true"/>')})
    result = program.run("up")
    tap.ok(result.returncode == 3 and "the constraint isbn is missing" in result.stderr, "useCurrent asks for the catalog's own items", said(result))
    b.graph.run("CREATE CONSTRAINT isbn FOR (x:Book) REQUIRE (x.edition, x.isbn) IS UNIQUE")
    result = program.run("up")
    tap.ok(result.returncode == 0, "the order of properties does not count", said(result))


APPLY = {"V1__books.xml": BOOKS,
         "V1_1__index.cypher": "CREATE INDEX `of ``others``` IF NOT EXISTS FOR (n:Other) ON (n.x);\n",
         "V2__apply.xml": migration(catalog([item("constraint", "isbn_alone", "Book", "isbn", type="unique")],
                                            [item("index", "read", "READS", "at")], reset=True), "<apply/>")}


def applying(tap, b):
    program = b.of(APPLY)
    result = program.run("up")
    indexes = sorted(r[0] for r in b.graph.run("SHOW INDEXES YIELD name, type, labelsOrTypes WHERE type <> 'LOOKUP' AND "
                                               "none(l IN labelsOrTypes WHERE l STARTS WITH '_' OR l = 'Migration') RETURN name"))
    tap.ok(result.returncode == 0 and indexes == ["isbn_alone", "read"], "apply: all that was there goes, all of the catalog comes",
           f"{said(result)} {indexes}")
    tap.ok(b.graph.one("SHOW CONSTRAINTS YIELD name, labelsOrTypes WHERE labelsOrTypes[0] STARTS WITH '_Migration' OR labelsOrTypes = ['Migration'] RETURN count(*)") > 5,
           "but for what keeps the history")
    status = program.run("status")
    tap.ok(status.returncode == 0 and "pending" not in status.stdout.replace("0 pending", ""), "the history knows it by the file", said(status))
    again = program.run("up")
    tap.ok(again.returncode == 0 and b.graph.one("SHOW INDEXES YIELD name WHERE name = 'read' RETURN count(*)") == 1, "and it runs once", said(again))
    compare(tap, b, program, "apply")
    program = b.of(APPLY)
    program.run("up", "--target", "1.1")
    dry = program.run("up", "--dry-run")
    tap.ok("DROP" in dry.stdout and b.graph.one("SHOW INDEXES YIELD name WHERE name = 'title' RETURN count(*)") == 1,
           "a dry run shows what would be dropped, and drops nothing", said(dry))
    b.graph.run("CREATE (:Book {isbn: 'twice', edition: 1}), (:Book {isbn: 'twice', edition: 2})")
    stopped = program.run("up")
    tap.ok(stopped.returncode == 7 and "twice" in stopped.stderr, "a duplicate stops it behind the drops", said(stopped))
    b.graph.run("MATCH (x:Book {edition: 2}) DELETE x")
    b.graph.run("CREATE INDEX meanwhile FOR (x:Other) ON (x.z)")
    result = program.run("up")
    indexes = sorted(r[0] for r in b.graph.run("SHOW INDEXES YIELD name, labelsOrTypes, type WHERE type <> 'LOOKUP' AND "
                                               "none(l IN labelsOrTypes WHERE l STARTS WITH '_' OR l = 'Migration') RETURN name"))
    tap.ok(result.returncode == 0 and {"isbn_alone", "read"} <= set(indexes) <= {"isbn_alone", "read", "meanwhile"},
           "and the next run goes on there", f"{said(result)} {indexes}")


def enterprise(tap, b):
    if "enterprise" in b.graph.one("CALL dbms.components() YIELD edition RETURN edition"):
        tap.skip("what only the Enterprise Edition has", "this is one")
        return
    exists = item("constraint", "there", "Book", "isbn", type="exists")
    before = {"V1__books.xml": BOOKS}
    program = b.of({**before, "V2__apply.xml": migration(catalog([exists]), "<apply/>")})
    result = program.run("up")
    tap.ok(result.returncode == 3 and "there (exists)" in result.stderr and "Enterprise" in result.stderr
           and b.graph.one("SHOW CONSTRAINTS YIELD name WHERE name = 'isbn' RETURN count(*)") == 1,
           "what only the Enterprise Edition can create is refused by name, before anything is dropped", said(result))
    program = b.of({"V1__some.xml": migration("<?assume that edition is enterprise?>", f"<create>{exists}</create>")})
    result = program.run("up")
    tap.ok(result.returncode == 0 and "passed over" in result.stdout, "but for a migration that is passed over there", said(result))


def others(tap, b):
    program = b.of({"V1__data.cypher": PEOPLE,
                    "V2__refactor.xml": migration(
                        refactor("migrate.createFutureIndexes", suffix="_new"), refactor("migrate.replaceBTreeIndexes"),
                        refactor("rename.nodeProperty", **{"from": "name", "to": "title"}),
                        refactor("normalize.asBoolean", '<parameter name="trueValues"><value>Bonn</value></parameter>'
                                 '<parameter name="falseValues"><value/></parameter>', property="city"))})
    checked = program.run("validate")
    tap.ok(checked.returncode == 0 and "CALL" not in checked.stdout + checked.stderr, "nobody is told to write otherwise what a catalog is read as", said(checked))
    result = program.run("up")
    tap.ok(result.returncode == 0, "migrate.*: where there are no BTREE indexes, there is nothing to do", said(result))
    tap.ok(b.graph.one("MATCH (n) WHERE n:Migration OR any(l IN labels(n) WHERE l STARTS WITH '_Migration') WITH n WHERE n.city IS NOT NULL OR n.title IS NOT NULL "
                       "RETURN count(n)") == 0, "what is done to every node is not done to the history")
    tap.ok(program.run("status").returncode == 0, "which can still be read")
    compare(tap, b, program, "refactorings")
    program = b.of({"V1__vectors.xml": migration(refactor("listToVectorOn.nodes", '<parameter name="labels"><value>Doc</value></parameter>'))})
    version = b.graph.one("CALL dbms.components() YIELD name, versions WHERE name = 'Neo4j Kernel' RETURN versions[0]")
    result = program.run("up")
    if version.startswith("5."):
        tap.ok(result.returncode == 3 and "2025.10" in result.stderr, "vectors need a newer server, and that is told", said(result))
    else:
        tap.ok(result.returncode == 0, "vectors", said(result))


def main():
    path, tap = binary(), Tap()
    wanted = os.environ.get("TOPICS", "").split()
    with bench(path) as b:
        for topic in (verifying, applying, merging, enterprise, others):
            if not wanted or topic.__name__ in wanted:
                topic(tap, b)
    return tap.done()


if __name__ == "__main__":
    assert environment()
    sys.exit(main())
