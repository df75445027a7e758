/* SPDX-License-Identifier: Apache-2.0 */
/* Before a run: what would keep it from working ("error"), make it wait or hurt others ("warning"). */
#include "operate/operate_int.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

enum { FEW_CONNECTIONS = 3, LATE_MS = 10000, SHORT_S = 1 };

void op_finding(op_findings *findings, const char *severity, const char *rule, const char *hint,
                const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *what = op_format(findings->look->arena, fmt, args);
    va_end(args);
    OP_PUSH(findings->look->arena, findings->items, findings->count, findings->cap) =
        (df_migrate_finding){.severity = severity, .rule = rule, .what = what, .hint = hint};
}

bool op_disk_matters(const op_look *look, const op_facts *facts)
{
    int64_t free_bytes, total;
    return !facts->remote && facts->folder.ptr &&
           op_disk(df_arena_cstr(look->arena, facts->folder), &free_bytes, &total, NULL) == DF_OK &&
           free_bytes < total / 2;
}

void op_finding_disk(op_findings *f, const op_facts *facts, const char *table, int64_t table_bytes)
{
    int64_t free_bytes, total;
    df_arena *arena = f->look->arena;
    if (facts->remote || !facts->folder.ptr ||
        op_disk(df_arena_cstr(arena, facts->folder), &free_bytes, &total, NULL) != DF_OK)
        return;
    const char *room = op_bytes(arena, free_bytes);
    if (table && free_bytes < table_bytes)
        op_finding(f, "warning", "disk", "enlarge the disk first, or change the table in steps",
                   "%s has %s and the disk %s free: a statement that writes it anew cannot end well", table,
                   op_bytes(arena, table_bytes), room);
    else if (table && free_bytes / 2 < table_bytes)
        op_finding(f, "warning", "disk", "free some space first",
                   "%s has %s and the disk %s free: a second copy and its log just fit", table,
                   op_bytes(arena, table_bytes), room);
    else if (free_bytes < total / 20)
        op_finding(f, "warning", "disk", "free some space first", "only %s of the disk are free (%.0f %%)",
                   room, (double)free_bytes * 100 / (double)total);
}

/* Sessions that come and go hold locks all the time; what lasts is what a run would meet. */
static void finding_target(op_findings *f, const op_session *s, const char *relation)
{
    const char *end = op_session_end(f->look, s), *text = op_session_text(f->look, s);
    if (s->state == OP_PREPARED)
        op_finding(f, "error", "prepared-transaction",
                   df_arena_printf(f->look->arena, "commit it, or %s", end),
                   "%s is locked by %s, which ends only when somebody decides it", relation, text);
    else if (s->state == OP_WAITING)
        op_finding(f, "warning", "locked-table", "let the queue clear first",
                   "others queue for %s already: %s", relation, text);
    else if (s->transaction_s >= SHORT_S || s->transaction_s < 0)
        op_finding(f, "warning", "locked-table", df_arena_printf(f->look->arena, "let it end, or %s", end),
                   "%s is locked by %s", relation, text);
}

void op_finding_sessions(op_findings *f, const op_sessions *sessions, const char *const *on_target)
{
    for (size_t i = 0; i < sessions->count; i++) {
        const op_session *s = &sessions->items[i];
        if (s->own) continue;
        const char *end = op_session_end(f->look, s), *text = op_session_text(f->look, s);
        if (on_target[i])
            finding_target(f, s, on_target[i]);
        else if (s->state == OP_PREPARED && s->here)
            op_finding(f, "warning", "prepared-transaction",
                       df_arena_printf(f->look->arena, "commit it, or %s", end),
                       "%s keeps its locks until somebody decides it", text);
        else if (op_session_lingers(s) && s->here)
            op_finding(f, "warning",
                       s->state == OP_IDLE_TRANSACTION ? "idle-transaction" : "long-transaction",
                       df_arena_printf(f->look->arena, "let it end, or %s", end),
                       "%s: %s", text, f->look->engine->waits_for_old ? f->look->engine->waits_for_old
                                                                     : "an index that is built concurrently waits for its end");
    }
    if (sessions->hidden) op_finding(f, "note", "hidden-sessions", NULL, "%s", sessions->hidden);
}

static void server_findings(op_findings *f, const op_facts *facts)
{
    if (facts->recovery)
        op_finding(f, "error", "standby", "use the primary's address",
                   "this is a standby: nothing can be written");
    else if (facts->read_only)
        op_finding(f, "error", "read-only", "find out who made it so, and why",
                   "the database is set to be read only");
    if (facts->max_connections > 0 && facts->connections >= 0 &&
        facts->max_connections - facts->connections < FEW_CONNECTIONS)
        op_finding(f, "warning", "connections", "end idle sessions, or raise max_connections",
                   "%lld of %lld connections are used, and a run wants a second one",
                   (long long)facts->connections, (long long)facts->max_connections);
}

/* What cannot be asked is a note, not a reason to refuse a run; a lost connection is. */
static df_code tolerate(op_findings *f, df_code code, const df_error *mine, df_error *err)
{
    if (code == DF_OK) return DF_OK;
    if (df_conn_lost(f->look->conn)) {
        if (err) *err = *mine;
        return code;
    }
    op_finding(f, "note", "not-known",
               mine->hint[0] ? df_arena_cstr(f->look->arena, df_str_from(mine->hint)) : NULL,
               "what would block the run could not be asked: %s", mine->message);
    return DF_OK;
}

df_code df_preflight(df_conn *conn, const df_preflight_target *targets, size_t count, df_arena *arena,
                     df_migrate_finding **findings, size_t *n_findings, df_error *err)
{
    op_look look;
    op_facts facts;
    op_sessions sessions = {0};
    int64_t lag = -1;
    df_error mine = {0};
    *findings = NULL;
    *n_findings = 0;
    DF_TRY(op_look_at(conn, NULL, arena, &look, err));
    op_findings f = {.look = &look};
    DF_TRY(tolerate(&f, look.engine->facts(&look, &facts, &mine), &mine, err));
    if (mine.code != DF_OK) facts = (op_facts){.now_ms = df_now_ms(), .remote = "not known"};
    server_findings(&f, &facts);
    if (!facts.quiet) DF_TRY(tolerate(&f, op_sessions_read(&look, &sessions, &mine), &mine, err));
    DF_TRY(tolerate(&f, look.engine->preflight(&f, &facts, &sessions, targets, count, &mine), &mine, err));
    if (look.engine->lag && !facts.alone)
        DF_TRY(tolerate(&f, look.engine->lag(&look, &lag, &mine), &mine, err));
    if (lag >= LATE_MS)
        op_finding(&f, "warning", "replication-lag",
                   "let the replicas catch up, or go slowly (pause, max-lag of @batch)",
                   "the furthest replica is %s behind", op_duration(arena, (double)lag / 1000));
    *findings = f.items;
    *n_findings = f.count;
    return DF_OK;
}

/* ---- leftovers of CREATE INDEX CONCURRENTLY ---- */

df_code df_invalid_indexes(df_conn *conn, df_arena *arena, df_invalid_index **out, size_t *count,
                           df_error *err)
{
    op_look look;
    op_rows rows;
    *out = NULL;
    *count = 0;
    DF_TRY(op_look_at(conn, NULL, arena, &look, err));
    if (!look.engine->invalid) return DF_OK;
    DF_TRY(look.engine->invalid(&look, &rows, err));
    *out = df_arena_alloc(arena, (rows.count + 1) * sizeof **out);
    for (size_t i = 0; i < rows.count; i++) {
        /* What is being built now is nobody's leftover; an index of a partitioned table lacks partitions, not
         * work. */
        if (op_bool(&rows, i, "building") || op_bool(&rows, i, "partitioned")) continue;
        (*out)[(*count)++] = (df_invalid_index){op_str(&rows, i, "schema"), op_str(&rows, i, "name"),
                                                op_str(&rows, i, "table"), op_str(&rows, i, "definition"),
                                                op_str(&rows, i, "remedy")};
    }
    return DF_OK;
}
