/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the library does with a graph engine's connection, as JSON, for tests that take servers and sessions away:
 *
 *     graph_probe connect URL          connects
 *     graph_probe read URL             connects read-only and tries to write
 *     graph_probe write URL TIMES      writes TIMES times, each a statement of its own; waits a line of input before each
 *     graph_probe commit URL           begins, writes, says "ready", waits for a line, and goes on
 *     graph_probe lock URL NAME MS     takes the lock, says "taken ID STARTED" or "not taken", waits for a line
 *     graph_probe end URL ID STARTED   ends that session
 */
#include "base/json.h"
#include "engine/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void wait_for_line(void)
{
    char line[100];
    if (!fgets(line, sizeof line, stdin)) return;
}

static void say(const char *text)
{
    printf("%s\n", text);
    fflush(stdout);
}

static df_code write_once(df_conn *conn, df_error *err)
{
    return df_exec(conn, "CREATE (:GraphProbe)", NULL, 0, NULL, err);
}

/* Goes on after what may be tried again, as the runner does. */
static df_code write_often(df_conn *conn, long times, df_error *err)
{
    df_code code = DF_OK;
    for (long i = 0; i < times; i++) {
        wait_for_line();
        code = write_once(conn, err);
        say(df_code_name(code));
        if (code != DF_OK && code != DF_RETRY) break;
    }
    return code;
}

static df_code write_and_commit(df_conn *conn, df_error *err)
{
    DF_TRY(df_begin(conn, err));
    DF_TRY(write_once(conn, err));
    say("ready");
    wait_for_line();
    DF_TRY(write_once(conn, err));
    return df_commit(conn, err);
}

static df_code hold(df_conn *conn, const char *name, long wait_ms, df_error *err)
{
    bool taken;
    df_session session;
    DF_TRY(df_session_get(conn, &session, err));
    DF_TRY(df_lock(conn, name, wait_ms, &taken, err));
    if (taken)
        printf("taken %lld %s\n", (long long)session.id, session.started);
    else
        printf("not taken\n");
    fflush(stdout);
    wait_for_line();
    return DF_OK;
}

static df_code end(df_conn *conn, char **argv, df_error *err)
{
    df_session session = {.id = atoll(argv[3]), .user = "neo4j"};
    snprintf(session.started, sizeof session.started, "%s", argv[4]);
    return df_session_end(conn, &session, 10000, err);
}

static df_code act(df_conn *conn, int argc, char **argv, df_error *err)
{
    const char *what = argv[1];
    if (strcmp(what, "read") == 0) return write_once(conn, err);
    if (strcmp(what, "write") == 0 && argc > 3) return write_often(conn, atol(argv[3]), err);
    if (strcmp(what, "commit") == 0) return write_and_commit(conn, err);
    if (strcmp(what, "lock") == 0 && argc > 4) return hold(conn, argv[3], atol(argv[4]), err);
    if (strcmp(what, "end") == 0 && argc > 4) return end(conn, argv, err);
    return DF_OK;
}

int main(int argc, char **argv)
{
    if (argc < 3) return 2;
    df_error err = {0};
    df_conn *conn = NULL;
    df_code after = DF_OK, code;
    df_open_options options = {.read_only = strcmp(argv[1], "read") == 0, .application = "graph_probe"};
    code = df_connect(argv[2], &options, &conn, &err);
    if (code == DF_OK) code = act(conn, argc, argv, &err);
    if (conn) {
        df_rollback(conn);
        after = df_exec(conn, "RETURN 1", NULL, 0, NULL, NULL);
    }
    df_buf out = {0};
    df_json_writer w = {.out = &out};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "code", df_code_name(code));
    df_json_add_text(&w, "message", err.message);
    df_json_add_text(&w, "native", err.native);
    df_json_add_text(&w, "hint", err.hint);
    df_json_add_text(&w, "server", conn ? df_conn_server(conn) : "");
    df_json_add_text(&w, "afterwards", df_code_name(after));
    df_json_end(&w, '}');
    say(df_buf_cstr(&out));
    df_disconnect(conn);
    df_buf_release(&out);
    return 0;
}
