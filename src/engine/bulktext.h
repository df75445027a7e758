/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text form of rows that PostgreSQL's COPY and MariaDB's LOAD DATA share: tabs between values, a
 * line feed after each row, \N for NULL, backslashes before what would be misread.
 */
#ifndef DF_ENGINE_BULKTEXT_H
#define DF_ENGINE_BULKTEXT_H

#include "engine/engine.h"

typedef struct df_bulk_format {
    const char *engine;   /* for messages */
    const char *yes, *no; /* of DF_BOOL */
    bool nul;             /* text may hold NUL (written \0); else it is an error */
    bool hex_blobs;       /* blobs are \\x and hexadecimal digits; else they are escaped like text */
    bool special_doubles; /* NaN, Infinity, -Infinity are numbers; else they are errors */
} df_bulk_format;

/* Appends one row; DF_FAILED names the column whose value the engine cannot hold. */
DF_MUST_USE df_code df_bulk_put_row(df_buf *out, const df_bulk_format *format, const char *const *columns,
                                    size_t n_columns, const df_value *values, df_error *err);

/* Appends the shortest text of a finite double that reads back as the same. */
void df_put_sql_double(df_buf *out, double value);

/* Appends lower-case hexadecimal digits; false when there is no memory for them. */
bool df_put_hex(df_buf *out, df_str bytes);

/* "name" with the quote doubled inside: a quoted identifier. */
void df_put_quoted(df_buf *out, const char *name, char quote);

#endif
