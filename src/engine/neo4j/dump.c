/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a whole graph: into a stream, or for its digest alone. There is no snapshot: each query sees what
 * others commit while it runs. The bookmark tells whether anything was committed (it holds the number of the
 * last transaction); whether that counts, the content afterwards.
 */
#include "base/clock.h"
#include "base/json.h"
#include "engine/neo4j/graph.h"
#include "engine/neo4j/private.h"

#include <stdio.h>
#include <stdlib.h>

enum { OMITTED = UINT32_MAX - 1, REPORT_EVERY = 4096 };

typedef struct scan {
    neo_conn *conn;
    const df_content_options *options;
    const char *const *omit;
    graph_digest *digest;
    graph_writer *writer; /* NULL: only the digest is wanted */
    graph_ids ids;
    int64_t expected, seen, dangling;
    int64_t written[3]; /* rules, nodes, relationships */
} scan;

/* ---- progress ---- */

static df_code count_one(void *context, df_str record, df_error *err)
{
    ps_reader reader = {.bytes = record};
    ps_item item;
    DF_TRY(graph_expect(&reader, PS_LIST, &item, err));
    DF_TRY(graph_expect(&reader, PS_INT, &item, err));
    *(int64_t *)context = item.i;
    return DF_OK;
}

/* From the server's own counts: both answer at once. */
static df_code expect(scan *s, const char *query, df_error *err)
{
    s->seen = 0;
    DF_TRY(df_check_cancelled(s->options->observer, err));
    return neo_query(s->conn, query, DF_STR_NONE, count_one, &s->expected, err);
}

static df_code step(scan *s, const char *what, df_error *err)
{
    if (++s->seen % REPORT_EVERY) return DF_OK;
    df_report_progress(s->options->observer, what, s->options->subject ? s->options->subject : "graph",
                       s->seen, s->expected > s->seen ? s->expected : s->seen);
    return df_check_cancelled(s->options->observer, err);
}

/* ---- constraints and indexes ---- */

static df_code take_text(ps_reader *reader, df_str *out, df_error *err)
{
    ps_item item;
    DF_TRY(graph_expect(reader, PS_STRING, &item, err));
    *out = item.s;
    return DF_OK;
}

/* Of the options only what is configured: the provider is the server's choice. */
static df_code take_config(ps_reader *reader, df_str *out, df_error *err)
{
    static const char none[] = "\xA0";
    ps_item options;
    bool found = false;
    ps_reader value;
    *out = (df_str){none, 1};
    ps_reader at = *reader;
    DF_TRY(ps_read(&at, &options, err));
    if (options.type == PS_DICT) DF_TRY(ps_find(at, options.count, "indexConfig", &value, &found, err));
    if (found) DF_TRY(graph_slice(&value, out, err));
    return ps_skip(reader, err);
}

static df_code take_rule(scan *s, df_str record, bool constraint, df_error *err)
{
    ps_reader reader = {.bytes = record};
    ps_item item;
    graph_rule rule = {.constraint = constraint};
    bool omitted;
    DF_TRY(graph_expect(&reader, PS_LIST, &item, err));
    DF_TRY(take_text(&reader, &rule.name, err));
    DF_TRY(take_text(&reader, &rule.type, err));
    DF_TRY(take_text(&reader, &rule.entity, err));
    DF_TRY(graph_slice(&reader, &rule.labels, err));
    DF_TRY(graph_slice(&reader, &rule.properties, err));
    DF_TRY(take_config(&reader, &rule.config, err));
    DF_TRY(take_text(&reader, &rule.statement, err));
    DF_TRY(graph_matches(rule.labels, s->omit, &omitted, err));
    if (omitted) return DF_OK;
    DF_TRY(graph_digest_rule(s->digest, &rule, err));
    s->written[0]++;
    if (!s->writer) return DF_OK;
    graph_put_rule(graph_begin(s->writer, GRAPH_RULES), &rule);
    return graph_record(s->writer, err);
}

static df_code take_constraint(void *context, df_str record, df_error *err)
{
    return take_rule(context, record, true, err);
}

static df_code take_index(void *context, df_str record, df_error *err)
{
    return take_rule(context, record, false, err);
}

static df_code scan_rules(scan *s, df_error *err)
{
    DF_TRY(neo_query(s->conn,
                     "SHOW CONSTRAINTS YIELD name, type, entityType, labelsOrTypes, properties, options, "
                     "createStatement RETURN name, type, entityType, labelsOrTypes, properties, options, "
                     "createStatement",
                     DF_STR_NONE, take_constraint, s, err));
    return neo_query(s->conn,
                     s->conn->version < NEO_5
                         ? "SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties, options, "
                           "createStatement, uniqueness WHERE uniqueness <> 'UNIQUE' AND type <> 'LOOKUP' "
                           "RETURN name, type, entityType, labelsOrTypes, properties, options, createStatement"
                         : "SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties, options, "
                           "createStatement, owningConstraint WHERE owningConstraint IS NULL AND type <> 'LOOKUP' "
                           "RETURN name, type, entityType, labelsOrTypes, properties, options, createStatement",
                     DF_STR_NONE, take_index, s, err);
}

/* ---- nodes and relationships ---- */

static df_code open_struct(df_str record, uint8_t tag, ps_reader *reader, df_error *err)
{
    ps_item item;
    *reader = (ps_reader){.bytes = record};
    DF_TRY(graph_expect(reader, PS_LIST, &item, err));
    DF_TRY(graph_expect(reader, PS_STRUCT, &item, err));
    return item.tag == tag ? DF_OK
                           : df_fail(err, DF_CORRUPT, "the server sent another structure than asked for");
}

static df_code take_node(void *context, df_str record, df_error *err)
{
    scan *s = context;
    ps_reader reader;
    ps_item id;
    graph_node node;
    bool omitted;
    DF_TRY(open_struct(record, PS_NODE, &reader, err));
    DF_TRY(graph_expect(&reader, PS_INT, &id, err));
    DF_TRY(graph_slice(&reader, &node.labels, err));
    DF_TRY(graph_slice(&reader, &node.properties, err));
    DF_TRY(graph_matches(node.labels, s->omit, &omitted, err));
    if (omitted) return graph_ids_put(&s->ids, id.i, OMITTED, err);
    DF_TRY(graph_ids_put(&s->ids, id.i, (uint32_t)graph_digest_nodes(s->digest), err));
    DF_TRY(graph_digest_node(s->digest, &node, err));
    s->written[1]++;
    if (s->writer) {
        graph_put_node(graph_begin(s->writer, GRAPH_NODES), &node);
        DF_TRY(graph_record(s->writer, err));
    }
    return step(s, "nodes", err);
}

static df_code take_relationship(void *context, df_str record, df_error *err)
{
    scan *s = context;
    ps_reader reader;
    ps_item item, from, to;
    graph_relationship r;
    DF_TRY(open_struct(record, PS_RELATIONSHIP, &reader, err));
    DF_TRY(graph_expect(&reader, PS_INT, &item, err));
    DF_TRY(graph_expect(&reader, PS_INT, &from, err));
    DF_TRY(graph_expect(&reader, PS_INT, &to, err));
    DF_TRY(take_text(&reader, &r.type, err));
    DF_TRY(graph_slice(&reader, &r.properties, err));
    if (!graph_ids_get(&s->ids, from.i, &r.from) || !graph_ids_get(&s->ids, to.i, &r.to)) {
        s->dangling++;
        return DF_OK;
    }
    if (r.from == OMITTED || r.to == OMITTED) return DF_OK;
    DF_TRY(graph_digest_relationship(s->digest, &r, err));
    s->written[2]++;
    if (s->writer) {
        graph_put_relationship(graph_begin(s->writer, GRAPH_RELATIONSHIPS), &r);
        DF_TRY(graph_record(s->writer, err));
    }
    return step(s, "relationships", err);
}

static df_code end_block(scan *s, df_error *err)
{
    return s->writer ? graph_flush(s->writer, err) : DF_OK;
}

/* The same relationships come again from `MATCH ()-[r]->()`; ids of nodes are in them. */
static df_code scan_all(scan *s, df_error *err)
{
    DF_TRY(scan_rules(s, err));
    DF_TRY(end_block(s, err));
    DF_TRY(expect(s, "MATCH (n) RETURN count(n)", err));
    DF_TRY(neo_query(s->conn, "MATCH (n) RETURN n", DF_STR_NONE, take_node, s, err));
    DF_TRY(end_block(s, err));
    DF_TRY(expect(s, "MATCH ()-[r]->() RETURN count(r)", err));
    DF_TRY(neo_query(s->conn, "MATCH ()-[r]->() RETURN r", DF_STR_NONE, take_relationship, s, err));
    return end_block(s, err);
}

static void release(scan *s)
{
    graph_digest_close(s->digest);
    graph_writer_close(s->writer);
    graph_ids_release(&s->ids);
}

df_code neo_content(df_conn *conn, const df_content_options *options, df_content *out, df_error *err)
{
    scan s = {.conn = neo_of(conn), .options = options, .digest = graph_digest_open(options)};
    df_code code = scan_all(&s, err);
    if (code == DF_OK) code = graph_digest_finish(s.digest, out, err);
    release(&s);
    return code;
}

/* ---- the stream ---- */

static df_code put_meta(scan *s, df_error *err)
{
    df_buf *out = graph_begin(s->writer, GRAPH_META);
    char time[40], bolt_name[16];
    unsigned version = bolt_version(s->conn->bolt);
    df_time_format(df_now_ms(), time);
    snprintf(bolt_name, sizeof bolt_name, "%u.%u", version >> 8, version & 255);
    ps_put_dict(out, 4);
    ps_put_text(out, "server");
    ps_put_text(out, df_conn_server(&s->conn->base));
    ps_put_text(out, "bolt");
    ps_put_text(out, bolt_name);
    ps_put_text(out, "database");
    ps_put_text(out, s->conn->database);
    ps_put_text(out, "begun");
    ps_put_text(out, time);
    DF_TRY(graph_record(s->writer, err));
    return graph_flush(s->writer, err);
}

static df_code put_end(scan *s, df_error *err)
{
    df_buf *out = graph_begin(s->writer, GRAPH_END);
    ps_put_list(out, 3);
    for (int i = 0; i < 3; i++) ps_put_int(out, s->written[i]);
    DF_TRY(graph_record(s->writer, err));
    return graph_flush(s->writer, err);
}

/* The bookmark of a transaction that only reads names the last one that wrote. */
static df_code look_at_clock(neo_conn *c, char **bookmark, df_error *err)
{
    int64_t one;
    DF_TRY(neo_query(c, "RETURN 1", DF_STR_NONE, count_one, &one, err));
    *bookmark = c->bookmark ? df_strdup(df_str_from(c->bookmark)) : NULL;
    return DF_OK;
}

static bool same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* Something was committed: did it change what counts? */
static df_code look_again(scan *s, df_dump_report *report, df_error *err)
{
    DF_TRY(neo_content(&s->conn->base, s->options, &report->later, err));
    report->consistent = !s->dangling && strcmp(report->content.digest, report->later.digest) == 0;
    if (!report->consistent && !report->meanwhile)
        report->meanwhile = "the graph was another one when the dump ended";
    return DF_OK;
}

static df_code dump_all(scan *s, df_dump_report *report, df_error *err)
{
    char *before = NULL, *after = NULL;
    df_code code = look_at_clock(s->conn, &before, err);
    if (code == DF_OK) code = put_meta(s, err);
    if (code == DF_OK) code = scan_all(s, err);
    if (code == DF_OK) code = put_end(s, err);
    if (code == DF_OK) code = look_at_clock(s->conn, &after, err);
    if (code == DF_OK) code = graph_digest_finish(s->digest, &report->content, err);
    if (code == DF_OK) {
        report->dangling = s->dangling;
        report->consistent = same_text(before, after) && !s->dangling;
        if (s->dangling) report->meanwhile = "relationships were made while it was read";
        if (!report->consistent) code = look_again(s, report, err);
    }
    free(before);
    free(after);
    return code;
}

df_code neo_dump(df_conn *conn, const df_dump_options *options, df_write_fn write, void *context,
                 df_dump_report *report, df_error *err)
{
    scan s = {.conn = neo_of(conn),
              .options = &options->content,
              .omit = options->omit,
              .digest = graph_digest_open(&options->content),
              .writer = graph_writer_open(write, context)};
    df_code code = dump_all(&s, report, err);
    release(&s);
    return code;
}

/* ---- a stored one ---- */

static df_code take_records(graph_digest *d, char kind, ps_reader *records, df_error *err)
{
    graph_node node;
    graph_relationship r;
    graph_rule rule;
    switch (kind) {
    case GRAPH_NODES: DF_TRY(graph_take_node(records, &node, err)); return graph_digest_node(d, &node, err);
    case GRAPH_RELATIONSHIPS:
        DF_TRY(graph_take_relationship(records, &r, err));
        return graph_digest_relationship(d, &r, err);
    case GRAPH_RULES: DF_TRY(graph_take_rule(records, &rule, err)); return graph_digest_rule(d, &rule, err);
    default: return ps_skip(records, err);
    }
}

static df_code read_blocks(graph_reader *reader, graph_digest *d, const df_content_options *options,
                           df_error *err)
{
    char kind;
    uint32_t count;
    df_str bytes;
    for (;;) {
        DF_TRY(df_check_cancelled(options->observer, err));
        DF_TRY(graph_block(reader, &kind, &count, &bytes, err));
        if (!kind) return DF_OK;
        ps_reader records = {.bytes = bytes};
        for (uint32_t i = 0; i < count; i++) DF_TRY(take_records(d, kind, &records, err));
        if (records.at != bytes.len)
            return df_fail(err, DF_CORRUPT, "a block of the dump holds more than it says");
    }
}

df_code neo_dump_content(const df_content_options *options, df_read_fn read, void *context, df_content *out,
                         df_error *err)
{
    graph_reader *reader = graph_reader_open(read, context);
    graph_digest *d = graph_digest_open(options);
    df_code code = read_blocks(reader, d, options, err);
    if (code == DF_OK) code = graph_digest_finish(d, out, err);
    graph_digest_close(d);
    graph_reader_close(reader);
    return code;
}
