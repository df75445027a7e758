/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's statements in Neo4j's words. */
#include "ledger/foreign.h"

#include "ledger_neo4j.h"
#include "ledger_schema_neo4j.h"

const ledger_dialect ledger_neo4j = {
    .engine = "neo4j",
    .sql =
        {
#define DF_X(name) [LEDGER_##name] = SQL_##name,
            LEDGER_STATEMENTS(DF_X)
#undef DF_X
                [LEDGER_audit_head] = SQL_audit_head,
            [LEDGER_rest] = SQL_rest,
            [LEDGER_start_first] = SQL_start_first,
            [LEDGER_complete_first] = SQL_complete_first,
            [LEDGER_source_first] = SQL_source_first,
            [LEDGER_journal_first] = SQL_journal_first,
            [LEDGER_journal_first_end] = SQL_journal_first_end,
            [LEDGER_sequence] = SQL_sequence,
            [LEDGER_check_row] = SQL_check_row,
        },
    .text = "?",
    .json = "?",
    .at = "datetime({epochMillis: ?})",
    .now = "datetime()",
    .address = "",
    .ms_before = "",
    .ms_behind = ".epochMillis",
    .tools = foreign_graph_tools,
    .check = CHECK_NUMBER,
    .graph = true,
};
