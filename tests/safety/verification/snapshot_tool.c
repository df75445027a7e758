/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests in other languages: takes snapshots of one database.
 *
 *     snapshot_tool URL < commands
 *
 * A line "take FILE" writes one to FILE and answers with its digest and number of objects; "compare FILE
 * FILE" answers with one JSON document of differences; "time" with the milliseconds that taking one took.
 */
#include "base/clock.h"
#include "safety/verification/verification.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static df_code read_file(const char *path, df_buf *out, df_error *err)
{
    FILE *file = fopen(path, "r");
    char block[65536];
    if (!file) return df_fail(err, DF_NOT_FOUND, "no %s", path);
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;) df_buf_add(out, block, n);
    fclose(file);
    return DF_OK;
}

static df_code take(df_conn *conn, const char *path, df_error *err)
{
    df_schema_snapshot snapshot;
    DF_TRY(df_schema_snapshot_take(conn, &snapshot, err));
    FILE *file = fopen(path, "w");
    bool written =
        file && fwrite(df_buf_str(&snapshot.text).ptr, 1, snapshot.text.len, file) == snapshot.text.len;
    if (file && fclose(file) != 0) written = false;
    printf("%s %lld\n", snapshot.digest, (long long)snapshot.objects);
    df_schema_snapshot_release(&snapshot);
    return written ? DF_OK : df_fail(err, DF_IO, "cannot write %s", path);
}

static df_code compare(const char *expected, const char *found, df_error *err)
{
    df_arena arena = {0};
    df_buf a = {0}, b = {0}, out = {0};
    df_json_writer w = {.out = &out};
    df_migrate_difference *list = NULL;
    size_t count = 0;
    df_code code = read_file(expected, &a, err);
    if (code == DF_OK) code = read_file(found, &b, err);
    if (code == DF_OK) code = df_schema_compare(df_buf_str(&a), df_buf_str(&b), &arena, &list, &count, err);
    df_json_begin(&w, NULL, '[');
    for (size_t i = 0; i < count; i++) {
        df_json_begin(&w, NULL, '{');
        df_json_add_text(&w, "kind", list[i].kind);
        df_json_add_text(&w, "name", list[i].name);
        df_json_add_text(&w, "change", list[i].change);
        df_json_add_text(&w, "expected", list[i].expected);
        df_json_add_text(&w, "found", list[i].found);
        df_json_end(&w, '}');
    }
    df_json_end(&w, ']');
    if (code == DF_OK) printf("%s\n", df_buf_cstr(&out));
    df_buf_release(&a), df_buf_release(&b), df_buf_release(&out);
    df_arena_release(&arena);
    return code;
}

static df_code answer(df_conn *conn, char *line, df_error *err)
{
    char *words[3] = {0}, *rest = NULL;
    for (int i = 0; i < 3; i++) words[i] = strtok_r(i ? NULL : line, " \n", &rest);
    if (words[0] && words[1] && strcmp(words[0], "take") == 0) return take(conn, words[1], err);
    if (words[0] && words[2] && strcmp(words[0], "compare") == 0) return compare(words[1], words[2], err);
    double begin = df_monotonic_s();
    df_schema_snapshot snapshot;
    DF_TRY(df_schema_snapshot_take(conn, &snapshot, err));
    printf("%.1f %lld\n", (df_monotonic_s() - begin) * 1000, (long long)snapshot.objects);
    df_schema_snapshot_release(&snapshot);
    return DF_OK;
}

int main(int argc, char **argv)
{
    df_open_options open = {.create = true, .guest = true};
    df_error err = {0};
    df_conn *conn = NULL;
    char line[4096];
    if (argc != 2) return 2;
    df_code code = df_connect(argv[1], &open, &conn, &err);
    while (code == DF_OK && fgets(line, sizeof line, stdin)) {
        code = answer(conn, line, &err);
        fflush(stdout);
    }
    if (code != DF_OK) fprintf(stderr, "%s\n", err.message);
    df_disconnect(conn);
    return df_code_exit_status(code);
}
