/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the loader.
 *
 *     take ──► group: what the actions of the open versions come to, in memory
 *     flush ─► 1. resolve: partitions get ids; keys that the database may hold are looked up, their rows end
 *              2. bulk loads: live rows, rows that lived and died within the group, tombstones
 *     commit ► versions with their totals, metadata, the table's and the status row, the lock's token; COMMIT
 *
 * A group larger than memory should hold is flushed in pieces inside its one transaction.
 */
#ifndef DF_DELTA_CATALOG_LOAD_INT_H
#define DF_DELTA_CATALOG_LOAD_INT_H

#include "delta/catalog/catalog_int.h"
#include "delta/catalog/load_known.h"

/* What a state comes to; in a version: by how much it changed. */
typedef struct load_totals {
    int64_t files, bytes, records, without_records, dv_files, deleted_records, tombstones;
    df_hash128 digest;
} load_totals;

typedef struct load_change {
    load_totals net;
    int64_t added_files, removed_files, added_bytes, removed_bytes;
} load_change;

typedef struct load_version {
    int64_t version, segment_base;
    load_change change;      /* by what memory knows, and by flushed pieces */
    load_change found;       /* by rows that the flush under way found in the database */
    delta_version_info info; /* texts live in `state` */
} load_version;

typedef enum load_reason { LOAD_REMOVED, LOAD_REPLACED } load_reason;
typedef enum load_row_state { LOAD_LIVE, LOAD_ENDED, LOAD_DROPPED } load_row_state;

/* A file that was added in the group. */
typedef struct load_row {
    delta_file file; /* texts live in `arena` */
    int64_t file_id, version;
    int64_t removed_version, deletion_timestamp; /* LOAD_ENDED */
    int32_t partition;                           /* index in `partitions` */
    load_row_state state;
    load_reason reason;
    bool removed_data_change;
} load_row;

typedef struct load_tombstone {
    delta_file file;
    int64_t file_id, version;
    bool dropped;
} load_tombstone;

/* The first event of a key in the group: what the database holds of it ends here. */
typedef struct load_close {
    df_hash128 key;
    int64_t version, deletion_timestamp;
    load_reason reason;
    bool data_change;
} load_close;

/* Where a key stands; indices are -1 for none. */
typedef struct load_key {
    int32_t row, tombstone; /* what it is now */
    int32_t close;          /* its first event */
    int32_t ended;          /* the row of this group that ended last */
} load_key;

typedef struct load_partition {
    df_hash128 hash;
    df_str values;
    int64_t id; /* 0: not known yet */
    bool is_new;
} load_partition;

/* A row of delta_files that ends. */
typedef struct load_ending {
    int64_t file_id;
    int32_t close;
    bool same_version; /* it was added by the version that ends it */
} load_ending;

typedef struct load_txn {
    int64_t version;
    delta_txn txn;
} load_txn;

typedef struct load_domain {
    int64_t version;
    delta_domain domain;
} load_domain;

typedef struct load_metadata {
    int64_t version;
    delta_metadata metadata;
} load_metadata;

typedef struct load_protocol {
    int64_t version;
    delta_protocol protocol;
} load_protocol;

#define LOAD_LIST(type)                                                                                      \
    struct {                                                                                                 \
        type *items;                                                                                         \
        size_t count, cap;                                                                                   \
    }
#define LOAD_PUSH(list) DF_PUSH((list).items, (list).count, (list).cap)

struct delta_loader {
    delta_catalog *catalog;
    df_arena names; /* copies of the options' texts */
    df_str table_id, location, history, flag;
    char fingerprint[33];
    int64_t batch_size, piece_size, files_total;
    double started;
    double hold_s; /* a group that is large enough for a commit still grows for so long: commits are dear */

    /* the table as it is, with everything ended so far */
    int64_t version, first_version, base_checkpoint, segment_base;
    int64_t visible_version; /* committed */
    int64_t next_file_id, next_partition_id;
    int64_t files_before, files, files_committed;
    load_totals totals; /* committed */
    bool restart;       /* rows of an earlier import go away in the first transaction */
    int64_t gap;        /* version at which everything live ends; -1: none */

    /* the open transaction */
    bool prepared;      /* restart and gap are done in it */
    bool flushed_piece; /* pieces are in it: it cannot be repeated from memory */

    /* the open group */
    bool in_version;
    int64_t group_files;
    double group_started;
    df_arena arena; /* texts of the piece */
    df_keymap key_index;
    LOAD_LIST(load_key) keys;
    LOAD_LIST(load_row) rows;
    LOAD_LIST(load_tombstone) tombstones;
    LOAD_LIST(load_close) closes;
    LOAD_LIST(load_ending) endings;
    LOAD_LIST(int64_t) old_tombstones; /* ids of rows in delta_tombstones that go */
    df_keymap partition_index;
    LOAD_LIST(load_partition) partitions;
    df_arena state; /* texts until the commit */
    LOAD_LIST(load_version) versions;
    LOAD_LIST(load_metadata) metadata;
    LOAD_LIST(load_protocol) protocols;
    LOAD_LIST(load_txn) txns;
    LOAD_LIST(load_domain) domains;
    df_keymap seen; /* app ids and domains of the open version */

    /* across groups */
    delta_known known;
    int64_t probed; /* keys looked up since the open */
    df_keymap partition_ids;
    bool partitions_complete; /* every partition of the table is in partition_ids */
};

/* ---- load_group.c: actions into memory ---- */

DF_MUST_USE df_code load_take_add(delta_loader *loader, const delta_file *file, df_error *err);
DF_MUST_USE df_code load_take_remove(delta_loader *loader, const delta_file *file, df_error *err);
/* Forgets the piece's rows; keeps versions and table-level state. */
void load_piece_clear(delta_loader *loader);
/* Adds a live file to a change, `sign` 1 or -1. */
void load_count_added(load_change *change, const delta_file *file, int sign);
void load_count_removed(load_change *change, const delta_file *file);

/* ---- load_state.c: table-level actions and versions ---- */

DF_MUST_USE df_code load_take_state(delta_loader *loader, const delta_action *action, df_error *err);
/* Writes versions, metadata, protocol, txns, domains of the group. *totals: after its last version. */
DF_MUST_USE df_code load_write_state(delta_loader *loader, load_totals *totals, df_error *err);
void load_state_clear(delta_loader *loader);

/* ---- load_resolve.c: what the database already has ---- */

DF_MUST_USE df_code load_resolve_partitions(delta_loader *loader, df_error *err);
/* Finds the rows that the group's keys end, counts them, moves them to history, and takes away tombstones. */
DF_MUST_USE df_code load_resolve_keys(delta_loader *loader, df_error *err);

/* ---- load_bulk.c: rows out of memory ---- */

DF_MUST_USE df_code load_bulk_partitions(delta_loader *loader, df_error *err);
DF_MUST_USE df_code load_bulk_files(delta_loader *loader, df_error *err);
DF_MUST_USE df_code load_bulk_history(delta_loader *loader, df_error *err);
DF_MUST_USE df_code load_bulk_tombstones(delta_loader *loader, df_error *err);
DF_MUST_USE df_code load_bulk_endings(delta_loader *loader, df_error *err);
const char *load_reason_name(load_reason reason);

/* ---- load_flush.c: transactions ---- */

/* Writes the piece into the open (or a new) transaction and empties it. */
DF_MUST_USE df_code load_flush_piece(delta_loader *loader, df_error *err);

typedef struct load_finish {
    df_str warnings;
    double duration_s;
} load_finish;

/* Writes everything and commits. `finish` (may be NULL) marks the table completed in the same transaction. */
DF_MUST_USE df_code load_commit(delta_loader *loader, const load_finish *finish, df_error *err);

/* ---- adopt.c ---- */

/* In the open transaction, under the table's lock. */
DF_MUST_USE df_code load_adopt(delta_catalog *catalog, df_str table_id, int64_t *next_file_id,
                               int64_t *next_partition_id, int64_t *rows, df_error *err);

#endif
