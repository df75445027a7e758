/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: Delta Transaction Log Protocol, sections "Table Features" and "Valid Feature Names in Table
 * Features", and the names that earlier writers used.
 */
#include "delta/log/protocol.h"

#include "base/error.h"
#include "base/json.h"

enum { NEWEST_READER = 3, NEWEST_WRITER = 7 };

/* Features that change how data files are read, or nothing that a log says: they are carried. */
static const char *const reader_features[] = {
    "columnMapping", "deletionVectors",     "timestampNtz",     "timestampWithoutTimezone",
    "v2Checkpoint",  "vacuumProtocolCheck", "typeWidening",     "typeWidening-preview",
    "variantType",   "variantType-preview", "variantShredding", "variantShredding-preview",
    "geospatial",
};

/* The table's newest commits are known to its catalog alone. */
static const char *const catalog_features[] = {"catalogManaged", "catalogOwned", "catalogOwned-preview"};

static const char *const writer_features[] = {
    "appendOnly",
    "invariants",
    "checkConstraints",
    "changeDataFeed",
    "generatedColumns",
    "allowColumnDefaults",
    "identityColumns",
    "rowTracking",
    "domainMetadata",
    "icebergCompatV1",
    "icebergCompatV2",
    "icebergCompatV3",
    "clustering",
    "liquid",
    "inCommitTimestamp",
    "inCommitTimestamp-preview",
    "materializePartitionColumns",
    "collations",
    "collations-preview",
    "checkpointProtection",
    "redirectReaderWriter-preview",
    "redirectWriterOnly-preview",
    "coordinatedCommits-preview",
    "managedCommit-preview",
    "icebergWriterCompatV1",
    "icebergWriterCompatV3",
};

#define LISTED(name, list) is_listed((name), (list), sizeof(list) / sizeof *(list))

static bool is_listed(df_str name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (df_str_is(name, list[i])) return true;
    return false;
}

static bool names(df_str features, const char *feature)
{
    size_t len = strlen(feature);
    for (const char *p = features.ptr, *end = p + features.len; p && p < end; p++) {
        p = memchr(p, '"', (size_t)(end - p));
        if (!p) return false;
        if ((size_t)(end - p) > len + 1 && memcmp(p + 1, feature, len) == 0 && p[len + 1] == '"') return true;
    }
    return false;
}

bool delta_protocol_has(const delta_protocol *protocol, const char *feature)
{
    return names(protocol->reader_features, feature) || names(protocol->writer_features, feature);
}

bool delta_is_catalog_managed(const delta_protocol *protocol)
{
    for (size_t i = 0; i < sizeof catalog_features / sizeof *catalog_features; i++)
        if (delta_protocol_has(protocol, catalog_features[i])) return true;
    return false;
}

static const char force_hint[] =
    "--force reads it all the same, and marks the table as imported against the rules";

static df_code check_catalog(const delta_protocol *protocol, const delta_metadata *metadata, bool force,
                             delta_defects *defects, df_error *err)
{
    bool managed = delta_is_catalog_managed(protocol);
    /* The forerunner of catalog-managed tables publishes every commit, only later than it is made. */
    bool coordinated = metadata && metadata->configuration.ptr &&
                       memmem(metadata->configuration.ptr, metadata->configuration.len,
                              "\"delta.coordinatedCommits.commitCoordinator",
                              sizeof "\"delta.coordinatedCommits.commitCoordinator" - 1);
    if (!managed && !coordinated) return DF_OK;
    delta_defects_add(defects, DELTA_DEFECT_CATALOG_MANAGED, NULL, 0,
                      "a catalog ratifies this table's commits; newer ones than in _delta_log may exist")
        ->fallback = managed && !force ? "" : "the commits that are published in _delta_log are read";
    if (!managed || force) return DF_OK;
    df_fail(err, DF_REFUSED,
            "the table is managed by a catalog (feature catalogManaged): the protocol does not allow "
            "reading it from its files alone, because commits may exist that only the catalog knows");
    df_error_hint(err, "%s", force_hint);
    return DF_REFUSED;
}

static df_code unknown_feature(df_str name, bool reader, bool force, delta_defects *defects, df_error *err)
{
    int len = (int)(name.len < 100 ? name.len : 100);
    delta_defects_add(defects, DELTA_DEFECT_UNKNOWN_FEATURE, NULL, 0, "%s feature \"%.*s\" is not known",
                      reader ? "reader" : "writer", len, name.ptr)
        ->fallback = reader ? force ? "the log is read as if it were not there" : "" : "it is carried";
    if (!reader || force) return DF_OK;
    df_fail(err, DF_UNSUPPORTED,
            "the table needs the reader feature \"%.*s\", which this program does not know", len, name.ptr);
    df_error_hint(err, "%s", force_hint);
    return DF_UNSUPPORTED;
}

static df_code check_list(df_str features, bool reader, bool force, delta_defects *defects, df_error *err)
{
    if (!features.ptr) return DF_OK;
    df_json_parser *parser = df_json_parser_open();
    df_json list;
    df_code code = df_json_parse(parser, features, &list, err);
    df_json_iter it = code == DF_OK ? df_json_each(list) : (df_json_iter){0};
    while (code == DF_OK && df_json_next(&it)) {
        df_str name = df_json_str(it.value);
        if (LISTED(name, reader_features) || LISTED(name, catalog_features)) continue;
        /* Some writers list writer-only features for readers too. */
        if (LISTED(name, writer_features)) continue;
        code = unknown_feature(name, reader, force, defects, err);
    }
    df_json_parser_close(parser);
    return code;
}

static df_code check_versions(const delta_protocol *protocol, bool force, delta_defects *defects,
                              df_error *err)
{
    long long reader = protocol->min_reader_version, writer = protocol->min_writer_version;
    if (writer > NEWEST_WRITER)
        delta_defects_add(defects, DELTA_DEFECT_UNKNOWN_FEATURE, NULL, 0, "writer version %lld is not known",
                          writer)
            ->fallback = "it does not matter for reading";
    if (reader <= NEWEST_READER) return DF_OK;
    delta_defects_add(defects, DELTA_DEFECT_UNKNOWN_FEATURE, NULL, 0, "reader version %lld is not known",
                      reader)
        ->fallback = force ? "the log is read as if it were version 3" : "";
    if (force) return DF_OK;
    df_fail(err, DF_UNSUPPORTED,
            "the table needs reader version %lld (minReaderVersion); this program knows 1 to %d", reader,
            NEWEST_READER);
    df_error_hint(err, "%s", force_hint);
    return DF_UNSUPPORTED;
}

df_code delta_protocol_gate(const delta_protocol *protocol, const delta_metadata *metadata, bool force,
                            delta_defects *defects, df_error *err)
{
    DF_TRY(check_catalog(protocol, metadata, force, defects, err));
    DF_TRY(check_versions(protocol, force, defects, err));
    DF_TRY(check_list(protocol->writer_features, false, force, defects, err));
    return check_list(protocol->reader_features, true, force, defects, err);
}
