-- SPDX-License-Identifier: Apache-2.0
-- What backups ask of PostgreSQL.

-- Columns of tables with content of their own, sorted so that two databases with the same tables answer alike: not
-- views, not what belongs to an extension, not the server's own. Materialized views are made anew by a restore.
-- name: pg_columns
SELECT n.nspname, c.relname, a.attname, true
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '_dataflow_restore')
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
                    AND d.objsubid = 0 AND d.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", a.attname COLLATE "C"

-- name: pg_large_objects
SELECT count(*), coalesce(sum(pg_catalog.hashtextextended((m.oid::text || ' ' || pg_catalog.md5(pg_catalog.lo_get(m.oid))) COLLATE "C", 0)), 0)::text
FROM pg_catalog.pg_largeobject_metadata m

-- name: pg_large_object_count
SELECT count(*), NULL::text FROM pg_catalog.pg_largeobject_metadata

-- Bytes that a dump has to read.
-- name: pg_size
SELECT coalesce(sum(pg_catalog.pg_table_size(c.oid)), 0)::bigint
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_toast'
  AND (n.nspname !~ '^pg_' OR c.relname = 'pg_largeobject') AND n.nspname <> 'information_schema'

-- name: pg_schemas
SELECT n.nspname
FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '_dataflow_restore')
ORDER BY n.nspname COLLATE "C"

-- name: pg_extensions
SELECT e.extname, n.nspname, e.extversion
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
ORDER BY e.extname COLLATE "C"

-- Who holds locks on relations of this database, strongest first; not ourselves, and not who waits.
-- name: pg_holders
SELECT a.pid, coalesce(a.usename, '?'), coalesce(a.state, '?'),
       extract(epoch FROM now() - coalesce(a.xact_start, a.query_start))::float8,
       left(regexp_replace(a.query, '\s+', ' ', 'g'), 120)
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
  AND a.application_name IS DISTINCT FROM 'dataflow restore'
  AND EXISTS (SELECT 1 FROM pg_catalog.pg_locks l
              WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation' AND l.relation >= 16384)
ORDER BY a.xact_start NULLS LAST
LIMIT 5

-- A restore that did not end.
-- name: pg_state_exists
SELECT pg_catalog.to_regclass('_dataflow_restore.state') IS NOT NULL
