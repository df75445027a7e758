/* SPDX-License-Identifier: Apache-2.0 */
/* Words of Cypher that begin a clause or stand between clauses, and what a statement is called by them. */
#ifndef DF_SQL_CYPHER_WORDS_H
#define DF_SQL_CYPHER_WORDS_H

#include "sql/sql.h"

typedef enum word_id {
    NONE,
    /* clauses */
    MATCH,
    UNWIND,
    WITH,
    RETURN,
    CALL,
    FOREACH,
    LOAD,
    LET,
    FOR,
    FINISH,
    FILTER,
    CREATE,
    INSERT,
    MERGE,
    SET,
    REMOVE,
    DELETE,
    DETACH,
    /* what stands between them */
    OPTIONAL,
    NODETACH,
    UNION,
    NEXT,
    USE,
    USING,
    WHERE,
    ORDER,
    LIMIT,
    YIELD,
    ON,
    WHEN,
    THEN,
    ELSE,
    END,
    IN,
    INFIX,
} word_id;

/* NONE when it is no such word. */
word_id cypher_word(df_sql_token token);
/* Of a statement whose first clause, and whose first that writes (or NONE), are these; `call`: of the procedure that it calls. */
const char *cypher_tag(word_id first, word_id write, const char *call);

#endif
