/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a statement of Cypher does to nodes that may stand alone. What is asked is whether a node that somebody keeps for himself is
 * in danger: so what is bound by a label is told apart from what may be any node, and what is joined to a relationship is neither.
 */
#include "sql/sql_int.h"

enum { MOST_NODES = 48, MOST_FILTERS = 32, MOST_MADE = 16, COMPARED = 64 };

typedef struct node {
    df_str variable;
    df_str labels[DF_SQL_MOST_LABELS];
    size_t n_labels;
    bool matched; /* was there before */
    bool joined;  /* has a relationship, or two labels, or is a relationship */
    bool odd;     /* its labels are an expression */
} node;

struct sql_writes {
    size_t n_nodes, first_node; /* those from `first_node` on are in reach */
    size_t n_filters;
    bool filtered, loose, many;
    df_str reads;
    bool begun;
    df_sql_write *items;
    size_t count, room;
    /* What one run through it makes. */
    size_t n_made, clauses, values;
    int64_t changes;
    bool uncounted, sets;
    df_str value; /* the property that is set last */
    /* Not cleared: */
    node nodes[MOST_NODES];
    df_sql_filter filters[MOST_FILTERS];
    df_sql_made made[MOST_MADE];
};

/* ---- patterns ---- */

/* A:B, A&B, A|B; anything else is odd. */
static void read_labels(sql_graph *g, df_str expression, node *out)
{
    df_sql_lexer lexer = {.dialect = g->f->r.lexer.dialect, .text = expression};
    bool all = false, any = false;
    for (df_sql_token t; (t = df_sql_next_word(&lexer)).kind != DF_SQL_END;) {
        if (t.kind == DF_SQL_WORD || t.kind == DF_SQL_NAME) {
            if (out->n_labels < DF_SQL_MOST_LABELS)
                out->labels[out->n_labels++] = sql_name_of(g->f, t);
            else
                out->odd = true;
            continue;
        }
        char c = t.kind == DF_SQL_SYMBOL ? t.text.ptr[0] : '\0';
        all |= c == ':' || c == '&';
        any |= c == '|';
        out->odd |= c != ':' && c != '&' && c != '|';
    }
    out->odd |= all && any;
    if (!out->odd) out->joined |= all;
    if (out->odd) out->n_labels = 0;
}

static node *find(sql_writes *w, df_str variable)
{
    for (size_t i = w->first_node; variable.len && i < w->n_nodes; i++)
        if (df_str_eq(w->nodes[i].variable, variable)) return &w->nodes[i];
    return NULL;
}

static void make(sql_writes *w, df_sql_made made)
{
    for (size_t i = 0; i < w->n_made; i++) {
        if (w->made[i].kind != made.kind || !df_str_eq(w->made[i].name, made.name)) continue;
        w->made[i].times++;
        return;
    }
    made.times = 1;
    if (w->n_made < MOST_MADE) w->made[w->n_made++] = made;
}

/* What is bound already is not made, and counting it as if it were only makes the promise smaller. */
static void count_made(sql_writes *w, const sql_pattern *pattern, const node *n)
{
    w->changes += 1 + (pattern->relationship ? 0 : (int64_t)n->n_labels) + pattern->entries;
    w->uncounted |= n->odd;
    for (size_t i = 0; i < n->n_labels; i++)
        make(w, (df_sql_made){.kind = pattern->relationship ? DF_SQL_MADE_RELATIONSHIPS : DF_SQL_MADE_NODES, .name = n->labels[i]});
}

void sql_write_pattern(sql_graph *g, const sql_pattern *pattern)
{
    sql_writes *w = g->f->writes;
    if (!w) return;
    node made = {.variable = pattern->variable,
                 .matched = !pattern->made,
                 .joined = pattern->joined || pattern->relationship,
                 .odd = pattern->odd};
    if (!made.odd) read_labels(g, pattern->labels, &made);
    node *known = find(w, pattern->variable);
    bool bound = known && !pattern->relationship;
    if ((pattern->made || pattern->merged) && !bound) count_made(w, pattern, &made);
    if (!known) {
        if (w->n_nodes < MOST_NODES) w->nodes[w->n_nodes++] = made;
        return;
    }
    if (pattern->made || pattern->optional) return;
    known->joined |= made.joined;
    if (!known->n_labels && !known->odd) {
        memcpy(known->labels, made.labels, sizeof made.labels);
        known->n_labels = made.n_labels;
        known->odd = made.odd;
    }
}

void sql_write_union(sql_graph *g)
{
    sql_writes *w = g->f->writes;
    if (!w) return;
    w->first_node = w->n_nodes;
    w->filtered = w->loose = false;
    w->reads = DF_STR_NONE;
    w->begun = true;
}

/* ---- what is made ---- */

void sql_write_clause(sql_graph *g, bool on_create)
{
    if (g->f->writes) g->f->writes->clauses += !on_create;
}

void sql_write_value(sql_graph *g, const df_sql_token *property, bool on_create)
{
    sql_writes *w = g->f->writes;
    if (!w) return;
    w->changes++;
    w->uncounted |= property == NULL;
    if (on_create || !property) return;
    w->sets = true;
    w->values++;
    w->value = sql_name_of(g->f, *property);
}

void sql_write_uncounted(sql_graph *g)
{
    if (g->f->writes) g->f->writes->uncounted = true;
}

/* SET of one property of what one pattern binds, of which each row is another node. */
static bool sets_one(const sql_writes *w)
{
    return w->sets && !w->n_made && w->values == 1 && w->n_nodes == 1 && !w->nodes[0].joined;
}

const df_sql_made *df_sql_makes(const df_sql_dialect *dialect, df_str statement, df_arena *arena, size_t *count, int64_t *changes)
{
    *count = 0;
    *changes = 0;
    if (dialect->family != DF_SQL_CYPHER) return NULL;
    sql_writes *w = df_arena_alloc(arena, sizeof *w);
    memset(w, 0, offsetof(sql_writes, nodes));
    sql_facts f = {.arena = arena, .family = dialect->family, .writes = w};
    sql_reader_init(&f.r, dialect, statement);
    sql_read_cypher(&f);
    if (w->clauses != 1 || w->uncounted || !w->changes) return NULL;
    if (sets_one(w)) make(w, (df_sql_made){.kind = DF_SQL_MADE_VALUES, .name = w->value});
    else if (w->sets) return NULL;
    *count = w->n_made;
    *changes = w->changes;
    return w->made;
}

/* ---- what restricts ---- */

void sql_write_where(sql_graph *g, bool sure)
{
    /* In the text of a procedure WHERE id(n) = id finds again what another text has read. */
    if (g->f->writes) g->f->writes->filtered |= sure || !g->f->depth;
}

/* 'text', alone: nothing that goes on as an expression stands behind it. */
static df_str whole_string(sql_reader *r)
{
    static const char *const ends[] = {"AND", "MATCH", "OPTIONAL", "WITH", "SET", "REMOVE", "DELETE", "DETACH", "CALL", "FOREACH", "RETURN"};
    df_str text = r->token.text;
    bool string = r->token.kind == DF_SQL_STRING && text.len >= 2 && !memchr(text.ptr, '\\', text.len);
    if (!string) return (df_str){0};
    sql_read(r);
    bool alone = sql_sees_end(r) || sql_sees_symbol(r, ',') || sql_sees_symbol(r, '}') || sql_sees_symbol(r, ')');
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) alone |= sql_sees(r, ends[i]);
    return alone ? (df_str){text.ptr + 1, text.len - 2} : (df_str){0};
}

void sql_write_filter(sql_graph *g, df_str variable, df_sql_token key, const sql_reader *r, bool map)
{
    sql_writes *w = g->f->writes;
    if (!w) return;
    sql_reader behind = *r;
    bool is_null = !map && sql_take(&behind, "IS") && sql_take(&behind, "NULL");
    behind = *r;
    df_str equals = map || sql_take_symbol(&behind, '=') ? whole_string(&behind) : (df_str){0};
    w->filtered = true;
    w->many |= w->n_filters == MOST_FILTERS;
    if (w->n_filters < MOST_FILTERS)
        w->filters[w->n_filters++] =
            (df_sql_filter){.variable = variable, .property = sql_name_of(g->f, key), .is_null = is_null, .equals = equals};
}

void sql_write_loose(sql_graph *g)
{
    g->f->writes->loose = true;
}

/* ---- what reads ---- */

/* Nothing but WITH and names: what the subquery is given. */
static bool only_imports(sql_graph *g, df_str text)
{
    df_sql_lexer lexer = {.dialect = g->f->r.lexer.dialect, .text = text};
    df_sql_token t = df_sql_next_word(&lexer);
    if (t.kind == DF_SQL_END) return true;
    if (!df_sql_is(t, "WITH")) return false;
    for (bool name = true; (t = df_sql_next_word(&lexer)).kind != DF_SQL_END; name = !name) {
        bool comma = t.kind == DF_SQL_SYMBOL && (t.text.ptr[0] == ',' || t.text.ptr[0] == '*');
        if (comma == name && t.text.ptr[0] != '*') return false;
    }
    return true;
}

void sql_write_begins(sql_graph *g, size_t at, size_t call, size_t inside, bool simple)
{
    sql_writes *w = g->f->writes;
    if (!w || w->begun) return;
    w->begun = true;
    df_str text = g->f->r.lexer.text;
    if (!simple || g->f->depth || at > text.len || inside > at || call > inside) return;
    df_str before = {text.ptr, inside ? call : at}, within = {text.ptr + inside, inside ? at - inside : 0};
    if (!inside || only_imports(g, within))
        w->reads = before;
    else if (df_sql_is_blank(g->f->r.lexer.dialect, before))
        w->reads = within;
    if (df_sql_is_blank(g->f->r.lexer.dialect, w->reads)) w->reads = DF_STR_NONE;
}

/* ---- what is written ---- */

static bool same(const df_sql_write *a, const df_sql_write *b)
{
    return a->kind == b->kind && a->handed_on == b->handed_on && a->n_labels == b->n_labels &&
           df_str_eq(a->variable, b->variable) && df_str_eq(a->name, b->name) &&
           (!a->n_labels || df_str_eq(a->labels[0], b->labels[0]));
}

static void add(sql_graph *g, df_sql_write item, const node *of)
{
    sql_writes *w = g->f->writes;
    item.filtered = w->filtered || of->odd;
    item.loose = w->loose || of->odd;
    item.many = w->many;
    item.n_filters = w->n_filters;
    item.reads = w->reads;
    item.n_labels = of->n_labels;
    memcpy(item.labels, of->labels, sizeof item.labels);
    for (size_t i = 0; i < w->count && i < COMPARED; i++)
        if (same(&w->items[i], &item)) return;
    if (w->count == w->room) {
        size_t room = w->room ? 2 * w->room : 8;
        df_sql_write *items = df_arena_alloc(g->f->arena, room * sizeof *items);
        if (w->count) memcpy(items, w->items, w->count * sizeof *items);
        w->items = items;
        w->room = room;
    }
    w->items[w->count++] = item;
}

void sql_write_target(sql_graph *g, const df_sql_token *name, bool label)
{
    sql_writes *w = g->f->writes;
    if (!w) return;
    df_sql_write item = {.kind = !name   ? DF_SQL_WRITES_NODE
                                 : label ? DF_SQL_REMOVES_LABEL
                                         : DF_SQL_WRITES_PROPERTY,
                         .variable = g->target,
                         .name = name ? sql_name_of(g->f, *name) : DF_STR_NONE};
    const node *known = find(w, g->target);
    if (known) {
        if (known->matched && !known->joined) add(g, item, known);
        return;
    }
    item.handed_on = true;
    for (size_t i = w->first_node; i < w->n_nodes; i++)
        if (w->nodes[i].matched && !w->nodes[i].joined) add(g, item, &w->nodes[i]);
}

const df_sql_write *df_sql_lone_writes(const df_sql_dialect *dialect, df_str statement, df_arena *arena, size_t *count)
{
    *count = 0;
    if (dialect->family != DF_SQL_CYPHER) return NULL;
    sql_writes *writes = df_arena_alloc(arena, sizeof *writes);
    memset(writes, 0, offsetof(sql_writes, nodes));
    sql_facts f = {.arena = arena, .family = dialect->family, .writes = writes};
    sql_reader_init(&f.r, dialect, statement);
    sql_read_cypher(&f);
    for (size_t i = 0; i < writes->count; i++) writes->items[i].filters = writes->filters;
    *count = writes->count;
    return writes->items;
}
