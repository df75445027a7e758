-- SPDX-License-Identifier: Apache-2.0
-- The ledger on MariaDB. docs/ledger.md explains every column. {s} is the ledger's database, quoted, with its dot.
-- Times are TIMESTAMP, so that comparing them with NOW() is right whatever the time zone of the session.

-- name: schema
CREATE TABLE IF NOT EXISTS {s}_migration_meta (
    name     VARCHAR(64) NOT NULL PRIMARY KEY,
    number   BIGINT NOT NULL DEFAULT 0,
    value    VARCHAR(255),
    previous VARCHAR(255)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS {s}_migration_history (
    migration_id         VARCHAR(255) NOT NULL PRIMARY KEY,
    name                 VARCHAR(255) NOT NULL,
    checksum             VARCHAR(64),
    applied_at           TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    applied_by           VARCHAR(255) NOT NULL,
    duration_ms          BIGINT,
    status               VARCHAR(20) NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'in_progress', 'completed', 'failed', 'rolled_back')),
    rows_affected        BIGINT,
    rolled_back_at       TIMESTAMP(3) NULL DEFAULT NULL,
    rollback_duration_ms BIGINT,
    metadata             JSON,
    error_message        TEXT,
    environment          VARCHAR(64)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
ALTER TABLE {s}_migration_history
    ADD COLUMN IF NOT EXISTS version               VARCHAR(255),
    ADD COLUMN IF NOT EXISTS sequence              BIGINT,
    ADD COLUMN IF NOT EXISTS kind                  VARCHAR(20) NOT NULL DEFAULT 'versioned',
    ADD COLUMN IF NOT EXISTS origin                VARCHAR(20) NOT NULL DEFAULT 'imported',
    ADD COLUMN IF NOT EXISTS raw_checksum          VARCHAR(32),
    ADD COLUMN IF NOT EXISTS direction             VARCHAR(4) NOT NULL DEFAULT 'up',
    ADD COLUMN IF NOT EXISTS attempt               INT NOT NULL DEFAULT 1,
    ADD COLUMN IF NOT EXISTS steps                 INT NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS journalled            TINYINT(1) NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS undone                VARCHAR(4),
    ADD COLUMN IF NOT EXISTS estimated_duration_ms BIGINT,
    ADD COLUMN IF NOT EXISTS run_id                VARCHAR(40),
    ADD INDEX IF NOT EXISTS _migration_history_sequence (sequence);
UPDATE {s}_migration_history h
    JOIN (SELECT migration_id, ROW_NUMBER() OVER (ORDER BY applied_at, migration_id) AS place
          FROM {s}_migration_history) o ON o.migration_id = h.migration_id
    SET h.sequence = o.place WHERE h.sequence IS NULL;

CREATE TABLE IF NOT EXISTS {s}_migration_locks (
    lock_name   VARCHAR(255) NOT NULL PRIMARY KEY,
    lock_id     CHAR(36) NOT NULL,
    acquired_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    acquired_by VARCHAR(255) NOT NULL,
    hostname    VARCHAR(255),
    pid         BIGINT,
    expires_at  TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    metadata    JSON
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
ALTER TABLE {s}_migration_locks
    ADD COLUMN IF NOT EXISTS fence           BIGINT,
    ADD COLUMN IF NOT EXISTS heartbeat_at    TIMESTAMP(3) NULL DEFAULT NULL,
    ADD COLUMN IF NOT EXISTS session_id      BIGINT,
    ADD COLUMN IF NOT EXISTS session_started VARCHAR(64),
    ADD COLUMN IF NOT EXISTS database_id     VARCHAR(128),
    ADD COLUMN IF NOT EXISTS database_user   VARCHAR(128),
    ADD UNIQUE INDEX IF NOT EXISTS _migration_locks_fence (lock_name, fence);

CREATE TABLE IF NOT EXISTS {s}_migration_audit_log (
    audit_id     BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    migration_id VARCHAR(255),
    action       VARCHAR(50) NOT NULL,
    actor        VARCHAR(255) NOT NULL,
    `timestamp`  TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    ip_address   VARCHAR(64),
    user_agent   TEXT,
    details      JSON
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
ALTER TABLE {s}_migration_audit_log
    ADD COLUMN IF NOT EXISTS database_user VARCHAR(128),
    ADD COLUMN IF NOT EXISTS environment   VARCHAR(64),
    ADD COLUMN IF NOT EXISTS previous      VARCHAR(64),
    ADD COLUMN IF NOT EXISTS hash          VARCHAR(64),
    ADD UNIQUE INDEX IF NOT EXISTS _migration_audit_log_previous (previous),
    ADD INDEX IF NOT EXISTS _migration_audit_log_migration (migration_id);

CREATE TABLE IF NOT EXISTS {s}_migration_rollback_history (
    rollback_id    BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    migration_id   VARCHAR(255) NOT NULL,
    rolled_back_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    rolled_back_by VARCHAR(255) NOT NULL,
    reason         TEXT,
    duration_ms    BIGINT,
    success        TINYINT(1) NOT NULL,
    error_message  TEXT,
    metadata       JSON
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS {s}_backup_history (
    backup_id      VARCHAR(64) NOT NULL PRIMARY KEY,
    filename       VARCHAR(255) NOT NULL,
    path           TEXT NOT NULL,
    size           BIGINT NOT NULL,
    checksum       VARCHAR(64) NOT NULL,
    created_at     TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    created_by     VARCHAR(255) NOT NULL,
    type           VARCHAR(20) NOT NULL,
    compressed     TINYINT(1) NOT NULL DEFAULT 0,
    encrypted      TINYINT(1) NOT NULL DEFAULT 0,
    retention_days INT,
    metadata       JSON
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
ALTER TABLE {s}_backup_history ADD COLUMN IF NOT EXISTS verified_at TIMESTAMP(3) NULL DEFAULT NULL;

CREATE TABLE IF NOT EXISTS {s}_backup_restoration_history (
    restoration_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    backup_id      VARCHAR(64) NOT NULL,
    restored_at    TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    restored_by    VARCHAR(255) NOT NULL,
    duration_ms    BIGINT,
    success        TINYINT(1) NOT NULL,
    error_message  TEXT,
    metadata       JSON
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS {s}_migration_journal (
    migration_id   VARCHAR(255) NOT NULL,
    direction      VARCHAR(4) NOT NULL,
    attempt        INT NOT NULL,
    number         INT NOT NULL,
    line           INT NOT NULL,
    status         VARCHAR(8) NOT NULL,
    hash           VARCHAR(32) NOT NULL,
    tag            VARCHAR(64) NOT NULL,
    statement      TEXT,
    state_before   TEXT,
    transaction_id VARCHAR(32),
    progress       TEXT,
    rows_affected  BIGINT,
    duration_ms    DOUBLE,
    error_message  TEXT,
    run_id         VARCHAR(40),
    started_at     TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    finished_at    TIMESTAMP(3) NULL DEFAULT NULL,
    PRIMARY KEY (migration_id, direction, attempt, number)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS {s}_migration_sources (
    migration_id VARCHAR(255) NOT NULL,
    section      VARCHAR(8) NOT NULL,
    content      LONGTEXT,
    size         BIGINT NOT NULL,
    stored_at    TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    PRIMARY KEY (migration_id, section)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS {s}_migration_schema (
    schema_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    run_id    VARCHAR(40),
    taken_at  TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    digest    VARCHAR(64) NOT NULL,
    objects   BIGINT NOT NULL,
    content   LONGTEXT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW {s}v_migration_status AS
    SELECT migration_id, version, name, status, applied_at, applied_by, environment, duration_ms,
           estimated_duration_ms, rows_affected, rolled_back_at, rollback_duration_ms, error_message, checksum,
           sequence
    FROM {s}_migration_history ORDER BY sequence;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW {s}_migration_versions AS
    SELECT version, migration_id, name, applied_at, applied_by, environment
    FROM {s}_migration_history WHERE status = 'completed' ORDER BY sequence;

-- A table of another program's stays.
CREATE SQL SECURITY INVOKER VIEW IF NOT EXISTS {s}_migration_performance_metrics AS
    SELECT migration_id, 'duration' AS metric_name, CAST(duration_ms AS DOUBLE) AS value, 'ms' AS unit,
           applied_at AS recorded_at
    FROM {s}_migration_history WHERE duration_ms IS NOT NULL
    UNION ALL
    SELECT migration_id, 'rows_affected', CAST(rows_affected AS DOUBLE), 'rows', applied_at
    FROM {s}_migration_history WHERE rows_affected IS NOT NULL
    UNION ALL
    SELECT migration_id, 'statements', CAST(steps AS DOUBLE), 'statements', applied_at
    FROM {s}_migration_history WHERE steps > 0
    UNION ALL
    SELECT migration_id, 'rollback_duration', CAST(rollback_duration_ms AS DOUBLE), 'ms', rolled_back_at
    FROM {s}_migration_history WHERE rollback_duration_ms IS NOT NULL;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW {s}dataflow_migration_locks AS
    SELECT DATABASE() AS schema_name, CONCAT(pid, '_', LEFT(lock_id, 8)) AS holder_process_id, acquired_at, expires_at,
           JSON_MERGE_PATCH(COALESCE(metadata, '{}'), JSON_OBJECT('lock_name', lock_name, 'owner', acquired_by,
               'host', hostname, 'pid', pid, 'fence', fence, 'heartbeat_at', heartbeat_at)) AS lock_data
    FROM {s}_migration_locks;

INSERT IGNORE INTO {s}_migration_meta (name, number, value) VALUES
    ('fence', 0, NULL),
    ('audit', 0, '0000000000000000000000000000000000000000000000000000000000000000');
