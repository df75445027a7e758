/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a backup file; its form is described in docs/reference/backup-format.md. */
#include "operate/backup_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { LEVEL = 3, FLUSH_BYTES = 8 << 20 };

struct bk_writer {
    int fd;
    char *path;
    bool compress, encrypt;
    bk_cipher cipher;
    ZSTD_CCtx *zstd;
    unsigned char head[DF_SHA256_BYTES]; /* digest of the head: every seal covers it */
    df_sha256_stream sum;
    unsigned char *chunk; /* of the dump, being filled */
    size_t filled;
    unsigned char *stored; /* record and payload as they are written */
    size_t stored_cap;
    uint64_t index;
    int64_t file_bytes, dump_bytes, unflushed;
};

static df_code put(bk_writer *w, const void *bytes, size_t len, df_error *err)
{
    DF_TRY(df_sha256_add(&w->sum, bytes, len, err));
    for (const char *from = bytes; len;) {
        ssize_t n = write(w->fd, from, len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return df_fail_errno(err, errno, w->path, "write");
        from += n;
        len -= (size_t)n;
        w->file_bytes += n;
        w->unflushed += n;
    }
    /* So that the flush at the end is not the longest part of it all. */
    if (w->unflushed >= FLUSH_BYTES) {
        sync_file_range(w->fd, w->file_bytes - w->unflushed, w->unflushed, SYNC_FILE_RANGE_WRITE);
        w->unflushed = 0;
    }
    return DF_OK;
}

static df_code put_head(bk_writer *w, df_str json, const unsigned char salt[BK_SALT_BYTES],
                        const unsigned char check[BK_SEAL_BYTES], df_error *err)
{
    size_t len = BK_HEAD_FIXED + json.len;
    unsigned char *head = df_alloc(len + BK_SEAL_BYTES);
    bk_put32(head, BK_MAGIC_HEAD);
    bk_put32(head + 4, (uint32_t)(len + BK_SEAL_BYTES - 8));
    memcpy(head + 8, "DFBACKUP", 8);
    bk_put16(head + 16, BK_VERSION);
    bk_put16(head + 18, (w->compress ? BK_FLAG_ZSTD : 0) | (w->encrypt ? BK_FLAG_AES : 0));
    bk_put32(head + 20, (uint32_t)json.len);
    memcpy(head + 24, salt, BK_SALT_BYTES);
    memcpy(head + 56, check, BK_SEAL_BYTES);
    memcpy(head + BK_HEAD_FIXED, json.ptr, json.len);
    df_code code = bk_seal_plain(DF_STR(""), head, len, head + len, err);
    if (code == DF_OK) code = df_sha256(head, len + BK_SEAL_BYTES, w->head, err);
    if (code == DF_OK) code = put(w, head, len + BK_SEAL_BYTES, err);
    free(head);
    return code;
}

/* A run that cleans up may take the new file for one of a dead writer, in the moment before it is locked. */
static df_code create(bk_writer *w, df_error *err)
{
    struct stat st = {.st_nlink = 1};
    do {
        if (w->fd >= 0) close(w->fd);
        w->fd = open(w->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (w->fd < 0) return df_fail_errno(err, errno, w->path, "create");
        /* Where locks are not to be had, nothing is lost but the cleaning up after a crash. */
        flock(w->fd, LOCK_EX | LOCK_NB);
    } while (fstat(w->fd, &st) == 0 && st.st_nlink == 0);
    return DF_OK;
}

df_code bk_writer_open(const char *path, df_str json, bool compress, const char *key, bk_writer **out,
                       df_error *err)
{
    unsigned char salt[BK_SALT_BYTES], check[BK_SEAL_BYTES] = {0};
    bk_writer *w = df_zalloc(sizeof *w);
    *w = (bk_writer){
        .fd = -1, .path = df_strdup(df_str_from(path)), .compress = compress, .encrypt = key != NULL};
    w->stored_cap = BK_RECORD_BYTES + ZSTD_compressBound(BK_CHUNK_BYTES);
    w->chunk = df_alloc(BK_CHUNK_BYTES);
    w->stored = df_alloc(w->stored_cap);
    df_code code = bk_random(salt, sizeof salt, err);
    if (code == DF_OK && key) code = bk_cipher_open(&w->cipher, key, salt, check, err);
    if (code == DF_OK && compress) {
        w->zstd = ZSTD_createCCtx();
        if (!w->zstd || ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL)))
            code = df_fail(err, DF_NO_MEMORY, "not enough memory to compress");
    }
    if (code == DF_OK) code = df_sha256_begin(&w->sum, err);
    if (code == DF_OK) code = create(w, err);
    if (code == DF_OK) code = put_head(w, json, salt, check, err);
    if (code == DF_OK)
        *out = w;
    else
        bk_writer_close(w);
    return code;
}

/* Seals what stands in `stored` behind the record, and writes both. */
static df_code put_record(bk_writer *w, char kind, size_t payload, size_t raw, df_error *err)
{
    unsigned char about[DF_SHA256_BYTES + BK_RECORD_BYTES - BK_SEAL_BYTES], *record = w->stored;
    size_t plain = BK_RECORD_BYTES - BK_SEAL_BYTES, skipped = kind == 'M' ? payload : 0;
    memset(record, 0, BK_RECORD_BYTES);
    bk_put32(record, BK_MAGIC_RECORD);
    bk_put32(record + 4, (uint32_t)(BK_RECORD_BYTES - 8 + skipped));
    record[8] = (unsigned char)kind;
    bk_put32(record + 12, (uint32_t)payload);
    bk_put64(record + 16, w->index);
    bk_put32(record + 24, (uint32_t)raw);
    memcpy(about, w->head, DF_SHA256_BYTES);
    memcpy(about + DF_SHA256_BYTES, record, plain);
    df_str covers = {(const char *)about, sizeof about};
    unsigned char *bytes = record + BK_RECORD_BYTES, *seal = record + plain;
    if (w->encrypt)
        DF_TRY(bk_encrypt(&w->cipher, w->index, covers, bytes, payload, seal, err));
    else
        DF_TRY(bk_seal_plain(covers, bytes, payload, seal, err));
    w->index++;
    return put(w, record, BK_RECORD_BYTES + payload, err);
}

static df_code put_chunk(bk_writer *w, df_error *err)
{
    unsigned char *to = w->stored + BK_RECORD_BYTES;
    size_t payload = w->filled;
    if (!w->filled) return DF_OK;
    if (w->compress) {
        payload = ZSTD_compress2(w->zstd, to, w->stored_cap - BK_RECORD_BYTES, w->chunk, w->filled);
        if (ZSTD_isError(payload)) return df_fail(err, DF_FAILED, "zstd: %s", ZSTD_getErrorName(payload));
    } else {
        memcpy(to, w->chunk, w->filled);
    }
    size_t raw = w->filled;
    w->filled = 0;
    return put_record(w, 'D', payload, raw, err);
}

df_code bk_write(bk_writer *w, const void *bytes, size_t len, df_error *err)
{
    for (const char *from = bytes; len;) {
        size_t room = BK_CHUNK_BYTES - w->filled, n = len < room ? len : room;
        memcpy(w->chunk + w->filled, from, n);
        w->filled += n;
        w->dump_bytes += (int64_t)n;
        from += n;
        len -= n;
        if (w->filled == BK_CHUNK_BYTES) DF_TRY(put_chunk(w, err));
    }
    return DF_OK;
}

int64_t bk_written(const bk_writer *w)
{
    return w->dump_bytes;
}

df_code bk_writer_finish(bk_writer *w, df_str manifest, bk_totals *out, df_error *err)
{
    unsigned char digest[DF_SHA256_BYTES];
    if (manifest.len > BK_MAX_MANIFEST) return df_fail(err, DF_FAILED, "too many tables for one backup");
    DF_TRY(put_chunk(w, err));
    if (BK_RECORD_BYTES + manifest.len > w->stored_cap) {
        w->stored_cap = BK_RECORD_BYTES + manifest.len;
        w->stored = df_realloc(w->stored, w->stored_cap);
    }
    memcpy(w->stored + BK_RECORD_BYTES, manifest.ptr, manifest.len);
    DF_TRY(put_record(w, 'M', manifest.len, 0, err));
    if (fsync(w->fd) != 0) return df_fail_errno(err, errno, w->path, "flush");
    DF_TRY(df_sha256_end(&w->sum, digest, err));
    df_hex(digest, sizeof digest, out->checksum);
    out->file_bytes = w->file_bytes;
    out->dump_bytes = w->dump_bytes;
    return DF_OK;
}

void bk_writer_close(bk_writer *w)
{
    unsigned char ignored[DF_SHA256_BYTES];
    if (!w) return;
    if (w->sum.context && df_sha256_end(&w->sum, ignored, NULL) != DF_OK) ignored[0] = 0;
    if (w->fd >= 0) close(w->fd);
    ZSTD_freeCCtx(w->zstd);
    bk_cipher_close(&w->cipher);
    explicit_bzero(w->chunk, BK_CHUNK_BYTES);
    free(w->chunk);
    free(w->stored);
    free(w->path);
    free(w);
}
