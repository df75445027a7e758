/* SPDX-License-Identifier: Apache-2.0 */
/* Trying again: after a lock that was not had in time, and after a connection that broke. */
#include "base/clock.h"
#include "safety/execution/execution_int.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum { FIRST_PAUSE_MS = 100, LONGEST_PAUSE_MS = 10000, SLICE_MS = 50, RECONNECT_S = 60, LEASE_WAIT_MS = 15000 };

/* Sleeps in slices, so that an interrupt is noticed; false when there was one. */
static bool pause_ms(const df_observer *observer, int64_t ms)
{
    while (ms > 0) {
        if (df_check_cancelled(observer, NULL) != DF_OK) return false;
        int64_t slice = ms < SLICE_MS ? ms : SLICE_MS;
        nanosleep(&(struct timespec){0, slice * 1000000}, NULL);
        ms -= slice;
    }
    return true;
}

/* Half of the pause is certain, half is chance, so that two that met do not meet again. */
static int64_t jittered(int64_t attempt)
{
    int64_t pause = FIRST_PAUSE_MS;
    while (attempt-- > 0 && pause < LONGEST_PAUSE_MS) pause *= 2;
    if (pause > LONGEST_PAUSE_MS) pause = LONGEST_PAUSE_MS;
    uint32_t chance = 0;
    if (getrandom(&chance, sizeof chance, 0) != (ssize_t)sizeof chance) chance = (uint32_t)df_now_ms() * 2654435761u;
    return pause / 2 + (int64_t)(chance % (uint32_t)(pause / 2 + 1));
}

bool retry_after(execution *e, df_code code, int64_t attempt, const df_error *err)
{
    if (code != DF_RETRY || attempt >= e->x->lock_retries) return false;
    int64_t pause = jittered(attempt);
    df_log(e->x->observer, DF_LOG_WARNING, "%s; trying again in %lld ms (%lld of %lld)", err->message, (long long)pause,
           (long long)attempt + 1, (long long)e->x->lock_retries);
    df_json_writer w;
    df_buf out = {0};
    if (event_begin(e->x, &w, &out, "retry")) {
        df_json_add_str(&w, "migration", e->migration->id);
        df_json_add_int(&w, "attempt", attempt + 1);
        df_json_add_int(&w, "pause_ms", pause);
        df_json_add_text(&w, "native", err->native);
        df_json_add_text(&w, "message", err->message);
        event_end(e->x, &w, &out);
    }
    return pause_ms(e->x->observer, pause);
}

/* What this run meant to do was planned from a history that another run has since continued. */
static df_code plan_is_old(df_error *err)
{
    df_fail(err, DF_LOCKED, "another run had the migration lock while the connection was lost; this one ends here");
    df_error_hint(err, "run the same command again: it does what is left");
    return DF_LOCKED;
}

/* `fence`: of the lease that was lost. Each that is taken has the next number. */
static df_code connect_again(df_executor *x, int64_t fence, df_error *err)
{
    df_conn *fresh;
    DF_TRY(df_connect(x->url, x->open_options, &fresh, err));
    df_conn *old = x->conn;
    x->conn = fresh;
    x->session_id = 0;
    df_ledger_rebind(x->ledger, fresh);
    df_disconnect(old);
    df_lease_options lease = x->lease;
    if (lease.wait_ms < LEASE_WAIT_MS) lease.wait_ms = LEASE_WAIT_MS; /* until the server has noticed that we were gone */
    DF_TRY(df_lease_take(x->ledger, &lease, err));
    return fence && df_lease_fence(x->ledger) > fence + 1 ? plan_is_old(err) : DF_OK;
}

df_code reconnect(df_executor *x, df_error *err)
{
    double end = df_monotonic_s() + RECONNECT_S;
    int64_t fence = df_lease_fence(x->ledger);
    df_log(x->observer, DF_LOG_WARNING, "the connection was lost; connecting again");
    for (int64_t attempt = 0;; attempt++) {
        df_error mine = {0};
        df_code code = connect_again(x, fence, &mine);
        if (code == DF_OK) {
            df_log(x->observer, DF_LOG_INFO, "connected again");
            return DF_OK;
        }
        /* Another run has the lock now, or something that time does not mend. */
        bool final = code != DF_CONNECT && code != DF_RETRY;
        if (final || df_monotonic_s() >= end || !pause_ms(x->observer, jittered(attempt))) {
            if (err) *err = mine;
            return code;
        }
    }
}
