-- SPDX-License-Identifier: Apache-2.0
-- The catalog's tables on PostgreSQL. docs/catalog.md explains every column.
-- Text that is compared has the "C" collation: byte order, the same on every server.

-- name: schema
CREATE TABLE IF NOT EXISTS delta_catalog (
    version    BIGINT NOT NULL PRIMARY KEY,
    applied_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    program    TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS delta_tables (
    table_id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    location          TEXT COLLATE "C" NOT NULL,
    location_hash     BIGINT NOT NULL,
    delta_id          TEXT COLLATE "C",
    name              TEXT COLLATE "C",
    history           TEXT NOT NULL DEFAULT 'full',
    flag              TEXT,
    version           BIGINT,
    first_version     BIGINT,
    base_checkpoint   BIGINT NOT NULL DEFAULT -1,
    next_file_id      BIGINT NOT NULL DEFAULT 1,
    next_partition_id BIGINT NOT NULL DEFAULT 1,
    fingerprint       TEXT,
    created_at        TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at        TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS delta_tables_location ON delta_tables (location_hash);

CREATE TABLE IF NOT EXISTS delta_files (
    table_id                   TEXT COLLATE "C" NOT NULL,
    file_id                    BIGINT NOT NULL DEFAULT (-1 - floor(random() * 9000000000000000000)::bigint),
    path                       TEXT COLLATE "C" NOT NULL,
    dv_id                      TEXT COLLATE "C" NOT NULL DEFAULT '',
    path_hash                  BIGINT,
    version                    BIGINT NOT NULL,
    action_type                TEXT NOT NULL DEFAULT 'add',
    size                       BIGINT,
    modification_time          BIGINT,
    data_change                BOOLEAN NOT NULL DEFAULT true,
    partition_id               BIGINT,
    num_records                BIGINT,
    dv_cardinality             BIGINT NOT NULL DEFAULT 0,
    base_row_id                BIGINT,
    default_row_commit_version BIGINT,
    stats_rebuilt              BOOLEAN NOT NULL DEFAULT false,
    partition_values           TEXT COLLATE "C",
    deletion_vector            TEXT,
    clustering_provider        TEXT,
    raw_path                   TEXT COLLATE "C",
    tags                       TEXT,
    stats                      TEXT,
    PRIMARY KEY (table_id, file_id)
);
CREATE INDEX IF NOT EXISTS delta_files_path ON delta_files (table_id, path_hash);
CREATE INDEX IF NOT EXISTS delta_files_version ON delta_files (table_id, version);
CREATE INDEX IF NOT EXISTS delta_files_partition ON delta_files (table_id, partition_id);

CREATE TABLE IF NOT EXISTS delta_file_history (
    table_id                   TEXT COLLATE "C" NOT NULL,
    removed_version            BIGINT NOT NULL,
    file_id                    BIGINT NOT NULL,
    path                       TEXT COLLATE "C" NOT NULL,
    dv_id                      TEXT COLLATE "C" NOT NULL DEFAULT '',
    path_hash                  BIGINT,
    version                    BIGINT NOT NULL,
    reason                     TEXT NOT NULL,
    deletion_timestamp         BIGINT,
    removed_data_change        BOOLEAN NOT NULL DEFAULT true,
    action_type                TEXT NOT NULL DEFAULT 'add',
    size                       BIGINT,
    modification_time          BIGINT,
    data_change                BOOLEAN NOT NULL DEFAULT true,
    partition_id               BIGINT,
    num_records                BIGINT,
    dv_cardinality             BIGINT NOT NULL DEFAULT 0,
    base_row_id                BIGINT,
    default_row_commit_version BIGINT,
    stats_rebuilt              BOOLEAN NOT NULL DEFAULT false,
    partition_values           TEXT COLLATE "C",
    deletion_vector            TEXT,
    clustering_provider        TEXT,
    raw_path                   TEXT COLLATE "C",
    tags                       TEXT,
    stats                      TEXT,
    PRIMARY KEY (table_id, removed_version, file_id)
);
CREATE INDEX IF NOT EXISTS delta_file_history_path ON delta_file_history (table_id, path_hash);
CREATE INDEX IF NOT EXISTS delta_file_history_version ON delta_file_history (table_id, version);
CREATE INDEX IF NOT EXISTS delta_file_history_partition ON delta_file_history (table_id, partition_id);

CREATE TABLE IF NOT EXISTS delta_tombstones (
    table_id                   TEXT COLLATE "C" NOT NULL,
    file_id                    BIGINT NOT NULL,
    path                       TEXT COLLATE "C" NOT NULL,
    dv_id                      TEXT COLLATE "C" NOT NULL DEFAULT '',
    path_hash                  BIGINT NOT NULL,
    version                    BIGINT NOT NULL,
    deletion_timestamp         BIGINT,
    data_change                BOOLEAN NOT NULL DEFAULT true,
    extended_file_metadata     BOOLEAN,
    size                       BIGINT,
    dv_cardinality             BIGINT NOT NULL DEFAULT 0,
    base_row_id                BIGINT,
    default_row_commit_version BIGINT,
    partition_values           TEXT COLLATE "C",
    deletion_vector            TEXT,
    raw_path                   TEXT COLLATE "C",
    tags                       TEXT,
    stats                      TEXT,
    PRIMARY KEY (table_id, file_id)
);
CREATE INDEX IF NOT EXISTS delta_tombstones_path ON delta_tombstones (table_id, path_hash);
CREATE INDEX IF NOT EXISTS delta_tombstones_version ON delta_tombstones (table_id, version);

CREATE TABLE IF NOT EXISTS delta_partitions (
    table_id         TEXT COLLATE "C" NOT NULL,
    partition_id     BIGINT NOT NULL,
    partition_hash   BIGINT NOT NULL,
    partition_values TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (table_id, partition_id)
);
CREATE INDEX IF NOT EXISTS delta_partitions_hash ON delta_partitions (table_id, partition_hash);

CREATE TABLE IF NOT EXISTS delta_versions (
    table_id              TEXT COLLATE "C" NOT NULL,
    version               BIGINT NOT NULL,
    "timestamp"           BIGINT NOT NULL,
    file_mtime            BIGINT,
    commit_timestamp      BIGINT,
    in_commit_timestamp   BIGINT,
    operation             TEXT COLLATE "C",
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
    state_digest          TEXT COLLATE "C" NOT NULL,
    commit_info           TEXT,
    PRIMARY KEY (table_id, version)
);

CREATE TABLE IF NOT EXISTS delta_metadata (
    table_id          TEXT COLLATE "C" NOT NULL,
    version           BIGINT NOT NULL,
    id                TEXT COLLATE "C",
    name              TEXT COLLATE "C",
    description       TEXT,
    format            TEXT,
    schema_string     TEXT,
    partition_columns TEXT,
    configuration     TEXT,
    created_time      BIGINT,
    PRIMARY KEY (table_id, version)
);

CREATE TABLE IF NOT EXISTS delta_protocol (
    table_id           TEXT COLLATE "C" NOT NULL,
    version            BIGINT NOT NULL,
    min_reader_version BIGINT NOT NULL,
    min_writer_version BIGINT NOT NULL,
    reader_features    TEXT,
    writer_features    TEXT,
    PRIMARY KEY (table_id, version)
);

CREATE TABLE IF NOT EXISTS delta_transactions (
    table_id     TEXT COLLATE "C" NOT NULL,
    version      BIGINT NOT NULL,
    seq          BIGINT NOT NULL,
    app_id       TEXT COLLATE "C" NOT NULL,
    txn_version  BIGINT NOT NULL,
    last_updated BIGINT,
    PRIMARY KEY (table_id, version, seq)
);

CREATE TABLE IF NOT EXISTS delta_domains (
    table_id      TEXT COLLATE "C" NOT NULL,
    version       BIGINT NOT NULL,
    seq           BIGINT NOT NULL,
    domain        TEXT COLLATE "C" NOT NULL,
    configuration TEXT,
    removed       BOOLEAN NOT NULL DEFAULT false,
    PRIMARY KEY (table_id, version, seq)
);

-- column_id: low half of the hash of the column's name, as a signed number. Text bounds are cut to 256 bytes.
CREATE TABLE IF NOT EXISTS delta_stats_columns (
    table_id        TEXT COLLATE "C" NOT NULL,
    column_id       BIGINT NOT NULL,
    column_name     TEXT COLLATE "C" NOT NULL,
    kind            TEXT NOT NULL,
    through_file_id BIGINT NOT NULL DEFAULT 0,
    through_version BIGINT NOT NULL DEFAULT -1,
    PRIMARY KEY (table_id, column_id)
);

CREATE TABLE IF NOT EXISTS delta_column_stats (
    table_id   TEXT COLLATE "C" NOT NULL,
    column_id  BIGINT NOT NULL,
    file_id    BIGINT NOT NULL,
    min_int    BIGINT,
    max_int    BIGINT,
    min_real   DOUBLE PRECISION,
    max_real   DOUBLE PRECISION,
    min_text   TEXT COLLATE "C",
    max_text   TEXT COLLATE "C",
    null_count BIGINT,
    PRIMARY KEY (table_id, column_id, file_id)
);
CREATE INDEX IF NOT EXISTS delta_column_stats_int ON delta_column_stats (table_id, column_id, max_int, min_int, file_id)
    WHERE max_int IS NOT NULL;
CREATE INDEX IF NOT EXISTS delta_column_stats_real ON delta_column_stats (table_id, column_id, max_real, min_real, file_id)
    WHERE max_real IS NOT NULL;
CREATE INDEX IF NOT EXISTS delta_column_stats_text ON delta_column_stats (table_id, column_id, max_text, min_text, file_id)
    WHERE max_text IS NOT NULL;

CREATE TABLE IF NOT EXISTS delta_locks (
    table_id     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    owner        TEXT NOT NULL,
    host         TEXT NOT NULL,
    pid          BIGINT NOT NULL,
    token        BIGINT NOT NULL,
    beats        BIGINT NOT NULL DEFAULT 0,
    acquired_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
    heartbeat_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at   TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS migration_status (
    table_id        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    status          TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed')),
    version         BIGINT,
    files_processed BIGINT NOT NULL DEFAULT 0,
    files_total     BIGINT,
    started_at      TIMESTAMPTZ,
    completed_at    TIMESTAMPTZ,
    error_message   TEXT,
    location        TEXT,
    owner           TEXT,
    warnings        TEXT,
    duration_s      DOUBLE PRECISION,
    created_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at      TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS file_based_snapshot (
    table_id          TEXT COLLATE "C" NOT NULL,
    path              TEXT COLLATE "C" NOT NULL,
    dv_id             TEXT COLLATE "C" NOT NULL DEFAULT '',
    version           BIGINT,
    size              BIGINT,
    modification_time BIGINT
);
CREATE INDEX IF NOT EXISTS file_based_snapshot_table ON file_based_snapshot (table_id);

CREATE OR REPLACE VIEW delta_log_files AS
    SELECT table_id, path, dv_id, version, size, modification_time FROM file_based_snapshot;

CREATE OR REPLACE VIEW delta_live_files AS
    SELECT f.table_id, f.path, f.dv_id, f.version AS added_version, f.size, f.num_records,
           f.num_records - f.dv_cardinality AS live_records, f.modification_time, f.partition_values, f.stats
    FROM delta_files f;

CREATE OR REPLACE VIEW delta_partition_summary AS
    SELECT f.table_id, f.partition_values, COUNT(*) AS num_files, SUM(f.size) AS size_in_bytes,
           CASE WHEN COUNT(f.num_records) = COUNT(*) THEN SUM(f.num_records) END AS num_records
    FROM delta_files f
    GROUP BY f.table_id, f.partition_values;

CREATE OR REPLACE VIEW delta_table_summary AS
    SELECT t.table_id, t.location, t.version, t.first_version, v.num_files, v.size_in_bytes, v.num_records,
           v.deletion_vector_files, v.tombstones, v."timestamp", s.status, s.error_message
    FROM delta_tables t
    LEFT JOIN delta_versions v ON v.table_id = t.table_id AND v.version = t.version
    LEFT JOIN migration_status s ON s.table_id = t.table_id;
