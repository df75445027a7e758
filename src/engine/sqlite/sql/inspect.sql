-- SPDX-License-Identifier: Apache-2.0
-- What the database file holds. sqlite_schema has a row an object, with the statement that made it; indexes that
-- constraints made have none. Shadow tables belong to the virtual table that made them.

-- name: objects
SELECT type, name, tbl_name, sql
  FROM main.sqlite_schema
 WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
   AND tbl_name NOT IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow')

-- Parameters: type, name. A table's state is that of all that hangs on it.
-- name: state
SELECT type || '|' || name || '|' || tbl_name || '|' || coalesce(sql, '')
  FROM (SELECT *, 0 AS place FROM temp.sqlite_schema UNION ALL SELECT *, 1 FROM main.sqlite_schema)
 WHERE CASE ?1 WHEN 'table' THEN tbl_name WHEN type THEN name END = ?2 COLLATE NOCASE
   AND (?3 IS NULL OR place = ?3)
 ORDER BY place, type, name
