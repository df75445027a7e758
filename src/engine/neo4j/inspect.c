/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live schema: constraints and indexes. SHOW … YIELD * is read by the names of its columns, which differ
 * between versions as some of the words in them do; definitions are written here, so that one schema reads
 * the same everywhere.
 */
#include "engine/neo4j/private.h"

#include <stdlib.h>

enum { MOST_COLUMNS = 64 };

typedef struct reading {
    neo_rule_fn fn;
    void *context;
    bool constraints; /* else indexes */
    df_arena arena;   /* of one rule */
    size_t count;
    char names[MOST_COLUMNS][32];
} reading;

static df_code take_fields(void *context, df_str metadata, df_error *err)
{
    reading *r = context;
    ps_reader reader;
    ps_item head, name;
    if (!neo_find(metadata, "fields", &reader))
        return df_fail(err, DF_CORRUPT, "the server named no columns");
    DF_TRY(ps_read(&reader, &head, err));
    r->count = head.type == PS_LIST && head.count < MOST_COLUMNS ? head.count : 0;
    for (size_t i = 0; i < r->count; i++) {
        DF_TRY(ps_read(&reader, &name, err));
        if (name.type == PS_STRING && name.s.len < sizeof r->names[i])
            memcpy(r->names[i], name.s.ptr, name.s.len); /* zeroed */
    }
    return DF_OK;
}

/* A list of strings; null is an empty one. */
static df_code take_list(ps_reader reader, df_arena *arena, df_str **out, size_t *count, df_error *err)
{
    ps_item head, item;
    *count = 0;
    DF_TRY(ps_read(&reader, &head, err));
    if (head.type != PS_LIST) return DF_OK;
    *out = df_arena_zalloc(arena, (head.count + 1) * sizeof **out);
    for (uint32_t i = 0; i < head.count; i++) {
        DF_TRY(ps_read(&reader, &item, err));
        if (item.type == PS_STRING) (*out)[(*count)++] = item.s;
    }
    return DF_OK;
}

static df_code take_column(reading *r, const char *name, ps_reader value, neo_rule *rule, df_error *err)
{
    ps_reader start = value;
    ps_item item;
    DF_TRY(ps_read(&value, &item, err));
    df_str text = item.type == PS_STRING ? item.s : DF_STR_NONE;
    if (strcmp(name, "name") == 0)
        rule->name = text;
    else if (strcmp(name, "type") == 0)
        rule->type = text;
    else if (strcmp(name, "entityType") == 0)
        rule->relationship = df_str_is(text, "RELATIONSHIP");
    else if (strcmp(name, "propertyType") == 0)
        rule->property_type = text;
    else if (strcmp(name, "owningConstraint") == 0)
        rule->owned = text.len > 0;
    else if (strcmp(name, "uniqueness") == 0) /* 4.4: only what a constraint made is unique */
        rule->owned = df_str_is(text, "UNIQUE");
    else if (strcmp(name, "state") == 0)
        rule->state = text;
    else if (strcmp(name, "failureMessage") == 0)
        rule->failure = text;
    else if (strcmp(name, "createStatement") == 0)
        rule->statement = text;
    else if (strcmp(name, "options") == 0)
        rule->options = df_str_skip(start.bytes, start.at);
    else if (strcmp(name, "labelsOrTypes") == 0)
        return take_list(start, &r->arena, &rule->labels, &rule->n_labels, err);
    else if (strcmp(name, "properties") == 0)
        return take_list(start, &r->arena, &rule->properties, &rule->n_properties, err);
    return DF_OK;
}

static df_code take_rule(void *context, df_str record, df_error *err)
{
    reading *r = context;
    neo_rule rule = {.constraint = r->constraints};
    ps_reader reader = {record, 0};
    ps_item head;
    df_arena_reset(&r->arena);
    DF_TRY(ps_read(&reader, &head, err));
    for (size_t i = 0; i < r->count && i < head.count; i++) {
        ps_reader value = reader;
        DF_TRY(ps_skip(&reader, err));
        DF_TRY(take_column(r, r->names[i], value, &rule, err));
    }
    if (!rule.name.ptr || !rule.type.ptr)
        return df_fail(err, DF_CORRUPT, "the server's list of schema rules is damaged");
    return r->fn(r->context, &rule, err);
}

df_code neo_rules_of(neo_conn *c, bool constraints, neo_rule_fn fn, void *context, df_error *err)
{
    reading r = {.fn = fn, .context = context, .constraints = constraints};
    neo_statement s = {.query =
                           constraints ? DF_STR("SHOW CONSTRAINTS YIELD *") : DF_STR("SHOW INDEXES YIELD *"),
                       .fields = take_fields,
                       .fn = take_rule,
                       .context = &r};
    df_code code = neo_statement_run(c, &s, NULL, err);
    df_arena_release(&r.arena);
    return code;
}

df_code neo_rules(neo_conn *c, neo_rule_fn fn, void *context, df_error *err)
{
    DF_TRY(neo_rules_of(c, true, fn, context, err));
    return neo_rules_of(c, false, fn, context, err);
}

/* ---- definitions ---- */

static int by_text(const void *a, const void *b)
{
    return df_str_cmp(*(const df_str *)a, *(const df_str *)b);
}

static void put_pattern(const neo_rule *rule, df_buf *out)
{
    df_buf_text(out, rule->relationship ? "()-[x:" : "(x:");
    if (rule->n_labels) qsort(rule->labels, rule->n_labels, sizeof *rule->labels, by_text);
    for (size_t i = 0; i < rule->n_labels; i++) {
        if (i) df_buf_char(out, '|');
        df_sql_put_name(&df_sql_cypher, out, rule->labels[i]);
    }
    df_buf_text(out, rule->relationship ? "]-()" : ")");
}

static void put_properties(const neo_rule *rule, df_buf *out)
{
    for (size_t i = 0; i < rule->n_properties; i++) {
        df_buf_text(out, i ? ", x." : "x.");
        df_sql_put_name(&df_sql_cypher, out, rule->properties[i]);
    }
}

/* CREATE CONSTRAINT name FOR … : what stands behind the name, for kinds that are newer than this. */
static df_str behind_name(df_str statement)
{
    const char *at = statement.len ? memmem(statement.ptr, statement.len, " FOR ", 5) : NULL;
    return at ? df_str_skip(statement, (size_t)(at - statement.ptr) + 1) : statement;
}

static void put_constraint(const neo_rule *rule, df_buf *out)
{
    static const struct {
        const char *end, *words;
    } kinds[] = {{"UNIQUENESS", "IS UNIQUE"},
                 {"NODE_KEY", "IS NODE KEY"},
                 {"RELATIONSHIP_KEY", "IS RELATIONSHIP KEY"},
                 {"PROPERTY_EXISTENCE", "IS NOT NULL"},
                 {"PROPERTY_TYPE", "IS :: "}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!df_str_ends(rule->type, df_str_from(kinds[i].end))) continue;
        df_buf_text(out, "FOR ");
        put_pattern(rule, out);
        df_buf_text(out, " REQUIRE (");
        put_properties(rule, out);
        df_buf_printf(out, ") %s", kinds[i].words);
        df_buf_str_add(out, rule->property_type);
        return;
    }
    df_buf_printf(out, "%.*s %.*s", DF_FMT(rule->type), DF_FMT(behind_name(rule->statement)));
}

/* Settings of vector indexes that newer servers show and older ones do not, as they are when nothing was
 * said. */
static bool is_default(df_str key, df_str readable)
{
    static const struct {
        const char *key, *value;
    } defaults[] = {{"vector.quantization.enabled", "true"},
                    {"vector.quantization.type", "BINARY"},
                    {"vector.default_search_expansion_factor", "3.0"},
                    {"vector.hnsw.m", "16"},
                    {"vector.hnsw.ef_construction", "100"}};
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        if (df_str_is(key, defaults[i].key) && df_str_is(readable, defaults[i].value)) return true;
    }
    return false;
}

/* indexConfig, in the order of its keys. The provider is the server's affair, and changes with it. */
static df_code put_config(const neo_rule *rule, df_buf *out, df_error *err)
{
    ps_reader config;
    ps_item head, key;
    df_arena arena = {0};
    df_buf value = {0};
    df_str *entries = NULL;
    size_t count = 0, cap = 0;
    if (!rule->options.len || !neo_find(rule->options, "indexConfig", &config)) return DF_OK;
    df_code code = ps_read(&config, &head, err);
    for (uint32_t i = 0; code == DF_OK && head.type == PS_DICT && i < head.count; i++) {
        df_buf_clear(&value);
        code = ps_read(&config, &key, err);
        if (code == DF_OK) code = ps_put_readable(&config, &value, err);
        if (code != DF_OK || is_default(key.s, df_buf_str(&value))) continue;
        /* Of 4.4: the grid that points are kept by, which no other kind for all values has. */
        if (df_str_is(rule->type, "BTREE") && df_str_starts(key.s, DF_STR("spatial."))) continue;
        DF_PUSH(entries, count, cap) =
            df_str_from(df_arena_printf(&arena, "`%.*s`: %.*s", DF_FMT(key.s), DF_FMT(df_buf_str(&value))));
    }
    if (count) qsort(entries, count, sizeof *entries, by_text);
    for (size_t i = 0; code == DF_OK && i < count; i++) {
        df_buf_text(out, i ? ", " : " OPTIONS {");
        df_buf_str_add(out, entries[i]);
    }
    if (code == DF_OK && count) df_buf_char(out, '}');
    free(entries);
    df_buf_release(&value);
    df_arena_release(&arena);
    return code;
}

static df_code put_index(const neo_rule *rule, df_buf *out, df_error *err)
{
    bool fulltext = df_str_is(rule->type, "FULLTEXT");
    df_buf_printf(out, "%.*s FOR ", DF_FMT(rule->type));
    put_pattern(rule, out);
    if (fulltext && rule->n_properties)
        qsort(rule->properties, rule->n_properties, sizeof *rule->properties, by_text);
    df_buf_text(out, fulltext ? " ON EACH [" : " ON (");
    put_properties(rule, out);
    df_buf_text(out, fulltext ? "]" : ")");
    return put_config(rule, out, err);
}

df_code neo_put_definition(const neo_rule *rule, df_buf *out, df_error *err)
{
    if (!rule->constraint) return put_index(rule, out, err);
    put_constraint(rule, out);
    return DF_OK;
}

bool neo_rule_is_ours(const neo_rule *rule)
{
    return rule->n_labels == 1 && df_str_is(rule->labels[0], NEO_LOCK_LABEL);
}

/* ---- the interface's ---- */

typedef struct inspection {
    const df_inspect_options *options;
    df_object_fn add;
    void *context;
    df_buf definition, parent;
} inspection;

/* When each of its labels is to be left out. */
static bool is_excluded(const inspection *in, const neo_rule *rule)
{
    size_t excluded = 0;
    for (size_t i = 0; i < rule->n_labels; i++) {
        for (const char *const *glob = in->options->exclude; glob && *glob; glob++) {
            if (!df_str_glob(rule->labels[i], *glob)) continue;
            excluded++;
            break;
        }
    }
    return rule->n_labels && excluded == rule->n_labels;
}

static df_code inspect_rule(void *context, const neo_rule *rule, df_error *err)
{
    inspection *in = context;
    if (rule->owned || df_str_is(rule->type, "LOOKUP") || neo_rule_is_ours(rule) || is_excluded(in, rule))
        return DF_OK;
    df_buf_clear(&in->definition);
    df_buf_clear(&in->parent);
    DF_TRY(neo_put_definition(rule, &in->definition, err)); /* sorts the labels, too */
    for (size_t i = 0; i < rule->n_labels; i++) {
        if (i) df_buf_char(&in->parent, '|');
        df_buf_str_add(&in->parent, rule->labels[i]);
    }
    df_object object = {.kind = rule->constraint ? DF_STR("constraint") : DF_STR("index"),
                        .parent = df_buf_str(&in->parent),
                        .name = rule->name,
                        .definition = df_buf_str(&in->definition)};
    return in->add(in->context, &object, err);
}

df_code neo_inspect(df_conn *conn, const df_inspect_options *options, df_object_fn add, void *context,
                    df_error *err)
{
    inspection in = {.options = options, .add = add, .context = context};
    df_code code = neo_rules(neo_of(conn), inspect_rule, &in, err);
    df_buf_release(&in.definition);
    df_buf_release(&in.parent);
    return code;
}
