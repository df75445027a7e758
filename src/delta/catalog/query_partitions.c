/* SPDX-License-Identifier: Apache-2.0 */
/* The part of an expression that partition columns decide: evaluated once a partition, in C, and given to SQL
 * as a set of ids. */
#include "delta/catalog/query_int.h"

#include <stdlib.h>

enum {
    MAX_PARTS = 62,  /* bits of a signed number */
    MAX_INLINE = 16, /* ids or ranges written into the statement; beyond, a set travels as one parameter */
};

/* The largest parts that only partition columns decide, but not those of a top-level AND: there they hold in
 * every partition left. */
static void collect_parts(delta_partition_set *set, const delta_where_node *node, bool top)
{
    if (node->partition_only) {
        if (!top && node->op != DELTA_WHERE_TRUE && node->op != DELTA_WHERE_FALSE)
            DF_PUSH(set->parts, set->n_parts, set->parts_cap) = node;
        return;
    }
    for (size_t i = 0; i < node->n_children; i++)
        collect_parts(set, node->children[i], top && node->op == DELTA_WHERE_AND);
}

typedef struct matcher {
    const delta_where *where;
    delta_partition_set *set;
    delta_bounds_reader reader;
    delta_bounds *bounds;
} matcher;

static df_code take_partition(void *context, const df_row *row, df_error *err)
{
    matcher *m = context;
    delta_partition_set *set = m->set;
    set->total++;
    delta_bounds_of_partition(&m->reader, m->where, delta_view_of(&row->values[1]), m->bounds);
    if (!delta_where_may_match(m->where, m->bounds)) return DF_OK;
    int64_t bits = 0;
    for (size_t i = 0; i < set->n_parts; i++)
        if (delta_where_node_may_match(m->where, set->parts[i], m->bounds)) bits |= (int64_t)1 << i;
    size_t count = set->count;
    DF_PUSH(set->ids, count, set->ids_cap) = delta_int_of(&row->values[0], -1);
    if (set->count) set->varying |= bits ^ set->bits[0];
    DF_PUSH(set->bits, set->count, set->bits_cap) = bits;
    return DF_OK;
}

static df_code find_nameless(delta_catalog *catalog, const delta_table *table, bool *complete, df_error *err)
{
    static const char *const questions[] = {
        "SELECT 1 FROM delta_files WHERE table_id = ? AND partition_id IS NULL LIMIT 1",
        "SELECT 1 FROM delta_file_history WHERE table_id = ? AND partition_id IS NULL LIMIT 1",
    };
    df_value id = df_v_str(table->table_id);
    *complete = true;
    for (size_t i = 0; i < 2 && *complete; i++) {
        int64_t found;
        DF_TRY(delta_ask_int(catalog, questions[i], &id, 1, 0, &found, err));
        *complete = !found;
    }
    return DF_OK;
}

df_code delta_partitions_match(delta_catalog *catalog, const delta_table *table, const delta_where *where,
                               delta_partition_set *out, df_error *err)
{
    *out = (delta_partition_set){0};
    collect_parts(out, where->root, true);
    DF_TRY(find_nameless(catalog, table, &out->complete, err));
    if (out->n_parts > MAX_PARTS) out->complete = false;
    if (!out->complete) return DF_OK;
    matcher m = {.where = where, .set = out};
    m.bounds = df_zalloc((where->n_columns + 1) * sizeof *m.bounds);
    df_value id = df_v_str(table->table_id);
    df_code code = delta_ask(catalog,
                             "SELECT partition_id, partition_values FROM delta_partitions WHERE table_id = ? "
                             "ORDER BY partition_id",
                             &id, 1, take_partition, &m, err);
    delta_bounds_reader_release(&m.reader);
    free(m.bounds);
    return code;
}

void delta_partition_set_release(delta_partition_set *set)
{
    free(set->ids);
    free(set->bits);
    free(set->parts);
    *set = (delta_partition_set){0};
}

/* ---- as SQL ---- */

static bool is_postgres(const delta_catalog *catalog)
{
    return !strcmp(df_conn_engine(catalog->conn), "postgres");
}

/* PostgreSQL: two arrays {…}; the others: one JSON array of pairs. */
static void put_pairs(const delta_catalog *catalog, const delta_partition_set *set, df_arena *arena,
                      delta_params *params)
{
    df_buf text = {0};
    bool arrays = is_postgres(catalog);
    for (int part = 0; part < (arrays ? 2 : 1); part++) {
        df_buf_clear(&text);
        df_buf_char(&text, arrays ? '{' : '[');
        for (size_t i = 0; i < set->count; i++) {
            if (i) df_buf_char(&text, ',');
            if (arrays) {
                df_buf_int(&text, part ? set->bits[i] : set->ids[i]);
                continue;
            }
            df_buf_char(&text, '[');
            df_buf_int(&text, set->ids[i]);
            df_buf_char(&text, ',');
            df_buf_int(&text, set->bits[i]);
            df_buf_char(&text, ']');
        }
        df_buf_char(&text, arrays ? '}' : ']');
        delta_param(params, df_v_str(df_arena_str(arena, df_buf_str(&text))));
    }
    df_buf_release(&text);
}

void delta_put_partition_table(const delta_catalog *catalog, const delta_partition_set *set, df_arena *arena,
                               df_buf *sql, delta_params *params)
{
    const char *engine = df_conn_engine(catalog->conn);
    if (is_postgres(catalog))
        df_buf_text(sql, "unnest(CAST(? AS bigint[]), CAST(? AS bigint[])) AS q(partition_id, bits)");
    else if (!strcmp(engine, "sqlite"))
        df_buf_text(
            sql, "(SELECT json_extract(value, '$[0]') AS partition_id, json_extract(value, '$[1]') AS bits "
                 "FROM json_each(?)) AS q");
    else
        df_buf_text(
            sql,
            "JSON_TABLE(?, '$[*]' COLUMNS (partition_id BIGINT PATH '$[0]', bits BIGINT PATH '$[1]')) AS q");
    put_pairs(catalog, set, arena, params);
}

static size_t count_ranges(const delta_partition_set *set)
{
    size_t ranges = 0;
    for (size_t i = 0; i < set->count; i++) ranges += i == 0 || set->ids[i] != set->ids[i - 1] + 1;
    return ranges;
}

void delta_put_partition_test(const delta_catalog *catalog, const delta_partition_set *set,
                              const char *column, df_arena *arena, df_buf *sql, delta_params *params)
{
    if (set->count > MAX_INLINE && count_ranges(set) > MAX_INLINE) {
        df_buf_printf(sql, "%s IN (SELECT q.partition_id FROM ", column);
        delta_put_partition_table(catalog, set, arena, sql, params);
        df_buf_char(sql, ')');
        return;
    }
    bool list = set->count <= MAX_INLINE;
    if (list)
        df_buf_printf(sql, "%s IN (", column);
    else
        df_buf_char(sql, '(');
    for (size_t i = 0, end; i < set->count; i = end) {
        end = i + 1;
        if (list) {
            df_buf_text(sql, i ? ", ?" : "?");
            delta_param(params, df_v_int(set->ids[i]));
            continue;
        }
        while (end < set->count && set->ids[end] == set->ids[end - 1] + 1) end++;
        df_buf_printf(sql, "%s%s BETWEEN ? AND ?", i ? " OR " : "", column);
        delta_param(params, df_v_int(set->ids[i]));
        delta_param(params, df_v_int(set->ids[end - 1]));
    }
    df_buf_char(sql, ')');
}
