/* SPDX-License-Identifier: Apache-2.0 */
#include "io/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int make(const char *path, unsigned mode)
{
    struct stat st;
    if (mkdir(path, mode) == 0) return 0;
    if (errno != EEXIST) return errno;
    if (stat(path, &st) != 0) return errno;
    return S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
}

df_code df_folder_make(const char *path, unsigned mode, df_error *err)
{
    char *copy = df_strdup(df_str_from(path));
    int failed = make(copy, mode);
    if (failed == ENOENT) {
        failed = 0;
        for (char *p = copy + 1; *p && !failed; p++) {
            if (*p != '/') continue;
            *p = '\0';
            failed = make(copy, mode);
            *p = '/';
        }
        if (!failed) failed = make(copy, mode);
    }
    free(copy);
    return failed ? df_fail_errno(err, failed, path, "make the folder") : DF_OK;
}

df_code df_folder_sync(const char *path, df_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return df_fail_errno(err, errno, path, "open");
    /* Some file systems have nothing to do for a folder, and say EINVAL. */
    int failed = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    close(fd);
    return failed ? df_fail_errno(err, failed, path, "flush") : DF_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

df_code df_folder_list(const char *path, df_arena *arena, const char ***names, size_t *count, df_error *err)
{
    const char **list = NULL;
    size_t n = 0, cap = 0;
    *names = NULL;
    *count = 0;
    DIR *folder = opendir(path);
    if (!folder && errno == ENOENT) return DF_OK;
    if (!folder) return df_fail_errno(err, errno, path, "read the folder");
    int failed = 0;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry) {
            failed = errno;
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        DF_PUSH(list, n, cap) = df_arena_cstr(arena, df_str_from(entry->d_name));
    }
    closedir(folder);
    if (!failed && n) {
        qsort(list, n, sizeof *list, by_name);
        *names = df_arena_alloc(arena, n * sizeof *list);
        memcpy(*names, list, n * sizeof *list);
        *count = n;
    }
    free(list);
    return failed ? df_fail_errno(err, failed, path, "read the folder") : DF_OK;
}
