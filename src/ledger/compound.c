/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch as one compound statement, for an engine without pipelines: a dozen round trips become one. The
 * hashes of the audit log are made by the server, since the head that they follow is read in the same
 * statement.
 */
#include "ledger/ledger_int.h"

#include <stdlib.h>

/* What SIGNAL without a number of its own gives. */
static const char SIGNALLED[] = "1644", NO_HEAD[] = "1643";

typedef struct compound {
    df_ledger *ledger;
    df_buf sql;
    df_value *values;
    size_t count, cap;
} compound;

static void add(compound *c, const char *sql, const df_value *values, size_t count)
{
    df_buf_text(&c->sql, sql);
    df_buf_text(&c->sql, ";\n");
    for (size_t i = 0; i < count; i++) DF_PUSH(c->values, c->count, c->cap) = values[i];
}

static void add_expanded(compound *c, const char *sql, const df_value *values, size_t count)
{
    df_buf text = {0};
    ledger_expand(c->ledger, sql, &text);
    add(c, df_buf_cstr(&text), values, count);
    df_buf_release(&text);
}

static void add_check(compound *c, df_arena *arena)
{
    df_command check[MOST_CHECKS];
    ledger_check_commands(c->ledger, arena, check);
    df_buf_printf(&c->sql, "IF NOT (%s) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'fence'; END IF;\n",
                  check->sql);
    for (size_t i = 0; i < check->n_params; i++) DF_PUSH(c->values, c->count, c->cap) = check->params[i];
}

static void add_entries(compound *c, ledger_batch *batch)
{
    if (!batch->n_entries) return;
    add_expanded(c,
                 "SELECT number, value, {ms:{now}} INTO dataflow_n, dataflow_hash, dataflow_ms "
                 "FROM {s}_migration_meta WHERE name = 'audit' FOR UPDATE",
                 NULL, 0);
    df_buf_text(
        &c->sql,
        "IF dataflow_hash IS NULL THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1643, MESSAGE_TEXT = "
        "'head'; END IF;\n");
    for (size_t i = 0; i < batch->n_entries; i++) {
        const df_audit_entry *e = &batch->entries[i];
        df_buf before = {0}, behind = {0};
        ledger_entry_json(e, &before, &behind);
        df_value ago = df_v_int(e->time_ms);
        df_value hashed[] = {df_v_str(df_arena_str(&batch->arena, df_buf_str(&before))), ago,
                             df_v_str(df_arena_str(&batch->arena, df_buf_str(&behind)))};
        df_value row[] = {df_v_str(e->migration_id), df_v_str(e->action),
                          df_v_str(e->actor),        ago,
                          df_v_str(e->address),      df_v_str(e->user_agent),
                          df_v_str(e->details),      df_v_str(e->database_user),
                          df_v_str(e->environment)};
        add(c,
            "SET dataflow_previous = dataflow_hash, dataflow_hash = "
            "SHA2(CONCAT(dataflow_hash, ?, dataflow_ms - ?, ?), 256)",
            hashed, 3);
        add_expanded(
            c,
            "INSERT INTO {s}_migration_audit_log (migration_id, action, actor, timestamp, ip_address, "
            "user_agent, details, database_user, environment, previous, hash) VALUES (?, ?, ?, "
            "FROM_UNIXTIME((dataflow_ms - ?) / 1000), ?, ?, ?, ?, ?, dataflow_previous, dataflow_hash)",
            row, 9);
        df_buf_release(&before);
        df_buf_release(&behind);
    }
    df_value n = df_v_int((int64_t)batch->n_entries);
    add_expanded(
        c,
        "UPDATE {s}_migration_meta SET number = dataflow_n + ?, previous = value, value = dataflow_hash "
        "WHERE name = 'audit'",
        &n, 1);
}

bool ledger_can_compound(const ledger_batch *batch)
{
    const df_ledger *ledger = batch->ledger;
    if (!ledger->dialect->compound || ledger->no_compound) return false;
    if (strncmp(df_conn_server(ledger->conn), "MariaDB", 7) != 0) return false;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->commands[i].fn) return false;
    }
    return true;
}

df_code ledger_run_compound(ledger_batch *batch, bool own, bool fenced, df_error *err)
{
    compound c = {.ledger = batch->ledger};
    df_buf_text(&c.sql, "BEGIN NOT ATOMIC\n"
                        "DECLARE dataflow_n, dataflow_ms BIGINT;\n"
                        "DECLARE dataflow_previous, dataflow_hash CHAR(64) CHARACTER SET ascii;\n");
    if (own) {
        df_buf_text(&c.sql, "DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END;\n"
                            "START TRANSACTION;\n");
    }
    if (fenced) add_check(&c, &batch->arena);
    for (size_t i = 0; i < batch->count; i++)
        add(&c, batch->commands[i].sql, batch->commands[i].params, batch->commands[i].n_params);
    add_entries(&c, batch);
    df_buf_text(&c.sql, own ? "COMMIT;\nEND" : "END");
    ledger_adapt(c.ledger, c.values, c.count, c.values);
    df_code code = df_exec(c.ledger->conn, df_buf_cstr(&c.sql), c.values, c.count, NULL, err);
    df_buf_release(&c.sql);
    free(c.values);
    if (code != DF_OK && strcmp(err->native, NO_HEAD) == 0) return ledger_no_head(err);
    if (code != DF_OK && fenced && strcmp(err->native, SIGNALLED) == 0)
        code = ledger_lost(batch->ledger, err);
    return code;
}
