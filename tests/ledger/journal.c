/* SPDX-License-Identifier: Apache-2.0 */
/* The journal: intents, results, attempts, decisions. */
#include "ledger_test.h"

static df_journal_row *read_journal(place *p, const df_migration *m, df_direction direction, df_arena *arena,
                                    size_t expected)
{
    df_error err;
    df_journal_row *rows = NULL;
    size_t count = 0;
    df_code code = df_ledger_journal(p->ledger, m->id, direction, arena, &rows, &count, &err);
    if (code != DF_OK) check_code(code, DF_OK, &err, "reading the journal");
    if (!check(count == expected, "the journal has %zu rows", expected)) note("it has %zu", count);
    return count == expected && count ? rows : df_arena_zalloc(arena, (expected + 1) * sizeof *rows);
}

static df_applied the_row(place *p, df_arena *arena)
{
    df_error err;
    df_applied *rows = NULL;
    size_t count = 0;
    check_code(df_ledger_applied(p->ledger, arena, &rows, &count, &err), DF_OK, &err, "reading the history");
    return count == 1 ? rows[0] : (df_applied){0};
}

static void test_attempts(void)
{
    df_error err;
    df_arena arena = {0};
    df_migration m = make_migration("001_j", "001", "j", "A; B; C", "D; E");
    place p = open_place(new_database(), true);
    lease_or_die(&p, 0);

    df_run run = make_run(&m, DF_UP, true);
    run.n_steps = 3;
    check_ok(df_ledger_start(p.ledger, &run, NULL, 0, any_error), "a journalled run starts");
    df_applied a = the_row(&p, &arena);
    check(a.status == DF_APPLIED_IN_PROGRESS && a.steps == 3 && a.steps_done == 0 && !a.down,
          "in progress, nothing done");
    read_journal(&p, &m, DF_UP, &arena, 0);

    df_journal_row one = make_row(1, "A", DF_STEP_INTENT), two = make_row(2, "B", DF_STEP_INTENT);
    one.state_before = DF_STR("digest before");
    check_ok(df_ledger_intend(p.ledger, &run, NULL, 0, &one, 1, any_error), "the first statement's intent");
    check(ask(p.conn, "SELECT COUNT(*) FROM _migration_journal WHERE finished_at IS NULL") == 1,
          "it has begun");
    one.status = DF_STEP_DONE;
    one.state_before = DF_STR_NONE;
    one.ms = 12.25;
    check_ok(df_ledger_settle(p.ledger, &run, &one, 1, any_error), "and its result");
    check_ok(df_ledger_intend(p.ledger, &run, NULL, 0, &two, 1, any_error), "the second's intent");
    df_journal_row *rows = read_journal(&p, &m, DF_UP, &arena, 2);
    check(rows[0].status == DF_STEP_DONE && rows[0].number == 1 && rows[0].line == 10 && rows[0].rows == 1,
          "the first is done");
    check(rows[0].ms == 12.25 && df_str_is(rows[0].state_before, "digest before"),
          "its state before is kept");
    check(strcmp(rows[0].hash, one.hash) == 0 && df_str_is(rows[0].text, "A") &&
              df_str_is(rows[0].tag, "CREATE TABLE"),
          "its text");
    check(rows[1].status == DF_STEP_INTENT, "the second is in doubt");
    a = the_row(&p, &arena);
    check(a.steps_done == 1 && a.steps == 3, "one of three is done");

    check_code(df_ledger_decide(p.ledger, m.id, DF_UP, 2, DF_STEP_DONE, "I looked", &err), DF_OK, &err,
               "a person decides");
    rows = read_journal(&p, &m, DF_UP, &arena, 2);
    check(rows[1].status == DF_STEP_SKIPPED, "it counts as done");
    check_code(df_ledger_decide(p.ledger, m.id, DF_UP, 7, DF_STEP_DONE, "I looked", &err), DF_NOT_FOUND, &err,
               "a statement that is not there cannot be decided");

    df_run next = make_run(&m, DF_UP, true);
    next.n_steps = 3;
    next.resumed = true;
    check_ok(df_ledger_start(p.ledger, &next, NULL, 0, any_error), "another run goes on");
    read_journal(&p, &m, DF_UP, &arena, 2);
    df_error why = {.code = DF_FAILED, .message = "no"};
    check_ok(df_ledger_fail(p.ledger, &next, &why, "part", 10, any_error), "and fails");
    a = the_row(&p, &arena);
    check(a.status == DF_APPLIED_FAILED && a.steps_done == 2 && !a.down, "what was done stays done");

    df_run fresh = make_run(&m, DF_UP, true);
    check_ok(df_ledger_start(p.ledger, &fresh, NULL, 0, any_error), "a fresh attempt");
    read_journal(&p, &m, DF_UP, &arena, 0);
    check_ok(df_ledger_settle(p.ledger, &fresh, &one, 1, any_error), "has a journal of its own");
    read_journal(&p, &m, DF_UP, &arena, 1);
    check_ok(df_ledger_fail(p.ledger, &fresh, &why, "all", 10, any_error), "it fails, and all is undone");
    rows = read_journal(&p, &m, DF_UP, &arena, 1);
    check(rows[0].status == DF_STEP_UNDONE, "its row says so");
    a = the_row(&p, &arena);
    check(a.status == DF_APPLIED_FAILED && a.steps_done == 0, "nothing is left");
    close_place(&p);
    df_arena_release(&arena);
}

static void test_down(void)
{
    df_arena arena = {0};
    df_migration m = make_migration("001_j", "001", "j", "A", "B; C");
    df_run up = make_run(&m, DF_UP, true), down = make_run(&m, DF_DOWN, true);
    df_run_result result = {.duration_ms = 4};
    df_journal_row row = make_row(1, "A", DF_STEP_DONE);
    place p = open_place(new_database(), true);
    lease_or_die(&p, 0);
    check_ok(df_ledger_start(p.ledger, &up, NULL, 0, any_error), "applied by statement");
    check_ok(df_ledger_settle(p.ledger, &up, &row, 1, any_error), "its row");
    check_ok(df_ledger_complete(p.ledger, &up, &result, any_error), "complete");
    check_ok(df_ledger_start(p.ledger, &down, NULL, 0, any_error), "being taken back");
    df_applied a = the_row(&p, &arena);
    check(a.status == DF_APPLIED_IN_PROGRESS && a.down, "the history says so");
    read_journal(&p, &m, DF_DOWN, &arena, 0);
    df_journal_row *rows = read_journal(&p, &m, DF_UP, &arena, 1);
    check(rows[0].status == DF_STEP_DONE, "the other direction's journal is still there");
    row.direction = DF_DOWN;
    row.status = DF_STEP_INTENT;
    check_ok(df_ledger_intend(p.ledger, &down, NULL, 0, &row, 1, any_error), "its intent");
    read_journal(&p, &m, DF_DOWN, &arena, 1);
    row.status = DF_STEP_DONE;
    check_ok(df_ledger_settle(p.ledger, &down, &row, 1, any_error), "its result");
    check_ok(df_ledger_complete(p.ledger, &down, &result, any_error), "taken back");
    a = the_row(&p, &arena);
    check(a.status == DF_APPLIED_ROLLED_BACK && !a.down, "the history says so");
    df_run again = make_run(&m, DF_UP, true);
    check_ok(df_ledger_start(p.ledger, &again, NULL, 0, any_error), "and up again");
    read_journal(&p, &m, DF_UP, &arena, 0);
    close_place(&p);
    df_arena_release(&arena);
}

static void test_contents(void)
{
    df_error err;
    df_arena arena = {0};
    df_migration m = make_migration("001_j", "001", "j", "A", NULL);
    df_run run = make_run(&m, DF_UP, true);
    place p = open_place(new_database(), true);
    char *text = df_alloc(5001);
    lease_or_die(&p, 0);
    check_ok(df_ledger_start(p.ledger, &run, NULL, 0, any_error), "a run");
    memset(text, 'x', 1999);
    strcpy(text + 1999, "ü and so on");
    df_journal_row row = make_row(1, text, DF_STEP_DONE);
    row.progress = DF_STR("[4711]");
    row.transaction = DF_STR("12345");
    check_ok(df_ledger_settle(p.ledger, &run, &row, 1, any_error), "a long statement");
    df_journal_row secret =
        make_row(2, "CREATE USER app PASSWORD 'topsecret' /* IDENTIFIED BY 'x' */", DF_STEP_FAILED);
    secret.error = DF_STR("it did not work");
    secret.rows = -1;
    check_ok(df_ledger_settle(p.ledger, &run, &secret, 1, any_error), "one with a password");
    df_journal_row identified = make_row(3, "CREATE USER app@'%' IDENTIFIED BY 'topsecret'", DF_STEP_DONE);
    check_ok(df_ledger_settle(p.ledger, &run, &identified, 1, any_error), "and another");
    df_journal_row *rows = read_journal(&p, &m, DF_UP, &arena, 3);
    check(rows[0].text.len == 1999, "is cut, at a character: %zu", rows[0].text.len);
    check(df_str_is(rows[0].progress, "[4711]") && df_str_is(rows[0].transaction, "12345"),
          "progress and transaction are kept");
    check(df_str_starts(rows[1].text, DF_STR("CREATE USER app PASSWORD '***'")), "the password is not: %.*s",
          DF_FMT(rows[1].text));
    check(df_str_is(rows[2].text, "CREATE USER app@'%' IDENTIFIED BY '***'"), "nor here: %.*s",
          DF_FMT(rows[2].text));
    check(rows[1].status == DF_STEP_FAILED && rows[1].rows == -1 &&
              df_str_is(rows[1].error, "it did not work"),
          "the failure is kept");
    check_ok(df_ledger_begin(p.ledger, any_error), "inside a transaction");
    check_code(df_ledger_intend(p.ledger, &run, NULL, 0, &row, 1, &err), DF_BUG, &err,
               "an intent cannot be written: it would not be committed");
    row.progress = DF_STR("[9999]");
    check_ok(df_ledger_settle(p.ledger, &run, &row, 1, any_error), "but a result");
    df_rollback(p.conn);
    rows = read_journal(&p, &m, DF_UP, &arena, 3);
    check(df_str_is(rows[0].progress, "[4711]"), "which goes with the transaction");

    enum { MANY = 250 };
    df_journal_row *all = df_arena_alloc(&arena, MANY * sizeof *all);
    for (int i = 0; i < MANY; i++) all[i] = make_row(i + 1, "SELECT 'ä'", DF_STEP_DONE);
    df_migration long_one = make_migration("002_long", "002", "long", "many", NULL);
    df_run whole = make_run(&long_one, DF_UP, false);
    df_run_result result = {.rows = all, .n_rows = MANY};
    check_ok(df_ledger_complete(p.ledger, &whole, &result, any_error), "a run of 250 statements");
    read_journal(&p, &long_one, DF_UP, &arena, MANY);

    df_migration in_one = make_migration("003_one", "003", "one", "many", NULL);
    df_run by_statement = make_run(&in_one, DF_UP, true);
    check_ok(df_ledger_start(p.ledger, &by_statement, NULL, 0, any_error), "one whose file has a transaction of 250 statements");
    check_ok(df_ledger_begin(p.ledger, any_error), "begins it");
    check_ok(df_ledger_settle(p.ledger, &by_statement, all, MANY, any_error), "and settles them together");
    check(df_commit(p.conn, &err) == DF_OK, "with its commit");
    rows = read_journal(&p, &in_one, DF_UP, &arena, MANY);
    check(rows[MANY - 1].number == MANY && rows[MANY - 1].status == DF_STEP_DONE, "to the last of them");
    close_place(&p);
    free(text);
    df_arena_release(&arena);
}

void test_journal(void)
{
    test_attempts();
    test_down();
    test_contents();
}
