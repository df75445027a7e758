/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that people inserted into delta_files by hand, with the six columns that the runbook names: they have
 * random negative ids and no hashes. Here they become rows like all others.
 */
#include "delta/catalog/load_int.h"

#include "base/json.h"
#include "catalog_loader.h"

#include <stdlib.h>

typedef struct manual_row {
    int64_t file_id;
    df_hash128 key;
    df_str values; /* canonical */
} manual_row;

typedef struct manual_rows {
    df_arena arena;
    df_json_parser *parser;
    manual_row *items;
    size_t count, cap;
} manual_rows;

/* Members sorted by name, as in every other row; what is not JSON stays as it was written. */
static df_str canonical(manual_rows *rows, df_str values)
{
    df_json json;
    df_buf text = {0};
    if (!values.ptr) return DF_STR("{}");
    if (df_json_parse(rows->parser, values, &json, NULL) != DF_OK) return df_arena_str(&rows->arena, values);
    df_json_put_canonical(&text, json);
    df_str copy = df_arena_str(&rows->arena, df_buf_str(&text));
    df_buf_release(&text);
    return copy;
}

static df_code take_row(void *context, const df_row *row, df_error *err)
{
    manual_rows *rows = context;
    const df_value *v = row->values;
    df_str values = v[3].type == DF_TEXT ? v[3].s : DF_STR_NONE;
    manual_row item = {.file_id = delta_int_of(&v[0], 0)};
    item.key = delta_file_key(v[1].s, v[2].type == DF_TEXT ? v[2].s : DF_STR(""));
    item.values = canonical(rows, values);
    DF_PUSH(rows->items, rows->count, rows->cap) = item;
    return DF_OK;
}

typedef struct partition_search {
    df_str values;
    int64_t id;
} partition_search;

static df_code take_partition(void *context, const df_row *row, df_error *err)
{
    partition_search *search = context;
    if (row->values[2].type == DF_TEXT && df_str_eq(row->values[2].s, search->values))
        search->id = delta_int_of(&row->values[0], 0);
    return DF_OK;
}

static df_code partition_id(delta_catalog *catalog, df_str table_id, df_str values, int64_t *next,
                            int64_t *id, df_error *err)
{
    df_hash128 hash = df_hash(values.ptr, values.len);
    df_value key[] = {df_v_str(table_id), df_v_int((int64_t)hash.low)};
    partition_search search = {values, 0};
    df_buf sql = {0};
    df_buf_printf(&sql, "%s (?)", SQL_partition_probe);
    df_code code = df_query(catalog->conn, df_buf_cstr(&sql), key, 2, take_partition, &search, err);
    df_buf_release(&sql);
    if (code != DF_OK) return code;
    *id = search.id ? search.id : (*next)++;
    if (search.id) return DF_OK;
    df_value row[] = {key[0], df_v_int(*id), key[1], df_v_str(values)};
    return df_exec(catalog->conn,
                   "INSERT INTO delta_partitions (table_id, partition_id, partition_hash, partition_values) "
                   "VALUES (?, ?, ?, ?)",
                   row, 4, NULL, err);
}

static df_code adopt_row(delta_catalog *catalog, df_str table_id, const manual_row *row,
                         int64_t *next_file_id, int64_t *next_partition_id, df_error *err)
{
    int64_t partition;
    DF_TRY(partition_id(catalog, table_id, row->values, next_partition_id, &partition, err));
    df_value params[] = {df_v_int((*next_file_id)++), df_v_int((int64_t)row->key.low),
                         df_v_int(partition),         df_v_str(row->values),
                         df_v_str(table_id),          df_v_int(row->file_id)};
    return df_exec(catalog->conn, SQL_adopt_row, params, 6, NULL, err);
}

df_code load_adopt(delta_catalog *catalog, df_str table_id, int64_t *next_file_id, int64_t *next_partition_id,
                   int64_t *rows, df_error *err)
{
    manual_rows manual = {.parser = df_json_parser_open()};
    df_value id = df_v_str(table_id);
    df_code code = df_query(catalog->conn, SQL_manual_rows, &id, 1, take_row, &manual, err);
    for (size_t i = 0; code == DF_OK && i < manual.count; i++)
        code = adopt_row(catalog, table_id, &manual.items[i], next_file_id, next_partition_id, err);
    *rows = (int64_t)manual.count;
    if (code == DF_OK && manual.count) {
        df_value counters[] = {df_v_int(*next_file_id), df_v_int(*next_partition_id), id};
        code = delta_exec(catalog, SQL_table_counters_set, counters, 3, NULL, err);
    }
    df_json_parser_close(manual.parser);
    df_arena_release(&manual.arena);
    free(manual.items);
    return code;
}

/* ---- by itself ---- */

typedef struct counters {
    bool found;
    int64_t next_file_id, next_partition_id;
} counters;

static df_code take_counters(void *context, const df_row *row, df_error *err)
{
    counters *c = context;
    *c = (counters){true, delta_int_of(&row->values[3], 1), delta_int_of(&row->values[4], 1)};
    return DF_OK;
}

typedef struct adoption {
    delta_catalog *catalog;
    df_str table_id;
    int64_t rows;
} adoption;

static df_code adopt_rows(void *context, df_error *err)
{
    adoption *a = context;
    counters c = {false, 1, 1};
    df_value id = df_v_str(a->table_id);
    DF_TRY(delta_lock_beat(a->catalog, a->table_id, err));
    DF_TRY(df_query(a->catalog->conn, SQL_table_counters, &id, 1, take_counters, &c, err));
    /* Rows of a table that was never imported: an import replaces them. */
    if (!c.found) return DF_OK;
    return load_adopt(a->catalog, a->table_id, &c.next_file_id, &c.next_partition_id, &a->rows, err);
}

df_code delta_catalog_adopt_rows(delta_catalog *catalog, df_str table_id, int64_t *rows, df_error *err)
{
    bool locked_before = delta_lock_token(catalog, table_id) != 0;
    int64_t by_hand;
    df_value id = df_v_str(table_id);
    *rows = 0;
    DF_TRY(delta_ask_int(catalog, "SELECT COUNT(*) FROM delta_files WHERE table_id = ? AND file_id < 0", &id,
                         1, 0, &by_hand, err));
    if (!by_hand) return DF_OK;
    if (!locked_before) DF_TRY(delta_table_lock(catalog, table_id, 0, err));
    adoption work = {catalog, table_id, 0};
    df_code code = delta_transaction(catalog, adopt_rows, &work, err);
    if (code == DF_OK) *rows = work.rows;
    if (!locked_before) delta_table_unlock(catalog, table_id);
    return code;
}
