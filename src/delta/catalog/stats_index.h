/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delta_column_stats: bounds of the columns that expressions name, typed, a row a file, so that a range of
 * values is a range of an index. Filled on first use, and brought forward by later uses.
 *
 * A row's bounds are those of where_bounds.c in the columns of the type's kind (min_int …). None is ever NULL
 * there: a bound that is not known is the kind's extreme, which every comparison lets pass; a file without
 * any value has them crossed (minimum above maximum), which no comparison lets pass. null_count NULL: not
 * known.
 */
#ifndef DF_DELTA_CATALOG_STATS_INDEX_H
#define DF_DELTA_CATALOG_STATS_INDEX_H

#include "delta/catalog/query_int.h"

/* Greater than every text that is stored but itself: four times U+10FFFF. */
#define DELTA_STATS_TEXT_MAX DF_STR("\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF\xF4\x8F\xBF\xBF")

/* Of a column's key: delta_column_stats.column_id. */
int64_t delta_stats_column_id(df_str key);

/*
 * Makes sure that delta_column_stats covers every file of the table for the columns of `where` that have
 * statistics. *usable false: it does not (the catalog cannot be written now, or another version's type of a
 * column is indexed), and the expression must be evaluated from delta_files.stats. `newest`: the question is
 * about the newest version, whose types may replace others.
 */
DF_MUST_USE df_code delta_stats_index_ensure(delta_catalog *catalog, const delta_table *table,
                                             const delta_where *where, bool newest, bool *usable,
                                             df_error *err);

#endif
