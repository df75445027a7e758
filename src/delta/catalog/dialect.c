/* SPDX-License-Identifier: Apache-2.0 */
/* Statements with words in braces, transactions that wait politely, and values as the drivers give them. */
#include "delta/catalog/catalog_int.h"

#include "base/clock.h"

#include <time.h>

const delta_dialect *delta_dialect_of(const df_conn *conn)
{
    static const delta_dialect *const all[] = {&delta_dialect_sqlite, &delta_dialect_postgres,
                                               &delta_dialect_mariadb};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i]->engine, df_conn_engine(conn)) == 0) return all[i];
    return NULL;
}

/* ---- statements ---- */

static void put_word(df_buf *out, const delta_dialect *d, df_str word)
{
    if (df_str_is(word, "now"))
        df_buf_text(out, d->now);
    else if (df_str_is(word, "lease"))
        df_buf_text(out, d->lease);
    else if (df_str_is(word, "join"))
        df_buf_text(out, d->join);
    else if (df_str_starts(word, DF_STR("time:"))) {
        df_buf_text(out, d->time_open);
        df_buf_str_add(out, df_str_skip(word, 5));
        df_buf_text(out, d->time_close);
    }
}

static const char *expand(delta_catalog *catalog, const char *sql)
{
    if (!strchr(sql, '{')) return sql;
    delta_catalog_impl *impl = delta_impl(catalog);
    df_buf_clear(&impl->sql);
    for (const char *open; (open = strchr(sql, '{'));) {
        const char *close = strchr(open, '}');
        if (!close) break;
        df_buf_add(&impl->sql, sql, (size_t)(open - sql));
        put_word(&impl->sql, impl->dialect, (df_str){open + 1, (size_t)(close - open - 1)});
        sql = close + 1;
    }
    df_buf_text(&impl->sql, sql);
    return df_buf_cstr(&impl->sql);
}

df_code delta_exec(delta_catalog *catalog, const char *sql, const df_value *params, size_t n_params,
                   int64_t *affected, df_error *err)
{
    return df_exec(catalog->conn, expand(catalog, sql), params, n_params, affected, err);
}

df_code delta_ask(delta_catalog *catalog, const char *sql, const df_value *params, size_t n_params,
                  df_row_fn fn, void *context, df_error *err)
{
    return df_query(catalog->conn, expand(catalog, sql), params, n_params, fn, context, err);
}

typedef struct int_answer {
    int64_t *out, fallback;
    bool had;
} int_answer;

static df_code take_int(void *context, const df_row *row, df_error *err)
{
    int_answer *answer = context;
    if (!answer->had && row->count) *answer->out = delta_int_of(&row->values[0], answer->fallback);
    answer->had = true;
    return DF_OK;
}

df_code delta_ask_int(delta_catalog *catalog, const char *sql, const df_value *params, size_t n_params,
                      int64_t fallback, int64_t *out, df_error *err)
{
    *out = fallback;
    int_answer answer = {out, fallback, false};
    return delta_ask(catalog, sql, params, n_params, take_int, &answer, err);
}

/* ---- transactions ---- */

enum {
    PATIENCE_MS = 30 * 60 * 1000
}; /* an import of many millions of files may hold SQLite's lock for minutes */

static void sleep_ms(int64_t ms)
{
    struct timespec time = {ms / 1000, (ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

df_code delta_begin_within(delta_catalog *catalog, int64_t wait_ms, df_error *err)
{
    double give_up = df_monotonic_s() + (double)wait_ms / 1000;
    bool said = false;
    for (int64_t pause = 10;; pause = pause < 250 ? pause * 2 : 250) {
        df_code code = df_begin(catalog->conn, err);
        if (code != DF_RETRY || df_monotonic_s() >= give_up) return code;
        DF_TRY(df_check_cancelled(catalog->observer, err));
        if (!said) df_log(catalog->observer, DF_LOG_INFO, "waiting for another writer of this database");
        said = true;
        sleep_ms(pause);
    }
}

df_code delta_begin(delta_catalog *catalog, df_error *err)
{
    return delta_begin_within(catalog, PATIENCE_MS, err);
}

df_code delta_commit(delta_catalog *catalog, df_error *err)
{
    df_code code = df_commit(catalog->conn, err);
    if (code != DF_OK) df_rollback(catalog->conn);
    return code;
}

df_code delta_transaction(delta_catalog *catalog, delta_work work, void *context, df_error *err)
{
    enum { TIMES = 5 };
    for (int time = 1;; time++) {
        DF_TRY(delta_begin(catalog, err));
        df_code code = work(context, err);
        if (code == DF_OK)
            code = delta_commit(catalog, err);
        else
            df_rollback(catalog->conn);
        if (code != DF_RETRY || time == TIMES) return code;
        sleep_ms(time * 100);
    }
}

/* ---- values ---- */

int64_t delta_int_of(const df_value *value, int64_t fallback)
{
    int64_t number;
    switch (value->type) {
    case DF_INT64:
    case DF_BOOL: return value->i;
    case DF_DOUBLE:
        if (!(value->d > -9.2e18 && value->d < 9.2e18)) return fallback;
        return (int64_t)value->d;
    case DF_TEXT: return df_str_int64(value->s, &number) ? number : fallback;
    default: return fallback;
    }
}

df_str delta_text_of(const df_value *value, df_arena *arena)
{
    if (value->type != DF_TEXT && value->type != DF_BLOB) return DF_STR_NONE;
    /* An empty text is not an absent one, whatever pointer the driver gave. */
    df_str text = value->s.ptr ? value->s : DF_STR("");
    return df_arena_str(arena, text);
}

df_str delta_time_of(const df_value *value, df_arena *arena)
{
    int64_t ms;
    if (value->type != DF_TEXT) return DF_STR_NONE;
    if (!df_time_parse(value->s, &ms)) return delta_text_of(value, arena);
    char text[40];
    df_time_format(ms, text);
    return df_arena_str(arena, df_str_from(text));
}

df_str delta_clean(df_arena *arena, df_str text)
{
    if (!text.len || !memchr(text.ptr, '\0', text.len)) return text;
    df_buf clean = {0};
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i])
            df_buf_char(&clean, text.ptr[i]);
        else
            df_buf_text(&clean, "\\u0000");
    }
    df_str copy = df_arena_str(arena, df_buf_str(&clean));
    df_buf_release(&clean);
    return copy;
}
