/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a statement will not run on a server, or not much longer, and how it is written there. From the
 * text alone: what is found is so, what is not found may still be refused. Cypher has such; for other
 * dialects nothing is found.
 */
#ifndef DF_SQL_MODERN_H
#define DF_SQL_MODERN_H

#include "sql/sql.h"

typedef enum df_sql_severity {
    DF_SQL_NOTICE,  /* runs, and could be written better */
    DF_SQL_WARNING, /* runs, but is deprecated, or does something else than it seems to */
    DF_SQL_ERROR,   /* does not run on this server */
} df_sql_severity;

typedef struct df_sql_finding {
    const char *rule; /* a short name that stays: "assert", "btree", "periodic-commit" … */
    df_sql_severity severity;
    size_t offset;    /* in the statement */
    int32_t line;     /* 1-based, in the statement */
    const char *what; /* one sentence, without a full stop at its end */
    /* The whole statement with this and everything else rewritten that can be; absent when a person must
     * decide. */
    df_str rewritten;
} df_sql_finding;

/* 5.26 is 5026, 2026.08 is 2026008. */
static inline int32_t df_sql_version(int32_t major, int32_t minor)
{
    return major * 1000 + minor;
}

/*
 * Of one statement, in the order of their places; *count 0 when there is nothing. A server whose version is
 * not known (0) is taken for a current one. Everything lies in `arena`, or is a constant.
 *
 * Rules. Removed in 4.0: "parameter" ({p}), "function" (filter, extract, toInt, rels), "create-unique",
 * "start". In 5.0: "assert" (constraints with ON … ASSERT), "index-on" (CREATE INDEX ON), "drop-by-schema",
 * "btree", "periodic-commit", "procedure", "function" (distance), "exists", "pattern-size", "number" (017,
 * 0X1F), "type-colon" ([r:A|:B]), "show" (BRIEF, VERBOSE, EXISTS). Deprecated: "id", "call-scope",
 * "set-entity", "procedure". "language": CYPHER with a version that the server does not have. "param": a
 * parameter of cypher-shell. "relationship-twice": a pattern
 * that no path matches. "batch-not-repeatable": what failed half way cannot simply be run again. Style:
 * "not-repeatable" (no IF [NOT] EXISTS), "unnamed", "apoc-batch" (apoc.periodic.iterate, which Cypher does
 * itself; what is wrong with the texts that it runs is found, too).
 */
const df_sql_finding *df_sql_modern(const df_sql_dialect *dialect, df_str statement, int32_t version,
                                    df_arena *arena, size_t *count);

/* What a statement is to Neo4j's transactions, in which schema and data do not go together: 0 when it only
 * reads. */
enum {
    DF_SQL_OF_SCHEMA = 1u << 0,
    DF_SQL_OF_DATA = 1u << 1,
    DF_SQL_OF_SYSTEM = 1u << 2, /* administration */
};
/* Those of several statements are or-ed. A procedure that is not known counts as data. */
unsigned df_sql_concern(const df_sql_facts *facts);

#endif
