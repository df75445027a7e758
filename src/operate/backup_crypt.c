/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-256-GCM, by OpenSSL, which is loaded at the first use.
 *
 * The user's key never encrypts anything itself. HKDF-SHA256 (RFC 5869) makes a key for each file out of it
 * and of 32 random bytes that stand in the file, so that the number of the chunk can be the nonce: no pair of
 * key and nonce comes twice, however many files are written with one key.
 */
#include "operate/backup_int.h"

#include "base/library.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#define CRYPTO_FUNCTIONS(X)                                                                                  \
    X(aes_256_gcm, EVP_aes_256_gcm)                                                                          \
    X(sha256, EVP_sha256)                                                                                    \
    X(hmac, HMAC)                                                                                            \
    X(context_new, EVP_CIPHER_CTX_new)                                                                       \
    X(context_free, EVP_CIPHER_CTX_free)                                                                     \
    X(control, EVP_CIPHER_CTX_ctrl)                                                                          \
    X(encrypt_init, EVP_EncryptInit_ex)                                                                      \
    X(encrypt, EVP_EncryptUpdate)                                                                            \
    X(encrypt_final, EVP_EncryptFinal_ex)                                                                    \
    X(decrypt_init, EVP_DecryptInit_ex)                                                                      \
    X(decrypt, EVP_DecryptUpdate)                                                                            \
    X(decrypt_final, EVP_DecryptFinal_ex)

typedef struct crypto_functions {
    CRYPTO_FUNCTIONS(DF_LIBRARY_MEMBER)
} crypto_functions;

#define ENTRY(member, function) {#function, offsetof(crypto_functions, member)},
static const df_library_function functions[] = {CRYPTO_FUNCTIONS(ENTRY)};

static crypto_functions crypto;
static df_library library = {
    .file = "libcrypto.so.3",
    .package = "libssl3",
    .functions = functions,
    .n_functions = sizeof functions / sizeof *functions,
    .table = &crypto,
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

static const char key_info[] = "dataflow backup 1 key", check_info[] = "dataflow backup 1 check";

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

df_code bk_key_parse(const char *hex, unsigned char key[BK_KEY_BYTES], df_error *err)
{
    bool good = strlen(hex) == (size_t)2 * BK_KEY_BYTES;
    for (size_t i = 0; good && i < BK_KEY_BYTES; i++) {
        int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);
        good = high >= 0 && low >= 0;
        key[i] = (unsigned char)(high * 16 + low);
    }
    if (good) return DF_OK;
    df_fail(err, DF_USAGE, "the key for backups (BACKUP_ENCRYPTION_KEY) must have 64 hexadecimal digits");
    df_error_hint(err, "make one with: openssl rand -hex 32; and keep it where the backups are not");
    return DF_USAGE;
}

df_code bk_random(void *bytes, size_t len, df_error *err)
{
    for (char *to = bytes; len;) {
        ssize_t n = getrandom(to, len, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return df_fail_errno(err, errno, "random bytes", "get");
        to += n;
        len -= (size_t)n;
    }
    return DF_OK;
}

/* HKDF-Expand for at most one block: HMAC(key, info || 1). */
static bool expand(const unsigned char secret[32], const char *info, unsigned char *out, size_t len)
{
    unsigned char text[64], block[32];
    unsigned n = 0;
    size_t info_len = strlen(info);
    memcpy(text, info, info_len);
    text[info_len] = 1;
    bool done = crypto.hmac(crypto.sha256(), secret, 32, text, info_len + 1, block, &n) && n == 32;
    if (done) memcpy(out, block, len);
    explicit_bzero(block, sizeof block);
    return done;
}

df_code bk_cipher_open(bk_cipher *cipher, const char *hex, const unsigned char salt[BK_SALT_BYTES],
                       unsigned char check[BK_SEAL_BYTES], df_error *err)
{
    unsigned char key[BK_KEY_BYTES], secret[32];
    unsigned n = 0;
    *cipher = (bk_cipher){0};
    DF_TRY(bk_key_parse(hex, key, err));
    df_code code = df_library_load(&library, err);
    if (code == DF_OK) {
        bool made = crypto.hmac(crypto.sha256(), salt, BK_SALT_BYTES, key, sizeof key, secret, &n) &&
                    n == 32 && expand(secret, key_info, cipher->key, sizeof cipher->key) &&
                    expand(secret, check_info, check, BK_SEAL_BYTES);
        cipher->context = made ? crypto.context_new() : NULL;
        if (!cipher->context) code = df_fail(err, DF_FAILED, "OpenSSL could not prepare AES-256-GCM");
    }
    explicit_bzero(key, sizeof key);
    explicit_bzero(secret, sizeof secret);
    return code;
}

void bk_cipher_close(bk_cipher *cipher)
{
    if (cipher->context) crypto.context_free(cipher->context);
    explicit_bzero(cipher, sizeof *cipher);
}

static void make_nonce(uint64_t index, unsigned char nonce[12])
{
    memset(nonce, 0, 4);
    for (int i = 0; i < 8; i++) nonce[4 + i] = (unsigned char)(index >> (56 - 8 * i));
}

df_code bk_encrypt(bk_cipher *cipher, uint64_t index, df_str about, void *bytes, size_t len,
                   unsigned char seal[BK_SEAL_BYTES], df_error *err)
{
    unsigned char nonce[12];
    int n = 0, end = 0;
    make_nonce(index, nonce);
    bool done = crypto.encrypt_init(cipher->context, crypto.aes_256_gcm(), NULL, cipher->key, nonce) &&
                crypto.encrypt(cipher->context, NULL, &n, (const unsigned char *)about.ptr, (int)about.len) &&
                crypto.encrypt(cipher->context, bytes, &n, bytes, (int)len) &&
                crypto.encrypt_final(cipher->context, (unsigned char *)bytes + n, &end) &&
                (size_t)(n + end) == len &&
                crypto.control(cipher->context, EVP_CTRL_AEAD_GET_TAG, BK_SEAL_BYTES, seal);
    return done ? DF_OK : df_fail(err, DF_FAILED, "OpenSSL could not encrypt");
}

df_code bk_decrypt(bk_cipher *cipher, uint64_t index, df_str about, void *bytes, size_t len,
                   const unsigned char seal[BK_SEAL_BYTES], bool *fits, df_error *err)
{
    unsigned char nonce[12], tag[BK_SEAL_BYTES];
    int n = 0, end = 0;
    make_nonce(index, nonce);
    memcpy(tag, seal, sizeof tag);
    bool done = crypto.decrypt_init(cipher->context, crypto.aes_256_gcm(), NULL, cipher->key, nonce) &&
                crypto.decrypt(cipher->context, NULL, &n, (const unsigned char *)about.ptr, (int)about.len) &&
                crypto.decrypt(cipher->context, bytes, &n, bytes, (int)len) &&
                crypto.control(cipher->context, EVP_CTRL_AEAD_SET_TAG, BK_SEAL_BYTES, tag);
    if (!done) return df_fail(err, DF_FAILED, "OpenSSL could not decrypt");
    *fits = crypto.decrypt_final(cipher->context, (unsigned char *)bytes + n, &end) > 0;
    return DF_OK;
}

df_code bk_seal_plain(df_str about, const void *bytes, size_t len, unsigned char seal[BK_SEAL_BYTES],
                      df_error *err)
{
    unsigned char digest[DF_SHA256_BYTES];
    df_sha256_stream stream;
    df_code code = df_sha256_begin(&stream, err);
    if (code == DF_OK) code = df_sha256_add(&stream, about.ptr, about.len, err);
    if (code == DF_OK) code = df_sha256_add(&stream, bytes, len, err);
    df_code ended = df_sha256_end(&stream, digest, code == DF_OK ? err : NULL);
    if (code == DF_OK) code = ended;
    memcpy(seal, digest, BK_SEAL_BYTES);
    return code;
}
