/* SPDX-License-Identifier: Apache-2.0 */
/* `check`: a log examined from end to end, without any catalog. Every file is read, every defect named. */
#include "base/error.h"
#include "delta/job/job.h"
#include "delta/log/crc.h"
#include "delta/log/protocol.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct examination {
    df_delta_examine_report *report;
    df_arena *arena;
    const df_observer *observer;
    delta_log *log;
    delta_reader *reader;
    delta_defects defects;
    int64_t *bad_commits;
    size_t n_bad_commits, bad_commits_cap;
    delta_plan plan;
    bool newest_lost; /* the newest version cannot be reached */
    int64_t files_read;
} examination;

static df_code take_any(void *context, const delta_action *action, df_error *err)
{
    examination *e = context;
    if (action->kind == DELTA_PROTOCOL)
        return delta_protocol_gate(&action->protocol, NULL, true, &e->defects, err);
    return DF_OK;
}

/* ---- reading every file ---- */

static void progress(examination *e)
{
    int64_t total = (int64_t)(e->log->commits.count + e->log->n_checkpoints + e->log->compactions.count);
    df_report_progress(e->observer, "log files", e->log->table_path, ++e->files_read, total);
}

static df_code read_commits(examination *e, df_error *err)
{
    for (size_t i = 0; i < e->log->commits.count; i++) {
        const delta_log_file *commit = &e->log->commits.items[i];
        e->report->bytes += commit->size;
        df_code code = delta_read_commit(e->reader, commit, (delta_sink){e, take_any}, err);
        if (code != DF_OK) {
            delta_defects_add(&e->defects, DELTA_DEFECT_BAD_COMMIT, commit->name, err->line, "%s",
                              err->message)
                ->version = commit->version;
            DF_PUSH(e->bad_commits, e->n_bad_commits, e->bad_commits_cap) = commit->version;
        }
        progress(e);
        DF_TRY(df_check_cancelled(e->observer, err));
    }
    return DF_OK;
}

static df_code read_checkpoints(examination *e, df_error *err)
{
    for (size_t i = 0; i < e->log->n_checkpoints; i++) {
        delta_checkpoint *checkpoint = &e->log->checkpoints[i];
        for (size_t part = 0; part < checkpoint->parts.count; part++)
            e->report->bytes += checkpoint->parts.items[part].size;
        if (checkpoint->complete) {
            delta_snapshot_summary s;
            df_code code = delta_snapshot(e->reader, e->log, (int)i, checkpoint->version, DELTA_WANT_ALL,
                                          (delta_sink){e, take_any}, &s, err);
            const char *name = checkpoint->parts.items[0].name;
            if (code != DF_OK && !checkpoint->bad) {
                delta_defects_add(&e->defects, DELTA_DEFECT_BAD_CHECKPOINT, name, 0, "%s", err->message)
                    ->version = checkpoint->version;
                checkpoint->bad = true;
            } else if (code == DF_OK && !(s.has_metadata && s.has_protocol)) {
                delta_defects_add(&e->defects, DELTA_DEFECT_BAD_CHECKPOINT, name, 0, "it has no %s action",
                                  s.has_protocol ? "metaData" : "protocol")
                    ->version = checkpoint->version;
                checkpoint->bad = true;
            }
        }
        progress(e);
        DF_TRY(df_check_cancelled(e->observer, err));
    }
    return DF_OK;
}

static df_code read_compactions(examination *e, df_error *err)
{
    for (size_t i = 0; i < e->log->compactions.count; i++) {
        const delta_log_file *file = &e->log->compactions.items[i];
        e->report->bytes += file->size;
        if (delta_read_commit(e->reader, file, (delta_sink){e, take_any}, err) != DF_OK)
            delta_defects_add(&e->defects, DELTA_DEFECT_BAD_COMPACTION, file->name, err->line, "%s",
                              err->message)
                ->fallback = "the commits that it stands for are read";
        progress(e);
        DF_TRY(df_check_cancelled(e->observer, err));
    }
    return DF_OK;
}

/* ---- what that leaves ---- */

static const char *base_name_of(const examination *e, const delta_segment *s)
{
    return s->checkpoint < 0 ? "commit 0" : e->log->checkpoints[s->checkpoint].parts.items[0].name;
}

static void report_reachable(examination *e)
{
    df_delta_examine_report *r = e->report;
    r->reachable = df_arena_zalloc(e->arena, (e->plan.count + 1) * sizeof *r->reachable);
    for (size_t i = 0; i < e->plan.count; i++) {
        const delta_segment *s = &e->plan.segments[i];
        r->reachable[r->n_reachable++] = (df_delta_range){
            .from = s->checkpoint < 0 ? 0 : s->base_version,
            .to = s->last,
            .base = df_arena_cstr(e->arena, df_str_from(base_name_of(e, s))),
        };
    }
}

/* The highest version that can be reached: when the newest is lost, the search goes down. */
static df_code plan_what_is_left(examination *e, df_error *err)
{
    delta_plan_options options = {.up_to = -1};
    df_code code =
        delta_log_plan(e->log, &options, e->bad_commits, e->n_bad_commits, &e->plan, &e->defects, err);
    if (code == DF_OK) return code;
    e->newest_lost = true;
    delta_defects ignored = {0};
    for (int64_t v = e->report->newest_on_disk - 1; v >= 0; v--) {
        /* Only versions that have a commit or a checkpoint can be an end. */
        bool candidate = delta_log_commit(e->log, v) != NULL;
        for (size_t i = 0; i < e->log->n_checkpoints && !candidate; i++)
            candidate = e->log->checkpoints[i].version == v && e->log->checkpoints[i].complete;
        if (!candidate) continue;
        options.up_to = v;
        delta_plan_release(&e->plan);
        if (delta_log_plan(e->log, &options, e->bad_commits, e->n_bad_commits, &e->plan, &ignored, NULL) ==
                DF_OK &&
            e->plan.version == v)
            break;
        delta_plan_release(&e->plan);
    }
    delta_defects_release(&ignored);
    return code;
}

/* `t` NULL: the version cannot be reconstructed; then only whether the file is sound is seen. */
static void compare_checksum(examination *e, const delta_log_file *file, const delta_totals *t)
{
    df_arena scratch = {0};
    df_buf why = {0};
    delta_crc crc;
    if (delta_crc_read(e->reader, file, &scratch, &crc, NULL) == DF_OK && t) {
        delta_snapshot_summary state = delta_totals_summary(t, file->version);
        if (!delta_crc_agrees(&crc, &state, &why)) {
            delta_defect *d = delta_defects_add(&e->defects, DELTA_DEFECT_CRC_MISMATCH, file->name, 0, "%s",
                                                df_buf_cstr(&why));
            d->version = file->version;
            d->fallback = "the log is believed";
        }
    }
    df_buf_release(&why);
    df_arena_release(&scratch);
}

static void compare_checkpoint(examination *e, size_t at, const delta_totals *t)
{
    delta_checkpoint *checkpoint = &e->log->checkpoints[at];
    delta_snapshot_summary s;
    if (delta_snapshot(e->reader, e->log, (int)at, checkpoint->version, DELTA_WANT_FILES, (delta_sink){0}, &s,
                       NULL) != DF_OK)
        return;
    if (s.num_files == t->num_files && df_hash_eq(s.digest, t->digest)) return;
    delta_defects_add(&e->defects, DELTA_DEFECT_CHECKPOINT_DIFFERS, checkpoint->parts.items[0].name, 0,
                      "has %lld files, the commits give %lld, and the digests differ", (long long)s.num_files,
                      (long long)t->num_files)
        ->version = checkpoint->version;
}

/* Each run of versions once backwards; checksums and checkpoints inside it are compared with what comes out.
 */
static df_code compare_segment(examination *e, const delta_segment *segment, df_error *err)
{
    int64_t first;
    delta_totals *totals;
    DF_TRY(delta_backward_totals(e->reader, e->log, segment, &first, &totals, err));
    for (size_t i = 0; i < e->log->crcs.count; i++) {
        const delta_log_file *file = &e->log->crcs.items[i];
        if (file->version >= first && file->version <= segment->last)
            compare_checksum(e, file, &totals[file->version - first]);
    }
    for (size_t i = 0; i < e->log->n_checkpoints; i++) {
        const delta_checkpoint *c = &e->log->checkpoints[i];
        if (c->complete && !c->bad && (int)i != segment->checkpoint && c->version >= first &&
            c->version <= segment->last)
            compare_checkpoint(e, i, &totals[c->version - first]);
    }
    e->report->num_files = totals[segment->last - first].num_files;
    e->report->size_in_bytes = totals[segment->last - first].size_in_bytes;
    free(totals);
    return DF_OK;
}

static void read_unreachable_checksums(examination *e)
{
    for (size_t i = 0; i < e->log->crcs.count; i++) {
        const delta_log_file *file = &e->log->crcs.items[i];
        bool reachable = false;
        for (size_t s = 0; s < e->plan.count; s++)
            reachable |= file->version <= e->plan.segments[s].last &&
                         file->version >= e->plan.segments[s].base_version;
        if (!reachable) compare_checksum(e, file, NULL);
    }
}

/* ---- the verdict ---- */

/* What readers that have no fallback do when they meet a defect of this kind; NULL: they do not notice. */
static const char *strict_readers(delta_defect_kind kind)
{
    switch (kind) {
    case DELTA_DEFECT_GAP: return "cannot read versions inside the gap";
    case DELTA_DEFECT_BAD_COMMIT: return "fail on every version that needs the damaged commit";
    case DELTA_DEFECT_TRAILING_GARBAGE: return "refuse the commit (delta-rs, delta-kernel); Trino accepts it";
    case DELTA_DEFECT_MULTI_LINE_JSON: return "refuse the commit (Spark); delta-kernel accepts it";
    case DELTA_DEFECT_BAD_CHECKPOINT: return "fail to open the table when this checkpoint is the newest";
    case DELTA_DEFECT_INCOMPLETE_CHECKPOINT: return "ignore the incomplete checkpoint and read an older one";
    case DELTA_DEFECT_MISSING_SIDECAR: return "fail to open the table when this checkpoint is the newest";
    case DELTA_DEFECT_BAD_HINT: return "list the folder instead (old ones fail)";
    case DELTA_DEFECT_DANGLING_HINT: return "fail to open the table (old ones); newer ones list the folder";
    case DELTA_DEFECT_UNKNOWN_FEATURE: return "refuse the table";
    case DELTA_DEFECT_CATALOG_MANAGED: return "refuse the table without its catalog";
    case DELTA_DEFECT_NO_METADATA:
    case DELTA_DEFECT_NO_PROTOCOL: return "refuse the table";
    default: return NULL;
    }
}

static const char *describe_strict_readers(examination *e)
{
    df_buf text = {0};
    bool said[DELTA_DEFECT_COUNT] = {false};
    for (size_t i = 0; i < e->defects.count; i++) {
        delta_defect_kind kind = e->defects.items[i].kind;
        const char *what = strict_readers(kind);
        if (said[kind] || !what) continue;
        said[kind] = true;
        if (text.len) df_buf_text(&text, "; ");
        df_buf_printf(&text, "%s: %s", delta_defect_name(kind), what);
    }
    if (!text.len) df_buf_text(&text, "read it as it is");
    const char *copy = df_arena_cstr(e->arena, df_buf_str(&text));
    df_buf_release(&text);
    return copy;
}

static void count_files(examination *e)
{
    df_delta_examine_report *r = e->report;
    r->commits = (int64_t)e->log->commits.count;
    r->checkpoints = (int64_t)e->log->n_checkpoints;
    r->compactions = (int64_t)e->log->compactions.count;
    r->checksums = (int64_t)e->log->crcs.count;
    r->newest_on_disk = delta_log_newest(e->log);
}

/* A state needs both; only the newest segment's matters. */
static df_code check_newest_state(examination *e, df_error *err)
{
    const delta_segment *s = &e->plan.segments[e->plan.count - 1];
    delta_snapshot_summary state;
    DF_TRY(delta_snapshot(e->reader, e->log, s->checkpoint, s->last, DELTA_WANT_REST, (delta_sink){0}, &state,
                          err));
    if (!state.has_metadata)
        delta_defects_add(&e->defects, DELTA_DEFECT_NO_METADATA, NULL, 0,
                          "version %lld has no metaData action", (long long)s->last);
    if (!state.has_protocol)
        delta_defects_add(&e->defects, DELTA_DEFECT_NO_PROTOCOL, NULL, 0,
                          "version %lld has no protocol action", (long long)s->last);
    e->newest_lost |= !state.has_metadata || !state.has_protocol;
    return DF_OK;
}

static df_code examine(examination *e, df_error *err)
{
    count_files(e);
    DF_TRY(read_commits(e, err));
    DF_TRY(read_checkpoints(e, err));
    DF_TRY(read_compactions(e, err));
    df_error lost = {0};
    if (plan_what_is_left(e, &lost) != DF_OK)
        delta_defects_add(&e->defects, DELTA_DEFECT_GAP, NULL, 0, "%s", lost.message);
    report_reachable(e);
    for (size_t i = 0; i < e->plan.count; i++) DF_TRY(compare_segment(e, &e->plan.segments[i], err));
    read_unreachable_checksums(e);
    if (e->plan.count) DF_TRY(check_newest_state(e, err));
    if (e->plan.count) e->report->version = e->plan.version;
    return DF_OK;
}

static df_code verdict(examination *e, df_error *err)
{
    df_delta_examine_report *r = e->report;
    r->strict_readers = describe_strict_readers(e);
    if (e->newest_lost) {
        r->verdict = "unreadable";
        df_fail(err, DF_CORRUPT, "the newest version of %s, %lld, cannot be read", r->location,
                (long long)r->newest_on_disk);
        df_error_hint(err, "restore the files named above from a backup of _delta_log");
        return DF_CORRUPT;
    }
    r->verdict = e->defects.count ? "recoverable" : "sound";
    if (!e->defects.count) return DF_OK;
    return df_fail(err, DF_MISMATCH, "%zu defects; every version listed as reachable can still be read",
                   e->defects.count);
}

df_code df_delta_examine(const char *path, const df_observer *observer, df_delta_examine_report *report,
                         df_error *err)
{
    double started = df_monotonic_s();
    *report = (df_delta_examine_report){.verdict = "unreadable", .version = -1, .newest_on_disk = -1};
    examination e = {
        .report = report, .arena = delta_report_memory(&report->private_memory), .observer = observer};
    df_error local;
    if (!err) err = &local;
    df_code code = delta_log_open(path, &e.log, &e.defects, err);
    if (code == DF_OK) {
        report->location = df_arena_cstr(e.arena, df_str_from(e.log->location));
        e.reader = delta_reader_open(e.log, &e.defects, observer);
        code = examine(&e, err);
        if (code == DF_OK) code = verdict(&e, err);
    }
    delta_report_warnings(&e.defects, e.arena, &report->defects, &report->n_defects);
    report->duration_s = df_monotonic_s() - started;
    delta_plan_release(&e.plan);
    free(e.bad_commits);
    delta_reader_close(e.reader);
    delta_log_close(e.log);
    delta_defects_release(&e.defects);
    return code;
}

void df_delta_examine_release(df_delta_examine_report *report)
{
    delta_report_free(&report->private_memory);
    *report = (df_delta_examine_report){0};
}
