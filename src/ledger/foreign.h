/* SPDX-License-Identifier: Apache-2.0 */
/* Other tools' histories, for the files of this folder. */
#ifndef DF_LEDGER_FOREIGN_H
#define DF_LEDGER_FOREIGN_H

#include "ledger/ledger_int.h"

/* How one tool keeps its history, and how it is read. */
struct foreign_tool {
    df_layout layout;
    const char *table;   /* a label in a graph; NULL ends the list */
    const char *columns; /* that it must have */
    const char * not ;   /* and must not have; "*": no others */
    const char *read;
    const char *name; /* where it is not the layout's */
    bool only_newest;
    bool by_time; /* its rows have the time of a file's making instead of a name */
    const char *clear, *put; /* of one that knows its newest version alone; NULL: see foreign_write.c */
};
extern const foreign_tool foreign_tools[], foreign_graph_tools[];

/* A statement of sql/foreign.sql for this table ("schema.table"), in `arena`. */
const char *foreign_text(df_ledger *ledger, const char *sql, const char *table, df_arena *arena);

/* ---- Drizzle's journal of a folder ---- */

/* One migration: its name, and when it was made. */
typedef struct foreign_made {
    df_str tag;
    int64_t when;
} foreign_made;
typedef struct foreign_journal {
    foreign_made *items; /* the caller frees them; their texts are in the arena */
    size_t count, cap;
} foreign_journal;
/* Reads meta/_journal.json of the folder. DF_NOT_FOUND without it. */
df_code foreign_read_journal(const df_migration_set *set, foreign_journal *out, df_arena *arena, df_error *err);

/* ---- handing back ---- */

typedef struct handing {
    df_ledger *ledger;
    df_migration_set *set;
    const df_foreign *foreign;
    const foreign_tool *tool;
    df_arena arena;
    df_applied *applied;
    size_t n_applied;
    size_t written;
    foreign_journal journal; /* where the tool keeps times instead of names */
} handing;

/* What our history says of the migration; NULL: nothing. */
const df_applied *foreign_our_row(const handing *h, const df_migration *migration);
/* "add users" is "add_users" in a tool that replaces underscores. */
bool foreign_is_description(df_str description, df_str name);
/* Runs a statement for the tool's table; counts it when it changed something. */
df_code foreign_run(handing *h, const char *sql, const df_value *values, size_t count, df_error *err);
/* The file that applies it: what the tool makes its sum of. */
df_code foreign_read_up(handing *h, df_migration *migration, df_buf *out, df_error *err);
/* When a migration was made, as the folder's journal says. */
df_code foreign_time_of(const handing *h, const df_migration *migration, int64_t *out, df_error *err);
/* The chain of neo4j-migrations. */
df_code foreign_write_chain(handing *h, df_error *err);

/* ---- the sums that other tools keep of a file ---- */

/* Flyway: CRC-32 over the lines without their ends and without a byte order mark, as a signed number. */
int32_t foreign_crc_of_lines(df_str file);
/* "add_users" as those write it who replace underscores by blanks. */
df_str foreign_description(df_str name, df_arena *arena);
/* "2017-09-23-182408" as diesel writes it: without what separates the parts. */
df_str foreign_digits(df_str version, df_arena *arena);
/* The file's name without its folder … */
df_str foreign_file_name(df_str file);
/* … and without ".sql". */
df_str foreign_file_stem(df_str file);

#endif
