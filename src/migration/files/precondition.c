/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold before a migration runs: comment lines that begin with "assert" or "assume". */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "write: assert|assume that edition is enterprise|community; … that version is 4.4, 5; … that version "
    "is lt|ge 5.13; … [in target|schema] q' RETURN true";

/* ---- reading one ---- */

/* What a line may be: nothing of ours, one, or something that is meant as one and is wrong. */
typedef enum reading { OTHER, FINE, WRONG } reading;

static bool take_word(df_str *rest, const char *word)
{
    df_str copy = *rest;
    if (!mf_same(mf_word(&copy), word)) return false;
    *rest = copy;
    return true;
}

static bool is_number(df_str text)
{
    bool digit = false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '.' && !digit) return false;
        digit = mf_is_digit(text.ptr[i]);
        if (!digit && text.ptr[i] != '.') return false;
    }
    return digit;
}

/* Takes the next of "4.4, 5 or 5.26"; false at the end. */
static bool next_version(df_str *list, df_str *out)
{
    for (;;) {
        size_t n = 0;
        while (list->len && (mf_is_blank(list->ptr[0]) || list->ptr[0] == ',')) *list = df_str_skip(*list, 1);
        while (n < list->len && !mf_is_blank(list->ptr[n]) && list->ptr[n] != ',') n++;
        *out = mf_cut(*list, 0, n);
        *list = df_str_skip(*list, n);
        if (!mf_same(*out, "or")) return n > 0;
    }
}

static reading read_version(df_str rest, df_precondition *out)
{
    df_str version, list = rest;
    size_t count = 0;
    out->kind = DF_PRECONDITION_VERSION;
    if (take_word(&list, "lt"))
        out->op = DF_PRECONDITION_LT;
    else if (take_word(&list, "ge"))
        out->op = DF_PRECONDITION_GE;
    out->value = mf_trim(list);
    for (df_str left = list; next_version(&left, &version); count++)
        if (!is_number(version)) return WRONG;
    return count == 1 || (count > 1 && out->op == DF_PRECONDITION_IS) ? FINE : WRONG;
}

static reading read_one(df_str comment, df_precondition *out)
{
    df_str rest = comment;
    *out = (df_precondition){.op = DF_PRECONDITION_IS};
    if (take_word(&rest, "assume"))
        out->assume = true;
    else if (!take_word(&rest, "assert"))
        return OTHER;
    df_str behind = rest;
    if (take_word(&behind, "in") &&
        (take_word(&behind, "target") || (out->schema = take_word(&behind, "schema"))))
        rest = behind;
    rest = mf_trim(rest);
    if (rest.len >= 2 && mf_lower(rest.ptr[0]) == 'q' && rest.ptr[1] == '\'') {
        out->kind = DF_PRECONDITION_QUERY;
        out->value = mf_trim(df_str_skip(rest, 2));
        return out->value.len ? FINE : WRONG;
    }
    if (!take_word(&rest, "that")) return OTHER;
    behind = rest;
    if (take_word(&behind, "version") && take_word(&behind, "is")) return read_version(behind, out);
    if (take_word(&rest, "edition") && take_word(&rest, "is")) {
        out->kind = DF_PRECONDITION_EDITION;
        out->value = mf_trim(rest);
        return mf_same(out->value, "enterprise") || mf_same(out->value, "community") ? FINE : WRONG;
    }
    return WRONG;
}

bool mf_is_precondition(df_str comment)
{
    df_precondition one;
    return read_one(comment, &one) == FINE;
}

/* ---- those of a file ---- */

static bool may_have_some(df_str text)
{
    return text.ptr && (memmem(text.ptr, text.len, "ass", 3) || memmem(text.ptr, text.len, "ASS", 3) ||
                        memmem(text.ptr, text.len, "Ass", 3));
}

/* In neo4j-migrations' layout a wrong one is an error, as it is there; elsewhere the line may be meant for
 * readers. */
static df_code tell_wrong(mf_set *s, const mf_file *file, int32_t line, df_str comment, df_error *err)
{
    if (s->set.layout == DF_LAYOUT_NEO4J_MIGRATIONS) {
        mf_fail(err, DF_CORRUPT, mf_path(s, file->path), line, "this is no precondition: %.*s",
                DF_FMT(comment));
        df_error_hint(err, "%s", usage);
        return DF_CORRUPT;
    }
    mf_find(s, "unknown-precondition", false, file->path, line, usage,
            "%s:%d: this is no precondition, and not looked at: %.*s", file->path, line, DF_FMT(comment));
    return DF_OK;
}

typedef struct list {
    mf_set *s;
    const mf_file *file;
    df_precondition *items;
    size_t count, cap;
} list;

static df_code take(list *l, df_str comment, int32_t line, df_error *err)
{
    df_precondition one;
    reading is = read_one(comment, &one);
    if (is == WRONG) return tell_wrong(l->s, l->file, line, comment, err);
    one.path = mf_path(l->s, l->file->path);
    one.line = line;
    if (is == FINE) DF_PUSH(l->items, l->count, l->cap) = one;
    return DF_OK;
}

static df_code take_comments(list *l, df_str text, df_error *err)
{
    mf_comment comment;
    for (size_t at = 0; mf_next_comment(l->s->set.dialect, text, &at, &comment);) {
        df_str rest = comment.text, word = mf_word(&rest);
        if (!mf_same(word, "assert") && !mf_same(word, "assume")) continue;
        int32_t line = l->file->line + mf_lines_before(text, text.ptr + comment.offset) + 1;
        DF_TRY(take(l, comment.text, line, err));
    }
    return DF_OK;
}

/* <?assert that edition is enterprise?>, anywhere in a catalog. */
static df_code take_instructions(list *l, const mf_xml *node, df_error *err)
{
    for (; node; node = node->next) {
        if (!node->instruction) {
            DF_TRY(take_instructions(l, node->first, err));
        } else if (mf_same(node->name, "assert") || mf_same(node->name, "assume")) {
            const char *text =
                df_arena_printf(&l->s->set.arena, "%.*s %.*s", DF_FMT(node->name), DF_FMT(node->text));
            DF_TRY(take(l, df_str_from(text), node->line, err));
        }
    }
    return DF_OK;
}

df_code mf_preconditions(mf_set *s, const mf_file *file, df_str text, df_migration *m, df_error *err)
{
    list l = {.s = s, .file = file};
    mf_xml *first;
    df_code code = DF_OK;
    if (s->set.dialect->family != DF_SQL_CYPHER || !may_have_some(text)) return DF_OK;
    if (!mf_is_catalog(file->path) || s->set.layout == DF_LAYOUT_LIQUIBASE)
        code = take_comments(&l, text, err);
    else if ((code = mf_xml_parse(text, mf_path(s, file->path), &s->set.arena, &first, err)) == DF_OK)
        code = take_instructions(&l, first, err);
    if (l.count) {
        m->preconditions = df_arena_alloc(&s->set.arena, l.count * sizeof *l.items);
        memcpy(m->preconditions, l.items, l.count * sizeof *l.items);
        m->n_preconditions = l.count;
    }
    free(l.items);
    return code;
}

static df_code put_all(mf_set *s, const char *path, df_buf *out, df_error *err)
{
    mf_file file = {.role = MF_UP, .path = path};
    df_migration m = {0};
    df_str text;
    DF_TRY(mf_read_text(s, path, &text, err));
    DF_TRY(mf_preconditions(s, &file, text, &m, err));
    for (size_t i = 0; i < m.n_preconditions; i++) {
        df_precondition_text(&m.preconditions[i], out);
        df_buf_char(out, '\n');
    }
    return DF_OK;
}

df_code mf_same_preconditions(mf_set *s, const char *a, const char *b, bool *same, df_error *err)
{
    df_buf x = {0}, y = {0};
    df_code code = put_all(s, a, &x, err);
    if (code == DF_OK) code = put_all(s, b, &y, err);
    *same = !x.len || !y.len || df_str_eq(df_buf_str(&x), df_buf_str(&y));
    df_buf_release(&x);
    df_buf_release(&y);
    return code;
}

/* ---- what they say ---- */

void df_precondition_text(const df_precondition *p, df_buf *out)
{
    if (p->said) {
        df_buf_text(out, p->said);
        return;
    }
    df_buf_text(out, p->assume ? "assume" : "assert");
    if (p->kind == DF_PRECONDITION_QUERY)
        df_buf_printf(out, "%s q' %.*s", p->schema ? " in schema" : "", DF_FMT(p->value));
    else
        df_buf_printf(out, " that %s is %s%.*s", p->kind == DF_PRECONDITION_VERSION ? "version" : "edition",
                      p->op == DF_PRECONDITION_LT   ? "lt "
                      : p->op == DF_PRECONDITION_GE ? "ge "
                                                    : "",
                      DF_FMT(p->value));
}

/* "5.2" is what "5.2.1" begins with, but not "5.26". */
static bool begins(df_str version, df_str with)
{
    return df_str_starts(version, with) && (version.len == with.len || version.ptr[with.len] == '.');
}

bool df_precondition_holds(const df_precondition *p, df_str version, df_str edition)
{
    df_str versions = p->value, one;
    if (p->kind == DF_PRECONDITION_EDITION) {
        char wanted[24];
        size_t n = p->value.len < sizeof wanted - 1 ? p->value.len : sizeof wanted - 1;
        memcpy(wanted, p->value.ptr, n);
        wanted[n] = '\0';
        return mf_same(edition, wanted);
    }
    if (p->kind != DF_PRECONDITION_VERSION) return false;
    if (p->op != DF_PRECONDITION_IS) {
        bool older = df_version_compare(version, p->value) < 0;
        return older == (p->op == DF_PRECONDITION_LT);
    }
    while (next_version(&versions, &one))
        if (begins(version, one)) return true;
    return false;
}
