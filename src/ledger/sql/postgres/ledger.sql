-- SPDX-License-Identifier: Apache-2.0
-- What only PostgreSQL understands; marks as in ../ledger.sql.

-- A ?schema= that is named is the one; else the tables are where the search path finds them, or go first in it.
-- name: find
SELECT COALESCE(n.nspname, current_schema(), ?)::TEXT, n.nspname IS NOT NULL
FROM (SELECT 1) one
LEFT JOIN pg_catalog.pg_class c ON c.oid = to_regclass('_migration_meta')
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace

-- name: has_schema
SELECT COUNT(*) FROM pg_catalog.pg_namespace WHERE nspname = ?

-- Scripts change role and client encoding; ours are back for the rest of this transaction.
-- name: guard
SELECT set_config('session_authorization', NULL, true), set_config('role', NULL, true),
       set_config('client_encoding', 'UTF8', true)

-- For a check in the middle of a script: the role is remembered, and taken on again.
-- name: guard_remember
SELECT set_config('dataflow.role', current_setting('role'), true), set_config('role', NULL, true)

-- name: guard_restore
SELECT set_config('role', current_setting('dataflow.role'), true)

-- KEY SHARE lets heartbeats go on, which change no key, and makes a new fence or a DELETE wait for our commit. When
-- the row is not ours the division fails, so that nothing behind it in the same round trip takes effect.
-- name: check
SELECT 1 / COUNT(*) FROM (
    SELECT 1 FROM {s}_migration_locks
    WHERE lock_name = 'migration_lock' AND lock_id = ? AND fence = ? AND session_id = ?
      AND session_id = pg_backend_pid() FOR KEY SHARE) held

-- name: fence_lock
SELECT m.number FROM {s}_migration_meta m WHERE m.name = 'fence' FOR UPDATE NOWAIT

-- name: row_lock
SELECT 1 FROM {s}_migration_locks WHERE lock_name = 'migration_lock' FOR UPDATE NOWAIT

-- name: lock_write
INSERT INTO {s}_migration_locks (lock_name, lock_id, acquired_at, acquired_by, hostname, pid, expires_at, metadata, fence,
    heartbeat_at, session_id, session_started, database_id, database_user)
VALUES ('migration_lock', ?, {now}, ?, ?, ?, {now} + ? * INTERVAL '1 millisecond', {j}, ?, {now}, ?, ?, ?, ?)

-- name: beat
UPDATE {s}_migration_locks
SET expires_at = {now} + ? * INTERVAL '1 millisecond', heartbeat_at = {now}, metadata = {j}
WHERE lock_name = 'migration_lock' AND lock_id = ? AND fence = ?

-- name: beat_session
SET synchronous_commit = off

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

-- The hash is made by the server, from the head that this very statement locks: one round trip, and no two entries
-- with one predecessor. Without that head the division fails, and nothing is written.
-- name: audit_append
WITH head AS (
    UPDATE {s}_migration_meta SET previous = value, number = number + 1,
        value = encode(sha256(convert_to(value || ?::TEXT ||
            ((extract(epoch FROM date_trunc('milliseconds', statement_timestamp())) * 1000)::BIGINT - ?::BIGINT) || ?::TEXT,
            'UTF8')), 'hex')
    WHERE name = 'audit' RETURNING previous, value)
INSERT INTO {s}_migration_audit_log
    (migration_id, action, actor, "timestamp", ip_address, user_agent, details, database_user, environment, previous, hash)
SELECT ?::TEXT, ?::TEXT, ?::TEXT,
    date_trunc('milliseconds', statement_timestamp()) - ?::BIGINT * INTERVAL '1 millisecond',
    ?::INET, ?::TEXT, {j}, ?::TEXT, ?::TEXT, head.previous, head.value
FROM (SELECT 1 / COUNT(*) AS there FROM head) found LEFT JOIN head ON found.there = 1

-- Two entries that follow each other, such as a start and its end.
-- name: audit_append_two
WITH head AS (
    UPDATE {s}_migration_meta SET previous = value, number = number + 2,
        value = encode(sha256(convert_to(encode(sha256(convert_to(value || ?::TEXT ||
            ((extract(epoch FROM date_trunc('milliseconds', statement_timestamp())) * 1000)::BIGINT - ?::BIGINT) || ?::TEXT,
            'UTF8')), 'hex') || ?::TEXT ||
            ((extract(epoch FROM date_trunc('milliseconds', statement_timestamp())) * 1000)::BIGINT - ?::BIGINT) || ?::TEXT,
            'UTF8')), 'hex')
    WHERE name = 'audit' RETURNING previous, value),
chain AS (
    SELECT previous, value, encode(sha256(convert_to(previous || ?::TEXT ||
        ((extract(epoch FROM date_trunc('milliseconds', statement_timestamp())) * 1000)::BIGINT - ?::BIGINT) || ?::TEXT,
        'UTF8')), 'hex') AS middle FROM head)
INSERT INTO {s}_migration_audit_log
    (migration_id, action, actor, "timestamp", ip_address, user_agent, details, database_user, environment, previous, hash)
SELECT e.migration_id, e.action, e.actor,
    date_trunc('milliseconds', statement_timestamp()) - e.ago * INTERVAL '1 millisecond',
    e.ip_address, e.user_agent, e.details, e.database_user, e.environment,
    CASE WHEN e.place = 1 THEN chain.previous ELSE chain.middle END,
    CASE WHEN e.place = 1 THEN chain.middle ELSE chain.value END
FROM (SELECT 1 / COUNT(*) AS there FROM chain) found LEFT JOIN chain ON found.there = 1, (VALUES
    (1, ?::TEXT, ?::TEXT, ?::TEXT, ?::BIGINT, ?::INET, ?::TEXT, {j}, ?::TEXT, ?::TEXT),
    (2, ?::TEXT, ?::TEXT, ?::TEXT, ?::BIGINT, ?::INET, ?::TEXT, {j}, ?::TEXT, ?::TEXT))
    e (place, migration_id, action, actor, ago, ip_address, user_agent, details, database_user, environment)
ORDER BY e.place

-- Every column of a table that may be another tool's history.
-- name: foreign_columns
SELECT n.nspname::TEXT, c.relname::TEXT, a.attname::TEXT, format_type(a.atttypid, NULL)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' AND c.relname IN (
    'schema_migrations', 'goose_db_version', 'flyway_schema_history', '__diesel_schema_migrations', '_sqlx_migrations',
    '_prisma_migrations', 'pgmigrations', 'changes', 'migrations', 'schema_migration', 'schema_version',
    'gorp_migrations', 'changelog', 'CHANGELOG', 'play_evolutions', 'shmig_version', 'atlas_schema_revisions',
    '__drizzle_migrations', 'databasechangelog', 'DATABASECHANGELOG')
ORDER BY n.nspname <> ?, n.nspname, c.relname, a.attnum
