/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going back to a backup. The ledger's tables come back as they were then, but not all that they say may:
 * which backups there are, that they were restored, the number of the migration lock, and where the audit log
 * had been. That is kept across, and put back; a mark in the restored database (backup_state.c) tells the next run
 * when nobody came to do it.
 */
#include "operate/backup_int.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- what is kept across ---- */

static void put_record(df_json_writer *w, const df_backup_record *r)
{
    df_json_begin(w, NULL, '{');
    df_json_add_str(w, "id", r->id);
    df_json_add_str(w, "filename", r->filename);
    df_json_add_str(w, "path", r->path);
    df_json_add_str(w, "checksum", r->checksum);
    df_json_add_str(w, "created_by", r->created_by);
    df_json_add_str(w, "type", r->type);
    df_json_add_int(w, "size", r->size);
    df_json_add_int(w, "created_ms", r->created_ms);
    df_json_add_int(w, "retention_days", r->retention_days);
    df_json_add_int(w, "verified_ms", r->verified_ms);
    df_json_add_bool(w, "compressed", r->compressed);
    df_json_add_bool(w, "encrypted", r->encrypted);
    df_json_add_str(w, "metadata", r->metadata);
    df_json_end(w, '}');
}

static void put_restoration(df_json_writer *w, const df_restoration_record *r)
{
    df_json_begin(w, NULL, '{');
    df_json_add_str(w, "backup_id", r->backup_id);
    df_json_add_str(w, "restored_by", r->restored_by);
    df_json_add_str(w, "error", r->error);
    df_json_add_int(w, "restored_ms", r->restored_ms);
    df_json_add_int(w, "duration_ms", r->duration_ms);
    df_json_add_bool(w, "success", r->success);
    df_json_end(w, '}');
}

static void put_kept(const df_ledger_carry *carry, df_buf *out)
{
    df_json_writer w = {.out = out};
    df_json_begin(&w, NULL, '{');
    df_json_add_int(&w, "fence", carry->fence);
    df_json_add_int(&w, "audit_entries", carry->audit_entries);
    df_json_add_text(&w, "audit_head", carry->audit_head);
    df_json_begin(&w, "backups", '[');
    for (size_t i = 0; i < carry->n_backups; i++) put_record(&w, &carry->backups[i]);
    df_json_end(&w, ']');
    df_json_begin(&w, "restorations", '[');
    for (size_t i = 0; i < carry->n_restorations; i++) put_restoration(&w, &carry->restorations[i]);
    df_json_end(&w, ']');
    df_json_end(&w, '}');
}

static df_str text_in(df_json object, const char *name, df_arena *arena)
{
    return df_arena_str(arena, df_json_str(df_json_get(object, name)));
}

static int64_t number_in(df_json object, const char *name)
{
    int64_t number = 0;
    (void)df_json_int(df_json_get(object, name), &number);
    return number;
}

static bool truth_in(df_json object, const char *name)
{
    bool truth = false;
    (void)df_json_bool(df_json_get(object, name), &truth);
    return truth;
}

static df_backup_record record_in(df_json object, df_arena *arena)
{
    return (df_backup_record){.id = text_in(object, "id", arena),
                              .filename = text_in(object, "filename", arena),
                              .path = text_in(object, "path", arena),
                              .checksum = text_in(object, "checksum", arena),
                              .created_by = text_in(object, "created_by", arena),
                              .type = text_in(object, "type", arena),
                              .size = number_in(object, "size"),
                              .created_ms = number_in(object, "created_ms"),
                              .retention_days = number_in(object, "retention_days"),
                              .verified_ms = number_in(object, "verified_ms"),
                              .compressed = truth_in(object, "compressed"),
                              .encrypted = truth_in(object, "encrypted"),
                              .metadata = text_in(object, "metadata", arena)};
}

static void read_lists(df_json kept, df_arena *arena, df_ledger_carry *out)
{
    df_json backups = df_json_get(kept, "backups"), restorations = df_json_get(kept, "restorations");
    out->backups = df_arena_alloc(arena, (df_json_count(backups) + 1) * sizeof *out->backups);
    out->restorations = df_arena_alloc(arena, (df_json_count(restorations) + 1) * sizeof *out->restorations);
    out->n_backups = out->n_restorations = 0;
    for (df_json_iter it = df_json_each(backups); df_json_next(&it);)
        out->backups[out->n_backups++] = record_in(it.value, arena);
    for (df_json_iter it = df_json_each(restorations); df_json_next(&it);)
        out->restorations[out->n_restorations++] =
            (df_restoration_record){.backup_id = text_in(it.value, "backup_id", arena),
                                    .restored_by = text_in(it.value, "restored_by", arena),
                                    .error = text_in(it.value, "error", arena),
                                    .restored_ms = number_in(it.value, "restored_ms"),
                                    .duration_ms = number_in(it.value, "duration_ms"),
                                    .success = truth_in(it.value, "success")};
}

static df_code read_kept(const char *json, df_arena *arena, df_ledger_carry *out, df_error *err)
{
    df_json_parser *parser = df_json_parser_open();
    df_json kept;
    df_code code = df_json_parse(parser, df_str_from(json), &kept, err);
    if (code == DF_OK) {
        df_str head = df_json_str(df_json_get(kept, "audit_head"));
        out->fence = number_in(kept, "fence");
        out->audit_entries = number_in(kept, "audit_entries");
        snprintf(out->audit_head, sizeof out->audit_head, "%.*s", DF_FMT(head));
        read_lists(kept, arena, out);
    }
    df_json_parser_close(parser);
    return code == DF_OK ? DF_OK : df_error_prefix(err, "what an interrupted restore has kept");
}

/* The entry that says that it happened, and what the audit log was before it. */
static df_code audit(const df_backup_place *place, const bk_state *state, const df_ledger_carry *carry,
                     df_error *err)
{
    df_buf details = {0};
    df_json_writer w = {.out = &details};
    df_json_begin(&w, NULL, '{');
    df_json_add_text(&w, "backup_id", state->backup);
    if (state->safety && *state->safety) df_json_add_text(&w, "safety_backup_id", state->safety);
    df_json_add_int(&w, "audit_entries_before", carry->audit_entries);
    df_json_add_text(&w, "audit_head_before", carry->audit_head);
    df_json_end(&w, '}');
    df_code code =
        df_audit_add(place->ledger, DF_AUDIT_BACKUP_RESTORED, DF_STR_NONE, df_buf_str(&details), err);
    df_buf_release(&details);
    return code;
}

/* A backup that only its file tells of (its record was lost with the database) gets a record. */
static df_code adopt(const df_backup_place *place, const char *id, df_error *err)
{
    df_arena arena = {0};
    df_backup_record r;
    df_migrate_backup b;
    bool found;
    char checksum[DF_SHA256_HEX + 1];
    if (!id || !*id) return DF_OK;
    df_code code = bk_record_of(place, id, &arena, &r, &found, err);
    if (code == DF_OK && !found) {
        code = df_backup_find(place, id, &arena, &b, err);
        if (code == DF_OK) code = bk_file_checksum(place, b.path, checksum, err);
        if (code == DF_OK) {
            r = (df_backup_record){.id = df_str_from(b.id),
                                   .filename = df_str_from(b.filename),
                                   .path = df_str_from(b.path),
                                   .checksum = df_str_from(checksum),
                                   .type = df_str_from(b.type),
                                   .size = b.size,
                                   .created_ms = b.created_ms,
                                   .compressed = b.compressed,
                                   .encrypted = b.encrypted,
                                   .metadata = df_str_from(b.metadata)};
            code = df_backup_record_add(place->ledger, &r, err);
        } else if (code == DF_NOT_FOUND) {
            code = DF_OK; /* the file is gone, or on another machine: there is nothing to tell */
        }
    }
    df_arena_release(&arena);
    return code;
}

static df_code put_back(const df_backup_place *place, const bk_state *state, const df_ledger_carry *carry,
                        int64_t duration_ms, df_error *err)
{
    DF_TRY(df_ledger_carry_put(place->ledger, carry, err));
    DF_TRY(adopt(place, state->backup, err));
    DF_TRY(adopt(place, state->safety, err));
    DF_TRY(df_backup_restored(place->ledger, df_str_from(state->backup), true, duration_ms, NULL, err));
    DF_TRY(audit(place, state, carry, err));
    return bk_state_clear(place->conn, err);
}

/* ---- restoring ---- */

typedef struct restoring {
    const df_backup_place *place;
    df_arena *arena;
    df_migrate_backup backup;
    bk_opened opened;
    df_ledger_carry carry;
    bk_state state;
    bool half;               /* what is there now is what an earlier restore left */
    const char *file, *lock; /* SQLite's copy, and the file whose lock says that we live */
    int lock_fd;
} restoring;

/* SQLite is restored from a file; its name is one that the next run removes if we do not. */
static df_code prepare_file(restoring *r, df_error *err)
{
    const char *folder, *id;
    if (df_conn_caps(r->place->conn) & DF_CAP_SERVER) return DF_OK;
    DF_TRY(bk_folder_path(r->place->folder, r->arena, &folder, err));
    DF_TRY(bk_new_id(r->arena, &id, err));
    r->lock = df_arena_printf(r->arena, "%s/%s.dfb.partial", folder, id);
    r->file = df_arena_printf(r->arena, "%s.copy", r->lock);
    r->lock_fd = open(r->lock, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (r->lock_fd < 0) return df_fail_errno(err, errno, r->lock, "create");
    flock(r->lock_fd, LOCK_EX | LOCK_NB);
    return DF_OK;
}

static void remove_file(restoring *r)
{
    if (r->file) unlink(r->file);
    if (r->lock_fd >= 0) {
        unlink(r->lock);
        close(r->lock_fd);
    }
}

static df_code load(restoring *r, df_error *err)
{
    const bk_engine *engine;
    DF_TRY(bk_engine_of(r->place->conn, &engine, err));
    DF_TRY(prepare_file(r, err));
    bk_loading loading = {.place = r->place,
                          .id = r->backup.id,
                          .state = r->state,
                          .arena = r->arena,
                          .conn = r->place->conn,
                          .live = true,
                          .head = r->opened.head,
                          .manifest = r->opened.manifest,
                          .input = &r->opened.file->input,
                          .file = r->file};
    return engine->load(&loading, err);
}

/*
 * Where a restore cannot be one transaction, it is tried on a scratch database first, unless that was done
 * before. Who may not make one goes on without.
 */
static df_code rehearse(restoring *r, df_error *err)
{
    df_migrate_backup_check check;
    if (df_conn_caps(r->place->conn) & DF_CAP_TRANSACTIONAL_DDL || r->backup.verified_ms) return DF_OK;
    df_code code = df_backup_verify(r->place, r->backup.id, r->arena, &check, err);
    if (code == DF_UNKNOWN || (code == DF_PERMISSION && !check.scratch)) {
        df_log(r->place->observer, DF_LOG_WARNING, "the backup is restored without having been proved: %s",
               err ? err->message : "");
        return DF_OK;
    }
    return code == DF_OK ? DF_OK : df_error_prefix(err, "nothing was changed; tried on a scratch database");
}

static df_code prepare(restoring *r, const char *id, df_error *err)
{
    const df_backup_place *place = r->place;
    bk_state before;
    df_buf kept = {0};
    DF_TRY(bk_state_read(place->conn, r->arena, &before, err));
    if (before.found && before.restored) {
        DF_TRY(df_backup_recover(place, err));
        before.found = false;
    }
    r->half = before.found;
    DF_TRY(bk_find_present(place, id, r->arena, &r->backup, err));
    if (r->half)
        DF_TRY(read_kept(before.kept, r->arena, &r->carry, err));
    else
        DF_TRY(df_ledger_carry_take(place->ledger, r->arena, &r->carry, err));
    put_kept(&r->carry, &kept);
    /* What an interrupted restore kept, and the backup that has the state before it, are still the right
     * ones. */
    r->state = (bk_state){.restored = true,
                          .backup = r->backup.id,
                          .safety = r->half ? before.safety : place->safety,
                          .kept = df_arena_cstr(r->arena, df_buf_str(&kept))};
    df_buf_release(&kept);
    DF_TRY(bk_open_checked(place, r->backup.id, r->backup.path, r->backup.checksum, &r->opened, err));
    return r->half ? DF_OK : rehearse(r, err);
}

/* A failed one is remembered, too, where the ledger is as it was. */
static void record_failure(const restoring *r, int64_t duration_ms, const df_error *why)
{
    df_error ignored;
    if (df_conn_lost(r->place->conn) || (why && why->code == DF_INCOMPLETE)) return;
    if (df_backup_restored(r->place->ledger, df_str_from(r->backup.id), false, duration_ms,
                           why ? why->message : NULL, &ignored) != DF_OK)
        df_log(r->place->observer, DF_LOG_WARNING, "%s", ignored.message);
}

df_code df_backup_readable(const df_backup_place *place, const char *id, df_arena *arena, df_error *err)
{
    df_migrate_backup backup;
    bk_opened opened = {0};
    DF_TRY(bk_find_present(place, id, arena, &backup, err));
    df_code code = bk_open_checked(place, backup.id, backup.path, backup.checksum, &opened, err);
    bk_opened_close(&opened);
    return code;
}

df_code df_backup_restore(const df_backup_place *place, const char *id, df_arena *arena,
                          df_migrate_backup *out, df_error *err)
{
    df_error own_error;
    restoring r = {.place = place, .arena = arena, .lock_fd = -1};
    double start = df_monotonic_s();
    if (!err) err = &own_error;
    df_code code = prepare(&r, id, err);
    if (code == DF_OK) {
        code = load(&r, err);
        remove_file(&r);
        int64_t ms = (int64_t)((df_monotonic_s() - start) * 1000);
        if (code == DF_OK) {
            code = put_back(place, &r.state, &r.carry, ms, err);
            if (code != DF_OK)
                df_error_prefix(err, "%s is restored, but the records are not put right", r.backup.id);
        } else {
            record_failure(&r, ms, err);
        }
    }
    *out = r.backup;
    bk_opened_close(&r.opened);
    return code;
}

/* ---- after a crash ---- */

df_code df_backup_unfinished(df_conn *conn, df_arena *arena, df_backup_interrupted *out, df_error *err)
{
    bk_state state;
    *out = (df_backup_interrupted){0};
    DF_TRY(bk_state_read(conn, arena, &state, err));
    if (!state.found) return DF_OK;
    *out = (df_backup_interrupted){.found = true,
                                   .half = !state.restored,
                                   .backup_id = state.backup,
                                   .safety_id = *state.safety ? state.safety : NULL,
                                   .started = state.started,
                                   .host = state.host};
    return DF_OK;
}

static df_code still_half(const bk_state *state, df_error *err)
{
    df_fail(err, DF_INCOMPLETE, "the database is half restored: a restore of %s, begun %s on %s, did not end",
            state->backup, state->started, state->host);
    if (*state->safety)
        df_error_hint(err,
                      "restore it again (dataflow backup restore %s), or what was there before (dataflow "
                      "backup restore %s)",
                      state->backup, state->safety);
    else
        df_error_hint(err, "restore it again: dataflow backup restore %s", state->backup);
    return DF_INCOMPLETE;
}

/* Whoever restores holds the migration lock, and finishes by himself. */
static df_code is_at_it(const df_backup_place *place, df_arena *arena, bool *at_it, df_error *err)
{
    df_lock_status lock;
    *at_it = false;
    if (!df_ledger_exists(place->ledger) || df_lease_held(place->ledger)) return DF_OK;
    DF_TRY(df_lock_look(place->ledger, arena, &lock, err));
    *at_it =
        lock.state == DF_HOLDER_ALIVE || lock.state == DF_HOLDER_HIDDEN || lock.state == DF_HOLDER_UNKNOWN;
    return DF_OK;
}

df_code df_backup_recover(const df_backup_place *place, df_error *err)
{
    df_arena arena = {0};
    bk_state state;
    df_ledger_carry carry = {0};
    bool at_it = false;
    df_code code = bk_state_read(place->conn, &arena, &state, err);
    if (code == DF_OK && state.found && !state.restored) code = still_half(&state, err);
    if (code == DF_OK && state.found) code = is_at_it(place, &arena, &at_it, err);
    if (code == DF_OK && state.found && !at_it) {
        code = read_kept(state.kept, &arena, &carry, err);
    }
    if (code == DF_OK && state.found && !at_it) {
        df_log(place->observer, DF_LOG_WARNING,
               "the restore of %s (%s, %s) was killed at its end; its records are put right now",
               state.backup, state.started, state.host);
        code = put_back(place, &state, &carry, 0, err);
    }
    df_arena_release(&arena);
    return code;
}
