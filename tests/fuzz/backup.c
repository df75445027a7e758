/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the file of a backup. Seals stop nearly every changed byte, so the input is also read with its
 * seals made right, as somebody would who wants to get through.
 */
#include "operate/backup_int.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char key[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

static volatile unsigned char sink;

static void expect(bool holds)
{
    if (!holds) abort();
}

static void read_all(df_str bytes, const char *with)
{
    df_error err = {0};
    df_memory memory;
    bk_reader *reader;
    df_str piece = DF_STR_NONE;
    df_memory_init(&memory, bytes, "fuzzed");
    df_code code = bk_reader_open(&memory.input, with, &reader, &err);
    if (code == DF_OK) {
        int64_t last = 0;
        do {
            code = bk_read(reader, &piece, &err);
            if (code != DF_OK || !piece.ptr) break;
            expect(piece.len > 0 && piece.len <= BK_CHUNK_BYTES && bk_read_offset(reader) > last);
            last = bk_read_offset(reader);
            for (size_t i = 0; i < piece.len; i += 97) sink ^= (unsigned char)piece.ptr[i];
        } while (true);
        expect(code != DF_OK || (bk_manifest(reader).ptr && bk_read_offset(reader) == (int64_t)bytes.len));
        bk_reader_close(reader);
    }
    expect(code == DF_OK || code == DF_CORRUPT || code == DF_UNSUPPORTED || code == DF_USAGE ||
           code == DF_PERMISSION || code == DF_NO_MEMORY);
    expect(code != DF_CORRUPT || strstr(err.message, "fuzzed is damaged at byte "));
}

/* As the writer would have sealed it, as far as its lengths make sense. */
static void make_right(unsigned char *file, size_t size)
{
    unsigned char about[DF_SHA256_BYTES + BK_RECORD_BYTES - BK_SEAL_BYTES];
    df_error err;
    if (size < BK_HEAD_FIXED + BK_SEAL_BYTES) return;
    size_t at = 8 + (size_t)bk_get32(file + 4);
    if (at < BK_HEAD_FIXED + BK_SEAL_BYTES || at > size) return;
    file[18] &= BK_FLAG_ZSTD;
    if (bk_seal_plain(DF_STR(""), file, at - BK_SEAL_BYTES, file + at - BK_SEAL_BYTES, &err) != DF_OK)
        abort();
    if (df_sha256(file, at, about, &err) != DF_OK) abort();
    while (size - at >= BK_RECORD_BYTES) {
        unsigned char *record = file + at;
        size_t payload = bk_get32(record + 12), plain = BK_RECORD_BYTES - BK_SEAL_BYTES;
        if (payload > size - at - BK_RECORD_BYTES) return;
        memcpy(about + DF_SHA256_BYTES, record, plain);
        if (bk_seal_plain((df_str){(const char *)about, sizeof about}, record + BK_RECORD_BYTES, payload,
                          record + plain, &err) != DF_OK)
            abort();
        at += BK_RECORD_BYTES + payload;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *copy = malloc(size + 1);
    if (!copy) return 0;
    memcpy(copy, data, size);
    read_all((df_str){(const char *)copy, size}, key);
    read_all((df_str){(const char *)copy, size}, NULL);
    make_right(copy, size);
    read_all((df_str){(const char *)copy, size}, NULL);
    free(copy);
    return 0;
}
