/* SPDX-License-Identifier: Apache-2.0 */
/*
 * puppet URL ACTOR: a run that does what it is told, a command a line on standard input, and answers each
 * with one line: "ok …" or "CODE message". Tests stop it, kill it, and let it go on.
 */
#include "cypher.h"
#include "ledger/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct puppet {
    const char *url;
    df_conn *conn;
    df_ledger *ledger;
    df_ledger_options options;
    df_arena arena;
} puppet;

static void answer(df_code code, const df_error *err, const char *text)
{
    if (code == DF_OK)
        printf("ok %s\n", text);
    else
        printf("%s %s | %s\n", df_code_name(code), err->message, err->hint);
    fflush(stdout);
}

static df_code open_all(puppet *p, df_error *err)
{
    df_open_options open = {.create = true, .application = "puppet"};
    DF_TRY(df_connect(p->url, &open, &p->conn, err));
    return df_ledger_open(p->conn, &p->options, &p->ledger, err);
}

static df_code reconnect(puppet *p, df_error *err)
{
    df_open_options open = {.application = "puppet"};
    df_conn *fresh;
    DF_TRY(df_connect(p->url, &open, &fresh, err));
    df_ledger_rebind(p->ledger, fresh);
    df_disconnect(p->conn);
    p->conn = fresh;
    return DF_OK;
}

/* "take WAIT TTL" */
static df_code take(puppet *p, char *arguments, char *out, size_t size, df_error *err)
{
    char *rest = NULL;
    const char *wait = strtok_r(arguments, " ", &rest), *ttl = strtok_r(NULL, " ", &rest);
    df_lease_options options = {
        .wait_ms = wait ? atoll(wait) : 0, .ttl_ms = ttl ? atoll(ttl) : 0, .purpose = "up"};
    DF_TRY(df_lease_take(p->ledger, &options, err));
    snprintf(out, size, "%lld", (long long)df_lease_fence(p->ledger));
    return DF_OK;
}

/* In the engine's own words; in the arena. */
static const char *translated(puppet *p, const char *sql)
{
    df_buf out = {0};
    if (df_conn_caps(p->conn) & DF_CAP_SQL) return sql;
    cypher_of(sql, &out);
    const char *text = df_arena_cstr(&p->arena, df_buf_str(&out));
    df_buf_release(&out);
    return text;
}

static df_code query(puppet *p, const char *sql, char *out, size_t size, df_error *err)
{
    df_value value;
    df_arena_reset(&p->arena);
    DF_TRY(df_query_value(p->conn, translated(p, sql), NULL, 0, &p->arena, &value, err));
    if (value.type == DF_INT64 || value.type == DF_BOOL)
        snprintf(out, size, "%lld", (long long)value.i);
    else if (value.type != DF_NULL)
        snprintf(out, size, "%.*s", DF_FMT(value.s));
    return DF_OK;
}

static df_code look(puppet *p, char *out, size_t size, df_error *err)
{
    df_lock_status s;
    df_arena_reset(&p->arena);
    DF_TRY(df_lock_look(p->ledger, &p->arena, &s, err));
    snprintf(out, size, "%s fence=%lld owner=%.*s doing=%.*s", df_holder_state_name(s.state),
             (long long)s.fence, DF_FMT(s.owner), DF_FMT(s.doing));
    return DF_OK;
}

static df_code verify(puppet *p, const char *head, char *out, size_t size, df_error *err)
{
    df_audit_proof proof;
    DF_TRY(df_audit_verify(p->ledger, *head ? head : NULL, &proof, err));
    snprintf(out, size, "%s %lld %s %s", proof.intact ? "intact" : "broken", (long long)proof.entries,
             proof.head, proof.what);
    return DF_OK;
}

/* A migration whose name is its id. */
static void make_run(df_migration *m, df_run *run, const char *id, bool journalled, df_arena *arena)
{
    *m = (df_migration){
        .id = df_str_from(id), .version = df_str_from(id), .name = df_str_from(id), .loaded = true};
    m->meta.estimated_ms = -1;
    m->file = df_str_from(df_arena_printf(arena, "%s.cypher", id));
    m->up = (df_section){.present = true, .sql = DF_STR("SELECT 1"), .path = "puppet", .first_line = 1};
    *run = (df_run){.migration = m, .direction = DF_UP, .n_steps = 1, .journalled = journalled};
    run->checksum = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    snprintf(run->run_id, sizeof run->run_id, "run-%d", (int)getpid());
}

static df_code record(puppet *p, const char *verb, const char *id, char *out, size_t size, df_error *err)
{
    df_migration m;
    df_run run;
    bool done;
    df_run_result result = {.duration_ms = 1, .rows_affected = -1};
    df_journal_row row = {.number = 1,
                          .line = 1,
                          .tag = DF_STR("SELECT"),
                          .text = DF_STR("SELECT 1"),
                          .rows = -1,
                          .status = DF_STEP_DONE};
    make_run(&m, &run, id, strcmp(verb, "complete") != 0, &p->arena);
    if (strcmp(verb, "start") == 0) return df_ledger_start(p->ledger, &run, NULL, 0, err);
    if (strcmp(verb, "intend") == 0) row.status = DF_STEP_INTENT;
    if (strcmp(verb, "intend") == 0) return df_ledger_intend(p->ledger, &run, NULL, 0, &row, 1, err);
    if (strcmp(verb, "settle") == 0) return df_ledger_settle(p->ledger, &run, &row, 1, err);
    if (strcmp(verb, "down") == 0) {
        run.direction = DF_DOWN;
        run.journalled = false;
        return df_ledger_complete(p->ledger, &run, &result, err);
    }
    if (strcmp(verb, "fail") == 0) {
        df_error why = {.code = DF_FAILED, .message = "it went wrong"};
        return df_ledger_fail(p->ledger, &run, &why, "part", 3, err);
    }
    if (strcmp(verb, "complete") == 0) return df_ledger_complete(p->ledger, &run, &result, err);
    DF_TRY(df_ledger_outcome(p->ledger, &run, &done, err));
    snprintf(out, size, "%s", done ? "completed" : "not completed");
    return DF_OK;
}

/* Reads, waits and writes: two that do it at the same time are found out. */
static df_code work(puppet *p, df_error *err)
{
    char text[64], sql[200];
    DF_TRY(df_ledger_begin(p->ledger, err));
    DF_TRY(query(p, "SELECT n FROM counter", text, sizeof text, err));
    usleep(3000);
    snprintf(sql, sizeof sql, "UPDATE counter SET n = %lld", atoll(text) + 1);
    DF_TRY(df_exec(p->conn, translated(p, sql), NULL, 0, NULL, err));
    snprintf(sql, sizeof sql, "INSERT INTO fences (fence) VALUES (%lld)",
             (long long)df_lease_fence(p->ledger));
    DF_TRY(df_exec(p->conn, translated(p, sql), NULL, 0, NULL, err));
    return df_commit(p->conn, err);
}

/* "contend TIMES": takes, works, gives back. */
static df_code contend(puppet *p, int times, df_error *err)
{
    df_lease_options options = {.wait_ms = 120000, .purpose = "up"};
    for (int i = 0; i < times; i++) {
        df_code code = df_lease_take(p->ledger, &options, err);
        if (code != DF_OK) return df_error_prefix(err, "taking the lock, time %d", i + 1);
        code = work(p, err);
        if (code != DF_OK) return df_error_prefix(err, "working, time %d", i + 1);
        df_lease_give(p->ledger);
    }
    return DF_OK;
}

/* ---- other tools' histories ---- */

static df_code open_folder(const puppet *p, const char *folder, df_migration_set **out, df_error *err)
{
    df_files_options options = {.folder = folder, .dialect = df_conn_dialect(p->conn)};
    return df_migrations_open(&options, out, err);
}

/* "find": tool table newest baseline: version/name/success/checksum, … */
static df_code find(puppet *p, char *out, size_t size, df_error *err)
{
    df_foreign *all;
    size_t count, at = 0;
    df_arena_reset(&p->arena);
    DF_TRY(df_foreign_find(p->ledger, &p->arena, &all, &count, err));
    for (size_t i = 0; i < count && at < size; i++) {
        at +=
            (size_t)snprintf(out + at, size - at, "%s%s %s%s%s%.*s:", i ? "; " : "",
                             df_layout_name(all[i].layout), all[i].table, all[i].only_newest ? " newest" : "",
                             all[i].dirty ? " dirty " : " ", DF_FMT(all[i].baseline));
        for (size_t k = 0; k < all[i].count && at < size; k++) {
            const df_foreign_row *r = &all[i].rows[k];
            at +=
                (size_t)snprintf(out + at, size - at, " %.*s/%.*s/%s/%s", DF_FMT(r->version), DF_FMT(r->name),
                                 r->success ? "ok" : "failed", r->applied_ms > 1600000000000 ? "timed" : "-");
        }
    }
    return DF_OK;
}

/* "mark FOLDER N": the first N migrations count as applied. */
static df_code mark(puppet *p, char *rest, df_error *err)
{
    char *number = strrchr(rest, ' ');
    if (!number) return DF_USAGE;
    *number++ = '\0';
    df_migration_set *set;
    DF_TRY(open_folder(p, rest, &set, err));
    df_code code = DF_OK;
    for (size_t i = 0; code == DF_OK && i < set->count && i < (size_t)atoi(number); i++) {
        code = df_migration_load(set, &set->items[i], err);
        if (code == DF_OK) code = df_ledger_mark(p->ledger, &set->items[i], NULL, 0, "adopted", err);
    }
    df_migrations_close(set);
    return code;
}

/* "handback FOLDER": into the first history that is found; how many rows. */
static df_code hand_back(puppet *p, const char *folder, char *out, size_t size, df_error *err)
{
    df_migration_set *set;
    df_foreign *all;
    size_t count, written = 0;
    df_arena_reset(&p->arena);
    DF_TRY(df_foreign_find(p->ledger, &p->arena, &all, &count, err));
    if (!count) return DF_NOT_FOUND;
    DF_TRY(open_folder(p, folder, &set, err));
    df_code code = df_foreign_write(p->ledger, set, &all[0], &written, err);
    df_migrations_close(set);
    snprintf(out, size, "%zu", written);
    return code;
}

static df_code obey(puppet *p, char *line, char *out, size_t size, df_error *err)
{
    char *rest = strchr(line, ' ');
    if (rest)
        *rest++ = '\0';
    else
        rest = line + strlen(line);
    df_lock_status was;
    if (strcmp(line, "create") == 0) return df_ledger_create(p->ledger, err);
    if (strcmp(line, "take") == 0) return take(p, rest, out, size, err);
    if (strcmp(line, "give") == 0) return df_lease_give(p->ledger), DF_OK;
    if (strcmp(line, "held") == 0) return snprintf(out, size, "%d", df_lease_held(p->ledger)), DF_OK;
    if (strcmp(line, "tell") == 0) return df_lease_tell(p->ledger, rest), DF_OK;
    if (strcmp(line, "check") == 0) return df_lease_check(p->ledger, err);
    if (strcmp(line, "begin") == 0) return df_ledger_begin(p->ledger, err);
    if (strcmp(line, "commit") == 0) return df_commit(p->conn, err);
    if (strcmp(line, "rollback") == 0) return df_rollback(p->conn), DF_OK;
    if (strcmp(line, "sql") == 0) return df_exec(p->conn, translated(p, rest), NULL, 0, NULL, err);
    if (strcmp(line, "query") == 0) return query(p, rest, out, size, err);
    if (strcmp(line, "look") == 0) return look(p, out, size, err);
    if (strcmp(line, "break") == 0)
        return df_lock_break(p->ledger, strcmp(rest, "force") == 0, &was, &p->arena, err);
    if (strcmp(line, "verify") == 0) return verify(p, rest, out, size, err);
    if (strcmp(line, "reconnect") == 0) return reconnect(p, err);
    if (strcmp(line, "lost") == 0) return snprintf(out, size, "%d", df_conn_lost(p->conn)), DF_OK;
    if (strcmp(line, "audit") == 0)
        return df_audit_add(p->ledger, DF_AUDIT_BACKUP_CREATED, DF_STR_NONE, DF_STR_NONE, err);
    if (strcmp(line, "find") == 0) return find(p, out, size, err);
    if (strcmp(line, "mark") == 0) return mark(p, rest, err);
    if (strcmp(line, "handback") == 0) return hand_back(p, rest, out, size, err);
    if (strcmp(line, "contend") == 0) return contend(p, atoi(rest), err);
    return record(p, line, rest, out, size, err);
}

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t room = 0;
    df_error err = {0};
    if (argc < 3) return 2;
    if (strcmp(argv[1], "--cypher") == 0) { /* says what it would make of a statement */
        df_buf out = {0};
        cypher_of(argv[2], &out);
        puts(df_buf_cstr(&out));
        df_buf_release(&out);
        return 0;
    }
    puppet p = {.url = argv[1],
                .options = {.url = argv[1], .environment = "test", .actor = argv[2], .program = "puppet"}};
    answer(open_all(&p, &err), &err, "ready");
    while (p.ledger && getline(&line, &room, stdin) > 0) {
        char out[4000] = "";
        line[strcspn(line, "\n")] = '\0';
        df_code code = obey(&p, line, out, sizeof out, &err);
        answer(code, &err, out);
    }
    free(line);
    df_arena_release(&p.arena);
    df_ledger_close(p.ledger);
    df_disconnect(p.conn);
    return 0;
}
