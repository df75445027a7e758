/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/log/action.h"

#include <endian.h>

df_hash128 delta_file_key(df_str path, df_str dv_id)
{
    df_hash128 key = df_hash(path.ptr, path.len);
    if (!dv_id.len) return key;
    df_hash128 dv = df_hash(dv_id.ptr, dv_id.len);
    /* Fixed byte order: keys and digests are stored, and compared by other machines. */
    uint64_t lanes[4] = {htole64(key.low), htole64(key.high), htole64(dv.low), htole64(dv.high)};
    return df_hash(lanes, sizeof lanes);
}

df_hash128 delta_file_digest(const delta_file *file)
{
    df_str values = file->partition_values.ptr ? file->partition_values : DF_STR("{}");
    df_hash128 partition = df_hash(values.ptr, values.len);
    uint64_t lanes[] = {
        htole64(file->key.low),       htole64(file->key.high),
        htole64((uint64_t)file->size), htole64((uint64_t)file->modification_time),
        htole64(partition.low),       htole64(partition.high),
    };
    return df_hash(lanes, sizeof lanes);
}
