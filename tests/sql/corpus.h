/* SPDX-License-Identifier: Apache-2.0 */
/* The real histories that the tests read, where they lie. */
#ifndef TESTS_SQL_CORPUS_H
#define TESTS_SQL_CORPUS_H

#include "base/buf.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef void (*corpus_fn)(void *context, const char *path, df_str text);

static inline bool corpus_read(const char *path, df_buf *out)
{
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    size_t got;
    df_buf_clear(out);
    while ((got = fread(df_buf_reserve(out, 65536), 1, 65536, file)) > 0) out->len += got;
    fclose(file);
    return true;
}

static inline bool corpus_matches(const char *path, const char *const *parts)
{
    for (; parts && *parts; parts++) {
        if (strstr(path, *parts)) return true;
    }
    return false;
}

/*
 * Calls fn for each regular file below `folder` whose name ends in .sql, sorted by name. `only` (NULL: all)
 * and `not` are parts of paths. Returns how many there were.
 */
static inline int corpus_walk(const char *folder, const char *const *only, const char *const * not,
                              corpus_fn fn, void *context)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort), files = 0;
    df_buf text = {0};
    for (int i = 0; i < n; i++) {
        char path[4096];
        struct stat st;
        const char *name = entries[i]->d_name, *dot = strrchr(name, '.');
        snprintf(path, sizeof path, "%s/%s", folder, name);
        if (name[0] != '.' && stat(path, &st) == 0) {
            if (S_ISDIR(st.st_mode)) {
                files += corpus_walk(path, only, not, fn, context);
            } else if (dot && strcmp(dot, ".sql") == 0 && (!only || corpus_matches(path, only)) &&
                       !corpus_matches(path, not ) && corpus_read(path, &text)) {
                fn(context, path, df_buf_str(&text));
                files++;
            }
        }
        free(entries[i]);
    }
    if (n >= 0) free(entries);
    df_buf_release(&text);
    return files;
}

/* What is written for PostgreSQL, SQLite, MySQL. */
static const char *const corpus_postgres[] = {"postgres",   "crates.io/", "marquez/",
                                              "e2b-infra/", "langfuse/",  NULL};
static const char *const corpus_not_postgres[] = {"mysql", "sqlite", "cockroach", NULL};
static const char *const corpus_sqlite[] = {"sqlite", "taproot-assets/", NULL};
static const char *const corpus_mysql[] = {"mysql", NULL};

#endif
