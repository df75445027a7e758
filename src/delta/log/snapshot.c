/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backward replay: from the newest commit to the base, the first mention of a key decides. Only the keys
 * that commits mention are remembered; the checkpoint at the base is streamed last, whatever its size.
 */
#include "base/error.h"
#include "delta/log/backward.h"

#include <stdlib.h>

typedef struct replay {
    delta_reader *reader;
    unsigned want;
    delta_sink sink;
    delta_snapshot_summary sum;
    bool in_checkpoint;
    df_keymap files, txns, domains; /* keys that are decided */
    df_arena arena;                 /* what is kept until the end */
    delta_metadata metadata;
    delta_protocol protocol;
    delta_txn *kept_txns;
    size_t n_txns, txns_cap;
    delta_domain *kept_domains;
    size_t n_domains, domains_cap;
} replay;

/* A hostile log may claim any sizes; a sum that does not fit stays at the end of its range. */
static void add_up(int64_t *sum, int64_t value)
{
    if (__builtin_add_overflow(*sum, value, sum)) *sum = value < 0 ? INT64_MIN + 1 : INT64_MAX;
}

static df_code give(replay *r, const delta_action *action, df_error *err)
{
    if (!r->sink.take) return DF_OK;
    df_code code = r->sink.take(r->sink.context, action, err);
    r->reader->sink_failed = code != DF_OK;
    return code;
}

/* Whether this is the first mention of a file. The checkpoint comes last and mentions each file once. */
static bool decides(replay *r, df_hash128 key)
{
    bool added;
    if (r->in_checkpoint) return !df_keymap_get(&r->files, key);
    df_keymap_put(&r->files, key, &added);
    return added;
}

static void count_live(replay *r, const delta_file *file)
{
    delta_snapshot_summary *sum = &r->sum;
    sum->num_files++;
    if (file->size != DELTA_ABSENT) add_up(&sum->size_in_bytes, file->size);
    if (file->num_records == DELTA_ABSENT)
        sum->num_records = DELTA_ABSENT;
    else if (sum->num_records != DELTA_ABSENT)
        add_up(&sum->num_records, file->num_records);
    sum->deletion_vector_files += file->dv_id.len > 0;
    add_up(&sum->deleted_records, file->dv_cardinality);
    sum->digest = df_hash_add(sum->digest, delta_file_digest(file));
}

static df_code take_file(replay *r, const delta_action *action, df_error *err)
{
    r->sum.actions++;
    if (!decides(r, action->file.key)) return DF_OK;
    if (action->kind == DELTA_ADD) {
        count_live(r, &action->file);
        return r->want & DELTA_WANT_FILES ? give(r, action, err) : DF_OK;
    }
    r->sum.tombstones++;
    return r->want & DELTA_WANT_TOMBSTONES ? give(r, action, err) : DF_OK;
}

static void keep_metadata(replay *r, const delta_metadata *m)
{
    if (r->sum.has_metadata) return;
    r->sum.has_metadata = true;
    r->metadata = delta_metadata_copy(&r->arena, m);
}

static void keep_protocol(replay *r, const delta_protocol *p)
{
    if (r->sum.has_protocol) return;
    r->sum.has_protocol = true;
    r->protocol = delta_protocol_copy(&r->arena, p);
}

static void keep_txn(replay *r, const delta_txn *txn)
{
    bool added;
    df_keymap_put(&r->txns, df_hash(txn->app_id.ptr, txn->app_id.len), &added);
    if (!added) return;
    delta_txn kept = *txn;
    kept.app_id = df_arena_str(&r->arena, txn->app_id);
    DF_PUSH(r->kept_txns, r->n_txns, r->txns_cap) = kept;
}

static void keep_domain(replay *r, const delta_domain *domain)
{
    bool added;
    df_keymap_put(&r->domains, df_hash(domain->domain.ptr, domain->domain.len), &added);
    if (!added || domain->removed) return;
    delta_domain kept = {.domain = df_arena_str(&r->arena, domain->domain),
                         .configuration = df_arena_str(&r->arena, domain->configuration)};
    DF_PUSH(r->kept_domains, r->n_domains, r->domains_cap) = kept;
}

static df_code take(void *context, const delta_action *action, df_error *err)
{
    replay *r = context;
    switch (action->kind) {
    case DELTA_ADD:
    case DELTA_REMOVE: return take_file(r, action, err);
    case DELTA_METADATA: keep_metadata(r, &action->metadata); break;
    case DELTA_PROTOCOL: keep_protocol(r, &action->protocol); break;
    case DELTA_TXN: keep_txn(r, &action->txn); break;
    case DELTA_DOMAIN: keep_domain(r, &action->domain); break;
    case DELTA_CDC:
    case DELTA_COMMIT_INFO:
    case DELTA_CHECKPOINT_METADATA:
    case DELTA_SIDECAR:
    case DELTA_UNKNOWN: break;
    }
    return DF_OK;
}

static df_code give_rest(replay *r, df_error *err)
{
    if (!(r->want & DELTA_WANT_REST)) return DF_OK;
    if (r->sum.has_protocol)
        DF_TRY(give(r, &(delta_action){.kind = DELTA_PROTOCOL, .protocol = r->protocol}, err));
    if (r->sum.has_metadata)
        DF_TRY(give(r, &(delta_action){.kind = DELTA_METADATA, .metadata = r->metadata}, err));
    for (size_t i = 0; i < r->n_txns; i++)
        DF_TRY(give(r, &(delta_action){.kind = DELTA_TXN, .txn = r->kept_txns[i]}, err));
    for (size_t i = 0; i < r->n_domains; i++)
        DF_TRY(give(r, &(delta_action){.kind = DELTA_DOMAIN, .domain = r->kept_domains[i]}, err));
    return DF_OK;
}

static df_code read_commit(replay *r, const delta_log_file *commit, df_error *err)
{
    delta_source source = {.name = commit->name, .version = commit->version};
    delta_sink sink = {.context = r, .take = take};
    df_file *file;
    df_code code = df_file_open(delta_reader_path(r->reader, commit->name), &file, err);
    if (code == DF_OK) {
        code = delta_read_backward(r->reader, &source, &file->input, &sink, err);
        df_file_close(file);
    }
    return code == DF_OK ? code : delta_bad_commit(r->reader, &source, code, err);
}

/* The compaction file that ends at `version`, reaches back furthest, and not beyond the base. */
static const delta_log_file *compaction_ending(const delta_log *log, int64_t version, int64_t base)
{
    for (size_t i = 0; i < log->compactions.count; i++) {
        const delta_log_file *c = &log->compactions.items[i];
        if (c->version > version) break;
        if (c->version == version && c->from > base) return c;
    }
    return NULL;
}

static df_code read_commits(replay *r, const delta_log *log, int64_t base, df_error *err)
{
    delta_sink sink = {.context = r, .take = take};
    for (int64_t version = r->sum.version; version > base;) {
        const delta_log_file *compaction =
            r->want & DELTA_USE_COMPACTIONS ? compaction_ending(log, version, base) : NULL;
        if (compaction) {
            DF_TRY(delta_read_compaction(r->reader, compaction, sink, err));
            version = compaction->from - 1;
            continue;
        }
        const delta_log_file *commit = delta_log_commit(log, version);
        if (!commit) return df_fail(err, DF_CORRUPT, "missing commit %lld", (long long)version);
        DF_TRY(read_commit(r, commit, err));
        version--;
    }
    return DF_OK;
}

static df_code replay_all(replay *r, delta_log *log, int base, df_error *err)
{
    int64_t base_version = base < 0 ? -1 : log->checkpoints[base].version;
    DF_TRY(read_commits(r, log, base_version, err));
    if (base >= 0) {
        delta_sink sink = {.context = r, .take = take};
        r->in_checkpoint = true;
        DF_TRY(delta_read_checkpoint(r->reader, &log->checkpoints[base],
                                     r->want | DELTA_WANT_FILES | DELTA_WANT_REST, sink, err));
    }
    return give_rest(r, err);
}

df_code delta_snapshot(delta_reader *reader, delta_log *log, int base, int64_t version, unsigned want,
                       delta_sink sink, delta_snapshot_summary *out, df_error *err)
{
    df_error own;
    replay r = {.reader = reader, .want = want, .sink = sink, .sum.version = version};
    reader->sink_failed = false;
    /* In a large log most look-ups miss the processor's caches: they are announced ahead. */
    reader->scratch.to_be_asked = &r.files;
    df_code code = replay_all(&r, log, base, err ? err : &own);
    reader->scratch.to_be_asked = NULL;
    if (code == DF_OK) *out = r.sum;
    df_keymap_release(&r.files);
    df_keymap_release(&r.txns);
    df_keymap_release(&r.domains);
    df_arena_release(&r.arena);
    free(r.kept_txns);
    free(r.kept_domains);
    return code;
}
