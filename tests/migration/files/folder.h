/* SPDX-License-Identifier: Apache-2.0 */
/* Small folders of files that a test makes and throws away. */
#ifndef TESTS_MIGRATION_FOLDER_H
#define TESTS_MIGRATION_FOLDER_H

#include "base/buf.h"
#include "migration/files/plan.h"

#include <tap.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct folder {
    char path[256];
} folder;

static inline void folder_init(folder *f)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(f->path, sizeof f->path, "%s/migrations-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(f->path)) {
        perror(f->path);
        exit(2);
    }
}

static inline int folder_unlink(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)at;
    return type == FTW_DP ? rmdir(path) : unlink(path);
}

static inline void folder_release(folder *f)
{
    nftw(f->path, folder_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* `name` may lie in folders, which are made. */
static inline void folder_put_bytes(const folder *f, const char *name, const char *bytes, size_t len)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    for (char *p = path + strlen(f->path) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        mkdir(path, 0777);
        *p = '/';
    }
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, len, file) != len || fclose(file) != 0) {
        perror(path);
        exit(2);
    }
}

static inline void folder_put(const folder *f, const char *name, const char *text)
{
    folder_put_bytes(f, name, text, strlen(text));
}

static inline void folder_remove(const folder *f, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    unlink(path);
}

static inline bool folder_has(const folder *f, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    return access(path, F_OK) == 0;
}

/* NULL after a failure, which is noted. */
static inline df_migration_set *folder_open(const folder *f, df_layout layout, const df_sql_dialect *dialect)
{
    df_files_options options = {.folder = f->path, .layout = layout, .dialect = dialect};
    df_migration_set *set = NULL;
    df_error err = {0};
    if (df_migrations_open(&options, &set, &err) == DF_OK) return set;
    note("%s", err.message);
    return NULL;
}

/* The ids in order, parted by blanks. */
static inline const char *ids_of(const df_migration_set *set, df_arena *arena)
{
    df_buf out = {0};
    for (size_t i = 0; i < set->count; i++)
        df_buf_printf(&out, "%s%.*s", i ? " " : "", DF_FMT(set->items[i].id));
    const char *text = df_arena_cstr(arena, df_buf_str(&out));
    df_buf_release(&out);
    return text;
}

/* Findings as "kind:file" with "!" behind those that block, parted by blanks. */
static inline const char *findings_of(const df_migration_set *set, df_arena *arena)
{
    df_buf out = {0};
    for (size_t i = 0; i < set->n_findings; i++)
        df_buf_printf(&out, "%s%s:%s%s", i ? " " : "", set->findings[i].kind,
                      set->findings[i].file ? set->findings[i].file : "", set->findings[i].blocks ? "!" : "");
    const char *text = df_arena_cstr(arena, df_buf_str(&out));
    df_buf_release(&out);
    return text;
}

static inline bool same_text(const char *found, const char *expected)
{
    if (strcmp(found, expected) == 0) return true;
    note("found    %s", found);
    note("expected %s", expected);
    return false;
}

static inline bool str_is(df_str found, const char *expected)
{
    if (df_str_is(found, expected)) return true;
    note("found    %.*s", DF_FMT(found));
    note("expected %s", expected);
    return false;
}

#endif
