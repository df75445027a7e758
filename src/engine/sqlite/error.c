/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/sqlite/private.h"

#include <errno.h>
#include <stdio.h>

static df_code code_of_io_errno(int errno_value)
{
    switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return DF_DISK_FULL;
    case EACCES:
    case EPERM:
    case EROFS: return DF_PERMISSION;
    default: return DF_IO;
    }
}

static df_code code_of_constraint(int rc)
{
    switch (rc) {
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_ROWID: return DF_CONFLICT;
    default: return DF_FAILED;
    }
}

/* "no such table", "table x already exists" have no codes of their own. */
static df_code code_of_text(const char *message)
{
    if (strncmp(message, "no such table", 13) == 0 || strncmp(message, "unknown database", 16) == 0)
        return DF_NOT_FOUND;
    if (strstr(message, " already exists")) return DF_CONFLICT;
    return DF_FAILED;
}

static df_code code_of(sqlite3 *db, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL: return DF_DISK_FULL;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return DF_PERMISSION;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return DF_RETRY;
    case SQLITE_CONSTRAINT: return code_of_constraint(rc);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return DF_CORRUPT;
    case SQLITE_NOMEM: return DF_NO_MEMORY;
    case SQLITE_INTERRUPT: return DF_CANCELLED;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR: return code_of_io_errno(sqlite3_system_errno(db));
    case SQLITE_ERROR: return code_of_text(sqlite3_errmsg(db));
    default: return DF_FAILED;
    }
}

df_code sl_fail(sl_conn *c, int rc, df_str sql, df_error *err)
{
    sqlite3 *db = c->db;
    char native[16], message[1024];
    df_code code = code_of(db, rc);
    if (code == DF_RETRY && atomic_load(&c->base.cancelled)) code = DF_CANCELLED;
    if ((rc & 0xff) == SQLITE_INTERRUPT && c->timed_out) code = DF_FAILED;
    snprintf(native, sizeof native, "%d", rc);
    int offset = sqlite3_error_offset(db);
    if (code == DF_PERMISSION || code == DF_DISK_FULL || code == DF_IO || code == DF_CORRUPT ||
        code == DF_RETRY) {
        snprintf(message, sizeof message, "%s: %s", c->path, sqlite3_errmsg(db));
    } else {
        snprintf(message, sizeof message, "%s", sqlite3_errmsg(db));
    }
    if ((rc & 0xff) == SQLITE_INTERRUPT && c->timed_out)
        snprintf(message, sizeof message, "the statement ran for too long");
    df_engine_fail(err, code, native, message);
    if (code == DF_FAILED && (rc & 0xff) == SQLITE_INTERRUPT) {
        df_error_hint(err, "the limit is %lld ms; give the statement more time, or less to do",
                      (long long)c->statement_ms);
    } else if (code == DF_RETRY && (rc & 0xff) == SQLITE_BUSY) {
        df_error_hint(
            err, "busy_timeout is %lld ms: another connection is writing; run it again when that is done",
            (long long)c->busy_ms);
    }
    if (sql.ptr && offset >= 0) df_engine_fail_at(err, sql, (size_t)offset);
    if (code == DF_PERMISSION) {
        df_error_hint(err, "the database file and its directory must be writable: ls -ld '%s'", c->path);
    }
    return code;
}

df_code sl_fail_open(sl_conn *c, sqlite3 *db, int rc, df_error *err)
{
    char native[16];
    int errno_value = db ? sqlite3_system_errno(db) : ENOMEM;
    snprintf(native, sizeof native, "%d", rc);
    df_code code = DF_CONNECT;
    if ((rc & 0xff) == SQLITE_CANTOPEN || (rc & 0xff) == SQLITE_PERM || (rc & 0xff) == SQLITE_READONLY) {
        if (errno_value == ENOENT || errno_value == ENOTDIR) code = DF_NOT_FOUND;
        if (errno_value == EACCES || errno_value == EPERM || errno_value == EROFS) code = DF_PERMISSION;
    }
    if ((rc & 0xff) == SQLITE_FULL) code = DF_DISK_FULL;
    if (code == DF_PERMISSION) {
        df_fail(err, code, "Permission denied: cannot open the database %s", c->path);
        df_error_hint(err,
                      "the file and its directory must be readable, and writable for writing: ls -ld '%s'",
                      c->path);
    } else if (code == DF_NOT_FOUND) {
        df_fail(err, code, "Database connection failed: there is no database file %s", c->path);
        df_error_hint(err,
                      "check the path; a relative one (sqlite:name.db) counts from the current directory");
    } else if (code == DF_DISK_FULL) {
        df_engine_fail(err, code, native, c->path);
    } else {
        const char *text = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
        df_fail(err, code, "Database connection failed: %s: %s%s%s", c->path, text, errno_value ? ": " : "",
                errno_value ? strerror(errno_value) : "");
    }
    if (err) snprintf(err->native, sizeof err->native, "%s", native);
    df_error_at(err, c->path, 0);
    return code;
}
