/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of whole databases: by the engine itself (SQLite), or by its own tools (pg_dump, mariadb-dump),
 * which need to know how this connection reached the database.
 */
#ifndef DF_ENGINE_COPY_H
#define DF_ENGINE_COPY_H

#include "base/log.h"
#include "engine/engine.h"

/*
 * What the engine's tools must be given to reach the same database as the same user. It holds the password:
 * an environment is seen only by the same user and root, an option file is handed over as a file in memory;
 * neither belongs on a command line, where everybody sees it, or in a message.
 */
typedef struct df_tool_access {
    const char *const *environment; /* "PGHOST=…", and names alone that must be taken out; NULL-terminated */
    df_str option_file;             /* MariaDB: the text of an option file; absent elsewhere */
    const char *database;
} df_tool_access;

/* Strings in `arena`. DF_UNSUPPORTED for an engine without such tools. */
DF_MUST_USE df_code df_tool_access_get(df_conn *conn, df_arena *arena, df_tool_access *out, df_error *err);

/*
 * SQLite: copies the database into a new file, as of one moment; others may go on writing (WAL), or wait.
 * DF_UNSUPPORTED for other engines. On failure or DF_CANCELLED the file is the caller's to remove.
 */
DF_MUST_USE df_code df_backup_to(df_conn *conn, const char *path, const df_observer *observer, df_error *err);
/*
 * SQLite: replaces the whole content of the connection's database by that of a file, in one transaction:
 * nobody sees a half of it, and after a failure or a crash all is as it was. DF_RETRY when another session is
 * in the way.
 */
DF_MUST_USE df_code df_backup_from(df_conn *conn, const char *path, const df_observer *observer,
                                   df_error *err);

#endif
