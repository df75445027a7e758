/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql.h"

static int32_t lines_in(const char *from, const char *to)
{
    int32_t lines = 0;
    for (; from < to; from++) lines += *from == '\n';
    return lines;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

df_code df_sql_split(df_sql_splitter *splitter, df_sql_statement *statement, bool *more, df_error *err)
{
    (void)err;
    df_str script = splitter->script;
    if (!splitter->line) splitter->line = splitter->first_line ? splitter->first_line : 1;
    while (splitter->at < script.len) {
        size_t start = splitter->at, i = start;
        while (i < script.len && script.ptr[i] != ';') {
            size_t skip = df_sql_skip(splitter->dialect, script, i);
            i += skip ? skip : 1;
        }
        splitter->at = i < script.len ? i + 1 : i;
        while (start < i && is_space(script.ptr[start])) start++;
        while (i > start && is_space(script.ptr[i - 1])) i--;
        if (df_sql_is_blank(splitter->dialect, (df_str){script.ptr + start, i - start})) continue;
        splitter->line += lines_in(script.ptr + splitter->counted, script.ptr + start);
        splitter->counted = start;
        *statement = (df_sql_statement){.text = {script.ptr + start, i - start}, .offset = start,
                                        .number = ++splitter->number, .line = splitter->line};
        *more = true;
        return DF_OK;
    }
    *more = false;
    return DF_OK;
}
