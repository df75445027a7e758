/* SPDX-License-Identifier: Apache-2.0 */
/* PackStream: the forms that the specification lists, what is damaged, and values as people read them. With a
 * file as argument: reads values from it and writes them again to standard output (peer.py). */
#include "engine/neo4j/packstream.h"

#include "tap.h"

#include <math.h>
#include <stdlib.h>

/* ---- bytes from "A1 84 …", blanks do not matter ---- */

static df_buf from_hex(const char *hex)
{
    df_buf out = {0};
    unsigned byte;
    int used;
    for (; sscanf(hex, " %2x%n", &byte, &used) == 1; hex += used) df_buf_char(&out, (char)byte);
    return out;
}

static void repeat(df_buf *out, char c, size_t n)
{
    if (!n) return;
    memset(df_buf_reserve(out, n), c, n);
    out->len += n;
}

static bool is_hex(const df_buf *got, const char *hex)
{
    df_buf want = from_hex(hex);
    bool same = df_str_eq(df_buf_str(got), df_buf_str(&want));
    df_buf_release(&want);
    return same;
}

/* ---- scalars: the published examples, and each border between two forms ---- */

static void test_ints(void)
{
    static const struct {
        int64_t value;
        const char *hex;
    } ints[] = {
        {0, "00"},
        {42, "2A"},
        {127, "7F"},
        {-1, "FF"},
        {-16, "F0"},
        {-17, "C8 EF"},
        {-128, "C8 80"},
        {128, "C9 00 80"},
        {-129, "C9 FF 7F"},
        {32767, "C9 7F FF"},
        {-32768, "C9 80 00"},
        {32768, "CA 00 00 80 00"},
        {-32769, "CA FF FF 7F FF"},
        {2147483647, "CA 7F FF FF FF"},
        {-2147483648, "CA 80 00 00 00"},
        {2147483648, "CB 00 00 00 00 80 00 00 00"},
        {-2147483649, "CB FF FF FF FF 7F FF FF FF"},
        {INT64_MAX, "CB 7F FF FF FF FF FF FF FF"},
        {INT64_MIN, "CB 80 00 00 00 00 00 00 00"},
    };
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        df_buf got = {0};
        ps_item item;
        ps_put_int(&got, ints[i].value);
        check(is_hex(&got, ints[i].hex), "%lld is %s", (long long)ints[i].value, ints[i].hex);
        ps_reader reader = {df_buf_str(&got), 0};
        check(ps_read(&reader, &item, NULL) == DF_OK && item.type == PS_INT && item.i == ints[i].value &&
                  reader.at == got.len,
              "%s is %lld", ints[i].hex, (long long)ints[i].value);
        df_buf_release(&got);
    }
    /* A larger form than needed is a value as well. */
    df_buf wide = from_hex("C8 2A C9 00 2A CA 00 00 00 2A CB 00 00 00 00 00 00 00 2A");
    ps_reader reader = {df_buf_str(&wide), 0};
    ps_item item;
    for (int i = 0; i < 4; i++)
        check(ps_read(&reader, &item, NULL) == DF_OK && item.i == 42, "42 in %d bytes", 1 << i);
    df_buf_release(&wide);
}

static void test_others(void)
{
    df_buf got = {0};
    ps_put_null(&got);
    ps_put_bool(&got, true);
    ps_put_bool(&got, false);
    ps_put_float(&got, 1.23);
    ps_put_bytes(&got, DF_STR("\1\2\3"));
    ps_put_text(&got, "");
    ps_put_text(&got, "A");
    ps_put_text(&got, "Größenmaßstäbe");
    ps_put_list(&got, 0);
    ps_put_dict(&got, 0);
    ps_put_struct(&got, PS_NODE, 3);
    check(is_hex(&got, "C0 C3 C2 C1 3F F3 AE 14 7A E1 47 AE CC 03 01 02 03 80 81 41 "
                       "D0 12 47 72 C3 B6 C3 9F 65 6E 6D 61 C3 9F 73 74 C3 A4 62 65 90 A0 B3 4E"),
          "the specification's examples");
    df_buf_release(&got);
}

static void test_sizes(void)
{
    static const struct {
        size_t size;
        const char *string, *bytes, *list, *dict;
    } sizes[] = {
        {15, "8F", "CC 0F", "9F", "AF"},
        {16, "D0 10", "CC 10", "D4 10", "D8 10"},
        {255, "D0 FF", "CC FF", "D4 FF", "D8 FF"},
        {256, "D1 01 00", "CD 01 00", "D5 01 00", "D9 01 00"},
        {65535, "D1 FF FF", "CD FF FF", "D5 FF FF", "D9 FF FF"},
        {65536, "D2 00 01 00 00", "CE 00 01 00 00", "D6 00 01 00 00", "DA 00 01 00 00"},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        df_buf text = {0}, got = {0};
        size_t size = sizes[i].size;
        repeat(&text, 'x', size);
        ps_put_string(&got, df_buf_str(&text));
        ps_item item;
        ps_reader reader = {df_buf_str(&got), 0};
        bool read = ps_read(&reader, &item, NULL) == DF_OK && item.type == PS_STRING &&
                    df_str_eq(item.s, df_buf_str(&text)) && reader.at == got.len;
        check(read, "a string of %zu bytes is read", size);
        got.len -= size;
        check(is_hex(&got, sizes[i].string), "its head is %s", sizes[i].string);
        df_buf_clear(&got);
        ps_put_bytes(&got, df_buf_str(&text));
        got.len -= size;
        check(is_hex(&got, sizes[i].bytes), "%zu bytes: %s", size, sizes[i].bytes);
        df_buf_clear(&got);
        ps_put_list(&got, size);
        check(is_hex(&got, sizes[i].list), "a list of %zu: %s", size, sizes[i].list);
        df_buf_clear(&got);
        ps_put_dict(&got, size);
        check(is_hex(&got, sizes[i].dict), "a map of %zu: %s", size, sizes[i].dict);
        df_buf_release(&text);
        df_buf_release(&got);
    }
}

/* ---- what is damaged ---- */

static void test_damaged(void)
{
    static const char *const damaged[] = {
        "",
        "C1 00 00",
        "C8",
        "C9 00",
        "CA 00 00 00",
        "CB 00 00 00 00 00 00 00",
        "81",
        "8F 41",
        "D0",
        "D0 02 41",
        "D1 00",
        "D2 FF FF FF FF 41",
        "D2 7F FF FF FF 41",
        "CE 80 00 00 00",
        "91",
        "92 01",
        "D6 7F FF FF FF 01",
        "A1 81 61",
        "A1",
        "DA 7F FF FF FF 81 61 01",
        "B0",
        "B1 4E",
        "BF 4E 01",
        "C4",
        "C5",
        "C6",
        "C7",
        "CF",
        "D3 00",
        "D7 00",
        "DB 00",
        "DC",
        "DF",
        "E0 00 01",
        "E1",
        "EF",
    };
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        df_buf bytes = from_hex(damaged[i]), text = {0};
        df_error err = {0};
        ps_reader skipping = {df_buf_str(&bytes), 0}, showing = skipping;
        check(ps_skip(&skipping, &err) == DF_CORRUPT && err.code == DF_CORRUPT && err.message[0],
              "'%s' is damaged", damaged[i]);
        check(ps_put_readable(&showing, &text, &err) == DF_CORRUPT, "… and is not shown");
        df_buf_release(&bytes);
        df_buf_release(&text);
    }
}

static void test_depth(void)
{
    enum { DEPTH = 5000000 };
    df_buf bytes = {0}, text = {0};
    repeat(&bytes, (char)0x91, DEPTH);
    df_buf_char(&bytes, 1);
    ps_reader reader = {df_buf_str(&bytes), 0}, showing = reader;
    check(ps_skip(&reader, NULL) == DF_OK && reader.at == bytes.len,
          "five million lists in each other are passed over");
    check(ps_put_readable(&showing, &text, NULL) == DF_CORRUPT, "… and not shown");
    reader.at = 0;
    reader.bytes.len--;
    check(ps_skip(&reader, NULL) == DF_CORRUPT, "… and cut off");
    df_buf_release(&bytes);
    df_buf_release(&text);
}

static void test_find(void)
{
    df_buf bytes = from_hex("A3 81 61 92 01 02 81 62 A1 81 63 05 81 63 07");
    ps_reader dict = {df_buf_str(&bytes), 0}, value;
    ps_item item;
    bool found;
    check(ps_read(&dict, &item, NULL) == DF_OK && item.type == PS_DICT && item.count == 3, "a map of three");
    check(ps_find(dict, 3, "c", &value, &found, NULL) == DF_OK && found &&
              ps_read(&value, &item, NULL) == DF_OK && item.i == 7,
          "a key is found, not the one further inside");
    check(ps_find(dict, 3, "d", &value, &found, NULL) == DF_OK && !found, "a key that is not there");
    check(ps_find(dict, 3, "", &value, &found, NULL) == DF_OK && !found, "the empty key is not there");
    df_buf_release(&bytes);
    bytes = from_hex("A1 01 02");
    dict = (ps_reader){df_buf_str(&bytes), 1};
    check(ps_find(dict, 1, "a", &value, &found, NULL) == DF_CORRUPT, "a key that is no string");
    df_buf_release(&bytes);
}

/* ---- as people read it ---- */

static void test_readable(void)
{
    static const struct {
        const char *hex, *text;
    } values[] = {
        {"C0", "null"},
        {"C3", "true"},
        {"C8 EF", "-17"},
        {"C1 3F F8 00 00 00 00 00 00", "1.5"},
        {"C1 7F F8 00 00 00 00 00 00", "NaN"},
        {"C1 FF F0 00 00 00 00 00 00", "-Infinity"},
        {"82 27 5C", "'\\"},
        {"92 82 27 5C CC 02 CA FE", "['\\'\\\\', 0xcafe]"},
        {"95 81 0A 81 09 81 0D 81 01 82 C3 A4", "['\\n', '\\t', '\\r', '\\u0001', 'ä']"},
        {"90", "[]"},
        {"A0", "{}"},
        {"A2 81 61 91 01 83 61 20 60 A1 81 62 C0", "{a: [1], `a ```: {b: null}}"},
        {"B3 4E 01 92 81 41 83 42 20 62 A1 81 78 01", "(:A:`B b` {x: 1})"},
        {"B4 4E 01 90 A1 81 78 81 79 85 34 3A 78 3A 31", "({x: 'y'})"},
        {"B4 4E 01 90 A0 85 34 3A 78 3A 31", "()"},
        {"92 B4 4E 01 91 81 41 A1 81 78 01 81 65 02", "[(:A {x: 1}), 2]"},
        {"B5 52 03 01 02 81 54 A0", "[:T]"},
        {"B8 52 03 01 02 81 54 A1 81 61 C2 81 65 81 73 81 65", "[:T {a: false}]"},
        {"B4 72 03 81 54 A1 81 61 01 81 65", "[:T {a: 1}]"},
        {"B3 50 91 B3 4E 01 91 81 41 A0 90 90", "(:A)"},
        {"B3 50 92 B3 4E 01 91 81 41 A0 B3 4E 02 91 81 42 A0 91 B3 72 03 81 54 A0 94 01 01 FF 00",
         "(:A)-[:T]->(:B)<-[:T]-(:A)"},
        {"92 B3 50 91 B3 4E 01 91 81 41 A0 90 90 01", "[(:A), 1]"},
        {"B1 44 C9 46 4F", "2019-04-13"},
        {"B1 44 CA FF F5 05 58", "0000-01-01"},
        {"B1 44 CA FF F5 05 57", "-0001-12-31"},
        {"B1 44 CA 00 2C C0 A1", "+10000-01-01"},
        {"B2 54 CB 00 00 29 09 51 92 80 00 C9 0E 10", "12:32:00+01:00"},
        {"B1 74 01", "00:00:00.000000001"},
        {"B3 49 CA 5F 5E 10 00 CA 1D CD 65 00 C9 1C 20", "2020-09-13T14:26:40.5+02:00"},
        {"B3 46 CA 5F 5E 10 00 00 C9 1C 20", "2020-09-13T12:26:40+02:00"},
        {"B3 69 CA 5F 5E 10 00 00 88 4E 6F 2F 57 68 65 72 65", "2020-09-13T12:26:40Z[No/Where]"},
        {"B3 69 CA 5F 5E 10 00 00 8A 2E 2E 2F 2E 2E 2F 65 74 63 2F", "2020-09-13T12:26:40Z[../../etc/]"},
        {"B3 66 CA 5F 5E 10 00 00 83 55 54 43", "2020-09-13T12:26:40[UTC]"},
        {"B3 49 00 00 C9 F1 F0", "1969-12-31T23:00:00-01:00"},
        {"B2 64 FF CA 3B 9A C9 FF", "1969-12-31T23:59:59.999999999"},
        {"B4 45 0E 03 C8 BA CA 1D CD 65 00", "P1Y2M3DT-1M-9.5S"},
        {"B4 45 00 00 00 00", "PT0S"},
        {"B3 58 C9 10 E6 C1 3F F0 00 00 00 00 00 00 C1 40 00 00 00 00 00 00 00",
         "point({x: 1.0, y: 2.0, crs: 'wgs-84'})"},
        {"B3 58 01 C1 3F F0 00 00 00 00 00 00 C1 40 00 00 00 00 00 00 00",
         "point({x: 1.0, y: 2.0, srid: 1})"},
        {"B2 56 CC 01 C9 CC 04 00 01 FF FF", "vector([1, -1], 2, INTEGER16)"},
        {"B2 56 CC 01 C6 CC 04 3D CC CC CD", "vector([0.1], 1, FLOAT32)"},
        {"B2 56 CC 01 C1 CC 08 3F B9 99 99 99 99 99 9A", "vector([0.1], 1, FLOAT)"},
        {"E0 00 11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF", "00112233-4455-6677-8899-aabbccddeeff"},
        {"B4 3F 84 55 55 49 44 06 01 A0", "<a value of type UUID>"},
        {"B2 11 01 81 61", "<0x11: 1, 'a'>"},
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        df_buf bytes = from_hex(values[i].hex), text = {0};
        df_error err = {0};
        ps_reader reader = {df_buf_str(&bytes), 0};
        df_code code = ps_put_readable(&reader, &text, &err);
        if (!check(code == DF_OK && df_str_is(df_buf_str(&text), values[i].text) && reader.at == bytes.len,
                   "%s", values[i].text))
            note("%s %s", df_buf_cstr(&text), err.message);
        df_buf_release(&bytes);
        df_buf_release(&text);
    }
}

static void test_odd_structures(void)
{
    static const char *const odd[] = {
        "B1 4E 01",                                              /* a node without labels */
        "B3 4E 01 01 A0",                                        /* whose labels are a number */
        "B3 4E 01 91 01 A0",                                     /* or have one among them */
        "B3 4E 01 90 01",                                        /* whose properties are one */
        "B3 4E 01 90 A1 01 01",                                  /* or have one as a key */
        "B2 72 01 81 54",                                        /* a relationship without properties */
        "B4 52 01 02 03 81 54",                                  /* likewise */
        "B3 50 90 90 90",                                        /* a path without nodes */
        "B3 50 91 B3 4E 01 90 A0 90 91 01",                      /* with half a step */
        "B3 50 91 B3 4E 01 90 A0 90 92 01 00",                   /* along a relationship that is not there */
        "B3 50 91 B3 4E 01 90 A0 91 B3 72 01 81 54 A0 92 00 00", /* along none */
        "B3 50 91 B3 4E 01 90 A0 91 B3 72 01 81 54 A0 92 01 01", /* to a node that is not there */
        "B3 50 91 01 90 90",                                     /* whose node is a number */
        "B1 44 81 61",                                           /* a date of text */
        "B1 44 CB 7F FF FF FF FF FF FF FF",                      /* a date that nothing can hold */
        "B2 44 01 02",                                           /* of two members */
        "B2 64 CB 7F FF FF FF FF FF FF FF 00",                   /* a time that nothing can hold */
        "B2 64 00 CA 3B 9A CA 00",                               /* a thousand million nanoseconds */
        "B2 64 00 FF",                                           /* -1 of them */
        "B3 49 00 00 CB 80 00 00 00 00 00 00 00",                /* an offset that nothing can hold */
        "B1 74 CB 00 00 4E 94 91 4F 00 00",                      /* 24:00 */
        "B4 45 00 00 00 FF",                                     /* a duration's nanoseconds are positive */
        "B2 56 CC 01 C9 CC 03 00 01 FF",                         /* a vector of one and a half elements */
        "B2 56 CC 01 C7 CC 00",                                  /* of what is no type */
        "B0 3F",                                                 /* an unknown type without a name */
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        df_buf bytes = from_hex(odd[i]), text = {0};
        ps_reader reader = {df_buf_str(&bytes), 0}, again = reader;
        check(ps_skip(&again, NULL) == DF_OK && ps_put_readable(&reader, &text, NULL) == DF_CORRUPT,
              "'%s' is a value, but no such structure", odd[i]);
        df_buf_release(&bytes);
        df_buf_release(&text);
    }
}

/* A path of N steps between two nodes, one of them large: N * N bytes of text. */
static void test_repeating_path(void)
{
    enum { STEPS = 30000 };
    df_buf bytes = {0}, text = {0}, large = {0};
    repeat(&large, 'x', STEPS * 4);
    ps_put_struct(&bytes, PS_PATH, 3);
    ps_put_list(&bytes, 1);
    ps_put_struct(&bytes, PS_NODE, 3);
    ps_put_int(&bytes, 1);
    ps_put_list(&bytes, 1);
    ps_put_string(&bytes, df_buf_str(&large));
    ps_put_dict(&bytes, 0);
    ps_put_list(&bytes, 1);
    ps_put_struct(&bytes, PS_UNBOUND, 3);
    ps_put_int(&bytes, 1);
    ps_put_text(&bytes, "T");
    ps_put_dict(&bytes, 0);
    ps_put_list(&bytes, STEPS * 2);
    for (int i = 0; i < STEPS; i++) {
        ps_put_int(&bytes, 1);
        ps_put_int(&bytes, 0);
    }
    ps_reader reader = {df_buf_str(&bytes), 0};
    df_error err = {0};
    check(ps_put_readable(&reader, &text, &err) == DF_CORRUPT && strstr(err.message, "repeats"),
          "a path that would fill the memory is refused");
    check(text.len < 1000 * bytes.len, "… before it does");
    df_buf_release(&bytes);
    df_buf_release(&text);
    df_buf_release(&large);
}

/* ---- for peer.py ---- */

static int rewrite(const char *path)
{
    df_buf in = {0}, out = {0};
    ps_item item;
    FILE *file = fopen(path, "rb");
    if (!file) return 2;
    for (size_t got = 1; got; in.len += got) got = fread(df_buf_reserve(&in, 65536), 1, 65536, file);
    fclose(file);
    ps_reader reader = {df_buf_str(&in), 0};
    while (reader.at < in.len) {
        if (ps_read(&reader, &item, NULL) != DF_OK) return 3;
        switch (item.type) {
        case PS_NULL: ps_put_null(&out); break;
        case PS_BOOL: ps_put_bool(&out, item.b); break;
        case PS_INT: ps_put_int(&out, item.i); break;
        case PS_FLOAT: ps_put_float(&out, item.d); break;
        case PS_BYTES: ps_put_bytes(&out, item.s); break;
        case PS_STRING: ps_put_string(&out, item.s); break;
        case PS_LIST: ps_put_list(&out, item.count); break;
        case PS_DICT: ps_put_dict(&out, item.count); break;
        case PS_STRUCT: ps_put_struct(&out, item.tag, item.count); break;
        case PS_UUID: ps_put_uuid(&out, item.s.ptr); break;
        }
    }
    fwrite(out.ptr, 1, out.len, stdout);
    df_buf_release(&in);
    df_buf_release(&out);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) return rewrite(argv[1]);
    test_ints();
    test_others();
    test_sizes();
    test_damaged();
    test_depth();
    test_find();
    test_readable();
    test_odd_structures();
    test_repeating_path();
    return tap_done();
}
