/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

void df_log(const df_observer *observer, df_log_level level, const char *fmt, ...)
{
    if (!observer || !observer->log) return;
    char text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    observer->log(observer->context, level, text);
}

void df_report_progress(const df_observer *observer, const char *what, const char *subject, int64_t done,
                        int64_t total)
{
    if (!observer || !observer->progress) return;
    observer->progress(observer->context, &(df_progress){what, subject, done, total});
}

df_code df_check_cancelled(const df_observer *observer, df_error *err)
{
    if (!observer || !observer->cancelled || !observer->cancelled(observer->context)) return DF_OK;
    return df_fail(err, DF_CANCELLED, "interrupted");
}
