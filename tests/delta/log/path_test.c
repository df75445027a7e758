/* SPDX-License-Identifier: Apache-2.0 */
/* Identity: canonical paths, keys and digests, numRecords. */
#include "delta/log/action.h"
#include "delta/log/json_actions.h"
#include "delta/log/path.h"

#include <tap.h>

static df_buf scratch;

static void same(const char *raw, const char *canonical)
{
    df_str got = delta_canonical_path(df_str_from(raw), &scratch);
    if (!check(df_str_is(got, canonical), "%s is %s", raw, canonical)) note("got %.*s", DF_FMT(got));
}

static void paths(void)
{
    same("part-0.parquet", "part-0.parquet");
    same("", "");
    same("a%20b", "a b");
    same("a+b", "a+b");
    same("x=%2525/y", "x=%25/y");
    same("x=a%253Ab/y", "x=a%3Ab/y");
    same("%", "%");
    same("100%", "100%");
    same("%zz%2", "%zz%2");
    same("caf%C3%A9", "caf\xC3\xA9");
    same("caf\xC3%A9", "caf\xC3\xA9");
    same("caf\xC3\xA9", "caf\xC3\xA9");
    same("%F0%9F%90%98", "\xF0\x9F\x90\x98");
    same("a%00b", "a%00b");
    same("a%FFb", "a%FFb");
    same("a%ffb", "a%ffb");
    same("%C3", "%C3");
    same("%C3%C3%A9", "%C3\xC3\xA9");
    same("%ED%A0%80", "%ED%A0%80");
    same("a\xFF"
         "b",
         "a%FFb");
    same("/x", "/x");
    same("file:/x", "/x");
    same("file:///x", "/x");
    same("file://localhost/x", "/x");
    same("FILE:///x", "/x");
    same("file:////x", "/x");
    same("file:///a%20b", "/a b");
    same("file:x", "file:x");
    same("file://host/x", "file://host/x");
    same("file%3A/x", "file:/x");
    same("s3://bucket/a%20b", "s3://bucket/a b");
    same("abfss://c@account/x", "abfss://c@account/x");
    same("../x", "../x");
    df_str nul = delta_canonical_path(DF_STR("a\0b"), &scratch);
    check(df_str_is(nul, "a%00b"), "a raw NUL becomes an escape");
    check(delta_canonical_path(DF_STR_NONE, &scratch).ptr == NULL, "absent stays absent");
    static const char plain[] = "day=2024-01-01/part-00000-67dbc82a-d1e6-4e67.parquet";
    check(delta_canonical_path(df_str_from(plain), &scratch).ptr == plain, "a plain path is not copied");
    /* A special byte at every place of the 8-byte groups. */
    bool right = true;
    for (size_t at = 0; at < 40; at++) {
        char text[41];
        memset(text, 'x', 40);
        memcpy(text + at, "%41", at + 3 <= 40 ? 3 : 40 - at);
        df_str got = delta_canonical_path((df_str){text, 40}, &scratch);
        right &= at + 3 <= 40 ? got.len == 38 && got.ptr[at] == 'A' : got.len == 40;
    }
    check(right, "an escape is found wherever it stands");
}

static void keys(void)
{
    df_hash128 a = delta_file_key(DF_STR("a"), DF_STR("")), b = delta_file_key(DF_STR("a"), DF_STR("uX"));
    check(df_hash_eq(a, delta_file_key(DF_STR("a"), DF_STR_NONE)),
          "no deletion vector is no deletion vector");
    check(!df_hash_eq(a, b) && !df_hash_eq(b, delta_file_key(DF_STR("a"), DF_STR("uX@1"))),
          "the deletion vector counts");
    check(!df_hash_eq(delta_file_key(DF_STR("au"), DF_STR("X")), b),
          "where one ends and the other begins counts");
    delta_file f = {
        .path = DF_STR("a"), .key = a, .size = 1, .modification_time = 2, .partition_values = DF_STR("{}")};
    df_hash128 digest = delta_file_digest(&f);
    f.stats = DF_STR("{}");
    f.tags = DF_STR("{}");
    f.data_change = true;
    check(df_hash_eq(digest, delta_file_digest(&f)), "stats, tags and dataChange are no part of the digest");
    f.size = 2;
    check(!df_hash_eq(digest, delta_file_digest(&f)), "the size is");
    f.size = 1;
    f.partition_values = DF_STR("{\"a\":null}");
    check(!df_hash_eq(digest, delta_file_digest(&f)), "partition values are");
    f.partition_values = DF_STR_NONE;
    check(df_hash_eq(digest, delta_file_digest(&f)), "absent partition values are none");
}

static void records(void)
{
    static const struct {
        const char *stats;
        int64_t records;
    } cases[] = {
        {"{\"numRecords\":5}", 5},
        {"{\"numRecords\":0,\"minValues\":{\"a\":\"x\"}}", 0},
        {"{\"minValues\":{\"numRecords\":1},\"numRecords\":9223372036854775807}", INT64_MAX},
        {"{ \"numRecords\" : 7 }", 7},
        {"{\"numRecords\":3,\"minValues\":{\"s\":\"a\\\"b\"}}", 3},
        {"{\"numRecords\":null}", DELTA_ABSENT},
        {"{\"numRecords\":\"5\"}", DELTA_ABSENT},
        {"{\"numRecords\":5", DELTA_ABSENT},
        {"{\"numRecords\":}", DELTA_ABSENT},
        {"{\"numRecords\":1,\"minValues\":{\"a\":1,\"b\"2:}}", DELTA_ABSENT},
        {"{\"numRecords\":1,\"minValues\":{\"a\":\"x}}", DELTA_ABSENT},
        {"{}", DELTA_ABSENT},
        {"[]", DELTA_ABSENT},
        {"nonsense", DELTA_ABSENT},
        {"", DELTA_ABSENT},
    };
    delta_scratch s = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t got = delta_stats_num_records(df_str_from(cases[i].stats), &s);
        check(got == cases[i].records, "numRecords of %s is %lld", cases[i].stats, (long long)got);
    }
    check(delta_stats_num_records(DF_STR_NONE, &s) == DELTA_ABSENT, "no stats, no records");
    delta_scratch_release(&s);
}

int main(void)
{
    paths();
    keys();
    records();
    df_buf_release(&scratch);
    return tap_done();
}
