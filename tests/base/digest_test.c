/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 and SHA-384 against the examples of FIPS 180-4, whole and in pieces. */
#include "base/digest.h"

#include "tap.h"

static void example(const char *what, df_str text, const char *expected)
{
    char hex[DF_SHA256_HEX + 1] = "";
    df_error err = {0};
    check(df_sha256_hex(text.ptr, text.len, hex, &err) == DF_OK && strcmp(hex, expected) == 0, "%s", what);
}

static void test_pieces(void)
{
    unsigned char digest[DF_SHA256_BYTES];
    char block[1000], hex[DF_SHA256_HEX + 1];
    df_sha256_stream stream;
    memset(block, 'a', sizeof block);
    bool fine = df_sha256_begin(&stream, NULL) == DF_OK;
    for (int i = 0; i < 1000; i++) fine = fine && df_sha256_add(&stream, block, sizeof block, NULL) == DF_OK;
    fine = df_sha256_end(&stream, digest, NULL) == DF_OK && fine;
    df_hex(digest, sizeof digest, hex);
    check(fine && strcmp(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0") == 0,
          "a million letters a, in a thousand pieces");
}

int main(void)
{
    example("nothing", DF_STR(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    example("abc", DF_STR("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    example("two blocks", DF_STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    test_pieces();
    unsigned char digest[DF_SHA384_BYTES];
    char hex[2 * DF_SHA384_BYTES + 1];
    bool made = df_sha384("abc", 3, digest, NULL) == DF_OK;
    df_hex(digest, sizeof digest, hex);
    check(made && strcmp(hex, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca"
                              "134c825a7") == 0,
          "SHA-384 of abc");
    return tap_done();
}
