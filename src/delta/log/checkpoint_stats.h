/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics that a checkpoint has as typed columns only (add.stats_parsed), as the JSON that commits write.
 */
#ifndef DF_DELTA_LOG_CHECKPOINT_STATS_H
#define DF_DELTA_LOG_CHECKPOINT_STATS_H

#include "delta/log/checkpoint_columns.h"

/* Rows are told many at a time, column by column: thousands of columns row by row would miss every cache. */
enum { DELTA_STATS_ROWS = 64 };

typedef struct delta_parsed_stats {
    const parquet_file *file;
    const parquet_node *root; /* stats_parsed; NULL when the file has none */
    delta_columns columns;    /* opened when first needed: there may be thousands */
    delta_column *of_leaf;    /* by leaf number less root->leaf */
    int64_t row_group;        /* that the columns stand in; -1 */
    int64_t first;            /* row of the block that is told */
    int n_rows;               /* of the block; 0: there is none */
    uint64_t given;           /* a bit a row: it has statistics */
    df_buf texts[DELTA_STATS_ROWS];
    int64_t num_records[DELTA_STATS_ROWS];
    /* One column's part of the block. */
    delta_column loaded;
    uint8_t defs[DELTA_STATS_ROWS];
    size_t cell_at[DELTA_STATS_ROWS + 1]; /* in `cells`; an empty cell is left out */
    df_buf cells, name;
} delta_parsed_stats;

/* Nothing is read before delta_parsed_stats_get. */
void delta_parsed_stats_init(delta_parsed_stats *stats, const parquet_file *file, const parquet_node *add);
void delta_parsed_stats_release(delta_parsed_stats *stats);

/*
 * The statistics of a row, rows going forward:
 * {"numRecords":…,"tightBounds":…,"minValues":{…},"maxValues":{…},"nullCount":{…}}, without what is null.
 * Absent when the row has none; *num_records is DELTA_ABSENT when it is null. The text is valid until the
 * next call.
 */
DF_MUST_USE df_code delta_parsed_stats_get(delta_parsed_stats *stats, size_t row_group, int64_t row,
                                           df_str *out, int64_t *num_records, df_error *err);

#endif
