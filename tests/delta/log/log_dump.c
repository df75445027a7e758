/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What src/delta/log makes of a table, as one JSON document, for the tests to compare:
 *
 *     log_dump TABLE [latest-only]
 *
 * "forward"    state at every version, commits applied oldest first from the planned bases
 * "backward"   the same versions by delta_snapshot, from the newest checkpoint at or before each
 * "compacted"  the same with log compaction files, where there are any
 * A state is [files, bytes, records or null, DV files, deleted rows, digest, tombstones].
 */
#include "base/error.h"
#include "base/json.h"
#include "delta/log/crc.h"
#include "delta/log/log.h"
#include "delta/log/protocol.h"
#include "delta/log/timestamps.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct live {
    int64_t size, records, deleted;
    df_hash128 digest;
    bool has_dv, tombstone;
} live;

typedef struct dump {
    delta_log *log;
    delta_reader *reader;
    delta_defects defects;
    delta_plan plan;
    int64_t *bad_commits;
    size_t n_bad, bad_cap;
    df_buf out;
    df_json_writer w;
    /* the forward state */
    df_keymap keys;
    live *files;
    size_t n_files, files_cap;
    int64_t actions, unknown, cdc;
    delta_commit_clock clock;
    delta_commit_info info;
    /* the last protocol and metadata */
    df_arena arena;
    delta_protocol protocol;
    delta_metadata metadata;
    bool has_protocol, has_metadata;
} dump;

static df_code apply(void *context, const delta_action *action, df_error *err)
{
    dump *d = context;
    d->actions++;
    d->unknown += action->kind == DELTA_UNKNOWN;
    d->cdc += action->kind == DELTA_CDC;
    if (action->kind == DELTA_METADATA) delta_commit_clock_metadata(&d->clock, &action->metadata);
    if (action->kind == DELTA_COMMIT_INFO) {
        d->info.timestamp = action->commit_info.timestamp;
        d->info.in_commit_timestamp = action->commit_info.in_commit_timestamp;
    }
    if (action->kind != DELTA_ADD && action->kind != DELTA_REMOVE) return DF_OK;
    bool added;
    int64_t *index = df_keymap_put(&d->keys, action->file.key, &added);
    if (added) {
        *index = (int64_t)d->n_files;
        DF_PUSH(d->files, d->n_files, d->files_cap) = (live){0};
    }
    d->files[*index] = (live){
        .size = action->file.size,
        .records = action->file.num_records,
        .deleted = action->file.dv_cardinality,
        .digest = delta_file_digest(&action->file),
        .has_dv = action->file.dv_id.len > 0,
        .tombstone = action->kind == DELTA_REMOVE,
    };
    return DF_OK;
}

static void forget(dump *d)
{
    df_keymap_clear(&d->keys);
    d->n_files = 0;
}

static delta_snapshot_summary sum_up(const dump *d, int64_t version)
{
    delta_snapshot_summary s = {.version = version};
    for (size_t i = 0; i < d->n_files; i++) {
        const live *f = &d->files[i];
        if (f->tombstone) {
            s.tombstones++;
            continue;
        }
        s.num_files++;
        if (f->size != DELTA_ABSENT) s.size_in_bytes += f->size;
        if (f->records == DELTA_ABSENT)
            s.num_records = DELTA_ABSENT;
        else if (s.num_records != DELTA_ABSENT)
            s.num_records += f->records;
        s.deletion_vector_files += f->has_dv;
        s.deleted_records += f->deleted;
        s.digest = df_hash_add(s.digest, f->digest);
    }
    return s;
}

static void add_count(df_json_writer *w, const char *name, int64_t n)
{
    if (n == DELTA_ABSENT)
        df_json_add_null(w, name);
    else
        df_json_add_int(w, name, n);
}

static void put_state(dump *d, const delta_snapshot_summary *s)
{
    char name[24], digest[33];
    snprintf(name, sizeof name, "%lld", (long long)s->version);
    df_hash_hex(s->digest, digest);
    df_json_begin(&d->w, name, '[');
    df_json_add_int(&d->w, NULL, s->num_files);
    df_json_add_int(&d->w, NULL, s->size_in_bytes);
    add_count(&d->w, NULL, s->num_records);
    df_json_add_int(&d->w, NULL, s->deletion_vector_files);
    df_json_add_int(&d->w, NULL, s->deleted_records);
    df_json_add_text(&d->w, NULL, digest);
    df_json_add_int(&d->w, NULL, s->tombstones);
    df_json_end(&d->w, ']');
}

/* ---- forward ---- */

static df_code forward_version(dump *d, int64_t version, df_buf *times, df_error *err)
{
    const delta_log_file *commit = delta_log_commit(d->log, version);
    d->info = (delta_commit_info){.timestamp = DELTA_ABSENT, .in_commit_timestamp = DELTA_ABSENT};
    df_code code = delta_read_commit(d->reader, commit, (delta_sink){d, apply}, err);
    if (code == DF_CORRUPT) DF_PUSH(d->bad_commits, d->n_bad, d->bad_cap) = version;
    DF_TRY(code);
    int64_t time = delta_commit_clock_tick(&d->clock, version, &d->info, commit->mtime_ms, NULL);
    df_buf_printf(times, "%s\"%lld\":%lld", times->len ? "," : "", (long long)version, (long long)time);
    return DF_OK;
}

static df_code forward(dump *d, df_buf *times, df_error *err)
{
    delta_commit_clock_init(&d->clock);
    for (size_t i = 0; i < d->plan.count; i++) {
        const delta_segment *segment = &d->plan.segments[i];
        forget(d);
        if (segment->checkpoint >= 0) {
            DF_TRY(delta_read_checkpoint(d->reader, &d->log->checkpoints[segment->checkpoint], DELTA_WANT_ALL,
                                         (delta_sink){d, apply}, err));
            delta_snapshot_summary s = sum_up(d, segment->base_version);
            put_state(d, &s);
        }
        for (int64_t v = segment->base_version + 1; v <= segment->last; v++) {
            DF_TRY(forward_version(d, v, times, err));
            delta_snapshot_summary s = sum_up(d, v);
            put_state(d, &s);
        }
    }
    return DF_OK;
}

/* Plans and applies; goes around what turns out to be damaged. */
static df_code forward_all(dump *d, bool latest_only, df_error *err)
{
    df_buf times = {0};
    for (;;) {
        delta_plan_options options = {.latest_only = latest_only, .up_to = -1};
        delta_plan_release(&d->plan);
        df_code code = delta_log_plan(d->log, &options, d->bad_commits, d->n_bad, &d->plan, &d->defects, err);
        if (code != DF_OK) return df_buf_release(&times), code;
        size_t at = d->out.len, n_bad = d->n_bad;
        df_json_writer w = d->w;
        df_buf_clear(&times);
        df_json_begin(&d->w, "forward", '{');
        code = forward(d, &times, err);
        df_json_end(&d->w, '}');
        bool more = d->n_bad > n_bad;
        for (size_t i = 0; i < d->plan.count; i++) {
            int c = d->plan.segments[i].checkpoint;
            more |= c >= 0 && d->log->checkpoints[c].bad;
        }
        if (code == DF_OK)
            df_json_begin(&d->w, "timestamps", '{'), df_buf_str_add(&d->out, df_buf_str(&times)),
                df_json_end(&d->w, '}');
        if (code == DF_OK || code != DF_CORRUPT || !more) return df_buf_release(&times), code;
        d->out.len = at;
        d->w = w;
    }
}

/* ---- backward ---- */

static df_code snapshot_at(dump *d, int64_t version, unsigned want, delta_sink sink,
                           delta_snapshot_summary *s, df_error *err)
{
    for (;;) {
        delta_plan plan = {0};
        delta_plan_options options = {.latest_only = true, .up_to = version};
        DF_TRY(delta_log_plan(d->log, &options, d->bad_commits, d->n_bad, &plan, &d->defects, err));
        int base = plan.segments[0].checkpoint;
        delta_plan_release(&plan);
        df_code code = delta_snapshot(d->reader, d->log, base, version, want, sink, s, err);
        if (code != DF_CORRUPT || base < 0 || !d->log->checkpoints[base].bad) return code;
    }
}

static df_code backward(dump *d, const char *name, unsigned want, df_error *err)
{
    df_json_begin(&d->w, name, '{');
    for (size_t i = 0; i < d->plan.count; i++) {
        const delta_segment *segment = &d->plan.segments[i];
        int64_t first = segment->base_version < 0 ? 0 : segment->base_version;
        for (int64_t v = first; v <= segment->last; v++) {
            delta_snapshot_summary s;
            df_code code = snapshot_at(d, v, want, (delta_sink){0}, &s, err);
            if (code == DF_CORRUPT && (want & DELTA_USE_COMPACTIONS)) continue;
            DF_TRY(code);
            put_state(d, &s);
        }
    }
    df_json_end(&d->w, '}');
    return DF_OK;
}

/* ---- the newest state ---- */

static df_code take_rest(void *context, const delta_action *action, df_error *err)
{
    dump *d = context;
    char *name;
    switch (action->kind) {
    case DELTA_PROTOCOL:
        d->protocol = delta_protocol_copy(&d->arena, &action->protocol);
        d->has_protocol = true;
        break;
    case DELTA_METADATA:
        d->metadata = delta_metadata_copy(&d->arena, &action->metadata);
        d->has_metadata = true;
        break;
    case DELTA_TXN:
        name = df_arena_cstr(&d->arena, action->txn.app_id);
        df_json_add_int(&d->w, name, action->txn.version);
        break;
    default: break;
    }
    return DF_OK;
}

static df_code take_domains(void *context, const delta_action *action, df_error *err)
{
    dump *d = context;
    if (action->kind == DELTA_DOMAIN) df_json_add_str(&d->w, NULL, action->domain.domain);
    return DF_OK;
}

static df_code newest(dump *d, df_error *err)
{
    delta_snapshot_summary s;
    df_json_begin(&d->w, "txns", '{');
    DF_TRY(snapshot_at(d, d->plan.version, DELTA_WANT_REST, (delta_sink){d, take_rest}, &s, err));
    df_json_end(&d->w, '}');
    df_json_begin(&d->w, "domains", '[');
    DF_TRY(snapshot_at(d, d->plan.version, DELTA_WANT_REST, (delta_sink){d, take_domains}, &s, err));
    df_json_end(&d->w, ']');
    DF_TRY(snapshot_at(d, d->plan.version, DELTA_WANT_ALL, (delta_sink){0}, &s, err));
    df_json_add_int(&d->w, "version", s.version);
    df_json_add_int(&d->w, "num_files", s.num_files);
    df_json_add_int(&d->w, "size_in_bytes", s.size_in_bytes);
    add_count(&d->w, "num_records", s.num_records);
    df_json_add_int(&d->w, "dv_files", s.deletion_vector_files);
    df_json_add_int(&d->w, "dv_cardinality", s.deleted_records);
    df_json_add_int(&d->w, "tombstones", s.tombstones);
    df_json_add_text(&d->w, "state",
                     d->has_metadata ? d->has_protocol ? "whole" : "no-protocol" : "no-metadata");
    if (d->has_metadata) {
        df_json_add_str(&d->w, "table_id", d->metadata.id);
        df_json_add_raw(&d->w, "partition_columns", d->metadata.partition_columns);
        df_json_add_raw(&d->w, "configuration", d->metadata.configuration);
    }
    if (!d->has_protocol) return DF_OK;
    df_json_add_int(&d->w, "min_reader_version", d->protocol.min_reader_version);
    df_json_add_int(&d->w, "min_writer_version", d->protocol.min_writer_version);
    df_json_add_raw(&d->w, "reader_features", d->protocol.reader_features);
    df_json_add_raw(&d->w, "writer_features", d->protocol.writer_features);
    df_error refused = {0};
    df_code gate = delta_protocol_gate(&d->protocol, d->has_metadata ? &d->metadata : NULL, false,
                                       &d->defects, &refused);
    df_json_add_text(&d->w, "gate", df_code_name(gate));
    df_json_add_text(&d->w, "gate_message", refused.message);
    df_json_add_text(&d->w, "gate_hint", refused.hint);
    return DF_OK;
}

/* ---- checksums ---- */

static df_code checksums(dump *d, df_error *err)
{
    df_json_begin(&d->w, "crc", '{');
    for (size_t i = 0; i < d->log->crcs.count; i++) {
        const delta_log_file *file = &d->log->crcs.items[i];
        df_arena arena = {0};
        df_buf why = {0};
        delta_crc crc;
        delta_snapshot_summary s;
        df_error ignored;
        if (snapshot_at(d, file->version, DELTA_WANT_ALL, (delta_sink){0}, &s, &ignored) == DF_OK) {
            const char *verdict = "unreadable";
            if (delta_crc_read(d->reader, file, &arena, &crc, &ignored) == DF_OK)
                verdict = delta_crc_agrees(&crc, &s, &why) ? "agrees" : df_buf_cstr(&why);
            char name[24];
            snprintf(name, sizeof name, "%lld", (long long)file->version);
            df_json_add_text(&d->w, name, verdict);
        }
        df_buf_release(&why);
        df_arena_release(&arena);
    }
    df_json_end(&d->w, '}');
    return DF_OK;
}

static void put_defects(dump *d)
{
    df_json_begin(&d->w, "defects", '[');
    for (size_t i = 0; i < d->defects.count; i++) {
        const delta_defect *x = &d->defects.items[i];
        df_json_begin(&d->w, NULL, '{');
        df_json_add_text(&d->w, "kind", delta_defect_name(x->kind));
        df_json_add_text(&d->w, "file", x->file);
        df_json_add_int(&d->w, "line", x->line);
        df_json_add_int(&d->w, "version", x->version);
        df_json_add_text(&d->w, "what", x->what);
        df_json_add_text(&d->w, "fallback", x->fallback);
        df_json_end(&d->w, '}');
    }
    df_json_end(&d->w, ']');
}

static df_code examine(dump *d, const char *path, bool latest_only, df_error *err)
{
    DF_TRY(delta_log_open(path, &d->log, &d->defects, err));
    d->reader = delta_reader_open(d->log, &d->defects, NULL);
    df_json_add_int(&d->w, "hint_version", d->log->hint_version);
    df_json_add_int(&d->w, "staged", (int64_t)d->log->n_staged);
    DF_TRY(forward_all(d, latest_only, err));
    df_json_add_int(&d->w, "unknown_actions", d->unknown);
    df_json_add_int(&d->w, "cdc_actions", d->cdc);
    DF_TRY(backward(d, "backward", DELTA_WANT_ALL, err));
    if (d->log->compactions.count)
        DF_TRY(backward(d, "compacted", DELTA_WANT_ALL | DELTA_USE_COMPACTIONS, err));
    DF_TRY(newest(d, err));
    return checksums(d, err);
}

static void release(dump *d)
{
    delta_reader_close(d->reader);
    delta_log_close(d->log);
    delta_plan_release(&d->plan);
    delta_defects_release(&d->defects);
    df_keymap_release(&d->keys);
    df_arena_release(&d->arena);
    df_buf_release(&d->out);
    free(d->files);
    free(d->bad_commits);
}

int main(int argc, char **argv)
{
    if (argc < 2) return fprintf(stderr, "usage: %s TABLE [latest-only]\n", argv[0]), 2;
    dump d = {0};
    df_error err = {0};
    d.w.out = &d.out;
    df_json_begin(&d.w, NULL, '{');
    df_code code = examine(&d, argv[1], argc > 2, &err);
    if (code != DF_OK) {
        /* What was begun and not ended is of no interest then. */
        df_buf_clear(&d.out);
        d.w = (df_json_writer){.out = &d.out};
        df_json_begin(&d.w, NULL, '{');
        df_json_add_text(&d.w, "message", err.message);
        df_json_add_text(&d.w, "hint", err.hint);
        df_json_add_text(&d.w, "file", err.file);
        df_json_add_int(&d.w, "line", err.line);
    }
    df_json_add_text(&d.w, "status", df_code_name(code));
    put_defects(&d);
    df_json_end(&d.w, '}');
    puts(df_buf_cstr(&d.out));
    release(&d);
    return 0;
}
