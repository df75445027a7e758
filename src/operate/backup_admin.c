/* SPDX-License-Identifier: Apache-2.0 */
/*
 * neo4j-admin database dump and load: the server's own tool, which wants the server stopped and on this
 * machine. It is found as neo4j-admin, or started from the jars of a Neo4j that has no such script; the
 * folder it writes to is made, what it made is on the disk, and a file beside it says how long it is and what
 * its SHA-256 is.
 */
#include "operate/backup_int.h"

#include "base/clock.h"
#include "io/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct admin {
    const df_admin_options *options;
    df_arena *arena;
    const char *home, *conf, *path, *database, *dump, *facts;
    const char *argv[12];
    size_t n;
} admin;

static const char *under(admin *a, const char *folder, const char *name)
{
    return df_arena_printf(a->arena, "%s/%s", folder, name);
}

/* ---- the tool ---- */

static bool has_jars(const char *folder)
{
    df_arena arena = {0};
    const char **names;
    size_t count = 0;
    bool found = false;
    if (df_folder_list(folder, &arena, &names, &count, NULL) != DF_OK) count = 0;
    for (size_t i = 0; i < count && !found; i++)
        found = df_str_glob(df_str_from(names[i]), "neo4j-dbms*.jar") ||
                df_str_glob(df_str_from(names[i]), "neo4j-command-line*.jar");
    df_arena_release(&arena);
    return found;
}

static const char *find_java(admin *a)
{
    const char *home = getenv("JAVA_HOME");
    const char *java = home && *home ? under(a, home, "bin/java") : NULL;
    if (java && access(java, X_OK) == 0) return java;
    return df_program_find("java", a->arena);
}

static df_code find_tool(admin *a, df_error *err)
{
    const char *script = under(a, a->home, "bin/neo4j-admin"), *jars = under(a, a->home, "lib");
    if (access(script, X_OK) != 0) script = df_program_find("neo4j-admin", a->arena);
    if (script) {
        a->argv[a->n++] = script;
        return DF_OK;
    }
    const char *java = has_jars(jars) ? find_java(a) : NULL;
    if (java) {
        a->argv[a->n++] = java;
        a->argv[a->n++] = "-cp";
        a->argv[a->n++] = under(a, jars, "*");
        a->argv[a->n++] = "org.neo4j.cli.AdminTool";
        return DF_OK;
    }
    df_fail(err, DF_NOT_FOUND, "neo4j-admin was not found: not in %s/bin, not in PATH, and no jars in %s",
            a->home, jars);
    df_error_hint(err, "run this on the server's machine, and name where Neo4j is: --neo4j-home");
    return DF_NOT_FOUND;
}

/* ---- is it stopped? ---- */

/* The value of a setting in neo4j.conf; NULL when it is not there. The last one counts. */
static const char *setting(admin *a, const char *name)
{
    char line[4096];
    const char *value = NULL;
    size_t len = strlen(name);
    FILE *file = fopen(under(a, a->conf, "neo4j.conf"), "re");
    if (!file) return NULL;
    while (fgets(line, sizeof line, file)) {
        char *p = line + strspn(line, " \t");
        if (strncmp(p, name, len) != 0) continue;
        p += len + strspn(p + len, " \t");
        if (*p++ != '=') continue;
        p += strspn(p, " \t");
        size_t n = strcspn(p, "\r\n");
        while (n && (p[n - 1] == ' ' || p[n - 1] == '\t')) n--;
        value = df_arena_cstr(a->arena, (df_str){p, n});
    }
    fclose(file);
    return value;
}

static const char *data_folder(admin *a)
{
    const char *data = setting(a, "server.directories.data");
    if (!data) data = setting(a, "dbms.directories.data"); /* 4.4's name */
    if (!data) data = "data";
    return data[0] == '/' ? data : under(a, a->home, data);
}

/* The server holds a lock on a file as long as it runs. */
static df_code check_stopped(admin *a, df_error *err)
{
    const char *path = under(a, data_folder(a), "databases/store_lock");
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return DF_OK;
    if (fd < 0) return df_fail_errno(err, errno, path, "open");
    int got = fcntl(fd, F_GETLK, &lock);
    close(fd);
    if (got != 0 || lock.l_type == F_UNLCK) return DF_OK;
    df_fail(err, DF_REFUSED,
            "the server is running (process %ld): its database is dumped and loaded only while it is stopped",
            (long)lock.l_pid);
    df_error_hint(err, "neo4j stop; or take the backup while it runs: dataflow backup");
    df_error_at(err, path, 0);
    return DF_REFUSED;
}

/* ---- running it ---- */

static df_code run(admin *a, const char *verb, const char *option, bool overwrite, df_error *err)
{
    df_process process = {0};
    const char *home = df_arena_printf(a->arena, "NEO4J_HOME=%s", a->home);
    const char *conf = df_arena_printf(a->arena, "NEO4J_CONF=%s", a->conf);
    const char *const environment[] = {home, conf, NULL};
    a->argv[a->n++] = "database";
    a->argv[a->n++] = verb;
    a->argv[a->n++] = a->database;
    a->argv[a->n++] = df_arena_printf(a->arena, "%s=%s", option, a->path);
    if (overwrite) a->argv[a->n++] = "--overwrite-destination=true";
    df_process_options options = {
        .argv = a->argv, .environment = environment, .in = DF_PROCESS_NULL, .out = DF_PROCESS_NULL};
    df_code code = df_process_start(&options, &process, err);
    if (code == DF_OK) code = df_process_end(&process, a->options->observer, err);
    df_process_release(&process);
    return code == DF_OK ? DF_OK : df_error_prefix(err, "neo4j-admin database %s", verb);
}

static df_code begin(admin *a, df_error *err)
{
    const df_admin_options *o = a->options;
    const char *home = o->home ? o->home : getenv("NEO4J_HOME"), *conf = getenv("NEO4J_CONF");
    a->database = o->database ? o->database : "neo4j";
    if (!home || !*home) {
        df_fail(err, DF_USAGE, "where Neo4j is installed is not known");
        df_error_hint(err, "name its folder: --neo4j-home, or NEO4J_HOME");
        return DF_USAGE;
    }
    if (strchr(a->database, '/')) return df_fail(err, DF_USAGE, "%s is no name of a database", a->database);
    char *whole = realpath(home, NULL);
    if (!whole) return df_fail_errno(err, errno, home, "find");
    a->home = df_arena_cstr(a->arena, df_str_from(whole));
    free(whole);
    a->conf = conf && *conf ? conf : under(a, a->home, "conf");
    DF_TRY(find_tool(a, err));
    return check_stopped(a, err);
}

/* Of the folder and of what is in it. */
static df_code name_files(admin *a, df_error *err)
{
    char *whole = realpath(a->options->path, NULL);
    if (!whole) return df_fail_errno(err, errno, a->options->path, "find");
    a->path = df_arena_cstr(a->arena, df_str_from(whole));
    free(whole);
    a->dump = df_arena_printf(a->arena, "%s/%s.dump", a->path, a->database);
    a->facts = df_arena_printf(a->arena, "%s.json", a->dump);
    return DF_OK;
}

static df_code measure(admin *a, df_admin_dump *out, df_error *err)
{
    df_file *file;
    char hex[DF_SHA256_HEX + 1];
    df_backup_place place = {.observer = a->options->observer};
    DF_TRY(df_file_open(a->dump, &file, err));
    out->path = a->dump;
    out->size = file->input.size;
    df_file_close(file);
    DF_TRY(bk_file_checksum(&place, a->dump, hex, err));
    out->checksum = df_arena_cstr(a->arena, df_str_from(hex));
    return DF_OK;
}

/* ---- dump ---- */

static df_code write_whole(const char *path, df_str text, df_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return df_fail_errno(err, errno, path, "create");
    ssize_t n = write(fd, text.ptr, text.len);
    int why = n < 0 ? errno : (size_t)n < text.len ? ENOSPC : fsync(fd) != 0 ? errno : 0;
    close(fd);
    return why ? df_fail_errno(err, why, path, "write") : DF_OK;
}

static df_code put_facts(admin *a, const df_admin_dump *dump, df_error *err)
{
    df_buf text = {0};
    df_json_writer w = {.out = &text};
    char time[40];
    df_time_format(df_now_ms(), time);
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "file", strrchr(dump->path, '/') + 1);
    df_json_add_int(&w, "size", dump->size);
    df_json_add_text(&w, "sha256", dump->checksum);
    df_json_add_text(&w, "database", a->database);
    df_json_add_text(&w, "created", time);
    df_json_end(&w, '}');
    df_buf_char(&text, '\n');
    df_code code = write_whole(a->facts, df_buf_str(&text), err);
    df_buf_release(&text);
    return code;
}

static df_code sync_file(const char *path, df_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return df_fail_errno(err, errno, path, "open");
    int why = fsync(fd) != 0 ? errno : 0;
    close(fd);
    return why ? df_fail_errno(err, why, path, "flush") : DF_OK;
}

df_code df_admin_dump_make(const df_admin_options *options, df_arena *arena, df_admin_dump *out,
                           df_error *err)
{
    admin a = {.options = options, .arena = arena};
    *out = (df_admin_dump){0};
    DF_TRY(begin(&a, err));
    DF_TRY(df_folder_make(options->path, 0700, err));
    DF_TRY(name_files(&a, err));
    if (access(a.dump, F_OK) == 0) {
        df_fail(err, DF_CONFLICT, "there is a dump already: %s", a.dump);
        df_error_hint(err, "name another folder");
        return DF_CONFLICT;
    }
    df_code code = run(&a, "dump", "--to-path", false, err);
    if (code == DF_OK) code = sync_file(a.dump, err);
    if (code == DF_OK) code = measure(&a, out, err);
    if (code == DF_OK) code = put_facts(&a, out, err);
    if (code == DF_OK) code = df_folder_sync(a.path, err);
    if (code != DF_OK) unlink(a.dump); /* it was not there before */
    return code;
}

/* ---- load ---- */

static df_code check_facts(admin *a, const df_admin_dump *found, df_error *err)
{
    df_file *file;
    df_json_parser *parser = df_json_parser_open();
    df_json json;
    df_buf text = {0};
    int64_t size = -1;
    df_code code = df_file_open(a->facts, &file, err);
    if (code == DF_NOT_FOUND) {
        df_log(a->options->observer, DF_LOG_WARNING,
               "%s is not there: whether the dump is whole is not known", a->facts);
        df_json_parser_close(parser);
        return DF_OK;
    }
    if (code == DF_OK) {
        size_t n = file->input.size < BK_MAX_JSON ? (size_t)file->input.size : BK_MAX_JSON;
        code = file->input.read_at(file->input.context, 0, df_buf_reserve(&text, n + 1), n, err);
        text.len = n;
        df_file_close(file);
    }
    if (code == DF_OK) code = df_json_parse(parser, df_buf_str(&text), &json, err);
    if (code == DF_OK) {
        (void)df_json_int(df_json_get(json, "size"), &size);
        df_str sum = df_json_str(df_json_get(json, "sha256"));
        if (size != found->size || !df_str_is(sum, found->checksum)) {
            df_fail(err, DF_CORRUPT, "%s is not the dump that was made: %lld bytes, SHA-256 %s", a->dump,
                    (long long)found->size, found->checksum);
            df_error_hint(err, "it was damaged or exchanged; use another one");
            code = DF_CORRUPT;
        }
    }
    df_buf_release(&text);
    df_json_parser_close(parser);
    return code == DF_OK ? DF_OK : df_error_prefix(err, "nothing was changed");
}

df_code df_admin_dump_load(const df_admin_options *options, df_arena *arena, df_admin_dump *out,
                           df_error *err)
{
    admin a = {.options = options, .arena = arena};
    *out = (df_admin_dump){0};
    DF_TRY(begin(&a, err));
    DF_TRY(name_files(&a, err));
    DF_TRY(measure(&a, out, err));
    DF_TRY(check_facts(&a, out, err));
    return run(&a, "load", "--from-path", true, err);
}
