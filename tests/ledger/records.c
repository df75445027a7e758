/* SPDX-License-Identifier: Apache-2.0 */
/* Backups, restorations, the kept schema. */
#include "ledger_test.h"

static df_backup_record make_backup(const char *id, int64_t created_ms)
{
    return (df_backup_record){.id = df_str_from(id),
                              .filename = DF_STR("backup.sql.gz"),
                              .path = DF_STR("/var/backups/größe/backup.sql.gz"),
                              .checksum = df_str_from(sum_a),
                              .type = DF_STR("pre-migration"),
                              .size = 1234567890123,
                              .created_ms = created_ms,
                              .retention_days = 30,
                              .compressed = true,
                              .metadata = DF_STR("{\"engine\":\"PostgreSQL 15\"}")};
}

static void test_backups(void)
{
    df_error err;
    df_arena arena = {0};
    df_backup_record *list = NULL;
    size_t count = 0;
    place p = open_place(new_database(), false);
    check_code(df_backup_record_list(p.ledger, &arena, &list, &count, &err), DF_OK, &err, "without tables");
    check(count == 0, "there are no backups");
    check_ok(df_ledger_create(p.ledger, any_error), "the tables");
    df_backup_record older = make_backup("b-1", 1700000000000), newer = make_backup("b-2", 1700000000001);
    newer.created_by = DF_STR("someone");
    newer.encrypted = true;
    newer.retention_days = 0;
    check_ok(df_backup_record_add(p.ledger, &newer, any_error), "a backup is recorded");
    check_ok(df_backup_record_add(p.ledger, &older, any_error), "and another");
    check_code(df_backup_record_add(p.ledger, &older, &err), DF_CONFLICT, &err, "not the same one twice");
    check_code(df_backup_record_list(p.ledger, &arena, &list, &count, &err), DF_OK, &err, "they are listed");
    check(count == 2 && df_str_is(list[0].id, "b-2") && df_str_is(list[1].id, "b-1"), "newest first");
    if (count != 2) return;
    check(list[0].created_ms == 1700000000001 && list[0].size == 1234567890123, "with time and size");
    check(list[0].encrypted && list[0].compressed && !list[1].encrypted, "how they are packed");
    check(list[0].retention_days == 0 && list[1].retention_days == 30, "how long they are kept");
    check(df_str_is(list[0].created_by, "someone") && df_str_is(list[1].created_by, "ops"), "who made them");
    check(df_str_is(list[0].path, "/var/backups/größe/backup.sql.gz") && list[0].verified_ms == 0,
          "where they are");
    older.metadata = DF_STR("{\"verified_at\":\"2026-01-01\",\"tables\":3}");
    older.verified_ms = 1700000005000;
    check_ok(df_backup_record_update(p.ledger, &older, any_error), "it was verified");
    check_code(df_backup_record_list(p.ledger, &arena, &list, &count, &err), DF_OK, &err, "listed again");
    check(count == 2 && list[1].verified_ms == 1700000005000 &&
              strstr(df_arena_cstr(&arena, list[1].metadata), "tables"),
          "with what was found");
    df_backup_record unknown = make_backup("b-3", 0);
    check_code(df_backup_record_update(p.ledger, &unknown, &err), DF_NOT_FOUND, &err,
               "one that is not there");
    check_ok(df_backup_restored(p.ledger, newer.id, false, 1234, "disk full", any_error),
             "a restoration that failed");
    check(
        ask(p.conn,
            "SELECT COUNT(*) FROM _backup_restoration_history WHERE backup_id = 'b-2' AND duration_ms = 1234"
            " AND error_message = 'disk full'") == 1,
        "is recorded");
    check_ok(df_backup_record_remove(p.ledger, newer.id, any_error), "taken out");
    check_code(df_backup_record_remove(p.ledger, newer.id, &err), DF_NOT_FOUND, &err, "once");
    close_place(&p);
    df_arena_release(&arena);
}

static void test_schema(void)
{
    enum { MEGABYTES = 3 };
    df_error err;
    df_arena arena = {0};
    char digest[65];
    int64_t taken;
    df_str content;
    place p = open_place(new_database(), true);
    check_code(df_schema_kept(p.ledger, &arena, digest, &taken, &content, &err), DF_NOT_FOUND, &err,
               "no schema yet");
    df_buf large = {0};
    for (int i = 0; i < MEGABYTES * 1024 * 1024 / 32; i++)
        df_buf_text(&large, "[\"table\",null,null,\"größe\",\"\"]\n");
    check_ok(df_schema_keep(p.ledger, "run-1", sum_a, 1, DF_STR("first"), any_error), "the schema is kept");
    check_ok(df_schema_keep(p.ledger, "run-2", sum_b, 2, DF_STR("second"), any_error), "and again");
    check_ok(df_schema_keep(p.ledger, "run-3", sum_a, 3, df_buf_str(&large), any_error),
             "and again, a large one");
    check_code(df_schema_kept(p.ledger, &arena, digest, &taken, &content, &err), DF_OK, &err, "the newest");
    check(strcmp(digest, sum_a) == 0 && df_str_eq(content, df_buf_str(&large)) && taken > 1700000000000,
          "is given back");
    check(ask(p.conn, "SELECT COUNT(*) FROM _migration_schema") == 2, "two are kept");
    df_buf_release(&large);
    close_place(&p);
    df_arena_release(&arena);
}

void test_records(void)
{
    test_backups();
    test_schema();
}
