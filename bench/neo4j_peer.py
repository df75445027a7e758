# SPDX-License-Identifier: Apache-2.0
"""
Neo4j's own driver for Python at the work that this project's driver is measured at. Run by the other programs here with a
Python that has the driver; prints one JSON document.

    neo4j_peer.py records URL USER PASSWORD QUERY RUNS     the seconds of each run, rows, and the sum of integers
    neo4j_peer.py scan URL USER PASSWORD RUNS              the seconds to read every node and every relationship
    neo4j_peer.py export URL USER PASSWORD FILE            APOC's export, streamed into a file
    neo4j_peer.py files URL USER PASSWORD FOLDER           the seconds to run the statements of its files, a transaction a file, nothing recorded
"""

import json
import os
import sys
import time

import neo4j

EXPORT = "CALL apoc.export.cypher.all(null, {stream: true, format: 'cypher-shell'}) YIELD cypherStatements RETURN cypherStatements"


def rows_of(session, query):
    """Every record is taken and its value looked at."""
    rows = total = 0
    for record in session.run(query):
        value = record[0]
        total += value if type(value) is int else 0
        rows += 1
    return rows, total


def timed(work, runs):
    seconds, result = [], None
    for _ in range(runs):
        began = time.monotonic()
        result = work()
        seconds.append(time.monotonic() - began)
    return seconds, result


def export(session, path):
    size = 0
    with open(path, "w", encoding="utf-8") as file:
        for record in session.run(EXPORT):
            size += file.write(record[0])
    return size


def run_files(session, folder):
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file, session.begin_transaction() as transaction:
            for statement in filter(str.strip, file.read().split(";\n")):
                transaction.run(statement).consume()


def main(command, url, user, password, *rest):
    with neo4j.GraphDatabase.driver(url, auth=(user, password)) as driver, driver.session() as session:
        session.run("RETURN 1").consume()
        answer = {"driver": neo4j.__version__}
        if command == "records":
            answer["seconds"], (answer["rows"], answer["sum"]) = timed(lambda: rows_of(session, rest[0]), int(rest[1]))
        elif command == "scan":
            answer["seconds"], (nodes, relationships) = timed(
                lambda: (rows_of(session, "MATCH (n) RETURN n")[0], rows_of(session, "MATCH ()-[r]->() RETURN r")[0]), int(rest[0]))
            answer |= {"nodes": nodes, "relationships": relationships}
        elif command == "export":
            answer["seconds"], answer["bytes"] = timed(lambda: export(session, rest[0]), 1)
        elif command == "files":
            answer["seconds"], _ = timed(lambda: run_files(session, rest[0]), 1)
        else:
            sys.exit(f"no command {command}")
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
