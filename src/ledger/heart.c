/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/heart.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    JOIN_MS = 500,   /* longer nobody waits for a thread whose server does not answer */
    RETRY_MS = 1000, /* after a beat that failed */
    BUSY_MS = 200,   /* a beat stands in nobody's way for longer */
    DOING_BYTES = 400,
};

/* Shared by the thread and its owner; whoever is last frees it. */
struct ledger_heart {
    pthread_mutex_t lock; /* of the next four */
    pthread_cond_t woken;
    bool stop, abandoned, finished;
    char doing[DOING_BYTES];
    atomic_bool lost;
    pthread_t thread; /* the owner's */
    df_conn *conn;    /* the thread's */
    /* constant */
    char *url, *beat, *session, *about;
    char lock_id[37];
    int64_t fence, ttl_ms;
    bool hold_connection;
};

static void free_heart(ledger_heart *h)
{
    pthread_mutex_destroy(&h->lock);
    pthread_cond_destroy(&h->woken);
    free(h->url);
    free(h->beat);
    free(h->session);
    free(h->about);
    free(h);
}

void ledger_heart_metadata(const char *about, const char *doing, df_buf *out)
{
    df_buf_char(out, '{');
    df_buf_text(out, about);
    if (doing && *doing) {
        df_buf_text(out, ",\"doing\":");
        df_json_put_str(out, df_str_from(doing));
    }
    df_buf_char(out, '}');
}

static void close_conn(ledger_heart *h)
{
    df_disconnect(h->conn);
    h->conn = NULL;
}

static df_code open_conn(ledger_heart *h)
{
    df_conn *conn;
    df_open_options options = {.application = "dataflow heartbeat", .guest = true};
    df_limits limits = {.lock_ms = BUSY_MS, .statement_ms = 0};
    if (h->conn) return DF_OK;
    DF_TRY(df_connect(h->url, &options, &conn, NULL));
    df_code code = df_set_limits(conn, &limits, NULL);
    if (code == DF_OK && h->session) code = df_exec(conn, h->session, NULL, 0, NULL, NULL);
    if (code != DF_OK) {
        df_disconnect(conn);
        return code;
    }
    h->conn = conn;
    return DF_OK;
}

/* One beat. Only an answer that says "no such row" means that the lease is lost. */
static df_code beat(ledger_heart *h)
{
    char doing[DOING_BYTES];
    df_buf metadata = {0};
    int64_t affected = 0;
    DF_TRY(open_conn(h));
    pthread_mutex_lock(&h->lock);
    memcpy(doing, h->doing, sizeof doing);
    pthread_mutex_unlock(&h->lock);
    ledger_heart_metadata(h->about, doing, &metadata);
    df_value values[] = {df_v_int(h->ttl_ms), df_v_str(df_buf_str(&metadata)), df_v_text(h->lock_id),
                         df_v_int(h->fence)};
    df_code code = df_exec(h->conn, h->beat, values, 4, &affected, NULL);
    df_buf_release(&metadata);
    if (code == DF_OK && affected == 0) atomic_store(&h->lost, true);
    if (code != DF_OK || !h->hold_connection) close_conn(h);
    return code;
}

/* Waits until `*flag`, with the lock held; false when it is not set after `ms`. */
static bool wait_for(ledger_heart *h, const bool *flag, int64_t ms)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += ms / 1000;
    end.tv_nsec += ms % 1000 * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }
    while (!*flag) {
        if (pthread_cond_timedwait(&h->woken, &h->lock, &end) == ETIMEDOUT) break;
    }
    return *flag;
}

static void *run(void *context)
{
    ledger_heart *h = context;
    int64_t pause = h->ttl_ms / 3;
    pthread_mutex_lock(&h->lock);
    while (!wait_for(h, &h->stop, pause) && !atomic_load(&h->lost)) {
        pthread_mutex_unlock(&h->lock);
        df_code code = beat(h);
        pause = h->ttl_ms / 3;
        if (code != DF_OK && pause > RETRY_MS) pause = RETRY_MS;
        pthread_mutex_lock(&h->lock);
    }
    pthread_mutex_unlock(&h->lock);
    close_conn(h);
    pthread_mutex_lock(&h->lock);
    h->finished = true;
    bool last = h->abandoned;
    pthread_cond_broadcast(&h->woken);
    pthread_mutex_unlock(&h->lock);
    if (last) free_heart(h);
    return NULL;
}

static char *copy(const char *text)
{
    return text ? df_strdup(df_str_from(text)) : NULL;
}

ledger_heart *ledger_heart_start(const ledger_heart_options *options)
{
    pthread_condattr_t attributes;
    ledger_heart *h = df_zalloc(sizeof *h);
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&h->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    h->url = copy(options->url);
    h->beat = copy(options->beat);
    h->session = copy(options->session);
    h->about = copy(options->about);
    snprintf(h->lock_id, sizeof h->lock_id, "%s", options->lock_id);
    h->fence = options->fence;
    h->ttl_ms = options->ttl_ms;
    h->hold_connection = options->hold_connection;
    if (pthread_create(&h->thread, NULL, run, h) == 0) return h;
    free_heart(h);
    return NULL;
}

void ledger_heart_stop(ledger_heart *h)
{
    if (!h) return;
    pthread_t thread = h->thread;
    pthread_mutex_lock(&h->lock);
    h->stop = true;
    pthread_cond_broadcast(&h->woken);
    bool finished = wait_for(h, &h->finished, JOIN_MS);
    h->abandoned = !finished;
    pthread_mutex_unlock(&h->lock);
    if (finished) {
        pthread_join(thread, NULL);
        free_heart(h);
    } else {
        pthread_detach(thread);
    }
}

void ledger_heart_tell(ledger_heart *h, const char *doing)
{
    df_str text = ledger_cut(df_str_from(doing ? doing : ""), DOING_BYTES - 1);
    pthread_mutex_lock(&h->lock);
    memcpy(h->doing, text.ptr, text.len);
    h->doing[text.len] = '\0';
    pthread_mutex_unlock(&h->lock);
}

bool ledger_heart_lost(const ledger_heart *h)
{
    return atomic_load(&h->lost);
}
