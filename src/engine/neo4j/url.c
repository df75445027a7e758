/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bolt://user:password@host:port/database?…, neo4j:// with routing, each also as +s and +ssc. What the URL
 * leaves open NEO4J_USERNAME, NEO4J_PASSWORD and NEO4J_DATABASE may say.
 */
#include "engine/neo4j/private.h"

#include "engine/url.h"

#include <stdlib.h>

enum { DEFAULT_PORT = 7687, LONGEST_TIMEOUT_S = 3600, LONGEST_DATABASE = 255 };

static const char known_params[] =
    "database, impersonate, auth, realm, ssl-ca, connect-timeout, bolt, user, password";

static const struct {
    const char *name;
    bolt_tls tls;
    bool routing;
} schemes[] = {
    {"bolt", BOLT_PLAIN, false},          {"bolt+s", BOLT_TLS_VERIFIED, false},
    {"neo4j", BOLT_PLAIN, true},          {"bolt+ssc", BOLT_TLS_ANY_CERTIFICATE, false},
    {"neo4j+s", BOLT_TLS_VERIFIED, true}, {"neo4j+ssc", BOLT_TLS_ANY_CERTIFICATE, true},
};

static df_code set_auth(neo_target *t, const char *name, df_error *err)
{
    static const char *const known[] = {"none", "basic", "bearer", "kerberos"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i]) != 0) continue;
        t->bolt.auth = known[i];
        return DF_OK;
    }
    return df_fail(err, DF_USAGE, "auth in the database URL is none, basic, bearer or kerberos");
}

/* "5.4" is 0x0504. */
static df_code set_version(neo_target *t, const char *text, df_error *err)
{
    char *end;
    unsigned long major = strtoul(text, &end, 10), minor = 0;
    bool good = end != text && *end == '.' && end[1] >= '0' && end[1] <= '9';
    if (good) minor = strtoul(end + 1, &end, 10);
    if (!good || *end || major < 1 || major > 255 || minor > 255)
        return df_fail(err, DF_USAGE, "bolt in the database URL is a version of the protocol, such as 5.4");
    t->bolt.only = (uint16_t)(major << 8 | minor);
    return DF_OK;
}

static df_code set_param(neo_target *t, const df_url_param *param, df_error *err)
{
    const char *name = param->name, *value = param->value;
    int64_t seconds;
    if (strcmp(name, "database") == 0)
        t->database = value;
    else if (strcmp(name, "impersonate") == 0)
        t->impersonate = value;
    else if (strcmp(name, "realm") == 0)
        t->bolt.realm = value;
    else if (strcmp(name, "ssl-ca") == 0)
        t->bolt.ca_file = value;
    else if (strcmp(name, "user") == 0)
        t->bolt.principal = value;
    else if (strcmp(name, "password") == 0)
        t->bolt.credentials = value;
    else if (strcmp(name, "auth") == 0)
        return set_auth(t, value, err);
    else if (strcmp(name, "bolt") == 0)
        return set_version(t, value, err);
    else if (strcmp(name, "connect-timeout") == 0) {
        DF_TRY(df_url_number(param, 1, LONGEST_TIMEOUT_S, &seconds, err));
        t->bolt.connect_ms = seconds * 1000;
    } else
        return df_url_unknown_param(param, "Neo4j", known_params, err);
    return DF_OK;
}

static void set_from_environment(df_arena *arena, const char *name, const char **out)
{
    const char *value = getenv(name);
    if (!*out && value && *value) *out = df_arena_cstr(arena, df_str_from(value));
}

static df_code check(neo_target *t, df_error *err)
{
    if (!t->bolt.auth) t->bolt.auth = t->bolt.principal ? "basic" : "none";
    if (strcmp(t->bolt.auth, "none") == 0) t->bolt.principal = t->bolt.credentials = t->bolt.realm = NULL;
    if (strcmp(t->bolt.auth, "basic") == 0 && !t->bolt.principal)
        return df_fail(err, DF_USAGE, "the database URL says auth=basic and names no user");
    bool token = strcmp(t->bolt.auth, "bearer") == 0 || strcmp(t->bolt.auth, "kerberos") == 0;
    if (token && !t->bolt.credentials) {
        df_fail(err, DF_USAGE, "the database URL says auth=%s and has no ticket", t->bolt.auth);
        df_error_hint(err, "it takes the place of the password: bolt://:TICKET@host, or NEO4J_PASSWORD");
        return DF_USAGE;
    }
    if (t->database && strlen(t->database) > LONGEST_DATABASE)
        return df_fail(err, DF_USAGE, "the database's name in the URL is longer than %d bytes",
                       LONGEST_DATABASE);
    if (t->bolt.ca_file && t->bolt.tls != BOLT_TLS_VERIFIED) {
        df_fail(err, DF_USAGE,
                "ssl-ca in the database URL needs bolt+s: or neo4j+s:, which check certificates");
        return DF_USAGE;
    }
    return DF_OK;
}

const char *neo_address(df_arena *arena, const char *host, unsigned port)
{
    return df_arena_printf(arena, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}

df_code neo_parse_url(const char *url, const char *application, df_arena *arena, neo_target *out,
                      df_error *err)
{
    df_url parsed;
    *out = (neo_target){.database = NULL};
    DF_TRY(df_url_parse(url, arena, &parsed, err));
    df_str scheme = df_url_scheme(url);
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (!df_str_is(scheme, schemes[i].name)) continue;
        out->bolt.tls = schemes[i].tls;
        out->routing = schemes[i].routing;
    }
    out->bolt.host = parsed.host && *parsed.host ? parsed.host : "localhost";
    out->bolt.port = parsed.port ? parsed.port : DEFAULT_PORT;
    if (parsed.user && *parsed.user) out->bolt.principal = parsed.user;
    out->bolt.credentials = parsed.password;
    if (*parsed.path) out->database = parsed.path;
    for (size_t i = 0; i < parsed.n_params; i++) DF_TRY(set_param(out, &parsed.params[i], err));
    bool nobody = out->bolt.auth && strcmp(out->bolt.auth, "none") == 0;
    if (!nobody && !out->bolt.auth) set_from_environment(arena, "NEO4J_USERNAME", &out->bolt.principal);
    if (!nobody) set_from_environment(arena, "NEO4J_PASSWORD", &out->bolt.credentials);
    set_from_environment(arena, "NEO4J_DATABASE", &out->database);
    if (out->database && !*out->database) out->database = NULL;
    out->bolt.user_agent = df_arena_printf(arena, "%s/%s", application, DF_VERSION);
    if (out->routing) out->bolt.routing_address = neo_address(arena, out->bolt.host, out->bolt.port);
    return check(out, err);
}
