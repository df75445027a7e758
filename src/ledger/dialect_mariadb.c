/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's statements in MariaDB's words. */
#include "ledger/foreign.h"

#include "ledger_common.h"
#include "ledger_mariadb.h"
#include "ledger_schema_mariadb.h"

const ledger_dialect ledger_mariadb = {
    .engine = "mariadb",
    .sql =
        {
#define DF_X(name) [LEDGER_##name] = SQL_##name,
            LEDGER_STATEMENTS(DF_X)
#undef DF_X
                [LEDGER_audit_head] = SQL_audit_head,
            [LEDGER_complete_first] = SQL_complete_first,
            [LEDGER_journal_first] = SQL_journal_first,
        },
    .text = "CONVERT(? USING utf8mb4)",
    .json = "?",
    .at = "FROM_UNIXTIME(? / 1000)",
    .now = "NOW(3)",
    .address = "ip_address",
    .ms_before = "CAST(UNIX_TIMESTAMP(",
    .ms_behind = ") * 1000 AS SIGNED)",
    .tools = foreign_tools,
    .check = CHECK_FENCE,
    .compound = true,
    .wide_as_blob = true,
};
