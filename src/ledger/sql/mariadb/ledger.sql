-- SPDX-License-Identifier: Apache-2.0
-- What only MariaDB understands; marks as in ../ledger.sql. Assignments of one UPDATE are made from left to right, so what
-- looks at a column stands before what changes it.

-- name: find
SELECT DATABASE(), EXISTS (SELECT 1 FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '_migration_meta')

-- The row of the fence is one that heartbeats do not touch; a takeover must wait for our commit.
-- name: check
SELECT EXISTS (SELECT 1 FROM {s}_migration_meta WHERE name = 'fence' AND number = ? LOCK IN SHARE MODE)
   AND EXISTS (SELECT 1 FROM {s}_migration_locks
               WHERE lock_name = 'migration_lock' AND lock_id = ? AND fence = ? AND session_id = ?
                 AND session_id = CONNECTION_ID())

-- name: fence_lock
SELECT number FROM {s}_migration_meta WHERE name = 'fence' FOR UPDATE NOWAIT

-- name: lock_write
INSERT INTO {s}_migration_locks (lock_name, lock_id, acquired_at, acquired_by, hostname, pid, expires_at, metadata, fence,
    heartbeat_at, session_id, session_started, database_id, database_user)
VALUES ('migration_lock', ?, {now}, ?, ?, ?, TIMESTAMPADD(MICROSECOND, ? * 1000, {now}), {j}, ?, {now}, ?, ?, ?, ?)

-- name: beat
UPDATE {s}_migration_locks
SET expires_at = TIMESTAMPADD(MICROSECOND, ? * 1000, {now}), heartbeat_at = {now}, metadata = {j}
WHERE lock_name = 'migration_lock' AND lock_id = ? AND fence = ?

-- name: audit_head
SELECT number, value, {ms:{now}} FROM {s}_migration_meta WHERE name = 'audit' FOR UPDATE

-- name: start
INSERT INTO {s}_migration_history
    (migration_id, name, checksum, applied_at, applied_by, status, metadata, environment, version, sequence, kind, origin,
     raw_checksum, direction, attempt, steps, journalled, estimated_duration_ms, run_id)
VALUES (?, ?, ?, {now}, ?, 'in_progress', {j}, ?, ?,
    (SELECT next FROM (SELECT COALESCE(MAX(sequence), 0) + 1 AS next FROM {s}_migration_history) counted), ?, 'run', ?,
    'up', 1, ?, ?, ?, ?)
ON DUPLICATE KEY UPDATE
    attempt = attempt + ?,
    name = VALUES(name), checksum = VALUES(checksum), applied_at = VALUES(applied_at), applied_by = VALUES(applied_by),
    status = VALUES(status), metadata = VALUES(metadata), environment = VALUES(environment), version = VALUES(version),
    kind = VALUES(kind), origin = 'run', raw_checksum = VALUES(raw_checksum), direction = 'up', steps = VALUES(steps),
    journalled = VALUES(journalled), estimated_duration_ms = VALUES(estimated_duration_ms), run_id = VALUES(run_id),
    rolled_back_at = NULL, rollback_duration_ms = NULL, sequence = VALUES(sequence), undone = NULL,
    error_message = NULL, duration_ms = NULL, rows_affected = NULL

-- name: start_down
UPDATE {s}_migration_history
SET attempt = attempt + ?,
    status = 'in_progress', direction = 'down', steps = ?, journalled = ?, undone = NULL, error_message = NULL, run_id = ?
WHERE migration_id = {t}

-- Of a migration that has no row: half the work of one that may have.
-- name: complete_first
INSERT INTO {s}_migration_history
    (migration_id, name, checksum, applied_at, applied_by, status, metadata, environment, version, sequence, kind, origin,
     raw_checksum, direction, attempt, steps, journalled, estimated_duration_ms, run_id, duration_ms, rows_affected)
VALUES (?, ?, ?, {now}, ?, 'completed', {j}, ?, ?,
    (SELECT next FROM (SELECT COALESCE(MAX(sequence), 0) + 1 AS next FROM {s}_migration_history) counted), ?, 'run', ?,
    'up', 1, ?, ?, ?, ?, ?, ?)

-- name: complete_up
INSERT INTO {s}_migration_history
    (migration_id, name, checksum, applied_at, applied_by, status, metadata, environment, version, sequence, kind, origin,
     raw_checksum, direction, attempt, steps, journalled, estimated_duration_ms, run_id, duration_ms, rows_affected)
VALUES (?, ?, ?, {now}, ?, 'completed', {j}, ?, ?,
    (SELECT next FROM (SELECT COALESCE(MAX(sequence), 0) + 1 AS next FROM {s}_migration_history) counted), ?, 'run', ?,
    'up', 1, ?, ?, ?, ?, ?, ?)
ON DUPLICATE KEY UPDATE
    attempt = IF(VALUES(journalled) AND direction = 'up' AND status = 'in_progress', attempt, attempt + 1),
    name = VALUES(name), checksum = VALUES(checksum), applied_at = VALUES(applied_at), applied_by = VALUES(applied_by),
    status = VALUES(status), metadata = VALUES(metadata), environment = VALUES(environment), version = VALUES(version),
    kind = VALUES(kind), origin = 'run', raw_checksum = VALUES(raw_checksum), direction = 'up', steps = VALUES(steps),
    journalled = VALUES(journalled), estimated_duration_ms = VALUES(estimated_duration_ms), run_id = VALUES(run_id),
    rolled_back_at = NULL, rollback_duration_ms = NULL, sequence = VALUES(sequence), undone = NULL,
    error_message = NULL, duration_ms = VALUES(duration_ms), rows_affected = VALUES(rows_affected)

-- name: fail_up
INSERT INTO {s}_migration_history
    (migration_id, name, checksum, applied_at, applied_by, status, metadata, environment, version, sequence, kind, origin,
     raw_checksum, direction, attempt, steps, journalled, estimated_duration_ms, run_id, duration_ms, error_message, undone)
VALUES (?, ?, ?, {now}, ?, 'failed', {j}, ?, ?,
    (SELECT next FROM (SELECT COALESCE(MAX(sequence), 0) + 1 AS next FROM {s}_migration_history) counted), ?, 'run', ?,
    'up', 1, ?, ?, ?, ?, ?, ?, ?)
ON DUPLICATE KEY UPDATE
    attempt = IF(VALUES(journalled) AND direction = 'up' AND status IN ('in_progress', 'failed'), attempt, attempt + 1),
    name = VALUES(name), checksum = VALUES(checksum), applied_at = VALUES(applied_at), applied_by = VALUES(applied_by),
    status = VALUES(status), metadata = VALUES(metadata), environment = VALUES(environment), version = VALUES(version),
    kind = VALUES(kind), origin = 'run', raw_checksum = VALUES(raw_checksum), direction = 'up', steps = VALUES(steps),
    journalled = VALUES(journalled), estimated_duration_ms = VALUES(estimated_duration_ms), run_id = VALUES(run_id),
    rolled_back_at = NULL, rollback_duration_ms = NULL, undone = VALUES(undone),
    error_message = VALUES(error_message), duration_ms = VALUES(duration_ms), rows_affected = NULL

-- name: source_upsert
ON DUPLICATE KEY UPDATE content = VALUES(content), size = VALUES(size), stored_at = VALUES(stored_at)

-- name: journal_upsert
ON DUPLICATE KEY UPDATE
    started_at = IF(VALUES(status) = 'intent', VALUES(started_at), started_at),
    line = VALUES(line), status = VALUES(status), hash = VALUES(hash), tag = VALUES(tag), statement = VALUES(statement),
    state_before = COALESCE(VALUES(state_before), state_before),
    transaction_id = COALESCE(VALUES(transaction_id), transaction_id),
    progress = COALESCE(VALUES(progress), progress), rows_affected = VALUES(rows_affected),
    duration_ms = VALUES(duration_ms), error_message = VALUES(error_message), run_id = VALUES(run_id),
    finished_at = VALUES(finished_at)

-- Every column of a table that may be another tool's history.
-- name: foreign_columns
SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA IN (?, 'sqitch') AND TABLE_NAME IN (
    'schema_migrations', 'goose_db_version', 'flyway_schema_history', '__diesel_schema_migrations', '_sqlx_migrations',
    '_prisma_migrations', 'pgmigrations', 'changes', 'migrations', 'schema_migration', 'schema_version',
    'gorp_migrations', 'changelog', 'CHANGELOG', 'play_evolutions', 'shmig_version', 'atlas_schema_revisions',
    '__drizzle_migrations', 'databasechangelog', 'DATABASECHANGELOG')
ORDER BY TABLE_SCHEMA = 'sqitch', TABLE_NAME, ORDINAL_POSITION
