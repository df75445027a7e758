/* SPDX-License-Identifier: Apache-2.0 */
/* The migration lock within one process: two sessions, heartbeats, rows changed by hand, broken and left
 * locks. */
#include "ledger_test.h"

#include <unistd.h>

static df_code take(place *p, int64_t wait_ms, int64_t ttl_ms, df_error *err)
{
    df_lease_options options = {.wait_ms = wait_ms, .ttl_ms = ttl_ms, .purpose = "up"};
    return df_lease_take(p->ledger, &options, err);
}

static df_holder_state state_of(place *p)
{
    df_error err;
    df_arena arena = {0};
    df_lock_status status;
    df_code code = df_lock_look(p->ledger, &arena, &status, &err);
    if (code != DF_OK) check_code(code, DF_OK, &err, "df_lock_look");
    df_arena_release(&arena);
    return status.state;
}

static void is_state(place *p, df_holder_state expected, const char *what)
{
    df_holder_state state = state_of(p);
    if (!check(state == expected, "%s: %s", what, df_holder_state_name(expected)))
        note("it is %s", df_holder_state_name(state));
}

static void test_take_and_give(void)
{
    df_error err;
    df_arena arena = {0};
    df_lock_status status;
    const char *url = new_database();
    place a = open_place_as(url, true, "alice"), b = open_place_as(url, false, "bob");
    is_state(&a, DF_HOLDER_NONE, "at first");
    check_ok(take(&a, 0, 0, any_error), "taken");
    check(df_lease_held(a.ledger) && df_lease_fence(a.ledger) == 1, "held, with the first fence");
    check_code(take(&a, 0, 0, &err), DF_BUG, &err, "not twice by one");
    check_code(take(&b, 0, 0, &err), DF_LOCKED, &err, "not by another");
    check(strstr(err.message, "held by alice on ") && strstr(err.message, "(up), lease until 20"),
          "who is told: %s", err.message);
    check_ok(df_lock_look(b.ledger, &arena, &status, any_error), "looking at it");
    check(status.state == DF_HOLDER_ALIVE && df_str_is(status.owner, "alice") && status.pid == getpid(),
          "its holder lives");
    check(df_str_is(status.purpose, "up") && status.fence == 1 && status.lock_id.len == 36, "what for");
    int64_t lease = status.expires_ms - status.now_ms;
    check(lease > 50000 && lease <= 60000 && status.acquired_ms <= status.now_ms,
          "a minute by the server's clock: %lld", (long long)lease);
    check(ask(b.conn, "SELECT COUNT(*) FROM dataflow_migration_locks") == 1, "the pipeline's view shows it");
    check_ok(df_ledger_begin(a.ledger, any_error), "a transaction");
    check_ok(df_lease_check(a.ledger, any_error), "with another check in it");
    check_ok(df_commit(a.conn, any_error), "commits");
    df_lease_give(a.ledger);
    is_state(&b, DF_HOLDER_NONE, "given back");
    df_lease_give(a.ledger);
    check_ok(take(&b, 0, 0, any_error), "now the other gets it");
    check(df_lease_fence(b.ledger) == 2, "with a higher fence");
    df_lease_give(b.ledger);
    check(ask(a.conn, "SELECT COUNT(*) FROM _migration_audit_log WHERE action = 'lock_acquired'") == 2 &&
              ask(a.conn, "SELECT COUNT(*) FROM _migration_audit_log WHERE action = 'lock_released'") == 2,
          "all of it is in the audit log");
    close_place(&a);
    close_place(&b);
    df_arena_release(&arena);
}

/* Waits until the lease goes on beyond `than`. */
static df_lock_status wait_renewed(place *p, df_arena *arena, int64_t than)
{
    df_error err;
    df_lock_status status = {0};
    for (int i = 0; i < 1200 && status.expires_ms <= than; i++) {
        df_code code = df_lock_look(p->ledger, arena, &status, &err);
        if (code != DF_OK) check_code(code, DF_OK, &err, "df_lock_look");
        sleep_ms(50);
    }
    return status;
}

static void test_heartbeat(void)
{
    const int64_t TTL = is_engine("neo4j") ? 9000 : 3000;
    df_error err;
    df_arena arena = {0};
    df_lock_status status, later;
    const char *url = new_database();
    place a = open_place(url, true), b = open_place(url, false);
    check_ok(take(&a, 0, TTL, any_error), "a short lease");
    df_lease_tell(a.ledger, "009_größe: statement 3 of 7");
    check_ok(df_lock_look(b.ledger, &arena, &status, any_error), "at first");
    later = wait_renewed(&b, &arena, status.expires_ms);
    check(later.expires_ms > status.expires_ms, "it is renewed");
    check(later.heartbeat_ms > status.heartbeat_ms && later.acquired_ms == status.acquired_ms,
          "with a heartbeat");
    check(df_str_is(later.doing, "009_größe: statement 3 of 7"), "and what its holder does: %.*s",
          DF_FMT(later.doing));
    sql(b.conn, is_engine("sqlite") ? "DELETE FROM _migration_locks WHERE expires_at < datetime('now')"
                                    : "DELETE FROM _migration_locks WHERE expires_at < NOW()");
    check(df_lease_held(a.ledger) && state_of(&b) == DF_HOLDER_ALIVE,
          "the runbook's DELETE does not touch it");
    check_ok(df_ledger_begin(a.ledger, any_error), "a transaction");
    if (is_engine("sqlite")) { /* there an open transaction itself keeps others out, heartbeats too */
        sleep_ms(TTL + 500);
        check_code(take(&b, 0, TTL, &err), DF_LOCKED, &err,
                   "longer than the lease keeps others out by itself");
    } else {
        check_ok(df_lock_look(b.ledger, &arena, &status, any_error), "of which a heartbeat");
        later = wait_renewed(&b, &arena, status.expires_ms);
        check(later.expires_ms > status.expires_ms, "does not have to wait");
    }
    check_ok(df_commit(a.conn, any_error), "commits");
    later = wait_renewed(&b, &arena, later.expires_ms);
    check(later.state == DF_HOLDER_ALIVE, "afterwards it is renewed on");
    check_ok(df_ledger_begin(a.ledger, any_error), "still ours");
    df_rollback(a.conn);
    df_lease_give(a.ledger);
    close_place(&a);
    close_place(&b);
    df_arena_release(&arena);
}

static void test_row_deleted(void)
{
    df_error err;
    const char *url = new_database();
    place a = open_place(url, true), b = open_place(url, false);
    df_migration m = make_migration("001_x", "001", "x", "CREATE TABLE x (id INTEGER)", NULL);
    df_run run = make_run(&m, DF_UP, true);
    check_ok(take(&a, 0, 60000, any_error), "taken");
    sql(b.conn, "DELETE FROM _migration_locks");
    is_state(&b, DF_HOLDER_HIDDEN, "the row is deleted by hand");
    check_code(take(&b, 50, 0, &err), DF_LOCKED, &err, "its holder's session still keeps others out");
    check(strstr(err.message, "has no row"), "and they are told why: %s", err.message);
    check_code(df_ledger_begin(a.ledger, &err), DF_LOCKED, &err, "the holder can begin nothing more");
    check(!df_lease_held(a.ledger) && !df_in_transaction(a.conn), "and knows that it holds nothing");
    check_code(df_ledger_start(a.ledger, &run, NULL, 0, &err), DF_LOCKED, &err, "nor record anything");
    df_lease_give(a.ledger);
    check_ok(take(&b, 0, 0, any_error), "given up, another gets it");
    check(df_lease_fence(b.ledger) == 2, "with a higher fence, although the row was gone");
    df_lease_give(b.ledger);

    check_ok(take(&a, 0, 600, any_error), "taken again");
    sql(b.conn, "DELETE FROM _migration_locks");
    for (int i = 0; i < 1200 && df_lease_held(a.ledger); i++) sleep_ms(50);
    check(!df_lease_held(a.ledger), "the heartbeat notices a deleted row by itself");
    df_lease_give(a.ledger);
    close_place(&a);
    close_place(&b);
}

static void test_overtaken(void)
{
    df_error err;
    const char *url = new_database();
    place a = open_place(url, true), b = open_place(url, false);
    df_migration m = make_migration("001_x", "001", "x", "CREATE TABLE x (id INTEGER)", NULL);
    df_run run = make_run(&m, DF_UP, true);
    df_journal_row row = make_row(1, "A", DF_STEP_DONE);
    df_run_result result = {.duration_ms = 1};
    check_ok(take(&a, 0, 60000, any_error), "taken");
    sql(b.conn, "UPDATE _migration_locks SET fence = fence + 1");
    sql(b.conn, "UPDATE _migration_meta SET number = number + 1 WHERE name = 'fence'");
    check_code(df_ledger_intend(a.ledger, &run, NULL, 0, &row, 1, &err), DF_LOCKED, &err,
               "who was overtaken writes no intent");
    check(ask(b.conn, "SELECT COUNT(*) FROM _migration_journal") == 0, "none is there");
    df_lease_give(a.ledger);
    sql(b.conn, "DELETE FROM _migration_locks");

    check_ok(take(&a, 0, 60000, any_error), "taken");
    sql(b.conn, "UPDATE _migration_locks SET lock_id = '12345678-1234-4234-8234-123456789012'");
    check_code(df_ledger_complete(a.ledger, &run, &result, &err), DF_LOCKED, &err,
               "nor does it complete anything");
    check(ask(b.conn, "SELECT COUNT(*) FROM _migration_history") == 0, "nothing is there");
    df_lease_give(a.ledger);
    sql(b.conn, "DELETE FROM _migration_locks");

    if (is_engine("sqlite")) {
        close_place(&a);
        close_place(&b);
        return;
    }
    /* Whoever wants to overtake must wait for the holder's open transaction. */
    df_limits quick = {.lock_ms = 200};
    check_ok(take(&a, 0, 60000, any_error), "taken");
    check_ok(df_ledger_begin(a.ledger, any_error), "a transaction of the holder");
    check_ok(df_set_limits(b.conn, &quick, any_error), "somebody who does not wait long");
    check_code(df_exec(b.conn,
                       is_engine("neo4j")
                           ? "MATCH (m:_MigrationMeta {name: 'fence'}) SET m.number = m.number + 1"
                       : is_engine("mariadb")
                           ? "UPDATE _migration_meta SET number = number + 1 WHERE name = 'fence'"
                           : "UPDATE _migration_locks SET fence = fence + 1",
                       NULL, 0, NULL, &err),
               DF_RETRY, &err, "cannot change the fence meanwhile");
    if (is_engine("postgres"))
        check_code(df_exec(b.conn, "DELETE FROM _migration_locks", NULL, 0, NULL, &err), DF_RETRY, &err,
                   "nor delete the row");
    check_ok(df_commit(a.conn, any_error), "which commits");
    df_lease_give(a.ledger);
    close_place(&a);
    close_place(&b);
}

static void test_left_over(void)
{
    const char *url = new_database();
    place a = open_place_as(url, true, "alice"), b = open_place_as(url, false, "bob");
    df_arena arena = {0};
    df_lock_status was;
    check_ok(take(&a, 0, 60000, any_error), "taken");
    int64_t id = ask(b.conn, "SELECT session_id FROM _migration_locks");
    if (is_engine("sqlite")) sql(b.conn, "UPDATE _migration_locks SET pid = 999999999");
    close_place(&a); /* without giving back: as a crash does */
    for (int i = 0; i < 1500 && state_of(&b) != DF_HOLDER_GONE; i++) sleep_ms(20);
    is_state(&b, DF_HOLDER_GONE, "its session ends without giving back");
    check_ok(take(&b, 2000, 60000, any_error), "the next one gets it at once, whatever is left of the lease");
    check(ask(b.conn, "SELECT COUNT(*) FROM _migration_audit_log WHERE action = 'lock_taken_over'") == 1,
          "which is audited");
    const char *details =
        ask_text(b.conn, "SELECT details FROM _migration_audit_log WHERE action = 'lock_taken_over'");
    check(strstr(details, "alice") && strstr(details, "gone"), "with whom it was taken from: %s", details);
    check(id >= 0, "(its session was %lld)", (long long)id);

    a = open_place_as(url, false, "alice");
    if (is_engine("sqlite")) sql(a.conn, "UPDATE _migration_locks SET pid = 999999999");
    close_place(&b);
    for (int i = 0; i < 1500 && state_of(&a) != DF_HOLDER_GONE; i++) sleep_ms(20);
    check_ok(df_lock_break(a.ledger, false, &was, &arena, any_error),
             "a left-over row is removed without force");
    check(was.state == DF_HOLDER_GONE && df_str_is(was.owner, "bob"), "and it is told what it was");
    is_state(&a, DF_HOLDER_NONE, "it is gone");
    check_ok(df_lock_break(a.ledger, false, &was, &arena, any_error),
             "where there is none there is nothing to do");
    check(ask(a.conn, "SELECT COUNT(*) FROM _migration_audit_log WHERE action = 'lock_broken'") == 1,
          "which is audited once");
    check_ok(take(&a, 0, 0, any_error), "and the lock can be taken");
    check(df_lease_fence(a.ledger) == 4, "with a fence above that of the breaking: %lld",
          (long long)df_lease_fence(a.ledger));
    close_place(&a);
    df_arena_release(&arena);
}

static void test_break(void)
{
    df_error err;
    const char *url = new_database();
    place a = open_place_as(url, true, "alice"), b = open_place_as(url, false, "bob");
    df_arena arena = {0};
    df_lock_status was;
    check_ok(take(&a, 0, 60000, any_error), "taken");
    check_code(df_lock_break(b.ledger, false, &was, &arena, &err), DF_REFUSED, &err,
               "a living holder's is not broken");
    check(was.state == DF_HOLDER_ALIVE && strstr(err.message, "alice"), "who it is: %s", err.message);
    check_ok(df_lease_check(a.ledger, any_error), "nothing has happened to it");
    check_ok(df_lock_break(b.ledger, true, &was, &arena, any_error), "but by force");
    df_code code = df_ledger_begin(a.ledger, &err);
    check(code == DF_LOCKED || code == DF_CONNECT, "the holder can begin nothing more: %s", err.message);
    if (is_engine("sqlite")) df_lease_give(a.ledger);
    check_ok(take(&b, 2000, 0, any_error), "and another gets it");
    close_place(&a);
    close_place(&b);
    df_arena_release(&arena);
}

static void test_rebind(void)
{
    df_error err;
    const char *url = new_database();
    place a = open_place(url, true), b = open_place(url, false);
    check_ok(take(&a, 0, 60000, any_error), "taken");
    df_conn *old = a.conn;
    a.conn = connect_to(url);
    df_ledger_rebind(a.ledger, a.conn); /* the old session still lives, as after a broken network */
    check(!df_lease_held(a.ledger), "on a new session it is not held");
    check_code(take(&b, 0, 60000, &err), DF_LOCKED, &err, "others do not get what the old session still has");
    if (is_engine("sqlite")) df_disconnect(old);
    check_ok(take(&a, 5000, 60000, any_error), "but we do: our own old session is ended");
    check_ok(df_ledger_begin(a.ledger, any_error), "and work");
    df_rollback(a.conn);
    if (!is_engine("sqlite")) {
        check_code(df_exec(old, "SELECT 1", NULL, 0, NULL, &err), DF_CONNECT, &err,
                   "the old session is gone");
        df_disconnect(old);
    }
    df_lease_give(a.ledger);
    close_place(&a);
    close_place(&b);
}

/* The row holds when the named lock was lost unnoticed; a script can do that. */
static void test_named_lock_lost(void)
{
    df_error err;
    const char *url = new_database();
    place a = open_place(url, true), b = open_place(url, false);
    check_ok(take(&a, 0, 60000, any_error), "taken");
    if (is_engine("postgres")) sql(a.conn, "SELECT pg_advisory_unlock_all()");
    if (is_engine("mariadb")) sql(a.conn, "SELECT RELEASE_ALL_LOCKS()");
    if (is_engine("sqlite")) {
        char path[1200];
        snprintf(path, sizeof path, "%s-dataflow-lock", url + strlen("sqlite://"));
        check(unlink(path) == 0, "the lock's file is removed");
    }
    check_code(take(&b, 100, 0, &err), DF_LOCKED, &err, "the row still keeps others out");
    check_ok(df_ledger_begin(a.ledger, any_error), "and its holder works on");
    df_rollback(a.conn);
    df_lease_give(a.ledger);
    check_ok(take(&b, 0, 0, any_error), "given back, another gets it");
    df_lease_give(b.ledger);
    close_place(&a);
    close_place(&b);
}

static void test_memory(void)
{
    place p = open_place("sqlite::memory:", true);
    lease_or_die(&p, 300);
    sleep_ms(500);
    check_ok(df_ledger_begin(p.ledger, any_error), "a database in memory needs no heartbeat");
    df_rollback(p.conn);
    df_lease_give(p.ledger);
    close_place(&p);
}

void test_locks(void)
{
    test_take_and_give();
    test_heartbeat();
    test_row_deleted();
    test_overtaken();
    test_left_over();
    test_break();
    test_rebind();
    test_named_lock_lost();
    if (is_engine("sqlite")) test_memory();
}
