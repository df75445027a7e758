// SPDX-License-Identifier: Apache-2.0
// The ledger in Neo4j: the statements of ../ledger.sql and of the other engines' ledger.sql, with their parameters in
// their order and their columns, and at the end of what writes a row of the history the file's name and its
// description (files_too of the dialect). docs/ledger.md describes the graph.
//
// Written for every Cypher that is spoken today (4.4, 5 and 25): no subqueries, whose form has changed between them.
// A comparison with what is no time is null: a property that somebody has made a text of does not end a query.
// SET of what is there already changes nothing but takes the node's lock, so "SET m.held = true" is how a node is locked
// until commit; what is to be judged under the lock is read behind it. A failing division stops everything behind it.
//
// The server forgets all plans at each change of the schema, and planning takes longer than running. What is written for
// every migration is therefore of few words: MERGE or CREATE of one node, and maps of parameters, which the driver sends as
// one parameter each (parameters.c), so that a list of any length has one plan. Numbers that the holder of the lock can
// count (sequence, entries of the audit log) it counts.

// name: find
CALL db.info() YIELD name
OPTIONAL MATCH (m:_MigrationMeta {name: 'version'})
RETURN name, m IS NOT NULL, m.number

// name: version
MATCH (m:_MigrationMeta {name: 'version'}) RETURN m.number

// name: version_write
WITH ? AS number, ? AS program
MERGE (m:_MigrationMeta {name: 'version'})
SET m.number = number, m.value = program

// ---- history ----

// name: applied
MATCH (h:Migration) WHERE h.migrationId IS NOT NULL
RETURN h.migrationId, coalesce(h.fileVersion, h.version), h.name,
    CASE h.status WHEN 'SUCCESS' THEN 'completed' WHEN 'FAILED' THEN 'failed' WHEN 'ROLLED_BACK' THEN 'rolled_back'
        WHEN 'RUNNING' THEN 'in_progress' WHEN 'PENDING' THEN 'pending' ELSE coalesce(toString(h.status), '') END,
    h.kind, coalesce(h.origin, 'imported'), h.checksum, h.rawChecksum, h.sequence,
    CASE WHEN h.appliedAt >= datetime({year: 0}) THEN h.appliedAt.epochMillis END, h.appliedBy,
    h.environment, h.errorMessage, h.executionTime, h.estimatedDuration, h.rowsAffected,
    CASE WHEN h.rolledBackAt >= datetime({year: 0}) THEN h.rolledBackAt.epochMillis END,
    h.steps, h.undone, h.journalled, h.direction
ORDER BY h.sequence

// name: steps_done
MATCH (h:Migration) WHERE h.migrationId IS NOT NULL AND h.status IN ['RUNNING', 'FAILED']
MATCH (j:_MigrationJournal {migrationId: h.migrationId, direction: h.direction, attempt: h.attempt})
WHERE j.number >= 0 AND (j.status IN ['done', 'skipped'] OR j.status <> 'undone' AND j.progress IS NOT NULL)
RETURN h.migrationId, count(*)

// name: source
MATCH (s:_MigrationSource {migrationId: ?, section: ?}) RETURN s.content

// name: outcome
WITH ? AS id, ? AS run, ? AS way, ? AS status
MATCH (h:Migration {migrationId: id})
WHERE h.runId = run AND h.direction = way
  AND h.status = CASE status WHEN 'completed' THEN 'SUCCESS' WHEN 'rolled_back' THEN 'ROLLED_BACK' END
RETURN count(*)

// name: undo_steps
WITH ? AS id, ? AS way, ? AS same
MATCH (h:Migration {migrationId: id})
MATCH (j:_MigrationJournal {migrationId: id, direction: way, attempt: h.attempt})
WHERE j.number >= 0 AND j.status IN ['done', 'skipped']
SET j.status = 'undone'

// name: sequence
MATCH (h:Migration) WHERE h.sequence > 0 RETURN max(h.sequence)

// name: start
MERGE (h:Migration {migrationId: ?})
SET h += {name: ?, checksum: ?, appliedBy: ?, metadata: ?, environment: ?, fileVersion: ?, kind: ?, rawChecksum: ?, steps: ?,
    journalled: ?, estimatedDuration: ?, runId: ?, status: 'RUNNING', origin: 'run', direction: 'up', rolledBackAt: null,
    rollbackTime: null, undone: null, errorMessage: null, executionTime: null, rowsAffected: null},
    h.attempt = coalesce(h.attempt + ?, 1),
    h += {filename: ?, summary: ?, version: ?, description: ?, sequence: ?, appliedAt: datetime({epochMillis: ?})}

// Of a migration's first run, as is complete_first; for the server the two are one statement.
// name: start_first
MERGE (h:Migration {migrationId: ?})
SET h += {name: ?, checksum: ?, appliedBy: ?, metadata: ?, environment: ?, fileVersion: ?, kind: ?, rawChecksum: ?, steps: ?,
    journalled: ?, estimatedDuration: ?, runId: ?, attempt: ?, filename: ?, summary: ?, version: ?, description: ?, sequence: ?,
    appliedAt: datetime({epochMillis: ?}), status: 'RUNNING', origin: 'run', direction: 'up'}

// name: start_down
WITH ? AS more, ? AS steps, ? AS journalled, ? AS run, ? AS id
MATCH (h:Migration {migrationId: id})
SET h.attempt = h.attempt + more, h.status = 'RUNNING', h.direction = 'down', h.steps = steps,
    h.journalled = journalled, h.runId = run, h.description = h.summary
REMOVE h.undone, h.errorMessage

// name: complete_first
MERGE (h:Migration {migrationId: ?})
SET h += {name: ?, checksum: ?, appliedBy: ?, metadata: ?, environment: ?, fileVersion: ?, kind: ?, rawChecksum: ?, steps: ?,
    journalled: ?, estimatedDuration: ?, runId: ?, executionTime: ?, rowsAffected: ?, attempt: 1, filename: ?,
    summary: ?, version: ?, description: ?, sequence: ?, appliedAt: datetime({epochMillis: ?}),
    status: 'SUCCESS', origin: 'run', direction: 'up'}

// name: complete_up
MERGE (h:Migration {migrationId: ?})
SET h += {name: ?, checksum: ?, appliedBy: ?, metadata: ?, environment: ?, fileVersion: ?, kind: ?, rawChecksum: ?, steps: ?,
    journalled: ?, estimatedDuration: ?, runId: ?, executionTime: ?, rowsAffected: ?, status: 'SUCCESS', origin: 'run',
    direction: 'up', rolledBackAt: null, rollbackTime: null, undone: null, errorMessage: null},
    h.attempt = coalesce(h.attempt + ?, 1),
    h += {filename: ?, summary: ?, version: ?, description: ?, sequence: ?, appliedAt: datetime({epochMillis: ?})}

// name: complete_down
WITH ? AS duration, ? AS steps, ? AS journalled, ? AS run, ? AS id
MATCH (h:Migration {migrationId: id})
SET h.attempt = CASE WHEN h.status = 'RUNNING' AND h.direction = 'down' THEN h.attempt ELSE h.attempt + 1 END
SET h.status = 'ROLLED_BACK', h.rolledBackAt = datetime(), h.rollbackTime = duration, h.steps = steps,
    h.journalled = journalled, h.runId = run, h.direction = 'down', h.description = h.summary
REMOVE h.errorMessage, h.undone

// name: fail_up
MERGE (h:Migration {migrationId: ?})
SET h += {name: ?, checksum: ?, appliedBy: ?, metadata: ?, environment: ?, fileVersion: ?, kind: ?, rawChecksum: ?, steps: ?},
    h.attempt = CASE WHEN h.attempt IS NULL THEN 1
        WHEN ? AND h.direction = 'up' AND h.status IN ['RUNNING', 'FAILED'] THEN h.attempt ELSE h.attempt + 1 END,
    h += {estimatedDuration: ?, runId: ?, executionTime: ?, errorMessage: ?, undone: ?, filename: ?, summary: ?,
        version: ?, description: ?, status: 'FAILED', origin: 'run', direction: 'up', rolledBackAt: null, rollbackTime: null,
        rowsAffected: null},
    h.sequence = coalesce(h.sequence, ?), h.appliedAt = datetime({epochMillis: ?}), h.journalled = ?

// name: fail_down
WITH ? AS status, ? AS error, ? AS undone, ? AS run, ? AS steps, ? AS journalled, ? AS id
MATCH (h:Migration {migrationId: id})
SET h.attempt = CASE WHEN h.status IN ['RUNNING', 'FAILED'] AND h.direction = 'down' THEN h.attempt ELSE h.attempt + 1 END
SET h.status = CASE status WHEN 'failed' THEN 'FAILED' ELSE 'SUCCESS' END, h.errorMessage = error, h.undone = undone,
    h.runId = run, h.steps = steps, h.journalled = journalled, h.direction = 'down',
    h.description = CASE status WHEN 'failed' THEN 'FAILED: ' + error ELSE h.summary END

// name: rollback_write
OPTIONAL MATCH (o:_MigrationRollback) WHERE o.rollbackId > 0
WITH o ORDER BY o.rollbackId DESC LIMIT 1
CREATE (:_MigrationRollback {rollbackId: coalesce(o.rollbackId, 0) + 1, rolledBackAt: datetime(), migrationId: ?,
    rolledBackBy: ?, reason: ?, duration: ?, success: ?, errorMessage: ?, metadata: ?})

// Several rows are one statement: head, rows with commas between them, and the upsert behind.
// name: source_head
UNWIND [

// name: source_row
{migrationId: ?, section: ?, content: ?, size: ?, storedAt: datetime({epochMillis: ?})}

// name: source_upsert
] AS r
MERGE (s:_MigrationSource {migrationId: r.migrationId, section: r.section})
SET s += r

// name: source_first
] AS r
CREATE (s:_MigrationSource)
SET s = r

// ---- journal ----

// name: journal_head
UNWIND [

// name: journal_intent
{migrationId: ?, direction: ?, number: ?, line: ?, status: ?, hash: ?, tag: ?, statement: ?, stateBefore: ?,
    transactionId: ?, progress: ?, rowsAffected: ?, duration: ?, errorMessage: ?, runId: ?,
    startedAt: datetime({epochMillis: ?}), finishedAt: datetime({epochMillis: ?})}

// name: journal_settled
{migrationId: ?, direction: ?, number: ?, line: ?, status: ?, hash: ?, tag: ?, statement: ?, stateBefore: ?,
    transactionId: ?, progress: ?, rowsAffected: ?, duration: ?, errorMessage: ?, runId: ?,
    startedAt: datetime({epochMillis: ?}), finishedAt: datetime({epochMillis: ?})}

// name: journal_upsert
] AS r
OPTIONAL MATCH (h:Migration {migrationId: r.migrationId})
WITH r, coalesce(h.attempt, 1) AS attempt
MERGE (j:_MigrationJournal {migrationId: r.migrationId, direction: r.direction, attempt: attempt, number: r.number})
SET j.startedAt = CASE WHEN r.status = 'intent' OR j.startedAt IS NULL THEN r.startedAt ELSE j.startedAt END,
    j.finishedAt = r.finishedAt,
    j.line = r.line, j.status = r.status, j.hash = r.hash, j.tag = r.tag, j.statement = r.statement,
    j.stateBefore = coalesce(r.stateBefore, j.stateBefore), j.transactionId = coalesce(r.transactionId, j.transactionId),
    j.progress = coalesce(r.progress, j.progress), j.rowsAffected = r.rowsAffected, j.duration = r.duration,
    j.errorMessage = r.errorMessage, j.runId = r.runId

// Of a first run: the attempt is known, and nothing is there that the rows do not have.
// name: journal_first
{attempt: 1, migrationId: ?, direction: ?, number: ?, line: ?, status: ?, hash: ?, tag: ?, statement: ?, stateBefore: ?,
    transactionId: ?, progress: ?, rowsAffected: ?, duration: ?, errorMessage: ?, runId: ?,
    startedAt: datetime({epochMillis: ?}), finishedAt: datetime({epochMillis: ?})}

// name: journal_first_end
] AS r
MERGE (j:_MigrationJournal {migrationId: r.migrationId, direction: r.direction, attempt: r.attempt, number: r.number})
SET j += r

// name: journal
WITH ? AS id, ? AS way, ? AS same_way, ? AS same_id, ? AS again_way, ? AS again_id
OPTIONAL MATCH (h:Migration {migrationId: id})
OPTIONAL MATCH (o:_MigrationJournal {migrationId: id, direction: way}) WHERE o.attempt >= 0 AND o.number >= 0
WITH id, way, h, max(o.attempt) AS newest
WITH id, way, CASE WHEN h.direction = way THEN h.attempt ELSE newest END AS attempt
MATCH (j:_MigrationJournal {migrationId: id, direction: way, attempt: attempt}) WHERE j.number >= 0
RETURN j.number, j.line, j.status, j.hash, j.tag, j.statement, j.stateBefore, j.transactionId, j.progress,
    j.rowsAffected, j.duration, j.errorMessage
ORDER BY j.number

// name: decide
WITH ? AS status, ? AS id, ? AS way, ? AS number, ? AS same_id, ? AS same_way
MATCH (h:Migration {migrationId: id}) WHERE h.direction = way
MATCH (j:_MigrationJournal {migrationId: id, direction: way, attempt: h.attempt, number: number})
SET j.status = status, j.finishedAt = datetime()

// name: known
MATCH (h:Migration {migrationId: ?}) RETURN count(*)

// name: known_step
WITH ? AS id, ? AS way, ? AS number, ? AS same_id, ? AS same_way
MATCH (h:Migration {migrationId: id}) WHERE h.direction = way
MATCH (j:_MigrationJournal {migrationId: id, direction: way, attempt: h.attempt, number: number})
RETURN count(*)

// ---- repairs ----

// name: set_checksum
WITH ? AS checksum, ? AS raw, ? AS name, ? AS version, ? AS metadata, ? AS id, ? AS file, ? AS description, ? AS shown
MATCH (h:Migration {migrationId: id})
SET h.checksum = checksum, h.rawChecksum = raw, h.name = name, h.version = shown, h.fileVersion = version,
    h.metadata = metadata, h.filename = file, h.summary = description,
    h.description = CASE WHEN h.status = 'FAILED' THEN h.description ELSE description END

// name: rename_history
WITH ? AS id, ? AS name, ? AS version, ? AS raw, ? AS former, ? AS file, ? AS description,
    ? AS shown
MATCH (h:Migration {migrationId: former})
SET h.migrationId = id, h.name = name, h.version = shown, h.fileVersion = version, h.rawChecksum = raw,
    h.filename = file,
    h.summary = description,
    h.description = CASE WHEN h.status = 'FAILED' THEN h.description ELSE description END

// name: rename_sources
WITH ? AS id, ? AS former
MATCH (s:_MigrationSource {migrationId: former}) WHERE s.section IS NOT NULL
SET s.migrationId = id

// name: rename_journal
WITH ? AS id, ? AS former
MATCH (j:_MigrationJournal {migrationId: former})
WHERE j.direction IS NOT NULL AND j.attempt >= 0 AND j.number >= 0
SET j.migrationId = id

// name: forget_history
MATCH (h:Migration {migrationId: ?}) DETACH DELETE h

// name: forget_sources
MATCH (s:_MigrationSource {migrationId: ?}) WHERE s.section IS NOT NULL DETACH DELETE s

// name: forget_journal
MATCH (j:_MigrationJournal {migrationId: ?})
WHERE j.direction IS NOT NULL AND j.attempt >= 0 AND j.number >= 0
DETACH DELETE j

// Another program's node for the same file becomes ours, so that nobody finds one migration twice; what it said before
// is kept beside.
// name: mark
OPTIONAL MATCH (o:Migration) WHERE o.sequence > 0
WITH o ORDER BY o.sequence DESC LIMIT 1
WITH coalesce(o.sequence, 0) + 1 AS next, ? AS id, ? AS name, ? AS checksum, ? AS ms, ? AS by, ? AS metadata,
    ? AS environment, ? AS version, ? AS kind, ? AS raw, ? AS file, ? AS description, ? AS shown
OPTIONAL MATCH (node:Migration) WHERE node.migrationId IS NULL
WITH *, replace(node.filename, '\\', '/') AS path
WITH *, CASE WHEN path = file OR path ENDS WITH '/' + file OR NOT path CONTAINS '/' AND file ENDS WITH '/' + path
    THEN node END AS t
WITH *, CASE t.status WHEN 'SUCCESS' THEN 0 ELSE 1 END AS place ORDER BY place
WITH next, id, name, checksum, ms, by, metadata, environment, version, kind, raw, file, description, shown,
    head(collect(t)) AS theirs
FOREACH (x IN CASE WHEN theirs IS NULL THEN [1] ELSE [] END | CREATE (:Migration {migrationId: id}))
FOREACH (x IN CASE WHEN theirs IS NULL THEN [] ELSE [theirs] END |
    SET x.migrationId = id, x.formerFilename = x.filename, x.formerVersion = x.version, x.formerChecksum = x.checksum,
        x.formerStatus = x.status, x.formerDescription = x.description)
WITH next, id, name, checksum, ms, by, metadata, environment, version, kind, raw, file, description, shown
MATCH (h:Migration {migrationId: id})
SET h.appliedAt = CASE WHEN h.formerStatus = 'SUCCESS' AND h.appliedAt IS NOT NULL THEN h.appliedAt
        WHEN ms IS NULL THEN datetime() ELSE datetime({epochMillis: ms}) END,
    h.appliedBy = CASE WHEN h.formerStatus = 'SUCCESS' THEN coalesce(h.appliedBy, by) ELSE by END
SET h.name = name, h.checksum = checksum, h.status = 'SUCCESS', h.metadata = metadata, h.environment = environment,
    h.version = shown, h.fileVersion = version, h.sequence = next, h.kind = kind, h.origin = 'adopted', h.rawChecksum = raw,
    h.direction = 'up', h.attempt = 1, h.steps = 0, h.journalled = false, h.filename = file, h.summary = description,
    h.description = description

// ---- audit ----

// name: audit_head
MATCH (m:_MigrationMeta {name: 'audit'}) SET m.held = true
RETURN m.number, m.value, datetime().epochMillis, null, coalesce(m.lastId, 0)

// name: audit_write
CREATE (a:_MigrationAudit)
SET a = {migrationId: ?, action: ?, actor: ?, timestamp: datetime({epochMillis: ?}), ipAddress: ?, userAgent: ?, details: ?, databaseUser: ?,
    environment: ?, previous: ?, hash: ?, auditId: ?}

// When there are more entries than the new ones stand behind, or no head, the division fails. For the server this is the
// same statement as the check of the fence.
// name: audit_head_write
MERGE (m:_MigrationMeta {name: ?})
SET m.held = 1 / CASE m.number WHEN ? THEN 1 ELSE 0 END, m += {number: ?, value: ?, previous: ?, lastId: ?}

// name: audit_head_read
MATCH (m:_MigrationMeta {name: 'audit'}) RETURN m.number, m.value

// name: audit_find
MATCH (a:_MigrationAudit) WHERE a.hash = ? RETURN a.auditId

// name: audit_next
MATCH (a:_MigrationAudit) WHERE a.auditId > ? AND a.hash IS NOT NULL RETURN min(a.auditId)

// name: audit_all
MATCH (a:_MigrationAudit) WHERE a.auditId IS NOT NULL AND a.hash IS NOT NULL
RETURN a.auditId, CASE WHEN a.timestamp >= datetime({year: 0}) THEN a.timestamp.epochMillis END, a.action,
    a.migrationId, a.actor, a.ipAddress, a.userAgent, a.details, a.previous, a.hash, a.databaseUser, a.environment
ORDER BY a.auditId

// name: audit_newest
MATCH (a:_MigrationAudit) WHERE a.auditId IS NOT NULL
WITH a ORDER BY a.auditId DESC LIMIT ?
RETURN a.auditId, CASE WHEN a.timestamp >= datetime({year: 0}) THEN a.timestamp.epochMillis END, a.action,
    a.migrationId, a.actor, a.ipAddress, a.userAgent, a.details, a.previous, a.hash, a.databaseUser, a.environment
ORDER BY a.auditId

// name: audit_newest_of
MATCH (a:_MigrationAudit {migrationId: ?})
WITH a ORDER BY a.auditId DESC LIMIT ?
RETURN a.auditId, CASE WHEN a.timestamp >= datetime({year: 0}) THEN a.timestamp.epochMillis END, a.action,
    a.migrationId, a.actor, a.ipAddress, a.userAgent, a.details, a.previous, a.hash, a.databaseUser, a.environment
ORDER BY a.auditId

// ---- lock ----

// name: lock_look
MATCH (m:_MigrationMeta {name: 'fence'})
OPTIONAL MATCH (l:_MigrationLock {lockName: 'migration_lock'})
RETURN m.number, datetime().epochMillis, l.lockId, l.acquiredBy, l.hostname, l.metadata, l.pid, l.fence, l.sessionId,
    l.sessionStarted, l.databaseId, l.databaseUser, l.acquiredAt.epochMillis, l.expiresAt.epochMillis,
    l.heartbeatAt.epochMillis

// name: lock_clear
MATCH (l:_MigrationLock {lockName: 'migration_lock'}) DETACH DELETE l

// name: lock_give
WITH ? AS id, ? AS fence
MATCH (l:_MigrationLock {lockName: 'migration_lock'}) WHERE l.lockId = id AND l.fence = fence
DETACH DELETE l

// name: fence_write
MATCH (m:_MigrationMeta {name: 'fence'}) SET m.number = ?

// name: fence_lock
MATCH (m:_MigrationMeta {name: 'fence'}) SET m.held = true
RETURN m.number

// name: fence_raise
WITH ? AS number, ? AS same
MATCH (m:_MigrationMeta {name: 'fence'}) SET m.held = true
WITH m, number WHERE m.number < number
SET m.number = number

// name: lock_write
CREATE (:_MigrationLock {lockName: 'migration_lock', acquiredAt: datetime(), heartbeatAt: datetime(), lockId: ?,
    acquiredBy: ?, hostname: ?, pid: ?, expiresAt: datetime() + duration({milliseconds: ?}), metadata: ?, fence: ?,
    sessionId: ?, sessionStarted: ?, databaseId: ?, databaseUser: ?})

// The node of the fence is one that heartbeats do not touch; a takeover waits for it until our commit. When the number is
// not ours, or the node is gone, the division fails: a node that MERGE has made has none.
// name: check
MERGE (m:_MigrationMeta {name: ?})
SET m.held = 1 / CASE m.number WHEN ? THEN 1 ELSE 0 END, m += {number: ?}

// Somebody may have deleted the row, or put another in its place.
// name: check_row
MATCH (l:_MigrationLock) WHERE l.lockId = ? RETURN 1 / count(l)

// name: beat
WITH ? AS ttl, ? AS metadata, ? AS id, ? AS fence
MATCH (l:_MigrationLock {lockName: 'migration_lock'}) WHERE l.lockId = id AND l.fence = fence
SET l.expiresAt = datetime() + duration({milliseconds: ttl}), l.heartbeatAt = datetime(), l.metadata = metadata

// ---- backups ----

// name: backup_write
WITH ? AS id, ? AS filename, ? AS path, ? AS size, ? AS checksum, ? AS created, ? AS by, ? AS type, ? AS compressed,
    ? AS encrypted, ? AS days, ? AS metadata, ? AS verified
CREATE (:_MigrationBackup {backupId: id, filename: filename, path: path, size: size, checksum: checksum,
    createdAt: CASE WHEN created IS NULL THEN datetime() ELSE datetime({epochMillis: created}) END, createdBy: by,
    type: type, compressed: compressed, encrypted: encrypted, retentionDays: days, metadata: metadata,
    verifiedAt: CASE WHEN verified IS NULL THEN null ELSE datetime({epochMillis: verified}) END})

// name: backup_list
MATCH (b:_MigrationBackup)
RETURN b.backupId, b.filename, b.path, b.size, b.checksum, b.createdAt.epochMillis, b.createdBy, b.type, b.compressed,
    b.encrypted, b.retentionDays, b.metadata, b.verifiedAt.epochMillis
ORDER BY b.createdAt DESC, b.backupId DESC

// name: backup_update
WITH ? AS metadata, ? AS verified, ? AS filename, ? AS path, ? AS size, ? AS checksum, ? AS id
MATCH (b:_MigrationBackup {backupId: id})
SET b.metadata = metadata, b.filename = filename, b.path = path, b.size = size, b.checksum = checksum,
    b.verifiedAt = CASE WHEN verified IS NULL THEN null ELSE datetime({epochMillis: verified}) END

// name: backup_remove
MATCH (b:_MigrationBackup {backupId: ?}) DETACH DELETE b

// name: restored_write
OPTIONAL MATCH (o:_MigrationRestoration) WHERE o.restorationId > 0
WITH o ORDER BY o.restorationId DESC LIMIT 1
CREATE (:_MigrationRestoration {restorationId: coalesce(o.restorationId, 0) + 1, restoredAt: datetime(), backupId: ?,
    restoredBy: ?, duration: ?, success: ?, errorMessage: ?})

// name: restored_list
MATCH (r:_MigrationRestoration)
RETURN r.backupId, r.restoredAt.epochMillis, r.restoredBy, r.duration, r.success, r.errorMessage
ORDER BY r.restorationId

// name: restored_add
OPTIONAL MATCH (o:_MigrationRestoration) WHERE o.restorationId > 0
WITH o ORDER BY o.restorationId DESC LIMIT 1
WITH coalesce(o.restorationId, 0) + 1 AS next, ? AS id, ? AS ms, ? AS by, ? AS duration, ? AS success, ? AS error
CREATE (:_MigrationRestoration {restorationId: next, backupId: id, restoredBy: by, duration: duration,
    success: success, errorMessage: error,
    restoredAt: CASE WHEN ms IS NULL THEN datetime() ELSE datetime({epochMillis: ms}) END})

// ---- the schema at the last success ----

// name: schema_keep
OPTIONAL MATCH (o:_MigrationSchema) WHERE o.schemaId > 0
WITH o ORDER BY o.schemaId DESC LIMIT 1
CREATE (:_MigrationSchema {schemaId: coalesce(o.schemaId, 0) + 1, takenAt: datetime(), runId: ?, digest: ?, objects: ?,
    content: ?})

// name: schema_newest
MATCH (s:_MigrationSchema) WHERE s.schemaId > 0
RETURN s.digest, s.takenAt.epochMillis, s.content
ORDER BY s.schemaId DESC LIMIT 1

// name: schema_newest_id
MATCH (s:_MigrationSchema) RETURN max(s.schemaId)

// name: schema_prune
MATCH (s:_MigrationSchema) WHERE s.schemaId < ? DETACH DELETE s

// ---- other tools' histories ----

// Each label that may be another tool's history, with the properties of one of its nodes, and the database's own name
// in front.
// name: foreign_columns
WITH ? AS scope
OPTIONAL MATCH (a:__Neo4jMigration)
WITH scope, a LIMIT 1
OPTIONAL MATCH (b:__LiquibaseChangeSet)
WITH scope, a, b LIMIT 1
OPTIONAL MATCH (c:Migration) WHERE c.migrationId IS NULL AND c.filename IS NOT NULL
WITH scope, a, b, c LIMIT 1
OPTIONAL MATCH (d:SchemaMigration)
WITH scope, a, b, c, d LIMIT 1
UNWIND [['__LiquibaseChangeSet', keys(b)], ['__Neo4jMigration', keys(a)], ['Migration', keys(c)],
    ['SchemaMigration', keys(d)]] AS label
UNWIND label[1] AS property
RETURN scope, label[0], property, 'property'
