/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connecting: to the server that the URL names, and with neo4j:// from there to the one that takes writes (or
 * answers queries, for who only reads). The first question also shows whether the database is there.
 */
#include "engine/neo4j/private.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_missing(const df_error *err)
{
    return strstr(err->native, "Database.DatabaseNotFound") != NULL;
}

/* Whatever kept us out is a failed connection. */
static df_code not_let_in(df_code code, df_error *err)
{
    static const char prefix[] = "Database connection failed: ", denied[] = "Permission denied: ";
    if (!err || (code != DF_CONNECT && code != DF_PERMISSION && code != DF_FAILED && code != DF_NOT_FOUND &&
                 code != DF_RETRY))
        return code;
    bool missing = is_missing(err);
    char message[sizeof err->message];
    const char *text = err->message;
    if (strncmp(text, denied, sizeof denied - 1) == 0) text += sizeof denied - 1;
    if (strncmp(text, prefix, sizeof prefix - 1) == 0) text += sizeof prefix - 1;
    snprintf(message, sizeof message, "%s%.*s", prefix, (int)(sizeof message - sizeof prefix), text);
    memcpy(err->message, message, sizeof message);
    err->code = missing ? DF_NOT_FOUND : DF_CONNECT;
    if (missing) df_error_hint(err, "SHOW DATABASES, in the database system, tells which there are");
    return err->code;
}

/* ---- routing ---- */

static df_code open_at(const neo_conn *c, const char *host, unsigned port, bolt **out, df_error *err)
{
    bolt_options options = c->target.bolt;
    options.host = host;
    options.port = port;
    return bolt_open(&options, out, err);
}

df_code neo_companion(const neo_conn *c, bolt **out, df_error *err)
{
    df_code code = open_at(c, c->host, c->port, out, err);
    return code == DF_OK ? DF_OK : not_let_in(code, err);
}

static void set_address(neo_conn *c, const char *host, unsigned port)
{
    char *copy = df_strdup(df_str_from(host));
    free(c->host);
    c->host = copy;
    c->port = port;
}

static void replace_bolt(neo_conn *c, bolt *b)
{
    pthread_mutex_lock(&c->guard);
    bolt *old = c->bolt;
    c->bolt = b;
    pthread_mutex_unlock(&c->guard);
    bolt_close(old);
}

static bool is_here(const neo_conn *c, const bolt_route *route)
{
    return route->port == c->port && strcmp(route->host, c->host) == 0;
}

/* A server that stands alone answers with itself, by the address that it believes to have. */
static bool stands_alone(const bolt_route *routes, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (routes[i].port != routes[0].port || strcmp(routes[i].host, routes[0].host) != 0) return false;
    }
    return count > 0;
}

static df_code nobody(const neo_conn *c, bolt_role role, df_error *err)
{
    df_fail(err, DF_CONNECT, "at the moment no server of the cluster takes %s for the database %s",
            role == BOLT_ROLE_WRITE ? "writes" : "queries",
            c->target.database ? c->target.database : "(default)");
    df_error_hint(err, "it may be choosing a leader; try again, or look at SHOW DATABASES");
    return DF_CONNECT;
}

static df_code choose(neo_conn *c, bolt_role role, const bolt_route *routes, size_t count, df_error *err)
{
    df_arena arena = {0};
    df_buf tried = {0};
    bool done = false;
    size_t of_role = 0;
    df_error last = {.code = DF_OK};
    for (size_t i = 0; i < count && !done; i++) {
        if (routes[i].role == role && is_here(c, &routes[i])) done = true;
    }
    for (size_t i = 0; i < count && !done; i++) {
        bolt *b = NULL;
        if (routes[i].role != role) continue;
        of_role++;
        df_buf_printf(&tried, "%s%s", tried.len ? ", " : "",
                      neo_address(&arena, routes[i].host, routes[i].port));
        if (open_at(c, routes[i].host, routes[i].port, &b, &last) != DF_OK) continue;
        replace_bolt(c, b);
        set_address(c, routes[i].host, routes[i].port);
        done = true;
    }
    df_code code = DF_OK;
    if (!done && !of_role) code = nobody(c, role, err);
    if (!done && of_role) {
        if (err) *err = last;
        code = df_error_prefix(err, "the cluster names %s for %s, and none can be used", df_buf_cstr(&tried),
                               role == BOLT_ROLE_WRITE ? "writing" : "reading");
        if (!err) code = last.code;
        df_error_hint(
            err, "they are the servers' server.bolt.advertised_address, which must be reachable from here; "
                 "bolt:// speaks to one server alone");
    }
    df_arena_release(&arena);
    df_buf_release(&tried);
    return code;
}

static bool has_role(const bolt_route *routes, size_t count, bolt_role role)
{
    for (size_t i = 0; i < count; i++) {
        if (routes[i].role == role) return true;
    }
    return false;
}

/* From the server that we are connected to. */
static df_code route(neo_conn *c, df_error *err)
{
    df_arena arena = {0};
    bolt_route *routes;
    size_t count;
    int64_t ttl_ms; /* the table is asked for when it is needed, and not kept */
    const char *bookmarks[2] = {c->bookmark, NULL};
    df_code code = bolt_routes(c->bolt, c->target.database, bookmarks, &arena, &routes, &count, &ttl_ms, err);
    if (code == DF_OK) {
        bool read = c->read_only && has_role(routes, count, BOLT_ROLE_READ);
        bolt_role role = read ? BOLT_ROLE_READ : BOLT_ROLE_WRITE;
        if (!stands_alone(routes, count) || !has_role(routes, count, role))
            code = choose(c, role, routes, count, err);
    }
    df_arena_release(&arena);
    return code;
}

df_code neo_reroute(neo_conn *c, df_error *err)
{
    bolt *b = NULL;
    df_code code = route(c, err);
    if (code != DF_OK) { /* this one may be gone: begin at the URL again */
        code = bolt_open(&c->target.bolt, &b, err);
        if (code == DF_OK) {
            replace_bolt(c, b);
            set_address(c, c->target.bolt.host, c->target.bolt.port);
            code = route(c, err);
        }
    }
    if (code != DF_OK) {
        if (bolt_lost(c->bolt)) c->base.lost = true;
        return not_let_in(code, err);
    }
    c->stale = false;
    return DF_OK;
}

/* ---- who is there ---- */

/* "5.26.30" is 52630, "2026.08.1" is 20260801. */
static int version_number(const char *text)
{
    int parts[3] = {0};
    for (int i = 0; i < 3 && isdigit((unsigned char)*text); i++) {
        char *end;
        long n = strtol(text, &end, 10);
        parts[i] = n > 9999 ? 9999 : (int)n;
        text = *end == '.' ? end + 1 : end;
    }
    return parts[0] * 10000 + (parts[1] > 99 ? 99 : parts[1]) * 100 + (parts[2] > 99 ? 99 : parts[2]);
}

static void set_server(neo_conn *c, df_str version, df_str edition)
{
    snprintf(c->base.server, sizeof c->base.server, "Neo4j %.*s%s%.*s", DF_FMT(version),
             edition.len ? " " : "", DF_FMT(edition));
    c->version = version_number(c->base.server + strlen("Neo4j "));
}

static df_code take_server(void *context, df_str record, df_error *err)
{
    neo_conn *c = context;
    ps_reader reader = {record, 0};
    ps_item head, version, edition, id, name;
    DF_TRY(ps_read(&reader, &head, err));
    DF_TRY(ps_read(&reader, &version, err));
    DF_TRY(ps_read(&reader, &edition, err));
    DF_TRY(ps_read(&reader, &id, err));
    DF_TRY(ps_read(&reader, &name, err));
    if (version.type == PS_STRING)
        set_server(c, version.s, edition.type == PS_STRING ? edition.s : DF_STR_NONE);
    if (id.type == PS_STRING) snprintf(c->database_id, sizeof c->database_id, "%.*s", DF_FMT(id.s));
    if (name.type == PS_STRING) snprintf(c->database, sizeof c->database, "%.*s", DF_FMT(name.s));
    return DF_OK;
}

static const char who[] =
    "CALL dbms.components() YIELD name, versions, edition WITH * WHERE name = 'Neo4j Kernel' "
    "CALL db.info() YIELD id, name AS database RETURN versions[0], edition, id, database";

/* A server that is not Neo4j, or lets us ask nothing, has at least its name from HELLO. */
static df_code ask_server(neo_conn *c, df_error *err)
{
    const char *agent = bolt_server(c->bolt), *slash = agent ? strchr(agent, '/') : NULL;
    set_server(c, df_str_from(slash ? slash + 1 : agent ? agent : "?"), DF_STR_NONE);
    df_code code = neo_query(c, who, DF_STR_NONE, take_server, c, err);
    bool absent = code != DF_OK && !c->base.lost && err &&
                  (strstr(err->native, "Procedure.ProcedureNotFound") || strstr(err->native, "SyntaxError"));
    return absent ? neo_query(c, "RETURN 1", DF_STR_NONE, NULL, NULL, err) : code;
}

static void set_metadata(neo_conn *c, const char *application)
{
    ps_put_dict(&c->metadata, 1);
    ps_put_text(&c->metadata, "app");
    ps_put_text(&c->metadata, application);
}

df_code neo_open(df_conn *conn, const char *url, const df_open_options *options, df_error *err)
{
    neo_conn *c = neo_of(conn);
    df_error own;
    if (!err) err = &own;
    const char *application = options->application ? options->application : "dataflow";
    pthread_mutex_init(&c->guard, NULL);
    c->read_only = options->read_only;
    set_metadata(c, application);
    df_code code = neo_parse_url(url, application, &c->arena, &c->target, err);
    if (code == DF_OK) {
        set_address(c, c->target.bolt.host, c->target.bolt.port);
        if (c->target.bolt.principal) snprintf(c->user, sizeof c->user, "%s", c->target.bolt.principal);
        code = bolt_open(&c->target.bolt, &c->bolt, err);
        if (code == DF_OK && c->target.routing) code = route(c, err);
        if (code == DF_OK) code = ask_server(c, err);
        if (code != DF_OK) code = not_let_in(code, err);
        if (code == DF_CONNECT && strcmp(c->target.bolt.auth, "none") == 0 &&
            strstr(err->native, "Security.Unauthorized"))
            df_error_hint(err,
                          "name a user: in the URL (bolt://user:password@host), or by NEO4J_USERNAME and "
                          "NEO4J_PASSWORD");
    }
    if (code != DF_OK) neo_close(conn);
    return code;
}

void neo_close(df_conn *conn)
{
    neo_conn *c = neo_of(conn);
    neo_locks_release(c);
    bolt_close(c->watch);
    bolt_close(c->bolt);
    free(c->host);
    free(c->bookmark);
    df_buf_release(&c->metadata);
    df_arena_release(&c->arena);
    pthread_mutex_destroy(&c->guard);
}
