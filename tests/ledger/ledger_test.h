/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger's tests share: a database of their own each, connections, migrations made by hand. */
#ifndef TESTS_LEDGER_TEST_H
#define TESTS_LEDGER_TEST_H

#include "ledger/ledger.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const char *engine; /* "sqlite", "postgres", "mariadb" */
static inline bool is_engine(const char *name)
{
    return strcmp(engine, name) == 0;
}

/* A new, empty database; its URL is valid until the program ends, and it is dropped then. */
const char *new_database(void);
df_conn *connect_to(const char *url); /* ends the program when it cannot */
/* Connects and opens; creates the tables when `create`. */
typedef struct place {
    const char *url;
    df_conn *conn;
    df_ledger *ledger;
} place;
place open_place(const char *url, bool create);
place open_place_as(const char *url, bool create, const char *actor);
void close_place(place *p);

bool check_code(df_code got, df_code expected, const df_error *err, const char *what);
/* check_ok(call(…, any_error), "what it does"): the call must end with DF_OK. */
__attribute__((weak)) df_error last_error;
#define any_error            (&last_error)
#define check_ok(call, what) check_code((call), DF_OK, any_error, what)
/* Runs SQL; "not ok" when it fails. {at} … nothing is replaced. */
void sql(df_conn *conn, const char *fmt, ...) DF_PRINTF(2, 3);
int64_t ask(df_conn *conn, const char *fmt, ...) DF_PRINTF(2, 3);          /* -1 when it fails */
const char *ask_text(df_conn *conn, const char *fmt, ...) DF_PRINTF(2, 3); /* valid until the next call */

/* A migration as the reader of files would have made it. */
df_migration make_migration(const char *id, const char *version, const char *name, const char *up,
                            const char *down);
df_run make_run(const df_migration *migration, df_direction direction, bool journalled);
df_journal_row make_row(int32_t number, const char *text, df_step_status status);
extern const char sum_a[65], sum_b[65];

void lease_or_die(place *p, int64_t ttl_ms);
void sleep_ms(long ms);
/* Runs a shell command; its output (cut) is valid until the next call, status in *status. */
const char *shell(int *status, const char *fmt, ...) DF_PRINTF(2, 3);

/* The parts. */
void test_tables(void);
void test_history(void);
void test_journal(void);
void test_audit(void);
void test_records(void);
void test_locks(void);
void test_graph(void);

#endif
