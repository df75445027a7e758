/* SPDX-License-Identifier: Apache-2.0 */
#include "parquet/thrift.h"

/* Nesting beyond this is no Parquet metadata. */
enum { MAX_DEPTH = 32 };

static void fail(thrift_reader *r)
{
    r->failed = true;
    r->at = r->end;
}

static uint8_t take_byte(thrift_reader *r)
{
    if (r->at >= r->end) {
        fail(r);
        return 0;
    }
    return *r->at++;
}

static void take_bytes(thrift_reader *r, uint64_t n)
{
    if (n > (uint64_t)(r->end - r->at))
        fail(r);
    else
        r->at += n;
}

static uint64_t take_varint(thrift_reader *r)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = take_byte(r);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return value;
    }
    fail(r);
    return 0;
}

static int64_t take_zigzag(thrift_reader *r)
{
    uint64_t v = take_varint(r);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

bool thrift_next(thrift_reader *r, thrift_struct *s)
{
    uint8_t head = take_byte(r);
    s->type = head & 0x0f;
    if (r->failed || s->type == THRIFT_STOP) return false;
    if (head >> 4) {
        s->id += head >> 4;
    } else {
        int64_t id = take_zigzag(r);
        if (id < INT16_MIN || id > INT16_MAX) fail(r);
        s->id = (int32_t)id;
    }
    if (s->id > INT16_MAX) fail(r);
    return !r->failed;
}

int64_t thrift_int(thrift_reader *r, uint8_t type)
{
    switch (type) {
    case THRIFT_BYTE: return (int8_t)take_byte(r);
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64: return take_zigzag(r);
    default: thrift_skip(r, type); return 0;
    }
}

int32_t thrift_int32(thrift_reader *r, uint8_t type)
{
    int64_t value = thrift_int(r, type);
    if (value >= INT32_MIN && value <= INT32_MAX) return (int32_t)value;
    fail(r);
    return 0;
}

bool thrift_bool(thrift_reader *r, uint8_t type)
{
    if (type != THRIFT_TRUE && type != THRIFT_FALSE) thrift_skip(r, type);
    return type == THRIFT_TRUE;
}

df_str thrift_binary(thrift_reader *r, uint8_t type)
{
    if (type != THRIFT_BINARY) {
        thrift_skip(r, type);
        return DF_STR_NONE;
    }
    uint64_t len = take_varint(r);
    const uint8_t *start = r->at;
    take_bytes(r, len);
    return r->failed ? DF_STR_NONE : (df_str){(const char *)start, (size_t)len};
}

size_t thrift_list(thrift_reader *r, uint8_t type, uint8_t *element_type)
{
    *element_type = THRIFT_STOP;
    if (type != THRIFT_LIST && type != THRIFT_SET) {
        thrift_skip(r, type);
        return 0;
    }
    uint8_t head = take_byte(r);
    uint64_t count = head >> 4;
    if (count == 15) count = take_varint(r);
    /* Every element takes at least a byte. */
    if (count > (uint64_t)(r->end - r->at)) fail(r);
    if (r->failed) return 0;
    *element_type = head & 0x0f;
    return (size_t)count;
}

bool thrift_is_struct(thrift_reader *r, uint8_t type)
{
    if (type == THRIFT_STRUCT) return true;
    thrift_skip(r, type);
    return false;
}

static void skip_value(thrift_reader *r, uint8_t type, bool in_container, unsigned depth);

static void skip_elements(thrift_reader *r, uint8_t type, uint64_t count, unsigned depth)
{
    while (count-- && !r->failed) skip_value(r, type, true, depth);
}

static void skip_list(thrift_reader *r, unsigned depth)
{
    uint8_t element_type;
    size_t count = thrift_list(r, THRIFT_LIST, &element_type);
    skip_elements(r, element_type, count, depth);
}

static void skip_map(thrift_reader *r, unsigned depth)
{
    uint64_t count = take_varint(r);
    if (!count) return;
    uint8_t types = take_byte(r);
    if (count > (uint64_t)(r->end - r->at)) fail(r);
    for (; count && !r->failed; count--) {
        skip_value(r, types >> 4, true, depth);
        skip_value(r, types & 0x0f, true, depth);
    }
}

static void skip_value(thrift_reader *r, uint8_t type, bool in_container, unsigned depth)
{
    if (depth > MAX_DEPTH) fail(r);
    if (r->failed) return;
    switch (type) {
    case THRIFT_TRUE:
    case THRIFT_FALSE:
        if (in_container) take_byte(r); /* elsewhere the type is the value */
        break;
    case THRIFT_BYTE: take_byte(r); break;
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64: take_varint(r); break;
    case THRIFT_DOUBLE: take_bytes(r, 8); break;
    case THRIFT_UUID: take_bytes(r, 16); break;
    case THRIFT_BINARY: take_bytes(r, take_varint(r)); break;
    case THRIFT_LIST:
    case THRIFT_SET: skip_list(r, depth + 1); break;
    case THRIFT_MAP: skip_map(r, depth + 1); break;
    case THRIFT_STRUCT:
        for (thrift_struct s = {0}; thrift_next(r, &s);) skip_value(r, s.type, false, depth + 1);
        break;
    default: fail(r); break;
    }
}

void thrift_skip(thrift_reader *r, uint8_t type)
{
    skip_value(r, type, false, 0);
}
