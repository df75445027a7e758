/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named locks: a byte of the file "<database>-dataflow-lock", which a name is hashed to, locked for
 * the open file description (F_OFD_SETLK). So the kernel gives it up when the holder dies, and two
 * connections of one process exclude each other too. The file stays: to remove it would race with those who
 * open it.
 */
#include "engine/sqlite/private.h"

#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t byte_of(const char *name)
{
    return (int64_t)(df_hash(name, strlen(name)).low >> 2); /* room above, so that no sum overflows */
}

static char *lock_path(sl_conn *c)
{
    /* SQLite's own, absolute name, so that two paths to one database meet. */
    const char *file = sqlite3_db_filename(c->db, "main");
    df_buf path = {0};
    df_buf_printf(&path, "%s-dataflow-lock", file && *file ? file : c->path);
    df_buf_cstr(&path);
    return path.ptr;
}

/* Whoever may write the database may lock it: the lock file gets its mode. */
static int create_lock_file(sl_conn *c, const char *path)
{
    struct stat status;
    const char *file = sqlite3_db_filename(c->db, "main");
    mode_t mode = file && stat(file, &status) == 0 ? status.st_mode & 0666 : 0600;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd >= 0) {
        int ignored = fchmod(fd, mode); /* the umask may have taken bits; then it stays stricter */
        (void)ignored;
    }
    return fd < 0 && errno == EEXIST ? open(path, O_RDWR | O_CLOEXEC) : fd;
}

static df_code open_for_locking(sl_conn *c, df_error *err)
{
    if (c->lock_fd >= 0) return DF_OK;
    char *path = lock_path(c);
    df_code code = DF_OK;
    c->lock_fd = open(path, O_RDWR | O_CLOEXEC);
    if (c->lock_fd < 0 && errno == ENOENT) c->lock_fd = create_lock_file(c, path);
    if (c->lock_fd < 0) code = df_fail_errno(err, errno, path, "lock");
    free(path);
    return code;
}

static struct flock range(short type, int64_t byte)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

static sl_lock *own_lock(sl_conn *c, int64_t byte)
{
    for (size_t i = 0; i < c->n_locks; i++) {
        if (c->locks[i].byte == byte) return &c->locks[i];
    }
    return NULL;
}

df_code sl_try_lock(df_conn *conn, const char *name, bool *taken, df_error *err)
{
    sl_conn *c = sl_of(conn);
    int64_t byte = byte_of(name);
    sl_lock *own = own_lock(c, byte);
    *taken = own != NULL;
    if (own) {
        own->count++;
        return DF_OK;
    }
    DF_TRY(sl_ready(c, err));
    if (!c->memory) { /* nobody else can see a database in memory */
        DF_TRY(open_for_locking(c, err));
        struct flock wanted = range(F_WRLCK, byte);
        if (fcntl(c->lock_fd, F_OFD_SETLK, &wanted) != 0) {
            if (errno == EAGAIN || errno == EACCES) return DF_OK;
            return df_fail_errno(err, errno, c->path, "take a lock beside");
        }
    }
    *taken = true;
    DF_PUSH(c->locks, c->n_locks, c->locks_cap) = (sl_lock){byte, 1};
    return DF_OK;
}

df_code sl_unlock(df_conn *conn, const char *name, df_error *err)
{
    sl_conn *c = sl_of(conn);
    int64_t byte = byte_of(name);
    sl_lock *own = own_lock(c, byte);
    if (!own) return df_fail(err, DF_FAILED, "the lock \"%s\" is not held by this session", name);
    if (--own->count > 0) return DF_OK;
    *own = c->locks[--c->n_locks];
    struct flock wanted = range(F_UNLCK, byte);
    if (c->memory || fcntl(c->lock_fd, F_OFD_SETLK, &wanted) == 0) return DF_OK;
    return df_fail_errno(err, errno, c->path, "release a lock beside");
}

/* Needs no right to write: where there is no lock file, nobody holds a lock. */
df_code sl_lock_held(df_conn *conn, const char *name, bool *held, df_error *err)
{
    sl_conn *c = sl_of(conn);
    int64_t byte = byte_of(name);
    *held = own_lock(c, byte) != NULL;
    if (*held || c->memory) return DF_OK;
    if (!c->db && access(c->path, F_OK) != 0) return DF_OK;
    DF_TRY(sl_ready(c, err));
    char *path = lock_path(c);
    struct flock wanted = range(F_WRLCK, byte);
    df_code code = DF_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT) code = df_fail_errno(err, errno, path, "look at the lock");
    } else if (fcntl(fd, F_OFD_GETLK, &wanted) != 0) {
        code = df_fail_errno(err, errno, path, "look at the lock");
    } else {
        *held = wanted.l_type != F_UNLCK;
    }
    if (fd >= 0) close(fd);
    free(path);
    return code;
}
