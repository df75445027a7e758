/* SPDX-License-Identifier: Apache-2.0 */
/* Files that hold both directions, cut as each layout marks them. */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

static df_code fail_at(mf_set *s, const mf_file *file, df_str text, const char *at, df_error *err,
                       const char *what)
{
    return mf_fail(err, DF_CORRUPT, mf_path(s, file->path), file->line + mf_lines_before(text, at) + 1, "%s",
                   what);
}

/* From `from` up to `to`, both inside of `text`. */
static df_section section_of(mf_set *s, const mf_file *file, df_str text, const char *from, const char *to)
{
    return (df_section){.present = true,
                        .sql = {from, (size_t)(to - from)},
                        .comment = s->set.dialect->comment,
                        .path = mf_path(s, file->path),
                        .first_line = file->line + mf_lines_before(text, from) + 1,
                        .no_transaction = file->no_transaction,
                        .lock_ms = -1,
                        .statement_ms = -1};
}

/* What comment lines in front of the first statement say to Atlas, postgres-migrations, migratus and Flyway.
 */
static bool is_outside(const df_sql_dialect *dialect, df_str text)
{
    static const char *const words[] = {"atlas:txmode none", "disable-transaction",
                                        "postgres-migrations disable-transaction", ":disable-transaction",
                                        "flyway:executeInTransaction=false"};
    df_str rest = text, line;
    while (mf_line(&rest, &line)) {
        line = mf_trim(line);
        if (!line.len) continue;
        if (!mf_take_mark(dialect, &line)) return false;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (mf_same(line, words[i])) return true;
    }
    return false;
}

/* Drizzle parts statements by "--> statement-breakpoint", which MariaDB does not take for a comment. */
static df_str without_breakpoints(mf_set *s, df_str text)
{
    static const char mark[] = "--> statement-breakpoint";
    bool is_comment = s->set.dialect->family != DF_SQL_MARIADB;
    if (is_comment || !text.len || !memmem(text.ptr, text.len, mark, sizeof mark - 1)) return text;
    char *copy = df_arena_alloc(&s->set.arena, text.len + 1), *end = copy + text.len;
    memcpy(copy, text.ptr, text.len);
    *end = '\0';
    for (char *at = copy; (at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1));) at[2] = ' ';
    return (df_str){copy, text.len};
}

df_section mf_whole_section(mf_set *s, const mf_file *file, df_str text)
{
    text = without_breakpoints(s, text);
    df_section section = section_of(s, file, text, text.ptr, text.ptr + text.len);
    df_layout layout = s->set.layout;
    df_str mark = df_str_from(s->set.dialect->comment), rest = df_str_skip(text, mark.len);
    if ((layout == DF_LAYOUT_SQLX || layout == DF_LAYOUT_PAIRS) && df_str_starts(text, mark) &&
        df_str_starts(rest, DF_STR(" no-transaction")))
        section.no_transaction = true;
    section.no_transaction |= is_outside(s->set.dialect, text);
    section.plain = layout == DF_LAYOUT_NATIVE;
    return section;
}

static bool has_word(df_str text, const char *word)
{
    return text.len && memmem(text.ptr, text.len, word, strlen(word));
}

/* ---- native ---- */

typedef struct native_mark {
    const char *at; /* its line */
    df_str words;   /* directives behind it */
} native_mark;

/* Whether the next line with a word in it is no comment. */
static bool begins_with_sql(const df_sql_dialect *dialect, df_str text)
{
    df_str rest = text, line;
    while (mf_line(&rest, &line)) {
        line = mf_trim(line);
        bool comment = mf_take_mark(dialect, &line);
        for (size_t i = 0; i < line.len; i++)
            if (mf_is_letter(line.ptr[i]) || mf_is_digit(line.ptr[i])) return !comment;
    }
    return false;
}

/* *seems: the first comment that may be meant as the mark of a way down, and is none; its `next` is 0
 * without. */
static df_code find_native(mf_set *s, const mf_file *file, df_str text, native_mark *up, native_mark *down,
                           mf_comment *seems, df_error *err)
{
    mf_comment comment;
    for (size_t at = 0; mf_next_comment(s->set.dialect, text, &at, &comment);) {
        df_str rest = comment.text, word = mf_word(&rest);
        native_mark *mark = mf_same(word, "up") ? up : mf_same(word, "down") ? down : NULL;
        if (!mark || !mf_are_directives(rest)) {
            if (!seems->next && mf_seems_down(comment.text) &&
                begins_with_sql(s->set.dialect, df_str_skip(text, comment.next)))
                *seems = comment;
            continue;
        }
        if (mark->at)
            return mf_fail(err, DF_CORRUPT, mf_path(s, file->path),
                           mf_lines_before(text, text.ptr + comment.offset) + 1, "a second %s %s section",
                           s->set.dialect->comment, mark == up ? "UP" : "DOWN");
        *mark = (native_mark){text.ptr + comment.offset, rest};
    }
    return DF_OK;
}

/*
 * With sql_mode = NO_BACKSLASH_ESCAPES or ANSI_QUOTES, or standard_conforming_strings = off, which a file may set itself, quotes end
 * elsewhere than they are taken to here. A mark that is lost so would let the way down run behind the way up. (Else a body in
 * PostgreSQL's dollars may hold any line.)
 */
static df_code refuse_quoted_down(mf_set *s, const mf_file *file, df_str text, df_error *err)
{
    df_str rest = text, line;
    bool unsure = s->set.dialect->family == DF_SQL_MARIADB || has_word(text, "standard_conforming_strings");
    while (unsure && mf_line(&rest, &line)) {
        df_str words = mf_trim(line);
        if (!mf_take_mark(s->set.dialect, &words) || !mf_same(mf_word(&words), "down") || !mf_are_directives(words)) continue;
        fail_at(s, file, text, line.ptr, err, "this -- DOWN seems to stand inside of quotes, and would part nothing");
        df_error_hint(err, "where a quote in front of it holds a backslash, or what that means is set (sql_mode, standard_conforming_strings): write it otherwise, or put the way down into NAME.down.sql");
        return DF_CORRUPT;
    }
    return DF_OK;
}

/* Nothing would run, and a line of the comments ends as a statement does: what was written is not to run. */
static bool is_commented_out(const df_sql_dialect *dialect, df_str sql)
{
    df_str rest = sql, line;
    if (!mf_line(&rest, &line) || !rest.len || !df_sql_is_blank(dialect, sql)) return false;
    while (mf_line(&rest, &line)) {
        line = mf_trim(line);
        if (line.len > 1 && line.ptr[line.len - 1] == ';' && !df_str_is(line, ";;")) return true;
    }
    return false;
}

/* "-- DOWN" and commented out statements, for readers: an empty way down would take nothing back, and say it
 * had. */
static void leave_out_comments(mf_set *s, const mf_file *file, df_migration *m)
{
    const char *mark = s->set.dialect->comment;
    if (!is_commented_out(s->set.dialect, m->down.sql)) return;
    mf_find(s, "commented-out-down", false, file->path, m->down.first_line,
            "take the marks of the comments away, if it is to run",
            "%s:%d: what stands behind %s DOWN is commented out: the migration has no way down", file->path,
            m->down.first_line, mark);
    m->down = (df_section){.lock_ms = -1, .statement_ms = -1};
}

/* Statements behind "-- ROLLBACK" run with the way up, of which they are the end. */
static void tell_seeming(mf_set *s, const mf_file *file, df_str text, const mf_comment *comment)
{
    int line = file->line + mf_lines_before(text, text.ptr + comment->offset) + 1;
    mf_find(s, "seeming-down", false, file->path, line, "if it is the way down, write -- DOWN there",
            "%s:%d: \"%s %.*s\" is a comment: what stands behind it runs with the way up", file->path, line,
            s->set.dialect->comment, DF_FMT(comment->text));
}

static df_code cut_native(mf_set *s, const mf_file *file, df_str text, df_migration *m, df_error *err)
{
    native_mark up = {0}, down = {0};
    mf_comment seems = {0};
    const char *end = text.ptr + text.len;
    if (mf_is_archive(s->set.dialect, text)) return mf_cut_archive(s, file, text, m, err);
    DF_TRY(find_native(s, file, text, &up, &down, &seems, err));
    if (!down.at) DF_TRY(refuse_quoted_down(s, file, text, err));
    bool plain = !up.at && !down.at && !has_word(text, "@metadata");
    if (!up.at &&
        (!down.at || !df_sql_is_blank(s->set.dialect, mf_cut(text, 0, (size_t)(down.at - text.ptr)))))
        up.at = text.ptr;
    if (up.at) {
        const char *first = down.at && down.at < up.at ? down.at : up.at;
        df_str before = mf_cut(text, 0, (size_t)(first - text.ptr));
        if (!df_sql_is_blank(s->set.dialect, before))
            return fail_at(s, file, text, text.ptr, err,
                           "statements in front of the first section would not run");
        m->up = section_of(s, file, text, up.at, down.at > up.at ? down.at : end);
    } else {
        m->up = section_of(s, file, text, text.ptr, down.at);
    }
    m->up.no_transaction |= is_outside(s->set.dialect, text);
    m->up.plain = plain;
    DF_TRY(mf_directives(s, s->set.dialect, &m->up, up.words, file->path, err));
    if (!down.at && seems.next) tell_seeming(s, file, text, &seems);
    if (!down.at) return DF_OK;
    m->down = section_of(s, file, text, down.at, up.at > down.at ? up.at : end);
    DF_TRY(mf_directives(s, s->set.dialect, &m->down, down.words, file->path, err));
    leave_out_comments(s, file, m);
    return DF_OK;
}

/* ---- goose ---- */

static const char *const goose_words[] = {
    "up", "down", "statementbegin", "statementend", "no transaction", "envsub on", "envsub off"};
enum { G_UP, G_DOWN, G_BEGIN, G_END, G_NO_TRANSACTION, G_ENVSUB_ON, G_ENVSUB_OFF, G_UNKNOWN, G_NONE };

static int goose_annotation(const df_sql_dialect *dialect, df_str line)
{
    df_str text = mf_trim(line);
    if (!mf_take_mark(dialect, &text)) return G_NONE;
    if (!df_str_starts(text, DF_STR("+goose"))) return G_NONE;
    text = mf_trim(df_str_skip(text, 6));
    int i = G_UP;
    while (i < G_UNKNOWN && !mf_same(text, goose_words[i])) i++;
    return i;
}

static df_code cut_goose(mf_set *s, const mf_file *file, df_str text, df_migration *m, df_error *err)
{
    const char *up = NULL, *down = NULL, *begun = NULL;
    bool no_transaction = file->no_transaction, substitute = false, in_up = false, in_down = false;
    df_str rest = text, line;
    while (mf_line(&rest, &line)) {
        int word = goose_annotation(s->set.dialect, line);
        if (word == G_UNKNOWN) return fail_at(s, file, text, line.ptr, err, "goose has no such annotation");
        if (word == G_NO_TRANSACTION) no_transaction = true;
        if (word == G_ENVSUB_ON || word == G_ENVSUB_OFF) substitute = word == G_ENVSUB_ON;
        if (word == G_UP || word == G_DOWN) {
            if (begun) return fail_at(s, file, text, begun, err, "StatementBegin without StatementEnd");
            if (word == G_UP ? up != NULL : down != NULL || !up)
                return fail_at(s, file, text, line.ptr, err,
                               word == G_UP ? "a second +goose Up"
                               : up         ? "a second +goose Down"
                                            : "+goose Down in front of +goose Up");
            *(word == G_UP ? &up : &down) = line.ptr;
            *(word == G_UP ? &in_up : &in_down) = substitute; /* it goes on into the section */
        }
        if (word == G_BEGIN || word == G_END) {
            if (!up)
                return fail_at(s, file, text, line.ptr, err,
                               "this must come behind +goose Up or +goose Down");
            if ((word == G_BEGIN) == (begun != NULL))
                return fail_at(s, file, text, line.ptr, err,
                               word == G_BEGIN ? "StatementBegin inside of a statement"
                                               : "StatementEnd without StatementBegin");
            begun = word == G_BEGIN ? line.ptr : NULL;
        }
    }
    if (begun) return fail_at(s, file, text, begun, err, "StatementBegin without StatementEnd");
    df_str before = mf_cut(text, 0, up ? (size_t)(up - text.ptr) : text.len);
    if (!df_sql_is_blank(s->set.dialect, before))
        return fail_at(s, file, text, text.ptr, err,
                       up ? "statements in front of -- +goose Up would not run" : "there is no -- +goose Up");
    m->up = section_of(s, file, text, up ? up : text.ptr, down ? down : text.ptr + text.len);
    if (down) m->down = section_of(s, file, text, down, text.ptr + text.len);
    m->up.no_transaction = m->down.no_transaction = no_transaction;
    m->up.substitute = in_up;
    m->down.substitute = in_down;
    DF_TRY(mf_directives(s, s->set.dialect, &m->up, DF_STR_NONE, file->path, err));
    return mf_directives(s, s->set.dialect, &m->down, DF_STR_NONE, file->path, err);
}

/* ---- dbmate ---- */

typedef struct block {
    const char *from, *to;
    bool down;
} block;

/* `-- migrate:up transaction:false`; *options is what follows. */
static bool dbmate_mark(const df_sql_dialect *dialect, df_str line, bool *down, df_str *options)
{
    if (!df_str_starts(line, df_str_from(dialect->comment))) return false;
    df_str text = df_str_skip(line, 2), word = mf_word(&text);
    *down = df_str_is(word, "migrate:down");
    *options = text;
    return *down || df_str_is(word, "migrate:up");
}

static bool dbmate_outside_transaction(df_str options)
{
    df_str word;
    while ((word = mf_word(&options)).len)
        if (df_str_is(word, "transaction:false")) return true;
    return false;
}

static df_code read_blocks(mf_set *s, const mf_file *file, df_str text, df_migration *m, block **blocks,
                           size_t *count, df_error *err)
{
    size_t cap = 0;
    df_str rest = text, line, options;
    bool is_down;
    while (mf_line(&rest, &line)) {
        if (!dbmate_mark(s->set.dialect, line, &is_down, &options)) continue;
        if (is_down && (!*count || (*blocks)[*count - 1].down))
            return fail_at(s, file, text, line.ptr, err,
                           *count ? "a second migrate:down for one migrate:up"
                                  : "migrate:down in front of migrate:up");
        if (*count) (*blocks)[*count - 1].to = line.ptr;
        DF_PUSH(*blocks, *count, cap) = (block){line.ptr, text.ptr + text.len, is_down};
        df_section *section = is_down ? &m->down : &m->up;
        section->no_transaction |= dbmate_outside_transaction(options) || file->no_transaction;
    }
    df_str before = mf_cut(text, 0, *count ? (size_t)((*blocks)[0].from - text.ptr) : text.len);
    if (df_sql_is_blank(s->set.dialect, before)) return DF_OK;
    return fail_at(s, file, text, text.ptr, err,
                   *count ? "statements in front of -- migrate:up would not run"
                          : "there is no -- migrate:up");
}

/* All blocks of one direction; several are joined, each a part. */
static void join_blocks(mf_set *s, const mf_file *file, df_str text, const block *blocks, size_t count,
                        bool down, df_section *out)
{
    bool no_transaction = out->no_transaction;
    size_t n = 0, size = 0;
    const block *only = NULL;
    for (size_t i = 0; i < count; i++) {
        if (blocks[i].down != down) continue;
        if (!n++) only = &blocks[i];
        size += (size_t)(blocks[i].to - blocks[i].from);
    }
    if (!n) return;
    *out = section_of(s, file, text, only->from, only->to);
    out->no_transaction = no_transaction;
    if (n == 1) return;
    char *joined = df_arena_alloc(&s->set.arena, size + 1);
    df_section_part *parts = df_arena_alloc(&s->set.arena, n * sizeof *parts);
    size_t at = 0, k = 0;
    for (size_t i = 0; i < count; i++) {
        if (blocks[i].down != down) continue;
        size_t len = (size_t)(blocks[i].to - blocks[i].from);
        parts[k++] = (df_section_part){at, out->path, mf_lines_before(text, blocks[i].from) + 1};
        memcpy(joined + at, blocks[i].from, len);
        at += len;
    }
    joined[size] = '\0';
    out->sql = (df_str){joined, size};
    out->parts = parts;
    out->n_parts = n;
}

static df_code cut_dbmate(mf_set *s, const mf_file *file, df_str text, df_migration *m, df_error *err)
{
    block *blocks = NULL;
    size_t count = 0;
    df_code code = read_blocks(s, file, text, m, &blocks, &count, err);
    if (code == DF_OK) {
        if (!count) m->up = section_of(s, file, text, text.ptr, text.ptr + text.len);
        join_blocks(s, file, text, blocks, count, false, &m->up);
        join_blocks(s, file, text, blocks, count, true, &m->down);
        code = mf_directives(s, s->set.dialect, &m->up, DF_STR_NONE, file->path, err);
    }
    if (code == DF_OK) code = mf_directives(s, s->set.dialect, &m->down, DF_STR_NONE, file->path, err);
    free(blocks);
    return code;
}

/* ---- sql-migrate, tern, MyBatis, Play, shmig, rambler ---- */

typedef struct cut {
    block *blocks;
    size_t count, cap;
    const char *begun;         /* StatementBegin without its end yet */
    bool up_alone, down_alone; /* outside of a transaction */
    bool ups, downs;           /* marked at least once */
} cut;

static df_code take_mark(mf_set *s, const mf_file *file, df_str text, df_str line, const char *behind, cut *x,
                         df_error *err)
{
    mf_mark mark = mf_tool_mark(line);
    if (!mark.kind || mark.layout != s->set.layout) return DF_OK;
    bool up = mark.kind == MF_MARK_UP, joins = mark.layout == DF_LAYOUT_SQL_MIGRATE;
    switch (mark.kind) {
    case MF_MARK_UNKNOWN: return fail_at(s, file, text, line.ptr, err, "sql-migrate has no such annotation");
    case MF_MARK_NOTE: x->up_alone = x->down_alone = true; return DF_OK;
    case MF_MARK_BEGIN:
    case MF_MARK_END:
        if ((mark.kind == MF_MARK_BEGIN) == (x->begun != NULL))
            return fail_at(s, file, text, line.ptr, err,
                           x->begun ? "StatementBegin inside of a statement"
                                    : "StatementEnd without StatementBegin");
        x->begun = x->begun ? NULL : line.ptr;
        return DF_OK;
    default: break;
    }
    if (x->begun) return fail_at(s, file, text, x->begun, err, "StatementBegin without StatementEnd");
    if (!joins && (up ? x->ups : x->downs))
        return fail_at(s, file, text, line.ptr, err, up ? "a second way up" : "a second way down");
    *(up ? &x->ups : &x->downs) = true;
    *(up ? &x->up_alone : &x->down_alone) |= mark.no_transaction;
    x->blocks[x->count - 1].to = line.ptr;
    DF_PUSH(x->blocks, x->count, x->cap) = (block){behind, text.ptr + text.len, !up};
    return DF_OK;
}

/* tern and MyBatis mark the way down alone. */
static bool has_up_mark(df_layout layout)
{
    return layout != DF_LAYOUT_TERN && layout != DF_LAYOUT_MYBATIS;
}

/* Play's files begin with lines such as "# Users schema", which are comments to it alone. */
static df_str behind_hashes(df_layout layout, df_str text)
{
    df_str rest = text, line;
    while (layout == DF_LAYOUT_EVOLUTIONS && mf_line(&rest, &line)) {
        line = mf_trim(line);
        if (line.len && *line.ptr != '#') break;
        text = rest;
    }
    return text;
}

/* Play takes ";;" for a semicolon that does not end the statement. Lines stay where they are. */
static void single_semicolons(mf_set *s, df_section *section)
{
    if (s->set.layout != DF_LAYOUT_EVOLUTIONS || !section->sql.len ||
        !memmem(section->sql.ptr, section->sql.len, ";;", 2))
        return;
    char *copy = df_arena_alloc(&s->set.arena, section->sql.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < section->sql.len; i++) {
        copy[len++] = section->sql.ptr[i];
        if (section->sql.ptr[i] == ';' && i + 1 < section->sql.len && section->sql.ptr[i + 1] == ';') i++;
    }
    copy[len] = '\0';
    section->sql = (df_str){copy, len};
}

static void settle_marked(mf_set *s, const mf_file *file, df_str text, const cut *x, df_migration *m)
{
    bool whole = !x->ups; /* what stands in front of the first mark is the way up */
    const block *blocks = x->blocks + !whole;
    m->up.no_transaction = x->up_alone;
    m->down.no_transaction = x->down_alone;
    join_blocks(s, file, text, blocks, x->count - !whole, false, &m->up);
    join_blocks(s, file, text, blocks, x->count - !whole, true, &m->down);
    if (!x->downs) m->down = (df_section){0};
    single_semicolons(s, &m->up);
    single_semicolons(s, &m->down);
}

static df_code cut_marked(mf_set *s, const mf_file *file, df_str text, df_migration *m, df_error *err)
{
    cut x = {.up_alone = file->no_transaction, .down_alone = file->no_transaction};
    const char *end = text.ptr + text.len;
    df_str rest = text, line;
    df_code code = DF_OK;
    DF_PUSH(x.blocks, x.count, x.cap) = (block){text.ptr, end, false};
    while (code == DF_OK && mf_line(&rest, &line))
        code = take_mark(s, file, text, line, rest.len ? rest.ptr : end, &x, err);
    if (code == DF_OK && x.begun)
        code = fail_at(s, file, text, x.begun, err, "StatementBegin without StatementEnd");
    df_str before = mf_cut(text, 0, (size_t)(x.blocks[0].to - text.ptr));
    bool empty = df_sql_is_blank(s->set.dialect, behind_hashes(s->set.layout, before));
    if (code == DF_OK && !empty && (x.ups || has_up_mark(s->set.layout)))
        code = fail_at(s, file, text, text.ptr, err,
                       x.ups ? "statements in front of the first mark would not run"
                             : "the way up is not marked as such");
    if (code == DF_OK) settle_marked(s, file, text, &x, m);
    free(x.blocks);
    if (code == DF_OK) code = mf_directives(s, s->set.dialect, &m->up, DF_STR_NONE, file->path, err);
    if (code == DF_OK && m->down.present)
        code = mf_directives(s, s->set.dialect, &m->down, DF_STR_NONE, file->path, err);
    return code;
}

/* ---- node-pg-migrate ---- */

/* "-- Up Migration", whatever follows */
static bool node_pg_mark(const df_sql_dialect *dialect, df_str line, const char *direction)
{
    df_str text = mf_trim(line);
    if (!mf_take_mark(dialect, &text)) return false;
    df_str word = mf_word(&text), second = mf_word(&text);
    return mf_same(word, direction) && second.len >= 9 && mf_same(mf_cut(second, 0, 9), "migration");
}

static df_code cut_node_pg(mf_set *s, const mf_file *file, df_str text, df_migration *m, df_error *err)
{
    const char *up = NULL, *down = NULL, *end = text.ptr + text.len;
    df_str rest = text, line;
    while (mf_line(&rest, &line)) {
        if (!up && node_pg_mark(s->set.dialect, line, "up")) up = line.ptr;
        if (!down && node_pg_mark(s->set.dialect, line, "down")) down = line.ptr;
    }
    /* Without its mark the way up is the whole file, as the tool has it; but not together with a way down. */
    const char *from = up ? up : text.ptr;
    m->up = section_of(s, file, text, from, down > from ? down : end);
    DF_TRY(mf_directives(s, s->set.dialect, &m->up, DF_STR_NONE, file->path, err));
    if (!down) return DF_OK;
    m->down = section_of(s, file, text, down, up > down ? up : end);
    return mf_directives(s, s->set.dialect, &m->down, DF_STR_NONE, file->path, err);
}

/* ---- all ---- */

df_code mf_cut_sections(mf_set *s, const mf_file *file, df_str text, df_migration *m, df_error *err)
{
    text = without_breakpoints(s, text);
    switch (s->set.layout) {
    case DF_LAYOUT_GOOSE: return cut_goose(s, file, text, m, err);
    case DF_LAYOUT_DBMATE: return cut_dbmate(s, file, text, m, err);
    case DF_LAYOUT_NODE_PG: return cut_node_pg(s, file, text, m, err);
    case DF_LAYOUT_SQL_MIGRATE:
    case DF_LAYOUT_TERN:
    case DF_LAYOUT_MYBATIS:
    case DF_LAYOUT_EVOLUTIONS:
    case DF_LAYOUT_SHMIG:
    case DF_LAYOUT_RAMBLER: return cut_marked(s, file, text, m, err);
    case DF_LAYOUT_LIQUIBASE: return mf_cut_changeset(s, file, text, m, err);
    case DF_LAYOUT_NEO4J_MIGRATIONS:
    case DF_LAYOUT_SQLX:
    case DF_LAYOUT_FLYWAY:
    case DF_LAYOUT_PAIRS: {
        bool no_transaction = m->up.no_transaction, no_placeholders = m->up.no_placeholders;
        m->up = mf_whole_section(s, file, text);
        m->up.no_transaction |= no_transaction;
        m->up.no_placeholders |= no_placeholders;
        return mf_directives(s, s->set.dialect, &m->up, DF_STR_NONE, file->path, err);
    }
    default: return cut_native(s, file, text, m, err);
    }
}

static bool is_down_migration(const df_sql_dialect *dialect, df_str line)
{
    df_str text = mf_trim(line);
    return mf_take_mark(dialect, &text) && mf_same(text, "down migration");
}

static df_code refuse(mf_set *s, const mf_file *file, df_str text, const char *at, df_layout written,
                      df_error *err)
{
    df_code code = mf_fail(err, DF_CORRUPT, mf_path(s, file->path), mf_lines_before(text, at) + 1,
                           "the file is written for %s, while the folder is read as %s",
                           df_layout_name(written), df_layout_name(s->set.layout));
    df_error_hint(err, "name the layout: --layout %s; or move the file", df_layout_name(written));
    return code;
}

static df_code refuse_marked(mf_set *s, const mf_file *file, df_str text, df_error *err)
{
    df_str rest = text, line;
    if (!mf_may_have_tool_marks(text)) return DF_OK;
    while (mf_line(&rest, &line)) {
        mf_mark mark = mf_tool_mark(line);
        bool direction = mark.kind == MF_MARK_UP || mark.kind == MF_MARK_DOWN;
        if (direction && mark.layout != s->set.layout)
            return refuse(s, file, text, line.ptr, mark.layout, err);
    }
    return DF_OK;
}

df_code mf_refuse_foreign(mf_set *s, const mf_file *file, df_str text, df_error *err)
{
    static const struct {
        const char *word;
        df_layout layout;
    } marks[] = {{"+goose", DF_LAYOUT_GOOSE},
                 {"migrate:", DF_LAYOUT_DBMATE},
                 {"igration", DF_LAYOUT_NODE_PG},
                 {"liquibase", DF_LAYOUT_LIQUIBASE}};
    df_layout mine = s->set.layout;
    df_str rest, line;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (marks[i].layout == mine || !has_word(text, marks[i].word)) continue;
        for (rest = text; mf_line(&rest, &line);) {
            bool down;
            df_str options;
            bool marked = i == 0   ? goose_annotation(s->set.dialect, line) <= G_DOWN
                          : i == 1 ? dbmate_mark(s->set.dialect, line, &down, &options)
                          : i == 2 ? file->role == MF_BOTH && is_down_migration(s->set.dialect, line)
                                   : mf_is_changelog(s->set.dialect, line);
            if (marked) return refuse(s, file, text, line.ptr, marks[i].layout, err);
        }
    }
    return refuse_marked(s, file, text, err);
}
