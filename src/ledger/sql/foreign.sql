-- SPDX-License-Identifier: Apache-2.0
-- Other tools' histories. {f} is the table, qualified and quoted; {epoch} is a parameter in milliseconds as the tool
-- keeps times; the other marks as in ledger.sql.

-- Each gives: version, name, checksum, when, whether it succeeded, and what the tool's reader in foreign.c wants more.

-- name: read_golang
SELECT version, NULL, NULL, NULL, dirty FROM {f} WHERE version >= 0

-- name: read_dbmate
SELECT version, NULL, NULL, NULL, 1 FROM {f} ORDER BY version

-- name: read_goose
SELECT g.version_id, NULL, NULL, {ms:g.tstamp}, 1 FROM {f} g
WHERE g.version_id > 0 AND g.is_applied AND g.id = (SELECT MAX(o.id) FROM {f} o WHERE o.version_id = g.version_id)
ORDER BY g.id

-- name: read_flyway
SELECT version, description, checksum, {ms:installed_on}, success, type FROM {f} ORDER BY installed_rank

-- name: read_diesel
SELECT version, NULL, NULL, {ms:run_on}, 1 FROM {f} ORDER BY version

-- name: read_sqlx
SELECT version, description, checksum, {ms:installed_on}, success FROM {f} ORDER BY version

-- name: read_prisma
SELECT NULL, migration_name, checksum, {ms:COALESCE(finished_at, started_at)},
       CASE WHEN finished_at IS NULL THEN 0 ELSE 1 END, COALESCE(finished_at, started_at)
FROM {f} WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name

-- name: read_node_pg
SELECT NULL, name, NULL, {ms:run_on}, 1 FROM {f} ORDER BY run_on, id

-- name: read_sqitch
SELECT change, change, change_id, {ms:committed_at}, 1 FROM {f} ORDER BY committed_at

-- name: read_authelia
SELECT version_after, NULL, NULL, {ms:applied}, 1 FROM {f} ORDER BY id DESC LIMIT 1

-- name: read_kratos
SELECT version, NULL, NULL, NULL, 1 FROM {f} ORDER BY version

-- name: read_temporal
SELECT curr_version, NULL, NULL, {ms:creation_time}, 1 FROM {f} ORDER BY creation_time DESC LIMIT 1

-- name: read_sql_migrate
SELECT NULL, REPLACE(id, '.sql', ''), NULL, {ms:applied_at}, 1 FROM {f} ORDER BY id

-- name: read_rambler
SELECT NULL, REPLACE(migration, '.sql', ''), NULL, NULL, 1 FROM {f} ORDER BY migration

-- name: read_tern
SELECT version, NULL, NULL, NULL, 1 FROM {f} WHERE version > 0

-- name: read_mybatis
SELECT TRIM(CAST(id AS CHAR(20))), description, NULL, NULL, 1 FROM {f} ORDER BY id

-- name: read_evolutions
SELECT id, NULL, hash, {ms:applied_at}, CASE WHEN state = 'applied' THEN 1 ELSE 0 END FROM {f} ORDER BY id

-- name: read_shmig
SELECT version, NULL, NULL, NULL, 1 FROM {f} ORDER BY version

-- Atlas: rows whose version begins with a dot are about itself; a baseline's type is odd.
-- name: read_atlas
SELECT version, description, hash, {ms:executed_at}, CASE WHEN applied = total AND COALESCE(error, '') = '' THEN 1 ELSE 0 END,
       type
FROM {f} WHERE version NOT LIKE '.%' ORDER BY version

-- name: read_supabase
SELECT version, name, NULL, NULL, 1 FROM {f} ORDER BY version

-- The time at which the file was made, as text: it is shown where no file has it.
-- name: read_drizzle
SELECT created_at, NULL, hash, NULL, 1 FROM {f} ORDER BY created_at

-- name: read_liquibase
SELECT id, filename, md5sum, {ms:dateexecuted}, CASE WHEN exectype IN ('EXECUTED', 'RERAN', 'MARK_RAN') THEN 1 ELSE 0 END, author
FROM {f} ORDER BY orderexecuted

-- ---- writing ----

-- name: clear
DELETE FROM {f}

-- name: put_golang
INSERT INTO {f} (version, dirty) VALUES (?, ?)

-- name: put_version
INSERT INTO {f} (version) VALUES (?)

-- name: take_version
DELETE FROM {f} WHERE version = ?

-- name: put_goose
INSERT INTO {f} (version_id, is_applied, tstamp) VALUES (?, ?, {at})

-- name: take_goose
DELETE FROM {f} WHERE version_id = ?

-- name: put_flyway
INSERT INTO {f} (installed_rank, version, description, type, script, checksum, installed_by, installed_on,
    execution_time, success)
SELECT COALESCE(MAX(installed_rank), 0) + 1, ?, ?, 'SQL', ?, ?, ?, {at}, ?, ? FROM {f}

-- name: put_diesel
INSERT INTO {f} (version, run_on) VALUES (?, {at})

-- name: put_sqlx
INSERT INTO {f} (version, description, installed_on, success, checksum, execution_time) VALUES (?, ?, {at}, ?, ?, ?)

-- name: put_prisma
INSERT INTO {f} (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
VALUES (?, ?, {epoch}, ?, {epoch}, 1)

-- name: take_prisma
UPDATE {f} SET rolled_back_at = {epoch} WHERE migration_name = ? AND rolled_back_at IS NULL

-- name: put_node_pg
INSERT INTO {f} (name, run_on) VALUES (?, {at})

-- name: take_node_pg
DELETE FROM {f} WHERE name = ?

-- name: put_sql_migrate
INSERT INTO {f} (id, applied_at) VALUES (?, {at})

-- name: take_sql_migrate
DELETE FROM {f} WHERE id = ?

-- name: put_rambler
INSERT INTO {f} (migration) VALUES (?)

-- name: take_rambler
DELETE FROM {f} WHERE migration = ?

-- name: put_shmig
INSERT INTO {f} (version, migrated_at) VALUES (?, {at})

-- name: put_drizzle
INSERT INTO {f} (hash, created_at) VALUES (?, ?)

-- name: take_drizzle
DELETE FROM {f} WHERE created_at = ?

-- Without a checksum: Liquibase makes it when it runs next.
-- name: put_liquibase
INSERT INTO {f} (id, author, filename, dateexecuted, orderexecuted, exectype, description, comments, liquibase)
SELECT ?, ?, ?, {at}, COALESCE(MAX(orderexecuted), 0) + 1, 'EXECUTED', 'sql', '', 'dataflow' FROM {f}

-- name: take_liquibase
DELETE FROM {f} WHERE id = ? AND author = ? AND filename = ?

-- name: put_authelia
INSERT INTO {f} (applied, version_before, version_after, application_version) VALUES ({at}, ?, ?, ?)
