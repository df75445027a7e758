/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/log/json_actions.h"

#include "base/error.h"
#include "delta/log/path.h"

#include <stdlib.h>

/* The readers below see each action of a log once: members are found in one walk, by length and first byte.
 */
#define IS(key, literal)                                                                                     \
    ((key).len == sizeof(literal) - 1 && memcmp((key).ptr, literal, sizeof(literal) - 1) == 0)

void delta_scratch_release(delta_scratch *scratch)
{
    for (size_t i = 0; i < DELTA_SCRATCH_SLOTS; i++) df_buf_release(&scratch->slots[i]);
    df_json_parser_close(scratch->stats_parser);
    scratch->stats_parser = NULL;
}

static df_buf *slot(delta_scratch *scratch, delta_scratch_slot which)
{
    df_buf_clear(&scratch->slots[which]);
    return &scratch->slots[which];
}

/* ---- values; null is the same as absent ---- */

static df_code wrong_type(const char *member, const char *wanted, df_error *err)
{
    return df_fail(err, DF_CORRUPT, "%s is not %s", member, wanted);
}

static df_code take_int(df_json v, const char *member, int64_t *out, df_error *err)
{
    double number;
    if (df_json_int(v, out)) return DF_OK;
    if (df_json_typeof(v) == DF_JSON_NULL) return DF_OK;
    /* Some writers put 1.6e12; up to 2^53 that is exact. */
    if (df_json_typeof(v) == DF_JSON_DOUBLE && df_json_double(v, &number) && number >= -9007199254740992.0 &&
        number <= 9007199254740992.0 && number == (double)(int64_t)number) {
        *out = (int64_t)number;
        return DF_OK;
    }
    return wrong_type(member, "a 64-bit integer", err);
}

static df_code take_bool(df_json v, const char *member, bool *out, df_error *err)
{
    if (df_json_bool(v, out) || df_json_typeof(v) == DF_JSON_NULL) return DF_OK;
    return wrong_type(member, "true or false", err);
}

static df_code take_str(df_json v, const char *member, df_str *out, df_error *err)
{
    df_json_type type = df_json_typeof(v);
    if (type == DF_JSON_STRING)
        *out = df_json_str(v);
    else if (type == DF_JSON_NULL)
        *out = DF_STR_NONE;
    else
        return wrong_type(member, "a string", err);
    return DF_OK;
}

/* As take_str, where some writers put the JSON itself in place of a string that holds it. */
static void take_json_text(df_json v, df_buf *buf, df_str *out)
{
    df_json_type type = df_json_typeof(v);
    if (type == DF_JSON_STRING) {
        *out = df_json_str(v);
    } else if (type == DF_JSON_NULL) {
        *out = DF_STR_NONE;
    } else {
        df_json_put(buf, v);
        *out = df_buf_str(buf);
    }
}

static df_code take_object(df_json v, const char *member, df_json *out, df_error *err)
{
    df_json_type type = df_json_typeof(v);
    if (type == DF_JSON_OBJECT)
        *out = v;
    else if (type == DF_JSON_NULL)
        *out = (df_json){0};
    else
        return wrong_type(member, "an object", err);
    return DF_OK;
}

/* An object as canonical JSON. Most have one member, or members in order: those are written as they come. */
static df_code take_map(df_json v, const char *member, df_buf *buf, df_str *out, df_error *err)
{
    df_json object;
    DF_TRY(take_object(v, member, &object, err));
    if (!object.at) {
        *out = DF_STR_NONE;
        return DF_OK;
    }
    df_json_iter it = df_json_each(object);
    df_str last = DF_STR_NONE;
    while (df_json_next(&it)) {
        df_json_type type = df_json_typeof(it.value);
        bool simple = type == DF_JSON_STRING || type == DF_JSON_NULL;
        if (!simple || (last.ptr && df_str_cmp(last, it.key) >= 0)) {
            df_buf_clear(buf);
            df_json_put_canonical(buf, object);
            *out = df_buf_str(buf);
            return DF_OK;
        }
        df_buf_char(buf, last.ptr ? ',' : '{');
        last = it.key;
        df_json_put_utf8(buf, it.key);
        df_buf_char(buf, ':');
        df_json_put(buf, it.value);
    }
    if (!last.ptr) df_buf_char(buf, '{');
    df_buf_char(buf, '}');
    *out = df_buf_str(buf);
    return DF_OK;
}

/* ---- add, remove, cdc ---- */

static df_code take_deletion_vector(df_json v, delta_scratch *scratch, delta_file *out, df_error *err)
{
    df_json object;
    DF_TRY(take_object(v, "deletionVector", &object, err));
    if (!object.at) return DF_OK;
    df_str storage = DF_STR_NONE, where = DF_STR_NONE;
    int64_t offset = DELTA_ABSENT, cardinality = DELTA_ABSENT;
    df_json_iter it = df_json_each(object);
    while (df_json_next(&it)) {
        if (IS(it.key, "storageType"))
            DF_TRY(take_str(it.value, "deletionVector.storageType", &storage, err));
        else if (IS(it.key, "pathOrInlineDv"))
            DF_TRY(take_str(it.value, "deletionVector.pathOrInlineDv", &where, err));
        else if (IS(it.key, "offset"))
            DF_TRY(take_int(it.value, "deletionVector.offset", &offset, err));
        else if (IS(it.key, "cardinality"))
            DF_TRY(take_int(it.value, "deletionVector.cardinality", &cardinality, err));
    }
    if (!storage.ptr || !where.ptr)
        return df_fail(err, DF_CORRUPT, "deletionVector has no storageType or no pathOrInlineDv");
    df_buf *id = slot(scratch, DELTA_SCRATCH_DV_ID);
    df_buf_str_add(id, storage);
    df_buf_str_add(id, where);
    if (offset != DELTA_ABSENT) df_buf_printf(id, "@%lld", (long long)offset);
    df_buf *text = slot(scratch, DELTA_SCRATCH_DV);
    df_json_put_canonical(text, object);
    out->dv_id = df_buf_str(id);
    out->deletion_vector = df_buf_str(text);
    out->dv_cardinality = cardinality > 0 ? cardinality : 0;
    return DF_OK;
}

static df_code take_file_member(df_str key, df_json v, delta_scratch *scratch, delta_file *out, df_error *err)
{
    bool flag = false;
    switch (key.len) {
    case 4:
        if (IS(key, "path")) return take_str(v, "path", &out->raw_path, err);
        if (IS(key, "size")) return take_int(v, "size", &out->size, err);
        if (IS(key, "tags")) return take_map(v, "tags", slot(scratch, DELTA_SCRATCH_TAGS), &out->tags, err);
        break;
    case 5:
        if (IS(key, "stats")) take_json_text(v, slot(scratch, DELTA_SCRATCH_STATS), &out->stats);
        break;
    case 9:
        if (IS(key, "baseRowId")) return take_int(v, "baseRowId", &out->base_row_id, err);
        break;
    case 10:
        if (IS(key, "dataChange")) return take_bool(v, "dataChange", &out->data_change, err);
        break;
    case 14:
        if (IS(key, "deletionVector")) return take_deletion_vector(v, scratch, out, err);
        break;
    case 15:
        if (IS(key, "partitionValues"))
            return take_map(v, "partitionValues", slot(scratch, DELTA_SCRATCH_PARTITION_VALUES),
                            &out->partition_values, err);
        break;
    case 16:
        if (IS(key, "modificationTime")) return take_int(v, "modificationTime", &out->modification_time, err);
        break;
    case 17:
        if (IS(key, "deletionTimestamp"))
            return take_int(v, "deletionTimestamp", &out->deletion_timestamp, err);
        break;
    case 18:
        if (IS(key, "clusteringProvider"))
            return take_str(v, "clusteringProvider", &out->clustering_provider, err);
        break;
    case 20:
        if (!IS(key, "extendedFileMetadata") || df_json_typeof(v) == DF_JSON_NULL) break;
        DF_TRY(take_bool(v, "extendedFileMetadata", &flag, err));
        out->extended_file_metadata = flag;
        break;
    case 23:
        if (IS(key, "defaultRowCommitVersion"))
            return take_int(v, "defaultRowCommitVersion", &out->default_row_commit_version, err);
        break;
    }
    return DF_OK;
}

void delta_file_init(delta_file *file)
{
    *file = (delta_file){
        .dv_id = DF_STR(""),
        .size = DELTA_ABSENT,
        .modification_time = DELTA_ABSENT,
        .deletion_timestamp = DELTA_ABSENT,
        .extended_file_metadata = -1,
        .num_records = DELTA_ABSENT,
        .base_row_id = DELTA_ABSENT,
        .default_row_commit_version = DELTA_ABSENT,
    };
}

void delta_file_finish(delta_file *file, delta_scratch *scratch)
{
    file->path = delta_canonical_path(file->raw_path, &scratch->slots[DELTA_SCRATCH_PATH]);
    file->key = delta_file_key(file->path, file->dv_id);
    if (scratch->to_be_asked) df_keymap_prefetch(scratch->to_be_asked, file->key);
    file->num_records = delta_stats_num_records(file->stats, scratch);
}

df_code delta_file_from_json(df_json value, delta_scratch *scratch, delta_file *out, df_error *err)
{
    delta_file_init(out);
    df_json_iter it = df_json_each(value);
    while (df_json_next(&it)) DF_TRY(take_file_member(it.key, it.value, scratch, out, err));
    if (!out->raw_path.ptr) return df_fail(err, DF_CORRUPT, "it has no path");
    delta_file_finish(out, scratch);
    return DF_OK;
}

/* ---- metaData, protocol ---- */

df_code delta_metadata_from_json(df_json value, delta_scratch *scratch, delta_metadata *out, df_error *err)
{
    *out = (delta_metadata){.created_time = DELTA_ABSENT};
    df_json_iter it = df_json_each(value);
    while (df_json_next(&it)) {
        df_json v = it.value;
        if (IS(it.key, "id"))
            DF_TRY(take_str(v, "id", &out->id, err));
        else if (IS(it.key, "name"))
            DF_TRY(take_str(v, "name", &out->name, err));
        else if (IS(it.key, "description"))
            DF_TRY(take_str(v, "description", &out->description, err));
        else if (IS(it.key, "schemaString"))
            DF_TRY(take_str(v, "schemaString", &out->schema, err));
        else if (IS(it.key, "createdTime"))
            DF_TRY(take_int(v, "createdTime", &out->created_time, err));
        else if (IS(it.key, "format"))
            DF_TRY(take_map(v, "format", slot(scratch, DELTA_SCRATCH_A), &out->format, err));
        else if (IS(it.key, "configuration"))
            DF_TRY(take_map(v, "configuration", slot(scratch, DELTA_SCRATCH_B), &out->configuration, err));
        else if (IS(it.key, "partitionColumns") && df_json_typeof(v) != DF_JSON_NULL) {
            if (df_json_typeof(v) != DF_JSON_ARRAY) return wrong_type("partitionColumns", "an array", err);
            df_buf *columns = slot(scratch, DELTA_SCRATCH_C);
            df_json_put(columns, v);
            out->partition_columns = df_buf_str(columns);
        }
    }
    if (!out->id.ptr) out->id = DF_STR("");
    if (!out->format.ptr) out->format = DF_STR("{\"options\":{},\"provider\":\"parquet\"}");
    if (!out->configuration.ptr) out->configuration = DF_STR("{}");
    if (!out->partition_columns.ptr) out->partition_columns = DF_STR("[]");
    return DF_OK;
}

static int by_text(const void *a, const void *b)
{
    return df_str_cmp(*(const df_str *)a, *(const df_str *)b);
}

/* The names sorted, as a JSON array; absent for null. */
static df_code take_features(df_json v, const char *member, df_buf *buf, df_str *out, df_error *err)
{
    *out = DF_STR_NONE;
    if (df_json_typeof(v) == DF_JSON_NULL) return DF_OK;
    if (df_json_typeof(v) != DF_JSON_ARRAY) return wrong_type(member, "an array of names", err);
    df_str *names = NULL;
    size_t count = 0, cap = 0;
    df_json_iter it = df_json_each(v);
    while (df_json_next(&it)) {
        df_str name = df_json_str(it.value);
        if (!name.ptr) {
            free(names);
            return wrong_type(member, "an array of names", err);
        }
        DF_PUSH(names, count, cap) = name;
    }
    if (count) qsort(names, count, sizeof *names, by_text);
    df_buf_char(buf, '[');
    for (size_t i = 0; i < count; i++) {
        if (i) df_buf_char(buf, ',');
        df_json_put_str(buf, names[i]);
    }
    df_buf_char(buf, ']');
    free(names);
    *out = df_buf_str(buf);
    return DF_OK;
}

df_code delta_protocol_from_json(df_json value, delta_scratch *scratch, delta_protocol *out, df_error *err)
{
    *out = (delta_protocol){.min_reader_version = DELTA_ABSENT, .min_writer_version = DELTA_ABSENT};
    df_json_iter it = df_json_each(value);
    while (df_json_next(&it)) {
        df_json v = it.value;
        if (IS(it.key, "minReaderVersion"))
            DF_TRY(take_int(v, "minReaderVersion", &out->min_reader_version, err));
        else if (IS(it.key, "minWriterVersion"))
            DF_TRY(take_int(v, "minWriterVersion", &out->min_writer_version, err));
        else if (IS(it.key, "readerFeatures"))
            DF_TRY(take_features(v, "readerFeatures", slot(scratch, DELTA_SCRATCH_A), &out->reader_features,
                                 err));
        else if (IS(it.key, "writerFeatures"))
            DF_TRY(take_features(v, "writerFeatures", slot(scratch, DELTA_SCRATCH_B), &out->writer_features,
                                 err));
    }
    if (out->min_reader_version == DELTA_ABSENT || out->min_writer_version == DELTA_ABSENT)
        return df_fail(err, DF_CORRUPT, "it has no minReaderVersion or no minWriterVersion");
    return DF_OK;
}

/* ---- the small ones ---- */

df_code delta_txn_from_json(df_json value, delta_txn *out, df_error *err)
{
    *out = (delta_txn){.version = DELTA_ABSENT, .last_updated = DELTA_ABSENT};
    df_json_iter it = df_json_each(value);
    while (df_json_next(&it)) {
        if (IS(it.key, "appId"))
            DF_TRY(take_str(it.value, "appId", &out->app_id, err));
        else if (IS(it.key, "version"))
            DF_TRY(take_int(it.value, "version", &out->version, err));
        else if (IS(it.key, "lastUpdated"))
            DF_TRY(take_int(it.value, "lastUpdated", &out->last_updated, err));
    }
    if (!out->app_id.ptr || out->version == DELTA_ABSENT)
        return df_fail(err, DF_CORRUPT, "it has no appId or no version");
    return DF_OK;
}

df_code delta_domain_from_json(df_json value, delta_domain *out, df_error *err)
{
    *out = (delta_domain){0};
    df_json_iter it = df_json_each(value);
    while (df_json_next(&it)) {
        if (IS(it.key, "domain"))
            DF_TRY(take_str(it.value, "domain", &out->domain, err));
        else if (IS(it.key, "configuration"))
            DF_TRY(take_str(it.value, "configuration", &out->configuration, err));
        else if (IS(it.key, "removed"))
            DF_TRY(take_bool(it.value, "removed", &out->removed, err));
    }
    if (!out->domain.ptr) return df_fail(err, DF_CORRUPT, "it has no domain");
    if (!out->configuration.ptr) out->configuration = DF_STR("");
    return DF_OK;
}

static df_code commit_info_from_json(df_json value, delta_commit_info *out, df_error *err)
{
    /* Free-form: nothing in it is required, so a value of another type than usual is left alone. */
    df_error ignored;
    out->timestamp = out->in_commit_timestamp = DELTA_ABSENT;
    df_json_iter it = df_json_each(value);
    while (df_json_next(&it)) {
        if (IS(it.key, "operation"))
            (void)!take_str(it.value, "operation", &out->operation, &ignored);
        else if (IS(it.key, "timestamp"))
            (void)!take_int(it.value, "timestamp", &out->timestamp, &ignored);
        else if (IS(it.key, "inCommitTimestamp"))
            DF_TRY(take_int(it.value, "inCommitTimestamp", &out->in_commit_timestamp, err));
    }
    return DF_OK;
}

static df_code sidecar_from_json(df_json value, delta_sidecar *out, df_error *err)
{
    *out = (delta_sidecar){.size = DELTA_ABSENT, .modification_time = DELTA_ABSENT};
    df_json_iter it = df_json_each(value);
    while (df_json_next(&it)) {
        if (IS(it.key, "path"))
            DF_TRY(take_str(it.value, "path", &out->path, err));
        else if (IS(it.key, "sizeInBytes"))
            DF_TRY(take_int(it.value, "sizeInBytes", &out->size, err));
        else if (IS(it.key, "modificationTime"))
            DF_TRY(take_int(it.value, "modificationTime", &out->modification_time, err));
    }
    if (!out->path.ptr) return df_fail(err, DF_CORRUPT, "it has no path");
    return DF_OK;
}

/* ---- all of them ---- */

static delta_action_kind kind_of(df_str name)
{
    static const struct {
        const char *name;
        delta_action_kind kind;
    } kinds[] = {
        {"add", DELTA_ADD},
        {"remove", DELTA_REMOVE},
        {"cdc", DELTA_CDC},
        {"metaData", DELTA_METADATA},
        {"protocol", DELTA_PROTOCOL},
        {"txn", DELTA_TXN},
        {"domainMetadata", DELTA_DOMAIN},
        {"commitInfo", DELTA_COMMIT_INFO},
        {"checkpointMetadata", DELTA_CHECKPOINT_METADATA},
        {"sidecar", DELTA_SIDECAR},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (df_str_is(name, kinds[i].name)) return kinds[i].kind;
    return DELTA_UNKNOWN;
}

/* `{"name": value}` without all but the value; absent when it is written over several lines. */
static df_str value_text(df_str line)
{
    size_t at = 0;
    if (!line.ptr || memchr(line.ptr, '\n', line.len)) return DF_STR_NONE;
    while (line.ptr[at] != '"') at++;
    for (at++; line.ptr[at] != '"'; at++) at += line.ptr[at] == '\\';
    while (line.ptr[at] != ':') at++;
    size_t end = line.len;
    while (line.ptr[end - 1] != '}') end--;
    for (at++; line.ptr[at] == ' ' || line.ptr[at] == '\t'; at++) {
    }
    for (end--; line.ptr[end - 1] == ' ' || line.ptr[end - 1] == '\t'; end--) {
    }
    return (df_str){line.ptr + at, end - at};
}

/* The value's own text where it is known, else the same value written again. */
static df_str raw_text(df_json value, df_str line, delta_scratch *scratch)
{
    df_str text = value_text(line);
    if (text.ptr) return text;
    df_buf *raw = slot(scratch, DELTA_SCRATCH_A);
    df_json_put(raw, value);
    return df_buf_str(raw);
}

df_code delta_action_from_json(df_str name, df_json value, df_str line, delta_scratch *scratch,
                               delta_action *out, df_error *err)
{
    out->kind = kind_of(name);
    if (out->kind == DELTA_UNKNOWN) {
        out->unknown.name = name;
        out->unknown.raw = raw_text(value, line, scratch);
        return DF_OK;
    }
    if (df_json_typeof(value) != DF_JSON_OBJECT)
        return df_fail(err, DF_CORRUPT, "%.*s is not an object", DF_FMT(name));
    df_code code = DF_OK;
    switch (out->kind) {
    case DELTA_ADD:
    case DELTA_REMOVE:
    case DELTA_CDC: code = delta_file_from_json(value, scratch, &out->file, err); break;
    case DELTA_METADATA: code = delta_metadata_from_json(value, scratch, &out->metadata, err); break;
    case DELTA_PROTOCOL: code = delta_protocol_from_json(value, scratch, &out->protocol, err); break;
    case DELTA_TXN: code = delta_txn_from_json(value, &out->txn, err); break;
    case DELTA_DOMAIN: code = delta_domain_from_json(value, &out->domain, err); break;
    case DELTA_SIDECAR: code = sidecar_from_json(value, &out->sidecar, err); break;
    case DELTA_COMMIT_INFO:
        out->commit_info = (delta_commit_info){.raw = raw_text(value, line, scratch)};
        code = commit_info_from_json(value, &out->commit_info, err);
        break;
    case DELTA_CHECKPOINT_METADATA:
    case DELTA_UNKNOWN: break;
    }
    return code == DF_OK ? code : df_error_prefix(err, "%.*s", DF_FMT(name));
}
