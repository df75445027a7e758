/* SPDX-License-Identifier: Apache-2.0 */
/* Other tools' histories, for the files of this folder. */
#ifndef DF_LEDGER_FOREIGN_H
#define DF_LEDGER_FOREIGN_H

#include "ledger/ledger_int.h"

/* A statement of sql/foreign.sql for this table ("schema.table"), in `arena`. */
const char *foreign_text(df_ledger *ledger, const char *sql, const char *table, df_arena *arena);

/* The sums that other tools keep of a file. */
/* Flyway: CRC-32 over the lines without their ends and without a byte order mark, as a signed number. */
int32_t foreign_crc_of_lines(df_str file);
/* "add_users" as those write it who replace underscores by blanks. */
df_str foreign_description(df_str name, df_arena *arena);
/* "2017-09-23-182408" as diesel writes it: without what separates the parts. */
df_str foreign_digits(df_str version, df_arena *arena);
/* The file's name without its folder and ".sql". */
df_str foreign_file_stem(df_str file);

#endif
