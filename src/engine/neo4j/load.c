/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a graph from a dump. Nodes are gathered by their labels, and relationships by their type, because
 * neither can be a parameter; a few batches are on their way at any time, each a transaction of its own.
 * Where the new nodes are is kept as eight bytes a node: the relationships are joined to them by id, without
 * labels or properties of ours in anybody's graph.
 */
#include "engine/neo4j/graph.h"
#include "engine/neo4j/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    BATCH_ROWS = 8000,
    BATCH_BYTES = 2 << 20,
    HELD_BYTES = 64 << 20, /* of all rows that wait for their batch */
    WINDOW = 3,            /* batches on their way */
    LOOK_MS = 100,         /* between two looks at indexes that are being populated */
};

/* Rows that one statement makes. */
typedef struct bucket {
    df_buf query, rows;
    uint32_t *numbers; /* of nodes */
    size_t count, cap;
} bucket;

typedef struct buckets {
    bucket *items;
    size_t count, cap;
    df_keymap by_key; /* index plus 1 */
    size_t bytes;
} buckets;

typedef struct in_flight {
    uint32_t *numbers; /* NULL: relationships */
    size_t count;
} in_flight;

typedef struct loader {
    neo_conn *conn;
    const df_load_options *options;
    graph_reader *reader;
    buckets nodes, relationships;
    int64_t *ids; /* of the new nodes, by their numbers */
    size_t n_ids, ids_cap;
    in_flight window[WINDOW];
    size_t n_window;
    df_buf parameters;
    df_buf rules; /* records of constraints and indexes */
    size_t n_rules;
    int64_t done;
} loader;

/* ---- buckets ---- */

static void release_buckets(buckets *b)
{
    for (size_t i = 0; i < b->count; i++) {
        df_buf_release(&b->items[i].query);
        df_buf_release(&b->items[i].rows);
        free(b->items[i].numbers);
    }
    free(b->items);
    df_keymap_release(&b->by_key);
    *b = (buckets){0};
}

static df_code put_create_node(df_buf *out, df_str labels, df_error *err)
{
    ps_reader reader = {.bytes = labels};
    ps_item head, label;
    DF_TRY(graph_expect(&reader, PS_LIST, &head, err));
    df_buf_text(out, "UNWIND $rows AS r CREATE (n");
    for (uint32_t i = 0; i < head.count; i++) {
        DF_TRY(graph_expect(&reader, PS_STRING, &label, err));
        df_buf_char(out, ':');
        graph_put_quoted(out, label.s);
    }
    df_buf_text(out, ") SET n = r RETURN collect(id(n))");
    return DF_OK;
}

static df_code put_create_relationship(df_buf *out, df_str type, df_error *err)
{
    (void)err;
    df_buf_text(out,
                "UNWIND $rows AS r MATCH (a) WHERE id(a) = r[0] MATCH (b) WHERE id(b) = r[1] CREATE (a)-[x:");
    graph_put_quoted(out, type);
    df_buf_text(out, "]->(b) SET x = r[2] RETURN count(x)");
    return DF_OK;
}

typedef df_code (*put_query_fn)(df_buf *out, df_str key, df_error *err);

static df_code find_bucket(buckets *b, df_str key, put_query_fn put, bucket **out, df_error *err)
{
    bool added;
    int64_t *at = df_keymap_put(&b->by_key, df_hash(key.ptr, key.len), &added);
    if (added) {
        *at = (int64_t)b->count + 1;
        DF_PUSH(b->items, b->count, b->cap) = (bucket){.count = 0};
        DF_TRY(put(&b->items[b->count - 1].query, key, err));
    }
    *out = &b->items[*at - 1];
    return DF_OK;
}

/* ---- batches ---- */

static df_code next_reply(loader *l, bolt_reply kind, bolt_message *m, df_error *err)
{
    DF_TRY(neo_receive(l->conn, m, err));
    if (m->kind == BOLT_FAILURE) return neo_failed(l->conn, m->body, err);
    if (m->kind == kind) return DF_OK;
    neo_reset_bolt(l->conn);
    return df_fail(err, DF_CORRUPT, "the server did not answer in the order of the requests");
}

static df_code take_ids(loader *l, const in_flight *f, df_str record, df_error *err)
{
    ps_reader reader = {.bytes = record};
    ps_item item;
    DF_TRY(graph_expect(&reader, PS_LIST, &item, err));
    DF_TRY(graph_expect(&reader, f->numbers ? PS_LIST : PS_INT, &item, err));
    size_t made = f->numbers ? item.count : (size_t)item.i;
    if (made != f->count)
        return df_fail(err, DF_FAILED, "the server made %zu of %zu %s", made, f->count,
                       f->numbers ? "nodes" : "relationships: somebody else removes nodes");
    for (size_t i = 0; f->numbers && i < made; i++) {
        DF_TRY(graph_expect(&reader, PS_INT, &item, err));
        l->ids[f->numbers[i]] = item.i;
    }
    return DF_OK;
}

/* The oldest batch. */
static df_code finish_batch(loader *l, df_error *err)
{
    bolt_message m;
    in_flight f = l->window[0];
    DF_TRY(next_reply(l, BOLT_SUCCESS, &m, err));
    DF_TRY(next_reply(l, BOLT_RECORD, &m, err));
    df_code code = take_ids(l, &f, m.body, err);
    if (code != DF_OK) {
        neo_reset_bolt(l->conn);
        return code;
    }
    DF_TRY(next_reply(l, BOLT_SUCCESS, &m, err));
    free(f.numbers);
    memmove(l->window, l->window + 1, --l->n_window * sizeof *l->window);
    l->done += (int64_t)f.count;
    df_report_progress(l->options->observer, f.numbers ? "nodes" : "relationships",
                       l->options->subject ? l->options->subject : "graph", l->done, 0);
    return df_check_cancelled(l->options->observer, err);
}

static df_code finish_all(loader *l, df_error *err)
{
    while (l->n_window) DF_TRY(finish_batch(l, err));
    return DF_OK;
}

static df_code send(loader *l, buckets *all, bucket *b, df_error *err)
{
    const char *bookmarks[2];
    if (!b->count) return DF_OK;
    if (l->n_window == WINDOW) DF_TRY(finish_batch(l, err));
    df_buf_clear(&l->parameters);
    ps_put_dict(&l->parameters, 1);
    ps_put_text(&l->parameters, "rows");
    ps_put_list(&l->parameters, b->count);
    df_buf_str_add(&l->parameters, df_buf_str(&b->rows));
    bolt_transaction t = neo_transaction(l->conn, bookmarks);
    bolt_run(l->conn->bolt, df_buf_str(&b->query), df_buf_str(&l->parameters), &t);
    bolt_pull(l->conn->bolt, -1);
    l->window[l->n_window++] = (in_flight){b->numbers, b->count};
    all->bytes -= b->rows.len;
    b->numbers = NULL;
    b->count = b->cap = 0;
    /* What a single long row needed is not kept. */
    if (b->rows.cap > 2 * BATCH_BYTES) df_buf_release(&b->rows);
    df_buf_clear(&b->rows);
    return DF_OK;
}

static df_code send_all(loader *l, buckets *all, df_error *err)
{
    for (size_t i = 0; i < all->count; i++) DF_TRY(send(l, all, &all->items[i], err));
    return finish_all(l, err);
}

/* A row was added. Very many buckets may hold much, each of them little. */
static df_code grown(loader *l, buckets *all, bucket *b, size_t by, df_error *err)
{
    all->bytes += by;
    if (b->count >= BATCH_ROWS || b->rows.len >= BATCH_BYTES) return send(l, all, b, err);
    if (all->bytes < HELD_BYTES) return DF_OK;
    for (size_t i = 0; i < all->count; i++) DF_TRY(send(l, all, &all->items[i], err));
    return DF_OK;
}

/* ---- records ---- */

static df_code add_node(loader *l, ps_reader *records, df_error *err)
{
    graph_node node;
    bucket *b;
    DF_TRY(graph_take_node(records, &node, err));
    DF_TRY(find_bucket(&l->nodes, node.labels, put_create_node, &b, err));
    if (l->n_ids >= UINT32_MAX - 1) return df_fail(err, DF_CORRUPT, "more nodes than there can be");
    size_t rows = b->count;
    DF_PUSH(b->numbers, rows, b->cap) = (uint32_t)l->n_ids;
    DF_PUSH(l->ids, l->n_ids, l->ids_cap) = -1;
    df_buf_str_add(&b->rows, node.properties);
    b->count++;
    return grown(l, &l->nodes, b, node.properties.len, err);
}

static df_code add_relationship(loader *l, ps_reader *records, df_error *err)
{
    graph_relationship r;
    bucket *b;
    DF_TRY(graph_take_relationship(records, &r, err));
    if (r.from >= l->n_ids || r.to >= l->n_ids || l->ids[r.from] < 0 || l->ids[r.to] < 0)
        return df_fail(err, DF_CORRUPT, "a relationship in the dump is without its nodes");
    DF_TRY(find_bucket(&l->relationships, r.type, put_create_relationship, &b, err));
    size_t before = b->rows.len;
    ps_put_list(&b->rows, 3);
    ps_put_int(&b->rows, l->ids[r.from]);
    ps_put_int(&b->rows, l->ids[r.to]);
    df_buf_str_add(&b->rows, r.properties);
    b->count++;
    return grown(l, &l->relationships, b, b->rows.len - before, err);
}

/* They are made last. */
static df_code keep_rule(loader *l, ps_reader *records, df_error *err)
{
    df_str record;
    DF_TRY(graph_slice(records, &record, err));
    df_buf_str_add(&l->rules, record);
    l->n_rules++;
    return DF_OK;
}

static df_code add_record(loader *l, char kind, ps_reader *records, df_error *err)
{
    switch (kind) {
    case GRAPH_RULES: return keep_rule(l, records, err);
    case GRAPH_NODES: return add_node(l, records, err);
    case GRAPH_RELATIONSHIPS: return add_relationship(l, records, err);
    default: return ps_skip(records, err);
    }
}

static df_code load_blocks(loader *l, df_error *err)
{
    char kind, before = 0;
    uint32_t count;
    df_str bytes;
    for (;;) {
        DF_TRY(graph_block(l->reader, &kind, &count, &bytes, err));
        if (before == GRAPH_NODES && kind != before) {
            DF_TRY(send_all(l, &l->nodes, err));
            release_buckets(&l->nodes);
            l->done = 0;
        }
        if (!kind) return send_all(l, &l->relationships, err);
        before = kind;
        ps_reader records = {.bytes = bytes};
        for (uint32_t i = 0; i < count; i++) DF_TRY(add_record(l, kind, &records, err));
        if (records.at != bytes.len)
            return df_fail(err, DF_CORRUPT, "a block of the dump holds more than it says");
    }
}

/* ---- constraints and indexes ---- */

static df_code execute(neo_conn *c, df_str statement, df_error *err)
{
    return neo_statement_run(c, &(neo_statement){.query = statement}, NULL, err);
}

/* What stands before " OPTIONS {…}", the end of a statement; all of it when there is none. */
static df_str before_options(df_str statement)
{
    static const char options[] = " OPTIONS {";
    const char *last = NULL, *at = statement.ptr, *end = statement.ptr + statement.len;
    while (at && (at = memmem(at, (size_t)(end - at), options, strlen(options)))) last = at++;
    return last ? (df_str){statement.ptr, (size_t)(last - statement.ptr)} : statement;
}

/* What 4.4 has as BTREE indexes, also below constraints, are RANGE indexes since: those without options. */
static df_code make_btree(neo_conn *c, const graph_rule *rule, df_error *err)
{
    static const char of_4[] = "CREATE BTREE INDEX ";
    df_buf sql = {0};
    df_str statement = before_options(rule->statement);
    if (df_str_starts(statement, df_str_from(of_4))) {
        df_buf_text(&sql, "CREATE INDEX ");
        statement = df_str_skip(statement, strlen(of_4));
    }
    df_buf_str_add(&sql, statement);
    df_code code = execute(c, df_buf_str(&sql), err);
    df_buf_release(&sql);
    return code;
}

static bool has_btree(const graph_rule *rule)
{
    static const char provider[] = "'native-btree-1.0'";
    df_str statement = rule->statement, before = before_options(statement);
    return before.len < statement.len &&
           memmem(before.ptr + before.len, statement.len - before.len, provider, strlen(provider));
}

/*
 * A newer server's settings of a vector index are not known to an older one. They say how fast it finds, not
 * what: it gets those that it must have.
 */
static df_code make_plain_vector(neo_conn *c, const graph_rule *rule, df_error *err)
{
    static const char *const names[] = {"vector.dimensions", "vector.similarity_function"};
    df_buf sql = {0};
    ps_reader reader = {.bytes = rule->config}, value;
    ps_item head;
    bool found, first = true;
    df_str before = before_options(rule->statement);
    df_code code = graph_expect(&reader, PS_DICT, &head, err);
    if (code == DF_OK && before.len == rule->statement.len)
        code = df_fail(err, DF_CORRUPT, "a vector index without options");
    if (code == DF_OK) {
        df_buf_str_add(&sql, before);
        df_buf_text(&sql, " OPTIONS {indexConfig: {");
    }
    for (size_t i = 0; code == DF_OK && i < 2; i++) {
        ps_item item;
        code = ps_find(reader, head.count, names[i], &value, &found, err);
        if (code != DF_OK || !found) continue;
        code = ps_read(&value, &item, err);
        df_buf_printf(&sql, "%s`%s`: ", first ? "" : ", ", names[i]);
        if (item.type == PS_INT)
            df_buf_int(&sql, item.i);
        else if (item.type == PS_STRING)
            df_buf_printf(&sql, "'%.*s'", DF_FMT(item.s));
        first = false;
    }
    df_buf_text(&sql, "}}");
    if (code == DF_OK) code = execute(c, df_buf_str(&sql), err);
    df_buf_release(&sql);
    return code;
}

static df_code make_rule(neo_conn *c, const graph_rule *rule, df_error *err)
{
    bool btree = c->version >= NEO_5 && has_btree(rule);
    df_code code = btree ? make_btree(c, rule, err) : execute(c, rule->statement, err);
    if (code == DF_FAILED && df_str_is(rule->type, "VECTOR")) code = make_plain_vector(c, rule, err);
    return code == DF_OK ? DF_OK : df_error_prefix(err, "%.*s", DF_FMT(rule->name));
}

static df_code make_rules(loader *l, bool constraints, df_error *err)
{
    ps_reader records = {.bytes = df_buf_str(&l->rules)};
    graph_rule rule;
    for (size_t i = 0; i < l->n_rules; i++) {
        DF_TRY(graph_take_rule(&records, &rule, err));
        if (rule.constraint != constraints) continue;
        DF_TRY(make_rule(l->conn, &rule, err));
        DF_TRY(df_check_cancelled(l->options->observer, err));
    }
    return DF_OK;
}

typedef struct populating {
    int64_t count;
    char failed[400];
} populating;

static df_code look_at_index(void *context, df_str record, df_error *err)
{
    populating *p = context;
    ps_reader reader = {.bytes = record};
    ps_item name, state, message;
    DF_TRY(graph_expect(&reader, PS_LIST, &name, err));
    DF_TRY(graph_expect(&reader, PS_STRING, &name, err));
    DF_TRY(graph_expect(&reader, PS_STRING, &state, err));
    DF_TRY(ps_read(&reader, &message, err));
    p->count++;
    if (df_str_is(state.s, "FAILED"))
        snprintf(p->failed, sizeof p->failed, "the index %.*s could not be populated: %.*s", DF_FMT(name.s),
                 message.type == PS_STRING ? (int)message.s.len : 0,
                 message.type == PS_STRING ? message.s.ptr : "");
    return DF_OK;
}

static df_code await_indexes(loader *l, df_error *err)
{
    for (;;) {
        populating p = {0};
        DF_TRY(neo_query(l->conn,
                         "SHOW INDEXES YIELD name, state, failureMessage WHERE state <> 'ONLINE' "
                         "RETURN name, state, failureMessage",
                         DF_STR_NONE, look_at_index, &p, err));
        if (p.failed[0]) return df_fail(err, DF_FAILED, "%s", p.failed);
        if (!p.count) return DF_OK;
        DF_TRY(df_check_cancelled(l->options->observer, err));
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    }
}

/* ---- emptying ---- */

typedef struct names {
    const df_load_options *options;
    const char *drop;
    df_buf *items; /* DROP statements */
    size_t count, cap;
} names;

static df_code take_name(void *context, df_str record, df_error *err)
{
    names *n = context;
    ps_reader reader = {.bytes = record};
    ps_item name;
    df_str labels;
    bool kept;
    df_buf sql = {0};
    DF_TRY(graph_expect(&reader, PS_LIST, &name, err));
    DF_TRY(graph_expect(&reader, PS_STRING, &name, err));
    DF_TRY(graph_slice(&reader, &labels, err));
    DF_TRY(graph_matches(labels, n->options->keep, &kept, err));
    if (kept) return DF_OK;
    df_buf_text(&sql, n->drop);
    graph_put_quoted(&sql, name.s);
    df_buf_text(&sql, " IF EXISTS");
    DF_PUSH(n->items, n->count, n->cap) = sql;
    return DF_OK;
}

static const char constraints_query[] =
    "SHOW CONSTRAINTS YIELD name, labelsOrTypes RETURN name, labelsOrTypes";
static const char indexes_query[] =
    "SHOW INDEXES YIELD name, type, labelsOrTypes, owningConstraint WHERE owningConstraint IS NULL AND "
    "type <> 'LOOKUP' RETURN name, labelsOrTypes";
static const char indexes_query4[] =
    "SHOW INDEXES YIELD name, type, labelsOrTypes, uniqueness WHERE uniqueness <> 'UNIQUE' AND "
    "type <> 'LOOKUP' RETURN name, labelsOrTypes";

static df_code list_rules(neo_conn *c, names *n, df_error *err)
{
    n->drop = "DROP CONSTRAINT ";
    DF_TRY(neo_query(c, constraints_query, DF_STR_NONE, take_name, n, err));
    n->drop = "DROP INDEX ";
    return neo_query(c, c->version < NEO_5 ? indexes_query4 : indexes_query, DF_STR_NONE, take_name, n, err);
}

static void release_names(names *n)
{
    for (size_t i = 0; i < n->count; i++) df_buf_release(&n->items[i]);
    free(n->items);
}

static df_code drop_rules(neo_conn *c, const df_load_options *options, df_error *err)
{
    names n = {.options = options};
    df_code code = list_rules(c, &n, err);
    for (size_t i = 0; code == DF_OK && i < n.count; i++) code = execute(c, df_buf_str(&n.items[i]), err);
    release_names(&n);
    return code;
}

static void put_unkept(df_buf *out, const df_load_options *options)
{
    const char *word = " WHERE NOT n:";
    for (const char *const *label = options->keep; label && *label; label++) {
        df_buf_text(out, word);
        graph_put_quoted(out, df_str_from(*label));
        word = " AND NOT n:";
    }
}

/* Since 5.23 a subquery names what it takes, before it imports it. */
static df_code delete_all(neo_conn *c, const char *match, char name, const df_load_options *options,
                          const char *how, df_error *err)
{
    df_buf sql = {0};
    df_buf_text(&sql, match);
    if (name == 'n') put_unkept(&sql, options);
    if (c->version >= 52300)
        df_buf_printf(&sql, " CALL (%c) {", name);
    else
        df_buf_printf(&sql, " CALL { WITH %c", name);
    df_buf_printf(&sql, " %s %c } IN TRANSACTIONS OF 10000 ROWS", how, name);
    df_code code = execute(c, df_buf_str(&sql), err);
    df_buf_release(&sql);
    return code;
}

df_code neo_wipe(df_conn *conn, const df_load_options *options, df_error *err)
{
    neo_conn *c = neo_of(conn);
    DF_TRY(drop_rules(c, options, err));
    DF_TRY(df_check_cancelled(options->observer, err));
    DF_TRY(delete_all(c, "MATCH ()-[r]->()", 'r', options, "DELETE", err));
    DF_TRY(df_check_cancelled(options->observer, err));
    return delete_all(c, "MATCH (n)", 'n', options, "DETACH DELETE", err);
}

static df_code count_one(void *context, df_str record, df_error *err)
{
    ps_reader reader = {.bytes = record};
    ps_item item;
    DF_TRY(graph_expect(&reader, PS_LIST, &item, err));
    DF_TRY(graph_expect(&reader, PS_INT, &item, err));
    *(int64_t *)context = item.i;
    return DF_OK;
}

static df_code check_empty(neo_conn *c, const df_load_options *options, df_error *err)
{
    names n = {.options = options};
    int64_t nodes = 0;
    df_buf sql = {0};
    df_buf_text(&sql, "MATCH (n)");
    put_unkept(&sql, options);
    df_buf_text(&sql, " RETURN count(n)");
    df_code code = neo_query(c, df_buf_cstr(&sql), DF_STR_NONE, count_one, &nodes, err);
    if (code == DF_OK) code = list_rules(c, &n, err);
    if (code == DF_OK && (nodes || n.count)) {
        code = df_fail(err, DF_REFUSED, "the database is not empty: %lld nodes, %zu constraints and indexes",
                       (long long)nodes, n.count);
        df_error_hint(err, "name an empty one");
    }
    df_buf_release(&sql);
    release_names(&n);
    return code;
}

/* ---- all of it ---- */

static void release(loader *l)
{
    graph_reader_close(l->reader);
    release_buckets(&l->nodes);
    release_buckets(&l->relationships);
    free(l->ids);
    for (size_t i = 0; i < l->n_window; i++) free(l->window[i].numbers);
    df_buf_release(&l->parameters);
    df_buf_release(&l->rules);
}

/* While batches are on their way the connection is the loader's alone. */
static df_code load_data(loader *l, df_error *err)
{
    neo_enter(l->conn);
    df_code code = load_blocks(l, err);
    if (code != DF_OK && l->n_window && !l->conn->base.lost) neo_reset_bolt(l->conn);
    return neo_leave(l->conn, code, err);
}

df_code neo_load(df_conn *conn, const df_load_options *options, df_read_fn read, void *context, bool *begun,
                 df_error *err)
{
    loader l = {.conn = neo_of(conn), .options = options, .reader = graph_reader_open(read, context)};
    df_code code = options->replace ? DF_OK : check_empty(l.conn, options, err);
    *begun = code == DF_OK;
    if (code == DF_OK && options->replace) code = neo_wipe(conn, options, err);
    if (code == DF_OK) code = load_data(&l, err);
    if (code == DF_OK) code = make_rules(&l, false, err);
    if (code == DF_OK) code = make_rules(&l, true, err);
    if (code == DF_OK) code = await_indexes(&l, err);
    release(&l);
    return code;
}
