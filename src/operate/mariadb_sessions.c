/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MariaDB's sessions. Who waits for a row is known to InnoDB. Who holds a metadata lock is told only by a
 * plugin or an instrument that are off by default; without them every old transaction may be the one, and is
 * called so.
 */
#include "operate/operate_int.h"

#include "operate_mariadb.h"

#include <stdio.h>
#include <strings.h>

/* ---- the list ---- */

static bool waits_for_metadata(df_str state)
{
    return df_str_starts(state, DF_STR("Waiting for ")) && df_str_ends(state, DF_STR("metadata lock"));
}

static df_code add_sessions(const op_look *look, op_sessions *out, df_error *err)
{
    op_rows rows;
    DF_TRY(op_ask(look, SQL_sessions, NULL, 0, &rows, err));
    for (size_t i = 0; i < rows.count; i++) {
        df_str command = op_str(&rows, i, "command"), state = op_str(&rows, i, "state");
        op_session *s = op_session_add(look, out);
        s->id = op_int(&rows, i, "id", 0);
        s->user = op_str(&rows, i, "user_name");
        s->address = op_str(&rows, i, "address");
        s->database = op_str(&rows, i, "database");
        s->state = df_str_is(command, "Sleep") ? OP_IDLE : OP_ACTIVE;
        s->background = df_str_is(s->user, "system user") || df_str_starts(command, DF_STR("Binlog Dump"));
        s->own = op_bool(&rows, i, "own");
        s->here = op_bool(&rows, i, "here");
        s->state_s = op_double(&rows, i, "state_s", -1);
        s->query = op_str(&rows, i, "query");
        if (waits_for_metadata(state) || df_str_is(state, "User lock") ||
            df_str_starts(state, DF_STR("Waiting for backup"))) {
            s->state = OP_WAITING;
            s->wait = waits_for_metadata(state) ? DF_STR("a metadata lock") : state;
        } else if (s->state == OP_ACTIVE && op_int(&rows, i, "max_stage", 0) > 0) {
            double stage = op_double(&rows, i, "stage", 1) - 1 + op_double(&rows, i, "progress", 0) / 100;
            s->progress = stage / op_double(&rows, i, "max_stage", 1);
            s->phase = state;
        }
    }
    return DF_OK;
}

/* Transactions need the PROCESS privilege; without it there are the sessions of our own user, and no ages. */
static df_code add_transactions(const op_look *look, op_sessions *out, df_error *err)
{
    op_rows rows;
    df_error refused;
    df_code code = op_ask(look, SQL_transactions, NULL, 0, &rows, &refused);
    if (code != DF_OK) {
        if (df_conn_lost(look->conn)) {
            if (err) *err = refused;
            return code;
        }
        out->hidden = "transactions and other users' sessions are hidden: GRANT PROCESS ON *.* TO this user";
        return DF_OK;
    }
    for (size_t i = 0; i < rows.count; i++) {
        size_t at = op_session_find(out, op_int(&rows, i, "id", 0));
        if (at == out->count) continue;
        op_session *s = &out->items[at];
        s->transaction_s = op_double(&rows, i, "transaction_s", -1);
        if (s->state == OP_IDLE) s->state = OP_IDLE_TRANSACTION;
        if (!df_str_is(op_str(&rows, i, "state"), "LOCK WAIT")) continue;
        s->state = OP_WAITING;
        df_str of = op_str(&rows, i, "waits_for");
        s->wait = df_str_from(df_arena_printf(look->arena, "a row%s%.*s", of.ptr ? " of " : "", DF_FMT(of)));
    }
    return DF_OK;
}

static df_code add_prepared(const op_look *look, op_sessions *out)
{
    op_rows rows;
    if (op_ask(look, SQL_xa, NULL, 0, &rows, NULL) != DF_OK) return DF_OK; /* needs a privilege of its own */
    for (size_t i = 0; i < rows.count; i++) {
        op_session *s = op_session_add(look, out);
        s->state = OP_PREPARED;
        s->gid = op_str(&rows, i, "data");
        s->here = true; /* it does not say where: it may be */
    }
    return DF_OK;
}

static void drop_idle(op_sessions *sessions)
{
    size_t kept = 0;
    for (size_t i = 0; i < sessions->count; i++)
        if (sessions->items[i].state != OP_IDLE) sessions->items[kept++] = sessions->items[i];
    sessions->count = kept;
}

/* ---- metadata locks ---- */

static bool is_ready(const op_look *look, const char *sql)
{
    op_rows rows;
    return op_ask(look, sql, NULL, 0, &rows, NULL) == DF_OK && op_int(&rows, 0, "ready", 0) > 0;
}

df_code op_metadata_locks(const op_look *look, op_rows *out, bool *known, df_error *err)
{
    bool instrument = is_ready(look, SQL_metadata_instrument);
    *known = instrument || is_ready(look, SQL_metadata_plugin);
    *out = (op_rows){.arena = look->arena};
    if (df_conn_lost(look->conn)) return df_fail(err, DF_CONNECT, "the connection was lost");
    if (!*known) return DF_OK;
    df_code code =
        op_ask(look, instrument ? SQL_metadata_locks_performance_schema : SQL_metadata_locks_plugin, NULL, 0,
               out, err);
    /* May be refused by itself; then it is as if it were not there. */
    if (code == DF_OK || df_conn_lost(look->conn)) return code;
    *known = false;
    *out = (op_rows){.arena = look->arena};
    return DF_OK;
}

typedef enum strength { WEAK, READS, WRITES, UPGRADABLE, NO_WRITE, NO_READ, EXCLUSIVE } strength;

static strength strength_of(df_str mode)
{
    static const struct {
        const char *name;
        strength is;
    } modes[] = {
        {"SHARED_READ", READS},         {"SHARED_WRITE", WRITES},      {"SHARED_UPGRADABLE", UPGRADABLE},
        {"SHARED_READ_ONLY", NO_WRITE}, {"SHARED_NO_WRITE", NO_WRITE}, {"SHARED_NO_READ_WRITE", NO_READ},
        {"EXCLUSIVE", EXCLUSIVE}};
    if (df_str_starts(mode, DF_STR("MDL_"))) mode = df_str_skip(mode, 4);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (df_str_is(mode, modes[i].name)) return modes[i].is;
    return WEAK;
}

static bool conflict(strength a, strength b)
{
    strength strong = a > b ? a : b, other = a > b ? b : a;
    switch (strong) {
    case EXCLUSIVE: return true;
    case NO_READ: return other >= READS;
    case NO_WRITE: return other >= WRITES;
    case UPGRADABLE: return other == UPGRADABLE;
    default: return false;
    }
}

/* What a waiting statement wants, where only granted locks are shown. */
static strength wanted_by(const op_look *look, const op_session *s)
{
    df_sql_facts facts = df_sql_classify(df_conn_dialect(look->conn), s->query, look->arena);
    if (facts.cls == DF_SQL_DDL || facts.cls == DF_SQL_MAINTENANCE) return EXCLUSIVE;
    return facts.cls == DF_SQL_DML ? WRITES : READS;
}

static bool mentions(df_str text, df_str name)
{
    for (size_t i = 0; name.len && i + name.len <= text.len; i++)
        if (strncasecmp(text.ptr + i, name.ptr, name.len) == 0) return true;
    return false;
}

typedef struct wish {
    df_str schema, name; /* name absent: not known */
    strength want;
} wish;

static wish wish_of(const op_look *look, const op_session *s, const op_rows *locks)
{
    for (size_t i = 0; i < locks->count; i++)
        if (!op_bool(locks, i, "granted") && op_int(locks, i, "id", 0) == s->id)
            return (wish){op_str(locks, i, "schema"), op_str(locks, i, "name"),
                          strength_of(op_str(locks, i, "mode"))};
    return (wish){DF_STR_NONE, DF_STR_NONE, wanted_by(look, s)};
}

/* Edges from the granted locks; whether there was one. */
static bool add_known(const op_look *look, op_sessions *out, size_t waiter, const wish *w,
                      const op_rows *locks)
{
    bool any = false;
    for (size_t i = 0; i < locks->count; i++) {
        size_t holder = op_session_find(out, op_int(locks, i, "id", 0));
        df_str schema = op_str(locks, i, "schema"), name = op_str(locks, i, "name");
        if (!op_bool(locks, i, "granted") || holder == out->count || holder == waiter) continue;
        if (w->name.ptr ? !df_str_eq(w->schema, schema) || !df_str_eq(w->name, name)
                        : !mentions(out->items[waiter].query, name))
            continue;
        if (!conflict(w->want, strength_of(op_str(locks, i, "mode")))) continue;
        out->items[waiter].wait = df_str_from(
            df_arena_printf(look->arena, "a metadata lock on %.*s.%.*s", DF_FMT(schema), DF_FMT(name)));
        op_wait_add(look, out, waiter, holder, true);
        any = true;
    }
    return any;
}

/* Behind a statement that waits itself for a stronger lock: new ones are not let past it. */
static bool add_queue(const op_look *look, op_sessions *out, size_t waiter, const wish *w,
                      const op_rows *locks)
{
    bool any = false;
    if (w->want == EXCLUSIVE) return false;
    for (size_t i = 0; i < out->count; i++) {
        const op_session *s = &out->items[i];
        if (i == waiter || s->state != OP_WAITING || !df_str_starts(s->wait, DF_STR("a metadata lock")))
            continue;
        wish other = wish_of(look, s, locks);
        if (other.want != EXCLUSIVE) continue;
        bool same = w->name.ptr && other.name.ptr && df_str_eq(w->name, other.name) &&
                    df_str_eq(w->schema, other.schema);
        if (w->name.ptr && other.name.ptr && !same) continue;
        op_wait_add(look, out, waiter, i, same);
        any = true;
    }
    return any;
}

static bool is_suspect(const op_sessions *all, size_t index, size_t waiter)
{
    const op_session *s = &all->items[index];
    double age = s->transaction_s > s->state_s ? s->transaction_s : s->state_s;
    if (s->own || s->background || s->state == OP_WAITING) return false;
    return s->state == OP_PREPARED || age >= all->items[waiter].state_s;
}

/* Nobody tells: whoever has had a transaction open for longer than the wait may be the one; those of the same
 * database before any other. */
static void add_suspects(const op_look *look, op_sessions *out, size_t waiter)
{
    bool any = false;
    for (int elsewhere = 0; elsewhere < 2 && !any; elsewhere++)
        for (size_t i = 0; i < out->count; i++) {
            if (!is_suspect(out, i, waiter)) continue;
            if (!elsewhere && !df_str_eq(out->items[i].database, out->items[waiter].database)) continue;
            op_wait_add(look, out, waiter, i, false);
            any = true;
        }
}

static df_code add_waits(const op_look *look, op_sessions *out, df_error *err)
{
    op_rows rows, locks = {.arena = look->arena};
    bool known = false, metadata = false;
    if (!out->hidden) {
        DF_TRY(op_ask(look, SQL_row_waits, NULL, 0, &rows, err));
        for (size_t i = 0; i < rows.count; i++) {
            int64_t blocker = op_int(&rows, i, "blocker", 0);
            size_t at = op_session_find(out, blocker);
            /* A transaction without a thread is a prepared one: which, is known when there is but one. */
            size_t prepared = 0, one = out->count;
            for (size_t p = 0; !blocker && p < out->count; p++)
                if (out->items[p].state == OP_PREPARED) prepared++, one = p;
            op_wait_add(look, out, op_session_find(out, op_int(&rows, i, "waiter", 0)), blocker ? at : one,
                        blocker || prepared == 1);
        }
    }
    for (size_t i = 0; i < out->count; i++)
        metadata |= out->items[i].state == OP_WAITING && df_str_is(out->items[i].wait, "a metadata lock");
    if (!metadata) return DF_OK;
    DF_TRY(op_metadata_locks(look, &locks, &known, err));
    for (size_t i = 0; i < out->count; i++) {
        if (out->items[i].state != OP_WAITING ||
            !df_str_starts(out->items[i].wait, DF_STR("a metadata lock")))
            continue;
        wish w = wish_of(look, &out->items[i], &locks);
        if (w.name.ptr)
            out->items[i].wait = df_str_from(df_arena_printf(look->arena, "a metadata lock on %.*s.%.*s",
                                                             DF_FMT(w.schema), DF_FMT(w.name)));
        bool found = add_known(look, out, i, &w, &locks);
        if (!found) found = add_queue(look, out, i, &w, &locks);
        if (!found) add_suspects(look, out, i);
    }
    if (!known && !out->hidden)
        out->hidden =
            "who holds a metadata lock is not shown by this server: INSTALL SONAME 'metadata_lock_info'";
    return DF_OK;
}

df_code op_mariadb_sessions(const op_look *look, op_sessions *out, df_error *err)
{
    DF_TRY(add_sessions(look, out, err));
    DF_TRY(add_transactions(look, out, err));
    DF_TRY(add_prepared(look, out));
    drop_idle(out);
    return add_waits(look, out, err);
}
