/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.nodes of neo4j-migrations' catalogs as one statement of Cypher: the first node of a query gets the
 * labels, relationships and properties of the others, which are deleted. Which value of a property stays is
 * said by policies.
 */
#include "migration/files/files_int.h"

#include <string.h>

typedef struct merge {
    const mf_xml *node;
    const char *path;
    df_buf *out;
    df_error *err;
} merge;

static df_code refuse(const merge *m, int32_t line, df_code code, const char *what)
{
    return mf_fail(m->err, code, m->path, line, "<refactor type=\"merge.nodes\">: %s", what);
}

/* WHEN the name of a property is like this THEN the value by the strategy. */
static df_code put_policy(const merge *m, const mf_xml *policy)
{
    static const struct {
        const char *name, *value;
    } strategies[] = {{"KEEP_ALL", "p.all"}, {"KEEP_FIRST", "head(p.all)"}, {"KEEP_LAST", "last(p.all)"}};
    const mf_xml *pattern = mf_xml_child(policy, "pattern"), *strategy = mf_xml_child(policy, "strategy");
    if (!pattern || !strategy)
        return refuse(m, policy->line, DF_CORRUPT, "a mergePolicy needs pattern and strategy");
    size_t i = 0;
    while (i < 3 && !df_str_is(strategy->text, strategies[i].name)) i++;
    if (i == 3)
        return refuse(m, strategy->line, DF_CORRUPT, "the strategy is KEEP_ALL, KEEP_FIRST or KEEP_LAST");
    df_buf_text(m->out, "WHEN p.key =~ ");
    df_sql_put_literal(&df_sql_cypher, m->out, pattern->text);
    df_buf_printf(m->out, " THEN %s ", strategies[i].value);
    return DF_OK;
}

static df_code put_policies(const merge *m)
{
    const mf_xml *list = mf_xml_child(m->node, "parameters");
    /* A CASE has a WHEN. A text that is no date is an error, which shows it: a property without a policy
     * stops all. */
    df_buf_text(m->out, "CASE WHEN p.key IS NULL THEN null ");
    for (const mf_xml *p = list ? list->first : NULL; p; p = p->next)
        if (!p->instruction && df_str_is(p->name, "parameter") &&
            df_str_is(mf_xml_get(p, "name"), "mergePolicy"))
            DF_TRY(put_policy(m, p));
    df_buf_text(m->out, "ELSE date('no mergePolicy is for the property ' + p.key) END");
    return DF_OK;
}

df_code mf_put_merge(const mf_xml *node, const char *path, df_buf *out, df_precondition *needs, df_error *err)
{
    merge m = {.node = node, .path = path, .out = out, .err = err};
    const mf_xml *source = mf_parameter(node, "sourceQuery");
    if (!source || !source->text.len)
        return refuse(&m, node->line, DF_CORRUPT, "it needs the parameter sourceQuery");
    df_str column = mf_column_of(source->text);
    if (!column.len)
        return refuse(&m, source->line, DF_UNSUPPORTED, "sourceQuery must return one column with a name");
    df_buf_text(out, "CALL { ");
    df_buf_str_add(out, source->text);
    df_buf_text(out, " } WITH ");
    df_buf_str_add(out, column);
    df_buf_text(
        out,
        " AS n WITH collect(DISTINCT n) AS ns WHERE size(ns) > 1 "
        "WITH ns, head(ns) AS target, tail(ns) AS rest, "
        "reduce(all = [], n IN ns | all + [l IN labels(n) WHERE NOT l IN all]) AS ls, "
        "reduce(all = [], n IN ns | all + [k IN keys(n) WHERE NOT k IN all]) AS ks "
        "WITH target, rest, ls, [k IN ks | {key: k, all: [n IN ns WHERE n[k] IS NOT NULL | n[k]]}] AS ps "
        "WITH target, rest, ls, [p IN ps | {key: p.key, value: ");
    DF_TRY(put_policies(&m));
    df_buf_text(
        out, "}] AS ps CALL (target, rest) { UNWIND rest AS n MATCH (n)-[r]-() WITH DISTINCT target, rest, r "
             "WITH r, CASE WHEN startNode(r) IN rest THEN target ELSE startNode(r) END AS a, "
             "CASE WHEN endNode(r) IN rest THEN target ELSE endNode(r) END AS b "
             "CREATE (a)-[c:$(type(r))]->(b) SET c = properties(r) } "
             "FOREACH (n IN rest | DETACH DELETE n) "
             "FOREACH (p IN ps | SET target[p.key] = p.value) SET target:$(ls)");
    *needs = (df_precondition){
        .kind = DF_PRECONDITION_VERSION,
        .op = DF_PRECONDITION_GE,
        .value = DF_STR("5.26"),
        .said = "<refactor type=\"merge.nodes\">",
        .hint = "labels and types that are computed are there from Neo4j 5.26 on: on an older server "
                "merge the nodes with Cypher that names them"};
    return DF_OK;
}
