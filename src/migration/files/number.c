/* SPDX-License-Identifier: Apache-2.0 */
/* The version of a new migration: as the newest one is numbered, and behind it. */
#include "migration/files/files_int.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 64 };

/* Seconds, or their fractions, that a stamp of so many digits holds. */
static bool is_stamp(df_str version)
{
    size_t n = version.len;
    if (n != 8 && n != 12 && n != 14 && n != 17 && n != 18 && n != 20) return false;
    for (size_t i = 0; i < n; i++)
        if (!mf_is_digit(version.ptr[i])) return false;
    int64_t month, day;
    bool parts = df_str_int64(mf_cut(version, 4, 6), &month) && df_str_int64(mf_cut(version, 6, 8), &day);
    return parts && month <= 12 && day <= 31 && (version.ptr[0] == '1' || version.ptr[0] == '2');
}

static bool is_dashed(df_str version)
{
    return version.len >= 10 && version.ptr[4] == '-' && version.ptr[7] == '-' && mf_is_digit(version.ptr[0]);
}

/* YYYYMMDDHHMMSS and six digits of the second's fraction. */
static void stamp_now(int64_t now_ms, char out[21])
{
    char time[40];
    df_time_format(now_ms, time); /* 2026-11-20T19:06:16.123Z */
    size_t n = 0;
    for (const char *p = time; *p && n < 17; p++)
        if (mf_is_digit(*p)) out[n++] = *p;
    while (n < 20) out[n++] = '0';
    out[20] = '\0';
}

static df_str dashed(df_arena *arena, const char *stamp, df_str newest)
{
    static const size_t time_only = 17; /* of 2024-01-31-120000 */
    const char *more = newest.len > time_only + 1 ? "-0000" : "";
    if (newest.len == 10)
        return df_str_from(df_arena_printf(arena, "%.4s-%.2s-%.2s", stamp, stamp + 4, stamp + 6));
    return df_str_from(
        df_arena_printf(arena, "%.4s-%.2s-%.2s-%.6s%s", stamp, stamp + 4, stamp + 6, stamp + 8, more));
}

/* The digits of a stamp, parted as those of another one are: "20251015_143022", "2025-10-15_143022". */
static df_str parted_as(df_arena *arena, const char *stamp, df_str form)
{
    char *out = df_arena_alloc(arena, form.len + 1);
    for (size_t i = 0; i < form.len; i++) out[i] = mf_is_digit(form.ptr[i]) ? *stamp++ : form.ptr[i];
    out[form.len] = '\0';
    return (df_str){out, form.len};
}

/* A date and a time with "_" between, each of whose digits has its range. */
static bool is_parted(df_str version)
{
    size_t at = version.len - 7;
    return (version.len == 15 || version.len == 17) && version.ptr[at] == '_';
}

/* A second later than it; `stamp` gets all digits. */
static void second_later(df_str version, char stamp[21])
{
    static const size_t widths[6] = {4, 2, 2, 2, 2, 2};
    int64_t n[6] = {0};
    size_t at = 0;
    for (size_t i = 0; i < 6; i++) {
        while (at < version.len && !mf_is_digit(version.ptr[at])) at++;
        (void)df_str_int64(mf_cut(version, at, at + widths[i]), &n[i]);
        at += widths[i];
    }
    int64_t days = df_days_from_civil(n[0], (unsigned)n[1], (unsigned)n[2]);
    stamp_now(((((days * 24 + n[3]) * 60 + n[4]) * 60 + n[5]) + 1) * 1000, stamp);
}

/* The last number of it, one more; as wide as it was, or wider. */
static df_str increment(df_arena *arena, df_str version)
{
    size_t end = version.len;
    while (end && !mf_is_digit(version.ptr[end - 1])) end--;
    size_t from = end;
    while (from && mf_is_digit(version.ptr[from - 1])) from--;
    char *digits = df_arena_alloc(arena, end - from + 2);
    digits[0] = '0';
    memcpy(digits + 1, version.ptr + from, end - from);
    size_t i = end - from;
    while (i > 0 && digits[i] == '9') digits[i--] = '0';
    digits[i]++;
    size_t skip = digits[0] == '0';
    return df_str_from(df_arena_printf(arena, "%.*s%.*s%.*s", (int)from, version.ptr,
                                       (int)(end - from + 1 - skip), digits + skip, (int)(version.len - end),
                                       version.ptr + end));
}

static df_str first_version(df_layout layout, bool dated, df_arena *arena, int64_t now_ms, const char *stamp)
{
    switch (layout) {
    case DF_LAYOUT_GOOSE:
    case DF_LAYOUT_DBMATE:
    case DF_LAYOUT_SQL_MIGRATE:
    case DF_LAYOUT_MYBATIS:
    case DF_LAYOUT_SQLX:
    case DF_LAYOUT_PRISMA: return df_str_from(df_arena_printf(arena, "%.14s", stamp));
    case DF_LAYOUT_KRATOS: return df_str_from(df_arena_printf(arena, "%.14s000000", stamp));
    case DF_LAYOUT_DIESEL: return dashed(arena, stamp, DF_STR_NONE);
    case DF_LAYOUT_NODE_PG: return df_str_from(df_arena_printf(arena, "%lld", (long long)now_ms));
    case DF_LAYOUT_EVOLUTIONS: return DF_STR("1");
    case DF_LAYOUT_RAMBLER: return df_str_from(df_arena_printf(arena, "%.12s", stamp));
    case DF_LAYOUT_SHMIG: return df_str_from(df_arena_printf(arena, "%lld", (long long)now_ms / 1000));
    case DF_LAYOUT_TEMPORAL: return DF_STR("1.0");
    case DF_LAYOUT_AUTHELIA: return DF_STR("0001");
    case DF_LAYOUT_NEO4J_MIGRATIONS:
        return dated ? df_str_from(df_arena_printf(arena, "%.14s", stamp)) : DF_STR("0001");
    default: break;
    }
    if (dated) return df_str_from(df_arena_printf(arena, "%.14s", stamp));
    return layout == DF_LAYOUT_FLYWAY  ? DF_STR("1")
           : layout == DF_LAYOUT_PAIRS ? DF_STR("000001")
                                       : DF_STR("001");
}

static df_str as_newest(df_arena *arena, df_str newest, int64_t now_ms, const char *stamp)
{
    if (is_parted(newest)) return parted_as(arena, stamp, newest);
    if (is_dashed(newest)) return dashed(arena, stamp, newest);
    if (is_stamp(newest)) return df_str_from(df_arena_printf(arena, "%.*s", (int)newest.len, stamp));
    bool digits = strspn(newest.ptr, "0123456789") >= newest.len;
    if (digits && newest.len == 13 && newest.ptr[0] == '1')
        return df_str_from(df_arena_printf(arena, "%lld", (long long)now_ms));
    if (digits && newest.len == 10 && newest.ptr[0] == '1')
        return df_str_from(df_arena_printf(arena, "%lld", (long long)now_ms / 1000));
    return increment(arena, newest);
}

df_str mf_next_version(df_layout layout, df_str newest, bool dated, int64_t now_ms, df_arena *arena)
{
    char stamp[21];
    stamp_now(now_ms, stamp);
    if (!newest.len || newest.len > MOST) return first_version(layout, dated, arena, now_ms, stamp);
    df_str next = as_newest(arena, newest, now_ms, stamp);
    /* Two within one second, or a stamp of the future. */
    if (df_version_compare(next, newest) > 0) return next;
    if (!is_parted(newest)) return increment(arena, newest);
    second_later(newest, stamp);
    return parted_as(arena, stamp, newest);
}
