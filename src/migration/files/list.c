/* SPDX-License-Identifier: Apache-2.0 */
/* What a folder holds. */
#include "migration/files/files_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int by_name(const void *a, const void *b)
{
    return df_str_cmp(((const mf_entry *)a)->name, ((const mf_entry *)b)->name);
}

/* Files and folders, also at the end of symbolic links: what is neither must not be opened (a FIFO would
 * wait). */
static void classify(int fd, const struct dirent *d, mf_entry *entry)
{
    unsigned char type = d->d_type;
    if (type == DT_LNK || type == DT_UNKNOWN) {
        struct stat st;
        if (fstatat(fd, d->d_name, &st, 0) != 0)
            type = DT_CHR;
        else
            type = S_ISREG(st.st_mode) ? DT_REG : S_ISDIR(st.st_mode) ? DT_DIR : DT_CHR;
    }
    entry->folder = type == DT_DIR;
    entry->strange = type != DT_DIR && type != DT_REG;
}

df_code mf_list(int at, const char *path, const char *shown, df_arena *arena, mf_listing *out, df_error *err)
{
    *out = (mf_listing){0};
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        int failed = errno;
        if (fd >= 0) close(fd);
        return df_fail_errno(err, failed, shown, "list");
    }
    mf_entry *items = NULL;
    size_t count = 0, cap = 0;
    const struct dirent *d;
    while (errno = 0, (d = readdir(folder))) {
        if (d->d_name[0] == '.') continue;
        mf_entry *entry = &DF_PUSH(items, count, cap);
        *entry = (mf_entry){.name = df_arena_str(arena, df_str_from(d->d_name))};
        classify(fd, d, entry);
    }
    int failed = errno;
    closedir(folder);
    if (failed) {
        free(items);
        return df_fail_errno(err, failed, shown, "list");
    }
    if (count) qsort(items, count, sizeof *items, by_name);
    out->items = df_arena_alloc(arena, count * sizeof *items + 1);
    if (count) memcpy(out->items, items, count * sizeof *items);
    out->count = count;
    free(items);
    return DF_OK;
}

bool mf_exists(int fd, const char *path)
{
    return faccessat(fd, path, F_OK, 0) == 0;
}

size_t mf_folders_with(int fd, const mf_listing *listing, const char *file, size_t limit)
{
    size_t found = 0;
    df_arena arena = {0};
    for (size_t i = 0; i < listing->count && limit; i++) {
        const mf_entry *entry = &listing->items[i];
        if (!entry->folder) continue;
        limit--;
        found += mf_exists(fd, mf_join(&arena, entry->name.ptr, file));
    }
    df_arena_release(&arena);
    return found;
}

char *mf_join(df_arena *arena, const char *a, const char *b)
{
    if (!a[0] || strcmp(a, ".") == 0) return df_arena_printf(arena, "%s", b);
    return df_arena_printf(arena, "%s%s%s", a, a[strlen(a) - 1] == '/' ? "" : "/", b);
}
