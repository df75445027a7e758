/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the engine's tools to use. PostgreSQL's must not be older than the server, and the server's own
 * version is best: what a newer pg_dump writes, an older server may not understand.
 */
#include "operate/backup_int.h"

#include "io/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The first line that a program prints with --version; in `arena`. */
static df_code ask_version(const char *path, df_arena *arena, const char **out, df_error *err)
{
    const char *const argv[] = {path, "--version", NULL};
    df_process_options options = {.argv = argv, .in = DF_PROCESS_NULL, .out = DF_PROCESS_PIPE};
    df_process process;
    char text[256];
    size_t len = 0, n = 1;
    DF_TRY(df_process_start(&options, &process, err));
    df_code code = DF_OK;
    while (code == DF_OK && n && len < sizeof text - 1) {
        code = df_process_read(&process, text + len, sizeof text - 1 - len, &n, NULL, err);
        len += n;
    }
    if (code == DF_OK) code = df_process_end(&process, NULL, err);
    df_process_release(&process);
    text[len] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (code == DF_OK) *out = df_arena_cstr(arena, df_str_from(text));
    return code;
}

int64_t bk_major_version(const char *text)
{
    while (*text && !(*text >= '0' && *text <= '9')) text++;
    return strtoll(text, NULL, 10);
}

const bk_tool *bk_choose_tool(const bk_tool *tools, size_t count, int64_t server)
{
    const bk_tool *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (tools[i].major == server) return &tools[i];
        if (tools[i].major > server && (!best || tools[i].major < best->major)) best = &tools[i];
    }
    return best;
}

/* ---- PostgreSQL ---- */

typedef struct tool_list {
    bk_tool *items;
    size_t count, cap;
} tool_list;

/* Debian and Red Hat keep each version in a folder of its own. */
static df_code list_installed(tool_list *list, const char *top, const char *prefix, df_arena *arena,
                              df_error *err)
{
    const char **names;
    size_t count;
    DF_TRY(df_folder_list(top, arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (strncmp(names[i], prefix, strlen(prefix)) != 0) continue;
        int64_t major;
        if (!df_str_int64(df_str_from(names[i] + strlen(prefix)), &major)) continue;
        const char *folder = df_arena_printf(arena, "%s/%s/bin", top, names[i]);
        if (access(df_arena_printf(arena, "%s/pg_dump", folder), X_OK) == 0)
            DF_PUSH(list->items, list->count, list->cap) = (bk_tool){folder, major};
    }
    return DF_OK;
}

/* Debian's pg_dump in PATH is a script that chooses among the folders above by rules of its own: not that
 * one. */
static bool is_wrapper(const char *path)
{
    char *real = realpath(path, NULL);
    bool found = real && strstr(real, "pg_wrapper");
    free(real);
    return found;
}

static df_code list_path(tool_list *list, df_arena *arena)
{
    const char *path = df_program_find("pg_dump", arena), *version;
    if (!path || is_wrapper(path) || ask_version(path, arena, &version, NULL) != DF_OK) return DF_OK;
    df_str folder = {path, (size_t)(strrchr(path, '/') - path)};
    DF_PUSH(list->items, list->count, list->cap) =
        (bk_tool){df_arena_cstr(arena, folder), bk_major_version(version)};
    return DF_OK;
}

static df_code no_postgres_tool(const tool_list *list, int64_t server, df_error *err)
{
    int64_t newest = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].major > newest) newest = list->items[i].major;
    }
    if (newest) {
        df_fail(err, DF_UNSUPPORTED,
                "pg_dump %lld is older than the server (PostgreSQL %lld), and cannot dump it",
                (long long)newest, (long long)server);
    } else {
        df_fail(err, DF_NOT_FOUND, "pg_dump is not installed");
    }
    df_error_hint(err, "apt-get install postgresql-client-%lld", (long long)server);
    return newest ? DF_UNSUPPORTED : DF_NOT_FOUND;
}

df_code bk_postgres_tools(const char *server, df_arena *arena, const char **folder, const char **version,
                          df_error *err)
{
    tool_list list = {0};
    int64_t major = bk_major_version(server);
    df_code code = list_path(&list, arena);
    if (code == DF_OK) code = list_installed(&list, "/usr/lib/postgresql", "", arena, err);
    if (code == DF_OK) code = list_installed(&list, "/usr", "pgsql-", arena, err);
    const bk_tool *best = bk_choose_tool(list.items, list.count, major);
    if (code == DF_OK && !best) code = no_postgres_tool(&list, major, err);
    if (code == DF_OK) {
        *folder = best->folder;
        code = ask_version(df_arena_printf(arena, "%s/pg_dump", best->folder), arena, version, err);
    }
    free(list.items);
    return code;
}

/* ---- MariaDB ---- */

static const char *find_either(const char *name, const char *old_name, df_arena *arena)
{
    const char *path = df_program_find(name, arena);
    return path ? path : df_program_find(old_name, arena);
}

df_code bk_mariadb_tools(df_arena *arena, bk_mariadb *out, df_error *err)
{
    out->dump = find_either("mariadb-dump", "mysqldump", arena);
    out->client = find_either("mariadb", "mysql", arena);
    if (!out->dump || !out->client) {
        df_fail(err, DF_NOT_FOUND, "%s is not installed", out->dump ? "mariadb" : "mariadb-dump");
        df_error_hint(err, "apt-get install mariadb-client");
        return DF_NOT_FOUND;
    }
    return ask_version(out->dump, arena, &out->version, err);
}
