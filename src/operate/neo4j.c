/* SPDX-License-Identifier: Apache-2.0 */
/* What Neo4j is asked about itself, and what to do about the answers; its transactions are in
 * neo4j_sessions.c. */
#include "operate/operate_int.h"

#include "operate_neo4j.h"

#include <stdio.h>
#include <stdlib.h>

static const char *unsupported(df_str version)
{
    if (!version.ptr) return "it does not say which version it is";
    char *rest;
    long major = strtol(version.ptr, &rest, 10), minor = *rest == '.' ? strtol(rest + 1, NULL, 10) : 0;
    return major > 4 || (major == 4 && minor >= 4) ? NULL : "it is made for Neo4j 4.4 and later";
}

/* "Neo4j 4.4.48 community" */
bool op_neo4j_before_5(const op_look *look)
{
    return strncmp(df_conn_server(look->conn), "Neo4j 4.", 8) == 0;
}

static const char *indexes_query(const op_look *look)
{
    return op_neo4j_before_5(look) ? SQL_indexes4 : SQL_indexes;
}

static df_code ask_database(const op_look *look, df_value name, op_rows *out, df_error *err)
{
    return op_ask(look, op_neo4j_before_5(look) ? SQL_database4 : SQL_database, &name, 1, out, err);
}

/* Settings of 4.4 that have other names now. */
static const char *setting(const op_look *look, const char *name)
{
    static const char *const of_4[][2] = {
        {"db.transaction.timeout", "dbms.transaction.timeout"},
        {"db.lock.acquisition.timeout", "dbms.lock.acquisition.timeout"},
        {"db.memory.transaction.max", "dbms.memory.transaction.max_size"},
        {"db.memory.transaction.total.max", "dbms.memory.transaction.database_max_size"},
        {"server.memory.heap.max_size", "dbms.memory.heap.max_size"}};
    if (op_neo4j_before_5(look))
        for (size_t i = 0; i < sizeof of_4 / sizeof *of_4; i++)
            if (strcmp(of_4[i][0], name) == 0) return of_4[i][1];
    return name;
}

/* "4711@host" */
static int64_t process_of(const op_rows *settings)
{
    const char *vm = op_text(settings, 0, "vm");
    return vm ? strtoll(vm, NULL, 10) : 0;
}

static df_code facts(const op_look *look, op_facts *out, df_error *err)
{
    op_rows rows, database, settings;
    DF_TRY(op_ask(look, SQL_facts, NULL, 0, &rows, err));
    *out = (op_facts){.now_ms = op_int(&rows, 0, "now_ms", 0),
                      .unsupported = unsupported(op_str(&rows, 0, "version_text")),
                      .alone = true,
                      .connections = -1,
                      .max_connections = -1};
    df_value name = df_v_str(op_str(&rows, 0, "name"));
    DF_TRY(ask_database(look, name, &database, err));
    out->read_only = df_str_is(op_str(&database, 0, "access"), "read-only");
    if (op_ask(look, SQL_settings, NULL, 0, &settings, NULL) != DF_OK) {
        if (df_conn_lost(look->conn)) return df_fail(err, DF_CONNECT, "the connection was lost");
        out->remote = "where the server keeps its data is hidden from this user";
        return DF_OK;
    }
    out->connections = op_int(&settings, 0, "connections", -1);
    out->folder = op_str(&settings, 0, "folder");
    out->remote = op_not_here(look->arena, out->folder, process_of(&settings), "java");
    return DF_OK;
}

static const char *end_command(const op_look *look, const op_session *s)
{
    df_buf text = {0};
    df_buf_text(&text, "TERMINATE TRANSACTIONS ");
    df_sql_put_literal(df_conn_dialect(look->conn), &text, s->transaction);
    const char *command = df_arena_cstr(look->arena, df_buf_str(&text));
    df_buf_release(&text);
    return command;
}

/* "0s", "0B": no limit. */
static const char *limit(const op_rows *settings, const char *name)
{
    const char *value = op_text(settings, 0, name);
    return value && *value && strtod(value, NULL) > 0 ? value : NULL;
}

/* ---- health ---- */

static void check_database(op_health *h)
{
    op_rows rows, database;
    df_error err;
    df_code code = op_ask(&h->look, SQL_facts, NULL, 0, &rows, &err);
    df_value name = code == DF_OK ? df_v_str(op_str(&rows, 0, "name")) : DF_V_NULL;
    if (code == DF_OK) code = ask_database(&h->look, name, &database, &err);
    if (code != DF_OK) {
        op_check_unknown(h, "database", &err);
        return;
    }
    const char *who = op_text(&rows, 0, "name"), *status = op_text(&database, 0, "status"),
               *reason = op_text(&database, 0, "reason");
    const char *edition = op_text(&rows, 0, "edition");
    bool online = status && strcmp(status, "online") == 0;
    op_check(h, "database", online ? OP_OK : OP_CRITICAL, NULL, online ? NULL : "SHOW DATABASES",
             "%s is %s (%s edition)%s%s", who, status ? status : "not listed", edition ? edition : "unknown",
             reason && *reason ? ": " : "", reason ? reason : "");
}

static void check_lock_waits(op_health *h)
{
    const char *first = NULL;
    size_t waiting = 0;
    if (h->sessions_error.code != DF_OK) {
        op_check_unknown(h, "lock_waits", &h->sessions_error);
        return;
    }
    for (size_t i = 0; i < h->sessions.count; i++)
        if (h->sessions.items[i].state == OP_WAITING && !h->sessions.items[i].own && !waiting++)
            first = op_session_text(&h->look, &h->sessions.items[i]);
    const char *details = df_arena_printf(h->look.arena, "{\"waiting\":%zu}", waiting);
    if (waiting)
        op_check(h, "lock_waits", OP_WARNING, details, "dataflow why", "%zu transaction%s for a lock: %s",
                 waiting, waiting == 1 ? " waits" : "s wait", first);
    else
        op_check(h, "lock_waits", h->sessions.hidden ? OP_UNKNOWN : OP_OK, details, h->sessions.hidden,
                 "nobody waits for a lock%s", h->sessions.hidden ? ", as far as this user sees" : "");
}

static void check_memory(op_health *h)
{
    op_rows rows, settings;
    df_error err;
    const char *all = NULL;
    if (op_ask(&h->look, SQL_memory, NULL, 0, &rows, &err) != DF_OK) {
        op_check_unknown(h, "memory", &err);
        return;
    }
    df_arena *arena = h->look.arena;
    int64_t used = op_int(&rows, 0, "used", -1), most = op_int(&rows, 0, "maximum", -1);
    const char *details = df_arena_printf(arena, "{\"heap_used_bytes\":%lld,\"heap_max_bytes\":%lld}",
                                          (long long)used, (long long)most);
    if (used < 0 || most <= 0) {
        op_check(h, "memory", OP_UNKNOWN, details, NULL, "the server does not say how much memory it uses");
        return;
    }
    double part = (double)used / (double)most;
    if (op_ask(&h->look, SQL_settings, NULL, 0, &settings, NULL) == DF_OK)
        all = limit(&settings, "memory_all");
    bool tight = part >= 0.95; /* what is no longer used counts until it is collected */
    op_check(
        h, "memory", tight ? OP_WARNING : OP_OK, details,
        tight ? df_arena_printf(arena, "raise %s, or do large changes in batches (CALL { … } IN TRANSACTIONS)",
                                setting(&h->look, "server.memory.heap.max_size"))
              : NULL,
        "%s of %s of the heap are used (%.0f %%)%s%s", op_bytes(arena, used), op_bytes(arena, most),
        part * 100, all ? "; all transactions together may use " : "", all ? all : "");
}

/* Both counts are kept by the server: nothing is read. */
static void check_graph(op_health *h)
{
    op_rows rows;
    df_error err;
    df_arena *arena = h->look.arena;
    if (op_ask(&h->look, SQL_graph, NULL, 0, &rows, &err) != DF_OK) {
        op_check_unknown(h, "graph", &err);
        return;
    }
    int64_t nodes = op_int(&rows, 0, "count", 0), relationships = op_int(&rows, 1, "count", 0);
    op_check(h, "graph", OP_OK,
             df_arena_printf(arena, "{\"nodes\":%lld,\"relationships\":%lld}", (long long)nodes,
                             (long long)relationships),
             NULL, "%s node%s, %s relationship%s", op_number(arena, nodes), nodes == 1 ? "" : "s",
             op_number(arena, relationships), relationships == 1 ? "" : "s");
}

static void health(op_health *h)
{
    const op_list indexes = {"indexes", indexes_query(&h->look), "index is not online",
                             "indexes are not online", "every index is online"};
    op_check_disk(h, df_arena_cstr(h->look.arena, h->facts.folder.ptr ? h->facts.folder : DF_STR("")));
    check_database(h);
    op_check_transactions(h);
    check_lock_waits(h);
    op_check_list(h, &indexes);
    check_memory(h);
    check_graph(h);
}

/* ---- preflight ---- */

/* Which locks a transaction has the server does not tell, only how many: any of them may be on what is to be
 * changed. */
static void find_holders(op_findings *f, const op_sessions *all, const df_preflight_target *targets,
                         size_t count)
{
    enum { LASTS_S = 1 };
    const df_preflight_target *first = NULL;
    for (size_t t = 0; t < count && !first; t++)
        if (targets[t].exclusive) first = &targets[t];
    for (size_t i = 0; first && i < all->count; i++) {
        const op_session *s = &all->items[i];
        if (s->own || !s->here || s->state == OP_HOLDS || op_session_lingers(s)) continue;
        if (s->locks == 0 || s->transaction_s < LASTS_S) continue;
        op_finding(f, "warning", "locked-table",
                   df_arena_printf(f->look->arena, "let it end, or %s", op_session_end(f->look, s)),
                   "%s holds locks, perhaps on %.*s, whose schema is changed only when they are gone",
                   op_session_text(f->look, s), DF_FMT(first->table));
    }
}

static void find_limits(op_findings *f)
{
    static const char *const memory[][2] = {{"memory_one", "db.memory.transaction.max"},
                                            {"memory_database", "db.memory.transaction.total.max"}};
    op_rows rows;
    if (op_ask(f->look, SQL_settings, NULL, 0, &rows, NULL) != DF_OK) return;
    const char *timeout = limit(&rows, "timeout"), *lock_timeout = limit(&rows, "lock_timeout");
    if (timeout) {
        const char *name = setting(f->look, "db.transaction.timeout");
        op_finding(f, "warning", "transaction-timeout",
                   df_arena_printf(f->look->arena,
                                   "raise %s for the time of the run, or work in batches (CALL { … } IN "
                                   "TRANSACTIONS)",
                                   name),
                   "the server ends every transaction after %s (%s): a migration that takes longer fails",
                   timeout, name);
    }
    if (lock_timeout)
        op_finding(f, "note", "lock-timeout", NULL, "the server waits %s for a lock (%s), then a statement fails",
                   lock_timeout, setting(f->look, "db.lock.acquisition.timeout"));
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) {
        const char *value = limit(&rows, memory[i][0]);
        if (!value) continue;
        op_finding(f, "note", "memory-limit",
                   "do what changes very many nodes in batches: CALL { … } IN TRANSACTIONS",
                   "%s may use %s of memory (%s)", i ? "all transactions together" : "a transaction", value,
                   setting(f->look, memory[i][1]));
        break; /* the narrowest of them */
    }
}

static df_code preflight(op_findings *f, const op_facts *server, const op_sessions *all,
                         const df_preflight_target *targets, size_t count, df_error *err)
{
    const char **on_target = df_arena_zalloc(f->look->arena, (all->count + 1) * sizeof *on_target);
    op_finding_sessions(f, all, on_target);
    find_holders(f, all, targets, count);
    find_limits(f);
    op_finding_disk(f, server, NULL, 0);
    return df_conn_lost(f->look->conn) ? df_fail(err, DF_CONNECT, "the connection was lost") : DF_OK;
}

/* ---- why ---- */

static df_code invalid(const op_look *look, op_rows *out, df_error *err)
{
    return op_ask(look, indexes_query(look), NULL, 0, out, err);
}

/* Whoever holds a named lock says so in its transaction's metadata. */
static void hidden(op_why *why)
{
    for (size_t i = 0; i < why->sessions.count; i++) {
        const op_session *s = &why->sessions.items[i];
        if (s->state == OP_HOLDS && s->here && !s->own)
            op_say(why, "lock", "info", 1, op_session_end(&why->look, s), "perhaps %s",
                   op_session_text(&why->look, s));
    }
}

const op_engine op_neo4j = {
    .name = "neo4j",
    .session_word = "connection",
    .ping = "RETURN 1",
    .waits_for_old = "a change of the schema waits for its end",
    .expired_locks = SQL_expired_locks,
    .facts = facts,
    .sessions = op_neo4j_sessions,
    .end = end_command,
    .health = health,
    .preflight = preflight,
    .invalid = invalid,
    .hidden = hidden,
};
