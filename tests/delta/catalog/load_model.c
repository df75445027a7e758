/* SPDX-License-Identifier: Apache-2.0 */
#include "load_model.h"

#include "tap.h"

#include <stdlib.h>
#include <unistd.h>

unsigned model_random(unsigned *state, unsigned below)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % below;
}

/* ---- making ---- */

static model_file random_file(unsigned *seed)
{
    model_file file = {
        .path = (int)model_random(seed, MODEL_PATHS),
        .dv = model_random(seed, 3) ? 0 : (int)model_random(seed, MODEL_DVS),
        .size = (int64_t)model_random(seed, 5000),
        .mtime = 1600000000000 + model_random(seed, 1000),
        .records = model_random(seed, 6) ? (int64_t)model_random(seed, 100) : DELTA_ABSENT,
        .deletion_timestamp = 1700000000000 + model_random(seed, 1000),
        .partition = (int)model_random(seed, 9) - 1,
    };
    file.deleted = file.dv ? 1 + (int64_t)model_random(seed, 9) : 0;
    return file;
}

static void push_action(model_version *version, bool is_add, model_file file)
{
    DF_PUSH(version->actions, version->count, version->cap) = (model_action){is_add, file};
}

static void make_version(model_version *version, const model_state *before, unsigned *seed, unsigned most)
{
    unsigned actions =
        model_random(seed, 4) ? model_random(seed, most < 12 ? most : 12) : model_random(seed, most);
    for (unsigned i = 0; i < actions; i++) {
        model_file file = random_file(seed);
        unsigned kind = model_random(seed, 10);
        if (kind < 5) {
            push_action(version, true, file);
        } else if (kind < 8) { /* remove, most often of something that is there */
            for (int tries = 0; tries < 20; tries++) {
                const model_file *old = &before->keys[model_random(seed, MODEL_KEYS)];
                if (!old->live) continue;
                file.path = old->path;
                file.dv = old->dv;
                break;
            }
            push_action(version, false, file);
        } else { /* a deletion vector grows */
            model_file without = file;
            without.dv = 0;
            file.dv = 1 + (int)model_random(seed, MODEL_DVS - 1);
            push_action(version, kind == 8, kind == 8 ? file : without);
            push_action(version, kind != 8, kind == 8 ? without : file);
        }
    }
}

/* ---- replaying, as plainly as can be ---- */

static void end_live(model_state *state, const model_state *before, const model_file *file)
{
    if (!file->live) return;
    if (file->version == state->version) { /* came and went within the version */
        state->added_files--;
        state->added_bytes -= file->size;
        return;
    }
    state->removed_files++;
    state->removed_bytes += file->size;
    (void)before;
}

static void apply(model_state *state, const model_state *before, const model_version *version)
{
    *state = *before;
    state->version = version->version;
    state->added_files = state->removed_files = state->added_bytes = state->removed_bytes = 0;
    if (version->from_checkpoint) {
        for (int i = 0; i < MODEL_KEYS; i++) end_live(state, before, &state->keys[i]);
        memset(state->keys, 0, sizeof state->keys);
        state->segment_base = version->version;
    }
    for (size_t i = 0; i < version->count; i++) {
        const model_action *action = &version->actions[i];
        model_file *slot = &state->keys[action->file.path * MODEL_DVS + action->file.dv];
        end_live(state, before, slot);
        *slot = action->file;
        slot->version = version->version;
        slot->live = action->is_add;
        slot->tombstone = !action->is_add;
        if (action->is_add) {
            state->added_files++;
            state->added_bytes += slot->size;
        }
    }
}

void model_make(model_log *log, unsigned seed, size_t versions, unsigned most_actions)
{
    static const model_state nothing = {.version = -1};
    *log = (model_log){0};
    int64_t number = model_random(&seed, 2) ? 0 : model_random(&seed, 30);
    for (size_t i = 0; i < versions; i++) {
        const model_state *before = i ? &log->states[i - 1] : &nothing;
        model_version version = {.version = number};
        bool gap = i && model_random(&seed, 25) == 0;
        version.from_checkpoint = gap || (i == 0 && number > 0);
        if (gap) version.version += 1 + model_random(&seed, 5);
        make_version(&version, before, &seed, gap ? most_actions * 2 : most_actions);
        number = version.version + 1;
        DF_PUSH(log->versions, log->count, log->cap) = version;
        size_t n = i;
        model_state state;
        apply(&state, before, &version);
        if (i == 0) state.segment_base = version.version;
        DF_PUSH(log->states, n, log->states_cap) = state;
    }
}

void model_release(model_log *log)
{
    for (size_t i = 0; i < log->count; i++) free(log->versions[i].actions);
    free(log->versions);
    free(log->states);
}

/* ---- for the loader ---- */

df_str model_path(int path, df_arena *arena)
{
    switch (path % 4) {
    case 0: return df_str_from(df_arena_printf(arena, "part=%d/file-%d.parquet", path % 7, path));
    case 1: return df_str_from(df_arena_printf(arena, "\xC3\x9C'\"%d\\\n\t;--%d", path % 7, path));
    case 2: return df_str_from(df_arena_printf(arena, "s3://bucket/%d/%s", path, path % 8 == 2 ? "x" : "X "));
    default:
        return df_str_from(
            df_arena_printf(arena, "a/very/long/path/that/goes/on/and/on/and/on/and/on/%d", path));
    }
}

df_str model_dv(int dv, df_arena *arena)
{
    return dv ? df_str_from(df_arena_printf(arena, "uab^-aqEH.-t@S}K{vb[*k^@%d", dv)) : DF_STR("");
}

static df_str model_partition(int partition, df_arena *arena)
{
    if (partition < 0) return DF_STR_NONE;
    return df_str_from(df_arena_printf(arena, "{\"day\":\"2024-01-%02d\",\"x\":null}", partition));
}

delta_action model_to_action(const model_action *action, df_arena *arena)
{
    const model_file *m = &action->file;
    delta_action out = {.kind = action->is_add ? DELTA_ADD : DELTA_REMOVE};
    delta_file *f = &out.file;
    f->path = model_path(m->path, arena);
    f->raw_path = m->path % 3 ? f->path : df_str_from(df_arena_printf(arena, "%%%d", m->path));
    f->dv_id = model_dv(m->dv, arena);
    f->key = delta_file_key(f->path, f->dv_id);
    f->size = m->size;
    f->modification_time = action->is_add ? m->mtime : DELTA_ABSENT;
    f->deletion_timestamp = action->is_add ? DELTA_ABSENT : m->deletion_timestamp;
    f->data_change = m->size % 2 == 0;
    f->extended_file_metadata = -1;
    f->partition_values = model_partition(m->partition, arena);
    f->num_records = m->records;
    if (m->records != DELTA_ABSENT)
        f->stats = df_str_from(df_arena_printf(
            arena, "{\"numRecords\":%lld,\"minValues\":{\"a\":\"\\u00e4\"}}", (long long)m->records));
    if (m->dv)
        f->deletion_vector =
            df_str_from(df_arena_printf(arena, "{\"cardinality\":%lld}", (long long)m->deleted));
    f->dv_cardinality = m->deleted;
    f->base_row_id = f->default_row_commit_version = DELTA_ABSENT;
    return out;
}

static df_code load_version(const model_version *version, delta_loader *loader, int64_t *until_death,
                            df_error *err)
{
    df_arena arena = {0};
    df_code code = delta_loader_begin_version(loader, version->version, version->from_checkpoint, err);
    for (size_t i = 0; code == DF_OK && i < version->count; i++) {
        if ((*until_death)-- == 0) _exit(9);
        delta_action action = model_to_action(&version->actions[i], &arena);
        code = delta_loader_take(loader, &action, err);
    }
    delta_action txn = {.kind = DELTA_TXN, .txn = {DF_STR("app"), version->version * 2, DELTA_ABSENT}};
    if (code == DF_OK && version->version % 3 == 0) code = delta_loader_take(loader, &txn, err);
    delta_action domain = {.kind = DELTA_DOMAIN,
                           .domain = {DF_STR("d"), DF_STR("{}"), version->version % 4 == 1}};
    if (code == DF_OK && version->version % 4 < 2) code = delta_loader_take(loader, &domain, err);
    delta_action metadata = {.kind = DELTA_METADATA,
                             .metadata = {.id = DF_STR("id"),
                                          .format = DF_STR("{}"),
                                          .schema = DF_STR("{}"),
                                          .partition_columns = DF_STR("[]"),
                                          .configuration = DF_STR("{}"),
                                          .created_time = version->version}};
    if (code == DF_OK && version->version % 5 == 0) code = delta_loader_take(loader, &metadata, err);
    if ((*until_death)-- == 0) _exit(9);
    delta_version_info info = {.version = version->version,
                               .timestamp = version->version * 1000,
                               .file_mtime = 5,
                               .commit_timestamp = DELTA_ABSENT,
                               .in_commit_timestamp = DELTA_ABSENT,
                               .operation = DF_STR("WRITE"),
                               .commit_info = DF_STR("{\"operation\":\"WRITE\"}")};
    if (code == DF_OK) code = delta_loader_end_version(loader, &info, err);
    df_arena_release(&arena);
    return code;
}

df_code model_load(const model_log *log, delta_loader *loader, int64_t up_to, int64_t dies_at, df_error *err)
{
    int64_t after = delta_loader_version(loader);
    for (size_t i = 0; i < log->count; i++) {
        if (log->versions[i].version <= after || log->versions[i].version > up_to) continue;
        DF_TRY(load_version(&log->versions[i], loader, &dies_at, err));
    }
    return DF_OK;
}

/* ---- comparing ---- */

model_totals model_count(const model_state *state)
{
    model_totals totals = {0};
    df_arena arena = {0};
    for (int i = 0; i < MODEL_KEYS; i++) {
        const model_file *f = &state->keys[i];
        totals.tombstones += f->tombstone;
        if (!f->live) continue;
        totals.files++;
        totals.bytes += f->size;
        totals.records += f->records == DELTA_ABSENT ? 0 : f->records;
        totals.without_records += f->records == DELTA_ABSENT;
        totals.dv_files += f->dv != 0;
        totals.deleted_records += f->deleted;
        delta_action action = model_to_action(&(model_action){true, *f}, &arena);
        totals.digest = df_hash_add(totals.digest, delta_file_digest(&action.file));
    }
    df_arena_release(&arena);
    return totals;
}

typedef struct comparison {
    const model_state *state;
    int64_t rows, wrong;
    bool tombstones;
    df_arena arena;
} comparison;

static int64_t number(const df_value *value)
{
    int64_t n = DELTA_ABSENT;
    if (value->type == DF_INT64 || value->type == DF_BOOL) n = value->i;
    if (value->type == DF_TEXT && !df_str_int64(value->s, &n)) n = DELTA_ABSENT;
    return n;
}

static df_str text(const df_value *value)
{
    return value->type == DF_TEXT ? value->s : DF_STR_NONE;
}

static bool optional_eq(df_str a, df_str b)
{
    return (a.ptr != NULL) == (b.ptr != NULL) && df_str_eq(a, b);
}

/* Columns: path, dv_id, version, size, modification_time, num_records, dv_cardinality, partition_values,
 * stats, raw_path, path_hash, data_change */
static df_code compare_row(void *context, const df_row *row, df_error *err)
{
    comparison *c = context;
    const df_value *v = row->values;
    c->rows++;
    for (int i = 0; i < MODEL_KEYS; i++) {
        const model_file *f = &c->state->keys[i];
        if (c->tombstones ? !f->tombstone : !f->live) continue;
        delta_action action = model_to_action(&(model_action){!c->tombstones, *f}, &c->arena);
        const delta_file *file = &action.file;
        if (!df_str_eq(text(&v[0]), file->path) || !df_str_eq(text(&v[1]), file->dv_id)) continue;
        df_str values = file->partition_values;
        if (!values.ptr && !c->tombstones) values = DF_STR("{}");
        df_str raw = df_str_eq(file->raw_path, file->path) ? DF_STR_NONE : file->raw_path;
        int64_t time = c->tombstones ? file->deletion_timestamp : file->modification_time;
        bool same = number(&v[2]) == f->version && number(&v[3]) == file->size && number(&v[4]) == time &&
                    (c->tombstones || number(&v[5]) == file->num_records) &&
                    number(&v[6]) == file->dv_cardinality && optional_eq(text(&v[7]), values) &&
                    optional_eq(text(&v[8]), file->stats) && optional_eq(text(&v[9]), raw) &&
                    number(&v[10]) == (int64_t)file->key.low && number(&v[11]) == file->data_change;
        if (!same)
            note("version %lld: a row of %.*s differs", (long long)c->state->version, DF_FMT(file->path));
        c->wrong += !same;
        return DF_OK;
    }
    note("version %lld: %.*s should not be there", (long long)c->state->version, DF_FMT(text(&v[0])));
    c->wrong++;
    return DF_OK;
}

#define ROW                                                                                                  \
    "path, dv_id, version, size, modification_time, num_records, dv_cardinality, partition_values, stats, "  \
    "raw_path, path_hash, data_change"

static bool same_rows(const model_state *state, delta_catalog *catalog, df_str table_id)
{
    df_error err;
    comparison c = {.state = state};
    df_value params[] = {df_v_str(table_id), df_v_int(state->version), df_v_str(table_id),
                         df_v_int(state->version), df_v_int(state->version)};
    df_code code = df_query(catalog->conn,
                            "SELECT " ROW " FROM delta_files WHERE table_id = ? AND version <= ? UNION ALL "
                            "SELECT " ROW " FROM delta_file_history WHERE table_id = ? AND version <= ? "
                            "AND removed_version > ?",
                            params, 5, compare_row, &c, &err);
    df_arena_release(&c.arena);
    if (code != DF_OK) note("%s", err.message);
    int64_t files = model_count(state).files;
    if (c.rows != files)
        note("version %lld: %lld rows for %lld files", (long long)state->version, (long long)c.rows,
             (long long)files);
    return code == DF_OK && !c.wrong && c.rows == files;
}

static bool same_tombstones(const model_state *state, delta_catalog *catalog, df_str table_id)
{
    df_error err;
    comparison c = {.state = state, .tombstones = true};
    df_value id = df_v_str(table_id);
    df_code code = df_query(catalog->conn,
                            "SELECT path, dv_id, version, size, deletion_timestamp, NULL, dv_cardinality, "
                            "partition_values, stats, raw_path, path_hash, data_change FROM delta_tombstones "
                            "WHERE table_id = ?",
                            &id, 1, compare_row, &c, &err);
    df_arena_release(&c.arena);
    if (code != DF_OK) note("%s", err.message);
    bool same = code == DF_OK && !c.wrong && c.rows == model_count(state).tombstones;
    if (!same) note("version %lld: tombstones differ", (long long)state->version);
    return same;
}

typedef struct version_row {
    int64_t v[13];
    df_hash128 digest;
    bool found;
} version_row;

static df_code take_version(void *context, const df_row *row, df_error *err)
{
    version_row *out = context;
    for (int i = 0; i < 13; i++) out->v[i] = number(&row->values[i]);
    out->found = df_hash_from_hex(text(&row->values[13]), &out->digest);
    return DF_OK;
}

static bool same_version(const model_state *state, delta_catalog *catalog, df_str table_id)
{
    df_error err;
    version_row row = {0};
    df_value params[] = {df_v_str(table_id), df_v_int(state->version)};
    df_code code =
        df_query(catalog->conn,
                 "SELECT segment_base, num_files, size_in_bytes, num_records, known_records, "
                 "files_without_records, deletion_vector_files, deleted_records, tombstones, added_files, "
                 "removed_files, added_bytes, removed_bytes, state_digest FROM delta_versions "
                 "WHERE table_id = ? AND version = ?",
                 params, 2, take_version, &row, &err);
    if (code != DF_OK) note("%s", err.message);
    model_totals t = model_count(state);
    int64_t expected[13] = {state->segment_base,
                            t.files,
                            t.bytes,
                            t.without_records ? DELTA_ABSENT : t.records,
                            t.records,
                            t.without_records,
                            t.dv_files,
                            t.deleted_records,
                            t.tombstones,
                            state->added_files,
                            state->removed_files,
                            state->added_bytes,
                            state->removed_bytes};
    bool same = row.found && df_hash_eq(row.digest, t.digest);
    if (!same) note("version %lld: %s", (long long)state->version, row.found ? "other digest" : "no row");
    for (int i = 0; i < 13; i++) {
        if (row.v[i] == expected[i]) continue;
        note("version %lld: total %d is %lld, not %lld", (long long)state->version, i, (long long)row.v[i],
             (long long)expected[i]);
        same = false;
    }
    return same;
}

bool model_equals(const model_log *log, delta_catalog *catalog, df_str table_id, int64_t version)
{
    for (size_t i = 0; i < log->count && log->states[i].version <= version; i++) {
        const model_state *state = &log->states[i];
        if (!same_rows(state, catalog, table_id) || !same_version(state, catalog, table_id)) return false;
        if (state->version == version && !same_tombstones(state, catalog, table_id)) return false;
    }
    return true;
}

static df_code hash_row(void *context, const df_row *row, df_error *err)
{
    df_hash128 *sum = context;
    df_buf text = {0};
    for (size_t i = 0; i < row->count; i++) {
        const df_value *v = &row->values[i];
        if (v->type == DF_TEXT)
            df_buf_str_add(&text, v->s);
        else
            df_buf_int(&text, number(v));
        df_buf_char(&text, '\1');
    }
    *sum = df_hash_add(*sum, df_hash(text.ptr, text.len));
    df_buf_release(&text);
    return DF_OK;
}

df_hash128 model_dump(delta_catalog *catalog, df_str table_id)
{
    static const char *const queries[] = {
        "SELECT 1, file_id, partition_id, " ROW " FROM delta_files WHERE table_id = ?",
        "SELECT 2, file_id, partition_id, removed_version, reason, deletion_timestamp, "
        "removed_data_change, " ROW " FROM delta_file_history WHERE table_id = ?",
        "SELECT 3, file_id, path, dv_id, version, deletion_timestamp FROM delta_tombstones WHERE table_id = "
        "?",
        "SELECT 4, partition_id, partition_hash, partition_values FROM delta_partitions WHERE table_id = ?",
        "SELECT 5, version, timestamp, segment_base, num_files, size_in_bytes, num_records, known_records, "
        "tombstones, added_files, removed_files, state_digest, operation, commit_info FROM delta_versions "
        "WHERE table_id = ?",
        "SELECT 6, version, created_time FROM delta_metadata WHERE table_id = ?",
        "SELECT 7, version, app_id, txn_version FROM delta_transactions WHERE table_id = ?",
        "SELECT 8, version, domain, removed FROM delta_domains WHERE table_id = ?",
        "SELECT 9, version, first_version, base_checkpoint, next_file_id, next_partition_id, delta_id FROM "
        "delta_tables "
        "WHERE table_id = ?",
        "SELECT 10, status, version, files_processed FROM migration_status WHERE table_id = ?",
    };
    df_hash128 sum = {0, 0};
    df_error err;
    df_value id = df_v_str(table_id);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        if (df_query(catalog->conn, queries[i], &id, 1, hash_row, &sum, &err) != DF_OK)
            note("%s", err.message);
    return sum;
}
