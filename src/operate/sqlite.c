/* SPDX-License-Identifier: Apache-2.0 */
/* What a SQLite database is asked; who uses it is in sqlite_locks.c. */
#include "operate/operate_int.h"

#include "operate_sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Checks that read the whole file are made when it is no larger than this. */
enum { READ_WHOLE_BYTES = 256 << 20 };

static df_code facts(const op_look *look, op_facts *out, df_error *err)
{
    op_rows rows;
    DF_TRY(op_ask(look, SQL_facts, NULL, 0, &rows, err));
    *out = (op_facts){.now_ms = op_int(&rows, 0, "now_ms", 0),
                      .read_only = op_bool(&rows, 0, "read_only"),
                      .alone = true,
                      .connections = -1,
                      .max_connections = -1};
    df_str file = op_str(&rows, 0, "file");
    if (!file.len) {
        out->remote = "the database has no file";
        return DF_OK;
    }
    const char *slash = strrchr(file.ptr, '/');
    out->file = file;
    out->folder = slash ? df_arena_str(look->arena,
                                       (df_str){file.ptr, slash == file.ptr ? 1 : (size_t)(slash - file.ptr)})
                        : DF_STR(".");
    /* SQLite writes journals beside the file. */
    if (access(file.ptr, W_OK) != 0 || access(df_arena_cstr(look->arena, out->folder), W_OK) != 0)
        out->read_only = true;
    return DF_OK;
}

static const char *end_command(const op_look *look, const op_session *s)
{
    return df_arena_printf(look->arena, "kill %lld", (long long)s->id);
}

static int64_t size_of(const op_look *look, df_str file, const char *suffix)
{
    struct stat status;
    if (!file.len || stat(df_arena_printf(look->arena, "%.*s%s", DF_FMT(file), suffix), &status) != 0)
        return 0;
    return status.st_size;
}

/* ---- health ---- */

/* Damage may be such that the check itself cannot go on. */
static void check_damage(op_health *h, const op_list *list)
{
    op_rows rows;
    df_error err;
    df_code code = op_ask(&h->look, list->sql, NULL, 0, &rows, &err);
    if (code == DF_CORRUPT)
        op_check(h, list->name, OP_CRITICAL, NULL, "dataflow backup restore latest", "%s", err.message);
    else if (code != DF_OK)
        op_check_unknown(h, list->name, &err);
    else
        op_check_rows(h, list, &rows);
}

static void check_whole(op_health *h, const op_list *list)
{
    int64_t bytes = size_of(&h->look, h->facts.file, "");
    if (h->facts_error.code != DF_OK)
        op_check_unknown(h, list->name, &h->facts_error);
    else if (bytes > READ_WHOLE_BYTES)
        op_check(h, list->name, OP_UNKNOWABLE, NULL, df_arena_printf(h->look.arena, "PRAGMA %s", list->name),
                 "not looked at: it would read all of %s", op_bytes(h->look.arena, bytes));
    else
        check_damage(h, list);
}

static void check_wal(op_health *h)
{
    enum { MUCH = 64 << 20 };
    int64_t wal = size_of(&h->look, h->facts.file, "-wal"), file = size_of(&h->look, h->facts.file, "");
    bool large = wal > MUCH && wal > file / 2;
    if (h->facts_error.code != DF_OK) {
        op_check_unknown(h, "wal", &h->facts_error);
        return;
    }
    op_check(h, "wal", large ? OP_WARNING : OP_OK,
             df_arena_printf(h->look.arena, "{\"bytes\":%lld}", (long long)wal),
             large ? "end the reader that holds it back, then PRAGMA wal_checkpoint(TRUNCATE)" : NULL,
             "the write-ahead log has %s, the database %s", op_bytes(h->look.arena, wal),
             op_bytes(h->look.arena, file));
}

/* A lock that is there at two looks is not somebody's short transaction. */
static void check_busy(op_health *h)
{
    enum { PAUSE_MS = 100 };
    static const op_list list = {"writers", NULL, "process holds the write lock",
                                 "processes hold the write lock", "nobody holds the write lock"};
    static const char *const names[] = {"subject", "status", "remedy", "id"};
    enum { COLUMNS = sizeof names / sizeof *names };
    op_rows rows = {.arena = h->look.arena, .columns = COLUMNS};
    op_sessions again;
    if (h->sessions_error.code != DF_OK) {
        op_check_unknown(h, list.name, &h->sessions_error);
        return;
    }
    if (h->sessions.hidden) {
        op_check(h, list.name, OP_UNKNOWABLE, NULL, NULL, "%s", h->sessions.hidden);
        return;
    }
    rows.names = df_arena_alloc(rows.arena, sizeof names);
    memcpy(rows.names, names, sizeof names);
    if (h->sessions.count) nanosleep(&(struct timespec){0, PAUSE_MS * 1000000L}, NULL);
    if (!h->sessions.count || op_sessions_read(&h->look, &again, NULL) != DF_OK) again = (op_sessions){0};
    for (size_t i = 0; i < h->sessions.count; i++) {
        const op_session *s = &h->sessions.items[i];
        size_t at = op_session_find(&again, s->id);
        if (at == again.count || !df_str_eq(again.items[at].phase, s->phase) || !op_sqlite_writes(s))
            continue;
        df_value cells[COLUMNS] = {df_v_text(op_session_text(&h->look, s)), df_v_text("warning"),
                                   df_v_text(op_session_end(&h->look, s)), df_v_int(s->id)};
        for (size_t c = 0; c < COLUMNS; c++)
            OP_PUSH(rows.arena, rows.cells, rows.n_cells, rows.cap) = cells[c];
        rows.count++;
    }
    op_check_rows(h, &list, &rows);
}

/* ---- views and triggers that no longer compile ---- */

typedef struct broken {
    op_look look;
    op_rows rows;
} broken;

static df_code pass_over(void *context, const df_row *row, df_error *err)
{
    (void)context, (void)row, (void)err;
    return DF_OK;
}

/* Functions, modules and collations of the application are not here; what needs them is not broken. */
static bool is_foreign(const df_error *err)
{
    return strstr(err->message, "no such function") || strstr(err->message, "no such module") ||
           strstr(err->message, "no such collation") || strstr(err->message, "no such tokenizer");
}

static void try_compile(broken *b, const char *what, const char *name, df_buf *sql)
{
    df_error err;
    df_code code = df_query(b->look.conn, df_buf_cstr(sql), NULL, 0, pass_over, NULL, &err);
    df_buf_clear(sql);
    if (code == DF_OK || code == DF_CONNECT || code == DF_RETRY || code == DF_CANCELLED || is_foreign(&err))
        return;
    df_value cells[] = {df_v_text(df_arena_printf(b->look.arena, "%s %s (%s)", what, name,
                                                  op_line(b->look.arena, df_str_from(err.message), 160))),
                        df_v_text("warning"),
                        df_v_text("make it anew, or drop it; until then ALTER TABLE may refuse to work")};
    for (size_t c = 0; c < sizeof cells / sizeof *cells; c++)
        OP_PUSH(b->look.arena, b->rows.cells, b->rows.n_cells, b->rows.cap) = cells[c];
    b->rows.count++;
}

static void put_name(const op_look *look, df_buf *sql, df_str name)
{
    df_sql_put_name(df_conn_dialect(look->conn), sql, name);
}

static void try_triggers(broken *b, df_str table)
{
    op_rows columns;
    df_buf sql = {0};
    df_value param = df_v_str(table);
    if (op_ask(&b->look, SQL_columns, &param, 1, &columns, NULL) != DF_OK || !columns.count) return;
    const char *name = df_arena_cstr(b->look.arena, table);
    df_buf_text(&sql, "EXPLAIN INSERT INTO ");
    put_name(&b->look, &sql, table);
    df_buf_text(&sql, " DEFAULT VALUES");
    try_compile(b, "a trigger for INSERT on", name, &sql);
    df_buf_text(&sql, "EXPLAIN DELETE FROM ");
    put_name(&b->look, &sql, table);
    try_compile(b, "a trigger for DELETE on", name, &sql);
    df_buf_text(&sql, "EXPLAIN UPDATE ");
    put_name(&b->look, &sql, table);
    for (size_t i = 0; i < columns.count; i++) {
        df_buf_text(&sql, i ? ", " : " SET ");
        put_name(&b->look, &sql, op_str(&columns, i, "name"));
        df_buf_text(&sql, " = ");
        put_name(&b->look, &sql, op_str(&columns, i, "name"));
    }
    try_compile(b, "a trigger for UPDATE on", name, &sql);
    df_buf_release(&sql);
}

static df_code find_broken(broken *b, df_error *err)
{
    static const char *const names[] = {"subject", "status", "remedy"};
    op_rows rows;
    df_buf sql = {0};
    b->rows = (op_rows){.arena = b->look.arena, .columns = 3};
    b->rows.names = df_arena_alloc(b->look.arena, sizeof names);
    memcpy(b->rows.names, names, sizeof names);
    DF_TRY(op_ask(&b->look, SQL_views, NULL, 0, &rows, err));
    for (size_t i = 0; i < rows.count; i++) {
        df_buf_text(&sql, "EXPLAIN SELECT * FROM ");
        put_name(&b->look, &sql, op_str(&rows, i, "name"));
        try_compile(b, "view", op_text(&rows, i, "name"), &sql);
    }
    df_buf_release(&sql);
    DF_TRY(op_ask(&b->look, SQL_trigger_tables, NULL, 0, &rows, err));
    for (size_t i = 0; i < rows.count; i++) try_triggers(b, op_str(&rows, i, "name"));
    return DF_OK;
}

static void check_broken(op_health *h)
{
    static const op_list list = {"broken_views", NULL, "view or trigger does not work any more",
                                 "views or triggers do not work any more", "every view and trigger works"};
    broken b = {.look = h->look};
    df_error err;
    if (find_broken(&b, &err) == DF_OK)
        op_check_rows(h, &list, &b.rows);
    else
        op_check_unknown(h, list.name, &err);
}

static void health(op_health *h)
{
    static const op_list quick = {"quick_check", SQL_quick_check, "damage", "damages",
                                  "the file is not damaged"};
    static const op_list keys = {"foreign_key_check", SQL_foreign_key_check, "foreign key does not hold",
                                 "foreign keys do not hold", "every foreign key holds"};
    op_check_disk(h, df_arena_cstr(h->look.arena, h->facts.folder));
    check_whole(h, &quick);
    check_whole(h, &keys);
    check_broken(h);
    check_wal(h);
    check_busy(h);
}

/* ---- preflight ---- */

static df_code preflight(op_findings *f, const op_facts *server, const op_sessions *all,
                         const df_preflight_target *targets, size_t count, df_error *err)
{
    (void)err;
    bool exclusive = false;
    for (size_t i = 0; i < count; i++) exclusive |= targets[i].exclusive;
    for (size_t i = 0; i < all->count; i++)
        if (op_sqlite_writes(&all->items[i]))
            op_finding(f, "warning", "writer", op_session_end(f->look, &all->items[i]),
                       "%s: the run waits for it", op_session_text(f->look, &all->items[i]));
    /* What changes a table may write every page of it twice: into the log, and from there into the file. */
    op_finding_disk(f, server, exclusive && server->file.len ? "the database" : NULL,
                    size_of(f->look, server->file, ""));
    return DF_OK;
}

static void blocking(op_why *w)
{
    bool any = false;
    for (size_t i = 0; i < w->sessions.count; i++) {
        const op_session *s = &w->sessions.items[i];
        if (!op_sqlite_writes(s)) continue;
        bool run = w->locked && s->id == w->lock.pid;
        op_say(w, "blocking", run ? "info" : "warning", 0, run ? NULL : op_session_end(&w->look, s),
               "%s%s: other writers wait, or fail with \"database is locked\"", op_session_text(&w->look, s),
               run ? " (the migration run)" : "");
        any = true;
    }
    if (w->sessions.hidden)
        op_say(w, "blocking", "info", 0, NULL, "%s", w->sessions.hidden);
    else if (!any)
        op_say(w, "blocking", "ok", 0, NULL, "nobody holds the write lock");
}

static void hidden(op_why *w)
{
    op_sessions holders = {0};
    if (op_sqlite_lock_file(&w->look, &w->facts, &holders) != DF_OK) return;
    for (size_t i = 0; i < holders.count; i++)
        op_say(w, "lock", "info", 1, op_session_end(&w->look, &holders.items[i]), "%s",
               op_session_text(&w->look, &holders.items[i]));
}

const op_engine op_sqlite = {
    .name = "sqlite",
    .session_word = "process",
    .reclaims = "VACUUM",
    .expired_locks = SQL_expired_locks,
    .facts = facts,
    .sessions = op_sqlite_sessions,
    .end = end_command,
    .health = health,
    .preflight = preflight,
    .hidden = hidden,
    .blocking = blocking,
};
