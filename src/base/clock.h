/* SPDX-License-Identifier: Apache-2.0 */
/* Time: milliseconds since 1970 (UTC) for what is stored, a monotonic clock for what is measured. */
#ifndef DF_BASE_CLOCK_H
#define DF_BASE_CLOCK_H

#include "base/buf.h"

int64_t df_now_ms(void);     /* wall clock */
double df_monotonic_s(void); /* seconds; only differences mean anything */

/* "2026-11-20T19:06:16.123Z" and a NUL; any int64, years beyond 9999 with more digits. */
void df_time_format(int64_t ms, char out[40]);
/*
 * Reads what format writes, and its looser relatives: a date alone, a blank instead of T,
 * 0 to 9 fraction digits, "Z", "+hh:mm" or nothing (UTC). false when it is none of these.
 * Microseconds since 1970; df_time_parse rounds down to milliseconds.
 */
bool df_time_parse_us(df_str text, int64_t *us);
bool df_time_parse(df_str text, int64_t *ms);
/* Days since 1970-01-01 of a proleptic Gregorian date. */
int64_t df_days_from_civil(int64_t year, unsigned month, unsigned day);
void df_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

/* "340 ms", "12.4 s", "3 min 20 s", "2 h 05 min": for people. */
void df_put_duration(df_buf *out, double seconds);
/* "1.4 GiB" */
void df_put_bytes(df_buf *out, int64_t bytes);
/* "1,234,567" */
void df_put_count(df_buf *out, int64_t n);

#endif
