-- SPDX-License-Identifier: Apache-2.0
-- What backups ask of MariaDB.

-- Columns that are stored, sorted so that two databases with the same tables answer alike. The last value says whether
-- the table's engine keeps a snapshot for a transaction.
-- name: my_columns
SELECT NULL, t.TABLE_NAME, c.COLUMN_NAME, e.TRANSACTIONS = 'YES'
FROM information_schema.TABLES t
JOIN information_schema.COLUMNS c ON c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME
LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
  AND t.TABLE_NAME <> '_dataflow_restore_state' AND c.EXTRA NOT LIKE '%VIRTUAL GENERATED%'
ORDER BY CAST(t.TABLE_NAME AS BINARY), CAST(c.COLUMN_NAME AS BINARY)

-- name: my_size
SELECT CAST(COALESCE(SUM(DATA_LENGTH), 0) AS SIGNED) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()

-- name: my_versioned
SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'SYSTEM VERSIONED'

-- name: my_database
SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME
FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()

-- Everything that a dump makes again, in the order in which it is dropped: what acts by itself first.
-- name: my_objects
SELECT kind, name FROM (
    SELECT 1 AS place, 'EVENT' AS kind, EVENT_NAME AS name FROM information_schema.EVENTS
    WHERE EVENT_SCHEMA = DATABASE()
    UNION ALL SELECT 2, 'VIEW', TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()
    UNION ALL SELECT 3, IF(TABLE_TYPE = 'SEQUENCE', 'SEQUENCE', 'TABLE'), TABLE_NAME FROM information_schema.TABLES
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')
      AND TABLE_NAME <> '_dataflow_restore_state'
    UNION ALL SELECT IF(ROUTINE_TYPE = 'PACKAGE', 5, 4), ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES
    WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_TYPE <> 'PACKAGE BODY') objects
ORDER BY place, name

-- Sessions in this database that hold something, and those that may. The parameter is a session of our own.
-- name: my_transactions
SELECT p.ID, p.USER, p.HOST, 'in a transaction', p.TIME, LEFT(p.INFO, 120)
FROM information_schema.PROCESSLIST p JOIN information_schema.INNODB_TRX t ON t.trx_mysql_thread_id = p.ID
WHERE p.DB = DATABASE() AND p.ID NOT IN (CONNECTION_ID(), ?)
ORDER BY p.TIME DESC LIMIT 5

-- name: my_others
SELECT ID, USER, HOST, COMMAND, TIME, LEFT(INFO, 120)
FROM information_schema.PROCESSLIST
WHERE DB = DATABASE() AND ID NOT IN (CONNECTION_ID(), ?) AND COMMAND <> 'Daemon'
ORDER BY TIME DESC LIMIT 5
