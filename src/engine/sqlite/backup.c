/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying whole databases, page by page, by SQLite's own means.
 *
 * A copy begins anew whenever somebody else writes in between two steps. So the source is read inside one
 * transaction of its own: in WAL mode writers go on and the copy does not see them, in the old journal modes
 * they wait until it is done.
 */
#include "engine/sqlite/private.h"

#include "base/clock.h"

#include <stdio.h>
#include <time.h>

enum { STEP_BYTES = 1 << 20 };

typedef struct copying {
    sl_conn *c;
    sqlite3 *from, *to;
    const df_observer *observer;
    int64_t page_size;
} copying;

static bool is_busy(int rc)
{
    return (rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED;
}

/* `other` is the file's connection: its complaints are about the file. */
static df_code other_failed(sqlite3 *other, const char *path, df_error *err)
{
    int rc = sqlite3_extended_errcode(other);
    sl_conn named = {.base = {.cancelled = false}, .path = (char *)(uintptr_t)path};
    atomic_store(&named.db, other);
    df_code code = sl_fail(&named, rc, DF_STR_NONE, err);
    df_error_at(err, path, 0);
    return code;
}

static int one_number(void *context, int columns, char **values, char **names)
{
    (void)names;
    if (columns && values[0]) df_str_int64(df_str_from(values[0]), context);
    return 0;
}

static int64_t pragma_number(sqlite3 *db, const char *sql)
{
    int64_t number = 0;
    sqlite3_exec(db, sql, one_number, &number, NULL);
    return number;
}

/* Copies all pages; SQLITE_DONE, or what went wrong. A busy target is waited for. */
static int copy_pages(copying *k, sqlite3_backup *backup, df_error *err)
{
    double since = df_monotonic_s();
    int pages = (int)(STEP_BYTES / (k->page_size ? k->page_size : 4096)) + 1;
    for (;;) {
        int rc = sqlite3_backup_step(backup, pages);
        if (rc == SQLITE_DONE) return rc;
        if (is_busy(rc)) {
            if ((df_monotonic_s() - since) * 1000 >= (double)k->c->busy_ms) return rc;
            nanosleep(&(struct timespec){0, 5000000}, NULL);
        } else if (rc != SQLITE_OK) {
            return rc;
        } else {
            since = df_monotonic_s();
            int64_t total = sqlite3_backup_pagecount(backup), left = sqlite3_backup_remaining(backup);
            df_report_progress(k->observer, "bytes", k->c->path, (total - left) * k->page_size,
                               total * k->page_size);
        }
        if (df_check_cancelled(k->observer, err) != DF_OK || atomic_load(&k->c->base.cancelled))
            return SQLITE_INTERRUPT;
    }
}

/* Copies `from` to `to`; the error is `to`'s. */
static df_code copy_all(copying *k, const char *path, df_error *err)
{
    sqlite3_backup *backup = sqlite3_backup_init(k->to, "main", k->from, "main");
    if (!backup) {
        return k->to == k->c->db ? sl_fail(k->c, sqlite3_extended_errcode(k->to), DF_STR_NONE, err)
                                 : other_failed(k->to, path, err);
    }
    int rc = copy_pages(k, backup, err);
    if (rc == SQLITE_INTERRUPT) {
        sqlite3_backup_finish(backup);
        return df_fail(err, DF_CANCELLED, "interrupted while the database was copied");
    }
    /* The error is the target's from here on. */
    sqlite3_backup_finish(backup);
    if (rc == SQLITE_DONE) return DF_OK;
    if (k->to != k->c->db) return other_failed(k->to, path, err);
    df_code code = sl_fail(k->c, rc, DF_STR_NONE, err);
    if (code == DF_RETRY)
        df_error_hint(err,
                      "another process uses the database: `fuser %s` shows which; end it, then run it again",
                      k->c->path);
    return code;
}

static df_code open_other(const char *path, int flags, sqlite3 **out, df_error *err)
{
    *out = NULL;
    if (sqlite3_open_v2(path, out, flags | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK) {
        sqlite3_extended_result_codes(*out, 1);
        return DF_OK;
    }
    df_code code = other_failed(*out, path, err);
    sqlite3_close(*out);
    *out = NULL;
    return code;
}

/* A copy of a database in WAL mode says that it is in WAL mode, and could not be read without writing beside
 * it. */
static df_code end_wal(const char *path, df_error *err)
{
    sqlite3 *db;
    DF_TRY(open_other(path, SQLITE_OPEN_READWRITE, &db, err));
    df_code code = DF_OK;
    if (sqlite3_exec(db, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) != SQLITE_OK)
        code = other_failed(db, path, err);
    sqlite3_close(db);
    return code;
}

df_code sl_backup_to(df_conn *conn, const char *path, const df_observer *observer, df_error *err)
{
    sl_conn *c = sl_of(conn);
    DF_TRY(sl_ready(c, err));
    copying k = {.c = c, .from = c->db, .observer = observer};
    k.page_size = pragma_number(c->db, "PRAGMA page_size");
    DF_TRY(open_other(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &k.to, err));
    /* Only the finished copy counts, and the caller makes it durable. */
    sqlite3_exec(k.to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL);
    df_code code = sl_simple(c, "BEGIN", err);
    if (code == DF_OK) {
        code = sl_simple(c, "SELECT count(*) FROM sqlite_schema", err);
        if (code == DF_OK) code = copy_all(&k, path, err);
        if (!sqlite3_get_autocommit(c->db)) sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    }
    sqlite3_close(k.to);
    return code == DF_OK ? end_wal(path, err) : code;
}

/* Pages of another size do not fit into a write-ahead log. */
static df_code match_page_size(const copying *k, bool *left_wal, df_error *err)
{
    if (k->page_size == pragma_number(k->from, "PRAGMA page_size")) return DF_OK;
    *left_wal =
        pragma_number(k->to, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'") > 0;
    return *left_wal ? sl_simple(k->c, "PRAGMA journal_mode=DELETE", err) : DF_OK;
}

df_code sl_backup_from(df_conn *conn, const char *path, const df_observer *observer, df_error *err)
{
    sl_conn *c = sl_of(conn);
    bool left_wal = false;
    DF_TRY(sl_ready(c, err));
    copying k = {.c = c, .to = c->db, .observer = observer};
    k.page_size = pragma_number(c->db, "PRAGMA page_size");
    DF_TRY(open_other(path, SQLITE_OPEN_READONLY, &k.from, err));
    sl_forget_statements(c);
    df_code code = DF_OK;
    if (sqlite3_exec(k.from, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) != SQLITE_OK)
        code = other_failed(k.from, path, err);
    if (code == DF_OK) code = match_page_size(&k, &left_wal, err);
    if (code == DF_OK) code = copy_all(&k, path, err);
    sqlite3_close(k.from);
    if (left_wal) sqlite3_exec(c->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
    /* The whole database went through the log: give its space back. */
    if (code == DF_OK) sqlite3_exec(c->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    return code;
}
