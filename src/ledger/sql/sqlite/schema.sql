-- SPDX-License-Identifier: Apache-2.0
-- The ledger on SQLite. docs/ledger.md explains every column. Times are UTC, "2026-11-20 19:06:16.123", which compare
-- with datetime('now'). No AUTOINCREMENT: it would bring the table sqlite_sequence into other people's schema.

-- name: schema
CREATE TABLE IF NOT EXISTS {s}_migration_meta (
    name     TEXT NOT NULL PRIMARY KEY,
    number   INTEGER NOT NULL DEFAULT 0,
    value    TEXT,
    previous TEXT
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS {s}_migration_history (
    migration_id         TEXT NOT NULL PRIMARY KEY,
    name                 TEXT NOT NULL,
    checksum             TEXT,
    applied_at           TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    applied_by           TEXT NOT NULL,
    duration_ms          INTEGER,
    status               TEXT NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'in_progress', 'completed', 'failed', 'rolled_back')),
    rows_affected        INTEGER,
    rolled_back_at       TEXT,
    rollback_duration_ms INTEGER,
    metadata             TEXT,
    error_message        TEXT,
    environment          TEXT
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS {s}_migration_locks (
    lock_name   TEXT NOT NULL PRIMARY KEY,
    lock_id     TEXT NOT NULL,
    acquired_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    acquired_by TEXT NOT NULL,
    hostname    TEXT,
    pid         INTEGER,
    expires_at  TEXT NOT NULL,
    metadata    TEXT
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS {s}_migration_audit_log (
    audit_id     INTEGER PRIMARY KEY,
    migration_id TEXT,
    action       TEXT NOT NULL,
    actor        TEXT NOT NULL,
    "timestamp"  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    ip_address   TEXT,
    user_agent   TEXT,
    details      TEXT
);

CREATE TABLE IF NOT EXISTS {s}_migration_rollback_history (
    rollback_id    INTEGER PRIMARY KEY,
    migration_id   TEXT NOT NULL,
    rolled_back_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    rolled_back_by TEXT NOT NULL,
    reason         TEXT,
    duration_ms    INTEGER,
    success        INTEGER NOT NULL,
    error_message  TEXT,
    metadata       TEXT
);

CREATE TABLE IF NOT EXISTS {s}_backup_history (
    backup_id      TEXT NOT NULL PRIMARY KEY,
    filename       TEXT NOT NULL,
    path           TEXT NOT NULL,
    size           INTEGER NOT NULL,
    checksum       TEXT NOT NULL,
    created_at     TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    created_by     TEXT NOT NULL,
    type           TEXT NOT NULL,
    compressed     INTEGER NOT NULL DEFAULT 0,
    encrypted      INTEGER NOT NULL DEFAULT 0,
    retention_days INTEGER,
    metadata       TEXT
);

CREATE TABLE IF NOT EXISTS {s}_backup_restoration_history (
    restoration_id INTEGER PRIMARY KEY,
    backup_id      TEXT NOT NULL,
    restored_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    restored_by    TEXT NOT NULL,
    duration_ms    INTEGER,
    success        INTEGER NOT NULL,
    error_message  TEXT,
    metadata       TEXT
);

CREATE TABLE IF NOT EXISTS {s}_migration_journal (
    migration_id   TEXT NOT NULL,
    direction      TEXT NOT NULL,
    attempt        INTEGER NOT NULL,
    number         INTEGER NOT NULL,
    line           INTEGER NOT NULL,
    status         TEXT NOT NULL,
    hash           TEXT NOT NULL,
    tag            TEXT NOT NULL,
    statement      TEXT,
    state_before   TEXT,
    transaction_id TEXT,
    progress       TEXT,
    rows_affected  INTEGER,
    duration_ms    REAL,
    error_message  TEXT,
    run_id         TEXT,
    started_at     TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    finished_at    TEXT,
    PRIMARY KEY (migration_id, direction, attempt, number)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS {s}_migration_sources (
    migration_id TEXT NOT NULL,
    section      TEXT NOT NULL,
    content      TEXT,
    size         INTEGER NOT NULL,
    stored_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    PRIMARY KEY (migration_id, section)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS {s}_migration_schema (
    schema_id INTEGER PRIMARY KEY,
    run_id    TEXT,
    taken_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    digest    TEXT NOT NULL,
    objects   INTEGER NOT NULL,
    content   TEXT NOT NULL
);

-- Columns that the tables may lack; "table column definition", read by create.c, since SQLite has no ADD COLUMN IF NOT
-- EXISTS.
-- name: columns
_migration_history version TEXT
_migration_history sequence INTEGER
_migration_history kind TEXT NOT NULL DEFAULT 'versioned'
_migration_history origin TEXT NOT NULL DEFAULT 'imported'
_migration_history raw_checksum TEXT
_migration_history direction TEXT NOT NULL DEFAULT 'up'
_migration_history attempt INTEGER NOT NULL DEFAULT 1
_migration_history steps INTEGER NOT NULL DEFAULT 0
_migration_history journalled INTEGER NOT NULL DEFAULT 0
_migration_history undone TEXT
_migration_history estimated_duration_ms INTEGER
_migration_history run_id TEXT
_migration_locks fence INTEGER
_migration_locks heartbeat_at TEXT
_migration_locks session_id INTEGER
_migration_locks session_started TEXT
_migration_locks database_id TEXT
_migration_locks database_user TEXT
_migration_audit_log database_user TEXT
_migration_audit_log environment TEXT
_migration_audit_log previous TEXT
_migration_audit_log hash TEXT
_backup_history verified_at TEXT

-- name: rest
CREATE INDEX IF NOT EXISTS {s}_migration_history_sequence ON _migration_history (sequence);
UPDATE {s}_migration_history SET sequence = (SELECT o.place
    FROM (SELECT migration_id, row_number() OVER (ORDER BY applied_at, migration_id) AS place
          FROM {s}_migration_history) o
    WHERE o.migration_id = _migration_history.migration_id) WHERE sequence IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS {s}_migration_locks_fence ON _migration_locks (lock_name, fence);

CREATE VIEW IF NOT EXISTS {s}v_migration_status AS
    SELECT migration_id, version, name, status, applied_at, applied_by, environment, duration_ms,
           estimated_duration_ms, rows_affected, rolled_back_at, rollback_duration_ms, error_message, checksum,
           sequence
    FROM _migration_history ORDER BY sequence;

CREATE VIEW IF NOT EXISTS {s}_migration_versions AS
    SELECT version, migration_id, name, applied_at, applied_by, environment
    FROM _migration_history WHERE status = 'completed' ORDER BY sequence;

-- A table of another program's stays.
CREATE VIEW IF NOT EXISTS {s}_migration_performance_metrics AS
    SELECT migration_id, 'duration' AS metric_name, CAST(duration_ms AS REAL) AS value, 'ms' AS unit,
           applied_at AS recorded_at
    FROM _migration_history WHERE duration_ms IS NOT NULL
    UNION ALL
    SELECT migration_id, 'rows_affected', CAST(rows_affected AS REAL), 'rows', applied_at
    FROM _migration_history WHERE rows_affected IS NOT NULL
    UNION ALL
    SELECT migration_id, 'statements', CAST(steps AS REAL), 'statements', applied_at
    FROM _migration_history WHERE steps > 0
    UNION ALL
    SELECT migration_id, 'rollback_duration', CAST(rollback_duration_ms AS REAL), 'ms', rolled_back_at
    FROM _migration_history WHERE rollback_duration_ms IS NOT NULL;

CREATE VIEW IF NOT EXISTS {s}dataflow_migration_locks AS
    SELECT 'main' AS schema_name, pid || '_' || substr(lock_id, 1, 8) AS holder_process_id, acquired_at, expires_at,
           json_patch(COALESCE(metadata, '{}'), json_object('lock_name', lock_name, 'owner', acquired_by,
               'host', hostname, 'pid', pid, 'fence', fence, 'heartbeat_at', heartbeat_at)) AS lock_data
    FROM _migration_locks;

INSERT OR IGNORE INTO {s}_migration_meta (name, number, value) VALUES
    ('fence', 0, NULL),
    ('audit', 0, '0000000000000000000000000000000000000000000000000000000000000000');
