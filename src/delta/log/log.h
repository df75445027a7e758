/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table's `_delta_log`: what files there are, which of them reach which version, and reading them.
 *
 *     list  →  plan  →  read commit / read checkpoint  →  sink        (forward: the importer)
 *     list  →  snapshot (newest first, first mention wins)  →  sink   (backward: the proof)
 *
 * A log is listed once; everything after works on that listing, so that writers who go on
 * writing do not change what is being read.
 */
#ifndef DF_DELTA_LOG_LOG_H
#define DF_DELTA_LOG_LOG_H

#include "base/arena.h"
#include "base/log.h"
#include "delta/log/action.h"

/* ---- defects: everything found wrong, and what was done instead ---- */

/* JSON names are the same words with '-'. */
#define DELTA_DEFECTS(X)                                                                                     \
    X(GAP, "gap", "a commit is missing")                                                                     \
    X(BAD_COMMIT, "bad-commit", "a commit cannot be read")                                                   \
    X(TRAILING_GARBAGE, "trailing-garbage", "text stands behind the JSON of a line")                         \
    X(MULTI_LINE_JSON, "multi-line-json", "one JSON value is spread over several lines")                     \
    X(BAD_CHECKPOINT, "bad-checkpoint", "a checkpoint cannot be read, or lacks protocol or metadata")        \
    X(INCOMPLETE_CHECKPOINT, "incomplete-checkpoint", "parts of a multi-part checkpoint are missing")        \
    X(MISSING_SIDECAR, "missing-sidecar", "a checkpoint names a sidecar file that is not there")             \
    X(BAD_HINT, "bad-hint", "_last_checkpoint cannot be read")                                               \
    X(STALE_HINT, "stale-hint", "_last_checkpoint names another checkpoint than the newest")                 \
    X(DANGLING_HINT, "dangling-hint", "_last_checkpoint names a checkpoint that is not there")               \
    X(BAD_CRC, "bad-crc", "a version checksum file cannot be read or lacks required members")                \
    X(CRC_MISMATCH, "crc-mismatch", "a version checksum disagrees with the log")                             \
    X(BAD_COMPACTION, "bad-compaction", "a log compaction file cannot be read")                              \
    X(DUPLICATE_ACTION, "duplicate-action", "one commit adds or removes the same file twice")                \
    X(UNKNOWN_ACTION, "unknown-action", "an action of an unknown kind")                                      \
    X(UNKNOWN_FEATURE, "unknown-feature", "a table feature this program does not know")                      \
    X(CATALOG_MANAGED, "catalog-managed", "commits may exist that only the table's catalog knows")           \
    X(CHECKPOINT_DIFFERS, "checkpoint-differs", "a checkpoint and the commits before it disagree")           \
    X(COMPACTION_DIFFERS, "compaction-differs", "a log compaction file and its commits disagree")            \
    X(INPUT_CHANGED, "input-changed", "files of the log changed or vanished since they were listed")         \
    X(UNREADABLE_FOLDER, "unreadable-folder", "a folder cannot be listed")                                   \
    X(NO_METADATA, "no-metadata", "the state has no metaData action")                                        \
    X(NO_PROTOCOL, "no-protocol", "the state has no protocol action")

typedef enum delta_defect_kind {
#define DF_X(id, name, text) DELTA_DEFECT_##id,
    DELTA_DEFECTS(DF_X)
#undef DF_X
        DELTA_DEFECT_COUNT
} delta_defect_kind;

typedef struct delta_defect {
    delta_defect_kind kind;
    const char *file;     /* name inside _delta_log; NULL when it is about no one file */
    int64_t line;         /* 1-based; 0 when it does not apply */
    int64_t version;      /* -1 when it does not apply */
    const char *what;     /* one line */
    const char *fallback; /* what was done instead; "" when nothing was needed or possible */
} delta_defect;

typedef struct delta_defects {
    delta_defect *items;
    size_t count, cap;
    df_arena arena;  /* their texts */
    df_keymap known; /* place of a defect → its index */
} delta_defects;

/* `delta_defects d = {0};` is an empty list. */
const char *delta_defect_name(delta_defect_kind kind);
const char *delta_defect_text(delta_defect_kind kind);
/*
 * Adds one; `what` is formatted. The texts are copied. A defect equal in kind, file and line (without a file:
 * in kind and text) is added once, and keeps its first text. Returns it, so that ->version and ->fallback
 * (static text, or text in defects->arena) can be set; valid until the next is added.
 */
delta_defect *delta_defects_add(delta_defects *defects, delta_defect_kind kind, const char *file,
                                int64_t line, const char *fmt, ...) DF_PRINTF(5, 6);
void delta_defects_release(delta_defects *defects);

/* ---- listing ---- */

typedef struct delta_log_file {
    int64_t version;  /* of compactions: the last version */
    int64_t from;     /* of compactions: the first version; else = version */
    const char *name; /* inside _delta_log */
    int64_t size, mtime_ms;
} delta_log_file;

typedef struct delta_log_files {
    delta_log_file *items; /* sorted by version */
    size_t count, cap;
} delta_log_files;

typedef enum delta_checkpoint_kind {
    DELTA_CHECKPOINT_CLASSIC,
    DELTA_CHECKPOINT_MULTIPART,
    DELTA_CHECKPOINT_UUID_PARQUET,
    DELTA_CHECKPOINT_UUID_JSON,
} delta_checkpoint_kind;

typedef struct delta_checkpoint {
    int64_t version;
    delta_checkpoint_kind kind;
    delta_log_files parts;  /* one file but for multi-part */
    int64_t expected_parts; /* of multi-part: how many there should be; else 0 */
    bool complete;          /* every part is there */
    bool bad;               /* set by readers: damaged, do not choose it again */
} delta_checkpoint;

typedef struct delta_log {
    char *table_path; /* as the user wrote it, without trailing slashes */
    char *location;   /* absolute, symlinks resolved: the table's identity */
    char *directory;  /* location/_delta_log */
    delta_log_files commits, compactions, crcs;
    delta_checkpoint *checkpoints; /* sorted by version, then by preference (best last) */
    size_t n_checkpoints, checkpoints_cap;
    int64_t hint_version; /* of _last_checkpoint; -1 when there is none that can be read */
    size_t n_staged;      /* files in _staged_commits */
    df_arena arena;
} delta_log;

/*
 * Lists the log of the table at `path` (the table's folder; with a trailing slash or relative is fine).
 * DF_NOT_FOUND "No checkpoint or JSON files found in <path>/_delta_log" when there is nothing to read,
 * DF_PERMISSION, … .
 */
DF_MUST_USE df_code delta_log_open(const char *path, delta_log **out, delta_defects *defects, df_error *err);
void delta_log_close(delta_log *log);
/* The highest version that a commit or a complete checkpoint has; -1 when there is none. */
int64_t delta_log_newest(const delta_log *log);
/* The commit of a version, NULL when there is none. */
const delta_log_file *delta_log_commit(const delta_log *log, int64_t version);
const delta_log_file *delta_log_crc(const delta_log *log, int64_t version);
/* A hash of the names, sizes and times of every commit and checkpoint up to `version`: has the input changed?
 */
df_hash128 delta_log_fingerprint(const delta_log *log, int64_t version);

/* ---- planning ---- */

/*
 * A run of versions that can all be reconstructed from one base: a checkpoint (state at its version), or
 * nothing (-1, JSON from 0), and the commits first..last that follow it without a gap. A checkpoint with no
 * commits after it has last == its version.
 */
typedef struct delta_segment {
    int checkpoint;       /* index in log->checkpoints; -1: from commit 0 */
    int64_t base_version; /* of the checkpoint; -1 */
    int64_t last;         /* last version reached */
} delta_segment;

typedef struct delta_plan {
    delta_segment *segments; /* oldest first, not overlapping */
    size_t count, cap;
    int64_t version; /* the version reached: the last segment's last */
} delta_plan;

typedef struct delta_plan_options {
    bool latest_only; /* only the last segment, from its newest usable checkpoint */
    int64_t up_to;    /* highest version wanted; -1: the newest */
} delta_plan_options;

/*
 * Decides what to read. Bad or incomplete checkpoints and `bad_commits` are gone around, each with a defect
 * that names the fallback. DF_CORRUPT when the newest version cannot be reached (names the missing commit,
 * and the checkpoint or backup that would help).
 */
DF_MUST_USE df_code delta_log_plan(const delta_log *log, const delta_plan_options *options,
                                   const int64_t *bad_commits, size_t n_bad_commits, delta_plan *out,
                                   delta_defects *defects, df_error *err);
void delta_plan_release(delta_plan *plan);

/* ---- reading ---- */

typedef struct delta_reader delta_reader; /* buffers and parsers, reused; one thread */

delta_reader *delta_reader_open(const delta_log *log, delta_defects *defects, const df_observer *observer);
void delta_reader_close(delta_reader *reader);

/*
 * Reads one commit in its order; of two actions on one file the later one counts. DF_CORRUPT, with file and
 * line in `err` and in a BAD_COMMIT defect, for what is not JSON or not an action: what was already given to
 * the sink must then be thrown away, and the version goes into the next plan's `bad_commits`. Text behind a
 * value, values over several lines, several values on a line, blank lines, CRLF and a byte order mark are
 * accepted, the first two with a defect; so is one file added or removed twice. DF_NOT_FOUND: the commit
 * vanished since it was listed.
 */
DF_MUST_USE df_code delta_read_commit(delta_reader *reader, const delta_log_file *commit, delta_sink sink,
                                      df_error *err);

/* What of a checkpoint is wanted; the rest is not even decoded. */
enum {
    DELTA_WANT_FILES = 1,      /* adds */
    DELTA_WANT_STATS = 2,      /* … with stats (text or rebuilt) */
    DELTA_WANT_TOMBSTONES = 4, /* removes */
    DELTA_WANT_REST = 8,       /* protocol, metadata, txn, domains */
    DELTA_WANT_ALL = 15,
    /* delta_snapshot only: read log compaction files in place of the commits they stand for. */
    DELTA_USE_COMPACTIONS = 16,
};

/*
 * Reads a checkpoint of any kind, with its parts and sidecars, streaming. DF_CORRUPT when any of it is
 * damaged (defect added, checkpoint->bad set): what was already given to the sink must then be thrown away.
 */
DF_MUST_USE df_code delta_read_checkpoint(delta_reader *reader, delta_checkpoint *checkpoint, unsigned want,
                                          delta_sink sink, df_error *err);

/*
 * Reads a log compaction file in its order; of a key that is mentioned twice the first mention counts.
 * DF_CORRUPT (defect added) when it is damaged or empty: what was already given to the sink must be thrown
 * away, and the commits read.
 */
DF_MUST_USE df_code delta_read_compaction(delta_reader *reader, const delta_log_file *compaction,
                                          delta_sink sink, df_error *err);

/* ---- the backward replay ---- */

/* What the state at one version comes to. Sums that do not fit into 64 bits stay at the end of the range. */
typedef struct delta_snapshot_summary {
    int64_t version;
    int64_t num_files, size_in_bytes;
    int64_t num_records; /* DELTA_ABSENT when some live file has none */
    int64_t deletion_vector_files, deleted_records, tombstones;
    df_hash128 digest; /* sum of delta_file_digest over the live files */
    int64_t actions;   /* adds and removes that were read on the way */
    bool has_protocol, has_metadata;
} delta_snapshot_summary;

/*
 * Replays newest first: the first mention of a key decides. Starts at `version` and goes back to `base` (an
 * index in log->checkpoints, or -1 for commit 0). The sink gets, as `want` says, live adds as DELTA_ADD and
 * tombstones as DELTA_REMOVE, newest first, then the last protocol and metaData, txns, and domains that are
 * not removed; its `take` may be NULL when only the summary is wanted. Adds are always read; without
 * DELTA_WANT_STATS those of a checkpoint have no num_records, and without DELTA_WANT_TOMBSTONES its
 * tombstones are not counted.
 *
 * DF_CORRUPT as from the readers: after a damaged checkpoint, log->checkpoints[base].bad is set and the
 * snapshot can be planned anew; what the sink was given must be thrown away.
 */
DF_MUST_USE df_code delta_snapshot(delta_reader *reader, delta_log *log, int base, int64_t version,
                                   unsigned want, delta_sink sink, delta_snapshot_summary *out,
                                   df_error *err);

#endif
