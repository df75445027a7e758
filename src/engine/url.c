/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/url.h"

#include "base/uri.h"

#include <stdlib.h>

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

df_str df_url_scheme(const char *url)
{
    size_t len = 0;
    while (is_name_char(url[len]) || url[len] == '+') len++;
    return url[len] == ':' ? (df_str){url, len} : (df_str){url, 0};
}

/* ---- masking ---- */

static const char *find(const char *from, const char *to, char c)
{
    return from < to ? memchr(from, c, (size_t)(to - from)) : NULL;
}

static const char *find_last(const char *from, const char *to, char c)
{
    return from < to ? memrchr(from, c, (size_t)(to - from)) : NULL;
}

/* Whether every piece between the ampersands is name=value. */
static bool is_query(const char *from, const char *to)
{
    while (from < to) {
        const char *end = find(from, to, '&'), *name = from;
        if (!end) end = to;
        if (from == end) { /* "a=b&&c=d" */
            from++;
            continue;
        }
        while (name < end && (is_name_char(*name) || *name == '%')) name++;
        if (name == from || name == end || *name != '=') return false;
        from = end < to ? end + 1 : to;
    }
    return true;
}

static bool is_digits(const char *from, const char *to)
{
    while (from < to && ((*from >= '0' && *from <= '9') || *from == ',')) from++;
    return from == to;
}

typedef struct span {
    const char *from, *to; /* from NULL: nothing */
} span;

/*
 * Where the password of the authority lies. People forget to encode, so that '@', '/' and '?' may be
 * part of it: in doubt too much is masked.
 */
static span password_of(const char *authority, const char *end)
{
    span none = {NULL, NULL};
    const char *query = find(authority, end, '?');
    if (query && !is_query(query + 1, end)) query = NULL;
    const char *limit = query ? query : end;
    const char *slash = find(authority, limit, '/');
    const char *colon = find(authority, limit, ':'), *first_at = find(authority, limit, '@');
    if (!first_at && query && colon && !is_digits(colon + 1, slash ? slash : limit) && *authority != '[') {
        limit = end; /* user:pass?word=x@host */
        first_at = find(authority, limit, '@');
    }
    if (!first_at) return none;
    if (!colon || colon > first_at) return none;
    const char *last_at = find_last(authority, limit, '@');
    return (span){colon + 1, last_at};
}

static bool is_secret_name(df_str name)
{
    df_buf decoded = {0};
    df_percent_decode(&decoded, name);
    for (size_t i = 0; i < decoded.len; i++) {
        if (decoded.ptr[i] >= 'A' && decoded.ptr[i] <= 'Z') decoded.ptr[i] = (char)(decoded.ptr[i] + 32);
    }
    const char *text = df_buf_cstr(&decoded);
    bool secret =
        strstr(text, "pass") || strstr(text, "pwd") || strstr(text, "secret") || strstr(text, "token");
    if (strcmp(text, "passfile") == 0) secret = false; /* a path, and good to see */
    df_buf_release(&decoded);
    return secret;
}

static void mask_query(const char *from, const char *end, df_buf *out)
{
    while (from < end) {
        const char *next = find(from, end, '&'), *equals;
        if (!next) next = end;
        equals = find(from, next, '=');
        if (equals && is_secret_name((df_str){from, (size_t)(equals - from)})) {
            df_buf_add(out, from, (size_t)(equals + 1 - from));
            df_buf_text(out, "***");
        } else {
            df_buf_add(out, from, (size_t)(next - from));
        }
        if (next < end) df_buf_char(out, '&');
        from = next < end ? next + 1 : end;
    }
}

void df_url_mask(const char *url, df_buf *out)
{
    const char *end = url + strlen(url), *from = url;
    const char *slashes = strstr(url, "://"); /* also behind what is no scheme: any text may come here */
    if (slashes && !df_str_is(df_url_scheme(url), "sqlite")) {
        span password = password_of(slashes + 3, end);
        if (password.from) {
            df_buf_add(out, from, (size_t)(password.from - from));
            df_buf_text(out, "***");
            from = password.to;
        }
    }
    const char *query = find(from, end, '?');
    if (!query) query = end;
    df_buf_add(out, from, (size_t)(query - from));
    if (query == end) return;
    df_buf_char(out, '?');
    mask_query(query + 1, end, out);
}

/* ---- parsing ---- */

static df_code decode(df_arena *arena, const char *from, const char *to, const char **out, df_error *err)
{
    df_buf decoded = {0};
    df_percent_decode(&decoded, (df_str){from, (size_t)(to - from)});
    df_str s = df_buf_str(&decoded);
    bool has_nul = memchr(s.ptr, '\0', s.len) != NULL;
    *out = df_arena_cstr(arena, s);
    df_buf_release(&decoded);
    return has_nul ? df_fail(err, DF_USAGE, "the database URL contains %%00") : DF_OK;
}

df_code df_url_params(df_str query, df_arena *arena, df_url *out, df_error *err)
{
    const char *from = query.ptr, *end = query.ptr + query.len;
    size_t count = 1;
    for (const char *p = from; p < end; p++) count += *p == '&';
    out->params = df_arena_zalloc(arena, count * sizeof *out->params);
    out->n_params = 0;
    while (from < end) {
        const char *next = find(from, end, '&'), *equals;
        if (!next) next = end;
        if (from == next) {
            from++;
            continue;
        }
        if (!is_query(from, next)) {
            return df_fail(err, DF_USAGE,
                           "what follows '?' in the database URL is not name=value&name=value");
        }
        equals = find(from, next, '=');
        const char *name;
        DF_TRY(decode(arena, from, equals, &name, err));
        char *dashed = df_arena_cstr(arena, df_str_from(name));
        for (char *p = dashed; *p; p++) {
            if (*p == '_') *p = '-';
        }
        df_url_param *param = &out->params[out->n_params++];
        param->name = dashed;
        DF_TRY(decode(arena, equals + 1, next, &param->value, err));
        from = next < end ? next + 1 : end;
    }
    return DF_OK;
}

df_code df_url_check_authority(const char *url, df_error *err)
{
    const char *authority = strstr(url, "://");
    if (!authority) return df_fail(err, DF_USAGE, "the database URL has no \"//\" after its scheme");
    authority += 3;
    const char *end = authority + strlen(authority);
    const char *stop = authority + strcspn(authority, "/?");
    const char *query = find(authority, end, '?');
    if (query && !is_query(query + 1, end)) query = NULL;
    span password = password_of(authority, end);
    bool doubtful = find(stop, query ? query : end, '@') != NULL || (password.from && password.to > stop);
    const char *at = find(authority, stop, '@');
    if (at && find(at + 1, stop, '@')) doubtful = true;
    if (!doubtful) return DF_OK;
    df_fail(err, DF_USAGE, "the database URL has an '@' in a place where it is ambiguous");
    df_error_hint(err, "in user, password and database write @ as %%40, / as %%2F, ? as %%3F and %% as %%25");
    return DF_USAGE;
}

static df_code parse_host(const char *from, const char *to, df_arena *arena, df_url *out, df_error *err)
{
    const char *port = NULL, *host_end = to;
    if (from < to && *from == '[') {
        const char *close = find(from, to, ']');
        if (!close) return df_fail(err, DF_USAGE, "the database URL has '[' without ']' around its host");
        host_end = close;
        from++;
        if (close + 1 < to) {
            if (close[1] != ':')
                return df_fail(err, DF_USAGE, "the database URL has text behind the host's ']'");
            port = close + 2;
        }
    } else {
        const char *colon = find(from, to, ':');
        if (colon) host_end = colon, port = colon + 1;
    }
    if (host_end > from) DF_TRY(decode(arena, from, host_end, &out->host, err));
    if (!port || port == to) return DF_OK;
    int64_t number;
    if (!df_str_int64((df_str){port, (size_t)(to - port)}, &number) || number < 1 || number > 65535) {
        return df_fail(err, DF_USAGE, "the port in the database URL is not a number between 1 and 65535");
    }
    out->port = (unsigned)number;
    return DF_OK;
}

df_code df_url_parse(const char *url, df_arena *arena, df_url *out, df_error *err)
{
    *out = (df_url){.path = ""};
    DF_TRY(df_url_check_authority(url, err));
    const char *authority = strstr(url, "://") + 3, *end = url + strlen(url);
    const char *stop = authority + strcspn(authority, "/?");
    const char *at = find_last(authority, stop, '@');
    if (at) {
        const char *colon = find(authority, at, ':');
        DF_TRY(decode(arena, authority, colon ? colon : at, &out->user, err));
        if (colon) DF_TRY(decode(arena, colon + 1, at, &out->password, err));
    }
    DF_TRY(parse_host(at ? at + 1 : authority, stop, arena, out, err));
    const char *query = find(stop, end, '?');
    if (*stop == '/') DF_TRY(decode(arena, stop + 1, query ? query : end, &out->path, err));
    return query ? df_url_params((df_str){query + 1, (size_t)(end - query - 1)}, arena, out, err) : DF_OK;
}

df_code df_url_take_param(const char *url, const char *name, df_arena *arena, df_buf *out, const char **value,
                          df_error *err)
{
    *value = NULL;
    const char *query = strchr(url, '?'), *end = url + strlen(url);
    if (!query) {
        df_buf_text(out, url);
        return DF_OK;
    }
    df_buf_add(out, url, (size_t)(query - url));
    char separator = '?';
    for (const char *from = query + 1; from < end;) {
        const char *next = find(from, end, '&');
        if (!next) next = end;
        const char *equals = find(from, next, '=');
        if (equals && df_str_is((df_str){from, (size_t)(equals - from)}, name)) {
            DF_TRY(decode(arena, equals + 1, next, value, err));
        } else {
            df_buf_char(out, separator);
            df_buf_add(out, from, (size_t)(next - from));
            separator = '&';
        }
        from = next < end ? next + 1 : end;
    }
    return DF_OK;
}

df_code df_url_unknown_param(const df_url_param *param, const char *engine, const char *known, df_error *err)
{
    df_fail(err, DF_USAGE, "%s URLs have no parameter \"%s\"", engine, param->name);
    df_error_hint(err, "known are: %s", known);
    return DF_USAGE;
}

df_code df_url_number(const df_url_param *param, int64_t min, int64_t max, int64_t *out, df_error *err)
{
    if (df_str_int64(df_str_from(param->value), out) && *out >= min && *out <= max) return DF_OK;
    return df_fail(err, DF_USAGE, "\"%s\" in the database URL is not a number between %lld and %lld",
                   param->name, (long long)min, (long long)max);
}
