/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of src/operate/backup.h as commands, for backups.py:
 *
 *     backup_tool URL FOLDER create|list|find|verify|restore|prune|recover|unfinished|scratch [ARGUMENT]
 *
 * Prints one JSON object a line; status 0, or that of the error, which is printed as JSON to standard error.
 * KEY: the key; STOP_AFTER=N: cancels at the N-th question; SAFETY: the safety backup of a restore; SCRATCH: the URL
 * of a lent scratch database; ATTEMPTS=N: as the option of create;
 * PAUSE_AT=N: after the N-th progress report prints "paused" and waits for standard input.
 */
#include "base/json.h"
#include "operate/backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct watching {
    long questions, stop_after, reports, pause_at;
    int64_t last_done, last_total;
    const char *pause_what;
    char last_what[40];
} watching;

static void on_progress(void *context, const df_progress *p)
{
    watching *w = context;
    w->last_done = p->done;
    w->last_total = p->total;
    snprintf(w->last_what, sizeof w->last_what, "%s", p->what);
    if (strcmp(p->what, w->pause_what) != 0 || ++w->reports != w->pause_at) return;
    printf("paused\n");
    fflush(stdout);
    (void)getchar();
}

static bool is_cancelled(void *context)
{
    watching *w = context;
    return w->stop_after && ++w->questions >= w->stop_after;
}

static void on_log(void *context, df_log_level level, const char *text)
{
    (void)context;
    if (level <= DF_LOG_WARNING) fprintf(stderr, "warning: %s\n", text);
}

static void print(df_buf *out)
{
    printf("%s\n", df_buf_cstr(out));
    df_buf_clear(out);
}

static void print_backup(const df_migrate_backup *b)
{
    df_buf out = {0};
    df_json_writer w = {.out = &out};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "id", b->id);
    df_json_add_text(&w, "path", b->path);
    df_json_add_text(&w, "type", b->type);
    df_json_add_text(&w, "checksum", b->checksum);
    df_json_add_text(&w, "created_by", b->created_by);
    df_json_add_raw(&w, "metadata", df_str_from(b->metadata && *b->metadata ? b->metadata : "null"));
    df_json_add_int(&w, "size", b->size);
    df_json_add_int(&w, "created_ms", b->created_ms);
    df_json_add_int(&w, "verified_ms", b->verified_ms);
    df_json_add_bool(&w, "compressed", b->compressed);
    df_json_add_bool(&w, "encrypted", b->encrypted);
    df_json_add_bool(&w, "present", b->present);
    df_json_end(&w, '}');
    print(&out);
    df_buf_release(&out);
}

static void print_check(const df_migrate_backup_check *c)
{
    df_buf out = {0};
    df_json_writer w = {.out = &out};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "id", c->id);
    df_json_add_text(&w, "scratch", c->scratch);
    df_json_add_bool(&w, "checksum_ok", c->checksum_ok);
    df_json_add_bool(&w, "restored", c->restored);
    df_json_add_int(&w, "differing", (int64_t)c->differing);
    df_json_begin(&w, "tables", '{');
    for (size_t i = 0; i < c->count; i++) {
        df_json_begin(&w, c->tables[i].name, '[');
        df_json_add_int(&w, NULL, c->tables[i].rows_backup);
        df_json_add_int(&w, NULL, c->tables[i].rows_scratch);
        df_json_add_bool(&w, NULL, c->tables[i].equal);
        df_json_end(&w, ']');
    }
    df_json_end(&w, '}');
    df_json_end(&w, '}');
    print(&out);
    df_buf_release(&out);
}

static df_code list(const df_backup_place *place, df_arena *arena, df_error *err)
{
    df_migrate_backup *items;
    size_t count;
    DF_TRY(df_backup_list(place, arena, &items, &count, err));
    for (size_t i = 0; i < count; i++) print_backup(&items[i]);
    return DF_OK;
}

static df_code prune(const df_backup_place *place, const char *keep, df_arena *arena, df_error *err)
{
    df_migrate_backup *items;
    size_t count;
    DF_TRY(df_backup_prune(place, atoi(keep), strchr(keep, '?') != NULL, arena, &items, &count, err));
    for (size_t i = 0; i < count; i++) print_backup(&items[i]);
    return DF_OK;
}

static df_code scratch(const df_backup_place *place, const char *what, df_error *err)
{
    df_scratch made;
    df_conn *conn;
    DF_TRY(df_scratch_create(place->conn, place->url, &made, err));
    printf("{\"name\":\"%s\",\"url\":\"%s\"}\n", made.name, made.url);
    fflush(stdout);
    if (strcmp(what, "keep") == 0) {
        (void)getchar();
        return DF_OK;
    }
    df_code code = df_connect(made.url, NULL, &conn, err);
    if (code == DF_OK) code = df_exec(conn, "CREATE TABLE made (a INTEGER)", NULL, 0, NULL, err);
    if (code == DF_OK) df_disconnect(conn);
    df_code dropped = df_scratch_drop(place->conn, &made, code == DF_OK ? err : NULL);
    return code == DF_OK ? dropped : code;
}

static df_code restore(const df_backup_place *place, const char *id, df_arena *arena, df_error *err)
{
    df_migrate_backup b;
    DF_TRY(
        df_lease_take(place->ledger, &(df_lease_options){.purpose = "backup restore", .ttl_ms = 3000}, err));
    df_code code = df_backup_restore(place, id, arena, &b, err);
    if (code == DF_OK) print_backup(&b);
    df_lease_give(place->ledger);
    return code;
}

static df_code unfinished(const df_backup_place *place, df_arena *arena, df_error *err)
{
    df_backup_interrupted i;
    DF_TRY(df_backup_unfinished(place->conn, arena, &i, err));
    printf("{\"found\":%s,\"half\":%s,\"backup\":\"%s\",\"safety\":\"%s\"}\n", i.found ? "true" : "false",
           i.half ? "true" : "false", i.found ? i.backup_id : "", i.safety_id ? i.safety_id : "");
    return DF_OK;
}

static long number_of(const char *name)
{
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

static df_code run(const df_backup_place *place, const char *what, const char *argument, df_arena *arena,
                   df_error *err)
{
    df_migrate_backup b;
    df_migrate_backup_check check;
    if (strcmp(what, "unfinished") == 0) return unfinished(place, arena, err);
    if (strcmp(what, "recover") == 0) return df_backup_recover(place, err);
    if (strcmp(what, "scratch") == 0) return scratch(place, argument, err);
    if (strcmp(what, "restore") != 0) DF_TRY(df_backup_recover(place, err));
    DF_TRY(df_ledger_create(place->ledger, err));
    if (strcmp(what, "list") == 0) return list(place, arena, err);
    if (strcmp(what, "prune") == 0) return prune(place, argument, arena, err);
    if (strcmp(what, "restore") == 0) return restore(place, argument, arena, err);
    if (strcmp(what, "verify") == 0) {
        df_code code = df_backup_verify(place, argument, arena, &check, err);
        print_check(&check);
        return code;
    }
    df_code code = DF_USAGE;
    if (strcmp(what, "find") == 0) {
        code = df_backup_find(place, argument, arena, &b, err);
    } else if (strcmp(what, "create") == 0) {
        /* TYPE[,plain][,DAYS] */
        char *copy = df_arena_cstr(arena, df_str_from(argument)), *comma = strchr(copy, ',');
        df_migrate_backup_options options = {.type = *copy && *copy != ',' ? copy : NULL};
        options.attempts = number_of("ATTEMPTS");
        options.no_compress = strstr(argument, ",plain") != NULL;
        if (comma) options.retention_days = atoi(strrchr(argument, ',') + 1);
        if (comma) *comma = '\0';
        code = df_backup_create(place, &options, arena, &b, err);
    }
    if (code == DF_OK) print_backup(&b);
    return code;
}

int main(int argc, char **argv)
{
    df_error err = {0};
    df_arena arena = {0};
    df_conn *conn = NULL;
    df_ledger *ledger = NULL;
    watching w = {.stop_after = number_of("STOP_AFTER"), .pause_at = number_of("PAUSE_AT"), .pause_what = getenv("PAUSE_WHAT")};
    if (!w.pause_what) w.pause_what = "bytes";
    df_observer observer = {.context = &w, .log = on_log, .progress = on_progress, .cancelled = is_cancelled};
    if (argc < 4) return 2;
    df_code code = df_connect(argv[1], &(df_open_options){.create = true}, &conn, &err);
    df_ledger_options options = {.url = argv[1], .actor = "tester", .program = "test", .observer = &observer};
    if (code == DF_OK) code = df_ledger_open(conn, &options, &ledger, &err);
    df_backup_place place = {.conn = conn,
                             .ledger = ledger,
                             .url = argv[1],
                             .folder = argv[2],
                             .key = getenv("KEY"),
                             .safety = getenv("SAFETY"),
                             .scratch_url = getenv("SCRATCH"),
                             .observer = &observer};
    if (code == DF_OK) code = run(&place, argv[3], argc > 4 ? argv[4] : "", &arena, &err);
    if (code != DF_OK) fprintf(stderr, "%s: %s\n%s\n", df_code_name(code), err.message, err.hint);
    if (w.last_what[0])
        fprintf(stderr, "progress: %s %lld/%lld\n", w.last_what, (long long)w.last_done,
                (long long)w.last_total);
    df_ledger_close(ledger);
    df_disconnect(conn);
    df_arena_release(&arena);
    return df_code_exit_status(code) ? df_code_exit_status(code) : code != DF_OK;
}
