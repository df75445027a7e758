/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <tap.h>

static void comparing(void)
{
    check(df_str_eq(DF_STR("abc"), df_str_from("abc")), "equal texts are equal");
    check(!df_str_eq(DF_STR("abc"), DF_STR("abd")), "other texts are not");
    check(df_str_eq(DF_STR_NONE, DF_STR("")), "absent and empty have the same bytes");
    check(DF_STR_NONE.ptr == NULL && DF_STR("").ptr != NULL, "but are told apart by the pointer");
    check(df_str_from(NULL).ptr == NULL, "NULL is absent");
    check(df_str_cmp(DF_STR("a"), DF_STR("ab")) < 0, "a prefix comes first");
    check(df_str_cmp(DF_STR("\xff"), DF_STR("a")) > 0, "bytes compare unsigned");
    check(df_str_cmp(DF_STR_NONE, DF_STR("")) == 0, "absent sorts as empty");
    check(df_str_starts(DF_STR("file:/x"), DF_STR("file:")) && !df_str_starts(DF_STR("f"), DF_STR("file")),
          "starts");
    check(df_str_ends(DF_STR("a.json"), DF_STR(".json")) && !df_str_ends(DF_STR("n"), DF_STR("json")),
          "ends");
    check(df_str_is(df_str_skip(DF_STR("abc"), 2), "c") && df_str_skip(DF_STR("abc"), 9).len == 0,
          "skip stops at the end");
}

static void numbers(void)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"007", true, 7},
        {"-1", true, -1},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t value = 0;
        bool ok = df_str_int64(df_str_from(cases[i].text), &value);
        check(ok == cases[i].ok && value == cases[i].value, "int64 of \"%s\"", cases[i].text);
    }
}

static void utf8(void)
{
    check(df_str_is_utf8(DF_STR("plain, \xC3\xA9, \xE2\x82\xAC, \xF0\x9F\x90\x98")), "one to four bytes");
    check(df_str_is_utf8(DF_STR("a\0b")), "NUL is a character");
    check(!df_str_is_utf8(DF_STR("\x80")), "a continuation byte alone");
    check(!df_str_is_utf8(DF_STR("\xC3")), "cut short");
    check(!df_str_is_utf8(DF_STR("\xC0\xAF")) && !df_str_is_utf8(DF_STR("\xE0\x80\xAF")), "overlong forms");
    check(!df_str_is_utf8(DF_STR("\xED\xA0\x80")), "a surrogate");
    check(!df_str_is_utf8(DF_STR("\xF4\x90\x80\x80")) && !df_str_is_utf8(DF_STR("\xF5\x80\x80\x80")),
          "beyond U+10FFFF");
    check(!df_str_is_utf8(DF_STR("\xE2\x82"
                                 "a")),
          "broken in the middle");
}

static void globs(void)
{
    check(df_str_glob(DF_STR("sales/2024"), "sales/*"), "star");
    check(df_str_glob(DF_STR("a"), "?") && !df_str_glob(DF_STR("ab"), "?"), "question mark");
    check(df_str_glob(DF_STR("b"), "[a-c]") && !df_str_glob(DF_STR("d"), "[a-c]"), "brackets");
    check(!df_str_glob((df_str){"abc", 2}, "abc"), "the length is obeyed");
    check(df_str_glob(DF_STR(""), "*") && df_str_glob(DF_STR_NONE, "*"), "the empty text");
    char big[2000];
    memset(big, 'x', sizeof big);
    check(df_str_glob((df_str){big, sizeof big}, "x*x"), "a long text");
}

int main(void)
{
    comparing();
    numbers();
    utf8();
    globs();
    return tap_done();
}
