-- SPDX-License-Identifier: Apache-2.0
-- What only SQLite understands; marks as in ../ledger.sql.

-- name: find
SELECT 'main', EXISTS (SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = '_migration_meta')

-- The write transaction of the caller keeps everybody else out already.
-- name: check
SELECT COUNT(*) FROM {s}_migration_locks
WHERE lock_name = 'migration_lock' AND lock_id = ? AND fence = ?

-- name: fence_lock
SELECT number FROM {s}_migration_meta WHERE name = 'fence'

-- name: lock_write
INSERT INTO {s}_migration_locks (lock_name, lock_id, acquired_at, acquired_by, hostname, pid, expires_at, metadata, fence,
    heartbeat_at, session_id, session_started, database_id, database_user)
VALUES ('migration_lock', ?, {now}, ?, ?, ?, strftime('%Y-%m-%d %H:%M:%f', 'now', (? / 1000.0) || ' seconds'), {j}, ?,
    {now}, ?, ?, ?, ?)

-- name: beat
UPDATE {s}_migration_locks
SET expires_at = strftime('%Y-%m-%d %H:%M:%f', 'now', (? / 1000.0) || ' seconds'), heartbeat_at = {now},
    metadata = {j}
WHERE lock_name = 'migration_lock' AND lock_id = ? AND fence = ?

-- The hash of the newest entry besides, which must be the head's: cheaper than a unique index over hashes, whose pages
-- lie everywhere.
-- name: audit_head
SELECT number, value, {ms:{now}},
       (SELECT hash FROM {s}_migration_audit_log WHERE hash IS NOT NULL ORDER BY audit_id DESC LIMIT 1)
FROM {s}_migration_meta WHERE name = 'audit'

-- name: start
INSERT INTO {s}_migration_history AS h
    (migration_id, name, checksum, applied_at, applied_by, status, metadata, environment, version, sequence, kind, origin,
     raw_checksum, direction, attempt, steps, journalled, estimated_duration_ms, run_id)
VALUES (?, ?, ?, {now}, ?, 'in_progress', {j}, ?, ?,
    (SELECT COALESCE(MAX(sequence), 0) + 1 FROM {s}_migration_history), ?, 'run', ?, 'up', 1, ?, ?, ?, ?)
ON CONFLICT (migration_id) DO UPDATE SET
    name = excluded.name, checksum = excluded.checksum, applied_at = excluded.applied_at,
    applied_by = excluded.applied_by, status = 'in_progress', metadata = excluded.metadata,
    environment = excluded.environment, version = excluded.version, sequence = excluded.sequence, kind = excluded.kind,
    origin = 'run', raw_checksum = excluded.raw_checksum, direction = 'up',
    attempt = h.attempt + ?,
    steps = excluded.steps, journalled = excluded.journalled, undone = NULL, error_message = NULL,
    estimated_duration_ms = excluded.estimated_duration_ms, run_id = excluded.run_id, rolled_back_at = NULL,
    rollback_duration_ms = NULL, duration_ms = NULL, rows_affected = NULL

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
    (SELECT COALESCE(MAX(sequence), 0) + 1 FROM {s}_migration_history), ?, 'run', ?, 'up', 1, ?, ?, ?, ?, ?, ?)

-- name: complete_up
INSERT INTO {s}_migration_history AS h
    (migration_id, name, checksum, applied_at, applied_by, status, metadata, environment, version, sequence, kind, origin,
     raw_checksum, direction, attempt, steps, journalled, estimated_duration_ms, run_id, duration_ms, rows_affected)
VALUES (?, ?, ?, {now}, ?, 'completed', {j}, ?, ?,
    (SELECT COALESCE(MAX(sequence), 0) + 1 FROM {s}_migration_history), ?, 'run', ?, 'up', 1, ?, ?, ?, ?, ?, ?)
ON CONFLICT (migration_id) DO UPDATE SET
    name = excluded.name, checksum = excluded.checksum, applied_at = excluded.applied_at,
    applied_by = excluded.applied_by, status = 'completed', metadata = excluded.metadata,
    environment = excluded.environment, version = excluded.version, sequence = excluded.sequence, kind = excluded.kind,
    origin = 'run', raw_checksum = excluded.raw_checksum, direction = 'up',
    attempt = CASE WHEN excluded.journalled AND h.direction = 'up' AND h.status = 'in_progress' THEN h.attempt ELSE h.attempt + 1 END,
    steps = excluded.steps, journalled = excluded.journalled, undone = NULL, error_message = NULL,
    estimated_duration_ms = excluded.estimated_duration_ms, run_id = excluded.run_id, rolled_back_at = NULL,
    rollback_duration_ms = NULL, duration_ms = excluded.duration_ms, rows_affected = excluded.rows_affected

-- name: fail_up
INSERT INTO {s}_migration_history AS h
    (migration_id, name, checksum, applied_at, applied_by, status, metadata, environment, version, sequence, kind, origin,
     raw_checksum, direction, attempt, steps, journalled, estimated_duration_ms, run_id, duration_ms, error_message, undone)
VALUES (?, ?, ?, {now}, ?, 'failed', {j}, ?, ?,
    (SELECT COALESCE(MAX(sequence), 0) + 1 FROM {s}_migration_history), ?, 'run', ?, 'up', 1, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (migration_id) DO UPDATE SET
    name = excluded.name, checksum = excluded.checksum, applied_at = excluded.applied_at,
    applied_by = excluded.applied_by, status = 'failed', metadata = excluded.metadata,
    environment = excluded.environment, version = excluded.version, kind = excluded.kind,
    origin = 'run', raw_checksum = excluded.raw_checksum, direction = 'up',
    attempt = CASE WHEN excluded.journalled AND h.direction = 'up' AND h.status IN ('in_progress', 'failed') THEN h.attempt ELSE h.attempt + 1 END,
    steps = excluded.steps, journalled = excluded.journalled, undone = excluded.undone,
    error_message = excluded.error_message, estimated_duration_ms = excluded.estimated_duration_ms,
    run_id = excluded.run_id, rolled_back_at = NULL, rollback_duration_ms = NULL, duration_ms = excluded.duration_ms,
    rows_affected = NULL

-- name: source_upsert
ON CONFLICT (migration_id, section) DO UPDATE SET
    content = excluded.content, size = excluded.size, stored_at = excluded.stored_at

-- name: journal_upsert
ON CONFLICT (migration_id, direction, attempt, number) DO UPDATE SET
    line = excluded.line, status = excluded.status, hash = excluded.hash, tag = excluded.tag,
    statement = excluded.statement, state_before = COALESCE(excluded.state_before, _migration_journal.state_before),
    transaction_id = COALESCE(excluded.transaction_id, _migration_journal.transaction_id),
    progress = COALESCE(excluded.progress, _migration_journal.progress), rows_affected = excluded.rows_affected,
    duration_ms = excluded.duration_ms, error_message = excluded.error_message, run_id = excluded.run_id,
    started_at = CASE WHEN excluded.status = 'intent' THEN excluded.started_at ELSE _migration_journal.started_at END,
    finished_at = excluded.finished_at

-- Every column of a table that may be another tool's history.
-- name: foreign_columns
SELECT ?, m.name, p.name, lower(p.type) FROM main.sqlite_master m, pragma_table_info(m.name) p
WHERE m.type = 'table' AND m.name IN (
    'schema_migrations', 'goose_db_version', 'flyway_schema_history', '__diesel_schema_migrations', '_sqlx_migrations',
    '_prisma_migrations', 'pgmigrations', 'changes', 'migrations', 'schema_migration', 'schema_version',
    'gorp_migrations', 'changelog', 'CHANGELOG', 'play_evolutions', 'shmig_version', 'atlas_schema_revisions',
    '__drizzle_migrations', 'databasechangelog', 'DATABASECHANGELOG')
ORDER BY m.name, p.cid
