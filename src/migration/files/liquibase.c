/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Liquibase's formatted changelogs: one file of many migrations, in its order.
 *
 *     --liquibase formatted cypher
 *     --changeset ann:create-books runInTransaction:false
 *     …statements…
 *     --rollback …the way down, as many lines as it needs
 *
 * The lines with dashes are no comments in Cypher: they are taken out, and blank lines left for them.
 */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

/* ---- lines ---- */

/* What stands behind the dashes of a line for Liquibase; false for any other line. */
static bool take_dashes(const df_sql_dialect *dialect, df_str *line)
{
    df_str text = mf_trim(*line);
    if (!df_str_starts(text, DF_STR("--")) && !df_str_starts(text, df_str_from(dialect->comment)))
        return false;
    *line = mf_trim(df_str_skip(text, 2));
    return true;
}

/* Takes the word, which ends at a blank or a colon, off the line. */
static bool take_keyword(df_str *line, const char *word)
{
    size_t n = strlen(word);
    if (line->len < n || !mf_same(mf_cut(*line, 0, n), word)) return false;
    if (line->len > n && !mf_is_blank(line->ptr[n]) && line->ptr[n] != ':') return false;
    *line = mf_trim(df_str_skip(*line, n));
    return true;
}

bool mf_is_changelog(const df_sql_dialect *dialect, df_str line)
{
    return take_dashes(dialect, &line) && take_keyword(&line, "liquibase") &&
           take_keyword(&line, "formatted");
}

/* A word, or a text in quotes, up to one of `ends`. */
static df_str take_value(df_str *rest, const char *ends)
{
    if (rest->len && rest->ptr[0] == '"') {
        const char *close = memchr(rest->ptr + 1, '"', rest->len - 1);
        if (close) {
            df_str value = mf_cut(*rest, 1, (size_t)(close - rest->ptr));
            *rest = df_str_skip(*rest, value.len + 2);
            return value;
        }
    }
    size_t n = 0;
    while (n < rest->len && !strchr(ends, rest->ptr[n])) n++;
    df_str value = mf_cut(*rest, 0, n);
    *rest = df_str_skip(*rest, n);
    return value;
}

/* ---- attributes of a changeset ---- */

static bool is_true(df_str value)
{
    return mf_same(value, "true");
}

/* Whether nothing more than how Liquibase reads the text depends on it. */
static bool is_harmless(df_str name)
{
    static const char *const names[] = {
        "splitStatements",       "stripComments", "rollbackSplitStatements", "created",
        "objectQuotingStrategy", "validCheckSum", "rollbackEndDelimiter"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (mf_same(name, names[i])) return true;
    return false;
}

/* What the client of MariaDB could be told by DELIMITER. Others write a pattern of their own there, for other shells. */
static bool is_delimiter(const mf_set *s, df_str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (mf_is_blank(value.ptr[i]) || strchr("\\\"'`#", value.ptr[i])) return false;
    return value.len && s->set.dialect->family == DF_SQL_MARIADB;
}

void mf_changeset_attribute(mf_set *s, df_str name, df_str value, mf_changeset *out)
{
    if (mf_same(name, "runInTransaction"))
        out->no_transaction = !is_true(value);
    else if (mf_same(name, "runOnChange") || mf_same(name, "runAlways"))
        out->again |= is_true(value);
    else if (mf_same(name, "logicalFilePath"))
        out->logical_path = value;
    else if (mf_same(name, "dbms"))
        out->dbms = value;
    else if (mf_same(name, "context") || mf_same(name, "contexts") || mf_same(name, "contextFilter"))
        out->contexts = value;
    else if (mf_same(name, "labels"))
        out->labelled = value.len > 0;
    else if (mf_same(name, "ignore"))
        out->ignored = is_true(value);
    else if (mf_same(name, "failOnError") && is_true(value))
        return;
    else if (mf_same(name, "endDelimiter") && df_str_is(value, ";"))
        return;
    else if (mf_same(name, "endDelimiter") && is_delimiter(s, value))
        out->delimiter = value;
    else if (!is_harmless(name))
        out->other = df_arena_cstr(&s->set.arena, name);
}

/* `ann:create-books runInTransaction:false dbms:neo4j`; false without author or id. */
static bool read_changeset(mf_set *s, df_str line, mf_changeset *out)
{
    *out = (mf_changeset){0};
    df_str rest = line;
    out->author = mf_trim(take_value(&rest, ":"));
    if (!rest.len || rest.ptr[0] != ':') return false;
    rest = mf_trim(df_str_skip(rest, 1));
    out->id = take_value(&rest, " \t");
    for (rest = mf_trim(rest); rest.len; rest = mf_trim(rest)) {
        df_str name = take_value(&rest, ": \t");
        df_str value = DF_STR_NONE;
        if (rest.len && rest.ptr[0] == ':') {
            rest = df_str_skip(rest, 1);
            value = take_value(&rest, " \t");
        }
        mf_changeset_attribute(s, name, value, out);
    }
    return out->author.len && out->id.len;
}

/* Whether our database is among those it is for; all are when none is named. */
bool mf_is_dbms(const mf_set *s, df_str dbms)
{
    if (!dbms.len || mf_same(dbms, "all")) return true;
    for (df_str rest = dbms; rest.len; rest = df_str_skip(rest, 1)) {
        df_str word = mf_trim(take_value(&rest, ","));
        bool same = false, none = word.len && word.ptr[0] == '!';
        if (none) word = df_str_skip(word, 1);
        mf_is_dialect(word, s->set.dialect, &same);
        if (same || none) return same != none;
    }
    return false;
}

/* ---- collecting ---- */

void mf_add_changeset(mf_changelog *c, const mf_changeset *set, df_str text, int32_t line)
{
    mf_set *s = c->s;
    df_arena *arena = &s->set.arena;
    df_str file = set->logical_path.len ? set->logical_path : df_str_from(c->given);
    if (set->ignored || !mf_is_dbms(s, set->dbms)) {
        ++*c->others;
        return;
    }
    if (!mf_is_context(s, set->contexts)) {
        ++*c->elsewhere;
        mf_find(s, "other-context", false, c->path, line, "run it in an environment of that name: --env NAME",
                "%s:%d: %.*s:%.*s is for the contexts %.*s", c->path, line, DF_FMT(set->author), DF_FMT(set->id), DF_FMT(set->contexts));
        return;
    }
    mf_draft *draft = mf_add(s);
    draft->name = df_str_from(df_arena_printf(arena, "%.*s:%.*s", DF_FMT(set->author), DF_FMT(set->id)));
    draft->id = df_str_from(df_arena_printf(arena, "%.*s::%.*s", DF_FMT(file), DF_FMT(draft->name)));
    draft->version = draft->order = df_arena_str(arena, set->id);
    draft->file = df_str_from(df_arena_printf(arena, "%s::%.*s", c->path, DF_FMT(draft->name)));
    draft->author = df_arena_str(arena, set->author);
    draft->kind = set->again ? DF_REPEATABLE : DF_VERSIONED;
    draft->fixed = true;
    mf_add_file(draft, MF_BOTH, c->path, set->no_transaction);
    draft->files[0].text = text;
    draft->files[0].line = line;
    if (set->delimiter.len) { /* in the line of --changeset, so that those behind it keep their numbers */
        df_buf changed = {0};
        df_buf_printf(&changed, "DELIMITER %.*s\n", DF_FMT(set->delimiter));
        df_buf_str_add(&changed, text);
        draft->files[0].text = df_arena_str(arena, df_buf_str(&changed));
        df_buf_release(&changed);
        draft->files[0].line = line - 1;
    }
    bool added;
    df_keymap_put(c->ids, df_hash(draft->id.ptr, draft->id.len), &added);
    if (!added)
        mf_find(s, "duplicate-version", true, c->path, line, "give one of them another id",
                "%s:%d: there are two changesets %.*s", c->path, line, DF_FMT(draft->name));
    if (set->labelled)
        mf_find(s, "labels", false, c->path, line, NULL, "%s:%d: %.*s has labels; it runs whatever they are, as Liquibase does without a filter",
                c->path, line, DF_FMT(draft->name));
    bool ends = set->other && mf_same(df_str_from(set->other), "endDelimiter");
    if (set->other)
        mf_find(
            s, "unknown-attribute", true, c->path, line,
            ends ? "end the statements with ; and take it out: where bodies of routines end is known without "
                   "it"
                 : "take it out; what runs where is said by folders (common, dev, prod) and preconditions",
            "%s:%d: %.*s has \"%s\", by which Liquibase decides whether and how it runs; here nobody does",
            c->path, line, DF_FMT(draft->name), set->other);
}

static df_code read_changelog(mf_changelog *c, df_error *err)
{
    df_str rest = c->text, line;
    const char *from = NULL;
    mf_changeset now = {0};
    int32_t at = 0, begun = 0;
    while (mf_line(&rest, &line)) {
        df_str words = line;
        at++;
        if (!take_dashes(c->s->set.dialect, &words) || !take_keyword(&words, "changeset")) continue;
        if (from) mf_add_changeset(c, &now, (df_str){from, (size_t)(line.ptr - from)}, begun);
        if (!read_changeset(c->s, words, &now)) {
            mf_fail(err, DF_CORRUPT, mf_path(c->s, c->path), at, "the changeset has no author and id");
            df_error_hint(err, "write --changeset author:id");
            return DF_CORRUPT;
        }
        from = rest.len ? rest.ptr : line.ptr + line.len;
        begun = at;
    }
    const char *end = c->text.ptr + c->text.len;
    if (from) mf_add_changeset(c, &now, (df_str){from, (size_t)(end - from)}, begun);
    return DF_OK;
}

static bool begins_changelog(const mf_set *s, df_str text)
{
    df_str rest = text, line;
    while (mf_line(&rest, &line))
        if (mf_trim(line).len) return mf_is_changelog(s->set.dialect, line);
    return false;
}

df_code mf_take_changelog(mf_changelog *c, bool raw, df_error *err)
{
    static const mf_changeset whole = {.author = {"includeAll", 10}, .id = {"raw", 3}};
    mf_set *s = c->s;
    size_t first = s->n_drafts, passed_over = *c->others + *c->elsewhere;
    bool xml = mf_is_xml_changelog(s, df_str_from(c->path));
    DF_TRY(xml ? mf_take_xml_changelog(c, err) : mf_read_text(s, c->path, &c->text, err));
    if (!xml && !begins_changelog(s, c->text)) {
        if (raw)
            mf_add_changeset(c, &whole, c->text, 0);
        else
            mf_find(s, "ignored-file", false, c->path, 0, "begin it with: --liquibase formatted cypher",
                    "%s is no changelog; it does not run", c->path);
        return DF_OK;
    }
    if (!xml) DF_TRY(read_changelog(c, err));
    if (s->n_drafts == first && passed_over == *c->others + *c->elsewhere)
        mf_find(s, "ignored-file", false, c->path, 0, NULL, "%s is a changelog without a changeset", c->path);
    return DF_OK;
}

bool mf_is_other_changelog(mf_set *s, df_str name)
{
    static const char *const endings[] = {".xml", ".yaml", ".yml", ".json"};
    bool ends = false, is = false;
    df_buf head = {0};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) ends |= mf_ends(name, endings[i]);
    if (ends && mf_read_head(s, name.ptr, &head, NULL) == DF_OK)
        is = head.len && memmem(head.ptr, head.len, "databaseChangeLog", 17);
    df_buf_release(&head);
    return is;
}

bool mf_is_xml_changelog(mf_set *s, df_str name)
{
    return mf_ends(name, ".xml") && mf_is_other_changelog(s, name);
}

/* *xml counts those that no other one includes. */
static df_code take_entry(mf_changelog *c, const mf_entry *entry, size_t *xml, df_error *err)
{
    mf_set *s = c->s;
    bool included = df_keymap_get(c->included, df_hash(entry->name.ptr, entry->name.len)) != NULL;
    if (entry->folder || entry->strange || !df_str_is_utf8(entry->name) || included) return DF_OK;
    c->path = c->given = entry->name.ptr;
    bool is_xml = mf_is_xml_changelog(s, entry->name);
    *xml += is_xml;
    if (mf_ends_own(entry->name, s->set.dialect) || is_xml) return mf_take_changelog(c, false, err);
    if (mf_is_other_changelog(s, entry->name))
        mf_find(s, "foreign-code", true, c->path, 0,
                "write it as a formatted changelog (--liquibase formatted cypher), or run it with Liquibase",
                "%s is a changelog of Liquibase that is not written as statements; it is not read", c->path);
    return DF_OK;
}

df_code mf_collect_liquibase(mf_set *s, const mf_listing *listing, df_error *err)
{
    df_keymap ids = {0}, included = {0};
    size_t others = 0, elsewhere = 0, noted = 0, xml = 0;
    mf_changelog c = {.s = s, .ids = &ids, .included = &included, .others = &others, .elsewhere = &elsewhere};
    df_code code = DF_OK;
    for (size_t i = 0; i < listing->count && code == DF_OK; i++) {
        if (listing->items[i].folder || !mf_is_xml_changelog(s, listing->items[i].name)) continue;
        c.path = c.given = listing->items[i].name.ptr;
        noted++;
        code = mf_note_included(&c, err);
    }
    for (size_t i = 0; i < listing->count && code == DF_OK; i++)
        code = take_entry(&c, &listing->items[i], &xml, err);
    if (code == DF_OK && noted && !xml)
        code = mf_fail(err, DF_CORRUPT, mf_path(s, c.path), 0,
                       "changelogs include each other, and none is the first");
    if (others && code == DF_OK)
        mf_find(s, "other-dialect", false, NULL, 0, NULL,
                "%zu changesets are for other databases, or ignored", others);
    df_keymap_release(&ids);
    df_keymap_release(&included);
    return code;
}

/* ---- one changeset ---- */

/* Two texts of as many lines as the changeset has: what belongs to the other is a blank line. */
typedef struct halves {
    df_buf up, down;
    bool has_down;
    bool in_block; /* inside of the comment that "liquibase rollback" begins */
    bool open;     /* a statement has begun, and did not end with its line */
    df_str comment;
} halves;

static bool begins_block(df_str line)
{
    df_str text = mf_trim(line);
    if (!df_str_starts(text, DF_STR("/*"))) return false;
    text = mf_trim(df_str_skip(text, 2));
    return take_keyword(&text, "liquibase") && mf_same(text, "rollback");
}

static df_code take_rollback(halves *h, df_str words, const char *path, int64_t line, df_error *err)
{
    df_str first = words;
    h->has_down = true;
    if (mf_same(words, "empty") || mf_same(words, "not required")) return DF_OK;
    if (take_keyword(&first, "changesetId") || take_keyword(&first, "changesetAuthor"))
        return mf_fail(err, DF_UNSUPPORTED, path, line, "a rollback by another changeset is not read");
    df_buf_str_add(&h->down, words);
    return DF_OK;
}

/*
 * Lines of dashes are comments for Liquibase. In Cypher dashes are a relationship, which a line may go on
 * with: then
 * ">", or a node, follows them.
 */
static bool is_remark(const halves *h, df_str line)
{
    df_str text = mf_trim(line);
    if (!df_str_starts(text, DF_STR("--"))) return false;
    text = mf_trim(df_str_skip(text, 2));
    return !h->open || !text.len || (text.ptr[0] != '(' && text.ptr[0] != '>');
}

static void put_line(halves *h, df_str line)
{
    df_str text = mf_trim(line);
    df_buf_str_add(&h->up, line);
    if (text.len && !df_str_starts(text, DF_STR("//"))) h->open = text.ptr[text.len - 1] != ';';
}

static df_code take_changeset_line(mf_set *s, halves *h, df_str line, const char *path, int64_t at,
                                   df_error *err)
{
    static const char *const refused[] = {"preconditions", "precondition-sql-check",
                                          "precondition-cypher-check", "property", "ignoreLines"};
    df_str words = line;
    if (h->in_block) {
        df_str text = mf_trim(line);
        h->in_block = !mf_ends(text, "*/");
        if (!h->in_block) text.len -= 2;
        df_buf_str_add(&h->down, text);
    } else if (begins_block(line)) {
        h->in_block = h->has_down = true;
    } else if (!take_dashes(s->set.dialect, &words)) {
        put_line(h, line);
    } else if (take_keyword(&words, "rollback")) {
        return take_rollback(h, words, path, at, err);
    } else if (take_keyword(&words, "comment")) {
        if (words.len && words.ptr[0] == ':') words = mf_trim(df_str_skip(words, 1));
        h->comment = words;
    } else {
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
            if (take_keyword(&words, refused[i]))
                return mf_fail(err, DF_UNSUPPORTED, path, at, "\"%s\" of Liquibase is not read", refused[i]);
        if (!take_keyword(&words, "validCheckSum") && !is_remark(h, line)) put_line(h, line);
    }
    return DF_OK;
}

static df_section half(mf_set *s, const mf_file *file, const df_buf *text)
{
    df_section section = mf_whole_section(s, file, df_arena_str(&s->set.arena, df_buf_str(text)));
    section.first_line = file->line + 1;
    return section;
}

df_code mf_cut_changeset(mf_set *s, const mf_file *file, df_str text, df_migration *m, df_error *err)
{
    halves h = {0};
    df_str rest = text, line;
    df_code code = DF_OK;
    for (int64_t at = file->line + 1; code == DF_OK && mf_line(&rest, &line); at++) {
        code = take_changeset_line(s, &h, line, mf_path(s, file->path), at, err);
        df_buf_char(&h.up, '\n');
        df_buf_char(&h.down, '\n');
    }
    if (code == DF_OK) {
        m->up = half(s, file, &h.up);
        if (h.has_down) m->down = half(s, file, &h.down);
        if (h.comment.ptr && !m->meta.description.ptr) m->meta.description = h.comment;
        code = mf_directives(s, s->set.dialect, &m->up, DF_STR_NONE, file->path, err);
    }
    df_buf_release(&h.up);
    df_buf_release(&h.down);
    return code;
}
