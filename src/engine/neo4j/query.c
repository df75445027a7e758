/* SPDX-License-Identifier: Apache-2.0 */
/* Running statements: requests out, records in, limits and interruptions between. */
#include "engine/neo4j/private.h"

#include <stdio.h>
#include <stdlib.h>

/* Records are asked for in portions: a row function that has had enough is spared the rest. */
enum { FIRST_PORTION = 1000, LARGEST_PORTION = 16000 };
/* How much longer than the server's own limit we wait for its answer. */
enum { GRACE_MS = 2000, END_MS = 30000, SLICE_MS = 50 /* between looks at df_cancel behind a COMMIT */ };

/* ---- between two threads ---- */

void neo_enter(neo_conn *c)
{
    c->gave_up.code = DF_OK;
    pthread_mutex_lock(&c->guard);
    c->running = true;
    c->interrupted = c->halted = false;
    pthread_mutex_unlock(&c->guard);
}

df_code neo_leave(neo_conn *c, df_code code, df_error *err)
{
    pthread_mutex_lock(&c->guard);
    bool halted = c->halted;
    c->running = c->interrupted = c->halted = c->committing = false;
    pthread_mutex_unlock(&c->guard);
    c->statement_end = c->lock_look = 0;
    c->gave_up.code = DF_OK;
    if (!halted || c->base.lost) return code;
    bool was_open = c->open;
    neo_reset_bolt(c); /* the interruption stays until then */
    if (code == DF_OK && was_open) return df_fail(err, DF_CANCELLED, "interrupted");
    return code;
}

void neo_cancel(df_conn *conn)
{
    neo_conn *c = neo_of(conn);
    pthread_mutex_lock(&c->guard);
    if (c->running && !c->interrupted) {
        c->interrupted = true;
        c->halted = !c->committing;
        if (c->halted) bolt_interrupt(c->bolt);
    }
    pthread_mutex_unlock(&c->guard);
}

static bool is_interrupted(neo_conn *c)
{
    pthread_mutex_lock(&c->guard);
    bool interrupted = c->interrupted;
    pthread_mutex_unlock(&c->guard);
    return interrupted;
}

/* ---- failures ---- */

void neo_reset_bolt(neo_conn *c)
{
    c->open = false;
    if (bolt_reset(c->bolt, NULL) != DF_OK) c->base.lost = true;
}

static bool native_is(const df_error *err, const char *code)
{
    return strcmp(err->native, code) == 0;
}

static void hint(neo_conn *c, df_error *err)
{
    if (strstr(err->native, "Transaction.TransactionTimedOut") && c->limits.statement_ms > 0) {
        df_error_hint(err, "the limit for a statement is %lld ms; give it more time, or less to do",
                      (long long)c->limits.statement_ms);
    } else if (native_is(err, "Neo.ClientError.Security.CredentialsExpired")) {
        df_error_hint(
            err, "set a new password first, in the database system: ALTER CURRENT USER SET PASSWORD FROM "
                 "'old' TO 'new'");
    } else if (native_is(err, "Neo.TransientError.Transaction.LockAcquisitionTimeout")) {
        df_error_hint(
            err,
            "another transaction holds a lock that this statement needs; run it again when that is gone");
    } else if (native_is(err, "Neo.ClientError.Cluster.NotALeader") ||
               native_is(err, "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase")) {
        if (c->target.routing)
            c->stale = true;
        else
            df_error_hint(
                err, "this server does not take writes; neo4j:// instead of bolt:// finds the one that does");
    }
}

df_code neo_failed(neo_conn *c, df_str metadata, df_error *err)
{
    df_error own;
    if (!err) err = &own;
    df_code code = bolt_error(metadata, err);
    hint(c, err);
    neo_reset_bolt(c);
    if (c->gave_up.code != DF_OK) {
        *err = c->gave_up;
        code = err->code;
    }
    if (c->base.lost) {
        char message[sizeof err->message], native[sizeof err->native];
        memcpy(message, err->message, sizeof message);
        memcpy(native, err->native, sizeof native);
        code = df_engine_fail(err, DF_CONNECT, native, message);
    }
    return code;
}

static df_code lost(neo_conn *c, df_error *err)
{
    char message[sizeof err->message];
    c->base.lost = true;
    c->open = false;
    if (!err) return DF_CONNECT;
    memcpy(message, err->message, sizeof message);
    return df_engine_fail(err, DF_CONNECT, "", message);
}

/* ---- limits ---- */

void neo_start_clock(neo_conn *c)
{
    if (c->gave_up.code != DF_OK) return;
    int64_t now = neo_now_ms(), grace = c->open ? 0 : GRACE_MS;
    c->statement_end = c->limits.statement_ms > 0 ? now + c->limits.statement_ms + grace : 0;
    c->lock_look = c->limits.lock_ms > 0 ? now + c->limits.lock_ms : 0;
}

/* What ran is to end for the reason in `why`. DF_OK: wait on, for what becomes of it. */
static df_code stop_statement(neo_conn *c, const df_error *why, df_error *err)
{
    if (!c->committing) {
        neo_reset_bolt(c);
        if (err) *err = *why;
        return why->code;
    }
    bool again = c->gave_up.code != DF_OK;
    c->gave_up = *why;
    c->statement_end = neo_now_ms() + END_MS;
    c->lock_look = 0;
    if (!again && neo_terminate_own(c, NULL) == DF_OK) return DF_OK;
    c->base.lost = true; /* nobody knows */
    c->open = false;
    return df_engine_fail(err, DF_CONNECT, "", "the server does not say what became of the transaction");
}

static df_code took_too_long(neo_conn *c, df_error *err)
{
    df_error why = {.code = DF_OK};
    df_engine_fail(&why, DF_FAILED, "Neo.ClientError.Transaction.TransactionTimedOut",
                   "the statement ran longer than its limit and was stopped");
    df_error_hint(&why, "the limit for a statement is %lld ms; give it more time, or less to do",
                  (long long)c->limits.statement_ms);
    return stop_statement(c, &why, err);
}

static df_code waited_too_long(neo_conn *c, const char *by, df_error *err)
{
    df_error why = {.code = DF_OK};
    df_engine_fail(&why, DF_RETRY, "Neo.TransientError.Transaction.LockAcquisitionTimeout",
                   "the statement waited too long for a lock and was stopped");
    df_error_hint(&why, "the limit is %lld ms; it waited for %s: run it again when that is gone",
                  (long long)c->limits.lock_ms, by);
    return stop_statement(c, &why, err);
}

/* The reply is late. DF_OK: wait on. */
static df_code late(neo_conn *c, df_error *err)
{
    int64_t now = neo_now_ms();
    char by[200];
    if (c->committing && c->gave_up.code == DF_OK && is_interrupted(c)) {
        df_error why = {.code = DF_OK};
        df_fail(&why, DF_CANCELLED, "interrupted");
        return stop_statement(c, &why, err);
    }
    if (c->statement_end && now >= c->statement_end) return took_too_long(c, err);
    if (!c->lock_look || now < c->lock_look) return DF_OK;
    if (neo_waits_for_lock(c, by)) return waited_too_long(c, by, err);
    int64_t pause = c->limits.lock_ms / 2;
    c->lock_look = neo_now_ms() + (pause < 50 ? 50 : pause > 1000 ? 1000 : pause);
    return DF_OK;
}

static int64_t when_to_look_up(const neo_conn *c)
{
    int64_t until = c->statement_end, slice = c->committing ? neo_now_ms() + SLICE_MS : 0;
    if (c->lock_look && (!until || c->lock_look < until)) until = c->lock_look;
    return slice && (!until || slice < until) ? slice : until;
}

df_code neo_receive(neo_conn *c, bolt_message *out, df_error *err)
{
    for (;;) {
        int64_t until = when_to_look_up(c);
        df_code code = bolt_receive(c->bolt, until, out, err);
        if (code == DF_OK) return DF_OK;
        if (code == DF_RETRY && until) {
            DF_TRY(late(c, err));
            continue;
        }
        if (code == DF_CONNECT) return lost(c, err);
        neo_reset_bolt(c);
        if (code == DF_CANCELLED) return df_fail(err, DF_CANCELLED, "interrupted");
        return code;
    }
}

/* ---- what goes along, and comes back ---- */

bolt_transaction neo_transaction(const neo_conn *c, const char *bookmarks[2])
{
    bookmarks[0] = c->bookmark;
    bookmarks[1] = NULL;
    bolt_transaction t = {
        .database = c->database[0] ? c->database : c->target.database,
        .impersonate = c->target.impersonate,
        .read = c->read_only,
        .timeout_ms = c->limits.statement_ms > 0 ? c->limits.statement_ms : 0,
        .no_timeout = c->limits_asked && c->limits.statement_ms <= 0,
        .bookmarks = bookmarks,
        .metadata = df_buf_str(&c->metadata),
    };
    return t;
}

bolt_transaction neo_transaction_begin(const neo_conn *c, const char *bookmarks[2])
{
    bolt_transaction t = neo_transaction(c, bookmarks);
    t.timeout_ms = 0;
    t.no_timeout = c->limits_asked;
    return t;
}

void neo_note_bookmark(neo_conn *c, df_str metadata)
{
    df_str bookmark = neo_find_text(metadata, "bookmark");
    if (!bookmark.ptr) return;
    free(c->bookmark);
    c->bookmark = df_strdup(bookmark);
}

static int64_t count_changes(df_str metadata)
{
    int64_t sum = 0;
    ps_reader reader;
    ps_item head, key, value;
    if (!neo_find(metadata, "stats", &reader)) return 0;
    if (ps_read(&reader, &head, NULL) != DF_OK || head.type != PS_DICT) return 0;
    for (uint32_t i = 0; i < head.count; i++) {
        ps_reader at;
        if (ps_read(&reader, &key, NULL) != DF_OK) return sum;
        at = reader;
        if (ps_read(&at, &value, NULL) != DF_OK || ps_skip(&reader, NULL) != DF_OK) return sum;
        if (value.type == PS_INT) sum += value.i;
    }
    return sum;
}

/* A notification (up to Bolt 5.4) or a status (from 5.5 on), which also says that all went well: 00000,
 * 02000. */
static void tell(neo_conn *c, df_str note)
{
    char severity[32], message[1024];
    df_str status = neo_find_text(note, "gql_status"), level = neo_find_text(note, "severity");
    if (df_str_starts(status, DF_STR("00")) || df_str_starts(status, DF_STR("02"))) return;
    ps_reader record;
    if (!level.ptr && neo_find(note, "diagnostic_record", &record)) {
        level = neo_find_text(df_str_skip(record.bytes, record.at), "_severity");
    }
    df_str text = neo_find_text(note, "description");
    if (!text.ptr) text = neo_find_text(note, "status_description");
    snprintf(severity, sizeof severity, "%.*s", level.ptr ? (int)level.len : 11,
             level.ptr ? level.ptr : "INFORMATION");
    snprintf(message, sizeof message, "%.*s", DF_FMT(text));
    c->base.notice(c->base.notice_context, severity, message);
}

static void tell_all(neo_conn *c, df_str metadata, const char *key)
{
    ps_reader reader;
    ps_item head;
    if (!neo_find(metadata, key, &reader)) return;
    if (ps_read(&reader, &head, NULL) != DF_OK || head.type != PS_LIST) return;
    for (uint32_t i = 0; i < head.count; i++) {
        size_t from = reader.at;
        if (ps_skip(&reader, NULL) != DF_OK) return;
        tell(c, (df_str){reader.bytes.ptr + from, reader.at - from});
    }
}

void neo_summarise(neo_conn *c, df_str metadata, neo_summary *summary)
{
    summary->affected += count_changes(metadata);
    df_str kind = neo_find_text(metadata, "type");
    if (kind.ptr) snprintf(summary->kind, sizeof summary->kind, "%.*s", DF_FMT(kind));
    if (!c->base.notice) return;
    tell_all(c, metadata, "notifications");
    tell_all(c, metadata, "statuses");
}

/* ---- one statement ---- */

/* A row function has had enough. In a transaction the rest is passed over, outside of one it is not even
 * made. */
static void stop(neo_conn *c)
{
    bolt_message m = {.kind = BOLT_RECORD};
    if (!c->open) {
        neo_reset_bolt(c);
        return;
    }
    df_code code = DF_OK;
    while (code == DF_OK && m.kind == BOLT_RECORD) code = neo_receive(c, &m, NULL);
    if (code != DF_OK) return;
    ps_item more;
    if (m.kind == BOLT_SUCCESS && neo_find_item(m.body, "has_more", &more) && more.b) {
        bolt_discard(c->bolt, -1);
        code = neo_receive(c, &m, NULL);
        if (code != DF_OK) return;
    }
    if (m.kind != BOLT_SUCCESS) neo_reset_bolt(c);
}

static df_code take_header(neo_conn *c, const neo_statement *s, df_error *err)
{
    bolt_message m;
    DF_TRY(neo_receive(c, &m, err));
    if (m.kind == BOLT_FAILURE) return neo_failed(c, m.body, err);
    if (m.kind != BOLT_SUCCESS) {
        neo_reset_bolt(c);
        return df_fail(err, DF_CORRUPT, "the server did not say how the statement began");
    }
    df_code code = s->fields ? s->fields(s->context, m.body, err) : DF_OK;
    if (code != DF_OK) stop(c);
    return code;
}

static df_code take_records(neo_conn *c, const neo_statement *s, neo_summary *summary, df_error *err)
{
    bolt_message m;
    int64_t portion = FIRST_PORTION;
    for (;;) {
        DF_TRY(neo_receive(c, &m, err));
        if (m.kind == BOLT_RECORD) {
            df_code code = s->fn ? s->fn(s->context, m.body, err) : DF_OK;
            if (code == DF_OK) continue;
            stop(c);
            return code;
        }
        if (m.kind == BOLT_FAILURE) return neo_failed(c, m.body, err);
        if (m.kind == BOLT_IGNORED) {
            neo_reset_bolt(c);
            return df_fail(err, DF_FAILED, "the server ignored the statement");
        }
        ps_item more;
        if (!neo_find_item(m.body, "has_more", &more) || more.type != PS_BOOL || !more.b) break;
        portion = portion * 2 < LARGEST_PORTION ? portion * 2 : LARGEST_PORTION;
        bolt_pull(c->bolt, portion);
    }
    neo_summarise(c, m.body, summary);
    if (!c->open) neo_note_bookmark(c, m.body);
    return s->end ? s->end(s->context, m.body, err) : DF_OK;
}

df_code neo_statement_run(neo_conn *c, const neo_statement *s, neo_summary *summary, df_error *err)
{
    neo_summary own;
    const char *bookmarks[2];
    if (!summary) summary = &own;
    *summary = (neo_summary){.affected = 0};
    if (c->stale && !c->open) DF_TRY(neo_reroute(c, err));
    neo_enter(c);
    neo_start_clock(c);
    bolt_transaction t = neo_transaction(c, bookmarks);
    bolt_run(c->bolt, s->query, s->parameters, c->open ? NULL : &t);
    bolt_pull(c->bolt, s->fn ? FIRST_PORTION : -1); /* DISCARD would end a query that reads, not run it */
    df_code code = take_header(c, s, err);
    if (code == DF_OK) code = take_records(c, s, summary, err);
    return neo_leave(c, code, err);
}

df_code neo_query(neo_conn *c, const char *query, df_str parameters, neo_record_fn fn, void *context,
                  df_error *err)
{
    neo_statement s = {.query = df_str_from(query), .parameters = parameters, .fn = fn, .context = context};
    return neo_statement_run(c, &s, NULL, err);
}

/*
 * A command of the shell: `:use`, which changes nothing when it names our database, or `system`, to which the
 * server sends what belongs there by itself.
 */
static df_code shell_command(const neo_conn *c, df_str text, df_error *err)
{
    df_sql_lexer lexer = {.dialect = &df_sql_cypher, .text = df_str_skip(text, 1)};
    df_sql_token command = df_sql_next_word(&lexer), name = df_sql_next_word(&lexer);
    df_str database = name.text;
    if (name.kind == DF_SQL_NAME && database.len > 2) database = (df_str){database.ptr + 1, database.len - 2};
    if (!df_sql_is(command, "USE")) {
        df_fail(err, DF_UNSUPPORTED, "\":%.*s\" is a command of cypher-shell, which nobody else knows",
                DF_FMT(command.text));
        df_error_hint(err, "for values that differ between environments there are placeholders: ${name}, "
                           "with --placeholder name=value");
        return DF_UNSUPPORTED;
    }
    if (df_sql_is(name, c->database) || df_str_is(database, c->database) || df_sql_is(name, "SYSTEM"))
        return DF_OK;
    df_fail(err, DF_UNSUPPORTED, "\":use %.*s\": this run works on the database %s, where its record is kept",
            DF_FMT(database), c->database);
    df_error_hint(err, "put it into a folder of its own, and run that with NEO4J_DATABASE=%.*s",
                  DF_FMT(database));
    return DF_UNSUPPORTED;
}

df_code neo_run(df_conn *conn, const char *sql, const df_value *params, size_t n_params, df_row_fn fn,
                void *context, int64_t *affected, df_error *err)
{
    neo_conn *c = neo_of(conn);
    neo_request r;
    neo_summary summary = {.affected = 0};
    neo_rows rows = {.fn = fn, .context = context};
    df_str text = df_str_from(sql);
    *affected = 0;
    if (!n_params && df_sql_is_blank(&df_sql_cypher, text))
        return DF_OK; /* the server would call it an error */
    if (!n_params && text.len && text.ptr[0] == ':') return shell_command(c, text, err);
    df_code code = neo_request_make(c, text, params, n_params, &r, err);
    if (code == DF_OK) {
        neo_statement s = {.query = df_buf_str(&r.query), .context = &rows};
        if (n_params) s.parameters = df_buf_str(&r.parameters);
        if (fn) s.fields = neo_rows_fields, s.fn = neo_rows_record;
        code = neo_statement_run(c, &s, &summary, err);
        if (code != DF_OK) neo_place_error(c, &r, text, n_params, err);
    }
    *affected = summary.affected;
    neo_rows_release(&rows);
    neo_request_release(&r);
    return code;
}
