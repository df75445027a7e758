/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <tap.h>

#include <time.h>

static void formatting(void)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1700000000123, "2023-11-14T22:13:20.123Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {-62135596800000, "0001-01-01T00:00:00.000Z"},
        {253402300800000, "10000-01-01T00:00:00.000Z"},
    };
    char text[40];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        df_time_format(cases[i].ms, text);
        int64_t back = 0;
        check(strcmp(text, cases[i].text) == 0, "%lld is %s", (long long)cases[i].ms, text);
        check(df_time_parse(df_str_from(text), &back) && back == cases[i].ms, "and is read again");
    }
    df_time_format(INT64_MIN, text);
    df_time_format(INT64_MAX, text);
    check(strlen(text) < 40, "the ends of the range fit: %s", text);
}

static void parsing(void)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t us;
    } cases[] = {
        {"1970-01-02", true, 86400000000},
        {"1970-01-01 00:00:01", true, 1000000},
        {"1970-01-01T00:00:01.5Z", true, 1500000},
        {"1970-01-01T00:00:00.000001", true, 1},
        {"1970-01-01T00:00:00.123456789", true, 123456},
        {"1970-01-01T02:00:00+02:00", true, 0},
        {"1969-12-31T19:00:00-0500", true, 0},
        {"1970-01-01T00:00", true, 0},
        {"1600-02-29", true, -11670998400000000},
        {"1900-02-29", false, 0},
        {"1970-13-01", false, 0},
        {"1970-00-10", false, 0},
        {"1970-01-32", false, 0},
        {"1970-01-01T25:00:00", false, 0},
        {"1970-01-01T24:00:01", false, 0},
        {"1970-01-01T24:00:00", true, 86400000000},
        {"1970-01-01T00:60:00", false, 0},
        {"1970-01-01T00:00:00.", false, 0},
        {"1970-01-01T00:00:00.1234567890", false, 0},
        {"1970-01-01T00:00:00 ", false, 0},
        {"1970-01-01T00:00:00+99:00", false, 0},
        {"70-01-01", false, 0},
        {"", false, 0},
        {"yesterday", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t us = 0;
        bool ok = df_time_parse_us(df_str_from(cases[i].text), &us);
        check(ok == cases[i].ok && (!ok || us == cases[i].us), "\"%s\" (%s, %lld)", cases[i].text,
              ok ? "read" : "refused", (long long)us);
    }
    int64_t ms;
    check(df_time_parse(DF_STR("1969-12-31T23:59:59.9999"), &ms) && ms == -1,
          "milliseconds round down before 1970 too");
}

/* The calendar against the C library's, every 997 days over 8000 years. */
static void calendar(void)
{
    bool same = true;
    for (int64_t day = -719528; day < 2200000 && same; day += 997) {
        int64_t year;
        unsigned month, of_month;
        df_civil_from_days(day, &year, &month, &of_month);
        time_t seconds = (time_t)day * 86400;
        struct tm tm;
        gmtime_r(&seconds, &tm);
        same = year == tm.tm_year + 1900 && month == (unsigned)tm.tm_mon + 1 &&
               of_month == (unsigned)tm.tm_mday && df_days_from_civil(year, month, of_month) == day;
        if (!same) note("day %lld", (long long)day);
    }
    check(same, "days and dates agree with gmtime");
}

static void for_people(void)
{
    df_buf buf = {0};
    static const struct {
        double seconds;
        const char *text;
    } durations[] = {{0.0001, "0.1 ms"},    {0.34, "340 ms"},    {12.44, "12.4 s"},
                     {99.96, "1 min 39 s"}, {200, "3 min 20 s"}, {7500, "2 h 05 min"}};
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        df_buf_clear(&buf);
        df_put_duration(&buf, durations[i].seconds);
        check(strcmp(df_buf_cstr(&buf), durations[i].text) == 0, "%g s is %s", durations[i].seconds,
              df_buf_cstr(&buf));
    }
    static const struct {
        int64_t n;
        const char *bytes, *count;
    } numbers[] = {{0, "0 B", "0"},
                   {999, "999 B", "999"},
                   {1536, "1.5 KiB", "1,536"},
                   {-1234567, "-1.2 MiB", "-1,234,567"},
                   {123456, "121 KiB", "123,456"},
                   {INT64_MAX, "8.0 EiB", "9,223,372,036,854,775,807"},
                   {INT64_MIN, "-8.0 EiB", "-9,223,372,036,854,775,808"}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        df_buf_clear(&buf);
        df_put_bytes(&buf, numbers[i].n);
        check(strcmp(df_buf_cstr(&buf), numbers[i].bytes) == 0, "%s is %s", numbers[i].count,
              df_buf_cstr(&buf));
        df_buf_clear(&buf);
        df_put_count(&buf, numbers[i].n);
        check(strcmp(df_buf_cstr(&buf), numbers[i].count) == 0, "%s", df_buf_cstr(&buf));
    }
    df_buf_release(&buf);
}

int main(void)
{
    double began = df_monotonic_s();
    formatting();
    parsing();
    calendar();
    for_people();
    check(df_now_ms() > 1600000000000 && df_monotonic_s() >= began, "clocks run forward");
    return tap_done();
}
