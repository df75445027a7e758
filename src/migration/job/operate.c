/* SPDX-License-Identifier: Apache-2.0 */
/* Health, why, the lock, the audit log, backups: the public face of src/operate and src/ledger. */
#include "base/clock.h"
#include "migration/job/job_int.h"

#include <stdio.h>

static const char *backup_folder(const df_migrate *m)
{
    return m->config.backup_folder ? m->config.backup_folder : "backups";
}

static const char *cstr(df_arena *arena, df_str s)
{
    return s.ptr ? df_arena_cstr(arena, s) : NULL;
}

df_code df_migrate_health_read(df_migrate *m, df_migrate_health *out, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_HEALTH);
    DF_TRY(job_connect(m, false, err));
    return df_health(m->conn, m->ledger, backup_folder(m), arena, out, err);
}

df_code df_migrate_why_read(df_migrate *m, df_migrate_why *out, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_WHY);
    df_error ignored = {0};
    job_plan plan;
    DF_TRY(job_connect(m, false, err));
    /* What is stuck must be told also where the files are not at hand. */
    bool planned = job_files(m, &ignored) == DF_OK && job_make_plan(m, false, false, arena, &plan, &ignored) == DF_OK;
    if (!planned) df_log(m->config.observer, DF_LOG_WARNING, "without the files: %s", ignored.message);
    const char *not_adopted = NULL;
    if (planned) DF_TRY(job_not_adopted(m, &plan, arena, &not_adopted, err));
    return df_why(m->conn, m->ledger, planned ? &plan.plan : NULL, not_adopted, arena, out, err);
}

df_code df_migrate_terminate(df_migrate *m, const char *name, const char *reason, const char **command, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_WHY);
    df_buf details = {0};
    df_json_writer w = {.out = &details};
    *command = NULL;
    DF_TRY(job_connect(m, false, err));
    DF_TRY(df_end_session(m->conn, name, arena, command, err));
    if (!df_ledger_exists(m->ledger)) return DF_OK;
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "gate", "terminate");
    df_json_add_text(&w, "what", *command);
    df_json_add_text(&w, "reason", reason);
    df_json_end(&w, '}');
    df_code code = df_audit_add(m->ledger, DF_AUDIT_FORCED, DF_STR_NONE, df_buf_str(&details), err);
    df_buf_release(&details);
    return code == DF_OK ? DF_OK : df_error_prefix(err, "it was ended, and the audit log");
}

/* ---- the lock ---- */

static void fill_lock(df_arena *arena, const df_lock_status *from, df_migrate_lock *out)
{
    *out = (df_migrate_lock){.state = df_holder_state_name(from->state), .lock_id = cstr(arena, from->lock_id),
                             .owner = cstr(arena, from->owner), .host = cstr(arena, from->host),
                             .purpose = cstr(arena, from->purpose), .doing = cstr(arena, from->doing), .pid = from->pid,
                             .session = from->session.id, .fence = from->fence, .acquired_ms = from->acquired_ms,
                             .expires_ms = from->expires_ms, .heartbeat_ms = from->heartbeat_ms, .now_ms = from->now_ms};
}

df_code df_migrate_lock_read(df_migrate *m, df_migrate_lock *out, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_LOCK);
    df_lock_status status = {0};
    DF_TRY(job_connect(m, false, err));
    if (df_ledger_exists(m->ledger)) DF_TRY(df_lock_look(m->ledger, arena, &status, err));
    fill_lock(arena, &status, out);
    return DF_OK;
}

df_code df_migrate_lock_release(df_migrate *m, bool force, df_migrate_lock *was, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_LOCK);
    df_lock_status status = {0};
    *was = (df_migrate_lock){.state = df_holder_state_name(DF_HOLDER_NONE)};
    DF_TRY(job_ledger(m, NULL, err));
    df_code code = df_lock_break(m->ledger, force, &status, arena, err);
    fill_lock(arena, &status, was);
    return code;
}

/* ---- the audit log ---- */

typedef struct audit_reader {
    df_migrate_audit_fn fn;
    void *context;
    df_arena arena; /* of one entry */
} audit_reader;

static df_code pass_entry(void *context, const df_audit_entry *e, df_error *err)
{
    audit_reader *r = context;
    df_arena_reset(&r->arena);
    df_migrate_audit_entry entry = {.id = e->id, .time_ms = e->time_ms, .action = cstr(&r->arena, e->action),
                                    .migration_id = cstr(&r->arena, e->migration_id), .actor = cstr(&r->arena, e->actor),
                                    .address = cstr(&r->arena, e->address), .user_agent = cstr(&r->arena, e->user_agent),
                                    .database_user = cstr(&r->arena, e->database_user), .environment = cstr(&r->arena, e->environment),
                                    .details = cstr(&r->arena, e->details), .previous = cstr(&r->arena, e->previous),
                                    .hash = cstr(&r->arena, e->hash)};
    return r->fn(r->context, &entry, err);
}

df_code df_migrate_audit(df_migrate *m, const char *migration_id, int64_t limit, df_migrate_audit_fn fn, void *context, df_error *err)
{
    audit_reader reader = {.fn = fn, .context = context};
    DF_TRY(job_connect(m, false, err));
    if (!df_ledger_exists(m->ledger)) return DF_OK;
    df_code code = df_audit_list(m->ledger, df_str_from(migration_id), limit, pass_entry, &reader, err);
    df_arena_release(&reader.arena);
    return code;
}

df_code df_migrate_audit_verify(df_migrate *m, const char *expected_head, df_migrate_audit_proof *out, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_AUDIT);
    df_audit_proof proof = {.intact = true};
    *out = (df_migrate_audit_proof){.head = ""};
    DF_TRY(job_connect(m, false, err));
    if (df_ledger_exists(m->ledger)) DF_TRY(df_audit_verify(m->ledger, expected_head, &proof, err));
    *out = (df_migrate_audit_proof){.entries = proof.entries, .broken_at = proof.broken_at,
                                    .what = df_arena_printf(arena, "%s", proof.what), .head = df_arena_printf(arena, "%s", proof.head)};
    if (proof.intact) return DF_OK;
    df_fail(err, DF_MISMATCH, "the audit log was tampered with: %s", proof.what);
    df_error_hint(err, "compare with an exported copy (dataflow audit --format jsonl) to see what it said");
    return DF_MISMATCH;
}

/* ---- backups ---- */

df_code df_migrate_backup_create(df_migrate *m, const df_migrate_backup_options *options, df_migrate_backup *out, df_error *err)
{
    static const df_migrate_backup_options defaults = {0};
    df_arena *arena = job_report(m, REPORT_BACKUP);
    DF_TRY(job_ledger(m, NULL, err));
    df_backup_place place = job_backups(m);
    return df_backup_create(&place, options ? options : &defaults, arena, out, err);
}

df_code df_migrate_backup_list(df_migrate *m, df_migrate_backup **out, size_t *count, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_BACKUP);
    *out = NULL;
    *count = 0;
    /* Also where there are no records: the files are enough to go back to. */
    m->half_restored_too = true;
    df_code code = job_connect(m, false, err);
    m->half_restored_too = false;
    DF_TRY(code);
    df_backup_place place = job_backups(m);
    return df_backup_list(&place, arena, out, count, err);
}

df_code df_migrate_backup_verify(df_migrate *m, const char *id, const char *scratch_url, df_migrate_backup_check *out, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_BACKUP_CHECK);
    *out = (df_migrate_backup_check){0};
    DF_TRY(job_ledger(m, NULL, err));
    df_backup_place place = job_backups(m);
    place.scratch_url = scratch_url;
    return df_backup_verify(&place, id, arena, out, err);
}

/* Of a half restored database there is nothing worth keeping; the backup from before it is the safety still. */
static df_code make_safe(df_migrate *m, const df_backup_place *place, df_arena *arena, df_migrate_backup *safety, df_error *err)
{
    df_backup_interrupted before;
    df_migrate_backup_options options = {.type = "pre-restore"};
    DF_TRY(df_backup_unfinished(m->conn, arena, &before, err));
    if (before.half) {
        safety->id = before.safety_id;
        return DF_OK;
    }
    if (before.found) DF_TRY(df_backup_recover(place, err));
    df_code code = df_backup_create(place, &options, arena, safety, err);
    if (code != DF_OK) return df_error_prefix(err, "the safety backup before the restore");
    df_log(m->config.observer, DF_LOG_INFO, "Backup created: %s", safety->id);
    return DF_OK;
}

static df_code restore_locked(df_migrate *m, const char *id, bool skip_safety, df_arena *arena, df_migrate_backup *restored,
                              df_migrate_backup *safety, df_error *err)
{
    df_backup_place place = job_backups(m);
    DF_TRY(df_backup_find(&place, id, arena, restored, err)); /* before anything long: is it there? */
    const char *wanted = restored->id;
    /* A safety backup is the newest one then: made for nothing, it would be what the next `restore latest` takes. */
    if (!skip_safety) DF_TRY(df_backup_readable(&place, wanted, arena, err));
    if (!skip_safety) DF_TRY(make_safe(m, &place, arena, safety, err));
    place.safety = safety->id;
    df_code code = df_backup_restore(&place, wanted, arena, restored, err);
    if (code != DF_OK && safety->id && !(err && *err->hint))
        df_error_hint(err, "the state before it is in the backup %s", safety->id);
    return code;
}

static df_code restore(df_migrate *m, const char *id, bool skip_safety, df_arena *arena, df_migrate_backup *restored,
                       df_migrate_backup *safety, df_error *err)
{
    DF_TRY(job_ledger(m, NULL, err));
    df_lease_options lease = job_lease(m, "backup restore");
    DF_TRY(df_lease_take(m->ledger, &lease, err));
    df_code code = restore_locked(m, id, skip_safety, arena, restored, safety, err);
    df_lease_give(m->ledger);
    /* Whatever the session knew of the database is of the one before. */
    df_ledger_close(m->ledger);
    df_disconnect(m->conn);
    m->ledger = NULL;
    m->conn = NULL;
    return code;
}

/*
 * A server may read its own dump back in other words (casts in a CHECK). What was recorded would look like drift for ever, so the
 * schema is recorded anew, and the differences are told.
 */
static void record_restored(df_migrate *m)
{
    df_error ignored = {0};
    df_migrate_drift drift;
    df_executor x;
    if (job_connect(m, true, &ignored) != DF_OK || df_migrate_schema_validate(m, &drift, &ignored) != DF_MISMATCH) return;
    df_log(m->config.observer, DF_LOG_WARNING,
           "%zu %s of the restored schema %s not as recorded (the first: %s %s); the schema is recorded anew", drift.count,
           drift.count == 1 ? "object" : "objects", drift.count == 1 ? "is" : "are", drift.differences[0].kind, drift.differences[0].name);
    job_executor(m, &x, job_report(m, REPORT_SCHEMA));
    job_keep_schema(m, x.run_id);
}

df_code df_migrate_backup_restore(df_migrate *m, const char *id, bool skip_safety, df_migrate_backup *restored,
                                  df_migrate_backup *safety, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_BACKUP);
    *restored = *safety = (df_migrate_backup){0};
    m->half_restored_too = true;
    df_code code = restore(m, id, skip_safety, arena, restored, safety, err);
    m->half_restored_too = false;
    if (code == DF_OK) record_restored(m);
    return code;
}

df_code df_migrate_backup_prune(df_migrate *m, int64_t keep, bool dry_run, df_migrate_backup **removed, size_t *count, df_error *err)
{
    df_arena *arena = job_report(m, REPORT_BACKUP);
    *removed = NULL;
    *count = 0;
    DF_TRY(job_ledger(m, NULL, err));
    df_backup_place place = job_backups(m);
    return df_backup_prune(&place, keep, dry_run, arena, removed, count, err);
}

/* ---- neo4j-admin ---- */

typedef df_code (*admin_fn)(const df_admin_options *options, df_arena *arena, df_admin_dump *out, df_error *err);

static df_code admin(admin_fn fn, const df_migrate_dump_options *options, df_migrate_dump *out, df_error *err)
{
    df_arena arena = {0};
    df_admin_dump dump;
    df_admin_options with = {
        .home = options->neo4j_home, .database = options->database, .path = options->path, .observer = options->observer};
    *out = (df_migrate_dump){0};
    df_code code = fn(&with, &arena, &dump, err);
    if (code == DF_OK) {
        snprintf(out->path, sizeof out->path, "%s", dump.path);
        snprintf(out->checksum, sizeof out->checksum, "%s", dump.checksum);
        out->size = dump.size;
    }
    df_arena_release(&arena);
    return code;
}

df_code df_migrate_dump_make(const df_migrate_dump_options *options, df_migrate_dump *out, df_error *err)
{
    return admin(df_admin_dump_make, options, out, err);
}

df_code df_migrate_dump_load(const df_migrate_dump_options *options, df_migrate_dump *out, df_error *err)
{
    return admin(df_admin_dump_load, options, out, err);
}
