/* SPDX-License-Identifier: Apache-2.0 */
/* A section as raw statements: its parts, goose's blocks, and the splitter between. */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

/* A piece of a section that is split on its own. */
typedef struct piece {
    df_str text;
    const char *path;
    int32_t line;
    bool block; /* goose: between StatementBegin and StatementEnd */
} piece;

typedef struct split {
    const df_migration_set *set;
    const df_section *section;
    mf_raws *out;
    int32_t number;
    bool substitute; /* goose: ENVSUB ON was seen and no OFF since */
} split;

/* ---- goose ---- */

static bool annotation(const df_sql_dialect *dialect, df_str text, const char *word)
{
    if (!mf_take_mark(dialect, &text)) return false;
    df_str tool = mf_word(&text);
    if (!df_str_is(tool, "+goose") && !df_str_is(tool, "+migrate") && !df_str_is(tool, "+micrate"))
        return false;
    return mf_same(mf_trim(text), word);
}

/* Whether ENVSUB is on behind `text`, when it was `now` in front of it. */
static bool envsub_behind(const df_sql_dialect *dialect, df_str text, bool now)
{
    df_str rest = text, line;
    if (!text.len || !memmem(text.ptr, text.len, "+goose", 6)) return now;
    while (mf_line(&rest, &line)) {
        df_str trimmed = mf_trim(line);
        if (annotation(dialect, trimmed, "envsub on")) now = true;
        if (annotation(dialect, trimmed, "envsub off")) now = false;
    }
    return now;
}

/* ---- statements ---- */

static mf_raw *add_raw(split *x, const piece *p, const df_sql_statement *statement, const char *gap,
                       bool whole)
{
    mf_raw *raw = &DF_PUSH(x->out->items, x->out->count, x->out->cap);
    *raw = (mf_raw){.statement = *statement, .path = p->path, .whole = whole};
    raw->statement.number = ++x->number;
    raw->gap = (df_str){gap, (size_t)(statement->text.ptr - gap)};
    raw->gap_line = statement->line - mf_lines_before(raw->gap, statement->text.ptr);
    if (x->set->layout == DF_LAYOUT_GOOSE) {
        raw->substitute = envsub_behind(x->set->dialect, raw->gap, x->substitute);
        x->substitute = envsub_behind(x->set->dialect, statement->text, raw->substitute);
    }
    return raw;
}

static df_code explain(const split *x, const piece *p, df_code code, df_error *err)
{
    if (!err) return code;
    err->statement = x->number + 1;
    df_error_at(err, p->path, err->line ? err->line : p->line);
    return code;
}

static df_code split_piece(split *x, const piece *p, df_error *err)
{
    df_sql_splitter splitter = {.dialect = x->set->dialect, .script = p->text, .first_line = p->line};
    const char *gap = p->text.ptr;
    for (;;) {
        df_sql_statement statement;
        bool more = false;
        df_code code = df_sql_split(&splitter, &statement, &more, err);
        if (code != DF_OK) return explain(x, p, code, err);
        if (!more) break;
        add_raw(x, p, &statement, gap, false);
        df_str last = statement.data.ptr ? statement.data : statement.text;
        gap = last.ptr + last.len;
    }
    df_str rest = df_str_skip(p->text, (size_t)(gap - p->text.ptr));
    if (x->set->layout == DF_LAYOUT_GOOSE)
        x->substitute = envsub_behind(x->set->dialect, rest, x->substitute);
    mf_comment comment;
    for (size_t at = 0;
         memmem(rest.ptr, rest.len, "@batch", 6) && mf_next_comment(x->set->dialect, rest, &at, &comment);)
        if (df_str_starts(comment.text, DF_STR("@batch")))
            return mf_fail(err, DF_CORRUPT, p->path, p->line + mf_lines_before(p->text, comment.text.ptr),
                           "there is no statement behind this @batch");
    return DF_OK;
}

/*
 * goose sends what stands between StatementBegin and StatementEnd as it is. Inside of a transaction several
 * statements can as well be sent one by one, and then each has its time and its error. Outside, PostgreSQL
 * makes a transaction of them: they stay together. So does what the splitter does not understand: the server
 * has the last word.
 */
static df_code split_block(split *x, const piece *p, df_error *err)
{
    size_t count = x->out->count;
    int32_t number = x->number;
    bool substitute = x->substitute;
    df_code code = split_piece(x, p, NULL);
    if (code == DF_NO_MEMORY) return df_fail(err, code, "not enough memory to split %s", p->path);
    size_t found = x->out->count - count;
    bool together = x->section->no_transaction && x->set->dialect->family == DF_SQL_POSTGRES;
    if (code == DF_OK && (found < 2 || !together)) return DF_OK;
    x->out->count = count;
    x->number = number;
    x->substitute = substitute;
    size_t from = 0;
    while (from < p->text.len && mf_is_blank(p->text.ptr[from])) from++;
    df_sql_statement all = {.text = mf_trim(p->text),
                            .offset = from,
                            .line = p->line + mf_lines_before(p->text, p->text.ptr + from)};
    add_raw(x, p, &all, p->text.ptr, true)->failed = code != DF_OK;
    return DF_OK;
}

static df_code split_goose(split *x, const piece *p, df_error *err)
{
    df_str rest = p->text, line;
    piece now = *p;
    while (mf_line(&rest, &line)) {
        df_str trimmed = mf_trim(line);
        bool begin = annotation(x->set->dialect, trimmed, "statementbegin"),
             end = annotation(x->set->dialect, trimmed, "statementend");
        if (!begin && !end) continue;
        now.text.len = (size_t)(line.ptr - now.text.ptr);
        DF_TRY(now.block ? split_block(x, &now, err) : split_piece(x, &now, err));
        now.text = rest;
        now.line = p->line + mf_lines_before(p->text, rest.ptr);
        now.block = begin;
    }
    now.text.len = (size_t)(p->text.ptr + p->text.len - now.text.ptr);
    return now.block ? split_block(x, &now, err) : split_piece(x, &now, err);
}

/* Between two delimiters may be any number of statements, which the tool sends as they are. */
static df_code split_delimited(split *x, const piece *p, const mf_end *end, df_error *err)
{
    for (size_t at = 0; at < p->text.len;) {
        size_t to = mf_next_end(x->set->dialect, p->text, at, end);
        piece part = {mf_cut(p->text, at, to), p->path, p->line + mf_lines_before(p->text, p->text.ptr + at),
                      true};
        DF_TRY(split_block(x, &part, err));
        at = to < p->text.len ? mf_behind_end(p->text, to, end) : to;
    }
    return DF_OK;
}

df_code mf_split(const df_migration_set *set, const df_section *section, mf_raws *out, df_error *err)
{
    split x = {.set = set, .section = section, .out = out, .substitute = section->substitute};
    size_t parts = section->n_parts ? section->n_parts : 1;
    for (size_t i = 0; i < parts; i++) {
        piece p = {
            .text = section->sql, .path = section->path ? section->path : "", .line = section->first_line};
        if (section->n_parts) {
            size_t from = section->parts[i].offset,
                   to = i + 1 < parts ? section->parts[i + 1].offset : section->sql.len;
            p = (piece){mf_cut(section->sql, from, to), section->parts[i].path, section->parts[i].first_line,
                        false};
        }
        if (!p.line) p.line = 1;
        bool blocks = set->layout == DF_LAYOUT_GOOSE || set->layout == DF_LAYOUT_SQL_MIGRATE;
        mf_end end;
        df_code code = blocks                            ? split_goose(&x, &p, err)
                       : mf_delimiter(set, p.text, &end) ? split_delimited(&x, &p, &end, err)
                                                         : split_piece(&x, &p, err);
        if (code != DF_OK) return code;
    }
    return DF_OK;
}

static void put_data(df_str data, df_buf *out)
{
    for (size_t i = 0; i < data.len; i++)
        if (data.ptr[i] != '\r' || i + 1 == data.len || data.ptr[i + 1] != '\n')
            df_buf_char(out, data.ptr[i]);
}

void mf_normal(const df_sql_dialect *dialect, const mf_raw *raw, df_buf *out)
{
    if (raw->whole && !raw->failed) { /* the same as if it were not held together */
        df_sql_splitter splitter = {.dialect = dialect, .script = raw->statement.text};
        df_sql_statement statement;
        bool more, first = true;
        while (df_sql_split(&splitter, &statement, &more, NULL) == DF_OK && more) {
            if (!first) df_buf_char(out, '\n');
            df_sql_normalise(dialect, statement.text, out);
            first = false;
        }
        return;
    }
    df_sql_normalise(dialect, raw->statement.text, out);
    if (!raw->statement.data.ptr) return;
    df_buf_char(out, '\n');
    put_data(raw->statement.data, out);
}
