/* SPDX-License-Identifier: Apache-2.0 */
/* The newest state, file by file: what is missing on which side, and which fields differ. */
#include "base/error.h"
#include "delta/job/validate_int.h"

#include <stdio.h>
#include <stdlib.h>

/* The fields that are compared, each as text. */
typedef enum field {
    FIELD_SIZE,
    FIELD_MODIFICATION_TIME,
    FIELD_PARTITION_VALUES,
    FIELD_NUM_RECORDS,
    FIELD_DELETION_VECTOR,
    FIELD_BASE_ROW_ID,
    FIELD_ROW_COMMIT_VERSION,
    FIELD_CLUSTERING_PROVIDER,
    FIELD_TAGS,  /* from here on only when both sides stand on the same base: */
    FIELD_STATS, /* a checkpoint may write these anew */
    FIELD_COUNT,
} field;

static const char *const field_names[FIELD_COUNT] = {
    "size",        "modification_time",          "partition_values",    "num_records", "deletion_vector",
    "base_row_id", "default_row_commit_version", "clustering_provider", "tags",        "stats",
};

static void put_int(df_buf *out, int64_t value)
{
    if (value != DELTA_ABSENT) df_buf_int(out, value);
}

/* false: the file has no such field. */
static bool put_field(const delta_file *f, field which, df_buf *out)
{
    int64_t number = DELTA_ABSENT;
    df_str text = DF_STR_NONE;
    switch (which) {
    case FIELD_SIZE: number = f->size; break;
    case FIELD_MODIFICATION_TIME: number = f->modification_time; break;
    case FIELD_NUM_RECORDS: number = f->num_records; break;
    case FIELD_BASE_ROW_ID: number = f->base_row_id; break;
    case FIELD_ROW_COMMIT_VERSION: number = f->default_row_commit_version; break;
    case FIELD_PARTITION_VALUES:
        /* Old checkpoints leave the map out where it would be empty. */
        text = df_str_is(f->partition_values, "{}") ? DF_STR_NONE : f->partition_values;
        break;
    case FIELD_DELETION_VECTOR: text = f->deletion_vector; break;
    case FIELD_CLUSTERING_PROVIDER: text = f->clustering_provider; break;
    case FIELD_TAGS: text = f->tags; break;
    case FIELD_STATS: text = f->stats; break;
    case FIELD_COUNT: break;
    }
    put_int(out, number);
    df_buf_str_add(out, text);
    return number != DELTA_ABSENT || text.ptr;
}

static field fields_compared(const validation *v)
{
    return v->same_base ? FIELD_COUNT : FIELD_TAGS;
}

typedef struct comparison {
    validation *v;
    df_keymap
        files; /* key → hash of the fields, of the log's live files; taken out when the catalog has it too */
    df_keymap wrong; /* keys that are to be shown, → position in `shown` */
    df_buf scratch;
    int64_t in_log, in_sql, missing_in_sql, not_in_log, differing, duplicates;

    df_arena arena;
    delta_file *shown; /* the log's side of the wrong ones */
    size_t n_shown, shown_cap;

    delta_log_snapshot *snapshot; /* file_based_snapshot being filled */
} comparison;

static int64_t fields_hash(comparison *c, const delta_file *f)
{
    c->scratch.len = 0;
    field end = fields_compared(c->v);
    for (field i = 0; i < end; i++) {
        df_buf_char(&c->scratch, (char)put_field(f, i, &c->scratch));
        df_buf_char(&c->scratch, '\0');
    }
    return (int64_t)df_hash(c->scratch.ptr, c->scratch.len).low;
}

static df_code take_from_log(void *context, const delta_action *action, df_error *err)
{
    comparison *c = context;
    if (action->kind != DELTA_ADD) return DF_OK;
    c->in_log++;
    *df_keymap_put(&c->files, action->file.key, NULL) = fields_hash(c, &action->file);
    if (c->in_log % 65536 == 0) DF_TRY(df_check_cancelled(c->v->options->observer, err));
    return delta_log_snapshot_add(c->snapshot, &action->file, err);
}

static df_code take_from_sql(void *context, const delta_file *file, int64_t version, df_error *err)
{
    comparison *c = context;
    validation *v = c->v;
    c->in_sql++;
    int64_t *hash = df_keymap_get(&c->files, file->key);
    if (!hash) {
        /* A second row of a file that was already taken out counts here too. */
        c->not_in_log++;
        df_buf where = {0};
        df_buf_printf(&where, "version %lld", (long long)version);
        delta_difference(v, "not in the log", file->path, file->dv_id, DF_STR_NONE, df_buf_str(&where),
                         false);
        df_buf_release(&where);
        return DF_OK;
    }
    if (*hash != fields_hash(c, file)) {
        c->differing++;
        *df_keymap_put(&c->wrong, file->key, NULL) = -1;
    }
    df_keymap_remove(&c->files, file->key);
    return df_check_cancelled(v->options->observer, err);
}

/* ---- the second pass, only over what is wrong ---- */

static delta_file copy_file(df_arena *arena, const delta_file *f)
{
    delta_file copy = *f;
    copy.path = df_arena_str(arena, f->path);
    copy.dv_id = df_arena_str(arena, f->dv_id);
    copy.partition_values = df_arena_str(arena, f->partition_values);
    copy.deletion_vector = df_arena_str(arena, f->deletion_vector);
    copy.clustering_provider = df_arena_str(arena, f->clustering_provider);
    copy.tags = df_arena_str(arena, f->tags);
    copy.stats = df_arena_str(arena, f->stats);
    return copy;
}

static df_code show_from_log(void *context, const delta_action *action, df_error *err)
{
    comparison *c = context;
    if (action->kind != DELTA_ADD) return DF_OK;
    const delta_file *f = &action->file;
    if (df_keymap_get(&c->files, f->key)) {
        c->missing_in_sql++;
        df_buf where = {0};
        df_buf_printf(&where, "version %lld", (long long)f->version);
        delta_difference(c->v, "missing in SQL", f->path, f->dv_id, df_buf_str(&where), DF_STR_NONE, false);
        df_buf_release(&where);
    }
    int64_t *wrong = df_keymap_get(&c->wrong, f->key);
    if (wrong) {
        *wrong = (int64_t)c->n_shown;
        DF_PUSH(c->shown, c->n_shown, c->shown_cap) = copy_file(&c->arena, f);
    }
    return DF_OK;
}

static df_code show_from_sql(void *context, const delta_file *file, int64_t version, df_error *err)
{
    comparison *c = context;
    int64_t *at = df_keymap_get(&c->wrong, file->key);
    if (!at || *at < 0) return DF_OK;
    const delta_file *log = &c->shown[*at];
    field end = fields_compared(c->v);
    for (field i = 0; i < end; i++) {
        df_buf ours = {0}, theirs = {0};
        bool in_log = put_field(log, i, &theirs), in_sql = put_field(file, i, &ours);
        if (in_log != in_sql || !df_str_eq(df_buf_str(&ours), df_buf_str(&theirs))) {
            char kind[64];
            snprintf(kind, sizeof kind, "differs in %s", field_names[i]);
            delta_difference(c->v, kind, file->path, file->dv_id, in_log ? df_buf_str(&theirs) : DF_STR_NONE,
                             in_sql ? df_buf_str(&ours) : DF_STR_NONE, false);
        }
        df_buf_release(&ours);
        df_buf_release(&theirs);
    }
    return DF_OK;
}

static df_code replay_newest(validation *v, delta_sink sink, df_error *err)
{
    const delta_segment *s = &v->segments[v->n_segments - 1].segment;
    delta_snapshot_summary summary;
    return delta_snapshot(v->reader, v->log, s->checkpoint, s->last, DELTA_WANT_FILES | DELTA_WANT_STATS,
                          sink, &summary, err);
}

static df_code ask_catalog(validation *v, delta_file_fn fn, comparison *c, df_error *err)
{
    delta_files_query all = {.as_of = {-1, DELTA_ABSENT}, .with_stats = true};
    delta_files_report report;
    return delta_files_each(v->catalog, &v->table, &all, fn, c, &report, err);
}

static df_code read_log_side(comparison *c, df_error *err)
{
    validation *v = c->v;
    DF_TRY(delta_log_snapshot_begin(v->catalog, v->table.table_id, &c->snapshot, err));
    df_code code = replay_newest(v, (delta_sink){c, take_from_log}, err);
    return delta_log_snapshot_end(c->snapshot, code, err);
}

static df_code compare(comparison *c, df_error *err)
{
    validation *v = c->v;
    DF_TRY(read_log_side(c, err));
    DF_TRY(ask_catalog(v, take_from_sql, c, err));
    v->report->files_log = c->in_log;
    v->report->files_sql = c->in_sql;
    if (!c->files.count && !c->wrong.count) return DF_OK;
    DF_TRY(replay_newest(v, (delta_sink){c, show_from_log}, err));
    return c->wrong.count ? ask_catalog(v, show_from_sql, c, err) : DF_OK;
}

df_code delta_check_files(validation *v, df_error *err)
{
    comparison c = {.v = v};
    df_code code = compare(&c, err);
    if (code == DF_OK) {
        bool equal = !c.missing_in_sql && !c.not_in_log && !c.differing;
        if (equal)
            delta_verdict(v, "files", "Live files, field by field", "match", "backward replay of the log",
                          "%lld files, %d fields each", (long long)c.in_log, (int)fields_compared(v));
        else
            delta_verdict(
                v, "files", "Live files, field by field", "mismatch", "backward replay of the log",
                "%lld in the log, %lld in SQL: %lld missing in SQL, %lld not in the log, %lld differ",
                (long long)c.in_log, (long long)c.in_sql, (long long)c.missing_in_sql,
                (long long)c.not_in_log, (long long)c.differing);
    }
    df_keymap_release(&c.files);
    df_keymap_release(&c.wrong);
    df_buf_release(&c.scratch);
    df_arena_release(&c.arena);
    free(c.shown);
    return code;
}
