/* SPDX-License-Identifier: Apache-2.0 */
/* What a session's statement has done so far, as far as the server tells: for whoever waits for it. */
#include "operate/operate_int.h"

/* "neo4j-transaction-2335" is 2335; -1 when there is no number at its end. */
static int64_t number_of(df_str transaction)
{
    int64_t number;
    const char *dash = transaction.len ? memrchr(transaction.ptr, '-', transaction.len) : NULL;
    df_str digits = dash ? df_str_skip(transaction, (size_t)(dash + 1 - transaction.ptr)) : DF_STR_NONE;
    return df_str_int64(digits, &number) ? number : -1;
}

df_code df_doing(df_conn *conn, int64_t session_id, df_arena *arena, const char **text, df_error *err)
{
    op_look look;
    op_sessions sessions;
    int64_t first = -1, last = -1;
    *text = NULL;
    DF_TRY(op_look_at(conn, NULL, arena, &look, err));
    DF_TRY(op_sessions_read(&look, &sessions, err));
    for (size_t i = 0; i < sessions.count; i++) {
        const op_session *s = &sessions.items[i];
        int64_t number = number_of(s->transaction);
        if (s->id != session_id || s->state == OP_HOLDS) continue;
        if (s->phase.len || s->progress >= 0) {
            const char *part = s->progress >= 0 ? df_arena_printf(arena, " %.0f %%", s->progress * 100) : "";
            *text = df_arena_printf(arena, "%.*s%s", DF_FMT(s->phase), part);
        }
        if (number >= 0 && (first < 0 || number < first)) first = number;
        if (number > last) last = number;
    }
    /* A statement that commits as it goes is a transaction with others inside; the numbers are the server's, and others' count, too. */
    if (!*text && first >= 0 && last > first)
        *text = df_arena_printf(arena, "at most %s batches begun", op_number(arena, last - first));
    return DF_OK;
}
