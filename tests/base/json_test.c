/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/json.h"

#include <tap.h>

#include <math.h>
#include <stdlib.h>

static df_json_parser *parser;

static df_json parse(const char *text)
{
    df_json root = {0};
    df_error err;
    if (df_json_parse(parser, df_str_from(text), &root, &err) != DF_OK) {
        note("%s: %s", text, err.message);
        return (df_json){0};
    }
    return root;
}

static bool refused(df_str text)
{
    df_json root;
    df_error err;
    return df_json_parse(parser, text, &root, &err) == DF_CORRUPT && err.message[0];
}

static void reading(void)
{
    int64_t i = 0;
    double x = 0;
    bool b = false;
    df_json o =
        parse("{\"i\":-9223372036854775808,\"u\":18446744073709551615,\"x\":1.5e3,\"b\":true,\"n\":null,"
              "\"s\":\"a\\u0000\\n\\u00e9\\ud83d\\udc18\",\"a\":[1,[2],{}],\"s\":\"last\"}");
    check(df_json_int(df_json_get(o, "i"), &i) && i == INT64_MIN, "the smallest integer is exact");
    check(df_json_typeof(df_json_get(o, "u")) == DF_JSON_UINT && !df_json_int(df_json_get(o, "u"), &i),
          "above int64");
    check(df_json_double(df_json_get(o, "x"), &x) && x == 1500, "a double");
    check(df_json_double(df_json_get(o, "i"), &x) && x == -9223372036854775808.0, "an integer as a double");
    check(df_json_bool(df_json_get(o, "b"), &b) && b, "true");
    check(df_json_typeof(df_json_get(o, "n")) == DF_JSON_NULL, "null is there");
    check(df_json_get(o, "no").at == NULL && df_json_typeof(df_json_get(o, "no")) == DF_JSON_NONE,
          "what is not there is none");
    check(df_str_is(df_json_str(df_json_get(o, "s")), "last"), "of a repeated name the last wins");
    check(df_json_count(o) == 8 && df_json_count(df_json_get(o, "a")) == 3, "counts");
    df_json_iter it = df_json_each(o);
    for (int k = 0; k < 6; k++) df_json_next(&it);
    check(df_str_eq(df_json_str(it.value), DF_STR("a\0\n\xC3\xA9\xF0\x9F\x90\x98")),
          "escapes, with NUL and a pair of surrogates");
    it = df_json_each(df_json_get(o, "a"));
    int n = 0;
    while (df_json_next(&it)) n += it.key.ptr == NULL;
    check(n == 3, "array elements have no key");
    it = df_json_each(df_json_get(o, "i"));
    check(!df_json_next(&it), "a number has nothing to walk");
    check(!df_json_str(df_json_get(o, "i")).ptr, "a number is no string");
}

static void refusing(void)
{
    static const char *const bad[] = {"",         " ",           "{",
                                      "{\"a\":1", "{\"a\":1}x",  "{\"a\":1}{}",
                                      "[1,]",     "{'a':1}",     "{\"a\":01}",
                                      "tru",      "\"\\ud800\"", "\"a",
                                      "\"\\x\"",  "NaN",         "{\"a\":-}",
                                      "\"\t\""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check(refused(df_str_from(bad[i])), "refused: %s", bad[i]);
    check(refused(DF_STR("\"\xFF\"")), "refused: not UTF-8");
    check(refused(DF_STR("\"\xED\xA0\x80\"")), "refused: a surrogate in UTF-8");
    char deep[2000];
    memset(deep, '[', 1000);
    memset(deep + 1000, ']', 1000);
    check(refused((df_str){deep, 2000}), "refused: 1000 deep");
    check(!refused((df_str){deep + 900, 200}), "accepted: 100 deep");
    check(refused((df_str){deep, 1000}), "refused: 1000 brackets that nobody closes");
}

static void growing(void)
{
    /* Sizes up and down: the parser's buffers are reused. */
    bool right = true;
    for (int round = 0; round < 3; round++) {
        for (size_t size = 1; size < 3000000; size = size * 3 + 1) {
            char *text = malloc(size + 2);
            memset(text, 'x', size + 2);
            text[0] = text[size + 1] = '"';
            df_json root;
            right &= df_json_parse(parser, (df_str){text, size + 2}, &root, NULL) == DF_OK &&
                     df_json_str(root).len == size;
            free(text);
        }
    }
    check(right, "strings from 1 byte to 3 MB");
}

static void extents(void)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {{"{}x", 2},
                 {"{\"a\":\"}\"} {", 9},
                 {"[[1],{\"b\":\"\\\"]\"}]]", 17},
                 {"{\"a\":1", 0},
                 {"x{}", 0},
                 {"", 0},
                 {"{\"a\":\"\n\"}", 0},
                 {"{\n\"a\":\n1}\n", 9},
                 {"]", 0},
                 {"\"{}\"", 0},
                 {"{\"a\\\\\":1}}", 9}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t length = df_json_extent(df_str_from(cases[i].text));
        check(length == cases[i].length, "extent of case %zu is %zu", i, length);
        /* Byte by byte it must come to the same. */
        df_json_scan scan = {0};
        df_json_scanned last = DF_JSON_OPEN;
        size_t whole = strlen(cases[i].text), given = 0;
        while (last == DF_JSON_OPEN && given < whole)
            last = df_json_scan_on(&scan, (df_str){cases[i].text, ++given});
        check((last == DF_JSON_ENDED ? scan.at : 0) == cases[i].length, "and the same when the text grows");
    }
}

static bool writes(const char *in, bool canonical, const char *out)
{
    df_buf buf = {0};
    if (canonical)
        df_json_put_canonical(&buf, parse(in));
    else
        df_json_put(&buf, parse(in));
    bool same = strcmp(df_buf_cstr(&buf), out) == 0;
    if (!same) note("%s", df_buf_cstr(&buf));
    df_buf_release(&buf);
    return same;
}

static void writing(void)
{
    const char *text = "{\"b\":[1,2.5,true,null,\"\\u0001\\\"\\\\\\n\"],\"a\":{\"d\":{},\"c\":[]},\"b\":"
                       "18446744073709551615}";
    check(writes(text, false,
                 "{\"b\":[1,2.5,true,null,\"\\u0001\\\"\\\\\\n\"],\"a\":{\"d\":{},\"c\":[]},\"b\":"
                 "18446744073709551615}"),
          "written again as it was");
    check(writes(text, true, "{\"a\":{\"c\":[],\"d\":{}},\"b\":18446744073709551615}"),
          "canonical: sorted, last of a name");
    check(writes("{\"B\":1,\"a\":2,\"\":3,\"aa\":4}", true, "{\"\":3,\"B\":1,\"a\":2,\"aa\":4}"),
          "names sort by bytes");
    df_buf buf = {0};
    df_json_put_str(&buf, DF_STR("a\xFF"
                                 "b\xC3\xA9"));
    check(strstr(df_buf_cstr(&buf), "\xEF\xBF\xBD"), "bytes that are not UTF-8 are replaced");
    df_json root;
    check(df_json_parse(parser, df_buf_str(&buf), &root, NULL) == DF_OK, "and what is written is JSON");
    static const double numbers[] = {0.1, 1, -0.0, 1e300, 5e-324, 123456789.125, 1.0 / 3, 9007199254740993.0};
    bool back = true;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        df_buf_clear(&buf);
        df_json_put_double(&buf, numbers[i]);
        double value = 0;
        back &= df_json_parse(parser, df_buf_str(&buf), &root, NULL) == DF_OK &&
                df_json_typeof(root) == DF_JSON_DOUBLE && df_json_double(root, &value) &&
                value == numbers[i] && signbit(value) == signbit(numbers[i]);
    }
    check(back, "doubles come back the same, and as doubles");
    df_buf_clear(&buf);
    df_json_put_double(&buf, NAN);
    df_json_put_double(&buf, -INFINITY);
    check(strcmp(df_buf_cstr(&buf), "\"NaN\"\"-Infinity\"") == 0, "what JSON lacks is a string");
    df_buf_release(&buf);
}

static void building(void)
{
    df_buf buf = {0};
    df_json_writer w = {.out = &buf};
    df_json_begin(&w, NULL, '{');
    df_json_add_int(&w, "i", -5);
    df_json_add_str(&w, "absent", DF_STR_NONE);
    df_json_begin(&w, "list", '[');
    df_json_add_bool(&w, NULL, false);
    df_json_add_raw(&w, NULL, DF_STR("{}"));
    df_json_begin(&w, NULL, '[');
    df_json_end(&w, ']');
    df_json_add_text(&w, NULL, "q\"");
    df_json_end(&w, ']');
    df_json_add_double(&w, "x", 2);
    df_json_end(&w, '}');
    check(strcmp(df_buf_cstr(&buf),
                 "{\"i\":-5,\"absent\":null,\"list\":[false,{},[],\"q\\\"\"],\"x\":2.0}") == 0,
          "%s", df_buf_cstr(&buf));
    df_buf_clear(&buf);
    w = (df_json_writer){.out = &buf, .indent = 2};
    df_json_begin(&w, NULL, '{');
    df_json_begin(&w, "a", '[');
    df_json_add_int(&w, NULL, 1);
    df_json_end(&w, ']');
    df_json_begin(&w, "e", '{');
    df_json_end(&w, '}');
    df_json_end(&w, '}');
    check(strcmp(df_buf_cstr(&buf), "{\n  \"a\": [\n    1\n  ],\n  \"e\": {}\n}") == 0, "indented");
    df_buf_release(&buf);
}

static void wide_numbers(void)
{
    df_json o = parse("{\"a\":99999999999999999999999999999999999999,\"b\":-123456789012345678901234,\"c\":1e400,"
                      "\"d\":7,\"e\":\"12345678901234567890123 \\\" 1e999\"}");
    int64_t i = 0;
    check(df_str_is(df_json_str(df_json_get(o, "a")), "99999999999999999999999999999999999999"),
          "a number beyond 64 bits keeps its text");
    check(df_str_is(df_json_str(df_json_get(o, "b")), "-123456789012345678901234"), "a negative one, too");
    check(df_str_is(df_json_str(df_json_get(o, "c")), "1e400"), "and one beyond double");
    check(df_json_int(df_json_get(o, "d"), &i) && i == 7, "the others stay numbers");
    check(df_str_is(df_json_str(df_json_get(o, "e")), "12345678901234567890123 \" 1e999"), "strings stay as they are");
    check(refused(DF_STR("{\"a\":99999999999999999999999-1}")), "what is no number is still refused");
}

int main(void)
{
    parser = df_json_parser_open();
    reading();
    refusing();
    growing();
    wide_numbers();
    extents();
    writing();
    building();
    df_json_parser_close(parser);
    return tap_done();
}
