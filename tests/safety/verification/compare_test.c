/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing and printing snapshots: what a merge of sorted lines must notice, and which texts it must refuse.
 */
#include "safety/verification/verification.h"

#include "tap.h"

#include <stdlib.h>
#include <string.h>

/* "changed index public.t.i: old -> new" a line */
static const char *differences(const char *expected, const char *found, df_buf *out)
{
    df_arena arena = {0};
    df_migrate_difference *list;
    size_t count;
    df_error err = {0};
    df_buf_clear(out);
    df_code code = df_schema_compare(df_str_from(expected), df_str_from(found), &arena, &list, &count, &err);
    if (code != DF_OK) df_buf_printf(out, "%s: %s\n", df_code_name(code), err.message);
    for (size_t i = 0; code == DF_OK && i < count; i++)
        df_buf_printf(out, "%s %s %s: %s -> %s\n", list[i].change, list[i].kind, list[i].name,
                      list[i].expected ? list[i].expected : "none", list[i].found ? list[i].found : "none");
    df_arena_release(&arena);
    return df_buf_cstr(out);
}

static void compare(const char *expected, const char *found, const char *wanted, const char *what)
{
    df_buf out = {0};
    const char *got = differences(expected, found, &out);
    if (!check(strcmp(got, wanted) == 0, "%s", what)) {
        note("got    %s", got);
        note("wanted %s", wanted);
    }
    df_buf_release(&out);
}

#define TABLE  "[\"table\",\"public\",null,\"t\",\"TABLE\"]\n"
#define INDEX  "[\"index\",\"public\",\"t\",\"i\",\"USING btree (a)\"]\n"
#define UNIQUE "[\"index\",\"public\",\"t\",\"i\",\"UNIQUE btree (a)\"]\n"
#define OTHER  "[\"index\",\"public\",\"t\",\"j\",\"USING btree (a)\"]\n"
#define QUOTED "[\"table\",\"a,\\\"b\",null,\"x]\\\\\",\"line\\nline\"]\n"

static void comparing(void)
{
    compare("", "", "", "two empty schemas are equal");
    compare(INDEX TABLE, INDEX TABLE, "", "a schema is equal to itself");
    compare(TABLE, INDEX TABLE, "added index public.t.i: none -> USING btree (a)\n", "an object more");
    compare(INDEX TABLE, TABLE, "removed index public.t.i: USING btree (a) -> none\n", "an object less");
    compare(INDEX TABLE, UNIQUE TABLE, "changed index public.t.i: USING btree (a) -> UNIQUE btree (a)\n",
            "an object that is another now");
    compare(INDEX TABLE, OTHER TABLE,
            "removed index public.t.i: USING btree (a) -> none\nadded index public.t.j: none -> USING btree "
            "(a)\n",
            "a renamed one is gone and new");
    compare("", INDEX OTHER TABLE,
            "added index public.t.i: none -> USING btree (a)\nadded index public.t.j: none -> USING btree "
            "(a)\nadded table public.t: none -> TABLE\n",
            "everything is new");
    compare(QUOTED, "", "removed table a,\"b.x]\\: line\nline -> none\n",
            "names with quotes, brackets and commas");
}

static void refusing(void)
{
    static const char *const bad[] = {"nonsense\n",
                                      "[]\n",
                                      "[\"a\",\"b\",\"c\",\"d\"]\n",
                                      "[\"a\",null,null,\"d\",null]\n",
                                      "[\"a\",null,null,\"d\",\"e\",\"f\"]\n",
                                      "[\"a\",null,null,\"d\",\"e\"]",
                                      "[\"a\",null,null,\"d\",\"e\n",
                                      "[\"a\" ,null,null,\"d\",\"e\"]\n",
                                      "\n",
                                      TABLE INDEX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        df_buf out = {0};
        const char *got = differences(bad[i], TABLE, &out);
        check(strncmp(got, "corrupt: ", 9) == 0 && strstr(got, "recorded"), "not a snapshot: %zu", i + 1);
        got = differences(TABLE, bad[i], &out);
        check(strncmp(got, "corrupt: ", 9) == 0 && strstr(got, "live"),
              "not a snapshot, as the other one: %zu", i + 1);
        df_buf_release(&out);
    }
}

/* Every way of choosing objects for both sides, against the definition of a difference. */
static void exhaustive(void)
{
    enum { OBJECTS = 4, STATES = 3 }; /* absent, one definition, another */
    enum { ALL = 81 * 81 };
    size_t wrong = 0;
    df_buf a = {0}, b = {0}, wanted = {0}, out = {0};
    for (unsigned n = 0; n < ALL; n++) {
        unsigned rest = n;
        df_buf_clear(&a), df_buf_clear(&b), df_buf_clear(&wanted);
        for (unsigned o = 0; o < OBJECTS; o++) {
            unsigned x = rest % STATES, y = rest / STATES % STATES;
            rest /= STATES * STATES;
            if (x) df_buf_printf(&a, "[\"k\",null,null,\"%u\",\"d%u\"]\n", o, x);
            if (y) df_buf_printf(&b, "[\"k\",null,null,\"%u\",\"d%u\"]\n", o, y);
            if (x == y) continue;
            df_buf_printf(&wanted, "%s k %u: ", !x ? "added" : !y ? "removed" : "changed", o);
            df_buf_printf(&wanted, x ? "d%u -> " : "none -> ", x);
            df_buf_printf(&wanted, y ? "d%u\n" : "none\n", y);
        }
        wrong += strcmp(differences(df_buf_cstr(&a), df_buf_cstr(&b), &out), df_buf_cstr(&wanted)) != 0;
    }
    check(!wrong, "%d pairs of schemas with up to %d objects: %zu wrong", ALL, OBJECTS, wrong);
    df_buf_release(&a), df_buf_release(&b), df_buf_release(&wanted), df_buf_release(&out);
}

static df_code append(void *context, const char *text, size_t len, df_error *err)
{
    df_buf *out = context;
    if (out->len > 1000) return df_fail(err, DF_CANCELLED, "enough");
    df_buf_add(out, text, len);
    return DF_OK;
}

static void printing(void)
{
    df_buf out = {0}, many = {0};
    df_error err = {0};
    df_code code = df_schema_print(df_str_from(INDEX QUOTED), append, &out, &err);
    check(code == DF_OK &&
              strcmp(df_buf_cstr(&out),
                     "index public.t.i: USING btree (a)\n\ntable a,\"b.x]\\:\nline\nline\n\n") == 0,
          "a paragraph an object");
    for (int i = 0; i < 1000; i++) df_buf_printf(&many, "[\"k\",null,null,\"%04d\",\"definition\"]\n", i);
    df_buf_clear(&out);
    code = df_schema_print(df_buf_str(&many), append, &out, &err);
    check(code == DF_CANCELLED && strcmp(err.message, "enough") == 0, "whoever is written to may stop it");
    check(df_schema_print(DF_STR("x\n"), append, &out, &err) == DF_CORRUPT,
          "what is no snapshot is not printed");
    df_buf_release(&out);
    df_buf_release(&many);
}

int main(void)
{
    comparing();
    refusing();
    exhaustive();
    printing();
    return tap_done();
}
