/* SPDX-License-Identifier: Apache-2.0 */
/* Which pg_dump is taken, and what is said when none fits; names of files and what is removed of them. */
#include "operate/backup_int.h"
#include "tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

static void choices(void)
{
    const bk_tool tools[] = {{"/a", 13}, {"/b", 17}, {"/c", 15}, {"/d", 16}, {"/e", 15}};
    const struct {
        int64_t server;
        const char *folder;
    } wanted[] = {{15, "/c"}, {14, "/c"}, {12, "/a"}, {16, "/d"}, {17, "/b"}, {18, NULL}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const bk_tool *tool = bk_choose_tool(tools, 5, wanted[i].server);
        check(tool ? wanted[i].folder && strcmp(tool->folder, wanted[i].folder) == 0 : !wanted[i].folder,
              "for a server of version %d: %s", (int)wanted[i].server, tool ? tool->folder : "none");
    }
    check(!bk_choose_tool(NULL, 0, 15), "there is nothing to choose from");
    check(bk_major_version("pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)") == 15 &&
              bk_major_version("PostgreSQL 9.6") == 9 && bk_major_version("no number") == 0,
          "versions are read");
}

static void too_old(void)
{
    df_arena arena = {0};
    df_error err = {0};
    const char *folder, *version;
    df_code code = bk_postgres_tools("PostgreSQL 999.1", &arena, &folder, &version, &err);
    check((code == DF_UNSUPPORTED && strstr(err.message, "is older than the server (PostgreSQL 999)")) ||
              (code == DF_NOT_FOUND && strstr(err.message, "is not installed")),
          "no tool is new enough: %s", err.message);
    check(strcmp(err.hint, "apt-get install postgresql-client-999") == 0, "the package is named: %s",
          err.hint);
    df_arena_release(&arena);
}

static bool is_there(const char *folder, const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static int make_file(const char *folder, const char *name)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static void cleaning(void)
{
    static const char *const dead[] = {"backup-1.dfb.partial", "backup-1.dfb.partial.copy",
                                       "backup-2.dfb.partial.copy-journal"};
    static const char *const kept[] = {"backup-3.dfb.partial", "backup-3.dfb.partial.copy",
                                       "backup-4.dfb",         "notes.partial",
                                       "backup-5.partial",     "backup-6.dfb.partial.mine"};
    char folder[] = "/tmp/df-clean-XXXXXX";
    df_error err;
    int alive = -1;
    if (!mkdtemp(folder)) exit(2);
    for (size_t i = 0; i < 3; i++) close(make_file(folder, dead[i]));
    for (size_t i = 0; i < 6; i++) {
        int fd = make_file(folder, kept[i]);
        if (i == 0 && flock(alive = dup(fd), LOCK_EX | LOCK_NB) != 0) exit(2);
        close(fd);
    }
    check(bk_folder_clean(folder, &err) == DF_OK, "a folder is cleaned");
    bool gone = true, stays = true;
    for (size_t i = 0; i < 3; i++) gone = gone && !is_there(folder, dead[i]);
    for (size_t i = 0; i < 6; i++) stays = stays && is_there(folder, kept[i]);
    check(gone, "of what dead runs left");
    check(stays, "and of nothing else: not of what is being written, not of other people's files");
    close(alive);
    check(bk_folder_clean(folder, &err) == DF_OK && !is_there(folder, kept[0]) && !is_there(folder, kept[1]),
          "once its writer is dead, that goes, too");
    check(bk_folder_clean("/nowhere/at/all", &err) == DF_OK, "a folder that is not there is clean");
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command) != 0) exit(2);
}

static void names(void)
{
    df_arena arena = {0};
    df_error err;
    const char *one = NULL, *two = NULL;
    if (bk_new_id(&arena, &one, &err) != DF_OK || bk_new_id(&arena, &two, &err) != DF_OK) exit(2);
    note("%s, %s", one, two);
    check(strlen(one) == strlen("backup-20261128T055301Z-3f9a") && !strchr(one, ':') &&
              strncmp(one, "backup-20", 9) == 0 && strspn(one + 24, "0123456789abcdef") == 4,
          "they tell the time, and hold no colon");
    df_arena_release(&arena);
}

int main(void)
{
    choices();
    too_old();
    cleaning();
    names();
    return tap_done();
}
