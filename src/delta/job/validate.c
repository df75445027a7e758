/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `validate`: evidence that does not come from the importer. The log is replayed backwards, at every version;
 * every version checksum, checkpoint and compaction file that some other writer left is asked as well.
 */
#include "delta/job/validate_int.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void delta_verdict(validation *v, const char *name, const char *title, const char *result,
                   const char *evidence, const char *fmt, ...)
{
    char detail[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    v->mismatch |= strcmp(result, "mismatch") == 0;
    v->unknown |= strcmp(result, "unknown") == 0;
    delta_report_check(v->arena, &v->report->checks, &v->report->n_checks, name, title, result, evidence,
                       "%s", detail);
}

static int64_t most_differences(const validation *v)
{
    if (v->options->max_differences == 0) return 20;
    return v->options->max_differences < 0 ? INT64_MAX : v->options->max_differences;
}

void delta_difference(validation *v, const char *kind, df_str path, df_str dv_id, df_str in_log,
                      df_str in_sql, bool legitimate)
{
    df_delta_validate_report *r = v->report;
    r->differences_total++;
    if ((int64_t)r->n_differences >= most_differences(v)) return;
    if (r->n_differences == v->differences_cap) {
        size_t cap = v->differences_cap ? v->differences_cap * 2 : 16;
        df_delta_difference *grown = df_arena_alloc(v->arena, cap * sizeof *grown);
        if (r->n_differences) memcpy(grown, r->differences, r->n_differences * sizeof *grown);
        r->differences = grown;
        v->differences_cap = cap;
    }
    r->differences[r->n_differences++] = (df_delta_difference){
        .kind = df_arena_cstr(v->arena, df_str_from(kind)),
        .path = df_arena_cstr(v->arena, path),
        .dv_id = df_arena_cstr(v->arena, dv_id),
        .in_log = in_log.ptr ? df_arena_cstr(v->arena, in_log) : NULL,
        .in_sql = in_sql.ptr ? df_arena_cstr(v->arena, in_sql) : NULL,
        .legitimate = legitimate,
    };
}

const delta_totals *delta_proved(const validation *v, int64_t version, int64_t *base)
{
    for (size_t i = 0; i < v->n_segments; i++) {
        const proved_segment *s = &v->segments[i];
        if (version < s->first || version > s->segment.last) continue;
        if (base) *base = s->first;
        return &s->totals[version - s->first];
    }
    return NULL;
}

static void forget_segments(validation *v)
{
    for (size_t i = 0; i < v->n_segments; i++) free(v->segments[i].totals);
    free(v->segments);
    v->segments = NULL;
    v->n_segments = 0;
}

static df_code prove_plan(validation *v, const delta_plan *plan, df_error *err)
{
    v->segments = df_zalloc((plan->count + 1) * sizeof *v->segments);
    for (size_t i = 0; i < plan->count; i++) {
        proved_segment *s = &v->segments[i];
        s->segment = plan->segments[i];
        DF_TRY(delta_backward_totals(v->reader, v->log, &s->segment, &s->first, &s->totals, err));
        v->n_segments++;
    }
    return DF_OK;
}

/*
 * A catalog that begins with a checkpoint is held against the same beginning where that is still there: an
 * older one may know more (statistics, tombstones) than the checkpoint has kept.
 */
static void prefer_same_base(const validation *v, delta_plan *plan)
{
    int64_t base = v->table.base_checkpoint;
    if (base < 0 || base != v->table.first_version) return;
    for (size_t i = 0; i < v->log->n_checkpoints; i++) {
        const delta_checkpoint *c = &v->log->checkpoints[i];
        if (c->version != base || !c->complete || c->bad) continue;
        for (int64_t version = base + 1; version <= v->table.version; version++)
            if (!delta_log_commit(v->log, version)) return;
        plan->segments[0] =
            (delta_segment){.checkpoint = (int)i, .base_version = base, .last = v->table.version};
        plan->count = 1;
        return;
    }
}

/* Damaged checkpoints are found while reading; then the plan is made again without them. */
static df_code prove_log(validation *v, df_error *err)
{
    for (size_t tries = 0; tries <= v->log->n_checkpoints; tries++) {
        delta_plan plan = {0};
        delta_plan_options options = {.up_to = v->table.version};
        DF_TRY(delta_log_plan(v->log, &options, NULL, 0, &plan, &v->defects, err));
        prefer_same_base(v, &plan);
        df_code code = prove_plan(v, &plan, err);
        delta_plan_release(&plan);
        if (code == DF_OK) return DF_OK;
        bool checkpoint_failed = false;
        if (v->segments) {
            int at = v->segments[v->n_segments].segment.checkpoint;
            checkpoint_failed = at >= 0 && v->log->checkpoints[at].bad;
        }
        forget_segments(v);
        if (!checkpoint_failed) return code;
    }
    return df_fail(err, DF_CORRUPT, "no checkpoint of %s can be read", v->log->location);
}

static df_code check_everything(validation *v, df_error *err)
{
    const proved_segment *newest = &v->segments[v->n_segments - 1];
    v->same_base = newest->segment.base_version == v->table.base_checkpoint;
    DF_TRY(delta_check_versions(v, err));
    DF_TRY(delta_check_files(v, err));
    DF_TRY(delta_check_state(v, err));
    DF_TRY(delta_check_checksums(v, err));
    DF_TRY(delta_check_checkpoints(v, err));
    return delta_check_compactions(v, err);
}

/* The log cannot be read as far as the catalog goes: nothing is proved, and that is said. */
static df_code could_not_tell(validation *v, df_code code, df_error *err)
{
    if (code == DF_CANCELLED || code == DF_CONNECT) return code;
    delta_verdict(v, "log-readable", "The log can be read", "unknown", "the log itself", "%s",
                  err ? err->message : df_code_text(code));
    v->report->result = "unknown";
    if (err) {
        err->code = DF_UNKNOWN;
        df_error_prefix(err, "could not tell whether %.*s equals its log", DF_FMT(v->table.table_id));
    }
    return DF_UNKNOWN;
}

static df_code run(validation *v, df_error *err)
{
    const char *path = delta_location_path(v->table.location, v->arena);
    df_code code = delta_log_open(path, &v->log, &v->defects, err);
    if (code != DF_OK) return could_not_tell(v, code, err);
    v->report->log_version = delta_log_newest(v->log);
    v->reader = delta_reader_open(v->log, &v->defects, v->options->observer);
    code = prove_log(v, err);
    if (code != DF_OK) return could_not_tell(v, code, err);
    DF_TRY(check_everything(v, err));
    v->report->result = v->mismatch ? "mismatch" : v->unknown ? "unknown" : "match";
    if (v->mismatch)
        return df_fail(err, DF_MISMATCH, "%.*s: catalog and log differ", DF_FMT(v->table.table_id));
    if (v->unknown)
        return df_fail(err, DF_UNKNOWN, "%.*s: not everything could be compared", DF_FMT(v->table.table_id));
    return DF_OK;
}

df_code df_delta_validate(const df_delta_validate_options *options, df_delta_validate_report *report,
                          df_error *err)
{
    double started = df_monotonic_s();
    *report = (df_delta_validate_report){.result = "unknown", .version = -1, .log_version = -1};
    validation v = {
        .options = options, .report = report, .arena = delta_report_memory(&report->private_memory)};
    df_error local;
    if (!err) err = &local;
    DF_TRY(delta_open_table(options->database_url, options->table_id, options->path, options->observer,
                            v.arena, &v.catalog, &v.table, err));
    report->table_id = df_arena_cstr(v.arena, v.table.table_id);
    report->location = df_arena_cstr(v.arena, v.table.location);
    report->version = v.table.version;
    df_code code;
    if (v.table.version < 0) {
        code = df_fail(err, DF_UNKNOWN, "%s has no visible version yet: its import did not finish",
                       report->table_id);
        df_error_hint(err, "deltalakedb import %s --resume", report->location);
    } else {
        code = run(&v, err);
    }
    delta_report_warnings(&v.defects, v.arena, &report->warnings, &report->n_warnings);
    report->duration_s = df_monotonic_s() - started;
    forget_segments(&v);
    delta_reader_close(v.reader);
    delta_log_close(v.log);
    delta_defects_release(&v.defects);
    delta_catalog_close(v.catalog);
    return code;
}

void df_delta_validate_release(df_delta_validate_report *report)
{
    delta_report_free(&report->private_memory);
    *report = (df_delta_validate_report){0};
}
