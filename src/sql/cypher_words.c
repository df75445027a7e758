/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/cypher_words.h"

#include "sql/sql_int.h"

static const struct {
    const char *word;
    word_id id;
} words[] = {
    {"MATCH", MATCH},    {"UNWIND", UNWIND},     {"WITH", WITH},     {"RETURN", RETURN},
    {"CALL", CALL},      {"FOREACH", FOREACH},   {"LOAD", LOAD},     {"LET", LET},
    {"FOR", FOR},        {"FINISH", FINISH},     {"FILTER", FILTER}, {"CREATE", CREATE},
    {"INSERT", INSERT},  {"MERGE", MERGE},       {"SET", SET},       {"REMOVE", REMOVE},
    {"DELETE", DELETE},  {"DETACH", DETACH},     {"USE", USE},       {"OPTIONAL", OPTIONAL},
    {"UNION", UNION},    {"NODETACH", NODETACH}, {"NEXT", NEXT},     {"USING", USING},
    {"WHERE", WHERE},    {"ORDER", ORDER},       {"LIMIT", LIMIT},   {"SKIP", ORDER},
    {"OFFSET", ORDER},   {"YIELD", YIELD},       {"ON", ON},         {"WHEN", WHEN},
    {"THEN", THEN},      {"ELSE", ELSE},         {"END", END},       {"IN", IN},
    {"AS", INFIX},       {"AND", INFIX},         {"OR", INFIX},      {"XOR", INFIX},
    {"NOT", INFIX},      {"IS", INFIX},          {"STARTS", INFIX},  {"ENDS", INFIX},
    {"CONTAINS", INFIX},
};

word_id cypher_word(df_sql_token t)
{
    if (t.kind != DF_SQL_WORD) return NONE;
    char first = (char)(t.text.ptr[0] & ~0x20);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (words[i].word[0] == first && sql_word_is(t.text, words[i].word)) return words[i].id;
    }
    return NONE;
}

#define TAGS(first)                                                                                          \
    {                                                                                                        \
        first, first " … CREATE", first " … INSERT", first " … MERGE", first " … SET", first " … REMOVE",    \
            first " … DELETE", first " … DETACH DELETE"                                                    \
    }

const char *cypher_tag(word_id first, word_id write, const char *call)
{
    enum { N = DETACH - CREATE + 2 };
    static const char *const writes[N] = {"",    "CREATE", "INSERT", "MERGE",
                                          "SET", "REMOVE", "DELETE", "DETACH DELETE"};
    static const char *const tags[][N] = {
        [NONE] = {"", "", "", "", "", "", "", ""},
        [MATCH] = TAGS("MATCH"),
        [UNWIND] = TAGS("UNWIND"),
        [WITH] = TAGS("WITH"),
        [RETURN] = TAGS("RETURN"),
        [CALL] = TAGS("CALL"),
        [FOREACH] = TAGS("FOREACH"),
        [LOAD] = TAGS("LOAD CSV"),
        [LET] = TAGS("LET"),
        [FOR] = TAGS("FOR"),
        [FINISH] = TAGS("FINISH"),
    };
    size_t at = write ? (size_t)write - CREATE + 1 : 0;
    if (first == WHEN) return "WHEN";
    if (first >= CREATE) return writes[at];
    if (first == CALL && !write && call) return call;
    return tags[first][at];
}
