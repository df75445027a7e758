/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of commits, checkpoints and compactions share. */
#ifndef DF_DELTA_LOG_READER_H
#define DF_DELTA_LOG_READER_H

#include "delta/log/json_actions.h"
#include "delta/log/log.h"
#include "delta/log/ndjson.h"

/*
 * A set of 64-bit hashes: which paths a commit has added or removed. It does not fit into the processor's
 * caches for a large commit, so what is to be added waits a little while its place is fetched.
 */
enum { DELTA_SEEN_WAITING = 8 };

typedef struct delta_seen {
    uint64_t *slots; /* 0: free */
    size_t count, cap;
    uint64_t waiting[DELTA_SEEN_WAITING];
    int64_t lines[DELTA_SEEN_WAITING];
    size_t n_waiting, oldest;
} delta_seen;

/* Adds a hash. Gives the line of an earlier one that was there already; 0 when there is none to tell of. */
int64_t delta_seen_add(delta_seen *seen, uint64_t hash, int64_t line);
/* The same for those that still wait: to be called until it has given false. */
bool delta_seen_flush(delta_seen *seen, int64_t *line);
void delta_seen_clear(delta_seen *seen);

/* A member of a line's object. */
typedef struct delta_member {
    df_str name;
    df_json value;
} delta_member;

struct delta_reader {
    const delta_log *log;
    delta_defects *defects;
    const df_observer *observer;
    df_json_parser *parser;
    df_buf chunk;
    df_buf path; /* of the file being read */
    delta_scratch scratch;
    delta_member *members; /* of the line being read */
    size_t n_members, members_cap;
    delta_seen seen;         /* in the commit being read */
    delta_action action;     /* the one being built */
    df_keymap unknown_names; /* unknown actions that were named already */
    bool sink_failed;        /* the code being returned is the sink's, and says nothing about the file */
};

/* The file being read. */
typedef struct delta_source {
    const char *name; /* inside _delta_log */
    int64_t version;
    bool is_commit; /* look for duplicates */
    bool backwards; /* the members of a line in reverse */
    bool duplicates_named;
} delta_source;

/* reader->path: the path of a file inside _delta_log. */
const char *delta_reader_path(delta_reader *reader, const char *name);

/* Gives one action to the sink, after looking whether the commit has it already. */
DF_MUST_USE df_code delta_take_action(delta_reader *reader, delta_source *source, const delta_action *action,
                                      int64_t line, const delta_sink *sink, df_error *err);

/* Gives the actions of one line's value to the sink. `line` may be 0 when it is not known. */
DF_MUST_USE df_code delta_take_value(delta_reader *reader, delta_source *source, df_json value, df_str text,
                                     int64_t line, const delta_sink *sink, df_error *err);

/* Gives all actions of a file of JSON lines to the sink, and adds the defects of its form. */
DF_MUST_USE df_code delta_read_lines(delta_reader *reader, delta_source *source, const df_input *input,
                                     const delta_sink *sink, df_error *err);

/* Names exceptions of form that were met, for the readers in both directions. */
void delta_name_quirks(delta_reader *reader, const delta_source *source, const delta_ndjson *nd);

/* After a failure to read a commit: adds the defect unless the failure is not the file's. */
df_code delta_bad_commit(delta_reader *reader, const delta_source *source, df_code code, df_error *err);

#endif
