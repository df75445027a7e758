-- SPDX-License-Identifier: Apache-2.0
-- The catalog's tables on MariaDB. docs/catalog.md explains every column.
-- utf8mb4_nopad_bin: text is compared byte by byte, trailing blanks count. Times for people are UTC.

-- name: schema
CREATE TABLE IF NOT EXISTS delta_catalog (
    version    BIGINT NOT NULL PRIMARY KEY,
    applied_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    program    LONGTEXT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS delta_tables (
    table_id          VARCHAR(255) NOT NULL PRIMARY KEY,
    location          LONGTEXT NOT NULL,
    location_hash     BIGINT NOT NULL,
    delta_id          LONGTEXT,
    name              LONGTEXT,
    history           VARCHAR(255) NOT NULL DEFAULT 'full',
    flag              LONGTEXT,
    version           BIGINT,
    first_version     BIGINT,
    base_checkpoint   BIGINT NOT NULL DEFAULT -1,
    next_file_id      BIGINT NOT NULL DEFAULT 1,
    next_partition_id BIGINT NOT NULL DEFAULT 1,
    fingerprint       VARCHAR(255),
    created_at        DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    updated_at        DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
CREATE INDEX IF NOT EXISTS delta_tables_location ON delta_tables (location_hash);

CREATE TABLE IF NOT EXISTS delta_files (
    table_id                   VARCHAR(255) NOT NULL,
    file_id                    BIGINT NOT NULL DEFAULT (-1 - CAST(RAND() * 9000000000000000000 AS SIGNED)),
    path                       LONGTEXT NOT NULL,
    dv_id                      LONGTEXT NOT NULL DEFAULT '',
    path_hash                  BIGINT,
    version                    BIGINT NOT NULL,
    action_type                VARCHAR(255) NOT NULL DEFAULT 'add',
    size                       BIGINT,
    modification_time          BIGINT,
    data_change                TINYINT(1) NOT NULL DEFAULT 1,
    partition_id               BIGINT,
    num_records                BIGINT,
    dv_cardinality             BIGINT NOT NULL DEFAULT 0,
    base_row_id                BIGINT,
    default_row_commit_version BIGINT,
    stats_rebuilt              TINYINT(1) NOT NULL DEFAULT 0,
    partition_values           LONGTEXT,
    deletion_vector            LONGTEXT,
    clustering_provider        LONGTEXT,
    raw_path                   LONGTEXT,
    tags                       LONGTEXT,
    stats                      LONGTEXT,
    PRIMARY KEY (table_id, file_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
CREATE INDEX IF NOT EXISTS delta_files_path ON delta_files (table_id, path_hash);
CREATE INDEX IF NOT EXISTS delta_files_version ON delta_files (table_id, version);
CREATE INDEX IF NOT EXISTS delta_files_partition ON delta_files (table_id, partition_id);

CREATE TABLE IF NOT EXISTS delta_file_history (
    table_id                   VARCHAR(255) NOT NULL,
    removed_version            BIGINT NOT NULL,
    file_id                    BIGINT NOT NULL,
    path                       LONGTEXT NOT NULL,
    dv_id                      LONGTEXT NOT NULL DEFAULT '',
    path_hash                  BIGINT,
    version                    BIGINT NOT NULL,
    reason                     VARCHAR(255) NOT NULL,
    deletion_timestamp         BIGINT,
    removed_data_change        TINYINT(1) NOT NULL DEFAULT 1,
    action_type                VARCHAR(255) NOT NULL DEFAULT 'add',
    size                       BIGINT,
    modification_time          BIGINT,
    data_change                TINYINT(1) NOT NULL DEFAULT 1,
    partition_id               BIGINT,
    num_records                BIGINT,
    dv_cardinality             BIGINT NOT NULL DEFAULT 0,
    base_row_id                BIGINT,
    default_row_commit_version BIGINT,
    stats_rebuilt              TINYINT(1) NOT NULL DEFAULT 0,
    partition_values           LONGTEXT,
    deletion_vector            LONGTEXT,
    clustering_provider        LONGTEXT,
    raw_path                   LONGTEXT,
    tags                       LONGTEXT,
    stats                      LONGTEXT,
    PRIMARY KEY (table_id, removed_version, file_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
CREATE INDEX IF NOT EXISTS delta_file_history_path ON delta_file_history (table_id, path_hash);
CREATE INDEX IF NOT EXISTS delta_file_history_version ON delta_file_history (table_id, version);
CREATE INDEX IF NOT EXISTS delta_file_history_partition ON delta_file_history (table_id, partition_id);

CREATE TABLE IF NOT EXISTS delta_tombstones (
    table_id                   VARCHAR(255) NOT NULL,
    file_id                    BIGINT NOT NULL,
    path                       LONGTEXT NOT NULL,
    dv_id                      LONGTEXT NOT NULL DEFAULT '',
    path_hash                  BIGINT NOT NULL,
    version                    BIGINT NOT NULL,
    deletion_timestamp         BIGINT,
    data_change                TINYINT(1) NOT NULL DEFAULT 1,
    extended_file_metadata     TINYINT(1),
    size                       BIGINT,
    dv_cardinality             BIGINT NOT NULL DEFAULT 0,
    base_row_id                BIGINT,
    default_row_commit_version BIGINT,
    partition_values           LONGTEXT,
    deletion_vector            LONGTEXT,
    raw_path                   LONGTEXT,
    tags                       LONGTEXT,
    stats                      LONGTEXT,
    PRIMARY KEY (table_id, file_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
CREATE INDEX IF NOT EXISTS delta_tombstones_path ON delta_tombstones (table_id, path_hash);
CREATE INDEX IF NOT EXISTS delta_tombstones_version ON delta_tombstones (table_id, version);

CREATE TABLE IF NOT EXISTS delta_partitions (
    table_id         VARCHAR(255) NOT NULL,
    partition_id     BIGINT NOT NULL,
    partition_hash   BIGINT NOT NULL,
    partition_values LONGTEXT NOT NULL,
    PRIMARY KEY (table_id, partition_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
CREATE INDEX IF NOT EXISTS delta_partitions_hash ON delta_partitions (table_id, partition_hash);

CREATE TABLE IF NOT EXISTS delta_versions (
    table_id              VARCHAR(255) NOT NULL,
    version               BIGINT NOT NULL,
    `timestamp`           BIGINT NOT NULL,
    file_mtime            BIGINT,
    commit_timestamp      BIGINT,
    in_commit_timestamp   BIGINT,
    operation             LONGTEXT,
    segment_base          BIGINT NOT NULL,
    num_files             BIGINT NOT NULL,
    size_in_bytes         BIGINT NOT NULL,
    num_records           BIGINT,
    known_records         BIGINT NOT NULL,
    files_without_records BIGINT NOT NULL,
    deletion_vector_files BIGINT NOT NULL,
    deleted_records       BIGINT NOT NULL,
    tombstones            BIGINT NOT NULL,
    added_files           BIGINT NOT NULL,
    removed_files         BIGINT NOT NULL,
    added_bytes           BIGINT NOT NULL,
    removed_bytes         BIGINT NOT NULL,
    state_digest          VARCHAR(32) NOT NULL,
    commit_info           LONGTEXT,
    PRIMARY KEY (table_id, version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS delta_metadata (
    table_id          VARCHAR(255) NOT NULL,
    version           BIGINT NOT NULL,
    id                LONGTEXT,
    name              LONGTEXT,
    description       LONGTEXT,
    format            LONGTEXT,
    schema_string     LONGTEXT,
    partition_columns LONGTEXT,
    configuration     LONGTEXT,
    created_time      BIGINT,
    PRIMARY KEY (table_id, version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS delta_protocol (
    table_id           VARCHAR(255) NOT NULL,
    version            BIGINT NOT NULL,
    min_reader_version BIGINT NOT NULL,
    min_writer_version BIGINT NOT NULL,
    reader_features    LONGTEXT,
    writer_features    LONGTEXT,
    PRIMARY KEY (table_id, version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS delta_transactions (
    table_id     VARCHAR(255) NOT NULL,
    version      BIGINT NOT NULL,
    seq          BIGINT NOT NULL,
    app_id       LONGTEXT NOT NULL,
    txn_version  BIGINT NOT NULL,
    last_updated BIGINT,
    PRIMARY KEY (table_id, version, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS delta_domains (
    table_id      VARCHAR(255) NOT NULL,
    version       BIGINT NOT NULL,
    seq           BIGINT NOT NULL,
    domain        LONGTEXT NOT NULL,
    configuration LONGTEXT,
    removed       TINYINT(1) NOT NULL DEFAULT 0,
    PRIMARY KEY (table_id, version, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- column_id: low half of the hash of the column's name, as a signed number. Text bounds are cut to 256 bytes.
CREATE TABLE IF NOT EXISTS delta_stats_columns (
    table_id        VARCHAR(255) NOT NULL,
    column_id       BIGINT NOT NULL,
    column_name     LONGTEXT NOT NULL,
    kind            VARCHAR(255) NOT NULL,
    through_file_id BIGINT NOT NULL DEFAULT 0,
    through_version BIGINT NOT NULL DEFAULT -1,
    PRIMARY KEY (table_id, column_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS delta_column_stats (
    table_id   VARCHAR(255) NOT NULL,
    column_id  BIGINT NOT NULL,
    file_id    BIGINT NOT NULL,
    min_int    BIGINT,
    max_int    BIGINT,
    min_real   DOUBLE,
    max_real   DOUBLE,
    min_text   VARCHAR(256),
    max_text   VARCHAR(256),
    null_count BIGINT,
    PRIMARY KEY (table_id, column_id, file_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
CREATE INDEX IF NOT EXISTS delta_column_stats_int ON delta_column_stats (table_id, column_id, max_int, min_int, file_id);
CREATE INDEX IF NOT EXISTS delta_column_stats_real ON delta_column_stats (table_id, column_id, max_real, min_real, file_id);
CREATE INDEX IF NOT EXISTS delta_column_stats_text ON delta_column_stats (table_id, column_id, max_text(64));

CREATE TABLE IF NOT EXISTS delta_locks (
    table_id     VARCHAR(255) NOT NULL PRIMARY KEY,
    owner        VARCHAR(255) NOT NULL,
    host         VARCHAR(255) NOT NULL,
    pid          BIGINT NOT NULL,
    token        BIGINT NOT NULL,
    beats        BIGINT NOT NULL DEFAULT 0,
    acquired_at  DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    heartbeat_at DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    expires_at   DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS migration_status (
    table_id        VARCHAR(255) NOT NULL PRIMARY KEY,
    status          VARCHAR(255) NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed')),
    version         BIGINT,
    files_processed BIGINT NOT NULL DEFAULT 0,
    files_total     BIGINT,
    started_at      DATETIME(6),
    completed_at    DATETIME(6),
    error_message   LONGTEXT,
    location        LONGTEXT,
    owner           VARCHAR(255),
    warnings        LONGTEXT,
    duration_s      DOUBLE,
    created_at      DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
    updated_at      DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6))
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS file_based_snapshot (
    table_id          VARCHAR(255) NOT NULL,
    path              LONGTEXT NOT NULL,
    dv_id             LONGTEXT NOT NULL DEFAULT '',
    version           BIGINT,
    size              BIGINT,
    modification_time BIGINT
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
CREATE INDEX IF NOT EXISTS file_based_snapshot_table ON file_based_snapshot (table_id);

CREATE OR REPLACE SQL SECURITY INVOKER VIEW delta_log_files AS
    SELECT table_id, path, dv_id, version, size, modification_time FROM file_based_snapshot;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW delta_live_files AS
    SELECT f.table_id, f.path, f.dv_id, f.version AS added_version, f.size, f.num_records,
           f.num_records - f.dv_cardinality AS live_records, f.modification_time, f.partition_values, f.stats
    FROM delta_files f;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW delta_partition_summary AS
    SELECT f.table_id, f.partition_values, COUNT(*) AS num_files, SUM(f.size) AS size_in_bytes,
           CASE WHEN COUNT(f.num_records) = COUNT(*) THEN SUM(f.num_records) END AS num_records
    FROM delta_files f
    GROUP BY f.table_id, f.partition_values;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW delta_table_summary AS
    SELECT t.table_id, t.location, t.version, t.first_version, v.num_files, v.size_in_bytes, v.num_records,
           v.deletion_vector_files, v.tombstones, v.`timestamp`, s.status, s.error_message
    FROM delta_tables t
    LEFT JOIN delta_versions v ON v.table_id = t.table_id AND v.version = t.version
    LEFT JOIN migration_status s ON s.table_id = t.table_id;
