-- SPDX-License-Identifier: Apache-2.0
-- Statements that read the same on every engine but for a few words in braces, which dialect.c fills in:
--   {now}    the server's time            {lease}  the same, some time ahead
--   {join}   a join in the written order  {time:x} column x as text

-- name: lock_clear
DELETE FROM delta_locks WHERE table_id = ?

-- name: lock_write
INSERT INTO delta_locks (table_id, owner, host, pid, token, beats, acquired_at, heartbeat_at, expires_at)
VALUES (?, ?, ?, ?, ?, 0, {now}, {now}, {lease})

-- name: lock_beat
UPDATE delta_locks SET beats = beats + 1, heartbeat_at = {now}, expires_at = {lease}
WHERE table_id = ? AND token = ?

-- name: lock_release
DELETE FROM delta_locks WHERE table_id = ? AND token = ?

-- name: lock_holder
SELECT owner, {time:acquired_at} FROM delta_locks WHERE table_id = ?

-- name: tables
SELECT table_id, location, delta_id, history, flag, version, first_version, base_checkpoint
FROM delta_tables

-- name: table_insert
INSERT INTO delta_tables (table_id, location, location_hash, history, flag) VALUES (?, ?, ?, ?, ?)

-- name: table_counters
SELECT version, first_version, base_checkpoint, next_file_id, next_partition_id FROM delta_tables
WHERE table_id = ?

-- name: table_advance
UPDATE delta_tables
SET location = ?, location_hash = ?, history = ?, flag = ?, version = ?, first_version = ?, base_checkpoint = ?,
    next_file_id = ?, next_partition_id = ?, fingerprint = ?, updated_at = {now}
WHERE table_id = ?

-- name: table_counters_set
UPDATE delta_tables SET next_file_id = ?, next_partition_id = ?, updated_at = {now} WHERE table_id = ?

-- name: table_named
UPDATE delta_tables SET delta_id = ?, name = ? WHERE table_id = ?

-- name: version_totals
SELECT segment_base, num_files, size_in_bytes, known_records, files_without_records, deletion_vector_files,
       deleted_records, tombstones, state_digest
FROM delta_versions WHERE table_id = ? AND version = ?

-- name: status
SELECT table_id, status, version, files_processed, files_total, {time:started_at}, {time:completed_at},
       {time:updated_at}, error_message, location, owner, warnings
FROM migration_status

-- name: status_insert
INSERT INTO migration_status (table_id, status, error_message, location, owner, started_at, completed_at)
VALUES (?, ?, ?, ?, ?, {now}, NULL)

-- name: status_pending
INSERT INTO migration_status (table_id, status, location) VALUES (?, 'pending', ?)

-- name: status_failed
UPDATE migration_status SET status = ?, error_message = ?, updated_at = {now} WHERE table_id = ?

-- name: status_running
UPDATE migration_status
SET status = 'running', version = ?, files_processed = ?, files_total = ?, started_at = {now}, completed_at = NULL,
    error_message = NULL, location = ?, owner = ?, warnings = NULL, duration_s = NULL, updated_at = {now}
WHERE table_id = ?

-- name: status_advance
UPDATE migration_status SET version = ?, files_processed = ?, updated_at = {now} WHERE table_id = ?

-- name: status_completed
UPDATE migration_status
SET status = 'completed', completed_at = {now}, error_message = NULL, warnings = ?, duration_s = ?, updated_at = {now}
WHERE table_id = ?

-- name: live_probe
SELECT file_id, path, dv_id, path_hash, version, size, modification_time, partition_values, num_records, dv_cardinality
FROM delta_files WHERE table_id = ? AND path_hash IN

-- name: tombstone_probe
SELECT file_id, path, dv_id, path_hash FROM delta_tombstones WHERE table_id = ? AND path_hash IN

-- name: history_was_removed
UPDATE delta_file_history SET reason = 'removed', deletion_timestamp = ?, removed_data_change = ?
WHERE table_id = ? AND removed_version = ? AND reason = 'replaced' AND path_hash = ?

-- name: partition_probe
SELECT partition_id, partition_hash, partition_values FROM delta_partitions WHERE table_id = ? AND partition_hash IN

-- name: history_from_ending
INSERT INTO delta_file_history
    (table_id, removed_version, file_id, path, dv_id, path_hash, version, reason, deletion_timestamp,
     removed_data_change, action_type, size, modification_time, data_change, partition_id, num_records, dv_cardinality,
     base_row_id, default_row_commit_version, stats_rebuilt, partition_values, deletion_vector, clustering_provider,
     raw_path, tags, stats)
SELECT f.table_id, e.removed_version, f.file_id, f.path, f.dv_id, f.path_hash, f.version, e.reason,
       e.deletion_timestamp, e.removed_data_change, f.action_type, f.size, f.modification_time, f.data_change,
       f.partition_id, f.num_records, f.dv_cardinality, f.base_row_id, f.default_row_commit_version, f.stats_rebuilt,
       f.partition_values, f.deletion_vector, f.clustering_provider, f.raw_path, f.tags, f.stats
FROM delta_ending e {join} delta_files f ON f.table_id = ? AND f.file_id = e.file_id
WHERE e.removed_version > f.version

-- name: history_from_gap
INSERT INTO delta_file_history
    (table_id, removed_version, file_id, path, dv_id, path_hash, version, reason, deletion_timestamp,
     removed_data_change, action_type, size, modification_time, data_change, partition_id, num_records, dv_cardinality,
     base_row_id, default_row_commit_version, stats_rebuilt, partition_values, deletion_vector, clustering_provider,
     raw_path, tags, stats)
SELECT table_id, ?, file_id, path, dv_id, path_hash, version, 'gap', NULL, data_change, action_type, size,
       modification_time, data_change, partition_id, num_records, dv_cardinality, base_row_id,
       default_row_commit_version, stats_rebuilt, partition_values, deletion_vector, clustering_provider, raw_path,
       tags, stats
FROM delta_files WHERE table_id = ?

-- name: known_hashes
SELECT path_hash FROM delta_files WHERE table_id = ?
UNION ALL
SELECT path_hash FROM delta_tombstones WHERE table_id = ?

-- name: live_count
SELECT COUNT(*) FROM delta_files WHERE table_id = ?

-- name: live_sum
SELECT COUNT(*), SUM(size) FROM delta_files WHERE table_id = ?

-- name: manual_rows
SELECT file_id, path, dv_id, partition_values FROM delta_files WHERE table_id = ? AND file_id < 0 ORDER BY file_id

-- name: adopt_row
UPDATE delta_files SET file_id = ?, path_hash = ?, partition_id = ?, partition_values = ? WHERE table_id = ? AND file_id = ?
