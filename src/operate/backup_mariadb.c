/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MariaDB: mariadb-dump's SQL.
 *
 * mariadb-dump takes its own snapshot, and nobody can join it. So two snapshots are taken around it, one just
 * before it is started, one as soon as its output shows that its transaction has begun (no lock is needed
 * that would stop anybody). When the binary log tells that nothing was committed in between, the first is the
 * dump's; else both are counted, and tables that are equal in both are known exactly. The others, and tables
 * whose engine has no snapshots, are marked as not exact.
 *
 * Going back cannot be done in one transaction here: dropping and creating commit by themselves.
 */
#include "operate/backup_int.h"

#include "backup_sql_mariadb.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOCK_WAIT_S = 15 };

static const char session_sql[] =
    "SET SESSION max_statement_time = 0, wait_timeout = 2147483, lock_wait_timeout = 60, "
    "net_read_timeout = 3600, net_write_timeout = 3600";

typedef struct tools {
    bk_mariadb programs;
    df_conn *after; /* the second snapshot's session; the first is making->conn */
    bool began, exact;
    df_buf seen;
    char *position; /* of the binary log before; "" where it is not written */
} tools;

static df_code open_session(const char *url, const char *name, df_conn **out, df_error *err)
{
    DF_TRY(df_connect(url, &(df_open_options){.application = name}, out, err));
    return df_exec(*out, session_sql, NULL, 0, NULL, err);
}

/* ---- making ---- */

static df_code prepare(bk_making *m, df_error *err)
{
    tools *t = df_arena_zalloc(m->arena, sizeof *t);
    DF_TRY(bk_mariadb_tools(m->arena, &t->programs, err));
    m->tool = t->programs.version;
    m->tools = t;
    return open_session(m->place->url, "dataflow backup", &m->conn, err);
}

typedef struct database {
    df_arena *arena;
    df_str charset, collation;
} database;

static df_code take_database(void *context, const df_row *row, df_error *err)
{
    (void)err;
    database *d = context;
    d->charset = df_arena_str(d->arena, row->values[0].s);
    d->collation = df_arena_str(d->arena, row->values[1].s);
    return DF_OK;
}

static df_code describe(bk_making *m, df_json_writer *head, df_error *err)
{
    database d = {.arena = m->arena};
    DF_TRY(df_query(m->conn, SQL_my_database, NULL, 0, take_database, &d, err));
    df_json_add_str(head, "charset", d.charset);
    df_json_add_str(head, "collation", d.collation);
    return DF_OK;
}

static df_code conclude(bk_making *m, df_json_writer *manifest, df_error *err)
{
    (void)m, (void)manifest, (void)err;
    return DF_OK;
}

/* Everything that was committed; "" where the server keeps no account of it. */
static df_code ask_position(bk_making *m, df_conn *conn, char **out, df_error *err)
{
    df_value value;
    DF_TRY(
        df_query_value(conn, "SELECT IF(@@log_bin, @@gtid_binlog_pos, '')", NULL, 0, m->arena, &value, err));
    *out = value.type == DF_TEXT ? df_arena_cstr(m->arena, value.s) : df_arena_cstr(m->arena, DF_STR(""));
    return DF_OK;
}

static df_code begin_snapshot(df_conn *conn, df_error *err)
{
    DF_TRY(df_exec(conn, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", NULL, 0, NULL, err));
    return df_exec(conn, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", NULL, 0, NULL, err);
}

/*
 * mariadb-dump writes its introduction before its transaction begins, and the comment above the first object
 * afterwards, having asked for that object inside the transaction.
 */
static bool has_begun(df_str seen)
{
    const char *body = seen.len ? memmem(seen.ptr, seen.len, "\n-- Server version", 18) : NULL;
    return body && memmem(body, seen.len - (size_t)(body - seen.ptr), "\n--\n-- ", 7);
}

/* Looks at the dump's beginning; the second snapshot is taken at the right moment. */
static df_code watch_dump(void *context, df_str bytes, bool *done, df_error *err)
{
    enum { MOST = 1 << 20 };
    bk_making *m = context;
    tools *t = m->tools;
    if (t->seen.len < MOST) df_buf_str_add(&t->seen, bytes);
    if (!has_begun(df_buf_str(&t->seen))) return DF_OK;
    *done = t->began = true;
    char *now;
    DF_TRY(begin_snapshot(t->after, err));
    DF_TRY(ask_position(m, t->after, &now, err));
    t->exact = *now && strcmp(now, t->position) == 0;
    return DF_OK;
}

static df_code run_dump(bk_making *m, tools *t, df_error *err)
{
    df_tool_access access;
    df_process tool;
    df_value value;
    int file;
    const char *argv[20];
    size_t n = 0;
    DF_TRY(df_query_value(m->conn, SQL_my_versioned, NULL, 0, m->arena, &value, err));
    DF_TRY(df_tool_access_get(m->conn, m->arena, &access, err));
    DF_TRY(df_memory_file(access.option_file, &file, err));
    argv[n++] = t->programs.dump;
    argv[n++] = df_arena_printf(m->arena, "--defaults-file=/dev/fd/%d", file);
    argv[n++] = "--single-transaction";
    argv[n++] = "--quick";
    argv[n++] = "--routines";
    argv[n++] = "--triggers";
    argv[n++] = "--events";
    argv[n++] = "--hex-blob";
    argv[n++] = "--default-character-set=utf8mb4";
    argv[n++] = "--max-allowed-packet=1G";
    argv[n++] = "--no-tablespaces";
    argv[n++] = df_arena_printf(m->arena, "--ignore-table=%s._dataflow_restore_state", access.database);
    if (value.i) argv[n++] = "--dump-history";
    argv[n++] = "--";
    argv[n++] = access.database;
    argv[n] = NULL;
    df_process_options options = {.argv = argv,
                                  .environment = access.environment,
                                  .in = DF_PROCESS_NULL,
                                  .out = DF_PROCESS_PIPE,
                                  .keep = &file,
                                  .n_keep = 1};
    /* As late as can be. */
    df_code code = ask_position(m, m->conn, &t->position, err);
    if (code == DF_OK) code = begin_snapshot(m->conn, err);
    if (code == DF_OK) code = df_process_start(&options, &tool, err);
    close(file);
    if (code != DF_OK) return code;
    code = bk_pump_out(m, &tool, &(bk_tap){m, watch_dump}, err);
    df_process_release(&tool);
    return code;
}

static df_code count(bk_making *m, tools *t, df_error *err)
{
    bk_content later = {.arena = m->arena};
    DF_TRY(bk_content_read(m->conn, m->place->observer, m->id, &m->content, err));
    if (t->exact) return DF_OK;
    df_code code = bk_content_read(t->after, m->place->observer, m->id, &later, err);
    if (code == DF_OK) bk_content_agree(&m->content, &later);
    bk_content_release(&later);
    return code;
}

static df_code dump(bk_making *m, df_error *err)
{
    tools *t = m->tools;
    df_value size;
    DF_TRY(df_query_value(m->conn, SQL_my_size, NULL, 0, m->arena, &size, err));
    m->estimate = size.i;
    df_code code = open_session(m->place->url, "dataflow backup", &t->after, err);
    if (code == DF_OK) code = run_dump(m, t, err);
    if (code == DF_OK && !t->began)
        code =
            df_fail(err, DF_FAILED, "%s wrote nothing that this program knows as a dump", t->programs.dump);
    if (code == DF_OK) code = count(m, t, err);
    df_disconnect(t->after);
    t->after = NULL;
    df_buf_release(&t->seen);
    return code;
}

/* ---- what must not go in as it is ---- */

/*
 * Two things in a dump reach beyond the database that it is loaded into, and are looked for at the beginning
 * of lines (in data line ends are escaped). Around routines that were made under another default character
 * set mariadb-dump changes the database's, and names it: in a scratch database that would be the live one.
 * And events of a scratch database would run like others, at their time, whatever they do: they are left out
 * there.
 */
typedef enum line_action { LINE_RENAME, LINE_HIDE, LINE_SHOW } line_action;

typedef struct line_mark {
    line_action action;
    df_buf find, put;
} line_mark;

enum { MOST_MARKS = 3 };

typedef struct filter {
    line_mark marks[MOST_MARKS];
    size_t n_marks;
    size_t matched; /* bytes of the line so far, all of them the beginning of some mark */
    bool in_line;   /* no beginning of a line any more */
    bool hidden;
    char held[256]; /* those bytes */
    df_buf out;
} filter;

static line_mark *add_mark(filter *f, line_action action, const char *find)
{
    line_mark *mark = &f->marks[f->n_marks++];
    *mark = (line_mark){.action = action};
    df_buf_text(&mark->find, find);
    return mark;
}

static void prepare_filter(filter *f, df_str from, df_str to, bool live)
{
    if (!df_str_eq(from, to)) {
        line_mark *mark = add_mark(f, LINE_RENAME, "ALTER DATABASE ");
        df_buf_text(&mark->put, "ALTER DATABASE ");
        df_sql_put_name(&df_sql_mariadb, &mark->find, from);
        df_sql_put_name(&df_sql_mariadb, &mark->put, to);
        df_buf_char(&mark->find, ' ');
        df_buf_char(&mark->put, ' ');
    }
    if (live) return;
    add_mark(f, LINE_HIDE, "-- Dumping events for database ");
    add_mark(f, LINE_SHOW, "-- Dumping routines for database ");
}

static void release_filter(filter *f)
{
    for (size_t i = 0; i < f->n_marks; i++) {
        df_buf_release(&f->marks[i].find);
        df_buf_release(&f->marks[i].put);
    }
    df_buf_release(&f->out);
}

static void let_out(filter *f, const char *bytes, size_t len)
{
    if (!f->hidden) df_buf_add(&f->out, bytes, len);
}

static void act(filter *f, const line_mark *mark)
{
    if (mark->action == LINE_SHOW) f->hidden = false;
    if (mark->action == LINE_RENAME)
        let_out(f, mark->put.ptr, mark->put.len);
    else
        let_out(f, f->held, f->matched);
    if (mark->action == LINE_HIDE) f->hidden = true;
    f->matched = 0;
    f->in_line = true;
}

/* One byte more at the beginning of a line. */
static void begin_line(filter *f, char c)
{
    bool may = false;
    f->held[f->matched++] = c;
    for (size_t i = 0; i < f->n_marks; i++) {
        const df_buf *find = &f->marks[i].find;
        if (find->len < f->matched || memcmp(find->ptr, f->held, f->matched) != 0) continue;
        if (find->len == f->matched) {
            act(f, &f->marks[i]);
            return;
        }
        may = true;
    }
    if (may && f->matched < sizeof f->held) return;
    let_out(f, f->held, f->matched);
    f->matched = 0;
    f->in_line = c != '\n';
}

static void filter_bytes(filter *f, df_str bytes)
{
    for (size_t i = 0; i < bytes.len;) {
        if (!f->in_line) {
            begin_line(f, bytes.ptr[i++]);
            continue;
        }
        const char *end = memchr(bytes.ptr + i, '\n', bytes.len - i);
        size_t n = end ? (size_t)(end - bytes.ptr) - i + 1 : bytes.len - i;
        let_out(f, bytes.ptr + i, n);
        f->in_line = end == NULL;
        i += n;
    }
}

/* ---- loading ---- */

typedef struct feeding {
    df_process client;
    filter filter;
    const df_observer *observer;
} feeding;

static df_code put_bytes(void *context, df_str bytes, df_error *err)
{
    feeding *f = context;
    if (!f->filter.n_marks) return df_process_write(&f->client, bytes.ptr, bytes.len, f->observer, err);
    df_buf_clear(&f->filter.out);
    filter_bytes(&f->filter, bytes);
    return df_process_write(&f->client, f->filter.out.ptr, f->filter.out.len, f->observer, err);
}

/* The client also repeats the statement, and people's data with it. */
static bool is_complaint(df_str line)
{
    return df_str_starts(line, DF_STR("ERROR")) || df_str_starts(line, DF_STR("mariadb"));
}

static df_code feed(bk_loading *l, df_error *err)
{
    feeding f = {.observer = l->place->observer};
    bk_mariadb programs;
    df_tool_access access;
    int file;
    DF_TRY(bk_mariadb_tools(l->arena, &programs, err));
    DF_TRY(df_tool_access_get(l->conn, l->arena, &access, err));
    DF_TRY(df_memory_file(access.option_file, &file, err));
    const char *const argv[] = {programs.client,
                                df_arena_printf(l->arena, "--defaults-file=/dev/fd/%d", file),
                                "--default-character-set=utf8mb4",
                                "--binary-mode",
                                "--comments",
                                "--max-allowed-packet=1G",
                                "--init-command=SET SESSION max_statement_time = 0",
                                "--",
                                access.database,
                                NULL};
    df_process_options options = {.argv = argv,
                                  .environment = access.environment,
                                  .in = DF_PROCESS_PIPE,
                                  .out = DF_PROCESS_NULL,
                                  .keep = &file,
                                  .n_keep = 1};
    prepare_filter(&f.filter, df_json_str(df_json_get(l->head, "database")), df_str_from(access.database),
                   l->live);
    df_code code = df_process_start(&options, &f.client, err);
    close(file);
    if (code == DF_OK) {
        code = bk_pump_in(l, put_bytes, &f, err);
        if (code == DF_OK && f.filter.matched)
            code = df_process_write(&f.client, f.filter.held, f.filter.matched, f.observer, err);
        if (code == DF_OK || code == DF_FAILED) {
            df_code ended = df_process_end(&f.client, f.observer, err);
            if (ended == DF_FAILED) {
                bk_keep_lines(&f.client, is_complaint);
                df_process_failed(&f.client, err);
            }
            if (ended != DF_OK) code = ended;
        }
    }
    df_process_release(&f.client);
    release_filter(&f.filter);
    return code;
}

/* ---- emptying the live database ---- */

typedef struct object {
    const char *kind, *name;
} object;

typedef struct objects {
    df_arena *arena;
    object *items;
    size_t count, cap;
} objects;

static df_code take_object(void *context, const df_row *row, df_error *err)
{
    (void)err;
    objects *o = context;
    DF_PUSH(o->items, o->count, o->cap) =
        (object){df_arena_cstr(o->arena, row->values[0].s), df_arena_cstr(o->arena, row->values[1].s)};
    return DF_OK;
}

static df_code put_other(void *context, const df_row *row, df_error *err)
{
    (void)err;
    df_buf *text = context;
    const df_value *v = row->values;
    df_buf_printf(text, "%sconnection %lld (%.*s@%.*s, %.*s for %lld s)", text->len ? "; " : "",
                  (long long)v[0].i, DF_FMT(v[1].s), DF_FMT(v[2].s), DF_FMT(v[3].s), (long long)v[4].i);
    if (v[5].type == DF_TEXT) df_buf_printf(text, ": %.*s", DF_FMT(v[5].s));
    return DF_OK;
}

/* Those in a transaction, if there are such and we may see them; else whoever is there. */
static void put_others(const bk_loading *l, df_conn *conn, df_buf *text)
{
    df_session own;
    df_error ignored;
    if (df_session_get(l->conn, &own, &ignored) != DF_OK) own.id = 0;
    df_value id = df_v_int(own.id);
    df_code code = df_query(conn, SQL_my_transactions, &id, 1, put_other, text, &ignored);
    if (code == DF_OK && text->len) return;
    df_buf_clear(text);
    if (df_query(conn, SQL_my_others, &id, 1, put_other, text, &ignored) != DF_OK) df_buf_clear(text);
}

static df_code blocked(const bk_loading *l, df_conn *conn, const char *changed, df_error *err)
{
    df_buf text = {0};
    put_others(l, conn, &text);
    df_fail(err, DF_LOCKED, "%s: other sessions use the database, and the restore waited %d s for %s",
            changed, LOCK_WAIT_S, text.len ? df_buf_cstr(&text) : "their locks");
    df_error_hint(err, "stop the traffic, or end them: KILL connection");
    df_buf_release(&text);
    return DF_LOCKED;
}

/* Takes and gives back the locks of all tables at once: whoever is in the way is noticed before anything is
 * dropped. */
static df_code try_locks(const bk_loading *l, df_conn *conn, const objects *o, df_error *err)
{
    df_buf sql = {0};
    for (size_t i = 0; i < o->count; i++) {
        if (strcmp(o->items[i].kind, "TABLE") != 0) continue;
        df_buf_text(&sql, sql.len ? ", " : "LOCK TABLES ");
        df_sql_put_name(&df_sql_mariadb, &sql, df_str_from(o->items[i].name));
        df_buf_text(&sql, " WRITE");
    }
    if (!sql.len) return DF_OK;
    df_code code = df_exec(conn, df_buf_cstr(&sql), NULL, 0, NULL, err);
    if (code == DF_RETRY) code = blocked(l, conn, "nothing was changed", err);
    if (code == DF_OK) code = df_exec(conn, "UNLOCK TABLES", NULL, 0, NULL, err);
    df_buf_release(&sql);
    return code;
}

static df_code drop_all(const bk_loading *l, df_conn *conn, const objects *o, df_error *err)
{
    df_buf sql = {0};
    df_code code = DF_OK;
    for (size_t i = 0; code == DF_OK && i < o->count; i++) {
        df_buf_clear(&sql);
        df_buf_printf(&sql, "DROP %s IF EXISTS ", o->items[i].kind);
        df_sql_put_name(&df_sql_mariadb, &sql, df_str_from(o->items[i].name));
        code = df_exec(conn, df_buf_cstr(&sql), NULL, 0, NULL, err);
        if (code == DF_RETRY) code = blocked(l, conn, "the database is half emptied", err);
    }
    df_buf_release(&sql);
    return code;
}

static df_code set_charset(const bk_loading *l, df_conn *conn, df_error *err)
{
    df_str charset = df_json_str(df_json_get(l->head, "charset"));
    df_str collation = df_json_str(df_json_get(l->head, "collation"));
    if (!charset.ptr || !collation.ptr) return DF_OK;
    const char *sql = df_arena_printf(l->arena, "ALTER DATABASE CHARACTER SET '%.*s' COLLATE '%.*s'",
                                      DF_FMT(charset), DF_FMT(collation));
    return df_exec(conn, sql, NULL, 0, NULL, err);
}

/* *begun: something was dropped, or may have been. */
static df_code empty_database(bk_loading *l, df_conn *conn, bool *begun, df_error *err)
{
    objects o = {.arena = l->arena};
    char sql[120];
    snprintf(sql, sizeof sql, "SET SESSION lock_wait_timeout = %d, foreign_key_checks = 0", LOCK_WAIT_S);
    df_code code = df_exec(conn, sql, NULL, 0, NULL, err);
    if (code == DF_OK) code = df_query(conn, SQL_my_objects, NULL, 0, take_object, &o, err);
    if (code == DF_OK) code = try_locks(l, conn, &o, err);
    if (code == DF_OK) {
        bk_state half = l->state;
        half.restored = false;
        *begun = true;
        code = bk_state_write(conn, &half, err);
    }
    if (code == DF_OK) code = drop_all(l, conn, &o, err);
    free(o.items);
    return code;
}

static df_code load_live(bk_loading *l, df_error *err)
{
    df_conn *conn;
    bool begun = false;
    DF_TRY(open_session(l->place->url, "dataflow restore", &conn, err));
    df_code code = empty_database(l, conn, &begun, err);
    if (code == DF_OK) code = set_charset(l, conn, err);
    if (code == DF_OK) code = feed(l, err);
    if (code == DF_OK) code = bk_state_write(conn, &l->state, err);
    df_disconnect(conn);
    return code != DF_OK && begun ? bk_half_done(l, err) : code;
}

static df_code load(bk_loading *l, df_error *err)
{
    if (l->live) return load_live(l, err);
    DF_TRY(set_charset(l, l->conn, err));
    return feed(l, err);
}

/* ---- what it is called, what it holds ---- */

static df_code name_of(const df_backup_place *place, df_arena *arena, df_str *out, df_error *err)
{
    return bk_database_name(place, "SELECT DATABASE()", arena, out, err);
}

const bk_engine bk_mariadb_engine = {
    .name = "mariadb",
    .format = "mariadb-dump SQL",
    .prepare = prepare,
    .describe = describe,
    .conclude = conclude,
    .dump = dump,
    .load = load,
    .counter = &bk_mariadb_counter,
    .database = name_of,
    .ping = "SELECT 1",
    .state = &bk_mariadb_state,
    .scratch = &bk_mariadb_scratch,
};
