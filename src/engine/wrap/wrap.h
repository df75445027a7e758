/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drivers around other drivers. A wrapper is a connection like any other: it answers with the engine,
 * capabilities and server of what it wraps, and owns it: df_disconnect of the wrapper disconnects both.
 */
#ifndef DF_ENGINE_WRAP_WRAP_H
#define DF_ENGINE_WRAP_WRAP_H

#include "base/log.h"
#include "engine/engine.h"

/* Tells the observer of each call: what, how long, how many rows, and how it ended. Level DF_LOG_DEBUG; no
 * values. */
df_conn *df_wrap_trace(df_conn *inner, const df_observer *observer);

/*
 * Which call fails, and how. Counted are statements, queries, begin, commit, bulk loads and calls for locks
 * (not rollback, which cannot fail). So "what if any call fails" is a loop over `at` until `fired` stays
 * false.
 */
typedef struct df_fault {
    int64_t at;       /* the call that fails, 1-based; 0: none, only count */
    bool after;       /* the call takes effect first */
    bool lost;        /* the connection is lost (DF_CONNECT) and the transaction with it */
    df_code code;     /* how it fails otherwise; DF_OK: DF_FAILED */
    int64_t calls;    /* out: calls so far */
    bool fired;       /* out: it has happened */
    const char *call; /* out: what failed: "run", "commit", … */
} df_fault;

/* The plan belongs to the caller, and outlives the connection; one plan may serve several connections in
 * turn. */
df_conn *df_wrap_fault(df_conn *inner, df_fault *plan);

#endif
