/* SPDX-License-Identifier: Apache-2.0 */
/* What a commit did, put together again from the rows that it left; and the tombstones. */
#include "base/json.h"
#include "delta/catalog/query_int.h"

/* Rows of removes, the same from tombstones and from files that a remove ended. */
#define REMOVE_COLUMNS(removed_version, data_change, extended)                                               \
    "t.path, t.dv_id, " removed_version ", t.size, t.deletion_timestamp, " data_change                       \
    ", t.partition_values, " extended ", t.dv_cardinality, t.deletion_vector, t.base_row_id, "               \
    "t.default_row_commit_version, t.raw_path, t.tags, t.stats"

static delta_file remove_of_row(const df_row *row, int64_t *version)
{
    const df_value *v = row->values;
    delta_file file = {
        .path = delta_view_of(&v[0]),
        .dv_id = delta_view_of(&v[1]),
        .size = delta_int_of(&v[3], DELTA_ABSENT),
        .modification_time = DELTA_ABSENT,
        .deletion_timestamp = delta_int_of(&v[4], DELTA_ABSENT),
        .data_change = delta_int_of(&v[5], 1) != 0,
        .partition_values = delta_view_of(&v[6]),
        .extended_file_metadata = (int)delta_int_of(&v[7], -1),
        .num_records = DELTA_ABSENT,
        .dv_cardinality = delta_int_of(&v[8], 0),
        .deletion_vector = delta_view_of(&v[9]),
        .base_row_id = delta_int_of(&v[10], DELTA_ABSENT),
        .default_row_commit_version = delta_int_of(&v[11], DELTA_ABSENT),
        .raw_path = delta_view_of(&v[12]),
        .tags = delta_view_of(&v[13]),
        .stats = delta_view_of(&v[14]),
    };
    *version = delta_int_of(&v[2], -1);
    if (!file.raw_path.ptr) file.raw_path = file.path;
    file.key = delta_file_key(file.path, file.dv_id);
    return file;
}

typedef struct each_file {
    delta_file_fn fn;
    void *context;
} each_file;

static df_code give_tombstone(void *context, const df_row *row, df_error *err)
{
    each_file *each = context;
    int64_t version;
    delta_file file = remove_of_row(row, &version);
    return each->fn(each->context, &file, version, err);
}

df_code delta_tombstones_each(delta_catalog *catalog, const delta_table *table, delta_file_fn fn,
                              void *context, df_error *err)
{
    each_file each = {fn, context};
    df_value id = df_v_str(table->table_id);
    return delta_ask(
        catalog,
        "SELECT " REMOVE_COLUMNS(
            "t.version", "t.data_change",
            "t.extended_file_metadata") " FROM delta_tombstones t WHERE t.table_id = ? ORDER BY t.file_id",
        &id, 1, give_tombstone, &each, err);
}

/* ---- the actions of a version ---- */

static df_code give_commit_info(const delta_version_row *version, delta_sink sink, df_error *err)
{
    if (!version->commit_info.ptr) return DF_OK;
    delta_action action = {
        .kind = DELTA_COMMIT_INFO,
        .commit_info = {version->commit_info, version->operation, version->commit_timestamp,
                        version->in_commit_timestamp},
    };
    return sink.take(sink.context, &action, err);
}

static df_code give_protocol(void *context, const df_row *row, df_error *err)
{
    const delta_sink *sink = context;
    const df_value *v = row->values;
    delta_action action = {
        .kind = DELTA_PROTOCOL,
        .protocol = {delta_int_of(&v[0], 0), delta_int_of(&v[1], 0), delta_view_of(&v[2]),
                     delta_view_of(&v[3])},
    };
    return sink->take(sink->context, &action, err);
}

static df_code give_metadata(void *context, const df_row *row, df_error *err)
{
    const delta_sink *sink = context;
    const df_value *v = row->values;
    delta_action action = {
        .kind = DELTA_METADATA,
        .metadata = {delta_view_of(&v[0]), delta_view_of(&v[1]), delta_view_of(&v[2]), delta_view_of(&v[3]),
                     delta_view_of(&v[4]), delta_view_of(&v[5]), delta_view_of(&v[6]),
                     delta_int_of(&v[7], DELTA_ABSENT)},
    };
    return sink->take(sink->context, &action, err);
}

static df_code give_txn(void *context, const df_row *row, df_error *err)
{
    const delta_sink *sink = context;
    const df_value *v = row->values;
    delta_action action = {
        .kind = DELTA_TXN,
        .txn = {delta_view_of(&v[0]), delta_int_of(&v[1], 0), delta_int_of(&v[2], DELTA_ABSENT)},
    };
    return sink->take(sink->context, &action, err);
}

static df_code give_domain(void *context, const df_row *row, df_error *err)
{
    const delta_sink *sink = context;
    const df_value *v = row->values;
    delta_action action = {
        .kind = DELTA_DOMAIN,
        .domain = {delta_view_of(&v[0]), delta_view_of(&v[1]), delta_int_of(&v[2], 0) != 0},
    };
    return sink->take(sink->context, &action, err);
}

static df_code give_remove(void *context, const df_row *row, df_error *err)
{
    const delta_sink *sink = context;
    int64_t version;
    delta_action action = {.kind = DELTA_REMOVE, .file = remove_of_row(row, &version)};
    return sink->take(sink->context, &action, err);
}

static df_code give_add(void *context, const df_row *row, df_error *err)
{
    const delta_sink *sink = context;
    int64_t version;
    delta_action action = {.kind = DELTA_ADD};
    delta_file_of_row(row, true, &action.file, &version);
    return sink->take(sink->context, &action, err);
}

static df_code give_table_actions(delta_catalog *catalog, const df_value *params, delta_sink *sink,
                                  df_error *err)
{
    static const struct {
        const char *sql;
        df_row_fn give;
    } parts[] = {
        {"SELECT min_reader_version, min_writer_version, reader_features, writer_features FROM "
         "delta_protocol "
         "WHERE table_id = ? AND version = ?",
         give_protocol},
        {"SELECT id, name, description, format, schema_string, partition_columns, configuration, "
         "created_time "
         "FROM delta_metadata WHERE table_id = ? AND version = ?",
         give_metadata},
        {"SELECT app_id, txn_version, last_updated FROM delta_transactions WHERE table_id = ? AND version = "
         "? ORDER BY seq",
         give_txn},
        {"SELECT domain, configuration, removed FROM delta_domains WHERE table_id = ? AND version = ? ORDER "
         "BY seq",
         give_domain},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        DF_TRY(delta_ask(catalog, parts[i].sql, params, 2, parts[i].give, sink, err));
    return DF_OK;
}

/* A file that a remove ended is told by its history row; what is only a tombstone was removed without ever
 * having been added. */
static df_code give_removes(delta_catalog *catalog, const df_value *params, delta_sink *sink, df_error *err)
{
    /* What the history row knows (size, partition values) is what "extended file metadata" means. */
    DF_TRY(delta_ask(catalog,
                     "SELECT " REMOVE_COLUMNS(
                         "t.removed_version", "t.removed_data_change",
                         "1") " FROM delta_file_history t WHERE t.table_id = ? AND t.removed_version = ? "
                              "AND t.reason = 'removed' ORDER BY t.file_id",
                     params, 2, give_remove, sink, err));
    return delta_ask(catalog,
                     "SELECT " REMOVE_COLUMNS(
                         "t.version", "t.data_change",
                         "t.extended_file_metadata") " FROM delta_tombstones t WHERE t.table_id = ? AND "
                                                     "t.version = ? AND NOT EXISTS (SELECT 1 "
                                                     "FROM delta_file_history h WHERE h.table_id = "
                                                     "t.table_id AND h.path_hash = t.path_hash "
                                                     "AND h.removed_version = t.version AND h.path = t.path "
                                                     "AND h.dv_id = t.dv_id) ORDER BY t.file_id",
                     params, 2, give_remove, sink, err);
}

static df_code give_adds(delta_catalog *catalog, const df_value *params, delta_sink *sink, df_error *err)
{
    df_buf sql = {0};
    for (int part = 0; part < 2; part++) {
        df_buf_text(&sql, part ? " UNION ALL SELECT " : "SELECT ");
        delta_put_file_columns(&sql, "f", true);
        df_buf_printf(&sql, ", f.file_id FROM %s f WHERE f.table_id = ? AND f.version = ?",
                      part ? "delta_file_history" : "delta_files");
    }
    df_buf_text(&sql, " ORDER BY file_id");
    df_value both[] = {params[0], params[1], params[0], params[1]};
    df_code code = df_query(catalog->conn, df_buf_cstr(&sql), both, 4, give_add, sink, err);
    df_buf_release(&sql);
    return code;
}

static df_code give_version(delta_catalog *catalog, const delta_table *table, int64_t version,
                            df_arena *arena, delta_sink sink, df_error *err)
{
    delta_version_row row;
    DF_TRY(delta_version_find(catalog, table, (delta_as_of){version, DELTA_ABSENT}, arena, &row, err));
    df_value params[] = {df_v_str(table->table_id), df_v_int(version)};
    DF_TRY(give_commit_info(&row, sink, err));
    DF_TRY(give_table_actions(catalog, params, &sink, err));
    DF_TRY(give_removes(catalog, params, &sink, err));
    return give_adds(catalog, params, &sink, err);
}

df_code delta_version_actions(delta_catalog *catalog, const delta_table *table, int64_t version,
                              delta_sink sink, df_error *err)
{
    df_arena arena = {0};
    df_code code = give_version(catalog, table, version, &arena, sink, err);
    df_arena_release(&arena);
    return code;
}
