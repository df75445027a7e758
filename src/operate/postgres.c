/* SPDX-License-Identifier: Apache-2.0 */
/* What PostgreSQL is asked: sessions and their locks, and what to do about them. */
#include "operate/operate_int.h"

#include "operate_postgres.h"

#include <stdio.h>

enum { OLDEST_VERSION = 130000 };

static df_code facts(const op_look *look, op_facts *out, df_error *err)
{
    op_rows rows;
    DF_TRY(op_ask(look, SQL_facts, NULL, 0, &rows, err));
    int64_t version = op_int(&rows, 0, "version", 0);
    *out = (op_facts){.now_ms = op_int(&rows, 0, "now_ms", 0),
                      .recovery = op_bool(&rows, 0, "recovery"),
                      .read_only = op_bool(&rows, 0, "read_only"),
                      .quiet = op_int(&rows, 0, "busy", 1) + op_int(&rows, 0, "prepared", 1) == 0,
                      .alone = op_int(&rows, 0, "replicas", 1) == 0,
                      .connections = op_int(&rows, 0, "connections", -1),
                      .max_connections = op_int(&rows, 0, "max_connections", -1),
                      .folder = op_str(&rows, 0, "folder")};
    if (version < OLDEST_VERSION) out->unsupported = "it is made for PostgreSQL 13 and later";
    out->remote = op_not_here(look->arena, out->folder, op_int(&rows, 0, "pid", 0), "postgres");
    return DF_OK;
}

/* ---- sessions ---- */

/* "AccessExclusiveLock" as SQL has it: "ACCESS EXCLUSIVE". */
static const char *mode_text(df_arena *arena, df_str mode)
{
    df_buf out = {0};
    if (df_str_ends(mode, DF_STR("Lock"))) mode.len -= 4;
    for (size_t i = 0; i < mode.len; i++) {
        char c = mode.ptr[i];
        if (i && c >= 'A' && c <= 'Z') df_buf_char(&out, ' ');
        df_buf_char(&out, (char)(c >= 'a' && c <= 'z' ? c - 32 : c));
    }
    const char *text = df_arena_cstr(arena, df_buf_str(&out));
    df_buf_release(&out);
    return text;
}

static const char *wait_text(const op_look *look, const op_rows *rows, size_t i)
{
    df_str type = op_str(rows, i, "locktype"), relation = op_str(rows, i, "relation");
    if (df_str_is(type, "transactionid") || df_str_is(type, "tuple")) {
        df_str of = relation.ptr ? relation : op_str(rows, i, "row_of");
        return df_arena_printf(look->arena, "a row%s%.*s",
                               of.ptr ? " of " : " that another transaction has changed", DF_FMT(of));
    }
    if (df_str_is(type, "virtualxid")) return "an older transaction to end";
    if (df_str_is(type, "advisory")) return "an advisory lock";
    if (df_str_is(type, "relation") && relation.ptr)
        return df_arena_printf(look->arena, "%s on %.*s", mode_text(look->arena, op_str(rows, i, "mode")),
                               DF_FMT(relation));
    return df_arena_printf(look->arena, "a lock (%.*s)", DF_FMT(type));
}

static op_state state_of(const op_rows *rows, size_t i)
{
    df_str state = op_str(rows, i, "state");
    if (op_bool(rows, i, "waiting")) return OP_WAITING;
    if (!state.ptr) return op_bool(rows, i, "background") ? OP_ACTIVE : OP_HIDDEN;
    if (df_str_starts(state, DF_STR("idle in transaction"))) return OP_IDLE_TRANSACTION;
    return df_str_is(state, "idle") ? OP_IDLE : OP_ACTIVE;
}

static df_code add_sessions(const op_look *look, op_sessions *out, df_error *err)
{
    op_rows rows;
    DF_TRY(op_ask(look, SQL_sessions, NULL, 0, &rows, err));
    for (size_t i = 0; i < rows.count; i++) {
        op_session *s = op_session_add(look, out);
        s->id = op_int(&rows, i, "id", 0);
        s->user = op_str(&rows, i, "user_name");
        s->address = op_str(&rows, i, "address");
        s->database = op_str(&rows, i, "database");
        s->application = op_str(&rows, i, "application");
        s->state = state_of(&rows, i);
        s->own = op_bool(&rows, i, "own");
        s->here = op_bool(&rows, i, "here");
        s->background = op_bool(&rows, i, "background");
        s->aborted = df_str_is(op_str(&rows, i, "state"), "idle in transaction (aborted)");
        s->transaction_s = op_double(&rows, i, "transaction_s", -1);
        s->state_s = op_double(&rows, i, "state_s", -1);
        s->query = op_str(&rows, i, "query");
        s->progress = op_double(&rows, i, "part", -1);
        s->phase = op_str(&rows, i, "phase");
        if (s->state == OP_WAITING) s->wait = df_str_from(wait_text(look, &rows, i));
        if (s->state == OP_HIDDEN ||
            (s->state == OP_WAITING && !op_str(&rows, i, "state").ptr && !s->background))
            out->hidden = "what other users' sessions do is hidden: GRANT pg_read_all_stats TO this user";
    }
    return DF_OK;
}

static df_code add_prepared(const op_look *look, op_sessions *out, df_error *err)
{
    op_rows rows;
    DF_TRY(op_ask(look, SQL_prepared, NULL, 0, &rows, err));
    for (size_t i = 0; i < rows.count; i++) {
        op_session *s = op_session_add(look, out);
        s->state = OP_PREPARED;
        s->gid = op_str(&rows, i, "gid");
        s->user = op_str(&rows, i, "user_name");
        s->database = op_str(&rows, i, "database");
        s->here = op_bool(&rows, i, "here");
        s->transaction_s = op_double(&rows, i, "transaction_s", -1);
        if (op_text(&rows, i, "tables"))
            s->query =
                df_str_from(df_arena_printf(look->arena, "holds locks on %s", op_text(&rows, i, "tables")));
    }
    return DF_OK;
}

static df_code sessions(const op_look *look, op_sessions *out, df_error *err)
{
    op_rows rows;
    DF_TRY(add_sessions(look, out, err));
    DF_TRY(add_prepared(look, out, err));
    bool waiting = false;
    for (size_t i = 0; i < out->count; i++) waiting |= out->items[i].state == OP_WAITING;
    if (!waiting) return DF_OK;
    DF_TRY(op_ask(look, SQL_waits, NULL, 0, &rows, err));
    for (size_t i = 0; i < rows.count; i++) {
        int64_t blocker = op_int(&rows, i, "blocker", 0);
        op_wait_add(look, out, op_session_find(out, op_int(&rows, i, "waiter", 0)),
                    blocker ? op_session_find(out, blocker) : op_prepared_find(out, op_str(&rows, i, "gid")),
                    true);
    }
    return DF_OK;
}

static const char *literal(const op_look *look, df_str text)
{
    df_buf out = {0};
    df_sql_put_literal(df_conn_dialect(look->conn), &out, text);
    const char *copy = df_arena_cstr(look->arena, df_buf_str(&out));
    df_buf_release(&out);
    return copy;
}

static const char *end_command(const op_look *look, const op_session *s)
{
    if (s->state == OP_PREPARED)
        return df_arena_printf(look->arena, "ROLLBACK PREPARED %s", literal(look, s->gid));
    return df_arena_printf(look->arena, "SELECT pg_terminate_backend(%lld)", (long long)s->id);
}

/* ---- leftovers of CONCURRENTLY, replicas ---- */

static df_code invalid(const op_look *look, op_rows *out, df_error *err)
{
    return op_ask(look, SQL_invalid_indexes, NULL, 0, out, err);
}

/* A replica that has caught up, or that nothing was sent to for a while, has no lag: then the bytes tell. */
static df_code lag(const op_look *look, int64_t *ms, df_error *err)
{
    op_rows rows;
    DF_TRY(op_ask(look, SQL_replication, NULL, 0, &rows, err));
    for (size_t i = 0; i < rows.count; i++) {
        int64_t one = op_int(&rows, i, "lag_ms", -1);
        if (one < 0 && op_int(&rows, i, "behind_bytes", -1) == 0) one = 0;
        if (one > *ms) *ms = one;
    }
    return DF_OK;
}

/* ---- health ---- */

static void check_wraparound(op_health *h)
{
    enum { WARNING = 1000000000, CRITICAL = 1600000000, END = 2146483647 };
    op_rows rows;
    df_error err;
    if (op_ask(&h->look, SQL_wraparound, NULL, 0, &rows, &err) != DF_OK) {
        op_check_unknown(h, "wraparound", &err);
        return;
    }
    int64_t transactions = op_int(&rows, 0, "transactions", 0), multi = op_int(&rows, 0, "multixacts", 0);
    int64_t age = transactions > multi ? transactions : multi;
    op_level level = age >= CRITICAL ? OP_CRITICAL : age >= WARNING ? OP_WARNING : OP_OK;
    op_check(h, "wraparound", level,
             df_arena_printf(h->look.arena, "{\"transactions\":%lld,\"multixacts\":%lld}",
                             (long long)transactions, (long long)multi),
             level == OP_OK
                 ? NULL
                 : "end what holds vacuum back (old transactions, prepared transactions, slots), then VACUUM",
             "the oldest row of database %s is %s transactions old, of about 2.1 billion",
             op_text(&rows, 0, "database"), op_number(h->look.arena, age));
}

static void check_replicas(op_health *h)
{
    enum { LATE_MS = 60000 };
    op_rows rows;
    df_error err;
    if (op_ask(&h->look, SQL_replication, NULL, 0, &rows, &err) != DF_OK) {
        op_check_unknown(h, "replication", &err);
        return;
    }
    size_t hidden = 0;
    int64_t worst = 0, bytes = 0;
    for (size_t i = 0; i < rows.count; i++) {
        hidden += op_text(&rows, i, "state") == NULL;
        if (op_int(&rows, i, "lag_ms", 0) > worst) worst = op_int(&rows, i, "lag_ms", 0);
        if (op_int(&rows, i, "behind_bytes", 0) > bytes) bytes = op_int(&rows, i, "behind_bytes", 0);
    }
    const char *details =
        df_arena_printf(h->look.arena, "{\"replicas\":%zu,\"lag_ms\":%lld,\"behind_bytes\":%lld}", rows.count,
                        (long long)worst, (long long)bytes);
    if (hidden)
        op_check(h, "replication", OP_UNKNOWN, details, "GRANT pg_monitor TO this user",
                 "%zu replicas, whose state is hidden from this user", rows.count);
    else if (!rows.count)
        op_check(h, "replication", OP_OK, details, NULL, "no replica");
    else
        op_check(h, "replication", worst >= LATE_MS ? OP_WARNING : OP_OK, details,
                 worst >= LATE_MS ? "look at the load and the network of the replicas" : NULL,
                 "%zu replica%s, the furthest %s and %s behind", rows.count, rows.count == 1 ? "" : "s",
                 op_duration(h->look.arena, (double)worst / 1000), op_bytes(h->look.arena, bytes));
}

static void health(op_health *h)
{
    static const op_list indexes = {"invalid_indexes", SQL_invalid_indexes, "invalid index",
                                    "invalid indexes", "no invalid index"};
    static const op_list constraints = {"unvalidated_constraints", SQL_unvalidated_constraints,
                                        "constraint was never validated", "constraints were never validated",
                                        "every constraint is validated"};
    static const op_list sequences = {"sequences", SQL_sequences, "sequence is near its end",
                                      "sequences are near their end", "no sequence is near its end"};
    static const op_list slots = {"replication_slots", SQL_slots, "slot holds back write-ahead log",
                                  "slots hold back write-ahead log",
                                  "no slot holds back much write-ahead log"};
    static const op_list scratch = {"scratch_databases", SQL_scratch, "scratch database was left behind",
                                    "scratch databases were left behind",
                                    "no scratch database was left behind"};
    op_check_disk(h, df_arena_cstr(h->look.arena, h->facts.folder));
    op_check_connections(h);
    op_check_transactions(h);
    op_check_prepared(h);
    op_check_list(h, &indexes);
    op_check_list(h, &constraints);
    op_check_list(h, &sequences);
    check_replicas(h);
    op_check_list(h, &slots);
    check_wraparound(h);
    op_check_list(h, &scratch);
}

/* ---- preflight ---- */

static const char *targets_sql(const op_look *look, const df_preflight_target *targets, size_t count,
                               df_value *params)
{
    df_buf sql = {0};
    const char *mark = strstr(SQL_targets, "{targets}");
    df_buf_add(&sql, SQL_targets, (size_t)(mark - SQL_targets));
    for (size_t i = 0; i < count; i++) {
        df_buf_text(&sql, i ? ", (?::text, ?::text, ?::boolean)" : "(?::text, ?::text, ?::boolean)");
        params[3 * i] = df_v_str(targets[i].schema);
        params[3 * i + 1] = df_v_str(targets[i].table);
        params[3 * i + 2] = df_v_bool(targets[i].exclusive);
    }
    df_buf_text(&sql, mark + strlen("{targets}"));
    const char *text = df_arena_cstr(look->arena, df_buf_str(&sql));
    df_buf_release(&sql);
    return text;
}

static df_code ask_targets(const op_look *look, const df_preflight_target *targets, size_t count,
                           op_rows *rows, df_error *err)
{
    *rows = (op_rows){.arena = look->arena};
    if (!count) return DF_OK;
    df_value *params = df_arena_alloc(look->arena, 3 * count * sizeof *params);
    const char *sql = targets_sql(look, targets, count, params);
    return op_ask(look, sql, params, 3 * count, rows, err);
}

static df_code preflight(op_findings *f, const op_facts *server, const op_sessions *all,
                         const df_preflight_target *targets, size_t count, df_error *err)
{
    const op_look *look = f->look;
    op_rows rows = {.arena = look->arena};
    const char **on_target = df_arena_zalloc(look->arena, (all->count + 1) * sizeof *on_target),
               *largest = NULL;
    int64_t bytes = 0;
    if (!server->quiet || op_disk_matters(look, server))
        DF_TRY(ask_targets(look, targets, count, &rows, err));
    for (size_t i = 0; i < rows.count; i++) {
        int64_t id = op_int(&rows, i, "id", 0);
        size_t at = id ? op_session_find(all, id) : op_prepared_find(all, op_str(&rows, i, "gid"));
        on_target[at] = op_text(&rows, i, "subject");
        if (!op_bool(&rows, i, "exclusive") || op_int(&rows, i, "bytes", 0) <= bytes) continue;
        bytes = op_int(&rows, i, "bytes", 0);
        largest = op_text(&rows, i, "subject");
    }
    op_finding_sessions(f, all, on_target);
    op_finding_disk(f, server, largest, bytes);
    if (server->alone) return DF_OK;
    DF_TRY(op_ask(look, SQL_slots, NULL, 0, &rows, err));
    for (size_t i = 0; i < rows.count; i++)
        if (df_str_is(op_str(&rows, i, "status"), "warning"))
            op_finding(
                f, "warning", "replication-slot",
                df_arena_printf(look->arena, "start its reader again, or %s", op_text(&rows, i, "remedy")),
                "replication slot %s holds back write-ahead log", op_text(&rows, i, "subject"));
    return DF_OK;
}

/* ---- why ---- */

/* The answer to "could not extend file". */
static void disk(op_why *w)
{
    op_rows rows;
    if (op_ask(&w->look, SQL_dead_rows, NULL, 0, &rows, NULL) == DF_OK)
        for (size_t i = 0; i < rows.count; i++)
            op_say(w, "disk", "info", 1, op_text(&rows, i, "remedy"),
                   "%s holds %s dead rows, whose space VACUUM gives back for use (VACUUM FULL needs a second "
                   "copy first)",
                   op_text(&rows, i, "subject"), op_number(w->look.arena, op_int(&rows, i, "dead", 0)));
    if (op_ask(&w->look, SQL_slots, NULL, 0, &rows, NULL) == DF_OK)
        for (size_t i = 0; i < rows.count; i++)
            if (df_str_is(op_str(&rows, i, "status"), "warning"))
                op_say(w, "disk", "info", 1, op_text(&rows, i, "remedy"),
                       "replication slot %s holds back write-ahead log", op_text(&rows, i, "subject"));
}

static void hidden(op_why *w)
{
    op_rows rows;
    if (op_ask(&w->look, SQL_advisory, NULL, 0, &rows, NULL) != DF_OK) return;
    for (size_t i = 0; i < rows.count; i++)
        op_say(w, "lock", "info", 1, op_text(&rows, i, "remedy"), "an advisory lock is held by pid %s (%s)",
               op_str(&rows, i, "id").ptr, op_text(&rows, i, "subject"));
}

const op_engine op_postgres = {
    .name = "postgres",
    .session_word = "pid",
    .reclaims = "VACUUM",
    .expired_locks = SQL_expired_locks,
    .facts = facts,
    .sessions = sessions,
    .end = end_command,
    .health = health,
    .preflight = preflight,
    .lag = lag,
    .invalid = invalid,
    .hidden = hidden,
    .disk = disk,
};
