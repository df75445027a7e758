/* SPDX-License-Identifier: Apache-2.0 */
/* Every version: the catalog's totals, the backward replay, and what other writers left behind as evidence.
 */
#include "base/error.h"
#include "delta/job/validate_int.h"
#include "delta/log/crc.h"

#include <stdio.h>
#include <stdlib.h>

static df_str text_of(df_buf *buf, int64_t value)
{
    buf->len = 0;
    if (value == DELTA_ABSENT) return DF_STR_NONE;
    df_buf_int(buf, value);
    return df_buf_str(buf);
}

/* One number at one version; counts as a difference when the sides are not equal. */
static bool same_number(validation *v, int64_t version, const char *what, int64_t in_log, int64_t in_sql,
                        bool legitimate)
{
    if (in_log == in_sql) return true;
    char kind[64], where[64];
    snprintf(kind, sizeof kind, "differs in %s", what);
    snprintf(where, sizeof where, "version %lld", (long long)version);
    df_buf a = {0}, b = {0};
    delta_difference(v, kind, df_str_from(where), DF_STR(""), text_of(&a, in_log), text_of(&b, in_sql),
                     legitimate);
    df_buf_release(&a);
    df_buf_release(&b);
    return legitimate;
}

static int64_t records_of(const delta_totals *t)
{
    return t->files_without_records ? DELTA_ABSENT : t->known_records;
}

/* ---- versions ---- */

typedef struct version_check {
    validation *v;
    int64_t compared, wrong, unreachable, next;
    int64_t missing; /* versions that the log has and the catalog should have, but has not */
} version_check;

static bool same_totals(validation *v, const delta_version_row *row, const delta_totals *t, int64_t base)
{
    int64_t n = row->version;
    bool same = same_number(v, n, "num_files", t->num_files, row->num_files, false);
    same &= same_number(v, n, "size_in_bytes", t->size_in_bytes, row->size_in_bytes, false);
    same &= same_number(v, n, "num_records", records_of(t), row->num_records, false);
    same &= same_number(v, n, "deletion_vector_files", t->deletion_vector_files, row->deletion_vector_files,
                        false);
    same &= same_number(v, n, "deleted_records", t->deleted_records, row->deleted_records, false);
    /* A checkpoint drops expired tombstones, which commits and older checkpoints still list: that is no
     * drift. */
    bool expired = base != row->segment_base || row->tombstones < t->tombstones;
    same &= same_number(v, n, "tombstones", t->tombstones, row->tombstones, expired);
    if (df_hash_eq(t->digest, row->digest)) return same;
    char log[33], sql[33], where[64];
    df_hash_hex(t->digest, log);
    df_hash_hex(row->digest, sql);
    snprintf(where, sizeof where, "version %lld", (long long)n);
    delta_difference(v, "differs in state_digest", df_str_from(where), DF_STR(""), df_str_from(log),
                     df_str_from(sql), false);
    return false;
}

static df_code check_row(void *context, const delta_version_row *row, df_error *err)
{
    version_check *c = context;
    int64_t base;
    const delta_totals *t = delta_proved(c->v, row->version, &base);
    if (!t) {
        c->unreachable++;
        return DF_OK;
    }
    c->compared++;
    if (!same_totals(c->v, row, t, base)) c->wrong++;
    return DF_OK;
}

/* Versions that the log reconstructs at or behind the catalog's first. */
static int64_t expected_versions(const validation *v)
{
    int64_t expected = 0;
    for (size_t i = 0; i < v->n_segments; i++) {
        int64_t first = v->segments[i].first, last = v->segments[i].segment.last;
        if (first < v->table.first_version) first = v->table.first_version;
        if (last > v->table.version) last = v->table.version;
        if (last >= first) expected += last - first + 1;
    }
    return expected;
}

df_code delta_check_versions(validation *v, df_error *err)
{
    version_check c = {.v = v};
    DF_TRY(delta_versions_each(v->catalog, &v->table, 0, check_row, &c, err));
    v->report->versions_compared = c.compared;
    int64_t expected = expected_versions(v);
    c.missing = expected > c.compared ? expected - c.compared : 0;
    const char *title = "State at every version";
    const char *evidence = "backward replay of the log";
    if (c.wrong || c.missing)
        delta_verdict(v, "versions", title, "mismatch", evidence,
                      "%lld compared: %lld differ, %lld are missing in SQL", (long long)c.compared,
                      (long long)c.wrong, (long long)c.missing);
    else if (!c.compared)
        delta_verdict(v, "versions", title, "unknown", evidence,
                      "the log no longer reaches any of the %lld versions in the catalog",
                      (long long)c.unreachable);
    else if (c.unreachable)
        delta_verdict(
            v, "versions", title, "match", evidence,
            "%lld compared; %lld older ones are in the catalog alone, the log no longer reaches them",
            (long long)c.compared, (long long)c.unreachable);
    else
        delta_verdict(v, "versions", title, "match", evidence,
                      "%lld of %lld: files, bytes, records, deletion vectors, digest", (long long)c.compared,
                      (long long)expected);
    return DF_OK;
}

/* ---- version checksums ---- */

/* 1: agrees, 0: differs, -1: cannot be read. */
static int checksum_agrees(validation *v, const delta_log_file *file, const delta_totals *t)
{
    df_arena scratch = {0};
    df_buf why = {0};
    delta_crc crc;
    int result = -1;
    if (delta_crc_read(v->reader, file, &scratch, &crc, NULL) == DF_OK) {
        delta_snapshot_summary state = delta_totals_summary(t, file->version);
        result = delta_crc_agrees(&crc, &state, &why);
        if (!result) {
            df_buf where = {0};
            df_buf_printf(&where, "version %lld", (long long)file->version);
            delta_difference(v, "differs from its .crc", df_buf_str(&where), DF_STR(""), df_buf_str(&why),
                             DF_STR_NONE, false);
            df_buf_release(&where);
        }
    }
    df_buf_release(&why);
    df_arena_release(&scratch);
    return result;
}

df_code delta_check_checksums(validation *v, df_error *err)
{
    int64_t agree = 0, differ = 0, bad = 0, unreachable = 0;
    for (size_t i = 0; i < v->log->crcs.count; i++) {
        const delta_log_file *file = &v->log->crcs.items[i];
        if (file->version > v->table.version) continue;
        const delta_totals *t = delta_proved(v, file->version, NULL);
        int result = t ? checksum_agrees(v, file, t) : -1;
        agree += result > 0;
        differ += result == 0;
        bad += t && result < 0;
        unreachable += !t;
        DF_TRY(df_check_cancelled(v->options->observer, err));
    }
    const char *title = "Version checksum files",
               *evidence = ".crc files, written by the table's own writers";
    if (differ)
        delta_verdict(v, "checksums", title, "mismatch", evidence, "%lld agree, %lld differ",
                      (long long)agree, (long long)differ);
    else if (agree)
        delta_verdict(v, "checksums", title, "match", evidence, "%lld agree%s", (long long)agree,
                      bad ? "; damaged ones are listed as warnings" : "");
    else
        delta_verdict(v, "checksums", title, "skipped", evidence, "%s",
                      bad           ? "all are damaged"
                      : unreachable ? "none at a version that can be reconstructed"
                                    : "there are none");
    return DF_OK;
}

/* ---- checkpoints ---- */

/* The base of a segment is what its versions stand on: it cannot also be their witness. */
static bool is_base(const validation *v, int checkpoint)
{
    for (size_t i = 0; i < v->n_segments; i++)
        if (v->segments[i].segment.checkpoint == checkpoint) return true;
    return false;
}

df_code delta_check_checkpoints(validation *v, df_error *err)
{
    int64_t agree = 0, differ = 0, bad = 0, alone = 0;
    for (size_t i = 0; i < v->log->n_checkpoints; i++) {
        delta_checkpoint *checkpoint = &v->log->checkpoints[i];
        if (checkpoint->version > v->table.version) continue;
        const delta_totals *t = delta_proved(v, checkpoint->version, NULL);
        if (!checkpoint->complete || checkpoint->bad)
            bad++;
        else if (!t || is_base(v, (int)i))
            alone++;
        else {
            delta_snapshot_summary s;
            df_code code = delta_snapshot(v->reader, v->log, (int)i, checkpoint->version, DELTA_WANT_FILES,
                                          (delta_sink){0}, &s, err);
            if (code == DF_CANCELLED) return code;
            if (code != DF_OK)
                bad++;
            else if (df_hash_eq(s.digest, t->digest) && s.num_files == t->num_files)
                agree++;
            else {
                differ++;
                same_number(v, checkpoint->version, "files of its checkpoint", s.num_files, t->num_files,
                            false);
                delta_defects_add(&v->defects, DELTA_DEFECT_CHECKPOINT_DIFFERS,
                                  checkpoint->parts.items[0].name, 0,
                                  "has %lld files, the commits give %lld, and the digests differ",
                                  (long long)s.num_files, (long long)t->num_files)
                    ->version = checkpoint->version;
            }
        }
        DF_TRY(df_check_cancelled(v->options->observer, err));
    }
    const char *title = "Checkpoints against commits",
               *evidence = "checkpoint files, written by the table's own writers";
    if (differ)
        delta_verdict(v, "checkpoints", title, "mismatch", evidence, "%lld agree, %lld differ",
                      (long long)agree, (long long)differ);
    else if (agree)
        delta_verdict(v, "checkpoints", title, "match", evidence, "%lld agree%s", (long long)agree,
                      bad ? "; damaged ones are listed as warnings" : "");
    else
        delta_verdict(v, "checkpoints", title, "skipped", evidence, "%s",
                      bad     ? "none can be read"
                      : alone ? "the commits before them are gone"
                              : "there are none");
    return DF_OK;
}

/* ---- compaction files ---- */

/* The net effect of a run of commits: what its newest mentions come to. */
typedef struct net_effect {
    df_keymap seen;
    df_hash128 adds, removes;
    int64_t n_adds, n_removes;
} net_effect;

static df_code take_net(void *context, const delta_action *action, df_error *err)
{
    net_effect *n = context;
    if (action->kind != DELTA_ADD && action->kind != DELTA_REMOVE) return DF_OK;
    bool added;
    df_keymap_put(&n->seen, action->file.key, &added);
    if (!added) return DF_OK;
    if (action->kind == DELTA_ADD) {
        n->adds = df_hash_add(n->adds, delta_file_digest(&action->file));
        n->n_adds++;
    } else {
        n->removes = df_hash_add(n->removes, action->file.key);
        n->n_removes++;
    }
    return DF_OK;
}

static df_code net_of_commits(validation *v, const delta_log_file *compaction, net_effect *n, df_error *err)
{
    for (int64_t version = compaction->version; version >= compaction->from; version--) {
        const delta_log_file *commit = delta_log_commit(v->log, version);
        if (!commit) return df_fail(err, DF_NOT_FOUND, "commit %lld is gone", (long long)version);
        DF_TRY(delta_read_commit(v->reader, commit, (delta_sink){n, take_net}, err));
    }
    return DF_OK;
}

static bool same_net(const net_effect *a, const net_effect *b)
{
    return a->n_adds == b->n_adds && a->n_removes == b->n_removes && df_hash_eq(a->adds, b->adds) &&
           df_hash_eq(a->removes, b->removes);
}

df_code delta_check_compactions(validation *v, df_error *err)
{
    int64_t agree = 0, differ = 0, skipped = 0;
    for (size_t i = 0; i < v->log->compactions.count; i++) {
        const delta_log_file *file = &v->log->compactions.items[i];
        net_effect commits = {0}, compacted = {0};
        if (file->version > v->table.version || net_of_commits(v, file, &commits, NULL) != DF_OK) {
            skipped++;
        } else if (delta_read_commit(v->reader, file, (delta_sink){&compacted, take_net}, NULL) != DF_OK) {
            skipped++;
            delta_defects_add(&v->defects, DELTA_DEFECT_BAD_COMPACTION, file->name, 0, "cannot be read")
                ->fallback = "the commits that it stands for are read";
        } else if (same_net(&commits, &compacted)) {
            agree++;
        } else {
            differ++;
            delta_defects_add(&v->defects, DELTA_DEFECT_COMPACTION_DIFFERS, file->name, 0,
                              "gives %lld adds and %lld removes, its commits %lld and %lld",
                              (long long)compacted.n_adds, (long long)compacted.n_removes,
                              (long long)commits.n_adds, (long long)commits.n_removes)
                ->fallback = "the commits are read";
        }
        df_keymap_release(&commits.seen);
        df_keymap_release(&compacted.seen);
        DF_TRY(df_check_cancelled(v->options->observer, err));
    }
    const char *title = "Log compaction files",
               *evidence = "compaction files, written by the table's own writers";
    if (differ)
        delta_verdict(v, "compactions", title, "mismatch", evidence, "%lld agree, %lld differ",
                      (long long)agree, (long long)differ);
    else if (agree)
        delta_verdict(v, "compactions", title, "match", evidence, "%lld agree with their commits",
                      (long long)agree);
    else
        delta_verdict(v, "compactions", title, "skipped", evidence, "%s",
                      skipped ? "none can be compared" : "there are none");
    return DF_OK;
}
