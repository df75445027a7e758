/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the files of a migration: their bytes for the raw hash, their text for everything else (load.c). */
#include "migration/files/files_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { AT_LEAST = 16 << 10 };

df_code mf_fail(df_error *err, df_code code, const char *path, int64_t line, const char *fmt, ...)
{
    char what[900];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    df_fail(err, code, "%s", what);
    df_error_at(err, path, line);
    return code;
}

/* ---- bytes ---- */

df_code mf_read_to_end(int fd, const char *path, df_buf *out, df_error *err)
{
    for (size_t room = AT_LEAST, from = out->len;; room = out->len - from + AT_LEAST) {
        if (room > MF_MAX_FILE)
            return mf_fail(err, DF_CORRUPT, path, 0, "the file is larger than a migration can be");
        if (out->cap - out->len < room && !df_buf_try_reserve(out, room))
            return df_fail(err, DF_NO_MEMORY, "not enough memory to read %s", path);
        room = out->cap - out->len;
        ssize_t n = read(fd, out->ptr + out->len, room);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return df_fail_errno(err, errno, path, "read");
        out->len += (size_t)n;
        if ((size_t)n < room) return DF_OK; /* of a regular file there is no more */
    }
}

df_code mf_read(mf_set *s, const char *path, df_buf *out, df_error *err)
{
    int fd = openat(s->fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return df_fail_errno(err, errno, mf_path(s, path), "open");
    df_code code = mf_read_to_end(fd, path, out, err);
    close(fd);
    if (code != DF_OK) df_error_at(err, mf_path(s, path), 0);
    return code;
}

/* ---- text ---- */

static df_code check_text(mf_set *s, const char *path, df_str text, df_error *err)
{
    if (text.len >= 2 && (memcmp(text.ptr, "\xFF\xFE", 2) == 0 || memcmp(text.ptr, "\xFE\xFF", 2) == 0)) {
        df_code code = mf_fail(err, DF_CORRUPT, mf_path(s, path), 1, "the file is UTF-16");
        df_error_hint(err, "save it as UTF-8: iconv -f UTF-16 -t UTF-8 %s", path);
        return code;
    }
    const char *nul = text.len ? memchr(text.ptr, '\0', text.len) : NULL;
    if (nul)
        return mf_fail(err, DF_CORRUPT, mf_path(s, path), mf_lines_before(text, nul) + 1,
                       "the file holds a NUL byte");
    return DF_OK;
}

df_code mf_read_text(mf_set *s, const char *path, df_str *out, df_error *err)
{
    df_buf_clear(&s->read);
    DF_TRY(mf_read(s, path, &s->read, err));
    df_str bytes = df_buf_str(&s->read);
    DF_TRY(check_text(s, path, bytes, err));
    if (df_str_starts(bytes, DF_STR("\xEF\xBB\xBF"))) bytes = df_str_skip(bytes, 3);
    char *copy = df_arena_try(&s->set.arena, bytes.len + 1);
    if (!copy) return df_fail(err, DF_NO_MEMORY, "not enough memory to read %s", path);
    memcpy(copy, bytes.ptr, bytes.len);
    copy[bytes.len] = '\0';
    *out = (df_str){copy, bytes.len};
    return DF_OK;
}

/* ---- the raw hash ---- */

static void add_hash(mf_raw_hash *raw, mf_role role, df_hash128 hash)
{
    size_t last = sizeof raw->roles - 1;
    if (raw->count > last) { /* folded into the last one */
        df_hash128 both[2] = {raw->hashes[last], hash};
        raw->hashes[last] = df_hash(both, sizeof both);
        return;
    }
    raw->hashes[raw->count] = hash;
    raw->roles[raw->count++] = (unsigned char)role;
}

void mf_raw_add(mf_raw_hash *raw, mf_role role, df_str bytes)
{
    add_hash(raw, role, df_hash(bytes.ptr, bytes.len));
}

df_hash128 mf_raw_end(const mf_raw_hash *raw)
{
    if (raw->count == 1) return raw->hashes[0];
    df_hash128 both[2] = {df_hash(raw->hashes, raw->count * sizeof *raw->hashes),
                          df_hash(raw->roles, raw->count)};
    return df_hash(both, sizeof both);
}

static df_code hash_file(mf_set *s, const char *path, mf_role role, mf_raw_hash *raw, df_error *err)
{
    df_buf_clear(&s->read);
    DF_TRY(mf_read(s, path, &s->read, err));
    mf_raw_add(raw, role, df_buf_str(&s->read));
    return DF_OK;
}

df_code df_migration_hash(df_migration_set *set, df_migration *m, df_error *err)
{
    mf_set *s = mf_impl(set);
    mf_draft *draft = mf_draft_of(s, m);
    mf_raw_hash raw;
    raw.count = 0;
    mf_wait_ahead(s);
    if (set->layout == DF_LAYOUT_TEMPORAL) DF_TRY(mf_manifest(s, draft, err));
    for (size_t i = 0; i < draft->n_files; i++) {
        mf_file *file = &draft->files[i];
        if (file->text.ptr)
            mf_raw_add(&raw, file->role, file->text);
        else if (file->hashed)
            add_hash(&raw, file->role, file->hash);
        else
            DF_TRY(hash_file(s, file->path, file->role, &raw, err));
        file->hashed = false; /* whoever asks again wants to know what is there then */
    }
    for (size_t i = 0; i < draft->n_listed; i++) DF_TRY(hash_file(s, draft->listed[i], MF_UP, &raw, err));
    m->raw = mf_raw_end(&raw);
    return DF_OK;
}
