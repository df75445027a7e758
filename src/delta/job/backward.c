/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state at every version, computed backwards. The importer goes forwards and keeps a state; here there is
 * none: an add at version v lives until the next mention of its key, and going from the newest commit to the
 * oldest, that next mention has just been seen. Each interval adds its file's share at its first version and
 * takes it away at its end; sums over the versions then give each version's totals.
 */
#include "base/error.h"
#include "delta/job/job.h"

#include <stdlib.h>

/* A file action, reduced to what the totals need. */
typedef struct mention {
    df_hash128 key, digest;
    int64_t size, records,
        deleted; /* records: DELTA_ABSENT when unknown; deleted: rows, -1 without a deletion vector */
    bool add;
} mention;

typedef struct backward {
    int64_t first, last;
    delta_totals *changes;  /* by version - first; one more at the end for what never ends */
    df_keymap next_mention; /* key → version of the mention after the one being read */
    mention *mentions;      /* of the version being read */
    size_t count, cap;
    const df_observer *observer;
} backward;

static df_code collect(void *context, const delta_action *action, df_error *err)
{
    backward *b = context;
    if (action->kind != DELTA_ADD && action->kind != DELTA_REMOVE) return DF_OK;
    const delta_file *f = &action->file;
    bool add = action->kind == DELTA_ADD;
    mention m = {.key = f->key, .add = add};
    if (add) {
        m.digest = delta_file_digest(f);
        m.size = f->size;
        m.records = f->num_records;
        m.deleted = f->dv_id.len ? f->dv_cardinality : -1;
    }
    DF_PUSH(b->mentions, b->count, b->cap) = m;
    return b->count % 65536 ? DF_OK : df_check_cancelled(b->observer, err);
}

static void change(delta_totals *t, const mention *m, int64_t sign)
{
    if (!m->add) {
        t->tombstones += sign;
        return;
    }
    t->num_files += sign;
    t->size_in_bytes += sign * (m->size == DELTA_ABSENT ? 0 : m->size);
    if (m->records == DELTA_ABSENT)
        t->files_without_records += sign;
    else
        t->known_records += sign * m->records;
    if (m->deleted >= 0) {
        t->deletion_vector_files += sign;
        t->deleted_records += sign * m->deleted;
    }
    t->digest = sign > 0 ? df_hash_add(t->digest, m->digest) : df_hash_sub(t->digest, m->digest);
}

static void take_mention(backward *b, const mention *m, int64_t version, bool is_base)
{
    bool added;
    int64_t end = b->last + 1;
    int64_t *next;
    if (is_base) {
        /* Nothing is older than the base: its keys need no place in the map, which may be large. */
        next = df_keymap_get(&b->next_mention, m->key);
        if (next) end = *next;
    } else {
        next = df_keymap_put(&b->next_mention, m->key, &added);
        /* Mentioned again later in the same commit: that later mention decides. */
        if (!added && *next == version) return;
        if (!added) end = *next;
        *next = version;
    }
    change(&b->changes[version - b->first], m, 1);
    change(&b->changes[end - b->first], m, -1);
}

static void take_version(backward *b, int64_t version)
{
    for (size_t i = b->count; i-- > 0;) take_mention(b, &b->mentions[i], version, false);
    b->count = 0;
}

static df_code take_base(void *context, const delta_action *action, df_error *err)
{
    backward *b = context;
    DF_TRY(collect(b, action, err));
    if (b->count) take_mention(b, &b->mentions[0], b->first, true);
    b->count = 0;
    return DF_OK;
}

static void sum_up(backward *b)
{
    delta_totals *t = b->changes;
    for (int64_t i = 1; i <= b->last - b->first; i++) {
        t[i].num_files += t[i - 1].num_files;
        t[i].size_in_bytes += t[i - 1].size_in_bytes;
        t[i].known_records += t[i - 1].known_records;
        t[i].files_without_records += t[i - 1].files_without_records;
        t[i].deletion_vector_files += t[i - 1].deletion_vector_files;
        t[i].deleted_records += t[i - 1].deleted_records;
        t[i].tombstones += t[i - 1].tombstones;
        t[i].digest = df_hash_add(t[i].digest, t[i - 1].digest);
    }
}

delta_snapshot_summary delta_totals_summary(const delta_totals *t, int64_t version)
{
    return (delta_snapshot_summary){
        .version = version,
        .num_files = t->num_files,
        .size_in_bytes = t->size_in_bytes,
        .num_records = t->files_without_records ? DELTA_ABSENT : t->known_records,
        .deletion_vector_files = t->deletion_vector_files,
        .deleted_records = t->deleted_records,
        .tombstones = t->tombstones,
        .digest = t->digest,
        .has_protocol = true, /* of a segment that was planned */
        .has_metadata = true,
    };
}

static df_code read_all(backward *b, delta_reader *reader, delta_log *log, const delta_segment *segment,
                        df_error *err)
{
    for (int64_t v = segment->last; v > segment->base_version; v--) {
        const delta_log_file *commit = delta_log_commit(log, v);
        if (!commit) return df_fail(err, DF_CORRUPT, "commit %lld is missing", (long long)v);
        DF_TRY(delta_read_commit(reader, commit, (delta_sink){b, collect}, err));
        take_version(b, v);
    }
    if (segment->checkpoint < 0) return DF_OK;
    return delta_read_checkpoint(reader, &log->checkpoints[segment->checkpoint],
                                 DELTA_WANT_FILES | DELTA_WANT_STATS | DELTA_WANT_TOMBSTONES,
                                 (delta_sink){b, take_base}, err);
}

df_code delta_backward_totals(delta_reader *reader, delta_log *log, const delta_segment *segment,
                              int64_t *first, delta_totals **totals, df_error *err)
{
    *first = segment->checkpoint >= 0 ? segment->base_version : 0;
    backward b = {.first = *first, .last = segment->last};
    b.changes = df_zalloc((size_t)(b.last - b.first + 2) * sizeof *b.changes);
    df_code code = read_all(&b, reader, log, segment, err);
    if (code == DF_OK) sum_up(&b);
    df_keymap_release(&b.next_mention);
    free(b.mentions);
    if (code == DF_OK)
        *totals = b.changes;
    else
        free(b.changes);
    return code;
}
