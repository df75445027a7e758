/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uri.h"

#include <tap.h>

int main(void)
{
    static const struct {
        const char *in, *out;
    } decoded[] = {
        {"", ""},       {"plain", "plain"},     {"a%20b", "a b"}, {"%2525", "%25"},
        {"a+b", "a+b"}, {"%C3%a9", "\xC3\xA9"}, {"%", "%"},       {"%2", "%2"},
        {"%zz", "%zz"}, {"100%", "100%"},       {"%%20", "% "},   {"%2%20", "%2 "},
    };
    df_buf buf = {0};
    for (size_t i = 0; i < sizeof decoded / sizeof *decoded; i++) {
        df_buf_clear(&buf);
        df_percent_decode(&buf, df_str_from(decoded[i].in));
        check(strcmp(df_buf_cstr(&buf), decoded[i].out) == 0, "%s is decoded once", decoded[i].in);
    }
    df_buf_clear(&buf);
    df_percent_decode(&buf, DF_STR("a%00b"));
    check(df_str_eq(df_buf_str(&buf), DF_STR("a\0b")), "%%00 is a NUL");

    char all[256];
    for (int i = 0; i < 256; i++) all[i] = (char)i;
    df_buf text = {0};
    df_percent_encode(&text, (df_str){all, 256}, "/=");
    df_buf_clear(&buf);
    df_percent_decode(&buf, df_buf_str(&text));
    check(df_str_eq(df_buf_str(&buf), (df_str){all, 256}), "every byte survives encoding and decoding");
    df_buf_clear(&text);
    df_percent_encode(&text, DF_STR("a/b=c d%~\xC3\xA9"), "/=");
    check(strcmp(df_buf_cstr(&text), "a/b=c%20d%25~%C3%A9") == 0, "encoded: %s", df_buf_cstr(&text));
    df_buf_release(&text);
    df_buf_release(&buf);
    return tap_done();
}
