/* SPDX-License-Identifier: Apache-2.0 */
/* What MariaDB is asked about itself, and what to do about the answers; its sessions are in
 * mariadb_sessions.c. */
#include "operate/operate_int.h"

#include "operate_mariadb.h"

#include <stdio.h>
#include <stdlib.h>

enum { OLDEST_MAJOR = 10, OLDEST_MINOR = 5 };

static const char *unsupported(df_str version)
{
    char *end;
    if (!version.ptr) return "it does not say which version it is";
    if (!strstr(version.ptr, "MariaDB"))
        return "it is made for MariaDB, and asks MySQL as far as the two are alike";
    long major = strtol(version.ptr, &end, 10), minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    if (major > OLDEST_MAJOR || (major == OLDEST_MAJOR && minor >= OLDEST_MINOR)) return NULL;
    return "it is made for MariaDB 10.5 and later";
}

static df_code facts(const op_look *look, op_facts *out, df_error *err)
{
    op_rows rows;
    DF_TRY(op_ask(look, SQL_facts, NULL, 0, &rows, err));
    *out = (op_facts){.now_ms = op_int(&rows, 0, "now_ms", 0),
                      .unsupported = unsupported(op_str(&rows, 0, "version_text")),
                      .read_only = op_bool(&rows, 0, "read_only") && !op_bool(&rows, 0, "writes_anyway"),
                      .alone = true, /* a primary does not know how far its replicas are */
                      .connections = op_int(&rows, 0, "connections", -1),
                      .max_connections = op_int(&rows, 0, "max_connections", -1),
                      .folder = op_str(&rows, 0, "folder")};
    out->remote = op_not_here(look->arena, out->folder, op_int(&rows, 0, "pid", 0), "mariadbd");
    return DF_OK;
}

static const char *end_command(const op_look *look, const op_session *s)
{
    if (s->state == OP_PREPARED) return df_arena_printf(look->arena, "XA ROLLBACK %.*s", DF_FMT(s->gid));
    return df_arena_printf(look->arena, "KILL %lld", (long long)s->id);
}

/* ---- health ---- */

static void check_replication(op_health *h)
{
    enum { LATE_S = 60 };
    op_rows rows;
    df_error err;
    if (op_ask(&h->look, SQL_replication, NULL, 0, &rows, &err) != DF_OK) {
        op_check_unknown(h, "replication", &err);
        return;
    }
    const char *broken = NULL;
    int64_t late = 0;
    for (size_t i = 0; i < rows.count; i++) {
        const char *error = op_text(&rows, i, "Last_SQL_Error"),
                   *io_error = op_text(&rows, i, "Last_IO_Error");
        if (!error || !*error) error = io_error && *io_error ? io_error : "stopped";
        if (!df_str_is(op_str(&rows, i, "Slave_SQL_Running"), "Yes") ||
            !df_str_is(op_str(&rows, i, "Slave_IO_Running"), "Yes"))
            broken = error;
        if (op_int(&rows, i, "Seconds_Behind_Master", 0) > late)
            late = op_int(&rows, i, "Seconds_Behind_Master", 0);
    }
    const char *details = df_arena_printf(h->look.arena, "{\"sources\":%zu,\"lag_ms\":%lld}", rows.count,
                                          (long long)late * 1000);
    if (!rows.count)
        op_check(h, "replication", OP_OK, details, NULL, "this server follows no other");
    else if (broken)
        op_check(h, "replication", OP_CRITICAL, details, "SHOW ALL SLAVES STATUS",
                 "this replica does not follow: %s", broken);
    else
        op_check(h, "replication", late >= LATE_S ? OP_WARNING : OP_OK, details, NULL,
                 "this replica is %s behind", op_duration(h->look.arena, (double)late));
}

/* Row versions that no purge could take away yet, because an old transaction may still read them. */
static void check_history(op_health *h)
{
    enum { MANY = 1000000 };
    op_rows rows;
    df_error err;
    if (op_ask(&h->look, SQL_history, NULL, 0, &rows, &err) != DF_OK || !rows.count) {
        if (!rows.count) df_fail(&err, DF_UNKNOWN, "the server does not count it");
        op_check_unknown(h, "history_length", &err);
        return;
    }
    int64_t length = op_int(&rows, 0, "length", 0);
    op_check(h, "history_length", length >= MANY ? OP_WARNING : OP_OK,
             df_arena_printf(h->look.arena, "{\"length\":%lld}", (long long)length),
             length >= MANY ? "end the oldest transaction" : NULL, "%s transactions wait to be purged",
             op_number(h->look.arena, length));
}

static void check_metadata_waits(op_health *h)
{
    const char *first = NULL;
    size_t waiting = 0;
    if (h->sessions_error.code != DF_OK) {
        op_check_unknown(h, "metadata_lock_waits", &h->sessions_error);
        return;
    }
    for (size_t i = 0; i < h->sessions.count; i++) {
        const op_session *s = &h->sessions.items[i];
        if (s->state != OP_WAITING || !df_str_starts(s->wait, DF_STR("a metadata lock"))) continue;
        if (!waiting++) first = op_session_text(&h->look, s);
    }
    const char *details = df_arena_printf(h->look.arena, "{\"waiting\":%zu}", waiting);
    if (waiting)
        op_check(h, "metadata_lock_waits", OP_WARNING, details, "dataflow why",
                 "%zu session%s for a metadata lock: %s", waiting, waiting == 1 ? " waits" : "s wait", first);
    else
        op_check(h, "metadata_lock_waits", h->sessions.hidden ? OP_UNKNOWN : OP_OK, details,
                 h->sessions.hidden, "nobody waits for a metadata lock%s",
                 h->sessions.hidden ? ", as far as this user sees" : "");
}

static void health(op_health *h)
{
    static const op_list views = {"broken_views", SQL_broken_views, "view does not work any more",
                                  "views do not work any more", "every view works"};
    static const op_list sequences = {"sequences", SQL_sequences, "AUTO_INCREMENT is near its end",
                                      "AUTO_INCREMENTs are near their end",
                                      "no AUTO_INCREMENT is near its end"};
    static const op_list scratch = {"scratch_databases", SQL_scratch, "scratch database was left behind",
                                    "scratch databases were left behind",
                                    "no scratch database was left behind"};
    op_check_disk(h, df_arena_cstr(h->look.arena, h->facts.folder));
    op_check_connections(h);
    op_check_transactions(h);
    op_check_prepared(h);
    check_metadata_waits(h);
    op_check_list(h, &views);
    op_check_list(h, &sequences);
    check_replication(h);
    check_history(h);
    op_check_list(h, &scratch);
}

/* ---- preflight ---- */

/* Which sessions hold metadata locks on a target: NULL where the server does not say. */
static df_code find_holders(op_findings *f, const op_sessions *all, const df_preflight_target *targets,
                            size_t count, const char **on_target, df_error *err)
{
    op_rows locks;
    bool known;
    DF_TRY(op_metadata_locks(f->look, &locks, &known, err));
    for (size_t i = 0; i < locks.count; i++)
        for (size_t t = 0; t < count; t++) {
            df_str schema = op_str(&locks, i, "schema"), name = op_str(&locks, i, "name");
            if (!df_str_eq(name, targets[t].table)) continue;
            if (targets[t].schema.ptr ? !df_str_eq(schema, targets[t].schema) : !op_bool(&locks, i, "here"))
                continue;
            on_target[op_session_find(all, op_int(&locks, i, "id", 0))] =
                df_arena_printf(f->look->arena, "%.*s.%.*s", DF_FMT(schema), DF_FMT(name));
        }
    return DF_OK;
}

static bool is_target(const df_preflight_target *target, const op_rows *tables, size_t i)
{
    if (!target->exclusive || !df_str_eq(target->table, op_str(tables, i, "name"))) return false;
    return target->schema.ptr ? df_str_eq(target->schema, op_str(tables, i, "schema"))
                              : op_bool(tables, i, "here");
}

/* The largest target that does not fit on the disk twice. Sizes need a privilege that a migrating user may
 * well not have; then they are not known. */
static void find_largest(op_findings *f, const op_facts *server, const df_preflight_target *targets,
                         size_t count)
{
    const char *largest = NULL;
    int64_t bytes = 0, free_bytes = 0, total;
    op_rows rows = {.arena = f->look->arena};
    if (op_disk_matters(f->look, server) &&
        op_disk(df_arena_cstr(f->look->arena, server->folder), &free_bytes, &total, NULL) == DF_OK) {
        df_value least = df_v_int(free_bytes / 2);
        if (op_ask(f->look, SQL_large_tables, &least, 1, &rows, NULL) != DF_OK) rows.count = 0;
    }
    for (size_t i = 0; i < rows.count; i++)
        for (size_t t = 0; t < count; t++) {
            if (!is_target(&targets[t], &rows, i) || op_int(&rows, i, "bytes", 0) <= bytes) continue;
            bytes = op_int(&rows, i, "bytes", 0);
            largest = op_text(&rows, i, "name");
        }
    op_finding_disk(f, server, largest, bytes);
}

static df_code preflight(op_findings *f, const op_facts *server, const op_sessions *all,
                         const df_preflight_target *targets, size_t count, df_error *err)
{
    const char **on_target = df_arena_zalloc(f->look->arena, (all->count + 1) * sizeof *on_target);
    if (all->count > 1) DF_TRY(find_holders(f, all, targets, count, on_target, err));
    op_finding_sessions(f, all, on_target);
    find_largest(f, server, targets, count);
    return df_conn_lost(f->look->conn) ? df_fail(err, DF_CONNECT, "the connection was lost") : DF_OK;
}

const op_engine op_mariadb = {
    .name = "mariadb",
    .session_word = "connection",
    .expired_locks = SQL_expired_locks,
    .facts = facts,
    .sessions = op_mariadb_sessions,
    .end = end_command,
    .health = health,
    .preflight = preflight,
};
