#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
foreign_graph.py ENGINE PUPPET: other tools' histories in a graph, found, read and written. neo4j-migrations itself is asked
where it can be had: in PATH, or below the folder that DATAFLOW_PEERS names (bin/).
"""
import os
import zlib

from foreign import new_folder, run, tool, write
from puppets import main, tap

check, equal, contains = tap.check, tap.equal, tap.contains


def prepared(place, *statements):
    name = place.database()
    for statement in statements:
        place.server.cypher(statement)
    ours = place.puppet(name)
    contains(ours.told("create"), "ok", "the ledger beside it")
    return ours


CHAIN = """CREATE (b:__Neo4jMigration {version: 'BASELINE'})
    -[:MIGRATED_TO {at: datetime('2024-01-01T10:00:00Z'), in: duration('PT0.1S'), by: 'ann', connectedAs: 'neo4j'}]->
    (:__Neo4jMigration {version: '1', description: 'first', type: 'CYPHER', repeatable: false, source: 'V1__first.cypher', checksum: '1'})
    -[:MIGRATED_TO {at: datetime('2024-01-02T10:00:00Z'), in: duration('PT0.1S'), by: 'ann', connectedAs: 'neo4j'}]->
    (r:__Neo4jMigration {version: '2', description: 'again and again', type: 'CYPHER', repeatable: true,
        source: 'R2__again_and_again.cypher', checksum: '2'})
    -[:MIGRATED_TO {at: datetime('2024-01-03T10:00:00Z'), in: duration('PT0.1S'), by: 'ann', connectedAs: 'neo4j'}]->
    (:__Neo4jMigration {version: '3.1', description: 'third', type: 'CYPHER', repeatable: false, source: 'V3_1__third.cypher', checksum: '3'})
    CREATE (r)-[:REPEATED {checksum: '22', at: datetime('2024-05-01T10:00:00Z'), in: duration('PT0.1S'), by: 'ann', connectedAs: 'neo4j'}]->(r)
    CREATE (:__Neo4jMigration {version: 'BASELINE', migrationTarget: 'other'})-[:MIGRATED_TO {at: datetime()}]->
    (:__Neo4jMigration {version: '9', migrationTarget: 'other', description: 'of another database'})"""


def chain(place):
    """The versions in the order of the chain."""
    return [row[0] for row in place.server.cypher(
        "MATCH p = (b:__Neo4jMigration {version: 'BASELINE'})-[:MIGRATED_TO*]->(m) WHERE b.migrationTarget IS NULL "
        "RETURN m.version ORDER BY length(p)")]


def test_chain(place):
    ours = prepared(place, CHAIN)
    equal(ours.told("find"), "ok neo4j-migrations __Neo4jMigration : 1/first/ok/timed /again and again/ok/timed 3.1/third/ok/timed",
          "neo4j-migrations: its chain is read, without that of another database")
    folder = new_folder(place, "chain")
    write(folder, "V1__first.cypher", "CREATE (:One);\n")
    write(folder, "R2__again_and_again.cypher", "MATCH (n:One) SET n.seen = true;\n")
    write(folder, "V2_5__between.cypher", "CREATE (:Between);\n")
    write(folder, "V3_1__third.cypher", "CREATE (:Three);\n")
    write(folder, "V4__fourth.cypher", "CREATE (:Four);\n")
    equal(ours.told(f"mark {folder} 5"), "ok ", "all five count as applied by us")
    equal(ours.told(f"handback {folder}"), "ok 3", "two are handed back, and that one was repeated")
    equal(chain(place), ["1", "2", "2.5", "3.1", "4"], "in the order of versions")
    equal(ours.told(f"handback {folder}"), "ok 0", "once")
    crc = zlib.crc32(b"CREATE (:Four)")
    row = place.server.cypher("MATCH ()-[r:MIGRATED_TO]->(m:__Neo4jMigration {version: '4'}) "
                              "RETURN m.checksum, m.description, m.type, m.source, m.repeatable, r.by")[0]
    equal(row, [str(crc), "fourth", "CYPHER", "V4__fourth.cypher", False, "ops"], "in its style, with its checksum")
    ours.told("sql UPDATE _migration_history SET status = 'rolled_back' WHERE version = '2.5'")
    equal(ours.told(f"handback {folder}"), "ok 1", "what was taken back since is taken out")
    equal(chain(place), ["1", "2", "3.1", "4"], "and the chain closed")
    equal(place.server.cypher("MATCH (m:__Neo4jMigration {migrationTarget: 'other'}) RETURN count(m)"), [[2]],
          "that of the other database is as it was")


def test_neo4j_migrations(place):
    """The tool itself: it applies, we go on, it finds nothing to complain about and goes on."""
    program = tool("neo4j-migrations")
    if not program:
        return tap.skip("neo4j-migrations", "it is not installed")
    name = place.database()
    folder = new_folder(place, "neo4j-migrations")

    def ask(*command):
        return run([program, "--address", f"bolt://127.0.0.1:{place.server.port.number}", "--username", "neo4j", "--password",
                    place.server.password, "--location", "file://" + folder, *command])

    write(folder, "V0001__First_step.cypher", "// größer\nCREATE (:One {url: 'http://x'});\nCREATE (:Two)\n;\n")
    write(folder, "R0002__Seen.cypher", "MATCH (n:One)\nSET n.seen = 1;\n")
    write(folder, "V0010__Index.cypher", "CREATE INDEX one_url IF NOT EXISTS FOR (n:One) ON (n.url);\n")
    status, said = ask("apply")
    check(status == 0, "neo4j-migrations applies three", said)
    ours = place.puppet(name)
    contains(ours.told("create"), "ok", "the ledger beside its chain")
    equal(ours.told("find").count("/ok/timed"), 3, "which is read")
    contains(ours.told("take 0 0"), "ok", "under the lock")
    equal(ours.told(f"mark {folder} 3"), "ok ", "what it applied counts as applied")
    equal(ours.told(f"handback {folder}"), "ok 0", "and need not be handed back")
    write(folder, "V0003__Between.cypher", "CREATE (:Between);\n")
    write(folder, "V0011__Last.cypher", "/* at\nlast */\nCREATE (:Last);\n\n\nMATCH (n:Last)\n  SET n.x = ';';\n")
    equal(ours.told(f"mark {folder} 5"), "ok ", "two more are applied by us, one of them in between")
    equal(ours.told(f"handback {folder}"), "ok 2", "and handed back")
    status, said = ask("validate")
    check(status == 0, "it finds its chain valid", said)
    status, said = ask("info")
    check(status == 0 and "PENDING" not in said and said.count("APPLIED") == 5, "with nothing to do", said)
    write(folder, "V0012__Its_own.cypher", "CREATE (:Own);\n")
    status, said = ask("apply")
    check(status == 0, "it goes on with the next", said)
    equal(place.server.cypher("MATCH (n) WHERE n:Own OR n:Last OR n:Between RETURN labels(n)"), [[["Own"]]],
          "and with that alone")


def test_liquibase(place):
    ours = prepared(place, """CREATE (l:__LiquibaseChangeLog {dateCreated: datetime()})
        CREATE (:__LiquibaseChangeSet {id: 'books', author: 'ann', changeLog: 'main.cypher', checkSum: '9:abc', execType: 'EXECUTED'})
            -[:IN_CHANGELOG {dateExecuted: datetime('2024-01-01T10:00:00Z'), orderExecuted: 1}]->(l)
        CREATE (:__LiquibaseChangeSet {id: 'more', author: 'bob', changeLog: 'main.cypher', checkSum: '9:def', execType: 'FAILED'})
            -[:IN_CHANGELOG {dateExecuted: datetime('2024-01-02T10:00:00Z'), orderExecuted: 2}]->(l)""")
    equal(ours.told("find"), "ok liquibase __LiquibaseChangeSet : /main.cypher::ann:books/ok/timed /main.cypher::bob:more/failed/timed",
          "liquibase: its log is read")
    folder = new_folder(place, "liquibase")
    write(folder, "main.cypher", "--liquibase formatted cypher\n--changeset ann:books\nCREATE (:Book);\n")
    answer = ours.told(f"handback {folder}")
    contains(answer, "unsupported", "its checksums nobody else can make")
    contains(answer, "changelog-sync", "and what to do is told")


def test_nodes(place):
    ours = prepared(place, """CREATE (:Migration {filename: '/home/ann/app/schema/migrations/common/2025-10-15_143022_first.up.cypher',
            version: '2025.10.15.143022', checksum: 'theirs', appliedAt: datetime('2025-10-16T08:00:00Z'), status: 'SUCCESS'})
        CREATE (:Migration {filename: 'dev\\\\20251101_000000_second.up.cypher', version: '20251101.000000', checksum: 'theirs',
            appliedAt: datetime('2025-11-02T08:00:00Z'), status: 'FAILED', description: 'FAILED: x'})""")
    equal(ours.told("find"), "ok native Migration : /2025-10-15_143022_first/ok/timed /20251101_000000_second/failed/timed",
          "nodes of the runbook's program: by their files' names")
    folder = new_folder(place, "nodes")
    write(folder, "common/2025-10-15_143022_first.up.cypher", "CREATE (:One);\n")
    equal(ours.told(f"mark {folder} 1"), "ok ", "one is adopted")
    contains(ours.told("find"), "/20251101_000000_second/failed", "the other one is still theirs")
    equal(place.server.cypher("MATCH (m:Migration) RETURN m.filename, m.migrationId IS NOT NULL ORDER BY m.appliedAt"),
          [["common/2025-10-15_143022_first.up.cypher", True], ["dev\\20251101_000000_second.up.cypher", False]],
          "no migration is there twice")


def test_schema_migration(place):
    ours = prepared(place, "CREATE (:SchemaMigration {version: 1, dirty: false, ts: datetime('2024-01-01T00:00:00Z')}), "
                           "(:SchemaMigration {version: 2, dirty: true, ts: datetime('2024-01-02T00:00:00Z')})")
    equal(ours.told("find"), "ok golang-migrate SchemaMigration newest dirty : 2//failed/timed", "golang-migrate: a dirty one is told")
    folder = new_folder(place, "golang")
    for i in (1, 2, 3):
        write(folder, f"{i:06d}_x.up.cypher", "CREATE (:N);\n")
        write(folder, f"{i:06d}_x.down.cypher", "MATCH (n:N) DELETE n;\n")
    ours.told(f"mark {folder} 3")
    equal(ours.told(f"handback {folder}"), "ok 1", "it is handed back")
    contains(ours.told("find"), "newest : 3//ok/timed", "the newest, and clean")


if __name__ == "__main__":
    main([test_chain, test_neo4j_migrations, test_liquibase, test_nodes, test_schema_migration])
