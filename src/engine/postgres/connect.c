/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting by libpq's own rules: the URL is handed over as it is, but for ?schema=. */
#include "engine/postgres/private.h"

#include "engine/bulktext.h"
#include "engine/url.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_SETTINGS = 100, LONGEST_NAME = 63 };

typedef struct settings {
    const char *names[MAX_SETTINGS], *values[MAX_SETTINGS];
    size_t count;
    bool has_service; /* a service file may set anything, and explicit settings would win over it */
} settings;

static bool has(const settings *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->names[i], name) == 0) return true;
    }
    return false;
}

static void add(settings *s, const char *name, const char *value)
{
    if (s->count + 1 >= MAX_SETTINGS) return;
    s->names[s->count] = name;
    s->values[s->count++] = value;
}

static void add_default(settings *s, const char *name, const char *variable, const char *value)
{
    if (!s->has_service && !has(s, name) && !(variable && getenv(variable))) add(s, name, value);
}

/* libpq would quote a port that is not one in its message, and it could be half of a password. */
static df_code check_port(const char *port, df_error *err)
{
    if (strspn(port, "0123456789,") == strlen(port)) return DF_OK;
    return df_fail(err, DF_USAGE, "the port in the database URL is not a number");
}

static df_code parse(const char *url, PQconninfoOption **parsed, df_error *err)
{
    char *reason = NULL;
    *parsed = pq->conninfoParse(url, &reason);
    if (*parsed) return DF_OK;
    df_buf masked = {0};
    df_url_mask(url, &masked);
    /* libpq quotes the URL; only where that holds no secret may it be repeated. */
    bool harmless = reason && strcmp(df_buf_cstr(&masked), url) == 0;
    if (harmless) {
        df_engine_fail(err, DF_USAGE, NULL, reason);
    } else {
        df_fail(err, DF_USAGE, "PostgreSQL's client library does not understand the URL %s",
                df_buf_cstr(&masked));
        df_error_hint(err,
                      "in user, password and database write @ as %%40, / as %%2F, ? as %%3F and %% as %%25");
    }
    df_buf_release(&masked);
    pq->freemem(reason);
    return DF_USAGE;
}

static df_code collect(const PQconninfoOption *parsed, const df_open_options *options, settings *s,
                       df_error *err)
{
    s->has_service = getenv("PGSERVICE") != NULL;
    for (const PQconninfoOption *o = parsed; o->keyword; o++) {
        if (!o->val) continue;
        if (strcmp(o->keyword, "port") == 0) DF_TRY(check_port(o->val, err));
        if (strcmp(o->keyword, "service") == 0) s->has_service = true;
        if (strcmp(o->keyword, "client_encoding") != 0) add(s, o->keyword, o->val);
    }
    add_default(s, "connect_timeout", "PGCONNECT_TIMEOUT", "10");
    add_default(s, "keepalives_idle", NULL, "60");
    add_default(s, "keepalives_interval", NULL, "10");
    add_default(s, "keepalives_count", NULL, "6");
    add(s, "client_encoding", "UTF8");
    add(s, "fallback_application_name", options->application ? options->application : "dataflow");
    s->names[s->count] = s->values[s->count] = NULL;
    return DF_OK;
}

/* The server's answer has no SQLSTATE here; a missing database is known by its (untranslated) text. */
static df_code connect_failed(const PGconn *db, df_error *err)
{
    const char *message = pq->errorMessage(db), *missing = strstr(message, "database \"");
    bool not_found = missing && strstr(missing, "\" does not exist");
    df_engine_fail(err, DF_CONNECT, not_found ? "3D000" : "", message);
    if (not_found && err) err->code = DF_NOT_FOUND;
    if (not_found) df_error_hint(err, "create the database first, for example with createdb");
    return not_found ? DF_NOT_FOUND : DF_CONNECT;
}

/*
 * Everything that results and literals depend on is made the same on every server. A guest's statements mean
 * what they mean in psql, so for a guest only what we could not read otherwise is set. What it does set is
 * for a session that holds a lock: it must not be ended for idling, and a client that is gone must be noticed
 * while a statement runs.
 */
static void put_setup(pg_conn *c, const df_open_options *options)
{
    df_buf *sql = &c->setup;
    df_buf_text(sql, "SET standard_conforming_strings = on; SET bytea_output = hex");
    if (!c->guest) {
        df_buf_text(sql,
                    "; SET client_min_messages = notice; SET DateStyle = 'ISO, MDY'; SET TimeZone = 'UTC';"
                    " SET extra_float_digits = 1");
    }
    if (c->guest && c->version >= 140000) df_buf_text(sql, "; SET idle_session_timeout = 0");
    if (options->read_only) df_buf_text(sql, "; SET default_transaction_read_only = on");
    if (!c->base.schema[0]) return;
    df_buf_text(sql, "; SET search_path = ");
    df_put_quoted(sql, c->base.schema, '"');
}

/* One round trip. A server on a system without POLLRDHUP refuses the check of the client. */
static df_code prepare_session(pg_conn *c, const df_open_options *options, df_error *err)
{
    put_setup(c, options);
    if (!c->guest || c->version < 140000) return pg_simple(c, df_buf_cstr(&c->setup), err);
    size_t without = c->setup.len;
    df_buf_text(&c->setup, "; SET client_connection_check_interval = '2s'");
    df_code code = pg_simple(c, df_buf_cstr(&c->setup), err);
    if (code != DF_FAILED) return code;
    c->setup.len = without;
    return pg_simple(c, df_buf_cstr(&c->setup), err);
}

df_code pg_connect(const char *url, const df_open_options *options, PGconn **out, df_error *err)
{
    settings s = {.count = 0};
    PQconninfoOption *parsed;
    DF_TRY(parse(url, &parsed, err));
    df_code code = collect(parsed, options, &s, err);
    if (code == DF_OK) {
        *out = pq->connectdbParams(s.names, s.values, 0);
        if (!*out) {
            code = df_fail(err, DF_NO_MEMORY, "not enough memory for a connection");
        } else if (pq->status(*out) != CONNECTION_OK) {
            code = connect_failed(*out, err);
        }
    }
    pq->conninfoFree(parsed);
    return code;
}

df_code pg_open(df_conn *conn, const char *url, const df_open_options *options, df_error *err)
{
    pg_conn *c = pg_of(conn);
    df_arena arena = {0};
    df_buf plain = {0};
    const char *schema = NULL;
    df_code code = df_url_check_authority(url, err);
    if (code == DF_OK) code = df_url_take_param(url, "schema", &arena, &plain, &schema, err);
    if (code == DF_OK && schema && (!*schema || strlen(schema) > LONGEST_NAME)) {
        code = df_fail(err, DF_USAGE, "schema in the database URL must have 1 to %d bytes", LONGEST_NAME);
    }
    if (code == DF_OK && schema) snprintf(conn->schema, sizeof conn->schema, "%s", schema);
    if (code == DF_OK) code = pq_load(err);
    if (code == DF_OK) code = pg_connect(df_buf_cstr(&plain), options, &c->db, err);
    df_buf_release(&plain);
    df_arena_release(&arena);
    if (code == DF_OK) {
        pq->setNoticeReceiver(c->db, pg_notice, c);
        c->guest = options->guest;
        c->version = pq->serverVersion(c->db);
        c->cancel = pq->getCancel(c->db);
        const char *version = pq->parameterStatus(c->db, "server_version");
        snprintf(conn->server, sizeof conn->server, "PostgreSQL %.*s",
                 version ? (int)strcspn(version, " ") : 1, version ? version : "?");
        code = prepare_session(c, options, err);
    }
    if (code != DF_OK) pg_close(conn);
    return code;
}

void pg_close(df_conn *conn)
{
    pg_conn *c = pg_of(conn);
    df_buf_release(&c->setup);
    if (!c->db) return; /* perhaps without the library, too */
    pq->freeCancel(c->cancel);
    pq->finish(c->db);
}
