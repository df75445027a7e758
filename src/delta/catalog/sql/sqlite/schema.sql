-- SPDX-License-Identifier: Apache-2.0
-- The catalog's tables on SQLite. docs/catalog.md explains every column.
-- Text is compared byte by byte (BINARY). Times for people are ISO-8601 text in UTC.
-- Not WITHOUT ROWID: rows with statistics are long, and a clustered tree of long rows is deep.

-- name: schema
CREATE TABLE IF NOT EXISTS delta_catalog (
    version    INTEGER NOT NULL PRIMARY KEY,
    applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    program    TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS delta_tables (
    table_id          TEXT NOT NULL PRIMARY KEY,
    location          TEXT NOT NULL,
    location_hash     INTEGER NOT NULL,
    delta_id          TEXT,
    name              TEXT,
    history           TEXT NOT NULL DEFAULT 'full',
    flag              TEXT,
    version           INTEGER,
    first_version     INTEGER,
    base_checkpoint   INTEGER NOT NULL DEFAULT -1,
    next_file_id      INTEGER NOT NULL DEFAULT 1,
    next_partition_id INTEGER NOT NULL DEFAULT 1,
    fingerprint       TEXT,
    created_at        TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at        TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
CREATE INDEX IF NOT EXISTS delta_tables_location ON delta_tables (location_hash);

CREATE TABLE IF NOT EXISTS delta_files (
    table_id                   TEXT NOT NULL,
    file_id                    INTEGER NOT NULL DEFAULT (random() | (1 << 63)),
    path                       TEXT NOT NULL,
    dv_id                      TEXT NOT NULL DEFAULT '',
    path_hash                  INTEGER,
    version                    INTEGER NOT NULL,
    action_type                TEXT NOT NULL DEFAULT 'add',
    size                       INTEGER,
    modification_time          INTEGER,
    data_change                INTEGER NOT NULL DEFAULT 1,
    partition_id               INTEGER,
    num_records                INTEGER,
    dv_cardinality             INTEGER NOT NULL DEFAULT 0,
    base_row_id                INTEGER,
    default_row_commit_version INTEGER,
    stats_rebuilt              INTEGER NOT NULL DEFAULT 0,
    partition_values           TEXT,
    deletion_vector            TEXT,
    clustering_provider        TEXT,
    raw_path                   TEXT,
    tags                       TEXT,
    stats                      TEXT,
    PRIMARY KEY (table_id, file_id)
);
CREATE INDEX IF NOT EXISTS delta_files_path ON delta_files (table_id, path_hash);
CREATE INDEX IF NOT EXISTS delta_files_version ON delta_files (table_id, version);
CREATE INDEX IF NOT EXISTS delta_files_partition ON delta_files (table_id, partition_id);

CREATE TABLE IF NOT EXISTS delta_file_history (
    table_id                   TEXT NOT NULL,
    removed_version            INTEGER NOT NULL,
    file_id                    INTEGER NOT NULL,
    path                       TEXT NOT NULL,
    dv_id                      TEXT NOT NULL DEFAULT '',
    path_hash                  INTEGER,
    version                    INTEGER NOT NULL,
    reason                     TEXT NOT NULL,
    deletion_timestamp         INTEGER,
    removed_data_change        INTEGER NOT NULL DEFAULT 1,
    action_type                TEXT NOT NULL DEFAULT 'add',
    size                       INTEGER,
    modification_time          INTEGER,
    data_change                INTEGER NOT NULL DEFAULT 1,
    partition_id               INTEGER,
    num_records                INTEGER,
    dv_cardinality             INTEGER NOT NULL DEFAULT 0,
    base_row_id                INTEGER,
    default_row_commit_version INTEGER,
    stats_rebuilt              INTEGER NOT NULL DEFAULT 0,
    partition_values           TEXT,
    deletion_vector            TEXT,
    clustering_provider        TEXT,
    raw_path                   TEXT,
    tags                       TEXT,
    stats                      TEXT,
    PRIMARY KEY (table_id, removed_version, file_id)
);
CREATE INDEX IF NOT EXISTS delta_file_history_path ON delta_file_history (table_id, path_hash);
CREATE INDEX IF NOT EXISTS delta_file_history_version ON delta_file_history (table_id, version);
CREATE INDEX IF NOT EXISTS delta_file_history_partition ON delta_file_history (table_id, partition_id);

CREATE TABLE IF NOT EXISTS delta_tombstones (
    table_id                   TEXT NOT NULL,
    file_id                    INTEGER NOT NULL,
    path                       TEXT NOT NULL,
    dv_id                      TEXT NOT NULL DEFAULT '',
    path_hash                  INTEGER NOT NULL,
    version                    INTEGER NOT NULL,
    deletion_timestamp         INTEGER,
    data_change                INTEGER NOT NULL DEFAULT 1,
    extended_file_metadata     INTEGER,
    size                       INTEGER,
    dv_cardinality             INTEGER NOT NULL DEFAULT 0,
    base_row_id                INTEGER,
    default_row_commit_version INTEGER,
    partition_values           TEXT,
    deletion_vector            TEXT,
    raw_path                   TEXT,
    tags                       TEXT,
    stats                      TEXT,
    PRIMARY KEY (table_id, file_id)
);
CREATE INDEX IF NOT EXISTS delta_tombstones_path ON delta_tombstones (table_id, path_hash);
CREATE INDEX IF NOT EXISTS delta_tombstones_version ON delta_tombstones (table_id, version);

CREATE TABLE IF NOT EXISTS delta_partitions (
    table_id         TEXT NOT NULL,
    partition_id     INTEGER NOT NULL,
    partition_hash   INTEGER NOT NULL,
    partition_values TEXT NOT NULL,
    PRIMARY KEY (table_id, partition_id)
);
CREATE INDEX IF NOT EXISTS delta_partitions_hash ON delta_partitions (table_id, partition_hash);

CREATE TABLE IF NOT EXISTS delta_versions (
    table_id              TEXT NOT NULL,
    version               INTEGER NOT NULL,
    "timestamp"           INTEGER NOT NULL,
    file_mtime            INTEGER,
    commit_timestamp      INTEGER,
    in_commit_timestamp   INTEGER,
    operation             TEXT,
    segment_base          INTEGER NOT NULL,
    num_files             INTEGER NOT NULL,
    size_in_bytes         INTEGER NOT NULL,
    num_records           INTEGER,
    known_records         INTEGER NOT NULL,
    files_without_records INTEGER NOT NULL,
    deletion_vector_files INTEGER NOT NULL,
    deleted_records       INTEGER NOT NULL,
    tombstones            INTEGER NOT NULL,
    added_files           INTEGER NOT NULL,
    removed_files         INTEGER NOT NULL,
    added_bytes           INTEGER NOT NULL,
    removed_bytes         INTEGER NOT NULL,
    state_digest          TEXT NOT NULL,
    commit_info           TEXT,
    PRIMARY KEY (table_id, version)
);

CREATE TABLE IF NOT EXISTS delta_metadata (
    table_id          TEXT NOT NULL,
    version           INTEGER NOT NULL,
    id                TEXT,
    name              TEXT,
    description       TEXT,
    format            TEXT,
    schema_string     TEXT,
    partition_columns TEXT,
    configuration     TEXT,
    created_time      INTEGER,
    PRIMARY KEY (table_id, version)
);

CREATE TABLE IF NOT EXISTS delta_protocol (
    table_id           TEXT NOT NULL,
    version            INTEGER NOT NULL,
    min_reader_version INTEGER NOT NULL,
    min_writer_version INTEGER NOT NULL,
    reader_features    TEXT,
    writer_features    TEXT,
    PRIMARY KEY (table_id, version)
);

CREATE TABLE IF NOT EXISTS delta_transactions (
    table_id     TEXT NOT NULL,
    version      INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    app_id       TEXT NOT NULL,
    txn_version  INTEGER NOT NULL,
    last_updated INTEGER,
    PRIMARY KEY (table_id, version, seq)
);

CREATE TABLE IF NOT EXISTS delta_domains (
    table_id      TEXT NOT NULL,
    version       INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    domain        TEXT NOT NULL,
    configuration TEXT,
    removed       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (table_id, version, seq)
);

-- column_id: low half of the hash of the column's name, as a signed number. Text bounds are cut to 256 bytes.
CREATE TABLE IF NOT EXISTS delta_stats_columns (
    table_id        TEXT NOT NULL,
    column_id       INTEGER NOT NULL,
    column_name     TEXT NOT NULL,
    kind            TEXT NOT NULL,
    through_file_id INTEGER NOT NULL DEFAULT 0,
    through_version INTEGER NOT NULL DEFAULT -1,
    PRIMARY KEY (table_id, column_id)
);

CREATE TABLE IF NOT EXISTS delta_column_stats (
    table_id   TEXT NOT NULL,
    column_id  INTEGER NOT NULL,
    file_id    INTEGER NOT NULL,
    min_int    INTEGER,
    max_int    INTEGER,
    min_real   REAL,
    max_real   REAL,
    min_text   TEXT,
    max_text   TEXT,
    null_count INTEGER,
    PRIMARY KEY (table_id, column_id, file_id)
);
CREATE INDEX IF NOT EXISTS delta_column_stats_int ON delta_column_stats (table_id, column_id, max_int, min_int, file_id)
    WHERE max_int IS NOT NULL;
CREATE INDEX IF NOT EXISTS delta_column_stats_real ON delta_column_stats (table_id, column_id, max_real, min_real, file_id)
    WHERE max_real IS NOT NULL;
CREATE INDEX IF NOT EXISTS delta_column_stats_text ON delta_column_stats (table_id, column_id, max_text, min_text, file_id)
    WHERE max_text IS NOT NULL;

CREATE TABLE IF NOT EXISTS delta_locks (
    table_id     TEXT NOT NULL PRIMARY KEY,
    owner        TEXT NOT NULL,
    host         TEXT NOT NULL,
    pid          INTEGER NOT NULL,
    token        INTEGER NOT NULL,
    beats        INTEGER NOT NULL DEFAULT 0,
    acquired_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    heartbeat_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    expires_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE TABLE IF NOT EXISTS migration_status (
    table_id        TEXT NOT NULL PRIMARY KEY,
    status          TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed')),
    version         INTEGER,
    files_processed INTEGER NOT NULL DEFAULT 0,
    files_total     INTEGER,
    started_at      TEXT,
    completed_at    TEXT,
    error_message   TEXT,
    location        TEXT,
    owner           TEXT,
    warnings        TEXT,
    duration_s      REAL,
    created_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE TABLE IF NOT EXISTS file_based_snapshot (
    table_id          TEXT NOT NULL,
    path              TEXT NOT NULL,
    dv_id             TEXT NOT NULL DEFAULT '',
    version           INTEGER,
    size              INTEGER,
    modification_time INTEGER
);
CREATE INDEX IF NOT EXISTS file_based_snapshot_table ON file_based_snapshot (table_id);

CREATE VIEW IF NOT EXISTS delta_log_files AS
    SELECT table_id, path, dv_id, version, size, modification_time FROM file_based_snapshot;

CREATE VIEW IF NOT EXISTS delta_live_files AS
    SELECT f.table_id, f.path, f.dv_id, f.version AS added_version, f.size, f.num_records,
           f.num_records - f.dv_cardinality AS live_records, f.modification_time, f.partition_values, f.stats
    FROM delta_files f;

CREATE VIEW IF NOT EXISTS delta_partition_summary AS
    SELECT f.table_id, f.partition_values, COUNT(*) AS num_files, SUM(f.size) AS size_in_bytes,
           CASE WHEN COUNT(f.num_records) = COUNT(*) THEN SUM(f.num_records) END AS num_records
    FROM delta_files f
    GROUP BY f.table_id, f.partition_values;

CREATE VIEW IF NOT EXISTS delta_table_summary AS
    SELECT t.table_id, t.location, t.version, t.first_version, v.num_files, v.size_in_bytes, v.num_records,
           v.deletion_vector_files, v.tombstones, v."timestamp", s.status, s.error_message
    FROM delta_tables t
    LEFT JOIN delta_versions v ON v.table_id = t.table_id AND v.version = t.version
    LEFT JOIN migration_status s ON s.table_id = t.table_id;
