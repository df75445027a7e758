/* SPDX-License-Identifier: Apache-2.0 */
/* How statements end, where a file says another than the semicolon: Atlas' directive, and migratus' lines. */
#include "migration/files/files_int.h"

#include <string.h>

/* "\\nGO" as it is written, without the white space around; *alone: it begins a line. */
static df_str plain_delimiter(df_str value, bool *alone)
{
    *alone = false;
    while (value.len >= 2 && value.ptr[0] == '\\' && strchr("nrt", value.ptr[1])) {
        *alone |= value.ptr[1] == 'n';
        value = df_str_skip(value, 2);
    }
    while (value.len >= 2 && value.ptr[value.len - 2] == '\\' && strchr("nrt", value.ptr[value.len - 1]))
        value.len -= 2;
    return mf_trim(value);
}

/*
 * White space, and what is a comment to us as well, part nothing that the splitter does not part by itself:
 * it knows where bodies of routines end.
 */
static bool of_atlas(const df_sql_dialect *dialect, df_str text, mf_end *out)
{
    df_str value;
    if (!text.len || !memmem(text.ptr, text.len, "atlas:delimiter", 15) ||
        !mf_atlas_directive(dialect, text, "delimiter", &value))
        return false;
    out->word = plain_delimiter(value, &out->alone);
    if (out->word.len) out->alone |= mf_is_letter(out->word.ptr[0]);
    return out->word.len && !df_str_is(out->word, ";") &&
           !df_str_starts(out->word, df_str_from(dialect->comment));
}

/* Its statements need no semicolon between such lines. */
static bool of_migratus(df_str text, mf_end *out)
{
    static const char line[] = "--;;";
    *out = (mf_end){.word = df_str_from(line), .alone = true, .line = true};
    return text.len && memmem(text.ptr, text.len, line, sizeof line - 1);
}

bool mf_delimiter(const df_migration_set *set, df_str text, mf_end *out)
{
    bool pairs = set->layout == DF_LAYOUT_PAIRS, sql = set->dialect->family != DF_SQL_CYPHER;
    *out = (mf_end){0};
    if (!pairs && set->layout != DF_LAYOUT_NATIVE) return false;
    return of_atlas(set->dialect, text, out) || (pairs && sql && of_migratus(text, out));
}

size_t mf_next_end(const df_sql_dialect *dialect, df_str text, size_t at, const mf_end *end)
{
    while (at < text.len) {
        bool begins = !end->alone || !at || text.ptr[at - 1] == '\n';
        if (begins && df_str_starts(df_str_skip(text, at), end->word)) return at;
        size_t skipped = df_sql_skip(dialect, text, at);
        at += skipped ? skipped : 1;
    }
    return text.len;
}

size_t mf_behind_end(df_str text, size_t at, const mf_end *end)
{
    at += end->word.len;
    while (end->line && at < text.len && text.ptr[at - 1] != '\n') at++;
    return at;
}
