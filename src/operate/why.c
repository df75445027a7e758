/* SPDX-License-Identifier: Apache-2.0 */
/* Why nothing moves: the whole of it, in the order in which somebody would ask. */
#include "operate/backup.h"
#include "operate/operate_int.h"

#include <stdio.h>
#include <string.h>

enum { LISTED = 10, TREE_LINES = 60, NOTICEABLE_S = 1 };

void op_say(op_why *why, const char *section, const char *severity, int64_t depth, const char *command,
            const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *text = op_format(why->look.arena, fmt, args);
    va_end(args);
    OP_PUSH(why->look.arena, why->items, why->count, why->cap) = (df_migrate_why_line){
        .section = section, .severity = severity, .depth = depth, .text = text, .command = command};
}

void op_next(op_why *why, op_urgency urgency, const char *command, const char *fmt, ...)
{
    va_list args;
    if (urgency <= why->urgency) return;
    va_start(args, fmt);
    why->next_text = op_format(why->look.arena, fmt, args);
    va_end(args);
    why->urgency = urgency;
    why->next = command;
}

static bool here(const op_why *why, size_t index)
{
    return why->sessions.items[index].here;
}

/* ---- who waits for whom ---- */

typedef struct tree {
    op_why *why;
    bool *shown;
    size_t lines, left_out;
    size_t holder; /* the migration run's session */
} tree;

static bool waits(const op_sessions *sessions, size_t index)
{
    for (size_t i = 0; i < sessions->n_waits; i++)
        if (sessions->waits[i].waiter == index) return true;
    return false;
}

static void show_session(tree *t, size_t index, int64_t depth, bool certain)
{
    op_why *why = t->why;
    const op_session *s = &why->sessions.items[index];
    bool long_wait = s->state == OP_WAITING && s->state_s >= NOTICEABLE_S;
    bool blocks = op_session_blocks(&why->sessions, index) && s->state != OP_WAITING;
    const char *end = blocks && index != t->holder ? op_session_end(&why->look, s) : NULL;
    op_say(why, "blocking", blocks || long_wait ? "bad" : "warning", depth, end, "%s%s%s",
           certain ? "" : "perhaps behind ", op_session_text(&why->look, s),
           index == t->holder ? " (the migration run)" : "");
}

static void show_tree(tree *t, size_t index, int64_t depth, bool certain)
{
    op_sessions *sessions = &t->why->sessions;
    if (t->shown[index]) return;
    t->shown[index] = true;
    if (t->lines++ >= TREE_LINES)
        t->left_out++;
    else
        show_session(t, index, depth, certain);
    for (size_t i = 0; i < sessions->n_waits; i++)
        if (sessions->waits[i].blocker == index)
            show_tree(t, sessions->waits[i].waiter, depth + 1, sessions->waits[i].certain);
}

/* What to end: the run's own obstacle first, then whatever has kept somebody waiting for longest. */
static void propose(op_why *why, size_t holder)
{
    op_sessions *all = &why->sessions;
    size_t worst = holder < all->count && waits(all, holder) ? holder : all->count;
    bool run = worst < all->count;
    for (size_t i = 0; !run && i < all->count; i++)
        if (here(why, i) && waits(all, i) && all->items[i].state_s >= NOTICEABLE_S &&
            (worst == all->count || all->items[i].state_s > all->items[worst].state_s))
            worst = i;
    if (worst == all->count) return;
    bool certain;
    size_t root = op_session_root(all, worst, &certain);
    const char *who = op_session_name(&why->look, &all->items[root]),
               *waiter = op_session_name(&why->look, &all->items[worst]);
    if (root == holder)
        op_next(why, OP_LATER, NULL, "others wait for the migration run: let it end");
    else if (waits(all, root))
        op_next(why, run ? OP_NOW : OP_SOON, op_session_end(&why->look, &all->items[root]),
                "%s and others wait for each other in a circle; the server ends one of them by itself", who);
    else
        op_next(why, run ? OP_NOW : OP_SOON, op_session_end(&why->look, &all->items[root]),
                "%s waits behind %s: let that end, or end it%s", run ? "the migration run" : waiter, who,
                certain ? "" : " if it is the one");
}

void op_why_blocking(op_why *why)
{
    op_sessions *all = &why->sessions;
    if (why->look.engine->blocking) {
        why->look.engine->blocking(why);
        return;
    }
    tree t = {.why = why, .shown = df_arena_zalloc(why->look.arena, all->count + 1)};
    t.holder = why->locked ? op_session_find(all, why->lock.session.id) : all->count;
    /* First from those who wait for nobody; then what is left, which are circles. */
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < all->count; i++)
            if (op_session_blocks(all, i) && (pass == 1 || !waits(all, i))) show_tree(&t, i, 0, true);
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].state == OP_WAITING && !t.shown[i] && here(why, i)) show_session(&t, i, 0, true);
    if (t.left_out) op_say(why, "blocking", "info", 0, NULL, "and %zu more", t.left_out);
    if (!t.lines) op_say(why, "blocking", "ok", 0, NULL, "nobody waits for a lock");
    if (all->hidden) op_say(why, "blocking", "info", 0, NULL, "%s", all->hidden);
    propose(why, t.holder);
}

/* ---- the lock ---- */

static void say_holder_session(op_why *why)
{
    op_sessions *all = &why->sessions;
    size_t at = op_session_find(all, why->lock.session.id);
    if (!why->lock.session.id) return;
    if (at == all->count) {
        op_say(why, "lock", "info", 1, NULL, "its session, %s %lld, is idle", why->look.engine->session_word,
               (long long)why->lock.session.id);
        return;
    }
    const op_session *s = &all->items[at];
    op_say(why, "lock", s->state == OP_WAITING ? "bad" : "info", 1, NULL, "its session: %s",
           op_session_text(&why->look, s));
    for (size_t i = 0; i < all->n_waits; i++)
        if (all->waits[i].waiter == at)
            op_say(why, "lock", "bad", 2, op_session_end(&why->look, &all->items[all->waits[i].blocker]),
                   "%sbehind %s", all->waits[i].certain ? "" : "perhaps ",
                   op_session_text(&why->look, &all->items[all->waits[i].blocker]));
}

static const char *lease_text(const op_why *why)
{
    const df_lock_status *l = &why->lock;
    double left = (double)(l->expires_ms - l->now_ms) / 1000;
    return df_arena_printf(why->look.arena, left >= 0 ? "its lease is good for %s" : "its lease ended %s ago",
                           op_duration(why->look.arena, left >= 0 ? left : -left));
}

static void say_lock(op_why *why)
{
    df_arena *arena = why->look.arena;
    const df_lock_status *l = &why->lock;
    static const char *const release = "dataflow lock release", *const force =
                                                                    "dataflow lock release --force";
    const char *who = df_arena_printf(arena, "%.*s on %.*s, process %lld (%.*s)", DF_FMT(l->owner),
                                      DF_FMT(l->host), (long long)l->pid, DF_FMT(l->purpose));
    const char *since = op_duration(arena, (double)(l->now_ms - l->acquired_ms) / 1000);
    switch (l->state) {
    case DF_HOLDER_NONE: op_say(why, "lock", "ok", 0, NULL, "nobody holds the migration lock"); break;
    case DF_HOLDER_ALIVE:
        op_say(why, "lock", "info", 0, NULL, "held by %s for %s; %s", who, since, lease_text(why));
        if (l->doing.len) op_say(why, "lock", "info", 1, NULL, "it is at: %s", op_line(arena, l->doing, 160));
        break;
    case DF_HOLDER_FROZEN:
        op_say(why, "lock", "bad", 0, force,
               "held by %s for %s; %s, but its session is still there: the process was stopped, or cannot "
               "reach the server",
               who, since, lease_text(why));
        op_next(
            why, OP_NOW, "dataflow up",
            "the holder of the lock has frozen: the next run ends its session and takes over (by hand: %s)",
            force);
        break;
    case DF_HOLDER_GONE:
        op_say(why, "lock", "warning", 0, release,
               "left over: %s is gone; the next run takes it over by itself", who);
        op_next(why, OP_LATER, "dataflow up",
                "the run that held the lock is gone: the next one takes it over and goes on");
        break;
    case DF_HOLDER_RESTORED:
        op_say(why, "lock", "warning", 0, release,
               "left over: %s held it in the database that this one was restored or copied from; the next "
               "run takes it over by itself",
               who);
        op_next(why, OP_LATER, "dataflow up",
                "the lock came with a restored or copied database: the next run takes it over");
        break;
    case DF_HOLDER_HIDDEN:
        op_say(why, "lock", "bad", 0, NULL,
               "held by a session whose row in _migration_locks is gone: somebody has deleted it");
        op_next(why, OP_SOON, "dataflow lock status",
                "a run that nobody knows of holds the lock: look again in a moment");
        break;
    case DF_HOLDER_UNKNOWN:
        op_say(why, "lock", "warning", 0, NULL,
               "held by %s for %s, as far as can be told: whether its session still lives is hidden from "
               "this user",
               who, since);
        break;
    }
}

static void say_expired(op_why *why)
{
    op_rows rows;
    if (op_ask(&why->look, why->look.engine->expired_locks, NULL, 0, &rows, NULL) != DF_OK) return;
    for (size_t i = 0; i < rows.count; i++)
        op_say(why, "lock", "warning", 1, op_text(&rows, i, "remedy"),
               "expired row in _migration_locks: %s, since %s", op_text(&rows, i, "subject"),
               op_text(&rows, i, "expires_at"));
}

void op_why_lock(op_why *why)
{
    df_error err;
    if (!why->look.ledger || !df_ledger_exists(why->look.ledger)) {
        op_say(why, "lock", "ok", 0, NULL, "there is no ledger yet, and so no migration lock");
        return;
    }
    if (op_lock_look(&why->look, &why->lock, &err) != DF_OK) {
        why->locked = true; /* unknown is not unlocked */
        op_say(why, "lock", "bad", 0, NULL, "who holds the migration lock could not be asked: %s",
               op_reason(why->look.arena, &err));
        return;
    }
    df_holder_state state = why->lock.state;
    why->locked = state == DF_HOLDER_ALIVE || state == DF_HOLDER_UNKNOWN || state == DF_HOLDER_HIDDEN;
    say_lock(why);
    if (state == DF_HOLDER_HIDDEN && why->look.engine->hidden) why->look.engine->hidden(why);
    if (why->locked || state == DF_HOLDER_FROZEN) say_holder_session(why);
    say_expired(why);
}

/* ---- transactions, indexes, disk ---- */

static void say_transactions(op_why *why)
{
    const op_session *oldest = NULL;
    size_t said = 0;
    for (size_t i = 0; i < why->sessions.count; i++) {
        const op_session *s = &why->sessions.items[i];
        if (!s->here || s->own) continue;
        if (s->transaction_s >= 0 && (!oldest || s->transaction_s > oldest->transaction_s)) oldest = s;
        if ((s->state != OP_PREPARED && !op_session_lingers(s)) || said++ >= LISTED) continue;
        op_say(why, "transactions", "warning", 0, op_session_end(&why->look, s), "%s",
               op_session_text(&why->look, s));
    }
    if (said > LISTED) op_say(why, "transactions", "info", 0, NULL, "and %zu more", said - LISTED);
    if (said) return;
    if (oldest)
        op_say(why, "transactions", "ok", 0, NULL, "the oldest: %s", op_session_text(&why->look, oldest));
    else if (df_conn_caps(why->look.conn) & DF_CAP_SERVER)
        op_say(why, "transactions", "ok", 0, NULL, "no other transaction is open");
}

static void say_invalid(op_why *why, const op_rows *rows, size_t i)
{
    const char *name = op_text(rows, i, "subject"), *table = op_text(rows, i, "table"),
               *drop = op_text(rows, i, "remedy"), *finish = op_text(rows, i, "finish");
    if (op_bool(rows, i, "building")) {
        op_say(why, "indexes", "info", 0, NULL, "%s on %s is being built now", name, table);
    } else if (op_bool(rows, i, "partitioned")) {
        op_say(why, "indexes", "warning", 0, NULL,
               "%s on %s is invalid until an index of every partition is attached to it", name, table);
    } else {
        op_say(why, "indexes", "warning", 0, drop, "%s on %s is invalid: queries do not use it%s; %s", name,
               table, op_bool(rows, i, "maintained") ? ", and writes keep it nevertheless" : "",
               op_text(rows, i, "definition"));
        if (finish)
            op_say(why, "indexes", "info", 1, finish,
                   "or finish it, once the cause is gone (duplicates, a timeout)");
        op_next(why, OP_LATER, drop, "an index build was left half-way: %s", name);
    }
}

static void say_indexes(op_why *why)
{
    op_rows rows;
    if (!why->look.engine->invalid || why->look.engine->invalid(&why->look, &rows, NULL) != DF_OK) return;
    for (size_t i = 0; i < rows.count; i++) say_invalid(why, &rows, i);
}

static void say_disk(op_why *why)
{
    int64_t free_bytes, total;
    if (why->facts.remote || !why->facts.folder.ptr) return;
    const char *path = df_arena_cstr(why->look.arena, why->facts.folder);
    if (op_disk(path, &free_bytes, &total, NULL) != DF_OK || free_bytes >= total / 10) return;
    bool full = free_bytes < total / 100 || free_bytes < 16 << 20;
    op_say(why, "disk", full ? "bad" : "warning", 0, "dataflow backup prune",
           "only %s of %s are free at %s: old logs and backups can go%s%s%s",
           op_bytes(why->look.arena, free_bytes), op_bytes(why->look.arena, total), path,
           why->look.engine->reclaims ? ", and what " : "",
           why->look.engine->reclaims ? why->look.engine->reclaims : "",
           why->look.engine->reclaims ? " finds" : "");
    if (why->look.engine->disk) why->look.engine->disk(why);
    op_next(why, full ? OP_NOW : OP_LATER, "dataflow backup prune", "the disk is %s: free some space first",
            full ? "full" : "nearly full");
}

static void say_server(op_why *why)
{
    if (why->facts.recovery || why->facts.read_only) {
        op_say(why, "server", "bad", 0, NULL,
               why->facts.recovery ? "this is a standby: nothing can be written"
                                   : "the database is set to be read only");
        op_next(why, OP_NOW, NULL,
                why->facts.recovery ? "use the address of the primary"
                                    : "find out who made the database read only, and why");
    }
    if (why->facts.max_connections > 0 && why->facts.connections >= why->facts.max_connections)
        op_say(why, "server", "bad", 0, NULL, "all %lld connections are used",
               (long long)why->facts.max_connections);
}

static void say_restore(op_why *why)
{
    df_backup_interrupted restore;
    df_arena *arena = why->look.arena;
    if (df_backup_unfinished(why->look.conn, arena, &restore, NULL) != DF_OK || !restore.found) return;
    const char *again = df_arena_printf(arena, "dataflow backup restore %s --yes",
                                        op_shell(arena, df_str_from(restore.backup_id)));
    if (!restore.half) {
        op_say(why, "restore", "info", 0, NULL,
               "a restore of %s, begun %s on %s, was interrupted behind its end: the next command that "
               "writes completes its records",
               restore.backup_id, restore.started, restore.host);
        return;
    }
    op_say(why, "restore", "bad", 0, again,
           "the database is half restored: a restore of %s, begun %s on %s, did not end", restore.backup_id,
           restore.started, restore.host);
    if (restore.safety_id && *restore.safety_id)
        op_say(why, "restore", "info", 1,
               df_arena_printf(arena, "dataflow backup restore %s --yes",
                               op_shell(arena, df_str_from(restore.safety_id))),
               "or back to what was there before");
    op_next(why, OP_NOW, again,
            "a restore was interrupted, and the database is half filled: restore it again");
}

/* ---- the whole ---- */

/* What cannot be asked is said; only a lost connection ends it. */
static df_code read_sessions(op_why *why, df_error *err)
{
    df_error mine;
    df_code code = op_sessions_read(&why->look, &why->sessions, &mine);
    if (code == DF_OK) return DF_OK;
    if (df_conn_lost(why->look.conn)) {
        if (err) *err = mine;
        return code;
    }
    why->sessions =
        (op_sessions){.hidden = df_arena_printf(why->look.arena, "what others do could not be asked: %s",
                                                op_reason(why->look.arena, &mine))};
    return DF_OK;
}

df_code df_why(df_conn *conn, df_ledger *ledger, const df_plan *plan, const char *not_adopted, df_arena *arena,
               df_migrate_why *out, df_error *err)
{
    op_why why = {0};
    *out = (df_migrate_why){0};
    DF_TRY(op_look_at(conn, ledger, arena, &why.look, err));
    DF_TRY(why.look.engine->facts(&why.look, &why.facts, err));
    DF_TRY(read_sessions(&why, err));
    say_server(&why);
    say_restore(&why);
    op_why_lock(&why);
    op_why_blocking(&why);
    say_transactions(&why);
    DF_TRY(op_why_migrations(&why, plan, not_adopted, err));
    say_indexes(&why);
    say_disk(&why);
    if (df_conn_lost(conn)) return df_fail(err, DF_CONNECT, "the connection was lost while it was looked at");
    out->stuck = why.urgency >= OP_SOON;
    if (out->stuck)
        out->summary = why.next_text;
    else if (why.next_text)
        out->summary = df_arena_printf(arena, "nothing is stuck: %s", why.next_text);
    else
        out->summary = plan ? "nothing is stuck, and nothing is pending" : "nothing is stuck";
    if (why.next || out->stuck) op_say(&why, "next", "info", 0, why.next, "%s", why.next_text);
    out->lines = why.items;
    out->count = why.count;
    return DF_OK;
}
