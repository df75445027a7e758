/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Newline-delimited JSON as logs really contain it: one value a line, and the exceptions that occur (several
 * values on a line, one value over several lines, text behind a value, a byte order mark, CRLF, blank lines).
 */
#ifndef DF_DELTA_LOG_NDJSON_H
#define DF_DELTA_LOG_NDJSON_H

#include "base/json.h"
#include "base/log.h"
#include "delta/log/log.h"
#include "io/file.h"

typedef struct delta_ndjson {
    const df_input *input;
    df_json_parser *parser;
    const df_observer *observer;
    df_buf *chunk;                    /* the part of the input that is in memory, with padding behind it */
    int64_t offset;                   /* of the input: where the chunk ends */
    size_t at;                        /* in the chunk: what is next */
    int64_t line;                     /* 1-based, of `at` */
    int64_t value_line, value_offset; /* of the last value's first byte */
    int64_t garbage_line, multi_line; /* the first lines with these exceptions; 0: none */
    char garbage[24];                 /* what stands there, cut */
} delta_ndjson;

/* Begins reading; `chunk` and `parser` are the caller's and are reused from file to file. */
void delta_ndjson_begin(delta_ndjson *nd, const df_input *input, df_json_parser *parser, df_buf *chunk,
                        const df_observer *observer);

/*
 * Three steps: the next line (empty text: the end); then either it is consumed as it is, or its next value is
 * parsed, which may end before or after the line does. Texts and values live until the next call. DF_CORRUPT,
 * with err->line, for what is not JSON.
 */
DF_MUST_USE df_code delta_ndjson_line(delta_ndjson *nd, df_str *line, df_error *err);
void delta_ndjson_skip(delta_ndjson *nd, df_str line);
DF_MUST_USE df_code delta_ndjson_parse(delta_ndjson *nd, df_json *out, df_str *line_then_value,
                                       df_error *err);

#endif
