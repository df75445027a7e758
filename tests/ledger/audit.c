/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: its hashes made by others again, and every kind of tampering. */
#include "ledger_test.h"

#include "base/digest.h"

#include <sys/wait.h>
#include <unistd.h>

enum { ENTRIES = 12 };

static df_audit_proof verify(place *p, const char *head)
{
    df_error err;
    df_audit_proof proof = {0};
    df_code code = df_audit_verify(p->ledger, head, &proof, &err);
    if (code != DF_OK) check_code(code, DF_OK, &err, "df_audit_verify");
    return proof;
}

static place with_entries(char head[65])
{
    place p = open_place(new_database(), true);
    for (int i = 0; i < ENTRIES; i++) {
        char details[100], id[20];
        snprintf(details, sizeof details, "{\"z\":%d, \"a\":[1.5,\"ü\\u0041\"],\"n\":null,\"e\":1e-7}", i);
        snprintf(id, sizeof id, "m%d", i);
        check_ok(df_audit_add(p.ledger, (df_audit_action)(i % DF_AUDIT_COUNT),
                              i % 3 ? df_str_from(id) : DF_STR_NONE,
                              i % 4 ? df_str_from(details) : DF_STR_NONE, any_error),
                 "an entry");
    }
    df_audit_proof proof = verify(&p, NULL);
    check(proof.intact && proof.entries == ENTRIES && !proof.broken_at, "the log is intact: %s", proof.what);
    memcpy(head, proof.head, 65);
    return p;
}

/* ---- what is in it ---- */

typedef struct listing {
    int count;
    int64_t last_id;
    bool ordered;
    char actions[2000];
} listing;

static df_code take(void *context, const df_audit_entry *e, df_error *err)
{
    (void)err;
    listing *l = context;
    l->ordered = (!l->count || e->id > l->last_id) && l->ordered;
    l->count++;
    l->last_id = e->id;
    size_t len = strlen(l->actions);
    snprintf(l->actions + len, sizeof l->actions - len, "%.*s ", DF_FMT(e->action));
    return DF_OK;
}

static void test_list(void)
{
    char head[65];
    place p = with_entries(head);
    listing all = {.ordered = true}, newest = {.ordered = true}, one = {.ordered = true};
    check_ok(df_audit_list(p.ledger, DF_STR_NONE, 0, take, &all, any_error), "all entries");
    check(all.count == ENTRIES && all.ordered, "oldest first");
    check_ok(df_audit_list(p.ledger, DF_STR_NONE, 3, take, &newest, any_error), "the newest three");
    check(newest.count == 3 && newest.ordered && newest.last_id == all.last_id, "oldest first, too");
    check_ok(df_audit_list(p.ledger, DF_STR("m4"), 0, take, &one, any_error), "those of one migration");
    check(one.count == 1 && strcmp(one.actions, "rollback_completed ") == 0, "%s", one.actions);
    df_audit_proof proof = verify(&p, head);
    check(proof.intact, "the head that was kept elsewhere occurs: %s", proof.what);
    df_error err;
    check_code(df_audit_add(p.ledger, DF_AUDIT_FORCED, DF_STR_NONE, DF_STR("[1]"), &err), DF_USAGE, &err,
               "details are an object");
    check_code(df_audit_add(p.ledger, DF_AUDIT_FORCED, DF_STR_NONE, DF_STR("{\"n\":1e300}"), &err), DF_USAGE,
               &err, "with numbers that every engine gives back");
    check_ok(df_begin(p.conn, any_error), "an entry in a transaction");
    check_ok(
        df_audit_add(p.ledger, DF_AUDIT_FORCED, DF_STR_NONE, DF_STR("{\"flag\":\"--force\"}"), any_error),
        "is written");
    df_rollback(p.conn);
    check(verify(&p, NULL).entries == ENTRIES, "and goes with it");
    close_place(&p);
}

/* Somebody else's program makes the same hashes: the recipe of docs/ledger.md in Python. */
static void test_recipe(void)
{
    char head[65];
    int status;
    place p = with_entries(head);
    df_arena arena = {0};
    const char *rows =
        is_engine("postgres") ? "SELECT json_build_object('action', action, 'actor', actor, 'address', "
                                "host(ip_address), 'database_user',"
                                " database_user, 'details', details, 'environment', environment, "
                                "'migration_id', migration_id, 'time',"
                                " (extract(epoch FROM \"timestamp\") * 1000)::bigint, 'user_agent', "
                                "user_agent)::text || chr(9) || hash"
                                " FROM _migration_audit_log ORDER BY audit_id LIMIT 1 OFFSET"
        : is_engine("neo4j")
            ? "MATCH (a:_MigrationAudit) RETURN '{\"action\":\"' + a.action + '\",\"actor\":\"' + a.actor + "
              "'\",\"address\":' + coalesce('\"' + a.ipAddress + '\"', 'null') + ',\"database_user\":' + "
              "coalesce('\"' + a.databaseUser + '\"', 'null') + ',\"details\":' + coalesce(a.details, 'null') + "
              "',\"environment\":\"' + a.environment + '\",\"migration_id\":' + coalesce('\"' + a.migrationId + "
              "'\"', 'null') + ',\"time\":' + a.timestamp.epochMillis + ',\"user_agent\":\"' + a.userAgent + '\"}' "
              "+ '\t' + a.hash ORDER BY a.auditId SKIP"
        : is_engine("mariadb")
            ? "SELECT CONCAT(JSON_OBJECT('action', action, 'actor', actor, 'address', ip_address, "
              "'database_user',"
              " database_user, 'details', JSON_COMPACT(details), 'environment', environment, 'migration_id', "
              "migration_id,"
              " 'time', CAST(UNIX_TIMESTAMP(`timestamp`) * 1000 AS SIGNED), 'user_agent', user_agent), "
              "CHAR(9), hash)"
              " FROM _migration_audit_log ORDER BY audit_id LIMIT 1 OFFSET"
            : "SELECT json_object('action', action, 'actor', actor, 'address', ip_address, 'database_user',"
              " database_user, 'details', json(details), 'environment', environment, 'migration_id', "
              "migration_id, 'time',"
              " CAST(round((julianday(\"timestamp\") - 2440587.5) * 86400000) AS INTEGER), 'user_agent', "
              "user_agent)"
              " || char(9) || hash FROM _migration_audit_log ORDER BY audit_id LIMIT 1 OFFSET";
    char file[] = "/tmp/ledger-audit-XXXXXX";
    int fd = mkstemp(file);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    for (int i = 0; out && i < ENTRIES; i++)
        fprintf(out, "%s\n", ask_text(p.conn, "%s %d%s", rows, i, is_engine("neo4j") ? " LIMIT 1" : ""));
    if (out) fclose(out);
    const char *said = shell(
        &status,
        "python3 -c '\n"
        "import hashlib, json, sys\n"
        "last = \"0\" * 64\n"
        "for line in open(sys.argv[1], encoding=\"utf-8\"):\n"
        "    text, stored = line.rstrip(\"\\n\").split(\"\\t\")\n"
        "    entry = json.loads(text)\n"
        "    if isinstance(entry[\"details\"], str): entry[\"details\"] = json.loads(entry[\"details\"])\n"
        "    body = json.dumps(entry, sort_keys=True, separators=(\",\", \":\"), ensure_ascii=False)\n"
        "    last = hashlib.sha256((last + body).encode()).hexdigest()\n"
        "    assert last == stored, (last, stored, body)\n"
        "print(last)\n' %s 2>&1",
        file);
    check(status == 0 && strncmp(said, head, 64) == 0, "hashlib makes the same head: %s", said);
    unlink(file);
    df_arena_release(&arena);
    close_place(&p);
}

/* Backups of several programs write at the same time as a run does. */
static void test_writers(bool serializable)
{
    enum { WRITERS = 4, EACH = 15 };
    const char *url = new_database();
    place p = open_place(url, true);
    if (serializable)
        sql(p.conn, "ALTER DATABASE %s SET default_transaction_isolation = serializable",
            ask_text(p.conn, "SELECT current_database()"));
    pid_t children[WRITERS];
    int failed = 0, status;
    fflush(stdout);
    for (int w = 0; w < WRITERS; w++) {
        children[w] = fork();
        if (children[w] != 0) continue;
        df_error err = {0};
        place own = open_place(url, false);
        df_code code = DF_OK;
        for (int i = 0; code == DF_OK && i < EACH; i++)
            code = df_audit_add(own.ledger, DF_AUDIT_BACKUP_CREATED, DF_STR_NONE,
                                DF_STR("{\"by\":\"one of many\"}"), &err);
        if (code != DF_OK) fprintf(stderr, "# %s\n", err.message);
        _exit(code != DF_OK);
    }
    for (int w = 0; w < WRITERS; w++)
        failed += waitpid(children[w], &status, 0) != children[w] || status != 0;
    df_audit_proof proof = verify(&p, NULL);
    check(!failed && proof.intact && proof.entries == WRITERS * EACH, "%d programs write at once%s: %s",
          WRITERS, serializable ? ", in serializable transactions" : "", proof.what);
    close_place(&p);
}

/* ---- tampering ---- */

static int64_t id_of(place *p, int nth)
{
    return ask(p->conn, "SELECT audit_id FROM _migration_audit_log ORDER BY audit_id LIMIT 1 OFFSET %d", nth);
}

/* `mentions`: what the proof must say. */
static void tampered(const char *what, int64_t broken_at, const char *mentions, df_audit_proof proof)
{
    bool ok = check(!proof.intact && proof.broken_at == broken_at && strstr(proof.what, mentions),
                    "%s: \"%s\"", what, proof.what);
    if (!ok)
        note("broken at %lld, expected %lld and \"%s\"", (long long)proof.broken_at, (long long)broken_at,
             mentions);
}

static void test_changed(void)
{
    static const char *const changes[][2] = {
        {"actor", "actor = 'somebody else'"},
        {"action", "action = 'backup_pruned'"},
        {"details", "details = '{\"a\":[1.5,\"üA\"],\"e\":1e-7,\"n\":null,\"z\":99}'"},
        {"details taken away", "details = NULL"},
        {"migration", "migration_id = 'm6'"},
        {"program", "user_agent = NULL"},
        {"environment", "environment = 'production'"},
        {"database user", "database_user = 'root'"},
        {"hash", "hash = '0123456789012345678901234567890123456789012345678901234567890123'"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char head[65];
        place p = with_entries(head);
        int64_t id = id_of(&p, 5);
        sql(p.conn, "UPDATE _migration_audit_log SET %s WHERE audit_id = %lld", changes[i][1], (long long)id);
        tampered(changes[i][0], id, "was changed", verify(&p, NULL));
        close_place(&p);
    }
    char head[65];
    place p = with_entries(head);
    int64_t id = id_of(&p, 7);
    sql(p.conn,
        is_engine("sqlite")
            ? "UPDATE _migration_audit_log SET \"timestamp\" = '2020-01-01 00:00:00.000' WHERE audit_id = "
              "%lld"
            : "UPDATE _migration_audit_log SET timestamp = '2020-01-01 00:00:00' WHERE audit_id = %lld",
        (long long)id);
    tampered("time", id, "was changed", verify(&p, NULL));
    close_place(&p);
}

static void test_rows(void)
{
    char head[65];
    place p = with_entries(head);
    int64_t id = id_of(&p, 4);
    sql(p.conn, "DELETE FROM _migration_audit_log WHERE audit_id = %lld", (long long)id);
    tampered("one is removed", id + 1, "is missing", verify(&p, NULL));
    close_place(&p);

    p = with_entries(head);
    sql(p.conn, "DELETE FROM _migration_audit_log WHERE audit_id < %lld", (long long)id_of(&p, 3));
    tampered("the beginning is removed", id_of(&p, 0), "missing", verify(&p, NULL));
    close_place(&p);

    p = with_entries(head);
    sql(p.conn, "DELETE FROM _migration_audit_log WHERE audit_id > %lld", (long long)id_of(&p, 9));
    tampered("the end is cut off", id_of(&p, 9), "2 entries are missing", verify(&p, NULL));
    char tenth[65];
    snprintf(tenth, sizeof tenth, "%s",
             ask_text(p.conn, "SELECT hash FROM _migration_audit_log WHERE audit_id = %lld", (long long)id_of(&p, 9)));
    sql(p.conn, "UPDATE _migration_meta SET number = 10, value = '%s' WHERE name = 'audit'", tenth);
    check(verify(&p, NULL).intact, "(whoever also changes the head deceives the log itself)");
    tampered("but not who kept the head elsewhere", id_of(&p, 9), "expected head", verify(&p, head));
    close_place(&p);

    p = with_entries(head);
    sql(p.conn, "DELETE FROM _migration_audit_log");
    tampered("all are removed", 0, "12 entries are missing", verify(&p, NULL));
    close_place(&p);

    p = with_entries(head);
    id = id_of(&p, 6);
    sql(p.conn, "UPDATE _migration_audit_log SET audit_id = 100000 WHERE audit_id = %lld", (long long)id);
    tampered("one is put elsewhere", id + 1, "out of order", verify(&p, NULL));
    close_place(&p);

    p = with_entries(head);
    if (is_engine("neo4j")) /* where nobody gives it its number */
        sql(p.conn, "INSERT INTO _migration_audit_log (audit_id, action, actor, previous, hash) VALUES (13, 'forced', 'x', 'p', 'h')");
    else
        sql(p.conn, "INSERT INTO _migration_audit_log (action, actor, previous, hash) VALUES ('forced', 'x', 'p', 'h')");
    tampered("one is added at the end", ask(p.conn, "SELECT MAX(audit_id) FROM _migration_audit_log"),
             "inserted at the end", verify(&p, NULL));
    close_place(&p);
}

/* An entry with the right hash for its place, put in by somebody who knows how. */
static void test_forged(void)
{
    char head[65], hash[65];
    df_error err;
    df_arena arena = {0};
    place p = with_entries(head);
    int64_t at = id_of(&p, 5);
    char *previous = df_arena_printf(
        &arena, "%s",
        ask_text(p.conn, "SELECT hash FROM _migration_audit_log WHERE audit_id = %lld", (long long)at));
    char *text =
        df_arena_printf(&arena,
                        "%s{\"action\":\"forced\",\"actor\":\"x\",\"address\":null,\"database_user\":null,"
                        "\"details\":null,\"environment\":null,\"migration_id\":null,\"time\":1600000000000,"
                        "\"user_agent\":null}",
                        previous);
    check_code(df_sha256_hex(text, strlen(text), hash, &err), DF_OK, &err, "a forger makes a hash");
    if (is_engine("neo4j"))
        sql(p.conn, "DROP CONSTRAINT _migration_audit_previous");
    else if (!is_engine("sqlite")) /* which has no such index */
        sql(p.conn, "DROP INDEX %s",
        is_engine("mariadb") ? "_migration_audit_log_previous ON _migration_audit_log"
                             : "_migration_audit_log_previous");
    sql(p.conn, "UPDATE _migration_audit_log SET audit_id = audit_id + 1000 WHERE audit_id > %lld",
        (long long)at);
    sql(p.conn,
        "INSERT INTO _migration_audit_log (audit_id, action, actor, timestamp, previous, hash) VALUES (%lld, "
        "'forced', 'x',"
        " %s, '%s', '%s')",
        (long long)at + 1,
        is_engine("sqlite")     ? "'2020-09-13 12:26:40.000'"
        : is_engine("postgres") ? "to_timestamp(1600000000)"
                                : "FROM_UNIXTIME(1600000000)",
        previous, hash);
    tampered("one is inserted, with its hash", at + 1, "was inserted", verify(&p, NULL));
    close_place(&p);

    p = with_entries(head);
    previous = df_arena_printf(&arena, "%s", head);
    text = df_arena_printf(&arena,
                           "%s{\"action\":\"forced\",\"actor\":\"x\",\"address\":null,\"database_user\":null,"
                           "\"details\":null,\"environment\":null,\"migration_id\":null,\"time\":"
                           "1600000000000,\"user_agent\":null}",
                           previous);
    check_code(df_sha256_hex(text, strlen(text), hash, &err), DF_OK, &err, "a forger makes a hash");
    sql(p.conn,
        "INSERT INTO _migration_audit_log (audit_id, action, actor, timestamp, previous, hash) VALUES (5000, "
        "'forced', 'x',"
        " %s, '%s', '%s')",
        is_engine("sqlite")     ? "'2020-09-13 12:26:40.000'"
        : is_engine("postgres") ? "to_timestamp(1600000000)"
                                : "FROM_UNIXTIME(1600000000)",
        previous, hash);
    tampered("one is added at the end, with its hash", 5000, "inserted at the end", verify(&p, NULL));
    check_code(df_audit_add(p.ledger, DF_AUDIT_FORCED, DF_STR_NONE, DF_STR_NONE, &err), DF_CORRUPT, &err,
               "nothing is written behind it");
    check(strstr(err.hint, "--verify"), "and it is told what to do: %s", err.hint);
    close_place(&p);

    p = with_entries(head);
    sql(p.conn, "DELETE FROM _migration_meta WHERE name = 'audit'");
    tampered("the head is removed", 0, "head", verify(&p, NULL));
    close_place(&p);
    df_arena_release(&arena);
}

void test_audit(void)
{
    test_list();
    test_recipe();
    test_writers(false);
    if (is_engine("postgres")) test_writers(true);
    test_changed();
    test_rows();
    test_forged();
}
