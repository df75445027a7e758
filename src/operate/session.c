/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions in words, and who waits for whom. */
#include "operate/operate_int.h"

#include <stdio.h>
#include <time.h>

enum { QUERY_SHOWN = 120 };

op_session *op_session_add(const op_look *look, op_sessions *sessions)
{
    op_session *s = &OP_PUSH(look->arena, sessions->items, sessions->count, sessions->cap);
    *s = (op_session){.transaction_s = -1, .state_s = -1, .progress = -1, .locks = -1};
    return s;
}

void op_wait_add(const op_look *look, op_sessions *sessions, size_t waiter, size_t blocker, bool certain)
{
    if (waiter >= sessions->count || blocker >= sessions->count || waiter == blocker) return;
    for (size_t i = 0; i < sessions->n_waits; i++)
        if (sessions->waits[i].waiter == waiter && sessions->waits[i].blocker == blocker) return;
    OP_PUSH(look->arena, sessions->waits, sessions->n_waits, sessions->waits_cap) =
        (op_wait){waiter, blocker, certain};
}

df_code op_sessions_read(const op_look *look, op_sessions *out, df_error *err)
{
    *out = (op_sessions){0};
    return look->engine->sessions(look, out, err);
}

size_t op_session_find(const op_sessions *sessions, int64_t id)
{
    size_t i = 0;
    while (i < sessions->count && (sessions->items[i].id != id || !id)) i++;
    return i;
}

size_t op_prepared_find(const op_sessions *sessions, df_str gid)
{
    size_t i = 0;
    while (i < sessions->count &&
           !(gid.ptr && sessions->items[i].gid.ptr && df_str_eq(sessions->items[i].gid, gid)))
        i++;
    return i;
}

bool op_session_blocks(const op_sessions *sessions, size_t index)
{
    for (size_t i = 0; i < sessions->n_waits; i++)
        if (sessions->waits[i].blocker == index) return true;
    return false;
}

static const op_wait *first_wait(const op_sessions *sessions, size_t waiter)
{
    const op_wait *uncertain = NULL;
    for (size_t i = 0; i < sessions->n_waits; i++) {
        const op_wait *wait = &sessions->waits[i];
        if (wait->waiter != waiter) continue;
        if (wait->certain) return wait;
        if (!uncertain) uncertain = wait;
    }
    return uncertain;
}

size_t op_session_root(const op_sessions *sessions, size_t index, bool *certain)
{
    if (certain) *certain = true;
    /* A circle of waiters has no end; the number of sessions bounds the walk. */
    for (size_t steps = 0; steps < sessions->count; steps++) {
        const op_wait *wait = first_wait(sessions, index);
        if (!wait) break;
        if (certain && !wait->certain) *certain = false;
        index = wait->blocker;
    }
    return index;
}

/* ---- words ---- */

static const char *for_time(df_arena *arena, double seconds)
{
    return seconds < 0 ? "" : df_arena_printf(arena, " for %s", op_duration(arena, seconds));
}

static const char *state_text(df_arena *arena, const op_session *s)
{
    switch (s->state) {
    case OP_ACTIVE: return df_arena_printf(arena, "active%s", for_time(arena, s->state_s));
    case OP_IDLE: return df_arena_printf(arena, "idle%s", for_time(arena, s->state_s));
    case OP_IDLE_TRANSACTION:
        return df_arena_printf(arena, "idle in %s transaction%s", s->aborted ? "a failed" : "an open",
                               for_time(arena, s->state_s));
    case OP_WAITING:
        return df_arena_printf(arena, "waiting%s%s%.*s", for_time(arena, s->state_s),
                               s->wait.ptr ? " for " : "", DF_FMT(s->wait));
    case OP_HOLDS: return df_arena_cstr(arena, s->phase);
    case OP_PREPARED: return df_arena_printf(arena, "prepared%s", for_time(arena, s->transaction_s));
    case OP_HIDDEN: break;
    }
    return "what it does is hidden from this user";
}

const char *op_session_name(const op_look *look, const op_session *s)
{
    if (s->state == OP_PREPARED)
        return df_arena_printf(look->arena, "prepared transaction %.*s", DF_FMT(s->gid));
    if (!s->id)
        return df_arena_printf(look->arena, "a %s that cannot be seen from here", look->engine->session_word);
    return df_arena_printf(look->arena, "%s %lld", look->engine->session_word, (long long)s->id);
}

static void put_part(df_buf *out, df_str part)
{
    if (!part.len) return;
    if (out->len) df_buf_text(out, ", ");
    df_buf_str_add(out, part);
}

const char *op_session_text(const op_look *look, const op_session *s)
{
    df_arena *arena = look->arena;
    df_buf who = {0};
    put_part(&who, s->user);
    if (s->address.len) df_buf_printf(&who, "@%.*s", DF_FMT(s->address));
    if (!df_str_eq(s->application, s->user)) put_part(&who, s->application);
    put_part(&who, df_str_from(state_text(arena, s)));
    /* The age of the transaction, where it says more than the time in this state. */
    if (s->state != OP_PREPARED && s->transaction_s > s->state_s + 1 && s->transaction_s >= 1)
        df_buf_printf(&who, ", in a transaction for %s", op_duration(arena, s->transaction_s));
    if (s->phase.len && s->state != OP_HOLDS) df_buf_printf(&who, ", %.*s", DF_FMT(s->phase));
    if (s->progress >= 0) df_buf_printf(&who, " %.0f %%", s->progress * 100);
    const char *query = s->query.len ? op_query(arena, s->query, QUERY_SHOWN) : NULL;
    const char *text = df_arena_printf(
        arena, "%s (%s)%s%s%s", op_session_name(look, s), df_buf_cstr(&who), query ? ": " : "",
        query && s->state == OP_IDLE_TRANSACTION ? "last " : "", query ? query : "");
    df_buf_release(&who);
    return text;
}

const char *op_session_end(const op_look *look, const op_session *session)
{
    return look->engine->end(look, session);
}

bool op_session_lingers(const op_session *s)
{
    if (s->own) return false;
    if (s->state == OP_IDLE_TRANSACTION && s->state_s >= OP_IDLE_S) return true;
    return s->state != OP_PREPARED && s->transaction_s >= OP_LONG_S;
}

df_code op_lock_look(const op_look *look, df_lock_status *out, df_error *err)
{
    enum { PAUSE_MS = 250 };
    DF_TRY(df_lock_look(look->ledger, look->arena, out, err));
    if (out->state != DF_HOLDER_HIDDEN) return DF_OK;
    nanosleep(&(struct timespec){0, PAUSE_MS * 1000000L}, NULL);
    return df_lock_look(look->ledger, look->arena, out, err);
}

/* ---- for callers outside ---- */

df_code df_end_session(df_conn *conn, const char *name, df_arena *arena, const char **command, df_error *err)
{
    op_look look;
    op_sessions sessions;
    int64_t id = 0;
    *command = NULL;
    DF_TRY(op_look_at(conn, NULL, arena, &look, err));
    if (!(df_conn_caps(conn) & DF_CAP_SERVER))
        return df_fail(err, DF_UNSUPPORTED, "there is no server that could end it: end the process");
    DF_TRY(op_sessions_read(&look, &sessions, err));
    bool number = df_str_int64(df_str_from(name), &id);
    for (size_t i = 0; i < sessions.count; i++) {
        const op_session *s = &sessions.items[i];
        bool same = (number && s->id == id) || df_str_is(s->transaction, name) || df_str_is(s->gid, name);
        if (!same) continue;
        if (s->own) return df_fail(err, DF_REFUSED, "%s is this program's own", name);
        *command = op_session_end(&look, s);
        return df_exec(conn, *command, NULL, 0, NULL, err);
    }
    df_fail(err, DF_NOT_FOUND, "no transaction or session %s is open", name);
    df_error_hint(err, "see which there are: dataflow why");
    return DF_NOT_FOUND;
}

df_code df_blockers(df_conn *conn, int64_t session_id, df_arena *arena, df_str **out, size_t *count,
                    df_error *err)
{
    op_look look;
    op_sessions sessions;
    size_t cap = 0;
    *out = NULL;
    *count = 0;
    DF_TRY(op_look_at(conn, NULL, arena, &look, err));
    DF_TRY(op_sessions_read(&look, &sessions, err));
    size_t waiter = op_session_find(&sessions, session_id);
    for (size_t i = 0; i < sessions.n_waits; i++) {
        const op_wait *wait = &sessions.waits[i];
        if (wait->waiter != waiter) continue;
        const char *text = op_session_text(&look, &sessions.items[wait->blocker]);
        if (!wait->certain) text = df_arena_printf(arena, "perhaps %s", text);
        size_t root = op_session_root(&sessions, wait->blocker, NULL);
        if (root != wait->blocker && root != waiter)
            text = df_arena_printf(arena, "%s; it waits in turn behind %s", text,
                                   op_session_text(&look, &sessions.items[root]));
        OP_PUSH(arena, *out, *count, cap) = df_str_from(text);
    }
    return DF_OK;
}

df_code df_replica_lag(df_conn *conn, int64_t *ms, df_error *err)
{
    df_arena arena = {0};
    op_look look;
    *ms = -1;
    df_code code = op_look_at(conn, NULL, &arena, &look, err);
    if (code == DF_OK && look.engine->lag) code = look.engine->lag(&look, ms, err);
    df_arena_release(&arena);
    return code;
}
