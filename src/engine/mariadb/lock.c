/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named locks: GET_LOCK. Its names are the whole server's and at most 64 characters long, so a hash of
 * database and name stands for them.
 */
#include "engine/mariadb/private.h"

#include "base/hash.h"

typedef struct answer {
    bool null;
    int64_t value;
} answer;

static df_code take_answer(void *context, const df_row *row, df_error *err)
{
    (void)err;
    *(answer *)context = (answer){row->values[0].type == DF_NULL, row->values[0].i};
    return DF_OK;
}

static df_code ask(my_conn *c, const char *sql, const char *name, answer *out, df_error *err)
{
    df_buf full = {0}, key = {0};
    int64_t ignored;
    char hex[33];
    df_buf_add(&full, c->options.url.path, strlen(c->options.url.path) + 1);
    df_buf_text(&full, name);
    df_hash_hex(df_hash(full.ptr, full.len), hex);
    df_buf_printf(&key, "dataflow:%s", hex);
    df_value param = {.type = DF_TEXT, .s = df_buf_str(&key)};
    *out = (answer){true, 0};
    df_code code = my_run(&c->base, sql, &param, 1, take_answer, out, &ignored, err);
    df_buf_release(&full);
    df_buf_release(&key);
    return code;
}

df_code my_try_lock(df_conn *conn, const char *name, bool *taken, df_error *err)
{
    answer got;
    DF_TRY(ask(my_of(conn), "SELECT GET_LOCK(?, 0)", name, &got, err));
    if (got.null)
        return df_fail(err, DF_FAILED, "the server could not say whether the lock \"%s\" is free", name);
    *taken = got.value == 1;
    return DF_OK;
}

df_code my_unlock(df_conn *conn, const char *name, df_error *err)
{
    answer got;
    DF_TRY(ask(my_of(conn), "SELECT RELEASE_LOCK(?)", name, &got, err));
    if (!got.null && got.value == 1) return DF_OK;
    return df_fail(err, DF_FAILED, "the lock \"%s\" is not held by this session", name);
}

df_code my_lock_held(df_conn *conn, const char *name, bool *held, df_error *err)
{
    answer got;
    DF_TRY(ask(my_of(conn), "SELECT IS_USED_LOCK(?)", name, &got, err));
    *held = !got.null;
    return DF_OK;
}
