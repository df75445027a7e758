/* SPDX-License-Identifier: Apache-2.0 */
/* What goes in comes out: values of every type as parameters and results. */
#include "contract.h"

#include <math.h>
#include <string.h>

/* One row read back. */
typedef struct got {
    df_arena arena;
    df_value values[8];
    size_t count;
    int rows;
    char first_name[64];
} got;

static df_code take_row(void *context, const df_row *row, df_error *err)
{
    (void)err;
    got *g = context;
    g->rows++;
    g->count = row->count;
    snprintf(g->first_name, sizeof g->first_name, "%s", row->names[0]);
    for (size_t i = 0; i < row->count && i < 8; i++) {
        g->values[i] = row->values[i];
        if (row->values[i].type == DF_TEXT || row->values[i].type == DF_BLOB) {
            g->values[i].s = df_arena_str(&g->arena, row->values[i].s);
        }
    }
    return DF_OK;
}

static bool same(const df_value *a, const df_value *b)
{
    if (a->type != b->type) return false;
    switch (a->type) {
    case DF_NULL: return true;
    case DF_INT64:
    case DF_BOOL: return a->i == b->i;
    case DF_DOUBLE: return a->d == b->d || (isnan(a->d) && isnan(b->d));
    case DF_TEXT:
    case DF_BLOB: return df_str_eq(a->s, b->s);
    }
    return false;
}

static void put_upper_hex(df_buf *out, df_str s)
{
    for (size_t i = 0; i < s.len; i++) df_buf_printf(out, "%02X", (unsigned char)s.ptr[i]);
}

/* Inserts `value` into `column`, reads it back, and lets the server tell a text's bytes. */
static void round_trip(df_conn *conn, const char *column, df_value value, df_code expected, const char *what)
{
    char sql[256];
    df_error err;
    got g = {.rows = 0};
    df_value wanted = value;
    if (wanted.type == DF_BOOL && !fl->has_bool) wanted.type = DF_INT64;
    run_sql(conn, DF_OK, "DELETE FROM v");
    snprintf(sql, sizeof sql, "INSERT INTO v (id, %s) VALUES (?, ?)", column);
    int64_t affected = 0;
    df_code code = df_exec(conn, sql, (df_value[]){df_v_int(1), value}, 2, &affected, &err);
    if (expected != DF_OK || code != DF_OK) {
        check_code(code, expected, &err, what);
        return;
    }
    snprintf(sql, sizeof sql, "SELECT %s, %s FROM v", column, value.type == DF_TEXT ? fl->hex : "1");
    code = df_query(conn, sql, NULL, 0, take_row, &g, &err);
    bool ok = code == DF_OK && g.rows == 1 && g.count == 2 && affected == 1 && same(&g.values[0], &wanted);
    if (ok && value.type == DF_TEXT) {
        df_buf expected_hex = {0};
        put_upper_hex(&expected_hex, value.s);
        ok = g.values[1].type == DF_TEXT && df_str_eq(g.values[1].s, df_buf_str(&expected_hex));
        df_buf_release(&expected_hex);
    }
    check(ok, "round trip: %s", what);
    if (!ok) note("code %s, rows %d, type %d", df_code_name(code), g.rows, (int)g.values[0].type);
    df_arena_release(&g.arena);
}

static void test_numbers(df_conn *conn)
{
    round_trip(conn, "i", df_v_int(0), DF_OK, "0");
    round_trip(conn, "i", df_v_int(INT64_MAX), DF_OK, "the largest integer");
    round_trip(conn, "i", df_v_int(INT64_MIN), DF_OK, "the smallest integer");
    round_trip(conn, "i", df_v_int(9007199254740993), DF_OK, "2^53 + 1");
    round_trip(conn, "i", DF_V_NULL, DF_OK, "NULL integer");
    round_trip(conn, "b", df_v_bool(true), DF_OK, "true");
    round_trip(conn, "b", df_v_bool(false), DF_OK, "false");
    round_trip(conn, "d", df_v_double(0.1), DF_OK, "0.1");
    round_trip(conn, "d", df_v_double(1.7976931348623157e308), DF_OK, "the largest double");
    round_trip(conn, "d", df_v_double(2.2250738585072014e-308), DF_OK, "the smallest normal double");
    round_trip(conn, "d", df_v_double(-12345678901234567.0), DF_OK, "17 digits");
    round_trip(conn, "d", df_v_double(5), DF_OK, "5.0 stays a double");
    round_trip(conn, "d", df_v_double(INFINITY), fl->has_infinity ? DF_OK : DF_FAILED, "infinity");
    round_trip(conn, "d", df_v_double(NAN), fl->has_nan ? DF_OK : DF_FAILED, "NaN");
}

static void test_texts(df_conn *conn)
{
    static const struct {
        const char *text, *what;
    } texts[] = {
        {"", "empty text is not NULL"},
        {"it's \"quoted\" `here`", "quotes"},
        {"''", "nothing but quotes"},
        {"\\", "a backslash"},
        {"C:\\new\\table\\0\\N\\\\", "backslashes"},
        {"\\'; DROP TABLE v; --", "an injection"},
        {"\\N", "what COPY takes for NULL"},
        {"\\.", "what COPY takes for its end"},
        {"tab\tline\nreturn\rboth\r\nbell\a", "controls"},
        {"? ?? $1 :name @x %s %%", "placeholders"},
        {"\xF0\x9F\x98\x80 \xE2\x82\xAC \xC3\xA4", "emoji and accents"},
        {"trailing blank ", "trailing blank"},
        {"2026-11-20", "what looks like a date"},
        {"12345", "digits stay text"},
        {"--", "a comment's beginning"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        round_trip(conn, "t", df_v_text(texts[i].text), DF_OK, texts[i].what);
    }
    round_trip(conn, "t", DF_V_NULL, DF_OK, "NULL text");
    df_str with_nul = DF_STR("a\0b'\\");
    round_trip(conn, "t", df_v_str(with_nul), fl->has_nul_text ? DF_OK : DF_FAILED, "NUL in text");
    df_buf big = {0};
    for (int i = 0; big.len < 1 << 20; i++) df_buf_printf(&big, "%d \\'\t\n", i);
    round_trip(conn, "t", df_v_str(df_buf_str(&big)), DF_OK, "1 MB of text");
    df_buf_release(&big);
}

static void test_blobs(df_conn *conn)
{
    char all[256];
    for (int i = 0; i < 256; i++) all[i] = (char)i;
    df_value blob = {.type = DF_BLOB, .s = {all, sizeof all}};
    round_trip(conn, "x", blob, DF_OK, "a blob of all bytes");
    round_trip(conn, "x", (df_value){.type = DF_BLOB, .s = {"", 0}}, DF_OK, "an empty blob");
    round_trip(conn, "x", (df_value){.type = DF_BLOB, .s = DF_STR("\\x00'\\")}, DF_OK,
               "a blob with a backslash");
    round_trip(conn, "x", DF_V_NULL, DF_OK, "NULL blob");
}

static void test_expressions(df_conn *conn)
{
    df_error err;
    df_arena arena = {0};
    df_value out, minus = df_v_int(-7);
    check(df_query_value(conn, "SELECT 5 -?", &minus, 1, &arena, &out, &err) == DF_OK && out.i == 12,
          "a negative parameter behind a minus sign");
    check(df_query_value(conn, "SELECT '?' -- ?\n /* ? */, ?", &minus, 1, &arena, &out, &err) == DF_OK &&
              out.type == DF_TEXT && df_str_is(out.s, "?"),
          "question marks in quotes and comments are no parameters");
    run_sql(conn, DF_OK, "DELETE FROM v");
    run_sql(conn, DF_OK, "INSERT INTO v (id, i) VALUES (1, 4000000000), (2, 5)");
    check(df_query_value(conn, "SELECT SUM(i) FROM v", NULL, 0, &arena, &out, &err) == DF_OK &&
              out.type == DF_INT64 && out.i == 4000000005,
          "the SUM of integers is an integer");
    check(df_query_value(conn, "SELECT 'a' || 'b\\' || 'c'", NULL, 0, &arena, &out, &err) == DF_OK &&
              df_str_is(out.s, "ab\\c"),
          "|| joins texts, and a backslash is a backslash");
    check(df_query_value(conn, "SELECT \"i\" FROM \"v\" WHERE id = 2", NULL, 0, &arena, &out, &err) ==
                  DF_OK &&
              out.i == 5,
          "names in double quotes");
    check(df_query_value(conn, "SELECT i FROM v WHERE id = 77", NULL, 0, &arena, &out, &err) == DF_NOT_FOUND,
          "no row is DF_NOT_FOUND");
    got g = {.rows = 0};
    check(df_query(conn, "SELECT id AS some_name FROM v", NULL, 0, take_row, &g, &err) == DF_OK &&
              g.rows == 2 && strcmp(g.first_name, "some_name") == 0,
          "column names");
    df_arena_release(&g.arena);
    df_arena_release(&arena);
}

void test_values(void)
{
    df_conn *conn = connect_or_die();
    run_sql(conn, DF_OK, "CREATE TABLE v (id INTEGER PRIMARY KEY, i BIGINT, d %s, b %s, t %s, x %s)",
            fl->real, fl->boolean, fl->text, fl->blob);
    test_numbers(conn);
    test_texts(conn);
    test_blobs(conn);
    test_expressions(conn);
    run_sql(conn, DF_OK, "DROP TABLE v");
    df_disconnect(conn);
}
