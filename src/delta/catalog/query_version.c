/* SPDX-License-Identifier: Apache-2.0 */
/* Versions, and the table's state at one. */
#include "base/clock.h"
#include "delta/catalog/query_int.h"

#include <stdlib.h>

/* MariaDB takes "…" for a text unless told otherwise, and "timestamp" needs no quotes anywhere. */
#define SELECT_VERSION                                                                                       \
    "SELECT version, timestamp, num_files, size_in_bytes, num_records, deletion_vector_files, "              \
    "deleted_records, "                                                                                      \
    "tombstones, added_files, removed_files, added_bytes, removed_bytes, file_mtime, commit_timestamp, "     \
    "in_commit_timestamp, segment_base, operation, commit_info, state_digest FROM delta_versions "           \
    "WHERE table_id = ?"

/* `arena` NULL: views of the row. */
static df_code version_of_row(const df_row *row, df_arena *arena, delta_version_row *out, df_error *err)
{
    const df_value *v = row->values;
    int64_t *const numbers[] = {
        &out->version,         &out->timestamp,        &out->num_files,
        &out->size_in_bytes,   &out->num_records,      &out->deletion_vector_files,
        &out->deleted_records, &out->tombstones,       &out->added_files,
        &out->removed_files,   &out->added_bytes,      &out->removed_bytes,
        &out->file_mtime,      &out->commit_timestamp, &out->in_commit_timestamp,
        &out->segment_base,
    };
    for (size_t i = 0; i < 16; i++) *numbers[i] = delta_int_of(&v[i], DELTA_ABSENT);
    out->operation = delta_view_of(&v[16]);
    out->commit_info = delta_view_of(&v[17]);
    if (arena) {
        out->operation = df_arena_str(arena, out->operation);
        out->commit_info = df_arena_str(arena, out->commit_info);
    }
    if (!df_hash_from_hex(delta_view_of(&v[18]), &out->digest))
        return df_fail(err, DF_CORRUPT, "delta_versions: the state digest of version %lld is not one",
                       (long long)out->version);
    return DF_OK;
}

/* ---- finding one ---- */

typedef struct found_version {
    df_arena *arena;
    delta_version_row *out;
    bool had;
} found_version;

static df_code take_version(void *context, const df_row *row, df_error *err)
{
    found_version *found = context;
    found->had = true;
    return version_of_row(row, found->arena, found->out, err);
}

/* Runs of versions without a gap, as "0 to 5, 10 to 20"; the first few. */
typedef struct version_ranges {
    df_buf text;
    int64_t first, last, oldest_time;
    size_t count;
} version_ranges;

enum { MAX_RANGES = 12 };

static void put_range(version_ranges *ranges)
{
    if (ranges->last < 0 || ++ranges->count > MAX_RANGES) return;
    if (ranges->text.len) df_buf_text(&ranges->text, ", ");
    df_buf_int(&ranges->text, ranges->first);
    if (ranges->last != ranges->first) df_buf_printf(&ranges->text, " to %lld", (long long)ranges->last);
    if (ranges->count == MAX_RANGES) df_buf_text(&ranges->text, ", …");
}

static df_code take_segment(void *context, const df_row *row, df_error *err)
{
    version_ranges *ranges = context;
    int64_t first = delta_int_of(&row->values[0], -1), last = delta_int_of(&row->values[1], -1);
    if (ranges->last < 0) {
        ranges->oldest_time = delta_int_of(&row->values[2], 0);
        ranges->first = first;
    } else if (first != ranges->last + 1) {
        put_range(ranges);
        ranges->first = first;
    }
    ranges->last = last;
    return DF_OK;
}

static df_code no_such_version(delta_catalog *catalog, const delta_table *table, delta_as_of as_of,
                               df_error *err)
{
    version_ranges ranges = {.last = -1};
    df_value id = df_v_str(table->table_id);
    DF_TRY(
        delta_ask(catalog,
                  "SELECT MIN(version), MAX(version), MIN(timestamp) FROM delta_versions WHERE table_id = ? "
                  "GROUP BY segment_base ORDER BY 1",
                  &id, 1, take_segment, &ranges, err));
    put_range(&ranges);
    df_code code = DF_NOT_FOUND;
    if (!ranges.count) {
        df_fail(err, code, "table %.*s has no version in the catalog yet", DF_FMT(table->table_id));
        df_error_hint(err, "run: deltalakedb import '%.*s' --database-url …", DF_FMT(table->location));
    } else if (as_of.version >= 0) {
        df_fail(err, code, "table %.*s has no version %lld in the catalog; there are %s",
                DF_FMT(table->table_id), (long long)as_of.version, df_buf_cstr(&ranges.text));
        df_error_hint(err, as_of.version > ranges.last
                               ? "newer commits come into the catalog with: deltalakedb sync"
                               : "its log no longer had this version when it was imported, or was imported "
                                 "with --history latest");
    } else {
        char wanted[40], oldest[40];
        df_time_format(as_of.timestamp, wanted);
        df_time_format(ranges.oldest_time, oldest);
        df_fail(
            err, code,
            "table %.*s has no version at or before %s in the catalog; the oldest is of %s, versions are %s",
            DF_FMT(table->table_id), wanted, oldest, df_buf_cstr(&ranges.text));
    }
    df_buf_release(&ranges.text);
    return code;
}

df_code delta_version_find(delta_catalog *catalog, const delta_table *table, delta_as_of as_of,
                           df_arena *arena, delta_version_row *out, df_error *err)
{
    found_version found = {arena, out, false};
    df_value params[] = {df_v_str(table->table_id), DF_V_NULL};
    const char *sql = SELECT_VERSION " ORDER BY version DESC LIMIT 1";
    size_t n = 1;
    if (as_of.version >= 0) {
        sql = SELECT_VERSION " AND version = ?";
        params[n++] = df_v_int(as_of.version);
    } else if (as_of.timestamp != DELTA_ABSENT) {
        sql = SELECT_VERSION " AND timestamp <= ? ORDER BY version DESC LIMIT 1";
        params[n++] = df_v_int(as_of.timestamp);
    }
    DF_TRY(delta_ask(catalog, sql, params, n, take_version, &found, err));
    return found.had ? DF_OK : no_such_version(catalog, table, as_of, err);
}

/* ---- all of them ---- */

typedef struct each_version {
    delta_version_fn fn;
    void *context;
} each_version;

static df_code give_version(void *context, const df_row *row, df_error *err)
{
    each_version *each = context;
    delta_version_row version;
    DF_TRY(version_of_row(row, NULL, &version, err));
    return each->fn(each->context, &version, err);
}

df_code delta_versions_each(delta_catalog *catalog, const delta_table *table, int64_t limit,
                            delta_version_fn fn, void *context, df_error *err)
{
    each_version each = {fn, context};
    df_value params[] = {df_v_str(table->table_id), df_v_int(limit)};
    const char *sql =
        limit > 0 ? SELECT_VERSION " ORDER BY version DESC LIMIT ?" : SELECT_VERSION " ORDER BY version DESC";
    return delta_ask(catalog, sql, params, limit > 0 ? 2 : 1, give_version, &each, err);
}
