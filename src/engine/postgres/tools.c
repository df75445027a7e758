/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How pg_dump and psql reach the database that this connection has reached: by the variables that libpq
 * reads, filled with what is in force now, wherever it came from (URL, service file, password file,
 * environment).
 */
#include "engine/postgres/private.h"

#include <stdlib.h>

/* These would win over the variables, or change what a session means. */
static const char *const taken_out[] = {"PGSERVICE", "PGSERVICEFILE", "PGPASSFILE", "PGHOSTADDR",
                                        "PGTZ",      "PGDATESTYLE",   "PGAPPNAME",  "PGHOST",
                                        "PGPORT",    "PGPASSWORD"};

typedef struct variables {
    df_arena *arena;
    const char **items;
    size_t count, cap;
} variables;

static void set(variables *v, const char *name, const char *value)
{
    DF_PUSH(v->items, v->count, v->cap) = df_arena_printf(v->arena, "%s=%s", name, value);
}

static bool is_taken_out(const char *name)
{
    for (size_t i = 0; i < sizeof taken_out / sizeof *taken_out; i++) {
        if (strcmp(name, taken_out[i]) == 0) return true;
    }
    return false;
}

static df_code collect(variables *v, const PQconninfoOption *options, df_error *err)
{
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        if (!o->val || !*o->val) continue;
        if (strcmp(o->keyword, "sslpassword") == 0) {
            df_fail(err, DF_UNSUPPORTED,
                    "the key of the client's certificate has a password (sslpassword), which "
                    "PostgreSQL's tools take only on their command line");
            df_error_hint(err, "use a key without a password, readable by its owner alone");
            return DF_UNSUPPORTED;
        }
        if (o->envvar && !is_taken_out(o->envvar)) set(v, o->envvar, o->val);
    }
    return DF_OK;
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        if (strcmp(o->keyword, keyword) == 0 && o->val && *o->val) return o->val;
    }
    return NULL;
}

/* Of several hosts the one that answered. */
static void set_place(variables *v, const PGconn *db, const PQconninfoOption *options)
{
    const char *host = pq->host(db), *port = pq->port(db), *password = pq->pass(db);
    if (host && *host) set(v, "PGHOST", host);
    if (port && *port) set(v, "PGPORT", port);
    if (value_of(options, "hostaddr")) set(v, "PGHOSTADDR", pq->hostaddr(db));
    if (password && *password) set(v, "PGPASSWORD", password);
}

df_code pg_tool_access(df_conn *conn, df_arena *arena, df_tool_access *out, df_error *err)
{
    pg_conn *c = pg_of(conn);
    variables v = {.arena = arena};
    PQconninfoOption *options = pq->conninfo(c->db);
    if (!options) return df_fail(err, DF_NO_MEMORY, "not enough memory for a connection's settings");
    df_code code = collect(&v, options, err);
    set_place(&v, c->db, options);
    for (size_t i = 0; i < sizeof taken_out / sizeof *taken_out; i++)
        DF_PUSH(v.items, v.count, v.cap) = taken_out[i];
    DF_PUSH(v.items, v.count, v.cap) = NULL;
    const char **copy = df_arena_alloc(arena, v.count * sizeof *copy);
    memcpy(copy, v.items, v.count * sizeof *copy);
    out->environment = copy;
    out->database = df_arena_cstr(arena, df_str_from(pq->db(c->db)));
    free(v.items);
    pq->conninfoFree(options);
    return code;
}
