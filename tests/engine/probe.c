/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe URL ROWS PAUSE_MS: loads rows into the table `probe (id, t)` in one transaction, waiting once in the
 * middle, and tells as JSON how it ended. For tests that take the server away meanwhile.
 */
#include "base/json.h"
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct source {
    int64_t next, end;
    long pause_ms;
    char text[400];
} source;

static df_code next_row(void *context, df_value *values, bool *more, df_error *err)
{
    (void)err;
    source *s = context;
    if (s->next == s->end / 2 && s->pause_ms) {
        printf("halfway\n");
        fflush(stdout);
        nanosleep(&(struct timespec){s->pause_ms / 1000, s->pause_ms % 1000 * 1000000}, NULL);
    }
    *more = s->next < s->end;
    values[0] = df_v_int(s->next++);
    values[1] = df_v_str((df_str){s->text, sizeof s->text});
    return DF_OK;
}

static df_code load(df_conn *conn, source *s, df_error *err)
{
    static const char *const columns[] = {"id", "t"};
    DF_TRY(df_begin(conn, err));
    DF_TRY(df_bulk_load(conn, "probe", columns, 2, &(df_row_source){s, next_row}, NULL, err));
    return df_commit(conn, err);
}

int main(int argc, char **argv)
{
    if (argc < 4) return 2;
    df_error err = {0};
    df_conn *conn = NULL;
    df_buf out = {0};
    source s = {.end = atoll(argv[2]), .pause_ms = atol(argv[3])};
    memset(s.text, 'x', sizeof s.text);
    df_code code = df_connect(argv[1], &(df_open_options){.create = true}, &conn, &err), after = DF_OK;
    if (code == DF_OK) code = load(conn, &s, &err);
    if (conn) {
        df_rollback(conn);
        after = df_exec(conn, "SELECT 1", NULL, 0, NULL, NULL);
    }
    df_json_writer w = {.out = &out};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "code", df_code_name(code));
    df_json_add_text(&w, "message", err.message);
    df_json_add_text(&w, "native", err.native);
    df_json_add_text(&w, "hint", err.hint);
    df_json_add_text(&w, "afterwards", df_code_name(after));
    df_json_end(&w, '}');
    printf("%s\n", df_buf_cstr(&out));
    df_disconnect(conn);
    df_buf_release(&out);
    return 0;
}
