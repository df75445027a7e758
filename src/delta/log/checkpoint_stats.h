/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics that a checkpoint has as typed columns only (add.stats_parsed), as the JSON that commits write.
 */
#ifndef DF_DELTA_LOG_CHECKPOINT_STATS_H
#define DF_DELTA_LOG_CHECKPOINT_STATS_H

#include "delta/log/checkpoint_columns.h"

typedef struct delta_parsed_stats {
    const parquet_file *file;
    const parquet_node *root; /* stats_parsed; NULL when the file has none */
    delta_columns columns;    /* opened when first needed: there may be thousands */
    delta_column *of_leaf;    /* by leaf number less root->leaf */
    int64_t row_group;        /* that the columns stand in; -1 */
} delta_parsed_stats;

/* Nothing is read before delta_parsed_stats_put. */
void delta_parsed_stats_init(delta_parsed_stats *stats, const parquet_file *file, const parquet_node *add);
void delta_parsed_stats_release(delta_parsed_stats *stats);

/*
 * Appends the statistics of a row:
 * {"numRecords":…,"tightBounds":…,"minValues":{…},"maxValues":{…},"nullCount":{…}}, without what is null.
 * *given is false, and nothing is appended, when the row has none.
 */
DF_MUST_USE df_code delta_parsed_stats_put(delta_parsed_stats *stats, size_t row_group, int64_t row,
                                           df_buf *out, int64_t *num_records, bool *given, df_error *err);

#endif
