/* SPDX-License-Identifier: Apache-2.0 */
/* Columns of a checkpoint file by name, and their values row by row. Private to the checkpoint reader. */
#ifndef DF_DELTA_LOG_CHECKPOINT_COLUMNS_H
#define DF_DELTA_LOG_CHECKPOINT_COLUMNS_H

#include "base/json.h"
#include "parquet/parquet.h"

/* The columns that are read in step, with a cursor each. */
typedef struct delta_columns {
    const parquet_node **leaves;
    size_t n, cap;
    parquet_cursor *cursors; /* from delta_columns_open on */
    parquet_scan *scan;
} delta_columns;

/* An index into delta_columns; DELTA_NO_COLUMN: the file has no such column, every value is absent. */
typedef int32_t delta_column;
enum { DELTA_NO_COLUMN = -1 };

typedef enum delta_column_type { DELTA_COLUMN_INT, DELTA_COLUMN_BOOL, DELTA_COLUMN_TEXT } delta_column_type;

/* A map<string, string> or a list of strings. */
typedef struct delta_collection {
    delta_column key, value; /* a list has no `value` */
    uint8_t def;             /* from here on it is not null */
    uint8_t entry_def;       /* from here on there is an entry */
} delta_collection;

/* Buffers in which a collection becomes JSON. */
typedef struct delta_collector {
    df_buf keys, members;
    struct delta_collected *items;
    size_t count, cap;
} delta_collector;

/* Adds the column `name` ("deletionVector.offset") of a group; DELTA_NO_COLUMN when there is none. */
DF_MUST_USE df_code delta_columns_find(delta_columns *columns, const parquet_node *group, const char *name,
                                       delta_column_type type, delta_column *out, df_error *err);
DF_MUST_USE df_code delta_columns_find_map(delta_columns *columns, const parquet_node *group,
                                           const char *name, delta_collection *out, df_error *err);
DF_MUST_USE df_code delta_columns_find_list(delta_columns *columns, const parquet_node *group,
                                            const char *name, delta_collection *out, df_error *err);
/* Adds any leaf. */
delta_column delta_columns_add(delta_columns *columns, const parquet_node *leaf);
/* Begins the scan; nothing can be added any more. */
DF_MUST_USE df_code delta_columns_open(delta_columns *columns, const parquet_file *file, df_error *err);
DF_MUST_USE df_code delta_columns_start(delta_columns *columns, size_t row_group, df_error *err);
void delta_columns_release(delta_columns *columns);

/*
 * Values of one row; rows only go forward. When the value is null, *out stays as it is.
 * Text is valid until the column goes to another row, and is UTF-8: anything else is DF_CORRUPT.
 */
DF_MUST_USE df_code delta_columns_int(delta_columns *columns, delta_column column, int64_t row, int64_t *out,
                                      df_error *err);
DF_MUST_USE df_code delta_columns_bool(delta_columns *columns, delta_column column, int64_t row, bool *out,
                                       bool *given, df_error *err);
DF_MUST_USE df_code delta_columns_text(delta_columns *columns, delta_column column, int64_t row, df_str *out,
                                       df_error *err);
/* The first row at or after `row`, and before `rows`, whose level is at least `def`; `rows` when there is
 * none. */
DF_MUST_USE df_code delta_columns_find_row(delta_columns *columns, delta_column column, uint8_t def,
                                           int64_t row, int64_t rows, int64_t *out, df_error *err);

/* A map as a JSON object with sorted members, a list as a JSON array, appended to `out`; *given is false for
 * null. */
DF_MUST_USE df_code delta_columns_map(delta_columns *columns, const delta_collection *map, int64_t row,
                                      delta_collector *collector, df_buf *out, bool *given, df_error *err);
DF_MUST_USE df_code delta_columns_list(delta_columns *columns, const delta_collection *list, int64_t row,
                                       bool sorted, delta_collector *collector, df_buf *out, bool *given,
                                       df_error *err);
void delta_collector_release(delta_collector *collector);

#endif
