// SPDX-License-Identifier: Apache-2.0
// Other tools' histories in a graph; as ../foreign.sql: version, name, checksum, when, whether it succeeded.

// The chain, with what was repeated as it was last. A chain may be kept for another database, which it names.
// name: read_chain
CALL db.info() YIELD name AS here
MATCH ()-[r:MIGRATED_TO]->(m:__Neo4jMigration)
WHERE m.migrationTarget IS NULL OR m.migrationTarget = here
OPTIONAL MATCH (m)-[again:REPEATED]->(m)
WITH m, r, again ORDER BY again.at DESC
WITH m, r, head(collect(again)) AS last
RETURN CASE WHEN m.repeatable THEN null ELSE m.version END, m.description, coalesce(last.checksum, m.checksum),
    coalesce(last.at, r.at).epochMillis, true
ORDER BY r.at

// Behind the one before it in the order of versions, whatever came there before.
// name: put_chain
WITH ? AS previous, ? AS version, ? AS description, ? AS repeatable, ? AS source, ? AS checksum, ? AS ms, ? AS took,
    ? AS by, ? AS user
CALL db.info() YIELD name AS here
MATCH (p:__Neo4jMigration {version: previous})
WHERE p.migrationTarget IS NULL OR p.migrationTarget = here
WITH *, p ORDER BY p.migrationTarget LIMIT 1
OPTIONAL MATCH (p)-[o:MIGRATED_TO]->(n)
CREATE (p)-[:MIGRATED_TO {at: datetime({epochMillis: ms}), in: duration({milliseconds: took}), by: by,
    connectedAs: user}]->(c:__Neo4jMigration {version: version, description: description, type: 'CYPHER',
    repeatable: repeatable, source: source, checksum: checksum, migrationTarget: p.migrationTarget})
FOREACH (x IN CASE WHEN n IS NULL THEN [] ELSE [n] END |
    CREATE (c)-[q:MIGRATED_TO]->(x) SET q = properties(o) DELETE o)

// name: repeat_chain
WITH ? AS version, ? AS checksum, ? AS ms, ? AS took, ? AS by, ? AS user
CALL db.info() YIELD name AS here
MATCH (m:__Neo4jMigration {version: version}) WHERE m.migrationTarget IS NULL OR m.migrationTarget = here
CREATE (m)-[:REPEATED {checksum: checksum, at: datetime({epochMillis: ms}), in: duration({milliseconds: took}), by: by,
    connectedAs: user}]->(m)

// name: take_chain
WITH ? AS version
CALL db.info() YIELD name AS here
MATCH (p)-[:MIGRATED_TO]->(m:__Neo4jMigration {version: version})
WHERE m.migrationTarget IS NULL OR m.migrationTarget = here
OPTIONAL MATCH (m)-[o:MIGRATED_TO]->(n)
FOREACH (x IN CASE WHEN n IS NULL THEN [] ELSE [n] END | CREATE (p)-[q:MIGRATED_TO]->(x) SET q = properties(o))
DETACH DELETE m

// name: read_liquibase
MATCH (c:__LiquibaseChangeSet)
OPTIONAL MATCH (c)-[i:IN_CHANGELOG]->(:__LiquibaseChangeLog)
RETURN null, coalesce(c.storedChangeLog, c.changeLog) + '::' + c.author + ':' + c.id, c.checkSum,
    i.dateExecuted.epochMillis, coalesce(c.execType, 'EXECUTED') IN ['EXECUTED', 'RERAN', 'MARK_RAN']
ORDER BY i.orderExecuted

// By the file's name alone: what stands before it was the path on somebody's machine.
// name: read_nodes
MATCH (m:Migration) WHERE m.migrationId IS NULL AND m.filename IS NOT NULL AND m.status IN ['SUCCESS', 'FAILED']
WITH m, last(split(replace(m.filename, '\\', '/'), '/')) AS file
RETURN null, CASE WHEN file ENDS WITH '.up.cypher' THEN left(file, size(file) - 10)
        WHEN file ENDS WITH '.cypher' THEN left(file, size(file) - 7) ELSE file END,
    m.checksum, m.appliedAt.epochMillis, m.status = 'SUCCESS'
ORDER BY m.appliedAt

// name: read_schema_migration
MATCH (m:SchemaMigration) WHERE m.version >= 0
RETURN m.version, null AS name, null AS checksum, m.ts.epochMillis, m.dirty
ORDER BY coalesce(m.ts, datetime({year: 0})) DESC, m.version DESC LIMIT 1

// name: clear_schema_migration
MATCH (m:SchemaMigration) DETACH DELETE m

// name: put_schema_migration
WITH ? AS version, ? AS dirty
MERGE (m:SchemaMigration {version: version}) SET m.dirty = dirty, m.ts = datetime()
