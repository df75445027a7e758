/* SPDX-License-Identifier: Apache-2.0 */
/* From one JSON value to delta_action: the only place that knows the members of the JSON actions. */
#ifndef DF_DELTA_LOG_JSON_ACTIONS_H
#define DF_DELTA_LOG_JSON_ACTIONS_H

#include "base/json.h"
#include "delta/log/action.h"

/* Texts of one action that are not as the parser left them; reused from action to action. */
typedef enum delta_scratch_slot {
    DELTA_SCRATCH_PATH,
    DELTA_SCRATCH_DV_ID,
    DELTA_SCRATCH_PARTITION_VALUES,
    DELTA_SCRATCH_STATS,
    DELTA_SCRATCH_TAGS,
    DELTA_SCRATCH_DV,
    DELTA_SCRATCH_A, /* of the actions that are not files: what each needs */
    DELTA_SCRATCH_B,
    DELTA_SCRATCH_C,
    DELTA_SCRATCH_SLOTS
} delta_scratch_slot;

typedef struct delta_scratch {
    df_buf slots[DELTA_SCRATCH_SLOTS];
    df_json_parser *stats_parser; /* opened when first needed */
    const df_keymap *to_be_asked; /* the map that the taker of files will look into; NULL: none */
} delta_scratch;

void delta_scratch_release(delta_scratch *scratch);

/*
 * Builds the action called `name` from its value. `line` is the text of the object {name: value} that was
 * parsed, from which unknown actions and commitInfo are carried as written; absent when the object has other
 * members too. `out` views into the parser's document and into `scratch`. DF_CORRUPT when a member that
 * identifies the action is missing, or a member has a value of the wrong type.
 */
DF_MUST_USE df_code delta_action_from_json(df_str name, df_json value, df_str line, delta_scratch *scratch,
                                           delta_action *out, df_error *err);

/* protocol and metaData alone, as version checksum files hold them. */
DF_MUST_USE df_code delta_protocol_from_json(df_json value, delta_scratch *scratch, delta_protocol *out,
                                             df_error *err);
DF_MUST_USE df_code delta_metadata_from_json(df_json value, delta_scratch *scratch, delta_metadata *out,
                                             df_error *err);
DF_MUST_USE df_code delta_file_from_json(df_json value, delta_scratch *scratch, delta_file *out,
                                         df_error *err);
DF_MUST_USE df_code delta_txn_from_json(df_json value, delta_txn *out, df_error *err);
DF_MUST_USE df_code delta_domain_from_json(df_json value, delta_domain *out, df_error *err);

/* A file of which nothing is known yet; and what follows from path, deletion vector and stats once they are.
 */
void delta_file_init(delta_file *file);
void delta_file_finish(delta_file *file, delta_scratch *scratch);

/*
 * numRecords of a stats text; DELTA_ABSENT when it has none or is not JSON. The text is only looked over, not
 * parsed, when it begins with numRecords and its quotes are where those of JSON are.
 */
int64_t delta_stats_num_records(df_str stats, delta_scratch *scratch);

#endif
