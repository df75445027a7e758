-- SPDX-License-Identifier: Apache-2.0
-- What there is in the current database; SHOW CREATE tells the rest.

-- name: relations
SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME

-- name: routines
SELECT ROUTINE_NAME, ROUTINE_TYPE FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE() ORDER BY ROUTINE_NAME

-- name: events
SELECT EVENT_NAME, 'EVENT' FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE() ORDER BY EVENT_NAME

-- Each as (kind, parent, name, definition).
-- name: triggers
SELECT 'trigger', EVENT_OBJECT_TABLE, TRIGGER_NAME,
       CONCAT(ACTION_TIMING, ' ', EVENT_MANIPULATION, ' ORDER ', ACTION_ORDER, ' DEFINER ', DEFINER, ' SQL_MODE ''', SQL_MODE,
              ''' ', ACTION_STATEMENT)
  FROM information_schema.TRIGGERS
 WHERE TRIGGER_SCHEMA = DATABASE()

-- name: database
SELECT 'database', NULL, 'database',
       CONCAT('CHARACTER SET ', DEFAULT_CHARACTER_SET_NAME, ' COLLATE ', DEFAULT_COLLATION_NAME)
  FROM information_schema.SCHEMATA
 WHERE SCHEMA_NAME = DATABASE()

-- Only as far as the user may see them.
-- name: grants
SELECT 'grant', TABLE_NAME, CONCAT(GRANTEE, ': ', PRIVILEGE_TYPE),
       IF(IS_GRANTABLE = 'YES', 'GRANTED WITH GRANT OPTION', 'GRANTED')
  FROM information_schema.TABLE_PRIVILEGES
 WHERE TABLE_SCHEMA = DATABASE()
UNION ALL
SELECT 'grant', TABLE_NAME, CONCAT(GRANTEE, ': ', PRIVILEGE_TYPE, ' (', COLUMN_NAME, ')'),
       IF(IS_GRANTABLE = 'YES', 'GRANTED WITH GRANT OPTION', 'GRANTED')
  FROM information_schema.COLUMN_PRIVILEGES
 WHERE TABLE_SCHEMA = DATABASE()
UNION ALL
SELECT 'grant', NULL, CONCAT('DATABASE: ', GRANTEE, ': ', PRIVILEGE_TYPE),
       IF(IS_GRANTABLE = 'YES', 'GRANTED WITH GRANT OPTION', 'GRANTED')
  FROM information_schema.SCHEMA_PRIVILEGES
 WHERE TABLE_SCHEMA = DATABASE()

-- name: routine_grants
SELECT 'grant', NULL, CONCAT(Routine_type, ' ', Routine_name, ': ''', User, '''@''', Host, '''') , CONCAT('GRANTED ', Proc_priv)
  FROM mysql.procs_priv
 WHERE Db = DATABASE()
