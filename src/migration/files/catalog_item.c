/* SPDX-License-Identifier: Apache-2.0 */
/* Constraints and indexes of a catalog as Cypher: what creates and what drops one. */
#include "migration/files/files_int.h"

#include <string.h>

df_code mf_catalog_refuse(mf_catalog *c, const mf_xml *node, df_code code, const char *what, df_str name)
{
    return mf_fail(c->err, code, c->path, node->line, "%s%s%.*s", what, name.len ? ": " : "", DF_FMT(name));
}

/* ---- writing ---- */

static const df_sql_dialect *const cypher = &df_sql_cypher;

static void put(mf_catalog *c, const char *text)
{
    df_buf_text(&c->out, text);
}

static void put_name(mf_catalog *c, df_str name)
{
    df_sql_put_name(cypher, &c->out, name);
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

static void put_properties(mf_catalog *c, const mf_xml *item, const char *variable)
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

bool mf_next_label(df_str *rest, df_buf *label)
{
    if (!rest->ptr) return false;
    size_t i = 0;
    df_buf_clear(label);
    for (; i < rest->len && rest->ptr[i] != '|'; i++) {
        if (rest->ptr[i] == '\\' && i + 1 < rest->len && rest->ptr[i + 1] == '|') i++;
        df_buf_char(label, rest->ptr[i]);
    }
    *rest = i < rest->len ? df_str_skip(*rest, i + 1) : DF_STR_NONE;
    return true;
}

/* "A|B" of an index are two; of a constraint it is one name. */
static void put_labels(mf_catalog *c, df_str text, bool several)
{
    df_buf label = {0};
    bool first = true;
    if (!several) put_name(c, text);
    for (df_str rest = text; several && mf_next_label(&rest, &label); first = false) {
        put(c, first ? "" : "|");
        put_name(c, mf_trim(df_buf_str(&label)));
    }
    df_buf_release(&label);
}

static bool has_several_labels(const mf_xml *item)
{
    const mf_xml *label = mf_xml_child(item, "label"), *type = mf_xml_child(item, "type");
    df_str rest = label ? label->text : type->text;
    df_buf ignored = {0};
    bool several = mf_next_label(&rest, &ignored) && rest.ptr;
    df_buf_release(&ignored);
    return several;
}

/* FOR (n:`Book`), FOR ()-[r:`READS`]-() */
static const char *put_pattern(mf_catalog *c, const mf_xml *item, bool several)
{
    const mf_xml *label = mf_xml_child(item, "label"), *type = mf_xml_child(item, "type");
    put(c, label ? " FOR (n:" : " FOR ()-[r:");
    put_labels(c, label ? label->text : type->text, several);
    put(c, label ? ") " : "]-() ");
    return label ? "n" : "r";
}

/* With or without its braces. */
static void put_options(mf_catalog *c, const mf_xml *item)
{
    const mf_xml *options = mf_xml_child(item, "options");
    if (!options || !options->text.len) return;
    bool braces = options->text.ptr[0] == '{';
    put(c, braces ? " OPTIONS " : " OPTIONS {");
    df_buf_str_add(&c->out, options->text);
    if (!braces) put(c, "}");
}

static df_code put_constraint(mf_catalog *c, const mf_xml *item, bool careful)
{
    df_str type = mf_xml_get(item, "type");
    bool on_node = mf_xml_child(item, "label") != NULL;
    size_t i = 0, count = count_properties(item), n = sizeof constraints / sizeof *constraints;
    while (i < n && !df_str_is(type, constraints[i].type)) i++;
    const char *required = i == n ? NULL : on_node ? constraints[i].node : constraints[i].relationship;
    if (!required)
        return mf_catalog_refuse(c, item, DF_UNSUPPORTED, "this type of constraint is not known", type);
    if (count > 1 && !constraints[i].several)
        return mf_catalog_refuse(c, item, DF_CORRUPT, "such a constraint is about one property", type);
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
        if (!property_type.len)
            return mf_catalog_refuse(c, item, DF_CORRUPT, "its property has no type", DF_STR_NONE);
        df_buf_printf(&c->out, " %.*s", DF_FMT(property_type));
    }
    put_options(c, item);
    return DF_OK;
}

static df_code put_index(mf_catalog *c, const mf_xml *item, bool careful)
{
    df_str type = mf_xml_get(item, "type");
    size_t i = 0, n = sizeof indexes / sizeof *indexes;
    while (type.len && i < n && !mf_same(type, indexes[i].type)) i++;
    if (i == n) return mf_catalog_refuse(c, item, DF_UNSUPPORTED, "this type of index is not known", type);
    bool fulltext = i == 1;
    if (!fulltext && has_several_labels(item))
        return mf_catalog_refuse(c, item, DF_CORRUPT, "only a full-text index is for several labels or types",
                                 mf_xml_get(item, "name"));
    put(c, indexes[i].create);
    put_name(c, mf_xml_get(item, "name"));
    put(c, careful ? " IF NOT EXISTS" : "");
    const char *variable = put_pattern(c, item, true);
    put(c, fulltext ? "ON EACH [" : "ON (");
    put_properties(c, item, variable);
    put(c, fulltext ? "]" : ")");
    put_options(c, item);
    return DF_OK;
}

df_code mf_catalog_put_item(mf_catalog *c, const mf_xml *item, bool create, bool careful)
{
    bool constraint = df_str_is(item->name, "constraint");
    if (!mf_xml_get(item, "name").len)
        return mf_catalog_refuse(c, item, DF_CORRUPT, "it has no name", item->name);
    if (!create) {
        put(c, constraint ? "DROP CONSTRAINT " : "DROP INDEX ");
        put_name(c, mf_xml_get(item, "name"));
        put(c, careful ? " IF EXISTS" : "");
        return DF_OK;
    }
    if (!mf_xml_child(item, "label") == !mf_xml_child(item, "type"))
        return mf_catalog_refuse(c, item, DF_CORRUPT, "it must have either a label or a type", item->name);
    if (!count_properties(item))
        return mf_catalog_refuse(c, item, DF_CORRUPT, "it has no property", item->name);
    return constraint ? put_constraint(c, item, careful) : put_index(c, item, careful);
}
