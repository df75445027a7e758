/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Version checksum files (`v.crc`): what the writer of a version thought its state was. Evidence that was not
 * made by this program; never needed to read a table.
 *
 * Source: Delta Transaction Log Protocol, section "Version Checksum File".
 */
#ifndef DF_DELTA_LOG_CRC_H
#define DF_DELTA_LOG_CRC_H

#include "base/buf.h"
#include "delta/log/log.h"

typedef struct delta_crc {
    int64_t version;
    int64_t num_files, size_in_bytes;
    int64_t num_metadata, num_protocol;                /* 1 in a sound file; DELTA_ABSENT */
    int64_t num_deleted_records, num_deletion_vectors; /* DELTA_ABSENT when not given */
    int64_t num_transactions;                          /* of older files, which have no list; DELTA_ABSENT */
    int64_t in_commit_timestamp;                       /* ms; DELTA_ABSENT */
    df_str txn_id;                                     /* absent */
    bool has_metadata, has_protocol, has_txns, has_domains, has_files;
    delta_metadata metadata;
    delta_protocol protocol;
    delta_txn *txns;
    size_t n_txns;
    delta_domain *domains;
    size_t n_domains;
    delta_file *files; /* the whole live state; small tables only */
    size_t n_files;
    df_hash128 files_digest; /* sum of delta_file_digest over `files` */
} delta_crc;

/*
 * Reads one; everything it points to lives in `arena`. DF_CORRUPT (defect added) when it is not JSON, or has
 * no counts. What is only incomplete (no metadata, text behind the JSON) is read, with a defect. Files of
 * older writers, with counts alone, are sound.
 */
DF_MUST_USE df_code delta_crc_read(delta_reader *reader, const delta_log_file *file, df_arena *arena,
                                   delta_crc *out, df_error *err);

/*
 * Whether the counts, and the digest where there is a list of files, are those of a state. What differs is
 * appended to `why` (may be NULL), as "numFiles is 10, the log gives 0; …". Metadata, transactions and
 * domains are for the caller.
 */
bool delta_crc_agrees(const delta_crc *crc, const delta_snapshot_summary *state, df_buf *why);

#endif
