/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's statements in SQLite's words. */
#include "ledger/foreign.h"

#include "ledger_common.h"
#include "ledger_schema_sqlite.h"
#include "ledger_sqlite.h"

const ledger_dialect ledger_sqlite = {
    .engine = "sqlite",
    .sql =
        {
#define DF_X(name) [LEDGER_##name] = SQL_##name,
            LEDGER_STATEMENTS(DF_X)
#undef DF_X
                [LEDGER_audit_head] = SQL_audit_head,
            [LEDGER_columns] = SQL_columns,
            [LEDGER_rest] = SQL_rest,
            [LEDGER_complete_first] = SQL_complete_first,
            [LEDGER_journal_first] = SQL_journal_first,
        },
    .text = "?",
    .json = "?",
    .at = "strftime('%Y-%m-%d %H:%M:%f', ? / 1000.0, 'unixepoch')",
    .now = "strftime('%Y-%m-%d %H:%M:%f', 'now')",
    .address = "ip_address",
    .ms_before = "CAST(ROUND((julianday(",
    .ms_behind = ") - 2440587.5) * 86400000) AS INTEGER)",
    .tools = foreign_tools,
    .check = CHECK_ROW,
};
