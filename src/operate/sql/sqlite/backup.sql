-- SPDX-License-Identifier: Apache-2.0
-- What backups ask of SQLite.

-- name: sl_tables
SELECT NULL, name, NULL, true FROM pragma_table_list
WHERE schema = 'main' AND type IN ('table', 'shadow') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
  AND name <> '_dataflow_restore_state'
ORDER BY name
