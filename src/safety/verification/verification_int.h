/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a snapshot; nobody outside of this folder includes it. */
#ifndef DF_SAFETY_VERIFICATION_INT_H
#define DF_SAFETY_VERIFICATION_INT_H

#include "safety/verification/verification.h"

/* One line: `["index","public","users","users_email_idx","CREATE …"]`. */
typedef struct snap_line {
    df_str text; /* without its line end; absent: there is no more */
    df_str key;  /* up to and with the comma before the definition: equal for one object in two snapshots */
    df_str definition; /* as JSON, with its quotes */
    int64_t number;    /* 1-based */
} snap_line;

typedef struct snap_reader {
    df_str rest;
    const char *which; /* for messages: "recorded", "live" */
    snap_line line;    /* the present one */
} snap_reader;

/* Goes on to the next line. DF_CORRUPT when it is none of ours, or does not come behind the one before. */
DF_MUST_USE df_code snap_next(snap_reader *reader, df_error *err);

/* The five texts of a line, as views of the parser's memory; absent for null. */
typedef struct snap_object {
    df_str kind, schema, parent, name, definition;
} snap_object;
DF_MUST_USE df_code snap_parse(df_json_parser *parser, const snap_line *line, snap_object *out,
                               df_error *err);

/* "public.users.users_email_idx": what there is of schema, parent and name. */
void snap_put_name(df_buf *out, const snap_object *object);

#endif
