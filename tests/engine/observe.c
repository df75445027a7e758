/* SPDX-License-Identifier: Apache-2.0 */
/* What a transaction locks, rewrites, reads and writes: the expectations are those measured on PostgreSQL 15.
 */
#include "contract.h"

#include "engine/session.h"

#include <string.h>

static const df_lock_seen *lock_on(const df_observation *seen, const char *relation)
{
    for (size_t i = 0; i < seen->n_locks; i++) {
        const char *name = memchr(seen->locks[i].relation.ptr, '.', seen->locks[i].relation.len);
        if (name && strncmp(name + 1, relation, strlen(relation)) == 0 &&
            seen->locks[i].relation.ptr + seen->locks[i].relation.len == name + 1 + strlen(relation))
            return &seen->locks[i];
    }
    return NULL;
}

static const df_table_seen *table_of(const df_observation *seen, const char *table)
{
    for (size_t i = 0; i < seen->n_tables; i++) {
        df_str name = seen->tables[i].table, end = df_str_from(table);
        if (df_str_ends(name, end) && name.ptr[name.len - end.len - 1] == '.') return &seen->tables[i];
    }
    return NULL;
}

/* One statement, as the lock table of PostgreSQL 15 has it. */
typedef struct expectation {
    const char *sql, *mode; /* on o; NULL: none */
    const char *other;      /* mode on r */
    bool rewritten;
    int64_t scanned; /* twice when indexes are built anew, too */
} expectation;

static const expectation expected[] = {
    {"ALTER TABLE o ADD COLUMN a1 INTEGER", "AccessExclusiveLock", NULL, false, 0},
    {"ALTER TABLE o ADD COLUMN a2 TIMESTAMPTZ NOT NULL DEFAULT now()", "AccessExclusiveLock", NULL, false, 0},
    {"ALTER TABLE o ADD COLUMN a3 UUID DEFAULT gen_random_uuid()", "AccessExclusiveLock", NULL, true, 2000},
    {"ALTER TABLE o ADD COLUMN a4 INTEGER REFERENCES r", "AccessExclusiveLock", "ShareRowExclusiveLock",
     false, 0},
    {"ALTER TABLE o ALTER COLUMN n SET STATISTICS 100", "ShareUpdateExclusiveLock", NULL, false, 0},
    {"ALTER TABLE o ADD CONSTRAINT c CHECK (n > 0) NOT VALID", "AccessExclusiveLock", NULL, false, 0},
    {"ALTER TABLE o ADD CONSTRAINT c CHECK (n > 0)", "AccessExclusiveLock", NULL, false, 1000},
    {"ALTER TABLE o ALTER COLUMN n SET NOT NULL", "AccessExclusiveLock", NULL, false, 1000},
    {"ALTER TABLE o ALTER COLUMN t TYPE TEXT", "AccessExclusiveLock", NULL, false, 0},
    {"ALTER TABLE o ALTER COLUMN n TYPE BIGINT", "AccessExclusiveLock", NULL, true, 2000},
    {"CREATE INDEX i ON o (n)", "ShareLock", NULL, false, 1000},
    {"CREATE TRIGGER g BEFORE UPDATE ON o FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
     "ShareRowExclusiveLock", NULL, false, 0},
    {"TRUNCATE o", "AccessExclusiveLock", NULL, true, 0},
    {"SELECT COUNT(*) FROM o", "AccessShareLock", NULL, false, 1000},
};

static void test_statement(df_conn *conn, const expectation *e)
{
    df_error err;
    df_arena arena = {0};
    df_observation seen;
    df_observer_state *state = NULL;
    check(df_begin(conn, &err) == DF_OK, "begin");
    df_code code = df_observe_begin(conn, &state, &err);
    if (check_code(code, DF_OK, &err, "observe")) {
        run_sql(conn, DF_OK, "%s", e->sql);
        code = df_observe(conn, state, &arena, &seen, &err);
        check_code(code, DF_OK, &err, e->sql);
        const df_lock_seen *lock = lock_on(&seen, "o"), *other = lock_on(&seen, "r");
        const df_table_seen *table = table_of(&seen, "o");
        bool ok = lock && df_str_is(lock->mode, e->mode) && df_str_is(lock->kind, "table") && !lock->created;
        ok = ok && (e->other ? other && df_str_is(other->mode, e->other) : !other);
        ok = ok && (table ? table->rewritten : false) == e->rewritten &&
             (table ? table->scanned : 0) == e->scanned;
        check(ok, "%s: %s%s", e->sql, e->mode, e->rewritten ? ", rewrites" : "");
        if (!ok) {
            note("%.*s, %s, %lld rows", DF_FMT(lock ? lock->mode : DF_STR("none")),
                 table && table->rewritten ? "rewritten" : "kept", table ? (long long)table->scanned : 0);
        }
        check(seen.wal_bytes >= 0 && seen.oldest_ms >= 0, "with time and log");
        code = df_observe(conn, state, &arena, &seen, &err);
        check(code == DF_OK && seen.n_locks == 0 && seen.n_tables == 0, "nothing new, nothing told");
    }
    df_rollback(conn);
    df_observe_end(state);
    df_arena_release(&arena);
}

/* Several statements in one transaction: each look tells what came since the last. */
static void test_sequence(df_conn *conn)
{
    df_error err;
    df_arena arena = {0};
    df_observation seen;
    df_observer_state *state = NULL;
    run_sql(conn, DF_OK, "SELECT COUNT(*) FROM o"); /* counted, but not ours */
    check(df_begin(conn, &err) == DF_OK && df_observe_begin(conn, &state, &err) == DF_OK, "begin");
    run_sql(conn, DF_OK, "CREATE TABLE made (id INTEGER PRIMARY KEY)");
    check(df_observe(conn, state, &arena, &seen, &err) == DF_OK && lock_on(&seen, "made") &&
              lock_on(&seen, "made")->created,
          "a new table is locked, and new");
    check(!lock_on(&seen, "o"), "others are not");
    run_sql(conn, DF_OK, "INSERT INTO made SELECT id FROM o");
    check(df_observe(conn, state, &arena, &seen, &err) == DF_OK && table_of(&seen, "made")->written == 1000 &&
              table_of(&seen, "o")->scanned == 1000 && table_of(&seen, "o")->written == 0,
          "rows written and read");
    check(df_str_is(lock_on(&seen, "o")->mode, "AccessShareLock"), "a reader's lock");
    run_sql(conn, DF_OK, "UPDATE o SET n = n + 1 WHERE id <= 10");
    run_sql(conn, DF_OK, "DELETE FROM o WHERE id > 990");
    check(df_observe(conn, state, &arena, &seen, &err) == DF_OK && table_of(&seen, "o")->written == 20,
          "updates and deletes");
    check(df_str_is(lock_on(&seen, "o")->mode, "RowExclusiveLock"), "a stronger lock is told again");
    run_sql(conn, DF_OK, "DROP TABLE o");
    check(df_observe(conn, state, &arena, &seen, &err) == DF_OK && lock_on(&seen, "o") &&
              df_str_is(lock_on(&seen, "o")->mode, "AccessExclusiveLock"),
          "what is dropped has its name still");
    check(seen.wal_bytes > 10000, "the log has grown by %lld bytes", (long long)seen.wal_bytes);
    df_rollback(conn);
    df_observe_end(state);
    df_arena_release(&arena);
}

void test_observe(void)
{
    df_error err;
    df_observer_state *state = NULL;
    df_conn *conn = connect_or_die();
    if (!(df_conn_caps(conn) & DF_CAP_OBSERVE)) {
        check(df_begin(conn, &err) == DF_OK && df_observe_begin(conn, &state, &err) == DF_UNSUPPORTED &&
                  !state,
              "there is nothing to observe: %s", err.message);
        df_observe_end(state);
        df_rollback(conn);
        df_disconnect(conn);
        return;
    }
    check(df_observe_begin(conn, &state, &err) == DF_BUG, "only inside a transaction");
    run_sql(conn, DF_OK, "CREATE TABLE r (id INTEGER PRIMARY KEY)");
    run_sql(conn, DF_OK, "CREATE TABLE o (id INTEGER PRIMARY KEY, n INTEGER, t VARCHAR(10))");
    run_sql(conn, DF_OK, "INSERT INTO o SELECT i, i, 'x' FROM generate_series(1, 1000) i");
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) test_statement(conn, &expected[i]);
    test_sequence(conn);
    run_sql(conn, DF_OK, "DROP TABLE o, r");
    df_disconnect(conn);
}
