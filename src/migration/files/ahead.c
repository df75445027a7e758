/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes of all files, made on another processor while the caller connects to the database: neither needs the other, and of a
 * thousand files each takes about as long.
 */
#include "migration/files/files_int.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct mf_ahead {
    pthread_t thread;
    mf_set *set;
};

/* What cannot be read is read again by whoever needs it, and says what is wrong. */
static void hash_ahead(const mf_set *s, mf_file *file, df_buf *bytes)
{
    file->hashed = false; /* what an earlier one left */
    if (file->text.ptr) return;
    df_buf_clear(bytes);
    int fd = openat(s->fd, file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return;
    if (mf_read_to_end(fd, file->path, bytes, NULL) == DF_OK) {
        file->hash = df_hash(bytes->ptr, bytes->len);
        file->hashed = true;
    }
    close(fd);
}

static void *hash_all(void *context)
{
    struct mf_ahead *ahead = context;
    mf_set *s = ahead->set;
    df_buf bytes = {0};
    for (size_t i = 0; i < s->set.count; i++)
        for (size_t k = 0; k < s->drafts[i].n_files; k++) hash_ahead(s, &s->drafts[i].files[k], &bytes);
    df_buf_release(&bytes);
    return NULL;
}

void df_migrations_read_ahead(df_migration_set *set)
{
    enum { WORTH_A_THREAD = 32 };
    mf_set *s = mf_impl(set);
    if (s->ahead || set->count < WORTH_A_THREAD) return;
    s->ahead = df_zalloc(sizeof *s->ahead);
    s->ahead->set = s;
    sigset_t all, before; /* signals are for the caller's thread */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int reason = pthread_create(&s->ahead->thread, NULL, hash_all, s->ahead);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!reason) return;
    free(s->ahead);
    s->ahead = NULL;
}

void mf_wait_ahead(mf_set *s)
{
    if (!s->ahead) return;
    pthread_join(s->ahead->thread, NULL);
    free(s->ahead);
    s->ahead = NULL;
}
