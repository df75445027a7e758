/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a catalog says of the whole schema: which items there are as of a version, whether the database has
 * exactly those (verify), and how it gets them (apply). The database answers both: a query tells what
 * differs, and two queries make the statements that drop what is there.
 */
#include "migration/files/files_int.h"

#include <stdlib.h>
#include <string.h>

/* What the schema of others does not see: what keeps the histories of this tool and of neo4j-migrations. */
#define NOT_OURS                                                                                             \
    "none(l IN coalesce(labelsOrTypes, []) WHERE l STARTS WITH '_Migration' OR l STARTS WITH '__Dataflow' "  \
    "OR l STARTS WITH '__Neo4jMigration') AND NOT name IN ['_migration_key', '_migration_sequence'] "
#define NO_INDEX_OF_OTHERS                                                                                   \
    "type <> 'LOOKUP' AND owningConstraint IS NULL AND NOT coalesce(labelsOrTypes = ['REPEATED'] AND "       \
    "properties = ['at'], false) AND " NOT_OURS

const char *const mf_catalog_clearing[] = {
    "SHOW CONSTRAINTS YIELD name, labelsOrTypes WHERE " NOT_OURS
    "RETURN 'DROP CONSTRAINT `' + replace(name, '`', '``') + '` IF EXISTS' AS statement ORDER BY statement",
    "SHOW INDEXES YIELD name, type, labelsOrTypes, properties, owningConstraint WHERE " NO_INDEX_OF_OTHERS
    "RETURN 'DROP INDEX `' + replace(name, '`', '``') + '` IF EXISTS' AS statement ORDER BY statement",
    NULL};

/* ---- items ---- */

static const char *const lists[] = {"constraints", "indexes"};

static const mf_xml *first_item(const mf_xml *root, size_t list)
{
    const mf_xml *all = mf_xml_child(root, "catalog"), *of = all ? mf_xml_child(all, lists[list]) : NULL;
    return of ? of->first : NULL;
}

static const mf_xml *item_in(const mf_xml *root, df_str name)
{
    for (size_t i = 0; i < 2; i++)
        for (const mf_xml *item = first_item(root, i); item; item = item->next)
            if (!item->instruction && df_str_eq(mf_xml_get(item, "name"), name)) return item;
    return NULL;
}

static bool resets(const mf_xml *root)
{
    const mf_xml *all = mf_xml_child(root, "catalog");
    return all && mf_xml_true(all, "reset", false);
}

/* Catalogs from the newest to the oldest, up to the one that begins anew. */
typedef struct walk {
    mf_catalog *c;
    size_t next; /* 1 + the draft that is looked at next */
    bool over;
} walk;

static walk walk_before(mf_catalog *c)
{
    walk w = {.c = c};
    while (w.next < c->s->n_drafts && strcmp(c->s->drafts[w.next].files[0].path, c->own) != 0) w.next++;
    return w;
}

/* The root of a draft's catalog, read once. */
static df_code root_of(mf_catalog *c, mf_draft *draft, const mf_xml **out)
{
    const char *path = draft->files[0].path;
    if (draft->catalog_path != path) {
        mf_xml *first;
        df_str text;
        DF_TRY(mf_read_text(c->s, path, &text, c->err));
        DF_TRY(mf_xml_parse(text, mf_path(c->s, path), &c->s->set.arena, &first, c->err));
        draft->catalog = mf_xml_root(first);
        draft->catalog_path = path;
    }
    *out = draft->catalog;
    return DF_OK;
}

/* *out is NULL at the end. */
static df_code walk_on(walk *w, const mf_xml **out)
{
    *out = NULL;
    while (!w->over && w->next > 0 && !*out) {
        mf_draft *draft = &w->c->s->drafts[--w->next];
        if (mf_is_catalog(draft->files[0].path)) DF_TRY(root_of(w->c, draft, out));
    }
    if (*out) w->over = resets(*out);
    return DF_OK;
}

df_code mf_catalog_find(mf_catalog *c, const mf_xml *node, df_str name, const mf_xml **out)
{
    walk w = walk_before(c);
    const mf_xml *root = c->root;
    *out = item_in(root, name);
    w.over = resets(root);
    while (!*out) {
        DF_TRY(walk_on(&w, &root));
        if (!root) return mf_catalog_refuse(c, node, DF_CORRUPT, "no catalog has this item", name);
        *out = item_in(root, name);
    }
    return DF_OK;
}

typedef struct items {
    const mf_xml **list;
    size_t count, cap;
} items;

/* Those of one kind; a newer one of the same name stands for an older one. */
static void take_items(items *all, const mf_xml *root, size_t list)
{
    for (const mf_xml *item = first_item(root, list); item; item = item->next) {
        bool there = item->instruction;
        df_str name = mf_xml_get(item, "name");
        for (size_t i = 0; i < all->count && !there; i++)
            there = df_str_eq(mf_xml_get(all->list[i], "name"), name);
        if (!there) DF_PUSH(all->list, all->count, all->cap) = item;
    }
}

df_code mf_catalog_items(mf_catalog *c, bool own, const mf_xml ***out, size_t *count)
{
    items all[2] = {{0}, {0}};
    walk w = walk_before(c);
    const mf_xml *root = own ? c->root : NULL;
    df_code code = DF_OK;
    if (own) w.over = resets(root);
    if (!own) code = walk_on(&w, &root);
    while (code == DF_OK && root) {
        take_items(&all[0], root, 0);
        take_items(&all[1], root, 1);
        code = walk_on(&w, &root);
    }
    size_t n = all[0].count;
    *count = n + all[1].count;
    *out = df_arena_alloc(&c->s->set.arena, (*count + 1) * sizeof **out);
    if (n) memcpy(*out, all[0].list, n * sizeof **out);
    if (all[1].count) memcpy(*out + n, all[1].list, all[1].count * sizeof **out);
    free(all[0].list);
    free(all[1].list);
    return code;
}

/* ---- verify ---- */

void mf_catalog_require(mf_catalog *c, const mf_xml *node, df_precondition what)
{
    what.path = c->path;
    what.line = node->line;
    DF_PUSH(c->needs, c->n_needs, c->needs_cap) = what;
}

void mf_catalog_require_edition(mf_catalog *c, const mf_xml *node, const mf_xml *item)
{
    df_str type = mf_xml_get(item, "type");
    if (!df_str_is(item->name, "constraint") || df_str_starts(type, DF_STR("unique"))) return;
    df_str name = mf_xml_get(item, "name");
    mf_catalog_require(
        c, node,
        (df_precondition){.kind = DF_PRECONDITION_EDITION,
                          .value = DF_STR("enterprise"),
                          .said = df_arena_printf(&c->s->set.arena, "<%.*s> of the constraint %.*s (%.*s)",
                                                  DF_FMT(node->name), DF_FMT(name), DF_FMT(type)),
                          .hint =
                              "only the Enterprise Edition has such constraints; <?assume that edition is "
                              "enterprise?> in the catalog passes the migration over on others"});
}

static void put_literals(df_buf *out, const mf_xml *list, const char *name)
{
    bool first = true;
    df_buf_char(out, '[');
    for (const mf_xml *one = list ? list->first : NULL; one; one = one->next) {
        if (one->instruction || !df_str_is(one->name, name)) continue;
        df_buf_text(out, first ? "" : ", ");
        df_sql_put_literal(&df_sql_cypher, out, one->text);
        first = false;
    }
    df_buf_char(out, ']');
}

/* "A|B" of an index are two. */
static void put_labels(df_buf *out, df_str text, bool several)
{
    df_buf label = {0};
    bool first = true;
    df_buf_char(out, '[');
    if (!several) df_sql_put_literal(&df_sql_cypher, out, text);
    for (df_str rest = text; several && mf_next_label(&rest, &label); first = false) {
        df_buf_text(out, first ? "" : ", ");
        df_sql_put_literal(&df_sql_cypher, out, mf_trim(df_buf_str(&label)));
    }
    df_buf_char(out, ']');
    df_buf_release(&label);
}

/* [name, kind, NODE or RELATIONSHIP, labels or types, properties, type of the property] */
static void put_wanted(df_buf *out, const mf_xml *item)
{
    const mf_xml *label = mf_xml_child(item, "label"), *type = mf_xml_child(item, "type");
    const mf_xml *properties = mf_xml_child(item, "properties");
    const mf_xml *property = properties ? mf_xml_child(properties, "property") : NULL;
    df_str kind = mf_xml_get(item, "type"), of = label ? label->text : type ? type->text : DF_STR("");
    if (df_str_is(kind, "unique_relationship_property")) kind = DF_STR("unique");
    if (!kind.len) kind = DF_STR("property");
    df_buf_char(out, '[');
    df_sql_put_literal(&df_sql_cypher, out, mf_xml_get(item, "name"));
    df_buf_text(out, ", ");
    df_sql_put_literal(&df_sql_cypher, out, kind);
    df_buf_text(out, label ? ", 'NODE', " : ", 'RELATIONSHIP', ");
    put_labels(out, of, df_str_is(item->name, "index"));
    df_buf_text(out, ", ");
    put_literals(out, properties, "property");
    df_buf_text(out, ", ");
    df_str property_type = property ? mf_xml_get(property, "type") : DF_STR_NONE;
    if (property_type.len)
        df_sql_put_literal(&df_sql_cypher, out, property_type);
    else
        df_buf_text(out, "null");
    df_buf_char(out, ']');
}

static bool is_constraint(const mf_xml *item)
{
    return df_str_is(item->name, "constraint");
}

/* Everything but the names and the type of a property is the same; the order of properties is no matter. */
#define EQUIVALENT                                                                                           \
    "w[1] = h[1] AND w[2] = h[2] AND size(w[3]) = size(h[3]) AND all(x IN w[3] WHERE x IN h[3]) AND "        \
    "size(w[4]) = size(h[4]) AND all(x IN w[4] WHERE x IN h[4])"
#define IDENTICAL EQUIVALENT " AND w[0] = h[0] AND coalesce(w[5], '') = coalesce(h[5], '')"

/* A query of one text: what is missing, and what is there and is not wanted. */
static void put_query(df_buf *out, const mf_xml **all, size_t count, bool of_constraints, bool identical)
{
    const char *what = of_constraints ? "constraint" : "index", *same = identical ? IDENTICAL : EQUIVALENT;
    bool typed = false, first = true;
    for (size_t i = 0; i < count && of_constraints; i++)
        typed |= is_constraint(all[i]) && df_str_is(mf_xml_get(all[i], "type"), "property_type");
    df_buf_text(
        out, of_constraints
                 ? "SHOW CONSTRAINTS YIELD name, type, entityType, labelsOrTypes, properties"
                 : "SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties, owningConstraint");
    df_buf_text(out, typed ? ", propertyType WHERE " : " WHERE ");
    df_buf_text(out, of_constraints ? NOT_OURS : NO_INDEX_OF_OTHERS);
    /* An aggregate may stand in the list that the outermost reduce goes through, and nowhere deeper. */
    df_buf_text(out, "RETURN reduce(told = '', there IN [collect([name, ");
    df_buf_text(
        out,
        of_constraints
            ? "CASE WHEN type ENDS WITH 'UNIQUENESS' THEN 'unique' WHEN type ENDS WITH '_KEY' THEN 'key' "
              "WHEN type ENDS WITH '_EXISTENCE' THEN 'exists' WHEN type ENDS WITH '_PROPERTY_TYPE' "
              "THEN 'property_type' ELSE toLower(type) END"
            : "CASE WHEN type IN ['RANGE', 'BTREE'] THEN 'property' ELSE toLower(type) END");
    df_buf_text(out, ", entityType, coalesce(labelsOrTypes, []), coalesce(properties, []), ");
    df_buf_text(out, typed ? "propertyType" : "null");
    df_buf_text(out, "])] | reduce(so = told, wanted IN [[");
    for (size_t i = 0; i < count; i++) {
        if (is_constraint(all[i]) != of_constraints) continue;
        df_buf_text(out, first ? "" : ", ");
        put_wanted(out, all[i]);
        first = false;
    }
    df_buf_printf(out,
                  "]] | reduce(text = so, d IN [w IN wanted WHERE none(h IN there WHERE %s) | 'the %s ' + "
                  "w[0] + ' is missing'] "
                  "+ [h IN there WHERE none(w IN wanted WHERE %s) | 'the %s ' + h[0] + ' is in no catalog'] "
                  "| text + CASE text WHEN '' THEN '' ELSE '; ' END + d))) AS difference",
                  same, what, same, what);
}

static df_code check_attributes(mf_catalog *c, const mf_xml *node)
{
    static const char *const known[] = {"useCurrent", "allowEquivalent", "includeOptions"};
    for (const mf_xml_attribute *a = node->attributes; a; a = a->next) {
        size_t i = 0;
        while (i < 3 && !df_str_is(a->name, known[i])) i++;
        if (i == 3) return mf_catalog_refuse(c, node, DF_CORRUPT, "<verify> has no such attribute", a->name);
    }
    if (mf_xml_true(node, "allowEquivalent", true) || !mf_xml_true(node, "includeOptions", false))
        return DF_OK;
    mf_catalog_refuse(c, node, DF_UNSUPPORTED, "<verify> that compares options as text is not read",
                      DF_STR_NONE);
    df_error_hint(c->err, "leave out includeOptions, or allowEquivalent=\"false\"");
    return DF_UNSUPPORTED;
}

df_code mf_catalog_verify(mf_catalog *c, const mf_xml *node)
{
    bool own = mf_xml_true(node, "useCurrent", false),
         identical = !mf_xml_true(node, "allowEquivalent", true);
    const mf_xml **all;
    size_t count;
    DF_TRY(check_attributes(c, node));
    DF_TRY(mf_catalog_items(c, own, &all, &count));
    for (int constraints = 1; constraints >= 0; constraints--) {
        df_buf query = {0};
        put_query(&query, all, count, constraints, identical);
        mf_catalog_require(
            c, node,
            (df_precondition){
                .kind = DF_PRECONDITION_DIFFERENCE,
                .value = df_arena_str(&c->s->set.arena, df_buf_str(&query)),
                .said = own ? "<verify useCurrent=\"true\">" : "<verify>",
                .hint = own ? "make the schema what the catalogs up to this one say, or change the catalog"
                            : "make the schema what the catalogs before this one say; useCurrent=\"true\" "
                              "would ask for this one's"});
        df_buf_release(&query);
    }
    return DF_OK;
}
