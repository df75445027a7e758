/* SPDX-License-Identifier: Apache-2.0 */
/* Versions, names, durations: how they are read, and that the order is one. */
#include "folder.h"
#include "migration/files/files_int.h"

#include "base/clock.h"

static uint64_t state = 88172645463325252u; /* printed with a failure: the run is the same each time */

static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 11) % below;
}

static int compare(const char *a, const char *b)
{
    int order = df_version_compare(df_str_from(a), df_str_from(b));
    return (order > 0) - (order < 0);
}

static void ordering(void)
{
    static const char *const rising[] = {"0",
                                         "1",
                                         "2",
                                         "9",
                                         "10",
                                         "11",
                                         "99.9",
                                         "100",
                                         "1000000",
                                         "20170309122510",
                                         "2017-09-23-182408",
                                         "20170923182409",
                                         "20240101120000",
                                         "20150100000001000000"};
    for (size_t i = 0; i + 1 < sizeof rising / sizeof *rising; i++)
        check(compare(rising[i], rising[i + 1]) < 0 && compare(rising[i + 1], rising[i]) > 0,
              "%s comes before %s", rising[i], rising[i + 1]);
    static const char *const parts[] = {"1.2.3-alpha", "1.2.3-alpha.1", "1.2.3-beta", "1.2.3-rc.2",
                                        "1.2.3-rc.10", "1.2.3",         "1.2.4",      "1.9",
                                        "1.10",        "1.10.1",        "2",          "2.1"};
    for (size_t i = 0; i + 1 < sizeof parts / sizeof *parts; i++)
        check(compare(parts[i], parts[i + 1]) < 0, "%s comes before %s", parts[i], parts[i + 1]);
    static const char *const equal[][2] = {{"9", "009"},
                                           {"9", "9.0"},
                                           {"1.2", "1_2"},
                                           {"v1.2", "1.2"},
                                           {"1.2+build", "1.2"},
                                           {"0", "000.0"},
                                           {"2017-09-23-182408", "20170923182408"},
                                           {"2017-09-23", "20170923000000"}};
    for (size_t i = 0; i < sizeof equal / sizeof *equal; i++)
        check(compare(equal[i][0], equal[i][1]) == 0, "%s is %s", equal[i][0], equal[i][1]);
    check(compare("2026-05-27-120000", "2026-05-27-120000-0000") < 0,
          "a counter behind a time tells two of one second apart");
    check(compare("2026-05-27-120000-0001", "2026-05-27-120001") < 0, "and stays within its second");
}

static const char *random_version(char out[64])
{
    static const char *const pieces[] = {
        "0", "1", "01", "9", "10", "20170923182408", "a", "rc", "99999999999999999999999", "2017"};
    static const char *const separators[] = {".", "_", "-", ".", "."};
    size_t n = 1 + draw(4);
    out[0] = '\0';
    if (draw(6) == 0) snprintf(out, 64, "20%02u-%02u-%02u-%06u", draw(30), 1 + draw(2), 1 + draw(2), draw(2));
    for (size_t i = 0; i < n && !(i == 0 && out[0]); i++) {
        size_t used = strlen(out);
        snprintf(out + used, 64 - used, "%s%s", used ? separators[draw(5)] : "", pieces[draw(10)]);
    }
    return out;
}

/* What qsort and the hash maps need: irreflexive, asymmetric, transitive, and equal keys for equal versions
 * alone. */
static void strict_weak_order(void)
{
    enum { VERSIONS = 120 };
    static char texts[VERSIONS][64];
    size_t wrong = 0;
    df_buf a = {0}, b = {0};
    uint64_t seed = state;
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < VERSIONS; i++) random_version(texts[i]);
        for (size_t i = 0; i < VERSIONS; i++)
            for (size_t j = 0; j < VERSIONS; j++) {
                int order = compare(texts[i], texts[j]);
                bool bad = order != -compare(texts[j], texts[i]) || (i == j && order);
                df_buf_clear(&a);
                df_buf_clear(&b);
                mf_version_key(df_str_from(texts[i]), &a);
                mf_version_key(df_str_from(texts[j]), &b);
                bad |= df_str_eq(df_buf_str(&a), df_buf_str(&b)) != (order == 0);
                if (bad && !wrong++)
                    note("seed %llu: \"%s\" and \"%s\"", (unsigned long long)seed, texts[i], texts[j]);
                for (size_t k = 0; k < VERSIONS; k += 7) {
                    bool chain = order <= 0 && compare(texts[j], texts[k]) <= 0;
                    if (chain && compare(texts[i], texts[k]) > 0 && !wrong++)
                        note("seed %llu: \"%s\" <= \"%s\" <= \"%s\"", (unsigned long long)seed, texts[i],
                             texts[j], texts[k]);
                }
            }
    }
    check(wrong == 0, "comparing is a strict weak order, and equal versions have equal keys");
    df_buf_release(&a);
    df_buf_release(&b);
}

static void names(void)
{
    static const struct {
        const char *file;
        mf_class cls;
        mf_role role;
        const char *id, *version, *name;
    } cases[] = {
        {"001_add_users.sql", MF_SINGLE, MF_BOTH, "001_add_users", "001", "add_users"},
        {"20240131120000_init.sql", MF_SINGLE, MF_BOTH, "20240131120000_init", "20240131120000", "init"},
        {"1.2.3_name.sql", MF_SINGLE, MF_BOTH, "1.2.3_name", "1.2.3", "name"},
        {"1.2.3-rc.1_name.sql", MF_SINGLE, MF_BOTH, "1.2.3-rc.1_name", "1.2.3-rc.1", "name"},
        {"0001-create-team.sql", MF_SINGLE, MF_BOTH, "0001-create-team", "0001", "create-team"},
        {"001_2fa.sql", MF_SINGLE, MF_BOTH, "001_2fa", "001", "2fa"},
        {"001-2.sql", MF_SINGLE, MF_BOTH, "001-2", "001", "2"},
        {"7.sql", MF_SINGLE, MF_BOTH, "7", "7", ""},
        {"2017-09-23-182408_x.sql", MF_SINGLE, MF_BOTH, "2017-09-23-182408_x", "2017-09-23-182408", "x"},
        {"000001_users.up.sql", MF_PAIR, MF_UP, "000001_users", "000001", "users"},
        {"000001_users.down.sql", MF_PAIR, MF_DOWN, "000001_users", "000001", "users"},
        {"000001_a.b.up.sql", MF_PAIR, MF_UP, "000001_a.b", "000001", "a.b"},
        {"2015_x.autocommit.up.sql", MF_PAIR, MF_UP, "2015_x", "2015", "x"},
        {"2015_x.sqlite3.down.sql", MF_PAIR, MF_DOWN, "2015_x", "2015", "x"},
        {"2015_x.postgres.autocommit.up.sql", MF_PAIR, MF_UP, "2015_x", "2015", "x"},
        {"2015_x.autocommit.mysql.up.sql", MF_PAIR, MF_UP, "2015_x", "2015", "x"},
        {"001.do.add-users.sql", MF_PAIR, MF_UP, "001.do.add-users", "001", "add-users"},
        {"001.undo.add-users.sql", MF_PAIR, MF_DOWN, "001.undo.add-users", "001", "add-users"},
        {"001.do.sql", MF_PAIR, MF_UP, "001.do", "001", ""},
        {"001.undo.sql", MF_PAIR, MF_DOWN, "001", "001", ""},
        {"001_do.sql", MF_SINGLE, MF_BOTH, "001_do", "001", "do"},
        {"001.domains.sql", MF_SINGLE, MF_BOTH, "001.domains", "001", "domains"},
        {"001_a.rollback.sql", MF_BESIDE, MF_DOWN, "001_a", "001", "a"},
        {"001_a.undo.sql", MF_BESIDE, MF_DOWN, "001_a", "001", "a"},
        {"001_scale_up.sql", MF_SINGLE, MF_BOTH, "001_scale_up", "001", "scale_up"},
        {"V1__init.sql", MF_FLYWAY_V, MF_UP, "V1__init", "1", "init"},
        {"V1_10__a__b.sql", MF_FLYWAY_V, MF_UP, "V1_10__a__b", "1.10", "a__b"},
        {"V2.1__x.sql", MF_FLYWAY_V, MF_UP, "V2.1__x", "2.1", "x"},
        {"U1_10__a.sql", MF_FLYWAY_V, MF_DOWN, "U1_10__a", "1.10", "a"},
        {"B7__base.sql", MF_FLYWAY_V, MF_UP, "B7__base", "7", "base"},
        {"V0001.Initial_Schema.up.sql", MF_AUTHELIA_V, MF_UP, "V0001.Initial_Schema", "0001",
         "Initial_Schema"},
        {"R__views.sql", MF_REPEATABLE, MF_BOTH, "R__views", "", "views"},
        {"R_views.sql", MF_REPEATABLE, MF_BOTH, "R_views", "", "views"},
        {"00002_rename.go", MF_CODE, MF_BOTH, "", "00002", "rename"},
        {"1391877300255_x.js", MF_CODE, MF_BOTH, "", "1391877300255", "x"},
        {"V57__Backfill.java", MF_CODE, MF_UP, "V57__Backfill", "57", "Backfill"},
    };
    static const char *const none[] = {
        "schema.sql", "001add.sql", "V3_add.sql",      "Vx__a.sql", "R__.sql", ".sql",    "README.md",
        "001_x.txt",  "001_x.SQL",  "00002_x_test.go", "V.sql",     "sql",     "embed.go"};
    df_arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mf_name name = mf_name_parse(df_str_from(cases[i].file), &df_sql_postgres, &arena);
        check(name.cls == cases[i].cls && name.role == cases[i].role && str_is(name.id, cases[i].id) &&
                  str_is(name.version, cases[i].version) && str_is(name.name, cases[i].name),
              "%s", cases[i].file);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        check(mf_name_parse(df_str_from(none[i]), &df_sql_postgres, &arena).cls == MF_NO_CLASS,
              "no migration: %s", none[i]);
    mf_name both = mf_name_parse(DF_STR("2015_x.postgres.autocommit.up.sql"), &df_sql_postgres, &arena);
    check(both.autocommit && str_is(both.dialect, "postgres"), "dialect and .autocommit, in this order");
    both = mf_name_parse(DF_STR("2015_x.autocommit.mysql.up.sql"), &df_sql_postgres, &arena);
    check(both.autocommit && str_is(both.dialect, "mysql"), "and in the other");
    df_arena_release(&arena);
}

/* Random bytes as names: nothing is read out of bounds, and what is read is a view of the name. */
static void random_names(void)
{
    static const char alphabet[] = "0123456789__..--VRUBx ~\xC3\xA9";
    static const char *const endings[] = {".sql", ".up.sql", ".down.sql", ".go", ""};
    df_arena arena = {0};
    size_t bad = 0;
    for (int i = 0; i < 20000; i++) {
        char text[64];
        size_t n = draw(24);
        for (size_t k = 0; k < n; k++) text[k] = alphabet[draw(sizeof alphabet - 1)];
        strcpy(text + n, endings[draw(5)]);
        char *exact = df_strdup(df_str_from(text)); /* reading beyond its end is seen by the sanitizer */
        mf_name name = mf_name_parse(df_str_from(exact), &df_sql_postgres, &arena);
        if (name.cls == MF_SINGLE || name.cls == MF_PAIR)
            bad += !mf_is_digit(name.version.ptr[0]) || name.version.ptr < exact ||
                   name.name.ptr + name.name.len > exact + strlen(exact);
        free(exact);
    }
    check(bad == 0, "20,000 random names");
    df_arena_release(&arena);
}

static void durations(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"500ms", 500}, {"30s", 30000}, {"10min", 600000}, {"2h", 7200000}, {"0", 0},
                {"1500", 1500}, {"5 s", 5000},  {"1m", 60000},     {"1d", 86400000}};
    static const char *const bad[] = {
        "", "s", "5 parsecs", "-1s", "1.5s", "99999999999999999999", "9223372036854775807h", "5us"};
    int64_t ms;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        check(mf_duration(df_str_from(good[i].text), &ms) && ms == good[i].ms, "\"%s\" is %lld ms",
              good[i].text, (long long)good[i].ms);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check(!mf_duration(df_str_from(bad[i]), &ms), "\"%s\" is no duration", bad[i]);
}

static void distances(void)
{
    check(mf_distance(DF_STR("no-transaction"), DF_STR("no-transactoin"), 3) == 1,
          "two letters swapped are one step");
    check(mf_distance(DF_STR("risk"), DF_STR("Risk"), 3) == 0, "case is no step");
    check(mf_distance(DF_STR("abc"), DF_STR("xyzw"), 2) == 3, "beyond the limit it is the limit and one");
    check(mf_distance(DF_STR(""), DF_STR("ab"), 3) == 2 && mf_distance(DF_STR("ab"), DF_STR(""), 3) == 2,
          "to and from nothing");
}

static void settings(void)
{
    df_str text =
        DF_STR("# x\nprovider = \"postgresql\" # no\nplain=a b # c\nempty =\n[core]\n  top_dir = sql\n"
               "[engine \"pg\"]\n\ttop_dir = pg\nplain = two\r\nplain = three\r\n");
    check(str_is(mf_setting(text, NULL, "provider"), "postgresql"),
          "a text in quotes, with a comment behind");
    check(str_is(mf_setting(text, NULL, "plain"), "a b"), "a bare one");
    check(mf_setting(text, NULL, "empty").ptr && mf_setting(text, NULL, "empty").len == 0,
          "an empty one is there");
    check(!mf_setting(text, NULL, "top_dir").ptr, "a section's is not in front of the sections");
    check(str_is(mf_setting(text, "core", "top_dir"), "sql") &&
              str_is(mf_setting(text, "engine \"pg\"", "top_dir"), "pg"),
          "sections");
    check(str_is(mf_setting(text, "engine \"pg\"", "plain"), "three"),
          "the last one counts, without its carriage return");
}

static bool next_is(df_layout layout, const char *newest, bool dated, const char *expected)
{
    df_arena arena = {0};
    int64_t now;
    df_time_parse(DF_STR("2026-11-20T19:06:16.123Z"), &now);
    bool same = str_is(mf_next_version(layout, df_str_from(newest), dated, now, &arena), expected);
    df_arena_release(&arena);
    return same;
}

static void numbering(void)
{
    check(next_is(DF_LAYOUT_NATIVE, NULL, false, "001"), "the first native one");
    check(next_is(DF_LAYOUT_NATIVE, NULL, true, "20261120190616"), "dated");
    check(next_is(DF_LAYOUT_PAIRS, NULL, false, "000001") && next_is(DF_LAYOUT_FLYWAY, NULL, false, "1"),
          "of other layouts");
    check(next_is(DF_LAYOUT_DIESEL, NULL, false, "2026-11-20-190616"), "diesel's");
    check(next_is(DF_LAYOUT_NATIVE, "008", false, "009") && next_is(DF_LAYOUT_NATIVE, "009", false, "010"),
          "counting on");
    check(next_is(DF_LAYOUT_NATIVE, "999", false, "1000"), "and beyond the width");
    check(next_is(DF_LAYOUT_FLYWAY, "1_9", false, "1_10") &&
              next_is(DF_LAYOUT_NATIVE, "1.2.3", false, "1.2.4"),
          "the last part");
    check(next_is(DF_LAYOUT_NATIVE, "008", true, "009"), "a folder that counts goes on counting");
    check(next_is(DF_LAYOUT_NATIVE, "20240101000000", false, "20261120190616"),
          "a folder of stamps gets a stamp");
    check(next_is(DF_LAYOUT_NATIVE, "20261120190616", false, "20261120190617"), "two in a second");
    check(next_is(DF_LAYOUT_NATIVE, "20991231235959", false, "20991231235960"),
          "behind a stamp of the future");
    check(next_is(DF_LAYOUT_KRATOS, "20250100000001000000", false, "20261120190616123000"), "with fractions");
    check(next_is(DF_LAYOUT_NODE_PG, "1391877300255", false, "1795201576123"), "milliseconds");
    check(next_is(DF_LAYOUT_NODE_PG, "20200513070724505", false, "20261120190616123"),
          "milliseconds as a date");
    check(next_is(DF_LAYOUT_DIESEL, "2017-09-23-182408", false, "2026-11-20-190616"), "dashes");
    check(next_is(DF_LAYOUT_DIESEL, "2026-07-30-140000-0000", false, "2026-11-20-190616-0000"),
          "with diesel's counter");
    check(next_is(DF_LAYOUT_TEMPORAL, "1.19", false, "1.20"), "dotted");
}

int main(void)
{
    ordering();
    strict_weak_order();
    names();
    random_names();
    durations();
    distances();
    settings();
    numbering();
    return tap_done();
}
