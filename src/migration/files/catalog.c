/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Catalogs of neo4j-migrations: XML that names constraints and indexes, and what is to be created, dropped
 * and renamed. Read as the Cypher that does the same. What depends on the state of the database (verify,
 * apply, merging nodes) cannot be written so, and is refused.
 */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

typedef struct catalog {
    mf_set *s;
    const char *path;   /* as it can be opened */
    const char *own;    /* relative to the folder */
    const mf_xml *root; /* <migration> */
    df_buf out;
    int32_t line; /* of `out` */
    df_error *err;
} catalog;

static df_code refuse(catalog *c, const mf_xml *node, df_code code, const char *what, df_str name)
{
    return mf_fail(c->err, code, c->path, node->line, "%s%s%.*s", what, name.len ? ": " : "", DF_FMT(name));
}

/* ---- writing ---- */

static const df_sql_dialect *const cypher = &df_sql_cypher;

static void put(catalog *c, const char *text)
{
    df_buf_text(&c->out, text);
}

static void put_name(catalog *c, df_str name)
{
    df_sql_put_name(cypher, &c->out, name);
}

/* In the line of the node, if that was not passed already. */
static void begin(catalog *c, const mf_xml *node)
{
    for (; c->line < node->line; c->line++) df_buf_char(&c->out, '\n');
}

static void end(catalog *c, size_t from)
{
    df_str written = df_str_skip(df_buf_str(&c->out), from);
    c->line += mf_lines_before(written, written.ptr + written.len);
    put(c, "; ");
}

static bool is_true(const mf_xml *node, const char *attribute, bool otherwise)
{
    df_str value = mf_xml_get(node, attribute);
    return value.ptr ? df_str_is(value, "true") || df_str_is(value, "1") : otherwise;
}

/* ---- constraints and indexes ---- */

static const struct {
    const char *type;
    const char *node, *relationship; /* what is required of the properties */
    bool several;
} constraints[] = {{"unique", "IS UNIQUE", "IS UNIQUE", true},
                   {"unique_relationship_property", NULL, "IS UNIQUE", true},
                   {"exists", "IS NOT NULL", "IS NOT NULL", false},
                   {"key", "IS NODE KEY", "IS RELATIONSHIP KEY", true},
                   {"property_type", "IS ::", "IS ::", false}};

static const struct {
    const char *type, *create;
} indexes[] = {
    {"property", "CREATE INDEX "}, {"fulltext", "CREATE FULLTEXT INDEX "}, {"text", "CREATE TEXT INDEX "}};

static size_t count_properties(const mf_xml *item)
{
    const mf_xml *list = mf_xml_child(item, "properties");
    size_t count = 0;
    for (const mf_xml *p = list ? list->first : NULL; p; p = p->next)
        count += !p->instruction && df_str_is(p->name, "property") && p->text.len;
    return count;
}

static void put_properties(catalog *c, const mf_xml *item, const char *variable)
{
    bool first = true;
    for (const mf_xml *p = mf_xml_child(item, "properties")->first; p; p = p->next) {
        if (p->instruction || !df_str_is(p->name, "property") || !p->text.len) continue;
        put(c, first ? "" : ", ");
        put(c, variable);
        put(c, ".");
        put_name(c, p->text);
        first = false;
    }
}

/* "A|B" of a full-text index are two; elsewhere it is one name. */
static void put_labels(catalog *c, df_str text, bool several)
{
    size_t from = 0;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && (text.ptr[i] != '|' || !several)) continue;
        put(c, from ? "|" : "");
        put_name(c, mf_trim(mf_cut(text, from, i)));
        from = i + 1;
    }
}

/* FOR (n:`Book`), FOR ()-[r:`READS`]-() */
static const char *put_pattern(catalog *c, const mf_xml *item, bool several)
{
    const mf_xml *label = mf_xml_child(item, "label"), *type = mf_xml_child(item, "type");
    put(c, label ? " FOR (n:" : " FOR ()-[r:");
    put_labels(c, label ? label->text : type->text, several);
    put(c, label ? ") " : "]-() ");
    return label ? "n" : "r";
}

/* With or without its braces. */
static void put_options(catalog *c, const mf_xml *item)
{
    const mf_xml *options = mf_xml_child(item, "options");
    if (!options || !options->text.len) return;
    bool braces = options->text.ptr[0] == '{';
    put(c, braces ? " OPTIONS " : " OPTIONS {");
    df_buf_str_add(&c->out, options->text);
    if (!braces) put(c, "}");
}

static df_code put_constraint(catalog *c, const mf_xml *item, bool careful)
{
    df_str type = mf_xml_get(item, "type");
    bool on_node = mf_xml_child(item, "label") != NULL;
    size_t i = 0, count = count_properties(item), n = sizeof constraints / sizeof *constraints;
    while (i < n && !df_str_is(type, constraints[i].type)) i++;
    const char *required = i == n ? NULL : on_node ? constraints[i].node : constraints[i].relationship;
    if (!required) return refuse(c, item, DF_UNSUPPORTED, "this type of constraint is not known", type);
    if (count > 1 && !constraints[i].several)
        return refuse(c, item, DF_CORRUPT, "such a constraint is about one property", type);
    put(c, "CREATE CONSTRAINT ");
    put_name(c, mf_xml_get(item, "name"));
    put(c, careful ? " IF NOT EXISTS" : "");
    const char *variable = put_pattern(c, item, false);
    put(c, count > 1 ? "REQUIRE (" : "REQUIRE ");
    put_properties(c, item, variable);
    put(c, count > 1 ? ") " : " ");
    put(c, required);
    if (df_str_is(type, "property_type")) {
        df_str property_type = mf_xml_get(mf_xml_child(mf_xml_child(item, "properties"), "property"), "type");
        if (!property_type.len) return refuse(c, item, DF_CORRUPT, "its property has no type", DF_STR_NONE);
        df_buf_printf(&c->out, " %.*s", DF_FMT(property_type));
    }
    put_options(c, item);
    return DF_OK;
}

static df_code put_index(catalog *c, const mf_xml *item, bool careful)
{
    df_str type = mf_xml_get(item, "type");
    size_t i = 0, n = sizeof indexes / sizeof *indexes;
    while (type.len && i < n && !mf_same(type, indexes[i].type)) i++;
    if (i == n) return refuse(c, item, DF_UNSUPPORTED, "this type of index is not known", type);
    bool fulltext = i == 1;
    put(c, indexes[i].create);
    put_name(c, mf_xml_get(item, "name"));
    put(c, careful ? " IF NOT EXISTS" : "");
    const char *variable = put_pattern(c, item, fulltext);
    put(c, fulltext ? "ON EACH [" : "ON (");
    put_properties(c, item, variable);
    put(c, fulltext ? "]" : ")");
    put_options(c, item);
    return DF_OK;
}

static df_code put_item(catalog *c, const mf_xml *item, bool create, bool careful)
{
    bool constraint = df_str_is(item->name, "constraint");
    if (!mf_xml_get(item, "name").len) return refuse(c, item, DF_CORRUPT, "it has no name", item->name);
    if (!create) {
        put(c, constraint ? "DROP CONSTRAINT " : "DROP INDEX ");
        put_name(c, mf_xml_get(item, "name"));
        put(c, careful ? " IF EXISTS" : "");
        return DF_OK;
    }
    if (!mf_xml_child(item, "label") == !mf_xml_child(item, "type"))
        return refuse(c, item, DF_CORRUPT, "it must have either a label or a type", item->name);
    if (!count_properties(item)) return refuse(c, item, DF_CORRUPT, "it has no property", item->name);
    return constraint ? put_constraint(c, item, careful) : put_index(c, item, careful);
}

/* ---- finding an item ---- */

static const mf_xml *root_of(const mf_xml *first)
{
    while (first && first->instruction) first = first->next;
    return first;
}

static const mf_xml *item_in(const mf_xml *root, df_str name)
{
    static const char *const lists[] = {"constraints", "indexes"};
    const mf_xml *all = mf_xml_child(root, "catalog");
    for (size_t i = 0; all && i < 2; i++) {
        const mf_xml *list = mf_xml_child(all, lists[i]);
        for (const mf_xml *item = list ? list->first : NULL; item; item = item->next)
            if (!item->instruction && df_str_eq(mf_xml_get(item, "name"), name)) return item;
    }
    return NULL;
}

static bool resets(const mf_xml *root)
{
    const mf_xml *all = mf_xml_child(root, "catalog");
    return all && is_true(all, "reset", false);
}

/* In its own catalog, else in the newest one before it that has the item. */
static df_code find_item(catalog *c, const mf_xml *node, df_str name, const mf_xml **out)
{
    mf_set *s = c->s;
    size_t i = 0;
    *out = item_in(c->root, name);
    while (i < s->n_drafts && strcmp(s->drafts[i].files[0].path, c->own) != 0) i++;
    bool over = *out || resets(c->root);
    while (!over && i-- > 0) {
        const char *path = s->drafts[i].files[0].path;
        mf_xml *first;
        df_str text;
        if (!mf_is_catalog(path)) continue;
        DF_TRY(mf_read_text(s, path, &text, c->err));
        DF_TRY(mf_xml_parse(text, mf_path(s, path), &s->set.arena, &first, c->err));
        *out = item_in(root_of(first), name);
        over = *out || resets(root_of(first));
    }
    return *out ? DF_OK : refuse(c, node, DF_CORRUPT, "no catalog has this item", name);
}

static df_code put_operation(catalog *c, const mf_xml *node)
{
    bool create = df_str_is(node->name, "create");
    df_str ref = mf_xml_get(node, "ref"), name = ref.ptr ? ref : mf_xml_get(node, "item");
    const mf_xml *item = mf_xml_child(node, "constraint");
    if (!item) item = mf_xml_child(node, "index");
    if ((item && name.ptr) || (!item && !name.len))
        return refuse(c, node, DF_CORRUPT, "it must either name an item or hold one", node->name);
    if (!item) DF_TRY(find_item(c, node, name, &item));
    size_t from = c->out.len;
    DF_TRY(put_item(c, item, create, is_true(node, create ? "ifNotExists" : "ifExists", true)));
    end(c, from);
    return DF_OK;
}

/* ---- all ---- */

static df_code put_node(catalog *c, const mf_xml *node)
{
    if (node->instruction || df_str_is(node->name, "catalog")) return DF_OK;
    begin(c, node);
    if (df_str_is(node->name, "create") || df_str_is(node->name, "drop")) return put_operation(c, node);
    if (df_str_is(node->name, "refactor")) {
        size_t from = c->out.len;
        DF_TRY(mf_put_refactoring(node, c->path, &c->out, c->err));
        end(c, from);
        return DF_OK;
    }
    df_code code = refuse(c, node, DF_UNSUPPORTED, "what this does depends on the database, and is not read",
                          node->name);
    df_error_hint(c->err,
                  "write it as create and drop, or as Cypher in a file of its own; dataflow schema validate "
                  "compares a database with what was recorded");
    return code;
}

bool mf_is_catalog(const char *path)
{
    return mf_ends(df_str_from(path), ".xml");
}

df_code mf_catalog_text(mf_set *s, const mf_file *file, df_str text, df_str *out, df_error *err)
{
    catalog c = {.s = s, .path = mf_path(s, file->path), .own = file->path, .line = 1, .err = err};
    mf_xml *first;
    DF_TRY(mf_xml_parse(text, c.path, &s->set.arena, &first, err));
    c.root = root_of(first);
    df_code code = DF_OK;
    if (!df_str_is(c.root->name, "migration"))
        code = refuse(&c, c.root, DF_CORRUPT, "<migration> is expected", c.root->name);
    for (const mf_xml *node = c.root->first; node && code == DF_OK; node = node->next)
        code = put_node(&c, node);
    if (code == DF_OK) *out = df_arena_str(&s->set.arena, df_buf_str(&c.out));
    df_buf_release(&c.out);
    return code;
}
