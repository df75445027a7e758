// SPDX-License-Identifier: Apache-2.0
// The ledger's keys. Constraints first, each with the index that it is made of; nodes behind them, since no transaction
// may hold both. docs/ledger.md explains every property.

// name: schema
CREATE CONSTRAINT _migration_meta_key IF NOT EXISTS FOR (m:_MigrationMeta) REQUIRE m.name IS UNIQUE;
CREATE CONSTRAINT _migration_key IF NOT EXISTS FOR (h:Migration) REQUIRE h.migrationId IS UNIQUE;
CREATE INDEX _migration_sequence IF NOT EXISTS FOR (h:Migration) ON (h.sequence);
CREATE CONSTRAINT _migration_lock_key IF NOT EXISTS FOR (l:_MigrationLock) REQUIRE l.lockName IS UNIQUE;
CREATE CONSTRAINT _migration_audit_key IF NOT EXISTS FOR (a:_MigrationAudit) REQUIRE a.auditId IS UNIQUE;
CREATE CONSTRAINT _migration_audit_previous IF NOT EXISTS FOR (a:_MigrationAudit) REQUIRE a.previous IS UNIQUE;
CREATE INDEX _migration_audit_migration IF NOT EXISTS FOR (a:_MigrationAudit) ON (a.migrationId);
CREATE CONSTRAINT _migration_rollback_key IF NOT EXISTS FOR (r:_MigrationRollback) REQUIRE r.rollbackId IS UNIQUE;
CREATE CONSTRAINT _migration_journal_key IF NOT EXISTS FOR (j:_MigrationJournal)
    REQUIRE (j.migrationId, j.direction, j.attempt, j.number) IS UNIQUE;
CREATE CONSTRAINT _migration_source_key IF NOT EXISTS FOR (s:_MigrationSource)
    REQUIRE (s.migrationId, s.section) IS UNIQUE;
CREATE CONSTRAINT _migration_schema_key IF NOT EXISTS FOR (s:_MigrationSchema) REQUIRE s.schemaId IS UNIQUE;
CREATE CONSTRAINT _migration_backup_key IF NOT EXISTS FOR (b:_MigrationBackup) REQUIRE b.backupId IS UNIQUE;
CREATE CONSTRAINT _migration_restoration_key IF NOT EXISTS FOR (r:_MigrationRestoration)
    REQUIRE r.restorationId IS UNIQUE;


// The server warns of properties that no node has yet; nobody is to be told that of ours.
// name: rest
UNWIND ['transactionId', 'progress', 'stateBefore', 'errorMessage', 'undone', 'rolledBackAt', 'rowsAffected', 'verifiedAt',
    'fileVersion'] AS name
CALL db.createProperty(name)
RETURN count(name);
MERGE (m:_MigrationMeta {name: 'fence'}) ON CREATE SET m.number = 0;
MERGE (m:_MigrationMeta {name: 'audit'}) ON CREATE SET m.number = 0, m.lastId = 0,
    m.value = '0000000000000000000000000000000000000000000000000000000000000000';
