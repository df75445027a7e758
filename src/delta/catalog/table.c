/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a catalog: finding, listing, removing them. */
#include "delta/catalog/catalog_int.h"

#include "catalog_loader.h"

typedef struct table_list {
    df_arena *arena;
    delta_table *items;
    size_t count, cap;
} table_list;

static df_code take_table(void *context, const df_row *row, df_error *err)
{
    table_list *list = context;
    const df_value *v = row->values;
    delta_table table = {
        .table_id = delta_text_of(&v[0], list->arena),
        .location = delta_text_of(&v[1], list->arena),
        .delta_id = delta_text_of(&v[2], list->arena),
        .history = delta_text_of(&v[3], list->arena),
        .flag = delta_text_of(&v[4], list->arena),
        .version = delta_int_of(&v[5], -1),
        .first_version = delta_int_of(&v[6], -1),
        .base_checkpoint = delta_int_of(&v[7], -1),
    };
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 8;
        delta_table *items = df_arena_alloc(list->arena, cap * sizeof *items);
        if (list->count) memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = table;
    return DF_OK;
}

/* The rows of delta_tables that `where` selects by one parameter. */
static df_code select_tables(delta_catalog *catalog, const char *where, df_value param, table_list *list,
                             df_error *err)
{
    df_buf sql = {0};
    df_buf_text(&sql, SQL_tables);
    df_buf_text(&sql, where);
    df_code code =
        df_query(catalog->conn, df_buf_cstr(&sql), &param, param.type != DF_NULL, take_table, list, err);
    df_buf_release(&sql);
    return code;
}

df_code delta_tables_list(delta_catalog *catalog, df_arena *arena, delta_table **out, size_t *count,
                          df_error *err)
{
    table_list list = {.arena = arena};
    DF_TRY(select_tables(catalog, "ORDER BY table_id", DF_V_NULL, &list, err));
    *out = list.items;
    *count = list.count;
    return DF_OK;
}

/* ---- similar names, for hints ---- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Edits between two names, letters' case aside; names longer than the table are never similar. */
static size_t distance(df_str a, df_str b)
{
    enum { LONGEST = 63 };
    size_t row[LONGEST + 1];
    if (a.len > LONGEST || b.len > LONGEST) return SIZE_MAX;
    for (size_t j = 0; j <= b.len; j++) row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t best = diagonal + (lower(a.ptr[i - 1]) != lower(b.ptr[j - 1]));
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b.len];
}

static bool similar(df_str wanted, df_str id)
{
    if (wanted.len >= 3 && memmem(id.ptr, id.len, wanted.ptr, wanted.len)) return true;
    return distance(wanted, id) <= (wanted.len < 6 ? 1 : 3);
}

static void hint_similar(delta_catalog *catalog, df_str table_id, df_error *err)
{
    df_arena arena = {0};
    delta_table *tables = NULL;
    size_t count = 0, named = 0;
    df_buf names = {0};
    if (delta_tables_list(catalog, &arena, &tables, &count, NULL) != DF_OK) count = 0;
    for (size_t i = 0; i < count && named < 5; i++) {
        if (!similar(table_id, tables[i].table_id)) continue;
        df_buf_printf(&names, "%s%.*s", named++ ? ", " : "", DF_FMT(tables[i].table_id));
    }
    if (named)
        df_error_hint(err, "did you mean: %s", df_buf_cstr(&names));
    else if (count == 0)
        df_error_hint(err, "the catalog has no tables yet; import one: deltalakedb import PATH");
    else
        df_error_hint(err, "list the tables: deltalakedb migration-status");
    df_buf_release(&names);
    df_arena_release(&arena);
}

df_code delta_table_get(delta_catalog *catalog, df_str table_id, df_arena *arena, delta_table *out,
                        df_error *err)
{
    table_list list = {.arena = arena};
    DF_TRY(select_tables(catalog, "WHERE table_id = ?", df_v_str(table_id), &list, err));
    if (list.count) {
        *out = list.items[0];
        return DF_OK;
    }
    df_fail(err, DF_NOT_FOUND, "no table %.*s in the catalog", DF_FMT(table_id));
    hint_similar(catalog, table_id, err);
    return DF_NOT_FOUND;
}

df_code delta_table_at(delta_catalog *catalog, df_str location, df_arena *arena, delta_table *out,
                       df_error *err)
{
    table_list list = {.arena = arena};
    df_value hash = df_v_int((int64_t)df_hash(location.ptr, location.len).low);
    DF_TRY(select_tables(catalog, "WHERE location_hash = ? ORDER BY table_id", hash, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        if (!df_str_eq(list.items[i].location, location)) continue;
        *out = list.items[i];
        return DF_OK;
    }
    df_fail(err, DF_NOT_FOUND, "no table in the catalog was imported from %.*s", DF_FMT(location));
    df_error_hint(err, "import it: deltalakedb import '%.*s' --database-url URL", DF_FMT(location));
    return DF_NOT_FOUND;
}

/* ---- removing ---- */

df_code delta_table_clear(delta_catalog *catalog, df_str table_id, int64_t *rows, df_error *err)
{
    static const char *const statements[] = {
        "DELETE FROM delta_files WHERE table_id = ?",
        "DELETE FROM delta_file_history WHERE table_id = ?",
        "DELETE FROM delta_tombstones WHERE table_id = ?",
        "DELETE FROM delta_partitions WHERE table_id = ?",
        "DELETE FROM delta_versions WHERE table_id = ?",
        "DELETE FROM delta_metadata WHERE table_id = ?",
        "DELETE FROM delta_protocol WHERE table_id = ?",
        "DELETE FROM delta_transactions WHERE table_id = ?",
        "DELETE FROM delta_domains WHERE table_id = ?",
        "DELETE FROM delta_column_stats WHERE table_id = ?",
        "DELETE FROM delta_stats_columns WHERE table_id = ?",
        "DELETE FROM file_based_snapshot WHERE table_id = ?",
    };
    df_value id = df_v_str(table_id);
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        int64_t affected = 0;
        DF_TRY(df_exec(catalog->conn, statements[i], &id, 1, &affected, err));
        *rows += affected;
    }
    return DF_OK;
}

typedef struct removal {
    delta_catalog *catalog;
    df_str table_id;
    int64_t rows;
} removal;

static df_code remove_rows(void *context, df_error *err)
{
    removal *r = context;
    df_conn *conn = r->catalog->conn;
    df_value id = df_v_str(r->table_id);
    int64_t tables = 0, statuses = 0;
    r->rows = 0;
    DF_TRY(delta_lock_beat(r->catalog, r->table_id, err));
    DF_TRY(delta_table_clear(r->catalog, r->table_id, &r->rows, err));
    DF_TRY(df_exec(conn, "DELETE FROM delta_tables WHERE table_id = ?", &id, 1, &tables, err));
    DF_TRY(df_exec(conn, "DELETE FROM migration_status WHERE table_id = ?", &id, 1, &statuses, err));
    r->rows += tables + statuses;
    return DF_OK;
}

df_code delta_table_remove(delta_catalog *catalog, df_str table_id, int64_t *rows, df_error *err)
{
    bool locked_before = delta_lock_token(catalog, table_id) != 0;
    removal work = {catalog, table_id, 0};
    *rows = 0;
    if (!locked_before) DF_TRY(delta_table_lock(catalog, table_id, 0, err));
    df_code code = delta_transaction(catalog, remove_rows, &work, err);
    if (!locked_before) delta_table_unlock(catalog, table_id);
    if (code != DF_OK) {
        df_error_prefix(err, "removing table %.*s", DF_FMT(table_id));
        return code;
    }
    *rows = work.rows;
    if (work.rows) return DF_OK;
    df_fail(err, DF_NOT_FOUND, "no table %.*s in the catalog", DF_FMT(table_id));
    hint_similar(catalog, table_id, err);
    return DF_NOT_FOUND;
}
