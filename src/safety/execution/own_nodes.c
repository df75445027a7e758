/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements of a graph that would delete or rewrite the nodes in which the migration history itself is kept. What cannot be
 * otherwise is told from the statement; where a condition decides, the server is asked what its own clauses find.
 */
#include "safety/execution/own_nodes.h"

#include <stdlib.h>

enum { ASK_MS = 30000 };

/* KEYED: the one record with that key, if it is ours. */
typedef enum danger { NONE, ASK, KEYED, CERTAIN } danger;

/* ---- whose node is it ---- */

static bool is_history(df_str label)
{
    return df_str_is(label, "Migration");
}

static bool is_inner(df_str label)
{
    return df_str_starts(label, DF_STR("_Migration"));
}

static bool is_one_of(const char *const *list, df_str name)
{
    for (size_t i = 0; list[i]; i++)
        if (df_str_is(name, list[i])) return true;
    return false;
}

/* Properties of the history's nodes; docs/ledger.md. */
static const char *const of_history[] = {
    "migrationId", "filename", "version", "name", "description", "checksum", "status", "appliedAt", "appliedBy", "executionTime",
    "rawChecksum", "environment", "metadata", "sequence", "kind", "origin", "direction", "attempt", "steps", "journalled", "undone",
    "rowsAffected", "estimatedDuration", "rolledBackAt", "rollbackTime", "errorMessage", "runId", "summary", "fileVersion", "formerChecksum",
    "formerDescription", "formerFilename", "formerStatus", "formerVersion", NULL};

/* Properties of the other nodes, that are not among those. */
static const char *const of_others[] = {
    "acquiredAt", "acquiredBy", "action", "actor", "auditId", "backupId", "compressed", "content", "createdAt", "createdBy", "databaseId",
    "databaseUser", "details", "digest", "duration", "encrypted", "expiresAt", "fence", "finishedAt", "hash", "heartbeatAt", "held",
    "hostname", "info", "ipAddress", "lastId", "line", "lockId", "lockName", "number", "objects", "path", "pid", "previous", "progress",
    "reason", "restorationId", "restoredAt", "restoredBy", "retentionDays", "rollbackId", "rolledBackBy", "schemaId", "section",
    "sessionId", "sessionStarted", "size", "startedAt", "stateBefore", "statement", "storedAt", "success", "tag", "takenAt", "timestamp",
    "transactionId", "type", "userAgent", "value", "verifiedAt", NULL};

static bool is_ours(df_str property, bool history_only)
{
    return is_one_of(of_history, property) || (!history_only && is_one_of(of_others, property));
}

/* ---- what the statement says ---- */

typedef struct conditions {
    bool foreign; /* no migrationId: another program's node */
    bool other;   /* wants a property that our nodes do not have */
    bool ours;    /* speaks of one that they do have */
    bool keyed;   /* names the record by one of its keys */
} conditions;

/* A file may write a record of its own beside ours, and takes that back by its key: {version: '20251102_180000'}. */
static bool is_key(df_str property)
{
    return df_str_is(property, "version") || df_str_is(property, "filename");
}

static conditions conditions_of(const df_sql_write *w, bool history_only)
{
    conditions c = {.ours = w->many};
    for (size_t i = 0; i < w->n_filters; i++) {
        const df_sql_filter *f = &w->filters[i];
        if (!df_str_eq(f->variable, w->variable)) continue;
        bool ours = is_ours(f->property, history_only);
        c.foreign |= f->is_null && df_str_is(f->property, "migrationId");
        c.other |= !ours && !f->is_null;
        c.ours |= ours;
        c.keyed |= f->equals.ptr && is_key(f->property);
    }
    c.keyed &= !w->loose;
    return c;
}

/* `any`: it may be any node; else it has the label Migration. */
static danger danger_of(const df_sql_write *w, bool any)
{
    conditions c = conditions_of(w, !any);
    if (w->kind == DF_SQL_REMOVES_LABEL && !is_history(w->name) && !is_inner(w->name)) return NONE;
    if (w->kind == DF_SQL_WRITES_PROPERTY && !is_ours(w->name, !any)) return NONE;
    if (c.foreign && !any) return w->loose ? ASK : NONE;
    if (w->handed_on) return ASK;
    if (!w->filtered) return CERTAIN;
    if (any || !c.ours || (c.other && !w->loose)) return ASK;
    return c.keyed ? KEYED : CERTAIN;
}

static danger look_at(const df_sql_write *w, df_own_harm *harm)
{
    bool history = false, inner = false, any = !w->n_labels;
    for (size_t i = 0; i < w->n_labels; i++) {
        history |= is_history(w->labels[i]);
        inner |= is_inner(w->labels[i]);
    }
    harm->label = any ? NULL : inner ? "_Migration…" : "Migration";
    harm->foreign_too = history && !inner;
    if (inner) return w->handed_on ? ASK : CERTAIN;
    return any || history ? danger_of(w, any) : NONE;
}

/* ---- what the server says ---- */

static df_code take_count(void *context, const df_row *row, df_error *err)
{
    (void)err;
    if (row->count && row->values[0].type == DF_INT64) *(int64_t *)context = row->values[0].i;
    return DF_OK;
}

/* A row of the history as it will be there once a migration of this very run has succeeded. Rolled back by the caller. */
static df_code make_sample(df_conn *conn, df_error *err)
{
    return df_exec(conn,
                   "WITH randomUUID() AS id CREATE (:Migration {migrationId: id, filename: id, version: id, name: id, description: id, "
                   "checksum: id, status: 'SUCCESS', appliedAt: datetime(), appliedBy: id, executionTime: 0})",
                   NULL, 0, NULL, err);
}

static df_code count_ours(df_conn *conn, const char *query, bool sample, int64_t *found, df_error *err)
{
    if (!sample) return df_query(conn, query, NULL, 0, take_count, found, err);
    DF_TRY(df_begin(conn, err));
    df_code code = make_sample(conn, err);
    if (code == DF_OK) code = df_query(conn, query, NULL, 0, take_count, found, err);
    df_rollback(conn);
    return code;
}

/* *found: how many; -1: that cannot be told. */
static df_code ask(const df_own_question *q, const df_sql_write *w, df_arena *arena, int64_t *found, df_error *err)
{
    *found = -1;
    if (!q->conn || !w->reads.len || !w->variable.len) return DF_OK;
    df_error mine = {0};
    df_explanation plan = {0};
    const df_limits limits = {q->limits.lock_ms, ASK_MS};
    const char *query = df_arena_printf(
        arena,
        "%.*s WITH %.*s AS ours WHERE (ours:Migration AND ours.migrationId IS NOT NULL) OR "
        "any(l IN labels(ours) WHERE l STARTS WITH '_Migration') WITH ours LIMIT 1 RETURN count(ours)",
        DF_FMT(w->reads), DF_FMT(w->variable));
    df_code code = df_explain(q->conn, query, NULL, 0, arena, &plan, &mine);
    if (code == DF_OK && strcmp(plan.kind, "r") == 0) {
        DF_TRY(df_set_limits(q->conn, &limits, err));
        if (count_ours(q->conn, query, q->may_write, found, &mine) != DF_OK) *found = -1;
        if (!df_conn_lost(q->conn)) DF_TRY(df_set_limits(q->conn, &q->limits, err));
    }
    if (!df_conn_lost(q->conn)) return DF_OK;
    if (err) *err = mine;
    return DF_CONNECT;
}

/* Where nobody can be asked: a condition that our nodes cannot meet is taken at its word. */
static bool spares_us(const df_sql_write *w)
{
    conditions c = conditions_of(w, w->n_labels > 0);
    return c.other && !w->loose;
}

/* The record of a migration, as docs/ledger.md has it. */
static bool is_record_of(const df_migration *m, const df_sql_filter *f)
{
    if (df_str_is(f->property, "filename")) return df_str_eq(m->file, f->equals);
    return m->loaded && df_str_eq(m->meta.version.len ? m->meta.version : m->version, f->equals);
}

static bool has_key(const df_sql_write *w, const df_sql_filter *f)
{
    return f->equals.ptr && is_key(f->property) && df_str_eq(f->variable, w->variable);
}

/* Every condition has to hold, of one record or another. */
static bool is_coming(const df_own_question *q, const df_sql_write *w)
{
    for (size_t i = 0; i < w->n_filters; i++) {
        bool found = !has_key(w, &w->filters[i]);
        for (size_t k = 0; k < q->n_coming && !found; k++) found = is_record_of(&q->coming[k], &w->filters[i]);
        if (!found) return false;
    }
    return true;
}

/* *found: how many records have the keys that are asked for; -1: that cannot be told. */
static df_code ask_for_key(const df_own_question *q, const df_sql_write *w, int64_t *found, df_error *err)
{
    enum { MOST = 8 };
    df_value values[MOST];
    df_error mine = {0};
    df_buf query = {0};
    size_t n = 0;
    *found = -1;
    df_buf_text(&query, "MATCH (ours:Migration) WHERE ours.migrationId IS NOT NULL");
    for (size_t i = 0; i < w->n_filters && n < MOST; i++) {
        if (!has_key(w, &w->filters[i])) continue;
        df_buf_printf(&query, " AND ours.%.*s = ?", DF_FMT(w->filters[i].property));
        values[n++] = df_v_str(w->filters[i].equals);
    }
    df_buf_text(&query, " RETURN count(ours)");
    if (df_query(q->conn, df_buf_cstr(&query), values, n, take_count, found, &mine) != DF_OK) *found = -1;
    df_buf_release(&query);
    if (!df_conn_lost(q->conn)) return DF_OK;
    if (err) *err = mine;
    return DF_CONNECT;
}

static df_code look_up_key(const df_own_question *q, const df_sql_write *w, bool *certain, df_error *err)
{
    int64_t found = q->coming ? 0 : -1;
    *certain = q->coming && is_coming(q, w);
    if (!*certain && q->conn) DF_TRY(ask_for_key(q, w, &found, err));
    *certain |= found != 0;
    return DF_OK;
}

/* ---- words ---- */

static void put_words(const df_sql_write *w, df_own_harm *harm, df_arena *arena)
{
    const char *does = w->kind == DF_SQL_WRITES_NODE     ? "deletes or overwrites"
                       : w->kind == DF_SQL_REMOVES_LABEL ? "takes the label from"
                                                         : "changes";
    df_str v = w->variable.len ? w->variable : DF_STR("n");
    const char *sure = harm->certain ? "" : "may be one that ";
    if (!harm->label) {
        harm->what = df_arena_printf(arena, "%s%s nodes of any label, and with them those in which the migration history itself is kept", sure, does);
        harm->hint = df_arena_printf(arena,
                                     "restrict it by label: MATCH (%.*s:Person); or leave ours out: WHERE NOT %.*s:Migration AND none(l IN "
                                     "labels(%.*s) WHERE l STARTS WITH '_Migration')",
                                     DF_FMT(v), DF_FMT(v), DF_FMT(v));
        return;
    }
    harm->what = df_arena_printf(arena, "%s%s nodes with the label %s, in which the migration history itself is kept", sure, does, harm->label);
    harm->hint = harm->foreign_too
                     ? df_arena_printf(arena,
                                       "the history is changed by dataflow down, repair and adopt; nodes of your own or of another program with "
                                       "this label have no migrationId: WHERE %.*s.migrationId IS NULL",
                                       DF_FMT(v))
                     : "the history is changed by dataflow down, repair and adopt; your own labels begin with something else";
}

df_code df_own_look(const df_own_question *q, const df_sql_dialect *dialect, df_str statement, df_arena *scratch, df_arena *arena,
                    df_own_harm *out, df_error *err)
{
    size_t count;
    const df_sql_write *writes = df_sql_lone_writes(dialect, statement, scratch, &count);
    *out = (df_own_harm){0};
    for (size_t i = 0; i < count && !out->certain; i++) {
        df_own_harm harm = {0};
        danger level = look_at(&writes[i], &harm);
        if (level == NONE) continue;
        int64_t found = -1;
        harm.certain = level == CERTAIN;
        if (level == ASK) DF_TRY(ask(q, &writes[i], scratch, &found, err));
        if (level == KEYED) DF_TRY(look_up_key(q, &writes[i], &harm.certain, err));
        harm.certain |= found > 0;
        if (!harm.certain && (level == KEYED || found == 0 || out->what || spares_us(&writes[i]))) continue;
        put_words(&writes[i], &harm, arena);
        *out = harm;
    }
    return DF_OK;
}

bool df_own_deletes_record(const df_sql_dialect *dialect, df_str statement, df_arena *scratch)
{
    size_t count;
    const df_sql_write *w = df_sql_lone_writes(dialect, statement, scratch, &count);
    if (count != 1 || w->kind != DF_SQL_WRITES_NODE || w->n_labels != 1 || !is_history(w->labels[0])) return false;
    bool keyed = w->n_filters && !w->loose && !w->many && !w->handed_on;
    for (size_t i = 0; i < w->n_filters; i++) keyed &= has_key(w, &w->filters[i]);
    return keyed;
}
