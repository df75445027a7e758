/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as bytes that are equal when the values are: PackStream writes a number in several widths, and
 * servers put properties in any order.
 */
#include "engine/neo4j/graph.h"

enum {
    MAX_DEPTH = 8,   /* a property is at most a list of structures; options of an index are maps of lists */
    LONG_TEXT = 4096 /* longer ones stand for themselves by their hash */
};

df_code graph_slice(ps_reader *reader, df_str *out, df_error *err)
{
    size_t from = reader->at;
    DF_TRY(ps_skip(reader, err));
    *out = (df_str){reader->bytes.ptr + from, reader->at - from};
    return DF_OK;
}

df_code graph_expect(ps_reader *reader, ps_type type, ps_item *out, df_error *err)
{
    DF_TRY(ps_read(reader, out, err));
    return out->type == type ? DF_OK : df_fail(err, DF_CORRUPT, "a value of another type than expected");
}

static void put_number(df_buf *out, char kind, uint64_t number)
{
    char bytes[9] = {kind};
    for (int i = 0; i < 8; i++) bytes[i + 1] = (char)(number >> 8 * i);
    df_buf_add(out, bytes, sizeof bytes);
}

static void put_hash(df_buf *out, char kind, df_hash128 hash)
{
    put_number(out, kind, hash.low);
    put_number(out, kind, hash.high);
}

static void put_text(df_buf *out, char kind, df_str text)
{
    put_number(out, kind, text.len);
    if (text.len > LONG_TEXT)
        put_hash(out, 'h', df_hash(text.ptr, text.len));
    else
        df_buf_str_add(out, text);
}

static uint64_t bits_of(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

/* Versions before 5.0 write the local time and the offset, later ones UTC and the offset. */
static df_code put_legacy_time(ps_reader *reader, df_buf *out, df_error *err)
{
    ps_item seconds, nanoseconds, offset;
    DF_TRY(graph_expect(reader, PS_INT, &seconds, err));
    DF_TRY(graph_expect(reader, PS_INT, &nanoseconds, err));
    DF_TRY(graph_expect(reader, PS_INT, &offset, err));
    put_number(out, 'S', (uint64_t)PS_DATE_TIME << 8 | 3);
    put_number(out, 'i', (uint64_t)(seconds.i - offset.i));
    put_number(out, 'i', (uint64_t)nanoseconds.i);
    put_number(out, 'i', (uint64_t)offset.i);
    return DF_OK;
}

static df_code put_value(ps_reader *reader, df_buf *out, int depth, df_error *err);

/* Pairs in any order: what counts is the sum of their hashes. */
static df_code put_dict(ps_reader *reader, uint32_t count, df_buf *out, int depth, df_error *err)
{
    df_hash128 sum = {0, 0};
    df_buf pair = {0};
    df_code code = DF_OK;
    for (uint32_t i = 0; code == DF_OK && i < count; i++) {
        df_buf_clear(&pair);
        code = put_value(reader, &pair, depth, err);
        if (code == DF_OK) code = put_value(reader, &pair, depth, err);
        if (code == DF_OK) sum = df_hash_add(sum, df_hash(pair.ptr, pair.len));
    }
    df_buf_release(&pair);
    put_number(out, 'd', count);
    put_hash(out, 'd', sum);
    return code;
}

static df_code put_members(ps_reader *reader, const ps_item *item, df_buf *out, int depth, df_error *err)
{
    if (depth <= 0) return df_fail(err, DF_CORRUPT, "a value is nested too deeply");
    if (item->type == PS_DICT) return put_dict(reader, item->count, out, depth - 1, err);
    if (item->type == PS_STRUCT) {
        if (item->tag == PS_UNSUPPORTED || item->tag == PS_LEGACY_DATE_TIME_ZONE) {
            df_fail(err, DF_UNSUPPORTED, "a property has a type that this version of Bolt cannot carry");
            df_error_hint(err, "connect without ?bolt=, or to a newer server");
            return DF_UNSUPPORTED;
        }
        if (item->tag == PS_LEGACY_DATE_TIME && item->count == 3) return put_legacy_time(reader, out, err);
        put_number(out, 'S', (uint64_t)item->tag << 8 | item->count);
    } else {
        put_number(out, 'l', item->count);
    }
    for (uint32_t i = 0; i < item->count; i++) DF_TRY(put_value(reader, out, depth - 1, err));
    return DF_OK;
}

static df_code put_value(ps_reader *reader, df_buf *out, int depth, df_error *err)
{
    ps_item item;
    DF_TRY(ps_read(reader, &item, err));
    switch (item.type) {
    case PS_NULL: df_buf_char(out, 'z'); return DF_OK;
    case PS_BOOL: put_number(out, 'b', item.b); return DF_OK;
    case PS_INT: put_number(out, 'i', (uint64_t)item.i); return DF_OK;
    case PS_FLOAT: put_number(out, 'f', bits_of(item.d)); return DF_OK;
    case PS_BYTES: put_text(out, 'y', item.s); return DF_OK;
    case PS_STRING: put_text(out, 's', item.s); return DF_OK;
    default: return put_members(reader, &item, out, depth, err);
    }
}

df_code graph_put_canonical(ps_reader *reader, df_buf *out, df_error *err)
{
    return put_value(reader, out, MAX_DEPTH, err);
}

df_code graph_hash_dict(df_str dict, df_buf *scratch, df_hash128 *out, df_error *err)
{
    ps_reader reader = {.bytes = dict};
    ps_item head;
    *out = (df_hash128){0, 0};
    DF_TRY(ps_read(&reader, &head, err));
    if (head.type == PS_NULL) return DF_OK;
    if (head.type != PS_DICT) return df_fail(err, DF_CORRUPT, "properties that are no map");
    for (uint32_t i = 0; i < head.count; i++) {
        df_buf_clear(scratch);
        DF_TRY(put_value(&reader, scratch, MAX_DEPTH, err));
        DF_TRY(put_value(&reader, scratch, MAX_DEPTH, err));
        *out = df_hash_add(*out, df_hash(scratch->ptr, scratch->len));
    }
    return DF_OK;
}

df_code graph_matches(df_str list, const char *const *globs, bool *out, df_error *err)
{
    ps_reader reader = {.bytes = list};
    ps_item head, item;
    *out = false;
    if (!globs) return DF_OK;
    DF_TRY(ps_read(&reader, &head, err));
    if (head.type == PS_NULL) return DF_OK;
    if (head.type != PS_LIST) return df_fail(err, DF_CORRUPT, "labels that are no list");
    for (uint32_t i = 0; i < head.count && !*out; i++) {
        DF_TRY(graph_expect(&reader, PS_STRING, &item, err));
        for (const char *const *glob = globs; *glob && !*out; glob++) *out = df_str_glob(item.s, *glob);
    }
    return DF_OK;
}

void graph_put_quoted(df_buf *out, df_str name)
{
    df_buf_char(out, '`');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '`') df_buf_char(out, '`');
        df_buf_char(out, name.ptr[i]);
    }
    df_buf_char(out, '`');
}

void graph_put_name(df_buf *out, df_str name)
{
    bool plain = name.len > 0;
    for (size_t i = 0; i < name.len && plain; i++) {
        char c = name.ptr[i];
        plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (i && c >= '0' && c <= '9');
    }
    if (plain)
        df_buf_str_add(out, name);
    else
        graph_put_quoted(out, name);
}
