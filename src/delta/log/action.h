/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The actions of a Delta log, as one struct a kind, the same whether they were read from a
 * JSON commit, a compaction file or a checkpoint. All strings are views that live until the sink returns.
 *
 * Source: Delta Transaction Log Protocol, section "Actions".
 */
#ifndef DF_DELTA_LOG_ACTION_H
#define DF_DELTA_LOG_ACTION_H

#include "base/hash.h"
#include "base/str.h"

#include <dataflow/error.h>

/* An integer that the log does not give. */
#define DELTA_ABSENT INT64_MIN

/* add, remove and cdc */
typedef struct delta_file {
    df_str path;     /* identity: percent-decoded once; file:/x, file:///x and /x are one form (/x) */
    df_str raw_path; /* as the log writes it */
    df_str dv_id; /* identity of the deletion vector: storageType pathOrInlineDv [@offset]; "" without one */
    df_hash128 key;             /* hash of path and dv_id: the logical file */
    int64_t version;            /* of the commit or checkpoint that it was read from */
    int64_t size;               /* bytes; DELTA_ABSENT in old removes */
    int64_t modification_time;  /* ms; DELTA_ABSENT in removes */
    int64_t deletion_timestamp; /* ms; removes only, else DELTA_ABSENT */
    bool data_change;
    int extended_file_metadata; /* removes: 1, 0, or -1 when not given */
    df_str partition_values;    /* JSON object, members sorted by name; absent when not given */
    df_str stats;       /* JSON text as written, or rebuilt from stats_parsed; absent when neither is there */
    bool stats_rebuilt; /* stats come from stats_parsed */
    int64_t num_records;    /* physical rows, from stats; DELTA_ABSENT when not known */
    df_str tags;            /* JSON object, members sorted; absent */
    df_str deletion_vector; /* JSON object, canonical (members sorted); absent */
    int64_t dv_cardinality; /* rows deleted by the deletion vector; 0 without one */
    int64_t base_row_id, default_row_commit_version; /* DELTA_ABSENT when not given */
    df_str clustering_provider;                      /* absent when not given */
} delta_file;

typedef struct delta_metadata {
    df_str id, name, description; /* name and description may be absent */
    df_str format;                /* JSON object {"options":{…},"provider":…}, members sorted */
    df_str schema;                /* schemaString: JSON text of the struct type */
    df_str partition_columns;     /* JSON array of strings */
    df_str configuration;         /* JSON object, members sorted */
    int64_t created_time;         /* ms; DELTA_ABSENT */
} delta_metadata;

typedef struct delta_protocol {
    int64_t min_reader_version, min_writer_version;
    df_str reader_features, writer_features; /* JSON arrays of strings, sorted; absent when not given */
} delta_protocol;

typedef struct delta_txn {
    df_str app_id;
    int64_t version, last_updated; /* last_updated: ms, DELTA_ABSENT */
} delta_txn;

typedef struct delta_domain {
    df_str domain, configuration;
    bool removed;
} delta_domain;

typedef struct delta_commit_info {
    df_str raw;                  /* the whole value of "commitInfo", as written where that is one line */
    df_str operation;            /* absent when not given */
    int64_t timestamp;           /* ms; DELTA_ABSENT */
    int64_t in_commit_timestamp; /* ms; DELTA_ABSENT */
} delta_commit_info;

typedef struct delta_sidecar {
    df_str path; /* as written, percent-encoded */
    int64_t size, modification_time;
} delta_sidecar;

typedef enum delta_action_kind {
    DELTA_ADD,
    DELTA_REMOVE,
    DELTA_CDC,
    DELTA_METADATA,
    DELTA_PROTOCOL,
    DELTA_TXN,
    DELTA_DOMAIN,
    DELTA_COMMIT_INFO,
    DELTA_CHECKPOINT_METADATA, /* V2 checkpoints; only its presence matters */
    DELTA_SIDECAR,
    DELTA_UNKNOWN, /* carried as text */
} delta_action_kind;

typedef struct delta_action {
    delta_action_kind kind;
    union {
        delta_file file;
        delta_metadata metadata;
        delta_protocol protocol;
        delta_txn txn;
        delta_domain domain;
        delta_commit_info commit_info;
        delta_sidecar sidecar;
        struct {
            df_str name, raw; /* its value as JSON: the line is {"name":raw} */
        } unknown;
    };
} delta_action;

/* Takes one action. Any code but DF_OK stops the reading, which then returns that code. */
typedef struct delta_sink {
    void *context;
    df_code (*take)(void *context, const delta_action *action, df_error *err);
} delta_sink;

/*
 * Hash of what makes a live file what it is: path, dv, size, modification time, partition values.
 * dataChange, stats and tags are left out because checkpoints legitimately change or drop them. The sum of
 * these over the live files is a version's state digest.
 */
df_hash128 delta_file_digest(const delta_file *file);

/* The logical file's key: hash of canonical path and dv id. */
df_hash128 delta_file_key(df_str path, df_str dv_id);

/* Copies whose strings live in `arena`. */
delta_file delta_file_copy(df_arena *arena, const delta_file *file);
delta_metadata delta_metadata_copy(df_arena *arena, const delta_metadata *metadata);
delta_protocol delta_protocol_copy(df_arena *arena, const delta_protocol *protocol);

#endif
