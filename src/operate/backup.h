/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups, made by the engine's own tools (pg_dump, mariadb-dump, SQLite's online backup), written as a file with a
 * header, compressed, optionally encrypted and authenticated; recorded in the ledger with what they hold, and proved by
 * restoring them.
 */
#ifndef DF_OPERATE_BACKUP_H
#define DF_OPERATE_BACKUP_H

#include "ledger/ledger.h"

#include <dataflow/migrate.h>

typedef struct df_backup_place {
    df_conn *conn;
    df_ledger *ledger;   /* its tables exist */
    const char *url;     /* of the database */
    const char *folder;  /* made when missing */
    const char *key;     /* 64 hex digits; NULL: not encrypted */
    const char *safety;  /* for a restore: the backup of what is there now, named when it is interrupted; NULL: none */
    const char *scratch_url; /* for verify, where the server cannot make a scratch database: an empty one elsewhere, which is
                              * empty again afterwards; NULL: the file is only read */
    const df_observer *observer;
} df_backup_place;

/* A file is complete or not there (written beside, fsynced, renamed). On failure nothing is recorded and no file is left. */
DF_MUST_USE df_code df_backup_create(const df_backup_place *place, const df_migrate_backup_options *options,
                                     df_arena *arena, df_migrate_backup *out, df_error *err);
DF_MUST_USE df_code df_backup_list(const df_backup_place *place, df_arena *arena, df_migrate_backup **out, size_t *count, df_error *err);
/* `id`, or "latest". */
DF_MUST_USE df_code df_backup_find(const df_backup_place *place, const char *id, df_arena *arena, df_migrate_backup *out, df_error *err);
/* Whether its file is here, is the one that was recorded, and can be read with the key that is given: all of it is read. */
DF_MUST_USE df_code df_backup_readable(const df_backup_place *place, const char *id, df_arena *arena, df_error *err);
DF_MUST_USE df_code df_backup_verify(const df_backup_place *place, const char *id, df_arena *arena, df_migrate_backup_check *out, df_error *err);
/*
 * Replaces the content of the live database by the backup's. The caller holds the migration lock and has a safety
 * backup. On PostgreSQL and SQLite it is one transaction; on MariaDB and Neo4j it cannot be, and a restore that stops half-way
 * is DF_INCOMPLETE, and the message of the next run names the safety backup. DF_LOCKED: another session is in the way (the
 * message names it), and nothing was changed.
 *
 * Records of backups and restorations, and the number of the migration lock, do not go back in time, and the audit log
 * says what happened. Afterwards the lease is not held any more (nobody else can have it as long as the session lives):
 * the caller closes ledger and connection, and opens new ones.
 */
DF_MUST_USE df_code df_backup_restore(const df_backup_place *place, const char *id, df_arena *arena, df_migrate_backup *out, df_error *err);
DF_MUST_USE df_code df_backup_prune(const df_backup_place *place, int64_t keep, bool dry_run, df_arena *arena,
                                    df_migrate_backup **removed, size_t *count, df_error *err);

/* neo4j-admin's own dump, of a server on this machine that is stopped. */
typedef struct df_admin_options {
    const char *home;     /* where Neo4j is; NULL: NEO4J_HOME */
    const char *database; /* NULL: "neo4j" */
    const char *path;     /* the folder of the dump */
    const df_observer *observer;
} df_admin_options;
typedef struct df_admin_dump {
    const char *path, *checksum; /* of the file; SHA-256 */
    int64_t size;
} df_admin_dump;
/* Makes the folder and in it DATABASE.dump and DATABASE.dump.json, which knows its size and checksum. DF_REFUSED: the server
 * runs; DF_CONFLICT: there is one already; DF_NOT_FOUND: no tool. */
DF_MUST_USE df_code df_admin_dump_make(const df_admin_options *options, df_arena *arena, df_admin_dump *out, df_error *err);
/* Replaces the database by the dump, which is held against what was noted when it was made. */
DF_MUST_USE df_code df_admin_dump_load(const df_admin_options *options, df_arena *arena, df_admin_dump *out, df_error *err);

/* A restore that was killed. */
typedef struct df_backup_interrupted {
    bool found;
    bool half; /* MariaDB, Neo4j: the database is half filled; else only records are missing, and df_backup_recover adds them */
    const char *backup_id, *safety_id; /* what was being restored; what was there before (NULL: not kept) */
    const char *started, *host;
} df_backup_interrupted;
/* One cheap query; the ledger's tables need not be there. */
DF_MUST_USE df_code df_backup_unfinished(df_conn *conn, df_arena *arena, df_backup_interrupted *out, df_error *err);
/*
 * Puts right what a killed restore left, and is quick when there is nothing. DF_INCOMPLETE when the database is half
 * filled: to be called before anything is done with a database, the ledger's tables not made before.
 */
DF_MUST_USE df_code df_backup_recover(const df_backup_place *place, df_error *err);

/* A scratch database on the same server (SQLite: a file in a temporary folder), for verifying; dropped by drop. Names begin
 * with "dataflow_scratch_"; those left behind by a killed run of this host are dropped by the next create. */
typedef struct df_scratch {
    char *url, *name;
} df_scratch;
DF_MUST_USE df_code df_scratch_create(df_conn *conn, const char *url, df_scratch *out, df_error *err);
DF_MUST_USE df_code df_scratch_drop(df_conn *conn, df_scratch *scratch, df_error *err);

#endif
