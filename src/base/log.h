/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging and progress: the library never prints. It calls the observer that the
 * caller handed in, and asks it whether to stop.
 */
#ifndef DF_BASE_LOG_H
#define DF_BASE_LOG_H

#include "base/str.h"

#include <dataflow/error.h>

typedef enum df_log_level { DF_LOG_ERROR, DF_LOG_WARNING, DF_LOG_INFO, DF_LOG_DEBUG } df_log_level;

typedef struct df_progress {
    const char *what;    /* "files", "bytes", … */
    const char *subject; /* the table, the directory */
    int64_t done, total; /* total 0: not known */
} df_progress;

/* All members may be NULL; a NULL observer is a silent one. Functions may be called from worker threads. */
typedef struct df_observer {
    void *context;
    void (*log)(void *context, df_log_level level, const char *text);
    void (*progress)(void *context, const df_progress *progress);
    bool (*cancelled)(void *context); /* true: stop at the next safe point */
} df_observer;

void df_log(const df_observer *observer, df_log_level level, const char *fmt, ...) DF_PRINTF(3, 4);
void df_report_progress(const df_observer *observer, const char *what, const char *subject, int64_t done,
                        int64_t total);
/* DF_CANCELLED when the caller wants to stop, else DF_OK. */
df_code df_check_cancelled(const df_observer *observer, df_error *err);

#endif
