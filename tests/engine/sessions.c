/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as others see them: recognised, alive or gone, ended; notices; no pooler between. */
#include "contract.h"

#include "engine/session.h"

#include <string.h>
#include <sys/stat.h>

static bool is(const char *engine)
{
    return strcmp(fl->engine, engine) == 0;
}

static void test_sqlite_session(void)
{
    df_error err;
    df_session session, again;
    bool alive, pooled = true;
    char how[200], path[1100], copy[2300], url[1300];
    df_conn *conn = connect_or_die(), *other = NULL;
    check(df_session_get(conn, &session, &err) == DF_OK && session.id == 0 && !session.started[0],
          "SQLite has no sessions");
    struct stat status;
    snprintf(path, sizeof path, "%s", test_url + strlen("sqlite://"));
    check(stat(path, &status) == 0 && strstr(session.database, "/") &&
              (unsigned long long)status.st_ino == strtoull(strchr(session.database, '/') + 1, NULL, 10),
          "a database is its file (%s)", session.database);
    check(df_session_alive(conn, &session, &alive, &err) == DF_UNSUPPORTED, "%s", err.message);
    check(df_session_end(conn, &session, 0, &err) == DF_UNSUPPORTED, "%s", err.message);
    check(df_session_pooled(conn, test_url, &pooled, how, &err) == DF_OK && !pooled,
          "nothing stands between");
    snprintf(copy, sizeof copy, "cp '%s' '%s.copy'", path, path);
    snprintf(url, sizeof url, "%s.copy", test_url);
    check(system(copy) == 0 && df_connect(url, NULL, &other, &err) == DF_OK &&
              df_session_get(other, &again, &err) == DF_OK && strcmp(session.database, again.database) != 0,
          "a copy is another database");
    df_disconnect(other);
    df_disconnect(conn);
}

static void test_alive_and_end(void)
{
    df_error err;
    df_session a, b, odd;
    bool alive;
    df_conn *first = connect_or_die(), *second = connect_or_die();
    check_code(df_session_get(first, &a, &err), DF_OK, &err, "who am I?");
    check_code(df_session_get(second, &b, &err), DF_OK, &err, "and the other?");
    note("%lld, began %s, in %s, as %s from \"%s\"", (long long)a.id, a.started, a.database, a.user,
         a.address);
    check(a.id == ask_int(first, is("postgres") ? "SELECT pg_backend_pid()" : "SELECT CONNECTION_ID()"),
          "the server's number");
    check(a.id != b.id && strcmp(a.database, b.database) == 0 && strcmp(a.user, "dataflow") == 0,
          "two in one database");
    check(a.started[0] && a.database[0], "with a beginning and a database");
    check(df_session_alive(second, &a, &alive, &err) == DF_OK && alive, "the first lives");
    check(df_session_alive(first, &a, &alive, &err) == DF_OK && alive, "so it knows itself");
    odd = a;
    odd.started[strlen(odd.started) - 3] ^= 1;
    check(df_session_alive(second, &odd, &alive, &err) == DF_OK && !alive,
          "another beginning is another session");
    check(df_session_end(second, &odd, 1000, &err) == DF_OK && ask_int(first, "SELECT 1") == 1,
          "which is not there to be ended");
    check(df_session_end(first, &a, 1000, &err) == DF_BUG, "a session does not end itself");
    check(df_begin(first, &err) == DF_OK, "begin");
    run_sql(first, DF_OK, "INSERT INTO s VALUES (1)");
    check_code(df_session_end(second, &a, 10000, &err), DF_OK, &err, "the other ends it");
    check(df_session_alive(second, &a, &alive, &err) == DF_OK && !alive, "it is gone");
    check(df_exec(first, "SELECT 1", NULL, 0, NULL, &err) == DF_CONNECT && df_conn_lost(first),
          "and notices: %s", err.message);
    check(ask_int(second, "SELECT COUNT(*) FROM s") == 0, "what it did is undone");
    check(df_session_end(second, &a, 1000, &err) == DF_OK, "ending it again is fine");
    df_disconnect(first);
    first = connect_or_die();
    check(df_session_get(first, &odd, &err) == DF_OK, "a new one");
    df_disconnect(first);
    for (int i = 0; i < 100; i++) {
        if (df_session_alive(second, &odd, &alive, &err) != DF_OK || !alive) break;
    }
    df_disconnect(second);
}

/* As somebody who may see little. */
static void test_hidden(void)
{
    df_error err;
    df_session mine;
    bool alive;
    char url[1200], variable[64];
    df_conn *owner = connect_or_die(), *stranger = NULL;
    snprintf(variable, sizeof variable, "TEST_URL_%s_TCP", is("postgres") ? "POSTGRES" : "MARIADB");
    const char *tcp = getenv(variable);
    if (!tcp) {
        skip("no TCP address");
        df_disconnect(owner);
        return;
    }
    check(df_session_get(owner, &mine, &err) == DF_OK, "an owner's session");
    run_sql(owner, DF_OK,
            is("postgres") ? "CREATE ROLE stranger LOGIN PASSWORD 'x'"
                           : "CREATE USER stranger IDENTIFIED BY 'x'");
    if (is("mariadb")) run_sql(owner, DF_OK, "GRANT SELECT ON dataflow.* TO stranger");
    snprintf(url, sizeof url, "%.*s://stranger:x@%s", (int)(strstr(tcp, "://") - tcp), tcp,
             strchr(tcp, '@') + 1);
    check_code(df_connect(url, NULL, &stranger, &err), DF_OK, &err, "a stranger connects");
    if (stranger) {
        df_session own;
        check_code(df_session_get(stranger, &own, &err), DF_OK, &err, "knows himself");
        check(strcmp(own.user, "stranger") == 0 && strcmp(own.address, "127.0.0.1") == 0,
              "as the server sees him (%s, %s)", own.user, own.address);
        check(df_session_alive(stranger, &own, &alive, &err) == DF_OK && alive, "and that he lives");
        df_code code = df_session_alive(stranger, &mine, &alive, &err);
        check_code(code, DF_PERMISSION, &err, "but cannot tell whether the other does");
        check(alive && err.hint[0], "which counts as alive: %s", err.message);
        code = df_session_end(stranger, &mine, 100, &err);
        check(code == DF_PERMISSION || code == DF_FAILED, "nor end it: %s", err.message);
        check(ask_int(owner, "SELECT 1") == 1, "it lives on");
    }
    df_disconnect(stranger);
    run_sql(owner, DF_OK, is("postgres") ? "DROP ROLE stranger" : "DROP USER stranger");
    df_disconnect(owner);
}

typedef struct heard {
    int count;
    char severity[32], message[400];
} heard;

static void hear(void *context, const char *severity, const char *message)
{
    heard *h = context;
    h->count++;
    snprintf(h->severity, sizeof h->severity, "%s", severity);
    snprintf(h->message, sizeof h->message, "%s", message);
}

static void test_notices(void)
{
    heard h = {0};
    df_conn *conn = connect_or_die();
    df_on_notice(conn, hear, &h);
    run_sql(conn, DF_OK, "CREATE TABLE IF NOT EXISTS s (id INTEGER)");
    if (is("sqlite")) {
        check(h.count == 0, "SQLite says nothing");
        df_disconnect(conn);
        return;
    }
    check(h.count == 1 && strcmp(h.severity, is("postgres") ? "NOTICE" : "Note") == 0, "a notice: %s: %s",
          h.severity, h.message);
    check(strstr(h.message, "already exists") != NULL, "with the server's words");
    if (is("postgres")) {
        run_sql(conn, DF_OK, "DO $$ BEGIN RAISE WARNING 'take %% care', 'good'; END $$");
        check(h.count == 2 && strcmp(h.severity, "WARNING") == 0 && strcmp(h.message, "take good care") == 0,
              "a warning");
    } else {
        run_sql(conn, DF_OK, "DROP TABLE IF EXISTS not_there");
        check(h.count == 2 && strstr(h.message, "not_there"), "another: %s", h.message);
        check(ask_int(conn, "SELECT 1") == 1 && h.count == 2, "no statement, no warnings");
    }
    df_on_notice(conn, NULL, NULL);
    run_sql(conn, DF_OK, "CREATE TABLE IF NOT EXISTS s (id INTEGER)");
    check(h.count == 2, "nobody listens any more");
    df_disconnect(conn);
}

void test_sessions(void)
{
    df_error err;
    char how[200];
    bool pooled = true;
    df_conn *conn = connect_or_die();
    run_sql(conn, DF_OK, "CREATE TABLE s (id INTEGER)");
    if (is("sqlite")) {
        test_sqlite_session();
    } else {
        check_code(df_session_pooled(conn, test_url, &pooled, how, &err), DF_OK, &err, "is there a pooler?");
        check(!pooled && !how[0], "there is none");
        test_alive_and_end();
        test_hidden();
    }
    test_notices();
    run_sql(conn, DF_OK, "DROP TABLE s");
    df_disconnect(conn);
}
