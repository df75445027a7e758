/* SPDX-License-Identifier: Apache-2.0 */
/* Files against a history that is handed in: every verdict, with its reason and its remedy. */
#include "folder.h"

static df_arena arena;

/* ---- histories ---- */

static df_applied rows[16];
static size_t n_rows;

static df_applied *add(const char *id, const char *version, df_applied_status status)
{
    df_applied *a = &rows[n_rows++];
    *a = (df_applied){.id = df_str_from(id),
                      .version = df_str_from(version),
                      .status = status,
                      .sequence = (int64_t)n_rows,
                      .duration_ms = -1,
                      .estimated_ms = -1,
                      .rows_affected = -1};
    return a;
}

/* A row with the sums of what the file says now. */
static df_applied *applied(df_migration_set *set, const char *id)
{
    df_migration *m = NULL;
    df_error err;
    char sum[65], raw[33];
    if (df_migration_find(set, df_str_from(id), &m, &err) != DF_OK || !m ||
        df_migration_checksum(set, m, sum, &err) != DF_OK) {
        note("no %s", id);
        exit(2);
    }
    df_hash_hex(m->raw, raw);
    df_applied *a = add(df_arena_cstr(&arena, m->id),
                        m->version.ptr ? df_arena_cstr(&arena, m->version) : NULL, DF_APPLIED_COMPLETED);
    a->name = m->name;
    a->checksum = df_arena_str(&arena, df_str_from(sum));
    a->raw = df_arena_str(&arena, df_str_from(raw));
    a->repeatable = m->kind == DF_REPEATABLE;
    return a;
}

/* "id:verdict" of each item, "!" where it blocks. */
static const char *verdicts(const df_plan *plan)
{
    df_buf out = {0};
    for (size_t i = 0; i < plan->count; i++) {
        const df_plan_item *item = &plan->items[i];
        df_str id = item->migration ? item->migration->id : item->applied->id;
        df_buf_printf(&out, "%s%s%.*s:%s%s", i ? " " : "", item->migration ? "" : "-", DF_FMT(id),
                      df_verdict_name(item->verdict), item->blocks ? "!" : "");
    }
    const char *text = df_arena_cstr(&arena, df_buf_str(&out));
    df_buf_release(&out);
    return text;
}

static df_plan plan;
static df_plan_options options;

static bool makes(df_migration_set *set, const char *expected)
{
    df_error err = {0};
    if (df_plan_make(set, rows, n_rows, &options, &arena, &plan, &err) == DF_OK)
        return same_text(verdicts(&plan), expected);
    note("%s", err.message);
    return false;
}

static const df_plan_item *item(const char *id)
{
    static const df_plan_item none;
    for (size_t i = 0; i < plan.count; i++)
        if (df_str_is(plan.items[i].migration ? plan.items[i].migration->id : plan.items[i].applied->id, id))
            return &plan.items[i];
    note("no item %s", id);
    return &none;
}

static bool says(const char *id, const char *why, const char *hint)
{
    const df_plan_item *i = item(id);
    bool fine = (why ? i->why && strstr(i->why, why) : !i->why) &&
                (hint ? i->hint && strstr(i->hint, hint) : !i->hint);
    if (!fine) note("%s: %s (%s)", id, i->why ? i->why : "NULL", i->hint ? i->hint : "NULL");
    return fine;
}

static folder f;
static df_migration_set *set;

static void begin(df_layout layout, const char *const *list)
{
    folder_init(&f);
    for (; list[0]; list += 2) folder_put(&f, list[0], list[1]);
    set = folder_open(&f, layout, NULL);
    n_rows = 0;
    options = (df_plan_options){0};
}

static void reopen(void)
{
    df_layout layout = set->layout;
    df_migrations_close(set);
    set = folder_open(&f, layout, NULL);
}

static void end(void)
{
    df_migrations_close(set);
    folder_release(&f);
    df_arena_reset(&arena);
}

#define BEGIN(layout, ...) begin(layout, (const char *const[]){__VA_ARGS__, NULL})
#define THREE                                                                                                \
    "001_a.sql", "-- UP\nCREATE TABLE a (i int);\n-- DOWN\nDROP TABLE a;\n", "002_b.sql",                    \
        "CREATE TABLE b (i int);", "003_c.sql", "CREATE TABLE c (i int);"

/* ---- tests ---- */

static void simple(void)
{
    BEGIN(DF_LAYOUT_NATIVE, THREE);
    check(makes(set, "001_a:pending 002_b:pending 003_c:pending") && plan.n_pending == 3 &&
              plan.n_applied == 0 && plan.n_blocking == 0,
          "nothing applied");
    check(says("001_a", NULL, "dataflow up") && item("001_a")->migration->loaded, "pending ones are read");
    applied(set, "001_a");
    applied(set, "002_b");
    reopen();
    check(makes(set, "001_a:applied 002_b:applied 003_c:pending") && plan.n_pending == 1 &&
              plan.n_applied == 2,
          "two applied");
    check(says("001_a", NULL, NULL) && !item("001_a")->migration->loaded,
          "of applied ones only the bytes are hashed");
    options.deep = true;
    check(makes(set, "001_a:applied 002_b:applied 003_c:pending") && item("001_a")->migration->loaded,
          "deep: they are read, too");
    end();
}

static void changed(void)
{
    BEGIN(DF_LAYOUT_NATIVE, THREE, "R__v.sql", "SELECT 1;", "R__w.sql", "SELECT 1; SELECT 2;");
    const char *sum = df_arena_cstr(&arena, applied(set, "001_a")->checksum);
    applied(set, "002_b");
    applied(set, "003_c");
    applied(set, "R__v");
    applied(set, "R__w");
    folder_put(&f, "001_a.sql", "-- UP\nCREATE TABLE a (i int, j int);\n-- DOWN\nDROP TABLE a;\n");
    folder_put(&f, "002_b.sql",
               "-- a comment\r\n-- UP\r\nCREATE  TABLE b (i int);\r\n-- DOWN\r\nDROP TABLE b;");
    folder_put(&f, "R__v.sql", "SELECT 2;");
    folder_put(&f, "R__w.sql", "SELECT 1;\nSELECT 2;");
    reopen();
    check(makes(set, "001_a:modified! 002_b:cosmetic 003_c:applied R__v:outdated R__w:cosmetic") &&
              plan.n_pending == 1 && plan.n_blocking == 1,
          "changed since");
    check(strncmp(item("001_a")->why, "Migration 001_a has been modified after application!", 52) == 0 &&
              strstr(item("001_a")->why, sum),
          "the message, with the sum that was");
    char now[65];
    df_error err;
    check(df_migration_checksum(set, &set->items[0], now, &err) == DF_OK && strstr(item("001_a")->why, now),
          "and the one that is");
    check(says("001_a", "Expected checksum", "dataflow repair 001_a --reason"), "what to do about it");
    check(says("002_b", "comments, white space or its way down", NULL) &&
              says("R__v", "has changed since", "dataflow up"),
          "the others");
    rows[1].checksum = DF_STR_NONE;
    check(makes(set, "001_a:modified! 002_b:modified! 003_c:applied R__v:outdated R__w:cosmetic"),
          "bytes that differ, and no checksum to compare: modified");
    rows[1].raw = DF_STR_NONE;
    check(makes(set, "001_a:modified! 002_b:applied 003_c:applied R__v:outdated R__w:cosmetic"),
          "nothing to compare with");
    end();
}

static size_t blocking_findings(void)
{
    size_t count = 0;
    for (size_t i = 0; i < plan.set->n_findings; i++)
        count += df_plan_finding_blocks(&plan, &plan.set->findings[i]);
    return count;
}

static void findings(void)
{
    BEGIN(DF_LAYOUT_NATIVE, THREE, "README.sql", "SELECT 1;");
    check(makes(set, "001_a:pending 002_b:pending 003_c:pending") && set->n_findings == 1 &&
              !blocking_findings(),
          "what is only to be known blocks nothing");
    folder_put(&f, "004##d.sql", "SELECT 1;");
    reopen();
    check(makes(set, "001_a:pending 002_b:pending 003_c:pending") && blocking_findings() == 1,
          "a name that cannot be read does");
    folder_put(&f, "003_d.sql", "SELECT 1;");
    reopen();
    check(makes(set, "001_a:pending 002_b:pending 003_c:duplicate! 003_d:duplicate!") &&
              set->n_findings == 3 && blocking_findings() == 1,
          "what a migration's own verdict says is not counted twice");
    end();
}

static void late_ones(void)
{
    BEGIN(DF_LAYOUT_NATIVE, THREE);
    applied(set, "001_a");
    applied(set, "003_c");
    check(makes(set, "001_a:applied 002_b:late! 003_c:applied") && plan.n_pending == 0, "late");
    check(says("002_b", "003_c, which comes behind it, is applied", "dataflow up --out-of-order"),
          "what to do about it");
    options.allow_late = true;
    check(makes(set, "001_a:applied 002_b:late 003_c:applied") && plan.n_pending == 1 && plan.n_blocking == 0,
          "allowed");
    options.allow_late = false;
    n_rows = 1;
    add("004_gone", "004", DF_APPLIED_COMPLETED);
    options.allow_missing = true;
    check(makes(set, "001_a:applied -004_gone:missing 002_b:late! 003_c:late!") &&
              says("002_b", "004_gone", "--out-of-order"),
          "behind one whose file is gone");
    n_rows = 1;
    add("002_b", "002", DF_APPLIED_ROLLED_BACK);
    applied(set, "003_c");
    check(makes(set, "001_a:applied 002_b:late! 003_c:applied") &&
              says("002_b", "was taken back", "--out-of-order"),
          "taken back, and something behind it is applied");
    end();
}

static void missing(void)
{
    BEGIN(DF_LAYOUT_NATIVE, THREE);
    applied(set, "001_a");
    add("001.5_gone", "001.5", DF_APPLIED_COMPLETED);
    applied(set, "002_b");
    add("R__old", NULL, DF_APPLIED_COMPLETED)->repeatable = true;
    add("002_5_undone", "2.5", DF_APPLIED_ROLLED_BACK);
    add("002_6_half", "2.6", DF_APPLIED_IN_PROGRESS);
    add("002_7_failed", "2.7", DF_APPLIED_FAILED);
    check(makes(set, "001_a:applied -001.5_gone:missing! 002_b:applied -R__old:missing -002_5_undone:missing "
                     "-002_6_half:missing! -002_7_failed:missing 003_c:pending"),
          "rows without a file stand where they were applied");
    check(says("001.5_gone", "its file is gone", "dataflow repair 001.5_gone --forget-missing"),
          "what to do about it");
    check(says("002_5_undone", "was taken back, and its file is gone; nothing of it is left", "forget") &&
              says("002_6_half", "began and did not end", "forget"),
          "what is left of each");
    options.allow_missing = true;
    check(makes(set, "001_a:applied -001.5_gone:missing 002_b:applied -R__old:missing -002_5_undone:missing "
                     "-002_6_half:missing! -002_7_failed:missing 003_c:pending"),
          "allowed, but for what is half done");
    n_rows = 1;
    add("000_theirs", "0", DF_APPLIED_COMPLETED)->adopted = true;
    options.allow_missing = false;
    check(makes(set, "001_a:applied -000_theirs:baseline 002_b:pending 003_c:pending"),
          "what was taken over needs no file");
    n_rows = 0;
    add("004_x'y z", "4", DF_APPLIED_COMPLETED);
    check(makes(set, "-004_x'y z:missing! 001_a:late! 002_b:late! 003_c:late!") &&
              says("004_x'y z", "gone", "dataflow repair '004_x'\\''y z' --forget"),
          "commands can be typed as they stand");
    end();
}

static void renamed(void)
{
    BEGIN(DF_LAYOUT_NATIVE, THREE, "004_empty.sql", "", "005_empty.sql", "");
    df_applied *a = applied(set, "002_b");
    a->id = DF_STR("002_bee");
    applied(set, "001_a");
    check(makes(set, "001_a:applied 002_b:renamed! 003_c:pending 004_empty:pending 005_empty:pending"),
          "another name, the same version and statements");
    check(says("002_b", "002_b was applied as 002_bee, with the same statements",
               "dataflow repair 002_b --reason"),
          "what to do about it");
    a->checksum = DF_STR("0000000000000000000000000000000000000000000000000000000000000000");
    check(makes(set, "001_a:applied 002_b:modified! 003_c:pending 004_empty:pending 005_empty:pending"),
          "another name and other statements");
    a->checksum = a->raw = DF_STR_NONE;
    check(makes(set, "001_a:applied 002_b:renamed! 003_c:pending 004_empty:pending 005_empty:pending") &&
              says("002_b", "is not known", "repair"),
          "another name, nothing to compare");
    n_rows = 0;
    a = applied(set, "003_c");
    a->id = DF_STR("007_c");
    a->version = DF_STR("007");
    check(makes(set, "001_a:late! 002_b:late! 003_c:renamed! 004_empty:pending 005_empty:pending"),
          "another version, the same statements");
    n_rows = 0;
    a = applied(set, "004_empty");
    a->id = DF_STR("008_nothing");
    a->version = DF_STR("008");
    check(makes(set,
                "-008_nothing:missing! 001_a:late! 002_b:late! 003_c:late! 004_empty:late! 005_empty:late!"),
          "empty files are not taken for each other");
    n_rows = 0;
    a = applied(set, "001_a");
    a->id = DF_STR("1_a");
    a->version = DF_STR("1");
    check(makes(set, "001_a:renamed! 002_b:pending 003_c:pending 004_empty:pending 005_empty:pending"),
          "version 1 is version 001");
    end();
    BEGIN(DF_LAYOUT_NATIVE, "001_a.sql", "SELECT 1", "002_b.sql", "SELECT 1");
    a = applied(set, "001_a");
    a->id = DF_STR("009_x");
    a->version = DF_STR("009");
    check(makes(set, "-009_x:missing! 001_a:late! 002_b:late!"),
          "two files with the same statements: neither is taken for it");
    end();
}

static void duplicates(void)
{
    BEGIN(DF_LAYOUT_NATIVE, "001_a.sql", "", "002_b.sql", "SELECT 1", "2_c.sql", "SELECT 2", "003_d.sql", "");
    check(makes(set, "001_a:pending 002_b:duplicate! 2_c:duplicate! 003_d:pending"),
          "two files with one version");
    check(says("002_b", "002_b.sql and 2_c.sql have the same version", "another version") &&
              says("2_c", "002_b.sql", "dataflow validate"),
          "both are named");
    applied(set, "001_a");
    applied(set, "002_b");
    check(makes(set, "001_a:applied 002_b:applied 2_c:duplicate! 003_d:pending"),
          "the one that was applied is not to blame");
    end();
    BEGIN(DF_LAYOUT_PRISMA, "20240101000000_a/migration.sql", "SELECT 1", "20240101000000_b/migration.sql",
          "SELECT 2");
    applied(set, "20240101000000_b");
    check(makes(set, "20240101000000_a:late! 20240101000000_b:applied"), "prisma: two of one second are two");
    end();
}

static void unfinished(void)
{
    BEGIN(DF_LAYOUT_NATIVE, THREE);
    applied(set, "001_a");
    df_applied *a = add("002_b", "002", DF_APPLIED_FAILED);
    a->error = DF_STR("no such type");
    check(makes(set, "001_a:applied 002_b:failed 003_c:pending") && plan.n_pending == 2 &&
              says("002_b", "nothing of it is left: no such type", "dataflow up"),
          "failed, nothing left");
    a->steps_done = 2;
    a->steps = 5;
    check(makes(set, "001_a:applied 002_b:partial 003_c:pending") && plan.n_pending == 2 &&
              says("002_b", "after 2 of 5 statements", "dataflow up"),
          "failed half-way");
    a->status = DF_APPLIED_IN_PROGRESS;
    a->checksum = DF_STR("00");
    check(makes(set, "001_a:applied 002_b:partial 003_c:pending") &&
              says("002_b", "the file has been changed since", "dataflow why"),
          "ended half-way, and changed");
    options.running = true;
    check(makes(set, "001_a:applied 002_b:running! 003_c:pending") &&
              says("002_b", "is being applied by another run", "dataflow lock status"),
          "running");
    a->down = true;
    check(makes(set, "001_a:applied 002_b:running! 003_c:pending") &&
              says("002_b", "taken back", "lock status"),
          "running down");
    options.running = false;
    check(makes(set, "001_a:applied 002_b:partial 003_c:pending") && plan.n_pending == 1 &&
              says("002_b", "taking 002_b back began", "dataflow down"),
          "half taken back");
    a->status = DF_APPLIED_FAILED;
    a->steps_done = 0;
    a->checksum = a->raw = DF_STR_NONE;
    check(makes(set, "001_a:applied 002_b:applied 003_c:pending") &&
              says("002_b", "still applied", "dataflow down"),
          "taking back failed, and nothing happened");
    *a = (df_applied){.id = DF_STR("002_b"), .version = DF_STR("002"), .status = DF_APPLIED_ROLLED_BACK};
    check(makes(set, "001_a:applied 002_b:rolled_back 003_c:pending") && plan.n_pending == 2 &&
              says("002_b", "taken back", "dataflow up"),
          "taken back");
    a->status = DF_APPLIED_PENDING;
    check(makes(set, "001_a:applied 002_b:pending 003_c:pending"), "noted as pending");
    end();
}

static void baselines(void)
{
    BEGIN(DF_LAYOUT_NATIVE, THREE);
    options.baseline = "2";
    check(makes(set, "001_a:baseline 002_b:baseline 003_c:pending") && plan.n_pending == 1,
          "up to a version that is there");
    options.baseline = "2.5";
    check(makes(set, "001_a:baseline 002_b:baseline 003_c:pending"), "and to one that is not");
    end();
    BEGIN(DF_LAYOUT_FLYWAY, "V1__a.sql", "", "V2__b.sql", "", "B2__base.sql", "SELECT 1", "B1__old.sql", "",
          "V3__c.sql", "");
    check(makes(set, "B1__old:baseline V1__a:baseline B2__base:pending V2__b:baseline V3__c:pending") &&
              plan.n_pending == 2,
          "flyway: a new database begins at the newest baseline");
    check(says("V1__a", "is contained in B2__base", NULL) &&
              says("B1__old", "another baseline is used", NULL),
          "and says so");
    applied(set, "B2__base");
    check(makes(set, "B1__old:baseline V1__a:baseline B2__base:applied V2__b:baseline V3__c:pending"),
          "flyway: once it is applied");
    n_rows = 0;
    applied(set, "V1__a");
    check(makes(set, "B1__old:baseline V1__a:applied B2__base:baseline V2__b:pending V3__c:pending") &&
              says("B2__base", "the history has begun", NULL),
          "flyway: a history that began without");
    end();
}

static void dependencies(void)
{
    BEGIN(DF_LAYOUT_NATIVE, "001_a.sql", "SELECT 1", "002_b.sql",
          "-- @metadata {\"dependencies\": [\"1\", \"001_a\", \"a\", \"001_a.sql\"]}\n", "003_c.sql",
          "-- @metadata {\"dependencies\": [\"nothing\"]}\n", "004_d.sql",
          "-- @metadata {\"dependencies\": [\"003_c\"]}\n", "005_e.sql",
          "-- @metadata {\"dependencies\": [\"006\"]}\n", "006_f.sql",
          "-- @metadata {\"dependencies\": [\"006_f\"]}\n", "007_same.sql", "", "008_same.sql", "",
          "009_g.sql", "-- @metadata {\"dependencies\": [\"same\", \"\"]}\n");
    check(makes(set, "001_a:pending 002_b:pending 003_c:blocked! 004_d:blocked! 005_e:blocked! "
                     "006_f:blocked! 007_same:pending 008_same:pending 009_g:blocked!"),
          "dependencies");
    check(says("003_c", "needs \"nothing\", which is neither in the folder nor in the history",
               "dataflow validate"),
          "on nothing");
    check(says("004_d", "needs 003_c, which is not applied and cannot be now", "validate"),
          "on what is blocked itself");
    check(says("005_e", "needs 006_f, which is not applied and comes behind it", "validate"),
          "on what comes later");
    check(says("006_f", "is the migration itself", "validate") && says("009_g", "may be several", "validate"),
          "on itself, on a name that two have");
    add("000_old", "0", DF_APPLIED_COMPLETED)->name = DF_STR("nothing");
    options.allow_missing = true;
    check(makes(set, "-000_old:missing 001_a:pending 002_b:pending 003_c:pending 004_d:pending "
                     "005_e:blocked! 006_f:blocked! 007_same:pending 008_same:pending 009_g:blocked!"),
          "what the history alone knows is there, too");
    end();
    BEGIN(DF_LAYOUT_SQITCH, "sqitch.plan", "a\nb [a]\n@v1\nc [!a]\nd [!zz b@v1]\n", "deploy/a.sql", "",
          "deploy/b.sql", "", "deploy/c.sql", "", "deploy/d.sql", "");
    check(makes(set, "a:pending b:pending c:blocked! d:pending") && says("c", "conflicts with a", "validate"),
          "sqitch: conflicts");
    applied(set, "d");
    check(makes(set, "a:late! b:late! c:blocked! d:applied"), "sqitch: the plan's order counts");
    end();
}

static void unreadable(void)
{
    BEGIN(DF_LAYOUT_NATIVE, "001_a.sql", "SELECT 1", "002_b.sql", "-- @metadata {\n", "003_c.sql",
          "SELECT '");
    applied(set, "001_a");
    folder_remove(&f, "001_a.sql");
    check(makes(set, "001_a:unreadable! 002_b:unreadable! 003_c:pending"), "files that cannot be read");
    check(says("002_b", "002_b.sql:1: @metadata", "dataflow validate"), "with the reason");
    options.deep = true;
    check(makes(set, "001_a:unreadable! 002_b:unreadable! 003_c:unreadable!") &&
              says("003_c", "does not end", ""),
          "deep: what cannot be split, too");
    end();
}

/* Time and memory that grow with the square of the count would show: this is the size of the largest known
 * histories. */
static void many(void)
{
    enum { MANY = 3000 };
    folder_init(&f);
    n_rows = 0;
    options = (df_plan_options){0};
    for (int i = 0; i < MANY; i++) {
        char name[40];
        snprintf(name, sizeof name, "%05d_m.sql", i + 1);
        folder_put(&f, name, "SELECT 1;");
    }
    set = folder_open(&f, DF_LAYOUT_AUTO, NULL);
    df_applied *list = df_zalloc((MANY + 1) * sizeof *list);
    df_error err = {0};
    char raw[33], sum[65] = "";
    df_hash_hex(df_hash("SELECT 1;", 9), raw);
    bool fine = set && set->count == MANY && df_migration_checksum(set, &set->items[0], sum, &err) == DF_OK;
    for (int i = 0; i < MANY && fine; i++)
        list[i] = (df_applied){.id = set->items[i].id,
                               .version = set->items[i].version,
                               .status = DF_APPLIED_COMPLETED,
                               .sequence = i,
                               .checksum = df_str_from(sum),
                               .raw = df_str_from(raw)};
    check(fine && df_plan_make(set, list, MANY - 1, NULL, &arena, &plan, &err) == DF_OK &&
              plan.n_applied == MANY - 1 && plan.n_pending == 1,
          "3,000 migrations");
    free(list);
    end();
}

static void status_names(void)
{
    df_applied_status status;
    check(df_applied_status_from_name(DF_STR("rolled_back"), &status) && status == DF_APPLIED_ROLLED_BACK &&
              !df_applied_status_from_name(DF_STR("gone"), &status) &&
              strcmp(df_applied_status_name(DF_APPLIED_IN_PROGRESS), "in_progress") == 0,
          "names of states");
    size_t good = 0;
    for (int i = 0; i < DF_VERDICT_COUNT; i++)
        good += df_verdict_name((df_verdict)i)[0] && df_verdict_text((df_verdict)i)[0];
    check(good == DF_VERDICT_COUNT, "names of verdicts");
}

int main(void)
{
    simple();
    changed();
    late_ones();
    findings();
    missing();
    renamed();
    duplicates();
    unfinished();
    baselines();
    dependencies();
    unreadable();
    many();
    status_names();
    df_arena_release(&arena);
    return tap_done();
}
