/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of backups share; nobody outside of this folder includes it. */
#ifndef DF_OPERATE_BACKUP_INT_H
#define DF_OPERATE_BACKUP_INT_H

#include "base/digest.h"
#include "engine/copy.h"
#include "io/file.h"
#include "io/process.h"
#include "operate/backup.h"

/* ---- the file (docs/backup-format.md) ---- */

enum {
    BK_KEY_BYTES = 32,
    BK_SALT_BYTES = 32,
    BK_SEAL_BYTES = 16,
    BK_CHUNK_BYTES = 1 << 20, /* of the dump in one chunk */
    BK_HEAD_FIXED = 72,       /* bytes of the head before its JSON */
    BK_RECORD_BYTES = 48,     /* before a chunk, and before the manifest */
    BK_MAX_JSON = 1 << 20,
    BK_MAX_MANIFEST = 64 << 20,
    BK_VERSION = 1,
    BK_FLAG_ZSTD = 1,
    BK_FLAG_AES = 2,
    /* zstd's programs pass over frames that begin so: a backup that is not encrypted is a .zst file, too. */
    BK_MAGIC_RECORD = 0x184D2A5D,
    BK_MAGIC_HEAD = 0x184D2A5E,
};

/* crypt.c. A file has a key of its own, made from the user's and the file's salt, so that a counter can be
 * the nonce. */
typedef struct bk_cipher {
    void *context;
    unsigned char key[BK_KEY_BYTES];
} bk_cipher;
/* 64 hexadecimal digits; DF_USAGE otherwise, and nothing of the text is told. */
DF_MUST_USE df_code bk_key_parse(const char *hex, unsigned char key[BK_KEY_BYTES], df_error *err);
DF_MUST_USE df_code bk_random(void *bytes, size_t len, df_error *err);
/* `check` tells whether a key fits a file. */
DF_MUST_USE df_code bk_cipher_open(bk_cipher *cipher, const char *hex,
                                   const unsigned char salt[BK_SALT_BYTES],
                                   unsigned char check[BK_SEAL_BYTES], df_error *err);
void bk_cipher_close(bk_cipher *cipher);
/* Encrypts in place; the seal covers `about` too. */
DF_MUST_USE df_code bk_encrypt(bk_cipher *cipher, uint64_t index, df_str about, void *bytes, size_t len,
                               unsigned char seal[BK_SEAL_BYTES], df_error *err);
/* Decrypts in place; *fits false when the seal is another. */
DF_MUST_USE df_code bk_decrypt(bk_cipher *cipher, uint64_t index, df_str about, void *bytes, size_t len,
                               const unsigned char seal[BK_SEAL_BYTES], bool *fits, df_error *err);

/* write.c */
typedef struct bk_writer bk_writer;
/* A new file, readable by its owner alone, locked while it is written: a lock that is free tells a dead
 * writer. */
DF_MUST_USE df_code bk_writer_open(const char *path, df_str json, bool compress, const char *key,
                                   bk_writer **out, df_error *err);
/* More of the dump. */
DF_MUST_USE df_code bk_write(bk_writer *writer, const void *bytes, size_t len, df_error *err);
int64_t bk_written(const bk_writer *writer); /* bytes of the dump so far */
typedef struct bk_totals {
    int64_t file_bytes, dump_bytes;
    char checksum[DF_SHA256_HEX + 1]; /* of the whole file */
} bk_totals;
/* The manifest ends the file, which is on the disk when this returns. */
DF_MUST_USE df_code bk_writer_finish(bk_writer *writer, df_str manifest, bk_totals *out, df_error *err);
void bk_writer_close(bk_writer *writer); /* NULL is fine; the file stays as it is */

/* read.c. Whatever is wrong with a file is DF_CORRUPT with its name and the offset. */
typedef struct bk_head {
    bool compressed, encrypted;
    df_str json;
    int64_t bytes; /* length of the head */
    unsigned char salt[BK_SALT_BYTES], check[BK_SEAL_BYTES], digest[DF_SHA256_BYTES];
} bk_head;
/* The head alone needs no key. */
DF_MUST_USE df_code bk_head_read(const df_input *input, df_arena *arena, bk_head *out, df_error *err);

typedef struct bk_reader bk_reader;
/* DF_USAGE when there must be a key and none is given, DF_PERMISSION when it is another one's. */
DF_MUST_USE df_code bk_reader_open(const df_input *input, const char *key, bk_reader **out, df_error *err);
const bk_head *bk_reader_head(const bk_reader *reader);
/* The next piece of the dump, valid until the next call; absent at the end, when the manifest has been read.
 */
DF_MUST_USE df_code bk_read(bk_reader *reader, df_str *piece, df_error *err);
df_str bk_manifest(const bk_reader *reader);     /* absent before the end */
int64_t bk_read_offset(const bk_reader *reader); /* bytes of the file so far */
void bk_reader_close(bk_reader *reader);

static inline void bk_put16(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)v;
    p[1] = (unsigned char)(v >> 8);
}
static inline void bk_put32(unsigned char *p, uint32_t v)
{
    bk_put16(p, v);
    bk_put16(p + 2, v >> 16);
}
static inline void bk_put64(unsigned char *p, uint64_t v)
{
    bk_put32(p, (uint32_t)v);
    bk_put32(p + 4, (uint32_t)(v >> 32));
}
static inline uint32_t bk_get16(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}
static inline uint32_t bk_get32(const unsigned char *p)
{
    return bk_get16(p) | bk_get16(p + 2) << 16;
}
static inline uint64_t bk_get64(const unsigned char *p)
{
    return bk_get32(p) | (uint64_t)bk_get32(p + 4) << 32;
}
/* Seals what is not encrypted: against accidents. The first bytes of a SHA-256. */
DF_MUST_USE df_code bk_seal_plain(df_str about, const void *bytes, size_t len,
                                  unsigned char seal[BK_SEAL_BYTES], df_error *err);

#endif
