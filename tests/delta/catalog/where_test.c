/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions without a database: what they mean, what is wrong with them, and that nothing that matches is
 * left out. */
#include "delta/catalog/where.h"

#include "tap.h"
#include "where_random.h"

static const delta_metadata random_metadata = {
    .schema = {random_schema, sizeof random_schema - 1},
    .partition_columns = {random_partition_columns, sizeof random_partition_columns - 1},
    .configuration = {"{}", 2},
};

static bool may_match(const delta_where *where, delta_bounds_reader readers[2], df_str partition,
                      df_str stats)
{
    delta_bounds bounds[64] = {0};
    delta_bounds_of_partition(&readers[0], where, partition, bounds);
    delta_bounds_of_stats(&readers[1], where, stats, bounds);
    return delta_where_may_match(where, bounds);
}

/* ---- soundness ---- */

static void test_soundness(uint64_t seed, unsigned tables)
{
    random_state = seed;
    unsigned lost = 0, unread = 0, kept = 0, needed = 0, files_seen = 0;
    delta_bounds_reader readers[2] = {0};
    for (unsigned t = 0; t < tables; t++) {
        random_file files[8];
        for (size_t f = 0; f < 8; f++) random_file_make(&files[f]);
        for (unsigned n = 0; n < 40; n++) {
            expression *e = random_expression(3);
            df_buf text = {0};
            put_expression(&text, e);
            df_arena arena = {0};
            delta_where *where;
            df_error err = {0};
            if (delta_where_compile(df_buf_cstr(&text), &random_metadata, &arena, &where, &err) != DF_OK) {
                if (!unread++) note("%s: %s", df_buf_cstr(&text), err.message);
            } else {
                for (size_t f = 0; f < 8; f++) {
                    df_str stats = files[f].no_stats ? DF_STR_NONE : df_buf_str(&files[f].stats);
                    bool may = may_match(where, readers, df_buf_str(&files[f].partition), stats),
                         does = false;
                    for (unsigned r = 0; r < files[f].n_rows; r++)
                        does = does || evaluate(e, files[f].rows[r]) == TRUE_;
                    files_seen++;
                    kept += may;
                    needed += does;
                    if (does && !may && !lost++)
                        note("lost: %s\n# stats %s\n# partition %s", df_buf_cstr(&text),
                             df_buf_cstr(&files[f].stats), df_buf_cstr(&files[f].partition));
                }
            }
            df_arena_release(&arena);
            df_buf_release(&text);
            free_expression(e);
        }
        for (size_t f = 0; f < 8; f++) random_file_release(&files[f]);
    }
    delta_bounds_reader_release(&readers[0]);
    delta_bounds_reader_release(&readers[1]);
    check(lost == 0, "seed %llu: of %u files that match none is lost (%u lost)", (unsigned long long)seed,
          needed, lost);
    check(unread == 0, "every random expression can be read");
    check(kept < files_seen && kept - needed < (files_seen - needed) * 2 / 3,
          "files are really left out: %u of %u kept, %u match", kept, files_seen, needed);
}

/* ---- single cases ---- */

#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":\"" type "\",\"nullable\":true,\"metadata\":{}}"
static const char schema[] = "{\"type\":\"struct\",\"fields\":[" FIELD("id", "long") "," FIELD(
    "price", "decimal(10,2)") "," FIELD("name", "string") "," //
    FIELD("day", "date") "," FIELD("x", "double") "," FIELD("ts", "timestamp") "," FIELD("ok",
                                                                                         "boolean") "," //
    FIELD("raw", "binary") "," FIELD("a.b", "long") "," FIELD("A", "long") "," FIELD("a", "long") "," FIELD(
        "date", "long") "," //
                        "{\"name\":\"c5\",\"type\":\"string\",\"metadata\":{\"__CHAR_VARCHAR_TYPE_STRING\":"
                        "\"char(5)\"}},"
                        "{\"name\":\"ci\",\"type\":\"string\",\"metadata\":{\"__COLLATIONS\":{\"ci\":\"spark."
                        "UTF8_LCASE\"}}},"
                        "{\"name\":\"wider\",\"type\":\"double\",\"metadata\":{\"delta.typeChanges\":[{"
                        "\"fromType\":\"float\",\"toType\":\"double\"}]}},"
                        "{\"name\":\"mapped\",\"type\":\"long\",\"metadata\":{\"delta.columnMapping."
                        "physicalName\":\"col-1\"}},"
                        "{\"name\":\"s\",\"type\":{\"type\":\"struct\",\"fields\":[" FIELD(
                            "inner", "timestamp") ",{\"name\":\"deep\",\"type\":"
                                                  "{\"type\":\"struct\",\"fields\":[" FIELD(
                                                      "n",
                                                      "integer") "]}}]}},"
                                                                 "{\"name\":\"list\",\"type\":{\"type\":"
                                                                 "\"array\",\"elementType\":\"long\"}}]}";

static delta_metadata case_metadata(bool mapped)
{
    return (delta_metadata){
        .schema = df_str_from(schema),
        .partition_columns = DF_STR("[\"day\"]"),
        .configuration = mapped ? DF_STR("{\"delta.columnMapping.mode\":\"name\"}") : DF_STR("{}"),
    };
}

/* '1', '0', or 'E' for an expression that cannot be read. */
static char ask(const char *text, const char *stats, const char *partition, bool mapped, df_error *err)
{
    delta_metadata metadata = case_metadata(mapped);
    df_arena arena = {0};
    delta_where *where;
    char answer = 'E';
    if (delta_where_compile(text, &metadata, &arena, &where, err) == DF_OK) {
        delta_bounds_reader readers[2] = {0};
        answer = may_match(where, readers, df_str_from(partition), df_str_from(stats)) ? '1' : '0';
        delta_bounds_reader_release(&readers[0]);
        delta_bounds_reader_release(&readers[1]);
    }
    df_arena_release(&arena);
    return answer;
}

static void expect(char wanted, const char *text, const char *stats)
{
    df_error err = {0};
    char got = ask(text, stats, "{\"day\":\"2024-02-29\"}", false, &err);
    check(got == wanted, "%c: %.200s | %.200s", wanted, text, stats ? stats : "no statistics");
    if (got == 'E') note("%s", err.message);
}

static void test_meaning(void)
{
    const char *ids =
        "{\"numRecords\":4,\"minValues\":{\"id\":10},\"maxValues\":{\"id\":20},\"nullCount\":{\"id\":0}}";
    expect('1', "id = 10", ids);
    expect('0', "id = 9", ids);
    expect('0', "9 = id", ids);
    expect('1', "15 < id", ids);
    expect('0', "20 < id", ids);
    expect('0', "id = 15.5", ids);
    expect('1', "id < 10.5", ids);
    expect('0', "id < 9.99", ids);
    expect('0', "NOT id >= 10", ids);
    expect('0', "NOT (id > 5 OR id IS NULL)", ids);
    expect('0', "id IS NULL", ids);
    expect('1', "id IS NOT NULL", ids);
    expect('0', "id = NULL", ids);
    expect('0', "NOT (id = NULL)", ids);
    expect('0', "id NOT IN (1, NULL)", ids);
    expect('1', "id IN (1, NULL, 12)", ids);
    expect('0', "id IN (1, NULL, 21)", ids);
    expect('0', "id BETWEEN 21 AND 30", ids);
    expect('1', "id NOT BETWEEN 11 AND 30", ids);
    expect('0', "id NOT BETWEEN 1 AND 30", ids);
    expect('0', "id < -9223372036854775809", ids);
    expect('1', "id < 99999999999999999999999", ids);
    expect('0', "id > 99999999999999999999999", ids);
    expect('1', "id = '12'", ids);
    expect('0', "id > 15 AND FALSE", NULL);
    expect('1', "id > 25 OR TRUE", ids);
    expect('1', "id > 100", NULL);
    expect('1', "id > 100", "not JSON");
    expect('1', "id > 100", "{\"numRecords\":4,\"minValues\":{\"id\":10},\"maxValues\":{\"id\":");
    expect('1', "price > 100", ids);
    expect('0', "id > 1", "{\"numRecords\":4,\"nullCount\":{\"id\":4}}");
    expect('0', "id IS NOT NULL", "{\"numRecords\":4,\"nullCount\":{\"id\":4}}");
    expect('1', "id IS NOT NULL", "{\"nullCount\":{\"id\":4}}");
    /* partition columns */
    expect('1', "day = '2024-02-29'", NULL);
    expect('0', "day > DATE '2024-02-29'", NULL);
    expect('1', "day < TIMESTAMP '2024-02-29 00:00:01'", NULL);
    expect('0', "day = TIMESTAMP '2024-02-29 00:00:01'", NULL);
    expect('0', "Day IS NULL", NULL);
    expect('0', "day = '2024-02-29' AND id = 9", ids);
    expect('1', "day = '2024-02-29' OR id = 9", ids);
    /* strings that were cut */
    expect('1', "name = 'abcdefghijklmnopqrstuvwxyzabcdefzz'",
           "{\"minValues\":{\"name\":\"a\"},\"maxValues\":{\"name\":\"abcdefghijklmnopqrstuvwxyzabcdef\"}}");
    expect('0', "name = 'b'",
           "{\"minValues\":{\"name\":\"a\"},\"maxValues\":{\"name\":\"abcdefghijklmnopqrstuvwxyzabcdef\"}}");
    expect('1', "name = 'abz'",
           "{\"minValues\":{\"name\":\"a\"},\"maxValues\":{\"name\":\"ab\xEF\xBF\xBD\"}}");
    expect('0', "name LIKE 'b%'", "{\"minValues\":{\"name\":\"c\"},\"maxValues\":{\"name\":\"d\"}}");
    expect('1', "name LIKE '%b'", "{\"minValues\":{\"name\":\"c\"},\"maxValues\":{\"name\":\"d\"}}");
    expect('1', "name NOT LIKE 'c%'", "{\"minValues\":{\"name\":\"c\"},\"maxValues\":{\"name\":\"cc\"}}");
    expect('1', "c5 = 'ab'", "{\"minValues\":{\"c5\":\"ab   \"},\"maxValues\":{\"c5\":\"ab   \"}}");
    expect('1', "ci = 'AB'", "{\"minValues\":{\"ci\":\"ab\"},\"maxValues\":{\"ci\":\"ab\"}}");
    /* times */
    expect('1', "ts > TIMESTAMP '2024-01-01 00:00:00.1234'",
           "{\"maxValues\":{\"ts\":\"2024-01-01T00:00:00.123Z\"}}");
    expect('0', "ts > TIMESTAMP '2024-01-01 00:00:00.124'",
           "{\"maxValues\":{\"ts\":\"2024-01-01T00:00:00.123Z\"}}");
    expect('0', "ts > TIMESTAMP '2024-01-01 08:00:00.124'",
           "{\"maxValues\":{\"ts\":\"2024-01-01T00:00:00.123-08:00\"}}");
    expect('0', "s.inner < '2024-01-01'", "{\"minValues\":{\"s\":{\"inner\":\"2024-01-01T00:00:00.000Z\"}}}");
    expect('0', "s.deep.n = 3", "{\"minValues\":{\"s\":{\"deep\":{\"n\":4}}}}");
    expect('1', "s IS NULL", "{\"numRecords\":2,\"nullCount\":{\"s\":{\"inner\":0}}}");
    expect('1', "list IS NOT NULL", "{\"numRecords\":2,\"nullCount\":{\"list\":2}}");
    /* floats and decimals */
    expect('1', "x > 5", "{\"minValues\":{\"x\":1},\"maxValues\":{\"x\":2}}");
    expect('0', "x > 5 AND x < 10", "{\"minValues\":{\"x\":1},\"maxValues\":{\"x\":2}}");
    expect('0', "x BETWEEN 5 AND 10", "{\"minValues\":{\"x\":1},\"maxValues\":{\"x\":2}}");
    expect('0', "x < 1", "{\"minValues\":{\"x\":1},\"maxValues\":{\"x\":\"NaN\"}}");
    expect('1', "x < 1", "{\"minValues\":{\"x\":\"NaN\"},\"maxValues\":{\"x\":\"NaN\"}}");
    expect('1', "x = 0", "{\"minValues\":{\"x\":-0.0},\"maxValues\":{\"x\":-0.0}}");
    expect('1', "wider = 0.10000000149011612",
           "{\"minValues\":{\"wider\":0.1},\"maxValues\":{\"wider\":0.1}}");
    expect('0', "price > 123.45", "{\"maxValues\":{\"price\":123.45}}");
    expect('1', "price >= 123.45", "{\"maxValues\":{\"price\":123.44999999999999}}");
    expect('0', "price = 1.005", "{\"minValues\":{\"price\":1},\"maxValues\":{\"price\":2}}");
    expect('0', "ok", "{\"minValues\":{\"ok\":false},\"maxValues\":{\"ok\":false}}");
    expect('1', "NOT ok", "{\"minValues\":{\"ok\":false},\"maxValues\":{\"ok\":false}}");
    /* names */
    expect('0', "`a.b` = 1", "{\"minValues\":{\"a.b\":2}}");
    expect('0', "\"A\" = 1", "{\"minValues\":{\"A\":2,\"a\":1}}");
    expect('0', "PRICE = 1", "{\"minValues\":{\"price\":2}}");
    expect('0', "date = 1", "{\"minValues\":{\"date\":2}}");
    df_error err = {0};
    check(ask("mapped = 1", "{\"minValues\":{\"col-1\":2}}", "{}", true, &err) == '0',
          "statistics go by the physical name");
    check(ask("mapped = 1", "{\"minValues\":{\"col-1\":2}}", "{}", false, &err) == '1',
          "but only under column mapping");
    check(ask("day IS NULL", NULL, "{\"day\":\"\"}", false, &err) == '1', "an empty partition value is null");
    check(ask("day = '2024-01-01'", NULL, "{\"day\":null}", false, &err) == '0', "a null one equals nothing");
    check(ask("day = '2024-01-01'", NULL, "{}", false, &err) == '1', "a missing one may be anything");
    check(ask("day = '2024-01-01'", NULL, "{\"day\":\"soon\"}", false, &err) == '1',
          "so may one that cannot be read");
}

/* ---- errors ---- */

static void expect_error(const char *text, const char *message, const char *hint)
{
    df_error err = {0};
    char got = ask(text, NULL, "{}", false, &err);
    bool right = got == 'E' && err.code == DF_USAGE && strstr(err.message, message) &&
                 (!hint || strstr(err.hint, hint));
    check(right, "%.200s: %s", text, message);
    if (!right) note("%c %s / %s", got, err.message, err.hint);
}

static void test_errors(void)
{
    expect_error("", "empty", NULL);
    expect_error("   ", "empty", NULL);
    expect_error("prise > 5", "no column prise (at character 1", "prise > 5\n^\ndid you mean price");
    expect_error("id = 5 AND nome = 'x'", "no column nome (at character 12",
                 "           ^\ndid you mean name");
    expect_error("zzzzzzzz = 1", "no column", "columns are: id, price");
    expect_error("s.innr = 'x'", "no column s.innr", "s.inner");
    expect_error("\xC3\xA9\xC3\xA9 = 1 AND", "no column", NULL);
    expect_error("id = 'x'", "is an integer, and this text is none (at character 6", "42");
    expect_error("id = TRUE", "cannot be compared with TRUE or FALSE", NULL);
    expect_error("name = 5", "is a string and cannot be compared with a number", "single quotes");
    expect_error("name = \"x\"", "expected a literal, not a name", "single quotes");
    expect_error("id = 5 AND", "the expression ends", NULL);
    expect_error("id = 5)", "expected AND, OR or the end (at character 7", NULL);
    expect_error("(id = 5", "expected AND, OR or )", NULL);
    expect_error("id == == 5", "expected a literal", NULL);
    expect_error("id IN ()", "expected a literal", NULL);
    expect_error("id IN 5", "expected (", NULL);
    expect_error("id LIKE 'x'", "LIKE needs a string", NULL);
    expect_error("id BETWEEN 1 OR 2", "expected AND", NULL);
    expect_error("name = 'x", "not closed (at character 8", NULL);
    expect_error("id # 5", "unexpected character (at character 4", NULL);
    expect_error("id = 5L", "after a number", NULL);
    expect_error("day = DATE '2024-02-30'", "no date", NULL);
    expect_error("ts = TIMESTAMP '2024-02-28 12:00:00.1234567'", "no timestamp", NULL);
    expect_error("price = 123456789012345678901234567890123456789", "more digits", NULL);
    expect_error("id", "expected a comparison", NULL);
    expect_error("5", "expected a comparison after the literal", NULL);
    expect_error("in = 5", "expected", "back-ticks");
    expect_error("list = 5", "not of a comparable type", "IS NULL");
    expect_error("raw = X'0'", "pairs of hexadecimal digits", NULL);
    expect_error("id = 1 \xFF", "not valid UTF-8", NULL);
    char deep[1200];
    memset(deep, '(', 600);
    strcpy(deep + 600, "id = 1");
    expect_error(deep, "parentheses deep", NULL);
    df_buf many = {0};
    for (int i = 0; i < 5000; i++) df_buf_printf(&many, "%sNOT NOT id = %d", i ? " OR " : "", i);
    expect('1', df_buf_cstr(&many), "{\"minValues\":{\"id\":4999},\"maxValues\":{\"id\":4999}}");
    df_buf_release(&many);
    df_error err = {0};
    delta_where *where;
    df_arena arena = {0};
    delta_metadata broken = {.schema = DF_STR("{\"type\":")};
    check(delta_where_compile("id = 1", &broken, &arena, &where, &err) == DF_CORRUPT,
          "a broken schema is said to be one");
    df_arena_release(&arena);
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)df_now_ms();
    unsigned tables = argc > 2 ? (unsigned)atoi(argv[2]) : 150;
    note("seed %llu", (unsigned long long)seed);
    test_meaning();
    test_errors();
    test_soundness(7, tables);
    test_soundness(seed, tables);
    return tap_done();
}
