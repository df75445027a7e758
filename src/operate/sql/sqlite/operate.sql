-- SPDX-License-Identifier: Apache-2.0
-- What SQLite is asked about a database file.

-- name: facts
SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) AS now_ms, sqlite_version() AS version,
       (SELECT query_only FROM pragma_query_only) AS read_only,
       (SELECT file FROM pragma_database_list WHERE name = 'main') AS file,
       (SELECT journal_mode FROM pragma_journal_mode) AS journal_mode

-- name: expired_locks
SELECT lock_name || ' (' || acquired_by || ')' AS subject, 'warning' AS status, expires_at,
       'dataflow lock release' AS remedy
FROM _migration_locks WHERE julianday(expires_at) < julianday('now') ORDER BY 1 LIMIT 200

-- name: quick_check
SELECT quick_check AS subject, 'critical' AS status, 'dataflow backup restore latest' AS remedy
FROM pragma_quick_check(100) WHERE quick_check <> 'ok'

-- name: foreign_key_check
SELECT "table" || coalesce(' row ' || rowid, '') || ' refers to a row of ' || parent || ' that is not there' AS subject,
       'warning' AS status, "table", rowid, parent, fkid,
       'PRAGMA foreign_key_check; then delete or correct these rows' AS remedy
FROM pragma_foreign_key_check LIMIT 200

-- name: views
SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name LIMIT 1000

-- A trigger is compiled only when its event happens to its table: so the tables and views that have one.
-- name: trigger_tables
SELECT DISTINCT tbl_name AS name FROM sqlite_schema WHERE type = 'trigger' ORDER BY 1 LIMIT 1000

-- name: columns
SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0
