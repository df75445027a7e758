/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

int64_t df_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

double df_monotonic_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Both ways in 400-year eras that begin on 1 March, so that the leap day is an era's last. */
int64_t df_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned of_era = (unsigned)(year - era * 400);
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + (int64_t)(of_era * 365 + of_era / 4 - of_era / 100 + of_year) - 719468;
}

void df_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned of_era = (unsigned)(days - era * 146097);
    unsigned years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * years + years / 4 - years / 100);
    unsigned shifted = (5 * of_year + 2) / 153;
    *day = of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = (int64_t)years + era * 400 + (*month <= 2);
}

void df_time_format(int64_t ms, char out[40])
{
    int64_t days = ms / 86400000, rest = ms % 86400000;
    if (rest < 0) rest += 86400000, days--;
    int64_t year;
    unsigned month, day;
    df_civil_from_days(days, &year, &month, &day);
    snprintf(out, 40, "%04lld-%02u-%02uT%02d:%02d:%02d.%03dZ", (long long)year, month, day,
             (int)(rest / 3600000), (int)(rest / 60000 % 60), (int)(rest / 1000 % 60), (int)(rest % 1000));
}

/* Reads exactly `digits` decimal digits. */
static bool take(df_str *s, unsigned digits, unsigned *out)
{
    if (s->len < digits) return false;
    unsigned value = 0;
    for (unsigned i = 0; i < digits; i++) {
        unsigned d = (unsigned)((unsigned char)s->ptr[i] - '0');
        if (d > 9) return false;
        value = value * 10 + d;
    }
    *s = df_str_skip(*s, digits);
    *out = value;
    return true;
}

static bool take_char(df_str *s, char c)
{
    if (!s->len || s->ptr[0] != c) return false;
    *s = df_str_skip(*s, 1);
    return true;
}

static bool take_date(df_str *s, int64_t *days)
{
    bool negative = take_char(s, '-');
    size_t digits = 0;
    while (digits < s->len && s->ptr[digits] >= '0' && s->ptr[digits] <= '9') digits++;
    unsigned year, month, day;
    if (digits < 4 || digits > 6 || !take(s, (unsigned)digits, &year) || !take_char(s, '-') ||
        !take(s, 2, &month) || !take_char(s, '-') || !take(s, 2, &day) || month < 1 || month > 12 || day < 1)
        return false;
    static const unsigned month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > month_days[month - 1] + (month == 2 && leap)) return false;
    *days = df_days_from_civil(negative ? -(int64_t)year : (int64_t)year, month, day);
    return true;
}

static bool take_zone(df_str *s, int64_t *offset_minutes)
{
    *offset_minutes = 0;
    if (!s->len || take_char(s, 'Z') || take_char(s, 'z')) return s->len == 0;
    bool west = s->ptr[0] == '-';
    unsigned hours, minutes = 0;
    if ((!take_char(s, '+') && !take_char(s, '-')) || !take(s, 2, &hours)) return false;
    take_char(s, ':');
    if (s->len && !take(s, 2, &minutes)) return false;
    if (s->len || hours > 18 || minutes > 59) return false;
    *offset_minutes = (int64_t)(hours * 60 + minutes) * (west ? -1 : 1);
    return true;
}

bool df_time_parse_us(df_str text, int64_t *us)
{
    int64_t days, offset = 0, micros = 0;
    unsigned hour = 0, minute = 0, second = 0;
    if (!take_date(&text, &days) || days > 106000000 || days < -106000000) return false; /* beyond int64 */
    if (text.len) {
        if (!take_char(&text, 'T') && !take_char(&text, 't') && !take_char(&text, ' ')) return false;
        if (!take(&text, 2, &hour) || !take_char(&text, ':') || !take(&text, 2, &minute)) return false;
        if (take_char(&text, ':') && !take(&text, 2, &second)) return false;
        if (hour > 24 || minute > 59 || second > 60) return false;
        if (take_char(&text, '.')) {
            int64_t unit = 100000;
            size_t digits = 0;
            for (; text.len && text.ptr[0] >= '0' && text.ptr[0] <= '9'; digits++, unit /= 10) {
                micros += (text.ptr[0] - '0') * unit;
                text = df_str_skip(text, 1);
            }
            if (digits == 0 || digits > 9) return false;
        }
        if (hour == 24 && (minute || second || micros)) return false; /* midnight, at the day's end */
        if (!take_zone(&text, &offset)) return false;
    }
    int64_t seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset * 60;
    *us = seconds * 1000000 + micros;
    return true;
}

bool df_time_parse(df_str text, int64_t *ms)
{
    int64_t us;
    if (!df_time_parse_us(text, &us)) return false;
    *ms = us >= 0 ? us / 1000 : -((-us + 999) / 1000);
    return true;
}

void df_put_duration(df_buf *out, double seconds)
{
    if (seconds < 0.0000995)
        df_buf_printf(out, "%.0f µs", seconds * 1e6);
    else if (seconds < 0.0995)
        df_buf_printf(out, "%.1f ms", seconds * 1000);
    else if (seconds < 0.9995)
        df_buf_printf(out, "%.0f ms", seconds * 1000);
    else if (seconds < 99.95)
        df_buf_printf(out, "%.1f s", seconds);
    else if (seconds < 3600)
        df_buf_printf(out, "%d min %02d s", (int)seconds / 60, (int)seconds % 60);
    else
        df_buf_printf(out, "%lld h %02d min", (long long)seconds / 3600,
                      (int)((long long)seconds % 3600 / 60));
}

void df_put_bytes(df_buf *out, int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (fabs(value) >= 1024 && unit < 6) value /= 1024, unit++;
    if (unit == 0)
        df_buf_printf(out, "%lld B", (long long)bytes);
    else
        df_buf_printf(out, "%.*f %s", fabs(value) < 99.95 ? 1 : 0, value, units[unit]);
}

void df_put_count(df_buf *out, int64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)n);
    for (int i = 0; i < len; i++) {
        df_buf_char(out, digits[i]);
        int left = len - 1 - i;
        if (left && left % 3 == 0 && digits[i] != '-') df_buf_char(out, ',');
    }
}
