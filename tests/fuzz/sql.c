/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the splitter, the classifier, the normal form and the findings of every dialect. Statements are views of the
 * script, in order, apart from each other; one alone is split as itself; a normal form is its own, and has
 * the same tokens.
 */
#include "sql/modern.h"
#include "sql/sql.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds) abort();
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Tokens cover the text without gaps; returns how many are neither space nor comment. */
static size_t try_tokens(const df_sql_dialect *dialect, df_str text)
{
    df_sql_lexer lexer = {.dialect = dialect, .text = text};
    size_t at = 0, words = 0;
    for (;;) {
        df_sql_token t = df_sql_next_token(&lexer);
        expect(t.offset == at && t.text.ptr == text.ptr + at && at + t.text.len <= text.len);
        expect(t.kind == DF_SQL_END ? t.text.len == 0 : t.text.len > 0);
        at += t.text.len;
        if (t.kind == DF_SQL_END) break;
        words += t.kind != DF_SQL_SPACE && t.kind != DF_SQL_COMMENT;
    }
    expect(at == text.len);
    return words;
}

/* A byte order mark is white space at the beginning of a text, and a name elsewhere. */
static bool begins_with_mark(df_str text)
{
    return df_str_starts(text, DF_STR("\xef\xbb\xbf"));
}

static void try_normal(const df_sql_dialect *dialect, df_str text)
{
    df_buf once = {0}, twice = {0};
    df_sql_normalise(dialect, text, &once);
    df_sql_normalise(dialect, df_buf_str(&once), &twice);
    bool marked = begins_with_mark(df_buf_str(&once));
    expect(marked || df_str_eq(df_buf_str(&once), df_buf_str(&twice)));
    expect(marked || try_tokens(dialect, df_buf_str(&once)) == try_tokens(dialect, text));
    df_buf_release(&once);
    df_buf_release(&twice);
}

static void try_facts(const df_sql_dialect *dialect, df_str text)
{
    df_arena arena = {0};
    df_sql_facts facts = df_sql_classify(dialect, text, &arena);
    expect(facts.tag != NULL && facts.cls <= DF_SQL_MAINTENANCE);
    expect(!facts.object.name.ptr || facts.object.kind);
    expect(!(facts.flags & DF_SQL_IMPLICIT_COMMIT) || dialect->family == DF_SQL_MARIADB);
    df_arena_release(&arena);
}

static void try_modern(const df_sql_dialect *dialect, df_str text)
{
    df_arena arena = {0};
    size_t count, losses;
    const df_sql_finding *found = df_sql_modern(dialect, text, 0, &arena, &count);
    for (size_t i = 0; i < count; i++) {
        expect(found[i].offset <= text.len && found[i].line >= 1 && found[i].what[0] && found[i].rule[0]);
        expect(i == 0 || (found[i].offset >= found[i - 1].offset && found[i].line >= found[i - 1].line));
        expect(!found[i].rewritten.ptr || !df_str_eq(found[i].rewritten, text));
    }
    df_sql_losses(dialect, text, &arena, &losses);
    size_t writes;
    const df_sql_write *written = df_sql_lone_writes(dialect, text, &arena, &writes);
    for (size_t i = 0; i < writes; i++) {
        const df_str reads = written[i].reads;
        expect(written[i].n_labels <= DF_SQL_MOST_LABELS && (written[i].n_filters == 0 || written[i].filters != NULL));
        expect(reads.len == 0 || (reads.ptr >= text.ptr && reads.ptr + reads.len <= text.ptr + text.len));
    }
    size_t made;
    int64_t changes;
    const df_sql_made *makes = df_sql_makes(dialect, text, &arena, &made, &changes);
    for (size_t i = 0; i < made; i++) expect(makes[i].times > 0 && makes[i].times <= changes);
    expect(dialect->family == DF_SQL_CYPHER || (count == 0 && losses == 0 && writes == 0 && made == 0));
    df_arena_release(&arena);
}

/* MariaDB: two minuses are a comment where nothing follows, and none where they stood. */
static bool ends_in_comment(df_str text)
{
    return df_str_ends(text, DF_STR("--"));
}

/* Alone it is the same statement; unless its data, its delimiter or its place in the line made it one. */
static void try_alone(const df_sql_dialect *dialect, const df_sql_statement *s)
{
    if (s->data.ptr || s->text.ptr[0] == '.' || s->text.ptr[0] == '#') return;
    if (ends_in_comment(s->text) || begins_with_mark(s->text)) return;
    df_sql_splitter splitter = {.dialect = dialect, .script = s->text};
    df_sql_statement again;
    bool more;
    expect(df_sql_split(&splitter, &again, &more, NULL) == DF_OK && more && df_str_eq(again.text, s->text));
    expect(df_sql_split(&splitter, &again, &more, NULL) == DF_OK && !more);
}

static void try_script(const df_sql_dialect *dialect, df_str script)
{
    df_sql_splitter splitter = {.dialect = dialect, .script = script};
    df_sql_statement s;
    bool more = true;
    df_error err = {0};
    size_t end = 0;
    int32_t number = 0, line = 1;
    for (;;) {
        const df_sql_dialect *before = splitter.dialect;
        if (df_sql_split(&splitter, &s, &more, &err) != DF_OK || !more) break;
        expect(s.text.ptr == script.ptr + s.offset && s.text.len > 0 && s.offset >= end);
        end = s.offset + s.text.len;
        expect(end <= script.len && !is_space(s.text.ptr[0]) && !is_space(s.text.ptr[s.text.len - 1]));
        bool odd = ends_in_comment(s.text) || begins_with_mark(s.text);
        expect(s.number == ++number && s.line >= line && (odd || !df_sql_is_blank(before, s.text)));
        line = s.line;
        if (s.data.ptr)
            expect(s.data.ptr >= script.ptr + end && s.data.ptr + s.data.len <= script.ptr + script.len);
        try_facts(before, s.text);
        try_modern(before, s.text);
        try_normal(before, s.text);
        if (strcmp(splitter.delimiter, ";") == 0) try_alone(before, &s);
    }
    expect(err.code == DF_OK || err.code == DF_CORRUPT || err.code == DF_UNSUPPORTED);
    if (err.code != DF_OK) expect(err.line >= line && err.statement == number + 1 && err.message[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const df_sql_dialect *const dialects[] = {&df_sql_postgres, &df_sql_sqlite, &df_sql_mariadb, &df_sql_cypher};
    char *text = malloc(size ? size : 1); /* exactly as long as it is, so that reading beyond is seen */
    if (!text) return 0;
    memcpy(text, data, size);
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++) {
        df_str script = {text, size};
        try_script(dialects[i], script);
        try_tokens(dialects[i], script);
        try_normal(dialects[i], script);
        try_facts(dialects[i], script);
        try_modern(dialects[i], script);
    }
    free(text);
    return 0;
}
