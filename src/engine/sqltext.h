/* SPDX-License-Identifier: Apache-2.0 */
/* The little that the engines need to know of SQL text: where quotes and comments begin and end. */
#ifndef DF_ENGINE_SQLTEXT_H
#define DF_ENGINE_SQLTEXT_H

#include "base/buf.h"
#include "base/error.h"

typedef struct df_sql_dialect {
    bool backslash;      /* a backslash escapes inside '…' and "…" */
    bool escape_strings; /* E'…' with backslashes, $tag$…$tag$, nested comments: PostgreSQL */
    bool backtick;       /* `…` quotes a name */
    bool hash_comment;   /* # to the end of the line, and `--` only before white space */
} df_sql_dialect;

/*
 * Length of the quoted text or comment that starts at sql.ptr[at], 0 when none does there. One that
 * does not end reaches to the end of the text.
 */
size_t df_sql_skip(const df_sql_dialect *dialect, df_str sql, size_t at);

/* Whether there is anything but white space, comments and semicolons. */
bool df_sql_is_blank(const df_sql_dialect *dialect, df_str sql);

/*
 * The statement that starts at *at in a script whose statements are separated by ";" at the end of a
 * line; moves *at behind it. false at the end. Blank statements are passed over.
 */
bool df_sql_next_statement(const df_sql_dialect *dialect, df_str script, size_t *at, df_str *statement);

/* Position of the next `?` outside of quotes and comments at or after `at`; sql.len when there is none. */
size_t df_sql_next_param(const df_sql_dialect *dialect, df_str sql, size_t at);

#endif
