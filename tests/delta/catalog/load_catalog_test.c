/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, locks, status, removal, rows changed by hand, several at once, and every call failing once. */
#include "base/clock.h"
#include "delta/catalog/load_int.h"
#include "engine/wrap/wrap.h"
#include "load_model.h"
#include "load_server.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define DF_TRY_IGNORE(call)                                                                                  \
    do {                                                                                                     \
        if ((call) != DF_OK) note("%s", err.message);                                                        \
    } while (0)

static const test_server *server;
static df_arena memory;

static delta_catalog *open_at(const char *url)
{
    df_error err = {0};
    delta_catalog *catalog = NULL;
    if (delta_catalog_open(url, DELTA_CATALOG_CREATE, NULL, &catalog, &err) == DF_OK) return catalog;
    printf("Bail out! %s: %s\n", server->name, err.message);
    exit(1);
}

static df_str id_of(const char *what)
{
    return df_str_from(df_arena_printf(&memory, "%s-%d", what, (int)getpid()));
}

static df_code open_loader(delta_catalog *catalog, df_str id, bool restart, delta_loader **loader,
                           df_error *err)
{
    delta_load_options options = {.table_id = id,
                                  .location = DF_STR("/data/it's"),
                                  .history = DF_STR("full"),
                                  .batch_size = 20,
                                  .files_total = 1000,
                                  .restart = restart};
    return delta_loader_open(catalog, &options, loader, err);
}

static df_code load(delta_catalog *catalog, const model_log *log, df_str id, int64_t up_to, bool restart,
                    df_error *err)
{
    delta_loader *loader;
    DF_TRY(delta_table_lock(catalog, id, 5000, err));
    df_code code = open_loader(catalog, id, restart, &loader, err);
    if (code == DF_OK) {
        loader->piece_size = 9;
        loader->hold_s = 0;
        code = model_load(log, loader, up_to, -1, err);
        if (code == DF_OK) code = delta_loader_finish(loader, DF_STR("[{\"file\":\"x\"}]"), err);
        delta_loader_close(loader);
    }
    delta_table_unlock(catalog, id);
    return code;
}

static void load_or_tell(delta_catalog *catalog, const model_log *log, df_str id, int64_t up_to)
{
    df_error err = {0};
    if (load(catalog, log, id, up_to, false, &err) != DF_OK) note("%s", err.message);
}

static void sql(delta_catalog *catalog, const char *text, df_str id)
{
    df_error err = {0};
    df_value param = df_v_str(id);
    if (df_exec(catalog->conn, text, &param, 1, NULL, &err) != DF_OK) note("%s", err.message);
}

static int64_t count(delta_catalog *catalog, const char *table, df_str id)
{
    df_error err = {0};
    int64_t n;
    df_value param = df_v_str(id);
    const char *query = df_arena_printf(&memory, "SELECT COUNT(*) FROM %s WHERE table_id = ?", table);
    if (delta_ask_int(catalog, query, &param, 1, -1, &n, &err) != DF_OK) note("%s", err.message);
    return n;
}

static void forget(delta_catalog *catalog, df_str id)
{
    int64_t rows;
    df_code ignored = delta_table_remove(catalog, id, &rows, NULL);
    (void)ignored;
}

static delta_status status_of(delta_catalog *catalog, df_str id)
{
    df_error err = {0};
    delta_status *list = NULL;
    size_t n = 0;
    if (delta_status_list(catalog, id, &memory, &list, &n, &err) != DF_OK) note("%s", err.message);
    return n ? list[0] : (delta_status){.version = -7};
}

/* ---- a catalog that is not there yet ---- */

/* The same server, another schema, database or file. */
static char *fresh_url(void)
{
    df_buf url = {0};
    const char *query = strchr(server->url, '?');
    size_t plain = query ? (size_t)(query - server->url) : strlen(server->url);
    if (server->folder[0]) {
        df_buf_printf(&url, "sqlite://%s/fresh.db", server->folder);
    } else if (strcmp(server->name, "postgres") == 0) {
        df_buf_printf(&url, "%s%cschema=fresh_%d", server->url, query ? '&' : '?', (int)getpid());
    } else {
        delta_catalog *catalog = open_at(server->url);
        df_error err = {0};
        const char *make = df_arena_printf(&memory, "CREATE DATABASE fresh_%d", (int)getpid());
        if (df_exec(catalog->conn, make, NULL, 0, NULL, &err) != DF_OK) note("%s", err.message);
        delta_catalog_close(catalog);
        while (plain && server->url[plain - 1] != '/') plain--;
        df_buf_printf(&url, "%.*sfresh_%d%s", (int)plain, server->url, (int)getpid(), query ? query : "");
    }
    df_buf_cstr(&url);
    return url.ptr;
}

static void drop_fresh(void)
{
    if (server->folder[0]) {
        static const char *const ends[] = {"", "-wal", "-shm", "-dataflow-lock"};
        for (int i = 0; i < 4; i++)
            unlink(df_arena_printf(&memory, "%s/fresh.db%s", server->folder, ends[i]));
        return;
    }
    delta_catalog *catalog = open_at(server->url);
    bool postgres = strcmp(server->name, "postgres") == 0;
    const char *drop = df_arena_printf(
        &memory, postgres ? "DROP SCHEMA fresh_%d CASCADE" : "DROP DATABASE fresh_%d", (int)getpid());
    df_error err = {0};
    if (df_exec(catalog->conn, drop, NULL, 0, NULL, &err) != DF_OK) note("%s", err.message);
    delta_catalog_close(catalog);
}

static void check_creation(void)
{
    enum { PROCESSES = 6 };
    df_error err = {0};
    delta_catalog *catalog = NULL;
    char *url = fresh_url();
    df_code code = delta_catalog_open(url, DELTA_CATALOG_READ, NULL, &catalog, &err);
    check(code == DF_NOT_FOUND, "%s: reading needs a catalog: %s", server->name, err.message);
    if (code == DF_OK) delta_catalog_close(catalog);
    int failed = 0, status;
    fflush(stdout);
    for (int i = 0; i < PROCESSES; i++) {
        if (fork() != 0) continue;
        catalog = open_at(url);
        delta_catalog_close(catalog);
        _exit(0);
    }
    for (int i = 0; i < PROCESSES; i++) {
        wait(&status);
        failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    }
    check(failed == 0, "%s: %d processes make the catalog at once", server->name, PROCESSES);
    catalog = open_at(url);
    int64_t from = -1, to = -1, rows;
    code = delta_catalog_upgrade(catalog, &from, &to, &err);
    check(code == DF_OK && from == DELTA_CATALOG_VERSION && to == from, "%s: nothing to upgrade",
          server->name);
    DF_TRY_IGNORE(delta_ask_int(catalog, "SELECT COUNT(*) FROM delta_catalog", NULL, 0, 0, &rows, &err));
    check(rows == 1, "%s: one row says its version", server->name);
    DF_TRY_IGNORE(df_exec(catalog->conn, "INSERT INTO delta_catalog (version, program) VALUES (99, 'x')",
                          NULL, 0, NULL, &err));
    delta_catalog_close(catalog);
    code = delta_catalog_open(url, DELTA_CATALOG_CREATE, NULL, &catalog, &err);
    check(code == DF_REFUSED, "%s: a newer catalog is refused: %s", server->name, err.message);
    drop_fresh();
    free(url);
}

/* ---- locks ---- */

/* A process that takes the lock, writes "running", says so, and waits to be killed. */
static pid_t hold_elsewhere(df_str id)
{
    int ready[2];
    char byte;
    if (pipe(ready) != 0) exit(1);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        df_error err = {0};
        delta_loader *loader;
        delta_catalog *catalog = open_at(server->url);
        if (delta_table_lock(catalog, id, 0, &err) != DF_OK ||
            open_loader(catalog, id, false, &loader, &err) != DF_OK)
            fprintf(stderr, "child: %s\n", err.message);
        if (write(ready[1], "x", 1) == 1) pause();
        _exit(0);
    }
    if (read(ready[0], &byte, 1) != 1) exit(1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void check_locks(void)
{
    df_error err = {0};
    df_str id = id_of("lock");
    delta_catalog *catalog = open_at(server->url);
    pid_t child = hold_elsewhere(id);
    df_code code = delta_table_lock(catalog, id, 50, &err);
    char *pid = df_arena_printf(&memory, ":%d", (int)child);
    check(code == DF_LOCKED && strstr(err.message, pid), "%s: the holder is named: %s", server->name,
          err.message);
    delta_status status = status_of(catalog, id);
    check(df_str_is(status.status, "running") && !status.abandoned, "%s: its status is running",
          server->name);
    check(status.files_total == 1000 && status.version == -1 && status.started_at.len == 24 &&
              !status.completed_at.ptr,
          "%s: the status row is whole: started at %.*s", server->name, DF_FMT(status.started_at));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    double before = df_monotonic_s();
    code = delta_table_lock(catalog, id, 5000, &err);
    check(code == DF_OK, "%s: its death frees the lock, %.0f ms", server->name,
          (df_monotonic_s() - before) * 1000);
    delta_table_unlock(catalog, id);
    status = status_of(catalog, id);
    check(df_str_is(status.status, "failed") && status.abandoned && status.error_message.ptr,
          "%s: it was abandoned: %.*s", server->name, DF_FMT(status.error_message));
    check(count(catalog, "delta_locks", id) == 0, "%s: nothing stays in delta_locks", server->name);
    forget(catalog, id);
    delta_catalog_close(catalog);
}

static void check_fencing(const model_log *log)
{
    df_error err = {0};
    df_str id = id_of("fence");
    delta_loader *loader;
    delta_catalog *catalog = open_at(server->url), *other = open_at(server->url);
    df_code code = delta_table_lock(catalog, id, 0, &err);
    if (code == DF_OK) code = open_loader(catalog, id, false, &loader, &err);
    check(code == DF_OK, "%s: a loader opens", server->name);
    loader->batch_size = 1000000;
    size_t last = 0; /* in front of a gap what is open is committed */
    while (last < 3 && !log->versions[last + 1].from_checkpoint) last++;
    if (code == DF_OK) code = model_load(log, loader, log->versions[last].version, -1, &err);
    sql(other, "UPDATE delta_locks SET token = 7 WHERE table_id = ?", id);
    if (code == DF_OK) code = delta_loader_finish(loader, DF_STR_NONE, &err);
    check(code == DF_LOCKED, "%s: who lost the lock cannot commit: %s", server->name, err.message);
    delta_loader_close(loader);
    check(count(other, "delta_files", id) == 0 && count(other, "delta_versions", id) == 0,
          "%s: nothing of it is visible", server->name);
    delta_table_unlock(catalog, id);
    forget(catalog, id);
    delta_catalog_close(other);
    delta_catalog_close(catalog);
}

/* ---- status, tables ---- */

static void check_tables(const model_log *log)
{
    df_error err = {0};
    df_str id = id_of("Orders"), last_id = id_of("pending");
    int64_t last = log->versions[log->count - 1].version, rows;
    delta_table table;
    delta_catalog *catalog = open_at(server->url);
    load_or_tell(catalog, log, id, last);
    df_code code = delta_table_get(catalog, id, &memory, &table, &err);
    check(code == DF_OK && table.version == last && table.first_version == log->versions[0].version &&
              df_str_is(table.location, "/data/it's") && df_str_is(table.history, "full") && !table.flag.ptr,
          "%s: the table is as it was loaded", server->name);
    code = delta_table_at(catalog, DF_STR("/data/it's"), &memory, &table, &err);
    check(code == DF_OK && df_str_eq(table.table_id, id), "%s: it is found by its location", server->name);
    df_str wrong = df_str_from(df_arena_printf(&memory, "orders-%d", (int)getpid()));
    code = delta_table_get(catalog, wrong, &memory, &table, &err);
    check(code == DF_NOT_FOUND && strstr(err.hint, df_arena_cstr(&memory, id)), "%s: case counts: %s; %s",
          server->name, err.message, err.hint);
    delta_status status = status_of(catalog, id);
    check(df_str_is(status.status, "completed") && status.version == last && status.completed_at.len == 24 &&
              df_str_is(status.warnings, "[{\"file\":\"x\"}]") && !status.error_message.ptr,
          "%s: its status is completed", server->name);
    code = delta_status_set(catalog, last_id, DF_STR("/p"), "pending", NULL, &err);
    check(code == DF_OK && df_str_is(status_of(catalog, last_id).status, "pending"), "%s: a pending table",
          server->name);
    code = delta_status_set(catalog, id, DF_STR("/x"), "failed", "it broke", &err);
    status = status_of(catalog, id);
    check(code == DF_OK && df_str_is(status.status, "failed") &&
              df_str_is(status.error_message, "it broke") && status.version == last,
          "%s: a failure is recorded", server->name);
    code = delta_table_remove(catalog, id, &rows, &err);
    check(code == DF_OK && rows > 100, "%s: removed, %lld rows", server->name, (long long)rows);
    static const char *const tables[] = {"delta_files",      "delta_file_history", "delta_tombstones",
                                         "delta_partitions", "delta_versions",     "delta_metadata",
                                         "delta_protocol",   "delta_transactions", "delta_domains",
                                         "delta_tables",     "migration_status",   "delta_locks"};
    int64_t left = 0;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) left += count(catalog, tables[i], id);
    check(left == 0, "%s: and nothing is left", server->name);
    code = delta_table_remove(catalog, id, &rows, &err);
    check(code == DF_NOT_FOUND, "%s: a second time: %s", server->name, err.message);
    forget(catalog, last_id);
    delta_catalog_close(catalog);
}

/* ---- rows changed by hand, as the runbook does ---- */

static int64_t resumes_at(delta_catalog *catalog, df_str id)
{
    df_error err = {0};
    delta_loader *loader;
    int64_t version = -9;
    if (delta_table_lock(catalog, id, 0, &err) != DF_OK) note("%s", err.message);
    if (open_loader(catalog, id, false, &loader, &err) == DF_OK) {
        version = delta_loader_version(loader);
        delta_loader_close(loader);
    } else {
        note("%s", err.message);
    }
    delta_table_unlock(catalog, id);
    return version;
}

static void check_by_hand(const model_log *log)
{
    df_str id = id_of("hand");
    size_t middle = log->count / 2;
    int64_t last = log->versions[log->count - 1].version, half = log->versions[middle].version;
    delta_catalog *catalog = open_at(server->url);
    load_or_tell(catalog, log, id, half);
    check(resumes_at(catalog, id) == half, "%s: goes on where it stood", server->name);
    sql(catalog, "DELETE FROM delta_files WHERE table_id = ?", id);
    sql(catalog, "DELETE FROM migration_status WHERE table_id = ?", id);
    check(resumes_at(catalog, id) == -1, "%s: after the runbook's rollback everything is imported anew",
          server->name);
    load_or_tell(catalog, log, id, last);
    check(model_equals(log, catalog, id, last), "%s: and is right", server->name);
    sql(catalog,
        "INSERT INTO delta_files (table_id, path, size, modification_time, action_type, version) "
        "VALUES (?, 'missing_file.parquet', 1024, 1609459200000, 'add', 10)",
        id);
    check(resumes_at(catalog, id) == -1, "%s: a row too many is noticed", server->name);
    load_or_tell(catalog, log, id, half);
    check(model_equals(log, catalog, id, half), "%s: and is gone after the import", server->name);
    sql(catalog, "DELETE FROM migration_status WHERE table_id = ?", id);
    check(resumes_at(catalog, id) == half, "%s: without its status row, the rest agreeing, it goes on",
          server->name);
    sql(catalog, "UPDATE delta_files SET size = size + 1 WHERE table_id = ?", id);
    sql(catalog, "DELETE FROM migration_status WHERE table_id = ?", id);
    check(resumes_at(catalog, id) == -1, "%s: other sizes are noticed", server->name);
    forget(catalog, id);
    delta_catalog_close(catalog);
}

/* A row that was deleted by mistake and put back with the runbook's INSERT: it has the file's size, and no
 * hash, no id. */
static void check_adoption(void)
{
    model_log log = {0};
    df_error err = {0};
    df_str id = id_of("adopt");
    model_action add = {
        true, {.path = 4, .size = 77, .mtime = 1609459200000, .records = DELTA_ABSENT, .partition = -1}};
    model_action remove = {false, add.file};
    model_version versions[2] = {{.version = 0, .actions = &add, .count = 1},
                                 {.version = 1, .actions = &remove, .count = 1}};
    log.versions = versions;
    log.count = 2;
    delta_catalog *catalog = open_at(server->url);
    load_or_tell(catalog, &log, id, 0);
    sql(catalog, "DELETE FROM delta_files WHERE table_id = ?", id);
    const char *insert =
        df_arena_printf(&memory,
                        "INSERT INTO delta_files (table_id, path, size, modification_time, "
                        "action_type, version) VALUES (?, '%.*s', 77, 1609459200000, 'add', 0)",
                        DF_FMT(model_path(4, &memory)));
    sql(catalog, insert, id);
    int64_t rows = -1;
    df_code code = delta_catalog_adopt_rows(catalog, id, &rows, &err);
    if (code != DF_OK) note("%s", err.message);
    check(code == DF_OK && rows == 1, "%s: one row is adopted", server->name);
    df_value key = df_v_str(id);
    DF_TRY_IGNORE(
        delta_ask_int(catalog,
                      "SELECT COUNT(*) FROM delta_files f JOIN delta_partitions p ON p.table_id = "
                      "f.table_id AND p.partition_id = f.partition_id WHERE f.table_id = ? AND file_id = 2 "
                      "AND path_hash IS NOT NULL",
                      &key, 1, 0, &rows, &err));
    check(rows == 1, "%s: it has an id, a hash and a partition", server->name);
    load_or_tell(catalog, &log, id, 1);
    check(count(catalog, "delta_files", id) == 0 && count(catalog, "delta_file_history", id) == 1,
          "%s: and a later remove finds it", server->name);
    forget(catalog, id);
    delta_catalog_close(catalog);
}

static void check_restart(const model_log *log)
{
    df_error err = {0};
    df_str id = id_of("restart");
    int64_t last = log->versions[log->count - 1].version;
    delta_loader *loader = NULL;
    delta_catalog *catalog = open_at(server->url), *other = open_at(server->url);
    load_or_tell(catalog, log, id, last);
    int64_t ids, old_ids;
    df_value key = df_v_str(id);
    DF_TRY_IGNORE(delta_ask_int(catalog, "SELECT next_file_id FROM delta_tables WHERE table_id = ?", &key, 1,
                                0, &old_ids, &err));
    df_code code = delta_table_lock(catalog, id, 0, &err);
    if (code == DF_OK) code = open_loader(catalog, id, true, &loader, &err);
    check(code == DF_OK && delta_loader_version(loader) == -1, "%s: restart begins at the beginning",
          server->name);
    check(model_equals(log, other, id, last), "%s: what was there stays visible", server->name);
    delta_loader_close(loader);
    delta_table_unlock(catalog, id);
    code = load(catalog, log, id, last, true, &err);
    check(code == DF_OK && model_equals(log, catalog, id, last), "%s: and the result is the same",
          server->name);
    DF_TRY_IGNORE(delta_ask_int(catalog, "SELECT MIN(file_id) FROM delta_files WHERE table_id = ?", &key, 1,
                                0, &ids, &err));
    check(ids >= old_ids, "%s: no id is given twice", server->name);
    forget(catalog, id);
    delta_catalog_close(other);
    delta_catalog_close(catalog);
}

/* ---- text that a database may not be able to hold ---- */

static void check_text(void)
{
    df_error err = {0};
    df_str id = id_of("text"), nul = {"a\0b", 3};
    delta_loader *loader = NULL;
    delta_catalog *catalog = open_at(server->url);
    char *large = df_arena_alloc(&memory, 5000000);
    memset(large, 'x', 5000000);
    delta_file file = {.path = DF_STR("p"),
                       .raw_path = nul,
                       .stats = {large, 5000000},
                       .size = INT64_MAX,
                       .modification_time = INT64_MIN + 1,
                       .num_records = 0,
                       .base_row_id = DELTA_ABSENT,
                       .default_row_commit_version = DELTA_ABSENT,
                       .deletion_timestamp = DELTA_ABSENT};
    file.key = delta_file_key(file.path, DF_STR(""));
    delta_action add = {.kind = DELTA_ADD, .file = file}, txn = {.kind = DELTA_TXN, .txn = {nul, 1, 2}};
    delta_version_info info = {.timestamp = 1,
                               .operation = nul,
                               .file_mtime = DELTA_ABSENT,
                               .commit_timestamp = DELTA_ABSENT,
                               .in_commit_timestamp = DELTA_ABSENT};
    df_code code = delta_table_lock(catalog, id, 0, &err);
    if (code == DF_OK) code = open_loader(catalog, id, false, &loader, &err);
    if (code == DF_OK) code = delta_loader_begin_version(loader, 0, false, &err);
    if (code == DF_OK) code = delta_loader_take(loader, &add, &err);
    if (code == DF_OK) code = delta_loader_take(loader, &txn, &err);
    if (code == DF_OK) code = delta_loader_end_version(loader, &info, &err);
    if (code == DF_OK) code = delta_loader_finish(loader, DF_STR_NONE, &err);
    check(code == DF_OK, "%s: NUL, 5 MB of statistics, extreme numbers: %s", server->name, err.message);
    delta_loader_close(loader);
    delta_table_unlock(catalog, id);
    int64_t right;
    df_value params[] = {df_v_str(id), df_v_text("a\\u0000b"), df_v_int(INT64_MAX), df_v_int(INT64_MIN + 1)};
    DF_TRY_IGNORE(delta_ask_int(catalog,
                                "SELECT COUNT(*) FROM delta_files WHERE table_id = ? AND raw_path = ? "
                                "AND size = ? AND modification_time = ? AND LENGTH(stats) = 5000000",
                                params, 4, 0, &right, &err));
    check(right == 1, "%s: the row is as it was given", server->name);
    DF_TRY_IGNORE(delta_ask_int(catalog,
                                "SELECT COUNT(*) FROM delta_transactions WHERE table_id = ? AND app_id = ?",
                                params, 2, 0, &right, &err));
    check(right == 1, "%s: NUL is written \\u0000", server->name);
    forget(catalog, id);
    delta_catalog_close(catalog);
}

/* ---- several at once ---- */

static void check_parallel(const model_log *log)
{
    enum { TABLES = 4 };
    int64_t last = log->versions[log->count - 1].version;
    df_str ids[TABLES];
    int failed = 0, status;
    for (int i = 0; i < TABLES; i++) ids[i] = id_of(df_arena_printf(&memory, "parallel%d", i));
    fflush(stdout);
    for (int i = 0; i < TABLES; i++) {
        if (fork() != 0) continue;
        df_error err = {0};
        delta_catalog *catalog = open_at(server->url);
        df_code code = load(catalog, log, ids[i], last, false, &err);
        if (code != DF_OK) fprintf(stderr, "child: %s\n", err.message);
        delta_catalog_close(catalog);
        _exit(code == DF_OK ? 0 : 1);
    }
    for (int i = 0; i < TABLES; i++) {
        wait(&status);
        failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    }
    delta_catalog *catalog = open_at(server->url);
    bool right = failed == 0;
    for (int i = 0; i < TABLES; i++) right = right && model_equals(log, catalog, ids[i], last);
    check(right, "%s: %d tables are loaded at once", server->name, TABLES);
    for (int i = 0; i < TABLES; i++) forget(catalog, ids[i]);
    delta_catalog_close(catalog);
}

/* ---- any call fails ---- */

static bool load_with_fault(const model_log *log, df_str id, df_fault *plan, df_code *code)
{
    df_error err = {0};
    int64_t last = log->versions[log->count - 1].version;
    delta_catalog *catalog = open_at(server->url);
    catalog->conn = df_wrap_fault(catalog->conn, plan);
    *code = load(catalog, log, id, last, false, &err);
    delta_catalog_close(catalog);
    return plan->fired;
}

static void check_faults(const model_log *log, df_fault kind, const char *what)
{
    df_str calm = id_of("calm"), id = id_of("fault");
    int64_t last = log->versions[log->count - 1].version, calls = 0;
    delta_catalog *catalog = open_at(server->url);
    load_or_tell(catalog, log, calm, last);
    df_hash128 expected = model_dump(catalog, calm);
    bool right = true, fired = true;
    for (int64_t at = 1; fired && right; at += 1 + at / 40) {
        df_fault plan = kind;
        df_code code;
        plan.at = at;
        fired = load_with_fault(log, id, &plan, &code);
        delta_table table;
        bool there = delta_table_get(catalog, id, &memory, &table, NULL) == DF_OK && table.version >= 0;
        right = !there || model_equals(log, catalog, id, table.version);
        load_or_tell(catalog, log, id, last);
        right = right && df_hash_eq(model_dump(catalog, id), expected);
        if (!right) note("call %lld (%s), code %s", (long long)at, plan.call, df_code_name(code));
        forget(catalog, id);
        calls++;
    }
    check(right && calls > 20, "%s: %s at each of %lld calls, then continued", server->name, what,
          (long long)calls);
    forget(catalog, calm);
    delta_catalog_close(catalog);
}

int main(void)
{
    test_server servers[TEST_SERVERS];
    const char *given = getenv("TEST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL) % 100000;
    note("TEST_SEED=%u", seed);
    model_log log, small;
    model_make(&log, seed, 24, 60);
    model_make(&small, seed + 1, 6, 60);
    test_servers(servers);
    for (int i = 0; i < TEST_SERVERS; i++) {
        server = &servers[i];
        if (!server->url) {
            skip("no server");
            continue;
        }
        check_creation();
        check_locks();
        check_fencing(&log);
        check_tables(&log);
        check_by_hand(&log);
        check_adoption();
        check_restart(&log);
        check_text();
        check_parallel(&log);
        check_faults(&small, (df_fault){.code = DF_IO}, "an error");
        check_faults(&small, (df_fault){.code = DF_RETRY}, "a deadlock");
        check_faults(&small, (df_fault){.lost = true}, "a lost connection");
        check_faults(&small, (df_fault){.lost = true, .after = true}, "a connection lost behind the call");
    }
    model_release(&log);
    model_release(&small);
    df_arena_release(&memory);
    test_servers_done(servers);
    return tap_done();
}
