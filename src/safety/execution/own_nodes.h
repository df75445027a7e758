/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a statement of a graph would delete or rewrite the nodes of the ledger: those with a label of its own, and Migration with a
 * migrationId. In SQL databases the ledger has tables of its own, and nothing is said.
 */
#ifndef DF_SAFETY_OWN_NODES_H
#define DF_SAFETY_OWN_NODES_H

#include "engine/session.h"
#include "migration/files/files.h"
#include "sql/sql.h"

typedef struct df_own_question {
    df_conn *conn;    /* asked where a condition decides; NULL: nobody is */
    df_limits limits; /* of the connection, put back afterwards */
    /* A node is made, and rolled back, as the history will have it later in this run. Else only what is there is looked at. */
    bool may_write;
    /* Whose records may be made before the statement runs. NULL: that is not known. */
    const df_migration *coming;
    size_t n_coming;
} df_own_question;

typedef struct df_own_harm {
    const char *what, *hint; /* "deletes or overwrites nodes of any label …"; NULL: it does none */
    bool certain;            /* else it could not be told */
    const char *label;       /* "Migration", "_Migration…"; NULL: any node */
    bool foreign_too;        /* a label that another program may use, too */
} df_own_harm;

/* The first that is certain, else the first that may be. `out` lives in `arena`. Fails only when the connection is lost. */
DF_MUST_USE df_code df_own_look(const df_own_question *question, const df_sql_dialect *dialect, df_str statement, df_arena *scratch,
                                df_arena *arena, df_own_harm *out, df_error *err);

/* A statement that does no more than to delete the record of a migration, named by its key. Whose it is, df_own_look tells. */
bool df_own_deletes_record(const df_sql_dialect *dialect, df_str statement, df_arena *scratch);

#endif
