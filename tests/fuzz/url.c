/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: database URLs (and the SQL scanner, whose input is as short).
 * Nothing is connected to. */
#include "engine/url.h"
#include "engine/engine.h"
#include "sql/sql.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds) abort();
}

static void try_url(const char *url)
{
    df_error err;
    df_arena arena = {0};
    df_url parsed;
    df_buf shown = {0}, rest = {0}, twice = {0};
    const char *engine = NULL, *value;

    df_code code = df_url_check(url, &engine, &shown, &err);
    expect(code == DF_OK || code == DF_USAGE);
    df_buf_clear(&shown);
    df_url_mask(url, &shown);
    df_url_mask(df_buf_cstr(&shown), &twice);
    expect(strlen(df_buf_cstr(&twice)) <= strlen(df_buf_cstr(&shown)) + 3 * strlen(url) + 3);

    /* Whatever is taken for the password may not be shown, unless it also stands
     * elsewhere. */
    code = df_url_parse(url, &arena, &parsed, &err);
    expect(code == DF_OK || code == DF_USAGE);
    if (code == DF_OK) {
        expect(parsed.path != NULL && parsed.port <= 65535);
        for (size_t i = 0; i < parsed.n_params; i++) expect(parsed.params[i].name && parsed.params[i].value);
        bool file = df_str_is(df_url_scheme(url), "sqlite"); /* a name that may hold ':' and '@', and no password */
        if (parsed.password && *parsed.password && !file) expect(strstr(df_buf_cstr(&shown), "***") != NULL);
    }
    code = df_url_take_param(url, "schema", &arena, &rest, &value, &err);
    expect(code == DF_OK || code == DF_USAGE);
    expect(strlen(df_buf_cstr(&rest)) <= strlen(url));
    code = df_url_check_authority(url, &err);
    expect(code == DF_OK || code == DF_USAGE);
    df_buf_release(&shown);
    df_buf_release(&rest);
    df_buf_release(&twice);
    df_arena_release(&arena);
}

static void try_sql(df_str sql)
{
    for (unsigned flags = 0; flags < 32; flags++) {
        df_sql_dialect dialect = {.backslash = flags & 1, .escape_strings = flags & 2, .backtick = flags & 4,
                                  .bracket = flags & 16, .hash_comment = flags & 8};
        for (size_t p = 0; (p = df_sql_next_param(&dialect, sql, p)) < sql.len; p++)
            expect(sql.ptr[p] == '?');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* exactly as long as it is, so that reading beyond is seen */
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    try_url(text);
    char *unterminated = malloc(size ? size : 1);
    if (unterminated) {
        memcpy(unterminated, data, size);
        try_sql((df_str){unterminated, size});
    }
    free(unterminated);
    free(text);
    return 0;
}
