/* SPDX-License-Identifier: Apache-2.0 */
#include "delta/log/crc.h"

#include "base/error.h"
#include "delta/log/reader.h"

/* Histograms and the list of files of a small table: a few MB at most. */
enum { CRC_LIMIT = 256 << 20 };

static void name_bad(delta_reader *reader, const delta_log_file *file, const char *what, const char *fallback)
{
    delta_defect *d = delta_defects_add(reader->defects, DELTA_DEFECT_BAD_CRC, file->name, 0, "%s", what);
    d->version = file->version;
    d->fallback = fallback;
}

static df_code take_count(df_json root, const char *name, int64_t *out, df_error *err)
{
    df_json v = df_json_get(root, name);
    *out = DELTA_ABSENT;
    if (!v.at || df_json_typeof(v) == DF_JSON_NULL || df_json_int(v, out)) return DF_OK;
    return df_fail(err, DF_CORRUPT, "%s is not a 64-bit integer", name);
}

static df_code take_counts(df_json root, delta_crc *out, df_error *err)
{
    const struct {
        const char *name;
        int64_t *to;
    } counts[] = {
        {"numFiles", &out->num_files},
        {"tableSizeBytes", &out->size_in_bytes},
        {"numMetadata", &out->num_metadata},
        {"numProtocol", &out->num_protocol},
        {"numDeletedRecordsOpt", &out->num_deleted_records},
        {"numDeletionVectorsOpt", &out->num_deletion_vectors},
        {"numTransactions", &out->num_transactions},
        {"inCommitTimestampOpt", &out->in_commit_timestamp},
    };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        DF_TRY(take_count(root, counts[i].name, counts[i].to, err));
    if (out->num_files == DELTA_ABSENT) return df_fail(err, DF_CORRUPT, "it has no numFiles");
    if (out->size_in_bytes == DELTA_ABSENT) return df_fail(err, DF_CORRUPT, "it has no tableSizeBytes");
    return DF_OK;
}

/* The list's elements; false when it is not there. */
static df_code begin_list(df_json root, const char *name, bool *has, df_json *list, df_error *err)
{
    *list = df_json_get(root, name);
    *has = df_json_typeof(*list) == DF_JSON_ARRAY;
    if (*has || !list->at || df_json_typeof(*list) == DF_JSON_NULL) return DF_OK;
    return df_fail(err, DF_CORRUPT, "%s is not an array", name);
}

static df_code take_txns(df_json root, df_arena *arena, delta_crc *out, df_error *err)
{
    df_json list;
    DF_TRY(begin_list(root, "setTransactions", &out->has_txns, &list, err));
    out->txns = df_arena_alloc(arena, df_json_count(list) * sizeof *out->txns);
    df_json_iter it = df_json_each(list);
    while (df_json_next(&it)) {
        delta_txn txn;
        DF_TRY(delta_txn_from_json(it.value, &txn, err));
        txn.app_id = df_arena_str(arena, txn.app_id);
        out->txns[out->n_txns++] = txn;
    }
    return DF_OK;
}

static df_code take_domains(df_json root, df_arena *arena, delta_crc *out, df_error *err)
{
    df_json list;
    DF_TRY(begin_list(root, "domainMetadata", &out->has_domains, &list, err));
    out->domains = df_arena_alloc(arena, df_json_count(list) * sizeof *out->domains);
    df_json_iter it = df_json_each(list);
    while (df_json_next(&it)) {
        delta_domain domain;
        DF_TRY(delta_domain_from_json(it.value, &domain, err));
        domain.domain = df_arena_str(arena, domain.domain);
        domain.configuration = df_arena_str(arena, domain.configuration);
        out->domains[out->n_domains++] = domain;
    }
    return DF_OK;
}

static df_code take_files(df_json root, delta_scratch *scratch, df_arena *arena, delta_crc *out,
                          df_error *err)
{
    df_json list;
    DF_TRY(begin_list(root, "allFiles", &out->has_files, &list, err));
    out->files = df_arena_alloc(arena, df_json_count(list) * sizeof *out->files);
    df_json_iter it = df_json_each(list);
    while (df_json_next(&it)) {
        delta_file file;
        DF_TRY(delta_file_from_json(it.value, scratch, &file, err));
        out->files[out->n_files++] = delta_file_copy(arena, &file);
        out->files_digest = df_hash_add(out->files_digest, delta_file_digest(&file));
    }
    return DF_OK;
}

static df_code take_parts(df_json root, delta_scratch *scratch, df_arena *arena, delta_crc *out,
                          df_error *err)
{
    df_json metadata = df_json_get(root, "metadata"), protocol = df_json_get(root, "protocol");
    out->has_metadata = df_json_typeof(metadata) == DF_JSON_OBJECT;
    out->has_protocol = df_json_typeof(protocol) == DF_JSON_OBJECT;
    if (out->has_metadata) {
        delta_metadata m;
        DF_TRY(delta_metadata_from_json(metadata, scratch, &m, err));
        out->metadata = delta_metadata_copy(arena, &m);
    }
    if (out->has_protocol) {
        delta_protocol p;
        DF_TRY(delta_protocol_from_json(protocol, scratch, &p, err));
        out->protocol = delta_protocol_copy(arena, &p);
    }
    DF_TRY(take_txns(root, arena, out, err));
    DF_TRY(take_domains(root, arena, out, err));
    return take_files(root, scratch, arena, out, err);
}

/* Parses the text, or the object that it begins with. */
static df_code parse(delta_reader *reader, const delta_log_file *file, df_str text, df_json *root,
                     df_error *err)
{
    df_code code = df_json_parse(reader->parser, text, root, err);
    if (code != DF_OK) {
        size_t length = df_json_extent(text);
        if (!length) return code;
        DF_TRY(df_json_parse(reader->parser, (df_str){text.ptr, length}, root, err));
        name_bad(reader, file, "text stands behind the JSON", "the JSON before it is read");
    }
    if (df_json_typeof(*root) == DF_JSON_OBJECT) return DF_OK;
    return df_fail(err, DF_CORRUPT, "not a JSON object");
}

static df_code read_text(delta_reader *reader, const delta_log_file *file, df_str text, df_arena *arena,
                         delta_crc *out, df_error *err)
{
    df_json root;
    DF_TRY(parse(reader, file, text, &root, err));
    DF_TRY(take_counts(root, out, err));
    DF_TRY(take_parts(root, &reader->scratch, arena, out, err));
    out->txn_id = df_arena_str(arena, df_json_str(df_json_get(root, "txnId")));
    /* The oldest form has neither; one without the other was never written by a sound writer. */
    if (out->has_metadata != out->has_protocol)
        name_bad(reader, file, out->has_metadata ? "it has no protocol" : "it has no metadata",
                 "what it has is compared");
    return DF_OK;
}

df_code delta_crc_read(delta_reader *reader, const delta_log_file *file, df_arena *arena, delta_crc *out,
                       df_error *err)
{
    df_error own;
    if (!err) err = &own;
    *out = (delta_crc){.version = file->version};
    df_buf text = {0};
    const char *path = delta_reader_path(reader, file->name);
    df_code code = df_file_read_all(path, CRC_LIMIT, &text, err);
    if (code == DF_OK) code = read_text(reader, file, df_buf_str(&text), arena, out, err);
    df_buf_release(&text);
    if (code == DF_OK) return DF_OK;
    if (code == DF_CORRUPT) name_bad(reader, file, err->message, "it is not compared");
    df_error_at(err, path, 0);
    return df_error_prefix(err, "%s", file->name);
}

static bool agree(const char *name, int64_t in_crc, int64_t in_log, df_buf *why)
{
    if (in_crc == DELTA_ABSENT || in_crc == in_log) return true;
    if (why)
        df_buf_printf(why, "%s%s is %lld, the log gives %lld", why->len ? "; " : "", name, (long long)in_crc,
                      (long long)in_log);
    return false;
}

bool delta_crc_agrees(const delta_crc *crc, const delta_snapshot_summary *state, df_buf *why)
{
    bool same = agree("numFiles", crc->num_files, state->num_files, why);
    same &= agree("tableSizeBytes", crc->size_in_bytes, state->size_in_bytes, why);
    same &= agree("numDeletedRecordsOpt", crc->num_deleted_records, state->deleted_records, why);
    same &= agree("numDeletionVectorsOpt", crc->num_deletion_vectors, state->deletion_vector_files, why);
    same &= agree("numMetadata", crc->num_metadata, state->has_metadata, why);
    same &= agree("numProtocol", crc->num_protocol, state->has_protocol, why);
    if (!crc->has_files) return same;
    same &= agree("the length of allFiles", (int64_t)crc->n_files, state->num_files, why);
    if (same && !df_hash_eq(crc->files_digest, state->digest)) {
        if (why) df_buf_printf(why, "%sallFiles holds other files than the log gives", why->len ? "; " : "");
        same = false;
    }
    return same;
}
