/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/neo4j/packstream.h"

enum {
    M_FLOAT = 0xC1,
    M_NULL = 0xC0,
    M_FALSE = 0xC2,
    M_TRUE = 0xC3,
    M_INT8 = 0xC8,
    M_INT16 = 0xC9,
    M_INT32 = 0xCA,
    M_INT64 = 0xCB,
    M_BYTES = 0xCC, /* the next two markers have a size of 2 and of 4 bytes; so below */
    M_STRING = 0xD0,
    M_LIST = 0xD4,
    M_DICT = 0xD8,
    M_UUID = 0xE0,
};

/* ---- reading ---- */

static df_code cut_off(df_error *err)
{
    return df_fail(err, DF_CORRUPT, "a PackStream value is cut off");
}

static uint64_t big_endian(const unsigned char *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) value = value << 8 | at[i];
    return value;
}

static size_t left(const ps_reader *r)
{
    return r->bytes.len - r->at;
}

/* An integer of 1, 2, 4 or 8 bytes. */
static df_code read_int(ps_reader *r, size_t bytes, ps_item *out, df_error *err)
{
    if (left(r) < bytes) return cut_off(err);
    uint64_t raw = big_endian((const unsigned char *)r->bytes.ptr + r->at, bytes);
    unsigned shift = (unsigned)(64 - 8 * bytes);
    out->type = PS_INT;
    out->i = (int64_t)(raw << shift) >> shift;
    r->at += bytes;
    return DF_OK;
}

static df_code read_float(ps_reader *r, ps_item *out, df_error *err)
{
    if (left(r) < 8) return cut_off(err);
    uint64_t raw = big_endian((const unsigned char *)r->bytes.ptr + r->at, 8);
    out->type = PS_FLOAT;
    memcpy(&out->d, &raw, sizeof raw);
    r->at += 8;
    return DF_OK;
}

/* The size behind a marker: 1, 2 or 4 bytes wide. */
static df_code read_size(ps_reader *r, unsigned width, uint32_t *size, df_error *err)
{
    size_t bytes = (size_t)1 << width;
    if (left(r) < bytes) return cut_off(err);
    uint64_t value = big_endian((const unsigned char *)r->bytes.ptr + r->at, bytes);
    if (value > INT32_MAX)
        return df_fail(err, DF_CORRUPT, "a PackStream value claims a size of %llu",
                       (unsigned long long)value);
    *size = (uint32_t)value;
    r->at += bytes;
    return DF_OK;
}

static df_code view(ps_reader *r, ps_type type, uint32_t size, ps_item *out, df_error *err)
{
    if (left(r) < size) return cut_off(err);
    out->type = type;
    out->s = (df_str){r->bytes.ptr + r->at, size};
    r->at += size;
    return DF_OK;
}

/* Each member takes at least one byte: who claims more than there are is refused before anybody makes room.
 */
static df_code members(ps_reader *r, ps_type type, uint32_t count, ps_item *out, df_error *err)
{
    if (left(r) < (uint64_t)count * (type == PS_DICT ? 2 : 1)) return cut_off(err);
    out->type = type;
    out->count = count;
    return DF_OK;
}

static df_code read_struct(ps_reader *r, uint32_t count, ps_item *out, df_error *err)
{
    if (!left(r)) return cut_off(err);
    out->tag = (uint8_t)r->bytes.ptr[r->at++];
    return members(r, PS_STRUCT, count, out, err);
}

static df_code unknown_marker(unsigned marker, df_error *err)
{
    return df_fail(err, DF_CORRUPT, "0x%02X begins no PackStream value", marker);
}

static df_code read_sized(ps_reader *r, unsigned marker, ps_item *out, df_error *err)
{
    static const ps_type types[] = {PS_BYTES, PS_STRING, PS_LIST, PS_DICT};
    unsigned width = marker & 3;
    uint32_t size = 0;
    if (width == 3 || marker < M_BYTES || marker > M_DICT + 2) return unknown_marker(marker, err);
    ps_type type = types[(marker - M_BYTES) >> 2];
    DF_TRY(read_size(r, width, &size, err));
    return type == PS_BYTES || type == PS_STRING ? view(r, type, size, out, err)
                                                 : members(r, type, size, out, err);
}

df_code ps_read(ps_reader *r, ps_item *out, df_error *err)
{
    if (r->at >= r->bytes.len) return cut_off(err);
    unsigned marker = (unsigned char)r->bytes.ptr[r->at++];
    out->tag = 0;
    out->count = 0;
    if (marker < 0x80 || marker >= 0xF0) {
        out->type = PS_INT;
        out->i = (int8_t)marker;
        return DF_OK;
    }
    switch (marker >> 4) {
    case 0x8: return view(r, PS_STRING, marker & 15, out, err);
    case 0x9: return members(r, PS_LIST, marker & 15, out, err);
    case 0xA: return members(r, PS_DICT, marker & 15, out, err);
    case 0xB: return read_struct(r, marker & 15, out, err);
    default: break;
    }
    switch (marker) {
    case M_NULL: out->type = PS_NULL; return DF_OK;
    case M_FALSE:
    case M_TRUE: out->type = PS_BOOL, out->b = marker == M_TRUE; return DF_OK;
    case M_FLOAT: return read_float(r, out, err);
    case M_INT8:
    case M_INT16:
    case M_INT32:
    case M_INT64: return read_int(r, (size_t)1 << (marker - M_INT8), out, err);
    case M_UUID: return view(r, PS_UUID, 16, out, err);
    default: return read_sized(r, marker, out, err);
    }
}

df_code ps_skip(ps_reader *r, df_error *err)
{
    ps_item item;
    for (uint64_t wanted = 1; wanted; wanted--) {
        DF_TRY(ps_read(r, &item, err));
        wanted += (uint64_t)item.count * (item.type == PS_DICT ? 2 : 1);
        if (wanted - 1 > left(r)) return cut_off(err);
    }
    return DF_OK;
}

df_code ps_find(ps_reader dict, uint32_t count, const char *key, ps_reader *value, bool *found, df_error *err)
{
    ps_item item;
    *found = false;
    for (; count; count--) {
        DF_TRY(ps_read(&dict, &item, err));
        if (item.type != PS_STRING)
            return df_fail(err, DF_CORRUPT, "a key of a PackStream dictionary is no string");
        if (df_str_is(item.s, key)) {
            *value = dict;
            *found = true;
            return DF_OK;
        }
        DF_TRY(ps_skip(&dict, err));
    }
    return DF_OK;
}

/* ---- writing ---- */

static void put_marker(df_buf *out, unsigned marker, uint64_t value, size_t bytes)
{
    char *to = df_buf_reserve(out, bytes + 1);
    *to = (char)marker;
    for (size_t i = bytes; i; i--, value >>= 8) to[i] = (char)(value & 0xFF);
    out->len += bytes + 1;
}

void ps_put_null(df_buf *out)
{
    df_buf_char(out, (char)M_NULL);
}

void ps_put_bool(df_buf *out, bool b)
{
    df_buf_char(out, (char)(b ? M_TRUE : M_FALSE));
}

void ps_put_int(df_buf *out, int64_t i)
{
    if (i >= -16 && i <= INT8_MAX) {
        df_buf_char(out, (char)(i & 0xFF));
    } else if (i >= INT8_MIN && i <= INT8_MAX) {
        put_marker(out, M_INT8, (uint64_t)i, 1);
    } else if (i >= INT16_MIN && i <= INT16_MAX) {
        put_marker(out, M_INT16, (uint64_t)i, 2);
    } else if (i >= INT32_MIN && i <= INT32_MAX) {
        put_marker(out, M_INT32, (uint64_t)i, 4);
    } else {
        put_marker(out, M_INT64, (uint64_t)i, 8);
    }
}

void ps_put_float(df_buf *out, double d)
{
    uint64_t raw;
    memcpy(&raw, &d, sizeof raw);
    put_marker(out, M_FLOAT, raw, 8);
}

/* `tiny`: the marker of up to 15 members, 0 when there is none; `sized`: the one with a size of a byte. */
static void put_size(df_buf *out, unsigned tiny, unsigned sized, size_t size)
{
    if (tiny && size < 16) {
        df_buf_char(out, (char)(tiny | size));
    } else if (size <= UINT8_MAX) {
        put_marker(out, sized, size, 1);
    } else if (size <= UINT16_MAX) {
        put_marker(out, sized + 1, size, 2);
    } else {
        put_marker(out, sized + 2, size, 4);
    }
}

void ps_put_bytes(df_buf *out, df_str bytes)
{
    put_size(out, 0, M_BYTES, bytes.len);
    df_buf_str_add(out, bytes);
}

void ps_put_string(df_buf *out, df_str text)
{
    put_size(out, 0x80, M_STRING, text.len);
    df_buf_str_add(out, text);
}

void ps_put_text(df_buf *out, const char *text)
{
    ps_put_string(out, df_str_from(text));
}

void ps_put_list(df_buf *out, size_t count)
{
    put_size(out, 0x90, M_LIST, count);
}

void ps_put_dict(df_buf *out, size_t count)
{
    put_size(out, 0xA0, M_DICT, count);
}

void ps_put_struct(df_buf *out, uint8_t tag, size_t count)
{
    df_buf_char(out, (char)(0xB0 | (count & 15)));
    df_buf_char(out, (char)tag);
}

void ps_put_uuid(df_buf *out, const char uuid[16])
{
    df_buf_char(out, (char)M_UUID);
    df_buf_add(out, uuid, 16);
}
