/* SPDX-License-Identifier: Apache-2.0 */
/* Free disk space, where the disk is ours to look at. */
#include "operate/operate_int.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

df_code op_disk(const char *path, int64_t *free_bytes, int64_t *total_bytes, df_error *err)
{
    struct statvfs status;
    *free_bytes = *total_bytes = -1;
    if (statvfs(path, &status) != 0) return df_fail_errno(err, errno, path, "look at the free space of");
    *free_bytes = (int64_t)(status.f_bavail * status.f_frsize);
    *total_bytes = (int64_t)(status.f_blocks * status.f_frsize);
    return DF_OK;
}

/*
 * A local port may lead through a tunnel, a socket into a container. So it is not the address that is looked
 * at, but whether the process that serves us is one of this machine's.
 */
const char *op_not_here(df_arena *arena, df_str folder, int64_t pid, const char *program)
{
    struct stat status;
    char command[256] = "";
    if (!folder.ptr) return "the server does not tell this user where its data directory is";
    FILE *file = fopen(df_arena_printf(arena, "/proc/%lld/cmdline", (long long)pid), "r");
    if (file) {
        size_t len = fread(command, 1, sizeof command - 1, file);
        command[len] = '\0'; /* of the first word */
        fclose(file);
    }
    if (pid <= 0 || !strstr(command, program))
        return "the server does not run on this machine, or its processes are hidden";
    if (stat(df_arena_cstr(arena, folder), &status) == 0 && S_ISDIR(status.st_mode)) return NULL;
    return df_arena_printf(arena, "the server's data directory %.*s cannot be seen from here: %s",
                           DF_FMT(folder), strerror(errno));
}
