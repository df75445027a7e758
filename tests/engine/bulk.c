/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk loading: many rows, hostile texts, sources that fail, rows that the server refuses. */
#include "contract.h"

#include <math.h>
#include <string.h>

enum { COLUMNS = 6 };
static const char *const columns[COLUMNS] = {"id", "i", "d", "b", "t", "x"};

typedef struct source {
    int64_t next, end;
    int64_t fail_at;      /* the row where the source fails; -1: none */
    int64_t duplicate_at; /* the row that repeats the id before it */
    df_value special;     /* the text of row 3; DF_NULL: as usual */
    char text[512], blob[16];
} source;

/* A text for each row, of pieces that hurt. */
static df_str hostile(int64_t row, char out[512])
{
    static const char *const pieces[] = {
        "\\",
        "\t",
        "\n",
        "\r",
        "'",
        "\"",
        "\\N",
        "\\.",
        "\\\\n",
        "plain text of some length, as most are",
        "\xC3\xA4",
        "\xE2\x82\xAC",
        "\xF0\x9F\x98\x80",
        "`",
        ";--",
        "%s?",
        " ",
        "\b\f\v",
        "\x7f\x01",
        "0123456789abcdef",
    };
    size_t len = 0;
    uint64_t random = (uint64_t)row * 0x9E3779B97F4A7C15u + 12345;
    for (uint64_t n = random >> 60; n > 0; n--) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        const char *piece = pieces[(random >> 33) % (sizeof pieces / sizeof *pieces)];
        memcpy(out + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return (df_str){out, len};
}

static df_code next_row(void *context, df_value *values, bool *more, df_error *err)
{
    source *s = context;
    int64_t row = s->next++;
    *more = row < s->end;
    if (!*more) return DF_OK;
    if (row == s->fail_at) return df_fail(err, DF_CORRUPT, "the source is damaged");
    values[0] = df_v_int(row == s->duplicate_at ? row - 1 : row);
    values[1] = row % 7 == 0 ? DF_V_NULL : df_v_int(row * 1000003 - 5000000000);
    values[2] = row % 11 == 0 ? DF_V_NULL : df_v_double((double)row / 3);
    values[3] = row % 13 == 0 ? DF_V_NULL : df_v_bool(row & 1);
    values[4] = row % 17 == 0 ? DF_V_NULL : df_v_str(hostile(row, s->text));
    for (size_t i = 0; i < sizeof s->blob; i++) s->blob[i] = (char)(row >> (i % 8) & 0xff);
    values[5] = row % 19 == 0 ? DF_V_NULL : (df_value){.type = DF_BLOB, .s = {s->blob, (size_t)(row % 17)}};
    if (row == 3 && s->special.type != DF_NULL) values[4] = s->special;
    return DF_OK;
}

static df_code load(df_conn *conn, source *s, int64_t *loaded, df_error *err)
{
    return df_bulk_load(conn, "bulk", columns, COLUMNS, &(df_row_source){s, next_row}, loaded, err);
}

/* ---- looking at what arrived, in the order of id ---- */

typedef struct reader {
    source expected;
    int64_t rows, wrong;
} reader;

static bool same_text(const df_value *got, const df_value *expected)
{
    if (expected->type == DF_NULL || got->type == DF_NULL) return got->type == expected->type;
    df_buf hex = {0};
    for (size_t i = 0; i < expected->s.len; i++)
        df_buf_printf(&hex, "%02X", (unsigned char)expected->s.ptr[i]);
    bool same = df_str_eq(got->s, df_buf_str(&hex));
    df_buf_release(&hex);
    return same;
}

static df_code compare_row(void *context, const df_row *row, df_error *err)
{
    reader *r = context;
    df_value wanted[COLUMNS];
    bool more;
    DF_TRY(next_row(&r->expected, wanted, &more, err));
    bool same = row->values[0].i == wanted[0].i;
    for (int i = 1; i < 4; i++) {
        const df_value *value = &row->values[i];
        if (value->type == DF_NULL || wanted[i].type == DF_NULL) {
            same = same && value->type == wanted[i].type;
        } else {
            same = same && (i == 2 ? value->d == wanted[i].d : value->i == wanted[i].i);
        }
    }
    same = same && same_text(&row->values[4], &wanted[4]);
    same = same && row->values[5].type == wanted[5].type &&
           (wanted[5].type == DF_NULL || df_str_eq(row->values[5].s, wanted[5].s));
    r->rows++;
    if (!same && r->wrong++ == 0) note("row %lld differs", (long long)row->values[0].i);
    return DF_OK;
}

static void check_content(df_conn *conn, int64_t rows, const char *what)
{
    df_error err;
    char sql[256];
    reader r = {.expected = {.end = INT64_MAX, .fail_at = -1, .duplicate_at = -1}};
    snprintf(sql, sizeof sql, "SELECT id, i, d, b, %s, x FROM bulk ORDER BY id", fl->hex);
    df_code code = df_query(conn, sql, NULL, 0, compare_row, &r, &err);
    check(code == DF_OK && r.rows == rows && r.wrong == 0, "%s: the server holds exactly these rows", what);
    if (code != DF_OK) note("%s", err.message);
    if (r.wrong || r.rows != rows) note("%lld rows, %lld wrong", (long long)r.rows, (long long)r.wrong);
}

static source rows_of(int64_t end)
{
    return (source){.end = end, .fail_at = -1, .duplicate_at = -1};
}

static void test_many(df_conn *conn, int64_t rows, const char *what)
{
    df_error err;
    int64_t loaded = -1;
    source s = rows_of(rows);
    run_sql(conn, DF_OK, "DELETE FROM bulk");
    check(df_begin(conn, &err) == DF_OK, "begin");
    check_code(load(conn, &s, &loaded, &err), DF_OK, &err, what);
    check(loaded == rows, "it tells how many (%lld)", (long long)loaded);
    check(df_commit(conn, &err) == DF_OK, "commit");
    check_content(conn, rows, what);
}

/* A load that must fail leaves nothing, and only rollback works after it. */
static void test_failing(df_conn *conn, source s, df_code expected, const char *part, const char *what)
{
    df_error err = {0};
    run_sql(conn, DF_OK, "DELETE FROM bulk");
    check(df_begin(conn, &err) == DF_OK, "begin");
    df_code code = load(conn, &s, NULL, &err);
    check_code(code, expected, &err, what);
    check(code == DF_OK || strstr(err.message, part), "its message: %s", err.message);
    df_error later;
    check(df_exec(conn, "SELECT 1", NULL, 0, NULL, &later) == DF_FAILED, "the transaction has failed");
    df_rollback(conn);
    check(ask_int(conn, "SELECT COUNT(*) FROM bulk") == 0, "nothing stays of it");
}

static void test_refused_rows(df_conn *conn)
{
    source s = rows_of(1000);
    s.fail_at = 500;
    test_failing(conn, s, DF_CORRUPT, "the source is damaged", "a source that fails");
    s = rows_of(50000);
    s.fail_at = 49999;
    test_failing(conn, s, DF_CORRUPT, "the source is damaged", "a source that fails late");
    s = rows_of(1000);
    s.duplicate_at = 700;
    test_failing(conn, s, DF_CONFLICT, "", "a duplicate key is not passed over");
    if (!fl->has_nul_text) {
        s = rows_of(10);
        s.special = df_v_str(DF_STR("a\0b"));
        test_failing(conn, s, DF_FAILED, "column t", "NUL in text names the column");
    }
    if (!fl->has_nan) {
        s = rows_of(10);
        s.special = df_v_double(NAN);
        test_failing(conn, s, DF_FAILED, "column t", "NaN names the column");
    }
    if (strcmp(fl->engine, "sqlite") != 0) { /* which stores any bytes */
        s = rows_of(10);
        s.special = df_v_str(DF_STR("bad \xFF\xFE utf-8"));
        test_failing(conn, s, DF_FAILED, "", "text that is not UTF-8 is refused");
    }
}

typedef struct narrow {
    int left;
    df_value value;
} narrow;

static df_code next_narrow(void *context, df_value *values, bool *more, df_error *err)
{
    (void)err;
    narrow *n = context;
    *more = n->left-- > 0;
    values[0] = n->value;
    return DF_OK;
}

/* What does not fit must not be cut. */
static void test_lost_data(df_conn *conn)
{
    static const char *const wide[] = {"wide"}, *const small[] = {"small"}, *const must[] = {"must"};
    const struct {
        const char *const *column;
        df_value value;
        const char *what;
        bool in_sqlite;
    } cases[] = {
        {wide, df_v_text("four"), "a text that is too long", false},
        {small, df_v_int(70000), "an integer that is too large", false},
        {small, df_v_text("x1"), "a text for an integer", false},
        {must, DF_V_NULL, "NULL where none may be", true},
    };
    run_sql(conn, DF_OK,
            "CREATE TABLE narrow (wide VARCHAR(3), small SMALLINT, must INTEGER DEFAULT 1 NOT NULL)");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(fl->engine, "sqlite") == 0 && !cases[i].in_sqlite) continue;
        df_error err;
        narrow n = {3, cases[i].value};
        check(df_begin(conn, &err) == DF_OK, "begin");
        df_code code =
            df_bulk_load(conn, "narrow", cases[i].column, 1, &(df_row_source){&n, next_narrow}, NULL, &err);
        check_code(code, DF_FAILED, &err, cases[i].what);
        df_rollback(conn);
    }
    check(ask_int(conn, "SELECT COUNT(*) FROM narrow") == 0, "nothing was cut to fit");
    run_sql(conn, DF_OK, "DROP TABLE narrow");
}

static void test_odd_calls(df_conn *conn)
{
    df_error err;
    source s = rows_of(5);
    run_sql(conn, DF_OK, "DELETE FROM bulk");
    check(load(conn, &s, NULL, &err) == DF_BUG, "bulk loading needs a transaction");
    test_many(conn, 0, "no rows at all");
    static const char *const odd[] = {"select", "a b\"c`d"};
    if (strcmp(fl->engine, "mariadb") == 0) {
        run_sql(conn, DF_OK, "CREATE TABLE `order` (`select` INTEGER, `a b\"c``d` INTEGER)");
    } else {
        run_sql(conn, DF_OK, "CREATE TABLE \"order\" (\"select\" INTEGER, \"a b\"\"c`d\" INTEGER)");
    }
    narrow n = {4, df_v_int(1)};
    check(df_begin(conn, &err) == DF_OK, "begin");
    check_code(df_bulk_load(conn, "order", odd, 1, &(df_row_source){&n, next_narrow}, NULL, &err), DF_OK,
               &err, "names that are keywords are quoted");
    check(df_commit(conn, &err) == DF_OK, "commit");
    n.left = 2;
    check(df_begin(conn, &err) == DF_OK, "begin");
    check_code(df_bulk_load(conn, "order", odd + 1, 1, &(df_row_source){&n, next_narrow}, NULL, &err), DF_OK,
               &err, "names with quotes in them are quoted");
    check(df_commit(conn, &err) == DF_OK, "commit");
    check(ask_int(conn, "SELECT COUNT(*) FROM \"order\"") == 6, "and the rows are there");
    check(df_begin(conn, &err) == DF_OK, "begin");
    check_code(df_bulk_load(conn, "no_such", odd, 1, &(df_row_source){&n, next_narrow}, NULL, &err),
               DF_NOT_FOUND, &err, "a missing table");
    df_rollback(conn);
    run_sql(conn, DF_OK, "DROP TABLE \"order\"");
}

/* Where LOAD DATA LOCAL is forbidden, INSERTs do the same: noticed at connecting, and noticed too late. */
static void test_without_local_infile(df_conn *conn)
{
    df_error err;
    run_sql(conn, DF_OK, "SET GLOBAL local_infile = 0");
    test_many(conn, 20000, "the server stopped taking LOAD DATA");
    source bad = rows_of(1000);
    bad.duplicate_at = 700;
    test_failing(conn, bad, DF_CONFLICT, "", "a duplicate key, by INSERT");
    df_conn *other = connect_or_die();
    test_many(other, 20000, "the server never took LOAD DATA");
    df_buf big = {0};
    for (int i = 0; i < 20 << 20; i++) df_buf_char(&big, 'x');
    source s = rows_of(5);
    s.special = df_v_str(df_buf_str(&big));
    check(df_begin(other, &err) == DF_OK, "begin");
    run_sql(other, DF_OK, "DELETE FROM bulk");
    df_code code = load(other, &s, NULL, &err);
    check(code == DF_FAILED && strstr(err.message, "max_allowed_packet"),
          "a row too large for a packet says so");
    df_rollback(other);
    df_buf_release(&big);
    df_disconnect(other);
    run_sql(conn, DF_OK, "SET GLOBAL local_infile = 1");
}

void test_bulk(void)
{
    df_conn *conn = connect_or_die();
    run_sql(conn, DF_OK, "CREATE TABLE bulk (id BIGINT PRIMARY KEY, i BIGINT, d %s, b %s, t %s, x %s)",
            fl->real, fl->boolean, fl->text, fl->blob);
    test_many(conn, 100000, "100,000 hostile rows");
    test_refused_rows(conn);
    test_lost_data(conn);
    test_odd_calls(conn);
    if (strcmp(fl->engine, "mariadb") == 0) test_without_local_infile(conn);
    run_sql(conn, DF_OK, "DROP TABLE bulk");
    df_disconnect(conn);
}
