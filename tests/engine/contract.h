/* SPDX-License-Identifier: Apache-2.0 */
/* The contract that every driver must keep, as tests; run once an engine. */
#ifndef TESTS_ENGINE_CONTRACT_H
#define TESTS_ENGINE_CONTRACT_H

#include "engine/engine.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>

/* What differs between the engines' SQL, as far as the tests need it. */
typedef struct flavour {
    const char *engine;
    const char *text, *blob, *boolean, *real; /* names of types */
    const char *hex;                          /* of the bytes of column t */
    bool has_bool, has_nan, has_infinity, has_nul_text;
    bool graph; /* speaks Cypher */
} flavour;

extern const flavour *fl;    /* of the engine under test */
extern const char *test_url; /* a database (or schema) of this run's own */

/* Connects to test_url, or ends the program with a "not ok". */
df_conn *connect_or_die(void);
df_conn *connect_with(const char *url, df_code expected); /* NULL unless expected is DF_OK */
/* Runs SQL; "not ok" when it does not end with `expected`. */
bool run_sql(df_conn *conn, df_code expected, const char *fmt, ...) DF_PRINTF(3, 4);
/* A query's first value as an integer; -1 (and "not ok") when that fails. */
int64_t ask_int(df_conn *conn, const char *fmt, ...) DF_PRINTF(2, 3);
/* check() of a code, with the error's message as a note. */
bool check_code(df_code got, df_code expected, const df_error *err, const char *what);

void test_values(void);
void test_statements(void);
void test_bulk(void);
void test_transactions(void);
void test_locks(void);
void test_cancel(void);
void test_errors(void);
void test_wrappers(void);
void test_limits(void);
void test_reset(void);
void test_sessions(void);
void test_commands(void);
void test_observe(void);
void test_inspect(void);

/* The same in Cypher, for engines that do not understand SQL. */
void test_graph_values(void);
void test_graph_statements(void);
void test_graph_transactions(void);
void test_graph_commands(void);
void test_graph_bulk(void);
void test_graph_limits(void);
void test_graph_cancel(void);
void test_graph_sessions(void);
void test_graph_schema(void);

#endif
