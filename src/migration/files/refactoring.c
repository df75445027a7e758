/* SPDX-License-Identifier: Apache-2.0 */
/* Refactorings of neo4j-migrations' catalogs as Cypher: renaming, surrogate keys, properties as booleans. */
#include "migration/files/files_int.h"

#include <string.h>

typedef struct refactoring {
    const mf_xml *node;
    const char *path;
    df_buf *out;
    df_precondition *needs;
    df_error *err;
    df_str type;
    df_str query;  /* customQuery: selects the nodes or relationships */
    df_str column; /* what that query returns */
    int64_t rows;  /* batchSize; 0: all in one transaction */
} refactoring;

static df_code refuse(const refactoring *r, df_code code, const char *what)
{
    return mf_fail(r->err, code, r->path, r->node->line, "<refactor type=\"%.*s\">: %s", DF_FMT(r->type),
                   what);
}

/* ---- parameters ---- */

const mf_xml *mf_parameter(const mf_xml *of, const char *name)
{
    const mf_xml *list = mf_xml_child(of, "parameters");
    for (const mf_xml *p = list ? list->first : NULL; p; p = p->next)
        if (!p->instruction && df_str_is(p->name, "parameter") && df_str_is(mf_xml_get(p, "name"), name))
            return p;
    return NULL;
}

/* Its text, or that of its first <value>. */
static df_str text_of(const refactoring *r, const char *name)
{
    const mf_xml *p = mf_parameter(r->node, name), *value = p ? mf_xml_child(p, "value") : NULL;
    return !p ? DF_STR_NONE : !p->text.len && value ? value->text : p->text;
}

/* What stands behind its last RETURN, or behind the AS there. */
df_str mf_column_of(df_str query)
{
    df_sql_lexer lexer = {.dialect = &df_sql_cypher, .text = query};
    df_sql_token token, last = {0};
    bool returns = false;
    size_t words = 0;
    while ((token = df_sql_next_word(&lexer)).kind != DF_SQL_END) {
        if (df_sql_is(token, "RETURN")) {
            returns = true;
            words = 0;
        } else if (returns &&
                   (df_sql_is(token, "ORDER") || df_sql_is(token, "SKIP") || df_sql_is(token, "LIMIT"))) {
            break;
        } else if (returns && df_sql_is(token, "AS")) {
            words = 0;
        } else if (returns && !(words == 0 && df_sql_is(token, "DISTINCT"))) {
            last = token;
            words++;
        }
    }
    bool one = words == 1 && (last.kind == DF_SQL_WORD || last.kind == DF_SQL_NAME);
    return one ? last.text : DF_STR_NONE;
}

static df_code read_parameters(refactoring *r)
{
    df_str rows = text_of(r, "batchSize");
    r->query = text_of(r, "customQuery");
    if (rows.len && (!df_str_int64(rows, &r->rows) || r->rows < 1))
        return refuse(r, DF_CORRUPT, "batchSize is no number of rows");
    if (!r->query.len) return DF_OK;
    r->column = mf_column_of(r->query);
    return r->column.len ? DF_OK
                         : refuse(r, DF_UNSUPPORTED, "customQuery must return one column with a name");
}

/* ---- writing ---- */

static void put(const refactoring *r, const char *text)
{
    df_buf_text(r->out, text);
}

static void put_str(const refactoring *r, df_str text)
{
    df_buf_str_add(r->out, text);
}

static void put_name(const refactoring *r, df_str name)
{
    df_sql_put_name(&df_sql_cypher, r->out, name);
}

/* CALL { query } WITH column AS variable */
static void put_source(const refactoring *r, const char *variable)
{
    put(r, "CALL { ");
    put_str(r, r->query);
    put(r, " } WITH ");
    put_str(r, r->column);
    df_buf_printf(r->out, " AS %s", variable);
}

static void begin_action(const refactoring *r, const char *variables)
{
    if (r->rows)
        df_buf_printf(r->out, " CALL { WITH %s ", variables);
    else
        put(r, " ");
}

static void end_action(const refactoring *r)
{
    if (r->rows) df_buf_printf(r->out, " } IN TRANSACTIONS OF %lld ROWS", (long long)r->rows);
}

/* ---- rename ---- */

static void rename_label(const refactoring *r, df_str from, df_str to)
{
    if (r->query.len) {
        put_source(r, "s");
    } else {
        put(r, "MATCH (s:");
        put_name(r, from);
        put(r, ")");
    }
    begin_action(r, "s");
    put(r, "REMOVE s:");
    put_name(r, from);
    put(r, " SET s:");
    put_name(r, to);
    end_action(r);
}

static void rename_type(const refactoring *r, df_str from, df_str to)
{
    if (r->query.len) {
        put_source(r, "old");
        put(r, ", startNode(");
        put_str(r, r->column);
        put(r, ") AS a, endNode(");
        put_str(r, r->column);
        put(r, ") AS b");
    } else {
        put(r, "MATCH (a)-[old:");
        put_name(r, from);
        put(r, "]->(b)");
    }
    begin_action(r, "old, a, b");
    put(r, "CREATE (a)-[new:");
    put_name(r, to);
    put(r, "]->(b) SET new += properties(old) DELETE old");
    end_action(r);
}

/* The histories are no data: a property of every node is not renamed there, nor made a boolean. */
#define NO_HISTORY(n)                                                                                        \
    "none(l IN labels(" n ") WHERE l STARTS WITH '_Migration' OR l STARTS WITH '__Neo4jMigration' "          \
    "OR l = 'Migration' AND " n ".migrationId IS NOT NULL)"

static void rename_property(const refactoring *r, df_str from, df_str to, bool of_nodes)
{
    if (r->query.len)
        put_source(r, "s");
    else
        put(r, of_nodes ? "MATCH (s)" : "MATCH ()-[s]->()");
    put(r, " WHERE s.");
    put_name(r, from);
    put(r, " IS NOT NULL");
    if (!r->query.len && of_nodes) put(r, " AND " NO_HISTORY("s"));
    begin_action(r, "s");
    put(r, "SET s.");
    put_name(r, to);
    put(r, " = s.");
    put_name(r, from);
    put(r, " REMOVE s.");
    put_name(r, from);
    end_action(r);
}

static df_code put_rename(const refactoring *r)
{
    df_str from = text_of(r, "from"), to = text_of(r, "to");
    if (!from.len || !to.len) return refuse(r, DF_CORRUPT, "it needs the parameters from and to");
    if (df_str_is(r->type, "rename.label"))
        rename_label(r, from, to);
    else if (df_str_is(r->type, "rename.type"))
        rename_type(r, from, to);
    else if (df_str_is(r->type, "rename.nodeProperty"))
        rename_property(r, from, to, true);
    else if (df_str_is(r->type, "rename.relationshipProperty"))
        rename_property(r, from, to, false);
    else
        return refuse(r, DF_UNSUPPORTED, "it is not known");
    return DF_OK;
}

/* ---- surrogate keys ---- */

/* `randomUUID`, or a call with %s for the variable. */
static void put_generator(const refactoring *r, const char *variable)
{
    df_str generator = text_of(r, "generatorFunction");
    if (!generator.len) generator = DF_STR("randomUUID");
    const char *place = memmem(generator.ptr, generator.len, "%s", 2);
    if (place) {
        size_t at = (size_t)(place - generator.ptr);
        put_str(r, mf_cut(generator, 0, at));
        put(r, variable);
        put_str(r, df_str_skip(generator, at + 2));
    } else {
        put_str(r, generator);
        if (!memchr(generator.ptr, '(', generator.len)) put(r, "()");
    }
}

static bool put_labels(const refactoring *r)
{
    const mf_xml *labels = mf_parameter(r->node, "labels");
    size_t count = 0;
    for (const mf_xml *value = labels ? labels->first : NULL; value; value = value->next) {
        if (value->instruction || !df_str_is(value->name, "value") || !value->text.len) continue;
        put(r, ":");
        put_name(r, value->text);
        count++;
    }
    return count > 0;
}

static df_code put_key(const refactoring *r)
{
    bool of_nodes = df_str_is(r->type, "addSurrogateKeyTo.nodes");
    const char *variable = of_nodes ? "n" : "r";
    df_str property = text_of(r, "property"), type = text_of(r, "type");
    if (!of_nodes && !df_str_is(r->type, "addSurrogateKeyTo.relationships"))
        return refuse(r, DF_UNSUPPORTED, "it is not known");
    if (!property.len) property = DF_STR("id");
    if (r->query.len) {
        put_source(r, variable);
    } else {
        put(r, of_nodes ? "MATCH (n" : "MATCH ()-[r:");
        if (of_nodes ? !put_labels(r) : !type.len)
            return refuse(r, DF_CORRUPT, "it says neither labels, type nor customQuery");
        if (!of_nodes) put_name(r, type);
        df_buf_printf(r->out, of_nodes ? ") WHERE %s." : "]->() WHERE %s.", variable);
        put_name(r, property);
        put(r, " IS NULL");
    }
    begin_action(r, variable);
    df_buf_printf(r->out, "SET %s.", variable);
    put_name(r, property);
    put(r, " = ");
    put_generator(r, variable);
    end_action(r);
    return DF_OK;
}

/* ---- booleans ---- */

static bool is_integer(df_str text)
{
    int64_t number;
    return df_str_int64(text, &number);
}

/* The values of a list, numbers as numbers; *null: an empty one, or "null", is among them. */
static void put_values(const refactoring *r, const char *name, bool *null)
{
    const mf_xml *list = mf_parameter(r->node, name);
    bool first = true;
    *null = false;
    put(r, "[");
    for (const mf_xml *value = list ? list->first : NULL; value; value = value->next) {
        if (value->instruction || !df_str_is(value->name, "value")) continue;
        if (!value->text.len || df_str_is(value->text, "null")) {
            *null = true;
            continue;
        }
        put(r, first ? "" : ", ");
        if (is_integer(value->text))
            put_str(r, value->text);
        else
            df_sql_put_literal(&df_sql_cypher, r->out, value->text);
        first = false;
    }
    put(r, "]");
}

static void put_property(const refactoring *r, df_str property)
{
    put(r, "e.");
    put_name(r, property);
}

static bool has_null(const refactoring *r, const char *name)
{
    df_buf ignored = {0};
    refactoring copy = *r;
    bool null;
    copy.out = &ignored;
    put_values(&copy, name, &null);
    df_buf_release(&ignored);
    return null;
}

static df_code put_boolean(const refactoring *r)
{
    df_str property = text_of(r, "property");
    bool true_null = has_null(r, "trueValues"), false_null = has_null(r, "falseValues"), null;
    if (!property.len || !mf_parameter(r->node, "trueValues") || !mf_parameter(r->node, "falseValues"))
        return refuse(r, DF_CORRUPT, "it needs the parameters property, trueValues and falseValues");
    if (true_null && false_null) return refuse(r, DF_CORRUPT, "null is among both lists of values");
    if (r->query.len)
        put_source(r, "e");
    else
        put(r, "CALL { MATCH (n) WHERE " NO_HISTORY(
                   "n") " RETURN n AS t UNION ALL MATCH ()-[r]->() RETURN r AS t } WITH t AS e");
    if (!true_null && !false_null) {
        put(r, " WHERE ");
        put_property(r, property);
        put(r, " IS NOT NULL");
    }
    begin_action(r, "e");
    put(r, "SET ");
    put_property(r, property);
    put(r, " = CASE WHEN ");
    put_property(r, property);
    put(r, " IN ");
    put_values(r, "trueValues", &null);
    put(r, " THEN true WHEN ");
    put_property(r, property);
    put(r, " IN ");
    put_values(r, "falseValues", &null);
    put(r, " THEN false WHEN ");
    put_property(r, property);
    put(r, " IN [true, false] THEN ");
    put_property(r, property);
    put(r, true_null ? " ELSE true END" : false_null ? " ELSE false END" : " ELSE null END");
    end_action(r);
    return DF_OK;
}

/* ---- vectors ---- */

/* The names that CYPHER 25 knows. */
static bool is_element_type(df_str text)
{
    static const char *const known[] = {"INTEGER8", "INTEGER16", "INTEGER32", "INTEGER", "FLOAT32", "FLOAT"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (mf_same(text, known[i])) return true;
    return false;
}

static df_code put_vector(const refactoring *r)
{
    bool of_nodes = df_str_is(r->type, "listToVectorOn.nodes");
    df_str property = text_of(r, "property"), type = text_of(r, "type"), element = text_of(r, "elementType");
    if (!of_nodes && !df_str_is(r->type, "listToVectorOn.relationships"))
        return refuse(r, DF_UNSUPPORTED, "it is not known");
    if (!property.len) property = DF_STR("embedding");
    if (!element.len) element = DF_STR("FLOAT");
    if (!is_element_type(element)) return refuse(r, DF_CORRUPT, "elementType is not known");
    put(r, "CYPHER 25 ");
    if (r->query.len) {
        put_source(r, "e");
    } else {
        put(r, of_nodes ? "MATCH (e" : "MATCH ()-[e:");
        if (of_nodes ? !put_labels(r) : !type.len)
            return refuse(r, DF_CORRUPT, "it says neither labels, type nor customQuery");
        if (!of_nodes) put_name(r, type);
        put(r, of_nodes ? ") WHERE " : "]->() WHERE ");
        put_property(r, property);
        put(r, " :: LIST<FLOAT NOT NULL> NOT NULL");
    }
    put(r, r->rows ? " CALL (e) { SET " : " SET ");
    put_property(r, property);
    put(r, " = vector(");
    put_property(r, property);
    put(r, ", size(");
    put_property(r, property);
    put(r, "), ");
    for (size_t i = 0; i < element.len; i++)
        df_buf_char(r->out, (char)(mf_is_letter(element.ptr[i]) ? element.ptr[i] & ~32 : element.ptr[i]));
    put(r, ")");
    end_action(r);
    *r->needs = (df_precondition){.kind = DF_PRECONDITION_VERSION,
                                  .op = DF_PRECONDITION_GE,
                                  .value = DF_STR("2025.10"),
                                  .said = "<refactor type=\"listToVectorOn…\">",
                                  .hint = "vectors are values from Neo4j 2025.10 on"};
    return DF_OK;
}

/* ---- BTREE indexes ---- */

/*
 * They are those of Neo4j 4.4. From 5 on there are none, and there is nothing to do. Where there are some,
 * what is to become of each is not decided here.
 */
static void put_btree(const refactoring *r)
{
    *r->needs = (df_precondition){
        .kind = DF_PRECONDITION_DIFFERENCE,
        .value = DF_STR(
            "SHOW INDEXES YIELD name, type WHERE type = 'BTREE' RETURN reduce(text = '', n IN collect(name) "
            "| text + CASE text WHEN '' THEN '' ELSE '; ' END + n + ' is a BTREE index') AS difference"),
        .said = "<refactor type=\"migrate…\">",
        .hint = "run this catalog with neo4j-migrations on Neo4j 4.4, or create RANGE indexes beside these "
                "by hand"};
}

df_code mf_put_refactoring(const mf_xml *node, const char *path, df_buf *out, df_precondition *needs,
                           df_error *err)
{
    refactoring r = {
        .node = node, .path = path, .out = out, .needs = needs, .err = err, .type = mf_xml_get(node, "type")};
    if (df_str_is(r.type, "merge.nodes")) return mf_put_merge(node, path, out, needs, err);
    DF_TRY(read_parameters(&r));
    if (df_str_starts(r.type, DF_STR("rename."))) return put_rename(&r);
    if (df_str_starts(r.type, DF_STR("addSurrogateKeyTo."))) return put_key(&r);
    if (df_str_is(r.type, "normalize.asBoolean")) return put_boolean(&r);
    if (df_str_starts(r.type, DF_STR("listToVectorOn."))) return put_vector(&r);
    if (df_str_is(r.type, "migrate.createFutureIndexes") ||
        df_str_is(r.type, "migrate.replaceBTreeIndexes")) {
        put_btree(&r);
        return DF_OK;
    }
    df_code code = refuse(&r, DF_UNSUPPORTED, "it is not known");
    df_error_hint(err, "write it as Cypher in a file of its own");
    return code;
}
