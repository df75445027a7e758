/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole graphs: the stream of a dump, and the digest of what a graph holds (engine/copy.h). Nodes are
 * numbered in the order in which they are read, from 0; relationships name their ends by these numbers.
 */
#ifndef DF_ENGINE_NEO4J_GRAPH_H
#define DF_ENGINE_NEO4J_GRAPH_H

#include "base/hash.h"
#include "engine/copy.h"
#include "engine/neo4j/packstream.h"

/* Views of PackStream values, whole with their heads. */
typedef struct graph_node {
    df_str labels, properties; /* a list of strings, a dict */
} graph_node;
typedef struct graph_relationship {
    uint32_t from, to;
    df_str type, properties; /* a string without its head; a dict */
} graph_relationship;
/* A constraint or an index. */
typedef struct graph_rule {
    bool constraint;
    df_str name, type, entity;         /* "UNIQUENESS", "RANGE" …; "NODE", "RELATIONSHIP" */
    df_str labels, properties, config; /* two lists of strings, and a dict or null */
    df_str statement;                  /* that makes it */
} graph_rule;

/* The whole value that begins at `reader`, which stands behind it afterwards. */
df_code graph_slice(ps_reader *reader, df_str *out, df_error *err);
/* The head of a value of one type; DF_CORRUPT for any other. */
df_code graph_expect(ps_reader *reader, ps_type type, ps_item *out, df_error *err);

/* ---- graph_value.c: hashes of values that do not depend on how they are written ---- */

/* Appends a form of the value in which equal values are equal bytes. DF_UNSUPPORTED for values that the
 * protocol's version could not carry. */
df_code graph_put_canonical(ps_reader *reader, df_buf *out, df_error *err);
/* The sum over the pairs of a dict; `scratch` is room. Null (no dict) is as an empty one. */
df_code graph_hash_dict(df_str dict, df_buf *scratch, df_hash128 *out, df_error *err);
/* Whether one of the strings of a list matches one of the globs (NULL: none do). */
df_code graph_matches(df_str list, const char *const *globs, bool *out, df_error *err);
/* In backticks. */
void graph_put_quoted(df_buf *out, df_str name);
/* In backticks when it has to be. */
void graph_put_name(df_buf *out, df_str name);

/* ---- graph_ids.c: from a server's ids to ours ---- */

/* Four bytes an id, in pages: ids are dense but for what was deleted. `graph_ids ids = {0};` is empty. */
typedef struct graph_ids {
    uint32_t **pages;
    size_t n_pages;
} graph_ids;
df_code graph_ids_put(graph_ids *ids, int64_t id, uint32_t number, df_error *err);
bool graph_ids_get(const graph_ids *ids, int64_t id, uint32_t *number);
void graph_ids_release(graph_ids *ids);

/* ---- graph_edges.c: relationships, kept for walking through again and again ---- */

typedef struct graph_edge {
    uint32_t from, to;
    df_hash128 hash;
} graph_edge;
typedef struct graph_edges {
    graph_edge *held;
    size_t n_held, cap;
    int file;        /* the descriptor of what is not held, plus 1; 0: none */
    int64_t in_file; /* how many */
} graph_edges;
df_code graph_edges_add(graph_edges *edges, const graph_edge *edge, df_error *err);
typedef void (*graph_edges_fn)(void *context, const graph_edge *edges, size_t count);
df_code graph_edges_each(graph_edges *edges, graph_edges_fn fn, void *context, df_error *err);
void graph_edges_release(graph_edges *edges);

/* ---- digest.c ---- */

typedef struct graph_digest graph_digest;
graph_digest *graph_digest_open(const df_content_options *options);
/* The next node: its number is how many came before. */
df_code graph_digest_node(graph_digest *d, const graph_node *node, df_error *err);
df_code graph_digest_relationship(graph_digest *d, const graph_relationship *r, df_error *err);
df_code graph_digest_rule(graph_digest *d, const graph_rule *rule, df_error *err);
int64_t graph_digest_nodes(const graph_digest *d); /* so far, excluded ones too */
df_code graph_digest_finish(graph_digest *d, df_content *out, df_error *err);
void graph_digest_close(graph_digest *d); /* NULL is fine */

/* ---- graph_stream.c: the form of a dump (docs/reference/backup-format.md) ---- */

enum {
    GRAPH_META = 'M',
    GRAPH_RULES = 'S',
    GRAPH_NODES = 'N',
    GRAPH_RELATIONSHIPS = 'R',
    GRAPH_END = 'E',
};
typedef struct graph_writer graph_writer;
graph_writer *graph_writer_open(df_write_fn write, void *context);
/* Where the next record of a kind goes; graph_record ends it. */
df_buf *graph_begin(graph_writer *w, char kind);
df_code graph_record(graph_writer *w, df_error *err);
/* Ends the block that is being filled. */
df_code graph_flush(graph_writer *w, df_error *err);
void graph_writer_close(graph_writer *w);
void graph_put_node(df_buf *out, const graph_node *node);
void graph_put_relationship(df_buf *out, const graph_relationship *r);
void graph_put_rule(df_buf *out, const graph_rule *rule);

typedef struct graph_reader graph_reader;
graph_reader *graph_reader_open(df_read_fn read, void *context);
/* The next block of `count` records, valid until the next call; *kind 0 at the end, when the stream has been
 * read to it. DF_CORRUPT: cut off, a wrong checksum, out of order, other counts than the end says. */
df_code graph_block(graph_reader *r, char *kind, uint32_t *count, df_str *records, df_error *err);
int64_t graph_offset(const graph_reader *r);
void graph_reader_close(graph_reader *r);
df_code graph_take_node(ps_reader *records, graph_node *out, df_error *err);
df_code graph_take_relationship(ps_reader *records, graph_relationship *out, df_error *err);
df_code graph_take_rule(ps_reader *records, graph_rule *out, df_error *err);

/* ---- dump.c, load.c: for the driver's table ---- */

df_code neo_content(df_conn *conn, const df_content_options *options, df_content *out, df_error *err);
df_code neo_dump(df_conn *conn, const df_dump_options *options, df_write_fn write, void *context,
                 df_dump_report *report, df_error *err);
df_code neo_dump_content(const df_content_options *options, df_read_fn read, void *context, df_content *out,
                         df_error *err);
df_code neo_load(df_conn *conn, const df_load_options *options, df_read_fn read, void *context, bool *begun,
                 df_error *err);
df_code neo_wipe(df_conn *conn, const df_load_options *options, df_error *err);

#endif
