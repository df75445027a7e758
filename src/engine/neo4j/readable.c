/* SPDX-License-Identifier: Apache-2.0 */
/* Values as people read them. Nesting is kept on a stack of our own: the input decides how deep it goes. */
#include "engine/neo4j/temporal.h"

#include <ctype.h>
#include <stdlib.h>

enum { DEPTH_MOST = 64 * 1024, GROWTH_MOST = 256, GROWTH_FLOOR = 1024 * 1024 };

/* A path: where its nodes and relationships are, and in which order they come. */
typedef struct trail {
    size_t *nodes, *relationships;
    int64_t *order; /* pairs: a relationship from 1, negative when it is passed backwards; a node */
    uint32_t n_nodes, n_relationships, n_order;
    uint32_t step;
    size_t end; /* of the path in the bytes */
} trail;

/* A list, map or path that is being written. */
typedef struct level {
    ps_type type;    /* PS_LIST, PS_DICT; PS_STRUCT: a path */
    uint32_t left;   /* members that are still to come */
    uint32_t behind; /* values that follow it and are passed over: a node's element id */
    bool first;
    const char *close;
    trail *trail;
} level;

typedef struct writer {
    ps_reader *reader;
    df_buf *out;
    size_t most; /* bytes of `out` */
    level *levels;
    size_t count, cap;
} writer;

static df_code damaged(const char *what, df_error *err)
{
    return df_fail(err, DF_CORRUPT, "a PackStream %s is damaged", what);
}

static df_code push(writer *w, level l, df_error *err)
{
    if (w->count == DEPTH_MOST)
        return df_fail(err, DF_CORRUPT, "a PackStream value is nested too deeply to be shown");
    DF_PUSH(w->levels, w->count, w->cap) = l;
    return DF_OK;
}

/* ---- words ---- */

static bool plain_name(df_str name)
{
    if (!name.len || isdigit((unsigned char)name.ptr[0])) return false;
    for (size_t i = 0; i < name.len; i++) {
        if (!isalnum((unsigned char)name.ptr[i]) && name.ptr[i] != '_') return false;
    }
    return true;
}

static void put_name(df_buf *out, df_str name)
{
    if (plain_name(name)) {
        df_buf_str_add(out, name);
        return;
    }
    df_buf_char(out, '`');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '`') df_buf_char(out, '`');
        df_buf_char(out, name.ptr[i]);
    }
    df_buf_char(out, '`');
}

static void put_quoted(df_buf *out, df_str text)
{
    df_buf_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        switch (c) {
        case '\'':
        case '\\': df_buf_char(out, '\\'), df_buf_char(out, c); break;
        case '\n': df_buf_text(out, "\\n"); break;
        case '\r': df_buf_text(out, "\\r"); break;
        case '\t': df_buf_text(out, "\\t"); break;
        default:
            if ((unsigned char)c < 0x20)
                df_buf_printf(out, "\\u%04x", (unsigned)c);
            else
                df_buf_char(out, c);
        }
    }
    df_buf_char(out, '\'');
}

static void put_uuid(df_buf *out, df_str bytes)
{
    df_buf hex = {0};
    ps_put_hex(&hex, bytes);
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) df_buf_char(out, '-');
        df_buf_char(out, hex.ptr[2 + i]);
    }
    df_buf_release(&hex);
}

/* ---- nodes, relationships ---- */

static df_code pass(writer *w, uint32_t values, df_error *err)
{
    for (; values; values--) DF_TRY(ps_skip(w->reader, err));
    return DF_OK;
}

/* The properties of a node or relationship, and what ends it. */
static df_code put_properties(writer *w, uint32_t behind, bool apart, const char *close, df_error *err)
{
    ps_item head;
    DF_TRY(ps_read(w->reader, &head, err));
    if (head.type != PS_DICT && head.type != PS_NULL) return damaged("map of properties", err);
    if (head.type == PS_DICT && head.count) {
        df_buf_text(w->out, apart ? " {" : "{");
        return push(w, (level){PS_DICT, head.count, behind, true, close, NULL}, err);
    }
    DF_TRY(pass(w, behind, err));
    df_buf_text(w->out, close + 1);
    return DF_OK;
}

static df_code put_node(writer *w, const ps_item *node, df_error *err)
{
    ps_item head, label;
    if (node->count < 3) return damaged("node", err);
    DF_TRY(ps_skip(w->reader, err));
    DF_TRY(ps_read(w->reader, &head, err));
    if (head.type != PS_LIST) return damaged("node", err);
    df_buf_char(w->out, '(');
    for (uint32_t i = 0; i < head.count; i++) {
        DF_TRY(ps_read(w->reader, &label, err));
        if (label.type != PS_STRING) return damaged("node", err);
        df_buf_char(w->out, ':');
        put_name(w->out, label.s);
    }
    return put_properties(w, node->count - 3, head.count > 0, "})", err);
}

/* Bound to its ends or not: those are ids, which mean nothing to people. */
static df_code put_relationship(writer *w, const ps_item *r, df_error *err)
{
    ps_item type;
    uint32_t before = r->tag == PS_UNBOUND ? 1 : 3;
    if (r->count < before + 2) return damaged("relationship", err);
    DF_TRY(pass(w, before, err));
    DF_TRY(ps_read(w->reader, &type, err));
    if (type.type != PS_STRING) return damaged("relationship", err);
    df_buf_text(w->out, "[:");
    put_name(w->out, type.s);
    return put_properties(w, r->count - before - 2, true, "}]", err);
}

/* ---- paths ---- */

static void trail_free(trail *t)
{
    if (!t) return;
    free(t->nodes);
    free(t->relationships);
    free(t->order);
    free(t);
}

/* Where each member of a list begins; a list's count is bounded by its bytes. */
static df_code take_places(writer *w, size_t **places, uint32_t *count, df_error *err)
{
    ps_item head;
    DF_TRY(ps_read(w->reader, &head, err));
    if (head.type != PS_LIST) return damaged("path", err);
    *places = malloc(((size_t)head.count + 1) * sizeof **places);
    if (!*places) return df_fail(err, DF_NO_MEMORY, "not enough memory for a path");
    *count = head.count;
    for (uint32_t i = 0; i < head.count; i++) {
        (*places)[i] = w->reader->at;
        DF_TRY(ps_skip(w->reader, err));
    }
    return DF_OK;
}

static df_code take_order(writer *w, trail *t, df_error *err)
{
    ps_item head, item;
    DF_TRY(ps_read(w->reader, &head, err));
    if (head.type != PS_LIST || head.count % 2 || !t->n_nodes) return damaged("path", err);
    t->order = malloc(((size_t)head.count + 1) * sizeof *t->order);
    if (!t->order) return df_fail(err, DF_NO_MEMORY, "not enough memory for a path");
    t->n_order = head.count;
    for (uint32_t i = 0; i < head.count; i++) {
        DF_TRY(ps_read(w->reader, &item, err));
        bool node = i % 2;
        if (item.type != PS_INT || (node && (item.i < 0 || item.i >= t->n_nodes)) ||
            (!node && (item.i == 0 || item.i > t->n_relationships || item.i < -(int64_t)t->n_relationships)))
            return damaged("path", err);
        t->order[i] = item.i;
    }
    return DF_OK;
}

static df_code put_path(writer *w, const ps_item *path, df_error *err)
{
    if (path->count != 3) return damaged("path", err);
    trail *t = df_zalloc(sizeof *t);
    df_code code = take_places(w, &t->nodes, &t->n_nodes, err);
    if (code == DF_OK) code = take_places(w, &t->relationships, &t->n_relationships, err);
    if (code == DF_OK) code = take_order(w, t, err);
    t->end = w->reader->at;
    if (code == DF_OK) code = push(w, (level){.type = PS_STRUCT, .trail = t}, err);
    if (code != DF_OK) trail_free(t);
    return code;
}

static df_code put_value(writer *w, bool top, df_error *err);

/* Step 0 is the first node; then a relationship and a node in turn. */
static df_code next_of_path(writer *w, level *l, df_error *err)
{
    trail *t = l->trail;
    uint32_t step = t->step++;
    bool relationship = step % 2;
    if (w->out->len > w->most) return df_fail(err, DF_CORRUPT, "a path repeats itself too often to be shown");
    if (step && !relationship) df_buf_text(w->out, t->order[step - 2] > 0 ? "->" : "-");
    if (step > t->n_order) {
        w->reader->at = t->end;
        trail_free(t);
        w->count--;
        return DF_OK;
    }
    size_t at = t->nodes[0];
    if (relationship) {
        int64_t which = t->order[step - 1];
        df_buf_text(w->out, which > 0 ? "-" : "<-");
        at = t->relationships[(which > 0 ? which : -which) - 1];
    } else if (step) {
        at = t->nodes[t->order[step - 1]];
    }
    ps_item head;
    ps_reader peek = {w->reader->bytes, at};
    DF_TRY(ps_read(&peek, &head, err));
    if (head.type != PS_STRUCT ||
        (relationship ? head.tag != PS_UNBOUND && head.tag != PS_RELATIONSHIP : head.tag != PS_NODE))
        return damaged("path", err);
    w->reader->at = at;
    return put_value(w, false, err);
}

/* ---- values ---- */

/* {name, least major, least minor, extra}: what this version of the protocol cannot carry. */
static df_code put_unsupported(writer *w, const ps_item *head, df_error *err)
{
    ps_item name;
    if (head->count < 1) return damaged("structure 0x3F", err);
    DF_TRY(ps_read(w->reader, &name, err));
    if (name.type != PS_STRING) return damaged("structure 0x3F", err);
    df_buf_text(w->out, "<a value of type ");
    df_buf_str_add(w->out, name.s);
    df_buf_char(w->out, '>');
    return pass(w, head->count - 1, err);
}

static df_code put_struct(writer *w, const ps_item *head, df_error *err)
{
    switch (head->tag) {
    case PS_NODE: return put_node(w, head, err);
    case PS_RELATIONSHIP:
    case PS_UNBOUND: return put_relationship(w, head, err);
    case PS_PATH: return put_path(w, head, err);
    case PS_UNSUPPORTED: return put_unsupported(w, head, err);
    default: break;
    }
    if (ps_is_scalar(head->tag)) return ps_put_scalar(w->reader, head, w->out, err);
    df_buf_printf(w->out, "<0x%02X: ", head->tag);
    return push(w, (level){PS_LIST, head->count, 0, true, ">", NULL}, err);
}

static df_code put_value(writer *w, bool top, df_error *err)
{
    ps_item item;
    DF_TRY(ps_read(w->reader, &item, err));
    switch (item.type) {
    case PS_NULL: df_buf_text(w->out, "null"); return DF_OK;
    case PS_BOOL: df_buf_text(w->out, item.b ? "true" : "false"); return DF_OK;
    case PS_INT: df_buf_int(w->out, item.i); return DF_OK;
    case PS_FLOAT: ps_put_double(w->out, item.d); return DF_OK;
    case PS_BYTES: ps_put_hex(w->out, item.s); return DF_OK;
    case PS_UUID: put_uuid(w->out, item.s); return DF_OK;
    case PS_STRING:
        if (top)
            df_buf_str_add(w->out, item.s);
        else
            put_quoted(w->out, item.s);
        return DF_OK;
    case PS_LIST:
        df_buf_char(w->out, '[');
        return push(w, (level){PS_LIST, item.count, 0, true, "]", NULL}, err);
    case PS_DICT:
        df_buf_char(w->out, '{');
        return push(w, (level){PS_DICT, item.count, 0, true, "}", NULL}, err);
    default: return put_struct(w, &item, err);
    }
}

static df_code put_next(writer *w, df_error *err)
{
    level *l = &w->levels[w->count - 1];
    if (l->type == PS_STRUCT) return next_of_path(w, l, err);
    if (!l->left) {
        level done = *l;
        w->count--;
        df_buf_text(w->out, done.close);
        return pass(w, done.behind, err);
    }
    l->left--;
    if (!l->first) df_buf_text(w->out, ", ");
    l->first = false;
    if (l->type == PS_DICT) {
        ps_item key;
        DF_TRY(ps_read(w->reader, &key, err));
        if (key.type != PS_STRING) return damaged("map", err);
        put_name(w->out, key.s);
        df_buf_text(w->out, ": ");
    }
    return put_value(w, false, err);
}

df_code ps_put_readable(ps_reader *reader, df_buf *out, df_error *err)
{
    writer w = {
        .reader = reader, .out = out, .most = out->len + GROWTH_FLOOR + GROWTH_MOST * reader->bytes.len};
    df_code code = put_value(&w, true, err);
    while (code == DF_OK && w.count) code = put_next(&w, err);
    for (size_t i = 0; i < w.count; i++) trail_free(w.levels[i].trail);
    free(w.levels);
    return code;
}
