/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Catalogs of neo4j-migrations: XML that names constraints and indexes, and what is to be created, dropped,
 * renamed, verified and applied. Read as the Cypher that does the same. What depends on the state of the
 * database is a precondition (verify), or what queries make of it at the time (apply; catalog_schema.c).
 */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

/* In the line of the node, if that was not passed already. */
static void begin(mf_catalog *c, const mf_xml *node)
{
    for (; c->line < node->line; c->line++) df_buf_char(&c->out, '\n');
}

static void end(mf_catalog *c, size_t from)
{
    df_str written = df_str_skip(df_buf_str(&c->out), from);
    c->line += mf_lines_before(written, written.ptr + written.len);
    df_buf_text(&c->out, "; ");
}

/* ---- operations ---- */

static df_code put_operation(mf_catalog *c, const mf_xml *node)
{
    bool create = df_str_is(node->name, "create");
    df_str ref = mf_xml_get(node, "ref"), name = ref.ptr ? ref : mf_xml_get(node, "item");
    const mf_xml *item = mf_xml_child(node, "constraint");
    if (!item) item = mf_xml_child(node, "index");
    if ((item && name.ptr) || (!item && !name.len))
        return mf_catalog_refuse(c, node, DF_CORRUPT, "it must either name an item or hold one", node->name);
    if (!item) DF_TRY(mf_catalog_find(c, node, name, &item));
    size_t from = c->out.len;
    DF_TRY(
        mf_catalog_put_item(c, item, create, mf_xml_true(node, create ? "ifNotExists" : "ifExists", true)));
    if (create) mf_catalog_require_edition(c, node, item);
    end(c, from);
    return DF_OK;
}

/* ---- all ---- */

static bool is_operation(const mf_xml *node)
{
    return !node->instruction && !df_str_is(node->name, "catalog");
}

/* <verify> stands in front of all other operations, <apply> has only <verify> beside it. */
static df_code check_place(mf_catalog *c, const mf_xml *node)
{
    bool verify = df_str_is(node->name, "verify");
    for (const mf_xml *other = c->root->first; other; other = other->next) {
        if (other == node && verify) return DF_OK;
        if (other == node || !is_operation(other)) continue;
        if (verify)
            return mf_catalog_refuse(c, node, DF_CORRUPT, "<verify> must stand in front of", other->name);
        if (!df_str_is(other->name, "verify"))
            return mf_catalog_refuse(c, node, DF_CORRUPT, "<apply> must stand alone, and not beside",
                                     other->name);
    }
    return DF_OK;
}

static df_code put_refactoring(mf_catalog *c, const mf_xml *node)
{
    df_precondition needs = {0};
    size_t from = c->out.len;
    DF_TRY(mf_put_refactoring(node, c->path, &c->out, &needs, c->err));
    if (needs.said) mf_catalog_require(c, node, needs);
    if (c->out.len > from) end(c, from);
    return DF_OK;
}

static df_code put_apply(mf_catalog *c, const mf_xml *node)
{
    const mf_xml **items;
    size_t count, from = c->out.len;
    DF_TRY(check_place(c, node));
    DF_TRY(mf_catalog_items(c, true, &items, &count));
    df_buf_text(&c->out, MF_CLEARING);
    end(c, from);
    for (size_t i = 0; i < count; i++) {
        from = c->out.len;
        DF_TRY(mf_catalog_put_item(c, items[i], true, false));
        mf_catalog_require_edition(c, node, items[i]);
        end(c, from);
    }
    c->applies = true;
    return DF_OK;
}

static df_code put_node(mf_catalog *c, const mf_xml *node)
{
    if (!is_operation(node)) return DF_OK;
    begin(c, node);
    if (df_str_is(node->name, "create") || df_str_is(node->name, "drop")) return put_operation(c, node);
    if (df_str_is(node->name, "refactor")) return put_refactoring(c, node);
    if (df_str_is(node->name, "apply")) return put_apply(c, node);
    if (!df_str_is(node->name, "verify"))
        return mf_catalog_refuse(c, node, DF_UNSUPPORTED, "this operation is not known", node->name);
    DF_TRY(check_place(c, node));
    return mf_catalog_verify(c, node);
}

bool mf_is_catalog(const char *path)
{
    return mf_ends(df_str_from(path), ".xml");
}

static void add_preconditions(mf_catalog *c, df_migration *m)
{
    if (!c->n_needs) return;
    df_precondition *all = df_arena_alloc(&c->s->set.arena, (m->n_preconditions + c->n_needs) * sizeof *all);
    if (m->n_preconditions) memcpy(all, m->preconditions, m->n_preconditions * sizeof *all);
    memcpy(all + m->n_preconditions, c->needs, c->n_needs * sizeof *all);
    m->preconditions = all;
    m->n_preconditions += c->n_needs;
}

df_code mf_catalog_text(mf_set *s, const mf_file *file, df_str text, df_migration *m, df_str *out,
                        const char *const **clearing, df_error *err)
{
    mf_catalog c = {.s = s, .path = mf_path(s, file->path), .own = file->path, .line = 1, .err = err};
    mf_xml *first;
    DF_TRY(mf_xml_parse(text, c.path, &s->set.arena, &first, err));
    c.root = mf_xml_root(first);
    df_code code = DF_OK;
    if (!df_str_is(c.root->name, "migration"))
        code = mf_catalog_refuse(&c, c.root, DF_CORRUPT, "<migration> is expected", c.root->name);
    for (const mf_xml *node = c.root->first; node && code == DF_OK; node = node->next)
        code = put_node(&c, node);
    if (code == DF_OK) {
        *out = df_arena_str(&s->set.arena, df_buf_str(&c.out));
        *clearing = c.applies ? mf_catalog_clearing : NULL;
        add_preconditions(&c, m);
    }
    df_buf_release(&c.out);
    free(c.needs);
    return code;
}
