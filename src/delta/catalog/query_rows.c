/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/catalog/query_int.h"

void delta_put_file_columns(df_buf *sql, const char *alias, bool with_stats)
{
    static const char *const columns[] = {DELTA_FILE_COLUMNS}, *const more[] = {DELTA_FILE_STATS_COLUMNS};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        df_buf_printf(sql, "%s%s.%s", i ? ", " : "", alias, columns[i]);
    for (size_t i = 0; with_stats && i < sizeof more / sizeof *more; i++)
        df_buf_printf(sql, ", %s.%s", alias, more[i]);
}

df_str delta_view_of(const df_value *value)
{
    if (value->type != DF_TEXT && value->type != DF_BLOB) return DF_STR_NONE;
    return value->s.ptr ? value->s : DF_STR("");
}

size_t delta_file_of_row(const df_row *row, bool with_stats, delta_file *file, int64_t *version)
{
    const df_value *v = row->values;
    *file = (delta_file){
        .path = delta_view_of(&v[0]),
        .dv_id = delta_view_of(&v[1]),
        .size = delta_int_of(&v[3], DELTA_ABSENT),
        .modification_time = delta_int_of(&v[4], DELTA_ABSENT),
        .deletion_timestamp = DELTA_ABSENT,
        .data_change = delta_int_of(&v[5], 1) != 0,
        .extended_file_metadata = -1,
        .partition_values = delta_view_of(&v[6]),
        .num_records = delta_int_of(&v[7], DELTA_ABSENT),
        .dv_cardinality = delta_int_of(&v[8], 0),
        .deletion_vector = delta_view_of(&v[9]),
        .base_row_id = delta_int_of(&v[10], DELTA_ABSENT),
        .default_row_commit_version = delta_int_of(&v[11], DELTA_ABSENT),
        .clustering_provider = delta_view_of(&v[12]),
        .raw_path = delta_view_of(&v[13]),
    };
    *version = delta_int_of(&v[2], -1);
    if (!file->raw_path.ptr) file->raw_path = file->path;
    file->key = delta_file_key(file->path, file->dv_id);
    if (!with_stats) return 14;
    file->stats = delta_view_of(&v[14]);
    file->tags = delta_view_of(&v[15]);
    file->stats_rebuilt = delta_int_of(&v[16], 0) != 0;
    return 17;
}
