/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of src/engine/copy.h about graphs, for test_graphs.py:
 *
 *     graph_tool URL digest [EXCLUDE …]        of the database
 *     graph_tool URL dump [EXCLUDE …]          to standard output; what it says goes to standard error
 *     graph_tool URL content [EXCLUDE …]       of a dump at standard input
 *     graph_tool URL load|replace              a dump at standard input into the database
 *     graph_tool URL wipe [KEEP …]
 *
 * Prints one JSON object; status 0, or that of the error, which is printed to standard error.
 */
#include "base/clock.h"
#include "base/json.h"
#include "engine/copy.h"
#include "engine/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_content(const df_content *c, df_json_writer *w)
{
    df_json_add_text(w, "digest", c->digest);
    df_json_add_int(w, "nodes", c->nodes);
    df_json_add_int(w, "relationships", c->relationships);
    df_json_add_int(w, "constraints", c->constraints);
    df_json_add_int(w, "indexes", c->indexes);
    df_json_add_int(w, "colours", c->colours);
    df_json_add_int(w, "rounds", c->rounds);
    df_json_begin(w, "groups", '{');
    for (size_t i = 0; i < c->n_groups; i++) {
        df_json_begin(w, c->groups[i].name, '[');
        df_json_add_int(w, NULL, c->groups[i].count);
        df_json_add_text(w, NULL, c->groups[i].digest);
        df_json_end(w, ']');
    }
    df_json_end(w, '}');
}

static df_code put(void *context, const void *bytes, size_t len, df_error *err)
{
    return fwrite(bytes, 1, len, context) == len ? DF_OK : df_fail(err, DF_IO, "cannot write");
}

typedef struct input {
    char bytes[65536 + 13];
} input;

static df_code take(void *context, df_str *piece, df_error *err)
{
    input *in = context;
    size_t n = fread(in->bytes, 1, sizeof in->bytes, stdin);
    if (ferror(stdin)) return df_fail(err, DF_IO, "cannot read");
    *piece = n ? (df_str){in->bytes, n} : DF_STR_NONE;
    return DF_OK;
}

static df_code run(df_conn *conn, const char *what, const char *const *labels, df_arena *arena, df_error *err)
{
    static input in;
    df_buf out = {0};
    df_json_writer w = {.out = &out};
    df_content_options options = {.exclude = labels, .arena = arena};
    df_load_options load = {.replace = strcmp(what, "replace") == 0};
    df_content content = {0};
    df_code code = DF_USAGE;
    bool dump = strcmp(what, "dump") == 0, begun = false;
    double start = df_monotonic_s();
    df_json_begin(&w, NULL, '{');
    if (strcmp(what, "digest") == 0) {
        code = df_content_digest(conn, &options, &content, err);
    } else if (strcmp(what, "content") == 0) {
        code = df_dump_content(conn, &options, take, &in, &content, err);
    } else if (dump) {
        df_dump_report report;
        df_dump_options dumping = {.content = options, .omit = labels};
        code = df_dump(conn, &dumping, put, stdout, &report, err);
        content = report.content;
        df_json_add_bool(&w, "consistent", report.consistent);
        df_json_add_int(&w, "dangling", report.dangling);
        df_json_add_text(&w, "meanwhile", report.meanwhile);
    } else if (strcmp(what, "wipe") == 0) {
        load.keep = labels;
        code = df_wipe(conn, &load, err);
    } else {
        code = df_load(conn, &load, take, &in, &begun, err);
        df_json_add_bool(&w, "begun", begun);
    }
    df_json_add_int(&w, "ms", (int64_t)((df_monotonic_s() - start) * 1000));
    print_content(&content, &w);
    df_json_end(&w, '}');
    fprintf(dump ? stderr : stdout, "%s\n", df_buf_cstr(&out));
    df_buf_release(&out);
    return code;
}

int main(int argc, char **argv)
{
    df_error err = {0};
    df_arena arena = {0};
    df_conn *conn = NULL;
    if (argc < 3) return 2;
    df_code code = df_connect(argv[1], &(df_open_options){.guest = true}, &conn, &err);
    if (code == DF_OK) code = df_set_limits(conn, &(df_limits){0, 0}, &err);
    if (code == DF_OK) code = run(conn, argv[2], (const char *const *)argv + 3, &arena, &err);
    if (code != DF_OK) fprintf(stderr, "%s: %s\n%s\n", df_code_name(code), err.message, err.hint);
    df_disconnect(conn);
    df_arena_release(&arena);
    return df_code_exit_status(code) ? df_code_exit_status(code) : code != DF_OK;
}
