/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite has no list of sessions, but its locks are locks on bytes of files, and the kernel lists those in
 * /proc/locks: for the database file (rollback journal) and the -shm file (write-ahead log). Their numbers
 * are part of SQLite's file format. What a process does with its lock, and since when, nobody knows.
 */
#include "operate/operate_int.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { /* of the database file, and of -shm */
       PENDING = 0x40000000,
       RESERVED = PENDING + 1,
       SHARED_FIRST = PENDING + 2,
       SHM_WRITE = 120,
       SHM_CHECKPOINT = 121,
       SHM_RECOVER = 122,
       SHM_READ_FIRST = 123,
       SHM_READ_LAST = 127,
};

static const char WRITES[] = "holds the write lock";
static const char READS[] = "reads";

typedef struct lock_line {
    long long pid, inode, first, last; /* last -1: to the end of the file */
    unsigned major, minor;
    bool writes;
} lock_line;

/* "1: POSIX  ADVISORY  WRITE 4711 08:01:131074 1073741824 1073741825" */
static bool parse_line(const char *line, lock_line *out)
{
    char kind[16], enforced[16], mode[16], last[32];
    if (sscanf(line, "%*[0-9]: %15s %15s %15s %lld %x:%x:%lld %lld %31s", kind, enforced, mode, &out->pid,
               &out->major, &out->minor, &out->inode, &out->first, last) != 9)
        return false; /* also those that wait: "1: -> POSIX …" */
    if (strcmp(kind, "POSIX") != 0) return false;
    out->last = strcmp(last, "EOF") == 0 ? -1 : strtoll(last, NULL, 10);
    out->writes = strcmp(mode, "WRITE") == 0;
    return true;
}

static bool covers(const lock_line *l, long long byte)
{
    return l->first <= byte && (l->last < 0 || byte <= l->last);
}

static const char *meaning(const lock_line *l, bool shm, bool wal)
{
    if (shm) {
        if (l->writes && (covers(l, SHM_WRITE) || covers(l, SHM_RECOVER))) return WRITES;
        if (l->writes && covers(l, SHM_CHECKPOINT)) return "copies the write-ahead log into the database";
        return l->first <= SHM_READ_LAST && (l->last < 0 || l->last >= SHM_READ_FIRST) ? READS : NULL;
    }
    if (l->writes && l->first <= SHARED_FIRST && (l->last < 0 || l->last >= PENDING)) return WRITES;
    /* With a write-ahead log every open connection holds the shared lock; without one, whoever reads. */
    return !wal && covers(l, SHARED_FIRST) ? READS : NULL;
}

/* On stacked file systems the kernel's number of the device is not the one that stat shows; then the process
 * must have that very file open. */
static bool has_open(long long pid, const struct stat *file)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%lld/fd", pid);
    DIR *folder = opendir(path);
    bool found = false;
    for (struct dirent *entry; folder && !found && (entry = readdir(folder)) != NULL;) {
        struct stat status;
        snprintf(path, sizeof path, "/proc/%lld/fd/%.200s", pid, entry->d_name);
        found = stat(path, &status) == 0 && status.st_dev == file->st_dev && status.st_ino == file->st_ino;
    }
    if (folder) closedir(folder);
    return found;
}

static bool is_of(const lock_line *l, const struct stat *file)
{
    if ((ino_t)l->inode != file->st_ino) return false;
    return (l->major == major(file->st_dev) && l->minor == minor(file->st_dev)) || has_open(l->pid, file);
}

static df_str command_of(df_arena *arena, long long pid)
{
    char text[200], path[64];
    snprintf(path, sizeof path, "/proc/%lld/cmdline", pid);
    FILE *file = fopen(path, "r");
    if (!file) return DF_STR_NONE;
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    for (size_t i = 0; i < len; i++)
        if (!text[i]) text[i] = ' ';
    return df_str_from(op_line(arena, (df_str){text, len}, 80));
}

static df_str owner_of(df_arena *arena, long long pid)
{
    struct stat status;
    struct passwd entry, *found = NULL;
    char path[64], room[1024];
    snprintf(path, sizeof path, "/proc/%lld", pid);
    if (stat(path, &status) != 0) return DF_STR_NONE;
    if (getpwuid_r(status.st_uid, &entry, room, sizeof room, &found) == 0 && found)
        return df_arena_str(arena, df_str_from(entry.pw_name));
    return df_str_from(df_arena_printf(arena, "uid %u", status.st_uid));
}

static void add(const op_look *look, op_sessions *out, long long pid, const char *what)
{
    size_t at = 0;
    while (at < out->count && out->items[at].id != pid) at++;
    if (at < out->count) { /* writing says more than reading */
        if (strcmp(what, READS) != 0) out->items[at].phase = df_str_from(what);
        return;
    }
    op_session *s = op_session_add(look, out);
    s->id = pid;
    s->here = true;
    s->state = OP_HOLDS;
    s->phase = df_str_from(what);
    s->user = owner_of(look->arena, pid);
    s->application = command_of(look->arena, pid);
}

bool op_sqlite_writes(const op_session *session)
{
    return df_str_is(session->phase, WRITES);
}

df_code op_sqlite_sessions(const op_look *look, op_sessions *out, df_error *err)
{
    op_facts facts;
    struct stat file, shm;
    char line[512];
    DF_TRY(look->engine->facts(look, &facts, err));
    if (!facts.file.len) return DF_OK;
    if (stat(facts.file.ptr, &file) != 0) return df_fail_errno(err, errno, facts.file.ptr, "look at");
    bool wal = stat(df_arena_printf(look->arena, "%.*s-shm", DF_FMT(facts.file)), &shm) == 0;
    FILE *locks = fopen("/proc/locks", "r");
    if (!locks) {
        out->hidden = "which process has locked the database is not told here: there is no /proc/locks";
        return DF_OK;
    }
    while (fgets(line, sizeof line, locks)) {
        lock_line l;
        if (!parse_line(line, &l) || l.pid == getpid()) continue;
        bool of_shm = wal && is_of(&l, &shm);
        if (!of_shm && !is_of(&l, &file)) continue;
        const char *what = meaning(&l, of_shm, wal);
        if (what) add(look, out, l.pid, what);
    }
    fclose(locks);
    return DF_OK;
}

df_code op_sqlite_lock_file(const op_look *look, const op_facts *facts, op_sessions *out)
{
    struct stat file;
    const char *path = df_arena_printf(look->arena, "%.*s-dataflow-lock", DF_FMT(facts->file));
    if (!facts->file.len || stat(path, &file) != 0) return DF_NOT_FOUND;
    DIR *folder = opendir("/proc");
    if (!folder) return DF_UNSUPPORTED;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char *end;
        long long pid = strtoll(entry->d_name, &end, 10);
        if (*end || pid <= 0 || pid == getpid()) continue;
        if (has_open(pid, &file)) add(look, out, pid, "has the file of the migration lock open");
    }
    closedir(folder);
    return DF_OK;
}
