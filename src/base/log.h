/* SPDX-License-Identifier: Apache-2.0 */
/* Calling the observer (<dataflow/observer.h>) that the caller handed in. */
#ifndef DF_BASE_LOG_H
#define DF_BASE_LOG_H

#include "base/str.h"

#include <dataflow/observer.h>

void df_log(const df_observer *observer, df_log_level level, const char *fmt, ...) DF_PRINTF(3, 4);
void df_report_progress(const df_observer *observer, const char *what, const char *subject, int64_t done,
                        int64_t total);
/* DF_CANCELLED when the caller wants to stop, else DF_OK. */
df_code df_check_cancelled(const df_observer *observer, df_error *err);

#endif
