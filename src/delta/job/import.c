/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Import, resume and sync: one job. List the log once, plan which versions are reachable, and apply those
 * behind the last visible one, oldest first. What turns out to be damaged is gone around: plan again, go on.
 */
#include "base/error.h"
#include "delta/job/import_int.h"
#include "delta/log/protocol.h"

#include <stdlib.h>

/* ---- one version's actions on their way into the catalog ---- */

static void note_commit_info(importer *im, const delta_commit_info *info)
{
    im->info.commit_timestamp = info->timestamp;
    im->info.in_commit_timestamp = info->in_commit_timestamp;
    im->info.operation = df_arena_str(&im->version_memory, info->operation);
    im->info.commit_info = df_arena_str(&im->version_memory, info->raw);
}

/* A guess at how many there will be, from the bytes still to be read and what a file took so far. */
static int64_t expected_files(const importer *im)
{
    enum { ENOUGH = 1000, TYPICAL_BYTES = 400 };
    int64_t a_file = im->bytes > 0 && im->files_read > ENOUGH ? im->bytes / im->files_read : TYPICAL_BYTES;
    int64_t expected = im->files_read + (im->bytes_planned - im->bytes) / (a_file > 0 ? a_file : 1);
    /* Inside of one large file the guess may be overtaken: then nothing is claimed. */
    return expected > im->files ? expected : 0;
}

static df_code take(void *context, const delta_action *action, df_error *err)
{
    importer *im = context;
    switch (action->kind) {
    case DELTA_PROTOCOL:
        im->has_protocol = true;
        DF_TRY(delta_protocol_gate(&action->protocol, NULL, im->force, &im->defects, err));
        break;
    case DELTA_METADATA:
        im->has_metadata = true;
        delta_commit_clock_metadata(&im->clock, &action->metadata);
        break;
    case DELTA_COMMIT_INFO: note_commit_info(im, &action->commit_info); break;
    case DELTA_ADD:
    case DELTA_REMOVE:
        im->files++;
        if (im->files % 4096 == 0) {
            DF_TRY(df_check_cancelled(im->observer, err));
            df_report_progress(im->observer, "files", im->table_id, im->files, expected_files(im));
        }
        break;
    default: break;
    }
    return delta_loader_take(im->loader, action, err);
}

/* Of the commit at a checkpoint's version only commitInfo is wanted: the checkpoint does not have it. */
static df_code take_commit_info(void *context, const delta_action *action, df_error *err)
{
    if (action->kind == DELTA_COMMIT_INFO) note_commit_info(context, &action->commit_info);
    return DF_OK;
}

static void begin_info(importer *im, int64_t version)
{
    df_arena_reset(&im->version_memory);
    const delta_log_file *commit = delta_log_commit(im->log, version);
    im->info = (delta_version_info){
        .version = version,
        .file_mtime = commit ? commit->mtime_ms : DELTA_ABSENT,
        .commit_timestamp = DELTA_ABSENT,
        .in_commit_timestamp = DELTA_ABSENT,
    };
}

static df_code end_version(importer *im, df_error *err)
{
    delta_commit_info info = {.timestamp = im->info.commit_timestamp,
                              .in_commit_timestamp = im->info.in_commit_timestamp};
    im->info.timestamp =
        delta_commit_clock_tick(&im->clock, im->info.version, &info, im->info.file_mtime, NULL);
    im->versions++;
    im->files_read = im->files;
    return delta_loader_end_version(im->loader, &im->info, err);
}

static df_code keep_tombstone(void *context, const delta_action *action, df_error *err)
{
    df_keymap *kept = context;
    if (action->kind == DELTA_REMOVE) df_keymap_put(kept, (df_hash128){.low = action->file.key.low}, NULL);
    return DF_OK;
}

/*
 * The commits know every remove there ever was; a checkpoint has dropped those that expired, and readers
 * start from it. The newest one is asked, so that the catalog forgets them, too. One that cannot be read
 * changes nothing.
 */
static df_code expire_tombstones(importer *im, df_error *err)
{
    df_keymap kept = {0};
    delta_checkpoint *checkpoint = &im->log->checkpoints[im->expiry_checkpoint];
    df_code code = DF_OK;
    if (delta_read_checkpoint(im->reader, checkpoint, DELTA_WANT_TOMBSTONES,
                              (delta_sink){&kept, keep_tombstone}, NULL) == DF_OK)
        code = delta_loader_expire_tombstones(im->loader, &kept, err);
    df_keymap_release(&kept);
    return code;
}

static df_code apply_commit(importer *im, int64_t version, df_error *err)
{
    const delta_log_file *commit = delta_log_commit(im->log, version);
    if (!commit) return df_fail(err, DF_BUG, "commit %lld was planned but is not listed", (long long)version);
    begin_info(im, version);
    DF_TRY(delta_loader_begin_version(im->loader, version, false, err));
    df_code code = delta_read_commit(im->reader, commit, (delta_sink){im, take}, err);
    if (code != DF_OK) {
        im->failed_commit = version;
        return code;
    }
    im->bytes += commit->size;
    if (im->expiry_checkpoint >= 0 && im->log->checkpoints[im->expiry_checkpoint].version == version)
        DF_TRY(expire_tombstones(im, err));
    return end_version(im, err);
}

static df_code apply_checkpoint(importer *im, delta_checkpoint *checkpoint, df_error *err)
{
    begin_info(im, checkpoint->version);
    im->has_protocol = im->has_metadata = false;
    DF_TRY(delta_loader_begin_version(im->loader, checkpoint->version, true, err));
    df_code code = delta_read_checkpoint(im->reader, checkpoint, DELTA_WANT_ALL, (delta_sink){im, take}, err);
    for (size_t i = 0; i < checkpoint->parts.count; i++) im->bytes += checkpoint->parts.items[i].size;
    if (code == DF_OK && !(im->has_protocol && im->has_metadata)) {
        checkpoint->bad = true;
        code = df_fail(err, DF_CORRUPT, "checkpoint %s has no %s action", checkpoint->parts.items[0].name,
                       im->has_protocol ? "metaData" : "protocol");
    }
    DF_TRY(code);
    const delta_log_file *commit = delta_log_commit(im->log, checkpoint->version);
    if (commit) {
        /* A commit that cannot be read costs only its commitInfo here. */
        if (delta_read_commit(im->reader, commit, (delta_sink){im, take_commit_info}, NULL) != DF_OK)
            im->info.commit_info = DF_STR_NONE;
    } else {
        im->info.file_mtime = checkpoint->parts.items[0].mtime_ms;
    }
    return end_version(im, err);
}

/* ---- going over the plan ---- */

/* Whether the commits behind `version` reach the end of the log without any checkpoint. */
static bool commits_follow(const importer *im, int64_t version, int64_t last)
{
    for (int64_t v = version + 1; v <= last; v++) {
        if (!delta_log_commit(im->log, v)) return false;
        for (size_t i = 0; i < im->n_bad_commits; i++)
            if (im->bad_commits[i] == v) return false;
    }
    return true;
}

static df_code apply_commits(importer *im, int64_t from, int64_t to, df_error *err)
{
    for (int64_t v = from; v <= to; v++) {
        DF_TRY(df_check_cancelled(im->observer, err));
        DF_TRY(apply_commit(im, v, err));
    }
    return DF_OK;
}

static df_code apply_segment(importer *im, const delta_segment *segment, df_error *err)
{
    int64_t done = delta_loader_version(im->loader);
    if (segment->last <= done) return DF_OK;
    if (segment->base_version > done) {
        DF_TRY(apply_checkpoint(im, &im->log->checkpoints[segment->checkpoint], err));
        done = segment->base_version;
    }
    return apply_commits(im, done + 1, segment->last, err);
}

/* The newest checkpoint that lies among the commits to come, and is not what they stand on. */
static int find_expiry_checkpoint(const importer *im, const delta_plan *plan)
{
    int found = -1;
    const delta_segment *last = &plan->segments[plan->count - 1];
    for (size_t i = 0; i < im->log->n_checkpoints; i++) {
        const delta_checkpoint *c = &im->log->checkpoints[i];
        if (c->complete && !c->bad && c->version > last->base_version && c->version <= last->last)
            found = (int)i;
    }
    return found;
}

static df_code apply_plan(importer *im, const delta_plan *plan, df_error *err)
{
    int64_t done = delta_loader_version(im->loader);
    im->expiry_checkpoint = find_expiry_checkpoint(im, plan);
    /* What the catalog holds is a base as good as any checkpoint. */
    if (done >= 0 && commits_follow(im, done, plan->version)) {
        im->has_protocol = im->has_metadata = true;
        return apply_commits(im, done + 1, plan->version, err);
    }
    for (size_t i = 0; i < plan->count; i++) DF_TRY(apply_segment(im, &plan->segments[i], err));
    return DF_OK;
}

static df_code check_state(const importer *im, df_error *err)
{
    if (im->has_metadata && im->has_protocol) return DF_OK;
    const char *missing = im->has_metadata ? "protocol" : "metaData";
    df_fail(err, DF_CORRUPT, "%s is not a valid table: no %s action in any commit or checkpoint",
            im->log->location, missing);
    df_error_hint(err, "deltalakedb check %s shows what is there", im->log->table_path);
    return DF_CORRUPT;
}

/* ---- the loader, opened anew for each attempt ---- */

/* Times go on from those that the catalog holds. */
static df_code set_clock(importer *im, df_error *err)
{
    delta_commit_clock_init(&im->clock);
    int64_t version = delta_loader_version(im->loader);
    if (version < 0) return DF_OK;
    df_arena scratch = {0};
    delta_table table;
    delta_state state;
    df_code code = delta_table_get(im->catalog, df_str_from(im->table_id), &scratch, &table, err);
    if (code == DF_OK)
        code =
            delta_state_at(im->catalog, &table, (delta_as_of){version, DELTA_ABSENT}, &scratch, &state, err);
    if (code == DF_OK) {
        delta_commit_clock_metadata(&im->clock, &state.metadata);
        im->clock.last = state.version.timestamp;
    }
    df_arena_release(&scratch);
    return code;
}

static df_code open_loader(importer *im, int64_t target, df_error *err)
{
    delta_load_options options = {
        .table_id = df_str_from(im->table_id),
        .location = df_str_from(im->location),
        .history = df_str_from(im->latest_only ? "latest" : "full"),
        .flag = im->force ? DF_STR("forced") : DF_STR_NONE,
        .batch_size = im->batch_size,
        .files_total = -1,
        .fingerprint = delta_log_fingerprint(im->log, target),
        .restart = im->restart,
    };
    DF_TRY(delta_loader_open(im->catalog, &options, &im->loader, err));
    /* Versions that this run made visible stay, whatever happens to later attempts. */
    if (im->attempts++ == 0) im->from_version = delta_loader_version(im->loader);
    return set_clock(im, err);
}

static df_code load(importer *im, const delta_plan *plan, df_error *err)
{
    DF_TRY(open_loader(im, plan->version, err));
    DF_TRY(apply_plan(im, plan, err));
    DF_TRY(check_state(im, err));
    df_buf warnings = {0};
    df_arena scratch = {0};
    df_delta_warning *list;
    size_t count;
    delta_report_warnings(&im->defects, &scratch, &list, &count);
    delta_warnings_json(list, count, &warnings);
    df_code code = delta_loader_finish(im->loader, df_buf_str(&warnings), err);
    df_arena_release(&scratch);
    df_buf_release(&warnings);
    return code;
}

/* Whether another attempt, with what is now known to be bad left out, can get further. */
static bool can_go_around(importer *im, df_code code)
{
    if (code != DF_CORRUPT && code != DF_NOT_FOUND) return false;
    if (im->failed_commit >= 0) {
        for (size_t i = 0; i < im->n_bad_commits; i++)
            if (im->bad_commits[i] == im->failed_commit) return false;
        DF_PUSH(im->bad_commits, im->n_bad_commits, im->bad_commits_cap) = im->failed_commit;
        im->failed_commit = -1;
        return true;
    }
    size_t bad = 0;
    for (size_t i = 0; i < im->log->n_checkpoints; i++) bad += im->log->checkpoints[i].bad;
    bool more = bad > im->n_bad_checkpoints;
    im->n_bad_checkpoints = bad;
    return more;
}

static df_code plan_log(importer *im, delta_plan *plan, df_error *err)
{
    delta_plan_options options = {.latest_only = im->latest_only, .up_to = -1};
    return delta_log_plan(im->log, &options, im->bad_commits, im->n_bad_commits, plan, &im->defects, err);
}

/* ---- a rehearsal: the newest state, by the backward replay, and nothing written ---- */

static df_code take_rehearsed(void *context, const delta_action *action, df_error *err)
{
    importer *im = context;
    if (action->kind == DELTA_PROTOCOL) im->has_protocol = true;
    if (action->kind == DELTA_METADATA) im->has_metadata = true;
    if (action->kind != DELTA_PROTOCOL) return DF_OK;
    return delta_protocol_gate(&action->protocol, NULL, im->force, &im->defects, err);
}

/* What was read of the log for a segment. */
static int64_t bytes_of(const importer *im, const delta_segment *segment)
{
    int64_t bytes = 0;
    for (int64_t v = segment->base_version + 1; v <= segment->last; v++) {
        const delta_log_file *commit = delta_log_commit(im->log, v);
        if (commit) bytes += commit->size;
    }
    if (segment->checkpoint < 0) return bytes;
    const delta_log_files *parts = &im->log->checkpoints[segment->checkpoint].parts;
    for (size_t i = 0; i < parts->count; i++) bytes += parts->items[i].size;
    return bytes;
}

static df_code rehearse(importer *im, const delta_plan *plan, df_error *err)
{
    im->attempts++;
    const delta_segment *last = &plan->segments[plan->count - 1];
    im->has_protocol = im->has_metadata = false;
    DF_TRY(delta_snapshot(im->reader, im->log, last->checkpoint, last->last, DELTA_WANT_ALL,
                          (delta_sink){im, take_rehearsed}, &im->rehearsed, err));
    im->files = im->rehearsed.actions;
    for (size_t i = 0; i < plan->count; i++) {
        const delta_segment *s = &plan->segments[i];
        im->versions += s->last - s->base_version + (s->checkpoint >= 0);
    }
    im->bytes = bytes_of(im, last);
    return check_state(im, err);
}

df_code delta_importer_run(importer *im, df_error *err)
{
    df_error cause = {0};
    for (;;) {
        delta_plan plan = {0};
        df_code code = plan_log(im, &plan, err);
        if (code == DF_OK) {
            im->target = plan.version;
            im->files = im->files_read = im->versions = im->bytes = im->bytes_planned = 0;
            for (size_t i = 0; i < plan.count; i++) im->bytes_planned += bytes_of(im, &plan.segments[i]);
            code = im->catalog ? load(im, &plan, err) : rehearse(im, &plan, err);
        } else if (cause.code != DF_OK) {
            /* That a version cannot be reached is the consequence; the damage found before is the cause. */
            if (err) *err = cause;
            code = cause.code;
        }
        bool planned = plan.count > 0;
        delta_plan_release(&plan);
        delta_loader_close(im->loader);
        im->loader = NULL;
        if (code == DF_OK || !planned || !can_go_around(im, code)) return code;
        if (err) cause = *err;
        df_log(im->observer, DF_LOG_WARNING, "%s; trying another way to the newest version", cause.message);
    }
}

df_code delta_importer_open(importer *im, const char *path, df_error *err)
{
    im->failed_commit = -1;
    im->from_version = -1;
    DF_TRY(delta_log_open(path, &im->log, &im->defects, err));
    im->reader = delta_reader_open(im->log, &im->defects, im->observer);
    return DF_OK;
}

void delta_importer_close(importer *im)
{
    delta_loader_close(im->loader);
    delta_reader_close(im->reader);
    delta_log_close(im->log);
    delta_defects_release(&im->defects);
    df_arena_release(&im->version_memory);
    free(im->bad_commits);
}
