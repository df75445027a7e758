/* SPDX-License-Identifier: Apache-2.0 */
/* Health of what the ledger holds: migrations that hang or failed, left-over locks, the age of backups, the
 * audit log. */
#include "operate/operate_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { STUCK_MS = 3600 * 1000, DAY_MS = 24 * 3600 * 1000, OLD_DAYS = 7 };

/* What is known of the ledger, asked once. */
typedef struct ledger_view {
    df_applied *applied;
    size_t count;
    df_lock_status lock;
    df_error lock_error; /* code DF_OK: the lock is known */
    int64_t now_ms;
} ledger_view;

static const char *json_kept(const op_look *look, df_buf *buf)
{
    const char *text = df_arena_cstr(look->arena, df_buf_str(buf));
    df_buf_release(buf);
    return text;
}

/* When what is in progress began: taking back does not change when it was applied. -1: not known. */
static int64_t begun(const ledger_view *view, const df_applied *a)
{
    if (!a->down) return a->applied_ms ? a->applied_ms : -1;
    return view->lock.state == DF_HOLDER_ALIVE ? view->lock.acquired_ms : -1;
}

static bool is_running(const ledger_view *view)
{
    return view->lock_error.code != DF_OK || view->lock.state == DF_HOLDER_ALIVE ||
           view->lock.state == DF_HOLDER_HIDDEN || view->lock.state == DF_HOLDER_UNKNOWN;
}

static const char *migrations_json(const op_health *h, const ledger_view *view,
                                   bool (*wanted)(const ledger_view *, const df_applied *))
{
    df_buf out = {0};
    df_json_writer w = {.out = &out};
    df_json_begin(&w, NULL, '{');
    df_json_begin(&w, "items", '[');
    for (size_t i = 0; i < view->count; i++) {
        const df_applied *a = &view->applied[i];
        if (!wanted(view, a)) continue;
        df_json_begin(&w, NULL, '{');
        df_json_add_str(&w, "id", a->id);
        df_json_add_text(&w, "status", df_applied_status_name(a->status));
        df_json_add_text(&w, "direction", a->down ? "down" : "up");
        df_json_add_int(&w, "began_ms", begun(view, a));
        df_json_add_int(&w, "statements_done", (int64_t)a->steps_done);
        df_json_add_int(&w, "statements", (int64_t)a->steps);
        df_json_add_str(&w, "error", a->error);
        df_json_end(&w, '}');
    }
    df_json_end(&w, ']');
    df_json_end(&w, '}');
    return json_kept(&h->look, &out);
}

static bool is_stuck(const ledger_view *view, const df_applied *a)
{
    int64_t since = begun(view, a);
    return a->status == DF_APPLIED_IN_PROGRESS && (since < 0 || view->now_ms - since > STUCK_MS);
}

/* In progress, and nobody works on it: the run that began it is gone. */
static bool is_left(const ledger_view *view, const df_applied *a)
{
    return a->status == DF_APPLIED_FAILED || (a->status == DF_APPLIED_IN_PROGRESS && !is_running(view));
}

static void check_stuck(op_health *h, const ledger_view *view)
{
    size_t stuck = 0;
    const df_applied *first = NULL;
    for (size_t i = 0; i < view->count; i++)
        if (is_stuck(view, &view->applied[i]) && !stuck++) first = &view->applied[i];
    const char *details = migrations_json(h, view, is_stuck);
    if (!stuck) {
        op_check(h, "stuck_migrations", OP_OK, details, NULL,
                 "no migration is in progress for more than an hour");
        return;
    }
    int64_t since = begun(view, first);
    op_check(h, "stuck_migrations", OP_WARNING, details, "dataflow why",
             "%zu migration%s in progress%s%s: %.*s%s", stuck, stuck == 1 ? "" : "s",
             since < 0 ? "" : " for ",
             since < 0 ? "" : op_duration(h->look.arena, (double)(view->now_ms - since) / 1000),
             DF_FMT(first->id), is_running(view) ? "" : ", and nobody works on it");
}

static void check_failed(op_health *h, const ledger_view *view)
{
    size_t left = 0;
    const df_applied *last = NULL;
    for (size_t i = 0; i < view->count; i++)
        if (is_left(view, &view->applied[i])) left++, last = &view->applied[i];
    const char *details = migrations_json(h, view, is_left);
    if (!left) {
        op_check(h, "failed_migrations", OP_OK, details, NULL, "no migration failed or was interrupted");
        return;
    }
    const char *error = last->error.len ? op_line(h->look.arena, last->error, 200) : NULL;
    op_check(h, "failed_migrations", OP_WARNING, details, "dataflow why",
             "%zu migration%s failed or interrupted: %.*s%s%s", left, left == 1 ? " is" : "s are",
             DF_FMT(last->id), error ? ": " : "", error ? error : "");
}

/* ---- locks ---- */

static void check_lock(op_health *h, const ledger_view *view)
{
    if (view->lock_error.code != DF_OK) {
        op_check_unknown(h, "migration_lock", &view->lock_error);
        return;
    }
    const df_lock_status *l = &view->lock;
    df_buf details = {0};
    df_json_writer w = {.out = &details};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "state", df_holder_state_name(l->state));
    df_json_add_str(&w, "owner", l->owner);
    df_json_add_str(&w, "host", l->host);
    df_json_add_int(&w, "pid", l->pid);
    df_json_add_str(&w, "purpose", l->purpose);
    df_json_add_int(&w, "acquired_ms", l->acquired_ms);
    df_json_end(&w, '}');
    const char *json = json_kept(&h->look, &details);
    const char *who = df_arena_printf(h->look.arena, "%.*s on %.*s, process %lld", DF_FMT(l->owner),
                                      DF_FMT(l->host), (long long)l->pid);
    switch (l->state) {
    case DF_HOLDER_NONE: op_check(h, "migration_lock", OP_OK, json, NULL, "nobody holds it"); break;
    case DF_HOLDER_ALIVE:
        op_check(h, "migration_lock", OP_OK, json, NULL, "held by %s (%.*s), for %s", who, DF_FMT(l->purpose),
                 op_duration(h->look.arena, (double)(l->now_ms - l->acquired_ms) / 1000));
        break;
    case DF_HOLDER_FROZEN:
        op_check(h, "migration_lock", OP_WARNING, json, "dataflow why",
                 "held by %s, which has stopped renewing it", who);
        break;
    case DF_HOLDER_GONE:
    case DF_HOLDER_RESTORED:
        op_check(h, "migration_lock", OP_WARNING, json, "dataflow lock release", "left over: %s %s", who,
                 l->state == DF_HOLDER_GONE ? "is gone"
                                            : "held it in the database that this one is a copy of");
        break;
    case DF_HOLDER_HIDDEN:
        op_check(h, "migration_lock", OP_WARNING, json, "dataflow why",
                 "held, but its row in _migration_locks is gone");
        break;
    case DF_HOLDER_UNKNOWN:
        op_check(h, "migration_lock", OP_UNKNOWN, json, "dataflow why",
                 "whether %s still holds it cannot be told", who);
        break;
    }
}

/* ---- backups ---- */

static bool is_pruned(df_json_parser *parser, const df_backup_record *record)
{
    df_json metadata;
    if (!record->metadata.len || df_json_parse(parser, record->metadata, &metadata, NULL) != DF_OK)
        return false;
    return df_json_typeof(df_json_get(metadata, "pruned_at")) == DF_JSON_STRING ||
           df_json_typeof(df_json_get(metadata, "pruned_at")) == DF_JSON_INT;
}

/* Only where its folder is there can a file be missing: it may have been made on another machine. */
static bool is_missing(const op_health *h, const df_backup_record *record)
{
    struct stat status;
    const char *path = df_arena_cstr(h->look.arena, record->path), *slash = path ? strrchr(path, '/') : NULL;
    if (!slash || stat(path, &status) == 0 || errno != ENOENT) return false;
    const char *folder = df_arena_cstr(h->look.arena, (df_str){path, (size_t)(slash - path) + 1});
    return stat(folder, &status) == 0;
}

static const char *backup_json(const op_health *h, const df_backup_record *record, int64_t at_ms)
{
    df_buf out = {0};
    df_json_writer w = {.out = &out};
    df_json_begin(&w, NULL, '{');
    if (record) {
        df_json_add_str(&w, "id", record->id);
        df_json_add_str(&w, "type", record->type);
        df_json_add_str(&w, "path", record->path);
        df_json_add_int(&w, "at_ms", at_ms);
    }
    df_json_end(&w, '}');
    return json_kept(&h->look, &out);
}

static void check_backup_age(op_health *h, const df_backup_record *newest)
{
    const char *details = backup_json(h, newest, newest ? newest->created_ms : 0);
    if (!newest) {
        op_check(h, "backup_age", OP_WARNING, details, "dataflow backup",
                 "no full or scheduled backup was ever made");
        return;
    }
    int64_t age = h->facts.now_ms - newest->created_ms;
    bool gone = is_missing(h, newest), old = age > (int64_t)OLD_DAYS * DAY_MS;
    op_check(h, "backup_age", gone || old ? OP_WARNING : OP_OK, details,
             gone || old ? "dataflow backup" : NULL, "the last backup, %.*s, is %s old%s", DF_FMT(newest->id),
             op_duration(h->look.arena, (double)age / 1000), gone ? ", and its file is gone" : "");
}

static void check_backup_verified(op_health *h, const df_backup_record *verified)
{
    const char *details = backup_json(h, verified, verified ? verified->verified_ms : 0);
    if (!verified) {
        op_check(h, "backup_verified", OP_WARNING, details, "dataflow backup verify latest",
                 "no backup was ever proved by restoring it");
        return;
    }
    int64_t age = h->facts.now_ms - verified->verified_ms;
    bool old = age > (int64_t)OLD_DAYS * DAY_MS;
    op_check(h, "backup_verified", old ? OP_WARNING : OP_OK, details,
             old ? "dataflow backup verify latest" : NULL, "backup %.*s was proved by restoring it %s ago",
             DF_FMT(verified->id), op_duration(h->look.arena, (double)age / 1000));
}

static void check_backups(op_health *h)
{
    df_backup_record *records;
    size_t count;
    df_error err;
    if (df_backup_record_list(h->look.ledger, h->look.arena, &records, &count, &err) != DF_OK) {
        op_check_unknown(h, "backup_age", &err);
        op_check_unknown(h, "backup_verified", &err);
        return;
    }
    const df_backup_record *newest = NULL, *verified = NULL;
    df_json_parser *parser = df_json_parser_open();
    for (size_t i = 0; i < count; i++) {
        const df_backup_record *r = &records[i];
        if (is_pruned(parser, r)) continue;
        if ((df_str_is(r->type, "full") || df_str_is(r->type, "scheduled")) &&
            (!newest || r->created_ms > newest->created_ms))
            newest = r;
        if (r->verified_ms && (!verified || r->verified_ms > verified->verified_ms)) verified = r;
    }
    df_json_parser_close(parser);
    check_backup_age(h, newest);
    check_backup_verified(h, verified);
}

/* ---- the audit log ---- */

enum { AUDIT_LOOKED_AT = 200 };

typedef struct chain {
    size_t count;
    int64_t broken_at;
    char hash[65];
} chain;

static df_code follow(void *context, const df_audit_entry *entry, df_error *err)
{
    (void)err;
    chain *c = context;
    if (c->count++ && !c->broken_at && !df_str_is(entry->previous, c->hash)) c->broken_at = entry->id;
    snprintf(c->hash, sizeof c->hash, "%.*s", DF_FMT(entry->hash));
    return DF_OK;
}

/* A short log is proved whole; of a long one, that the newest entries hang together. */
static void check_audit(op_health *h)
{
    chain c = {0};
    df_audit_proof proof;
    df_error err;
    df_code code = df_audit_list(h->look.ledger, DF_STR_NONE, AUDIT_LOOKED_AT, follow, &c, &err);
    bool whole = c.count < AUDIT_LOOKED_AT;
    if (code == DF_OK && whole) code = df_audit_verify(h->look.ledger, NULL, &proof, &err);
    if (code != DF_OK)
        op_check_unknown(h, "audit_log", &err);
    else if (whole && !proof.intact)
        op_check(h, "audit_log", OP_CRITICAL,
                 df_arena_printf(h->look.arena, "{\"broken_at\":%lld}", (long long)proof.broken_at),
                 "dataflow audit --verify", "it was tampered with: %s", proof.what);
    else if (c.broken_at)
        op_check(h, "audit_log", OP_CRITICAL,
                 df_arena_printf(h->look.arena, "{\"broken_at\":%lld}", (long long)c.broken_at),
                 "dataflow audit --verify",
                 "it was tampered with: entry %lld does not follow the one before it",
                 (long long)c.broken_at);
    else
        op_check(h, "audit_log", OP_OK, df_arena_printf(h->look.arena, "{\"looked_at\":%zu}", c.count), NULL,
                 "%s %zu entr%s hang together", whole ? "all" : "the newest", c.count,
                 c.count == 1 ? "y" : "ies");
}

/* ---- all of it ---- */

static void without_ledger(op_health *h)
{
    static const char *const names[] = {"stuck_migrations", "failed_migrations", "expired_locks",
                                        "migration_lock",   "backup_age",        "backup_verified",
                                        "audit_log"};
    op_check(h, "ledger", OP_WARNING, NULL, "dataflow init, or the first dataflow up",
             "the ledger's tables are not there: no migration was ever run here by this program");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        op_check(h, names[i], OP_UNKNOWABLE, NULL, NULL, "there is no ledger yet");
}

static void check_ledger(op_health *h, const ledger_view *view)
{
    size_t completed = 0;
    const df_applied *newest = NULL;
    for (size_t i = 0; i < view->count; i++)
        if (view->applied[i].status == DF_APPLIED_COMPLETED) completed++, newest = &view->applied[i];
    int64_t version = df_ledger_version(h->look.ledger);
    op_check(
        h, "ledger", OP_OK,
        df_arena_printf(h->look.arena, "{\"version\":%lld,\"applied\":%zu}", (long long)version, completed),
        NULL, "version %lld, %zu migration%s applied%s%.*s", (long long)version, completed,
        completed == 1 ? "" : "s", newest ? ", the newest " : "", DF_FMT(newest ? newest->id : DF_STR_NONE));
}

void op_health_ledger(op_health *h)
{
    static const op_list expired = {"expired_locks", NULL, "lock is expired", "locks are expired",
                                    "no lock is expired"};
    ledger_view view = {.now_ms = h->facts.now_ms};
    op_list locks = expired;
    df_error err;
    if (!h->look.ledger || !df_ledger_exists(h->look.ledger)) {
        without_ledger(h);
        return;
    }
    view.lock_error.code = op_lock_look(&h->look, &view.lock, &view.lock_error);
    df_code code = df_ledger_applied(h->look.ledger, h->look.arena, &view.applied, &view.count, &err);
    if (code == DF_OK) {
        check_ledger(h, &view);
        check_stuck(h, &view);
        check_failed(h, &view);
    } else {
        op_check_unknown(h, "ledger", &err);
        op_check_unknown(h, "stuck_migrations", &err);
        op_check_unknown(h, "failed_migrations", &err);
    }
    locks.sql = h->look.engine->expired_locks;
    op_check_list(h, &locks);
    check_lock(h, &view);
    check_backups(h);
    check_audit(h);
}
