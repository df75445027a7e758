/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a backup file; its form is described in docs/reference/backup-format.md. Nothing in it is believed
 * before it was checked. */
#include "operate/backup_int.h"

#include <stdlib.h>
#include <zstd.h>

struct bk_reader {
    const df_input *input;
    df_arena arena;
    bk_head head;
    bk_cipher cipher;
    ZSTD_DCtx *zstd;
    int64_t at; /* of the next record */
    uint64_t index;
    unsigned char *stored, *chunk;
    size_t stored_cap;
    df_str manifest;
};

static df_code damaged(const df_input *input, int64_t at, const char *what, df_error *err)
{
    df_fail(err, DF_CORRUPT, "%s is damaged at byte %lld: %s", input->name, (long long)at, what);
    df_error_hint(err, "this backup cannot be used; list the others with: dataflow backup list");
    df_error_at(err, input->name, 0);
    return DF_CORRUPT;
}

/* A file that ends too early is damaged at its end. */
static df_code read_at(const df_input *input, int64_t at, void *out, size_t len, df_error *err)
{
    if (at > input->size || (uint64_t)(input->size - at) < len)
        return damaged(input, input->size, "it is cut off", err);
    return input->read_at(input->context, at, out, len, err);
}

/* The digest first, so that a changed version or length is damage, and only a right one is a newer program's.
 */
static df_code check_head(const df_input *input, const unsigned char *all, size_t len, df_error *err)
{
    unsigned char seal[BK_SEAL_BYTES];
    uint32_t version = bk_get16(all + 16), flags = bk_get16(all + 18), json = bk_get32(all + 20);
    DF_TRY(bk_seal_plain(DF_STR(""), all, len - BK_SEAL_BYTES, seal, err));
    if (memcmp(seal, all + len - BK_SEAL_BYTES, BK_SEAL_BYTES) != 0)
        return damaged(input, 0, "the head was changed", err);
    if (version != BK_VERSION || flags & ~(uint32_t)(BK_FLAG_ZSTD | BK_FLAG_AES)) {
        df_fail(err, DF_UNSUPPORTED,
                "%s is a backup file of version %u (flags %x), which this program does not know", input->name,
                version, flags);
        df_error_hint(err, "read it with a newer program");
        df_error_at(err, input->name, 0);
        return DF_UNSUPPORTED;
    }
    return json == len - BK_HEAD_FIXED - BK_SEAL_BYTES
               ? DF_OK
               : damaged(input, 20, "the head's two lengths differ", err);
}

df_code bk_head_read(const df_input *input, df_arena *arena, bk_head *out, df_error *err)
{
    unsigned char begin[16];
    *out = (bk_head){0};
    if (input->size < BK_HEAD_FIXED + BK_SEAL_BYTES)
        return damaged(input, input->size, "it is too short for a backup", err);
    DF_TRY(read_at(input, 0, begin, sizeof begin, err));
    if (bk_get32(begin) != BK_MAGIC_HEAD || memcmp(begin + 8, "DFBACKUP", 8) != 0)
        return damaged(input, 0, "it does not begin as a backup does", err);
    size_t len = 8 + (size_t)bk_get32(begin + 4);
    if (len < BK_HEAD_FIXED + BK_SEAL_BYTES || len > BK_HEAD_FIXED + BK_SEAL_BYTES + BK_MAX_JSON)
        return damaged(input, 4, "the head's length cannot be right", err);
    unsigned char *all = df_arena_try(arena, len);
    if (!all) return df_fail(err, DF_NO_MEMORY, "not enough memory to read %s", input->name);
    DF_TRY(read_at(input, 0, all, len, err));
    DF_TRY(check_head(input, all, len, err));
    DF_TRY(df_sha256(all, len, out->digest, err));
    uint32_t flags = bk_get16(all + 18);
    out->compressed = flags & BK_FLAG_ZSTD;
    out->encrypted = flags & BK_FLAG_AES;
    out->json = (df_str){(const char *)all + BK_HEAD_FIXED, len - BK_HEAD_FIXED - BK_SEAL_BYTES};
    out->bytes = (int64_t)len;
    memcpy(out->salt, all + 24, BK_SALT_BYTES);
    memcpy(out->check, all + 56, BK_SEAL_BYTES);
    return DF_OK;
}

static df_code take_key(bk_reader *r, const char *key, df_error *err)
{
    unsigned char check[BK_SEAL_BYTES];
    if (!r->head.encrypted) return DF_OK;
    if (!key) {
        df_fail(err, DF_USAGE, "%s is encrypted, and no key is given", r->input->name);
        df_error_hint(err, "set BACKUP_ENCRYPTION_KEY to the key that was set when it was made");
        return DF_USAGE;
    }
    DF_TRY(bk_cipher_open(&r->cipher, key, r->head.salt, check, err));
    if (memcmp(check, r->head.check, sizeof check) == 0) return DF_OK;
    df_fail(err, DF_PERMISSION, "%s was encrypted with another key", r->input->name);
    df_error_hint(err, "set BACKUP_ENCRYPTION_KEY to the key that was set when it was made");
    return DF_PERMISSION;
}

df_code bk_reader_open(const df_input *input, const char *key, bk_reader **out, df_error *err)
{
    bk_reader *r = df_zalloc(sizeof *r);
    r->input = input;
    df_code code = bk_head_read(input, &r->arena, &r->head, err);
    if (code == DF_OK) code = take_key(r, key, err);
    if (code == DF_OK) {
        r->at = r->head.bytes;
        r->stored_cap = ZSTD_compressBound(BK_CHUNK_BYTES);
        r->stored = df_alloc(r->stored_cap);
        r->chunk = df_alloc(BK_CHUNK_BYTES);
        r->zstd = ZSTD_createDCtx();
        if (!r->zstd) code = df_fail(err, DF_NO_MEMORY, "not enough memory to decompress");
    }
    if (code == DF_OK)
        *out = r;
    else
        bk_reader_close(r);
    return code;
}

const bk_head *bk_reader_head(const bk_reader *r)
{
    return &r->head;
}

df_str bk_manifest(const bk_reader *r)
{
    return r->manifest;
}

int64_t bk_read_offset(const bk_reader *r)
{
    return r->at;
}

/* Everything but the seal: lengths that are too large, and the place in the order. */
static const char *wrong_record(const bk_reader *r, const unsigned char *record)
{
    bool manifest = record[8] == 'M';
    uint32_t payload = bk_get32(record + 12), raw = bk_get32(record + 24);
    if (bk_get32(record) != BK_MAGIC_RECORD || (record[8] != 'D' && !manifest))
        return "no record begins here";
    if (record[9] || record[10] || record[11] || bk_get32(record + 28)) return "the record is not in order";
    if (bk_get64(record + 16) != r->index) return "a chunk is missing, or stands in the wrong place";
    if (bk_get32(record + 4) != BK_RECORD_BYTES - 8 + (manifest ? payload : 0))
        return "the record's lengths differ";
    if (manifest) return raw || payload > BK_MAX_MANIFEST ? "the manifest claims to be too long" : NULL;
    if (!raw || raw > BK_CHUNK_BYTES || !payload || payload > ZSTD_compressBound(BK_CHUNK_BYTES))
        return "the chunk claims to be too long";
    return r->head.compressed || raw == payload ? NULL : "the record's lengths differ";
}

/* Reads the payload into `stored` and checks its seal. */
static df_code take_payload(bk_reader *r, const unsigned char *record, size_t payload, df_error *err)
{
    unsigned char about[DF_SHA256_BYTES + BK_RECORD_BYTES - BK_SEAL_BYTES], seal[BK_SEAL_BYTES];
    size_t plain = BK_RECORD_BYTES - BK_SEAL_BYTES;
    bool fits = false;
    if (r->at + BK_RECORD_BYTES > r->input->size ||
        (uint64_t)(r->input->size - r->at - BK_RECORD_BYTES) < payload)
        return damaged(r->input, r->input->size, "it is cut off", err);
    if (payload > r->stored_cap) {
        unsigned char *more = realloc(r->stored, payload);
        if (!more) return df_fail(err, DF_NO_MEMORY, "not enough memory to read %s", r->input->name);
        r->stored = more;
        r->stored_cap = payload;
    }
    DF_TRY(read_at(r->input, r->at + BK_RECORD_BYTES, r->stored, payload, err));
    memcpy(about, r->head.digest, DF_SHA256_BYTES);
    memcpy(about + DF_SHA256_BYTES, record, plain);
    df_str covers = {(const char *)about, sizeof about};
    if (r->head.encrypted) {
        DF_TRY(bk_decrypt(&r->cipher, r->index, covers, r->stored, payload, record + plain, &fits, err));
    } else {
        DF_TRY(bk_seal_plain(covers, r->stored, payload, seal, err));
        fits = memcmp(seal, record + plain, sizeof seal) == 0;
    }
    return fits ? DF_OK : damaged(r->input, r->at, "the bytes are not those that were written", err);
}

static df_code take_manifest(bk_reader *r, size_t payload, df_error *err)
{
    char *copy = df_arena_try(&r->arena, payload + 1);
    if (!copy) return df_fail(err, DF_NO_MEMORY, "not enough memory to read %s", r->input->name);
    memcpy(copy, r->stored, payload);
    copy[payload] = '\0';
    r->at += BK_RECORD_BYTES + (int64_t)payload;
    if (r->at != r->input->size) return damaged(r->input, r->at, "something was appended", err);
    r->manifest = (df_str){copy, payload};
    return DF_OK;
}

df_code bk_read(bk_reader *r, df_str *piece, df_error *err)
{
    unsigned char record[BK_RECORD_BYTES];
    *piece = DF_STR_NONE;
    if (r->manifest.ptr) return DF_OK;
    DF_TRY(read_at(r->input, r->at, record, sizeof record, err));
    const char *wrong = wrong_record(r, record);
    if (wrong) return damaged(r->input, r->at, wrong, err);
    size_t payload = bk_get32(record + 12), raw = bk_get32(record + 24);
    DF_TRY(take_payload(r, record, payload, err));
    r->index++;
    if (record[8] == 'M') return take_manifest(r, payload, err);
    *piece = (df_str){(const char *)r->stored, payload};
    if (r->head.compressed) {
        size_t n = ZSTD_decompressDCtx(r->zstd, r->chunk, BK_CHUNK_BYTES, r->stored, payload);
        if (ZSTD_isError(n) || n != raw)
            return damaged(r->input, r->at, "the compressed data is not right", err);
        *piece = (df_str){(const char *)r->chunk, n};
    }
    r->at += BK_RECORD_BYTES + (int64_t)payload;
    return DF_OK;
}

void bk_reader_close(bk_reader *r)
{
    if (!r) return;
    ZSTD_freeDCtx(r->zstd);
    bk_cipher_close(&r->cipher);
    if (r->chunk) explicit_bzero(r->chunk, BK_CHUNK_BYTES);
    free(r->chunk);
    free(r->stored);
    df_arena_release(&r->arena);
    free(r);
}
