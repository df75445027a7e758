/* SPDX-License-Identifier: Apache-2.0 */
/* The tests ask for the ledger's tables in SQL; of a graph, where they are labels, the same is asked in Cypher. */
#ifndef LEDGER_TEST_CYPHER_H
#define LEDGER_TEST_CYPHER_H

#include "base/buf.h"

/* SELECT, UPDATE, DELETE and INSERT of one table, with the conditions that tests need; anything else comes back as it is. */
void cypher_of(const char *sql, df_buf *out);

#endif
