/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql_int.h"

#define LETTER (C_WORD | C_START)
#define DIGIT  (C_WORD | C_DIGIT)
/* The same for two, sixteen … characters from `c` on. */
#define X2(c, v)  [c] = (v), [(c) + 1] = (v)
#define X8(c, v)  X2(c, v), X2((c) + 2, v), X2((c) + 4, v), X2((c) + 6, v)
#define X26(c, v) X8(c, v), X8((c) + 8, v), X8((c) + 16, v), X2((c) + 24, v)
#define X32(c, v) X8(c, v), X8((c) + 8, v), X8((c) + 16, v), X8((c) + 24, v)

/* One table for all dialects: who reads the character knows what it means in his. */
const uint8_t sql_chars[256] = {
    ['\t'] = C_SPACE,  ['\n'] = C_SPACE,
    ['\v'] = C_SPACE,  ['\f'] = C_SPACE,
    ['\r'] = C_SPACE,  [' '] = C_SPACE,
    X8('0', DIGIT),    X2('8', DIGIT),
    X26('A', LETTER),  X26('a', LETTER),
    ['_'] = LETTER,    X32(0x80, LETTER),
    X32(0xa0, LETTER), X32(0xc0, LETTER),
    X32(0xe0, LETTER), ['$'] = C_WORD | C_POSTGRES,
    ['\''] = C_STOP,   ['"'] = C_STOP,
    [';'] = C_STOP,    ['-'] = C_POSTGRES | C_SQLITE | C_MARIADB,
    ['/'] = C_STOP,    ['`'] = C_SQLITE | C_MARIADB | C_CYPHER,
    ['['] = C_SQLITE,  ['#'] = C_MARIADB,
    ['*'] = C_MARIADB, ['\\'] = C_POSTGRES | C_MARIADB,
};

/* U+0085, U+00A0, U+1680, U+180E, U+2000 … U+200A, U+2028, U+2029, U+202F, U+205F, U+3000 */
size_t sql_wide_space(const df_sql_dialect *dialect, df_str sql, size_t at)
{
    if (!dialect->slash_comment || sql.len - at < 2) return 0;
    const unsigned char *p = (const unsigned char *)sql.ptr + at;
    if (p[0] == 0xc2) return p[1] == 0x85 || p[1] == 0xa0 ? 2 : 0;
    if (p[0] < 0xe1 || p[0] > 0xe3 || sql.len - at < 3) return 0;
    unsigned last = p[1] << 8 | p[2];
    if (p[0] == 0xe1) return last == 0x9a80 || last == 0xa08e ? 3 : 0;
    if (p[0] == 0xe3) return last == 0x8080 ? 3 : 0;
    bool general = last >= 0x8080 && last <= 0x808a;
    return general || last == 0x80a8 || last == 0x80a9 || last == 0x80af || last == 0x819f ? 3 : 0;
}

bool sql_word_is(df_str word, const char *keyword)
{
    for (size_t i = 0; i < word.len; i++) {
        unsigned char c = (unsigned char)word.ptr[i];
        if (c >= 'a' && c <= 'z') c = (unsigned char)(c - 'a' + 'A');
        if (!keyword[i] || c != (unsigned char)keyword[i]) return false;
    }
    return !keyword[word.len];
}

bool df_sql_is(df_sql_token token, const char *keyword)
{
    if (token.kind != DF_SQL_WORD) return false;
    return strlen(keyword) == token.text.len && strncasecmp(token.text.ptr, keyword, token.text.len) == 0;
}
