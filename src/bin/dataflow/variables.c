/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Databases whose users are used to name them by several variables: address, user, password and database apart. They stand in
 * where nothing else names a database, and give its credentials to a URL that has none.
 */
#include "commands.h"

#include "engine/engine.h"

#include <stdlib.h>

typedef struct variables {
    const char *engine;
    const char *address, *user, *password, *database; /* names of variables */
    const char *default_address, *default_user;
} variables;

static const variables families[] = {
    {"neo4j", "NEO4J_URI", "NEO4J_USERNAME", "NEO4J_PASSWORD", "NEO4J_DATABASE", "bolt://localhost:7687", "neo4j"},
};
enum { N_FAMILIES = sizeof families / sizeof *families };

static const char *value_of(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static void put_encoded(df_buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || strchr("-._~", c);
        if (plain)
            df_buf_char(out, (char)c);
        else
            df_buf_printf(out, "%%%02X", c);
    }
}

/* Where scheme, authority, path and query of a URL begin and end. */
typedef struct pieces {
    df_str scheme, authority, path, query; /* scheme with "://"; path with its '/', query with its '?' */
} pieces;

static bool take_apart(const char *url, pieces *out)
{
    const char *slashes = strstr(url, "://");
    if (!slashes) return false;
    const char *begin = slashes + 3, *query = strpbrk(begin, "?#"), *end = url + strlen(url);
    if (!query) query = end;
    const char *slash = memchr(begin, '/', (size_t)(query - begin)), *path = slash ? slash : query;
    *out = (pieces){.scheme = {url, (size_t)(begin - url)}, .authority = {begin, (size_t)(path - begin)},
                    .path = {path, (size_t)(query - path)}, .query = {query, (size_t)(end - query)}};
    return true;
}

/* The URL with what the variables say and it does not. NULL when it is no URL with an authority. */
static const char *complete(cli_context *cli, const variables *v, const char *url)
{
    pieces p;
    if (!take_apart(url, &p)) return NULL;
    const char *user = value_of(v->user), *password = value_of(v->password), *database = value_of(v->database);
    bool anonymous = !memchr(p.authority.ptr, '@', p.authority.len) && !memmem(p.query.ptr, p.query.len, "auth=", 5);
    df_buf out = {0};
    df_buf_str_add(&out, p.scheme);
    if (anonymous && (user || password)) {
        put_encoded(&out, user ? user : v->default_user);
        if (password) {
            df_buf_char(&out, ':');
            put_encoded(&out, password);
        }
        df_buf_char(&out, '@');
    }
    df_buf_str_add(&out, p.authority);
    if (database && p.path.len <= 1 && !memmem(p.query.ptr, p.query.len, "database=", 9)) {
        df_buf_char(&out, '/');
        put_encoded(&out, database);
    } else {
        df_buf_str_add(&out, p.path);
    }
    df_buf_str_add(&out, p.query);
    const char *whole = df_arena_cstr(&cli->arena, df_buf_str(&out));
    df_buf_release(&out);
    return whole;
}

const char *url_of_variables(cli_context *cli)
{
    for (size_t i = 0; i < N_FAMILIES; i++) {
        const variables *v = &families[i];
        const char *address = value_of(v->address);
        if (!address && !value_of(v->password) && !value_of(v->user)) continue;
        const char *url = complete(cli, v, address ? address : v->default_address);
        return url ? url : address;
    }
    return NULL;
}

const char *url_with_credentials(cli_context *cli, const char *url)
{
    const char *engine;
    if (df_url_check(url, &engine, NULL, NULL) != DF_OK) return url;
    for (size_t i = 0; i < N_FAMILIES; i++) {
        const char *whole = strcmp(engine, families[i].engine) == 0 ? complete(cli, &families[i], url) : NULL;
        if (whole) return whole;
    }
    return url;
}
