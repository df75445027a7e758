/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random tables, files and expressions, with an evaluator of its own: rows are compared one by one, in
 * three-valued logic, knowing nothing of bounds. What it finds true in some row, pruning must keep.
 */
#ifndef TESTS_WHERE_RANDOM_H
#define TESTS_WHERE_RANDOM_H

#include "base/clock.h"
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

__extension__ typedef __int128 big;

static uint64_t random_state;

static uint64_t random_next(void)
{
    uint64_t z = (random_state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static unsigned random_below(unsigned n)
{
    return (unsigned)(random_next() % n);
}

/* ---- columns ---- */

typedef enum family { INTEGER, REAL, SINGLE, TEXT, BOOLEAN, TIME, DAY, DECIMAL } family;

typedef struct random_column {
    const char *name, *type; /* type: as in the schema */
    family family;
    unsigned scale;
    bool partition;
    const char *parent; /* the struct it is in */
} random_column;

static const random_column random_columns[] = {
    {"i", "long", INTEGER, 0, false, NULL},
    {"d", "double", REAL, 0, false, NULL},
    {"f", "float", SINGLE, 0, false, NULL},
    {"s", "string", TEXT, 0, false, NULL},
    {"b", "boolean", BOOLEAN, 0, false, NULL},
    {"at", "timestamp", TIME, 0, false, NULL},
    {"Day", "date", DAY, 0, false, NULL},
    {"price", "decimal(10,2)", DECIMAL, 2, false, NULL},
    {"wide", "decimal(38,5)", DECIMAL, 5, false, NULL},
    {"inner", "long", INTEGER, 0, false, "nest"},
    {"pi", "integer", INTEGER, 0, true, NULL},
    {"ps", "string", TEXT, 0, true, NULL},
    {"pd", "date", DAY, 0, true, NULL},
    {"pr", "double", REAL, 0, true, NULL},
    {"pt", "timestamp", TIME, 0, true, NULL},
    {"pc", "decimal(12,3)", DECIMAL, 3, true, NULL},
};
enum { N_COLUMNS = sizeof random_columns / sizeof *random_columns, MAX_ROWS = 6 };

static const char random_schema[] =
    "{\"type\":\"struct\",\"fields\":["
    "{\"name\":\"i\",\"type\":\"long\"},{\"name\":\"d\",\"type\":\"double\"},{\"name\":\"f\",\"type\":"
    "\"float\"},"
    "{\"name\":\"s\",\"type\":\"string\"},{\"name\":\"b\",\"type\":\"boolean\"},{\"name\":\"at\",\"type\":"
    "\"timestamp\"},"
    "{\"name\":\"Day\",\"type\":\"date\"},{\"name\":\"price\",\"type\":\"decimal(10,2)\"},"
    "{\"name\":\"wide\",\"type\":\"decimal(38,5)\"},{\"name\":\"nest\",\"type\":{\"type\":\"struct\","
    "\"fields\":["
    "{\"name\":\"inner\",\"type\":\"long\"}]}},{\"name\":\"pi\",\"type\":\"integer\"},{\"name\":\"ps\","
    "\"type\":\"string\"},"
    "{\"name\":\"pd\",\"type\":\"date\"},{\"name\":\"pr\",\"type\":\"double\"},{\"name\":\"pt\",\"type\":"
    "\"timestamp\"},"
    "{\"name\":\"pc\",\"type\":\"decimal(12,3)\"}]}";
static const char random_partition_columns[] = "[\"pi\",\"ps\",\"pd\",\"pr\",\"pt\",\"pc\"]";

/* ---- values ---- */

typedef struct value {
    bool null;
    big i;    /* integers, booleans, days, microseconds, unscaled decimals */
    double d; /* floats */
    char s[80];
} value;

static void random_text(char out[80])
{
    static const char *const pieces[] = {
        "a", "b", "B", "ab", "~",  "\x7F", "\xC3\xA9", "\xF0\x9F\x98\x80", "\xEF\xBF\xBD", "\xF4\x8F\xBF\xBF",
        "'", "%", "_", "\"", "\\", " "};
    out[0] = '\0';
    unsigned n = random_below(8) ? 1 + random_below(3) : random_below(45); /* some longer than writers keep */
    for (unsigned i = 0; i < n && strlen(out) < 70; i++)
        strcat(out, pieces[random_below(3) ? random_below(3) : random_below(sizeof pieces / sizeof *pieces)]);
}

static value random_value(const random_column *c)
{
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, INT64_MAX - 1, 9007199254740993,
                                       -9007199254740993};
    static const double doubles[] = {0.0, -0.0, 0.1, 1e308, -1e308, 5e-324, HUGE_VAL, -HUGE_VAL, NAN, 1.5};
    value v = {0};
    switch (c->family) {
    case INTEGER:
        v.i = random_below(20) || c->partition ? (int)random_below(15) - 7 : extremes[random_below(5)];
        break;
    case BOOLEAN: v.i = random_below(2); break;
    case REAL: v.d = random_below(4) ? (int)random_below(20) / 2.0 - 5 : doubles[random_below(10)]; break;
    case SINGLE:
        v.d = random_below(4) ? (int)random_below(20) / 2.0 - 5 : (double)(float)doubles[random_below(3)];
        break;
    case TEXT:
        random_text(v.s);
        v.null = c->partition && !v.s[0];
        break; /* an empty partition value is null */
    case TIME: v.i = ((big)random_below(6) - 3) * 86400000000 + (int)random_below(5) * 250333; break;
    case DAY: v.i = (int)random_below(40) - 20; break;
    case DECIMAL:
        v.i = (int)random_below(1000) - 500;
        if (c->scale == 5 && !random_below(2))
            v.i = (v.i * 1000000000000000 + random_below(1000)) * 100000000000000 + 7;
        break;
    }
    return v;
}

/* As Spark orders: NaN equals itself and is greater than all else; texts by bytes. */
static int compare_values(family f, const value *a, const value *b)
{
    if (f == TEXT) return strcmp(a->s, b->s);
    if (f == REAL || f == SINGLE) {
        if (isnan(a->d) || isnan(b->d)) return isnan(a->d) - isnan(b->d);
        return (a->d > b->d) - (a->d < b->d);
    }
    return (a->i > b->i) - (a->i < b->i);
}

static void put_big(df_buf *out, big v, unsigned scale)
{
    char digits[64];
    int n = 0;
    __extension__ unsigned __int128 u = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
    do digits[n++] = (char)('0' + (int)(u % 10)), u /= 10;
    while (u || n <= (int)scale);
    if (v < 0) df_buf_char(out, '-');
    while (n-- > 0) {
        df_buf_char(out, digits[n]);
        if (scale && n == (int)scale) df_buf_char(out, '.');
    }
}

static void put_day(df_buf *out, int64_t days)
{
    int64_t year;
    unsigned month, day;
    df_civil_from_days(days, &year, &month, &day);
    df_buf_printf(out, "%04lld-%02u-%02u", (long long)year, month, day);
}

static void put_time(df_buf *out, int64_t us, unsigned digits, char between)
{
    int64_t days = us / 86400000000 - (us % 86400000000 < 0), rest = us - days * 86400000000;
    put_day(out, days);
    df_buf_printf(out, "%c%02d:%02d:%02d", between, (int)(rest / 3600000000), (int)(rest / 60000000 % 60),
                  (int)(rest / 1000000 % 60));
    if (digits == 3) df_buf_printf(out, ".%03d", (int)(rest % 1000000 / 1000));
    if (digits == 6) df_buf_printf(out, ".%06d", (int)(rest % 1000000));
}

static void put_double(df_buf *out, double d)
{
    if (isnan(d))
        df_buf_text(out, "NaN");
    else if (isinf(d))
        df_buf_text(out, d < 0 ? "-Infinity" : "Infinity");
    else
        df_buf_printf(out, "%.17g", d);
}

static void put_quoted(df_buf *out, const char *text)
{
    df_buf_char(out, '\'');
    for (; *text; text++) {
        if (*text == '\'') df_buf_char(out, '\'');
        df_buf_char(out, *text);
    }
    df_buf_char(out, '\'');
}

static void put_literal(df_buf *out, const random_column *c, const value *v)
{
    df_buf text = {0};
    if (v->null) {
        df_buf_text(out, "NULL");
        return;
    }
    switch (c->family) {
    case INTEGER:
    case DECIMAL: put_big(out, v->i, c->scale); break;
    case BOOLEAN: df_buf_text(out, v->i ? "TRUE" : "false"); break;
    case REAL:
    case SINGLE:
        put_double(&text, v->d);
        if (isfinite(v->d))
            df_buf_str_add(out, df_buf_str(&text));
        else
            put_quoted(out, df_buf_cstr(&text));
        break;
    case TEXT: put_quoted(out, v->s); break;
    case TIME:
        df_buf_text(out, "TIMESTAMP '");
        put_time(out, (int64_t)v->i, 6, 'T');
        df_buf_text(out, "Z'");
        break;
    case DAY:
        df_buf_text(out, "DATE '");
        put_day(out, (int64_t)v->i);
        df_buf_char(out, '\'');
        break;
    }
    df_buf_release(&text);
}

/* ---- files ---- */

typedef struct random_file {
    value rows[MAX_ROWS][N_COLUMNS];
    unsigned n_rows;
    df_buf stats, partition;
    bool no_stats;
} random_file;

static void put_partition_value(df_buf *out, const random_column *c, const value *v)
{
    df_buf text = {0};
    if (v->null) {
        df_buf_text(out, c->family == TEXT ? "\"\"" : "null");
        return;
    }
    if (c->family == TEXT)
        df_buf_text(&text, v->s);
    else if (c->family == DAY)
        put_day(&text, (int64_t)v->i);
    else if (c->family == REAL)
        put_double(&text, v->d);
    else if (c->family == TIME) {
        bool iso = v->i % 2 != 0;
        put_time(&text, (int64_t)v->i, 6, iso ? 'T' : ' ');
        if (iso) df_buf_char(&text, 'Z');
    } else {
        put_big(&text, v->i, c->scale);
    }
    df_json_put_str(out, df_buf_str(&text));
    df_buf_release(&text);
}

/* A bound as some writer would write it: cut, rounded, through a double. */
static void put_bound(df_buf *out, const random_column *c, const value *v, bool maximum)
{
    df_buf text = {0};
    switch (c->family) {
    case TEXT: {
        size_t cut = 0, characters = 0;
        while (v->s[cut] && characters < 32) {
            do cut++;
            while (((unsigned char)v->s[cut] & 0xC0) == 0x80);
            characters++;
        }
        df_buf_add(&text, v->s, cut);
        if (maximum && v->s[cut] && random_below(2)) df_buf_text(&text, "\xF4\x8F\xBF\xBF");
        df_json_put_str(out, df_buf_str(&text));
        break;
    }
    case REAL:
    case SINGLE:
        if (isinf(v->d))
            df_buf_printf(out, "\"%sInfinity\"", v->d < 0 ? "-" : "");
        else if (c->family == SINGLE)
            df_buf_printf(out, "%.9g", v->d);
        else
            df_buf_printf(out, "%.17g", v->d);
        break;
    case BOOLEAN: df_buf_text(out, v->i ? "true" : "false"); break;
    case TIME: {
        int64_t us = (int64_t)v->i;
        bool cut = random_below(2) != 0;
        if (cut) us -= (us % 1000 + 1000) % 1000;
        df_buf_char(out, '"');
        put_time(out, us, cut ? 3 : 6, 'T');
        df_buf_text(out, "Z\"");
        break;
    }
    case DAY:
        df_buf_char(out, '"');
        put_day(out, (int64_t)v->i);
        df_buf_char(out, '"');
        break;
    case INTEGER: put_big(out, v->i, 0); break;
    case DECIMAL:
        put_big(&text, v->i, c->scale);
        if (random_below(2))
            df_buf_str_add(out, df_buf_str(&text));
        else
            df_buf_printf(out, "%.17g", strtod(df_buf_cstr(&text), NULL));
        break;
    }
    df_buf_release(&text);
}

static void put_stats_member(df_buf *out, const random_file *file, size_t column, const char *member)
{
    const random_column *c = &random_columns[column];
    const value *low = NULL, *high = NULL;
    unsigned nulls = 0;
    for (unsigned r = 0; r < file->n_rows; r++) {
        const value *v = &file->rows[r][column];
        nulls += v->null;
        if (v->null || ((c->family == REAL || c->family == SINGLE) && isnan(v->d))) continue;
        if (!low || compare_values(c->family, v, low) < 0) low = v;
        if (!high || compare_values(c->family, v, high) > 0) high = v;
    }
    df_buf text = {0};
    if (!strcmp(member, "nullCount"))
        df_buf_int(&text, nulls);
    else if (!strcmp(member, "minValues") && low)
        put_bound(&text, c, low, false);
    else if (!strcmp(member, "maxValues") && high)
        put_bound(&text, c, high, true);
    if (text.len) {
        if (out->ptr[out->len - 1] != '{') df_buf_char(out, ',');
        if (c->parent) df_buf_printf(out, "\"%s\":{", c->parent);
        df_buf_printf(out, "\"%s\":%s", c->name, df_buf_cstr(&text));
        if (c->parent) df_buf_char(out, '}');
    }
    df_buf_release(&text);
}

static void random_file_make(random_file *file)
{
    *file = (random_file){.n_rows = 1 + random_below(MAX_ROWS), .no_stats = !random_below(15)};
    bool all_null[N_COLUMNS], constant[N_COLUMNS];
    for (size_t c = 0; c < N_COLUMNS; c++) {
        all_null[c] = !random_below(12);
        constant[c] = random_columns[c].partition || !random_below(5);
    }
    for (unsigned r = 0; r < file->n_rows; r++) {
        for (size_t c = 0; c < N_COLUMNS; c++) {
            value *v = &file->rows[r][c];
            if (r && constant[c]) {
                *v = file->rows[0][c];
                continue;
            }
            *v = random_value(&random_columns[c]);
            v->null = v->null || all_null[c] || (!random_columns[c].partition && !random_below(10));
        }
    }
    df_buf_printf(&file->stats, "{\"numRecords\":%u", file->n_rows);
    static const char *const members[] = {"minValues", "maxValues", "nullCount"};
    for (size_t m = 0; m < 3; m++) {
        df_buf_printf(&file->stats, ",\"%s\":{", members[m]);
        for (size_t c = 0; c < N_COLUMNS; c++)
            if (!random_columns[c].partition && random_below(40))
                put_stats_member(&file->stats, file, c, members[m]);
        df_buf_char(&file->stats, '}');
    }
    df_buf_char(&file->stats, '}');
    df_buf_char(&file->partition, '{');
    static const char *const sorted[] = {"pc", "pd", "pi", "pr", "ps", "pt"};
    for (size_t i = 0; i < 6; i++) {
        for (size_t c = 0; c < N_COLUMNS; c++) {
            if (strcmp(random_columns[c].name, sorted[i])) continue;
            df_buf_printf(&file->partition, "%s\"%s\":", i ? "," : "", sorted[i]);
            put_partition_value(&file->partition, &random_columns[c], &file->rows[0][c]);
        }
    }
    df_buf_char(&file->partition, '}');
}

static void random_file_release(random_file *file)
{
    df_buf_release(&file->stats);
    df_buf_release(&file->partition);
}

/* ---- expressions: printed, and answered for a row at the same time ---- */

typedef enum truth { FALSE_, UNKNOWN_, TRUE_ } truth;

typedef struct expression {
    char op[12]; /* AND OR NOT = != < <= > >= IN BETWEEN NULL LIKE */
    bool negated;
    size_t column, n;
    value values[6];
    struct expression *kids[3];
} expression;

static expression *random_expression(unsigned depth)
{
    static const char *const ops[] = {"=", "!=", "<", "<=", ">", ">=", "IN", "BETWEEN", "NULL", "LIKE"};
    expression *e = df_zalloc(sizeof *e);
    if (depth && random_below(3)) {
        strcpy(e->op, !random_below(5) ? "NOT" : random_below(2) ? "AND" : "OR");
        e->n = e->op[0] == 'N' ? 1 : 2 + random_below(2);
        for (size_t i = 0; i < e->n; i++) e->kids[i] = random_expression(depth - 1);
        return e;
    }
    e->column = random_below(N_COLUMNS);
    const random_column *c = &random_columns[e->column];
    strcpy(e->op, ops[random_below(10)]);
    if (!strcmp(e->op, "LIKE") && c->family != TEXT) strcpy(e->op, "<");
    e->negated = strlen(e->op) > 2 || e->op[0] == 'I' ? random_below(3) == 0 : false;
    e->n = !strcmp(e->op, "IN") ? 1 + random_below(5) : !strcmp(e->op, "BETWEEN") ? 2 : 1;
    for (size_t i = 0; i < e->n; i++) {
        e->values[i] = random_value(c);
        e->values[i].null = !strcmp(e->op, "LIKE") ? false : !random_below(25);
    }
    return e;
}

static void free_expression(expression *e)
{
    for (size_t i = 0; i < 3; i++)
        if (e->kids[i]) free_expression(e->kids[i]);
    free(e);
}

/* The pattern of LIKE: the text, which may hold wildcards itself, and % behind. */
static void put_expression(df_buf *out, const expression *e)
{
    const random_column *c = &random_columns[e->column];
    if (e->kids[0]) {
        if (e->op[0] == 'N') df_buf_text(out, "NOT ");
        df_buf_char(out, '(');
        for (size_t i = 0; i < e->n; i++) {
            if (i) df_buf_printf(out, " %s ", e->op);
            put_expression(out, e->kids[i]);
        }
        df_buf_char(out, ')');
        return;
    }
    if (c->parent) df_buf_printf(out, "%s.", c->parent);
    df_buf_text(out, c->name);
    if (!strcmp(e->op, "NULL")) {
        df_buf_text(out, e->negated ? " IS NOT NULL" : " IS NULL");
        return;
    }
    df_buf_printf(out, " %s%s ", e->negated ? "NOT " : "", e->op);
    if (!strcmp(e->op, "IN")) df_buf_char(out, '(');
    for (size_t i = 0; i < e->n; i++) {
        if (i) df_buf_text(out, !strcmp(e->op, "IN") ? ", " : " AND ");
        if (!strcmp(e->op, "LIKE")) {
            char pattern[84];
            snprintf(pattern, sizeof pattern, "%s%%", e->values[i].s);
            put_quoted(out, pattern);
        } else {
            put_literal(out, c, &e->values[i]);
        }
    }
    if (!strcmp(e->op, "IN")) df_buf_char(out, ')');
}

static truth negate_if(bool negate, truth t)
{
    return negate ? (truth)(TRUE_ - t) : t;
}

static truth compare_truth(const char *op, family f, const value *a, const value *b)
{
    if (a->null || b->null) return UNKNOWN_;
    int order = compare_values(f, a, b);
    bool yes = op[0] == '='   ? order == 0
               : op[0] == '!' ? order != 0
               : op[0] == '<' ? order < 0 || (op[1] && order == 0)
                              : order > 0 || (op[1] && order == 0);
    return yes ? TRUE_ : FALSE_;
}

/* Recursive matching, unlike the one under test. */
static bool like(const char *text, const char *pattern)
{
    if (!*pattern) return !*text;
    if (*pattern == '%') return like(text, pattern + 1) || (*text && like(text + 1, pattern));
    if (!*text) return false;
    if (*pattern == '_') {
        do text++;
        while (((unsigned char)*text & 0xC0) == 0x80);
        return like(text, pattern + 1);
    }
    if (*pattern == '\\' && pattern[1]) pattern++;
    return *text == *pattern && like(text + 1, pattern + 1);
}

static truth evaluate(const expression *e, const value *row)
{
    if (e->kids[0]) {
        if (e->op[0] == 'N') return negate_if(true, evaluate(e->kids[0], row));
        truth t = e->op[0] == 'A' ? TRUE_ : FALSE_;
        for (size_t i = 0; i < e->n; i++) {
            truth k = evaluate(e->kids[i], row);
            if (e->op[0] == 'A' ? k < t : k > t) t = k;
        }
        return t;
    }
    family f = random_columns[e->column].family;
    const value *v = &row[e->column];
    if (!strcmp(e->op, "NULL")) return v->null != e->negated ? TRUE_ : FALSE_;
    if (!strcmp(e->op, "LIKE")) {
        char pattern[84];
        snprintf(pattern, sizeof pattern, "%s%%", e->values[0].s);
        return v->null ? UNKNOWN_ : negate_if(e->negated, like(v->s, pattern) ? TRUE_ : FALSE_);
    }
    if (!strcmp(e->op, "BETWEEN")) {
        truth low = compare_truth(">=", f, v, &e->values[0]), high = compare_truth("<=", f, v, &e->values[1]);
        return negate_if(e->negated, low < high ? low : high);
    }
    if (strcmp(e->op, "IN")) return compare_truth(e->op, f, v, &e->values[0]);
    truth t = FALSE_;
    for (size_t i = 0; i < e->n; i++) {
        truth k = compare_truth("=", f, v, &e->values[i]);
        if (k > t) t = k;
    }
    return negate_if(e->negated, t);
}

#endif
