/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of a graph's dump, without a server: graphs are written in any order and with any numbers, and
 * must have one digest; changed anywhere they must have another; a damaged stream must be found damaged.
 */
#include "engine/neo4j/graph.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

enum { NODES = 40, EDGES = 90, PIECE = 777 };

/* One kind of change that make() applies. */
typedef struct twist {
    uint64_t seed;  /* of the order in which all is written */
    int node, edge; /* which one is changed; -1: none */
    int what;       /* see put_value, put_edge */
    bool no_rule;
} twist;

static const twist none = {.seed = 1, .node = -1, .edge = -1};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void shuffle(int *items, int count, uint64_t seed)
{
    uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
    for (int i = 0; i < count; i++) items[i] = i;
    for (int i = count - 1; i > 0; i--) {
        int j = (int)(next_random(&state) % (uint64_t)(i + 1)), kept = items[i];
        items[i] = items[j];
        items[j] = kept;
    }
}

/* The values of property "v" that a node may have: each differs from the first. */
enum { VALUES = 21 };
static void put_value(df_buf *out, int what)
{
    static const char bytes[] = {1, 2, 3};
    switch (what) {
    case 0: ps_put_int(out, 1); return;
    case 1: ps_put_int(out, 2); return;
    case 2: ps_put_float(out, 1.0); return;
    case 3: ps_put_text(out, "1"); return;
    case 4: ps_put_bool(out, true); return;
    case 5: ps_put_list(out, 0); return;
    case 6: ps_put_list(out, 1), ps_put_int(out, 1); return;
    case 7: ps_put_list(out, 1), ps_put_float(out, 1.0); return;
    case 8: ps_put_float(out, 0.0); return;
    case 9: ps_put_float(out, -0.0); return;
    case 10: ps_put_float(out, __builtin_nan("")); return;
    case 11: ps_put_bytes(out, (df_str){bytes, 3}); return;
    case 12: ps_put_list(out, 3), ps_put_int(out, 1), ps_put_int(out, 2), ps_put_int(out, 3); return;
    case 13: ps_put_struct(out, PS_DATE, 1), ps_put_int(out, 1); return;
    case 14: ps_put_struct(out, PS_LOCAL_TIME, 1), ps_put_int(out, 1); return;
    case 15:
        ps_put_struct(out, PS_DATE_TIME, 3), ps_put_int(out, 1), ps_put_int(out, 0), ps_put_int(out, 3600);
        return;
    case 16:
        ps_put_struct(out, PS_DATE_TIME_ZONE, 3), ps_put_int(out, 1), ps_put_int(out, 0),
            ps_put_text(out, "Europe/Paris");
        return;
    case 17:
        ps_put_struct(out, PS_DURATION, 4), ps_put_int(out, 0), ps_put_int(out, 0), ps_put_int(out, 1),
            ps_put_int(out, 0);
        return;
    case 18:
        ps_put_struct(out, PS_POINT_2D, 3), ps_put_int(out, 7203), ps_put_float(out, 1), ps_put_float(out, 0);
        return;
    case 19:
        ps_put_struct(out, PS_POINT_2D, 3), ps_put_int(out, 4326), ps_put_float(out, 1), ps_put_float(out, 0);
        return;
    default: ps_put_text(out, ""); return;
    }
}

static void put_labels(df_buf *out, int node, bool turned, const char *more)
{
    int count = node % 4 == 0 ? 0 : node % 4 == 1 ? 1 : 2;
    ps_put_list(out, (size_t)count + (more != NULL));
    if (count) ps_put_text(out, turned && count == 2 ? "B" : "A");
    if (count == 2) ps_put_text(out, turned ? "A" : "B");
    if (more) ps_put_text(out, more);
}

static df_code put_bytes(void *context, const void *bytes, size_t len, df_error *err)
{
    (void)err;
    df_buf_add(context, bytes, len);
    return DF_OK;
}

/* Twins are among the nodes, and chains, and parallel edges, and edges to itself. */
static void ends_of(int edge, int *from, int *to)
{
    uint64_t state = (uint64_t)edge / 2 * 77 + 5; /* every other one is parallel to the one before */
    for (int i = 0; i < 5; i++) next_random(&state);
    *from = (int)(next_random(&state) % NODES);
    *to = edge % 10 == 9 ? *from : (int)(next_random(&state) % NODES);
}

static void put_node(graph_writer *w, const twist *t, int i)
{
    df_buf labels = {0}, properties = {0};
    bool changed = t->node == i, turned = t->seed % 2;
    put_labels(&labels, i, turned, changed && t->what == 100 ? "C" : NULL);
    int count = 2 + (changed && t->what == 101);
    ps_put_dict(&properties, (size_t)count);
    for (int k = 0; k < 2; k++) {
        if ((k == 0) != turned) {
            ps_put_text(&properties, changed && t->what == 102 ? "w" : "v");
            put_value(&properties, changed && t->what < VALUES ? t->what : 0);
        } else {
            ps_put_text(&properties, "same");
            ps_put_int(&properties, i % 7);
        }
    }
    if (count == 3) ps_put_text(&properties, "extra"), ps_put_int(&properties, 0);
    graph_node node = {df_buf_str(&labels), df_buf_str(&properties)};
    graph_put_node(graph_begin(w, GRAPH_NODES), &node);
    if (graph_record(w, NULL) != DF_OK) abort();
    df_buf_release(&labels);
    df_buf_release(&properties);
}

static void put_edge(graph_writer *w, const twist *t, const int *place, int i)
{
    df_buf properties = {0};
    int from, to;
    bool changed = t->edge == i;
    ends_of(i, &from, &to);
    if (changed && t->what == 0) { /* turned round */
        int kept = from;
        from = to;
        to = kept;
    }
    if (changed && t->what == 1) to = (to + 1) % NODES;
    ps_put_dict(&properties, 1);
    ps_put_text(&properties, "n");
    ps_put_int(&properties, changed && t->what == 2 ? 99 : i / 3);
    graph_relationship r = {(uint32_t)place[from], (uint32_t)place[to],
                            changed && t->what == 3 ? DF_STR("U") : DF_STR("T"), df_buf_str(&properties)};
    graph_put_relationship(graph_begin(w, GRAPH_RELATIONSHIPS), &r);
    if (graph_record(w, NULL) != DF_OK) abort();
    df_buf_release(&properties);
}

static void put_rule(graph_writer *w, const char *name)
{
    df_buf list = {0}, config = {0};
    ps_put_list(&list, 1);
    ps_put_text(&list, "A");
    ps_put_dict(&config, 0);
    graph_rule rule = {.name = df_str_from(name),
                       .type = DF_STR("RANGE"),
                       .entity = DF_STR("NODE"),
                       .labels = df_buf_str(&list),
                       .properties = df_buf_str(&list),
                       .config = df_buf_str(&config),
                       .statement = DF_STR("CREATE INDEX")};
    graph_put_rule(graph_begin(w, GRAPH_RULES), &rule);
    if (graph_record(w, NULL) != DF_OK) abort();
    df_buf_release(&list);
    df_buf_release(&config);
}

static void flush(graph_writer *w)
{
    if (graph_flush(w, NULL) != DF_OK) abort();
}

static void put_begin(graph_writer *w)
{
    ps_put_dict(graph_begin(w, GRAPH_META), 0);
    if (graph_record(w, NULL) != DF_OK) abort();
    flush(w);
}

static void put_end(graph_writer *w, int rules, int nodes, int edges)
{
    flush(w);
    df_buf *out = graph_begin(w, GRAPH_END);
    ps_put_list(out, 3);
    ps_put_int(out, rules);
    ps_put_int(out, nodes);
    ps_put_int(out, edges);
    if (graph_record(w, NULL) != DF_OK) abort();
    flush(w);
}

static void make(const twist *t, df_buf *out)
{
    int order[EDGES], place[NODES];
    graph_writer *w = graph_writer_open(put_bytes, out);
    put_begin(w);
    put_rule(w, "one");
    if (!t->no_rule) put_rule(w, "two");
    flush(w);
    shuffle(order, NODES, t->seed);
    for (int i = 0; i < NODES; i++) {
        place[order[i]] = i;
        put_node(w, t, order[i]);
    }
    flush(w);
    shuffle(order, EDGES, t->seed + 1);
    for (int i = 0; i < EDGES; i++) put_edge(w, t, place, order[i]);
    put_end(w, 2 - t->no_rule, NODES, EDGES);
    graph_writer_close(w);
}

typedef struct source {
    df_str rest;
    size_t piece;
} source;

static df_code take(void *context, df_str *piece, df_error *err)
{
    (void)err;
    source *s = context;
    size_t n = s->rest.len < s->piece ? s->rest.len : s->piece;
    *piece = n ? (df_str){s->rest.ptr, n} : DF_STR_NONE;
    s->rest = df_str_skip(s->rest, n);
    return DF_OK;
}

static df_code content(df_str stream, size_t piece, df_content *out, df_error *err)
{
    source s = {stream, piece};
    df_content_options options = {.exclude = NULL};
    return neo_dump_content(&options, take, &s, out, err);
}

static const char *digest_of(const twist *t, char out[65])
{
    df_buf stream = {0};
    df_content c = {0};
    df_error err = {0};
    make(t, &stream);
    if (content(df_buf_str(&stream), PIECE, &c, &err) != DF_OK) note("%s", err.message);
    memcpy(out, c.digest, 65);
    df_buf_release(&stream);
    return out;
}

static void test_order(void)
{
    char first[65], other[65];
    int equal = 0;
    digest_of(&none, first);
    for (uint64_t seed = 2; seed < 40; seed++) {
        twist t = none;
        t.seed = seed;
        equal += strcmp(first, digest_of(&t, other)) == 0;
    }
    check(first[0] && equal == 38, "any order of nodes, edges, labels and properties: one digest (%d of 38)",
          equal);
}

static void test_changes(void)
{
    char seen[VALUES + 20][65], other[65];
    int count = 0, same = 0, rounds = 0;
    digest_of(&none, seen[count++]);
    for (int what = 1; what < VALUES; what++) {
        twist t = none;
        t.node = 8;
        t.what = what;
        digest_of(&t, seen[count++]);
    }
    for (int what = 100; what <= 102; what++) {
        twist t = none;
        t.node = 9;
        t.what = what;
        digest_of(&t, seen[count++]);
    }
    twist without = none;
    without.no_rule = true;
    digest_of(&without, seen[count++]);
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < i; k++) same += strcmp(seen[i], seen[k]) == 0;
    }
    check(!same, "%d graphs that differ in one value, label, property or index have %d digests", count,
          count - same);
    same = 0;
    for (int edge = 0; edge < EDGES; edge++) {
        int from, to;
        ends_of(edge, &from, &to);
        for (int what = 0; what < 4; what++) {
            twist t = none;
            t.edge = edge;
            t.what = what;
            if (what == 0 && from == to) continue; /* turned round it is itself */
            if (what == 2 && edge / 3 == 99) continue;
            same += strcmp(seen[0], digest_of(&t, other)) == 0;
            rounds++;
        }
    }
    check(!same, "%d changes of an edge's direction, end, property and type: %d are not seen", rounds, same);
}

/* Nodes that have nothing, in chains and rings: what refinement tells apart and what it cannot. */
static void chain(const int *lengths, bool ring, df_content *out)
{
    df_buf stream = {0}, empty_list = {0}, empty_dict = {0};
    graph_writer *w = graph_writer_open(put_bytes, &stream);
    int nodes = 0, edges = 0;
    ps_put_list(&empty_list, 0);
    ps_put_dict(&empty_dict, 0);
    put_begin(w);
    for (const int *l = lengths; *l; l++) nodes += *l;
    graph_node node = {df_buf_str(&empty_list), df_buf_str(&empty_dict)};
    for (int i = 0; i < nodes; i++) {
        graph_put_node(graph_begin(w, GRAPH_NODES), &node);
        if (graph_record(w, NULL) != DF_OK) abort();
    }
    flush(w);
    int first = 0;
    for (const int *l = lengths; *l; first += *l++) {
        for (int i = 0; i < *l - !ring; i++) {
            graph_relationship r = {(uint32_t)(first + i), (uint32_t)(first + (i + 1) % *l), DF_STR("T"),
                                    df_buf_str(&empty_dict)};
            graph_put_relationship(graph_begin(w, GRAPH_RELATIONSHIPS), &r);
            if (graph_record(w, NULL) != DF_OK) abort();
            edges++;
        }
    }
    put_end(w, 0, nodes, edges);
    graph_writer_close(w);
    *out = (df_content){0};
    df_code code = content(df_buf_str(&stream), PIECE, out, NULL);
    check(code == DF_OK && out->nodes == nodes && out->relationships == edges,
          "%d nodes, %d edges: %lld colours after %d rounds", nodes, edges, (long long)out->colours,
          out->rounds);
    df_buf_release(&stream);
    df_buf_release(&empty_list);
    df_buf_release(&empty_dict);
}

static void test_refinement(void)
{
    df_content a, b;
    chain((int[]){10, 20, 0}, false, &a);
    chain((int[]){15, 15, 0}, false, &b);
    check(strcmp(a.digest, b.digest) != 0, "chains of 10 and 20 are not two of 15");
    chain((int[]){20, 10, 0}, false, &b);
    check(strcmp(a.digest, b.digest) == 0, "whatever comes first");
    chain((int[]){6, 0}, true, &a);
    chain((int[]){3, 3, 0}, true, &b);
    check(strcmp(a.digest, b.digest) == 0 && a.colours == 1,
          "a ring of six and two of three: not told apart, and so it says");
}

static void test_damage(void)
{
    df_buf stream = {0}, copy = {0};
    df_content c;
    df_error err;
    int good = 0, other = 0;
    make(&none, &stream);
    for (size_t i = 0; i < stream.len; i++) {
        df_buf_clear(&copy);
        df_buf_str_add(&copy, df_buf_str(&stream));
        copy.ptr[i] ^= (char)(1 << i % 8);
        df_code code = content(df_buf_str(&copy), 1000, &c, &err);
        good += code == DF_OK;
        other += code != DF_OK && code != DF_CORRUPT;
    }
    check(!good && !other, "%zu streams with one wrong bit: %d read as good, %d with another error",
          stream.len, good, other);
    good = other = 0;
    for (size_t i = 0; i < stream.len; i++) {
        df_code code = content((df_str){stream.ptr, i}, i % 50 + 1, &c, &err);
        good += code == DF_OK;
        other += code != DF_OK && code != DF_CORRUPT;
    }
    check(!good && !other, "%zu streams that are cut off: %d read as good, %d with another error", stream.len,
          good, other);
    df_buf_char(&stream, 'x');
    check(content(df_buf_str(&stream), 1000, &c, &err) == DF_CORRUPT, "longer than it says: %s", err.message);
    df_buf_release(&stream);
    df_buf_release(&copy);
}

int main(void)
{
    test_order();
    test_changes();
    test_refinement();
    test_damage();
    return tap_done();
}
