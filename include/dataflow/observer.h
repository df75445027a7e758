/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging, progress and cancelling: the library never prints and never exits. It calls the
 * observer that the caller handed in, and asks it whether to stop.
 */
#ifndef DATAFLOW_OBSERVER_H
#define DATAFLOW_OBSERVER_H

#include <dataflow/error.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum df_log_level { DF_LOG_ERROR, DF_LOG_WARNING, DF_LOG_INFO, DF_LOG_DEBUG } df_log_level;

typedef struct df_progress {
    const char *what;    /* "files", "bytes", … */
    const char *subject; /* the table, the directory */
    int64_t done, total; /* total 0: not known */
} df_progress;

/* All members may be NULL; a NULL observer is a silent one. The functions may be called from worker threads.
 */
typedef struct df_observer {
    void *context;
    void (*log)(void *context, df_log_level level, const char *text);
    void (*progress)(void *context, const df_progress *progress);
    bool (*cancelled)(void *context); /* true: stop at the next safe point */
} df_observer;

#ifdef __cplusplus
}
#endif
#endif
