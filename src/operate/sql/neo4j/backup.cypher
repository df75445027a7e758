// SPDX-License-Identifier: Apache-2.0
// What backups ask of Neo4j.

// The mark of a restore.
// name: neo_state_exists
MATCH (s:_DataflowRestoreState) RETURN count(s)

// name: neo_state_select
MATCH (s:_DataflowRestoreState) RETURN s.backupId, s.safetyId, s.state, s.startedAt, s.host, s.kept

// name: neo_state_remove
MATCH (s:_DataflowRestoreState) DELETE s

// name: neo_state_insert
CREATE (:_DataflowRestoreState {backupId: ?, safetyId: ?, state: ?, startedAt: ?, host: ?, kept: ?})

// name: neo_database
CALL db.info() YIELD name RETURN name

// Who else is in the middle of a transaction that has locks, in a database. The lock of migrations is one that stays open.
// name: neo_others
SHOW TRANSACTIONS YIELD transactionId, username, clientAddress, elapsedTime, currentQuery, activeLockCount, metaData, database, connectionId
WHERE database = ? AND activeLockCount > 0 AND NOT coalesce(metaData.app, '') STARTS WITH 'dataflow'
RETURN transactionId, username, clientAddress, elapsedTime.milliseconds / 1000, left(currentQuery, 120)
ORDER BY elapsedTime DESC LIMIT 5
