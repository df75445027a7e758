/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Neo4j: a stream that the driver makes over Bolt (engine/copy.h), because the server's own tool wants the
 * server stopped. What is in it is told label by label, and by one digest of the whole graph.
 *
 * There is no snapshot. Whether something was written meanwhile is noticed, and what was is not called exact.
 * A restore is many transactions: the database is marked before anything is removed, as on MariaDB.
 */
#include "operate/backup_int.h"

#include "backup_sql_neo4j.h"
#include "engine/session.h"

#include <stdio.h>

enum { LOCK_WAIT_MS = 15000 };

/* The label of the mark, and that of the lock, whose nodes are never committed. Neither is anybody's data. */
#define MARK_LABEL "_DataflowRestoreState"
#define LOCK_LABEL "__DataflowLock"
static const char *const ours[] = {MARK_LABEL, LOCK_LABEL, NULL};

static df_code open_session(const char *url, const char *application, int64_t lock_ms, df_conn **out,
                            df_error *err)
{
    df_open_options options = {.application = application, .guest = true};
    df_limits limits = {.lock_ms = lock_ms};
    DF_TRY(df_connect(url, &options, out, err));
    df_code code = df_set_limits(*out, &limits, err);
    if (code == DF_OK) return DF_OK;
    df_disconnect(*out);
    *out = NULL;
    return code;
}

/* ---- content ---- */

/* The ledger's labels, which change while a run goes on, and our own. In the arena. */
static const char *const *excluded(const df_conn *conn, df_arena *arena)
{
    const char *const *names = df_ledger_names(conn);
    size_t n = 0, at = 0;
    while (names[n]) n++;
    const char **all = df_arena_zalloc(arena, (n + 3) * sizeof *all);
    for (; at < n; at++) all[at] = names[at];
    all[at++] = MARK_LABEL;
    all[at] = LOCK_LABEL;
    return all;
}

static df_content_options content_options(const df_conn *conn, const df_observer *observer,
                                          const char *subject, df_arena *arena)
{
    return (df_content_options){
        .exclude = excluded(conn, arena), .arena = arena, .observer = observer, .subject = subject};
}

static void take_groups(const df_content *from, bk_content *out)
{
    out->count = 0;
    DF_PUSH(out->items, out->count, out->cap) =
        (bk_table){.name = "(graph)",
                   .rows = from->nodes + from->relationships,
                   .checksum = df_arena_cstr(out->arena, df_str_from(from->digest)),
                   .exact = true,
                   .whole = true};
    for (size_t i = 0; i < from->n_groups; i++) {
        const df_content_group *g = &from->groups[i];
        DF_PUSH(out->items, out->count, out->cap) =
            (bk_table){.name = g->name,
                       .rows = g->count,
                       .checksum = df_arena_cstr(out->arena, df_str_from(g->digest)),
                       .exact = true};
    }
}

static df_code content(df_conn *conn, const df_observer *observer, const char *subject, bk_content *out,
                       df_error *err)
{
    df_content now;
    df_content_options options = content_options(conn, observer, subject, out->arena);
    DF_TRY(df_content_digest(conn, &options, &now, err));
    take_groups(&now, out);
    return DF_OK;
}

/* ---- making ---- */

static df_code prepare(bk_making *m, df_error *err)
{
    m->tool = df_arena_printf(m->arena, "dataflow's own dump over Bolt (%s)", df_conn_server(m->place->conn));
    m->tools = df_arena_zalloc(m->arena, sizeof(df_dump_report));
    return open_session(m->place->url, "dataflow backup", 0, &m->conn, err);
}

static df_code describe(bk_making *m, df_json_writer *head, df_error *err)
{
    (void)m, (void)head, (void)err;
    return DF_OK;
}

static df_code conclude(bk_making *m, df_json_writer *manifest, df_error *err)
{
    (void)err;
    const df_dump_report *report = m->tools;
    const df_content *c = &report->content;
    df_json_begin(manifest, "graph", '{');
    df_json_add_text(manifest, "digest", c->digest);
    df_json_add_int(manifest, "nodes", c->nodes);
    df_json_add_int(manifest, "relationships", c->relationships);
    df_json_add_int(manifest, "constraints", c->constraints);
    df_json_add_int(manifest, "indexes", c->indexes);
    df_json_add_int(manifest, "colours", c->colours);
    df_json_add_bool(manifest, "consistent", report->consistent);
    df_json_end(manifest, '}');
    return DF_OK;
}

static df_code put(void *context, const void *bytes, size_t len, df_error *err)
{
    return bk_write(context, bytes, len, err);
}

/* What is another afterwards is not of one moment. The whole never is, then. */
static void mark_inexact(bk_making *m, const df_dump_report *report)
{
    bk_content later = {.arena = m->arena};
    take_groups(&report->later, &later);
    bk_content_agree(&m->content, &later);
    m->content.items[0].exact = false;
    bk_content_release(&later);
    df_log(m->place->observer, DF_LOG_WARNING,
           "%s: %s; the backup is not of one moment (%lld relationships without an end were left out)", m->id,
           report->meanwhile, (long long)report->dangling);
}

static df_code dump(bk_making *m, df_error *err)
{
    df_dump_report *report = m->tools;
    df_dump_options options = {
        .content = content_options(m->conn, m->place->observer, m->id, m->arena),
        .omit = ours,
    };
    DF_TRY(df_dump(m->conn, &options, put, m->writer, report, err));
    take_groups(&report->content, &m->content);
    if (!report->consistent) mark_inexact(m, report);
    return DF_OK;
}

/* ---- reading ---- */

typedef struct reading {
    const bk_loading *loading;
    bk_reader *reader;
} reading;

static df_code take(void *context, df_str *piece, df_error *err)
{
    reading *r = context;
    const bk_loading *l = r->loading;
    DF_TRY(df_check_cancelled(l->place->observer, err));
    DF_TRY(bk_read(r->reader, piece, err));
    df_report_progress(l->place->observer, "bytes", l->id, bk_read_offset(r->reader), l->input->size);
    return DF_OK;
}

static df_code read_dump(bk_loading *l, bk_content *out, df_error *err)
{
    reading r = {.loading = l};
    df_content now;
    df_content_options options = content_options(l->place->conn, l->place->observer, l->id, out->arena);
    DF_TRY(bk_reader_open(l->input, l->place->key, &r.reader, err));
    df_code code = df_dump_content(l->place->conn, &options, take, &r, &now, err);
    if (code == DF_OK) take_groups(&now, out);
    bk_reader_close(r.reader);
    return code;
}

/* ---- loading ---- */

static df_code fill(bk_loading *l, df_conn *conn, bool replace, df_error *err)
{
    reading r = {.loading = l};
    df_load_options options = {
        .replace = replace, .keep = ours, .observer = l->place->observer, .subject = l->id};
    DF_TRY(bk_reader_open(l->input, l->place->key, &r.reader, err));
    df_code code = df_load(conn, &options, take, &r, NULL, err);
    bk_reader_close(r.reader);
    return code;
}

static df_code put_other(void *context, const df_row *row, df_error *err)
{
    (void)err;
    df_buf *text = context;
    const df_value *v = row->values;
    df_buf_printf(text, "%s%.*s (%.*s, %.*s, for %lld s)", text->len ? "; " : "", DF_FMT(v[0].s),
                  DF_FMT(v[1].s), DF_FMT(v[2].s), (long long)v[3].i);
    if (v[4].type == DF_TEXT && v[4].s.len) df_buf_printf(text, ": %.*s", DF_FMT(v[4].s));
    return DF_OK;
}

/* Who has locks now would be waited for in the middle. */
static df_code check_others(const bk_loading *l, df_conn *conn, df_error *err)
{
    df_buf text = {0};
    df_value name;
    DF_TRY(df_query_value(conn, SQL_neo_database, NULL, 0, l->arena, &name, err));
    df_code code = df_query(conn, SQL_neo_others, &name, 1, put_other, &text, err);
    if (code == DF_OK && text.len) {
        code = df_fail(err, DF_LOCKED, "nothing was changed: other transactions are under way: %s",
                       df_buf_cstr(&text));
        df_error_hint(err, "stop the traffic, or end them: TERMINATE TRANSACTIONS 'id'");
    }
    df_buf_release(&text);
    return code;
}

/* The digest in the manifest is of the dump itself. */
static df_code compare(bk_loading *l, df_conn *conn, df_error *err)
{
    df_content now;
    df_str expected = df_json_str(df_json_get(df_json_get(l->manifest, "graph"), "digest"));
    df_content_options options = content_options(conn, l->place->observer, l->id, l->arena);
    DF_TRY(df_content_digest(conn, &options, &now, err));
    if (df_str_is(expected, now.digest)) return DF_OK;
    return df_fail(err, DF_MISMATCH,
                   "the restored graph is not the one that was backed up: %lld nodes, %lld relationships",
                   (long long)now.nodes, (long long)now.relationships);
}

static df_code load_live(bk_loading *l, df_error *err)
{
    df_conn *conn;
    bk_state half = l->state;
    half.restored = false;
    DF_TRY(open_session(l->place->url, "dataflow restore", LOCK_WAIT_MS, &conn, err));
    df_code code = check_others(l, conn, err);
    if (code == DF_OK) {
        code = bk_state_write(conn, &half, err);
        if (code == DF_OK) code = fill(l, conn, true, err);
        if (code == DF_OK) code = compare(l, conn, err);
        if (code == DF_OK) code = bk_state_write(conn, &l->state, err);
        if (code != DF_OK) code = bk_half_done(l, err);
    }
    df_disconnect(conn);
    return code;
}

static df_code load(bk_loading *l, df_error *err)
{
    return l->live ? load_live(l, err) : fill(l, l->conn, false, err);
}

static df_code clear(df_conn *conn, const df_observer *observer, df_error *err)
{
    return df_wipe(conn, &(df_load_options){.observer = observer}, err);
}

static df_code name_of(const df_backup_place *place, df_arena *arena, df_str *out, df_error *err)
{
    return bk_database_name(place, SQL_neo_database, arena, out, err);
}

const bk_engine bk_neo4j_engine = {
    .name = "neo4j",
    .format = "graph stream",
    .prepare = prepare,
    .describe = describe,
    .conclude = conclude,
    .dump = dump,
    .load = load,
    .content = content,
    .database = name_of,
    .ping = "RETURN 1",
    .state = &bk_neo4j_state,
    .read = read_dump,
    .clear = clear,
};
