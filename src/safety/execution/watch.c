/* SPDX-License-Identifier: Apache-2.0 */
/* A thread that speaks when a migration takes long: a statement that runs says nothing by itself. */
#include "base/clock.h"
#include "safety/execution/execution_int.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SPEAK_EVERY_S = 10 };

/*
 * How long the thread sleeps at most. It is not woken for every migration: on a busy machine the runner would wait for
 * a mutex whose holder has just been woken and put aside.
 */
static const double LOOK_EVERY_S = 0.5;

struct df_watch {
    const df_observer *observer;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool stop, running, warned;
    char id[256], what[160];
    int64_t number, of, estimated_ms, session;
    double began, spoke;
    const char *url; /* of the thread alone, as what follows */
    const df_open_options *options;
    df_conn *conn; /* NULL: not connected yet, or it could not be */
    bool unreachable;
};

static double next_word(const df_watch *w)
{
    double next = w->spoke + SPEAK_EVERY_S;
    if (w->estimated_ms > 0 && !w->warned) {
        double twice = w->began + 2 * (double)w->estimated_ms / 1000;
        if (twice < next) next = twice;
    }
    return next;
}

/* Without the mutex: it may take a while. What cannot be asked is not told. */
static void ask(df_watch *w, int64_t session, df_buf *out)
{
    df_arena arena = {0};
    const char *text = NULL;
    if (!w->conn && df_connect(w->url, w->options, &w->conn, NULL) != DF_OK) w->unreachable = true;
    if (w->conn && df_doing(w->conn, session, &arena, &text, NULL) != DF_OK) w->unreachable = true;
    if (text) df_buf_printf(out, " (%s)", text);
    df_arena_release(&arena);
}

static void speak(df_watch *w, double now)
{
    df_buf doing = {0};
    bool due = now - w->spoke >= SPEAK_EVERY_S;
    if (due && w->session && w->url && !w->unreachable) {
        int64_t session = w->session;
        pthread_mutex_unlock(&w->mutex);
        ask(w, session, &doing);
        pthread_mutex_lock(&w->mutex);
        if (!w->running || w->session != session) df_buf_clear(&doing);
    }
    df_buf took = {0}, meant = {0};
    df_put_duration(&took, now - w->began);
    df_put_duration(&meant, (double)w->estimated_ms / 1000);
    if (w->estimated_ms > 0 && !w->warned && (now - w->began) * 1000 >= 2 * (double)w->estimated_ms) {
        w->warned = true;
        df_log(w->observer, DF_LOG_WARNING, "%s has been running for %s, more than twice its estimate of %s", w->id,
               df_buf_cstr(&took), df_buf_cstr(&meant));
    }
    if (due && w->running) {
        w->spoke = now;
        df_log(w->observer, DF_LOG_INFO, "PROGRESS %s: statement %lld of %lld, %s%s%s%s: %s", w->id, (long long)w->number,
               (long long)w->of, df_buf_cstr(&took), w->estimated_ms > 0 ? " of about " : "",
               w->estimated_ms > 0 ? df_buf_cstr(&meant) : "", df_buf_cstr(&doing), w->what);
    }
    df_buf_release(&doing);
    df_buf_release(&took);
    df_buf_release(&meant);
}

static void *watch(void *context)
{
    df_watch *w = context;
    pthread_mutex_lock(&w->mutex);
    while (!w->stop) {
        double now = df_monotonic_s(), next = w->running ? next_word(w) : now + LOOK_EVERY_S;
        if (now >= next) {
            speak(w, now);
            continue;
        }
        if (next > now + LOOK_EVERY_S) next = now + LOOK_EVERY_S;
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t ns = (int64_t)((next - now) * 1e9) + until.tv_nsec;
        until.tv_sec += ns / 1000000000;
        until.tv_nsec = ns % 1000000000;
        pthread_cond_timedwait(&w->changed, &w->mutex, &until);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

df_code df_watch_open(const df_observer *observer, const char *url, const df_open_options *options, df_watch **out, df_error *err)
{
    df_watch *w = df_zalloc(sizeof *w);
    w->observer = observer;
    w->url = url;
    w->options = options;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int reason = pthread_create(&w->thread, NULL, watch, w);
    if (reason) {
        pthread_cond_destroy(&w->changed);
        pthread_mutex_destroy(&w->mutex);
        free(w);
        return df_fail(err, DF_NO_MEMORY, "cannot start a thread: %s", strerror(reason));
    }
    *out = w;
    return DF_OK;
}

void df_watch_close(df_watch *w)
{
    if (!w) return;
    pthread_mutex_lock(&w->mutex);
    w->stop = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    df_disconnect(w->conn);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

void watch_begin(df_watch *w, const char *id, int64_t estimated_ms)
{
    if (!w) return;
    pthread_mutex_lock(&w->mutex);
    snprintf(w->id, sizeof w->id, "%s", id);
    w->what[0] = '\0';
    w->estimated_ms = estimated_ms;
    w->number = w->of = 0;
    w->began = w->spoke = df_monotonic_s();
    w->running = true;
    w->warned = false;
    pthread_mutex_unlock(&w->mutex);
}

void watch_step(df_watch *w, int64_t number, int64_t of, const char *what)
{
    if (!w) return;
    pthread_mutex_lock(&w->mutex);
    w->number = number;
    w->of = of;
    snprintf(w->what, sizeof w->what, "%s", what);
    pthread_mutex_unlock(&w->mutex);
}

void watch_session(df_watch *w, int64_t id)
{
    if (!w) return;
    pthread_mutex_lock(&w->mutex);
    w->session = id;
    pthread_mutex_unlock(&w->mutex);
}

void watch_end(df_watch *w)
{
    if (!w) return;
    pthread_mutex_lock(&w->mutex);
    w->running = false;
    w->session = 0;
    pthread_mutex_unlock(&w->mutex);
}
