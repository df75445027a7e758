/* SPDX-License-Identifier: Apache-2.0 */
/* Health: every check is there in every answer; one that cannot be asked says why, and the others go on. */
#include "operate/backup.h"
#include "operate/operate_int.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

static const char *level_name(op_level level)
{
    static const char *const names[] = {"ok", "unknown", "unknown", "warning", "critical"};
    return names[level];
}

/* ---- adding checks ---- */

void op_check(op_health *health, const char *name, op_level level, const char *details, const char *remedy,
              const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *message = op_format(health->look.arena, fmt, args);
    va_end(args);
    if (level > health->worst) health->worst = level;
    OP_PUSH(health->look.arena, health->items, health->count, health->cap) =
        (df_migrate_check){.name = name,
                           .status = level_name(level),
                           .message = message,
                           .details = details ? details : "{}",
                           .remedy = remedy};
}

void op_check_unknown(op_health *health, const char *name, const df_error *err)
{
    op_check(health, name, OP_UNKNOWN, NULL,
             err->hint[0] ? df_arena_cstr(health->look.arena, df_str_from(err->hint)) : NULL,
             "could not be asked: %s", err->message);
}

static void put_cell(df_json_writer *w, const char *name, const df_value *value)
{
    switch (value->type) {
    case DF_NULL: df_json_add_null(w, name); break;
    case DF_INT64: df_json_add_int(w, name, value->i); break;
    case DF_BOOL: df_json_add_bool(w, name, value->i != 0); break;
    case DF_DOUBLE: df_json_add_double(w, name, value->d); break;
    case DF_TEXT:
    case DF_BLOB: df_json_add_str(w, name, value->s); break;
    }
}

static const char *rows_json(const op_look *look, const op_rows *rows)
{
    df_buf out = {0};
    df_json_writer w = {.out = &out};
    df_json_begin(&w, NULL, '{');
    df_json_begin(&w, "items", '[');
    for (size_t i = 0; i < rows->count; i++) {
        df_json_begin(&w, NULL, '{');
        for (size_t c = 0; c < rows->columns; c++)
            put_cell(&w, rows->names[c], &rows->cells[i * rows->columns + c]);
        df_json_end(&w, '}');
    }
    df_json_end(&w, ']');
    df_json_end(&w, '}');
    const char *text = df_arena_cstr(look->arena, df_buf_str(&out));
    df_buf_release(&out);
    return text;
}

static op_level level_of(df_str status)
{
    if (df_str_is(status, "critical")) return OP_CRITICAL;
    return df_str_is(status, "warning") ? OP_WARNING : OP_OK;
}

/* "2 invalid indexes: public.a, public.b": the worst are named first, as far as a line reaches. */
void op_check_rows(op_health *health, const op_list *list, const op_rows *rows)
{
    enum { NAMED = 3 };
    df_buf names = {0};
    size_t bad = 0, named = 0;
    op_level worst = OP_OK;
    const char *remedy = NULL;
    for (int level = OP_CRITICAL; level > OP_OK; level--)
        for (size_t i = 0; i < rows->count; i++) {
            if (level_of(op_str(rows, i, "status")) != (op_level)level) continue;
            if (bad++ == 0) worst = (op_level)level;
            if (!remedy) remedy = op_text(rows, i, "remedy");
            if (named++ < NAMED)
                df_buf_printf(&names, "%s%s", bad > 1 ? ", " : "", op_text(rows, i, "subject"));
        }
    if (named > NAMED) df_buf_printf(&names, " and %zu more", named - NAMED);
    if (bad)
        op_check(health, list->name, worst, rows_json(&health->look, rows), remedy, "%zu %s: %s", bad,
                 bad == 1 ? list->one : list->many, df_buf_cstr(&names));
    else
        op_check(health, list->name, OP_OK, rows_json(&health->look, rows), NULL, "%s", list->none);
    df_buf_release(&names);
}

void op_check_list(op_health *health, const op_list *list)
{
    op_rows rows;
    df_error err;
    if (op_ask(&health->look, list->sql, NULL, 0, &rows, &err) == DF_OK)
        op_check_rows(health, list, &rows);
    else
        op_check_unknown(health, list->name, &err);
}

/* ---- checks that the engines share ---- */

static bool facts_known(op_health *health, const char *name)
{
    if (health->facts_error.code == DF_OK) return true;
    op_check_unknown(health, name, &health->facts_error);
    return false;
}

void op_check_disk(op_health *health, const char *path)
{
    int64_t free_bytes, total;
    df_error err;
    df_arena *arena = health->look.arena;
    if (!facts_known(health, "disk")) return;
    if (health->facts.remote) {
        op_check(health, "disk", OP_UNKNOWABLE, NULL, "watch it where the server runs", "%s",
                 health->facts.remote);
        return;
    }
    if (op_disk(path, &free_bytes, &total, &err) != DF_OK) {
        op_check(health, "disk", OP_UNKNOWABLE, NULL, "watch it where the server runs",
                 "could not be asked: %s", err.message);
        return;
    }
    double part = total > 0 ? (double)free_bytes / (double)total : 0;
    op_level level = part < 0.05 ? OP_CRITICAL : part < 0.20 ? OP_WARNING : OP_OK;
    df_buf details = {0};
    df_json_writer w = {.out = &details};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "path", path);
    df_json_add_int(&w, "free_bytes", free_bytes);
    df_json_add_int(&w, "total_bytes", total);
    df_json_end(&w, '}');
    op_check(health, "disk", level, df_arena_cstr(arena, df_buf_str(&details)),
             level == OP_OK ? NULL
                            : df_arena_printf(arena, "remove old logs and backups (dataflow backup prune)%s%s, or enlarge the disk",
                                              health->look.engine->reclaims ? ", " : "",
                                              health->look.engine->reclaims ? health->look.engine->reclaims : ""),
             "%.0f %% free (%s of %s) at %s%s", part * 100, op_bytes(arena, free_bytes),
             op_bytes(arena, total), path, part < 0.5 ? "; before a migration half should be" : "");
    df_buf_release(&details);
}

void op_check_connections(op_health *health)
{
    if (!facts_known(health, "connections")) return;
    int64_t used = health->facts.connections, most = health->facts.max_connections;
    if (used < 0 || most <= 0) {
        op_check(health, "connections", OP_UNKNOWN, NULL, NULL, "the server does not say how many there are");
        return;
    }
    double part = (double)used / (double)most;
    op_level level = part >= 0.95 ? OP_CRITICAL : part >= 0.80 ? OP_WARNING : OP_OK;
    op_check(health, "connections", level,
             df_arena_printf(health->look.arena, "{\"used\":%lld,\"maximum\":%lld}", (long long)used,
                             (long long)most),
             level == OP_OK ? NULL : "end idle sessions, pool them, or raise max_connections",
             "%lld of %lld are used", (long long)used, (long long)most);
}

/* A check over sessions, as op_check_rows would have it from a query. */
static void check_sessions(op_health *health, const op_list *list, bool (*wanted)(const op_session *))
{
    static const char *const names[] = {"subject", "status", "remedy", "id", "seconds"};
    enum { COLUMNS = sizeof names / sizeof *names };
    op_rows rows = {.arena = health->look.arena, .columns = COLUMNS};
    if (health->sessions_error.code != DF_OK) {
        op_check_unknown(health, list->name, &health->sessions_error);
        return;
    }
    rows.names = df_arena_alloc(rows.arena, sizeof names);
    memcpy(rows.names, names, sizeof names);
    for (size_t i = 0; i < health->sessions.count; i++) {
        const op_session *s = &health->sessions.items[i];
        if (!wanted(s)) continue;
        df_value cells[COLUMNS] = {
            df_v_text(op_session_text(&health->look, s)), df_v_text("warning"),
            df_v_text(op_session_end(&health->look, s)), df_v_int(s->id),
            df_v_double(s->transaction_s > s->state_s ? s->transaction_s : s->state_s)};
        for (size_t c = 0; c < COLUMNS; c++)
            OP_PUSH(rows.arena, rows.cells, rows.n_cells, rows.cap) = cells[c];
        rows.count++;
    }
    if (!rows.count && health->sessions.hidden)
        op_check(health, list->name, OP_UNKNOWN, NULL, health->sessions.hidden,
                 "%s, as far as this user sees", list->none);
    else
        op_check_rows(health, list, &rows);
}

void op_check_transactions(op_health *health)
{
    static const op_list list = {"long_transactions", NULL, "transaction is open for long",
                                 "transactions are open for long", "no transaction is open for long"};
    check_sessions(health, &list, op_session_lingers);
}

static bool is_prepared(const op_session *s)
{
    return s->state == OP_PREPARED;
}

void op_check_prepared(op_health *health)
{
    static const op_list list = {"prepared_transactions", NULL, "prepared transaction holds its locks",
                                 "prepared transactions hold their locks", "no prepared transaction"};
    check_sessions(health, &list, is_prepared);
}

/* ---- the whole ---- */

static df_code check_connection(op_health *health, df_error *err)
{
    op_rows rows;
    double begin = df_monotonic_s();
    const char *ping = health->look.engine->ping;
    DF_TRY(op_ask(&health->look, ping ? ping : "SELECT 1", NULL, 0, &rows, err));
    double ms = (df_monotonic_s() - begin) * 1000;
    op_check(health, "connection", OP_OK, df_arena_printf(health->look.arena, "{\"round_trip_ms\":%.3f}", ms),
             NULL, "%s answers in %.1f ms", df_conn_server(health->look.conn), ms);
    return DF_OK;
}

static void check_version(op_health *health)
{
    if (!facts_known(health, "version")) return;
    const char *why = health->facts.unsupported;
    op_check(health, "version", why ? OP_WARNING : OP_OK, NULL, NULL, "%s%s%s",
             df_conn_server(health->look.conn), why ? ": this program does not know it; " : "",
             why ? why : "");
}

static void check_writable(op_health *health)
{
    if (!facts_known(health, "writable")) return;
    if (health->facts.recovery)
        op_check(health, "writable", OP_CRITICAL, NULL, "use the primary's address", "this is a standby");
    else if (health->facts.read_only)
        op_check(health, "writable", OP_CRITICAL, NULL, "find out who made it so, and why",
                 "the database is set to be read only");
    else
        op_check(health, "writable", OP_OK, NULL, NULL, "the database can be written");
}

static void check_restore(op_health *health)
{
    df_backup_interrupted restore;
    df_error err;
    df_arena *arena = health->look.arena;
    if (df_backup_unfinished(health->look.conn, arena, &restore, &err) != DF_OK)
        op_check_unknown(health, "restore", &err);
    else if (!restore.found)
        op_check(health, "restore", OP_OK, NULL, NULL, "no restore was interrupted");
    else
        op_check(health, "restore", restore.half ? OP_CRITICAL : OP_WARNING, NULL,
                 restore.half ? df_arena_printf(arena, "dataflow backup restore %s --yes",
                                                op_shell(arena, df_str_from(restore.backup_id)))
                              : "any command that writes completes its records",
                 "a restore of %s, begun %s on %s, was interrupted%s", restore.backup_id, restore.started,
                 restore.host, restore.half ? ": the database is half filled" : " behind its end");
}

df_code df_health(df_conn *conn, df_ledger *ledger, const char *backup_folder, df_arena *arena,
                  df_migrate_health *out, df_error *err)
{
    op_health health = {.backup_folder = backup_folder};
    *out = (df_migrate_health){0};
    DF_TRY(op_look_at(conn, ledger, arena, &health.look, err));
    DF_TRY(check_connection(&health, err));
    health.facts_error.code = health.look.engine->facts(&health.look, &health.facts, &health.facts_error);
    if (health.facts_error.code != DF_OK) health.facts = (op_facts){.now_ms = df_now_ms()};
    health.sessions_error.code = op_sessions_read(&health.look, &health.sessions, &health.sessions_error);
    check_version(&health);
    check_writable(&health);
    check_restore(&health);
    op_health_ledger(&health);
    health.look.engine->health(&health);
    if (df_conn_lost(conn)) return df_fail(err, DF_CONNECT, "the connection was lost while it was looked at");
    *out = (df_migrate_health){level_name(health.worst == OP_UNKNOWABLE ? OP_OK : health.worst), health.items,
                               health.count};
    return DF_OK;
}
