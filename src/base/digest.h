/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 and SHA-384 (FIPS 180-4), by OpenSSL, which is loaded at the first use: for what must stand against an
 * adversary or be compared with other tools. For everything else there is hash.h. */
#ifndef DF_BASE_DIGEST_H
#define DF_BASE_DIGEST_H

#include "base/buf.h"

enum { DF_SHA256_BYTES = 32, DF_SHA256_HEX = 64, DF_SHA384_BYTES = 48 };

/* DF_CONNECT when the library is not there. */
DF_MUST_USE df_code df_sha256(const void *bytes, size_t len, unsigned char out[DF_SHA256_BYTES], df_error *err);
/* The same as 64 lower-case hexadecimal digits and a NUL. */
DF_MUST_USE df_code df_sha256_hex(const void *bytes, size_t len, char out[DF_SHA256_HEX + 1], df_error *err);

/* SHA-384, which some tools keep. */
DF_MUST_USE df_code df_sha384(const void *bytes, size_t len, unsigned char out[DF_SHA384_BYTES], df_error *err);

/* SHA-256 over bytes that come piece by piece. Every begin wants one end (which frees), also after an error. */
typedef struct df_sha256_stream {
    void *context;
} df_sha256_stream;
DF_MUST_USE df_code df_sha256_begin(df_sha256_stream *stream, df_error *err);
DF_MUST_USE df_code df_sha256_add(df_sha256_stream *stream, const void *bytes, size_t len, df_error *err);
DF_MUST_USE df_code df_sha256_end(df_sha256_stream *stream, unsigned char out[DF_SHA256_BYTES], df_error *err);

/* Lower-case hexadecimal digits and a NUL: `out` has room for 2 * len + 1. */
void df_hex(const unsigned char *bytes, size_t len, char *out);

#endif
