/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/log/checkpoint_columns.h"

#include "base/error.h"

#include <stdlib.h>

/* ---- finding ---- */

delta_column delta_columns_add(delta_columns *columns, const parquet_node *leaf)
{
    DF_PUSH(columns->leaves, columns->n, columns->cap) = leaf;
    return (delta_column)(columns->n - 1);
}

static df_code wrong_column(const parquet_node *node, const char *wanted, df_error *err)
{
    df_buf path = {0};
    parquet_put_path(&path, node);
    df_fail(err, DF_CORRUPT, "column %.*s of the checkpoint is not %s", DF_FMT(df_buf_str(&path)), wanted);
    df_buf_release(&path);
    return DF_CORRUPT;
}

/* Names of nested members are written with points; no column of an action has one in its own name. */
static const parquet_node *find_node(const parquet_node *group, const char *name)
{
    char part[64];
    for (const char *point; group && (point = strchr(name, '.')); name = point + 1) {
        size_t len = (size_t)(point - name);
        memcpy(part, name, len);
        part[len] = '\0';
        group = parquet_child(group, part);
    }
    return parquet_child(group, name);
}

df_code delta_columns_find(delta_columns *columns, const parquet_node *group, const char *name,
                           delta_column_type type, delta_column *out, df_error *err)
{
    *out = DELTA_NO_COLUMN;
    const parquet_node *node = find_node(group, name);
    if (!node) return DF_OK;
    static const char *const wanted[] = {"an integer", "true or false", "a string"};
    bool right = type == DELTA_COLUMN_INT    ? node->type == PARQUET_INT64 || node->type == PARQUET_INT32
                 : type == DELTA_COLUMN_BOOL ? node->type == PARQUET_BOOLEAN
                                             : node->type == PARQUET_BYTE_ARRAY;
    /* A column of nothing but nulls may have any type. */
    if (!right && node->meaning == PARQUET_NULLS) return DF_OK;
    if (!right || node->max_rep) return wrong_column(node, wanted[type], err);
    *out = delta_columns_add(columns, node);
    return DF_OK;
}

df_code delta_columns_find_map(delta_columns *columns, const parquet_node *group, const char *name,
                               delta_collection *out, df_error *err)
{
    *out = (delta_collection){.key = DELTA_NO_COLUMN, .value = DELTA_NO_COLUMN};
    const parquet_node *node = find_node(group, name);
    if (!node) return DF_OK;
    parquet_map map;
    if (!parquet_as_map(node, &map) || map.key->type != PARQUET_BYTE_ARRAY || map.key->max_rep != 1 ||
        (map.value && (map.value->type != PARQUET_BYTE_ARRAY || map.value->max_rep != 1)))
        return wrong_column(node, "a map from strings to strings", err);
    out->key = delta_columns_add(columns, map.key);
    if (map.value) out->value = delta_columns_add(columns, map.value);
    out->def = node->max_def;
    out->entry_def = map.repeated->max_def;
    return DF_OK;
}

df_code delta_columns_find_list(delta_columns *columns, const parquet_node *group, const char *name,
                                delta_collection *out, df_error *err)
{
    *out = (delta_collection){.key = DELTA_NO_COLUMN, .value = DELTA_NO_COLUMN};
    const parquet_node *node = find_node(group, name);
    if (!node) return DF_OK;
    parquet_list list;
    bool right = parquet_as_list(node, &list);
    /* Some writers put a group around a string; the leaf is what counts. */
    while (right && list.element->type == PARQUET_GROUP && list.element->leaves == 1)
        list.element = list.element->first_child;
    if (!right || list.element->type != PARQUET_BYTE_ARRAY || list.element->max_rep != 1)
        return wrong_column(node, "a list of strings", err);
    out->key = delta_columns_add(columns, list.element);
    /* A bare repeated field has no level of its own for "null". */
    out->def = list.repeated == node ? node->parent->max_def : node->max_def;
    out->entry_def = list.repeated->max_def;
    return DF_OK;
}

df_code delta_columns_open(delta_columns *columns, const parquet_file *file, df_error *err)
{
    columns->cursors = df_zalloc(columns->n * sizeof *columns->cursors);
    return parquet_scan_open(file, columns->leaves, columns->n, &columns->scan, err);
}

df_code delta_columns_start(delta_columns *columns, size_t row_group, df_error *err)
{
    DF_TRY(parquet_scan_start(columns->scan, row_group, err));
    for (size_t i = 0; i < columns->n; i++)
        parquet_cursor_init(&columns->cursors[i], parquet_scan_column(columns->scan, i));
    return DF_OK;
}

void delta_columns_release(delta_columns *columns)
{
    parquet_scan_close(columns->scan);
    free(columns->cursors);
    free(columns->leaves);
    *columns = (delta_columns){0};
}

/* ---- values ---- */

/* *cursor is NULL when the value is null. */
static inline df_code seek(delta_columns *columns, delta_column column, int64_t row, parquet_cursor **cursor,
                           df_error *err)
{
    *cursor = NULL;
    if (column < 0) return DF_OK;
    parquet_cursor *c = &columns->cursors[column];
    DF_TRY(parquet_cursor_seek(c, row, err));
    if (parquet_cursor_has_value(c)) *cursor = c;
    return DF_OK;
}

df_code delta_columns_int(delta_columns *columns, delta_column column, int64_t row, int64_t *out,
                          df_error *err)
{
    parquet_cursor *c;
    DF_TRY(seek(columns, column, row, &c, err));
    if (!c) return DF_OK;
    bool wide = parquet_column_leaf(c->column)->type == PARQUET_INT64;
    *out = wide ? c->batch.int64s[c->value_at] : c->batch.int32s[c->value_at];
    return DF_OK;
}

df_code delta_columns_bool(delta_columns *columns, delta_column column, int64_t row, bool *out, bool *given,
                           df_error *err)
{
    parquet_cursor *c;
    DF_TRY(seek(columns, column, row, &c, err));
    if (given) *given = c != NULL;
    if (c) *out = c->batch.booleans[c->value_at] != 0;
    return DF_OK;
}

static bool is_ascii(df_str s)
{
    const uint64_t high = 0x8080808080808080u;
    uint64_t any = 0, word;
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        memcpy(&word, s.ptr + i, 8);
        any |= word;
    }
    for (; i < s.len; i++) any |= (unsigned char)s.ptr[i];
    return !(any & high);
}

static df_code check_text(const parquet_cursor *c, df_str text, df_error *err)
{
    if (is_ascii(text) || df_str_is_utf8(text)) return DF_OK;
    df_buf path = {0};
    parquet_put_path(&path, parquet_column_leaf(c->column));
    df_fail(err, DF_CORRUPT, "column %.*s, row %lld: the text is not UTF-8", DF_FMT(df_buf_str(&path)),
            (long long)c->row);
    df_buf_release(&path);
    return DF_CORRUPT;
}

df_code delta_columns_text(delta_columns *columns, delta_column column, int64_t row, df_str *out,
                           df_error *err)
{
    parquet_cursor *c;
    DF_TRY(seek(columns, column, row, &c, err));
    if (!c) return DF_OK;
    *out = c->batch.strings[c->value_at];
    return check_text(c, *out, err);
}

/* The first level from `from` on that is at least `def` (not 0); `n` when there is none. Mostly they are
 * zeros. */
static size_t find_level(const uint8_t *levels, size_t from, size_t n, uint8_t def)
{
    size_t i = from;
    for (; i < n; i++) {
        uint64_t word;
        if (n - i >= 8 && (memcpy(&word, levels + i, 8), word == 0)) {
            i += 7;
            continue;
        }
        if (levels[i] >= def) return i;
    }
    return n;
}

df_code delta_columns_find_row(delta_columns *columns, delta_column column, uint8_t def, int64_t row,
                               int64_t rows, int64_t *out, df_error *err)
{
    *out = rows;
    if (column < 0) return DF_OK;
    parquet_cursor *c = &columns->cursors[column];
    while (row < rows) {
        DF_TRY(parquet_cursor_seek(c, row, err));
        size_t found = def ? find_level(c->batch.def, c->at, c->batch.count, def) : c->at;
        row += (int64_t)(found - c->at);
        if (found == c->batch.count) continue;
        DF_TRY(parquet_cursor_seek(c, row, err));
        *out = row;
        break;
    }
    return DF_OK;
}

/* ---- maps and lists ---- */

/* One entry: its key, for sorting, and its text, each in a buffer of the collector. */
struct delta_collected {
    const delta_collector *collector; /* while sorting */
    size_t key, key_len, member, member_len;
    size_t order;
};

void delta_collector_release(delta_collector *collector)
{
    df_buf_release(&collector->keys);
    df_buf_release(&collector->members);
    free(collector->items);
    *collector = (delta_collector){0};
}

static void clear(delta_collector *collector)
{
    df_buf_clear(&collector->keys);
    df_buf_clear(&collector->members);
    collector->count = 0;
}

static df_str key_of(const delta_collector *collector, const struct delta_collected *item)
{
    return (df_str){df_buf_str(&collector->keys).ptr + item->key, item->key_len};
}

static int by_key(const void *a, const void *b)
{
    const struct delta_collected *x = a, *y = b;
    int order = df_str_cmp(key_of(x->collector, x), key_of(y->collector, y));
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

/* Sorts by key, unless they are in order. */
static void sort(delta_collector *collector)
{
    bool sorted = true;
    for (size_t i = 0; i < collector->count; i++) {
        collector->items[i].collector = collector;
        collector->items[i].order = i;
        if (i && by_key(&collector->items[i - 1], &collector->items[i]) > 0) sorted = false;
    }
    if (!sorted) qsort(collector->items, collector->count, sizeof *collector->items, by_key);
}

/* The members between brackets; of equal keys in a map the last one counts, as in JSON. */
static void put_collected(const delta_collector *collector, bool map, df_buf *out)
{
    const char *members = df_buf_str(&collector->members).ptr;
    df_buf_char(out, map ? '{' : '[');
    bool first = true;
    for (size_t i = 0; i < collector->count; i++) {
        const struct delta_collected *item = &collector->items[i];
        bool repeated = map && i + 1 < collector->count &&
                        df_str_eq(key_of(collector, item), key_of(collector, item + 1));
        if (repeated) continue;
        if (!first) df_buf_char(out, ',');
        first = false;
        df_buf_add(out, members + item->member, item->member_len);
    }
    df_buf_char(out, map ? '}' : ']');
}

static df_code put_text(const parquet_cursor *c, df_buf *out, df_error *err)
{
    if (!c || !parquet_cursor_has_value(c)) {
        df_buf_text(out, "null");
        return DF_OK;
    }
    df_str text = c->batch.strings[c->value_at];
    DF_TRY(check_text(c, text, err));
    df_json_put_str(out, text);
    return DF_OK;
}

/* Copies the entry that the cursors stand at: the next step may take its bytes away. */
static df_code collect(delta_collector *collector, const parquet_cursor *key, const parquet_cursor *value,
                       bool map, df_error *err)
{
    if (map && !parquet_cursor_has_value(key))
        return wrong_column(parquet_column_leaf(key->column), "without nulls, which keys must be", err);
    struct delta_collected item = {.key = collector->keys.len, .member = collector->members.len};
    if (parquet_cursor_has_value(key)) df_buf_str_add(&collector->keys, key->batch.strings[key->value_at]);
    DF_TRY(put_text(key, &collector->members, err));
    if (map) {
        df_buf_char(&collector->members, ':');
        DF_TRY(put_text(value, &collector->members, err));
    }
    item.key_len = collector->keys.len - item.key;
    item.member_len = collector->members.len - item.member;
    DF_PUSH(collector->items, collector->count, collector->cap) = item;
    return DF_OK;
}

static df_code collect_row(delta_columns *columns, const delta_collection *from, int64_t row, bool map,
                           delta_collector *collector, bool *given, df_error *err)
{
    *given = false;
    if (from->key < 0) return DF_OK;
    parquet_cursor *key = &columns->cursors[from->key];
    parquet_cursor *value = from->value < 0 ? NULL : &columns->cursors[from->value];
    DF_TRY(parquet_cursor_seek(key, row, err));
    *given = parquet_cursor_def(key) >= from->def;
    clear(collector);
    if (parquet_cursor_def(key) < from->entry_def) return DF_OK;
    if (value) DF_TRY(parquet_cursor_seek(value, row, err));
    for (bool more = true, more_values = true; more;) {
        DF_TRY(collect(collector, key, value, map, err));
        DF_TRY(parquet_cursor_step(key, &more, err));
        if (value) DF_TRY(parquet_cursor_step(value, &more_values, err));
        if (value && more != more_values)
            return wrong_column(parquet_column_leaf(value->column), "as long as the keys of its map", err);
    }
    return DF_OK;
}

df_code delta_columns_map(delta_columns *columns, const delta_collection *map, int64_t row,
                          delta_collector *collector, df_buf *out, bool *given, df_error *err)
{
    DF_TRY(collect_row(columns, map, row, true, collector, given, err));
    if (!*given) return DF_OK;
    if (collector->count > 1) sort(collector);
    put_collected(collector, true, out);
    return DF_OK;
}

df_code delta_columns_list(delta_columns *columns, const delta_collection *list, int64_t row, bool sorted,
                           delta_collector *collector, df_buf *out, bool *given, df_error *err)
{
    DF_TRY(collect_row(columns, list, row, false, collector, given, err));
    if (!*given) return DF_OK;
    if (sorted) sort(collector);
    put_collected(collector, false, out);
    return DF_OK;
}
