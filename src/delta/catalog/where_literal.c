/* SPDX-License-Identifier: Apache-2.0 */
/* Literals as values of the columns that they are compared with. */
#include "base/clock.h"
#include "delta/catalog/where_int.h"

#include <math.h>
#include <strings.h>

static const int64_t DAY_US = 86400000000;

static const char *literal_name(const where_literal *literal)
{
    switch (literal->kind) {
    case WHERE_LITERAL_NULL: return "NULL";
    case WHERE_LITERAL_BOOL: return "TRUE or FALSE";
    case WHERE_LITERAL_NUMBER: return "a number";
    case WHERE_LITERAL_STRING: return "a text";
    case WHERE_LITERAL_DATE: return "a DATE";
    case WHERE_LITERAL_TIMESTAMP: return "a TIMESTAMP";
    case WHERE_LITERAL_BINARY: return "a binary literal";
    }
    return "a literal";
}

/* What a column's values are called, and how they are written. */
static const char *type_name(const delta_type *type, const char **written)
{
    switch (type->id) {
    case DELTA_TYPE_BOOLEAN: *written = "write TRUE or FALSE"; return "a boolean";
    case DELTA_TYPE_INTEGER: *written = "write a number: 42"; return "an integer";
    case DELTA_TYPE_FLOAT:
    case DELTA_TYPE_DOUBLE: *written = "write a number: 4.2"; return "a floating-point number";
    case DELTA_TYPE_DECIMAL: *written = "write a number: 4.20"; return "a decimal number";
    case DELTA_TYPE_STRING: *written = "write a text in single quotes: 'abc'"; return "a string";
    case DELTA_TYPE_BINARY: *written = "write X'…' with hexadecimal digits"; return "binary";
    case DELTA_TYPE_DATE: *written = "write DATE '2026-01-31'"; return "a date";
    case DELTA_TYPE_TIMESTAMP:
    case DELTA_TYPE_TIMESTAMP_NTZ: *written = "write TIMESTAMP '2026-01-31 12:00:00Z'"; return "a timestamp";
    case DELTA_TYPE_OTHER: break;
    }
    *written = "only IS NULL and IS NOT NULL are possible";
    return "not of a comparable type";
}

/* The literal cannot be compared with the column at all, or is no value of its type. */
static df_code mismatch(df_str expression, const delta_where_column *column, const where_literal *literal,
                        bool comparable, df_error *err)
{
    const char *written, *type = type_name(&column->type, &written), *name = literal_name(literal);
    df_str c = column->name;
    if (!comparable)
        return where_fail_at(expression, literal->at, written, err,
                             "column %.*s is %s and cannot be compared with %s", DF_FMT(c), type, name);
    if (literal->kind == WHERE_LITERAL_NUMBER)
        return where_fail_at(expression, literal->at, NULL, err,
                             "the number has more digits than can be compared exactly");
    return where_fail_at(expression, literal->at, written, err, "column %.*s is %s, and this text is none",
                         DF_FMT(c), type);
}

bool where_time_parse(df_str text, where_time *out)
{
    *out = (where_time){0};
    if (!df_time_parse_us(text, &out->us)) return false;
    df_str time = df_str_skip(text, text.ptr[0] == '-' ? 11 : 10); /* behind the date */
    for (size_t i = 0; i < time.len; i++) {
        if (time.ptr[i] == '.')
            while (i + 1 + out->digits < time.len && time.ptr[i + 1 + out->digits] >= '0' &&
                   time.ptr[i + 1 + out->digits] <= '9')
                out->digits++;
        out->has_zone = out->has_zone || strchr("Zz+-", time.ptr[i]);
    }
    return true;
}

/* An exact number between (or on) two values of a type that counts in units of 10^-scale. */
static void bind_exact(const delta_type *type, const where_decimal *number, df_arena *arena, where_bound *out)
{
    where_int128 floor, ceiling;
    /* A literal with an exponent is a double to most readers, so it may mean what a double cannot tell from
     * it. */
    where_decimal_at(number, type->scale, number->exponent, &floor, &ceiling);
    out->between = floor < ceiling;
    where_int128 low = out->between ? floor : ceiling, high = out->between ? ceiling : floor;
    if (type->kind == DELTA_KIND_TEXT) {
        out->low.s = where_sortable(arena, low);
        out->high.s = where_sortable(arena, high);
        return;
    }
    out->above = low > INT64_MAX || (out->between && high > INT64_MAX);
    out->below = high < INT64_MIN || (out->between && low < INT64_MIN);
    out->low.i = low < INT64_MIN ? INT64_MIN : low > INT64_MAX ? INT64_MAX : (int64_t)low;
    out->high.i = high > INT64_MAX ? INT64_MAX : high < INT64_MIN ? INT64_MIN : (int64_t)high;
}

static bool bind_real(const delta_type *type, df_str text, where_bound *out)
{
    static const struct {
        const char *name;
        double value;
    } special[] = {{"nan", 0},       {"infinity", 1},   {"inf", 1},
                   {"+infinity", 1}, {"-infinity", -1}, {"-inf", -1}};
    double value = 0;
    bool named = false;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        if (text.len != strlen(special[i].name) || strncasecmp(text.ptr, special[i].name, text.len)) continue;
        named = true;
        out->nan = special[i].value == 0;
        value = special[i].value * HUGE_VAL;
    }
    if (out->nan) return true;
    if (!named && !where_double_parse(text, &value)) return false;
    out->low.d = out->high.d = value;
    if (type->single) where_single(value, &out->low.d, &out->high.d);
    return true;
}

static bool bind_string(const delta_type *type, df_str text, df_arena *arena, where_bound *out)
{
    out->low.s = out->high.s = text;
    if (!type->char_length) return true;
    while (out->low.s.len && text.ptr[out->low.s.len - 1] == ' ') out->low.s.len--;
    size_t padded = out->low.s.len + type->char_length;
    char *blanks = df_arena_try(arena, padded + 1);
    if (!blanks) return false;
    memset(blanks, ' ', padded);
    memcpy(blanks, text.ptr, out->low.s.len);
    out->high.s = (df_str){blanks, padded};
    return true;
}

static bool bind_time(const delta_type *type, const where_literal *literal, where_bound *out)
{
    int64_t us = literal->i;
    if (literal->kind == WHERE_LITERAL_DATE) us *= DAY_US;
    if (literal->kind == WHERE_LITERAL_STRING) {
        where_time time;
        if (!where_time_parse(literal->text, &time) || time.digits > 6) return false;
        us = time.us;
        /* Readers disagree whether a date equals the text of a time of that day. */
        if (type->id == DELTA_TYPE_DATE && us % DAY_US) return false;
    }
    out->low.i = out->high.i = us;
    if (type->id != DELTA_TYPE_DATE) return true;
    out->between = us % DAY_US != 0;
    out->low.i = us / DAY_US - (us % DAY_US < 0);
    out->high.i = out->low.i + out->between;
    return true;
}

static bool bind_bool(const where_literal *literal, where_bound *out)
{
    df_str t = literal->text;
    bool is_true =
        literal->kind == WHERE_LITERAL_BOOL ? literal->i != 0 : t.len == 4 && !strncasecmp(t.ptr, "true", 4);
    if (literal->kind == WHERE_LITERAL_STRING && !is_true && (t.len != 5 || strncasecmp(t.ptr, "false", 5)))
        return false;
    out->low.i = out->high.i = is_true;
    return true;
}

df_code where_bind(df_str expression, const delta_where_column *column, const where_literal *literal,
                   df_arena *arena, where_bound *out, df_error *err)
{
    const delta_type *type = &column->type;
    where_literal_kind kind = literal->kind;
    bool text = kind == WHERE_LITERAL_STRING, number = kind == WHERE_LITERAL_NUMBER;
    where_decimal decimal;
    *out = (where_bound){0};
    switch (type->id) {
    case DELTA_TYPE_BOOLEAN:
        if (!text && kind != WHERE_LITERAL_BOOL) break;
        return bind_bool(literal, out) ? DF_OK : mismatch(expression, column, literal, true, err);
    case DELTA_TYPE_INTEGER:
    case DELTA_TYPE_DECIMAL:
        if (!text && !number) break;
        if (!where_decimal_parse(literal->text, &decimal))
            return mismatch(expression, column, literal, true, err);
        bind_exact(type, &decimal, arena, out);
        return DF_OK;
    case DELTA_TYPE_FLOAT:
    case DELTA_TYPE_DOUBLE:
        if (!text && !number) break;
        return bind_real(type, literal->text, out) ? DF_OK : mismatch(expression, column, literal, true, err);
    case DELTA_TYPE_STRING:
        if (!text) break;
        return bind_string(type, literal->text, arena, out)
                   ? DF_OK
                   : df_fail(err, DF_NO_MEMORY, "the literal is too long");
    case DELTA_TYPE_BINARY:
        if (!text && kind != WHERE_LITERAL_BINARY) break;
        out->low.s = out->high.s = literal->text;
        return DF_OK;
    case DELTA_TYPE_DATE:
    case DELTA_TYPE_TIMESTAMP:
    case DELTA_TYPE_TIMESTAMP_NTZ:
        if (!text && kind != WHERE_LITERAL_DATE && kind != WHERE_LITERAL_TIMESTAMP) break;
        return bind_time(type, literal, out) ? DF_OK : mismatch(expression, column, literal, true, err);
    case DELTA_TYPE_OTHER: break;
    }
    return mismatch(expression, column, literal, false, err);
}
