/* SPDX-License-Identifier: Apache-2.0 */
/* Who holds the migration lock, and whether they still live; and taking it from them. */
#include "ledger/lease.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { END_WAIT_MS = 10 * 1000 };

static const char *const state_names[] = {"none", "alive", "frozen", "gone", "restored", "hidden", "unknown"};

const char *df_holder_state_name(df_holder_state state)
{
    return state_names[state];
}

/* ---- processes, for engines without sessions ---- */

/* When the process began, in the kernel's ticks since boot; empty when there is no such process. */
static void process_started(int64_t pid, char out[40])
{
    char path[64], text[1024];
    out[0] = '\0';
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    FILE *file = fopen(path, "re");
    if (!file) return;
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    const char *at = strrchr(text, ')'); /* behind the name, which may hold anything */
    for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
    if (at) snprintf(out, 40, "%.*s", (int)strspn(at + 1, "0123456789"), at + 1);
}

void ledger_self(const df_ledger *ledger, holder_self *out)
{
    if (gethostname(out->host, sizeof out->host) != 0) strcpy(out->host, "localhost");
    out->host[sizeof out->host - 1] = '\0';
    out->pid = getpid();
    if (df_conn_caps(ledger->conn) & DF_CAP_SERVER)
        snprintf(out->started, sizeof out->started, "%s", ledger->session.started);
    else
        process_started(out->pid, out->started);
}

/* ---- judging ---- */

typedef enum life { LIVES, IS_GONE, CANNOT_TELL } life;

static life process_life(const df_ledger *ledger, const df_lock_status *s)
{
    holder_self self;
    char started[40];
    ledger_self(ledger, &self);
    if (!df_str_is(s->host, self.host) || s->pid <= 0) return CANNOT_TELL;
    if (kill((pid_t)s->pid, 0) != 0 && errno == ESRCH) return IS_GONE;
    process_started(s->pid, started);
    return *started && *s->session.started && strcmp(started, s->session.started) != 0 ? IS_GONE : LIVES;
}

static df_code session_life(df_ledger *ledger, const df_lock_status *s, life *out, df_error *err)
{
    bool alive;
    *out = CANNOT_TELL;
    if (!(df_conn_caps(ledger->conn) & DF_CAP_SERVER)) {
        *out = process_life(ledger, s);
        return DF_OK;
    }
    if (!s->session.id) return DF_OK; /* another program's row */
    df_code code = df_session_alive(ledger->conn, &s->session, &alive, err);
    if (code == DF_PERMISSION || code == DF_UNSUPPORTED) return DF_OK;
    if (code == DF_OK) *out = alive ? LIVES : IS_GONE;
    return code;
}

static df_code judge(df_ledger *ledger, lock_row *row, bool named_held, df_error *err)
{
    df_lock_status *s = &row->status;
    life found;
    if (!row->present) {
        s->state = named_held ? DF_HOLDER_HIDDEN : DF_HOLDER_NONE;
        return DF_OK;
    }
    DF_TRY(ledger_session(ledger, err));
    if (*s->session.database && *ledger->session.database &&
        strcmp(s->session.database, ledger->session.database) != 0) {
        s->state = DF_HOLDER_RESTORED;
        return DF_OK;
    }
    DF_TRY(session_life(ledger, s, &found, err));
    bool over = s->expires_ms <= s->now_ms;
    s->state = found == IS_GONE       ? DF_HOLDER_GONE
               : found == CANNOT_TELL ? DF_HOLDER_UNKNOWN
               : over                 ? DF_HOLDER_FROZEN
                                      : DF_HOLDER_ALIVE;
    return DF_OK;
}

/* ---- reading ---- */

static void copy_text(const df_value *value, char *out, size_t size)
{
    df_str s = value->type == DF_TEXT ? ledger_cut(value->s, size - 1) : DF_STR("");
    memcpy(out, s.ptr, s.len);
    out[s.len] = '\0';
}

/* "purpose" and "doing"; a metadata that is none of ours says nothing. */
static void read_metadata(df_str json, lock_row *row)
{
    df_json value;
    df_json_parser *parser = df_json_parser_open();
    if (json.ptr && df_json_parse(parser, json, &value, NULL) == DF_OK) {
        row->status.purpose = df_arena_str(&row->arena, df_json_str(df_json_get(value, "purpose")));
        row->status.doing = df_arena_str(&row->arena, df_json_str(df_json_get(value, "doing")));
    }
    df_json_parser_close(parser);
}

static df_code take_lock_row(void *context, const df_row *r, df_error *err)
{
    (void)err;
    lock_row *row = context;
    const df_value *v = r->values;
    df_lock_status *s = &row->status;
    row->counter = ledger_int_of(&v[0], 0);
    s->now_ms = ledger_int_of(&v[1], 0);
    row->present = v[2].type != DF_NULL;
    if (!row->present) return DF_OK;
    s->lock_id = ledger_text_of(&v[2], &row->arena);
    s->owner = ledger_text_of(&v[3], &row->arena);
    s->host = ledger_text_of(&v[4], &row->arena);
    read_metadata(v[5].type == DF_TEXT ? v[5].s : DF_STR_NONE, row);
    s->pid = ledger_int_of(&v[6], 0);
    s->fence = ledger_int_of(&v[7], 0);
    s->session.id = ledger_int_of(&v[8], 0);
    copy_text(&v[9], s->session.started, sizeof s->session.started);
    copy_text(&v[10], s->session.database, sizeof s->session.database);
    copy_text(&v[11], s->session.user, sizeof s->session.user);
    s->acquired_ms = ledger_int_of(&v[12], 0);
    s->expires_ms = ledger_int_of(&v[13], 0);
    s->heartbeat_ms = ledger_int_of(&v[14], 0);
    return DF_OK;
}

df_code ledger_lock_row(df_ledger *ledger, lock_row *row, bool named_held, df_error *err)
{
    df_arena_reset(&row->arena);
    row->present = false;
    row->counter = -1;
    row->status = (df_lock_status){0};
    DF_TRY(ledger_query(ledger, LEDGER_lock_look, NULL, 0, take_lock_row, row, err));
    if (row->counter < 0) {
        df_fail(err, DF_CORRUPT, "the fence of the migration lock is missing");
        df_error_hint(err, "somebody has deleted rows of _migration_meta; see docs/ledger.md");
        return DF_CORRUPT;
    }
    return judge(ledger, row, named_held, err);
}

/* ---- for people ---- */

void ledger_describe_holder(const df_lock_status *s, df_buf *out)
{
    char until[40];
    if (s->state == DF_HOLDER_HIDDEN) {
        df_buf_text(
            out, "held by a session that has no row in _migration_locks: it is about to write it, or the row "
                 "was deleted by hand");
        return;
    }
    if (s->state == DF_HOLDER_NONE) {
        df_buf_text(out, "held by another run, which was quicker");
        return;
    }
    df_buf_printf(out, "held by %.*s on %.*s, pid %lld, for ", DF_FMT(s->owner), DF_FMT(s->host),
                  (long long)s->pid);
    df_put_duration(out, (double)(s->now_ms - s->acquired_ms) / 1000);
    if (s->purpose.ptr) df_buf_printf(out, " (%.*s)", DF_FMT(s->purpose));
    df_time_format(s->expires_ms, until);
    df_buf_printf(
        out, s->expires_ms > s->now_ms ? ", lease until %s" : ", which no longer answers: its lease ended %s",
        until);
}

df_code df_lock_look(df_ledger *ledger, df_arena *arena, df_lock_status *out, df_error *err)
{
    lock_row row = {0};
    bool held = false;
    *out = (df_lock_status){.state = DF_HOLDER_NONE};
    if (!df_ledger_exists(ledger)) return DF_OK;
    df_code code = df_lock_held(ledger->conn, LEDGER_LOCK, &held, err);
    if (code == DF_OK) code = ledger_lock_row(ledger, &row, held, err);
    if (code == DF_OK) {
        *out = row.status;
        df_str *texts[] = {&out->lock_id, &out->owner, &out->host, &out->purpose, &out->doing};
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) *texts[i] = df_arena_str(arena, *texts[i]);
    }
    df_arena_release(&row.arena);
    return code == DF_OK ? DF_OK : df_error_prefix(err, "looking at the migration lock");
}

/* ---- breaking ---- */

static df_code refuse(const df_lock_status *was, df_error *err)
{
    df_buf text = {0};
    ledger_describe_holder(was, &text);
    df_fail(err, DF_REFUSED, "the migration lock is %s", df_buf_cstr(&text));
    df_buf_release(&text);
    if (was->state == DF_HOLDER_HIDDEN)
        df_error_hint(
            err, "it ends with its session; find that in the server's list of sessions and end it there");
    else
        df_error_hint(err, "to end its session and take the lock away: --force");
    return DF_REFUSED;
}

static df_code remove_row(df_ledger *ledger, const lock_row *row, df_error *err)
{
    ledger_batch batch = {.ledger = ledger, .unfenced = true, .once = true};
    int64_t fence = (row->counter > row->status.fence ? row->counter : row->status.fence) + 1;
    df_value value = df_v_int(fence);
    ledger_lock_guard(&batch, row->counter);
    ledger_add(&batch, LEDGER_fence_write, &value, 1);
    df_code code = ledger_add_audit(&batch, DF_AUDIT_LOCK_BROKEN, DF_STR_NONE,
                                    ledger_lock_details(row, NULL, fence, &batch.arena), 0, err);
    return code == DF_OK ? ledger_run(&batch, "removing the migration lock", err) : ledger_drop(&batch, code);
}

df_code df_lock_break(df_ledger *ledger, bool force, df_lock_status *was, df_arena *arena, df_error *err)
{
    lock_row row = {0};
    DF_TRY(ledger_need(ledger, err));
    DF_TRY(df_lock_look(ledger, arena, was, err));
    bool left_over = was->state == DF_HOLDER_GONE || was->state == DF_HOLDER_RESTORED;
    if (was->state == DF_HOLDER_NONE) return DF_OK;
    if (was->state == DF_HOLDER_HIDDEN || (!left_over && !force)) return refuse(was, err);
    if ((df_conn_caps(ledger->conn) & DF_CAP_SERVER) &&
        (was->state == DF_HOLDER_ALIVE || was->state == DF_HOLDER_FROZEN))
        DF_TRY(df_session_end(ledger->conn, &was->session, END_WAIT_MS, err));
    df_code code = ledger_lock_row(ledger, &row, false, err);
    if (code == DF_OK && row.present && df_str_eq(row.status.lock_id, was->lock_id))
        code = remove_row(ledger, &row, err);
    if (code == DF_RETRY) code = DF_LOCKED;
    if (code == DF_LOCKED && err) err->code = DF_LOCKED;
    df_arena_release(&row.arena);
    return code;
}
