/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Liquibase's changelogs in XML, as far as their changes are statements: <neo4j:cypher>, <cypher> and <sql> with
 * <rollback>, and <include> and <includeAll>. A changeset becomes the text that it would be in a formatted
 * changelog, line by line. What else it asks for is a finding that blocks: nothing of a changelog is passed
 * over.
 */
#include "migration/files/files_int.h"

#include <string.h>

enum { DEEPEST = 20 };

static void find_unread(const mf_changelog *c, const mf_xml *node, const char *what)
{
    mf_find(c->s, "foreign-code", true, c->path, node->line,
            c->s->set.dialect->family == DF_SQL_CYPHER ? "write it as Cypher (<neo4j:cypher>, or a file of its own), or run it with Liquibase"
                                                       : "write it as SQL (<sql>, or a file of its own), or run it with Liquibase",
            "%s:%d: %s<%.*s> is not read", c->path, node->line, what, DF_FMT(node->name));
}

/* ---- the text of a changeset ---- */

typedef struct writer {
    df_buf out;
    int32_t line;        /* of the file, that comes next */
    const char *comment; /* what begins one in the dialect */
} writer;

/* In the line of the file in which it stands, if that was not passed already. */
static void go_to(writer *w, int32_t line)
{
    for (; w->line < line; w->line++) df_buf_char(&w->out, '\n');
}

/* A text of one or more statements; each line behind `mark`. */
static void put_statements(writer *w, const mf_xml *node, const char *mark)
{
    df_str rest = node->text, line, last = DF_STR_NONE;
    if (!rest.len) return;
    go_to(w, node->text_line);
    while (mf_line(&rest, &line)) {
        if (mf_trim(line).len) last = mf_trim(line);
        df_buf_printf(&w->out, "%s%.*s", mark, DF_FMT(line));
        if (rest.len) {
            df_buf_char(&w->out, '\n');
            w->line++;
        }
    }
    /* A comment at the end would swallow the semicolon. */
    bool remark = memmem(last.ptr, last.len, w->comment, strlen(w->comment)) || (w->comment[0] == '-' && memchr(last.ptr, '#', last.len));
    if (remark) {
        df_buf_printf(&w->out, "\n%s", mark);
        w->line++;
    }
    df_buf_text(&w->out, !remark && last.ptr[last.len - 1] == ';' ? "\n" : ";\n");
    w->line++;
}

static bool is_statement(const mf_xml *node)
{
    return df_str_is(node->name, "cypher") || df_str_is(node->name, "sql");
}

/* Whether all that its attributes say is how Liquibase splits it, or for which databases it is. */
static bool is_plain(const mf_xml *node)
{
    static const char *const harmless[] = {"splitStatements", "stripComments", "dbms"};
    for (const mf_xml_attribute *a = node->attributes; a; a = a->next) {
        size_t i = 0;
        while (i < 3 && !mf_same(a->name, harmless[i])) i++;
        if (i == 3 && !(mf_same(a->name, "endDelimiter") && df_str_is(a->value, ";"))) return false;
    }
    return true;
}

static void put_rollback(const mf_changelog *c, writer *w, const mf_xml *node)
{
    bool any = false;
    if (node->attributes) find_unread(c, node, "by another changeset, ");
    for (const mf_xml *child = node->first; child; child = child->next) {
        if (child->instruction) continue;
        any = true;
        if (is_statement(child) && is_plain(child) && !child->first)
            put_statements(w, child, "--rollback ");
        else
            find_unread(c, child, "in <rollback>, ");
    }
    if (node->text.len)
        put_statements(w, node, "--rollback ");
    else if (!any)
        df_buf_text(&w->out, "--rollback empty\n"), w->line++;
}

static void put_comment(writer *w, const mf_xml *node)
{
    df_buf_text(&w->out, "--comment ");
    for (size_t i = 0; i < node->text.len; i++)
        df_buf_char(&w->out, mf_is_blank(node->text.ptr[i]) ? ' ' : node->text.ptr[i]);
    df_buf_char(&w->out, '\n');
    w->line++;
}

static void put_change(const mf_changelog *c, writer *w, const mf_xml *node)
{
    if (is_statement(node) && is_plain(node) && !node->first) {
        if (mf_is_dbms(c->s, mf_xml_get(node, "dbms"))) put_statements(w, node, "");
    } else if (df_str_is(node->name, "rollback")) {
        put_rollback(c, w, node);
    } else if (df_str_is(node->name, "comment")) {
        put_comment(w, node);
    } else if (!df_str_is(node->name, "validCheckSum") && !df_str_is(node->name, "tagDatabase")) {
        find_unread(c, node, "in a changeset, ");
    }
}

static df_code take_changeset(mf_changelog *c, const mf_xml *node, df_error *err)
{
    mf_changeset set = {.author = mf_xml_get(node, "author"), .id = mf_xml_get(node, "id")};
    writer w = {.line = node->line + 1, .comment = c->s->set.dialect->comment};
    for (const mf_xml_attribute *a = node->attributes; a; a = a->next)
        if (!df_str_is(a->name, "author") && !df_str_is(a->name, "id"))
            mf_changeset_attribute(c->s, a->name, a->value, &set);
    if (!set.author.len || !set.id.len)
        return mf_fail(err, DF_CORRUPT, mf_path(c->s, c->path), node->line,
                       "the changeset has no author and id");
    for (const mf_xml *child = node->first; child; child = child->next)
        if (!child->instruction) put_change(c, &w, child);
    df_str text = df_arena_str(&c->s->set.arena, df_buf_str(&w.out));
    df_buf_release(&w.out);
    mf_add_changeset(c, &set, text.ptr ? text : DF_STR(""), node->line);
    return DF_OK;
}

/* ---- what is included ---- */

static bool is_inside(df_str path)
{
    return path.len && path.ptr[0] != '/' && !memmem(path.ptr, path.len, "..", 2) &&
           !memchr(path.ptr, '\0', path.len);
}

/*
 * Where an included path is in the folder; NULL when it is nowhere. Liquibase looks from its search path,
 * which may begin above the folder: leading folders are left out one by one.
 */
static const char *resolve(const mf_changelog *c, const mf_xml *node, df_str path)
{
    df_arena *arena = &c->s->set.arena;
    if (df_str_starts(path, DF_STR("classpath:"))) path = df_str_skip(path, 10);
    while (df_str_starts(path, DF_STR("./"))) path = df_str_skip(path, 2);
    while (path.len && path.ptr[path.len - 1] == '/') path.len--;
    if (!is_inside(path)) return NULL;
    df_str own = df_str_from(c->path), base = mf_base(own);
    own.len = (size_t)(base.ptr - own.ptr);
    const char *beside = mf_join(arena, df_arena_cstr(arena, own), df_arena_cstr(arena, path));
    if (mf_xml_true(node, "relativeToChangelogFile", false))
        return mf_exists(c->s->fd, beside) ? beside : NULL;
    for (;;) {
        const char *from = df_arena_cstr(arena, path), *slash = strchr(from, '/');
        if (mf_exists(c->s->fd, from)) return from;
        if (!slash) break;
        path = df_str_skip(path, (size_t)(slash + 1 - from));
    }
    return mf_exists(c->s->fd, beside) ? beside : NULL;
}

static df_str target_of(const mf_xml *node)
{
    if (node->instruction) return DF_STR_NONE;
    return df_str_is(node->name, "include")      ? mf_xml_get(node, "file")
           : df_str_is(node->name, "includeAll") ? mf_xml_get(node, "path")
                                                 : DF_STR_NONE;
}

static df_code take_included(mf_changelog *c, const char *path, const char *given, bool raw, df_error *err)
{
    mf_changelog inner = *c;
    inner.path = path;
    inner.given = given;
    inner.depth++;
    if (inner.depth > DEEPEST)
        return mf_fail(err, DF_CORRUPT, mf_path(c->s, path), 0, "changelogs include each other too deep");
    return mf_take_changelog(&inner, raw, err);
}

/* Of a folder and of the folders in it, by name; `note`: only says which they are. */
static df_code include_all(mf_changelog *c, const char *folder, const char *given, bool note, int depth,
                           df_error *err)
{
    mf_set *s = c->s;
    mf_listing listing;
    if (depth > DEEPEST)
        return mf_fail(err, DF_CORRUPT, mf_path(s, folder), 0, "folders lie too deep in each other");
    DF_TRY(mf_list(s->fd, folder, mf_path(s, folder), &s->set.arena, &listing, err));
    for (size_t i = 0; i < listing.count; i++) {
        const mf_entry *entry = &listing.items[i];
        const char *path = mf_join(&s->set.arena, folder, entry->name.ptr);
        const char *name = mf_join(&s->set.arena, given, entry->name.ptr);
        bool ours = mf_ends_own(entry->name, s->set.dialect), added;
        if (strcmp(path, c->path) == 0 || entry->strange) continue;
        if (entry->folder)
            DF_TRY(include_all(c, path, name, note, depth + 1, err));
        else if (note)
            df_keymap_put(c->included, df_hash(path, strlen(path)), &added);
        else if (ours || mf_is_xml_changelog(s, df_str_from(path)))
            DF_TRY(take_included(c, path, name, true, err));
        else if (mf_is_other_changelog(s, df_str_from(path)))
            mf_find(s, "foreign-code", true, path, 0, "write it in XML or as a formatted changelog",
                    "%s is a changelog in a form that is not read", path);
    }
    return DF_OK;
}

/* Attributes that neither say where it is nor that a missing one is an error, which it is here. */
static bool is_plain_include(const mf_xml *node)
{
    static const char *const known[] = {"file", "path", "relativeToChangelogFile", "errorIfMissing",
                                        "errorIfMissingOrEmpty"};
    for (const mf_xml_attribute *a = node->attributes; a; a = a->next) {
        size_t i = 0;
        while (i < 5 && !mf_same(a->name, known[i])) i++;
        if (i == 5) return false;
    }
    return true;
}

static df_code include(mf_changelog *c, const mf_xml *node, bool note, df_error *err)
{
    df_arena *arena = &c->s->set.arena;
    df_str target = target_of(node);
    const char *path = resolve(c, node, target);
    if (!path && note) return DF_OK;
    if (!path) {
        mf_find(c->s, "missing-file", true, c->path, node->line,
                "name it as it is seen from the folder or from the changelog",
                "%s:%d: what is included is not in this folder: %.*s", c->path, node->line, DF_FMT(target));
        return DF_OK;
    }
    if (!note && !is_plain_include(node)) find_unread(c, node, "with such attributes, ");
    if (df_str_is(node->name, "includeAll"))
        return include_all(c, path, df_arena_cstr(arena, target), note, 0, err);
    bool added;
    if (note) df_keymap_put(c->included, df_hash(path, strlen(path)), &added);
    return note ? DF_OK : take_included(c, path, df_arena_cstr(arena, target), false, err);
}

/* ---- all ---- */

static df_code parse(mf_changelog *c, const mf_xml **root, df_error *err)
{
    mf_xml *first;
    DF_TRY(mf_xml_parse(c->text, mf_path(c->s, c->path), &c->s->set.arena, &first, err));
    *root = mf_xml_root(first);
    return DF_OK;
}

df_code mf_note_included(mf_changelog *c, df_error *err)
{
    const mf_xml *root;
    DF_TRY(mf_read_text(c->s, c->path, &c->text, err));
    DF_TRY(parse(c, &root, err));
    for (const mf_xml *node = root->first; node; node = node->next)
        if (target_of(node).len) DF_TRY(include(c, node, true, err));
    return DF_OK;
}

df_code mf_take_xml_changelog(mf_changelog *c, df_error *err)
{
    DF_TRY(mf_read_text(c->s, c->path, &c->text, err));
    return mf_xml_changelog(c, err);
}

df_code mf_xml_changelog(mf_changelog *c, df_error *err)
{
    const mf_xml *root;
    DF_TRY(parse(c, &root, err));
    if (!df_str_is(root->name, "databaseChangeLog"))
        return mf_fail(err, DF_CORRUPT, mf_path(c->s, c->path), root->line,
                       "<databaseChangeLog> is expected");
    for (const mf_xml_attribute *a = root->attributes; a; a = a->next)
        if (mf_same(a->name, "context") || mf_same(a->name, "contextFilter"))
            find_unread(c, root, "with a context, ");
    for (const mf_xml *node = root->first; node; node = node->next) {
        if (node->instruction) continue;
        if (df_str_is(node->name, "changeSet"))
            DF_TRY(take_changeset(c, node, err));
        else if (target_of(node).len)
            DF_TRY(include(c, node, false, err));
        else
            find_unread(c, node, "");
    }
    return DF_OK;
}
