/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way back: proving that the table can be read from its log alone, and removing its rows from the
 * catalog.
 */
#include "base/error.h"
#include "base/uri.h"
#include "delta/job/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { ALL_UP_TO = 10000, SAMPLE = 1000 };

typedef struct proof {
    const df_delta_verify_rollback_options *options;
    df_delta_rollback_report *report;
    df_arena *arena;
    delta_catalog *catalog;
    delta_table table;
    delta_log *log;
    delta_reader *reader;
    delta_defects defects;
    delta_plan plan;
    bool failed;

    /* looking for data files: every `step`-th live file */
    int64_t step, seen, remote;
    const char *first_missing;
    df_buf path;
} proof;

static void verdict(proof *p, const char *name, const char *title, bool good, const char *evidence,
                    const char *fmt, ...) DF_PRINTF(6, 7);
static void verdict(proof *p, const char *name, const char *title, bool good, const char *evidence,
                    const char *fmt, ...)
{
    char detail[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    p->failed |= !good;
    delta_report_check(p->arena, &p->report->checks, &p->report->n_checks, name, title,
                       good ? "match" : "mismatch", evidence, "%s", detail);
}

/* ---- data files ---- */

/* The file's place on this machine; false for object stores, which are not looked at. */
static bool local_path(proof *p, df_str path)
{
    p->path.len = 0;
    const char *colon = path.len ? memchr(path.ptr, ':', path.len < 12 ? path.len : 12) : NULL;
    if (colon && (size_t)(colon - path.ptr) + 2 < path.len && colon[1] == '/') return false;
    if (!path.len || path.ptr[0] != '/') {
        df_buf_text(&p->path, p->log->location);
        df_buf_char(&p->path, '/');
    }
    df_buf_str_add(&p->path, path);
    df_buf_cstr(&p->path);
    return true;
}

static bool exists(proof *p, df_str path)
{
    struct stat st;
    if (!local_path(p, path)) {
        p->remote++;
        return true;
    }
    if (stat(p->path.ptr, &st) == 0) return true;
    if (!p->first_missing) p->first_missing = df_arena_cstr(p->arena, path);
    return false;
}

/*
 * Where a deletion vector lies: "u" is a UUID in Z85 behind an optional prefix folder, "p" an absolute path;
 * "i" is inline and needs no file. Source: Delta protocol, "Deletion Vector Descriptor Schema".
 */
static bool deletion_vector_path(df_str dv_id, df_buf *out)
{
    static const char z85[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    out->len = 0;
    if (!dv_id.len || dv_id.ptr[0] == 'i') return false;
    df_str rest = df_str_skip(dv_id, 1);
    if (dv_id.ptr[0] == 'p') {
        const char *at = memrchr(rest.ptr, '@', rest.len);
        df_percent_decode(out, at ? (df_str){rest.ptr, (size_t)(at - rest.ptr)} : rest);
        return true;
    }
    /* Everything but the last 20 characters is the prefix; an offset follows the id behind '@', which Z85 has
     * too. */
    size_t end = rest.len;
    while (end && rest.ptr[end - 1] >= '0' && rest.ptr[end - 1] <= '9') end--;
    if (end && end < rest.len && rest.ptr[end - 1] == '@' && end - 1 >= 20) rest.len = end - 1;
    if (rest.len < 20) return false;
    df_str prefix = {rest.ptr, rest.len - 20}, coded = df_str_skip(rest, rest.len - 20);
    unsigned char uuid[16];
    for (size_t group = 0; group < 4; group++) {
        uint64_t value = 0;
        for (size_t i = 0; i < 5; i++) {
            const char *digit = strchr(z85, coded.ptr[group * 5 + i]);
            if (!digit || !*digit) return false;
            value = value * 85 + (uint64_t)(digit - z85);
        }
        for (size_t i = 0; i < 4; i++) uuid[group * 4 + i] = (unsigned char)(value >> (24 - 8 * i));
    }
    if (prefix.len) df_buf_printf(out, "%.*s/", DF_FMT(prefix));
    df_buf_text(out, "deletion_vector_");
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) df_buf_char(out, '-');
        df_buf_printf(out, "%02x", uuid[i]);
    }
    df_buf_text(out, ".bin");
    return true;
}

static df_code look_for(void *context, const delta_action *action, df_error *err)
{
    proof *p = context;
    if (action->kind != DELTA_ADD) return DF_OK;
    const delta_file *f = &action->file;
    if (p->seen++ % p->step) return DF_OK;
    if (p->seen % 1024 == 0) DF_TRY(df_check_cancelled(p->options->observer, err));
    p->report->files_checked++;
    p->report->files_missing += !exists(p, f->path);
    df_buf dv = {0};
    if (deletion_vector_path(f->dv_id, &dv)) {
        p->report->dvs_checked++;
        p->report->dvs_missing += !exists(p, df_buf_str(&dv));
    }
    df_buf_release(&dv);
    return DF_OK;
}

/* ---- the steps of the proof ---- */

static df_code newest_from_log(proof *p, delta_snapshot_summary *now, df_error *err)
{
    delta_segment *last = &p->plan.segments[p->plan.count - 1];
    return delta_snapshot(p->reader, p->log, last->checkpoint, last->last, DELTA_WANT_ALL, (delta_sink){0},
                          now, err);
}

/* Planning, reading, and planning again while damaged checkpoints turn up. */
static df_code read_log(proof *p, delta_snapshot_summary *now, df_error *err)
{
    DF_TRY(delta_log_open(delta_location_path(p->table.location, p->arena), &p->log, &p->defects, err));
    p->reader = delta_reader_open(p->log, &p->defects, p->options->observer);
    for (size_t tries = 0;; tries++) {
        delta_plan_release(&p->plan);
        delta_plan_options options = {.up_to = -1, .latest_only = true};
        DF_TRY(delta_log_plan(p->log, &options, NULL, 0, &p->plan, &p->defects, err));
        df_code code = newest_from_log(p, now, err);
        const delta_segment *last = &p->plan.segments[p->plan.count - 1];
        bool other_way = last->checkpoint >= 0 && p->log->checkpoints[last->checkpoint].bad;
        if (code == DF_OK || !other_way || tries > p->log->n_checkpoints) return code;
    }
}

/* The state at the catalog's version, from the log, by digest. */
static df_code compare_digest(proof *p, df_error *err)
{
    delta_version_row row;
    DF_TRY(delta_version_find(p->catalog, &p->table, (delta_as_of){p->table.version, DELTA_ABSENT}, p->arena,
                              &row, err));
    delta_plan plan = {0};
    delta_plan_options options = {.up_to = p->table.version, .latest_only = true};
    delta_snapshot_summary then;
    df_code code = delta_log_plan(p->log, &options, NULL, 0, &plan, &p->defects, err);
    if (code == DF_OK) {
        delta_segment *last = &plan.segments[plan.count - 1];
        code = last->last == p->table.version
                   ? delta_snapshot(p->reader, p->log, last->checkpoint, last->last, DELTA_WANT_FILES,
                                    (delta_sink){0}, &then, err)
                   : df_fail(err, DF_CORRUPT, "the log no longer reaches version %lld",
                             (long long)p->table.version);
    }
    delta_plan_release(&plan);
    const char *title = "The log replays to the state in the catalog",
               *evidence = "backward replay of the log";
    if (code == DF_CANCELLED) return code;
    if (code != DF_OK) {
        verdict(p, "digest", title, false, evidence, "%s", err ? err->message : df_code_text(code));
        return DF_OK;
    }
    char sql[33], log[33];
    df_hash_hex(row.digest, sql);
    df_hash_hex(then.digest, log);
    bool same = df_hash_eq(row.digest, then.digest);
    if (same)
        verdict(p, "digest", title, true, evidence, "digest %s at version %lld", sql, (long long)row.version);
    else
        verdict(p, "digest", title, false, evidence, "at version %lld the log gives %s, the catalog %s",
                (long long)row.version, log, sql);
    return DF_OK;
}

static df_code check_files(proof *p, int64_t live, df_error *err)
{
    int64_t wanted = p->options->sample;
    if (wanted == 0) wanted = live <= ALL_UP_TO ? live : SAMPLE;
    if (wanted < 0 || wanted > live) wanted = live;
    p->step = wanted > 0 ? (live + wanted - 1) / wanted : 1;
    delta_segment *last = &p->plan.segments[p->plan.count - 1];
    delta_snapshot_summary ignored;
    DF_TRY(delta_snapshot(p->reader, p->log, last->checkpoint, last->last, DELTA_WANT_FILES,
                          (delta_sink){p, look_for}, &ignored, err));
    df_delta_rollback_report *r = p->report;
    const char *extent = p->step == 1 ? "all" : "a sample";
    if (r->files_missing)
        verdict(p, "data-files", "Data files exist", false, "the file system",
                "%lld of %lld looked for (%s) are missing, the first: %s", (long long)r->files_missing,
                (long long)r->files_checked, extent, p->first_missing);
    else
        verdict(p, "data-files", "Data files exist", true, "the file system", "%lld of %lld live files, %s%s",
                (long long)r->files_checked, (long long)live, extent,
                p->remote ? "; those in object stores were not looked for" : "");
    if (r->dvs_checked)
        verdict(p, "deletion-vectors", "Deletion vectors exist", r->dvs_missing == 0, "the file system",
                "%lld looked for, %lld missing", (long long)r->dvs_checked, (long long)r->dvs_missing);
    return DF_OK;
}

static df_code prove(proof *p, df_error *err)
{
    double started = df_monotonic_s();
    delta_snapshot_summary now = {0};
    df_code code = read_log(p, &now, err);
    if (code == DF_CANCELLED) return code;
    bool whole = code == DF_OK && now.has_metadata && now.has_protocol;
    double replay = df_monotonic_s() - started;
    if (!whole) {
        verdict(p, "log-readable", "The log is complete and readable", false, "reading all of it now", "%s",
                code != DF_OK && err ? err->message : "it has no protocol or no metaData action");
        return DF_OK;
    }
    verdict(p, "log-readable", "The log is complete and readable", true, "reading all of it now",
            "version %lld, %lld files, read in %.3f s", (long long)now.version, (long long)now.num_files,
            replay);
    p->report->log_version = now.version;
    p->report->files = now.num_files;
    p->report->commits_since_import = now.version - p->table.version;
    verdict(p, "covers", "The log covers everything since the import", now.version >= p->table.version,
            "versions in both", "catalog at version %lld, log at %lld", (long long)p->table.version,
            (long long)now.version);
    DF_TRY(compare_digest(p, err));
    DF_TRY(check_files(p, now.num_files, err));
    /* Reading was measured; removing rows costs about what a row's index entries cost to find
     * (docs/benchmarks.md). */
    p->report->estimate_s = replay + (double)now.num_files * 5e-6;
    return DF_OK;
}

df_code df_delta_verify_rollback(const df_delta_verify_rollback_options *options,
                                 df_delta_rollback_report *report, df_error *err)
{
    *report = (df_delta_rollback_report){.version = -1, .log_version = -1};
    proof p = {.options = options, .report = report, .arena = delta_report_memory(&report->private_memory)};
    df_error local;
    if (!err) err = &local;
    DF_TRY(delta_open_table(options->database_url, options->table_id, NULL, options->observer, p.arena,
                            &p.catalog, &p.table, err));
    report->table_id = df_arena_cstr(p.arena, p.table.table_id);
    report->location = df_arena_cstr(p.arena, p.table.location);
    report->version = p.table.version;
    df_code code = prove(&p, err);
    report->possible = code == DF_OK && !p.failed;
    delta_report_warnings(&p.defects, p.arena, &report->warnings, &report->n_warnings);
    delta_plan_release(&p.plan);
    delta_reader_close(p.reader);
    delta_log_close(p.log);
    delta_defects_release(&p.defects);
    df_buf_release(&p.path);
    delta_catalog_close(p.catalog);
    if (code != DF_OK || report->possible) return code;
    df_fail(err, DF_MISMATCH, "%s cannot go back to its log as it is", report->table_id);
    df_error_hint(err, "deltalakedb check %s names every defect of the log", report->location);
    return DF_MISMATCH;
}

void df_delta_rollback_release(df_delta_rollback_report *report)
{
    delta_report_free(&report->private_memory);
    *report = (df_delta_rollback_report){0};
}

df_code df_delta_rollback(const char *database_url, const char *table_id, const df_observer *observer,
                          int64_t *rows, df_error *err)
{
    delta_catalog *catalog;
    DF_TRY(delta_catalog_open(database_url, DELTA_CATALOG_READ, observer, &catalog, err));
    df_code code = delta_table_remove(catalog, df_str_from(table_id), rows, err);
    delta_catalog_close(catalog);
    return code;
}
