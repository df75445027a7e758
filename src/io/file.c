/* SPDX-License-Identifier: Apache-2.0 */
#include "io/file.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static df_code read_file_at(void *context, int64_t offset, void *out, size_t len, df_error *err)
{
    const df_file *file = context;
    for (char *to = out; len;) {
        ssize_t n = pread(file->fd, to, len, offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return df_fail_errno(err, errno, file->path, "read");
        if (n == 0) {
            df_fail(err, DF_CORRUPT, "%s ends before byte %lld", file->path,
                    (long long)offset + (long long)len);
            df_error_at(err, file->path, 0);
            return DF_CORRUPT;
        }
        to += n;
        offset += n;
        len -= (size_t)n;
    }
    return DF_OK;
}

df_code df_file_open(const char *path, df_file **out, df_error *err)
{
    /* Not blocking: a FIFO in the way must not hang the program. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return df_fail_errno(err, errno, path, "open");
    struct stat st;
    if (fstat(fd, &st) != 0) {
        int failed = errno;
        close(fd);
        return df_fail_errno(err, failed, path, "examine");
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        df_fail(err, DF_CORRUPT, "%s is not a regular file", path);
        df_error_at(err, path, 0);
        return DF_CORRUPT;
    }
    df_file *file = df_zalloc(sizeof *file);
    file->fd = fd;
    file->path = df_strdup(df_str_from(path));
    file->mtime_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    file->input =
        (df_input){.context = file, .size = st.st_size, .name = file->path, .read_at = read_file_at};
    *out = file;
    return DF_OK;
}

void df_file_close(df_file *file)
{
    if (!file) return;
    close(file->fd);
    free(file->path);
    free(file);
}

static df_code read_memory_at(void *context, int64_t offset, void *out, size_t len, df_error *err)
{
    const df_memory *memory = context;
    if (offset < 0 || (uint64_t)offset > memory->bytes.len || len > memory->bytes.len - (uint64_t)offset)
        return df_fail(err, DF_CORRUPT, "%s ends before byte %lld", memory->input.name,
                       (long long)offset + (long long)len);
    if (len) memcpy(out, memory->bytes.ptr + offset, len);
    return DF_OK;
}

void df_memory_init(df_memory *memory, df_str bytes, const char *name)
{
    memory->bytes = bytes;
    memory->input =
        (df_input){.context = memory, .size = (int64_t)bytes.len, .name = name, .read_at = read_memory_at};
}

df_code df_file_read_all(const char *path, size_t limit, df_buf *out, df_error *err)
{
    df_file *file;
    DF_TRY(df_file_open(path, &file, err));
    df_code code;
    if ((uint64_t)file->input.size > limit) {
        code = df_fail(err, DF_CORRUPT, "%s has %lld bytes; at most %zu can be right", path,
                       (long long)file->input.size, limit);
    } else if (!df_buf_try_reserve(out, (size_t)file->input.size)) {
        code = df_fail(err, DF_NO_MEMORY, "not enough memory to read %s", path);
    } else {
        code = read_file_at(file, 0, out->ptr + out->len, (size_t)file->input.size, err);
        if (code == DF_OK) out->len += (size_t)file->input.size;
    }
    if (code != DF_OK) df_error_at(err, path, 0);
    df_file_close(file);
    return code;
}
