/* SPDX-License-Identifier: Apache-2.0 */
/* Routing tables: who of a cluster takes which work. */
#include "engine/neo4j/bolt_int.h"

#include <stdio.h>

enum { ROUTE_MS = 30000, TTL_MOST_S = 24 * 3600, DEFAULT_PORT = 7687 };

typedef struct table {
    df_arena *arena;
    bolt_route *routes;
    size_t count, room;
} table;

static void ask(bolt *b, const char *database, const char *const *bookmarks)
{
    df_buf *out = bolt_message_begin(b, BOLT_ROUTE, 3);
    ps_put_dict(out, 0);
    bolt_put_bookmarks(out, bookmarks);
    ps_put_dict(out, database ? 1 : 0);
    if (database) {
        ps_put_text(out, "db");
        ps_put_text(out, database);
    }
    bolt_message_end(b, BOLT_ROUTE);
}

static df_code damaged(df_error *err)
{
    return df_fail(err, DF_CORRUPT, "the server's routing table is damaged");
}

/* "host:port", "[::1]:port", "host" */
static bool split_address(df_str address, bolt_route *out)
{
    df_str host = address, port = DF_STR_NONE;
    if (address.len && address.ptr[0] == '[') {
        const char *close = memchr(address.ptr, ']', address.len);
        if (!close) return false;
        host = (df_str){address.ptr + 1, (size_t)(close - address.ptr) - 1};
        port = df_str_skip(address, host.len + 2);
    } else {
        const char *colon = memrchr(address.ptr, ':', address.len);
        if (colon) host.len = (size_t)(colon - address.ptr), port = df_str_skip(address, host.len);
    }
    int64_t number = DEFAULT_PORT;
    if (port.len && (port.ptr[0] != ':' || !df_str_int64(df_str_skip(port, 1), &number))) return false;
    if (!host.len || host.len >= sizeof out->host || number <= 0 || number > UINT16_MAX) return false;
    if (memchr(host.ptr, '\0', host.len)) return false;
    memcpy(out->host, host.ptr, host.len);
    out->host[host.len] = '\0';
    out->port = (unsigned)number;
    return true;
}

static bool role_of(df_str name, bolt_role *out)
{
    if (df_str_is(name, "ROUTE")) return *out = BOLT_ROLE_ROUTE, true;
    if (df_str_is(name, "READ")) return *out = BOLT_ROLE_READ, true;
    if (df_str_is(name, "WRITE")) return *out = BOLT_ROLE_WRITE, true;
    return false;
}

static void add_route(table *t, const bolt_route *route)
{
    if (t->count == t->room) {
        size_t room = t->room ? t->room * 2 : 8;
        bolt_route *grown = df_arena_alloc(t->arena, room * sizeof *grown);
        if (t->count) memcpy(grown, t->routes, t->count * sizeof *grown);
        t->routes = grown;
        t->room = room;
    }
    t->routes[t->count++] = *route;
}

/* {addresses: […], role: "…"}; a role that is not known is passed over. */
static df_code take_server(ps_reader *reader, table *t, df_error *err)
{
    ps_reader inside, addresses, role;
    ps_item head, item;
    bool there, named;
    bolt_route route = {0};
    inside = *reader;
    DF_TRY(ps_skip(reader, err));
    DF_TRY(ps_read(&inside, &head, err));
    if (head.type != PS_DICT) return damaged(err);
    DF_TRY(ps_find(inside, head.count, "addresses", &addresses, &there, err));
    DF_TRY(ps_find(inside, head.count, "role", &role, &named, err));
    if (!there || !named) return damaged(err);
    DF_TRY(ps_read(&role, &item, err));
    if (item.type != PS_STRING) return damaged(err);
    if (!role_of(item.s, &route.role)) return DF_OK;
    DF_TRY(ps_read(&addresses, &head, err));
    if (head.type != PS_LIST) return damaged(err);
    for (uint32_t i = 0; i < head.count; i++) {
        DF_TRY(ps_read(&addresses, &item, err));
        if (item.type != PS_STRING || !split_address(item.s, &route)) return damaged(err);
        add_route(t, &route);
    }
    return DF_OK;
}

static df_code take_table(df_str metadata, table *t, int64_t *ttl_ms, df_error *err)
{
    ps_reader reader = {metadata, 0}, rt, value;
    ps_item head, item;
    bool found;
    DF_TRY(ps_read(&reader, &head, err));
    if (head.type != PS_DICT) return damaged(err);
    DF_TRY(ps_find(reader, head.count, "rt", &rt, &found, err));
    if (!found) return damaged(err);
    DF_TRY(ps_read(&rt, &head, err));
    if (head.type != PS_DICT) return damaged(err);
    DF_TRY(ps_find(rt, head.count, "ttl", &value, &found, err));
    if (!found) return damaged(err);
    DF_TRY(ps_read(&value, &item, err));
    if (item.type != PS_INT || item.i < 0) return damaged(err);
    *ttl_ms = (item.i < TTL_MOST_S ? item.i : TTL_MOST_S) * 1000;
    DF_TRY(ps_find(rt, head.count, "servers", &value, &found, err));
    if (!found) return damaged(err);
    DF_TRY(ps_read(&value, &item, err));
    if (item.type != PS_LIST) return damaged(err);
    for (uint32_t i = 0; i < item.count; i++) DF_TRY(take_server(&value, t, err));
    return DF_OK;
}

df_code bolt_routes(bolt *b, const char *database, const char *const *bookmarks, df_arena *arena,
                    bolt_route **out, size_t *count, int64_t *ttl_ms, df_error *err)
{
    bolt_message reply;
    table t = {.arena = arena};
    if (bolt_pending(b))
        return df_fail(err, DF_BUG, "a routing table was asked for while replies were pending");
    ask(b, database, bookmarks);
    DF_TRY(bolt_receive(b, bolt_clock() + ROUTE_MS, &reply, err));
    if (reply.kind == BOLT_SUCCESS) {
        DF_TRY(take_table(reply.body, &t, ttl_ms, err));
        *out = t.routes;
        *count = t.count;
        return DF_OK;
    }
    df_code code = reply.kind == BOLT_FAILURE ? bolt_error(reply.body, err)
                                              : df_fail(err, DF_FAILED, "%s ignored ROUTE", b->socket.peer);
    df_code reset = bolt_reset(b, NULL);
    (void)reset; /* bolt_lost tells */
    return code;
}
