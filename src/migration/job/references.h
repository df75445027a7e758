/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign keys whose columns no index begins with: every DELETE of a referenced row then reads the whole table. */
#ifndef DF_MIGRATION_JOB_REFERENCES_H
#define DF_MIGRATION_JOB_REFERENCES_H

#include "migration/files/files.h"

enum { REFERENCE_COLUMNS = 16 };

/* Columns by name, unquoted; more than fit are left out, which finds an index rather than none. */
typedef struct df_columns {
    df_str names[REFERENCE_COLUMNS];
    size_t count;
} df_columns;

typedef struct df_reference {
    df_str table, name; /* name of the constraint; absent when it has none of its own */
    df_columns columns;
    size_t migration; /* which added it: its position */
    const char *path;
    int32_t line, number;
    bool is_index; /* an index, key or constraint with one: what foreign keys want */
    bool gone;
} df_reference;

/* What the statements of a history make, one after the other; released with its arena. */
typedef struct df_references {
    const df_sql_dialect *dialect;
    df_arena *arena;
    df_reference *items;
    size_t count, cap;
} df_references;

/* Takes in one statement of an up section; what it does not understand changes nothing. */
void df_references_read(df_references *references, size_t migration, const df_step *step);
/* The next foreign key at or after `*at` that has no index when all is read; NULL when there is none. */
const df_reference *df_references_bare(const df_references *references, size_t *at);
void df_references_release(df_references *references);

#endif
