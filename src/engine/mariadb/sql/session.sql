-- SPDX-License-Identifier: Apache-2.0
-- Sessions and their settings.

-- What differs from a new session: variables, @variables, the database, the role.
-- name: changed
SELECT 'variable', VARIABLE_NAME
  FROM information_schema.SYSTEM_VARIABLES
 WHERE VARIABLE_SCOPE = 'SESSION' AND READ_ONLY = 'NO' AND NOT (SESSION_VALUE <=> GLOBAL_VALUE)
   AND VARIABLE_NAME NOT LIKE 'CHARACTER\_SET%' AND VARIABLE_NAME NOT LIKE 'COLLATION%'
UNION ALL
SELECT 'user', VARIABLE_NAME FROM information_schema.USER_VARIABLES
UNION ALL
SELECT 'database', DATABASE()
UNION ALL
SELECT 'role', CURRENT_ROLE()

-- Connection numbers are not used twice while a server runs, so its start tells one use from the next.
-- name: session
SELECT CONNECTION_ID(),
       (SELECT UNIX_TIMESTAMP() - CAST(VARIABLE_VALUE AS SIGNED)
          FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'UPTIME'),
       CONCAT(COALESCE((SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_VARIABLES WHERE VARIABLE_NAME = 'SERVER_UID'),
                       CONCAT(@@hostname, ':', @@port)), '/', COALESCE(DATABASE(), '')),
       SUBSTRING_INDEX(USER(), '@', CHAR_LENGTH(USER()) - CHAR_LENGTH(REPLACE(USER(), '@', ''))),
       SUBSTRING_INDEX(USER(), '@', -1)

-- name: session_mysql
SELECT CONNECTION_ID(),
       (SELECT UNIX_TIMESTAMP() - CAST(VARIABLE_VALUE AS SIGNED)
          FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Uptime'),
       CONCAT(@@server_uuid, '/', COALESCE(DATABASE(), '')),
       SUBSTRING_INDEX(USER(), '@', CHAR_LENGTH(USER()) - CHAR_LENGTH(REPLACE(USER(), '@', ''))),
       SUBSTRING_INDEX(USER(), '@', -1)

-- Parameters: id, user. Without PROCESS one sees the sessions of one's own user only.
-- name: alive
SELECT (SELECT UNIX_TIMESTAMP() - CAST(VARIABLE_VALUE AS SIGNED)
          FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'UPTIME'),
       (SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = ?),
       SUBSTRING_INDEX(USER(), '@', CHAR_LENGTH(USER()) - CHAR_LENGTH(REPLACE(USER(), '@', ''))) = ? OR
       EXISTS (SELECT 1 FROM information_schema.USER_PRIVILEGES
                WHERE PRIVILEGE_TYPE = 'PROCESS'
                  AND GRANTEE = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), ''''))

-- name: alive_mysql
SELECT (SELECT UNIX_TIMESTAMP() - CAST(VARIABLE_VALUE AS SIGNED)
          FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Uptime'),
       (SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = ?),
       SUBSTRING_INDEX(USER(), '@', CHAR_LENGTH(USER()) - CHAR_LENGTH(REPLACE(USER(), '@', ''))) = ? OR
       EXISTS (SELECT 1 FROM information_schema.USER_PRIVILEGES
                WHERE PRIVILEGE_TYPE = 'PROCESS'
                  AND GRANTEE = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), ''''))
