/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing two versions, and the life of one path. Only rows that began or ended in between are read; the
 * database sorts them by path, so that what is held here is one path's rows.
 */
#include "delta/catalog/query_int.h"
#include "delta/log/path.h"

#include <stdlib.h>

/* ---- diff ---- */

typedef struct side_file {
    bool later, used; /* of the later version */
    delta_file file;
} side_file;

typedef struct differ {
    delta_diff_fn fn;
    void *context;
    bool backwards; /* the caller asked from the later to the earlier */
    df_arena arena;
    side_file *group; /* rows of one path */
    size_t count, cap;
} differ;

static bool same_file(const delta_file *a, const delta_file *b)
{
    return df_hash_eq(delta_file_digest(a), delta_file_digest(b)) && df_str_eq(a->stats, b->stats) &&
           df_str_eq(a->tags, b->tags) && a->num_records == b->num_records;
}

static df_code tell(differ *d, char change, const delta_file *file, df_error *err)
{
    if (d->backwards && change != '~') change = change == '+' ? '-' : '+';
    return d->fn(d->context, change, file, err);
}

/* Pairs an earlier row with a later one: of the same deletion vector if there is one, else any. */
static df_code pair_up(differ *d, bool same_key, df_error *err)
{
    for (size_t i = 0; i < d->count; i++) {
        for (size_t j = 0; j < d->count && !d->group[i].later && !d->group[i].used; j++) {
            side_file *a = &d->group[i], *b = &d->group[j];
            if (!b->later || b->used || (same_key && !df_str_eq(a->file.dv_id, b->file.dv_id))) continue;
            a->used = b->used = true;
            if (!same_file(&a->file, &b->file)) DF_TRY(tell(d, '~', d->backwards ? &a->file : &b->file, err));
        }
    }
    return DF_OK;
}

static df_code end_group(differ *d, df_error *err)
{
    DF_TRY(pair_up(d, true, err));
    DF_TRY(pair_up(d, false, err));
    for (size_t i = 0; i < d->count; i++)
        if (!d->group[i].used) DF_TRY(tell(d, d->group[i].later ? '+' : '-', &d->group[i].file, err));
    d->count = 0;
    df_arena_reset(&d->arena);
    return DF_OK;
}

static void keep_file(df_arena *arena, delta_file *file)
{
    df_str *const texts[] = {
        &file->path,  &file->raw_path, &file->dv_id,           &file->partition_values,
        &file->stats, &file->tags,     &file->deletion_vector, &file->clustering_provider};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) *texts[i] = df_arena_str(arena, *texts[i]);
}

static df_code take_side(void *context, const df_row *row, df_error *err)
{
    differ *d = context;
    side_file side = {0};
    int64_t version;
    size_t next = delta_file_of_row(row, true, &side.file, &version);
    side.later = delta_int_of(&row->values[next], 0) != 0;
    if (d->count && !df_str_eq(d->group[0].file.path, side.file.path)) DF_TRY(end_group(d, err));
    keep_file(&d->arena, &side.file);
    DF_PUSH(d->group, d->count, d->cap) = side;
    return DF_OK;
}

static void put_side(df_buf *sql, const char *table, int later, const char *condition)
{
    if (sql->len) df_buf_text(sql, " UNION ALL ");
    df_buf_text(sql, "SELECT ");
    delta_put_file_columns(sql, "f", true);
    df_buf_printf(sql, ", %d AS side FROM %s f WHERE f.table_id = ? AND %s", later, table, condition);
}

static df_code run_diff(differ *d, delta_catalog *catalog, const delta_table *table, int64_t low,
                        int64_t high, df_error *err)
{
    df_buf sql = {0};
    df_value id = df_v_str(table->table_id), l = df_v_int(low), h = df_v_int(high);
    const df_value params[] = {id, l, l, h, id, l, h, id, l, h, h};
    put_side(&sql, "delta_file_history", 0,
             "+f.version <= ? AND f.removed_version > ? AND f.removed_version <= ?");
    put_side(&sql, "delta_files", 1, "f.version > ? AND f.version <= ?");
    put_side(&sql, "delta_file_history", 1, "f.version > ? AND f.version <= ? AND +f.removed_version > ?");
    df_buf_text(&sql, " ORDER BY path, dv_id");
    df_code code =
        df_query(catalog->conn, df_buf_cstr(&sql), params, sizeof params / sizeof *params, take_side, d, err);
    df_buf_release(&sql);
    return code == DF_OK ? end_group(d, err) : code;
}

df_code delta_diff(delta_catalog *catalog, const delta_table *table, int64_t from, int64_t to,
                   delta_diff_fn fn, void *context, df_error *err)
{
    differ d = {.fn = fn, .context = context, .backwards = from > to};
    int64_t ends[] = {from, to};
    df_code code = DF_OK;
    for (int i = 0; i < 2 && code == DF_OK; i++) {
        delta_version_row version;
        code =
            delta_version_find(catalog, table, (delta_as_of){ends[i], DELTA_ABSENT}, &d.arena, &version, err);
    }
    df_arena_reset(&d.arena);
    if (code == DF_OK) code = run_diff(&d, catalog, table, from < to ? from : to, from < to ? to : from, err);
    df_arena_release(&d.arena);
    free(d.group);
    return code;
}

/* ---- one path ---- */

typedef struct path_events {
    delta_path_event *items;
    size_t count, cap;
    df_arena arena;
} path_events;

static df_code take_event(void *context, const df_row *row, df_error *err)
{
    path_events *events = context;
    const df_value *v = row->values;
    delta_path_event event = {
        .version = delta_int_of(&v[0], -1),
        .removed_version = delta_int_of(&v[1], -1),
        .reason = delta_text_of(&v[2], &events->arena),
        .dv_id = delta_text_of(&v[3], &events->arena),
        .size = delta_int_of(&v[4], DELTA_ABSENT),
    };
    DF_PUSH(events->items, events->count, events->cap) = event;
    return DF_OK;
}

static int by_age(const void *a, const void *b)
{
    const delta_path_event *x = a, *y = b;
    if (x->version != y->version) return x->version < y->version ? -1 : 1;
    uint64_t ends_x = (uint64_t)x->removed_version,
             ends_y = (uint64_t)y->removed_version; /* -1, live, is the last */
    return (ends_x > ends_y) - (ends_x < ends_y);
}

#define PATH_EVENTS(live, history)                                                                           \
    "SELECT f.version, -1, 'live', f.dv_id, f.size FROM delta_files f WHERE f.table_id = ? AND " live        \
    " AND f.path = ? UNION ALL SELECT h.version, h.removed_version, h.reason, h.dv_id, h.size "              \
    "FROM delta_file_history h WHERE h.table_id = ? AND " history " AND h.path = ?"

static df_code read_events(delta_catalog *catalog, const delta_table *table, df_str path, path_events *events,
                           df_error *err)
{
    df_value id = df_v_str(table->table_id), text = df_v_str(path);
    df_value hash = df_v_int((int64_t)delta_file_key(path, DF_STR("")).low);
    const df_value hashed[] = {id, hash, text, id, hash, text};
    DF_TRY(delta_ask(catalog,
                     PATH_EVENTS("f.path_hash = ? AND f.dv_id = ''", "h.path_hash = ? AND h.dv_id = ''"),
                     hashed, 6, take_event, events, err));
    /* The hash covers the deletion vector too, so files with one are found by looking at all that have one,
     * if there ever was any. */
    int64_t any;
    DF_TRY(delta_ask_int(catalog, "SELECT MAX(deletion_vector_files) FROM delta_versions WHERE table_id = ?",
                         &id, 1, 0, &any, err));
    if (!any) return DF_OK;
    const df_value scanned[] = {id, text, id, text};
    return delta_ask(catalog, PATH_EVENTS("f.dv_id <> ''", "h.dv_id <> ''"), scanned, 4, take_event, events,
                     err);
}

df_code delta_path_history(delta_catalog *catalog, const delta_table *table, df_str path, delta_path_fn fn,
                           void *context, df_error *err)
{
    path_events events = {0};
    df_buf scratch = {0};
    df_code code = read_events(catalog, table, path, &events, err);
    if (code == DF_OK && !events.count) {
        df_str canonical = delta_canonical_path(path, &scratch);
        if (!df_str_eq(canonical, path)) code = read_events(catalog, table, canonical, &events, err);
    }
    if (code == DF_OK && events.count) qsort(events.items, events.count, sizeof *events.items, by_age);
    for (size_t i = 0; i < events.count && code == DF_OK; i++) code = fn(context, &events.items[i], err);
    free(events.items);
    df_arena_release(&events.arena);
    df_buf_release(&scratch);
    return code;
}
