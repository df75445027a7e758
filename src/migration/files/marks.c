/* SPDX-License-Identifier: Apache-2.0 */
/* The lines by which other tools part the way up from the way down in one file. */
#include "migration/files/files_int.h"

#include <string.h>

/* "-- " and what follows, without blanks around; absent when the line does not begin so. */
static df_str behind_dashes(df_str line)
{
    df_str text = mf_trim(line);
    if (!df_str_starts(text, DF_STR("--"))) return DF_STR_NONE;
    return mf_trim(df_str_skip(text, 2));
}

/* "+migrate Up notransaction"; micrate's marks are the same under its own name. */
static mf_mark sql_migrate_mark(df_str text)
{
    mf_mark mark = {.layout = DF_LAYOUT_SQL_MIGRATE};
    df_str first = mf_word(&text);
    if (!df_str_is(first, "+migrate") && !df_str_is(first, "+micrate")) return (mf_mark){0};
    df_str word = mf_word(&text);
    mark.kind = mf_same(word, "up")               ? MF_MARK_UP
                : mf_same(word, "down")           ? MF_MARK_DOWN
                : mf_same(word, "statementbegin") ? MF_MARK_BEGIN
                : mf_same(word, "statementend")   ? MF_MARK_END
                                                  : MF_MARK_UNKNOWN;
    while ((word = mf_word(&text)).len) mark.no_transaction |= mf_same(word, "notransaction");
    return mark;
}

/* "---- create above / drop below ----", "---- tern: disable-tx ----" */
static mf_mark tern_mark(df_str line)
{
    df_str text = mf_trim(line);
    if (!df_str_starts(text, DF_STR("----"))) return (mf_mark){0};
    while (text.len && (*text.ptr == '-' || mf_is_blank(*text.ptr))) text = df_str_skip(text, 1);
    while (text.len && (text.ptr[text.len - 1] == '-' || mf_is_blank(text.ptr[text.len - 1]))) text.len--;
    if (mf_same(text, "create above / drop below")) return (mf_mark){DF_LAYOUT_TERN, MF_MARK_DOWN, false};
    if (mf_same(text, "tern: disable-tx")) return (mf_mark){DF_LAYOUT_TERN, MF_MARK_NOTE, true};
    return (mf_mark){0};
}

/* "-- //@UNDO" */
static mf_mark mybatis_mark(df_str text)
{
    if (!df_str_starts(text, DF_STR("//"))) return (mf_mark){0};
    text = mf_trim(df_str_skip(text, 2));
    return mf_same(text, "@undo") ? (mf_mark){DF_LAYOUT_MYBATIS, MF_MARK_DOWN, false} : (mf_mark){0};
}

/* "# --- !Ups", "-- !Downs" */
static mf_mark evolutions_mark(df_str line)
{
    df_str text = mf_trim(line);
    if (!df_str_starts(text, DF_STR("#")) && !df_str_starts(text, DF_STR("--"))) return (mf_mark){0};
    while (text.len && (*text.ptr == '#' || *text.ptr == '-' || mf_is_blank(*text.ptr)))
        text = df_str_skip(text, 1);
    df_str word = mf_word(&text);
    if (df_str_is(word, "!Ups")) return (mf_mark){DF_LAYOUT_EVOLUTIONS, MF_MARK_UP, false};
    if (df_str_is(word, "!Downs")) return (mf_mark){DF_LAYOUT_EVOLUTIONS, MF_MARK_DOWN, false};
    return (mf_mark){0};
}

/* "-- ==== UP ====" */
static mf_mark shmig_mark(df_str text)
{
    size_t front = 0, back = 0;
    for (; text.len && *text.ptr == '='; front++) text = df_str_skip(text, 1);
    for (; text.len && text.ptr[text.len - 1] == '='; back++) text.len--;
    text = mf_trim(text);
    if (front < 2 || back < 2) return (mf_mark){0};
    if (df_str_is(text, "UP")) return (mf_mark){DF_LAYOUT_SHMIG, MF_MARK_UP, false};
    if (df_str_is(text, "DOWN")) return (mf_mark){DF_LAYOUT_SHMIG, MF_MARK_DOWN, false};
    return (mf_mark){0};
}

/* "-- rambler up", "-- rambler no-transaction" is not known to it */
static mf_mark rambler_mark(df_str text)
{
    df_str first = mf_word(&text), word = mf_word(&text);
    if (!mf_same(first, "rambler") || mf_trim(text).len) return (mf_mark){0};
    if (mf_same(word, "up")) return (mf_mark){DF_LAYOUT_RAMBLER, MF_MARK_UP, false};
    if (mf_same(word, "down")) return (mf_mark){DF_LAYOUT_RAMBLER, MF_MARK_DOWN, false};
    return (mf_mark){0};
}

mf_mark mf_tool_mark(df_str line)
{
    df_str text = behind_dashes(line);
    mf_mark mark = evolutions_mark(line);
    if (!mark.kind) mark = tern_mark(line);
    if (mark.kind || !text.len) return mark;
    if (*text.ptr == '+') return sql_migrate_mark(text);
    if (*text.ptr == '/') return mybatis_mark(text);
    if (*text.ptr == '=') return shmig_mark(text);
    return *text.ptr == 'r' ? rambler_mark(text) : (mf_mark){0};
}

static bool is_ornament(char c)
{
    return mf_is_blank(c) || strchr("-=*#~_+<>[](){}|!:.", c) != NULL;
}

bool mf_seems_down(df_str comment)
{
    static const char *const words[] = {"down", "rollback", "undo", "revert"};
    static const char *const behind[] = {"migration", "section", "script"};
    bool named = false, more = false;
    while (comment.len && is_ornament(comment.ptr[0])) comment = df_str_skip(comment, 1);
    while (comment.len && is_ornament(comment.ptr[comment.len - 1])) comment.len--;
    df_str word = mf_word(&comment), rest = mf_trim(comment);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) named |= mf_same(word, words[i]);
    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++) more |= mf_same(rest, behind[i]);
    return named && (more || !rest.len);
}

bool mf_may_have_tool_marks(df_str text)
{
    static const char *const words[] = {"+migrate", "+micrate",  "create above", "@UNDO",
                                        "@undo",    "tern: dis", "!Ups",         "!Downs",
                                        "= UP",     "= DOWN",    "rambler"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (text.len && memmem(text.ptr, text.len, words[i], strlen(words[i]))) return true;
    return false;
}
