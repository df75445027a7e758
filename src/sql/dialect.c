/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql.h"

const df_sql_dialect df_sql_postgres = {
    .family = DF_SQL_POSTGRES, .escape_strings = true, .extension = "sql", .comment = "--",
    .modes_first = true};
const df_sql_dialect df_sql_sqlite = {
    .family = DF_SQL_SQLITE, .backtick = true, .bracket = true, .extension = "sql", .comment = "--",
    .neighbours_share = true};
const df_sql_dialect df_sql_mariadb = {.family = DF_SQL_MARIADB,
                                       .backslash = true,
                                       .backtick = true,
                                       .hash_comment = true,
                                       .delimiter = true,
                                       .extension = "sql",
                                       .comment = "--",
                                       .ddl_commits = true,
                                       .indexes_references = true};
const df_sql_dialect df_sql_cypher = {.family = DF_SQL_CYPHER,
                                      .backslash = true,
                                      .backtick = true,
                                      .slash_comment = true,
                                      .extension = "cypher",
                                      .comment = "//",
                                      .neighbours_share = true,
                                      .schema_apart = true};

const df_sql_dialect *df_sql_dialect_of(const char *engine)
{
    static const struct {
        const char *name;
        const df_sql_dialect *dialect;
    } engines[] = {{"postgres", &df_sql_postgres},
                   {"sqlite", &df_sql_sqlite},
                   {"mariadb", &df_sql_mariadb},
                   {"neo4j", &df_sql_cypher}};
    for (size_t i = 0; engine && i < sizeof engines / sizeof *engines; i++) {
        if (strcmp(engine, engines[i].name) == 0) return engines[i].dialect;
    }
    return NULL;
}

void df_sql_put_name(const df_sql_dialect *dialect, df_buf *out, df_str name)
{
    char quote = dialect->family == DF_SQL_MARIADB || dialect->family == DF_SQL_CYPHER ? '`' : '"';
    df_buf_char(out, quote);
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == quote) df_buf_char(out, quote);
        df_buf_char(out, name.ptr[i]);
    }
    df_buf_char(out, quote);
}

void df_sql_put_literal(const df_sql_dialect *dialect, df_buf *out, df_str text)
{
    df_buf_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\\' && dialect->backslash) df_buf_char(out, c);
        if (c == '\'') df_buf_char(out, dialect->family == DF_SQL_CYPHER ? '\\' : c);
        df_buf_char(out, c);
    }
    df_buf_char(out, '\'');
}
