/* SPDX-License-Identifier: Apache-2.0 */
/* The table-level state at a version: of each key the newest row of the version's segment. */
#include "delta/catalog/query_int.h"

#include <stdlib.h>

/* Rows of a version's segment up to it. */
#define OF_SEGMENT " WHERE table_id = ? AND version >= ? AND version <= ?"

typedef struct segment_params {
    df_value values[3];
} segment_params;

static segment_params segment_of(const delta_table *table, const delta_version_row *version)
{
    return (segment_params){
        {df_v_str(table->table_id), df_v_int(version->segment_base), df_v_int(version->version)}};
}

typedef struct one_row {
    df_arena *arena;
    void *out;
    bool had;
} one_row;

static df_code take_metadata(void *context, const df_row *row, df_error *err)
{
    one_row *one = context;
    delta_metadata *m = one->out;
    df_str *const texts[] = {
        &m->id, &m->name, &m->description, &m->format, &m->schema, &m->partition_columns, &m->configuration};
    for (size_t i = 0; i < 7; i++) *texts[i] = delta_text_of(&row->values[i], one->arena);
    m->created_time = delta_int_of(&row->values[7], DELTA_ABSENT);
    one->had = true;
    return DF_OK;
}

df_code delta_metadata_at(delta_catalog *catalog, const delta_table *table, const delta_version_row *version,
                          df_arena *arena, delta_metadata *out, df_error *err)
{
    segment_params p = segment_of(table, version);
    one_row one = {arena, out, false};
    *out = (delta_metadata){.created_time = DELTA_ABSENT};
    DF_TRY(delta_ask(catalog,
                     "SELECT id, name, description, format, schema_string, partition_columns, configuration, "
                     "created_time FROM delta_metadata" OF_SEGMENT " ORDER BY version DESC LIMIT 1",
                     p.values, 3, take_metadata, &one, err));
    if (one.had) return DF_OK;
    return df_fail(err, DF_CORRUPT, "table %.*s: no metadata is stored for version %lld",
                   DF_FMT(table->table_id), (long long)version->version);
}

static df_code take_protocol(void *context, const df_row *row, df_error *err)
{
    one_row *one = context;
    delta_protocol *p = one->out;
    p->min_reader_version = delta_int_of(&row->values[0], 0);
    p->min_writer_version = delta_int_of(&row->values[1], 0);
    p->reader_features = delta_text_of(&row->values[2], one->arena);
    p->writer_features = delta_text_of(&row->values[3], one->arena);
    one->had = true;
    return DF_OK;
}

static df_code read_protocol(delta_catalog *catalog, const delta_table *table, delta_state *state,
                             df_arena *arena, df_error *err)
{
    segment_params p = segment_of(table, &state->version);
    one_row one = {arena, &state->protocol, false};
    DF_TRY(delta_ask(catalog,
                     "SELECT min_reader_version, min_writer_version, reader_features, writer_features "
                     "FROM delta_protocol" OF_SEGMENT " ORDER BY version DESC LIMIT 1",
                     p.values, 3, take_protocol, &one, err));
    if (one.had) return DF_OK;
    return df_fail(err, DF_CORRUPT, "table %.*s: no protocol is stored for version %lld",
                   DF_FMT(table->table_id), (long long)state->version.version);
}

/* ---- the last row of each key ---- */

/* Rows come oldest first; a later one of the same key takes the earlier one's place. */
typedef struct newest {
    df_arena *arena;
    df_keymap places; /* hash of the key → index in items */
    void *items;
    size_t count, cap;
} newest;

static size_t place_of(newest *n, df_str key, bool *added)
{
    int64_t *place = df_keymap_put(&n->places, df_hash(key.ptr, key.len), added);
    if (*added) *place = (int64_t)n->count;
    return (size_t)*place;
}

static df_code take_txn(void *context, const df_row *row, df_error *err)
{
    newest *n = context;
    bool added;
    delta_txn *txns = n->items;
    size_t place = place_of(n, delta_view_of(&row->values[0]), &added);
    if (added) {
        DF_PUSH(txns, n->count, n->cap) = (delta_txn){.app_id = delta_text_of(&row->values[0], n->arena)};
        n->items = txns;
    }
    txns[place].version = delta_int_of(&row->values[1], 0);
    txns[place].last_updated = delta_int_of(&row->values[2], DELTA_ABSENT);
    return DF_OK;
}

static df_code take_domain(void *context, const df_row *row, df_error *err)
{
    newest *n = context;
    bool added;
    delta_domain *domains = n->items;
    size_t place = place_of(n, delta_view_of(&row->values[0]), &added);
    if (added) {
        DF_PUSH(domains, n->count, n->cap) =
            (delta_domain){.domain = delta_text_of(&row->values[0], n->arena)};
        n->items = domains;
    }
    domains[place].configuration = delta_text_of(&row->values[1], n->arena);
    domains[place].removed = delta_int_of(&row->values[2], 0) != 0;
    return DF_OK;
}

static int by_app(const void *a, const void *b)
{
    return df_str_cmp(((const delta_txn *)a)->app_id, ((const delta_txn *)b)->app_id);
}

static int by_domain(const void *a, const void *b)
{
    return df_str_cmp(((const delta_domain *)a)->domain, ((const delta_domain *)b)->domain);
}

/* Runs `sql` and leaves the newest row of each key in the arena, sorted. */
static df_code read_newest(delta_catalog *catalog, const delta_table *table, const delta_version_row *version,
                           const char *sql, df_row_fn take, size_t item_size,
                           int (*order)(const void *, const void *), df_arena *arena, void **items,
                           size_t *count, df_error *err)
{
    newest n = {.arena = arena};
    segment_params p = segment_of(table, version);
    df_code code = delta_ask(catalog, sql, p.values, 3, take, &n, err);
    if (code == DF_OK) {
        if (n.count) qsort(n.items, n.count, item_size, order);
        *items = df_arena_alloc(arena, (n.count + 1) * item_size);
        if (n.count) memcpy(*items, n.items, n.count * item_size);
        *count = n.count;
    }
    free(n.items);
    df_keymap_release(&n.places);
    return code;
}

df_code delta_state_at(delta_catalog *catalog, const delta_table *table, delta_as_of as_of, df_arena *arena,
                       delta_state *out, df_error *err)
{
    *out = (delta_state){0};
    DF_TRY(delta_version_find(catalog, table, as_of, arena, &out->version, err));
    DF_TRY(delta_metadata_at(catalog, table, &out->version, arena, &out->metadata, err));
    DF_TRY(read_protocol(catalog, table, out, arena, err));
    void *items;
    DF_TRY(read_newest(catalog, table, &out->version,
                       "SELECT app_id, txn_version, last_updated FROM delta_transactions" OF_SEGMENT
                       " ORDER BY version, seq",
                       take_txn, sizeof(delta_txn), by_app, arena, &items, &out->n_txns, err));
    out->txns = items;
    DF_TRY(read_newest(catalog, table, &out->version,
                       "SELECT domain, configuration, removed FROM delta_domains" OF_SEGMENT
                       " ORDER BY version, seq",
                       take_domain, sizeof(delta_domain), by_domain, arena, &items, &out->n_domains, err));
    out->domains = items;
    size_t kept = 0;
    for (size_t i = 0; i < out->n_domains; i++)
        if (!out->domains[i].removed) out->domains[kept++] = out->domains[i];
    out->n_domains = kept;
    return DF_OK;
}
