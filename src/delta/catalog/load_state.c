/* SPDX-License-Identifier: Apache-2.0 */
/* Table-level state of the open group: versions with their totals, metadata, protocol, transactions, domains.
 */
#include "delta/catalog/load_int.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static df_str keep(delta_loader *loader, df_str text)
{
    return df_arena_str(&loader->state, delta_clean(&loader->state, text));
}

static int64_t open_version(const delta_loader *loader)
{
    return loader->versions.items[loader->versions.count - 1].version;
}

/* ---- taking ---- */

static void take_metadata(delta_loader *loader, const delta_metadata *m)
{
    int64_t version = open_version(loader);
    size_t n = loader->metadata.count;
    bool again = n && loader->metadata.items[n - 1].version == version;
    load_metadata *slot = again ? &loader->metadata.items[n - 1] : &LOAD_PUSH(loader->metadata);
    *slot = (load_metadata){version,
                            {.id = keep(loader, m->id),
                             .name = keep(loader, m->name),
                             .description = keep(loader, m->description),
                             .format = keep(loader, m->format),
                             .schema = keep(loader, m->schema),
                             .partition_columns = keep(loader, m->partition_columns),
                             .configuration = keep(loader, m->configuration),
                             .created_time = m->created_time}};
}

static void take_protocol(delta_loader *loader, const delta_protocol *p)
{
    int64_t version = open_version(loader);
    size_t n = loader->protocols.count;
    bool again = n && loader->protocols.items[n - 1].version == version;
    load_protocol *slot = again ? &loader->protocols.items[n - 1] : &LOAD_PUSH(loader->protocols);
    *slot = (load_protocol){version,
                            {.min_reader_version = p->min_reader_version,
                             .min_writer_version = p->min_writer_version,
                             .reader_features = keep(loader, p->reader_features),
                             .writer_features = keep(loader, p->writer_features)}};
}

/* Where in its list the open version already has this name; `kind` keeps app ids and domains apart. */
static int64_t *seen_at(delta_loader *loader, char kind, df_str name, bool *first)
{
    df_hash128 hash = df_hash(name.ptr, name.len);
    hash.high += (uint64_t)kind;
    return df_keymap_put(&loader->seen, hash, first);
}

static void take_txn(delta_loader *loader, const delta_txn *t)
{
    bool first;
    int64_t *index = seen_at(loader, 't', t->app_id, &first);
    load_txn txn = {open_version(loader), {keep(loader, t->app_id), t->version, t->last_updated}};
    if (!first) {
        loader->txns.items[*index] = txn;
        return;
    }
    *index = (int64_t)loader->txns.count;
    LOAD_PUSH(loader->txns) = txn;
}

static void take_domain(delta_loader *loader, const delta_domain *d)
{
    bool first;
    int64_t *index = seen_at(loader, 'd', d->domain, &first);
    load_domain domain = {open_version(loader),
                          {keep(loader, d->domain), keep(loader, d->configuration), d->removed}};
    if (!first) {
        loader->domains.items[*index] = domain;
        return;
    }
    *index = (int64_t)loader->domains.count;
    LOAD_PUSH(loader->domains) = domain;
}

df_code load_take_state(delta_loader *loader, const delta_action *action, df_error *err)
{
    switch (action->kind) {
    case DELTA_METADATA: take_metadata(loader, &action->metadata); break;
    case DELTA_PROTOCOL: take_protocol(loader, &action->protocol); break;
    case DELTA_TXN: take_txn(loader, &action->txn); break;
    case DELTA_DOMAIN: take_domain(loader, &action->domain); break;
    default: break; /* cdc files, sidecars and unknown actions are no part of a state */
    }
    return DF_OK;
}

void load_state_clear(delta_loader *loader)
{
    loader->versions.count = loader->metadata.count = loader->protocols.count = 0;
    loader->txns.count = loader->domains.count = 0;
    df_keymap_clear(&loader->seen);
    df_arena_reset(&loader->state);
}

/* ---- writing ---- */

typedef struct cursor {
    const delta_loader *loader;
    size_t at;
    load_totals totals; /* after the versions handed out */
    char digest[33];    /* of them */
} cursor;

static void add_totals(load_totals *to, const load_totals *change)
{
    to->files += change->files;
    to->bytes += change->bytes;
    to->records += change->records;
    to->without_records += change->without_records;
    to->dv_files += change->dv_files;
    to->deleted_records += change->deleted_records;
    to->tombstones += change->tombstones;
    to->digest = df_hash_add(to->digest, change->digest);
}

static df_code next_version(void *context, df_value *v, bool *more, df_error *err)
{
    cursor *c = context;
    if (!(*more = c->at < c->loader->versions.count)) return DF_OK;
    const load_version *version = &c->loader->versions.items[c->at++];
    const load_change *a = &version->change, *b = &version->found;
    load_totals *t = &c->totals;
    add_totals(t, &a->net);
    add_totals(t, &b->net);
    df_hash_hex(t->digest, c->digest);
    *v++ = df_v_str(c->loader->table_id);
    *v++ = df_v_int(version->version);
    *v++ = df_v_int(version->info.timestamp);
    *v++ = delta_v_int(version->info.file_mtime);
    *v++ = delta_v_int(version->info.commit_timestamp);
    *v++ = delta_v_int(version->info.in_commit_timestamp);
    *v++ = df_v_str(version->info.operation);
    *v++ = df_v_int(version->segment_base);
    *v++ = df_v_int(t->files);
    *v++ = df_v_int(t->bytes);
    *v++ = t->without_records ? DF_V_NULL : df_v_int(t->records);
    *v++ = df_v_int(t->records);
    *v++ = df_v_int(t->without_records);
    *v++ = df_v_int(t->dv_files);
    *v++ = df_v_int(t->deleted_records);
    *v++ = df_v_int(t->tombstones);
    *v++ = df_v_int(a->added_files + b->added_files);
    *v++ = df_v_int(a->removed_files + b->removed_files);
    *v++ = df_v_int(a->added_bytes + b->added_bytes);
    *v++ = df_v_int(a->removed_bytes + b->removed_bytes);
    *v++ = df_v_text(c->digest);
    *v++ = df_v_str(version->info.commit_info);
    return DF_OK;
}

static df_code next_metadata(void *context, df_value *v, bool *more, df_error *err)
{
    cursor *c = context;
    if (!(*more = c->at < c->loader->metadata.count)) return DF_OK;
    const load_metadata *row = &c->loader->metadata.items[c->at++];
    *v++ = df_v_str(c->loader->table_id);
    *v++ = df_v_int(row->version);
    *v++ = df_v_str(row->metadata.id);
    *v++ = df_v_str(row->metadata.name);
    *v++ = df_v_str(row->metadata.description);
    *v++ = df_v_str(row->metadata.format);
    *v++ = df_v_str(row->metadata.schema);
    *v++ = df_v_str(row->metadata.partition_columns);
    *v++ = df_v_str(row->metadata.configuration);
    *v++ = delta_v_int(row->metadata.created_time);
    return DF_OK;
}

static df_code next_protocol(void *context, df_value *v, bool *more, df_error *err)
{
    cursor *c = context;
    if (!(*more = c->at < c->loader->protocols.count)) return DF_OK;
    const load_protocol *row = &c->loader->protocols.items[c->at++];
    *v++ = df_v_str(c->loader->table_id);
    *v++ = df_v_int(row->version);
    *v++ = df_v_int(row->protocol.min_reader_version);
    *v++ = df_v_int(row->protocol.min_writer_version);
    *v++ = df_v_str(row->protocol.reader_features);
    *v++ = df_v_str(row->protocol.writer_features);
    return DF_OK;
}

static df_code next_txn(void *context, df_value *v, bool *more, df_error *err)
{
    cursor *c = context;
    if (!(*more = c->at < c->loader->txns.count)) return DF_OK;
    const load_txn *row = &c->loader->txns.items[c->at++];
    *v++ = df_v_str(c->loader->table_id);
    *v++ = df_v_int(row->version);
    *v++ = df_v_int((int64_t)c->at);
    *v++ = df_v_str(row->txn.app_id.ptr ? row->txn.app_id : DF_STR(""));
    *v++ = df_v_int(row->txn.version);
    *v++ = delta_v_int(row->txn.last_updated);
    return DF_OK;
}

static df_code next_domain(void *context, df_value *v, bool *more, df_error *err)
{
    cursor *c = context;
    if (!(*more = c->at < c->loader->domains.count)) return DF_OK;
    const load_domain *row = &c->loader->domains.items[c->at++];
    *v++ = df_v_str(c->loader->table_id);
    *v++ = df_v_int(row->version);
    *v++ = df_v_int((int64_t)c->at);
    *v++ = df_v_str(row->domain.domain.ptr ? row->domain.domain : DF_STR(""));
    *v++ = df_v_str(row->domain.configuration);
    *v++ = df_v_bool(row->domain.removed);
    return DF_OK;
}

static df_code write_list(delta_loader *loader, size_t count, const char *table, const char *const *columns,
                          size_t n_columns, df_code (*next)(void *, df_value *, bool *, df_error *),
                          df_error *err)
{
    cursor c = {.loader = loader};
    df_row_source source = {&c, next};
    return count ? df_bulk_load(loader->catalog->conn, table, columns, n_columns, &source, NULL, err) : DF_OK;
}

static df_code write_versions(delta_loader *loader, load_totals *totals, df_error *err)
{
    static const char *const columns[] = {"table_id",
                                          "version",
                                          "timestamp",
                                          "file_mtime",
                                          "commit_timestamp",
                                          "in_commit_timestamp",
                                          "operation",
                                          "segment_base",
                                          "num_files",
                                          "size_in_bytes",
                                          "num_records",
                                          "known_records",
                                          "files_without_records",
                                          "deletion_vector_files",
                                          "deleted_records",
                                          "tombstones",
                                          "added_files",
                                          "removed_files",
                                          "added_bytes",
                                          "removed_bytes",
                                          "state_digest",
                                          "commit_info"};
    cursor c = {.loader = loader, .totals = loader->totals};
    df_row_source source = {&c, next_version};
    if (loader->versions.count)
        DF_TRY(df_bulk_load(loader->catalog->conn, "delta_versions", columns, COUNT(columns), &source, NULL,
                            err));
    *totals = c.totals;
    return DF_OK;
}

df_code load_write_state(delta_loader *loader, load_totals *totals, df_error *err)
{
    static const char *const metadata[] = {
        "table_id",          "version",       "id",          "name", "description", "format", "schema_string",
        "partition_columns", "configuration", "created_time"};
    static const char *const protocol[] = {"table_id",           "version",         "min_reader_version",
                                           "min_writer_version", "reader_features", "writer_features"};
    static const char *const txns[] = {"table_id", "version", "seq", "app_id", "txn_version", "last_updated"};
    static const char *const domains[] = {"table_id", "version", "seq", "domain", "configuration", "removed"};
    DF_TRY(write_versions(loader, totals, err));
    DF_TRY(write_list(loader, loader->metadata.count, "delta_metadata", metadata, COUNT(metadata),
                      next_metadata, err));
    DF_TRY(write_list(loader, loader->protocols.count, "delta_protocol", protocol, COUNT(protocol),
                      next_protocol, err));
    DF_TRY(write_list(loader, loader->txns.count, "delta_transactions", txns, COUNT(txns), next_txn, err));
    return write_list(loader, loader->domains.count, "delta_domains", domains, COUNT(domains), next_domain,
                      err);
}
