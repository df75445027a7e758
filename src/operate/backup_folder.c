/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of backups: names, what dead runs left, files that no record speaks of. */
#include "operate/backup_int.h"

#include "base/clock.h"
#include "io/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static const char prefix[] = "backup-", suffix[] = ".dfb";

df_code bk_new_id(df_arena *arena, const char **out, df_error *err)
{
    unsigned char random[2];
    struct tm tm;
    time_t now = (time_t)(df_now_ms() / 1000);
    DF_TRY(bk_random(random, sizeof random, err));
    gmtime_r(&now, &tm);
    *out = df_arena_printf(arena, "%s%04d%02d%02dT%02d%02d%02dZ-%02x%02x", prefix, tm.tm_year + 1900,
                           tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, random[0], random[1]);
    return DF_OK;
}

df_code bk_folder_path(const char *folder, df_arena *arena, const char **out, df_error *err)
{
    char *path = realpath(folder, NULL);
    if (!path) return df_fail_errno(err, errno, folder, "find");
    *out = df_arena_cstr(arena, df_str_from(path));
    free(path);
    return DF_OK;
}

/* ---- cleaning ---- */

static bool ends(const char *name, const char *end)
{
    return df_str_ends(df_str_from(name), df_str_from(end));
}

/* A writer holds a lock on its file until it ends, however it ends. */
static bool is_being_written(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno != ENOENT;
    bool held = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

/* The file whose lock tells whether the writer of this one lives; NULL: this is none of ours. */
static const char *lock_of(const char *folder, const char *name, df_arena *arena)
{
    static const char *const rests[] = {".partial", ".partial.copy", ".partial.copy-journal",
                                        ".partial.copy-wal", ".partial.copy-shm"};
    if (!df_str_starts(df_str_from(name), df_str_from(prefix))) return NULL;
    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
        const char *end = df_arena_printf(arena, "%s%s", suffix, rests[i]);
        if (!ends(name, end)) continue;
        size_t base = strlen(name) - strlen(rests[i]);
        return df_arena_printf(arena, "%s/%.*s.partial", folder, (int)base, name);
    }
    return NULL;
}

df_code bk_folder_clean(const char *folder, df_error *err)
{
    df_arena arena = {0};
    const char **names;
    size_t count;
    df_code code = df_folder_list(folder, &arena, &names, &count, err);
    /* The partial file itself is the last of its names to go: its lock stands for all of them. */
    for (size_t i = count; code == DF_OK && i > 0; i--) {
        const char *lock = lock_of(folder, names[i - 1], &arena);
        if (!lock || is_being_written(lock)) continue;
        const char *path = df_arena_printf(&arena, "%s/%s", folder, names[i - 1]);
        if (unlink(path) != 0 && errno != ENOENT) code = df_fail_errno(err, errno, path, "remove");
    }
    df_arena_release(&arena);
    return code;
}

/* ---- files without a record ---- */

df_code bk_database_name(const df_backup_place *place, const char *sql, df_arena *arena, df_str *out, df_error *err)
{
    df_value value;
    DF_TRY(df_query_value(place->conn, sql, NULL, 0, arena, &value, err));
    *out = value.type == DF_TEXT ? value.s : DF_STR("");
    return DF_OK;
}

static const char *text(df_json head, const char *name, df_arena *arena)
{
    df_str value = df_json_str(df_json_get(head, name));
    return value.ptr ? df_arena_cstr(arena, value) : "";
}

/* `head` as a listed backup; false when it is of another engine, or (`database` given) of another database.
 */
static bool fill(const bk_head *file, df_json head, df_conn *conn, df_str database, df_arena *arena,
                 df_migrate_backup *out)
{
    if (!df_str_is(df_json_str(df_json_get(head, "engine")), df_conn_engine(conn))) return false;
    if (database.ptr && !df_str_eq(df_json_str(df_json_get(head, "database")), database)) return false;
    df_buf metadata = {0};
    df_json_writer w = {.out = &metadata};
    df_json_begin(&w, NULL, '{');
    df_json_add_bool(&w, "recorded", false);
    for (df_json_iter it = df_json_each(head); df_json_next(&it);) {
        df_buf value = {0};
        df_json_put(&value, it.value);
        char *name = df_arena_cstr(arena, it.key);
        df_json_add_raw(&w, name, df_buf_str(&value));
        df_buf_release(&value);
    }
    df_json_end(&w, '}');
    int64_t created = 0;
    (void)df_json_int(df_json_get(head, "created_ms"), &created);
    *out = (df_migrate_backup){.id = text(head, "id", arena),
                               .type = text(head, "type", arena),
                               .checksum = "",
                               .created_by = text(head, "created_by", arena),
                               .metadata = df_arena_cstr(arena, df_buf_str(&metadata)),
                               .created_ms = created,
                               .compressed = file->compressed,
                               .encrypted = file->encrypted,
                               .present = true};
    df_buf_release(&metadata);
    return true;
}

typedef struct scan {
    const df_backup_place *place;
    df_arena *arena;
    const char *folder;
    df_str database;
    df_json_parser *parser;
    df_migrate_backup *items;
    size_t count, cap;
} scan;

static df_code look_at(scan *s, const char *name, df_error *err)
{
    const char *path = df_arena_printf(s->arena, "%s/%s", s->folder, name);
    df_file *file;
    bk_head head;
    df_json json;
    df_migrate_backup found;
    DF_TRY(df_file_open(path, &file, err));
    df_code code = bk_head_read(&file->input, s->arena, &head, err);
    if (code == DF_OK) code = df_json_parse(s->parser, head.json, &json, err);
    if (code == DF_OK && fill(&head, json, s->place->conn, s->database, s->arena, &found)) {
        found.path = path;
        found.filename = name;
        found.size = file->input.size;
        /* A renamed copy is not the backup of that name. */
        if (df_str_starts(df_str_from(name), df_str_from(found.id)) &&
            strlen(name) == strlen(found.id) + strlen(suffix))
            DF_PUSH(s->items, s->count, s->cap) = found;
    }
    df_file_close(file);
    return code;
}

static bool is_known(const df_backup_record *known, size_t n_known, const char *name)
{
    for (size_t i = 0; i < n_known; i++) {
        if (df_str_is(known[i].filename, name)) return true;
    }
    return false;
}

static df_code database_name(const df_backup_place *place, df_arena *arena, df_str *out, df_error *err)
{
    const bk_engine *engine;
    DF_TRY(bk_engine_of(place->conn, &engine, err));
    return engine->database(place, arena, out, err);
}

df_code bk_folder_scan(const df_backup_place *place, const df_backup_record *known, size_t n_known, bool any,
                       df_arena *arena, df_migrate_backup **out, size_t *count, df_error *err)
{
    scan s = {.place = place, .arena = arena, .parser = df_json_parser_open()};
    const char **names;
    size_t n = 0;
    *out = NULL;
    *count = 0;
    df_code code = any ? DF_OK : database_name(place, arena, &s.database, err);
    if (code == DF_OK && access(place->folder, F_OK) == 0) {
        code = bk_folder_path(place->folder, arena, &s.folder, err);
        if (code == DF_OK) code = df_folder_list(s.folder, arena, &names, &n, err);
    }
    for (size_t i = 0; code == DF_OK && i < n; i++) {
        df_error problem = {0};
        if (!df_str_starts(df_str_from(names[i]), df_str_from(prefix)) || !ends(names[i], suffix)) continue;
        if (is_known(known, n_known, names[i])) continue;
        if (look_at(&s, names[i], &problem) != DF_OK)
            df_log(place->observer, DF_LOG_WARNING, "%s is left out: %s", names[i], problem.message);
    }
    if (s.count) {
        *out = df_arena_alloc(arena, s.count * sizeof **out);
        memcpy(*out, s.items, s.count * sizeof **out);
        *count = s.count;
    }
    free(s.items);
    df_json_parser_close(s.parser);
    return code;
}
