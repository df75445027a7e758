-- SPDX-License-Identifier: Apache-2.0
-- What the open transaction has done. Names are kept from the beginning: what is dropped has none later. Counters
-- reach the server's statistics only now and then, so those of earlier transactions may still be among them; the
-- difference counts.

-- name: observe_begin
SELECT pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_lsn, r.*
  FROM (SELECT 1) one
  LEFT JOIN (
       SELECT c.oid, c.relkind::text, pg_catalog.pg_relation_filenode(c.oid),
              quote_ident(n.nspname) || '.' || quote_ident(c.relname),
              pg_catalog.pg_stat_get_xact_tuples_returned(c.oid),
              pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) +
              pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)
         FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid >= 16384 AND n.nspname <> 'pg_toast' AND c.relkind <> 'c') r ON true

-- What is locked is all that can have been touched. rank: the place in the order of lock modes.
-- name: observe
SELECT pg_catalog.pg_current_wal_insert_lsn() - '0/0'::pg_lsn,
       extract(epoch FROM clock_timestamp() - transaction_timestamp())::float8 * 1000, r.*
  FROM (SELECT 1) one
  LEFT JOIN (
       SELECT l.relation, c.relkind::text, pg_catalog.pg_relation_filenode(c.oid),
              quote_ident(n.nspname) || '.' || quote_ident(c.relname),
              pg_catalog.pg_stat_get_xact_tuples_returned(c.oid),
              pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) +
              pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid), l.rank
         FROM (SELECT relation, max(pg_catalog.array_position(ARRAY['AccessShareLock', 'RowShareLock',
                          'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock',
                          'ExclusiveLock', 'AccessExclusiveLock'], mode)) AS rank
                 FROM pg_catalog.pg_locks
                WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted AND relation >= 16384
                  AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
                GROUP BY relation) l
         LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation
         LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname IS NULL OR n.nspname <> 'pg_toast') r ON true
