/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/neo4j/temporal.h"

#include "base/clock.h"
#include "engine/neo4j/zone.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SCALAR_FIELDS = 4, DAY_S = 86400 };

/* Beyond what the server can hold (a year of nine digits), and far from where sums overflow. */
static const int64_t DAYS_MOST = 366000000000, SECONDS_MOST = 366000000000 * DAY_S;

/* ---- numbers ---- */

static void strip_zeros(char *digits)
{
    char *end = strchr(digits, 'E');
    if (!end) end = digits + strlen(digits);
    char *keep = end;
    while (keep > digits + 1 && keep[-1] == '0' && keep[-2] != '.') keep--;
    memmove(keep, end, strlen(end) + 1);
}

/* The fewest digits that are read back as the same number. */
static void shortest(double d, char out[40])
{
    for (int digits = fabs(d) < DBL_MIN ? 1 : 14; digits <= 16; digits++) { /* the smallest have few */
        snprintf(out, 40, "%.*E", digits, d);
        if (strtod(out, NULL) == d) return;
    }
}

void ps_put_double(df_buf *out, double d)
{
    char text[400];
    if (isnan(d)) {
        df_buf_text(out, "NaN");
    } else if (isinf(d)) {
        df_buf_text(out, d < 0 ? "-Infinity" : "Infinity");
    } else {
        shortest(d, text);
        char *e = strchr(text, 'E');
        int exponent = atoi(e + 1);
        if (d == 0 || (exponent >= -3 && exponent < 7)) {
            int significant = (int)(e - text) - (text[0] == '-') - 2; /* digits behind the point */
            int places = significant - exponent;
            snprintf(text, sizeof text, "%.*f", places < 1 ? 1 : places, d);
        } else {
            snprintf(e, 12, "E%d", exponent);
        }
        strip_zeros(text);
        df_buf_text(out, text);
    }
}

void ps_put_hex(df_buf *out, df_str bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *to = df_buf_reserve(out, 2 + 2 * bytes.len);
    *to++ = '0', *to++ = 'x';
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        *to++ = digits[c >> 4], *to++ = digits[c & 15];
    }
    out->len += 2 + 2 * bytes.len;
}

/* ---- dates and times ---- */

static void put_date(df_buf *out, int64_t days)
{
    int64_t year;
    unsigned month, day;
    df_civil_from_days(days, &year, &month, &day);
    if (year > 9999) df_buf_char(out, '+');
    df_buf_printf(out, year < 0 ? "%05" PRId64 "-%02u-%02u" : "%04" PRId64 "-%02u-%02u", year, month, day);
}

static void put_fraction(df_buf *out, int64_t nanoseconds)
{
    if (!nanoseconds) return;
    df_buf_printf(out, ".%09" PRId64, nanoseconds);
    while (out->ptr[out->len - 1] == '0') out->len--;
}

static void put_clock(df_buf *out, int64_t second_of_day, int64_t nanoseconds)
{
    df_buf_printf(out, "%02" PRId64 ":%02" PRId64 ":%02" PRId64, second_of_day / 3600,
                  second_of_day / 60 % 60, second_of_day % 60);
    put_fraction(out, nanoseconds);
}

static void put_offset(df_buf *out, int64_t offset)
{
    if (!offset) {
        df_buf_char(out, 'Z');
        return;
    }
    int64_t size = offset < 0 ? -offset : offset;
    df_buf_printf(out, "%c%02" PRId64 ":%02" PRId64, offset < 0 ? '-' : '+', size / 3600, size / 60 % 60);
    if (size % 60) df_buf_printf(out, ":%02" PRId64, size % 60);
}

static void put_date_time(df_buf *out, int64_t seconds, int64_t nanoseconds)
{
    int64_t days = seconds / DAY_S, rest = seconds % DAY_S;
    if (rest < 0) rest += DAY_S, days--;
    put_date(out, days);
    df_buf_char(out, 'T');
    put_clock(out, rest, nanoseconds);
}

static void put_part(df_buf *out, int64_t value, char unit)
{
    if (value) df_buf_printf(out, "%" PRId64 "%c", value, unit);
}

/* Seconds and nanoseconds have the sign of the whole: -1 s and 500000000 ns are half a second, negative. */
static void put_seconds(df_buf *out, int64_t seconds, int64_t nanoseconds)
{
    if (seconds < 0 && nanoseconds > 0) {
        if (seconds == -1) df_buf_char(out, '-');
        seconds++;
        nanoseconds = 1000000000 - nanoseconds;
    }
    if (!seconds && !nanoseconds) return;
    df_buf_printf(out, "%" PRId64, seconds);
    put_fraction(out, nanoseconds);
    df_buf_char(out, 'S');
}

static void put_duration(df_buf *out, int64_t months, int64_t days, int64_t seconds, int64_t nanoseconds)
{
    df_buf_char(out, 'P');
    put_part(out, months / 12, 'Y');
    put_part(out, months % 12, 'M');
    put_part(out, days, 'D');
    if (seconds || nanoseconds) {
        df_buf_char(out, 'T');
        bool carried = seconds < 0 && nanoseconds > 0;
        int64_t whole = carried ? seconds + 1 : seconds;
        put_part(out, whole / 3600, 'H');
        put_part(out, whole / 60 % 60, 'M');
        put_seconds(out, whole % 60 - carried, nanoseconds);
    } else if (!months && !days) {
        df_buf_text(out, "T0S");
    }
}

/* ---- points and vectors ---- */

static void put_point(df_buf *out, int64_t srid, const double *at, size_t n)
{
    bool earth = srid == 4326 || srid == 4979;
    df_buf_text(out, "point({");
    for (size_t i = 0; i < n; i++) {
        df_buf_printf(out, "%c: ", "xyz"[i]);
        ps_put_double(out, at[i]);
        df_buf_text(out, ", ");
    }
    if (srid == 7203 || srid == 9157 || earth)
        df_buf_printf(out, "crs: '%s%s'})", earth ? "wgs-84" : "cartesian", n == 3 ? "-3d" : "");
    else
        df_buf_printf(out, "srid: %" PRId64 "})", srid);
}

/* Elements are big-endian; the type is the marker that PackStream has for it (0xC6: a float of 4 bytes). */
static bool vector_type(df_str type, size_t *width, const char **name, bool *whole)
{
    if (type.len != 1) return false;
    switch ((unsigned char)type.ptr[0]) {
    case 0xC8: return *width = 1, *name = "INTEGER8", *whole = true;
    case 0xC9: return *width = 2, *name = "INTEGER16", *whole = true;
    case 0xCA: return *width = 4, *name = "INTEGER32", *whole = true;
    case 0xCB: return *width = 8, *name = "INTEGER", *whole = true;
    case 0xC6: return *width = 4, *name = "FLOAT32", *whole = false, true;
    case 0xC1: return *width = 8, *name = "FLOAT", *whole = false, true;
    default: return false;
    }
}

static void put_element(df_buf *out, const char *at, size_t width, bool whole)
{
    uint64_t raw = 0;
    for (size_t i = 0; i < width; i++) raw = raw << 8 | (unsigned char)at[i];
    unsigned shift = (unsigned)(64 - 8 * width);
    if (whole) {
        df_buf_int(out, (int64_t)(raw << shift) >> shift);
    } else if (width == 4) {
        uint32_t half = (uint32_t)raw;
        float f;
        char text[32];
        memcpy(&f, &half, sizeof f);
        for (int digits = 6; digits <= 9; digits++) { /* the fewest that a float is read back from */
            snprintf(text, sizeof text, "%.*g", digits, (double)f);
            if (strtof(text, NULL) == f) break;
        }
        ps_put_double(out, strtod(text, NULL));
    } else {
        double d;
        memcpy(&d, &raw, sizeof d);
        ps_put_double(out, d);
    }
}

static bool put_vector(df_buf *out, df_str type, df_str data)
{
    size_t width;
    const char *name;
    bool whole;
    if (!vector_type(type, &width, &name, &whole) || data.len % width) return false;
    df_buf_text(out, "vector([");
    for (size_t i = 0; i < data.len; i += width) {
        if (i) df_buf_text(out, ", ");
        put_element(out, data.ptr + i, width, whole);
    }
    df_buf_printf(out, "], %zu, %s)", data.len / width, name);
    return true;
}

/* ---- by tag ---- */

/* What the members of each must be: i(nteger), f(loat), s(tring), b(ytes). */
static const struct {
    uint8_t tag;
    const char *members;
} shapes[] = {
    {PS_DATE, "i"},
    {PS_TIME, "ii"},
    {PS_LOCAL_TIME, "i"},
    {PS_DATE_TIME, "iii"},
    {PS_LEGACY_DATE_TIME, "iii"},
    {PS_DATE_TIME_ZONE, "iis"},
    {PS_LEGACY_DATE_TIME_ZONE, "iis"},
    {PS_LOCAL_DATE_TIME, "ii"},
    {PS_DURATION, "iiii"},
    {PS_POINT_2D, "iff"},
    {PS_POINT_3D, "ifff"},
    {PS_VECTOR, "bb"},
};

static const char *shape_of(uint8_t tag)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (shapes[i].tag == tag) return shapes[i].members;
    }
    return NULL;
}

bool ps_is_scalar(uint8_t tag)
{
    return shape_of(tag) != NULL;
}

static bool fits(char member, ps_type type)
{
    switch (member) {
    case 'i': return type == PS_INT;
    case 'f': return type == PS_FLOAT;
    case 's': return type == PS_STRING;
    default: return type == PS_BYTES;
    }
}

static df_code damaged(uint8_t tag, df_error *err)
{
    return df_fail(err, DF_CORRUPT, "a PackStream structure 0x%02X is damaged", tag);
}

static bool within(int64_t value, int64_t most)
{
    return value >= -most && value <= most;
}

static bool put_time(df_buf *out, const ps_item *m, bool zoned)
{
    static const int64_t second = 1000000000;
    if (m[0].i < 0 || m[0].i >= DAY_S * second || (zoned && !within(m[1].i, DAY_S))) return false;
    put_clock(out, m[0].i / second, m[0].i % second);
    if (zoned) put_offset(out, m[1].i);
    return true;
}

/* `shift`: from the seconds on the wire to those of the place. */
static bool put_moment(df_buf *out, const ps_item *m, int64_t shift)
{
    if (!within(m[0].i, SECONDS_MOST) || !within(shift, DAY_S) || m[1].i < 0 || m[1].i > 999999999)
        return false;
    put_date_time(out, m[0].i + shift, m[1].i);
    return true;
}

static bool put_offset_moment(df_buf *out, const ps_item *m, bool utc)
{
    if (!within(m[2].i, DAY_S) || !put_moment(out, m, utc ? m[2].i : 0)) return false;
    put_offset(out, m[2].i);
    return true;
}

/* Where the zone is not known, the time is told as UTC. */
static bool put_zone_moment(df_buf *out, const ps_item *m, bool utc)
{
    int64_t offset = 0;
    if (utc && within(m[0].i, SECONDS_MOST) && !zone_offset(m[2].s, m[0].i, &offset)) offset = 0;
    if (!put_moment(out, m, offset)) return false;
    if (utc) put_offset(out, offset);
    df_buf_char(out, '[');
    df_buf_str_add(out, m[2].s);
    df_buf_char(out, ']');
    return true;
}

static bool put_known(df_buf *out, uint8_t tag, const ps_item *m)
{
    switch (tag) {
    case PS_DATE: return within(m[0].i, DAYS_MOST) && (put_date(out, m[0].i), true);
    case PS_TIME: return put_time(out, m, true);
    case PS_LOCAL_TIME: return put_time(out, m, false);
    case PS_DATE_TIME: return put_offset_moment(out, m, true);
    case PS_LEGACY_DATE_TIME: return put_offset_moment(out, m, false);
    case PS_DATE_TIME_ZONE: return put_zone_moment(out, m, true);
    case PS_LEGACY_DATE_TIME_ZONE: return put_zone_moment(out, m, false);
    case PS_LOCAL_DATE_TIME: return put_moment(out, m, 0);
    case PS_DURATION:
        return m[3].i >= 0 && m[3].i <= 999999999 &&
               (put_duration(out, m[0].i, m[1].i, m[2].i, m[3].i), true);
    case PS_POINT_2D:
    case PS_POINT_3D: {
        double at[3] = {m[1].d, m[2].d, tag == PS_POINT_3D ? m[3].d : 0};
        put_point(out, m[0].i, at, tag == PS_POINT_3D ? 3 : 2);
        return true;
    }
    default: return put_vector(out, m[0].s, m[1].s);
    }
}

df_code ps_put_scalar(ps_reader *reader, const ps_item *head, df_buf *out, df_error *err)
{
    const char *members = shape_of(head->tag);
    ps_item values[SCALAR_FIELDS] = {{0}};
    if (!members || head->count != strlen(members)) return damaged(head->tag, err);
    for (uint32_t i = 0; i < head->count; i++) {
        DF_TRY(ps_read(reader, &values[i], err));
        if (!fits(members[i], values[i].type)) return damaged(head->tag, err);
    }
    return put_known(out, head->tag, values) ? DF_OK : damaged(head->tag, err);
}
