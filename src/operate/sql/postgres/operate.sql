-- SPDX-License-Identifier: Apache-2.0
-- What a PostgreSQL server is asked about its health. Nothing here takes a lock on a table, so that a look
-- never joins the queue it looks at.

-- One cheap round trip, which says whether the others need be asked: `busy` sessions have a transaction open, or are hidden.
-- name: facts
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms,
       current_setting('server_version_num')::bigint AS version,
       pg_is_in_recovery() AS recovery,
       current_setting('transaction_read_only') = 'on' AS read_only,
       current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint
         AS max_connections,
       CASE WHEN pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') THEN current_setting('data_directory') END
         AS folder,
       pg_backend_pid() AS pid, a.connections, a.busy,
       (SELECT count(*) FROM pg_prepared_xact()) AS prepared,
       (SELECT count(*) FROM pg_stat_get_wal_senders()) + (SELECT count(*) FROM pg_get_replication_slots()) AS replicas
FROM (SELECT count(*) FILTER (WHERE backend_type = 'client backend' OR backend_type IS NULL) AS connections,
             count(*) FILTER (WHERE pid <> pg_backend_pid() AND datid <> 0
                              AND (xact_start IS NOT NULL OR query = '<insufficient privilege>')) AS busy
      FROM pg_stat_get_activity(NULL)) a

-- Sessions that do something, wait for something, or have a transaction open. `waiting` comes from pg_locks, which
-- everybody may read; the rest is NULL for other users' sessions without pg_read_all_stats.
-- name: sessions
WITH waiting AS MATERIALIZED (
  SELECT DISTINCT ON (pid) pid, mode, locktype, database, relation, transactionid
  FROM pg_locks WHERE NOT granted AND pid IS NOT NULL ORDER BY pid, relation NULLS LAST),
progress AS MATERIALIZED (
  SELECT pid, phase, CASE WHEN blocks_total > 0 THEN blocks_done::float8 / blocks_total
                          WHEN tuples_total > 0 THEN tuples_done::float8 / tuples_total END AS part
  FROM pg_stat_progress_create_index
  UNION ALL
  SELECT pid, phase, CASE WHEN heap_blks_total > 0 THEN heap_blks_scanned::float8 / heap_blks_total END
  FROM pg_stat_progress_vacuum
  UNION ALL
  SELECT pid, phase, CASE WHEN heap_blks_total > 0 THEN heap_blks_scanned::float8 / heap_blks_total END
  FROM pg_stat_progress_cluster)
SELECT a.pid AS id, a.usename AS user_name, host(a.client_addr) AS address, a.datname AS database,
       a.application_name AS application, a.state,
       a.backend_type <> 'client backend' AS background,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS transaction_s,
       extract(epoch FROM clock_timestamp()
         - CASE WHEN a.state = 'active' THEN a.query_start ELSE a.state_change END)::float8 AS state_s,
       nullif(left(a.query, 600), '<insufficient privilege>') AS query,
       w.pid IS NOT NULL AS waiting, w.mode, w.locktype,
       CASE WHEN w.database = d.oid THEN w.relation::regclass::text END AS relation,
       (SELECT r.relation::regclass::text FROM pg_locks r
        WHERE w.locktype IN ('transactionid', 'tuple') AND r.pid = w.pid AND r.granted AND r.database = d.oid
          AND r.locktype = 'relation' AND r.mode IN ('RowExclusiveLock', 'RowShareLock') LIMIT 1) AS row_of,
       a.pid = pg_backend_pid() AS own, a.datid = d.oid AS here, p.phase, p.part
FROM pg_stat_activity a
JOIN pg_database d ON d.datname = current_database()
LEFT JOIN waiting w ON w.pid = a.pid
LEFT JOIN progress p ON p.pid = a.pid
WHERE a.datid IS NOT NULL AND (a.state IS DISTINCT FROM 'idle' OR w.pid IS NOT NULL)
  AND (a.backend_type IN ('client backend', 'autovacuum worker') OR a.backend_type IS NULL OR w.pid IS NOT NULL)
ORDER BY a.xact_start NULLS LAST, a.pid
LIMIT 2000

-- Which locks are a prepared transaction's: those that have the virtual transaction id of the lock on its own number.
-- name: prepared
SELECT x.gid, x.owner AS user_name, x.database, x.database = current_database() AS here,
       extract(epoch FROM clock_timestamp() - x.prepared)::float8 AS transaction_s,
       (SELECT string_agg(DISTINCT l.relation::regclass::text, ', ')
        FROM pg_locks l JOIN pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p', 'm')
        WHERE l.virtualtransaction = o.virtualtransaction AND l.pid IS NULL AND l.locktype = 'relation'
          AND x.database = current_database() AND c.relnamespace <> 'pg_catalog'::regnamespace) AS tables
FROM pg_prepared_xacts x
LEFT JOIN pg_locks o ON o.pid IS NULL AND o.locktype = 'transactionid' AND o.transactionid = x.transaction
ORDER BY x.prepared LIMIT 200

-- Who waits for whom. A prepared transaction is blocker 0: which one, the lock itself tells.
-- name: waits
WITH locks AS MATERIALIZED (SELECT * FROM pg_locks),
waiting AS (SELECT * FROM locks WHERE NOT granted AND pid IS NOT NULL),
prepared AS (
  SELECT x.gid, x.prepared, l.* FROM pg_prepared_xacts x
  JOIN locks o ON o.pid IS NULL AND o.locktype = 'transactionid' AND o.transactionid = x.transaction
  JOIN locks l ON l.pid IS NULL AND l.virtualtransaction = o.virtualtransaction)
SELECT DISTINCT w.pid AS waiter, b.pid AS blocker,
       CASE WHEN b.pid = 0 THEN (
         SELECT h.gid FROM prepared h
         WHERE h.granted AND h.locktype = w.locktype
           AND h.database IS NOT DISTINCT FROM w.database AND h.relation IS NOT DISTINCT FROM w.relation
           AND h.transactionid IS NOT DISTINCT FROM w.transactionid
           AND (w.locktype <> 'relation' OR h.mode <> 'AccessShareLock' OR w.mode = 'AccessExclusiveLock')
         ORDER BY h.prepared LIMIT 1) END AS gid
FROM (SELECT DISTINCT ON (pid) * FROM waiting ORDER BY pid) w
CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) b (pid)
ORDER BY 1, 2 LIMIT 2000

-- An index whose table somebody works on with CREATE INDEX or REINDEX (CONCURRENTLY) at this moment is being built, not left
-- behind. What those do is hidden from other users, that they do it is not.
-- name: invalid_indexes
SELECT format('%I.%I', n.nspname, c.relname) AS subject,
       n.nspname AS schema, c.relname AS name, t.relname AS table, pg_get_indexdef(i.indexrelid) AS definition,
       CASE WHEN building THEN 'ok' ELSE 'warning' END AS status,
       building, i.indisready AS maintained, c.relkind = 'I' AS partitioned,
       CASE WHEN NOT building AND c.relkind = 'i' THEN format('DROP INDEX CONCURRENTLY %I.%I', n.nspname, c.relname) END
         AS remedy,
       CASE WHEN NOT building AND c.relkind = 'i' AND c.relname !~ '_cc(new|old)[0-9]*$'
         THEN format('REINDEX INDEX CONCURRENTLY %I.%I', n.nspname, c.relname) END AS finish
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT EXISTS (
    SELECT 1 FROM pg_stat_progress_create_index p JOIN pg_locks l ON l.pid = p.pid
    WHERE l.locktype = 'relation' AND l.relation = i.indrelid AND l.granted AND p.pid <> pg_backend_pid()
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS building) b
WHERE NOT i.indisvalid AND n.nspname NOT LIKE 'pg\_temp%'
ORDER BY 1 LIMIT 200

-- A constraint that is NOT ENFORCED (PostgreSQL 18) is meant to be so.
-- name: unvalidated_constraints
SELECT format('%s on %s', quote_ident(o.conname),
              coalesce(nullif(o.conrelid, 0)::regclass::text, nullif(o.contypid, 0)::regtype::text)) AS subject,
       'warning' AS status, n.nspname AS schema, o.conname AS name, pg_get_constraintdef(o.oid) AS definition,
       CASE WHEN o.conrelid <> 0 THEN format('ALTER TABLE %s VALIDATE CONSTRAINT %I', o.conrelid::regclass, o.conname)
            ELSE format('ALTER DOMAIN %s VALIDATE CONSTRAINT %I', o.contypid::regtype, o.conname) END AS remedy
FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace
WHERE NOT o.convalidated AND coalesce(to_jsonb(o) ->> 'conenforced', 'true') <> 'false'
ORDER BY 1 LIMIT 200

-- name: replication
SELECT coalesce(nullif(application_name, ''), 'replica') || coalesce(' at ' || host(client_addr), '') AS subject, state,
       sync_state,
       (extract(epoch FROM greatest(replay_lag, flush_lag, write_lag)) * 1000)::bigint AS lag_ms,
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END,
                       coalesce(replay_lsn, flush_lsn, sent_lsn))::bigint AS behind_bytes
FROM pg_stat_replication
WHERE state IS DISTINCT FROM 'backup'
ORDER BY 1 LIMIT 200

-- A slot without a reader holds back write-ahead log for ever.
-- name: slots
SELECT s.slot_name || ' (' || CASE s.wal_status WHEN 'lost' THEN 'lost' ELSE pg_size_pretty(k.kept) END
         || CASE WHEN s.active THEN ')' ELSE ', nobody reads it)' END AS subject,
       s.slot_type AS type, s.active, s.wal_status, k.kept::bigint AS retained_bytes,
       CASE WHEN s.wal_status IN ('lost', 'unreserved') OR (NOT s.active AND k.kept >= 1024 * 1024 * 1024)
         THEN 'warning' ELSE 'ok' END AS status,
       format('SELECT pg_drop_replication_slot(%L)', s.slot_name) AS remedy
FROM pg_replication_slots s
CROSS JOIN LATERAL (
  SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
                         s.restart_lsn) AS kept) k
WHERE s.restart_lsn IS NOT NULL OR s.wal_status = 'lost' ORDER BY k.kept DESC NULLS FIRST LIMIT 200

-- name: wraparound
SELECT datname AS database, age(datfrozenxid)::bigint AS transactions, mxid_age(datminmxid)::bigint AS multixacts
FROM pg_database ORDER BY greatest(age(datfrozenxid), mxid_age(datminmxid)) DESC LIMIT 1

-- What a sequence may still give out: its own end, or that of the column it fills, whichever comes first. One that is being
-- altered or dropped at this moment is left out, as reading it would wait.
-- name: sequences
WITH busy AS MATERIALIZED (
  SELECT DISTINCT relation FROM pg_locks
  WHERE locktype = 'relation' AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')),
owned AS (
  SELECT s.seqrelid, s.seqincrement, s.seqcycle, s.seqmin, s.seqmax, a.attrelid, a.attname,
         CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647
           ELSE 9223372036854775807 END AS column_max
  FROM pg_sequence s
  LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid
    AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
  LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid),
readable AS MATERIALIZED (
  SELECT o.* FROM owned o JOIN pg_class c ON c.oid = o.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT o.seqcycle AND NOT pg_is_in_recovery() AND NOT pg_is_other_temp_schema(c.relnamespace)
    AND has_schema_privilege(n.oid, 'USAGE')
    AND NOT EXISTS (SELECT 1 FROM busy b WHERE b.relation = c.oid)),
used AS (
  SELECT r.*, CASE WHEN has_sequence_privilege(r.seqrelid, 'SELECT,USAGE') THEN pg_sequence_last_value(r.seqrelid) END
    AS last FROM readable r),
part AS (
  SELECT u.*, CASE WHEN seqincrement > 0
                THEN (last::numeric - seqmin) / nullif(least(seqmax, column_max)::numeric - seqmin, 0)
                ELSE (seqmax::numeric - last) / nullif(seqmax::numeric - seqmin, 0) END AS used
  FROM used u WHERE last IS NOT NULL)
SELECT seqrelid::regclass::text AS subject, last, used::float8 AS used,
       CASE WHEN seqincrement > 0 THEN least(seqmax, column_max) ELSE seqmin END AS "end",
       attrelid::regclass::text || '.' || quote_ident(attname) AS "column",
       CASE WHEN used >= 0.95 THEN 'critical' ELSE 'warning' END AS status,
       CASE WHEN column_max < seqmax THEN
              format('give %s.%I the type bigint, in steps: add a column, fill it in batches, swap', attrelid::regclass, attname)
            ELSE format('ALTER SEQUENCE %s AS bigint MAXVALUE 9223372036854775807, and its column likewise',
                        seqrelid::regclass) END AS remedy
FROM part WHERE used >= 0.75 ORDER BY used DESC LIMIT 200

-- name: expired_locks
SELECT lock_name || ' (' || acquired_by || ')' AS subject, 'warning' AS status, expires_at,
       'dataflow lock release' AS remedy
FROM _migration_locks WHERE expires_at < clock_timestamp() ORDER BY 1 LIMIT 200

-- name: scratch
SELECT d.datname AS subject,
       CASE WHEN EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.datid = d.oid) THEN 'ok' ELSE 'warning' END AS status,
       'DROP DATABASE ' || quote_ident(d.datname) AS remedy
FROM pg_database d WHERE d.datname LIKE 'dataflow\_scratch\_%' ORDER BY 1 LIMIT 200

-- Sessions that hold advisory locks of this database.
-- name: advisory
SELECT l.pid::text AS id, concat_ws(', ', a.usename, host(a.client_addr), nullif(a.application_name, ''), a.state) AS subject,
       format('SELECT pg_terminate_backend(%s)', l.pid) AS remedy
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY l.pid LIMIT 20

-- The tables in which dead rows hold the most space that VACUUM could give back for use.
-- name: dead_rows
SELECT format('%I.%I', schemaname, relname) AS subject, n_dead_tup AS dead, n_live_tup AS live,
       format('VACUUM %I.%I', schemaname, relname) AS remedy
FROM pg_stat_user_tables WHERE n_dead_tup > 10000 AND n_dead_tup > n_live_tup / 5
ORDER BY n_dead_tup DESC LIMIT 3

-- Who holds locks on the tables that a run is about to change, and what the tables occupy (not asked of a table that somebody
-- has locked against everything: that would wait).
-- name: targets
WITH wanted (schema, name, exclusive) AS (VALUES {targets}),
target AS MATERIALIZED (
  SELECT c.oid, w.exclusive, c.oid::regclass::text AS subject, c.relkind,
         NOT EXISTS (SELECT 1 FROM pg_locks l WHERE l.relation = c.oid AND l.mode = 'AccessExclusiveLock') AS open,
         c.relpages::bigint * current_setting('block_size')::bigint AS guess
  FROM wanted w JOIN pg_class c
    ON c.oid = to_regclass(CASE WHEN w.schema IS NULL THEN quote_ident(w.name)
                           ELSE quote_ident(w.schema) || '.' || quote_ident(w.name) END))
SELECT t.subject, t.exclusive, l.pid AS id, l.mode, l.granted,
       x.gid,
       CASE WHEN t.open AND t.relkind IN ('r', 'm', 't') THEN pg_total_relation_size(t.oid) ELSE t.guess END AS bytes
FROM target t
LEFT JOIN pg_locks l ON l.locktype = 'relation' AND l.relation = t.oid
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.pid IS DISTINCT FROM pg_backend_pid()
  AND (t.exclusive OR l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                                 'AccessExclusiveLock'))
LEFT JOIN (pg_locks o JOIN pg_prepared_xacts x ON o.transactionid = x.transaction)
  ON l.pid IS NULL AND o.pid IS NULL AND o.locktype = 'transactionid' AND o.virtualtransaction = l.virtualtransaction
ORDER BY t.subject, l.pid LIMIT 5000
