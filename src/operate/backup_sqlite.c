/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite: the database file itself, as the engine copies it. It is copied beside the backup first (pages are
 * not copied in their order), counted, and taken into the backup from there.
 */
#include "operate/backup_int.h"

#include "base/uri.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A URL for a path, whatever is in it. */
static const char *url_of(const char *path, const char *parameters, df_arena *arena)
{
    df_buf url = {0};
    df_buf_text(&url, path[0] == '/' ? "sqlite://" : "sqlite:");
    df_percent_encode(&url, df_str_from(path), "/");
    df_buf_text(&url, parameters);
    char *copy = df_arena_cstr(arena, df_buf_str(&url));
    df_buf_release(&url);
    return copy;
}

df_code bk_sqlite_open(const char *path, bool write, df_arena *arena, df_conn **out, df_error *err)
{
    df_open_options options = {.read_only = !write, .guest = true};
    return df_connect(url_of(path, "", arena), &options, out, err);
}

/* ---- making ---- */

static df_code prepare(bk_making *m, df_error *err)
{
    (void)err;
    m->tool = df_arena_printf(m->arena, "online backup (%s)", df_conn_server(m->place->conn));
    return DF_OK;
}

static df_code describe(bk_making *m, df_json_writer *head, df_error *err)
{
    df_value mode;
    DF_TRY(df_query_value(m->place->conn, "PRAGMA journal_mode", NULL, 0, m->arena, &mode, err));
    df_json_add_str(head, "journal_mode", mode.s);
    return DF_OK;
}

static df_code conclude(bk_making *m, df_json_writer *manifest, df_error *err)
{
    (void)m, (void)manifest, (void)err;
    return DF_OK;
}

static df_code count(bk_making *m, const char *copy, df_error *err)
{
    df_conn *conn;
    DF_TRY(bk_sqlite_open(copy, false, m->arena, &conn, err));
    df_code code = bk_content_read(conn, m->place->observer, m->id, &m->content, err);
    df_disconnect(conn);
    return code;
}

static df_code take_in(bk_making *m, df_file *file, df_error *err)
{
    char *piece = df_alloc(BK_CHUNK_BYTES);
    df_code code = DF_OK;
    for (int64_t at = 0; code == DF_OK && at < file->input.size;) {
        int64_t left = file->input.size - at;
        size_t n = left < BK_CHUNK_BYTES ? (size_t)left : BK_CHUNK_BYTES;
        code = df_check_cancelled(m->place->observer, err);
        if (code == DF_OK) code = file->input.read_at(file, at, piece, n, err);
        if (code == DF_OK) code = bk_write(m->writer, piece, n, err);
        at += (int64_t)n;
        df_report_progress(m->place->observer, "bytes", m->id, at, file->input.size);
    }
    free(piece);
    return code;
}

/* The copy is not encrypted: it has no name any more as soon as it is open, and goes with us whatever
 * happens. */
static df_code dump(bk_making *m, df_error *err)
{
    const char *copy = df_arena_printf(m->arena, "%s.copy", m->partial);
    df_file *file = NULL;
    int fd = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return df_fail_errno(err, errno, copy, "create");
    close(fd);
    df_code code = df_backup_to(m->place->conn, copy, m->place->observer, err);
    if (code == DF_OK) code = count(m, copy, err);
    if (code == DF_OK) code = df_file_open(copy, &file, err);
    unlink(copy);
    if (code == DF_OK) code = take_in(m, file, err);
    df_file_close(file);
    return code;
}

/* ---- loading ---- */

typedef struct target {
    int fd;
    const char *path;
} target;

static df_code put_bytes(void *context, df_str bytes, df_error *err)
{
    target *t = context;
    while (bytes.len) {
        ssize_t n = write(t->fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return df_fail_errno(err, errno, t->path, "write");
        bytes = df_str_skip(bytes, (size_t)n);
    }
    return DF_OK;
}

static df_code make_file(bk_loading *l, df_error *err)
{
    target t = {open(l->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), l->file};
    if (t.fd < 0) return df_fail_errno(err, errno, l->file, "create");
    df_code code = bk_pump_in(l, put_bytes, &t, err);
    close(t.fd);
    return code;
}

/* The engine's own examination, and the mark that the restored database begins with. */
static df_code examine(const bk_loading *l, df_error *err)
{
    df_conn *conn;
    df_value answer;
    DF_TRY(bk_sqlite_open(l->file, true, l->arena, &conn, err));
    df_code code = df_query_value(conn, "PRAGMA integrity_check(1)", NULL, 0, l->arena, &answer, err);
    if (code == DF_OK && !df_str_is(answer.s, "ok")) {
        code = df_fail(err, DF_CORRUPT, "the database in the backup %s is damaged: %.*s", l->id,
                       DF_FMT(answer.s));
    }
    if (code == DF_OK && l->live) code = bk_state_write(conn, &l->state, err);
    df_disconnect(conn);
    return code;
}

static df_code load(bk_loading *l, df_error *err)
{
    df_code code = make_file(l, err);
    if (code == DF_OK) code = examine(l, err);
    if (code == DF_OK && l->live) code = df_backup_from(l->conn, l->file, l->place->observer, err);
    return code;
}

/* ---- what it is called, what it holds ---- */

static df_code take_file(void *context, const df_row *row, df_error *err)
{
    (void)err;
    df_buf *path = context;
    if (row->values[0].type == DF_TEXT) df_buf_str_add(path, row->values[0].s);
    return DF_OK;
}

/* Of a file that is not there (any more) the URL tells. */
static df_str file_in_url(const char *url, df_arena *arena)
{
    df_buf path = {0};
    const char *from = url + strcspn(url, ":") + 1;
    if (from[0] == '/' && from[1] == '/') from += 2;
    df_percent_decode(&path, (df_str){from, strcspn(from, "?")});
    char *text = df_arena_cstr(arena, df_buf_str(&path)), *slash = strrchr(text, '/');
    df_buf_release(&path);
    if (slash) *slash = '\0';
    char *folder = realpath(!slash ? "." : *text ? text : "/", NULL);
    const char *name = slash ? slash + 1 : text;
    const char *whole =
        folder ? df_arena_printf(arena, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name) : "";
    free(folder);
    return df_str_from(whole);
}

static df_code name_of(const df_backup_place *place, df_arena *arena, df_str *out, df_error *err)
{
    df_buf path = {0};
    df_code code = df_query(place->conn, "SELECT file FROM pragma_database_list WHERE name = 'main'", NULL, 0,
                            take_file, &path, err);
    *out = path.len ? df_arena_str(arena, df_buf_str(&path)) : file_in_url(place->url, arena);
    df_buf_release(&path);
    return code;
}

const bk_engine bk_sqlite_engine = {
    .name = "sqlite",
    .format = "SQLite database",
    .prepare = prepare,
    .describe = describe,
    .conclude = conclude,
    .dump = dump,
    .load = load,
    .counter = &bk_sqlite_counter,
    .database = name_of,
    .ping = "SELECT 1",
    .state = &bk_sqlite_state,
};
