/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of a backup: comes back as it was written, and no change of it goes unnoticed. What others make of
 * it is asked of zstd's own program.
 */
#include "operate/backup_int.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char key[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
static const char other_key[] = "100102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
static const char manifest[] = "{\"tables\":[]}";
static char path[200];
static df_error err;

typedef struct kind {
    const char *name;
    bool compress;
    const char *key;
} kind;
static const kind kinds[] = {{"compressed", true, NULL},
                             {"plain", false, NULL},
                             {"compressed and encrypted", true, key},
                             {"encrypted", false, key}};

/* Repeats itself, but not within a chunk's first bytes: chunks differ. */
static void fill(char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) bytes[i] = (char)('a' + (i / 7 + i / 100003) % 26);
}

static df_code write_file(const kind *k, df_str dump, bk_totals *totals)
{
    bk_writer *w;
    unlink(path);
    DF_TRY(bk_writer_open(path, DF_STR("{\"id\":\"test\"}"), k->compress, k->key, &w, &err));
    df_code code = DF_OK;
    /* In pieces that do not fit chunks. */
    for (size_t at = 0; code == DF_OK && at < dump.len;) {
        size_t n = dump.len - at < 300007 ? dump.len - at : 300007;
        code = bk_write(w, dump.ptr + at, n, &err);
        at += n;
    }
    if (code == DF_OK) code = bk_writer_finish(w, df_str_from(manifest), totals, &err);
    bk_writer_close(w);
    return code;
}

/* Reads all of it; `dump` may be NULL. */
static df_code read_all(const df_input *input, const char *with, df_buf *dump)
{
    bk_reader *r;
    df_str piece;
    DF_TRY(bk_reader_open(input, with, &r, &err));
    df_code code;
    do {
        code = bk_read(r, &piece, &err);
        if (code == DF_OK && piece.ptr && dump) df_buf_str_add(dump, piece);
    } while (code == DF_OK && piece.ptr);
    if (code == DF_OK && !df_str_is(bk_manifest(r), manifest))
        code = df_fail(&err, DF_BUG, "another manifest");
    if (code == DF_OK && !df_str_is(bk_reader_head(r)->json, "{\"id\":\"test\"}"))
        code = df_fail(&err, DF_BUG, "another head");
    bk_reader_close(r);
    return code;
}

static void test_round_trip(const kind *k, size_t len)
{
    char *bytes = df_alloc(len + 1), digest[65];
    bk_totals totals = {0};
    df_buf file = {0}, dump = {0};
    df_memory memory;
    fill(bytes, len);
    df_code code = write_file(k, (df_str){bytes, len}, &totals);
    check(code == DF_OK && totals.dump_bytes == (int64_t)len, "%s: %zu bytes are written: %s", k->name, len,
          code == DF_OK ? "" : err.message);
    if (df_file_read_all(path, 1 << 28, &file, &err) != DF_OK) exit(2);
    if (df_sha256_hex(file.ptr, file.len, digest, &err) != DF_OK) exit(2);
    check(totals.file_bytes == (int64_t)file.len && strcmp(digest, totals.checksum) == 0,
          "%s: size and checksum of the file are told", k->name);
    df_memory_init(&memory, df_buf_str(&file), path);
    code = read_all(&memory.input, k->key, &dump);
    check(code == DF_OK && dump.len == len && (!len || memcmp(dump.ptr, bytes, len) == 0),
          "%s: and read again: %s", k->name, code == DF_OK ? "" : err.message);
    if (len > 1000 && k->compress) check(file.len < len / 2, "%s: the file is smaller", k->name);
    if (len > 1000 && k->key)
        check(!memmem(file.ptr, file.len, bytes, 40), "%s: the dump's text is not in it", k->name);
    df_buf_release(&file);
    df_buf_release(&dump);
    free(bytes);
}

/* Changes each byte in turn, every bit class of it; nothing may be read as if it were whole. */
static void test_tampering(const kind *k)
{
    enum { LEN = 300 };
    char bytes[LEN];
    bk_totals totals;
    df_buf file = {0};
    df_memory memory;
    size_t missed = 0, other = 0, unnamed = 0;
    fill(bytes, LEN);
    if (write_file(k, (df_str){bytes, LEN}, &totals) != DF_OK ||
        df_file_read_all(path, 1 << 28, &file, &err) != DF_OK)
        exit(2);
    df_memory_init(&memory, df_buf_str(&file), path);
    for (size_t i = 0; i < file.len; i++) {
        for (unsigned bit = 1; bit < 256; bit <<= 1) {
            file.ptr[i] = (char)(file.ptr[i] ^ (char)bit);
            df_code code = read_all(&memory.input, k->key, NULL);
            missed += code == DF_OK;
            other += code != DF_OK && code != DF_CORRUPT;
            unnamed += code == DF_CORRUPT && (!strstr(err.message, path) || !strstr(err.message, "at byte"));
            file.ptr[i] = (char)(file.ptr[i] ^ (char)bit);
        }
    }
    check(!missed && !other && !unnamed,
          "%s: each of %zu changed bits is damage, with file and offset (%zu, %zu, %zu)", k->name,
          file.len * 8, missed, other, unnamed);
    missed = other = 0;
    for (size_t len = 0; len < file.len; len++) {
        df_memory_init(&memory, (df_str){file.ptr, len}, path);
        df_code code = read_all(&memory.input, k->key, NULL);
        missed += code == DF_OK;
        other += code != DF_OK && code != DF_CORRUPT;
    }
    check(!missed && !other, "%s: so is being cut off anywhere", k->name);
    df_buf_char(&file, 'x');
    df_memory_init(&memory, df_buf_str(&file), path);
    check(read_all(&memory.input, k->key, NULL) == DF_CORRUPT, "%s: and something behind the end: %s",
          k->name, err.message);
    df_buf_release(&file);
}

/* Where record number `index` begins; its length. */
static size_t record_at(const df_buf *file, size_t index, size_t *len)
{
    size_t at = 8 + bk_get32((const unsigned char *)file->ptr + 4);
    for (;; index--) {
        *len = BK_RECORD_BYTES + bk_get32((const unsigned char *)file->ptr + at + 12);
        if (!index) return at;
        at += *len;
    }
}

static void expect_damage(const df_buf *file, const kind *k, const char *what)
{
    df_memory memory;
    df_memory_init(&memory, df_buf_str(file), path);
    df_code code = read_all(&memory.input, k->key, NULL);
    check(code == DF_CORRUPT, "%s: %s: %s", k->name, what, code == DF_OK ? "not noticed" : err.message);
}

/* Whole chunks, each with its right seal, in the wrong places. */
static void test_moved_chunks(const kind *k)
{
    enum { LEN = 3 * BK_CHUNK_BYTES };
    char *bytes = df_alloc(LEN);
    bk_totals totals;
    df_buf one = {0}, two = {0}, made = {0};
    size_t len[4], at[4];
    fill(bytes, LEN);
    /* Equal chunks have equal lengths, so that nothing but the seal can tell. */
    memcpy(bytes + BK_CHUNK_BYTES, bytes, BK_CHUNK_BYTES);
    memcpy(bytes + (size_t)2 * BK_CHUNK_BYTES, bytes, BK_CHUNK_BYTES);
    for (int i = 0; i < 2; i++) {
        if (write_file(k, (df_str){bytes, LEN}, &totals) != DF_OK ||
            df_file_read_all(path, 1 << 28, i ? &two : &one, &err) != DF_OK)
            exit(2);
    }
    for (size_t i = 0; i < 4; i++) at[i] = record_at(&one, i, &len[i]);

    df_buf_add(&made, one.ptr, at[0]);
    df_buf_add(&made, one.ptr + at[1], len[1]);
    df_buf_add(&made, one.ptr + at[0], len[0]);
    df_buf_add(&made, one.ptr + at[2], one.len - at[2]);
    expect_damage(&made, k, "two chunks that changed places");

    df_buf_clear(&made);
    df_buf_add(&made, one.ptr, one.len);
    memcpy(made.ptr + at[1] + BK_RECORD_BYTES, one.ptr + at[0] + BK_RECORD_BYTES, len[0] - BK_RECORD_BYTES);
    memcpy(made.ptr + at[1] + 32, one.ptr + at[0] + 32, BK_SEAL_BYTES);
    expect_damage(&made, k, "a chunk in another's place, its number forged");

    df_buf_clear(&made);
    df_buf_add(&made, one.ptr, at[2]);
    df_buf_add(&made, one.ptr + at[3], one.len - at[3]);
    expect_damage(&made, k, "a chunk that is missing");
    bk_put64((unsigned char *)made.ptr + at[2] + 16, 2);
    expect_damage(&made, k, "and the end's number forged");

    df_buf_clear(&made);
    df_buf_add(&made, one.ptr, at[1]);
    df_buf_add(&made, two.ptr + at[1], two.len - at[1]);
    if (two.len == one.len) expect_damage(&made, k, "chunks of another file with the same key and content");
    df_buf_clear(&made);
    df_buf_add(&made, one.ptr, at[3]);
    expect_damage(&made, k, "cut off between two records");
    df_buf_release(&one);
    df_buf_release(&two);
    df_buf_release(&made);
    free(bytes);
}

static void test_keys(void)
{
    bk_totals totals;
    df_file *file;
    const kind *k = &kinds[2];
    if (write_file(k, DF_STR("some text"), &totals) != DF_OK || df_file_open(path, &file, &err) != DF_OK)
        exit(2);
    check(read_all(&file->input, other_key, NULL) == DF_PERMISSION, "another key: %s", err.message);
    check(read_all(&file->input, NULL, NULL) == DF_USAGE && strstr(err.hint, "BACKUP_ENCRYPTION_KEY"),
          "no key: %s", err.message);
    const char *const bad[] = {"", "00", "zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                               "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00"};
    bool all = true;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        all = all && read_all(&file->input, bad[i], NULL) == DF_USAGE &&
              (!*bad[i] || !strstr(err.message, bad[i]));
    }
    check(all, "what is no key is refused, and not repeated: %s", err.message);
    df_arena arena = {0};
    bk_head head;
    check(bk_head_read(&file->input, &arena, &head, &err) == DF_OK && head.encrypted && head.compressed &&
              df_str_is(head.json, "{\"id\":\"test\"}"),
          "the head is read without a key");
    df_arena_release(&arena);
    df_file_close(file);
}

static void test_creation(void)
{
    bk_writer *w;
    FILE *there = fopen(path, "w");
    if (there) fclose(there);
    check(bk_writer_open(path, DF_STR("{}"), true, NULL, &w, &err) != DF_OK, "nothing is written over: %s",
          err.message);
    unlink(path);
    check(bk_writer_open("/nowhere/at/all", DF_STR("{}"), true, NULL, &w, &err) == DF_NOT_FOUND,
          "no folder: %s", err.message);
}

/* A backup that is not encrypted is a zstd file: anybody can get at the dump. */
static void test_by_hand(void)
{
    enum { LEN = 2500000 };
    char *bytes = df_alloc(LEN), command[300];
    bk_totals totals;
    df_arena arena = {0};
    if (!df_program_find("zstd", &arena)) {
        skip("zstd is not installed");
    } else {
        fill(bytes, LEN);
        if (write_file(&kinds[0], (df_str){bytes, LEN}, &totals) != DF_OK) exit(2);
        snprintf(command, sizeof command, "zstd -dcq < '%s' | cat", path);
        FILE *pipe = popen(command, "r");
        char *got = df_alloc(LEN + 10);
        size_t n = pipe ? fread(got, 1, LEN + 10, pipe) : 0;
        if (pipe) pclose(pipe);
        check(n == LEN && memcmp(got, bytes, LEN) == 0, "zstd -dc gives the dump (%zu bytes)", n);
        free(got);
    }
    df_arena_release(&arena);
    free(bytes);
}

int main(void)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/df-format-%d.dfb", folder ? folder : "/tmp", (int)getpid());
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        test_round_trip(&kinds[i], 0);
        test_round_trip(&kinds[i], 5);
        test_round_trip(&kinds[i], BK_CHUNK_BYTES);
        test_round_trip(&kinds[i], (size_t)3 * BK_CHUNK_BYTES + 1);
        test_tampering(&kinds[i]);
        test_moved_chunks(&kinds[i]);
    }
    test_keys();
    test_creation();
    test_by_hand();
    unlink(path);
    return tap_done();
}
