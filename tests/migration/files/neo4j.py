#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
neo4j.py SHOW: what catalogs and changelogs are read as does on a real Neo4j what they say. The server is that of TEST_URL_NEO4J;
statements are sent by the tests' own client.
"""
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "cli"), os.path.join(HERE, "..", "..", "lib")]
import tap  # noqa: E402
from bolt_client import BoltClient  # noqa: E402

SHOW = sys.argv[1]

CATALOG = """<?xml version="1.0" encoding="UTF-8"?>
<migration xmlns="https://michael-simons.github.io/neo4j-migrations">
  <catalog>
    <indexes>
      <index name="files_title" type="fulltext"><label>FilesBook|FilesFilm</label>
        <properties><property>title</property><property>sub title</property></properties></index>
      <index name="files_read"><type>FILES_READS</type><properties><property>at</property></properties></index>
      <index name="files_text" type="text"><label>FilesBook</label><properties><property>title</property></properties></index>
    </indexes>
    <constraints>
      <constraint name="files_isbn" type="unique"><label>FilesBook</label>
        <properties><property>isbn</property><property>edition</property></properties></constraint>
    </constraints>
  </catalog>
  <create item="files_title"/>
  <create item="files_read"/>
  <create item="files_text"/>
  <create item="files_isbn"/>
</migration>
"""
REFACTOR = """<migration xmlns="https://michael-simons.github.io/neo4j-migrations">
  <drop item="files_text"/>
  <refactor type="rename.label"><parameters><parameter name="from">FilesBook</parameter><parameter name="to">Files Buch</parameter>
    <parameter name="customQuery">MATCH (b:FilesBook) WHERE b.edition &gt; 0 RETURN b</parameter><parameter name="batchSize">1</parameter>
  </parameters></refactor>
  <refactor type="rename.type"><parameters><parameter name="from">FILES_READS</parameter><parameter name="to">FILES_LIEST</parameter>
    <parameter name="batchSize">1</parameter></parameters></refactor>
  <refactor type="rename.nodeProperty"><parameters><parameter name="from">title</parameter><parameter name="to">Titel</parameter>
    <parameter name="customQuery">MATCH (n) WHERE any(l IN labels(n) WHERE l STARTS WITH 'Files') RETURN n AS `the node`</parameter>
  </parameters></refactor>
  <refactor type="rename.relationshipProperty"><parameters><parameter name="from">at</parameter><parameter name="to">am</parameter>
  </parameters></refactor>
  <refactor type="addSurrogateKeyTo.nodes"><parameters><parameter name="labels"><value>FilesReader</value></parameter>
    <parameter name="property">key</parameter></parameters></refactor>
  <refactor type="addSurrogateKeyTo.relationships"><parameters><parameter name="type">FILES_LIEST</parameter>
    <parameter name="generatorFunction">elementId(%s)</parameter><parameter name="batchSize">2</parameter></parameters></refactor>
  <refactor type="normalize.asBoolean"><parameters><parameter name="property">good</parameter>
    <parameter name="customQuery">MATCH (n:FilesFilm) RETURN n</parameter>
    <parameter name="trueValues"><value>it's</value><value>1</value></parameter>
    <parameter name="falseValues"><value>no</value><value/></parameter></parameters></refactor>
</migration>
"""
CHANGELOG = """--liquibase formatted cypher
--changeset ann:one
CREATE (:FilesOne {url: 'http://x/;'})-[:FILES_TO]->(:FilesOne);
MATCH (a:FilesOne)--(b:FilesOne) SET a.seen = true;
--rollback MATCH (n:FilesOne)
--rollback DETACH DELETE n;
"""


def statements(folder, *names_and_texts):
    for name, text in zip(names_and_texts[::2], names_and_texts[1::2]):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    shown = subprocess.run([SHOW, "--dialect", "neo4j", "--sql", folder], check=True, capture_output=True, text=True).stdout
    return [part.strip()[:-1] for part in re.split(r"^// \S+:\d+\n", shown, flags=re.M) if part.strip()]


def clean(client):
    client.run("MATCH (n) WHERE any(l IN labels(n) WHERE l STARTS WITH 'Files') DETACH DELETE n")
    for kind, all_of in (("CONSTRAINT", "CONSTRAINTS"), ("INDEX", "INDEXES")):
        for (name,) in client.run(f"SHOW {all_of} YIELD name WHERE name STARTS WITH 'files_'"):
            client.run(f"DROP {kind} `{name}` IF EXISTS")


def catalogs(client):
    with tempfile.TemporaryDirectory() as folder:
        first = statements(folder, "V1__schema.xml", CATALOG)
        for text in first + first:
            client.run(text)
        found = client.run("SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties WHERE name STARTS WITH 'files_' "
                           "RETURN name, type, entityType, labelsOrTypes, properties ORDER BY name")
        tap.check([list(row) for row in found] == [
            ["files_isbn", "RANGE", "NODE", ["FilesBook"], ["isbn", "edition"]],
            ["files_read", "RANGE", "RELATIONSHIP", ["FILES_READS"], ["at"]],
            ["files_text", "TEXT", "NODE", ["FilesBook"], ["title"]],
            ["files_title", "FULLTEXT", "NODE", ["FilesBook", "FilesFilm"], ["title", "sub title"]]],
            "a catalog's constraints and indexes are there, also when it runs twice", repr(found))
        client.run("CREATE (r:FilesReader)-[:FILES_READS {at: 1, x: 2}]->(:FilesBook {title: 'a', isbn: 'i', edition: 1}), "
                   "(r)-[:FILES_READS {at: 2}]->(:FilesBook {title: 'b', isbn: 'j', edition: 0}), (:FilesFilm {good: \"it's\"}), "
                   "(:FilesFilm {good: 1}), (:FilesFilm {good: 'no'}), (:FilesFilm), (:FilesFilm {good: 'x'})")
        second = statements(folder, "V2__refactor.xml", REFACTOR)[len(first):]
        tap.check(len(second) == 8, "eight operations are eight statements", repr(second))
        for text in second:
            client.run(text)
        found = client.run("MATCH (b) WHERE b.isbn IS NOT NULL RETURN labels(b), b.Titel, b.title ORDER BY b.isbn")
        tap.check([list(row) for row in found] == [[["Files Buch"], "a", None], [["FilesBook"], "b", None]],
                  "labels and properties have new names", repr(found))
        found = client.run("MATCH ()-[r:FILES_LIEST]->() RETURN r.am, r.at, r.x, r.id IS NOT NULL ORDER BY r.am")
        tap.check([list(row) for row in found] == [[1, None, 2, True], [2, None, None, True]],
                  "types have new names, with all properties and a key", repr(found))
        found = client.run("MATCH (n:FilesFilm) RETURN n.good AS good, count(*) ORDER BY good")
        tap.check([list(row) for row in found] == [[False, 3], [True, 2]], "values are booleans", repr(found))
        found = client.run("MATCH (n:FilesReader) RETURN size(n.key)")
        tap.check([list(row) for row in found] == [[36]], "a surrogate key", repr(found))
        found = client.run("SHOW INDEXES YIELD name WHERE name = 'files_text'")
        tap.check(not found, "what is dropped by an item of an earlier catalog is gone", repr(found))


def changelogs(client):
    with tempfile.TemporaryDirectory() as folder:
        for text in statements(folder, "log.cypher", CHANGELOG):
            client.run(text)
        found = client.run("MATCH (n:FilesOne) RETURN n.url, n.seen ORDER BY n.url")
        tap.check([list(row) for row in found] == [["http://x/;", True], [None, True]], "a changeset runs", repr(found))


def main():
    url = os.environ.get("TEST_URL_NEO4J")
    if not url:
        tap.skip("catalogs and changelogs on a real Neo4j", "TEST_URL_NEO4J is not set")
        return tap.done()
    parts = urllib.parse.urlsplit(url)
    with BoltClient(parts.hostname, parts.port or 7687, parts.username, urllib.parse.unquote(parts.password or "")) as client:
        clean(client)
        try:
            catalogs(client)
            changelogs(client)
        finally:
            clean(client)
    return tap.done()


sys.exit(main())
