/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a database file.
 *
 * Durability: a version that was committed must survive a loss of power, so `synchronous` is FULL, which in
 * WAL mode means one fsync a commit; the importer commits groups of thousands of rows, and does not notice.
 * ?synchronous=normal trades that for speed: the newest commits may vanish, the file stays intact.
 */
#include "engine/sqlite/private.h"

#include "base/clock.h"
#include "base/uri.h"
#include "engine/url.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DEFAULT_BUSY_MS = 10000 };

/* ---- the URL ---- */

static df_code set_mode(sl_conn *c, const char *mode, df_error *err)
{
    if (strcmp(mode, "ro") == 0) {
        c->read_only = true;
    } else if (strcmp(mode, "rw") == 0) {
        c->flags &= ~SQLITE_OPEN_CREATE;
    } else if (strcmp(mode, "rwc") == 0) {
        c->flags |= SQLITE_OPEN_CREATE;
    } else {
        return df_fail(err, DF_USAGE, "mode in a SQLite URL is ro, rw or rwc");
    }
    return DF_OK;
}

static df_code set_param(sl_conn *c, const df_url_param *param, df_error *err)
{
    if (strcmp(param->name, "mode") == 0) return set_mode(c, param->value, err);
    if (strcmp(param->name, "busy-timeout") == 0) return df_url_number(param, 0, INT32_MAX, &c->busy_ms, err);
    if (strcmp(param->name, "foreign-keys") == 0) {
        c->foreign_keys = strcmp(param->value, "on") == 0 ? 1 : strcmp(param->value, "off") == 0 ? 0 : -1;
        return c->foreign_keys >= 0 ? DF_OK
                                    : df_fail(err, DF_USAGE, "foreign_keys in a SQLite URL is on or off");
    }
    if (strcmp(param->name, "synchronous") != 0) {
        return df_url_unknown_param(param, "SQLite", "mode, busy_timeout, foreign_keys, synchronous", err);
    }
    c->sync_normal = strcmp(param->value, "normal") == 0;
    if (c->sync_normal || strcmp(param->value, "full") == 0) return DF_OK;
    return df_fail(err, DF_USAGE, "synchronous in a SQLite URL is full or normal");
}

/* sqlite:///abs and sqlite:/abs are absolute; sqlite:rel and sqlite://rel are not. */
static df_code parse_url(sl_conn *c, const char *url, df_error *err)
{
    const char *path = url + df_url_scheme(url).len + 1;
    if (path[0] == '/' && path[1] == '/') path += 2;
    const char *query = strchr(path, '?');
    size_t len = query ? (size_t)(query - path) : strlen(path);
    df_buf decoded = {0};
    df_percent_decode(&decoded, (df_str){path, len});
    bool has_nul = decoded.len && memchr(decoded.ptr, '\0', decoded.len);
    c->path = df_strdup(df_buf_str(&decoded));
    df_buf_release(&decoded);
    if (has_nul) return df_fail(err, DF_USAGE, "the database URL contains %%00");
    if (!len)
        return df_fail(err, DF_USAGE,
                       "the SQLite URL names no file; write sqlite:name.db or sqlite:///path/name.db");
    c->memory = strcmp(c->path, ":memory:") == 0;
    if (!query) return DF_OK;

    df_arena arena = {0};
    df_url parsed;
    df_code code = df_url_params(df_str_from(query + 1), &arena, &parsed, err);
    for (size_t i = 0; code == DF_OK && i < parsed.n_params; i++) code = set_param(c, &parsed.params[i], err);
    df_arena_release(&arena);
    return code;
}

/* ---- the file ---- */

/* SQLite's own handler does not notice an interrupt while it waits. */
static int wait_for_writer(void *context, int times)
{
    sl_conn *c = context;
    double now = df_monotonic_s();
    if (times == 0) c->busy_since = now;
    bool over = !c->busy_for_ever && (now - c->busy_since) * 1000 >= (double)c->busy_ms;
    if (over || atomic_load(&c->base.cancelled)) return 0;
    int ms = times < 10 ? times + 1 : 20;
    nanosleep(&(struct timespec){0, ms * 1000000L}, NULL);
    return 1;
}

void sl_wait_for_writers(sl_conn *c, sqlite3 *db)
{
    sqlite3_busy_handler(db, wait_for_writer, c);
}

int sl_own_settings(sl_conn *c, sqlite3 *db)
{
    bool foreign_keys = c->foreign_keys < 0 ? !c->guest : c->foreign_keys > 0;
    sl_wait_for_writers(c, db);
    int rc = sqlite3_exec(db, c->sync_normal ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL", NULL,
                          NULL, NULL);
    if (rc != SQLITE_OK) return rc;
    rc = sqlite3_exec(db, foreign_keys ? "PRAGMA foreign_keys=ON" : "PRAGMA foreign_keys=OFF", NULL, NULL,
                      NULL);
    if (rc != SQLITE_OK) return rc;
    return sqlite3_exec(db,
                        "PRAGMA cache_size=-106496;" /* KiB */
                        "PRAGMA journal_size_limit=67108864",
                        NULL, NULL, NULL);
}

static int prepare_session(sl_conn *c, sqlite3 *db)
{
    sqlite3_extended_result_codes(db, 1);
    sl_wait_for_writers(c, db);
    /* Reads the file's header: a file that is no database is found out here. */
    int rc = sqlite3_exec(db, "PRAGMA schema_version", NULL, NULL, NULL);
    if (rc != SQLITE_OK) return rc;
    /* It stays with the file. Where the file system cannot do it (or another session is in the way), the old
     * mode stays. */
    if (!c->read_only && !c->memory && !c->guest)
        sqlite3_exec(db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
    return sl_own_settings(c, db);
}

static df_code open_file(sl_conn *c, df_error *err)
{
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(c->path, &db, c->flags, NULL);
    if (rc == SQLITE_OK) rc = prepare_session(c, db);
    if (rc == SQLITE_OK) {
        atomic_store(&c->db, db);
        return DF_OK;
    }
    df_code code = sl_fail_open(c, db, rc, err);
    sqlite3_close(db);
    return code;
}

/* Whether the file could be created later; it is created when something is done with it. */
static df_code check_directory(sl_conn *c, df_error *err)
{
    char *copy = df_strdup(df_str_from(c->path));
    const char *directory = dirname(copy);
    df_code code = DF_OK;
    if (access(directory, W_OK | X_OK) != 0) {
        int reason = errno;
        code = reason == EACCES || reason == EROFS ? DF_PERMISSION : DF_NOT_FOUND;
        df_fail(err, code, "%s: cannot create %s: %s",
                code == DF_PERMISSION ? "Permission denied" : "Database connection failed", c->path,
                strerror(reason));
        df_error_hint(err, "the directory must exist and be writable: ls -ld '%s'", directory);
        df_error_at(err, c->path, 0);
    }
    free(copy);
    return code;
}

df_code sl_open(df_conn *conn, const char *url, const df_open_options *options, df_error *err)
{
    sl_conn *c = sl_of(conn);
    c->busy_ms = DEFAULT_BUSY_MS;
    c->lock_fd = -1;
    c->foreign_keys = -1;
    c->guest = options->guest;
    c->flags = options->create ? SQLITE_OPEN_CREATE : 0;
    df_code code = parse_url(c, url, err);
    if (options->read_only) c->read_only = true;
    c->flags = SQLITE_OPEN_NOMUTEX |
               (c->read_only && !c->memory ? SQLITE_OPEN_READONLY : c->flags | SQLITE_OPEN_READWRITE);
    snprintf(conn->server, sizeof conn->server, "SQLite %s", sqlite3_libversion());

    struct stat status;
    bool later =
        (c->flags & SQLITE_OPEN_CREATE) && !c->memory && stat(c->path, &status) != 0 && errno == ENOENT;
    if (code == DF_OK) code = later ? check_directory(c, err) : open_file(c, err);
    if (code != DF_OK) free(c->path);
    return code;
}

df_code sl_ready(sl_conn *c, df_error *err)
{
    return c->db ? DF_OK : open_file(c, err);
}

void sl_close(df_conn *conn)
{
    sl_conn *c = sl_of(conn);
    sl_forget_statements(c);
    sqlite3_close(atomic_exchange(&c->db, NULL));
    if (c->lock_fd >= 0) close(c->lock_fd);
    free(c->locks);
    free(c->path);
}
