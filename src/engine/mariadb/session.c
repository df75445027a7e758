/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits, settings, who we are and who else is there.
 *
 * The server has no command that gives back a session's settings and leaves its named locks, so they are
 * given back one by one: the server lists the variables that differ. It also tells after each statement
 * whether anything has changed, so that a reset after a script that only made tables costs nothing. What
 * cannot be given back: prepared statements (PREPARE), and temporary tables that a procedure made; they end
 * with the session.
 */
#include "engine/mariadb/private.h"

#include "engine/bulktext.h"
#include "engine_mariadb_session.h"

#include <stdio.h>
#include <strings.h>

/* ---- limits ---- */

/* The server's limits for locks are whole seconds, so ours are rounded up; 0 would mean not to wait at all.
 */
static void put_lock_limit(df_buf *sql, int64_t ms)
{
    enum { LONGEST_LOCK_S = 31536000, LONGEST_ROW_S = 100000000 };
    int64_t seconds = ms / 1000 + (ms % 1000 != 0);
    bool for_ever = ms <= 0;
    if (seconds > LONGEST_LOCK_S) seconds = LONGEST_LOCK_S;
    df_buf_printf(sql, ", lock_wait_timeout = %lld, innodb_lock_wait_timeout = %lld",
                  for_ever ? (long long)LONGEST_LOCK_S : (long long)seconds,
                  for_ever ? (long long)LONGEST_ROW_S : (long long)seconds);
}

static void put_statement_limit(const my_conn *c, df_buf *sql, int64_t ms)
{
    if (ms < 0) ms = 0;
    if (c->mariadb) {
        df_buf_printf(sql, ", max_statement_time = %lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
    } else {
        df_buf_printf(sql, ", max_execution_time = %lld", (long long)(ms > INT32_MAX ? INT32_MAX : ms));
    }
}

/* Sends what differs from `old`; NULL: all. */
static df_code send_limits(my_conn *c, const df_limits *old, df_error *err)
{
    df_buf sql = {0};
    if (!old || old->lock_ms != c->limits.lock_ms) put_lock_limit(&sql, c->limits.lock_ms);
    if (!old || old->statement_ms != c->limits.statement_ms)
        put_statement_limit(c, &sql, c->limits.statement_ms);
    if (!sql.len) return DF_OK;
    memcpy(sql.ptr, " ", 1);
    df_buf text = {0};
    df_buf_text(&text, "SET");
    df_buf_str_add(&text, df_buf_str(&sql));
    df_code code = my_setting(c, df_buf_cstr(&text), err);
    c->limits_known = code == DF_OK;
    df_buf_release(&text);
    df_buf_release(&sql);
    return code;
}

df_code my_set_limits(df_conn *conn, const df_limits *limits, df_error *err)
{
    my_conn *c = my_of(conn);
    df_limits old = c->limits;
    c->limits = *limits;
    c->limits_asked = true;
    return send_limits(c, c->limits_known ? &old : NULL, err);
}

/* ---- settings ---- */

void my_note_temporary(my_conn *c, df_str sql)
{
    df_sql_lexer lexer = {.dialect = &df_sql_mariadb, .text = sql};
    if (!df_sql_is(df_sql_next_word(&lexer), "create")) return;
    df_sql_token t = df_sql_next_word(&lexer);
    if (df_sql_is(t, "or")) {
        df_sql_next_word(&lexer);
        t = df_sql_next_word(&lexer);
    }
    if (!df_sql_is(t, "temporary") || !df_sql_is(df_sql_next_word(&lexer), "table")) return;
    t = df_sql_next_word(&lexer);
    if (df_sql_is(t, "if")) {
        df_sql_next_word(&lexer);
        df_sql_next_word(&lexer);
        t = df_sql_next_word(&lexer);
    }
    df_str name = t.text;
    t = df_sql_next_word(&lexer);
    df_buf_text(&c->temporary, ", ");
    if (df_str_is(t.text, ".")) {
        df_buf_str_add(&c->temporary, name);
        name = df_sql_next_word(&lexer).text;
    } else if (c->db->db) {
        df_put_quoted(&c->temporary, c->db->db, '`'); /* the library keeps it up to date */
    }
    if (df_str_is(t.text, ".") || c->db->db) df_buf_char(&c->temporary, '.');
    df_buf_str_add(&c->temporary, name);
}

/* While the session still reads quotes as it did when the names were written. */
static df_code drop_temporary(my_conn *c, df_error *err)
{
    df_buf sql = {0};
    if (!c->temporary.len) return DF_OK;
    df_buf_text(&sql, "DROP TEMPORARY TABLE IF EXISTS ");
    df_buf_str_add(&sql, df_str_skip(df_buf_str(&c->temporary), 2));
    df_code code = my_setting(c, "SET SESSION TRANSACTION READ WRITE", err);
    if (code == DF_OK) code = my_setting(c, df_buf_cstr(&sql), err);
    if (code == DF_OK) df_buf_clear(&c->temporary);
    df_buf_release(&sql);
    return code;
}

typedef struct changes {
    df_buf set; /* ", name = DEFAULT, @`name` = NULL" */
    char database[256], role[256];
} changes;

static df_code take_change(void *context, const df_row *row, df_error *err)
{
    (void)err;
    changes *ch = context;
    df_value what = row->values[0], name = row->values[1];
    char text[256] = "";
    if (name.type == DF_TEXT || name.type == DF_BLOB) snprintf(text, sizeof text, "%.*s", DF_FMT(name.s));
    if (df_str_is(what.s, "variable")) {
        df_buf_printf(&ch->set, ", %s = DEFAULT", text);
    } else if (df_str_is(what.s, "user")) {
        df_buf_text(&ch->set, ", @");
        df_put_quoted(&ch->set, text, '`');
        df_buf_text(&ch->set, " = NULL");
    } else {
        memcpy(df_str_is(what.s, "role") ? ch->role : ch->database, text, sizeof text);
    }
    return DF_OK;
}

static df_code find_changes(my_conn *c, changes *ch, df_error *err)
{
    int64_t ignored;
    if (c->mariadb) return my_run(&c->base, SQL_changed, NULL, 0, take_change, ch, &ignored, err);
    /* MySQL has no such list. */
    df_buf_text(
        &ch->set,
        ", sql_mode = DEFAULT, time_zone = DEFAULT, foreign_key_checks = DEFAULT, unique_checks = DEFAULT, "
        "autocommit = DEFAULT, sql_safe_updates = DEFAULT, sql_notes = DEFAULT, "
        "group_concat_max_len = DEFAULT, sql_auto_is_null = DEFAULT, "
        "transaction_isolation = DEFAULT, transaction_read_only = DEFAULT");
    return DF_OK;
}

static df_code set_role(my_conn *c, df_error *err)
{
    df_buf sql = {0};
    df_buf_text(&sql, "SET ROLE ");
    if (c->role[0])
        df_put_quoted(&sql, c->role, '`');
    else
        df_buf_text(&sql, "NONE");
    df_code code = my_setting(c, df_buf_cstr(&sql), err);
    df_buf_release(&sql);
    return code;
}

df_code my_reset(df_conn *conn, df_error *err)
{
    my_conn *c = my_of(conn);
    changes ch = {.set = {0}};
    df_buf sql = {0};
    if (!c->changed) return DF_OK;
    df_code code = my_setting(c, "UNLOCK TABLES", err);
    if (code == DF_OK) code = drop_temporary(c, err);
    if (code == DF_OK) code = find_changes(c, &ch, err);
    if (code == DF_OK && c->mariadb && strcmp(ch.role, c->role) != 0) code = set_role(c, err);
    if (code == DF_OK) {
        df_buf_text(&sql, "SET timestamp = DEFAULT");
        df_buf_str_add(&sql, df_buf_str(&ch.set));
        code = my_setting(c, df_buf_cstr(&sql), err);
    }
    if (code == DF_OK) code = my_own_settings(c, err);
    if (code == DF_OK && c->database[0] && mysql->select_db(c->db, c->database) != 0)
        code = my_fail(c, DF_STR_NONE, err);
    if (code == DF_OK && c->limits_asked) code = send_limits(c, NULL, err);
    if (code == DF_OK) c->changed = false;
    df_buf_release(&ch.set);
    df_buf_release(&sql);
    return code;
}

typedef struct listener {
    df_notice_fn fn;
    void *context;
} listener;

static df_code tell_warning(void *context, const df_row *row, df_error *err)
{
    (void)err;
    const listener *l = context;
    char severity[32], message[1024];
    snprintf(severity, sizeof severity, "%.*s", DF_FMT(row->values[0].s));
    snprintf(message, sizeof message, "%.*s", DF_FMT(row->values[2].s));
    l->fn(l->context, severity, message);
    return DF_OK;
}

void my_tell_warnings(my_conn *c)
{
    int64_t ignored;
    df_error unheard;
    listener l = {c->base.notice, c->base.notice_context};
    if (!mysql->warning_count(c->db)) return;
    c->base.notice = NULL; /* the question itself is not listened to */
    df_code code = my_run(&c->base, "SHOW WARNINGS", NULL, 0, tell_warning, &l, &ignored, &unheard);
    (void)code; /* the statement itself has succeeded */
    c->base.notice = l.fn;
}

/* ---- transactions ---- */

bool my_in_transaction(const df_conn *conn)
{
    return (((const my_conn *)conn)->db->server_status & SERVER_STATUS_IN_TRANS) != 0;
}

static df_code with_name(my_conn *c, const char *command, const char *name, df_error *err)
{
    df_buf sql = {0};
    df_buf_text(&sql, command);
    df_put_quoted(&sql, name, '`');
    df_code code = my_simple(c, df_buf_cstr(&sql), err);
    df_buf_release(&sql);
    return code;
}

df_code my_savepoint(df_conn *conn, const char *name, df_error *err)
{
    return with_name(my_of(conn), "SAVEPOINT ", name, err);
}

df_code my_rollback_to(df_conn *conn, const char *name, df_error *err)
{
    return with_name(my_of(conn), "ROLLBACK TO SAVEPOINT ", name, err);
}

/* ---- sessions ---- */

static void copy_text(char *to, size_t size, df_value value)
{
    if (value.type == DF_TEXT || value.type == DF_BLOB) snprintf(to, size, "%.*s", DF_FMT(value.s));
}

static df_code take_session(void *context, const df_row *row, df_error *err)
{
    (void)err;
    df_session *out = context;
    out->id = row->values[0].i;
    snprintf(out->started, sizeof out->started, "%lld", (long long)row->values[1].i);
    copy_text(out->database, sizeof out->database, row->values[2]);
    copy_text(out->user, sizeof out->user, row->values[3]);
    copy_text(out->address, sizeof out->address, row->values[4]);
    return DF_OK;
}

df_code my_session_get(df_conn *conn, df_session *out, df_error *err)
{
    int64_t ignored;
    const char *sql = my_of(conn)->mariadb ? SQL_session : SQL_session_mysql;
    return my_run(conn, sql, NULL, 0, take_session, out, &ignored, err);
}

typedef struct found {
    char started[40];
    bool any, sees_all;
} found;

static df_code take_found(void *context, const df_row *row, df_error *err)
{
    (void)err;
    found *f = context;
    snprintf(f->started, sizeof f->started, "%lld", (long long)row->values[0].i);
    f->any = row->values[1].i != 0;
    f->sees_all = row->values[2].i != 0;
    return DF_OK;
}

df_code my_session_alive(df_conn *conn, const df_session *session, bool *alive, df_error *err)
{
    int64_t ignored;
    found f = {.any = false};
    const char *sql = my_of(conn)->mariadb ? SQL_alive : SQL_alive_mysql;
    df_value params[2] = {df_v_int(session->id), df_v_text(session->user)};
    DF_TRY(my_run(conn, sql, params, 2, take_found, &f, &ignored, err));
    bool same_server = strcmp(f.started, session->started) == 0;
    if (same_server && !f.any && !f.sees_all) {
        df_fail(err, DF_PERMISSION,
                "Permission denied: sessions of the user \"%s\" are not visible to this user", session->user);
        df_error_hint(err, "connect as the same user, or as one with the privilege PROCESS");
        return DF_PERMISSION;
    }
    *alive = same_server && f.any;
    return DF_OK;
}

df_code my_session_end(df_conn *conn, const df_session *session, int64_t wait_ms, df_error *err)
{
    char sql[64];
    bool alive;
    my_conn *c = my_of(conn);
    if ((unsigned long)session->id == c->session)
        return df_fail(err, DF_BUG, "a session does not end itself");
    DF_TRY(my_session_alive(conn, session, &alive, err));
    if (!alive) return DF_OK;
    snprintf(sql, sizeof sql, "KILL %lld", (long long)session->id);
    df_code code = my_simple(c, sql, err);
    enum { NO_SUCH_THREAD = 1094 };
    if (code != DF_OK && mysql->error_number(c->db) != NO_SUCH_THREAD) return code;
    return df_session_end_wait(conn, session, wait_ms, err);
}

/* ---- a proxy between ---- */

static df_code take_id(void *context, const df_row *row, df_error *err)
{
    (void)err;
    *(int64_t *)context = row->values[0].i;
    return DF_OK;
}

static df_code ask_id(df_conn *conn, int64_t *id, df_error *err)
{
    return df_query(conn, "SELECT CONNECTION_ID()", NULL, 0, take_id, id, err);
}

/* As PostgreSQL's: while our connection idles, does another one come upon its server session? */
df_code my_session_pooled(df_conn *conn, const char *url, bool *pooled, char how[200], df_error *err)
{
    enum { TRIES = 60 };
    int64_t ours, theirs, ignored;
    df_conn *second;
    my_conn *c = my_of(conn);
    DF_TRY(my_run(conn, "SELECT CONNECTION_ID()", NULL, 0, take_id, &ours, &ignored, err));
    if ((unsigned long)ours == c->session) return DF_OK;
    DF_TRY(df_connect(url, NULL, &second, err));
    df_code code = DF_OK;
    for (int i = 0; code == DF_OK && !*pooled && i < TRIES; i++) {
        code = ask_id(second, &theirs, err);
        *pooled = code == DF_OK && theirs == ours;
    }
    df_disconnect(second);
    if (code != DF_OK) return code;
    snprintf(how, 200,
             *pooled ? "while this connection was idle, another one ran on its server session (%lld)"
                     : "there is a proxy, which keeps a server session for each connection (ours is %lld)",
             (long long)ours);
    return DF_OK;
}
