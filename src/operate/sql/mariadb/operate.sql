-- SPDX-License-Identifier: Apache-2.0
-- What a MariaDB server is asked about its health. A query that must open tables (for AUTO_INCREMENT, for views) has a
-- limit of its own, so that a look does not wait for a metadata lock.

-- name: facts
SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED) AS now_ms, VERSION() AS version_text,
       @@global.read_only AS read_only, @@global.datadir AS folder,
       @@global.max_connections AS max_connections,
       (SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status
        WHERE variable_name = 'THREADS_CONNECTED') AS connections,
       (SELECT COUNT(*) FROM information_schema.user_privileges
        WHERE grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')
          AND privilege_type IN ('SUPER', 'READ_ONLY ADMIN', 'READ ONLY ADMIN')) > 0 AS writes_anyway,
       (SELECT tid FROM information_schema.processlist WHERE id = CONNECTION_ID()) AS pid

-- name: sessions
SELECT p.id, p.user AS user_name, p.host AS address, p.db AS `database`, p.command, p.state,
       p.time_ms / 1000 AS state_s, LEFT(p.info, 600) AS query,
       p.stage, p.max_stage, p.progress, p.id = CONNECTION_ID() AS own, p.db <=> DATABASE() AS here
FROM information_schema.processlist p
WHERE p.command <> 'Daemon' ORDER BY p.id LIMIT 5000

-- trx_started is in the server's own time zone.
-- name: transactions
SELECT t.trx_mysql_thread_id AS id, t.trx_state AS state, t.trx_rows_modified AS modified,
       TIMESTAMPDIFF(MICROSECOND, t.trx_started, CONVERT_TZ(SYSDATE(6), @@session.time_zone, 'SYSTEM')) / 1000000
         AS transaction_s,
       (SELECT MAX(l.lock_table) FROM information_schema.innodb_locks l WHERE l.lock_id = t.trx_requested_lock_id) AS waits_for
FROM information_schema.innodb_trx t ORDER BY t.trx_started LIMIT 5000

-- name: row_waits
SELECT DISTINCT r.trx_mysql_thread_id AS waiter, b.trx_mysql_thread_id AS blocker
FROM information_schema.innodb_lock_waits w
JOIN information_schema.innodb_trx r ON r.trx_id = w.requesting_trx_id
JOIN information_schema.innodb_trx b ON b.trx_id = w.blocking_trx_id
LIMIT 2000

-- Two sources for who holds a metadata lock; each is there only when somebody has switched it on.
-- name: metadata_plugin
SELECT COUNT(*) AS ready FROM information_schema.plugins
WHERE plugin_name = 'METADATA_LOCK_INFO' AND plugin_status = 'ACTIVE'

-- name: metadata_instrument
SELECT COUNT(*) AS ready FROM performance_schema.setup_instruments
WHERE name = 'wait/lock/metadata/sql/mdl' AND enabled = 'YES' AND @@global.performance_schema

-- name: metadata_locks_plugin
SELECT thread_id AS id, lock_mode AS mode, table_schema AS `schema`, table_name AS name, 1 AS granted,
       table_schema <=> DATABASE() AS here
FROM information_schema.metadata_lock_info
WHERE table_schema <> '' AND table_name <> '' LIMIT 5000

-- name: metadata_locks_performance_schema
SELECT t.processlist_id AS id, m.lock_type AS mode, m.object_schema AS `schema`, m.object_name AS name,
       m.lock_status = 'GRANTED' AS granted, m.object_schema <=> DATABASE() AS here
FROM performance_schema.metadata_locks m JOIN performance_schema.threads t ON t.thread_id = m.owner_thread_id
WHERE m.object_type = 'TABLE' AND m.object_schema <> 'performance_schema' AND t.processlist_id IS NOT NULL
LIMIT 5000

-- name: xa
XA RECOVER FORMAT='SQL'

-- name: history
SELECT CAST(variable_value AS SIGNED) AS length FROM information_schema.global_status
WHERE variable_name = 'INNODB_HISTORY_LIST_LENGTH'

-- name: expired_locks
SELECT CONCAT(lock_name, ' (', acquired_by, ')') AS subject, 'warning' AS status, expires_at,
       'dataflow lock release' AS remedy
FROM _migration_locks WHERE expires_at < SYSDATE(3) ORDER BY 1 LIMIT 200

-- name: scratch
SELECT s.schema_name AS subject,
       IF((SELECT COUNT(*) FROM information_schema.processlist p WHERE p.db = s.schema_name) > 0, 'ok', 'warning') AS status,
       CONCAT('DROP DATABASE `', REPLACE(s.schema_name, '`', '``'), '`') AS remedy
FROM information_schema.schemata s WHERE s.schema_name LIKE 'dataflow\_scratch\_%' ORDER BY 1 LIMIT 200

-- name: replication
SHOW ALL SLAVES STATUS

-- AUTO_INCREMENT against the width of its column.
-- name: sequences
SET STATEMENT lock_wait_timeout=1, max_statement_time=5 FOR
SELECT CONCAT(t.table_schema, '.', t.table_name, '.', c.column_name) AS subject, t.auto_increment AS last,
       CAST(t.auto_increment / m.most AS DOUBLE) AS used, m.most AS `end`,
       IF(t.auto_increment / m.most >= 0.95, 'critical', 'warning') AS status,
       CONCAT('ALTER TABLE `', t.table_schema, '`.`', t.table_name, '` MODIFY `', c.column_name,
              '` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT (rebuilds the table)') AS remedy
FROM information_schema.tables t
JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
  AND c.extra LIKE '%auto_increment%'
JOIN (SELECT 'tinyint' AS type, 0 AS unsigned_one, 127 AS most UNION ALL SELECT 'tinyint', 1, 255
      UNION ALL SELECT 'smallint', 0, 32767 UNION ALL SELECT 'smallint', 1, 65535
      UNION ALL SELECT 'mediumint', 0, 8388607 UNION ALL SELECT 'mediumint', 1, 16777215
      UNION ALL SELECT 'int', 0, 2147483647 UNION ALL SELECT 'int', 1, 4294967295
      UNION ALL SELECT 'bigint', 0, 9223372036854775807 UNION ALL SELECT 'bigint', 1, 18446744073709551615) m
  ON m.type = c.data_type AND m.unsigned_one = (c.column_type LIKE '%unsigned%')
WHERE t.table_schema = DATABASE() AND t.auto_increment / m.most >= 0.75
ORDER BY used DESC LIMIT 200

-- The comment says so only when the view was opened, which asking for the number of rows makes happen.
-- name: broken_views
SET STATEMENT lock_wait_timeout=1, max_statement_time=5 FOR
SELECT CONCAT(table_schema, '.', table_name) AS subject, 'warning' AS status, table_comment AS why, table_rows,
       CONCAT('SHOW CREATE VIEW `', table_schema, '`.`', table_name, '`, then make it anew or drop it') AS remedy
FROM information_schema.tables
WHERE table_schema = DATABASE() AND table_type = 'VIEW'
HAVING why LIKE '%invalid%'
ORDER BY 1 LIMIT 200

-- Tables (each partition by itself) that take more than so many bytes.
-- name: large_tables
SELECT SUBSTRING_INDEX(SUBSTRING_INDEX(s.name, '/', -1), '#', 1) AS name, SUBSTRING_INDEX(s.name, '/', 1) AS `schema`,
       s.file_size AS bytes, SUBSTRING_INDEX(s.name, '/', 1) = DATABASE() AS here
FROM information_schema.innodb_sys_tablespaces s
WHERE s.file_size > ? AND s.name LIKE '%/%' LIMIT 1000
