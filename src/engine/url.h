/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing database URLs; what the drivers share. No message made here holds any part of a password. */
#ifndef DF_ENGINE_URL_H
#define DF_ENGINE_URL_H

#include "base/buf.h"
#include "base/error.h"

typedef struct df_url_param {
    const char *name, *value; /* decoded; `_` in names is `-` */
} df_url_param;

/* scheme://user:password@host:port/path?name=value&… ; all strings decoded, in the caller's arena. */
typedef struct df_url {
    const char *user, *password, *host; /* NULL when not given */
    unsigned port;                      /* 0 when not given */
    const char *path;                   /* without the slash before it; "" when there is none */
    df_url_param *params;
    size_t n_params;
} df_url;

/* The part before the first ':', empty when it is not a scheme's name. */
df_str df_url_scheme(const char *url);

/* Appends the URL with its secrets replaced by "***". Works for every text; never fails. */
void df_url_mask(const char *url, df_buf *out);

/* Parses a URL with an authority. DF_USAGE says what is wrong, and never quotes what could be a password. */
DF_MUST_USE df_code df_url_parse(const char *url, df_arena *arena, df_url *out, df_error *err);

/* Parses "name=value&name=value" (without the '?'); see df_url_parse. */
DF_MUST_USE df_code df_url_params(df_str query, df_arena *arena, df_url *out, df_error *err);

/* Copies a URL without the parameter `name`; *value gets its decoded value (in `arena`), or NULL. */
DF_MUST_USE df_code df_url_take_param(const char *url, const char *name, df_arena *arena, df_buf *out,
                                      const char **value, df_error *err);

/*
 * DF_USAGE when an '@' stands where it is probably part of a password that should have been encoded:
 * a client library would take a piece of that password for a host, and put it into its message.
 */
DF_MUST_USE df_code df_url_check_authority(const char *url, df_error *err);

/* DF_USAGE naming the parameter, which is not known to `engine`. */
df_code df_url_unknown_param(const df_url_param *param, const char *engine, const char *known, df_error *err);

/* A whole number between min and max; DF_USAGE otherwise. */
DF_MUST_USE df_code df_url_number(const df_url_param *param, int64_t min, int64_t max, int64_t *out,
                                  df_error *err);

#endif
