/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of a dump: eight bytes, then blocks. A block's head is 16 bytes: its kind, three zero bytes, how
 * many records, how many bytes follow, and a CRC-32 of the twelve bytes before and of what follows. Numbers
 * are little-endian; records are PackStream values.
 */
#include "engine/neo4j/graph.h"

#include <stdlib.h>

enum {
    HEAD_BYTES = 16,
    BLOCK_BYTES = 256 * 1024, /* a block is ended when it has as many */
    MAX_BLOCK = INT32_MAX,
};
static const char magic[8] = "DFGRAPH1";

/* ---- CRC-32 (IEEE 802.3), eight bytes at a time ---- */

typedef struct crc_table {
    uint32_t t[8][256];
} crc_table;

static void crc_prepare(crc_table *c)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t r = i;
        for (int bit = 0; bit < 8; bit++) r = r >> 1 ^ (r & 1 ? 0xEDB88320u : 0);
        c->t[0][i] = r;
    }
    for (int k = 1; k < 8; k++) {
        for (uint32_t i = 0; i < 256; i++) c->t[k][i] = c->t[k - 1][i] >> 8 ^ c->t[0][c->t[k - 1][i] & 255];
    }
}

/* Begins with ~0; the end is to be inverted. */
static uint32_t crc_add(const crc_table *c, uint32_t r, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    for (; len >= 8; len -= 8, p += 8) {
        uint32_t a = r ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
        r = c->t[7][a & 255] ^ c->t[6][a >> 8 & 255] ^ c->t[5][a >> 16 & 255] ^ c->t[4][a >> 24] ^
            c->t[3][p[4]] ^ c->t[2][p[5]] ^ c->t[1][p[6]] ^ c->t[0][p[7]];
    }
    while (len--) r = r >> 8 ^ c->t[0][(r ^ *p++) & 255];
    return r;
}

static void put32(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++) p[i] = (unsigned char)(v >> 8 * i);
}

static uint32_t get32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t crc_block(const crc_table *c, const unsigned char *head, df_str records)
{
    return ~crc_add(c, crc_add(c, ~0u, head, 12), records.ptr, records.len);
}

/* ---- writing ---- */

struct graph_writer {
    df_write_fn write;
    void *context;
    crc_table crc;
    df_buf block; /* its records */
    char kind;    /* 0: none is open */
    uint32_t count;
    bool begun; /* the eight bytes are written */
};

graph_writer *graph_writer_open(df_write_fn write, void *context)
{
    graph_writer *w = df_zalloc(sizeof *w);
    w->write = write;
    w->context = context;
    crc_prepare(&w->crc);
    return w;
}

void graph_writer_close(graph_writer *w)
{
    if (!w) return;
    df_buf_release(&w->block);
    free(w);
}

df_code graph_flush(graph_writer *w, df_error *err)
{
    unsigned char head[HEAD_BYTES] = {0};
    if (!w->begun) DF_TRY(w->write(w->context, magic, sizeof magic, err));
    w->begun = true;
    if (!w->count) return DF_OK;
    head[0] = (unsigned char)w->kind;
    put32(head + 4, w->count);
    put32(head + 8, (uint32_t)w->block.len);
    put32(head + 12, crc_block(&w->crc, head, df_buf_str(&w->block)));
    DF_TRY(w->write(w->context, head, sizeof head, err));
    DF_TRY(w->write(w->context, w->block.ptr, w->block.len, err));
    w->count = 0;
    df_buf_clear(&w->block);
    return DF_OK;
}

df_buf *graph_begin(graph_writer *w, char kind)
{
    w->kind = kind; /* who changes it has flushed */
    return &w->block;
}

df_code graph_record(graph_writer *w, df_error *err)
{
    w->count++;
    if (w->block.len > MAX_BLOCK) return df_fail(err, DF_UNSUPPORTED, "a node of more than 2 GiB");
    return w->block.len >= BLOCK_BYTES ? graph_flush(w, err) : DF_OK;
}

void graph_put_node(df_buf *out, const graph_node *node)
{
    ps_put_list(out, 2);
    df_buf_str_add(out, node->labels);
    df_buf_str_add(out, node->properties);
}

void graph_put_relationship(df_buf *out, const graph_relationship *r)
{
    ps_put_list(out, 4);
    ps_put_int(out, r->from);
    ps_put_int(out, r->to);
    ps_put_string(out, r->type);
    df_buf_str_add(out, r->properties);
}

void graph_put_rule(df_buf *out, const graph_rule *rule)
{
    ps_put_list(out, 8);
    ps_put_bool(out, rule->constraint);
    ps_put_string(out, rule->name);
    ps_put_string(out, rule->type);
    ps_put_string(out, rule->entity);
    df_buf_str_add(out, rule->labels);
    df_buf_str_add(out, rule->properties);
    df_buf_str_add(out, rule->config);
    ps_put_string(out, rule->statement);
}

/* ---- reading ---- */

struct graph_reader {
    df_read_fn read;
    void *context;
    crc_table crc;
    df_str piece;    /* what was read and not yet used */
    df_buf gathered; /* of a block that lies in several pieces */
    int64_t at;      /* bytes used */
    int64_t counts[128];
    int stage; /* of the kinds that have come; their order */
    bool begun, ended;
};

graph_reader *graph_reader_open(df_read_fn read, void *context)
{
    graph_reader *r = df_zalloc(sizeof *r);
    r->read = read;
    r->context = context;
    crc_prepare(&r->crc);
    return r;
}

void graph_reader_close(graph_reader *r)
{
    if (!r) return;
    df_buf_release(&r->gathered);
    free(r);
}

int64_t graph_offset(const graph_reader *r)
{
    return r->at;
}

static df_code damaged(const graph_reader *r, const char *what, df_error *err)
{
    return df_fail(err, DF_CORRUPT, "the dump is damaged at byte %lld: %s", (long long)r->at, what);
}

/* More of the stream; false at its end. */
static df_code more(graph_reader *r, bool *there, df_error *err)
{
    while (!r->piece.len) {
        DF_TRY(r->read(r->context, &r->piece, err));
        if (!r->piece.ptr) break;
    }
    *there = r->piece.len > 0;
    return DF_OK;
}

/* The next `len` bytes: of the piece itself where it has them, else gathered. Memory is taken as bytes come,
 * so that a wrong length takes none. */
static df_code take(graph_reader *r, size_t len, df_str *out, df_error *err)
{
    bool there;
    if (r->piece.len >= len) {
        *out = (df_str){r->piece.ptr, len};
        r->piece = df_str_skip(r->piece, len);
        return DF_OK;
    }
    df_buf_clear(&r->gathered);
    while (r->gathered.len < len) {
        DF_TRY(more(r, &there, err));
        if (!there) return damaged(r, "it is cut off", err);
        size_t left = len - r->gathered.len, n = r->piece.len < left ? r->piece.len : left;
        if (!df_buf_try_reserve(&r->gathered, n))
            return df_fail(err, DF_NO_MEMORY, "not enough memory for a block");
        df_buf_add(&r->gathered, r->piece.ptr, n);
        r->piece = df_str_skip(r->piece, n);
    }
    *out = df_buf_str(&r->gathered);
    return DF_OK;
}

static df_code begin(graph_reader *r, df_error *err)
{
    df_str bytes;
    DF_TRY(take(r, sizeof magic, &bytes, err));
    if (memcmp(bytes.ptr, magic, sizeof magic) != 0) return damaged(r, "it does not begin like one", err);
    r->at += (int64_t)sizeof magic;
    r->begun = true;
    return DF_OK;
}

static df_code check_end(graph_reader *r, df_str record, df_error *err)
{
    static const char kinds[] = {GRAPH_RULES, GRAPH_NODES, GRAPH_RELATIONSHIPS};
    ps_reader reader = {.bytes = record};
    ps_item item;
    df_str rest;
    bool there;
    DF_TRY(graph_expect(&reader, PS_LIST, &item, err));
    if (item.count != sizeof kinds) return damaged(r, "its end has another form", err);
    for (size_t i = 0; i < sizeof kinds; i++) {
        DF_TRY(graph_expect(&reader, PS_INT, &item, err));
        if (item.i != r->counts[(int)kinds[i]]) return damaged(r, "blocks are missing", err);
    }
    r->ended = true;
    DF_TRY(more(r, &there, err));
    rest = r->piece;
    return there && rest.len ? damaged(r, "something stands behind its end", err) : DF_OK;
}

static df_code check_order(graph_reader *r, unsigned char kind, df_error *err)
{
    static const char order[] = {GRAPH_META, GRAPH_RULES, GRAPH_NODES, GRAPH_RELATIONSHIPS, GRAPH_END};
    const char *at = memchr(order, kind, sizeof order);
    if (!at) return damaged(r, "a block of an unknown kind", err);
    int stage = (int)(at - order);
    if (stage < r->stage || (!r->counts[GRAPH_META] && kind != GRAPH_META))
        return damaged(r, "blocks are not in their order", err);
    r->stage = stage;
    return DF_OK;
}

df_code graph_block(graph_reader *r, char *kind, uint32_t *count, df_str *records, df_error *err)
{
    unsigned char head[HEAD_BYTES];
    df_str bytes;
    *kind = 0;
    if (!r->begun) DF_TRY(begin(r, err));
    if (r->ended) return DF_OK;
    DF_TRY(take(r, HEAD_BYTES, &bytes, err));
    memcpy(head, bytes.ptr, HEAD_BYTES);
    if (head[1] | head[2] | head[3]) return damaged(r, "a block's head has another form", err);
    if (get32(head + 8) > MAX_BLOCK) return damaged(r, "a block is too long", err);
    DF_TRY(take(r, get32(head + 8), records, err));
    if (crc_block(&r->crc, head, *records) != get32(head + 12)) return damaged(r, "a checksum is wrong", err);
    DF_TRY(check_order(r, head[0], err));
    *kind = (char)head[0];
    *count = get32(head + 4);
    r->at += HEAD_BYTES + (int64_t)records->len;
    r->counts[head[0]] += *count;
    if (*kind != GRAPH_END) return DF_OK;
    *kind = 0;
    return check_end(r, *records, err);
}

static df_code take_list(ps_reader *records, uint32_t count, df_error *err)
{
    ps_item head;
    DF_TRY(graph_expect(records, PS_LIST, &head, err));
    return head.count == count ? DF_OK : df_fail(err, DF_CORRUPT, "a record of a dump has another form");
}

static df_code take_text(ps_reader *records, df_str *out, df_error *err)
{
    ps_item item;
    DF_TRY(graph_expect(records, PS_STRING, &item, err));
    *out = item.s;
    return DF_OK;
}

static df_code take_number(ps_reader *records, uint32_t *out, df_error *err)
{
    ps_item item;
    DF_TRY(graph_expect(records, PS_INT, &item, err));
    if (item.i < 0 || item.i >= UINT32_MAX) return df_fail(err, DF_CORRUPT, "a node's number is too large");
    *out = (uint32_t)item.i;
    return DF_OK;
}

df_code graph_take_node(ps_reader *records, graph_node *out, df_error *err)
{
    DF_TRY(take_list(records, 2, err));
    DF_TRY(graph_slice(records, &out->labels, err));
    return graph_slice(records, &out->properties, err);
}

df_code graph_take_relationship(ps_reader *records, graph_relationship *out, df_error *err)
{
    DF_TRY(take_list(records, 4, err));
    DF_TRY(take_number(records, &out->from, err));
    DF_TRY(take_number(records, &out->to, err));
    DF_TRY(take_text(records, &out->type, err));
    return graph_slice(records, &out->properties, err);
}

df_code graph_take_rule(ps_reader *records, graph_rule *out, df_error *err)
{
    ps_item constraint;
    DF_TRY(take_list(records, 8, err));
    DF_TRY(graph_expect(records, PS_BOOL, &constraint, err));
    out->constraint = constraint.b;
    DF_TRY(take_text(records, &out->name, err));
    DF_TRY(take_text(records, &out->type, err));
    DF_TRY(take_text(records, &out->entity, err));
    DF_TRY(graph_slice(records, &out->labels, err));
    DF_TRY(graph_slice(records, &out->properties, err));
    DF_TRY(graph_slice(records, &out->config, err));
    return take_text(records, &out->statement, err);
}
