/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include "base/library.h"

#include <openssl/evp.h>

#define CRYPTO_FUNCTIONS(X)                                                                                  \
    X(sha256, EVP_sha256)                                                                                    \
    X(sha384, EVP_sha384)                                                                                    \
    X(context_new, EVP_MD_CTX_new)                                                                           \
    X(context_free, EVP_MD_CTX_free)                                                                         \
    X(init, EVP_DigestInit_ex)                                                                               \
    X(update, EVP_DigestUpdate)                                                                              \
    X(final, EVP_DigestFinal_ex)

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

df_code df_sha256_begin(df_sha256_stream *stream, df_error *err)
{
    stream->context = NULL;
    DF_TRY(df_library_load(&library, err));
    EVP_MD_CTX *context = crypto.context_new();
    stream->context = context;
    if (!context || !crypto.init(context, crypto.sha256(), NULL))
        return df_fail(err, DF_FAILED, "OpenSSL offers no SHA-256");
    return DF_OK;
}

df_code df_sha256_add(df_sha256_stream *stream, const void *bytes, size_t len, df_error *err)
{
    if (!stream->context || (len && !crypto.update(stream->context, bytes, len)))
        return df_fail(err, DF_FAILED, "OpenSSL could not go on with a SHA-256");
    return DF_OK;
}

df_code df_sha256_end(df_sha256_stream *stream, unsigned char out[DF_SHA256_BYTES], df_error *err)
{
    unsigned len = 0;
    bool done = stream->context && crypto.final(stream->context, out, &len) && len == DF_SHA256_BYTES;
    if (stream->context) crypto.context_free(stream->context);
    stream->context = NULL;
    return done ? DF_OK : df_fail(err, DF_FAILED, "OpenSSL could not end a SHA-256");
}

df_code df_sha256(const void *bytes, size_t len, unsigned char out[DF_SHA256_BYTES], df_error *err)
{
    df_sha256_stream stream;
    df_code code = df_sha256_begin(&stream, err);
    if (code == DF_OK) code = df_sha256_add(&stream, bytes, len, err);
    df_code ended = df_sha256_end(&stream, out, code == DF_OK ? err : NULL);
    return code == DF_OK ? ended : code;
}

df_code df_sha256_hex(const void *bytes, size_t len, char out[DF_SHA256_HEX + 1], df_error *err)
{
    unsigned char digest[DF_SHA256_BYTES];
    DF_TRY(df_sha256(bytes, len, digest, err));
    df_hex(digest, sizeof digest, out);
    return DF_OK;
}

df_code df_sha384(const void *bytes, size_t len, unsigned char out[DF_SHA384_BYTES], df_error *err)
{
    DF_TRY(df_library_load(&library, err));
    unsigned size = 0;
    EVP_MD_CTX *context = crypto.context_new();
    bool done = context && crypto.init(context, crypto.sha384(), NULL) &&
                (!len || crypto.update(context, bytes, len)) && crypto.final(context, out, &size) &&
                size == DF_SHA384_BYTES;
    if (context) crypto.context_free(context);
    return done ? DF_OK : df_fail(err, DF_FAILED, "OpenSSL could not make a SHA-384");
}

void df_hex(const unsigned char *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}
