/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits, settings, who we are and who else is there.
 *
 * Limits are not sent when they are set but with the next statement, since that is BEGIN most often, and
 * takes them along. A SET is part of the transaction that it runs in, so a rollback makes them unknown again.
 * What a script sets itself stays as the script wants it until df_set_limits is called the next time.
 */
#include "engine/postgres/private.h"

#include "engine/bulktext.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* ---- limits ---- */

static bool limits_differ(const pg_conn *c)
{
    return c->limits_asked && (!c->limits_known || c->limits.lock_ms != c->limits_sent.lock_ms ||
                               c->limits.statement_ms != c->limits_sent.statement_ms);
}

static void put_limit(df_buf *sql, const char *name, int64_t ms)
{
    df_buf_printf(sql, ";SET %s=%lld", name, (long long)(ms < 0 ? 0 : ms > INT32_MAX ? INT32_MAX : ms));
}

void pg_put_limits(pg_conn *c, df_buf *sql)
{
    if (!limits_differ(c)) return;
    if (!c->limits_known || c->limits.lock_ms != c->limits_sent.lock_ms)
        put_limit(sql, "lock_timeout", c->limits.lock_ms);
    if (!c->limits_known || c->limits.statement_ms != c->limits_sent.statement_ms)
        put_limit(sql, "statement_timeout", c->limits.statement_ms);
}

void pg_limits_sent(pg_conn *c)
{
    if (!limits_differ(c)) return;
    c->limits_sent = c->limits;
    c->limits_known = true;
    c->limits_in_transaction = pg_in_transaction(&c->base);
}

df_code pg_settle(pg_conn *c, df_error *err)
{
    if (!limits_differ(c)) return DF_OK;
    df_buf sql = {0};
    pg_put_limits(c, &sql);
    df_code code = pg_simple(c, df_buf_cstr(&sql) + 1, err);
    if (code == DF_OK) pg_limits_sent(c);
    df_buf_release(&sql);
    return code;
}

df_code pg_set_limits(df_conn *conn, const df_limits *limits, df_error *err)
{
    (void)err;
    pg_conn *c = pg_of(conn);
    c->limits = *limits;
    c->limits_asked = true;
    return DF_OK;
}

void pg_note_end(pg_conn *c, bool committed)
{
    if (c->limits_in_transaction && !committed) c->limits_known = false;
    c->limits_in_transaction = false;
}

/* The statement's first word, behind white space and comments. */
static df_str first_word(const pg_conn *c, df_str sql)
{
    size_t at = 0, len = 0;
    for (;;) {
        while (at < sql.len && (strchr(" \t\r\n\f\v;(", sql.ptr[at]) != NULL)) at++;
        bool comment = at + 1 < sql.len && ((sql.ptr[at] == '-' && sql.ptr[at + 1] == '-') ||
                                            (sql.ptr[at] == '/' && sql.ptr[at + 1] == '*'));
        size_t skipped = comment ? df_sql_skip(c->base.driver->dialect, sql, at) : 0;
        if (!skipped) break;
        at += skipped;
    }
    while (at + len < sql.len && (((unsigned char)sql.ptr[at + len] | 32) >= 'a') &&
           (((unsigned char)sql.ptr[at + len] | 32) <= 'z'))
        len++;
    return (df_str){sql.ptr + at, len};
}

static bool word_is(df_str word, const char *const *words)
{
    for (; *words; words++) {
        if (word.len == strlen(*words) && strncasecmp(word.ptr, *words, word.len) == 0) return true;
    }
    return false;
}

df_code pg_note_script(pg_conn *c, df_str sql, df_code code, df_error *err)
{
    static const char *const forget[] = {"RESET", "DISCARD", NULL}, *const commit[] = {"COMMIT", "END",
                                                                                       "PREPARE", NULL};
    static const char *const unprepare[] = {"DISCARD", "DEALLOCATE", NULL};
    df_str word = first_word(c, sql);
    if (word_is(word, unprepare)) pg_forget_prepared(c);
    if (code == DF_OK && word_is(word, forget)) {
        df_str rest = first_word(c, df_str_skip(sql, (size_t)(word.ptr + word.len - sql.ptr)));
        if (word_is(rest, (const char *const[]){"ALL", NULL})) { /* our own with them */
            c->limits_known = false;
            return pg_simple(c, df_buf_cstr(&c->setup), err);
        }
    }
    if (c->limits_in_transaction && !pg_in_transaction(&c->base))
        pg_note_end(c, strcmp(c->tag, "COMMIT") == 0);
    if (code != DF_OK || strcmp(c->tag, "ROLLBACK") != 0 || !word_is(word, commit)) return code;
    return df_fail(err, DF_FAILED, "the transaction had failed, and was rolled back");
}

/* ---- settings ---- */

/*
 * DISCARD ALL would be shorter, but gives up advisory locks, and the migration's lock is one. The order
 * matters: the first two give back the rights that the rest may need.
 */
static const char reset[] =
    "RESET SESSION AUTHORIZATION;RESET ROLE;RESET ALL;CLOSE ALL;DEALLOCATE ALL;UNLISTEN *;"
    "DISCARD PLANS;DISCARD SEQUENCES;DISCARD TEMP;";

static df_code reset_behind(pg_conn *c, const char *first, df_error *err)
{
    df_buf sql = {0};
    df_buf_text(&sql, first);
    df_buf_text(&sql, reset);
    df_buf_str_add(&sql, df_buf_str(&c->setup));
    c->limits_known = false;
    pg_forget_prepared(c);
    pg_put_limits(c, &sql);
    df_code code = pg_simple(c, df_buf_cstr(&sql), err);
    if (code == DF_OK) pg_limits_sent(c);
    df_buf_release(&sql);
    return code;
}

df_code pg_reset(df_conn *conn, df_error *err)
{
    return reset_behind(pg_of(conn), "", err);
}

static df_code take_names(void *context, const df_row *row, df_error *err)
{
    (void)err;
    if (row->values[0].type == DF_TEXT) df_buf_str_add(context, row->values[0].s);
    return DF_OK;
}

/* SET CONSTRAINTS ALL DEFERRED would defer those, too, that are only deferrable; by a name that one has which is not, it fails. */
df_code pg_rehearse_commit(df_conn *conn, bool check, df_error *err)
{
    pg_conn *c = pg_of(conn);
    df_buf sql = {0};
    int64_t ignored;
    DF_TRY(reset_behind(c, check ? "SET CONSTRAINTS ALL IMMEDIATE;" : "", err));
    if (!check) return DF_OK;
    df_code code = pg_run(conn,
                          "SELECT 'SET CONSTRAINTS ' || string_agg(DISTINCT format('%I.%I', n.nspname, c.conname), ', ') || ' DEFERRED'"
                          " FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace"
                          " WHERE c.condeferred AND c.conrelid <> 0 AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint o"
                          " WHERE o.connamespace = c.connamespace AND o.conname = c.conname AND NOT o.condeferrable)",
                          NULL, 0, take_names, &sql, &ignored, err);
    if (code == DF_OK && sql.len) code = pg_simple(c, df_buf_cstr(&sql), err);
    df_buf_release(&sql);
    return code;
}

bool pg_in_transaction(const df_conn *conn)
{
    return pq->transactionStatus(((const pg_conn *)conn)->db) != PQTRANS_IDLE;
}

void pg_notice(void *context, const PGresult *result)
{
    const pg_conn *c = context;
    const char *severity = pq->resultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *message = pq->resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (c->base.notice)
        c->base.notice(c->base.notice_context, severity ? severity : "", message ? message : "");
}

/* ---- transactions ---- */

static df_code with_name(pg_conn *c, const char *command, const char *name, df_error *err)
{
    df_buf sql = {0};
    df_buf_text(&sql, command);
    df_put_quoted(&sql, name, '"');
    df_code code = pg_simple(c, df_buf_cstr(&sql), err);
    df_buf_release(&sql);
    return code;
}

df_code pg_savepoint(df_conn *conn, const char *name, df_error *err)
{
    return with_name(pg_of(conn), "SAVEPOINT ", name, err);
}

df_code pg_rollback_to(df_conn *conn, const char *name, df_error *err)
{
    pg_conn *c = pg_of(conn);
    pg_drain(c);
    if (c->limits_in_transaction) c->limits_known = false;
    return with_name(c, "ROLLBACK TO SAVEPOINT ", name, err);
}

static df_code take_text(void *context, const df_row *row, df_error *err)
{
    (void)err;
    if (row->values[0].type == DF_TEXT) snprintf(context, 32, "%.*s", DF_FMT(row->values[0].s));
    return DF_OK;
}

df_code pg_transaction_id(df_conn *conn, char out[32], df_error *err)
{
    int64_t ignored;
    const char *sql =
        pg_of(conn)->version >= 130000 ? "SELECT pg_current_xact_id()::text" : "SELECT txid_current()::text";
    return pg_run(conn, sql, NULL, 0, take_text, out, &ignored, err);
}

df_code pg_transaction_outcome(df_conn *conn, const char *id, df_outcome *out, df_error *err)
{
    char status[32] = "";
    int64_t ignored;
    df_error own;
    if (!err) err = &own;
    df_value param = df_v_text(id);
    const char *sql = pg_of(conn)->version >= 130000 ? "SELECT pg_xact_status(?::text::xid8)"
                                                     : "SELECT txid_status(?::text::bigint)";
    df_code code = pg_run(conn, sql, &param, 1, take_text, status, &ignored, err);
    /* An id of the future: the database was put back to an earlier state, or it is another one. */
    if (code == DF_FAILED && strcmp(err->native, "22023") == 0) return DF_OK;
    DF_TRY(code);
    if (strcmp(status, "committed") == 0) *out = DF_OUTCOME_COMMITTED;
    if (strcmp(status, "aborted") == 0) *out = DF_OUTCOME_ABORTED;
    if (strcmp(status, "in progress") == 0) *out = DF_OUTCOME_RUNNING;
    return DF_OK;
}

/* ---- sessions ---- */

#define STARTED "to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

static void copy_text(char *to, size_t size, df_value value)
{
    snprintf(to, size, "%.*s", value.type == DF_TEXT ? (int)value.s.len : 0,
             value.type == DF_TEXT ? value.s.ptr : "");
}

static df_code take_session(void *context, const df_row *row, df_error *err)
{
    (void)err;
    df_session *out = context;
    out->id = row->values[0].i;
    copy_text(out->started, sizeof out->started, row->values[1]);
    copy_text(out->database, sizeof out->database, row->values[2]);
    copy_text(out->user, sizeof out->user, row->values[3]);
    copy_text(out->address, sizeof out->address, row->values[4]);
    return DF_OK;
}

df_code pg_session_get(df_conn *conn, df_session *out, df_error *err)
{
    int64_t ignored;
    return pg_run(conn,
                  "SELECT a.pid, " STARTED
                  ", s.system_identifier || '/' || a.datid, session_user::text, host(a.client_addr)"
                  " FROM pg_stat_get_activity(pg_backend_pid()) a, pg_control_system() s",
                  NULL, 0, take_session, out, &ignored, err);
}

typedef struct found {
    bool any, hidden;
    char started[40];
} found;

static df_code take_found(void *context, const df_row *row, df_error *err)
{
    (void)err;
    found *f = context;
    f->any = true;
    f->hidden = row->values[0].type != DF_TEXT;
    copy_text(f->started, sizeof f->started, row->values[0]);
    return DF_OK;
}

df_code pg_session_alive(df_conn *conn, const df_session *session, bool *alive, df_error *err)
{
    int64_t ignored;
    found f = {.any = false};
    df_value id = df_v_int(session->id);
    DF_TRY(pg_run(conn, "SELECT " STARTED " FROM pg_stat_get_activity(?::int)", &id, 1, take_found, &f,
                  &ignored, err));
    if (f.hidden) {
        df_fail(err, DF_PERMISSION,
                "Permission denied: a session with the id %lld is there, but not visible to this user",
                (long long)session->id);
        df_error_hint(err, "connect as the same user, or as one with the role pg_read_all_stats");
        return DF_PERMISSION;
    }
    *alive = f.any && strcmp(f.started, session->started) == 0;
    return DF_OK;
}

df_code pg_session_end(df_conn *conn, const df_session *session, int64_t wait_ms, df_error *err)
{
    int64_t ignored;
    df_value params[2] = {df_v_int(session->id), df_v_text(session->started)};
    if (session->id == pq->backendPID(pg_of(conn)->db))
        return df_fail(err, DF_BUG, "a session does not end itself");
    DF_TRY(pg_run(conn,
                  "SELECT pg_terminate_backend(pid) FROM pg_stat_get_activity(?::int) WHERE " STARTED " = ?",
                  params, 2, NULL, NULL, &ignored, err));
    return df_session_end_wait(conn, session, wait_ms, err);
}
