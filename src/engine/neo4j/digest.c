/* SPDX-License-Identifier: Apache-2.0 */
/* The digest of a graph by colour refinement: see df_content. */
#include "base/digest.h"
#include "engine/neo4j/graph.h"

#include <stdlib.h>

enum { MAX_ROUNDS = 40, MAX_GROUPS = 20000 };

/* Nodes with one set of labels, or relationships of one type. */
typedef struct group {
    df_hash128 key; /* of the set of labels, or of the type */
    df_hash128 sum;
    int64_t count;
    char *name;
} group;

typedef struct groups {
    group *items;
    size_t count, cap;
    df_keymap by_key; /* index plus 1 */
} groups;

/* A list of labels as the server wrote it: the same labels may come in another order. */
typedef struct label_list {
    size_t group;
    bool excluded;
} label_list;

struct graph_digest {
    df_content_options options;
    df_buf scratch;
    df_hash128 *colours, *around; /* of each node; all zero: excluded */
    size_t n_nodes, cap;
    graph_edges edges;
    label_list *lists;
    size_t n_lists, lists_cap;
    df_keymap by_list; /* index plus 1 */
    groups sets, types;
    df_hash128 rules;
    df_content content; /* counts so far */
};

graph_digest *graph_digest_open(const df_content_options *options)
{
    graph_digest *d = df_zalloc(sizeof *d);
    d->options = *options;
    return d;
}

static void release_groups(groups *g)
{
    for (size_t i = 0; i < g->count; i++) free(g->items[i].name);
    free(g->items);
    df_keymap_release(&g->by_key);
}

void graph_digest_close(graph_digest *d)
{
    if (!d) return;
    df_buf_release(&d->scratch);
    free(d->colours);
    free(d->around);
    graph_edges_release(&d->edges);
    free(d->lists);
    df_keymap_release(&d->by_list);
    release_groups(&d->sets);
    release_groups(&d->types);
    free(d);
}

int64_t graph_digest_nodes(const graph_digest *d)
{
    return (int64_t)d->n_nodes;
}

/* ---- groups ---- */

static bool is_excluded(const df_hash128 *colour)
{
    return !(colour->low | colour->high);
}

/* `*name` is made only for a new one, by the caller. */
static size_t find_group(groups *g, df_hash128 key, bool *added)
{
    int64_t *at = df_keymap_put(&g->by_key, key, added);
    if (*added) {
        *at = (int64_t)g->count + 1;
        DF_PUSH(g->items, g->count, g->cap) = (group){.key = key};
    }
    return (size_t)*at - 1;
}

static int by_bytes(const void *a, const void *b)
{
    const df_str *x = a, *y = b;
    return df_str_cmp(*x, *y);
}

static df_code take_labels(df_str list, df_str **out, size_t *count, df_error *err)
{
    ps_reader reader = {.bytes = list};
    ps_item head, label;
    df_str *items = NULL;
    size_t cap = 0;
    *count = 0;
    DF_TRY(graph_expect(&reader, PS_LIST, &head, err));
    df_code code = DF_OK;
    for (uint32_t i = 0; code == DF_OK && i < head.count; i++) {
        code = graph_expect(&reader, PS_STRING, &label, err);
        if (code == DF_OK) DF_PUSH(items, *count, cap) = label.s;
    }
    if (code == DF_OK && *count) qsort(items, *count, sizeof *items, by_bytes);
    *out = items;
    return code;
}

/* The labels are at hand for the first node of each list only. */
static df_code new_list(graph_digest *d, df_str list, label_list *out, df_error *err)
{
    df_buf text = {0};
    df_hash128 key = {1, 0};
    df_str *labels = NULL;
    size_t count = 0;
    bool added = false;
    df_code code = take_labels(list, &labels, &count, err);
    if (code == DF_OK) code = graph_matches(list, d->options.exclude, &out->excluded, err);
    df_buf_char(&text, '(');
    for (size_t i = 0; code == DF_OK && i < count; i++) {
        key = df_hash_add(key, df_hash(labels[i].ptr, labels[i].len));
        df_buf_char(&text, ':');
        graph_put_name(&text, labels[i]);
    }
    df_buf_char(&text, ')');
    if (code == DF_OK) {
        out->group = find_group(&d->sets, key, &added);
        if (added) d->sets.items[out->group].name = df_strdup(df_buf_str(&text));
    }
    df_buf_release(&text);
    free(labels);
    return code;
}

static df_code find_list(graph_digest *d, df_str list, const label_list **out, df_error *err)
{
    df_hash128 key = df_hash(list.ptr, list.len);
    const int64_t *known = df_keymap_get(&d->by_list, key);
    if (!known) {
        label_list made = {0};
        DF_TRY(new_list(d, list, &made, err));
        DF_PUSH(d->lists, d->n_lists, d->lists_cap) = made;
        *df_keymap_put(&d->by_list, key, NULL) = (int64_t)d->n_lists;
        *out = &d->lists[d->n_lists - 1];
    } else {
        *out = &d->lists[*known - 1];
    }
    return DF_OK;
}

/* ---- what is read ---- */

static df_hash128 mix(uint64_t what, df_hash128 a, df_hash128 b)
{
    uint64_t words[5] = {what, a.low, a.high, b.low, b.high};
    return df_hash(words, sizeof words);
}

static df_hash128 mix3(uint64_t what, df_hash128 a, df_hash128 b, df_hash128 c)
{
    uint64_t words[7] = {what, a.low, a.high, b.low, b.high, c.low, c.high};
    return df_hash(words, sizeof words);
}

df_code graph_digest_node(graph_digest *d, const graph_node *node, df_error *err)
{
    const label_list *list;
    df_hash128 colour = {0, 0};
    if (d->n_nodes >= UINT32_MAX - 1) return df_fail(err, DF_UNSUPPORTED, "more nodes than can be numbered");
    DF_TRY(find_list(d, node->labels, &list, err));
    if (!list->excluded) {
        group *g = &d->sets.items[list->group];
        DF_TRY(graph_hash_dict(node->properties, &d->scratch, &colour, err));
        colour = mix('N', g->key, colour);
        g->sum = df_hash_add(g->sum, colour);
        g->count++;
        d->content.nodes++;
    }
    DF_PUSH(d->colours, d->n_nodes, d->cap) = colour;
    return DF_OK;
}

df_code graph_digest_relationship(graph_digest *d, const graph_relationship *r, df_error *err)
{
    df_hash128 key, hash;
    bool added;
    if (r->from >= d->n_nodes || r->to >= d->n_nodes)
        return df_fail(err, DF_CORRUPT, "a relationship without its nodes");
    if (is_excluded(&d->colours[r->from]) || is_excluded(&d->colours[r->to])) return DF_OK;
    key = df_hash(r->type.ptr, r->type.len);
    size_t at = find_group(&d->types, key, &added);
    group *g = &d->types.items[at];
    if (added) {
        df_buf name = {0};
        df_buf_text(&name, "[:");
        graph_put_name(&name, r->type);
        df_buf_char(&name, ']');
        g->name = df_strdup(df_buf_str(&name));
        df_buf_release(&name);
    }
    DF_TRY(graph_hash_dict(r->properties, &d->scratch, &hash, err));
    hash = mix('R', key, hash);
    g->sum = df_hash_add(g->sum, hash);
    g->count++;
    d->content.relationships++;
    return graph_edges_add(&d->edges, &(graph_edge){r->from, r->to, hash}, err);
}

/* Names of types that newer servers give to the same constraints, and to what 4.4's indexes become there. */
static df_str type_of(df_str type)
{
    if (df_str_is(type, "BTREE")) return DF_STR("RANGE");
    if (df_str_is(type, "UNIQUENESS")) return DF_STR("NODE_PROPERTY_UNIQUENESS");
    if (df_str_is(type, "RELATIONSHIP_UNIQUENESS")) return DF_STR("RELATIONSHIP_PROPERTY_UNIQUENESS");
    return type;
}

static void put_counted(df_buf *out, df_str text)
{
    df_buf_printf(out, "%zu:", text.len);
    df_buf_str_add(out, text);
}

/*
 * Options that say what is found: those of vector indexes that only say how fast differ between versions of
 * the server, which adds its defaults to what was asked for.
 */
static df_code put_config(df_buf *out, const graph_rule *rule, df_buf *scratch, df_error *err)
{
    static const char *const kept[] = {"vector.dimensions", "vector.similarity_function"};
    df_hash128 hash;
    char hex[33];
    if (df_str_is(rule->type, "VECTOR")) {
        ps_reader reader = {.bytes = rule->config}, value;
        ps_item head;
        DF_TRY(graph_expect(&reader, PS_DICT, &head, err));
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
            bool found;
            df_buf_char(out, '/');
            DF_TRY(ps_find(reader, head.count, kept[i], &value, &found, err));
            if (found) DF_TRY(graph_put_canonical(&value, out, err));
        }
        return DF_OK;
    }
    bool btree = df_str_is(rule->type, "BTREE"); /* whose grid for points RANGE indexes have not */
    DF_TRY(graph_hash_dict(btree ? DF_STR("\xA0") : rule->config, scratch, &hash, err));
    df_hash_hex(hash, hex);
    df_buf_text(out, hex);
    return DF_OK;
}

static df_code put_rule(df_buf *out, const graph_rule *rule, df_buf *scratch, df_error *err)
{
    ps_reader properties = {.bytes = rule->properties};
    df_str *labels = NULL;
    size_t count;
    df_str type = type_of(rule->type);
    put_counted(out, rule->name);
    put_counted(out, type);
    put_counted(out, rule->entity);
    df_code code = take_labels(rule->labels, &labels, &count, err);
    for (size_t i = 0; code == DF_OK && i < count; i++) put_counted(out, labels[i]);
    free(labels);
    if (code == DF_OK) code = graph_put_canonical(&properties, out, err);
    if (code == DF_OK && !rule->constraint) code = put_config(out, rule, scratch, err);
    /* What such a constraint asks for is told by its statement alone. */
    if (memmem(type.ptr, type.len, "PROPERTY_TYPE", 13)) put_counted(out, rule->statement);
    return code;
}

df_code graph_digest_rule(graph_digest *d, const graph_rule *rule, df_error *err)
{
    df_buf text = {0};
    bool excluded;
    DF_TRY(graph_matches(rule->labels, d->options.exclude, &excluded, err));
    if (excluded) return DF_OK;
    df_code code = put_rule(&text, rule, &d->scratch, err);
    if (code == DF_OK) {
        d->rules = df_hash_add(d->rules, df_hash(text.ptr, text.len));
        if (rule->constraint)
            d->content.constraints++;
        else
            d->content.indexes++;
    }
    df_buf_release(&text);
    return code;
}

/* ---- refinement ---- */

static void look_around(void *context, const graph_edge *edges, size_t count)
{
    graph_digest *d = context;
    enum { AHEAD = 16 };
    for (size_t i = 0; i < count; i++) {
        const graph_edge *e = &edges[i];
        if (i + AHEAD < count) {
            __builtin_prefetch(&d->colours[edges[i + AHEAD].from]);
            __builtin_prefetch(&d->colours[edges[i + AHEAD].to]);
            __builtin_prefetch(&d->around[edges[i + AHEAD].from], 1);
            __builtin_prefetch(&d->around[edges[i + AHEAD].to], 1);
        }
        d->around[e->from] = df_hash_add(d->around[e->from], mix('>', e->hash, d->colours[e->to]));
        d->around[e->to] = df_hash_add(d->around[e->to], mix('<', e->hash, d->colours[e->from]));
    }
}

static df_code refine(graph_digest *d, df_error *err)
{
    memset(d->around, 0, d->n_nodes * sizeof *d->around);
    DF_TRY(graph_edges_each(&d->edges, look_around, d, err));
    for (size_t i = 0; i < d->n_nodes; i++) {
        if (!is_excluded(&d->colours[i])) d->colours[i] = mix('C', d->colours[i], d->around[i]);
    }
    return DF_OK;
}

/* Sorts by bytes from the lowest, back and forth between two arrays. */
static void sort_words(uint64_t *words, uint64_t *room, size_t count)
{
    for (int shift = 0; shift < 64; shift += 8) {
        size_t starts[257] = {0};
        for (size_t i = 0; i < count; i++) starts[(words[i] >> shift & 255) + 1]++;
        for (int i = 0; i < 256; i++) starts[i + 1] += starts[i];
        for (size_t i = 0; i < count; i++) room[starts[words[i] >> shift & 255]++] = words[i];
        uint64_t *other = words;
        words = room;
        room = other;
    }
}

/* How many colours there are, by their lower halves; in the memory of `around`. */
static int64_t count_colours(graph_digest *d)
{
    uint64_t *words = (uint64_t *)(void *)d->around, *room = words + d->n_nodes;
    size_t n = 0;
    int64_t colours = 0;
    for (size_t i = 0; i < d->n_nodes; i++) {
        if (!is_excluded(&d->colours[i])) words[n++] = d->colours[i].low;
    }
    sort_words(words, room, n);
    for (size_t i = 0; i < n; i++) colours += !i || words[i] != words[i - 1];
    return colours;
}

static df_code refine_all(graph_digest *d, df_error *err)
{
    df_content *c = &d->content;
    c->colours = count_colours(d);
    while (c->relationships && c->rounds < MAX_ROUNDS && c->colours < c->nodes) {
        DF_TRY(df_check_cancelled(d->options.observer, err));
        DF_TRY(refine(d, err));
        c->rounds++;
        int64_t colours = count_colours(d);
        if (colours == c->colours) break;
        c->colours = colours;
    }
    return DF_OK;
}

/* ---- the end ---- */

typedef struct edge_sum {
    const graph_digest *digest;
    df_hash128 sum;
} edge_sum;

static void add_edges(void *context, const graph_edge *edges, size_t count)
{
    edge_sum *s = context;
    const df_hash128 *colours = s->digest->colours;
    for (size_t i = 0; i < count; i++)
        s->sum = df_hash_add(s->sum, mix3('E', edges[i].hash, colours[edges[i].from], colours[edges[i].to]));
}

static df_code put_digest(graph_digest *d, df_error *err)
{
    const df_content *c = &d->content;
    edge_sum edges = {.digest = d};
    df_hash128 nodes = {0, 0};
    char hex[3][33];
    DF_TRY(graph_edges_each(&d->edges, add_edges, &edges, err));
    for (size_t i = 0; i < d->n_nodes; i++) {
        if (!is_excluded(&d->colours[i])) nodes = df_hash_add(nodes, mix('V', d->colours[i], d->colours[i]));
    }
    df_hash_hex(nodes, hex[0]);
    df_hash_hex(edges.sum, hex[1]);
    df_hash_hex(d->rules, hex[2]);
    df_buf_clear(&d->scratch);
    df_buf_printf(&d->scratch, "graph 1 %lld %s %lld %s %lld %lld %s", (long long)c->nodes, hex[0],
                  (long long)c->relationships, hex[1], (long long)c->constraints, (long long)c->indexes,
                  hex[2]);
    return df_sha256_hex(d->scratch.ptr, d->scratch.len, d->content.digest, err);
}

static void put_group(df_content *c, df_arena *arena, const char *name, int64_t count, df_hash128 sum)
{
    df_content_group *g = &c->groups[c->n_groups++];
    g->name = df_arena_cstr(arena, df_str_from(name));
    g->count = count;
    df_hash_hex(sum, g->digest);
}

static void put_groups(df_content *c, df_arena *arena, const groups *g, bool each, const char *all)
{
    df_hash128 sum = {0, 0};
    int64_t count = 0;
    for (size_t i = 0; i < g->count; i++) {
        const group *item = &g->items[i];
        if (each && item->count) put_group(c, arena, item->name, item->count, item->sum);
        sum = df_hash_add(sum, item->sum);
        count += item->count;
    }
    if (!each) put_group(c, arena, all, count, sum);
}

static int by_name(const void *a, const void *b)
{
    const df_content_group *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static size_t used(const groups *g)
{
    size_t n = 0;
    for (size_t i = 0; i < g->count; i++) n += g->items[i].count > 0;
    return n;
}

static void report_groups(graph_digest *d)
{
    df_content *c = &d->content;
    df_arena *arena = d->options.arena;
    size_t count = used(&d->sets) + used(&d->types);
    bool each = count <= MAX_GROUPS;
    c->groups = df_arena_alloc(arena, (each ? count + 1 : 3) * sizeof *c->groups);
    put_groups(c, arena, &d->sets, each, "(nodes)");
    put_groups(c, arena, &d->types, each, "[relationships]");
    put_group(c, arena, "(schema)", c->constraints + c->indexes, d->rules);
    qsort(c->groups, c->n_groups, sizeof *c->groups, by_name);
}

df_code graph_digest_finish(graph_digest *d, df_content *out, df_error *err)
{
    d->around = df_alloc((d->n_nodes + 1) * sizeof *d->around);
    DF_TRY(refine_all(d, err));
    DF_TRY(put_digest(d, err));
    if (d->options.arena) report_groups(d);
    *out = d->content;
    return DF_OK;
}
