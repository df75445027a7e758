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
        htole64(file->key.low),        htole64(file->key.high),
        htole64((uint64_t)file->size), htole64((uint64_t)file->modification_time),
        htole64(partition.low),        htole64(partition.high),
    };
    return df_hash(lanes, sizeof lanes);
}

delta_file delta_file_copy(df_arena *arena, const delta_file *file)
{
    delta_file copy = *file;
    copy.path = df_arena_str(arena, file->path);
    copy.raw_path = df_str_eq(file->path, file->raw_path) ? copy.path : df_arena_str(arena, file->raw_path);
    copy.dv_id = df_arena_str(arena, file->dv_id);
    copy.partition_values = df_arena_str(arena, file->partition_values);
    copy.stats = df_arena_str(arena, file->stats);
    copy.tags = df_arena_str(arena, file->tags);
    copy.deletion_vector = df_arena_str(arena, file->deletion_vector);
    copy.clustering_provider = df_arena_str(arena, file->clustering_provider);
    return copy;
}

delta_metadata delta_metadata_copy(df_arena *arena, const delta_metadata *metadata)
{
    return (delta_metadata){
        .id = df_arena_str(arena, metadata->id),
        .name = df_arena_str(arena, metadata->name),
        .description = df_arena_str(arena, metadata->description),
        .format = df_arena_str(arena, metadata->format),
        .schema = df_arena_str(arena, metadata->schema),
        .partition_columns = df_arena_str(arena, metadata->partition_columns),
        .configuration = df_arena_str(arena, metadata->configuration),
        .created_time = metadata->created_time,
    };
}

delta_protocol delta_protocol_copy(df_arena *arena, const delta_protocol *protocol)
{
    delta_protocol copy = *protocol;
    copy.reader_features = df_arena_str(arena, protocol->reader_features);
    copy.writer_features = df_arena_str(arena, protocol->writer_features);
    return copy;
}
