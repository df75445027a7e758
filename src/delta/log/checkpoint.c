/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint's rows have one column a kind of action, and all but one of them null. For every kind there is
 * a column that tells where its next action is; the smallest of these rows is the next action of the file.
 * Columns of a kind are looked at only in its own rows, so that what is null costs next to nothing.
 */
#include "delta/log/checkpoint.h"

#include "base/error.h"
#include "delta/log/checkpoint_stats.h"
#include "delta/log/json_actions.h"
#include "delta/log/log.h"
#include "delta/log/path.h"

/* Between two looks at whether the run is to be stopped. */
enum { ROWS_PER_LOOK = 4096 };
/* No checkpoint has more rows than this for each of its bytes; a hostile one may claim any number of nulls.
 */
enum { ROWS_PER_BYTE = 64 };

/* add and remove */
typedef struct file_columns {
    delta_column path, size, modification_time, deletion_timestamp, data_change, extended_file_metadata;
    delta_column stats, base_row_id, default_row_commit_version, clustering_provider;
    delta_column dv_storage, dv_path, dv_offset, dv_size, dv_cardinality;
    delta_collection partition_values, tags;
} file_columns;

typedef struct metadata_columns {
    delta_column id, name, description, provider, schema, created_time;
    delta_collection options, partition_columns, configuration;
} metadata_columns;

typedef struct other_columns {
    delta_column min_reader, min_writer;
    delta_collection reader_features, writer_features;
    delta_column app_id, txn_version, last_updated;
    delta_column domain, domain_configuration, removed;
    delta_column sidecar_path, sidecar_size, sidecar_time;
} other_columns;

/* The texts of one action. */
enum { TEXT_PATH, TEXT_DV_ID, TEXT_DV, TEXT_PARTITION_VALUES, TEXT_TAGS, TEXT_STATS, TEXT_FORMAT, N_TEXTS };

typedef struct reading reading;

typedef struct kind {
    const char *name; /* of the group */
    unsigned want;    /* one of these bits; 0: always */
    delta_action_kind action;
    const char *key; /* the member that tells where there is one, and must not be null */
    delta_column_type key_type;
    df_code (*find)(reading *r, const parquet_node *group, df_error *err);
    df_code (*take)(reading *r, int64_t row, delta_action *out, bool *given, df_error *err);
} kind;

/* A kind that the file has. */
typedef struct present_kind {
    const kind *kind;
    const parquet_node *group;
    delta_column key;
    int64_t next; /* row */
} present_kind;

struct reading {
    unsigned want;
    delta_sink sink;
    const df_observer *observer;
    const df_input *input;
    parquet_file *file;
    delta_columns columns;
    present_kind present[8];
    size_t n_present;
    file_columns add, remove;
    metadata_columns metadata;
    other_columns other;
    delta_parsed_stats parsed;
    size_t row_group;
    delta_collector collector;
    delta_scratch scratch; /* for stats that do not begin with numRecords */
    df_buf texts[N_TEXTS];
};

static df_buf *text(reading *r, int which)
{
    df_buf_clear(&r->texts[which]);
    return &r->texts[which];
}

/* ---- finding columns ---- */

#define FIND(group, name, kind, out)                                                                         \
    DF_TRY(delta_columns_find(&r->columns, group, name, DELTA_COLUMN_##kind, out, err))

static df_code find_file(reading *r, const parquet_node *group, file_columns *f, df_error *err)
{
    FIND(group, "path", TEXT, &f->path);
    FIND(group, "size", INT, &f->size);
    FIND(group, "modificationTime", INT, &f->modification_time);
    FIND(group, "deletionTimestamp", INT, &f->deletion_timestamp);
    FIND(group, "dataChange", BOOL, &f->data_change);
    FIND(group, "extendedFileMetadata", BOOL, &f->extended_file_metadata);
    f->stats = DELTA_NO_COLUMN;
    if (r->want & DELTA_WANT_STATS) FIND(group, "stats", TEXT, &f->stats);
    FIND(group, "baseRowId", INT, &f->base_row_id);
    FIND(group, "defaultRowCommitVersion", INT, &f->default_row_commit_version);
    FIND(group, "clusteringProvider", TEXT, &f->clustering_provider);
    FIND(group, "deletionVector.storageType", TEXT, &f->dv_storage);
    FIND(group, "deletionVector.pathOrInlineDv", TEXT, &f->dv_path);
    FIND(group, "deletionVector.offset", INT, &f->dv_offset);
    FIND(group, "deletionVector.sizeInBytes", INT, &f->dv_size);
    FIND(group, "deletionVector.cardinality", INT, &f->dv_cardinality);
    DF_TRY(delta_columns_find_map(&r->columns, group, "partitionValues", &f->partition_values, err));
    return delta_columns_find_map(&r->columns, group, "tags", &f->tags, err);
}

static df_code find_add(reading *r, const parquet_node *group, df_error *err)
{
    if (r->want & DELTA_WANT_STATS) delta_parsed_stats_init(&r->parsed, r->file, group);
    return find_file(r, group, &r->add, err);
}

static df_code find_remove(reading *r, const parquet_node *group, df_error *err)
{
    return find_file(r, group, &r->remove, err);
}

static df_code find_metadata(reading *r, const parquet_node *group, df_error *err)
{
    metadata_columns *m = &r->metadata;
    FIND(group, "id", TEXT, &m->id);
    FIND(group, "name", TEXT, &m->name);
    FIND(group, "description", TEXT, &m->description);
    FIND(group, "format.provider", TEXT, &m->provider);
    FIND(group, "schemaString", TEXT, &m->schema);
    FIND(group, "createdTime", INT, &m->created_time);
    DF_TRY(delta_columns_find_map(&r->columns, group, "format.options", &m->options, err));
    DF_TRY(delta_columns_find_map(&r->columns, group, "configuration", &m->configuration, err));
    return delta_columns_find_list(&r->columns, group, "partitionColumns", &m->partition_columns, err);
}

static df_code find_protocol(reading *r, const parquet_node *group, df_error *err)
{
    other_columns *o = &r->other;
    FIND(group, "minReaderVersion", INT, &o->min_reader);
    FIND(group, "minWriterVersion", INT, &o->min_writer);
    DF_TRY(delta_columns_find_list(&r->columns, group, "readerFeatures", &o->reader_features, err));
    return delta_columns_find_list(&r->columns, group, "writerFeatures", &o->writer_features, err);
}

static df_code find_txn(reading *r, const parquet_node *group, df_error *err)
{
    FIND(group, "appId", TEXT, &r->other.app_id);
    FIND(group, "version", INT, &r->other.txn_version);
    FIND(group, "lastUpdated", INT, &r->other.last_updated);
    return DF_OK;
}

static df_code find_domain(reading *r, const parquet_node *group, df_error *err)
{
    FIND(group, "domain", TEXT, &r->other.domain);
    FIND(group, "configuration", TEXT, &r->other.domain_configuration);
    FIND(group, "removed", BOOL, &r->other.removed);
    return DF_OK;
}

static df_code find_sidecar(reading *r, const parquet_node *group, df_error *err)
{
    FIND(group, "path", TEXT, &r->other.sidecar_path);
    FIND(group, "sizeInBytes", INT, &r->other.sidecar_size);
    FIND(group, "modificationTime", INT, &r->other.sidecar_time);
    return DF_OK;
}

static df_code find_nothing(reading *r, const parquet_node *group, df_error *err)
{
    return DF_OK;
}

/* ---- taking actions ---- */

#define TAKE_INT(column, out)  DF_TRY(delta_columns_int(&r->columns, column, row, out, err))
#define TAKE_TEXT(column, out) DF_TRY(delta_columns_text(&r->columns, column, row, out, err))

static df_code take_map(reading *r, const delta_collection *map, int64_t row, int which, df_str *out,
                        df_error *err)
{
    bool given;
    df_buf *buf = text(r, which);
    DF_TRY(delta_columns_map(&r->columns, map, row, &r->collector, buf, &given, err));
    if (given) *out = df_buf_str(buf);
    return DF_OK;
}

static df_code take_list(reading *r, const delta_collection *list, int64_t row, bool sorted, int which,
                         df_str *out, df_error *err)
{
    bool given;
    df_buf *buf = text(r, which);
    DF_TRY(delta_columns_list(&r->columns, list, row, sorted, &r->collector, buf, &given, err));
    if (given) *out = df_buf_str(buf);
    return DF_OK;
}

static void put_dv(df_buf *out, df_str storage, df_str path, int64_t offset, int64_t size,
                   int64_t cardinality)
{
    df_buf_char(out, '{');
    if (cardinality != DELTA_ABSENT) df_buf_printf(out, "\"cardinality\":%lld,", (long long)cardinality);
    if (offset != DELTA_ABSENT) df_buf_printf(out, "\"offset\":%lld,", (long long)offset);
    df_buf_text(out, "\"pathOrInlineDv\":");
    df_json_put_str(out, path);
    if (size != DELTA_ABSENT) df_buf_printf(out, ",\"sizeInBytes\":%lld", (long long)size);
    df_buf_text(out, ",\"storageType\":");
    df_json_put_str(out, storage);
    df_buf_char(out, '}');
}

static df_code take_dv(reading *r, const file_columns *f, int64_t row, delta_file *out, df_error *err)
{
    df_str storage = DF_STR_NONE, path = DF_STR_NONE;
    TAKE_TEXT(f->dv_storage, &storage);
    if (!storage.ptr) return DF_OK;
    TAKE_TEXT(f->dv_path, &path);
    if (!path.ptr)
        return df_fail(err, DF_CORRUPT, "row %lld: deletionVector has no pathOrInlineDv", (long long)row);
    int64_t offset = DELTA_ABSENT, size = DELTA_ABSENT, cardinality = DELTA_ABSENT;
    TAKE_INT(f->dv_offset, &offset);
    TAKE_INT(f->dv_size, &size);
    TAKE_INT(f->dv_cardinality, &cardinality);
    df_buf *id = text(r, TEXT_DV_ID), *json = text(r, TEXT_DV);
    df_buf_str_add(id, storage);
    df_buf_str_add(id, path);
    if (offset != DELTA_ABSENT) df_buf_printf(id, "@%lld", (long long)offset);
    put_dv(json, storage, path, offset, size, cardinality);
    out->dv_id = df_buf_str(id);
    out->deletion_vector = df_buf_str(json);
    out->dv_cardinality = cardinality > 0 ? cardinality : 0;
    return DF_OK;
}

static df_code take_stats(reading *r, int64_t row, delta_file *out, df_error *err)
{
    TAKE_TEXT(r->add.stats, &out->stats);
    if (out->stats.ptr) {
        out->num_records = delta_stats_num_records(out->stats, &r->scratch);
        return DF_OK;
    }
    DF_TRY(delta_parsed_stats_get(&r->parsed, r->row_group, row, &out->stats, &out->num_records, err));
    out->stats_rebuilt = out->stats.ptr != NULL;
    return DF_OK;
}

static df_code take_file(reading *r, const file_columns *f, int64_t row, delta_file *out, df_error *err)
{
    *out = (delta_file){
        .dv_id = DF_STR(""),
        .size = DELTA_ABSENT,
        .modification_time = DELTA_ABSENT,
        .deletion_timestamp = DELTA_ABSENT,
        .extended_file_metadata = -1,
        .num_records = DELTA_ABSENT,
        .base_row_id = DELTA_ABSENT,
        .default_row_commit_version = DELTA_ABSENT,
    };
    TAKE_TEXT(f->path, &out->raw_path);
    TAKE_INT(f->size, &out->size);
    TAKE_INT(f->modification_time, &out->modification_time);
    TAKE_INT(f->deletion_timestamp, &out->deletion_timestamp);
    TAKE_INT(f->base_row_id, &out->base_row_id);
    TAKE_INT(f->default_row_commit_version, &out->default_row_commit_version);
    TAKE_TEXT(f->clustering_provider, &out->clustering_provider);
    DF_TRY(delta_columns_bool(&r->columns, f->data_change, row, &out->data_change, NULL, err));
    bool flag = false, given;
    DF_TRY(delta_columns_bool(&r->columns, f->extended_file_metadata, row, &flag, &given, err));
    if (given) out->extended_file_metadata = flag;
    DF_TRY(take_dv(r, f, row, out, err));
    DF_TRY(take_map(r, &f->partition_values, row, TEXT_PARTITION_VALUES, &out->partition_values, err));
    DF_TRY(take_map(r, &f->tags, row, TEXT_TAGS, &out->tags, err));
    if (!out->raw_path.ptr) return DF_OK;
    out->path = delta_canonical_path(out->raw_path, text(r, TEXT_PATH));
    out->key = delta_file_key(out->path, out->dv_id);
    return DF_OK;
}

/* A struct that is never null stands, with nothing in it, for one that is. */
static bool is_empty_file(const delta_file *f)
{
    return f->size == DELTA_ABSENT && f->modification_time == DELTA_ABSENT &&
           f->deletion_timestamp == DELTA_ABSENT && !f->deletion_vector.ptr;
}

static df_code take_add(reading *r, int64_t row, delta_action *out, bool *given, df_error *err)
{
    DF_TRY(take_file(r, &r->add, row, &out->file, err));
    *given = out->file.raw_path.ptr != NULL;
    if (*given) return take_stats(r, row, &out->file, err);
    if (is_empty_file(&out->file)) return DF_OK;
    return df_fail(err, DF_CORRUPT, "row %lld: add has no path", (long long)row);
}

static df_code take_remove(reading *r, int64_t row, delta_action *out, bool *given, df_error *err)
{
    DF_TRY(take_file(r, &r->remove, row, &out->file, err));
    *given = out->file.raw_path.ptr != NULL;
    if (*given) {
        TAKE_TEXT(r->remove.stats, &out->file.stats);
        out->file.num_records = delta_stats_num_records(out->file.stats, &r->scratch);
        return DF_OK;
    }
    if (is_empty_file(&out->file)) return DF_OK;
    return df_fail(err, DF_CORRUPT, "row %lld: remove has no path", (long long)row);
}

/* {"options":{…},"provider":…}: members sorted. */
static df_code take_format(reading *r, int64_t row, delta_metadata *out, df_error *err)
{
    df_str provider = DF_STR_NONE, options = DF_STR_NONE;
    TAKE_TEXT(r->metadata.provider, &provider);
    DF_TRY(take_map(r, &r->metadata.options, row, TEXT_STATS, &options, err));
    df_buf *json = text(r, TEXT_FORMAT);
    df_buf_char(json, '{');
    if (options.ptr || !provider.ptr) {
        df_buf_text(json, "\"options\":");
        df_buf_str_add(json, options.ptr ? options : DF_STR("{}"));
        df_buf_char(json, ',');
    }
    df_buf_text(json, "\"provider\":");
    df_json_put_str(json, provider.ptr ? provider : DF_STR("parquet"));
    df_buf_char(json, '}');
    out->format = df_buf_str(json);
    return DF_OK;
}

static df_code take_metadata(reading *r, int64_t row, delta_action *out, bool *given, df_error *err)
{
    const metadata_columns *m = &r->metadata;
    delta_metadata *o = &out->metadata;
    *o = (delta_metadata){
        .created_time = DELTA_ABSENT, .configuration = DF_STR("{}"), .partition_columns = DF_STR("[]")};
    TAKE_TEXT(m->id, &o->id);
    TAKE_TEXT(m->name, &o->name);
    TAKE_TEXT(m->description, &o->description);
    TAKE_TEXT(m->schema, &o->schema);
    TAKE_INT(m->created_time, &o->created_time);
    DF_TRY(take_map(r, &m->configuration, row, TEXT_TAGS, &o->configuration, err));
    DF_TRY(
        take_list(r, &m->partition_columns, row, false, TEXT_PARTITION_VALUES, &o->partition_columns, err));
    *given = o->id.ptr || o->schema.ptr;
    if (!o->id.ptr) o->id = DF_STR("");
    return take_format(r, row, o, err);
}

static df_code take_protocol(reading *r, int64_t row, delta_action *out, bool *given, df_error *err)
{
    const other_columns *c = &r->other;
    delta_protocol *o = &out->protocol;
    *o = (delta_protocol){.min_reader_version = DELTA_ABSENT, .min_writer_version = DELTA_ABSENT};
    TAKE_INT(c->min_reader, &o->min_reader_version);
    TAKE_INT(c->min_writer, &o->min_writer_version);
    DF_TRY(take_list(r, &c->reader_features, row, true, TEXT_TAGS, &o->reader_features, err));
    DF_TRY(take_list(r, &c->writer_features, row, true, TEXT_STATS, &o->writer_features, err));
    bool reader = o->min_reader_version != DELTA_ABSENT, writer = o->min_writer_version != DELTA_ABSENT;
    *given = reader;
    if (reader == writer) return DF_OK;
    return df_fail(err, DF_CORRUPT, "row %lld: protocol has no %s", (long long)row,
                   reader ? "minWriterVersion" : "minReaderVersion");
}

static df_code take_txn(reading *r, int64_t row, delta_action *out, bool *given, df_error *err)
{
    delta_txn *o = &out->txn;
    *o = (delta_txn){.version = DELTA_ABSENT, .last_updated = DELTA_ABSENT};
    TAKE_TEXT(r->other.app_id, &o->app_id);
    TAKE_INT(r->other.txn_version, &o->version);
    TAKE_INT(r->other.last_updated, &o->last_updated);
    *given = o->app_id.ptr != NULL;
    if (*given == (o->version != DELTA_ABSENT)) return DF_OK;
    return df_fail(err, DF_CORRUPT, "row %lld: txn has no %s", (long long)row, *given ? "version" : "appId");
}

static df_code take_domain(reading *r, int64_t row, delta_action *out, bool *given, df_error *err)
{
    delta_domain *o = &out->domain;
    *o = (delta_domain){0};
    TAKE_TEXT(r->other.domain, &o->domain);
    TAKE_TEXT(r->other.domain_configuration, &o->configuration);
    DF_TRY(delta_columns_bool(&r->columns, r->other.removed, row, &o->removed, NULL, err));
    *given = o->domain.ptr != NULL;
    if (*given || !o->configuration.ptr) return DF_OK;
    return df_fail(err, DF_CORRUPT, "row %lld: domainMetadata has no domain", (long long)row);
}

static df_code take_sidecar(reading *r, int64_t row, delta_action *out, bool *given, df_error *err)
{
    delta_sidecar *o = &out->sidecar;
    *o = (delta_sidecar){.size = DELTA_ABSENT, .modification_time = DELTA_ABSENT};
    TAKE_TEXT(r->other.sidecar_path, &o->path);
    TAKE_INT(r->other.sidecar_size, &o->size);
    TAKE_INT(r->other.sidecar_time, &o->modification_time);
    *given = o->path.ptr != NULL;
    if (*given || o->size == DELTA_ABSENT) return DF_OK;
    return df_fail(err, DF_CORRUPT, "row %lld: sidecar has no path", (long long)row);
}

static df_code take_checkpoint_metadata(reading *r, int64_t row, delta_action *out, bool *given,
                                        df_error *err)
{
    *given = true;
    return DF_OK;
}

/* ---- the file ---- */

static const kind kinds[] = {
    {"checkpointMetadata", 0, DELTA_CHECKPOINT_METADATA, "version", DELTA_COLUMN_INT, find_nothing,
     take_checkpoint_metadata},
    {"protocol", DELTA_WANT_REST, DELTA_PROTOCOL, "minReaderVersion", DELTA_COLUMN_INT, find_protocol,
     take_protocol},
    {"metaData", DELTA_WANT_REST, DELTA_METADATA, "id", DELTA_COLUMN_TEXT, find_metadata, take_metadata},
    {"txn", DELTA_WANT_REST, DELTA_TXN, "appId", DELTA_COLUMN_TEXT, find_txn, take_txn},
    {"domainMetadata", DELTA_WANT_REST, DELTA_DOMAIN, "domain", DELTA_COLUMN_TEXT, find_domain, take_domain},
    {"sidecar", 0, DELTA_SIDECAR, "path", DELTA_COLUMN_TEXT, find_sidecar, take_sidecar},
    {"add", DELTA_WANT_FILES, DELTA_ADD, "path", DELTA_COLUMN_TEXT, find_add, take_add},
    {"remove", DELTA_WANT_TOMBSTONES, DELTA_REMOVE, "path", DELTA_COLUMN_TEXT, find_remove, take_remove},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

/* The number of a column that was added already. */
static delta_column column_of(const delta_columns *columns, const parquet_node *leaf)
{
    for (size_t i = 0; i < columns->n; i++)
        if (columns->leaves[i] == leaf) return (delta_column)i;
    return DELTA_NO_COLUMN;
}

static df_code find_kind(reading *r, const kind *k, df_error *err)
{
    const parquet_node *group = parquet_child(parquet_schema(r->file), k->name);
    if (!group || (k->want && !(r->want & k->want)) || group->meaning == PARQUET_NULLS) return DF_OK;
    if (group->type != PARQUET_GROUP || group->max_rep)
        return df_fail(err, DF_CORRUPT, "column %s of the checkpoint is not a struct", k->name);
    DF_TRY(k->find(r, group, err));
    delta_column key = column_of(&r->columns, parquet_child(group, k->key));
    if (key < 0) DF_TRY(delta_columns_find(&r->columns, group, k->key, k->key_type, &key, err));
    if (key < 0) return df_fail(err, DF_CORRUPT, "column %s of the checkpoint has no %s", k->name, k->key);
    r->present[r->n_present++] = (present_kind){.kind = k, .group = group, .key = key};
    return DF_OK;
}

static df_code find_next(reading *r, present_kind *p, int64_t from, int64_t rows, df_error *err)
{
    return delta_columns_find_row(&r->columns, p->key, p->group->max_def, from, rows, &p->next, err);
}

/* Says where the file is wrong. Not for what the sink returns, which is no fault of the file. */
static df_code in_row_group(const reading *r, df_code code, df_error *err)
{
    df_error_prefix(err, "row group %zu", r->row_group);
    df_error_at(err, r->input->name, 0);
    return code;
}

static df_code take_row(reading *r, present_kind *p, int64_t rows, df_error *err)
{
    delta_action action;
    action.kind = p->kind->action;
    bool given;
    df_code code = p->kind->take(r, p->next, &action, &given, err);
    if (code != DF_OK) return in_row_group(r, code, err);
    if (given) DF_TRY(r->sink.take(r->sink.context, &action, err));
    return find_next(r, p, p->next + 1, rows, err);
}

static df_code read_row_group(reading *r, df_error *err)
{
    int64_t rows = parquet_row_group_rows(r->file, r->row_group);
    DF_TRY(delta_columns_start(&r->columns, r->row_group, err));
    for (size_t i = 0; i < r->n_present; i++) DF_TRY(find_next(r, &r->present[i], 0, rows, err));
    for (unsigned taken = 0;; taken++) {
        if (taken % ROWS_PER_LOOK == 0) DF_TRY(df_check_cancelled(r->observer, err));
        present_kind *first = NULL;
        for (size_t i = 0; i < r->n_present; i++)
            if (r->present[i].next < rows && (!first || r->present[i].next < first->next))
                first = &r->present[i];
        if (!first) return DF_OK;
        DF_TRY(take_row(r, first, rows, err));
    }
}

static df_code open_file(reading *r, df_error *err)
{
    DF_TRY(parquet_open(r->input, &r->file, err));
    if (parquet_num_rows(r->file) / ROWS_PER_BYTE > r->input->size)
        return df_fail(err, DF_CORRUPT, "the checkpoint claims %lld rows in %lld bytes",
                       (long long)parquet_num_rows(r->file), (long long)r->input->size);
    for (size_t i = 0; i < N_KINDS; i++) DF_TRY(find_kind(r, &kinds[i], err));
    return delta_columns_open(&r->columns, r->file, err);
}

static df_code read_file(reading *r, df_error *err)
{
    df_code code = open_file(r, err);
    if (code != DF_OK) {
        df_error_at(err, r->input->name, 0);
        return code;
    }
    for (r->row_group = 0; r->row_group < parquet_num_row_groups(r->file); r->row_group++)
        DF_TRY(read_row_group(r, err));
    return DF_OK;
}

df_code delta_checkpoint_parquet(const df_input *input, unsigned want, delta_sink sink,
                                 const df_observer *observer, df_error *err)
{
    reading r = {
        .want = want, .sink = sink, .observer = observer, .input = input, .parsed = {.row_group = -1}};
    df_code code = read_file(&r, err);
    delta_parsed_stats_release(&r.parsed);
    delta_columns_release(&r.columns);
    delta_collector_release(&r.collector);
    delta_scratch_release(&r.scratch);
    for (size_t i = 0; i < N_TEXTS; i++) df_buf_release(&r.texts[i]);
    parquet_close(r.file);
    return code;
}
