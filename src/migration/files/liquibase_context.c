/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contexts of Liquibase: `prod and !slow`, `test, dev`, `(a or b) and c`. The environment that a run is for is
 * the one context it has; without an expression a changeset is for all.
 */
#include "migration/files/files_int.h"

#include <string.h>

enum { DEEPEST = 64 };

typedef struct expression {
    const mf_set *s;
    df_str rest;
    int depth;
} expression;

static bool any_of(expression *e);

/* A word up to a blank, a comma, a bracket or an exclamation mark; absent where none stands. */
static df_str next_word(const expression *e)
{
    size_t n = 0;
    while (n < e->rest.len && !strchr(" \t,()!", e->rest.ptr[n])) n++;
    return (df_str){e->rest.ptr, n};
}

static bool take(expression *e, const char *token)
{
    size_t n = strlen(token);
    e->rest = mf_trim(e->rest);
    bool letters = mf_is_letter(token[0]);
    if (letters ? !mf_same(next_word(e), token) : !df_str_starts(e->rest, df_str_from(token))) return false;
    e->rest = mf_trim(df_str_skip(e->rest, n));
    return true;
}

static bool one(expression *e);

static bool inside(expression *e, bool bracket)
{
    if (++e->depth > DEEPEST) e->rest.len = 0; /* nobody writes that: the rest does not count */
    bool holds = bracket ? any_of(e) : !one(e);
    e->depth--;
    if (bracket) (void)take(e, ")");
    return holds;
}

static bool one(expression *e)
{
    if (take(e, "!") || take(e, "not")) return inside(e, false);
    if (take(e, "(")) return inside(e, true);
    df_str word = next_word(e);
    e->rest = df_str_skip(e->rest, word.len ? word.len : e->rest.len);
    if (df_str_starts(word, DF_STR("@"))) word = df_str_skip(word, 1);
    return mf_is_environment(e->s, word);
}

static bool all_of(expression *e)
{
    bool holds = one(e);
    while (take(e, "and")) holds = one(e) && holds;
    return holds;
}

static bool any_of(expression *e)
{
    bool holds = all_of(e);
    while (take(e, ",") || take(e, "or")) holds = all_of(e) || holds;
    return holds;
}

bool mf_is_context(const mf_set *s, df_str contexts)
{
    expression e = {.s = s, .rest = mf_trim(contexts)};
    return !e.rest.len || any_of(&e);
}
