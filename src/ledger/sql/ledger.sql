-- SPDX-License-Identifier: Apache-2.0
-- Statements that all engines understand, but for these marks, which statements.c replaces:
--   {s}         the ledger's schema or database, quoted, with its dot
--   {t}         a parameter that is text and is compared
--   {j}         a parameter that is JSON
--   {at}        a parameter in milliseconds since 1970, as a time
--   {now}       the server's time, to the millisecond
--   {ms:COLUMN} a time in milliseconds since 1970

-- name: version
SELECT number FROM {s}_migration_meta WHERE name = 'version'

-- name: version_write
INSERT INTO {s}_migration_meta (name, number, value) VALUES ('version', ?, ?)

-- Assignments of one UPDATE are made from left to right (MariaDB): what looks at a column stands before what changes it.
-- ---- history ----

-- name: applied
SELECT migration_id, version, name, status, kind, origin, checksum, raw_checksum, sequence, {ms:applied_at},
       applied_by, environment, error_message, duration_ms, estimated_duration_ms, rows_affected, {ms:rolled_back_at},
       steps, undone, journalled, direction
FROM {s}_migration_history ORDER BY sequence

-- name: steps_done
SELECT j.migration_id, COUNT(*)
FROM {s}_migration_journal j
JOIN {s}_migration_history h ON h.migration_id = j.migration_id AND h.attempt = j.attempt AND h.direction = j.direction
WHERE h.status IN ('in_progress', 'failed')
  AND (j.status IN ('done', 'skipped') OR j.status <> 'undone' AND j.progress IS NOT NULL)
GROUP BY j.migration_id

-- name: source
SELECT content FROM {s}_migration_sources WHERE migration_id = {t} AND section = ?

-- Several rows are one statement: head, rows with commas between them, and the upsert behind (not for a first run).
-- name: source_head
INSERT INTO {s}_migration_sources (migration_id, section, content, size, stored_at) VALUES

-- name: source_row
(?, ?, ?, ?, {now})

-- name: outcome
SELECT COUNT(*) FROM {s}_migration_history WHERE migration_id = {t} AND run_id = ? AND direction = ? AND status = ?

-- name: undo_steps
UPDATE {s}_migration_journal SET status = 'undone'
WHERE migration_id = {t} AND direction = ? AND status IN ('done', 'skipped')
  AND attempt = (SELECT h.attempt FROM {s}_migration_history h WHERE h.migration_id = {t})

-- name: complete_down
UPDATE {s}_migration_history
SET attempt = CASE WHEN status = 'in_progress' AND direction = 'down' THEN attempt ELSE attempt + 1 END,
    status = 'rolled_back', rolled_back_at = {now}, rollback_duration_ms = ?, error_message = NULL, steps = ?, journalled = ?, undone = NULL, run_id = ?, direction = 'down'
WHERE migration_id = {t}

-- name: fail_down
UPDATE {s}_migration_history
SET attempt = CASE WHEN status IN ('in_progress', 'failed') AND direction = 'down' THEN attempt ELSE attempt + 1 END,
    status = ?, error_message = ?, undone = ?, run_id = ?, steps = ?, journalled = ?, direction = 'down'
WHERE migration_id = {t}

-- name: rollback_write
INSERT INTO {s}_migration_rollback_history
    (migration_id, rolled_back_at, rolled_back_by, reason, duration_ms, success, error_message, metadata)
VALUES (?, {now}, ?, ?, ?, ?, ?, {j})

-- ---- journal ----

-- name: journal_head
INSERT INTO {s}_migration_journal (migration_id, direction, attempt, number, line, status, hash, tag, statement,
    state_before, transaction_id, progress, rows_affected, duration_ms, error_message, run_id, started_at, finished_at)
VALUES

-- name: journal_intent
(?, ?, COALESCE((SELECT h.attempt FROM {s}_migration_history h WHERE h.migration_id = {t}), 1), ?, ?, ?, ?, ?, ?, ?, ?, ?,
 ?, ?, ?, ?, {now}, NULL)

-- name: journal_settled
(?, ?, COALESCE((SELECT h.attempt FROM {s}_migration_history h WHERE h.migration_id = {t}), 1), ?, ?, ?, ?, ?, ?, ?, ?, ?,
 ?, ?, ?, ?, {now}, {now})

-- name: journal_first
(?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {now}, {now})

-- name: journal
SELECT number, line, status, hash, tag, statement, state_before, transaction_id, progress, rows_affected, duration_ms,
       error_message
FROM {s}_migration_journal
WHERE migration_id = {t} AND direction = ? AND attempt = (
    SELECT CASE WHEN MAX(h.direction) = ? THEN MAX(h.attempt)
        ELSE (SELECT MAX(o.attempt) FROM {s}_migration_journal o WHERE o.migration_id = {t} AND o.direction = ?) END
    FROM {s}_migration_history h WHERE h.migration_id = {t})
ORDER BY number

-- name: decide
UPDATE {s}_migration_journal SET status = ?, finished_at = {now}
WHERE migration_id = {t} AND direction = ? AND number = ?
  AND attempt = (SELECT h.attempt FROM {s}_migration_history h WHERE h.migration_id = {t} AND h.direction = ?)

-- name: known
SELECT COUNT(*) FROM {s}_migration_history WHERE migration_id = {t}

-- name: known_step
SELECT COUNT(*) FROM {s}_migration_journal
WHERE migration_id = {t} AND direction = ? AND number = ?
  AND attempt = (SELECT h.attempt FROM {s}_migration_history h WHERE h.migration_id = {t} AND h.direction = ?)

-- ---- repairs ----

-- name: set_checksum
UPDATE {s}_migration_history SET checksum = ?, raw_checksum = ?, name = ?, version = ?, metadata = {j}
WHERE migration_id = {t}

-- name: rename_history
UPDATE {s}_migration_history SET migration_id = ?, name = ?, version = ?, raw_checksum = ? WHERE migration_id = {t}

-- name: rename_sources
UPDATE {s}_migration_sources SET migration_id = ? WHERE migration_id = {t}

-- name: rename_journal
UPDATE {s}_migration_journal SET migration_id = ? WHERE migration_id = {t}

-- name: forget_history
DELETE FROM {s}_migration_history WHERE migration_id = {t}

-- name: forget_sources
DELETE FROM {s}_migration_sources WHERE migration_id = {t}

-- name: forget_journal
DELETE FROM {s}_migration_journal WHERE migration_id = {t}

-- name: mark
INSERT INTO {s}_migration_history
    (migration_id, name, checksum, applied_at, applied_by, status, metadata, environment, version, sequence, kind, origin,
     raw_checksum)
SELECT {t}, {t}, ?, COALESCE({at}, {now}), {t}, 'completed', {j}, {t}, {t}, COALESCE(MAX(sequence), 0) + 1, ?,
    'adopted', ? FROM {s}_migration_history

-- ---- audit ----

-- name: audit_write
INSERT INTO {s}_migration_audit_log
    (migration_id, action, actor, timestamp, ip_address, user_agent, details, database_user, environment, previous, hash)
VALUES (?, ?, ?, {at}, ?, ?, {j}, ?, ?, ?, ?)

-- name: audit_head_write
UPDATE {s}_migration_meta SET number = ?, previous = value, value = ? WHERE name = 'audit'

-- name: audit_head_read
SELECT number, value FROM {s}_migration_meta WHERE name = 'audit'

-- name: audit_find
SELECT audit_id FROM {s}_migration_audit_log WHERE hash = ?

-- name: audit_next
SELECT MIN(audit_id) FROM {s}_migration_audit_log WHERE hash IS NOT NULL AND audit_id > ?

-- name: audit_all
SELECT audit_id, {ms:timestamp}, action, migration_id, actor, {address}, user_agent, details, previous, hash,
       database_user, environment
FROM {s}_migration_audit_log WHERE hash IS NOT NULL ORDER BY audit_id

-- name: audit_newest
SELECT * FROM (
    SELECT audit_id, {ms:timestamp} AS ms, action, migration_id, actor, {address} AS address, user_agent, details,
           previous, hash, database_user, environment
    FROM {s}_migration_audit_log ORDER BY audit_id DESC LIMIT ?) newest ORDER BY audit_id

-- name: audit_newest_of
SELECT * FROM (
    SELECT audit_id, {ms:timestamp} AS ms, action, migration_id, actor, {address} AS address, user_agent, details,
           previous, hash, database_user, environment
    FROM {s}_migration_audit_log WHERE migration_id = {t} ORDER BY audit_id DESC LIMIT ?) newest ORDER BY audit_id

-- ---- lock ----

-- name: lock_look
SELECT m.number, {ms:{now}}, l.lock_id, l.acquired_by, l.hostname, l.metadata, l.pid, l.fence, l.session_id,
       l.session_started, l.database_id, l.database_user, {ms:l.acquired_at}, {ms:l.expires_at}, {ms:l.heartbeat_at}
FROM {s}_migration_meta m LEFT JOIN {s}_migration_locks l ON l.lock_name = 'migration_lock' WHERE m.name = 'fence'

-- name: lock_clear
DELETE FROM {s}_migration_locks WHERE lock_name = 'migration_lock'

-- name: lock_give
DELETE FROM {s}_migration_locks WHERE lock_name = 'migration_lock' AND lock_id = ? AND fence = ?

-- name: fence_write
UPDATE {s}_migration_meta SET number = ? WHERE name = 'fence'

-- ---- backups ----

-- name: backup_write
INSERT INTO {s}_backup_history (backup_id, filename, path, size, checksum, created_at, created_by, type, compressed,
    encrypted, retention_days, metadata, verified_at)
VALUES (?, ?, ?, ?, ?, COALESCE({at}, {now}), ?, ?, ?, ?, ?, {j}, {at})

-- name: backup_list
SELECT backup_id, filename, path, size, checksum, {ms:created_at}, created_by, type, compressed, encrypted,
       retention_days, metadata, {ms:verified_at}
FROM {s}_backup_history ORDER BY created_at DESC, backup_id DESC

-- name: backup_update
UPDATE {s}_backup_history SET metadata = {j}, verified_at = {at}, filename = ?, path = ?, size = ?, checksum = ?
WHERE backup_id = ?

-- name: backup_remove
DELETE FROM {s}_backup_history WHERE backup_id = ?

-- name: restored_write
INSERT INTO {s}_backup_restoration_history (backup_id, restored_at, restored_by, duration_ms, success, error_message)
VALUES (?, {now}, ?, ?, ?, ?)

-- name: restored_list
SELECT backup_id, {ms:restored_at}, restored_by, duration_ms, success, error_message
FROM {s}_backup_restoration_history ORDER BY restoration_id

-- name: restored_add
INSERT INTO {s}_backup_restoration_history (backup_id, restored_at, restored_by, duration_ms, success, error_message)
VALUES (?, {at}, ?, ?, ?, ?)

-- name: fence_raise
UPDATE {s}_migration_meta SET number = ? WHERE name = 'fence' AND number < ?

-- ---- the schema at the last success ----

-- name: schema_keep
INSERT INTO {s}_migration_schema (run_id, taken_at, digest, objects, content) VALUES (?, {now}, ?, ?, ?)

-- name: schema_newest
SELECT digest, {ms:taken_at}, content FROM {s}_migration_schema ORDER BY schema_id DESC LIMIT 1

-- name: schema_newest_id
SELECT MAX(schema_id) FROM {s}_migration_schema

-- name: schema_prune
DELETE FROM {s}_migration_schema WHERE schema_id < ?
