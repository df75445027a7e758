/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One writer a table. The engine's named lock decides: it dies with its session. delta_locks tells people who
 * that is, and holds the token without which no transaction of a loader commits, should the named lock ever
 * be lost unnoticed.
 */
#include "delta/catalog/catalog_int.h"

#include "base/clock.h"
#include "catalog_loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum { RELEASE_WAIT_MS = 5000 };

void delta_lock_name(delta_catalog *catalog, df_str table_id, char out[64])
{
    df_buf text = {0};
    df_buf_text(&text, delta_impl(catalog)->scope ? delta_impl(catalog)->scope : "");
    df_buf_char(&text, '/');
    df_buf_str_add(&text, table_id);
    char hex[33];
    df_hash_hex(df_hash(text.ptr, text.len), hex);
    df_buf_release(&text);
    snprintf(out, 64, "deltalakedb:%s", hex);
}

void delta_owner(char out[300], char host[256], int64_t *pid)
{
    if (gethostname(host, 256) != 0) strcpy(host, "localhost");
    host[255] = '\0';
    *pid = getpid();
    snprintf(out, 300, "%s:%lld", host, (long long)*pid);
}

static size_t find_held(delta_catalog_impl *impl, df_str table_id)
{
    size_t i = 0;
    while (i < impl->n_locks && !df_str_is(table_id, impl->locks[i].table_id)) i++;
    return i;
}

int64_t delta_lock_token(delta_catalog *catalog, df_str table_id)
{
    delta_catalog_impl *impl = delta_impl(catalog);
    size_t i = find_held(impl, table_id);
    return i < impl->n_locks ? impl->locks[i].token : 0;
}

static int64_t new_token(void)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        random = (uint64_t)df_now_ms() << 20 ^ (uint64_t)getpid();
    return (int64_t)(random >> 2) + 1;
}

typedef struct lock_row {
    delta_catalog *catalog;
    df_str table_id;
    int64_t token;
} lock_row;

static df_code write_row(void *context, df_error *err)
{
    const lock_row *lock = context;
    char owner[300], host[256];
    int64_t pid;
    delta_owner(owner, host, &pid);
    df_value row[] = {df_v_str(lock->table_id), df_v_text(owner), df_v_text(host), df_v_int(pid),
                      df_v_int(lock->token)};
    DF_TRY(delta_exec(lock->catalog, SQL_lock_clear, row, 1, NULL, err));
    return delta_exec(lock->catalog, SQL_lock_write, row, 5, NULL, err);
}

typedef struct holder {
    df_arena arena;
    df_str owner, since;
} holder;

static df_code take_holder(void *context, const df_row *row, df_error *err)
{
    holder *h = context;
    h->owner = delta_text_of(&row->values[0], &h->arena);
    h->since = delta_time_of(&row->values[1], &h->arena);
    return DF_OK;
}

static df_code tell_holder(delta_catalog *catalog, df_str table_id, df_error *err)
{
    holder h = {0};
    df_value id = df_v_str(table_id);
    df_code asked = delta_ask(catalog, SQL_lock_holder, &id, 1, take_holder, &h, NULL);
    if (asked == DF_OK && h.owner.ptr)
        df_fail(err, DF_LOCKED, "table %.*s is being written by %.*s, since %.*s", DF_FMT(table_id),
                DF_FMT(h.owner), DF_FMT(h.since));
    else
        df_fail(err, DF_LOCKED, "table %.*s is being written by another run", DF_FMT(table_id));
    df_error_hint(err, "wait for it, or end it: the lock is freed with its process");
    df_arena_release(&h.arena);
    return DF_LOCKED;
}

df_code delta_table_lock(delta_catalog *catalog, df_str table_id, int64_t wait_ms, df_error *err)
{
    delta_catalog_impl *impl = delta_impl(catalog);
    char name[64];
    bool taken;
    if (delta_lock_token(catalog, table_id))
        return df_fail(err, DF_BUG, "table %.*s is already locked by this catalog handle", DF_FMT(table_id));
    delta_lock_name(catalog, table_id, name);
    DF_TRY(df_lock(catalog->conn, name, wait_ms, &taken, err));
    if (!taken) return tell_holder(catalog, table_id, err);
    lock_row row = {catalog, table_id, new_token()};
    df_code code = delta_transaction(catalog, write_row, &row, err);
    if (code != DF_OK) {
        df_code ignored = df_unlock(catalog->conn, name, NULL);
        (void)ignored;
        return code;
    }
    DF_PUSH(impl->locks, impl->n_locks, impl->locks_cap) = (delta_held_lock){df_strdup(table_id), row.token};
    return DF_OK;
}

/* Best effort: a row that stays behind says who was last, and locks nothing. */
static void release_row(delta_catalog *catalog, df_str table_id, int64_t token)
{
    df_value key[] = {df_v_str(table_id), df_v_int(token)};
    if (delta_begin_within(catalog, RELEASE_WAIT_MS, NULL) != DF_OK) return;
    df_code code = delta_exec(catalog, SQL_lock_release, key, 2, NULL, NULL);
    if (code == DF_OK) code = delta_commit(catalog, NULL);
    if (code != DF_OK) df_rollback(catalog->conn);
}

void delta_table_unlock(delta_catalog *catalog, df_str table_id)
{
    delta_catalog_impl *impl = delta_impl(catalog);
    size_t i = find_held(impl, table_id);
    if (i == impl->n_locks) return;
    char name[64];
    delta_lock_name(catalog, table_id, name);
    if (!df_in_transaction(catalog->conn)) release_row(catalog, table_id, impl->locks[i].token);
    df_code ignored = df_unlock(catalog->conn, name, NULL);
    (void)ignored;
    free(impl->locks[i].table_id);
    impl->locks[i] = impl->locks[--impl->n_locks];
}

df_code delta_lock_beat(delta_catalog *catalog, df_str table_id, df_error *err)
{
    int64_t affected = 0;
    df_value key[] = {df_v_str(table_id), df_v_int(delta_lock_token(catalog, table_id))};
    DF_TRY(delta_exec(catalog, SQL_lock_beat, key, 2, &affected, err));
    if (affected == 1) return DF_OK;
    df_fail(err, DF_LOCKED,
            "the lock of table %.*s was taken over by another run; nothing of the open group was kept",
            DF_FMT(table_id));
    df_error_hint(err, "see who: SELECT * FROM delta_locks");
    return DF_LOCKED;
}
