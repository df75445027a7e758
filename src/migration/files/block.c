/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A header in a block comment, in front of everything else in the file:
 *
 *     Migration: Create the catalog
 *     Version: 2025.10.16.100000
 *     Author: @ann                      Ticket: CATALOG-001
 *     Description:                      (its first paragraph, in this line or the next ones)
 *     Dependencies:                     (a list, each line with a dash)
 *     Rollback: See …
 */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

enum { MIGRATION, VERSION, AUTHOR, TICKET, DESCRIPTION, DEPENDENCIES, ROLLBACK, KEYS };
static const char *const keys[KEYS] = {"Migration",   "Version",      "Author",  "Ticket",
                                       "Description", "Dependencies", "Rollback"};

typedef struct block {
    mf_set *s;
    const mf_file *file;
    df_str text; /* of the file */
    df_buf values[KEYS];
    bool ended[KEYS]; /* a blank line came behind it */
    bool seen[KEYS];
    df_str *dependencies;
    size_t n_dependencies, cap;
} block;

/* The inside of the comment that the text begins with; absent when it begins with something else. */
static df_str comment_of(df_str text)
{
    size_t at = 0;
    while (at < text.len && mf_is_blank(text.ptr[at])) at++;
    if (text.len - at < 4 || memcmp(text.ptr + at, "/*", 2) != 0) return DF_STR_NONE;
    const char *end = memmem(text.ptr + at + 2, text.len - at - 2, "*/", 2);
    return end ? mf_cut(text, at + 2, (size_t)(end - text.ptr)) : DF_STR_NONE;
}

/* A line without the stars in front of it. */
static df_str plain_line(df_str line)
{
    line = mf_trim(line);
    while (line.len && line.ptr[0] == '*') line = df_str_skip(line, 1);
    return mf_trim(line);
}

/* KEYS when the line begins with none; *value is what stands behind the colon. */
static int key_of(df_str line, df_str *value)
{
    const char *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
    int key = 0;
    if (!colon) return KEYS;
    df_str word = mf_trim(mf_cut(line, 0, (size_t)(colon - line.ptr)));
    while (key < KEYS && !mf_same(word, keys[key])) key++;
    *value = mf_trim(df_str_skip(line, (size_t)(colon + 1 - line.ptr)));
    return key;
}

static bool says_none(df_str text)
{
    df_str rest = text, word = mf_word(&rest);
    while (word.len && memchr(".,;:", word.ptr[word.len - 1], 4)) word.len--;
    return !word.len || word.ptr[0] == '[' || mf_same(word, "none") || mf_same(word, "n/a") ||
           mf_same(word, "-") || mf_same(word, "nothing");
}

/* "- 2025-10-15_143022_init.up.cypher (the history)": its first word is what is needed. A line of prose is
 * told. */
static void take_dependency(block *b, df_str line)
{
    df_str rest = line;
    bool bullet = line.len && (line.ptr[0] == '-' || df_str_starts(line, DF_STR("•")));
    if (bullet) rest = mf_trim(df_str_skip(rest, line.ptr[0] == '-' ? 1 : strlen("•")));
    if (says_none(rest)) return;
    df_str word = mf_word(&rest);
    while (word.len && (word.ptr[word.len - 1] == ',' || word.ptr[word.len - 1] == ';')) word.len--;
    bool alone = !mf_trim(rest).len, named = word.len && mf_is_digit(word.ptr[0]);
    if (word.len && (named || (bullet && alone))) {
        DF_PUSH(b->dependencies, b->n_dependencies, b->cap) = df_arena_str(&b->s->set.arena, word);
        return;
    }
    int64_t at = b->file->line + mf_lines_before(b->text, line.ptr) + 1;
    mf_find(b->s, "unknown-metadata", false, b->file->path, at,
            "name a migration: its version, its name or its file",
            "%s:%lld: the dependency \"%.*s\" names no migration, and is not looked at", b->file->path,
            (long long)at, DF_FMT(line));
}

static void take_line(block *b, int key, df_str line)
{
    df_buf *value = &b->values[key];
    if (key == DEPENDENCIES) {
        if (line.len) take_dependency(b, line);
    } else if (!line.len) {
        b->ended[key] |= value->len > 0;
    } else if (!b->ended[key]) {
        if (value->len) df_buf_char(value, ' ');
        df_buf_str_add(value, line);
    }
}

static void read_lines(block *b, df_str comment)
{
    df_str rest = comment, line, value;
    int key = KEYS;
    while (mf_line(&rest, &line)) {
        line = plain_line(line);
        int begun = key_of(line, &value);
        if (begun < KEYS && !b->seen[begun]) {
            key = begun;
            b->seen[key] = true;
            line = value;
            if (key != DESCRIPTION && key != DEPENDENCIES && key != ROLLBACK) {
                take_line(b, key, line);
                key = KEYS; /* of these, what follows is something else */
                continue;
            }
            if (!line.len) continue;
        }
        if (key < KEYS) take_line(b, key, line);
    }
}

static df_str kept(block *b, int key)
{
    return b->values[key].len ? df_arena_str(&b->s->set.arena, df_buf_str(&b->values[key])) : DF_STR_NONE;
}

static df_str json_of(block *b, const df_migration *m)
{
    static const char *const names[KEYS] = {"migration",   "version",      "author",  "ticket",
                                            "description", "dependencies", "rollback"};
    df_buf out = {0};
    df_json_writer w = {.out = &out};
    df_json_begin(&w, NULL, '{');
    for (int i = 0; i < KEYS; i++) {
        if (i == DEPENDENCIES && m->meta.n_dependencies) {
            df_json_begin(&w, names[i], '[');
            for (size_t k = 0; k < m->meta.n_dependencies; k++)
                df_json_add_str(&w, NULL, m->meta.dependencies[k]);
            df_json_end(&w, ']');
        } else if (b->values[i].len) {
            df_json_add_str(&w, names[i], df_buf_str(&b->values[i]));
        }
    }
    df_json_end(&w, '}');
    df_str json = df_arena_str(&b->s->set.arena, df_buf_str(&out));
    df_buf_release(&out);
    return json;
}

/* The version stands twice, and may have been forgotten when the file was copied. */
static void compare_version(block *b, const df_migration *m)
{
    char stamp[15];
    df_str written = df_buf_str(&b->values[VERSION]);
    if (!written.len || !mf_is_digit(written.ptr[0]) || !m->version.len) return;
    if (df_version_compare(mf_wanted_version(written, stamp), m->version) == 0) return;
    mf_find(b->s, "version-differs", false, b->file->path, 0, "write the same version in both",
            "%s says in its header that it is version %.*s", b->file->path, DF_FMT(written));
}

void mf_block_header(mf_set *s, const mf_file *file, df_str text, df_migration *m)
{
    df_str comment = comment_of(text);
    block b = {.s = s, .file = file, .text = text};
    size_t found = s->set.n_findings;
    if (!comment.ptr) return;
    read_lines(&b, comment);
    df_metadata *meta = &m->meta;
    if (b.seen[MIGRATION] && (b.seen[VERSION] || b.seen[AUTHOR] || b.seen[DEPENDENCIES])) {
        meta->author = kept(&b, AUTHOR);
        meta->ticket = kept(&b, TICKET);
        meta->version = kept(&b, VERSION);
        meta->description = kept(&b, DESCRIPTION);
        if (!meta->description.ptr) meta->description = kept(&b, MIGRATION);
        meta->rollback_strategy = kept(&b, ROLLBACK);
        if (b.n_dependencies) {
            meta->dependencies = df_arena_alloc(&s->set.arena, b.n_dependencies * sizeof(df_str));
            memcpy(meta->dependencies, b.dependencies, b.n_dependencies * sizeof(df_str));
            meta->n_dependencies = b.n_dependencies;
        }
        meta->json = json_of(&b, m);
        compare_version(&b, m);
    } else {
        s->set.n_findings = found; /* some other comment */
    }
    for (int i = 0; i < KEYS; i++) df_buf_release(&b.values[i]);
    free(b.dependencies);
}
