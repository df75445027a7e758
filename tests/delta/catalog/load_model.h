/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loader's tests compare against: a random log, and the plainest possible replay of it (a list that
 * is searched from the start), with every version's whole state kept.
 */
#ifndef TESTS_LOAD_MODEL_H
#define TESTS_LOAD_MODEL_H

#include "delta/catalog/catalog.h"

typedef struct model_file {
    bool live, tombstone;
    int path, dv;
    int64_t version; /* of the add or remove */
    int64_t size, mtime, records, deleted, deletion_timestamp;
    int partition; /* -1: partitionValues not given */
} model_file;

enum { MODEL_PATHS = 60, MODEL_DVS = 3, MODEL_KEYS = MODEL_PATHS * MODEL_DVS };

typedef struct model_state {
    int64_t version, segment_base;
    int64_t added_files, removed_files, added_bytes, removed_bytes;
    model_file keys[MODEL_KEYS];
} model_state;

typedef struct model_action {
    bool is_add;
    model_file file;
} model_action;

typedef struct model_version {
    int64_t version;
    bool from_checkpoint;
    model_action *actions;
    size_t count, cap;
} model_version;

typedef struct model_log {
    model_version *versions;
    model_state *states; /* as many */
    size_t count, cap, states_cap;
} model_log;

/* The same seed gives the same log. `most_actions`: of one version. */
void model_make(model_log *log, unsigned seed, size_t versions, unsigned most_actions);
void model_release(model_log *log);

/* The action as the loader takes it; texts live in `arena`. */
delta_action model_to_action(const model_action *action, df_arena *arena);
df_str model_path(int path, df_arena *arena);
df_str model_dv(int dv, df_arena *arena);

typedef struct model_totals {
    int64_t files, bytes, records, without_records, dv_files, deleted_records, tombstones;
    df_hash128 digest;
} model_totals;
model_totals model_count(const model_state *state);

/* Feeds the versions behind `after` to a loader. `dies_at`: _exit when so many actions have been given; -1:
 * never. */
df_code model_load(const model_log *log, delta_loader *loader, int64_t up_to, int64_t dies_at, df_error *err);

/* Every state up to `version` against the catalog's rows; tells the first difference through note(). */
bool model_equals(const model_log *log, delta_catalog *catalog, df_str table_id, int64_t version);
/* Hash of every row that the table has in the catalog, times and owners left out. */
df_hash128 model_dump(delta_catalog *catalog, df_str table_id);

unsigned model_random(unsigned *state, unsigned below);

#endif
