/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking and giving back the migration lock. Two things must agree: the engine's named lock, which dies with
 * its session, and the row, whose fence every transaction of the holder checks. The named lock decides among
 * the living; the row decides when the named lock says nothing: its holder is frozen, or has lost it
 * unnoticed.
 */
#include "ledger/lease.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    DEFAULT_TTL_MS = 60 * 1000,
    SHORTEST_TTL_MS = 100,
    FIRST_PAUSE_MS = 10,
    LONGEST_PAUSE_MS = 250,
    END_WAIT_MS = 3000,    /* for a frozen holder's session to go */
    SQLITE_QUICK_MS = 500, /* for the file's write lock, which a frozen holder may have */
    SQLITE_USUAL_MS = 10000,
};

/* ---- what is held ---- */

bool df_lease_held(const df_ledger *ledger)
{
    return ledger->lease && !ledger_lease_lost(ledger);
}

int64_t df_lease_fence(const df_ledger *ledger)
{
    return ledger->lease ? ledger->lease->fence : 0;
}

void df_lease_tell(df_ledger *ledger, const char *doing)
{
    if (ledger->lease && ledger->lease->heart) ledger_heart_tell(ledger->lease->heart, doing);
}

bool ledger_lease_lost(const df_ledger *ledger)
{
    const ledger_lease *lease = ledger->lease;
    return lease && (lease->lost || (lease->heart && ledger_heart_lost(lease->heart)));
}

df_code ledger_lost(df_ledger *ledger, df_error *err)
{
    if (ledger->lease) ledger->lease->lost = true;
    df_fail(
        err, DF_LOCKED,
        "the migration lock was lost: its row is gone, or another run has taken it over; nothing of what was "
        "not yet committed is kept");
    df_error_hint(err,
                  "see who holds it now with dataflow lock status, and what was done with dataflow status");
    return DF_LOCKED;
}

int64_t ledger_now_ms(const df_ledger *ledger)
{
    if (!ledger->clock_ms) return df_now_ms();
    return ledger->clock_ms + (int64_t)(df_monotonic_s() * 1000) - ledger->clock_read_ms;
}

void ledger_forget_state(df_ledger *ledger)
{
    ledger->head.found = false;
    ledger->sequence = 0;
}

void ledger_lease_forget(df_ledger *ledger)
{
    ledger_lease *lease = ledger->lease;
    if (!lease) return;
    ledger_heart_stop(lease->heart);
    memcpy(ledger->former_lock_id, lease->lock_id, sizeof ledger->former_lock_id);
    free(lease->about);
    free(lease);
    ledger->lease = NULL;
    ledger_forget_state(ledger);
}

/* ---- the check ---- */

static df_code take_verdict(void *context, const df_row *row, df_error *err)
{
    return ledger_int_of(&row->values[0], 0) ? DF_OK : ledger_lost(context, err);
}

size_t ledger_check_commands(df_ledger *ledger, df_arena *arena, df_command out[MOST_CHECKS])
{
    const ledger_lease *lease = ledger->lease;
    const ledger_dialect *dialect = ledger->dialect;
    df_value *v = df_arena_alloc(arena, 5 * sizeof *v);
    size_t n = 0;
    if (dialect->check == CHECK_NUMBER) {
        v[n++] = df_v_text("fence");
        v[n++] = df_v_int(lease->fence);
        v[n++] = df_v_int(lease->fence);
    } else {
        if (dialect->check == CHECK_FENCE) v[n++] = df_v_int(lease->fence);
        v[n++] = df_v_text(lease->lock_id);
        v[n++] = df_v_int(lease->fence);
        if (dialect->check != CHECK_ROW) v[n++] = df_v_int(ledger->session.id);
    }
    out[0] = (df_command){.sql = ledger_text(ledger, LEDGER_check), .params = v, .n_params = n};
    if (dialect->check == CHECK_FENCE || dialect->check == CHECK_ROW) {
        out[0].fn = take_verdict;
        out[0].context = ledger;
    }
    if (!dialect->sql[LEDGER_check_row]) return 1;
    v[n] = df_v_text(lease->lock_id);
    out[1] = (df_command){.sql = ledger_text(ledger, LEDGER_check_row), .params = v + n, .n_params = 1};
    return 2;
}

static df_code not_held(df_error *err)
{
    return df_fail(err, DF_BUG, "the migration lock is not held");
}

df_code df_lease_check(df_ledger *ledger, df_error *err)
{
    df_error own_error;
    df_command checks[MOST_CHECKS];
    df_arena arena = {0};
    if (!err) err = &own_error;
    if (!ledger->lease) return not_held(err);
    if (ledger_lease_lost(ledger)) return ledger_lost(ledger, err);
    df_code code = DF_OK;
    size_t count = ledger_check_commands(ledger, &arena, checks);
    for (const df_command *c = checks; code == DF_OK && c < checks + count; c++)
        code = c->fn ? df_query(ledger->conn, c->sql, c->params, c->n_params, c->fn, c->context, err)
                     : df_exec(ledger->conn, c->sql, c->params, c->n_params, NULL, err);
    df_arena_release(&arena);
    return code != DF_OK && ledger_divided(err) ? ledger_lost(ledger, err) : code;
}

/* A script's SET ROLE may have left us without the right to read the row: the role is put aside for the
 * check. */
static df_code begin(df_ledger *ledger, bool aside, df_error *err)
{
    df_arena arena = {0};
    df_command commands[2 + MOST_CHECKS];
    size_t n = 0;
    if (aside) commands[n++] = (df_command){.sql = ledger_text(ledger, LEDGER_guard_remember)};
    n += ledger_check_commands(ledger, &arena, commands + n);
    if (aside) commands[n++] = (df_command){.sql = ledger_text(ledger, LEDGER_guard_restore)};
    df_code code = df_exec_many(ledger->conn, commands, n, DF_MANY_BEGIN, err);
    df_arena_release(&arena);
    if (code != DF_OK) err->statement = 0;
    return code;
}

df_code df_ledger_begin(df_ledger *ledger, df_error *err)
{
    df_error own_error;
    if (!err) err = &own_error;
    if (!ledger->lease) return not_held(err);
    if (ledger_lease_lost(ledger)) return ledger_lost(ledger, err);
    df_code code = begin(ledger, false, err);
    if (code == DF_PERMISSION && ledger->dialect->sql[LEDGER_guard_remember]) code = begin(ledger, true, err);
    return code != DF_OK && ledger_divided(err) ? ledger_lost(ledger, err) : code;
}

/* ---- writing the row ---- */

void ledger_uuid(char out[37])
{
    unsigned char r[16];
    if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r) {
        df_hash128 h = df_hash(&(struct {
            int64_t now;
            double clock;
            pid_t pid;
        }){df_now_ms(), df_monotonic_s(), getpid()},
                               sizeof(int64_t) + sizeof(double) + sizeof(pid_t));
        memcpy(r, &h, sizeof r);
    }
    r[6] = (unsigned char)((r[6] & 0x0F) | 0x40);
    r[8] = (unsigned char)((r[8] & 0x3F) | 0x80);
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1],
             r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
}

typedef struct fence_watch {
    int64_t expected;
} fence_watch;

/* Somebody was quicker when the number is no longer the one that was judged. */
static df_code take_fence(void *context, const df_row *row, df_error *err)
{
    const fence_watch *watch = context;
    if (ledger_int_of(&row->values[0], -1) == watch->expected) return DF_OK;
    return df_fail(err, DF_RETRY, "another run was quicker");
}

void ledger_lock_guard(ledger_batch *batch, int64_t counter)
{
    fence_watch *watch = df_arena_alloc(&batch->arena, sizeof *watch);
    watch->expected = counter;
    ledger_add(batch, LEDGER_fence_lock, NULL, 0);
    batch->commands[batch->count - 1].fn = take_fence;
    batch->commands[batch->count - 1].context = watch;
    if (batch->ledger->dialect->sql[LEDGER_row_lock]) ledger_add(batch, LEDGER_row_lock, NULL, 0);
    ledger_add(batch, LEDGER_lock_clear, NULL, 0);
}

static void add_former(df_json_writer *w, const lock_row *row)
{
    const df_lock_status *s = &row->status;
    df_json_begin(w, "from", '{');
    df_json_add_text(w, "state", df_holder_state_name(s->state));
    df_json_add_str(w, "owner", s->owner);
    df_json_add_str(w, "host", s->host);
    df_json_add_int(w, "pid", s->pid);
    df_json_add_int(w, "fence", s->fence);
    df_json_add_int(w, "acquired_ms", s->acquired_ms);
    df_json_add_int(w, "expires_ms", s->expires_ms);
    df_json_end(w, '}');
}

df_str ledger_lock_details(const lock_row *row, const char *purpose, int64_t fence, df_arena *arena)
{
    df_buf text = {0};
    df_json_writer w = {.out = &text};
    df_json_begin(&w, NULL, '{');
    df_json_add_int(&w, "fence", fence);
    if (purpose) df_json_add_text(&w, "purpose", purpose);
    if (row && row->present) add_former(&w, row);
    df_json_end(&w, '}');
    df_str out = df_arena_str(arena, df_buf_str(&text));
    df_buf_release(&text);
    return out;
}

/* What stands in the row's metadata beside "doing": members, without braces. */
static char *about_us(const df_ledger *ledger, const char *purpose)
{
    df_buf text = {0};
    df_json_writer w = {.out = &text};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "purpose", purpose);
    df_json_add_text(&w, "environment", ledger->environment);
    df_json_add_text(&w, "program", ledger->program);
    df_json_end(&w, '}');
    char *out = df_strdup((df_str){text.ptr + 1, text.len - 2});
    df_buf_release(&text);
    return out;
}

/* The row becomes ours, its fence one more than any before. DF_RETRY: somebody was quicker or is in the way.
 */
static df_code write_row(df_ledger *ledger, ledger_lease *lease, lock_row *row, const char *purpose,
                         df_error *err)
{
    ledger_batch batch = {.ledger = ledger, .unfenced = true, .once = true};
    holder_self self;
    df_buf metadata = {0};
    if (row->present && *lease->ended && df_str_is(row->status.lock_id, lease->ended))
        row->status.state = DF_HOLDER_FROZEN; /* it is gone now, because we saw to that */
    ledger_self(ledger, &self);
    lease->fence = (row->counter > row->status.fence ? row->counter : row->status.fence) + 1;
    ledger_heart_metadata(lease->about, NULL, &metadata);
    df_value fence = df_v_int(lease->fence);
    df_value values[] = {df_v_text(lease->lock_id),
                         ledger_name(df_str_from(ledger->actor)),
                         df_v_text(self.host),
                         df_v_int(self.pid),
                         df_v_int(lease->ttl_ms),
                         df_v_str(df_arena_str(&batch.arena, df_buf_str(&metadata))),
                         fence,
                         df_v_int(ledger->session.id),
                         df_v_text(self.started),
                         df_v_text(ledger->session.database),
                         df_v_text(ledger->session.user)};
    df_buf_release(&metadata);
    ledger_lock_guard(&batch, row->counter);
    ledger_add(&batch, LEDGER_fence_write, &fence, 1);
    ledger_add(&batch, LEDGER_lock_write, values, sizeof values / sizeof *values);
    df_code code =
        ledger_add_audit(&batch, row->present ? DF_AUDIT_LOCK_TAKEN_OVER : DF_AUDIT_LOCK_ACQUIRED,
                         DF_STR_NONE, ledger_lock_details(row, purpose, lease->fence, &batch.arena), 0, err);
    return code == DF_OK ? ledger_run(&batch, "taking the migration lock", err) : ledger_drop(&batch, code);
}

static void start_heart(df_ledger *ledger, ledger_lease *lease)
{
    bool server = (df_conn_caps(ledger->conn) & DF_CAP_SERVER) != 0;
    if (strstr(ledger->url, ":memory:")) return; /* nobody else can see it */
    lease->heart = ledger_heart_start(&(ledger_heart_options){
        .url = ledger->url,
        .beat = ledger_text(ledger, LEDGER_beat),
        .session = ledger_text(ledger, LEDGER_beat_session),
        .lock_id = lease->lock_id,
        .about = lease->about,
        .fence = lease->fence,
        .ttl_ms = lease->ttl_ms,
        .hold_connection = server, /* on SQLite it would be in the way of a change of the journal mode */
    });
}

/* ---- deciding ---- */

typedef enum decision { WAIT, TAKE, AGAIN } decision;

/* Ends what a frozen holder, or a session that we lost, still has. */
static decision end_session(df_ledger *ledger, const lock_row *row, df_error *why)
{
    if (!row->status.session.id) return WAIT;
    return df_session_end(ledger->conn, &row->status.session, END_WAIT_MS, why) == DF_OK ? AGAIN : WAIT;
}

static decision decide(df_ledger *ledger, lock_row *row, bool named, df_error *why)
{
    bool server = (df_conn_caps(ledger->conn) & DF_CAP_SERVER) != 0;
    const df_lock_status *s = &row->status;
    bool over = s->expires_ms <= s->now_ms;
    bool was_ours = row->present && *ledger->former_lock_id && df_str_is(s->lock_id, ledger->former_lock_id);
    switch (s->state) {
    case DF_HOLDER_NONE:
    case DF_HOLDER_GONE:
    case DF_HOLDER_RESTORED: return named ? TAKE : WAIT;
    case DF_HOLDER_HIDDEN: return WAIT;
    case DF_HOLDER_UNKNOWN: return named && (over || was_ours) ? TAKE : WAIT;
    case DF_HOLDER_ALIVE:
        if (!was_ours) return WAIT;
        return server ? end_session(ledger, row, why) : named ? TAKE : WAIT;
    case DF_HOLDER_FROZEN: break;
    }
    return server ? end_session(ledger, row, why) : TAKE;
}

static df_code tell_holder(const lock_row *row, const df_error *why, df_error *err)
{
    const df_lock_status *s = &row->status;
    df_buf text = {0};
    ledger_describe_holder(s, &text);
    df_fail(err, DF_LOCKED, "the migration lock is %s%s%s", df_buf_cstr(&text), why->code ? "; " : "",
            why->code ? why->message : "");
    df_buf_release(&text);
    if (s->state == DF_HOLDER_FROZEN)
        df_error_hint(err, "let process %lld on %.*s go on (kill -CONT), or end it (kill -9); then run again",
                      (long long)s->pid, DF_FMT(s->host));
    else
        df_error_hint(err, "wait for it (--wait), or look at it: dataflow lock status");
    return DF_LOCKED;
}

/* ---- taking ---- */

/* One try. *decided TAKE: it is ours. */
static df_code try_take(df_ledger *ledger, ledger_lease *lease, const char *purpose, lock_row *row,
                        decision *decided, df_error *why, df_error *err)
{
    bool server = (df_conn_caps(ledger->conn) & DF_CAP_SERVER) != 0;
    df_error_clear(why);
    DF_TRY(df_lock(ledger->conn, LEDGER_LOCK, 0, &lease->named, err));
    df_code code = ledger_lock_row(ledger, row, !lease->named, err);
    if (code == DF_OK) *decided = decide(ledger, row, lease->named, why);
    if (code == DF_OK && *decided == TAKE) {
        df_limits quick = {.lock_ms = SQLITE_QUICK_MS}, usual = {.lock_ms = SQLITE_USUAL_MS};
        bool frozen = !server && row->status.state == DF_HOLDER_FROZEN;
        if (frozen) code = df_set_limits(ledger->conn, &quick, err);
        if (code == DF_OK) code = write_row(ledger, lease, row, purpose, why);
        if (frozen && code != DF_CONNECT) DF_TRY(df_set_limits(ledger->conn, &usual, err));
        if (code == DF_RETRY) *decided = WAIT;
        if (code == DF_RETRY || code == DF_OK)
            return *decided == TAKE ? DF_OK : ledger_unname(ledger, lease, err);
        if (err) *err = *why;
    }
    if (lease->named) {
        df_code unlocked = ledger_unname(ledger, lease, code == DF_OK ? err : NULL);
        if (code == DF_OK) code = unlocked;
    }
    return code;
}

df_code ledger_unname(df_ledger *ledger, ledger_lease *lease, df_error *err)
{
    if (!lease->named || df_conn_lost(ledger->conn)) return DF_OK;
    lease->named = false;
    return df_unlock(ledger->conn, LEDGER_LOCK, err);
}

static df_code pause_for(df_ledger *ledger, int64_t ms, df_error *err)
{
    DF_TRY(df_check_cancelled(ledger->observer, err));
    ledger_pause(ms);
    return DF_OK;
}

static df_code take(df_ledger *ledger, ledger_lease *lease, const df_lease_options *options, df_error *err)
{
    double end = df_monotonic_s() + (double)options->wait_ms / 1000;
    lock_row row = {0};
    df_error why;
    df_code code = DF_OK;
    int ended = 0;
    for (int64_t pause = FIRST_PAUSE_MS;; pause = pause < LONGEST_PAUSE_MS ? pause * 2 : pause) {
        decision decided = WAIT;
        code = try_take(ledger, lease, options->purpose, &row, &decided, &why, err);
        if (code != DF_OK || decided == TAKE) break;
        if (decided == AGAIN && ended++ < 3) {
            snprintf(lease->ended, sizeof lease->ended, "%.*s", DF_FMT(row.status.lock_id));
            continue;
        }
        double left = end - df_monotonic_s();
        if (left <= 0) {
            code = tell_holder(&row, &why, err);
            break;
        }
        /* Not all contenders at the same moments. */
        int64_t jitter = (int64_t)(df_hash(&left, sizeof left).low % (uint64_t)(pause / 2 + 1));
        int64_t left_ms = (int64_t)(left * 1000) + 1, sleep = pause / 2 + jitter + 1;
        code = pause_for(ledger, sleep < left_ms ? sleep : left_ms, err);
        if (code != DF_OK) break;
    }
    df_arena_release(&row.arena);
    return code;
}

df_code df_lease_take(df_ledger *ledger, const df_lease_options *options, df_error *err)
{
    df_lease_options o = options ? *options : (df_lease_options){0};
    if (ledger->lease) return df_fail(err, DF_BUG, "the migration lock is held already");
    if (!ledger->url) return df_fail(err, DF_BUG, "the migration lock needs the database's URL");
    if (df_in_transaction(ledger->conn))
        return df_fail(err, DF_BUG, "the migration lock is not taken inside a transaction");
    DF_TRY(ledger_need(ledger, err));
    DF_TRY(ledger_refuse_pooler(ledger, err));
    DF_TRY(ledger_session(ledger, err));
    if (!o.purpose) o.purpose = "migrate";

    ledger_lease *lease = df_zalloc(sizeof *lease);
    lease->ttl_ms = o.ttl_ms > 0 ? o.ttl_ms : DEFAULT_TTL_MS;
    if (lease->ttl_ms < SHORTEST_TTL_MS) lease->ttl_ms = SHORTEST_TTL_MS;
    lease->about = about_us(ledger, o.purpose);
    ledger_uuid(lease->lock_id);
    df_code code = take(ledger, lease, &o, err);
    if (code != DF_OK) {
        free(lease->about);
        free(lease);
        return code;
    }
    ledger->former_lock_id[0] = '\0';
    ledger->lease = lease;
    start_heart(ledger, lease);
    return DF_OK;
}

/* ---- giving back ---- */

/* Best effort: a row that stays behind is recognised as left over by whoever comes next. */
void df_lease_give(df_ledger *ledger)
{
    ledger_lease *lease = ledger->lease;
    if (!lease) return;
    bool lost = ledger_lease_lost(ledger);
    ledger_heart_stop(lease->heart);
    lease->heart = NULL;
    if (!lost && !df_in_transaction(ledger->conn) && !df_conn_lost(ledger->conn)) {
        ledger_batch batch = {.ledger = ledger, .unfenced = true};
        df_value values[] = {df_v_text(lease->lock_id), df_v_int(lease->fence)};
        ledger_add(&batch, LEDGER_lock_give, values, 2);
        df_code code = ledger_add_audit(&batch, DF_AUDIT_LOCK_RELEASED, DF_STR_NONE,
                                        ledger_lock_details(NULL, NULL, lease->fence, &batch.arena), 0, NULL);
        code = code == DF_OK ? ledger_run(&batch, "giving the migration lock back", NULL)
                             : ledger_drop(&batch, code);
        if (code != DF_OK)
            df_log(ledger->observer, DF_LOG_WARNING,
                   "the row of the migration lock could not be removed; it will be "
                   "recognised as left over");
    }
    df_code unlocked = ledger_unname(ledger, lease, NULL);
    (void)unlocked; /* it dies with the session */
    ledger_lease_forget(ledger);
    ledger->former_lock_id[0] = '\0';
}
