/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger's statements in PostgreSQL's words. */
#include "ledger/foreign.h"

#include "ledger_common.h"
#include "ledger_postgres.h"
#include "ledger_schema_postgres.h"

const ledger_dialect ledger_postgres = {
    .engine = "postgres",
    .sql =
        {
#define DF_X(name) [LEDGER_##name] = SQL_##name,
            LEDGER_STATEMENTS(DF_X)
#undef DF_X
                [LEDGER_has_schema] = SQL_has_schema,
            [LEDGER_guard] = SQL_guard,
            [LEDGER_guard_remember] = SQL_guard_remember,
            [LEDGER_guard_restore] = SQL_guard_restore,
            [LEDGER_row_lock] = SQL_row_lock,
            [LEDGER_beat_session] = SQL_beat_session,
            [LEDGER_audit_append] = SQL_audit_append,
            [LEDGER_audit_append_two] = SQL_audit_append_two,
            [LEDGER_complete_first] = SQL_complete_first,
            [LEDGER_journal_first] = SQL_journal_first,
        },
    .text = "?",
    .json = "?::JSONB",
    .at = "to_timestamp(?::FLOAT8 / 1000)",
    .now = "date_trunc('milliseconds', clock_timestamp())",
    .address = "host(ip_address)",
    .ms_before = "(date_part('epoch', ",
    .ms_behind = ") * 1000)::BIGINT",
    .tools = foreign_tools,
    .check = CHECK_DIVIDES,
    .plain_numbers = true,
};
