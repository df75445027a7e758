/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scratch databases. Their names tell who made them: host, process, and when that process began, so that a
 * run can remove what dead runs of the same host left, and nothing else. Whether a process lives can only be
 * asked where its number means something: the name also tells in which space of process numbers (a container
 * has its own).
 */
#include "operate/backup_int.h"

#include "base/hash.h"
#include "base/uri.h"
#include "engine/url.h"
#include "io/folder.h"
#include "scratch_sql_postgres.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { HOST_BYTES = 12 };

static const char prefix[] = "dataflow_scratch_";

/* ---- names ---- */

/* When a process began, in clock ticks since the machine did; 0 when there is no such process. */
static unsigned long long started_at(long pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = '\0';
    /* The program's name, in parentheses, may hold anything; field 3 stands behind the last of them. */
    const char *p = strrchr(text, ')');
    for (int field = 2; p && field < 22; field++) p = strchr(p + 1, ' ');
    return p ? strtoull(p + 1, NULL, 10) : 0;
}

/* "dataflow_scratch_web1_3fa90c12_": the same for all processes that can see each other. */
static void put_place(df_buf *out)
{
    char host[256] = "localhost", space[128] = "";
    if (gethostname(host, sizeof host) != 0) strcpy(host, "localhost");
    host[sizeof host - 1] = '\0';
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    df_buf whole = {0};
    df_buf_printf(&whole, "%s %.*s", host, n > 0 ? (int)n : 0, space);
    df_hash128 hash = df_hash(whole.ptr, whole.len);
    df_buf_release(&whole);
    df_buf_text(out, prefix);
    for (size_t i = 0; host[i] && i < HOST_BYTES; i++) {
        unsigned char c = (unsigned char)host[i];
        if (isascii(c) && isalnum(c)) df_buf_char(out, (char)tolower(c));
    }
    df_buf_printf(out, "_%08x_", (unsigned)hash.low);
}

static df_code make_name(df_buf *out, df_error *err)
{
    unsigned char random[2];
    DF_TRY(bk_random(random, sizeof random, err));
    put_place(out);
    df_buf_printf(out, "%ld_%llx_%02x%02x", (long)getpid(), started_at(getpid()), random[0], random[1]);
    return DF_OK;
}

/* Whether the name is one that a process of this place made that is dead now. */
static bool is_left_over(df_str name)
{
    df_buf place = {0};
    char text[100];
    long pid = 0;
    unsigned long long started = 0;
    int end = 0;
    put_place(&place);
    bool ours = df_str_starts(name, df_buf_str(&place)) && name.len - place.len < sizeof text;
    if (ours) {
        df_str rest = df_str_skip(name, place.len);
        memcpy(text, rest.ptr, rest.len);
        text[rest.len] = '\0';
        ours = sscanf(text, "%ld_%llx_%*4[0-9a-f]%n", &pid, &started, &end) == 2 && end && pid > 0 &&
               (!text[end] || strcmp(text + end, ".db") == 0);
    }
    df_buf_release(&place);
    return ours && started_at(pid) != started;
}

/* ---- servers ---- */

typedef struct names {
    df_arena *arena;
    df_str *items;
    size_t count, cap;
} names;

static df_code take_left_over(void *context, const df_row *row, df_error *err)
{
    (void)err;
    names *n = context;
    if (row->values[0].type == DF_TEXT && is_left_over(row->values[0].s))
        DF_PUSH(n->items, n->count, n->cap) = df_arena_str(n->arena, row->values[0].s);
    return DF_OK;
}

const bk_scratch_words bk_postgres_scratch = {
    .list = "SELECT datname FROM pg_catalog.pg_database WHERE datname LIKE 'dataflow\\_scratch\\_%'",
    .options = SQL_pg_scratch_options,
    .settings = SQL_pg_scratch_settings,
    .right = "ALTER ROLE … CREATEDB lets a user make scratch databases",
    .force_since = 13,
};
const bk_scratch_words bk_mariadb_scratch = {
    .list = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA "
            "WHERE SCHEMA_NAME LIKE 'dataflow|_scratch|_%' ESCAPE '|'",
    .options =
        "SELECT CONCAT('CHARACTER SET ', DEFAULT_CHARACTER_SET_NAME, ' COLLATE ', DEFAULT_COLLATION_NAME) "
        "FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()",
    .right = "GRANT ALL ON `dataflow\\_scratch\\_%`.* lets a user make scratch databases",
};

/* Only called for an engine that has them. */
static df_code words_of(const df_conn *conn, const bk_scratch_words **out, df_error *err)
{
    const bk_engine *engine;
    DF_TRY(bk_engine_of(conn, &engine, err));
    *out = engine->scratch;
    if (engine->scratch) return DF_OK;
    df_fail(err, DF_UNSUPPORTED, "%s makes no further databases", df_conn_server(conn));
    df_error_hint(err, "give an empty one of another server: --scratch-url");
    return DF_UNSUPPORTED;
}

static df_code drop(df_conn *conn, const bk_scratch_words *words, df_str name, df_error *err)
{
    df_buf sql = {0};
    df_buf_text(&sql, "DROP DATABASE IF EXISTS ");
    df_sql_put_name(df_conn_dialect(conn), &sql, name);
    /* Whoever is still connected is a session of ours that has not heard of its end. */
    if (words->force_since && bk_major_version(df_conn_server(conn)) >= words->force_since)
        df_buf_text(&sql, " WITH (FORCE)");
    df_code code = df_exec(conn, df_buf_cstr(&sql), NULL, 0, NULL, err);
    df_buf_release(&sql);
    return code;
}

/* What cannot be dropped now is dropped by a later run, or by another one at this moment. */
static df_code reap(df_conn *conn, const bk_scratch_words *words, df_error *err)
{
    df_arena arena = {0};
    names n = {.arena = &arena};
    df_code code = df_query(conn, words->list, NULL, 0, take_left_over, &n, err);
    for (size_t i = 0; code == DF_OK && i < n.count; i++) {
        code = drop(conn, words, n.items[i], err);
        if (code != DF_OK && !df_conn_lost(conn)) code = DF_OK;
    }
    free(n.items);
    df_arena_release(&arena);
    return code;
}

typedef struct options_text {
    df_arena *arena;
    df_str *items;
    size_t count, cap;
} options_text;

static df_code take_text(void *context, const df_row *row, df_error *err)
{
    (void)err;
    options_text *o = context;
    DF_PUSH(o->items, o->count, o->cap) =
        row->values[0].type == DF_TEXT ? df_arena_str(o->arena, row->values[0].s) : DF_STR("");
    return DF_OK;
}

/* Encoding and sort order, and the settings that belong to the database, are those of the live one. */
static df_code create_on_server(df_conn *conn, const bk_scratch_words *words, df_str name, df_error *err)
{
    df_arena arena = {0};
    options_text options = {.arena = &arena}, settings = {.arena = &arena};
    df_buf sql = {0};
    df_code code = df_query(conn, words->options, NULL, 0, take_text, &options, err);
    if (code == DF_OK && words->settings)
        code = df_query(conn, words->settings, NULL, 0, take_text, &settings, err);
    df_buf_text(&sql, "CREATE DATABASE ");
    df_sql_put_name(df_conn_dialect(conn), &sql, name);
    if (options.count) df_buf_printf(&sql, " %.*s", DF_FMT(options.items[0]));
    if (code == DF_OK) code = df_exec(conn, df_buf_cstr(&sql), NULL, 0, NULL, err);
    for (size_t i = 0; code == DF_OK && i < settings.count; i++) {
        df_buf_clear(&sql);
        df_buf_text(&sql, "ALTER DATABASE ");
        df_sql_put_name(df_conn_dialect(conn), &sql, name);
        df_buf_printf(&sql, " SET %.*s", DF_FMT(settings.items[i]));
        code = df_exec(conn, df_buf_cstr(&sql), NULL, 0, NULL, err);
    }
    if (code == DF_PERMISSION) df_error_hint(err, "%s", words->right);
    free(options.items);
    free(settings.items);
    df_buf_release(&sql);
    df_arena_release(&arena);
    return code;
}

/* The URL with another database: its path is exchanged, whatever else it says stays. */
static df_code url_with(const char *url, df_str name, df_buf *out, df_error *err)
{
    df_arena arena = {0};
    df_buf rest = {0};
    const char *ignored = NULL;
    df_code code = df_url_take_param(url, "dbname", &arena, &rest, &ignored, err);
    if (code == DF_OK) {
        const char *text = df_buf_cstr(&rest), *authority = strstr(text, "://");
        size_t before = authority ? (size_t)(authority - text) + 3 : strcspn(text, ":") + 1;
        before += strcspn(text + before, "/?");
        const char *query = strchr(text + before, '?');
        df_buf_add(out, text, before);
        df_buf_printf(out, "%s/%.*s%s", authority ? "" : "//", DF_FMT(name), query ? query : "");
    }
    df_buf_release(&rest);
    df_arena_release(&arena);
    return code;
}

/* ---- SQLite ---- */

static const char *temporary_folder(void)
{
    const char *folder = getenv("TMPDIR");
    return folder && *folder ? folder : "/tmp";
}

static void remove_file(const char *path)
{
    static const char *const ends[] = {"", "-journal", "-wal", "-shm", "-dataflow-lock"};
    df_buf name = {0};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        df_buf_clear(&name);
        df_buf_printf(&name, "%s%s", path, ends[i]);
        unlink(df_buf_cstr(&name));
    }
    df_buf_release(&name);
}

static df_code create_file(df_str name, df_scratch *out, df_error *err)
{
    df_arena arena = {0};
    const char **list;
    size_t count;
    df_buf path = {0}, url = {0};
    const char *folder = temporary_folder();
    df_code code = df_folder_list(folder, &arena, &list, &count, err);
    for (size_t i = 0; code == DF_OK && i < count; i++) {
        if (is_left_over(df_str_from(list[i])))
            remove_file(df_arena_printf(&arena, "%s/%s", folder, list[i]));
    }
    df_buf_printf(&path, "%s/%.*s.db", folder, DF_FMT(name));
    if (code == DF_OK) {
        int fd = open(df_buf_cstr(&path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0) code = df_fail_errno(err, errno, df_buf_cstr(&path), "create");
        if (fd >= 0) close(fd);
    }
    df_buf_text(&url, path.ptr[0] == '/' ? "sqlite://" : "sqlite:");
    df_percent_encode(&url, df_buf_str(&path), "/");
    if (code == DF_OK) {
        out->name = df_strdup(df_buf_str(&path));
        out->url = df_strdup(df_buf_str(&url));
    }
    df_buf_release(&path);
    df_buf_release(&url);
    df_arena_release(&arena);
    return code;
}

const char *bk_scratch_path(const df_scratch *scratch)
{
    return scratch->name;
}

/* ---- both ---- */

df_code df_scratch_create(df_conn *conn, const char *url, df_scratch *out, df_error *err)
{
    df_buf name = {0}, made = {0};
    *out = (df_scratch){0};
    df_code code = make_name(&name, err);
    if (code == DF_OK && !(df_conn_caps(conn) & DF_CAP_SERVER)) {
        code = create_file(df_buf_str(&name), out, err);
    } else if (code == DF_OK) {
        const bk_scratch_words *words = NULL;
        code = words_of(conn, &words, err);
        if (code == DF_OK) code = reap(conn, words, err);
        if (code == DF_OK) code = url_with(url, df_buf_str(&name), &made, err);
        if (code == DF_OK) code = create_on_server(conn, words, df_buf_str(&name), err);
        if (code == DF_OK) {
            out->name = df_strdup(df_buf_str(&name));
            out->url = df_strdup(df_buf_str(&made));
        }
    }
    df_buf_release(&name);
    df_buf_release(&made);
    return code == DF_OK ? DF_OK : df_error_prefix(err, "making a scratch database");
}

df_code df_scratch_drop(df_conn *conn, df_scratch *scratch, df_error *err)
{
    df_code code = DF_OK;
    if (!scratch->name) return DF_OK;
    const bk_scratch_words *words = NULL;
    if (df_conn_caps(conn) & DF_CAP_SERVER) code = words_of(conn, &words, err);
    if (code == DF_OK && words)
        code = drop(conn, words, df_str_from(scratch->name), err);
    else if (code == DF_OK)
        remove_file(scratch->name);
    free(scratch->name);
    free(scratch->url);
    *scratch = (df_scratch){0};
    return code == DF_OK ? DF_OK : df_error_prefix(err, "dropping the scratch database");
}
