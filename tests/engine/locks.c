/* SPDX-License-Identifier: Apache-2.0 */
/* Named locks: between connections, between processes, and after the holder's death. */
#include "contract.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static bool try_it(df_conn *conn, const char *name, int64_t wait_ms)
{
    df_error err;
    bool taken = false;
    df_code code = df_lock(conn, name, wait_ms, &taken, &err);
    if (code != DF_OK) check_code(code, DF_OK, &err, "df_lock");
    return taken;
}

static bool is_held(df_conn *conn, const char *name)
{
    df_error err;
    bool held = false;
    df_code code = df_lock_held(conn, name, &held, &err);
    if (code != DF_OK) check_code(code, DF_OK, &err, "df_lock_held");
    return held;
}

static void test_two_sessions(df_conn *a, df_conn *b)
{
    df_error err;
    const char *name =
        "import of a table with a name that is much longer than the sixty-four characters of GET_LOCK";
    check(!is_held(a, name), "at first nobody holds it");
    check(try_it(a, name, 0), "the first takes it");
    check(is_held(b, name) && is_held(a, name), "both see that it is held");
    check(!try_it(b, name, 0), "the second does not get it");
    check(try_it(b, "another", 0), "but another");
    check(!try_it(a, "another", 150), "which the first waits for in vain");
    check(try_it(a, name, 0), "the holder takes it once more");
    check(df_unlock(a, name, &err) == DF_OK && !try_it(b, name, 0), "and must give it back as often");
    check(df_unlock(a, name, &err) == DF_OK && !is_held(b, name), "given back");
    check(df_unlock(a, name, &err) == DF_FAILED, "not twice too often");
    check(try_it(b, name, 0), "now the second gets it");
    check(df_unlock(b, name, &err) == DF_OK && df_unlock(b, "another", &err) == DF_OK, "unlock");
}

static void *unlock_later(void *context)
{
    df_error err;
    sleep_ms(200);
    df_code code = df_unlock(context, "waited for", &err);
    return code == DF_OK ? context : NULL;
}

static void *cancel_later(void *context)
{
    sleep_ms(200);
    df_cancel(context);
    return NULL;
}

static void test_waiting(df_conn *a, df_conn *b)
{
    pthread_t thread;
    df_error err;
    bool taken;
    check(try_it(a, "waited for", 0), "the first holds it");
    pthread_create(&thread, NULL, unlock_later, a);
    check(try_it(b, "waited for", 10000), "the second waits and gets it");
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, cancel_later, a);
    check(df_lock(a, "waited for", 20000, &taken, &err) == DF_CANCELLED && !taken,
          "waiting can be cancelled");
    pthread_join(thread, NULL);
    check(df_unlock(b, "waited for", &err) == DF_OK, "unlock");
}

static void test_death(df_conn *conn)
{
    int ready[2];
    char byte;
    if (pipe(ready) != 0) return;
    pid_t child = fork();
    if (child == 0) { /* a session of its own; the parent's is left alone */
        df_conn *own = connect_with(test_url, DF_OK);
        bool taken = own && try_it(own, "mortal", 0);
        if (write(ready[1], taken ? "y" : "n", 1) != 1) _exit(1);
        for (;;) pause();
    }
    check(read(ready[0], &byte, 1) == 1 && byte == 'y', "another process takes a lock");
    check(is_held(conn, "mortal") && !try_it(conn, "mortal", 0), "which is seen here");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    check(try_it(conn, "mortal", 10000), "it dies with its holder (kill -9)");
    df_error err;
    check(df_unlock(conn, "mortal", &err) == DF_OK, "unlock");
    close(ready[0]);
    close(ready[1]);
}

static void test_through_transactions(df_conn *a, df_conn *b)
{
    df_error err;
    check(df_begin(a, &err) == DF_OK && try_it(a, "kept", 0), "a lock taken inside a transaction");
    df_rollback(a);
    check(is_held(b, "kept"), "outlives it");
    df_disconnect(a);
    check(try_it(b, "kept", 10000), "and ends with its session");
}

void test_locks(void)
{
    df_conn *a = connect_or_die(), *b = connect_or_die();
    if (!fl->graph) run_sql(a, DF_OK, "CREATE TABLE anything (id INTEGER)");
    test_two_sessions(a, b);
    test_waiting(a, b);
    test_death(b);
    test_through_transactions(a, b); /* ends a */
    if (!fl->graph) run_sql(b, DF_OK, "DROP TABLE anything");
    df_disconnect(b);
}
