/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas as text that can be kept and compared: drift, and the proof that a migration can be taken back. */
#ifndef DF_SAFETY_VERIFICATION_H
#define DF_SAFETY_VERIFICATION_H

#include "engine/copy.h"
#include "ledger/ledger.h"

#include <dataflow/migrate.h>

/* A snapshot: one line an object, sorted: JSON arrays [kind, schema, parent, name, definition]. */
typedef struct df_schema_snapshot {
    df_buf text;
    char digest[65]; /* SHA-256 of the text */
    int64_t objects;
} df_schema_snapshot;
void df_schema_snapshot_release(df_schema_snapshot *snapshot);

/* The live schema without the ledger's own tables. */
DF_MUST_USE df_code df_schema_snapshot_take(df_conn *conn, df_schema_snapshot *out, df_error *err);
/* Object by object; what is the same gives nothing. Texts as written by df_schema_snapshot_take, else
 * DF_CORRUPT. */
DF_MUST_USE df_code df_schema_compare(df_str expected, df_str found, df_arena *arena,
                                      df_migrate_difference **out, size_t *count, df_error *err);
/* For people: "index public.users.users_email_idx: CREATE UNIQUE INDEX …", one object a paragraph. */
DF_MUST_USE df_code df_schema_print(df_str snapshot,
                                    df_code (*write)(void *context, const char *text, size_t len,
                                                     df_error *err),
                                    void *context, df_error *err);

/* What is stored, without the ledger's own; `known` false where the engine cannot tell. */
typedef struct df_content_snapshot {
    bool known;
    df_content content;
    df_arena arena;
} df_content_snapshot;
DF_MUST_USE df_code df_content_snapshot_take(df_conn *conn, df_content_snapshot *out, df_error *err);
/* True also when either is not known. */
bool df_content_same(const df_content_snapshot *a, const df_content_snapshot *b);
/* Appends "(:Person): 2 instead of 0; …". >0: there is only more, <0: only less, 0: it is another. */
int df_content_differences(const df_content_snapshot *expected, const df_content_snapshot *found, df_buf *out);
void df_content_snapshot_release(df_content_snapshot *snapshot);

#endif
