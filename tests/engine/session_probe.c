/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the library says of a session and a schema, as JSON, for tests that know it from elsewhere:
 *
 *     session_probe pooled URL              {"code", "message", "pooled", "how"}
 *     session_probe inspect URL [SCHEMA]    one array [kind, schema, parent, name, definition] a line
 *     session_probe work URL                {"code", "message", "rows"}: a transaction with everything in it
 *     session_probe sleep URL               takes a lock, says "ready", runs a long statement
 */
#include "base/json.h"
#include "engine/session.h"

#include <stdio.h>
#include <string.h>

static df_code print_object(void *context, const df_object *o, df_error *err)
{
    (void)context, (void)err;
    df_buf out = {0};
    df_json_writer w = {.out = &out};
    df_json_begin(&w, NULL, '[');
    df_json_add_str(&w, NULL, o->kind);
    df_json_add_str(&w, NULL, o->schema);
    df_json_add_str(&w, NULL, o->parent);
    df_json_add_str(&w, NULL, o->name);
    df_json_add_str(&w, NULL, o->definition);
    df_json_end(&w, ']');
    printf("%s\n", df_buf_cstr(&out));
    df_buf_release(&out);
    return DF_OK;
}

static df_code take_int(void *context, const df_row *row, df_error *err)
{
    (void)err;
    *(int64_t *)context = row->values[0].i;
    return DF_OK;
}

static df_code work(df_conn *conn, int64_t *rows, df_error *err)
{
    df_command first[] = {{.sql = "CREATE TABLE probe_work (id INTEGER)"},
                          {.sql = "INSERT INTO probe_work VALUES (1), (2)"}};
    df_command last[] = {{.sql = "SELECT COUNT(*) FROM probe_work", .fn = take_int, .context = rows},
                         {.sql = "DROP TABLE probe_work"}};
    DF_TRY(df_set_limits(conn, &(df_limits){5000, 60000}, err));
    DF_TRY(df_exec_many(conn, first, 2, DF_MANY_BEGIN, err));
    DF_TRY(df_savepoint(conn, "s", err));
    DF_TRY(df_exec(conn, "INSERT INTO probe_work VALUES (3)", NULL, 0, NULL, err));
    DF_TRY(df_rollback_to(conn, "s", err));
    return df_exec_many(conn, last, 2, DF_MANY_COMMIT, err);
}

static df_code sleep_locked(df_conn *conn, df_error *err)
{
    bool taken;
    DF_TRY(df_lock(conn, "probe", 0, &taken, err));
    printf("ready\n");
    fflush(stdout);
    return df_exec(conn, "SELECT pg_sleep(120)", NULL, 0, NULL, err);
}

int main(int argc, char **argv)
{
    if (argc < 3) return 2;
    df_error err = {0};
    df_conn *conn = NULL;
    bool pooled = false;
    char how[200] = "";
    int64_t rows = -1;
    df_code code = df_connect(argv[2], &(df_open_options){.guest = true, .create = true}, &conn, &err);
    if (code == DF_OK && strcmp(argv[1], "pooled") == 0)
        code = df_session_pooled(conn, argv[2], &pooled, how, &err);
    if (code == DF_OK && strcmp(argv[1], "work") == 0) code = work(conn, &rows, &err);
    if (code == DF_OK && strcmp(argv[1], "sleep") == 0) code = sleep_locked(conn, &err);
    if (code == DF_OK && strcmp(argv[1], "inspect") == 0) {
        df_inspect_options options = {.schema = argc > 3 ? argv[3] : NULL};
        code = df_inspect(conn, &options, print_object, NULL, &err);
    }
    df_disconnect(conn);
    if (strcmp(argv[1], "inspect") == 0) {
        if (code != DF_OK) fprintf(stderr, "%s: %s\n", df_code_name(code), err.message);
        return code != DF_OK;
    }
    df_buf out = {0};
    df_json_writer w = {.out = &out};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "code", df_code_name(code));
    df_json_add_text(&w, "message", err.message);
    df_json_add_bool(&w, "pooled", pooled);
    df_json_add_text(&w, "how", how);
    df_json_add_int(&w, "rows", rows);
    df_json_end(&w, '}');
    printf("%s\n", df_buf_cstr(&out));
    df_buf_release(&out);
    return 0;
}
